"""Fault scripts: which of the next requests go wrong, and how.

A script is a list of faults, separated by commas, semicolons or new lines, each a name with options:
`429 x2 retry-after=1, ok, stream cut after=3`. The grammar and every name are in `docs/simulator.md`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["FAULTS", "Fault", "FaultKind", "FaultScript", "parse_faults"]

Group = Literal["images", "files", "batches", "models", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """What a fault does, in a sentence; whether pictures were made before it; whether it needs `stream=true`."""

    effect: str
    billed: bool
    stream: bool = False


FAULTS: dict[str, FaultKind] = {
    "ok": FaultKind(effect="no fault: the request is answered", billed=True),
    "400 unknown_parameter": FaultKind(effect="400, the field `param=` is unknown to the server", billed=False),
    "401": FaultKind(effect="401, the key is wrong", billed=False),
    "403 unverified": FaultKind(effect="403, the organization has to be verified", billed=False),
    "429": FaultKind(
        effect="429, rate limit; `retry-after=S` seconds, or `retry-after=none` for no header", billed=False
    ),
    "quota": FaultKind(effect="429, the account's money is used up", billed=False),
    "moderation": FaultKind(effect="400, blocked by the safety system", billed=False),
    "500": FaultKind(effect="500 with a JSON error", billed=False),
    "502 html": FaultKind(effect="502 with a gateway's HTML page; the picture was made behind it", billed=True),
    "503": FaultKind(effect="503, overloaded; `retry-after=S`", billed=False),
    "reset before headers": FaultKind(effect="the connection is reset before any answer", billed=True),
    "reset after headers": FaultKind(effect="the connection is reset after the headers", billed=True),
    "stall": FaultKind(effect="no answer for `seconds=S` (3600)", billed=True),
    "slow body": FaultKind(effect="the body dribbles in over `seconds=S` (30)", billed=True),
    "truncated body": FaultKind(effect="the connection closes at 60 % of the body", billed=True),
    "empty body": FaultKind(effect="200 with nothing in it", billed=True),
    "json cut": FaultKind(effect="200, complete as HTTP, but the JSON ends in the middle", billed=True),
    "html 200": FaultKind(effect="200 with an HTML page", billed=False),
    "bad base64": FaultKind(effect="pictures with characters that are not base64", billed=True),
    "half png": FaultKind(effect="pictures cut in the middle", billed=True),
    "jpeg for png": FaultKind(effect="JPEG data, declared as what was asked for (PNG data if JPEG was)", billed=True),
    "null data": FaultKind(effect='`"data": null`', billed=True),
    "fewer": FaultKind(effect="one picture fewer than asked for", billed=True),
    "more": FaultKind(effect="one picture more than asked for", billed=True),
    "missing frame": FaultKind(effect="a sprite sheet with an empty cell", billed=True),
    "doubled frame": FaultKind(effect="a sprite sheet with two figures in one cell", billed=True),
    "crossing frame": FaultKind(effect="a sprite sheet with a figure that stands across two cells", billed=True),
    "extra frame": FaultKind(effect="a sprite sheet with one figure more in each row than asked for", billed=True),
    "url only": FaultKind(effect="`url` in place of `b64_json`; the served simulator answers at that URL", billed=True),
    "stream cut": FaultKind(
        effect="the event stream ends in an orderly way before the final event", billed=True, stream=True
    ),
    "stream error": FaultKind(effect="the stream brings an error event after the partials", billed=False, stream=True),
    "stream silent": FaultKind(effect="headers, then no event for `seconds=S` (3600)", billed=True, stream=True),
    "json for stream": FaultKind(effect="a plain JSON answer to a streaming request", billed=True, stream=True),
}
"""Every fault by its name in scripts."""

_OPTIONS = "xN, x*, after=K, retry-after=S, seconds=S, billed=yes|no, on=images|files|batches|models|any, param=NAME"
_GROUPS: dict[str, Group] = {
    "images": "images",
    "files": "files",
    "batches": "batches",
    "models": "models",
    "any": "any",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One entry of a script: lets `after` requests pass, then hits `times` requests (None: all that follow)."""

    name: str
    times: int | None = 1
    after: int = 0
    retry_after: float | None = None
    seconds: float | None = None
    billed: bool = False
    on: Group = "images"
    param: str = "quality"

    @property
    def kind(self) -> FaultKind:
        """What it does."""
        return FAULTS[self.name]

    def wait(self, default: float) -> float:
        """The `seconds` of the script, or the default."""
        return default if self.seconds is None else self.seconds


def parse_faults(text: str) -> tuple[Fault, ...]:
    """The faults of a script, in order; none for an empty text.

    Raises:
        ValueError: an unknown name or option; the message lists the names.
    """
    return tuple(_parse(entry.strip()) for entry in re.split(r"[,;\n]", text) if entry.strip())


def _parse(entry: str) -> Fault:
    words = entry.lower().split()
    for count in range(len(words), 0, -1):
        name = " ".join(words[:count])
        if name in FAULTS:
            return _with_options(name, words[count:], entry)
    listed = ", ".join(FAULTS)
    raise ValueError(f"no fault is called {entry!r}; the names are: {listed}")


def _with_options(name: str, words: list[str], entry: str) -> Fault:
    fault: dict[str, object] = {"name": name, "billed": FAULTS[name].billed}
    for word in words:
        key, equals, value = word.partition("=")
        try:
            fault.update(_option(key, value) if equals else _times(word))
        except (ValueError, KeyError):
            listed = ", ".join(FAULTS)
            raise ValueError(
                f"{word!r} in {entry!r} is not an option; options: {_OPTIONS}; the names are: {listed}"
            ) from None
    if name == "429" and "retry_after" not in fault:
        fault["retry_after"] = 1.0
    return Fault(**fault)  # type: ignore[arg-type]


def _times(word: str) -> dict[str, object]:
    if word in ("x*", "forever"):
        return {"times": None}
    match = re.fullmatch(r"x(\d{1,6})", word)
    if match is None:
        raise ValueError(word)
    return {"times": int(match[1])}


def _option(key: str, value: str) -> dict[str, object]:
    if key == "after":
        return {"after": int(value)}
    if key == "retry-after":
        return {"retry_after": None if value == "none" else _positive(value)}
    if key == "seconds":
        return {"seconds": _positive(value)}
    if key == "billed":
        return {"billed": {"yes": True, "no": False}[value]}
    if key == "on":
        return {"on": _GROUPS[value]}
    if key == "param" and value:
        return {"param": value}
    raise ValueError(key)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e6:
        raise ValueError(text)
    return value


@dataclass(slots=True)
class _Pending:
    """What is left of a fault: requests to let pass, and times to hit."""

    fault: Fault
    after: int
    times: int | None


class FaultScript:
    """Hands out the faults of a script, request by request; safe for threads."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._lock = threading.Lock()
        self._queue = [_Pending(fault=fault, after=fault.after, times=fault.times) for fault in faults]

    def take(self, group: str, *, stream: bool) -> Fault | None:
        """The fault for the next request of this group, or None; a stream fault waits for a streaming request."""
        with self._lock:
            for entry in self._queue:
                fault = entry.fault
                if fault.on not in (group, "any") or (fault.kind.stream and not stream):
                    continue
                if entry.after:
                    entry.after -= 1
                    return None
                if entry.times is not None:
                    entry.times -= 1
                    if entry.times <= 0:
                        self._queue.remove(entry)
                return None if fault.name == "ok" else fault
        return None
