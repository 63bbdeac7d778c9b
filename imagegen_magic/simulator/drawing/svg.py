"""Reads the drawings of `subjects/`: SVG files that any viewer shows, with a few conventions of ours.

Elements: `g`, `path`, `circle`, `ellipse`, `rect`, `use`, with `id`, `fill`, `stroke`, `stroke-width`, `opacity`,
`fill-rule="evenodd"`, `filter="blur(N)"` and `transform` (translate, rotate, scale).

- `class` has a surface, `puff` (the default), `tube` or `flat`, and the role `main` or `accent`, whose colour a prompt
  may name; the root's `data-main` and `data-accent` say how those colours look in the file.
- `data-gloss` and `data-depth` go with `puff`; `data-pivot="x y"` of a group is the joint about which it swings.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from .parts import Colour, Outline, Part, ellipse, from_hex, moved, turned

__all__ = ["Drawing", "drawing_names", "parse_drawing", "read_drawing"]

_FOLDER = Path(__file__).parent / "subjects"
_STEPS = 14
"""Straight pieces for one curve."""
_COUNTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "A": 7}
_INHERITED = ("fill", "stroke", "stroke-width", "class", "opacity", "filter", "data-pivot", "data-gloss", "data-depth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A subject: its parts from back to front, the colours of its roles, and where it belongs."""

    parts: tuple[Part, ...]
    main: Colour
    accent: Colour
    free: bool
    """Whether any colour suits it, as it does a mug; a fox keeps its own unless a prompt names one."""
    place: str
    """`ground`, `air` or `water`."""


