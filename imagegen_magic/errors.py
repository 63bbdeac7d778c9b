"""What can go wrong, as a tree, and how an error shows itself.

ImagegenError
 ├─ OptionError        a flag, a setting, a template or a reference could not be read
 ├─ RequestError       the request breaks rules; `.problems` holds every one of them
 ├─ BudgetError        the request would cost more than its limit
 ├─ StoreError         a file can't be written, or must not be overwritten
 ├─ CutoutError        no cut-out can be made of this picture
 └─ CallError          a request was made, or tried; `.outcome` says what became of it
     ├─ AuthenticationError   the key is missing, wrong or not allowed here
     ├─ VerificationError     the organisation has to be verified for this model
     ├─ ModerationError       the prompt, an input or the picture was blocked
     ├─ BadRequestError       the server does not accept the request
     ├─ QuotaError            the account's money or limit is used up
     ├─ RateLimitError        too many requests or images a minute
     ├─ ServerError           the server failed
     ├─ CallTimeoutError      no complete answer in time
     ├─ ConnectError          no connection could be made
     ├─ ConnectionLostError   the connection broke after the request was sent
     ├─ AnswerError           what came back is not (only) the images asked for
     └─ CallCancelledError    the user stopped it

None of them derives from IPython's `UsageError`: nbval and papermill would count the failed cell as passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

__all__ = [
    "AnswerError",
    "AuthenticationError",
    "BadRequestError",
    "BudgetError",
    "CallCancelledError",
    "CallError",
    "CallTimeoutError",
    "ConnectError",
    "ConnectionLostError",
    "CutoutError",
    "Fix",
    "ImagegenError",
    "ModerationError",
    "OptionError",
    "Outcome",
    "Problem",
    "QuotaError",
    "RateLimitError",
    "RequestError",
    "ServerError",
    "StoreError",
    "VerificationError",
]

Outcome = Literal["done", "refused", "not sent", "ambiguous"]
"""What became of a request: answered with images, refused by the server (not billed), never sent, or unknown."""

Words = Callable[[str], str]
"""How a surface says a sentence or a `Fix` that is written for a cell."""

OUTCOME_SENTENCES: dict[Outcome, str] = {
    "done": "the server answered and bills this request",
    "refused": "the server refused the request; it is not billed",
    "not sent": "nothing was sent, nothing was billed",
    "ambiguous": "the outcome is unknown: this request may have been billed",
}


class Fix(str):  # noqa: SLOT000 - its parts have class defaults
    """What to type instead, as data: its text is a magic line's, every other surface says the parts in its own words.

    A fix is an option and its values (none: a flag switched on), or a subcommand of `%imagegen`, or only a sentence.

    >>> Fix.option_is("size", "1024x1024")
    '--size 1024x1024'
    """

    option: str = ""
    """The option's name, `output_format`; empty where the fix is no option."""
    values: tuple[str, ...] = ()
    """The values that would do; the first is the one to take."""
    command: str = ""
    """What follows `%imagegen`; empty where the fix is no subcommand."""

    @classmethod
    def option_is(cls, option: str, *values: str) -> Self:
        """The option set to one of `values`, or switched on."""
        flag = f"--{option.replace('_', '-')}"
        fix = cls(f"{flag} {'|'.join(values)}" if values else flag)
        fix.option, fix.values = option, values
        return fix

    @classmethod
    def of(cls, text: str) -> Self:
        """`text` as a fix: one whole flag with its value, or one whole subcommand, is known as such; all else is a sentence."""
        if isinstance(text, cls):
            return text
        if flag := _ONE_FLAG.fullmatch(text):
            values = flag[2].split("|") if flag[2] else ()
            return cls.option_is(flag[1].replace("-", "_"), *values)
        fix = cls(text)
        fix.command = command[1] if (command := _ONE_COMMAND.fullmatch(text)) else ""
        return fix


