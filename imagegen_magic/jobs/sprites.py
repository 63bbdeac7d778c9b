"""From a sheet to sprites: sliced by what its options say, written beside the sheet, shown with what it cost.

Everything here is local. What fails is a warning: the sheet was paid for, and stays as it came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from imagegen_magic.errors import Command, Fix, ImagegenError, OptionError, Problem, Setting
from imagegen_magic.facts.animations import find_animation
from imagegen_magic.facts.sizes import format_size
from imagegen_magic.images.opening import open_image
from imagegen_magic.images.preview import preview_of
from imagegen_magic.matting.report import Check
from imagegen_magic.metadata.derived import Marking
from imagegen_magic.options.options import Options
from imagegen_magic.options.table import SHEET_ONLY
from imagegen_magic.request.sheets import LAYOUTS, frame_cell, read_layout
from imagegen_magic.spritesheets.cells import Grid
from imagegen_magic.spritesheets.checks import Drift, SheetReport
from imagegen_magic.spritesheets.export import export_files, read_formats
from imagegen_magic.spritesheets.palette import settle_palette
from imagegen_magic.spritesheets.sheet import slice_objects, slice_sheet
from imagegen_magic.spritesheets.sprites import Sprites
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import Record
from imagegen_magic.store.library import Library
from imagegen_magic.store.names import SOURCE, safe_stem
from imagegen_magic.store.recall import find_record

from .captions import Caption, caption_html, caption_text, link_base
from .file_sets import listed, save_set
from .planning import Job
from .result import Bundle, ImageResult

__all__ = ["GeneratedSprites", "sheet_values", "slicing_problems", "sprites_of", "sprites_of_file", "with_like"]

USUAL_EXPORT = ("frames",)
SLICED = SHEET_ONLY | {"pixel_art", "colors"}
"""What the record of a sheet says of how it is to be cut."""


@dataclass(frozen=True, kw_only=True, repr=False)
class GeneratedSprites(Sprites):
    """Sprites with where they come from: the `result` of the request, None for a sheet that was there already.

    `files` are the derived files that were written beside the sheet; `notes` and `warnings` sentences about them.

    Example:
        >>> hero = imagegen_magic.sprites("a knight", animation="walk", cell=(64, 64))
        >>> hero.frames[0].size, hero.report.ok, hero.cost, hero.files[0].name
        ((64, 64), True, 0.04, 'knight-1.png')
    """

    result: ImageResult | None = None
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def path(self) -> Path | None:
        """The sheet as it was cut out; None without a request."""
        return None if self.result is None else self.result.path

    @property
    def paths(self) -> tuple[Path, ...]:
        """The sheet and every derived file."""
        return (*(() if self.result is None else self.result.paths), *self.files)

    @property
    def cost(self) -> float | None:
        """USD of the request, by the server's token counts; 0 if nothing was sent, None if unknown."""
        return 0.0 if self.result is None else self.result.cost

    @property
    def number(self) -> int | None:
        """The sheet's number in the history, `@17`."""
        return None if self.result is None else self.result.number

    def display_items(self, *, already_shown: Sequence[str] = ()) -> list[Bundle]:
        """The animation, then its frames side by side with the caption, in which every problem of the sheet is named.

        Args:
            already_shown: warnings that were shown before the call; the caption leaves them out.
        """
        caption, edge = self._caption(already_shown), self._options.preview
        text = self._alt if caption is None else f"{self._alt}\n{caption_text(caption)}"
        below = "" if caption is None else caption_html(caption)
        if not edge:
            return [({"text/plain": text} | ({"text/html": below} if below else {}), {})]
        strip = preview_of(self._strip(edge), max_edge=edge).bundle(
            text, alt=f"side by side, {self._alt}", caption=below
        )
        return [strip] if self.placement is None else [self._moving(), strip]

    def _strip(self, edge: int) -> Image.Image:
        """The sheet of the frames, small ones enlarged by a whole number to be seen."""
        sheet = self.sheet
        times = max(1, edge // max(sheet.size))
        return sheet.resize((times * sheet.width, times * sheet.height), Image.Resampling.NEAREST)

    def _moving(self) -> Bundle:
        return self.preview().bundle(repr(self), alt=self._alt)

    @property
    def _options(self) -> Options:
        return Options() if self.result is None else self.result.options

    @property
    def _alt(self) -> str:
        width, height = self.size
        return f"{self.name}: {len(self)} frames of up to {width}x{height} pixels"

    def _caption(self, already_shown: Sequence[str]) -> Caption | None:
        style = self._options.caption
        if style == "none":
            return None
        if self.result is None:
            return Caption(paths=self.files, base=link_base(), notes=self.notes, warnings=self.warnings)
        facts = self.result.caption_facts(minimal=style == "minimal")
        warnings = [warning for warning in (*facts.warnings, *self.warnings) if warning not in already_shown]
        return replace(facts, notes=() if style == "minimal" else (*facts.notes, *self.notes), warnings=warnings)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        return self.display_items()[-1]


def sprites_of(job: Job, result: ImageResult, store: Store) -> GeneratedSprites:
    """The sprites of a sheet that was asked for, and their files beside it.

    If it can't be sliced, the whole sheet is the one frame, and its report says why.
    """
    assert job.sheet is not None
    name = safe_name(result.path.stem.removesuffix(SOURCE))
    try:
        found = _slice(result.path, job.options, name, (job.sheet.columns, job.sheet.rows))
    except Exception as error:  # noqa: BLE001 - whatever fails now, the sheet was paid for and is safe
        return _generated(_whole(result, name, error), result)
    key = found.key or (job.key.color if job.key else None)
    sources = (store.source_of(result.record, result.record.api_files()[0]),)
    made = _generated(replace(found, key=key, sources=sources), result)
    return _with_files(made, result.record, store, job.options)


def sprites_of_file(source: Any, name: str, options: Options, record: Record | None, store: Store) -> GeneratedSprites:
    """The sprites of a sheet that exists; files are written into the output folder if `export` asks for some.

    Args:
        source: anything that `cutout` takes.
        name: what frames and files are called.
        record: the sheet's own, if the history knows it.

    Raises:
        CutoutError: there is no flat backdrop, or no figure on it.
        OptionError: a size, a layout, a palette or a format can't be used.
    """
    if problems := slicing_problems(options):
        raise OptionError("the line can't be used", problems=tuple(problems))
    found = _slice(source, options, safe_name(name), _asked_grid(options))
    made = _generated(replace(found, sources=tuple(map(Library(store).known_source, found.sources))), None)
    return _with_files(made, record or Record(kind="sprites"), store, options) if options.export else made


def sheet_values(token: object, values: Mapping[str, Any], library: Library) -> tuple[dict[str, Any], Record | None]:
    """A line's values over those with which the sheet was asked for, and the sheet's record, None if nothing knows it.

    Other frames than those asked for stand in another layout, and sprites that are like others have their cell.
    """
    record = None
    if isinstance(token, str):
        with suppress(OptionError):
            record = find_record(library.store, token)
    known = {name: value for name, value in record.options.items() if name in SLICED} if record else {}
    known = {name: value for name, value in known.items() if name != "export"}
    known = {name: value for name, value in known.items() if not (name == "layout" and "frames" in values)}
    known = {name: value for name, value in known.items() if not (name == "cell" and "like" in values)}
    return {**known, **values}, record


def with_like(options: Options, variables: Mapping[str, object]) -> tuple[Options, list[Problem]]:
    """The options with the sprites that `like` means and their cell, or what is wrong with it."""
    given, fix = options.like, Fix(Setting("--like", "walk"))
    if given is None:
        return options, []
    found = variables.get(given) if isinstance(given, str) else given
    if not isinstance(found, Sprites) or found.placement is None:
        rule = "not a variable with the frames of a sheet"
        return options, [Problem(field="like", value=given, rule=rule, fix=fix)]
    cell = format_size(found.placement.cell)
    if (wanted := frame_cell(options)) not in (None, cell, str(found.placement.cell[0])):
        rule = f"the sprites of --like have a cell of {cell}"
        return options, [Problem(field="cell", value=wanted, rule=rule, fix="leave it out")]
    return options.changed("line", like=found, cell=cell), []


def slicing_problems(options: Options) -> list[Problem]:
    """What slicing and export would refuse, found before a sheet is paid for."""
    problems: list[Problem] = []
    checks = (
        ("export", options.export, lambda: read_formats(options.export or ()), "frames,atlas"),
        ("colors", options.colors, lambda: settle_palette(options.colors), "16"),
    )
    for name, given, check, example in checks:
        try:
            _ = check() if given else None
        except OptionError as error:
            fix = Fix(Setting(f"--{name}", example))
            problems += [Problem(field=name, value=p.value, rule=p.rule, fix=fix) for p in error.problems]
    if options.export and not problems and "gpl" in read_formats(options.export) and not options.pixel_art:
        rule = "only pixel art has a palette to write"
        problems.append(Problem(field="export", value="gpl", rule=rule, fix=Fix(Setting("--pixel-art"))))
    if not 0.1 <= options.fps <= 100:
        rule = "0.1 to 100 frames a second"
        problems.append(Problem(field="fps", value=options.fps, rule=rule, fix="for example 10"))
    return problems


def safe_name(stem: str) -> str:
    """A name that frames, atlases and style sheets can carry: letters, digits, `-`, `_` and dots."""
    return re.sub(r"[^\w.-]+|\.\.+", "-", safe_stem(stem))


def _slice(source: Any, options: Options, name: str, grid: tuple[int | None, int | None]) -> Sprites:
    key = options.key_color or "auto"
    if options.objects:
        return slice_objects(source, padding=options.padding, key=key, name=name)
    animation = find_animation(options.animation)
    return slice_sheet(
        source,
        frames=options.frames,
        columns=grid[0],
        rows=grid[1],
        cell=frame_cell(options),
        like=options.like,
        pixel_art=options.pixel_art is not None,
        palette=options.colors,
        ground=animation.ground if animation else "auto",
        key=key,
        name=name,
        fps=options.fps,
        loops=not options.once and (animation is None or animation.loops),
    )


def _asked_grid(options: Options) -> tuple[int | None, int | None]:
    """(columns, rows) that a line asks for; what is left out is found on the sheet."""
    if options.layout is None:
        return None, None
    if options.frames is None and options.layout in LAYOUTS:
        return None, 1 if options.layout == "row" else None
    return read_layout(options.layout, options.frames or 1)


def _whole(result: ImageResult, name: str, error: Exception) -> Sprites:
    """The whole sheet as the one frame, for a sheet that can't be sliced."""
    with open_image(result.path) as image:
        pixels = np.asarray(image.convert("RGBA"))
    summary = error.summary if isinstance(error, ImagegenError) else f"{type(error).__name__}: {error}"
    sentence = f"the sheet could not be sliced ({summary}): it is kept whole, as one frame"
    check = Check(name="sliced", status="fail", value=0, sentence=sentence)
    still, grid = Drift(x=0.0, y=0.0, most=0.0), Grid(columns=1, rows=1, count=1)
    report = SheetReport(checks=(check,), before=still, after=still, loop=None, grid=grid)
    return Sprites(name=name, pixels=(pixels,), durations=(1000,), report=report)


def _generated(found: Sprites, result: ImageResult | None) -> GeneratedSprites:
    """The sprites with the words about them: each check that did not pass, and what can be done at no cost."""
    open_points = [check for check in found.report.checks if check.status != "pass"]
    warnings: list[str] = [check.sentence for check in open_points]
    if result is not None and any(check.status == "fail" for check in open_points):
        again = Command("slice", f"@{result.number} --frames {len(found)}")
        offer = Fix("nothing more is sent by itself; the same sheet is cut again, locally, by\n", again)
        warnings.append(offer)
    values = {field.name: getattr(found, field.name) for field in fields(Sprites)}
    notes = (f"drift: {found.report.check('drift').sentence}",) if found.placement is not None else ()
    return GeneratedSprites(**values, result=result, notes=notes, warnings=tuple(warnings))


def _with_files(made: GeneratedSprites, record: Record, store: Store, options: Options) -> GeneratedSprites:
    """The sprites under the first name whose files are free, or the same already, and with these files written."""
    folder = made.path.parent if made.path else store.folder
    formats = read_formats(options.export or USUAL_EXPORT)
    marking = Marking.of(options, record.prompt_sent)
    paid = made.result is not None
    try:
        saved = save_set(
            lambda name: export_files(replace(made, name=name), formats, marking=marking),
            made.name,
            folder=folder,
            store=store,
            record=record,
            kind="sprite",
            if_exists="version" if paid and options.if_exists == "fail" else options.if_exists,
        )
    except (ImagegenError, OSError) as error:
        if not paid:
            raise
        reason = error.summary if isinstance(error, ImagegenError) else error.strerror
        return replace(made, warnings=(*made.warnings, f"the files of the frames were not written: {reason}"))
    note = f"written: {listed([path.name for path in saved.paths])}"
    return replace(made, name=saved.name, files=saved.paths, notes=(*made.notes, note))
