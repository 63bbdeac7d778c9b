"""Overnight at half price: a batch as a file of requests, and its pictures collected later, in any kernel.

What was submitted stands in `batches/ID.json` of the output folder, so that it outlives the kernel. Collecting plans
every job anew from there and gives it the answer from the output file in place of a call: saving, cut-outs, history
and resuming are those of every other job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from imagegen_magic.errors import CallError, Command, Fix, ImagegenError, OptionError, Problem, Setting
from imagegen_magic.redaction import redact
from imagegen_magic.request.request import InputImage
from imagegen_magic.store.folder import Store
from imagegen_magic.store.names import safe_stem
from imagegen_magic.tables import Table

from .lines import TornLine, read_lines, write_parts
from .plan import BatchPlan
from .results import Gallery
from .submitted import SubmittedBatch, load_submitted

__all__ = ["BatchHandle", "Calls", "submit"]

NOT_CREATED = "not created"
"""The server has no such batch: the request that should have made it was lost on the way."""
FINAL = ("completed", "failed", "expired", "cancelled", NOT_CREATED)


class Calls(Protocol):
    """`batch_calls.BatchCalls`, or anything that answers like it."""

    def upload(self, path: Path) -> str: ...
    def upload_image(self, image: InputImage) -> str: ...
    def create(self, file_id: str, endpoint: str, tag: str) -> str: ...
    def find(self, tag: str) -> str | None: ...
    def get(self, batch_id: str) -> dict[str, Any]: ...
    def cancel(self, batch_id: str) -> None: ...
    def download(self, file_id: str, stream: BinaryIO) -> None: ...


Settle = Callable[[SubmittedBatch, Iterator[dict[str, Any] | TornLine]], Gallery]
"""`api.Session._collect`: gives every job its answer."""


def submit(
    plan: BatchPlan, store: Store, calls: Calls, server: str, *, name: str | None, backend: str, base_url: str | None
) -> SubmittedBatch:
    """The jobs of `plan` that are not done yet, handed to the server.

    Raises:
        OptionError: there is nothing to send, or jobs are in a batch that was not collected yet.
        CallError: the server refused a file or a batch.
    """
    _refuse_doubles(plan, store, server)
    now = datetime.now().astimezone()
    batch_id = f"{safe_stem(name or 'batch')}-{now.strftime('%Y%m%dT%H%M%S%f')[:-3]}"
    sent = SubmittedBatch(
        id=batch_id, server=server, created=now.isoformat(timespec="seconds"), name=name, backend=backend,
        base_url=base_url and redact(base_url), estimate=str(plan.estimate),
    )  # fmt: skip
    files = write_parts(plan.to_send, batch_id, store, calls.upload_image)
    sent.parts = [part for part, _ in files]
    try:
        for number, (part, path) in enumerate(files):
            part.file = calls.upload(path)
            sent.save(store)  # before the batch exists: an answer that is lost now is found again by its tag
            part.batch = calls.create(part.file, part.endpoint, f"{batch_id}-{number}")
            sent.save(store)
    except CallError as error:
        _forget_refused(sent, store, error)
        raise
    finally:
        for _, path in files:
            store.discard(path)
    return sent


def _forget_refused(sent: SubmittedBatch, store: Store, error: CallError) -> None:
    """Removes the parts that the server did not accept from the note, so that their jobs can be sent again."""
    lost = error.outcome == "ambiguous"
    sent.parts = [part for part in sent.parts if part.batch or (lost and part.file)]
    if sent.parts:
        sent.save(store)
    else:
        sent.forget(store)


def _refuse_doubles(plan: BatchPlan, store: Store, server: str) -> None:
    """Stops what would be paid twice, because a batch on its way has it already."""
    if not plan.to_send:
        problem = Problem(
            field="batch", rule="every job is done already", fix=Fix(Setting("--no-reuse"), " sends them again")
        )
        raise OptionError("nothing to submit", problems=(problem,))
    digests = {item.job.request.digest() for item in plan.to_send}
    for other in load_submitted(store):
        shared = sum(job.digest in digests for job in other.jobs)
        if other.server == server and not other.collected and shared:
            rule = f"{shared} of these jobs are in it, and it was not collected yet"
            fix = Fix(Command("collect", other.id), ", or ", Command("cancel", other.id))
            raise OptionError(
                "submitted already", problems=(Problem(field="batch", value=other.id, rule=rule, fix=fix),)
            )


def ask(sent: SubmittedBatch, store: Store, calls: Calls) -> list[dict[str, Any]]:
    """The server's batch object of every part."""
    for number, part in enumerate(sent.parts):
        if part.file and not part.batch and (found := calls.find(f"{sent.id}-{number}")):
            part.batch = found
            sent.save(store)
    return [calls.get(part.batch) if part.batch else {"status": NOT_CREATED} for part in sent.parts]


def status_table(sent: SubmittedBatch, objects: list[dict[str, Any]]) -> Table:
    """How far each part is."""
    rows = []
    for part, batch in zip(sent.parts, objects, strict=True):
        counts = batch.get("request_counts") or {}
        rows.append((part.batch, batch["status"], counts.get("completed", 0), counts.get("failed", 0), len(part.jobs)))
    over = all(batch["status"] in FINAL for batch in objects)
    note = Fix(Command("collect", sent.id)) if over else "not finished; it may take up to 24 hours"
    columns = ("batch", "status", "done", "failed", "jobs")
    return Table(title=sent.id, columns=columns, rows=rows, notes=[note])


def receipt(sent: SubmittedBatch) -> Table:
    """What was submitted and how to go on."""
    rows = [("id", sent.id), ("jobs", len(sent.jobs)), ("cost", f"{sent.estimate} (estimate, at half price)")]
    notes = [
        "It goes on by itself, for up to 24 hours. From anywhere with the same output folder:",
        Fix(Command("status", sent.id)),
        Fix(Command("collect", sent.id)),
        Fix(Command("cancel", sent.id)),
    ]
    return Table(title="Submitted to the Batch API", columns=("", ""), rows=rows, notes=notes)


class BatchHandle:
    """A submitted batch: ask, collect, cancel. It can be had again in any kernel by its id."""

    def __init__(self, sent: SubmittedBatch, store: Store, calls: Calls, settle: Settle) -> None:
        self._sent, self._store, self._calls, self._settle = sent, store, calls, settle

    @property
    def submitted(self) -> SubmittedBatch:
        """What was handed to the server: its parts, their jobs, whether they are collected."""
        return self._sent

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
            ImagegenError: the batch is not finished.
            CallError: the server does not hand the files out.
        """
        objects = ask(self._sent, self._store, self._calls)
        going = [batch["status"] for batch in objects if batch["status"] not in FINAL]
        if going:
            text = ", ".join(dict.fromkeys(going))
            raise ImagegenError(
                f"the batch {self.id} is not finished: the server says {text}; it may take up to 24 hours",
                hints=(Fix(Command("status", self.id)),),
            )
        gallery = self._settle(self._sent, read_lines(objects, self._store, self._calls.download))
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
