"""The page of errors: every text on it comes out of the product, from a cell that really fails.

Server errors come from the served simulator with a fault script, over a loopback socket. The page is complete when
every class of the tree in `errors.py` is on it; otherwise the build fails.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from imagegen_magic import errors
from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import serve

__all__ = ["page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A cell that fails, and what to know about it. `script` is the server's; None means that no server is needed."""

    cell: str
    why: str
    script: str | None = None
    settings: str = ""


BEFORE = (
    Case(
        cell="%%imagegen hero --size 15x15 --quality ultra -n 11\nA mug.",
        why="All faults are shown at once, each with a line to type instead.",
    ),
    Case(cell="%%imagegen hero --qualty high\nA mug.", why="For an unknown flag, the card names the nearest one."),
    Case(
        cell="%%imagegen hero --background sunset\nA mug.",
        why="`--background` is the API's transparency switch. What the picture shows around its subject is `--scene`.",
    ),
    Case(cell="%%imagegen hero\nA mug for {{ nme }}.", why="Only `{{ expr }}` is filled in; any other brace is sent as typed."),
    Case(
        cell="%%imagegen hero --max-cost 0.01\nA mug.",
        why="The upper end of the estimate counts. `--dry-run` shows the estimate, and [budgets](guide/budgets.md) how it is made.",
    ),
    Case(
        cell="%%imagegen hero --confirm-above 0.01\nA mug.",
        why="`-y` confirms it, for this cell.",
    ),
    Case(cell="%%imagegen_edit hero -i missing.png\nMake it blue.", why="A picture is a path, `@name`, `@17`, `@last` or a variable."),
    Case(
        cell="%%imagegen_edit hero -i text.png\nMake it blue.",
        why="The first bytes decide what a file is, whatever it is called.",
    ),
    Case(
        cell="%%imagegen_edit hero -i photo.png --mask opaque.png\nMake it blue.",
        why="A mask is a PNG whose transparent pixels will change; this one would change nothing.",
    ),
    Case(
        cell="%%imagegen hero\nWrite sk-proj-abcdefghijklmnopqrstuvwx on a mug.",
        why="A prompt that holds something key-shaped is never sent, saved or shown.",
    ),
    Case(cell="%imagegen show @nobody", why="`%imagegen history` lists what there is."),
)  # fmt: skip
FILES = (
    Case(
        cell="%%imagegen taken --if-exists fail\nA mug.",
        why="Found before the call is paid for. By default the name is `taken-v2.png`.",
    ),
    Case(cell="%%imagegen hero --out ../elsewhere.png\nA mug.", why="File names stay inside the output folder."),
    Case(
        cell="%%imagegen hero --replay\nA mug.",
        why="[A replay](guide/replay.md) shows stored images only; a cell that changed since it was locked is named the same way.",
    ),
)
CUTS = (
    Case(
        cell="%imagegen cutout busy.png",
        why="A cut-out by key colour needs one flat colour around the subject. Otherwise the result would be a damaged picture.",
    ),
)
REFUSED = (
    Case(
        cell="%%imagegen hero\nA mug.",
        settings="no key",
        why="Set `OPENAI_API_KEY` in the environment that Jupyter is started from. Keys never go into a cell.",
    ),
    Case(cell="%%imagegen hero\nA mug.", script="401", why="The server does not know the key."),
    Case(cell="%%imagegen hero\nA mug.", script="403 unverified", why="Verification takes an identity document and some minutes."),
    Case(cell="%%imagegen hero\nA mug.", script="moderation", why="Never retried by itself."),
    Case(cell="%%imagegen hero\nA mug.", script="400 unknown_parameter param=quality", why="Older servers and gateways know fewer fields."),
    Case(cell="%%imagegen hero\nA mug.", script="quota", why="Waiting does not help; it is not retried."),
    Case(
        cell="%%imagegen hero --retries 0\nA mug.",
        script="429 retry-after=20",
        why="By default it is sent again up to four times, when the server says, with the wait shown.",
    ),
)  # fmt: skip
UNKNOWN = (
    Case(cell="%%imagegen hero --retries 0\nA mug.", script="refuse", why="Nothing listens at the address: nothing was sent."),
    Case(cell="%%imagegen hero\nA mug.", script="500", why="The server may have made the picture before it failed."),
    Case(cell="%%imagegen hero\nA mug.", script="502 html", why="A gateway gave up; the server behind it may not have."),
    Case(
        cell="%%imagegen hero --timeout 0.5\nA mug.",
        script="stall seconds=2",
        why="300 s without a byte by default, and `--deadline` for the whole request.",
    ),
    Case(cell="%%imagegen hero\nA mug.", script="reset before headers", why="The connection broke while the server was at work."),
    Case(cell="%%imagegen hero\nA mug.", script="half png", why="What came is kept under `received/`, because it may be paid for."),
    Case(cell="%%imagegen hero\nA mug.", script="html 200", why="A login page or proxy in between answers with status 200."),
    Case(cell="%%imagegen hero --partials 1\nA mug.", script="stream cut", why="A live preview is never passed off as the picture."),
)  # fmt: skip

