"""The only writer of files: names, a spool for what comes in, atomic publishing, sidecars.

Order of events for a picture that was paid for: its bytes in the spool as they arrive; its file, byte for byte;
its sidecar; the history's line. A process killed between any two leaves nothing half-written and nothing lost:
`recover` publishes what the spool still holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
import unicodedata
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from .errors import OptionError, Problem, StoreError
from .history import FileEntry, History, Record, file_sha256
from .response import ImageResponse, Payload

__all__ = ["Plan", "Store", "safe_stem"]

SPOOL = ".incoming"
STARS = "starred.json"
SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "gif": ".gif", "svg": ".svg"}
EXPECTED_BYTES = 32 << 20
"""Free space asked for before a call, per picture: a 4K PNG and its raw answer."""
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))}


def safe_stem(text: str, limit: int = 80) -> str:
    """A file stem that every file system takes: no separators, control characters or reserved names; never empty."""
    plain = unicodedata.normalize("NFKC", text)
    clean = re.sub(r"[^\w .()+@-]+", "-", plain).strip(" .-")[:limit].rstrip(" .-")
    return f"{clean}-" if clean.lower().split(".")[0] in _RESERVED else clean or "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The names that a job's files will have: settled, and held against other kernels, before the call is paid."""

    paths: tuple[Path, ...]
    """Where the user looks for the pictures."""
    overwrite: bool = False
    markers: tuple[str, ...] = ()
    """Further names held beside each path, for what will be made of it: `-source`, `-web`."""

    def held(self) -> tuple[Path, ...]:
        """Every name that is held."""
        return (*self.paths, *(path for marker in self.markers for path in self.sources(marker)))

    def sources(self, marker: str) -> tuple[Path, ...]:
        """The same names with a marker, for the API's bytes beside a derived picture: `hero-source.png`."""
        return tuple(path.with_name(f"{path.stem}{marker}{path.suffix}") for path in self.paths)


