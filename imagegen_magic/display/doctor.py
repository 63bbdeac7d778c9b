"""Is everything in place? Key, SDK, folder, backend, front end: what was found, and what to do where it fails."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Any

from imagegen_magic._version import __version__
from imagegen_magic.errors import Fix, Setting
from imagegen_magic.options.options import Options
from imagegen_magic.tables import Table

__all__ = ["doctor_table", "installed_versions"]

PACKAGES = ("openai", "ipython", "pillow", "numpy", "ipywidgets", "anywidget")


def installed_versions() -> dict[str, str]:
    """The version of every package that matters; `not installed` where it is missing."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def doctor_table(options: Options, *, front_end: str, live: bool) -> Table:
    """One row a check: name, `ok`, `warn` or `fail`, and what was found or is to be done. Nothing is sent."""
    rows = [
        _backend(options),
        _key(options),
        *_packages(),
        _folder(Path(options.out_dir)),
        _front_end(front_end, live),
    ]

    notes = [f"imagegen_magic {__version__}, Python {platform.python_version()}; nothing was sent"]
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
        fix = f"not installed: pip install {'imagegen_magic[panel]' if optional else name}" if missing else version
        rows.append((name, ("warn" if optional else "fail") if missing else "ok", fix))
    return rows


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
