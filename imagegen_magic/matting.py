"""Kernels of the matting solver: flat lists of edge pixels in, opacity and foreground colour out.

The observed colour is C = a F + (1 - a) K + noise with the backdrop K known. A pixel's foreground F is taken from the
subject nearby (a mean and a variance), from the colour line K -> C prolonged to the strongest colour the picture shows
on it (haze lines: Berman, Treibitz and Avidan, "Non-local image dehazing", CVPR 2016, with the backdrop as airlight),
from black (a shadow) or from grey. Given F, the opacity is the maximum-likelihood one
(Chuang et al., "A Bayesian approach to digital matting", CVPR 2001, with known background).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Indices = NDArray[np.intp]

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
DIRECTIONS = 96  # haze-line bins per side of the octahedral map
RADII = 112  # radius bins of 4 levels
CHUNK = 1 << 16


def opacity(colour: Floats, key: Floats, foreground: Floats, variance: Floats, noise: float) -> Floats:
    """Most likely opacity, (n,), 0..1, of `colour` between `key` and a foreground of known mean and variance."""
    towards = foreground - key
    observed = colour - key
    alpha = np.full(len(colour), 0.5, dtype=np.float32)
    for _ in range(3):
        weight = 1.0 / (np.square(alpha)[:, None] * variance + np.float32(noise * noise))
        weighted = towards * weight
        along = np.einsum("ij,ij->i", observed, weighted)
        alpha = np.clip(along / np.maximum(np.einsum("ij,ij->i", towards, weighted), 1e-6), 0, 1)
    return alpha


def unmix(colour: Floats, key: Floats, foreground: Floats, variance: Floats, alpha: Floats, noise: float) -> Floats:
    """Most likely foreground colours, (n, 3), given the opacity: the prior where alpha is small, the pixel where not."""
    a = alpha[:, None]
    gain = variance * a / (a * a * variance + np.float32(noise * noise))
    return foreground + gain * (colour - a * foreground - (1 - a) * key)


def least_opacity(colour: Floats, key: Floats, noise: float) -> Floats:
    """The smallest opacity, (n,), with which any displayable foreground explains the pixel (noise allowed for)."""
    off = np.maximum(np.abs(colour - key) - np.float32(2 * noise), 0)
    room = np.where(colour < key, key, 255 - key)
    return np.asarray(np.clip((off / np.maximum(room, 1)).max(axis=1), 0, 1), dtype=np.float32)


def _bins(direction: Floats) -> Indices:
    """Octahedral map of (n, 3) vectors to flat bin indices."""
    unit = direction / np.maximum(np.abs(direction).sum(axis=1, keepdims=True), 1e-3)
    x, y, z = unit[:, 0], unit[:, 1], unit[:, 2]
    back = z < 0
    across = np.where(back, (1 - np.abs(y)) * np.where(x >= 0, 1, -1), x)
    down = np.where(back, (1 - np.abs(x)) * np.where(y >= 0, 1, -1), y)
    scale = DIRECTIONS / 2
    i = np.clip((across + 1) * scale, 0, DIRECTIONS - 1).astype(np.intp)
    j = np.clip((down + 1) * scale, 0, DIRECTIONS - 1).astype(np.intp)
    return i * DIRECTIONS + j


def haze_lines(offset: Floats) -> Floats:
    """The strongest distance from the key seen in each direction, (DIRECTIONS²,) levels; 0 where nothing was seen.

    `offset` holds C - K of pixels that are not backdrop, (n, 3).
    """
    radius = np.linalg.norm(offset, axis=1)
    far = radius > 24
    level = np.clip(radius[far] / 4, 0, RADII - 1).astype(np.intp)
    counts = np.bincount(_bins(offset[far]) * RADII + level, minlength=DIRECTIONS * DIRECTIONS * RADII)
    table = counts.reshape(DIRECTIONS, DIRECTIONS, RADII).astype(np.float32)
    padded = np.pad(table, ((1, 1), (1, 1), (0, 0)))
    blurred = 0.5 * table
    for i in range(3):
        for j in range(3):
            blurred += 0.5 * padded[i : i + DIRECTIONS, j : j + DIRECTIONS]
    tail = np.cumsum(blurred[..., ::-1], axis=-1)[..., ::-1]
    reached = (tail >= np.maximum(12, 0.02 * tail[..., :1])).sum(axis=-1)
    return np.where(reached > 0, reached * 4.0 - 2.0, 0.0).astype(np.float32).ravel()


def prolong(offset: Floats, smooth: Floats, key: Floats, lines: Floats) -> tuple[Floats, Floats]:
    """Foreground at the far end of each pixel's haze line, (n, 3), and that end's distance from the key, (n,).

    `smooth` is the same offset averaged over a small window, used for the direction only.
    """
    radius = lines[_bins(smooth)]
    length = np.maximum(np.linalg.norm(offset, axis=1), 1e-3)
    foreground = np.clip(key + offset * (radius / length)[:, None], 0, 255)
    return foreground, radius


def project(colour: Floats, key: Floats, foreground: Floats) -> tuple[Floats, Floats]:
    """Opacity by plain projection on the line key -> foreground, (n,), and the largest channel residual, (n,)."""
    towards = foreground - key
    along = np.einsum("ij,ij->i", colour - key, towards)
    alpha = np.clip(along / np.maximum(np.einsum("ij,ij->i", towards, towards), 1.0), 0, 1)
    residual = np.abs(colour - key - alpha[:, None] * towards).max(axis=1)
    return alpha, residual


def in_chunks(count: int, work: Callable[[slice], None], threads: int = 2) -> None:
    """Runs `work` over slices of 0..count, cache-sized, on a few threads (numpy releases the interpreter lock)."""
    slices = [slice(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    if len(slices) < 2:
        for part in slices:
            work(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, slices):
            pass
