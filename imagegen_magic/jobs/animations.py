"""Animated files beside other jobs: unpacked, cut out and timed anew by a line; edited as one sheet, and put together again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagegen_magic.errors import Fix, OptionError, Problem, Setting
from imagegen_magic.facts.catalog import Catalog
from imagegen_magic.facts.sizes import format_size, read_pixels, sheet_size
from imagegen_magic.options.line import ParsedLine
from imagegen_magic.options.options import Options
from imagegen_magic.store.folder import Store
from imagegen_magic.store.names import SOURCE

from .artwork import Place, SavedArt, place_of
from .file_sets import listed
from .result import ImageResult

if TYPE_CHECKING:
    from imagegen_magic.spritesheets.unpacking import Animation

__all__ = ["animation_of_line", "file_of", "put_together", "resized_sheet", "sheet_options", "sheet_prompt"]

UNPACKED = ("frames",)
PUT_TOGETHER = ("gif", "webp")
CELL_EDGES = 256, 768
"""A frame's longer edge on a sheet that is edited: smaller ones are enlarged for the model, larger ones made smaller."""
SETTLED = ("size", "n", "mask", "mask_box", "frame_count", "frame_duration_ms")
"""Options that the sheet of an animation settles."""


def animation_of_line(parsed: ParsedLine, variables: Mapping[str, object], options: Options, store: Store) -> SavedArt:
    """The frames of the animated file that a line of `unpack` names first, written in the formats that it asks for.

    Raises:
        OptionError: the line, the file or its times can't be used.
        CutoutError: a cut-out is asked for, and there is no flat backdrop.
    """
    from imagegen_magic.spritesheets.unpacking import unpack  # noqa: PLC0415 - OpenCV comes with the first animation: 0.2 s

    source, place = place_of(parsed, variables, options, store, "unpack")
    if options.transparent not in (None, "chroma"):
        fix = Fix(Setting("--transparent"))
        problem = Problem(field="transparent", value=options.transparent, rule="frames are cut out by one key", fix=fix)
        raise OptionError("the line can't be used", problems=(problem,))
    animation = unpack(
        source,
        cut_out=options.transparent is not None,
        key=options.key_color or "auto",
        fps=parsed.values.get("fps"),
        durations=options.durations,
        name=place.stem,
    )
    animation = replace(animation, loops=animation.loops and not options.once)
    return _written(animation, place, options.export or UNPACKED)


def _written(animation: Animation, place: Place, formats: Sequence[str]) -> SavedArt:
    from imagegen_magic.spritesheets.export import export_files, read_formats  # noqa: PLC0415 - it is there with the animation

    wanted = read_formats(formats)
    saved = place.save(
        lambda name: export_files(replace(animation, name=name), wanted, marking=place.marking), "", "frame"
    )
    notes = [f"{len(animation)} frames, {sum(animation.durations)} ms: {listed([path.name for path in saved.paths])}"]
    notes += [f"cut out with the key {animation.key}"] if animation.key else []
    return SavedArt(art=replace(animation, name=saved.name), saved=saved, notes=tuple(notes))


def sheet_options(animation: Animation, given: Mapping[str, Any], options: Options, catalog: Catalog) -> str:
    """The legal size, as the API spells it, of the sheet on which an animation is edited.

    Raises:
        OptionError: `given` has options that the sheet settles, or the model has no size that divides into the cells.
    """
    rule = "the sheet of the frames decides it"
    problems = [Problem(field=n, value=given[n], rule=rule, fix="leave it out") for n in SETTLED if n in given]
    width, height = animation.size
    rows = -(-len(animation) // animation.columns)
    edge = min(max(width, height, CELL_EDGES[0]), CELL_EDGES[1])
    size = sheet_size(
        animation.columns, rows, width / height, edge, catalog.get(options.model), catalog.limits.flexible
    )
    if size is None:
        rule = f"no size divides into {animation.columns} by {rows} cells"
        problems.append(Problem(field="model", value=options.model, rule=rule, fix="a model with flexible sizes"))
    if problems or size is None:
        raise OptionError("the animation can't be edited this way", problems=tuple(problems))
    return format_size(size)


def sheet_prompt(prompt: str, animation: Animation) -> str:
    """The prompt, and what the model must know of the sheet."""
    rows = -(-len(animation) // animation.columns)
    return (
        f"{prompt}\n\nThe image is a sheet of {len(animation)} frames of one animation, in {animation.columns} columns and "
        f"{rows} rows of equal cells, in reading order. Make the same change in every frame. Keep every frame in its cell, "
        "with its pose, place, size and background; draw no lines between the cells."
    )


def resized_sheet(animation: Animation, size: str) -> Any:
    """The animation's sheet as a Pillow image of the size that is asked for, so that cells match pixel by pixel."""
    pixels = read_pixels(size)
    return animation.sheet if pixels is None else animation.sheet.resize(pixels)


def put_together(animation: Animation, result: ImageResult, store: Store, options: Options) -> SavedArt:
    """The animation with the frames of an edited sheet, as files beside it."""
    path = result.path
    place = Place(
        folder=path.parent,
        stem=path.stem.removesuffix(SOURCE),
        store=store,
        record=result.record,
        options=options,
        origins=tuple(store.source_of(result.record, entry) for entry in result.record.api_files()[:1]),
    )
    edited = replace(animation.with_sheet(path), name=place.stem, sources=place.origins)
    return replace(_written(edited, place, PUT_TOGETHER), result=result)


def file_of(image: Any) -> Path | bytes:
    """The animated file that a path, bytes or a result means."""
    found = getattr(image, "path", image)
    return found if isinstance(found, bytes) else Path(found)
