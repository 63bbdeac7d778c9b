"""Problems and errors in the panel's words: labels in place of flags, and buttons that do what the fix says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from imagegen_magic.errors import BudgetError, Command, Default, Fix, ImagegenError, Problem, Setting, Words
from imagegen_magic.options.words import option_of
from imagegen_magic.redaction import redact

__all__ = ["card", "label_of", "message", "money_problem"]

LABELS = {"n": "count", "output_format": "format", "NAME": "name", "mask_box": "mask box"}
"""What the panel calls an option, if that is not its own name."""
SIMULATOR = {"label": "Use the simulator", "set": {"backend": "simulator"}}


def label_of(name: str) -> str:
    """What the panel calls an option."""
    return LABELS.get(name, name.replace("_", " "))


class _PanelWords(Words):
    """Labels in place of flags; commands have no place here, so what names one is left out before."""

    def setting(self, setting: Setting) -> str:
        option = option_of(setting)
        return f"{label_of(option.name) if option else setting.flag} {setting.value}".rstrip()

    def prompt(self) -> str:
        return "write it into the prompt field"


WORDS = _PanelWords()
NO_CONTROL = {"yes", "dry_run"}
"""Options that the panel has no control for."""


def message(problem: Problem) -> dict[str, Any]:
    """A problem for the page: its field, a sentence, and buttons that set what the fix names."""
    settings = problem.fix.settings if isinstance(problem.fix, Fix) else ()
    buttons = [button for setting in settings for button in _buttons(setting)]
    rule, fix = WORDS.render(problem.rule), WORDS.render(problem.fix)
    sentence = f"{rule}. {fix[0].upper()}{fix[1:]}" if fix and not settings and _can_be_shown(problem.fix) else rule
    text = redact(sentence)
    return {"field": problem.field, "label": label_of(problem.field), "text": text, "buttons": buttons}


def _can_be_shown(text: str) -> bool:
    """True if a sentence names nothing that only a cell or a command line has."""
    parts = text.parts if isinstance(text, Fix) else ()
    named = {option.name for part in parts if isinstance(part, Setting) and (option := option_of(part))}
    begins = bool(parts) and isinstance(parts[0], Setting)
    return not begins and not named & NO_CONTROL and not any(isinstance(part, (Command, Default)) for part in parts)


def _buttons(setting: Setting) -> list[dict[str, Any]]:
    """A button for each value of a setting that a fix names; none if the panel has no place for it."""
    option = option_of(setting)
    if option is None:
        return []
    if option.kind == "flag" or (option.kind == "optional" and not setting.value):
        on = not setting.flag.startswith("--no-")
        return [{"label": f"Switch {label_of(option.name)} {'on' if on else 'off'}", "set": {option.name: on}}]
    return [
        {"label": f"Use {value}", "set": {option.name: value}}
        for value in (setting.value, *setting.others)
        if value and not value.isupper() and value != "…"
    ]


def money_problem(error: BudgetError, high: Any) -> dict[str, Any]:
    """A limit that a request would break, with the button that raises it."""
    buttons = []
    if high is not None and "session_max_cost" not in error.summary:
        limit = f"{high:.3f}"
        buttons = [{"label": f"Raise the limit to ${limit}", "set": {"max_cost": limit}}]
    text = error.summary.replace("session_max_cost", "the limit of this session").replace("max_cost", "your limit")
    return {"field": "max_cost", "label": "max cost", "text": redact(text), "buttons": buttons}


def card(error: BaseException) -> dict[str, Any]:
    """An error as the panel shows it: a title, lines below it, and buttons."""
    if not isinstance(error, ImagegenError):
        lines = ["This was not expected: a fault of a callback or of the panel."]
        return {"kind": "error", "title": redact(f"{type(error).__name__}: {error}"), "lines": lines, "buttons": []}
    messages = [message(problem) for problem in error.problems]
    lines = [f"{m['label']}: {m['text']}" if m["field"] else m["text"] for m in messages]
    lines += [WORDS.render(hint) for hint in error.hints if _can_be_shown(hint)]
    lines += [line.strip() for line in error.card_lines() if line.startswith(("  (", "  kept", "  request id"))]
    buttons = [button for m in messages for button in m["buttons"]]
    if type(error).__name__ == "AuthenticationError":
        buttons.append(SIMULATOR)
    return {
        "kind": type(error).__name__,
        "title": redact(WORDS.render(error.summary)),
        "lines": _unique(lines),
        "buttons": buttons,
    }


def _unique(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(redact(line) for line in lines))
