"""A result as the command line shows it: one line, or JSON-ready data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagegen_magic.request.cost import format_usd

from .output import print_message, shown

if TYPE_CHECKING:
    from imagegen_magic.jobs.result import ImageResult

__all__ = ["print_unexpected", "result_document", "saved_line"]


def saved_line(result: ImageResult) -> str:
    """The number that the history gave it, the seconds and the cost, as one line; of another folder also what lists it."""
    cost = "reused, nothing was sent" if result.reused else _cost(result)
    line = f"saved as @{result.number} · {result.seconds:.1f} s · {cost}"
    if result.options.origins.get("out_dir") != "line":
        return line
    return f"{line} · listed by: imagegen history --out-dir {result.options.out_dir}"


def _cost(result: ImageResult) -> str:
    if result.record.simulated:
        return "simulated, free"
    return "cost unknown" if result.paid is None else format_usd(result.paid)


def result_document(result: ImageResult) -> dict[str, Any]:
    """A result as JSON-ready data."""
    record: Mapping[str, Any] = result.to_record()
    return {
        **record,
        "paths": [shown(path) for path in result.paths],
        "derived": {name: shown(path) for name, path in result.derived.items()},
        "simulated": result.record.simulated,
        "usage": result.record.usage,
        "resolved": dict(result.record.resolved),
        "cutout": [None if image.report is None else image.report.status for image in result.images],
        "notes": list(result.notes),
        "warnings": list(result.warnings),
        "tries": [result_document(each) for each in result.ranking or ()],
    }


def print_unexpected(result: ImageResult, head: str = "") -> None:
    """A line on standard error for each expectation that failed, and each that could not be checked."""
    for sentence in result.unexpected():
        print_message(f"{head}{sentence}")
