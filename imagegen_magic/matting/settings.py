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
SWITCHES = {"soft_matte", "despill"}
FRACTIONAL = {"edge_feather", "transparent_threshold", "opaque_threshold"}
OPTIONAL = {"transparent_threshold", "opaque_threshold"}
EXAMPLES = {
    "key": "'#00ff00'", "key1": "'#00ff00'", "key2": "'#ff00ff'", "subject": "'opaque'", "auto_key": "'border'", "tolerance": "12", "transparent_threshold": "20",
    "opaque_threshold": "200", "edge_contract": "1", "edge_feather": "0.8", "soft_matte": "True", "despill": "True",
}  # fmt: skip


def check_settings(**settings: object) -> None:
    """Raises CutoutError that names every setting out of range, with its rule."""
    problems = [
        Problem(field=name, value=_told(value), rule=rule, fix=_fix(name))
        for name, value in settings.items()
        if (rule := _broken(name, value))
    ]
    low, high = settings.get("transparent_threshold"), settings.get("opaque_threshold")
    if not problems and isinstance(low, int | float) and isinstance(high, int | float) and low >= high:
        rule = f"transparent_threshold {low} must be below opaque_threshold {high}"
        problems.append(Problem(field="transparent_threshold", value=low, rule=rule, fix="transparent_threshold=20"))
    if not problems and settings.get("auto_key") == "none" and settings.get("key") == "auto":
        rule = 'auto_key="none" needs a key colour'
        problems.append(Problem(field="key", value="auto", rule=rule, fix="key='#00ff00'"))
    if problems:
        raise CutoutError("the cut-out's settings can't be used", problems=tuple(problems))


def _fix(name: str) -> str:
    return f"{name}={EXAMPLES[name]}" if name in EXAMPLES else f"leave {name} out"


def _told(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def _broken(name: str, value: object) -> str:
    """The rule that the value breaks; empty if none."""
    if name in {"key", "key1", "key2"}:
        return (
            ""
            if isinstance(value, str) or _is_colour(value)
            else "a colour: '#rrggbb', a name or three levels 0 to 255"
        )
    if name in CHOICES:
        return "" if isinstance(value, str) and value in CHOICES[name] else f"one of {', '.join(CHOICES[name])}"
    if name in RANGES:
        return "" if (value is None and name in OPTIONAL) or _is_within(name, value) else _range(name)
    if name in SWITCHES:
        return "" if isinstance(value, bool) else "True or False"
    return f"no setting of a cut-out; those are {', '.join(sorted(EXAMPLES.keys() - {'key1', 'key2'}))}"


def _is_colour(value: object) -> bool:
    return (
        isinstance(value, tuple | list)
        and len(value) == 3
        and all(
            isinstance(level, SupportsFloat) and not isinstance(level, bool) and 0 <= float(level) <= 255
            for level in value
        )
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
