"""Cuts a finished job's pictures out, checks what came, and says what to try where that failed.

Everything here is local: the second try has other settings, never another paid call.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .backdrop import second_key
from .errors import CutoutError
from .planning import Job

if TYPE_CHECKING:
    from .cutouts import Cutout
    from .matting.report import CutoutReport

__all__ = ["cut_out", "measure_native"]

SHAPING = ("edge_contract", "edge_feather")
"""Options by which the user has settled the extraction: nothing else is tried then."""


def cut_out(job: Job, source: Path, second: Path | None = None) -> tuple[Cutout | None, list[str]]:
    """The cut-out of the picture at `source`, None where none can be made, and what the user should know.

    `second` is the same subject over another backdrop.
    """
    cut, failed = _attempt(job, source, second)
    if not failed:
        return cut, []
    if second is None and not any(job.options[name] for name in SHAPING):
        settings = {"key": "auto"} if cut is None else {"edge_contract": 1}
        again, still = _attempt(job, source, None, **settings)
        if again is not None and not still:
            changed = " ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings.items())
            return again, [f"cut out at the second try, with {changed}; at the first, {failed}"]
    made = "was not made" if cut is None else "did not pass its checks"
    return cut, [f"the cut-out {made}: {failed}. The API's picture is kept. To try: {'; '.join(_offers(job, source))}"]


def _attempt(job: Job, source: Path, second: Path | None, **settings: Any) -> tuple[Cutout | None, str]:
    """A cut-out, or None where the engine refuses, and what failed, empty where nothing did."""
    from .cutouts import cutout, difference_cutout  # noqa: PLC0415 - numpy comes with the first cut-out

    assert job.key is not None
    key = job.key.color
    try:
        if second is not None:
            cut = difference_cutout(source, second, key1=key, key2=second_key(key))
        else:
            given = {"key": key} | {name: job.options[name] for name in SHAPING if job.options[name] is not None}
            cut = cutout(source, subject=job.options["opacity"], **given | settings)
    except CutoutError as error:
        return None, error.summary
    return cut, _failures(cut.report)


def _failures(report: CutoutReport) -> str:
    return "; ".join(check.sentence for check in report.of("fail"))


def _offers(job: Job, source: Path) -> list[str]:
    """Ready first lines for the same prompt; each is the user's to run."""
    assert job.key is not None
    offers = [f"{_line(job, f'--transparent --key-color {second_key(job.key.color)}')} (another key colour)"]
    if job.cutout == "difference":
        offers.append(f"%imagegen cutout {source.name} (the first picture alone, nothing sent)")
    else:
        offers.append(f"{_line(job, '--transparent difference')} (two paid calls)")
    if job.model.transparency != "no":
        offers.append(f"{_line(job, '--transparent native')} (the API's own alpha)")
    return offers


def _line(job: Job, flags: str) -> str:
    """The cell's first line with other flags for transparency; the flags alone where there is no cell."""
    head, _, _ = job.cell.partition("\n")
    if not head.startswith("%%"):
        return flags
    head = re.sub(r"""\s--key-color[ =](?:"[^"]*"|'[^']*'|\S+)""", "", head)
    return re.sub(r"\s--transparent(?:[ =](?:chroma|difference|native))?(?=\s|$)", "", head) + f" {flags}"


def measure_native(source: Path) -> tuple[CutoutReport, list[str]]:
    """What native transparency brought, measured; opaque or a painted checkerboard is said, not passed off."""
    import numpy as np  # noqa: PLC0415 - numpy comes with the first cut-out

    from .inputs import open_picture  # noqa: PLC0415 - Pillow comes with the first picture
    from .matting.checks import measure  # noqa: PLC0415 - numpy comes with the first cut-out

    report = measure(np.asarray(open_picture(source).convert("RGBA")))
    failed = _failures(report)
    told = f"native transparency did not work: {failed}. --transparent makes the cut-out with a chroma key instead"
    return report, [told] if failed else []
