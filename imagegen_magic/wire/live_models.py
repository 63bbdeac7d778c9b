"""Which models a server lists, and when it says that each of them ends: `GET /v1/models`, which costs nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import openai

from imagegen_magic.errors import AnswerError

from .batch_files import mapped_errors

__all__ = ["list_models"]

SECONDS = 15.0
MILLISECONDS = 1e11
"""A time above it is meant in milliseconds: in seconds it would be of the year 5138."""


def list_models(sdk: openai.OpenAI) -> dict[str, date | None]:
    """The shutdown date of every model that the server lists, by its id; None if it names none.

    The body is read here: `shutdown_date` came late to the SDK's types, and other servers answer in forms of their own.

    Raises:
        CallError: the server can't be reached, refuses the key, or answers with something else than such a list.
    """
    try:
        listed = _entries(json.loads(_asked(sdk).removeprefix("\ufeff")))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise AnswerError("the server's answer is not a list of models", outcome="done") from None
    found = [{"id": model} if isinstance(model, str) else model for model in listed]
    named = [model for model in found if isinstance(model, Mapping) and isinstance(model.get("id"), str)]
    return {model["id"]: _day(model.get("shutdown_date")) for model in named}


def _entries(answer: Any) -> list[Any]:
    """The entries of a list of models: `data` as OpenAI has it, `models` or a bare list as some gateways do."""
    entries = answer if isinstance(answer, list) else answer["data" if "data" in answer else "models"]
    if not isinstance(entries, list):
        raise TypeError("no list")
    return entries


@mapped_errors
def _asked(sdk: openai.OpenAI) -> str:
    return sdk.with_options(timeout=SECONDS).models.with_raw_response.list().http_response.text


def _day(value: Any) -> date | None:
    """A date as servers write it: a day, a time, or seconds or milliseconds since 1970; None for anything else."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            return datetime.fromtimestamp(value / 1000 if value > MILLISECONDS else value, UTC).date()
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
