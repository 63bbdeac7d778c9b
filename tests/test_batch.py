"""Batches: checked whole, run together, resumed, and through the Batch API."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import simulated_session

from imagegen_magic.batch.desks import CALM, PATIENCE, Desks
from imagegen_magic.batch.grids import parse_grid
from imagegen_magic.batch.pacing import Pacer, is_near
from imagegen_magic.batch.plan import result_or_failure
from imagegen_magic.batch.results import FailedJob
from imagegen_magic.batch.rows import expand_grid, read_body, read_source
from imagegen_magic.errors import (
    AnswerError,
    BudgetError,
    ImagegenError,
    OptionError,
    RateLimitError,
    RequestError,
)
from imagegen_magic.request.response import Sending
from imagegen_magic.simulator import Simulator

SMALL = {"size": "1024x640", "quality": "low"}


def test_results_in_order_with_their_own_options(session):
    """Each job has the shared options and its own; results come in the jobs' order, with a report."""
    jobs = [{"prompt": "a mug"}, {"prompt": "a cat", "quality": "medium", "out": "pets/cat.png"}, "a fish"]
    gallery = session.batches.run_jobs(jobs, name="set", **SMALL)
    assert [r.request["quality"] for r in gallery] == ["low", "medium", "low"]
    assert gallery.paths[1].as_posix().endswith("pets/cat.png")
    lines = [json.loads(line) for line in gallery.report.read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["done"] * 3
    assert lines[0]["paths"]


def test_each_run_has_a_report_of_its_own(session):
    """Runs of one name that end within one second do not replace each other's reports."""
    runs = [session.batches.run_jobs(["a mug"], name="set", **SMALL) for _ in range(3)]
    assert len({gallery.report for gallery in runs}) == 3
    assert all(gallery.report.read_text() for gallery in runs)


def test_every_faulty_job_is_named_and_nothing_is_sent(session, simulator):
    """The whole batch is checked first; `skip_invalid` sends the good ones."""
    jobs = [{"prompt": "a mug"}, {"prompt": ""}, {"prompt": "x", "size": "3x3"}, {"prompt": "y", "sise": "square"}]
    with pytest.raises(RequestError) as caught:
        session.batches.run_jobs(jobs, **SMALL)
    assert [p.where for p in caught.value.problems] == ["row 2", "row 3", "row 4"]
    assert not simulator.record
    assert len(session.batches.run_jobs(jobs, skip_invalid=True, **SMALL).done) == 1


def test_names_that_exist_are_found_before(session, simulator):
    """With `if_exists="fail"` a taken name, or one that two jobs want, is a fault of its job."""
    session.batches.run_jobs([{"prompt": "a mug", "out": "a.png"}], **SMALL)
    sent = len(simulator.record)
    jobs = [{"prompt": "a cat", "out": "a.png"}, {"prompt": "1", "out": "b.png"}, {"prompt": "2", "out": "b.png"}]
    with pytest.raises(RequestError) as caught:
        session.batches.run_jobs(jobs, if_exists="fail", **SMALL)
    assert [p.where for p in caught.value.problems] == ["row 1", "row 3"]
    assert len(simulator.record) == sent


def test_running_again_sends_what_is_missing(session, simulator):
    """Resume goes by the request's identity; equal jobs count as often as they stand there."""
    jobs = ["a mug", "a mug", "a cat"]
    session.batches.run_jobs(jobs[:2], **SMALL)
    again = session.batches.run_jobs(jobs, **SMALL)
    assert [result.reused for result in again] == [True, True, False]
    assert simulator.images_billed == 3
    session.batches.run_jobs(jobs, reuse=False, **SMALL)
    assert simulator.images_billed == 6


def test_a_file_that_is_gone_or_changed_is_made_again(session, simulator):
    """Only a job whose images are as they were saved counts as done."""
    jobs = ["a mug", "a cat", "a dog"]
    first = session.batches.run_jobs(jobs, **SMALL)
    first[0].path.unlink()
    first[1].path.write_bytes(b"changed")
    again = session.batches.run_jobs(jobs, **SMALL)
    assert [result.reused for result in again] == [False, False, True]
    assert simulator.images_billed == 5


def test_failures_are_results():
    """One job's error does not stop the others; `fail_fast` does."""
    jobs = [f"mug {n}" for n in range(4)]
    gallery = simulated_session(Simulator(faults="moderation")).batches.run_jobs(jobs, concurrency=1, **SMALL)
    assert [isinstance(result, FailedJob) for result in gallery] == [True, False, False, False]
    assert gallery.failures[0].to_record()["outcome"] == "refused"
    simulator = Simulator(faults="moderation")
    simulated_session(simulator).batches.run_jobs(jobs, concurrency=1, fail_fast=True, out_dir="other", **SMALL)
    assert len(simulator.record) == 1


def test_fail_fast_checks_an_answer_before_the_next_is_sent():
    """An answer that turns out to hold no image stops the batch too, although its last byte came long before."""
    simulator = Simulator(faults="null data")
    jobs = [f"mug {n}" for n in range(4)]
    gallery = simulated_session(simulator).batches.run_jobs(jobs, concurrency=1, fail_fast=True, **SMALL)
    assert len(simulator.record) == 1
    assert [failure.error.outcome for failure in gallery.failures] == ["ambiguous", *["not sent"] * 3]


def test_interrupt_sends_nothing_more(session, simulator):
    """What was cancelled before it was sent is not sent, and a second run does the rest."""
    rows = read_source([f"mug {n}" for n in range(12)])
    plan = session.batches.plan(rows, SMALL)
    stop = threading.Event()
    gallery = session.batches.run(
        plan, {**SMALL, "concurrency": 2}, cancel=stop, on_done=lambda index, result: index == 3 and stop.set()
    )
    done = len(gallery.done)
    assert 4 <= done < 12
    rest = session.batches.run(session.batches.plan(read_source([f"mug {n}" for n in range(12)]), SMALL), SMALL)
    assert len(rest.done) == 12
    assert simulator.images_billed == 12
    assert len(set(rest.paths)) == 12


def test_budget_of_the_whole_batch(session, simulator):
    """`max_cost` is for the sum."""
    with pytest.raises(BudgetError):
        session.batches.run_jobs(["a", "b"], max_cost=0.06, size="1024x1024", quality="medium")
    assert not simulator.record


def test_a_slow_server_slows_everybody_and_loses_nobody():
    """A server that allows 2 at once while 8 are asked for: all are done, none twice."""
    simulator = Simulator(limit=2, latency=0.05)
    session = simulated_session(simulator, retries=8)
    gallery = session.batches.run_jobs([f"mug {n}" for n in range(10)], concurrency=8, **SMALL)
    assert len(gallery.done) == 10
    assert simulator.images_billed == 10


def test_no_more_in_flight_than_asked_for(folder):
    """There are threads that save while others send, but the server never has more than `concurrency` at once."""
    simulator = Simulator(limit=3, latency=0.05)
    session = simulated_session(simulator)
    gallery = session.batches.run_jobs([f"mug {n}" for n in range(12)], concurrency=3, **SMALL)
    assert len(gallery.done) == 12
    assert [arrival.status for arrival in simulator.record] == [200] * 12


def test_what_was_stopped_before_it_was_sent_leaves_no_trace(session, simulator):
    """A job that never got its turn holds no name and is not in the history."""
    stop = threading.Event()
    plan = session.batches.plan(read_source([f"mug {n}" for n in range(9)]), SMALL)
    gallery = session.batches.run(plan, {**SMALL, "concurrency": 2}, cancel=stop, on_done=lambda *done: stop.set())
    store = session.store(session.options({}))
    assert len(store.history.records()) == len(simulator.record) == len(gallery.done)
    assert len(list(store.folder.glob("*.png"))) == len(gallery.done)
    assert {failure.error.outcome for failure in gallery.failures} == {"not sent"}


def test_pacer_spaces_images_by_the_minute():
    """At 60 images a minute, one second lies between two single-image sends."""
    now = [0.0]
    pacer = Pacer(4, ipm=60, clock=lambda: now[0])
    with pacer.slot():
        pass
    assert pacer.next_send == 1.0
    pacer.learn({"x-ratelimit-remaining-images": "0", "x-ratelimit-reset-images": "1m30s"})
    assert pacer.next_send == 90.0
    for never in ("1764183600", "99999999s", "soon"):  # a date, three years, nothing
        pacer.learn({"x-ratelimit-remaining-images": "0", "x-ratelimit-reset-images": never})
    for nothing in (
        {"x-ratelimit-remaining-images": "1"},
        {"x-ratelimit-remaining-tokens": "0"},
    ):  # images left; no limit of images
        pacer.learn({**nothing, "x-ratelimit-reset-images": "200s", "x-ratelimit-reset-tokens": "200s"})
    assert pacer.next_send == 90.0


def in_thread(work):
    """The thread that does `work`, and whether it is over after a while that is far too long."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(10)
    return not thread.is_alive()


def test_a_place_is_handed_on_with_the_last_byte():
    """The next request is sent while the answer is taken apart; what the answer's headers say counts for it already."""
    pacer = Pacer(1)
    with pacer.slot() as received:
        received({"x-ratelimit-remaining-requests": "²"})  # no number that can be read
        assert in_thread(lambda: pacer.slot().__enter__())


def test_headers_count_before_the_place_is_free():
    """A server that has no requests left is not asked by the next one."""
    now = [0.0]
    pacer = Pacer(1, clock=lambda: now[0])
    with pacer.slot() as received:
        received({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "7s"})
        assert pacer.next_send == 7.0


def test_desks_wait_for_who_makes_a_job_ready():
    """Nobody works on an answer while another thread makes a job ready, and no more than there are desks."""
    desks, steps = Desks(1), []

    def work(name):
        desks.sit()
        steps.append(name)
        desks.leave()

    desks.get_ready()
    first = threading.Thread(target=work, args=("first",), daemon=True)
    first.start()
    steps.append("ready")
    desks.leave()
    first.join(10)
    assert steps == ["ready", "first"]
    desks.sit()
    second = threading.Thread(target=work, args=("second",), daemon=True)
    second.start()
    steps.append("mine")
    desks.leave()
    second.join(10)
    assert steps == ["ready", "first", "mine", "second"]


def test_an_answer_is_not_kept_waiting_by_a_job_that_waits_for_it():
    """Two equal rows with `reuse`: the second is getting ready until the first's answer is saved."""
    desks = Desks(1)
    desks.get_ready()
    assert in_thread(desks.sit)
    simulator = Simulator()
    results = []

    def run():
        results.extend(simulated_session(simulator).batches.run_jobs(["mug"] * 3, concurrency=3, reuse=True, **SMALL))

    assert in_thread(run)
    assert [result.ok for result in results] == [True] * 3
    assert simulator.images_billed == 1


@pytest.mark.parametrize(
    ("limit", "in_flight", "ready", "near"),
    [
        (2, 0, 0, True), (2, 0, 1, True), (2, 0, 2, False),
        (2, 1, 0, True), (2, 1, 1, False),
        (2, 2, 0, True), (2, 2, 1, True), (2, 2, 2, False),
        (1, 2, 0, True), (1, 2, 1, False),
    ],
)  # fmt: skip
def test_jobs_get_ready_for_the_places_there_are(limit, in_flight, ready, near):
    """With free places as many as those; while all are taken, as many as there are, so that the next wave is ready."""
    assert is_near(limit, in_flight, ready) == near


def test_an_answer_waits_while_a_request_goes_out():
    """For a moment only, and in vain if none goes out: then it is taken apart at once."""
    now = [0.0]

    def clock():
        now[0] += 0.001
        return now[0]

    desks = Desks(1, clock=clock)
    desks.sit()
    desks.leave()
    assert now[0] < CALM
    desks.send()
    sent = now[0]
    desks.sit()
    assert CALM <= now[0] - sent < PATIENCE


def test_who_comes_first_to_the_desks_waits_alone_and_all_get_one():
    """Many that wait for one desk get it in turn: none is forgotten when another leaves."""
    desks, served = Desks(1, clock=lambda: 0.0), []

    def work(number):
        desks.sit()
        served.append(number)
        desks.leave()

    desks.sit()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    assert not served
    desks.leave()
    for thread in threads:
        thread.join(60)
    assert sorted(served) == list(range(20))


def test_a_failed_attempt_gives_its_desk_back():
    """It may wait a minute for its next attempt."""
    count = 2 * (os.cpu_count() or 1) + 8
    pacer, failed, over = Pacer(2 * count), threading.Semaphore(0), threading.Event()

    def fail_and_wait():
        with contextlib.suppress(AnswerError), pacer.slot() as received:
            received({})
            raise AnswerError("no image")
        failed.release()
        over.wait(30)

    for _ in range(count):
        threading.Thread(target=fail_and_wait, daemon=True).start()
    assert all(failed.acquire(timeout=10) for _ in range(count))

    def sit():
        with pacer.turn(), pacer.slot() as received:
            received({})

    assert in_thread(sit)
    over.set()


def test_a_rate_limit_costs_what_the_server_asked(folder):
    """Five seconds asked, five waited; a second later each answer takes one more in flight, up to what was set."""
    now = [0.0]
    pacer = Pacer(4, clock=lambda: now[0])
    with contextlib.suppress(RateLimitError), pacer.slot():
        raise RateLimitError("slow down", retry_after=5.0)
    assert (pacer.next_send, pacer.limit) == (5.0, 1)
    for moment, limit in ((5.5, 1), (6.5, 2), (6.6, 3), (6.7, 4), (6.8, 4)):
        now[0] = moment
        with pacer.slot():
            pass
        assert pacer.limit == limit
    with contextlib.suppress(RateLimitError), pacer.slot():
        raise RateLimitError("slow down", retry_after=10.0**9)
    assert pacer.next_send == 6.8 + 3600.0


def test_several_images_take_the_time_of_several():
    """A limit of images a minute counts images, not requests."""
    pacer = Pacer(4, ipm=60, clock=lambda: 0.0)
    with pacer.slot(3):
        assert pacer.next_send == 3.0


def test_a_batch_counts_its_images_against_the_limit(session):
    """At 240 a minute, four images take a second."""
    sent = []
    session.batches.run_jobs(
        ["a mug", "a cat"],
        n=4,
        ipm=240,
        size="1024x640",
        quality="low",
        on_event=lambda event: sent.append(time.monotonic()) if isinstance(event, Sending) else None,
    )
    assert sent[1] - sent[0] > 0.9


def test_a_refusal_leaves_in_flight_what_the_server_took():
    """Of two requests one was refused: one it is from then on. More are tried later, after each refusal twice as late."""
    now = [0.0]
    pacer = Pacer(4, clock=lambda: now[0])
    with pacer.slot(), contextlib.suppress(RateLimitError), pacer.slot():
        raise RateLimitError("slow down", retry_after=0.0)
    assert pacer.limit == 1
    now[0] = 1.5
    with contextlib.suppress(RateLimitError), pacer.slot():
        raise RateLimitError("slow down", retry_after=0.0)
    for moment, limit in ((3.0, 1), (3.6, 2)):
        now[0] = moment
        with pacer.slot():
            pass
        assert pacer.limit == limit


def test_a_fault_of_ours_may_have_cost_money(session):
    """Nobody knows whether the request was sent by then."""
    (item,) = session.batches.plan(read_source(["a mug"]), {}).planned
    failed = result_or_failure(item, 0, lambda: 1 / 0)
    assert failed.error.outcome == "ambiguous"


def test_rows_of_every_kind(folder):
    """Lists, mappings, pandas, polars, pyarrow, JSONL and CSV give the same rows."""
    data = {"prompt": ["a", "b"], "quality": ["low", None]}
    expected = [{"prompt": "a", "quality": "low"}, {"prompt": "b"}]
    (folder / "jobs.csv").write_text("prompt,quality\na,low\nb,\n", encoding="utf-8")
    (folder / "jobs.jsonl").write_text('{"prompt": "a", "fields": {"quality": "low"}}\nb\n', encoding="utf-8")
    for source in (pd.DataFrame(data), pl.DataFrame(data), pa.table(data), expected, "jobs.csv", "jobs.jsonl"):
        assert [dict(row.values) for row in read_source(source)] == expected
    with pytest.raises(OptionError):
        read_source("nowhere.csv")
    with pytest.raises(OptionError):
        read_source(7)


def test_a_file_from_anywhere(folder):
    """A byte-order mark, Windows line ends, blank lines, comments and names in any script are read; lines keep their numbers."""
    lines = ["# jobs", "", '{"prompt": "a", "out": "größe 1.png"}', "  # more", "b", '{"prompt": ']
    (folder / "jobs.jsonl").write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode())
    rows = read_source("jobs.jsonl")
    assert [row.where for row in rows] == ["line 3", "line 5", "line 6"]
    assert dict(rows[0].values) == {"prompt": "a", "out": "größe 1.png"}
    assert rows[2].problems


