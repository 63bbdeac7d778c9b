"""Sheets to sprites, on drawn truths: which figure belongs to which frame, where it stands, and what is said of it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from sprite_truths import MOTIONS
from sprite_truths import sheet as drawn

from imagegen_magic.errors import CutoutError, OptionError
from imagegen_magic.facts.sizes import read_cell
from imagegen_magic.matting.loading import load_picture
from imagegen_magic.spritesheets.animation import encode_animation, gif_durations
from imagegen_magic.spritesheets.cells import Asked, Grid, assign_cells
from imagegen_magic.spritesheets.figures import cut_figures
from imagegen_magic.spritesheets.parts import find_parts
from imagegen_magic.spritesheets.placing import resized
from imagegen_magic.spritesheets.sheet import asked_of, slice_objects, slice_sheet


def sheet(motion, *, cell=(160, 288), height=130, shifts=None, **options):
    """A small drawn sheet."""
    return drawn(motion, cell=cell, height=height, shifts=shifts, **options)


def sliced(made, **options):
    """The sprites of a drawn sheet, in its own grid."""
    given = {"frames": made.frames, "columns": made.columns, "rows": made.rows, "cell": "96x96", "name": "walk"}
    return slice_sheet(made.image, **(given | options))


def open_points(sprites):
    """The names of the checks that did not pass."""
    return {check.name: check.status for check in sprites.report.checks if check.status != "pass"}


@pytest.mark.parametrize("motion", MOTIONS)
def test_anchors_find_the_pivot(motion):
    """The core column stays on the hips while legs, arms, blade and cape swing; a box's middle would not."""
    made = sheet(motion, seed=3)
    alpha = np.where(np.abs(made.image.astype(int) - (6, 246, 13)).max(axis=2) > 60, 255, 0).astype(np.uint8)
    clear = np.dstack([made.image, alpha])
    parts = find_parts(alpha)
    figures = cut_figures(clear, parts, assign_cells(parts, Asked(columns=6, rows=1, count=6)))
    off = np.array([figure.core - pivot[0] for figure, pivot in zip(figures, made.pivots, strict=True)])
    assert off.std() < 1.0
    middles = [(f.box.left + f.box.right) / 2 - pivot[0] for f, pivot in zip(figures, made.pivots, strict=True)]
    if motion in ("attack", "cape", "walk"):
        assert off.std() < 0.25 * np.std(middles)


@pytest.mark.parametrize(("columns", "rows", "cell"), [(6, 1, (160, 288)), (3, 2, (288, 288))])
def test_drift_is_taken_out(columns, rows, cell):
    """Figures that stand tens of pixels off their cells stand within about a pixel of each other."""
    sprites = sliced(sheet("walk", columns=columns, rows=rows, cell=cell, seed=3))
    assert sprites.report.before.most > 15
    assert sprites.report.after.most < 3
    assert [frame.size for frame in sprites.frames] == [(96, 96)] * 6
    assert not open_points(sprites)


def test_a_jump_keeps_its_height():
    """Feet that leave the ground are lifted in the frames too; a walk's feet are all on one line."""
    made = sheet("jump", seed=2)
    jump, flat = sliced(made, name="jump"), sliced(made, ground="feet")

    def feet(sprites):
        return [int(np.flatnonzero((frame[..., 3] > 127).any(axis=1))[-1]) for frame in sprites.pixels]

    assert feet(jump)[2] < feet(jump)[0] - 12
    assert max(feet(flat)) - min(feet(flat)) <= 1
    assert feet(sliced(made, name="hop")) == feet(jump), "what the feet show decides if the name does not"


def test_missing_frame():
    """An empty cell keeps its place and is said; the other frames stay whole."""
    sprites = sliced(sheet("walk", seed=1, missing=(3,)))
    assert open_points(sprites)["empty_cells"] == "fail"
    assert open_points(sprites)["layout"] == "fail"
    shown = [bool(frame[..., 3].any()) for frame in sprites.pixels]
    assert shown == [True, True, True, False, True, True]


