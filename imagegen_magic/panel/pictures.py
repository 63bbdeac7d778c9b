"""The panel's input pictures and mask: by path, variable, history reference or upload; drawn, boxed or from a file."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as W  # noqa: N812 - the name that its own documentation uses

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.images.opening import read_input, resolve_token

from .card import Guard
from .controls import fill, line

if TYPE_CHECKING:
    from imagegen_magic.store.folder import Store

    from .form import Form

__all__ = ["Pictures", "path_token"]

MASKS = ("no mask", "box", "paint", "file")
UPLOAD_NOTE = "uploads above about 10 MB may never arrive (a limit of Jupyter's): give a path instead"


def path_token(path: Path) -> str:
    """`path` as a cell refers to it: relative to the working folder where it lies below it."""
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        return str(path)


class Pictures:
    """The rows for input pictures and the mask.

    Args:
        form: whose `images`, `mask` and `boxes` they fill.
        store: the folder where uploads and painted masks are kept.
        guard: wraps a callback so that what goes wrong in it is shown.
        variables: the names that a reference may mean.
        on_change: called after every change.
    """

    def __init__(
        self,
        form: Form,
        store: Callable[[], Store],
        *,
        guard: Guard,
        variables: Callable[[], dict[str, Any]],
        on_change: Callable[[], None],
    ) -> None:
        self._form, self._store, self._variables, self._on_change = form, store, variables, on_change
        self._guard = guard
        self.reference = W.Text(description="picture", placeholder="path, @last, @hero or a variable")
        self.reference.style.description_width = "initial"
        self.reference.continuous_update = False
        self.add = W.Button(description="Add", tooltip="add the picture to the list")
        self.upload = W.FileUpload(accept="image/*", multiple=True, description="Upload", tooltip=UPLOAD_NOTE)
        self.hint = W.HTML()
        self.hint.add_class("imagegen-hint")
        self._add_waits = False
        self.list = W.VBox()
        self.mask_kind = W.ToggleButtons(description="mask", options=list(MASKS), value="no mask")
        self.mask_kind.style.description_width = "initial"
        self.mask_file = W.Text(description="mask file", placeholder="PNG whose transparent pixels will change")
        self.mask_file.style.description_width = "initial"
        self.stage = W.VBox()
        """Where the mask editor opens."""
        self.stage.add_class("imagegen-stage")
        self.add.on_click(guard(self._add_typed))
        self.reference.observe(guard(self._typed), "value")
        self.upload.observe(guard(self._uploaded), "value")
        self.mask_kind.observe(guard(self._mask_changed), "value")
        self.mask_file.observe(guard(self._mask_named), "value")
        self.inputs = W.VBox([line("imagegen-add", self.reference, self.add, self.upload), self.hint, self.list])
        self.masks = W.VBox([self.mask_kind, form.boxes, self.mask_file])
        self.refresh()

    # pictures

    def put(self, reference: str, role: str = "") -> None:
        """Adds a picture to the list, found first.

        Raises:
            OptionError: the reference means nothing, or its picture can't be used.
        """
        self._read(reference)
        self._form.images.append((reference, role))
        self.refresh()
        self._on_change()

    def _read(self, reference: str) -> Any:
        from imagegen_magic.store.library import Library  # noqa: PLC0415 - only for a reference

        source, origin = resolve_token(reference, self._variables(), Library(self._store()).image_file)
        return read_input(source, origin=origin)

    def _add_typed(self, _: object = None) -> None:
        """Adds what was typed; a click may come before the text, which is then added when it arrives."""
        word = self.reference.value.strip()
        self._add_waits = not word
        self.hint.value = "" if word else "type a path, @last, @NAME, @NUMBER or a variable first"
        if not word:
            return
        self.reference.value = ""  # before the row appears: what is typed from then on stays
        try:
            self.put(word)
        except Exception:
            self.reference.value = word
            raise

    def _typed(self, _: object) -> None:
        if self._add_waits and self.reference.value.strip():
            self._add_typed()

    def _uploaded(self, change: Any) -> None:
        for item in change["new"]:
            picture = read_input(bytes(item["content"]), name=item["name"])
            suffix = Path(item["name"]).suffix.lower() or ".png"
            self.put(path_token(self._store().save_input(bytes(picture.data), Path(item["name"]).stem, suffix)))

    def refresh(self) -> None:
        """Draws the list and the mask's rows anew, from the form."""
        fill(self.list, *(self._row(i, reference, role) for i, (reference, role) in enumerate(self._form.images)))
        if self._form.mask and self.mask_kind.value not in ("paint", "file"):
            self.mask_kind.value = "file"
        self._fit()

    def _row(self, index: int, reference: str, role: str) -> W.Widget:
        what = "edited" if index == 0 and self._form.command == "edit" else "reference"
        label = W.HTML(f"<b>{index + 1}. {escape(reference)}</b><br><small>{what}</small>")
        roles = W.Text(value=role, description="role", placeholder="style, pose, logo …", continuous_update=False)
        roles.style.description_width = "initial"
        away = W.Button(description="Remove", tooltip=f"take {reference} off the list")
        roles.observe(self._guard(lambda change: self._set_role(index, change["new"])), "value")
        away.on_click(self._guard(lambda _: self._remove(index)))
        return line("imagegen-picture", *self._thumbnail(reference), label, roles, away)

    def _thumbnail(self, reference: str) -> list[W.Widget]:
        """A small picture of what a reference means; none where it can't be found any more, which the check tells."""
        from imagegen_magic.widgets import Thumbnail  # noqa: PLC0415 - anywidget comes with the first picture

        try:
            return [Thumbnail(self._read(reference).data, label=reference)]
        except OptionError:
            return []

    def _set_role(self, index: int, role: str) -> None:
        reference, _ = self._form.images[index]
        self._form.images[index] = (reference, role.strip())
        self._on_change()

    def _remove(self, index: int) -> None:
        del self._form.images[index]
        self.refresh()
        self._on_change()

    # mask

    def _mask_changed(self, change: Any) -> None:
        kind = change["new"]
        if kind != "box":
            self._form.boxes.value = ""
        if kind in ("no mask", "box"):
            self._form.mask = ""
            self.mask_file.value = ""
        fill(self.stage)
        if kind == "paint":
            self._open_editor()
        self._fit()
        self._form.fit()
        self._on_change()

    def _mask_named(self, change: Any) -> None:
        self._form.mask = change["new"].strip()
        self._form.fit()
        self._on_change()

    def _fit(self) -> None:
        kind = self.mask_kind.value
        self._form.boxes.layout.display = None if kind == "box" else "none"
        self.mask_file.layout.display = None if kind in ("file", "paint") and (kind == "file" or self.mask_file.value) else "none"  # fmt: skip
        if self._form.mask and self.mask_file.value != self._form.mask:
            self.mask_file.value = self._form.mask

    def _open_editor(self) -> None:
        """Opens the mask editor on the picture that is edited."""
        if not self._form.images:
            self.mask_kind.value = "no mask"
            rule = "a mask is painted on a picture; add the one to edit first"
            raise OptionError("nothing to paint on", problems=(Problem(field="mask", rule=rule, fix="@last"),))
        from imagegen_magic.widgets import MaskEditor  # noqa: PLC0415 - anywidget comes with the first editor

        editor = MaskEditor(self._read(self._form.images[0][0]).data)
        use = W.Button(description="Use this mask", button_style="primary")
        hint = W.HTML("What you paint will change; the rest stays.")
        hint.add_class("imagegen-hint")
        use.on_click(self._guard(lambda _: self._use(editor, hint)))
        fill(self.stage, editor, line("imagegen-tools", use, hint))

    def _use(self, editor: Any, hint: W.HTML) -> None:
        if editor.mask is None:
            rule = "nothing is painted yet: what you paint will change"
            raise OptionError(
                "an empty mask", problems=(Problem(field="mask", rule=rule, fix="paint, or choose no mask"),)
            )
        self._form.mask = path_token(self._store().save_input(editor.mask, "mask", ".png"))
        hint.value = f"✓ In use, saved as {escape(self._form.mask)}. After more strokes, use it again."
        self._fit()
        self._form.fit()
        self._on_change()