@pytest.mark.parametrize(
    ("name", "data", "word"),
    [
        ("u16.jsonl", '{"prompt": "a"}\n'.encode("utf-16-be"), "null characters"),
        ("zero.csv", b"prompt\na\0b\n", "null characters"),
        ("lfs.txt", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "git lfs pull"),
        ("merge.jsonl", b'<<<<<<< HEAD\n{"prompt": "a"}\n=======\n{"prompt": "b"}\n>>>>>>> x\n', "not finished"),
        ("twice.jsonl", b'{"prompt": "a", "prompt": "b"}\n', "two values of prompt"),
        ("ruled.md", b"a mug\n|---|\n=====\n", "the prompt is empty"),
    ],
)
def test_lines_that_are_no_prompts_are_not_bought(session, simulator, folder, name, data, word):
    (folder / name).write_bytes(data)
    with pytest.raises(ImagegenError, match=word):
        session.batches.run_jobs(name)
    assert not simulator.record


def test_lines_of_an_open_file_are_not_bought(session, simulator, folder):
    """Its path is asked for; so are the objects, if the lines of a JSONL file come as a list."""
    (folder / "jobs.jsonl").write_text('{"prompt": "a"}\n')
    with (folder / "jobs.jsonl").open() as file, pytest.raises(ImagegenError, match="an open file is not read"):
        session.batches.run_jobs(file)
    with pytest.raises(ImagegenError, match="JSON text, not a prompt"):
        session.batches.run_jobs((folder / "jobs.jsonl").read_text().splitlines())
    (folder / "d.jsonl").mkdir()
    with pytest.raises(ImagegenError, match="it is a folder, not a file"):
        session.batches.run_jobs("d.jsonl")
    assert not simulator.record


