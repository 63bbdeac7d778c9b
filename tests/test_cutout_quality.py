"""The cut-out's quality against other keyers on drawn subjects, and the instruments that measure it."""

from __future__ import annotations

import cutout as benchmark
import numpy as np
import pytest
from cutout_keyers import colour_difference, per_pixel
from cutout_render import Delivery, levels, render
from cutout_score import score
from cutout_subjects import SUBJECTS

from imagegen_magic.matting.cutout import cutout

GREEN = "#00ff00"


def test_the_truth_scores_nothing():
    """A perfect cut-out has no error, and one that keeps the backdrop has a large one."""
    truth = SUBJECTS["icons"](np.random.default_rng(1))
    picture, expected = render(truth, Delivery(key=GREEN))
    assert score(expected, expected, levels(GREEN)).headline == 0
    opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    assert score(opaque, expected, levels(GREEN)).headline > 30


@pytest.mark.parametrize(
    ("pixel", "expected"),
    [
        ((0, 255, 0), (0, 0, 0, 0)),
        ((8, 247, 8), (0, 0, 0, 0)),
        ((200, 30, 40), (200, 30, 40, 255)),
        ((90, 140, 60), (90, 89, 60, 126)),
        ((0, 128, 0), (0, 0, 0, 127)),
    ],
    ids=["key", "near the key", "far from it", "tinted: the distance decides, and green is capped", "dark green"],
)
def test_the_per_pixel_helper(pixel, expected):
    """What it is compared with follows the helper's description: smooth step, dominance, despill."""
    picture = np.empty((16, 16, 3), np.uint8)
    picture[:] = (0, 255, 0)
    picture[8, 8] = pixel
    found = per_pixel(picture, GREEN)[8, 8].astype(int)
    assert np.abs(found - expected).max() <= 2, found


@pytest.mark.parametrize("name", ["leaves", "rings_gold", "text_dark", "icons", "motion"])
def test_better_than_the_classics(name):
    """On a clean and on a noisy, drifting backdrop the error is under that of the studio's colour-difference keyer."""
    truth = SUBJECTS[name](np.random.default_rng(11))
    for delivery in (Delivery(key=GREEN), Delivery(key=GREEN, delivered="#06f60d", drift=4, noise=1.5, spill=0.12)):
        picture, expected = render(truth, delivery)
        ours, theirs = cutout(picture, key=GREEN).rgba, colour_difference(picture, GREEN)
        found, other = (score(each, expected, levels(GREEN)).headline for each in (ours, theirs))
        assert found < other


@pytest.mark.parametrize("name", ["hair_blond", "smoke_white", "shadow", "glass_clear", "rings_gold", "violet"])
def test_as_models_deliver(name):
    """No case is worse than colour difference by more than half a level, and the report's word fits the error."""
    case = benchmark.own_case(name)
    cut = cutout(case.picture, key=case.key)
    found, other = (
        score(rgba, case.truth, levels(case.key)).headline
        for rgba in (cut.rgba, colour_difference(case.picture, case.key))
    )
    assert found < other + 0.5
    assert not (cut.report.status == "pass" and found > 5)
    assert not (cut.report.status == "fail" and found < 2)


@pytest.mark.parametrize("name", ["violet", "leaves", "teal"])
@pytest.mark.parametrize(("key", "delivered"), [(GREEN, "#07f50d"), ("#ff00ff", "#e509d6")])
def test_strong_key_light(name, key, delivered):
    """A third of the key's light on the subject is taken off, or the report names it."""
    truth = SUBJECTS[name](np.random.default_rng(7100))
    picture, expected = render(truth, Delivery(key=key, delivered=delivered, drift=1, ringing=1, spill=0.35, seed=3))
    cut = cutout(picture, key=key)
    lit = cutout(picture, key=key, despill=False)
    found, left = (score(each.rgba, expected, levels(key)).headline for each in (cut, lit))
    assert found < 0.65 * left
    assert cut.report.check("key_light").status == "warn" or found < 5
