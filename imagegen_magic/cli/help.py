"""Help pages, made from the tables: one screen with examples first, or every option explained."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from imagegen_magic.options.table import OPTIONS, Option

from .table import Command, options_of

__all__ = ["full_page", "short_page"]

WIDTH = 80
NEGATABLE = frozenset(o.name for o in OPTIONS if o.kind == "flag" and (o.config or o.default))
"""Switches with a --no- form."""
COLUMN = 28
RARE = frozenset({
    "augment", "show_prompt", "template", "web_suffix",
    "complexity", "safety_identifier", "frame_count", "frame_duration_ms", "svg_model", "svg_effort", "extra",
    "expect", "best_of", "until", "dialect", "models_file", "timeout", "deadline", "retries", "retry_ambiguous", "confirm_above", "yes", "alt",
    "mask_invert", "colors", "ico", "icns", "favicon", "mark", "embed_prompt", "sign", "sign_certificate", "sign_key",
    "replay", "replay_from", "help_all",
})  # fmt: skip
"""What a screen has no room for; `--help-all` has it."""


def short_page(command: Command) -> str:
    """At most 24 lines of 80 columns: what it does, examples, the main options, the names of all others."""
    options = {option.name: option for option in options_of(command)}
    main = [options[name] for name in command.main] or list(options.values())
    rest = [option for option in options.values() if option not in main and option.name not in RARE]
    lines = [f"imagegen {command.name}: {command.summary}", ""]
    lines += [f"  {example}" for example in command.examples]
    rows = [_row(option) for option in main if option.name != "help_all"]
    lines += ["", *rows] if rows else []
    if rest:
        names = ", ".join(option.flags[-1][2:] for option in rest)
        lines += textwrap.wrap(f"also: {names}", WIDTH, subsequent_indent="      ", break_on_hyphens=False)
    if command.main:
        lines.append("--help-all explains these and the rarer ones.")
    return "\n".join(lines) + "\n"


def _row(option: Option) -> str:
    text = f"  {_flags(option):{COLUMN}}{option.help}"
    return text if len(text) <= WIDTH else text[: WIDTH - 1].rsplit(" ", 1)[0].rstrip(",;:") + " …"


def _flags(option: Option) -> str:
    """The flags of a help line: the short form and the first long one, with the value's name."""
    short = [flag for flag in option.flags if not flag.startswith("--")]
    long = [flag for flag in option.flags if flag.startswith("--")]
    value = "" if option.kind == "flag" else f" {option.metavar or option.name.upper()}"
    names = ", ".join([*short, *(flag for flag, _ in option.shorthands), long[-1]])
    shown = f"{names}{value}"
    return shown if len(shown) < COLUMN else names


def full_page(command: Command) -> str:
    """Every option with all its flags, its values, its default and its text, group by group."""
    lines = [f"imagegen {command.name}: {command.summary}", "", *(f"  {example}" for example in command.examples)]
    place = f" [{command.positional}]" if command.positional else ""
    lines += ["", f"usage: imagegen {command.name}{place} [options]"]
    for group in dict.fromkeys(option.group for option in options_of(command)):
        members = [option for option in options_of(command) if option.group == group and option.name != "help_all"]
        lines += ["", group, *(line for option in members for line in _entry(option))] if members else []
    return "\n".join(lines) + "\n"


def _entry(option: Option) -> Iterable[str]:
    value = "" if option.kind == "flag" else f" {option.metavar or option.name.upper()}"
    flags = [*option.flags, *(flag for flag, _ in option.shorthands)]
    if option.kind == "flag" and option.name in NEGATABLE:
        flags.append("--no-" + option.flags[-1][2:])
    stands_for = "".join(f"; {flag} is {option.flags[-1]} {word}" for flag, word in option.shorthands)
    default = "" if option.default in (None, False, True) else f"; default {option.default}"
    yield f"  {', '.join(flags)}{value}"
    yield from textwrap.wrap(
        option.help + stands_for + default, WIDTH - 6, initial_indent=" " * 6, subsequent_indent=" " * 6
    )
