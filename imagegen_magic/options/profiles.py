"""Profiles: named bundles of options, prompt fields and reference images, for the same look again.

They stand in `[tool.imagegen_magic.profiles.NAME]` of a pyproject.toml, or in `profiles.json` of the output folder, where
`%imagegen profile save` puts them; the saved one wins.
"""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagegen_magic.errors import Command, Fix, OptionError, Problem, Setting

from .paths import is_file
from .table import BY_NAME
from .values import read_values

__all__ = [
    "IMAGE_OPTIONS",
    "NOT_IN_PROFILES",
    "PROFILES",
    "Profile",
    "check_profile",
    "find_profile",
    "load_profiles",
    "read_saved",
    "save_profiles",
]

PROFILES = "profiles.json"
NOT_IN_PROFILES = {
    "profile",
    "dry_run",
    "show_prompt",
    "detach",
    "source",
    "grid",
    "yes",
    "out",
    "out_dir",
    "skip_invalid",
}
"""Options of one call, or that decide where profiles are."""
IMAGE_OPTIONS = ("image", "ref", "mask", "markup")
"""Options whose value is an image."""
WITH_FILES = ("palette", "same-as", "outside-mask")
"""Expectations whose value is a file, or two."""
_NAME = re.compile(r"[\w-]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile as it was written; `folder` is where its relative paths begin."""

    name: str
    raw: Mapping[str, Any]
    origin: str
    folder: Path

    def values(self) -> dict[str, Any]:
        """Typed option values.

        Raises:
            OptionError: something in it is not an option, or not a value of one; every fault is a problem.
        """
        values, problems = check_profile(self.name, self.raw)
        if problems:
            raise OptionError(f"the profile {self.name} has faults ({self.origin})", problems=tuple(problems))
        placed = {name: self._placed(value) if name in IMAGE_OPTIONS else value for name, value in values.items()}
        texts = values.get("expect") or ()
        return {**placed, "expect": tuple(map(self._placed_expectation, texts))} if texts else placed

    def _placed_expectation(self, text: Any) -> Any:
        """An expectation whose relative files begin where the profile stands: `checks.toml`, `palette=brand.toml >=0.9`."""
        check, equals, value = str(text).partition("=")
        if not equals:
            return str(self._placed(text)) if str(text).endswith(".toml") else text
        if check not in WITH_FILES:
            return text
        files, blank, bound = value.partition(" ")
        placed = (str(self.folder / name) if is_file(self.folder / name) else name for name in files.split(","))
        return f"{check}={','.join(map(shlex.quote, placed))}{blank}{bound}"

    def summary(self) -> str:
        """What it sets, in the options' names: `style: flat, quality: low`."""
        return ", ".join(f"{name.replace('_', ' ')}: {_shown(value)}" for name, value in self.raw.items())

    def _placed(self, value: Any) -> Any:
        """Images' relative paths, from where the profile stands; history references as they are."""
        if isinstance(value, tuple):
            return tuple(map(self._placed, value))
        path, colon, role = str(value).partition(":")
        return f"{self.folder / path}{colon}{role}" if is_file(self.folder / path) else value


def check_profile(name: str, raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The typed values of a profile, and every fault in it."""
    place = f"profile {name}"
    problems = []
    if not _NAME.fullmatch(name):
        rule = "letters, digits, _ and -, at most 40"
        problems.append(Problem(field="profile", value=name, rule=rule, fix="brand"))
    given = {key.replace("-", "_"): value for key, value in raw.items()}
    problems += [
        Problem(field=key, where=place, rule="can't stand in a profile", fix="give it on the line")
        for key in given
        if key in NOT_IN_PROFILES
    ]
    read = {key: value for key, value in given.items() if key not in NOT_IN_PROFILES}
    if any(not isinstance(one, str) for key in IMAGE_OPTIONS for one in _listed(read.get(key))):
        rule = "an image in a profile is a path or a history reference"
        problems.append(Problem(field="ref", where=place, rule=rule, fix=Fix(Setting("--ref", "logo.png:logo"))))
        read = {key: value for key, value in read.items() if key not in IMAGE_OPTIONS}
    values, faults = read_values(read, where=place)
    return values, [*problems, *faults]


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key}={one}" for key, one in value.items())
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _listed(value: Any) -> list[Any]:
    """Several values, one, or none, as a list."""
    return [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]


def load_profiles(config: Mapping[str, Any], config_path: Path | None, out_dir: Path, home: Path) -> dict[str, Profile]:
    """Every profile by its name.

    Args:
        config: the table `profiles` of the project's configuration, empty if there is none.
        config_path: the file that holds it.
        out_dir: the output folder.
        home: where the relative paths of saved profiles begin.

    Raises:
        OptionError: a file can't be read, or is not a table of tables.
    """
    found: dict[str, Profile] = {}
    for path, folder, table in (
        (config_path, config_path and config_path.parent, config),
        (out_dir / PROFILES, home, read_saved(out_dir)),
    ):
        if not isinstance(table, dict) or not all(isinstance(raw, dict) for raw in table.values()):
            fix = '[tool.imagegen_magic.profiles.brand] with style = "flat"'
            problem = Problem(field="profiles", rule="a table for each profile is needed", fix=fix)
            raise OptionError("the profiles can't be read", problems=(problem,))
        if path and folder:
            found |= {name: Profile(name=name, raw=raw, origin=path.name, folder=folder) for name, raw in table.items()}
    return found


def find_profile(profiles: Mapping[str, Profile], name: str) -> Profile:
    """The profile of that name.

    Raises:
        OptionError: there is none; near names are offered.
    """
    if name in profiles:
        return profiles[name]
    near = difflib.get_close_matches(name, profiles, n=3)
    fix = Fix(
        Fix.any_of(Setting("--profile", one) for one in near), "; " if near else "", Command("profile"), " lists them"
    )
    raise OptionError(
        "no such profile", problems=(Problem(field="profile", value=name, rule="not saved yet", fix=fix),)
    )


def read_saved(out_dir: Path) -> Any:
    """What stands in the `profiles.json` of an output folder, as it is; an empty table without one.

    Raises:
        OptionError: it can't be read.
    """
    path = out_dir / PROFILES
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        hint = f"correct it, or delete it: {path}"
        raise OptionError(f"{path.name} can't be read: {type(error).__name__}", hints=(hint,)) from None


def save_profiles(profiles: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of a `profiles.json`."""
    return json.dumps({name: _plain(raw) for name, raw in profiles.items()}, indent=1, ensure_ascii=False, default=str)


def _plain(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in raw.items() if name in BY_NAME}
