"""Everything made of a request's saved images: cut-outs, protected composites, pixel art, icons, web copies. Nothing is sent."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image

from imagegen_magic.errors import Command, Fix, ImagegenError, OptionError, Setting
from imagegen_magic.images.preview import scaled
from imagegen_magic.metadata.derived import Marking, Source, finish_file, source_of
from imagegen_magic.options.options import Options
from imagegen_magic.request.request import InputImage
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import FileEntry, Record
from imagegen_magic.store.names import SOURCE, Reservation

from .artwork import Place, SavedArt, save_icons, save_pixels, wants_icons
from .cutout_files import CutoutFile, CutoutFiles
from .derived import measure_native
from .planning import Job

__all__ = ["Derived", "derive", "makes_pixels", "web_suffixes"]

CHANGED_SHARE = 0.02
"""More changed pixels than this outside a mask are worth a word: encoding alone moves fewer."""


@dataclass(slots=True, kw_only=True)
class Derived:
    """Files made from the saved images, and what was found or went wrong on the way."""

    entries: list[FileEntry] = field(default_factory=list)
    reports: dict[int, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def derive(
    job: Job,
    store: Store,
    plan: Reservation,
    record: Record,
    second: Mapping[int, Path],
    *,
    there: Mapping[int, CutoutFile] | None = None,
) -> Derived:
    """Everything that the job asks for beside the images of `record`. What fails here is a warning: the images are safe.

    `second` are the frames over another backdrop, by their images' indices; `there` the cut-outs that a stored record has
    already, which are not made again. For a new record that is None.
    """
    steps = _Steps(job, store, plan, record, second, there, Derived(warnings=list(record.warnings)))
    for entry in record.api_files():
        for step in steps.wanted():
            try:
                step(entry)
            except ImagegenError as error:
                steps.derived.warnings.append(f"{error.summary}. {' '.join(error.hints)}".strip())
            except Exception as error:  # noqa: BLE001 - whatever fails now, the images were paid for and are safe
                failed = f"{step.__name__.replace('_', ' ')} failed ({type(error).__name__}: {error})"
                steps.derived.warnings.append(failed)
    return steps.derived


def makes_pixels(job: Job) -> bool:
    """Whether a job asks for what OpenCV makes of its images: a cut-out, its measures, pixel art, icons."""
    options = job.options
    return bool(job.cutout or options.transparent == "native" or options.pixel_art or wants_icons(options))


def web_suffixes(options: Options) -> tuple[str, ...]:
    """How the names of the scaled copies end, one for each `--web`; no two are the same."""
    given = str(options.web_suffix)
    edges = tuple(options.web or ())
    text = given if given[:1] in ("-", "_") else f"-{given}"
    text = text if "{px}" in text or len(edges) == 1 else text + "{px}"
    return tuple(text.replace("{px}", str(edge)) for edge in edges)


@dataclass(frozen=True, slots=True)
class _Steps:
    """The steps of one result, each for one of its images; what they make goes into `derived`."""

    job: Job
    store: Store
    plan: Reservation
    record: Record
    second: Mapping[int, Path]
    there: Mapping[int, CutoutFile] | None
    derived: Derived

    def wanted(self) -> Iterator[Callable[[FileEntry], None]]:
        """Those that the job asks for, in their order: the later ones work on what the earlier ones made."""
        options = self.job.options
        steps = (
            (self.cut_out, self.job.cutout),
            (self.measure, options.transparent == "native"),
            (self.protect, options.protect),
            (self.compare_outside, self.job.request.mask is not None and not options.protect),
            (self.pixel_art, options.pixel_art and self.job.sheet is None),
            (self.icons, wants_icons(options)),
            (self.web_copies, options.web),
        )
        return (step for step, wanted in steps if wanted)

    def cut_out(self, entry: FileEntry) -> None:
        """The cut-out beside the API's file, with its report."""
        files = CutoutFiles(job=self.job, store=self.store, record=self.record, second=self.second)
        there = None if self.there is None else self.there.get(entry.index) or files.copy(entry, self.plan)
        made = there or files.make(entry, self.plan)
        if isinstance(made, CutoutFile):
            self.derived.entries.append(made.file)
            self.derived.reports[entry.index] = made.report
            self.derived.warnings += made.warnings
        else:
            self.derived.warnings += made

    def measure(self, entry: FileEntry) -> None:
        """What native transparency brought."""
        self.derived.reports[entry.index], warnings = measure_native(self.store.folder / entry.path)
        self.derived.warnings += warnings

    def protect(self, entry: FileEntry) -> None:
        """The original put back outside the mask, in a file of its own, and how much had changed there."""
        from imagegen_magic.images.masks import changed_outside, protect  # noqa: PLC0415 - numpy comes with the first mask: 0.1 s

        original, mask = self.job.request.images[0], self.job.request.mask
        if mask is None:
            return
        edited = self.store.folder / entry.path
        change = changed_outside(original, edited, mask)
        image = protect(original, edited, mask)
        name = edited.with_name(f"{edited.stem}-protected.png")
        sources = (self.store.source_of(self.record, entry), _source_of_input(original, self.job))
        data = self._finished(image, "PNG", sources, "protected")
        self.derived.entries.append(
            self.store.save_derived(name, data, self.record, kind="protected", index=entry.index)
        )
        self.derived.notes.append(
            f"{change.share:.1%} of the pixels outside the mask had changed; {name.name} has the original there"
        )

    def compare_outside(self, entry: FileEntry) -> None:
        """How much changed outside the mask, which only guides the model; some servers lose it on the way."""
        from imagegen_magic.images.masks import changed_outside  # noqa: PLC0415 - as above

        assert self.job.request.mask is not None
        change = changed_outside(self.job.request.images[0], self.store.folder / entry.path, self.job.request.mask)
        if change.share > CHANGED_SHARE:
            self.derived.warnings.append(
                Fix(
                    f"{change.share:.0%} of the pixels outside the mask changed: ",
                    Setting("--protect"),
                    " puts the original back there",
                )
            )

    def pixel_art(self, entry: FileEntry) -> None:
        """One real pixel for each block that was painted, of what the user looks at."""
        size = self.job.options.pixel_art
        try:
            self._add_art(save_pixels, entry, size if size != "auto" else None)
        except OptionError as error:
            again = Command("pixelate", f"@{self.record.number} --cell 64x64")
            reason = error.problems[0].rule if error.problems else error.summary
            self.derived.warnings.append(Fix(f"pixel art: {reason}; at a size that you choose, locally: ", again))

    def icons(self, entry: FileEntry) -> None:
        """The icon set of the cut-out."""
        if self.job.cutout and entry.index not in self.derived.reports:
            return  # there is no cut-out, as was said
        self._add_art(save_icons, entry)

    def web_copies(self, entry: FileEntry) -> None:
        """Scaled copies for a web page, of what the user looks at."""
        source = self._looked_at(entry)
        for edge, suffix in zip(self.job.options.web or (), web_suffixes(self.job.options), strict=True):
            copy, form = scaled(source, edge)
            name = source.with_name(f"{source.stem}{suffix}{source.suffix}")
            data = self._finished(copy, form, (self.store.source_of(self.record, entry),), "web")
            self.derived.entries.append(self.store.save_derived(name, data, self.record, kind="web", index=entry.index))

    def _looked_at(self, entry: FileEntry) -> Path:
        """The cut-out of an image, or the image itself if there is none."""
        cut = next((e for e in self.derived.entries if e.kind == "cutout" and e.index == entry.index), entry)
        return self.store.folder / cut.path

    def _finished(self, image: Image.Image, form: str, sources: Sequence[Source], step: str) -> bytes:
        """The bytes of a derived file, marked as the options say."""
        buffer = io.BytesIO()
        image.save(buffer, form)
        marking = Marking.of(self.job.options, self.job.request.prompt)
        return finish_file(buffer.getvalue(), sources, step=step, marking=marking)

    def _add_art(self, save: Callable[..., SavedArt], entry: FileEntry, *how: Any) -> None:
        """Saves pixel art or icons of what the user looks at."""
        source = self._looked_at(entry)
        place = Place(
            folder=source.parent,
            stem=source.stem.removesuffix(SOURCE),
            store=self.store,
            record=self.record,
            options=self.job.options,
            index=entry.index,
            origins=(self.store.source_of(self.record, entry),),
        )
        made = save(source, *how, place)
        self.derived.entries += made.saved.entries
        self.derived.notes += made.notes


def _source_of_input(image: InputImage, job: Job) -> Source:
    """An input image as a source, with what was known of it when the job was planned."""
    known = next((parent.source_type for parent in job.parents if parent.sha256 == image.sha256), "")
    found = source_of(image.data)
    return replace(found, title=image.name, source_type=known or found.source_type)