@cache
def drawing_names() -> tuple[str, ...]:
    """The subjects that there are drawings of."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.svg")))


@cache
def read_drawing(name: str) -> Drawing:
    """The drawing of a subject."""
    return parse_drawing((_FOLDER / f"{name}.svg").read_text(encoding="utf-8"))


def parse_drawing(text: str) -> Drawing:
    """The drawing of an SVG text that keeps to the conventions above."""
    root = ET.fromstring(text)  # noqa: S314 - the package's own
    known = {element.get("id", ""): element for element in root.iter()}
    return Drawing(
        parts=tuple(_read(root, {}, known)),
        main=from_hex(root.get("data-main", "#888888")),
        accent=from_hex(root.get("data-accent", "#dddddd")),
        free=root.get("data-colours") == "free",
        place=root.get("data-place", "ground"),
    )


def _read(element: ET.Element, above: Mapping[str, str], known: Mapping[str, ET.Element]) -> Iterator[Part]:
    """The parts of an element and of what stands in it."""
    values = {**above, **{key: element.attrib[key] for key in _INHERITED if key in element.attrib}}
    values["id"] = element.get("id") or above.get("id", "")
    tag = element.tag.rpartition("}")[2]
    if tag == "use":
        target = known[element.attrib["href"][1:]]
        found = [replace(part, name=element.get("id") or part.name) for part in _read(target, above, known)]
    elif tag in ("svg", "g"):
        found = [part for child in element for part in _read(child, values, known)]
    else:
        found = [_part(tag, element.attrib, values)]
    for part in found:
        yield _transformed(part, element.get("transform", ""))


def _transformed(part: Part, transform: str) -> Part:
    for name, arguments in reversed(re.findall(r"(\w+)\(([^)]*)\)", transform)):
        x, *rest = _numbers(arguments)
        if name == "translate":
            part = moved(part, np.eye(2), (x, rest[0] if rest else 0))
        elif name == "rotate":
            part = moved(part, turned(x), about=rest or (0, 0))
        else:
            part = moved(part, np.diag([x, rest[0] if rest else x]))
    return part


def _part(tag: str, own: Mapping[str, str], values: Mapping[str, str]) -> Part:
    words = values.get("class", "").split()
    stroke = values.get("stroke", "none")
    pivot = _numbers(values.get("data-pivot", ""))
    return Part(
        outlines=tuple(_outlines(tag, own)),
        colour=from_hex(values["fill"] if stroke == "none" else stroke),
        name=values["id"],
        role=next((word for word in words if word in ("main", "accent")), ""),
        form="tube" if "tube" in words else "flat" if "flat" in words else "puff",
        width=0.0 if stroke == "none" else float(values.get("stroke-width", 1)),
        holes=own.get("fill-rule") == "evenodd",
        opacity=float(values.get("opacity", 1)),
        gloss=float(values.get("data-gloss", 0.35)),
        depth=float(values.get("data-depth", 0.30)),
        blur=(_numbers(values.get("filter", "")) or [0.0])[0],
        pivot=(pivot[0], pivot[1]) if pivot else None,
    )


def _outlines(tag: str, own: Mapping[str, str]) -> Iterator[Outline]:
    if tag == "path":
        yield from _path(own["d"])
        return
    number = {key: float(own.get(key, 0)) for key in ("x", "y", "width", "height", "rx", "cx", "cy", "r", "ry")}
    if tag == "rect":
        yield _rect(*(number[key] for key in ("x", "y", "width", "height", "rx")))
    else:
        yield ellipse(number["cx"], number["cy"], number["r"] or number["rx"], number["r"] or number["ry"])


def _rect(x: float, y: float, width: float, height: float, radius: float) -> Outline:
    corners = []
    for quarter, (right, below) in enumerate(((1, 1), (0, 1), (0, 0), (1, 0))):
        centre = x + radius + right * (width - 2 * radius), y + radius + below * (height - 2 * radius)
        angle = np.linspace(0, math.pi / 2, 10) + quarter * math.pi / 2
        corners.append(np.stack([centre[0] + np.cos(angle) * radius, centre[1] + np.sin(angle) * radius], axis=1))
    return np.concatenate(corners)


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", text)]


def _path(text: str) -> Iterator[Outline]:
    """The outlines of path data: M, L, H, V, C, S, Q, A and Z, absolute or relative."""
    points: list[Outline] = []
    here, control = np.zeros(2), np.zeros(2)
    for letter, arguments in re.findall(r"([MLHVCSQAZmlhvcsqaz])([^MLHVCSQAZmlhvcsqaz]*)", text):
        command, numbers = letter.upper(), _numbers(arguments)
        if command == "Z":
            here = points[0][0]
            points.append(here[None])
            continue
        for start in range(0, len(numbers), _COUNTS[command]):
            if command == "M" and start == 0 and points:
                yield np.concatenate(points)
                points = []
            own = numbers[start : start + _COUNTS[command]]
            piece, control = _piece(command, own, here, control, relative=letter.islower())
            points.append(piece)
            here = piece[-1]
    yield np.concatenate(points)


def _piece(
    command: str, own: list[float], here: Outline, control: Outline, *, relative: bool
) -> tuple[Outline, Outline]:
    """The points that one command adds, and the control point that a following S mirrors."""
    origin = here if relative else np.zeros(2)
    if command in "HV":
        axis = "HV".index(command)
        end = here.copy()
        end[axis] = own[0] + origin[axis]
        return end[None], end
    if command == "A":
        end = np.array(own[5:]) + origin
        return _arc(here, end, own[0], own[1], large=own[3] > 0, clockwise=own[4] > 0), end
    knots = [*(np.array(own).reshape(-1, 2) + origin)]
    if command in "ML":
        return knots[0][None], knots[0]
    if command == "S":
        knots.insert(0, 2 * here - control)
    return _bezier([here, *knots]), knots[-2]


def _bezier(knots: list[Outline]) -> Outline:
    """Points along a Bezier curve of any degree, without its first (de Casteljau)."""
    t = np.linspace(0, 1, _STEPS + 1)[1:, None]
    levels = [np.broadcast_to(knot, (_STEPS, 2)) for knot in knots]
    while len(levels) > 1:
        levels = [a + (b - a) * t for a, b in pairwise(levels)]
    return np.asarray(levels[0])


def _arc(start: Outline, end: Outline, rx: float, ry: float, *, large: bool, clockwise: bool) -> Outline:
    """Points along an elliptical arc of upright axes, without its first (SVG 1.1, appendix F.6)."""
    half = (start - end) / 2 / (rx, ry)
    length = math.hypot(*half)
    if length > 1:
        rx, ry, half, length = rx * length, ry * length, half / length, 1.0
    away = math.sqrt(max(0.0, 1 / length**2 - 1)) * (-1 if large == clockwise else 1)
    middle = np.array([half[1], -half[0]]) * away
    first = math.atan2(half[1] - middle[1], half[0] - middle[0])
    sweep = (math.atan2(-half[1] - middle[1], -half[0] - middle[0]) - first) % math.tau
    angle = first + np.linspace(0, sweep if clockwise else sweep - math.tau, 2 * _STEPS + 1)[1:]
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1) + middle
    return np.asarray(unit * (rx, ry) + (start + end) / 2)
