"""The SDK's errors as ours. Whoever catches one raises ours outside of the handler.

The SDK's error holds the request with its key, and would go along as what ours was raised from.
"""

from __future__ import annotations

import httpx2
import openai

from imagegen_magic.errors import AnswerError, CallError

from .error_bodies import read_error_body
from .http_errors import status_error, transport_error, web_page_error

__all__ = ["SDK_ERRORS", "our_error"]

SDK_ERRORS = (openai.APIError, UnicodeError, httpx2.HTTPError, httpx2.StreamError)
"""What a call of the SDK may raise, the errors of a body included that says why a request is refused."""


def our_error(error: Exception, elapsed: float = 0.0, *, gateway: bool = False, address: str = "") -> CallError:
    """The error of ours for one of `SDK_ERRORS`.

    Args:
        elapsed: seconds since the request was taken up.
        gateway: as of `status_error`.
        address: the server's base address, as of `status_error`.
    """
    if isinstance(error, openai.APIConnectionError):
        return transport_error(error.__cause__ or error, elapsed)
    if isinstance(error, openai.APIStatusError):
        headers = dict(error.response.headers)
        body = error.response.content  # the SDK hands on a part of it only
        if "text/html" in headers.get("content-type", "") and error.status_code in (401, 403, 404, 405) and address:
            return web_page_error(error.status_code, address, read_error_body(body).message)
        return status_error(error.status_code, body, headers, gateway=gateway, address=address)
    if isinstance(error, openai.APIError):
        return AnswerError(f"the SDK could not read the answer ({type(error).__name__})")
    return _unreadable(error, elapsed, gateway, address)


def _unreadable(error: Exception, elapsed: float, gateway: bool, address: str) -> CallError:
    """The error of a refusal that breaks off, or is not encoded as it says: its status still counts."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, httpx2.HTTPStatusError):
        cause = cause.__context__
    if cause is None:
        return transport_error(error, elapsed)
    response = cause.response
    body = response.content if isinstance(error, UnicodeError) else b""
    return status_error(response.status_code, body, dict(response.headers), gateway=gateway, address=address)
