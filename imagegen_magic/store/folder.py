"""The only writer of files: names, a spool for what comes in, atomic publishing, sidecars.

Order of events for a picture that was paid for: its bytes in the spool as they arrive; its file, byte for byte;
its sidecar; the history's line. A process killed between any two leaves nothing half-written and nothing lost:
`recovery` publishes what the spool still holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import secrets
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock

from imagegen_magic.errors import CallError, Fix, Setting, StoreError
from imagegen_magic.images.whole import FILE_STARTS
from imagegen_magic.metadata.derived import Source
from imagegen_magic.metadata.reading import read_provenance
from imagegen_magic.options.paths import expanded, is_file
from imagegen_magic.redaction import hide_keys
from imagegen_magic.request.response import ImageResponse, Payload

from .history import LINES, FileEntry, History, Record, file_sha256, read_record
from .names import (
    SUFFIXES,
    Reservation,
    base_path,
    free_path,
    is_taken,
    planned_paths,
    release_name,
    reserve_names,
    safe_stem,
    sidecar_path,
)
from .spool_file import SpoolFile

__all__ = ["RequestSpool", "Store"]

SPOOL = ".incoming"
STARS = "starred.json"
NOTE = ".intent"
"""How the file's name ends that says what a request asks for."""
SENT = ".sent"
"""How it ends while the request is on the wire: it may be billed, and the history has no line of it yet."""
BODY = ".json"
"""How the name of an answer's body ends."""
BLANK = 1
"""Bytes of an emptied file. ext4 writes what was truncated to nothing to the disk at once, and the next one waits for it: 5 ms."""
ALIVE = "alive.lock"
"""Held by the process that a part of the spool belongs to, as long as it lives."""
EXPECTED_BYTES = 32 << 20
"""Free space asked for before a call, per picture: a 4K PNG and its raw answer."""


