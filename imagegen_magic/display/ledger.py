"""The history and the money as rows of plain values: `imagegen_magic.history()` and `imagegen_magic.costs()`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, overload

from imagegen_magic.store.history import Record
from imagegen_magic.store.names import shown_in
from imagegen_magic.tables import Table

__all__ = ["CostRow", "HistoryRow", "Rows", "cost_rows", "history_rows"]


class HistoryRow(NamedTuple):
    """One request of the history."""

    number: int
    name: str
    """The NAME that it was given; else the name of its first file, by which `@name` finds it, too."""
    time: datetime
    outcome: str
    """`done`, `refused`, `not sent` or `ambiguous`."""
    model: str
    size: str
    """`WIDTHxHEIGHT` of the first image."""
    quality: str
    images: int
    files: list[str]
    """Paths relative to the output folder; of a cut-out, not of the file that it was made from."""
    cost: float
    """USD by the server's token counts; NaN if unknown. For a simulated request, what it would have cost."""
    simulated: bool
    seconds: float
    prompt: str


class CostRow(NamedTuple):
    """What one model cost on one day."""

    day: str
    model: str
    simulated: bool
    requests: int
    images: int
    cost: float
    """USD by the server's token counts, of the requests for which it is known."""
    unknown: int
    """Requests that are done and whose cost is unknown."""
    ambiguous: int
    """Requests that may have been billed."""
    possible_cost: float
    """USD that these may have cost, by the upper ends of their estimates; not in `cost`."""


Kind = TypeVar("Kind", bound=NamedTuple)


class Rows(Sequence[Kind], Generic[Kind]):
    """Rows that show themselves as a table; `pandas.DataFrame(rows)` and `rows.to_records()` take them as they are."""

    def __init__(self, title: str, kind: type[Kind], rows: Sequence[Kind]) -> None:
        self.title, self.kind, self.rows = title, kind, tuple(rows)

    @overload
    def __getitem__(self, index: int) -> Kind: ...
    @overload
    def __getitem__(self, index: slice) -> Rows[Kind]: ...
    def __getitem__(self, index: int | slice) -> Kind | Rows[Kind]:
        return Rows(self.title, self.kind, self.rows[index]) if isinstance(index, slice) else self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def to_records(self) -> list[dict[str, Any]]:
        """One dict a row, by column name."""
        return [row._asdict() for row in self.rows]

    def to_json(self) -> str:
        """The rows as a JSON array of objects: amounts as numbers, times as text, null for what is unknown."""
        rows = [{name: None if value != value else value for name, value in row.items()} for row in self.to_records()]  # noqa: PLR0124 - NaN
        return json.dumps(rows, indent=2, default=str, ensure_ascii=False)

    def table(self) -> Table:
        """The rows as text or HTML."""
        return Table(title=self.title, columns=self.kind._fields, rows=[tuple(map(_shown, row)) for row in self.rows])

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table().to_html()


def _shown(value: object) -> object:
    """A value as a table shows it."""
    if isinstance(value, float):
        return "" if value != value else f"{value:.4f}"  # noqa: PLR0124 - NaN
    if isinstance(value, list):
        return ", ".join(value)
    return value.isoformat(" ", "seconds")[:19] if isinstance(value, datetime) else " ".join(str(value).split())[:60]


def history_rows(records: Sequence[Record], folder: Path) -> Rows[HistoryRow]:
    """One row a request, oldest first; `folder` is the output folder."""
    return Rows("History", HistoryRow, [_history_row(record, folder) for record in records])


def _history_row(record: Record, folder: Path) -> HistoryRow:
    files = record.api_files()
    shown = [shown_in(folder, entry.path) for entry in files]
    size = files[0].size if files else None
    return HistoryRow(
        number=record.number,
        name=record.shown_name,
        time=datetime.fromisoformat(record.time),
        outcome=record.outcome,
        model=str(record.request.get("model", "")),
        size=f"{size[0]}x{size[1]}" if size else "",
        quality=str(record.resolved.get("quality") or record.request.get("quality") or ""),
        images=len(files),
        files=shown,
        cost=_amount(record.cost.get("actual")),
        simulated=record.simulated,
        seconds=record.seconds,
        prompt=record.prompt_typed,
    )


def cost_rows(records: Sequence[Record]) -> Rows[CostRow]:
    """One row for each day, model and backend, oldest first."""
    groups: dict[tuple[str, str, bool], list[Record]] = {}
    for record in records:
        key = (record.time[:10], str(record.request.get("model", "")), record.simulated)
        groups.setdefault(key, []).append(record)
    return Rows("Cost", CostRow, [_cost_row(*key, groups[key]) for key in sorted(groups)])


def _cost_row(day: str, model: str, simulated: bool, records: Sequence[Record]) -> CostRow:
    done = [record for record in records if record.outcome == "done"]
    known = [Decimal(text) for record in done if (text := record.cost.get("actual")) is not None]
    ambiguous = [record for record in records if record.outcome == "ambiguous"]
    return CostRow(
        day=day,
        model=model,
        simulated=simulated,
        requests=len(records),
        images=sum(len(record.api_files()) for record in done),
        cost=float(sum(known, Decimal(0))),
        unknown=len(done) - len(known),
        ambiguous=len(ambiguous),
        possible_cost=float(sum(_highs(ambiguous), Decimal(0))),
    )


def _highs(records: Sequence[Record]) -> Iterator[Decimal]:
    return (Decimal(text) for record in records if (text := record.cost.get("high")) is not None)


def _amount(text: object) -> float:
    return float("nan") if text is None else float(Decimal(str(text)))
