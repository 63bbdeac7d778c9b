"""`%%imagegen`: pictures from OpenAI's Images API in a notebook."""

from __future__ import annotations

__version__ = "0.1.0"
