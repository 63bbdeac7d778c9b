"""Is everything in place? Key, SDK, folder, backend, front end: what was found, and what to do if it fails."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imagegen_magic._version import __version__
from imagegen_magic.errors import Fix, MissingPackageError, Setting
from imagegen_magic.facts.packages import NEEDED, installed_opencv, opencv_command
from imagegen_magic.options.options import Options
from imagegen_magic.tables import Table

__all__ = ["doctor_table", "installed_versions", "opencv_row"]

PACKAGES = ("openai", "ipython", "pillow", "numpy", "ipywidgets", "anywidget")


def installed_versions() -> dict[str, str]:
    """The version of every package that matters; `not installed` if it is missing."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def doctor_table(
    options: Options, *, front_end: str, live: bool, online: Sequence[tuple[str, str, str]] | None = None
) -> Table:
    """One row a check: name, `ok`, `warn` or `fail`, and what was found or is to be done. Nothing is sent here.

    Args:
        options: every setting, after all layers.
        front_end: where it is shown, as `slot.front_end` says.
        live: whether progress is shown there.
        online: rows about the server, if it was asked (`online_rows`).
    """
    rows = [
        _backend(options),
        _key(options),
        *(online or ()),
        *_packages(),
        _opencv(),
        _folder(Path(options.out_dir)),
        _front_end(front_end, live),
    ]

    asked = "the server was asked for its models, which costs nothing" if online is not None else "nothing was sent"
    notes = [f"imagegen_magic {__version__}, Python {platform.python_version()}; {asked}"]
    return Table(title="Doctor", columns=("check", "state", "found"), rows=rows, notes=notes)


def _backend(options: Options) -> tuple[str, str, str]:
    server = options.base_url or os.environ.get("OPENAI_BASE_URL") or "OpenAI"
    where = (
        "offline simulator; pictures are stamped" if options.backend == "simulator" else _without_credentials(server)
    )
    return "backend", "ok", f"{options.backend} ({options.origins['backend']}): {where}"


def _without_credentials(url: str) -> str:
    """The address without user, password and query."""
    return url.split("?", maxsplit=1)[0].rsplit("@", 1)[-1]


def _key(options: Options) -> tuple[str, str, str]:
    """Whether a key is there, never what it is."""
    if os.environ.get("OPENAI_API_KEY"):
        return "API key", "ok", "OPENAI_API_KEY is set (its value is never shown)"
    if options.backend == "simulator":
        return "API key", "ok", "none is set, and the simulator needs none"
    todo = Fix(
        "OPENAI_API_KEY is not set: set it before this program starts, or use ",
        Setting("--backend", "simulator"),
        " or ",
        Setting("--dry-run"),
    )
    return "API key", "fail", todo


def _packages() -> list[tuple[str, str, str]]:
    rows = []
    for name, version in installed_versions().items():
        missing = version == "not installed"
        optional = name in ("ipywidgets", "anywidget")
        fix = f"not installed: pip install {name}" if missing else version
        rows.append((name, ("warn" if optional else "fail") if missing else "ok", fix))
    return rows


def _opencv() -> tuple[str, str, str]:
    try:
        from imagegen_magic.matting.opencv import loaded_opencv  # noqa: PLC0415 - OpenCV is loaded to be asked: 0.1 s

        return opencv_row(installed_opencv(), loaded_opencv())
    except ImportError as error:
        return opencv_row(installed_opencv(), "", reason="" if isinstance(error, MissingPackageError) else str(error))


def opencv_row(found: Mapping[str, str], loaded: str, *, reason: str = "") -> tuple[str, str, str]:
    """Whether cut-outs have an OpenCV, and whether a distribution that can do less has written over another.

    Args:
        found: versions by distribution, as pip knows them.
        loaded: the distribution that is imported; empty if none can be.
        reason: what Python said, if it is there and can't be loaded.
    """
    if reason:
        fix = f"pip install --force-reinstall --no-deps {NEEDED['cv2']}"
        return "opencv", "fail", f"can't be loaded ({reason}); without a window system: {fix}"
    command = opencv_command(found)
    if not loaded:
        lost = f"the files of {' and '.join(found)} are gone" if found else "not installed"
        return "opencv", "fail", f"{lost}, and cut-outs need it: {command}"
    best = next(iter(found), loaded)
    if loaded != best and loaded in found:
        rule = f"cut-outs work, but {loaded} wrote over {best}, so that cv2 can do less, such as no cv2.imshow"
        return "opencv", "warn", f"{rule}: {command}"
    names = ", ".join(f"{version} ({name})" for name, version in found.items()) or "not from pip"
    return "opencv", "ok", names if len(found) < 2 else f"{names}; the one that is loaded is {loaded}"


def _folder(folder: Path) -> tuple[str, str, str]:
    """Whether a file can really be written there, or in the nearest folder that exists."""
    existing: Any = folder
    while not existing.exists():
        existing = existing.parent
    try:
        with tempfile.NamedTemporaryFile(dir=existing):
            pass
    except OSError as error:
        return (
            "output folder",
            "fail",
            Fix(f"{folder.as_posix()} is not writable ({error.strerror}): ", Setting("--out-dir", "DIR")),
        )
    free = shutil.disk_usage(existing).free
    return "output folder", "ok" if free > 1e9 else "warn", f"{folder.as_posix()} is writable, {free / 1e9:.0f} GB free"


def _front_end(front_end: str, live: bool) -> tuple[str, str, str]:
    shows = (
        "progress and live previews are shown"
        if live
        else Fix("no progress is shown (", Setting("--progress"), " on changes that)")
    )
    return "front end", "ok", f"{front_end}: {shows}"
