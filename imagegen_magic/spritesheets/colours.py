"""OKLab, in which equal distances look about equally different (Bjorn Ottosson, 2020-12-23, bottosson.github.io/posts/oklab)."""

from __future__ import annotations

from functools import cache

import numpy as np

from imagegen_magic.matting.arrays import Bytes, Floats, as_floats

__all__ = ["from_oklab", "to_oklab"]

_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@cache
def _linear() -> Floats:
    """Linear light, 0 to 1, of each sRGB level."""
    level = np.arange(256) / 255
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4).astype(np.float32)


def to_oklab(rgb: Bytes) -> Floats:
    """OKLab (..., 3) float32 of sRGB colours (..., 3) uint8: lightness 0 to 1, then green to red and blue to yellow."""
    cones = np.cbrt(_linear()[rgb] @ _TO_CONES.T.astype(np.float32))
    return as_floats(cones @ _TO_LAB.T.astype(np.float32))


def from_oklab(lab: Floats) -> Bytes:
    """The nearest sRGB colours (..., 3) uint8 of OKLab colours."""
    light = (lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_CONES).T
    light = np.clip(light, 0, 1)
    level = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(level * 255), np.uint8)
