"""The saved record: one output below the panel with what it made, newest first, that outlives widget and kernel."""

from __future__ import annotations

import base64
import threading
from collections.abc import Sequence
from html import escape
from typing import Any

from imagegen_magic.display import slot as frontend
from imagegen_magic.images.preview import thumbnail
from imagegen_magic.jobs.captions import alt_sentence, caption_html, caption_text, link_base, relative_link
from imagegen_magic.jobs.result import ImageResult, file_facts, shown_path

__all__ = ["FALLBACK", "SavedRecord"]

FALLBACK = (
    "The imagegen panel needs a running kernel and widget JavaScript: run this cell to open it. "
    "Everything it does can be written as a %%imagegen cell; %imagegen help lists how."
)
EDGE = 320
IMAGE_BYTES = 16_000
"""At most this much for one image: ten of them stay far below what makes a notebook heavy."""
TOTAL_BYTES = 180_000
"""Image data in all; what is older keeps its caption and its link."""


class SavedRecord:
    """What a panel made, as one output of its cell.

    Args:
        results: what was made before, oldest first.
    """

    def __init__(self, results: Sequence[ImageResult] = ()) -> None:
        self._items = [(result, _images(result)) for result in results]
        self._lock = threading.Lock()
        self._handle: Any = None
        self._home: Any = None

    def show(self) -> None:
        """Shows the record in the cell that runs; later results go there, too."""
        self._home = frontend.this_cell()
        self._handle = frontend.show_bundle(
            self.bundle(), display_id="imagegen-" + base64.b32encode(id(self).to_bytes(8, "big")).decode().strip("=")
        )

    def add(self, result: ImageResult) -> None:
        """Puts a result on top."""
        with self._lock:
            self._items.append((result, _images(result)))
        if self._handle is not None:
            with frontend.in_cell(self._home):
                self._handle.update(self.bundle(), raw=True)

    def bundle(self) -> dict[str, str]:
        """The record as text and HTML."""
        room, parts, lines = TOTAL_BYTES, [], [FALLBACK]
        for result, images in reversed(self._items):
            weight = sum(len(data) for _, data in images)
            room -= weight
            parts.append(_entry(result, images if room >= 0 else []))
            lines.append(caption_text(result.caption_facts(minimal=True)))
        # The living panel's style sheet hides this sentence; if the widget is not there, it says why.
        sentence = f'<p class="imagegen-without-kernel">{escape(FALLBACK)}</p>'
        return {
            "text/html": f'<div class="imagegen-record">{sentence}{"".join(parts)}</div>',
            "text/plain": "\n".join(lines),
        }


def _images(result: ImageResult) -> list[tuple[str, str]]:
    """(alternative text, data URL) of a small copy of each image; svg is never rendered here."""
    found = []
    each = max(4_000, IMAGE_BYTES // len(result))
    for position, image in enumerate(result):
        size, form = file_facts(result.record, image.index)
        number = f" ({position + 1} of {len(result)})" if len(result) > 1 else ""
        alt = alt_sentence(result.prompt_typed, shown_path(image.path) + number, size, form)
        small = thumbnail(image.path, EDGE if len(result) == 1 else EDGE * 2 // 3, max_bytes=each)
        data = f"data:{small.mime};base64,{base64.b64encode(small.data).decode()}" if small else ""
        found.append((alt, data))
    return found


def _entry(result: ImageResult, images: list[tuple[str, str]]) -> str:
    base = link_base()
    links = [relative_link(path, base) for path in result.paths]
    tags = "".join(
        _linked(f'<img src="{data}" alt="{escape(alt)}" style="max-width:100%;border-radius:6px">', link)
        for (alt, data), link in zip(images, links, strict=False)
        if data
    )
    caption = caption_html(result.caption_facts(minimal=False))
    return f'<figure style="margin:0 0 14px"><div style="display:flex;flex-wrap:wrap;gap:8px">{tags}</div><figcaption>{caption}</figcaption></figure>'


def _linked(markup: str, link: str | None) -> str:
    return f'<a href="{link}" target="_blank" rel="noopener">{markup}</a>' if link else markup
