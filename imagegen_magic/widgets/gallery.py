"""Thumbnails to walk through by keys: open one, star it, send it to an edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import traitlets

from .base import ImageWidget, shown, source

__all__ = ["Gallery"]

THUMBNAIL_EDGE = 192


class Gallery(ImageWidget):
    """A gallery of pictures.

    Args:
        items: mappings with `id` (unique), `image` (as of `MaskEditor`), `label` and `prompt`.
        starred: the ids that carry a star.

    Attributes:
        selected: the id of the picture that is chosen.
        starred: the ids that carry a star; observe it to keep them.
    """

    module = source("gallery")
    items = traitlets.List(traitlets.Dict()).tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)
    starred = traitlets.List(traitlets.Unicode()).tag(sync=True)
    label = traitlets.Unicode("pictures").tag(sync=True)

    def __init__(self, items: Iterable[Mapping[str, Any]], *, starred: Iterable[str] = ()) -> None:
        given = list(items)
        self._images = {str(item["id"]): item["image"] for item in given}
        self._callbacks: dict[str, list[Callable[[str], None]]] = {"open": [], "edit": []}
        texts = [
            {
                "id": str(item["id"]),
                "label": str(item.get("label") or item["id"]),
                "prompt": str(item.get("prompt", ""))[:200],
            }
            for item in given
        ]
        super().__init__(items=texts, starred=list(starred))

    def on_open(self, callback: Callable[[str], None]) -> None:
        """Calls `callback` with the id of a picture that is to be opened."""
        self._callbacks["open"].append(callback)

    def on_edit(self, callback: Callable[[str], None]) -> None:
        """Calls `callback` with the id of a picture that is to be edited."""
        self._callbacks["edit"].append(callback)

    def answer(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Sends the thumbnails, or passes on what was done with a picture."""
        if message.get("ask") == "thumbnails":
            self._send_thumbnails()
        for act, callbacks in self._callbacks.items():
            if message.get(act) in self._images:
                for callback in callbacks:
                    callback(str(message[act]))

    def _send_thumbnails(self) -> None:
        small = [(item_id, *shown(image, THUMBNAIL_EDGE)) for item_id, image in self._images.items()]
        names = [[item_id, mime] for item_id, mime, data in small if data]
        self.send({"thumbnails": names}, buffers=[data for _, _, data in small if data])
