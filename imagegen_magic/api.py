"""The engine that every surface calls: `generate`, `edit`, `cutout`, and the session behind them.

A session holds what one kernel or program shares: defaults, one client a server, one store a folder, the money
spent, and the tasks that run.
"""

from __future__ import annotations

import json
import platform
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .background import Task, TaskList
from .batch import BatchPlan, Planned, plan_batch, result_or_failure, run_planned
from .batch_results import FailedJob, Gallery, write_report
from .catalog import Catalog, load_catalog
from .doctor import installed_versions
from .errors import OptionError, Problem, RequestError
from .history import Record
from .ledger import cost_table, history_table
from .option_values import read_values
from .options import ParsedLine
from .pacing import Pacer
from .planning import Inputs, Job, check_budget, plan_job
from .recovery import recover
from .response import Event, OnEvent
from .result import GeneratedImage, ImageResult, JobPreview
from .rows import Row, expand_grid, parse_grid, read_source
from .running import Run, run_job, stored_result
from .settings import SHELL_DEFAULTS, Options, resolve
from .store import STARS, Store
from .tables import Table

if TYPE_CHECKING:
    from .batch_api import BatchHandle
    from .batch_submitted import Submitted
    from .client import Client
    from .cutouts import Cutout

__all__ = ["Session", "default_session", "edit", "generate", "run_batch"]


def _ignore(event: Event) -> None:
    """What a call reports to when nobody listens."""


