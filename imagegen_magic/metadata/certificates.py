"""The names in an X.509 certificate, for the line that says who signed. Trust is judged elsewhere, by a library."""

from __future__ import annotations

from collections.abc import Iterator

from .cbor import MetadataError

__all__ = ["subject_name"]

_SEQUENCE = 0x30
_ORGANISATION, _COMMON_NAME = b"\x55\x04\x0a", b"\x55\x04\x03"
_ENCODINGS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1E: "utf-16-be"}


def subject_name(certificate: bytes) -> str:
    """The organisation that a DER certificate was issued to, else its common name, else an empty text.

    Raises:
        MetadataError: it is not a certificate.
    """
    body = dict(enumerate(_elements(_inside(_inside(certificate)))))
    first = 1 if body.get(0, (0, b""))[0] == 0xA0 else 0  # version 1 has no version field
    tag, subject = body.get(first + 4, (0, b""))
    if tag != _SEQUENCE:
        raise MetadataError("a certificate without a subject")
    names = _attributes(subject)
    return names.get(_ORGANISATION, "") or names.get(_COMMON_NAME, "")


def _attributes(name: bytes) -> dict[bytes, str]:
    """Object identifier to text of a distinguished name: sets of (identifier, text) pairs."""
    found: dict[bytes, str] = {}
    for _, relative in _elements(name):
        for _, pair in _elements(relative):
            (_, oid), (kind, text) = (list(_elements(pair)) + [(0, b"")] * 2)[:2]
            found.setdefault(oid, text[:200].decode(_ENCODINGS.get(kind, "latin-1"), "replace"))
    return found


def _inside(data: bytes) -> bytes:
    """The content of the sequence that `data` starts with."""
    tag, content = next(_elements(data), (0, b""))
    if tag != _SEQUENCE:
        raise MetadataError("not a certificate")
    return content


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, content) of the DER elements in a row (ITU-T X.690)."""
    at = 0
    while at + 2 <= len(data):
        tag, size, head = data[at], data[at + 1], 2
        if size & 0x80:
            count = size & 0x7F
            if not 1 <= count <= 4:
                raise MetadataError("a certificate has an impossible length")
            size, head = int.from_bytes(data[at + 2 : at + 2 + count], "big"), 2 + count
        if at + head + size > len(data):
            raise MetadataError("a certificate is cut off")
        yield tag, data[at + head : at + head + size]
        at += head + size
