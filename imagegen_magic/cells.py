"""What a cell magic does: read the line and the body, run the job, show the result."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import frontend
from .captions import warnings_bundle
from .errors import CallCancelledError, ImagegenError, OptionError, Problem
from .options import build_parser, parse_line
from .prompt import fill_variables
from .redaction import find_key
from .response import Event, Partial, Retrying, Sending

if TYPE_CHECKING:
    from .api import Session
    from .background import Task
    from .planning import Job
    from .result import ImageResult

__all__ = ["CellView", "Pending", "PlainText", "refuse_keys", "run_cell"]

TICK_SECONDS = 0.25


class PlainText(str):
    """Text that shows as it is, as a cell's value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def run_cell(session: Session, shell: Any, command: str, line: str, body: str, *, typed: bool = True) -> Any:
    """What the cell is worth: None where NAME was bound, else the result, a preview, or a pending one.

    `typed` is False for a body that comes from a file or a variable: then no `{{ expr }}` in it is run as code,
    since somebody else may have written it.
    """
    refuse_keys(f"{line}\n{body}")
    parsed = parse_line(line, command, variables=shell.user_ns)
    if parsed.help:
        return PlainText(build_parser(command).format_help())
    as_it_is = not typed or parsed.values.get("raw")
    text = body.rstrip("\n") if as_it_is else fill_variables(body.rstrip("\n"), shell.user_ns)
    raw = " --raw" if as_it_is and "{{" in body and not parsed.values.get("raw") else ""
    cell = f"%%{MAGIC_NAMES[command]} {line}".rstrip() + f"{raw}\n{body}"
    if command == "batch":
        from .batch_cells import run_batch_cell  # noqa: PLC0415 - only for a batch

        return run_batch_cell(session, shell, parsed, text, cell)
    live = frontend.is_live(session.options(parsed.values)["progress"])
    job = session.plan(
        text,
        parsed.values,
        command=command,
        name=parsed.name,
        problems=parsed.problems,
        cell=cell,
        variables=shell.user_ns,
        live=live,
    )
    if job.options["show_prompt"]:
        return PlainText(job.request.prompt)
    if job.options["dry_run"]:
        return session.preview(job)
    return run_shown(session, shell, job, live=live)


MAGIC_NAMES = {"generate": "imagegen", "edit": "imagegen_edit", "batch": "imagegen_batch"}


def refuse_keys(text: str) -> None:
    """Stops a cell that holds something shaped like an API key, before it reaches a prompt, a file or a history.

    Raises:
        OptionError: it does.
    """
    if find_key(text):
        rule = "this cell holds something shaped like an API key; notebooks and histories keep what cells hold"
        fix = "take it out, set the environment variable OPENAI_API_KEY before starting Jupyter, and revoke the key if it was saved"
        raise OptionError("the cell was refused", problems=(Problem(field="cell", rule=rule, fix=fix),))


def run_shown(session: Session, shell: Any, job: Job, *, live: bool) -> Any:
    """Runs the job while its progress shows, and shows what came."""
    view = CellView(job, live=live)
    view.warn()
    task = session.start(job, on_event=view.on_event)
    if job.options["detach"]:
        return detach(shell, task, view)
    try:
        while not task.wait(TICK_SECONDS):
            view.tick()
    except KeyboardInterrupt:
        task.cancel()
        task.when_over(view.over)
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
            "stopped; the picture had just come and is saved", outcome="done", hints=("%imagegen history",)
        )
    hints = (
        f"%imagegen jobs shows it as job {task.number}",
        "its picture is saved and listed in %imagegen history when it comes",
    )
    return CallCancelledError(
        "stopped waiting. If the request was already sent it goes on in the background, because it is billed",
        hints=hints,
    )


