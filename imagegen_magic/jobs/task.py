"""Work that outlives the cell that started it.

A request that was sent is billed, so an interrupt gives the prompt back but never throws the answer away:
the task goes on in its thread and its image is saved.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from imagegen_magic.errors import CallCancelledError

__all__ = [
    "ENDING",
    "STOPPING",
    "Task",
    "TaskList",
    "counted_signals",
    "run_through",
    "sigterm_kept",
    "start_thread",
    "wait_for_end",
    "wait_for_tasks_at_end",
]

T = TypeVar("T")


class Task(Future[T]):
    """One piece of work in a thread of its own: a `concurrent.futures.Future` that can also be awaited.

    Attributes:
        number: its number in `%imagegen jobs`, from 1.
        title: what it does, in a few words.
        cancel_event: set when somebody asks it to stop.
        seconds: how long it took, or None while it runs.
    """

    def __init__(self, number: int, title: str) -> None:
        super().__init__()
        self.number, self.title = number, title
        self.cancel_event = threading.Event()
        self.seconds: float | None = None
        self._started = time.monotonic()

    @property
    def state(self) -> str:
        """`running`, `stopping`, `done` or `failed`."""
        if not self.done():
            return "stopping" if self.cancel_event.is_set() else "running"
        return "failed" if self.exception() is not None else "done"

    @property
    def elapsed(self) -> float:
        """Seconds since the start, or the whole time if it is over."""
        return self.seconds if self.seconds is not None else time.monotonic() - self._started

    @property
    def error(self) -> BaseException | None:
        """What ended it, or None; never waits."""
        return self.exception() if self.done() else None

    def wait(self, timeout: float | None = None) -> bool:
        """True when it is over; False after `timeout` seconds."""
        try:
            self.exception(timeout)
        except TimeoutError:
            return False
        return True

    def cancel(self) -> bool:
        """Asks it to stop; False, because what was sent is paid for and runs to its end."""
        self.cancel_event.set()
        return False

    def run(self, work: Callable[[Task[T]], T]) -> None:
        """Runs `work` to its end and keeps what comes of it."""
        self.set_running_or_notify_cancel()
        try:
            value = work(self)
        except BaseException as error:  # noqa: BLE001 - kept, and raised by result() in the asking thread
            self.seconds = self.elapsed
            self.set_exception(error)
        else:
            self.seconds = self.elapsed
            self.set_result(value)

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.wrap_future(self).__await__()

    def __repr__(self) -> str:
        return f"{self.title}: job {self.number}, {self.state}"


def start_thread(task: Task[T], work: Callable[[Task[T]], T]) -> Task[T]:
    """The task, running `work` in a thread of its own.

    The thread is not a daemon: a program that ends waits for the images that it has paid for.
    """
    _running.add(task)
    task.add_done_callback(_running.discard)
    wait_for_tasks_at_end()  # nothing may be waiting for the task when a signal comes
    if _ending.is_set():  # nobody would wait until it has released its names
        task.set_exception(CallCancelledError("stopped before it was sent", outcome="not sent"))
        return task
    threading.Thread(target=task.run, args=(work,), name=f"imagegen-{task.number or task.title}").start()
    return task


_running: set[Task[Any]] = set()
_ending = threading.Event()
"""Set when the process is about to end: a task that starts now, in a thread of the user's own, sends nothing."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_running.clear)  # they run in the parent, and would be waited for in vain
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end a process: by `timeout` or a container, and of a terminal that is closed."""


def wait_for_tasks_at_end() -> None:
    """From now on these signals end the process only after what was sent is saved, if nobody else takes them.

    Only the main thread can say so, and it is said for the tasks of every thread.
    """
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _end_after_tasks)


def _end_after_tasks(number: int, frame: object) -> None:
    """Ends the process as the signal would, after what was sent is saved; a second signal leaves at once."""
    for ours in ENDING:
        if signal.getsignal(ours) is _end_after_tasks:
            signal.signal(ours, signal.SIG_DFL)
    _ending.set()
    tasks = tuple(_running)
    if tasks:
        _show_stopping()
    for task in tasks:
        task.cancel()
    leave_at = time.monotonic() + STOP_SECONDS
    for task in tasks:
        task.wait(max(0.0, leave_at - time.monotonic()))
    os.kill(os.getpid(), number)


@contextlib.contextmanager
def counted_signals(*numbers: signal.Signals) -> Iterator[list[int]]:
    """Takes these signals for the block: each is added to the list, so that none falls between two steps of a loop.

    Only the main thread is given signals; in another the list stays empty. One that is ignored stays so (`nohup`).
    """
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    wait_for_tasks_at_end()  # also after the block: a detached task goes on
    taken = [number for number in numbers if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    before = [signal.signal(number, lambda number, frame: seen.append(number)) for number in taken]
    try:
        yield seen
    finally:
        for number, handler in zip(taken, before, strict=True):
            signal.signal(number, handler)


TICK_SECONDS = 0.1
STOP_SECONDS = 180.0
"""How long Ctrl-C, SIGTERM and SIGHUP wait for what was sent: a complex image takes up to two minutes."""
STOPPING = (
    f"stopping: waiting for what was sent, up to {STOP_SECONDS:.0f} s, because it is billed (Ctrl-C again leaves)"
)


def _show_stopping() -> None:
    with contextlib.suppress(OSError):  # the terminal was closed
        sys.stderr.write(f"imagegen: {STOPPING}\n")
        sys.stderr.flush()


def wait_for_end(
    task: Task[Any],
    signals: list[int],
    *,
    tick: Callable[[], object] = lambda: None,
    on_stop: Callable[[], object] = _show_stopping,
    stop_seconds: float = STOP_SECONDS,
) -> bool:
    """True when the task is over; False if it is to be left: after a second signal, or `stop_seconds` after the first.

    With the first signal nothing more is sent, and `on_stop` says so.
    """
    leave_at = math.inf
    while not task.wait(TICK_SECONDS):
        if len(signals) > 1 or time.monotonic() >= leave_at:
            return False
        if signals and leave_at == math.inf:
            task.cancel()
            leave_at = time.monotonic() + stop_seconds
            with contextlib.suppress(OSError):  # the terminal was closed
                on_stop()
        with contextlib.suppress(OSError):
            tick()
    return True


def run_through(task: Task[T], work: Callable[[Task[T]], T], *, stop_seconds: float = STOP_SECONDS) -> T:
    """Runs `work` in a thread and returns what it does. An interrupt is kept until what was sent is saved: it is billed.

    The first Ctrl-C, SIGTERM or SIGHUP sends nothing more; a second one leaves at once, and the thread goes on. So do
    `stop_seconds` after the first.

    Raises:
        KeyboardInterrupt: after Ctrl-C. The other signals are raised again as they came.
    """
    with counted_signals(signal.SIGINT, *ENDING) as seen:  # before the thread starts: it may send at once
        wait_for_end(start_thread(task, work), seen, stop_seconds=stop_seconds)
    _raise_again(seen)
    if seen:
        raise KeyboardInterrupt
    return task.result()


def _raise_again(seen: list[int]) -> None:
    """Ends the process by the signal that was kept, if one of them does."""
    for number in seen:
        if number in ENDING:
            os.kill(os.getpid(), number)


@contextlib.contextmanager
def sigterm_kept() -> Iterator[list[int]]:
    """Keeps a SIGTERM, which ends a kernel, until the block is over: a cell's task is started and waited for in it."""
    seen: list[int] = []
    try:
        with counted_signals(*ENDING) as seen:
            yield seen
    finally:
        _raise_again(seen)


class TaskList:
    """Every task of a session, oldest first."""

    def __init__(self) -> None:
        self._tasks: list[Task[Any]] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def start(self, title: str, work: Callable[[Task[T]], T]) -> Task[T]:
        """A task that runs `work` in a thread of its own."""
        with self._lock:
            task: Task[T] = Task(next(self._numbers), title)
            self._tasks.append(task)
        return start_thread(task, work)

    def __iter__(self) -> Iterator[Task[Any]]:
        return iter(tuple(self._tasks))

    def running(self) -> list[Task[Any]]:
        """Those that are not over yet."""
        return [task for task in self if task.state in ("running", "stopping")]

    def find(self, number: int) -> Task[Any] | None:
        """The task with this number, or None."""
        return next((task for task in self if task.number == number), None)
