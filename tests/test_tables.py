"""Text tables: nothing is cut off, and lines stay within a terminal."""

from __future__ import annotations

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
