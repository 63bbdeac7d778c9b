"""Which parts of a sheet make which frame: by the grid asked for, corrected by what is there.

Models put figures 5 to 15 % of a cell off their place, leave cells empty, paint another grid than asked and let figures
touch. Whole parts go to a cell by their centre, so that an arm over the border stays on its figure; only figures that
have grown together are cut apart, at the thinnest place near the border.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from imagegen_magic.facts.sizes import format_grid
from imagegen_magic.matting.arrays import Floats, as_floats

from .parts import Box, Part, Parts, main_parts, union, usual_area

__all__ = ["Asked", "Grid", "Layout", "Slot", "assign_cells", "parts_apart"]

FULL = 0.45
"""A part of at least this share of a usual figure's area is a figure of its own, not a detail."""
GROWN = 1.4
"""A part of at least this many usual figures is more than one."""
NEAR = 0.03
"""Parts that stand this share of their common box apart are one figure: a head that floats above its body."""
APART, WORTH = 0.1, 0.01
"""What stands this share of a figure's height away from it, and has this share of its area, is not of the figure."""
SMALL, WORTH_BELOW = 0.05, 0.003
"""Pieces of at most the first share of a figure's area below its lowest pixel, and of at least the second in all, are not feet."""
REACH = 0.4
"""A border may stand this share of a cell away from its place in the equal grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Columns, rows, and how many of the cells hold a frame."""

    columns: int
    rows: int
    count: int

    def __str__(self) -> str:
        return f"{self.count} frames in {format_grid(self.columns, self.rows)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was said of a sheet's grid; None is what the sheet itself must show."""

    count: int | None = None
    columns: int | None = None
    rows: int | None = None

    def on(self, painted: Grid) -> Grid | None:
        """The grid asked for, what was left out taken from the one that is painted; None if nothing was said."""
        if (self.count, self.columns, self.rows) == (None, None, None):
            return None
        count = self.count or painted.count
        down = self.rows or (-(-count // self.columns) if self.columns else painted.rows)
        across = self.columns or max(-(-count // down), painted.columns if painted.rows == down else 0)
        if count <= across * (down - 1):  # the painted rows do not suit the number asked for
            across, down = count, 1
        return Grid(columns=across, rows=down, count=count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The place of one frame.

    `cell` is its cell in the equal grid, `limits` the cell as corrected; `labels` are the parts that make its figure,
    `cut` those of them that reach into other frames and end at the limits. `figures` counts what could be a figure.
    """

    row: int
    column: int
    cell: Box
    limits: Box
    labels: tuple[int, ...] = ()
    cut: tuple[int, ...] = ()
    figures: int = 0
    crosses: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What was found: the grid, and a slot for each frame in reading order; `asked` is the grid that was asked for."""

    grid: Grid
    slots: tuple[Slot, ...]
    asked: Grid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cluster:
    """Parts above one another, taken as one figure."""

    parts: tuple[Part, ...]

    @property
    def box(self) -> Box:
        return union([part.box for part in self.parts])

    @property
    def area(self) -> int:
        return sum(part.area for part in self.parts)

    @property
    def x(self) -> float:
        return sum(part.x * part.area for part in self.parts) / self.area


def assign_cells(parts: Parts, said: Asked) -> Layout:
    """The frames of a sheet. What was not said of its grid is what the parts show."""
    mains = main_parts(parts.parts, said.count)
    painted = _painted_grid(mains)
    asked = said.on(painted)
    grid = _settled(asked, painted, mains)
    height, width = parts.labels.shape
    usual = usual_area(mains, grid.count)
    row_borders = _borders(mains, grid.rows, height, usual, _down)
    slots: list[Slot] = []
    for row in range(grid.rows):
        band = (row_borders[row], row_borders[row + 1])
        slots += _row_slots(parts, mains, grid, row, Box(0, band[0], width, band[1]), height, usual)
    kept = _without_spare(slots, grid.count)
    columns = max((slot.column for slot in slots), default=-1) + 1
    found = Grid(columns=max(columns, 1), rows=grid.rows, count=len(kept))
    return Layout(grid=found, slots=tuple(_cut_grown(kept, parts, usual)), asked=asked)


def parts_apart(parts: Parts, layout: Layout) -> list[int]:
    """The numbers of the frames, from 1, in which something stands apart from the figure: a label, a spark."""
    found = []
    for number, slot in enumerate(layout.slots, 1):
        own = sorted((part for part in parts.parts if part.label in slot.labels), key=lambda part: part.area)
        if not own or slot.cut:
            continue
        figure = own[-1]
        gap = APART * max(figure.box.height, figure.box.width)
        away = sum(part.area for part in own if _gap(part.box, figure.box) > gap)
        under = sum(part.area for part in own if _is_small_below(part, figure))
        if max(away / WORTH, under / WORTH_BELOW) >= figure.area:
            found.append(number)
    return found


def _is_small_below(part: Part, figure: Part) -> bool:
    """True for what stands under the feet: letters and numbers do so closely, and would be taken for the foot line."""
    return part.box.top >= figure.box.bottom and part.area <= SMALL * figure.area


def _gap(first: Box, second: Box) -> int:
    """How far two boxes stand apart, in pixels; 0 if they touch."""
    across = max(first.left, second.left) - min(first.right, second.right)
    return max(0, across, max(first.top, second.top) - min(first.bottom, second.bottom))


def _settled(asked: Grid | None, painted: Grid, mains: Sequence[Part]) -> Grid:
    """The grid asked for, unless the sheet plainly holds as many frames in another one."""
    if asked is None:
        return painted
    across = len(_clusters(mains, _across))
    other = (painted.columns, painted.rows) != (asked.columns, asked.rows)
    if (
        other
        and painted.count == asked.count
        and across != asked.columns
        and painted.columns * painted.rows == asked.count
    ):
        return painted
    return asked


def _painted_grid(mains: Sequence[Part]) -> Grid:
    """The grid that the parts show: rows of parts that share a height, in each as many columns as stand side by side.

    Figures of which none stands above another are one row, however high some of them jump.
    """
    if not mains:
        return Grid(columns=1, rows=1, count=1)
    rows = [_clusters(row.parts, _across) for row in _clusters(mains, _down)]
    count = sum(map(len, rows))
    if len(_clusters(mains, _across)) == count:
        return Grid(columns=count, rows=1, count=count)
    return Grid(columns=max(map(len, rows)), rows=len(rows), count=count)


Span = Callable[[Box], tuple[int, int]]


def _across(box: Box) -> tuple[int, int]:
    return box.left, box.right


def _down(box: Box) -> tuple[int, int]:
    return box.top, box.bottom


def _clusters(parts: Sequence[Part], span: Span) -> list[_Cluster]:
    """Parts whose spans share at least half of the smaller one, grouped, in the order of their centres."""
    groups: list[list[Part]] = []
    for part in sorted(parts, key=lambda part: -part.area):
        home = next((group for group in groups if _shares(span(part.box), span(group[0].box))), None)
        groups.append([part]) if home is None else home.append(part)
    return [_Cluster(parts=tuple(group)) for group in sorted(groups, key=lambda group: sum(span(group[0].box)))]


def _shares(first: tuple[int, int], second: tuple[int, int]) -> bool:
    shared = min(first[1], second[1]) - max(first[0], second[0])
    return shared >= min(first[1] - first[0], second[1] - second[0]) / 2


def _borders(mains: Sequence[Part], count: int, length: int, usual: float, span: Span) -> list[int]:
    """`count + 1` borders: between what stands apart if there are `count` of that, else near the equal grid's."""
    clusters = _clusters(mains, span)
    if len(clusters) == count:
        return [0, *_between(clusters, span), length]
    return [0, *_near_grid(_profile(mains, length, span), count), length]


def _between(clusters: Sequence[_Cluster], span: Span) -> Iterator[int]:
    for first, second in itertools.pairwise(clusters):
        end, start = span(first.box)[1], span(second.box)[0]
        if end > start:  # a limb over the gap: halfway between the middles
            end, start = sum(span(first.box)) // 2, sum(span(second.box)) // 2
        yield (end + start) // 2


def _profile(parts: Sequence[Part], length: int, span: Span) -> Floats:
    """How much of a figure stands at each position, from the boxes of the parts."""
    profile = np.zeros(length, np.float32)
    for part in parts:
        start, end = span(part.box)
        profile[start:end] += part.area / (end - start)
    return profile


def _near_grid(profile: Floats, count: int) -> list[int]:
    """The emptiest place near each inner border of the equal grid."""
    pitch = len(profile) / count
    side = max(1, round(pitch * 0.06)) | 1
    smooth = as_floats(cv2.blur(profile[None], (side, 1)))[0]
    smooth /= smooth.max() or 1.0
    borders = []
    for number in range(1, count):
        nominal = number * pitch
        low, high = round(nominal - REACH * pitch), round(nominal + REACH * pitch)
        away = np.abs(np.arange(low, high) - nominal) / pitch
        borders.append(low + int(np.argmin(smooth[low:high] + 0.05 * away)))
    return borders


def _row_slots(
    parts: Parts, mains: Sequence[Part], grid: Grid, row: int, band: Box, height: int, usual: float
) -> list[Slot]:
    """The slots of one row, from left to right."""
    inside = [part for part in parts.parts if band.top <= part.y < band.bottom]
    figures = [part for part in inside if part in mains]
    borders = _column_borders(figures, grid.columns, band.width, usual)
    count = len(borders) - 1
    slots = []
    for column in range(count):
        left, right = borders[column], borders[column + 1]
        own = [part for part in inside if left <= part.x < right]
        cell = _equal_cell(column, row, count, grid.rows, band.width, height)
        full = [part for part in own if part in figures]
        slots.append(
            Slot(
                row=row,
                column=column,
                cell=cell,
                limits=Box(left, band.top, right, band.bottom),
                labels=tuple(part.label for part in own),
                figures=_figures(full, parts, usual),
                crosses=any(_leaves(part.box, cell) for part in full),
            )
        )
    return slots


def _equal_cell(column: int, row: int, columns: int, rows: int, width: int, height: int) -> Box:
    return Box(
        round(column * width / columns),
        round(row * height / rows),
        round((column + 1) * width / columns),
        round((row + 1) * height / rows),
    )


def _leaves(box: Box, cell: Box) -> bool:
    return box.left < cell.left or box.right > cell.right or box.top < cell.top or box.bottom > cell.bottom


def _figures(own: Sequence[Part], parts: Parts, usual: float) -> int:
    """How many figures the parts of one cell are: details, halves and pieces close together count as one."""
    full = [part for part in own if part.area >= FULL * usual]
    if len(full) < 2 or sum(part.area for part in full) < GROWN * usual:
        return min(1, len(own))
    box = union([part.box for part in full])
    side = 1 + round(NEAR * max(box.width, box.height))
    mask = np.pad(parts.mask([part.label for part in full], box).astype(np.uint8), side)
    joined = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return cv2.connectedComponents(joined, connectivity=8)[0] - 1


def _column_borders(figures: Sequence[Part], columns: int, width: int, usual: float) -> list[int]:
    """The borders of a row's frames: the natural ones if they suit the number asked for, or show plainly another one."""
    clusters = _clusters(figures, _across)
    full = [cluster for cluster in clusters if cluster.area >= FULL * usual]
    grown = any(cluster.area >= GROWN * usual and cluster.box.width > 1.1 * width / columns for cluster in full)
    natural = next((found for found in (clusters, full) if len(found) == columns), None)
    if natural is None and not _fit_grid(full, columns, width) and _regular(full):
        natural = full
    if natural and not grown:
        return [0, *_between(natural, _across), width]
    return [0, *_near_grid(_profile(figures, width, _across), columns), width]


def _fit_grid(clusters: Sequence[_Cluster], columns: int, width: int) -> bool:
    """True if each figure stands near the middle of a cell of its own: then the other cells are empty."""
    pitch = width / columns
    cells = [round(cluster.x / pitch - 0.5) for cluster in clusters]
    near = all(abs(cluster.x / pitch - 0.5 - cell) <= REACH for cluster, cell in zip(clusters, cells, strict=True))
    return near and len(set(cells)) == len(cells)


def _regular(clusters: Sequence[_Cluster]) -> bool:
    """True if the figures stand at equal distances: another number of frames than asked, evenly spread."""
    if len(clusters) < 3:
        return len(clusters) > 0
    steps = [second.x - first.x for first, second in itertools.pairwise(clusters)]
    return statistics.pstdev(steps) < 0.2 * statistics.mean(steps)


def _without_spare(slots: Sequence[Slot], count: int) -> list[Slot]:
    """The slots without the empty ones at the end that nobody asked for."""
    kept = list(slots)
    while len(kept) > count and not kept[-1].labels:
        kept.pop()
    return kept


def _cut_grown(slots: Sequence[Slot], parts: Parts, usual: float) -> Iterator[Slot]:
    """The slots, with what has grown together over a border shared out to the cells that would be empty without it."""
    cuts: dict[int, list[int]] = {}
    for part in parts.parts:
        if part.area >= GROWN * usual:
            takers = [number for number, slot in enumerate(slots) if _takes(slot, part, parts, usual)]
            for number in takers if len(takers) > 1 else ():
                cuts.setdefault(number, []).append(part.label)
    for number, slot in enumerate(slots):
        cut = tuple(cuts.get(number, ()))
        labels = tuple(dict.fromkeys((*slot.labels, *cut)))
        yield replace(slot, labels=labels, cut=cut, figures=1, crosses=True) if cut else slot


def _takes(slot: Slot, part: Part, parts: Parts, usual: float) -> bool:
    """True if enough for a figure of that part stands in the slot, and no other figure does."""
    alone = slot.figures == 0 or part.label in slot.labels
    inside = int(np.count_nonzero(parts.labels[slot.limits.slices] == part.label))
    return alone and inside >= FULL * usual
