"""Sheets of anything: `imagegen_magic.sheet([a, b, c])` and `%imagegen show @a @b @c`."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from PIL import Image

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.images.opening import open_image, read_input, resolve_token
from imagegen_magic.images.preview import compose_sheet, encode_sheet
from imagegen_magic.metadata.derived import Source, default_marking, finish_file, source_of
from imagegen_magic.store.names import check_free

__all__ = ["Sheet", "make_sheet"]


class Sheet:
    """Several images in a grid, which shows itself.

    Attributes:
        names: what each image is, in the order of the grid.
        image: the sheet as a Pillow image, RGBA with clear gutters.
    """

    def __init__(
        self, image: Image.Image, names: Sequence[str], *, sources: Callable[[], Sequence[Source]] = tuple
    ) -> None:
        self.image, self.names = image, tuple(names)
        self._sources = sources  # asked for when the sheet is saved: most are only shown

    def save(self, path: str | PathLike[str], *, overwrite: bool = False, mark: bool | None = None) -> Path:
        """Saves the sheet in the format of the name's suffix (`.png` keeps the gutters clear), and returns the path.

        Args:
            path: a new file, or one to replace.
            overwrite: replaces a file that is there.
            mark: as of `Cutout.to_bytes`.

        Raises:
            FileExistsError: `path` exists already, and `overwrite` is False.
        """
        path = Path(path)
        check_free(path, overwrite=overwrite)
        image = self.image if path.suffix.lower() in (".png", ".webp", ".tif", ".tiff") else self.image.convert("RGB")
        buffer = io.BytesIO()
        image.save(buffer, format=Image.registered_extensions().get(path.suffix.lower(), "PNG"))
        data = finish_file(buffer.getvalue(), self._sources(), step="sheet", marking=default_marking(mark=mark))
        with path.open("wb" if overwrite else "xb") as stream:
            stream.write(data)
        return path

    def __repr__(self) -> str:
        return f"Sheet of {len(self.names)}: {', '.join(self.names)}"

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return encode_sheet(self.image).bundle(repr(self))


def make_sheet(
    items: Iterable[Any] | Mapping[str, Any],
    *,
    find: Callable[[str], Path],
    known: Callable[[Source], Source] = lambda source: source,
    variables: Mapping[str, object],
    columns: int | None = None,
    labels: bool | Sequence[str] = True,
    max_edge: int = 1536,
) -> Sheet:
    """As `imagegen_magic.sheet`; `find` gives the file of a history reference, `known` what the history knows of a file.

    Raises:
        OptionError: there are no images, an item is none, or the columns or labels do not fit.
    """
    items = [items] if isinstance(items, (str, PathLike)) and not hasattr(items, "paths") else items
    labelled = items.items() if isinstance(items, dict) else ((None, item) for item in items)
    found = [(image, label or name) for label, item in labelled for image, name in _images_of(item, find, variables)]
    texts = _labels([name for _, name in found], labels)
    problems = [] if found else [Problem(field="items", rule="no images", fix="sheet([result, 'a.png', '@hero'])")]
    if columns is not None and columns < 1:
        problems.append(Problem(field="columns", value=columns, rule="at least 1", fix="columns=4"))
    if len(texts) != len(found):
        rule = f"{len(texts)} for {len(found)} images"
        problems.append(Problem(field="labels", value=list(texts), rule=rule, fix="labels=True"))
    if problems:
        raise OptionError("no sheet can be made", problems=tuple(problems))
    image = compose_sheet([image for image, _ in found], labels=texts, max_edge=max_edge, columns=columns)
    return Sheet(
        image,
        [name for _, name in found],
        sources=lambda: [known(source_of(image)) for image, _ in found],
    )


def _images_of(item: Any, find: Callable[[str], Path], variables: Mapping[str, object]) -> list[tuple[Any, str]]:
    """The images of one item, each with its name: several for a result of several, a gallery, or a list of these."""
    source, origin = resolve_token(item, variables, find)
    if source is None:
        rule, fix = "there is no image here", "leave it out: [one for one in results if one is not None]"
        raise OptionError("no sheet can be made", problems=(Problem(field="items", value="None", rule=rule, fix=fix),))
    if isinstance(paths := getattr(source, "paths", None), tuple):
        return [(path, path.stem) for path in paths]
    if isinstance(source, (list, tuple)):
        return [pair for one in source for pair in _images_of(one, find, variables)]
    if isinstance(source, Path) or hasattr(source, "path"):
        path = Path(getattr(source, "path", source))
        return [(path, origin if origin.startswith("@") else path.stem)]
    return [(open_image(read_input(source).data), origin)]


def _labels(names: Sequence[str], labels: bool | Sequence[str]) -> Sequence[str]:
    """A label for each image: its name, none, or what was given."""
    if labels is True:
        return names
    return [""] * len(names) if labels is False else list(labels)
