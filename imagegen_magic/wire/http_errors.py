"""Failures of a call, as our errors: what became of the money, and what to do."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from imagegen_magic.errors import (
    AuthenticationError,
    BadRequestError,
    CallError,
    CallTimeoutError,
    Command,
    ConnectError,
    ConnectionLostError,
    Fix,
    ModerationError,
    QuotaError,
    RateLimitError,
    ServerError,
    Setting,
    VerificationError,
)
from imagegen_magic.facts.catalog import load_catalog
from imagegen_magic.redaction import redact

from .error_bodies import ErrorBody, one_line, read_error_body
from .retries import read_wait
from .spool_body import SpooledBody

__all__ = [
    "error_in_answer",
    "is_web_page",
    "missing_key",
    "odd_key",
    "read_request_id",
    "status_error",
    "transport_error",
    "unusable_network",
    "web_page_error",
]

QUOTA_CODES = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "billing_hard_limit_reached",
        "insufficient_user_quota",
        "insufficient_balance",
        "insufficient_credits",
        "insufficient_funds",
        "pre_consume_token_quota_failed",
        "budget_exceeded",
    }
)
QUOTA_WORDS = re.compile(
    r"insufficient (?:account )?(?:balance|credits?|funds)|out of credits?|(?:额度|余额)不足", re.IGNORECASE
)
SPENT_WORDS = re.compile(r"exceeded your current quota", re.IGNORECASE)
"""Said of money; and by others of a rate, then with the time to wait."""
MODERATION_CODES = frozenset(
    {
        "moderation_blocked",
        "content_policy_violation",
        "image_content_policy_violation",
        "content_filter",
        "contentFilter",
        "content_blocked",
        "image_safety",
        "ResponsibleAIPolicyViolation",
    }
)
MODERATION_WORDS = re.compile(
    r"safety_violations|our safety system|rejected by the safety system|\[IMAGE_SAFETY\]|content[ _]filter"
    r"|(content|usage)( management)? polic(y|ies)|prohibited[ _]content|inappropriate content|SensitiveContentDetected"
    r"|DataInspectionFailed|Content Exists Risk",
    re.IGNORECASE,
)
REGION_WORDS = re.compile(r"(country|region|territory|location)[^.]* not supported|unsupported_country", re.IGNORECASE)
VERIFY_URL = "https://platform.openai.com/settings/organization/general"
MAX_CODE = 120
"""Characters of a server's own words that are kept."""


def missing_key() -> AuthenticationError:
    """The card for a live call without a key."""
    return AuthenticationError(
        "no API key: OPENAI_API_KEY is not set",
        outcome="not sent",
        hints=(
            "set it in the shell before starting Jupyter: export OPENAI_API_KEY=…",
            "or in the notebook, without typing it into a cell: import getpass, os; os.environ['OPENAI_API_KEY'] = getpass.getpass()",
            "or put it into the environment of the kernel (kernel.json, or your host's secrets)",
            Fix(
                "without a key: ",
                Setting("--dry-run"),
                " checks everything, ",
                Setting("--backend", "simulator"),
                " makes stamped stand-ins offline",
            ),
        ),
    )


def odd_key() -> AuthenticationError:
    """The card for a key that no header takes: a quotation mark or a line break was copied along."""
    return AuthenticationError(
        "the API key holds a character that no key has",
        outcome="not sent",
        hints=("copy OPENAI_API_KEY again, without quotation marks, blanks and line breaks",),
    )


def unusable_network(error: Exception) -> CallError:
    """The card for proxies or certificates of the environment that can't be used; no retry would help."""
    places = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE, SSL_CERT_DIR, SSLKEYLOGFILE"
    hints = [f"look at these variables of the environment, in small letters too: {places}"]
    if isinstance(error, ImportError):
        hints.append("for a SOCKS proxy: pip install socksio")
    said = redact(one_line(str(error))) or type(error).__name__
    return CallError(f"no connection can be made ready ({said})", outcome="not sent", hints=tuple(hints))


def read_request_id(headers: Mapping[str, str]) -> str | None:
    """The server's name for the request, without keys, of bearable length."""
    found = {name.lower(): value for name, value in headers.items()}.get("x-request-id")
    return None if found is None else redact(found)[:MAX_CODE]


def is_web_page(body: SpooledBody, headers: Mapping[str, str]) -> bool:
    """True if a body is an HTML page, not an answer of the API."""
    start = body.read().read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    page = "text/html" in headers.get("content-type", "") and start.startswith(b"<")
    return page or start.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))


def web_page_error(status: int, address: str, text: str = "") -> BadRequestError:
    """The error for a web page in place of an answer: the address is wrong or guarded, and nothing was made there."""
    place = _without_secrets(address)
    summary = f"{place} answered with a web page ({status}), not as an Images API{text and f': {text}'}"
    blocked = ("a firewall or a proxy on the way may have answered",) if status in (401, 403) else ()
    hints = (
        *blocked,
        f"base_url is {place}: it usually ends in /v1, without the endpoint's name",
        Fix(Command("doctor"), " shows what is set"),
    )
    return BadRequestError(summary, status=status, hints=hints)


