"""What a cell magic does: read the line and the body, run the job, show the result."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imagegen_magic.display import slot as frontend
from imagegen_magic.display.cell_view import CellView
from imagegen_magic.errors import CallCancelledError, Command, Fix, OptionError
from imagegen_magic.jobs.task import Task, sigterm_kept, wait_for_end
from imagegen_magic.options.braces import refuse_python, refuse_single_braces
from imagegen_magic.options.line import ParsedLine, build_parser, parse_line
from imagegen_magic.options.names import doubtful_name
from imagegen_magic.options.secrets import refuse_keys
from imagegen_magic.options.table import COMMANDS
from imagegen_magic.options.variables import fill_variables

from .batch_cells import refuse_choices, run_batch_cell
from .head import join_head, lift_source, stray_flags
from .shown import mark_shown

if TYPE_CHECKING:
    from imagegen_magic.jobs.planning import Job
    from imagegen_magic.jobs.result import ImageResult
    from imagegen_magic.session import Session

__all__ = ["PlainText", "refuse_unfilled", "run_cell"]


class PlainText(str):
    """Text that shows as it is, as a cell's value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def run_cell(session: Session, shell: Any, command: str, line: str, body: str, *, typed: bool = True) -> Any:
    """What the cell is worth: None if NAME was bound, else the result, a preview, or a pending one.

    `typed` is False for a body that comes from a file or a variable: then no `{{ expr }}` in it is run as code,
    since somebody else may have written it.
    """
    refuse_keys(f"{line}\n{body}", "cell")
    if typed:
        line, body = join_head(line, body)
    if command == "batch":
        line = lift_source(line, shell.user_ns)
    parsed = parse_line(line, command, variables=shell.user_ns)
    if parsed.help:
        return PlainText(build_parser(command).format_help())
    if parsed.unread:
        raise OptionError("the line can't be read", problems=parsed.problems)
    as_it_is = not typed or parsed.values.get("raw")
    stray = [] if as_it_is else stray_flags(body)
    text = body.rstrip("\n") if as_it_is else fill_variables(body.rstrip("\n"), shell.user_ns)
    refuse_unfilled(line, "" if as_it_is else body, parsed, command, shell.user_ns)
    raw = " --raw" if as_it_is and "{{" in body and not parsed.values.get("raw") else ""
    cell = f"{COMMANDS[command]} {line}".rstrip() + f"{raw}\n{body}"
    if command == "batch":
        return run_batch_cell(session, shell, replace(parsed, problems=(*parsed.problems, *stray)), text, cell)
    live = frontend.is_live(session.options(parsed.values).progress)
    job = session.plan(
        text,
        parsed.values,
        command=command,
        name=parsed.name,
        problems=(*parsed.problems, *doubtful_name(parsed.name, shell.user_ns), *stray),
        cell=cell,
        variables=shell.user_ns,
        live=live,
    )
    if job.options.show_prompt:
        return PlainText(job.request.prompt)
    if job.options.dry_run:
        return session.preview_of(job)
    return run_shown(session, shell, job, live=live)


def refuse_unfilled(line: str, body: str, parsed: ParsedLine, command: str, variables: Collection[str]) -> None:
    """Stops at what nothing fills in without `--raw`: a string of Python's, choices, a variable in single braces.

    Raises:
        OptionError: there is some in the line or the body.
    """
    if parsed.values.get("raw"):
        return
    refuse_python(body)
    refuse_choices([] if command == "batch" else [body], parsed)
    refuse_single_braces(f"{line}\n{body}", variables, template=bool(parsed.values.get("template")))


def run_shown(session: Session, shell: Any, job: Job, *, live: bool) -> Any:
    """Runs the job while its progress shows, and shows what came."""
    view = CellView(job, live=live)
    view.warn()
    start: Callable[..., Task[Any]] = session.start_sprites_job if job.sheet else session.start_job
    with sigterm_kept() as signals:
        task = start(job, on_event=view.on_event)
        if job.options.detach:
            return detach(shell, task, view)
        try:
            wait_for_end(task, signals, tick=view.tick)
        except KeyboardInterrupt:
            task.cancel()
            if job.options.best_of:
                detach(shell, task, view)  # what is there when the try on its way has come is shown, and bound to NAME
            else:
                task.add_done_callback(view.over)
            raise stopped(task) from None
    return deliver(shell, view, task)


def deliver(shell: Any, view: CellView, task: Task[ImageResult]) -> ImageResult | None:
    """Shows a finished task's result and binds it, or raises its error with the slot emptied."""
    if task.error is not None:
        view.slot.clear()
    result = task.result()
    view.finish(result)
    name = view.job.name
    if name is None:
        mark_shown(shell, result)
        return result
    shell.user_ns[name] = result
    return None


def stopped(task: Task[ImageResult]) -> CallCancelledError:
    """The card of an interrupted cell: what goes on, and where to look for it."""
    if task.state == "done":
        return CallCancelledError(
            "stopped; the picture had just come and is saved", outcome="done", hints=(Fix(Command("history")),)
        )
    hints = (
        Fix(Command("jobs"), f" shows it as job {task.number}"),
        Fix("its picture is saved and listed in ", Command("history"), " when it comes"),
    )
    return CallCancelledError(
        "stopped waiting. If the request was already sent it goes on in the background, because it is billed",
        hints=hints,
    )


def detach(shell: Any, task: Task[ImageResult], view: CellView) -> Task[ImageResult]:
    """Lets the task run on; its output slot fills, and NAME is bound anew, when the picture comes."""
    name = view.job.name
    if name is not None:
        shell.user_ns[name] = task
    view.tick()

    def over(finished: Future[ImageResult]) -> None:
        view.over(finished)
        if name is not None and finished.exception() is None and shell.user_ns.get(name) is task:
            shell.user_ns[name] = finished.result()

    task.add_done_callback(over)
    return task
