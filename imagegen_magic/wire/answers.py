"""What came back, checked before it is called an image.

An answer is read from the file that it was received into: strings of many megabytes are decoded piece by piece,
so that ten 4K pictures cost no more memory than one.
"""

from __future__ import annotations

import binascii
import contextlib
import hashlib
import json
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ijson
import pybase64

from imagegen_magic.errors import AnswerError, Fix, Setting, StoreError
from imagegen_magic.images.whole import whole_image
from imagegen_magic.jobs.result import shown_path
from imagegen_magic.request.request import ImageRequest
from imagegen_magic.request.response import Payload, Spool, Usage
from imagegen_magic.store.names import SUFFIXES

from .spool_body import SpooledBody
from .sse import ServerEvent, SseParser

__all__ = [
    "EventStream",
    "ParsedResponse",
    "accept_image",
    "add_image",
    "check_answer",
    "looks_like_stream",
    "parse_json_answer",
    "read_usage",
]

SLICE = 1 << 20  # characters of base64 decoded at a time; a multiple of 4
PIECE = 1 << 22
"""Bytes that the JSON parser reads at a time: it gathers a string that is longer at great cost."""
MAX_DEPTH = 64
"""Levels of JSON that are read; an answer has about five, and a hostile one millions."""


@dataclass(slots=True, kw_only=True)
class ParsedResponse:
    """An answer as it is taken apart: pictures in spool files, scalar fields, and what is wrong with it."""

    payloads: list[Payload] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    svg_usage: dict[str, Any] = field(default_factory=dict)
    """What the author model of an svg used; billed at that model's own rates."""
    urls: list[str] = field(default_factory=list)
    """Addresses of images that did not come as bytes."""
    addresses: list[tuple[int, str]] = field(default_factory=list)
    """Every address with the number of its entry."""
    items: int = 0
    items_with_bytes: set[int] = field(default_factory=set)
    nulls: set[int] = field(default_factory=set)
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
        for prefix, event, value in _with_paths(_events(body)):
            _accept(prefix, event, value, answer, spool)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        answer.broken = True
        answer.faults.append(f"the answer is not whole JSON ({str(error).splitlines()[0][:80]})")
    answer.urls = [url for item, url in answer.addresses if item not in answer.items_with_bytes]
    empty = answer.nulls - answer.items_with_bytes - {item for item, _ in answer.addresses}
    answer.faults += ["a picture is null"] * len(empty)
    return answer


def _events(body: SpooledBody) -> Iterable[tuple[str, Any]]:
    """The JSON parser's events. It takes room for a whole piece each time it reads, also where the body is short."""
    events: Iterable[tuple[str, Any]] = ijson.basic_parse(
        body.read(), buf_size=min(PIECE, body.size + 1), use_float=True
    )
    return events


