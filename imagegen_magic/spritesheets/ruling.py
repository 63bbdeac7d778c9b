"""Lines that are painted between the cells of a sheet, or around each of them: found, and taken away before figures are cut."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from imagegen_magic.matting.arrays import Bytes, Mask, as_bytes
from imagegen_magic.matting.backdrop_fit import border_mode
from imagegen_magic.matting.scene import LEAST_STRENGTH, key_strength

from .parts import SOLID, Part, find_parts

__all__ = ["ground_in_cells", "without_lines"]

WHOLE = 0.9
"""A line runs over this share of the sheet."""
THIN = 0.02
"""It is at most this share of the sheet's edge across, and may be two pixels in any case."""
LEAST = 128
"""In a sheet with an edge of fewer pixels a line may as well be a sword."""
HOLLOW = 0.15
"""A box around a cell fills at most this share of the rectangle that it stands on."""
SIDE, STRAIGHT = 0.6, 0.8
"""At least the second share of a box lies on straight lines, each as long as the first share of a side."""
SOFT = 2
"""Pixels beside a line that are its soft edge."""

FILLED, FLAT = 0.8, 0.35
"""If so much of a sheet is left, and so much of that is of one key colour, then the lines were taken for the backdrop."""


def ground_in_cells(sheet: Bytes) -> tuple[int, int, int] | None:
    """The key colour that fills the cells of a cut-out (height, width, 4) uint8 of which only lines are gone; else None.

    Lines along the edge in a strong colour look like a backdrop, with the true one as what they surround.
    """
    solid = sheet[..., 3] >= SOLID
    if min(solid.shape) < LEAST or not FILLED <= solid.mean() < 1:
        return None
    colour, share = border_mode(sheet[solid][:, :3])
    red, green, blue = (round(float(level)) for level in colour)
    return (red, green, blue) if share >= FLAT and key_strength((red, green, blue)) >= LEAST_STRENGTH else None


def without_lines(sheet: Bytes) -> Bytes | None:
    """The sheet (height, width, 4) uint8 without its lines, None if it has none."""
    if min(sheet.shape[:2]) < LEAST:
        return None
    solid = np.asarray(sheet[..., 3] >= SOLID)
    lines = _across(solid) | _across(solid.T).T
    for part, own in _boxes(sheet, lines):
        lines[part.box.slices] |= own
    if not lines.any():
        return None
    near = cv2.dilate(lines.astype(np.uint8), np.ones((2 * SOFT + 1, 2 * SOFT + 1), np.uint8)) > 0
    clean = sheet.copy()
    clean[lines | (near & ~solid)] = 0
    return clean


def _across(solid: Mask) -> Mask:
    """The pixels of thin lines that run over the whole width; small gaps do not end a line."""
    height, width = solid.shape
    found = np.zeros_like(solid)
    for top, bottom in _runs(np.asarray(solid.sum(axis=1) >= WHOLE * width)):
        if bottom - top <= max(2, THIN * height):
            found[top:bottom] = solid[top:bottom]
    return found


def _runs(rows: Mask) -> Iterator[tuple[int, int]]:
    """(start, end) of the rows in a row that are True."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], rows, [False]])))
    yield from ((int(start), int(end)) for start, end in zip(steps[::2], steps[1::2], strict=True))


def _boxes(sheet: Bytes, lines: Mask) -> Iterator[tuple[Part, Mask]]:
    """The parts that are boxes of lines around something, with their pixels."""
    parts = find_parts(as_bytes(np.where(lines, np.uint8(0), sheet[..., 3])))
    for part in parts.parts:
        box = part.box
        hollow = part.area <= HOLLOW * box.width * box.height and min(box.width, box.height) >= 16
        holds = any(_inside(other, part) for other in parts.parts)
        if hollow and holds:
            own = parts.mask((part.label,), box)
            rows, columns = own.sum(axis=1) >= SIDE * box.width, own.sum(axis=0) >= SIDE * box.height
            if (own & (rows[:, None] | columns[None])).sum() >= STRAIGHT * part.area:
                yield part, own


def _inside(other: Part, part: Part) -> bool:
    """True if another part stands within the rectangle of this one."""
    inner, outer = other.box, part.box
    return (
        other.label != part.label
        and inner.left >= outer.left and inner.right <= outer.right
        and inner.top >= outer.top and inner.bottom <= outer.bottom
    )  # fmt: skip