def status_error(
    status: int, body: Any, headers: Mapping[str, str], *, gateway: bool = False, address: str = ""
) -> CallError:
    """The error for an answer with this HTTP status and body: what the body says decides, then the status.

    Args:
        gateway: the server may have passed the request on, and tried it again there, before it refused it.
        address: the server's base address, named if the endpoint is not found there.
    """
    said = read_error_body(body)
    shared: dict[str, Any] = {"status": status, "code": _kept_code(said), "request_id": read_request_id(headers)}
    quoted = f": {said.message}" if said.message else ""
    if (known := _by_body(said, quoted, shared, status)) is not None:
        return known
    if 300 <= status < 400 and _location(headers):
        return _redirect_error(status, headers, address, shared)
    if status in (429, 503):
        busy = _busy(status, said, read_wait(headers, said.message, said.wait), shared)
        return _passed_on(busy) if gateway else busy
    if status in (404, 405) and address:
        shared["hints"] = (*_refusal_hints(status, said), f"base_url is {_without_secrets(address)}")
        return BadRequestError(f"the server refused the request{quoted}", **shared)
    return _by_status(status, quoted, _refusal_hints(status, said), shared)


def error_in_answer(error: Any, *, gateway: bool = False) -> CallError:
    """The error that stands in a stream, or in an answer with the status of a success: by its words, then by its type."""
    said = read_error_body({"error": error})
    shared: dict[str, Any] = {"code": _kept_code(said)}
    quoted = f": {said.message}" if said.message else ""
    if (known := _by_body(said, quoted, shared)) is not None:
        return known
    if said.kind in REFUSALS and not gateway:
        return BadRequestError(f"the server refused the request{quoted}", hints=_refusal_hints(400, said), **shared)
    summary = f"the server failed after it had begun to answer{quoted}"
    return ServerError(summary, outcome="ambiguous", hints=_AMBIGUOUS_HINTS, **shared)


def _kept_code(said: ErrorBody) -> str | None:
    return None if said.code is None else redact(said.code)[:MAX_CODE]


REFUSALS = ("invalid_request_error", "image_generation_user_error")
"""Error types that say that the request is to blame; any other error in an answer may come after billing."""


def _redirect_error(status: int, headers: Mapping[str, str], address: str, shared: dict[str, Any]) -> BadRequestError:
    """The error for a redirect, which is not followed: only the user knows whether the other place may have the prompt."""
    place = _location(headers)
    with contextlib.suppress(ValueError):  # an address that is none is named as it came
        place = urljoin(address, place)
    summary = f"the server redirects ({status}) to {redact(_without_secrets(place))}; nothing was sent there"
    hints = ("if requests should go there, make it the base_url", f"base_url is {_without_secrets(address)}")
    return BadRequestError(summary, **{**shared, "hints": hints})


def _location(headers: Mapping[str, str]) -> str:
    return {name.lower(): value for name, value in headers.items()}.get("location", "")


def _by_body(said: ErrorBody, quoted: str, shared: dict[str, Any], status: int = 0) -> CallError | None:
    """The error that the body's own words name, whatever the status; None if they name none."""
    hints: tuple[str, ...]
    message = said.message
    words = " ".join((*sorted(said.codes), message))
    if said.codes & QUOTA_CODES or QUOTA_WORDS.search(message) or status == 402:
        return _spent(quoted, shared)
    if said.codes & MODERATION_CODES or MODERATION_WORDS.search(words):
        hints = ("change the prompt or the input picture; the same request is not tried again",)
        return ModerationError(f"blocked by the server's moderation{quoted}", hints=hints, **shared)
    if "must be verified" in message:
        hints = (f"verify the organisation: {VERIFY_URL}", "after that it can take 15 minutes until the model is open")
        return VerificationError(f"the organisation has to be verified for this model{quoted}", hints=hints, **shared)
    if REGION_WORDS.search(words):
        hints = ("the server refuses requests from this place; a key does not change that",)
        return BadRequestError(f"not available in this region{quoted}", hints=hints, **shared)
    # A project without the model, or a gateway that has it nowhere: no other key helps, and no waiting.
    if "model_not_found" in said.codes and status in (403, 503):
        return BadRequestError(f"the server refused the request{quoted}", hints=_refusal_hints(404, said), **shared)
    return None


def _spent(quoted: str, shared: dict[str, Any]) -> QuotaError:
    hints = (
        "add credit or raise the limit: https://platform.openai.com/settings/organization/billing",
        "waiting does not help",
    )
    return QuotaError(f"the account's money or spending limit is used up{quoted}", hints=hints, **shared)


