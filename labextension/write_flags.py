"""Writes `static/flags.json`: the flags of each cell magic, from the option table. `make flags` runs it."""

from __future__ import annotations

import json
from pathlib import Path

from imagegen_magic.options.table import OPTIONS, Option

__all__ = ["TARGET", "flags"]

TARGET = Path(__file__).with_name("static") / "flags.json"


def flags() -> dict[str, dict[str, dict[str, str]]]:
    """Command to flag to its facts: `help`, and `metavar` if the next word is its value."""
    return {command: _flags_of(command) for command in ("generate", "edit", "batch", "sprites")}


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
    """The file's text: one line a flag, so that a change reads well."""
    commands = []
    for command, its in flags().items():
        rows = ",\n".join(
            f"    {json.dumps(flag)}: {json.dumps(facts, ensure_ascii=False)}" for flag, facts in its.items()
        )
        commands.append(f"  {json.dumps(command)}: {{\n{rows}\n  }}")
    return "{\n" + ",\n".join(commands) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
