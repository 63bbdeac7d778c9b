"""What the widgets share: their files, and pictures that travel as messages, never as saved state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget

from imagegen_magic.inputs import read_input
from imagegen_magic.preview import preview

__all__ = ["HERE", "PictureWidget", "shown"]

HERE = Path(__file__).parent


def source(*names: str) -> str:
    """One ES module's text, put together from files without a build step: what all share, then the named ones."""
    return "\n".join((HERE / f"{name}.js").read_text(encoding="utf-8") for name in ("own_keys", *names))


def shown(picture: Any, max_edge: int) -> tuple[str, bytes]:
    """(mime type, bytes) of a small preview of a picture: a path, bytes, a Pillow image, an array or a result."""
    small = preview(as_file(picture), max_edge=max_edge, max_bytes=2_000_000)  # a message, not saved
    return ("image/png", b"") if small is None else (small.mime, small.data)


def as_file(picture: Any) -> Path | bytes:
    """The picture as a file's path or bytes, whatever it came as.

    Raises:
        OptionError: it is no picture.
    """
    if isinstance(picture, Path):
        return picture
    return read_input(picture).data


class PictureWidget(anywidget.AnyWidget):
    """A widget whose page asks for its pictures: `{"ask": …}` is answered with buffers."""

    _css = (HERE / "widgets.css").read_text(encoding="utf-8")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(self._heard)

    def _heard(self, _: object, message: Any, buffers: list[Any]) -> None:
        if isinstance(message, dict):
            self.answer(message, [bytes(buffer) for buffer in buffers or ()])

    def answer(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Takes a message of the page."""
        raise NotImplementedError
