"""What a killed process left: its received pictures are published, its held names given back, its spool swept."""

from __future__ import annotations

import contextlib
import glob
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from imagegen_magic.images.whole import whole_image

from .folder import ALIVE, NOTE, SPOOL, Store, move
from .history import FileEntry, Record, file_sha256
from .names import SUFFIXES, free_path, release_name, sidecar_path

__all__ = ["mark_unknown", "recover"]

RECOVERED = "recovered after its process was killed"


def recover(store: Store) -> list[Path]:
    """Publishes pictures that killed processes left in the spool, and sweeps it; returns the published paths."""
    published: list[Path] = []
    living = swept = False
    for place in sorted((store.folder / SPOOL).glob("*/")):
        if not (place / ALIVE).exists():
            continue  # its process is about to lock it
        lock = FileLock(place / ALIVE, timeout=0)
        try:
            lock.acquire()
        except (Timeout, OSError):
            living = True  # its process lives
            continue
        try:
            published += _recover_place(store, place)
        finally:
            lock.release()
        shutil.rmtree(place, ignore_errors=True)
        swept = True
    if swept and not living:
        _give_back_all(store)
    return published


def _give_back_all(store: Store) -> None:
    """Gives back names that a process held when it was killed before it had noted them; no other process is there."""
    for suffix in SUFFIXES.values():
        for path in store.folder.rglob(f"*{suffix}"):
            release_name(path)


def _recover_place(store: Store, place: Path) -> list[Path]:
    """Publishes what one dead process left: each image with the record of the request that received it."""
    out = []
    for note in _notes(store, place):
        _adopt(store, note)
        mine = sorted(path for path in place.glob(f"{glob.escape(note.id)}-*") if path.suffix in SUFFIXES.values())
        out += _publish(store, note, [path for path in mine if _is_whole(path)])
    rest = sorted(path for path in place.iterdir() if path.suffix in SUFFIXES.values() and _is_whole(path))
    out += _publish(store, Note(id="", record=Record(kind="recovered"), paths=()), rest)
    for path in place.glob("*.json"):
        store.keep(path, "unfinished-answer")
    return out


def _publish(store: Store, note: Note, images: Sequence[Path]) -> list[Path]:
    """Moves a request's images to its names, and makes one record of them."""
    out = []
    for index, path in enumerate(images):
        target = free_path(note.paths[index] if index < len(note.paths) else store.folder / f"recovered{path.suffix}")
        move(path, target)
        out.append(target)
    if out:
        entries = tuple(replace(_entry(store, path), index=index) for index, path in enumerate(out))
        store.record(replace(note.record, files=entries, outcome="done", warnings=(RECOVERED,)))
    return out


def _adopt(store: Store, note: Note) -> None:
    """Records what a killed process had under its name already, and gives back names that stayed empty.

    A sidecar of another image, which was to be overwritten, counts as none.
    """
    for name in note.paths:
        release_name(name)
    bare = [path for path in note.paths if path.is_file() and not _has_its_sidecar(path)]
    if not bare:
        return
    entries = tuple(replace(_entry(store, path), index=index) for index, path in enumerate(bare))
    mine = {(entry.path, entry.sha256) for entry in entries}
    for record in reversed(store.history.records()):
        if mine <= {(entry.path, entry.sha256) for entry in record.files}:
            store.write_sidecars(record)  # it was killed between the history's line and the sidecars
            return
    store.record(replace(note.record, files=entries, outcome="done", warnings=(RECOVERED,)))


def _has_its_sidecar(path: Path) -> bool:
    """True if a sidecar lies beside the image and is of this image, not of one that was there before."""
    data = _read_json(sidecar_path(path)) or {}
    files = data.get("files")
    known = {entry.get("sha256") for entry in files if isinstance(entry, dict)} if isinstance(files, list) else set()
    return file_sha256(path) in known


def mark_unknown(store: Store) -> int:
    """How many requests under way were recorded as of unknown outcome, for a process that leaves at once.

    Their names are given back; should their images turn up in the spool, `recover` still publishes them.
    """
    notes = _notes(store, store.spool)
    for note in notes:
        for name in note.paths:
            release_name(name)
        store.history.append(replace(note.record, outcome="ambiguous", error="left before the answer came"))
    return len(notes)


def _entry(store: Store, path: Path) -> FileEntry:
    """What a file on disk is."""
    return FileEntry(
        path=path.relative_to(store.folder).as_posix(),
        sha256=file_sha256(path),
        bytes=path.stat().st_size,
        format=next(form for form, suffix in SUFFIXES.items() if suffix == path.suffix),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What one request asked for: the name of its note, its draft, and the names of its images."""

    id: str
    record: Record
    paths: tuple[Path, ...]


def _notes(store: Store, place: Path) -> list[Note]:
    """The notes of a spool place, as far as they can be read; one that names a place outside the folder is not ours."""
    return [note for path in sorted(place.glob(f"*{NOTE}")) if (note := _note(store, path)) is not None]


def _note(store: Store, path: Path) -> Note | None:
    data = _read_json(path)
    record, names = (data or {}).get("record"), (data or {}).get("paths")
    if not isinstance(record, dict) or not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        return None
    inside = store.folder.resolve()
    paths = tuple(store.folder / name for name in names)
    if not all(
        p.resolve().is_relative_to(inside) and SPOOL not in p.parts and p.suffix in SUFFIXES.values() for p in paths
    ):
        return None
    with contextlib.suppress(ValueError):
        return Note(id=path.stem, record=Record.from_dict(record), paths=paths)
    return None


def _read_json(path: Path) -> Mapping[str, Any] | None:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        data = json.loads(path.read_text(encoding="utf-8"))
        return data if isinstance(data, dict) else None
    return None


def _is_whole(path: Path) -> bool:
    """True if a spooled file is an image that was received to its end."""
    try:
        whole_image(path)
    except ValueError:
        return False
    return True
