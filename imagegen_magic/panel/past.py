"""What the form held before: Undo, and the prompts of the history."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets as W  # noqa: N812 - the name that its own documentation uses

from .card import Guard
from .form import Form, Spoken

if TYPE_CHECKING:
    from imagegen_magic.session import Session

__all__ = ["Past"]

LOOK_BACK = 200
"""How many of the newest pictures' prompts can be stepped through."""


class Past:
    """Brings back what was there, so that nothing typed is lost.

    Args:
        on_change: called after Undo.
    """

    def __init__(self, session: Session, form: Form, *, guard: Guard, on_change: Callable[[], None]) -> None:
        self._session, self._form, self._on_change = session, form, on_change
        self._kept: list[Spoken] = []
        self._recalled = 0
        self.older = W.Button(description="Older prompt", tooltip="Alt+↑ in the prompt")
        self.newer = W.Button(description="Newer prompt", tooltip="Alt+↓ in the prompt")
        self.undo = W.Button(description="Undo", layout=W.Layout(display="none"), tooltip="what the form held before")
        self.older.on_click(guard(lambda _: self.step(1)))
        self.newer.on_click(guard(lambda _: self.step(-1)))
        self.undo.on_click(guard(lambda _: self.restore()))

    def remember(self) -> None:
        """Keeps what the form holds now for one more Undo."""
        self._kept.append(self._form.speak())
        self.undo.layout.display = None

    def restore(self) -> None:
        """Brings back what was kept last."""
        if self._kept:
            self._form.restore(self._kept.pop())
        self.undo.layout.display = None if self._kept else "none"
        self._on_change()

    def step(self, step: int) -> None:
        """Shows an older or newer prompt; beyond the newest comes back what was typed."""
        prompts = list(dict.fromkeys(record.prompt_typed for record, _ in self._session.library.newest(LOOK_BACK)))
        if not prompts:
            return
        if self._recalled == 0 and step > 0:
            self.remember()
        before, self._recalled = self._recalled, min(max(self._recalled + step, 0), len(prompts))
        if self._recalled:
            self._form.prompt.value = prompts[self._recalled - 1]
        elif before:
            self.restore()
