"""Where the command line puts pictures: where the bundled scripts put them, inside one output folder with its history."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from imagegen_magic.errors import Problem
from imagegen_magic.options.options import Options
from imagegen_magic.options.out_names import format_of, out_problems
from imagegen_magic.options.paths import expanded

from .table import DEFAULTS

__all__ = ["job_file", "place_output", "with_script_defaults"]

MANY = "image_{i}"
"""What pictures are called if only a folder was given."""


def with_script_defaults(values: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """The line's values with the scripts' defaults if neither line, environment nor project file says otherwise."""
    out = dict(values)
    if options.origins["if_exists"] == "default":
        out["if_exists"] = DEFAULTS["if_exists"]
    if options.origins["web_suffix"] == "default" and len(options.web or ()) == 1:
        out["web_suffix"] = DEFAULTS["web_suffix"]
    if isinstance(form := out.get("output_format"), str):
        out["output_format"] = {"jpg": "jpeg"}.get(form.lower(), form.lower())
    return out


def place_output(values: Mapping[str, Any], options: Options) -> tuple[dict[str, Any], list[Problem]]:
    """The values with `out`, `out_dir` and, if the name says it, `output_format`; and what contradicts itself."""
    out = dict(values)
    folder = expanded(options.out_dir)
    given = out.get("out")
    if given is not None and expanded(given).is_dir() and "out_dir" not in out:
        folder, given = expanded(given), None
        out["out_dir"] = str(folder)
    name = str(given) if given is not None else MANY if "out_dir" in out else "output"
    form, problems = _form(name, out.get("output_format"))
    if form is not None:
        out["output_format"] = form
    out["out"] = _with_suffix(name, out.get("output_format") or options.output_format or "png")
    if given is not None:
        out |= _inside(expanded(out["out"]), folder, fixed="out_dir" in values)
    return out, problems


def _form(name: str, given: str | None, where: str = "") -> tuple[str | None, list[Problem]]:
    """The format that a file name asks for, or None; a fault if it contradicts the one that was given."""
    return (format_of(name) if given is None else None), out_problems(name, given, where)


def _with_suffix(name: str, form: str) -> str:
    return name if format_of(name) else f"{name}.{form}"


def _inside(path: Path, folder: Path, *, fixed: bool) -> dict[str, str]:
    """`out` inside its output folder: the configured one if the path lies in it, else the path's own parent."""
    whole, home = Path.cwd() / path, (Path.cwd() / folder).resolve()
    place = whole.parent.resolve() / whole.name
    if place.is_relative_to(home):
        return {"out": place.relative_to(home).as_posix()}
    if fixed:
        return {"out": path.as_posix()}
    return {"out": place.name, "out_dir": str(path.parent)}


def job_file(
    values: Mapping[str, Any], number: int, shared: Mapping[str, Any], options: Options, where: str
) -> tuple[dict[str, Any], list[Problem]]:
    """One batch job's values with its file below the output folder: its own `out`, or `001-first-words`."""
    row = dict(values)
    if isinstance(own := row.get("output_format"), str):
        row["output_format"] = {"jpg": "jpeg"}.get(own.lower(), own.lower())
    given = row.get("out") or row.get("name")
    name = (
        PurePath(str(given).replace("\\", "/")).name if given else f"{number:03d}-{_slug(str(row.get('prompt', '')))}"
    )
    form, problems = _form(name, row.get("output_format") or shared.get("output_format"), where)
    if form is not None:
        row["output_format"] = form
    row["out"] = _with_suffix(
        name, row.get("output_format") or shared.get("output_format") or options.output_format or "png"
    )
    return row, problems


def _slug(prompt: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", prompt.strip()[:80].strip().lower()).strip("-")
    return words[:60] or "job"