def _busy(status: int, said: ErrorBody, wait: float | None, shared: dict[str, Any]) -> CallError:
    """A rate limit, or a server that is overloaded."""
    quoted = f": {said.message}" if said.message else ""
    if wait is None and SPENT_WORDS.search(said.message):
        return _spent(quoted, shared)
    if status == 429:
        hints = ("wait, or ask for fewer pictures a minute",)
        return RateLimitError(f"rate limit{quoted}", retry_after=wait, hints=hints, **shared)
    return ServerError(f"the server is overloaded (503){quoted}", outcome="refused", retry_after=wait, **shared)


def _by_status(status: int, quoted: str, refusal_hints: tuple[str, ...], shared: dict[str, Any]) -> CallError:
    """The error that the status alone tells."""
    hints: tuple[str, ...]
    if status == 413:
        hints = ("send a smaller picture: scale it down, or save it as JPEG",)
        return BadRequestError(f"the request is too large for the server{quoted}", hints=hints, **shared)
    if status in (401, 403):
        hints = (
            Fix("check OPENAI_API_KEY and, for another server, ", Setting("--base-url")),
            Fix(Command("doctor"), " shows what is set"),
        )
        return AuthenticationError(
            f"the server does not accept the key, or not for this{quoted}", hints=hints, **shared
        )
    if status == 407:
        hints = ("a proxy on the way asks for a login: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT",)
        return BadRequestError(f"the proxy refused the request{quoted}", hints=hints, **shared)
    if status == 408:
        return CallTimeoutError(f"the server gave up waiting{quoted}", hints=_AMBIGUOUS_HINTS, **shared)
    if status < 500 and status not in GIVEN_UP:
        return BadRequestError(f"the server refused the request{quoted}", hints=refusal_hints, **shared)
    return ServerError(f"the server failed ({status}){quoted}", outcome="ambiguous", hints=_AMBIGUOUS_HINTS, **shared)


GIVEN_UP = (409, 444, 499)
"""Statuses of a middleman that hung up, or of a request that another one stands against: the server behind may go on."""


def _without_secrets(address: str) -> str:
    """The address without user, password and query."""
    return address.split("?", maxsplit=1)[0].rsplit("@", 1)[-1]


def _passed_on(error: CallError) -> CallError:
    """The refusal of a gateway: what is behind it may have made the image, and the gateway may have asked twice."""
    error.outcome = "ambiguous"
    error.hints = (*error.hints, *_AMBIGUOUS_HINTS)
    return error


_AMBIGUOUS_HINTS = (
    "not tried again by itself, because that could buy the picture twice: look at your usage page first",
    Fix(Setting("--retry-ambiguous", "1"), " tries again all the same"),
)


def _refusal_hints(status: int, said: ErrorBody) -> tuple[str, ...]:
    """What may help with a refusal, by its text."""
    text = said.message.lower()
    if said.code == "unknown_parameter" or "unknown parameter" in text:
        return (
            Fix(
                f"this server does not know {said.param or 'one of the fields'}: leave it out, or name the server's dialect with ",
                Setting("--dialect"),
            ),
        )
    if "transparent" in text and "not supported" in text:
        able = load_catalog().first_able(lambda model: model.transparency == "yes")
        return (
            Fix(Setting("--transparent"), " makes the cut-out with a chroma key instead"),
            Fix(
                Setting("--transparent", "native"),
                " ",
                Setting("--model", able),
                ", whose native transparency is known to work",
            ),
        )
    if "DeploymentNotFound" in said.codes:
        return (Fix(Setting("--model"), " is the name of your deployment there, which may differ from the model's"),)
    if "model" in text and (status == 404 or "not exist" in text or "not found" in text):
        return (Fix("the model may be retired, or not open to this project: ", Command("models")),)
    return (Fix(Setting("--dry-run"), " shows the exact request"),)


NEVER_LEFT = (
    "ConnectTimeout", "PoolTimeout", "ConnectError", "UnsupportedProtocol", "ProxyError", "LocalProtocolError",
    "UnicodeEncodeError",
)  # fmt: skip
"""Errors of the connection that come before a byte is sent."""


def transport_error(error: BaseException, elapsed: float, *, sent: bool = True) -> CallError:
    """The error for a failure below HTTP. `sent` is False while no byte of the request can have left.

    Types are told by their names: httpx2's tree is its own, and this room does not import it.
    """
    name = type(error).__name__
    if name in NEVER_LEFT or not sent:
        hints = (Fix("check the network and ", Setting("--base-url"), "; nothing left this machine"),)
        return ConnectError(
            f"no connection to the server ({name}: {one_line(str(error)) or 'no details'})", hints=hints
        )
    if "Timeout" in name:
        longer = Fix(Setting("--timeout"), " and ", Setting("--deadline"), " (seconds) give it longer")
        summary = f"no complete answer after {elapsed:.0f} s ({name})"
        return CallTimeoutError(summary, hints=(longer, *_AMBIGUOUS_HINTS))
    summary = f"the connection broke after {elapsed:.0f} s ({name}: {one_line(str(error)) or 'no details'})"
    return ConnectionLostError(summary, hints=_AMBIGUOUS_HINTS)