def test_a_prompt_written_as_json_is_one(session):
    """Some people describe their image so; it goes out as it is typed."""
    text = '{"subject": "a fox", "style": "ink"}'
    gallery = session.batches.run_jobs([text], size="1024x1024", quality="low")
    assert gallery.done[0].record.prompt_sent == text


def test_grid():
    """Every combination of the grid, but of what a row sets itself: that would only be paid for again."""
    [own] = expand_grid(read_body('{"prompt": "a", "quality": "max"}'), parse_grid("quality=low,high"))
    assert (own.values["quality"], own.where) == ("max", "item 1")
    rows = list(expand_grid(read_body("a\nb"), parse_grid(["size=square,landscape quality=low,high"])))
    assert len(rows) == 8
    assert dict(rows[1].values) == {"size": "square", "quality": "high", "prompt": "a"}


class Textless:
    """An object of the user's own that can't say what it is."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (["size"], ["grid 'size': NAME=A,B is needed"]),
        ("quality=, size=,", ["grid 'quality=,'", "grid 'size=,'"]),
        (["quality=low", "quality=high"], ["grid 'quality': it stands there twice"]),
        ({"n": 3, "quality": None}, ["n needs a list of values", "quality needs a list"]),
        ({"quality": "low"}, ["quality needs a list of values", '{"quality": ["low", "high"]}']),
        ({"quality": []}, ["it has no values, so no job is left"]),
        ({"prompt": ["a cat", "a dog"]}, ["a row's prompt is its own", "wildcards"]),
        ({5: ["a"], Textless(): ["b"]}, ["grid 5: the name of an option", "grid of type Textless: the name"]),
        ({"size": Textless()}, ["grid of type Textless: size needs a list"]),
        ({"quality": [Textless()]}, ["quality of type Textless: it can't be read"]),
        ([Textless()], ["texts or a mapping are needed"]),
        (Textless(), ["grid of type Textless: texts or a mapping"]),
        (7, ["grid 7: texts or a mapping"]),
        ({"n": range(10**12)}, ["it makes 1001 jobs of each row"]),
        ({"n": range(1, 11), "web": range(1, 200)}, ["it makes 1990 jobs of each row"]),
    ],
)
def test_a_grid_that_can_not_be_read_is_a_card(session, simulator, grid, words):
    with pytest.raises(ImagegenError) as caught:
        session.batches.run_jobs(["a mug"], grid=grid)
    assert [word for word in words if word not in str(caught.value)] == []
    assert not simulator.record


def test_a_grid_in_the_ways_of_python(session):
    """Any iterable of values, names with dashes; two things without a short text have places of their own."""
    pair = [np.full((64, 64, 3), shade, np.uint8) for shade in (0, 9)]
    plan = session.batches.preview_jobs(["a mug"], grid={"--output-format": {"webp"}, "image": pair})
    assert [item.where for item in plan.planned] == [
        f"row 1 (output_format=webp, image=ndarray {number})" for number in (1, 2)
    ]


@pytest.mark.parametrize(
    ("own", "rule"),
    [
        ({"session_max_cost": 0.001}, "of the whole batch"),
        ({"dry_run": True}, "of the whole batch"),
        ({"show_prompt": True}, "of the whole batch"),
        ({"via": "batch-api"}, "of the whole batch"),
        ({"out_dir": "elsewhere"}, "of the whole batch"),
        ({"backend": "openai"}, "of the whole batch"),
        ({"base_url": "http://127.0.0.1:9/v1"}, "of the whole batch"),
        ({"wildcards": True}, "of the whole batch"),
        ({"frames": 6}, "of sprite sheets only"),
    ],
)
def test_what_a_row_can_not_have_for_itself_is_refused(session, simulator, own, rule):
    """Else its limit would not hold, and a row that asks only for a look would be bought. All faults are said at once."""
    with pytest.raises(RequestError) as caught:
        session.batches.run_jobs(["a fox", {"prompt": "a mug", "quality": "no", **own}])
    assert {problem.where for problem in caught.value.problems} == {"row 2"}
    assert {problem.field for problem in caught.value.problems} >= {"quality", *own}
    assert rule in str(caught.value)
    assert not simulator.record


def test_a_batch_has_no_option_of_sprite_sheets(session):
    with pytest.raises(RequestError, match="frames 6: of sprite sheets only"):
        session.batches.run_jobs(["a mug"], frames=6)


def test_a_column_with_the_name_of_another_command_s_option_is_not_read(session):
    """A table may say where a prompt is from, or in which layout it was printed."""
    table = {"prompt": ["a mug"], "source": ["catalogue"], "layout": ["A4"]}
    plan = session.batches.preview_jobs(pd.DataFrame(table))
    assert plan.unused == ("source", "layout")


def test_grid_of_several_words(shell, simulator):
    """On a line, every NAME=A,B after --grid belongs to it; a value may hold spaces; a NAME is still a NAME."""
    from test_magics import run

    line = "%%imagegen_batch cups --dry-run --grid size=square,landscape style='oil paint,ink'"
    _, done = run(shell, line + "\na cup")
    assert "4 jobs" in str(shell.user_ns.get("cups", done.result))
    _, done = run(shell, "%%imagegen_batch not-a-name --dry-run\na cup")
    assert "must be a Python name" in str(done.error_in_exec)


def test_names_are_settled_before_anything_is_sent(session, folder):
    """Equal names are numbered in the batch's order, whichever job is sent first, and a name that exists is said."""
    session.batches.run_jobs([{"prompt": "old", "out": "cup.png"}], **SMALL)
    jobs = [{"prompt": "first", "out": "cup.png"}, {"prompt": "second", "out": "cup.png"}, "a hat", "a hat!"]
    plan = session.batches.plan(read_source(jobs), {**SMALL, "n": 1})
    planned = [item.files for item in plan.planned]
    assert planned == ["cup-v2.png", "cup-v3.png", "hat.png", "hat-v2.png"]
    assert "cup.png is taken, so it will be cup-v2.png (and 2 more)" in plan.summary()
    gallery = session.batches.run_jobs(list(reversed(jobs)), concurrency=4, **SMALL)
    assert [path.name for path in gallery.paths] == ["hat.png", "hat-v2.png", "cup-v2.png", "cup-v3.png"]
    several = session.batches.plan(read_source([{"prompt": "x", "out": "hat.png"}]), {**SMALL, "n": 2})
    assert several.planned[0].files == "hat-1.png, hat-2.png"


