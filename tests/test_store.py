"""Files and the ledger: names, atomic writes, kill -9, two processes, a full history."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import simulated_session
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagegen_magic.batch.rows import read_body
from imagegen_magic.display.money_tables import history_table
from imagegen_magic.errors import ModerationError, RequestError, StoreError
from imagegen_magic.metadata.derived import SOFTWARE
from imagegen_magic.request.response import Sending
from imagegen_magic.simulator import Simulator
from imagegen_magic.store.folder import BLANK, Store
from imagegen_magic.store.history import FileEntry, History, Record, file_sha256
from imagegen_magic.store.names import reserve_names, safe_stem
from imagegen_magic.store.recovery import recover

SMALL = {"size": "1024x640", "quality": "low"}
KILL_NINE = Path(__file__).parents[1] / "benchmarks/kill_nine.py"


def test_files_and_sidecars(session, folder):
    """The file is the API's bytes; the sidecar and the history say all that is known; nothing else is left."""
    result = session.generate("a mug", name="hero", n=2, size="1024x1024")
    assert [path.name for path in result.paths] == ["hero-1.png", "hero-2.png"]
    sidecar = json.loads(result.path.with_name("hero-1.png.json").read_text())
    for field in ("request", "prompt_sent", "usage", "cost", "request_id", "versions", "digest", "resolved"):
        assert sidecar[field], field
    entry = sidecar["files"][0]
    assert entry["sha256"] == file_sha256(result.path)
    assert [p for p in spooled(folder) if p.stat().st_size > BLANK] == []


def spooled(folder):
    """The files of the spool, without its lock."""
    return [p for p in (folder / "output").rglob("*") if p.is_file() and ".incoming" in p.parts and p.suffix != ".lock"]


def test_a_request_takes_over_the_emptied_spool_files_of_the_last(session, folder):
    """Three requests need one note and one file for the answer's body; a disk is slow where many files come and go."""
    session.generate("a mug")
    before = {path.name for path in spooled(folder)}
    session.generate("a cup")
    session.generate("a jug")
    assert {path.name for path in spooled(folder)} == before
    assert len(before) == 2
    assert [record.prompt_sent for record in History(folder / "output/imagegen").records()] == [
        "a mug",
        "a cup",
        "a jug",
    ]


def test_names_never_collide(session, simulator):
    """`version` counts up, `fail` stops before paying, `overwrite` replaces."""
    first = session.generate("a mug", name="hero")
    assert session.generate("a mug", name="hero").path.name == "hero-v2.png"
    sent = len(simulator.record)
    with pytest.raises(StoreError) as caught:
        session.generate("a cat", name="hero", if_exists="fail")
    assert caught.value.outcome == "not sent"
    assert len(simulator.record) == sent
    before = first.path.read_bytes()
    assert session.generate("a cat", name="hero", if_exists="overwrite").path == first.path
    assert first.path.read_bytes() != before


@pytest.mark.parametrize("out", ["../x.png", "/tmp/x.png", "a/../../x.png", "C:\\x.png", "..\\x.png", ""])
def test_out_stays_inside(session, simulator, out):
    """No name leads out of the output folder, and nothing is sent for one that tries."""
    with pytest.raises(RequestError) as caught:
        session.generate("a mug", out=out)
    assert "inside the output folder" in str(caught.value)
    assert not simulator.record


@given(st.text(max_size=300))
def test_stems_are_safe(text):
    """Any text becomes a file name that every system takes."""
    stem = safe_stem(text)
    assert 0 < len(stem.encode()) <= 200
    assert not set(stem) & set('/\\:*?"<>|\0')
    assert stem not in (".", "..")


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("con", "con-"),
        ("Aux.photo", "Aux-.photo"),
        ("con .x", "con -.x"),
        ("com1.tar", "com1-.tar"),
        ("console", "console"),
        ("my.con", "my.con"),
    ],
)
def test_names_of_windows_devices_are_no_stems(text, stem):
    """Windows takes what stands before the first dot for the device, whatever follows it."""
    assert safe_stem(text) == stem


