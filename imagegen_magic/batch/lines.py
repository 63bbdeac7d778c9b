"""The Batch API's files: requests as lines going out, answers as lines coming back, never a whole file in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from imagegen_magic.errors import CallError
from imagegen_magic.facts.catalog import Limits, load_catalog
from imagegen_magic.request.request import ImageRequest, InputImage
from imagegen_magic.request.response import ImageResponse, Spool
from imagegen_magic.store.folder import Store
from imagegen_magic.wire.answers import check_answer, parse_json_answer, read_usage
from imagegen_magic.wire.http_errors import status_error
from imagegen_magic.wire.spool_body import SpooledBody

from .plan import PlannedJob
from .submitted import PICTURES, InputFile, SubmittedJob

__all__ = ["AnswerFromFile", "read_lines", "write_parts"]

ENDPOINTS = {"generate": "/v1/images/generations", "edit": "/v1/images/edits"}
NOT_KEPT = {
    "source", "grid", "concurrency", "ipm", "fail_fast", "skip_invalid", "max_cost", "session_max_cost",
    "mask_box", "mask_invert", *PICTURES,
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
        """Appends a request, to a new file where the limits want one."""
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

    def file_id(picture: InputImage) -> str:
        return ids.get(picture.sha256) or ids.setdefault(picture.sha256, upload(picture))

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
    """A request as JSON: what an edit's form would carry as files goes as ids of uploaded ones."""
    body = {**request.wire(), **dict(request.extra)}
    if request.images:
        body["images"] = [{"file_id": file_id(picture)} for picture in request.images]
    for name, picture in (("mask", request.mask), ("markup", request.markup)):
        if picture is not None:
            body[name] = {"file_id": file_id(picture)}
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
    names = [_kept(picture, store) for picture in request.images]
    found = {"image": names[:targets], "ref": names[targets:]}
    overlays = {"mask": request.mask, "markup": request.markup}
    return {name: kept for name, kept in found.items() if kept} | {
        name: _kept(picture, store) for name, picture in overlays.items() if picture is not None
    }


def _kept(picture: InputImage, store: Store) -> str:
    """`PATH[:role]` of a picture in the output folder; equal bytes are kept once."""
    path = store.save_input(picture.data, Path(picture.name).stem, Path(picture.name).suffix)
    name = path.relative_to(store.folder).as_posix()
    return f"{name}:{picture.role}" if picture.role else name


def read_lines(
    objects: Iterable[Mapping[str, Any]], store: Store, download: Callable[[str, BinaryIO], None]
) -> Iterator[dict[str, Any]]:
    """Every line of the output and error files, one in memory at a time."""
    for batch in objects:
        for key in ("output_file_id", "error_file_id"):
            if not batch.get(key):
                continue
            path, stream = store.open(".jsonl")
            try:
                with stream:
                    download(batch[key], stream)
                    stream.seek(0)
                    for line in stream:
                        yield json.loads(line)
            finally:
                store.discard(path)


def answer_of(line: Mapping[str, Any], server: str, request: ImageRequest, spool: Spool) -> ImageResponse:
    """The answer that one output line holds, checked as every other answer.

    Raises:
        CallError: the line is an error, or holds no picture.
    """
    response = line.get("response") or {}
    body = response.get("body") or {}
    status = int(response.get("status_code") or 0)
    if line.get("error") or status >= 400:
        raise status_error(status or 400, body if status else {"error": line["error"]}, {})
    received = SpooledBody(spool)
    received.write(json.dumps(body).encode())
    answer = parse_json_answer(received, spool)
    notes = check_answer(answer, request, received, response.get("request_id"))
    received.discard()
    return ImageResponse(
        payloads=tuple(answer.payloads),
        server=server,
        usage=read_usage(answer.usage, answer.svg_usage or None),
        request_id=response.get("request_id"),
        created=body.get("created"),
        resolved={name: str(answer.fields[name]) for name in RESOLVED if answer.fields.get(name)},
        warnings=tuple(dict.fromkeys(notes)),
    )


class AnswerFromFile:
    """A `send` that takes one job's answer from a line of the output file in place of a call."""

    def __init__(self, line: Mapping[str, Any] | None, server: str) -> None:
        self._line, self._server = line, server

    def __call__(self, request: ImageRequest, *, spool: Spool, **how: Any) -> ImageResponse:
        if self._line is None:
            raise CallError("the batch ended before this job was taken up", outcome="refused")
        return answer_of(self._line, self._server, request, spool)
