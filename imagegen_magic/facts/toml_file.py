"""TOML files that anybody may have written."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["read_toml"]


def read_toml(path: Path, *, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """What the file holds; a byte order mark, as Windows writes it, is passed over.

    Raises:
        OSError, ValueError: it can't be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=parse_float)
    except RecursionError:
        raise ValueError("nested too deep") from None
