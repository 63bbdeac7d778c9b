"""Two backdrops: true alpha from an aligned pair, a shift corrected, a changed subject refused."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from cutout_subjects import SUBJECTS
from PIL import Image

from imagegen_magic.errors import CutoutError
from imagegen_magic.matting.alignment import align
from imagegen_magic.matting.cutout import cutout, difference_cutout

GREEN, MAGENTA = np.array((0, 255, 0)), np.array((255, 0, 255))
SIDE = 192


def smooth(seed, scale=24):
    grid = np.random.default_rng(seed).random((scale, scale), dtype=np.float32)
    return cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def bottle():
    """Tinted glass with an opaque, textured label: alpha (h, w) and colour (h, w, 3)."""
    body, label = np.zeros((8 * SIDE, 8 * SIDE), np.uint8), np.zeros((8 * SIDE, 8 * SIDE), np.uint8)
    cv2.ellipse(body, (4 * SIDE, 4 * SIDE), (int(2.4 * SIDE), int(3.2 * SIDE)), 0, 0, 360, 255, -1)
    cv2.rectangle(label, (3 * SIDE, 3 * SIDE), (5 * SIDE, 5 * SIDE), 255, -1)
    body, label = (cv2.resize(m, (SIDE, SIDE), interpolation=cv2.INTER_AREA)[..., None] / 255 for m in (body, label))
    alpha = np.maximum(0.4 * body, label)
    paper = np.array((220, 205, 180)) * (0.6 + 0.4 * smooth(1)[..., None])
    return alpha[..., 0], np.where(label > 0, paper, np.array((150, 190, 120)))


def over(alpha, colour, key):
    weight = alpha[..., None]
    return np.clip(np.rint(weight * colour + (1 - weight) * key), 0, 255).astype(np.uint8)


def pair(alpha, colour):
    return over(alpha, colour, GREEN), over(alpha, colour, MAGENTA)


def moved(image, x, y):
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    return cv2.warpAffine(image, matrix, image.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def test_glass_is_solved_exactly():
    """Tinted glass has its true opacity and colour, which one backdrop cannot give."""
    alpha, colour = bottle()
    cut = difference_cutout(*pair(alpha, colour))
    glass = cv2.erode((alpha == 0.4).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert np.abs(cut.alpha / 255 - alpha).max() < 0.02
    assert not cut.foreground[cut.alpha == 0].any()
    assert np.abs(cut.foreground[glass].astype(int) - (150, 190, 120)).max() <= 3
    assert (cut.key, cut.second.hex, cut.shift) == ("#00ff00", "#ff00ff", (0.0, 0.0))
    assert cut.report.check("partial_share").status == "pass"
    single = cutout(over(alpha, colour, GREEN))
    assert np.abs(single.alpha[glass] / 255 - 0.4).mean() > np.abs(cut.alpha[glass] / 255 - 0.4).mean()


@pytest.mark.parametrize("shift", [(0.5, 0.5), (-0.7, 0.3), (2, 2), (-2, 1), (5, -3)])
def test_a_shift_is_found_and_corrected(shift):
    """A second frame that is off by half a pixel or by several is brought back."""
    alpha, colour = bottle()
    first, second = pair(alpha, colour)
    cut = difference_cutout(first, moved(second, *shift))
    assert cut.shift == pytest.approx(shift, abs=0.2)
    assert np.abs(cut.alpha / 255 - alpha).mean() < 0.01
    assert np.abs(cut.alpha[alpha == 0.4] / 255 - 0.4).mean() < 0.02


def test_a_slightly_brighter_subject_is_accepted():
    """A model that redraws the subject a little brighter spoils nothing."""
    alpha, colour = bottle()
    first, second = over(alpha, colour, GREEN), over(alpha, np.clip(colour * 1.03, 0, 255), MAGENTA)
    cut = difference_cutout(first, second)
    assert np.abs(cut.alpha / 255 - alpha).mean() < 0.02


def test_a_changed_subject_is_refused():
    """Another label in the second frame is said, with how much differs and what to do."""
    alpha, colour = bottle()
    with pytest.raises(
        CutoutError, match=r"the subject was changed between the two pictures: by \d+ levels"
    ) as refused:
        difference_cutout(over(alpha, colour, GREEN), over(alpha, 255 - colour, MAGENTA))
    assert "cutout(first) works with the first picture alone" in refused.value.hints


def test_a_backdrop_that_was_not_changed_is_refused():
    """Two frames on one backdrop hold no second equation."""
    alpha, colour = bottle()
    first = over(alpha, colour, GREEN)
    with pytest.raises(CutoutError, match="too much alike"):
        difference_cutout(first, first)


def test_frames_of_two_sizes_are_refused():
    """Both sizes are named."""
    alpha, colour = bottle()
    first, second = pair(alpha, colour)
    with pytest.raises(CutoutError, match="192 x 192 and 192 x 190"):
        difference_cutout(first, second[:190])


def test_no_flat_backdrop_is_refused():
    """Each frame needs one."""
    alpha, colour = bottle()
    noise = np.random.default_rng(2).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    with pytest.raises(CutoutError, match="no flat backdrop"):
        difference_cutout(over(alpha, colour, GREEN), noise)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.25, -0.5), (1.5, 2.0)])
def test_alignment_alone(shift):
    """The offset of two frames is known to a tenth of a pixel, whatever is translucent in them."""
    first, second = pair(*bottle())
    apart = (GREEN - MAGENTA).astype(np.float32)
    assert align(first, moved(second, *shift), apart) == pytest.approx(shift, abs=0.1)


def test_what_no_shift_explains_is_not_shifted():
    """Unrelated frames stay where they are."""
    first, second = (np.repeat(np.rint(255 * smooth(s))[..., None], 3, axis=2).astype(np.uint8) for s in (4, 5))
    assert align(first, second, (GREEN - MAGENTA).astype(np.float32)) == (0.0, 0.0)


def test_through_jpeg():
    """Frames with halved colour resolution are solved too; clear pixels hold no colour."""
    alpha, colour = bottle()
    frames = []
    for frame in pair(alpha, colour):
        _, data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
        frames.append(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].copy())
    cut = difference_cutout(*frames)
    assert cut.backdrop.compressed
    assert np.abs(cut.alpha / 255 - alpha).mean() < 0.02
    assert not cut.foreground[cut.alpha == 0].any()


def test_the_lumas_of_both_frames_show_hair():
    """Through JPEG the strands are finer than the colour is: two frames tell them from each other, one does not."""
    truth = SUBJECTS["portrait"](np.random.default_rng(5))[:400, 150:550].astype(np.float32)
    frames = []
    for key in (GREEN, MAGENTA):
        weight = truth[..., 3:] / 255
        delivered = np.rint(weight * truth[..., :3] + (1 - weight) * key).astype(np.uint8)
        data = io.BytesIO()
        Image.fromarray(delivered).save(data, "JPEG", quality=88, subsampling=2)
        frames.append(np.asarray(Image.open(data)))
    errors = [
        np.abs(cut.alpha.astype(np.float32) - truth[..., 3]).mean()
        for cut in (difference_cutout(*frames), cutout(frames[0]))
    ]
    assert errors[0] < 0.6 * errors[1]
