"""What the requests of one session cost so far, and what those under way may cost."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from imagegen_magic.options.options import Options
from imagegen_magic.request.cost import Estimate
from imagegen_magic.store.history import Record

from .planning import check_session_limit

__all__ = ["Spending", "charged"]


def charged(record: Record) -> Decimal:
    """USD that a request counts with: actual if known, else the upper end; nothing if it was surely not billed."""
    if record.outcome not in ("done", "ambiguous"):
        return Decimal(0)
    return Decimal(str(record.cost.get("actual") or record.cost.get("high") or 0))


class Spending:
    """USD of this session's requests: actual if known, else the estimate's upper end. Safe for several threads.

    What is about to be sent is reserved first, so that a limit holds for requests that run at the same time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = Decimal(0)
        self._reserved = Decimal(0)
        self._numbers: list[tuple[Path, int]] = []

    @property
    def total(self) -> Decimal:
        """USD spent so far, and reserved for what is under way."""
        with self._lock:
            return self._total + self._reserved

    @property
    def settled(self) -> Decimal:
        """USD spent by requests that are over."""
        with self._lock:
            return self._total

    def reserve(self, estimate: Estimate, options: Options) -> Decimal:
        """The amount (USD) that is reserved for a request, or a whole batch, until `release`.

        Raises:
            BudgetError: with what is spent and reserved it could pass `session_max_cost`.
        """
        free = options.backend == "simulator"
        amount = Decimal(0) if free else estimate.high or Decimal(0)
        with self._lock:
            if not free:
                check_session_limit(estimate, options, self._total + self._reserved)
            self._reserved += amount
        return amount

    def release(self, amount: Decimal) -> None:
        """Releases what `reserve` reserved; the actual cost is counted by then."""
        with self._lock:
            self._reserved -= amount

    @contextlib.contextmanager
    def reserved(self, estimate: Estimate, options: Options) -> Iterator[None]:
        """Holds an estimate's upper end for the block."""
        amount = self.reserve(estimate, options)
        try:
            yield
        finally:
            self.release(amount)

    def count(self, folder: Path, record: Record) -> None:
        """Adds a request; one that may have been billed counts with its upper end, a simulated one with nothing."""
        amount = Decimal(0) if record.simulated else charged(record)
        with self._lock:
            self._total += amount
            self._numbers.append((folder, record.number))

    def numbers(self, folder: Path) -> set[int]:
        """The history numbers of this session's requests in `folder`."""
        with self._lock:
            return {number for place, number in self._numbers if place == folder}
