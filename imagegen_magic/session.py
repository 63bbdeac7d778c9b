"""What the calls of one kernel or program share, and the way of one request through it."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import platform
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from imagegen_magic._version import __version__
from imagegen_magic.batch.runs import Batches
from imagegen_magic.display.doctor import installed_versions
from imagegen_magic.display.online import online_rows
from imagegen_magic.errors import Command, Fix, OptionError, Problem, RequestError, Setting
from imagegen_magic.facts.catalog import Catalog, load_catalog
from imagegen_magic.facts.packages import named_packages, need_package
from imagegen_magic.images.opening import resolve_token
from imagegen_magic.images.preview import Preview, preview_of
from imagegen_magic.images.references import Inputs, gather_inputs
from imagegen_magic.jobs.animations import (
    animation_of_line,
    file_of,
    put_together,
    resized_sheet,
    sheet_options,
    sheet_prompt,
)
from imagegen_magic.jobs.artwork import SavedArt, artwork_problems, icons_of_line, pixels_of_line
from imagegen_magic.jobs.best import best_of_problems, run_best, with_every_try
from imagegen_magic.jobs.deriving import makes_pixels
from imagegen_magic.jobs.expected import read_expected
from imagegen_magic.jobs.planning import Job, check_budget, plan_job
from imagegen_magic.jobs.result import GeneratedImage, ImageResult, JobPreview
from imagegen_magic.jobs.running import Run, reusable, run_job, stored_result
from imagegen_magic.jobs.spending import Spending
from imagegen_magic.jobs.task import Task, TaskList, run_through, wait_for_tasks_at_end
from imagegen_magic.options.hints import sheet_problems
from imagegen_magic.options.line import ParsedLine
from imagegen_magic.options.options import Options
from imagegen_magic.options.out_names import out_problems, with_format_of_name
from imagegen_magic.options.paths import expanded, is_folder
from imagegen_magic.options.settings import resolve
from imagegen_magic.options.table import SHEET_ONLY
from imagegen_magic.options.values import read_call
from imagegen_magic.options.words import in_python_words
from imagegen_magic.request.cost import Estimate
from imagegen_magic.request.request import WIRE_FIELDS
from imagegen_magic.request.response import OnEvent, ignore
from imagegen_magic.request.sheets import Sheet, plan_sheet
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import Record
from imagegen_magic.store.library import Library
from imagegen_magic.store.lockfile import LOCK, Lock, lock_of, read_lock
from imagegen_magic.store.names import SOURCE, shown_file
from imagegen_magic.store.recovery import recover

if TYPE_CHECKING:
    from imagegen_magic.jobs.sprites import GeneratedSprites
    from imagegen_magic.matting.cutout import Cutout
    from imagegen_magic.wire.client import Client

__all__ = ["Clients", "Session"]


NOTHING_SENT = Estimate(low=Decimal(0), high=Decimal(0), basis="replayed: nothing is sent")


class Clients(Protocol):
    """Where a session gets its clients from; `wire.client.Clients` keeps one for each server."""

    def get(self, options: Options) -> Client:
        """The client for the options' server."""

    def close(self) -> None:
        """Closes the connections; the next call opens them anew."""


