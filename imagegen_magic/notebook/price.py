"""What a cell would cost, for its edge in the editor: asked by the front end while the cell is written."""

from __future__ import annotations

import json
import re
from typing import Any

from IPython.core.getipython import get_ipython

from imagegen_magic.api import default_session
from imagegen_magic.errors import CELL_WORDS, ImagegenError
from imagegen_magic.options.line import ParsedLine, parse_line
from imagegen_magic.options.names import doubtful_name

from .batch_cells import plan_batch_cell
from .cells import refuse_unfilled
from .head import join_head, stray_flags

__all__ = ["cell_price", "edge_price"]

_CELL = re.compile(
    r"(?:\s*\n)?(?P<indent>[ \t]*)%%imagegen(?P<kind>_edit|_batch|_sprites)?(?P<line> [^\n]*)?(\n(?P<body>.*))?\Z",
    re.DOTALL,
)
"""A cell of ours. IPython drops empty lines above it, and its indentation."""
_COMMANDS = {None: "generate", "_edit": "edit", "_batch": "batch", "_sprites": "sprites"}
_VARIABLE = re.compile(r"\{\{.*?\}\}", re.DOTALL)


class _Json(str):
    """JSON text whose repr is itself: what a kernel answers to a user expression is a repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def edge_price(text: str) -> str:
    """`cell_price` with this kernel's session and shell: what the JupyterLab extension asks for."""
    return cell_price(default_session(), get_ipython(), text)


def cell_price(session: Any, shell: Any, text: str) -> str:
    """JSON of `text` (a few words), `title` (more of them) and `wrong` (true if the cell would end in a card).

    A dry run: nothing is sent or written, and no `{{ expr }}` is run, since a person is still typing it. `text` is empty if
    nothing can be said: no cell of ours, nothing typed yet, a line with `{{ expr }}`, a file or a variable with the rows.

    Args:
        session: the session whose settings and history hold.
        shell: IPython's shell, for the variables that `-i` may mean.
        text: the cell's whole text.
    """
    found = _CELL.match(text)
    if found is None or not (found["body"] or "").strip():
        return _answer("")
    body = re.sub(f"^{found['indent']}", "", found["body"], flags=re.MULTILINE)
    line, body = join_head((found["line"] or "").strip(), body)
    if "{{" in line or not body.strip():
        return _answer("")
    try:
        parsed = parse_line(line, _COMMANDS[found["kind"]], variables={})
        if parsed.help or parsed.values.get("source") is not None:
            return _answer("")
        refuse_unfilled(line, body, parsed, _COMMANDS[found["kind"]], shell.user_ns)
        return _priced(session, shell, _COMMANDS[found["kind"]], parsed, _VARIABLE.sub("…", body.rstrip("\n")))
    except ImagegenError as error:
        lines = error.card_lines(CELL_WORDS)
        return _answer("will not run", "\n".join(lines), wrong=True)


def _priced(session: Any, shell: Any, command: str, parsed: ParsedLine, body: str) -> str:
    if command == "batch":
        plan = plan_batch_cell(session, shell, parsed, body, "")
        return _answer(plan.estimate.on(session.options(parsed.values).backend), plan.summary())
    stray = [] if parsed.values.get("raw") else stray_flags(body)
    problems = (*parsed.problems, *doubtful_name(parsed.name, shell.user_ns), *stray)
    job = session.plan(
        body,
        parsed.values,
        command=command,
        name=parsed.name,
        problems=problems,
        variables=shell.user_ns,
        in_batch=True,
    )
    what = f"{job.request.count} x {job.request.model}, {job.request.size or 'auto'}: {job.estimate}, an estimate"
    words = [what, *map(CELL_WORDS.render, job.warnings)]
    return _answer(job.estimate.on(job.options.backend), "\n".join(words))


def _answer(text: str, title: str = "", *, wrong: bool = False) -> str:
    return _Json(json.dumps({"text": text, "title": title, "wrong": wrong}))
