"""A file of the spool: private, and written straight to the disk."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

__all__ = ["SpoolFile"]


class SpoolFile(io.FileIO):
    """A file without a buffer of its own, which nobody else may read if it is new.

    A buffered one makes four system calls more for each piece of an answer, and at each of them the threads of a batch may
    hand the interpreter lock on: that was a fifth of all their changes of turn.

    Args:
        path: its path.
        mode: `x+` for a new file, `r+` for one that is there; both write from the start.
    """

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode, opener=_private)

    def write(self, data: Any, /) -> int:
        """Writes all of `data`, however much the system takes at a time; returns its length.

        Raises:
            OSError: not all of it can be written, for instance because the disk is full.
        """
        rest = memoryview(data)
        while rest:
            rest = rest[super().write(rest) :]
        return len(data)


def _private(path: str, flags: int) -> int:
    """As `os.open`, for a file that nobody else may read."""
    return os.open(path, flags, 0o600)