class Session:
    """Everything that the calls of one kernel or program share. Safe for several threads.

    Args:
        defaults: called for the session's own defaults before each call (`%config`), or None.
    """

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
        return JobPreview(
            request=job.request.describe(),
            prompt=job.request.prompt,
            paths=paths,
            estimate=job.estimate,
            server=client.server,
            notes=(*job.notes, *client.arguments(job.request)[1]),
            warnings=job.warnings,
            overlay=_overlay(job),
            changes=_changes(job),
        )

    def run(self, job: Job, *, on_event: OnEvent = _ignore, cancel: threading.Event | None = None) -> ImageResult:
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
            **{"send": client.send, "on_event": _ignore, **how},
        )

    # many requests

    def plan_batch(
        self,
        rows: Iterable[Row],
        shared: Mapping[str, Any],
        *,
        name: str | None = None,
        cell: str = "",
        variables: Mapping[str, object] | None = None,
    ) -> BatchPlan:
        """The batch, checked whole; nothing is sent or written.

        Raises:
            RequestError: jobs are faulty and `skip_invalid` is not given; every fault names its line.
            BudgetError: the whole batch may cost more than a limit.
        """
        options = self.options(shared)
        plan = self._plan_rows(rows, shared, name=name, cell=cell, variables=variables)
        if not options["dry_run"]:
            check_budget(plan.estimate, options, self.spent)
        return plan

    def _plan_rows(
        self,
        rows: Iterable[Row],
        shared: Mapping[str, Any],
        *,
        name: str | None,
        cell: str = "",
        variables: Mapping[str, object] | None = None,
    ) -> BatchPlan:
        """The checked batch, whatever it costs."""
        options = self.options(shared)
        common = {key: value for key, value in shared.items() if key not in ("source", "grid", "max_cost")}
        return plan_batch(
            rows,
            common,
            plan=self.plan,
            store=self.store(options),
            server=self.client(options).server,
            name=name,
            cell=cell,
            variables=variables,
        )

    def run_batch(
        self,
        plan: BatchPlan,
        shared: Mapping[str, Any],
        *,
        name: str | None = None,
        on_event: OnEvent = _ignore,
        on_done: Callable[[int, ImageResult | FailedJob], None] = lambda index, result: None,
        cancel: threading.Event | None = None,
    ) -> Gallery:
        """The results of a planned batch, in its order, with its report on disk; failures are results."""
        options = self.options(shared)

        def run_one(item: Planned, index: int, pacer: Pacer, stop: threading.Event) -> ImageResult:
            gate = partial(pacer.slot, item.job.request.count)
            run = self._run(
                item.job,
                on_event=on_event,
                cancel=stop,
                index=index,
                gate=gate,
                on_response=lambda r: pacer.learn(r.headers),
            )
            return stored_result(item.job, run, item.stored) if item.stored else run_job(item.job, run)

        gallery = run_planned(
            plan,
            run_one,
            concurrency=options["concurrency"],
            ipm=options["ipm"],
            fail_fast=bool(options["fail_fast"]),
            cancel=cancel,
            on_done=on_done,
        )
        return write_report(gallery, self.store(options), name or "batch")

    # the Batch API

    def submit_batch(self, plan: BatchPlan, shared: Mapping[str, Any], *, name: str | None = None) -> BatchHandle:
        """The handle of a batch that was handed to the server, to be collected within 24 hours, in any kernel."""
        from .batch_api import submit  # noqa: PLC0415 - only for the Batch API

        options = self.options(shared)
        store, client = self.store(options), self.client(options)
        backend, base_url = options["backend"], options["base_url"]
        sent = submit(plan, store, client.batches(), client.server, name=name, backend=backend, base_url=base_url)
        return self._handle(sent, store)

    def batch_handle(self, batch_id: str = "") -> BatchHandle:
        """The handle of a batch submitted from this output folder; without an id, of the newest.

        Raises:
            OptionError: there is none.
        """
        from .batch_submitted import find_submitted  # noqa: PLC0415 - only for the Batch API

        store = self.store(self.options({}))
        return self._handle(find_submitted(store, batch_id), store)

    def batches_table(self) -> Table:
        """Every batch submitted from this output folder."""
        from .batch_submitted import submitted_table  # noqa: PLC0415 - only for the Batch API

        return submitted_table(self.store(self.options({})))

    def _handle(self, sent: Submitted, store: Store) -> BatchHandle:
        from .batch_api import BatchHandle  # noqa: PLC0415 - only for the Batch API

        client = self.client(self.options({"backend": sent.backend, "base_url": sent.base_url}))
        return BatchHandle(sent, store, client.batches(), self._collect)

    def _collect(self, sent: Submitted, lines: Iterable[Mapping[str, Any]]) -> Gallery:
        """Every job planned anew and given its answer; what is saved already is not saved again."""
        from .batch_lines import AnswerFromFile  # noqa: PLC0415 - only for the Batch API

        shared = {"backend": sent.backend, "base_url": sent.base_url, "via": "batch-api"}
        plan = self._plan_rows(sent.rows(self.store(self.options({}))), shared, name=sent.name)
        places = {item.where: index for index, item in enumerate(plan.planned)}
        results: dict[int, ImageResult | FailedJob] = {}

        def settle(index: int, line: Mapping[str, Any] | None) -> None:
            item = plan.planned[index]
            run = self._run(item.job, index=index, send=AnswerFromFile(line, sent.server))
            work = (
                partial(stored_result, item.job, run, item.stored) if item.stored else partial(run_job, item.job, run)
            )
            results[index] = result_or_failure(item, index, work)

        for line in lines:
            if (index := places.get(str(line.get("custom_id")))) is not None and index not in results:
                settle(index, line)
        for index in range(len(plan.planned)):
            if index not in results:
                settle(index, None)
        gallery = Gallery(results=tuple(results[index] for index in sorted(results)))
        return write_report(gallery, self.store(self.options({})), sent.id)

    def _count(self, folder: Path, record: Record) -> None:
        """Adds a request to what this session spent; one that may have been billed counts with its upper end."""
        billed = record.outcome in ("done", "ambiguous") and not record.simulated
        amount = record.cost.get("actual") or record.cost.get("high") or 0
        with self._lock:
            self.spent += Decimal(str(amount)) if billed else Decimal(0)
            self.numbers.append((folder, record.number))

    def start(self, job: Job, *, on_event: OnEvent = _ignore) -> Task[ImageResult]:
        """The job, running in a thread of its own."""
        title = f"{job.name or job.stem} ({job.request.model}, {job.request.count} pictures)".replace(
            "(1 pictures)", "(1 picture)"
        )
        return self.tasks.start(title, lambda task: self.run(job, on_event=on_event, cancel=task.cancel_event))

    def generate(self, prompt: str, *, name: str | None = None, on_event: OnEvent = _ignore, **options: Any) -> Any:
        """As `imagegen_magic.generate`."""
        return self._call("generate", prompt, name, on_event, options)

    def edit(
        self, prompt: str, image: Any, *, name: str | None = None, on_event: OnEvent = _ignore, **options: Any
    ) -> Any:
        """As `imagegen_magic.edit`."""
        images = tuple(image) if isinstance(image, (list, tuple)) and not isinstance(image, ImageResult) else (image,)
        return self._call("edit", prompt, name, on_event, {**options, "image": images})

    def _call(self, command: str, prompt: str, name: str | None, on_event: OnEvent, options: Mapping[str, Any]) -> Any:
        values, problems = read_values(options)
        job = self.plan(prompt, values, command=command, name=name, problems=problems)
        if job.options["dry_run"]:
            return self.preview(job)
        if job.options["detach"]:
            return self.start(job, on_event=on_event)
        return self.run(job, on_event=on_event)

    # looking back

    def history_names(self) -> list[str]:
        """The names in the history, newest first, for completion."""
        records = self.store(self.options({})).history.done()
        return list(dict.fromkeys(record.name for record in reversed(records) if record.name))

    def find_result(self, token: str) -> ImageResult:
        """The stored result that `@hero`, `@17` or `@last` means."""
        options = self.options({})
        store = self.store(options)
        record, _ = store.history.find(token)
        images = tuple(
            GeneratedImage(
                path=store.folder / e.path, source=store.folder / e.path, index=e.index, record=record, engine=self
            )
            for e in record.api_files()
        )
        return ImageResult(images=images, record=record, options=options)

    def newest(self, count: int) -> list[tuple[Record, Path]]:
        """The newest records whose first picture is still there, newest first, each with that picture's file."""
        store = self.store(self.options({}))
        found = ((record, store.folder / record.api_files()[0].path) for record in reversed(store.history.done()))
        return list(islice(((record, path) for record, path in found if path.is_file()), count))

    def starred(self) -> list[str]:
        """The history references that carry a star in this output folder."""
        return self.store(self.options({})).read_stars()

    def star(self, references: Iterable[str]) -> None:
        """Makes these history references the ones that carry a star."""
        store = self.store(self.options({}))
        store.write_text(store.folder / STARS, json.dumps(sorted(references)))

    def history_table(self, word: str = "") -> Table:
        """The history, newest last; only lines that hold `word`."""
        return history_table(self.store(self.options({})).history, word)

    def cost_table(self) -> Table:
        """What was spent: this session, today, by model; estimate against actual."""
        store = self.store(self.options({}))
        mine = {number for folder, number in self.numbers if folder == store.folder}
        return cost_table(store.history, mine)

    def recall(self, token: str) -> str:
        """The text of the cell that made a picture, from the history or its sidecar.

        Raises:
            OptionError: nothing is known of it.
        """
        from .recall import cell_of  # noqa: PLC0415 - only for a recall

        return cell_of(self.store(self.options({})), token)

    def lineage(self, token: str) -> Any:
        """The tree of what a picture was made from and what was made from it."""
        from .recall import Lineage  # noqa: PLC0415 - only for a lineage

        store = self.store(self.options({}))
        return Lineage.of(store, store.history.find(token)[0])

    def compare(self, first: Any, second: Any, *, variables: Mapping[str, object] | None = None) -> Any:
        """Two pictures side by side."""
        from .gather import Pair  # noqa: PLC0415 - Pillow comes with the first picture

        return Pair.of((first, second), variables or {}, self.store(self.options({})))

    def cutout(self, image: Any, **options: Any) -> Cutout:
        """As `imagegen_magic.cutout`."""
        from .cutouts import cutout  # noqa: PLC0415 - numpy comes with the first cut-out

        return cutout(image, **options)

    def save_cutout(self, picture: GeneratedImage) -> Any:
        """The cut-out of a result's picture, saved beside it."""
        from .gather import saved_cutout  # noqa: PLC0415 - numpy comes with the first cut-out

        return saved_cutout(picture.source, picture.path.stem, {}, self.store(self.options({})))

    def cutout_verb(self, parsed: ParsedLine, *, variables: Mapping[str, object]) -> Any:
        """The cut-out that `%imagegen cutout` asks for, saved beside its source."""
        from .gather import cutout_of  # noqa: PLC0415 - numpy comes with the first cut-out

        return cutout_of(parsed, variables, self.store(self.options({})))


