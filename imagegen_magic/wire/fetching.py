"""Images that a server answers with as addresses: fetched from its own host, or over https, and never with the key."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx2

from imagegen_magic.options.address import is_loopback
from imagegen_magic.redaction import redact
from imagegen_magic.request.response import Spool

from .answers import ParsedResponse, accept_image, add_image
from .shapes import images_in, is_address, looks_like_image, quoted
from .spool_body import decoded

__all__ = ["fetch_image"]

MAX_BYTES = 64 << 20
TIMEOUT = 60.0
TRIES = 3
PAUSE = 1.0
"""Seconds between tries: a server may announce an image a moment before it can be had."""
SHOWN = 400
"""Characters of an address that a card shows."""
PORTS = {"http": 80, "https": 443}


class _NotNowError(Exception):
    """The image can't be had now; a moment later it may."""


def fetch_image(url: str, base_url: str, answer: ParsedResponse, spool: Spool, *, pause: float = PAUSE) -> None:
    """Adds the image at `url` to the answer, or a fault that names the address, so that it can be fetched by hand.

    Args:
        url: absolute, or relative to `base_url`.
        base_url: the server that answered; its own host may be reached over http.
    """
    shown = redact(url.strip())[:SHOWN]
    try:
        place = urljoin(base_url, url.strip())
        shown = redact(place)[:SHOWN]
        if not _is_allowed(place, base_url):
            answer.faults.append(f"an image's address is neither https nor on the server's own host: {shown}")
            return
        why = _why_not_fetched(place, base_url, answer, spool, pause)
    except (httpx2.InvalidURL, ValueError, OSError) as error:
        why = str(error)
    if why:
        answer.faults.append(f"an image could not be fetched ({why}): {shown}")


def _why_not_fetched(place: str, base_url: str, answer: ParsedResponse, spool: Spool, pause: float) -> str:
    """Empty once the image is fetched. Asking again is free, so that what may be there a moment later is asked for again."""
    why = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(pause)
        try:
            _fetch(place, base_url, answer, spool)
        except httpx2.TimeoutException as error:
            return type(error).__name__
        except (_NotNowError, httpx2.TransportError) as error:
            why = str(error) if isinstance(error, _NotNowError) else type(error).__name__
        else:
            return ""
    return why


def _is_allowed(url: str, base_url: str) -> bool:
    """True for https, and for http on the server's own host: as its address names it, or another name of this machine."""
    parts, own = urlsplit(url), urlsplit(base_url)
    if parts.scheme == "https" and parts.hostname:
        return True
    return parts.scheme == own.scheme == "http" and _is_same_host(parts, own)


def _is_same_host(one: SplitResult, other: SplitResult) -> bool:
    """True for the same host and port, whoever may log in there."""
    ports = [parts.port or PORTS.get(parts.scheme) for parts in (one, other)]
    here = is_loopback(one.geturl()) and is_loopback(other.geturl())
    return ports[0] == ports[1] and (here or one.hostname == other.hostname)


def _fetch(url: str, base_url: str, answer: ParsedResponse, spool: Spool) -> None:
    """Adds the image. One redirect on the same host is followed.

    Raises:
        _NotNowError: the server has none now.
        httpx2.TransportError: the connection.
        ValueError: a second redirect, one to another host, or more than 64 MB.
    """
    headers = {"Accept-Encoding": "identity"}
    with httpx2.stream("GET", url, headers=headers, follow_redirects=False, timeout=TIMEOUT) as response:
        if not response.has_redirect_location:
            _save(response, answer, spool)
            return
        target = urljoin(url, response.headers["location"])
    if not _is_same_host(urlsplit(target), urlsplit(url)) or not _is_allowed(target, base_url):
        raise ValueError(f"it redirects to another host: {redact(target)[:SHOWN]}")
    with httpx2.stream("GET", target, headers=headers, follow_redirects=False, timeout=TIMEOUT) as response:
        if response.has_redirect_location:
            raise ValueError("it redirects more than once")
        _save(response, answer, spool)


def _written_in(path: Path) -> list[str]:
    """The images of a file that is not one itself, but a text that holds them: base64, a data URI, JSON."""
    with path.open("rb") as stream:
        start = stream.read(200).decode("utf-8", "replace").lstrip()
    if not (start.startswith(("{", "[", '"')) or looks_like_image(start)):
        return []
    text = path.read_text("utf-8", "replace").strip()
    images = [text] if looks_like_image(text) else images_in(quoted(text))
    return [image for image in images if not is_address(image)]


def _save(response: httpx2.Response, answer: ParsedResponse, spool: Spool) -> None:
    if response.status_code != httpx2.codes.OK:
        raise _NotNowError(
            "it was not found" if response.status_code == httpx2.codes.NOT_FOUND else f"status {response.status_code}"
        )
    path, stream = spool.open(".png")
    digest = hashlib.sha256()
    try:
        with stream:
            for piece in decoded(response.iter_raw(), response.headers.get("content-encoding", "")):
                digest.update(piece)
                stream.write(piece)
                if stream.tell() > MAX_BYTES:
                    raise ValueError(f"it has more than {MAX_BYTES >> 20} MB")
    except BaseException:
        spool.discard(path)
        raise
    before = len(answer.payloads)
    if images := _written_in(path):
        spool.discard(path)
        for image in images:
            accept_image(image, answer, spool)
        return
    add_image(path, digest.hexdigest(), answer, spool)
    if len(answer.payloads) == before:
        answer.faults[-1] += f": {redact(str(response.url))[:SHOWN]}"
