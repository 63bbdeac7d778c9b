"""Jobs as rows: from a cell's body, a list, a table of any dataframe library, JSONL or CSV, and grids over them."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imagegen_magic.errors import Fix, OptionError, Problem, Setting
from imagegen_magic.options.hints import sheet_problems
from imagegen_magic.options.names import name_problems
from imagegen_magic.options.paths import expanded, is_file, is_folder
from imagegen_magic.options.table import BY_NAME, SHEET_ONLY
from imagegen_magic.options.variables import is_no_text

from .choices import SPELLING, expand_choices
from .files import csv_table, json_items, read_json, read_text, records_of_columns, refuse_twins
from .grids import shown_value

__all__ = [
    "Row",
    "expand",
    "expand_grid",
    "no_source",
    "read_body",
    "read_source",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One job as it was written: option values by name, and where it stands."""

    values: Mapping[str, Any]
    where: str
    problems: tuple[Problem, ...] = ()
    unused: tuple[str, ...] = ()
    """Columns of its table that are not options."""
    misnamed: tuple[Problem, ...] = ()
    """Columns whose names are nearly an option's: read as these, so that every fault is found, and never sent."""


def read_body(text: str, start: int = 1) -> list[Row]:
    """One row a line of a cell's body or a file: a JSON object, or a prompt. Empty lines and those that start with # or // are passed over.

    A text that is one JSON array as a whole has a row for each of its items.
    """
    if (items := json_items(text)) is not None:
        return [_of_item(item, f"item {number}") for number, item in enumerate(items, 1)]
    numbered = [(number, line.strip()) for number, line in enumerate(_lines(text), start)]
    return [_row(line, f"line {number}") for number, line in numbered if line and not line.startswith(("#", "//"))]


def _lines(text: str) -> list[str]:
    """The lines of a text. U+2028 and its like may stand inside a prompt, also unescaped in JSON."""
    return re.split(r"\r\n|\r|\n", text)


def _row(line: str, where: str) -> Row:
    """A line that starts like JSON must be an object; everything else is a prompt."""
    if not re.match(r"\{(?!\{)|\[\s*([{\"]|$)|[\]}],?$", line):
        return Row(values={"prompt": line}, where=where)
    try:
        values = read_json(line)
        if not isinstance(values, Mapping):
            raise ValueError("one object a line, or one array for all")  # noqa: TRY004 - said as JSON's own faults
    except (ValueError, RecursionError) as error:
        problem = Problem(
            field="line",
            value=line[:60],
            rule=f"not valid JSON: {error}",
            fix='{"prompt": "…", "quality": "low"}',
            where=where,
        )
        return Row(values={}, where=where, problems=(problem,))
    return _of_item(values, where)


def read_source(source: Any) -> list[Row]:
    """Rows of a file (JSONL, JSON, CSV or text), a list of mappings or prompts, or a table of any dataframe library.

    Raises:
        OptionError: it is none of these, can't be read, or is a table without a column of prompts.
    """
    columns: Sequence[Any] | None = None
    if isinstance(source, (str, Path)):
        path = expanded(source)
        if not is_file(path):
            rule = "it is a folder, not a file" if is_folder(path) else "there is no such file"
            raise no_source(str(source), rule)
        text = read_text(path)
        if path.suffix.lower() in (".csv", ".tsv"):
            columns, rows = csv_table(text, path.name, KNOWN)
            refuse_twins(columns, KNOWN)
            filled = [(number, row) for number, row in enumerate(rows, 2) if any(map(str.strip, row.values()))]
            found = [_of_item(row, f"row {number}") for number, row in filled]
        else:
            found = read_body(text)
    else:
        columns = _columns(source)
        refuse_twins([str(name).strip() for name in columns or ()], KNOWN)
        found = [_of_item(item, where) for where, item in zip(_places(source), _items(source), strict=False)]
    if not found:
        raise _no_jobs("it has no rows", "one row a picture, with a prompt")
    return found if columns is None else _of_table(found, [str(name).strip() for name in columns], source)


