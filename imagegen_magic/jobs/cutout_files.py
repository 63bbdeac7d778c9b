"""The file of a job's cut-out. Its sidecar says how it was made: a cut-out that is there is not made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from imagegen_magic.metadata.derived import SOFTWARE, Marking
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import FileEntry, Record, file_sha256
from imagegen_magic.store.names import SOURCE, SUFFIXES, Reservation, safe_stem

from .derived import cut_out
from .planning import Job

if TYPE_CHECKING:
    from imagegen_magic.matting.report import CutoutReport

__all__ = ["CutoutFile", "CutoutFiles", "is_renamed"]

DECIDING = (
    "transparent", "opacity", "edge_contract", "edge_feather", "mark", "embed_prompt", "sign", "sign_certificate",
)  # fmt: skip
"""The options that decide what a cut-out's file holds, beside its sources and its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutoutFile:
    """A cut-out's file, the report on it, and what the user should know."""

    file: FileEntry
    report: CutoutReport
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CutoutFiles:
    """The cut-outs of one result's images, in its folder."""

    job: Job
    store: Store
    record: Record
    second: Mapping[int, Path]
    """The frames over another backdrop, by their images' indices."""

    def find(self, entry: FileEntry) -> CutoutFile | None:
        """The cut-out of this image that is there under a name of the job; None if there is none, or it has been changed."""
        places = self._named(entry) if is_renamed(self.job, self.record) else (*self._named(entry), self._beside(entry))
        settings = self._settings(entry)
        return next(filter(None, (self._read(place, entry, settings) for place in places)), None)

    def copy(self, entry: FileEntry, plan: Reservation) -> CutoutFile | None:
        """The cut-out that lies beside the image, under the job's own name for it; None if there is none to copy."""
        source = self._beside(entry)
        made = self._read(source, entry, self._settings(entry))
        if made is None:
            return None
        return replace(made, file=self._save(self._name(entry, plan), source.read_bytes(), entry, made))

    def make(self, entry: FileEntry, plan: Reservation) -> CutoutFile | list[str]:
        """The cut-out, made and saved; only the warnings if the engine can't make one."""
        cut, warnings = cut_out(self.job, self._source(entry), self.second.get(entry.index))
        if cut is None:
            return warnings
        cut = replace(cut, sources=(self.store.source_of(self.record, entry), *cut.sources[1:]))
        data = cut.finished(self._form, Marking.of(self.job.options, self.job.request.prompt))
        made = CutoutFile(file=entry, report=cut.report, warnings=warnings)
        return replace(made, file=self._save(self._name(entry, plan), data, entry, made))

    def _read(self, place: Path, entry: FileEntry, settings: Mapping[str, str]) -> CutoutFile | None:
        """The file at `place` if it is a cut-out of this image with the same settings, by a sidecar that anyone may have written."""
        made = self.store.derived_record(place)
        if made is None or made.cutout.get("settings") != settings:
            return None
        report = _report_of(made)
        path = place.relative_to(self.store.folder).as_posix()
        file = replace(made.files[0], path=path, kind="cutout", index=entry.index)
        return CutoutFile(file=file, report=report, warnings=_warnings_of(made)) if report else None

    def _named(self, entry: FileEntry) -> Iterator[Path]:
        """Where it may be under the job's names, version by version."""
        out, count = self.job.options.out, len(self.record.api_files())
        for names in self.store.versions(self.job.stem, count, self.job.request.format, out=out):
            yield from names[entry.index : entry.index + 1]

    def _settings(self, entry: FileEntry) -> dict[str, str]:
        """What decides the file's bytes, as texts."""
        assert self.job.key is not None
        second = self.second.get(entry.index)
        return {
            "software": SOFTWARE,
            "sources": " ".join([entry.sha256, *([file_sha256(second)] if second else [])]),
            "key": self.job.key.color,
            "format": self._form,
            **{name: str(getattr(self.job.options, name)) for name in DECIDING},
        }

    def _save(self, name: Path, data: bytes, entry: FileEntry, made: CutoutFile) -> FileEntry:
        how = {
            "settings": self._settings(entry),
            "report": asdict(made.report),
            "warnings": [*map(str, made.warnings)],
        }
        record = replace(self.record, cutout=how)
        return self.store.save_derived(name, data, record, kind="cutout", index=entry.index)

    @property
    def _form(self) -> Literal["png", "webp"]:
        return "webp" if self.job.request.format == "webp" else "png"

    def _source(self, entry: FileEntry) -> Path:
        return self.store.folder / entry.path

    def _beside(self, entry: FileEntry) -> Path:
        """Where the request that made the image put its cut-out; of an answer in another format under the one asked for."""
        source = self._source(entry)
        suffix = source.suffix if entry.format == self._form else SUFFIXES[self._form]
        return source.with_name(source.stem.removesuffix(SOURCE) + suffix)

    def _name(self, entry: FileEntry, plan: Reservation) -> Path:
        """The planned name; another if there is none, or if the API's image has it, which is never replaced."""
        source, name = self._source(entry), next(iter(plan.paths[entry.index : entry.index + 1]), None)
        taken = {self._source(file) for file in self.record.api_files()}
        return source.with_name(f"{source.stem}-cutout.{self._form}") if name is None or name in taken else name


def is_renamed(job: Job, stored: Record) -> bool:
    """Whether the job asks for the stored images under other names: with `--out`, or with a NAME of its own."""
    named = job.name is not None and job.name != stored.name and job.stem == safe_stem(job.name)
    return job.options.out is not None or named


def _report_of(made: Record) -> CutoutReport | None:
    """The report in a sidecar, which anyone may have written; None if it is none."""
    from imagegen_magic.matting.report import CutoutReport  # noqa: PLC0415 - only for who looks back

    try:
        return CutoutReport.from_dict(made.cutout["report"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _warnings_of(made: Record) -> list[str]:
    found = made.cutout.get("warnings")
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
