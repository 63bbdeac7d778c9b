"""The file of a job's cut-out. Its sidecar says how it was made: a cut-out that is there is not made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from imagegen_magic.metadata.derived import SOFTWARE, Marking
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import FileEntry, Record, file_sha256
from imagegen_magic.store.names import SOURCE, Reservation, safe_stem

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
    plan: Reservation
    record: Record
    second: Mapping[int, Path]
    """The frames over another backdrop, by their images' indices."""

    def find(self, entry: FileEntry) -> CutoutFile | None:
        """The cut-out that was made of this image with the same settings; None if there is none, or it has been changed.

        Under a new name that the job asks for it is a copy.
        """
        settings = self._settings(entry)
        for place in self._places(entry):
            made = self.store.derived_record(place)
            report = None if made is None or made.cutout.get("settings") != settings else _report_of(made)
            if made is None or report is None:
                continue
            file = replace(made.files[0], path=place.relative_to(self.store.folder).as_posix())
            if place == self._beside(entry) and is_renamed(self.job, self.record):
                file = self._save(self._name(entry), place.read_bytes(), entry, made.cutout)
            return CutoutFile(file=file, report=report, warnings=_warnings_of(made))
        return None

    def make(self, entry: FileEntry) -> CutoutFile | list[str]:
        """The cut-out, made and saved; only the warnings if the engine can't make one."""
        cut, warnings = cut_out(self.job, self._source(entry), self.second.get(entry.index))
        if cut is None:
            return warnings
        cut = replace(cut, sources=(self.store.source_of(self.record, entry), *cut.sources[1:]))
        name = self._name(entry)
        data = cut.finished(_form(name), Marking.of(self.job.options, self.job.request.prompt))
        how = {"settings": self._settings(entry), "report": asdict(cut.report), "warnings": [*map(str, warnings)]}
        return CutoutFile(file=self._save(name, data, entry, how), report=cut.report, warnings=warnings)

    def _places(self, entry: FileEntry) -> Iterator[Path]:
        """Where it may be: under the job's names, version by version, and beside the image."""
        options, count = self.job.options, len(self.record.api_files())
        for names in self.store.versions(self.job.stem, count, entry.format, out=options.out):
            yield names[entry.index]
        yield self._beside(entry)

    def _settings(self, entry: FileEntry) -> dict[str, str]:
        """What decides the file's bytes, as texts."""
        assert self.job.key is not None
        second = self.second.get(entry.index)
        return {
            "software": SOFTWARE,
            "sources": " ".join([entry.sha256, *([file_sha256(second)] if second else [])]),
            "key": self.job.key.color,
            "format": _form(self._name(entry)),
            **{name: str(getattr(self.job.options, name)) for name in DECIDING},
        }

    def _save(self, name: Path, data: bytes, entry: FileEntry, how: Mapping[str, Any]) -> FileEntry:
        record = replace(self.record, cutout=how)
        return self.store.save_derived(name, data, record, kind="cutout", index=entry.index)

    def _source(self, entry: FileEntry) -> Path:
        return self.store.folder / entry.path

    def _beside(self, entry: FileEntry) -> Path:
        source = self._source(entry)
        return source.with_name(source.stem.removesuffix(SOURCE) + source.suffix)

    def _name(self, entry: FileEntry) -> Path:
        source, paths = self._source(entry), self.plan.paths
        return paths[entry.index] if entry.index < len(paths) else source.with_name(f"{source.stem}-cutout.png")


def is_renamed(job: Job, stored: Record) -> bool:
    """Whether the job asks for the stored images under other names: with `--out`, or with a NAME of its own."""
    named = job.name is not None and job.name != stored.name and job.stem == safe_stem(job.name)
    return job.options.out is not None or named


def _form(name: Path) -> Literal["png", "webp"]:
    return "webp" if name.suffix == ".webp" else "png"


def _report_of(made: Record) -> CutoutReport | None:
    """The report in a sidecar, which anyone may have written; None if it is none."""
    from imagegen_magic.matting.report import CutoutReport  # noqa: PLC0415 - only for who looks back

    try:
        return CutoutReport.from_dict(made.cutout["report"])
    except (KeyError, TypeError, ValueError):
        return None


def _warnings_of(made: Record) -> list[str]:
    found = made.cutout.get("warnings")
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
