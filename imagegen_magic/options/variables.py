"""`{{ expr }}` in a cell: an expression of the user's own, replaced by its value."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from imagegen_magic.errors import Command, Fix, OptionError, Problem, Setting

__all__ = ["fill_variables", "lift_variables", "refuse_python", "refuse_single_braces", "restore_variables"]

_VARIABLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


_SINGLE = re.compile(
    r"""(?<!\{)(?P<sign>\$?)\{\s*(?P<value>(?P<name>[A-Za-z_]\w*)(?:\.\w+|\[[^\[\]{}]*\]|\([^(){}]*\))*)\s*
    (?P<format>(?:![rsa])?(?::[^{}\s"']*)?=?)\}(?!\})""",
    re.VERBOSE,
)
"""A value in single braces, as f-strings, str.format and shells write it: `{city}`, `{city.upper()}`, `{price:.2f}`, `${city}`."""
_DOLLAR = re.compile(r"(?<![\w$])\$(?P<value>(?P<name>[A-Za-z_]\w*))")
"""A name after a dollar sign, as IPython's own magics and shells take it."""
_OPEN = re.compile(r"\{\{\s*(?P<value>(?P<name>[A-Za-z_]\w*))")
_PYTHON = re.compile(
    r"\s*(?:[A-Za-z_]\w*\s*=\s*)?(?P<prefix>[fFrRbBuU]{0,2})(?P<quote>\"{3}|'{3}|\"|')(?P<text>.*)(?P=quote)\s*",
    re.DOTALL,
)
"""A whole text that is one string of Python's, or the assignment of one."""
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
    """Stops at `{city}`, `{city.upper()}`, `$city` and `{{ city` if `city` is defined: it would be sent as it stands.

    So would be `{prompt}` without a `template`, which alone fills it in.

    Raises:
        OptionError: one problem for each such name.
    """
    filled = _VARIABLE.sub("", text)
    found = [*_SINGLE.finditer(filled), *_DOLLAR.finditer(filled), *_OPEN.finditer(filled)]
    meant = {one[0].strip(): one for one in found}
    problems = [
        _unfilled(typed, one)
        for typed, one in meant.items()
        if one["name"] in variables and not (template and typed == "{prompt}")
    ]
    if "{prompt}" in meant and not template and "prompt" not in variables:
        fix = Fix(Setting("--template", "a poster of {prompt}"), _AS_IT_IS)
        problems.append(Problem(field="{prompt}", rule="only a template fills this in", fix=fix))
    if problems:
        raise OptionError("this would be sent with its braces", problems=tuple(problems))


_AS_IT_IS = Fix("; ", Setting("--raw"), " sends it as it stands")


def _unfilled(typed: str, found: re.Match[str]) -> Problem:
    """The problem of a defined variable that nothing fills in, with the expression that does."""
    value, form = found["value"], found.groupdict().get("format") or ""
    conversion, _, spec = form.rstrip("=").partition(":")
    value = f"repr({value})" if conversion in ("!r", "!a") else value
    value = f"format({value}, '{spec}')" if spec else value
    way = {"{{": "braces that are never closed do", "$": "a dollar sign does"}.get(typed[: 2 if typed[0] == "{" else 1])
    rule = f"this variable is defined, but {way or 'single braces do'} not fill it in"
    return Problem(field=typed, rule=rule, fix=Fix(f"{{{{ {value} }}}} fills it in", _AS_IT_IS))


def refuse_python(body: str) -> None:
    """Stops at a body that is a string of Python's, `f"…"` or `prompt = "…"`: its letters and quotes would be sent, too.

    A text in plain quotes passes: a prompt may be a quotation.

    Raises:
        OptionError: it is one.
    """
    found = _PYTHON.fullmatch(body)
    if found is None or found["quote"] in found["text"]:
        return
    if not (found["prefix"] or len(found["quote"]) == 3 or body.lstrip()[0] not in "\"'"):
        return
    rule = "this is a string of Python's: it would be sent with its quotes and all"
    fix = Fix("leave only the text; {{ }} fills in variables", _AS_IT_IS)
    raise OptionError(
        "the prompt is Python", problems=(Problem(field="prompt", value=body.strip(), rule=rule, fix=fix),)
    )


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
