"""An answer's body on its way to disk: in a spool file as it arrives, and on in memory if the disk gives out."""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from imagegen_magic.request.response import Spool

__all__ = ["SpooledBody", "decoded"]


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The pieces of a body without their `Content-Encoding`, if they really have one.

    Some gateways say gzip and send plain bytes, or the other way round: a paid answer must not be lost to a wrong header.
    What can't be decompressed any further is passed on as it is.
    """
    unpack = None
    first = True
    for piece in pieces:
        if first and piece and (piece.startswith(GZIP) or ("deflate" in encoding.lower() and piece.startswith(ZLIB))):
            unpack = zlib.decompressobj(GZIP_OR_ZLIB)
        first = first and not piece
        if unpack is None:
            yield piece
            continue
        try:
            yield unpack.decompress(piece)
        except zlib.error:
            unpack = None
            yield piece


GZIP = b"\x1f"
"""The first byte of what gzip makes, and of no JSON, no event and no image."""
ZLIB = b"x"
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
                self._stream.flush()  # so that a full disk shows here, not when the file is closed
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