class Store:
    """One output folder. Implements `response.Spool`. Safe for several threads and processes.

    Args:
        folder: the output folder; made with the first file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder).expanduser()
        self.history = History(self.folder)
        self._alive: FileLock | None = None
        self._opening = threading.Lock()

    # names

    def plan(
        self,
        stem: str,
        count: int,
        form: str,
        *,
        if_exists: str = "version",
        out: str | None = None,
        markers: Sequence[str] = (),
    ) -> Plan:
        """The names for `count` pictures of format `form`, each held by an empty file of that name.

        `markers` are further names that must be free beside each (`-source`). With `fail`, a taken name is an
        error; with `version` the next free `-v2`, `-v3` is taken; with `overwrite` the name as it is.

        Raises:
            StoreError: a name is taken, the folder can't be written, or the disk is nearly full.
            OptionError: `out` leaves the folder.
        """
        self._check_folder(self._base(stem, out, form).parent, count)
        for version in range(1, 100_000):
            names = self._names(stem, count, form, out, version)
            plan = Plan(paths=names, overwrite=if_exists == "overwrite", markers=tuple(markers))
            if plan.overwrite or self._hold(plan.held()):
                return plan
            if if_exists == "fail":
                raise self._taken([path for path in plan.held() if path.exists()])
        raise StoreError(f"no free name for {names[0].name}")

    def _names(self, stem: str, count: int, form: str, out: str | None, version: int) -> tuple[Path, ...]:
        """The names of one version: numbered where `{i}` stands, else at their ends where there are several."""
        if out is not None and "{i}" in out:
            return tuple(
                _numbered(self._base(stem, out, form, number), version, 0, 1) for number in range(1, count + 1)
            )
        base = self._base(stem, out, form)
        return tuple(_numbered(base, version, i, count) for i in range(count))

    def peek(
        self, stem: str, count: int, form: str, *, if_exists: str = "version", out: str | None = None
    ) -> tuple[Path, ...]:
        """The names that `plan` would give now, without holding them: for a dry run."""
        return (
            self._names(stem, count, form, out, 1)
            if if_exists != "version"
            else self.next_names(stem, count, form, out)[0]
        )

    def next_names(
        self, stem: str, count: int, form: str, out: str | None, taken: Container[Path] = (), first: int = 1
    ) -> tuple[tuple[Path, ...], int]:
        """The first names, from version `first` on, that neither exist nor are in `taken`; and their version."""
        for version in range(first, 100_000):
            names = self._names(stem, count, form, out, version)
            if not any(path in taken or path.exists() for path in names):
                return names, version
        raise StoreError(f"no free name for {names[0].name}")

    def _base(self, stem: str, out: str | None, form: str, number: int = 1) -> Path:
        suffix = SUFFIXES.get(form, f".{form}")
        if out is None:
            return self.folder / f"{safe_stem(stem)}{suffix}"
        template = {
            "name": stem,
            "slug": stem,
            "i": str(number),
            "date": datetime.now().astimezone().strftime("%Y-%m-%d"),
        }
        text = re.sub(r"\{(\w+)\}", lambda match: template.get(match[1], match[0]), out)
        parts = PurePosixPath(text.replace("\\", "/")).parts
        place = self.folder.joinpath(*parts) if parts else self.folder
        inside = place.resolve().is_relative_to(self.folder.resolve())
        if (
            not inside
            or PurePosixPath(text).is_absolute()
            or re.match(r"[A-Za-z]:", text)
            or ".." in parts
            or not parts
        ):
            rule = "must stay inside the output folder"
            problem = Problem(
                field="out", value=out, rule=rule, fix="--out sub/name.png, and --out-dir for another folder"
            )
            raise OptionError("the file name can't be used", problems=(problem,))
        known = place.suffix.lower() in (suffix, *(".jpeg",) * (form == "jpeg"))
        return place.with_name(safe_stem(place.stem if known else place.name) + (place.suffix if known else suffix))

    def _check_folder(self, folder: Path, count: int) -> None:
        """Finds a read-only folder and a full disk before anything is paid."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            hint = "--out-dir with a folder that you may write to"
            raise StoreError(
                f"the folder {folder.name} can't be written: {error.strerror}", hints=(hint,), outcome="not sent"
            ) from error
        free = shutil.disk_usage(folder).free
        if free < EXPECTED_BYTES * count:
            summary = f"the disk has {free / 1e6:.0f} MB left; {EXPECTED_BYTES * count / 1e6:.0f} MB are wanted for {count} pictures"
            raise StoreError(summary, hints=("free some space, or --out-dir on another disk",), outcome="not sent")

    def _hold(self, paths: Sequence[Path]) -> bool:
        """Holds every name with an empty file, or none of them."""
        held: list[Path] = []
        for path in paths:
            try:
                path.touch(exist_ok=False)
                held.append(path)
            except FileExistsError:
                for mine in held:
                    mine.unlink(missing_ok=True)
                return False
        return True

    def release(self, plan: Plan) -> None:
        """Gives back the names of a plan that came to nothing: empty files only."""
        for path in plan.held():
            with contextlib.suppress(OSError):
                if not plan.overwrite and path.stat().st_size == 0:
                    path.unlink()

    def _taken(self, paths: Sequence[Path]) -> StoreError:
        names = ", ".join(path.name for path in paths)
        hints = ("--if-exists version makes the next free name", "--if-exists overwrite replaces it")
        return StoreError(f"{names} exists, and --if-exists is fail", hints=hints, outcome="not sent")

    # spool

    @property
    def spool(self) -> Path:
        """This process's own part of the spool."""
        place = self.folder / SPOOL / f"{os.getpid()}"
        with self._opening:
            if self._alive is None:
                place.mkdir(parents=True, exist_ok=True)
                self._alive = FileLock(place / "alive.lock", thread_local=False, is_singleton=True)
                self._alive.acquire()
        return place

    def open(self, suffix: str) -> tuple[Path, BinaryIO]:
        """A new private file, open for writing and reading."""
        descriptor, name = tempfile.mkstemp(suffix=suffix, dir=self.spool)
        return Path(name), os.fdopen(descriptor, "w+b")

    def keep(self, path: Path, label: str) -> Path:
        """Puts an unusable file beside the history under a name that says what it is."""
        stamp = datetime.now().astimezone().strftime("%Y%m%dT%H%M%S")
        place = self.folder / "received"
        place.mkdir(parents=True, exist_ok=True)
        target = _free(place / f"{stamp}-{safe_stem(label)}{path.suffix}")
        path.replace(target)
        return target

    def discard(self, path: Path) -> None:
        """Removes a spool file that is no longer needed."""
        path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def intent(self, plan: Plan, draft: Record, marker: str = "") -> Iterator[None]:
        """Notes in the spool what is being asked for, so that a killed process's pictures can be published later."""
        note = {
            "record": json.loads(draft.to_json()),
            "paths": [str(p.relative_to(self.folder)) for p in _named(plan, marker)],
        }
        path, stream = self.open(".intent")
        with stream:
            stream.write(json.dumps(note).encode())
        try:
            yield
        finally:
            self.discard(path)

    def abandon(self) -> int:
        """How many requests under way were entered as of unknown outcome, for a process that leaves at once.

        Their names are given back; should their pictures turn up in the spool, `recover` still publishes them.
        """
        notes = [note for path in self.spool.glob("*.intent") if (note := _read_json(path))]
        for note in notes:
            for name in note["paths"]:
                self._give_back(self.folder / name)
            left = Record.from_dict(note["record"])
            self.history.append(replace(left, outcome="ambiguous", error="left before the answer came"))
        return len(notes)

    # publishing

    def save(self, plan: Plan, response: ImageResponse, record: Record, *, marker: str = "") -> Record:
        """The record with its files and number, once pictures, sidecars and history line are on disk.

        More pictures than names get the next free ones; names without a picture are given back.

        Raises:
            StoreError: a file can't be written; the bytes stay in the spool and the message says where.
        """
        names = list(_named(plan, marker))
        while len(names) < len(response.payloads):
            names.append(_free(names[-1]))
        entries = [
            self._publish(payload, name, index, overwrite=plan.overwrite)
            for index, (payload, name) in enumerate(zip(response.payloads, names, strict=False))
        ]
        if not marker:
            for name in names[len(entries) :]:
                self._give_back(name)
        return self._enter(replace(record, files=tuple(entries)))

    def _publish(self, payload: Payload, name: Path, index: int, *, overwrite: bool) -> FileEntry:
        """Moves one picture from the spool to its name; another suffix where the bytes are of another format."""
        suffix = SUFFIXES.get(payload.format, name.suffix)
        if name.suffix.lower() not in (suffix, ".jpeg" if suffix == ".jpg" else suffix):
            self._give_back(name)
            name = name.with_suffix(suffix) if overwrite else _free(name.with_suffix(suffix))
        try:
            _replace(payload.path, name)
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
        )

    def _give_back(self, name: Path) -> None:
        with contextlib.suppress(OSError):
            if name.stat().st_size == 0:
                name.unlink()

    def _enter(self, record: Record) -> Record:
        """History line first for its number, then a sidecar beside each picture; both say the same."""
        numbered = self.history.append(record)
        self._write_sidecars(numbered)
        return numbered

    def _write_sidecars(self, record: Record) -> None:
        text = json.dumps(json.loads(record.to_json()), indent=1, ensure_ascii=False)
        for entry in record.files:
            self.write_text(sidecar_path(self.folder / entry.path), text)

    def save_derived(
        self, name: Path, write: Callable[[BinaryIO], object], record: Record, *, kind: str, index: int = 0
    ) -> FileEntry:
        """The entry of a new file made from a saved picture: a cut-out, a web copy, a protected composite.

        `write` is given the open file. The sidecar names what it was made from.
        """
        path, stream = self.open(name.suffix)
        with stream:
            write(stream)
        size = path.stat().st_size
        digest = file_sha256(path)
        _replace(path, name)
        form = next((form for form, suffix in SUFFIXES.items() if suffix == name.suffix.lower()), name.suffix[1:])
        relative = name.relative_to(self.folder).as_posix()
        entry = FileEntry(path=relative, sha256=digest, bytes=size, format=form, kind=kind, index=index)
        source = next((f for f in record.api_files() if f.index == index), None)
        parents = (
            ({"sha256": source.sha256, "file": source.path, "number": record.number, "role": "source"},)
            if source
            else ()
        )
        note = replace(record, kind=kind, files=(entry,), parents=parents)
        self.write_text(sidecar_path(name), json.dumps(json.loads(note.to_json()), indent=1, ensure_ascii=False))
        return entry

    def write_text(self, path: Path, text: str) -> None:
        """Writes a text file whole or not at all."""
        temporary, stream = self.open(path.suffix)
        with stream:
            stream.write(text.encode())
        _replace(temporary, path)

    def write_once(self, path: Path, data: bytes) -> None:
        """Writes a file that is named after its content, where it is not there yet."""
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary, stream = self.open(path.suffix)
        with stream:
            stream.write(data)
        _replace(temporary, path)

    def read_stars(self) -> list[str]:
        """The starred history references; none where the file is missing or unreadable."""
        try:
            found = json.loads((self.folder / STARS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return [word for word in found if isinstance(word, str)] if isinstance(found, list) else []

    def save_input(self, data: bytes, label: str, suffix: str) -> Path:
        """The file of an uploaded picture or a painted mask, in `inputs/`; the same bytes are kept once."""
        digest = hashlib.sha256(data).hexdigest()[:12]
        path = self.folder / "inputs" / f"{safe_stem(label)}-{digest}{suffix}"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary, stream = self.open(suffix)
            with stream:
                stream.write(data)
            _replace(temporary, path)
        return path

    # recovery

    def recover(self) -> list[Path]:
        """Publishes pictures that killed processes left in the spool, and sweeps it; returns the published paths."""
        published: list[Path] = []
        for place in sorted((self.folder / SPOOL).glob("*/")):
            lock = FileLock(place / "alive.lock", timeout=0)
            try:
                lock.acquire()
            except (Timeout, OSError):
                continue  # its process lives
            try:
                published += self._recover_place(place)
            finally:
                lock.release()
            shutil.rmtree(place, ignore_errors=True)
        return published

    def _recover_place(self, place: Path) -> list[Path]:
        notes = [note for path in place.glob("*.intent") if (note := _read_json(path))]
        for note in notes:
            self._adopt(note)
        found = [path for path in place.iterdir() if path.suffix in SUFFIXES.values() and _complete(path)]
        # A picture in the spool does not say whose it is: with several requests under way it stays without one.
        record = Record.from_dict(notes[0]["record"]) if len(notes) == 1 else Record(kind="recovered")
        record = replace(record, outcome="done", warnings=(RECOVERED,))
        names = [self.folder / name for note in notes for name in note["paths"]] if len(notes) == 1 else []
        out = []
        for index, path in enumerate(sorted(found)):
            target = _free(names[index] if index < len(names) else self.folder / f"recovered{path.suffix}")
            _replace(path, target)
            self._enter(replace(record, files=(self._entry(target),)))
            out.append(target)
        for path in place.glob("*.json"):
            self.keep(path, "unfinished-answer")
        return out

    def _adopt(self, note: Mapping[str, Any]) -> None:
        """Enters what a killed process had under its name already, and gives back names that stayed empty."""
        names = [self.folder / name for name in note["paths"]]
        for name in names:
            self._give_back(name)
        bare = [path for path in names if path.exists() and not sidecar_path(path).exists()]
        if not bare:
            return
        entries = tuple(replace(self._entry(path), index=index) for index, path in enumerate(bare))
        mine = {(entry.path, entry.sha256) for entry in entries}
        for record in reversed(self.history.records()):
            if mine <= {(entry.path, entry.sha256) for entry in record.files}:
                self._write_sidecars(record)  # it was killed between the history's line and the sidecars
                return
        record = Record.from_dict(note["record"])
        self._enter(replace(record, files=entries, outcome="done", warnings=(RECOVERED,)))

    def _entry(self, path: Path) -> FileEntry:
        """What a file on disk is."""
        return FileEntry(
            path=path.relative_to(self.folder).as_posix(),
            sha256=file_sha256(path),
            bytes=path.stat().st_size,
            format=next(form for form, suffix in SUFFIXES.items() if suffix == path.suffix),
        )


RECOVERED = "recovered after its process was killed"


def sidecar_path(picture: Path) -> Path:
    """Where a picture's sidecar lies: `hero.png.json`."""
    return picture.with_name(picture.name + ".json")


def _named(plan: Plan, marker: str) -> tuple[Path, ...]:
    return plan.sources(marker) if marker else plan.paths


def _numbered(base: Path, version: int, index: int, count: int) -> Path:
    tail = f"-v{version}" if version > 1 else ""
    tail += f"-{index + 1}" if count > 1 else ""
    return base.with_name(f"{base.stem}{tail}{base.suffix}")


def _free(path: Path) -> Path:
    """`path`, or the next of its `-v2`, `-v3` … that does not exist; held by an empty file."""
    for version in range(1, 100_000):
        candidate = path if version == 1 else path.with_name(f"{path.stem}-v{version}{path.suffix}")
        with contextlib.suppress(FileExistsError):
            candidate.touch(exist_ok=False)
            return candidate
    raise StoreError(f"no free name for {path.name}")


def _replace(source: Path, target: Path) -> None:
    """Moves a finished file to its name: on disk whole, or not at all."""
    with source.open("rb") as stream:
        os.fsync(stream.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    source.chmod(0o644)
    source.replace(target)


def _read_json(path: Path) -> Mapping[str, Any] | None:
    with contextlib.suppress(OSError, ValueError):
        data = json.loads(path.read_text(encoding="utf-8"))
        return data if isinstance(data, dict) else None
    return None


_ENDS = {".png": b"IEND\xaeB`\x82", ".jpg": b"\xff\xd9", ".webp": b""}


def _complete(path: Path) -> bool:
    """True where a spooled picture ends as its format ends."""
    end = _ENDS.get(path.suffix, b"")
    size = path.stat().st_size
    if not size:
        return False
    with path.open("rb") as stream:
        head = stream.read(12)
        stream.seek(max(0, size - 16))
        tail = stream.read()
    if path.suffix == ".webp":
        return head[:4] == b"RIFF" and int.from_bytes(head[4:8], "little") + 8 <= size
    return tail.rstrip(b"\x00").endswith(end)
