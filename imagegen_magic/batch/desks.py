"""Who may work on an answer: a few jobs at a time, and none while another job is made ready or sent.

If fifty answers that arrive together were all taken apart at once, every thread that could send the next request would wait
for the interpreter.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

__all__ = ["CALM", "PATIENCE", "Desks"]

PATIENCE = 0.2
"""Seconds that an answer waits for jobs that are made ready or sent."""
CALM = 0.02
"""Seconds that a request takes, at most, from its place in flight to the wire."""


class Desks:
    """Desks for `count` threads. Each method is about the calling thread."""

    def __init__(
        self, count: int = max(4, os.cpu_count() or 1), *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count, self._clock = count, clock
        self._getting_ready: set[int] = set()
        self._seated: set[int] = set()
        self._sending_until = 0.0
        self._free = threading.Condition()
        self._queue = threading.Lock()
        """Held by the one that waits for a desk; the others wait for it, and nothing wakes them in vain."""

    def get_ready(self) -> None:
        """It makes a job ready: nobody sits down until it leaves."""
        with self._free:
            self._getting_ready.add(threading.get_ident())

    def sit(self) -> None:
        """Takes a desk, and waits for it; for others only a moment, as one of them may wait for this very answer."""
        patient_until = self._clock() + PATIENCE
        with self._queue, self._free:
            while len(self._seated) >= self._count or (self._is_busy() and self._clock() < patient_until):
                self._free.wait(CALM)
            self._seated.add(threading.get_ident())

    def _is_busy(self) -> bool:
        return bool(self._getting_ready) or self._clock() < self._sending_until

    def send(self) -> None:
        """Its request goes out now."""
        self._sending_until = self._clock() + CALM

    def leave(self) -> None:
        """Leaves its desk; or its job is ready and waits for its place in flight."""
        with self._free:
            self._seated.discard(threading.get_ident())
            self._getting_ready.discard(threading.get_ident())
            self._call()

    def _call(self) -> None:
        """Wakes who waits for a desk."""
        if not self._getting_ready:
            self._free.notify()
