"""A user's own models file, checked whole before anything of it is used: every fault names its place and its fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from imagegen_magic.errors import Problem

__all__ = ["check_models_file"]

PRICES = ("text_input", "cached_text_input", "image_input", "cached_image_input", "image_output", "text_output")
STATES = ("active", "deprecated", "shut down", "unknown")
TRANSPARENCIES = ("no", "preview", "yes", "unknown")


def _is_amount(value: object) -> bool:
    return (
        isinstance(value, (int, Decimal)) and not isinstance(value, bool) and Decimal(value).is_finite() and value >= 0
    )


def _is_decimal(value: object) -> bool:
    """True for an amount, also as a text: the shipped catalog writes decimals so."""
    try:
        return _is_amount(Decimal(value) if isinstance(value, str) else value)
    except InvalidOperation:
        return False


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _table_of(inner: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, dict) and all(map(inner, value.values()))


def _is_spread(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_decimal, value))


Check = tuple[Callable[[object], bool], str, str]
"""What a value must satisfy, how that is said, and an example."""

_TEXT: Check = (lambda value: isinstance(value, str), "a text", '"…"')
_TEXTS: Check = (_is_texts, "a list of texts", '["…", "…"]')
_SWITCH: Check = (lambda value: isinstance(value, bool), "true or false", "true")
_DATE: Check = (lambda value: type(value) is date, "a date", "2026-12-01")
_COUNT: Check = (lambda value: type(value) is int and value >= 0, "a whole number", "1")
_TOKENS: Check = (_table_of(_is_amount), "a table of numbers", "{ low = 16, high = 96 }")

FIELDS: dict[str, Check] = {
    "id": _TEXT,
    "like": _TEXT,
    "family": _TEXT,
    "snapshots": _TEXTS,
    "state": (lambda value: value in STATES, f"one of {', '.join(STATES)}", '"active"'),
    "launched": _DATE,
    "ends": _DATE,
    "successor": _TEXT,
    "use": _TEXT,
    "qualities": _TEXTS,
    "complexities": _TEXTS,
    "flexible_sizes": _SWITCH,
    "sizes": _TEXTS,
    "formats": _TEXTS,
    "transparency": (lambda value: value in TRANSPARENCIES, f"one of {', '.join(TRANSPARENCIES)}", '"no"'),
    "input_fidelity": _TEXTS,
    "input_fidelity_rule": _TEXT,
    "fidelity_tokens": _COUNT,
    "sharp_inputs": _COUNT,
    "markup": _SWITCH,
    "batch_api": _SWITCH,
    "token_steps": _TOKENS,
    "token_spread": (_table_of(_is_spread), "a table of pairs", "{ low = [1, 4] }"),
    "token_table": (_table_of(_TOKENS[0]), "a table of tables", '{ "1024x1024" = { low = 272 } }'),
    "token_basis": _TEXT,
    "image_prices": (_table_of(_table_of(_is_decimal)), "a table of tables", '{ "1024x1024" = { low = 0.011 } }'),
    "prices": (_table_of(_is_decimal), "a table of USD per million tokens", "{ text_input = 5, image_output = 30 }"),
    "checked": _DATE,
    "source": _TEXT,
}
"""Every field that a `[[model]]` or a family may have."""


def check_models_file(data: Mapping[str, Any], known_ids: Iterable[str], families: Iterable[str]) -> list[Problem]:
    """Every fault of the parsed file.

    Args:
        known_ids: the ids that `like` may name, beside those that stand above it in the file.
        families: the families that `family` may name, beside the file's own.
    """
    faults = [
        _fault(key, None, "no such table", '[[model]] with id = "…" and like = "…"')
        for key in data.keys() - {"model", "families", "default"}
    ]
    models, own = data.get("model", []), data.get("families", {})
    if not isinstance(models, list) or not all(isinstance(entry, dict) for entry in models):
        return [*faults, _fault("model", None, "models are a list of tables", "[[model]], with two brackets")]
    if not isinstance(own, dict) or not all(isinstance(entry, dict) for entry in own.values()):
        return [*faults, _fault("families", None, "families are tables", "[families.mine]")]
    if not isinstance(data.get("default", ""), str):
        faults.append(
            _fault("default", data["default"], "must be a model's id", f'default = "{next(iter(known_ids), "")}"')
        )
    ids = set(known_ids)
    for entry in models:
        faults += _entry_faults(entry, ids, {*families, *own})
        ids.add(str(entry.get("id")))
    for name, entry in own.items():
        faults += _field_faults(f"families.{name}", entry)
    return faults


def _entry_faults(entry: Mapping[str, Any], ids: set[str], families: set[str]) -> Iterator[Problem]:
    yield from _field_faults(str(entry.get("id", "a model")), entry)
    if not entry.get("id"):
        yield _fault("id", None, "a [[model]] needs an id", 'id = "my-deployment"')
    if isinstance(entry.get("like"), str) and entry["like"] not in ids:
        yield _fault(
            "like", entry["like"], "no such model, here or above in the file", f'like = "{min(ids, default="")}"'
        )
    if isinstance(entry.get("family"), str) and entry["family"] not in families:
        yield _fault("family", entry["family"], f"one of {', '.join(sorted(families))}", "or leave it out")


def _field_faults(place: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in entry.items():
        if name not in FIELDS:
            near = f"one of {', '.join(sorted(FIELDS))}"
            yield _fault(name, value, "a model has no such field", near, place)
            continue
        fits, rule, example = FIELDS[name]
        if not fits(value):
            yield _fault(name, value, f"must be {rule}", f"{name} = {example}", place)
    prices = entry.get("prices")
    for name in (prices.keys() if isinstance(prices, dict) else set()) - set(PRICES):
        yield _fault(f"prices.{name}", None, f"one of {', '.join(PRICES)}", "USD per million tokens", place)


def _fault(field: str, value: object, rule: str, fix: str, place: str = "") -> Problem:
    return Problem(field=field, value=value, rule=rule, fix=fix, where=place)
