"""The XMP packet that marks an image as made by AI, written and read.

Property `Iptc4xmpExt:DigitalSourceType`, its value the URI of an IPTC code (IPTC Photo Metadata 2025.1; codes of the NewsCodes
vocabulary digitalsourcetype, 2024-10). Layout of the packet: XMP specification part 1 (ISO 16684-1).
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Literal
from xml.parsers import expat

from .cbor import MetadataError
from .credentials import plain_text

__all__ = ["Mark", "SourceType", "parse_xmp", "write_xmp"]

SourceType = Literal[
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "compositeSynthetic",
    "algorithmicMedia",
]
"""An AI image; a photo changed with AI; several elements, AI ones among them; made by an algorithm without training."""

_CODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_NAMESPACES = {
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_MAX_PACKET = 4 * 2**20
_MAX_VALUE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What an image says of its making, in XMP.

    Attributes:
        source_type: the IPTC code of its digital source type.
        software: what wrote the file (`xmp:CreatorTool`).
        sources: the SHA-256, in hexadecimal, of each file that it was made from.
        system: the AI system that made it, for example a model's id (`AISystemUsed`).
        prompt: the prompt (`AIPromptInformation`); written on request only.
    """

    source_type: str = ""
    software: str = ""
    sources: tuple[str, ...] = ()
    system: str = ""
    prompt: str = ""


def write_xmp(mark: Mark) -> bytes:
    """The packet for a mark, in UTF-8."""
    prefixes = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in _NAMESPACES.items())
    texts = {
        "Iptc4xmpExt:DigitalSourceType": _CODES + mark.source_type if mark.source_type else "",
        "Iptc4xmpExt:AISystemUsed": mark.system,
        "Iptc4xmpExt:AIPromptInformation": mark.prompt,
        "xmp:CreatorTool": mark.software,
    }
    inside = "".join(f"<{name}>{_clean(text)}</{name}>" for name, text in texts.items() if text) + _sources(
        mark.sources
    )
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about=""{prefixes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="r"?>'
    ).encode()


def _clean(text: str) -> str:
    """The text as XML may hold it: escaped, without control characters and lone surrogates."""
    legal = "".join(
        c for c in text if c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")
    )
    return html.escape(legal, quote=False)


def _sources(hashes: tuple[str, ...]) -> str:
    """One source is what it is derived from, several are its ingredients."""
    ids = [f"<stRef:documentID>sha256:{_clean(value)}</stRef:documentID>" for value in hashes]
    if len(ids) == 1:
        return f'<xmpMM:DerivedFrom rdf:parseType="Resource">{ids[0]}</xmpMM:DerivedFrom>'
    items = "".join(f'<rdf:li rdf:parseType="Resource">{text}</rdf:li>' for text in ids)
    return f"<xmpMM:Ingredients><rdf:Bag>{items}</rdf:Bag></xmpMM:Ingredients>" if ids else ""


def parse_xmp(packet: bytes) -> Mark:
    """The mark in a packet that anyone wrote; properties may be elements or attributes. Empty if it has none.

    Raises:
        MetadataError: it is not XML, holds a document type (the way to XML bombs), or is larger than 4 MiB.
    """
    if len(packet) > _MAX_PACKET:
        raise MetadataError("an XMP packet of more than 4 MiB")
    reader = _Reader()
    try:
        reader.parser.Parse(packet.strip(b"\0 \t\r\n\xef\xbb\xbf"), True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise MetadataError(f"XMP that is not XML: {error}") from None
    return reader.mark()


class _Reader:
    """Collects the text of the few properties that make a mark."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.found: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.length = 0

    def _refuse(self, *ignored: object) -> None:
        raise MetadataError("XMP with a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.open.append(_short(name))
        if len(self.open) > 200:
            raise MetadataError("XMP nests too deep")
        self.found.setdefault(_short(name), []).append("")
        for key, value in attributes.items():
            self.found.setdefault(_short(key), []).append(value[:_MAX_VALUE])

    def _end(self, name: str) -> None:
        self.open.pop()

    def _text(self, text: str) -> None:
        self.length += len(text)
        if self.open and self.length <= _MAX_VALUE:
            for name in self.open[-3:]:  # a value may lie in rdf:Alt or rdf:Bag and rdf:li
                self.found[name][-1] += text

    def _first(self, name: str) -> str:
        return next((text.strip() for text in self.found.get(name, ()) if text.strip()), "")

    def mark(self) -> Mark:
        ids = [plain_text(text.strip()) for text in self.found.get("stRef:documentID", ())]
        return Mark(
            source_type=plain_text(self._first("Iptc4xmpExt:DigitalSourceType")).rsplit("/", 1)[-1],
            software=plain_text(self._first("xmp:CreatorTool")),
            sources=tuple(text.removeprefix("sha256:") for text in ids if text.startswith("sha256:")),
            system=plain_text(self._first("Iptc4xmpExt:AISystemUsed")),
            prompt=self._first("Iptc4xmpExt:AIPromptInformation"),
        )


_PREFIX_OF = {uri: prefix for prefix, uri in _NAMESPACES.items()}


def _short(name: str) -> str:
    """`prefix:name` of a name as expat gives it: `URI name`."""
    uri, _, local = name.rpartition(" ")
    return f"{_PREFIX_OF.get(uri, '?')}:{local}"
