"""What every file that is made from an image gets before it is written: a mark that says so and, if asked for, a signature.

A mark claims only what is known: the source type that the API's answer, the source's own metadata or our history gives.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from imagegen_magic._version import __version__
from imagegen_magic.options.defaults import SHELL_DEFAULTS
from imagegen_magic.options.options import Options
from imagegen_magic.options.settings import resolve

from .c2pa_library import Identity, load_identity, sign_image
from .containers import file_format
from .marking import mark_image
from .reading import read_provenance
from .xmp import Mark, SourceType

__all__ = ["Marking", "Source", "default_marking", "finish_file", "joined_source_type", "source_of"]

SOFTWARE = f"imagegen_magic {__version__}"
MADE_BY_AI = frozenset({"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"})
KNOWN_TYPES = frozenset(get_args(SourceType))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file that an image was made from.

    Attributes:
        title: its name.
        sha256: of its bytes, in hexadecimal; empty for pixels that come from no file.
        source_type: the IPTC code of its digital source type; empty if nothing says what it is.
        system: the id of the model that made it, if that is known.
        file: the path or the bytes, for a signature that includes it.
    """

    title: str = "image"
    sha256: str = ""
    source_type: str = ""
    system: str = ""
    file: Path | bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marking:
    """What derived files are given.

    Attributes:
        mark: whether they carry the XMP mark.
        prompt: a prompt that the mark tells; empty, as it is unless asked for, tells none.
        identity: the certificate and key that sign them, or None.
    """

    mark: bool = True
    prompt: str = ""
    identity: Identity | None = None

    @classmethod
    def of(cls, options: Options, prompt: str = "") -> Marking:
        """What the options `mark`, `embed_prompt`, `sign` and the certificate's ask for.

        Raises:
            OptionError: a signature is asked for that can't be made: no extra `c2pa`, no usable certificate or key.
        """
        signs = options.sign
        return cls(
            mark=options.mark,
            prompt=prompt if options.embed_prompt else "",
            identity=load_identity(options.sign_certificate, options.sign_key) if signs else None,
        )


def default_marking(*, mark: bool | None = None) -> Marking:
    """What the session, the environment and pyproject.toml ask for; `mark` itself wins over them."""
    if mark is False:
        return Marking(mark=False)
    session = SHELL_DEFAULTS[0]() if SHELL_DEFAULTS else None
    return Marking.of(resolve({} if mark is None else {"mark": mark}, session=session))


def source_of(image: object) -> Source:
    """What is known of a file, or of the bytes of one; of pixels nothing is."""
    try:
        if isinstance(image, (bytes, bytearray, memoryview)):
            return _source("image", bytes(image), bytes(image))
        if isinstance(image, (str, os.PathLike)):
            path = Path(image)
            return _source(path.name, path.read_bytes(), path.absolute())
    except OSError:  # who needs the pixels reports that better
        pass
    return Source()


def _source(title: str, data: bytes, file: Path | bytes) -> Source:
    found = read_provenance(data)
    source_type = found.source_type if found.source_type in KNOWN_TYPES else ""
    system = found.mark.system if found.mark else ""
    return Source(
        title=title, sha256=hashlib.sha256(data).hexdigest(), source_type=source_type, system=system, file=file
    )


def joined_source_type(source_types: Iterable[str]) -> str:
    """The source type of an image that holds images of these types, an empty one meaning that it is not known.

    One type stays what it is; AI images beside any others are `compositeWithTrainedAlgorithmicMedia` (IPTC: trained
    algorithmic media composited with some other media; vocabulary of 2024-10); for the rest nothing is claimed.
    """
    found = set(source_types)
    if len(found) == 1:
        return found.pop()
    return "compositeWithTrainedAlgorithmicMedia" if found & MADE_BY_AI else ""


def finish_file(data: bytes, sources: Sequence[Source], *, step: str, marking: Marking) -> bytes:
    """A derived file as it is written: with its mark and signature. If no source is a file, nothing is claimed.

    Args:
        data: the encoded file; PNG, JPEG, WebP and GIF can hold a mark, others stay as they are.
        step: what was done, in a word, for the signature: `cutout`, `sprites`.

    Raises:
        OptionError: the file can't be signed.
        MetadataError: the prompt is too long for the file's format (64 KB in JPEG).
    """
    files = tuple({source.sha256: source for source in sources if source.sha256}.values())
    if not files or file_format(data[:12]) is None:
        return data
    mark = Mark(
        source_type=joined_source_type(source.source_type for source in sources),
        software=SOFTWARE,
        sources=tuple(source.sha256 for source in files),
        system=", ".join(dict.fromkeys(source.system for source in files if source.system)),
        prompt=marking.prompt,
    )
    marked = mark_image(data, mark) if marking.mark else data
    if marking.identity is None:
        return marked
    parents = tuple((source.title, _bytes_of(source)) for source in files)
    return sign_image(marked, marking.identity, mark=mark, step=step, parents=parents)


def _bytes_of(source: Source) -> bytes:
    return source.file if isinstance(source.file, bytes) else source.file.read_bytes()
