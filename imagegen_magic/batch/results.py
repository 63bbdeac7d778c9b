"""What a batch gives: pictures, and failures as data, in the batch's order."""

from __future__ import annotations

import difflib
import itertools
import json
import os
import textwrap
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, overload
from warnings import warn

from imagegen_magic.errors import ImagegenError, RequestError
from imagegen_magic.images.preview import contact_sheet
from imagegen_magic.jobs.result import ImageResult, TableRow, table_row
from imagegen_magic.request.cost import format_usd
from imagegen_magic.store.folder import Store
from imagegen_magic.store.names import check_free, free_path, safe_stem, sidecar_path
from imagegen_magic.tables import Table

__all__ = ["SHOWN", "FailedJob", "Gallery", "counted", "write_report"]

SHOWN = 36
"""Pictures on a contact sheet, at most."""
ROWS = 60
"""Rows of the table of results, at most: a notebook stays light."""
PROMPT_LENGTH = 140


@table_row
@dataclass(frozen=True, kw_only=True)
class FailedJob(TableRow):
    """A job that has no picture: which one, and the error that says why and what became of the money."""

    index: int
    where: str
    prompt: str
    error: ImagegenError
    ok = False
    name = number = path = image = report = cost = seconds = request_id = None
    model = size = width = height = bytes = array = request = record = usage = paid = prompt_sent = None
    images: ClassVar[tuple[()]] = ()
    notes: ClassVar[tuple[()]] = ()
    warnings: ClassVar[tuple[()]] = ()
    passed = False
    paths: tuple[Path, ...] = field(default=(), init=False)
    reused = False

    def __getitem__(self, column: str) -> Any:
        return self.column(column)

    def __iter__(self) -> Iterator[str]:
        """The columns' names: a row is a mapping to pandas only if it can be walked."""
        return iter(self.keys())

    def to_record(self) -> dict[str, Any]:
        """One flat dict, for a table of many results; an `ImageResult` has the same columns."""
        return {
            "where": self.where,
            "ok": False,
            "name": "",
            "number": None,
            "path": None,
            "paths": [],
            "prompt": self.prompt,
            "model": None,
            "outcome": self.error.outcome or "not sent",
            "error": str(self.error.summary),
            "cutout": "",
            "passed": None,
            "checks": [],
            "cost": None,
            "seconds": None,
            "request_id": None,
            "reused": False,
        }


