"""The panel as one anywidget: small traits for state, messages for images, and an output below for what was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import traitlets

from imagegen_magic.api import default_session
from imagegen_magic.display import slot as frontend
from imagegen_magic.errors import RequestError
from imagegen_magic.jobs.result import ImageResult
from imagegen_magic.options.values import read_values
from imagegen_magic.session import Session
from imagegen_magic.widgets.base import MessageWidget

from .controller import Controller
from .facade import Facade
from .form import Form
from .queue import Entry
from .record import FALLBACK, SavedRecord
from .wording import card

__all__ = ["Panel"]

PAGE = Path(__file__).parent / "page"
SHARED = Path(__file__).parent.parent / "widgets"
FILES = (
    SHARED / "own_keys.js", SHARED / "mask_pixels.js", SHARED / "mask_editor.js", SHARED / "comparison.js",
    *(PAGE / f"{name}.js" for name in ("dom", "link", "size", "controls", "inputs", "many", "frame", "history", "stage", "queue", "prompts", "panel")),
)  # fmt: skip
"""The page's source, each file after those that it needs."""
MADE: WeakKeyDictionary[Session, list[ImageResult]] = WeakKeyDictionary()
"""What panels made in a session, so that a cell that runs again shows it again."""


class Panel(MessageWidget):
    """Generate, edit and history in one place, with the newest image beside the form; a widget that shows itself.

    In marimo: `mo.ui.anywidget(imagegen_magic.Panel())`.

    Args:
        prompt: what the prompt starts with.
        session: whose defaults, budget and history it uses; None takes this kernel's.
        options: options of `%%imagegen` by their names, as the controls start: `quality="low"`.

    Attributes:
        request: what Generate would send now, as JSON-ready data; None while something is wrong. Can be observed.
        result: the newest `ImageResult`, or None. Can be observed.
        problems: what is wrong with the form now, as `Problem` objects. Can be observed.

    Raises:
        RequestError: an option does not exist or can't be read.

    Example:
        >>> panel = imagegen_magic.Panel("a red mug", quality="low")  # doctest: +SKIP
    """

    module = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    style = "\n".join(
        (folder / name).read_text(encoding="utf-8") for folder, name in ((SHARED, "widgets.css"), (PAGE, "panel.css"))
    )

    form = traitlets.Dict().tag(sync=True)
    controls = traitlets.Dict().tag(sync=True)
    checked = traitlets.Dict().tag(sync=True)
    question = traitlets.Dict().tag(sync=True)
    queue: traitlets.List[Any] = traitlets.List().tag(sync=True)
    recent: traitlets.List[Any] = traitlets.List().tag(sync=True)
    newest = traitlets.Unicode().tag(sync=True)
    cutouts = traitlets.Dict().tag(sync=True)
    notice = traitlets.Dict().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)
    spent = traitlets.Unicode().tag(sync=True)
    request = traitlets.Any(None, allow_none=True)
    result = traitlets.Any(None, allow_none=True)
    problems = traitlets.Tuple()

    def __init__(self, prompt: str = "", *, session: Session | None = None, **options: Any) -> None:
        values, faults = read_values(options)
        if faults:
            raise RequestError("the panel can't start with these options", problems=tuple(faults))
        session = session or default_session()
        facade = Facade(session)
        if session not in MADE:
            MADE[session] = facade.made_before()
        self._made = MADE[session]
        self.record = SavedRecord(self._made)
        form = Form.from_options(prompt, values, task="edit" if values.get("image") else "generate")
        self.controller = Controller(facade, form, on_result=self._keep)
        super().__init__(**self.controller.state())
        self._publish()

    def generate(self, *, agreed: tuple[str, ...] = ()) -> list[Entry]:
        """Sends what the form asks for, as the button does; the new entries of the queue.

        Args:
            agreed: questions that are answered with yes: `native`, `cost`, `again`, `many`, `mask`.
        """
        entries = self.controller.generate(agreed=set(agreed))
        self._publish()
        return entries

    def wait(self, timeout: float | None = None) -> ImageResult | None:
        """The newest result after everything that was sent has ended, or after `timeout` seconds; None without one."""
        self.controller.queue.wait(timeout)
        self._publish()
        newest: ImageResult | None = self.result
        return newest

    def _keep(self, result: ImageResult) -> None:
        """Adds a result to the saved record, in the thread of its task."""
        self._made.append(result)
        self.record.add(result)

    def on_message(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Answers a message of the page; nothing is sent but here, so that replies stay on the page's own thread."""
        replies = self.controller.handle(message, buffers)
        self._publish()
        for reply, data in replies:
            self.send({**reply, "n": message.get("n", 0)}, buffers=data)
        self.send({"done": message.get("n", 0)})

    def _publish(self) -> None:
        """Shows the controller's state; an observer's exception becomes the notice."""
        controller = self.controller
        try:
            self.problems = controller.problems
            self.request = controller.jobs[0].request.describe() if controller.jobs else None
            self.result = controller.result
        except Exception as error:  # noqa: BLE001 - an observer's, shown because nobody else would
            controller.notice = card(error)
        with self.hold_sync():
            for name, value in controller.state().items():
                setattr(self, name, value)

    def _repr_mimebundle_(self, **how: Any) -> Any:
        bundle = super()._repr_mimebundle_(**how)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        return {**data, "text/plain": FALLBACK}, metadata

    def _ipython_display_(self) -> None:
        """Shows the panel, and below it, in an output of the same cell, the saved record of what it made."""
        data, metadata = self._repr_mimebundle_()
        frontend.show_bundle({**data, "text/plain": ""}, metadata)
        self.record.show()
