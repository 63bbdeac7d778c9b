"""Reads Content Credentials: from a C2PA manifest store to who made the image, with what, and whether it was changed since.

Hashes are checked here, signatures are not: that needs certificates and a trust list, see `signing`.
Structure: C2PA specification 2.2 (2025-05-05); older claims (`c2pa.claim`) are read as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from .cbor import MetadataError, Tagged, decode_cbor
from .certificates import subject_name
from .jumbf import Box, read_superbox

__all__ = ["Credentials", "plain_text", "read_credentials"]

_HASHES = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
_CERTIFICATES = (33, "x5chain")
_PIECE = 1 << 20
_MAX_NAMES = 50
"""Actions and ingredients that are listed; the rest is counted by nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What the active manifest of a file claims. Its texts are the file's own: shown, never believed.

    Attributes:
        issuer: the organisation that signed, by its certificate.
        generator: the software that wrote the claim.
        agent: the program or model that made the image; empty if the manifest does not say.
        source_type: the IPTC code of the digital source type, such as `trainedAlgorithmicMedia`.
        actions: `c2pa.created`, `c2pa.converted` and so on, in order.
        ingredients: (relationship, title) of each image that it was made from.
        manifests: how many manifests the store holds; the last one is the active one.
        intact: True if the file and its assertions match the hashes in the manifest, False if they were changed
            after signing, None if no such hash could be checked.
    """

    issuer: str = ""
    generator: str = ""
    agent: str = ""
    source_type: str = ""
    actions: tuple[str, ...] = ()
    ingredients: tuple[tuple[str, str], ...] = ()
    manifests: int = 1
    intact: bool | None = None


def read_credentials(store: bytes, stream: BinaryIO) -> Credentials:
    """The credentials in a manifest store, checked against the file that holds it.

    Raises:
        MetadataError: the store is malformed.
    """
    root = read_superbox(store)
    manifests = [box for box in root.boxes if box.kind in (b"c2ma", b"c2um")]
    if root.kind != b"c2pa" or not manifests:
        raise MetadataError("a manifest store without a manifest")
    active = manifests[-1]
    claim = _cbor_of(active.find("c2pa.claim", "c2pa.claim.v2"))
    if not isinstance(claim, dict):
        raise MetadataError("a manifest without a claim")
    assertions = active.find("c2pa.assertions") or Box("", b"", b"")
    actions = _actions(assertions)
    return Credentials(
        issuer=_issuer(active),
        generator=_generator(claim),
        agent=next(filter(None, map(_agent, actions)), ""),
        source_type=next(filter(None, map(_source_type, actions)), ""),
        actions=tuple(plain_text(action.get("action")) for action in actions),
        ingredients=_ingredients(assertions),
        manifests=len(manifests),
        intact=_intact(claim, assertions, stream),
    )


def plain_text(value: object) -> str:
    """A text of the file, fit to be shown: one line of printable characters, at most 200; empty for anything else."""
    return "".join(c for c in value[:200] if c.isprintable()) if isinstance(value, str) else ""


def _cbor_of(box: Box | None) -> Any:
    data = box.content(b"cbor") if box else None
    return None if data is None else decode_cbor(data)


def _dicts(value: object) -> list[dict[Any, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _generator(claim: Mapping[Any, Any]) -> str:
    """Version 2 has a map, version 1 a list of maps or one text."""
    info = claim.get("claim_generator_info")
    first = info if isinstance(info, dict) else next(iter(_dicts(info)), {})
    return _named(first) or plain_text(claim.get("claim_generator"))


def _named(info: Mapping[Any, Any]) -> str:
    return " ".join(filter(None, (plain_text(info.get("name")), plain_text(info.get("version")))))


def _actions(assertions: Box) -> list[dict[Any, Any]]:
    found = _cbor_of(assertions.find("c2pa.actions", "c2pa.actions.v2"))
    return _dicts(found.get("actions") if isinstance(found, dict) else None)[:_MAX_NAMES]


def _agent(action: Mapping[Any, Any]) -> str:
    agent = action.get("softwareAgent")
    return _named(agent) if isinstance(agent, dict) else plain_text(agent)


def _source_type(action: Mapping[Any, Any]) -> str:
    return plain_text(action.get("digitalSourceType")).rsplit("/", 1)[-1]


def _ingredients(assertions: Box) -> tuple[tuple[str, str], ...]:
    boxes = [box for box in assertions.boxes if box.label.startswith("c2pa.ingredient") and "cbor" not in box.label]
    found = [_cbor_of(box) for box in boxes[:_MAX_NAMES]]
    pairs = (
        (plain_text(item.get("relationship")), plain_text(item.get("dc:title")))
        for item in found
        if isinstance(item, dict)
    )
    return tuple(pairs)


def _issuer(manifest: Box) -> str:
    """The organisation on the signer's certificate, the first of the chain in the COSE_Sign1 structure."""
    signature = _cbor_of(manifest.find("c2pa.signature"))
    parts = signature.value if isinstance(signature, Tagged) else signature
    if not isinstance(parts, list) or len(parts) < 2 or not isinstance(parts[0], bytes):
        return ""
    protected = decode_cbor(parts[0]) if parts[0] else {}
    for header in (protected, parts[1]):
        chain = (
            next((header[key] for key in _CERTIFICATES if key in header), None) if isinstance(header, dict) else None
        )
        leaf = chain[0] if isinstance(chain, list) and chain else chain
        if isinstance(leaf, bytes):
            return plain_text(subject_name(leaf))
    return ""


def _intact(claim: Mapping[Any, Any], assertions: Box, stream: BinaryIO) -> bool | None:
    """True if every hash that can be checked holds: of each assertion in the claim, of the file in `c2pa.hash.data`."""
    results = [_assertion_holds(claim, item, assertions) for item in _assertion_links(claim)]
    bound = _cbor_of(assertions.find("c2pa.hash.data"))
    results.append(_file_holds(claim, bound, stream) if isinstance(bound, dict) else None)
    if False in results:
        return False
    return True if results[-1] else None


def _assertion_links(claim: Mapping[Any, Any]) -> list[dict[Any, Any]]:
    names = ("assertions", "created_assertions", "gathered_assertions")
    return [item for name in names for item in _dicts(claim.get(name))]


def _assertion_holds(claim: Mapping[Any, Any], link: Mapping[Any, Any], assertions: Box) -> bool | None:
    label = plain_text(link.get("url")).rsplit("/", 1)[-1]
    box = next((box for box in assertions.boxes if box.label == label), None)
    make = _HASHES.get(link.get("alg") or claim.get("alg") or "sha256")
    if box is None or make is None:
        return None
    return bool(make(box.body).digest() == link.get("hash"))


def _file_holds(claim: Mapping[Any, Any], bound: Mapping[Any, Any], stream: BinaryIO) -> bool | None:
    """Whether the file without the excluded ranges has the hash that was signed."""
    make = _HASHES.get(bound.get("alg") or claim.get("alg") or "sha256")
    ranges: list[tuple[Any, Any]] = [
        (item.get("start"), item.get("length")) for item in _dicts(bound.get("exclusions"))
    ]
    if make is None or not all(isinstance(number, int) for pair in ranges for number in pair):
        return None
    digest = make()
    at = 0
    for start, length in [*sorted(ranges), (stream.seek(0, 2), 0)]:
        stream.seek(at)
        while at < start and (piece := stream.read(min(_PIECE, start - at))):
            digest.update(piece)
            at += len(piece)
        at = max(at, start + length)
    return digest.digest() == bound.get("hash")
