"""Files made of one finished image: real pixels of painted pixel art, and icon sets of a cut-out. Nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagegen_magic.errors import Command, Fix, OptionError, Problem, Setting
from imagegen_magic.facts.sizes import read_cell
from imagegen_magic.images.opening import resolve_token
from imagegen_magic.metadata.derived import Marking, finish_file
from imagegen_magic.options.line import ParsedLine
from imagegen_magic.options.options import Options
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import Record
from imagegen_magic.store.library import Library
from imagegen_magic.store.names import SOURCE, safe_stem
from imagegen_magic.store.recall import find_record

from .captions import Caption, caption_html, caption_text, link_base
from .file_sets import FilesOf, SavedSet, listed, save_set
from .result import Bundle, ImageResult

if TYPE_CHECKING:
    from imagegen_magic.metadata.derived import Source
    from imagegen_magic.spritesheets.icons import IconSet
    from imagegen_magic.spritesheets.sprites import PixelArt
    from imagegen_magic.spritesheets.unpacking import Animation

__all__ = [
    "Place",
    "SavedArt",
    "artwork_problems",
    "icons_of_line",
    "pixels_of_line",
    "place_of",
    "save_icons",
    "save_pixels",
    "wants_icons",
]

SHOWN = 4
"""Of more files than this only the last is linked; the note names the others."""


@dataclass(frozen=True, kw_only=True)
class SavedArt:
    """Pixel art, an icon set or an animation, and the files that were written of it.

    Attributes:
        art: `PixelArt`, `IconSet` or `Animation`.
        saved: the name that they got, their paths in order, and their entries.
        notes: sentences about them.
        result: of the request that brought the image; None if nothing was sent.
    """

    art: PixelArt | IconSet | Animation
    saved: SavedSet
    notes: tuple[str, ...] = ()
    result: ImageResult | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, in order."""
        return self.saved.paths

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        shown = self.paths if len(self.paths) <= SHOWN else self.paths[-1:]
        caption = Caption(paths=shown, base=link_base(), notes=self.notes)
        if self.result is not None:
            facts = self.result.caption_facts(minimal=False)
            caption = replace(facts, paths=shown, notes=(*facts.notes, *self.notes))
        data, metadata = self.art._repr_mimebundle_()
        text = f"{data['text/plain']}\n{caption_text(caption)}"
        return {**data, "text/html": f"{data['text/html']}{caption_html(caption)}", "text/plain": text}, metadata


def wants_icons(options: Options) -> bool:
    """Whether any of the options asks for icons."""
    return bool(options.sizes or options.ico or options.icns or options.favicon)


def artwork_problems(options: Options, command: str) -> list[Problem]:
    """What pixel art and icons can't be made of, found before anything is paid for."""
    problems: list[Problem] = []
    if command == "sprites":
        fix = Fix(Command("icons", "@hero"))
        rule = "icons are made of one image, not of a sheet"
        return [Problem(field="sizes", value=options.sizes, rule=rule, fix=fix)] if wants_icons(options) else []
    if options.pixel_art not in (None, "auto"):
        try:
            read_cell(str(options.pixel_art))
        except OptionError as error:
            fix = Fix(Setting("--pixel-art", "64x64"))
            problems += [Problem(field="pixel_art", value=p.value, rule=p.rule, fix=fix) for p in error.problems]
    if options.colors is not None:
        problems += _colour_problems(options)
    if wants_icons(options) and options.transparent is None:
        fix = Fix(Setting("--transparent"))
        problems.append(Problem(field="sizes", value=options.sizes, rule="icons are made of a cut-out", fix=fix))
    if (options.pixel_art or wants_icons(options)) and options.output_format == "svg":
        fix = Fix("leave it out")
        problems.append(Problem(field="output_format", value="svg", rule="it has no pixels to work on", fix=fix))
    return problems