def test_two_figures_in_a_cell():
    """Both stay in the frame, and the report names it."""
    sprites = sliced(sheet("walk", seed=1, doubled=(2,), cell=(190, 288)))
    assert sprites.report.check("doubled_cells").status == "fail"
    assert "frame 3" in sprites.report.check("doubled_cells").sentence
    assert sprites.report.check("layout").sentence.startswith("7 figures")


def test_figure_over_the_border_stays_whole():
    """A figure that leaves its cell is not cut at the border."""
    plain, moved = sheet("idle", seed=1, drift=0), sheet("idle", seed=1, drift=0, shifts={2: (75, 0), 3: (75, 0)})
    sprites = sliced(moved)
    assert "frames 3, 4" in sprites.report.check("over_the_border").sentence
    areas = [np.count_nonzero(frame[..., 3] > 127) for frame in sprites.pixels]
    whole = [np.count_nonzero(frame[..., 3] > 127) for frame in sliced(plain).pixels]
    assert areas == pytest.approx(whole, rel=0.05)


def test_figures_that_touch_are_cut_apart():
    """Figures grown together become two frames, and the seam is said."""
    sprites = sliced(sheet("attack", seed=1, shifts={2: (38, 0)}))
    assert sprites.report.check("grown_together").status == "warn"
    assert all(np.count_nonzero(frame[..., 3]) > 300 for frame in sprites.pixels)


@pytest.mark.parametrize(("columns", "width"), [(5, 190), (7, 136)])
def test_wrong_count(columns, width):
    """Another number of figures than asked for is said, and none of them is cut or left out."""
    sprites = slice_sheet(
        sheet("walk", seed=1, columns=columns, cell=(width, 288)).image, frames=6, columns=6, name="walk"
    )
    assert len(sprites) == columns
    assert sprites.report.check("layout").sentence == f"{columns} figures were painted, 6 were asked for"
    assert sprites.report.check("grown_together").status == "pass"


def test_another_grid_than_asked():
    """A grid painted in place of a row is read as a grid."""
    made = sheet("walk", seed=1, columns=3, rows=2, cell=(288, 288))
    sprites = slice_sheet(made.image, frames=6, columns=6, rows=1, name="walk", cell="96x96")
    assert sprites.report.grid == Grid(columns=3, rows=2, count=6)
    assert sprites.report.check("layout").status == "warn"
    assert slice_sheet(made.image, name="walk").report.grid == sprites.report.grid, "found without being told"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("colour", {"tints": {4: (230, 110, 60)}}),
        ("ramp", {"scales": {number: 1 + 0.04 * number for number in range(6)}}),
        ("cut_off", {"shifts": {0: (-70, 0)}}),
        ("size", {"scales": {2: 0.8}}),
    ],
)
def test_faults_are_said(name, options):
    """Each fault that is drawn is found, and is not found without it."""
    assert name in open_points(sliced(sheet("walk", seed=1, **options)))
    assert name not in open_points(sliced(sheet("walk", seed=1)))


def test_repeated_frame_and_loop():
    """The same frame twice is said; a cycle loops better than a motion that ends elsewhere."""
    cycle = sliced(sheet("walk", seed=1))
    one = sheet("idle", seed=1, columns=1, drift=0).image
    twice = slice_sheet(np.concatenate([one, one], axis=1), frames=2, columns=2, name="idle")
    assert twice.report.check("repeated").sentence.startswith("frame 2")
    assert "repeated" not in open_points(cycle)
    once = sliced(sheet("attack", seed=1, columns=3, cell=(288, 288)), loops=False)
    assert once.report.loop is None
    growing = sliced(sheet("walk", seed=1, scales={number: 1 + 0.05 * number for number in range(6)}))
    assert growing.report.loop < 0.75 < cycle.report.loop
    assert open_points(growing)["loop"] == "warn"


def test_like_keeps_scale_and_pivot():
    """A second animation of the same hero has the size and pivot of the first."""
    idle = sliced(sheet("idle", seed=1), name="idle", cell="128x128")
    walk = sliced(sheet("walk", seed=2), like=idle, cell=None)
    assert walk.placement == idle.placement
    assert walk.size == (128, 128)


