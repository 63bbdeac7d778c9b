"""Overnight at half price: a batch as a file of requests, and its pictures collected later, in any kernel.

What was submitted stands in `batches/ID.json` of the output folder, so that it outlives the kernel. Collecting plans
every job anew from there and gives it the answer from the output file in place of a call: saving, cut-outs, history
and resuming are those of every other job.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from .answers import check_answer, parse_json_answer, read_usage
from .batch import BatchPlan, Gallery, Planned
from .errors import CallError, OptionError, Problem
from .faults import status_error
from .names import safe_stem
from .receiving import Body
from .request import ImageRequest
from .response import ImageResponse, Spool
from .rows import Row
from .store import Store
from .tables import Table

__all__ = ["AnswerFromFile", "BatchHandle", "Calls", "Submitted", "find_submitted", "submit", "submitted_table"]

ENDPOINT = "/v1/images/generations"
MAX_LINES = 50_000
MAX_BYTES = 200 * 1024 * 1024
"""Limits of one input file (Batch guide, checked 2026-11-17)."""
NOT_KEPT = {"source", "grid", "concurrency", "ipm", "fail_fast", "skip_invalid", "max_cost", "session_max_cost"}
"""Options of the run that submitted; the others are kept, so that collecting plans the same requests."""
FINAL = ("completed", "failed", "expired", "cancelled")
RESOLVED = ("size", "quality", "background", "output_format")


class Calls(Protocol):
    """`batch_calls.BatchCalls`, or anything that answers like it."""

    def upload(self, path: Path) -> str: ...
    def create(self, file_id: str, endpoint: str, tag: str) -> str: ...
    def find(self, tag: str) -> str | None: ...
    def get(self, batch_id: str) -> dict[str, Any]: ...
    def cancel(self, batch_id: str) -> None: ...
    def download(self, file_id: str, stream: BinaryIO) -> None: ...


@dataclass(slots=True, kw_only=True)
class Part:
    """One input file: its jobs, and the server's ids for file and batch, empty until the server gave them."""

    jobs: list[dict[str, Any]]
    file: str = ""
    batch: str = ""


@dataclass(slots=True, kw_only=True)
class Submitted:
    """What was submitted under one id; `collected` says that its pictures are saved."""

    id: str
    server: str
    created: str
    backend: str
    base_url: str | None = None
    name: str | None = None
    estimate: str = ""
    parts: list[Part] = field(default_factory=list)
    collected: bool = False

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """Every job in the batch's order: `custom_id`, `prompt`, `values`, `digest`."""
        return [job for part in self.parts for job in part.jobs]

    def rows(self) -> Iterator[Row]:
        """The jobs as rows, to be planned anew."""
        for job in self.jobs:
            yield Row(values={**job["values"], "prompt": job["prompt"]}, where=job["custom_id"])

    def to_json(self) -> str:
        """Everything, as JSON."""
        parts = [{"jobs": part.jobs, "file": part.file, "batch": part.batch} for part in self.parts]
        names = ("id", "server", "created", "backend", "base_url", "name", "estimate", "collected")
        return json.dumps({**{name: getattr(self, name) for name in names}, "parts": parts}, default=str)

    @classmethod
    def from_json(cls, text: str) -> Submitted:
        """What `to_json` wrote."""
        data = json.loads(text)
        return cls(**{**data, "parts": [Part(**part) for part in data["parts"]]})

    def save(self, store: Store) -> None:
        """Writes it to the output folder."""
        path = store.folder / "batches" / f"{self.id}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        store.write_text(path, self.to_json())


Settle = Callable[[Submitted, Iterator[dict[str, Any]]], Gallery]
"""`api.Session._collect`: gives every job its answer."""


