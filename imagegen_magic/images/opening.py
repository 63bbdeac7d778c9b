"""Pictures on their way in: what a token on a line means, and the bytes as the API takes them.

Headers are checked before pixels are decoded. The original bytes are sent wherever the API reads them; a picture
is converted only if it must be, and then says so.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from PIL import Image, ImageOps, UnidentifiedImageError

from imagegen_magic.errors import Fix, ImagegenError, OptionError, Problem, Setting
from imagegen_magic.options.paths import expanded, is_file, is_folder
from imagegen_magic.request.request import InputImage

from .limits import MAX_PIXELS
from .png_texts import without_long_texts

__all__ = ["decoding", "open_image", "parse_token", "read_input", "resolve_token"]

MAX_BYTES = 50 * 2**20
"""Each input picture must be under 50 MB (OpenAI API reference, images, read 2026-11-23)."""
COMMON = ("PNG", "JPEG", "GIF", "BMP", "PPM")
"""Formats whose decoders Pillow always loads."""
FORMATS = ("WEBP", "TIFF", "AVIF", "HEIF", "JPEG2000", "TGA", "ICO", "ICNS", "PCX", "QOI", "SGI", "DDS", *COMMON)
"""What is read, by Pillow's names. Left out: EPS, PDF and WMF, for which it starts other programs, and rare ones."""
SENT_AS_THEY_ARE = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
ORIENTATION = 0x0112
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}


def open_image(source: Path | bytes | BinaryIO, name: str = "picture") -> Image.Image:
    """The picture of a file, of bytes or of an open file, its header checked; pixels are decoded when they are first used.

    `name` is what errors call it; a path has its own.

    Raises:
        OptionError: it is not a picture that Pillow reads, or has more than 100 million pixels.
    """
    name = source.name if isinstance(source, Path) else name
    with decoding(name):
        try:
            # Pillow's own limit only warns below twice its value; ours is checked on the header, before any pixel.
            stream = io.BytesIO(source) if isinstance(source, bytes) else source
            image = _opened(without_long_texts(stream))
        except Image.DecompressionBombError as error:
            pixels = re.search(r"\d+", str(error))
            raise _too_large(name, int(pixels[0]) if pixels else MAX_PIXELS) from None
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(name, image.width * image.height)
    return image


def _opened(source: Path | BinaryIO) -> Image.Image:
    """The image in one of `FORMATS`; a phone's MPO is opened as JPEG. Rare formats' decoders are loaded (30 ms) for them only."""
    try:
        return Image.open(source, formats=COMMON)
    except UnidentifiedImageError:
        Image.init()
        return Image.open(source, formats=[form for form in FORMATS if form in Image.OPEN])


@contextlib.contextmanager
def decoding(name: str) -> Iterator[None]:
    """Turns whatever a decoder raises at broken bytes into the card of an image that can't be read.

    Raises:
        OptionError: the block failed.
    """
    try:
        yield
    except OptionError:
        raise
    except Exception as error:  # noqa: BLE001 - bytes that anybody may have made; what no decoder reads, no server can
        raise OptionError("a picture can't be read", problems=(_unreadable(name, error),)) from None


def _too_large(name: str, pixels: int) -> OptionError:
    rule = f"its header says {pixels / 10**6:,.0f} million pixels; more than {MAX_PIXELS // 10**6} are not decoded"
    problem = Problem(field="image", value=name, rule=rule, fix="scale it down in an image editor, if it is real")
    return OptionError("a picture is too large", problems=(problem,))


