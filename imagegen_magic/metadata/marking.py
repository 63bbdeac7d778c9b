"""Puts an XMP packet into a finished PNG, JPEG, WebP or GIF file; the picture in it is not touched.

Pillow can write XMP into some formats and silently drops it in others; here the packet goes into the encoded bytes, in one
way for files of every encoder. Places: XMP specification part 3 (Adobe, 2020-01); WebP container (RFC 9649).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace

from .cbor import MetadataError
from .containers import GIF_XMP, JPEG_XMP, PNG_SIGNATURE, PNG_XMP, file_format
from .xmp import Mark, write_xmp

__all__ = ["mark_image"]

_JPEG_LIMIT = 65_533 - len(JPEG_XMP)
_JPEG_PROMPT = 10_000
"""Letters, of which each is 5 bytes at most: `&` is written as `&amp;`."""
_VP8X_XMP, _VP8X_ALPHA = 0x04, 0x10
_GIF_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"


def mark_image(data: bytes, mark: Mark) -> bytes:
    """The file with the mark in it; an XMP packet that it had is replaced. Other formats come back as they are.

    A JPEG holds no more than 64 KB: a longer prompt ends there with `…` after 10,000 letters.

    Raises:
        MetadataError: the file is damaged.
    """
    form = file_format(data[:12])
    packet = write_xmp(mark)
    if form == "jpeg" and len(packet) > _JPEG_LIMIT:
        packet = write_xmp(replace(mark, prompt=f"{mark.prompt[:_JPEG_PROMPT]}…"))
    return _WRITERS[form](data, packet) if form else data


def _png(data: bytes, packet: bytes) -> bytes:
    """An uncompressed `iTXt` chunk right after the header."""
    out = [PNG_SIGNATURE]
    for kind, chunk in _pieces(data, len(PNG_SIGNATURE), ">", 12):
        if kind == b"iTXt" and chunk[8:].startswith(PNG_XMP + b"\0"):
            continue
        out.append(chunk)
        if kind == b"IHDR":
            body = b"iTXt" + PNG_XMP + b"\0\0\0\0\0" + packet
            out.append(struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)))
    return b"".join(out)


def _pieces(data: bytes, at: int, order: str, extra: int) -> Iterator[tuple[bytes, bytes]]:
    """(type, whole chunk) of PNG chunks (big-endian, 12 bytes beside the data) or RIFF chunks (8, padded to even)."""
    while at + 8 <= len(data):
        kind = data[at + 4 : at + 8] if order == ">" else data[at : at + 4]
        (length,) = struct.unpack_from(f"{order}I", data, at if order == ">" else at + 4)
        end = at + length + extra + (length % 2 if order == "<" else 0)
        if end > len(data) + (order == "<"):  # the last RIFF chunk may lack its padding
            raise MetadataError("the file is cut off")
        yield kind, data[at:end]
        at = end


def _jpeg(data: bytes, packet: bytes) -> bytes:
    """An APP1 segment behind JFIF's APP0 and Exif's APP1, as Exif wants to be first."""
    if len(packet) > _JPEG_LIMIT:
        raise MetadataError("an XMP packet of more than 64 KB does not fit into JPEG")
    at = end = 2
    before: list[bytes] = []
    after: list[bytes] = []
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] in (*range(0xE0, 0xF0), 0xFE):
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        segment = data[at:end]
        first = data[at + 1] == 0xE0 or segment[4:10] == b"Exif\0\0"
        if not segment[4:].startswith(JPEG_XMP):
            (before if first and not after else after).append(segment)
        at = end
    body = JPEG_XMP + packet
    ours = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return b"".join([data[:2], *before, ours, *after, data[end:]])


def _webp(data: bytes, packet: bytes) -> bytes:
    """An `XMP ` chunk at the end and its flag in the `VP8X` chunk, which a simple file gets first."""
    chunks = [(kind, chunk) for kind, chunk in _pieces(data, 12, "<", 8) if kind != b"XMP "]
    if not chunks:
        raise MetadataError("a WebP file without a picture")
    if chunks[0][0] != b"VP8X":
        chunks.insert(0, (b"VP8X", _extended_header(*chunks[0])))
    head = bytearray(chunks[0][1])
    head[8] |= _VP8X_XMP
    ours = b"XMP " + struct.pack("<I", len(packet)) + packet
    body = b"".join(chunk + b"\0" * (len(chunk) % 2) for chunk in [bytes(head), *(c for _, c in chunks[1:]), ours])
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _extended_header(kind: bytes, chunk: bytes) -> bytes:
    """The `VP8X` chunk of a simple file, by the size in its `VP8 ` (lossy) or `VP8L` (lossless) header."""
    if kind == b"VP8L" and len(chunk) >= 13:
        bits = int.from_bytes(chunk[9:13], "little")
        width, height, alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
    elif kind == b"VP8 " and len(chunk) >= 18:
        width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", chunk, 14))
        width, height, alpha = width - 1, height - 1, 0
    else:
        raise MetadataError("a WebP file without a picture")
    sizes = width.to_bytes(3, "little") + height.to_bytes(3, "little")
    return b"VP8X" + struct.pack("<I", 10) + bytes([_VP8X_ALPHA * alpha, 0, 0, 0]) + sizes


def _gif(data: bytes, packet: bytes) -> bytes:
    """An application extension after the colour table, the packet raw in it, then the trailer that ends it as sub-blocks."""
    if len(data) < 13:
        raise MetadataError("the file is cut off")
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    ours = b"!\xff\x0b" + GIF_XMP + packet + _GIF_TRAILER
    rest = data[at:]
    while rest[:14] == ours[:14]:  # only one that stands where we put it is ours to replace
        end = rest.find(_GIF_TRAILER)
        if end < 0:
            raise MetadataError("the file is cut off")
        rest = rest[end + len(_GIF_TRAILER) :]
    return b"GIF89a" + data[6:at] + ours + rest


_WRITERS = {"png": _png, "jpeg": _jpeg, "webp": _webp, "gif": _gif}
