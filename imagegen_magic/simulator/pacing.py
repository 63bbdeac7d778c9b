"""Rate limits: how many requests may be in flight, and how many pictures a minute."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator

from imagegen_magic.facts.catalog import load_catalog

from .effects import rate_limit

__all__ = ["Pacer"]

_WINDOW = 60.0
_SHOWN_LIMIT = 250
"""Images a minute that the headers tell if no limit is set: that of the highest tier (April 2026)."""


class Pacer:
    """Counts requests and pictures, and refuses with 429 what is too much. None means no limit.

    The live service's Images answers carry no `x-ratelimit-*` headers (12 of 12 recorded, August 2026): with `headers` they
    do, as those of other servers.
    """

    def __init__(
        self, *, limit: int | None, ipm: int | None, clock: Callable[[], float], headers: bool = False
    ) -> None:
        self._limit, self._ipm, self._clock, self._headers = limit, ipm, clock, headers
        self._lock = threading.Lock()
        self._in_flight = 0
        self._minute: deque[tuple[float, int]] = deque()

    @contextlib.contextmanager
    def place(self, seconds: float) -> Iterator[None]:
        """Takes a place in flight; if none is free, the refusal asks to wait `seconds`."""
        with self._lock:
            if self._limit is not None and self._in_flight >= self._limit:
                detail = f"Limit {self._limit}, Used {self._in_flight}, Requested 1"
                raise rate_limit(load_catalog().default, seconds, what="concurrent requests", detail=detail)
            self._in_flight += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1

    def count(self, model: str, images: int) -> None:
        """Counts pictures that are about to be made."""
        now = self._clock()
        with self._lock:
            used = self._used(now)
            if self._ipm is not None and used + images > self._ipm:
                seconds = round(_WINDOW - (now - self._minute[0][0]), 3) if self._minute else _WINDOW
                raise rate_limit(model, seconds, detail=f"Limit {self._ipm}, Used {used}, Requested {images}")
            self._minute.append((now, images))

    def _used(self, now: float) -> int:
        while self._minute and self._minute[0][0] <= now - _WINDOW:
            self._minute.popleft()
        return sum(count for _, count in self._minute)

    def headers(self) -> dict[str, str]:
        """The rate-limit headers of an answer, if they are told."""
        if not self._headers:
            return {}
        limit = self._ipm or _SHOWN_LIMIT
        with self._lock:
            used = self._in_flight if self._ipm is None else self._used(self._clock())
            left = max(0, limit - used)
        counted = {name: str(value) for name, value in (("limit", limit), ("remaining", left))}
        reset = {"x-ratelimit-reset-requests": f"{_WINDOW / limit:g}s"}
        return {
            **{
                f"x-ratelimit-{name}-{what}": value
                for what in ("requests", "images")
                for name, value in counted.items()
            },
            **reset,
        }
