"""Several tries of one request, the best first: which won, why, and the bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, overload

from imagegen_magic.checks.verdicts import CheckReport
from imagegen_magic.images.preview import contact_sheet
from imagegen_magic.request.cost import format_usd
from imagegen_magic.store.history import Record
from imagegen_magic.tables import Table

__all__ = ["Ranking", "Try"]

SHEET_EDGE = 960


class Try(Protocol):
    """What a ranking reads of a try; an `ImageResult` is one."""

    @property
    def path(self) -> Path: ...
    @property
    def passed(self) -> bool: ...
    @property
    def checks(self) -> CheckReport: ...
    @property
    def record(self) -> Record: ...
    @property
    def paid(self) -> Decimal | None: ...


T_co = TypeVar("T_co", bound=Try, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ranking(Sequence[T_co], Generic[T_co]):
    """The tries of one request, the best first; of equal ones the earlier.

    Attributes:
        tries: every result, each with its own file, verdicts and cost.
        numbers: for each of `tries` which try it was, from 1.
        wanted: how many tries there might have been.
        spent: USD of all tries, failed ones too: actual if known, else the estimate's upper end; 0 for stored ones.
        stopped: why there are fewer than `wanted`, in words; empty if there are not.
    """

    tries: tuple[T_co, ...]
    numbers: tuple[int, ...]
    wanted: int
    spent: Decimal = Decimal(0)
    stopped: str = ""

    @classmethod
    def of(cls, tries: Sequence[T_co], *, wanted: int, spent: Decimal, stopped: str = "") -> Ranking[T_co]:
        """The ranking of tries in the order in which they were made."""
        order = sorted(range(len(tries)), key=lambda n: (not tries[n].passed, -tries[n].checks.score))
        return cls(
            tries=tuple(tries[n] for n in order), numbers=tuple(n + 1 for n in order), wanted=wanted, spent=spent,
            stopped=stopped,
        )  # fmt: skip

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T_co, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.tries[index]

    def __len__(self) -> int:
        return len(self.tries)

    @property
    def best(self) -> T_co:
        """The first of the ranking."""
        return self.tries[0]

    @property
    def cost(self) -> float:
        """`spent` as a number to add up and to plot; of simulated tries, what they would have cost."""
        return float(self.spent)

    def sentence(self) -> str:
        """How many tries, which won, why it ended, and the bill."""
        passed = sum(result.passed for result in self.tries)
        parts = [f"try {self.numbers[0]} of {len(self)} is the best; {passed or 'none'} as expected", self.stopped]
        simulated = all(result.record.simulated for result in self.tries)
        bill = f"cost in all {format_usd(self.spent)}"
        parts.append(f"simulated, nothing billed (live: {bill})" if simulated else bill)
        return "; ".join(filter(None, parts))

    def table(self) -> Table:
        """One row a try, the best first."""
        rows = [
            (rank, result.path.name, f"{result.checks.score:.3f}", _words(result), format_usd(result.paid))
            for rank, result in enumerate(self.tries, 1)
        ]
        columns = ("rank", "file", "score", "not as expected", "cost")
        return Table(title=f"Best of {len(self)}", columns=columns, rows=rows)

    def __repr__(self) -> str:
        return f"{self.table()}\n{self.sentence()}"

    def display_items(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The tries on one sheet, the best first, with the table below; nothing for a single try."""
        if len(self) < 2:
            return []
        labels = [f"{rank}: {result.checks.score:.3f}" for rank, result in enumerate(self.tries, 1)]
        sheet = contact_sheet([result.path for result in self.tries], labels=labels, max_edge=SHEET_EDGE)
        return [
            sheet.bundle(str(self.table()), alt=f"{len(self)} tries, the best first", caption=self.table().to_html())
        ]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Mapping[str, Any] | tuple[Any, Any]:
        shown = self.display_items()
        return shown[0] if shown else self.table()._repr_mimebundle_()


def _words(result: Try) -> str:
    return ", ".join(verdict.expected for verdict in (*result.checks.failed, *result.checks.skipped))