def submit(
    plan: BatchPlan, store: Store, calls: Calls, server: str, *, name: str | None, backend: str, base_url: str | None
) -> Submitted:
    """The jobs of `plan` that are not done yet, handed to the server.

    Raises:
        OptionError: there is nothing to send, or jobs are in a batch that was not collected yet.
        CallError: the server refused a file or a batch.
    """
    _refuse_doubles(plan, store, server)
    now = datetime.now().astimezone()
    batch_id = f"{safe_stem(name or 'batch')}-{now.strftime('%Y%m%dT%H%M%S%f')[:-3]}"
    sent = Submitted(
        id=batch_id, server=server, created=now.isoformat(timespec="seconds"), name=name, backend=backend,
        base_url=base_url, estimate=str(plan.estimate),
    )  # fmt: skip
    files = list(_write_parts(plan, batch_id, store, sent))
    for number, (part, path) in enumerate(zip(sent.parts, files, strict=True)):
        part.file = calls.upload(path)
        store.discard(path)
        sent.save(store)  # before the batch exists: an answer that is lost now is found again by its tag
        part.batch = calls.create(part.file, ENDPOINT, f"{batch_id}-{number}")
        sent.save(store)
    return sent


def _refuse_doubles(plan: BatchPlan, store: Store, server: str) -> None:
    """Stops what would be paid twice, because a batch on its way has it already."""
    if not plan.to_send:
        problem = Problem(field="batch", rule="every job is done already", fix="--no-reuse sends them again")
        raise OptionError("nothing to submit", problems=(problem,))
    digests = {item.job.request.digest() for item in plan.to_send}
    for other in load_submitted(store):
        shared = sum(job["digest"] in digests for job in other.jobs)
        if other.server == server and not other.collected and shared:
            rule = f"{shared} of these jobs are in it, and it was not collected yet"
            fix = f"%imagegen collect {other.id}, or %imagegen cancel {other.id}"
            raise OptionError(
                "submitted already", problems=(Problem(field="batch", value=other.id, rule=rule, fix=fix),)
            )