def test_nothing_under_the_clear():
    """A clear pixel of a frame holds no key colour."""
    for frame in sliced(sheet("walk", seed=1)).pixels:
        assert not frame[frame[..., 3] == 0].any()


def test_scaling_weights_colour_by_alpha():
    """Clear green beside opaque red gives red edges."""
    image = np.zeros((4, 4, 4), np.uint8)
    image[..., 1] = 255
    image[:, 1:] = (255, 0, 0, 255)
    small = resized(image, (2, 2))
    assert small[0, 0].tolist() == [255, 0, 0, 128]
    assert resized(image, (8, 8), nearest=True)[0, 2].tolist() == [255, 0, 0, 255]


def test_objects_of_an_asset_sheet():
    """Free-standing objects come in reading order with their padding; a spark belongs to what it is next to."""
    page = np.zeros((300, 400, 4), np.uint8)
    for left, top, side, red in (
        (20, 20, 60, 10),
        (150, 30, 50, 20),
        (300, 24, 40, 30),
        (30, 180, 80, 40),
        (200, 190, 60, 50),
    ):
        page[top : top + side, left : left + side] = (red, 0, 0, 255)
    page[26:34, 344:352] = (30, 0, 0, 255)  # a spark, 4 pixels from the third
    objects = slice_objects(page, padding=3, gap=5)
    assert [int(frame[..., 0].max()) for frame in objects.pixels] == [10, 20, 30, 40, 50]
    assert [frame.shape[:2] for frame in objects.pixels] == [(66, 66), (56, 56), (46, 58), (86, 86), (66, 66)]
    assert objects.frame_names[0] == "object-1"
    assert len(slice_objects(page, gap=0)) == 6


@pytest.mark.parametrize(
    ("given", "painted", "grid"),
    [
        ((6, None, None), (6, 1, 6), (6, 1, 6)),
        ((6, None, None), (5, 1, 5), (6, 1, 6)),
        ((6, None, None), (3, 2, 4), (3, 2, 6)),
        ((7, None, None), (4, 2, 7), (4, 2, 7)),
        ((5, None, None), (4, 2, 5), (4, 2, 5)),
        ((3, None, None), (4, 2, 8), (3, 1, 3)),
        ((6, 3, None), (6, 1, 6), (3, 2, 6)),
        ((5, None, 2), (3, 2, 5), (3, 2, 5)),
        ((None, None, 1), (5, 1, 5), (5, 1, 5)),
        ((None, 3, None), (3, 2, 5), (3, 2, 5)),
        ((None, 4, 2), (3, 2, 6), (4, 2, 8)),
        ((5, 3, 2), (6, 1, 6), (3, 2, 5)),
    ],
)
def test_a_grid_that_is_said_in_part(given, painted, grid):
    """What is said of a grid holds; what is left out follows from the rest and from what is painted."""
    columns, rows, count = painted
    found = asked_of(*given).on(Grid(columns=columns, rows=rows, count=count))
    assert (found.columns, found.rows, found.count) == grid


@pytest.mark.parametrize("frames", [None, 7])
def test_a_number_of_frames_is_no_row(frames):
    """A sheet of four and three in two rows is found as such, whether its number is said or not."""
    made = sheet("walk", seed=1, columns=4, rows=2, cell=(256, 256))
    image = made.image.copy()
    image[256:, 768:] = image[0, 0]
    report = slice_sheet(image, frames=frames, name="walk").report
    assert report.grid == Grid(columns=4, rows=2, count=7)
    assert report.check("layout").status == "pass"


@pytest.mark.parametrize("given", [{}, {"frames": 5}, {"rows": 1}])
def test_a_high_jump_is_a_row(given):
    """A figure that jumps higher than half of itself stands in the same row, in its place."""
    page = np.full((600, 1000, 4), (0, 255, 0, 255), np.uint8)
    for number, top in enumerate((400, 250, 20, 250, 400)):
        page[top : top + 150, number * 200 + 60 : number * 200 + 120] = (40 + 40 * number, 30, 90, 255)
    sprites = slice_sheet(page, name="jump", **given)
    assert sprites.report.grid == Grid(columns=5, rows=1, count=5)
    assert sprites.report.check("layout").status == "pass"
    assert [int(frame[..., 0][frame[..., 3] == 255].mean()) for frame in sprites.pixels] == [40, 80, 120, 160, 200]


