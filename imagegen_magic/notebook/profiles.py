"""`%imagegen profile`: lists, saves and deletes profiles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagegen_magic.errors import Command, Fix, OptionError, Problem
from imagegen_magic.options.line import parse_line
from imagegen_magic.options.profiles import (
    NOT_IN_PROFILES,
    PROFILES,
    Profile,
    check_profile,
    find_profile,
    save_profiles,
)
from imagegen_magic.options.settings import project_profiles
from imagegen_magic.options.table import OPTIONS
from imagegen_magic.store.recall import flag_words
from imagegen_magic.tables import Table

if TYPE_CHECKING:
    from imagegen_magic.session import Session

__all__ = ["delete_profile", "list_profiles", "profiles_table", "save_profile"]


def list_profiles(session: Session) -> dict[str, Profile]:
    """Every profile that can be named here."""
    return project_profiles(session.home, session.library.store.folder)


def profiles_table(session: Session) -> Table:
    """Each profile, where it stands and what it sets."""
    rows = [(name, profile.origin, _flags_of(profile.raw)) for name, profile in list_profiles(session).items()]
    notes = ["%imagegen profile save NAME --style … keeps one"] if not rows else ["--profile NAME uses one"]
    return Table(title="Profiles", columns=("name", "from", "what it sets"), rows=rows, notes=notes, breaking=True)


def _flags_of(raw: Mapping[str, Any]) -> str:
    values, _ = check_profile("x", raw)
    return " ".join(word for name, value in values.items() for word in flag_words(name, value))


def save_profile(session: Session, shell: Any, name: str, flags: str) -> str:
    """Saves the flags as a profile, or those of the last result if there are none; says what was saved.

    Raises:
        OptionError: a flag is no option, or can't stand in a profile; nothing is saved.
    """
    parsed = parse_line(flags, "generate", positional=False, variables=shell.user_ns)
    given = dict(parsed.values) or _last_given(session)
    _, problems = check_profile(name, given)
    problems = [*parsed.problems, *problems]
    if not given and not problems:
        fix = Fix(Command("profile", f"save {name} --style flat"))
        problems = [Problem(field="profile", value=name, rule="there is nothing to save", fix=fix)]
    if problems:
        raise OptionError(f"the profile {name} was not saved", problems=tuple(problems))
    _write(session, {**_saved(session), name: given})
    return f"{name} is saved: {_flags_of(given)}\nuse it: %%imagegen --profile {name}"


def delete_profile(session: Session, name: str) -> str:
    """Deletes a saved profile; those of a pyproject.toml are the project's.

    Raises:
        OptionError: none of that name is saved.
    """
    kept = _saved(session)
    find_profile({one: profile for one, profile in list_profiles(session).items() if one in kept}, name)
    _write(session, {one: raw for one, raw in kept.items() if one != name})
    return f"{name} is deleted"


def _last_given(session: Session) -> dict[str, Any]:
    """The options that the newest result was asked for with, but for what belongs to that call alone."""
    record, _ = session.library.history.find("@last")
    names = {option.name for option in OPTIONS} - NOT_IN_PROFILES - {"alt", "n", "reuse"}
    return {name: value for name, value in record.options.items() if name in names}


def _saved(session: Session) -> dict[str, Mapping[str, Any]]:
    return {name: profile.raw for name, profile in list_profiles(session).items() if profile.origin == PROFILES}


def _write(session: Session, profiles: Mapping[str, Mapping[str, Any]]) -> None:
    folder: Path = session.library.store.folder
    folder.mkdir(parents=True, exist_ok=True)
    session.library.store.write_text(folder / PROFILES, save_profiles(profiles))