def test_torn_and_lost_history(session, folder):
    """Half a last line is skipped and repaired; a lost file is rebuilt from the sidecars."""
    session.generate("a mug", name="one")
    path = folder / "output/imagegen/history.jsonl"
    with path.open("ab") as stream:
        stream.write(b'{"number": 2, "na')
    session.generate("a cat", name="two")
    history = History(path.parent)
    assert [record.name for record in history.records()] == ["one", "two"]
    path.unlink()
    assert sorted(record.name for record in History(path.parent).records()) == ["one", "two"]


@pytest.mark.parametrize("writable", [True, False])
def test_threads_share_a_write_of_the_history(folder, writable):
    """Lines of many threads get numbers of their own, in the file's order; what can't be written is an error in each thread."""
    history = History(folder / "out")
    if not writable:
        (folder / "out" / "history.jsonl").mkdir(parents=True)  # nothing can be appended to a folder
    with ThreadPoolExecutor(16) as pool:
        futures = [pool.submit(history.append, Record(name=f"n{n}")) for n in range(64)]
    if not writable:
        assert all(isinstance(future.exception(), OSError) for future in futures)
        return
    written = [(record.number, record.name) for record in history.records()]
    assert [number for number, _ in written] == list(range(1, 65))
    assert sorted(written) == sorted((future.result().number, future.result().name) for future in futures)


def test_reuse_checks_the_file(session, simulator):
    """Reuse sends nothing for an intact stored result, and makes a new one where the file was changed."""
    first = session.generate("a mug", reuse=True)
    again = session.generate("a mug", reuse=True)
    assert again.reused
    assert again.cost == 0
    assert again.path == first.path
    assert len(simulator.record) == 1
    first.path.write_bytes(b"changed")
    assert not session.generate("a mug", reuse=True).reused
    assert len(simulator.record) == 2


def test_a_file_changed_without_growing_is_not_reused(session, simulator):
    """Its bytes decide, not their number."""
    made = session.generate("a mug", **SMALL)
    data = made.path.read_bytes()
    made.path.write_bytes(data[:-20] + bytes(20))
    again = session.generate("a mug", reuse=True, **SMALL)
    assert (again.reused, again.path.read_bytes(), len(simulator.record)) == (False, data, 2)


def test_names_are_reserved_all_or_none(tmp_path):
    """What was reserved before a taken one is free again."""
    (tmp_path / "b.png").write_bytes(b"x")
    assert not reserve_names([tmp_path / "a.png", tmp_path / "b.png"])
    assert [path.name for path in tmp_path.iterdir()] == ["b.png"]


def test_an_image_in_another_format_replaces_none(folder):
    """Asked for PNG, received JPEG: what lies under the other name stays."""
    session = simulated_session(Simulator(faults="jpeg for png x2"))
    made = [session.generate(prompt, name="mug", **SMALL).path for prompt in ("a red mug", "a blue mug")]
    assert [path.name for path in made] == ["mug.jpg", "mug-v2.jpg"]
    assert made[0].read_bytes() != made[1].read_bytes()


def test_a_request_that_failed_leaves_its_name_free(folder):
    """The next one gets it: no empty file stays under it."""
    session = simulated_session(Simulator(faults="moderation"))
    with pytest.raises(ModerationError):
        session.generate("a mug", **SMALL)
    assert session.generate("a mug", **SMALL).path.name == "mug.png"


def test_read_only_folder_is_found_before_paying(session, simulator, folder):
    """A folder that can't be written stops the call before it is sent."""
    (folder / "output").write_text("a file where the folder should be")
    with pytest.raises(StoreError) as caught:
        session.generate("a mug")
    assert caught.value.outcome == "not sent"
    assert not simulator.record


@pytest.mark.parametrize(
    ("images", "free_mb", "enough"), [(1, 40, True), (1, 20, False), (4, 140, True), (4, 100, False)]
)
def test_nearly_full_disk_is_found_before_paying(folder, images, free_mb, enough):
    """Room is asked for each image, before anything is sent."""
    store = Store(folder / "out", free_bytes=lambda place: free_mb * 10**6)
    if enough:
        assert len(store.reserve("mug", images, "png").paths) == images
        return
    with pytest.raises(StoreError, match="MB left") as caught:
        store.reserve("mug", images, "png")
    assert caught.value.outcome == "not sent"


