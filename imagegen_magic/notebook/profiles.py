"""`%imagegen profile`: lists, saves and deletes profiles."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagegen_magic.errors import OptionError
from imagegen_magic.options.braces import refuse_single_braces
from imagegen_magic.options.line import parse_line
from imagegen_magic.options.paths import is_file
from imagegen_magic.options.profiles import IMAGE_OPTIONS, NOT_IN_PROFILES, Profile, check_profile, find_profile
from imagegen_magic.options.settings import project_profiles
from imagegen_magic.options.table import OPTIONS
from imagegen_magic.store.recall import flag_words
from imagegen_magic.store.saved_profiles import keep_profile
from imagegen_magic.tables import Table

if TYPE_CHECKING:
    from imagegen_magic.session import Session

__all__ = ["list_profiles", "profiles_table", "save_profile"]


def list_profiles(session: Session) -> dict[str, Profile]:
    """Every profile that can be named here."""
    return project_profiles(session.home, session.library.store.folder)


def profiles_table(session: Session, name: str = "") -> Table:
    """Each profile, or the one named: where it stands and what it sets.

    Raises:
        OptionError: there is none of that name.
    """
    known = list_profiles(session)
    shown = {name: find_profile(known, name)} if name else known
    rows = [(name, profile.origin, _flags_of(profile.raw)) for name, profile in shown.items()]
    notes = ["%imagegen profile save NAME --style … keeps one"] if not rows else ["--profile NAME uses one"]
    return Table(title="Profiles", columns=("name", "from", "what it sets"), rows=rows, notes=notes, breaking=True)


def _flags_of(raw: Mapping[str, Any]) -> str:
    values, _ = check_profile("x", raw)
    return " ".join(word for name, value in values.items() for word in flag_words(name, value))


def save_profile(session: Session, shell: Any, name: str, flags: str) -> str:
    """Saves the flags as a profile, or those of the last result if there are none; says what was saved.

    Raises:
        OptionError: a flag is not an option, or can't stand in a profile; nothing is saved.
    """
    refuse_single_braces(flags, shell.user_ns, template="--template" in flags)
    parsed = parse_line(flags, "generate", positional=False, variables=shell.user_ns)
    given = {key: _lasting(session, key, value, shell.user_ns) for key, value in parsed.values.items()} or _last_given(
        session
    )
    if parsed.problems:
        _, problems = check_profile(name, given)
        raise OptionError(f"the profile {name} was not saved", problems=(*parsed.problems, *problems))
    before = list_profiles(session).get(name)
    keep_profile(session.library.store, name, given)
    replaced = f"\nbefore it was: {_flags_of(before.raw)}" if before and before.raw != given else ""
    return f"{name} is saved: {_flags_of(given)}{replaced}\nuse it: %%imagegen --profile {name}"


def _lasting(session: Session, key: str, value: Any, variables: Mapping[str, Any]) -> Any:
    """An option's value with each variable that holds an image as the path of its file: a profile outlives the kernel."""
    if key not in IMAGE_OPTIONS:
        return value
    if isinstance(value, tuple):
        return tuple(_lasting(session, key, one, variables) for one in value)
    name, colon, role = str(value).partition(":")
    path = getattr(variables.get(name), "path", None)
    return f"{os.path.relpath(path, session.home)}{colon}{role}" if path and not is_file(Path(name)) else value


def _last_given(session: Session) -> dict[str, Any]:
    """The options that the newest result was asked for with, but for what belongs to that call alone."""
    record, _ = session.library.history.find("@last")
    names = {option.name for option in OPTIONS} - NOT_IN_PROFILES - {"alt", "n", "reuse"}
    return {name: value for name, value in record.options.items() if name in names}
