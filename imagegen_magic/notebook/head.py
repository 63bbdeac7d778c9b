"""The head of a cell: its first line, the lines that go on with flags, and what looks like flags further down."""

from __future__ import annotations

import re
from collections.abc import Mapping

from imagegen_magic.errors import Fix, Problem, Setting
from imagegen_magic.options.words import option_of

__all__ = ["join_head", "lift_source", "stray_flags", "with_body"]

_FLAG_LINE = re.compile(r"\s*--?[A-Za-z]")
_BARE_CELL = re.compile(r"\s*%%imagegen(_edit|_batch|_sprites)?\b")


def join_head(line: str, body: str) -> tuple[str, str]:
    r"""(line, body): a line that ends in a backslash goes on below; so do lines that begin with a flag, unless `--raw` is given.

    >>> join_head("hero \\", "--size square\n-q low\nA mug.")
    ('hero --size square -q low', 'A mug.')
    """
    rest = body.splitlines(keepends=True)
    while rest:
        goes_on = line.rstrip().endswith("\\")
        if not goes_on and ("--raw" in line.split() or not _FLAG_LINE.match(rest[0])):
            break
        line = f"{line.rstrip().removesuffix(chr(92)).rstrip()} {rest.pop(0).strip()}".strip()
    return line, "".join(rest)


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
    """Lines of a prompt that begin with one of the flags: they would be paid for as prompt text."""
    heads = [line.split()[0].split("=")[0] for line in body.splitlines() if _FLAG_LINE.match(line)]
    rule = "this line of the prompt begins with a flag"
    fix = Fix("put it above the prompt; ", Setting("--raw"), " sends it as prompt text")
    return [
        Problem(field=flag, rule=rule, fix=fix) for flag in dict.fromkeys(heads) if option_of(Setting(flag)) is not None
    ]


def with_body(lines: list[str]) -> list[str]:
    """The lines of a cell, one more for a cell magic that stands alone: IPython refuses it without, `--help` too."""
    alone = len(lines) == 1 or not "".join(lines[1:]).strip()
    if not lines or not alone or not _BARE_CELL.match(lines[0]):
        return lines
    return [lines[0].rstrip("\n") + "\n", "\n"]
