"""What carries live requests."""

from __future__ import annotations

import contextlib
import ssl

import openai

__all__ = ["LiveHttp"]


class LiveHttp(openai.DefaultHttpxClient):
    """The SDK's own HTTP client with its limits and keep-alive, but without redirects.

    One would hand the prompt, the images and perhaps the key to another server. `query` is of the server's address: the
    SDK's own default takes no name twice.
    """

    def __init__(self, tls: ssl.SSLContext, query: tuple[tuple[str, str], ...]) -> None:
        super().__init__(verify=tls, follow_redirects=False, params=query)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # as the SDK's own: a client that nobody closed leaves no socket open
            self.close()
