"""Every option's value, layer upon layer, and where each came from.

A value comes from the first of: the line itself, the profile that is named, the session (`%config ImagegenMagics`), the environment
(`IMAGEGEN_*`), `[tool.imagegen_magic]` of the nearest pyproject.toml, the table's default.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.facts.toml_file import read_toml

from .defaults import ENV_PREFIX, in_layer
from .options import Options
from .paths import expanded
from .profiles import Profile, find_profile, load_profiles
from .table import BY_NAME, OPTIONS
from .values import read_values

__all__ = ["project_profiles", "resolve"]


_DEFAULTS = {option.name: option.default for option in OPTIONS}


def resolve(
    line: Mapping[str, Any],
    *,
    session: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Options:
    """Every option's value, and where each came from.

    Raises:
        OptionError: a layer other than the line holds an unknown name or an unreadable value.
    """
    home = folder or Path.cwd()
    file_path, file_values = find_project_config(home)
    profiles = file_values.get("profiles", {})
    file_values = {name: value for name, value in file_values.items() if name != "profiles"}
    layers: list[tuple[str, Mapping[str, Any]]] = [
        (f"{file_path.name} [tool.imagegen_magic]" if file_path else "", file_values),
        ("environment", _environment(os.environ if environ is None else environ)),
        ("session", dict(session or {})),
    ]
    values, origins = _read_layers(layers)
    if (name := line.get("profile", values["profile"])) is not None:
        profile = find_profile(load_profiles(profiles, file_path, home / expanded(values["out_dir"]), home), name)
        bundle = profile.values()
        values.update(bundle)
        origins.update(dict.fromkeys(bundle, f"profile {name} ({profile.origin})"))
    values.update(line)
    origins.update(dict.fromkeys(line, "line"))
    return Options(**values, origins=origins)


def _read_layers(layers: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[dict[str, Any], dict[str, str]]:
    """(every option's value, where each came from) after these layers, each before the one above it.

    Raises:
        OptionError: a layer holds an unknown name or an unreadable value.
    """
    values: dict[str, Any] = dict(_DEFAULTS)
    origins: dict[str, str] = dict.fromkeys(values, "default")
    problems: list[Problem] = []
    for origin, raw in layers:
        known = {name: value for name, value in raw.items() if name not in BY_NAME or BY_NAME[name].config}
        known = {name: value for name, value in known.items() if not name.startswith(ENV_PREFIX)}
        problems += [_no_default(name, origin) for name in raw if name not in known]
        read, faults = read_values(known)
        problems += [in_layer(fault, origin) for fault in faults]
        values.update(read)
        origins.update(
            {name: f"environment {ENV_PREFIX}{name.upper()}" if origin == "environment" else origin for name in read}
        )
    if problems:
        raise OptionError("a default could not be read", problems=tuple(problems))
    return values, origins


def _no_default(name: str, origin: str) -> Problem:
    """The problem of an option that is each call's own, or of a variable that is nearly a limit's."""
    if name.startswith(ENV_PREFIX):
        return Problem(field=name, where=origin, rule="no such variable", fix=f"did you mean {_near_limit(name)}?")
    if origin == "environment":
        name, fix = ENV_PREFIX + name.upper(), "unset it, and give it on the line"
        return Problem(field=name, where=origin, rule="can't be set as a default", fix=fix)
    return Problem(field=name, where=origin, rule="can't be set as a default", fix="give it on the line")


def project_profiles(folder: Path, out_dir: Path) -> dict[str, Profile]:
    """Every profile that can be named in `folder`, by its name.

    Raises:
        OptionError: a file with profiles can't be read.
    """
    path, values = find_project_config(folder)
    return load_profiles(values.get("profiles", {}), path, out_dir, folder)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The `IMAGEGEN_*` variables that are options, or nearly a limit, which would hold nothing. Other names are not ours."""
    ours = {key: value for key, value in environ.items() if key.startswith(ENV_PREFIX) and value != ""}
    names = {ENV_PREFIX + name.upper(): name for name in BY_NAME} if ours else {}
    return {names.get(key, key): value for key, value in ours.items() if key in names or _near_limit(key)}


def _near_limit(variable: str) -> str | None:
    """The variable of a limit that one with a typing error was meant as; None for any other."""
    limits = [option.name.upper() for option in OPTIONS if option.kind == "money"]
    near = get_close_matches(variable.removeprefix(ENV_PREFIX), limits, n=1, cutoff=0.85)
    return ENV_PREFIX + near[0] if near else None


@cache
def _own_table(path: Path, modified: int) -> dict[str, Any] | None:
    """`[tool.imagegen_magic]` of a pyproject.toml as of that moment (ns): a batch asks for every job."""
    tools = read_toml(path).get("tool")
    table = tools.get("imagegen_magic") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ValueError("tool.imagegen_magic must be a table: [tool.imagegen_magic]")
    return table


def find_project_config(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    """The nearest pyproject.toml at or above `folder` that has `[tool.imagegen_magic]`, and that table.

    Raises:
        OptionError: the nearest pyproject.toml with that table can't be read.
    """
    for parent in (folder, *folder.parents):
        path = parent / "pyproject.toml"
        if not path.is_file():
            continue
        try:
            table = _own_table(path, path.stat().st_mtime_ns)
        except (OSError, ValueError) as error:
            hint = f"correct {path}: nothing is sent while a default can't be read"
            raise OptionError(f"{path.name} can't be read: {error}", hints=(hint,)) from error
        if table is not None:
            return path, {name.replace("-", "_"): value for name, value in table.items()}
    return None, {}
