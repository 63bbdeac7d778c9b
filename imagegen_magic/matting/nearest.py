"""Finds the subject colour that is nearest to each pixel of the edge."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Bytes, Floats, Indices, as_bytes, as_floats, positions
from .scene import Scene, colours_at
from .spill import Spill
from .unmixing import LUMA

__all__ = ["NearestSubject", "nearest_subject", "without_spill"]

LARGE = 1600  # pixels of the longest edge above which distances are measured on half the grid
CELL = 8  # pixels of a side, for what varies slowly
AROUND = 5  # cells
LEAST_SHADING, MOST_SHADING = np.float32(0.001), np.float32(0.04)
LEAST_VARIANCE = np.float32(144)  # levels squared: a subject's colour is never known better


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestSubject:
    """For every band pixel the column of its `nearest` subject sample; the samples' places, mean colours and variances."""

    nearest: Indices
    at: Indices
    colours: Floats
    variances: Floats
    shadings: Floats


def nearest_subject(scene: Scene, samples: Bytes, definite: Bytes, index: Indices) -> NearestSubject:
    """The subject's colours next to the band pixels `index`."""
    near = as_bytes(cv2.dilate(scene.silhouette & (definite ^ 1), np.ones((3, 3), np.uint8))) & samples
    at = positions(near)
    if not len(at):
        return NearestSubject(
            nearest=np.zeros(len(index), np.intp),
            at=at,
            colours=np.full((3, 1), 128, np.float32),
            variances=np.full((3, 1), 4000, np.float32),
            shadings=np.zeros(1, np.float32),
        )
    nearest = _nearest(near.shape, at, index, 2 if max(scene.frame) > LARGE else 1)
    mean, variance = _window_statistics(scene.planes, samples, at)
    shading = _shading(mean, near.shape, at)
    return NearestSubject(nearest=nearest, at=at, colours=mean, variances=variance, shadings=shading)


def without_spill(found: NearestSubject, scene: Scene, spill: Spill | None) -> NearestSubject:
    """The same with the key's light taken off the samples."""
    if spill is None or not len(found.at):
        return found
    light = spill.light(found.at, found.colours, scene.backdrop.at(found.at, scene.image.shape))
    colours = as_floats(np.maximum(found.colours - light, 0))
    return replace(found, colours=colours, shadings=_shading(colours, scene.silhouette.shape, found.at))


def _shading(mean: Floats, shape: tuple[int, ...], at: Indices) -> Floats:
    """How much the samples' brightness varies nearby, squared and as a share of it, (n,): the strands of hair differ."""
    row, column = np.divmod(at, shape[1])
    cell = row // CELL * -(-shape[1] // CELL) + column // CELL
    size = (-(-shape[0] // CELL), -(-shape[1] // CELL))
    luma = np.maximum(LUMA @ mean, np.float32(16))

    def nearby(weights: Floats | None) -> NDArray[np.float64]:
        sums = np.bincount(cell, weights, minlength=size[0] * size[1]).reshape(size).astype(np.float64)
        return np.asarray(cv2.blur(sums, (AROUND, AROUND)).ravel()[cell], dtype=np.float64)

    count = nearby(None)
    middle = nearby(luma) / count
    spread = nearby(luma * luma) / count / (middle * middle) - 1
    return np.clip(spread - LEAST_SHADING, 0, MOST_SHADING).astype(np.float32)


def _nearest(shape: tuple[int, ...], at: Indices, index: Indices, factor: int) -> Indices:
    """For every flat index the position in `at` of the nearest of those pixels, on the grid thinned by `factor`."""
    width = -(-shape[1] // factor)

    def cells(flat: Indices) -> Indices:
        short = flat.astype(np.int32)  # divides in half the time
        row = short // shape[1]
        return row // factor * width + (short - row * shape[1]) // factor

    places = cells(at)
    empty = np.ones((-(-shape[0] // factor), width), np.uint8)
    empty.ravel()[places] = 0
    _, labels = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows = np.zeros(len(at) + 1, np.intp)
    rows[labels.ravel()[places]] = np.arange(len(at))
    return np.asarray(rows[labels.ravel()[cells(index)]], dtype=np.intp)


def _window_statistics(planes: list[Bytes], samples: Bytes, at: Indices) -> tuple[Floats, Floats]:
    """Mean and variance, (3, n), of the samples in 5 x 5 windows, every other row and column of them."""
    height, width = samples.shape
    row, column = np.divmod(at, width)
    total, square = np.zeros((3, len(at)), np.float32), np.zeros((3, len(at)), np.float32)
    weight = np.zeros(len(at), np.float32)
    member = samples.ravel()
    for dy in (-2, 0, 2):
        for dx in (-2, 0, 2):
            y, x = row + dy, column + dx
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            place = np.where(inside, y * width + x, at)
            counts = (member[place] & inside).astype(np.float32)
            colour = colours_at(planes, place)
            weighted = colour * counts
            total += weighted
            square += weighted * colour
            weight += counts
    mean = total / weight
    return mean, np.maximum(square / weight - mean * mean, 0) + LEAST_VARIANCE
