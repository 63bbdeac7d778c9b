"""Typed values of options from texts or Python values, with every fault found; the table is `options.table`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from imagegen_magic.errors import Fix, Problem, Setting
from imagegen_magic.redaction import is_secret

from .address import address_fault
from .hints import unknown_option, value_fix
from .secrets import secret_problems
from .table import BY_NAME, Option
from .variables import is_no_text

__all__ = ["BATCH_CALLS", "CALLS", "read_call", "read_values"]


_OTHERWISE = Fix("unknown API fields go through ", Setting("--extra", "NAME=VALUE"))


def read_values(
    raw: Mapping[str, Any], *, where: str = "", extra: Sequence[Option] = ()
) -> tuple[dict[str, Any], list[Problem]]:
    """Typed values from texts or Python values, by the table and a surface's `extra` options, and every fault found."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    table = BY_NAME | {option.name: option for option in extra}
    problems += [replace(problem, where=where) for problem in secret_problems(raw)]
    for name, given in raw.items():
        if is_secret(name):
            continue
        option = table.get(name)
        if option is None:
            problems.append(replace(unknown_option(name, given, (*BY_NAME, "name"), _OTHERWISE), where=where))
        elif given is not None:
            read = _read(option, given)
            if isinstance(read, Problem):
                problems.append(replace(read, field=name, where=where))
            else:
                values[name] = read
    return values, problems


def _read(option: Option, given: Any) -> Any:
    """The typed value, or the problem that it has."""
    try:
        given = _bounded(given)  # what is longer is no value of anything
        try:
            return _without_data_uri(option, _READERS[option.kind](option, given))
        except ValueError as fault:
            return Problem(field=option.name, value=given, rule=str(fault), fix=value_fix(option, given))
    except Exception as error:  # noqa: BLE001 - an object of the user's own, which fails when it is asked for its text
        rule = f"it can't be read: its own code raises {type(error).__name__}"
        return Problem(field=option.name, value=given, rule=rule, fix="give a text or a number")


def _bounded(given: Any) -> Any:
    """A number as it is; infinity for one of hundreds of digits."""
    if isinstance(given, Decimal):
        is_long = given.is_finite() and given.adjusted() > MOST_DIGITS
    else:
        is_long = isinstance(given, int) and abs(given) >= 10**MOST_DIGITS
    return (-math.inf if given < 0 else math.inf) if is_long else given


MOST_DIGITS = 300
"""Of a number that is read; Python does not write one of more than 4300."""


CALLS = {
    "dry_run": "imagegen_magic.preview(…)",
    "detach": "imagegen_magic.start(…)",
    "show_prompt": "imagegen_magic.preview(…).prompt",
}
"""Options of a cell that are functions of their own in Python, so that each function returns one type."""


BATCH_CALLS = {**CALLS, "dry_run": "imagegen_magic.preview_batch(…)"}
"""The same, for many jobs."""


def read_call(raw: Mapping[str, Any], calls: Mapping[str, str] = CALLS) -> tuple[dict[str, Any], list[Problem]]:
    """Typed values of the keyword arguments of a call from Python, and every fault found."""
    values, problems = read_values({name: value for name, value in raw.items() if name not in calls})
    rule = "a function of its own in Python"
    problems += [Problem(field=name, value=raw[name], rule=rule, fix=calls[name]) for name in raw if name in calls]
    return values, problems


_FILES = ("PATH", "DIR", "FILE", "IMG", "IMG[:role]")
"""What stands for the name of a file, in help."""
_DATA_URI = re.compile(r"\s*data:(?:\w+/[\w.+-]+)?(?:;[\w.=-]+)*,", re.IGNORECASE)


def is_data_uri(value: object) -> bool:
    """True for `data:image/png;base64,…`; not for `data:logo`, the variable `data` in the role of a logo."""
    return isinstance(value, str) and _DATA_URI.match(value) is not None


def _without_data_uri(option: Option, value: Any) -> Any:
    """The value of an option.

    Raises:
        ValueError: a file is meant, and it is a data URI.
    """
    if option.metavar in _FILES and any(map(is_data_uri, value if isinstance(value, tuple) else (value,))):
        instead = (
            "; decode what follows its comma, base64.b64decode(…), and give the bytes"
            if "IMG" in option.metavar
            else ""
        )
        raise ValueError(f"a data URI is not the name of a file{instead}")
    return value


