"""`imagegen.lock`: which stored files answer which cell, so that a notebook runs again from a copy of its folder alone.

One entry a request: the digest of the cell's text, the digest of the request, what it cost, and each file with its hash. What
else is known of a request stands in the sidecars beside the files.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from imagegen_magic.errors import Command, Fix, ReplayError, Setting
from imagegen_magic.request.cost import format_usd

from .folder import Store
from .history import FileEntry, Record, read_record
from .names import shown_file, sidecar_path

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["LOCK", "Lock", "LockedFile", "LockedRequest", "cell_digest", "lock_of", "read_lock"]

LOCK = "imagegen.lock"
MADE_WITH_THE_REQUEST = ("cutout", "protected", "web", "pixels", "icon")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFile:
    """A file of a request: `path` is relative to the output folder, `kind` and `index` are those of its `FileEntry`."""

    path: str
    sha256: str
    kind: str = "api"
    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRequest:
    """What answers one request.

    Attributes:
        cell: the SHA-256 of the cell's text; empty for a call from Python.
        line: the cell's first line, for people.
        name: the NAME that the result is bound to.
        request: the request's digest.
        server: whom it was sent to.
        cost: what it cost, or may have cost, in USD, as a decimal text; `0` for a simulated one.
    """

    cell: str = ""
    line: str = ""
    name: str = ""
    request: str
    server: str = ""
    cost: str = "0"
    files: tuple[LockedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Everything that is locked, in the order in which it was made."""

    version: int = 1
    requests: tuple[LockedRequest, ...] = ()

    def find(self, digest: str, server: str, *, cell: str = "", name: str = "") -> LockedRequest | None:
        """The newest answer to a request: of this server, of the cell with this text's digest and of this NAME, if there is one."""
        found = [entry for entry in self.requests if entry.request == digest]
        return max(
            reversed(found),
            key=lambda entry: (entry.server == server, entry.cell == cell, entry.name == name),
            default=None,
        )

    @property
    def cost(self) -> Decimal:
        """USD that all of it cost when it was made."""
        return sum((Decimal(entry.cost) for entry in self.requests), Decimal(0))

    def to_json(self) -> str:
        """The file's text: a line a field, so that a change is seen in a diff."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def __str__(self) -> str:
        count, files = len(self.requests), sum(len(entry.files) for entry in self.requests)
        return f"{count} request{'s' * (count > 1)}, {files} file{'s' * (files > 1)}, {format_usd(self.cost)} paid for them"


def cell_digest(cell: str) -> str:
    """The identity of a cell's text, spaces at the ends of lines apart; empty for none."""
    text = "\n".join(line.rstrip() for line in cell.strip().splitlines())
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest() if text else ""


def lock_of(store: Store) -> Lock:
    """The lock of an output folder: of each cell, the newest intact answer to each request that its history knows.

    So cells that ask for the same keep each its own image; of several tries, whose names differ, the chosen one is kept.

    Raises:
        ReplayError: there is none.
    """
    answers = [r for r in store.history.answers() if all(map(store.history.intact, r.api_files()))]
    times = Counter(record.number for record in answers)
    tried = {record.digest for record in answers if times[record.number] > 1}
    newest = {(r.server, r.digest, cell_digest(r.cell), "" if r.digest in tried else r.name): r for r in answers}
    kept = list(newest.values())
    if not kept:
        hints = (Fix(Setting("--out-dir", "DIR"), " names another folder"),)
        raise ReplayError("nothing to lock: the output folder has no image of a request that is done", hints=hints)
    derived = dict[tuple[int, str], list[FileEntry]]()
    for record in _derived_records(store):
        derived.setdefault((record.number, str(record.parents[0].get("sha256"))), []).append(record.files[0])
    ordered = sorted(kept, key=lambda record: record.number)
    return Lock(requests=tuple(_locked(store, record, derived) for record in ordered))


def _derived_records(store: Store) -> Iterator[Record]:
    """The sidecars of files that were made with their request, each with its one intact file."""
    for path in sorted(store.folder.rglob("*.json")):
        record = read_record(path)
        if record is None or record.kind not in MADE_WITH_THE_REQUEST or not record.parents or not record.files:
            continue
        if sidecar_path(store.folder / record.files[0].path) == path and store.history.intact(record.files[0]):
            yield record


def _locked(store: Store, record: Record, derived: dict[tuple[int, str], list[FileEntry]]) -> LockedRequest:
    files = []
    for entry in record.api_files():
        shown = shown_file(store.folder / entry.path)
        made = derived.get((record.number, entry.sha256), [])
        files += [entry, *(e for e in made if e.kind != "cutout" or store.folder / e.path == shown)]
    amount = record.cost.get("actual") or record.cost.get("high") or "0"
    return LockedRequest(
        cell=cell_digest(record.cell),
        line=record.cell.partition("\n")[0],
        name=record.name,
        request=record.digest,
        server=record.server,
        cost="0" if record.simulated else str(amount),
        files=tuple(LockedFile(path=e.path, sha256=e.sha256, kind=e.kind, index=e.index) for e in files),
    )


@cache
def _lock_type() -> TypeAdapter[Lock]:
    from pydantic import TypeAdapter  # noqa: PLC0415 - 80 ms, only for who replays

    return TypeAdapter(Lock)


def read_lock(path: Path) -> Lock:
    """The lock in a file.

    Raises:
        ReplayError: it is not there, or is no lock of this version.
    """
    hints = (Fix(Command("lock"), " writes it, after a run of the notebook"),)
    try:
        lock = _lock_type().validate_json(path.read_bytes())
    except OSError as error:
        raise ReplayError(f"{path.name} can't be read: {error.strerror}", hints=hints) from None
    except ValueError:  # pydantic's own text may be as long as the file
        merged = any(line.startswith(b"<<<<<<< ") for line in path.read_bytes().splitlines())
        why = "holds both sides of a merge conflict" if merged else "is not a lock file, or is damaged"
        raise ReplayError(f"{path.name} {why}", hints=hints) from None
    if lock.version != 1:
        raise ReplayError(f"{path.name} is of version {lock.version}: a newer imagegen_magic wrote it")
    return lock
