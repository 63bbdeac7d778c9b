"""An answer of several parts (RFC 2046): images as files of their own, beside the JSON that tells of them."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from email.message import Message
from email.parser import BytesHeaderParser

from imagegen_magic.request.response import Spool

from .answers import ParsedResponse, parse_json_answer
from .shapes import MAX_BYTES
from .spool_body import SpooledBody

__all__ = ["is_multipart", "parse_parts", "parts_in"]

_FIRST_LINE = re.compile(rb"--([^\r\n]{1,70})\r?\n(?=[A-Za-z-]+:|\r?\n)")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n|\A\r?\n")


def is_multipart(headers: Mapping[str, str], body: SpooledBody) -> bool:
    """True for a body that is called so, or begins so: neither JSON nor an image nor an event does."""
    start = body.read().read(100)
    return headers.get("content-type", "").lower().startswith("multipart/") or _FIRST_LINE.match(start) is not None


def parse_parts(body: SpooledBody, headers: Mapping[str, str], spool: Spool) -> ParsedResponse:
    """What the parts hold together. Never raises for content."""
    answer = ParsedResponse()
    parts = [*parts_in(body.read().read(MAX_BYTES), headers)]
    if REPLACED in headers.get("content-type", "").lower():
        parts = parts[-1:]  # those before it are previews
    for content in parts:
        part = SpooledBody(spool)
        part.write(content)
        _add(parse_json_answer(part, spool), answer)
        part.discard()
    if not (answer.payloads or answer.faults):
        answer.faults.append(f"none of its {len(parts)} parts holds a picture")
    return answer


REPLACED = "x-mixed-replace"


def _add(part: ParsedResponse, answer: ParsedResponse) -> None:
    """Adds what a part holds; one that is neither JSON nor an image is a text beside them."""
    for name in ("payloads", "urls", "kept", "unsaved"):
        getattr(answer, name).extend(getattr(part, name))
    answer.faults += [] if part.broken and not (part.kept or part.unsaved) else part.faults
    answer.fields |= part.fields
    answer.usage = answer.usage or part.usage
    answer.svg_usage = answer.svg_usage or part.svg_usage
    answer.error = answer.error or part.error


def parts_in(data: bytes, headers: Mapping[str, str]) -> Iterator[bytes]:
    """The contents of the parts, without their heads; a last one that is cut off counts."""
    boundary = _boundary(data, headers)
    if not boundary:
        return
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\r?\n|\Z)")
    marks = [*line.finditer(data)]
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        if mark[1]:
            return
        # The line that ends a part is the beginning of the next one's mark.
        yield _content(data[mark.end() : following.start()] if following else _cut_off(data[mark.end() :], boundary))


def _cut_off(part: bytes, boundary: bytes) -> bytes:
    """The last part of a body that breaks off, without the beginning of the mark that would have followed."""
    mark = b"\r\n--" + boundary + b"--"
    return next((part[:-n] for n in range(len(mark), 0, -1) if part.endswith(mark[:n])), part)


def _boundary(data: bytes, headers: Mapping[str, str]) -> bytes:
    head = Message()
    head["content-type"] = headers.get("content-type", "").replace("\n", " ").replace("\r", " ")
    named = (head.get_boundary() or "").encode("latin-1", "replace")
    first = _FIRST_LINE.match(data)
    return named if named and b"--" + named in data else first[1].rstrip() if first else b""


def _content(part: bytes) -> bytes:
    end = _END_OF_HEAD.search(part)
    if end is None:
        return b""
    head = BytesHeaderParser().parsebytes(part[: end.start()])
    content = part[end.end() :]
    if head.get("content-transfer-encoding", "").strip().lower() == "base64":
        try:
            return binascii.a2b_base64(content)
        except ValueError:
            return content
    return content
