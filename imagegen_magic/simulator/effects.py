"""Faults put into practice: refusals, broken connections, and bodies that are not what they should be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from .faults import Fault
from .rules import moderation_error
from .wire import ApiError, Disconnect, Response, Sleep, json_response, wait

__all__ = ["damaged", "maimed", "raise_status_fault", "rate_limit"]

_FOREVER = 3600.0
_PAUSE = 0.25
_CUT = 0.6
_HTML = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    "<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"
)


def rate_limit(
    model: str, seconds: float | None, *, what: str = "images per min", detail: str = "Limit 5, Used 5, Requested 1"
) -> ApiError:
    """429, with the wait in the message and, if it is known, in the headers."""
    headers = (
        {}
        if seconds is None
        else {"retry-after": str(math.ceil(seconds)), "retry-after-ms": str(round(seconds * 1000))}
    )
    again = 1.0 if seconds is None else seconds
    return ApiError(
        429,
        f"Rate limit reached for {model} in organization org-simulated on {what}: {detail}. Please try again in "
        f"{again:g}s. Visit https://platform.openai.com/account/rate-limits to learn more.",
        kind="requests",
        code="rate_limit_exceeded",
        headers=headers,
    )


def raise_status_fault(fault: Fault, model: str, request_id: str) -> None:
    """Raises the refusal that the fault stands for; returns for faults of another kind."""
    if fault.name == "400 unknown_parameter":
        raise ApiError(400, f"Unknown parameter: '{fault.param}'.", param=fault.param, code="unknown_parameter")
    if fault.name == "401":
        message = "Incorrect API key provided: sk-****. You can find your API key at https://platform.openai.com/account/api-keys."
        raise ApiError(401, message, code="invalid_api_key")
    if fault.name == "403 unverified":
        raise ApiError(
            403,
            f"Your organization must be verified to use the model `{model}`. Please go to: "
            "https://platform.openai.com/settings/organization/general and click on Verify Organization. If you just "
            "verified, it can take up to 15 minutes for access to propagate.",
        )
    if fault.name == "429":
        raise rate_limit(model, fault.retry_after)
    if fault.name == "quota":
        message = "You exceeded your current quota, please check your plan and billing details."
        raise ApiError(429, message, kind="insufficient_quota", code="insufficient_quota")
    if fault.name == "moderation":
        raise moderation_error(request_id, ["violence"])
    if fault.name == "500":
        message = f"The server had an error while processing your request. Sorry about that! (request ID {request_id})"
        raise ApiError(500, message, kind="server_error", code="server_error")
    if fault.name == "503":
        headers = {} if fault.retry_after is None else {"retry-after": str(math.ceil(fault.retry_after))}
        message = "The server is currently overloaded with other requests. Sorry about that! Please try again later."
        raise ApiError(503, message, kind="server_error", code="server_is_overloaded", headers=headers)


def maimed(fault: Fault, sleep: Sleep, timeout: float | None) -> Response | None:
    """The answer of a fault that needs no picture, or None.

    Raises:
        Disconnect, Stalled: the fault is that no answer comes.
    """
    if fault.name == "reset before headers":
        raise Disconnect(reset=True)
    if fault.name == "stall":
        wait(fault.wait(_FOREVER), timeout, sleep)
        raise Disconnect(reset=False)
    if fault.name in ("502 html", "html 200"):
        status, title = (502, "502 Bad Gateway") if fault.name == "502 html" else (200, "Please sign in")
        data = _HTML.format(title=title).encode()
        return Response(status, {"content-type": "text/html", "content-length": str(len(data))}, (data,))
    if fault.name == "empty body":
        return Response(200, {"content-type": "application/json", "content-length": "0"})
    if fault.name == "null data":
        return None
    if fault.name == "stream silent":
        return Response(200, {"content-type": "text/event-stream; charset=utf-8"}, _silence(fault, sleep, timeout))
    return None


def _silence(fault: Fault, sleep: Sleep, timeout: float | None) -> Iterator[bytes]:
    wait(fault.wait(_FOREVER), timeout, sleep)
    yield from ()


def damaged(response: Response, fault: Fault, sleep: Sleep, timeout: float | None) -> Response:
    """The answer with its body cut, slowed or torn off, if the fault says so."""
    if fault.name == "reset after headers":
        return Response(response.status, response.headers, _torn())
    if fault.name not in ("slow body", "truncated body", "json cut"):
        return response
    body = response.read()
    headers = dict(response.headers)
    pieces: Iterable[bytes]
    if fault.name == "slow body":
        pieces = _slowly(body, fault.wait(30.0), sleep, timeout)
        return Response(response.status, {**headers, "content-length": str(len(body))}, pieces)
    cut = int(len(body) * _CUT)
    if fault.name == "json cut":
        return Response(response.status, {**headers, "content-length": str(cut)}, (body[:cut],))
    return Response(response.status, {**headers, "content-length": str(len(body))}, _torn(body[:cut], reset=False))


def _torn(first: bytes = b"", *, reset: bool = True) -> Iterator[bytes]:
    if first:
        yield first
    raise Disconnect(reset=reset)


def _slowly(body: bytes, seconds: float, sleep: Sleep, timeout: float | None) -> Iterator[bytes]:
    count = max(1, round(seconds / _PAUSE))
    size = max(1, math.ceil(len(body) / count))
    for start in range(0, len(body), size):
        wait(seconds / count, timeout, sleep)
        yield body[start : start + size]


def error_response(error: ApiError, **extra: Any) -> Response:
    """The refusal as an answer."""
    return json_response(error.status, {**error.body, **extra}, error.headers)
