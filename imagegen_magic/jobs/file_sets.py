"""Sets of files made from one image: under the first name at which all of them are free, each image with its sidecar."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagegen_magic.errors import Fix, Setting, StoreError
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import FileEntry, Record

__all__ = ["FilesOf", "SavedSet", "listed", "save_set"]

IMAGES = (".png", ".gif", ".webp", ".ico", ".icns")
"""Suffixes of derived files that get a sidecar; a text that describes them has none."""
FilesOf = Callable[[str], Mapping[str, bytes]]
"""The files of a set under a name: paths inside a folder, and what is in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSet:
    """The name that a set got, its files in order, and the entries of those that were written now."""

    name: str
    paths: tuple[Path, ...]
    entries: tuple[FileEntry, ...]


def save_set(
    files_of: FilesOf, name: str, *, folder: Path, store: Store, record: Record, kind: str, if_exists: str, index: int = 0
) -> SavedSet:  # fmt: skip
    """Writes a set under its own name, or under `NAME-v2` and so on if other files have one of its names.

    Files that are there already with the same bytes stay as they are. `if_exists` is as of the option: with `overwrite`
    the name is taken as it is.

    Raises:
        StoreError: with `fail` a name is taken, and nothing was written; or the folder can't be written to.
    """
    name, files = _free(files_of, name, folder, if_exists)
    entries = []
    for file, data in files.items():
        path = folder / file
        if path.exists() and not _differs(path, data):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in IMAGES:
            entries.append(store.save_derived(path, data, record, kind=kind, index=index))
        else:
            store.write_text(path, data.decode())
    return SavedSet(name=name, paths=tuple(folder / file for file in files), entries=tuple(entries))


def _free(files_of: FilesOf, name: str, folder: Path, if_exists: str) -> tuple[str, Mapping[str, bytes]]:
    for version in itertools.count(1):
        chosen = name if version == 1 else f"{name}-v{version}"
        files = files_of(chosen)
        taken = [file for file, data in files.items() if _differs(folder / file, data)]
        if not taken or if_exists == "overwrite":
            break
        if if_exists == "fail":
            hints = (Fix(Setting("--if-exists", "overwrite"), " replaces it"),)
            raise StoreError(f"{taken[0]} exists already: nothing was written", hints=hints)
    return chosen, files


def _differs(path: Path, data: bytes) -> bool:
    """True if another file has that name."""
    return path.exists() and path.read_bytes() != data


def listed(names: Sequence[str]) -> str:
    """File names; a row of numbered ones by its first and its last."""
    numbered = [name for name in names if re.search(r"-\d+\.png$", name)]
    if len(numbered) < 3:
        return ", ".join(names)
    others = [name for name in names if name not in numbered]
    return ", ".join([f"{numbered[0]} to {numbered[-1]}", *others])
