"""Keys out of texts: nothing key-shaped reaches a prompt, a file, a traceback or a log."""

from __future__ import annotations

import base64
import json
import mmap
import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

__all__ = ["REMOVED", "find_key", "hide_keys", "is_secret", "may_hold_secret", "redact", "redact_values"]

REMOVED = "[key removed]"
KEY_VARIABLES = ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "OPENAI_ADMIN_KEY")
SHORTEST = 8
"""Characters of a key, at least; no shorter text holds one."""
# OpenAI's keys (sk-, sk-proj-, sess-) and bearer or api-key headers with a long token.
_KEY = (
    r"\b(?:sk|sess|rk)-[A-Za-z0-9_-]{12,}"
    r"|(?i:\bbearer\s+)[A-Za-z0-9._~+/-]{16,}=*"
    r"|(?i:\bapi[-_ ]?key[\"']?\s*[:=]\s*[\"']?)[A-Za-z0-9_-]{16,}"
)
# What an address may hold: a user's password, or a secret in its query, whatever it looks like.
_IN_ADDRESS = (
    r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
    r"|(?<=[?&])(?i:(?:[a-z_-]*(?:api[-_]?key|token|secret|password|-key)|key|code|sig|signature)=)(?!\[key removed\])[^&#\s\"'<>]+"
)


def _known(environ: Mapping[str, str]) -> list[str]:
    keys = [value for name in KEY_VARIABLES if len(value := environ.get(name, "").strip()) >= SHORTEST]
    return [shape for key in keys for shape in _shapes(key)]


@lru_cache(maxsize=16)
def _shapes(key: str) -> tuple[str, ...]:
    """A key as servers and proxies send it back: as it is, in letters of one case, quoted for an address, in base64."""
    in_base64 = base64.b64encode(key.encode()).decode().rstrip("=")
    return tuple(dict.fromkeys((key, key.lower(), key.upper(), quote(key, safe=""), in_base64)))


def find_key(text: str, environ: Mapping[str, str] = os.environ) -> bool:
    """True if `text` holds something shaped like an API key, or one of the environment's keys."""
    return re.search(_KEY, text) is not None or any(key in text for key in _known(environ))


def redact(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """`text` with everything key-shaped, and the environment's keys, replaced by `[key removed]`."""
    return _without(text, _known(environ))


def _without(text: str, keys: Sequence[str]) -> str:
    if len(text) < SHORTEST:  # most texts of a record
        return text
    for key in keys:
        text = text.replace(key, REMOVED)
    text = re.sub(_KEY, REMOVED, text)
    return re.sub(_IN_ADDRESS, REMOVED, text) if "=" in text or "@" in text else text


def hide_keys(path: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Overwrites the environment's keys in a file with asterisks of their length, so that its form stays.

    What only looks like a key is left: it may be part of an image in the url-safe alphabet of base64.
    """
    known = [key.encode() for key in _known(environ)]
    if not known or not path.stat().st_size:
        return
    with path.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as content:
        for key in known:
            place = content.find(key)
            while place >= 0:
                content[place : place + len(key)] = b"*" * len(key)
                place = content.find(key, place + len(key))


SECRETS = frozenset(
    {"api_key", "apikey", "openai_api_key", "token", "access_token", "authorization", "secret", "password"}
)
"""Names under which people pass a key; none of them is an option."""


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """True for a name under which a key is passed: `--api-key`, `api_key`, `Authorization`."""
    return name.lstrip("-").replace("-", "_").lower() in SECRETS


_TRACES = (
    *("sk-", "sess-", "rk-", "bearer", "apikey", "api-key", "api_key", "api key", "@"),
    *(f"{word}{end}" for word in ("key", "token", "secret", "password") for end in ('"', "=")),
    *('authorization"', "code=", "sig=", "signature="),
)
"""One of these stands in every JSON text that holds something key-shaped, and in few others."""


def may_hold_secret(text: str, environ: Mapping[str, str] = os.environ) -> bool:
    """True if a JSON text may hold something that `redact_values` removes: a quick look, which errs on the safe side."""
    low = text.lower()
    known = (json.dumps(key, ensure_ascii=False)[1:-1] for key in _known(environ))
    return any(trace in low for trace in _TRACES) or any(key in text for key in known)


def redact_values(value: Any, environ: Mapping[str, str] = os.environ) -> Any:
    """JSON-ready data with every text redacted, names included; the shape stays, so that it stays JSON."""
    return _values_without(value, _known(environ))  # looked up once: a record has a hundred texts


def _values_without(value: Any, keys: Sequence[str]) -> Any:
    if isinstance(value, str):
        return _without(value, keys)
    if isinstance(value, Mapping):
        return {
            _without(str(name), keys): REMOVED
            if is_secret(str(name)) and isinstance(item, str) and item
            else _values_without(item, keys)
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_values_without(item, keys) for item in value]
    return value