def test_ended_at_random_moments():
    """After SIGKILL or SIGTERM and a recovery, what was billed is on disk, whole and recorded, or named; never twice."""
    done = subprocess.run([sys.executable, KILL_NINE, "16"], capture_output=True, text=True, check=False)
    assert done.stdout.endswith("16 kills; 0 wrong\n"), done.stdout + done.stderr
    assert done.returncode == 0


NAMESAKE = """
import sys
from imagegen_magic.session import Session
session = Session(defaults=lambda: {"backend": "simulator", "out_dir": sys.argv[1]})
for number in range(7):
    session.generate(f"a mug {number}", size="1024x640", quality="low", name="same", n=2)
"""


def test_two_processes_share_a_folder(folder):
    """Two kernels on one folder lose no history line and take no name twice."""
    out = folder / "out"
    children = [subprocess.Popen([sys.executable, "-c", NAMESAKE, str(out)]) for _ in "ab"]
    assert [child.wait() for child in children] == [0, 0]
    records = History(out).records()
    assert sorted(record.number for record in records) == list(range(1, 15))
    entries = [entry for record in records for entry in record.files]
    assert len({entry.path for entry in entries}) == len(entries) == 28
    assert all(history.intact(entry) for history in [History(out)] for entry in entries)


def test_a_failed_write_keeps_the_bytes(session, folder):
    """If a name can't be written after all, the message says where the paid bytes are."""

    def in_the_way(event):
        if isinstance(event, Sending):  # its name is reserved and the request is on its way
            path = folder / "output/imagegen/mug.png"
            path.unlink()
            (path / "a file").mkdir(parents=True)

    with pytest.raises(StoreError) as caught:
        session.generate("a mug", on_event=in_the_way)
    place = Path(caught.value.hints[0].removeprefix("the picture's bytes are in "))
    with Image.open(place) as image:
        image.load()


def test_records_of_a_newer_version_are_read():
    """Unknown fields of a line are passed over."""
    record = Record.from_dict({"number": 3, "files": [{"path": "a.png", "sha256": "", "bytes": 1, "format": "png",
                               "new": 1}], "newer": True})  # fmt: skip
    assert record.files[0].path == "a.png"


def test_the_history_is_rebuilt_from_sidecars(session, folder):
    """A lost history comes back from the sidecars, those of derived files apart; references and lineage still work."""
    session.generate("a red mug", name="hero", size="1024x1024", web=(256,), transparent=True)
    session.edit("blue", "@hero", name="blue")
    (folder / "output" / "imagegen" / "history.jsonl").unlink()
    assert session.library.history.rebuild() == 2
    assert session.library.names() == ["blue", "hero"]
    assert "@2 blue" in str(session.library.lineage("@hero"))
    assert len(session.library.newest(5)) == 2


def test_a_reused_cut_out_is_the_file_that_is_there(session):
    """Reuse of a transparent picture sends nothing and adds no file, however often it is asked for."""
    first = session.generate("a green leaf", name="leaf", transparent=True, reuse=True)
    files = sorted(path.name for path in first.path.parent.iterdir() if path.is_file())
    again = session.generate("a green leaf", name="leaf", transparent=True, reuse=True)
    assert again.reused
    assert (again.path, again[0].source) == (first.path, first[0].source)
    assert sorted(path.name for path in first.path.parent.iterdir() if path.is_file()) == files


