"""Backdrops that are not what was asked for: framed, lined, without colour, uneven, painted checkerboards."""

from __future__ import annotations

import numpy as np
import pytest
from cutout_render import Delivery, levels, render
from cutout_score import score
from cutout_subjects import SUBJECTS

from imagegen_magic.errors import CutoutError
from imagegen_magic.matting.cutout import cutout

GREEN = "#00ff00"


def delivered(name="violet", key=GREEN):
    """A drawn subject on a key, quarter size, and its truth."""
    truth = SUBJECTS[name](np.random.default_rng(7))[::3, ::3]
    return render(truth, Delivery(key=key, noise=0.6))


def error(cut, truth, key=GREEN):
    """What a viewer sees of the difference, levels."""
    return score(cut.rgba, truth, levels(key)).headline


def framed(width, colour):
    """The subject within a frame of that many pixels, and its truth, which has no frame."""
    picture, truth = delivered()
    ring = np.ones(picture.shape[:2], bool)
    ring[width:-width, width:-width] = False
    picture[ring], truth[ring] = colour, 0
    return picture, truth


@pytest.mark.parametrize(("width", "colour"), [(1, (0, 0, 0)), (2, (255, 255, 255)), (5, (90, 90, 95))])
@pytest.mark.parametrize("key", ["auto", GREEN])
def test_a_thin_frame_is_no_backdrop(width, colour, key):
    """The frame is taken off and said, whether or not the key is known."""
    picture, truth = framed(width, colour)
    cut = cutout(picture, key=key)
    assert error(cut, truth) < 2
    assert cut.alpha.shape == truth.shape[:2]
    assert not cut.alpha[0].any()
    check = cut.report.check("frame")
    assert check.status == "warn"
    assert width <= check.value <= width + 3


def test_a_margin_of_key_is_the_backdrop():
    """A white card on a narrow green margin is the subject, and the margin no frame."""
    picture = np.full((200, 200, 3), 255, np.uint8)
    picture[:4], picture[-4:], picture[:, :4], picture[:, -4:] = [np.array((0, 255, 0), np.uint8)] * 4
    cut = cutout(picture)
    assert cut.key == GREEN
    assert (cut.alpha[10:-10, 10:-10] == 255).all()
    assert cut.report.check("frame").status == "pass"


@pytest.mark.parametrize("colour", [255, 200, 20])
def test_a_wide_mat_round_the_key_goes(colour):
    """A mat as wide as a third of the picture is a frame if what it surrounds is the key."""
    picture, truth = delivered()
    wide = np.pad(picture, ((170, 170), (170, 170), (0, 0)), constant_values=colour)
    cut = cutout(wide, key=GREEN)
    assert error(cut, np.pad(truth, ((170, 170), (170, 170), (0, 0)))) < 2
    assert cut.report.check("frame").status == "warn"


@pytest.mark.parametrize("colour", [(37, 211, 102), (255, 0, 0), (0, 255, 0)])
def test_an_icon_on_white_stays(colour):
    """A square is the subject, however evenly it is surrounded; in a key's colour the report says what else it may be."""
    picture = np.full((200, 200, 3), 255, np.uint8)
    picture[40:-40, 40:-40] = colour
    picture[90:110, 90:110] = 255
    cut = cutout(picture)
    assert (cut.alpha[42:88, 42:-42] == 255).all()
    assert cut.report.status == ("warn" if 255 in colour else "pass")
    assert ("if it is a mat round a key" in cut.report.check("colourless_backdrop").sentence) == (255 in colour)


def test_a_known_key_is_looked_for_inside():
    """An uneven mat hides the key from the border; the report says that the border stays, or names what may be a key."""
    picture, truth = delivered()
    wide = np.pad(picture, ((20, 90), (60, 200), (0, 0)), constant_values=200)
    inside = cutout(wide, key=GREEN)
    assert inside.key is not None
    assert np.abs(levels(inside.key) - levels(GREEN)).max() < 8
    assert (inside.alpha[20:-90, 60:-200][truth[..., 3] == 0] == 0).mean() > 0.99
    assert inside.report.status == "fail"
    unknown = cutout(wide).report.check("colourless_backdrop")
    assert unknown.status == "warn"
    assert "--key-color #00ff0" in unknown.sentence


