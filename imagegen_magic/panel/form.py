"""What stands in the panel's form, as plain data: it travels to the page and back, and says option values."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from imagegen_magic.errors import Problem
from imagegen_magic.options.profiles import NOT_IN_PROFILES
from imagegen_magic.options.values import read_values

__all__ = ["BACKGROUNDS", "Form", "InputRef"]

BACKGROUNDS: dict[str, dict[str, str]] = {
    "auto": {},
    "opaque": {"background": "opaque"},
    "cut-out": {"transparent": "chroma"},
    "two backdrops": {"transparent": "difference"},
    "native alpha": {"transparent": "native"},
}
"""The panel's one choice of what lies behind the subject, as options."""
ELSEWHERE = ("image", "ref", "mask", "mask_box", "background", "transparent", "reuse", "yes", "dry_run", "detach")
"""Options that have a place of their own in the form, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRef:
    """One input image: a path, a history reference or a variable, and its role."""

    ref: str
    role: str = ""

    @property
    def token(self) -> str:
        """As an option names it: `@hero`, `@hero:style`."""
        return f"{self.ref}:{self.role}" if self.role else self.ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form's values; what was not touched is not in `values`, so a cell copied from the panel stays short."""

    task: str = "generate"
    prompt: str = ""
    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Option values as texts, by the options' names."""
    background: str = "auto"
    images: tuple[InputRef, ...] = ()
    mask: str = ""
    boxes: str = ""
    lines: bool = False
    """Each line of the prompt is a prompt."""
    wildcards: bool = False
    """`{red|blue}` in the prompt stands for each of its words."""
    grid: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values to combine, by option: size, quality, model."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Form:
        """The form that the page sent; anything else in it is passed over."""
        images = tuple(InputRef(ref=str(i["ref"]), role=str(i.get("role", ""))) for i in data.get("images", ()))
        grid = {str(k): tuple(map(str, v)) for k, v in dict(data.get("grid") or {}).items() if v}
        return cls(
            task="edit" if data.get("task") == "edit" else "generate",
            prompt=str(data.get("prompt") or ""),
            name=str(data.get("name") or ""),
            values={str(k): v for k, v in dict(data.get("values") or {}).items() if v not in ("", None, [])},
            background=data["background"] if data.get("background") in BACKGROUNDS else "auto",
            images=images,
            mask=str(data.get("mask") or ""),
            boxes=str(data.get("boxes") or ""),
            lines=bool(data.get("lines")),
            wildcards=bool(data.get("wildcards")),
            grid=grid,
        )

    @classmethod
    def from_options(cls, prompt: str, values: Mapping[str, Any], *, task: str = "generate", name: str = "") -> Form:
        """The form that shows these option values, for example those of a history record."""
        images = [split_role(token) for token in (*(values.get("image") or ()), *(values.get("ref") or ()))]
        given = {key: values[key] for key in ("background", "transparent") if values.get(key)}
        background = next((label for label, means in BACKGROUNDS.items() if means == given), "auto")
        return cls(
            task=task, prompt=prompt, name=name, background=background, images=tuple(images),
            values={key: _text(value) for key, value in values.items() if key not in ELSEWHERE},
            mask=str(values.get("mask") or ""), boxes="; ".join(map(str, values.get("mask_box") or ())),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The form for the page."""
        return asdict(self)

    def options(self) -> tuple[dict[str, Any], list[Problem]]:
        """(typed option values, every value that can't be read)."""
        raw = {**self.values, **BACKGROUNDS[self.background]}
        tokens = [image.token for image in self.images]
        if tokens:
            raw["image" if self.task == "edit" else "ref"] = tokens
        if self.task == "edit" and self.mask:
            raw["mask"] = self.mask
        if self.task == "edit" and self.boxes.strip():
            raw["mask_box"] = [box.strip() for box in self.boxes.split(";") if box.strip()]
        if "{{" in self.prompt:
            raw["raw"] = True  # a panel never evaluates what is typed into it
        return read_values(raw)

    def profile_values(self) -> dict[str, Any]:
        """What a profile of this form keeps, as texts: its settings, background and references, not its prompt or name."""
        kept = {name: value for name, value in self.values.items() if name not in NOT_IN_PROFILES}
        refs = [image.token for image in self.images] if self.task == "generate" else []
        return {**kept, **BACKGROUNDS[self.background], **({"ref": refs} if refs else {})}

    def with_profile(self, name: str, kept: Container[str]) -> Form:
        """The form with a profile in place of what the profile keeps."""
        values = {key: value for key, value in self.values.items() if key not in kept}
        images = self.images if self.task == "edit" else ()
        return replace(self, values={**values, "profile": name}, background="auto", images=images)

    def with_values(self, prompt: str, **values: Any) -> Form:
        """One job of many: its own prompt and values, and nothing left to expand."""
        return replace(self, prompt=prompt, values={**self.values, **values}, lines=False, wildcards=False, grid={})


def _text(value: Any) -> Any:
    """An option's value as the form holds it: texts, lists of texts, and flags."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return [f"{key}={item}" for key, item in value.items()]
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else str(value)


def split_role(token: Any) -> InputRef:
    """An input image as an option names it, taken apart."""
    from imagegen_magic.images.opening import parse_token  # noqa: PLC0415 - Pillow comes with the first picture

    parsed = parse_token(token)
    return InputRef(ref=str(parsed.reference), role=parsed.role)
