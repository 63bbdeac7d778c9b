"""Many jobs: the whole batch checked before anything is sent, then run together; failures are results."""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, overload

from .cost import Estimate, format_usd
from .errors import CallCancelledError, CallError, ImagegenError, Problem, RequestError
from .history import Record
from .names import safe_stem
from .option_values import read_values
from .pacing import Pacer
from .planning import Job
from .result import ImageResult
from .rows import Row
from .store import Store
from .tables import Table

__all__ = ["BatchPlan", "FailedJob", "Gallery", "Planned", "plan_batch", "result_or_failure", "run_planned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedJob:
    """A job that has no picture: which one, and the error that says why and what became of the money."""

    index: int
    where: str
    prompt: str
    error: ImagegenError

    def to_record(self) -> dict[str, Any]:
        """One flat dict, for a table of many results."""
        outcome = self.error.outcome or "not sent"
        return {
            "index": self.index,
            "where": self.where,
            "prompt": self.prompt,
            "outcome": outcome,
            "error": self.error.summary,
            "paths": [],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One checked job of a batch, and the stored record where it was done before."""

    job: Job
    where: str
    stored: Record | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """A checked batch: what will be sent, what is done already, what is faulty."""

    planned: tuple[Planned, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def to_send(self) -> tuple[Planned, ...]:
        """The jobs that are not done yet."""
        return tuple(item for item in self.planned if item.stored is None)

    @property
    def estimate(self) -> Estimate:
        """The cost range of everything that will be sent."""
        zero = Estimate(low=Decimal(0), high=Decimal(0), basis="")
        total = zero
        for item in self.to_send:
            total = replace(total + item.job.estimate, basis=item.job.estimate.basis)
        return total

    def summary(self) -> str:
        """One sentence: how many pictures, how many are done, and the cost range."""
        pictures = sum(item.job.request.count for item in self.to_send)
        done = len(self.planned) - len(self.to_send)
        parts = [
            f"{_count(len(self.planned), 'job')}: {len(self.to_send)} to send ({_count(pictures, 'picture')}, {self.estimate}, an estimate)"
        ]
        parts += [f"{done} done before and not sent again (--no-reuse sends them all)"] if done else []
        parts += [f"{len({p.where for p in self.problems})} faulty ones left out"] if self.problems else []
        return "; ".join(parts)

    def table(self) -> Table:
        """What would be sent, one row a job: the dry run of a batch."""
        rows = [
            (
                item.where,
                "done before" if item.stored else "to send",
                item.job.request.size or "auto",
                item.job.request.quality or "auto",
                "" if item.stored else str(item.job.estimate),
                item.job.options["out"] or item.job.stem,
                item.job.prompt_typed,
            )
            for item in self.planned
        ]
        faults = [str(problem) for problem in self.problems]
        columns = ("job", "state", "size", "quality", "cost", "name", "prompt")
        return Table(title="Batch, not sent", columns=columns, rows=rows, notes=[self.summary(), *faults])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


Planner = Callable[..., Job]
"""`api.Session.plan`: the checked job, or an error with every fault."""


def plan_batch(
    rows: Iterable[Row],
    shared: Mapping[str, Any],
    *,
    plan: Planner,
    store: Store,
    server: str,
    name: str | None = None,
    cell: str = "",
    variables: Mapping[str, object] | None = None,
) -> BatchPlan:
    """The batch, every job checked; names are settled without collisions when a job is sent.

    Args:
        shared: option values for every row; a row's own win.

    Raises:
        RequestError: jobs are faulty and `skip_invalid` is not given; every fault names its line.
        BudgetError: the whole batch may cost more than a limit.
    """
    done = _done_before(store, server)
    planned: list[Planned] = []
    problems: list[Problem] = []
    total = 0
    for row in rows:
        total += 1
        try:
            job = _plan_row(row, shared, plan, name, cell, variables)
        except ImagegenError as error:
            problems += _placed(error, row.where)
            continue
        stored = done[job.request.digest()].popleft() if done[job.request.digest()] and _may_reuse(job) else None
        planned.append(Planned(job=job, where=row.where, stored=stored))
    problems += _name_faults(planned, store)
    if problems and not shared.get("skip_invalid"):
        raise RequestError(_fault_summary(problems, total), problems=tuple(problems))
    faulty = {problem.where for problem in problems}
    return BatchPlan(planned=tuple(item for item in planned if item.where not in faulty), problems=tuple(problems))


def _fault_summary(problems: Sequence[Problem], total: int) -> str:
    lines = len({problem.where for problem in problems})
    return f"{lines} of {total} jobs can't be sent, so none was (--skip-invalid sends the others)"


def _done_before(store: Store, server: str) -> defaultdict[str, deque[Record]]:
    """Done records by request hash, oldest first: the k-th job with a hash is done where there are k of them."""
    found: defaultdict[str, deque[Record]] = defaultdict(deque)
    if store.history.path.exists():
        for record in store.history.done():
            if record.server == server and all(store.history.intact(entry) for entry in record.api_files()):
                found[record.digest].append(record)
    return found


def _may_reuse(job: Job) -> bool:
    """Resuming is the default of a batch; an explicit `--no-reuse` sends everything again."""
    return bool(job.options["reuse"]) or job.options.origins.get("reuse") == "default"


def _plan_row(
    row: Row,
    shared: Mapping[str, Any],
    plan: Planner,
    name: str | None,
    cell: str,
    variables: Mapping[str, object] | None,
) -> Job:
    if row.problems:
        raise RequestError("this line can't be read", problems=row.problems)
    own = dict(row.values)
    prompt, own_name = str(own.pop("prompt", "")), own.pop("name", None)
    read, faults = read_values(own)
    values = {**shared, **read}
    command = "edit" if values.get("image") is not None else "generate"
    job = plan(
        prompt,
        values,
        command=command,
        problems=tuple(faults),
        cell=cell,
        variables=variables,
        in_batch=True,
    )
    stem = safe_stem(str(own_name)) if own_name else f"{name}-{job.stem}" if name else job.stem
    return replace(job, stem=stem, name=str(own_name) if own_name else name)


def _placed(error: ImagegenError, where: str) -> list[Problem]:
    """The problems of an error with their line."""
    return [replace(problem, where=where) for problem in error.problems] or [
        Problem(field="job", rule=error.summary, where=where)
    ]


def _name_faults(planned: Sequence[Planned], store: Store) -> list[Problem]:
    """With `--if-exists fail`: names that exist, or that two jobs of this batch would take."""
    taken: dict[Path, str] = {}
    faults = []
    for item in planned:
        options, request = item.job.options, item.job.request
        if item.stored is not None or options["if_exists"] != "fail":
            continue
        for path in store.peek(item.job.stem, request.count, request.format, if_exists="fail", out=options["out"]):
            if path.exists() or path in taken:
                why = f"also the name of {taken[path]}" if path in taken else "exists already"
                fix = "another out, or --if-exists version"
                faults.append(Problem(field="name", value=path.name, rule=why, fix=fix, where=item.where))
            taken[path] = item.where
    return faults


RunJob = Callable[[Planned, int, Pacer, threading.Event], ImageResult]


def run_planned(
    batch: BatchPlan,
    run: RunJob,
    *,
    concurrency: int,
    ipm: float | None = None,
    fail_fast: bool = False,
    cancel: threading.Event | None = None,
    on_done: Callable[[int, ImageResult | FailedJob], None] = lambda index, result: None,
) -> Gallery:
    """Every job's result or failure, in the batch's order.

    Args:
        run: runs one job through the pacer's gate.
        concurrency: requests in flight, at most; the server may bring it down.
        fail_fast: nothing new is sent after the first failure.
        cancel: set to send nothing new; what is in flight is finished and saved.
        on_done: told of each job as it ends, in that job's thread.
    """
    cancel = cancel or threading.Event()
    pacer = Pacer(concurrency, ipm=ipm, cancel=cancel)
    results: list[ImageResult | FailedJob | None] = [None] * len(batch.planned)
    waiting = deque(range(len(batch.planned)))

    def one(item: Planned, index: int) -> ImageResult:
        if cancel.is_set() and item.stored is None:
            raise CallCancelledError("stopped before it was sent", outcome="not sent")
        return run(item, index, pacer, cancel)

    def work() -> None:
        while True:
            try:
                index = waiting.popleft()
            except IndexError:
                return
            item = batch.planned[index]
            results[index] = outcome = result_or_failure(item, index, lambda: one(item, index))  # noqa: B023
            if fail_fast and isinstance(outcome, FailedJob):
                cancel.set()
            on_done(index, outcome)

    threads = [
        threading.Thread(target=work, name=f"imagegen-batch-{i}") for i in range(max(1, min(concurrency, len(waiting))))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Gallery(results=tuple(result for result in results if result is not None))


def result_or_failure(item: Planned, index: int, work: Callable[[], ImageResult]) -> ImageResult | FailedJob:
    """What `work` returns; whatever goes wrong is a result too."""
    try:
        return work()
    except ImagegenError as error:
        return FailedJob(index=index, where=item.where, prompt=item.job.prompt_typed, error=error)
    except Exception as error:  # noqa: BLE001 - one broken job must not take the others with it
        wrapped = CallError(f"{type(error).__name__}: {error}", outcome="ambiguous")
        return FailedJob(index=index, where=item.where, prompt=item.job.prompt_typed, error=wrapped)


@dataclass(frozen=True, slots=True)
class Gallery(Sequence["ImageResult | FailedJob"]):
    """The results of a batch in its order: pictures, and failures as data."""

    results: tuple[ImageResult | FailedJob, ...]
    report: Path | None = field(default=None, compare=False)
    """The report file: JSONL, one line a job."""

    @overload
    def __getitem__(self, index: int) -> ImageResult | FailedJob: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ImageResult | FailedJob, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.results[index]

    def __len__(self) -> int:
        return len(self.results)

    @property
    def done(self) -> tuple[ImageResult, ...]:
        """The jobs that have pictures."""
        return tuple(result for result in self.results if isinstance(result, ImageResult))

    @property
    def failures(self) -> tuple[FailedJob, ...]:
        """The jobs that have none."""
        return tuple(result for result in self.results if isinstance(result, FailedJob))

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every picture's path, in order."""
        return tuple(path for result in self.done for path in result.paths)

    def to_records(self) -> list[dict[str, Any]]:
        """One dict a job, for a DataFrame."""
        return [result.to_record() for result in self.results]

    def table(self) -> Table:
        """One row a job: outcome, cost, files."""
        rows = [
            (
                n,
                r["outcome"],
                "" if r.get("cost") is None else format_usd(r["cost"]),
                ", ".join(Path(p).name for p in r["paths"]) or r.get("error", ""),
                r["prompt"],
            )
            for n, r in enumerate(self.to_records())
        ]
        return Table(
            title="Batch", columns=("job", "outcome", "cost", "files", "prompt"), rows=rows, notes=[self._note()]
        )

    def _note(self) -> str:
        """The outcome in one line, with what this run cost."""
        before = sum(result.reused for result in self.done)
        parts = [f"{len(self.done)} done" + (f" ({before} of them before)" if before else "")]
        parts += [f"{len(self.failures)} failed"] if self.failures else []
        costs = [result.cost for result in self.done if not result.reused and result.cost is not None]
        simulated = any(result.record.simulated for result in self.done)
        parts += [f"{format_usd(sum(costs, Decimal(0)))}" + (", simulated: nothing billed" if simulated else "")]
        return " · ".join(parts)

    def __repr__(self) -> str:
        return f"Gallery({len(self.done)} done, {len(self.failures)} failed)"

    def display_items(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The table of results, then a contact sheet of at most 36 pictures."""
        table: tuple[dict[str, Any], dict[str, Any]] = (dict(self.table()._repr_mimebundle_()), {})
        if not self.paths:
            return [table]
        from .preview import contact_sheet  # noqa: PLC0415 - Pillow comes with the first picture shown

        shown = self.paths[:36]
        sheet = contact_sheet(shown, labels=[str(n) for n in range(len(shown))], max_edge=960)
        return [table, sheet.bundle(f"Contact sheet of {_shown_count(len(shown), len(self.paths))}")]

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.display_items()[-1]


def _shown_count(shown: int, total: int) -> str:
    return _count(total, "picture") if shown == total else f"the first {shown} of {total} pictures"


def write_report(gallery: Gallery, store: Store, name: str) -> Gallery:
    """The gallery with its report on disk: JSONL, one line a job with outcome, cost and paths."""
    stamp = datetime.now().astimezone().strftime("%Y%m%dT%H%M%S")
    path = store.folder / "reports" / f"{safe_stem(name)}-{stamp}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    store.write_text(path, "".join(json.dumps(record, default=str) + "\n" for record in gallery.to_records()))
    return replace(gallery, report=path)
