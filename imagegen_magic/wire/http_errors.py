"""Failures of a call, as our errors: what became of the money, and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from imagegen_magic.errors import (
    AuthenticationError,
    BadRequestError,
    CallError,
    CallTimeoutError,
    ConnectError,
    ConnectionLostError,
    ModerationError,
    QuotaError,
    RateLimitError,
    ServerError,
    VerificationError,
)
from imagegen_magic.facts.catalog import load_catalog
from imagegen_magic.redaction import redact

from .retries import read_wait

__all__ = ["missing_key", "read_error_body", "status_error", "transport_error"]

QUOTA_CODES = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "billing_hard_limit_reached",
    }
)
MODERATION_CODES = frozenset({"moderation_blocked", "content_policy_violation", "image_content_policy_violation"})
VERIFY_URL = "https://platform.openai.com/settings/organization/general"
MAX_MESSAGE = 400


def missing_key() -> AuthenticationError:
    """The card for a live call without a key."""
    return AuthenticationError(
        "no API key: OPENAI_API_KEY is not set",
        outcome="not sent",
        hints=(
            "set it in the shell before starting Jupyter: export OPENAI_API_KEY=…",
            "or in the notebook, without typing it into a cell: import getpass, os; os.environ['OPENAI_API_KEY'] = getpass.getpass()",
            "or put it into the environment of the kernel (kernel.json, or your host's secrets)",
            "without a key: --dry-run checks everything, --backend simulator makes stamped stand-ins offline",
        ),
    )


def read_error_body(body: Any) -> tuple[str, str | None, str | None, str | None]:
    """(message, code, type, param) of an error body of any server: OpenAI's, `{"error": "text"}`, `{"detail": …}`, HTML."""
    if isinstance(body, (bytes, bytearray)):
        body = _parsed(bytes(body).decode("utf-8", "replace"))
    elif isinstance(body, str):
        body = _parsed(body)
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if isinstance(inner, Mapping):
            message = (
                inner.get("message")
                or inner.get("detail")
                or inner.get("error")
                or json.dumps(dict(inner))[:MAX_MESSAGE]
            )
            fields = [inner.get(name) for name in ("code", "type", "param")]
            code, kind, param = (None if value is None else str(value) for value in fields)
            return _clean(str(message)), code, kind, param
        return _clean(str(inner)), None, None, None
    return _clean(str(body or "")), None, None, None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return re.sub(r"<[^>]+>", " ", text)  # an HTML page says its message between its tags


def _clean(message: str) -> str:
    """One line without keys, of bearable length."""
    text = redact(" ".join(message.split()))
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def status_error(  # noqa: PLR0911 - one line of decision each
    status: int, body: Any, headers: Mapping[str, str]
) -> CallError:
    """The error for an answer with this HTTP status and body."""
    message, code, kind, param = read_error_body(body)
    request_id = {name.lower(): value for name, value in headers.items()}.get("x-request-id")
    shared: dict[str, Any] = {"status": status, "code": code, "request_id": request_id}
    said = f": {message}" if message else ""
    hints: tuple[str, ...]
    if code in QUOTA_CODES or kind in QUOTA_CODES:
        hints = (
            "add credit or raise the limit: https://platform.openai.com/settings/organization/billing",
            "waiting does not help",
        )
        return QuotaError(f"the account's money or spending limit is used up{said}", hints=hints, **shared)
    if code in MODERATION_CODES or kind in MODERATION_CODES or "safety_violations" in message:
        hints = ("change the prompt or the input picture; the same request is not tried again",)
        return ModerationError(f"blocked by the server's moderation{said}", hints=hints, **shared)
    if "must be verified" in message:
        hints = (f"verify the organisation: {VERIFY_URL}", "after that it can take 15 minutes until the model is open")
        return VerificationError(f"the organisation has to be verified for this model{said}", hints=hints, **shared)
    if status == 429:
        wait = read_wait(headers, message)
        return RateLimitError(
            f"rate limit{said}", retry_after=wait, hints=("wait, or ask for fewer pictures a minute",), **shared
        )
    if status in (401, 403):
        hints = ("check OPENAI_API_KEY and, for another server, --base-url", "%imagegen doctor shows what is set")
        return AuthenticationError(f"the server does not accept the key, or not for this{said}", hints=hints, **shared)
    if status == 408:
        return CallTimeoutError(f"the server gave up waiting{said}", hints=_AMBIGUOUS_HINTS, **shared)
    if status < 500 and status != 409:
        return BadRequestError(
            f"the server refused the request{said}", hints=_refusal_hints(status, message, code, param), **shared
        )
    if status == 503:
        wait = read_wait(headers, message)
        return ServerError(f"the server is overloaded (503){said}", outcome="refused", retry_after=wait, **shared)
    return ServerError(f"the server failed ({status}){said}", outcome="ambiguous", hints=_AMBIGUOUS_HINTS, **shared)


_AMBIGUOUS_HINTS = (
    "not tried again by itself, because that could buy the picture twice: look at your usage page first",
    "--retry-ambiguous 1 tries again all the same",
)


def _refusal_hints(status: int, message: str, code: str | None, param: str | None) -> tuple[str, ...]:
    """What may help with a refusal, by its text."""
    text = message.lower()
    if code == "unknown_parameter" or "unknown parameter" in text:
        return (
            f"this server does not know {param or 'one of the fields'}: leave it out, or name the server's dialect with --dialect",
        )
    if "transparent" in text and "not supported" in text:
        able = load_catalog().first_able(lambda model: model.transparency == "yes")
        return (
            "--transparent makes the cut-out with a chroma key instead",
            f"--transparent native --model {able}, whose native transparency is known to work",
        )
    if "model" in text and (status == 404 or "not exist" in text or "not found" in text):
        return ("the model may be retired, or not open to this project: %imagegen models",)
    return ("--dry-run shows the exact request",)


def transport_error(error: BaseException, elapsed: float, *, sent: bool = True) -> CallError:
    """The error for a failure below HTTP. `sent` is False while no byte of the request can have left.

    Types are told by their names: httpx2's tree is its own, and this room does not import it.
    """
    name = type(error).__name__
    if name in ("ConnectTimeout", "PoolTimeout", "ConnectError", "UnsupportedProtocol", "ProxyError") or not sent:
        hints = ("check the network and --base-url; nothing left this machine",)
        return ConnectError(f"no connection to the server ({name}: {_clean(str(error)) or 'no details'})", hints=hints)
    if "Timeout" in name:
        longer = "--timeout and --deadline (seconds) give it longer"
        summary = f"no complete answer after {elapsed:.0f} s ({name})"
        return CallTimeoutError(summary, hints=(longer, *_AMBIGUOUS_HINTS))
    summary = f"the connection broke after {elapsed:.0f} s ({name}: {_clean(str(error)) or 'no details'})"
    return ConnectionLostError(summary, hints=_AMBIGUOUS_HINTS)