def _colour_problems(options: Options) -> list[Problem]:
    if options.pixel_art is None:
        fix = Fix(Setting("--pixel-art"))
        return [Problem(field="colors", value=options.colors, rule="only pixel art has a palette", fix=fix)]
    from imagegen_magic.spritesheets.palette import settle_palette  # noqa: PLC0415 - numpy comes with the first palette

    try:
        settle_palette(options.colors)
    except OptionError as error:
        fix = Fix(Setting("--colors", "16"))
        return [Problem(field="colors", value=p.value, rule=p.rule, fix=fix) for p in error.problems]
    return []


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the files of an image go, and what is known of it.

    `origins` is what the history knows the image by; empty if only its own metadata can say.
    """

    folder: Path
    stem: str
    store: Store
    record: Record
    options: Options
    index: int = 0
    origins: tuple[Source, ...] = ()

    @property
    def marking(self) -> Marking:
        """What the files are marked with."""
        return Marking.of(self.options, self.record.prompt_sent)

    def save(self, files_of: FilesOf, ending: str, kind: str) -> SavedSet:
        """Writes a set under `STEM-ENDING`, or `STEM` alone; what was paid for is never refused a name."""
        paid, if_exists = bool(self.record.digest), self.options.if_exists
        return save_set(
            files_of,
            f"{self.stem}-{ending}" if ending else self.stem,
            folder=self.folder,
            store=self.store,
            record=self.record,
            kind=kind,
            if_exists="version" if paid and if_exists == "fail" else if_exists,
            index=self.index,
        )


def save_pixels(source: Any, size: str | None, place: Place) -> SavedArt:
    """The real pixels of an image as `STEM-pixels.png`; `size` is WxH, None for as many as were painted.

    Raises:
        OptionError: no lattice is found, and no size was given.
    """
    from imagegen_magic.images.png import encode_png  # noqa: PLC0415 - numpy and OpenCV come with the first pixel art: 0.2 s
    from imagegen_magic.spritesheets.pixelate import pixelate  # noqa: PLC0415 - the same

    art = pixelate(source, size=size, palette=place.options.colors, name=place.stem)
    sources = place.origins or art.sources
    data = finish_file(encode_png(art.pixels[0]), sources, step="pixel art", marking=place.marking)
    saved = place.save(lambda name: {f"{name}.png": data}, "pixels", "pixels")
    width, height = art.size
    blocks = "" if art.pitch is None else f" from blocks of {art.pitch[0]:.1f} x {art.pitch[1]:.1f}"
    note = f"{saved.paths[0].name}: {width} x {height} pixels{blocks}, {len(art.palette)} colours"
    return SavedArt(art=art, saved=saved, notes=(note,))


def save_icons(source: Any, place: Place) -> SavedArt:
    """The icon set of an image in the folder `STEM-icons`, in the sizes and formats that the options ask for.

    Raises:
        CutoutError: there is no flat backdrop, or nothing on it.
    """
    from imagegen_magic.spritesheets.icons import MANIFEST, SIZES, make_icons  # noqa: PLC0415 - numpy and OpenCV come with the first icons: 0.2 s

    options = place.options
    icons = make_icons(source, sizes=options.sizes or SIZES, key=options.key_color or "auto", name=place.stem)
    icons = replace(icons, sources=place.origins or icons.sources)
    files = icons.files(place.marking, ico=options.ico, icns=options.icns, favicon=options.favicon)
    saved = place.save(lambda name: {f"{name}/{file}": data for file, data in files.items()}, "icons", "icon")
    notes = [f"icons in {saved.name}: {listed(list(files))}", *icons.notes]
    if options.favicon and icons.master.shape[0] < max(MANIFEST):
        notes.append(
            f"the web page's icons of up to {max(MANIFEST)} px are enlarged: the subject is {icons.master.shape[0]} px"
        )
    return SavedArt(art=icons, saved=saved, notes=tuple(notes))


def pixels_of_line(parsed: ParsedLine, variables: Mapping[str, object], options: Options, store: Store) -> SavedArt:
    """The pixel art of the image that a line of `pixelate` names first.

    Raises:
        OptionError: the line or the image can't be used, or no lattice is found and `cell` is not given.
    """
    source, place = place_of(parsed, variables, options, store, "pixelate")
    try:
        return save_pixels(source, options.cell, place)
    except OptionError as error:
        raise OptionError(error.summary, problems=tuple(map(_in_words_of_a_line, error.problems))) from None


def icons_of_line(parsed: ParsedLine, variables: Mapping[str, object], options: Options, store: Store) -> SavedArt:
    """The icon set of the image that a line of `icons` names first.

    Raises:
        OptionError: the line or the image can't be used.
        CutoutError: there is no flat backdrop, or nothing on it.
    """
    source, place = place_of(parsed, variables, options, store, "icons")
    return save_icons(source, place)


def _in_words_of_a_line(problem: Problem) -> Problem:
    """A problem of `pixelate`, whose arguments have other names than a line's options."""
    names = {"size": ("cell", "64x64"), "palette": ("colors", "16")}
    if problem.field not in names:
        return problem
    name, example = names[problem.field]
    return replace(problem, field=name, fix=Fix(Setting(f"--{name}", example)))


def place_of(
    parsed: ParsedLine, variables: Mapping[str, object], options: Options, store: Store, command: str
) -> tuple[Any, Place]:
    """The image that a line of `command` names first, and where its files go.

    Raises:
        OptionError: the line or the image can't be used.
    """
    missing = Problem(field="image", rule="an image is needed", fix=Fix(Command(command, "@hero")))
    problems = [*parsed.problems, *(() if parsed.name else (missing,))]
    if problems or parsed.name is None:
        raise OptionError("the line can't be used", problems=tuple(problems))
    source, origin = resolve_token(parsed.name, variables, Library(store).image_file)
    record = None
    with suppress(OptionError):
        record = find_record(store, str(parsed.name))
    stem = safe_stem(Path(record.files[0].path if record and record.files else origin.lstrip("@")).stem)
    return getattr(source, "path", None) or source, Place(
        folder=store.folder,
        stem=stem.removesuffix(SOURCE),
        store=store,
        record=record or Record(kind=command),
        options=options,
    )
