"""The report on a cut-out: every check in each of its states, on arrays made for it."""

from __future__ import annotations

import numpy as np
import pytest

from imagegen_magic.matting.backdrop_fit import Backdrop
from imagegen_magic.matting.checkerboard import painted_checkerboard
from imagegen_magic.matting.checks import measure
from imagegen_magic.matting.report import THRESHOLDS, Check, CutoutReport

SIDE = 200


def backdrop(**changed):
    facts = {
        "key": (0.0, 255.0, 0.0), "grid": np.full((64, 64, 3), (0, 255, 0), np.float32), "noise": 0.3, "share": 1.0, "spread": 0.0,
        "compressed": False,
    }  # fmt: skip
    return Backdrop(**(facts | changed))


def subject(rows=slice(60, 140), columns=slice(60, 140), colour=(180, 60, 50), alpha=255):
    """A rectangle on nothing, RGBA."""
    rgba = np.zeros((SIDE, SIDE, 4), np.uint8)
    rgba[rows, columns] = (*colour, alpha)
    return rgba


def with_rim(colour, alpha=128):
    """The rectangle with a rim of another colour, partly transparent."""
    rgba = subject(slice(58, 142), slice(58, 142), colour, alpha)
    rgba[60:140, 60:140] = (180, 60, 50, 255)
    return rgba


def two_parts():
    """A red rectangle, and a smaller one that is green itself, its edges as green."""
    rgba = subject(columns=slice(20, 140))
    rgba[80:120, 160:190] = (50, 220, 40, 128)
    rgba[82:118, 162:188, 3] = 255
    return rgba


def with_pinholes(count, alpha=0):
    rgba = subject()
    places = [(y, x) for y in range(64, 136, 5) for x in range(64, 136, 5)][:count]
    for y, x in places:
        rgba[y, x, 3] = alpha
    return rgba


def ring():
    """The rectangle with a clear square in the middle of it, a quarter of its size."""
    rgba = subject()
    rgba[80:120, 80:120] = 0
    return rgba


def delivered(gap):
    """The ring's source on #00ff00, with this colour within it."""
    rgb = np.full((SIDE, SIDE, 3), (0, 255, 0), np.uint8)
    rgb[60:140, 60:140], rgb[80:120, 80:120] = (180, 60, 50), gap
    return rgb


def strands(every):
    """A square with half-transparent strands on two sides, one in so many columns; with 1 they are a blurred edge."""
    rgba = subject(slice(40, 160), slice(40, 160))
    for rows in (slice(20, 40), slice(160, 180)):
        rgba[rows, 40:160:every] = (180, 60, 50, 128)
    return rgba


def with_patch(size, colour=(20, 240, 30)):
    """The rectangle with an opaque patch in the key's colour."""
    rgba = subject()
    rgba[60 : 60 + size, 60:140, :3] = colour
    return rgba


def checkered(light=255, dark=204, cell=8):
    y, x = np.indices((SIDE, SIDE)) // cell
    tone = np.where((y + x) % 2, light, dark).astype(np.uint8)
    rgba = np.dstack([tone, tone, tone, np.full_like(tone, 255)])
    rgba[60:140, 60:140] = (180, 60, 50, 255)
    return rgba


def lit():
    """The rectangle with green light along its edge."""
    rgba = subject(slice(30, 170), slice(30, 170), (120, 110, 120))
    rgba[30:170, 30:170, 1] = 180
    rgba[38:162, 38:162, 1] = 110
    return rgba


def eaten():
    """The rectangle in a lime, of which a part is half transparent."""
    rgba = with_patch(80, (50, 205, 50))
    rgba[90:110, 90:110, 3] = 128
    return rgba


def outlined(outline):
    """The rectangle in yellow, which is farther from green than grey is, with an outline of that colour."""
    rgba = subject(slice(30, 170), slice(30, 170), outline)
    rgba[38:162, 38:162, :3] = (240, 180, 90)
    return rgba


