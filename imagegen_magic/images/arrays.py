"""Arrays to images and back. This module alone brings numpy to a plain request, so it is imported when it is needed: 0.1 s."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagegen_magic.errors import OptionError, Problem

__all__ = ["array_of", "eight_bit_gray", "image_of", "share_near"]


def image_of(array: Any, name: str) -> Image.Image:
    """A Pillow image of an array: uint8 as it is, floats of [0, 1] and booleans scaled, uint16 divided by 257.

    Raises:
        OptionError: it has another shape or type, or floats outside [0, 1].
    """
    pixels = np.asarray(array)
    fits = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (1, 3, 4))
    if not fits or pixels.size == 0 or pixels.dtype.kind not in "buf":
        rule = f"an array of shape (height, width[, 1|3|4]) is needed, not {pixels.shape} of {pixels.dtype}"
        raise _no_image(name or type(array).__name__, rule, "uint8 of 0 to 255, or floats of 0 to 1")
    if pixels.dtype.kind == "f" and (not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1):
        raise _no_image(name or "array", "floats must be from 0 to 1", "divide by 255, or convert to uint8")
    if pixels.dtype.kind in "bf":
        pixels = np.rint(pixels.astype(np.float32) * 255)
    elif pixels.dtype != np.uint8:
        pixels = pixels // 257 if pixels.dtype == np.uint16 else np.clip(pixels, 0, 255)
    return Image.fromarray(np.ascontiguousarray(pixels.astype(np.uint8).squeeze()))


def _no_image(value: str, rule: str, fix: str) -> OptionError:
    return OptionError("not a picture", problems=(Problem(field="image", value=value, rule=rule, fix=fix),))


def eight_bit_gray(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, of whole numbers or of floats as RGB of 8 bits, scaled and not clipped.

    Raises:
        OptionError: floats that are neither from 0 to 1 nor from 0 to 255: what is white can't be known.
    """
    levels = np.asarray(image)
    if image.mode == "F":
        return image_of(levels if levels.max() <= 1 else levels / 255, "picture").convert("RGB")
    divisor = 1 if image.mode == "I" and levels.max() <= 255 else 257  # 1: of 8 bits, in a wide type
    return Image.fromarray((levels.clip(0) // divisor).clip(0, 255).astype(np.uint8)).convert("RGB")


def array_of(image: Image.Image) -> NDArray[np.uint8]:
    """uint8 array of shape (height, width, 3), or (height, width, 4) if the image has alpha."""
    return np.asarray(image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB"))


def share_near(image: Image.Image, color: str, levels: int) -> float:
    """The share (0 to 1) of pixels whose channels are all less than `levels` of 255 away from the colour `#rrggbb`."""
    key = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    pixels = np.asarray(image.convert("RGB"), np.int16).reshape(-1, 3)
    return float((np.abs(pixels - key).max(axis=1) < levels).mean())
