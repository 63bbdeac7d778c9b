"""The figures of a sheet as images of their own, and where each of them stands: its core column and its foot line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from imagegen_magic.matting.arrays import Bytes, Mask, as_bytes, as_floats

from .cells import Layout, Slot
from .parts import SOLID, Box, Part, Parts, reading_order, union

__all__ = ["Figure", "cut_figures", "cut_objects", "figure_of"]

CORE = 0.5
"""Columns at least this share as tall as the tallest are the core: head, trunk and hips, but no arm, cape or blade."""
FOOT = 0.01
"""A row belongs to the foot if it holds at least this share of the figure's width: a toe does, a hair does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure: straight RGBA pixels (height, width, 4) uint8 with nothing of its neighbours, and its place on the sheet.

    `box` is around what is solid, in pixels of the sheet; `pixels` reach further, for soft edges, and begin at `origin`. `core`
    is the x of the core column and `foot` the y of the foot line, both in pixels of the sheet.
    """

    pixels: Bytes
    origin: tuple[int, int]
    box: Box
    core: float
    foot: float


def cut_figures(sheet: Bytes, parts: Parts, layout: Layout) -> tuple[Figure | None, ...]:
    """The figure of each slot of the layout, None for an empty one; `sheet` is (height, width, 4) uint8."""
    reach = max(2, round(sheet.shape[0] * 0.01))
    return tuple(_cut_slot(sheet, parts, slot, reach) for slot in layout.slots)


def cut_objects(sheet: Bytes, parts: Parts) -> tuple[Figure, ...]:
    """Every free-standing part as a figure, in reading order."""
    order = reading_order([part.box for part in parts.parts])
    found = (parts.parts[index] for index in order)
    return tuple(_cut(sheet, parts, (part.label,), part.box, reach=2) for part in found)


def _cut_slot(sheet: Bytes, parts: Parts, slot: Slot, reach: int) -> Figure | None:
    if not slot.labels:
        return None
    boxes = [_limited(part.box, slot) if part.label in slot.cut else part.box for part in _chosen(parts, slot.labels)]
    return _cut(sheet, parts, slot.labels, union(boxes), reach=reach, cut=slot.cut, limits=slot.limits)


def _chosen(parts: Parts, labels: Sequence[int]) -> list[Part]:
    return [part for part in parts.parts if part.label in labels]


def _limited(box: Box, slot: Slot) -> Box:
    limits = slot.limits
    return Box(
        max(box.left, limits.left),
        max(box.top, limits.top),
        min(box.right, limits.right),
        min(box.bottom, limits.bottom),
    )


def _cut(
    sheet: Bytes,
    parts: Parts,
    labels: Sequence[int],
    box: Box,
    *,
    reach: int,
    cut: Sequence[int] = (),
    limits: Box | None = None,
) -> Figure:
    """The pixels of those parts, with the soft edge that is nearer to them than to anything else."""
    window = box.grown(reach, sheet.shape[1], sheet.shape[0])
    own = parts.mask(labels, window)
    if cut and limits is not None:
        own &= ~parts.mask(cut, window) | _within(limits, window)
    others = (parts.labels[window.slices] > 0) & ~own
    pixels = np.where(_nearest_to(own, others, reach)[..., None], sheet[window.slices], np.uint8(0))
    return figure_of(as_bytes(pixels), (window.left, window.top), own)


def figure_of(pixels: Bytes, origin: tuple[int, int], own: Mask | None = None) -> Figure:
    """The figure that RGBA pixels show whose left upper corner is `origin`; `own` is what is solid of it."""
    solid = np.asarray(pixels[..., 3] >= SOLID) if own is None else own
    left, top = origin
    columns, rows = np.flatnonzero(solid.any(axis=0)), np.flatnonzero(solid.any(axis=1))
    box = Box(int(columns[0]) + left, int(rows[0]) + top, int(columns[-1]) + left + 1, int(rows[-1]) + top + 1)
    return Figure(pixels=pixels, origin=origin, box=box, core=_core_column(solid) + left, foot=_foot_line(solid) + top)


def _within(limits: Box, window: Box) -> Mask:
    inside = np.zeros((window.height, window.width), bool)
    top, bottom = max(0, limits.top - window.top), max(0, limits.bottom - window.top)
    inside[top:bottom, max(0, limits.left - window.left) : max(0, limits.right - window.left)] = True
    return inside


def _nearest_to(own: Mask, others: Mask, reach: int) -> Mask:
    """True within `reach` pixels of `own`, and nearer to it than to any other figure."""
    near = as_floats(cv2.distanceTransform((~own).astype(np.uint8), cv2.DIST_L2, 3))
    if not others.any():
        return np.asarray(near <= reach)
    far = as_floats(cv2.distanceTransform((~others).astype(np.uint8), cv2.DIST_L2, 3))
    return np.asarray((near <= reach) & (near < far))


def _core_column(own: Mask) -> float:
    """The median x of the core's columns: limbs that swing out are short there, and do not pull it."""
    heights = own.sum(axis=0)
    return float(np.median(np.flatnonzero(heights >= CORE * heights.max()))) + 0.5


def _foot_line(own: Mask) -> float:
    """The y below the lowest row that is more than a hair."""
    widths = own.sum(axis=1)
    least = max(1.0, FOOT * own.any(axis=0).sum())
    return float(np.flatnonzero(widths >= least)[-1]) + 1.0
