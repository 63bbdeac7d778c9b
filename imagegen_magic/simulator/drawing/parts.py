"""What a drawing is made of: parts with an outline, a colour and a kind of surface.

Coordinates are in subject units: x to the right, y down; a subject fits into [-100, 100] on both axes, its foot near y = 95.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Colour", "Outline", "Part", "bounds", "ellipse", "from_hex", "mix", "moved", "shade", "to_hex", "turned"]

Outline = NDArray[np.float64]
"""Corners of a polygon or of an open line, shape (n, 2)."""
Colour = tuple[float, float, float]
"""Red, green, blue of [0, 1]."""
Form = Literal["puff", "tube", "flat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One painted area of a drawing.

    `form` is the surface: `puff` is inflated like clay, `tube` is round about its vertical axis, `flat` has no shading.
    """

    outlines: tuple[Outline, ...]
    colour: Colour
    name: str = ""
    """The id of the element, or of the group that it stands in: `tail`, `leg-left`."""
    role: str = ""
    """`main` or `accent`: takes the colour that a prompt names."""
    form: Form = "puff"
    width: float = 0.0
    """Width of a stroke along the outlines; 0 fills them."""
    holes: bool = False
    """Whether outlines after the first are cut out of it."""
    opacity: float = 1.0
    gloss: float = 0.35
    depth: float = 0.30
    """How far the rounding of a puff reaches inwards, as a share of its shorter side."""
    blur: float = 0.0
    """Radius in subject units."""
    pivot: tuple[float, float] | None = None
    """The joint about which the part swings."""


def bounds(parts: Sequence[Part]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the parts' outlines."""
    points = np.concatenate([outline for part in parts for outline in part.outlines])
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def moved(
    part: Part, matrix: Outline, offset: Sequence[float] = (0.0, 0.0), about: Sequence[float] = (0.0, 0.0)
) -> Part:
    """The part with each point turned and stretched by a 2x2 matrix about a point, then shifted."""
    centre, shift = np.array(about, np.float64), np.array(offset, np.float64)
    scale = math.sqrt(abs(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]))

    def place(points: Outline) -> Outline:
        x, y = (points - centre).T  # in plain steps: a matrix product rounds as each processor's library does
        return np.stack([x * matrix[0, 0] + y * matrix[0, 1], x * matrix[1, 0] + y * matrix[1, 1]], 1) + centre + shift

    pivot = None if part.pivot is None else tuple(place(np.array([part.pivot]))[0].tolist())
    outlines = tuple(place(outline) for outline in part.outlines)
    return replace(part, outlines=outlines, pivot=pivot, width=part.width * scale, blur=part.blur * scale)


def turned(degrees: float) -> Outline:
    """The matrix that turns clockwise."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cosine, -sine], [sine, cosine]])


def ellipse(x: float, y: float, rx: float, ry: float | None = None, *, steps: int = 72) -> Outline:
    """An ellipse about (x, y)."""
    angle = np.linspace(0, math.tau, steps, endpoint=False)
    return np.stack([x + np.cos(angle) * rx, y + np.sin(angle) * (rx if ry is None else ry)], axis=1)


def from_hex(text: str) -> Colour:
    """The colour of `#rrggbb`."""
    red, green, blue = (int(text[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def to_hex(colour: Colour) -> str:
    """`#rrggbb` of the colour."""
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, value))):02x}" for value in colour)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` of [0, 1] of `second`."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def shade(colour: Colour, lightness: float = 1.0, saturation: float = 1.0, turn: float = 0.0) -> Colour:
    """The colour with its lightness and saturation multiplied, and its hue turned by a share of the circle."""
    hue, light, sat = colorsys.rgb_to_hls(*colour)
    return colorsys.hls_to_rgb((hue + turn) % 1, min(1.0, light * lightness), min(1.0, sat * saturation))