def _with_paths(events: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """The parser's events with their paths (`data.item.url`).

    ijson's own paths are made for a whole piece at once, as long as the nesting is deep: gigabytes for a hostile answer.

    Raises:
        ijson.JSONError: it is nested too deep.
    """
    path: list[str] = []
    for event, value in events:
        if event in ("end_map", "end_array"):
            path.pop()
        if event == "map_key":
            path[-1] = value
        else:
            yield ".".join(path), event, value
        if event in ("start_map", "start_array"):
            path.append("item" if event == "start_array" else "")
        if len(path) > MAX_DEPTH:
            raise ijson.JSONError(f"nested more than {MAX_DEPTH} levels deep")


def _accept(prefix: str, event: str, value: Any, answer: ParsedResponse, spool: Spool) -> None:
    """One event of the JSON parser."""
    if prefix == "data.item" and event == "start_map":
        answer.items += 1
    elif prefix == "data.item.b64_json" and event == "string":
        answer.items_with_bytes.add(answer.items)
        accept_image(value, answer, spool)
    elif prefix == "data.item.b64_json" and event == "null":
        answer.nulls.add(answer.items)
    elif prefix == "data.item.url" and event == "string":
        if value.startswith("data:"):
            answer.items_with_bytes.add(answer.items)
            accept_image(value, answer, spool)
        else:
            answer.addresses.append((answer.items, value))
    elif prefix.startswith("usage.") and event in ("number", "string", "null"):
        answer.usage[prefix.removeprefix("usage.")] = token_count(value)
    elif prefix.startswith("svg_usage.") and event in ("number", "string"):
        answer.svg_usage[prefix.removeprefix("svg_usage.")] = value
    elif "." not in prefix and event in ("string", "number"):
        answer.fields[prefix] = value


def accept_image(text: str, answer: ParsedResponse, spool: Spool) -> None:
    """Decodes one base64 text into a spool file and checks that it is a whole picture; keeps it in any case."""
    text = text.partition(",")[2] if text.startswith("data:") else text
    try:
        _write_image(text, answer, spool)
    except (binascii.Error, ValueError):
        answer.faults.append("a picture is not valid base64")
        path, stream = spool.open(".txt")
        with stream:
            stream.write(text.encode("utf-8", "replace"))
        answer.kept.append(spool.keep(path, "bad-base64"))
    except OSError as error:
        answer.faults.append(f"a picture could not be written ({error.strerror})")
        with contextlib.suppress(binascii.Error, ValueError):
            answer.unsaved.append(b"".join(_decoded(text)))


def _write_image(text: str, answer: ParsedResponse, spool: Spool) -> None:
    path, stream = spool.open(".png")
    digest = hashlib.sha256()
    try:
        with stream:
            for piece in _decoded(text):
                digest.update(piece)
                stream.write(piece)
    except (binascii.Error, ValueError, OSError):
        spool.discard(path)
        raise
    add_image(path, digest.hexdigest(), answer, spool)


def _decoded(text: str) -> Iterator[bytes]:
    """The bytes of a base64 text, piece by piece: line breaks, blanks and the url-safe alphabet are read too.

    Raises:
        binascii.Error, ValueError: it is not base64.
    """
    if not text.isascii() or any(blank in text for blank in string.whitespace):  # a regex would take 20 ms a picture
        text = "".join(text.split())
    if "-" in text or "_" in text:
        text = text.translate({ord("-"): "+", ord("_"): "/"})
    text = text.rstrip("=")  # some write more of them than there must be
    text += "=" * (-len(text) % 4)
    for start in range(0, len(text), SLICE):
        yield pybase64.b64decode(text[start : start + SLICE], validate=True)


def add_image(path: Path, sha256: str, answer: ParsedResponse, spool: Spool) -> None:
    """Adds a received file as a payload if it is a whole picture, and keeps it aside if it is not."""
    try:
        form, size = whole_image(path)
    except ValueError as fault:
        answer.faults.append(str(fault))
        answer.kept.append(spool.keep(path, "not-a-whole-picture"))
        return
    if path.suffix != SUFFIXES[form]:
        path = path.rename(path.with_suffix(SUFFIXES[form]))
    answer.payloads.append(Payload(path=path, sha256=sha256, bytes=path.stat().st_size, format=form, size=size))


def token_count(value: object) -> int | None:
    """A count that a server sent, as a whole number: floats and digits count, everything else is unknown."""
    if isinstance(value, str) and value.strip().isdigit() and len(value) < _LONGEST_COUNT:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 10**_LONGEST_COUNT:
        return None
    return int(value)


_LONGEST_COUNT = 15
"""Digits; no answer has more tokens."""


def read_usage(usage: Mapping[str, Any], svg: Mapping[str, Any] | None = None) -> Usage | None:
    """The token counts of an answer (`usage.` paths flattened), or None if the server counted nothing."""
    counts = {name: token_count(value) for name, value in usage.items()}
    if not any(counts.get(name) for name in ("input_tokens", "output_tokens", "total_tokens")):
        return None
    return Usage(
        input_tokens=counts.get("input_tokens"),
        text_input_tokens=counts.get("input_tokens_details.text_tokens"),
        image_input_tokens=counts.get("input_tokens_details.image_tokens"),
        output_tokens=counts.get("output_tokens"),
        text_output_tokens=counts.get("output_tokens_details.text_tokens"),
        image_output_tokens=counts.get("output_tokens_details.image_tokens"),
        total_tokens=counts.get("total_tokens"),
        svg=svg,
    )


def flattened(data: object, prefix: str = "") -> dict[str, Any]:
    """A nested usage object with dotted names; nothing if it is not an object."""
    out: dict[str, Any] = {}
    if not isinstance(data, Mapping) or prefix.count(".") > MAX_DEPTH:
        return out
    for name, value in data.items():
        if isinstance(value, Mapping):
            out |= flattened(value, f"{prefix}{name}.")
        else:
            out[prefix + name] = value
    return out


def looks_like_stream(body: SpooledBody) -> bool:
    """True if a body that is called JSON begins as an event stream does."""
    start = body.read().read(64).lstrip(b"\xef\xbb\xbf \r\n")
    return start.startswith((b"data:", b"event:", b": "))


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
    """The paid pictures, handed over in memory; the answer stays on disk if it fits."""
    aside = body.keep("unsaved-answer")
    images = (*(payload.path.read_bytes() for payload in answer.payloads), *answer.unsaved)
    hints = (Fix("free some space, or ", Setting("--out-dir"), " on another disk"),)
    why = answer.faults[-1]
    error = StoreError(
        f"the answer came, but {why}", pictures=images, hints=hints, outcome="done", request_id=request_id
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
    """The events of a streaming answer; each names itself in its `type`, else by its `event:` line.

    Any event but a preview that holds an image yields it, under whatever name and in whatever shape: it is billed.
    """

    def __init__(self, spool: Spool, on_partial: Callable[[bytes, int], None]) -> None:
        self.answer = ParsedResponse()
        self.error: Mapping[str, Any] | None = None
        self.completed = 0
        """Events that held an image, or said that one is complete."""
        self.count = 0
        """Events of any kind."""
        self._parser = SseParser()
        self._spool = spool
        self._on_partial = on_partial

    def feed(self, piece: bytes) -> None:
        """Takes the next bytes of the stream."""
        for event in self._parser.feed(piece):
            self._accept(event)

    def close(self) -> None:
        """Takes what the end of the stream leaves."""
        for event in self._parser.close():
            self._accept(event)

    def _accept(self, received: ServerEvent) -> None:
        text = received.data.strip()
        if not text or text == b"[DONE]":
            return
        self.count += 1
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            self.answer.broken = True
            self.answer.faults.append("an event of the stream is cut off, or not JSON")
            return
        if isinstance(event, dict):
            self._dispatch(str(event.get("type") or received.name), event)
        else:
            self.answer.broken = True

    def _dispatch(self, kind: str, event: dict[str, Any]) -> None:
        if "partial" in kind:
            self._partial(event)
        elif event.get("error") or kind == "error":
            error = event.get("error") or event
            self.error = error if isinstance(error, Mapping) else {"message": str(error)}
        elif images := list(images_in(event)):
            self.completed += 1
            self._final(event, images)
        elif kind.endswith(".completed"):
            self.completed += 1
            self.answer.faults.append("the final event holds no picture")
        elif kind != "message" or event:
            self.answer.broken = True  # not understood: the stream is kept with the result

    def _partial(self, event: Mapping[str, Any]) -> None:
        """A live preview: shown, never kept as a result; one that can't be decoded or shown is passed over."""
        text, number = event.get("b64_json"), event.get("partial_image_index")
        if not isinstance(text, str):
            return
        with contextlib.suppress(Exception):
            if data := b"".join(_decoded(text)):
                self._on_partial(data, number if isinstance(number, int) else 0)

    def _final(self, event: Mapping[str, Any], images: Sequence[str]) -> None:
        for image in images:
            if image.startswith(("http:", "https:", "/")) and not image.startswith(_STARTS):
                self.answer.urls.append(image)
            else:
                accept_image(image, self.answer, self._spool)
        for name, count in flattened(event.get("usage")).items():
            if (more := token_count(count)) is not None:
                self.answer.usage[name] = (self.answer.usage.get(name) or 0) + more
        self.answer.fields |= {k: v for k, v in event.items() if k in _FIELDS and isinstance(v, (str, int))}


_FIELDS = ("created", "created_at", "size", "quality", "background", "output_format")
_STARTS = ("data:image/", "iVBORw0KGgo", "/9j/", "UklGR", "R0lGOD", "PHN2Zy", "PD94bWw")
"""How the base64 text of a PNG, JPEG, WebP, GIF or SVG file begins, and a data URI."""
_SHORTEST = 64
"""Characters; nothing shorter is an image."""


def images_in(value: object, key: str = "", depth: int = 0) -> Iterator[str]:
    """Every text inside a JSON value that is an image, or the address of one, in its order; each once.

    An entry that holds both the image and its address yields the image.
    """
    if depth > MAX_DEPTH:
        return
    if isinstance(value, str):
        named = key in ("b64_json", "b64", "image_base64") and value
        looks = len(value) >= _SHORTEST and value.lstrip().startswith(_STARTS)
        if named or looks or (key == "url" and value):
            yield value
    elif isinstance(value, Mapping):
        found = [(name, text) for name, inner in value.items() for text in images_in(inner, str(name), depth + 1)]
        has_bytes = any(name != "url" for name, _ in found)
        yield from dict.fromkeys(text for name, text in found if name != "url" or not has_bytes)
    elif isinstance(value, list):
        for inner in value:
            yield from images_in(inner, key, depth + 1)