def test_faults_come_in_the_order_of_the_lines(session):
    """A name that is taken stands between the unreadable lines around it."""
    session.batches.run_jobs([{"prompt": "old", "out": "cup.png"}], **SMALL)
    rows = read_body('{"prompt": "a", "size": "3x3"}\n{"prompt": "b", "out": "cup.png"}\n{"prompt": \n')
    with pytest.raises(RequestError) as caught:
        session.batches.plan(rows, {**SMALL, "if_exists": "fail"})
    assert [problem.where for problem in caught.value.problems] == ["line 1", "line 2", "line 3"]


def test_batch_cell(shell, simulator):
    """A cell of prompts and JSON lines; --dry-run sends nothing; the gallery is bound and reported."""
    from test_magics import run

    cell = '%%imagegen_batch icons --size 1024x640 --quality low{}\nflat icon: bell\n{{"prompt": "a cat"}}\n'
    _, done = run(shell, cell.format(" --dry-run"))
    assert "2 to send" in str(done.result)
    assert not simulator.record
    _, done = run(shell, cell.format(""))
    assert done.success
    assert len(shell.user_ns["icons"].done) == 2
    shell.user_ns["jobs"] = ["a fish"]
    _, done = run(shell, "%imagegen batch more --from jobs --size 1024x640 --quality low")
    assert len(shell.user_ns["more"]) == 1


