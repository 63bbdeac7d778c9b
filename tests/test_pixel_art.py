"""Painted pixel art to real pixels, on truths that were enlarged, bent and delivered as models deliver them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pixel_truths import Lattice as Painted
from pixel_truths import figure, paint

from imagegen_magic.errors import CutoutError, OptionError
from imagegen_magic.matting.cutout import cutout
from imagegen_magic.spritesheets.colours import from_oklab, to_oklab
from imagegen_magic.spritesheets.palette import named_palettes, pick_colours, read_palette, settle_palette, to_hex
from imagegen_magic.spritesheets.pixelate import pixelate
from imagegen_magic.spritesheets.sheet import slice_sheet

PAINTED = [
    Painted(pitch=16),
    Painted(pitch=17.24, drift=6),
    Painted(pitch=6.4),
    Painted(pitch=9.7, aspect=1.04, drift=3),
    Painted(pitch=13.06, blur=1.6, noise=5, drift=2, texture=1),
]


def right(found, truth):
    """The share of pixels that have the truth's alpha and its colour within 24 levels; 0 for another size."""
    if found.shape != truth.shape:
        return 0.0
    shown = truth[..., 3] > 0
    colours = np.abs(found[..., :3].astype(int) - truth[..., :3]).max(axis=2) <= 24
    return float((((found[..., 3] > 0) == shown) & (colours | ~shown)).mean())


@pytest.mark.parametrize("painted", PAINTED, ids=lambda painted: f"{painted.pitch}")
@pytest.mark.parametrize("kind", ["hero", "slime", "potion"])
def test_pixels_come_back(kind, painted):
    """Every pixel of the art, from blocks of a broken width on lines that wander."""
    truth = figure(kind)
    sprites = slice_sheet(paint(truth, painted, seed=1), frames=1, pixel_art=True)
    rows, columns = (np.flatnonzero(sprites.pixels[0][..., 3].any(axis=axis)) for axis in (1, 0))
    found = sprites.pixels[0][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert right(found, truth) > 0.99
    assert sprites.pitch[0] == pytest.approx(painted.pitch, rel=0.06)


def painted_row(count=4):
    """A row of one slime, each with a lattice of its own beginnings."""
    tiles = [paint(figure("slime"), Painted(pitch=12.6, drift=2), seed=seed, margin=50) for seed in range(count)]
    height, width = max(t.shape[0] for t in tiles), max(t.shape[1] for t in tiles)
    row = np.full((height, width * count, 3), (8, 244, 12), np.uint8)
    for number, tile in enumerate(tiles):
        row[: tile.shape[0], number * width : number * width + tile.shape[1]] = tile
    return row


def test_one_palette_for_all_frames():
    """The same art in every frame gives the same pixels and the palette's few colours."""
    sprites = slice_sheet(painted_row(), frames=4, columns=4, cell="48x32", pixel_art=True, palette=16, name="idle")
    assert [frame.size for frame in sprites.frames] == [(48, 32)] * 4
    used = {tuple(colour) for frame in sprites.pixels for colour in frame[frame[..., 3] > 0][:, :3]}
    assert len(used) <= len(sprites.palette) == 5
    assert all(np.mean(frame != sprites.pixels[0]) < 0.02 for frame in sprites.pixels)
    assert set(np.unique(sprites.pixels[0][..., 3])) == {0, 255}


def test_given_palette_is_kept():
    """All colours of all frames are the palette's; nothing is dithered."""
    sprites = slice_sheet(painted_row(2), frames=2, columns=2, pixel_art=True, palette="pico-8")
    used = {tuple(colour) for frame in sprites.pixels for colour in frame[frame[..., 3] > 0][:, :3]}
    assert {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in used} <= set(named_palettes()["pico-8"])


def test_the_same_every_time():
    """No chance in it."""
    first, second = (slice_sheet(painted_row(2), frames=2, pixel_art=True) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first.pixels, second.pixels, strict=True))
    assert first.palette == second.palette


def test_given_pitch_is_obeyed():
    """The pitch that the user knows is taken at its word."""
    truth = figure("potion")
    sprites = slice_sheet(paint(truth, Painted(pitch=16), seed=1), frames=1, pixel_art=True, pitch=8)
    assert sprites.pitch == (8, 8)
    assert sprites.pixels[0].shape[0] >= 2 * truth.shape[0]


