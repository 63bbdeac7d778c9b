"""What the requests of one session cost so far."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path

from imagegen_magic.store.history import Record

__all__ = ["Spending"]


class Spending:
    """USD of this session's requests: actual if known, else the estimate's upper end. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = Decimal(0)
        self._numbers: list[tuple[Path, int]] = []

    @property
    def total(self) -> Decimal:
        """USD spent so far."""
        with self._lock:
            return self._total

    def count(self, folder: Path, record: Record) -> None:
        """Adds a request; one that may have been billed counts with its upper end, a simulated one with nothing."""
        billed = record.outcome in ("done", "ambiguous") and not record.simulated
        amount = record.cost.get("actual") or record.cost.get("high") or 0
        with self._lock:
            self._total += Decimal(str(amount)) if billed else Decimal(0)
            self._numbers.append((folder, record.number))

    def numbers(self, folder: Path) -> set[int]:
        """The history numbers of this session's requests in `folder`."""
        with self._lock:
            return {number for place, number in self._numbers if place == folder}