def _unreadable(name: str, error: Exception) -> Problem:
    """Why Pillow can't read it, and what helps."""
    suffix = Path(name).suffix.lower()
    if isinstance(error, FileNotFoundError):
        return Problem(
            field="image",
            value=name,
            rule="there is no such file",
            fix="check the path; @last and @NAME mean the history",
        )
    if isinstance(error, Image.DecompressionBombError):
        return Problem(
            field="image",
            value=name,
            rule="its header claims far too many pixels to decode",
            fix="scale it down, if it is real",
        )
    if suffix in (".heic", ".heif", ".avif"):
        fix = "pip install pillow-heif, then `import pillow_heif; pillow_heif.register_heif_opener()`"
        return Problem(field="image", value=name, rule=f"{suffix} needs a plug-in of Pillow", fix=fix)
    if suffix in (".eps", ".ps", ".pdf", ".wmf", ".emf"):
        return Problem(field="image", value=name, rule=f"{suffix} is not read: it runs a program", fix="save it as PNG")
    if not isinstance(error, UnidentifiedImageError) and str(error):
        rule = f"it is cut off or broken ({str(error)[:80]})"
        return Problem(field="image", value=name, rule=rule, fix="save or download it again")
    rule = "this is not a picture, whatever its name says"
    return Problem(
        field="image", value=name, rule=rule, fix="give a PNG, JPEG or WebP file, or anything else that Pillow reads"
    )


def read_input(source: Any, *, role: str = "", name: str = "", origin: str = "") -> InputImage:
    """The picture as it will be sent: png, jpeg and webp as they are, everything else converted to PNG with a note.

    Args:
        source: a path, bytes, a Pillow image, an array of shape (height, width[, 1 | 3 | 4]), a file object,
            or anything with a `path` (a result, one of its pictures).

    Raises:
        OptionError: it can't be read, is 50 MB or larger, or has more than 100 million pixels.
    """
    if isinstance(source, (list, tuple)) or (hasattr(source, "paths") and not hasattr(source, "path")):
        rule, fix = "one image is needed, and this holds several", "choose one, as in NAME[0]"
        problem = Problem(field="image", value=name or type(source).__name__, rule=rule, fix=fix)
        raise OptionError("which image?", problems=(problem,))
    if hasattr(source, "path") and not isinstance(source, Path):
        source = Path(source.path)
    if isinstance(source, (str, Path)):
        path = expanded(source)
        _check_bytes(path.name, path.stat().st_size if is_file(path) else 0)
        return _from_bytes(_file_bytes(path), name or path.name, role, origin or path.name)
    if isinstance(source, (bytes, bytearray, memoryview)):
        _check_bytes(name or "bytes", len(source))
        return _from_bytes(bytes(source), name or "image", role, origin or "bytes")
    if hasattr(source, "read"):
        name = name or Path(str(getattr(source, "name", "") or "image")).name
        return read_input(_bytes_of_file(source, name), role=role, name=name, origin=origin)
    image = source if isinstance(source, Image.Image) else _of_array(source, name)
    with decoding(name or type(source).__name__):
        return _converted(image, name or "image", role, origin or type(source).__name__, ())


def _file_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OptionError("a picture can't be read", problems=(_unreadable(path.name, error),)) from None


def _bytes_of_file(file: Any, name: str) -> bytes:
    """What an open file holds; one that was read or written to its end is read from its start."""
    try:
        data = file.read()
        if not data:
            file.seek(0)
            data = file.read()
    except Exception as error:  # noqa: BLE001 - a closed file, or whatever an object of the user's own raises
        rule = f"it can't be read from: {type(error).__name__}: {error}"
        problem = Problem(field="image", value=name, rule=rule, fix='open it anew, open(…, "rb"), or give the path')
        raise OptionError("a picture can't be read", problems=(problem,)) from None
    if not isinstance(data, (bytes, bytearray, memoryview)):
        rule, fix = "it gives texts in place of bytes", 'open(…, "rb"), or give the path'
        raise OptionError("a picture can't be read", problems=(Problem(field="image", value=name, rule=rule, fix=fix),))
    return bytes(data)


def _check_bytes(name: str, count: int) -> None:
    if count >= MAX_BYTES:
        rule = f"{count / 2**20:.0f} MB; each picture must be under {MAX_BYTES // 2**20} MB"
        problem = Problem(field="image", value=name, rule=rule, fix="scale it down, or save it as JPEG or WebP")
        raise OptionError("a picture is too large", problems=(problem,))


