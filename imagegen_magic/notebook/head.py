"""The head of a cell: its first line, the lines that go on with flags, and what looks like flags further down."""

from __future__ import annotations

import re
from collections.abc import Mapping

from imagegen_magic.errors import Fix, Problem, Setting
from imagegen_magic.options.hints import is_foreign, unknown_option
from imagegen_magic.options.words import option_of

__all__ = ["join_head", "lift_source", "stray_flags", "with_body"]

_FLAG_LINE = re.compile(r"\s*--?[A-Za-z]")
_DASH_LINE = re.compile(r"\s*[\u2012-\u2015\u2212]{1,2}(?P<name>[A-Za-z][\w-]*)")
"""A line that begins with a dash of a word processor: speech, or a flag."""
_FLAG_WORD = re.compile(
    r"(?:^[ \t]*(?P<head>--?[A-Za-z][\w-]*)|(?<=\s)(?P<flag>--[A-Za-z][\w-]*))(?:[= ](?!-)(?P<value>\S+))?",
    re.MULTILINE,
)
_BARE_CELL = re.compile(r"\s*%%imagegen(_edit|_batch|_sprites)?\b")


def join_head(line: str, body: str) -> tuple[str, str]:
    r"""(line, body): a line that ends in a backslash goes on below; so do lines that begin with a flag, unless `--raw` is given.

    >>> join_head("hero \\", "--size square\n-q low\nA mug.")
    ('hero --size square -q low', 'A mug.')
    """
    rest = body.splitlines(keepends=True)
    while rest:
        goes_on = line.rstrip().endswith("\\")
        if not goes_on and ("--raw" in line.split() or not _is_flag_line(rest[0])):
            break
        line = f"{line.rstrip().removesuffix(chr(92)).rstrip()} {rest.pop(0).strip()}".strip()
    return line, "".join(rest)


def _is_flag_line(line: str) -> bool:
    """True for a line that begins with a flag; behind a typographic dash only one that there is: else it is speech."""
    if _FLAG_LINE.match(line):
        return True
    dash = _DASH_LINE.match(line)
    return dash is not None and _is_known(f"{'-' if len(dash['name']) == 1 else '--'}{dash['name']}")


def _is_known(flag: str) -> bool:
    """True for a flag of ours, and for one of another image tool."""
    return option_of(Setting(flag)) is not None or is_foreign(flag)


_SOURCE = re.compile(
    r"(?<=--from[ =])\s*(?P<expression>(?P<name>[A-Za-z_]\w*)(?:\.\w+|\[(?:[^\[\]]|\[[^\[\]]*\])*\])+)(?=\s|$)"
)


def lift_source(line: str, variables: Mapping[str, object]) -> str:
    """The line with an expression after `--from` in double braces, if it begins with the name of a variable.

    >>> lift_source('icons --from df["prompt"] -q low', {"df": []})
    'icons --from {{ df["prompt"] }} -q low'
    """
    match = _SOURCE.search(line)
    if match is None or match["name"] not in variables:
        return line
    return f"{line[: match.start()]}{{{{ {match['expression']} }}}}{line[match.end() :]}"


def stray_flags(body: str) -> list[Problem]:
    """Flags in a prompt, at the head of a line or behind its words, as other tools have them: they would be paid for as text."""
    found = {match["head"] or match["flag"]: match["value"] for match in _FLAG_WORD.finditer(body)}
    return [_stray_flag(flag, value) for flag, value in found.items() if _is_known(flag)]


def _stray_flag(flag: str, value: str | None) -> Problem:
    """The problem of a flag that stands in a prompt; one of another tool with what does the same here."""
    as_text = Fix("; ", Setting("--raw"), " sends it as prompt text")
    if option_of(Setting(flag)) is not None:
        return Problem(field=flag, rule="the prompt holds a flag", fix=Fix("put it above the prompt", as_text))
    other = unknown_option(flag, value, [], "leave it out")
    where = "" if other.fix == "leave it out" else " above the prompt"
    return Problem(field=flag, rule="the prompt holds a flag of another tool", fix=Fix(other.fix, where, as_text))


def with_body(lines: list[str]) -> list[str]:
    """The lines of a cell, one more for a cell magic that stands alone: IPython refuses it without, `--help` too."""
    alone = len(lines) == 1 or not "".join(lines[1:]).strip()
    if not lines or not alone or not _BARE_CELL.match(lines[0]):
        return lines
    return [lines[0].rstrip("\n") + "\n", "\n"]
