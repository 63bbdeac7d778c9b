"""What a call returns: pictures that show themselves, know their request and their cost, and can be edited."""

from __future__ import annotations

import builtins
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import PIL.Image

from imagegen_magic.checks.verdicts import CheckReport
from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.images.opening import open_image
from imagegen_magic.images.preview import contact_sheet, wrapped
from imagegen_magic.images.preview import preview as small_preview
from imagegen_magic.options.options import Options
from imagegen_magic.request.cost import Estimate
from imagegen_magic.request.response import Usage
from imagegen_magic.store.history import FileEntry, Record
from imagegen_magic.store.lockfile import LockedFile
from imagegen_magic.store.names import check_free
from imagegen_magic.store.recall import cell_from_record
from imagegen_magic.tables import Table

from .captions import Caption, alt_sentence, alt_text, caption_html, caption_text, link_base, unexpected
from .further import engine
from .ranking import Ranking

if TYPE_CHECKING:
    import numpy as np

    from imagegen_magic.images.preview import Preview
    from imagegen_magic.matting.cutout import Cutout
    from imagegen_magic.matting.report import CutoutReport

__all__ = ["GeneratedImage", "ImageResult", "JobPreview", "TableRow", "derived_by_kind", "table_row"]

Bundle = tuple[dict[str, Any], dict[str, Any]]
"""Data by mime type, and metadata by mime type, as IPython displays them."""


class TableRow:
    """One row of a table: `dict(row)`, and so `pandas.DataFrame(rows)` and `pandas.Series(row)`, have the columns of `to_record`."""

    def to_record(self) -> dict[str, Any]:
        """One flat dict of numbers, texts and lists, ready for JSON."""
        raise NotImplementedError

    def keys(self) -> Iterable[str]:
        """The columns' names."""
        return self.to_record().keys()

    def values(self) -> Iterable[Any]:
        """The columns' values."""
        return self.to_record().values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """The columns' names and values."""
        return self.to_record().items()

    def column(self, name: str) -> Any:
        """The value of one column.

        Raises:
            KeyError: there is none of that name; all are named.
        """
        record = self.to_record()
        if name not in record:
            raise KeyError(f"no column {name!r}; there are {', '.join(record)}")
        return record[name]


Kind = TypeVar("Kind")


def table_row(kind: type[Kind]) -> type[Kind]:
    """Makes a dataclass one that pandas asks for a row, by `keys` and `[]`; by its fields it would take it apart."""
    del kind.__dataclass_fields__  # type: ignore[attr-defined]
    Mapping.register(kind)
    return kind


