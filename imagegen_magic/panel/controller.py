"""What the panel knows and does, with no widget in it: messages of the page in, state and replies out.

The kernel sends only when it is asked: what runs in threads is read when the page polls. A reply then goes back
on the thread (a subshell, in kernels that have them) that the page asked on, so that the panel answers while a cell runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from imagegen_magic.errors import BudgetError, CallCancelledError, ImagegenError, OptionError, Problem
from imagegen_magic.images.opening import read_input
from imagegen_magic.images.preview import preview
from imagegen_magic.jobs.planning import Job
from imagegen_magic.jobs.result import ImageResult

from .controls import describe
from .cutouts import CutoutDesk
from .expand import expand
from .facade import Facade
from .form import Form
from .questions import Question, question_about
from .queue import Entry, Queue
from .reframe import Edges, reframe
from .uploads import Uploads
from .wording import SIMULATOR, card, message, money_problem

__all__ = ["Controller", "Reply"]

Reply = tuple[dict[str, Any], list[bytes]]
"""A message for the page and its buffers."""
RECENT = 24
"""How many of the newest images stand on the strip below the stage."""
PAGE = 24
"""Tiles on a page of the history."""
LIVE_EDGE = 1024
QUIET = ("hello", "check", "poll", "images", "prompts", "history", "details", "masks", "upload")
"""What looks only, and leaves an error's card where it is."""


