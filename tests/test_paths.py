"""Where files go, what a whole image is, what a killed process leaves, and what stays outside."""

from __future__ import annotations

import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from imagegen_magic.errors import OptionError, RequestError
from imagegen_magic.images.masks import build_mask, protect
from imagegen_magic.images.opening import read_input
from imagegen_magic.images.preview import preview
from imagegen_magic.redaction import find_key, redact
from imagegen_magic.store.folder import Store
from imagegen_magic.store.recovery import recover
from imagegen_magic.wire.answers import ParsedResponse
from imagegen_magic.wire.fetching import fetch_image

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "gif": "GIF"}


def encoded(form, edge=40, color="navy"):
    """A small image as a file of that format."""
    stream = io.BytesIO()
    Image.new("RGB", (edge, edge), color).save(stream, FORMATS[form])
    return stream.getvalue()


def test_a_link_leads_nowhere_outside(tmp_path):
    """A folder inside the output folder that is a link to another place takes no file."""
    (tmp_path / "elsewhere").mkdir()
    store = Store(tmp_path / "out")
    store.folder.mkdir()
    (store.folder / "sub").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    for out in ("sub/hero.png", "sub/deeper/hero.png"):
        with pytest.raises(OptionError):
            store.peek("hero", 1, "png", out=out)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def left_by_a_killed_process(store, files, notes):
    """A spool place that nobody holds: received files, and the notes of what was asked for."""
    place = store.folder / ".incoming" / "1-dead"
    place.mkdir(parents=True)
    (place / "alive.lock").touch()
    for name, data in files.items():
        (place / name).write_bytes(data)
    for number, note in enumerate(notes):
        (place / f"{number}.intent").write_text(json.dumps(note))


def note(name, prompt):
    """What a request notes before it is sent."""
    return {"record": {"prompt_typed": prompt, "digest": prompt, "outcome": "ambiguous"}, "paths": [name]}


@pytest.mark.parametrize("form", FORMATS)
def test_only_whole_images_are_recovered(form, tmp_path):
    """A file that was cut off anywhere is no image; a whole one is."""
    whole = encoded(form)
    for cut in (len(whole) // 3, len(whole) // 2, len(whole) - 1):
        store = Store(tmp_path / f"cut{cut}")
        left_by_a_killed_process(store, {f"x.{form}": whole[:cut]}, [])
        assert recover(store) == [], cut
    store = Store(tmp_path / "whole")
    left_by_a_killed_process(store, {f"x.{form}": whole}, [])
    (path,) = recover(store)
    assert path.read_bytes() == whole


def test_each_recovered_image_has_its_own_record(tmp_path):
    """Of several requests that a kill ended, none lends its prompt to another's image."""
    store = Store(tmp_path / "out")
    store.folder.mkdir()
    (store.folder / "mine.png").write_bytes(encoded("png"))
    os.utime(store.folder / "mine.png", (0, 0))
    prompts = {"a.png": "a red mug", "b.png": "a blue mug", "mine.png": "an image that was to overwrite mine"}
    left_by_a_killed_process(store, {}, [note(name, prompt) for name, prompt in prompts.items()])
    for name, color in (("a.png", "red"), ("b.png", "blue")):
        (store.folder / name).write_bytes(encoded("png", color=color))
    recover(store)
    found = {entry.path: record.prompt_typed for record in store.history.records() for entry in record.files}
    assert found == {"a.png": "a red mug", "b.png": "a blue mug"}


def test_an_image_belongs_to_the_request_whose_whole_number_it_has(tmp_path):
    """The eleventh request's image is not the first one's."""
    store = Store(tmp_path / "out")
    notes = [note(f"{number}.png", f"mug {number}") for number in range(12)]
    left_by_a_killed_process(store, {"11-30.png": encoded("png")}, notes)
    assert recover(store) == [store.folder / "11.png"]
    assert [record.prompt_typed for record in store.history.records()] == ["mug 11"]


def test_names_of_a_living_process_are_not_released(tmp_path):
    """Only the dead one's part is swept: the other's image is on its way."""
    living = Store(tmp_path / "out")
    plan = living.reserve("mug", 1, "png")
    left_by_a_killed_process(living, {}, [])
    recover(Store(tmp_path / "out"))
    assert [path.is_file() for path in plan.paths] == [True]


def test_an_answer_that_a_kill_cut_off_is_kept(tmp_path):
    """It may hold what was paid for; a file that was emptied for the next answer is none."""
    store = Store(tmp_path / "out")
    left_by_a_killed_process(store, {"0-1.json": b'{"data": [{"b64', "1-2.json": b"{"}, [])
    assert recover(store) == []
    assert [path.read_bytes() for path in (store.folder / "received").iterdir()] == [b'{"data": [{"b64']


def test_a_protected_edit_is_the_original_outside_the_mask(tmp_path):
    """Bit for bit, wherever the mask lets nothing change; and it is the edit well inside."""
    rng = np.random.default_rng(3)
    before = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    after = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(after).save(tmp_path / "edited.png")
    original = read_input(Image.fromarray(before), name="a.png")
    mask = build_mask(original, boxes=("0,0,48,96",))
    result = np.asarray(protect(original, tmp_path / "edited.png", mask).convert("RGB"))
    assert np.array_equal(result[:, 48:], before[:, 48:])
    assert np.array_equal(result[:, :24], after[:, :24])


@pytest.mark.parametrize("size", [(512, 512), (3840, 2160)])
def test_a_preview_is_light(size, tmp_path):
    """At most 768 px and 75 KB, also of noise, which compresses worst."""
    pixels = np.random.default_rng(5).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png", compress_level=1)
    small = preview(tmp_path / "noise.png")
    assert len(small.data) <= 75_000
    assert max(Image.open(io.BytesIO(small.data)).size) <= 768


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "OPENAI_ADMIN_KEY"])
def test_a_key_of_any_shape_is_found(name, monkeypatch):
    """The environment's own key, however it looks, is found in a cell and taken out of texts."""
    monkeypatch.setitem(os.environ, name, "a-key-of-no-known-shape")
    text = "print('a-key-of-no-known-shape')"
    assert find_key(text)
    assert "no-known" not in redact(text)
    assert not find_key("print('an ordinary text of words')")


@pytest.mark.parametrize("base", ["https://api.openai.com/v1", "http://127.0.0.1:8000/v1"])
def test_an_image_at_another_host_is_not_fetched_over_http(base, tmp_path):
    """Only the server's own host may be asked without https; the address stays in the card, because it is paid for."""
    answer = ParsedResponse()
    fetch_image("http://127.0.0.1:9/x.png", base, answer, Store(tmp_path / "out"))
    assert "neither https nor on the server's own host: http://127.0.0.1:9/x.png" in answer.faults[0]


@pytest.mark.parametrize(
    ("folder", "rule"),
    [
        ("s3://bucket/x", "not an address"),
        ("file:///tmp/x", "not an address"),
        ("https://host/x", "not an address"),
        ("a/" * 2000, "255 folders deep"),
    ],
)
def test_an_output_folder_that_is_none_is_refused(session, simulator, folder, rule):
    """A folder called `s3:` would be made here, and looked for there."""
    with pytest.raises(RequestError, match=rule):
        session.generate("a mug", out_dir=folder)
    assert not simulator.record
