"""Server-sent events, read as the HTML standard defines them (section 9.2.6, read 2026-11-26)."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["ServerEvent", "SseParser"]


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event: its `event:` field, `message` if there was none, and its data lines joined by newlines."""

    name: str
    data: bytes


class SseParser:
    r"""Takes the bytes of a stream as they come, in pieces of any size, and gives its events.

    Lines end with LF, CR or CRLF; a byte order mark at the start and comments are passed over; several `data:`
    lines are one event. An event whose closing empty line is missing at the end of the stream counts, because it may
    hold an image that is billed: here this reader is more lenient than the standard.

    Example:
        >>> parser = SseParser()
        >>> [event.data for event in parser.feed(b"data: a\r\ndata: b\r\n\r\n")]
        [b'a\nb']
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._name = b""
        self._data: list[bytes] = []
        self._started = False
        self._searched = 0
        """Bytes of the rest that are known to hold no end of a line: a long line is not searched again and again."""

    def feed(self, piece: bytes) -> Iterator[ServerEvent]:
        """The events that end within what came so far."""
        self._rest += piece
        if not self._started and len(self._rest) >= len(codecs.BOM_UTF8):
            self._started = True
            self._rest = self._rest.removeprefix(codecs.BOM_UTF8)
        start = 0
        while (end := self._line_end(start)) is not None:
            line, start = bytes(self._rest[start : end[0]]), end[1]
            yield from self._line(line)
        del self._rest[:start]
        self._searched = max(0, len(self._rest) - 1)

    def close(self) -> Iterator[ServerEvent]:
        """The event that the stream's end leaves, if there is one."""
        if self._rest:
            yield from self._line(bytes(self._rest).removesuffix(b"\r").removeprefix(codecs.BOM_UTF8))
            self._rest.clear()
        yield from self._dispatch()

    def _line_end(self, start: int) -> tuple[int, int] | None:
        """(end of the line that begins at `start`, start of the next), or None while it may go on."""
        begin = max(start, self._searched)
        self._searched = 0
        feed = self._rest.find(b"\n", begin)
        carriage = self._rest.find(b"\r", begin, feed if feed >= 0 else None)
        if carriage < 0:
            return None if feed < 0 else (feed, feed + 1)
        if carriage + 1 == len(self._rest):
            return None  # a line feed may follow
        return carriage, carriage + (2 if self._rest[carriage + 1 : carriage + 2] == b"\n" else 1)

    def _line(self, line: bytes) -> Iterator[ServerEvent]:
        if not line:
            yield from self._dispatch()
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value

    def _dispatch(self) -> Iterator[ServerEvent]:
        if self._data:
            yield ServerEvent(self._name.decode("utf-8", "replace") or "message", b"\n".join(self._data))
        self._name, self._data = b"", []
