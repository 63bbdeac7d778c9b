"""The ledger: one line a request in `history.jsonl`, append-only, shared by every kernel on the folder.

A torn last line (a killed process) is repaired, not fatal; a lost file is rebuilt from the sidecars.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import os
import re
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from imagegen_magic.errors import OptionError, Problem, StoreError
from imagegen_magic.options.paths import is_file, is_folder
from imagegen_magic.redaction import may_hold_secret, redact, redact_values

from .digest_index import DigestIndex
from .names import SOURCE

if TYPE_CHECKING:
    from pydantic import TypeAdapter

TAIL_BYTES = 1 << 16
CHOSEN = "chosen"
"""The outcome of a line that is no request: of several tries under one name, it says which one the name means."""

__all__ = ["CHOSEN", "LINES", "FileEntry", "History", "Record", "file_sha256", "parse_record"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of a record. `path` is relative to the folder; `kind` is `api` for the server's own bytes."""

    path: str
    sha256: str
    bytes: int
    format: str
    size: tuple[int, int] | None = None
    kind: str = "api"
    index: int = 0
    """Which picture of the answer it belongs to, from 0."""
    content_credentials: str = ""
    """What the file itself says when it is saved: `present (issuer, generator)…`, `lost by this save…` or `none`."""

    def to_dict(self) -> dict[str, Any]:
        """Its fields by name."""
        return {name: getattr(self, name) for name in _FILE_FIELDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known of one request, done or failed. Times are ISO 8601 with zone, costs decimal texts in USD."""

    number: int = 0
    name: str = ""
    time: str = ""
    outcome: str = "done"
    kind: str = "generate"
    server: str = ""
    simulated: bool = False
    digest: str = ""
    files: tuple[FileEntry, ...] = ()
    request: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    prompt_typed: str = ""
    prompt_sent: str = ""
    cell: str = ""
    origin: str = ""
    """Where it was asked for, if that is worth finding again: `panel` and its notebook's file name."""
    resolved: Mapping[str, str] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = None
    cost: Mapping[str, Any] = field(default_factory=dict)
    request_id: str | None = None
    seconds: float = 0.0
    attempts: int = 1
    parents: tuple[Mapping[str, Any], ...] = ()
    source_type: str = ""
    """The IPTC code of the digital source type of its images, as the mark of their derived files claims it."""
    versions: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str = ""
    checks: tuple[Mapping[str, Any], ...] = ()
    """In a sidecar: the verdicts on what was expected of its file."""
    cutout: Mapping[str, Any] = field(default_factory=dict)
    """In a cut-out's sidecar: the settings it was made with, its report, and what was said of it."""

    def to_json(self, between: str = ", ") -> str:
        """One line of JSON, keys removed. `between` stands between its fields: `LINES` puts each on a line of its own."""
        data = {name: getattr(self, name) for name in _FIELDS} | {"files": [entry.to_dict() for entry in self.files]}
        text = _joined(data, between)
        return _joined(redact_values(data), between) if may_hold_secret(text) else text

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Record:
        """The record of a parsed line; fields of a newer version are passed over.

        Raises:
            ValueError: a field has another type than this record's, or a file lies outside the folder.
        """
        record: Record = _record_type().validate_python(data)
        for entry in record.files:
            _check_inside(entry.path)
        _check_usage(record.usage or {})
        _check_amounts(record.cost)
        return record

    @property
    def shown_name(self) -> str:
        """The NAME that it was given; else that of its first file, by which `@name` finds it, too."""
        return self.name or (_stem(self.files[0]) if self.files else "")

    def api_files(self) -> tuple[FileEntry, ...]:
        """The files that hold the server's own bytes, in the answer's order."""
        return tuple(entry for entry in self.files if entry.kind == "api")


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=lambda value: redact(str(value)))
LINES = ",\n "


def _joined(data: Mapping[str, Any], between: str) -> str:
    """A JSON object, its fields' texts joined; what UTF-8 can't hold is escaped."""
    text = between.join(f'"{name}": {_ENCODER.encode(value)}' for name, value in data.items())
    return f"{{{text}}}".encode("utf-8", "backslashreplace").decode()


_FIELDS = tuple(field.name for field in fields(Record))
_FILE_FIELDS = tuple(field.name for field in fields(FileEntry))


