"""Durations as servers write them: `1m12.5s`, `20 seconds`, `120ms`, `7`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

__all__ = ["DURATION", "read_duration", "read_resets", "read_seconds"]

_PART = re.compile(
    r"(\d{1,9}(?:\.\d+)?)\s*(milliseconds?|ms|hours?|h|minutes?|mins?|m|seconds?|secs?|s)(?![a-z])\s*", re.IGNORECASE
)
DURATION = rf"(?:{_PART.pattern})+"
"""A duration with its units, as a pattern that does not look at case."""
UNITS = {"ms": 0.001, "h": 3600.0, "m": 60.0, "s": 1.0}
_REMAINING = re.compile(r"((?:x-)?ratelimit-)remaining(-.+)?")


def read_duration(text: str) -> float:
    """Seconds of a text that matches `DURATION`."""
    parts = ((float(count), unit.lower()) for count, unit in _PART.findall(text))
    return sum(count * UNITS["ms" if unit.startswith(("ms", "milli")) else unit[0]] for count, unit in parts)


def read_seconds(text: str, unit: str = "s") -> float | None:
    """The seconds that a header holds: the first of several, or with units; None for none, or for what is no number.

    Args:
        unit: of a number that has none of its own.
    """
    first = text.partition(",")[0].strip()
    if re.fullmatch(DURATION, first, re.IGNORECASE):
        return read_duration(first)
    try:
        number = float(first)
    except ValueError:
        return None
    return None if math.isnan(number) else number * UNITS[unit]


def read_resets(headers: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    """(what is limited, seconds until it begins anew) of each limit of which nothing remains, as headers in lower case say."""
    for name, value in headers.items():
        match = _REMAINING.fullmatch(name)
        if match and value.strip() == "0":
            limited = match[2] or ""
            seconds = read_seconds(headers.get(f"{match[1]}reset{limited}", ""))
            if seconds is not None:
                yield limited.removeprefix("-"), seconds
