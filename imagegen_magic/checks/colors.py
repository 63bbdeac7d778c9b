"""Colours as eyes see them: Oklab distances and WCAG contrast, on arrays."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "contrast_ratio", "distance", "luminance", "to_oklab"]

Floats: TypeAlias = NDArray[np.float32]

_TO_CONE = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]], np.float32,
)  # fmt: skip
_TO_LAB = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]], np.float32,
)  # fmt: skip
"""Oklab's matrices (Björn Ottosson, 2020-12-23, as in CSS Color 4)."""
_LEVELS = np.arange(256, dtype=np.float32) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
"""Linear light of each of the 256 sRGB levels."""


def to_oklab(rgb: NDArray[np.uint8]) -> Floats:
    """Oklab values (..., 3) of uint8 sRGB values (..., 3): lightness 0 to 1, then two colour axes of about -0.4 to 0.4."""
    return np.asarray(np.cbrt(_LINEAR[rgb] @ _TO_CONE.T) @ _TO_LAB.T, dtype=np.float32)


def distance(one: Any, other: Any) -> Floats:
    """ΔE-OK between Oklab values (..., 3): 0.02 is just noticeable (CSS Color 4), 1 is black to white."""
    return np.asarray(np.linalg.norm(np.asarray(one) - np.asarray(other), axis=-1), dtype=np.float32)


def luminance(rgb: NDArray[np.uint8]) -> Floats:
    """Relative luminance (...), 0 to 1, of uint8 sRGB values (..., 3) (WCAG 2.2)."""
    return np.asarray(_LINEAR[rgb] @ np.array([0.2126, 0.7152, 0.0722], np.float32), dtype=np.float32)


def contrast_ratio(one: Any, other: Any) -> Floats:
    """The contrast of two luminances, 1 to 21 (WCAG 2.2, 1.4.3)."""
    light, dark = np.maximum(one, other), np.minimum(one, other)
    return np.asarray((light + 0.05) / (dark + 0.05), dtype=np.float32)