@cache
def _record_type() -> TypeAdapter[Record]:
    from pydantic import TypeAdapter  # noqa: PLC0415 - 80 ms, only for who looks back

    return TypeAdapter(Record)


LONGEST_PATH, LONGEST_NAME = 2048, 255
"""Bytes."""


def _check_inside(path: str) -> None:
    """Raises ValueError if a path leads out of the folder: a history is a file that anyone may have written."""
    place = PurePosixPath(path)
    if place.is_absolute() or ".." in place.parts or re.match(r"[A-Za-z]:|\\\\", path):
        raise ValueError(f"{place.name} lies outside the folder")
    if len(path.encode()) > LONGEST_PATH or any(len(part.encode()) > LONGEST_NAME for part in place.parts):
        raise ValueError("a path is longer than any file system takes")


def _check_usage(usage: Mapping[str, Any]) -> None:
    """Raises ValueError if a count is not a whole number."""
    for name, count in usage.items():
        if count is not None and type(count) is not (dict if name == "svg" else int):
            raise ValueError(f"usage.{name} is {type(count).__name__}")


def _check_amounts(cost: Mapping[str, Any]) -> None:
    """Raises ValueError if an amount in USD is not a decimal number, or none that a request could cost."""
    for name in ("low", "high", "actual"):
        try:
            amount = Decimal(cost.get(name) or 0)
        except (InvalidOperation, TypeError) as error:
            raise ValueError(f"cost.{name} is {cost[name]!r}") from error
        if not (amount.is_finite() and 0 <= amount < MOST_USD):
            raise ValueError(f"cost.{name} is {amount}")


MOST_USD = 10**9
"""Of an amount that is read: sums of more are none that were billed."""


