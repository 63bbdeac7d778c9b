"""Hostile and broken input: texts, settings, histories, sidecars and disks; each ends in a card, never in a traceback."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import textwrap
from dataclasses import fields
from decimal import Decimal
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from conftest import simulated_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagegen_magic.display.money_tables import cost_table, history_table
from imagegen_magic.errors import ImagegenError, OptionError, RequestError, StoreError
from imagegen_magic.facts.catalog import Model, Prices, load_catalog
from imagegen_magic.facts.models_file import ModelTable, PriceTable
from imagegen_magic.jobs.running import run_job
from imagegen_magic.request.cost import format_usd
from imagegen_magic.simulator import Simulator
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import Record
from imagegen_magic.store.names import safe_stem

PROMPTS = [
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "**bold** [x](javascript:alert(1)) `code`",
    "\x1b[31mred\x1b[0m \x07 bell \x00 null",
    "\u202egnp.exe\u202c \u200b\ufeff",
    '"><a href="javascript:1">x</a> & &lt; \' "',
    '{{ not a variable }} {1} %s $5 {"json": 1}',
    "x" * 32_000,
]  # fmt: skip


class Tags(HTMLParser):
    """Collects the tags and attributes of a piece of HTML."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("prompt", PROMPTS)
def test_hostile_prompts_are_sent_as_typed_and_shown_escaped(session, simulator, prompt):
    """The server gets the text as it is; no tag, event handler or link of it is live in any HTML."""
    result = session.generate(prompt, size="1024x1024", quality="low")
    assert prompt.startswith(simulator.record[-1].fields["prompt"].removesuffix("…"))
    pieces = [data.get("text/html", "") for data, _ in result.display_items()]
    pieces.append(session.library.lineage("@last")._repr_mimebundle_()["text/html"])
    pieces.append(history_table(session.library)._repr_mimebundle_()["text/html"])
    tags = Tags()
    tags.feed("".join(pieces))
    assert "script" not in [tag for tag, _ in tags.found]
    assert not any(
        str(attrs.get(name, "")).startswith("javascript:") for _, attrs in tags.found for name in ("href", "src")
    )
    assert not any(name.startswith("on") for _, attrs in tags.found for name in attrs)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"prompt": "half \ud800"}, "surrogate"),
        ({"prompt": None}, "text is needed"),
        ({"prompt": 7, "transparent": True}, "text is needed"),
        ({"prompt": "use sk-proj-0123456789abcdef"}, "API key"),
        ({"style": "a\x00b"}, "null"),
        ({"out": "a\x00.png"}, "null"),
        ({"out": "\ud800.png"}, "surrogate"),
        ({"out_dir": "a\x00"}, "null"),
        ({"name": "class"}, "Python name"),
        ({"name": "../x"}, "Python name"),
        ({"extra": {"seed": object()}}, "JSON"),
        ({"n": True}, "whole number"),
        ({"sise": "1"}, "did you mean size"),
    ],
)
def test_what_can_not_be_sent_is_refused(session, simulator, options, word):
    """Each is one card with the reason; nothing is sent and nothing is written."""
    options = {"prompt": "a mug", **options}
    with pytest.raises(RequestError) as caught:
        session.generate(**options)
    assert word in str(caught.value)
    assert not simulator.record


@given(st.text(max_size=400))
def test_no_name_is_too_long_for_a_file_system(text):
    """A stem, a marker, a version and a sidecar's suffix stay under 255 bytes in any script."""
    assert len(f"{safe_stem(text)}-source-v99999-10.webp.json".encode("utf-8", "replace")) < 255


PLAUSIBLE = ("outcome", "number", "name", "prompt_typed", "time", "request")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FILES = st.fixed_dictionaries(
    {"path": st.sampled_from(["a.png", "b/c.png", "..", "", "é.png"]), "sha256": st.text(max_size=4), "bytes": st.integers(0, 9),
     "format": st.sampled_from(["png", "svg", ""])},
    optional={"kind": st.sampled_from(["api", "web", "cutout"]), "size": JSON, "index": st.integers(-1, 3)},
)  # fmt: skip
LINES = st.fixed_dictionaries(
    {"outcome": st.just("done")},
    optional={"number": st.integers(0, 9), "name": st.text(max_size=5), "prompt_typed": st.text(max_size=9)}
    | {"time": st.text(max_size=9), "request": st.dictionaries(st.sampled_from(["model", "endpoint"]), JSON)}
    | {field.name: JSON for field in fields(Record) if field.name not in (*PLAUSIBLE, "files")}
    | {"files": JSON | st.lists(FILES, max_size=2)},
)