FULL = slice(0, SIDE)
CASES = [
    ("alpha_present", "pass", subject(), {}, "is transparent"),
    ("alpha_present", "fail", subject(FULL, FULL), {}, "opaque everywhere"),
    ("corners_clear", "pass", subject(), {}, "all four corners are clear"),
    ("corners_clear", "warn", subject(slice(0, 90), slice(0, 90)), {}, "1 of 4 corners"),
    ("corners_clear", "fail", subject(FULL, FULL), {}, "4 of 4"),
    ("border_clear", "pass", subject(), {}, "100.0% of the border is clear"),
    ("border_clear", "warn", subject(slice(100, 200), slice(60, 140)), {}, "ask for more padding"),
    ("border_clear", "fail", subject(slice(0, 190), FULL), {}, "try another key colour"),
    ("border_clear", "fail", subject(slice(0, 190), FULL), {"backdrop": backdrop(share=0.2)}, "subject reaches the edge"),
    ("coverage", "pass", subject(), {}, "covers 16% of the picture"),
    ("coverage", "warn", subject(slice(60, 70), slice(60, 70)), {}, "look at it"),
    ("coverage", "fail", subject(slice(60, 61), slice(60, 61)), {}, "nothing sensible"),
    ("partial_share", "pass", subject(), {}, "0% of the subject"),
    ("partial_share", "warn", subject(alpha=128), {}, "--transparent difference"),
    ("partial_share", "warn", strands(2), {}, "for glass, smoke or hair two backdrops"),
    ("partial_share", "pass", strands(2), {"measured": True}, "14% of the subject"),
    ("partial_share", "pass", strands(1), {}, "25% of the subject"),
    ("partial_share", "pass", subject(alpha=128), {"measured": True}, "100% of the subject"),
    ("enclosed_gaps", "pass", subject(), {}, "no enclosed gaps"),
    ("enclosed_gaps", "pass", with_pinholes(3), {}, "no enclosed gaps"),
    ("enclosed_gaps", "warn", with_pinholes(100), {}, "100 pinholes"),
    ("painted_gaps", "pass", ring(), {"source": delivered((0, 255, 0))}, "every enclosed gap"),
    ("painted_gaps", "pass", ring(), {"source": delivered((3, 252, 3))}, "every enclosed gap"),
    ("painted_gaps", "warn", ring(), {"source": delivered((6, 249, 6))}, "25% of the subject was cleared"),
    ("subject_touches_border", "pass", subject(), {}, "keeps clear"),
    ("subject_touches_border", "warn", subject(slice(100, 200), slice(60, 140)), {}, "cut off"),
    ("checkerboard", "pass", subject(), {}, "no painted"),
    ("checkerboard", "fail", checkered(), {}, "painted checkerboard"),
    ("key_flatness", "pass", subject(), {}, "#00ff00 fills 100% of the border"),
    ("key_flatness", "warn", subject(), {"backdrop": backdrop(spread=40.0)}, "one flat, unlit colour"),
    ("key_flatness", "warn", subject(), {"backdrop": backdrop(noise=9.0)}, "one flat, unlit colour"),
    ("key_flatness", "warn", subject(), {"backdrop": backdrop(share=0.5)}, "one flat, unlit colour"),
    ("compression", "pass", subject(alpha=128), {}, "colours of full resolution"),
    ("compression", "warn", subject(), {"backdrop": backdrop(compressed=True)}, "0% of the subject is edge"),
    ("compression", "warn", subject(alpha=128), {"backdrop": backdrop(compressed=True)}, "--output-format png"),
    ("key_fringe", "pass", with_rim((180, 60, 50)), {}, "no visible key fringe"),
    ("key_fringe", "pass", two_parts(), {}, "no visible key fringe"),
    ("key_fringe", "warn", with_rim((100, 116, 100)), {}, "--transparent-threshold 20"),
    ("key_fringe", "fail", with_rim((60, 160, 60)), {}, "another key colour"),
    ("subject_key_collision", "pass", subject(), {}, "keeps away"),
    ("subject_key_collision", "warn", with_patch(4), {}, "5.0% of the subject comes near"),
    ("subject_key_collision", "warn", with_patch(40, (50, 205, 50)), {}, "50.0% of the subject comes near"),
    ("subject_key_collision", "fail", eaten(), {}, "100% of the subject has the key's colour"),
    ("subject_key_collision", "fail", with_patch(40), {}, "50% of the subject has the key's colour"),
    ("key_tint", "pass", subject(), {}, "nothing in a tint"),
    ("key_tint", "warn", subject(), {"tinted": 0.2}, "20% of the picture is in a tint of the key and taken for opaque"),
    ("key_light", "pass", subject(), {}, "no strong light"),
    ("key_light", "warn", lit(), {}, "in 24% of the key's light"),
    ("key_light", "pass", outlined((16, 15, 24)), {}, "no strong light"),
    ("key_light", "pass", outlined((250, 252, 250)), {}, "no strong light"),
    ("key_light", "warn", subject(), {"spill": 0.3}, "with 30% of its colour"),
    ("frame", "pass", subject(), {}, "no frame"),
    ("frame", "warn", subject(), {"frame": 4}, "a frame of 4 pixels"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "status", "rgba", "facts", "words"), CASES, ids=lambda value: str(value)[:24])
