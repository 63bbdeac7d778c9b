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
    if stream.read(len(SIGNATURE)) != SIGNATURE:
        return None
    data = stream.read()  # at once: looking for each of hundreds of small chunks would be two system calls
    left_out, room = [], MOST
    for kind, place, length in _chunks(data):
        if kind in TEXTS:
            size = _text_size(kind, data[place + 8 : place + 8 + length]) if room > 0 else MOST
            room -= size
            if size > LONGEST or room < 0:
                left_out.append((place, place + 12 + length))
    return _copy(data, left_out) if left_out else None


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and length of each chunk."""
    place = 0
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        yield kind, place, length
        place += 12 + length


def _text_size(kind: bytes, text: bytes) -> int:
    """The bytes of a text, counted to a little above `LONGEST`."""
    if len(text) > LONGEST or kind == b"tEXt":
        return len(text)
    rest = text.partition(b"\0")[2]
    if kind == b"iTXt":
        is_compressed, (_, _, rest) = rest[:1] != b"\0", rest[2:].partition(b"\0")
        rest = rest.partition(b"\0")[2]
        if not is_compressed:
            return len(text)
    try:
        return len(zlib.decompressobj().decompress(rest if kind == b"iTXt" else rest[1:], LONGEST + 1))
    except zlib.error:
        return len(text)


def _copy(data: bytes, left_out: list[tuple[int, int]]) -> BinaryIO:
    """The file without these parts."""
    starts, ends = (0, *(end for _, end in left_out)), (*(start for start, _ in left_out), len(data))
    return io.BytesIO(SIGNATURE + b"".join(data[start:end] for start, end in zip(starts, ends, strict=True)))
