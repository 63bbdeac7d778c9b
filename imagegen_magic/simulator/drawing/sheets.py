"""Sprite sheets: one figure in the phases of its movement, a cell for each; asset sheets: a subject in each cell.

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
from .wording import Wanted, all_subjects, read_prompt

__all__ = ["SHEET_FAULTS", "Placed", "SheetLayout", "placed_figures", "read_layout"]

SHEET_FAULTS = ("missing frame", "doubled frame", "crossing frame", "extra frame")
"""A cell stays empty; two figures stand in one cell; a figure stands across two cells; one frame more than asked for."""

_NUMBERS = tuple(
    word
    for words in ("one two three four five six seven eight", "nine ten eleven twelve thirteen fourteen fifteen sixteen")
    for word in words.split()
)
_NUMBER = rf"(\d{{1,2}}|{'|'.join(_NUMBERS)})"
_FRAME = r"(?:frames?|poses?|figures?|phases?|cells?|slots?|sprites?(?! ?-?(?:sheet|strip|row|animation))|steps?|panels?|drawings?)"
_SHEET = (
    r"\bsprite ?-?(?:sheet|strip|row|animation)s?\b|\banimation (?:sheet|frames)\b|\b(?:walk|run|idle|jump)\w* cycle\b"
)
_ASSETS = r"\b(?:asset|item|prop|object|icon|sticker) ?-?(?:sheet|set|pack)s?\b|\bset of (?:[\w-]+ )?(?:icons|items|objects|props|stickers|assets)\b"
_MOST_CELLS = 64
_USUAL_CELLS = 6
"""Figures on a sheet whose prompt gives no number."""
_STAMP_AT = np.array([[0.0, 66.0]])


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLayout:
    """Cells of equal size, filled row by row."""

    columns: int
    rows: int
    count: int
    subjects: tuple[str, ...] = ()
    """What the cells of an asset sheet hold; empty if all hold the prompt's one figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One figure of a sheet, in pixels; `stamp` is where its plate goes, `scale` the pixels for a subject unit."""

    parts: Sequence[Part]
    middle: tuple[float, float]
    scale: float
    stamp: tuple[float, float]


def read_layout(prompt: str, size: tuple[int, int]) -> SheetLayout | None:
    """The layout that a prompt asks for ("6 frames in one row", "grid of 3 columns and 2 rows"), or None.

    Without rows and columns, a sheet of `size` pixels is divided so that its cells are nearly square; without a number, a
    sprite sheet or a walk cycle has six figures.
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
    subjects = all_subjects(prompt) if re.search(_ASSETS, prompt, re.IGNORECASE) else ()
    if len(subjects) > 1:
        return replace(_fitted(len(subjects), columns, rows, size), subjects=subjects)
    sheet = re.search(_SHEET, prompt, re.IGNORECASE)
    if count is None and sheet and not (columns and columns > 1) and not (rows and rows > 1):
        count = _USUAL_CELLS
    asked = sheet or (rows and count) or (columns and rows)
    if not asked or not count or not 2 <= count <= _MOST_CELLS:
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
        layout = replace(layout, columns=layout.columns + 1, count=layout.count + layout.rows)
    frames = list(_frames(recipe, wanted, style, layout))
    shared = None if layout.subjects else bounds([part for frame in frames for part in frame])
    wide, tall = recipe.width / layout.columns, recipe.height / layout.rows
    fade = rng.choice((0.0, 0.0, 0.05))
    for number, parts in enumerate(frames):
        left, top, right, bottom = shared or bounds(parts)
        x = (number % layout.columns + 0.5 + _drift(rng)) * wide
        y = (number // layout.columns + 0.5 + _drift(rng) / 2) * tall
        scale = min(0.80 * wide / (right - left), 0.80 * tall / (bottom - top))
        own = scale * (1 + _drift(rng) - fade * number / layout.count)
        room = wide / (right - left) / own, tall / (bottom - top) / own
        for across, down, share in _spots(recipe.fault if number == odd else "", room):
            size = own * share
            middle = x + across * wide - (left + right) / 2 * size, y + down * tall - (top + bottom) / 2 * size
            stamp = (_stamp_point(wanted, number / layout.count) * size + middle)[0].tolist()
            yield Placed(parts=parts, middle=middle, scale=size, stamp=(stamp[0], stamp[1]))


def _frames(recipe: Recipe, wanted: Wanted, style: Style, layout: SheetLayout) -> Iterator[list[Part]]:
    """The parts for each cell."""
    for number in range(layout.count):
        if layout.subjects:
            plain = replace(
                read_prompt(""), subjects=(layout.subjects[number % len(layout.subjects)],), tone=wanted.tone
            )
            yield figure_parts(replace(recipe, seed=recipe.seed + number), plain, style)
        else:
            yield figure_parts(replace(recipe, phase=number / layout.count), wanted, style)


def _spots(fault: str, room: tuple[float, float]) -> tuple[tuple[float, float, float], ...]:
    """Where a cell's figures stand, as shares of the cell off its middle, and their share of the usual size.

    `room` says how many figures the cell would hold side by side and above one another.
    """
    if fault == "missing frame":
        return ()
    if fault == "crossing frame":
        return ((-0.36, 0.0, 1.0),)
    if fault == "doubled frame":
        share = min(1.0, 0.46 * max(room))
        return (
            ((-0.25, 0.0, share), (0.25, 0.0, share))
            if room[0] > room[1]
            else ((0.0, -0.25, share), (0.0, 0.25, share))
        )
    return ((0.0, 0.0, 1.0),)


def _drift(rng: random.Random) -> float:
    """A share of a cell: usually a few hundredths."""
    return max(-0.06, min(0.06, rng.gauss(0, 0.022)))


def _stamp_point(wanted: Wanted, phase: float) -> Outline:
    """Where the plate is on the figure, which it moves with."""
    [point] = posed([Part(outlines=(_STAMP_AT,), colour=(0, 0, 0))], wanted.action, phase)
    return point.outlines[0]
