"""The engine that every surface calls: `generate`, `edit`, `run_batch`, and the session behind them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from .batch_results import Gallery
from .errors import RequestError
from .history import Record
from .ledger import SHOWN, cost_table, history_table
from .names import shown_file
from .option_values import read_values
from .options import ParsedLine
from .response import OnEvent
from .result import GeneratedImage, ImageResult
from .rows import expand_grid, parse_grid, read_source
from .session_batches import BatchSession
from .session_core import ignore
from .settings import SHELL_DEFAULTS
from .store import STARS
from .tables import Table

__all__ = ["Session", "default_session", "edit", "generate", "run_batch"]


class Session(BatchSession):
    """Everything that the calls of one kernel or program share. Safe for several threads.

    A session holds defaults, one client a server, one store a folder, the money spent, and the tasks that run.

    Args:
        defaults: called for the session's own defaults before each call (`%config`), or None.
    """

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
        done = reversed(store.history.done())
        found = ((record, shown_file(store.folder / record.api_files()[0].path)) for record in done)
        return list(islice(((record, path) for record, path in found if path.is_file()), count))

    def starred(self) -> list[str]:
        """The history references that carry a star in this output folder."""
        return self.store(self.options({})).read_stars()

    def star(self, references: Iterable[str]) -> None:
        """Makes these history references the ones that carry a star."""
        store = self.store(self.options({}))
        store.write_text(store.folder / STARS, json.dumps(sorted(references)))

    def history_table(self, word: str = "", count: int = SHOWN) -> Table:
        """The `count` newest lines of the history, newest last; only those about `word`."""
        return history_table(self.store(self.options({})).history, word, count)

    def rebuild_history(self) -> int:
        """How many lines the history has, once it is written anew from the sidecars and its readable lines."""
        return self.store(self.options({})).history.rebuild()

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

    def save_cutout(self, picture: GeneratedImage) -> Any:
        """The cut-out of a result's picture, saved beside it."""
        from .gather import saved_cutout  # noqa: PLC0415 - numpy comes with the first cut-out

        return saved_cutout(picture.source, picture.path.stem, {}, self.store(self.options({})))

    def cutout_verb(self, parsed: ParsedLine, *, variables: Mapping[str, object]) -> Any:
        """The cut-out that `%imagegen cutout` asks for, saved beside its source."""
        from .gather import cutout_of  # noqa: PLC0415 - numpy comes with the first cut-out

        return cutout_of(parsed, variables, self.store(self.options({})))


_current: list[Session] = []


def default_session() -> Session:
    """The session of this kernel or program, made with the first call; cells and functions share it."""
    if not _current:
        _current.append(Session(defaults=_shell_defaults))
    return _current[0]


def _shell_defaults() -> Mapping[str, Any]:
    return SHELL_DEFAULTS[0]() if SHELL_DEFAULTS else {}


def generate(prompt: str, *, name: str | None = None, on_event: OnEvent = ignore, **options: Any) -> Any:
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


def edit(prompt: str, image: Any, *, name: str | None = None, on_event: OnEvent = ignore, **options: Any) -> Any:
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
    jobs: Any, *, name: str | None = None, on_event: OnEvent = ignore, session: Session | None = None, **options: Any
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
