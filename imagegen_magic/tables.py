"""Tables that show themselves: aligned text everywhere, HTML where a notebook shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["Table"]

_CELL = "padding:3px 14px 3px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--jp-border-color2,#ddd)"
MAX_TEXT = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under column names, with a title above and notes below."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        texts = [[_short(cell) for cell in row] for row in self.rows]
        widths = [max(len(line[i]) for line in [list(self.columns), *texts]) for i in range(len(self.columns))]
        lines = [self.title] if self.title else []
        lines += (
            [_line(self.columns, widths), _line(["-" * width for width in widths], widths)] if any(self.columns) else []
        )
        lines += [_line(row, widths) for row in texts]
        return "\n".join([*lines, *self.notes])

    __repr__ = __str__

    def to_html(self) -> str:
        """The table as HTML; every text is escaped, and no style sheet or script is needed."""
        head = "".join(f'<th scope="col" style="{_CELL}">{escape(str(name))}</th>' for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f'<td style="{_CELL}">{escape(_plain(cell))}</td>' for cell in row) + "</tr>"
            for row in self.rows
        )
        title = (
            f'<caption style="text-align:left;font-weight:600;padding:4px 0">{escape(self.title)}</caption>'
            if self.title
            else ""
        )
        notes = "".join(f'<div style="color:var(--jp-ui-font-color2,#666)">{escape(note)}</div>' for note in self.notes)
        thead = f"<thead><tr>{head}</tr></thead>" if any(self.columns) else ""
        return f'<table style="border-collapse:collapse;margin:0">{title}{thead}<tbody>{body}</tbody></table>{notes}'

    def to_records(self) -> list[dict[str, Any]]:
        """One dict a row, by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Mapping[str, str]:
        return {"text/plain": str(self), "text/html": self.to_html()}


def _plain(cell: object) -> str:
    return "" if cell is None else ", ".join(map(str, cell)) if isinstance(cell, (tuple, list)) else str(cell)


def _short(cell: object) -> str:
    text = _plain(cell).replace("\n", " ")
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
