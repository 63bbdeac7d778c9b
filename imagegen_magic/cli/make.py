"""`imagegen generate` and `imagegen edit`: one request, its progress, its files."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from imagegen_magic.errors import AuthenticationError, ImagegenError, Problem
from imagegen_magic.jobs.deriving import web_suffixes
from imagegen_magic.jobs.task import ENDING, STOPPING, Task, counted_signals, wait_for_end
from imagegen_magic.options.options import Options
from imagegen_magic.options.paths import expanded
from imagegen_magic.options.secrets import refuse_keys
from imagegen_magic.session import Session
from imagegen_magic.store.folder import Store
from imagegen_magic.store.recovery import mark_unknown

from .call import INTERRUPTED, NOT_AS_EXPECTED, Call, fail
from .files import place_output, with_script_defaults
from .output import Progress, print_json, print_lines, print_message, shown
from .results import print_unexpected, result_document, saved_line
from .words import SHELL_WORDS

if TYPE_CHECKING:
    from imagegen_magic.jobs.planning import Job
    from imagegen_magic.jobs.result import ImageResult, JobPreview

__all__ = ["dry_run_document", "make", "require_key", "run_waiting"]

T = TypeVar("T")
OWN = ("prompt", "prompt_file", "json", "help_all", "max_attempts")
"""Options of the command line that are none of the engine's."""


def make(call: Call) -> int:
    """Makes or edits one prompt's pictures; their paths on standard output."""
    session = Session()
    prompt, problems = read_prompt(call)
    refuse_keys(prompt, "line")
    values = {name: value for name, value in call.values.items() if name not in OWN}
    values = with_script_defaults(values, session.options(values))
    values, faults = place_output(values, session.options(values))
    job = session.plan(prompt, values, command=call.command.key, problems=(*call.problems, *problems, *faults))
    if job.options.show_prompt:
        print_lines([job.request.prompt])
        return 0
    if job.options.dry_run:
        return _show_dry_run(call, job, session.preview_of(job))
    require_key(session, job.options)
    return _run(call, session, job)


def read_prompt(call: Call) -> tuple[str, list[Problem]]:
    """The prompt, from where it was given, and what is wrong with that."""
    given = [
        (flag, call.values[name])
        for flag, name in (("--prompt", "prompt"), ("--prompt-file", "prompt_file"))
        if call.values.get(name) is not None
    ]
    given += [("PROMPT", call.word)] if call.word is not None else []
    if len(given) > 1:
        names = " and ".join(flag for flag, _ in given)
        return given[0][1], [Problem(field="prompt", rule=f"it was given twice: {names}", fix="give one of them")]
    if not given:
        return "", []
    flag, text = given[0]
    if flag != "--prompt-file":
        return text.strip(), []
    try:
        return (sys.stdin.read() if text == "-" else expanded(text).read_text(encoding="utf-8-sig")).strip(), []
    except (OSError, UnicodeDecodeError) as error:
        rule = f"it can't be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}"
        return "-", [Problem(field="prompt_file", value=text, rule=rule, fix="--prompt-file PATH, UTF-8")]


def require_key(session: Session, options: Options) -> None:
    """Finds a missing key before anything is put on disk.

    Raises:
        AuthenticationError: a live call is wanted and there is none.
    """
    if options.replay:
        return
    try:
        session.clients.get(options).sdk()
    except AuthenticationError as error:
        hints = (
            "set it in this shell: export OPENAI_API_KEY=… (from https://platform.openai.com/api-keys)",
            "--dry-run checks and shows everything without a key",
            "--backend simulator makes stamped stand-ins, offline and free",
        )
        raise AuthenticationError(error.summary, outcome="not sent", hints=hints) from None


def _show_dry_run(call: Call, job: Job, preview: JobPreview) -> int:
    taken = [shown(path) for path in preview.paths if path.exists()]
    if taken and job.options.if_exists == "fail":
        print_message(f"warning: {', '.join(taken)} exists already: this would be refused without --force")
    if call.json:
        print_json({"exit_code": 0, "outcome": "not sent", **dry_run_document(job, preview)})
    else:
        print_lines([preview.table()])
    return 0


