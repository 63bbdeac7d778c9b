"""What a batch gives: pictures, and failures as data, in the batch's order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, overload

from .errors import ImagegenError
from .result import ImageResult
from .store import Store, safe_stem
from .tables import Table

__all__ = ["FailedJob", "Gallery", "write_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedJob:
    """A job that has no picture: which one, and the error that says why and what became of the money."""

    index: int
    where: str
    prompt: str
    error: ImagegenError

    def to_record(self) -> dict[str, Any]:
        """One flat dict, for a table of many results."""
        outcome = self.error.outcome or "not sent"
        return {
            "index": self.index,
            "where": self.where,
            "prompt": self.prompt,
            "outcome": outcome,
            "error": self.error.summary,
            "paths": [],
        }


@dataclass(frozen=True, slots=True)
class Gallery(Sequence["ImageResult | FailedJob"]):
    """The results of a batch in its order: pictures, and failures as data."""

    results: tuple[ImageResult | FailedJob, ...]
    report: Path | None = field(default=None, compare=False)
    """The report file: JSONL, one line a job."""

    @overload
    def __getitem__(self, index: int) -> ImageResult | FailedJob: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ImageResult | FailedJob, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.results[index]

    def __len__(self) -> int:
        return len(self.results)

    @property
    def done(self) -> tuple[ImageResult, ...]:
        """The jobs that have pictures."""
        return tuple(result for result in self.results if isinstance(result, ImageResult))

    @property
    def failures(self) -> tuple[FailedJob, ...]:
        """The jobs that have none."""
        return tuple(result for result in self.results if isinstance(result, FailedJob))

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every picture's path, in order."""
        return tuple(path for result in self.done for path in result.paths)

    def to_records(self) -> list[dict[str, Any]]:
        """One dict a job, for a DataFrame."""
        return [result.to_record() for result in self.results]

    def table(self) -> Table:
        """One row a job: outcome, cost, files."""
        rows = [
            (
                n,
                r["outcome"],
                r.get("cost", ""),
                ", ".join(Path(p).name for p in r["paths"]) or r.get("error", ""),
                r["prompt"],
            )
            for n, r in enumerate(self.to_records())
        ]
        sent = [r for r in self.done if not r.reused]
        note = f"{len(self.done)} done ({len(self.done) - len(sent)} of them before), {len(self.failures)} failed"
        return Table(title="Batch", columns=("job", "outcome", "cost", "files", "prompt"), rows=rows, notes=[note])

    def __repr__(self) -> str:
        return f"Gallery({len(self.done)} done, {len(self.failures)} failed)"

    def display_items(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The table of results, then a contact sheet of at most 36 pictures."""
        table: tuple[dict[str, Any], dict[str, Any]] = (dict(self.table()._repr_mimebundle_()), {})
        if not self.paths:
            return [table]
        from .preview import contact_sheet  # noqa: PLC0415 - Pillow comes with the first picture shown

        shown = self.paths[:36]
        sheet = contact_sheet(shown, labels=[str(n) for n in range(len(shown))], max_edge=960)
        return [table, sheet.bundle(f"Contact sheet of {len(shown)} of {len(self.paths)} pictures")]

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.display_items()[-1]


def write_report(gallery: Gallery, store: Store, name: str) -> Gallery:
    """The gallery with its report on disk: JSONL, one line a job with outcome, cost and paths."""
    stamp = datetime.now().astimezone().strftime("%Y%m%dT%H%M%S")
    path = store.folder / "reports" / f"{safe_stem(name)}-{stamp}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    store.write_text(path, "".join(json.dumps(record, default=str) + "\n" for record in gallery.to_records()))
    return replace(gallery, report=path)