def _overlay(job: Job) -> Any:
    """What a mask will change, hatched, for a dry run; None without a mask."""
    if job.request.mask is None or not job.request.images:
        return None
    from .masks import mask_overlay  # noqa: PLC0415 - Pillow comes with the first picture

    return mask_overlay(job.request.images[0], job.request.mask)


def _changes(job: Job) -> float | None:
    """The share of the picture that a mask lets change, for a dry run."""
    if job.request.mask is None:
        return None
    from .masks import mask_share  # noqa: PLC0415 - Pillow comes with the first picture

    return mask_share(job.request.mask)


@cache
def _versions() -> dict[str, str]:
    from . import __version__  # noqa: PLC0415 - the package's own version, without a circle at import

    versions = {name: version for name, version in installed_versions().items() if name in ("openai", "pillow")}
    return {"imagegen_magic": __version__, "python": platform.python_version(), **versions}


_current: list[Session] = []


def default_session() -> Session:
    """The session of this kernel or program, made with the first call; cells and functions share it."""
    if not _current:
        _current.append(Session(defaults=_shell_defaults))
    return _current[0]


def _shell_defaults() -> Mapping[str, Any]:
    return SHELL_DEFAULTS[0]() if SHELL_DEFAULTS else {}


def generate(prompt: str, *, name: str | None = None, on_event: OnEvent = _ignore, **options: Any) -> Any:
    """An `ImageResult` with the pictures that `prompt` asks for, saved; what `%%imagegen` does.

    Args:
        prompt: sent as typed, unless prompt fields (`style=…`, `text=[…]`) add labelled lines.
        name: names the files and the history entry.
        on_event: called with each event of the run, in this thread.
        options: the options of `%%imagegen` by their names: `size="16:9@2k"`, `quality="high"`, `n=3`,
            `transparent=True`, `reuse=True`, `max_cost=0.5` (USD), …; `dry_run=True` returns a `JobPreview`
            and `detach=True` a `Task`.

    Raises:
        RequestError: the request breaks rules; every one is in `.problems`, and nothing was sent.
        BudgetError: it may cost more than `max_cost`.
        CallError: the call failed; `.outcome` says whether it may have been billed.
    """
    return default_session().generate(prompt, name=name, on_event=on_event, **options)


