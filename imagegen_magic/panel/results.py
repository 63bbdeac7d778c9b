"""What the panel offers below a result, and its history: edit, remix, compare, cut out, copy as a cell, open."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import ipywidgets as W  # noqa: N812 - the name that its own documentation uses

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.store.history import Record

from .card import Guard
from .controls import fill, line
from .form import split_role
from .pictures import path_token

if TYPE_CHECKING:
    from imagegen_magic.jobs.result import GeneratedImage, ImageResult
    from imagegen_magic.session import Session

__all__ = ["HISTORY_LENGTH", "History", "Results", "record_values"]

HISTORY_LENGTH = 24


def record_values(record: Record) -> dict[str, Any]:
    """The options of a record that a form can show again."""
    passing = ("reuse", "yes", "dry_run", "detach")
    return {name: value for name, value in record.options.items() if name not in passing}


class Results:
    """The row of buttons below a result; hidden while there is none.

    Args:
        on_edit: called with the reference of the picture to edit.
        on_remix: called with the record whose settings to take.
        show: shows something as an ordinary output below the panel.
        send: sends a message to the page: what only a browser can do.
        variables: the names that a reference may mean.
    """

    def __init__(
        self,
        session: Session,
        *,
        guard: Guard,
        on_edit: Callable[[str], None],
        on_remix: Callable[[Record], None],
        show: Callable[[Any], None],
        send: Callable[[dict[str, Any]], None],
        variables: Callable[[], dict[str, Any]],
    ) -> None:
        self._session, self._show, self._send, self._variables = session, show, send, variables
        self._on_edit, self._on_remix = on_edit, on_remix
        self.result: ImageResult | None = None
        self._before: ImageResult | None = None
        self.which = W.Dropdown(description="picture", options=[("1", 0)], value=0)
        self.which.style.description_width = "initial"
        self.edit = _button("Edit this", "take this picture, and nothing else, into an edit", guard(self._edit))
        self.remix = _button("Remix settings", "take the prompt and settings, without the picture", guard(self._remix))
        self.compare = _button("Compare", "beside its parent, or the result before", guard(self._compare))
        self.cut = _button("Cut out", "take its flat backdrop away, locally", guard(self._cut))
        self.copy = _button("Copy as cell", "the cell that makes the same request", guard(self._copy))
        self.open = _button("Open file", "open the file in a new tab", guard(self._open))
        self.cell = W.Textarea(description="cell", rows=4, layout=W.Layout(display="none", width="auto"))
        self.cell.style.description_width = "initial"
        self.cell.add_class("imagegen-cell")
        self.stage = W.VBox()
        """Where the comparison opens."""
        self.title = W.HTML()
        self.title.add_class("imagegen-hint")
        buttons = (self.title, self.which, self.edit, self.remix, self.compare, self.cut, self.copy, self.open)
        self.box = W.VBox([line("imagegen-buttons", *buttons), self.cell, self.stage])
        self.box.layout.display = "none"
        self.box.add_class("imagegen-results")

    def take(self, result: ImageResult) -> None:
        """Makes `result` the one that the buttons are about."""
        self._before = self.result
        self.result = result
        self.which.options = [(str(i + 1), i) for i in range(len(result))]
        self.which.value = 0
        self.which.layout.display = None if len(result) > 1 else "none"
        self.title.value = f"@{result.number}"
        self.cell.layout.display = "none"
        self._close_comparison()
        self.box.layout.display = None

    @property
    def picture(self) -> GeneratedImage:
        """The picture chosen among those of the result."""
        assert self.result is not None
        return self.result[int(self.which.value)]

    def reference(self) -> str:
        """The history reference of the picture chosen: `@17`, `@17.2`."""
        index = self.picture.index
        return f"@{self.picture.record.number}" + (f".{index}" if index else "")

    def _edit(self, _: object) -> None:
        self._on_edit(self.reference())

    def _remix(self, _: object) -> None:
        self._on_remix(self.picture.record)

    def _compare(self, _: object) -> None:
        """A slider in the panel, and both pictures side by side as an output that stays; or closes the slider."""
        if self.stage.children:
            self._close_comparison()
            return
        from imagegen_magic.images.references import Comparison  # noqa: PLC0415 - Pillow comes with the first image

        pair = Comparison.of((self._other(), self.reference()), self._variables(), self._session.library)
        self._show(pair)
        from imagegen_magic.widgets import CompareSlider  # noqa: PLC0415 - anywidget comes with the first comparison

        fill(self.stage, CompareSlider(pair.sources[0], pair.sources[1], labels=pair.names))
        self.compare.description = "Close comparison"

    def _other(self) -> str:
        """What the picture is compared with: the one it was edited from, else the result before.

        Raises:
            OptionError: there is neither.
        """
        assert self.result is not None
        edited = self.result.record.options.get("image") or ()
        if edited:
            return split_role(edited[0])[0]
        if self._before is None:
            rule = "a picture is compared with the one it was made from, or with the result before it"
            problem = Problem(field="compare", rule=rule, fix="make another")
            raise OptionError("nothing to compare with yet", problems=(problem,))
        return f"@{self._before.number}"

    def _close_comparison(self) -> None:
        fill(self.stage)
        self.compare.description = "Compare"

    def _cut(self, _: object) -> None:
        from imagegen_magic.jobs.derived import saved_cutout  # noqa: PLC0415 - numpy comes with the first cut-out

        self._show(saved_cutout(self.picture.source, self.picture.path.stem, {}, self._session.library))

    def _copy(self, _: object) -> None:
        self.cell.value = self._session.library.recall(f"@{self.picture.record.number}")
        self.cell.layout.display = None
        self.cell.rows = min(12, self.cell.value.count("\n") + 2)
        self._send({"copy": self.cell.value})

    def _open(self, _: object) -> None:
        session_name = os.environ.get("JPY_SESSION_NAME")  # the notebook's path below the server's folder
        folder = PurePosixPath(session_name).parent.as_posix() if session_name else None
        self._send({"open": path_token(self.picture.path), "folder": "" if folder == "." else folder})


def _button(text: str, tooltip: str, on_click: Callable[..., None]) -> W.Button:
    button = W.Button(description=text, tooltip=tooltip)
    button.on_click(on_click)
    return button


class History:
    """The history's newest pictures as a gallery.

    Args:
        on_open: called with the reference of the picture to show.
        on_edit: called with the reference of the picture to edit.
    """

    def __init__(
        self, session: Session, *, guard: Guard, on_open: Callable[[str], None], on_edit: Callable[[str], None]
    ) -> None:
        self._session, self._guard = session, guard
        self._on_open, self._on_edit = on_open, on_edit
        self.box = W.VBox()

    def refresh(self) -> None:
        """Shows what the history holds now."""
        from imagegen_magic.widgets import Gallery  # noqa: PLC0415 - anywidget comes with the first gallery

        records = self._session.library.newest(HISTORY_LENGTH)
        if not records:
            fill(self.box, W.Label("Nothing yet: what you make here, or in a cell, appears here."))
            return
        items = [
            {"id": f"@{r.number}", "image": path, "label": r.name or f"@{r.number}", "prompt": r.prompt_typed}
            for r, path in records
        ]
        gallery = Gallery(items, starred=self._session.library.starred())
        gallery.observe(self._guard(lambda change: self._session.library.star(change["new"])), "starred")
        gallery.on_open(self._guard(self._on_open))
        gallery.on_edit(self._guard(self._on_edit))
        fill(self.box, gallery)
