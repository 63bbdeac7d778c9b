"""`imagegen_magic.provenance`: what a file says about its origin, with its signature checked if a library is there for it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from . import c2pa_library
from .reading import Provenance, read_provenance

__all__ = ["provenance"]


def provenance(
    image: str | os.PathLike[str] | bytes,
    *,
    source: str | os.PathLike[str] | bytes | None = None,
    trust: str | os.PathLike[str] | None = None,
) -> Provenance:
    """What an image file says about its origin: Content Credentials (C2PA), the XMP mark of AI images, PNG text.

    PNG, JPEG, WebP and GIF are read. Without the extra `c2pa` the hashes in the manifest are checked and the signature is not;
    with it both are, offline.

    >>> found = provenance("hero-source.png")
    >>> found.state, found.credentials.issuer, found.source_type
    ('present', 'OpenAI OpCo, LLC', 'trainedAlgorithmicMedia')

    Args:
        image: a file, or the bytes of one.
        source: what it was made from: credentials that this has and `image` lacks are called lost.
        trust: a PEM file with the certificates of authorities; a signature that leads to one of them is `Trusted`.

    Raises:
        OptionError: a file is not there or can't be opened. Damaged metadata is reported in the result, never raised.
    """
    found = read_provenance(image)
    if source is not None:
        found = found.against(read_provenance(source))
    if found.state in ("none", "lost") or not found.format or not c2pa_library.is_installed():
        return found
    data = image if isinstance(image, bytes) else Path(image).read_bytes()
    return replace(found, validation=c2pa_library.validate(data, trust=trust))
