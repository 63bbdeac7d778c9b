"""What was measured, taken from the benchmark's own output in `measured/`."""

from __future__ import annotations

from pathlib import Path

from .reference import as_table

__all__ = ["cutout_means"]

FIRST, WIDTH = 22, 18
"""Characters of the benchmark's columns: the case, and each keyer."""


def cutout_means(docs: Path) -> str:
    """A table of the mean and median error of each keyer, dated, from `measured/cutout.txt`."""
    day, _, columns, *rows = (docs / "measured/cutout.txt").read_text(encoding="utf-8").splitlines()
    names = [columns[at : at + WIDTH].strip() for at in range(FIRST, len(columns), WIDTH)]
    figures = {row.split()[0]: row.split()[1:] for row in rows[: rows.index("")] if row}
    lines = zip(names, figures["mean"], figures["median"], strict=True)
    return as_table((f"measured {day}", "mean error", "median error"), lines)
