"""The panel's one door to the session: everything that it plans, runs, finds and saves goes through here."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.facts.catalog import Catalog, Model
from imagegen_magic.images.opening import read_input, resolve_token
from imagegen_magic.images.preview import preview
from imagegen_magic.jobs.planning import Job, check_budget
from imagegen_magic.jobs.result import ImageResult, shown_path
from imagegen_magic.jobs.task import Task
from imagegen_magic.metadata.derived import Marking, finish_file, source_of
from imagegen_magic.options.address import is_loopback
from imagegen_magic.options.options import Options
from imagegen_magic.options.profiles import Profile
from imagegen_magic.options.secrets import refuse_keys
from imagegen_magic.options.settings import project_profiles
from imagegen_magic.request.cost import format_usd
from imagegen_magic.request.response import OnEvent
from imagegen_magic.session import Session
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import Record
from imagegen_magic.store.names import shown_file
from imagegen_magic.store.recall import cell_text
from imagegen_magic.store.saved_profiles import keep_profile

from .form import Form

if TYPE_CHECKING:
    from imagegen_magic.matting.cutout import Cutout

__all__ = ["Facade", "Tile", "panel_origin", "path_token"]

LIVE_BYTES = 4_000_000
"""What a page shows is a message, not saved: it may weigh more than a notebook's preview."""
AS_IT_IS = {".svg": "image/svg+xml", ".gif": "image/gif"}
"""Formats that the page shows from the file itself: scripts of an svg don't run in an <img>, and a gif moves."""
AS_IT_IS_BYTES = 12_000_000
RESTORED = 24
"""How many results of a notebook's panels are found again after its kernel was restarted."""


def panel_origin() -> str:
    """What a record says of a request that a panel made: `panel`, and the notebook's file name if the kernel knows it."""
    return f"panel {Path(os.environ.get('JPY_SESSION_NAME', '')).name}".strip()


