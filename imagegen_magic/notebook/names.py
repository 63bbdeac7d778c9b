"""A cell's NAME that was hardly meant as one: an option's value whose flag is missing, or a builtin of Python."""

from __future__ import annotations

import builtins

from imagegen_magic.errors import Fix, Problem, Setting
from imagegen_magic.facts.sizes import PRESETS
from imagegen_magic.options.table import OPTIONS

__all__ = ["doubtful_name"]

_FREE = frozenset({"key_color"})
"""Options whose values are ordinary names for an image: `blue`."""


def doubtful_name(name: str | None) -> list[Problem]:
    """What is doubtful about a cell's NAME; asked before anything is paid for.

    >>> doubtful_name("low")[0].fix
    '--quality low'
    """
    if name is None:
        return []
    for option in OPTIONS:
        suggested = option.suggests if isinstance(option.suggests, tuple) else ()
        presets = PRESETS if option.name == "size" else ()
        if name in (*option.choices, *suggested, *presets) and option.name not in _FREE:
            rule = f"this is a value of {option.flags[-1]}, and would become the result's name"
            return [Problem(field="NAME", value=name, rule=rule, fix=Fix(Setting(option.flags[-1], name)))]
    if not hasattr(builtins, name):
        return []
    rule = "this is a builtin of Python, which the result would hide"
    return [Problem(field="NAME", value=name, rule=rule, fix=f"another name, for example {name}_image")]
