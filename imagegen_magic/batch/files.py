"""Tables in files, as the programs that write them do: CSV with any separator, JSON lines, JSON arrays and columns."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imagegen_magic.errors import OptionError, Problem

__all__ = ["csv_table", "json_items", "read_json", "read_text", "records_of_columns", "refuse_twins"]

TEXT_SUFFIXES = frozenset(
    {"", ".txt", ".text", ".md", ".prompts", ".list", ".jsonl", ".ndjson", ".json", ".csv", ".tsv"}
)
_READERS = {
    ".xlsx": "excel",
    ".xls": "excel",
    ".ods": "excel",
    ".parquet": "parquet",
    ".feather": "feather",
    ".arrow": "feather",
}
_SEPARATORS = ",;\t|"


def read_text(path: Path) -> str:
    """The text of a file of jobs: UTF-8, or what its byte-order mark says.

    Raises:
        OptionError: it is a file of another kind, can't be read, or is in another encoding.
    """
    suffix = path.suffix.lower()
    if suffix not in TEXT_SUFFIXES:
        reader = _READERS.get(suffix)
        fix = (
            f'pandas.read_{reader}("{path.name}") makes a table of it' if reader else "make it a list or a table first"
        )
        raise _refused(path.name, f"{suffix} files are not read: JSONL, JSON, CSV, TSV or text", fix)
    try:
        data = path.read_bytes()
        wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(path.name, f"can't be read as UTF-8 text: {error}", "save it as UTF-8") from error
    if (fault := _fault_of(text)) is not None:
        raise _refused(path.name, *fault)
    return text


def _fault_of(text: str) -> tuple[str, str] | None:
    """(rule, fix) of a text that holds no jobs, though its lines could be taken for prompts."""
    if "\0" in text:
        return "it holds null characters: UTF-16 without a byte-order mark, or not a text", "save it as UTF-8"
    if text.startswith("version https://git-lfs.github.com/spec/"):
        return "it is a pointer of Git LFS, not the file itself", "git lfs pull"
    if re.search(r"^<{7} ", text, re.MULTILINE) and re.search(r"^>{7} ", text, re.MULTILINE):
        return "it holds the marks of a merge that is not finished", "choose between the two sides in an editor"
    return None


def _refused(value: str, rule: str, fix: str) -> OptionError:
    return OptionError("no jobs", problems=(Problem(field="from", value=value, rule=rule, fix=fix),))


def csv_table(text: str, name: str, known: frozenset[str]) -> tuple[list[str], list[dict[str, str]]]:
    """(columns, rows) of a CSV text; its separator is the one with which its first line holds most `known` columns.

    Raises:
        OptionError: it is no CSV, or a row has more cells than there are columns, as after a comma without quotes.
    """
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first.strip()) == len("sep=;"):
        separator, text = first.strip()[-1], rest  # as Excel writes and reads it
    else:
        separator = max(
            _SEPARATORS, key=lambda one: len(known & {cell.strip(' "') for cell in first.strip().split(one)})
        )
    if text.count('"') % 2:  # the module csv would take all that follows for one text
        raise _refused(name, 'a quote (") is opened and never closed', 'a quote inside a text is written twice: ""')
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise _refused(name, f"can't be read as CSV: {error}", "save it again as CSV") from error
    for number, row in enumerate(rows, 2):
        if None in row:
            cells = [cell for cell in row.values() if isinstance(cell, str)]
            text = separator.join([*cells[-1:], *row[None]])
            rule = f"row {number} has more cells than the first line has columns"
            raise _refused(name, rule, f'a text with {separator!r} stands in quotes: "{text.strip()}"')
    return list(reader.fieldnames or ()), [{name: _cell(name, text) for name, text in row.items()} for row in rows]


MISSING = ("None", "NaN", "nan", "<NA>", "NaT", "NULL", "N/A", "#N/A")
"""A missing value, as programs write it into tables."""


def _cell(column: str, text: str | None) -> str:
    """A cell's text, empty for a missing value; a prompt is never read as one: its row would be left out without a word."""
    return "" if text is None or (column != "prompt" and text.strip() in MISSING) else text


def refuse_twins(columns: Sequence[str], known: frozenset[str]) -> None:
    """Stops at two columns with one name that is read: only one of them would be.

    Raises:
        OptionError: there are two.
    """
    twins = [name for name in dict.fromkeys(columns) if name in known and list(columns).count(name) > 1]
    if twins:
        rule = f"two columns are called {twins[0]}, and one of them would not be read"
        raise _refused(twins[0], rule, "rename one, or take it out")


def json_items(text: str) -> Sequence[Any] | None:
    """The items of a text that is one JSON value as a whole: an array, or an object; None for any other text."""
    if not text.lstrip().startswith(("[", "{")):
        return None
    try:
        value = read_json(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, Mapping):
        return records_of_columns(value) or [dict(value)]
    return value if isinstance(value, list) else None


def read_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is none, or an object has two values of one name: only one of them would be read.
    """
    return json.loads(text, object_pairs_hook=_without_twins)


def _without_twins(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two values of {twin}")
    return found


def records_of_columns(columns: Mapping[Any, Any]) -> list[dict[Any, Any]] | None:
    """The rows of columns of one length, `{"prompt": ["a", "b"]}`; None for any other mapping."""
    cells = list(columns.values())
    if (
        "prompt" not in columns
        or not all(isinstance(one, (list, tuple)) for one in cells)
        or len({*map(len, cells)}) != 1
    ):
        return None
    return [dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True)]
