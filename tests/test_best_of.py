"""`--best-of`: tries one after another, all kept, the best bound; never above the budget, whatever fails or stops it."""

from __future__ import annotations

import _thread
import json
import shlex
import threading
from decimal import Decimal

import pytest
from conftest import simulated_session
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegen_magic.cli import main
from imagegen_magic.display.ledger import cost_rows
from imagegen_magic.errors import BudgetError, CallCancelledError, CallError, ModerationError, RequestError, StoreError
from imagegen_magic.jobs.spending import Spending
from imagegen_magic.options.settings import resolve
from imagegen_magic.request.cost import Estimate
from imagegen_magic.request.response import Sending
from imagegen_magic.simulator import Simulator
from imagegen_magic.store.lockfile import lock_of

SMALL = {"size": "1024x640", "quality": "low"}
PRICE = 0.004
"""More than one try costs, less than two."""


@pytest.fixture
def simulator():
    """One that draws another picture each time, as the live service does."""
    return Simulator(varied=True)


class Judge:
    """An expectation that gives each image its verdict from a list, in order."""

    __name__ = "judge"

    def __init__(self, *passed):
        self.passed = list(passed)

    def __call__(self, image):
        return self.passed.pop(0)


def names(result):
    return [each.path.name for each in result.ranking]


def test_the_best_has_the_name(session, simulator, folder):
    """All tries are made and kept; the best is bound, and its bytes are under the name that was asked for."""
    mug = session.generate("a mug", name="mug", best_of=3, expect=[Judge(False, True, False), "not-blank"], **SMALL)
    assert simulator.images_billed == 3
    assert names(mug) == ["mug-2.png", "mug-1.png", "mug-3.png"]
    assert mug.ranking.numbers == (2, 1, 3)
    assert mug.path.name == "mug.png"
    assert mug.passed
    assert mug.bytes == mug.ranking[0].bytes != mug.ranking[1].bytes
    assert json.loads((mug.path.parent / "mug.png.json").read_text())["checks"][0]["status"] == "pass"
    assert session.library.image_file("@mug").read_bytes() == mug.bytes
    assert session.find_result("@mug").number == session.find_result("@last").number == mug.number == 2
    session.library.history.rebuild()
    assert session.find_result("@mug").number == 2
    assert [record.name for record in session.library.history] == ["mug_1", "mug_2", "mug_3"]
    assert [row.requests for row in cost_rows(session.library.history.records())] == [3]


def test_by_score_if_none_passes(session):
    """How near each is decides; what is not as expected is said."""
    mug = session.generate("a mug", best_of=3, expect=[Judge(False, False, False), "sharp >=0.999"], **SMALL)
    scores = [each.checks.score for each in mug.ranking]
    assert scores == sorted(scores, reverse=True)
    assert not mug.passed
    assert mug.ranking[0].checks == mug.checks
    assert "none as expected" in mug.ranking.sentence()


def test_until_pass_stops(session, simulator):
    """Nothing more is sent after the first that passes."""
    mug = session.generate("a mug", best_of=4, until="pass", expect=Judge(False, True), **SMALL)
    assert simulator.images_billed == 2
    assert mug.ranking.stopped == "stopped at the first that passed"
    first = session.generate("a cup", best_of=4, until="pass", expect="not-blank", **SMALL)
    assert simulator.images_billed == 3
    assert len(first.ranking) == 1


def test_a_function_that_crashes_does_not_spend_the_rest(session, simulator):
    """What can't be judged is not a failure: paying for more would not change it."""

    def broken(image):
        raise ValueError("oh")

    mug = session.generate("a mug", best_of=4, until="pass", expect=broken, **SMALL)
    assert simulator.images_billed == 1
    assert "oh" in "".join(mug.unexpected())


def test_the_bill(session):
    """What all tries cost is the result's cost, in caption, notes and table; each try has its own."""
    mug = session.generate("a mug", best_of=3, expect="not-blank", **SMALL)
    each = [result.paid for result in mug.ranking]
    assert mug.paid == mug.ranking.spent == sum(each) > each[0] > 0
    text = mug.display_items()[0][0]["text/plain"]
    assert "try 1 of 3 is the best; 3 as expected" in text
    assert f"${mug.ranking.cost:.3f}" in text
    assert "mug-2.png" in str(mug.ranking.table())


