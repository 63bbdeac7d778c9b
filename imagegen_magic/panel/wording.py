"""Problems and errors in the panel's words: labels in place of flags, and buttons that do what the fix says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from imagegen_magic.errors import BudgetError, Fix, ImagegenError, Problem
from imagegen_magic.options.values import BY_NAME
from imagegen_magic.redaction import redact

__all__ = ["card", "label_of", "message", "money_problem"]

LABELS = {"n": "count", "output_format": "format", "NAME": "name", "mask_box": "mask box"}
"""What the panel calls an option, if that is not its own name."""
_FLAG = re.compile(r"--([a-z][a-z-]*)(?:[ =](\"[^\"]*\"|'[^']*'|[\w.:%@#/+-]+))?")
_COMMANDS = re.compile(r"^%|^-|run it again|without .*kernel")
SIMULATOR = {"label": "Use the simulator", "set": {"backend": "simulator"}}


def label_of(name: str) -> str:
    """What the panel calls an option."""
    return LABELS.get(name, name.replace("_", " "))


def message(problem: Problem) -> dict[str, Any]:
    """A problem for the page: its field, a sentence, and buttons that set what the fix names."""
    buttons = _buttons(Fix.of(problem.fix))
    fix = "" if buttons or _FLAG.search(problem.fix) or not problem.fix else problem.fix
    sentence = f"{problem.rule}. {fix[0].upper()}{fix[1:]}" if fix and not _COMMANDS.search(fix) else problem.rule
    return {"field": problem.field, "label": label_of(problem.field), "text": _plain(sentence), "buttons": buttons}


def _buttons(fix: Fix) -> list[dict[str, Any]]:
    """A button for each option that a fix names: its parts where it has some, else the flags in its sentence."""
    if fix.option:
        named: list[tuple[str, str | None]] = [(fix.option, value) for value in fix.values or (None,)]
    else:
        named = [(found[1], found[2]) for found in _FLAG.finditer(fix)]
    return [button for flag, value in named if (button := _button(flag, value))]


def _button(flag: str, value: str | None) -> dict[str, Any] | None:
    """A button for one flag of a fix; None if the panel has no place for it."""
    name = flag.replace("-", "_")
    if name not in BY_NAME or (value is None and BY_NAME[name].kind != "flag"):
        return None
    word = (value or "").strip("\"'")
    if word.isupper() or "|" in word or word in ("…", "X,Y,W,H"):
        return None
    return {"label": f"Use {word}" if value else f"Switch {label_of(name)} on", "set": {name: word or True}}


def _plain(text: str) -> str:
    """A sentence without flags: `--size` reads as size."""
    return redact(
        _FLAG.sub(lambda found: label_of(found[1].replace("-", "_")) + (f" {found[2]}" if found[2] else ""), text)
    )


def money_problem(error: BudgetError, high: Any) -> dict[str, Any]:
    """A limit that a request would break, with the button that raises it."""
    buttons = []
    if high is not None and "session_max_cost" not in error.summary:
        limit = f"{high:.3f}"
        buttons = [{"label": f"Raise the limit to ${limit}", "set": {"max_cost": limit}}]
    text = error.summary.replace("session_max_cost", "the limit of this session").replace("max_cost", "your limit")
    return {"field": "max_cost", "label": "max cost", "text": _plain(text), "buttons": buttons}


def card(error: BaseException) -> dict[str, Any]:
    """An error as the panel shows it: a title, lines below it, and buttons."""
    if not isinstance(error, ImagegenError):
        lines = ["This was not expected: a fault of a callback or of the panel."]
        return {"kind": "error", "title": redact(f"{type(error).__name__}: {error}"), "lines": lines, "buttons": []}
    messages = [message(problem) for problem in error.problems]
    lines = [f"{m['label']}: {m['text']}" if m["field"] else m["text"] for m in messages]
    lines += [_plain(hint) for hint in error.hints if not _COMMANDS.search(hint)]
    lines += [line.strip() for line in error.card_lines() if line.startswith(("  (", "  kept", "  request id"))]
    buttons = [button for m in messages for button in m["buttons"]]
    if type(error).__name__ == "AuthenticationError":
        buttons.append(SIMULATOR)
    return {"kind": type(error).__name__, "title": _plain(error.summary), "lines": _unique(lines), "buttons": buttons}


def _unique(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(redact(line) for line in lines))
