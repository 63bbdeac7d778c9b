"""What came back, checked before it is called an image.

An answer is read from the file that it was received into: strings of many megabytes are decoded piece by piece,
so that ten 4K pictures cost no more memory than one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ijson

from imagegen_magic.errors import AnswerError, Fix, Setting, StoreError
from imagegen_magic.images.whole import FILE_STARTS, is_sound, whole_image
from imagegen_magic.jobs.result import shown_path
from imagegen_magic.request.request import ImageRequest
from imagegen_magic.request.response import Payload, Spool, Usage
from imagegen_magic.store.names import SUFFIXES

from .error_bodies import said_in
from .shapes import (
    MAX_BYTES,
    MAX_DEPTH,
    image_bytes,
    images_in,
    images_in_text,
    is_address,
    looks_like_image,
    may_continue_image,
    quoted,
    read_json,
    without_error,
    without_wrapping,
)
from .spool_body import SpooledBody, decoded

__all__ = [
    "ParsedResponse",
    "accept_image",
    "accept_once",
    "accept_text",
    "add_image",
    "check_answer",
    "counts_of",
    "join_pieces",
    "parse_json_answer",
    "read_usage",
    "usage_in",
]

PIECE = 1 << 22
"""Bytes that the JSON parser reads at a time: it gathers a string that is longer at great cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A text that is no whole image by itself, and what was noted of it."""

    text: str
    place: int
    """Images before it."""
    fault: str
    kept: Path


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
    pieces: list[Piece] = field(default_factory=list)
    """Texts that are no whole image alone, in their order."""
    unsaved: list[bytes] = field(default_factory=list)
    """Pictures that the disk did not take."""
    broken: bool = False
    """The answer broke off, or is not of the expected form."""
    error: Any = None
    """What an answer without an image says under `error`, though its status is that of a success."""


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
        answer.faults.append(f"the answer is not whole JSON ({_first_line(error)})")
    join_pieces(answer, spool)
    answer.urls = [url for item, url in answer.addresses if item not in answer.items_with_bytes]
    if answer.broken or not (answer.payloads or answer.kept or answer.unsaved):
        _read_leniently(body, answer, spool)
        join_pieces(answer, spool)
    empty = answer.nulls - answer.items_with_bytes - {item for item, _ in answer.addresses}
    answer.faults += ["a picture is null"] * len(empty)
    return answer


def _events(body: SpooledBody) -> Iterable[tuple[str, Any]]:
    """The JSON parser's events. It takes room for a whole piece each time it reads, also where the body is short."""
    events: Iterable[tuple[str, Any]] = ijson.basic_parse(
        body.read(), buf_size=min(PIECE, body.size + 1), use_float=True
    )
    return events


def _first_line(error: Exception) -> str:
    """What the parser says, in a line; of an encoding that is none it says it in bytes."""
    said = error.args[0] if error.args else error
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return text.splitlines()[0].strip()[:80]


IMAGE_MAGIC = (*FILE_STARTS, b"<svg")


def _read_leniently(body: SpooledBody, answer: ParsedResponse, spool: Spool) -> None:
    """Takes an answer of another form, since it may be paid for: a bare image, other names, NaN, UTF-16.

    What the server says of itself is kept with it.
    """
    data = body.read().read(MAX_BYTES)
    if data.startswith(IMAGE_MAGIC):
        path, stream = spool.open(".png")
        with stream:
            stream.write(data)
        answer.faults.clear()
        answer.broken = False
        add_image(path, hashlib.sha256(data).hexdigest(), answer, spool)
        return
    text = data.decode(json.detect_encoding(data), "replace").strip()
    try:
        value, end = read_json(text)
    except (ValueError, RecursionError):
        return
    if isinstance(value, str):
        value = quoted(value) or value
    found = list(images_in(without_error(value)))
    if end < len(text) or (answer.urls and all(map(is_address, found))):
        return
    if found:
        _begin_anew(answer, spool)
    for image in found:
        accept_or_note(image, answer, spool)
    if isinstance(value, Mapping):
        answer.usage = counts_of(usage_in(value))
        answer.fields = {name: field for name, field in value.items() if isinstance(field, (str, int))}
        answer.error = None if found else value.get("error")
        if not found and (said := said_in(value)):
            answer.faults.append(f"it holds no picture, and says: {said}")


def _begin_anew(answer: ParsedResponse, spool: Spool) -> None:
    """Forgets what was read of an answer that is now read whole."""
    for payload in answer.payloads:
        spool.discard(payload.path)
    for piece in answer.pieces:
        answer.kept.remove(piece.kept)
        spool.discard(piece.kept)
    for gathered in (answer.payloads, answer.pieces, answer.unsaved, answer.urls, answer.nulls, answer.faults):
        gathered.clear()
    answer.broken = False


def usage_in(value: Mapping[str, Any], depth: int = 0) -> Any:
    """The token counts of an answer, also if a gateway put it into one of its own; None if there are none."""
    if depth > MAX_DEPTH or value.get("usage"):
        return value.get("usage")
    inner = (usage_in(part, depth + 1) for part in value.values() if isinstance(part, Mapping))
    return next((usage for usage in inner if usage), None)


def accept_text(body: SpooledBody, answer: ParsedResponse, spool: Spool) -> None:
    """Takes every image that stands as base64 in an answer that can't be read, and its counts; what is there already counts once."""
    data = body.read().read(MAX_BYTES)
    text = data.decode(json.detect_encoding(data), "replace")
    answer.usage = answer.usage or counts_of(usage_in_text(text))
    for image in images_in_text(text):
        accept_once(image, answer, spool)


def accept_once(image: str, answer: ParsedResponse, spool: Spool) -> bool:
    """Takes an image that came in a text, or notes its address; False if it is there already, perhaps written in another way."""
    known = {payload.sha256 for payload in answer.payloads}
    count = len(answer.payloads)
    accept_or_note(image, answer, spool)
    if len(answer.payloads) > count and answer.payloads[-1].sha256 in known:
        spool.discard(answer.payloads.pop().path)
        return False
    return True


def counts_of(usage: object) -> dict[str, int | None]:
    """The token counts of a usage object by their dotted names; None for what is no count."""
    return {name: token_count(count) for name, count in flattened(usage).items()}


_USAGE = re.compile(r'["\']usage["\']\s*:\s*(?=\{)')


def usage_in_text(text: str) -> Any:
    """The token counts that stand in a text that is no JSON, if they stand there once; None if not."""
    found = [quoted(text[match.end() :]) for match in _USAGE.finditer(text)]
    return found[0] if len(found) == 1 else None


def accept_or_note(image: str, answer: ParsedResponse, spool: Spool) -> None:
    """Takes an image that came in a text, or notes its address, to be fetched."""
    if _is_elsewhere(image, answer):
        answer.urls.append(image)
    else:
        accept_image(image, answer, spool)


def _is_elsewhere(text: str, answer: ParsedResponse) -> bool:
    """True for an address, unless an image is unfinished that the text may go on with."""
    return is_address(text) and not (answer.pieces and may_continue_image(text))


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
    elif prefix == "data.item.b64_json" and event == "null":
        answer.nulls.add(answer.items)
    elif prefix in ("data.item.b64_json", "data.item.url") and event == "string" and value:
        if _is_elsewhere(value, answer):
            answer.addresses.append((answer.items, value))
        else:
            answer.items_with_bytes.add(answer.items)
            accept_image(value, answer, spool)
    elif prefix.startswith("usage.") and event in ("number", "string", "null"):
        answer.usage[prefix.removeprefix("usage.")] = token_count(value)
    elif prefix.startswith("svg_usage.") and event in ("number", "string"):
        answer.svg_usage[prefix.removeprefix("svg_usage.")] = value
    elif "." not in prefix and event in ("string", "number"):
        answer.fields[prefix] = value


def accept_image(text: str, answer: ParsedResponse, spool: Spool) -> None:
    """Decodes one base64 text into a spool file and checks that it is a whole picture; keeps it in any case."""
    kept, place = len(answer.kept), len(answer.payloads)
    try:
        try:
            _write_image(text, answer, spool)
        except ValueError:
            _write_image(without_wrapping(text), answer, spool)
    except ValueError:
        answer.faults.append("a picture is not valid base64")
        path, stream = spool.open(".txt")
        with stream:
            stream.write(text.encode("utf-8", "replace"))
        answer.kept.append(spool.keep(path, "bad-base64"))
    except OSError as error:
        answer.faults.append(f"a picture could not be written ({error.strerror})")
        with contextlib.suppress(ValueError):
            answer.unsaved.append(b"".join(image_bytes(text)))
    if len(answer.kept) > kept:
        answer.pieces.append(Piece(text=text, place=place, fault=answer.faults[-1], kept=answer.kept[-1]))


def join_pieces(answer: ParsedResponse, spool: Spool) -> None:
    """Joins texts that are a whole image together only: some servers cut one into entries of a list, or into events.

    A run of them begins with a text that begins as an image does. What can't be told apart is left as it came: beside a
    beginning with nothing after it, the rest may be of either.
    """
    runs: list[list[Piece]] = []
    for piece in answer.pieces:
        if looks_like_image(piece.text):
            runs.append([])
        if runs:
            runs[-1].append(piece)
    if any(len(run) < 2 or len({piece.place for piece in run}) > 1 for run in runs):
        return
    for run in reversed(runs):  # from the last, so that the places before it stay
        _join(run, answer, spool)


def _join(run: Sequence[Piece], answer: ParsedResponse, spool: Spool) -> None:
    joined = ParsedResponse()
    accept_image("".join(piece.text.strip() for piece in run), joined, spool)
    for path in joined.kept:
        spool.discard(path)
    if joined.payloads and not is_sound(joined.payloads[0].path):
        spool.discard(joined.payloads.pop().path)
    if joined.payloads:
        answer.payloads[run[0].place : run[0].place] = joined.payloads
        for piece in run:
            answer.pieces.remove(piece)
            answer.faults.remove(piece.fault)
            answer.kept.remove(piece.kept)
            spool.discard(piece.kept)


def _write_image(text: str, answer: ParsedResponse, spool: Spool) -> None:
    path, stream = spool.open(".png")
    digest = hashlib.sha256()
    try:
        with stream:
            for piece in decoded(image_bytes(text), ""):  # some pack it first
                digest.update(piece)
                stream.write(piece)
    except (ValueError, OSError):
        spool.discard(path)
        raise
    add_image(path, digest.hexdigest(), answer, spool)


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
    if isinstance(value, str) and _COUNT.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < MOST_TOKENS:
        return None
    return int(value)


_COUNT = re.compile(r"\s*[0-9]{1,9}(\.[0-9]*)?\s*")
MOST_TOKENS = 10**8
"""No answer has more; a cost of thousands would stop every limit."""


_OF_CHATS = {"prompt": "input", "completion": "output"}
"""What a chat's usage calls input and output; some servers count images under these names."""


def read_usage(usage: Mapping[str, Any], svg: Mapping[str, Any] | None = None) -> Usage | None:
    """The token counts of an answer (`usage.` paths flattened), or None if the server counted nothing."""
    counts = {name: token_count(value) for name, value in usage.items()}
    for name in usage:
        kind, _, rest = name.partition("_tokens")
        if kind in _OF_CHATS:
            ours = f"{_OF_CHATS[kind]}_tokens{rest}"
            counts[ours] = counts.get(ours) or counts[name]
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
        notes.append(f"{word} pictures than asked for: {len(answer.payloads)} of {request.count}")
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