def test_the_sheet_is_shown(session):
    """Picture and caption first, then the tries on one sheet with the table; one try alone needs none."""
    mug = session.generate("a mug", best_of=2, expect="not-blank", **SMALL)
    _, (sheet, _) = mug.display_items()
    assert "<img" in sheet["text/html"]
    assert "Best of 2" in sheet["text/plain"]
    one = session.generate("a mug", best_of=2, until="pass", expect="not-blank", **SMALL)
    assert len(one.display_items()) == 1


# money


def test_the_estimate_is_of_all_tries(session):
    """In a preview, and in the question of `confirm_above`; `max_cost` bounds it."""
    one = session.preview("a mug", **SMALL).estimate
    four = session.preview("a mug", best_of=4, expect="sharp", **SMALL).estimate
    assert (four.low, four.high) == (one.low * 4, one.high * 4)
    until = session.preview("a mug", best_of=4, until="pass", expect="sharp", **SMALL).estimate
    assert (until.low, until.high) == (one.low, one.high * 4)
    bounded = session.preview("a mug", best_of=4, expect="sharp", max_cost=PRICE, **SMALL).estimate
    assert bounded.high == Decimal(str(PRICE))
    with pytest.raises(BudgetError):
        session.generate("a mug", best_of=4, expect="sharp", confirm_above=PRICE, **SMALL)


def test_a_budget_for_none_is_refused(session, simulator):
    """The first try must fit."""
    with pytest.raises(BudgetError):
        session.generate("a mug", best_of=4, expect="sharp", max_cost=0.0001, **SMALL)
    assert not simulator.record


@settings(max_examples=30)
@given(
    faults=st.lists(st.sampled_from(["ok", "500", "429 retry-after=0", "moderation", "bad base64", "reset after headers"]), max_size=6),
    tries=st.integers(2, 6),
    budget=st.integers(1, 9),
)  # fmt: skip
def test_never_above_the_budget(faults, tries, budget, tmp_path_factory):
    """Under faults: what was sent and may have been billed stays within `max_cost`; what came is kept."""
    simulator = Simulator(faults=", ".join(faults))
    session = simulated_session(simulator, out_dir=str(tmp_path_factory.mktemp("out")), retries=2)
    each = session.preview("a mug", **SMALL).estimate.high
    limit = each * budget
    given = {"best_of": tries, "expect": Judge(*[False] * 99), "max_cost": limit, **SMALL}
    try:
        mug = session.generate("a mug", **given)
    except CallError:
        mug = None
    assert simulator.images_billed <= min(tries, budget)
    kept = session.library.history.done()
    assert len(kept) == (len(mug.ranking) if mug else 0)
    if mug:
        assert mug.ranking.spent <= limit
        assert all(result.path.is_file() for result in mug.ranking)


@pytest.mark.parametrize(("spare", "made"), [(0, 2), (-1, 1), (1, 2)])
def test_to_the_last_cent(spare, made, session, simulator):
    """One more try is made if its upper end just fits into what is left: the actual cost counts, not the estimate."""
    actual = session.generate("a mug", **SMALL).paid
    limit = actual + session.preview("a mug", **SMALL).estimate.high + spare * Decimal("0.000001")
    mug = session.generate("a mug", best_of=5, expect=Judge(False, False), max_cost=limit, **SMALL)
    assert len(mug.ranking) == simulator.images_billed - 1 == made
    assert mug.ranking.stopped.startswith("stopped: max_cost") == (made < 5)


def test_a_failure_keeps_what_is_there():
    """The run ends; the tries that came are ranked, and the error is said."""
    simulator = Simulator(faults="ok, moderation")
    mug = simulated_session(simulator).generate("a mug", best_of=4, expect="not-blank", **SMALL)
    assert len(mug.ranking) == 1
    assert mug.ranking.stopped.startswith("try 2 failed: ")
    with pytest.raises(ModerationError):
        simulated_session(Simulator(faults="moderation")).generate("a mug", best_of=4, expect="not-blank", **SMALL)


