"""The arrays of the cut-out engine by their dtype, and ways to state one where OpenCV's type stubs leave it open."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cv2.typing import MatLike

__all__ = [
    "Bytes",
    "Floats",
    "Indices",
    "Mask",
    "Window",
    "as_bytes",
    "as_floats",
    "columns",
    "masked",
    "median",
    "positions",
    "quantile",
    "set_columns",
    "within",
]

Bytes: TypeAlias = "NDArray[np.uint8]"
Floats: TypeAlias = "NDArray[np.float32]"
Indices: TypeAlias = "NDArray[np.intp]"
"""Flat positions: row * width + column."""
Mask: TypeAlias = "NDArray[np.bool_]"
Window: TypeAlias = "tuple[slice, slice]"
"""Rows and columns of a part of a frame."""


def as_bytes(array: MatLike | NDArray[Any]) -> Bytes:
    """The array as uint8; the very same one where it is."""
    return np.asarray(array, dtype=np.uint8)


def as_floats(array: MatLike | NDArray[Any]) -> Floats:
    """The array as float32; the very same one where it is."""
    return np.asarray(array, dtype=np.float32)


def columns(array: Floats, at: Indices) -> Floats:
    """Those columns of an array (3, n), in a quarter of the time of an index."""
    return np.take(array, at, axis=1)


def set_columns(array: Floats, at: Indices, values: Floats) -> None:
    """Writes those columns of an array (3, n)."""
    for row, own in zip(array, values, strict=True):
        row[at] = own


def positions(plane: Bytes) -> Indices:
    """The flat indices where a byte plane is not 0; of booleans they are found in a quarter of the time."""
    return np.flatnonzero(plane != 0)


def quantile(values: NDArray[Any], share: float) -> float:
    """The value below which that share of them lies, as `numpy.quantile` has it, which loads the masked arrays: 0.02 s."""
    place = share * (values.size - 1)
    low, high = math.floor(place), math.ceil(place)
    ordered = np.partition(values, (low, high), axis=None)
    return float(ordered[low]) + (place - low) * (float(ordered[high]) - float(ordered[low]))


def median(values: NDArray[Any]) -> float:
    """The middle of the values, or the mean of the two in the middle."""
    return quantile(values, 0.5)


def within(plane: Any, low: float, high: float) -> Bytes:
    """255 where a byte plane's value is from `low` to `high`."""
    return as_bytes(cv2.inRange(plane, low, high))


def masked(foreground: Bytes, alpha: Bytes) -> Bytes:
    """The colours (height, width, 3), black where alpha is 0: a clear pixel holds nothing."""
    return as_bytes(cv2.bitwise_and(foreground, foreground, mask=alpha))
