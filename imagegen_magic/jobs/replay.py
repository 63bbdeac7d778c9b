"""Replay: a job answered by stored files only, as `imagegen.lock` says. No key, no network, no cost, and nothing is written."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from imagegen_magic.errors import Command, Fix, ImagegenError, Problem, ReplayError, Setting
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import Record, file_sha256, parse_record
from imagegen_magic.store.lockfile import Lock, LockedFile, LockedRequest, cell_digest
from imagegen_magic.store.names import sidecar_path
from imagegen_magic.store.remote import fetch_missing

from .derived import measure_native
from .expected import checked
from .planning import Job
from .result import GeneratedImage, ImageResult, derived_by_kind

__all__ = ["replayed_result"]

LIKE_ENOUGH = 0.5
"""Prompts that are less alike than this are of different cells."""
AGAIN = Fix("run it without ", Setting("--replay"), ", then ", Command("lock"))


def replayed_result(job: Job, lock: Lock, store: Store, server: str) -> ImageResult:
    """The stored result of a job, with the files that were made of it.

    Raises:
        ReplayError: the lock has no answer to this request, and the card says what changed; or a file is missing, changed or
            can't be fetched from `replay_from`.
    """
    entry = lock.find(job.request.digest(), server, cell=cell_digest(job.cell), name=job.name or "")
    if entry is None:
        raise _changed(job, lock, store)
    if job.options.replay_from:
        fetch_missing(job.options.replay_from, entry, store)
    problems = [problem for file in entry.files for problem in _file_problems(store.folder, file)]
    record = _record_of(store.folder, entry)
    if record is None:
        name = PurePosixPath(entry.files[0].path).name
        rule = "it is missing or of another request, and is needed beside the image"
        problems.append(Problem(field=f"{name}.json", rule=rule, fix=f"copy it with {name}"))
    if problems or record is None:
        raise ReplayError(f"{_title(job)} can't be replayed", problems=tuple(problems))
    return _result(job, store.folder, entry, record)


def _file_problems(folder: Path, file: LockedFile) -> Iterator[Problem]:
    path = folder / file.path
    name = PurePosixPath(file.path).name
    if not path.resolve().is_relative_to(folder.resolve()):
        yield Problem(field=name, rule="lies outside of the output folder", fix="lock again")
    elif not path.is_file():
        yield Problem(
            field=name,
            rule="is not in the output folder",
            fix=Fix("copy it from where the notebook was run, or ", Setting("--replay-from", "ADDRESS")),
        )
    elif file_sha256(path) != file.sha256:
        yield Problem(field=name, rule="was changed since it was locked", fix="put the locked file back, or lock again")


def _record_of(folder: Path, entry: LockedRequest) -> Record | None:
    """What the sidecar of the API's first file says."""
    api = next((file for file in entry.files if file.kind == "api"), None)
    path = sidecar_path(folder / api.path) if api else None
    if path is None or not path.is_file():
        return None
    record = parse_record(path.read_text(encoding="utf-8", errors="replace"))
    return record if record is not None and record.digest == entry.request else None


def _result(job: Job, folder: Path, entry: LockedRequest, record: Record) -> ImageResult:
    cut = {file.index: folder / file.path for file in entry.files if file.kind == "cutout"}
    images = tuple(
        GeneratedImage(
            path=cut.get(file.index, folder / file.path),
            source=folder / file.path,
            index=file.index,
            record=record,
            report=measure_native(cut[file.index])[0] if file.index in cut else None,
            alt=job.options.alt or "",
        )
        for file in entry.files
        if file.kind == "api"
    )
    result = ImageResult(
        images=images,
        record=record,
        estimate=job.estimate,
        options=job.options.without_objects(),
        notes=job.notes,
        warnings=record.warnings,
        reused=True,
        derived=derived_by_kind(folder, entry.files),
    )
    return checked(job, result)


# what changed


def _title(job: Job) -> str:
    """The cell, as people know it: by its name, else by its first line or its prompt."""
    line = job.cell.partition("\n")[0] if job.name is None else ""
    return job.name or line or f"{job.prompt_typed[:40]!r}"


def _changed(job: Job, lock: Lock, store: Store) -> ImagegenError:
    """The card that names the cell, and what differs from the request that was locked for it."""
    title = _title(job)
    entry = _locked_before(job, lock, store)
    before = _record_of(store.folder, entry) if entry else None
    if entry is None or before is None:
        problem = Problem(field=title, rule="nothing like it is locked", fix=AGAIN)
        return ReplayError(f"{title} is not in imagegen.lock", problems=(problem,))
    same_text = entry.cell == cell_digest(job.cell) and bool(job.cell)
    summary = f"{title} changed since it was locked"
    if same_text:
        summary = f"{title} asks for something else than when it was locked, though its text is the same"
    locked, now = dict(before.request), _as_json(job.request.describe())
    if before.prompt_typed != job.prompt_typed:  # what is added to it is long, and the same
        locked, now = {**locked, "prompt": before.prompt_typed}, {**now, "prompt": job.prompt_typed}
    differences = tuple(_differences(locked, now))
    return ReplayError(summary, problems=differences, hints=(AGAIN,))


def _locked_before(job: Job, lock: Lock, store: Store) -> LockedRequest | None:
    """The entry that was locked for this cell: by its text, its name, or the prompt that is most like this one."""
    newest = lock.requests[::-1]
    digest = cell_digest(job.cell)
    same = next((entry for entry in newest if digest and entry.cell == digest), None)
    same = same or next((entry for entry in newest if job.name and entry.name == job.name), None)
    if same is not None:
        return same
    records = [(entry, _record_of(store.folder, entry)) for entry in newest]
    likeness = [
        (difflib.SequenceMatcher(None, record.prompt_typed, job.prompt_typed).ratio(), -place, entry)
        for place, (entry, record) in enumerate(records)
        if record is not None
    ]
    best = max(likeness, key=lambda item: item[:2], default=None)
    return best[2] if best and best[0] >= LIKE_ENOUGH else None


def _as_json(request: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(request, default=str))
    return found


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Problem]:
    """A line for each field that differs: now, and as it was locked."""
    for field in dict.fromkeys([*now, *before]):
        if field == "partial_images" or before.get(field) == now.get(field):
            continue
        if field in ("images", "mask", "markup"):
            yield Problem(field=field, rule="other bytes than those that were locked")
        else:
            yield Problem(
                field=field, value=now.get(field, "not given"), rule=f"locked was {_short(before.get(field))}"
            )


def _short(value: object) -> str:
    text = "not given" if value is None else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else text[:77] + "…"