def test_what_may_have_been_billed_counts():
    """A try whose outcome is unknown takes its upper end from the budget."""
    simulator = Simulator(faults="ok, bad base64")
    mug = simulated_session(simulator).generate("a mug", best_of=4, expect="not-blank", **SMALL)
    assert mug.ranking.spent > mug.ranking[0].paid
    assert simulator.images_billed == 2


def test_the_session_limit_holds_for_each_try(folder):
    """`session_max_cost` is asked before each try of a live session; the simulator's are free."""
    spending = Spending()
    options = resolve({}, session={"session_max_cost": "0.10"})
    each = Estimate(low=Decimal("0.04"), high=Decimal("0.04"), basis="")
    with spending.reserved(each, options), spending.reserved(each, options), pytest.raises(BudgetError):
        spending.reserve(each, options)


def test_an_interrupt_keeps_what_is_there(session, simulator):
    """The try on its way is finished and ranked; no other is sent."""
    job = session.plan("a mug", {"best_of": 5, "expect": (Judge(*[False] * 9),), **SMALL}, name="mug")
    cancel = threading.Event()

    def stop(event):
        if isinstance(event, Sending) and event.index == 1:
            cancel.set()

    mug = session.run_job(job, on_event=stop, cancel=cancel)
    assert simulator.images_billed == 2
    assert len(mug.ranking) == 2
    assert mug.ranking.stopped == "stopped by you"
    assert mug.path.name == "mug.png"


def test_stored_tries_are_not_paid_again(session, simulator):
    """With `reuse`, each stored image of the request is a try; only what is missing is sent."""
    session.generate("a mug", best_of=2, expect="not-blank", **SMALL)
    assert simulator.images_billed == 2
    more = session.generate("a mug", best_of=3, expect="sharp", reuse=True, **SMALL)
    assert simulator.images_billed == 3
    assert sorted(result.reused for result in more.ranking) == [False, True, True]
    again = session.generate("a mug", best_of=3, expect="sharp >=0.1", reuse=True, max_cost=PRICE, **SMALL)
    assert simulator.images_billed == 3
    assert again.reused
    assert again.paid == 0


# files


def test_no_file_is_replaced(session):
    """A second run has names of its own; with `fail` a taken name is refused before anything is paid."""
    first = session.generate("a mug", name="mug", best_of=2, expect="not-blank", **SMALL)
    second = session.generate("a mug", name="mug", best_of=2, expect="not-blank", **SMALL)
    paths = [*first.ranking, first, *second.ranking, second]
    assert len({result.path for result in paths}) == 6
    assert all(result.path.stat().st_size for result in paths)
    assert session.library.image_file("@mug").read_bytes() == second.bytes
    with pytest.raises(StoreError):
        session.generate("a mug", name="mug", best_of=2, expect="not-blank", if_exists="fail", **SMALL)
    fresh = session.generate("a mug", name="mug", best_of=2, expect="not-blank", if_exists="overwrite", **SMALL)
    assert fresh.path == first.path
    assert all(path.is_file() for path in first.paths)
    assert first.ranking[0].bytes != fresh.bytes


def test_cutouts_and_copies_have_the_name_too(session):
    """The best's cut-out and web copies are beside it under the name that was asked for."""
    fox = session.generate(
        "a fox", name="fox", best_of=2, transparent=True, web=[200], expect="alpha", size="1024x1024", quality="low"
    )
    folder = fox.path.parent
    assert fox.path == folder / "fox.png"
    assert fox[0].source.name.endswith("-source.png")
    assert [path.name for path in fox.derived.values()] == ["fox-web200.png"]
    assert session.library.image_file("@fox").read_bytes() == fox.bytes


