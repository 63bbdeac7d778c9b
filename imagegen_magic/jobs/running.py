"""One job from request to result: send, save the bytes first, then everything that can fail.

`send` is handed in, so that this room knows neither the SDK nor the simulator.
"""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from PIL import Image

from imagegen_magic.errors import (
    CallCancelledError,
    CallError,
    Command,
    Fix,
    ImagegenError,
    OptionError,
    Setting,
    StoreError,
)
from imagegen_magic.images.opening import read_input
from imagegen_magic.images.preview import scaled
from imagegen_magic.metadata.derived import Marking, Source, finish_file, joined_source_type, source_of
from imagegen_magic.options.options import Options
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
from imagegen_magic.store.history import FileEntry, Record
from imagegen_magic.store.lockfile import Lock
from imagegen_magic.store.names import SOURCE, Reservation, safe_stem

from .artwork import Place, SavedArt, save_icons, save_pixels, wants_icons
from .derived import cut_out, measure_native
from .expected import check_result
from .planning import Job
from .replay import replayed_result
from .result import GeneratedImage, ImageResult

__all__ = ["Run", "Send", "reusable", "run_job", "stored_result", "web_suffixes"]

SIMULATED = "req_sim"
"""How the request ids of a simulator begin, also of one that is served at an address of its own."""
CHANGED_SHARE = 0.02
"""More changed pixels than this outside a mask are worth a word: encoding alone moves fewer."""


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


