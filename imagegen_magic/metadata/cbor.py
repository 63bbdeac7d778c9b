"""Reads CBOR (RFC 8949), as far as C2PA uses it; what is malformed raises `MetadataError`, and memory is bounded by the input.

A library would do the same. This reader is small, needs no native wheel, and counts and nests no deeper than it is told.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

__all__ = ["MetadataError", "Tagged", "decode_cbor"]

MAX_DEPTH = 24
MAX_ITEMS = 100_000
_BREAK = object()
_FLOATS = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}


class MetadataError(ValueError):
    """A file's metadata is malformed, or larger than this reader follows; the message says what."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value with a CBOR tag that has no meaning here, such as 18 (COSE_Sign1)."""

    tag: int
    value: Any


def decode_cbor(data: bytes) -> Any:
    """The value at the start of `data`; what follows it is ignored. Dates (tag 0) stay texts.

    Raises:
        MetadataError: the data ends early, nests deeper than 24, holds more than 100,000 items or is not CBOR.
    """
    return _Decoder(data).value(0)


class _Decoder:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.items = 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise MetadataError("CBOR data ends early")
        part, self.at = self.data[self.at : end], end
        return part

    def value(self, depth: int) -> Any:
        """The next value; raises at a break, which only indefinite lengths know."""
        found = self._value_or_break(depth)
        if found is _BREAK:
            raise MetadataError("CBOR: a break outside of a list")
        return found

    def _value_or_break(self, depth: int) -> Any:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise MetadataError("CBOR data nests too deep or holds too much")
        first = self.take(1)[0]
        major, low = first >> 5, first & 31
        if major == 7:
            return self._simple(low)
        count = self._count(low)
        if major in (0, 1):
            if count is None:
                raise MetadataError("CBOR: a number without a length")
            return count if major == 0 else -1 - count
        if major in (2, 3):
            return self._string(major, count)
        if major == 4:
            return list(self._values(count, depth))
        if major == 5:
            return self._map(count, depth)
        inner = self.value(depth + 1)
        return inner if count == 0 else Tagged(count or 0, inner)

    def _count(self, low: int) -> int | None:
        """The number that follows the first byte; None for an indefinite length."""
        if low < 24:
            return low
        if low == 31:
            return None
        if low > 27:
            raise MetadataError("CBOR: a reserved length")
        return int.from_bytes(self.take(1 << (low - 24)), "big")

    def _simple(self, low: int) -> Any:
        if low == 31:
            return _BREAK
        if low in _FLOATS:
            form, size = _FLOATS[low]
            return struct.unpack(form, self.take(size))[0]
        if low == 24:
            self.take(1)
            return None
        return _SIMPLE.get(low)

    def _string(self, major: int, count: int | None) -> bytes | str:
        if count is not None:
            raw = self.take(count)
            return raw if major == 2 else raw.decode("utf-8", "replace")
        parts = list(self._values(None, 0))
        kind = bytes if major == 2 else str
        if not all(isinstance(part, kind) for part in parts):
            raise MetadataError("CBOR: a string of mixed parts")
        return b"".join(parts) if major == 2 else "".join(parts)

    def _values(self, count: int | None, depth: int) -> Any:
        done = 0
        while count is None or done < count:
            found = self._value_or_break(depth + 1)
            if found is _BREAK:
                if count is not None:
                    raise MetadataError("CBOR: a break inside a counted list")
                return
            done += 1
            yield found

    def _map(self, count: int | None, depth: int) -> dict[Any, Any]:
        """A map; keys are texts, numbers or bytes, as in every C2PA and COSE structure."""
        flat = list(self._values(None if count is None else 2 * count, depth))
        if len(flat) % 2:
            raise MetadataError("CBOR: a map with a key and no value")
        keys = flat[::2]
        if not all(isinstance(key, (str, int, bytes)) for key in keys):
            raise MetadataError("CBOR: a map's key is neither text nor number")
        return dict(zip(keys, flat[1::2], strict=True))
