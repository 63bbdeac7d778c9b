"""PNG files with long texts in them, as other tools write their workflows there: legal, and refused by Pillow."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["without_long_texts"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
LONGEST = 1 << 20
"""Bytes of a text, inflated, that is handed on; Pillow inflates no more."""
MOST = 16 << 20
"""Bytes of all texts together; also what is inflated at most, however many there are."""


def without_long_texts(source: Path | BinaryIO) -> Path | BinaryIO:
    """The source as it is; of a PNG with texts that are too long, the file without these."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            shorter = _shorter(stream)
        return source if shorter is None else shorter
    start = source.tell()
    shorter = _shorter(source)
    source.seek(start)
    return source if shorter is None else shorter


def _shorter(stream: BinaryIO) -> BinaryIO | None:
    """A copy without the texts that are too long; None if there are none."""
    start = stream.tell()
    if stream.read(len(SIGNATURE)) != SIGNATURE:
        return None
    left_out, room = [], MOST
    for kind, place, length in _chunks(stream):
        if kind in TEXTS:
            size = _text_size(kind, stream, length) if room > 0 else MOST
            room -= size
            if size > LONGEST or room < 0:
                left_out.append((place, place + 12 + length))
    return _copy(stream, start, left_out) if left_out else None


def _chunks(stream: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and length of each chunk; the stream stands at its content."""
    place = stream.tell()
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        yield kind, place, length
        place += 12 + length
        stream.seek(place)


def _text_size(kind: bytes, stream: BinaryIO, length: int) -> int:
    """The bytes of a text, counted to a little above `LONGEST`."""
    if length > LONGEST or kind == b"tEXt":
        return length
    _, _, rest = stream.read(length).partition(b"\0")
    if kind == b"iTXt":
        is_compressed, (_, _, rest) = rest[:1] != b"\0", rest[2:].partition(b"\0")
        rest = rest.partition(b"\0")[2]
        if not is_compressed:
            return length
    try:
        return len(zlib.decompressobj().decompress(rest if kind == b"iTXt" else rest[1:], LONGEST + 1))
    except zlib.error:
        return length


def _copy(stream: BinaryIO, start: int, left_out: list[tuple[int, int]]) -> BinaryIO:
    copy = io.BytesIO()
    for first, end in left_out:
        stream.seek(start)
        copy.write(stream.read(first - start))
        start = end
    stream.seek(start)
    copy.write(stream.read())
    copy.seek(0)
    return copy
