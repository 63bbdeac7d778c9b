"""Looking back: what the history and the sidecars of an output folder know of its images."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path, PurePosixPath

from imagegen_magic.errors import Command, Fix, OptionError, Problem
from imagegen_magic.metadata.derived import Source, source_of
from imagegen_magic.options.paths import is_file
from imagegen_magic.request.request import InputImage
from imagegen_magic.request.response import Parent

from .folder import STARS, Store
from .history import History, Record, file_sha256, read_record
from .lineage import Lineage
from .names import shown_file, sidecar_path
from .recall import cell_of

__all__ = ["Library", "source_beside"]


class Library:
    """The images of one output folder: found, listed, starred, traced back, recalled. Knows no session."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @property
    def history(self) -> History:
        """One record a request."""
        return self.store.history

    def search(self, word: str = "") -> list[Record]:
        """The records whose name, prompt, model or files hold `word`, oldest first; all for an empty one."""
        return [record for record in self.history.records() if word.lower() in _searched(record)]

    def usual_seconds(self, model: str, size: str | None, quality: str | None) -> tuple[float, float, int] | None:
        """(shortest, longest, how many) of the last ten live requests like this one, in seconds; None if there is none."""
        wanted = (model, size, quality)
        times = [
            record.seconds
            for record in self.history.records()
            if record.outcome == "done" and not record.simulated and record.seconds
            and tuple(record.request.get(name) for name in ("model", "size", "quality")) == wanted
        ][-10:]  # fmt: skip
        return (min(times), max(times), len(times)) if times else None

    def image_file(self, token: str) -> Path:
        """The file of a history reference: the cut-out if one was made, else the API's file; or of a name in the output folder.

        Raises:
            OptionError: nothing has that name, or its file is gone.
        """
        if not token.startswith("@"):
            return self._kept_file(token)
        record, index = self.history.find(token)
        found = shown_file(self.store.folder / record.api_files()[index].path)
        if not found.is_file():
            fix = Fix("make it again: ", Command("recall", token))
            rule = f"{found.name} is no longer there"
            raise OptionError("an image is gone", problems=(Problem(field="image", value=token, rule=rule, fix=fix),))
        return found

    def _kept_file(self, name: str) -> Path:
        """A file below the output folder; a link that leads out is none."""
        if (path := self.store.kept_file(name)) is not None:
            return path.resolve()
        problem = Problem(field="image", value=name, rule="no file of the output folder", fix=Fix(Command("history")))
        raise OptionError("no such image", problems=(problem,))

    def parent_of(self, image: InputImage, source: object) -> Parent:
        """Where an input came from, with its number if the history knows its bytes; a cut-out stands for its source."""
        if (record := self.history.by_sha256(image.sha256)) is not None:
            return Parent(
                sha256=image.sha256, role=image.role, file=image.origin, number=record.number,
                source_type=record.source_type,
            )  # fmt: skip
        path = getattr(source, "path", source)
        made = self.store.derived_record(path) if isinstance(path, Path) else None
        sha256, number = (str(made.parents[0].get("sha256", "")), made.number) if made else (image.sha256, None)
        known = source_of(path if isinstance(path, Path) else image.data)
        return Parent(sha256=sha256, role=image.role, file=image.origin, number=number, source_type=known.source_type)

    def known_source(self, source: Source) -> Source:
        """The source with what the history knows of it, for files that say nothing of their origin themselves."""
        record = None if source.source_type else self.history.by_sha256(source.sha256)
        if record is None:
            return source
        known = self.store.source_of(record, record.api_files()[0])
        return replace(source, source_type=known.source_type, system=known.system)

    def names(self) -> list[str]:
        """The names in the history, newest first, for completion."""
        return list(dict.fromkeys(record.name for record in reversed(self.history.done()) if record.name))

    def newest(self, count: int) -> list[tuple[Record, Path]]:
        """The newest records whose first image is still there, newest first, each with that image's file."""
        done = reversed(self.history.done())
        found = ((record, shown_file(self.store.folder / record.api_files()[0].path)) for record in done)
        return list(islice(((record, path) for record, path in found if path.is_file()), count))

    def starred(self) -> list[str]:
        """The history references that carry a star in this output folder."""
        return self.store.read_stars()

    def star(self, references: Iterable[str]) -> None:
        """Makes these history references the ones that carry a star."""
        self.store.write_text(self.store.folder / STARS, json.dumps(sorted(references)))

    def recall(self, token: str) -> str:
        """The text of the cell that made an image, from the history or its sidecar.

        Raises:
            OptionError: nothing is known of it.
        """
        return cell_of(self.store, token)

    def lineage(self, token: str) -> Lineage:
        """The tree of what an image was made from and what was made from it."""
        return Lineage.of(self.store, self.history.find(token)[0])


def source_beside(path: Path) -> Path | None:
    """The file that the derived file at `path` was made from, by its sidecar; None without one, or if it is gone or changed.

    The sidecar's own path says where the output folder begins, so that a copied folder is as good.
    """
    record = read_record(sidecar_path(path))
    if record is None or not record.files or not record.parents:
        return None
    place = PurePosixPath(record.files[0].path)
    if path.resolve().parts[-len(place.parts) :] != place.parts:
        return None
    folder = path.resolve().parents[len(place.parts) - 1]
    source = folder / str(record.parents[0].get("file", ""))
    inside = is_file(source) and source.resolve().is_relative_to(folder)
    return source if inside and file_sha256(source) == record.parents[0].get("sha256") else None


def _searched(record: Record) -> str:
    """The words by which a record is found."""
    files = (entry.path for entry in record.files)
    words = (record.name, record.prompt_sent, record.prompt_typed, str(record.request.get("model", "")), *files)
    return "\n".join(words).lower()
