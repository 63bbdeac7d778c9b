"""A server's address as people paste it, taken apart: base address, query, the classic Azure form."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import httpx2

from imagegen_magic.errors import Fix, OptionError, Problem, Setting
from imagegen_magic.options.address import address_fault, near_address

__all__ = ["ServerAddress", "parse_address"]

ENDPOINTS = ("/images/generations", "/images/edits", "/images/variations", "/chat/completions", "/responses")
API_VERSION = "api-version"
AZURE_HOSTS = (".azure.com", ".azure.us", ".azure.cn")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where requests go.

    Attributes:
        url: the base address, without query and endpoint.
        query: what every request carries in its query; a name may be repeated.
        azure_version: the API version of Azure's classic form, in which the path names the deployment; empty otherwise.
    """

    url: str
    query: tuple[tuple[str, str], ...] = ()
    azure_version: str = ""


def parse_address(text: str) -> ServerAddress:
    """The address that `text` means.

    An endpoint at its end is taken off, and its query is kept. Azure's classic form is one with an `api-version` and
    either `/openai/deployments/NAME` in its path, or one of Azure's hosts without a `/v1`.

    Raises:
        OptionError: no request can go there.

    >>> parse_address("https://r.openai.azure.com/openai/deployments/d/images/edits?api-version=2025-04-01-preview").url
    'https://r.openai.azure.com/openai/deployments/d'
    """
    _check(text)
    parts = urlsplit(text.strip())
    query = [(_name(name), value) for name, value in parse_qsl(parts.query, keep_blank_values=True)]
    path = parts.path.rstrip("/")
    for endpoint in ENDPOINTS:
        path = path[: -len(endpoint)] if path.lower().endswith(endpoint) else path
    version = next((value for name, value in query if name == API_VERSION), "")
    deployed = "/deployments/" in f"{path}/"
    at_azure = (parts.hostname or "").endswith(AZURE_HOSTS) and not path.endswith("/v1")
    if version and (deployed or at_azure):
        if not deployed and not path.endswith("/openai"):
            path += "/openai"
        query = [(name, value) for name, value in query if name != API_VERSION]
    else:
        version = ""
    url = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    return ServerAddress(url=url, query=tuple(query), azure_version=version)


def _name(name: str) -> str:
    """A query's name; Azure reads its own in letters of any case."""
    return API_VERSION if name.lower() == API_VERSION else name


def _check(text: str) -> None:
    """Stops an address of the SDK's environment too, which no option's check has seen."""
    fault = address_fault(text)
    if not fault:
        try:
            httpx2.URL(text.strip())
        except httpx2.InvalidURL as error:
            fault = f"no address: {error}"
    if fault:
        fix = Fix(Setting("--base-url", near_address(text)))
        problem = Problem(field="base_url or OPENAI_BASE_URL", value=text, rule=fault, fix=fix)
        raise OptionError("no request can go to this server", problems=(problem,))