class Session:
    """Everything that the calls of one kernel or program share. Safe for several threads.

    Made in the main thread, it also lets SIGTERM and SIGHUP wait for what was sent by calls in other threads, unless the
    program takes these signals itself.

    Args:
        defaults: called for the session's own defaults before each call (`%config`), or None.
        clients: where its clients come from; None makes them as they are needed.

    Attributes:
        tasks: what runs, and what ran.
        spending: what this session's requests cost.
        batches: many jobs, now or by the Batch API.
        home: the working folder in which it began; a later `os.chdir` does not move the output folder.

    Example:
        >>> session = Session(defaults=lambda: {"backend": "simulator"})
        >>> session.generate("a red fox").path
        PosixPath('.../output/imagegen/red-fox.png')
    """

    def __init__(
        self, *, defaults: Callable[[], Mapping[str, Any]] | None = None, clients: Clients | None = None
    ) -> None:
        self._defaults = defaults or dict
        self._clients = clients
        self._stores: dict[Path, Store] = {}
        self._lock = threading.RLock()
        self.home = Path.cwd()
        self.tasks = TaskList()
        self.spending = Spending()
        self.batches = Batches(self)
        wait_for_tasks_at_end()

    # what is shared

    def options(self, values: Mapping[str, Any] | None = None) -> Options:
        """Every option after all layers."""
        return resolve(values or {}, session=self._defaults(), folder=self.home)

    def catalog(self, options: Options) -> Catalog:
        """The models known, the user's own file included."""
        extra = options.models_file
        return load_catalog(expanded(extra) if extra else None)

    def store(self, options: Options) -> Store:
        """The store of the output folder."""
        folder = Path(os.path.realpath(self.home / expanded(options.out_dir)))  # resolve() raises at a link to itself
        with self._lock:
            if folder not in self._stores:
                Store(folder).history.check()
                self._stores[folder] = Store(folder)
                if is_folder(folder):
                    recover(self._stores[folder])
            return self._stores[folder]

    @property
    def library(self) -> Library:
        """The images of the output folder, as it is set now."""
        return Library(self.store(self.options()))

    def lock(self) -> Lock:
        """Writes `imagegen.lock` into the working folder: which stored files answer which cell.

        Raises:
            ReplayError: the output folder has nothing to lock.
        """
        store = self.store(self.options())
        found = lock_of(store)
        store.write_text(self.home / LOCK, found.to_json())
        return found

    def online_rows(self, options: Options) -> list[tuple[str, str, str]]:
        """The doctor's rows about the server, which is asked for its models; that costs nothing."""
        catalog = self.catalog(options)
        return online_rows(lambda: self.clients.get(options).models(), catalog, options.model or catalog.default)

    @property
    def clients(self) -> Clients:
        """Where clients come from."""
        _end_quickly()
        with named_packages(), _collector_paused():
            from imagegen_magic.wire.client import Clients as OnePerServer  # noqa: PLC0415 - the SDK comes with the first call: 0.24 s

        with self._lock:
            if self._clients is None:
                self._clients = OnePerServer()
            return self._clients

    def close(self) -> None:
        """Closes the connections; the next call opens them anew."""
        if self._clients is not None:
            self._clients.close()

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
        is_paid: bool = False,
    ) -> Job:
        """The job that would run, checked whole; nothing is sent or written.

        With `is_paid`, and in a replay, an expectation that can't be checked any more is a warning: the images are on the server.

        Raises:
            RequestError: anything is wrong; every fault is in `.problems`.
            BudgetError: it may cost more than a limit.
            MissingPackageError: what is to be made of the images needs OpenCV, which is not there.
        """
        options = with_format_of_name(self.options(values))
        options, sheet, sheet_faults = self._planned_sheet(options, command, variables or {})
        if live and options.partial_images is None and options.quality != "low" and _streams_well(options):
            options = options.changed("live front end", partial_images=1)
        inputs = self._inputs(options, command, variables or {})
        faults = [*problems, *out_problems(options.out, options.output_format), *self._out_problems(options)]
        masked = options.mask is not None or options.mask_box is not None
        expected, unread = read_expected(options, self._image_file(options), masked=masked, variables=variables or {})
        faults += [*best_of_problems(options, in_batch=in_batch), *([] if is_paid or options.replay else unread)]
        job = plan_job(
            prompt, options, catalog=self.catalog(options), name=name, inputs=inputs, expected=expected,
            problems=[*faults, *sheet_faults, *artwork_problems(options, command)], cell=cell, sheet=sheet,
        )  # fmt: skip
        if makes_pixels(job) and not (is_paid or options.replay):
            need_package("cv2")
        notes = (*job.notes, *self._other_quality(options, inputs))
        job = with_every_try(replace(job, notes=notes, warnings=(*job.warnings, *map(_unchecked, unread))))
        if in_batch:
            return job
        if options.replay:
            return replace(job, estimate=NOTHING_SENT)
        stored = self._stored(job)
        if not (options.dry_run or options.show_prompt or (options.reuse and stored and not job.has_tries)):
            check_budget(job.estimate, options, self.spending.total, each=job.each)
        if stored is None or options.reuse:
            return job
        note = Fix(f"the same request as @{stored.number}: ", Setting("--reuse"), " takes that one, not billed again")
        return replace(job, warnings=(*job.warnings, note))

    def _stored(self, job: Job) -> Record | None:
        """The record of an identical request, its images intact: what `reuse` shows at no cost."""
        return reusable(job, self.run_context(job))

    def _other_quality(self, options: Options, inputs: Inputs | None) -> list[str]:
        """A note for an edit that nobody set a quality for, of an image that was made at another one than it gets."""
        if inputs is None or inputs.references_only or not inputs.parents or options.origins["quality"] != "default":
            return []
        number = inputs.parents[0].number
        made = None
        if number is not None:
            with contextlib.suppress(OptionError):
                made = Library(self.store(options)).history.find(f"@{number}")[0].request.get("quality")
        if made in (None, options.quality):
            return []
        note = f"quality {options.quality}, the default: {inputs.images[0].name} was made at {made}; "
        return [Fix(note, Setting("--quality", made), " goes on with it")]

    def _planned_sheet(
        self, options: Options, command: str, variables: Mapping[str, object]
    ) -> tuple[Options, Sheet | None, list[Problem]]:
        """The options with a sheet's size, the sheet, and its faults; of another command the options as they are."""
        if command != "sprites":
            return options, None, []
        from imagegen_magic.jobs.sprites import slicing_problems, with_like  # noqa: PLC0415 - OpenCV comes with the first sheet: 0.2 s

        options, unlike = with_like(options, variables)
        changed, sheet, faults = plan_sheet(options, self.catalog(options))
        return changed, sheet, [*faults, *unlike, *slicing_problems(options)]

    def _out_problems(self, options: Options) -> tuple[Problem, ...]:
        """A file name that leaves the output folder, found before anything is sent."""
        if options.out is None:
            return ()
        try:
            self.store(options).peek("image", 1, "png", if_exists="overwrite", out=options.out)
        except OptionError as error:
            return error.problems
        return ()

    def _image_file(self, options: Options) -> Callable[[str], Path]:
        """The file that `@hero` means, in the output folder of the options."""
        return lambda token: Library(self.store(options)).image_file(token)

    def _inputs(self, options: Options, command: str, variables: Mapping[str, object]) -> Inputs | None:
        """The images that the options name, read and checked; None without any."""
        given = (options.image, options.ref, options.mask, options.mask_box, options.markup)
        if command != "edit" and all(value is None for value in given):
            return None
        return gather_inputs(options, command, variables, Library(self.store(options)))

    def preview_of(self, job: Job) -> JobPreview:
        """What a planned job would send, save and cost.

        Raises:
            OptionError: the server is known not to take it.
        """
        store, client = self.store(job.options), self.clients.get(job.options)
        paths = store.peek(
            job.stem, job.request.count, job.request.format, if_exists=job.options.if_exists, out=job.options.out
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
            expected=tuple(item.text for item in job.expected),
            usual_seconds=Library(store).usual_seconds(job.request.model, job.request.size, job.request.quality),
        )

    def run_job(self, job: Job, *, on_event: OnEvent = ignore, cancel: threading.Event | None = None) -> ImageResult:
        """The saved result of a planned job, run in this thread.

        Raises:
            BudgetError: with what else is under way it could pass `session_max_cost`; nothing was sent.
            CallError: the request failed.
            StoreError: its files can't be written, found before anything is sent, if possible.
        """
        run = self.run_context(job, on_event=on_event, cancel=cancel or threading.Event())
        if job.has_tries:
            return run_best(job, run, reserved=self.spending.reserved)
        if job.options.reuse and (stored := self._stored(job)):
            return stored_result(job, run, stored)
        with self.spending.reserved(job.estimate, job.options):
            return run_job(job, run)

    def run_context(self, job: Job, **how: Any) -> Run:
        """What a job of this session runs with; `how` replaces fields of it."""
        client, store = self.clients.get(job.options), self.store(job.options)
        return Run(
            **{
                "send": client.send,
                "server": client.server,
                "store": store,
                "on_event": ignore,
                "versions": _versions(),
                "on_record": lambda record: self.spending.count(store.folder, record),
                "lock": read_lock(self.home / LOCK) if job.options.replay else None,
                **how,
            }
        )

    def start_job(self, job: Job, *, on_event: OnEvent = ignore) -> Task[ImageResult]:
        """A planned job, running in a thread of its own.

        Raises:
            BudgetError: with what else is under way it could pass `session_max_cost`; nothing was started.
        """
        return self.tasks.start(_title(job), self._reserved_work(job, on_event))

    def start_sprites_job(self, job: Job, *, on_event: OnEvent = ignore) -> Task[GeneratedSprites]:
        """A planned sheet, running in a thread of its own; its task ends with the frames sliced and written.

        Raises:
            BudgetError: with what else is under way it could pass `session_max_cost`; nothing was started.
        """
        return self.tasks.start(_title(job), self._sliced_work(job, on_event))

    def _sliced_work(self, job: Job, on_event: OnEvent) -> Callable[[Task[Any]], GeneratedSprites]:
        """What a task does for a sheet: the paid request, then its frames."""
        from imagegen_magic.jobs.sprites import sprites_of  # noqa: PLC0415 - OpenCV comes with the first sheet: 0.2 s

        request = self._reserved_work(job, on_event)
        return lambda task: sprites_of(job, request(task), self.store(job.options))

    def _reserved_work(self, job: Job, on_event: OnEvent) -> Callable[[Task[ImageResult]], ImageResult]:
        """What a task does for a job, its upper end reserved from now on until it is over.

        Several tries are reserved one by one; showing a stored result is free.
        """
        if job.has_tries:
            return lambda task: self.run_job(job, on_event=on_event, cancel=task.cancel_event)
        if job.options.reuse and (stored := self._stored(job)):
            return lambda task: stored_result(job, self.run_context(job, on_event=on_event), stored)
        amount = self.spending.reserve(job.estimate, job.options)

        def work(task: Task[ImageResult]) -> ImageResult:
            try:
                return run_job(job, self.run_context(job, on_event=on_event, cancel=task.cancel_event))
            finally:
                self.spending.release(amount)

        return work

    def _run_through(self, job: Job, on_event: OnEvent) -> ImageResult:
        """The saved result, which an interrupt does not lose: it waits for what was sent."""
        return run_through(Task(0, _title(job)), self._reserved_work(job, on_event))

    # the same from Python

    @in_python_words()
    def generate(
        self, prompt: str, *, name: str | None = None, on_event: OnEvent = ignore, **options: Any
    ) -> ImageResult:
        """As `imagegen_magic.generate`."""
        return self._run_through(self._plan_call(prompt, name, options), on_event)

    @in_python_words()
    def edit(
        self, prompt: str, image: Any, *, name: str | None = None, on_event: OnEvent = ignore, **options: Any
    ) -> ImageResult:
        """As `imagegen_magic.edit`."""
        return self._run_through(self._plan_call(prompt, name, {**options, "image": image}), on_event)

    @in_python_words()
    def sprites(
        self,
        prompt: str,
        *,
        name: str | None = None,
        reference: Any = None,
        on_event: OnEvent = ignore,
        **options: Any,
    ) -> GeneratedSprites:
        """As `imagegen_magic.sprites`."""
        job = self._plan_sprites(prompt, name, reference, options)
        task: Task[GeneratedSprites] = Task(0, _title(job))
        return run_through(task, self._sliced_work(job, on_event))

    @in_python_words()
    def preview(self, prompt: str, *, name: str | None = None, **options: Any) -> JobPreview:
        """As `imagegen_magic.preview`."""
        command = "sprites" if any(option in SHEET_ONLY for option in options) else None
        return self.preview_of(self._plan_call(prompt, name, options, command=command, dry_run=True))

    @in_python_words()
    def start(
        self, prompt: str, *, name: str | None = None, on_event: OnEvent = ignore, **options: Any
    ) -> Task[ImageResult]:
        """As `imagegen_magic.start`."""
        return self.start_job(self._plan_call(prompt, name, options), on_event=on_event)

    @in_python_words()
    def start_sprites(
        self,
        prompt: str,
        *,
        name: str | None = None,
        reference: Any = None,
        on_event: OnEvent = ignore,
        **options: Any,
    ) -> Task[GeneratedSprites]:
        """As `imagegen_magic.start_sprites`."""
        return self.start_sprites_job(self._plan_sprites(prompt, name, reference, options), on_event=on_event)

    @in_python_words()
    def cutout(self, image: Any, **options: Any) -> Cutout:
        """As `imagegen_magic.cutout`."""
        from imagegen_magic.matting.cutout import cutout  # noqa: PLC0415 - numpy and OpenCV come with the first cut-out: 0.2 s

        return cutout(image, **options)

    def slice_sheet(self, parsed: ParsedLine, variables: Mapping[str, object]) -> GeneratedSprites:
        """The frames of the sheet that a line names first; what the line leaves out is as the history has it.

        Raises:
            OptionError: the line can't be used, or there is no such sheet.
            CutoutError: it can't be sliced.
        """
        from imagegen_magic.jobs.sprites import sheet_values, sprites_of_file, with_like  # noqa: PLC0415 - OpenCV comes with the first sheet: 0.2 s

        missing = Problem(field="sheet", rule="a sheet is needed", fix=Fix(Command("slice", "sheet.png --frames 6")))
        if parsed.problems or parsed.name is None:
            problems = (*parsed.problems, *(() if parsed.name else (missing,)))
            raise OptionError("the line can't be used", problems=problems)
        library = Library(self.store(self.options(parsed.values)))
        source, origin = resolve_token(parsed.name, variables, library.image_file)
        values, record = sheet_values(parsed.name, parsed.values, library)
        source = getattr(source, "path", None) or getattr(source, "sheet", source)
        name = Path(record.files[0].path if record and record.files else origin.lstrip("@")).stem
        options, unlike = with_like(self.options(values), variables)
        if unlike:
            raise OptionError("the line can't be used", problems=tuple(unlike))
        return sprites_of_file(source, name.removesuffix(SOURCE), options, record, library.store)

    def pixelate(self, parsed: ParsedLine, variables: Mapping[str, object]) -> SavedArt:
        """The pixel art of the image that a line names first, saved in the output folder."""
        options = self.options(parsed.values)
        return pixels_of_line(parsed, variables, options, self.store(options))

    def icons(self, parsed: ParsedLine, variables: Mapping[str, object]) -> SavedArt:
        """The icon set of the image that a line names first, saved in the output folder."""
        options = self.options(parsed.values)
        return icons_of_line(parsed, variables, options, self.store(options))

    def unpack(self, parsed: ParsedLine, variables: Mapping[str, object]) -> SavedArt:
        """The frames of the animated file that a line names first, written to the output folder."""
        options = self.options(parsed.values)
        return animation_of_line(parsed, variables, options, self.store(options))

    @in_python_words()
    def edit_animation(
        self, prompt: str, image: Any, *, name: str | None = None, on_event: OnEvent = ignore, **options: Any
    ) -> SavedArt:
        """As `imagegen_magic.edit_animation`."""
        from imagegen_magic.spritesheets.unpacking import unpack  # noqa: PLC0415 - OpenCV comes with the first animation: 0.2 s

        token = image if isinstance(image, (bytes, ImageResult)) else str(image)
        source, _ = resolve_token(token, {}, self.library.image_file) if isinstance(token, str) else (token, "")
        animation = unpack(file_of(source))
        values, _ = read_call(options)
        size = sheet_options(animation, options, self.options(values), self.catalog(self.options(values)))
        sheet = resized_sheet(animation, size)
        result = self.edit(sheet_prompt(prompt, animation), sheet, name=name, on_event=on_event, size=size, **options)
        return put_together(animation, result, self.store(result.options), result.options)

    def find_result(self, token: str) -> ImageResult:
        """The stored result that `@hero`, `@17` or `@last` means.

        Raises:
            OptionError: the history has nothing of that name.
        """
        options = self.options()
        store = self.store(options)
        record, _ = store.history.find(token)
        images = tuple(
            GeneratedImage(
                path=shown_file(store.folder / e.path), source=store.folder / e.path, index=e.index, record=record
            )
            for e in record.api_files()
        )
        return ImageResult(images=images, record=record, options=options)

    def _plan_sprites(self, prompt: str, name: str | None, reference: Any, options: Mapping[str, Any]) -> Job:
        given = {**options} if reference is None else {**options, "ref": reference}
        return self._plan_call(prompt, name, given, command="sprites")

    def _plan_call(
        self, prompt: str, name: str | None, options: Mapping[str, Any], *, command: str | None = None, **more: Any
    ) -> Job:
        """The job of a call from Python; without a `command`, an `image` makes it an edit."""
        given = dict(options)
        image = given.get("image")
        if "image" in given and not (isinstance(image, (list, tuple)) and not isinstance(image, ImageResult)):
            given["image"] = (image,)
        values, problems = read_call(given)
        if isinstance(image, str) and not isinstance(prompt, str):
            rule, fix = "the prompt comes first, then the image", f'imagegen_magic.edit("{image}", image)'
            raise RequestError("prompt and image are swapped", problems=(Problem(field="prompt", rule=rule, fix=fix),))
        if command is None:
            problems += sheet_problems(given)
            command = "edit" if "image" in given else "generate"
        return self.plan(prompt, {**values, **more}, command=command, name=name, problems=problems)


