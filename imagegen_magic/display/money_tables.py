"""The history and the money, as tables."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal

from imagegen_magic.errors import Command, Fix
from imagegen_magic.jobs.spending import Spending
from imagegen_magic.request.cost import format_usd
from imagegen_magic.store.history import Record
from imagegen_magic.store.library import Library
from imagegen_magic.store.names import shown_in
from imagegen_magic.tables import Table

__all__ = ["SHOWN", "cost_table", "history_table"]

SHOWN = 30


def history_table(library: Library, word: str = "", count: int = SHOWN) -> Table:
    """The `count` newest records of the history, newest last; only those whose name, prompt, model or files hold `word`."""
    records = library.search(word)
    rows = [
        (
            f"@{record.number}",
            record.shown_name,
            record.time[:19].replace("T", " "),
            record.outcome,
            record.request.get("model", ""),
            ", ".join(shown_in(library.history.folder, entry.path) for entry in record.files),
            _paid(record),
            " ".join(record.prompt_typed.split())[:60],
        )
        for record in records[-count:]
    ]
    left_out = (
        [Fix(f"{len(records) - count} older ones are not shown: ", Command("history", "WORD -n COUNT"))]
        if len(records) > count
        else []
    )
    if word and not records:
        left_out = [Fix(f"nothing matches {word!r}; ", Command("history"), " lists all")]
    columns = ("id", "name", "time", "outcome", "model", "files", "cost", "prompt")
    return Table(title="History", columns=columns, rows=rows, notes=left_out)


def _paid(record: Record) -> str:
    actual = record.cost.get("actual")
    if record.simulated:
        return "simulated"
    if actual is not None:
        return format_usd(Decimal(actual))
    if record.outcome in ("refused", "not sent"):
        return "not billed"
    return "may have been billed" if record.outcome == "ambiguous" else "unknown"


def cost_table(library: Library, spending: Spending) -> Table:
    """What was spent: this session, today, in all, and by model; estimates beside what the server counted.

    Simulated requests show what they would have cost, in rows of their own.
    """
    mine = spending.numbers(library.store.folder)
    today = datetime.now().astimezone().date().isoformat()
    groups: dict[tuple[str, bool], list[Record]] = defaultdict(list)
    for record in library.history.records():
        wide = [("this session", record.number in mine), ("today", record.time.startswith(today)), ("in all", True)]
        labels = [label for label, belongs in wide if belongs] + [f"model {record.request.get('model', '?')}"]
        for label in labels:
            groups[(label, record.simulated)].append(record)
    rows = [_cost_row(label, simulated, groups[(label, simulated)]) for label, simulated in sorted(groups, key=_order)]
    columns = ("what", "backend", "requests", "pictures", "estimated", "actual", "may have been billed")
    notes = ["actual: the server's token counts times the catalog's prices; unknown prices are not counted as 0"]
    if any(simulated for _, simulated in groups):
        notes.append("simulator: what it would have cost; nothing was billed")
    return Table(title="Cost", columns=columns, rows=rows, notes=notes)


def _order(group: tuple[str, bool]) -> tuple[bool, int, str]:
    label, simulated = group
    wide = ("this session", "today", "in all")
    return simulated, wide.index(label) if label in wide else len(wide), label


def _cost_row(label: str, simulated: bool, records: list[Record]) -> tuple[object, ...]:
    done = [record for record in records if record.outcome == "done"]
    low = [Decimal(text) for record in done if (text := record.cost.get("low")) is not None]
    high = [Decimal(text) for record in done if (text := record.cost.get("high")) is not None]
    actual = [Decimal(text) for record in done if (text := record.cost.get("actual")) is not None]
    unknown = len(done) - len(actual)
    spent = format_usd(sum(actual, Decimal(0))) + (f" + {unknown} unknown" if unknown else "")
    ambiguous = [record for record in records if record.outcome == "ambiguous"]
    at_most = [Decimal(text) for record in ambiguous if (text := record.cost.get("high")) is not None]
    doubt = f"{len(ambiguous)} (up to {format_usd(sum(at_most, Decimal(0)))})" if ambiguous else ""
    images = sum(len(record.api_files()) for record in done)
    ends = dict.fromkeys(format_usd(sum(amounts, Decimal(0))) for amounts in (low, high))
    return label, "simulator" if simulated else "live", len(records), images, " to ".join(ends), spent, doubt
