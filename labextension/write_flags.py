"""Writes `static/flags.json`: the flags of each cell magic, and the hints for others. `make flags` runs it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imagegen_magic.errors import CELL_WORDS
from imagegen_magic.facts.sizes import PRESETS
from imagegen_magic.facts.words import foreign_flags
from imagegen_magic.options.hints import NO_SUCH_OPTION
from imagegen_magic.options.line import parse_line
from imagegen_magic.options.table import COMMANDS as CELLS
from imagegen_magic.options.table import OPTIONS, Option

__all__ = ["TARGET", "flags", "hints"]

COMMANDS = {command: CELLS[command] for command in ("generate", "edit", "batch", "sprites")}
TARGET = Path(__file__).with_name("static") / "flags.json"


def flags() -> dict[str, dict[str, dict[str, str]]]:
    """Command to flag to its facts: `help`, and `metavar` if the next word is its value."""
    return {command: _flags_of(command) for command in COMMANDS}


def hints() -> dict[str, dict[str, str]]:
    """For a bare name that is no flag of a command, but of other cells, other tools, or an option's value: the card's words, by command.

    What all commands say stands once, below "every"; a flag that there is comes before its hint.
    """
    others = {flag.lstrip("-") for option in OPTIONS for flag in option.flags}
    values = {*PRESETS, *(value for option in OPTIONS for value in option.choices)}
    names = sorted({*foreign_flags(), *others, *values})
    found = {command: {name: _hint_for(name, command) for name in names} for command in COMMANDS}
    return {command: {name: text for name, text in its.items() if text} for command, its in found.items()}


def _hint_for(name: str, command: str) -> str:
    """What the card says of a flag; empty for one that there is, and for one of which nothing is known."""
    flag = f"-{name}" if len(name) == 1 else f"--{name}"
    if flag in _flags_of(command):
        return ""
    problems = [problem for problem in parse_line([flag], command).problems if problem.rule != NO_SUCH_OPTION]
    return CELL_WORDS.render(f"{problems[0].rule}: {problems[0].fix}") if problems else ""


def _flags_of(command: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for option in OPTIONS:
        if command in option.commands:
            found |= _spellings(option)
    return {**found, "-h": {"help": "show this"}, "--help": {"help": "show this"}}


def _spellings(option: Option) -> dict[str, dict[str, str]]:
    """Every way to write the option, as the line's parser knows them."""
    alone = option.kind in ("flag", "optional")
    facts = {"help": option.help} if alone else {"help": option.help, "metavar": option.metavar}
    found = dict.fromkeys(option.flags, facts)
    if option.kind == "flag" and (option.config or option.default):
        found |= {f"--no-{flag[2:]}": {"help": f"not: {option.help}"} for flag in option.flags if flag.startswith("--")}
    return found | {flag: {"help": f"{option.flags[-1]} {value}"} for flag, value in option.shorthands}


def text() -> str:
    """The file's text: each flag and each hint once, on a line of its own, so that a change reads well. `prose.js` unfolds it."""
    return f'{{\n  "flags": {_rows(_once(flags()))},\n  "hints": {_rows(_once(hints()))}\n}}\n'


def _once(by_command: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Name to its facts by cell: below `every` if all cells that have it say the same, but for their own name, `{cell}`."""
    found: dict[str, dict[str, Any]] = {}
    for command, its in by_command.items():
        for name, facts in its.items():
            general = facts.replace(f"{COMMANDS[command]} ", "{cell} ") if isinstance(facts, str) else facts
            found.setdefault(name, {})[command] = general
    return {name: _folded(its) for name, its in found.items()}


def _folded(its: dict[str, Any]) -> dict[str, Any]:
    first = next(iter(its.values()))
    if any(facts != first for facts in its.values()):
        return its
    return {"every": first} if len(its) == len(COMMANDS) else {"every": first, "only": list(its)}


def _rows(facts: Mapping[str, object]) -> str:
    rows = (f"    {json.dumps(name)}: {json.dumps(its, ensure_ascii=False)}" for name, its in sorted(facts.items()))
    return "{\n" + ",\n".join(rows) + "\n  }"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
