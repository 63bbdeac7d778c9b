"""`{{ expr }}` in a cell: an expression of the user's own, replaced by its value."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from pathlib import PurePath
from types import ModuleType

from imagegen_magic.errors import Command, Fix, OptionError, Problem, Setting

from .braces import VARIABLE, without_form

__all__ = ["fill_variables", "is_no_text", "lift_variables", "restore_variables"]

_MARK = re.compile("\x02(\\d+)\x03")


def fill_variables(text: str, variables: Mapping[str, object]) -> str:
    """`text` with every `{{ expr }}` replaced by the expression's value; all other braces stay.

    Raises:
        OptionError: an expression fails; one problem each, with near names for an undefined one.
    """
    lifted, values = lift_variables(text, variables)
    _refuse_objects(VARIABLE.findall(text), values)
    return str(restore_variables(lifted, values)) if values else text


def _refuse_objects(expressions: Sequence[str], values: Sequence[object]) -> None:
    """Stops at `{{ items }}` of a list, a table or an image: as text it would be paid for, and is hardly meant.

    Raises:
        OptionError: one problem for each such value.
    """
    problems = [
        Problem(
            field=f"{{{{ {expression} }}}}",
            rule=f"this is of type {type(value).__name__}, not text",
            fix=_fix_of_object(expression, value),
        )
        for expression, value in zip(map(str.strip, expressions), values, strict=True)
        if is_no_text(value)
    ]
    if problems:
        raise OptionError("this is not text for a prompt", problems=tuple(problems))


def is_no_text(value: object) -> bool:
    """True for what has no text of its own: several things, images, functions, and what Python writes with its address."""
    if isinstance(value, (str, PurePath, Real)):
        return False
    if isinstance(value, (type, ModuleType)) or inspect.isroutine(value):
        return True
    if isinstance(value, Iterable) or any(hasattr(value, name) for name in _IMAGE_MARKS):
        return getattr(value, "ndim", None) != 0  # a number of numpy's
    return type(value).__str__ is object.__str__ and type(value).__repr__ is object.__repr__


_IMAGE_MARKS = ("__array__", "__array_interface__", "__fspath__")


def _fix_of_object(expression: str, value: object) -> Fix | str:
    """What to do with a value that is no text: show the image to the model, make an image of each, or name a text of it."""
    if hasattr(value, "save"):
        return Fix(
            "as a reference: ", Setting("--ref", expression if expression.isidentifier() else f"{{{{ {expression} }}}}")
        )
    if inspect.isroutine(value):
        return f"{{{{ {expression}() }}}}"
    if not isinstance(value, Iterable):
        return f"name a text of it: {{{{ {expression}.… }}}}"
    texts = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
    joined = f'; {{{{ ", ".join({expression}) }}}} for one image of all' if texts else ""
    return Fix("for an image each: ", Command("batch"), " ", Setting("--from", expression), joined)


def _missing(expression: str, value: object) -> Problem | None:
    """The problem of an expression whose value is missing; None for every other value."""
    if type(value).__name__ in ("NoneType", "NAType", "NaTType") or (isinstance(value, Real) and value != value):  # noqa: PLR0124 - NaN
        rule = f"this is {value}, a missing value"
        return Problem(field=f"{{{{ {expression} }}}}", rule=rule, fix="give it a value in a cell above")
    return None


def lift_variables(text: str, variables: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
    """`text` with a one-word mark in place of every `{{ expr }}`, and the values in their order.

    A magic line is split into words between this and `restore_variables`, so that a value may hold spaces
    and quotes, or be an object that is not text at all (a picture, an array).

    Raises:
        OptionError: as `fill_variables`.
    """
    problems: list[Problem] = []
    values: list[object] = []

    def lift(match: re.Match[str]) -> str:
        expression = match[1].strip()
        try:
            # The expression is the user's own code, from the user's own cell.
            values.append(eval(expression, dict(variables)))  # noqa: S307
        except Exception as error:  # noqa: BLE001 - whatever the user's expression raises is a problem to show
            problems.append(_variable_problem(expression, error, variables))
        else:
            problems.extend(filter(None, [_missing(expression, values[-1])]))
        return f"\x02{len(values) - 1}\x03"

    lifted = VARIABLE.sub(lift, text)
    if problems:
        raise OptionError("the {{ }} variables could not be filled in", problems=tuple(problems))
    return lifted, tuple(values)


def restore_variables(text: str, values: Sequence[object]) -> object:
    """`text` with its marks replaced: the value itself if a mark is the whole text, its `str` otherwise."""
    whole = _MARK.fullmatch(text)
    if whole:
        return values[int(whole[1])]
    return _MARK.sub(lambda mark: str(values[int(mark[1])]), text)


def _variable_problem(expression: str, error: Exception, variables: Mapping[str, object]) -> Problem:
    if isinstance(error, (NameError, KeyError)) and expression.split(".", maxsplit=1)[0].isidentifier():
        near = difflib.get_close_matches(expression.split(".", maxsplit=1)[0], list(variables), n=3, cutoff=0.7)
        known = [name for name in near if not name.startswith("_")]
        fix = (
            f"did you mean {' or '.join(known)}?"
            if known
            else Fix("define it in a cell above, or pass ", Setting("--raw"), " to send braces as they are")
        )
        return Problem(field="{{ " + expression + " }}", rule="this name is not defined", fix=fix)
    rule, fix = f"{type(error).__name__}: {error}", Fix("correct the expression, or pass ", Setting("--raw"))
    if isinstance(error, SyntaxError):
        meant = without_form(expression.strip("{ "))
        rule = "no expression of Python's" if expression else "nothing stands between the braces"
        fix = Fix(f"{{{{ {meant or 'NAME'} }}}}, or pass ", Setting("--raw")) if meant or not expression else fix
    return Problem(field="{{ " + expression + " }}", rule=rule, fix=fix)
