"""Test-signed Content Credentials on simulated pictures, as the live service signs its own; nobody trusts this signer.

A chain (root, intermediate, leaf) is made anew for each simulator. What C2PA asks of a leaf: critical basic constraints and key
usage, an extended key usage that is allowed, key identifiers (C2PA 2.2, 14.5.1; tried with c2pa-python 0.38.1, 2026-11-26).
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from c2pa import Builder, C2paSignerInfo, Context, Signer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .files import sniffed_mime

__all__ = ["TestChain", "make_chain", "signed"]

_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"
_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TestChain:
    """A certificate chain as PEM: the leaf's with the intermediate's, the leaf's private key, and the root's."""

    __test__ = False

    chain: bytes
    key: bytes
    root: bytes


def make_chain(organisation: str = "Simulated Issuer") -> TestChain:
    """A new chain for tests, whose leaf is this organisation's, valid for 30 days."""
    root_key, root = _certificate("Test Root", None, None, depth=1)
    middle_key, middle = _certificate("Test Intermediate", root_key, root, depth=0)
    leaf_key, leaf = _certificate(organisation, middle_key, middle, depth=None)
    key = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return TestChain(chain=_pem(leaf) + _pem(middle), key=key, root=_pem(root))


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _certificate(
    organisation: str,
    issuer_key: ec.EllipticCurvePrivateKey | None,
    issuer: x509.Certificate | None,
    *,
    depth: int | None,
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A key and its certificate; `depth` is how many authorities may follow, None for a leaf."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)])
    signer = issuer_key or key
    now = datetime.now(UTC)
    allowed = ("digital_signature",) if depth is None else ("key_cert_sign", "crl_sign")
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=depth is not None, path_length=depth), critical=True)
        .add_extension(x509.KeyUsage(**{usage: usage in allowed for usage in _USAGES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if depth is None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return key, builder.sign(signer, hashes.SHA256())


def signed(data: bytes, chain: TestChain) -> bytes:
    """A finished picture with a signed manifest: created by the simulator, an algorithm that nothing trained. SVG stays as it is."""
    mime = sniffed_mime(data)
    if mime not in ("image/png", "image/jpeg", "image/webp", "image/gif"):
        return data
    agent = {"name": "imagegen_magic simulator"}
    action = {"action": "c2pa.created", "digitalSourceType": _SOURCE_TYPE, "softwareAgent": agent}
    manifest = {
        "claim_generator_info": [agent],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    offline = {"verify": {"remote_manifest_fetch": False}, "builder": {"thumbnail": {"enabled": False}}}
    made = io.BytesIO()
    info = C2paSignerInfo(b"es256", chain.chain, chain.key, None)
    with Signer.from_info(info) as signer, Builder(json.dumps(manifest), context=Context.from_dict(offline)) as builder:
        builder.sign(signer, mime, io.BytesIO(data), made)
    return made.getvalue()
