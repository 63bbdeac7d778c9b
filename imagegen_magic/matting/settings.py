"""Checks the settings of a cut-out before any pixel is read."""

from __future__ import annotations

import math
from typing import SupportsFloat, SupportsIndex

from imagegen_magic.errors import CutoutError, Problem

__all__ = ["check_settings"]

CHOICES = {"subject": ("auto", "opaque", "translucent"), "auto_key": ("none", "corners", "border")}
RANGES = {
    "tolerance": (0, 255),
    "transparent_threshold": (0, 255),
    "opaque_threshold": (0, 255),
    "edge_contract": (0, 16),
    "edge_feather": (0, 64),
}
FRACTIONAL = {"edge_feather", "transparent_threshold", "opaque_threshold"}
OPTIONAL = {"transparent_threshold", "opaque_threshold"}


def check_settings(**settings: object) -> None:
    """Raises CutoutError that names every setting out of range, with its rule."""
    problems = tuple(
        Problem(field=name, value=repr(value), rule=rule)
        for name, value in settings.items()
        if (rule := _broken(name, value))
    )
    if problems:
        raise CutoutError("the cut-out's settings can't be used", problems=problems)


def _broken(name: str, value: object) -> str:
    """The rule that the value breaks; empty if none."""
    if name == "key":
        return (
            ""
            if isinstance(value, str) or _is_colour(value)
            else "a colour: '#rrggbb', a name or three levels 0 to 255"
        )
    if name in CHOICES:
        return "" if value in CHOICES[name] else f"one of {', '.join(CHOICES[name])}"
    if name in RANGES:
        return "" if (value is None and name in OPTIONAL) or _is_within(name, value) else _range(name)
    return "" if isinstance(value, bool) else "True or False"


def _is_colour(value: object) -> bool:
    return (
        isinstance(value, tuple | list)
        and len(value) == 3
        and all(isinstance(level, SupportsFloat) and 0 <= float(level) <= 255 for level in value)
    )


def _is_within(name: str, value: object) -> bool:
    low, high = RANGES[name]
    if isinstance(value, bool) or not isinstance(value, SupportsFloat if name in FRACTIONAL else SupportsIndex):
        return False
    number = float(value)
    return math.isfinite(number) and low <= number <= high


def _range(name: str) -> str:
    low, high = RANGES[name]
    return f"a {'' if name in FRACTIONAL else 'whole '}number from {low} to {high}"
