"""A session's many requests: batches that run now, and those handed to the Batch API."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from .batch import BatchPlan, FailedJob, Gallery, Planned, plan_batch, result_or_failure, run_planned, write_report
from .pacing import Pacer
from .planning import check_budget
from .response import OnEvent
from .result import ImageResult
from .rows import Row
from .running import run_job, stored_result
from .store import Store
from .tables import Table

if TYPE_CHECKING:
    from .batch_api import BatchHandle, Submitted

from .session_core import SessionCore, ignore

__all__ = ["BatchSession"]


class BatchSession(SessionCore):
    """Runs batches."""

    # many requests

    def plan_batch(
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
        options = self.options(shared)
        plan = self._plan_rows(rows, shared, name=name, cell=cell, variables=variables)
        if not options["dry_run"]:
            check_budget(plan.estimate, options, self.spent)
        return plan

    def _plan_rows(
        self,
        rows: Iterable[Row],
        shared: Mapping[str, Any],
        *,
        name: str | None,
        cell: str = "",
        variables: Mapping[str, object] | None = None,
    ) -> BatchPlan:
        """The checked batch, whatever it costs."""
        options = self.options(shared)
        common = {key: value for key, value in shared.items() if key not in ("source", "grid", "max_cost")}
        return plan_batch(
            rows,
            common,
            plan=self.plan,
            store=self.store(options),
            server=self.client(options).server,
            name=name,
            cell=cell,
            variables=variables,
        )

    def run_batch(
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
        options = self.options(shared)

        def run_one(item: Planned, index: int, pacer: Pacer, stop: threading.Event) -> ImageResult:
            gate = partial(pacer.slot, item.job.request.count)
            run = self._run(
                item.job,
                on_event=on_event,
                cancel=stop,
                index=index,
                gate=gate,
                on_response=lambda r: pacer.learn(r.headers),
            )
            return stored_result(item.job, run, item.stored) if item.stored else run_job(item.job, run)

        gallery = run_planned(
            plan,
            run_one,
            concurrency=options["concurrency"],
            ipm=options["ipm"],
            fail_fast=bool(options["fail_fast"]),
            cancel=cancel,
            on_done=on_done,
        )
        return write_report(gallery, self.store(options), name or "batch")

    # the Batch API

    def submit_batch(self, plan: BatchPlan, shared: Mapping[str, Any], *, name: str | None = None) -> BatchHandle:
        """The handle of a batch that was handed to the server, to be collected within 24 hours, in any kernel."""
        from .batch_api import submit  # noqa: PLC0415 - only for the Batch API

        options = self.options(shared)
        store, client = self.store(options), self.client(options)
        backend, base_url = options["backend"], options["base_url"]
        sent = submit(plan, store, client.batches(), client.server, name=name, backend=backend, base_url=base_url)
        return self._handle(sent, store)

    def batch_handle(self, batch_id: str = "") -> BatchHandle:
        """The handle of a batch submitted from this output folder; without an id, of the newest.

        Raises:
            OptionError: there is none.
        """
        from .batch_api import find_submitted  # noqa: PLC0415 - only for the Batch API

        store = self.store(self.options({}))
        return self._handle(find_submitted(store, batch_id), store)

    def batches_table(self) -> Table:
        """Every batch submitted from this output folder."""
        from .batch_api import submitted_table  # noqa: PLC0415 - only for the Batch API

        return submitted_table(self.store(self.options({})))

    def _handle(self, sent: Submitted, store: Store) -> BatchHandle:
        from .batch_api import BatchHandle  # noqa: PLC0415 - only for the Batch API

        client = self.client(self.options({"backend": sent.backend, "base_url": sent.base_url}))
        return BatchHandle(sent, store, client.batches(), self._collect)

    def _collect(self, sent: Submitted, lines: Iterable[Mapping[str, Any]]) -> Gallery:
        """Every job planned anew and given its answer; what is saved already is not saved again."""
        from .batch_api import AnswerFromFile  # noqa: PLC0415 - only for the Batch API

        shared = {"backend": sent.backend, "base_url": sent.base_url, "via": "batch-api"}
        plan = self._plan_rows(sent.rows(), shared, name=sent.name)
        places = {item.where: index for index, item in enumerate(plan.planned)}
        results: dict[int, ImageResult | FailedJob] = {}

        def settle(index: int, line: Mapping[str, Any] | None) -> None:
            item = plan.planned[index]
            run = self._run(item.job, index=index, send=AnswerFromFile(line, sent.server))
            work = (
                partial(stored_result, item.job, run, item.stored) if item.stored else partial(run_job, item.job, run)
            )
            results[index] = result_or_failure(item, index, work)

        for line in lines:
            if (index := places.get(str(line.get("custom_id")))) is not None and index not in results:
                settle(index, line)
        for index in range(len(plan.planned)):
            if index not in results:
                settle(index, None)
        gallery = Gallery(results=tuple(results[index] for index in sorted(results)))
        return write_report(gallery, self.store(self.options({})), sent.id)