class Store:
    """One output folder. Implements `response.Spool`. Safe for several threads and processes.

    Args:
        folder: the output folder; made with the first file.
        free_bytes: how much room the disk of a folder has.
    """

    def __init__(self, folder: Path, *, free_bytes: Callable[[Path], int] | None = None) -> None:
        self._free_bytes = free_bytes or (lambda place: shutil.disk_usage(place).free)
        self.folder = expanded(folder)
        self.history = History(self.folder)
        self._place: Path | None = None
        self._alive: FileLock | None = None
        self._owner = 0
        self._opening = threading.Lock()
        self._empty: deque[RequestSpool] = deque()
        self._numbers = itertools.count(1)

    # names

    def reserve(
        self,
        stem: str,
        count: int,
        form: str,
        *,
        if_exists: str = "version",
        out: str | None = None,
        markers: Sequence[str] = (),
    ) -> Reservation:
        """The names for `count` pictures of format `form`, each reserved by an empty file of that name.

        `markers` are further names that must be free beside each (`-source`). With `fail`, a taken name is an
        error; with `version` the next free `-v2`, `-v3` is taken; with `overwrite` the name as it is.

        Raises:
            StoreError: a name is taken, the folder can't be written, or the disk is nearly full.
            OptionError: `out` leaves the folder.
        """
        place = base_path(self.folder, stem, out, form).parent
        self._check_folder(place, count, if_exists)
        for version in range(1, 100_000):
            names = planned_paths(self.folder, stem, count, form, out, version)
            plan = Reservation(paths=names, overwrite=if_exists == "overwrite", markers=tuple(markers))
            try:
                if plan.overwrite or reserve_names(plan.reserved()):
                    return plan
            except OSError as error:
                raise _unwritable(place, error) from error
            if if_exists == "fail":
                raise _taken([path for path in plan.reserved() if is_taken(path)])
        raise StoreError(f"no free name for {names[0].name}")

    def peek(
        self, stem: str, count: int, form: str, *, if_exists: str = "version", out: str | None = None
    ) -> tuple[Path, ...]:
        """The names that `plan` would give now, without holding them: for a dry run."""
        if if_exists != "version":
            return planned_paths(self.folder, stem, count, form, out, 1)
        return self.next_names(stem, count, form, out)[0]

    def next_names(
        self, stem: str, count: int, form: str, out: str | None, taken: Container[Path] = (), first: int = 1
    ) -> tuple[tuple[Path, ...], int]:
        """The first names, from version `first` on, that neither exist nor are in `taken`; and their version."""
        for version in range(first, 100_000):
            names = planned_paths(self.folder, stem, count, form, out, version)
            if not any(path in taken or is_taken(path) for path in names):
                return names, version
        raise StoreError(f"no free name for {names[0].name}")

    def _check_folder(self, folder: Path, count: int, if_exists: str) -> None:
        """Finds a read-only folder and a full disk before anything is paid."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _ = self.spool  # whoever holds names is known to be alive
            if if_exists == "overwrite":  # else the names are reserved by files, which shows the same
                with tempfile.TemporaryFile(dir=folder):
                    pass
        except OSError as error:
            raise _unwritable(folder, error) from error
        free = self._free_bytes(folder)
        if free < EXPECTED_BYTES * count:
            summary = f"the disk has {free / 1e6:.0f} MB left; {EXPECTED_BYTES * count / 1e6:.0f} MB are needed for {count} picture{'s' * (count > 1)}"
            raise StoreError(
                summary,
                hints=(Fix("free some space, or ", Setting("--out-dir"), " on another disk"),),
                outcome="not sent",
            )

    def release(self, plan: Reservation) -> None:
        """Releases the names of a plan that came to nothing: empty files only."""
        for path in plan.reserved():
            if not plan.overwrite:
                release_name(path)

    # spool

    @property
    def spool(self) -> Path:
        """This process's own part of the spool."""
        with self._opening:
            if self._place is None or self._owner != os.getpid():  # a forked process has a part of its own
                self._place, self._alive = _own_place(self.folder / SPOOL)
                self._owner = os.getpid()
            return self._place

    def open(self, suffix: str, prefix: str = "") -> tuple[Path, SpoolFile]:
        """A new private file, open for writing and reading."""
        path = self.spool / f"{prefix}{next(self._numbers)}{suffix}"
        return path, SpoolFile(path, "x+")

    def keep(self, path: Path, label: str) -> Path:
        """Puts an unusable file beside the history under a name that says what it is."""
        stamp = datetime.now().astimezone().strftime("%Y%m%dT%H%M%S")
        place = self.folder / "received"
        try:
            place.mkdir(parents=True, exist_ok=True)
            target = free_path(place / f"{stamp}-{safe_stem(label)}{path.suffix}")
            hide_keys(path)
            path.replace(target)
        except OSError:
            return path  # a full disk: it stays where it is, and the next start publishes what is whole
        return target

    def save_elsewhere(self, images: Sequence[bytes]) -> tuple[Path, ...]:
        """Where pictures that the output folder did not take were put instead; nothing if no disk takes them."""
        out = []
        with contextlib.suppress(OSError):
            place = Path(tempfile.mkdtemp(prefix="imagegen-rescued-"))
            for number, data in enumerate(images, 1):
                path = place / f"{number}{_suffix_of(data)}"
                path.write_bytes(data)
                out.append(path)
        return tuple(out) if len(out) == len(images) else ()

    def discard(self, path: Path) -> None:
        """Removes a spool file that is no longer needed; it may be gone already, with its folder."""
        with contextlib.suppress(OSError):
            path.unlink()

    @contextlib.contextmanager
    def journal(self, plan: Reservation, draft: Record, marker: str = "") -> Iterator[RequestSpool]:
        """Notes in the spool what is being asked for, and gives the request a spool of its own.

        What the request receives is named after its note, so that a killed process's images are published later with
        their own prompts. The note stays if the request is ended by anything but an answer or a known failure.
        """
        names = {"paths": plan.named(marker), "reserved": () if plan.overwrite else plan.reserved()}
        places = {key: [path.relative_to(self.folder).as_posix() for path in paths] for key, paths in names.items()}
        note = f'{{"record": {draft.to_json()}, {json.dumps(places)[1:]}'
        try:
            spool = self._request_spool(note.encode())
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        try:
            yield spool
        except (CallError, StoreError):
            self._release(spool)
            raise
        self._release(spool)

    def _request_spool(self, note: bytes) -> RequestSpool:
        """A request's spool with this note: one that an earlier request left empty, or a new one."""
        place = self.spool
        with contextlib.suppress(IndexError, OSError):
            spool = self._empty.pop()
            if spool.note.parent == place:  # not a parent process's
                with SpoolFile(spool.note, "r+") as stream:
                    stream.write(note)
                return spool
        path, new = self.open(NOTE)
        with new:
            new.write(note)
        return RequestSpool(self, path)

    def _release(self, spool: RequestSpool) -> None:
        """Empties a request's spool for the next request: a disk finds a new file slowly if many were just removed."""
        with contextlib.suppress(OSError):
            spool.clear()
            self._empty.append(spool)

    @contextlib.contextmanager
    def single_flight(self, digest: str) -> Iterator[None]:
        """Lets one thread of one process at a time make this request; the others wait and find what it left."""
        place = self.folder / SPOOL
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        with FileLock(place / f"{digest[:32]}.lock", thread_local=False):
            yield

    # publishing

    def save(self, plan: Reservation, response: ImageResponse, record: Record, *, marker: str = "") -> Record:
        """The record with its files and number, after pictures, sidecars and history line are on disk.

        More pictures than names get the next free ones; names without a picture are released.

        Raises:
            StoreError: a file can't be written; the bytes stay in the spool and the message says where.
        """
        names = list(plan.named(marker))
        last = names[-1]
        while len(names) < len(response.payloads):
            names.append(free_path(last))
        entries = [
            self._publish(payload, name, index, overwrite=plan.overwrite)
            for index, (payload, name) in enumerate(zip(response.payloads, names, strict=False))
        ]
        if not marker:
            for name in names[len(entries) :]:
                release_name(name)
        return self.record(replace(record, files=tuple(entries)))

    def _publish(self, payload: Payload, name: Path, index: int, *, overwrite: bool) -> FileEntry:
        """Moves one picture from the spool to its name; another suffix if the bytes are of another format."""
        suffix = SUFFIXES.get(payload.format, name.suffix)
        if name.suffix.lower() not in (suffix, ".jpeg" if suffix == ".jpg" else suffix):
            release_name(name)
            name = name.with_suffix(suffix) if overwrite else free_path(name.with_suffix(suffix))
        if not overwrite and _is_filled(name):  # another program wrote to the reserved name meanwhile
            name = free_path(name)
        try:
            move(payload.path, name)
        except OSError as error:
            hints = (f"the picture's bytes are in {payload.path}",)
            raise StoreError(f"{name.name} can't be written: {error.strerror}", hints=hints, outcome="done") from error
        relative = name.relative_to(self.folder).as_posix()
        return FileEntry(
            path=relative,
            sha256=payload.sha256,
            bytes=payload.bytes,
            format=payload.format,
            size=payload.size,
            index=index,
            content_credentials=_credentials_of(name),
        )

    def record(self, record: Record) -> Record:
        """History line first for its number, then a sidecar beside each picture; both say the same."""
        try:
            record = self.history.append(record)
            self.write_sidecars(record)
        except OSError as error:
            part = "sidecar" if record.number else "history line"
            note = f"the picture is saved, but its {part} is not ({error.strerror})"
            return replace(record, warnings=(*record.warnings, note))
        return record

    def write_sidecars(self, record: Record) -> None:
        text = record.to_json(LINES)
        for entry in record.files:
            self.write_text(sidecar_path(self.folder / entry.path), text)

    def save_derived(self, name: Path, data: bytes, record: Record, *, kind: str, index: int = 0) -> FileEntry:
        """The entry of a new file made from a saved picture: a cut-out, a web copy, a protected composite.

        `data` is the finished file. The sidecar names the source, and says if the source's Content Credentials were lost.
        """
        self.write_bytes(name, data)
        form = next((form for form, suffix in SUFFIXES.items() if suffix == name.suffix.lower()), name.suffix[1:])
        source = next((f for f in record.api_files() if f.index == index), None)
        entry = FileEntry(
            path=name.relative_to(self.folder).as_posix(),
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            format=form,
            kind=kind,
            index=index,
            content_credentials=_credentials_of(name, self.folder / source.path if source else None),
        )
        parents = (
            ({"sha256": source.sha256, "file": source.path, "number": record.number, "role": "source"},)
            if source
            else ()
        )
        note = replace(record, kind=kind, files=(entry,), parents=parents)
        self.write_text(sidecar_path(name), note.to_json(LINES))
        return entry

    def source_of(self, record: Record, entry: FileEntry) -> Source:
        """A saved image as the source of files made from it."""
        return Source(
            title=PurePosixPath(entry.path).name,
            sha256=entry.sha256,
            source_type=record.source_type,
            system="" if record.simulated else str(record.request.get("model", "")),
            file=self.folder / entry.path,
        )

    def write_checks(self, files: Iterable[Path], verdicts: Sequence[Mapping[str, Any]]) -> None:
        """Puts the verdicts on these files into their sidecars, in place of earlier ones.

        Raises:
            OSError: a sidecar can't be written.
        """
        for path in files:
            beside = sidecar_path(path)
            record = read_record(beside)
            if record is not None and list(record.checks) != list(verdicts):
                self.write_text(beside, replace(record, checks=tuple(verdicts)).to_json(LINES))

    def kept_file(self, name: str) -> Path | None:
        """The file of that name below the folder; None if there is none, or a link leads out."""
        path = self.folder / name
        return path if is_file(path) and path.resolve().is_relative_to(self.folder.resolve()) else None

    def versions(self, stem: str, count: int, form: str, *, out: str | None = None) -> Iterator[tuple[Path, ...]]:
        """The names of each version that is there already, from the first on.

        Raises:
            OptionError: `out` leaves the folder.
        """
        for version in itertools.count(1):
            names = planned_paths(self.folder, stem, count, form, out, version)
            if not any(name.is_file() for name in names):
                return
            yield names

    def derived_record(self, path: Path) -> Record | None:
        """What the sidecar of the derived file at `path` says; None if there is none, or the file has been changed."""
        with contextlib.suppress(OSError):
            record = read_record(sidecar_path(path))
            if record is None or record.api_files() or not record.parents:
                return None
            return record if {file_sha256(path)} == {entry.sha256 for entry in record.files} else None
        return None

    def write_text(self, path: Path, text: str) -> None:
        """Writes a text file whole or not at all."""
        self.write_bytes(path, text.encode("utf-8", "backslashreplace"))

    def write_bytes(self, path: Path, data: bytes) -> None:
        """Writes a file whole or not at all."""
        temporary, stream = self.open(path.suffix)
        with stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _give_name(temporary, path)

    def read_stars(self) -> list[str]:
        """The starred history references; none if the file is missing or unreadable."""
        try:
            found = json.loads((self.folder / STARS).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return []
        return [word for word in found if isinstance(word, str)] if isinstance(found, list) else []

    def save_input(self, data: bytes, label: str, suffix: str) -> Path:
        """The file of an uploaded picture or a painted mask, in `inputs/`; the same bytes are kept once."""
        digest = hashlib.sha256(data).hexdigest()[:12]
        path = self.folder / "inputs" / f"{safe_stem(label)}-{digest}{suffix}"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.write_bytes(path, data)
        return path


@dataclass(slots=True)
class RequestSpool:
    """One request's part of the spool: its files are named after its note.

    The note's own name says whether the request is on the wire, for whoever finds it after a kill.
    """

    store: Store
    note: Path
    body: Path | None = None
    """An emptied file for the next answer."""

    def mark_sent(self) -> None:
        """From now on it may be billed."""
        with contextlib.suppress(OSError):
            self.note.replace(self.note.with_suffix(SENT))

    def mark_settled(self) -> None:
        """It is off the wire: refused, or its line is in the history."""
        with contextlib.suppress(OSError):
            self.note.with_suffix(SENT).replace(self.note)

    def clear(self) -> None:
        """Empties the note: its request is over."""
        self.mark_settled()
        os.truncate(self.note, BLANK)

    def open(self, suffix: str) -> tuple[Path, SpoolFile]:
        """A private file, open for writing and reading from its start; the first byte written replaces a blank one."""
        if suffix == BODY and self.body is not None:
            path, self.body = self.body, None
            with contextlib.suppress(OSError):
                return path, SpoolFile(path, "r+")
        return self.store.open(suffix, f"{self.note.stem}-")

    def keep(self, path: Path, label: str) -> Path:
        """Puts an unusable file beside the history."""
        return self.store.keep(path, label)

    def discard(self, path: Path) -> None:
        """Removes a file that is no longer needed; an answer's is emptied for the next answer."""
        if path.suffix == BODY and self.body is None:
            with contextlib.suppress(OSError):
                os.truncate(path, BLANK)
                self.body = path
                return
        self.store.discard(path)


def _is_filled(path: Path) -> bool:
    """True for a file that is more than a reserved name."""
    try:
        return path.stat().st_size > 0 and path.is_file()
    except OSError:
        return False


def move(source: Path, target: Path) -> None:
    """Moves a finished file to its name: on disk whole, or not at all."""
    with source.open("rb", buffering=0) as stream:
        os.fsync(stream.fileno())
    _give_name(source, target)


def _give_name(source: Path, target: Path) -> None:
    """Gives a file that is on disk its name."""
    source.chmod(0o666 & ~_umask())
    try:
        source.replace(target)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)


