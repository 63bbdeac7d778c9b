"""What `%%imagegen_batch` does: read the rows, show the plan, run it under a live table, show what came."""

from __future__ import annotations

import threading
import time
from collections import Counter
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import frontend
from .batch import BatchPlan, FailedJob, Gallery
from .cost import format_usd
from .errors import CallCancelledError, OptionError, Problem, RequestError
from .options import ParsedLine
from .response import Event, Retrying, Sending
from .result import ImageResult
from .rows import Row, expand_grid, parse_grid, read_body, read_source
from .tables import PLAIN_CLASS

if TYPE_CHECKING:
    from .api import Session
    from .background import Task

__all__ = ["BatchView", "find_source", "run_batch_cell"]

TICK_SECONDS = 0.25
SHEET_SECONDS = 1.0
"""The contact sheet is drawn anew at most this often while pictures come in."""
SHOWN = 36


def run_batch_cell(session: Session, shell: Any, parsed: ParsedLine, body: str, cell: str) -> Any:
    """What the cell is worth: None where NAME was bound, else a gallery, a plan's table or a handle."""
    if parsed.problems:
        raise RequestError("the batch's options can't be read", problems=tuple(parsed.problems))
    rows = expand_grid(_rows(parsed, body, shell), parse_grid(parsed.values.get("grid") or ()))
    plan = session.plan_batch(rows, parsed.values, name=parsed.name, cell=cell, variables=shell.user_ns)
    options = session.options(parsed.values)
    if options["dry_run"]:
        return plan.table()
    if options["via"] == "batch-api":
        handle = session.submit_batch(plan, parsed.values, name=parsed.name)
        _bind(shell, parsed.name, handle)
        return handle  # shown in any case: its receipt says how to go on
    live = frontend.is_live(options["progress"]) and not options["quiet"]
    view = BatchView(plan, live=live)

    def work(task: Task[Gallery]) -> Gallery:
        return session.run_batch(
            plan,
            parsed.values,
            name=parsed.name,
            on_event=view.on_event,
            on_done=view.on_done,
            cancel=task.cancel_event,
        )

    task = session.tasks.start(f"{parsed.name or 'batch'} ({plan.summary()})", work)
    gallery = _wait(task, view)
    if not options["quiet"]:
        view.finish(gallery)
    shell.imagegen_shown = gallery
    return _bind(shell, parsed.name, gallery)


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
        problem = Problem(field="batch", rule="it has no jobs", fix="one prompt a line, or --from jobs.jsonl")
        raise OptionError("no jobs", problems=(problem,))
    return rows


def find_source(source: Any, variables: Any) -> Any:
    """The variable or file that `--from` names.

    Raises:
        OptionError: both have that name.
    """
    if not isinstance(source, str) or source not in variables:
        return source
    if Path(source).is_file():
        rule = "both a variable and a file have this name"
        problem = Problem(field="from", value=source, rule=rule, fix=f"--from ./{source} or {{{{ {source} }}}}")
        raise OptionError("which one?", problems=(problem,))
    return variables[source]


def _wait(task: Task[Gallery], view: BatchView) -> Gallery:
    """The finished gallery; an interrupt sends nothing more and lets what is in flight be saved."""
    try:
        while not task.wait(TICK_SECONDS):
            view.tick()
    except KeyboardInterrupt:
        task.cancel()
        task.when_over(view.over)
        flying = view.count("generating")
        raise CallCancelledError(
            f"stopped: nothing more is sent; {flying} in flight {'goes' if flying == 1 else 'go'} on and will be saved",
            hints=(
                "run the same cell again for the rest: what is done is not sent again",
                f"%imagegen jobs shows it as job {task.number}",
            ),
        ) from None
    return task.result()


class BatchView:
    """One batch's output: a live table, and below it a contact sheet that fills."""

    def __init__(self, plan: BatchPlan, *, live: bool) -> None:
        self._plan = plan
        self._states = dict.fromkeys(range(len(plan.planned)), "waiting")
        self._notes: dict[int, str] = {}
        self._paths: dict[int, Path] = {}
        self._cost = Decimal(0)
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._table, self._sheet = frontend.Slot(live=live), frontend.Slot(live=live)
        self._live, self._drawn, self._drawn_at = live, 0, 0.0

    def on_event(self, event: Event) -> None:
        """Takes what a job reports, in that job's thread."""
        with self._lock:
            if isinstance(event, Sending):
                self._states[event.index] = "generating"
            elif isinstance(event, Retrying):
                self._states[event.index] = "waiting"
                self._notes[event.index] = f"{event.reason}; not billed, again in {event.wait:.0f} s"

    def on_done(self, index: int, result: ImageResult | FailedJob) -> None:
        """Takes a finished job, in that job's thread."""
        with self._lock:
            if isinstance(result, FailedJob):
                self._states[index], self._notes[index] = "failed", result.error.summary
                return
            self._states[index] = "done"
            self._notes.pop(index, None)
            self._paths[index] = result.path
            self._cost += result.cost or 0

    def count(self, state: str) -> int:
        """How many jobs are in that state: waiting, generating, done or failed."""
        with self._lock:
            return Counter(self._states.values())[state]

    def line(self) -> str:
        """The batch in one line: counts, rate, cost so far, time left."""
        with self._lock:
            counts = Counter(self._states.values())
            seconds = time.monotonic() - self._started
            over = counts["done"] + counts["failed"]
            parts = [f"{over} of {len(self._states)}"]
            parts += [f"{counts['failed']} failed"] if counts["failed"] else []
            parts += [f"{counts['generating']} in flight"] if counts["generating"] else []
            parts += [f"{over / seconds * 60:.0f} jobs/min"] if over and seconds > 1 else []
            parts += [f"{format_usd(self._cost)} so far"]
            left = len(self._states) - over
            parts += [f"about {seconds / over * left:.0f} s left"] if over and left else [f"{seconds:.0f} s"]
            return " · ".join(parts)

    def tick(self) -> None:
        """Shows where the batch stands."""
        if not self._live:
            return
        line = self.line()
        self._table.show({"text/plain": line, "text/html": self._html(line)})
        with self._lock:
            paths = [self._paths[index] for index in sorted(self._paths)][:SHOWN]
        if len(paths) != self._drawn and time.monotonic() - self._drawn_at > SHEET_SECONDS:
            from .preview import contact_sheet  # noqa: PLC0415 - Pillow comes with the first picture shown

            self._drawn, self._drawn_at = len(paths), time.monotonic()
            sheet = contact_sheet(paths, labels=[str(n) for n in sorted(self._paths)][:SHOWN], max_edge=960)
            self._sheet.show(*sheet.bundle(f"{len(paths)} pictures so far"))

    def _html(self, line: str) -> str:
        """A progress bar, the line, and the jobs that are in work or in trouble."""
        with self._lock:
            total = max(1, len(self._states))
            counts = Counter(self._states.values())
            open_jobs = [
                i for i, state in self._states.items() if state in ("generating", "failed") or i in self._notes
            ]
            rows = "".join(self._row(index) for index in open_jobs[:12])
        bars = "".join(
            f'<div style="width:{100 * counts[state] / total:.2f}%;background:{color}"></div>'
            for state, color in BAR_COLOURS.items()
        )
        return (
            f'<div role="progressbar" aria-valuemin="0" aria-valuemax="{total}" aria-label="jobs done" '
            f'aria-valuenow="{counts["done"] + counts["failed"]}" style="display:flex;height:8px;max-width:640px;'
            f'border-radius:4px;overflow:hidden;background:var(--jp-layout-color2,#eee)">{bars}</div>'
            f'<div class="{PLAIN_CLASS}" role="status" style="margin:6px 0">{escape(line)}</div><table style="margin:0">{rows}</table>'
        )

    def _row(self, index: int) -> str:
        item = self._plan.planned[index]
        note = self._notes.get(index) or self._states[index]
        cells = (item.where, item.job.stem, note)
        return "<tr>" + "".join(f'<td style="text-align:left">{escape(str(cell))}</td>' for cell in cells) + "</tr>"

    def over(self, task: Task[Gallery]) -> None:
        """Leaves the results of a batch that no cell waits for, in the task's thread."""
        if task.error is None:
            self.finish(task.result())

    def finish(self, gallery: Gallery) -> None:
        """Leaves the table of results and the contact sheet."""
        table, *sheet = gallery.display_items()
        self._table.finish(*table)
        for bundle in sheet:
            self._sheet.finish(*bundle)


BAR_COLOURS = {
    "done": "var(--jp-success-color1,#388e3c)",
    "failed": "var(--jp-error-color1,#d32f2f)",
    "generating": "var(--jp-info-color2,#90caf9)",
}
