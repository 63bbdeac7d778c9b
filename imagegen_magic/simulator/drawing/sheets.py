"""Sprite sheets: one figure in the phases of its movement, a cell for each, as image models deliver them.

They place the figures a little off their cells and in slightly different sizes (5 to 15 % of a cell, by public reports of
2026-08); a `fault` makes what goes wrong with them now and then.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .figures import figure_parts
from .parts import Outline, Part, bounds
from .poses import posed
from .recipe import Recipe
from .styles import Style
from .wording import Wanted

__all__ = ["SHEET_FAULTS", "Placed", "SheetLayout", "placed_figures", "read_layout"]

SHEET_FAULTS = ("missing frame", "doubled frame", "crossing frame", "extra frame")
"""A cell stays empty; two figures stand in one cell; a figure stands across two cells; one frame more than asked for."""

_NUMBERS = tuple(
    word
    for words in ("one two three four five six seven eight", "nine ten eleven twelve thirteen fourteen fifteen sixteen")
    for word in words.split()
)
_NUMBER = rf"(\d{{1,2}}|{'|'.join(_NUMBERS)})"
_FRAME = r"(?:frames?|poses?|figures?|phases?|cells?|slots?|sprites?|steps?|panels?|drawings?)"
_SHEET = (
    r"\bsprite ?-?(?:sheet|strip|row|animation)s?\b|\banimation (?:sheet|frames)\b|\b(?:walk|run|idle|jump)\w* cycle\b"
)
_STAMP_AT = np.array([[0.0, 66.0]])


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLayout:
    """Cells of equal size, filled row by row."""

    columns: int
    rows: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One figure of a sheet, in pixels; `stamp` is where its plate goes, `scale` the pixels for a subject unit."""

    parts: Sequence[Part]
    middle: tuple[float, float]
    scale: float
    stamp: tuple[float, float]


def read_layout(prompt: str, size: tuple[int, int]) -> SheetLayout | None:
    """The layout that a prompt asks for ("6 frames in one row", "grid of 3 columns and 2 rows"), or None.

    Without rows and columns, a sheet of `size` pixels is divided so that its cells are nearly square.
    """
    columns, rows = _named(rf"{_NUMBER}[ -]columns?\b", prompt), _named(rf"{_NUMBER}[ -](?:equal )?rows?\b", prompt)
    grid = re.search(r"\b(\d{1,2}) ?(?:x|\u00d7|by) ?(\d{1,2})[ -](?:grid|sheet|cells|layout)\b", prompt, re.IGNORECASE)
    grid = grid or re.search(r"\bgrid of (\d{1,2}) ?(?:x|\u00d7|by) ?(\d{1,2})\b", prompt, re.IGNORECASE)
    if grid:
        columns, rows = int(grid[1]), int(grid[2])
    if re.search(r"\b(?:one|a|single|1) (?:single |horizontal )*row\b", prompt, re.IGNORECASE) and columns is None:
        rows = 1
    count = _named(rf"{_NUMBER} (?:[\w-]+ ){{0,3}}?{_FRAME}\b", prompt)
    if count is None and columns and rows:
        count = columns * rows
    asked = re.search(_SHEET, prompt, re.IGNORECASE) or (rows and count) or (columns and rows)
    if not asked or not count or count < 2:
        return None
    return _fitted(count, columns, rows, size)


def _named(pattern: str, prompt: str) -> int | None:
    match = re.search(rf"\b{pattern}", prompt, re.IGNORECASE)
    if match is None:
        return None
    return int(match[1]) if match[1].isdigit() else _NUMBERS.index(match[1].lower()) + 1


def _fitted(count: int, columns: int | None, rows: int | None, size: tuple[int, int]) -> SheetLayout:
    if columns is None and rows is None:
        columns = min(
            range(1, count + 1), key=lambda n: (count % n > 0, abs(np.log(size[0] / n / (size[1] * n / count))))
        )
    if columns is None:
        columns = -(-count // (rows or 1))
    rows = rows or -(-count // columns)
    return SheetLayout(columns=columns, rows=rows, count=min(count, columns * rows))


def placed_figures(recipe: Recipe, wanted: Wanted, style: Style, layout: SheetLayout) -> Iterator[Placed]:
    """The figures of a sheet from left to right and top to bottom, with the drift and the fault of real ones."""
    rng = random.Random(recipe.seed + 2)  # noqa: S311 - pictures, not secrets
    odd = rng.randrange(1, layout.count)
    if recipe.fault == "extra frame":
        layout = SheetLayout(columns=layout.columns + 1, rows=layout.rows, count=layout.count + layout.rows)
    frames = [figure_parts(replace(recipe, phase=n / layout.count), wanted, style) for n in range(layout.count)]
    left, top, right, bottom = bounds([part for frame in frames for part in frame])
    wide, tall = recipe.width / layout.columns, recipe.height / layout.rows
    scale = min(0.80 * wide / (right - left), 0.80 * tall / (bottom - top))
    fade = rng.choice((0.0, 0.0, 0.05))
    for number, parts in enumerate(frames):
        x, y = (number % layout.columns + 0.5) * wide, (number // layout.columns + 0.5) * tall
        x += _drift(rng) * wide - (left + right) / 2 * scale
        y += _drift(rng) * tall * 0.6 - (top + bottom) / 2 * scale
        own = scale * (1 + _drift(rng) - fade * number / layout.count)
        if number == odd and recipe.fault == "missing frame":
            continue
        if number == odd and recipe.fault == "crossing frame":
            x -= 0.5 * wide
        twice = number == odd and recipe.fault == "doubled frame"
        for shift, share in ((-0.22, 0.5), (0.22, 0.5)) if twice else ((0.0, 1.0),):
            middle = x + shift * wide, y + (1 - share) * 95 * own * 0.5
            stamp = _stamp_point(wanted, number / layout.count) * own * share + middle
            yield Placed(parts=parts, middle=middle, scale=own * share, stamp=(float(stamp[0, 0]), float(stamp[0, 1])))


def _drift(rng: random.Random) -> float:
    """A share of a cell: usually a few hundredths."""
    return max(-0.06, min(0.06, rng.gauss(0, 0.022)))


def _stamp_point(wanted: Wanted, phase: float) -> Outline:
    """Where the plate is on the figure, which it moves with."""
    [point] = posed([Part(outlines=(_STAMP_AT,), colour=(0, 0, 0))], wanted.action, phase)
    return point.outlines[0]
