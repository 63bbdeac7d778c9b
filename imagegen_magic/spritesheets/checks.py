"""Measures an animation: cells that are empty or doubled, limbs cut off, drift, size, colour, and how well it loops."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from imagegen_magic.matting.arrays import Bytes, Floats, Mask, as_floats
from imagegen_magic.matting.report import Check, Report, Status

from .cells import Grid, Layout
from .colours import to_oklab
from .figures import Figure
from .palette import coarse_colours, nearest_colours, pick_colours
from .parts import SOLID

__all__ = ["Drift", "SheetReport", "check_frames", "check_layout", "drift_of", "loop_score"]

HEIGHT_SPREAD = 0.08
"""A figure whose height differs from the median by more than this share pops; poses such as a crouch do so too."""
PAINTS, PAINT_APART = 12, 0.06
"""A frame's paints are reduced to so many; one further than this in OKLab from all of another frame's is a new one."""
NEW_PAINT = 0.1
"""The share of a frame in new paint from which a change is seen."""
PAINT_PIXELS = 100_000
"""More pixels of a figure than about these do not change what its paints are."""
SAME = 0.995
"""Neighbours that overlap by more than this share, in the same colours, are one frame twice."""
LOOP = 0.75
"""The last frame should be at least this share as like to the first as neighbours are to each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far figures stand from one another's place: standard deviation and largest distance from the mean, in pixels."""

    x: float
    y: float
    most: float

    def __str__(self) -> str:
        return f"{self.x:.1f} px across, {self.y:.1f} px down (standard deviation; at most {self.most:.1f})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SheetReport(Report):
    """All checks of a sheet.

    `before` is the drift of the figures in equal cells, `after` that of the frames made, both in pixels of the sheet.
    `loop` is the likeness of the last frame to the first, relative to that of neighbours; None for one frame.
    """

    before: Drift
    after: Drift
    loop: float | None
    grid: Grid

    @property
    def subject(self) -> str:
        """What was checked, for the table's title."""
        return f"Sheet of {self.grid}"


def check_layout(
    layout: Layout, figures: Sequence[Figure | None], size: tuple[int, int], *, keyed: bool = True
) -> list[Check]:
    """What the sheet holds against what was asked for; `size` is the sheet's (width, height).

    Only on a `keyed` backdrop does a figure at the edge fail: frames of a finished sheet often fill their cells.
    """
    at_edge: tuple[Status, str] = (
        ("fail", "{} cut off by the edge of the sheet")
        if keyed
        else ("warn", "{} up to the edge of the sheet: cut off there?")
    )
    slots = list(enumerate(layout.slots, 1))
    empty = [number for (number, _), figure in zip(slots, figures, strict=True) if figure is None]
    doubled = [number for number, slot in slots if slot.figures > 1]
    split = [number for number, slot in slots if slot.cut]
    crossing = [number for number, slot in slots if slot.crosses and not slot.cut]
    edge = [number for (number, _), f in zip(slots, figures, strict=True) if f is not None and _touches(f, size)]
    found = sum(slot.figures for slot in layout.slots)
    return [
        _count_check(layout.grid, layout.asked, found),
        _listed("empty_cells", "fail", empty, "{} empty: no figure was painted there", "every frame holds a figure"),
        _listed("doubled_cells", "fail", doubled, "{} with more than one figure", "no frame holds two figures"),
        _listed("grown_together", "warn", split, "{} cut apart where figures touch: look at the seam", "no figures touch"),
        _listed(
            "over_the_border", "pass", crossing, "{} over the border of an equal cell, kept whole", "each figure keeps to its cell"
        ),
        _listed("cut_off", at_edge[0], edge, at_edge[1], "no figure is cut off by the edge of the sheet"),
    ]  # fmt: skip


def _touches(figure: Figure, size: tuple[int, int]) -> bool:
    box = figure.box
    return box.left <= 0 or box.top <= 0 or box.right >= size[0] or box.bottom >= size[1]


def _count_check(grid: Grid, asked: Grid | None, found: int) -> Check:
    if asked is None:
        return Check(name="layout", status="pass", value=found, sentence=f"found {grid}")
    if found != asked.count:
        return Check(
            name="layout",
            status="fail",
            value=found,
            sentence=f"{found} figures were painted, {asked.count} were asked for",
        )
    if (grid.columns, grid.rows) != (asked.columns, asked.rows):
        return Check(name="layout", status="warn", value=found, sentence=f"asked for {asked}; painted as {grid}")
    return Check(name="layout", status="pass", value=found, sentence=f"{grid}, as asked for")


def _listed(name: str, status: Status, numbers: Sequence[int], bad: str, good: str) -> Check:
    if not numbers:
        return Check(name=name, status="pass", value=0, sentence=good)
    word = "frame " if len(numbers) == 1 else "frames "
    return Check(name=name, status=status, value=len(numbers), sentence=bad.format(word + ", ".join(map(str, numbers))))


