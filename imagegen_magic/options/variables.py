"""`{{ expr }}` in a cell: an expression of the user's own, replaced by its value."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from imagegen_magic.errors import Command, Fix, OptionError, Problem, Setting

__all__ = ["fill_variables", "lift_variables", "refuse_single_braces", "restore_variables"]

_VARIABLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


_SINGLE = re.compile(r"(?<!\{)\{([A-Za-z_]\w*)\}(?!\})")
"""A name in single braces, as f-strings and str.format write it."""
_MARK = re.compile("\x02(\\d+)\x03")


def fill_variables(text: str, variables: Mapping[str, object]) -> str:
    """`text` with every `{{ expr }}` replaced by the expression's value; all other braces stay.

    Raises:
        OptionError: an expression fails; one problem each, with near names for an undefined one.
    """
    lifted, values = lift_variables(text, variables)
    _refuse_objects(_VARIABLE.findall(text), values)
    return str(restore_variables(lifted, values)) if values else text


def _refuse_objects(expressions: Sequence[str], values: Sequence[object]) -> None:
    """Stops at `{{ items }}` of a list, a table or an image: as text it would be paid for, and is hardly meant.

    Raises:
        OptionError: one problem for each such value.
    """
    problems = []
    for expression, value in zip(map(str.strip, expressions), values, strict=True):
        if isinstance(value, (str, os.PathLike)) or not (isinstance(value, Iterable) or hasattr(value, "__array__")):
            continue
        rule = f"this is of type {type(value).__name__}, not text"
        texts = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
        joined = f'; {{{{ ", ".join({expression}) }}}} for one image of all' if texts else ""
        fix = Fix("for an image each: ", Command("batch"), " ", Setting("--from", expression), joined)
        problems.append(Problem(field=f"{{{{ {expression} }}}}", rule=rule, fix=fix))
    if problems:
        raise OptionError("this is not text for a prompt", problems=tuple(problems))


def refuse_single_braces(text: str, variables: Collection[str], *, template: bool) -> None:
    """Stops at `{city}` if `city` is defined: it was meant to be filled in, and would be sent as it stands.

    So would be `{prompt}` without a `template`, which alone fills it in.

    Raises:
        OptionError: one problem for each such name.
    """
    found = dict.fromkeys(_SINGLE.findall(text))
    names = [name for name in found if name in variables and not (template and name == "prompt")]
    rule = "this variable is defined, but single braces do not fill it in"
    as_it_is = Fix("; ", Setting("--raw"), " sends it as it stands")
    problems = [
        Problem(field="{" + name + "}", rule=rule, fix=Fix(f"{{{{ {name} }}}} fills it in", as_it_is)) for name in names
    ]
    if "prompt" in found and not template and "prompt" not in names:
        rule, fix = "only a template fills this in", Fix(Setting("--template", "a poster of {prompt}"), as_it_is)
        problems.append(Problem(field="{prompt}", rule=rule, fix=fix))
    if problems:
        raise OptionError("this would be sent with its braces", problems=tuple(problems))


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
        return f"\x02{len(values) - 1}\x03"

    lifted = _VARIABLE.sub(lift, text)
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
    return Problem(
        field="{{ " + expression + " }}",
        rule=f"{type(error).__name__}: {error}",
        fix=Fix("correct the expression, or pass ", Setting("--raw")),
    )
