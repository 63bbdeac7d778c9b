"""Where PNG, JPEG, WebP and GIF files keep metadata: finds it without decoding a pixel.

PNG: chunks `caBX` (C2PA), `iTXt` (XMP), `tEXt`. JPEG: segments APP11 (C2PA, cut into numbered pieces) and APP1 (XMP). WebP: RIFF
chunks `C2PA` and `XMP `. GIF: application extensions. Places: C2PA specification 2.2, appendix A.3 (2025-05-05); XMP
specification part 3 (Adobe, 2020-01).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from .cbor import MetadataError

__all__ = [
    "GIF_XMP",
    "JPEG_XMP",
    "MAX_BYTES",
    "PNG_SIGNATURE",
    "PNG_XMP",
    "Parts",
    "file_format",
    "holds_store",
    "read_parts",
]

MAX_BYTES = 16 * 2**20
"""Metadata beyond this is not read: the largest manifests in use are some hundred kilobytes."""
MAX_PARTS = 1_000_000
"""Chunks, segments and sub-blocks of one file; a GIF of 100 MB has some 400,000."""
MAX_TEXT = 64 * 1024
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_XMP = b"XML:com.adobe.xmp"
JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
GIF_XMP = b"XMP DataXMP"
GIF_XMP_TRAILER = 258
"""Bytes after a GIF's XMP packet, which make it readable as ordinary sub-blocks."""
_GIF_C2PA = b"C2PA_GIF"
_STORE_BOX = b"jumdc2pa"
"""Every manifest store begins with a description box of this type."""


@dataclass(slots=True)
class Parts:
    """The metadata of one file, raw."""

    format: str
    """`png`, `jpeg`, `webp` or `gif`."""
    store: bytes | None = field(default=None, repr=False)
    """The C2PA manifest store, a JUMBF superbox."""
    xmp: bytes | None = field(default=None, repr=False)
    texts: dict[str, str] = field(default_factory=dict)
    """PNG's text chunks."""

    def add_store(self, data: bytes) -> None:
        """Notes the manifest store; a file has one, and a second is an attempt to confuse readers."""
        if self.store is not None:
            raise MetadataError("more than one manifest store")
        self.store = data


def file_format(head: bytes) -> str | None:
    """`png`, `jpeg`, `webp`, `gif` or None, by the first 12 bytes."""
    if head.startswith(PNG_SIGNATURE):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return "gif" if head[:6] in (b"GIF87a", b"GIF89a") else None


def read_parts(stream: BinaryIO) -> Parts | None:
    """The metadata of an open, seekable file; None for another format.

    A file that is cut off gives what comes before the cut.

    Raises:
        MetadataError: the metadata contradicts itself, or is larger than 16 MiB.
    """
    stream.seek(0)
    form = file_format(stream.read(12))
    if form is None:
        return None
    parts = Parts(form)
    _READERS[form](_Source(stream), parts)
    return parts


def holds_store(stream: BinaryIO) -> bool:
    """Whether a file of a format that is not read here has the beginning of a manifest store anywhere."""
    stream.seek(0)
    tail = b""
    while block := stream.read(2**20):
        if _STORE_BOX in tail + block:
            return True
        tail = block[1 - len(_STORE_BOX) :]
    return False


class _Source:
    """A stream read in pieces, with one budget for all that is kept of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.size = stream.seek(0, 2)
        self.left = MAX_BYTES
        self.parts = 0

    def read(self, at: int, count: int) -> bytes:
        self.left -= count
        if self.left < 0:
            raise MetadataError("more than 16 MiB of metadata")
        self.stream.seek(at)
        return self.stream.read(max(0, min(count, self.size - at)))

    def peek(self, at: int, count: int) -> bytes:
        """The few bytes that announce a part; they count as parts, not as metadata."""
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise MetadataError("too many parts")
        self.stream.seek(at)
        return self.stream.read(count)


def _chunks(source: _Source, at: int, *, little: bool) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of the data, length) of PNG chunks or, `little`, of RIFF chunks."""
    while len(head := source.peek(at, 8)) == 8:
        kind, size = (head[:4], head[4:]) if little else (head[4:], head[:4])
        length = int.from_bytes(size, "little" if little else "big")
        if at + 8 + length > source.size:
            _require_whole(kind in (b"caBX", b"C2PA"))
            return
        yield kind, at + 8, length
        at += 8 + length + (length % 2 if little else 4)


def _require_whole(is_store: bool) -> None:
    """A manifest that a cut-off file begins with is damaged, not absent."""
    if is_store:
        raise MetadataError("the file ends inside its Content Credentials")


def _read_png(source: _Source, parts: Parts) -> None:
    for kind, start, length in _chunks(source, len(PNG_SIGNATURE), little=False):
        if kind == b"caBX":
            parts.add_store(source.read(start, length))
        elif kind == b"iTXt":
            _png_international_text(source.read(start, length), parts)
        elif kind == b"tEXt":
            keyword, _, text = source.read(start, min(length, MAX_TEXT)).partition(b"\0")
            parts.texts[keyword[:79].decode("latin-1")] = text.decode("latin-1")
        elif kind == b"IEND":
            return


