"""Text tables: nothing is cut off, and lines stay within a terminal."""

from __future__ import annotations

from pathlib import Path

from imagegen_magic.jobs.captions import Caption, caption_html
from imagegen_magic.tables import MAX_LINE, Table


def test_long_cells_go_on_below_and_nothing_is_lost():
    words = " ".join(f"word{i}" for i in range(60))
    text = str(Table(columns=("name", "what"), rows=[("a", words), ("b", "short")]))
    assert all(len(line) <= MAX_LINE for line in text.splitlines())
    assert all(f"word{i}" in text for i in range(60))


def test_the_first_column_keeps_its_words_whole():
    columns = ("model", *(f"column {i}" for i in range(9)))
    text = str(Table(columns=columns, rows=[("gpt-image-2.5-sunburst", *(("low", "medium", "high"),) * 9)]))
    assert "gpt-image-2.5-sunburst" in text


def test_empty_cells_and_unnamed_columns():
    assert str(Table(columns=("", ""), rows=[("", None), ("a", 1)])) == "\na  1"


def test_lines_of_a_cell_stay_lines():
    """A prompt of several lines is shown as several lines, as text and as HTML."""
    table = Table(columns=("", ""), rows=[("prompt", "Request: a mug\nStyle: flat"), ("size", "auto")])
    assert str(table).splitlines() == ["prompt  Request: a mug", "        Style: flat", "size    auto"]
    assert "Request: a mug<br>Style: flat" in table.to_html()


def test_prices_are_no_formulas():
    """MathJax would set what stands between the two dollar signs of a price range as mathematics."""
    for html in (
        Table(columns=("cost",), rows=[("$0.05 to $0.07",)]).to_html(),
        caption_html(Caption(paths=(), base=Path(), warnings=("$1 or $2",))),
    ):
        assert html.startswith('<div class="tex2jax_ignore mathjax_ignore"')
