"""`--expect` on requests: read before anything is sent, checked after the images are saved, no part of the request."""

from __future__ import annotations

import io
import json
import pickle
import shlex

import numpy as np
import pytest
from conftest import simulated_session
from PIL import Image, ImageDraw

from imagegen_magic.batch.rows import read_source
from imagegen_magic.cli import main
from imagegen_magic.errors import RequestError
from imagegen_magic.simulator import Simulator

SMALL = {"size": "1024x640", "quality": "low"}
GOOD, BAD = "size=1024x640", "size=1:1"


def sidecar(path):
    return json.loads(path.with_name(path.name + ".json").read_text())


def test_verdicts_stand_in_result_and_sidecar(session):
    """Value, bound and verdict of each; the history's line of the request does not change."""
    mug = session.generate("a mug", expect=[GOOD, "contrast >=20", "not-blank"], **SMALL)
    assert [verdict.status for verdict in mug.checks.verdicts] == ["pass", "fail", "pass"]
    assert mug.checks.failed[0].value is not None
    assert mug.checks.failed[0].bound == "at least 20"
    assert not mug.passed
    assert not mug[0].passed
    kept = sidecar(mug.path)["checks"]
    assert [entry["status"] for entry in kept] == ["pass", "fail", "pass"]
    assert kept[2]["value"] == pytest.approx(mug.checks.verdicts[2].value, abs=1e-4)
    assert mug["checks"] == kept
    assert mug["passed"] is False


def test_without_expectations_nothing_is_said(session):
    """No verdict, no field in the caption, and `passed` of a table is empty rather than true."""
    mug = session.generate("a mug", **SMALL)
    assert mug.checks.verdicts == ()
    assert mug.passed
    assert mug["passed"] is None
    assert sidecar(mug.path)["checks"] == []


def test_the_caption_has_only_what_failed(session):
    """What passed is not mentioned; what failed stands in text and HTML, of a minimal caption too."""
    for caption in ("full", "minimal"):
        mug = session.generate("a mug", expect=[GOOD, BAD], caption=caption, **SMALL)
        data, _ = mug.display_items()[0]
        for text in (data["text/plain"], data["text/html"]):
            assert "not as expected: size=1:1: 1024x640" in text
            assert GOOD not in text
    fine = session.generate("a mug", expect=[GOOD], **SMALL).display_items()[0][0]
    assert "expected" not in fine["text/plain"]