@table_row
@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratedImage(TableRow):
    """One picture of a result.

    `path` is what the user asked for (the cut-out if one was made), `source` the file that holds the API's
    bytes; both are the same file if nothing was derived.
    """

    path: Path
    source: Path
    index: int
    record: Record
    report: CutoutReport | None = None
    """The measured report of the cut-out, or None."""
    alt: str = ""
    checks: CheckReport = field(default_factory=CheckReport)
    """The verdicts on what was expected of it; empty if nothing was."""

    def __getitem__(self, column: str) -> Any:
        return self.column(column)

    def __iter__(self) -> Iterator[str]:
        """The columns' names: a row is a mapping to pandas only if it can be walked."""
        return iter(self.keys())

    def changed(self, **values: Any) -> GeneratedImage:
        """The same picture with other values."""
        return GeneratedImage(**{**vars(self), **values})

    def to_record(self) -> dict[str, Any]:
        """One flat dict, for a table of the images of one request."""
        width, height = file_facts(self.record, self.index)[0] or (None, None)
        return {
            "name": self.record.shown_name,
            "number": self.record.number,
            "image": self.index + 1,
            "path": str(self.path),
            "source": str(self.source),
            "prompt": self.record.prompt_typed,
            "model": str(self.record.request.get("model", "")),
            "width": width,
            "height": height,
            "cutout": self.report.status if self.report else "",
            "passed": self.passed,
            "cost": self.cost,
        }

    @property
    def passed(self) -> bool:
        """True if no expectation failed."""
        return self.checks.passed

    @property
    def cost(self) -> float | None:
        """USD: what the request cost, divided by its images; None if unknown."""
        actual = self.record.cost.get("actual")
        return None if actual is None else float(Decimal(actual)) / max(1, len(self.record.api_files()))

    @property
    def bytes(self) -> bytes:
        """The file's bytes."""
        return self.path.read_bytes()

    @property
    def image(self) -> PIL.Image.Image:
        """The picture, decoded (mode as stored)."""
        return open_image(self.bytes, self.path.name)  # from memory: no file stays open

    @property
    def array(self) -> np.ndarray[Any, Any]:
        """uint8 array of shape (height, width, 3), or (height, width, 4) if the picture has alpha."""
        from imagegen_magic.images.arrays import array_of  # noqa: PLC0415 - numpy comes with the first array: 0.1 s

        return array_of(self.image)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return self.array if dtype is None else self.array.astype(dtype)

    def __fspath__(self) -> str:
        return str(self.path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GeneratedImage) and (self.path, self.source) == (other.path, other.source)

    def __hash__(self) -> int:
        return hash((self.path, self.source))

    def __repr__(self) -> str:
        return f"GeneratedImage({shown_path(self.path)})"

    def __bytes__(self) -> builtins.bytes:
        return self.bytes

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, from the file's own header."""
        return self.image.size

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Copies the file's bytes to `path`, metadata and all, and returns it; into a folder under the file's own name.

        Raises:
            FileExistsError: `path` exists already, and `overwrite` is False.
            OptionError: the name's suffix is that of another format.
        """
        place = Path(path)
        if place.is_dir() or os.fspath(path).endswith(("/", os.sep)):
            place.mkdir(parents=True, exist_ok=True)
            place /= self.path.name
        _check_suffix(self.path, place)
        check_free(place, overwrite=overwrite)
        with place.open("wb" if overwrite else "xb") as copy:
            copy.write(self.bytes)
        return place

    def show(self) -> None:
        """Shows the image below the cell or, outside of a notebook, in the system's viewer."""
        display = _kernel_display()
        if display is None:
            self.image.show()
        else:
            display(self.image)

    def edit(self, prompt: str, **options: Any) -> ImageResult:
        """A new result: this picture changed as `prompt` says. Options as of `imagegen_magic.edit`."""
        here = {"backend": "simulator"} if self.record.simulated else {}  # a stand-in is never sent to the live service
        made: ImageResult = engine().edit(prompt, self, **{**here, **options})
        return made

    def cutout(self, **options: Any) -> Cutout:
        """This picture without its flat backdrop. Options as of `imagegen_magic.cutout`."""
        return engine().cutout(self.source, **options)

    def display_items(self, *, preview: int = 768, caption: Caption | None = None) -> list[Bundle]:
        """The picture's own bundle: a small preview, one stable sentence, and the caption if there is one."""
        size, form = file_facts(self.record, self.index)
        asked = self.alt or self.record.prompt_typed
        sentence = alt_sentence(asked, shown_path(self.path), size, form)
        small = self._small(preview) if preview else None
        return [_captioned(small, sentence, asked, caption)]

    def wrapped_items(self, edge: int) -> list[Bundle]:
        """The picture as a tile, twice each way, if it was expected to be seamless."""
        verdict = next((v for v in self.checks.verdicts if v.expected.split(" ")[0] == "seamless"), None)
        if verdict is None or verdict.passed is None:
            return []
        return [wrapped(self.path, max_edge=edge).bundle(f"Repeated twice each way: {verdict.sentence}")]

    def _small(self, edge: int) -> Preview | None:
        """The preview; None for a file that can't be read: it was paid for, so it is shown as what it is, a path."""
        try:
            return small_preview(self.path, max_edge=edge, checkerboard=self.report is not None)
        except OptionError:
            return None

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        return self.display_items()[0]

    def _repr_html_(self) -> str | None:
        return self.display_items()[0][0].get("text/html")