def unsendable(text: str) -> bool:
    """True if `text` holds a null character, or half of a surrogate pair, which no encoding takes."""
    return "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text)


def _read_text(option: Option, given: Any) -> str:
    if option.name in ("cell", "size") and isinstance(given, (list, tuple)):  # (width, height), as Pillow has it
        given = "x".join(map(str, given))
    if is_no_text(given):
        raise ValueError(f"text is needed, not {type(given).__name__}")
    text = str(given)
    if unsendable(text):
        raise ValueError("a file name or a request can't hold null characters or lone surrogates")
    if option.metavar == "URL" and text and (fault := address_fault(text)):
        raise ValueError(fault)
    if option.metavar == "DIR" and (unmade := _folder_fault(text)):
        raise ValueError(unmade)
    values = option.choices or option.suggests
    if isinstance(values, tuple) and text not in values and text.lower() in values:
        return text.lower()
    if option.choices and text not in option.choices:
        raise ValueError(f"one of {', '.join(option.choices)}")
    return text


def _folder_fault(text: str) -> str | None:
    """Why a text is the name of no folder that can be made; None for any other."""
    if re.match(r"[a-z][a-z0-9+.-]+://", text, re.IGNORECASE):
        return "a folder on this machine is needed, not an address"
    return "more than 255 folders deep" if len(re.findall(r"[/\\]+", text)) > 255 else None


def _read_int(option: Option, given: Any) -> int:
    if isinstance(given, bool) or (isinstance(given, float) and not given.is_integer()):
        raise ValueError("a whole number is needed")
    try:
        # a table that once held a missing value has 1.0 where a 1 is meant
        number = int(re.sub(r"\.0*\s*$", "", given) if isinstance(given, str) else given)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("a whole number is needed") from None
    if option.between is not None and not option.between[0] <= number <= option.between[1]:
        raise ValueError(f"from {option.between[0]} to {option.between[1]}")
    return number


def _read_number(option: Option, given: Any) -> float:
    try:
        number = float(given)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("a number is needed") from None
    if not number >= 0 or number == float("inf"):
        raise ValueError("a number of at least 0 is needed")
    if option.above is not None and number <= option.above:
        raise ValueError(f"more than {option.above}")
    return number


def _read_money(option: Option, given: Any) -> Decimal:
    try:
        amount = Decimal(str(given).removeprefix("$"))
    except InvalidOperation:
        raise ValueError("an amount in USD is needed, for example 0.50") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError("an amount of at least 0 USD is needed")
    return amount


_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _read_flag(option: Option, given: Any) -> bool:
    if isinstance(given, bool):
        return given
    word = str(given).strip().lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError("true or false")


def _read_optional(option: Option, given: Any) -> str | None:
    """A flag that may stand alone: True means its bare value, False means off, as words of a table too."""
    word = str(given).strip().lower()
    if word in _YES:
        return str(option.const)
    return None if word in _NO else _read_text(option, given)


def _read_list(option: Option, given: Any) -> tuple[Any, ...]:
    if isinstance(given, dict) and option.suggests == "image":  # {role: image}
        return tuple(
            f"{image}:{role}" if isinstance(image, str) else (image, str(role)) for role, image in given.items()
        )
    items = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    if option.suggests != "image":
        list(map(str, items))  # what fails at this fails here, not where it is used
    return items


def _read_ints(option: Option, given: Any) -> tuple[int, ...]:
    """Whole numbers; a text may hold several, with commas."""
    words = [
        part for item in _read_list(option, given) for part in (item.split(",") if isinstance(item, str) else [item])
    ]
    return tuple(_read_int(option, word) for word in words)


def _read_key_value(option: Option, given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping):
        return dict(given)
    pairs = [str(item).partition("=") for item in _read_list(option, given)]
    if any(not equals or not key for key, equals, _ in pairs):
        raise ValueError("NAME=VALUE is needed")
    return {key: _json_or_text(value) for key, _, value in pairs}


def _json_or_text(text: str) -> Any:
    """Numbers, true, false, null and JSON structures as such; anything else as text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


_READERS: dict[str, Any] = {
    "text": _read_text,
    "int": _read_int,
    "number": _read_number,
    "money": _read_money,
    "flag": _read_flag,
    "optional": _read_optional,
    "list": _read_list,
    "ints": _read_ints,
    "key_value": _read_key_value,
    "any": lambda option, given: given,
}