@pytest.mark.parametrize("given", [(7, 3, 2), (0, None, None), (None, -1, 2), ("6", None, None), (2.5, 2, None)])
def test_grids_that_cannot_be(given):
    """Frames that no cell would hold are refused before anything is done."""
    with pytest.raises(OptionError):
        asked_of(*given)


def test_read_cell():
    """A cell is `64x64`, `64` or a pair."""
    assert read_cell("64x48") == read_cell((64, 48)) == (64, 48)
    assert read_cell("32") == read_cell(32) == (32, 32)
    for bad in ("64x", "3x3", "5000", (64,), (1.5, 4), 3, 64.0, None):
        with pytest.raises(OptionError):
            read_cell(bad)


@pytest.mark.parametrize(
    "given",
    [
        {"pitch": -4}, {"pitch": "x"}, {"pitch": float("nan")}, {"margin": 0.6}, {"margin": -1}, {"ground": "sky"}, {"cell": (9, 0)},
    ],
)  # fmt: skip
def test_arguments_that_cannot_be(given):
    """Each is refused by a card that names it, with what to write in its place."""
    with pytest.raises(OptionError) as error:
        sliced(sheet("idle", seed=1, columns=2, cell=(288, 288)), **given)
    (problem,) = error.value.problems
    assert problem.field == next(iter(given))
    assert problem.fix


@pytest.mark.parametrize("given", [{"padding": -1}, {"padding": "2"}, {"padding": 10**6}, {"gap": -3}, {"gap": 10**6}])
def test_objects_that_cannot_be_cut(given):
    """The same for the objects of a sheet."""
    with pytest.raises(OptionError, match=next(iter(given))):
        slice_objects(sheet("idle", seed=1, columns=2, cell=(288, 288)).image, **given)


def test_no_figure():
    """An empty sheet is an error that says so."""
    with pytest.raises(CutoutError, match="no figure"):
        slice_sheet(np.full((200, 300, 3), (0, 255, 0), np.uint8), frames=4)


@pytest.mark.parametrize("form", ["gif", "apng", "webp"])
def test_animations_read_back(form):
    """Every frame and the whole time come back from the file; alpha as far as the format holds it."""
    sprites = sliced(sheet("walk", seed=1), fps=12)
    with Image.open(io.BytesIO(sprites.animated(form))) as image:
        assert image.n_frames == 6
        total = 0
        for number, frame in enumerate(sprites.pixels):
            image.seek(number)
            shown = np.array(image.convert("RGBA"))
            total += image.info["duration"]
            if form == "gif":
                solid = frame[..., 3] >= 128
                assert ((shown[..., 3] == 255) == solid).all()
                assert np.abs(shown[..., :3].astype(int) - frame[..., :3])[solid].mean() < 4
            else:
                visible = frame[..., 3] > 0
                assert (shown[visible] == frame[visible]).all()
                assert (shown[..., 3] == frame[..., 3]).all()
    assert total == 500
    assert sum(sprites.durations) == 500


@pytest.mark.parametrize("form", ["gif", "apng", "webp"])
def test_clear_frames_blink(form):
    """A frame with nothing on it is shown as one, wherever it stands, and the file stays one file."""
    square, clear = np.zeros((20, 30, 4), np.uint8), np.zeros((20, 30, 4), np.uint8)
    square[5:10, 3:8] = (200, 30, 40, 255)
    frames = [clear, square, clear, np.roll(square, 9, axis=1), clear]
    data = encode_animation(frames, [100] * 5, form)
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 5
        for number, frame in enumerate(frames):
            image.seek(number)
            assert (np.array(image.convert("RGBA"))[..., 3] == frame[..., 3]).all()
            assert image.info["duration"] == 100
    assert form != "gif" or data.count(b"GIF89a") == 1


