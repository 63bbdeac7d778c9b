"""What `%%imagegen_batch` does: read the rows, show the plan, run it under a live table, show what came."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from imagegen_magic.batch.choices import has_choices
from imagegen_magic.batch.grids import parse_grid
from imagegen_magic.batch.results import FailedJob, Gallery
from imagegen_magic.batch.rows import Row, expand, no_source, read_body, read_source
from imagegen_magic.display import slot as frontend
from imagegen_magic.errors import CallCancelledError, Command, Fix, OptionError, Problem, RequestError, Setting
from imagegen_magic.jobs.task import Task, sigterm_kept, wait_for_end
from imagegen_magic.options.line import ParsedLine
from imagegen_magic.options.names import doubtful_name, name_problems
from imagegen_magic.options.paths import expanded, is_file

from .batch_view import BatchView
from .shown import mark_shown

if TYPE_CHECKING:
    from imagegen_magic.batch.plan import BatchPlan
    from imagegen_magic.jobs.result import ImageResult
    from imagegen_magic.session import Session

__all__ = ["find_source", "plan_batch_cell", "refuse_choices", "run_batch_cell"]


def run_batch_cell(session: Session, shell: Any, parsed: ParsedLine, body: str, cell: str) -> Any:
    """What the cell is worth: None if NAME was bound, else a gallery, a plan's table or a handle."""
    plan = plan_batch_cell(session, shell, parsed, body, cell)
    options = session.options(parsed.values)
    if options.dry_run:
        return plan.table()
    if options.via == "batch-api" and not options.replay:
        handle = session.batches.submit(plan, parsed.values, name=parsed.name)
        _bind(shell, parsed.name, handle)
        return handle  # shown in any case: its receipt says how to go on
    live = frontend.is_live(options.progress) and not options.quiet
    view = BatchView(plan, name=parsed.name or "", live=live)
    there: dict[int, ImageResult | FailedJob] = {}

    def on_done(index: int, result: ImageResult | FailedJob) -> None:
        there[index] = result
        view.on_done(index, result)

    def work(task: Task[Gallery]) -> Gallery:
        return session.batches.run(
            plan,
            parsed.values,
            name=parsed.name,
            on_event=view.on_event,
            on_done=on_done,
            cancel=task.cancel_event,
        )

    with sigterm_kept() as signals:
        task = session.tasks.start(f"{parsed.name or 'batch'} ({plan.summary()})", work)
        try:
            gallery = _wait(task, signals, view)
        except CallCancelledError:
            _bind_partly(shell, parsed.name, task, there, view.count("generating"))
            raise
    if not options.quiet:
        view.finish(gallery)
    mark_shown(shell, gallery)
    return _bind(shell, parsed.name, gallery)


def plan_batch_cell(session: Session, shell: Any, parsed: ParsedLine, body: str, cell: str) -> BatchPlan:
    """The plan of a cell's rows; nothing is sent or written.

    Raises:
        RequestError: anything is wrong with the line or a row.
    """
    source = parsed.values.get("source")
    meant = isinstance(source, str) and source == parsed.name  # `products --from products`: no doubt about that table
    doubts = doubtful_name(parsed.name, {} if meant else shell.user_ns)
    problems = (*parsed.problems, *name_problems(parsed.name), *doubts)
    if problems:
        raise RequestError("the batch's options can't be read", problems=problems)
    grid = parse_grid(parsed.values.get("grid"))
    rows = expand(_rows(parsed, body, shell), wildcards=bool(parsed.values.get("wildcards")), grid=grid)
    return session.batches.plan(rows, parsed.values, name=parsed.name, cell=cell, variables=shell.user_ns)


def _bind_partly(shell: Any, name: str | None, task: Task[Gallery], there: Mapping[int, Any], pending: int) -> None:
    """Binds NAME to what an interrupted batch has, and anew as soon as what was in flight is saved."""
    if name is None:
        return
    partly = Gallery(results=tuple(there[index] for index in sorted(there)), pending=pending)
    shell.user_ns[name] = partly

    def over(finished: Future[Gallery]) -> None:
        if finished.exception() is None and shell.user_ns.get(name) is partly:
            shell.user_ns[name] = finished.result()

    task.add_done_callback(over)


def _bind(shell: Any, name: str | None, value: Any) -> Any:
    if name is None:
        return value
    shell.user_ns[name] = value
    return None


def _rows(parsed: ParsedLine, body: str, shell: Any) -> list[Row]:
    """The rows of `--from` and those of the body."""
    source = parsed.values.get("source")
    found = [] if source is None else read_source(find_source(source, shell.user_ns))
    rows = [*found, *read_body(body, start=2)]
    if not rows:
        problem = Problem(
            field="batch", rule="it has no jobs", fix=Fix("one prompt a line, or ", Setting("--from", "jobs.jsonl"))
        )
        raise OptionError("no jobs", problems=(problem,))
    refuse_choices([str(row.values.get("prompt", "")) for row in rows], parsed)
    return rows


def refuse_choices(prompts: list[str], parsed: ParsedLine) -> None:
    """Stops at `{red|blue}` without `--wildcards`: it would be sent as it stands.

    Raises:
        OptionError: a prompt has choices.
    """
    prompt = next((prompt for prompt in prompts if has_choices(prompt)), None)
    if prompt is None or parsed.values.get("wildcards") or parsed.values.get("raw"):
        return
    rule = "choices are expanded by a batch with --wildcards alone"
    fix = Fix(Command("batch", "--wildcards"), "; ", Setting("--raw"), " sends them as they stand")
    raise OptionError("choices in a prompt", problems=(Problem(field="prompt", value=prompt[:60], rule=rule, fix=fix),))


def find_source(source: Any, variables: Any) -> Any:
    """The variable or file that `--from` names.

    Raises:
        OptionError: both have that name, or neither.
    """
    if not isinstance(source, str):
        return source
    found = is_file(expanded(source))
    if source not in variables and not found:
        raise no_source(source, "neither a file nor a variable", variables)
    if source not in variables:
        return source
    if found:
        rule = "both a variable and a file have this name"
        problem = Problem(
            field="from", value=source, rule=rule, fix=Fix(Setting("--from", f"./{source}"), f" or {{{{ {source} }}}}")
        )
        raise OptionError("which one?", problems=(problem,))
    return variables[source]


def _wait(task: Task[Gallery], signals: list[int], view: BatchView) -> Gallery:
    """The finished gallery; an interrupt sends nothing more and lets what is in flight be saved."""
    try:
        wait_for_end(task, signals, tick=view.tick)
    except KeyboardInterrupt:
        task.cancel()
        task.add_done_callback(view.over)
        flying = view.count("generating")
        stopped = CallCancelledError(
            f"stopped: nothing more is sent; {flying} in flight {'goes' if flying == 1 else 'go'} on and will be saved",
            hints=(
                "run the same cell again for the rest: what is done is not sent again",
                Fix(Command("jobs"), f" shows it as job {task.number}"),
            ),
        )
        stopped.outcome = None  # each job's own: the summary says it
        raise stopped from None
    return task.result()