def file_sha256(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


POLL_SECONDS = 0.005
"""How often a writer looks whether another process has left the history."""


class History:
    """The ledger of one output folder. Safe for several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "history.jsonl"
        self._index = DigestIndex(self.path)
        self._waiting: deque[tuple[Record, Future[Record]]] = deque()
        self._writing = threading.Lock()
        self._lock: FileLock | None = None
        self._owner = 0
        self._own_end = (0, 0, 0)
        """Of the file as this process left it: its inode, its size, and the number of its last line."""

    def check(self) -> None:
        """Finds a folder, a pipe or a link to nowhere in place of the history, before anything is paid.

        Raises:
            StoreError: there is one.
        """
        try:
            os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            summary = f"the folder {self.folder.name[:80]} can't be used: {error.strerror}"
            raise StoreError(summary, outcome="not sent") from error
        if not is_file(self.path):
            hints = ("move it away; the history is written anew from the files beside the images",)
            summary = f"{self.path.name} in the folder {self.folder.name} is not a file"
            raise StoreError(summary, hints=hints, outcome="not sent")

    def append(self, record: Record) -> Record:
        """The record with its number, after its line is on disk.

        Raises:
            OSError: it can't be written.
        """
        line: Future[Record] = Future()
        self._waiting.append((record, line))
        with self._writing:  # one thread writes the lines of all that came meanwhile: the disk is waited for once
            if not line.done():
                self._write(tuple(self._waiting.popleft() for _ in range(len(self._waiting))))
        return line.result()

    def _write(self, waiting: Sequence[tuple[Record, Future[Record]]]) -> None:
        """Appends these records in their order, under one lock; each future gets its numbered record, or what went wrong."""
        try:
            numbered = self._write_lines([record for record, _ in waiting])
        except BaseException as error:  # noqa: BLE001 - raised by result() in each thread whose line it was
            for _, line in waiting:
                line.set_exception(error)
        else:
            for record, (_, line) in zip(numbered, waiting, strict=True):
                line.set_result(record)

    def _write_lines(self, records: Sequence[Record]) -> list[Record]:
        with contextlib.ExitStack() as opened:
            with self._locked().acquire(poll_interval=POLL_SECONDS):
                last, torn = self._last_line()
                numbered = [replace(record, number=n) for n, record in enumerate(records, last + 1)]
                stream = opened.enter_context(self.path.open("ab"))
                lines = "".join(record.to_json() + "\n" for record in numbered).encode()
                stream.write(b"\n" * torn + lines)  # half a line of a killed process stays, and is skipped when read
                stream.flush()
                left = os.fstat(stream.fileno())
                self._own_end = (left.st_ino, left.st_size, last + len(records))
            os.fsync(stream.fileno())  # other processes need not wait for the disk too
        return numbered

    def _locked(self) -> FileLock:
        """The lock that processes hold in turn; a thread has `_writing` by then. A forked process can't use its parent's."""
        if self._lock is None or self._owner != os.getpid():
            place = self.folder / ".incoming"
            place.mkdir(parents=True, exist_ok=True)
            self._lock, self._owner = FileLock(place / "history.lock", thread_local=False), os.getpid()
        return self._lock

    def _ends_with_newline(self) -> bool:
        with self.path.open("rb") as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) == b"\n"

    def _last_line(self) -> tuple[int, bool]:
        """The newest readable number, and whether the last line is torn."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return max((record.number for record in self._from_sidecars()), default=0), False
        if (found.st_ino, found.st_size) == self._own_end[:2]:  # nobody else wrote since
            return self._own_end[2], False
        return self._last_number(), found.st_size > 0 and not self._ends_with_newline()

    def _last_number(self) -> int:
        """The newest readable number, from the file's tail: appending must not grow slower with the history."""
        with self.path.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            reach = TAIL_BYTES
            while True:
                stream.seek(max(0, end - reach))
                lines = stream.read().decode("utf-8", "replace").split("\n")
                newest = next((record for line in reversed(lines) if (record := parse_record(line)) is not None), None)
                if newest is not None or reach >= end:
                    return 0 if newest is None else newest.number
                reach *= 8

    def records(self) -> list[Record]:
        """Every readable record of a request, oldest first; from the sidecars if the file is missing."""
        return [record for record in self._lines() if record.outcome != CHOSEN]

    def _lines(self) -> list[Record]:
        """The same, and the choices among them."""
        if not is_file(self.path):
            return self._from_sidecars()
        lines = self.path.read_text(encoding="utf-8", errors="replace").split(
            "\n"
        )  # JSON has other line ends inside its texts
        return [record for line in lines if (record := parse_record(line)) is not None]

    def _from_sidecars(self) -> list[Record]:
        """Records from the sidecars, one a request, by number."""
        found: dict[tuple[int, str], Record] = {}
        for path in sorted(self.folder.rglob("*.json") if is_folder(self.folder) else ()):
            if ".incoming" in path.parts:
                continue
            record = read_record(path)
            if record is not None and record.api_files():  # a derived file's sidecar only points to its source
                found[(record.number, record.time)] = record
        return sorted(found.values(), key=lambda record: (record.number, record.time))

    def rebuild(self) -> int:
        """Writes the history anew from the sidecars, the readable old lines kept; returns how many records it has."""
        with self._writing, self._locked():
            merged = {(record.number, record.time): record for record in (*self._from_sidecars(), *self._lines())}
            text = "".join(
                record.to_json() + "\n" for record in sorted(merged.values(), key=lambda r: (r.number, r.time))
            )
            temporary = self.path.with_suffix(".new")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self.path)
        return len(merged)

    def done(self) -> list[Record]:
        """The records that have pictures, oldest first."""
        return [record for record in self.records() if _has_images(record)]

    def answers(self) -> list[Record]:
        """The same; of several tries the one that was chosen stands again where it was chosen."""
        lines = self._lines()
        done = [record for record in lines if _has_images(record)]
        meant = (_meant(record, done) for record in lines if _has_images(record) or record.outcome == CHOSEN)
        return [record for record in meant if record is not None]

    def find(self, token: str) -> tuple[Record, int]:
        """The record that `@last`, `@hero` or `@17` means, and which of its pictures, from 0.

        References count from 1, as file names and badges do: `@hero.2` and `@hero[2]` are the second, `@hero` the first.

        Raises:
            OptionError: there is none; near names are offered.
        """
        match = re.fullmatch(r"@?([\w-]+?)(?:\[(\d+)\]|\.(\d+))?", token.strip())
        lines = self._lines()
        done = [record for record in lines if _has_images(record)]
        if match:
            word, number = match[1], int(match[2] or match[3] or 1)
            named = [record for record in lines if _has_images(record) or record.outcome == CHOSEN]
            found = _meant(_match(named, word), done)
            if found is not None and 1 <= number <= max(1, len(found.api_files())):
                return found, number - 1
        raise OptionError("nothing in the history matches", problems=(self._not_found(token, done),))

    def _not_found(self, token: str, done: list[Record]) -> Problem:
        names = [record.name for record in done if record.name]
        near = difflib.get_close_matches(token.lstrip("@"), names, n=3) or names[-3:]
        fix = " or ".join(f"@{name}" for name in dict.fromkeys(near)) or "make a picture first"
        return Problem(field="image", value=token, rule="@last, @NAME or @NUMBER of a picture in the history", fix=fix)

    def by_digest(self, server: str, digest: str) -> Record | None:
        """The newest done record of an identical request to the same server, its files intact; or None."""
        found = list(self._of_digest(digest))
        for record in (_meant(record, found) for record in found):
            mine = record and (record.digest, record.server, record.outcome) == (digest, server, "done")
            if record and mine and record.api_files() and all(map(self.intact, record.api_files())):
                return record
        return None

    def _of_digest(self, digest: str) -> Iterator[Record]:
        """The records in whose lines a digest stands, newest first; each plan asks for them."""
        try:
            lines = self._index.lines(digest)
        except OSError as error:
            if is_file(self.path):  # it may say that the request is paid for
                raise StoreError(f"{self.path.name} can't be read: {error.strerror}", outcome="not sent") from error
            yield from reversed(self._from_sidecars())
            return
        yield from (record for line in lines if (record := parse_record(line)) is not None)

    def by_file(self, path: Path) -> Record | None:
        """The record that made the file at `path`: by its place, else by its bytes; or None."""
        done = self.done()
        resolved = path.resolve()
        for record in reversed(done):
            if any((self.folder / entry.path).resolve() == resolved for entry in record.files):
                return record
        return self.by_sha256(file_sha256(path)) if path.is_file() else None

    def by_sha256(self, digest: str) -> Record | None:
        """The newest record with a file of these bytes, or None."""
        matches = (record for record in reversed(self.done()) if any(entry.sha256 == digest for entry in record.files))
        return next(matches, None)

    def intact(self, entry: FileEntry) -> bool:
        """True if the file is there with the same bytes."""
        path = self.folder / entry.path
        return path.is_file() and path.stat().st_size == entry.bytes and file_sha256(path) == entry.sha256

    def children(self, record: Record) -> list[Record]:
        """The records that used a picture of `record`."""
        mine = {entry.sha256 for entry in record.files}
        return [other for other in self.done() if any(parent.get("sha256") in mine for parent in other.parents)]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records())


