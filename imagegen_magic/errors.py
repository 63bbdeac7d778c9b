"""What can go wrong, as a tree, and how an error shows itself.

ImagegenError
 ├─ OptionError        a flag, a setting, a template or a reference could not be read
 ├─ RequestError       the request breaks rules; `.problems` holds every one of them
 ├─ BudgetError        the request would cost more than its limit
 ├─ ReplayError        stored files can't stand for a request: it changed, or a file is missing
 ├─ StoreError         a file can't be written, or must not be overwritten
 ├─ CutoutError        no cut-out can be made of this picture
 ├─ MissingPackageError  a package that this needs can't be imported
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
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

from .redaction import redact

__all__ = [
    "CELL_WORDS",
    "AnswerError",
    "AuthenticationError",
    "BadRequestError",
    "BudgetError",
    "CallCancelledError",
    "CallError",
    "CallTimeoutError",
    "Command",
    "ConnectError",
    "ConnectionLostError",
    "CutoutError",
    "Default",
    "Fix",
    "ImagegenError",
    "MissingPackageError",
    "ModerationError",
    "OptionError",
    "Outcome",
    "Part",
    "Problem",
    "PromptPlace",
    "QuotaError",
    "RateLimitError",
    "ReplayError",
    "RequestError",
    "ServerError",
    "Setting",
    "StoreError",
    "VerificationError",
    "Words",
    "in_toml",
]

Outcome = Literal["done", "refused", "not sent", "ambiguous"]
"""What became of a request: answered with images, refused by the server (not billed), never sent, or unknown."""

OUTCOME_SENTENCES: dict[Outcome, str] = {
    "done": "the server answered and bills this request",
    "refused": "the server refused the request; it is not billed",
    "not sent": "nothing was sent, nothing was billed",
    "ambiguous": "the outcome is unknown: this request may have been billed",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """An option as a user sets it: `Setting("--size", "1024x1024")`; without a value a flag, or the option as such."""

    flag: str
    """The option's flag as a cell has it, `--output-format`, `-n` or `--no-reuse`."""
    value: str = ""
    others: tuple[str, ...] = ()
    """Further values that would do as well."""


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand with what follows it: `Command("history", "mug -n 100")`; `generate`, `edit`, `batch` are cells' first lines."""

    name: str
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Default:
    """A default of the session: `Default("session_max_cost", "5")`."""

    option: str
    value: str


def in_toml(value: str) -> str:
    """A value as TOML has it: numbers, true and false bare, everything else in quotes."""
    return value if re.fullmatch(r"[\d.]+|true|false", value) else f'"{value}"'


@dataclass(frozen=True, slots=True)
class PromptPlace:
    """The place where the surface takes a prompt."""


Part = Setting | Command | Default | PromptPlace


class Words:
    """How a surface says a fix's parts; this one is a notebook cell's, and each other surface has its own."""

    def setting(self, setting: Setting) -> str:
        """`--size 1024x1024`; a value with blanks in quotes."""
        values = "|".join((setting.value, *setting.others))
        if " " in values:
            values = f'"{values}"'
        return f"{setting.flag} {values}".rstrip()

    def command(self, command: Command) -> str:
        """`%imagegen history`; the commands that make images are cells, but for their help."""
        if command.name in CELLS and command.arguments != HELP:
            return f"{CELLS[command.name]} {command.arguments}".rstrip()
        name = "" if command.name == "generate" else f"{command.name} "
        return f"%imagegen {name}{command.arguments}".rstrip()

    def default(self, default: Default) -> str:
        """`%config ImagegenMagics.session_max_cost = 5`."""
        value = {"true": "True", "false": "False"}.get(default.value.lower()) or in_toml(default.value)
        return f"%config ImagegenMagics.{default.option} = {value}"

    def prompt(self) -> str:
        """How a prompt is given."""
        return f"write it below the {CELLS['generate']} line"

    def field(self, name: str) -> str:
        """The name of a problem's field."""
        return name

    def render(self, text: str) -> str:
        """A sentence of a card in this surface's words; a plain text stays as it is."""
        if not isinstance(text, Fix):
            return text
        return "".join(part if isinstance(part, str) else self.part(part) for part in text.parts)

    def part(self, part: Part) -> str:
        """One part in this surface's words."""
        match part:
            case Setting():
                return self.setting(part)
            case Command():
                return self.command(part)
            case Default():
                return self.default(part)
            case PromptPlace():
                return self.prompt()


