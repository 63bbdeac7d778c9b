"""The panel's controls, made from the option table and a model's data, and the option values that they say.

A control that was not touched says nothing, so a cell copied from the panel holds only what was chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as W  # noqa: N812 - the name that its own documentation uses

from imagegen_magic.errors import Problem
from imagegen_magic.facts.catalog import Catalog, Model
from imagegen_magic.facts.sizes import PRESETS, read_pixels
from imagegen_magic.facts.use_cases import load_use_cases
from imagegen_magic.facts.words import prompt_fields
from imagegen_magic.options.options import Options
from imagegen_magic.options.table import (
    CUTOUT,
    FILES,
    IMAGES,
    MONEY,
    OPTIONS,
    PICTURE,
    PROMPT,
    SERVER,
    SHOW,
    Option,
)
from imagegen_magic.options.values import BY_NAME, read_values

from .card import Guard
from .choices import choices_of
from .controls import Control, control_for

if TYPE_CHECKING:
    from imagegen_magic.session import Session

__all__ = ["Form", "Spoken", "split_role"]

BACKDROPS: dict[str, dict[str, str]] = {
    "auto": {},
    "opaque": {"background": "opaque"},
    "cut-out": {"transparent": "chroma"},
    "two backdrops": {"transparent": "difference"},
    "native alpha": {"transparent": "native"},
}
"""The panel's one choice of what lies behind the subject, as options."""
MAIN = ("model", "size", "quality", "n", "output_format")
MORE: dict[str, str] = {
    PICTURE: "More about the picture",
    CUTOUT: "Cut-out",
    FILES: "Files",
    MONEY: "Money and time",
    SHOW: "Display",
    SERVER: "Server",
}
"""The groups of the option table below "Advanced", in order."""
ELSEWHERE = {
    *MAIN, *prompt_fields(), "background", "transparent", "image", "ref", "mask", "mask_box", "augment", "raw",
    "show_prompt", "dry_run", "yes", "detach", "quiet", "progress", "models_file", "dialect", "text",
}  # fmt: skip
"""Options with a place of their own in the panel, or none: what they say is the panel's business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What the form says: enough to plan a job, and to write a cell."""

    command: str
    prompt: str
    name: str | None
    values: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()