KNOWN = frozenset({"prompt", "name", *BY_NAME}) - SHEET_ONLY - {"source", "grid"}
"""The columns of a table that are read."""

OF_THE_BATCH = frozenset(
    {
        *("source", "grid", "concurrency", "ipm", "fail_fast", "skip_invalid", "wildcards", "via"),
        *("session_max_cost", "dry_run", "show_prompt", "detach", "out_dir", "backend", "base_url"),
    }
)
"""Options that a row can't have for itself: its limit would not hold, or it would be sent although it only asks for a look."""


def _no_jobs(rule: str, fix: str, value: Any = None) -> OptionError:
    return OptionError("no jobs", problems=(Problem(field="from", value=value, rule=rule, fix=fix),))


def _columns(source: Any) -> Sequence[Any] | None:
    """The names of a table's columns; None for what is no table."""
    if not _is_table(source):
        return None
    names = getattr(source, "column_names", None) or getattr(source, "columns", None)
    return None if names is None else list(names)


def _of_table(rows: list[Row], columns: Sequence[str], source: Any) -> list[Row]:
    """The rows of a table without what is not read of it.

    Raises:
        OptionError: it has no column of prompts, or a prompt holds another column's name in braces.
    """
    free = difflib.get_close_matches("prompt", [name.lower() for name in columns], n=1, cutoff=0.8)
    if not free and "prompt" not in columns:
        named = getattr(getattr(source, "index", None), "name", None)
        fix = "table.reset_index()" if named == "prompt" else 'name the column of the prompts "prompt"'
        raise _no_jobs("it has no column prompt", fix, ", ".join(columns))
    for row in rows:
        in_braces = re.findall(r"(?<!\{)\{(\w+)\}(?!\})", str(row.values.get("prompt", "")))
        if meant := [name for name in in_braces if name in columns]:
            rule = f"{row.where}: a column's name in braces is not filled in"
            fix = 'table["prompt"] = [row.prompt.format(**row) for _, row in table.iterrows()]'
            raise _no_jobs(rule, fix, "{" + meant[0] + "}")
    return _without_extra_columns(rows)


def no_source(source: str, rule: str, variables: Iterable[str] = ()) -> OptionError:
    """The error of a file or variable that is not there: near ones are offered."""
    if "\n" in source or (" " in source and not Path(source).suffix):
        return _no_jobs(rule, 'prompts are given as a list, ["a red mug"], or below %%imagegen_batch', source)
    files = {
        path.stem: path.name for path in Path().iterdir() if path.suffix.lower() in FILE_SUFFIXES and is_file(path)
    }
    known = {name: name for name in variables if not name.startswith("_")} | files
    near = difflib.get_close_matches(Path(source).stem, known, n=2)
    fix = Fix.any_of(Setting("--from", known[name]) for name in near) if near else "check the path and the spelling"
    return _no_jobs(rule, fix, source)


FILE_SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".txt")
"""Files that are offered in place of one that is not there."""


def _is_table(source: Any) -> bool:
    """True for a table of a dataframe library: its columns may hold anything, not only options."""
    return any(hasattr(source, name) for name in ("iter_rows", "to_pylist")) or (
        hasattr(source, "to_dict") and hasattr(source, "columns")
    )


def _without_extra_columns(rows: list[Row]) -> list[Row]:
    """The rows without columns that are not options; a column whose name is nearly an option's is asked about."""
    columns = dict.fromkeys(name for row in rows for name in row.values)
    unused = tuple(name for name in columns if name not in KNOWN)
    free = KNOWN - set(columns)
    near = {name: difflib.get_close_matches(name.lower(), free, n=1, cutoff=0.8) for name in unused}
    problems = tuple(
        Problem(field=name, rule="a column with this name is not read", fix=f"rename it to {meant[0]}")
        for name, meant in near.items()
        if meant
    )
    names = {name: name for name in KNOWN} | {name: meant[0] for name, meant in near.items() if meant}
    return [
        replace(
            row, values={names[k]: v for k, v in row.values.items() if k in names}, unused=unused, misnamed=problems
        )
        for row in rows
    ]