def _captioned(small: Preview | None, sentence: str, asked: str, caption: Caption | None) -> Bundle:
    """A preview with its caption in one bundle; the sentence and the caption if there is no preview."""
    text = sentence if caption is None else f"{sentence}\n{caption_text(caption)}"
    below = "" if caption is None else caption_html(caption)
    if small is None:
        return {"text/plain": text} | ({"text/html": f"<p>{escape(sentence)}</p>{below}"} if below else {}), {}
    return small.bundle(text, alt=alt_text(asked), caption=below)


def file_facts(record: Record, index: int) -> tuple[tuple[int, int] | None, str]:
    """(width, height) and format of the record's file `index`."""
    entry = record.files[index]
    return entry.size, entry.format


def _check_suffix(source: Path, path: Path) -> None:
    """Stops at a copy under the suffix of another format: no viewer would tell.

    Raises:
        OptionError: the suffixes are of two formats.
    """
    formats = PIL.Image.registered_extensions()
    given, wanted = (formats.get(one.suffix.lower(), one.suffix.lower()) for one in (source, path))
    if wanted == given or path.suffix.lower() not in {*formats, ".svg"}:
        return
    rule = f"{given.lstrip('.')} data would stand in a file that is called {path.suffix.lower()}"
    fix = f'.save("{path.with_suffix(source.suffix).name}"), or .image.save("{path.name}") for a converted copy'
    if wanted == "JPEG":
        fix = fix.replace(".image.save", '.image.convert("RGB").save')
    raise OptionError("nothing was saved", problems=(Problem(field="path", value=path.name, rule=rule, fix=fix),))


def shown_path(path: Path) -> str:
    """`path` relative to the working folder if it lies below it, else its name: no machine's paths in outputs."""
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        return path.name


def derived_by_kind(folder: Path, files: Iterable[FileEntry | LockedFile]) -> dict[str, Path]:
    """The files made besides images and their cut-outs, by kind and index; further ones of a kind by their name too.

    A number in a name counts as one, and the order is by name: a replay gives every file the key that it had when made.
    """
    found: dict[str, Path] = {}
    for file in sorted(files, key=lambda file: _with_numbers(file.path)):
        key = f"{file.kind} {file.index}"
        if file.kind not in ("api", "cutout", "copy"):
            found[f"{key} {Path(file.path).name}" if key in found else key] = folder / file.path
    return found


def _with_numbers(name: str) -> list[str | int]:
    return [int(part) if number % 2 else part for number, part in enumerate(re.split("([0-9]+)", name))]


def _kernel_display() -> Callable[[Any], None] | None:
    """`display` of a notebook's kernel, which IPython puts among the builtins; None elsewhere."""
    shell = getattr(builtins, "get_ipython", lambda: None)()
    return getattr(builtins, "display", None) if hasattr(shell, "kernel") else None