@pytest.mark.parametrize(
    "options",
    [{"edge_feather": 1.5}, {"embed_prompt": True}, {"output_format": "webp"}, {"mark": False}, {"out": "a/b.png"}],
    ids=str,
)
def test_a_cut_out_of_its_settings_is_made_once(session, options):
    """Other settings make another file, once; the bytes that an engine would give now decide nothing."""
    asked = {"name": "leaf", "transparent": True, "reuse": True, "output_format": "png", **options}
    plain = session.generate("a green leaf", name="leaf", transparent=True, output_format=asked["output_format"])
    first = session.generate("a green leaf", **asked)
    assert first.reused
    files = sorted(plain.path.parent.rglob("*.*"))
    again = session.generate("a green leaf", **asked)
    assert (again.path, again[0].report) == (first.path, first[0].report)
    assert sorted(plain.path.parent.rglob("*.*")) == files
    assert (first.path == plain.path) == ("output_format" in options)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"out": "leaf.png"}, ""),
        ({"out": "leaves/{i}.png", "n": 2}, ""),
        ({"n": 2}, ""),
        ({"out": "leaf.WEBP", "output_format": "webp"}, ""),
        ({"if_exists": "fail"}, ""),
        ({}, "jpeg for png"),
        ({"n": 2}, "fewer"),
    ],
    ids=str,
)
def test_reuse_adds_no_file_under_any_name(folder, options, fault):
    """Whatever its name, and whatever came: the cut-out is the same file each time, in the format that its name says."""
    session = simulated_session(Simulator(faults=fault))
    asked = {"name": "leaf", "transparent": True, "reuse": True, **SMALL, **options}
    first = session.generate("a green leaf", **asked)
    files = sorted(folder.rglob("leaf*"))
    again = session.generate("a green leaf", **asked)
    assert again.reused
    assert (again.paths, sorted(folder.rglob("leaf*"))) == (first.paths, files)
    for path in first.paths:
        assert path.read_bytes().startswith({".png": b"\x89PNG", ".webp": b"RIFF"}[path.suffix.lower()])


def test_a_taken_name_fails_only_if_a_file_is_to_be_made(session):
    """`if_exists="fail"` guards what is there, also from a cut-out of a stored image."""
    asked = {"name": "leaf", "transparent": True, "reuse": True, "if_exists": "fail", **SMALL}
    session.generate("a green leaf", **asked)
    with pytest.raises(StoreError, match="exists already"):
        session.generate("a green leaf", edge_feather=1.5, **asked)


def test_a_cut_out_says_all_that_decides_it(session):
    """A setting that is not written down would let a cut-out of another one pass for it."""
    made = session.generate("a glass", name="glass", transparent="difference", n=2, opacity="translucent", **SMALL)
    for image, second in zip(made, ("glass-second.png", "glass-second-v2.png"), strict=True):
        told = json.loads(image.path.with_name(f"{image.path.name}.json").read_text())["cutout"]["settings"]
        assert told.pop("sources") == f"{file_sha256(image.source)} {file_sha256(image.path.with_name(second))}"
        assert told == {
            "software": SOFTWARE,
            "key": "#00ff00",
            "format": "png",
            "transparent": "difference",
            "opacity": "translucent",
            "edge_contract": "None",
            "edge_feather": "None",
            "mark": "True",
            "embed_prompt": "False",
            "sign": "False",
            "sign_certificate": "None",
        }


def test_a_cut_out_of_another_image_is_not_reused(session):
    """Two images may share a name: each has its own cut-out."""
    cup, jug = (session.generate(f"a red {what}", name="it", transparent=True, **SMALL) for what in ("cup", "jug"))
    for what, first in (("cup", cup), ("jug", jug)):
        again = session.generate(f"a red {what}", name="it", transparent=True, reuse=True, **SMALL)
        assert again.path == first.path


def test_only_the_cut_out_that_is_gone_is_made_again(session):
    """Of several images; no name that was reserved for the others is left."""
    asked = {"name": "leaf", "transparent": True, "reuse": True, "n": 2, **SMALL}
    first = session.generate("a green leaf", **asked)
    first.paths[1].unlink()
    for _ in range(2):
        names = [path.name for path in session.generate("a green leaf", **asked).paths]
        assert names == ["leaf-1.png", "leaf-v2-2.png"]
    assert sorted(path.name for path in first.path.parent.glob("leaf-v*.png")) == ["leaf-v2-2.png"]


