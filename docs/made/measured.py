"""What was measured, taken from the benchmark's own output in `measured/`."""

from __future__ import annotations

import json
from pathlib import Path

from .reference import as_table

__all__ = ["cutout_means", "front_ends"]

FIRST, WIDTH = 22, 18
"""Characters of the benchmark's columns: the case, and each keyer."""


def cutout_means(docs: Path) -> str:
    """A table of the mean and median error of each keyer, dated, from `measured/cutout.txt`."""
    day, _, columns, *rows = (docs / "measured/cutout.txt").read_text(encoding="utf-8").splitlines()
    names = [columns[at : at + WIDTH].strip() for at in range(FIRST, len(columns), WIDTH)]
    figures = {row.split()[0]: row.split()[1:] for row in rows[: rows.index("")] if row}
    lines = zip(names, figures["mean"], figures["median"], strict=True)
    return as_table((f"measured {day}", "mean error", "median error"), lines)


def front_ends(docs: Path) -> str:
    """A table of what the tests of front ends tried, dated, from `measured/front_ends.json` (`make front-ends`)."""
    data = json.loads((docs / "measured/front_ends.json").read_text(encoding="utf-8"))
    signs = {"passed": "yes", "failed": "**no**", "skipped": "not tried"}
    rows = [
        (f"{row['front end']} {row['version']}".strip(), row["what"], signs[row["outcome"]], row["how"])
        for row in data["rows"]
    ]
    return f"Tried on {data['tried']}, on the simulator.\n\n" + as_table(("front end", "what", "works", "tried"), rows)