CELLS = {
    "generate": "%%imagegen",
    "edit": "%%imagegen_edit",
    "batch": "%%imagegen_batch",
    "sprites": "%%imagegen_sprites",
}
"""The commands that are cells, by their names."""
HELP = "--help"
"""What asks for a command's flags; IPython refuses a cell magic that has nothing below it."""
CELL_WORDS = Words()


class Fix(str):
    """A sentence that says what to do, its settings and commands as data, so that each surface says them in its own words.

    Its text is what a cell shows; `parts` are the strings, settings and commands it was made of.

    >>> Fix("nearest legal: ", Setting("--size", "1024x1024"))
    'nearest legal: --size 1024x1024'
    """

    __slots__ = ("parts",)
    parts: tuple[str | Part, ...]

    def __new__(cls, *parts: str | Part) -> Self:
        """A fix of strings (other fixes among them) and parts, in their order."""
        whole = [piece for part in parts for piece in (part.parts if isinstance(part, Fix) else (part,))]
        fix = super().__new__(cls, "".join(p if isinstance(p, str) else CELL_WORDS.part(p) for p in whole))
        fix.parts = tuple(whole)
        return fix

    def __getnewargs__(self) -> tuple[str | Part, ...]:  # type: ignore[override]
        return self.parts

    @classmethod
    def any_of(cls, fixes: Iterable[str | Part]) -> Self:
        """`a or b or c`."""
        parts = [part for fix in fixes for part in (" or ", fix)]
        return cls(*parts[1:])

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Its settings, in their order."""
        return tuple(part for part in self.parts if isinstance(part, Setting))


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
        return self.render(CELL_WORDS)

    def render(self, words: Words) -> str:
        """The problem in a surface's words; the value stands as it was typed."""
        given = "" if self.value is None else f" {_shown(self.value)}"
        place = f"{self.where}: " if self.where else ""
        fix = f"\n      fix: {words.render(self.fix)}" if self.fix else ""
        return f"{place}{words.field(self.field)}{given}: {words.render(self.rule)}{fix}"


def _shown(value: object) -> str:
    """`value` as a short literal; long ones are cut so that a card stays a card."""
    try:
        text = redact(repr(value) if isinstance(value, str) else str(value))
    except Exception:  # noqa: BLE001 - an object of the user's own that has no text
        text = f"of type {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "…"


class ImagegenError(Exception):
    """Base of every error this package raises on purpose.

    `summary` is one sentence; `problems` the single faults; `hints` lines to type or do next; `outcome`
    says what became of the request, or None if no request is involved.
    """

    outcome: Outcome | None = None
    words: Words = CELL_WORDS
    """The words of the surface that shows it."""

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

    def card_lines(self, words: Words | None = None) -> list[str]:
        """The lines of the short card: summary, every problem, hints, and what became of the money."""
        words = words or self.words
        lines = [words.render(self.summary)]
        for number, problem in enumerate(self.problems, 1):
            bullet = f"  {number}. " if len(self.problems) > 1 else "  - "
            lines.append(bullet + problem.render(words))
        lines += [f"  → {words.render(hint)}" for hint in self.hints]
        if self.outcome is not None:
            lines.append(f"  ({OUTCOME_SENTENCES[self.outcome]})")
        return [redact(line) for line in lines]  # what was typed in the wrong place comes back in a fix

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


class ReplayError(ImagegenError):
    """Stored files can't stand for a request: it changed since `imagegen.lock` was written, or a file is missing."""

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

    def card_lines(self, words: Words | None = None) -> list[str]:
        """The card, with where the pictures are now."""
        lines = super().card_lines(words)
        lines += [f"  kept: {path}" for path in self.kept]
        if self.pictures and not any("/" in path for path in self.kept):
            lines.append("  kept in memory: import sys; open('picture', 'wb').write(sys.last_value.pictures[0])")
        return lines


class CutoutError(ImagegenError):
    """No cut-out can be made of this picture."""


class MissingPackageError(ImagegenError, ImportError):
    """A package that this needs can't be imported: it is missing, or broken."""


class CallError(ImagegenError):
    """A request was made, or tried.

    Attributes:
        outcome: what became of the request.
        status: HTTP status code, or None if there was no answer.
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

    def card_lines(self, words: Words | None = None) -> list[str]:
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
    """The server failed; whether it bills is unknown, except if it says that it is overloaded."""


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
