"""Kernels of the matting solver: flat lists of edge pixels in, opacity and foreground colour out.

The observed colour is C = a F + (1 - a) K + noise with the backdrop K known. A pixel's foreground F is taken from the
subject nearby (a mean and a variance), from the colour line K -> C prolonged to the strongest colour the picture shows
on it (haze lines: Berman, Treibitz and Avidan, "Non-local image dehazing", CVPR 2016, with the backdrop as airlight),
from black (a shadow) or from grey. Given F, the opacity is the maximum-likelihood one
(Chuang et al., "A Bayesian approach to digital matting", CVPR 2001, with known background).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import cv2
import numpy as np

from .arrays import Floats, Indices, as_floats, columns

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
DIRECTIONS = 96  # haze-line bins per side of the octahedral map
RADII = 112  # radius bins of 4 levels
ROOM = np.float32(48)  # levels to the end of the range below which a deviation says nothing: noise fills it
CHUNK = 1 << 16

First = TypeVar("First")
Second = TypeVar("Second")


def dot(a: Floats, b: Floats) -> Floats:
    """The products of the columns of two (3, n) arrays, (n,)."""
    return np.asarray(a[0] * b[0] + a[1] * b[1] + a[2] * b[2], dtype=np.float32)


def largest(a: Floats) -> Floats:
    """The largest of the three rows of a (3, n) array, (n,)."""
    return as_floats(np.maximum(np.maximum(a[0], a[1]), a[2]))


def opacity(
    colour: Floats, key: Floats, foreground: Floats, variance: Floats, shading: Floats, noise: Floats
) -> Floats:
    """Most likely opacity, (n,), 0..1, of `colour` between `key` and a foreground of known mean and variance.

    Its brightness may vary as well, by the square root of `shading` (n,), a share of it. Colours are (3, n) float32, here
    and below.
    """
    towards = foreground - key
    observed = colour - key
    alpha = np.full(colour.shape[1], 0.5, dtype=np.float32)
    for _ in range(3):
        weighted = _weighted(towards, foreground, variance, shading, alpha, noise)
        alpha = np.clip(dot(observed, weighted) / np.maximum(dot(towards, weighted), np.float32(1e-6)), 0, 1)
    return alpha


def _weighted(
    offset: Floats,
    foreground: Floats,
    variance: Floats | np.float32,
    shading: Floats | np.float32,
    alpha: Floats,
    noise: Floats,
) -> Floats:
    """The inverse of the colour's covariance, alpha² (variance I + shading F Fᵀ) + noise² I, times (3, n) `offset`."""
    square = alpha * alpha
    own = square * variance + noise * noise
    shade = square * shading
    length = dot(foreground, foreground)
    return as_floats((offset - foreground * (shade * dot(foreground, offset) / (own + shade * length))) / own)


def unmix(
    colour: Floats,
    key: Floats,
    foreground: Floats,
    variance: Floats | np.float32,
    shading: Floats | np.float32,
    alpha: Floats,
    noise: Floats,
) -> Floats:
    """Most likely foreground colours, (3, n), given the opacity: the prior where alpha is small, the pixel where not."""
    weighted = _weighted(colour - key - alpha * (foreground - key), foreground, variance, shading, alpha, noise)
    shade = foreground * (shading * dot(foreground, weighted))
    return as_floats(foreground + alpha * (variance * weighted + shade))


def misfit(colour: Floats, key: Floats, foreground: Floats, shading: Floats, alpha: Floats) -> Floats:
    """The largest channel of what opacity and shading leave unexplained, (n,) levels."""
    left = colour - key - alpha * (foreground - key)
    most = as_floats(2 * alpha * np.sqrt(shading))
    shade = dot(left, foreground) / np.maximum(dot(foreground, foreground), np.float32(1))
    left = as_floats(left - np.clip(shade, -most, most) * foreground)
    return largest(as_floats(np.abs(left)))


def least_opacity(colour: Floats, key: Floats, noise: Floats) -> Floats:
    """The smallest opacity, (n,), with which any displayable foreground explains the pixel (noise allowed for)."""
    offset = colour - key
    room = np.where(offset < 0, key, np.float32(255) - key)
    shown = np.where(room < ROOM, np.float32(0), np.abs(offset) - 2 * noise)
    return np.clip(largest(as_floats(shown / np.maximum(room, ROOM))), 0, 1)


