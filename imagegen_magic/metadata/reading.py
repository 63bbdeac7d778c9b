"""What an image file says about its origin, as one value: Content Credentials, the XMP mark, PNG text."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

from imagegen_magic.errors import OptionError, Problem

from .cbor import MetadataError
from .containers import Parts, holds_store, read_parts
from .credentials import Credentials, plain_text, read_credentials
from .xmp import Mark, parse_xmp

__all__ = ["Provenance", "State", "read_provenance"]

State = Literal["present", "lost", "none", "unreadable"]
"""Of Content Credentials: in the file; not in it although its source or its earlier version had them; not in it; damaged."""


_JUDGEMENTS = {
    "Trusted": ", signature valid, signer trusted",
    "Valid": ", signature valid, signer not checked against a trust list",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a file says about its origin.

    Attributes:
        format: `png`, `jpeg`, `webp`, `gif`, or empty for others, which are not read.
        state: what became of Content Credentials, see `State`.
        credentials: what they claim; of the source, if they are lost.
        mark: the XMP mark, or None.
        texts: PNG's text chunks, their values at most 200 characters.
        faults: what could not be read, in sentences.
        validation: what a C2PA library found, if it was asked: its state and codes.
    """

    format: str = ""
    state: State = "none"
    credentials: Credentials | None = None
    mark: Mark | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    validation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def intact(self) -> bool | None:
        """False if the file was changed after it was signed; None if it has no credentials, or no hash to check."""
        return self.credentials.intact if self.state == "present" and self.credentials else None

    @property
    def is_sound(self) -> bool | None:
        """False if the credentials do not hold, by a library's judgement or else by their hashes; None if there are none."""
        if self.validation:
            return self.validation["state"] in ("Valid", "Trusted")
        return self.intact

    @property
    def source_type(self) -> str:
        """The IPTC code of the digital source type, by the credentials, else by the mark; empty if neither says."""
        claimed = self.credentials.source_type if self.state == "present" and self.credentials else ""
        return claimed or (self.mark.source_type if self.mark else "")

    def __str__(self) -> str:
        """One line, for a caption."""
        return "; ".join(filter(None, (f"Content Credentials: {self.credentials_words}", self._mark_words())))

    @property
    def credentials_words(self) -> str:
        """What became of Content Credentials: `present (issuer, generator)…`, `lost by this save…`, `none`, `unreadable…`."""
        if self.state == "unreadable":
            return f"unreadable ({'; '.join(self.faults)})"
        if self.state == "none" and not self.format:
            return "not looked for: PNG, JPEG, WebP and GIF files are read"
        if self.state == "none" or self.credentials is None:
            return self.state
        who = ", ".join(filter(None, (self.credentials.issuer, self.credentials.generator))) or "unnamed"
        if self.state == "lost":
            return f"lost by this save (the source has them: {who})"
        return f"present ({who}){self._changed_words()}"

    def _changed_words(self) -> str:
        if self.validation:
            state = self.validation["state"]
            return _JUDGEMENTS.get(state) or f", {state.upper()}: {', '.join(self.validation['codes'])}"
        return {True: ", the file matches; signature not checked", False: ", CHANGED since signing", None: ""}[
            self.intact
        ]

    def describe(self) -> str:
        """Everything, a line each: the line of a caption, then what the credentials claim, the mark and PNG's texts."""
        claimed, mark = self.credentials, self.mark
        facts = {
            "made by": claimed and claimed.agent,
            "source type": claimed and claimed.source_type,
            "actions": claimed and ", ".join(claimed.actions),
            "made from": claimed and ", ".join(f"{title} ({how})" for how, title in claimed.ingredients),
            "mark": mark and mark.source_type,
            "marked by": mark and mark.software,
            "AI system": mark and mark.system,
            "sources": mark and ", ".join(f"sha256:{value}" for value in mark.sources),
            "prompt": mark and mark.prompt,
            **{f"text {key}": text for key, text in self.texts.items()},
        }
        lines = [f"  {name:12} {value}" for name, value in facts.items() if value]
        return "\n".join([str(self), *lines, *(f"  not read: {fault}" for fault in self.faults)])

    def _mark_words(self) -> str:
        return f"XMP mark: {self.mark.source_type}" if self.mark and self.mark.source_type else ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON: for a sidecar, and `imagegen provenance --json`. Empty fields are left out."""
        found = {
            "content_credentials": self.state,
            "credentials": _filled(asdict(self.credentials)) if self.credentials else None,
            "mark": _filled(asdict(self.mark)) if self.mark else None,
            "texts": dict(self.texts),
            "faults": self.faults,
            "validation": dict(self.validation),
        }
        return _filled(found)

    def against(self, source: Provenance) -> Provenance:
        """This, with the credentials of its source called lost if the source has some and this file has none."""
        if self.state != "none" or source.credentials is None:
            return self
        return replace(self, state="lost", credentials=source.credentials)


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", (), {})}


def read_provenance(source: str | os.PathLike[str] | bytes) -> Provenance:
    """What a file, or its bytes, say about its origin. Damaged metadata is reported, never raised.

    Raises:
        OptionError: there is no such file, it can't be opened, or this is neither a path nor bytes.
    """
    if isinstance(source, bytes):
        return _read(io.BytesIO(source))
    path = Path(_path_of(source))
    try:
        with path.open("rb") as stream:
            return _read(stream)
    except OSError as error:
        rule = f"it can't be opened: {error.strerror}"
        problem = Problem(field="image", value=path.name or str(path), rule=rule, fix="check the path")
        raise OptionError("no such file", problems=(problem,)) from None


def _path_of(source: object) -> str | os.PathLike[str]:
    """The path, or what is wrong with another object: a Pillow image, say, no longer has its file's metadata."""
    if isinstance(source, str | os.PathLike):
        return source
    rule = "a path or the bytes of a file are needed: only these hold the metadata"
    problem = Problem(field="image", value=type(source).__name__, rule=rule, fix="the path of its file")
    raise OptionError("there is no file to read", problems=(problem,))


def _read(stream: BinaryIO) -> Provenance:
    try:
        parts = read_parts(stream)
    except MetadataError as error:
        return Provenance(state="unreadable", faults=(str(error),))
    if parts is None and holds_store(stream):
        return Provenance(
            state="unreadable", faults=("there are some, but only PNG, JPEG, WebP and GIF files are read",)
        )
    if parts is None:
        return Provenance()
    found = Provenance(format=parts.format, texts=_texts(parts))
    return _with_credentials(_with_mark(found, parts.xmp), parts.store, stream)


def _texts(parts: Parts) -> dict[str, str]:
    return {plain_text(key): plain_text(text) for key, text in list(parts.texts.items())[:20]}


def _with_mark(found: Provenance, packet: bytes | None) -> Provenance:
    if packet is None:
        return found
    try:
        return replace(found, mark=parse_xmp(packet))
    except MetadataError as error:
        return replace(found, faults=(*found.faults, str(error)))


def _with_credentials(found: Provenance, store: bytes | None, stream: BinaryIO) -> Provenance:
    if store is None:
        return found
    try:
        return replace(found, state="present", credentials=read_credentials(store, stream))
    except MetadataError as error:
        return replace(found, state="unreadable", faults=(*found.faults, str(error)))
