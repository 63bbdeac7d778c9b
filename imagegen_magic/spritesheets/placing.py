"""Puts figures into cells of one exact size: the same scale for all, each by its core column and its ground line."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np

from imagegen_magic.matting.arrays import Bytes, as_bytes, as_floats

from .figures import Figure

__all__ = [
    "AIRBORNE",
    "Ground",
    "Placement",
    "ground_lines",
    "place",
    "reach_of",
    "resized",
    "settle_ground",
    "settle_placement",
    "whole_pixels",
]

Ground: TypeAlias = Literal["auto", "feet", "row"]
"""What stands on the ground: the feet of every frame, or the lowest feet of its row (a jump keeps its height)."""

AIRBORNE = frozenset(["jump", "fly", "float", "hover", "fall", "swim", "bounce", "climb", "leap", "flip"])
"""Animations in which feet leave the ground."""
GROUNDED = frozenset(["idle", "walk", "run", "attack", "talk", "wave", "crouch"])
LIFT = 0.15
"""Feet that differ by more than this share of a figure's height were meant to: the model's own drift stays below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Cell size in pixels, scale (pixels of the cell for one of the sheet), and the pivot that every figure stands on."""

    cell: tuple[int, int]
    scale: float
    pivot: tuple[float, float]


def settle_ground(ground: Ground, figures: Sequence[Figure], animation: str = "") -> Ground:
    """`feet` or `row`: as asked, as the animation's name says, or as the feet of the frames show."""
    words = set(animation.lower().replace("-", " ").replace("_", " ").split())
    if ground != "auto":
        return ground
    if words & AIRBORNE:
        return "row"
    if words & GROUNDED or len(figures) < 2:
        return "feet"
    feet = [figure.foot for figure in figures]
    return "row" if max(feet) - min(feet) > LIFT * statistics.median(f.box.height for f in figures) else "feet"


def ground_lines(figures: Sequence[Figure], rows: Sequence[int], ground: Ground) -> list[float]:
    """The y of the ground under each figure, on the sheet; `rows` says in which row of the sheet each one stands."""
    if ground == "feet":
        return [figure.foot for figure in figures]
    lowest = {row: max(f.foot for f, own in zip(figures, rows, strict=True) if own == row) for row in set(rows)}
    return [lowest[row] for row in rows]


def settle_placement(
    figures: Sequence[Figure], grounds: Sequence[float], *, cell: tuple[int, int] | None, margin: float
) -> Placement:
    """The largest scale at which every figure fits its cell, by its reach from the pivot.

    Args:
        cell: width and height in pixels; None keeps the sheet's scale in a cell that just holds every figure.
        margin: the share of the cell, on each side, that stays empty.
    """
    left, right, up, down = reach_of(figures, grounds)
    if cell is None:
        pad = max(1, round(margin * max(left + right, up + down)))
        return Placement(cell=(left + right + 2 * pad, up + down + 2 * pad), scale=1.0, pivot=(left + pad, up + pad))
    width, height = cell
    free = (width * (1 - 2 * margin), height * (1 - 2 * margin))
    scale = min(free[0] / (left + right), free[1] / (up + down))
    side = (width - scale * (left + right)) / 2
    floor = height - max(margin * height, min(1.0, height - scale * (up + down))) - scale * down
    return Placement(cell=cell, scale=scale, pivot=(side + scale * left, floor))


def whole_pixels(placement: Placement, figures: Sequence[Figure], grounds: Sequence[float]) -> Placement:
    """The placement for pixel art: never enlarged, and with a pivot on whole pixels, so that nothing is resampled."""
    left, right, up, down = reach_of(figures, grounds)
    width, height = placement.cell
    x = (width - (left + right)) // 2 + left
    return Placement(
        cell=placement.cell, scale=1.0, pivot=(float(x), float(height - down - (1 if height > up + down else 0)))
    )


def reach_of(figures: Sequence[Figure], grounds: Sequence[float]) -> tuple[int, int, int, int]:
    """How far any figure reaches left of, right of, above and below its pivot, in whole pixels."""
    pairs = list(zip(figures, grounds, strict=True))
    return (
        max(_up(figure.core - figure.box.left) for figure in figures),
        max(_up(figure.box.right - figure.core) for figure in figures),
        max(_up(ground - figure.box.top) for figure, ground in pairs),
        max(0, *(_up(figure.box.bottom - ground) for figure, ground in pairs)),
    )


def _up(value: float) -> int:
    return int(np.ceil(value))


def place(figure: Figure | None, ground: float, placement: Placement, *, nearest: bool = False) -> Bytes:
    """One frame (height, width, 4) uint8, straight alpha: the figure with its pivot at the placement's, or nothing.

    What reaches beyond the cell is cut off.
    """
    width, height = placement.cell
    if figure is None:
        return np.zeros((height, width, 4), np.uint8)
    scale = placement.scale
    canvas = np.zeros((max(1, round(height / scale)), max(1, round(width / scale)), 4), np.uint8)
    shift = (placement.pivot[0] / scale - figure.core, placement.pivot[1] / scale - ground)
    _paste(canvas, figure.pixels, round(figure.origin[0] + shift[0]), round(figure.origin[1] + shift[1]))
    return resized(canvas, (width, height), nearest=nearest)


def _paste(canvas: Bytes, pixels: Bytes, left: int, top: int) -> None:
    """Copies `pixels` into the canvas at a place that may lie partly outside of it."""
    height, width = canvas.shape[:2]
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(width, left + pixels.shape[1]), min(height, top + pixels.shape[0])
    if x1 > x0 and y1 > y0:
        canvas[y0:y1, x0:x1] = pixels[y0 - top : y1 - top, x0 - left : x1 - left]


def resized(image: Bytes, size: tuple[int, int], *, nearest: bool = False) -> Bytes:
    """An RGBA image at (width, height): nearest for pixel art; else by area, or by cubic curves if it grows.

    Colours are weighted by alpha, so that what is clear does not show in an edge, and clear pixels are black.
    """
    if size == (image.shape[1], image.shape[0]):
        return image
    if nearest:
        return as_bytes(cv2.resize(image, size, interpolation=cv2.INTER_NEAREST))
    smaller = size[0] <= image.shape[1]
    weight = as_floats(image[..., 3:]) / 255
    layers = np.concatenate([as_floats(image[..., :3]) * weight, weight * 255], axis=2)
    scaled = as_floats(cv2.resize(layers, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC))
    alpha = np.clip(np.rint(scaled[..., 3:]), 0, 255)
    colours = np.where(alpha > 0, scaled[..., :3] * 255 / np.maximum(scaled[..., 3:], 1e-3), 0)
    return as_bytes(np.concatenate([np.clip(np.rint(colours), 0, 255), alpha], axis=2).astype(np.uint8))