@dataclass(frozen=True, slots=True)
class Gallery(Sequence["ImageResult | FailedJob"]):
    """The results of a batch in its order: pictures, and failures as data."""

    results: tuple[ImageResult | FailedJob, ...]
    report: Path | None = field(default=None, compare=False)
    """The report file: JSONL, one line a job."""
    pending: int = field(default=0, compare=False)
    """Images of an interrupted batch that are still on their way; a later look at NAME finds them."""

    @overload
    def __getitem__(self, index: int | str) -> ImageResult | FailedJob: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ImageResult | FailedJob, ...]: ...
    def __getitem__(self, index: int | slice | str) -> Any:
        """A job by its number from 0, some by a slice, or one by its name, its file's name or its row: `icons["sun"]`."""
        return self._named(index) if isinstance(index, str) else self.results[index]

    def _named(self, name: str) -> ImageResult | FailedJob:
        """The first job of that name.

        Raises:
            KeyError: there is none; near names are offered.
        """
        names: dict[str, ImageResult | FailedJob] = {}
        for result in self.results:
            for text in (result.name, *(path.stem for path in result.paths), result.where):
                names.setdefault(text or "", result)
        if not name or name not in names:
            near = difflib.get_close_matches(name, filter(None, names), n=3) or list(filter(None, names))[:3]
            raise KeyError(f"no job {name!r}; there are {', '.join(near)}, …")
        return names[name]

    @property
    def cost(self) -> float:
        """USD of all jobs by the server's token counts, 0 for what was done before; jobs whose cost is unknown add nothing."""
        return float(sum((result.paid or Decimal(0) for result in self.done), Decimal(0)))

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
    def passed(self) -> tuple[ImageResult, ...]:
        """The jobs with pictures that are as expected."""
        return tuple(result for result in self.done if result.passed)

    @property
    def failed(self) -> tuple[ImageResult, ...]:
        """The jobs with pictures that are not as expected; those without a picture are in `failures`."""
        return tuple(result for result in self.done if not result.passed)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every picture's path, in order."""
        return tuple(path for result in self.done for path in result.paths)

    def to_records(self) -> list[dict[str, Any]]:
        """One dict a job, for a DataFrame."""
        return [result.to_record() for result in self.results]

    def save(self, folder: str | PathLike[str], *, overwrite: bool = False) -> list[Path]:
        """Copies every image into `folder`, which is made if need be, and returns their paths.

        Raises:
            FileExistsError: a file exists already, and `overwrite` is False; nothing was copied.
        """
        copies = {Path(folder) / name: file for name, file in _archive_names(self.paths).items()}
        for path in copies:
            check_free(path, overwrite=overwrite)
        Path(folder).mkdir(parents=True, exist_ok=True)
        for path, file in copies.items():
            path.write_bytes(file.read_bytes())
        return list(copies)

    def zip(self, path: str | PathLike[str], *, sidecars: bool = False, overwrite: bool = False) -> Path:
        """The path of a zip file with every image, and on request the sidecars, which hold prompts and costs.

        Raises:
            FileExistsError: `path` exists already, and `overwrite` is False.
        """
        check_free(Path(path), overwrite=overwrite)
        with zipfile.ZipFile(path, "w" if overwrite else "x") as packed:  # images are compressed already
            for name, file in _archive_names(self.paths).items():
                packed.write(file, name)
                if sidecars and (beside := sidecar_path(file)).is_file():
                    packed.write(beside, f"{name}.json", zipfile.ZIP_DEFLATED)
        return Path(path)

    def table(self) -> Table:
        """One row a job: outcome, cost, files or error. Of many jobs the failures, and the first of the others."""
        shown = range(len(self.results))
        if len(shown) > ROWS:
            failed = [n for n, result in enumerate(self.results) if isinstance(result, FailedJob)][: ROWS // 2]
            shown = sorted({*failed, *itertools.islice((n for n in shown if n not in failed), ROWS - len(failed))})  # type: ignore[assignment]
        columns: tuple[str, ...] = ("job", "outcome", "cost", "files", "prompt")
        rows = [self._row(n) for n in sorted(shown, key=lambda n: self.results[n].ok)]
        if any(result.where != f"row {n}" for n, result in enumerate(self.results, 1)):  # numbers of the source's own
            columns = ("job", "from", *columns[1:])
            rows = [(row[0], self.results[int(str(row[0])) - 1].where, *row[1:]) for row in rows]
        left = len(self.results) - len(rows)
        notes = [f"{left} more jobs are in .to_records() and in the report"] if left else []
        return Table(title="Batch", columns=columns, rows=rows, notes=[*notes, self._sum()], breaking=True)

    def _row(self, number: int) -> tuple[object, ...]:
        result = self.results[number]
        prompt = textwrap.shorten(result.to_record()["prompt"], PROMPT_LENGTH, placeholder="…")
        if isinstance(result, FailedJob):
            return number + 1, result.error.outcome or "not sent", "", result.error.summary, prompt
        files = ", ".join(path.name for path in result.paths)
        if result.report is not None and result.report.status != "pass":
            files += f" (cut-out: {result.report.status})"
        if not result.passed:
            files += f" (not as expected: {', '.join(verdict.expected for verdict in result.checks.failed)})"
        if result.reused:
            return number + 1, "done before", "", files, prompt
        return number + 1, "done", format_usd(result.paid), files, prompt

    def _sum(self) -> str:
        """How many are done, what they cost, and where the report is."""
        made = [result for result in self.done if not result.reused]
        before = len(self.done) - len(made)
        parts = [f"{len(self.done)} done" + (f" ({before} of them before)" if before else "")]
        parts += [f"{self.pending} still on their way"] if self.pending else []
        parts += self._missing()
        parts += [f"{len(self.failed)} not as expected"] if self.failed else []
        if made and all(result.record.simulated for result in made):
            parts.append("simulated, nothing billed")
        elif made:
            parts.append(f"cost {format_usd(sum((result.paid or Decimal(0) for result in made), Decimal(0)))}")
        parts += [os.path.relpath(self.report)] if self.report else []
        return " · ".join(parts)

    def _missing(self) -> list[str]:
        """Jobs without images, by what became of them: a row that was not sent is not a failure."""
        words = [
            "left out"
            if isinstance(one.error, RequestError)
            else "not sent"
            if one.error.outcome == "not sent"
            else "failed"
            for one in self.failures
        ]
        return [f"{count} {word}" for word, count in Counter(sorted(words)).items()]

    def __repr__(self) -> str:
        return f"Gallery({', '.join([f'{len(self.done)} done', *self._missing()])})"

    def display_items(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The table of results, then a contact sheet of at most 36 pictures."""
        table: tuple[dict[str, Any], dict[str, Any]] = (dict(self.table()._repr_mimebundle_()), {})
        if not self.paths:
            return [table]

        shown = [
            (str(n + 1) if len(result.paths) == 1 else f"{n + 1}.{k}", path)
            for n, result in enumerate(self.results)
            if isinstance(result, ImageResult)
            for k, path in enumerate(result.paths, 1)
        ][:SHOWN]
        sheet = contact_sheet([path for _, path in shown], labels=[label for label, _ in shown], max_edge=960)
        return [table, sheet.bundle(f"Contact sheet of {_shown_count(len(shown), len(self.paths))}, by job")]

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.display_items()[-1]


def _archive_names(paths: Sequence[Path]) -> dict[str, Path]:
    """Names for a flat archive: the files' own, with a number if two folders have the same."""
    names: dict[str, Path] = {}
    for path in dict.fromkeys(paths):
        copies = (f"{path.stem}-{n}{path.suffix}" for n in itertools.count(2))
        names[path.name if path.name not in names else next(c for c in copies if c not in names)] = path
    return names


def counted(number: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _shown_count(shown: int, total: int) -> str:
    return counted(total, "picture") if shown == total else f"the first {shown} of {total} pictures"


def write_report(gallery: Gallery, store: Store, name: str) -> Gallery:
    """The gallery with its report on disk: JSONL, one line a job with outcome, cost and paths.

    A report that can't be written is a warning: the images are what was paid for.
    """
    stamp = datetime.now().astimezone().strftime("%Y%m%dT%H%M%S")
    folder = store.folder / "reports"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = free_path(folder / f"{safe_stem(name)}-{stamp}.jsonl")  # two runs may end within one second
        store.write_text(path, "".join(json.dumps(record, default=str) + "\n" for record in gallery.to_records()))
    except OSError as error:
        warn(f"the report of this batch can't be written: {error.strerror}", stacklevel=2)
        return gallery
    return replace(gallery, report=path)