@dataclass(slots=True, kw_only=True)
class _Derived:
    """Files made from the saved pictures, and what was found or went wrong on the way."""

    entries: list[FileEntry] = field(default_factory=list)
    reports: dict[int, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


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
    if not job.options.reuse:
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
    run.on_event(Started(index=run.index, request=job.request))
    try:
        record = _call(job, run, plan, job.request, marker=SOURCE if job.cutout else "")
        second = _second_frames(job, run, record) if job.cutout == "difference" else {}
    finally:
        if not any(path.stat().st_size for path in plan.reserved() if path.exists()):
            run.store.release(plan)
    derived = _derive(job, run, plan, record, second)
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
    """What is known before the answer."""
    estimate = job.estimate
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
    actual = actual_cost(usage, job.model, batch_api=job.options.via == "batch-api")
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


def _derive(job: Job, run: Run, plan: Reservation, record: Record, second: Mapping[int, Path]) -> _Derived:
    """Everything made from the saved pictures. What fails here is a warning: the pictures are safe."""
    derived = _Derived(warnings=list(record.warnings))
    for entry in record.api_files():
        steps = (
            (_cut_out, job.cutout),
            (_measure, job.options.transparent == "native"),
            (_protect, job.options.protect),
            (_compare_outside, job.request.mask is not None and not job.options.protect),
            (_pixel_art, job.options.pixel_art and job.sheet is None),
            (_icons, wants_icons(job.options)),
            (_web_copies, job.options.web),
        )
        for step, wanted in steps:
            if not wanted:
                continue
            try:
                step(job, run, plan, record, entry, second, derived)
            except ImagegenError as error:
                derived.warnings.append(f"{error.summary}. {' '.join(error.hints)}".strip())
            except Exception as error:  # noqa: BLE001 - whatever fails now, the pictures were paid for and are safe
                derived.warnings.append(
                    f"{step.__name__.strip('_').replace('_', ' ')} failed ({type(error).__name__}: {error})"
                )
    return derived


def _cut_out(
    job: Job,
    run: Run,
    plan: Reservation,
    record: Record,
    entry: FileEntry,
    second: Mapping[int, Path],
    derived: _Derived,
) -> None:
    """The cut-out beside the API's file, with its report."""
    source = run.store.folder / entry.path
    cut, warnings = cut_out(job, source, second.get(entry.index))
    derived.warnings += warnings
    if cut is None:
        return
    target = plan.paths[entry.index] if entry.index < len(plan.paths) else None
    name = target or source.with_name(f"{source.stem}-cutout.png")
    form: Literal["png", "webp"] = "webp" if name.suffix == ".webp" else "png"
    cut = replace(cut, sources=(run.store.source_of(record, entry), *cut.sources[1:]))
    data = cut.finished(form, Marking.of(job.options, job.request.prompt))
    before = source.with_name(source.stem.removesuffix(SOURCE) + name.suffix)
    if before != source and before.is_file() and before.read_bytes() == data:  # a stored result: no second copy
        place = before.relative_to(run.store.folder).as_posix()
        digest = hashlib.sha256(data).hexdigest()
        again = FileEntry(path=place, sha256=digest, bytes=len(data), format=form, kind="cutout", index=entry.index)
        derived.entries.append(again)
    else:
        derived.entries.append(run.store.save_derived(name, data, record, kind="cutout", index=entry.index))
    derived.reports[entry.index] = cut.report


def _measure(
    job: Job,
    run: Run,
    plan: Reservation,
    record: Record,
    entry: FileEntry,
    second: Mapping[int, Path],
    derived: _Derived,
) -> None:
    """What native transparency brought."""
    derived.reports[entry.index], warnings = measure_native(run.store.folder / entry.path)
    derived.warnings += warnings


def _protect(
    job: Job,
    run: Run,
    plan: Reservation,
    record: Record,
    entry: FileEntry,
    second: Mapping[int, Path],
    derived: _Derived,
) -> None:
    """The original put back outside the mask, in a file of its own, and how much had changed there."""
    from imagegen_magic.images.masks import changed_outside, protect  # noqa: PLC0415 - numpy comes with the first mask: 0.1 s

    original, mask = job.request.images[0], job.request.mask
    if mask is None:
        return
    edited = run.store.folder / entry.path
    change = changed_outside(original, edited, mask)
    image = protect(original, edited, mask)
    name = edited.with_name(f"{edited.stem}-protected.png")
    sources = (run.store.source_of(record, entry), _source_of_input(original, job))
    data = _finished(_encoded(image, "PNG"), sources, "protected", job)
    derived.entries.append(run.store.save_derived(name, data, record, kind="protected", index=entry.index))
    derived.notes.append(
        f"{change.share:.1%} of the pixels outside the mask had changed; {name.name} has the original there"
    )


def _compare_outside(
    job: Job,
    run: Run,
    plan: Reservation,
    record: Record,
    entry: FileEntry,
    second: Mapping[int, Path],
    derived: _Derived,
) -> None:
    """How much changed outside the mask, which only guides the model; some servers lose it on the way."""
    from imagegen_magic.images.masks import changed_outside  # noqa: PLC0415 - as above

    assert job.request.mask is not None
    change = changed_outside(job.request.images[0], run.store.folder / entry.path, job.request.mask)
    if change.share > CHANGED_SHARE:
        derived.warnings.append(
            Fix(
                f"{change.share:.0%} of the pixels outside the mask changed: ",
                Setting("--protect"),
                " puts the original back there",
            )
        )


def _web_copies(
    job: Job,
    run: Run,
    plan: Reservation,
    record: Record,
    entry: FileEntry,
    second: Mapping[int, Path],
    derived: _Derived,
) -> None:
    """Scaled copies for a web page, of what the user looks at."""
    cut = next((e for e in derived.entries if e.kind == "cutout" and e.index == entry.index), entry)
    source = run.store.folder / cut.path
    for edge, suffix in zip(job.options.web or (), web_suffixes(job.options), strict=True):
        copy, form = scaled(source, edge)
        name = source.with_name(f"{source.stem}{suffix}{source.suffix}")
        data = _finished(_encoded(copy, form), (run.store.source_of(record, entry),), "web", job)
        derived.entries.append(run.store.save_derived(name, data, record, kind="web", index=entry.index))


def _encoded(image: Image.Image, form: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def _finished(data: bytes, sources: Sequence[Source], step: str, job: Job) -> bytes:
    return finish_file(data, sources, step=step, marking=Marking.of(job.options, job.request.prompt))


def _source_of_input(image: InputImage, job: Job) -> Source:
    """An input image as a source, with what was known of it when the job was planned."""
    known = next((parent.source_type for parent in job.parents if parent.sha256 == image.sha256), "")
    found = source_of(image.data)
    return replace(found, title=image.name, source_type=known or found.source_type)


def _pixel_art(
    job: Job,
    run: Run,
    plan: Reservation,
    record: Record,
    entry: FileEntry,
    second: Mapping[int, Path],
    derived: _Derived,
) -> None:
    """One real pixel for each block that was painted, of what the user looks at."""
    size = job.options.pixel_art
    try:
        _add_art(save_pixels, job, run, record, entry, derived, size if size != "auto" else None)
    except OptionError as error:
        again = Command("pixelate", f"@{record.number} --cell 64x64")
        reason = error.problems[0].rule if error.problems else error.summary
        derived.warnings.append(Fix(f"pixel art: {reason}; at a size that you choose, locally: ", again))


def _icons(
    job: Job,
    run: Run,
    plan: Reservation,
    record: Record,
    entry: FileEntry,
    second: Mapping[int, Path],
    derived: _Derived,
) -> None:
    """The icon set of the cut-out."""
    if job.cutout and entry.index not in derived.reports:
        return  # there is no cut-out, as was said
    _add_art(save_icons, job, run, record, entry, derived)


def _add_art(
    save: Callable[..., SavedArt], job: Job, run: Run, record: Record, entry: FileEntry, derived: _Derived, *how: Any
) -> None:
    """Saves pixel art or icons of the cut-out, or of the picture if there is none."""
    cut = next((e for e in derived.entries if e.kind == "cutout" and e.index == entry.index), entry)
    source = run.store.folder / cut.path
    place = Place(
        folder=source.parent,
        stem=source.stem.removesuffix(SOURCE),
        store=run.store,
        record=record,
        options=job.options,
        index=entry.index,
        origins=(run.store.source_of(record, entry),),
    )
    made = save(source, *how, place)
    derived.entries += made.saved.entries
    derived.notes += made.notes


def web_suffixes(options: Options) -> tuple[str, ...]:
    """How the names of the scaled copies end, one for each `--web`; no two are the same."""
    given = str(options.web_suffix)
    edges = tuple(options.web or ())
    text = given if given[:1] in ("-", "_") else f"-{given}"
    text = text if "{px}" in text or len(edges) == 1 else text + "{px}"
    return tuple(text.replace("{px}", str(edge)) for edge in edges)


def stored_result(job: Job, run: Run, stored: Record) -> ImageResult:
    """The stored result of an identical request; a cut-out that it lacks is made anew, locally."""
    if not job.cutout:
        return _result(job, run, stored, _copied(job, run, stored), reused=True)
    count = len(stored.api_files())
    plan = run.store.reserve(
        job.stem, count, stored.api_files()[0].format, if_exists=job.options.if_exists, out=job.options.out
    )
    seconds = _stored_seconds(job, run, stored) if job.cutout == "difference" else {}
    derived = _derive(job, run, plan, stored, seconds)
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


def _copied(job: Job, run: Run, stored: Record) -> _Derived:
    """Copies of a stored result's files under the names that are asked for now; what another file has is left alone."""
    derived = _Derived(warnings=list(stored.warnings))
    files = stored.api_files()
    renamed = job.name is not None and job.name != stored.name and job.stem == safe_stem(job.name)
    if job.options.out is None and not renamed:
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


def _result(job: Job, run: Run, record: Record, derived: _Derived, *, reused: bool = False) -> ImageResult:
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
        derived=_by_kind(folder, derived.entries),
    )
    return check_result(job, run.store, result)


def _by_kind(folder: Path, entries: Sequence[FileEntry]) -> dict[str, Path]:
    """The files made besides cut-outs, by their kind and their picture's index; further ones of a kind by their name too."""
    found: dict[str, Path] = {}
    for entry in entries:
        key = f"{entry.kind} {entry.index}"
        if entry.kind not in ("cutout", "copy"):
            found[f"{key} {Path(entry.path).name}" if key in found else key] = folder / entry.path
    return found
