"""Connected parts of a sheet: what stands free of everything else, with its box, area and centre."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from imagegen_magic.matting.arrays import Bytes, Indices, Mask, as_bytes

__all__ = ["SOLID", "Box", "Part", "Parts", "find_parts", "main_parts", "reading_order", "union"]

SOLID = 64
"""An alpha of at least this many levels belongs to a figure; what is fainter goes to the figure next to it."""
SPECK = 2e-5
"""Parts below this share of the sheet are specks: noise of the model, or of the cut-out."""
MAIN = 0.2
"""A part of at least this share of a usual figure's area can be a figure; a smaller one is a detail that stands free."""


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """A rectangle of whole pixels; `right` and `bottom` are not in it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.bottom - self.top

    @property
    def slices(self) -> tuple[slice, slice]:
        """The box as the index of an array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, pixels: int, width: int, height: int) -> Box:
        """The box with that many more pixels on each side, inside an image of that size."""
        right, bottom = min(width, self.right + pixels), min(height, self.bottom + pixels)
        return Box(max(0, self.left - pixels), max(0, self.top - pixels), right, bottom)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One connected part: its label in `Parts.labels`, box, area in pixels and centre of mass."""

    label: int
    box: Box
    area: int
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a sheet, without specks; `labels` (height, width) int32 has 0 for the background."""

    labels: Indices
    parts: tuple[Part, ...]
    specks: int

    def mask(self, labels: Sequence[int], box: Box) -> Mask:
        """True at the pixels of those parts, inside the box."""
        return np.isin(self.labels[box.slices], labels)


def find_parts(alpha: Bytes, *, joined_within: int = 0) -> Parts:
    """The connected parts (8 neighbours) of what is solid in an alpha (height, width) uint8.

    Parts that are at most `joined_within` pixels apart count as one: an eyebrow, a spark.
    """
    solid = (alpha >= SOLID).astype(np.uint8)
    joined = solid
    if joined_within > 0:
        side = joined_within + 1
        joined = as_bytes(cv2.dilate(solid, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))))
    _, labels, stats, centres = cv2.connectedComponentsWithStats(joined, connectivity=8)
    labels *= solid
    least = max(4, round(alpha.size * SPECK))
    rows = [(label, *map(int, row)) for label, row in enumerate(stats) if label]
    found = [
        Part(
            label=label,
            box=Box(left, top, left + width, top + height),
            area=area,
            x=float(centres[label][0]),
            y=float(centres[label][1]),
        )
        for label, left, top, width, height, area in rows
        if area >= least
    ]
    return Parts(labels=labels, parts=tuple(found), specks=len(rows) - len(found))  # type: ignore[arg-type]


def usual_area(parts: Sequence[Part], count: int) -> float:
    """The area of a usual figure if there are `count` of them: a median that figures grown together cannot pull up."""
    largest = sorted((part.area for part in parts), reverse=True)[:count]
    if not largest:
        return 0.0
    return min(statistics.median(largest), 1.2 * sum(part.area for part in parts) / count)


def main_parts(parts: Sequence[Part], count: int | None) -> tuple[Part, ...]:
    """The parts that can be figures if about `count` are expected, or any number."""
    least = MAIN * (usual_area(parts, count) if count else max((part.area for part in parts), default=0))
    return tuple(part for part in parts if part.area >= least)


def reading_order(boxes: Sequence[Box]) -> list[int]:
    """The positions of the boxes row by row, from left to right; boxes that overlap in height by half share a row."""
    left = sorted(range(len(boxes)), key=lambda index: boxes[index].top)
    order: list[int] = []
    while left:
        first = boxes[left[0]]
        row = [i for i in left if _shared(first, boxes[i]) >= min(first.height, boxes[i].height) / 2]
        order += sorted(row, key=lambda index: boxes[index].left)
        left = [index for index in left if index not in row]
    return order


def _shared(first: Box, second: Box) -> int:
    return min(first.bottom, second.bottom) - max(first.top, second.top)


def union(boxes: Sequence[Box]) -> Box:
    """The smallest box around all of them."""
    return Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )
