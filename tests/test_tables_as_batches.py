"""Tables as batches: every row has its place in the result, and what was made is looked at, renamed and shown again."""

from __future__ import annotations

import json

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from IPython.utils.capture import capture_output
from test_magics import run

from imagegen_magic.batch.rows import read_source
from imagegen_magic.errors import OptionError, RequestError


def test_rows_left_out_keep_their_place(session):
    """Faulty rows are results without images, so that the gallery is as long as the table it came from."""
    table = pd.DataFrame({"prompt": ["a mug", "", "a fox"], "size": ["square", "square", "1x1"]}, index=[10, 20, 30])
    gallery = session.batches.run_jobs(table, quality="low", skip_invalid=True)
    assert [result.ok for result in gallery] == [True, False, False]
    assert [result.where for result in gallery] == ["row 10", "row 20", "row 30"]
    assert len(pd.DataFrame(gallery)) == len(table)
    assert repr(gallery) == "Gallery(1 done, 2 left out)"
    assert [row[:2] for row in gallery.table().rows] == [(2, "row 20"), (3, "row 30"), (1, "row 10")]  # failures first
    assert "size: " in gallery[2].error.summary
    report = [json.loads(line) for line in gallery.report.read_text().splitlines()]
    assert [line["outcome"] for line in report] == ["done", "not sent", "not sent"]


@pytest.mark.parametrize(
    ("source", "places"),
    [
        (pd.DataFrame({"prompt": ["a", "b"]}, index=["x", "y"]), ["row x", "row y"]),
        (pd.DataFrame({"prompt": ["a", "b"]}), ["row 0", "row 1"]),
        (pd.DataFrame({"prompt": ["a", "b"]}, index=[7, 7]), ["row 1", "row 2"]),
        (pd.Series(["a", "b"], index=[3, 4]), ["row 3", "row 4"]),
        (["a", "b"], ["row 1", "row 2"]),
    ],
)
def test_a_row_has_its_tables_own_label(source, places):
    """As `df.loc` knows it; numbers from 1 where the source has none, or two rows share one."""
    assert [row.where for row in read_source(source)] == places


def test_a_batch_can_be_looked_at_first(session, simulator):
    """Its plan is a table with the price; faulty rows are in it, and nothing is sent."""
    plan = session.batches.preview_jobs(["a mug", {"prompt": "a fox", "size": "1x1"}], quality="low")
    assert len(plan.planned) == 1
    assert plan.estimate.high > 0
    assert "<table" in plan._repr_mimebundle_()["text/html"]
    assert "1 faulty row left out" in repr(plan)
    assert simulator.record == []
    with pytest.raises(RequestError, match=r"imagegen_magic.preview_batch\(…\)"):
        session.batches.run_jobs(["a mug"], dry_run=True)


def test_done_before_under_a_new_name(session, simulator):
    """A row's own name that is new gets a copy of what was made; nothing is sent."""
    rows = [{"prompt": "a sun", "name": "sun"}, {"prompt": "a moon", "name": "moon"}]
    session.batches.run_jobs(rows, quality="low")
    sent = len(simulator.record)
    again = session.batches.run_jobs([{**row, "name": f"{row['name']}_b"} for row in rows], quality="low")
    assert len(simulator.record) == sent
    assert [path.name for path in again.paths] == ["sun_b.png", "moon_b.png"]
    assert all(path.is_file() for path in again.paths)


def test_a_batch_result_is_shown_when_it_is_looked_at(shell):
    """Once by its own cell, and again by each later one."""

    def sheets(cell):
        with capture_output() as caught:
            shell.run_cell(cell, store_history=True)  # a cell's number tells it from the next
        return sum("Contact sheet" in output.data.get("text/plain", "") for output in caught.outputs)

    assert sheets("%%imagegen_batch icons --quality low\na mug\na fox") == 1
    assert sheets("icons") == sheets("icons") == 1
    assert sheets("more = %imagegen batch --quality low --from icons_too") == 0
    shell.user_ns["suns"] = ["a sun"]
    assert sheets("more = %imagegen batch --quality low --from suns") == 1
    assert sheets("more") == 1
    assert sheets("%imagegen batch --quality low --from suns") == 1


def test_a_table_may_give_its_name_to_its_batch(shell):
    """`--from products` says that the table is meant; its name is then free for the result."""
    shell.user_ns["products"] = pd.DataFrame({"prompt": ["a mug"]})
    _, done = run(shell, "%imagegen batch products --from products --quality low")
    assert done.success
    assert [path.name for path in shell.user_ns["products"].paths] == ["products-mug.png"]


def test_show_takes_galleries_lists_and_variables(shell):
    run(shell, "%%imagegen_batch icons --quality low\na mug\na fox")
    run(shell, "import imagegen_magic\nx = imagegen_magic.generate('a sun', quality='low')\nboth = [x, icons[0]]")
    for line, count in (("icons", 2), ("both", 2), ("x icons", 3)):
        _, done = run(shell, f"%imagegen show {line}")
        assert len(done.result.names) == count, line
    assert run(shell, "%imagegen show x")[1].result is shell.user_ns["x"]
    _, done = run(shell, "%imagegen compare x icons")
    assert "NAME[0]" in str(done.error_in_exec)


def test_a_profile_keeps_a_variables_file(shell, simulator):
    """A variable is gone with its kernel; the file that it stands for is not."""
    run(shell, "%%imagegen pip --quality low\na robot")
    run(shell, "%imagegen profile save robot --ref pip:character")
    del shell.user_ns["pip"]
    _, done = run(shell, "import imagegen_magic\nr = imagegen_magic.generate('at sea', profile='robot', quality='low')")
    assert done.success
    assert "edits" in str(simulator.record[-1])


SUN_AND_MOON = [{"prompt": "a sun", "name": "sun"}, {"prompt": "a moon, full", "name": "moon"}]
WITH_COMMAS = 'prompt,name\na sun,sun\n"a moon, full",moon\n'


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("excel.csv", WITH_COMMAS.encode("utf-8-sig")),
        ("unicode.csv", WITH_COMMAS.encode("utf-16")),
        ("lines.csv", WITH_COMMAS.replace("\n", "\r\n").encode()),
        ("semicolons.csv", b"prompt;name\na sun;sun\na moon, full;moon\n"),
        ("said.csv", b"sep=;\nprompt;name\na sun;sun\na moon, full;moon\n"),
        ("bars.csv", b"name|prompt\nsun|a sun\nmoon|a moon, full\n"),
        ("tabs.tsv", b"prompt\tname\na sun\tsun\na moon, full\tmoon\n"),
        ("lines.jsonl", "\n".join(map(json.dumps, SUN_AND_MOON)).encode()),
        ("array.json", json.dumps(SUN_AND_MOON).encode()),
        ("array.jsonl", json.dumps(SUN_AND_MOON).encode()),
        ("indented.json", json.dumps(SUN_AND_MOON, indent=2).encode()),
        ("columns.json", json.dumps({key: [row[key] for row in SUN_AND_MOON] for key in ("prompt", "name")}).encode()),
    ],
)
def test_files_as_other_programs_write_them(folder, name, data):
    """Byte-order marks, separators, line ends, JSON as lines, as one array and as columns: the same two jobs."""
    (folder / name).write_bytes(data)
    assert [row.values for row in read_source(name)] == SUN_AND_MOON


@pytest.mark.parametrize(
    "source",
    [
        pd.DataFrame(SUN_AND_MOON).itertuples(),
        pd.DataFrame(SUN_AND_MOON).to_dict("list"),
        (row for row in SUN_AND_MOON),
        pl.DataFrame(SUN_AND_MOON),
        pa.Table.from_pylist(SUN_AND_MOON),
    ],
    ids=["itertuples", "columns", "generator", "polars", "pyarrow"],
)
def test_tables_of_every_kind(source):
    """What can be walked row by row, and columns of one length."""
    assert [row.values for row in read_source(source)] == SUN_AND_MOON


def test_one_row_and_one_column_of_a_table():
    """A row is one job, not a prompt for each of its cells; a column is a list of prompts."""
    table = pd.DataFrame(SUN_AND_MOON)
    assert [row.values for row in read_source(table.iloc[1])] == SUN_AND_MOON[1:]
    for column in (table["prompt"], pl.Series(table["prompt"].tolist()), pa.array(table["prompt"].tolist())):
        assert [row.values["prompt"] for row in read_source(column)] == ["a sun", "a moon, full"]


