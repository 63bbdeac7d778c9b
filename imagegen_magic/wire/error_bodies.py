"""What a server says of an error, in whatever form: OpenAI's, a text, lists, JSON inside of JSON, a web page."""

from __future__ import annotations

import html
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imagegen_magic.redaction import redact

__all__ = ["ErrorBody", "one_line", "read_error_body", "said_in"]

MAX_MESSAGE = 400
"""Characters of a server's own words that are kept."""
MAX_DEPTH = 8
MAX_FIELDS = 200
"""Of a longer body no more is looked at."""
MESSAGES = (
    "message", "msg", "detail", "errordescription", "errormessage", "errormsg", "error", "err", "reason", "title",
    "description",
)  # fmt: skip
"""The names of messages without case and underscores, the most telling first."""
REASONS = ("statusmsg", "finishmessage", "refusal", "content", "text", "blockreason", "finishreason", "status")
"""The names of further messages, in answers that are not about an error and hold no image all the same."""
SAID_AT_ONCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """What an error's body says.

    Attributes:
        message: one line without keys, of bearable length.
        wait: how long to wait, as the body has it.
        codes: every code and type that stands in it, also deeper ones.
    """

    message: str
    code: str | None = None
    kind: str | None = None
    param: str | None = None
    wait: str | None = None
    codes: frozenset[str] = frozenset()


def read_error_body(body: Any) -> ErrorBody:
    """What a body says. Never raises."""
    if isinstance(body, (bytes, bytearray)):
        body = bytes(body).decode(json.detect_encoding(bytes(body)), "replace")
    for _ in range(2):  # a text may be quoted as JSON
        body = _parsed(body) if isinstance(body, str) else body
    fields = _some_fields(body)
    codes = [value for name, value in fields if name in ("code", "type")]
    return ErrorBody(
        message=one_line(_message(body, fields)),
        code=_first(fields, "code"),
        kind=_first(fields, "type"),
        param=_first(fields, "param"),
        wait=_first(fields, "retrydelay") or _first(fields, "retryafter"),
        codes=frozenset(codes),
    )


def said_in(answer: Any) -> str:
    """Why an answer holds no image, in its own words; empty if it has none."""
    return one_line(_told(_some_fields(answer), (*MESSAGES, *REASONS)))


def _some_fields(body: Any) -> list[tuple[str, str]]:
    return list(itertools.islice(_fields("", body), MAX_FIELDS))


def _told(fields: list[tuple[str, str]], names: tuple[str, ...]) -> str:
    """The texts of the first of the names that has any."""
    for wanted in names:
        if texts := dict.fromkeys(value for name, value in fields if name == wanted):
            return "; ".join(list(texts)[:SAID_AT_ONCE])
    return ""


def _message(body: Any, fields: list[tuple[str, str]]) -> str:
    if told := _told(fields, MESSAGES):
        return told
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str) if fields else ""


def _fields(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every text and number in a body with its name, those of a level before those below it."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        inner = [(str(name), item) for name, item in value.items()]
        yield from (field for pair in inner if not _holds_more(pair[1]) for field in _fields(*pair, depth + 1))
        yield from (field for pair in inner if _holds_more(pair[1]) for field in _fields(*pair, depth + 1))
    elif isinstance(value, list):
        for item in value:
            yield from _fields(name, item, depth + 1)
    elif isinstance(value, str) and value.lstrip().startswith(("{", "[{")) and _holds_more(quoted := _parsed(value)):
        yield from _fields(name, quoted, depth + 1)  # a gateway quotes what the server behind it answered
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
        yield name.lower().replace("_", ""), str(value)


def _holds_more(value: Any) -> bool:
    return isinstance(value, (Mapping, list))


def _first(fields: list[tuple[str, str]], wanted: str) -> str | None:
    return next((value for name, value in fields if name == wanted), None)


_EVENT = re.compile(r"^data:\s*(\{.*\})\s*$", re.MULTILINE)
"""An error that a server wrote as an event of a stream."""


def _parsed(text: str) -> Any:
    event = _EVENT.search(text)
    try:
        return json.loads(event[1] if event else text)
    except (ValueError, RecursionError):
        page = re.sub(r"(?is)<(style|script)\b.*?</\1\s*>", " ", text)
        return html.unescape(re.sub(r"<[^>]+>", " ", page))  # an HTML page says its message between its tags


def one_line(message: str) -> str:
    """One line without keys and without what would steer a terminal, of bearable length."""
    shown = "".join(letter for letter in " ".join(message.split()) if letter.isprintable())
    text = redact(shown)
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
