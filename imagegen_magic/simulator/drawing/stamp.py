"""The plate that says SIMULATED: in a corner, or at the foot of a subject whose backdrop must stay clean."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["LABEL", "stamp_corner", "stamp_figure", "stamp_foot", "stamp_pixels"]

LABEL = "SIMULATED"
_SHORT = "SIM"
"""What fits on the figures of a sprite sheet."""
_PLATE, _INK = (250, 246, 236, 255), (62, 58, 70, 255)
_LETTERS = {
    "S": "### #.. ### ..# ###", "I": "### .#. .#. .#. ###", "M": "#.# ### ### #.# #.#", "U": "#.# #.# #.# #.# ###",
    "L": "#.. #.. #.. #.. ###", "A": "### #.# ### #.# #.#", "T": "### .#. .#. .#. .#.", "E": "### #.. ##. #.. ###",
    "D": "##. #.# #.# #.# ##.",
}  # fmt: skip
"""Letters of 3 x 5 pixels, row by row, for pixel art."""


def stamp_foot(canvas: Image.Image) -> None:
    """A small plate reading SIMULATED at the foot of the subject, grown together with it."""
    box = canvas.getchannel("A").point([0] * 128 + [255] * 128).getbbox()
    if box is None:
        return
    height = min(canvas.size) * 0.0545
    width = height * 5.4
    foot = canvas.getchannel("A").crop((0, max(0, int(box[3] - height)), canvas.width, box[3]))
    columns = np.asarray(foot, np.float32).sum(axis=0)
    x = float((columns * np.arange(len(columns))).sum() / max(1.0, columns.sum())) + 0.5
    top = min(box[3] - height * 0.55, canvas.height - height - 4)
    _plate(canvas, (x - width / 2, top, x + width / 2, top + height), opacity=1.0)


def stamp_corner(image: Image.Image) -> Image.Image:
    """The picture with SIMULATED in its lower right corner."""
    height = max(11.0, min(image.size) * 0.030)
    right, bottom = image.width - height * 0.7, image.height - height * 0.7
    layer = Image.new("RGBA", (math.ceil(height * 7), math.ceil(height * 2)))
    at = round(right - layer.width), round(bottom - layer.height)
    _plate(
        layer,
        (layer.width - height * 5.4 - 1, layer.height - height - 1, layer.width - 1, layer.height - 1),
        opacity=0.78,
    )
    image.paste(layer, at, layer)
    return image


def stamp_figure(canvas: Image.Image, x: float, y: float, height: float) -> None:
    """A small plate in the middle of a sheet's figure, so that neither its outline nor its foot changes."""
    _plate(canvas, (x - height * 1.4, y - height / 2, x + height * 1.4, y + height / 2), opacity=1.0, label=_SHORT)


def stamp_pixels(small: Image.Image, figures: Sequence[tuple[float, float]]) -> None:
    """The word in letters of whole pixels: on each figure of a sheet, else at the subject's foot or in the corner."""
    if figures:
        for x, y in figures:
            _pixel_plate(small, _SHORT, round(x), round(y))
        return
    box = small.getchannel("A").getbbox() if small.mode == "RGBA" else None
    width = 4 * len(LABEL) + 1
    if box:
        _pixel_plate(small, LABEL, (box[0] + box[2]) // 2, min(box[3], small.height - 5))
    else:
        _pixel_plate(small, LABEL, small.width - width // 2 - 3, small.height - 6)


def _pixel_plate(small: Image.Image, label: str, x: int, y: int) -> None:
    width = 4 * len(label) + 1
    plate = Image.new("RGBA", (width, 7), _PLATE)
    for number, letter in enumerate(label):
        for row, line in enumerate(_LETTERS[letter].split()):
            for column, mark in enumerate(line):
                if mark == "#":
                    plate.putpixel((1 + 4 * number + column, 1 + row), _INK)
    small.paste(plate.convert(small.mode), (x - width // 2, y - 3))


def _plate(canvas: Image.Image, box: tuple[float, float, float, float], *, opacity: float, label: str = LABEL) -> None:
    """A pale rounded plate with a word."""
    left, top, right, bottom = box
    height = bottom - top
    times = 4
    x, y = math.floor(left) - 1, math.floor(top) - 1
    width_px, height_px = math.ceil(right) - x + 2, math.ceil(bottom) - y + 2
    cover = Image.new("L", (width_px * times, height_px * times))
    frame = [(value - origin) * times for value, origin in zip(box, (x, y, x, y), strict=True)]
    ImageDraw.Draw(cover).rounded_rectangle(frame, radius=height * 0.28 * times, fill=255)
    plate = Image.new("RGBA", (width_px, height_px), _PLATE)
    draw = ImageDraw.Draw(plate)
    draw.text(
        ((left + right) / 2 - x, (top + bottom) / 2 - y),
        label,
        fill=_INK,
        font=ImageFont.load_default(max(6, height * 0.66)),
        anchor="mm",
    )
    plate.putalpha(cover.reduce(times).point([round(value * opacity) for value in range(256)]))
    canvas.paste(plate.convert(canvas.mode), (max(0, x), max(0, y)), plate)
