"""The best of several: one request after another, every image kept and judged, the best one bound; never above a budget."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path, PurePosixPath

from imagegen_magic.errors import Fix, ImagegenError, Problem, Setting
from imagegen_magic.options.options import Options
from imagegen_magic.request.cost import Estimate, format_usd
from imagegen_magic.store.history import CHOSEN, Record
from imagegen_magic.store.names import Reservation, free_path

from .deriving import web_suffixes
from .planning import Job
from .ranking import Ranking
from .result import ImageResult
from .running import Run, run_job, stored_result
from .spending import charged

__all__ = ["best_of_problems", "run_best", "with_every_try"]

Reserved = Callable[[Estimate, Options], AbstractContextManager[None]]
"""`Spending.reserved`: holds what one request may cost."""


def best_of_problems(options: Options, *, in_batch: bool) -> list[Problem]:
    """What does not go with `best_of`, or with `until` alone."""
    if options.best_of is None:
        rule = "it says when the tries of --best-of end"
        fix = Fix(Setting("--best-of", "4"))
        return [Problem(field="until", value=options.until, rule=rule, fix=fix)] if options.until else []
    problems = []
    if in_batch:
        rule, fix = "not in a batch", Fix("one cell or call for it, or more rows and ", Setting("--expect", "…"))
        problems.append(Problem(field="best_of", value=options.best_of, rule=rule, fix=fix))
    if not options.expect:
        rule = "without an expectation there is nothing to judge by"
        problems.append(
            Problem(field="best_of", value=options.best_of, rule=rule, fix=Fix(Setting("--expect", "sharp")))
        )
    if (options.n or 1) > 1:
        rule = "the tries are made one after another"
        problems.append(Problem(field="n", value=options.n, rule=rule, fix=Fix("leave ", Setting("-n"), " out")))
    return problems


def with_every_try(job: Job) -> Job:
    """The job with the cost range of all its tries, never above `max_cost`; `each` is that of one."""
    count = job.options.best_of
    if count is None:
        return job
    each, limit = job.estimate, job.options.max_cost
    whole = replace(each.scaled(count), basis=f"{each.basis}; up to {count} tries")
    low = each.low if job.options.until else whole.low
    if limit is not None and whole.high is not None and low is not None:
        whole = replace(whole, high=min(whole.high, limit), basis=f"{whole.basis}, within max_cost")
        low = min(low, limit)
    return replace(job, estimate=replace(whole, low=low), each=each)


@dataclass(slots=True)
class _Bill:
    """What the tries have cost so far, in USD."""

    spent: Decimal = field(default=Decimal(0))

    def has_room(self, job: Job) -> bool:
        """Whether one more try stays within `max_cost`, by the upper end of its estimate."""
        limit, high = job.options.max_cost, (job.each or job.estimate).high
        return limit is None or (high is not None and self.spent + high <= limit)


def run_best(job: Job, run: Run, *, reserved: Reserved) -> ImageResult:
    """The best of the tries, under the name that was asked for; all tries are in its `.ranking`, and on disk.

    A try that fails ends the run, as do a budget without room for another and an interrupt: what is there is kept.

    Raises:
        ImagegenError: the first try failed.
        StoreError: the name is taken, found before anything is sent.
    """
    _check_name(job, run)
    bill = _Bill()
    counted = replace(run, on_record=lambda record: _count(bill, run, record))
    stored = _stored(job, run)
    tries: list[ImageResult] = []
    stopped = ""
    for number in range(1, (job.options.best_of or 1) + 1):
        known = stored[number - 1] if number <= len(stored) else None
        if stopped := _reason_to_stop(job, run, tries, bill, known):
            break
        try:
            tries.append(_try(job, replace(counted, index=number - 1), number, known, reserved))
        except ImagegenError as error:
            if not tries:
                raise
            stopped = f"try {number} failed: {error.summary}"
            break
    ranking = Ranking.of(tries, wanted=job.options.best_of or 1, spent=bill.spent, stopped=stopped)
    _note_choice(job, run, ranking)
    return _named_as_asked(job, run, ranking)


def _note_choice(job: Job, run: Run, ranking: Ranking[ImageResult]) -> None:
    """A line in the history: `@hero` and `@last` mean the best, not the newest try."""
    best = ranking.best.record
    entry = best.api_files()[0]
    choice = Record(
        name=job.name or "", time=best.time, outcome=CHOSEN, kind="best", digest=best.digest, server=run.server, simulated=best.simulated,
        prompt_typed=job.prompt_typed, cell=job.cell, origin=job.origin,
        parents=({"number": best.number, "file": entry.path, "sha256": entry.sha256, "role": "best"},),
    )  # fmt: skip
    with suppress(OSError):
        run.store.history.append(choice)


def _count(bill: _Bill, run: Run, record: Record) -> None:
    bill.spent += charged(record)
    run.on_record(record)


def _reason_to_stop(job: Job, run: Run, tries: list[ImageResult], bill: _Bill, known: Record | None) -> str:
    """Why no further try is made; empty to go on. The first is always made: its budget was checked before."""
    if not tries:
        return ""
    if job.options.until and tries[-1].passed:
        return "stopped at the first that passed"
    if run.cancel.is_set():
        return "stopped by you"
    if known is None and not bill.has_room(job):
        return f"stopped: max_cost {format_usd(job.options.max_cost)} has no room for another"
    return ""


def _try(job: Job, run: Run, number: int, known: Record | None, reserved: Reserved) -> ImageResult:
    """One try under a name of its own, or the stored image of an earlier run."""
    each = _job_of_try(job, number)
    if known is not None:
        return stored_result(each, run, known)
    with reserved(each.estimate, each.options):
        return run_job(each, run)


def _job_of_try(job: Job, number: int) -> Job:
    """`hero_1` in `hero-1.png`: no try replaces a file, and none is the answer of a stored request."""
    options = job.options.changed("best of", reuse=False, if_exists="version", out=_numbered(job.options.out, number))
    return replace(
        job, options=options, estimate=job.each or job.estimate, stem=f"{job.stem}-{number}",
        name=f"{job.name}_{number}" if job.name else None,
    )  # fmt: skip


def _numbered(out: str | None, number: int) -> str | None:
    if out is None:
        return None
    path = PurePosixPath(out.replace("\\", "/"))
    return path.with_name(f"{path.stem}-{number}{path.suffix}").as_posix()


def _stored(job: Job, run: Run) -> list[Record]:
    """With `reuse`, the intact records of identical requests, oldest first: each is a try that is paid for."""
    if not job.options.reuse or job.cutout == "difference":
        return []
    history = run.store.history
    return [
        record
        for record in history.done()
        if record.digest == job.request.digest() and record.server == run.server
        and all(history.intact(entry) for entry in record.api_files())
    ]  # fmt: skip


def _reserve(job: Job, run: Run, if_exists: str) -> Reservation:
    return run.store.reserve(
        job.stem, 1, job.request.format, if_exists=if_exists, out=job.options.out, markers=web_suffixes(job.options)
    )


def _check_name(job: Job, run: Run) -> None:
    """Finds a taken name and a folder that can't be written before anything is paid; the name is not reserved meanwhile."""
    run.store.release(_reserve(job, run, job.options.if_exists))