def test_more_pixels_than_the_cell():
    """Art that does not fit is sampled coarser, and that is said; art that fits is not touched."""
    image = paint(figure("hero"), Painted(pitch=16), seed=1)
    small = slice_sheet(image, frames=1, pixel_art=True, cell="24x24")
    assert small.frames[0].size == (24, 24)
    assert small.report.check("lattice").status == "warn"
    assert slice_sheet(image, frames=1, pixel_art=True, cell="64x64").report.check("lattice").status == "pass"


def test_smooth_art_has_no_lattice():
    """A painting without blocks is not called pixel art."""
    y, x = np.mgrid[:400, :400]
    disc = np.full((400, 400, 3), (0, 255, 0), np.uint8)
    inside = (x - 200) ** 2 + (y - 200) ** 2 < 140**2
    disc[inside] = np.stack([x, y // 2, 255 - x // 2], axis=2)[inside].clip(0, 255)
    sprites = slice_sheet(disc, frames=1, pixel_art=True, cell="32x32")
    assert "no lattice" in sprites.report.check("lattice").sentence
    assert sprites.frames[0].size == (32, 32)


def test_oklab_is_there_and_back():
    """All levels come back."""
    colours = np.random.default_rng(0).integers(0, 256, (500, 3)).astype(np.uint8)
    assert (from_oklab(to_oklab(colours)) == colours).all()
    assert to_oklab(np.array([[255, 255, 255]], np.uint8))[0] == pytest.approx([1, 0, 0], abs=1e-4)


def test_small_highlights_keep_their_colour():
    """A colour of few pixels that is far from all others gets a place in the palette."""
    colours = np.array([[200, 40, 40], [196, 44, 40], [40, 60, 200], [44, 60, 196], [255, 255, 255]], np.uint8)
    palette = pick_colours(colours, np.array([900, 700, 800, 600, 4], np.float32), 3)
    assert [255, 255, 255] in palette.tolist()


def test_palette_files(tmp_path):
    """GIMP, hex and JASC files hold the same colours."""
    (tmp_path / "a.gpl").write_text(
        "GIMP Palette\nName: a\nColumns: 2\n# text\n  0   0   0\tblack\n255 128  1 Orange\n"
    )
    (tmp_path / "a.hex").write_text("000000\nFF8001\n")
    (tmp_path / "a.pal").write_text("JASC-PAL\r\n0100\r\n2\r\n0 0 0\r\n255 128 1\r\n")
    for name in ("a.gpl", "a.hex", "a.pal"):
        assert to_hex(read_palette(tmp_path / name)) == ("#000000", "#ff8001")
        assert to_hex(settle_palette(tmp_path / name)) == ("#000000", "#ff8001")


@pytest.mark.parametrize("choice", [1, 257, 1.5, "picco", "none.gpl", ["#12"], [], "a.txt"])
def test_palettes_that_cannot_be(choice):
    """A wrong palette is refused with what would do."""
    with pytest.raises(OptionError) as caught:
        settle_palette(choice)
    assert caught.value.problems[0].fix


RIFF = b"RIFF" + bytes(4) + b"PAL data" + bytes(4) + b"\x00\x03\x02\x00" + bytes([1, 2, 3, 0, 4, 5, 6, 0])
ACT = bytes([1, 2, 3, 4, 5, 6]) + bytes(762)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("old.gpl", "GIMP Palette\nName: Früh\nChannels: RGBA\n# x\n1 2 3 255\tgrün\n4 5 6\n".encode("latin-1")),
        ("dos.gpl", "\ufeffGIMP Palette\r\n1 2 3\r\n4 5 6\r\n".encode()),
        ("microsoft.pal", RIFF),
        ("jasc.pal", b"JASC-PAL\n0100\n2\n1 2 3\n4 5 6 255\n"),
        ("adobe.act", ACT + b"\x00\x02\xff\xff"),
        ("list.hex", b"; mine\n010203\n#040506\n"),
    ],
)
def test_palette_files_of_other_programs(name, data, tmp_path):
    """Old encodings, Microsoft's .pal and Adobe's colour tables hold the same two colours."""
    path = tmp_path / name
    path.write_bytes(data)
    assert to_hex(settle_palette(path)) == ("#010203", "#040506")


