"""The row of Generate: its price, why it is off, how far it is, and the question before what has to be confirmed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import TYPE_CHECKING

import ipywidgets as W  # noqa: N812 - the name that its own documentation uses

from imagegen_magic.errors import BudgetError, Problem
from imagegen_magic.jobs.planning import check_budget
from imagegen_magic.request.cost import format_usd

from .card import Guard
from .controls import line

if TYPE_CHECKING:
    from decimal import Decimal

    from imagegen_magic.jobs.planning import Job

__all__ = ["ActionBar", "question_about"]


class ActionBar:
    """Generate, Cancel, and what is said about them.

    Args:
        on_go: called with whether the question was answered with yes.
        on_stop: called by Cancel.
    """

    def __init__(self, *, guard: Guard, on_go: Callable[[bool], object], on_stop: Callable[[], object]) -> None:
        self.go = W.Button(description="Generate", button_style="primary", tooltip="Ctrl+Enter in the prompt")
        self.go.add_class("imagegen-go")
        self.stop = W.Button(description="Cancel", tooltip="what was sent already is billed, and saved when it comes")
        self.cost = W.HTML()
        self.cost.add_class("imagegen-cost")
        self.status = W.HTML("ready")
        self.status.add_class("imagegen-status")
        self.reason = W.HTML()
        self.reason.add_class("imagegen-reason")
        self.question = W.HTML()
        self.sure = W.Button(button_style="warning")
        self.back = W.Button(description="Back", tooltip="send nothing")
        self.confirm = W.VBox([self.question, line("imagegen-tools", self.sure, self.back)])
        self.confirm.add_class("imagegen-confirm")
        self.go.on_click(guard(lambda _: on_go(False)))
        self.sure.on_click(guard(lambda _: on_go(True)))
        self.back.on_click(guard(lambda _: self.ask("", "")))
        self.stop.on_click(guard(lambda _: on_stop()))
        self.row = line("imagegen-act", self.go, self.stop, self.cost, self.status, self.reason)
        self.box = W.VBox([self.row, self.confirm])
        self.ask("", "")
        self.run(False)

    def run(self, running: bool) -> None:
        """Offers Cancel while something runs."""
        self.stop.layout.display = None if running else "none"
        (self.row.add_class if running else self.row.remove_class)("imagegen-running")

    def say(self, text: str) -> None:
        """What goes on, as text."""
        self.status.value = escape(text)

    def ask(self, question: str, yes: str) -> None:
        """Shows a question with a button that names what it agrees to; an empty one takes it away."""
        self.question.value = escape(question)
        self.sure.description = f"Send it: {yes}"
        self.confirm.layout.display = None if question else "none"

    def say_cost(self, job: Job | None) -> None:
        """The price of a job, beside the button."""
        if job is None:
            self.cost.value = ""
            return
        self.cost.value = f"<b>{escape(str(job.estimate))}</b> <small>estimate</small>"

    def say_why(self, *, running: bool, empty: bool, problems: tuple[Problem, ...], left: Iterable[Problem]) -> None:
        """Switches Generate off with the reason written beside it, or on."""
        more = f"; {len(problems) - 1} more to mend" if len(problems) > 1 else ""
        if running:
            reason = "one is on its way: wait for it, or cancel"
        elif empty and problems:
            reason = f"write a prompt first{more}"
        elif problems:
            marked = ", ".join(dict.fromkeys(p.field.replace("_", " ") for p in problems))
            reason = (
                "<br>".join(escape(str(p)).replace("\n", " ") for p in left) or f"mend {escape(marked)}, marked above"
            )
        else:
            reason = ""
        self.go.disabled = bool(reason)
        self.reason.value = reason

    def note(self, notes: Iterable[str]) -> None:
        """What else there is to know, where Generate is on."""
        if not self.go.disabled:
            self.reason.value = "<br>".join(escape(note) for note in notes)


def question_about(job: Job, spent: Decimal) -> tuple[str, str]:
    """(what has to be confirmed before this job is sent, what the button that agrees is called); both may be empty."""
    questions, names = [], []
    if job.options.transparent == "native":
        preview = ", in preview: the server may refuse it" if job.model.transparency == "preview" else ""
        questions.append(
            f"Native transparency: {job.model.id} draws the alpha itself{preview}. "
            "What comes back is measured, and an opaque picture is reported."
        )
        names.append("native transparency")
    try:
        check_budget(job.estimate, job.options, spent)
    except BudgetError as error:
        questions.append(error.summary)
        names.append(f"up to {format_usd(job.estimate.high)}" if job.estimate.high is not None else "cost unknown")
    return " ".join(questions), ", ".join(names)