def test_a_cut_out_of_an_answer_in_another_format_is_found_beside_it(folder):
    """Also by who gives it no name."""
    session = simulated_session(Simulator(faults="jpeg for png"))
    first = session.generate("a green leaf", name="leaf", transparent=True, **SMALL)
    assert session.generate("a green leaf", transparent=True, reuse=True, **SMALL).path == first.path


def test_what_was_said_of_a_cut_out_is_said_again(folder):
    """A reused cut-out, or a copy of it, is no better than it was; a sidecar with nonsense in its place says nothing."""
    image = Image.new("RGB", (1024, 640), (0, 255, 0))
    file = io.BytesIO()
    image.save(file, "PNG")
    session = simulated_session(Simulator(picture=file.getvalue()))
    asked = {"transparent": True, "reuse": True, **SMALL}
    for name in ("leaf", "leaf", "plant", "plant"):
        made = session.generate("a green leaf", name=name, key_color="#00ff00", **asked)
        assert any("the subject covers 0.00%" in warning for warning in made.warnings), made.warnings
    for nonsense in (7, [7], None):
        change_sidecar(made.path, lambda told, said=nonsense: told["cutout"].update(warnings=said))
        again = session.generate("a green leaf", name="plant", key_color="#00ff00", **asked)
        assert again.path == made.path
        assert not any("the subject covers 0.00%" in warning for warning in again.warnings)


def test_a_cut_out_never_replaces_its_source(session):
    """Also if `out` names the source and may overwrite: those bytes were paid for."""
    asked = {"transparent": True, "reuse": True, "output_format": "png", **SMALL}
    first = session.generate("a green leaf", name="leaf", **asked)
    paid = first[0].source.read_bytes()
    again = session.generate("a green leaf", out="leaf-source.png", if_exists="overwrite", **asked)
    assert again[0].source.read_bytes() == paid
    assert again.path.name == "leaf-source-cutout.png"


def test_a_changed_cut_out_is_made_again(session):
    """What the user has painted into a cut-out is left alone, and is not passed off as the result."""
    first = session.generate("a green leaf", name="leaf", transparent=True, reuse=True)
    whole = first.path.read_bytes()
    first.path.write_bytes(whole + b"mine")
    again = session.generate("a green leaf", name="leaf", transparent=True, reuse=True)
    assert again.path.name == "leaf-v2.png"
    assert first.path.read_bytes() == whole + b"mine"
    assert again[0].report.status == first[0].report.status


def test_a_reused_cut_out_under_another_name_is_a_copy(session):
    """A new NAME or `out` gets the cut-out under that name, and once."""
    first = session.generate("a green leaf", name="leaf", transparent=True)
    renamed = [session.generate("a green leaf", name="plant", transparent=True, reuse=True) for _ in range(2)]
    assert {made.path.name for made in renamed} == {"plant.png"}
    assert renamed[0].path.read_bytes() == first.path.read_bytes()


@pytest.mark.parametrize(
    "report",
    [
        None,
        {},
        {"checks": 3},
        {"key": None, "checks": []},
        {"key": None, "checks": [{"name": "x", "status": "great", "value": 1, "sentence": ""}]},
        {"key": None, "checks": [{"name": "x", "status": "pass", "value": 10**400, "sentence": ""}]},
        {"key": None, "checks": [{"name": ["x"], "status": "pass", "value": 1, "sentence": ""}]},
        {"key": None, "checks": [{"name": "x", "status": "pass", "value": 1, "sentence": 7}]},
    ],
    ids=lambda report: str(report)[:90],
)
def test_a_report_in_a_sidecar_is_not_trusted(session, report):
    """A sidecar that holds no report is as good as none."""
    first = session.generate("a green leaf", name="leaf", transparent=True, reuse=True)
    change_sidecar(first.path, lambda told: told["cutout"].update(report=report))
    again = session.generate("a green leaf", name="leaf", transparent=True, reuse=True)
    assert again[0].report == first[0].report
    assert again.path.name == "leaf-v2.png"