@given(lines=st.lists(LINES | JSON, min_size=1, max_size=4), torn=st.binary(max_size=20))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_damaged_history_hides_no_image(folder, lines, torn):
    """Whatever stands in the file, every look back works or ends in a card, and the next picture is entered."""
    out = folder / "output" / "imagegen"
    out.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (out / "history.jsonl").write_bytes(text.encode() + torn)
    session = simulated_session(Simulator())
    history = session.store(session.options({})).history
    for look in (
        lambda: history_table(session.library),
        lambda: cost_table(session.library, session.spending),
        session.library.names,
        lambda: session.library.newest(3),
        lambda: session.find_result("@last").display_items(),
        lambda: str(session.library.lineage("@last")),
        lambda: session.library.recall("@last"),
    ):
        with contextlib.suppress(ImagegenError):
            look()
    record = history.append(Record(name="after"))
    assert history.records()[-1] == record


@pytest.mark.parametrize("path", ["../../secret.png", "/etc/passwd", "a/../../x.png", "C:\\x.png", "\\\\host\\x.png"])
def test_a_history_can_not_point_out_of_its_folder(session, folder, path):
    """A line that names a file elsewhere is passed over: histories come along with other people's notebooks."""
    session.generate("a mug", name="hero")
    line = {
        "outcome": "done",
        "number": 9,
        "name": "evil",
        "files": [{"path": path, "sha256": "", "bytes": 1, "format": "png"}],
    }
    with (folder / "output" / "imagegen" / "history.jsonl").open("a") as stream:
        stream.write(json.dumps(line) + "\n")
    assert session.library.names() == ["hero"]
    with pytest.raises(OptionError):
        session.find_result("@9")


def test_models_file_knows_every_field():
    """The check of a user's models file and the catalog have the same fields."""
    assert set(ModelTable.model_fields) - {"like"} == {field.name for field in fields(Model)} - {"known"}
    assert set(PriceTable.model_fields) == {field.name for field in fields(Prices)}


@pytest.mark.parametrize(
    "text",
    [
        "model = 3", "[model]\nid = 'x'", "[[model]]\nid = 3", "[[model]]\nprices = 3", "default = 3", "families = 1",
        "[[model]]\nid = 'x'\nprices = { foo = 1 }", "[[model]]\nid = 'x'\nsizes = '1x1'", "[[model]]\nid = 'x'\nends = 'soon'",
        "[[model]]\nid = 'x'\nfamily = 'none'", "[[model]]\nid = 'x'\nlike = 'none'", "[[model]]\nid = 'x'\ntransparency = 'maybe'",
        "[[model]]\nid = 'x'\nprices = { image_output = 'free' }", "[[model]]\nid = 'x'\ntoken_spread = { low = [1] }", "not toml",
    ],
)  # fmt: skip
def test_a_faulty_models_file_is_a_card(folder, text):
    """Every fault names the file; a fix says how it is written."""
    path = folder / "models.toml"
    path.write_text(text)
    with pytest.raises(OptionError) as caught:
        load_catalog(path)
    assert "models.toml" in str(caught.value)


def test_a_models_file_may_be_written_as_the_shipped_one(folder):
    """Families and models of the shipped catalog, prices in quotes, are a user's file without faults."""
    shipped = files("imagegen_magic.facts").joinpath("models.toml").read_text(encoding="utf-8")
    path = folder / "models.toml"
    path.write_text("[families." + shipped.split("[families.", 1)[1])
    assert load_catalog(path).models == load_catalog().models


def test_an_azure_deployment(session, folder):
    """A deployment's name in the user's file has its model's rules and prices, with what the file overrides."""
    (folder / "models.toml").write_text(
        '[[model]]\nid = "my-pictures"\nlike = "gpt-image-2"\nformats = ["png", "jpeg"]\nprices = { text_input = 5, image_input = 8, image_output = 33 }\n'
    )
    preview = session.preview("a mug", models_file="models.toml", model="my-pictures", size="1024x1024")
    assert preview.estimate.high is not None
    assert not preview.warnings
    with pytest.raises(RequestError, match="my-pictures allows png, jpeg"):
        session.generate("a mug", models_file="models.toml", model="my-pictures", output_format="webp")


