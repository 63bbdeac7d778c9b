"""One request to the Images API: its shape, and the exact arguments for the wire.

A field that is None was not given and stays off the wire. What may stand in it, `rules` knows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

__all__ = ["WIRE_FIELDS", "ImageRequest", "InputImage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputImage:
    """One picture that goes with an edit, as it will be sent: `(name, data, mime)`.

    `size` is (width, height) in pixels after EXIF orientation. `origin` says where it came from (a path
    relative to the folder, a history id, a variable's name); `notes` what was done to it, in sentences.
    """

    name: str
    data: bytes = field(repr=False)
    mime: str
    size: tuple[int, int]
    role: str = ""
    origin: str = ""
    notes: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Hex digest of the bytes."""
        return hashlib.sha256(self.data).hexdigest()

    def describe(self) -> dict[str, Any]:
        """What a sidecar keeps: everything but the bytes."""
        return {
            "name": self.name,
            "mime": self.mime,
            "size": list(self.size),
            "bytes": len(self.data),
            "sha256": self.sha256,
            "role": self.role,
            "origin": self.origin,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """One call of `images.generate`, or of `images.edit` if there are input images."""

    prompt: str
    model: str
    n: int | None = None
    size: str | None = None
    quality: str | None = None
    background: str | None = None
    output_format: str | None = None
    output_compression: int | None = None
    moderation: str | None = None
    complexity: str | None = None
    safety_identifier: str | None = None
    frame_count: int | None = None
    frame_duration_ms: int | None = None
    svg: Mapping[str, Any] | None = None
    input_fidelity: str | None = None
    partial_images: int | None = None
    """0 to 3 live previews; None or 0 is a plain call, anything above streams."""
    images: tuple[InputImage, ...] = ()
    mask: InputImage | None = None
    markup: InputImage | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields that this package does not know; sent as they are, not validated."""

    @property
    def endpoint(self) -> Literal["generate", "edit"]:
        """Which SDK method, and so which endpoint, takes this request."""
        return "edit" if self.images else "generate"

    @property
    def count(self) -> int:
        """How many pictures are asked for; the API's default is 1."""
        return 1 if self.n is None else self.n

    @property
    def format(self) -> str:
        """The format asked for; the API's default is png."""
        return self.output_format or "png"

    def wire(self) -> dict[str, Any]:
        """The scalar arguments for the SDK: only what was given, without pictures, streaming and `extra`."""
        values = {name: getattr(self, name) for name in WIRE_FIELDS}
        return {name: value for name, value in values.items() if value is not None}

    def describe(self) -> dict[str, Any]:
        """The request as JSON-ready data: the wire arguments, and input pictures by name and hash."""
        data: dict[str, Any] = {"endpoint": self.endpoint, **self.wire()}
        if self.partial_images:
            data["partial_images"] = self.partial_images
        if self.images:
            data["images"] = [image.describe() for image in self.images]
        for name in ("mask", "markup"):
            overlay: InputImage | None = getattr(self, name)
            if overlay is not None:
                data[name] = overlay.describe()
        if self.extra:
            data["extra"] = dict(self.extra)
        return data

    def digest(self) -> str:
        """Identity of the request: equal for equal wire content. Streaming does not change what is asked for."""
        inputs = [image.sha256 for image in self.images]
        overlays = [p.sha256 if p is not None else None for p in (self.mask, self.markup)]
        content = {
            "endpoint": self.endpoint,
            **self.wire(),
            "inputs": inputs,
            "overlays": overlays,
            "extra": dict(self.extra),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


WIRE_FIELDS: tuple[str, ...] = tuple(
    f.name for f in fields(ImageRequest) if f.name not in ("images", "mask", "markup", "extra", "partial_images")
)
"""The scalar fields that go on the wire under their own names."""
