"""Paints a mask on a picture, at its own resolution: with the pointer, by keys, or by numbers."""

from __future__ import annotations

import io
from typing import Any

import traitlets
from PIL import Image

from imagegen_magic.images.opening import open_image, read_input

from .base import ImageWidget, shown, source

__all__ = ["MaskEditor"]

SHOWN_EDGE = 1536


class MaskEditor(ImageWidget):
    """A mask editor over a picture.

    Args:
        image: a path, bytes, a Pillow image, an array of shape (height, width[, 1 | 3 | 4]), or a result.

    Attributes:
        strokes: how many masks the page has sent; observe it to follow the painting.

    Raises:
        OptionError: it is not a picture that can be read.
    """

    module = source("mask_pixels", "mask_editor", "mask_widget")
    width = traitlets.Int().tag(sync=True)
    height = traitlets.Int().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    strokes = traitlets.Int(0)

    def __init__(self, image: Any) -> None:
        opened = read_input(image)
        self._image = opened.data
        self._mask: bytes | None = None
        width, height = opened.size
        super().__init__(width=width, height=height, label=opened.name)

    @property
    def mask(self) -> bytes | None:
        """PNG bytes, mode RGBA, of the picture's size: alpha 0 will change, 255 stays. None until something is painted."""
        return self._mask

    @property
    def mask_image(self) -> Image.Image | None:
        """The mask as a Pillow image (RGBA), or None."""
        return None if self._mask is None else Image.open(io.BytesIO(self._mask))

    def answer(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Sends the picture, or takes the mask that was painted; anything else than a mask of this size is passed over."""
        if message.get("ask") == "picture":
            mime, data = shown(self._image, SHOWN_EDGE)
            self.send({"picture": mime}, buffers=[data])
        elif message.get("mask") == "png" and buffers:
            self._accept(buffers[0])

    def _accept(self, data: bytes) -> None:
        image = open_image(data, "the painted mask")
        if image.size != (self.width, self.height) or "A" not in image.getbands():
            return
        empty = image.getchannel("A").getextrema()[0] == 255  # nothing will change
        self._mask = None if empty else data
        self.strokes += 1
