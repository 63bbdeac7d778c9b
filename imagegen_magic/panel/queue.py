"""The panel's queue: jobs that wait, run and have ended, with what each reports on the way."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Literal

from imagegen_magic.errors import CallCancelledError, ImagegenError
from imagegen_magic.jobs.planning import Job
from imagegen_magic.jobs.result import ImageResult
from imagegen_magic.jobs.task import Task
from imagegen_magic.request.response import Event, OnEvent, Partial, Retrying, Sending

__all__ = ["AT_ONCE", "Entry", "Queue"]

AT_ONCE = 3
"""How many requests are on their way at a time."""
SHOWN = 12
"""How many failed entries the page shows."""

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Start = Callable[[Job, OnEvent], Task[ImageResult]]


@dataclass(slots=True, eq=False)
class Entry:
    """One job of the queue."""

    number: int
    job: Job
    state: State = "waiting"
    phase: str = ""
    task: Task[ImageResult] | None = field(default=None, repr=False)
    live: bytes = field(default=b"", repr=False)
    """The newest live preview, as it came."""
    previews: int = 0
    error: BaseException | None = None
    result: ImageResult | None = field(default=None, repr=False)
    sent: float | None = None
    settled: bool = False
    """True after its task has ended; what it cost is known then."""

    @property
    def active(self) -> bool:
        """True until it has ended."""
        return self.state in ("waiting", "running")

    @property
    def awaited(self) -> bool:
        """True if it was cancelled on its way: its image is saved when it comes."""
        return self.state == "cancelled" and self.task is not None and not self.settled

    def to_json(self) -> dict[str, Any]:
        """The entry for the page."""
        seconds = 0 if self.sent is None or self.settled else int(time.monotonic() - self.sent)
        request = self.job.request
        error = getattr(self.error, "summary", str(self.error)) if self.error else ""
        return {
            "id": self.number, "title": self.job.prompt_typed[:120] or self.job.stem, "state": self.state,
            "phase": self.phase, "price": self.job.estimate.on(self.job.options.backend), "previews": self.previews, "error": error,
            "seconds": seconds, "shape": request.size or "",
        }  # fmt: skip


class Queue:
    """Runs jobs in their order, a few at a time.

    Args:
        start: starts one job and returns its task.
        on_end: called with each entry that ended, in the thread of its task.
    """

    def __init__(self, start: Start, on_end: Callable[[Entry], None]) -> None:
        self._start, self._on_end = start, on_end
        self._entries: list[Entry] = []
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._quiet = threading.Condition(self._lock)

    def add(self, job: Job) -> Entry:
        """The new entry of a job; it runs when there is room."""
        with self._lock:
            entry = Entry(next(self._numbers), job)
            self._entries.append(entry)
        self._fill()
        return entry

    def cancel(self, number: int) -> str:
        """Cancels an entry, and says in words what that means for the money."""
        with self._lock:
            entry = next((e for e in self._entries if e.number == number and e.active), None)
            if entry is None:
                return "it has ended already"
            waiting = entry.task is None
            entry.state = "cancelled"
        if entry.task is not None:
            entry.phase = "cancelled; saved if it comes"
            entry.task.cancel()
        self._fill()
        return (
            "taken off the queue; nothing was sent"
            if waiting
            else "cancelled; what was sent already is billed, and saved when it comes"
        )

    def clear(self) -> None:
        """Takes the ended entries off the list."""
        with self._lock:
            self._entries = [entry for entry in self._entries if entry.active]

    def entries(self) -> list[Entry]:
        """The entries that are shown, oldest first: what has not ended, what may still come, and what has failed."""
        with self._lock:
            failed = [entry for entry in self._entries if entry.state == "failed"][-SHOWN:]
            return [entry for entry in self._entries if entry.active or entry.awaited or entry in failed]

    def active(self) -> list[Entry]:
        """Those that have not ended."""
        return [entry for entry in self._entries if entry.active]

    def find(self, number: int) -> Entry | None:
        """The entry with this number, or None."""
        return next((entry for entry in self._entries if entry.number == number), None)

    def reserved(self) -> Decimal:
        """USD that the waiting entries may cost: the upper ends of their estimates. The session holds those of running ones."""
        waiting = [entry for entry in self.active() if entry.state == "waiting"]
        return sum((entry.job.estimate.high or Decimal(0) for entry in waiting), Decimal(0))

    def holds(self, digest: str) -> bool:
        """True if the same request waits or runs."""
        return any(entry.job.request.digest() == digest for entry in self.active() if not entry.settled)

    def wait(self, timeout: float | None = None) -> bool:
        """True when nothing is waiting, running or still to come; False after `timeout` seconds."""
        with self._quiet:
            return self._quiet.wait_for(lambda: not any(e.active or e.awaited for e in self._entries), timeout)

    def _fill(self) -> None:
        """Starts what there is room for."""
        with self._lock:
            running = sum(entry.state == "running" for entry in self._entries)
            starting = [entry for entry in self._entries if entry.state == "waiting"][: max(0, AT_ONCE - running)]
            for entry in starting:
                entry.state, entry.phase, entry.sent = "running", "checking", time.monotonic()
        for entry in starting:
            try:
                entry.task = self._start(entry.job, _listener(entry))
            except ImagegenError as error:  # a limit that was passed meanwhile
                entry.error, entry.state = error, "failed"
                continue
            entry.task.add_done_callback(partial(self._ended, entry))

    def _ended(self, entry: Entry, task: Future[ImageResult]) -> None:
        """Keeps what came of an entry; it counts as active until `on_end` is through, so that a poll sees all of it."""
        entry.error, entry.live = task.exception(), b""
        entry.result = None if entry.error is not None else task.result()
        entry.settled = True
        try:
            self._on_end(entry)
        finally:
            if entry.result is not None:
                entry.state = "done"
            elif entry.state != "cancelled":
                entry.state = "cancelled" if isinstance(entry.error, CallCancelledError) else "failed"
            with self._quiet:
                self._entries = [
                    other for other in self._entries if other.active or other.awaited or other.state == "failed"
                ]
            self._fill()
            with self._quiet:
                self._quiet.notify_all()


def _listener(entry: Entry) -> OnEvent:
    """Keeps what a run reports in its entry, in the run's thread."""

    def on_event(event: Event) -> None:
        if isinstance(event, Sending):
            entry.phase = "generating" if event.attempt == 1 else f"generating, attempt {event.attempt}"
        elif isinstance(event, Retrying):
            entry.phase = f"{event.reason}; not billed, trying again in {event.wait:.0f} s"
        elif isinstance(event, Partial):
            entry.live, entry.previews = event.data, entry.previews + 1
            entry.phase = f"live preview {entry.previews}"

    return on_event