@pytest.mark.parametrize(
    ("name", "data", "rule", "fix"),
    [
        ("commas.csv", b"prompt\na sun\na moon, full\n", "row 3 has more cells", '"a moon, full"'),
        ("headless.csv", b"a sun,sun\na moon,moon\n", "no column prompt", 'of the prompts "prompt"'),
        ("only_head.csv", b"prompt,name\n", "no rows", "one row a picture"),
        ("empty.jsonl", b"", "no rows", "one row a picture"),
        ("jobs.xlsx", b"PK", ".xlsx files are not read", 'pandas.read_excel("jobs.xlsx")'),
        ("jobs.yaml", b"- prompt: a sun\n", ".yaml files are not read", "a list or a table first"),
        ("latin.csv", "prompt\nun caf\xe9\n".encode("latin-1"), "UTF-8", "save it as UTF-8"),
    ],
)
def test_files_that_would_be_paid_for_wrongly(folder, name, data, rule, fix):
    """A prompt cut at a comma, a table without a head, a file that is no text: one card, and nothing is sent."""
    (folder / name).write_bytes(data)
    with pytest.raises(OptionError) as caught:
        read_source(name)
    (problem,) = caught.value.problems
    assert rule in problem.rule
    assert fix in problem.fix


@pytest.mark.parametrize(
    ("source", "rule", "fix"),
    [
        (pd.DataFrame(SUN_AND_MOON).set_index("prompt"), "no column prompt", "table.reset_index()"),
        (pd.DataFrame({"subject": ["a sun"]}), "no column prompt", 'of the prompts "prompt"'),
        (pd.DataFrame({"prompt": ["a {name}"], "name": ["sun"]}), "row 0: a column's name in braces", "format"),
        (pl.DataFrame(SUN_AND_MOON).lazy(), "LazyFrame", "collect() it first"),
        ("a red fox", "no such file", "given as a list"),
        ("a sun\na moon", "no such file", "given as a list"),
    ],
    ids=["index", "subject", "braces", "lazy", "prompt", "prompts"],
)
def test_tables_that_miss_something(source, rule, fix):
    """The one thing that is missing, not an empty prompt for each row."""
    with pytest.raises(OptionError) as caught:
        read_source(source)
    (problem,) = caught.value.problems
    assert rule in problem.rule
    assert fix in problem.fix


def test_a_cell_may_hold_a_json_array(shell, simulator):
    """As an array it is a job for each item; broken, it is no list of prompts `[`, `{"prompt": …`, `]`."""
    assert run(shell, '%%imagegen_batch icons -q low\n[{"prompt": "a sun"},\n {"prompt": "a moon"}]')[1].success
    assert [result.prompt for result in shell.user_ns["icons"]] == ["a sun", "a moon"]
    sent = len(simulator.record)
    _, done = run(shell, '%%imagegen_batch more -q low\n[\n{"prompt": "a sun"},\n')
    assert "not valid JSON" in str(done.error_in_exec)
    assert len(simulator.record) == sent


def test_a_batch_may_take_the_name_of_its_table(shell):
    """`%imagegen batch products --from products`: the table is named, so its name is meant."""
    shell.user_ns["products"] = pd.DataFrame(SUN_AND_MOON)
    assert run(shell, "%imagegen batch products --from products -q low")[1].success
    assert len(shell.user_ns["products"]) == 2


def test_missing_values_and_empty_rows_of_a_csv_file(folder):
    """As spreadsheets and pandas write them: none is a value, and a count beside one has a point."""
    text = "prompt,name,n,quality\na mug,NaN,2.0,<NA>\n,,,\nnan,b,None,low\n"
    (folder / "jobs.csv").write_text(text)
    values = [row.values for row in read_source("jobs.csv")]
    assert [{name: cell for name, cell in row.items() if cell} for row in values] == [
        {"prompt": "a mug", "n": "2.0"},
        {"prompt": "nan", "name": "b", "quality": "low"},
    ]


def test_comments_of_a_jsonl_file_are_not_bought(folder):
    (folder / "jobs.jsonl").write_text('// of Monday\n# of Tuesday\n{"prompt": "a mug"}\n')
    assert [row.values for row in read_source("jobs.jsonl")] == [{"prompt": "a mug"}]
