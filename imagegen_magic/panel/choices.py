"""What a model can do, as choices: what it can't is not offered."""

from __future__ import annotations

from imagegen_magic.facts.catalog import Catalog, Model
from imagegen_magic.facts.sizes import PRESETS, flexible_faults, read_pixels
from imagegen_magic.options.table import MODERATIONS, Option

__all__ = ["choices_of", "size_choices"]

SAME = ("2k", "2k-portrait")
"""Presets of the same pixels as `wide` and `tall`."""


def choices_of(option: Option, model: Model, catalog: Catalog) -> tuple[str, ...]:
    """The values that the model's data, or the table, allows; empty where anything may be typed."""
    by_model = {
        "model": tuple(m.id for m in catalog if m.state != "shut down"),
        "size": size_choices(model, catalog),
        "quality": model.qualities,
        "output_format": model.formats,
        "complexity": model.complexities,
        "input_fidelity": model.input_fidelity,
        "moderation": MODERATIONS,
    }
    suggested = option.suggests if isinstance(option.suggests, tuple) and option.name != "key_color" else ()
    return by_model.get(option.name) or option.choices or suggested


def size_choices(model: Model, catalog: Catalog) -> tuple[str, ...]:
    """`auto` and every preset that is legal on the model."""
    return ("auto", *(name for name, size in PRESETS.items() if name not in SAME and _legal(size, model, catalog)))


def _legal(size: str, model: Model, catalog: Catalog) -> bool:
    if size in model.sizes:
        return True
    return model.flexible_sizes and not flexible_faults(read_pixels(size) or (0, 0), catalog.limits.flexible)
