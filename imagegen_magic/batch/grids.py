"""The grid of a batch: names of options, each with the values that every row is made with."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import islice
from pathlib import PurePath
from typing import Any

from imagegen_magic.errors import Fix, OptionError, Problem, Setting

__all__ = ["MAX_COMBINATIONS", "parse_grid", "shown_value"]

MAX_COMBINATIONS = 1000
"""Of a grid, for each row: more were hardly meant."""

_IN_PYTHON = 'grid={"quality": ["low", "high"]}'


def parse_grid(given: Any) -> dict[str, list[Any]]:
    """`"size=square,landscape quality=low,high"`, several such texts, or a mapping from names to values, as names and their values.

    Raises:
        OptionError: it is none of these, or an axis can't be used; every fault is in `.problems`.
    """
    problems: list[Problem] = []
    grid: dict[str, list[Any]] = {}
    for name, values in _axes(given, problems):
        if (fault := _axis_fault(name, values, grid)) is None:
            grid[name] = values
        else:
            problems.append(fault)
    if (count := math.prod(map(len, grid.values()))) > MAX_COMBINATIONS:
        rule = f"it makes {count} jobs of each row; at most {MAX_COMBINATIONS}"
        problems.append(Problem(field="grid", value=", ".join(grid), rule=rule, fix="fewer values"))
    if problems:
        raise OptionError("the grid can't be read", problems=tuple(problems))
    return grid


def _axes(given: Any, problems: list[Problem]) -> Iterable[tuple[str, list[Any]]]:
    """(name, values) of each axis; what can't be read joins `problems`."""
    if isinstance(given, Mapping):
        return [axis for pair in given.items() if (axis := _axis_of_pair(*pair, problems))]
    try:
        texts = [given] if isinstance(given, str) else [] if given is None else [str(text) for text in given]
    except Exception:  # noqa: BLE001 - not iterable, or an object of the user's own without a text
        problems.append(Problem(field="grid", value=given, rule="texts or a mapping are needed", fix=_IN_PYTHON))
        return []
    parts = [part for text in texts for part in re.split(r"\s+(?=[A-Za-z][\w-]*=)", text.strip())]
    return [axis for part in filter(None, parts) if (axis := _axis_of_text(part, problems))]


def _axis_of_text(part: str, problems: list[Problem]) -> tuple[str, list[Any]] | None:
    name, _, values = part.partition("=")
    found = [value.strip() for value in values.split(",") if value.strip()]
    if name and found:
        return _option(name), found
    fix = Fix(Setting("--grid", "size=square,landscape"))
    problems.append(Problem(field="grid", value=part, rule="NAME=A,B is needed", fix=fix))
    return None


def _axis_of_pair(name: Any, values: Any, problems: list[Problem]) -> tuple[str, list[Any]] | None:
    if not isinstance(name, str):
        problems.append(Problem(field="grid", value=name, rule="the name of an option is needed", fix=_IN_PYTHON))
        return None
    try:
        if isinstance(values, (str, bytes, Mapping)):
            raise TypeError("one value")
        return _option(name), list(islice(values, MAX_COMBINATIONS + 1))
    except Exception:  # noqa: BLE001 - not iterable, or an object of the user's own
        rule = f"{name} needs a list of values, also for one"
        problems.append(Problem(field="grid", value=values, rule=rule, fix=_IN_PYTHON))
        return None


def _option(name: str) -> str:
    return name.strip().lstrip("-").replace("-", "_")


def _axis_fault(name: str, values: list[Any], grid: Mapping[str, list[Any]]) -> Problem | None:
    """What is wrong with an axis beside those before it; the values are checked with the rows."""
    if name == "prompt":
        fix = Fix("a row for each, or ", Setting("--wildcards"), ' with "a {red|blue} mug"')
        return Problem(field="grid", value=name, rule="a row's prompt is its own", fix=fix)
    if name in grid:
        return Problem(field="grid", value=name, rule="it stands there twice", fix="all of its values in one list")
    if not values:
        return Problem(field="grid", value=name, rule="it has no values, so no job is left", fix="leave it out")
    return None


def shown_value(value: Any, number: int) -> str:
    """A value of an axis in one short word, as the place of its job; a thing without a text by its type and number."""
    if value is None or type(value) in (str, int, float, bool, Decimal) or isinstance(value, PurePath):
        return str(value)
    return f"{type(value).__name__} {number}"
