"""Reads JUMBF boxes (ISO 19566-5), the boxes that a C2PA manifest store consists of.

A box is a length (4 bytes), a type (4 letters) and content; a `jumb` box holds a `jumd` box with its label, then its
content boxes. Layout: C2PA specification 2.2, section 11 (2025-05-05).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .cbor import MetadataError

__all__ = ["Box", "read_superbox"]

MAX_DEPTH = 32
MAX_BOXES = 20_000
_HAS_LABEL = 0b10


@dataclass(slots=True)
class Box:
    """A superbox: its label, its content boxes as (type, bytes), its inner superboxes, and its own bytes without the header."""

    label: str
    kind: bytes
    """The first four letters of its type, such as `c2ma` for a manifest."""
    body: bytes = field(repr=False)
    contents: list[tuple[bytes, bytes]] = field(default_factory=list, repr=False)
    boxes: list[Box] = field(default_factory=list)

    def find(self, *labels: str) -> Box | None:
        """The first inner superbox with one of these labels, which may carry a number (`c2pa.actions__1`)."""
        return next((box for box in self.boxes if box.label.split("__")[0] in labels), None)

    def content(self, kind: bytes) -> bytes | None:
        """The first content box of a type, such as `cbor`."""
        return next((data for found, data in self.contents if found == kind), None)


def read_superbox(data: bytes) -> Box:
    """The superbox that `data` starts with.

    Raises:
        MetadataError: it is not a superbox, is cut off, nests deeper than 32 or holds more than 20,000 boxes.
    """
    counter = [0]
    for kind, body in _boxes(data, counter):
        if kind != b"jumb":
            break
        return _superbox(body, 0, counter)
    raise MetadataError("not a JUMBF superbox")


def _boxes(data: bytes, counter: list[int]) -> Iterator[tuple[bytes, bytes]]:
    """(type, content) of every box in a row. A length of 0 reaches to the end, 1 is followed by eight more bytes."""
    at = 0
    while at + 8 <= len(data):
        counter[0] += 1
        if counter[0] > MAX_BOXES:
            raise MetadataError("too many JUMBF boxes")
        size, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        size = len(data) - at if size == 0 else size
        if size < head or at + size > len(data):
            raise MetadataError("a JUMBF box has an impossible length")
        yield kind, data[at + head : at + size]
        at += size


def _superbox(body: bytes, depth: int, counter: list[int]) -> Box:
    if depth > MAX_DEPTH:
        raise MetadataError("JUMBF boxes nest too deep")
    inner = _boxes(body, counter)
    kind, description = next(inner, (b"", b""))
    if kind != b"jumd" or len(description) < 17:
        raise MetadataError("a JUMBF superbox without its description")
    label = ""
    if description[16] & _HAS_LABEL:
        label = description[17:].split(b"\0", 1)[0][:200].decode("utf-8", "replace")
    box = Box(label=label, kind=description[:4], body=body)
    for found, data in inner:
        if found == b"jumb":
            box.boxes.append(_superbox(data, depth + 1, counter))
        else:
            box.contents.append((found, data))
    return box
