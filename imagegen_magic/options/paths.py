"""Questions to the file system that no name can break."""

from __future__ import annotations

from pathlib import Path

__all__ = ["is_file"]


def is_file(path: Path) -> bool:
    """True for a file; False for a name that no file system takes, too."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # longer than 255 bytes; a null character
        return False
