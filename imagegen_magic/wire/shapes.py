"""How servers write an image into JSON: base64 in its variants, hex, data URIs, addresses, under whatever name and in whatever place."""

from __future__ import annotations

import base64
import json
import re
import string
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import pybase64

from imagegen_magic.images.whole import FILE_STARTS

__all__ = [
    "MAX_BYTES",
    "STARTS",
    "holds_image",
    "image_bytes",
    "images_in",
    "images_in_text",
    "is_address",
    "is_preview",
    "looks_like_image",
    "may_continue_image",
    "quoted",
    "read_json",
    "without_error",
    "without_wrapping",
]

SLICE = 1 << 20
"""Characters of base64 decoded at a time; a multiple of 4."""
MAX_BYTES = 256 << 20
"""Of an answer in an unknown form no more is read into memory."""
MAX_DEPTH = 64
"""Levels of JSON that are read; an answer has about five, and a hostile one millions."""
LONGEST_ADDRESS = 2048
"""Characters; signed addresses have up to about 1,500."""
SHORTEST = 64
"""Characters; nothing shorter is an image."""
STARTS = ("data:image/", "iVBORw0KGgo", "/9j/", "UklGR", "R0lGOD", "PHN2Zy", "PD94bWw")
"""How the base64 text of a PNG, JPEG, WebP, GIF or SVG file begins, and a data URI."""
_HEX = re.compile(r"\s*(?:0x|\\x)?(89504e470d0a1a0a|ffd8ff|52494646|47494638|3c737667|3c3f786d6c)", re.IGNORECASE)
"""How the hexadecimal text of such a file begins, with what databases and programs put before it; base64 of none does."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+=*\s*")
IMAGE_NAMES = ("b64_json", "b64", "base64", "image_base64", "image_b64")
ADDRESS_NAMES = ("url", "image_url")
_IMAGE_ADDRESS = re.compile(r"https?://\S{1,2000}\.(?:png|jpe?g|webp|gif|svg)(?:\?\S*)?", re.IGNORECASE)
_MARKDOWN = re.compile(r"!\[[^\]]*\]\(\s*([^)\s]+)")
_EMBEDDED = re.compile(r"data:image/[\w.+-]+;base64,[A-Za-z0-9+/_=-]+")
_BARE = re.compile(r"(?:iVBORw0KGgo|/9j/|UklGR|R0lGOD)(?:[A-Za-z0-9+/_-]|\\[nr/]|[\r\n]+){64,}=*")
PREVIEW = re.compile(r"partial|preview|progress", re.IGNORECASE)
"""What the names of events say that hold a preview."""
ANSWER_NAMES = ("data", "images", "output", "choices", "candidates")
"""Under which of the outermost names answers have their images."""
PREVIEW_FLAGS, FINAL_FLAGS = ("partial", "is_partial", "preview", "is_preview"), ("final", "is_final")
LONGEST_INT = 300
"""Digits of a whole number that is read as one."""


def read_json(text: str, start: int = 0) -> tuple[Any, int]:
    """The JSON value that begins at `start`, and its end. Read leniently: control characters in texts, numbers of any length.

    Raises:
        ValueError, RecursionError: there is none.
    """
    return _DECODER.raw_decode(text, start)


def _whole_number(digits: str) -> int | float:
    """Python refuses to read an int of thousands of digits; a float of them is infinite."""
    return int(digits) if len(digits) < LONGEST_INT else float(digits)


_DECODER = json.JSONDecoder(strict=False, parse_int=_whole_number)


def is_preview(event: Mapping[str, Any], name: str = "") -> bool:
    """True for a live preview, which is never a result: by its flags, the event's own type, or what the stream calls it."""
    if any(event.get(flag) is True for flag in PREVIEW_FLAGS) or any(event.get(flag) is False for flag in FINAL_FLAGS):
        return True
    kinds = [kind for kind in (event.get("type"), event.get("event"), name) if isinstance(kind, str)]
    kind = next((kind for kind in kinds if kind not in ("", "message")), "")
    return PREVIEW.search(kind) is not None if kind else event.get("partial_image_index") is not None


def is_address(text: str) -> bool:
    """True if an image has to be fetched from there; False for a data URI and for base64, which hold it.

    Servers put either under the other's name. Base64 has neither dot nor colon.
    """
    start = text.lstrip()[:LONGEST_ADDRESS]
    if _is_data_uri(start) or start.startswith(STARTS):
        return False
    return "." in start or ":" in start or (start.startswith("/") and len(text) < LONGEST_ADDRESS)


def _is_data_uri(text: str) -> bool:
    return text.lstrip()[:5].lower() == "data:"


def image_bytes(text: str) -> Iterator[bytes]:
    """The bytes of a base64 text, a data URI or a hexadecimal text, piece by piece.

    Line breaks, blanks and the url-safe alphabet are read too, and what was written so twice.

    Raises:
        binascii.Error, ValueError: it is not base64.
    """
    if start := _HEX.match(text):
        yield bytes.fromhex(text[start.start(1) :])
        return
    pieces = _decoded(text)
    first = next(pieces, b"")
    if first.startswith(_TEXT_STARTS):  # no image begins so
        yield from image_bytes(b"".join((first, *pieces)).decode("ascii"))
    else:
        yield first
        yield from pieces


_TEXT_STARTS = tuple(start.encode() for start in STARTS)


