"""The painter of the simulator: `paint_image` makes a picture of a `Recipe`.

To add a subject, put an SVG file into `subjects/` (its conventions are in `svg.py`) and its words into `words.toml`.
"""

from __future__ import annotations

from .painting import paint_image
from .recipe import Recipe

__all__ = ["Recipe", "paint_image"]
