"""The panel: everything without writing a flag. Translates clicks into the same jobs that cells make; decides nothing.

The work runs in a thread of its own, so that other cells run meanwhile. Results are ordinary outputs below the panel:
they are saved with the notebook and outlive the widget, whose state holds no picture.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import wraps
from html import escape
from importlib.resources import files
from typing import Any

import ipywidgets as W  # noqa: N812 - the name that its own documentation uses
import traitlets
from IPython.core.getipython import get_ipython

from imagegen_magic import frontend
from imagegen_magic.api import Session, default_session
from imagegen_magic.background import Task
from imagegen_magic.cells import CellView, refuse_keys
from imagegen_magic.cost import format_usd
from imagegen_magic.errors import BudgetError, ImagegenError, Problem, RequestError
from imagegen_magic.history import Record
from imagegen_magic.option_values import read_values
from imagegen_magic.planning import Job, check_budget
from imagegen_magic.recall import cell_text
from imagegen_magic.redaction import redact
from imagegen_magic.response import Event
from imagegen_magic.result import ImageResult
from imagegen_magic.widgets import PanelKeys

from .form import Form, Spoken
from .pictures import Pictures, path_token
from .results import History, Results, record_values

__all__ = ["Panel"]

CHECK_SECONDS = 0.25
"""How long after the last change the form is checked."""
TICK_SECONDS = 0.5
FALLBACK = (
    "The imagegen panel needs a running kernel and widget JavaScript: run this cell to open it. "
    "Everything it does can be written as a %%imagegen cell; %imagegen help lists how."
)


class Panel(W.VBox):  # type: ignore[misc]
    """Generate, edit and history in one place; a widget that shows itself.

    Args:
        prompt: what the prompt starts with.
        session: whose defaults, budget and history it uses; None takes this kernel's.
        options: options of `%%imagegen` by their names, as the controls shall start: `quality="low"`.

    Attributes:
        request: what Generate would send now, as JSON-ready data; None while something is wrong. Can be observed.
        result: the newest `ImageResult`, or None. Can be observed.
        problems: what is wrong with the form now, as `Problem` objects. Can be observed.

    Raises:
        RequestError: an option does not exist or can't be read.
    """

    request = traitlets.Any(None, allow_none=True)
    result = traitlets.Any(None, allow_none=True)
    problems = traitlets.Tuple()

    def __init__(self, prompt: str = "", *, session: Session | None = None, **options: Any) -> None:
        values, faults = read_values(options)
        if faults:
            raise RequestError("the panel can't start with these options", problems=tuple(faults))
        self.session = session or default_session()
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None
        self._task: Task[ImageResult] | None = None
        self._job: Job | None = None
        self._home: Any = None
        self._undo: list[Spoken] = []
        self._recalled = 0
        self.page = PanelKeys()
        self.form = Form(self.session, self._changed)
        self.pictures = Pictures(
            self.form, lambda: self.session.store(self.session.options(self.form.speak().values)),
            guard=self._guard, variables=self._variables, on_change=self._changed,
        )  # fmt: skip
        self.results = Results(
            self.session, guard=self._guard, on_edit=self.edit_this, on_remix=self.remix, show=self._show,
            send=self.page.send,
        )  # fmt: skip
        self.history = History(self.session, guard=self._guard, on_open=self._open, on_edit=self.edit_this)
        self._make_widgets()
        super().__init__(self._rows())
        self.add_class("imagegen-panel")
        if prompt or values:
            edits = bool(values.get("image"))
            self.form.hear(prompt, values, edits=edits)
            self.pictures.refresh()
        self._fit_mode()
        self.check()

    # layout

    def _make_widgets(self) -> None:
        self.page.on_msg(lambda _, message, __: self._guard(self._key)(message))
        self.status = W.HTML(f"ready · {self._spent()}")
        self.status.add_class("imagegen-status")
        self.cost = W.HTML()
        self.cost.add_class("imagegen-cost")
        self.reason = W.HTML()
        self.reason.add_class("imagegen-reason")
        self.card = W.HTML(layout=W.Layout(display="none"))
        self.card.add_class("imagegen-card")
        self.form.prompt.add_class("imagegen-prompt")
        self.go = W.Button(description="Generate", button_style="primary", tooltip="Ctrl+Enter in the prompt")
        self.stop = W.Button(description="Cancel", disabled=True, tooltip="what was sent already is billed, and saved")
        self.undo = W.Button(description="Undo", layout=W.Layout(display="none"), tooltip="what the form held before")
        self.older = W.Button(description="Older prompt", tooltip="Alt+↑ in the prompt")
        self.newer = W.Button(description="Newer prompt", tooltip="Alt+↓ in the prompt")
        self.sure = W.Button(button_style="warning")
        self.back = W.Button(description="Back")
        self.question = W.HTML()
        self.confirm = W.VBox([self.question, W.HBox([self.sure, self.back])], layout=W.Layout(display="none"))
        self.confirm.add_class("imagegen-confirm")
        self.go.add_class("imagegen-go")
        clicks: tuple[tuple[W.Button, Callable[..., object]], ...] = (
            (self.go, lambda _: self.generate()),
            (self.sure, lambda _: self.generate(sure=True)),
            (self.back, lambda _: self._ask("")),
            (self.stop, lambda _: self.cancel()),
            (self.undo, lambda _: self._restore()),
            (self.older, lambda _: self._prompt_from_history(1)),
            (self.newer, lambda _: self._prompt_from_history(-1)),
        )
        for button, act in clicks:
            button.on_click(self._guard(act))

    def _rows(self) -> tuple[W.Widget, ...]:
        form = self.form
        look = files("imagegen_magic").joinpath("widgets", "panel.css").read_text("utf-8")
        style = W.HTML(f"<style>{look}</style>", layout=W.Layout(display="none"))
        head = _line("imagegen-head", form.mode, self.status)
        prompt = W.VBox([
            W.HTML('<label class="imagegen-label">Prompt</label>'), form.prompt,
            _line("imagegen-tools", form.add_field, self.older, self.newer, self.undo),
            *(control.row for control in form.fields.values()),
        ])  # fmt: skip
        self._pictures_box = W.VBox([self.pictures.inputs])
        self._edit_box = W.VBox([self.pictures.masks, *form.edit_rows()])
        settings = [form.controls[name].row for name in ("model", "size")]
        settings += [form.size_text, *(form.controls[name].row for name in ("quality", "n", "output_format"))]
        groups = _line("imagegen-columns", *form.more.values())
        groups.add_class("imagegen-more")
        advanced = W.Accordion([groups], titles=["Advanced"])
        left = W.VBox([prompt, self._pictures_box, self._edit_box])
        right = W.VBox([*settings, form.backdrop, form.name])
        columns = _line("imagegen-columns", left, right)
        act = _line("imagegen-act", self.cost, self.go, self.stop, self.reason)
        self._make = W.VBox([columns, advanced, act, self.confirm])
        return (style, self.page, head, self._make, self.history.box, self.card, self.results.box)

    def _fit_mode(self) -> None:
        mode = self.form.mode.value
        self._make.layout.display = "none" if mode == "History" else None
        self.history.box.layout.display = None if mode == "History" else "none"
        self._edit_box.layout.display = None if mode == "Edit" else "none"
        self.go.description = "Edit" if mode == "Edit" else "Generate"
        if mode == "History":
            self.history.refresh()
        else:
            self.pictures.refresh()

    # checking

    def _changed(self) -> None:
        """Checks a moment after the last change, so that typing is never held up."""
        if not hasattr(self, "_make"):
            return
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(CHECK_SECONDS, self._guard(self._settle))
            self._timer.daemon = True
            self._timer.start()

    def _settle(self) -> None:
        self._fit_mode_if_needed()
        self.check()

    def _fit_mode_if_needed(self) -> None:
        shown = "History" if self._make.layout.display == "none" else "Edit" if self._edit_box.layout.display is None else "Generate"  # fmt: skip
        if shown != self.form.mode.value:
            self._fit_mode()

    def check(self) -> Job | None:
        """The job that Generate would run, or None; `problems` and `request` follow, and the panel says what is wrong."""
        with self._lock:
            spoken = self.form.speak()
            try:
                job = self._plan(spoken)
                problems: tuple[Problem, ...] = ()
            except ImagegenError as error:
                job, problems = None, error.problems or (Problem(field="", rule=error.summary),)
            self._job = job
            self.problems = problems
            self.request = job.request.describe() if job else None
            self._say_what_is_wrong(spoken, problems)
            self._say_cost(job)
            return job

    def _plan(self, spoken: Spoken) -> Job:
        refuse_keys(spoken.prompt)
        return self.session.plan(
            spoken.prompt, spoken.values, command=spoken.command, name=spoken.name, problems=spoken.problems,
            cell=cell_text(spoken.command, spoken.name, spoken.values, spoken.prompt), variables=self._variables(),
            live=True, in_batch=True,
        )  # fmt: skip

    def _say_what_is_wrong(self, spoken: Spoken, problems: tuple[Problem, ...]) -> None:
        left = self.form.show_problems(problems)
        running = self._task is not None and self._task.state in ("running", "stopping")
        empty = not spoken.prompt
        if running:
            reason = "one is on its way: wait for it, or cancel"
        elif empty and problems:
            reason = "write a prompt first" + (f"; {len(problems) - 1} more to mend" if len(problems) > 1 else "")
        elif problems:
            reason = "<br>".join(escape(str(p)).replace("\n", " ") for p in left) or "see the marked field"
        else:
            reason = ""
        self.go.disabled = bool(reason)
        notes = self._job.warnings if self._job else ()
        lines = [self.form.notes] if self.form.notes else []
        self.reason.value = reason or "<br>".join(escape(line) for line in (*lines, *notes))

    def _say_cost(self, job: Job | None) -> None:
        if job is None:
            self.cost.value = ""
            return
        size = f"{escape(job.request.size)} · " if job.request.size else ""
        self.cost.value = f"{size}{escape(str(job.estimate))} <small>estimate</small>"

    # running

    def generate(self, *, sure: bool = False) -> Task[ImageResult] | None:
        """The task that makes the pictures, or None where something is wrong or a question has to be answered first.

        Args:
            sure: True answers the questions about native transparency and the cost limit with yes.
        """
        job = self.check()
        if job is None or (self._task is not None and self._task.state in ("running", "stopping")):
            return None
        question = "" if sure else self._question(job)
        self._ask(question)
        if question:
            return None
        self._clear_card()
        view = CellView(job, live=True, home=self._home)
        self._task = self.session.start(job, on_event=lambda event: self._on_event(view, event))
        self.stop.disabled, self.go.disabled = False, True
        threading.Thread(target=self._watch, args=(self._task, view), name="imagegen-panel", daemon=True).start()
        return self._task

    def _question(self, job: Job) -> str:
        """What has to be confirmed before this job is sent; the button that confirms names it."""
        questions, names = [], []
        if job.options["transparent"] == "native":
            questions.append(
                f"Native transparency: {job.model.id} draws the alpha itself. "
                "What comes back is measured, and an opaque picture is reported."
                + (" It is a preview there: the server may refuse it." if job.model.transparency == "preview" else "")
            )
            names.append("native transparency")
        try:
            check_budget(job.estimate, job.options, self.session.spent)
        except BudgetError as error:
            questions.append(error.summary)
            names.append(f"up to {format_usd(job.estimate.high)}" if job.estimate.high is not None else "cost unknown")
        self.sure.description = f"Send it: {', '.join(names)}"
        return " ".join(questions)

    def _ask(self, question: str) -> None:
        self.question.value = escape(question)
        self.confirm.layout.display = None if question else "none"

    def cancel(self) -> None:
        """Stops what was not sent yet; what was sent is billed, and saved when it comes."""
        if self._task is not None:
            self._task.cancel()
            self._say("stopping: what was sent already is billed, and saved when it comes")

    def _on_event(self, view: CellView, event: Event) -> None:
        view.on_event(event)
        self._say(view.line())

    def _watch(self, task: Task[ImageResult], view: CellView) -> None:
        """Shows the seconds while the task runs, and what came of it."""
        while not task.wait(TICK_SECONDS):
            view.tick()
            if not task.cancel_event.is_set():
                self._say(view.line())
        self._guard(self._over)(task, view)

    def _over(self, task: Task[ImageResult], view: CellView) -> None:
        self.stop.disabled = True
        if task.error is not None:
            view.slot.clear()
            self.check()
            self._say("nothing came")
            raise task.error
        result = task.result()
        view.finish(result)
        if view.job.name and (shell := get_ipython()) is not None:
            shell.user_ns[view.job.name] = result
        self.results.take(result)
        self.result = result
        count = "1 picture" if len(result) == 1 else f"{len(result)} pictures"
        self._say(f"{count}, saved as @{result.number} · {task.elapsed:.0f} s · {self._spent()}")
        self.check()
        self.page.send({"focus": "generate"})

    def _spent(self) -> str:
        return f"{format_usd(self.session.spent)} in this notebook"

    # actions

    def edit_this(self, reference: str) -> None:
        """Makes the picture of a history reference the one to edit; the settings stay."""
        self._remember()
        self.form.mode.value = "Edit"
        self.form.images[:] = [(reference, "")]
        self.form.mask = ""
        self.pictures.mask_kind.value = "no mask"
        self.pictures.refresh()
        self._settle()

    def remix(self, record: Record) -> None:
        """Takes the prompt and settings of a record, without its picture; Undo brings back what was there."""
        self._remember()
        edits = record.request.get("endpoint") == "edit" and bool(record.options.get("image"))
        self.form.hear(record.prompt_typed, record_values(record), edits=edits)
        self._settle()

    def _remember(self) -> None:
        self._undo.append(self.form.snapshot())
        self.undo.layout.display = None

    def _restore(self) -> None:
        if self._undo:
            self.form.restore(self._undo.pop())
        self.undo.layout.display = None if self._undo else "none"
        self._settle()

    def _prompt_from_history(self, step: int) -> None:
        """Steps through the prompts of the history; what was typed is one Undo away."""
        prompts = list(dict.fromkeys(record.prompt_typed for record, _ in self.session.newest(200)))
        if not prompts:
            return
        if self._recalled == 0:
            self._remember()
        self._recalled = min(max(self._recalled + step, 0), len(prompts))
        if self._recalled:
            self.form.prompt.value = prompts[self._recalled - 1]
        else:
            self._restore()

    def _open(self, reference: str) -> None:
        result = self.session.find_result(reference)
        self._show(result)
        self.results.take(result)

    def _key(self, message: Mapping[str, Any]) -> None:
        """What was pressed in the page."""
        acts: dict[str, Callable[[], object]] = {
            "generate": self.generate,
            "older": lambda: self._prompt_from_history(1),
            "newer": lambda: self._prompt_from_history(-1),
        }
        act = acts.get(str(message.get("press")))
        if act is not None:
            self.form.prompt.value = str(message.get("prompt", self.form.prompt.value))
            act()
        if message.get("cannot") == "open":
            self._say(f"open it by hand: {path_token(self.results.picture.path)}")

    # showing

    def _variables(self) -> dict[str, Any]:
        shell = get_ipython()
        return {} if shell is None else shell.user_ns

    def _show(self, thing: Any) -> None:
        """Shows something as an ordinary output below the panel, which is saved with the notebook."""
        slot = frontend.Slot(live=True, home=self._home)
        items = thing.display_items() if hasattr(thing, "display_items") else [thing._repr_mimebundle_()]
        for item in items:
            slot.below(*(item if isinstance(item, tuple) else (item, {})))

    def _say(self, line: str) -> None:
        self.status.value = escape(line)

    def _clear_card(self) -> None:
        self.card.layout.display = "none"
        self.card.value = ""

    def _guard(self, act: Callable[..., Any]) -> Callable[..., None]:
        """`act`, with what goes wrong in it shown as a card: widgets swallow what their callbacks raise."""

        @wraps(act)
        def guarded(*args: Any) -> None:
            try:
                act(*args)
            except ImagegenError as error:
                first, *rest = error.card_lines()
                self._show_card(f"{type(error).__name__}: {first}", rest)
            except Exception as error:  # noqa: BLE001 - shown, because nobody else would
                self._show_card(f"{type(error).__name__}: {error}", ["this is a fault of the panel; please report it"])

        return guarded

    def _show_card(self, first: str, rest: list[str]) -> None:
        lines = "\n".join(rest)
        self.card.value = redact(f'<div role="alert"><b>{escape(first)}</b><pre>{escape(lines)}</pre></div>')
        self.card.layout.display = None

    def _repr_mimebundle_(self, include: object = None, exclude: object = None, **more: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(include=include, exclude=exclude, **more)
        data = dict(bundle[0] if isinstance(bundle, tuple) else bundle or {})
        return {**data, "text/plain": FALLBACK, "text/html": f"<p>{escape(FALLBACK)}</p>"}

    def _ipython_display_(self) -> None:
        """Shows the panel; results appear below it, in the outputs of the same cell."""
        self._home = frontend.this_cell()
        frontend.show_bundle(self._repr_mimebundle_())
        # The living panel's style sheet hides this; where the widget is not there, it says why.
        markup = f'<p class="imagegen-without-kernel">{escape(FALLBACK)}</p>'
        frontend.show_bundle({"text/plain": "", "text/html": markup})


def _line(css: str, *children: W.Widget) -> W.HBox:
    box = W.HBox(children)
    box.add_class(css)
    return box