def change_sidecar(path, change):
    """Does `change` to what the sidecar of `path` says."""
    sidecar = path.with_name(f"{path.name}.json")
    told = json.loads(sidecar.read_text())
    change(told)
    sidecar.write_text(json.dumps(told))


def test_a_sidecar_says_nothing_of_other_files(session):
    """A strange sidecar can't give a cut-out another place, kind or hash."""
    first = session.generate("a green leaf", name="leaf", transparent=True, reuse=True)
    change_sidecar(first.path, lambda told: told["files"][0].update(path="other.png", kind="web", index=7))
    assert session.generate("a green leaf", name="leaf", transparent=True, reuse=True).path == first.path
    change_sidecar(first.path, lambda told: told["files"].insert(0, {**told["files"][0], "sha256": "0" * 64}))
    assert session.generate("a green leaf", name="leaf", transparent=True, reuse=True).path.name == "leaf-v2.png"


def test_a_sidecar_without_its_source_stops_no_edit(session):
    """The cut-out is a fine input, whatever stands beside it."""
    first = session.generate("a green leaf", name="leaf", transparent=True)
    for change in (lambda told: told["parents"][0].pop("sha256"), lambda told: told.update(parents=[])):
        change_sidecar(first.path, change)
        assert session.edit("blue", first.path, **SMALL).ok


def test_a_reused_difference_uses_both_backdrops(session, simulator):
    """The second picture was paid for too: reuse cuts out by both, and says where one is gone."""
    first = session.generate("a glass of water", name="glass", transparent="difference", reuse=True)
    billed = simulator.images_billed
    again = session.generate("a glass of water", name="glass", transparent="difference", reuse=True)
    assert again.path == first.path
    assert not any("second backdrop" in warning for warning in again.warnings)
    (first.path.parent / "glass-second.png").unlink()
    once = session.generate("a glass of water", name="glass", transparent="difference", reuse=True)
    assert any("second backdrop" in warning for warning in once.warnings)
    assert simulator.images_billed == billed


def test_the_history_names_folders(session):
    """A file in a folder of the output folder is listed with that folder."""
    session.generate("a red mug", size="1024x1024", out="mugs/red.png")
    assert " mugs/red.png " in str(history_table(session.library))


def kept(history, digest, name="a.png"):
    """The number of a done record of that digest, whose image is there."""
    (history.folder / name).write_bytes(b"image")
    entry = FileEntry(path=name, sha256=file_sha256(history.folder / name), bytes=5, format="png")
    return history.append(Record(digest=digest, server="s", files=(entry,), prompt_sent='\u2028a "digest": "b" mug'))


