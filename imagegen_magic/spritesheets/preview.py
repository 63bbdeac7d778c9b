"""The light record of an animation in a notebook: an animated WebP, and a still PNG if nothing can move.

Both together are at most 200 KB as a notebook holds them. WebP is three to five times smaller than APNG on cut-outs and made
sooner; image renderers of front ends drop alternative text, so that it stands in HTML, as in `images.preview`.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from imagegen_magic.images.png import encode_png
from imagegen_magic.matting.arrays import Bytes

from .animation import encode_animation

__all__ = ["AnimationPreview", "preview_animation"]

ANIMATION_BYTES, STILL_BYTES = 100_000, 22_000
"""The animation and twice the still, which HTML has for those who asked for less motion, are 192 KB in base64."""
SHOWN_EDGE = 320
"""Larger frames are made smaller; pixel art is enlarged to at most this many pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnimationPreview:
    """`animation` is a WebP file, `still` a PNG file of its first frame; `width` and `height` are of the first, in pixels."""

    animation: bytes
    still: bytes
    width: int
    height: int

    def bundle(self, sentence: str, *, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Data and metadata for IPython's display. Whoever asked the system for less motion sees the still."""
        style = (
            f'alt="{html.escape(alt)}" width="{self.width}" height="{self.height}" style="max-width:100%;height:auto"'
        )
        page = (
            f'<picture><source media="(prefers-reduced-motion: reduce)" srcset="{_address("png", self.still)}">'
            f'<img src="{_address("webp", self.animation)}" {style}></picture>'
        )
        size = {"width": self.width, "height": self.height, "alt": alt}
        return {"text/html": page, "image/png": self.still, "text/plain": sentence}, {"image/png": size}


def _address(form: str, data: bytes) -> str:
    return f"data:image/{form};base64,{base64.b64encode(data).decode()}"


def preview_animation(
    frames: Sequence[Bytes], durations: Sequence[int], *, loop: bool, pixel_art: bool
) -> AnimationPreview:
    """The preview of frames (height, width, 4) uint8 of one size; pixel art is enlarged by a whole number, losslessly."""
    shown = [_fitted(frame, pixel_art) for frame in frames]
    height, width = shown[0].shape[:2]
    while len(data := encode_animation(shown, durations, "webp", loop=loop, lossless=pixel_art)) > ANIMATION_BYTES:
        shown = [_halved(frame) for frame in shown]
    return AnimationPreview(animation=data, still=_still(shown[0]), width=width, height=height)


def _fitted(frame: Bytes, pixel_art: bool) -> Bytes:
    edge = max(frame.shape[:2])
    if edge > SHOWN_EDGE:
        return np.asarray(Image.fromarray(frame).reduce(-(-edge // SHOWN_EDGE)))
    times = SHOWN_EDGE // edge if pixel_art else 1
    return frame.repeat(times, axis=0).repeat(times, axis=1)


def _halved(frame: Bytes) -> Bytes:
    return np.asarray(Image.fromarray(frame).reduce(2))


def _still(frame: Bytes) -> bytes:
    while len(data := encode_png(frame)) > STILL_BYTES:
        frame = _halved(frame)
    return data
