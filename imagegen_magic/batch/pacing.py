"""How fast a batch may send: one gate for all its jobs, which learns from the server."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from imagegen_magic.errors import CallCancelledError, QuotaError, RateLimitError
from imagegen_magic.request.response import Received
from imagegen_magic.wire.waits import read_resets

from .desks import Desks

__all__ = ["Pacer", "is_near"]

FIRST_PROBE, LONGEST_PROBE = 1.0, 60.0
"""Seconds after the wait that the server asked for until more requests in flight are tried; doubled with each further refusal."""
LONGEST_WAIT = 3600.0
"""A server that asks for more than an hour is not waited for longer than that."""


class Pacer:
    """Lets at most `limit` requests through at a time, and none before the server wants one.

    A rate limit lowers the pace for every job at once: no send before the wait that the server asks for is over,
    and no more in flight than it had taken on at that moment.

    Args:
        limit: requests in flight to start with.
        ipm: images a minute, or None to learn from the answers' headers only.
        cancel: set to let nobody through any more.
    """

    def __init__(
        self,
        limit: int,
        *,
        ipm: float | None = None,
        cancel: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit, self._most = limit, limit
        self._gap = 60.0 / ipm if ipm else 0.0
        self._cancel = cancel or threading.Event()
        self._clock = clock
        self._in_flight = 0
        self._coming: set[int] = set()
        self._next = 0.0
        self._probe_at = 0.0
        self._probe_wait = FIRST_PROBE
        self._lock = threading.Lock()
        self._place, self._near = threading.Condition(self._lock), threading.Condition(self._lock)
        """For who is ready to be sent, and for who is not: one is woken for each place."""
        self._desks = Desks()

    @property
    def next_send(self) -> float:
        """The clock's time before which nothing is sent."""
        return self._next

    @contextlib.contextmanager
    def slot(self, images: int = 1) -> Iterator[Received]:
        """Takes one place in flight, and waits for it; it is free again after the last byte, or after the block.

        Raises:
            CallCancelledError: cancelled while waiting; nothing was sent.
        """
        self._wait(images)
        with contextlib.ExitStack() as place:
            place.callback(self._leave)

            def received(headers: Mapping[str, str]) -> None:
                with contextlib.suppress(Exception):  # what is learnt from an answer is no reason to lose it
                    self.learn(headers)
                place.close()  # the next one is sent, and then this answer is taken apart
                self._desks.sit()

            try:
                yield received
            except BaseException as error:
                self._desks.leave()  # it may wait long for its next attempt
                if isinstance(error, QuotaError):
                    self._cancel.set()  # without money every further request is refused
                elif isinstance(error, RateLimitError):
                    place.close()
                    self._slow_down(error.retry_after)
                raise
        self._speed_up()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Waits until a place in flight is near, so that a job is not made ready long before it can be sent.

        It ends with the `slot` that this thread takes inside: while one job's files are saved, the next is sent.

        Raises:
            CallCancelledError: cancelled while waiting; nothing was sent.
        """
        me = threading.get_ident()
        with self._lock:
            while not is_near(self.limit, self._in_flight, len(self._coming)) and not self._cancel.is_set():
                self._near.wait(0.25)
            if self._cancel.is_set():
                raise CallCancelledError("stopped before it was sent", outcome="not sent")
            self._coming.add(me)
        self._desks.get_ready()
        try:
            yield
        finally:
            self._desks.leave()
            with self._lock:
                if me in self._coming:
                    self._coming.discard(me)
                    self._near.notify()

    def _wait(self, images: int) -> None:
        self._desks.leave()
        with self._lock:
            while not self._cancel.is_set():
                wait = self._next - self._clock()
                if wait <= 0 and self._in_flight < self.limit:
                    self._in_flight += 1
                    self._desks.send()
                    self._coming.discard(threading.get_ident())
                    self._near.notify()
                    if self._gap:
                        self._next = self._clock() + self._gap * images
                    return
                self._place.wait(min(wait, 0.25) if wait > 0 else 0.25)
        raise CallCancelledError("stopped before it was sent", outcome="not sent")

    def _leave(self) -> None:
        with self._lock:
            self._in_flight -= 1
            self._place.notify()
            self._near.notify()

    def _slow_down(self, wait: float | None) -> None:
        with self._lock:
            now = self._clock()
            self.limit = max(1, min(self.limit, self._in_flight))
            self._next = max(self._next, now + (1.0 if wait is None else min(max(wait, 0.0), LONGEST_WAIT)))
            if self._probe_at and now > self._probe_at:  # refused again after it had been tried
                self._probe_wait = min(2 * self._probe_wait, LONGEST_PROBE)
            self._probe_at = self._next + self._probe_wait

    def _speed_up(self) -> None:
        """One more in flight with each answer, if the last refusal is long enough ago."""
        with self._lock:
            if self.limit < self._most and self._probe_at and self._clock() > self._probe_at:
                self.limit += 1
                self._place.notify()
                self._near.notify()

    def learn(self, headers: Mapping[str, str]) -> None:
        """Waits for the reset if an answer's headers say that nothing remains (`x-ratelimit-remaining-*`)."""
        for limited, reset in read_resets(headers):
            # Longer is a date, or of no help: a refusal says itself how long to wait.
            if limited != "tokens" and reset <= LONGEST_WAIT:
                with self._lock:
                    self._next = max(self._next, self._clock() + reset)


def is_near(limit: int, in_flight: int, ready: int) -> bool:
    """Whether one more job may get ready: for a free place, or while all are taken, so that as many are ready as go out next."""
    free = limit - in_flight
    return ready < (free if free > 0 else limit)