def dry_run_document(job: Job, preview: JobPreview) -> dict[str, Any]:
    """What would be sent and saved, as JSON-ready data: the API's own fields beside `outputs` and the estimate."""
    copies = [
        shown(path.with_name(f"{path.stem}{suffix}{path.suffix}"))
        for path in preview.paths
        for suffix in web_suffixes(job.options)
    ]
    request = dict(preview.request)
    kind = "edits" if request.pop("endpoint") == "edit" else "generations"
    return {
        "endpoint": f"/v1/images/{kind}",
        "outputs": [shown(path) for path in preview.paths],
        "outputs_downscaled": copies or None,
        **request,
        "estimate": {"low": preview.estimate.low, "high": preview.estimate.high, "basis": preview.estimate.basis},
        "expected": list(preview.expected),
        "notes": list(preview.notes),
        "warnings": list(preview.warnings),
    }


def _run(call: Call, session: Session, job: Job) -> int:
    quiet = bool(job.options.quiet)
    tries = job.options.best_of or 1
    progress = Progress(tries, mode=job.options.progress, quiet=quiet)
    progress.head(f"{job.request.model}, {_images(job.request.count, tries)}, {job.estimate} (an estimate)")
    for warning in job.warnings:
        progress.note(f"warning: {warning}")
    start: Callable[..., Task[Any]] = session.start_sprites_job if job.sheet else session.start_job
    task, interrupted = run_waiting(
        lambda: start(job, on_event=progress.on_event), progress, session.store(job.options)
    )
    session.close()
    if isinstance(task.error, ImagegenError):
        return fail(task.error, json=call.json)
    result = task.result()
    if job.sheet:
        from .sprites import show_sprites  # noqa: PLC0415 - OpenCV is there with the sheet

        return show_sprites(call, result, already_shown=job.warnings, interrupted=interrupted)
    code = INTERRUPTED if interrupted else _result_code(job, result)
    _show_result(call, job, result, code, quiet=quiet)
    return code


def _result_code(job: Job, result: ImageResult) -> int:
    """3 if fewer images came than were asked for, 5 if one is not as expected, else 0."""
    if len(result) < job.request.count:
        return 3
    return 0 if result.passed else NOT_AS_EXPECTED


def _images(count: int, tries: int) -> str:
    if tries > 1:
        return f"the best of up to {tries} pictures"
    return "1 picture" if count == 1 else f"{count} pictures"


def run_waiting(start: Callable[[], Task[T]], progress: Progress, store: Store) -> tuple[Task[T], bool]:
    """The task that `start` starts, after its end, and True if it was interrupted.

    The first Ctrl-C sends nothing more and waits for what was sent, because that is billed, for a bounded time; the
    second leaves.
    """
    with counted_signals(signal.SIGINT, *ENDING) as interrupts:
        task = start()
        if not wait_for_end(task, interrupts, tick=progress.tick, on_stop=lambda: progress.note(STOPPING)):
            _leave(progress, store)
        progress.clear()
        return task, bool(interrupts)


def _leave(progress: Progress, store: Store) -> NoReturn:
    mark_unknown(store)
    progress.note("left: what was sent may have been billed; see `imagegen history`")
    sys.stdout.flush()
    os._exit(INTERRUPTED)  # the thread that waits for the answer would hold an ordinary exit


def _show_result(call: Call, job: Job, result: ImageResult, code: int, *, quiet: bool) -> None:
    print_unexpected(result)
    if not quiet:
        if result.ranking is not None and len(result.ranking) > 1:
            print_message(result.ranking.table().text(SHELL_WORDS))
        for note in (*result.notes, *result.warnings):
            if note not in job.warnings:
                print_message(f"note: {SHELL_WORDS.render(note)}")
        print_message(saved_line(result))
    if call.json:
        print_json({"exit_code": code, **result_document(result)})
    else:
        print_lines(shown(path) for path in (*result.paths, *result.derived.values()))