@pytest.mark.parametrize(
    "where", [np.s_[:1], np.s_[-2:], np.s_[:, :2], np.s_[:, -3:]], ids=["top", "bottom", "left", "right"]
)
def test_a_line_of_odd_pixels_goes(where):
    """A line along an edge that no subject is connected to is not in the cut-out."""
    picture, truth = delivered()
    picture[where] = (60, 90, 60)
    cut = cutout(picture, key=GREEN)
    assert not cut.alpha[where].any()
    assert error(cut, truth) < 2


def test_a_subject_at_the_edge_stays():
    """What reaches the edge is subject, and the report says that it is cut off."""
    picture, truth = (np.roll(each, 90, axis=0) for each in delivered())
    picture, truth = picture[90:], truth[90:]
    cut = cutout(picture, key=GREEN)
    assert (cut.alpha[-1] > 127).sum() == (truth[-1, :, 3] > 127).sum()
    assert "cut off" in cut.report.check("subject_touches_border").sentence


@pytest.mark.parametrize("cell", [8, 16, 24])
@pytest.mark.parametrize("tones", [(255, 204), (255, 230), (102, 153)])
def test_a_painted_checkerboard_is_named(cell, tones):
    """Squares that stand for transparency are refused by name, not keyed by one of their tones."""
    _, truth = delivered()
    squares = np.where((np.indices(truth.shape[:2]) // cell).sum(axis=0) % 2, tones[0], tones[1])[..., None]
    alpha = truth[..., 3:] / 255
    noise = np.random.default_rng(1).normal(0, 1, truth[..., :3].shape)
    picture = np.clip(truth[..., :3] * alpha + (1 - alpha) * squares + noise, 0, 255).astype(np.uint8)
    with pytest.raises(CutoutError, match="painted checkerboard"):
        cutout(picture)


@pytest.mark.parametrize("key", ["#ffffff", "#808080", "#000000"])
@pytest.mark.parametrize("name", ["violet", "leaves"])
def test_opaque_subjects_come_out_of_backdrops_without_colour(name, key):
    """White and grey pass; on black a shadow would not show, which the report says."""
    picture, truth = delivered(name, key)
    cut = cutout(picture, key=key)
    check = cut.report.check("colourless_backdrop")
    assert cut.report.status == check.status == ("warn" if key == "#000000" else "pass")
    assert ("--key-color #00ff00" in check.sentence) == (check.status == "warn")
    assert error(cut, truth, key) < 2


@pytest.mark.parametrize("key", ["#ffffff", "#000000"])
@pytest.mark.parametrize("name", ["smoke_white", "smoke_fire", "glass_clear", "glass_amber", "hair_dark", "motion"])
def test_what_backdrops_without_colour_cannot_show_fails(name, key):
    """Glass, smoke, hair and blur that are mixed with white or black were taken for opaque."""
    picture, truth = render(SUBJECTS[name](np.random.default_rng(7)), Delivery(key=key, ringing=1))
    cut = cutout(picture, key=key)
    check = cut.report.check("colourless_backdrop")
    assert check.status == "fail"
    assert "--key-color #00ff00" in check.sentence
    assert error(cut, truth, key) > 5


@pytest.mark.parametrize("kind", ["floor", "stripes"])
def test_an_uneven_backdrop_is_no_subject(kind):
    """A floor, or stripes, in the backdrop's own hue: nothing is said of a subject that reaches the edge."""
    _, truth = delivered()
    y, x = np.mgrid[0 : truth.shape[0], 0 : truth.shape[1]]
    darker = y > 0.7 * len(y) if kind == "floor" else x // 10 % 2 == 0
    backdrop = np.where(darker[..., None], (60, 120, 50) if kind == "floor" else (0, 165, 0), (0, 250, 0))
    alpha = truth[..., 3:] / 255
    cut = cutout(np.rint(truth[..., :3] * alpha + (1 - alpha) * backdrop).astype(np.uint8), key=GREEN)
    said = " ".join(check.sentence for check in cut.report.checks if check.status != "pass")
    assert "one flat, unlit colour" in said
    assert "subject covers" not in cut.report.check("subject_touches_border").sentence
    assert "subject reaches" not in said
