"""Recognises what a model draws round a picture unasked: a thin frame, a mat, and lines of odd pixels along an edge."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Bytes
from .backdrop_fit import NEAR, border_mode, border_pixels
from .scene import LEAST_STRENGTH, key_strength

__all__ = ["frame_width", "pure_key", "thinned", "without_lines"]

THIN = 0.03  # of the shorter side
WIDE = 0.4  # the same of a mat round a key that is known: round another colour it may be the backdrop, and the colour an icon's
PURE = 192  # levels of dominance of a key's colour that few subjects are full of
ALIKE = 0.95  # share of a frame's pixels that are of its colour
FLAT = 0.6  # share of the pixels just inside it that are of the backdrop's
APART = 48  # levels between the two colours
LINE = 3  # pixels: the widest line
SHORTEST = 0.05  # of the side

Sample = TypeVar("Sample", bound=np.generic)
Levels = tuple[float, float, float]


def frame_width(image: Bytes, key: Levels | None = None) -> int:
    """The width in pixels of a frame of one colour round a flat backdrop, soft edge and all; 0 if there is none.

    Without a known `key` a margin in a key's colour is the backdrop, and what it surrounds the subject.
    """
    outer, share = border_mode(border_pixels(image, 1))
    colour = (float(outer[0]), float(outer[1]), float(outer[2]))
    if share < ALIKE or (
        np.abs(outer - np.array(key)).max() <= APART if key else key_strength(colour) >= LEAST_STRENGTH
    ):
        return 0
    most = int(min(image.shape[:2]) * (WIDE if key else THIN))
    alike = (np.abs(_ring(image, depth).astype(np.int16) - outer).max(axis=1) <= NEAR for depth in range(1, most + 1))
    width = next((depth for depth, same in enumerate(alike, 1) if same.mean() < 0.5), None)
    if width is None:
        return 0
    inner, share = border_mode(_ring(image, width + 2))
    found = share >= FLAT and np.abs(inner - outer).max() >= APART
    return width + 2 if found and (key is None or np.abs(inner - np.array(key)).max() <= APART) else 0


def pure_key(pixels: Bytes, least: float) -> NDArray[np.float64] | None:
    """The colour of a key, so pure that few subjects are full of it, that at least this share of the pixels (n, 3) has."""
    low, middle, high = (np.asarray(level, dtype=np.int16) for level in np.sort(pixels, axis=1).T)
    pure = pixels[(high - middle >= PURE) | (middle - low >= PURE)]
    if len(pure) < least * len(pixels) or not len(pure):
        return None
    colour, share = border_mode(pure)
    return colour if share >= FLAT else None


def thinned(plane: NDArray[Sample]) -> NDArray[Sample]:
    """Rows and columns of a picture, or a mask, that say what colours it has: 250,000 places at most; (n, ...)."""
    step = int(np.sqrt(plane.shape[0] * plane.shape[1] / 250_000)) + 1
    return plane[::step, ::step].reshape(-1, *plane.shape[2:])


def _ring(image: Bytes, depth: int) -> Bytes:
    """The pixels (n, 3) that lie so far from the picture's edge."""
    return border_pixels(image[depth : len(image) - depth, depth : image.shape[1] - depth], 1)


def without_lines(alpha: Bytes) -> Bytes:
    """The alpha without lines along the picture's edges that nothing inside is connected to."""
    alpha = alpha.copy()
    for side in (alpha, alpha[::-1], alpha.T, alpha.T[::-1]):
        behind = side[LINE : LINE + 2].max(axis=0, initial=0) == 0
        odd = ((side[:LINE].max(axis=0, initial=0) > 0) & behind).astype(np.uint8)[None]
        length = max(8, round(SHORTEST * odd.size))
        runs = cv2.morphologyEx(odd, cv2.MORPH_OPEN, np.ones((1, length), np.uint8), borderValue=0)
        side[:LINE, runs[0] > 0] = 0
    return alpha
