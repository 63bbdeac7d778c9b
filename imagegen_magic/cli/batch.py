"""`imagegen generate-batch`: a file of jobs, checked whole before anything is sent, then run together."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from imagegen_magic.batch.grids import parse_grid
from imagegen_magic.batch.handle import receipt
from imagegen_magic.batch.plan import BatchPlan
from imagegen_magic.batch.results import FailedJob, Gallery
from imagegen_magic.batch.rows import Row, expand, read_body, read_source
from imagegen_magic.errors import CallCancelledError, OptionError, Problem
from imagegen_magic.jobs.result import ImageResult
from imagegen_magic.jobs.task import Task
from imagegen_magic.options.secrets import refuse_keys
from imagegen_magic.session import Session

from .call import INTERRUPTED, NOT_AS_EXPECTED, Call
from .files import job_file, with_script_defaults
from .make import OWN, dry_run_document, require_key, run_waiting
from .output import Progress, error_document, print_json, print_lines, print_message, shown
from .results import print_unexpected, result_document
from .words import SHELL_WORDS

__all__ = ["finish_batch", "make_batch"]


def make_batch(call: Call) -> int:
    """Makes every job's pictures; their paths on standard output, in the order of the file."""
    session = Session()
    values, problems = _shared(call)
    options = session.options(values)
    values = with_script_defaults(values, options)
    if options.if_exists == "overwrite" and options.origins["reuse"] == "default":
        values["reuse"] = False  # --force asks for new pictures, not for the ones that are there
    rows = [] if problems else _rows(values, options)
    if problems:
        raise OptionError("the line can't be used", problems=tuple(problems))
    plan = session.batches.plan(rows, values)
    if options.dry_run:
        return _show_plan(call, session, plan)
    if plan.to_send:
        require_key(session, options)
    if options.via == "batch-api" and not options.replay:
        handle = session.batches.submit(plan, values)
        print_message(receipt(handle.submitted).text(SHELL_WORDS))
        print_lines([handle.id])
        return 0
    return _run(call, session, plan, values)


def _shared(call: Call) -> tuple[dict[str, Any], list[Problem]]:
    """The options that all jobs share, and what is wrong with the line."""
    problems = list(call.problems)
    values = {name: value for name, value in call.values.items() if name not in OWN}
    attempts = call.values.get("max_attempts")
    if attempts is not None and attempts < 1:
        problems.append(Problem(field="max_attempts", value=attempts, rule="at least 1", fix="--max-attempts 3"))
    elif attempts is not None:
        values["retries"] = attempts - 1
    if values.get("source") is None:
        problems.append(Problem(field="input", rule="a file of jobs is needed", fix="--input prompts.jsonl"))
    if values.pop("out", None) is not None:
        problems.append(
            Problem(field="out", rule="many jobs can't share one file", fix="--out-dir DIR, and an `out` in each job")
        )
    return values, problems


def _rows(values: Mapping[str, Any], options: Any) -> list[Row]:
    """The jobs with their files settled, numbered from 1 in the order of the file."""
    source = values["source"]
    text = sys.stdin.read() if source == "-" else None
    found = read_source(source) if text is None else read_body(text)
    grid = parse_grid(values.get("grid"))
    rows = []
    for number, row in enumerate(expand(found, wildcards=bool(values.get("wildcards")), grid=grid), 1):
        refuse_keys(str(row.values.get("prompt", "")), "line")
        settled, faults = job_file(row.values, number, values, options, row.where)
        rows.append(replace(row, values=settled, problems=(*row.problems, *faults)))
    if not rows:
        raise OptionError(
            "no jobs", problems=(Problem(field="input", value=source, rule="it has no jobs", fix='{"prompt": "…"}'),)
        )
    return rows


def _show_plan(call: Call, session: Session, plan: BatchPlan) -> int:
    if not call.json:
        print_lines([plan.table()])
        return 0
    jobs = [
        {"job": number, "where": item.where, "done_before": item.stored is not None}
        | dry_run_document(item.job, session.preview_of(item.job))
        for number, item in enumerate(plan.planned, 1)
    ]
    estimate = {"low": plan.estimate.low, "high": plan.estimate.high}
    print_json({"exit_code": 0, "outcome": "not sent", "estimate": estimate, "jobs": jobs})
    return 0


def _run(call: Call, session: Session, plan: BatchPlan, values: Mapping[str, Any]) -> int:
    options = session.options(values)
    progress = Progress(len(plan.planned), mode=options.progress, quiet=bool(options.quiet))
    progress.head(plan.summary())
    for warning in dict.fromkeys(warning for item in plan.planned for warning in item.job.warnings):
        progress.note(f"warning: {warning}")

    def ended(index: int, result: ImageResult | FailedJob) -> None:
        failed = isinstance(result, FailedJob) and result.error.outcome != "not sent"
        progress.ended(index, result.error.summary if failed and isinstance(result, FailedJob) else "")

    def work(task: Task[Gallery]) -> Gallery:
        return session.batches.run(plan, values, on_event=progress.on_event, on_done=ended, cancel=task.cancel_event)

    task, interrupted = run_waiting(lambda: session.tasks.start("batch", work), progress, session.store(options))
    session.close()
    return finish_batch(call, task.result(), interrupted=interrupted, quiet=bool(options.quiet))


def finish_batch(call: Call, gallery: Gallery, *, interrupted: bool = False, quiet: bool = False) -> int:
    """Shows what came of a batch, and returns its exit code."""
    code = INTERRUPTED if interrupted else batch_code(gallery)
    unsent = [failure for failure in gallery.failures if isinstance(failure.error, CallCancelledError)]
    for failure in gallery.failures:
        if failure not in unsent:
            print_message(f"{failure.where}: " + "\n".join(failure.error.card_lines(SHELL_WORDS)))
    for result in gallery.done:
        print_unexpected(result, f"{result.where}: ")
    if unsent:
        print_message(f"{len(unsent)} not sent: run the same line again for the rest; what is done is not sent again")
    if not quiet:
        counts = {"done": len(gallery.done), "failed": len(gallery.failures) - len(unsent), "not sent": len(unsent)}
        counts["not as expected"] = len(gallery.failed)
        parts = [f"{count} {word}" for word, count in counts.items() if count or word == "done"]
        print_message(", ".join(parts) + (f" · {shown(gallery.report)}" if gallery.report else ""))
    if call.json:
        report = None if gallery.report is None else shown(gallery.report)
        results = [_document(result) for result in gallery]
        print_json({"exit_code": code, "report": report, "results": results})
    else:
        print_lines(shown(path) for result in gallery.done for path in (*result.paths, *result.derived.values()))
    return code


def batch_code(gallery: Gallery) -> int:
    """0 if all is done, 4 if a request may have been billed for nothing, 3 if some are done, 1 if none is, 5 if not as expected."""
    if not gallery.failures:
        return NOT_AS_EXPECTED if gallery.failed else 0
    if any(failure.error.outcome == "ambiguous" for failure in gallery.failures):
        return 4
    return 3 if gallery.done else 1


def _document(result: ImageResult | FailedJob) -> dict[str, Any]:
    if isinstance(result, ImageResult):
        return result_document(result)
    return {"where": result.where, "prompt": result.prompt, **error_document(result.error, 1)}
