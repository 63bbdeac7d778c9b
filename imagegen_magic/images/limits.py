"""How large a picture may be."""

from __future__ import annotations

__all__ = ["MAX_PIXELS"]

MAX_PIXELS = 100_000_000
"""Pictures with more pixels than this are refused from their header: a decompression bomb, or too large for every model."""
