"""Outlines and parts: the vocabulary in which subjects are described.

Coordinates are in subject units: x to the right, y down, the subject fits into [-1, 1] on both axes.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BROWN",
    "CREAM",
    "DARK",
    "GLASS",
    "GOLD",
    "GREY",
    "LEAF",
    "WHITE",
    "Colour",
    "Outline",
    "Part",
    "arc",
    "curve",
    "ellipse",
    "flat",
    "line",
    "mix",
    "polygon",
    "puff",
    "rounded",
    "shade",
    "stroke",
    "tube",
]

Outline = NDArray[np.float64]
"""Corners of a closed polygon, shape (n, 2)."""
Colour = tuple[float, float, float]
"""Red, green, blue of [0, 1]."""
Form = Literal["puff", "flat", "cylinder", "line"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One painted area of a subject.

    `form` chooses the shading: `puff` is inflated like clay, `cylinder` is round about its vertical axis, `flat`
    has none, `line` is `flat` for fine strokes. `opacity` and `soft` (blur radius in subject units) give partial alpha.
    """

    outline: Outline
    colour: Colour
    form: Form = "puff"
    opacity: float = 1.0
    gloss: float = 0.35
    holes: tuple[Outline, ...] = ()
    soft: float = 0.0
    depth: float = 0.30
    """How far the rounding of a puff reaches inwards, as a share of its shorter side."""
    more: tuple[Outline, ...] = ()
    """Further outlines painted with the same colour, for bundles of strokes."""


WHITE: Colour = (0.97, 0.97, 0.95)
CREAM: Colour = (0.97, 0.92, 0.82)
DARK: Colour = (0.13, 0.13, 0.17)
GREY: Colour = (0.62, 0.66, 0.72)
BROWN: Colour = (0.5, 0.33, 0.21)
LEAF: Colour = (0.33, 0.56, 0.33)
GOLD: Colour = (0.93, 0.71, 0.28)
GLASS: Colour = (0.75, 0.88, 0.93)


def puff(
    outline: Outline, colour: Colour, *, gloss: float = 0.35, depth: float = 0.3, holes: tuple[Outline, ...] = ()
) -> Part:
    """A part inflated like clay."""
    return Part(outline=outline, colour=colour, gloss=gloss, depth=depth, holes=holes)


def tube(outline: Outline, colour: Colour, *, gloss: float = 0.35, opacity: float = 1.0) -> Part:
    """A part round about its vertical axis."""
    return Part(outline=outline, colour=colour, form="cylinder", gloss=gloss, opacity=opacity)


def flat(
    outline: Outline, colour: Colour, *, opacity: float = 1.0, soft: float = 0.0, holes: tuple[Outline, ...] = ()
) -> Part:
    """A part of one colour."""
    return Part(outline=outline, colour=colour, form="flat", opacity=opacity, soft=soft, holes=holes)


def line(outline: Outline, colour: Colour, *, more: tuple[Outline, ...] = ()) -> Part:
    """Fine strokes of one colour."""
    return Part(outline=outline, colour=colour, form="line", more=more)


def ellipse(x: float, y: float, rx: float, ry: float | None = None, *, turn: float = 0.0, steps: int = 96) -> Outline:
    """An ellipse about (x, y), turned by `turn` degrees clockwise."""
    angle = np.linspace(0, 2 * math.pi, steps, endpoint=False)
    points = np.stack([np.cos(angle) * rx, np.sin(angle) * (rx if ry is None else ry)], axis=1)
    moved: Outline = _turned(points, turn) + np.array([x, y])
    return moved


def _turned(points: Outline, degrees: float) -> Outline:
    radians = math.radians(degrees)
    cosine, sine = math.cos(radians), math.sin(radians)
    x, y = points[:, 0], points[:, 1]
    return np.stack([x * cosine - y * sine, x * sine + y * cosine], axis=1)


def polygon(*corners: tuple[float, float]) -> Outline:
    """A polygon with sharp corners."""
    return np.array(corners, dtype=np.float64)


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> Outline:
    """A rectangle with round corners."""
    radius = min(radius, (right - left) / 2, (bottom - top) / 2)
    corners = []
    centres = (
        (right - radius, bottom - radius),
        (left + radius, bottom - radius),
        (left + radius, top + radius),
        (right - radius, top + radius),
    )
    for quarter, (x, y) in enumerate(centres):
        angle = np.linspace(0, math.pi / 2, 16) + quarter * math.pi / 2
        corners.append(np.stack([x + np.cos(angle) * radius, y + np.sin(angle) * radius], axis=1))
    return np.concatenate(corners)


def curve(*knots: tuple[float, float], steps: int = 14) -> Outline:
    """A smooth closed line through the knots (Catmull-Rom)."""
    points = np.array(knots, dtype=np.float64)
    return _spline(points[np.arange(-1, len(points) + 2) % len(points)], steps)


def _spline(points: Outline, steps: int) -> Outline:
    """Catmull-Rom through all but the first and last of the points."""
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(points, points[1:], points[2:], points[3:], strict=False):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.concatenate(pieces)


def stroke(
    knots: Sequence[tuple[float, float]], width: float, end_width: float | None = None, *, steps: int = 14
) -> Outline:
    """A smooth open line of `width`, tapering to `end_width`, with round ends."""
    points = np.array(knots, dtype=np.float64)
    line = _spline(np.concatenate([points[:1], points, points[-1:]]), steps)
    line = np.concatenate([line, points[-1:]])
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    side = np.stack([-along[:, 1], along[:, 0]], axis=1)
    half = np.linspace(width, width if end_width is None else end_width, len(line))[:, None] / 2
    end = _cap(line[-1], along[-1], float(half[-1, 0]))
    start = _cap(line[0], -along[0], float(half[0, 0]))
    return np.concatenate([line + side * half, end, (line - side * half)[::-1], start])


def _cap(centre: Outline, along: Outline, radius: float) -> Outline:
    """The round end of a stroke, from its left side to its right side."""
    first = math.atan2(along[0], -along[1])
    angle = first - np.linspace(0, math.pi, 10)
    return np.asarray(centre + np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius)


def arc(x: float, y: float, radius: float, start: float, end: float, *, width: float) -> Outline:
    """A thick piece of a circle between two angles in degrees (0 is to the right, 90 down)."""
    angle = np.radians(np.linspace(start, end, 48))
    outer = np.stack([x + np.cos(angle) * (radius + width / 2), y + np.sin(angle) * (radius + width / 2)], axis=1)
    inner = np.stack([x + np.cos(angle) * (radius - width / 2), y + np.sin(angle) * (radius - width / 2)], axis=1)
    return np.concatenate([outer, inner[::-1]])


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` of [0, 1] of `second`."""
    r, g, b = (a + (c - a) * share for a, c in zip(first, second, strict=True))
    return r, g, b


def shade(colour: Colour, lightness: float = 1.0, saturation: float = 1.0, turn: float = 0.0) -> Colour:
    """The colour with its lightness and saturation multiplied, and its hue turned by a share of the circle."""
    hue, light, sat = colorsys.rgb_to_hls(*colour)
    return colorsys.hls_to_rgb((hue + turn) % 1, min(1.0, light * lightness), min(1.0, sat * saturation))
