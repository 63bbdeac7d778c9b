"""More or less around an image: the canvas extended, with the mask of what is new, or cropped."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from PIL import Image

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.images.opening import open_image

__all__ = ["MAX_EDGE", "Edges", "reframe"]

MAX_EDGE = 16_384
"""No canvas is made larger than this, in pixels."""


class Edges(NamedTuple):
    """Pixels that are added at each edge; below 0 they are taken away."""

    left: int
    top: int
    right: int
    bottom: int


def reframe(data: bytes, edges: Edges) -> tuple[bytes, bytes | None]:
    """(the image in its new frame, the mask of what is new), both PNG; the mask is None if nothing is new.

    New pixels continue the image's edge, so that a model sees no hard border; the mask's alpha is 0 there.

    Raises:
        OptionError: nothing of the image would be left, or the canvas is too large.
    """
    image = open_image(data).convert("RGBA")
    size = (image.width + edges.left + edges.right, image.height + edges.top + edges.bottom)
    inner = (
        image.width + min(0, edges.left) + min(0, edges.right),
        image.height + min(0, edges.top) + min(0, edges.bottom),
    )
    if min(*size, *inner) < 1 or max(size) > MAX_EDGE:
        rule = f"the frame would be {size[0]} x {size[1]} pixels"
        raise OptionError(
            "the frame can't be used", problems=(Problem(field="frame", value=str(tuple(edges)), rule=rule),)
        )
    kept = image.crop((-min(0, edges.left), -min(0, edges.top), image.width + min(0, edges.right), image.height + min(0, edges.bottom)))  # fmt: skip
    around = ((max(0, edges.top), max(0, edges.bottom)), (max(0, edges.left), max(0, edges.right)))
    framed = Image.fromarray(np.pad(np.asarray(kept), (*around, (0, 0)), mode="edge"))
    if not any(map(sum, around)):
        return _png(framed), None
    alpha = np.pad(np.full((kept.height, kept.width), 255, np.uint8), around)
    mask = Image.merge("RGBA", [Image.new("L", framed.size)] * 3 + [Image.fromarray(alpha)])
    return _png(framed), _png(mask)


def _png(image: Image.Image) -> bytes:
    opaque = image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255)
    buffer = io.BytesIO()
    (image.convert("RGB") if opaque else image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
