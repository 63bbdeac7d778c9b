"""Content Credentials by way of c2pa-python (extra `c2pa`): signatures checked, derived files signed. Works offline.

The library's defaults would fetch manifests from addresses that a file names, and refuse the key usages that C2PA's own
certificates have: both are set here, for reading and for signing (tried with c2pa-python 0.38.1, 2026-11-26).
"""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from imagegen_magic.errors import Default, Fix, OptionError, Problem
from imagegen_magic.options.paths import expanded

from .containers import file_format
from .xmp import Mark

__all__ = ["Identity", "is_installed", "load_identity", "sign_image", "validate"]

_CODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_KEY_USAGES = "1.3.6.1.4.1.62558.2.1\n1.3.6.1.5.5.7.3.36\n1.3.6.1.5.5.7.3.4\n1.3.6.1.5.5.7.3.8\n1.3.6.1.5.5.7.3.9\n"
"""C2PA claim signing, document signing, email protection, time stamping, OCSP signing: one object identifier a line."""
_INSTALL = 'pip install "imagegen_magic[c2pa]"'


def is_installed() -> bool:
    """Whether the library is there; it is not loaded for the answer."""
    return find_spec("c2pa") is not None


def _context(trust: str = "") -> Any:
    from c2pa import Context  # noqa: PLC0415 - 23 MB of native code, for those who have the extra

    anchors = {"user_anchors": trust} if trust else {}
    return Context.from_dict({
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "trust": {"trust_config": _KEY_USAGES, **anchors},
        "builder": {"thumbnail": {"enabled": False}},
    })  # fmt: skip


