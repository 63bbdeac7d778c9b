"""A cell's NAME: that Python takes it, and that it was hardly meant as something else."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from keyword import iskeyword
from types import BuiltinFunctionType, FunctionType, ModuleType

from imagegen_magic.errors import Command, Fix, Problem, Setting
from imagegen_magic.facts.catalog import load_catalog
from imagegen_magic.facts.sizes import read_pixels

from .hints import option_of_value

__all__ = ["doubtful_name", "name_problems"]

_FREE = frozenset({"key_color"})
"""Options whose values are ordinary names for an image: `blue`."""
_OF_IPYTHON = frozenset({"In", "Out", "exit", "quit", "_", "__", "___"})
_IMAGE_FILE = re.compile(r"[^:*?\"<>|]+\.(png|jpe?g|webp|gif|svg)", re.IGNORECASE)


def name_problems(name: str | None) -> list[Problem]:
    """What is wrong with a NAME that Python does not take, and what it was meant as; None is none given.

    >>> name_problems("my-fox")[0].fix
    'for example my_fox'
    >>> name_problems("1024x1024")[0].fix
    '--size 1024x1024'
    """
    rule = "must be a Python name, because the result is bound to it"
    fix: str
    if name is not None and not isinstance(name, str):  # from Python
        return [Problem(field="NAME", value=name, rule=rule, fix='a text, for example "hero"')]
    if name is None or (name.isidentifier() and not iskeyword(name)):
        return []
    if iskeyword(name):
        rule, fix = "must be a Python name, and this is a keyword of Python", f"another name, for example {name}_image"
    elif read_pixels(name) or re.fullmatch(r"\d+:\d+(@[124]k)?|[24]k", name):
        fix = Fix(Setting("--size", name))
    elif name in load_catalog().ids():
        fix = Fix(Setting("--model", name))
    elif _IMAGE_FILE.fullmatch(name):
        fix = Fix(Setting("--out", name))
    else:
        fix = f"for example {_as_name(name)}"
    return [Problem(field="NAME", value=name, rule=rule, fix=fix)]


def _as_name(text: str) -> str:
    """A Python name that is like `text`."""
    name = re.sub(r"\W+", "_", text).strip("_") or "hero"
    return name if name.isidentifier() else f"image_{name}"


def doubtful_name(name: str | None, variables: Mapping[str, object]) -> list[Problem]:
    """What is doubtful about a cell's NAME: an option's value whose flag is missing, or a name that hides a tool.

    >>> doubtful_name("low", {})[0].fix
    '--quality low'
    """
    if name is None or name_problems(name):
        return []
    option = option_of_value(name)
    if option is not None and option.name not in _FREE:
        flag = option.flags[-1]
        rule = f"this is a value of {flag}, and would become the result's name"
        return [Problem(field="NAME", value=name, rule=rule, fix=Fix(Setting(flag, name)))]
    hidden = _hidden(name, variables.get(name))
    if hidden is None:
        return []
    rule = f"this is {hidden}, which the result would hide"
    fix: str = f"another name, for example {name.strip('_').lower() or 'hero'}_image"
    if _is_table(variables.get(name)):
        fix = Fix(f"{fix}; its rows as a batch: ", Command("batch", f"icons --from {name}"))
    return [Problem(field="NAME", value=name, rule=rule, fix=fix)]


def _hidden(name: str, value: object) -> str | None:
    """What a result of this name would hide; None for variables that hold data: they are assigned anew every day."""
    if name in _OF_IPYTHON:
        return "a name of IPython's own"
    if hasattr(builtins, name):
        return "a builtin of Python"
    if isinstance(value, ModuleType) or name == "imagegen_magic":  # which the next cell may want to import
        return f"the module {getattr(value, '__name__', name)}"
    if isinstance(value, type):
        return "a class of yours"
    if isinstance(value, (FunctionType, BuiltinFunctionType)):
        return "a function of yours"
    return "a table" if _is_table(value) else None


def _is_table(value: object) -> bool:
    return hasattr(value, "columns") and hasattr(value, "shape")
