"""What is asked before something is sent: one question, with a button that names what it agrees to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from imagegen_magic.errors import BudgetError
from imagegen_magic.jobs.planning import Job
from imagegen_magic.request.cost import format_usd

from .facade import Facade
from .queue import Queue

__all__ = ["Question", "question_about"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question before sending: its sentences, what the button that agrees says, and which questions it answers."""

    text: str
    yes: str
    names: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The question for the page."""
        return {"text": self.text, "yes": self.yes, "names": list(self.names)}


def question_about(
    jobs: Sequence[Job], facade: Facade, queue: Queue, *, agreed: set[str], painting: bool
) -> Question | None:
    """What has to be confirmed before these jobs are sent, or None.

    Args:
        agreed: the questions that were answered with yes.
        painting: True if the mask editor is open and nothing is painted.
    """
    asked = [
        (name, *found) for name, found in _questions(jobs, facade, queue, painting) if found and name not in agreed
    ]
    if not asked:
        return None
    texts, buttons = [text for _, text, _ in asked], [button for _, _, button in asked]
    names = (*agreed, *(name for name, _, _ in asked))
    return Question(text=" ".join(texts), yes=f"Send it: {', '.join(buttons)}", names=tuple(names))


def _questions(
    jobs: Sequence[Job], facade: Facade, queue: Queue, painting: bool
) -> list[tuple[str, tuple[str, str] | None]]:
    return [
        ("mask", ("Nothing is painted: the whole image may change.", "the whole image") if painting else None),
        ("native", _native(jobs)),
        ("cost", _cost(jobs, facade, queue)),
        ("again", _again(jobs, queue)),
        ("many", _many(jobs)),
    ]


def _native(jobs: Sequence[Job]) -> tuple[str, str] | None:
    job = next((job for job in jobs if job.options.transparent == "native"), None)
    if job is None:
        return None
    preview = ", in preview: the server may refuse it" if job.model.transparency == "preview" else ""
    text = f"Native transparency: {job.model.id} draws the alpha itself{preview}. What comes back is measured, and an opaque image is reported."
    return text, "native transparency"


def _cost(jobs: Sequence[Job], facade: Facade, queue: Queue) -> tuple[str, str] | None:
    """The question of `confirm_above`; limits are not a question, they stop a job before."""
    for job in jobs:
        try:
            facade.check_budget(job, reserved=queue.reserved(), agreed=False)
        except BudgetError:
            high, above = job.estimate.high, job.options.confirm_above
            cost = "an unknown cost" if high is None else f"up to {format_usd(high)}"
            return (
                f"This may cost {cost[3:] if high is None else cost}; you asked to confirm above {format_usd(above)}.",
                cost,
            )
    return None


def _again(jobs: Sequence[Job], queue: Queue) -> tuple[str, str] | None:
    if any(queue.holds(job.request.digest()) for job in jobs):
        return "The same request is already on its way; sent again, it is billed again.", "once more"
    return None


def _many(jobs: Sequence[Job]) -> tuple[str, str] | None:
    if len(jobs) < 2:
        return None
    high = [job.estimate.high for job in jobs]
    total = None if None in high else sum((amount for amount in high if amount is not None), Decimal(0))
    price = f"up to {format_usd(total)} in all" if total is not None else "an unknown cost"
    return f"{len(jobs)} requests are queued, {price}.", f"{len(jobs)} requests, {price}"
