"""What the command line says: results and JSON on standard output, everything else on standard error.

On a terminal, progress is one bar that is redrawn; elsewhere it is a line for each thing that happens.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from imagegen_magic.errors import CallError, ImagegenError
from imagegen_magic.redaction import redact, redact_values
from imagegen_magic.request.response import Event, Failed, Retrying, Saved, Sending

from .words import SHELL_WORDS

__all__ = ["Progress", "error_document", "print_json", "print_lines", "print_message", "shown"]

HEARTBEAT_SECONDS = 30.0
"""Without a terminal, a line this often says that the work goes on; CI systems end silent jobs."""
REDRAW_SECONDS = 0.1
BAR = 20


def print_message(text: str, stream: TextIO | None = None) -> None:
    """A line on standard error."""
    print(redact(text), file=stream or sys.stderr, flush=True)


def print_lines(lines: Iterable[object]) -> None:
    """Results, a line each, on standard output."""
    for line in lines:
        print(redact(str(line)))  # noqa: T201 - what this room is for
    sys.stdout.flush()


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON document on standard output."""
    print(json.dumps(redact_values(document), indent=2, ensure_ascii=False, default=_plain), flush=True)  # noqa: T201 - as below


def _plain(value: object) -> object:
    """Money as a number, everything else as its text."""
    return float(value) if isinstance(value, Decimal) else str(value)


def shown(path: Path) -> str:
    """A path as a shell takes it: relative to the working folder if it lies below, else absolute."""
    try:
        return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    except ValueError:
        return str(path)


def error_document(error: ImagegenError, code: int) -> dict[str, Any]:
    """An error as JSON-ready data."""
    problems = [
        {
            "where": p.where,
            "field": p.field,
            "value": p.value,
            "rule": SHELL_WORDS.render(p.rule),
            "fix": SHELL_WORDS.render(p.fix),
        }
        for p in error.problems
    ]
    facts: dict[str, Any] = {
        "type": type(error).__name__,
        "summary": SHELL_WORDS.render(error.summary),
        "problems": problems,
    }
    facts["hints"] = [SHELL_WORDS.render(hint) for hint in error.hints]
    if isinstance(error, CallError):
        facts |= {"status": error.status, "code": error.code, "request_id": error.request_id, "kept": list(error.kept)}
    return {"outcome": error.outcome or "failed", "exit_code": code, "error": facts}


class Progress:
    """How far the work is, on standard error. Safe for several threads.

    Args:
        total: how many jobs there are.
        mode: the option `--progress`: off shows nothing, auto and on a bar on a terminal and lines elsewhere.
        stream: where to write; None takes standard error.
        heartbeat: seconds between lines without a terminal.
    """

    def __init__(
        self,
        total: int,
        *,
        mode: str = "auto",
        quiet: bool = False,
        stream: TextIO | None = None,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._stream = stream or sys.stderr
        self._silent = quiet or mode == "off"
        self._bar = self._stream.isatty() and not self._silent and os.environ.get("TERM") != "dumb"
        self._heartbeat = heartbeat
        self._total = total
        self._done = 0
        self._phase = "checking"
        self._flying: set[int] = set()
        self._lock = threading.RLock()
        self._started = self._last = time.monotonic()
        self._drawn = False

    def on_event(self, event: Event) -> None:
        """Takes what a run reports, in its thread."""
        with self._lock:
            if isinstance(event, Sending):
                self._flying.add(event.index)
                self._phase = "generating" if event.attempt == 1 else f"generating, attempt {event.attempt}"
                if event.attempt == 1:
                    self.line(f"{self._label(event.index)}generating")
            elif isinstance(event, Retrying):
                self._phase = f"{event.reason}; not billed, again in {event.wait:.0f} s"
                self.line(f"{self._label(event.index)}{self._phase}")
            elif isinstance(event, (Saved, Failed)):
                self._flying.discard(event.index)
                if isinstance(event, Saved):
                    self.line(f"{self._label(event.index)}saved · {event.seconds:.1f} s")
        self.tick()

    def _label(self, index: int) -> str:
        return f"[{index + 1}/{self._total}] " if self._total > 1 else ""

    def ended(self, index: int, failure: str = "") -> None:
        """One job more is over; a failure is always said."""
        with self._lock:
            self._done += 1
            self._flying.discard(index)
            if failure:
                self.note(f"{self._label(index)}failed: {failure}")

    def line(self, text: str) -> None:
        """A line if there is no bar."""
        if not self._bar and not self._silent:
            self.note(text)

    def head(self, text: str) -> None:
        """What is about to be done, above the bar or before the lines."""
        if not self._silent:
            self.note(text)

    def note(self, text: str) -> None:
        """A line that stays, above the bar."""
        with self._lock:
            self.clear()
            print_message(text, self._stream)
            self._last = time.monotonic()

    def tick(self) -> None:
        """Draws the bar anew, or says now and then that the work goes on."""
        with self._lock:
            now = time.monotonic()
            if self._bar and now - self._last >= REDRAW_SECONDS:
                self._draw(now)
            elif not self._bar and not self._silent and now - self._last >= self._heartbeat:
                self.note(self._text(now))

    def _text(self, now: float) -> str:
        seconds = f"{now - self._started:.0f} s"
        if self._total == 1:
            return f"{self._phase} · {seconds}"
        return f"{self._done} of {self._total} done, {len(self._flying)} in flight · {seconds}"

    def _draw(self, now: float) -> None:
        if self._total > 1:
            full = BAR * self._done // self._total
            bar = "#" * full + "-" * (BAR - full)
        else:
            place = int((now - self._started) * 4) % (BAR - 3)
            bar = "-" * place + "###" + "-" * (BAR - 3 - place)
        self._stream.write(f"\r\x1b[K[{bar}] {self._text(now)}"[: _columns() + 4])
        self._stream.flush()
        self._last, self._drawn = now, True

    def clear(self) -> None:
        """Takes the bar away."""
        with self._lock:
            if self._drawn:
                self._stream.write("\r\x1b[K")
                self._stream.flush()
                self._drawn = False


def _columns() -> int:

    return shutil.get_terminal_size().columns - 1
