"""Work that outlives the cell that started it.

A request that was sent is billed, so an interrupt gives the prompt back but never throws the answer away:
the task goes on in its thread and its picture is saved.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["Task", "TaskList"]

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Task(Generic[T]):
    """One piece of work in a thread of its own."""

    number: int
    title: str
    cancel_event: threading.Event = field(default_factory=threading.Event, repr=False)
    started: float = field(default_factory=time.monotonic, repr=False)
    seconds: float | None = None
    """How long it took, or None while it runs."""
    _finished: threading.Event = field(default_factory=threading.Event, repr=False)
    _value: T | None = field(default=None, repr=False)
    _error: BaseException | None = field(default=None, repr=False)
    _callbacks: list[Callable[[Task[T]], None]] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def state(self) -> str:
        """`running`, `stopping`, `done` or `failed`."""
        if not self._finished.is_set():
            return "stopping" if self.cancel_event.is_set() else "running"
        return "failed" if self._error is not None else "done"

    @property
    def elapsed(self) -> float:
        """Seconds since the start, or the whole time once it is over."""
        return self.seconds if self.seconds is not None else time.monotonic() - self.started

    @property
    def error(self) -> BaseException | None:
        """What ended it, or None."""
        return self._error

    def wait(self, timeout: float | None = None) -> bool:
        """True once it is over; False after `timeout` seconds."""
        return self._finished.wait(timeout)

    def result(self) -> T:
        """What the work returned; waits for it, and raises what it raised."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def cancel(self) -> None:
        """Stops it where nothing has been sent yet; what was sent is paid for and runs to its end."""
        self.cancel_event.set()

    def when_over(self, callback: Callable[[Task[T]], None]) -> None:
        """Calls `callback` with this task once it is over, in its thread; at once if it already is."""
        with self._lock:
            if not self._finished.is_set():
                self._callbacks.append(callback)
                return
        callback(self)

    def run(self, work: Callable[[Task[T]], T]) -> None:
        """Runs `work` to its end and keeps what comes of it."""
        try:
            self._value = work(self)
        except BaseException as error:  # noqa: BLE001 - kept, and raised by result() in the asking thread
            self._error = error
        self.seconds = time.monotonic() - self.started
        with self._lock:
            self._finished.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)


class TaskList:
    """Every task of a session, oldest first."""

    def __init__(self) -> None:
        self._tasks: list[Task[object]] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def start(self, title: str, work: Callable[[Task[T]], T]) -> Task[T]:
        """A task that runs `work` in a thread of its own.

        The thread is no daemon: a program that ends waits for the pictures that it has paid for.
        """
        with self._lock:
            task: Task[T] = Task(number=next(self._numbers), title=title)
            self._tasks.append(task)  # type: ignore[arg-type]
        threading.Thread(target=task.run, args=(work,), name=f"imagegen-{task.number}").start()
        return task

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
        return iter(tuple(self._tasks))

    def running(self) -> list[Task[object]]:
        """Those that are not over yet."""
        return [task for task in self if task.state in ("running", "stopping")]

    def find(self, number: int) -> Task[object] | None:
        """The task with this number, or None."""
        return next((task for task in self if task.number == number), None)
