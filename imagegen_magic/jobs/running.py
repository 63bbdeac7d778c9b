"""One job from request to result: send, save the bytes first, then everything that can fail.

`send` is handed in, so that this module knows neither the SDK nor the simulator.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from imagegen_magic.errors import (
    CallCancelledError,
    CallError,
    Fix,
    Setting,
    StoreError,
)
from imagegen_magic.images.opening import read_input
from imagegen_magic.metadata.derived import joined_source_type
from imagegen_magic.request.chroma_key import second_key
from imagegen_magic.request.cost import actual_cost
from imagegen_magic.request.request import ImageRequest, InputImage
from imagegen_magic.request.response import (
    Event,
    Failed,
    Gate,
    ImageResponse,
    OnEvent,
    Parent,
    Retrying,
    Saved,
    Sending,
    Spool,
    Started,
    open_gate,
)
from imagegen_magic.store.folder import RequestSpool, Store
from imagegen_magic.store.history import Record
from imagegen_magic.store.lockfile import Lock
from imagegen_magic.store.names import SOURCE, Reservation

from .cutout_files import CutoutFiles, is_renamed
from .deriving import Derived, derive, web_suffixes
from .expected import check_result
from .planning import Job, call_estimate
from .replay import replayed_result
from .result import GeneratedImage, ImageResult, derived_by_kind

__all__ = ["Run", "Send", "reusable", "run_job", "stored_result"]

SIMULATED = "req_sim"
"""How the request ids of a simulator begin, also of one that is served at an address of its own."""


class Send(Protocol):
    """`client.Client.send`, or anything that answers like it."""

    def __call__(
        self,
        request: ImageRequest,
        *,
        spool: Spool,
        on_event: OnEvent,
        cancel: threading.Event | None,
        index: int,
        gate: Gate = open_gate,
    ) -> ImageResponse:
        """The complete answer; raises `CallError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a job runs with."""

    send: Send
    server: str
    store: Store
    on_event: OnEvent
    cancel: threading.Event = field(default_factory=threading.Event)
    index: int = 0
    gate: Gate = open_gate
    versions: Mapping[str, str] = field(default_factory=dict)
    on_record: Callable[[Record], None] = lambda record: None
    """Told of every request that was made, done or failed, after it is in the history."""
    lock: Lock | None = None
    """What answers in place of the server, if nothing shall be sent."""
    is_paid: bool = False
    """True if `send` hands over an answer that is paid for: no stored result is taken in its place."""


def run_job(job: Job, run: Run) -> ImageResult:
    """The saved result of `job`; a failure is in the history before it is raised.

    With `reuse`, only one thread of one process sends a request at a time: the others find its result.

    Raises:
        CallError: the request failed; `.outcome` says whether it may have been billed.
        ReplayError: the run has a lock, and that has no answer to this job.
        StoreError: a name is taken or the folder can't be written, found before anything is sent.
    """
    run = replace(run, on_event=_quiet(run.on_event))
    if run.lock is not None:
        return replayed_result(job, run.lock, run.store, run.server)
    if run.is_paid or not job.options.reuse:
        return _run(job, run)
    with run.store.single_flight(job.request.digest()):
        stored = reusable(job, run)
        return _run(job, run) if stored is None else stored_result(job, run, stored)


def reusable(job: Job, run: Run) -> Record | None:
    """The stored record that answers this job: of an identical request, its files intact.

    The result of one backdrop answers no request for two: its second was never made.
    """
    stored = run.store.history.by_digest(run.server, job.request.digest())
    if stored is None or job.cutout != "difference":
        return stored
    made = {record.digest for record in run.store.history.done() if record.server == run.server}
    return stored if all(request.digest() in made for _, request in _second_requests(job, run, stored)) else None


def _quiet(on_event: OnEvent) -> OnEvent:
    """A listener whose own faults are warnings: they must not end a request that is billed."""

    def tell(event: Event) -> None:
        try:
            on_event(event)
        except Exception as error:  # noqa: BLE001 - the listener is the user's own code
            warnings.warn(f"on_event raised {type(error).__name__}: {error}", RuntimeWarning, stacklevel=2)

    return tell


def _run(job: Job, run: Run) -> ImageResult:
    plan = run.store.reserve(
        job.stem,
        job.request.count,
        job.request.format,
        if_exists=job.options.if_exists,
        out=job.options.out,
        markers=(*((SOURCE,) if job.cutout else ()), *web_suffixes(job.options)),
    )
    try:
        run.on_event(Started(index=run.index, request=job.request))
        record = _call(job, run, plan, job.request, marker=SOURCE if job.cutout else "")
        second = _second_frames(job, run, record) if job.cutout == "difference" else {}
    finally:
        if not any(path.stat().st_size for path in plan.reserved() if path.exists()):
            run.store.release(plan)
    derived = derive(job, run.store, plan, record, second)
    run.store.release(plan)
    result = _result(job, run, record, derived)
    run.on_event(Saved(index=run.index, paths=result.paths, seconds=record.seconds))
    return result


def _call(job: Job, run: Run, plan: Reservation, request: ImageRequest, *, marker: str = "") -> Record:
    """Sends one request and puts what came on disk before anything else may fail.

    Whatever ends it, also an interrupt or a fault of ours, leaves a line in the history and is counted as spent.
    """
    draft = _draft(job, run, request)
    spool: RequestSpool | None = None
    try:
        with run.store.journal(plan, draft, marker) as spool:
            response = run.send(
                request,
                spool=spool,
                on_event=_recording(draft, run, spool),
                cancel=run.cancel,
                index=run.index,
                gate=run.gate,
            )
            record = run.store.save(plan, response, _settled(draft, response, job), marker=marker)
    except (CallError, StoreError) as error:
        if isinstance(error, StoreError):
            error.kept = (*error.kept, *map(str, run.store.save_elsewhere(error.pictures)))
        if (
            not isinstance(error, CallCancelledError) or error.outcome != "not sent"
        ):  # what was never sent leaves no line
            failed = replace(draft, outcome=error.outcome or "ambiguous", request_id=error.request_id)
            _record_failure(replace(failed, error=str(error)), run)
        run.on_event(Failed(index=run.index, error=error))
        raise
    except BaseException as error:
        _record_failure(replace(draft, outcome="ambiguous", error=f"{type(error).__name__}: {error}"), run)
        if spool is not None:
            spool.mark_settled()
        raise
    run.on_record(record)
    return record


def _recording(draft: Record, run: Run, spool: RequestSpool) -> OnEvent:
    """The run's listener; an attempt that may have been billed gets a line of its own before the next one is made.

    The journal is told before each attempt, and after one that failed.
    """

    def tell(event: Event) -> None:
        if isinstance(event, Sending):
            spool.mark_sent()
        elif isinstance(event, Retrying):
            if event.outcome == "ambiguous":
                _record_failure(replace(draft, outcome="ambiguous", error=event.reason), run)
            spool.mark_settled()
        run.on_event(event)

    return tell


def _record_failure(failed: Record, run: Run) -> None:
    """The history's line of a request that brought no saved image; counted as spent even if it can't be written."""
    with suppress(OSError):
        failed = run.store.history.append(failed)
    run.on_record(failed)


def _draft(job: Job, run: Run, request: ImageRequest) -> Record:
    """What is known before the answer; its cost is that of this call alone, since every attempt has a line of its own."""
    estimate = call_estimate(request, job.model, job.options)
    return Record(
        name=job.name or "",
        time=datetime.now().astimezone().isoformat(timespec="seconds"),
        outcome="ambiguous",
        kind=request.endpoint,
        server=run.server,
        simulated=run.server == "simulator",
        digest=request.digest(),
        request=request.describe(),
        options=job.options.kept(),
        prompt_typed=job.prompt_typed,
        prompt_sent=request.prompt,
        cell=job.cell,
        origin=job.origin,
        cost={"low": _text(estimate.low), "high": _text(estimate.high), "basis": estimate.basis},
        parents=tuple(_parent(parent) for parent in job.parents),
        source_type=_source_type(job, simulated=run.server == "simulator"),
        versions=dict(run.versions),
    )


def _text(amount: object) -> str | None:
    return None if amount is None else str(amount)


def _source_type(job: Job, *, simulated: bool) -> str:
    """What is claimed of the images: the simulator's are drawn, and trained on nothing; an edit holds its inputs too."""
    made = "algorithmicMedia" if simulated else "trainedAlgorithmicMedia"
    return joined_source_type((made, *(parent.source_type for parent in job.parents)))


def _parent(parent: Parent) -> dict[str, Any]:
    return {"sha256": parent.sha256, "role": parent.role, "file": parent.file, "number": parent.number}


def _settled(draft: Record, response: ImageResponse, job: Job) -> Record:
    """The draft with what the answer says."""
    usage = response.usage
    batch_api, edited = job.options.via == "batch-api", draft.kind == "edit"
    actual = actual_cost(usage, job.model, batch_api=batch_api, edited=edited)
    drawn = (response.request_id or "").startswith(SIMULATED)
    return replace(
        draft,
        source_type=_source_type(job, simulated=True) if drawn else draft.source_type,
        outcome="done",
        resolved=dict(response.resolved),
        usage=None if usage is None else {name: value for name, value in asdict(usage).items() if value is not None},
        cost={**draft.cost, "actual": _text(actual)},
        request_id=response.request_id,
        seconds=round(response.seconds, 3),
        attempts=response.attempts,
        warnings=response.warnings,
    )


def _second_requests(job: Job, run: Run, record: Record) -> Iterator[tuple[int, ImageRequest]]:
    """For every picture its index and the request for the same subject over another backdrop."""
    assert job.key is not None
    color = second_key(job.key.color)
    for entry in record.api_files():
        first: InputImage = read_input(run.store.folder / entry.path)
        yield entry.index, job.second_request(first, color)


def _second_frames(job: Job, run: Run, record: Record) -> dict[int, Path]:
    """The second frame of every picture: one more paid call each."""
    frames = {}
    for index, request in _second_requests(job, run, record):
        plan = run.store.reserve(f"{job.stem}-second", 1, request.format)
        try:
            second = _call(job, run, plan, request)
        finally:
            run.store.release(plan)
        frames[index] = run.store.folder / second.files[0].path
    return frames


def _stored_seconds(job: Job, run: Run, record: Record) -> dict[int, Path]:
    """The second frames that were paid for with a stored result, if they are still there."""
    found = (
        (index, run.store.history.by_digest(run.server, request.digest()))
        for index, request in _second_requests(job, run, record)
    )
    return {index: run.store.folder / second.files[0].path for index, second in found if second is not None}


def stored_result(job: Job, run: Run, stored: Record) -> ImageResult:
    """The stored result of an identical request; a cut-out that it lacks is made anew, locally."""
    if not job.cutout:
        return _result(job, run, stored, _copied(job, run, stored), reused=True)
    count = len(stored.api_files())
    seconds = _stored_seconds(job, run, stored) if job.cutout == "difference" else {}
    files = CutoutFiles(job=job, store=run.store, record=stored, second=seconds)
    there = {entry.index: made for entry in stored.api_files() if (made := files.find(entry))}
    plan = Reservation(paths=())
    if len(there) < count:  # else nothing is written, whatever stands under the names
        plan = run.store.reserve(
            job.stem, count, job.request.format, if_exists=job.options.if_exists, out=job.options.out
        )
    derived = derive(job, run.store, plan, stored, seconds, there=there)
    run.store.release(plan)
    if job.cutout == "difference" and len(seconds) < count:
        derived.warnings.append(
            Fix(
                "a second backdrop of the stored result is gone: cut out by one; ",
                Setting("--no-reuse"),
                " pays for both again",
            )
        )
    return _result(job, run, stored, derived, reused=True)


def _copied(job: Job, run: Run, stored: Record) -> Derived:
    """Copies of a stored result's files under the names that are asked for now; what another file has is left alone."""
    derived = Derived(warnings=list(stored.warnings))
    files = stored.api_files()
    if not is_renamed(job, stored):
        return derived
    wanted = run.store.peek(job.stem, len(files), files[0].format, if_exists="overwrite", out=job.options.out)
    for entry, path in zip(files, wanted, strict=True):
        source = run.store.folder / entry.path
        if path == source or path.exists():
            continue
        data = source.read_bytes()
        derived.entries.append(run.store.save_derived(path, data, stored, kind="copy", index=entry.index))
        derived.notes.append(f"{source.name} is the same image: copied to {path.name}")
    return derived


def _result(job: Job, run: Run, record: Record, derived: Derived, *, reused: bool = False) -> ImageResult:
    folder = run.store.folder
    main = {entry.index: entry for entry in derived.entries if entry.kind in ("cutout", "copy")}
    images = tuple(
        GeneratedImage(
            path=folder / main.get(entry.index, entry).path,
            source=folder / entry.path,
            index=entry.index,
            record=record,
            report=derived.reports.get(entry.index),
            alt=job.options.alt or "",
        )
        for entry in record.api_files()
    )
    result = ImageResult(
        images=images,
        record=record,
        estimate=job.estimate,
        options=job.options.without_objects(),
        notes=(*job.notes, *derived.notes),
        warnings=(*job.warnings, *derived.warnings),
        reused=reused,
        derived=derived_by_kind(folder, derived.entries),
    )
    return check_result(job, run.store, result)
