"""Choices in a prompt, `a {red|{dark|light} blue} mug`: how many prompts it stands for, and which."""

from __future__ import annotations

import itertools
import math
import re
from collections import deque

__all__ = ["MAX_EXPANDED", "SPELLING", "count_choices", "expand_choices", "has_choices"]

SPELLING = r"{red|blue}; \{ \| \} as text"
"""How choices are written, for whoever wrote others."""
MAX_EXPANDED = 1000
"""Prompts that one prompt's choices may make: more were hardly meant."""

_TOKEN = re.compile(r"\\[{}|]|[{}|]|[^{}|\\]+|\\")
Part = str | list[list["Part"]]
"""A text, or a choice of sequences of parts."""


def has_choices(prompt: str) -> bool:
    """True for a prompt that stands for several.

    >>> has_choices("a {red|blue} mug"), has_choices("a {red} mug")
    (True, False)
    """
    return re.search(r"(?<!\\)\{[^{}]*\|[^{}]*\}", prompt) is not None


def count_choices(prompt: str) -> int:
    """How many prompts `a {red|blue} {cat|dog}` stands for: 4; two that are alike count twice.

    Raises:
        ValueError: a brace with choices is never closed.
    """
    return _count(_sequence(deque(_TOKEN.findall(prompt)), inside=False))


def expand_choices(prompt: str) -> list[str]:
    r"""Every prompt that one with choices stands for, in order, none twice.

    >>> expand_choices(r"a {red|{dark|light} blue} mug, \{x\|y\}")
    ['a red mug, {x|y}', 'a dark blue mug, {x|y}', 'a light blue mug, {x|y}']

    Raises:
        ValueError: a brace with choices is never closed, or there are more than `MAX_EXPANDED`.
    """
    parts = _sequence(deque(_TOKEN.findall(prompt)), inside=False)
    if (count := _count(parts)) > MAX_EXPANDED:
        raise ValueError(f"its choices make {count} prompts; at most {MAX_EXPANDED}")
    return list(dict.fromkeys(_texts(parts)))


def _sequence(pieces: deque[str], *, inside: bool) -> list[Part]:
    """The parts up to the end or, inside of a choice, up to its next `|` or `}`."""
    parts: list[Part] = []
    while pieces and not (inside and pieces[0] in ("|", "}")):
        piece = pieces.popleft()
        if piece == "{":
            parts += _choice(pieces)
        else:
            parts.append(piece[1:] if len(piece) == 2 and piece.startswith("\\") and piece[1] in "{}|" else piece)
    return parts


def _choice(pieces: deque[str]) -> list[Part]:
    """The choice after a `{`; braces without `|` are text."""
    sequences = [_sequence(pieces, inside=True)]
    while pieces and pieces[0] == "|":
        pieces.popleft()
        sequences.append(_sequence(pieces, inside=True))
    closed = bool(pieces)
    if closed:
        pieces.popleft()
    if len(sequences) > 1:
        if not closed:
            raise ValueError("a { with choices is never closed")
        return [sequences]
    return ["{", *sequences[0], *(["}"] if closed else [])]


def _count(parts: list[Part]) -> int:
    return math.prod(1 if isinstance(part, str) else sum(map(_count, part)) for part in parts)


def _texts(parts: list[Part]) -> list[str]:
    options = [[part] if isinstance(part, str) else [text for one in part for text in _texts(one)] for part in parts]
    return ["".join(chosen) for chosen in itertools.product(*options)]
