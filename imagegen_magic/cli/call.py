"""What every command gets and gives: the line as it was read, and the exit code of what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imagegen_magic.errors import (
    AuthenticationError,
    CallCancelledError,
    ImagegenError,
    OptionError,
    Problem,
    RequestError,
)

from .output import error_document, print_json, print_message
from .table import Command
from .words import SHELL_WORDS

__all__ = ["INTERRUPTED", "NOT_AS_EXPECTED", "Call", "exit_code", "fail"]

INTERRUPTED = 130
NOT_AS_EXPECTED = 5
"""All images are there, and one at least is not as `--expect` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One command line, read: the options given, the word without a flag, and every fault found so far."""

    command: Command
    values: Mapping[str, Any]
    word: str | None = None
    words: tuple[str, ...] = ()
    """Every word without a flag, for a command that takes several; `word` is the first of them."""
    problems: tuple[Problem, ...] = ()

    @property
    def json(self) -> bool:
        """True if a machine reads the answer."""
        return bool(self.values.get("json"))


def fail(error: ImagegenError, *, json: bool) -> int:
    """Shows an error, and returns its exit code."""
    code = exit_code(error)
    print_message("imagegen: " + "\n".join(error.card_lines(SHELL_WORDS)))
    if json:
        print_json(error_document(error, code))
    return code


def exit_code(error: ImagegenError) -> int:
    """2 for what was typed wrong and a missing key, 4 if it may have been billed, 130 if stopped, else 1."""
    if isinstance(error, CallCancelledError):
        return INTERRUPTED
    taken = bool(error.problems) and all(problem.field == "name" for problem in error.problems)
    if isinstance(error, (OptionError, RequestError)):
        return 1 if taken else 2
    if isinstance(error, AuthenticationError) and error.outcome == "not sent":
        return 2
    return 4 if error.outcome == "ambiguous" else 1
