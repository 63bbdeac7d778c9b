"""The verdict on a cut-out: every check has a value, a status and a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from imagegen_magic.tables import Table

__all__ = ["THRESHOLDS", "Check", "CutoutReport", "Report", "Status", "Thresholds"]

Status: TypeAlias = Literal["pass", "warn", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Where a check turns from pass to warn and from warn to fail; shares are 0..1, levels are of 255."""

    clear: int = 8
    """An alpha of at most this many levels counts as transparent."""
    opaque: int = 247
    """An alpha of at least this many levels counts as opaque."""
    border_share: tuple[float, float] = (0.99, 0.6)
    coverage: tuple[float, float] = (0.02, 0.90)
    coverage_limits: tuple[float, float] = (0.0005, 0.995)
    partial_share: float = 0.35
    furry_share: float = 0.1
    """Share of the subject that is partly transparent if its outline is fur."""
    wide_share: float = 0.005
    """Share of the subject that is partly transparent away from edges: thin text has none."""
    flat_share: tuple[float, float] = (0.6, 0.35)
    flat_spread: float = 24.0
    flat_noise: float = 6.0
    fringe: tuple[float, float] = (5.0, 12.0)
    collision: tuple[float, float] = (0.01, 0.10)
    fading: tuple[float, float] = (0.12, 0.35)
    """Share of an opaque rim that may fade into a backdrop without colour."""
    near_backdrop: tuple[float, float] = (0.1, 0.4)
    """Share of the opaque subject whose colour may be near that of a backdrop without colour."""
    tinted: float = 0.01
    light_left: float = 0.075
    """Share of the key's light along the edge of an opaque subject; up to 0.06 on real pictures, which are not lit."""
    light_taken: float = 0.2
    """Share of the key's light, taken off the subject, from which what is left may show."""
    specks: int = 12
    touching: float = 0.002
    painted: float = 0.01
    """Share of the subject in enclosed gaps that are not quite of the backdrop's colour."""
    painted_levels: float = 4.0
    """How far a gap's mean colour may be from the backdrop's."""
    checker_share: float = 0.6
    keys_apart: float = 96.0
    """Two backdrops must differ by this many levels in some channel."""
    changed: float = 20.0
    """Mean change, levels, of an opaque subject between two frames above which they are not of one subject."""
    contradiction: float = 0.15


THRESHOLDS = Thresholds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One measured property of a cut-out."""

    name: str
    status: Status
    value: float
    sentence: str

    def __str__(self) -> str:
        return f"{self.status:4}  {self.name.replace('_', ' ')}: {self.sentence}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Report:
    """Checks that show themselves as a table."""

    checks: tuple[Check, ...]

    @property
    def subject(self) -> str:
        """What was checked, for the table's title."""
        raise NotImplementedError

    @property
    def status(self) -> Status:
        """The worst status of any check."""
        found = {check.status for check in self.checks}
        return "fail" if "fail" in found else "warn" if "warn" in found else "pass"

    @property
    def ok(self) -> bool:
        """True if no check failed."""
        return self.status != "fail"

    def check(self, name: str) -> Check:
        """The check of that name; raises KeyError if it was not made."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def of(self, status: Status) -> tuple[Check, ...]:
        """The checks with that status, in order."""
        return tuple(check for check in self.checks if check.status == status)

    def __str__(self) -> str:
        return "\n".join(str(check) for check in self.checks)

    def table(self) -> Table:
        """One row a check."""
        rows = [(check.status, check.name.replace("_", " "), check.sentence) for check in self.checks]
        return Table(title=f"{self.subject}: {self.status}", columns=("", "", ""), rows=rows)

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Mapping[str, str]:
        return self.table()._repr_mimebundle_()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CutoutReport(Report):
    """All checks of one cut-out; `key` is the backdrop colour found, `#rrggbb`, or None for a native one."""

    key: str | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CutoutReport:
        """The report whose `dataclasses.asdict` is `data`, which may come from a file that anyone has written.

        Raises:
            KeyError, TypeError, ValueError, OverflowError: it is none.
        """
        checks = tuple(Check(**{**check, "value": float(check["value"])}) for check in data["checks"])
        if not checks or not {check.status for check in checks} <= set(get_args(Status)):
            raise ValueError("no checks, or one without a status")
        if not all(isinstance(text, str) for check in checks for text in (check.name, check.sentence)):
            raise TypeError("a check's name or sentence is no text")
        return cls(checks=checks, key=data["key"])

    @property
    def subject(self) -> str:
        """What was checked, for the table's title."""
        return "Cut-out"
