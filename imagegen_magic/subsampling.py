"""Undoes the blur that a JPEG's halved colour resolution leaves in a decoded picture.

With 4:2:0 subsampling each 2 x 2 block has one chroma value, interpolated on decoding; edges keep their sharpness in
the luma only. The stored value is the block's mean; how the chroma varied inside the block is predicted from
the luma by a local regression (He, Sun and Tang, "Guided image filtering", TPAMI 2013).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Floats = NDArray[np.float32]

SAMPLE = 1024  # the test for subsampling looks at a window of this side


def is_subsampled(image: Bytes) -> bool:
    """True if the chroma of an (height, width, 3) uint8 picture was interpolated from half resolution (4:2:0).

    libjpeg's triangle filter makes every even chroma step the mean of half its neighbours; a real picture does not
    prefer even columns or rows to odd ones.
    """
    top, left = ((max(0, side - SAMPLE) // 4) * 2 for side in image.shape[:2])
    window = image[top : top + SAMPLE, left : left + SAMPLE]
    usable = cv2.inRange(window, (4, 4, 4), (251, 251, 251)) > 0
    pixels = window.astype(np.float32)
    chroma = pixels[..., 0] - pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    other = pixels[..., 2] - pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    for turn in (False, True):
        residual, count = np.zeros(2), np.zeros(2)
        for plane in (chroma, other):
            steps, mask = (plane.T, usable.T) if turn else (plane, usable)
            _add_parity(steps, mask, residual, count)
        mean = residual / np.maximum(count, 1)
        if count.min() < 200 or mean[0] > 0.4 * mean[1]:
            return False
    return True


def _add_parity(plane: Floats, usable: NDArray[np.bool_], residual: NDArray[np.float64], count: NDArray[np.float64]) -> None:
    step = np.diff(plane, axis=1)
    error = np.abs(step[:, 1:-1] - 0.5 * (step[:, :-2] + step[:, 2:]))
    mask = usable[:, :-3] & usable[:, 1:-2] & usable[:, 2:-1] & usable[:, 3:]
    mask &= np.abs(plane[:, 3:] - plane[:, :-3]) > 6
    for parity in (0, 1):
        at = mask[:, (1 - parity) % 2 :: 2]
        residual[parity] += np.minimum(error[:, (1 - parity) % 2 :: 2][at], 30).sum()
        count[parity] += at.sum()


def sharpen_chroma(image: Bytes, noise: float = 4.0) -> Bytes:
    """The picture with chroma edges as sharp as its luma's, (height, width, 3) uint8."""
    height, width = image.shape[:2]
    padded = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    ycc = cv2.cvtColor(padded, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    size = (padded.shape[1] // 2, padded.shape[0] // 2)
    small = cv2.resize(ycc, size, interpolation=cv2.INTER_AREA)
    luma = ycc[..., 0]
    guide = small[..., 0]
    window = (3, 3)
    mean = cv2.blur(guide, window)
    variance = cv2.blur(guide * guide, window) - mean * mean
    within = luma - np.repeat(np.repeat(guide, 2, axis=0), 2, axis=1)
    for channel in (1, 2):
        stored = small[..., channel]
        stored = stored + (stored - cv2.blur(stored, window)) * 0.33
        slope = cv2.blur(guide * stored, window) - mean * cv2.blur(stored, window)
        slope /= variance + noise * noise
        slope = np.clip(slope, -4, 4)
        ycc[..., channel] = np.repeat(np.repeat(stored, 2, axis=0), 2, axis=1)
        ycc[..., channel] += within * cv2.resize(slope, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    sharp = np.clip(np.rint(ycc), 0, 255).astype(np.uint8)
    return cv2.cvtColor(sharp, cv2.COLOR_YCrCb2RGB)[:height, :width]
