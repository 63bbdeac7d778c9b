"""What came back, checked before it is called an image.

An answer is read from the file that it was received into: strings of many megabytes are decoded piece by piece,
so that ten 4K pictures cost no more memory than one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ijson

from imagegen_magic.errors import AnswerError, StoreError
from imagegen_magic.images.whole import whole_image
from imagegen_magic.jobs.result import shown_path
from imagegen_magic.redaction import redact
from imagegen_magic.request.request import ImageRequest
from imagegen_magic.request.response import Payload, Spool, Usage
from imagegen_magic.store.names import SUFFIXES

from .spool_body import SpooledBody

__all__ = ["ParsedResponse", "accept_image", "check_answer", "parse_json_answer", "read_usage"]

SLICE = 1 << 20  # characters of base64 decoded at a time; a multiple of 4


@dataclass(slots=True, kw_only=True)
class ParsedResponse:
    """An answer as it is taken apart: pictures in spool files, scalar fields, and what is wrong with it."""

    payloads: list[Payload] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    svg_usage: dict[str, Any] = field(default_factory=dict)
    """What the author model of an svg used; billed at that model's own rates."""
    urls: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    unsaved: list[bytes] = field(default_factory=list)
    """Pictures that the disk did not take."""
    broken: bool = False
    """The answer broke off, or is not of the expected form."""


def parse_json_answer(body: SpooledBody, spool: Spool) -> ParsedResponse:
    """The answer that `body` holds, its pictures decoded into files of their own. Never raises for content."""
    answer = ParsedResponse()
    if not body.size:
        answer.faults.append("the answer is empty")
        return answer
    try:
        for prefix, event, value in ijson.parse(body.read(), buf_size=SLICE, use_float=True):
            _take(prefix, event, value, answer, spool)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        answer.broken = True
        answer.faults.append(f"the answer is not whole JSON ({str(error).splitlines()[0][:80]})")
    return answer


def _take(prefix: str, event: str, value: Any, answer: ParsedResponse, spool: Spool) -> None:
    """One event of the JSON parser."""
    if prefix == "data.item.b64_json" and event == "string":
        accept_image(value, answer, spool)
    elif prefix == "data.item.b64_json" and event == "null":
        answer.faults.append("a picture is null")
    elif prefix == "data.item.url" and event == "string":
        answer.urls.append(value)
    elif prefix == "data" and event == "null":
        answer.faults.append("data is null")
    elif prefix in ("error.message", "detail") and event == "string":
        answer.faults.append(f"it says: {redact(value)[:300]}")
    elif prefix.startswith("usage.") and event in ("number", "null"):
        answer.usage[prefix.removeprefix("usage.")] = value
    elif prefix.startswith("svg_usage.") and event in ("number", "string"):
        answer.svg_usage[prefix.removeprefix("svg_usage.")] = value
    elif "." not in prefix and event in ("string", "number"):
        answer.fields[prefix] = value


def accept_image(text: str, answer: ParsedResponse, spool: Spool) -> None:
    """Decodes one base64 text into a spool file and checks that it is a whole picture; keeps it in any case."""
    text = text.partition(",")[2] if text.startswith("data:") else text
    try:
        _write_picture(text, answer, spool)
    except binascii.Error:
        answer.faults.append("a picture is not valid base64")
        path, stream = spool.open(".txt")
        with stream:
            stream.write(text.encode("utf-8", "replace"))
        answer.kept.append(spool.keep(path, "bad-base64"))
    except OSError as error:
        answer.faults.append(f"a picture could not be written ({error.strerror})")
        answer.unsaved.append(base64.b64decode(text))


def _write_picture(text: str, answer: ParsedResponse, spool: Spool) -> None:
    path, stream = spool.open(".png")
    digest = hashlib.sha256()
    try:
        with stream:
            for piece in _decoded(text):
                digest.update(piece)
                stream.write(piece)
    except (binascii.Error, OSError):
        spool.discard(path)
        raise
    add_picture(path, digest.hexdigest(), answer, spool)


def _decoded(text: str) -> Iterator[bytes]:
    for start in range(0, len(text), SLICE):
        yield base64.b64decode(text[start : start + SLICE], validate=True)


def add_picture(path: Path, sha256: str, answer: ParsedResponse, spool: Spool) -> None:
    """Adds a received file as a payload where it is a whole picture, and keeps it aside where it is not."""
    try:
        form, size = whole_image(path)
    except ValueError as fault:
        answer.faults.append(str(fault))
        answer.kept.append(spool.keep(path, "not-a-whole-picture"))
        return
    named = path.with_suffix(SUFFIXES[form])
    path.rename(named)
    answer.payloads.append(Payload(path=named, sha256=sha256, bytes=named.stat().st_size, format=form, size=size))


def read_usage(usage: Mapping[str, Any], svg: Mapping[str, Any] | None = None) -> Usage | None:
    """The token counts of an answer (`usage.` paths flattened), or None where the server counted nothing."""
    if not any(usage.get(name) for name in ("input_tokens", "output_tokens", "total_tokens")):
        return None
    return Usage(
        input_tokens=usage.get("input_tokens"),
        text_input_tokens=usage.get("input_tokens_details.text_tokens"),
        image_input_tokens=usage.get("input_tokens_details.image_tokens"),
        output_tokens=usage.get("output_tokens"),
        total_tokens=usage.get("total_tokens"),
        svg=svg,
    )


