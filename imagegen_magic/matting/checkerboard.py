"""Recognises a checkerboard that was painted where transparency was asked for."""

from __future__ import annotations

import numpy as np

from .arrays import Bytes, median, quantile

__all__ = ["painted_checkerboard"]


def painted_checkerboard(rgb: Bytes, alpha: Bytes) -> float:
    """How much of the border looks like the squares that stand for transparency, 0..1.

    Two neutral tones that take turns at an even pace along at least two sides of the frame.
    """
    if min(rgb.shape[:2]) <= 16:
        return 0.0
    sides = ((rgb[3], alpha[3]), (rgb[-4], alpha[-4]), (rgb[:, 3], alpha[:, 3]), (rgb[:, -4], alpha[:, -4]))
    return float(np.mean([_even_squares(line, opaque) for line, opaque in sides]))


def _even_squares(line: Bytes, alpha: Bytes) -> float:
    values = line.astype(np.int16)
    neutral = (np.ptp(values, axis=1) <= 16) & (alpha > 247)
    if neutral.mean() < 0.5:
        return 0.0
    grey = values.mean(axis=1)
    low, high = (quantile(grey[neutral], share) for share in (0.1, 0.9))
    if high - low < 6:
        return 0.0
    tone = grey > (low + high) / 2
    typical = np.minimum(np.abs(grey - low), np.abs(grey - high)) < 0.25 * (high - low)
    runs = np.diff(np.flatnonzero(np.diff(tone.astype(np.int8))))
    if len(runs) < 5:
        return 0.0
    side = median(runs)
    even = float((np.abs(runs - side) <= max(1.5, 0.2 * side)).mean())
    return even * float((typical & neutral).mean()) if side >= 3 else 0.0
