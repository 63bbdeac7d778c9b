"""Where the output goes: which front end is there, and one output slot that changes while a request runs."""

from __future__ import annotations

import contextlib
import html
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

from imagegen_magic.tables import PLAIN_CLASS

from .terminal import show_in_terminal

__all__ = ["Slot", "front_end", "in_cell", "is_live", "show_bundle", "this_cell"]

LIVE_MARKS = ("JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD", "COLAB_RELEASE_TAG", "DATABRICKS_RUNTIME_VERSION")
"""Environment variables that a person's front end sets for its kernels; nbclient, nbval and papermill set none."""


def front_end() -> str:
    """`notebook` (a kernel), `terminal` (IPython in a terminal) or `none`."""
    shell = get_ipython()
    if shell is None:
        return "none"
    return "notebook" if hasattr(shell, "kernel") else "terminal"


def is_live(progress: str = "auto", environ: Mapping[str, str] = os.environ) -> bool:
    """True if a person watches: progress may be shown and replaced.

    `progress` is the option: on and off decide, auto looks for a front end's marks.
    """
    if progress != "auto":
        return progress == "on"
    if "PYTEST_CURRENT_TEST" in environ or front_end() != "notebook":
        return False
    return any(mark in environ for mark in LIVE_MARKS)


def show_bundle(
    data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None, *, display_id: str | None = None
) -> Any:
    """Displays a mime bundle; returns its handle if `display_id` is given."""
    if front_end() == "terminal":
        show_in_terminal(data)
    extra = {"display_id": display_id} if display_id else {}
    return display(  # type: ignore[no-untyped-call]
        dict(data), raw=True, metadata=dict(metadata or {}), **extra
    )


def this_cell() -> Any:
    """The message that runs now, for `in_cell`; None outside a kernel."""
    shell = get_ipython()
    return shell.get_parent() if shell is not None and hasattr(shell, "get_parent") else None


@contextlib.contextmanager
def in_cell(message: Any) -> Iterator[None]:
    """What is displayed meanwhile by this thread goes below the cell that `message` ran, though it may be long over."""
    publisher: Any = getattr(get_ipython(), "display_pub", None)
    if message is None or not hasattr(publisher, "set_parent"):
        yield
        return
    own = hasattr(publisher, "set_thread_parent")  # ipykernel 7; before, there was one for all threads
    before = publisher.set_thread_parent(message) if own else publisher.parent_header
    if not own:
        publisher.set_parent(message)
    try:
        yield
    finally:
        if own:
            publisher.reset_thread_parent(before)
        else:
            publisher.parent_header = before


Bundle = tuple[dict[str, Any], dict[str, Any]]
"""Data by mime type, and metadata by mime type."""


class Slot:
    """One output that shows progress and ends as the picture: nothing is left over in the saved notebook.

    Safe to use from several threads. Where nobody watches, only `finish` shows anything.

    Args:
        live: whether progress is shown.
        home: the message of the cell that it belongs to (`this_cell`); None is the cell that runs.
    """

    MIN_SECONDS = 0.2  # between two updates: at most five a second
    IMAGE_SECONDS = 1.0  # between two of a partial picture, which weighs more than a line

    def __init__(self, *, live: bool, home: Any = None) -> None:
        self._live = live
        self._home = home
        self._lock = threading.Lock()
        self._handle: Any = None
        self._last = 0.0
        self._over = False
        self._partial: Callable[[str], Bundle] | None = None

    def text(self, line: str) -> None:
        """Shows a line of progress, on the newest partial picture if there is one."""
        with self._lock:
            pause = self.MIN_SECONDS if self._partial is None else self.IMAGE_SECONDS
            if not self._live or self._over or time.monotonic() - self._last < pause:
                return
            self._update(*self._with_line(line))

    def show(self, data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Shows a bundle for now; at most five a second, the others are passed over."""
        with self._lock:
            if self._live and not self._over and time.monotonic() - self._last >= self.MIN_SECONDS:
                self._update(data, metadata or {})

    def partial(self, image: Callable[[str], Bundle], line: str) -> None:
        """Shows a partial picture in place of the one before; `image` gives it with a line of progress on it."""
        with self._lock:
            if self._live and not self._over:
                self._partial = image
                self._update(*self._with_line(line))

    def finish(self, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
        """Puts the end result in the slot; what comes after is not shown."""
        with self._lock:
            self._over = True
            if self._handle is None:
                self.below(data, metadata)
            else:
                self._update(dict(data), dict(metadata or {}))

    def below(self, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
        """Shows a further output of the cell, outside the slot."""
        with in_cell(self._home):
            show_bundle(data, metadata)

    def clear(self) -> None:
        """Empties the slot, for an error that shows itself."""
        with self._lock:
            self._over = True
            if self._handle is not None:
                self._update({"text/plain": ""}, {})

    def _with_line(self, line: str) -> tuple[dict[str, Any], dict[str, Any]]:
        if self._partial is None:
            markup = f'<div class="{PLAIN_CLASS}" role="status" style="color:var(--jp-ui-font-color2,#666)">{html.escape(line)}</div>'
            return {"text/plain": line, "text/html": markup}, {}
        data, metadata = self._partial(line)
        return {**data, "text/plain": line}, metadata

    def _update(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        self._last = time.monotonic()
        if self._handle is None:
            with in_cell(self._home):
                self._handle = show_bundle(data, metadata, display_id=f"imagegen-{os.urandom(8).hex()}")
        else:
            self._handle.update(data, raw=True, metadata=metadata)


def show_line(line: str) -> None:
    """A line for the person at a terminal; nothing in a notebook, whose outputs are kept."""
    if front_end() == "terminal" and sys.stderr.isatty():
        sys.stderr.write(line + "\n")
