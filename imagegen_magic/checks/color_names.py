"""Colours as people write them. Without arrays: it is read before anything is sent."""

from __future__ import annotations

from PIL import ImageColor

__all__ = ["COLOR_RULE", "read_color"]

COLOR_RULE = (
    "a colour is needed: #rrggbb, #rgb or a CSS name such as navy; green is #008000 in CSS, #00ff00 as a key: say which"
)


def read_color(text: str) -> tuple[int, int, int] | None:
    """The levels of `#rrggbb`, `#rgb` or a CSS name; None for another text, and for `green`, which names two colours."""
    word = text.strip().lower()
    if word == "green" or not (word.startswith("#") or word in ImageColor.colormap):
        return None
    try:
        levels = ImageColor.getrgb(word)
    except ValueError:
        return None
    return levels if len(levels) == 3 else None
