"""Braces and quotes of Python's in a prompt that nothing fills in: they would be paid for as they stand."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection, Iterator

from imagegen_magic.errors import Fix, OptionError, Problem, Setting

from .table import FILE_FIELDS, NUMBER_FORM

__all__ = ["VARIABLE", "refuse_python", "refuse_single_braces", "without_form"]

VARIABLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_SINGLE = re.compile(
    r"""(?<!\{)(?P<sign>\$?)\{\s*(?P<value>(?P<name>[A-Za-z_]\w*)(?:\.\w+|\[[^\[\]{}]*\]|\([^(){}]*\))*)\s*
    (?P<format>(?:![rsa])?(?::[^{}\s"']*)?=?)\}(?!\})""",
    re.VERBOSE,
)
"""A value in single braces, as f-strings, str.format and shells write it: `{city}`, `{city.upper()}`, `{price:.2f}`, `${city}`."""
_DOLLAR = re.compile(r"(?<![\w$])\$(?P<value>(?P<name>[A-Za-z_]\w*))")
"""A name after a dollar sign, as IPython's own magics and shells take it."""
_OPEN = re.compile(r"\{\{\s*(?P<value>(?P<name>[A-Za-z_]\w*))")
_OUT = re.compile(r"""(?<!\S)(?:--out|-o)[ =]+(?:"[^"]*"|'[^']*'|\S+)""")
_FILE_FIELD = re.compile(rf"\{{(?:{'|'.join(FILE_FIELDS)})(?:{NUMBER_FORM})?\}}")
"""What a file name's template fills in, whatever variables there are: `{i}` is often one."""
_PYTHON = re.compile(
    r"\s*(?:[A-Za-z_]\w*\s*=\s*)?(?P<prefix>[fFrRbBuU]{0,2})(?P<quote>\"{3}|'{3}|\"|')(?P<text>.*)(?P=quote)\s*",
    re.DOTALL,
)
"""A whole text that is one string of Python's, or the assignment of one."""


def refuse_single_braces(text: str, variables: Collection[str], *, template: bool) -> None:
    """Stops at `{city}`, `{city.upper()}`, `$city` and `{{ city` if `city` is defined: it would be sent as it stands.

    So would be `{prompt}` without a `template`, which alone fills it in.

    Raises:
        OptionError: one problem for each such name.
    """
    filled = _OUT.sub(lambda match: _FILE_FIELD.sub("", match[0]), VARIABLE.sub("", text))
    found = [*_SINGLE.finditer(filled), *_DOLLAR.finditer(filled), *_OPEN.finditer(filled)]
    meant = {one[0].strip(): one for one in found}
    problems = [
        _unfilled(typed, one)
        for typed, one in meant.items()
        if one["name"] in variables and not (template and typed == "{prompt}")
    ]
    rule = "variables are defined, but single braces do not fill them in"
    problems += [
        Problem(field=typed, rule=rule, fix=Fix(f"{{{{ {value} }}}} fills it in", _AS_IT_IS))
        for typed, value in _calculated(filled, variables)
        if typed not in {problem.field for problem in problems}
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


def without_form(text: str) -> str | None:
    """The expression that does what an f-string's braces do with `text`; None if they would not take it either.

    >>> without_form("price:.2f"), without_form("city!r"), without_form("import os")
    ("format(price, '.2f')", 'repr(city)', None)
    """
    field = _replacement(text)
    if field is None:
        return None
    value = ast.unparse(field.value)
    value = f"repr({value})" if field.conversion in (ord("r"), ord("a")) else value
    spec = field.format_spec
    if isinstance(spec, ast.JoinedStr) and all(isinstance(part, ast.Constant) for part in spec.values):
        value = f"format({value}, {''.join(str(part.value) for part in spec.values)!r})"  # type: ignore[attr-defined]
    return value


def _replacement(text: str) -> ast.FormattedValue | None:
    """What `{text}` is in an f-string."""
    try:
        parsed = ast.parse(f"f'''{{{text}}}'''", mode="eval").body
    except (SyntaxError, ValueError):
        return None
    parts = parsed.values if isinstance(parsed, ast.JoinedStr) else []
    return next((part for part in parts if isinstance(part, ast.FormattedValue)), None)


_BRACES = re.compile(r"(?<!\{)\{([^{}]+)\}(?!\})")


def _calculated(text: str, variables: Collection[str]) -> Iterator[tuple[str, str]]:
    """(as typed, the expression) of what in single braces calculates with defined variables: `{price * 2:.2f}`."""
    for match in _BRACES.finditer(text):
        field = _replacement(match[1])
        if (
            field is None
            or not isinstance(field.value, _CALCULATIONS)
            or isinstance(getattr(field.value, "op", None), ast.BitOr)
        ):
            continue
        names = {node.id for node in ast.walk(field.value) if isinstance(node, ast.Name)}
        mine = {name for name in names if name in variables}
        if mine and all(name in mine or hasattr(builtins, name) for name in names):
            yield match[0], without_form(match[1]) or match[1]


_CALCULATIONS = (ast.BinOp, ast.BoolOp, ast.UnaryOp, ast.IfExp, ast.Compare, ast.Call, ast.Subscript, ast.Attribute)