@pytest.mark.parametrize("text", ["[tool]\nimagegen_magic = 3", "[tool.imagegen_magic\n", "\x00"])
def test_a_broken_pyproject_is_a_card(session, folder, text):
    """It names the file to correct."""
    (folder / "pyproject.toml").write_text(text)
    with pytest.raises(OptionError) as caught:
        session.generate("a mug")
    assert str(folder / "pyproject.toml") in str(caught.value)


FULL = """
    import os, resource, sys, tempfile
    from pathlib import Path
    os.environ["IMAGEGEN_BACKEND"] = "simulator"
    tempfile.tempdir = sys.argv[2]
    from imagegen_magic.session import Session
    from imagegen_magic.errors import StoreError
    session = Session(defaults=lambda: {"out_dir": sys.argv[1]})
    session.generate("warm up", size="1024x1024")
    limit = int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        result = session.generate("a mug", name="hero", size="1024x1024", partial_images=int(sys.argv[4]))
    except StoreError as error:
        print("lost", error.outcome, *(len(data) for data in error.pictures), *error.kept)
    else:
        print("saved", result.path)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the limit on a file's size is POSIX")
@pytest.mark.parametrize("partials", [0, 1])
@pytest.mark.parametrize("limit", [100_000, 1_000_000])
def test_a_disk_that_gives_out_while_the_answer_comes(tmp_path, partials, limit):
    """The picture is saved where it fits, though the answer's text does not; else it is handed over in memory."""
    out = tmp_path / "out"
    command = [sys.executable, "-c", textwrap.dedent(FULL), str(out), str(tmp_path), str(limit), str(partials)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    word, *rest = done.stdout.split()
    if limit == 1_000_000:
        assert word == "saved"
    else:
        assert word == "lost", done.stdout
        assert int(rest[1]) > limit
        records = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
        assert records[-1]["outcome"] == "done"
    assert not [path for path in out.rglob("*") if path.is_file() and not path.stat().st_size and path.suffix == ".png"]


class FullStore(Store):
    """A folder whose disk takes no image any more."""

    def open(self, suffix, prefix=""):
        if suffix == ".png":
            raise OSError(28, "No space left on device")
        return super().open(suffix, prefix)


def test_images_that_no_folder_takes_go_elsewhere(session, folder):
    """The temporary folder has them; the card says where."""
    job = session.plan("a mug", {"size": "1024x1024"})
    with pytest.raises(StoreError) as caught:
        run_job(job, session.run_context(job, store=FullStore(folder / "out")))
    rescued = [line for line in str(caught.value).splitlines() if "imagegen-rescued" in line]
    assert rescued
    assert caught.value.pictures[0][:4] == b"\x89PNG"
    assert session.spending.total == 0


def test_a_forked_process_has_a_spool_of_its_own(tmp_path):
    """A worker made by fork saves its picture, and its parent's lock is not its own."""
    code = """
    import os, sys
    os.environ["IMAGEGEN_BACKEND"] = "simulator"
    from imagegen_magic.session import Session
    session = Session(defaults=lambda: {"out_dir": sys.argv[1]})
    session.generate("a mug", name="parent", size="1024x1024")
    if (child := os.fork()) == 0:
        session.generate("a mug", name="child", size="1024x1024")
        os._exit(0)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "child.png").stat().st_size


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e999999", "-5"])
def test_an_amount_of_the_history_that_nothing_costs_breaks_no_table(session, amount):
    """The line is passed over, as any that can't be read; the others are shown."""
    result = session.generate("a mug", size="1024x640", quality="low")
    history = result.path.parent / "history.jsonl"
    line = json.loads(history.read_text())
    with history.open("a") as file:
        file.write(json.dumps({**line, "number": 2, "cost": {"actual": amount}}) + "\n")
    assert "mug" in str(history_table(session.library))
    assert "$0.00" in str(cost_table(session.library, session.spending))
    assert [record.number for record in session.library.history.records()] == [1]


def test_a_price_without_its_decimal_point_is_still_shown():
    assert format_usd(Decimal("1e300")) == "$1.00e+300"
