"""A session's many requests: batches that run now, and those handed to the Batch API."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from warnings import warn

from imagegen_magic.errors import Fix, OptionError, Problem, RequestError, Setting
from imagegen_magic.jobs.planning import Job, check_budget
from imagegen_magic.jobs.result import ImageResult, shown_path
from imagegen_magic.jobs.running import Run, run_job, stored_result
from imagegen_magic.jobs.spending import Spending
from imagegen_magic.jobs.task import Task, run_through
from imagegen_magic.options.hints import sheet_problems
from imagegen_magic.options.options import Options
from imagegen_magic.options.values import BATCH_CALLS, read_call
from imagegen_magic.options.words import in_python_words
from imagegen_magic.redaction import REMOVED, redact
from imagegen_magic.request.response import OnEvent, ignore
from imagegen_magic.store.folder import Store
from imagegen_magic.tables import Table

from .grids import parse_grid
from .handle import BatchHandle, submit
from .lines import AnswerFromFile, TornLine, request_id_of
from .pacing import Pacer
from .plan import BatchPlan, PlannedJob, intact_records, plan_batch, result_or_failure, run_planned
from .results import FailedJob, Gallery, write_report
from .rows import Row, expand, read_source
from .submitted import SubmittedBatch, find_submitted, submitted_table

if TYPE_CHECKING:
    from imagegen_magic.wire.client import Client

__all__ = ["Batches", "Runner"]


class Connections(Protocol):
    """Where clients come from."""

    def get(self, options: Options) -> Client: ...


class Runner(Protocol):
    """What batches need of a session; `session.Session` is one."""

    @property
    def spending(self) -> Spending: ...
    @property
    def clients(self) -> Connections: ...
    def options(self, values: Mapping[str, Any] | None = None) -> Options: ...
    def store(self, options: Options) -> Store: ...
    @property
    def plan(self) -> Callable[..., Job]: ...
    def run_context(self, job: Job, **how: Any) -> Run: ...


@contextlib.contextmanager
def _frozen() -> Iterator[None]:
    """Leaves what is alive now, modules and the user's own data, out of the garbage collections of a batch: an eighth of its CPU time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class Batches:
    """Many jobs of one session: planned whole, run together, or submitted and collected later."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._submitted: dict[str, Decimal] = {}
        """USD reserved for what this session submitted and did not collect yet."""

    def plan(
        self,
        rows: Iterable[Row],
        shared: Mapping[str, Any],
        *,
        name: str | None = None,
        cell: str = "",
        variables: Mapping[str, object] | None = None,
    ) -> BatchPlan:
        """The batch, checked whole; nothing is sent or written.

        Raises:
            RequestError: jobs are faulty and `skip_invalid` is not given; every fault names its line.
            BudgetError: the whole batch may cost more than a limit.
        """
        options = self._runner.options(shared)
        plan = self._plan_rows(rows, shared, name=name, cell=cell, variables=variables)
        if not options.dry_run:
            check_budget(plan.estimate, options, self._runner.spending.total)
        return plan

    def _plan_rows(
        self,
        rows: Iterable[Row],
        shared: Mapping[str, Any],
        *,
        name: str | None,
        cell: str = "",
        variables: Mapping[str, object] | None = None,
        is_paid: bool = False,
    ) -> BatchPlan:
        """The checked batch, whatever it costs."""
        options = self._runner.options(shared)
        common = {key: value for key, value in shared.items() if key not in ("source", "grid", "max_cost")}
        return plan_batch(
            rows,
            common,
            plan=partial(self._runner.plan, is_paid=is_paid),
            store=self._runner.store(options),
            server=self._runner.clients.get(options).server,
            name=name,
            cell=cell,
            variables=variables,
        )

    def run(
        self,
        plan: BatchPlan,
        shared: Mapping[str, Any],
        *,
        name: str | None = None,
        on_event: OnEvent = ignore,
        on_done: Callable[[int, ImageResult | FailedJob], None] = lambda index, result: None,
        cancel: threading.Event | None = None,
    ) -> Gallery:
        """The results of a planned batch, in its order, with its report on disk; failures are results."""
        options = self._runner.options(shared)

        def run_one(item: PlannedJob, index: int, pacer: Pacer, stop: threading.Event) -> ImageResult:
            gate = partial(pacer.slot, item.job.request.count)
            run = self._runner.run_context(
                item.job,
                on_event=on_event,
                cancel=stop,
                index=index,
                gate=gate,
            )
            return stored_result(item.job, run, item.stored) if item.stored else run_job(item.job, run)

        with self._runner.spending.reserved(plan.estimate, options), _frozen():
            gallery = run_planned(
                plan,
                run_one,
                concurrency=options.concurrency,
                ipm=options.ipm,
                fail_fast=options.fail_fast,
                cancel=cancel,
                on_done=on_done,
            )
        gallery = replace(gallery, results=plan.with_left_out(gallery.results))
        return write_report(gallery, self._runner.store(options), name or "batch")

    @in_python_words()
    def run_jobs(
        self, jobs: Any, *, name: str | None = None, on_event: OnEvent = ignore, grid: Any = None, **options: Any
    ) -> Gallery:
        """As `imagegen_magic.run_batch`."""
        rows, shared = _read_jobs(jobs, grid, options)
        plan = self.plan(rows, shared, name=name)
        task: Task[Gallery] = Task(0, f"{name or 'batch'} ({plan.summary()})")

        def work(task: Task[Gallery]) -> Gallery:
            return self.run(plan, shared, name=name, on_event=on_event, cancel=task.cancel_event)

        try:
            return run_through(task, work)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note("Nothing more was sent, and what had been sent is saved. Run it again for the rest.")
            raise

    @in_python_words()
    def preview_jobs(self, jobs: Any, *, name: str | None = None, grid: Any = None, **options: Any) -> BatchPlan:
        """As `imagegen_magic.preview_batch`."""
        rows, shared = _read_jobs(jobs, grid, options)
        return self._plan_rows(rows, {**shared, "skip_invalid": True}, name=name)

    # the Batch API

    def submit(self, plan: BatchPlan, shared: Mapping[str, Any], *, name: str | None = None) -> BatchHandle:
        """The handle of a batch that was handed to the server, to be collected within 24 hours, in any kernel."""
        options = self._runner.options(shared)
        store, client = self._runner.store(options), self._runner.clients.get(options)
        backend, base_url = options.backend, options.base_url
        amount = self._runner.spending.reserve(
            plan.estimate, options
        )  # until it is collected: the server goes on alone
        try:
            sent = submit(plan, store, client.batches(), client.server, name=name, backend=backend, base_url=base_url)
        except BaseException:
            self._runner.spending.release(amount)
            raise
        self._submitted[sent.id] = amount
        return self._handle(sent, store)

    def handle(self, batch_id: str = "") -> BatchHandle:
        """The handle of a batch submitted from this output folder; without an id, of the newest.

        Raises:
            OptionError: there is none.
        """
        store = self._runner.store(self._runner.options())
        return self._handle(find_submitted(store, batch_id), store)

    def table(self) -> Table:
        """Every batch submitted from this output folder."""
        return submitted_table(self._runner.store(self._runner.options()))

    def _handle(self, sent: SubmittedBatch, store: Store) -> BatchHandle:
        options = self._runner.options(self._server_of(sent))
        return BatchHandle(sent, store, self._runner.clients.get(options).batches(), self._collect)

    def _server_of(self, sent: SubmittedBatch) -> dict[str, Any]:
        """The options that name a batch's server; a key in its address is not in the note, and is taken from what is set now.

        Raises:
            OptionError: nothing is set, or another address.
        """
        address, now = sent.base_url or "", self._runner.options().base_url or ""
        if REMOVED in address and redact(now) == address:
            address = now
        elif REMOVED in address:
            rule = f"the batch was submitted to {address}; the key in that is not kept"
            fix = Fix("set the same address again: ", Setting("--base-url"))
            raise OptionError(
                "the server can't be asked",
                problems=(Problem(field="base_url", value=now or None, rule=rule, fix=fix),),
            )
        return {"backend": sent.backend, "base_url": address or None}

    def _collect(self, sent: SubmittedBatch, lines: Iterable[Mapping[str, Any] | TornLine]) -> Gallery:
        """Every job planned anew and given its answer; what is saved already is not saved again.

        An answer is known by its request's id: another image of an identical request, made before or in the same batch,
        does not stand for it. One without an id counts as saved if as many of its request are.
        """
        shared = {**self._server_of(sent), "via": "batch-api"}
        store = self._runner.store(self._runner.options())
        plan = self._plan_rows(sent.rows(store), shared, name=sent.name, is_paid=True)
        places = {item.where: index for index, item in enumerate(plan.planned)}
        results: dict[int, ImageResult | FailedJob] = {}
        saved = {(record.digest, record.request_id): record for record in intact_records(store, sent.server)}

        def settle(index: int, line: Mapping[str, Any] | TornLine | None) -> None:
            item, request_id = plan.planned[index], request_id_of(line)
            run = self._runner.run_context(item.job, index=index, send=AnswerFromFile(line, sent.server), is_paid=True)
            before = saved.get((item.job.request.digest(), request_id)) if request_id else item.stored
            work = partial(stored_result, item.job, run, before) if before else partial(run_job, item.job, run)
            results[index] = result_or_failure(item, index, work)

        torn: dict[str, TornLine] = {}
        for line in lines:
            if isinstance(line, TornLine):
                torn[line.custom_id if line.custom_id in places else ""] = line
            elif (index := places.get(str(line.get("custom_id")))) is not None and index not in results:
                settle(index, line)
        for custom_id, index in places.items():
            if index not in results:
                settle(index, torn.get(custom_id) or torn.get(""))
        if "" in torn:
            warn(f"a line of the result file can't be read; it is kept: {shown_path(torn[''].path)}", stacklevel=2)
        gallery = Gallery(results=tuple(results[index] for index in sorted(results)))
        self._runner.spending.release(self._submitted.pop(sent.id, Decimal(0)))
        return write_report(gallery, store, sent.id)


def _read_jobs(jobs: Any, grid: Any, options: Mapping[str, Any]) -> tuple[Iterable[Row], dict[str, Any]]:
    """(the rows that are meant, the options that they share).

    Raises:
        RequestError: an option can't be read.
        OptionError: the jobs or the grid can't.
    """
    shared, problems = read_call(options, BATCH_CALLS)
    problems += sheet_problems(options)
    if problems:
        raise RequestError("the batch's options can't be read", problems=tuple(problems))
    return expand(read_source(jobs), wildcards=bool(shared.get("wildcards")), grid=parse_grid(grid)), shared