def _of_array(array: Any, name: str) -> Image.Image:
    from .arrays import image_of  # noqa: PLC0415 - numpy comes with the first array: 0.1 s

    return image_of(array, name)


def _from_bytes(data: bytes, name: str, role: str, origin: str) -> InputImage:
    image = open_image(data, name) if not _looks_like_text(data) else None
    if image is None:
        raise OptionError("a picture can't be read", problems=(_unreadable(name, ValueError()),))
    with decoding(name):
        return _prepared(image, data, name, role, origin)


def _prepared(image: Image.Image, data: bytes, name: str, role: str, origin: str) -> InputImage:
    """The picture as it is if the API reads it so; decoded once all the same, since a torn file would only be refused there."""
    image.load()
    mime = SENT_AS_THEY_ARE.get(image.format or "")
    plain = getattr(image, "n_frames", 1) == 1 and image.mode not in ("CMYK", "I;16", "I", "F")
    if mime and plain and not _is_turned(image):
        stem = name if Path(name).suffix else name + _SUFFIXES[mime]
        return InputImage(name=stem, data=data, mime=mime, size=image.size, role=role, origin=origin)
    return _converted(image, name, role, origin, _why(image, mime))


def _looks_like_text(data: bytes) -> bool:
    """True for text and HTML under a picture's file name: Pillow's message would say less."""
    head = data[:64].lstrip().lower()
    return head.startswith((b"<!doctype", b"<html", b"{"))


def _is_turned(image: Image.Image) -> bool:
    """True if the EXIF orientation is one of the seven that turn a picture; what else stands there means nothing."""
    return image.getexif().get(ORIENTATION, 1) in range(2, 9)


def _why(image: Image.Image, mime: str | None) -> tuple[str, ...]:
    """What has to be settled before the picture can be sent, in sentences."""
    notes = []
    if _is_turned(image):
        notes.append("turned as its EXIF orientation says")
    if mime is None and image.format != "MPO":
        notes.append(f"converted from {image.format} to PNG")
    if image.mode in ("CMYK", "I;16", "I", "F"):
        notes.append(f"converted from {image.mode} to 8-bit RGB")
    if getattr(image, "n_frames", 1) > 1:
        notes.append("its first frame only; imagegen_magic.edit_animation edits all of them")
    return tuple(notes)


def _converted(image: Image.Image, name: str, role: str, origin: str, notes: tuple[str, ...]) -> InputImage:
    """The picture as PNG, upright, 8 bits, its colour profile kept; a JPEG stays one, as a photo as PNG is far larger."""
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    pixels = _eight_bit(upright)
    keep = {"icc_profile": profile} if profile and image.mode != "CMYK" else {}
    mime = "image/jpeg" if image.format in ("JPEG", "MPO") else "image/png"
    data = _jpeg(pixels, keep) if mime == "image/jpeg" else _png(pixels, keep)
    _check_bytes(name, len(data))
    return InputImage(
        name=f"{Path(name).stem}{_SUFFIXES[mime]}", data=data, mime=mime, size=pixels.size, role=role, origin=origin,
        notes=tuple(f"{name}: {note}" for note in notes),
    )  # fmt: skip


