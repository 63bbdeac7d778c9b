"""A certificate chain for tests: root, intermediate and a leaf that C2PA accepts, made anew each time; nobody trusts it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def write_chain(folder, organisation="Test Studio"):
    """(chain, key, root) as PEM files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    root_key, root = _certificate("Test Root", None, None, ca=None)
    mid_key, mid = _certificate("Test Intermediate", root_key, root, ca=0)
    leaf_key, leaf = _certificate(organisation, mid_key, mid, ca=False)
    private = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files = {"chain.pem": _pem(leaf) + _pem(mid), "key.pem": private, "root.pem": _pem(root)}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return tuple(folder / name for name in files)


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def _certificate(organisation, issuer_key, issuer, *, ca):
    """A key and its certificate; `ca` is False for a leaf, else how many authorities may follow (None: any number)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
        x509.NameAttribute(NameOID.COMMON_NAME, organisation),
    ])  # fmt: skip
    signer = issuer_key or key
    now = datetime.now(UTC)
    is_leaf = ca is False
    usage = dict.fromkeys(_USAGES, False) | dict.fromkeys(_USAGES[:1] if is_leaf else _USAGES[5:7], True)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=not is_leaf, path_length=None if is_leaf else ca), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if is_leaf:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return key, builder.sign(signer, hashes.SHA256())


_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip
