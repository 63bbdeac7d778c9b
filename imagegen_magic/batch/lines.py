"""The Batch API's files: requests as lines going out, answers as lines coming back, never a whole file in memory."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from imagegen_magic.errors import AnswerError, CallError
from imagegen_magic.facts.catalog import Limits, load_catalog
from imagegen_magic.jobs.result import shown_path
from imagegen_magic.options.profiles import IMAGE_OPTIONS
from imagegen_magic.request.request import ImageRequest, InputImage
from imagegen_magic.request.response import ImageResponse, Spool
from imagegen_magic.store.folder import Store
from imagegen_magic.wire.answers import ParsedResponse, check_answer, parse_json_answer, read_usage
from imagegen_magic.wire.http_errors import status_error
from imagegen_magic.wire.spool_body import SpooledBody

from .plan import PlannedJob
from .submitted import InputFile, SubmittedJob

__all__ = ["AnswerFromFile", "TornLine", "read_lines", "request_id_of", "write_parts"]

ENDPOINTS = {"generate": "/v1/images/generations", "edit": "/v1/images/edits"}
NOT_KEPT = {
    "source", "grid", "concurrency", "ipm", "fail_fast", "skip_invalid", "max_cost", "session_max_cost",
    "mask_box", "mask_invert", "base_url", *IMAGE_OPTIONS,
}  # fmt: skip
"""Options of the run that submitted, and pictures, which are kept as files; the others are kept as they are, so that
collecting plans the same requests."""
RESOLVED = ("size", "quality", "background", "output_format")


class _Writer:
    """The input files of one endpoint and one model, the newest still growing."""

    def __init__(self, store: Store, endpoint: str, limits: Limits) -> None:
        self._store, self._endpoint, self._limits = store, endpoint, limits
        self.done: list[tuple[InputFile, Path]] = []
        self._stream: BinaryIO | None = None

    def add(self, line: bytes, job: SubmittedJob) -> None:
        """Appends a request, to a new file if the limits want one."""
        full = self._stream is not None and (
            len(self.done[-1][0].jobs) >= self._limits.batch_lines
            or self._stream.tell() + len(line) > self._limits.batch_bytes
        )
        if full:
            self.close()
        if self._stream is None:
            path, self._stream = self._store.open(".jsonl")
            self.done.append((InputFile(jobs=[], endpoint=self._endpoint), path))
        self._stream.write(line)
        self.done[-1][0].jobs.append(job)

    def close(self) -> None:
        """Closes the newest file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def write_parts(
    items: Iterable[PlannedJob],
    batch_id: str,
    store: Store,
    upload: Callable[[InputImage], str],
    limits: Limits | None = None,
) -> list[tuple[InputFile, Path]]:
    """Input files within the limits, one endpoint and one model each; `upload` gives a picture's file id."""
    limits = limits or load_catalog().limits
    writers: dict[tuple[str, str], _Writer] = {}
    ids: dict[str, str] = {}

    def file_id(image: InputImage) -> str:
        return ids.get(image.sha256) or ids.setdefault(image.sha256, upload(image))

    for index, item in enumerate(items):
        request, custom_id = item.job.request, f"{batch_id}-{index}"
        url = ENDPOINTS[request.endpoint]
        entry = {"custom_id": custom_id, "method": "POST", "url": url, "body": body_of(request, file_id)}
        writer = writers.setdefault((url, request.model), _Writer(store, url, limits))
        writer.add(json.dumps(entry).encode() + b"\n", _job_note(item, index, custom_id, store))
    for writer in writers.values():
        writer.close()
    return [part for writer in writers.values() for part in writer.done]


def body_of(request: ImageRequest, file_id: Callable[[InputImage], str]) -> dict[str, Any]:
    """A request as JSON: files of an edit's form become ids of uploaded files."""
    body = {**request.wire(), **dict(request.extra)}
    if request.images:
        body["images"] = [{"file_id": file_id(image)} for image in request.images]
    for name, image in (("mask", request.mask), ("markup", request.markup)):
        if image is not None:
            body[name] = {"file_id": file_id(image)}
    return body


def _job_note(item: PlannedJob, index: int, custom_id: str, store: Store) -> SubmittedJob:
    """What is needed to plan the job anew."""
    options = item.job.options
    kept = {name for name, origin in options.origins.items() if origin != "default"} - NOT_KEPT
    values = {
        name: getattr(options, name)
        for name in kept
        if isinstance(getattr(options, name), (str, int, float, bool, tuple, dict))
    }
    return SubmittedJob(
        index=index,
        custom_id=custom_id,
        prompt=item.job.prompt_typed,
        values={**values, "via": "batch-api", "reuse": True},
        inputs=_kept_inputs(item, store),
        digest=item.job.request.digest(),
    )


def _kept_inputs(item: PlannedJob, store: Store) -> dict[str, Any]:
    """The pictures of an edit under the options that named them, each kept as a file: a variable may be gone by then."""
    request, targets = item.job.request, len(item.job.options.image or ())
    names = [_kept(image, store) for image in request.images]
    found = {"image": names[:targets], "ref": names[targets:]}
    overlays = {"mask": request.mask, "markup": request.markup}
    return {name: kept for name, kept in found.items() if kept} | {
        name: _kept(image, store) for name, image in overlays.items() if image is not None
    }


def _kept(image: InputImage, store: Store) -> str:
    """`PATH[:role]` of a picture in the output folder; equal bytes are kept once."""
    path = store.save_input(image.data, Path(image.name).stem, Path(image.name).suffix)
    name = path.relative_to(store.folder).as_posix()
    return f"{name}:{image.role}" if image.role else name


def read_lines(
    objects: Iterable[Mapping[str, Any]], store: Store, download: Callable[[str, BinaryIO], None]
) -> Iterator[dict[str, Any] | TornLine]:
    """Every line of the output and error files, one in memory at a time; a torn one does not stop the others."""
    for batch in objects:
        for key in ("output_file_id", "error_file_id"):
            if not batch.get(key):
                continue
            path, stream = store.open(".jsonl")
            try:
                with io.BufferedRandom(stream) as buffered:
                    download(batch[key], buffered)
                    buffered.seek(0)
                    for line in buffered:
                        yield from _read_line(line, store)
            finally:
                store.discard(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class TornLine:
    """What is left of one job's line that is not a JSON object. The line's bytes are kept at `path`."""

    custom_id: str
    """The job that it answers; empty if that can't be read."""
    path: Path
    rest: bytes = field(default=b"", repr=False)
    """From the job's id to the end, or to the next job's id."""

    def error(self) -> AnswerError:
        """What its job is told: the line may have held an image that is billed."""
        return AnswerError(
            "the answer's line in the batch's result file can't be read",
            hints=("its bytes are kept; collecting once more downloads the file anew",),
            kept=(shown_path(self.path),),
        )


_ID = re.compile(rb'"custom_id"\s*:\s*"([^"\\]{1,200})"')
_BODY = re.compile(rb'"body"\s*:\s*')


def _read_line(line: bytes, store: Store) -> Iterator[dict[str, Any] | TornLine]:
    """The line's object, or what is left of it, for each job whose id stands in it. Nothing for a blank line."""
    if not line.strip():
        return
    with contextlib.suppress(ValueError, RecursionError):
        entry = json.loads(line)
        if isinstance(entry, dict):
            yield entry
            return
    path, stream = store.open(".txt")
    with stream:
        stream.write(line)
    kept = store.keep(path, "torn-line")
    marks = list(_ID.finditer(line))
    for mark, following in itertools.pairwise([*marks, None]):
        assert mark is not None
        rest = line[mark.end() : following.start() if following else len(line)]
        yield TornLine(custom_id=mark[1].decode("utf-8", "replace"), path=kept, rest=rest)
    if not marks:
        yield TornLine(custom_id="", path=kept)


def request_id_of(line: Mapping[str, Any] | TornLine | None) -> str | None:
    """The server's name for the request that an output line answers; None if the line has none."""
    named = None if line is None or isinstance(line, TornLine) else _mapping(line.get("response")).get("request_id")
    return str(named) if named else None


def answer_of(line: Mapping[str, Any], server: str, request: ImageRequest, spool: Spool) -> ImageResponse:
    """The answer that one output line holds, checked as every other answer.

    Raises:
        CallError: the line is an error, or holds no picture.
    """
    response = _mapping(line.get("response"))
    body, status = response.get("body"), response.get("status_code")
    status = status if isinstance(status, int) else 0
    if status >= 400 or (line.get("error") and not body):  # an error beside an answer: its images are billed
        raise status_error(status or 400, body or {"error": line.get("error") or ""}, {})
    request_id = request_id_of(line)
    received, answer = _parsed(json.dumps(body or {}).encode(), spool)
    notes = check_answer(answer, request, received, request_id)
    received.discard()
    created = answer.fields.get("created")
    known = created if isinstance(created, int) else None
    return replace(_response(answer, server, notes), request_id=request_id, created=known)


def _answer_of_torn(torn: TornLine, server: str, spool: Spool) -> ImageResponse:
    """The images that stand whole in a torn line.

    Raises:
        AnswerError: there is none.
    """
    start = _BODY.search(torn.rest)
    received, answer = _parsed(torn.rest[start.end() :] if start else b"", spool)
    received.discard()
    if not answer.payloads:
        raise torn.error()
    note = f"the answer's line in the batch's result file is torn; its bytes are kept: {shown_path(torn.path)}"
    return _response(answer, server, [note])


def _mapping(value: object) -> Mapping[str, Any]:
    """The value, or an empty mapping if it is not one."""
    return value if isinstance(value, Mapping) else {}


def _parsed(body: bytes, spool: Spool) -> tuple[SpooledBody, ParsedResponse]:
    received = SpooledBody(spool)
    received.write(body)
    return received, parse_json_answer(received, spool)


def _response(answer: ParsedResponse, server: str, notes: Iterable[str]) -> ImageResponse:
    return ImageResponse(
        payloads=tuple(answer.payloads),
        server=server,
        usage=read_usage(answer.usage, answer.svg_usage or None),
        resolved={name: str(answer.fields[name]) for name in RESOLVED if answer.fields.get(name)},
        warnings=tuple(dict.fromkeys(notes)),
    )


class AnswerFromFile:
    """A `send` that takes one job's answer from a line of the output file in place of a call."""

    def __init__(self, line: Mapping[str, Any] | TornLine | None, server: str) -> None:
        self._line, self._server = line, server

    def __call__(self, request: ImageRequest, *, spool: Spool, **how: Any) -> ImageResponse:
        if self._line is None:
            raise CallError("the batch ended before this job was taken up", outcome="refused")
        if isinstance(self._line, TornLine):
            return _answer_of_torn(self._line, self._server, spool)
        return answer_of(self._line, self._server, request, spool)