class Controller:
    """The panel's state machine. Safe for several threads.

    Args:
        facade: the door to the session.
        form: what the form holds at first.
        on_result: called with each result, in the thread of its task: the saved record.
    """

    def __init__(self, facade: Facade, form: Form, *, on_result: Callable[[ImageResult], None]) -> None:
        self._facade, self._on_result = facade, on_result
        self._lock = threading.RLock()
        self.form = form
        self.author = "kernel"
        """Who wrote the form last: a view's id, or the kernel."""
        self.mask: bytes | None = None
        """The painted mask (PNG) of the first image, as the page sent it."""
        self.queue = Queue(facade.start, self._ended)
        self.cutouts = CutoutDesk(facade)
        self.uploads = Uploads(facade)
        self.jobs: list[Job] = []
        """What Generate would run now; empty if something is wrong."""
        self.problems: tuple[Problem, ...] = ()
        self.result: ImageResult | None = None
        self.notice: dict[str, Any] | None = None
        self.status = ""
        self._checked: dict[str, Any] = {}
        self._question: Question | None = None
        self._recent: list[dict[str, Any]] = []
        self.refresh()
        self.check()

    # state

    def state(self) -> dict[str, Any]:
        """Everything that the page shows, JSON-ready; no image is in it."""
        with self._lock:
            return {
                "form": {**self.form.to_json(), "by": self.author},
                "controls": self._controls,
                "checked": self._checked,
                "question": self._question.to_json() if self._question else {},
                "queue": [entry.to_json() for entry in self.queue.entries()],
                "recent": self._recent,
                "newest": self._newest(),
                "cutouts": self.cutouts.state(),
                "notice": self.notice or {},
                "status": self.status,
                "spent": self._facade.spent(),
            }

    def _newest(self) -> str:
        """The first image of the newest result: a two-backdrop cut-out is older than its own second frame."""
        if self.result is None:
            return ""
        if self._recent and int(self._recent[0]["ref"][1:].partition(".")[0]) > self.result.number + 1:
            return ""  # a cell has made a newer one
        return self._facade.token(self.result.record, 0)

    def refresh(self) -> None:
        """Reads the history's newest images anew: cells make some, too."""
        self._recent = [tile.to_json() for tile in self._facade.tiles()[:RECENT]]

    # messages

    def handle(self, request: Mapping[str, Any], buffers: Sequence[bytes] = ()) -> list[Reply]:
        """The replies to a message of the page; what goes wrong becomes the notice."""
        name = str(request.get("do", ""))
        act = getattr(self, f"do_{name}", None)
        if act is None:
            return []
        with self._lock:
            if name not in QUIET:
                self.notice, self.status = None, ""
            try:
                return list(act(request, list(buffers)) or ())
            except Exception as error:  # noqa: BLE001 - shown, because nobody else would
                self.notice = card(error)
                return []

    def _load_form(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """Takes the form that came with a message, and the mask if it was painted since."""
        if "form" in request:
            self.form, self.author = Form.from_json(request["form"]), str(request.get("by", ""))
        if request.get("mask") in ("none", "empty"):
            self.mask = None
        elif request.get("mask") == "png" and buffers:
            self.mask = buffers[0]

    def do_hello(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """A view was opened: it gets the state, on the thread that it asked on, and the mask that was painted."""
        self.refresh()
        self.check()
        return [({"painted": True}, [self.mask])] if self.mask is not None else []

    def do_poll(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """Something runs: the state is sent anew."""

    def do_check(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """The form has changed."""
        self._load_form(request, buffers)
        self._question = None
        self.check()

    def do_dismiss(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """The notice and the question go away."""
        self._question = None

    # checking

    def check(self) -> list[Job]:
        """The jobs that Generate would run, or none if something is wrong; nothing is sent."""
        values, _ = self.form.options()
        try:
            model = self._facade.model(values)
            profile = {name: values[name] for name in ("profile",) if name in values}
            defaults = self._facade.options(profile)
            self._controls = describe(model, self._facade.catalog(), defaults, self._facade.profiles())
            self.jobs = [self._plan(form) for form in expand(self.form)]
            self.problems = ()
            found = self._money_problems()
        except ImagegenError as error:
            self.jobs = []
            self.problems = error.problems or (Problem(field="", rule=error.summary),)
            found = [message(problem) for problem in self.problems]
        if not found and self._facade.missing_key(values):
            found = [{"field": "key", "label": "key", "text": KEY_SENTENCE, "buttons": [SIMULATOR]}]
        self._checked = self._sentences(found)
        return self.jobs

    def _plan(self, form: Form) -> Job:
        return self._facade.plan(form, mask=self.mask if not form.mask else None)

    def _money_problems(self) -> list[dict[str, Any]]:
        """A limit that the jobs would break: then nothing can be sent."""
        reserved = self.queue.reserved()
        for job in self.jobs:
            try:
                self._facade.check_budget(job, reserved=reserved, agreed=True)
            except BudgetError as error:
                return [money_problem(error, job.estimate.high)]
            reserved += job.estimate.high or 0
        return []

    def _sentences(self, found: list[dict[str, Any]]) -> dict[str, Any]:
        """What the page says beside the button."""
        jobs = self.jobs
        total = None
        for job in jobs:
            total = job.estimate if total is None else total + job.estimate
        notes = list(dict.fromkeys(note for job in jobs for note in job.warnings))
        return {
            "ok": bool(jobs) and not found, "problems": found, "notes": notes, "jobs": len(jobs),
            "price": total.on(jobs[0].options.backend) if total else "", "previews": max((job.request.partial_images or 0 for job in jobs), default=0),
            "basis": total.basis if total else "",
            "size": jobs[0].request.size or "" if jobs else "", "images": sum(job.request.count for job in jobs),
        }  # fmt: skip

    # profiles

    def do_keep_profile(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """Saves the form's settings as a profile, and chooses it."""
        self._load_form(request, buffers)
        name = str(request.get("name", "")).strip()
        self.form = self.form.with_profile(name, self._facade.keep_profile(name, self.form))
        self.author = "kernel"
        self.status = f"profile {name} is saved"
        self.check()

    # running

    def do_generate(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """Sends what the form asks for, or asks first."""
        self._load_form(request, buffers)
        self.generate(agreed=set(map(str, request.get("agreed", ()))), painting=request.get("mask") == "empty")

    def generate(self, *, agreed: set[str] | None = None, painting: bool = False) -> list[Entry]:
        """The queue's new entries; none if something is wrong, or has to be confirmed first.

        Args:
            agreed: the questions that were answered with yes, by their names.
            painting: True if the mask editor is open and nothing is painted.
        """
        agreed = agreed or set()
        self.check()
        if not self._checked["ok"]:
            return []
        self._question = question_about(self.jobs, self._facade, self.queue, agreed=agreed, painting=painting)
        if self._question is not None:
            return []
        if self.mask is not None and self.form.task == "edit" and not self.form.mask:
            self._save_mask()
        entries = [self.queue.add(job) for job in self.jobs]
        self.check()  # the queue's price counts against the limits now
        return entries

    def _save_mask(self) -> None:
        """Makes a file of the painted mask, so that the cell can name it."""
        path = self._facade.save_input(self.mask or b"", "mask", ".png")
        planned = replace(self.form, mask=path)
        self.jobs = [self._facade.plan(form) for form in expand(planned)]

    def do_cancel(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """Cancels one entry of the queue."""
        self.status = self.queue.cancel(int(request.get("id", 0)))

    def do_clear(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """Takes the ended entries off the queue."""
        self.queue.clear()

    def _ended(self, entry: Entry) -> None:
        """An entry has ended, in the thread of its task."""
        try:
            if entry.result is not None:
                self._facade.bind(entry.job.name or "", entry.result)
                self._on_result(entry.result)
            with self._lock:
                self._took(entry)
        except Exception as error:  # noqa: BLE001 - shown, because nobody else would
            self.notice = card(error)

    def _took(self, entry: Entry) -> None:
        result = entry.result
        if result is None:
            if entry.error is not None and not isinstance(entry.error, CallCancelledError):
                self.notice = card(entry.error)
            self.check()
            return
        self.result = result
        for image in result:
            if image.report is not None:
                self.cutouts.note(self._facade.token(result.record, image.index), image)
        count = "1 image" if len(result) == 1 else f"{len(result)} images"
        self.status = f"{count}, saved as @{result.number} · {result.seconds:.0f} s"
        self.refresh()
        self.check()

    # images

    def do_images(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """The images that the page wants, as one message."""
        found: list[dict[str, Any]] = []
        data: list[bytes] = []
        for want in request.get("want", ()):
            name, edge = str(want["id"]), min(int(want["edge"]), 4096)
            try:
                mime, image = self._image(name, edge)
            except (ImagegenError, OSError) as error:
                found.append({"id": name, "edge": edge, "mime": "", "why": getattr(error, "summary", str(error))})
                continue
            found.append({"id": name, "edge": edge, "mime": mime, "at": len(data)})
            data.append(image)
        return [({"images": found}, data)]

    def _image(self, name: str, edge: int) -> tuple[str, bytes]:
        if not name.startswith("live:"):
            return self._facade.shown(name, edge)
        entry = self.queue.find(int(name.split(":")[1]))
        small = (
            preview(entry.live, max_edge=min(edge, LIVE_EDGE), max_bytes=2_000_000) if entry and entry.live else None
        )
        if small is None:
            raise OptionError("the live preview is gone")
        return small.mime, small.data

    def do_original(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """A file's own bytes, to open or to download."""
        path = self._facade.path(str(request["ref"]))
        return [({"original": request["ref"], "name": path.name, "then": request.get("then", "")}, [path.read_bytes()])]

    def do_upload(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """A part of an upload."""
        return [(self.uploads.accept(request, bytes(buffers[0]) if buffers else b""), [])]

    def do_input(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """The size of an input image that was typed; a card if it can't be found."""
        ref = str(request["ref"])
        width, height = self._facade.size(ref)
        return [({"input": ref, "width": width, "height": height}, [])]

    def do_masks(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """The masks painted before."""
        return [({"masks": self._facade.saved_masks()[:24]}, [])]

    def do_mask(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """A saved mask, to be loaded into the editor."""
        path = Path(str(request["ref"]))
        image = read_input(path)
        return [({"mask": path.name, "width": image.size[0], "height": image.size[1]}, [image.data])]

    def do_reframe(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """An input image with more or less around it; what is new is the mask."""
        edges = Edges(*(int(request.get(name, 0)) for name in Edges._fields))
        shown = str(request["ref"])
        image, mask = reframe(self._facade.image(shown), edges)
        ref = self._facade.save_framed(shown, image)
        width, height = self._facade.size(ref)
        return [({"framed": ref, "width": width, "height": height}, [mask] if mask else [])]

    # looking back

    def do_history(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """A page of the history's images."""
        word, starred = str(request.get("word", "")), bool(request.get("starred"))
        tiles = self._facade.tiles(word, starred=starred)
        pages = max(1, -(-len(tiles) // PAGE))
        page = max(1, min(int(request.get("page", 1)), pages))
        shown = [tile.to_json() for tile in tiles[(page - 1) * PAGE : page * PAGE]]
        answer = {"history": shown, "count": len(tiles), "page": page, "pages": pages}
        return [(answer | {"word": word, "starred": starred}, [])]

    def do_prompts(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """The last hundred prompts that hold a word."""
        return [({"prompts": self._facade.prompts(str(request.get("word", ""))), "for": request.get("for", "")}, [])]

    def do_details(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """What is known of an image."""
        return [({"details": self._facade.details(str(request["ref"]))}, [])]

    def do_remix(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """The prompt and settings of an image, for the form."""
        form = self._facade.form_of(str(request["ref"]))
        return [({"remix": form.to_json()}, [])]

    def do_compare(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """What an image is compared with.

        Raises:
            OptionError: there is nothing yet.
        """
        ref = str(request["ref"])
        other = self._facade.beside(ref)
        if not other:
            rule = "an image is compared with the one that it was made from, or with the one before it"
            raise OptionError("nothing to compare with yet", problems=(Problem(field="compare", rule=rule),))
        return [({"compare": ref, "with": other}, [])]

    def do_star(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """Gives an image a star, or takes it away."""
        self._facade.star(str(request["ref"]), bool(request.get("on")))
        self.refresh()

    def do_zip(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> list[Reply]:
        """An archive of what is starred."""
        path, count = self._facade.zip_starred()
        self.status = f"{count} starred image{'s' * (count > 1)} in {path}"
        return [({"zipped": path}, [])]

    # cut-outs

    def do_cutout(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """Cuts an image out, in a thread."""
        self.cutouts.start(str(request["ref"]))

    def do_again(self, request: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """Makes a failed cut-out's image again, on another backdrop: a button that named its price was pressed."""
        form = self.cutouts.form_again(str(request["ref"]), str(request["how"]))
        job = self._facade.plan(form)
        self._facade.check_budget(job, reserved=self.queue.reserved(), agreed=True)
        self.queue.add(job)


KEY_SENTENCE = (
    "there is no API key: set the environment variable OPENAI_API_KEY before Jupyter starts, then restart the kernel"
)