def _decoded(text: str) -> Iterator[bytes]:
    if _is_data_uri(text):
        head, _, text = text.partition(",")
        if not head.lower().rstrip().endswith("base64"):
            yield unquote_to_bytes(text)
            return
    if not text.isascii() or any(blank in text for blank in string.whitespace):  # a regex would take 20 ms a picture
        text = "".join(text.split())
    if "-" in text or "_" in text:
        text = text.translate({ord("-"): "+", ord("_"): "/"})
    if len(text) % 4 or text.endswith("==="):  # some write none of them, and some more than there must be
        text = text.rstrip("=")
        text += "=" * (-len(text) % 4)
    for start in range(0, len(text), SLICE):
        yield pybase64.b64decode(text[start : start + SLICE], validate=True)


_WRAPPING = dict.fromkeys(map(ord, "\"'`\0\ufeff\u200b\u200c\u200d\u2060"))


def without_wrapping(text: str) -> str:
    """A base64 text without what was put around or into it on the way: quotes, a prefix, percent signs, marks that nobody sees."""
    text = unquote(text) if "%" in text else text
    bare = text.partition("base64,")[2] or text
    bare = bare.replace("\\n", "").replace("\\r", "").replace("\\/", "/").strip()
    return bare.removeprefix("b'").removeprefix('b"').translate(_WRAPPING).rstrip("=")


def without_error(value: Any) -> Any:
    """An answer or event without what it says of an error: an address in there is of a page that explains it."""
    return {name: inner for name, inner in value.items() if name != "error"} if isinstance(value, Mapping) else value


def images_in(value: object, key: str = "", depth: int = 0) -> Iterator[str]:
    """Every text inside a JSON value that is an image, or the address of one, in its order; each once.

    An entry that holds both the image and its address yields the image.
    """
    if depth > MAX_DEPTH:
        return
    if isinstance(value, str):
        yield from _images_in_string(value, key, depth)
    elif isinstance(value, Mapping):
        if is_preview(value):
            return
        found = [(name, text) for name, inner in value.items() for text in images_in(inner, str(name), depth + 1)]
        has_bytes = any(not is_address(text) for _, text in found)
        texts = (text for _, text in found if not (has_bytes and is_address(text) and not _is_long_piece(text)))
        yield from dict.fromkeys(texts)
    elif isinstance(value, list):
        if written := _bytes_as_numbers(value):
            yield base64.b64encode(written).decode()
            return
        if _is_image_in_pieces(value):
            yield "\n".join(value)
            return
        for inner in value:
            yield from images_in(inner, key, depth + 1)


def _bytes_as_numbers(value: list[Any]) -> bytes:
    """The image file that a list holds byte by byte, also with the signs that Java gives them; empty for any other list."""
    if len(value) < SHORTEST or not all(type(number) is int and -128 <= number < 256 for number in value):
        return b""
    data = bytes(number & 255 for number in value)
    return data if data.startswith(tuple(FILE_STARTS)) else b""


def _is_image_in_pieces(value: list[Any]) -> bool:
    """True for a list of texts of which the first begins an image, and the others are more base64."""
    texts = [text for text in value if isinstance(text, str)]
    goes_on = 1 < len(texts) == len(value) and looks_like_image(texts[0]) and all(map(may_continue_image, texts[1:]))
    return goes_on and not _ends_as_image(texts[0])


def _ends_as_image(text: str) -> bool:
    """True for a text that is an image by itself, as far as its end tells."""
    try:
        data = b"".join(image_bytes(text))
    except ValueError:
        return False
    is_webp = data.startswith(b"RIFF") and int.from_bytes(data[4:8], "little") + 8 <= len(data)
    return is_webp or text.rstrip().endswith("=") or data.endswith((b"IEND\xaeB`\x82", b"\xff\xd9", b";"))


def may_continue_image(text: str) -> bool:
    """True for base64 that begins no image of its own; one of 64 such texts begins like a path on a server."""
    return _BASE64.fullmatch(text) is not None and not looks_like_image(text)


def _is_long_piece(text: str) -> bool:
    return len(text) >= SHORTEST and may_continue_image(text)


def looks_like_image(text: str) -> bool:
    """True for a text that begins as an image does."""
    return text.lstrip().startswith(STARTS) or _HEX.match(text) is not None


def holds_image(refusal: bytes) -> bool:
    """True if a refusal holds an image where answers have theirs.

    Elsewhere it may be an input that the server repeats, or the logo of a web page.
    """
    value = quoted(refusal.decode("utf-8", "replace")) if refusal.lstrip()[:1] == b"{" else None
    places = [value.get(name) for name in ANSWER_NAMES] if isinstance(value, Mapping) else []
    return any(not is_address(image) for place in places for image in images_in(place))


def images_in_text(text: str) -> Iterator[str]:
    """Every image that stands as base64 in a text that is no JSON; none if there are previews among them."""
    if "partial_image" not in text:
        yield from dict.fromkeys(_BARE.findall(text))


def _images_in_string(text: str, key: str, depth: int) -> Iterator[str]:
    looks = len(text) >= SHORTEST and looks_like_image(text)
    if text and (looks or key in IMAGE_NAMES or key in ADDRESS_NAMES or _IMAGE_ADDRESS.fullmatch(text.strip())):
        yield text
    elif text.lstrip()[:1] in ("{", "[") and (inner := quoted(text)) is not None:  # an answer within an answer
        yield from images_in(inner, key, depth + 1)
    elif "](" in text or "data:image/" in text:  # a chat's answer
        yield from _MARKDOWN.findall(text) or _EMBEDDED.findall(text)


def quoted(text: str) -> Any:
    """The JSON value that was written as a text on its way; None if it is none."""
    try:
        return read_json(text.strip())[0]
    except (ValueError, RecursionError):
        return None
