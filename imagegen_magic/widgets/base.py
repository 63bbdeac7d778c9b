"""What the widgets share: their files; source and pictures travel as messages, never as saved state."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from imagegen_magic.images.opening import read_input
from imagegen_magic.images.preview import preview

__all__ = ["ImageWidget", "MessageWidget", "shown", "source"]

HERE = Path(__file__).parent
FALLBACK = "This widget needs a running kernel and widget JavaScript. %imagegen help shows what can be done without."


def source(*names: str) -> str:
    """One ES module of several files' text, the shared part first."""
    return "\n".join(
        (HERE / file).read_text(encoding="utf-8") for file in ("own_keys.js", *(f"{name}.js" for name in names))
    )


def shown(image: Any, max_edge: int) -> tuple[str, bytes]:
    """(mime type, bytes) of a small preview of a picture: a path, bytes, a Pillow image, an array or a result."""
    small = preview(as_file(image), max_edge=max_edge, max_bytes=2_000_000)  # a message, not saved
    return ("image/png", b"") if small is None else (small.mime, small.data)


def as_file(image: Any) -> Path | bytes:
    """The picture as a file's path or bytes, whatever it came as.

    Raises:
        OptionError: it is not a picture.
    """
    if isinstance(image, Path):
        return image
    return read_input(image).data


class MessageWidget(anywidget.AnyWidget):
    """A widget whose page asks for its own source first: what a notebook saves of it is small.

    Attributes:
        module: the page's ES module, whose default export has `render`.
        style: its style sheet.
        page: the digest by which the page keeps both.
    """

    _esm = (HERE / "loader.js").read_text(encoding="utf-8")
    module: ClassVar[str]
    style: ClassVar[str] = (HERE / "widgets.css").read_text(encoding="utf-8")
    page = traitlets.Unicode().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self._source = [self.module.encode(), self.style.encode()]
        super().__init__(page=hashlib.sha256(b"\0".join(self._source)).hexdigest()[:16], **traits)
        self.on_msg(self.receive)

    def receive(self, _: object, message: Any, buffers: list[Any] | None) -> None:
        """What the front end calls: gives the page its source, hands everything else to `on_message`."""
        if not isinstance(message, dict):
            return
        if message.get("page") == self.page:
            self.send({"page": self.page}, buffers=self._source)
        else:
            self.on_message(message, [bytes(buffer) for buffer in buffers or ()])

    def on_message(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Takes a message of the page."""
        raise NotImplementedError


class ImageWidget(MessageWidget):
    """A widget whose page asks for its pictures: `{"ask": …}` is answered with buffers, a fault with `{"fault": text}`."""

    def on_message(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Answers a message of the page; what goes wrong is shown there."""
        try:
            self.answer(message, buffers)
        except Exception as error:  # noqa: BLE001 - shown in the widget, because nobody else would
            self.send({"fault": f"{type(error).__name__}: {error}"})

    def answer(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Takes a message of the page."""
        raise NotImplementedError

    def still(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """(data, metadata) of what is shown if no widget can be: a sentence."""
        return {"text/plain": FALLBACK}, {}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **more: Any) -> Any:
        """The widget, and beside it what is shown if no widget can be."""
        bundle = super()._repr_mimebundle_(include=include, exclude=exclude, **more)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        still, still_metadata = self.still()
        return {**data, **still}, {**metadata, **still_metadata}