def _png_international_text(data: bytes, parts: Parts) -> None:
    """An `iTXt` chunk: keyword, compression flag and method, language, translated keyword, UTF-8 text."""
    keyword, _, rest = data.partition(b"\0")
    pieces = rest[2:].split(b"\0", 2)
    if len(rest) < 2 or len(pieces) < 3:
        return
    text = _inflate(pieces[2]) if rest[0] else pieces[2]
    if keyword == PNG_XMP:
        parts.xmp = text
    else:
        parts.texts[keyword[:79].decode("latin-1")] = text[:MAX_TEXT].decode("utf-8", "replace")


def _inflate(data: bytes) -> bytes:
    """The data unpacked, at most 1 MiB of it: a few kilobytes may claim gigabytes."""
    try:
        return zlib.decompressobj().decompress(data, 2**20)
    except zlib.error:
        raise MetadataError("a compressed text is damaged") from None


def _read_jpeg(source: _Source, parts: Parts) -> None:
    pieces: dict[int, bytearray] = {}
    last: dict[int, int] = {}
    for marker, start, length in _segments(source):
        if marker == 0xEB:
            _join_app11(source.read(start, length), pieces, last)
        elif marker == 0xE1 and source.peek(start, len(JPEG_XMP)) == JPEG_XMP:
            parts.xmp = source.read(start, length)[len(JPEG_XMP) :]
    for found in pieces.values():
        if found[12:16] == b"jumd" and found[16:20] == b"c2pa":
            parts.add_store(bytes(found))


def _segments(source: _Source) -> Iterator[tuple[int, int, int]]:
    """(marker, start of the data, length) of the segments before the compressed picture."""
    at = 2
    while len(head := source.peek(at, 4)) == 4 and head[0] == 0xFF:
        marker = head[1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in (0xD9, 0xDA):
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        length = int.from_bytes(head[2:], "big")
        if length < 2 or at + 2 + length > source.size:
            _require_whole(marker == 0xEB and source.peek(at + 4, 2) == b"JP")
            return
        yield marker, at + 4, length - 2
        at += 2 + length


def _join_app11(data: bytes, pieces: dict[int, bytearray], last: dict[int, int]) -> None:
    """Adds one APP11 segment to the box that it continues: `JP`, box number, sequence number, then the box's header again."""
    if data[:2] != b"JP" or len(data) < 16:
        return
    number, sequence = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "big")
    if sequence != last.get(number, 0) + 1:
        raise MetadataError("the pieces of a JUMBF box are out of order")
    last[number] = sequence
    head = 16 if data[8:12] == b"\0\0\0\1" else 8
    pieces.setdefault(number, bytearray()).extend(data[8:] if sequence == 1 else data[8 + head :])


def _read_webp(source: _Source, parts: Parts) -> None:
    for kind, start, length in _chunks(source, 12, little=True):
        if kind == b"C2PA":
            parts.add_store(source.read(start, length))
        elif kind == b"XMP ":
            parts.xmp = source.read(start, length)


def _read_gif(source: _Source, parts: Parts) -> None:
    """Walks the blocks of a GIF; pictures are skipped sub-block by sub-block."""
    head = source.peek(0, 13)
    if len(head) < 13:
        return
    at = 13 + (3 << (head[10] & 7) + 1 if head[10] & 0x80 else 0)
    while mark := source.peek(at, 1):
        if mark == b"!":
            at = _gif_extension(source, at, parts)
        elif mark == b",":
            flags = source.peek(at + 9, 1)
            table = 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0
            at = _skip_blocks(source, at + 11 + table)
        else:
            return


def _gif_extension(source: _Source, at: int, parts: Parts) -> int:
    """Reads or skips the extension at `at`; where the next block starts."""
    head = source.peek(at, 14)
    if head[1:3] != b"\xff\x0b":
        return _skip_blocks(source, at + 2)
    name = head[3:14]
    if name == GIF_XMP:  # the packet lies raw: its trailer leads a reader of sub-blocks to the end
        end = _skip_blocks(source, at + 14)
        raw = source.read(at + 14, max(0, end - at - 14))
        parts.xmp = raw[: max(0, len(raw) - GIF_XMP_TRAILER)]
        return end
    if name.startswith(_GIF_C2PA):
        data = bytearray()
        end = _skip_blocks(source, at + 14, lambda start, length: data.extend(source.read(start, length)))
        parts.add_store(bytes(data))
        return end
    return _skip_blocks(source, at + 14)


def _skip_blocks(source: _Source, at: int, visit: Callable[[int, int], None] = lambda start, length: None) -> int:
    """Where the sub-blocks that start at `at` end; each is shown to `visit`."""
    while (size := source.peek(at, 1)) and size[0]:
        visit(at + 1, size[0])
        at += 1 + size[0]
    return at + 1


_READERS: dict[str, Callable[[_Source, Parts], None]] = {
    "png": _read_png,
    "jpeg": _read_jpeg,
    "webp": _read_webp,
    "gif": _read_gif,
}
