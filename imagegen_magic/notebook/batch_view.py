"""How a running batch looks: a live table, below it a contact sheet that fills; in a terminal, a line a job."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import Future
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from imagegen_magic.batch.plan import BatchPlan
from imagegen_magic.batch.results import SHOWN, FailedJob, Gallery
from imagegen_magic.display import slot as frontend
from imagegen_magic.images.preview import contact_sheet, sheet_columns, tile
from imagegen_magic.jobs.result import ImageResult
from imagegen_magic.request.cost import format_usd
from imagegen_magic.request.response import Event, Retrying, Sending
from imagegen_magic.tables import PLAIN_CLASS

if TYPE_CHECKING:
    from PIL import Image


__all__ = ["BatchView"]

SHEET_SECONDS = 1.0
"""The contact sheet is drawn anew at most this often while pictures come in."""
THUMBNAIL = 240
"""Longest edge, in pixels, of the pictures on the sheet while it fills."""
LISTED = 12
"""Jobs in work or in trouble that the table shows at a time."""
BAR_COLOURS = {
    "done": "var(--jp-success-color1,#388e3c)",
    "failed": "var(--jp-error-color1,#d32f2f)",
}
"""What the bar fills with: what is over. Jobs in work have rows of their own."""
_CELL = "padding:2px 14px 2px 0;text-align:left;vertical-align:top"


class BatchView:
    """One batch's output: a live table, and below it a contact sheet that fills."""

    def __init__(self, plan: BatchPlan, *, name: str = "", live: bool) -> None:
        self._plan = plan
        self._title = f"{name}: {plan.summary()}" if name else plan.summary()
        self._states = dict.fromkeys(range(len(plan.planned)), "waiting")
        self._notes: dict[int, str] = {}
        self._since: dict[int, float] = {}
        self._paths: dict[int, Path] = {}
        self._thumbnails: dict[int, Image.Image] = {}
        self._cost = Decimal(0)
        self._reused = 0
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._table, self._sheet = frontend.Slot(live=live), frontend.Slot(live=live)
        self._live, self._drawn_at = live, 0.0
        if not live:
            frontend.show_line(self._title)

    def on_event(self, event: Event) -> None:
        """Takes what a job reports, in that job's thread."""
        with self._lock:
            if isinstance(event, Sending):
                self._states[event.index], self._since[event.index] = "generating", time.monotonic()
                self._notes.pop(event.index, None)
            elif isinstance(event, Retrying):
                self._states[event.index] = "waiting"
                self._notes[event.index] = f"{event.reason}; not billed, again in {event.wait:.0f} s"

    def on_done(self, index: int, result: ImageResult | FailedJob) -> None:
        """Takes a finished job, in that job's thread."""
        with self._lock:
            if isinstance(result, FailedJob):
                self._states[index], self._notes[index] = "failed", result.error.summary
            else:
                self._states[index] = "done"
                self._notes.pop(index, None)
                self._paths[index] = result.path
                self._reused += result.reused
                self._cost += 0 if result.reused else result.paid or 0
        if not self._live:
            text = self._notes[index] if isinstance(result, FailedJob) else ", ".join(p.name for p in result.paths)
            frontend.show_line(f"{self._plan.planned[index].where}: {text} · {self.line()}")

    def count(self, state: str) -> int:
        """How many jobs are in that state: waiting, generating, done or failed."""
        with self._lock:
            return Counter(self._states.values())[state]

    def line(self) -> str:
        """The batch in one line: counts, rate, cost so far, time left; what was done before counts for no rate."""
        with self._lock:
            counts = Counter(self._states.values())
            seconds = time.monotonic() - self._started
            over = counts["done"] + counts["failed"]
            made, left = over - self._reused, len(self._states) - over
            parts = [f"{over} of {len(self._states)}"]
            parts += [f"{counts['failed']} failed"] if counts["failed"] else []
            parts += [f"{counts['generating']} in flight"] if counts["generating"] else []
            parts += [f"{made / seconds * 60:.0f} jobs/min"] if made > 0 and seconds > 1 else []
            parts += [f"{format_usd(self._cost)} so far"]
            parts += [f"about {seconds / made * left:.0f} s left"] if made > 0 and left else [f"{seconds:.0f} s"]
            return " · ".join(parts)

    def tick(self) -> None:
        """Shows where the batch stands."""
        if not self._live:
            return
        line = self.line()
        self._table.show({"text/plain": f"{self._title}\n{line}", "text/html": self._html(line)})
        if time.monotonic() - self._drawn_at > SHEET_SECONDS:
            self._draw_sheet()

    def _draw_sheet(self) -> None:
        """The contact sheet anew, if a picture came; each picture is decoded once."""
        with self._lock:
            paths = {index: self._paths[index] for index in sorted(self._paths)[:SHOWN]}
        new = [index for index in paths if index not in self._thumbnails]
        if not new:
            return

        self._thumbnails |= {index: tile(paths[index], THUMBNAIL) for index in new}
        edge = min(960, sheet_columns(len(paths)) * THUMBNAIL)
        sheet = contact_sheet([self._thumbnails[index] for index in paths], labels=[*map(str, paths)], max_edge=edge)
        self._sheet.show(*sheet.bundle(f"{len(paths)} pictures so far"))
        self._drawn_at = time.monotonic()

    def _html(self, line: str) -> str:
        """What is done at all, a progress bar, the line, and the jobs that are in work or in trouble."""
        with self._lock:
            total = max(1, len(self._states))
            counts = Counter(self._states.values())
            failed = [i for i, state in self._states.items() if state == "failed"]
            working = [i for i, state in self._states.items() if state == "generating" or (i in self._notes)]
            listed = list(dict.fromkeys([*failed[-LISTED // 2 :], *working, *failed]))
            rows = "".join(self._row(index) for index in sorted(listed[:LISTED]))
            more = f"and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
        bars = "".join(
            f'<div style="width:{100 * counts[state] / total:.2f}%;background:{color}"></div>'
            for state, color in BAR_COLOURS.items()
        )
        return (
            f'<div class="{PLAIN_CLASS}" style="max-width:860px;overflow-wrap:anywhere"><div>{escape(self._title)}</div>'
            f'<div role="progressbar" aria-valuemin="0" aria-valuemax="{total}" aria-label="jobs done" '
            f'aria-valuenow="{counts["done"] + counts["failed"]}" style="display:flex;height:8px;margin:8px 0;'
            f'border-radius:4px;overflow:hidden;background:var(--jp-layout-color3,#ddd)">{bars}</div>'
            f'<div style="font-weight:600;margin:6px 0">{escape(line)}</div>'
            f'<table style="margin:0;border-collapse:collapse">{rows}</table>'
            f'<div style="color:var(--jp-ui-font-color2,#666)">{more}</div></div>'
        )

    def _row(self, index: int) -> str:
        item, state = self._plan.planned[index], self._states[index]
        seconds = time.monotonic() - self._since.get(index, time.monotonic())
        note = self._notes.get(index) or (f"{state} · {seconds:.0f} s" if state == "generating" else state)
        colour = "var(--jp-error-color1,#d32f2f)" if state == "failed" else "inherit"
        files = "overflow-wrap:anywhere;min-width:9em"
        cells = (
            (item.number, ""),
            (item.files or item.job.stem, files),
            (note, f"overflow-wrap:anywhere;color:{colour}"),
        )
        return (
            "<tr>" + "".join(f'<td style="{_CELL};{style}">{escape(str(text))}</td>' for text, style in cells) + "</tr>"
        )

    def over(self, task: Future[Gallery]) -> None:
        """Leaves the results of a batch that no cell waits for, in the task's thread."""
        if task.exception() is None:
            self.finish(task.result())

    def finish(self, gallery: Gallery) -> None:
        """Leaves the table of results and the contact sheet."""
        table, *sheet = gallery.display_items()
        self._table.finish(*table)
        for bundle in sheet:
            self._sheet.finish(*bundle)
