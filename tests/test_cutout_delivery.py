"""Pictures as models deliver them: a key that is off, ringing around the subject, subjects in a tint of the key."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from imagegen_magic.errors import CutoutError
from imagegen_magic.matting.cutout import cutout

KEY = np.array((5, 248, 7), np.float32)
SIDE = 256


def disc(radius=70, blur=1.0):
    """Coverage of a disc, (SIDE, SIDE), with an edge `blur` pixels wide."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    distance = np.hypot(x - SIDE / 2, y - SIDE / 2)
    return np.clip((radius - distance) / blur + 0.5, 0, 1)


def grain(seed, size=1):
    """Noise in blobs, (SIDE, SIDE, 3), standard deviation 1."""
    noise = cv2.blur(
        np.random.default_rng(seed).standard_normal((SIDE, SIDE, 3)).astype(np.float32), (2 * size + 1,) * 2
    )
    return noise / noise.std()


def delivered(alpha, colour, ringing=0.0, seed=1):
    """The subject over the key, uint8, with `ringing` levels of noise at its edge that fade over 20 pixels."""
    weight = alpha[..., None]
    exact = weight * np.asarray(colour, np.float32) + (1 - weight) * KEY
    outside = cv2.distanceTransform((alpha == 0).astype(np.uint8), cv2.DIST_L2, 5)
    level = 0.5 + ringing * np.exp(-outside / 6)
    return np.clip(np.rint(exact + level[..., None] * grain(seed)), 0, 255).astype(np.uint8)


def dominance(colours):
    return colours[..., 1].astype(int) - colours[..., [0, 2]].max(axis=-1)


@pytest.mark.parametrize(("form", "quality"), [("JPEG", 85), ("WEBP", 80)])
def test_a_small_figure_of_several_colours_is_not_lit(form, quality):
    """Where light of the key would reach all of a subject, its own colours are no proof of it, and stay."""
    image = Image.new("RGB", (1024, 256), (0, 255, 0))
    draw = ImageDraw.Draw(image)
    for left in (0, 256, 512, 768):
        draw.ellipse((left + 98, 96, left + 158, 180), fill=(200, 60, 60))
        draw.ellipse((left + 102, 47, left + 154, 99), fill=(240, 200, 160))
        draw.line((left + 118, 170, left + 100, 218), fill=(40, 40, 160), width=16)
        draw.line((left + 138, 170, left + 156, 218), fill=(40, 40, 160), width=16)
    buffer = io.BytesIO()
    image.save(buffer, form, quality=quality)
    cut = cutout(buffer.getvalue())
    assert cut.backdrop.compressed
    assert cut.spill == 0
    middle = cut.foreground[73, 128].astype(int)
    assert np.abs(middle - (240, 200, 160)).max() < 12


@pytest.mark.parametrize("colour", [(200, 60, 50), (240, 240, 240), (30, 30, 40), (130, 80, 160)])
def test_ringing_leaves_no_outline(colour):
    """Noise of the decoder around the subject is backdrop; the edge has the subject's colour and no neon."""
    alpha = disc()
    cut = cutout(delivered(alpha, colour, ringing=5))
    away = cv2.distanceTransform((alpha == 0).astype(np.uint8), cv2.DIST_L2, 5) > 3
    assert (cut.alpha[away] > 16).mean() < 0.0005
    assert (cut.alpha[cv2.erode(alpha, np.ones((5, 5))) == 1] >= 225).all()
    edge = (cut.alpha > 25) & (cut.alpha < 250)
    assert dominance(cut.foreground)[edge].max() <= 8
    assert cut.report.status == "pass"


@pytest.mark.parametrize("colour", [(200, 160, 60), (150, 80, 190)])
def test_an_edge_out_of_focus_has_no_step(colour):
    """Opacity follows a wide soft edge up to its end, and no line of the key's light is left along it."""
    alpha = cv2.GaussianBlur(disc(), (0, 0), 5)
    cut = cutout(delivered(alpha, colour, ringing=2))
    assert np.count_nonzero(np.abs(cut.alpha - 255.0 * alpha) > 40) < 60  # of 8000 at the edge
    assert np.count_nonzero(dominance(cut.foreground)[cut.alpha > 200] > 12) < 60


@pytest.mark.parametrize("leaf", [(110, 150, 60), (150, 170, 60), (90, 140, 80)])
def test_textured_subjects_in_a_tint_of_the_key_stay_whole(leaf):
    """Light and shade on a green subject are not haze: no hole, no change of colour."""
    texture = 1 + 0.25 * grain(3, 4).mean(axis=2, keepdims=True)
    picture = delivered(disc(), np.clip(np.array(leaf) * texture, 0, 255), ringing=3)
    cut = cutout(picture)
    inside = disc(64) == 1
    assert (cut.alpha[inside] == 255).all()
    assert np.abs(cut.foreground[inside].astype(int) - picture[inside]).max() <= 1


def test_an_opaque_lime_is_opaque():
    """A flat subject that holds much of the key, with dark parts, is one piece but for the seam."""
    colour = np.full((SIDE, SIDE, 3), (50, 205, 50), np.float32)
    colour[150:] = (110, 70, 40)
    cut = cutout(delivered(disc(), colour))
    assert (cut.alpha[disc(64) == 1] == 255).mean() > 0.985