@cache
def _end_quickly() -> None:
    """Spares a program that ends the walks through all objects of the SDK: they took longer than everything else after its last line."""
    atexit.register(gc.freeze)


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """For an import that makes a hundred thousand objects which stay: walking through them again and again took 0.05 s."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _title(job: Job) -> str:
    count = job.request.count
    return f"{job.name or job.stem} ({job.request.model}, {count} picture{'s' * (count > 1)})"


def _unchecked(problem: Problem) -> str:
    return f"{problem.value} is not checked: {problem.rule}"


def _streams_well(options: Options) -> bool:
    """True if a live preview is worth its price by itself: one image, of a format that streams, and not a draft."""
    return (options.n or 1) == 1 and options.output_format not in ("gif", "svg") and options.quality != "low"


def _overlay(job: Job) -> Preview | None:
    """What a mask will change, hatched, for a dry run; None without a mask."""
    if job.request.mask is None or not job.request.images:
        return None
    from imagegen_magic.images.masks import mask_overlay  # noqa: PLC0415 - numpy comes with the first mask: 0.1 s

    return preview_of(mask_overlay(job.request.images[0], job.request.mask))


@cache
def _versions() -> dict[str, str]:
    versions = {name: version for name, version in installed_versions().items() if name in ("openai", "pillow")}
    return {"imagegen_magic": __version__, "python": platform.python_version(), **versions}
