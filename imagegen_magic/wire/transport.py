"""What carries live requests."""

from __future__ import annotations

import contextlib
import ssl

import httpx2
import openai

__all__ = ["LiveHttp"]


KEPT_SECONDS = 1.0
"""How long a connection waits for the next request. Servers close idle ones after 2 seconds (gunicorn), 5 (uvicorn, Node,
Apache) or more; a request that meets the end of one is lost, and nobody can say whether it was billed."""
LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=KEPT_SECONDS)


class LiveHttp(openai.DefaultHttpxClient):
    """The SDK's own HTTP client, but without redirects, and with connections that are kept for a short time only.

    One would hand the prompt, the images and perhaps the key to another server. `query` is of the server's address: the
    SDK's own default takes no name twice.
    """

    def __init__(self, tls: ssl.SSLContext, query: tuple[tuple[str, str], ...]) -> None:
        super().__init__(verify=tls, follow_redirects=False, params=query, limits=LIMITS)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # as the SDK's own: a client that nobody closed leaves no socket open
            self.close()