NOT_SHOWN = {
    "ImagegenError": "the base",
    "CallError": "the base",
    "CallCancelledError": "follows Kernel → Interrupt",
    "MissingPackageError": "every package is here",
}
INTRO = """# Errors by their text

Every error of this package is a short card: what was given, what is allowed, what to do, and what became of the money.
`%imagegen why` shows the whole traceback. These texts are not typed by hand: each comes from running the cell above it
when this page was built, on version {version}. Errors from servers are the simulator's, by
[its fault scripts](simulator.md#fault-scripts); the scripts stand beside them, so that you can have each error yourself.

In a program, catch `imagegen_magic.ImagegenError`, or one of these. `.outcome` says what became of a request, `.problems`
holds the single faults.

```text
{tree}
```
"""


def page() -> str:
    """The page's text."""
    parts = [INTRO.format(version=_version(), tree=_tree())]
    seen: set[str] = set()
    with _shell() as shell:
        for title, cases in (
            ("Before anything is sent", BEFORE),
            ("Files", FILES),
            ("Cut-outs", CUTS),
            ("Refused by the server: not billed", REFUSED),
            ("Not sent, or of unknown outcome", UNKNOWN),
        ):
            parts.append(f"\n## {title}\n")
            for case in cases:
                error = _error(shell, case)
                seen.add(type(error).__name__)
                parts.append(_entry(case, error))
    missing = _class_names() - seen - NOT_SHOWN.keys()
    if missing:
        raise RuntimeError(f"no case of errors.md shows {sorted(missing)}")
    return "\n".join(parts)


def _version() -> str:
    from imagegen_magic._version import __version__  # noqa: PLC0415 - one word

    return __version__


def _tree() -> str:
    return (errors.__doc__ or "").split("\n\n")[1]


def _class_names() -> set[str]:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    return {kind.__name__ for kind in kinds if issubclass(kind, errors.ImagegenError)}


def _entry(case: Case, error: errors.ImagegenError) -> str:
    card = _steady("\n".join(error._render_traceback_()))
    first = _heading(error).replace("<", "&lt;").replace("{{", "\\{\\{")
    note = f"Server: {_script(case)}. " if case.script else "Without a key. " if case.settings else ""
    return f"\n### {first}\n\n{note}{case.why}\n\n```text\n{case.cell}\n```\n```text\n{card}\n```\n"


def _script(case: Case) -> str:
    return "none at that address" if case.script == "refuse" else f"`{case.script}`"


def _heading(error: errors.ImagegenError) -> str:
    """What to look for: the only problem's own line, or the summary up to what the server adds."""
    if len(error.problems) == 1:
        return str(error.problems[0]).split("\n")[0].split(". ")[0]
    return re.sub(r"( \(\w+Error)?: (\d+ )?[A-Z\[].*$", "", error.summary).removesuffix(" (")


def _steady(text: str) -> str:
    """The text without what differs from run to run: ports, request ids, times in names."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8000", text)
    text = re.sub(r"req_\w+", "req_…", text)
    return text.replace(str(Path.cwd()) + "/", "").replace(str(Path.cwd()), ".")


@contextlib.contextmanager
def _shell() -> Iterator[InteractiveShell]:
    """A real shell with the extension, in an empty folder with the pictures that the cells name."""
    _make_inputs()
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.run_line_magic("load_ext", "imagegen_magic")
    yield shell
    shell.run_line_magic("unload_ext", "imagegen_magic")
    InteractiveShell.clear_instance()


def _make_inputs() -> None:
    Image.new("RGB", (1024, 1024), "#7a9").save("photo.png")
    Image.new("RGBA", (1024, 1024), (0, 0, 0, 255)).save("opaque.png")
    Path("text.png").write_text("not a picture", encoding="utf-8")
    Path("output/imagegen").mkdir(parents=True)
    Image.new("RGB", (64, 64)).save("output/imagegen/taken.png")
    noise = np.random.default_rng(1).integers(0, 255, (256, 256, 3), np.uint8)
    Image.fromarray(noise).save("busy.png")


def _error(shell: Any, case: Case) -> errors.ImagegenError:
    with _server(case.script) as address:
        backend = "simulator" if case.script is None and not case.settings else "openai"
        shell.run_line_magic("config", f"ImagegenMagics.backend = {backend!r}")
        shell.run_line_magic("config", f"ImagegenMagics.base_url = {address!r}")
        if address:
            os.environ["OPENAI_API_KEY"] = "any"
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            error = shell.run_cell(case.cell).error_in_exec
    os.environ.pop("OPENAI_API_KEY", None)
    if isinstance(error, errors.ImagegenError):
        return error
    raise RuntimeError(f"this cell of errors.md did not fail as it should: {case.cell!r} ({error!r})")


@contextlib.contextmanager
def _server(script: str | None) -> Iterator[str]:
    """The address of a server that fails so; with `refuse`, of one that is gone."""
    if script is None:
        yield ""
        return
    with serve(simulator=Simulator(faults="" if script == "refuse" else script)) as server:
        address = server.url
        if script != "refuse":
            yield address
    if script == "refuse":
        yield address