class Form:
    """Every control of the panel, and what they say together.

    Args:
        session: whose defaults and catalog the controls show.
        on_change: called after every change that a person or `write` made.
        guard: wraps a callback so that what goes wrong in it is shown.
    """

    def __init__(self, session: Session, on_change: Callable[[], None], *, guard: Guard) -> None:
        self._session = session
        self._options: Options = session.options({})
        self._catalog: Catalog = session.catalog(self._options)
        self._on_change, self._guard = on_change, guard
        self.notes = ""
        """What gave way when the model was changed."""
        self.mode = W.ToggleButtons(options=["Generate", "Edit", "History"], value="Generate")
        self.prompt = W.Textarea(
            description="prompt", placeholder="A ceramic mug on a walnut desk, soft window light from the left.", rows=4
        )
        self.prompt.add_class("imagegen-prompt")
        self.name = W.Text(description="name", placeholder="hero: binds the result, and names the file")
        self.size_text = W.Text(description="or W x H", placeholder="1600x1200 or 16:9@2k")
        self.size_said = W.HTML()
        """The size that the request asks for."""
        self.size_said.add_class("imagegen-hint")
        self.backdrop = W.ToggleButtons(description="background", options=list(BACKDROPS), value="auto")
        self.controls = {option.name: self._control(option) for option in OPTIONS if self._wanted(option)}
        self.fields = {name: self._field(name) for name in prompt_fields()}
        self.add_field = W.Dropdown(options=[("+ add a field", ""), *self._fields_left()], value="")
        self.images: list[tuple[str, str]] = []
        """(reference, role) of every input picture."""
        self.mask: str = ""
        self.boxes = W.Text(description="box", placeholder="x,y,w,h in px or %, for example 0,0,100%,45%")
        self._groups: dict[str, W.VBox] = {}
        self._wire()
        self.fit()

    # making

    def _wanted(self, option: Option) -> bool:
        makes = bool({"generate", "edit"} & option.commands)
        return (makes and (option.name in MAIN or (option.name not in ELSEWHERE and option.group != PROMPT))) or option.name == "keep"  # fmt: skip

    def _control(self, option: Option) -> Control:
        default = getattr(self._options, option.name)
        model = self._catalog.get(self._options.model)
        if option.name == "size":
            return control_for(option, default or "auto", choices_of(option, model, self._catalog))
        if option.name == "n":
            return control_for(option, 1, tuple(range(1, self._catalog.limits.max_n + 1)))
        return control_for(option, default, choices_of(option, model, self._catalog))

    def _field(self, name: str) -> Control:
        option = BY_NAME[name]
        choices = tuple(load_use_cases()) if name == "use_case" else ()
        control = control_for(option, None, choices)
        control.widget.description = prompt_fields()[name].lower()
        control.show(visible=False)
        return control

    def _wire(self) -> None:
        watched = [self.mode, self.prompt, self.name, self.size_text, self.backdrop, self.boxes]
        watched += [control.widget for control in (*self.controls.values(), *self.fields.values())]
        for widget in watched:
            widget.observe(self._guard(self._changed), "value")
        for widget in (self.prompt, self.name, self.size_text, self.boxes, self.backdrop):
            widget.style.description_width = "initial"
        self.add_field.observe(self._guard(self._add_field), "value")

    def _add_field(self, change: Mapping[str, Any]) -> None:
        if change["new"]:
            self.fields[change["new"]].show(visible=True)
            self.add_field.options = [("+ add a field", ""), *self._fields_left()]
            self.add_field.value = ""

    def _fields_left(self) -> list[tuple[str, str]]:
        return [(prompt_fields()[name].lower(), name) for name, control in self.fields.items() if not control.shown]

    def _changed(self, change: Mapping[str, Any]) -> None:
        if change["owner"] is self.controls["model"].widget:
            self.narrow()
        self.fit()
        self._on_change()

    # following the model

    @property
    def model(self) -> Model:
        """The model chosen."""
        return self._catalog.get(str(self.controls["model"].widget.value or self._options.model))

    @property
    def command(self) -> str:
        """`edit` where a picture is edited, else `generate`."""
        return "edit" if self.mode.value == "Edit" else "generate"

    def narrow(self) -> None:
        """Offers what the chosen model has; what it can't do gives way, and `notes` says so."""
        model, said = self.model, []
        for name in ("size", "quality", "output_format", "complexity", "input_fidelity"):
            control = self.controls[name]
            choices = choices_of(control.option, model, self._catalog)
            if choices and hasattr(control.widget, "options"):
                said.append(control.narrow(choices, model))
        backdrops = [name for name in BACKDROPS if name != "native alpha" or model.transparency in ("yes", "preview")]
        if list(self.backdrop.options) != backdrops:
            before = self.backdrop.value
            self.backdrop.options = backdrops
            self.backdrop.value = before if before in backdrops else "auto"
            said += (
                [] if before in backdrops else [f"background {before} → auto: {model.id} has no native transparency"]
            )
        self.notes = "; ".join(note for note in said if note)

    def fit(self) -> None:
        """Shows the controls that mean something now, and hides the others."""
        model, form = self.model, self.controls["output_format"].widget.value or "png"
        edits = self.command == "edit"
        masked = edits and bool(self.mask or self.boxes.value.strip())
        cuts = BACKDROPS[self.backdrop.value].get("transparent") in ("chroma", "difference")
        visible = {
            "complexity": bool(model.complexities) or not model.known,
            "input_fidelity": edits and (bool(model.input_fidelity) or not model.known),
            "markup": edits and (model.markup or not model.known),
            "mask_invert": masked,
            "protect": masked,
            "keep": edits,
            "output_compression": form in ("jpeg", "webp"),
        }
        for name, control in self.controls.items():
            shown = visible.get(name, True)
            shown = shown and (not name.startswith("frame_") or form == "gif")
            shown = shown and (not name.startswith("svg_") or form == "svg")
            shown = shown and (control.option.group != CUTOUT or cuts)
            control.show(visible=shown)
        for group, box in self._groups.items():
            box.layout.display = None if any(c.shown for c in self._below_advanced(group)) else "none"

    # saying

    def speak(self) -> Spoken:
        """What the form says now; numbers and the like that can't be read are problems."""
        controls = [*self.controls.values(), *self.fields.values()]
        raw = {c.option.name: value for c in controls if c.shown and (value := c.read()) is not None}
        if self.size_text.value.strip():
            raw["size"] = self.size_text.value.strip()
        raw |= BACKDROPS[self.backdrop.value]
        raw |= self._pictures()
        if "{{" in self.prompt.value:
            raw["raw"] = True  # a panel never evaluates what is typed into it
        values, problems = read_values(raw)
        return Spoken(
            command=self.command,
            prompt=self.prompt.value.strip(),
            name=self.name.value.strip() or None,
            values=values,
            problems=tuple(problems),
        )

    def _pictures(self) -> dict[str, Any]:
        tokens = [f"{reference}:{role}" if role else reference for reference, role in self.images]
        raw: dict[str, Any] = {("image" if self.command == "edit" else "ref"): tokens} if tokens else {}
        if self.command == "edit" and self.mask:
            raw["mask"] = self.mask
        if self.command == "edit" and self.boxes.value.strip():
            raw["mask_box"] = [box.strip() for box in self.boxes.value.split(";") if box.strip()]
        return raw

    def hear(self, prompt: str, values: Mapping[str, Any], *, name: str = "", edits: bool = False) -> None:
        """Shows a prompt and option values in the controls, in place of what they showed."""
        values = dict(values)
        self.mode.value = "Edit" if edits else "Generate"
        self.prompt.value, self.name.value = prompt, name
        mode = values.pop("transparent", None)
        background = values.pop("background", None)
        said = {"transparent": mode} if mode else {"background": background} if background == "opaque" else {}
        self.backdrop.value = next((label for label, meant in BACKDROPS.items() if meant == said), "auto")
        self.images = [split_role(token) for token in (*values.pop("image", ()), *values.pop("ref", ()))]
        self.mask = str(values.pop("mask", "") or "")
        self.boxes.value = "; ".join(values.pop("mask_box", None) or ())
        self._hear_size(values.pop("size", None))
        self.controls["model"].write(values.pop("model", None))
        for control_name, control in self.controls.items():
            if control_name not in ("model", "size"):
                control.write(values.get(control_name))
        for field, control in self.fields.items():
            control.write(values.get(field))
            control.show(visible=control.shown or bool(values.get(field)))
        self.add_field.options = [("+ add a field", ""), *self._fields_left()]

    def _hear_size(self, size: str | None) -> None:
        control = self.controls["size"]
        offered = [value for _, value in control.widget.options]
        named = next((name for name in offered if name == size or PRESETS.get(name) == size), None)
        control.write(named)
        self.size_text.value = "" if named or size is None else size

    def restore(self, spoken: Spoken) -> None:
        """Shows again what was said."""
        self.hear(spoken.prompt, spoken.values, name=spoken.name or "", edits=spoken.command == "edit")

    def show_problems(self, problems: Iterable[Problem]) -> list[Problem]:
        """Puts each problem beside its control; returns those that have none."""
        rows = {**self.controls, **self.fields}
        left, by_row = [], {name: [] for name in rows}  # type: ignore[var-annotated]
        for problem in problems:
            (by_row[problem.field] if problem.field in rows and rows[problem.field].shown else left).append(problem)
        for name, found in by_row.items():
            rows[name].say(found)
        return left

    def show_size(self, size: str | None) -> None:
        """Says what a legal size comes to, or nothing."""
        pixels = read_pixels(size or "")
        self.size_said.value = f"{pixels[0]} x {pixels[1]} · {pixels[0] * pixels[1] / 1e6:.1f} MP ✓" if pixels else ""

    def settings(self) -> list[W.Widget]:
        """The rows of everybody's settings."""
        rows = {name: self.controls[name].row for name in MAIN}
        size = W.VBox([rows["size"], self.size_text, self.size_said])
        return [rows["model"], size, rows["quality"], rows["n"], rows["output_format"], self.backdrop, self.name]

    def field_rows(self) -> list[W.Widget]:
        """The rows of the prompt's fields, hidden until they are asked for."""
        return [control.row for control in self.fields.values()]

    def more(self) -> list[W.Widget]:
        """Everything below "Advanced", a box for each of the table's groups."""
        for group, title in MORE.items():
            self._groups[group] = W.VBox([W.HTML(f"<b>{title}</b>"), *(c.row for c in self._below_advanced(group))])
            self._groups[group].add_class("imagegen-group")
        self.fit()
        return list(self._groups.values())

    def _below_advanced(self, group: str) -> list[Control]:
        return [c for name, c in self.controls.items() if c.option.group == group and name not in MAIN]

    def edit_rows(self) -> list[W.Widget]:
        """The rows that only an edit has, beside its pictures and mask."""
        names = [name for name, c in self.controls.items() if c.option.group == IMAGES or name == "keep"]
        return [self.controls[name].row for name in names]


def split_role(token: Any) -> tuple[str, str]:
    """(reference, role) of an input picture as an option names it."""
    from imagegen_magic.images.opening import parse_token  # noqa: PLC0415 - Pillow comes with the first picture

    parsed = parse_token(token)
    return str(parsed.reference), parsed.role
