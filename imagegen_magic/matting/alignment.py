"""Finds how far one frame is shifted against another that shows the same subject on another backdrop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Bytes, Floats, as_floats
from .unmixing import at_once

if TYPE_CHECKING:
    from cv2.typing import MatLike

__all__ = ["align", "shifted"]

MOST_SHIFT = 0.1  # of the side
ALIGNED = 1600  # pixels of the longest edge at which frames are compared
STILL = 0.05  # pixels: less is no shift
ALIKE = 0.05  # of the picture's variance: frames that differ by less lie on each other


def align(first: Bytes, second: Bytes, apart: Floats) -> tuple[float, float]:
    """The offset (x, y) in pixels of the second frame against the first, to about a tenth of a pixel.

    Whatever the opacity and the key light, C1 - C2 is a multiple of `apart` = K1 - K2, (3,): across it, the frames are
    equal pictures. Those are compared.
    """
    factor = -(-max(first.shape[:2]) // ALIGNED)
    one, two = at_once(lambda: _across(first, apart, factor), lambda: _across(second, apart, factor))
    if _on_each_other(one, two):
        return 0.0, 0.0
    strongest = int(one.std(axis=(0, 1)).argmax())
    start = _coarse_shift(one[..., strongest], two[..., strongest])
    x, y = _refined_shift(one, two, *start)
    return factor * x, factor * y


def _across(frame: Bytes, apart: Floats, factor: int) -> Floats:
    """The frame's two components at right angles to `apart`, (height / factor, width / factor, 2)."""
    direction = np.linalg.svd(apart[None].astype(np.float64))[2][1:]
    size = (frame.shape[1] // factor, frame.shape[0] // factor)
    small = frame if factor == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return as_floats(cv2.transform(small.astype(np.float32), direction))


def _coarse_shift(one: Floats, two: Floats) -> tuple[float, float]:
    """The offset by phase correlation; none where it is improbably large."""
    window = cv2.createHanningWindow((one.shape[1], one.shape[0]), cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(cv2.GaussianBlur(one, (0, 0), 1), cv2.GaussianBlur(two, (0, 0), 1), window)
    far = abs(x) > MOST_SHIFT * one.shape[1] or abs(y) > MOST_SHIFT * one.shape[0]
    return (0.0, 0.0) if far else (x, y)


def _on_each_other(one: Floats, two: Floats) -> bool:
    """Whether the frames need no search: they are alike as they lie, and no small step makes them more so."""
    smooth, other, down, across, normal = _gradients(one, two)
    error = as_floats(other - smooth)
    differs, varies = cv2.norm(error, cv2.NORM_L2SQR) / error.size, float(cv2.meanStdDev(smooth)[1].max()) ** 2
    if np.linalg.det(normal) <= 0 or differs > ALIKE * varies:
        return False
    return bool(np.abs(_step(normal, across, down, error)).max() < STILL)


def _gradients(one: Floats, two: Floats) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.float64]]:
    """Both pictures smoothed, the first one's gradient (down, across), and the normal matrix of a small shift."""
    smooth, other = (as_floats(cv2.GaussianBlur(frame, (0, 0), 1.5)) for frame in (one, two))
    across = as_floats(cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8))
    down = as_floats(cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8))
    mixed = np.vdot(across, down)
    normal = np.array([[np.vdot(across, across), mixed], [mixed, np.vdot(down, down)]], np.float64)
    return smooth, other, down, across, normal


def _step(normal: NDArray[np.float64], across: Floats, down: Floats, error: Floats) -> NDArray[np.float64]:
    """The Gauss-Newton step (x, y) that the error asks for."""
    asked = np.array([np.vdot(across, error), np.vdot(down, error)], np.float64)
    return np.asarray(np.linalg.solve(normal, asked), dtype=np.float64)


def _refined_shift(one: Floats, two: Floats, x: float, y: float) -> tuple[float, float]:
    """Gauss-Newton steps on the squared difference of the pictures, from (x, y)."""
    smooth, other, down, across, normal = _gradients(one, two)
    if np.linalg.det(normal) <= 0:
        return 0.0, 0.0
    for _ in range(6):
        step = _step(normal, across, down, as_floats(shifted(other, x, y) - smooth))
        x, y = x - float(step[0]), y - float(step[1])
        if np.abs(step).max() < 0.01:
            break
    if float(np.square(shifted(other, x, y) - smooth).mean()) > 0.9 * float(np.square(other - smooth).mean()):
        return 0.0, 0.0  # what differs is not explained by a shift
    return x, y


def shifted(image: Bytes | Floats, x: float, y: float) -> MatLike:
    """The picture moved back by (x, y) pixels, with cubic interpolation."""
    matrix = np.array([[1, 0, x], [0, 1, y]], dtype=np.float64)
    size = (image.shape[1], image.shape[0])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
