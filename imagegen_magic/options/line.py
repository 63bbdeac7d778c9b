"""A magic line or argv read by the option table, every fault collected.

Values that depend on a model (sizes, qualities, ...) are checked later, by `rules.check_request`.
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from imagegen_magic.errors import Command, Fix, OptionError, Problem, PromptPlace, Setting

from .hints import is_foreign, respelled, unknown_option, value_fix
from .paths import expanded, is_file
from .secrets import secret_problems
from .table import BY_NAME, COMMANDS, OPTIONS, Option, option_of_flag
from .values import read_values
from .variables import lift_variables, restore_variables

__all__ = ["ParsedLine", "build_parser", "parse_line", "split_line"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedLine:
    """A magic line or argv, read: the name, the options given, and every fault found on the way."""

    name: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    help: bool = False
    stray: tuple[str, ...] = ()
    """Words that belong to no flag, beside the name."""
    unread: bool = False
    """True if nothing but the fault is known: a flag stood without its value."""


class _Parser(argparse.ArgumentParser):
    """argparse that reports instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        raise _LineFault(message)


class _Once(argparse.Action):
    """Stores a value, and notes another one that was given before it."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        before = getattr(namespace, self.dest)
        if before is not None and before != values:
            namespace.twice = [*(namespace.twice or ()), (self.option_strings[-1], before, values)]
        setattr(namespace, self.dest, values)


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
        problem = Problem(
            field="line", value=line, rule="a quote is opened and never closed", fix=Fix(Setting("--text", "don't"))
        )
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
    if secrets := secret_problems(word.split("=")[0] for word in words if word.startswith("-")):
        return ParsedLine(problems=tuple(secrets), unread=True)  # what follows is the key: nothing of it is repeated
    words, misplaced = _set_aside(_joined_boxes(words), command, extra)
    if variables is not None:
        words, misplaced = _without_end(words, misplaced)
    parser = build_parser(command, positional=positional, extra=extra)
    try:
        found, unknown = parser.parse_known_args(_joined_optional(_spread_grid(words)))
    except _LineFault as fault:
        return ParsedLine(problems=(*misplaced, _argparse_problem(str(fault), command)), unread=True)
    raw = {name: value for name, value in vars(found).items() if value is not None}
    raw = {name: _restored(value, lifted) for name, value in raw.items()}
    asked_help, name, twice = bool(raw.pop("help", False)), raw.pop("name", None), raw.pop("twice", ())
    heads = _heads(unknown)
    problems = [*misplaced, *(_unknown_flag(word, command, extra) for word in heads if word.startswith("-"))]
    if stray := [word for word in heads if not word.startswith("-")]:
        problems.append(_stray_words(stray, words, command, variables or {}))
    if variables is not None:  # a cell; in a shell the last one wins, so that an alias may have its own
        problems += [_given_twice(*map(str, _restored(list(one), lifted))) for one in twice or ()]
    values, faults = read_values(raw, extra=extra)
    return ParsedLine(
        name=None if name is None else str(name),
        values=values,
        problems=(*problems, *faults),
        help=asked_help,
        stray=tuple(stray),
    )


def _without_end(words: list[str], problems: list[Problem]) -> tuple[list[str], list[Problem]]:
    """The words of a cell without `--`, which ends the flags in a shell alone: there a file's name may begin with a dash."""
    if "--" not in words:
        return words, problems
    ended = Problem(field="--", rule="the flags of a cell end with their line", fix="leave it out")
    return [word for word in words if word != "--"], [*problems, ended]


def _given_twice(flag: str, first: str, second: str) -> Problem:
    """The problem of two values for what has one: which was meant can't be known."""
    option = option_of_flag(flag)
    fix = Fix(Setting(flag, first), " or ", Setting(flag, second))
    if option is not None and "batch" in option.commands:
        fix = Fix(fix, "; for both: ", Command("batch", f"--grid {option.name}={first},{second}"))
    return Problem(field=flag, rule="given twice with different values", fix=fix)


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
        if option is not None and option.kind == "optional" and _is_value(option, word):
            out[-1] = f"{out[-1]}={word}"
        else:
            out.append(word)
    return [f"{w}={BY_NAME[w[2:].replace('-', '_')].const}" if _is_bare_optional(w) else w for w in out]


def _is_value(option: Option, word: str) -> bool:
    """Whether a word after a flag that may stand alone is its value."""
    return word in option.choices or bool(option.form and re.fullmatch(option.form, word))


