"""What may be tried again, and when: only what is known not to have been billed.

Image requests carry no idempotency key, so a retry of an unknown outcome can buy the same picture twice.
"""

from __future__ import annotations

import contextlib
import email.utils
import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from imagegen_magic.errors import CallCancelledError, CallError, ConnectError, RateLimitError, ServerError

from .waits import DURATION, read_duration, read_resets, read_seconds

__all__ = ["TimeBudget", "read_wait", "with_retries"]

T = TypeVar("T")
MAX_WAIT = 60.0
"""Longest wait of our own choosing, in seconds; a server may ask for more, up to the deadline."""
_TEXT_WAIT = re.compile(
    r"(?:try again|retry|wait|resets?|available)(?: again| your request)?(?: in| after| for)?(?: about| at least)?\s+"
    rf"({DURATION})",
    re.IGNORECASE,
)
_HEADERS = (("retry-after-ms", "ms"), ("x-ms-retry-after-ms", "ms"), ("retry-after", "s"))


def read_wait(
    headers: Mapping[str, str], message: str = "", asked: str | None = None, now: Callable[[], float] = time.time
) -> float | None:
    """Seconds that the server asks to wait: `retry-after-ms`, `retry-after` (seconds or a moment), else its text.

    Args:
        asked: what the body has as a field of its own.
    """
    low = {name.lower(): value for name, value in headers.items()}
    for name, unit in _HEADERS:
        if (seconds := read_seconds(low.get(name, ""), unit)) is not None:
            return _bounded(_from_now(seconds, now()))
    with contextlib.suppress(ValueError, OverflowError):  # no date, or a year that no calendar has
        return _bounded(_moment(low.get("retry-after", "")) - now())
    if match := _TEXT_WAIT.search(message):
        return _bounded(read_duration(match[1]))
    waits = (read_seconds(asked or ""), *(seconds for _, seconds in read_resets(low)))
    return max((_bounded(_from_now(wait, now())) for wait in waits if wait is not None), default=None)


def _moment(text: str) -> float:
    """Seconds since 1970 of a date as HTTP or ISO 8601 writes it; raises ValueError."""
    parsed = email.utils.parsedate_tz(text)
    if parsed is not None:
        return email.utils.mktime_tz(parsed)
    moment = datetime.fromisoformat(text.strip().upper())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _from_now(seconds: float, now: float) -> float:
    """A number of seconds as a wait: what no wait has is a moment, since 1970 in seconds or milliseconds."""
    if not MOMENT <= seconds < math.inf:
        return seconds
    return (seconds if seconds < MOMENT * 1000 else seconds / 1000) - now


MOMENT = 1e9


def _bounded(seconds: float) -> float:
    """A wait that a clock can take: from 0 to a day; what is not a number is 0."""
    return min(seconds, LONGEST_WAIT) if seconds > 0 else 0.0


LONGEST_WAIT = 86_400.0


class TimeBudget:
    """The seconds that a request may be on the wire, all attempts together; waiting for a turn or a retry is free."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._used = 0.0

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Counts the seconds of the block."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._used += time.monotonic() - started

    def is_spent(self) -> bool:
        """True if nothing more may be sent."""
        return self._used >= self.seconds


def is_safe(error: BaseException) -> bool:
    """True for what is known not to be billed and may pass: rate limits, an overloaded server, no connection.

    A gateway's refusal is none of them: it may have asked the server behind it.
    """
    return isinstance(error, (RateLimitError, ConnectError, ServerError)) and error.outcome in ("refused", "not sent")


def with_retries(
    attempt: Callable[[int], T],
    *,
    retries: int,
    retry_ambiguous: int,
    budget: TimeBudget,
    cancel: threading.Event,
    on_wait: Callable[[CallError, float, int], None],
) -> T:
    """What `attempt(number)` returns, tried again while that is safe, allowed and in time.

    Args:
        retries: how often to try again what was not billed.
        retry_ambiguous: how often to try again what may have been billed.
        budget: seconds that all attempts may take together; no wait longer than the whole is kept.
        cancel: set to stop while waiting; nothing has been sent then.
        on_wait: told the error, the wait in seconds and the number of the next attempt.

    Raises:
        CallError: the last attempt's error.
        CallCancelledError: stopped while waiting.
    """
    number = ambiguous = 0
    while True:
        number += 1
        try:
            return attempt(number)
        except CallCancelledError:
            raise
        except CallError as error:
            safe = is_safe(error)
            ambiguous += not safe
            allowed = number - ambiguous <= retries if safe else ambiguous <= retry_ambiguous
            wait = _backoff(number) if error.retry_after is None else error.retry_after
            if not allowed or (not safe and error.outcome != "ambiguous") or budget.is_spent() or wait > budget.seconds:
                raise
            on_wait(error, wait, number + 1)
        if cancel.wait(wait):
            raise CallCancelledError("stopped while waiting for the next attempt", outcome="not sent")


def _backoff(number: int) -> float:
    """Seconds until the next attempt where the server asks for none: at random, the longer the more there were."""
    return random.uniform(0, min(MAX_WAIT, 2.0 ** (number - 1)))  # noqa: S311 - no secret
