"""The verdict on each expectation, and the report of all of them on one image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from imagegen_magic.tables import Table

__all__ = ["Bound", "CheckReport", "Verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The values that are good: from `low` to `high`, either of which may be open."""

    low: float | None = None
    high: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a value lies within; NaN never does."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high) and value == value  # noqa: PLR0124 - NaN

    def closeness(self, value: float) -> float:
        """How good a value is, for ranking: 1 within the bound, towards 0 the further outside."""
        if self.holds(value):
            return 1.0
        if self.low is not None and not value >= self.low:
            return max(0.0, min(value / self.low, 0.999)) if self.low > 0 else 0.0
        return max(0.0, min((self.high or 0.0) / value, 0.999)) if value > 0 else 0.0

    def __str__(self) -> str:
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}" if self.low != self.high else f"{self.low:g}"
        return f"at least {self.low:g}" if self.low is not None else f"at most {self.high:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one expectation.

    Attributes:
        expected: the expectation as it was given.
        passed: True or False; None if it could not be checked here.
        value: what was measured, in the check's own unit; None for a callable and what could not be measured.
        bound: what it was compared with, in words.
        sentence: what was found, in words.
        score: 1 if passed, towards 0 the further off; 0 if it could not be checked.
        image: the name of the image's file, empty if it has none.
    """

    expected: str
    passed: bool | None
    value: float | None = None
    bound: str = ""
    sentence: str = ""
    score: float = 0.0
    image: str = ""

    @property
    def status(self) -> str:
        """`pass`, `fail` or `skip`."""
        return {True: "pass", False: "fail", None: "skip"}[self.passed]

    def __str__(self) -> str:
        return f"{self.status}  {self.expected}: {self.sentence}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON, for a sidecar."""
        found = {"expected": self.expected, "status": self.status, "sentence": self.sentence, "bound": self.bound}
        return found if self.value is None else {**found, "value": round(self.value, 4)}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CheckReport:
    """The verdicts on one image, which show themselves as a table."""

    verdicts: tuple[Verdict, ...] = ()
    name: str = ""
    """The file's name, for the table's title."""

    @classmethod
    def of(cls, reports: Iterable[CheckReport]) -> CheckReport:
        """One report of several images: every verdict, in their order."""
        found = tuple(reports)
        name = found[0].name if len(found) == 1 else f"{len(found)} images"
        return cls(verdicts=tuple(verdict for report in found for verdict in report.verdicts), name=name)

    @property
    def passed(self) -> bool:
        """True if no expectation failed; one that could not be checked has not failed, see `skipped`."""
        return not self.failed

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """The verdicts that are not what was expected."""
        return tuple(verdict for verdict in self.verdicts if verdict.passed is False)

    @property
    def skipped(self) -> tuple[Verdict, ...]:
        """The expectations that could not be checked on this machine."""
        return tuple(verdict for verdict in self.verdicts if verdict.passed is None)

    @property
    def score(self) -> float:
        """The mean of the verdicts' scores, 0 to 1, for ranking; 1 without an expectation."""
        return sum(verdict.score for verdict in self.verdicts) / len(self.verdicts) if self.verdicts else 1.0

    def table(self) -> Table:
        """One row a verdict."""
        word = "failed" if self.failed else "passed"
        several = len({verdict.image for verdict in self.verdicts}) > 1
        rows = [(v.status, *((v.image,) if several else ()), v.expected, v.sentence, v.bound) for v in self.verdicts]
        columns = ("", *(("image",) if several else ()), "expected", "found", "bound")
        return Table(title=f"{self.name or 'image'}: {word}", columns=columns, rows=rows)

    def __str__(self) -> str:
        return str(self.table())

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Mapping[str, str]:
        return self.table()._repr_mimebundle_()