def _items(source: Any) -> Iterable[Any]:
    """The rows of a table by the way its library offers: polars, pandas, pyarrow; else the thing's own iteration."""
    if hasattr(source, "iter_rows"):
        return source.iter_rows(named=True)  # type: ignore[no-any-return]
    if hasattr(source, "to_pylist"):
        return source.to_pylist()  # type: ignore[no-any-return]
    if hasattr(source, "to_dict") and hasattr(source, "columns"):
        return source.to_dict("records")  # type: ignore[no-any-return]
    if isinstance(source, Mapping) and (rows := records_of_columns(source)) is not None:
        return rows
    if hasattr(source, "to_dict") and "prompt" in getattr(source, "index", ()):
        return [source.to_dict()]  # one row of a pandas table
    if hasattr(source, "read"):  # its lines are no prompts: JSON, or a table with a head
        raise _no_jobs("an open file is not read", "give its path", getattr(source, "name", None))
    if isinstance(source, Iterable) and not isinstance(source, (str, bytes, Mapping)):
        return source
    rule = f"a list, a DataFrame, or a JSONL or CSV file is needed, not {type(source).__name__}"
    lazy = hasattr(source, "collect")
    raise _no_jobs(
        rule, "collect() it first" if lazy else '[{"prompt": "a red mug"}], a list with a dict for each picture'
    )


def _places(source: Any) -> Iterator[str]:
    """Where each row stands, in the source's own numbers: pandas' labels if no two are alike, else from 1."""
    index = getattr(source, "index", None)
    labels: Iterable[Any] = index if index is not None and getattr(index, "is_unique", False) else itertools.count(1)
    return (f"row {label}" for label in labels)


def _of_item(item: Any, where: str) -> Row:
    if isinstance(item, str):
        if _is_job(item):
            fix = "json.loads(…) of each, or the path of their file"
            return _no_row(item, "JSON text, not a prompt", where, fix=fix)
        return Row(values={"prompt": item}, where=where)
    if hasattr(item, "_asdict"):
        item = {name: value for name, value in item._asdict().items() if name != "Index"}  # of DataFrame.itertuples
    if isinstance(item, Mapping):
        return _of_batch_api(item, where) or _with_text(_cleaned(item), where)
    return _no_row(item, "a prompt, or a mapping with a prompt and options", where)


