"""One option's control: a widget with its message below, made as the option's kind asks for; and boxes to put them in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import ipywidgets as W  # noqa: N812 - the name that its own documentation uses

from imagegen_magic.errors import Problem
from imagegen_magic.facts.catalog import Model
from imagegen_magic.facts.sizes import PRESETS, read_pixels
from imagegen_magic.options.table import Option

__all__ = ["Control", "close", "control_for", "fill", "line"]

SHORT = {"n": "count", "output_format": "format", "avoid": "avoid", "input_fidelity": "fidelity"}
"""Labels that are not the option's own name."""
FEW = 10
"""Up to this many choices stand side by side; more are a list."""


class Control:
    """One option's widget with its message below; says the option's value, or None where it is left alone."""

    def __init__(self, option: Option, widget: W.ValueWidget, *, default: Any = None, label: str = "") -> None:
        self.option = option
        self.widget = widget
        self.default = default
        widget.description = label or SHORT.get(option.name) or option.name.replace("_", " ")
        widget.tooltip = option.help
        widget.style.description_width = "initial"
        self.message = W.HTML(layout=W.Layout(display="none"))
        self.message.add_class("imagegen-fault")
        self.row = W.VBox([widget, self.message])
        self.row.add_class("imagegen-row")

    def read(self) -> Any:
        """The raw value, as a flag's text would be; None where it is the default or empty."""
        value = self.widget.value
        if value == self.default or value in ("", None, ()):
            return None
        return value.splitlines() if isinstance(self.widget, W.Textarea) and self.option.kind != "text" else value

    def write(self, value: Any) -> None:
        """Shows a value; None is the default. A value that is no choice is added to the choices."""
        if value is None:
            self.widget.value = self.default
        elif isinstance(self.widget, (W.Text, W.Textarea)):
            lines = [f"{k}={v}" for k, v in value.items()] if isinstance(value, Mapping) else value
            self.widget.value = "\n".join(map(str, lines)) if isinstance(lines, (list, tuple)) else str(value)
        else:
            self._offer(value)
            self.widget.value = value

    def _offer(self, value: Any) -> None:
        options = getattr(self.widget, "options", None)
        if options is not None and value not in [item[1] if isinstance(item, tuple) else item for item in options]:
            self.widget.options = (*options, (str(value), value))

    def narrow(self, choices: tuple[str, ...], model: Model) -> str:
        """Offers other choices; a sentence where the value shown is none of them and gave way."""
        offered, start = offer(choices, self.default)
        if list(self.widget.options) == offered:
            return ""
        before, values = self.widget.value, [value for _, value in offered]
        self.widget.options = offered
        self.widget.value = before if before in values else start
        if before in values:
            return ""
        return f"{self.widget.description} {before} → {start or 'default'}: {model.id} has {', '.join(choices)}"

    def say(self, problems: Iterable[Problem]) -> None:
        """Shows what is wrong with this value beside it, or nothing."""
        text = "<br>".join(escape(_sentence(problem)) for problem in problems)
        self.message.value = text
        self.message.layout.display = None if text else "none"

    def show(self, visible: bool) -> None:
        """Puts the row there, or takes it away; a hidden control says nothing."""
        self.row.layout.display = None if visible else "none"

    @property
    def shown(self) -> bool:
        """True where the row is there."""
        return bool(self.row.layout.display != "none")


def _sentence(problem: Problem) -> str:
    return f"{problem.rule}{f' · fix: {problem.fix}' if problem.fix else ''}"


def offer(choices: Iterable[Any], default: Any) -> tuple[list[tuple[str, Any]], Any]:
    """A widget's options, and where it starts: a default that is no choice is offered as leaving it alone."""
    offered = [(_label(choice), choice) for choice in choices]
    if default in [choice for _, choice in offered]:
        return offered, default
    return [("default", ""), *offered], ""


def _label(choice: Any) -> str:
    """What a choice is called; a size's name has its shape before it."""
    pixels = read_pixels(PRESETS.get(choice, ""))
    if pixels is None:
        return str(choice)
    width, height = pixels
    return f"{'□' if width == height else '▭' if width > height else '▯'} {choice}"


def control_for(option: Option, default: Any, choices: tuple[Any, ...] = ()) -> Control:
    """The control that an option's kind asks for; `choices` are what the model or the table allows."""
    if option.kind == "flag":
        return Control(option, W.Checkbox(value=bool(default), indent=False), default=bool(default))
    if choices:
        offered, start = offer(choices, default)
        few = len(choices) <= FEW and option.name not in ("model", "n")
        return Control(option, (W.ToggleButtons if few else W.Dropdown)(options=offered, value=start), default=start)
    what = re.split(r"[;(]", option.help)[0].strip()
    hint = f"{default} · {what}" if default is not None else what
    if option.kind in ("list", "key_value", "ints"):
        return Control(option, W.Textarea(placeholder=f"{hint} · one a line", rows=2), default="")
    return Control(option, W.Text(placeholder=hint), default="")


def line(css: str, *children: W.Widget) -> W.HBox:
    """Widgets in a row, with a class for the style sheet."""
    box = W.HBox(children)
    box.add_class(css)
    return box


def fill(box: W.Box, *children: W.Widget) -> None:
    """Shows `children` in a box and closes what it held before, which would stay in the notebook's saved state."""
    before = box.children
    box.children = children
    for widget in before:
        if widget not in children:
            close(widget)


def close(widget: W.Widget) -> None:
    """Closes a widget with everything inside it."""
    for child in getattr(widget, "children", ()):
        close(child)
    parts = [part for name in ("layout", "style") if isinstance(part := getattr(widget, name, None), W.Widget)]
    widget.close()
    for part in parts:
        part.close()
