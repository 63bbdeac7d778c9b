"""Two pictures over each other, with a line between them to drag; side by side if no widget can be shown."""

from __future__ import annotations

from typing import Any

import traitlets

from imagegen_magic.images.preview import side_by_side

from .base import ImageWidget, as_file, shown, source

__all__ = ["CompareSlider"]

SHOWN_EDGE = 1024


class CompareSlider(ImageWidget):
    """A slider between two pictures.

    Args:
        before: what lies left of the line: a path, bytes, a Pillow image, an array or a result.
        after: what lies right of it.
        labels: what both are called.

    Attributes:
        position: where the line is, 0 to 100 per cent from the left.

    Raises:
        OptionError: one of them is not a picture that can be read.
    """

    module = source("comparison", "compare_slider")
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    position = traitlets.Float(50).tag(sync=True)

    def __init__(self, before: Any, after: Any, *, labels: tuple[str, str] = ("before", "after")) -> None:
        self._files = as_file(before), as_file(after)
        super().__init__(labels=list(labels))

    def answer(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Sends both pictures."""
        if message.get("ask") == "pictures":
            small = [shown(file, SHOWN_EDGE) for file in self._files]
            self.send({"pictures": [mime for mime, _ in small]}, buffers=[data for _, data in small])

    def still(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Both pictures side by side, as one."""
        images = [file if isinstance(file, bytes) else file.read_bytes() for file in self._files]
        return side_by_side(*images).bundle(f"{self.labels[0]} beside {self.labels[1]}")
