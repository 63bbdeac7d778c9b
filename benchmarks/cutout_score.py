"""Scores a cut-out against its truth; the headline H is the error a viewer would see on new backgrounds.

H = mean absolute recomposition error, levels of 255, over white, black, mid-grey and the key's complement, in the edge
band plus everywhere else. The band: pixels whose alpha is partial or differs from a neighbour's, widened by 3 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Lower is better everywhere; `holes` and `residue` are percent, `alpha_error` is x 1000, `fringe` in levels."""

    headline: float
    band: float
    elsewhere: float
    fringe: float
    holes: float
    residue: float
    alpha_error: float


def edge_band(alpha: Bytes) -> NDArray[np.bool_]:
    three = np.ones((3, 3), np.uint8)
    edge = (alpha > 0) & (alpha < 255) | (cv2.dilate(alpha, three) != cv2.erode(alpha, three))
    return cv2.dilate(edge.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0


def dominance(colour: NDArray[np.float32], key: NDArray[np.float32]) -> NDArray[np.float32]:
    bright, dark = np.flatnonzero(key >= 128), np.flatnonzero(key < 128)
    if not len(bright) or not len(dark):
        return np.zeros(colour.shape[:2], np.float32)
    return np.maximum(colour[..., bright].min(-1) - colour[..., dark].max(-1), 0)


def score(predicted: Bytes, truth: Bytes, key: NDArray[np.float32]) -> Score:
    """Compares two (height, width, 4) uint8 straight-alpha pictures."""
    alpha, true_alpha = (picture[..., 3].astype(np.float32) / 255 for picture in (predicted, truth))
    shown = predicted[..., :3] * alpha[..., None]
    true_shown = truth[..., :3] * true_alpha[..., None]
    difference, excess = shown - true_shown, alpha - true_alpha
    error = np.zeros(alpha.shape, np.float32)
    backgrounds = [np.full(3, level, np.float32) for level in (255, 0, 128)] + [255 - key]
    for background in backgrounds:
        error += np.abs(difference - excess[..., None] * background).mean(-1) / len(backgrounds)
    band = edge_band(truth[..., 3])
    in_band = float(error[band].mean()) if band.any() else 0.0
    elsewhere = float(error[~band].mean()) if not band.all() else 0.0
    grey, true_grey = (c + (1 - a[..., None]) * 128 for c, a in ((shown, alpha), (true_shown, true_alpha)))
    rim = np.maximum(dominance(grey, key) - dominance(true_grey, key), 0)
    opaque, clear = truth[..., 3] == 255, truth[..., 3] == 0
    return Score(
        headline=in_band + elsewhere,
        band=in_band,
        elsewhere=elsewhere,
        fringe=float(rim[band].mean()) if band.any() else 0.0,
        holes=float(100 * (alpha[opaque] < 0.95).mean()) if opaque.any() else 0.0,
        residue=float(100 * (alpha[clear] > 0.02).mean()) if clear.any() else 0.0,
        alpha_error=float(1000 * np.abs(excess).mean()),
    )
