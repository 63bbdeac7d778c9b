"""Every limit on money, under calls that run at the same time: what was asked, sent and billed, and whether the limit held.

    python benchmarks/budgets.py

Each row is one session on a served simulator. A limit holds if the images that the server billed, each at its estimate's
upper end, cost no more than it; and a row must not hold back more than it has to (`sent` is what must have gone out).
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from PIL import Image

from imagegen_magic.batch.rows import read_source
from imagegen_magic.errors import BudgetError, CallError, ImagegenError, RequestError
from imagegen_magic.panel.controller import Controller
from imagegen_magic.panel.facade import Facade
from imagegen_magic.panel.form import Form
from imagegen_magic.session import Session
from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import Server, serve

SMALL = {"size": "1024x640", "quality": "low"}
NIGHT = {**SMALL, "model": "gpt-image-2.5-flare", "via": "batch-api"}
ROUND_TRIPS = 12
"""Questions after which the simulator's Batch API is through."""


@dataclass(slots=True)
class Trial:
    """One row: a server, a session with a limit, and what became of each request."""

    server: Server
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)
    done: int = 0
    refused: int = 0
    failed: int = 0

    def session(self, **settings: Any) -> Session:
        """The session, its defaults on this row's server."""
        self.settings = {"base_url": self.server.url, "out_dir": str(self.folder), "retries": 0, **SMALL, **settings}
        self.sessions.append(Session(defaults=lambda: self.settings))
        return self.sessions[-1]

    def price(self, **options: Any) -> Decimal:
        """The upper end of one image's estimate."""
        high = self.session().preview("a mug", **options).estimate.high
        assert high is not None
        return high

    def count(self, call: Callable[[], Any]) -> None:
        """Makes a call and counts how it ended."""
        try:
            call()
        except (BudgetError, RequestError):
            self.refused += 1
        except CallError:
            self.failed += 1
        else:
            self.done += 1

    def together(self, calls: Iterable[Callable[[], Any]]) -> None:
        """Makes all calls at once, each in a thread of its own."""
        threads = [threading.Thread(target=self.count, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a row came to. Amounts in USD."""

    limit: Decimal
    each: Decimal
    """Upper end of one image."""
    least: int
    """Images that must have been made all the same."""


def detached(trial: Trial) -> Outcome:
    """8 detached calls, room for 3."""
    each = trial.price()
    session = trial.session(session_max_cost=3 * each)
    tasks = []
    for number in range(8):
        trial.count(lambda number=number: tasks.append(session.start(f"mug {number}")))  # type: ignore[misc]
    for task in tasks:
        task.result()
    return Outcome(limit=3 * each, each=each, least=3)


def threads(trial: Trial) -> Outcome:
    """8 threads, room for 3."""
    each = trial.price()
    session = trial.session(session_max_cost=3 * each)
    trial.together(lambda number=number: session.generate(f"mug {number}") for number in range(8))  # type: ignore[misc]
    return Outcome(limit=3 * each, each=each, least=1)


def batches(trial: Trial) -> Outcome:
    """4 batches of 3 at once, room for 7 images."""
    each = trial.price()
    session = trial.session(session_max_cost=7 * each)
    trial.together(
        lambda batch=batch: session.batches.run_jobs([f"mug {batch} {row}" for row in range(3)])  # type: ignore[misc]
        for batch in range(4)
    )
    return Outcome(limit=7 * each, each=each, least=3)


def mixed(trial: Trial) -> Outcome:
    """2 batches of 3, 4 threads and 4 detached calls at once, room for 6 images."""
    each = trial.price()
    session = trial.session(session_max_cost=6 * each)
    calls: list[Callable[[], Any]] = [
        lambda batch=batch: session.batches.run_jobs([f"bowl {batch} {row}" for row in range(3)])  # type: ignore[misc]
        for batch in range(2)
    ]
    calls += [lambda number=number: session.generate(f"mug {number}") for number in range(4)]  # type: ignore[misc]
    calls += [lambda number=number: session.start(f"cup {number}").result() for number in range(4)]  # type: ignore[misc]
    trial.together(calls)
    return Outcome(limit=6 * each, each=each, least=1)


def batch_api(trial: Trial) -> Outcome:
    """3 submissions of 2 to the Batch API at once and a direct call, room for 3 images at half the price; all collected."""
    each = trial.price(**NIGHT)
    session = trial.session(session_max_cost=3 * each)
    handles: list[Any] = []

    def submit(number: int) -> None:
        plan = session.batches.plan(read_source([f"mug {number} {row}" for row in range(2)]), NIGHT)
        handles.append(session.batches.submit(plan, NIGHT))

    trial.together(lambda number=number: submit(number) for number in range(3))  # type: ignore[misc]
    trial.count(lambda: session.generate("a cup", **{**NIGHT, "via": "direct"}))  # twice the price: no room
    for handle in handles:
        for _ in range(ROUND_TRIPS):
            handle.status()
        handle.collect()
    return Outcome(limit=3 * each, each=each, least=2)


def settled(trial: Trial) -> Outcome:
    """A collected batch holds no more than it cost: what is left of the limit can be spent."""
    each = trial.price(**NIGHT)
    session = trial.session(session_max_cost=4 * each)
    plan = session.batches.plan(read_source(["a mug", "a cup"]), NIGHT)
    handle = session.batches.submit(plan, NIGHT)
    for _ in range(ROUND_TRIPS):
        handle.status()
    handle.collect()
    trial.count(lambda: session.generate("a bowl", **{**NIGHT, "via": "direct"}))  # twice the price: it just fits
    return Outcome(limit=4 * each, each=each, least=3)


def retried(trial: Trial) -> Outcome:
    """4 calls of up to 3 attempts, each attempt billed and lost; room for 6 images."""
    each = trial.price()
    session = trial.session(session_max_cost=6 * each, retry_ambiguous=2)
    trial.together(lambda number=number: session.generate(f"mug {number}") for number in range(4))  # type: ignore[misc]
    lines = [record.outcome for record in session.library.history.records()]
    assert lines == ["ambiguous"] * trial.server.simulator.images_billed, lines
    return Outcome(limit=6 * each, each=each, least=3)


def retried_over_max_cost(trial: Trial) -> Outcome:
    """`max_cost` for 2 images; a call that may be tried 3 times is refused."""
    each = trial.price()
    session = trial.session(max_cost=2 * each, retry_ambiguous=2)
    trial.count(lambda: session.generate("a mug"))
    return Outcome(limit=2 * each, each=each, least=0)


def unknown_outcomes(trial: Trial) -> Outcome:
    """6 calls whose answers are lost, one after the other, room for 3: each counts as if it was billed."""
    each = trial.price()
    session = trial.session(session_max_cost=3 * each)
    for number in range(6):
        trial.count(lambda number=number: session.generate(f"mug {number}"))  # type: ignore[misc]
    return Outcome(limit=3 * each, each=each, least=3)


def own_limit_of_a_row(trial: Trial) -> Outcome:
    """A row with a `max_cost` below its price, between two without: nothing is sent, the row is named."""
    each = trial.price()
    session = trial.session()
    rows = ["a mug", {"prompt": "a cup", "max_cost": str(each / 2)}, "a bowl"]
    trial.count(lambda: session.batches.run_jobs(rows))
    return Outcome(limit=Decimal(0), each=each, least=0)


def own_limit_skipped(trial: Trial) -> Outcome:
    """The same with `skip_invalid`: the two others are sent."""
    each = trial.price()
    session = trial.session()
    rows = ["a mug", {"prompt": "a cup", "max_cost": str(each / 2)}, "a bowl"]
    trial.count(lambda: session.batches.run_jobs(rows, skip_invalid=True))
    return Outcome(limit=2 * each, each=each, least=2)


def question_of_a_row(trial: Trial) -> Outcome:
    """A row with a `confirm_above` below its price: nothing is sent without a yes."""
    each = trial.price()
    session = trial.session()
    trial.count(lambda: session.batches.run_jobs([{"prompt": "a cup", "confirm_above": str(each / 2)}]))
    return Outcome(limit=Decimal(0), each=each, least=0)


def batch_over_max_cost(trial: Trial) -> Outcome:
    """A batch of 4 with `max_cost` for 3: refused whole."""
    each = trial.price()
    session = trial.session()
    trial.count(lambda: session.batches.run_jobs([f"mug {row}" for row in range(4)], max_cost=str(3 * each)))
    return Outcome(limit=3 * each, each=each, least=0)


def panel_limit(trial: Trial) -> Outcome:
    """The panel's max cost below the price, asked for and confirmed: it is a limit, not a question."""
    each = trial.price()
    controller = Controller(Facade(trial.session()), Form.from_json({}), on_result=lambda result: None)
    form = {"prompt": "a mug", "values": {"quality": "low", "size": "1024x640", "max_cost": str(each / 2)}}
    for agreed in ([], ["cost", "many"]):
        controller.handle({"do": "generate", "form": form, "agreed": agreed}, [])
        trial.refused += not controller.state()["checked"]["ok"]
    controller.queue.wait(30)
    return Outcome(limit=Decimal(0), each=each, least=0)


def panel_queue(trial: Trial) -> Outcome:
    """6 requests put into the panel's queue, room in the session for 2."""
    each = trial.price()
    controller = Controller(
        Facade(trial.session(session_max_cost=2 * each)), Form.from_json({}), on_result=lambda result: None
    )
    for number in range(6):
        form = {"prompt": f"mug {number}", "values": {"quality": "low", "size": "1024x640"}}
        controller.handle({"do": "generate", "form": form}, [])
        trial.done += controller.state()["checked"]["ok"]
    controller.queue.wait(30)
    return Outcome(limit=2 * each, each=each, least=2)


def two_backdrops(trial: Trial) -> Outcome:
    """`transparent="difference"` makes two images; `max_cost` for one and a half refuses it."""
    each = trial.price()
    session = trial.session(max_cost=each * 3 / 2)
    trial.count(lambda: session.generate("a mug", transparent="difference"))
    return Outcome(limit=each * 3 / 2, each=each, least=0)


def reused(trial: Trial) -> Outcome:
    """With nothing left of the limit, `reuse` still shows what is there."""
    each = trial.price()
    session = trial.session(session_max_cost=each)
    for _ in range(3):
        trial.count(lambda: session.generate("a mug", reuse=True))
    assert trial.done == 3, "a stored image costs nothing"
    return Outcome(limit=each, each=each, least=1)


ROWS: dict[Callable[[Trial], Outcome], str] = {
    detached: "",
    threads: "",
    batches: "",
    mixed: "",
    batch_api: "",
    settled: "",
    retried: "502 html x*",
    retried_over_max_cost: "502 html x*",
    unknown_outcomes: "reset after headers x*",
    own_limit_of_a_row: "",
    own_limit_skipped: "",
    question_of_a_row: "",
    batch_over_max_cost: "",
    panel_limit: "",
    panel_queue: "",
    two_backdrops: "",
    reused: "",
}
"""Each row with the faults of its server."""


def image() -> bytes:
    """A PNG that needs no drawing."""
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 30).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def run_row(row: Callable[[Trial], Outcome], faults: str) -> tuple[Trial, Outcome, int]:
    """The row's counts, what it came to, and the images billed."""
    folder = Path(tempfile.mkdtemp(prefix="budgets-"))
    simulator = Simulator(faults=faults, picture=image(), latency=0.05)
    try:
        with serve(simulator=simulator) as server:
            trial = Trial(server=server, folder=folder)
            outcome = row(trial)
            for session in trial.sessions:
                session.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return trial, outcome, simulator.images_billed


def main() -> int:
    """Prints the table; the exit status is the number of rows that did not hold."""
    wrong = 0
    print(f"{'limit':22} {'done':>4} {'refused':>7} {'lost':>4} {'billed':>6} {'at most':>8} {'limit':>8}  what")
    for row, faults in ROWS.items():
        try:
            trial, outcome, billed = run_row(row, faults)
        except (AssertionError, ImagegenError) as error:
            wrong += 1
            print(f"{row.__name__:22} <-- {type(error).__name__}: {error}")
            continue
        cost = billed * outcome.each
        right = cost <= outcome.limit and billed >= outcome.least
        wrong += not right
        counts = f"{trial.done:4} {trial.refused:7} {trial.failed:4} {billed:6} {cost:8.4f} {outcome.limit:8.4f}"
        print(f"{row.__name__:22} {counts}  {row.__doc__}{'' if right else '   <-- DOES NOT HOLD'}")
    print(f"{len(ROWS)} limits; {wrong} did not hold")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
