"""From painted blocks to real pixels: each cell of a lattice becomes the colour that most of its middle has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imagegen_magic.errors import CutoutError
from imagegen_magic.matting.arrays import Bytes, Floats, Indices

from .lattice import Lines
from .palette import coarse_colours, merge_colours, nearest_coarse, nearest_colours, pick_colours

__all__ = ["apply_palette", "find_palette", "sample"]

SHADES = 40
"""Painted colours are sorted into so many heaps; the largest heap of a cell wins, so that a neighbour's blur cannot tint it."""
SOLID = 128


@dataclass(frozen=True, slots=True)
class _Cells:
    """For every pixel the cell that it is in, and how much it counts there: in the middle 1, at a line 0."""

    index: Indices
    weight: Floats
    shape: tuple[int, int]


def sample(images: Sequence[Bytes], lattices: Sequence[Lines]) -> list[Bytes]:
    """Each image (height, width, 4) on its lines, as one pixel a cell (rows, columns, 4): alpha is 0 or 255.

    Raises:
        CutoutError: no pixel of any image is more opaque than clear.
    """
    if not any((image[..., 3] >= SOLID).any() for image in images):
        raise CutoutError("nothing here is opaque: there are no pixels to make")
    shades = _shades(images)
    return [_sampled(image, _cells(image, lines), shades) for image, lines in zip(images, lattices, strict=True)]


def _shades(images: Sequence[Bytes]) -> Bytes:
    """The colours that stand for all that is painted on any of the images."""
    found, weights = coarse_colours(np.concatenate([image[image[..., 3] >= SOLID][:, :3] for image in images]))
    return pick_colours(found, weights, SHADES)


def _cells(image: Bytes, lines: Lines) -> _Cells:
    height, width = image.shape[:2]
    column, across = _places(lines.x, width)
    row, down = _places(lines.y, height)
    weight = down[:, None] * across[None]
    columns, rows = lines.size
    return _Cells((row[:, None] * columns + column[None]).ravel(), weight.ravel().astype(np.float32), (rows, columns))


def _places(lines: Floats, length: int) -> tuple[Indices, Floats]:
    """The cell of each pixel of an axis, and its weight; pixels beyond the lines have none."""
    middle = np.arange(length) + 0.5
    cell = np.searchsorted(lines, middle, side="right") - 1
    inside = (cell >= 0) & (cell < len(lines) - 1)
    cell = np.clip(cell, 0, len(lines) - 2)
    part = (middle - lines[cell]) / np.maximum(lines[cell + 1] - lines[cell], 1e-6)
    weight = np.clip(1.4 * (1 - np.abs(2 * part - 1)), 0.02, 1) ** 2
    return np.asarray(cell, np.intp), np.asarray(weight * inside, np.float32)


def _sampled(image: Bytes, cells: _Cells, shades: Bytes) -> Bytes:
    rows, columns = cells.shape
    flat = image.reshape(-1, 4)
    alpha = np.bincount(cells.index, cells.weight * flat[:, 3], rows * columns) / np.maximum(
        np.bincount(cells.index, cells.weight, rows * columns), 1e-9
    )
    solid = (flat[:, 3] >= SOLID) & (cells.weight > 0)
    index, weight, colours = cells.index[solid], cells.weight[solid], flat[solid, :3]
    heaps = nearest_coarse(colours, shades)
    totals = np.bincount(index * len(shades) + heaps, weight, rows * columns * len(shades)).reshape(-1, len(shades))
    winner = totals.argmax(axis=1)
    kept = heaps == winner[index]
    counts = np.bincount(index[kept], weight[kept], rows * columns)
    mean = [np.bincount(index[kept], weight[kept] * colours[kept, i], rows * columns) for i in range(3)]
    pixels = np.zeros((rows * columns, 4), np.uint8)
    shown = (alpha >= SOLID) & (counts > 0)
    pixels[shown, :3] = np.rint(np.stack(mean, axis=1)[shown] / counts[shown, None])
    pixels[shown, 3] = 255
    return pixels.reshape(rows, columns, 4)


def find_palette(images: Sequence[Bytes], count: int | None, *, exact: bool = False) -> Bytes:
    """One palette (n, 3) for a set of sampled images: `count` colours at most, or those that are plainly different.

    `exact` says that no colour is a painter's variation of another.
    """
    colours = np.concatenate([image[image[..., 3] > 0][:, :3] for image in images])
    found, counts = np.unique(colours, axis=0, return_counts=True)
    weights = counts.astype(np.float32)
    merged = merge_colours(found, weights, 0.0) if exact else merge_colours(found, weights)
    if count is None or len(merged) <= count:
        return merged
    heaps = nearest_colours(found, merged)
    return pick_colours(merged, np.bincount(heaps, weights, len(merged)).astype(np.float32), count)


def apply_palette(image: Bytes, palette: Bytes) -> Bytes:
    """The image (height, width, 4) in the palette's colours, without dither; clear pixels stay black."""
    found = image.copy()
    solid = image[..., 3] > 0
    if solid.any():
        found[solid, :3] = palette[nearest_colours(image[solid][:, :3], palette)]
    return found
