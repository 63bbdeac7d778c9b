"""Keys out of texts: nothing key-shaped reaches a prompt, a file, a traceback or a log."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from .errors import OptionError, Problem

__all__ = ["find_key", "redact", "refuse_keys"]

REMOVED = "[key removed]"
KEY_VARIABLES = ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "OPENAI_ADMIN_KEY")
# OpenAI's keys (sk-, sk-proj-, sess-) and bearer or api-key headers with a long token.
_KEY = re.compile(
    r"\b(?:sk|sess|rk)-[A-Za-z0-9_-]{12,}"
    r"|(?i:\bbearer\s+)[A-Za-z0-9._~+/-]{16,}=*"
    r"|(?i:\bapi[-_ ]?key[\"']?\s*[:=]\s*[\"']?)[A-Za-z0-9_-]{16,}"
)


def _known(environ: Mapping[str, str]) -> list[str]:
    return [value for name in KEY_VARIABLES if len(value := environ.get(name, "")) >= 8]


def find_key(text: str, environ: Mapping[str, str] = os.environ) -> bool:
    """True where `text` holds something shaped like an API key, or one of the environment's keys."""
    return _KEY.search(text) is not None or any(key in text for key in _known(environ))


def redact(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """`text` with everything key-shaped, and the environment's keys, replaced by `[key removed]`."""
    for key in _known(environ):
        text = text.replace(key, REMOVED)
    return _KEY.sub(REMOVED, text)


def refuse_keys(text: str, place: str) -> None:
    """Stops a text that holds something shaped like an API key, before it reaches a prompt, a file or a history.

    `place` is what the text is: `cell`, `line`.

    Raises:
        OptionError: it does.
    """
    if find_key(text):
        rule = (
            f"this {place} holds something shaped like an API key; notebooks, sidecars and histories keep what it holds"
        )
        fix = "take it out, set the environment variable OPENAI_API_KEY instead, and revoke the key if it was saved"
        raise OptionError(f"the {place} was refused", problems=(Problem(field=place, rule=rule, fix=fix),))
