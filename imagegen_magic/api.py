"""The Python face: `generate`, `edit`, `preview`, `sprites`, `start` and `run_batch` of this kernel's or program's session."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, get_type_hints

from imagegen_magic.jobs.further import ENGINES
from imagegen_magic.jobs.task import wait_for_tasks_at_end
from imagegen_magic.options import keywords
from imagegen_magic.options.defaults import SHELL_DEFAULTS
from imagegen_magic.options.table import OPTIONS
from imagegen_magic.request.response import OnEvent, ignore

from .session import Session

if TYPE_CHECKING:
    from imagegen_magic.batch.plan import BatchPlan
    from imagegen_magic.batch.results import Gallery
    from imagegen_magic.display.ledger import CostRow, HistoryRow, Rows
    from imagegen_magic.display.sheets import Sheet
    from imagegen_magic.jobs.artwork import SavedArt
    from imagegen_magic.jobs.result import ImageResult, JobPreview
    from imagegen_magic.jobs.sprites import GeneratedSprites
    from imagegen_magic.jobs.task import Task
    from imagegen_magic.options.keywords import BatchOptions, GenerateOptions, SpriteOptions

__all__ = [
    "close_session",
    "costs",
    "default_session",
    "edit",
    "edit_animation",
    "generate",
    "history",
    "preview",
    "preview_batch",
    "run_batch",
    "sheet",
    "sprites",
    "start",
    "start_sprites",
    "use_session",
]

_current: list[Session] = []


def default_session() -> Session:
    """The session of this kernel or program, made with the first call; cells and functions share it."""
    if not _current:
        _current.append(Session(defaults=_shell_defaults))
    return _current[0]


ENGINES[:] = [default_session]
wait_for_tasks_at_end()  # here too: the first call may come from a thread, which is given no signals


@contextmanager
def use_session(session: Session) -> Iterator[Session]:
    """Makes `session` the one that cells and functions share, within a `with` block."""
    before, _current[:] = list(_current), [session]
    try:
        yield session
    finally:
        _current[:] = before


def close_session() -> None:
    """Closes the connections of the shared session, if there is one; the next call opens them anew."""
    for session in _current:
        session.close()


def _shell_defaults() -> Mapping[str, Any]:
    return SHELL_DEFAULTS[0]() if SHELL_DEFAULTS else {}


Function = TypeVar("Function", bound=Callable[..., Any])


def _with_options(function: Function) -> Function:
    """The function with a signature that names every option: what Tab and Shift-Tab of a kernel show of `**options`."""
    signature = inspect.signature(function)
    named = (keywords.BatchOptions, keywords.SpriteOptions)
    kind = next((kind for kind in named if kind.__name__ in str(signature)), keywords.GenerateOptions)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    defaults = {option.name: option.default for option in OPTIONS}
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=annotation)
        for name, annotation in get_type_hints(kind).items()
        if name not in signature.parameters
    ]
    function.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    return function


@_with_options
def generate(
    prompt: str, *, name: str | None = None, on_event: OnEvent = ignore, **options: Unpack[GenerateOptions]
) -> ImageResult:
    """An `ImageResult` with the images that `prompt` asks for, saved; what `%%imagegen` does.

    Args:
        prompt: sent as typed, unless prompt fields (`style=…`, `text=[…]`) add labelled lines.
        name: names the files and the history entry.
        on_event: called with each event of the run, in this thread.
        options: the options of `%%imagegen` by their names: `size="16:9@2k"`, `quality="high"`, `n=3`,
            `transparent=True`, `reuse=True`, `max_cost=0.5` (USD), …

    Raises:
        RequestError: the request breaks rules; every one is in `.problems`, and nothing was sent.
        BudgetError: it may cost more than `max_cost`.
        CallError: the call failed; `.outcome` says whether it may have been billed.

    Example:
        >>> fox = imagegen_magic.generate("a red fox in the snow", size="square", quality="low")
        >>> fox.path.name
        'red-fox-snow.png'
    """
    return default_session().generate(prompt, name=name, on_event=on_event, **options)


@_with_options
def edit(
    prompt: str, image: Any, *, name: str | None = None, on_event: OnEvent = ignore, **options: Unpack[GenerateOptions]
) -> ImageResult:
    """An `ImageResult`: `image` changed as `prompt` says; what `%%imagegen_edit` does.

    Args:
        prompt: what to change.
        image: one image or a list of up to 16: a path, bytes, a Pillow image, an array, a result, or a
            history reference such as `"@hero"`, the first being the one that is edited.
        name: names the files and the history entry.
        on_event: called with each event of the run, in this thread.
        options: as of `generate`, and `mask`, `mask_box`, `keep`, `protect`, `markup`, `input_fidelity`.

    Raises:
        RequestError: the request or an image breaks rules; nothing was sent.
        CallError: the call failed; `.outcome` says whether it may have been billed.

    Example:
        >>> imagegen_magic.edit("make it night", "@hero", keep=["the house"], protect=True, mask_box="0,0,100%,40%")
    """
    return default_session().edit(prompt, image, name=name, on_event=on_event, **options)


@_with_options
def edit_animation(
    prompt: str, image: Any, *, name: str | None = None, on_event: OnEvent = ignore, **options: Unpack[GenerateOptions]
) -> SavedArt:
    """A `SavedArt` whose `art` is the `Animation`: a GIF, which the API does not take, changed as `prompt` says.

    Its frames go as one sheet of equal cells, which is one paid edit, and are put together again with their times:
    `NAME.gif` and `NAME.webp` beside the edited sheet `NAME.png`.

    Args:
        prompt: what to change, the same in every frame.
        image: an animated GIF, WebP or PNG: a path, bytes, a result, or a history reference such as `"@wave"`.
        name: names the files and the history entry.
        on_event: called with each event of the run, in this thread.
        options: as of `edit`; `size` and `n` are settled by the sheet. With `transparent=True` the frames are cut out.

    Raises:
        OptionError: the file is not an animation that can be read, or an option does not fit a sheet.
        RequestError: the request breaks rules; nothing was sent.
        CallError: the call failed; `.outcome` says whether it may have been billed.

    Example:
        >>> night = imagegen_magic.edit_animation("make it night", "@wave", name="night")
        >>> night.art.play(), night.paths[0].name, night.result.cost
        (AnimationPlayer(…), 'night.gif', 0.05)
    """
    return default_session().edit_animation(prompt, image, name=name, on_event=on_event, **options)


@_with_options
def sprites(
    prompt: str,
    *,
    name: str | None = None,
    reference: Any = None,
    on_event: OnEvent = ignore,
    **options: Unpack[SpriteOptions],
) -> GeneratedSprites:
    """`GeneratedSprites`: the frames of one sheet, which is one paid call; what `%%imagegen_sprites` does.

    The sheet is asked for on one flat key colour, in a size that divides into equal cells. Its frames are then found, cut
    out, set on one pivot, scaled to `cell` and checked, locally; `.report` names what is wrong with them, and nothing is
    sent a second time.

    Args:
        prompt: the figure, and its style; the layout and the poses are added (`preview(…).prompt` shows them).
        name: names the files and the history entry.
        reference: an image, or several, of the figure that is to be animated: a path, a result, `"@hero"`.
        on_event: called with each event of the run, in this thread.
        options: `frames=6`, `layout="row"`, `"grid"` or `"3x2"`, `animation="walk"`, `cell=(64, 64)`, `fps=10`,
            `once=True`, `pixel_art=True`, `colors=16`, `export="atlas,gif"`; and the options of `generate`.

    Raises:
        RequestError: the request breaks rules; every one is in `.problems`, and nothing was sent.
        BudgetError: it may cost more than `max_cost`.
        CallError: the call failed; `.outcome` says whether it may have been billed.

    Example:
        >>> walk = imagegen_magic.sprites("a small knight, flat colours", animation="walk", cell=(64, 64), export="godot")
        >>> walk.frames[0].size, walk.report.ok, walk.cost
        ((64, 64), True, 0.04)
    """
    return default_session().sprites(prompt, name=name, reference=reference, on_event=on_event, **options)


@_with_options
def preview(prompt: str, *, image: Any = None, name: str | None = None, **options: Unpack[SpriteOptions]) -> JobPreview:
    """A `JobPreview`: the request, its files and its cost range (USD), checked whole; nothing is sent or written.

    Args:
        prompt: as of `generate`, or of `edit` if there is an `image`.
        image: as of `edit`; None is a generation.
        name: names the files.
        options: as of `generate`, or of `sprites`: with one of its own (`frames`, `animation`, `cell`, …) it is a sheet.

    Raises:
        RequestError: the request breaks rules; every one is in `.problems`.

    Example:
        >>> imagegen_magic.preview("a red fox", n=4, quality="high").estimate.high
        Decimal('0.84')
    """
    given = {} if image is None else {"image": image}
    return default_session().preview(prompt, name=name, **options, **given)


@_with_options
def start(
    prompt: str,
    *,
    image: Any = None,
    name: str | None = None,
    on_event: OnEvent = ignore,
    **options: Unpack[GenerateOptions],
) -> Task[ImageResult]:
    """A `Task`, which runs the request in a thread: a `concurrent.futures.Future` that can also be awaited.

    Args:
        prompt: as of `generate`, or of `edit` if there is an `image`.
        image: as of `edit`; None is a generation.
        name: names the files and the history entry.
        on_event: called with each event of the run, in its thread.
        options: as of `generate`.

    Raises:
        RequestError: the request breaks rules, found before the thread is started.
        BudgetError: it may cost more than `max_cost`.

    Example:
        >>> task = imagegen_magic.start("a red fox")
        >>> task.result().path  # or: await task
    """
    given = {} if image is None else {"image": image}
    return default_session().start(prompt, name=name, on_event=on_event, **options, **given)


@_with_options
def start_sprites(
    prompt: str,
    *,
    name: str | None = None,
    reference: Any = None,
    on_event: OnEvent = ignore,
    **options: Unpack[SpriteOptions],
) -> Task[GeneratedSprites]:
    """A `Task`, which makes the sheet in a thread and ends with its frames: sheets of several animations side by side.

    Args:
        prompt: as of `sprites`.
        name: names the files and the history entry.
        reference: as of `sprites`.
        on_event: called with each event of the run, in its thread.
        options: as of `sprites`.

    Raises:
        RequestError: the request breaks rules, found before the thread is started.
        BudgetError: it may cost more than `max_cost`.

    Example:
        >>> tasks = [imagegen_magic.start_sprites("a knight", name=f"knight_{a}", animation=a) for a in ("walk", "jump")]
        >>> walk, jump = (task.result() for task in tasks)
    """
    return default_session().start_sprites(prompt, name=name, reference=reference, on_event=on_event, **options)


def history(word: str = "") -> Rows[HistoryRow]:
    """Every request of the output folder, oldest first: rows for `pandas.DataFrame`, or to look at.

    Args:
        word: only those whose name, prompt, model or files hold it.

    Example:
        >>> pandas.DataFrame(imagegen_magic.history("fox")).groupby("model").cost.sum()
    """
    from imagegen_magic.display.ledger import history_rows  # noqa: PLC0415 - importing this module stays light

    library = default_session().library
    return history_rows(library.search(word), library.store.folder)


def costs() -> Rows[CostRow]:
    """What was spent in the output folder, by day, model and backend, oldest first; costs in USD.

    Example:
        >>> pandas.DataFrame(imagegen_magic.costs()).plot.bar(x="day", y="cost")
    """
    from imagegen_magic.display.ledger import cost_rows  # noqa: PLC0415 - as above

    return cost_rows(default_session().library.history.records())


def sheet(
    items: Iterable[Any] | Mapping[str, Any],
    *,
    columns: int | None = None,
    labels: bool | Sequence[str] = True,
    max_edge: int = 1536,
) -> Sheet:
    """A `Sheet` of anything: results, galleries, paths, Pillow images, arrays and history references, in a grid.

    Args:
        items: what to show; a result of several images gives several. A dict's keys are the labels.
        columns: images in a row; None chooses.
        labels: True labels each image with its name, False with nothing; or a text for each.
        max_edge: the sheet's width in pixels.

    Raises:
        OptionError: there are no images, an item is not an image, or the numbers of labels and images differ.

    Example:
        >>> imagegen_magic.sheet([fox, "jay.png", "@hero"], columns=3).save("sheet.png")
    """
    from imagegen_magic.display.sheets import make_sheet  # noqa: PLC0415 - Pillow comes with the first image

    library = default_session().library
    return make_sheet(
        items, find=library.image_file, known=library.known_source, variables={},
        columns=columns, labels=labels, max_edge=max_edge,
    )  # fmt: skip


@_with_options
def run_batch(
    jobs: Any, *, name: str | None = None, on_event: OnEvent = ignore, **options: Unpack[BatchOptions]
) -> Gallery:
    """A `Gallery`: the results of many jobs in their order, failures among them as data; what `%%imagegen_batch` does.

    Args:
        jobs: mappings with the options' names and a `prompt`, or prompts; a list, a table of any dataframe
            library, or the path of a JSONL or CSV file.
        name: begins the file names, and names the history entries.
        on_event: called with each event of each job, in that job's thread; `event.index` says which job.
        options: shared by all jobs, whose own win: `concurrency=5`, `ipm`, `fail_fast`, `skip_invalid`,
            `max_cost` (USD, for the whole batch), `grid={"size": [...]}`, and every option of `generate`.

    Raises:
        RequestError: jobs are faulty and `skip_invalid` is not given; nothing was sent.
        BudgetError: the batch may cost more than `max_cost`.

    Example:
        >>> imagegen_magic.run_batch(["a red fox", "a blue jay"], quality="low", max_cost=0.10).paths
    """
    return default_session().batches.run_jobs(jobs, name=name, on_event=on_event, **options)


@_with_options
def preview_batch(jobs: Any, *, name: str | None = None, **options: Unpack[BatchOptions]) -> BatchPlan:
    """A `BatchPlan`: what `run_batch` would send, what is done already, what is faulty, and the cost range; nothing is sent.

    Args:
        jobs: as of `run_batch`.
        name: as of `run_batch`.
        options: as of `run_batch`.

    Raises:
        RequestError: an option that all jobs share can't be read. Faulty rows are in `.problems`.

    Example:
        >>> imagegen_magic.preview_batch(["a red fox", "a blue jay"], quality="low").estimate
    """
    return default_session().batches.preview_jobs(jobs, name=name, **options)
