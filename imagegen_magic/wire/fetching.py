"""Images that a server answers with as addresses: fetched from its own host, or over https, and never with the key."""

from __future__ import annotations

import hashlib
import time
from urllib.parse import urljoin, urlsplit

import httpx2

from imagegen_magic.redaction import redact
from imagegen_magic.request.response import Spool

from .answers import ParsedResponse, add_image

__all__ = ["fetch_image"]

CHUNK = 1 << 16
MAX_BYTES = 64 << 20
TIMEOUT = 60.0
TRIES = 3
PAUSE = 1.0
"""Seconds between tries: a server may announce an image a moment before it can be had."""


def fetch_image(url: str, base_url: str, answer: ParsedResponse, spool: Spool, *, pause: float = PAUSE) -> None:
    """Adds the image at `url` to the answer, or a fault that names the address, so that it can be fetched by hand.

    Args:
        url: absolute, or relative to `base_url`.
        base_url: the server that answered; its own host may be reached over http.
    """
    place = urljoin(base_url, url)
    if not _is_allowed(place, base_url):
        answer.faults.append(f"an image's address is neither https nor on the server's own host: {redact(place)}")
        return
    why = "it was not found"
    for attempt in range(TRIES):
        if attempt:
            time.sleep(pause)
        try:
            if _fetched(place, base_url, answer, spool):
                return
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError) as error:
            why = type(error).__name__ if isinstance(error, httpx2.HTTPError) else str(error)
            break
    answer.faults.append(f"an image could not be fetched ({why}): {redact(place)}")


def _is_allowed(url: str, base_url: str) -> bool:
    parts, own = urlsplit(url), urlsplit(base_url)
    return parts.scheme == "https" or (parts.scheme == "http" and own.scheme == "http" and parts.netloc == own.netloc)


def _fetched(url: str, base_url: str, answer: ParsedResponse, spool: Spool) -> bool:
    """True if the image was fetched; False if there is none yet (404). One redirect on the same host is followed.

    Raises:
        httpx2.HTTPError: the connection, or another status.
        ValueError: a second redirect, one to another host, or more than 64 MB.
    """
    with httpx2.stream("GET", url, follow_redirects=False, timeout=TIMEOUT) as response:
        if response.is_redirect:
            target = urljoin(url, response.headers["location"])
            if urlsplit(target).netloc != urlsplit(url).netloc or not _is_allowed(target, base_url):
                raise ValueError("it redirects to another host")
            with httpx2.stream("GET", target, follow_redirects=False, timeout=TIMEOUT) as second:
                return _saved(second, answer, spool)
        return _saved(response, answer, spool)


def _saved(response: httpx2.Response, answer: ParsedResponse, spool: Spool) -> bool:
    if response.status_code == httpx2.codes.NOT_FOUND:
        return False
    if response.is_redirect:
        raise ValueError("it redirects more than once")
    response.raise_for_status()
    path, stream = spool.open(".png")
    digest = hashlib.sha256()
    try:
        with stream:
            for piece in response.iter_bytes(CHUNK):
                digest.update(piece)
                stream.write(piece)
                if stream.tell() > MAX_BYTES:
                    raise ValueError(f"it has more than {MAX_BYTES >> 20} MB")
    except BaseException:
        spool.discard(path)
        raise
    add_image(path, digest.hexdigest(), answer, spool)
    return True
