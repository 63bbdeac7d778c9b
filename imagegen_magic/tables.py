"""Tables that show themselves: aligned text everywhere, HTML where a notebook shows it."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from .errors import CELL_WORDS, Words

__all__ = ["PLAIN_CLASS", "Table"]

PLAIN_CLASS = "tex2jax_ignore mathjax_ignore"
"""Classes that keep MathJax 2 and 3 from setting what stands between two dollar signs, such as a price range, as a formula."""

_CELL = "padding:3px 14px 3px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--jp-border-color2,#ddd)"
MAX_LINE = 128
"""Characters of a text table's line, if its columns can give way."""
LEAST_WIDTH, LEAST_FIRST = 12, 32
UNBROKEN, SHORT = 14, 24
"""Characters of a cell that is never broken, and of one never broken inside a word: the longer ones give way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under column names, with a title above and notes below."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""
    notes: Sequence[str] = ()
    breaking: bool = False
    """Long texts are broken anywhere where room is scarce, and short ones never: for texts that anybody may have written."""

    def __str__(self) -> str:
        return self.text(CELL_WORDS)

    def text(self, words: Words) -> str:
        """The table as text, its cells and notes in a surface's words."""
        texts = [[_plain(words.render(cell) if isinstance(cell, str) else cell) for cell in row] for row in self.rows]
        wanted = [max(_width(line[i]) for line in [list(self.columns), *texts]) for i in range(len(self.columns))]
        names = [len(name) for name in self.columns]
        widths = _fitted(wanted, [min(wanted[0], LEAST_FIRST), *names[1:]] if names else [])
        lines = [self.title] if self.title else []
        lines += (
            [_line(self.columns, widths), _line(["-" * width for width in widths], widths)] if any(self.columns) else []
        )
        lines += [line for row in texts for line in _wrapped(row, widths)]
        return "\n".join([*lines, *map(words.render, self.notes)])

    __repr__ = __str__

    def to_html(self) -> str:
        """The table as HTML; every text is escaped, and no style sheet or script is needed."""
        head = "".join(f'<th scope="col" style="{_CELL}">{escape(str(name))}</th>' for name in self.columns)
        body = "".join(
            "<tr>"
            + "".join(
                f'<td style="{_CELL}{_breaking(cell) if self.breaking else ""}">{_markup(cell)}</td>' for cell in row
            )
            + "</tr>"
            for row in self.rows
        )
        title = (
            f'<caption style="text-align:left;font-weight:600;padding:4px 0">{escape(self.title)}</caption>'
            if self.title
            else ""
        )
        notes = "".join(f'<div style="color:var(--jp-ui-font-color2,#666)">{escape(note)}</div>' for note in self.notes)
        thead = f"<thead><tr>{head}</tr></thead>" if any(self.columns) else ""
        table = f'<table style="border-collapse:collapse;margin:0">{title}{thead}<tbody>{body}</tbody></table>'
        return f'<div class="{PLAIN_CLASS}">{table}{notes}</div>'

    def to_records(self) -> list[dict[str, Any]]:
        """One dict a row, by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Mapping[str, str]:
        return {"text/plain": str(self), "text/html": self.to_html()}


def _breaking(cell: object) -> str:
    length = len(_plain(cell))
    return ";white-space:nowrap" if length <= UNBROKEN else ";overflow-wrap:anywhere" if length > SHORT else ""


def _markup(cell: object) -> str:
    return escape(_plain(cell)).replace("\n", "<br>")


def _plain(cell: object) -> str:
    return "" if cell is None else ", ".join(map(str, cell)) if isinstance(cell, (tuple, list)) else str(cell)


def _fitted(widths: Sequence[int], least: Sequence[int]) -> list[int]:
    """Widths that fill at most `MAX_LINE` characters: the widest columns give way first, none below its name."""
    fitted = list(widths)
    while sum(fitted) + 2 * len(fitted) > MAX_LINE:
        room = [width if width > max(small, LEAST_WIDTH) else 0 for width, small in zip(fitted, least, strict=True)]
        if not any(room):
            break
        fitted[room.index(max(room))] -= 1
    return fitted


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """A row as lines: what is wider than its column goes on below."""
    parts = [_lines(text, max(width, 1)) for text, width in zip(row, widths, strict=True)]
    return [_line([cell or "" for cell in cells], widths) for cells in itertools.zip_longest(*parts)]


def _width(text: str) -> int:
    return max(map(len, text.split("\n")))


def _lines(text: str, width: int) -> list[str]:
    """The lines of a text, none longer than `width`."""
    return [part for line in text.split("\n") for part in textwrap.wrap(line, width) or [""]]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
