"""What a killed process left: its received pictures are published, its held names given back, its spool swept."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from imagegen_magic.images.whole import whole_image

from .folder import ALIVE, SPOOL, Store, move
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
    notes = _notes(place)
    for note in notes:
        _adopt(store, note)
    found = [path for path in place.iterdir() if path.suffix in SUFFIXES.values() and _is_whole(path)]
    # A picture in the spool does not say whose it is: with several requests under way it stays without one.
    record = Record.from_dict(notes[0]["record"]) if len(notes) == 1 else Record(kind="recovered")
    record = replace(record, outcome="done", warnings=(RECOVERED,))
    names = [store.folder / name for note in notes for name in note["paths"]] if len(notes) == 1 else []
    out = []
    for index, path in enumerate(sorted(found)):
        target = free_path(names[index] if index < len(names) else store.folder / f"recovered{path.suffix}")
        move(path, target)
        store.record(replace(record, files=(_entry(store, target),)))
        out.append(target)
    for path in place.glob("*.json"):
        store.keep(path, "unfinished-answer")
    return out


def _adopt(store: Store, note: Mapping[str, Any]) -> None:
    """Enters what a killed process had under its name already, and gives back names that stayed empty."""
    names = [store.folder / name for name in note["paths"]]
    for name in names:
        release_name(name)
    bare = [path for path in names if path.exists() and not sidecar_path(path).exists()]
    if not bare:
        return
    entries = tuple(replace(_entry(store, path), index=index) for index, path in enumerate(bare))
    mine = {(entry.path, entry.sha256) for entry in entries}
    for record in reversed(store.history.records()):
        if mine <= {(entry.path, entry.sha256) for entry in record.files}:
            store.write_sidecars(record)  # it was killed between the history's line and the sidecars
            return
    record = Record.from_dict(note["record"])
    store.record(replace(record, files=entries, outcome="done", warnings=(RECOVERED,)))


def mark_unknown(store: Store) -> int:
    """How many requests under way were entered as of unknown outcome, for a process that leaves at once.

    Their names are given back; should their pictures turn up in the spool, `recover` still publishes them.
    """
    notes = _notes(store.spool)
    for note in notes:
        for name in note["paths"]:
            release_name(store.folder / name)
        left = Record.from_dict(note["record"])
        store.history.append(replace(left, outcome="ambiguous", error="left before the answer came"))
    return len(notes)


def _entry(store: Store, path: Path) -> FileEntry:
    """What a file on disk is."""
    return FileEntry(
        path=path.relative_to(store.folder).as_posix(),
        sha256=file_sha256(path),
        bytes=path.stat().st_size,
        format=next(form for form, suffix in SUFFIXES.items() if suffix == path.suffix),
    )


def _notes(place: Path) -> list[Mapping[str, Any]]:
    """What was being asked for, as far as it can be read."""
    return [note for path in sorted(place.glob("*.intent")) if (note := _read_json(path))]


def _read_json(path: Path) -> Mapping[str, Any] | None:
    with contextlib.suppress(OSError, ValueError):
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