def validate(data: bytes, *, trust: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """What the library finds: `state` (Trusted, Valid, Invalid or unreadable) and the failure `codes`; nothing if there is no manifest.

    Valid means that every hash and the signature hold, and that nobody is known to vouch for the signer; Trusted that
    its certificate leads to one of the anchors in the PEM file `trust`.

    Raises:
        OptionError: `trust` can't be read.
    """
    from c2pa import C2paError, Reader  # noqa: PLC0415 - 23 MB of native code, for those who have the extra

    anchors = _read_anchors(trust) if trust else ""
    try:
        with Reader(_mime_of(data), io.BytesIO(data), context=_context(anchors)) as reader:
            state = reader.get_validation_state()
            results = reader.get_validation_results() or {}
    except C2paError.ManifestNotFound:
        return {}
    except C2paError as error:
        return {"state": "unreadable", "codes": (str(error)[:200],)}
    return {"state": state or "unreadable", "codes": tuple(sorted(set(_failures(results))))}


def _read_anchors(trust: str | os.PathLike[str]) -> str:
    """The certificates of a PEM file: without one, the file is what can't be read, and not the picture."""
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - comes with the extra

    data = _read_pem(trust, "trust")
    try:
        load_pem_x509_certificates(data)
    except ValueError:
        rule = "there is no certificate in it, in PEM, or one is damaged"
        problem = Problem(field="trust", value=Path(trust).name, rule=rule, fix="--trust anchors.pem")
        raise OptionError("the trusted authorities can't be read", problems=(problem,)) from None
    return data.decode("ascii", "replace")


def _failures(results: dict[str, Any]) -> list[str]:
    """Failure codes of the active manifest, and of ingredients if this reading differs from the signer's."""
    active = results.get("activeManifest") or {}
    deltas = [delta.get("validationDeltas") or {} for delta in results.get("ingredientDeltas") or []]
    return [item["code"] for part in (active, *deltas) for item in part.get("failure") or []]


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """The certificate chain and key that derived files are signed with. Never shown, never stored."""

    algorithm: str
    chain: bytes
    key: bytes


def load_identity(certificate: str | Path | None, key: str | Path | None) -> Identity:
    """The user's identity from two PEM files: the chain from the signer's own certificate upwards, and an unencrypted key.

    Raises:
        OptionError: the extra is missing, a file is not given, can't be read, holds no usable key, or the key is of another
            certificate.
    """
    if not is_installed():
        problem = Problem(field="sign", rule="signing needs c2pa-python", fix=_INSTALL)
        raise OptionError("derived files can't be signed", problems=(problem,))
    chain, secret = _read_pem(certificate, "sign_certificate"), _read_pem(key, "sign_key")
    algorithm = _algorithm(secret)
    _check_pair(chain, secret)
    return Identity(algorithm, chain, secret)


def _check_pair(chain: bytes, key: bytes) -> None:
    """Refuses a chain whose first certificate is not that of the key: it would be found only after a request was paid for."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - comes with the extra
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 - as above

    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    try:
        own = load_pem_x509_certificate(chain).public_key().public_bytes(*form)
    except ValueError:
        own = b""
    if own != serialization.load_pem_private_key(key, password=None).public_key().public_bytes(*form):
        rule = "its first certificate is not that of the key" if own else "there is no certificate in it, in PEM"
        fix = "the chain from your own certificate upwards, and the key that it was issued for"
        problem = Problem(field="sign_certificate", rule=rule, fix=fix)
        raise OptionError("the certificate can't be used", problems=(problem,))


def _read_pem(path: str | os.PathLike[str] | None, field: str) -> bytes:
    try:
        if path is None:
            raise OSError(0, "no file is given")
        data = expanded(path).read_bytes()
    except OSError as error:
        fix = Fix(Default(field, "file.pem")) if field != "trust" else "--trust anchors.pem"
        problem = Problem(field=field, value=path and Path(path).name, rule=error.strerror or "unreadable", fix=fix)
        raise OptionError("a certificate or key can't be read", problems=(problem,)) from None
    return data


def _algorithm(key: bytes) -> str:
    """The COSE name of the algorithm that the key's kind implies. No part of the key gets into an error."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415 - comes with the extra
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above

    try:
        found = load_pem_private_key(key, password=None)
    except (ValueError, TypeError):
        found = None
    if isinstance(found, ec.EllipticCurvePrivateKey) and found.key_size in (256, 384, 521):
        return {256: "es256", 384: "es384", 521: "es512"}[found.key_size]
    if isinstance(found, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(found, rsa.RSAPrivateKey):
        return "ps256"
    rule = "an unencrypted PEM key is needed: P-256, P-384, P-521, Ed25519 or RSA"
    raise OptionError("the key can't be used", problems=(Problem(field="sign_key", rule=rule, fix="PKCS#8, PEM"),))


def sign_image(
    data: bytes, identity: Identity, *, mark: Mark, step: str, parents: tuple[tuple[str, bytes], ...] = ()
) -> bytes:
    """The file with a signed manifest: what was done, and each original, as (title, bytes), as an ingredient.

    One parent is the image that was changed (`c2pa.opened`, then `c2pa.edited`); several are placed in a new one. Their
    own credentials are kept inside. The file must be finished: any later change breaks the signature.

    Raises:
        OptionError: the library refuses the certificate or the file.
    """
    from c2pa import Builder, C2paError, C2paSignerInfo, Signer  # noqa: PLC0415 - 23 MB, for those who have the extra

    made = io.BytesIO()
    try:
        info = C2paSignerInfo(identity.algorithm.encode(), identity.chain, identity.key, None)
        with Signer.from_info(info) as signer, Builder(_manifest(mark, step, parents), context=_context()) as builder:
            for number, (title, parent) in enumerate(parents):
                entry = {"title": title, "label": f"source{number}", "relationship": _relationship(parents)}
                builder.add_ingredient(json.dumps(entry), _mime_of(parent), io.BytesIO(parent))
            builder.sign(signer, _mime_of(data), io.BytesIO(data), made)
    except C2paError as error:
        problem = Problem(
            field="sign", rule=str(error)[:300], fix="the chain must run from the signer's certificate up"
        )
        raise OptionError("the file can't be signed", problems=(problem,)) from None
    return made.getvalue()


def _relationship(parents: tuple[tuple[str, bytes], ...]) -> str:
    return "parentOf" if len(parents) == 1 else "componentOf"


def _mime_of(data: bytes) -> str:
    return f"image/{file_format(data[:12]) or 'png'}"


def _manifest(mark: Mark, step: str, parents: tuple[tuple[str, bytes], ...]) -> str:
    """The manifest's definition: who wrote it, and the actions."""
    name, _, version = mark.software.partition(" ")
    source_type = _CODES + mark.source_type
    labels = [f"source{number}" for number in range(len(parents))]
    if len(parents) == 1:
        actions: list[dict[str, Any]] = [
            {"action": "c2pa.opened", "parameters": {"ingredientIds": labels}},
            {"action": "c2pa.edited", "digitalSourceType": source_type, "description": step},
        ]
    else:
        actions = [{"action": "c2pa.created", "digitalSourceType": source_type, "description": step}]
        actions += [{"action": "c2pa.placed", "parameters": {"ingredientIds": [label]}} for label in labels]
    return json.dumps({
        "claim_generator_info": [{"name": name, "version": version}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    })  # fmt: skip
