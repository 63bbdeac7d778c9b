"""What carries live requests."""

from __future__ import annotations

import contextlib
import ssl

import openai

__all__ = ["LiveHttp"]


class LiveHttp(openai.DefaultHttpxClient):
    """The SDK's own HTTP client with its limits and keep-alive, but without redirects.

    One would hand the prompt, the images and perhaps the key to another server.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, follow_redirects=False)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # as the SDK's own: a client that nobody closed leaves no socket open
            self.close()