def check_frames(frames: Sequence[Bytes], *, loops: bool = True) -> list[Check]:
    """The checks of finished frames (height, width, 4) uint8 of one size."""
    shown = [(number, frame) for number, frame in enumerate(frames, 1) if (frame[..., 3] >= SOLID).any()]
    if len(shown) < 2:
        return []
    masks = [np.asarray(frame[..., 3] >= SOLID) for _, frame in shown]
    heights = [int(np.count_nonzero(mask.any(axis=1))) for mask in masks]
    numbers = [number for number, _ in shown]
    paints = [_paints(frame, mask) for (_, frame), mask in zip(shown, masks, strict=True)]
    checks = [
        _size_check(numbers, heights),
        _ramp_check(heights),
        _colour_check(numbers, paints),
        _same_check(numbers, masks, [frame for _, frame in shown]),
    ]
    return [*checks, _loop_check(masks)] if loops else checks


def _size_check(numbers: Sequence[int], heights: Sequence[int]) -> Check:
    usual = statistics.median(heights)
    off = [abs(height / usual - 1) for height in heights]
    odd = [number for number, share in zip(numbers, off, strict=True) if share > HEIGHT_SPREAD]
    good = f"heights differ by at most {max(off):.0%}"
    found = _listed(
        "size", "warn", odd, f"{{}} of another height, by up to {max(off):.0%}: a pose, or a change of size", good
    )
    return Check(name=found.name, status=found.status, value=max(off), sentence=found.sentence)


def _ramp_check(heights: Sequence[int]) -> Check:
    """Figures that only grow or only shrink from left to right: asking again for the same sheet seldom helps."""
    steps = [second - first for first, second in itertools.pairwise(heights)]
    change = heights[-1] / heights[0] - 1
    ramp = len(heights) >= 4 and abs(change) > HEIGHT_SPREAD and (min(steps) >= 0 or max(steps) <= 0)
    if ramp:
        sentence = f"the figures change by {change:+.0%} from the first frame to the last: ask for fewer frames, or with a reference"
        return Check(name="ramp", status="warn", value=change, sentence=sentence)
    return Check(
        name="ramp", status="pass", value=change, sentence="the size does not run away from the first frame to the last"
    )


def _paints(frame: Bytes, mask: Mask) -> tuple[Floats, Floats]:
    """The paints of a frame, in OKLab, and the share of it that each covers, from every n-th pixel of a large one."""
    places = np.flatnonzero(mask)
    places = places[:: max(1, len(places) // PAINT_PIXELS)]
    colours, weights = coarse_colours(frame.reshape(-1, 4)[places, :3])
    paints = pick_colours(colours, weights, PAINTS)
    shares = np.bincount(nearest_colours(colours, paints), weights, len(paints)) / weights.sum()
    return to_oklab(paints), as_floats(shares)


def _colour_check(numbers: Sequence[int], paints: Sequence[tuple[Floats, Floats]]) -> Check:
    """The share of each frame in paint that most others do not have; more of one paint, as a cape that opens, is not a change."""
    off = [statistics.median(_away(own, other) for other in paints if other is not own) for own in paints]
    odd = [number for number, away in zip(numbers, off, strict=True) if away > NEW_PAINT]
    bad = f"{{}} in colours that the others do not have, up to {max(off):.0%}"
    found = _listed("colour", "warn", odd, bad, "the colours stay the same")
    return Check(name="colour", status=found.status, value=max(off), sentence=found.sentence)


def _away(own: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> float:
    distances = np.linalg.norm(own[0][:, None] - other[0][None], axis=2).min(axis=1)
    return float(own[1][distances > PAINT_APART].sum())


def _same_check(numbers: Sequence[int], masks: Sequence[Mask], frames: Sequence[Bytes]) -> Check:
    pairs = zip(itertools.pairwise(numbers), itertools.pairwise(masks), itertools.pairwise(frames), strict=True)
    same = [number[1] for number, mask, frame in pairs if likeness(*mask) > SAME and _same_colours(*frame, mask[0])]
    return _listed("repeated", "warn", same, "{} the same as the one before", "no frame repeats the one before")


def _same_colours(first: Bytes, second: Bytes, mask: Mask) -> bool:
    away = np.abs(first[..., :3].astype(np.int16) - second[..., :3]).max(axis=2)
    return float(np.mean(away[mask] > 24)) < 1 - SAME


def likeness(first: Mask, second: Mask) -> float:
    """The share that two masks have in common, 0 to 1: intersection over union."""
    either = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second) / either) if either else 1.0


def loop_score(masks: Sequence[Mask]) -> float:
    """How like the last frame is to the first, relative to neighbours: 1 and above loops without a jump."""
    steps = [likeness(first, second) for first, second in itertools.pairwise(masks)]
    return likeness(masks[-1], masks[0]) / max(statistics.mean(steps), 1e-6)


def _loop_check(masks: Sequence[Mask]) -> Check:
    score = loop_score(masks)
    if score >= LOOP:
        return Check(
            name="loop", status="pass", value=score, sentence=f"the last frame leads back to the first ({score:.2f})"
        )
    sentence = f"the last frame is far from the first ({score:.2f}): play it once, or forwards and backwards"
    return Check(name="loop", status="warn", value=score, sentence=sentence)


def drift_of(anchors: Iterable[tuple[float, float]]) -> Drift:
    """The drift of anchor points, each in pixels of its own cell."""
    points = np.array(list(anchors), float).reshape(-1, 2)
    if not len(points):
        return Drift(x=0.0, y=0.0, most=0.0)
    away = points - points.mean(axis=0)
    spread = away.std(axis=0)
    return Drift(x=float(spread[0]), y=float(spread[1]), most=float(np.hypot(*away.T).max()))
