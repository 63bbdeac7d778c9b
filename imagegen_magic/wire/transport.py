"""How requests reach a server: one HTTP client, the address, and what every request carries.

The Images API is spoken without the SDK, which takes longer to load than twenty requests to be sent. What goes out is
what the SDK sends, field by field; a test holds the two equal.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx2

from imagegen_magic._version import __version__

__all__ = ["Access", "Files", "LiveHttp", "common_headers"]

Files = Sequence[tuple[str, tuple[str, bytes, str]]]
"""Input images: the form's field, and name, bytes and type of each."""
PATHS = {"generate": "/images/generations", "edit": "/images/edits"}
LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)


class LiveHttp(httpx2.Client):
    """An HTTP client with the SDK's limits and keep-alive, but without redirects.

    One would hand the prompt, the images and perhaps the key to another server.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(limits=LIMITS, follow_redirects=False, **settings)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # as the SDK's own: a session that nobody closed leaves no socket open
            self.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a request to one server needs.

    Attributes:
        url: the base address, without a slash at its end.
        by_deployment: the path names the model, as in Azure's classic form.
    """

    http: httpx2.Client
    url: str
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    by_deployment: bool = False

    def request(self, endpoint: str, fields: Mapping[str, Any], files: Files = ()) -> httpx2.Request:
        """The request with these fields: a form if there are files, else JSON.

        Raises:
            ValueError, TypeError: a field can't be written as text.
        """
        path = PATHS[endpoint]
        if self.by_deployment and "/deployments" not in self.url:
            path = f"/deployments/{quote(str(fields['model']), safe='')}{path}"
        shared: dict[str, Any] = {"headers": self.headers, "params": self.query or None}
        if files:
            return self.http.build_request(
                "POST", self.url + path, data=dict(_form(fields)), files=list(files), **shared
            )
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        shared["headers"] = {**self.headers, "Content-Type": "application/json"}
        return self.http.build_request("POST", self.url + path, content=text.encode(), **shared)


def _form(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields of a form; what is nested is named with brackets (`svg[model]`)."""
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _form({f"{name}[{key}]": one for key, one in value.items()})
        elif isinstance(value, (list, tuple)):
            yield f"{name}[]", [_text(one) for one in value]
        elif value is not None:
            yield name, _text(value)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def common_headers(key: str, *, in_azure_form: bool = False) -> dict[str, str]:
    """What every request says besides its fields, from the variables that the SDK reads as well."""
    said = {
        "Accept": "application/json",
        "User-Agent": f"imagegen_magic/{__version__}",
        **({"api-key": key} if in_azure_form else {"Authorization": f"Bearer {key}"}),
        "OpenAI-Organization": os.environ.get("OPENAI_ORG_ID", ""),
        "OpenAI-Project": os.environ.get("OPENAI_PROJECT_ID", ""),
    }
    for line in os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            said[name.strip()] = value.strip()
    return {name: value for name, value in said.items() if value} | {"Accept-Encoding": "identity"}
