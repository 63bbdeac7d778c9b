"""Cuts a finished job's pictures out, checks what came, and says what to try where that failed.

Everything here is local: the second try has other settings, never another paid call.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .backdrop import second_key
from .catalog import load_catalog
from .errors import CutoutError
from .planning import Job
from .recall import cell_text

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
    head = f"the cut-out {made}: {failed}. The API's picture is kept, and nothing more is sent by itself."
    return cut, ["\n".join([f"{head} The same text under one of these lines may help.", *_offers(job, source)])]


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
    """Ways on, each with a line that is ready to run above the same prompt; each is the user's to run."""
    assert job.key is not None
    another = f"another key colour:\n  {_line(job, transparent='chroma', key_color=second_key(job.key.color))}"
    if job.cutout == "difference":
        return [another, f"the first picture alone, nothing sent:\n  %imagegen cutout {source.name}"]
    backdrops = f"two backdrops, for true alpha; a second paid call:\n  {_line(job, transparent='difference')}"
    return [another, backdrops, f"the alpha of a model that makes it itself:\n  {_line(job, **_native(job))}"]


def _native(job: Job) -> dict[str, str]:
    """The options of native transparency: on the job's model where it is surely there, else on the first that has it."""
    able = [model.id for model in load_catalog() if model.transparency == "yes" and model.state == "active"]
    return {"transparent": "native"} | ({} if job.model.transparency == "yes" or not able else {"model": able[0]})


def _line(job: Job, **values: str) -> str:
    """The first line of the job's cell, with these values in place of its way to transparency."""
    given = job.options.kept()
    kept = {name: value for name, value in given.items() if name not in ("transparent", "key_color")}
    return cell_text("edit" if "image" in given else "generate", job.name, {**kept, **values}, "").strip()


def measure_native(source: Path) -> tuple[CutoutReport, list[str]]:
    """What native transparency brought, measured; opaque or a painted checkerboard is said, not passed off."""
    import numpy as np  # noqa: PLC0415 - numpy comes with the first cut-out

    from .inputs import open_picture  # noqa: PLC0415 - Pillow comes with the first picture
    from .matting.checks import measure  # noqa: PLC0415 - numpy comes with the first cut-out

    report = measure(np.asarray(open_picture(source).convert("RGBA")))
    failed = _failures(report)
    told = f"native transparency did not work: {failed}. --transparent makes the cut-out with a chroma key instead"
    return report, [told] if failed else []
