"""One small picture: what goes into a request, as the panel lists it."""

from __future__ import annotations

from typing import Any

import traitlets

from .base import PictureWidget, as_file, shown, source

__all__ = ["Thumbnail"]

EDGE = 112


class Thumbnail(PictureWidget):
    """A small picture whose bytes are not saved in the notebook.

    Args:
        image: a path, bytes, a Pillow image, an array or a result.
        label: its alternative text.

    Raises:
        OptionError: it is no picture that can be read.
    """

    _esm = source("thumbnail")
    label = traitlets.Unicode().tag(sync=True)

    def __init__(self, image: Any, *, label: str) -> None:
        self._file = as_file(image)
        super().__init__(label=label)

    def answer(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Sends the picture."""
        if message.get("ask") == "picture":
            mime, data = shown(self._file, EDGE)
            self.send({"picture": mime}, buffers=[data])