def batch_api_line(custom_id="mug", url="/v1/images/generations", **body):
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": {"prompt": "a mug", "quality": "low", **body}}


@pytest.mark.parametrize(("custom_id", "name"), [("mug", "mug"), ("request-1", None)])
def test_a_line_of_the_batch_api_is_read_by_its_body(custom_id, name, session, simulator, folder):
    """Files made for OpenAI's Batch API hold the options in `body`; the id is the name if it can be one."""
    (folder / "a.jsonl").write_text(json.dumps(batch_api_line(custom_id, size="1024x640")) + "\n")
    for source in ("a.jsonl", [batch_api_line(custom_id, size="1024x640")]):
        [made] = session.batches.run_jobs(source).results
        assert made.name == name
        assert {key: made.request[key] for key in ("prompt", "size", "quality")} == {
            "prompt": "a mug", "size": "1024x640", "quality": "low",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (batch_api_line(url="/v1/chat/completions"), "a line of the Batch API for /v1/chat/completions"),
        (batch_api_line(url="/v1/images/edits", images=[{"image_url": "data:image/png;base64,AAAA"}]), "data URI"),
        (batch_api_line(url="/v1/images/edits", images=[{"file_id": "file-abc"}]), "file-abc"),
        (batch_api_line(prompt=["a", "b"]), "a prompt is a text, not list"),
        ({"prompt": ["a", "b"]}, "a prompt is a text, not list"),
    ],
)
def test_a_line_that_cannot_be_read_says_why(line, rule, session, simulator):
    with pytest.raises(ImagegenError, match=rule):
        session.batches.run_jobs([line])
    assert not simulator.record
