"""Uploads that come in parts: one message of more than about 10 MB never arrives (tornado's limit), and nobody is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from imagegen_magic.errors import ImagegenError
from imagegen_magic.images.opening import read_input

from .facade import Facade

__all__ = ["Uploads"]

MAX_BYTES = 400 << 20
"""No image is that large; a page that sends more is not believed."""


@dataclass(slots=True)
class _Upload:
    name: str
    parts: list[bytes] = field(default_factory=list)


class Uploads:
    """The uploads under way; finished ones become input files of the output folder."""

    def __init__(self, facade: Facade) -> None:
        self._facade = facade
        self._open: dict[str, _Upload] = {}

    def accept(self, request: Mapping[str, Any], part: bytes) -> dict[str, Any]:
        """The acknowledgement of a part; of the last one, the file's path and size, or what is wrong with it."""
        key = str(request["id"])
        upload = self._open.setdefault(key, _Upload(str(request.get("name", "image"))))
        upload.parts.append(part)
        if sum(map(len, upload.parts)) > MAX_BYTES:
            del self._open[key]
            return {"uploaded": key, "error": "larger than any image that the API takes"}
        if not request.get("last"):
            return {"got": key, "parts": len(upload.parts)}
        del self._open[key]
        return {"uploaded": key, **self._save(upload)}

    def _save(self, upload: _Upload) -> dict[str, Any]:
        name = PurePath(upload.name.replace("\\", "/")).name or "image"
        try:
            image = read_input(b"".join(upload.parts), name=name)
        except ImagegenError as error:
            problem = error.problems[0].rule if error.problems else error.summary
            return {"error": f"{name}: {problem}"}
        suffix = {"image/jpeg": ".jpg", "image/webp": ".webp"}.get(image.mime, ".png")
        ref = self._facade.save_input(bytes(image.data), PurePath(name).stem, suffix)
        return {"ref": ref, "width": image.size[0], "height": image.size[1]}
