"""What files are called: safe stems, versions, templates; names are reserved by empty files until their pictures come."""

from __future__ import annotations

import contextlib
import errno
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from imagegen_magic.errors import Fix, OptionError, Problem, Setting, StoreError
from imagegen_magic.options.table import FILE_FIELDS, NUMBER_FORM

__all__ = [
    "SOURCE",
    "SUFFIXES",
    "Reservation",
    "check_free",
    "free_path",
    "is_taken",
    "numbers_itself",
    "planned_paths",
    "release_name",
    "reserve_names",
    "safe_stem",
    "shown_file",
    "shown_in",
    "sidecar_path",
]

SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "gif": ".gif", "svg": ".svg"}
SOURCE = "-source"
"""What the file with the API's bytes is called beside a cut-out: `hero-source.png` beside `hero.png`."""
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))}


def safe_stem(text: str, limit: int = 80) -> str:
    """A file stem that every file system takes: no separators, control characters or reserved names; never empty."""
    plain = unicodedata.normalize("NFKC", text)
    clean = re.sub(r"[^\w .()+@-]+", "-", plain).strip(" .-")[:limit].rstrip(" .-")
    while len(clean.encode("utf-8", "replace")) > 2 * limit:  # file systems count bytes, up to 255 with what is added
        clean = clean[:-1].rstrip(" .-")
    first, dot, rest = clean.partition(".")  # Windows means a device by `con`, `con .x` and `con.tar.png`
    return f"{first}-{dot}{rest}" if first.rstrip().lower() in _RESERVED else clean or "image"


def check_free(path: Path, *, overwrite: bool) -> None:
    """Stops at a file that would be replaced.

    Raises:
        FileExistsError: `path` exists, and `overwrite` is False.
    """
    if not overwrite and path.exists():
        raise FileExistsError(f"{path} exists already; overwrite=True replaces it")


def shown_file(path: Path) -> Path:
    """The cut-out that was made of the API's file at `path`, or that file if none is there."""
    cut = path.with_name(path.name.replace(SOURCE, "", 1))
    return cut if SOURCE in path.name and cut.is_file() else path


def shown_in(folder: Path, entry: str) -> str:
    """The same for a path of the history, relative to the output folder as that is."""
    return shown_file(folder / entry).relative_to(folder).as_posix()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The names that a job's files will have: settled, and reserved, before the call is paid: another kernel can't take them."""

    paths: tuple[Path, ...]
    """Where the user looks for the pictures."""
    overwrite: bool = False
    markers: tuple[str, ...] = ()
    """Further names reserved beside each path, for what will be made of it: `-source`, `-web`."""

    def reserved(self) -> tuple[Path, ...]:
        """Every name that is reserved."""
        return (*self.paths, *(path for marker in self.markers for path in self.sources(marker)))

    def sources(self, marker: str) -> tuple[Path, ...]:
        """The same names with a marker, for the API's bytes beside a derived picture: `hero-source.png`."""
        return tuple(path.with_name(f"{path.stem}{marker}{path.suffix}") for path in self.paths)

    def named(self, marker: str) -> tuple[Path, ...]:
        """The names of the API's own files."""
        return self.sources(marker) if marker else self.paths


def planned_paths(folder: Path, stem: str, count: int, form: str, out: str | None, version: int) -> tuple[Path, ...]:
    """The names of one version: numbered where `{i}` stands in `out`, else at their ends if there are several.

    Raises:
        OptionError: `out` leaves the folder.
    """
    if numbers_itself(out):
        bases = [base_path(folder, stem, out, form, number) for number in range(1, count + 1)]
        return tuple(_numbered(base, version, 0, 1) for base in bases)
    base = base_path(folder, stem, out, form)
    return tuple(_numbered(base, version, i, count) for i in range(count))


def _numbered(base: Path, version: int, index: int, count: int) -> Path:
    tail = f"-v{version}" if version > 1 else ""
    tail += f"-{index + 1}" if count > 1 else ""
    return base.with_name(f"{base.stem}{tail}{base.suffix}")


def base_path(folder: Path, stem: str, out: str | None, form: str, number: int = 1) -> Path:
    """The first name: of `stem`, or of the template `out`, whose last part is made safe.

    Raises:
        OptionError: `out` leaves the folder.
    """
    suffix = SUFFIXES.get(form, f".{form}")
    if out is None:
        return folder / f"{safe_stem(stem)}{suffix}"
    text = _filled(out, stem, number).replace("\\", "/")
    parts = PurePosixPath(text).parts
    if not parts or ".." in parts or PurePosixPath(text).is_absolute() or re.match(r"[A-Za-z]:", text):
        raise _leaves(out)
    place = folder.joinpath(*(safe_stem(part) for part in parts[:-1]), parts[-1])
    if not place.resolve().is_relative_to(folder.resolve()):  # a link may lead out
        raise _leaves(out)
    known = place.suffix.lower() in (suffix, *(".jpeg",) * (form == "jpeg"))
    return place.with_name(safe_stem(place.stem if known else place.name) + (place.suffix if known else suffix))


def numbers_itself(out: str | None) -> bool:
    """True for a template of a file name with a place for the image's number."""
    return out is not None and re.search(rf"\{{i({NUMBER_FORM})?\}}", out) is not None


def _filled(out: str, stem: str, number: int) -> str:
    """A template of a file name with its fields filled in; a number may have zeros before it, `{i:03}`."""
    day = datetime.now().astimezone().strftime("%Y-%m-%d")
    values = dict(zip(FILE_FIELDS, (stem, stem, str(number), day), strict=True))
    text = re.sub(rf"\{{i({NUMBER_FORM})\}}", lambda match: format(number, match[1][1:]), out)
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)


def _leaves(out: str) -> OptionError:
    rule = "must stay inside the output folder"
    fix = Fix(Setting("--out", "sub/name.png"), ", and ", Setting("--out-dir"), " for another folder")
    return OptionError("the file name can't be used", problems=(Problem(field="out", value=out, rule=rule, fix=fix),))


def is_taken(path: Path) -> bool:
    """True if an image can't have this name: it exists, or a folder stands where its sidecar would lie."""
    return path.exists() or sidecar_path(path).is_dir()


def _reserve(path: Path) -> None:
    """Reserves a name with an empty file.

    Raises:
        FileExistsError: it is taken.
    """
    if sidecar_path(path).is_dir():
        raise FileExistsError(errno.EEXIST, "a folder has the name of its sidecar", path)
    path.touch(exist_ok=False)


def reserve_names(paths: Sequence[Path]) -> bool:
    """Reserves every name with an empty file, or none of them."""
    reserved: list[Path] = []
    for path in paths:
        try:
            _reserve(path)
            reserved.append(path)
        except FileExistsError:
            for mine in reserved:
                mine.unlink(missing_ok=True)
            return False
    return True


def release_name(path: Path) -> None:
    """Releases a reserved name: an empty file only."""
    with contextlib.suppress(OSError):
        if path.stat().st_size == 0:
            path.unlink()


def free_path(path: Path) -> Path:
    """`path`, or the next of its `-v2`, `-v3` … that does not exist; reserved by an empty file."""
    for version in range(1, 100_000):
        candidate = path if version == 1 else path.with_name(f"{path.stem}-v{version}{path.suffix}")
        with contextlib.suppress(FileExistsError):
            _reserve(candidate)
            return candidate
    raise StoreError(f"no free name for {path.name}")


def sidecar_path(image: Path) -> Path:
    """Where a picture's sidecar lies: `hero.png.json`."""
    return image.with_name(image.name + ".json")