def test_still_pixels_do_not_flicker():
    """All frames of a GIF share one palette, with more colours than it holds."""
    rng = np.random.default_rng(0)
    frames = [np.dstack([rng.integers(0, 256, (60, 60, 3)), np.full((60, 60), 255)]).astype(np.uint8) for _ in range(3)]
    for frame in frames[1:]:
        frame[:30] = frames[0][:30]
    with Image.open(io.BytesIO(encode_animation(frames, [100] * 3, "gif"))) as image:
        shown = []
        for number in range(3):
            image.seek(number)
            shown.append(np.array(image.convert("RGBA")))
    assert (shown[0][:30] == shown[1][:30]).all()
    assert (shown[0][:30] == shown[2][:30]).all()


def test_gif_times():
    """Steps of 10 ms whose sum stays right, none below what browsers play."""
    assert gif_durations([83, 83, 84, 83]) == [80, 90, 80, 80]
    assert gif_durations([5, 5]) == [20, 20]
    assert sum(gif_durations([125] * 8)) == 1000


def test_retimed():
    """Frames a second, or milliseconds for each; anything else is refused."""
    sprites = sliced(sheet("idle", seed=1, columns=2, cell=(288, 288)))
    assert sprites.retimed(fps=3).durations == (333, 334)
    assert sprites.retimed(durations=[40, 60]).durations == (40, 60)
    for bad in ({}, {"fps": 0}, {"durations": [40]}, {"durations": [0, 40]}, {"fps": 5, "durations": [1, 1]}):
        with pytest.raises(OptionError):
            sprites.retimed(**bad)


def with_lines(made, kind):
    """The sheet with lines between its cells, or with a box around each of them."""
    image = made.image.copy()
    high, wide = image.shape[0] // made.rows, image.shape[1] // made.columns
    for row in range(made.rows):
        for column in range(made.columns):
            top, left = row * high, column * wide
            if kind == "boxes":
                image[top + 6 : top + high - 6, left + 6 : left + wide - 6][_border(high - 12, wide - 12)] = (
                    20,
                    20,
                    20,
                )
            elif kind == "lines":
                image[top : top + high, left : left + wide][_border(high, wide)] = (250, 250, 250)
            elif column:
                image[:, left - 1 : left + 2] = (40, 40, 40)
    return image


def _border(high, wide):
    inside = np.zeros((high, wide), bool)
    inside[2:-2, 2:-2] = True
    return ~inside


@pytest.mark.parametrize("kind", ["lines", "boxes", "dividers"])
@pytest.mark.parametrize("grid", [(6, 1, (256, 512)), (3, 2, (512, 512))])
def test_lines_between_cells_are_left_out(kind, grid):
    """Painted lines make no frame larger, join no figures, and are said."""
    columns, rows, cell = grid
    made = drawn("walk", seed=2, columns=columns, rows=rows, cell=cell, drift=0.01)
    plain = slice_sheet(made.image, frames=6, columns=columns, rows=rows, name="walk")
    lined = slice_sheet(with_lines(made, kind), frames=6, columns=columns, rows=rows, name="walk")
    assert lined.report.check("lines").status == "warn"
    assert lined.report.ok
    assert np.abs(np.subtract(lined.size, plain.size)).max() <= 2
    with pytest.raises(KeyError):
        plain.report.check("lines")


@pytest.mark.parametrize("colour", [(255, 0, 255), (255, 0, 0), (0, 0, 255)])
def test_lines_in_a_strong_colour_are_no_backdrop(colour):
    """Lines along the edge that could be a key are left out too: the key is what fills the cells."""
    made = drawn("walk", seed=2, columns=3, rows=2, cell=(512, 512), drift=0.01)
    image = made.image.copy()
    for start in (0, 512, 1024, 1536):
        image[:, max(0, start - 3) : start + 3] = colour
        image[max(0, start - 3) : start + 3] = colour
    plain, lined = (slice_sheet(pixels, frames=6, name="walk") for pixels in (made.image, image))
    assert lined.key == plain.key
    assert lined.report.check("lines").status == "warn"
    assert np.abs(np.subtract(lined.size, plain.size)).max() <= 2