@cache
def _umask() -> int:
    """The process's mask for new files, read without changing it for longer than a moment."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _suffix_of(data: bytes) -> str:
    """The suffix of an encoded picture, by its first bytes."""
    return next((suffix for start, suffix in FILE_STARTS.items() if data.startswith(start)), ".bin")


def _credentials_of(path: Path, source: Path | None = None) -> str:
    """What a sidecar says of a file's Content Credentials; a file that was paid for is never lost by looking at it."""
    try:
        found = read_provenance(path)
        return (found.against(read_provenance(source)) if source else found).credentials_words
    except Exception as error:  # noqa: BLE001 - as said above
        return f"not read: {type(error).__name__}"


def _unwritable(folder: Path, error: OSError) -> StoreError:
    """What is found before anything is sent."""
    hints = (Fix(Setting("--out-dir"), " with a folder that you may write to"),)
    return StoreError(f"the folder {folder.name} can't be written: {error.strerror}", hints=hints, outcome="not sent")


def _own_place(spool: Path) -> tuple[Path, FileLock]:
    """A new part of the spool and its lock, held: named by the process, and apart from another machine's same number."""
    while True:
        place = spool / f"{os.getpid()}-{secrets.token_hex(4)}"
        place.mkdir(parents=True)
        lock = FileLock(place / ALIVE, thread_local=False)
        lock.acquire()
        if (place / ALIVE).exists():  # else another process swept it up before it was locked
            return place, lock
        lock.release()


def _taken(paths: Sequence[Path]) -> StoreError:
    names = ", ".join(path.name for path in paths)
    hints = (
        Fix(Setting("--if-exists", "version"), " makes the next free name"),
        Fix(Setting("--if-exists", "overwrite"), " replaces it"),
    )
    return StoreError(f"{names} exists already", hints=hints, outcome="not sent")
