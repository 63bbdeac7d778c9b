"""Each piece of advice that the report gives: followed, it lowers the error that a viewer sees."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from cutout_render import Delivery, levels, render
from cutout_score import score
from cutout_subjects import SUBJECTS

from imagegen_magic.matting.checks import measure
from imagegen_magic.matting.cutout import cutout, difference_cutout

GREEN, MAGENTA = "#00ff00", "#ff00ff"


def truth_of(name, seed=21):
    """A drawn subject at half size."""
    drawn = SUBJECTS[name](np.random.default_rng(seed)).astype(np.float32)
    premultiplied = np.dstack([drawn[..., :3] * drawn[..., 3:] / 255, drawn[..., 3]])
    small = cv2.resize(premultiplied, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    small[..., :3] /= np.maximum(small[..., 3:], 1) / 255
    return np.rint(small).clip(0, 255).astype(np.uint8)


def pane():
    """A flat pane of grey glass, which one picture can't tell from a green card."""
    truth = np.zeros((240, 240, 4), np.uint8)
    truth[50:190, 50:190] = (205, 205, 210, 150)
    truth[90:120, 80:160] = (150, 40, 30, 255)
    return truth


def error(cut, expected, key=GREEN):
    """The score's headline."""
    return score(cut.rgba, expected, levels(key)).headline


def advised(cut, name, words):
    """Asserts that the check of that name gives the advice."""
    check = cut.report.check(name)
    assert check.status != "pass"
    assert words in check.sentence, check


@pytest.mark.parametrize("name", ["glass_clear", "glass_amber", "smoke_white", "hair_dark", "hair_blond"])
def test_two_backdrops(name):
    """Glass, smoke and hair by two backdrops are nearer to the truth than by one."""
    truth, delivery = truth_of(name), Delivery(key=GREEN, noise=0.7)
    (first, expected), (second, _) = render(truth, delivery), render(truth, delivery, MAGENTA)
    single = cutout(first, key=GREEN)
    advised(single, "partial_share", "--transparent difference")
    pair = difference_cutout(first, second, key1=GREEN, key2=MAGENTA)
    assert error(pair, expected) < error(single, expected)
    assert pair.report.check("partial_share").status == "pass"


@pytest.mark.parametrize("name", ["violet", "product", "hair_dark", "leaves"])
def test_png(name):
    """The same picture as PNG is nearer to the truth than through JPEG."""
    truth = truth_of(name)
    (lossy, blurred), (whole, expected) = (render(truth, Delivery(key=MAGENTA, jpeg=jpeg)) for jpeg in (85, None))
    cut = cutout(lossy, key=MAGENTA)
    advised(cut, "compression", "--output-format png")
    better = cutout(whole, key=MAGENTA)
    assert better.report.check("compression").status == "pass"
    assert error(better, expected, MAGENTA) < error(cut, blurred, MAGENTA)


def test_translucent():
    """A pane that was taken for opaque is glass, if it is said."""
    picture, expected = render(pane(), Delivery(key=GREEN, noise=0.5))
    cut = cutout(picture, key=GREEN)
    advised(cut, "key_tint", "--opacity translucent")
    said = cutout(picture, key=GREEN, subject="translucent")
    assert error(said, expected) < 0.5 * error(cut, expected)
    assert said.report.check("key_tint").status == "pass"


@pytest.mark.parametrize("name", ["smoke_white", "glass_amber", "shadow"])
@pytest.mark.parametrize("backdrop", ["#ffffff", "#000000"])
def test_a_key_colour(name, backdrop):
    """What white and black can't show, a key colour does."""
    truth = truth_of(name)
    (plain, expected), (keyed, wanted) = (render(truth, Delivery(key=key, noise=0.5)) for key in (backdrop, GREEN))
    cut = cutout(plain, key=backdrop)
    advised(cut, "colourless_backdrop", "--key-color #00ff00")
    assert error(cutout(keyed, key=GREEN), wanted) < 0.5 * error(cut, expected, backdrop)


def test_another_key():
    """A subject of the key's own colour needs another key."""
    truth = truth_of("violet")
    truth[..., :3] = np.clip(truth[..., :3].astype(int) * (0.3, 3.4, 0.2), 0, 255)
    (near, expected), (far, wanted) = (render(truth, Delivery(key=key, noise=0.5)) for key in (GREEN, MAGENTA))
    cut = cutout(near, key=GREEN)
    advised(cut, "subject_key_collision", "use another key colour")
    assert error(cutout(far, key=MAGENTA), wanted, MAGENTA) < error(cut, expected)


def test_padding():
    """A subject that is cut off is whole if it keeps clear of the border."""
    truth = truth_of("violet")
    cut = cutout(render(np.roll(truth, 190, axis=0)[190:], Delivery(key=GREEN))[0], key=GREEN)
    advised(cut, "subject_touches_border", "ask for generous padding")
    padded, expected = render(np.pad(truth, ((40, 40), (40, 40), (0, 0))), Delivery(key=GREEN))
    whole = cutout(padded, key=GREEN)
    assert whole.report.check("subject_touches_border").status == "pass"
    assert error(whole, expected) < 1


def test_a_threshold_takes_a_fringe_off():
    """Faint key in the soft edge of a cut-out made elsewhere is named; a threshold at the same step removes it."""
    truth = truth_of("violet")
    picture, expected = render(truth, Delivery(key=GREEN, noise=0.5))
    distance = np.abs(picture.astype(int) - levels(GREEN)).max(axis=2)
    alpha = np.clip(distance * 3, 0, 255).astype(np.uint8)
    naive = np.dstack([picture, alpha])
    backdrop = cutout(picture, key=GREEN).backdrop
    check = measure(naive, backdrop=backdrop).check("key_fringe")
    assert check.status != "pass"
    assert "--transparent-threshold 20" in check.sentence
    followed = np.dstack([picture, np.where(distance <= 20, 0, alpha)]).astype(np.uint8)
    assert score(followed, expected, levels(GREEN)).headline < score(naive, expected, levels(GREEN)).headline
