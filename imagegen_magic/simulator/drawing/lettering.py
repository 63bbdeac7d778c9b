"""The words that a prompt wants to be read in the picture, as a headline above the subject."""

from __future__ import annotations

import re

from PIL import Image, ImageDraw, ImageFont

__all__ = ["wanted_texts", "with_texts"]

_ASKED = r"\b(?:text|words?|title|headline|label|caption|letters|lettering|slogan|sign|says|saying|reads|reading|named|called)\b"
_DARK, _PALE = (42, 38, 52), (252, 249, 240)
_HEIGHT, _WIDTH, _TOP = 0.075, 0.86, 0.035
"""Most height and width of a line, and the room above it, as shares of the picture's edges."""


def wanted_texts(prompt: str) -> tuple[str, ...]:
    """The quoted texts that a prompt asks for, at most two; only letters of Western Europe, which the font has."""
    found = re.findall(rf'{_ASKED}[^"“\n]{{0,40}}["“]([^"”\n]{{1,60}})["”]', prompt, re.IGNORECASE)
    return tuple(text for text in found if text.encode("latin-1", "ignore").decode("latin-1") == text)[:2]


def with_texts(image: Image.Image, prompt: str) -> Image.Image:
    """The picture, RGB or RGBA, with the texts of the prompt in dark letters with a pale edge."""
    top = image.height * _TOP
    for text in wanted_texts(prompt):
        size = _HEIGHT * min(image.size)
        width = ImageFont.load_default(size).getbbox(text)[2]
        size = max(8.0, size * min(1.0, _WIDTH * image.width / width))
        strip = Image.new("RGBA", (image.width, round(size * 1.5)), (*_PALE, 0))
        ImageDraw.Draw(strip).text(
            (image.width / 2, size * 0.15), text, font=ImageFont.load_default(size), anchor="ma", fill=_DARK,
            stroke_width=max(1, round(size / 12)), stroke_fill=_PALE,
        )  # fmt: skip
        if image.mode == "RGBA":
            image.alpha_composite(strip, (0, round(top)))
        else:
            image.paste(strip, (0, round(top)), strip)
        top += size * 1.25
    return image
