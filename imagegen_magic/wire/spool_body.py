"""An answer's body on its way to disk: in a spool file as it arrives, and on in memory if the disk gives out."""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from imagegen_magic.request.response import Spool

__all__ = ["SpooledBody", "decoded"]


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The pieces of a body without their `Content-Encoding`, if they really have one.

    Some gateways say gzip and send plain bytes, or the other way round: a paid answer must not be lost to a wrong header.
    What can't be decompressed any further is passed on as it is.
    """
    return _inflated(_inflated(pieces, encoding.lower()), "")  # some pack what is packed already


def _inflated(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    inflater, first = None, True
    for piece in pieces:
        if first and piece:
            inflater, first = _inflater(piece, encoding), False
        while inflater is not None and piece:
            before = inflater.copy()
            try:
                yield inflater.decompress(piece)
            except zlib.error:
                whole, piece = _before_fault(before, piece)  # noqa: PLW2901 - what is left of it
                inflater = None
                yield whole
            else:
                piece = inflater.unused_data if inflater.eof else b""  # noqa: PLW2901 - as above
                if piece.startswith(GZIP):
                    inflater = zlib.decompressobj(GZIP_OR_ZLIB)  # the next member
                else:
                    piece = b""  # noqa: PLW2901 - what follows the end is nothing
        if piece:
            yield piece


def _inflater(start: bytes, encoding: str) -> Any:
    """What inflates a body that starts so; None for one that is plain."""
    if start.startswith(GZIP) or ("deflate" in encoding and start.startswith(ZLIB)):
        return zlib.decompressobj(GZIP_OR_ZLIB)
    if "deflate" in encoding and not start.lstrip().startswith(PLAIN):
        return zlib.decompressobj(-zlib.MAX_WBITS)  # without zlib's header, as many servers understand deflate
    return None


def _before_fault(inflater: Any, piece: bytes) -> tuple[bytes, bytes]:
    """What can be inflated of a piece, and the rest: the fault may be the checksum behind the last byte of an image."""
    whole = []
    for place in range(len(piece)):
        try:
            whole.append(inflater.decompress(piece[place : place + 1]))
        except zlib.error:
            return (b"".join(whole), piece[place:]) if any(whole) else (b"", piece)  # else it only looked packed
    return b"".join(whole), b""


GZIP = b"\x1f"
"""The first byte of what gzip makes, and of no JSON, no event and no image."""
ZLIB = b"x"
PLAIN = (b"{", b"[", b'"', b"data:", b"event:", b":")
"""How JSON and streams begin, whatever the header says."""
GZIP_OR_ZLIB = 47
"""As zlib counts the kinds that it tells apart by itself."""


class SpooledBody:
    """What was received so far. `path` is its file, or None if it is in memory."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._memory: io.BytesIO | None = None
        self.path: Path | None = None
        self._count = 0
        try:
            self.path, self._stream = spool.open(".json")
        except OSError:
            self._memory = io.BytesIO()

    def write(self, piece: bytes) -> None:
        """Takes the next piece; a paid answer is never dropped because a disk is full."""
        if self._memory is None:
            try:
                self._stream.write(piece)
            except OSError:
                self._leave_disk()
            else:
                self._count += len(piece)
                return
        assert self._memory is not None
        self._memory.write(piece)

    def _leave_disk(self) -> None:
        """Takes what is on disk into memory, up to the last whole piece."""
        assert self.path is not None
        self._memory = io.BytesIO()
        with self.path.open("rb") as written:
            self._memory.write(written.read(self._count))
        with contextlib.suppress(OSError):
            self._stream.close()
        self.discard()

    def read(self) -> BinaryIO:
        """The whole body, from its start."""
        if self._memory is not None:
            self._memory.seek(0)
            return self._memory
        self._stream.seek(0)
        return self._stream

    @property
    def size(self) -> int:
        """Bytes received."""
        return self._count if self._memory is None else self._memory.getbuffer().nbytes

    def keep(self, label: str) -> Path | None:
        """Puts the body aside under a name that says what it is; None if there is nothing, or no file."""
        if self.path is None or not self.size:
            self.discard()
            return None
        path, self.path = self.path, None
        self._stream.close()
        return self._spool.keep(path, label)

    def discard(self) -> None:
        """Removes the file, if there is one."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                self._stream.close()
            self._spool.discard(self.path)
            self.path = None
