"""What a killed process left: its received pictures are published, its reserved names released, its spool swept."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

from filelock import FileLock, Timeout

from imagegen_magic.images.whole import whole_image

from .folder import ALIVE, BLANK, BODY, NOTE, SENT, SPOOL, RequestSpool, Store, move
from .history import FileEntry, Record, file_sha256
from .names import SUFFIXES, free_path, release_name, sidecar_path

__all__ = ["mark_unknown", "recover"]

MOMENT = 2.0
"""Seconds for which a killed process's lock may be held by a program that it was just starting: the SDK asks `uname`."""
KILLED = "its process was killed before the answer came"
RECOVERED = "recovered after its process was killed"


def recover(store: Store) -> list[Path]:
    """Publishes pictures that killed processes left in the spool, and sweeps it; returns the published paths."""
    published: list[Path] = []
    living = swept = False
    for place in _places(store.folder / SPOOL):
        lock = FileLock(place / ALIVE, timeout=0 if _may_live(place) else MOMENT)
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
        _release_all(store)
    return published


def _may_live(place: Path) -> bool:
    """False if the process that a part of the spool is named after is not on this machine."""
    number = place.name.partition("-")[0]
    if sys.platform == "win32" or not number.isascii() or not number.isdigit():
        return True
    try:
        os.kill(int(number), 0)  # asks, and ends nothing
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return True


def _places(spool: Path) -> list[Path]:
    """The parts of the spool that a process locked. A link is none: a folder from elsewhere may bring one that leads out."""
    own = [] if spool.is_symlink() else [place for place in spool.glob("*/") if not place.is_symlink()]
    return sorted(place for place in own if (place / ALIVE).is_file() and not (place / ALIVE).is_symlink())


def _files(place: Path) -> list[Path]:
    """The files of a part of the spool, by name; links are passed over."""
    return sorted(path for path in place.iterdir() if path.is_file() and not path.is_symlink())


def _images(place: Path) -> list[Path]:
    return [path for path in _files(place) if path.suffix in SUFFIXES.values()]


def _release_all(store: Store) -> None:
    """Releases names that a process had reserved, and not yet noted, when it was killed; no other process is there."""
    for suffix in SUFFIXES.values():
        for path in store.folder.rglob(f"*{suffix}"):
            release_name(path)


def _recover_place(store: Store, place: Path) -> list[Path]:
    """Publishes what one dead process left: each image with the record of the request that received it."""
    out = []
    for note in _notes(store, place):
        _adopt(store, note)
        mine = [path for path in _images(place) if path.name.startswith(f"{note.path.stem}-")]
        found = _publish(store, note, [path for path in mine if _is_whole(path)])
        if note.sent and not found and not _is_recorded(store, note):
            store.history.append(replace(note.record, outcome="ambiguous", error=KILLED))
        out += found
    rest = [path for path in _images(place) if _is_whole(path)]
    out += _publish(store, Note(path=place, record=Record(kind="recovered"), paths=()), rest)
    for path in _files(place):
        if path.suffix == BODY and path.stat().st_size > BLANK:
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
    """Records what a killed process had under its name already, and releases names that stayed empty.

    A sidecar of another image, which was to be overwritten, counts as none. A file older than the note was there before.
    """
    for name in (*note.paths, *note.reserved):
        release_name(name)
    noted = note.path.stat().st_mtime_ns
    came = [path for path in note.paths if path.is_file() and path.stat().st_mtime_ns >= noted]
    bare = [path for path in came if not _has_its_sidecar(path)]
    if not bare:
        return
    entries = tuple(replace(_entry(store, path), index=index) for index, path in enumerate(bare))
    mine = {(entry.path, entry.sha256) for entry in entries}
    for record in reversed(store.history.records()):
        if mine <= {(entry.path, entry.sha256) for entry in record.files}:
            store.write_sidecars(record)  # it was killed between the history's line and the sidecars
            return
    store.record(replace(note.record, files=entries, outcome="done", warnings=(RECOVERED,)))


def _is_recorded(store: Store, note: Note) -> bool:
    """True if the history has the line of the request's images: it was killed after that.

    Equal requests of the same second have names of their own; the suffix follows what the server sent.
    """
    names = {path.with_suffix("") for path in note.paths}
    return any(
        (record.digest, record.time) == (note.record.digest, note.record.time)
        and not names.isdisjoint((store.folder / entry.path).with_suffix("") for entry in record.files)
        for record in store.history.records()
    )


def _has_its_sidecar(path: Path) -> bool:
    """True if a sidecar lies beside the image and is of this image, not of one that was there before."""
    data = _read_json(sidecar_path(path)) or {}
    files = data.get("files")
    known = {entry.get("sha256") for entry in files if isinstance(entry, dict)} if isinstance(files, list) else set()
    return file_sha256(path) in known


def mark_unknown(store: Store) -> int:
    """How many requests on the wire were recorded as of unknown outcome, for a process that leaves at once.

    A request that still waited for its turn was not sent and leaves no line. Names are released; should images turn up in
    the spool, `recover` still publishes them.
    """
    count = 0
    for note in _notes(store, store.spool):
        for name in (*note.paths, *note.reserved):
            release_name(name)
        if note.sent and not _is_recorded(store, note):
            store.history.append(replace(note.record, outcome="ambiguous", error="left before the answer came"))
            RequestSpool(store, note.path.with_suffix(NOTE)).mark_settled()
            count += 1
    return count


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
    """What one request asked for: its note, its draft, and the names of its images."""

    path: Path
    record: Record
    paths: tuple[Path, ...]
    reserved: tuple[Path, ...] = ()
    """Every name that was held for it, those of files to be made from its images too."""

    @property
    def sent(self) -> bool:
        """True if the request was on the wire, without a line in the history."""
        return self.path.suffix == SENT


def _notes(store: Store, place: Path) -> list[Note]:
    """The notes of a spool place, as far as they can be read; one that names a place outside the folder is not ours."""
    paths = [path for path in _files(place) if path.suffix in (NOTE, SENT)]
    return [note for path in paths if (note := _note(store, path)) is not None]


def _note(store: Store, path: Path) -> Note | None:
    data = _read_json(path)
    record, names, held = ((data or {}).get(key) for key in ("record", "paths", "reserved"))
    if not isinstance(record, dict) or not _are_names(names):
        return None
    with contextlib.suppress(TypeError, ValueError, KeyError, AttributeError, OSError):
        paths = tuple(store.folder / name for name in names)
        reserved = tuple(store.folder / name for name in held) if _are_names(held) else ()
        if all(_may_be_written(store, target) for target in (*paths, *reserved)):
            return Note(path=path, record=Record.from_dict(record), paths=paths, reserved=reserved)
    return None


def _are_names(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _may_be_written(store: Store, target: Path) -> bool:
    """True for an image's place inside the output folder, whatever links lie on the way."""
    target.exists()  # raises for a name that no file system takes
    inside = target.resolve().is_relative_to(store.folder.resolve())
    return inside and SPOOL not in target.parts and target.suffix in SUFFIXES.values()


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
