"""What counts as a whole image: the one rule for answers, fetched files and what a killed process left."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from imagegen_magic.errors import OptionError

from .opening import open_image

__all__ = ["FILE_STARTS", "is_sound", "whole_image"]

FILE_STARTS = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp", b"GIF8": ".gif"}
"""How the files that the API makes begin, and the suffix of each; an SVG is a text."""
FORMATS = {"PNG": "png", "JPEG": "jpeg", "WEBP": "webp", "GIF": "gif"}


def whole_image(path: Path) -> tuple[str, tuple[int, int] | None]:
    """Format and (width, height) of a whole image, from its header and its end; pixels are not decoded.

    Raises:
        ValueError: it is not an image, is cut off, or claims more pixels than are ever decoded.
    """
    with path.open("rb") as stream:
        head = stream.read(512)
        stream.seek(-min(64, stream.seek(0, os.SEEK_END)), os.SEEK_END)
        tail = stream.read()
        length = stream.tell()
        if not head:
            raise ValueError("a picture is empty")
        if _is_svg(head):
            if not tail.rstrip().endswith(b"</svg>"):
                raise ValueError("an svg picture is cut off")
            return "svg", None
        form, size = _header(stream, path.name)
    if not _ends_whole(form, head, tail, length):
        raise ValueError(f"a {form} picture is cut off")
    return form, size


def is_sound(path: Path) -> bool:
    """True for an image whose pixels can be decoded; an SVG has none."""
    if path.suffix == ".svg":
        return True
    try:
        with path.open("rb") as stream:
            open_image(stream, path.name).load()
    except Exception:  # noqa: BLE001 - Pillow's decoders raise many kinds
        return False
    return True


def _header(stream: BinaryIO, name: str) -> tuple[str, tuple[int, int]]:
    """Format and (width, height) by the header of an image that is not SVG; raises ValueError."""
    try:
        image = open_image(stream, name)
    except OptionError as error:
        raise ValueError(f"a picture can't be opened: {error.problems[0].rule}") from None
    if image.format not in FORMATS:
        raise ValueError(f"a picture has an unexpected format ({image.format})")
    return FORMATS[image.format], image.size


def _is_svg(head: bytes) -> bool:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text)


def _ends_whole(form: str, head: bytes, tail: bytes, size: int) -> bool:
    if form == "webp":
        return int.from_bytes(head[4:8], "little") + 8 <= size
    if form == "gif":
        return tail.rstrip(b"\0\r\n").endswith(b";")
    end = {"png": b"IEND\xaeB`\x82", "jpeg": b"\xff\xd9"}[form]
    # Some programs write more behind it; what follows the end of a JPEG's thumbnail has markers.
    found, behind = tail.rpartition(end)[1:]
    return bool(found) and (form == "png" or b"\xff" not in behind.rstrip(b"\xff"))
