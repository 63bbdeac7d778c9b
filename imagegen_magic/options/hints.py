"""What was probably meant: options and values of other tools, near names, and values that can be typed as they stand."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from imagegen_magic.errors import Command, Fix, Problem, PromptPlace, Setting
from imagegen_magic.facts.sizes import PRESETS
from imagegen_magic.facts.words import foreign_flags, foreign_values

from .address import near_address
from .table import BY_NAME, OPTIONS, SHEET_ONLY, Option

__all__ = [
    "NO_SUCH_OPTION",
    "choice_fix",
    "is_foreign",
    "meant_value",
    "option_of_value",
    "respelled",
    "sheet_problems",
    "unknown_option",
    "value_fix",
]

NO_SUCH_OPTION = "no such option"
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SIZE = re.compile(r"\d+[:xX]\d+")


def unknown_option(field: str, given: object, known: Iterable[str], otherwise: str) -> Problem:
    """The problem of a name that is no option: what it is called here, which one is near, or `otherwise`.

    Args:
        field: the name as it was typed: `--ar` or `aspect_ratio`.
        given: the value that came with it; None if none did.
        known: the names that the surface has.
        otherwise: the fix if nothing is near.

    Example:
        >>> unknown_option("--ar", "16:9", [], "").fix
        '--size 16:9'
    """
    names = set(known)
    word = _bare(field)
    ours = foreign_flags().get(word)
    if ours == "image" and not names & {"image", "--image"}:
        ours = "ref"
    if ours == "":
        return Problem(field=field, rule="the Images API has nothing like it", fix="leave it out")
    if ours == "prompt":
        return Problem(field=field, rule="the prompt is no option", fix=Fix(PromptPlace()))
    if ours is not None:
        given = word if given is None and word in foreign_values(ours) else given
        return Problem(field=field, rule="a name of other tools", fix=Fix(_setting_of(BY_NAME[ours], given)))
    if field.startswith("-") and (option := option_of_value(word)) is not None:
        rule = f"this is a value of {option.flags[-1]}"
        return Problem(field=field, rule=rule, fix=Fix(Setting(option.flags[-1], word)))
    near = difflib.get_close_matches(field, sorted(names), n=2, cutoff=0.7)
    fix = f"did you mean {' or '.join(near)}?" if near else otherwise
    return Problem(field=field, value=given, rule=NO_SUCH_OPTION, fix=fix)


def _bare(flag: str) -> str:
    """A flag's name without its dashes, as the lists of words have it."""
    return flag.lstrip(_DASHES).replace("_", "-")


_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
"""Typographic ones too, as a word processor makes them of two hyphens."""


def is_foreign(word: str) -> bool:
    """True for a flag of other image tools."""
    return word[:1] in _DASHES and _bare(word) in foreign_flags()


def option_of_value(word: str) -> Option | None:
    """The option that has this word among its values: `landscape` is a size.

    >>> option_of_value("png").name
    'output_format'
    """
    for option in OPTIONS:
        suggested = option.suggests if isinstance(option.suggests, tuple) else ()
        presets = PRESETS if option.name == "size" else ()
        if word in (*option.choices, *suggested, *presets):
            return option
    return None


_WORD = re.compile(rf"(?P<dashes>[{_DASHES}]*)(?P<name>[A-Za-z][\w-]*)((?P<sign>[=:])(?P<value>.*))?", re.DOTALL)
"""A word of a line that may be a flag."""


def respelled(word: str, flags: Sequence[str]) -> tuple[str, str | None] | None:
    """The flag (and value) that a word stands for in another spelling; None for a flag as it should be, and for what is none.

    >>> respelled("-size", ["--size"]), respelled("size=square", ["--size"]), respelled("--size", ["--size"])
    (('--size', None), ('--size', 'square'), None)
    """
    match = _WORD.fullmatch(word)
    if match is None or (not match["dashes"] and not match["sign"]):
        return None
    name = match["name"]
    flag = f"-{name}" if len(name) == 1 else f"--{name.lower().replace('_', '-')}"
    as_it_should_be = match["dashes"] + name in flags and match["sign"] != ":"
    return None if flag not in flags or as_it_should_be else (flag, match["value"])


def _setting_of(option: Option, given: object) -> Setting:
    """Our option with the value that another tool's was given, if it is one here; else with an example."""
    flag, text = option.flags[-1], "" if given is None else str(given)
    if option.name == "size":
        text = text if _SIZE.fullmatch(text) else "1024x1024" if text.isdigit() else ""
    elif option.kind in ("int", "number", "money") or _allowed(option):
        return value_fix(option, given).settings[0]
    return Setting(flag, text or option.example or option.metavar)


def value_fix(option: Option, given: object) -> Fix:
    """What to type in place of a value that was not understood: the one that was meant, else those that there are."""
    flag = option.flags[-1]
    if option.kind == "flag":
        return Fix(Setting(flag))
    if option.kind in ("int", "ints", "number", "money"):
        return Fix(Setting(flag, _number_in(option, str(given)) or _example(option)))
    if option.metavar == "URL":
        return Fix(Setting(flag, near_address(str(given))))
    return choice_fix(option.name, given, _allowed(option) or (_example(option),))


def choice_fix(name: str, given: object, allowed: Sequence[str]) -> Fix:
    """The value of `allowed` that was meant, else all of them."""
    meant = meant_value(name, given, allowed)
    first, *others = (meant,) if meant else allowed
    return Fix(Setting(BY_NAME[name].flags[-1], first, tuple(others)))


def meant_value(name: str, given: object, allowed: Sequence[str]) -> str | None:
    """The one value of `allowed` that `given` stands for: in other letters, in another tool's word, begun or misspelt.

    >>> meant_value("quality", "hd", ("low", "medium", "high"))
    'high'
    """
    text = str(given).strip().lower()
    text = foreign_values(name).get(text, text)
    begun = [value for value in allowed if text and value.lower().startswith(text)]
    if len(begun) == 1:
        return begun[0]
    return next(iter(difflib.get_close_matches(text, allowed, n=1)), None)


def _allowed(option: Option) -> tuple[str, ...]:
    return option.choices or (option.suggests if isinstance(option.suggests, tuple) else ())


def _example(option: Option) -> str:
    return option.example or (option.metavar if option.default is None else str(option.default))


def _number_in(option: Option, text: str) -> str:
    """The number that a text names, `two`, `5 s`, `5c` of an amount, as it is typed; empty if none fits.

    >>> _number_in(BY_NAME["max_cost"], "5c")
    '0.05'
    """
    words = text.strip().lower()
    if words in _NUMBERS:
        words = str(_NUMBERS.index(words))
    found = re.search(r"\d+(?:[.,]\d+)?", words)
    if found is None or words.startswith("-"):
        return ""
    number = Decimal(found[0].replace(",", "."))
    if option.kind == "money" and re.fullmatch(r"[^.,]*\d\s*(c|ct|cts|cents?|¢)", words):
        number /= 100
    if option.kind in ("int", "ints") and number != int(number):
        return ""
    low, high = option.between or (0, None)
    inside = low <= number and (high is None or number <= high) and number != option.above
    return f"{number.normalize():f}" if inside else ""


def sheet_problems(options: Mapping[str, Any]) -> list[Problem]:
    """Options that only sprite sheets have."""
    rule, fix = "of sprite sheets only", Fix(Command("sprites"))
    return [Problem(field=name, value=options[name], rule=rule, fix=fix) for name in options if name in SHEET_ONLY]
