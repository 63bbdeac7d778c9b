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


def list_models(sdk: openai.OpenAI) -> dict[str, date | None]:
    """The shutdown date of every model that the server lists, by its id; None if it names none.

    The body is read here: `shutdown_date` came late to the SDK's types, and other servers answer in forms of their own.

    Raises:
        CallError: the server can't be reached, refuses the key, or answers with something else than such a list.
    """
    text = _asked(sdk)
    try:
        listed = [model for model in json.loads(text)["data"] if isinstance(model, Mapping)]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise AnswerError("the server's answer is not a list of models", outcome="done") from None
    return {str(model.get("id")): _day(model.get("shutdown_date")) for model in listed}


@mapped_errors
def _asked(sdk: openai.OpenAI) -> str:
    return sdk.with_options(timeout=SECONDS).models.with_raw_response.list().http_response.text


def _day(value: Any) -> date | None:
    """A date as servers write it: a day, a time, or seconds since 1970; None for anything else."""
    try:
        if isinstance(value, int):
            return datetime.fromtimestamp(value, UTC).date()
        return date.fromisoformat(str(value)[:10])
    except (ValueError, OverflowError, OSError):
        return None
