"""A server's address as people type it: what is wrong with it, and which host it names."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = ["address_fault", "host_of", "is_loopback", "near_address"]

LONGEST = 2000
"""Characters; what is longer was hardly meant."""
LONGEST_LABEL = 63
"""Characters between two dots of a host's name (RFC 1035)."""
LOOPBACK = ("127.0.0.1", "localhost", "::1", "0.0.0.0")  # noqa: S104 - as servers of this machine name themselves
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]")


def address_fault(text: str) -> str:
    """Why no request can go to this address; empty if it can. Blanks at its ends are none of it."""
    text = text.strip()
    if _BLANKS.search(text):
        return "an address has no blanks"
    if len(text) > LONGEST:
        return f"an address has at most {LONGEST} characters"
    try:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            return "it begins with http:// or https:// and the name of a host"
        if not all(0 < len(label) <= LONGEST_LABEL for label in parts.hostname.removesuffix(".").split(".")):
            return f"no address: between the dots of a host's name stand 1 to {LONGEST_LABEL} characters"
    except ValueError as error:  # of the port, or of brackets
        return f"no address: {error}"
    return ""


def near_address(text: str) -> str:
    """The address that was meant: without quotes, with a scheme; else how one looks."""
    bare = text.strip().strip("\"'<>` ")
    if "://" not in bare:
        bare = f"http://{bare}" if is_loopback(f"http://{bare}") else f"https://{bare}"
    return "https://HOST/v1" if address_fault(bare) else bare


def host_of(text: str | None) -> str:
    """The host's name in small letters; empty if there is none."""
    try:
        return urlsplit((text or "").strip()).hostname or ""
    except ValueError:
        return ""


def is_loopback(text: str | None) -> bool:
    """True for an address on this machine."""
    return host_of(text) in LOOPBACK