def _has_images(record: Record) -> bool:
    return record.outcome == "done" and bool(record.api_files())


def _meant(found: Record | None, done: list[Record]) -> Record | None:
    """The record itself; of a choice, the one that was chosen."""
    if found is None or found.outcome != CHOSEN:
        return found
    number = found.parents[0].get("number") if found.parents else None
    return next((record for record in done if record.number == number), None)


def _match(done: list[Record], word: str) -> Record | None:
    if word == "last":
        return done[-1] if done else None
    if word.isdigit():
        return next((record for record in done if record.number == int(word)), None)
    named = next((record for record in reversed(done) if record.name == word), None)
    return named or next(
        (
            record
            for record in reversed(done)
            if any(word in (_stem(e), PurePosixPath(e.path).stem) for e in record.files)
        ),
        None,
    )


def _stem(entry: FileEntry) -> str:
    """The name of a file without its suffix; of what a cut-out was made from, the cut-out's."""
    return PurePosixPath(entry.path).stem.removesuffix(SOURCE)


def read_record(path: Path) -> Record | None:
    """The record of a sidecar, or None for anything else, and for what can't be read: any file may have such a name."""
    try:
        return parse_record(path.read_text(encoding="utf-8", errors="replace")) if is_file(path) else None
    except OSError:
        return None


def parse_record(line: str) -> Record | None:
    """The record of a history line or a sidecar, or None for anything else: a torn line must not make the rest unreadable."""
    try:
        data = json.loads(line)
        return Record.from_dict(data) if isinstance(data, dict) and "outcome" in data else None
    except (ValueError, RecursionError):
        return None
