"""Questions to the file system that no name can break."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["expanded", "is_file", "is_folder"]


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with `~` as the home folder; `~name` of nobody stays as it is, as in a shell."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises if there is nobody of that name


def is_file(path: Path) -> bool:
    """True for a file; False for a name that no file system takes, too."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # longer than 255 bytes; a null character
        return False


def is_folder(path: Path) -> bool:
    """True for a folder; as of `is_file`."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
