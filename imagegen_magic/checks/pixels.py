"""The pixels of one image, as the measures take them; decoded once, whatever is measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from imagegen_magic.images.opening import decoding, open_image

__all__ = ["Pixels", "load_pixels"]

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """`rgb` is (height, width, 3) uint8, `alpha` (height, width) uint8; an opaque image has alpha 255 and `has_alpha` False."""

    rgb: Bytes
    alpha: Bytes
    has_alpha: bool

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.rgb.shape[1], self.rgb.shape[0]

    def thinned(self, edge: int) -> Pixels:
        """Every second, third, … pixel, so that the longer edge has at most `edge`: no colour is mixed."""
        step = -(-max(self.size) // edge)
        part = (slice(None, None, step), slice(None, None, step))
        return Pixels(rgb=self.rgb[part], alpha=self.alpha[part], has_alpha=self.has_alpha)

    def scaled(self, width: int, height: int) -> Pixels:
        """Scaled to a size, colours averaged as seen on a middle grey, which neither black nor white vanishes on; opaque."""
        flat = np.asarray(cv2.resize(self.on(128), (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        return Pixels(rgb=flat, alpha=np.full(flat.shape[:2], 255, np.uint8), has_alpha=False)

    def on(self, level: int) -> Bytes:
        """The colours on a grey of that level."""
        if not self.has_alpha:
            return self.rgb
        share = self.alpha[..., None].astype(np.float32) / 255
        return np.asarray(np.rint(self.rgb * share + level * (1 - share)), dtype=np.uint8)

    def grey(self) -> Bytes:
        """Luma (height, width) as seen on a middle grey."""
        return np.asarray(cv2.cvtColor(self.on(128), cv2.COLOR_RGB2GRAY), np.uint8)


def load_pixels(source: Any) -> Pixels:
    """The pixels of a path, of a file's bytes or of a Pillow image, upright, 8 bits; the header is checked before they are decoded.

    Raises:
        OptionError: it is not an image, is cut off or broken, or has more than 100 million pixels.
    """
    if isinstance(source, Image.Image):
        with decoding("picture"):
            return _decoded(source)
    path = Path(source) if isinstance(source, str) else source
    with open_image(path) as image, decoding(path.name if isinstance(path, Path) else "picture"):
        return _decoded(image)


def _decoded(opened: Image.Image) -> Pixels:
    image = ImageOps.exif_transpose(opened)
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    rgba = np.asarray(image.convert("RGBA" if has_alpha else "RGB"))
    height, width = rgba.shape[:2]
    alpha = rgba[..., 3] if has_alpha else np.full((height, width), 255, np.uint8)
    return Pixels(rgb=np.ascontiguousarray(rgba[..., :3]), alpha=np.ascontiguousarray(alpha), has_alpha=has_alpha)