class Pending:
    """A result that has not come yet: what `--detach` binds. `.result()` waits for it."""

    def __init__(self, task: Task[ImageResult], title: str) -> None:
        self._task, self._title = task, title

    def result(self) -> ImageResult:
        """The result; waits for it, and raises what went wrong."""
        return self._task.result()

    def done(self) -> bool:
        """True once the picture is there, or the request has failed."""
        return self._task.wait(0)

    def __repr__(self) -> str:
        return f"{self._title}: job {self._task.number}, {self._task.state}"


def detach(shell: Any, task: Task[ImageResult], view: CellView) -> Pending:
    """Lets the task run on; its output slot fills, and NAME is bound anew, when the picture comes."""
    pending = Pending(task, view.job.name or view.job.stem)
    name = view.job.name
    if name is not None:
        shell.user_ns[name] = pending
    view.tick()

    def over(finished: Task[ImageResult]) -> None:
        view.over(finished)
        if name is not None and finished.error is None and shell.user_ns.get(name) is pending:
            shell.user_ns[name] = finished.result()

    task.when_over(over)
    return pending


class CellView:
    """One cell's output: progress in one slot, which becomes the picture; then the caption."""

    def __init__(self, job: Job, *, live: bool, home: Any = None) -> None:
        self.job = job
        self.slot = frontend.Slot(live=live and not job.options["quiet"], home=home)
        self._started = time.monotonic()
        self._phase = "checking"

    def warn(self) -> None:
        """Shows what the user should know before anything is sent; it stays above the picture."""
        if self.job.warnings and not self.job.options["quiet"]:
            self.slot.below(warnings_bundle(self.job.warnings))

    def on_event(self, event: Event) -> None:
        """Takes what the run reports, in the run's thread."""
        if isinstance(event, Sending):
            self._phase = "generating" if event.attempt == 1 else f"generating, attempt {event.attempt}"
        elif isinstance(event, Retrying):
            self._phase = f"{event.reason}; not billed, trying again in {event.wait:.0f} s"
        elif isinstance(event, Partial):
            self._phase = f"generating, preview {event.number + 1}"
            if bundle := partial_bundle(event.data, self.job):
                self.slot.partial(*bundle, self.line())
                return
        self.tick()

    def tick(self) -> None:
        """Shows the phase and the seconds so far."""
        self.slot.text(self.line())

    def line(self) -> str:
        """The phase and the seconds so far, as one line."""
        return f"{self.job.name or self.job.stem}: {self._phase} · {time.monotonic() - self._started:.0f} s"

    def finish(self, result: ImageResult) -> None:
        """Replaces the progress by the picture, and shows the caption."""
        if self.job.options["quiet"]:
            return
        (data, metadata), *rest = result.display_items(told=self.job.warnings)
        self.slot.finish(data, metadata)
        for bundle, extra in rest:
            self.slot.below(bundle, extra)

    def over(self, task: Task[ImageResult]) -> None:
        """Fills the slot of a cell that is no longer waiting, in the task's thread."""
        if task.error is None:
            self.finish(task.result())
        elif isinstance(task.error, ImagegenError):
            self.slot.finish({"text/plain": str(task.error)})
        else:
            self.slot.clear()


def partial_bundle(data: bytes, job: Job) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """A live preview as a mime bundle, or None where it can't be read; it is never a result."""
    from .preview import preview  # noqa: PLC0415 - Pillow comes with the first picture

    try:
        small = preview(data, max_edge=min(512, job.options["preview"] or 512))
    except Exception:  # noqa: BLE001 - a preview that can't be shown must not end a paid request
        return None
    return None if small is None else small.bundle("live preview")


def mark_shown(shell: Any, result: ImageResult) -> None:
    """Remembers that the cell showed `result`, so that being its value does not show it again."""
    shell.imagegen_shown = result


def show_unless_shown(shell: Any, result: ImageResult) -> bool:
    """IPython's display hook for results: picture, then caption. True tells IPython that all is shown."""
    if getattr(shell, "imagegen_shown", None) is result:
        shell.imagegen_shown = None
        return True
    for data, metadata in result.display_items():
        frontend.show_bundle(data, metadata)
    return True
