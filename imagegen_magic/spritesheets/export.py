"""Writes sprites to a folder in the formats that engines and pages read: a set of files, or none of them."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from imagegen_magic.errors import OptionError, Problem, StoreError
from imagegen_magic.images.png import encode_png
from imagegen_magic.metadata.derived import Marking, Source, default_marking, finish_file

from .formats import aseprite_json, css_sprites, godot_frames, texturepacker_json
from .packing import Atlas, Trim, pack_atlas
from .sprites import Frames

__all__ = ["FORMATS", "export_files", "export_sprites", "read_formats", "write_set"]

Files = Iterator[tuple[str, bytes]]
"""File names, relative to the folder, and what is in them."""


def export_sprites(
    sprites: Frames | Sequence[Frames],
    folder: str | os.PathLike[str],
    *,
    formats: Sequence[str] = ("frames", "sheet", "texturepacker", "webp"),
    name: str | None = None,
    trim: Trim = "frame",
    padding: int = 2,
    extrude: int = 0,
    overwrite: bool = False,
    mark: bool | None = None,
) -> list[Path]:
    """The files written, in order. Several animations share one atlas; each has files of its own in the other formats.

    Formats: `frames` are `NAME-1.png`, `NAME-2.png` and so on; `sheet` is `NAME-sheet.png`, equal cells row by row.
    `texturepacker` (or `atlas`), `texturepacker-array` (PixiJS, Phaser, Unity importers), `aseprite` (with times and tags) and `godot`
    (a SpriteFrames resource for Godot 4) are `NAME-atlas.png` and its description. `css` is `NAME-row.png` and a class
    that plays it. `gif`, `apng` and `webp` are the animation. `gpl` is the palette of pixel art, for GIMP, Aseprite and Krita.

    Args:
        name: of the atlas; without it the first animation's.
        trim, padding, extrude: see `pack_atlas`.
        overwrite: replaces files that are there.
        mark: as of `Cutout.to_bytes`, for every image among the files.

    Raises:
        OptionError: a format that is not known, or frames that do not fit it.
        StoreError: a file is there already, or cannot be written.
    """
    marking = default_marking(mark=mark)
    files = export_files(sprites, formats, name=name, trim=trim, padding=padding, extrude=extrude, marking=marking)
    return write_set(files, Path(folder), overwrite=overwrite)


def export_files(
    sprites: Frames | Sequence[Frames],
    formats: Sequence[str],
    *,
    name: str | None = None,
    trim: Trim = "frame",
    padding: int = 2,
    extrude: int = 0,
    marking: Marking,
) -> dict[str, bytes]:
    """What `export_sprites` writes, by file name, written nowhere; arguments and errors as there."""
    animations = [sprites] if isinstance(sprites, Frames) else list(sprites)
    formats = read_formats(formats)
    title = name or (animations[0].name if animations else "")
    _check_file_names([title, *(animation.name for animation in animations)])
    files: dict[str, bytes] = {}

    def add(made: Files, sources: Sequence[Source]) -> None:
        files.update((name, finish_file(data, sources, step="sprites", marking=marking)) for name, data in made)

    atlas: Atlas | None = None
    for form in dict.fromkeys(formats):
        if form in ATLAS:
            atlas = atlas or pack_atlas(animations, trim=trim, padding=padding, extrude=extrude)
            add(ATLAS[form](atlas, title), [source for animation in animations for source in animation.sources])
        else:
            for animation in animations:
                add(FORMATS[form](animation), animation.sources)
    return files


def read_formats(given: str | Sequence[str]) -> tuple[str, ...]:
    """The formats that texts name, with commas between them or one a text; `atlas` is TexturePacker's.

    >>> read_formats(["atlas,gif", "frames"])
    ('texturepacker', 'gif', 'frames')

    Raises:
        OptionError: one of them is not known, or there are none.
    """
    texts = [given] if isinstance(given, str) else given
    words = [word.strip().lower() for text in texts for word in str(text).split(",") if word.strip()]
    formats = tuple(dict.fromkeys(ALIASES.get(word, word) for word in words))
    known = [*FORMATS, *ATLAS]
    bad = [form for form in formats if form not in known]
    if bad or not formats:
        rule = f"one or more of {', '.join(['atlas', *known])}"
        problem = Problem(field="formats", value=", ".join(bad) or None, rule=rule, fix="for example frames,atlas")
        raise OptionError("that export is not known", problems=(problem,))
    return formats


def _check_file_names(names: Sequence[str]) -> None:
    bad = [name for name in names if not re.fullmatch(r"[\w][\w.-]{0,80}", name) or ".." in name]
    if bad:
        problem = Problem(
            field="name", value=bad[0], rule="letters, digits, - and _: it becomes a file's name", fix="name='walk'"
        )
        raise OptionError("the name can't be used", problems=(problem,))


def _frames(animation: Frames) -> Files:
    for name, frame in zip(animation.frame_names, animation.pixels, strict=True):
        yield f"{name}.png", encode_png(frame)


def _sheet(animation: Frames) -> Files:
    yield f"{animation.name}-sheet.png", encode_png(np.asarray(animation.sheet))


def _row(animation: Frames) -> Files:
    if len({frame.shape for frame in animation.pixels}) > 1:
        problem = Problem(field="formats", value="css", rule="frames of one size", fix="formats=['texturepacker']")
        raise OptionError("objects of different sizes are not an animation", problems=(problem,))
    image = f"{animation.name}-row.png"
    yield image, encode_png(np.concatenate(animation.pixels, axis=1))
    yield f"{animation.name}.css", css_sprites(animation, image).encode()


def _gif(animation: Frames) -> Files:
    yield f"{animation.name}.gif", _animated(animation, "gif")


def _apng(animation: Frames) -> Files:
    yield f"{animation.name}-animated.png", _animated(animation, "apng")


def _webp(animation: Frames) -> Files:
    yield f"{animation.name}.webp", _animated(animation, "webp")


def _animated(animation: Frames, form: str) -> bytes:
    try:
        return animation.animated(form, mark=False)  # type: ignore[arg-type]  # the table's own names
    except ValueError as error:
        problem = Problem(field="formats", value=form, rule=str(error), fix="formats=['frames', 'texturepacker']")
        raise OptionError("that export needs frames of one size", problems=(problem,)) from None


def _gpl(animation: Frames) -> Files:
    palette: tuple[str, ...] = getattr(animation, "palette", ())
    if not palette:
        problem = Problem(field="formats", value="gpl", rule="only pixel art has a palette", fix="pixel_art=True")
        raise OptionError("there is no palette to export", problems=(problem,))
    rows = [f"{int(c[1:3], 16):3d} {int(c[3:5], 16):3d} {int(c[5:7], 16):3d}\t{c}" for c in palette]
    yield (
        f"{animation.name}.gpl",
        "\n".join(["GIMP Palette", f"Name: {animation.name}", "Columns: 8", "#", *rows, ""]).encode(),
    )


def _texturepacker(atlas: Atlas, title: str) -> Files:
    yield from _atlas_files(atlas, title, f"{title}-atlas.json", texturepacker_json)


def _texturepacker_array(atlas: Atlas, title: str) -> Files:
    yield from _atlas_files(
        atlas, title, f"{title}-array.json", lambda a, image: texturepacker_json(a, image, array=True)
    )


def _aseprite(atlas: Atlas, title: str) -> Files:
    yield from _atlas_files(atlas, title, f"{title}-aseprite.json", aseprite_json)


def _godot(atlas: Atlas, title: str) -> Files:
    yield from _atlas_files(atlas, title, f"{title}.tres", godot_frames)


def _atlas_files(atlas: Atlas, title: str, description: str, text: Callable[[Atlas, str], str]) -> Files:
    image = f"{title}-atlas.png"
    yield image, encode_png(atlas.image)
    yield description, text(atlas, image).encode()


FORMATS: dict[str, Callable[[Frames], Files]] = {
    "frames": _frames,
    "sheet": _sheet,
    "css": _row,
    "gif": _gif,
    "apng": _apng,
    "webp": _webp,
    "gpl": _gpl,
}
ALIASES = {"atlas": "texturepacker", "array": "texturepacker-array"}
ATLAS: dict[str, Callable[[Atlas, str], Files]] = {
    "texturepacker": _texturepacker,
    "texturepacker-array": _texturepacker_array,
    "aseprite": _aseprite,
    "godot": _godot,
}


def write_set(files: dict[str, bytes], folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Writes all files of a set, or none: they are complete beside the folder's own before the first takes its name.

    Raises:
        StoreError: a file is there already, or the folder cannot be written to.
    """
    there = [name for name in files if (folder / name).exists()]
    if there and not overwrite:
        more = "" if len(there) == 1 else f" and {len(there) - 1} more"
        raise StoreError(
            f"{there[0]}{more} would be overwritten in {folder}: nothing was written",
            hints=("overwrite=True replaces them", "another name or folder keeps them"),
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".incoming-") as waiting:
            for name, data in files.items():
                (Path(waiting) / name).write_bytes(data)
            for name in files:
                (Path(waiting) / name).replace(folder / name)
    except OSError as error:
        raise StoreError(f"{folder} can't be written to: {error.strerror or error}") from error
    return [folder / name for name in files]