@pytest.mark.parametrize(("form", "options"), [("JPEG", {"quality": 85}), ("WEBP", {"quality": 80})])
def test_a_lossy_sheet_keeps_its_colours_and_says_so(form, options):
    """Small figures of several colours are not taken for lit by the key; that their edges may be tinted is said."""
    made = sheet("walk", seed=1, columns=4, cell=(256, 256))
    buffer = io.BytesIO()
    Image.fromarray(made.image).save(buffer, form, **options)
    plain, lossy = (slice_sheet(given, frames=4, name="walk") for given in (made.image, buffer.getvalue()))
    assert open_points(lossy).get("compression") == "warn"
    assert "compression" not in open_points(plain)
    assert "key_light" not in open_points(lossy)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_an_animation_is_no_sheet(suffix, tmp_path):
    """Its first frame is not taken for the whole: the error says what takes it apart. One frame of it is a picture."""
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("green", "red")]
    frames[0].save(tmp_path / f"wave.{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(CutoutError, match="an animation of 2 frames"):
        slice_sheet(tmp_path / f"wave.{suffix}")
    with Image.open(tmp_path / f"wave.{suffix}") as opened:
        assert load_picture(opened)[0].shape == (64, 64, 3)


@pytest.mark.parametrize("motion", sorted(MOTIONS))
def test_limbs_and_blades_are_no_lines(motion):
    """Nothing of a figure is taken for a line, or for something beside it."""
    names = {check.name for check in sliced(sheet(motion, seed=5), name=motion).report.checks}
    assert not names & {"lines", "beside"}


def test_labels_are_said():
    """A text above each figure is kept, and the report names the frames that have one."""
    made = drawn("walk", seed=2, drift=0.01)
    image = made.image.copy()
    for cell in (0, 3):
        image[20:40, cell * 256 + 20 : cell * 256 + 90 : 2] = (0, 0, 0)
        image[28:31, cell * 256 + 20 : cell * 256 + 90] = (0, 0, 0)
    report = slice_sheet(image, frames=6, columns=6, name="walk").report
    assert report.check("beside").sentence.startswith("frames 1, 4 with something beside the figure")


def test_numbers_under_the_feet_are_said():
    """A number close below a figure is small, but moves its foot line: the report names the frames."""
    page = np.full((256, 768, 3), (0, 255, 0), np.uint8)
    for left in (80, 336, 592):
        page[40:200, left : left + 80] = (40, 30, 90)
    page[206:222, 350:356] = page[206:222, 600:606] = 0
    report = slice_sheet(page, frames=3, name="idle").report
    assert report.check("beside").sentence.startswith("frames 2, 3 with something beside the figure")


def test_frames_that_fill_a_finished_sheet():
    """A transparent sheet is packed up to its edge: that is a question, and no failure as on a painted backdrop."""
    art = np.zeros((32, 96, 4), np.uint8)
    for left in (2, 34, 66):
        art[:, left : left + 24] = (200, 30, 40, 255)
    check = slice_sheet(art).report.check("cut_off")
    assert (check.status, check.value) == ("warn", 3)
    green = np.where(art[..., 3:] > 0, art, np.array([0, 255, 0, 255], np.uint8))[..., :3]
    assert slice_sheet(np.ascontiguousarray(green)).report.check("cut_off").status == "fail"


def test_a_floating_head_is_no_second_figure():
    """Pieces that stand close together in a cell are one figure; figures that stand apart are two."""
    page = np.zeros((200, 600, 4), np.uint8)
    for cell in range(4):
        left = cell * 150 + 40
        page[30:90, left : left + 60] = (200, 50, 50, 255)
        page[94:170, left : left + 60] = (50, 50, 200, 255)
    joined = slice_sheet(page, frames=4, columns=4, name="idle")
    assert (joined.report.check("layout").status, joined.report.check("doubled_cells").status) == ("pass", "pass")
    assert joined.report.check("layout").value == 4
    page[94:110] = 0
    apart = slice_sheet(page, frames=4, columns=4, name="idle")
    assert apart.report.check("doubled_cells").value == 4