def _is_job(text: str) -> bool:
    """True for a line of a JSONL file of jobs; other JSON may be a prompt, as some people write theirs."""
    try:
        value = read_json(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return False
    return isinstance(value, Mapping) and not {"prompt", "body"}.isdisjoint(value)


def _of_batch_api(item: Mapping[str, Any], where: str) -> Row | None:
    """The row of a line as OpenAI's Batch API takes it, by its `body`; None for any other."""
    if not isinstance(item.get("body"), Mapping) or "custom_id" not in item:
        return None
    if (url := item.get("url")) not in BATCH_API_URLS:
        rule = f"a line of the Batch API for {url}; only those for images are read"
        return _no_row(item["custom_id"], rule, where, fix="leave it out")
    values = _cleaned(item["body"])
    if isinstance(images := values.get("image"), list):
        values["image"] = [_reference(image) for image in images]
    name = str(item["custom_id"])
    return _with_text(values if name_problems(name) else {"name": name, **values}, f"{where} ({name})")


def _reference(image: Any) -> Any:
    """What an image of such a line stands for: its address or the id of its file, which the options' own check names."""
    return image.get("image_url") or image.get("file_id") if isinstance(image, Mapping) else image


BATCH_API_URLS = (None, "/v1/images/generations", "/v1/images/edits")


def _no_row(item: Any, rule: str, where: str, fix: str = '{"prompt": "…"}') -> Row:
    problem = Problem(field="row", value=item, rule=rule, fix=fix, where=where)
    return Row(values={}, where=where, problems=(problem,))


def _with_text(values: dict[str, Any], where: str) -> Row:
    """The row with its prompt as text: that of an object of the user's own may fail."""
    prompt = values.get("prompt", "")
    try:
        if is_no_text(prompt):
            return _no_row(prompt, f"a prompt is a text, not {type(prompt).__name__}", where)
        text = {"prompt": str(prompt)} if "prompt" in values else {}
    except Exception as error:  # noqa: BLE001 - the user's own code
        return _no_row(None, f"the text of its prompt can't be read: {type(error).__name__}", where)
    return Row(values=values | text, where=where)


def _cleaned(item: Mapping[str, Any]) -> dict[str, Any]:
    """Values without the table's empty cells; names with underscores; `fields` opened up, below the row's own."""
    out: dict[str, Any] = {}
    inner: dict[str, Any] = {}
    for name, value in item.items():
        if _is_empty(value):
            continue
        key = str(name).strip().replace("-", "_")
        if key == "fields" and isinstance(value, Mapping):
            inner = _cleaned(value)
        else:
            out[ALIASES.get(key, key)] = value
    return inner | out


ALIASES = {"images": "image", "negative": "avoid", "format": "output_format"}
"""Names that tables and older JSONL files use for options."""


def _is_empty(value: Any) -> bool:
    if isinstance(value, float):
        return value != value  # noqa: PLR0124 - NaN
    return value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, str) and not value)


def expand_wildcards(rows: Iterable[Row]) -> Iterator[Row]:
    """Every row with each of its prompt's choices.

    Raises:
        OptionError: a row's choices can't be read, or would make too many prompts.
    """
    for row in rows:
        prompt = str(row.values.get("prompt", ""))
        try:
            prompts = expand_choices(prompt)
        except ValueError as error:
            problem = Problem(field="prompt", value=prompt[:60], rule=str(error), fix=SPELLING, where=row.where)
            raise OptionError("the choices can't be used", problems=(problem,)) from None
        for number, text in enumerate(prompts, 1):
            where = f"{row.where}.{number}" if len(prompts) > 1 else row.where
            yield replace(row, values={**row.values, "prompt": text}, where=where)


def expand(rows: Iterable[Row], *, wildcards: bool, grid: Mapping[str, Sequence[str]]) -> Iterator[Row]:
    """Every row that is meant: one for each choice in its prompt if `wildcards` is set, and for each combination of the grid.

    Raises:
        OptionError: a row's choices can't be read, or would make too many prompts.
    """
    found = expand_grid(expand_wildcards(rows) if wildcards else rows, grid)
    return (replace(row, problems=(*row.problems, *_not_of_a_row(row))) for row in found)


def _not_of_a_row(row: Row) -> Iterator[Problem]:
    """The options of a row that are the whole batch's, or another command's."""
    yield from (replace(problem, where=row.where) for problem in sheet_problems(row.values))
    for name in (name for name in row.values if name in OF_THE_BATCH):
        fix = Fix("for all rows: ", Setting(BY_NAME[name].flags[-1]))
        rule = "of the whole batch, not of a row"
        yield Problem(field=name, value=row.values[name], rule=rule, fix=fix, where=row.where)


def expand_grid(rows: Iterable[Row], grid: Mapping[str, Sequence[Any]]) -> Iterator[Row]:
    """Every row with every combination of the grid's values, but of those that it sets itself: they would only be paid for again."""
    for row in rows:
        axes = [
            [(name, value, f"{name}={shown_value(value, number)}") for number, value in enumerate(values, 1)]
            for name, values in grid.items()
            if name not in row.values
        ]
        for combination in itertools.product(*axes):
            values = {name: value for name, value, _ in combination}
            label = ", ".join(shown for _, _, shown in combination)
            yield replace(row, values={**values, **row.values}, where=f"{row.where} ({label})" if label else row.where)
