"""One cell's output: progress in one slot, which becomes the picture; then the caption."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from imagegen_magic.errors import ImagegenError
from imagegen_magic.images.preview import live_preview
from imagegen_magic.jobs.captions import warnings_bundle
from imagegen_magic.request.response import Event, Partial, Retrying, Sending

from .slot import Bundle, Slot

if TYPE_CHECKING:
    from imagegen_magic.jobs.planning import Job
    from imagegen_magic.jobs.result import ImageResult

__all__ = ["CellView"]


class CellView:
    """One cell's output: progress in one slot, which becomes the picture; then the caption."""

    def __init__(self, job: Job, *, live: bool, home: Any = None) -> None:
        self.job = job
        self.slot = Slot(live=live and not job.options.quiet, home=home)
        self._started = time.monotonic()
        self._phase = "checking"

    def warn(self) -> None:
        """Shows what the user should know before anything is sent; it stays above the picture."""
        if self.job.warnings and not self.job.options.quiet:
            self.slot.below(warnings_bundle(self.job.warnings))

    def on_event(self, event: Event) -> None:
        """Takes what the run reports, in the run's thread."""
        if isinstance(event, Sending):
            self._phase = "generating" if event.attempt == 1 else f"generating, attempt {event.attempt}"
            if self.job.options.best_of:
                self._phase += f", try {event.index + 1} of {self.job.options.best_of}"
        elif isinstance(event, Retrying):
            billed = "may have been billed" if event.outcome == "ambiguous" else "not billed"
            self._phase = f"{event.reason}; {billed}, trying again in {event.wait:.0f} s"
        elif isinstance(event, Partial):
            self._phase = f"generating, preview {event.number + 1}"
            if image := partial_image(event.data, self.job):
                self.slot.partial(image, self.line())
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
        if self.job.options.quiet:
            return
        (data, metadata), *rest = result.display_items(already_shown=self.job.warnings)
        self.slot.finish(data, metadata)
        for bundle, extra in rest:
            self.slot.below(bundle, extra)

    def over(self, task: Future[ImageResult]) -> None:
        """Fills the slot of a cell that is no longer waiting, in the task's thread."""
        error = task.exception()
        if error is None:
            self.finish(task.result())
        elif isinstance(error, ImagegenError):
            self.slot.finish({"text/plain": str(error)})
        else:
            self.slot.clear()


def partial_image(data: bytes, job: Job) -> Callable[[str], Bundle] | None:
    """A live preview, to be shown with a line of progress; None if it can't be read. It is never a result."""
    try:
        image = live_preview(data, max_edge=min(512, job.options.preview or 512))
    except Exception:  # noqa: BLE001 - a preview that can't be shown must not end a paid request
        return None
    return lambda line: image(line.partition(": ")[2]).bundle("live preview")