@table_row
@dataclass(frozen=True, kw_only=True, eq=False)
class ImageResult(TableRow, Sequence[GeneratedImage]):
    """The pictures of one request: a sequence, with what was asked, what it cost and what to know."""

    images: tuple[GeneratedImage, ...]
    record: Record
    estimate: Estimate | None = None
    options: Options = field(default_factory=Options, repr=False)
    notes: tuple[str, ...] = ()
    """What was decided on the way: the size that a ratio gave, the key colour, the endpoint."""
    warnings: tuple[str, ...] = ()
    """What went wrong after the picture was saved, or may have; the first line of each says what."""
    reused: bool = False
    """True if the stored result of an identical request was returned and nothing was sent."""
    derived: Mapping[str, Path] = field(default_factory=dict)
    """Further files: web copies, protected composites."""
    ranking: Ranking[ImageResult] | None = None
    """With `best_of`, every try, the best first: this result is the first of it."""
    where: str = ""
    """The row or line of the batch that asked for it, `row 3`; empty for a single request."""

    @overload
    def __getitem__(self, index: str) -> Any: ...
    @overload
    def __getitem__(self, index: int) -> GeneratedImage: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[GeneratedImage, ...]: ...
    def __getitem__(self, index: Any) -> Any:
        return self.column(index) if isinstance(index, str) else self.images[index]

    def changed(self, **values: Any) -> ImageResult:
        """The same result with other values."""
        return ImageResult(**{**vars(self), **values})

    def of_row(self, where: str) -> ImageResult:
        """The same result, as that of a batch's row."""
        return self.changed(where=where)

    ok = True
    error = None
    """True for a result, False for a `FailedJob`."""

    def __len__(self) -> int:
        return len(self.images)

    def __bytes__(self) -> builtins.bytes:
        return self.bytes

    @property
    def image(self) -> PIL.Image.Image:
        """The first picture, decoded."""
        return self.images[0].image

    @property
    def array(self) -> np.ndarray[Any, Any]:
        """The first picture as a uint8 array (height, width, 3 or 4)."""
        return self.images[0].array

    @property
    def bytes(self) -> bytes:
        """The first picture's file."""
        return self.images[0].bytes

    @property
    def path(self) -> Path:
        """The first picture's path."""
        return self.images[0].path

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every picture's path."""
        return tuple(image.path for image in self.images)

    @property
    def report(self) -> CutoutReport | None:
        """The first picture's cut-out report, or None."""
        return self.images[0].report

    @property
    def checks(self) -> CheckReport:
        """The verdicts on what was expected of each image: value, bound and sentence; empty if nothing was expected."""
        return CheckReport.of(image.checks for image in self.images)

    @property
    def passed(self) -> bool:
        """True if no expectation failed, on any image."""
        return self.checks.passed

    def unexpected(self) -> list[str]:
        """What is not as expected, or could not be checked, a sentence each."""
        return unexpected(self.checks)

    @property
    def name(self) -> str | None:
        """The NAME that the cell or call gave."""
        return self.record.name or None

    @property
    def number(self) -> int:
        """The history number: `@17`."""
        return self.record.number

    @property
    def request(self) -> Mapping[str, Any]:
        """What was asked for, as JSON-ready data."""
        return self.record.request

    @property
    def prompt_typed(self) -> str:
        """The prompt as the user typed it."""
        return self.record.prompt_typed

    @property
    def prompt_sent(self) -> str:
        """The prompt as it was sent."""
        return self.record.prompt_sent

    @property
    def cell(self) -> str:
        """The text of the cell that made it; for a call from Python, of a cell that asks for the same."""
        return cell_from_record(self.record)

    @property
    def usage(self) -> Usage | None:
        """The tokens that the server counted."""
        return (
            None
            if self.record.usage is None
            else Usage(**{name: value for name, value in self.record.usage.items() if name in Usage.__slots__})
        )

    @property
    def cost(self) -> float | None:
        """USD by the server's token counts, as a number to add up and to plot; 0 if nothing was sent, None if unknown."""
        return None if self.paid is None else float(self.paid)

    @property
    def paid(self) -> Decimal | None:
        """`cost` without rounding; with `best_of`, of all tries."""
        if self.ranking is not None:
            return self.ranking.spent
        if self.reused:
            return Decimal(0)
        actual = self.record.cost.get("actual")
        return None if actual is None else Decimal(actual)

    @property
    def seconds(self) -> float:
        """How long the call took."""
        return self.record.seconds

    @property
    def request_id(self) -> str | None:
        """The server's own id of the request."""
        return self.record.request_id

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """(height, width, channels) of one image; of several of one size, (count, height, width, channels)."""
        import numpy as np  # noqa: PLC0415 - comes with the first array: 0.1 s

        array = self.array if len(self) == 1 else np.stack([image.array for image in self.images])
        return array if dtype is None else array.astype(dtype)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ImageResult) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[object, ...]:
        return (self.record.number, self.record.digest, self.paths)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the first image in pixels."""
        return self.images[0].size

    @property
    def width(self) -> int:
        """Width of the first image in pixels."""
        return self.size[0]

    @property
    def height(self) -> int:
        """Height of the first image in pixels."""
        return self.size[1]

    @property
    def prompt(self) -> str:
        """The prompt as the user typed it."""
        return self.prompt_typed

    @property
    def model(self) -> str:
        """The id of the model that was asked."""
        return str(self.request.get("model", ""))

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Copies the image's file to `path`, and returns it.

        Raises:
            FileExistsError: `path` exists already, and `overwrite` is False.
            OptionError: there are several images, or the name's suffix is that of another format.
        """
        if len(self.images) > 1:
            problem = Problem(
                field="save",
                rule=f"this result has {len(self.images)} images, and a file holds one",
                fix=f'one of them: [0].save("{Path(path).name}"); all lie in the output folder as .paths says',
            )
            raise OptionError("which image?", problems=(problem,))
        return self.images[0].save(path, overwrite=overwrite)

    def show(self) -> None:
        """Shows the result below the cell or, outside of a notebook, its first image in the system's viewer."""
        display = _kernel_display()
        if display is None:
            self.images[0].show()
        else:
            display(self)

    def edit(self, prompt: str, **options: Any) -> ImageResult:
        """The first picture changed as `prompt` says."""
        return self.images[0].edit(prompt, **options)

    def cutout(self, **options: Any) -> Cutout:
        """The first picture without its flat backdrop."""
        return self.images[0].cutout(**options)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"ImageResult({', '.join(shown_path(path) for path in self.paths)})"

    def display_items(self, *, already_shown: Sequence[str] = ()) -> list[Bundle]:
        """The picture (a contact sheet for several) with its caption; saved files are never changed by it.

        Args:
            already_shown: warnings that were shown before the call; the caption leaves them out.
        """
        preview, caption = self.options.preview, self._caption(already_shown)
        if len(self) == 1:
            shown = self.images[0].display_items(preview=preview, caption=caption)
            if preview and caption:
                shown += self.images[0].wrapped_items(preview) + (self.ranking.display_items() if self.ranking else [])
            return shown
        return [self._sheet(preview, caption)]

    def _sheet(self, preview: int, caption: Caption | None) -> Bundle:
        paths = ", ".join(shown_path(path) for path in self.paths)
        size, form = file_facts(self.record, 0)
        asked = self.images[0].alt or self.prompt_typed
        sentence = alt_sentence(asked, f"{len(self)} pictures: {paths}", size, form)
        labels = [str(i + 1) for i in range(len(self))]
        sheet = contact_sheet(self.paths, labels=labels, max_edge=preview) if preview else None
        return _captioned(sheet, sentence, f"{len(self)} pictures: {asked}", caption)

    def _caption(self, already_shown: Sequence[str]) -> Caption | None:
        style = self.options.caption
        if style == "none":
            return None
        facts = self.caption_facts(minimal=style == "minimal")
        return replace(facts, warnings=[warning for warning in facts.warnings if warning not in already_shown])

    def caption_facts(self, *, minimal: bool) -> Caption:
        """What the caption says, as data."""
        size, form = file_facts(self.record, 0)
        caption = Caption(
            paths=self.paths, base=link_base(), size=size, format=form, model=str(self.request.get("model", ""))
        )
        if minimal:
            notes = (self.ranking.sentence(),) if self.ranking else ()
            return replace(
                caption, reused=self.reused, replayed=self.options.replay, notes=notes, warnings=self.warnings,
                checks=self.checks,
            )  # fmt: skip
        return replace(
            caption,
            quality=str(self.record.resolved.get("quality") or self.request.get("quality") or ""),
            seconds=None if self.reused else self.seconds,
            usage=self.usage,
            cost=self.paid,
            estimate=self.estimate,
            simulated=self.record.simulated,
            reused=self.reused,
            replayed=self.options.replay,
            prompt=self.prompt_sent,
            notes=self.notes,
            warnings=self.warnings,
            checks=self.checks,
            number=self.number,
            report=self.report,
            origin=_credentials_line(self.record, self._fate()),
        )

    def _fate(self) -> str:
        """What became of the API's Content Credentials in the file that is shown."""
        if self.path == self.images[0].source:
            return "present"
        return "signed anew, over those of" if self.options.sign else "lost by this save"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        return self.display_items()[0]

    def _repr_html_(self) -> str | None:
        return self.display_items()[0][0].get("text/html")

    def to_record(self) -> dict[str, Any]:
        """One flat dict, for a table of many results; a `FailedJob` has the same columns."""
        return {
            "where": self.where,
            "ok": True,
            "name": self.record.name,
            "number": self.number,
            "path": str(self.path),
            "paths": [str(path) for path in self.paths],
            "prompt": self.prompt_typed,
            "model": self.model,
            "outcome": self.record.outcome,
            "error": "",
            "cutout": self.report.status if self.report else "",
            "passed": self.passed if self.checks.verdicts else None,
            "checks": [verdict.to_dict() for verdict in self.checks.verdicts],
            "cost": self.cost,
            "seconds": self.seconds,
            "request_id": self.request_id,
            "reused": self.reused,
        }


