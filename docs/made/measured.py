"""What was measured, taken from the benchmark's own output in `measured/`."""

from __future__ import annotations

import json
import re
from pathlib import Path

from .reference import as_table

__all__ = ["cutout_means", "front_ends", "readme_sentences"]

FIRST, WIDTH = 22, 18
"""Characters of the benchmark's columns: the case, and each keyer."""


def cutout_means(docs: Path) -> str:
    """A table of the mean and median error of each keyer, dated, from `measured/cutout.txt`."""
    day, _, columns, *rows = (docs / "measured/cutout.txt").read_text(encoding="utf-8").splitlines()
    names = [columns[at : at + WIDTH].strip() for at in range(FIRST, len(columns), WIDTH)]
    lines = zip(names, _row(rows, "mean"), _row(rows, "median"), strict=True)
    return as_table((f"measured {day}", "mean error", "median error"), lines)


def readme_sentences(docs: Path) -> tuple[str, str]:
    """What the README says of the error and of the speed of cut-outs, from `measured/cutout.txt` and `cutout_speed.txt`."""
    rows = (docs / "measured/cutout.txt").read_text(encoding="utf-8").splitlines()
    second = rows[next(at for at, row in enumerate(rows) if row.startswith("H per case, two")) :]
    ours, helper, difference, ffmpeg, magick, two = (
        f"{float(v):.1f}" for v in (*_row(rows, "mean"), _row(second, "mean")[0])
    )
    quality = (
        f"mean error {ours} levels of 255 on 21 drawn subjects, delivered as image models do; a per-pixel key-distance script "
        f"{helper}, colour difference {difference}, ffmpeg {ffmpeg}, ImageMagick {magick}; with two backdrops {two}"
    )
    speeds = (docs / "measured/cutout_speed.txt").read_text(encoding="utf-8")
    rate = re.search(r"([\d.]+) MP/s", speeds)
    times = (
        re.search(rf"^{name} +[\d.]+ +([\d.]+)", speeds, re.MULTILINE)
        for name in ("ffmpeg", "ImageMagick", "per-pixel helper")
    )
    rate, *times = (f"{float(found[1]):.1f}" for found in (rate, *times) if found)
    speed = (
        f"{rate} megapixels a second; file to file at 3840x2160 in a fresh process, ffmpeg takes {times[0]} times as long, "
        f"ImageMagick {times[1]} times, the script {times[2]} times"
    )
    return quality, speed


def _row(rows: list[str], name: str) -> list[str]:
    """The figures of the first row of that name."""
    return next(row.split()[1:] for row in rows if row.split()[:1] == [name])


def front_ends(docs: Path) -> str:
    """A table of what the tests of front ends tried, dated, from `measured/front_ends.json` (`make front-ends`)."""
    data = json.loads((docs / "measured/front_ends.json").read_text(encoding="utf-8"))
    signs = {"passed": "yes", "failed": "**no**", "skipped": "not tried"}
    kinds: dict[tuple[str, ...], list[str]] = {}
    for row in sorted(data["rows"], key=lambda row: row["front end"].lower()):
        kind, _, what = row["what"].rpartition(": ")
        same = (_versioned(row["front end"], row["version"]), what, signs[row["outcome"]], row["how"])
        kinds.setdefault(same, []).append(kind)
    rows = [(name, _said(of, what), works, how) for (name, what, works, how), of in kinds.items()]
    return f"Tried on {data['tried']}, on the simulator.\n\n" + as_table(("front end", "what", "works", "tried"), rows)


def _versioned(name: str, version: str) -> str:
    """`JupyterLab 4.6.6 and Notebook 7`: the version is the first program's."""
    program, _, rest = name.partition(" ") if version else (name, "", "")
    return f"{program} {version} {rest}".strip()


def _said(kinds: list[str], what: str) -> str:
    """What was tried, once for all the kinds that it was tried with."""
    named = [kind for kind in kinds if kind]
    if len(named) < 2:
        return ": ".join([*named, what])
    return f"{what} ({'; '.join(named)})"
