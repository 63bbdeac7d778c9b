"""Many jobs: the whole batch checked before anything is sent, then run together; failures are results."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from imagegen_magic.errors import CallError, Fix, ImagegenError, Problem, PromptPlace, RequestError, Setting
from imagegen_magic.jobs.planning import Job, check_budget
from imagegen_magic.jobs.result import ImageResult
from imagegen_magic.options.values import read_values
from imagegen_magic.request.cost import Estimate
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import Record
from imagegen_magic.store.names import numbers_itself, safe_stem
from imagegen_magic.tables import Table

from .pacing import Pacer
from .results import FailedJob, Gallery, counted
from .rows import Row

__all__ = ["BatchPlan", "PlannedJob", "plan_batch", "result_or_failure", "run_planned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """One checked job of a batch, and the stored record if it was done before."""

    job: Job
    where: str
    number: int
    """Its place in the batch, from 1; rows that were left out are counted."""
    stored: Record | None = None
    paths: tuple[Path, ...] = ()
    """The files that it will be saved as; another process may still take a name before."""
    wanted: str = ""
    """The name that it would have had, if that one is taken."""

    @property
    def files(self) -> str:
        """Its files' names, for a table."""
        entries = [Path(entry.path).name for entry in self.stored.api_files()] if self.stored else []
        return ", ".join(entries or [path.name for path in self.paths])


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BatchPlan:
    """A checked batch: what will be sent, what is done already, what is faulty. It shows itself as a table."""

    planned: tuple[PlannedJob, ...]
    problems: tuple[Problem, ...] = ()
    left_out: tuple[FailedJob, ...] = ()
    """The faulty rows, which are not sent."""
    unused: tuple[str, ...] = ()
    """Columns of the table that are not options."""

    @property
    def to_send(self) -> tuple[PlannedJob, ...]:
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
        images = sum(item.job.request.count for item in self.to_send)
        done = len(self.planned) - len(self.to_send)
        parts = [
            f"{counted(len(self.planned), 'job')}: {len(self.to_send)} to send ({counted(images, 'picture')}, {self.estimate}, an estimate)"
        ]
        parts += (
            [Fix(f"{done} done before and not sent again (", Setting("--no-reuse"), " sends them all)")] if done else []
        )
        renamed = [f"{item.wanted} is taken, so it will be {item.files}" for item in self.to_send if item.wanted]
        parts += [renamed[0] + (f" (and {len(renamed) - 1} more)" if renamed[1:] else "")] if renamed else []
        parts += [f"columns not used: {', '.join(self.unused)}"] if self.unused else []
        parts += self._alike()
        parts += [f"{counted(len(self.left_out), 'faulty row')} left out"] if self.left_out else []
        return "; ".join(parts)

    def _alike(self) -> list[str]:
        """A sentence if jobs ask for the same: each is sent and paid, as variations are."""
        first: dict[str, str] = {}
        alike = [
            f"{item.where} asks for the same as {first[digest]}: both are sent"
            for item in self.to_send
            if (digest := item.job.request.digest()) in first or not first.setdefault(digest, item.where)
        ]
        return [alike[0] + (f" (and {len(alike) - 1} more)" if alike[1:] else "")] if alike else []

    def with_left_out(self, results: Sequence[ImageResult | FailedJob]) -> tuple[ImageResult | FailedJob, ...]:
        """The planned jobs' results and the rows that were left out, in the batch's order."""
        placed = {item.number: result for item, result in zip(self.planned, results, strict=True)}
        placed |= {failed.index + 1: failed for failed in self.left_out}
        return tuple(placed[number] for number in sorted(placed))

    def table(self) -> Table:
        """What would be sent, one row a job: the dry run of a batch."""
        rows = [
            (
                item.where,
                "done before" if item.stored else "to send",
                item.job.request.size or "auto",
                item.job.request.quality or "auto",
                "" if item.stored else str(item.job.estimate),
                item.files,
                item.job.prompt_typed,
            )
            for item in self.planned
        ]
        faults = [str(problem) for problem in self.problems]
        columns = ("job", "state", "size", "quality", "cost", "files", "prompt")
        return Table(title="Batch, not sent", columns=columns, rows=rows, notes=[self.summary(), *faults])

    def __repr__(self) -> str:
        return f"BatchPlan({self.summary()})"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Mapping[str, Any]:
        return self.table()._repr_mimebundle_(include, exclude)


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
        RequestError: jobs are faulty and `skip_invalid` is not given, or a column's name is nearly an option's; every
            fault names its line.
        BudgetError: the whole batch may cost more than a limit.
    """
    done = _done_before(store, server)
    rows = list(rows)
    order = {row.where: index for index, row in enumerate(rows)}
    planned: list[PlannedJob] = []
    problems: list[Problem] = []
    for index, row in enumerate(rows):
        try:
            job = _plan_row(row, shared, plan, name, cell, variables)
        except ImagegenError as error:
            problems += _placed(error, row.where)
            continue
        earlier = done.get(job.request.digest()) if done and _may_reuse(job) else None
        stored = earlier.popleft() if earlier else None
        planned.append(PlannedJob(job=job, where=row.where, number=index + 1, stored=stored))
    planned, faults = _settle_names(planned, store)
    problems = sorted([*problems, *faults], key=lambda problem: order[problem.where])
    _check_columns(rows, problems)
    if problems and not shared.get("skip_invalid"):
        raise RequestError(_fault_summary(problems, len(rows)), problems=tuple(problems))
    faulty: dict[str, list[Problem]] = {}
    for problem in problems:
        faulty.setdefault(problem.where, []).append(problem)
    return BatchPlan(
        planned=tuple(item for item in planned if item.where not in faulty),
        problems=tuple(problems),
        left_out=tuple(_left_out(order[where], rows[order[where]], found) for where, found in faulty.items()),
        unused=tuple(dict.fromkeys(name for row in rows for name in row.unused)),
    )


def _check_columns(rows: Sequence[Row], problems: Sequence[Problem]) -> None:
    """Raises RequestError if a column's name is nearly an option's, with every fault of the rows."""
    misnamed = dict.fromkeys(problem for row in rows for problem in row.misnamed)
    if misnamed:
        raise RequestError("a column's name is nearly an option's", problems=(*misnamed, *problems))


def _left_out(index: int, row: Row, problems: Sequence[Problem]) -> FailedJob:
    summary = "left out: " + "; ".join(f"{problem.field}: {problem.rule}" for problem in problems)
    error = RequestError(summary, problems=tuple(problems), outcome="not sent")
    return FailedJob(index=index, where=row.where, prompt=str(row.values.get("prompt", "")), error=error)


def _fault_summary(problems: Sequence[Problem], total: int) -> str:
    lines = len({problem.where for problem in problems})
    return Fix(f"{lines} of {total} jobs can't be sent, so none was (", Setting("--skip-invalid"), " sends the others)")


def _done_before(store: Store, server: str) -> defaultdict[str, deque[Record]]:
    """Done records by request hash, oldest first: the k-th job with a hash is done if there are k of them."""
    found: defaultdict[str, deque[Record]] = defaultdict(deque)
    for record in intact_records(store, server):
        found[record.digest].append(record)
    return found


def intact_records(store: Store, server: str) -> Iterator[Record]:
    """The done records of a server whose images are there as they were, oldest first."""
    if store.history.path.exists():
        for record in store.history.done():
            if record.server == server and all(store.history.intact(entry) for entry in record.api_files()):
                yield record


def _may_reuse(job: Job) -> bool:
    """Resuming is the default of a batch; an explicit `--no-reuse` sends everything again."""
    if job.options.replay:
        return False
    return bool(job.options.reuse) or job.options.origins.get("reuse") == "default"


def _plan_row(
    row: Row,
    shared: Mapping[str, Any],
    plan: Planner,
    name: str | None,
    cell: str,
    variables: Mapping[str, object] | None,
) -> Job:
    if row.problems and not row.values:
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
        problems=(*row.problems, *faults),
        cell=cell,
        variables=variables,
        in_batch=True,
    )
    if read.keys() & {"max_cost", "confirm_above"}:  # a row's own limits are for that row alone
        check_budget(job.estimate, job.options, Decimal(0))
    stem = safe_stem(str(own_name)) if own_name else f"{name}-{job.stem}" if name else job.stem
    return replace(job, stem=stem, name=str(own_name) if own_name else name)


def _placed(error: ImagegenError, where: str) -> list[Problem]:
    """The problems of an error with their line."""
    return [replace(problem, where=where, fix=_fix_of_row(problem)) for problem in error.problems] or [
        Problem(field="job", rule=error.summary, where=where)
    ]


def _fix_of_row(problem: Problem) -> str:
    """The fix in a batch's words: a row's prompt is not below a line."""
    return "give this row a prompt" if problem.fix == Fix(PromptPlace()) else problem.fix


def _settle_names(planned: Sequence[PlannedJob], store: Store) -> tuple[list[PlannedJob], list[Problem]]:
    """The jobs with their files' names, no two alike, and with `--if-exists fail` what is taken already.

    Names are given in the batch's order, so that they do not depend on which job happens to be sent first.
    """
    taken: dict[Path, str] = {}
    versions: dict[tuple[str, int, str, str | None], int] = {}
    settled, faults = [], []
    for item in planned:
        job, options = item.job, item.job.options
        wanted = (job.stem, job.request.count, job.request.format, options.out)
        if item.stored is not None:
            settled.append(item)
            continue
        paths = store.peek(*wanted[:3], if_exists="overwrite", out=options.out)
        if options.if_exists == "fail":
            faults += [fault for path in paths if (fault := _name_fault(path, taken, item.where))]
        elif options.if_exists == "version":
            first = paths[0].name
            paths, versions[wanted] = store.next_names(*wanted, taken, versions.get(wanted, 0) + 1)
            item = _renamed(item, first, paths)  # noqa: PLW2901
        taken.update(dict.fromkeys(paths, item.where))
        settled.append(replace(item, paths=paths))
    return settled, faults


def _name_fault(path: Path, taken: Mapping[Path, str], where: str) -> Problem | None:
    if path not in taken and not path.exists():
        return None
    why = f"also the name of {taken[path]}" if path in taken else "exists already"
    return Problem(
        field="name",
        value=path.name,
        rule=why,
        fix=Fix("another out, or ", Setting("--if-exists", "version")),
        where=where,
    )


def _renamed(item: PlannedJob, first: str, paths: Sequence[Path]) -> PlannedJob:
    """The job under the free name that was found; one that numbers its files itself finds them when it is sent."""
    job, out = item.job, item.job.options.out
    if paths[0].name == first or numbers_itself(out):
        return item
    stem = paths[0].stem.removesuffix("-1") if len(paths) > 1 else paths[0].stem
    if out is None:
        return replace(item, job=replace(job, stem=stem), wanted=first)
    free = PurePosixPath(out.replace("\\", "/")).with_name(stem + paths[0].suffix).as_posix()
    return replace(item, job=replace(job, options=replace(job.options, out=free)), wanted=first)


RunJob = Callable[[PlannedJob, int, Pacer, threading.Event], ImageResult]


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

    Raises:
        BaseException: what ended a job's thread, such as a listener's SystemExit; what was sent before is saved.
    """
    cancel = cancel or threading.Event()
    pacer = Pacer(concurrency, ipm=ipm, cancel=cancel)
    results: list[ImageResult | FailedJob | None] = [None] * len(batch.planned)
    waiting = deque(enumerate(batch.planned))
    ended: list[BaseException] = []

    def work() -> None:
        try:
            while waiting:
                try:
                    index, item = waiting.popleft()
                except IndexError:  # another thread took the last one
                    return
                outcome = result_or_failure(item, index, partial(_run_in_turn, run, item, index, pacer, cancel))
                if fail_fast and isinstance(outcome, FailedJob):
                    cancel.set()
                results[index] = outcome
                on_done(index, outcome)
        except BaseException as error:  # noqa: BLE001 - a listener's SystemExit: it goes on in the caller's thread
            ended.append(error)
            cancel.set()

    # As many again, which save files while the others send; not if a failure must be known before the next is sent.
    count = min(concurrency if fail_fast else 2 * concurrency, len(waiting))
    threads = [threading.Thread(target=work, name=f"imagegen-batch-{i}") for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if ended:
        raise ended[0]
    return Gallery(results=tuple(result for result in results if result is not None))


def _run_in_turn(run: RunJob, item: PlannedJob, index: int, pacer: Pacer, cancel: threading.Event) -> ImageResult:
    if item.stored is not None:
        return run(item, index, pacer, cancel)
    with pacer.turn():
        return run(item, index, pacer, cancel)


def result_or_failure(item: PlannedJob, index: int, work: Callable[[], ImageResult]) -> ImageResult | FailedJob:
    """What `work` returns; whatever goes wrong is a result too."""
    try:
        return work().of_row(item.where)
    except ImagegenError as error:
        return FailedJob(index=index, where=item.where, prompt=item.job.prompt_typed, error=error)
    except Exception as error:  # noqa: BLE001 - one broken job must not take the others with it
        wrapped = CallError(f"{type(error).__name__}: {error}", outcome="ambiguous")
        return FailedJob(index=index, where=item.where, prompt=item.job.prompt_typed, error=wrapped)