def _png(pixels: Image.Image, keep: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pixels.save(buffer, "PNG", compress_level=3, **keep)
    return buffer.getvalue()


def _jpeg(pixels: Image.Image, keep: Mapping[str, Any]) -> bytes:
    """The best of three qualities that the API takes."""
    data = b""
    for quality in (95, 90, 80):
        buffer = io.BytesIO()
        pixels.convert("RGB").save(buffer, "JPEG", quality=quality, **keep)
        data = buffer.getvalue()
        if len(data) < MAX_BYTES:
            break
    return data


def _eight_bit(image: Image.Image) -> Image.Image:
    """RGB or RGBA with 8 bits a channel; wider grey is scaled, not clipped."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        from .arrays import eight_bit_gray  # noqa: PLC0415 - numpy comes with the first array: 0.1 s

        return eight_bit_gray(image)
    if image.mode == "La":
        image = image.convert("LA")
    alpha = "A" in image.getbands() or "transparency" in image.info
    return image.convert("RGBA" if alpha else "RGB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What stands after `-i`: a word or an object, and its role."""

    reference: Any
    role: str = ""


_ROLE = re.compile(r"(?P<reference>[^:]{2,}|[A-Za-z]:[^:]+):(?P<role>[^\W\d_][^/\\:]*)")


def parse_token(token: Any) -> Token:
    r"""`IMG[:role]` or `(IMG, "role")` taken apart; any other object has no role.

    A role is any text that begins with a letter; `C:\x.png` keeps its drive, and a file that has the whole as its name is that file.

    >>> parse_token("@hero:the fox, its scarf").role
    'the fox, its scarf'
    """
    if isinstance(token, tuple) and len(token) == 2 and isinstance(token[1], str):
        return Token(reference=token[0], role=token[1].strip())
    if not isinstance(token, str):
        return Token(reference=token)
    match = _ROLE.fullmatch(token)
    if match and not is_file(Path(token)):
        return Token(reference=match["reference"], role=match["role"].strip().strip("\"'"))
    return Token(reference=token)


def resolve_token(reference: Any, variables: Mapping[str, object], find: Callable[[str], Path]) -> tuple[Any, str]:
    """What a reference means, and where it came from: an object, a path, a variable or the history.

    Args:
        find: the file of a history reference such as `@hero`, or of a name in the output folder.

    Raises:
        OptionError: a bare word is both a file and a variable, or neither.
    """
    if not isinstance(reference, str):
        return reference, Path(reference).name if isinstance(reference, os.PathLike) else type(reference).__name__
    if reference.startswith("@"):
        return find(reference), reference
    path = expanded(reference)
    is_variable = reference.isidentifier() and reference in variables
    if is_variable and is_file(path):
        fix: str = f"./{reference} for the file, {{{{ {reference} }}}} for the variable"
        problem = Problem(field="image", value=reference, rule="this word is both a file and a variable", fix=fix)
        raise OptionError("which picture?", problems=(problem,))
    if is_variable:
        return variables[reference], reference
    if is_file(path):
        return path, path.name
    with contextlib.suppress(OptionError):
        return find(reference), path.name
    rule, fix = _what_it_is(reference, path, variables)
    problem = Problem(field="image", value=reference, rule=rule, fix=fix)
    raise OptionError("no such picture", problems=(problem,))


def _what_it_is(reference: str, path: Path, variables: Mapping[str, object]) -> tuple[str, str]:
    """Why a reference names no picture, and what to do."""
    if re.match(r"(https?|ftp|s3|gs)://", reference):
        return "an address, and addresses are not fetched", "download it first, and give the file"
    if reference.startswith("file://"):
        return "a path is needed, not an address", Fix(Setting("--image", unquote(urlsplit(reference).path)))
    if is_folder(path):
        return "it is a folder", "give the file in it"
    near = "" if path.suffix else f", or @{reference} if you mean the history"
    rule = "neither a file nor a variable" if variables else "there is no such file"
    fix = f"check the path{near}"
    root = re.match(r"(?P<name>[A-Za-z_]\w*)[.\[]", reference)
    if root and root["name"] in variables:
        fix = f"{{{{ {reference} }}}} for an expression"
    elif "," in reference:
        fix = Fix(*(part for one in reference.split(",") for part in (" ", Setting("--image", one.strip()))))
    return rule, fix


def problems_of(error: ImagegenError) -> tuple[Problem, ...]:
    """The problems of an error, or the error as one."""
    return error.problems or (Problem(field="image", rule=error.summary),)
