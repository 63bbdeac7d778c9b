"""What may be set as a default, and how a fault of one is worded where it was set. All that loading the extension needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from imagegen_magic.errors import Default, Fix, Problem, in_toml

from .table import BY_NAME, OPTIONS, Option

__all__ = ["ENV_PREFIX", "SHELL_DEFAULTS", "config_options", "in_layer"]

ENV_PREFIX = "IMAGEGEN_"
SHELL_DEFAULTS: list[Callable[[], Mapping[str, Any]]] = []
"""Where a loaded extension hands out what `%config` set; at most one. Functions and panels follow it, too."""


def config_options() -> list[Option]:
    """The options that may be set as a default."""
    return [option for option in OPTIONS if option.config]


def in_layer(problem: Problem, origin: str) -> Problem:
    """A fault of a default, its name and its fix as they are written in that layer."""
    if problem.field not in BY_NAME:
        return replace(problem, where=origin)
    named = problem.fix.settings if isinstance(problem.fix, Fix) else ()
    value = (named and named[0].value) or ("true" if BY_NAME[problem.field].kind == "flag" else "…")
    if origin == "environment":
        variable = ENV_PREFIX + problem.field.upper()
        return replace(problem, where=origin, field=variable, fix=f"{variable}={value}, or unset it")
    fix = Fix(Default(problem.field, value)) if origin == "session" else f"{problem.field} = {in_toml(value)}"
    return replace(problem, where=origin, fix=fix)
