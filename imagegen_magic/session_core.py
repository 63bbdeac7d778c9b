"""What one kernel or program shares, and the way of one request: settings, clients, stores, money spent, tasks."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .background import Task, TaskList
from .catalog import Catalog, load_catalog
from .doctor import installed_versions
from .errors import OptionError, Problem
from .history import Record
from .option_values import read_values
from .planning import Inputs, Job, check_budget, plan_job
from .recovery import recover
from .request import WIRE_FIELDS
from .response import Event, OnEvent
from .result import ImageResult, JobPreview
from .running import Run, run_job
from .settings import Options, resolve
from .store import Store

if TYPE_CHECKING:
    from .client import Client
    from .cutouts import Cutout

__all__ = ["SessionCore", "ignore"]


def ignore(event: Event) -> None:
    """What a call reports to when nobody listens."""


class SessionCore:
    """Settings, and one request at a time; `api.Session` is the whole."""

    def __init__(self, *, defaults: Callable[[], Mapping[str, Any]] | None = None) -> None:
        self._defaults = defaults or dict
        self._clients: dict[tuple[object, ...], Client] = {}
        self._stores: dict[Path, Store] = {}
        self._lock = threading.RLock()
        self.tasks = TaskList()
        self.spent = Decimal(0)
        """USD of this session's requests: actual where known, else the estimate's upper end."""
        self.numbers: list[tuple[Path, int]] = []
        """(folder, history number) of every request of this session."""

    # settings

    def options(self, values: Mapping[str, Any]) -> Options:
        """Every option after all layers."""
        return resolve(values, session=self._defaults())

    def catalog(self, options: Options) -> Catalog:
        """The models known, the user's own file included."""
        extra = options["models_file"]
        return load_catalog(Path(extra).expanduser() if extra else None)

    def store(self, options: Options) -> Store:
        """The store of the output folder."""
        folder = Path(options["out_dir"]).expanduser().resolve()
        with self._lock:
            if folder not in self._stores:
                self._stores[folder] = Store(folder)
                if folder.exists():
                    recover(self._stores[folder])
            return self._stores[folder]

    def client(self, options: Options) -> Client:
        """The client for the options' server; one is kept for each, so that connections are shared."""
        from .client import Client  # noqa: PLC0415 - the SDK comes with the first call

        names = ("backend", "base_url", "timeout", "deadline", "retries", "retry_ambiguous", "dialect")
        arguments = {name: options[name] for name in names}
        with self._lock:
            key = tuple(arguments.values())
            if key not in self._clients:
                self._clients[key] = Client(**arguments)
            return self._clients[key]

    def close(self) -> None:
        """Closes the connections; the next call opens them anew."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    # one request

    def plan(
        self,
        prompt: str,
        values: Mapping[str, Any],
        *,
        command: str = "generate",
        name: str | None = None,
        problems: Sequence[Problem] = (),
        cell: str = "",
        variables: Mapping[str, object] | None = None,
        live: bool = False,
        in_batch: bool = False,
    ) -> Job:
        """The job that would run, checked whole; nothing is sent or written.

        Raises:
            RequestError: anything is wrong; every fault is in `.problems`.
            BudgetError: it may cost more than a limit.
        """
        options = self.options(values)
        if options["partial_images"] is None and live and options["output_format"] not in ("gif", "svg"):
            options = Options({**options, "partial_images": 1}, {**options.origins, "partial_images": "live front end"})
        inputs = self.inputs(options, command, variables or {})
        faults = [*problems, *self._out_problems(options)]
        job = plan_job(
            prompt, options, catalog=self.catalog(options), name=name, inputs=inputs, problems=faults, cell=cell
        )
        if not (options["dry_run"] or options["show_prompt"] or in_batch):
            check_budget(job.estimate, options, self.spent)
        return job

    def _out_problems(self, options: Options) -> tuple[Problem, ...]:
        """A file name that leaves the output folder, found before anything is sent."""
        if options["out"] is None:
            return ()
        try:
            self.store(options).peek("image", 1, "png", if_exists="overwrite", out=options["out"])
        except OptionError as error:
            return error.problems
        return ()

    def inputs(self, options: Options, command: str, variables: Mapping[str, object]) -> Inputs:
        """The pictures that the options name, read and checked."""
        wanted = any(options[name] is not None for name in ("image", "ref", "mask", "mask_box", "markup"))
        if not wanted:
            if command != "edit":
                return Inputs()
            fix = "-i path.png, -i @hero or -i variable"
            return Inputs(problems=(Problem(field="image", rule="an edit needs a picture", fix=fix),))
        from .gather import gather_inputs  # noqa: PLC0415 - Pillow comes with the first input picture

        return gather_inputs(options, command, variables, self.store(options))

    def preview(self, job: Job) -> JobPreview:
        """What would be sent and saved, for a dry run.

        Raises:
            OptionError: the server is known not to take it.
        """
        store, client = self.store(job.options), self.client(job.options)
        paths = store.peek(
            job.stem, job.request.count, job.request.format, if_exists=job.options["if_exists"], out=job.options["out"]
        )
        arguments, left_out = client.arguments(job.request)
        sent = {**arguments, **arguments.get("extra_body", {})}
        described = job.request.describe().items()
        return JobPreview(
            request={name: value for name, value in described if name in sent or name not in WIRE_FIELDS},
            prompt=job.request.prompt,
            paths=paths,
            estimate=job.estimate,
            server=client.server,
            notes=(*job.notes, *left_out),
            warnings=job.warnings,
            overlay=_overlay(job),
        )

    def run(self, job: Job, *, on_event: OnEvent = ignore, cancel: threading.Event | None = None) -> ImageResult:
        """The saved result of a planned job.

        Raises:
            CallError: the request failed.
            StoreError: its files can't be written, found before anything is sent where it can be.
        """
        return run_job(job, self._run(job, on_event=on_event, cancel=cancel or threading.Event()))

    def _run(self, job: Job, **how: Any) -> Run:
        """What a job of this session runs with."""
        client, store = self.client(job.options), self.store(job.options)
        return Run(
            server=client.server,
            store=store,
            engine=self,
            versions=_versions(),
            on_record=lambda record: self._count(store.folder, record),
            **{"send": client.send, "on_event": ignore, **how},
        )

    def _count(self, folder: Path, record: Record) -> None:
        """Adds a request to what this session spent; one that may have been billed counts with its upper end."""
        billed = record.outcome in ("done", "ambiguous") and not record.simulated
        amount = record.cost.get("actual") or record.cost.get("high") or 0
        with self._lock:
            self.spent += Decimal(str(amount)) if billed else Decimal(0)
            self.numbers.append((folder, record.number))

    def start(self, job: Job, *, on_event: OnEvent = ignore) -> Task[ImageResult]:
        """The job, running in a thread of its own."""
        count = job.request.count
        title = f"{job.name or job.stem} ({job.request.model}, {count} picture{'s' * (count > 1)})"
        return self.tasks.start(title, lambda task: self.run(job, on_event=on_event, cancel=task.cancel_event))

    def generate(self, prompt: str, *, name: str | None = None, on_event: OnEvent = ignore, **options: Any) -> Any:
        """As `imagegen_magic.generate`."""
        return self._call("generate", prompt, name, on_event, options)

    def edit(
        self, prompt: str, image: Any, *, name: str | None = None, on_event: OnEvent = ignore, **options: Any
    ) -> Any:
        """As `imagegen_magic.edit`."""
        images = tuple(image) if isinstance(image, (list, tuple)) and not isinstance(image, ImageResult) else (image,)
        return self._call("edit", prompt, name, on_event, {**options, "image": images})

    def cutout(self, image: Any, **options: Any) -> Cutout:
        """As `imagegen_magic.cutout`."""
        from .cutouts import cutout  # noqa: PLC0415 - numpy comes with the first cut-out

        return cutout(image, **options)

    def _call(self, command: str, prompt: str, name: str | None, on_event: OnEvent, options: Mapping[str, Any]) -> Any:
        values, problems = read_values(options)
        job = self.plan(prompt, values, command=command, name=name, problems=problems)
        if job.options["dry_run"]:
            return self.preview(job)
        if job.options["detach"]:
            return self.start(job, on_event=on_event)
        return self.run(job, on_event=on_event)


def _overlay(job: Job) -> Any:
    """What a mask will change, hatched, for a dry run; None without a mask."""
    if job.request.mask is None or not job.request.images:
        return None
    from .masks import mask_overlay  # noqa: PLC0415 - Pillow comes with the first picture
    from .preview import preview_of  # noqa: PLC0415 - Pillow comes with the first picture

    return preview_of(mask_overlay(job.request.images[0], job.request.mask))


@cache
def _versions() -> dict[str, str]:
    from . import __version__  # noqa: PLC0415 - the package's own version, without a circle at import

    versions = {name: version for name, version in installed_versions().items() if name in ("openai", "pillow")}
    return {"imagegen_magic": __version__, "python": platform.python_version(), **versions}