def path_token(path: Path) -> str:
    """`path` as a cell refers to it: relative to the working folder if it lies below it."""
    try:
        return path.resolve().relative_to(Path.cwd().resolve()).as_posix()
    except ValueError:
        return str(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One image of the history, as the page shows it."""

    ref: str
    label: str
    prompt: str
    width: int
    height: int
    star: bool
    simulated: bool

    def to_json(self) -> dict[str, Any]:
        """The tile for the page."""
        return {name: getattr(self, name) for name in self.__slots__}


class Facade:
    """What the panel needs of a session.

    Args:
        session: whose settings, budget and history it uses.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    # settings

    def options(self, values: Mapping[str, Any] | None = None) -> Options:
        """Every option's value after all layers."""
        return self.session.options(dict(values or {}))

    def catalog(self) -> Catalog:
        """The models known."""
        return self.session.catalog(self.session.options({}))

    def model(self, values: Mapping[str, Any]) -> Model:
        """The model that option values choose."""
        return self.catalog().get(self.options(values).model)

    def profiles(self) -> dict[str, Profile]:
        """The profiles that can be chosen."""
        return project_profiles(self.session.home, self.session.library.store.folder)

    def keep_profile(self, name: str, form: Form) -> dict[str, Any]:
        """Saves a form's settings as a profile; gives what it keeps.

        Raises:
            OptionError: there is nothing to keep, or the name can't be one.
        """
        values = form.profile_values()
        keep_profile(self.session.library.store, name, values)
        return values

    def store(self, values: Mapping[str, Any] | None = None) -> Store:
        """The store of the output folder."""
        return self.session.store(self.session.options(dict(values or {})))

    def variables(self) -> dict[str, Any]:
        """The names that a reference may mean."""
        shell = get_ipython()
        return {} if shell is None else shell.user_ns

    def bind(self, name: str, result: ImageResult) -> None:
        """Gives a result its NAME in the notebook."""
        shell = get_ipython()
        if name and shell is not None:
            shell.user_ns[name] = result

    def missing_key(self, values: Mapping[str, Any]) -> bool:
        """True if the live API is wanted and no key is set for it."""
        options = self.options(values)
        address = options.base_url or os.environ.get("OPENAI_BASE_URL") or ""
        return options.backend == "openai" and not os.environ.get("OPENAI_API_KEY") and not is_loopback(address)

    # one request

    def plan(self, form: Form, *, mask: bytes | None = None) -> Job:
        """The job that a form asks for, checked whole except for the budget; nothing is sent or written.

        Args:
            mask: a painted mask that is not a file yet (PNG).

        Raises:
            ImagegenError: anything is wrong.
        """
        refuse_keys(form.prompt, "prompt")
        values, problems = form.options()
        cell = cell_text(form.task, form.name or None, values, form.prompt)
        given = {**values, "mask": mask} if mask is not None and form.task == "edit" else values
        job = self.session.plan(
            form.prompt.strip(), given, command=form.task, name=form.name or None, problems=problems, cell=cell,
            variables=self.variables(), live=True, in_batch=True,
        )  # fmt: skip
        return replace(job, origin=panel_origin())

    def check_budget(self, job: Job, *, reserved: Decimal, agreed: bool) -> None:
        """Stops a job that could cost more than a limit allows, on top of what is spent and `reserved`.

        Args:
            agreed: True if a person has said yes to the question of `confirm_above`.

        Raises:
            BudgetError: it could.
        """
        options = job.options.changed("panel", yes=agreed or job.options.yes)
        check_budget(job.estimate, options, self.session.spending.total + reserved, each=job.each)

    def start(self, job: Job, on_event: OnEvent) -> Task[ImageResult]:
        """The job, running in a thread of its own."""
        return self.session.start_job(job, on_event=on_event)

    def spent(self) -> str:
        """What this session has spent, in words."""
        spent = self.session.spending.total
        return f"{format_usd(spent) if spent else 'nothing'} spent in this notebook"

    def made_before(self) -> list[ImageResult]:
        """What this notebook's panels made before, oldest first, by the history; a kernel's memory is not needed."""
        origin = panel_origin()
        records = [record for record in self.store().history.done() if record.origin == origin]
        results = [self.session.find_result(f"@{record.number}") for record in records[-RESTORED:]]
        return [result for result in results if all(path.is_file() for path in result.paths)]

    # images

    def find(self, ref: str) -> tuple[Record, int]:
        """The record that a history reference means, and which of its images, from 0."""
        return self.store().history.find(ref)

    def token(self, record: Record, index: int) -> str:
        """The history reference of a record's image."""
        return f"@{record.number}" + (f".{index + 1}" if len(record.api_files()) > 1 else "")

    def path(self, ref: str) -> Path:
        """The file of a reference; of a history reference, the cut-out if one was made.

        Raises:
            OptionError: it means nothing, or its file is gone.
        """
        source, _ = resolve_token(ref, {}, self.session.library.image_file)
        return Path(source)

    def shown(self, ref: str, edge: int) -> tuple[str, bytes]:
        """(mime type, bytes) of an image for the page, its longest edge at most `edge` pixels.

        Raises:
            OptionError: the reference means nothing, or an image that can't be read.
        """
        source, _ = resolve_token(ref, self.variables(), self.session.library.image_file)
        if isinstance(source, Path):
            return _shown_file(source, source.stat().st_mtime_ns, edge)
        return _shown(read_input(source).data, edge)

    def size(self, ref: str) -> tuple[int, int]:
        """(width, height) in pixels of an input image, upright."""
        source, _ = resolve_token(ref, self.variables(), self.session.library.image_file)
        return read_input(source).size

    def image(self, ref: str) -> bytes:
        """An input image as it would be sent: upright, in a format that the API takes."""
        source, _ = resolve_token(ref, self.variables(), self.session.library.image_file)
        return bytes(read_input(source).data)

    def save_input(self, data: bytes, label: str, suffix: str) -> str:
        """The path of an uploaded image or a painted mask, kept in the output folder; the same bytes are kept once."""
        return path_token(self.store().save_input(data, label, suffix))

    def save_framed(self, ref: str, data: bytes) -> str:
        """The path of `ref` in another frame, kept like an upload, and marked with what it was made from."""
        source, _ = resolve_token(ref, self.variables(), self.session.library.image_file)
        known = self.session.library.known_source(source_of(getattr(source, "path", source)))
        marked = finish_file(data, (known,), step="frame", marking=Marking.of(self.session.options()))
        return self.save_input(marked, "framed", ".png")

    def saved_masks(self) -> list[str]:
        """The masks painted before, newest first."""
        found = (self.store().folder / "inputs").glob("mask-*.png")
        return [path_token(path) for path in sorted(found, key=lambda p: p.stat().st_mtime_ns, reverse=True)]

    # the history

    def tiles(self, word: str = "", *, starred: bool = False) -> list[Tile]:
        """Every image of the history whose file is there, newest first; only those about `word`."""
        store = self.store()
        stars = set(store.read_stars())
        wanted = word.strip().lower()
        found = []
        for record in reversed(store.history.done()):
            model = str(record.request.get("model", ""))
            if wanted and wanted not in f"@{record.number} {record.name} {record.prompt_typed} {model}".lower():
                continue
            found += [tile for tile in self._of_record(record, stars, store.folder) if tile.star or not starred]
        return found

    def _of_record(self, record: Record, stars: set[str], folder: Path) -> list[Tile]:
        entries = record.api_files()
        name = record.name or f"@{record.number}"
        tiles = []
        for index, entry in enumerate(entries):
            if not shown_file(folder / entry.path).is_file():
                continue
            ref = self.token(record, index)
            label = (f"{name} {index + 1}" if record.name else ref) if len(entries) > 1 else name
            width, height = entry.size or (0, 0)
            starred = ref in stars or (index == 0 and f"@{record.number}" in stars)
            tiles.append(Tile(ref=ref, label=label, prompt=record.prompt_typed[:240], width=width, height=height,
                              star=starred, simulated=record.simulated))  # fmt: skip
        return tiles

    def star(self, ref: str, on: bool) -> None:
        """Gives an image a star, or takes it away."""
        stars = set(self.store().read_stars())
        first = ref.removesuffix(".1")
        self.session.library.star((stars | {ref}) if on else (stars - {ref, first}))

    def prompts(self, word: str = "", limit: int = 100) -> list[str]:
        """The newest prompts, each once, that hold `word`."""
        records = reversed(self.store().history.records())
        found = dict.fromkeys(r.prompt_typed for r in records if word.lower() in r.prompt_typed.lower())
        return [prompt for prompt in found if prompt][:limit]

    def form_of(self, ref: str) -> Form:
        """The prompt and settings that made an image."""
        record, _ = self.find(ref)
        edits = record.request.get("endpoint") == "edit" and bool(record.options.get("image"))
        return Form.from_options(record.prompt_typed, record.options, task="edit" if edits else "generate")

    def cell(self, ref: str) -> str:
        """The cell that makes the same request."""
        return self.session.library.recall(ref)

    def details(self, ref: str) -> dict[str, Any]:
        """What is known of an image: asked, sent, resolved, cost, lineage."""
        record, index = self.find(ref)
        history = self.store().history
        path = self.path(ref)
        parents = [f"@{p['number']}" if p.get("number") else str(p.get("file", "")) for p in record.parents]
        children = [f"@{child.number}" for child in history.children(record)]
        return {"ref": ref, "rows": _facts(record, index, path), "parents": [p for p in parents if p],
                "children": children, "cell": self.cell(ref)}  # fmt: skip

    def beside(self, ref: str) -> str:
        """What an image is best compared with: the one it was made from, else the one before it; empty if none."""
        record, _ = self.find(ref)
        for token in record.options.get("image") or ():
            return str(token).partition(":")[0]
        older = [r for r in self.store().history.done() if r.number < record.number]
        return f"@{older[-1].number}" if older else ""

    # cut-outs and archives

    def cutout(self, ref: str) -> tuple[Cutout, str]:
        """(the cut-out of an image, the path where it was saved)."""
        record, index = self.find(ref)
        store = self.store()
        entry = record.api_files()[index]
        source = store.folder / entry.path
        cut = self.session.cutout(source)
        plan = store.reserve(f"{source.stem.removesuffix('-source')}-cutout", 1, "png")
        cut = replace(cut, sources=(store.source_of(record, entry),))
        data = cut.finished("png", Marking.of(self.session.options(), record.prompt_sent))
        saved = store.save_derived(plan.paths[0], data, record, kind="cutout", index=entry.index)
        return cut, path_token(store.folder / saved.path)

    def zip_starred(self) -> tuple[str, int]:
        """(path of an archive of every starred image with its sidecar, how many images).

        Raises:
            OptionError: no image has a star.
        """
        refs = [tile.ref for tile in self.tiles(starred=True)]
        if not refs:
            raise OptionError(
                "no image has a star", problems=(Problem(field="star", rule="star the images for the archive"),)
            )
        stamp = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
        target = self.store().folder / f"starred-{stamp}.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for ref in refs:
                path = self.path(ref)
                archive.write(path, path.name)
                sidecar = path.with_name(path.name + ".json")
                if sidecar.is_file():
                    archive.write(sidecar, sidecar.name)
        return path_token(target), len(refs)


def _shown(source: Path | bytes, edge: int) -> tuple[str, bytes]:
    small = preview(source, max_edge=edge, max_bytes=LIVE_BYTES)
    return ("image/png", b"") if small is None else (small.mime, small.data)


@lru_cache(maxsize=256)
def _shown_file(path: Path, modified: int, edge: int) -> tuple[str, bytes]:
    mime = AS_IT_IS.get(path.suffix.lower())
    if mime and path.stat().st_size <= AS_IT_IS_BYTES:
        return mime, path.read_bytes()
    return _shown(path, edge)


def _facts(record: Record, index: int, path: Path) -> list[list[str]]:
    """Label and value of everything that is known of an image."""
    entry = record.api_files()[index]
    request, sent = record.request, record.prompt_sent
    asked = {k: request[k] for k in ("model", "size", "quality", "n", "output_format", "background") if request.get(k)}
    size = f"{entry.size[0]} x {entry.size[1]}" if entry.size else ""
    rows = [
        ("prompt", record.prompt_typed), ("prompt sent", sent if sent != record.prompt_typed else ""),
        ("asked", ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in asked.items())),
        ("resolved", ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in record.resolved.items())),
        ("file", f"{shown_path(path)} · {size} {entry.format.upper()} · {entry.bytes / 1e6:.1f} MB"),
        ("cost", _cost(record)), ("time", f"{record.time.replace('T', ' ')[:16]}, {record.seconds:.1f} s"),
        ("server", record.server), ("request id", record.request_id or ""), ("SHA-256", entry.sha256[:16]),
    ]  # fmt: skip
    return [[label, value] for label, value in rows if value]


def _cost(record: Record) -> str:
    actual = record.cost.get("actual")
    words = format_usd(None if actual is None else Decimal(actual))
    tokens = (record.usage or {}).get("output_tokens")
    counted = f" · {tokens:,} output tokens" if tokens else ""
    return f"{'simulated, nothing billed; live: ' if record.simulated else ''}{words}{counted}"
