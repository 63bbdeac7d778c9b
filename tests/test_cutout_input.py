"""What the cut-out refuses and what it takes: a card with the value, the rule and a fix, never a raw error."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import imagegen_magic
from imagegen_magic.errors import CutoutError, ImagegenError
from imagegen_magic.images.preview import scaled
from imagegen_magic.matting.cutout import cutout, cutout_many, difference_cutout

GREEN, MAGENTA, RED = (0, 255, 0), (255, 0, 255), (200, 30, 40)


def square(key=GREEN):
    """A red square on a flat key, (64, 64, 3) uint8."""
    image = np.empty((64, 64, 3), np.uint8)
    image[:] = key
    image[16:48, 16:48] = RED
    return image


def as_file(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("settings", "field", "rule"),
    [
        ({"edge_contract": 1.5}, "edge_contract", "a whole number from 0 to 16"),
        ({"edge_contract": -1}, "edge_contract", "a whole number from 0 to 16"),
        ({"edge_contract": True}, "edge_contract", "a whole number from 0 to 16"),
        ({"edge_contract": 17}, "edge_contract", "a whole number from 0 to 16"),
        ({"edge_feather": float("nan")}, "edge_feather", "a number from 0 to 64"),
        ({"edge_feather": float("inf")}, "edge_feather", "a number from 0 to 64"),
        ({"edge_feather": "1"}, "edge_feather", "a number from 0 to 64"),
        ({"tolerance": "12"}, "tolerance", "a whole number from 0 to 255"),
        ({"tolerance": 256}, "tolerance", "a whole number from 0 to 255"),
        ({"transparent_threshold": -3}, "transparent_threshold", "a number from 0 to 255"),
        ({"opaque_threshold": [200]}, "opaque_threshold", "a number from 0 to 255"),
        ({"transparent_threshold": 90, "opaque_threshold": 50}, "transparent_threshold", "must be below"),
        ({"key": (0, 255)}, "key", "a colour"),
        ({"key": None}, "key", "a colour"),
        ({"key": (0, 300, 0)}, "key", "a colour"),
        ({"key": (True, False, True)}, "key", "a colour"),
        ({"key": b"00ff00"}, "key", "a colour"),
        ({"key": np.array([0, 255, 0])}, "key", "a colour"),
        ({"key": ""}, "key_color", "a hex colour"),
        ({"key": "greenish"}, "key_color", "a hex colour"),
        ({"subject": "opak"}, "subject", "one of auto, opaque, translucent"),
        ({"subject": None}, "subject", "one of auto, opaque, translucent"),
        ({"subject": np.array(["auto", "opaque"])}, "subject", "one of auto, opaque, translucent"),
        ({"auto_key": "edges"}, "auto_key", "one of none, corners, border"),
        ({"auto_key": "none"}, "key", "needs a key colour"),
        ({"despill": None}, "despill", "True or False"),
        ({"soft_matte": 1}, "soft_matte", "True or False"),
    ],
)
def test_settings_out_of_range(settings, field, rule):
    """The card names the setting, what it was, what it may be, and one that works."""
    with pytest.raises(ImagegenError) as caught:
        cutout(square(), **settings)
    problem = caught.value.problems[0]
    assert (problem.field, rule in problem.rule) == (field, True)
    assert problem.fix


def test_all_at_once():
    """Every setting that is wrong is named in one card."""
    with pytest.raises(CutoutError) as caught:
        cutout(square(), edge_contract=-1, subject="opak", key=(0, 300, 0))
    assert {problem.field for problem in caught.value.problems} == {"edge_contract", "subject", "key"}


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (None, "NoneType is not a picture"),
        (5, "int is not a picture"),
        (square().tolist(), "list is not a picture"),
        ("a\0b.png", "not a picture that Pillow can read"),
        ("a" * 5000, "not a picture that Pillow can read"),
        (b"", "not a picture that Pillow can read"),
        (io.StringIO("text"), "not a picture"),
        (square() > 3, "not bool"),
        (square() / 255, "not float64"),
        (np.array([None]), "not object"),
        (square()[None], r"not uint8 \(1, 64, 64, 3\)"),
        (square()[:0], r"not uint8 \(0, 64, 3\)"),
    ],
)
def test_what_is_no_picture(picture, told):
    """Said by what it is."""
    with pytest.raises(CutoutError, match=told):
        cutout(picture)


def test_a_folder_and_a_closed_file(tmp_path):
    """Neither ends in an error of the file system."""
    with pytest.raises(CutoutError, match="is a folder"):
        cutout(tmp_path)
    closed = io.BytesIO(as_file(square()))
    closed.close()
    with pytest.raises(CutoutError, match="not a picture"):
        cutout(closed)


@pytest.mark.parametrize("kind", [io.BytesIO, bytearray, memoryview])
def test_whatever_holds_a_file(kind):
    """A binary file in memory is a picture like any other."""
    assert cutout(kind(as_file(square()))).key == "#00ff00"


def test_one_stray_pixel_is_no_transparency():
    """A pixel of alpha 200 in an opaque picture leaves the backdrop to be removed."""
    pixels = np.dstack([square(), np.full((64, 64), 255, np.uint8)])
    pixels[3, 3, 3] = 200
    cut = cutout(pixels)
    assert cut.key == "#00ff00"
    assert not cut.alpha[0, 0]


def test_where_a_cut_out_cannot_be_saved(tmp_path):
    """The card names the folder, and no half file is left."""
    cut = cutout(square())
    with pytest.raises(CutoutError, match="missing is not a folder"):
        cut.save(tmp_path / "missing" / "a.png")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(CutoutError, match=r"b\.png is a folder"):
        cut.save(tmp_path / "b.png")
    with pytest.raises(CutoutError, match="can't hold a cut-out"):
        cut.to_bytes("jpeg")
    assert [path.name for path in tmp_path.iterdir()] == ["b.png"]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (None, "NoneType is not a path"),
        (b"a.png", "bytes is not a path"),
        ("a" * 300 + ".png", "can't be written"),
        ("a\0b.png", "can't be written"),
        ("a.jpg", "needs .png or .webp"),
        ("a" * 300 + ".jpg", "needs .png or .webp"),
    ],
)
def test_names_that_cannot_be_saved(target, told, tmp_path):
    """A card each, short however long the name is; nothing is left behind."""
    with pytest.raises(CutoutError, match=told) as caught:
        cutout(square()).save(tmp_path / target if isinstance(target, str) else target)
    assert len(str(caught.value)) < 250
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a" * 240 + ".png", "ä" * 120 + ".webp"])
def test_long_names_that_fit_are_written(name, tmp_path):
    """The file that is written first has a short name of its own."""
    assert cutout(square()).save(tmp_path / name).stat().st_size


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"edge": 3}, "edge"),
        ({"subject": "opak", "tolerances": 3}, "tolerances"),
        ({"suffix": ".jpg"}, "can't hold a cut-out"),
        ({"out_dir": None}, "not a folder"),
        ({"paths": [None, "a.png"]}, "paths[0]"),
    ],
)
def test_many_is_checked_before_the_first_picture(arguments, told, tmp_path):
    """An unknown option, a suffix, a folder or an item that is no path is said once, before anything is made."""
    with pytest.raises(CutoutError) as caught:
        cutout_many(**({"paths": ["a.png"], "out_dir": tmp_path / "out"} | arguments))
    assert told in str(caught.value)
    assert len(caught.value.problems) == (
        2 if "tolerances" in arguments else "edge" in arguments or "paths" in arguments
    )
    assert not (tmp_path / "out").exists()


def test_many_takes_a_list_and_a_folder(tmp_path):
    """One path in place of a list would be taken letter by letter."""
    with pytest.raises(CutoutError, match="takes a list of paths"):
        cutout_many("a.png", out_dir=tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CutoutError, match="file is not a folder"):
        cutout_many(["a.png"], out_dir=tmp_path / "file")


def test_two_of_ones_own_pictures():
    """Public in Python; its keys are checked as one picture's is."""
    cut = imagegen_magic.difference_cutout(square(), square(MAGENTA))
    assert cut.alpha[32, 32] == 255
    assert not cut.alpha[0, 0]
    assert tuple(cut.foreground[32, 32]) == RED
    for settings, field in (({"key1": (0, 300, 0)}, "key1"), ({"key2": None}, "key2")):
        with pytest.raises(CutoutError) as caught:
            difference_cutout(square(), square(MAGENTA), **settings)
        assert caught.value.problems[0].field == field


