"""Measures the noise of a backdrop where it is: a decoder rings around the subject and is quiet far from it.

On pictures that a model delivered the backdrop deviates by 3 to 5 levels at 3 pixels from the silhouette and by half a
level at 20 (measured on 32 of them, 2026-11-26). One figure for the frame is wrong at either end.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

from .arrays import Bytes, Floats, Indices, as_bytes, as_floats, median, positions, within
from .window import window_of

__all__ = ["NoiseMap", "measure_noise"]

SUBJECT = 64  # levels from the backdrop that no noise reaches
RINGS = (1.9, 2.9, 4.4, 6.5, 9.5, 14.0, 22.0, 40.0)  # pixels from the subject, limits of the rings
FEWEST = 200  # pixels of a ring; fewer say nothing
MOST = 6000
ENOUGH = 1_500_000  # pixels of the frame in which rings are looked for
LARGE = 2048  # pixels of the longest edge above which distances are measured on half the grid
STEPS = 4.0  # of the distance plane, for each pixel
GRAIN = 1.87  # a 3 x 3 mean takes this factor off the deviation of noise in blobs of three pixels
MOST_NOISE = 7.0  # levels; what deviates by more is hair
EDGE = 4 * MOST_NOISE  # levels from the backdrop that are an edge of a subject, however near its colour is to the key
NEAREST = 1.25  # noise at the silhouette, as a factor of that in the first ring that can be measured


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseMap:
    """Standard deviation of the noise, levels: `by_distance` (256,) float32, and each pixel's `distance` from the subject."""

    by_distance: Floats
    distance: Bytes

    def at(self, index: Indices) -> Floats:
        """The noise at the pixels with these flat indices, (n,) levels."""
        return as_floats(self.by_distance[self.distance.ravel()[index]])

    def tolerance(self, rows: slice) -> Bytes:
        """Levels within which a pixel of these rows may be pure backdrop (three sigma and rounding)."""
        table = np.ceil(3 * self.by_distance + np.float32(0.7)).astype(np.uint8)
        return as_bytes(cv2.LUT(self.distance[rows], table))


def measure_noise(planes: list[Bytes], behind: list[Bytes], apart: Bytes, least: float) -> NoiseMap:
    """The noise by the distance from the subject, where `apart` is the largest deviation from the backdrop `behind`.

    `least` is the noise far away, known from elsewhere.
    """
    window = window_of(within(apart, SUBJECT + 1, 255))
    near = np.ascontiguousarray(apart[window])
    distance = np.full(apart.shape, 255, np.uint8)
    distance[window] = _distance(as_bytes(cv2.threshold(near, SUBJECT, 1, cv2.THRESH_BINARY_INV)[1]), max(apart.shape))
    edge = cv2.dilate(cv2.threshold(near, EDGE, 255, cv2.THRESH_BINARY)[1], np.ones((3, 3), np.uint8))
    calm = np.zeros_like(distance)
    calm[window] = cv2.subtract(distance[window], edge)  # 0 at edges, which are in no ring
    limits = [STEPS * ring for ring in RINGS]
    middles, deviations = [0.0], [least]
    for (low, high), index in zip(itertools.pairwise(limits), _by_ring(calm, limits), strict=True):
        if len(index) >= FEWEST:
            middles.append((low + high) / 2)
            deviations.append(max(least, min(MOST_NOISE, _deviation(planes, behind, index))))
    deviations[0] = min(NEAREST * deviations[1], max(MOST_NOISE, least)) if len(deviations) > 1 else least
    known = np.array([*middles, limits[-1]]), np.array([*deviations, least])
    return NoiseMap(by_distance=np.interp(np.arange(256), *known).astype(np.float32), distance=distance)


def _distance(away: Bytes, side: int) -> Bytes:
    """The distance from where `away` is 0, in `STEPS` a pixel, saturating; on half the grid in frames with a large side."""
    if side <= LARGE:
        return as_bytes(cv2.convertScaleAbs(cv2.distanceTransform(away, cv2.DIST_L2, 3), alpha=STEPS))
    half = np.ascontiguousarray(cv2.erode(away, np.ones((2, 2), np.uint8))[::2, ::2])
    steps = cv2.convertScaleAbs(cv2.distanceTransform(half, cv2.DIST_L2, 3), alpha=2 * STEPS)
    return as_bytes(cv2.resize(steps, away.shape[::-1], interpolation=cv2.INTER_NEAREST))


def _by_ring(distance: Bytes, limits: list[float]) -> list[Indices]:
    """For each ring between two limits the flat indices of its pixels, `MOST` of them at most."""
    step = max(1, round(distance.size / ENOUGH))
    width = distance.shape[1]
    thin = positions(within(distance[::step], limits[0], limits[-1]))
    index = thin + thin // width * ((step - 1) * width)
    away = distance.ravel()[index]
    rings = [index[(away >= low) & (away <= high)] for low, high in itertools.pairwise(limits)]
    return [ring[:: len(ring) // MOST + 1] for ring in rings]


def _deviation(planes: list[Bytes], behind: list[Bytes], index: Indices) -> float:
    """The standard deviation from the backdrop or, if less, from the mean of nine: a soft shadow is no noise."""
    height, width = planes[0].shape
    row, column = np.divmod(index, width)
    rows = [np.clip(row + step, 0, height - 1) * width for step in (-1, 0, 1)]
    columns = [np.clip(column + step, 0, width - 1) for step in (-1, 0, 1)]
    around = np.array([y + x for y in rows for x in columns])
    worst = 0.0
    for plane, under in zip(planes, behind, strict=True):
        own, flat = plane.ravel()[index].astype(np.float32), plane.ravel()
        mean = flat[around].sum(axis=0, dtype=np.uint16) / np.float32(9)
        worst = max(worst, min(_robust(own - under.ravel()[index]), GRAIN * _robust(own - mean)))
    return worst


def _robust(error: Floats) -> float:
    """The standard deviation of errors around 0, of which some are no noise."""
    size = np.abs(error)
    usual = np.minimum(size, np.float32(4.5) * median(size) + np.float32(1.5))
    return float(np.sqrt(np.mean(usual * usual)))