def test_a_tile_is_shown_repeated(session):
    """Twice each way below the picture, if it was expected to be seamless; a seam then lies in the middle."""
    tile = session.generate("a leaf pattern", expect="seamless", **SMALL)
    first, (again, _) = tile.display_items()
    assert "<img" in first[0]["text/html"]
    assert again["text/plain"].startswith("Repeated twice each way: the worst step")
    (mime,) = [kind for kind in again if kind.startswith("image/")]
    four = np.asarray(Image.open(io.BytesIO(again[mime])).convert("RGB"), int)
    half = (four.shape[0] // 2, four.shape[1] // 2)
    assert abs(four[: half[0], : half[1]] - four[half[0] :, half[1] :]).mean() < 4
    assert four.shape == (480, 768, 3)
    assert len(session.generate("a leaf pattern", expect="seamless", caption="none", **SMALL).display_items()) == 1


def test_several_images_are_told_apart(session):
    """Each image has its own verdicts, and each sidecar those of its image."""
    mugs = session.generate("a mug", n=2, expect=[GOOD, BAD], **SMALL)
    assert len(mugs.checks.verdicts) == 4
    assert [verdict.image for verdict in mugs.checks.failed] == [path.name for path in mugs.paths]
    assert [len(sidecar(path)["checks"]) for path in mugs.paths] == [2, 2]
    assert mugs.paths[1].name in mugs.unexpected()[1]


def test_the_cutout_is_what_is_checked(session):
    """With a cut-out, alpha is that of the file that the user looks at; both sidecars say so."""
    fox = session.generate("a fox", transparent=True, expect=["alpha 0.02..0.95"], size="1024x1024", quality="low")
    assert fox.passed, fox.checks
    assert fox[0].path != fox[0].source
    assert sidecar(fox[0].path)["checks"] == sidecar(fox[0].source)["checks"] != []


@pytest.mark.parametrize(
    "expect",
    ["blnk", "palette=gone.toml", "same-as=gone.png", "same-as=@gone", "outside-mask", "gone.toml", "background=weiss",
     "outside-mask=gone.png,gone.png"],
)  # fmt: skip
def test_problems_are_found_before_anything_is_sent(expect, session, simulator):
    """Every fault of an expectation is on the card of the request, with the request's own."""
    with pytest.raises(RequestError) as caught:
        session.generate("a mug", expect=["not-blank", expect], size="3x3")
    assert {problem.field for problem in caught.value.problems} == {"expect", "size"}
    assert [problem.value for problem in caught.value.problems if problem.field == "expect"] == [expect]
    assert not simulator.record


def test_every_faulty_expectation_is_named(session):
    """One that can't be read does not hide one whose file is gone."""
    with pytest.raises(RequestError) as caught:
        session.preview("a mug", expect=["blnk", "palette=gone.toml", "shrp"])
    assert [problem.value for problem in caught.value.problems] == ["blnk", "shrp", "palette=gone.toml"]


def test_without_ocr_text_is_refused_before(session, simulator, monkeypatch):
    """Where nothing reads text, it is said before the image is paid for."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RequestError, match="OCR"):
        session.generate("a sign", expect=['text="SALE"'], **SMALL)
    assert not simulator.record


def test_an_svg_has_no_pixels(session):
    """What can never be checked is refused."""
    with pytest.raises(RequestError, match="pixels"):
        session.preview("a mug", output_format="svg", model="gpt-image-2", expect=["sharp"])


def boom(image):
    raise ValueError("no such thing")


def leave(image):
    raise SystemExit(3)


@pytest.mark.parametrize("function", [boom, leave])
def test_a_crashing_function_loses_nothing(function, session, simulator):
    """The image is saved, billed once and shown; the verdict says what the function did."""
    mug = session.generate("a mug", expect=[function, BAD], **SMALL)
    assert mug.path.is_file()
    assert simulator.images_billed == 1
    assert [verdict.status for verdict in mug.checks.verdicts] == ["skip", "fail"]
    assert "<img" in mug.display_items()[0][0]["text/html"]
    assert function.__name__ in "\n".join(mug.unexpected())


def test_functions_are_expectations(session):
    """They get the Pillow image; a result with one can be pickled, and its options hold the name."""
    mug = session.generate("a mug", expect=lambda image: f"{image.width} wide", **SMALL)
    assert mug.checks.failed[0].sentence == "1024 wide"
    assert pickle.loads(pickle.dumps(mug)).checks == mug.checks
    assert mug.record.options["expect"] == ("<lambda>",)


def test_expectations_are_no_part_of_the_request(session, simulator):
    """The stored image of the same request answers other expectations, and they are checked on it."""
    first = session.generate("a mug", name="mug", expect=[GOOD], **SMALL)
    again = session.generate("a mug", name="mug", expect=[BAD], reuse=True, **SMALL)
    assert again.reused
    assert simulator.images_billed == 1
    assert (first.passed, again.passed) == (True, False)
    assert first.record.digest == again.record.digest
    assert [entry["status"] for entry in sidecar(again.path)["checks"]] == ["fail"]


def test_a_new_image_is_not_compared_with_itself(session):
    """`same-as=@hero` means the image that had the name before, if the new one replaces its file too."""
    session.generate("a red fox", name="hero", **SMALL)
    same = session.generate("a red fox", name="hero", expect=["same-as=@hero"], if_exists="overwrite", **SMALL)
    assert same.checks.verdicts[0].passed is not None
    other = session.generate(
        "a blue house at night", name="hero", expect=["same-as=@hero"], if_exists="overwrite", **SMALL
    )
    assert not other.passed


def test_of_an_edit_the_mask_is_known(session, folder):
    """`outside-mask` needs no files: original and mask are those of the request."""
    room = Image.new("RGB", (1024, 1024), "white")
    ImageDraw.Draw(room).rectangle((0, 600, 1024, 1024), fill="brown")
    room.save("room.png")
    edited = session.edit("a window", "room.png", mask_box="25%,25%,50%,50%", expect=["outside-mask"], quality="low")
    assert edited.checks.verdicts[0].value is not None


def test_profiles_and_files(session, folder):
    """A profile's expectations, and the files that they name, are found from where the profile stands."""
    brand = folder / "my brand"
    brand.mkdir()
    (brand / "brand.toml").write_text('colors = ["#ffffff"]')
    (brand / "checks.toml").write_text('expect = ["size=1024x640", "palette=brand.toml >=0"]')
    (brand / "pyproject.toml").write_text(
        '[tool.imagegen_magic.profiles.web]\nexpect = ["checks.toml", "palette=brand.toml >=0", "not-blank"]'
    )
    (folder / "pyproject.toml").write_text(f'[tool.imagegen_magic.profiles.web]\nexpect = ["{brand / "checks.toml"}"]')
    mug = session.generate("a mug", profile="web", **SMALL)
    assert [verdict.status for verdict in mug.checks.verdicts] == ["pass", "pass"]
    other = simulated_session(Simulator())
    other.home = brand / "deeper"
    mug = other.generate("a mug", profile="web", **SMALL)
    assert [verdict.status for verdict in mug.checks.verdicts] == ["pass"] * 4


# batches


def test_batches_have_shared_and_own_expectations(session):
    """A row's own win; the gallery knows which are as expected, and the report keeps every verdict."""
    jobs = [{"prompt": "a mug"}, {"prompt": "a cat", "expect": [BAD]}, {"prompt": "a fish", "expect": GOOD}]
    gallery = session.batches.run_jobs(jobs, expect=["not-blank"], **SMALL)
    assert [result.where for result in gallery.passed] == ["row 1", "row 3"]
    assert [result.where for result in gallery.failed] == ["row 2"]
    assert not gallery.failures
    assert "1 not as expected" in str(gallery.table())
    assert "size=1:1" in str(gallery.table())
    rows = [json.loads(line) for line in gallery.report.read_text().splitlines()]
    assert [row["passed"] for row in rows] == [True, False, True]
    assert rows[0]["checks"][0]["expected"] == "not-blank"


def test_faulty_expectations_of_rows_are_named(session, simulator):
    """With the row that has them; nothing is sent."""
    with pytest.raises(RequestError) as caught:
        session.batches.run_jobs(["a mug", {"prompt": "b", "expect": ["blnk"]}], **SMALL)
    assert [(problem.where, problem.field) for problem in caught.value.problems] == [("row 2", "expect")]
    assert not simulator.record


def test_through_the_batch_api(session, folder):
    """Expectations wait with the batch; a file that is gone by then costs no image, a function can't wait."""
    (folder / "checks.toml").write_text(f'expect = ["{BAD}"]')
    jobs = [{"prompt": "a mug", "expect": ["checks.toml"]}, {"prompt": "a cat", "expect": [GOOD]}]
    shared = {"via": "batch-api", **SMALL}
    with pytest.raises(RequestError, match="function"):
        session.batches.plan(read_source([{"prompt": "a", "expect": boom}]), shared)
    handle = session.batches.submit(session.batches.plan(read_source(jobs), shared), shared)
    (folder / "checks.toml").unlink()
    for _ in range(9):
        handle.status()
    gallery = handle.collect()
    assert len(gallery.done) == 2
    assert [len(result.checks.verdicts) for result in gallery] == [0, 1]
    assert any("checks.toml is not checked" in warning for warning in gallery[0].warnings)


# cells and the command line


def test_in_a_cell(shell):
    """Repeatable, quoted, a function by its name or as an expression; a dry run lists them."""
    shell.user_ns["wide"] = lambda image: image.width > 2000
    line = "mug --size 1024x640 --quality low --expect not-blank --expect 'size=1:1' --expect wide --expect {{ wide }}"
    shell.run_cell_magic("imagegen", line, "a mug")
    mug = shell.user_ns["mug"]
    assert [verdict.status for verdict in mug.checks.verdicts] == ["pass", "fail", "fail", "fail"]
    planned = shell.run_cell_magic("imagegen", f"{line} --dry-run", "a mug")
    assert planned.expected[:2] == ("not-blank", "size=1:1")
    assert "size=1:1" in str(planned.table())


def test_in_an_edit_and_a_batch_cell(shell):
    """The same flag."""
    shell.run_cell_magic("imagegen", "mug --size 1024x640 --quality low", "a mug")
    shell.run_cell_magic("imagegen_edit", f"blue -i @mug --quality low --expect {BAD}", "make it blue")
    assert not shell.user_ns["blue"].passed
    shell.run_cell_magic("imagegen_batch", f"both --size 1024x640 --quality low --expect {BAD}", "a mug\na cat")
    assert len(shell.user_ns["both"].failed) == 2


def run(line):
    return main(shlex.split(line))


def test_exit_code_of_what_is_not_as_expected(capsys, monkeypatch):
    """5, with the path on standard output and the reason on standard error, of a quiet line too; JSON has every verdict."""
    monkeypatch.setenv("IMAGEGEN_BACKEND", "simulator")
    small = "--size 1024x640 --quality low --quiet"
    assert run(f"generate 'a mug' {small} --expect {GOOD} --out a.png") == 0
    assert capsys.readouterr().err == ""
    assert run(f"generate 'a mug' {small} --expect {BAD} --out b.png") == 5
    out, err = capsys.readouterr()
    assert out.strip() == "b.png"
    assert "not as expected: size=1:1: 1024x640" in err
    assert run(f"generate 'a mug' {small} --expect {BAD} --out c.png --json") == 5
    document = json.loads(capsys.readouterr().out)
    assert (document["exit_code"], document["passed"]) == (5, False)
    assert document["checks"][0]["status"] == "fail"
    assert run(f"generate 'a mug' {small} --expect blnk --out d.png") == 2
    assert run(f"edit --image a.png 'blue' {small} --expect {BAD} --out e.png") == 5


def test_exit_code_of_a_batch(capsys, monkeypatch, folder):
    """A failed job weighs more than a failed expectation."""
    monkeypatch.setenv("IMAGEGEN_BACKEND", "simulator")
    (folder / "jobs.jsonl").write_text('{"prompt": "a mug"}\n{"prompt": "a cat", "expect": "size=1:1"}\n')
    small = "--size 1024x640 --quality low --out-dir out"
    assert run(f"generate-batch --input jobs.jsonl {small}") == 5
    out, err = capsys.readouterr()
    assert len(out.split()) == 2
    assert "row 2: not as expected" in err or "line 2: not as expected" in err
    assert "1 not as expected" in err
