"""What the form offers, as data for the page: what the chosen model can't do is not there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from imagegen_magic.facts.catalog import Catalog, Model
from imagegen_magic.facts.sizes import read_pixels
from imagegen_magic.facts.use_cases import load_use_cases
from imagegen_magic.facts.words import prompt_fields
from imagegen_magic.options.options import Options
from imagegen_magic.options.profiles import Profile
from imagegen_magic.options.table import (
    CHECKS,
    CUTOUT,
    FILES,
    IMAGE,
    INPUTS,
    MODERATIONS,
    MONEY,
    OPTIONS,
    PROMPT,
    SERVER,
    SHOW,
    Option,
)

from .form import BACKGROUNDS

__all__ = ["describe"]

MAIN = ("model", "size", "quality", "n", "output_format", "profile")
ELSEWHERE = {
    *MAIN, *prompt_fields(), "background", "transparent", "image", "ref", "mask", "mask_box", "augment", "raw",
    "show_prompt", "dry_run", "yes", "detach", "quiet", "progress", "models_file", "dialect", "caption",
    "best_of", "until",
}  # fmt: skip
"""Options with a place of their own in the panel, or none."""
GROUPS = {
    IMAGE: "Image",
    PROMPT: "Prompt",
    INPUTS: "Edit",
    CUTOUT: "Cut-out",
    CHECKS: "Checks",
    FILES: "Files",
    MONEY: "Money and time",
    SHOW: "Display",
    SERVER: "Server",
}
"""The groups of the option table below More settings, in order."""
RATIOS = ("1:1", "3:2", "2:3", "4:3", "3:4", "16:9", "9:16", "2:1", "1:2")
SCALES = ("1k", "2k", "4k")


def describe(model: Model, catalog: Catalog, options: Options, profiles: Mapping[str, Profile]) -> dict[str, Any]:
    """The controls for a model, JSON-ready: choices, defaults, hints, and when each is shown.

    Args:
        options: what holds if the form says nothing: a chosen profile is one of the layers.
        profiles: those that can be chosen.
    """
    transparency = model.transparency in ("yes", "preview")
    return {
        "model": model.id,
        "models": [{"id": m.id, "use": m.use} for m in catalog if m.state != "shut down"],
        "defaults": {name: _plain(getattr(options, name)) for name in MAIN}
        | {"model": options.model or catalog.default},
        "profiles": [{"name": name, "sets": profile.summary()} for name, profile in sorted(profiles.items())],
        "qualities": list(model.qualities),
        "formats": list(model.formats),
        "backgrounds": [name for name in BACKGROUNDS if transparency or name != "native alpha"],
        "max_n": catalog.limits.max_n,
        "max_bytes": catalog.limits.max_input_bytes,
        "sizes": _sizes(model, catalog),
        "fields": [_field(name) for name in prompt_fields()],
        "more": [row for option in OPTIONS if _wanted(option) and (row := _row(option, model, options))],
    }


def _sizes(model: Model, catalog: Catalog) -> dict[str, Any]:
    """Which sizes there are: ratios and scales under a rule, or a few fixed ones."""
    rule = catalog.limits.flexible
    if model.flexible_sizes or not model.known:
        limits = {"multiple": rule.multiple, "max_edge": rule.max_edge, "min_pixels": rule.min_pixels}
        return {"rule": limits | {"max_pixels": rule.max_pixels, "max_ratio": rule.max_ratio}, "ratios": list(RATIOS),
                "scales": list(SCALES)}  # fmt: skip
    return {"rule": None, "fixed": [size for size in model.sizes if read_pixels(size)]}


def _field(name: str) -> dict[str, Any]:
    option = next(option for option in OPTIONS if option.name == name)
    choices = list(load_use_cases()) if name == "use_case" else []
    return {"name": name, "label": prompt_fields()[name], "kind": _kind(option, choices), "choices": choices,
            "hint": _hint(option)}  # fmt: skip


def _wanted(option: Option) -> bool:
    makes = bool({"generate", "edit"} & option.commands)
    return makes and option.name not in ELSEWHERE and option.group in GROUPS


def _row(option: Option, model: Model, options: Options) -> dict[str, Any] | None:
    """One control below More settings, or None if the model has no use for it."""
    if (
        option.name in ("complexity", "input_fidelity", "markup")
        and model.known
        and not getattr(model, {"complexity": "complexities"}.get(option.name, option.name))
    ):
        return None
    by_model = {"complexity": model.complexities, "input_fidelity": model.input_fidelity, "moderation": MODERATIONS}
    choices = list(by_model.get(option.name) or option.choices)
    return {
        "name": option.name, "label": option.name.replace("_", " "), "group": GROUPS[option.group],
        "kind": _kind(option, choices), "choices": choices, "hint": _hint(option), "default": _plain(getattr(options, option.name)),
        "when": _when(option),
    }  # fmt: skip


def _when(option: Option) -> str:
    """When a control means something: a word that the page knows."""
    if option.group == CUTOUT:
        return "cutout"
    if option.name in ("mask_invert", "protect"):
        return "mask"
    if option.group == INPUTS or option.name == "keep":
        return "edit"
    if option.name == "output_compression":
        return "compressed"
    first = option.name.partition("_")[0]
    return {"frame": "gif", "svg": "svg"}.get(first, "")


def _kind(option: Option, choices: list[str]) -> str:
    if option.kind == "flag":
        return "flag"
    if choices:
        return "choice"
    return "lines" if option.kind in ("list", "key_value", "ints") else "text"


def _hint(option: Option) -> str:
    return re.split(r"[;(]", option.help)[0].strip()


def _plain(value: Any) -> Any:
    """A default as JSON."""
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