def _bins(direction: Floats) -> Indices:
    """Octahedral map of (3, n) vectors to flat bin indices."""
    size = np.abs(direction)
    x, y, z = direction / np.maximum(size[0] + size[1] + size[2], np.float32(1e-3))
    back = z < 0
    one = np.float32(1)
    across = np.where(back, np.copysign(one - np.abs(y), x), x)
    down = np.where(back, np.copysign(one - np.abs(x), y), y)
    scale = np.float32(DIRECTIONS / 2)
    i = np.clip((across + one) * scale, 0, DIRECTIONS - 1).astype(np.intp)
    j = np.clip((down + one) * scale, 0, DIRECTIONS - 1).astype(np.intp)
    return np.asarray(i * DIRECTIONS + j, dtype=np.intp)


def haze_lines(offset: Floats) -> Floats:
    """The strongest distance from the key seen in each direction, (DIRECTIONS²,) levels; 0 where nothing was seen.

    `offset` holds C - K of pixels that are not backdrop, (3, n).
    """
    radius = np.sqrt(dot(offset, offset))
    far = np.flatnonzero(radius > 24)
    side = DIRECTIONS + 2  # the map with a margin, so that every bin has neighbours
    lines = np.zeros(side * side, np.float32)
    bins = _bins(columns(offset, far))
    direction = bins + bins // DIRECTIONS * 2 + side + 1
    seen = (np.bincount(direction, minlength=len(lines)) > 0).astype(np.uint8).reshape(side, side)
    near = np.flatnonzero(cv2.dilate(seen, np.ones((3, 3), np.uint8)))
    row = np.full(len(lines) + side + 2, len(near))  # few directions are seen: the table holds those, and an empty row
    row[near] = np.arange(len(near))
    level = np.clip(radius[far] / 4, 0, RADII - 1).astype(np.intp)
    counts = np.bincount(row[direction] * RADII + level, minlength=(len(near) + 1) * RADII)
    table = counts.reshape(-1, RADII).astype(np.float32)
    around = table.copy()
    for step in (1, side):  # the sum over nine neighbours, one axis after the other
        around[:-1] += around[row[near - step]] + around[row[near + step]]
    tail = np.cumsum((0.5 * (table + around))[:-1, ::-1], axis=-1)[:, ::-1]
    reached = (tail >= np.maximum(12, 0.02 * tail[:, :1])).sum(axis=-1)
    lines[near] = np.where(reached > 0, reached * 4.0 - 2.0, 0.0)
    return np.ascontiguousarray(lines.reshape(side, -1)[1:-1, 1:-1]).ravel()


def prolong(offset: Floats, smooth: Floats, key: Floats, lines: Floats) -> tuple[Floats, Floats]:
    """Foreground at the far end of each pixel's haze line, (3, n), and that end's distance from the key, (n,).

    `smooth` is the same offset averaged over a small window, used for the direction only.
    """
    radius = lines[_bins(smooth)]
    length = np.maximum(np.sqrt(dot(offset, offset)), np.float32(1e-3))
    foreground = as_floats(np.clip(key + offset * (radius / length), 0, 255))
    return foreground, radius


def project(colour: Floats, key: Floats, foreground: Floats) -> tuple[Floats, Floats]:
    """Opacity by plain projection on the line key -> foreground, (n,), and the largest channel residual, (n,)."""
    towards = foreground - key
    observed = colour - key
    alpha = np.clip(dot(observed, towards) / np.maximum(dot(towards, towards), np.float32(1)), 0, 1)
    return as_floats(alpha), largest(as_floats(np.abs(observed - alpha * towards)))


def in_chunks(count: int, work: Callable[[slice], None], *, size: int = CHUNK) -> None:
    """Runs `work` over slices of 0..count, at most `size` long, on two threads (numpy and OpenCV release the interpreter lock).

    All slices are of one length, and an even number, so that neither thread waits for the other.
    """
    pairs = -(-count // (2 * size))
    length = max(1, -(-count // (2 * pairs))) if count > size else max(1, count)
    parts = iter([slice(start, min(start + length, count)) for start in range(0, count, length)])

    def run() -> None:
        for part in parts:
            work(part)

    at_once(run, run if count > size else lambda: None)


def at_once(first: Callable[[], First], second: Callable[[], Second]) -> tuple[First, Second]:
    """The results of two calls that run at the same time, the first one on a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(first)
        result = second()
        return other.result(), result