def _write_parts(plan: BatchPlan, batch_id: str, store: Store, sent: Submitted) -> Iterator[Path]:
    """Input files within the limits of lines and bytes; `sent` gets their jobs."""
    path, stream = store.open(".jsonl")
    part = Part(jobs=[])
    for index, item in enumerate(plan.to_send):
        custom_id = f"{batch_id}-{index}"
        body = {**item.job.request.wire(), **dict(item.job.request.extra)}
        line = json.dumps({"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body}).encode() + b"\n"
        if part.jobs and (len(part.jobs) >= MAX_LINES or stream.tell() + len(line) > MAX_BYTES):
            stream.close()
            sent.parts.append(part)
            yield path
            path, stream = store.open(".jsonl")
            part = Part(jobs=[])
        stream.write(line)
        part.jobs.append(_job_note(item, custom_id))
    stream.close()
    sent.parts.append(part)
    yield path


def _job_note(item: Planned, custom_id: str) -> dict[str, Any]:
    """What is needed to plan the job anew."""
    options = item.job.options
    kept = {name for name, origin in options.origins.items() if origin != "default"} - NOT_KEPT
    values = {name: options[name] for name in kept if isinstance(options[name], (str, int, float, bool, tuple, dict))}
    return {
        "custom_id": custom_id,
        "prompt": item.job.prompt_typed,
        "values": {**values, "via": "batch-api", "reuse": True},
        "digest": item.job.request.digest(),
    }


def load_submitted(store: Store) -> list[Submitted]:
    """Everything that was submitted from this folder, oldest first."""
    paths = sorted((store.folder / "batches").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    return [Submitted.from_json(path.read_text(encoding="utf-8")) for path in paths]


def find_submitted(store: Store, batch_id: str = "") -> Submitted:
    """The batch with that id (or its beginning); without one, the newest.

    Raises:
        OptionError: there is none.
    """
    found = [one for one in load_submitted(store) if one.id.startswith(batch_id)]
    if not found:
        rule = "no batch with this id was submitted from this output folder"
        problem = Problem(field="batch", value=batch_id or None, rule=rule, fix="%imagegen batches lists them")
        raise OptionError("no such batch", problems=(problem,))
    return max(found, key=lambda one: one.created)


def submitted_table(store: Store) -> Table:
    """Every submitted batch, oldest first."""
    rows = [
        (one.id, one.created, one.server, len(one.jobs), one.estimate, "collected" if one.collected else "open")
        for one in load_submitted(store)
    ]
    notes = ["%imagegen status ID asks the server; %imagegen collect ID saves the pictures"] if rows else ["none yet"]
    return Table(
        title="Batches", columns=("id", "submitted", "server", "jobs", "cost", "state"), rows=rows, notes=notes
    )


def ask(sent: Submitted, store: Store, calls: Calls) -> list[dict[str, Any]]:
    """The server's batch object of every part."""
    for number, part in enumerate(sent.parts):
        if part.file and not part.batch and (found := calls.find(f"{sent.id}-{number}")):
            part.batch = found
            sent.save(store)
    return [calls.get(part.batch) if part.batch else {"status": "not created"} for part in sent.parts]


def status_table(sent: Submitted, objects: list[dict[str, Any]]) -> Table:
    """How far each part is."""
    rows = []
    for part, batch in zip(sent.parts, objects, strict=True):
        counts = batch.get("request_counts") or {}
        rows.append((part.batch, batch["status"], counts.get("completed", 0), counts.get("failed", 0), len(part.jobs)))
    over = all(batch["status"] in FINAL for batch in objects)
    note = f"%imagegen collect {sent.id}" if over else "not finished; it may take up to 24 hours"
    columns = ("batch", "status", "done", "failed", "jobs")
    return Table(title=sent.id, columns=columns, rows=rows, notes=[note])


def read_lines(objects: list[dict[str, Any]], store: Store, calls: Calls) -> Iterator[dict[str, Any]]:
    """Every line of the output and error files, one in memory at a time."""
    for batch in objects:
        for key in ("output_file_id", "error_file_id"):
            if not batch.get(key):
                continue
            path, stream = store.open(".jsonl")
            try:
                with stream:
                    calls.download(batch[key], stream)
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
    received = Body(spool)
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


def receipt(sent: Submitted) -> Table:
    """What was submitted and how to go on."""
    rows = [("id", sent.id), ("jobs", len(sent.jobs)), ("cost", f"{sent.estimate} (estimate, at half price)")]
    notes = [
        "It goes on without this kernel, for up to 24 hours. In any kernel with the same output folder:",
        f"%imagegen status {sent.id}",
        f"%imagegen collect {sent.id}",
        f"%imagegen cancel {sent.id}",
    ]
    return Table(title="Submitted to the Batch API", columns=("", ""), rows=rows, notes=notes)


class BatchHandle:
    """A submitted batch: ask, collect, cancel. It can be had again in any kernel by its id."""

    def __init__(self, sent: Submitted, store: Store, calls: Calls, settle: Settle) -> None:
        self._sent, self._store, self._calls, self._settle = sent, store, calls, settle

    @property
    def id(self) -> str:
        """The id that `%imagegen status`, `collect` and `cancel` take."""
        return self._sent.id

    def status(self) -> Table:
        """How far the server is."""
        return status_table(self._sent, ask(self._sent, self._store, self._calls))

    def collect(self) -> Gallery:
        """The pictures, saved; failures are results. Collecting twice saves nothing twice.

        Raises:
            OptionError: the batch is not finished.
            CallError: the server does not hand the files out.
        """
        objects = ask(self._sent, self._store, self._calls)
        going = [batch["status"] for batch in objects if batch["status"] not in FINAL]
        if going:
            rule = f"the server says: {', '.join(dict.fromkeys(going))}; it may take up to 24 hours"
            fix = f"%imagegen status {self.id}"
            raise OptionError("not finished", problems=(Problem(field="batch", value=self.id, rule=rule, fix=fix),))
        gallery = self._settle(self._sent, read_lines(objects, self._store, self._calls))
        self._sent.collected = True
        self._sent.save(self._store)
        return gallery

    def cancel(self) -> Table:
        """Asks the server to stop; what is done by then is billed and can be collected."""
        for batch, part in zip(ask(self._sent, self._store, self._calls), self._sent.parts, strict=True):
            if part.batch and batch["status"] not in FINAL:
                self._calls.cancel(part.batch)
        return self.status()

    def __repr__(self) -> str:
        return str(receipt(self._sent))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Mapping[str, str]:
        return receipt(self._sent)._repr_mimebundle_()
