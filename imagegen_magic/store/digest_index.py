"""Where in a history the lines of a request stand, so that looking for one does not read them all."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import BinaryIO

__all__ = ["DigestIndex"]

_DIGEST = re.compile(rb'"digest": ?"(\w+)"')
_CHECKED = 256
"""Bytes before the known end that must still be there: else the file was written anew."""


class DigestIndex:
    """The places of each digest's lines in a file of JSON lines, kept in memory. Safe for several threads.

    The file stays the only truth. What was appended since the last question is read, and all of it if it is not the same
    file any more: another inode, changed without growing, or with other bytes before the known end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._known = (0, 0, 0)
        self._end, self._last = 0, b""
        self._places: dict[bytes, list[tuple[int, int]]] = {}

    def lines(self, digest: str) -> list[str]:
        """The lines in which the digest stands, newest first.

        Raises:
            OSError: the file can't be read.
        """
        wanted = digest.encode()
        with self._lock, self._path.open("rb") as stream:
            unfinished = self._read_on(stream)
            found = [unfinished] if wanted in _DIGEST.findall(unfinished) else []
            for start, length in reversed(self._places.get(wanted, ())):
                stream.seek(start)
                found.append(stream.read(length))
        return [line.decode("utf-8", "replace") for line in found]

    def _read_on(self, stream: BinaryIO) -> bytes:
        """Takes in the lines that are new; what stands after the last line's end, which may be in writing."""
        found = os.fstat(stream.fileno())
        now = (found.st_ino, found.st_size, found.st_mtime_ns)
        grown = now[0] == self._known[0] and now[1] > self._known[1] and self._is_as_known(stream)
        if now != self._known and not grown:
            self._forget()
        stream.seek(self._end)
        complete, newline, unfinished = stream.read().rpartition(b"\n")
        for line in complete.split(b"\n") if newline else ():
            for digest in set(_DIGEST.findall(line)):
                self._places.setdefault(digest, []).append((self._end, len(line)))
            self._end += len(line) + 1
        self._last = (self._last + complete[-_CHECKED:] + newline)[-_CHECKED:]
        self._known = now
        return unfinished

    def _is_as_known(self, stream: BinaryIO) -> bool:
        stream.seek(self._end - len(self._last))
        return stream.read(len(self._last)) == self._last