def _named_as_asked(job: Job, run: Run, ranking: Ranking[ImageResult]) -> ImageResult:
    """The best result with copies of its files under the name that was asked for: `hero.png` beside `hero-3.png`."""
    best = ranking.best
    image, notes, warnings = best.images[0], best.notes, best.warnings
    derived = dict(best.derived)
    try:
        plan = _reserve(job, run, "overwrite" if job.options.if_exists == "overwrite" else "version")
        kind = "copy" if image.path == image.source else "cutout"
        shown = _copy(run, plan, image.path, kind, ranking)
        run.store.write_checks([shown], [verdict.to_dict() for verdict in image.checks.verdicts])
        image = image.changed(path=shown)
        derived = {key: _copy(run, plan, path, key.split()[0], ranking) for key, path in derived.items()}
        run.store.release(plan)
    except (OSError, ImagegenError) as error:
        warnings = (*warnings, f"the best is {image.path.name}; it could not be copied to the name asked for ({error})")
    return best.changed(
        images=(image,), derived=derived, options=job.options.without_objects(), estimate=job.estimate,
        reused=all(result.reused for result in ranking), ranking=ranking, notes=(*notes, ranking.sentence()), warnings=warnings,
    )  # fmt: skip


def _copy(run: Run, plan: Reservation, path: Path, kind: str, ranking: Ranking[ImageResult]) -> Path:
    """A copy of one of the best try's files; no other file is replaced, unless that was asked for."""
    tail = path.name.removeprefix(ranking.best.path.stem)
    target = plan.paths[0].with_name(plan.paths[0].stem + tail)
    if target not in plan.reserved() and not plan.overwrite:
        target = free_path(target)
    run.store.save_derived(target, path.read_bytes(), ranking.best.record, kind=kind)
    return target
