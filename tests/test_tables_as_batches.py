"""Tables as batches: every row has its place in the result, and what was made is looked at, renamed and shown again."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from IPython.utils.capture import capture_output
from test_magics import run

from imagegen_magic.batch.rows import read_source
from imagegen_magic.errors import RequestError


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
