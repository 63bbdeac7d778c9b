"""What was measured, taken from the benchmark's own output in `measured/`."""

from __future__ import annotations

import re
from pathlib import Path

from .reference import as_table

__all__ = ["cutout_means"]


def cutout_means(docs: Path) -> str:
    """A table of the mean and median error of each keyer, dated, from `measured/cutout.txt`."""
    day, _, columns, *rows = (docs / "measured/cutout.txt").read_text(encoding="utf-8").splitlines()
    names = re.split(r"\s{2,}", columns.strip())[1:]
    names = [part for name in names for part in re.split(r"(?<=distance) ", name)]
    figures = {row.split()[0]: row.split()[1:] for row in rows[: rows.index("")] if row}
    lines = zip(names, figures["mean"], figures["median"], strict=True)
    return as_table((f"measured {day}", "mean error", "median error"), lines)
