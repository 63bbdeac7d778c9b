"""What goes wrong is shown as a card: widgets would swallow what their callbacks raise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from html import escape
from typing import Any

import ipywidgets as W  # noqa: N812 - the name that its own documentation uses

from imagegen_magic.errors import ImagegenError
from imagegen_magic.redaction import redact

__all__ = ["ErrorCard", "Guard"]

Guard = Callable[[Callable[..., Any]], Callable[..., None]]


class ErrorCard:
    """The newest error, as a cell would show it; hidden while there is none."""

    def __init__(self) -> None:
        self.box = W.HTML(layout=W.Layout(display="none"))
        self.box.add_class("imagegen-card")

    @property
    def text(self) -> str:
        """The card's markup; empty while there is none."""
        return str(self.box.value)

    def show(self, first: str, rest: Iterable[str] = ()) -> None:
        """Shows a title and lines below it, as text."""
        lines = "\n".join(rest)
        body = f"<pre>{escape(lines)}</pre>" if lines else ""
        self.box.value = redact(f'<div role="alert"><b>{escape(first)}</b>{body}</div>')
        self.box.layout.display = None

    def clear(self) -> None:
        """Takes the card away."""
        self.box.layout.display = "none"
        self.box.value = ""

    def guard(self, act: Callable[..., Any]) -> Callable[..., None]:
        """`act`, with what goes wrong in it shown here."""

        @wraps(act)
        def guarded(*args: Any) -> None:
            try:
                act(*args)
            except ImagegenError as error:
                first, *rest = error.card_lines()
                self.show(f"{type(error).__name__}: {first}", rest)
            except Exception as error:  # noqa: BLE001 - shown, because nobody else would
                self.show(
                    f"{type(error).__name__}: {error}", ["not expected here: a fault of a callback or of the panel"]
                )

        return guarded
