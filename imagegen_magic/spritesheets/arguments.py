"""What the arguments of the public calls of this wing may be: one table, and one check that refuses all else before any work."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real

from imagegen_magic.errors import OptionError, Problem

__all__ = ["check_arguments"]


@dataclass(frozen=True, slots=True)
class _Number:
    """A number between two bounds, both included."""

    low: float
    high: float
    example: str
    whole: bool = True

    def admits(self, value: object) -> bool:
        """True if it is such a number."""
        fits = isinstance(value, Integral if self.whole else Real) and not isinstance(value, bool)
        return fits and math.isfinite(value) and self.low <= value <= self.high  # type: ignore[arg-type,operator]

    def __str__(self) -> str:
        return f"{'a whole number' if self.whole else 'a number'} from {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class _Word:
    """One of a few words."""

    words: tuple[str, ...]
    example: str

    def admits(self, value: object) -> bool:
        """True if it is one of them."""
        return value in self.words

    def __str__(self) -> str:
        return f"one of {', '.join(self.words)}"


ARGUMENTS: Mapping[str, _Number | _Word] = {
    "frames": _Number(1, 1024, "frames=6"),
    "columns": _Number(1, 1024, "columns=6"),
    "rows": _Number(1, 1024, "rows=2"),
    "pitch": _Number(1, 4096, "pitch=16", whole=False),
    "margin": _Number(0, 0.45, "margin=0.1", whole=False),
    "padding": _Number(0, 4096, "padding=2"),
    "gap": _Number(0, 1024, "gap=4"),
    "extrude": _Number(0, 64, "extrude=1"),
    "max_edge": _Number(16, 32768, "max_edge=4096"),
    "ground": _Word(("auto", "feet", "row"), "ground='auto'"),
    "trim": _Word(("frame", "animation", "none"), "trim='frame'"),
}


def check_arguments(summary: str, /, **values: object) -> None:
    """Refuses what is outside of the table; None is what an argument has that was not given.

    Raises:
        OptionError: with every such argument, its rule and what to write in its place.
    """
    problems = [
        Problem(field=name, value=value, rule=str(ARGUMENTS[name]), fix=ARGUMENTS[name].example)
        for name, value in values.items()
        if value is not None and not ARGUMENTS[name].admits(value)
    ]
    if problems:
        raise OptionError(summary, problems=tuple(problems))
