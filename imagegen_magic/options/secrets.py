"""Texts and options that hold an API key are refused before they reach a prompt, a file or a history."""

from __future__ import annotations

from collections.abc import Iterable

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.redaction import find_key, is_secret

__all__ = ["refuse_keys", "secret_problems"]

FIX = "set the environment variable OPENAI_API_KEY before this program starts"


def secret_problems(names: Iterable[str]) -> list[Problem]:
    """A problem for each name that passes a key; its value is not repeated."""
    rule = "a key is not an option: cells, sidecars and histories keep what they hold"
    return [Problem(field=name, rule=rule, fix=FIX) for name in names if is_secret(name)]


def refuse_keys(text: str, place: str) -> None:
    """Stops a text that holds something shaped like an API key, before it reaches a prompt, a file or a history.

    `place` is what the text is: `cell`, `line`.

    Raises:
        OptionError: it does.
    """
    if find_key(text):
        rule = (
            f"this {place} holds something shaped like an API key; notebooks, sidecars and histories keep what it holds"
        )
        fix = "take it out, set the environment variable OPENAI_API_KEY instead, and revoke the key if it was saved"
        raise OptionError(f"the {place} was refused", problems=(Problem(field=place, rule=rule, fix=fix),))