@pytest.mark.parametrize(
    ("name", "data", "rule"),
    [
        ("a.gpl", b"GIMP Palette\n1 2 3\nhello world\n", "'hello world' is not a colour"),
        ("b.gpl", b"GIMP Palette\n-3 0 0\n", "'-3 0 0' is not a colour"),
        ("c.gpl", b"GIMP Palette\n", "holds 0 colours"),
        ("d.pal", b"JASC-PAL\n0100\n5\n1 2 3\n", "says '5' colours and holds 1"),
        ("e.pal", RIFF[:-3], "without a whole palette"),
        ("f.act", ACT[:700], "700 bytes"),
        ("g.hex", b"f00\n", "'f00' is not a colour"),
    ],
)
def test_palette_files_with_mistakes(name, data, rule, tmp_path):
    """The card names the file and the line; no colour is left out in silence."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(OptionError) as error:
        settle_palette(str(tmp_path / name))
    (problem,) = error.value.problems
    assert problem.value == name
    assert rule in problem.rule


@pytest.mark.parametrize(
    ("choice", "value"),
    [(["#f00", "white"], "white"), (["#12345"], "#12345"), ([], "0 colours"), (True, True), ([(1, 2, 3)], "(1, 2, 3)")],
)
def test_the_colour_that_is_none_is_named(choice, value):
    """An error has the value as it was given; short hex colours are colours."""
    with pytest.raises(OptionError) as caught:
        settle_palette(choice)
    assert caught.value.problems[0].value == value
    assert to_hex(settle_palette(["#f00", "#00FF00"])) == ("#ff0000", "#00ff00")


def test_palette_file_that_is_not_there(tmp_path):
    """It is said that the file can't be read, not that it is none."""
    with pytest.raises(OptionError, match="can't be read: No such file"):
        settle_palette(tmp_path / "no.gpl")


def test_pixelate_one_image():
    """A picture that is clear around its figure comes back pixel by pixel; a size is obeyed exactly."""
    truth = figure("slime")
    cut = cutout(paint(truth, Painted(pitch=12.6, drift=2), seed=2)).rgba
    art = pixelate(cut, palette=16)
    assert right(art.pixels[0], truth) > 0.99
    assert art.confidence > 0.5
    assert pixelate(cut, size="20x12").frames[0].size == (20, 12)


def test_pixelate_asks_for_a_size():
    """Without a lattice nothing is guessed."""
    smooth = np.stack([*np.meshgrid(np.arange(256), np.arange(256)), np.full((256, 256), 90)], axis=2).astype(np.uint8)
    with pytest.raises(OptionError) as caught:
        pixelate(smooth)
    assert "size=" in caught.value.problems[0].fix
    assert pixelate(smooth, size="16x8").frames[0].size == (16, 8)


@pytest.mark.parametrize("times", [2, 3, 7, 16])
@pytest.mark.parametrize("kind", ["hero", "potion", "invader"])
def test_enlarged_pixels_come_back_as_they_were(kind, times):
    """Real pixels that were enlarged by a whole number are found exactly, with every one of their colours."""
    truth = figure(kind, 4)
    made = pixelate(truth.repeat(times, axis=0).repeat(times, axis=1))
    assert made.pitch == (times, times)
    assert np.array_equal(made.pixels[0], truth)


@pytest.mark.parametrize("kind", ["hero", "slime", "invader"])
def test_enlarged_by_no_whole_number(kind):
    """Nearest scaling by 6.5 has hard edges and no noise: the art is what changes, not noise."""
    truth = figure(kind, 4)
    size = round(truth.shape[1] * 6.5), round(truth.shape[0] * 6.5)
    made = pixelate(Image.fromarray(truth).resize(size, Image.Resampling.NEAREST))
    assert made.size == truth.shape[1::-1]


@pytest.mark.parametrize("pitch", [40, 300, 4096])
def test_blocks_larger_than_the_figure(pitch):
    """A figure that is no longer than one block is one pixel."""
    page = np.zeros((50, 40, 4), np.uint8)
    page[5:45, 5:35] = (200, 30, 40, 255)
    assert pixelate(page, pitch=pitch).size == (1, 1)


@pytest.mark.parametrize("given", [{"size": "8x8"}, {"pitch": 8}, {}])
@pytest.mark.parametrize("alpha", [0, 100])
def test_nothing_opaque(given, alpha):
    """A picture without an opaque pixel is a card, with or without a size."""
    with pytest.raises((CutoutError, OptionError)):
        pixelate(np.full((64, 64, 4), alpha, np.uint8), **given)


@pytest.mark.parametrize("edge", [1, 2, 5, 11])
def test_tiny_pictures_have_no_lattice(edge):
    """A handful of pixels is said to be none, and a pitch is taken at its word."""
    page = np.random.default_rng(1).integers(0, 255, (edge, edge, 3)).astype(np.uint8)
    with pytest.raises(OptionError, match="no lattice"):
        pixelate(page)
    assert pixelate(page, pitch=1).size == (edge, edge)