def _is_bare_optional(word: str) -> bool:
    option = BY_NAME.get(word[2:].replace("-", "_")) if word.startswith("--") else None
    return option is not None and option.kind == "optional"


def _heads(unknown: Sequence[str]) -> list[str]:
    """Of the words argparse did not know: the flags, and words that belong to no flag."""
    return [
        word for i, word in enumerate(unknown) if word.startswith("-") or i == 0 or not unknown[i - 1].startswith("-")
    ]


_FIRST_OF = {
    "cutout": ("PICTURE", "a file, @name or @17 of the history, or a variable"),
    "slice": ("SHEET", "a file, @name or @17 of the history, or a variable"),
}
"""The first word of a line and what it is, if it is not a NAME."""


def build_parser(
    command: str, *, positional: bool = True, prog: str = "", extra: Sequence[Option] = ()
) -> argparse.ArgumentParser:
    """An argparse parser of the options of `command`; every value stays text until `read_values`."""
    prog = prog or COMMANDS.get(command, command)
    first, its_help = _FIRST_OF.get(command, ("[NAME]", "binds the result to this name, and names the files"))
    parser = _Parser(
        prog=prog,
        usage=f"%(prog)s {first} [options]" if positional else None,
        add_help=False,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if positional:
        parser.add_argument("name", nargs="?", metavar=first.strip("[]"), help=its_help)
    groups: dict[str, Any] = {}
    for option in (*(option for option in OPTIONS if command in option.commands), *extra):
        group = groups.setdefault(option.group, parser.add_argument_group(option.group))
        _add_option(group, option)
    parser.add_argument("-h", "--help", action="store_true", default=None, help="show this")
    parser.set_defaults(twice=None)
    return parser


def _add_option(group: Any, option: Option) -> None:
    common: dict[str, Any] = {"dest": option.name, "default": None, "help": option.help.replace("%", "%%")}
    if option.kind == "flag":
        action = argparse.BooleanOptionalAction if option.config or option.default else "store_true"
        group.add_argument(*option.flags, action=action, **common)
    elif option.kind in ("list", "key_value", "ints"):
        group.add_argument(*option.flags, action="append", metavar=option.metavar, **common)
    else:
        group.add_argument(*option.flags, action=_Once, metavar=option.metavar or option.name.upper(), **common)
    for flag, value in option.shorthands:
        group.add_argument(
            flag, action="store_const", const=value, dest=option.name, help=f"{option.flags[-1]} {value}"
        )


def _help_of(command: str) -> Fix:
    """What shows a command's flags in a notebook: IPython refuses a cell magic without a body, `%%imagegen --help` too."""
    return Fix(Command(command, "--help"))


def _argparse_problem(message: str, command: str) -> Problem:
    """Argparse's own refusal (a flag without its value) in our form."""
    flag = message.removeprefix("argument ").split(":")[0].split("/")[-1]
    option = option_of_flag(flag)
    if option is None:
        return Problem(field=flag, rule=message.split(": ", 1)[-1], fix=_help_of(command))
    return Problem(field=flag, rule="its value is missing", fix=value_fix(option, ""))


def _unknown_flag(word: str, command: str, extra: Sequence[Option] = ()) -> Problem:
    """A flag that this command does not have, with what was probably meant."""
    head, equals, value = word.partition("=")
    flags = _flags_of(command, extra)
    elsewhere = option_of_flag(head)
    if elsewhere is not None and not is_foreign(head) and (owner := _owner_of(elsewhere)) is not None:
        rule = Fix(Command(command), " does not have it")
        return Problem(field=head, rule=rule, fix=Fix(Command(owner, f"{head} {value}".rstrip())))
    otherwise = Fix(_help_of(command), "; unknown API fields go through ", Setting("--extra", "NAME=VALUE"))
    problem = unknown_option(head, value if equals else None, flags, otherwise)
    return replace(problem, value=None)


def _owner_of(option: Option) -> str | None:
    """The cell that an option belongs to, in place of one that lacks it."""
    return next((command for command in ("edit", "batch", "sprites") if command in option.commands), None)


def _flags_of(command: str, extra: Sequence[Option]) -> list[str]:
    """Every flag of a command."""
    options = (*(option for option in OPTIONS if command in option.commands), *extra)
    return [flag for option in options for flag in (*option.flags, *(flag for flag, _ in option.shorthands))]


def _set_aside(words: Sequence[str], command: str, extra: Sequence[Option]) -> tuple[list[str], list[Problem]]:
    """The words without a comment, other tools' flags and misspelt ones, whose values would become NAME; and their problems."""
    flags = _flags_of(command, extra)
    kept: list[str] = []
    aside: list[tuple[str, str | None]] = []
    problems: list[Problem] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        head, _, value = word.partition("=")
        is_value = bool(kept) and (_takes_value(kept[-1]) or kept[-2:-1] == ["--grid"])
        if is_value:
            kept.append(word)
        elif word.startswith("#"):
            rule, text = "a comment can't stand on a line of flags", " ".join([word, *rest])
            problems.append(Problem(field="comment", value=text, rule=rule, fix="leave it out"))
            break
        elif head not in flags and (is_foreign(head) or option_of_flag(head)):
            has_value = is_foreign(head) or _takes_value(head)
            aside.append((head, value or (_next_value(rest) if has_value else None)))
        elif (meant := respelled(word, flags)) is not None:
            problems.append(_misspelt(word, *meant, rest))
        else:
            kept.append(word)
    return kept, [*_foreign_flags(aside, command, extra), *problems]


def _next_value(rest: list[str]) -> str | None:
    """Takes the word that follows a flag, if it is no flag."""
    return rest.pop(0) if rest and not rest[0].startswith(("-", "#")) else None


def _misspelt(word: str, flag: str, value: str | None, rest: list[str]) -> Problem:
    """The problem of a flag with one dash, a typographic one, a capital letter, or `=` without dashes."""
    if value is None and _takes_value(flag):
        value = _next_value(rest)
    rule = "a flag has two dashes, one before a single letter, and its value after a blank"
    return Problem(field=word, rule=rule, fix=Fix(Setting(flag, value or "")))


def _foreign_flags(aside: Sequence[tuple[str, str | None]], command: str, extra: Sequence[Option]) -> list[Problem]:
    """The problems of other tools' flags; a width and a height are one size."""
    sides = {head.lstrip("-").lower()[0]: (head, value) for head, value in aside if head.lstrip("-").lower() in _SIDES}
    problems = [
        _unknown_flag(head if value is None else f"{head}={value}", command, extra)
        for head, value in aside
        if len(sides) < 2 or (head, value) not in sides.values()
    ]
    if len(sides) < 2:
        return problems
    (wide, width), (high, height) = sides["w"], sides["h"]
    size = Fix(Setting("--size", f"{width}x{height}"))
    return [Problem(field=f"{wide} {high}", rule="names of other tools", fix=size), *problems]


_SIDES = ("w", "h", "width", "height")


def _takes_value(word: str) -> bool:
    """True for a flag that the next word belongs to."""
    option = option_of_flag(word)
    return option is not None and option.kind not in ("flag", "optional")


def _stray_words(stray: Sequence[str], words: Sequence[str], command: str, variables: Mapping[str, object]) -> Problem:
    """Words that belong to no flag and are not NAME: a value without quotes, a table, an image, or the prompt."""
    rule = "at most one NAME; the prompt goes below the line, and a value with spaces needs quotes"
    before = list(words[: words.index(stray[0])])[-2:]
    flag = option_of_flag(before[0]) if len(before) == 2 else None
    there = stray[0] in variables or is_file(expanded(stray[0]))
    if flag is not None and flag.kind in ("text", "list") and not (flag.choices or flag.suggests):
        fix = Fix(Setting(before[0], " ".join([before[1], *stray])))
    elif there and command in _INPUTS:
        fix = Fix(Setting(_INPUTS[command], stray[0]))
    else:
        fix = Fix(PromptPlace())
    return Problem(field="line", value=" ".join(stray), rule=rule, fix=fix)


_INPUTS = {"batch": "--from", "edit": "-i"}
"""The flag that a command's variable or file stands after."""
_BOX_NUMBER = re.compile(r"[\d.]+%?,?")


def _joined_boxes(words: Sequence[str]) -> list[str]:
    """`--mask-box 0 0 50% 50%` with its four numbers as one word, and a box that begins with a minus as this flag's value."""
    out: list[str] = []
    rest = list(words)
    while rest:
        four = rest[:4]
        if out and out[-1] == "--mask-box" and len(four) == 4 and all(map(_BOX_NUMBER.fullmatch, four)):
            out.append(",".join(number.rstrip(",") for number in four))
            del rest[:4]
        elif out and out[-1] == "--mask-box" and re.match(r"-[\d.]", rest[0]):
            out[-1] += f"={rest.pop(0)}"
        else:
            out.append(rest.pop(0))
    return out
