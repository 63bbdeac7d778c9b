"""`{{ expr }}` in a cell: an expression of the user's own, replaced by its value."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence

from imagegen_magic.errors import Fix, OptionError, Problem, Setting

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
    return str(restore_variables(lifted, values)) if values else text


def refuse_single_braces(text: str, variables: Collection[str]) -> None:
    """Stops at `{city}` if `city` is defined: it was meant to be filled in, and would be sent as it stands.

    Raises:
        OptionError: one problem for each such name.
    """
    names = dict.fromkeys(name for name in _SINGLE.findall(text) if name in variables)
    rule = "this variable is defined, but single braces do not fill it in"
    problems = [
        Problem(
            field="{" + name + "}",
            rule=rule,
            fix=Fix(f"{{{{ {name} }}}} fills it in; ", Setting("--raw"), " sends it as it stands"),
        )
        for name in names
    ]
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
    """`text` with its marks replaced: the value itself where a mark is the whole text, its `str` otherwise."""
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
