"""What carries live requests."""

from __future__ import annotations

import contextlib
import ssl
import time

import httpx2
import openai

__all__ = ["KEPT_SECONDS", "SURE_SECONDS", "LiveHttp"]


KEPT_SECONDS = 1.0
"""How long a connection waits for the next request. Servers close idle ones after 2 seconds (gunicorn), 5 (uvicorn, Node,
Apache) or more; a request that meets the end of one is lost, and nobody can say whether it was billed."""
SURE_SECONDS = 0.05
"""A connection that was idle for no longer is used again as it is; between two jobs of a batch it is less."""
LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=KEPT_SECONDS)


class LiveHttp(openai.DefaultHttpxClient):
    """The SDK's own HTTP client, but without redirects, and with connections that are kept for a short time only.

    One would hand the prompt, the images and perhaps the key to another server. `query` is of the server's address: the
    SDK's own default takes no name twice.
    """

    def __init__(self, tls: ssl.SSLContext, query: tuple[tuple[str, str], ...]) -> None:
        watched = {"request": [self._watch]}
        super().__init__(verify=tls, follow_redirects=False, params=query, limits=LIMITS, event_hooks=watched)
        self.opened = 0
        """Connections so far."""
        self._used = time.monotonic()

    @property
    def idle(self) -> float:
        """Seconds since the last request ended."""
        return time.monotonic() - self._used

    def rest(self) -> None:
        """Notes that a request has ended."""
        self._used = time.monotonic()

    def _watch(self, request: httpx2.Request) -> None:
        request.extensions["trace"] = self._count

    def _count(self, step: str, _: object) -> None:
        self.opened += step == "connection.connect_tcp.started"

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # as the SDK's own: a client that nobody closed leaves no socket open
            self.close()
