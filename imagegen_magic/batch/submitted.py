"""What is on its way through the Batch API: kept in the output folder, so that it outlives the kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from imagegen_magic.errors import Command, Fix, OptionError, Problem
from imagegen_magic.store.folder import Store
from imagegen_magic.tables import Table

from .rows import Row

__all__ = ["InputFile", "SubmittedBatch", "SubmittedJob", "find_submitted", "load_submitted", "submitted_table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedJob:
    """One line of an input file: its place in the batch, from 0, the server's name for it, and what to plan it anew from."""

    index: int
    custom_id: str
    prompt: str
    values: dict[str, Any]
    inputs: dict[str, str | list[str]]
    digest: str


@dataclass(slots=True, kw_only=True)
class InputFile:
    """One input file: its jobs, and the server's ids for file and batch, empty until the server gave them."""

    jobs: list[SubmittedJob]
    endpoint: str = "/v1/images/generations"
    file: str = ""
    batch: str = ""


@dataclass(slots=True, kw_only=True)
class SubmittedBatch:
    """What was submitted under one id; `collected` says that its pictures are saved."""

    id: str
    server: str
    created: str
    backend: str
    base_url: str | None = None
    name: str | None = None
    estimate: str = ""
    parts: list[InputFile] = field(default_factory=list)
    collected: bool = False

    @property
    def jobs(self) -> list[SubmittedJob]:
        """Every job in the batch's order."""
        return sorted((job for part in self.parts for job in part.jobs), key=attrgetter("index"))

    def rows(self, store: Store) -> Iterator[Row]:
        """The jobs as rows, to be planned anew, their pictures being those that were kept."""
        for job in self.jobs:
            images = {name: _placed(store.folder, kept) for name, kept in job.inputs.items()}
            yield Row(values={**job.values, **images, "prompt": job.prompt}, where=job.custom_id)

    def to_json(self) -> str:
        """Everything, as JSON."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str | bytes) -> SubmittedBatch:
        """What `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        from pydantic import TypeAdapter  # noqa: PLC0415 - 80 ms, only for who has submitted batches

        batch: SubmittedBatch = TypeAdapter(cls).validate_json(text)
        return batch

    @classmethod
    def read(cls, path: Path) -> SubmittedBatch:
        """The batch of a file.

        Raises:
            OptionError: it is none; passing it over could let its jobs be paid for a second time.
        """
        try:
            return cls.from_json(path.read_bytes())
        except (OSError, ValueError) as error:
            hint = f"correct it, or move it away if the server has no such batch: {path.name}"
            raise OptionError(f"a submitted batch can't be read ({type(error).__name__})", hints=(hint,)) from None

    def save(self, store: Store) -> None:
        """Writes it to the output folder."""
        path = self._path(store)
        path.parent.mkdir(parents=True, exist_ok=True)
        store.write_text(path, self.to_json())

    def forget(self, store: Store) -> None:
        """Takes it out of the output folder: nothing was submitted."""
        self._path(store).unlink(missing_ok=True)

    def _path(self, store: Store) -> Path:
        return store.folder / "batches" / f"{self.id}.json"


def _placed(folder: Path, kept: Any) -> Any:
    """`PATH[:role]` below the output folder, one or several, as the options take them."""
    return str(folder / kept) if isinstance(kept, str) else tuple(str(folder / name) for name in kept)


def load_submitted(store: Store) -> list[SubmittedBatch]:
    """Everything that was submitted from this folder, oldest first."""
    paths = sorted((store.folder / "batches").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    return [SubmittedBatch.read(path) for path in paths]


def find_submitted(store: Store, batch_id: str = "") -> SubmittedBatch:
    """The batch with that id (or its beginning); without one, the newest.

    Raises:
        OptionError: there is none.
    """
    found = [one for one in load_submitted(store) if one.id.startswith(batch_id)]
    if not found:
        rule = "no batch with this id was submitted from this output folder"
        problem = Problem(field="batch", value=batch_id or None, rule=rule, fix=Fix(Command("batches"), " lists them"))
        raise OptionError("no such batch", problems=(problem,))
    return max(found, key=lambda one: one.created)


def submitted_table(store: Store) -> Table:
    """Every submitted batch, oldest first."""
    rows = [
        (one.id, one.created, one.server, len(one.jobs), one.estimate, "collected" if one.collected else "open")
        for one in load_submitted(store)
    ]
    notes = (
        [Fix(Command("status", "ID"), " asks the server; ", Command("collect", "ID"), " saves the pictures")]
        if rows
        else ["none yet"]
    )
    return Table(
        title="Batches", columns=("id", "submitted", "server", "jobs", "cost", "state"), rows=rows, notes=notes
    )
