"""A streaming answer, whatever its events are called and however they are written."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from imagegen_magic.request.response import Spool

from .answers import ParsedResponse, accept_once, counts_of, join_pieces, usage_in
from .shapes import (
    MAX_BYTES,
    PREVIEW,
    image_bytes,
    images_in,
    is_address,
    is_preview,
    looks_like_image,
    read_json,
    without_error,
)
from .spool_body import SpooledBody
from .sse import ServerEvent, SseParser

__all__ = ["EventStream", "looks_like_stream"]

FIELDS = ("created", "created_at", "size", "quality", "background", "output_format")
FAILED = (".failed", ".error", ".incomplete")
"""How the types of events end that say that nothing comes any more."""
_TYPE = re.compile(r'"type"\s*:\s*"([^"]*)"')
_WHOLE_IMAGE = re.compile(r'"b64_json"\s*:\s*"([^"]+)"')


class EventStream:
    """The events of a streaming answer; each names itself in its `type`, else by its `event:` line.

    Any event but a preview that holds an image yields it, under whatever name and in whatever shape: it is billed. One
    that comes twice counts once.
    """

    def __init__(self, spool: Spool, on_partial: Callable[[bytes, int], None]) -> None:
        self.answer = ParsedResponse()
        self.error: Mapping[str, Any] | None = None
        self.completed = 0
        """Events that held an image, or said that one is complete."""
        self.count = 0
        """Events of any kind."""
        self._parser = SseParser()
        self._spool = spool
        self._on_partial = on_partial
        self._seen: set[bytes] = set()
        self._totals: dict[str, int] = {}
        """What events without an image said of tokens: of the whole so far, as some say it again and again."""

    def feed(self, piece: bytes) -> None:
        """Takes the next bytes of the stream."""
        for event in self._parser.feed(piece):
            self._accept(event)

    def close(self) -> None:
        """Takes what the end of the stream leaves."""
        for event in self._parser.close():
            self._accept(event)
        join_pieces(self.answer, self._spool)
        for name, total in self._totals.items():
            self.answer.usage[name] = max(self.answer.usage.get(name) or 0, total)

    def accept_text(self, body: SpooledBody) -> None:
        """Takes a body of events in another encoding, or of JSON values one after another without the form of events."""
        data = body.read().read(MAX_BYTES)
        text = data.decode(json.detect_encoding(data), "replace").encode("utf-8", "replace")
        if _starts_as_stream(text):
            self.feed(text)
            self.close()
        else:
            self._accept(ServerEvent("message", text))

    def _accept(self, received: ServerEvent) -> None:
        text = received.data.strip()
        while text.startswith(b"data:"):  # some gateways put it there twice
            text = text.removeprefix(b"data:").strip()
        if not text or text == b"[DONE]":
            return
        try:
            for event in _json_values(text.decode("utf-8", "replace").strip()):
                self._accept_value(event, received.name)
        except (ValueError, RecursionError):
            self.count += 1
            self._accept_broken(text.decode("utf-8", "replace"), received.name)

    def _accept_broken(self, text: str, name: str) -> None:
        """An event that is no JSON, or no longer: an image that came whole is billed, if it is surely no preview."""
        if name == "error":
            self.error = {"message": text}
            return
        if looks_like_image(text) and name != "message":
            if not PREVIEW.search(name):
                self._dispatch(name, {"data": text})
            return
        self.answer.broken = True
        self.answer.faults.append("an event of the stream is cut off, or not JSON")
        kind = _TYPE.search(text)
        if not PREVIEW.search(kind[1] if kind else name if name != "message" else "partial"):
            self._final({}, _WHOLE_IMAGE.findall(text))

    def _accept_value(self, event: Any, name: str) -> None:
        self.count += 1
        if not isinstance(event, dict):
            self._dispatch(name, {"data": event})
        elif is_preview(event, name):
            self._partial(event)
        else:
            self._dispatch(str(event.get("type") or name), event)

    def _dispatch(self, kind: str, event: dict[str, Any]) -> None:
        error = _error_in(kind, event)
        if error:
            self.error = error if isinstance(error, Mapping) else {"message": str(error)}
        images = list(images_in(without_error(event)))
        if images := [image for image in images if not (error and is_address(image))]:  # of a page that explains it
            self.completed += 1
            self._final(event, images)
        elif error:
            return
        elif kind.endswith(".completed"):
            self.completed += 1
            self.answer.faults.append("the final event holds no picture")
            self._note_totals(event)
        elif isinstance(event.get("delta"), str):
            self._note_totals(event)  # a piece of the text that a model writes on its way to the image
        elif kind != "message" or event:
            self._note_totals(event)
            self.answer.broken = True  # not understood: the stream is kept with the result

    def _partial(self, event: Mapping[str, Any]) -> None:
        """A live preview: shown, never kept as a result; one that can't be decoded or shown is passed over."""
        text, number = event.get("b64_json"), event.get("partial_image_index")
        if not isinstance(text, str):
            return
        with contextlib.suppress(Exception):
            if data := b"".join(image_bytes(text)):
                self._on_partial(data, number if isinstance(number, int) else 0)

    def _final(self, event: Mapping[str, Any], images: Sequence[str]) -> None:
        new = [image for image in images if self._is_new(image)]
        taken = [accept_once(image, self.answer, self._spool) for image in new]
        if any(taken):
            self._count(event)
        else:
            self._note_totals(event)
        self.answer.fields |= {k: v for k, v in event.items() if k in FIELDS and isinstance(v, (str, int))}

    def _is_new(self, image: str) -> bool:
        digest = hashlib.sha256(image.encode("utf-8", "replace")).digest()
        is_new = digest not in self._seen
        self._seen.add(digest)
        return is_new

    def _count(self, event: Mapping[str, Any]) -> None:
        """Adds what an event says of tokens."""
        for name, more in _counts_in(event):
            self.answer.usage[name] = (self.answer.usage.get(name) or 0) + more

    def _note_totals(self, event: Mapping[str, Any]) -> None:
        for name, total in _counts_in(event):
            self._totals[name] = max(self._totals.get(name, 0), total)


def _counts_in(event: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """What an event says of tokens."""
    for name, count in counts_of(usage_in(event)).items():
        if count is not None:
            yield name, count


def _error_in(kind: str, event: Mapping[str, Any]) -> Any:
    """The error that an event is about, wherever it stands; None if it is about none."""
    inner = event.get("response")
    error = event.get("error") or (inner.get("error") if isinstance(inner, Mapping) else None)
    return error or (event if kind == "error" or kind.endswith(FAILED) else None)


def _json_values(text: str) -> Iterator[Any]:
    """The JSON values that stand in a text one after another.

    Raises:
        ValueError: what follows is none.
    """
    place = 0
    while place < len(text):
        value, place = read_json(text, place)
        yield value
        while text[place : place + 1].isspace():
            place += 1


def looks_like_stream(body: SpooledBody) -> bool:
    """True if a body that is called JSON begins as an event stream does."""
    return _starts_as_stream(body.read().read(64))


def _starts_as_stream(data: bytes) -> bool:
    start = data[:64].lstrip(b"\xef\xbb\xbf \r\n")
    return start.startswith((b"data:", b"event:", b"id:", b"retry:", b": "))