_ONE_FLAG = re.compile(r"--([a-z][a-z-]*)(?: ([^\s,;()]+))?")
_ONE_COMMAND = re.compile(r"%imagegen ([a-z]+(?: --?[a-z]+)*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One broken rule: which field, the value given, the rule, and the fix to type instead."""

    field: str
    value: object = None
    rule: str
    fix: str = ""
    where: str = ""
    """Where the value stands, for example `line 3` of a batch; empty for a single request."""

    def __str__(self) -> str:
        return self.said(str)

    def said(self, words: Words) -> str:
        """The problem in a surface's words; the value stands as it was typed."""
        given = "" if self.value is None else f" {_shown(self.value)}"
        place = f"{self.where}: " if self.where else ""
        fix = f"\n      fix: {words(Fix.of(self.fix))}" if self.fix else ""
        return f"{place}{words(self.field)}{given}: {words(self.rule)}{fix}"


def _shown(value: object) -> str:
    """`value` as a short literal; long ones are cut so that a card stays a card."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else text[:77] + "…"


class ImagegenError(Exception):
    """Base of every error this package raises on purpose.

    `summary` is one sentence; `problems` the single faults; `hints` lines to type or do next; `outcome`
    says what became of the request, or None where no request is involved.
    """

    outcome: Outcome | None = None

    def __init__(
        self,
        summary: str,
        *,
        problems: tuple[Problem, ...] = (),
        hints: tuple[str, ...] = (),
        outcome: Outcome | None = None,
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.problems = problems
        self.hints = hints
        if outcome is not None:
            self.outcome = outcome

    def __str__(self) -> str:
        return "\n".join(self.card_lines())

    def card_lines(self, words: Words = str) -> list[str]:
        """The lines of the short card: summary, every problem, hints, and what became of the money."""
        lines = [words(self.summary)]
        for number, problem in enumerate(self.problems, 1):
            bullet = f"  {number}. " if len(self.problems) > 1 else "  - "
            lines.append(bullet + problem.said(words))
        lines += [f"  → {words(hint)}" for hint in self.hints]
        if self.outcome is not None:
            lines.append(f"  ({OUTCOME_SENTENCES[self.outcome]})")
        return lines

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: the card in place of a traceback. The full one: `%imagegen why`."""
        first, *rest = self.card_lines()
        return [f"{type(self).__name__}: {first}", *rest]


class OptionError(ImagegenError):
    """A flag, a setting, a template or a reference could not be read."""

    outcome: Outcome | None = "not sent"


class RequestError(ImagegenError):
    """The request breaks rules; `.problems` holds every one of them, each with its fix."""

    outcome: Outcome | None = "not sent"


class BudgetError(ImagegenError):
    """The upper end of the cost estimate is above the limit."""

    outcome: Outcome | None = "not sent"


class StoreError(ImagegenError):
    """A file can't be written, or must not be overwritten.

    Attributes:
        pictures: the bytes of paid pictures that the output folder could not take; empty otherwise.
        kept: where they were put instead.
    """

    def __init__(
        self,
        summary: str,
        *,
        hints: tuple[str, ...] = (),
        outcome: Outcome | None = None,
        pictures: tuple[bytes, ...] = (),
        request_id: str | None = None,
    ) -> None:
        super().__init__(summary, hints=hints, outcome=outcome)
        self.pictures = pictures
        self.request_id = request_id
        self.kept: tuple[str, ...] = ()

    def card_lines(self, words: Words = str) -> list[str]:
        """The card, with where the pictures are now."""
        lines = super().card_lines(words)
        lines += [f"  kept: {path}" for path in self.kept]
        if self.pictures and not any("/" in path for path in self.kept):
            lines.append("  kept in memory: import sys; open('picture', 'wb').write(sys.last_value.pictures[0])")
        return lines


class CutoutError(ImagegenError):
    """No cut-out can be made of this picture."""


class CallError(ImagegenError):
    """A request was made, or tried.

    Attributes:
        outcome: what became of the request.
        status: HTTP status code, or None where there was no answer.
        code: the server's own error code.
        request_id: the server's `x-request-id`, to quote to its support.
        retry_after: seconds the server asks to wait, or None.
        kept: paths of what was received and kept although it can't be used.
    """

    outcome: Outcome | None = "ambiguous"

    def __init__(
        self,
        summary: str,
        *,
        outcome: Outcome | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        kept: tuple[str, ...] = (),
        hints: tuple[str, ...] = (),
        problems: tuple[Problem, ...] = (),
    ) -> None:
        super().__init__(summary, outcome=outcome, hints=hints, problems=problems)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.kept = kept

    def card_lines(self, words: Words = str) -> list[str]:
        """The card, with what was kept and the request id to quote."""
        lines = super().card_lines(words)
        lines += [f"  kept: {path}" for path in self.kept]
        if self.request_id:
            lines.append(f"  request id: {self.request_id}")
        return lines


class AuthenticationError(CallError):
    """The key is missing, wrong or not allowed here."""

    outcome: Outcome | None = "refused"


class VerificationError(CallError):
    """The organisation has to be verified for this model."""

    outcome: Outcome | None = "refused"


class ModerationError(CallError):
    """The prompt, an input or the picture was blocked; never retried."""

    outcome: Outcome | None = "refused"


class BadRequestError(CallError):
    """The server does not accept the request."""

    outcome: Outcome | None = "refused"


class QuotaError(CallError):
    """The account's money or spending limit is used up; waiting does not help."""

    outcome: Outcome | None = "refused"


class RateLimitError(CallError):
    """Too many requests or images a minute; waiting helps."""

    outcome: Outcome | None = "refused"


class ServerError(CallError):
    """The server failed; whether it bills is unknown, except where it says that it is overloaded."""


class CallTimeoutError(CallError):
    """No complete answer in time."""


class ConnectError(CallError):
    """No connection could be made."""

    outcome: Outcome | None = "not sent"


class ConnectionLostError(CallError):
    """The connection broke after the request was sent."""


class AnswerError(CallError):
    """What came back is not (only) the images asked for; what was received is kept (`.kept`)."""


class CallCancelledError(CallError):
    """The user stopped it; what had been sent goes on in the background and is saved."""
