"""A server's address as people paste it, taken apart: base address, query, the classic Azure form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit, urlunsplit

__all__ = ["ServerAddress", "parse_address"]

ENDPOINTS = ("/images/generations", "/images/edits")
API_VERSION = "api-version"
AZURE_HOSTS = (".azure.com", ".azure.us", ".azure.cn")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where requests go.

    Attributes:
        url: the base address, without query and endpoint.
        query: what every request carries in its query.
        azure_version: the API version of Azure's classic form, in which the path names the deployment; empty otherwise.
    """

    url: str
    query: Mapping[str, str] = field(default_factory=dict)
    azure_version: str = ""


def parse_address(text: str) -> ServerAddress:
    """The address that `text` means.

    An endpoint at its end is taken off, and its query is kept. Azure's classic form is one with an `api-version` and
    either `/openai/deployments/NAME` in its path, or one of Azure's hosts without a `/v1`.

    >>> parse_address("https://r.openai.azure.com/openai/deployments/d/images/edits?api-version=2025-04-01-preview").url
    'https://r.openai.azure.com/openai/deployments/d'
    """
    parts = urlsplit(text.strip())
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    path = parts.path.rstrip("/")
    for endpoint in ENDPOINTS:
        path = path.removesuffix(endpoint)
    version = query.get(API_VERSION, "")
    deployed = "/deployments/" in f"{path}/"
    at_azure = (parts.hostname or "").endswith(AZURE_HOSTS) and not path.endswith("/v1")
    if version and (deployed or at_azure):
        if not deployed and not path.endswith("/openai"):
            path += "/openai"
        del query[API_VERSION]
    else:
        version = ""
    return ServerAddress(url=urlunsplit((parts.scheme, parts.netloc, path, "", "")), query=query, azure_version=version)