def flattened(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested usage object with dotted names."""
    out: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            out |= flattened(value, f"{prefix}{name}.")
        else:
            out[prefix + name] = value
    return out


def check_answer(answer: ParsedResponse, request: ImageRequest, body: SpooledBody, request_id: str | None) -> list[str]:
    """The warnings that a usable answer carries: fewer or more pictures, another format or size.

    Raises:
        AnswerError: there is no picture in it; what was received is kept, and it may have been billed.
        StoreError: the disk did not take a picture; it is handed over in memory.
    """
    if answer.unsaved:
        raise _unsaved(answer, body, request_id)
    if not answer.payloads:
        aside = body.keep("unusable-answer")
        kept = [*answer.kept, *([aside] if aside else [])]
        why = "; ".join(dict.fromkeys(answer.faults)) or "the answer holds no picture"
        hints = ("what was received is kept below; ask the server's support with the request id before paying again",)
        raise AnswerError(
            f"the server answered, but {why}", request_id=request_id, kept=tuple(map(shown_path, kept)), hints=hints
        )
    notes = list(dict.fromkeys(answer.faults))
    if len(answer.payloads) != request.count:
        word = "fewer" if len(answer.payloads) < request.count else "more"
        notes.append(f"{word} pictures than asked: {len(answer.payloads)} of {request.count}")
    for number, payload in enumerate(answer.payloads):
        notes += [f"picture {number}: {note}" for note in _differences(payload, request)]
    if answer.broken and (aside := body.keep("cut-answer")):
        answer.kept.append(aside)
    return notes + [f"kept: {shown_path(path)}" for path in answer.kept]


def _unsaved(answer: ParsedResponse, body: SpooledBody, request_id: str | None) -> StoreError:
    """The paid pictures, handed over in memory; the answer stays on disk where it fits."""
    aside = body.keep("unsaved-answer")
    pictures = (*(payload.path.read_bytes() for payload in answer.payloads), *answer.unsaved)
    hints = ("free some space, or --out-dir on another disk",)
    why = answer.faults[-1]
    error = StoreError(
        f"the answer came, but {why}", pictures=pictures, hints=hints, outcome="done", request_id=request_id
    )
    error.kept = () if aside is None else (shown_path(aside),)
    return error


def _differences(payload: Payload, request: ImageRequest) -> Iterator[str]:
    """How a picture differs from what was asked for; it is kept as it came."""
    if payload.format != request.format:
        yield f"asked for {request.format}, received {payload.format}"
    asked = request.size
    if asked and "x" in asked and payload.size and request.format not in ("gif", "svg"):
        received = f"{payload.size[0]}x{payload.size[1]}"
        if received != asked:
            yield f"asked for {asked}, received {received}"


class EventStream:
    """Server-sent events of a streaming answer, read line by line; events name themselves in `data.type`."""

    def __init__(self, spool: Spool, on_partial: Callable[[bytes, int], None]) -> None:
        self.answer = ParsedResponse()
        self.error: Mapping[str, Any] | None = None
        self.completed = 0
        self._spool = spool
        self._on_partial = on_partial

    def feed_line(self, line: bytes) -> None:
        """Takes one line of the stream."""
        if not line.startswith(b"data:"):
            return
        text = line[5:].strip()
        if not text or text == b"[DONE]":
            return
        try:
            event = json.loads(text)
        except ValueError:
            self.answer.broken = True
            self.answer.faults.append("an event of the stream is cut off")
            return
        if isinstance(event, dict):
            self._dispatch(event)

    def _dispatch(self, event: dict[str, Any]) -> None:
        kind = str(event.get("type", ""))
        if event.get("error"):
            error = event["error"]
            self.error = error if isinstance(error, Mapping) else {"message": str(error)}
        elif kind.endswith(".partial_image"):
            self._partial(event)
        elif kind.endswith(".completed"):
            self.completed += 1
            self._final(event)

    def _partial(self, event: Mapping[str, Any]) -> None:
        """A live preview: shown, never kept as a result; one that can't be decoded is passed over."""
        try:
            data = base64.b64decode(event.get("b64_json") or "", validate=True)
        except binascii.Error:
            return
        if data:
            self._on_partial(data, int(event.get("partial_image_index") or 0))

    def _final(self, event: dict[str, Any]) -> None:
        text = event.pop("b64_json", None)
        if text:
            accept_image(text, self.answer, self._spool)
        elif event.get("url"):
            self.answer.urls.append(str(event["url"]))
        else:
            self.answer.faults.append("the final event holds no picture")
        usage = event.get("usage") or {}
        for name, count in flattened(usage).items():
            self.answer.usage[name] = (self.answer.usage.get(name) or 0) + (count or 0)
        self.answer.fields |= {k: v for k, v in event.items() if isinstance(v, (str, int)) and k != "type"}
