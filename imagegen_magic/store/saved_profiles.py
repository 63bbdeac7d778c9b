"""Profiles that a cell or the panel saved: `profiles.json` of the output folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagegen_magic.errors import Command, Fix, OptionError, Problem
from imagegen_magic.options.profiles import PROFILES, Profile, check_profile, find_profile, read_saved, save_profiles

from .folder import Store

__all__ = ["delete_profile", "keep_profile"]


def keep_profile(store: Store, name: str, values: Mapping[str, Any]) -> None:
    """Saves option values under a name; a saved profile of that name is replaced.

    Raises:
        OptionError: there are none, or one can't stand in a profile; nothing is saved.
    """
    _, problems = check_profile(name, values)
    if not values and not problems:
        fix = Fix(Command("profile", f"save {name} --style flat"))
        problems = [Problem(field="profile", value=name, rule="there is nothing to save", fix=fix)]
    if problems:
        raise OptionError(f"the profile {name} was not saved", problems=tuple(problems))
    _write(store, {**read_saved(store.folder), name: values})


def delete_profile(store: Store, name: str) -> None:
    """Deletes a saved profile; those of a pyproject.toml are the project's.

    Raises:
        OptionError: none of that name is saved.
    """
    saved = read_saved(store.folder)
    find_profile(
        {one: Profile(name=one, raw=raw, origin=PROFILES, folder=store.folder) for one, raw in saved.items()}, name
    )
    _write(store, {one: raw for one, raw in saved.items() if one != name})


def _write(store: Store, profiles: Mapping[str, Mapping[str, Any]]) -> None:
    store.folder.mkdir(parents=True, exist_ok=True)
    store.write_text(store.folder / PROFILES, save_profiles(profiles))