def test_two_pictures_on_a_line(shell, folder):
    """`%imagegen cutout A --second B` is the same call."""
    for name, key in (("green", GREEN), ("magenta", MAGENTA)):
        Image.fromarray(square(key)).save(folder / f"{name}.png")
    cut = shell.run_line_magic("imagegen", "cutout green.png --second magenta.png")
    assert np.array_equal(cut.alpha, difference_cutout(square(), square(MAGENTA)).alpha)
    assert cut.second is not None


@pytest.mark.parametrize(("soft", "mixed"), [(False, False), (True, True)])
def test_web_copies_of_pixel_art(folder, soft, mixed):
    """A hard cut-out is scaled by picking pixels, a soft one by mixing them."""
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[16:48:2, 16:48] = (200, 30, 40, 255)
    pixels[17:48:2, 16:48] = (20, 30, 240, 255)
    if soft:
        pixels[15, 16:48] = (200, 30, 40, 120)
    Image.fromarray(pixels).save(folder / "art.png")
    copy = np.array(scaled(folder / "art.png", 23)[0])
    colours = {tuple(colour) for colour in copy.reshape(-1, 4).tolist()}
    assert (not colours <= {(0, 0, 0, 0), (200, 30, 40, 255), (20, 30, 240, 255)}) is mixed