@pytest.mark.parametrize(("colour", "strongest"), [((245, 245, 250), 0.8), ((235, 138, 37), 0.6), ((8, 8, 10), 0.5)])
def test_haze_is_soft(colour, strongest):
    """White smoke, fire and a soft shadow have the opacity they were painted with."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    alpha = strongest * np.exp(-((x - 128) ** 2 + (y - 128) ** 2) / (2 * 28**2))
    cut = cutout(delivered(alpha, colour))
    assert np.abs(cut.alpha / 255 - alpha).mean() < 0.03


@pytest.mark.parametrize("colour", [(0, 0, 0), (8, 8, 12), (14, 10, 6)])
def test_a_soft_shadow_has_its_own_colour(colour):
    """A shadow that is not quite black is found: what it looks like in its middle is known to five levels."""
    body, cast = disc(50), cv2.GaussianBlur(disc(60), (0, 0), 14) * 0.5
    alpha = np.maximum(body, np.roll(cast, (20, 30), (0, 1)))
    colours = np.where((body > 0)[..., None], np.float32((70, 110, 190)), np.float32(colour))
    cut = cutout(delivered(alpha, colours, ringing=1.0))
    shaded = (body == 0) & (alpha > 0.2)
    assert np.abs(cut.foreground[shaded].mean(axis=0) - colour).max() < 5
    assert np.abs(cut.alpha[shaded] / 255 - alpha[shaded]).mean() < 0.02


def test_the_word_opaque_is_kept():
    """What would pass for glass is opaque if the caller says so."""
    alpha = 0.5 * disc()
    assert (cutout(delivered(alpha, (230, 235, 240)), subject="opaque").alpha[disc(60) == 1] == 255).all()


def test_pixel_art_has_hard_edges():
    """Edges without a step between stay so, whatever rings around them."""
    rng = np.random.default_rng(4)
    palette = np.array([(20, 20, 30), (220, 60, 50), (250, 230, 90), (70, 110, 230)])
    cells, there = palette[rng.integers(0, 4, (16, 16))], rng.random((16, 16)) < 0.6
    there[:2] = there[-2:] = there[:, :2] = there[:, -2:] = False
    colour, alpha = (np.kron(plane, np.ones(shape)) for plane, shape in ((cells, (16, 16, 1)), (there, (16, 16))))
    picture = delivered(alpha.astype(np.float32), colour, ringing=4)
    cut = cutout(picture)
    assert np.array_equal(cut.alpha, np.where(alpha > 0, 255, 0))
    assert np.array_equal(cut.foreground[alpha > 0], picture[alpha > 0])


BAD = [
    ({"edge_contract": 1.5}, "edge_contract"),
    ({"edge_contract": -1}, "edge_contract"),
    ({"edge_contract": 17}, "edge_contract"),
    ({"edge_feather": float("nan")}, "edge_feather"),
    ({"edge_feather": "soft"}, "edge_feather"),
    ({"key": (0, 255)}, "key"),
    ({"key": (0, 300, 0)}, "key"),
    ({"key": None}, "key"),
    ({"subject": "opak"}, "subject"),
    ({"auto_key": "frame"}, "auto_key"),
    ({"tolerance": 256}, "tolerance"),
    ({"transparent_threshold": -1}, "transparent_threshold"),
    ({"opaque_threshold": 300}, "opaque_threshold"),
    ({"despill": "yes"}, "despill"),
]


@pytest.mark.parametrize(("settings", "name"), BAD, ids=lambda value: str(value)[:32])
def test_settings_out_of_range(settings, name):
    """A setting that makes no sense is named with its rule."""
    with pytest.raises(CutoutError) as refused:
        cutout(delivered(disc(), (200, 60, 50)), **settings)
    assert [problem.field for problem in refused.value.problems] == [name]


def test_all_bad_settings_at_once():
    """Every wrong setting is named in one card."""
    with pytest.raises(CutoutError) as refused:
        cutout(delivered(disc(), (200, 60, 50)), subject="opak", edge_contract=-1, edge_feather=99)
    assert {problem.field for problem in refused.value.problems} == {"subject", "edge_contract", "edge_feather"}


@pytest.mark.parametrize("image", [[1, 2, 3], None, 7, {"image": 1}])
def test_things_that_are_not_pictures(image):
    """Said with what is accepted."""
    with pytest.raises(CutoutError, match="a path, bytes, a binary file, a Pillow image or an array"):
        cutout(image)


def test_binary_files_are_read():
    """An open file or a BytesIO is a picture."""
    buffer = io.BytesIO()
    Image.fromarray(delivered(disc(), (200, 60, 50))).save(buffer, "PNG")
    buffer.seek(0)
    assert np.array_equal(cutout(buffer).alpha, cutout(buffer.getvalue()).alpha)


def test_a_stray_pixel_is_no_transparency():
    """One pixel of alpha 200 does not make an opaque picture a transparent one."""
    rgba = np.dstack([delivered(disc(), (200, 60, 50)), np.full((SIDE, SIDE), 255, np.uint8)])
    rgba[3, 3, 3] = 200
    assert cutout(rgba).key is not None


def test_a_missing_folder_is_named(tmp_path):
    """Saving says which folder is missing."""
    with pytest.raises(CutoutError, match="nowhere"):
        cutout(delivered(disc(), (200, 60, 50))).save(tmp_path / "nowhere/cut.png")