def edit(prompt: str, image: Any, *, name: str | None = None, on_event: OnEvent = _ignore, **options: Any) -> Any:
    """An `ImageResult`: `image` changed as `prompt` says; what `%%imagegen_edit` does.

    Args:
        prompt: what to change.
        image: one picture or a list of up to 16: a path, bytes, a Pillow image, an array, a result, or a
            history reference such as `"@hero"`, the first being the one that is edited.
        name: names the files and the history entry.
        on_event: called with each event of the run, in this thread.
        options: as of `generate`, and `mask`, `mask_box`, `keep`, `protect`, `markup`, `input_fidelity`.

    Raises:
        RequestError: the request or a picture breaks rules; nothing was sent.
        CallError: the call failed; `.outcome` says whether it may have been billed.
    """
    return default_session().edit(prompt, image, name=name, on_event=on_event, **options)


def run_batch(
    jobs: Any, *, name: str | None = None, on_event: OnEvent = _ignore, session: Session | None = None, **options: Any
) -> Gallery:
    """A `Gallery`: the results of many jobs in their order, failures among them as data; what `%%imagegen_batch` does.

    Args:
        jobs: mappings with the options' names and a `prompt`, or prompts; a list, a table of any dataframe
            library, or the path of a JSONL or CSV file.
        name: begins the file names, and names the history entries.
        on_event: called with each event of each job, in that job's thread; `event.index` says which job.
        session: the session to run in; None takes this program's.
        options: shared by all jobs, whose own win: `concurrency=5`, `ipm`, `fail_fast`, `skip_invalid`,
            `max_cost` (USD, for the whole batch), `grid={"size": [...]}`, and every option of `generate`.

    Raises:
        RequestError: jobs are faulty and `skip_invalid` is not given; nothing was sent.
        BudgetError: the batch may cost more than `max_cost`.
    """
    session = session or default_session()
    grid = options.pop("grid", None) or {}
    shared, problems = read_values(options)
    if problems:
        raise RequestError("the batch's options can't be read", problems=tuple(problems))
    grid = grid if isinstance(grid, Mapping) else parse_grid([grid] if isinstance(grid, str) else grid)
    rows = expand_grid(read_source(jobs), grid)
    return session.run_batch(session.plan_batch(rows, shared, name=name), shared, name=name, on_event=on_event)
