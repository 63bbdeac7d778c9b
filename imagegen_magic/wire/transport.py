"""What carries live requests."""

from __future__ import annotations

import contextlib

import openai

__all__ = ["LiveHttp"]


class LiveHttp(openai.DefaultHttpxClient):
    """The SDK's own HTTP client with its limits and keep-alive, but without redirects.

    One would hand the prompt, the images and perhaps the key to another server.
    """

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # as the SDK's own: a session that nobody closed leaves no socket open
            self.close()