def test_an_edit_has_tries_too(session):
    """As of a generation."""
    session.generate("a mug", name="mug", **SMALL)
    blue = session.edit("make it blue", "@mug", name="blue", best_of=2, expect=Judge(False, True), quality="low")
    assert names(blue) == ["blue-2.png", "blue-1.png"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"best_of": 3}, "best_of"),
        ({"best_of": 3, "expect": "sharp", "n": 2}, "n"),
        ({"until": "pass", "expect": "sharp"}, "until"),
        ({"best_of": 1, "expect": "sharp"}, "best_of"),
        ({"best_of": 3, "until": "fail", "expect": "sharp"}, "until"),
    ],
)
def test_what_does_not_go_together(options, field, session, simulator):
    """Found before anything is sent."""
    with pytest.raises(RequestError) as caught:
        session.generate("a mug", **options, **SMALL)
    assert [problem.field for problem in caught.value.problems] == [field]
    assert not simulator.record


def test_not_in_a_batch(session, simulator):
    """A row that asks for it is refused, not run once."""
    with pytest.raises(RequestError, match="not in a batch"):
        session.batches.run_jobs([{"prompt": "a", "best_of": 3, "expect": "sharp"}], **SMALL)
    assert not simulator.record


# cells and the command line


def test_in_a_cell(shell, capsys):
    """NAME is the best; the sheet and the bill are shown."""
    shell.user_ns["judge"] = Judge(False, True, False)
    line = "mug --size 1024x640 --quality low --best-of 4 --until pass --max-cost 0.40 --expect judge"
    shell.run_cell_magic("imagegen", line, "a mug")
    mug = shell.user_ns["mug"]
    assert mug.ranking.numbers == (2, 1)
    shown = capsys.readouterr().out
    assert "Best of 2" in shown
    assert "try 2 of 2 is the best; 1 as expected; stopped at the first that passed" in shown


def test_an_interrupted_cell_binds_what_is_there(shell, session, simulator):
    """The cell ends; the try on its way is judged, shown and bound when it comes, and no other is sent."""
    stopped = threading.Event()

    def judge(image):
        _thread.interrupt_main()
        return stopped.wait(60)

    shell.user_ns["judge"] = judge
    with pytest.raises(CallCancelledError):
        shell.run_cell_magic("imagegen", "mug --size 1024x640 --quality low --best-of 4 --expect judge", "a mug")
    bound = threading.Event()
    (task,) = session.tasks
    assert shell.user_ns["mug"] is task
    task.add_done_callback(lambda _: bound.set())
    stopped.set()
    assert bound.wait(60)
    assert shell.user_ns["mug"].ranking.stopped == "stopped by you"
    assert simulator.images_billed == 1


def test_on_the_command_line(capsys, monkeypatch, folder):
    """The file that was asked for is the best; 5 if even the best is not as expected; the tries are in the JSON."""
    monkeypatch.setenv("IMAGEGEN_BACKEND", "simulator")
    small = "--size 1024x640 --quality low --best-of 2 --out mug.png"
    assert main(shlex.split(f"generate 'a mug' {small} --expect size=1:1 --json")) == 5
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["paths"] == ["mug.png"]
    assert [each["paths"] for each in document["tries"]] == [["mug-1.png"], ["mug-2.png"]]
    assert "Best of 2" in err
    assert main(shlex.split(f"generate 'a cup' {small} --expect not-blank --force")) == 0
    assert capsys.readouterr().out.split() == ["mug.png"]


def test_a_replay_shows_the_best(session, simulator, folder):
    """Of the tries, which are one request, the lock holds the chosen one; nothing is sent, and expectations are checked."""
    mug = session.generate("a mug", name="mug", best_of=3, expect=["not-blank", "size=1:1"], **SMALL)
    chosen = session.generate("a mug", name="mug", best_of=3, reuse=True, expect=Judge(False, True, False), **SMALL)
    assert chosen.bytes == next(each for each in mug.ranking if each.number == 2).bytes
    (folder / "imagegen.lock").write_text(lock_of(session.library.store).to_json())
    again = session.generate("a mug", name="mug", best_of=3, replay=True, expect=["size=1:1"], **SMALL)
    assert simulator.images_billed == 3
    assert again.bytes == chosen.bytes
    assert [verdict.status for verdict in again.checks.verdicts] == ["fail"]
    assert session.generate("a mug", reuse=True, **SMALL).number == 2
