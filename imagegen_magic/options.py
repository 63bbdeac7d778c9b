"""The one table of options, for cells, Python calls, the panel and the command line.

A value comes from the first of: the line itself, the session (`%config ImagegenMagics`), the environment
(`IMAGEGEN_*`), `[tool.imagegen_magic]` of the nearest pyproject.toml, the table's default.
Values that depend on a model (sizes, qualities, ...) are checked later, by `request.check_request`.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from .errors import OptionError, Problem
from .option_table import COMMANDS, OPTIONS, Option
from .prompt import lift_variables, restore_variables

__all__ = [
    "OPTIONS",
    "Option",
    "Options",
    "ParsedLine",
    "build_parser",
    "config_options",
    "parse_line",
    "read_values",
    "resolve",
]

ENV_PREFIX = "IMAGEGEN_"
BY_NAME: dict[str, Option] = {option.name: option for option in OPTIONS}


@dataclass(frozen=True, slots=True)
class Options(Mapping[str, Any]):
    """Every option's value after all layers; `origins` says for each where it came from."""

    values_: Mapping[str, Any]
    origins: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.values_[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)

    def given(self) -> dict[str, Any]:
        """Only what the line or call itself gave."""
        return {name: value for name, value in self.values_.items() if self.origins.get(name) == "line"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedLine:
    """A magic line or argv, read: the name, the options given, and every fault found on the way."""

    name: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    help: bool = False
    unread: bool = False
    """True where nothing but the fault is known: a flag stood without its value."""


class _Parser(argparse.ArgumentParser):
    """argparse that reports instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        raise _LineFault(message)


class _LineFault(Exception):  # noqa: N818 - never leaves this module
    pass


def split_line(line: str) -> list[str]:
    """The words of a magic line: quotes group and are removed, backslashes and # are ordinary characters.

    Raises:
        OptionError: a quote is never closed.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    try:
        return list(lexer)
    except ValueError as error:
        problem = Problem(field="line", value=line, rule="a quote is opened and never closed", fix='--text "don\'t"')
        raise OptionError("the line could not be read", problems=(problem,)) from error


def parse_line(
    line: str | Sequence[str],
    command: str,
    *,
    positional: bool = True,
    variables: Mapping[str, object] | None = None,
    extra: Sequence[Option] = (),
) -> ParsedLine:
    """The options of one line (or argv) for `command`; faults are collected, not raised.

    `extra` are options that only the calling surface has. With `variables`, every `{{ expr }}` of a line stands for its value there, objects included.

    Raises:
        OptionError: a quote is never closed, or a `{{ expr }}` fails.
    """
    lifted: tuple[object, ...] = ()
    if isinstance(line, str) and variables is not None:
        line, lifted = lift_variables(line, variables)
    words = split_line(line) if isinstance(line, str) else list(line)
    parser = build_parser(command, positional=positional, extra=extra)
    try:
        found, unknown = parser.parse_known_args(_joined_optional(_spread_grid(words)))
    except _LineFault as fault:
        return ParsedLine(problems=(_argparse_problem(str(fault), command),), unread=True)
    raw = {name: value for name, value in vars(found).items() if value is not None}
    raw = {name: _restored(value, lifted) for name, value in raw.items()}
    asked_help, name = bool(raw.pop("help", False)), raw.pop("name", None)
    problems = [_unknown_flag(word, command, extra) for word in _heads(unknown)]
    values, faults = read_values(raw, extra=extra)
    return ParsedLine(name=name, values=values, problems=(*problems, *faults), help=asked_help)


def _restored(value: Any, lifted: tuple[object, ...]) -> Any:
    """A parsed value with the marks of its `{{ expr }}` replaced."""
    if isinstance(value, list):
        return [_restored(item, lifted) for item in value]
    return restore_variables(value, lifted) if isinstance(value, str) and lifted else value


def _spread_grid(words: Sequence[str]) -> list[str]:
    """`--grid A=1,2 B=3,4` as two flags: what is shaped NAME=… after a grid's part is another part."""
    out: list[str] = []
    for word in words:
        follows = len(out) > 1 and out[-2] == "--grid" and re.match(r"[A-Za-z][\w-]*=", word)
        out += ["--grid", word] if follows else [word]
    return out


def _joined_optional(words: Sequence[str]) -> list[str]:
    """`--transparent native` as one word, so that a bare `--transparent` never swallows the cell's NAME."""
    out: list[str] = []
    for word in words:
        option = BY_NAME.get(out[-1][2:].replace("-", "_")) if out and out[-1].startswith("--") else None
        if option is not None and option.kind == "optional" and word in option.choices:
            out[-1] = f"{out[-1]}={word}"
        else:
            out.append(word)
    return [f"{w}={BY_NAME[w[2:].replace('-', '_')].const}" if _is_bare_optional(w) else w for w in out]


def _is_bare_optional(word: str) -> bool:
    option = BY_NAME.get(word[2:].replace("-", "_")) if word.startswith("--") else None
    return option is not None and option.kind == "optional"


def _heads(unknown: Sequence[str]) -> list[str]:
    """Of the words argparse did not know: the flags, and words that belong to no flag."""
    return [
        word for i, word in enumerate(unknown) if word.startswith("-") or i == 0 or not unknown[i - 1].startswith("-")
    ]


def build_parser(
    command: str, *, positional: bool = True, prog: str = "", extra: Sequence[Option] = ()
) -> argparse.ArgumentParser:
    """An argparse parser of the options of `command`; every value stays text until `read_values`."""
    prog = prog or COMMANDS.get(command, command)
    parser = _Parser(
        prog=prog, add_help=False, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if positional:
        parser.add_argument(
            "name", nargs="?", metavar="NAME", help="binds the result to this name, and names the files"
        )
    groups: dict[str, Any] = {}
    for option in (*(option for option in OPTIONS if command in option.commands), *extra):
        group = groups.setdefault(option.group, parser.add_argument_group(option.group))
        _add_option(group, option)
    parser.add_argument("-h", "--help", action="store_true", default=None, help="show this")
    return parser


def _add_option(group: Any, option: Option) -> None:
    common: dict[str, Any] = {"dest": option.name, "default": None, "help": option.help.replace("%", "%%")}
    if option.kind == "switch":
        action = argparse.BooleanOptionalAction if option.config or option.default else "store_true"
        group.add_argument(*option.flags, action=action, **common)
    elif option.kind in ("list", "pairs", "wholes"):
        group.add_argument(*option.flags, action="append", metavar=option.metavar, **common)
    else:
        group.add_argument(*option.flags, metavar=option.metavar or option.name.upper(), **common)
    for flag, value in option.shorthands:
        group.add_argument(
            flag, action="store_const", const=value, dest=option.name, help=f"{option.flags[-1]} {value}"
        )


def _argparse_problem(message: str, command: str) -> Problem:
    """Argparse's own refusal (a flag without its value) in our form."""
    flag = message.removeprefix("argument ").split(":")[0].split("/")[-1]
    return Problem(field=flag, rule=message.split(": ", 1)[-1], fix=f"{COMMANDS.get(command, command)} --help")


def _unknown_flag(word: str, command: str, extra: Sequence[Option] = ()) -> Problem:
    options = (*(option for option in OPTIONS if command in option.commands), *extra)
    flags = [flag for option in options for flag in (*option.flags, *(flag for flag, _ in option.shorthands))]
    if not word.startswith("-"):
        return Problem(
            field="line", value=word, rule="one NAME at most; quote values with spaces", fix=f'--style "{word} …"'
        )
    near = difflib.get_close_matches(word.split("=", maxsplit=1)[0], flags, n=2, cutoff=0.6)
    fix = (
        f"did you mean {' or '.join(near)}?" if near else "see --help; unknown API fields go through --extra NAME=VALUE"
    )
    return Problem(field=word.split("=", maxsplit=1)[0], rule="no such option", fix=fix)


def read_values(
    raw: Mapping[str, Any], *, where: str = "", extra: Sequence[Option] = ()
) -> tuple[dict[str, Any], list[Problem]]:
    """Typed values from texts or Python values, by the table and a surface's `extra` options, and every fault found."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    table = BY_NAME | {option.name: option for option in extra}
    for name, given in raw.items():
        option = table.get(name)
        if option is None:
            near = difflib.get_close_matches(name, BY_NAME, n=2)
            fix = f"did you mean {' or '.join(near)}?" if near else "unknown API fields go through extra={...}"
            problems.append(Problem(field=name, value=given, rule="no such option", fix=fix, where=where))
        elif given is not None:
            try:
                values[name] = _READERS[option.kind](option, given)
            except ValueError as fault:
                problems.append(Problem(field=name, value=given, rule=str(fault), fix=_fix(option), where=where))
    return values, problems


def _fix(option: Option) -> str:
    """The line to type instead, by the option's kind."""
    example = str(option.default) if option.between and option.default is not None else ""
    values = "|".join(option.choices) or example or option.metavar or option.name.upper()
    return f"{option.flags[-1]} {values}" if option.kind != "switch" else option.flags[-1]


def _read_text(option: Option, given: Any) -> str:
    text = given if isinstance(given, str) else str(given)
    if option.choices and text not in option.choices:
        near = difflib.get_close_matches(text, option.choices, n=1)
        raise ValueError(f"one of {', '.join(option.choices)}" + (f" (did you mean {near[0]}?)" if near else ""))
    return text


def _read_whole(option: Option, given: Any) -> int:
    if isinstance(given, bool) or (isinstance(given, float) and not given.is_integer()):
        raise ValueError("a whole number is needed")
    try:
        number = int(given)
    except (TypeError, ValueError):
        raise ValueError("a whole number is needed") from None
    if option.between is not None and not option.between[0] <= number <= option.between[1]:
        raise ValueError(f"from {option.between[0]} to {option.between[1]}")
    return number


def _read_number(option: Option, given: Any) -> float:
    try:
        number = float(given)
    except (TypeError, ValueError):
        raise ValueError("a number is needed") from None
    if not number >= 0 or number == float("inf"):
        raise ValueError("a number of at least 0 is needed")
    return number


def _read_money(option: Option, given: Any) -> Decimal:
    try:
        amount = Decimal(str(given).removeprefix("$"))
    except InvalidOperation:
        raise ValueError("an amount in USD is needed, for example 0.50") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError("an amount of at least 0 USD is needed")
    return amount


def _read_switch(option: Option, given: Any) -> bool:
    if isinstance(given, bool):
        return given
    word = str(given).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError("true or false")


def _read_optional(option: Option, given: Any) -> str | None:
    """A flag that may stand alone: True means its bare value, False means off."""
    if given is True:
        return str(option.const)
    return None if given is False else _read_text(option, given)


def _read_list(option: Option, given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, (list, tuple)) else (given,)


def _read_wholes(option: Option, given: Any) -> tuple[int, ...]:
    return tuple(_read_whole(option, item) for item in _read_list(option, given))


def _read_pairs(option: Option, given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping):
        return dict(given)
    pairs = [str(item).partition("=") for item in _read_list(option, given)]
    if any(not equals or not key for key, equals, _ in pairs):
        raise ValueError("NAME=VALUE is needed")
    return {key: _json_or_text(value) for key, _, value in pairs}


def _json_or_text(text: str) -> Any:
    """Numbers, true, false, null and JSON structures as such; anything else as text."""
    import json  # noqa: PLC0415 - only for --extra

    try:
        return json.loads(text)
    except ValueError:
        return text


_READERS: dict[str, Any] = {
    "text": _read_text,
    "whole": _read_whole,
    "number": _read_number,
    "money": _read_money,
    "switch": _read_switch,
    "optional": _read_optional,
    "list": _read_list,
    "wholes": _read_wholes,
    "pairs": _read_pairs,
    "any": lambda option, given: given,
}


def config_options() -> list[Option]:
    """The options that may be set as a default."""
    return [option for option in OPTIONS if option.config]


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
    values: dict[str, Any] = {option.name: option.default for option in OPTIONS}
    origins: dict[str, str] = dict.fromkeys(values, "default")
    file_path, file_values = find_project_config(folder or Path.cwd())
    layers: list[tuple[str, Mapping[str, Any]]] = [
        (f"{file_path.name} [tool.imagegen_magic]" if file_path else "", file_values),
        ("environment", _environment(os.environ if environ is None else environ)),
        ("session", dict(session or {})),
    ]
    problems: list[Problem] = []
    for origin, raw in layers:
        known = {name: value for name, value in raw.items() if name not in BY_NAME or BY_NAME[name].config}
        problems += [
            Problem(field=name, where=origin, rule="can't be set as a default", fix="give it on the line")
            for name in raw.keys() - known.keys()
        ]
        read, faults = read_values(known, where=origin)
        problems += faults
        values.update(read)
        origins.update(
            {name: f"environment {ENV_PREFIX}{name.upper()}" if origin == "environment" else origin for name in read}
        )
    if problems:
        raise OptionError("a default could not be read", problems=tuple(problems))
    values.update(line)
    origins.update(dict.fromkeys(line, "line"))
    return Options(values, origins)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The `IMAGEGEN_*` variables that are options' defaults; other names with that prefix are not ours."""
    names = {ENV_PREFIX + option.name.upper(): option.name for option in config_options()}
    return {names[key]: value for key, value in environ.items() if key in names and value != ""}


@cache
def _own_table(path: Path, modified: int) -> dict[str, Any] | None:
    """`[tool.imagegen_magic]` of a pyproject.toml as of that moment (ns): a batch asks for every job."""
    import tomllib  # noqa: PLC0415 - loading the extension stays light

    table: dict[str, Any] | None = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("imagegen_magic")
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
            raise OptionError(f"{path.name} can't be read: {error}") from error
        if table is not None:
            return path, {name.replace("-", "_"): value for name, value in table.items()}
    return None, {}