def looked_up(history):
    """The number of the newest record of each digest, by reading all of the file."""
    return {record.digest: record.number for record in History(history.folder).done() if record.server == "s"}


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["append", "other", "half", "edit", "cut", "replace", "touch"]), st.sampled_from("abc")
        )
    )
)
def test_a_request_is_found_as_by_reading_the_whole_history(tmp_path_factory, steps):
    """Whatever this process, another one or an editor did to the file since the last question."""
    history = History(tmp_path_factory.mktemp("out"))
    kept(history, "a")
    for what, digest in steps:
        text = history.path.read_bytes()
        if what == "append":
            kept(history, digest)
        elif what == "other":
            kept(History(history.folder), digest)
        elif what == "half":
            history.path.write_bytes(text + text.splitlines()[0][:300])
        elif what == "edit":  # as long as before, in its place
            history.path.write_bytes(text.replace(b'"digest": "a"', b'"digest": "%s"' % digest.encode()))
        elif what == "cut":
            history.path.write_bytes(text[len(text) // 2 :])
        elif what == "replace":
            history.path.with_suffix(".new").write_bytes(text + text.replace(b'"digest": "a"', b'"digest": "c"'))
            history.path.with_suffix(".new").replace(history.path)
        else:
            os.utime(history.path)
        found = {one: record.number for one in "abc" if (record := history.by_digest("s", one)) is not None}
        assert found == looked_up(history), what


def test_a_lost_history_is_looked_up_in_the_sidecars(session, folder):
    """Reuse finds an image whose line is gone with the file."""
    made = session.generate("a mug", **SMALL)
    (folder / "output/imagegen/history.jsonl").unlink()
    assert session.generate("a mug", reuse=True, **SMALL).path == made.path


def test_a_rebuilt_history_keeps_its_own_lines(session):
    """Anyone may have changed a sidecar; the line is what was written when the image was paid for."""
    made = session.generate("a mug", **SMALL)
    change_sidecar(made.path, lambda told: told.update(prompt_typed="a cat"))
    assert session.library.history.rebuild() == 1
    assert [record.prompt_typed for record in session.library.history.records()] == ["a mug"]


def test_numbers_go_on_after_the_history_was_lost(session, folder):
    """No two images have the same number: `@1` means what it meant."""
    made = session.generate("a mug", **SMALL)
    (folder / "output/imagegen/history.jsonl").unlink()
    assert session.generate("a cat", **SMALL).record.number == made.record.number + 1


def test_line_ends_inside_a_prompt(session, simulator):
    """U+2028, U+0085 and the like, as pasted from a word processor, do not tear the history's line."""
    prompts = [f"a mug{end}on a table" for end in "\u2028\u2029\u0085\x0b\x1c"]
    for prompt in prompts:
        session.generate(prompt, **SMALL)
    assert [record.prompt_typed for record in session.library.history.records()] == prompts
    assert session.generate(prompts[0], reuse=True, **SMALL).reused
    jobs = "\n".join(json.dumps({"prompt": prompt, **SMALL}, ensure_ascii=False) for prompt in prompts)
    assert [row.values["prompt"] for row in read_body(jobs)] == prompts


KILLED_AT_A_START = """
import fcntl, os, pathlib, subprocess, sys
folder = pathlib.Path(sys.argv[1])
place = folder / ".incoming" / f"{os.getpid()}-0"
place.mkdir(parents=True)
(folder / "mug.png").touch()
lock = open(place / "alive.lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
subprocess.Popen(["sleep", "0.3"], pass_fds=[lock.fileno()])
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="locks are inherited on Unix")
def test_a_process_killed_while_it_starts_a_program_is_known_as_dead(tmp_path):
    """The program holds its lock for a moment longer; the name that was reserved is free all the same."""
    subprocess.run([sys.executable, "-c", KILLED_AT_A_START, str(tmp_path)], check=False)
    recover(Store(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [".incoming"]
    assert list((tmp_path / ".incoming").iterdir()) == []


KILLED_WITH_NAMES = """
import os, pathlib, sys
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import Record
store = Store(pathlib.Path(sys.argv[1]))
with store.journal(store.reserve("mug", 1, "png", markers=("-source", "-web")), Record(), "-source"):
    os._exit(9)
"""


def test_names_of_files_to_be_made_are_free_while_another_process_lives(tmp_path):
    """The killed process's note has them all: nobody has to wait until the last kernel on the folder is gone."""
    living = Store(tmp_path)
    assert living.spool.is_dir()
    subprocess.run([sys.executable, "-c", KILLED_WITH_NAMES, str(tmp_path)], check=False)
    assert {path.name for path in tmp_path.glob("*.png")} == {"mug.png", "mug-source.png", "mug-web.png"}
    recover(Store(tmp_path))
    assert list(tmp_path.glob("*.png")) == []


def test_a_spool_file_writes_all_or_says_so(tmp_path):
    """The system may take less than it is given: the rest is written too, and what can't be is an error."""
    work = """
    import resource, sys
    from pathlib import Path
    from imagegen_magic.store.spool_file import SpoolFile

    resource.setrlimit(resource.RLIMIT_FSIZE, (5, 5))
    with SpoolFile(Path(sys.argv[1]), "x+") as stream:
        try:
            stream.write(b"12345678")
        except OSError:
            print("refused after", stream.tell())
    """
    path = tmp_path / "body.json"
    command = [sys.executable, "-c", textwrap.dedent(work), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "refused after 5\n"
    assert path.stat().st_mode & 0o777 == 0o600
