"""The panel: everything without writing a flag. Translates clicks into the same jobs that cells make; decides nothing.

The work runs in a thread of its own, so that other cells run meanwhile. Results are ordinary outputs below the panel:
they are saved with the notebook and outlive the widget, whose state holds no picture.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import ipywidgets as W  # noqa: N812 - the name that its own documentation uses
import traitlets
from IPython.core.getipython import get_ipython

from imagegen_magic.api import default_session
from imagegen_magic.display import slot as frontend
from imagegen_magic.display.cell_view import CellView
from imagegen_magic.errors import CallCancelledError, ImagegenError, Problem, RequestError
from imagegen_magic.jobs.planning import Job
from imagegen_magic.jobs.result import ImageResult
from imagegen_magic.jobs.task import Task
from imagegen_magic.options.values import read_values
from imagegen_magic.redaction import refuse_keys
from imagegen_magic.request.cost import format_usd
from imagegen_magic.request.response import Event
from imagegen_magic.session import Session
from imagegen_magic.store.history import Record
from imagegen_magic.store.recall import cell_text
from imagegen_magic.widgets import PanelKeys

from .action_bar import ActionBar, question_about
from .card import ErrorCard
from .controls import close, line
from .form import Form, Spoken
from .past import Past
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
        self.page = PanelKeys()
        self.card = ErrorCard()
        guard = self.card.guard
        self.form = Form(self.session, self._changed, guard=guard)
        self.bar = ActionBar(guard=guard, on_go=lambda sure: self.generate(sure=sure), on_stop=self.cancel)
        self.pictures = Pictures(
            self.form, lambda: self.session.store(self.session.options(self.form.speak().values)),
            guard=guard, variables=self._variables, on_change=self._changed,
        )  # fmt: skip
        self.results = Results(
            self.session, guard=guard, on_edit=self.edit_this, on_remix=self.remix, show=self._show,
            send=self.page.send, variables=self._variables,
        )  # fmt: skip
        self.past = Past(self.session, self.form, guard=guard, on_change=self._settle)
        self.history = History(self.session, guard=guard, on_open=self._open, on_edit=self.edit_this)
        super().__init__(self._rows())
        self.add_class("imagegen-panel")
        self.page.add_class("imagegen-page")
        self.page.on_msg(lambda _, message, __: guard(self._key)(message))
        if prompt or values:
            edits = bool(values.get("image"))
            self.form.hear(prompt, values, edits=edits)
            self.pictures.refresh()
        self._fit_mode()
        self.check()

    # layout

    def _rows(self) -> tuple[W.Widget, ...]:
        form, past = self.form, self.past
        self.spent = W.HTML()
        self.spent.add_class("imagegen-spent")
        self._edit_box = W.VBox([self.pictures.masks, *form.edit_rows()])
        tools = line("imagegen-tools", form.add_field, past.older, past.newer, past.undo)
        left = W.VBox([form.prompt, tools, *form.field_rows(), self.pictures.inputs, self._edit_box])
        columns = line("imagegen-columns", left, W.VBox(form.settings()))
        advanced = W.Accordion([line("imagegen-columns", *form.more())], titles=["Advanced"])
        self._make = W.VBox([columns, self.pictures.stage, advanced, self.bar.box])
        head = line("imagegen-head", form.mode, self.spent)
        return (self.page, head, self._make, self.history.box, self.card.box, self.results.box)

    def _fit_mode(self) -> None:
        mode = self._mode = self.form.mode.value
        self._make.layout.display = "none" if mode == "History" else None
        self.history.box.layout.display = None if mode == "History" else "none"
        self._edit_box.layout.display = self.pictures.stage.layout.display = None if mode == "Edit" else "none"
        self.bar.go.description = "Edit" if mode == "Edit" else "Generate"
        if mode == "History":
            self.history.refresh()
        else:
            self.pictures.refresh()

    def close(self) -> None:
        """Closes the panel and everything in it, so that the notebook's saved state holds nothing of it."""
        for child in self.children:
            close(child)
        super().close()

    # checking

    def _changed(self) -> None:
        """Checks a moment after the last change, so that typing is never held up."""
        if not hasattr(self, "_mode"):
            return
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(CHECK_SECONDS, self.card.guard(self._settle))
            self._timer.daemon = True
            self._timer.start()

    def _settle(self) -> None:
        if self._mode != self.form.mode.value:
            self._fit_mode()
        self.check()

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
            return job

    def _plan(self, spoken: Spoken) -> Job:
        refuse_keys(spoken.prompt, "prompt")
        return self.session.plan(
            spoken.prompt, spoken.values, command=spoken.command, name=spoken.name, problems=spoken.problems,
            cell=cell_text(spoken.command, spoken.name, spoken.values, spoken.prompt), variables=self._variables(),
            live=True, in_batch=True,
        )  # fmt: skip

    def _say_what_is_wrong(self, spoken: Spoken, problems: tuple[Problem, ...]) -> None:
        left = self.form.show_problems(problems)
        self.bar.say_why(running=self._running, empty=not spoken.prompt, problems=problems, left=left)
        notes = self._job.warnings if self._job else ()
        self.bar.note([*([self.form.notes] if self.form.notes else []), *notes])
        self.bar.say_cost(self._job)
        self.form.show_size(self._job.request.size if self._job else "")
        spent = self.session.spending.total
        self.spent.value = f"{format_usd(spent) if spent else 'nothing'} spent in this notebook"

    # running

    @property
    def _running(self) -> bool:
        return self._task is not None and self._task.state in ("running", "stopping")

    def generate(self, *, sure: bool = False) -> Task[ImageResult] | None:
        """The task that makes the pictures, or None where something is wrong or a question has to be answered first.

        Args:
            sure: True answers the questions about native transparency and the cost limit with yes.
        """
        with self._lock:  # two clicks may come from two threads
            job = self.check()
            if job is None or self._running:
                return None
            question, yes = ("", "") if sure else question_about(job, self.session.spending.total)
            self.bar.ask(question, yes)
            if question:
                return None
            self.card.clear()
            view = CellView(job, live=True, home=self._home)
            task = self._task = self.session.start_job(job, on_event=lambda event: self._on_event(view, event))
        self.bar.run(True)
        self.check()
        watch = self.card.guard(self._watch)
        threading.Thread(target=watch, args=(task, view), name="imagegen-panel", daemon=True).start()
        return task

    def cancel(self) -> None:
        """Gives the panel back at once: nothing more is sent; what was sent is billed, and saved when it comes."""
        if self._task is not None and self._running:
            self._task.cancel()
            self._task = None
            self.bar.run(False)
            self.bar.say("cancelled; what was sent already is billed, and saved when it comes")
            self.check()

    def _on_event(self, view: CellView, event: Event) -> None:
        view.on_event(event)
        self.bar.say(view.line())

    def _watch(self, task: Task[ImageResult], view: CellView) -> None:
        """Shows the seconds while the task runs, and what came of it."""
        while not task.wait(TICK_SECONDS):
            view.tick()
            if task is self._task:
                self.bar.say(view.line())
        if task is self._task:
            self.bar.run(False)
        if task.error is None:
            self._take(task, view)
            return
        view.slot.clear()
        self.check()
        if isinstance(task.error, CallCancelledError):
            self.bar.say("cancelled before anything was sent")
            return
        self.bar.say("nothing came")
        raise task.error

    def _take(self, task: Task[ImageResult], view: CellView) -> None:
        result = task.result()
        view.finish(result)
        if view.job.name and (shell := get_ipython()) is not None:
            shell.user_ns[view.job.name] = result
        self.results.take(result)
        count = "1 picture" if len(result) == 1 else f"{len(result)} pictures"
        if not self._running:
            self.bar.say(f"{count}, saved as @{result.number} · {task.elapsed:.0f} s")
        self.check()
        self.page.send({"focus": "generate"})
        self.result = result

    # actions

    def edit_this(self, reference: str) -> None:
        """Makes the picture of a history reference the one to edit; the settings stay."""
        self.past.remember()
        self.form.mode.value = "Edit"
        self.form.images[:] = [(reference, "")]
        self.form.mask = ""
        self.pictures.mask_kind.value = "no mask"
        self.pictures.refresh()
        self._settle()

    def remix(self, record: Record) -> None:
        """Takes the prompt and settings of a record, without its picture; Undo brings back what was there."""
        self.past.remember()
        edits = record.request.get("endpoint") == "edit" and bool(record.options.get("image"))
        self.form.hear(record.prompt_typed, record_values(record), edits=edits)
        self._settle()

    def _open(self, reference: str) -> None:
        result = self.session.find_result(reference)
        self._show(result)
        self.results.take(result)

    def _key(self, message: Mapping[str, Any]) -> None:
        """What was pressed in the page."""
        acts: dict[str, Callable[[], object]] = {
            "generate": self.generate,
            "older": lambda: self.past.step(1),
            "newer": lambda: self.past.step(-1),
        }
        act = acts.get(str(message.get("press")))
        if act is not None:
            self.form.prompt.value = str(message.get("prompt", self.form.prompt.value))
            act()
        if message.get("cannot") == "open":
            self.bar.say(f"open it by hand: {path_token(self.results.picture.path)}")

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

    def _repr_mimebundle_(self, include: object = None, exclude: object = None, **more: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(include=include, exclude=exclude, **more)
        data = dict(bundle[0] if isinstance(bundle, tuple) else bundle or {})
        return {**data, "text/plain": FALLBACK, "text/html": f"<p>{escape(FALLBACK)}</p>"}

    def _ipython_display_(self) -> None:
        """Shows the panel; results appear below it, in the outputs of the same cell."""
        self._home = frontend.this_cell()
        frontend.show_bundle({**self._repr_mimebundle_(), "text/plain": "", "text/html": ""})
        # The living panel's style sheet hides this; where the widget is not there, it says why.
        markup = f'<p class="imagegen-without-kernel">{escape(FALLBACK)}</p>'
        frontend.show_bundle({"text/plain": "", "text/html": markup})