def _credentials_line(record: Record, fate: str) -> str:
    """What the caption says of Content Credentials: their fate and who gave them; nothing if there were none."""
    words = record.api_files()[0].content_credentials if record.api_files() else ""
    if not words.startswith("present"):
        return "" if words in ("", "none") else f"Content Credentials: {words}"
    who = words.removeprefix("present ")
    who = who[: who.rfind(")") + 1]
    return f"Content Credentials: {fate} {who}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPreview:
    """What a job would send, save and cost: the answer of a dry run. Nothing was sent, nothing was written."""

    request: Mapping[str, Any]
    prompt: str
    paths: tuple[Path, ...]
    estimate: Estimate
    server: str = ""
    """The host that it would be sent to, or `simulator`."""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    overlay: Preview | None = None
    """What the mask will change, hatched; None without a mask."""
    expected: tuple[str, ...] = ()
    """What will be checked after the images are saved."""
    usual_seconds: tuple[float, float, int] | None = None
    """(shortest, longest, how many) of earlier live requests like this one, in seconds; None if there was none."""

    def table(self) -> Table:
        """The preview as a table."""
        rows: list[tuple[str, object]] = [("server", self.server)] if self.server else []
        rows += [
            (name, value) for name, value in self.request.items() if name not in ("prompt", "images", "mask", "markup")
        ]
        rows += [("image", _image_line(image)) for image in self.request.get("images", ())]
        for name in ("mask", "markup"):
            if name in self.request:
                width, height = self.request[name]["size"]
                rows.append((name, f"{width}x{height}"))
        rows += [("prompt", self.prompt), ("files", ", ".join(shown_path(path) for path in self.paths))]
        rows += [("expected", text) for text in self.expected]
        rows.append(("cost", self._cost_line()))
        if self.usual_seconds is not None:
            shortest, longest, count = self.usual_seconds
            took = f"{shortest:.0f} s" if round(shortest) == round(longest) else f"{shortest:.0f} to {longest:.0f} s"
            rows.append(("time", f"{took}, by {count} earlier request{'s' * (count > 1)}"))
        rows += [("note", note) for note in self.notes] + [("warning", warning) for warning in self.warnings]
        return Table(title="Dry run: nothing was sent", columns=("", ""), rows=rows)

    def _cost_line(self) -> str:
        if self.estimate.high is None:
            return f"unknown: {self.estimate.basis}"
        checked = f", prices checked {self.estimate.checked}" if self.estimate.checked else ""
        return f"{self.estimate} (estimate: {self.estimate.basis}{checked})"

    def display_items(self) -> list[Bundle]:
        """The table; below it, what the mask lets change."""
        table: Bundle = (dict(self.table()._repr_mimebundle_()), {})
        return [table] if self.overlay is None else [table, self.overlay.bundle("Mask: what is hatched may change")]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Mapping[str, str]:
        return self.table()._repr_mimebundle_()

    def __repr__(self) -> str:
        return str(self.table())


def _image_line(image: Mapping[str, Any]) -> str:
    width, height = image["size"]
    return f"{image['name']} ({image['mime']}, {width}x{height}, {image['role'] or 'no role'})"
