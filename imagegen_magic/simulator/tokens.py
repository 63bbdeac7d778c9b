"""Token counts as the service reports them in `usage`; written from published facts, apart from the cost module."""

from __future__ import annotations

import math
from collections.abc import Sequence

from imagegen_magic.facts.catalog import Model

__all__ = ["PARTIAL_TOKENS", "image_tokens", "output_tokens", "text_tokens"]

PARTIAL_TOKENS = 100
"""Output tokens of each partial image (image guide, read 2026-11-23 through third parties)."""

_PATCH, _PATCH_BUDGET, _LONGEST = 32, 1536, 1024


def text_tokens(prompt: str) -> int:
    """About one token for four characters; at least 1."""
    return max(1, math.ceil(len(prompt) / 4))


def image_tokens(sizes: Sequence[tuple[int, int]]) -> int:
    """Input tokens of pictures of these (width, height): 32 px patches, at most 1536 each (community fit, 2026)."""
    return sum(_patches(width, height) for width, height in sizes)


def _patches(width: int, height: int) -> int:
    long, short = max(width, height), min(width, height)
    short = max(short, math.ceil(long / 3))
    enlarge = min(2.0, max(1.0, _LONGEST / long))
    columns, rows = long * enlarge / _PATCH, short * enlarge / _PATCH
    if columns * rows > _PATCH_BUDGET:
        shrink = math.sqrt(_PATCH_BUDGET / (columns * rows))
        return math.floor(columns * shrink) * math.floor(rows * shrink)
    return math.ceil(columns) * math.ceil(rows)


def output_tokens(model: Model, size: tuple[int, int], quality: str) -> int:
    """Output tokens of one picture: the fixed families' table, or the formula of OpenAI's own calculator.

    Where the catalog gives a spread around the formula, the middle of it is used.
    """
    width, height = size
    if model.token_table:
        key = f"{width}x{height}"
        table = model.token_table.get(key) or next(iter(model.token_table.values()))
        return table.get(quality) or max(table.values())
    steps = model.token_steps.get(quality) or max(model.token_steps.values(), default=48)
    short, long = min(size), max(size)
    rounded = (2 * steps * short + long) // (2 * long)
    tokens = math.ceil(steps * rounded * (2_000_000 + width * height) / 4_000_000)
    low, high = model.token_spread.get(quality, (1, 1))
    return round(tokens * float(low + high) / 2)