def test_every_check_in_every_state(name, status, rgba, facts, words):
    """The status follows the measure, and the sentence says what to do."""
    report = measure(rgba, **({"backdrop": backdrop()} | facts))
    found = report.check(name)
    assert (found.status, words in found.sentence) == (status, True), found
    assert found in report.of(status)


def test_the_worst_check_is_the_report():
    """One failure fails it, one warning warns, and `ok` means no failure."""

    def report(*states):
        return CutoutReport(checks=tuple(Check(name=s, status=s, value=0.0, sentence=s) for s in states))

    assert report("pass", "pass").status == "pass"
    assert report("pass", "warn").status == "warn"
    assert report("pass", "warn").ok
    assert report("warn", "fail", "pass").status == "fail"
    assert not report("fail").ok
    assert str(report("pass", "fail")) == "pass  pass: pass\nfail  fail: fail"
    with pytest.raises(KeyError):
        report("pass").check("corners_clear")


def test_a_native_picture_has_no_key_checks():
    """Without a backdrop nothing is said about a key, in no sentence."""
    report = measure(subject(FULL, FULL))
    assert report.key is None
    assert not any(check.name.startswith("key") for check in report.checks)
    assert not any("key colour" in check.sentence for check in report.of("fail"))


@pytest.mark.parametrize("cell", [4, 8, 16, 20])
@pytest.mark.parametrize("tones", [(255, 204), (230, 190), (80, 40)])
def test_checkerboards_of_many_sizes(cell, tones):
    """Squares of two greys that take turns are recognised, whatever their size and tone."""
    rgba = checkered(*tones, cell)
    assert painted_checkerboard(rgba[..., :3], rgba[..., 3]) > THRESHOLDS.checker_share


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: rng.integers(0, 256, (SIDE, SIDE, 1), dtype=np.uint8).repeat(3, axis=2),
        lambda rng: np.linspace(0, 255, SIDE).astype(np.uint8)[None, :, None].repeat(SIDE, 0).repeat(3, 2),
        lambda rng: np.full((SIDE, SIDE, 3), 255, np.uint8),
        lambda rng: np.where(np.arange(SIDE)[:, None, None] % 40 < 3, 90, 200).astype(np.uint8).repeat(SIDE, 1).repeat(3, 2),
        lambda rng: (np.indices((SIDE, SIDE)).sum(0) // 9 % 2 * np.uint8(200))[..., None] * np.array([1, 0, 0], np.uint8),
    ],
    ids=["noise", "gradient", "white", "lines", "red squares"],
)  # fmt: skip
def test_no_checkerboard(make):
    """Noise, gradients, plain white, lines and coloured squares are none."""
    rgb = make(np.random.default_rng(3))
    assert painted_checkerboard(rgb, np.full((SIDE, SIDE), 255, np.uint8)) < THRESHOLDS.checker_share
