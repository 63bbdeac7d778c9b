"""Loads a picture for the engine: 8-bit RGB pixels, upright, with the alpha and the colour profile that it has."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from imagegen_magic.errors import CutoutError
from imagegen_magic.images.limits import MAX_PIXELS
from imagegen_magic.images.png import stored_png
from imagegen_magic.images.png_texts import without_long_texts

from .arrays import Bytes, as_bytes

__all__ = ["Picture", "load_picture"]

Picture: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Image.Image | NDArray[Any]"

ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
"""Formats in which further frames are an animation."""


def load_picture(image: Picture) -> tuple[Bytes, Bytes | None, bytes | None]:
    """RGB pixels (height, width, 3) uint8, upright, the alpha (height, width) or None, and the ICC profile or None.

    16-bit samples are rounded to 8 bits. Raises CutoutError for what is not a picture, animations, CMYK, floating-point
    pixels and more than 100 megapixels; the size is read from the header, before any pixel is decoded.
    """
    if isinstance(image, np.ndarray):
        return *_from_array(image), None
    with _open(image) as opened:
        _require_one_frame(opened)
        if opened.width * opened.height > MAX_PIXELS:
            raise CutoutError(f"{opened.width} x {opened.height} is more than {MAX_PIXELS // 1_000_000} megapixels")
        pixels = _plain_png(image) if (opened.format, opened.mode) == ("PNG", "RGB") else None
        return *(_from_pillow(opened) if pixels is None else (pixels, None)), _rgb_profile(opened)


def _require_one_frame(picture: Image.Image) -> None:
    """Refuses an animation: its first frame alone is seldom what is meant. A phone's photo with a preview is none."""
    frames = getattr(picture, "n_frames", 1) if picture.format in ANIMATED else 1
    if frames > 1:
        hint = "imagegen_magic.unpack(…), in a terminal `imagegen unpack`, takes its frames apart, and cuts them out"
        raise CutoutError(f"this is an animation of {frames} frames, not one picture", hints=(hint,))


def _plain_png(image: Picture) -> Bytes | None:
    """The pixels of a PNG that holds nothing but RGB, in 0.6 of Pillow's time; None if it is damaged or another."""
    data = Path(image).read_bytes() if isinstance(image, str | os.PathLike) else image
    file = stored_png(data) if isinstance(data, bytes) else None
    decoded = None if file is None else cv2.imdecode(file, cv2.IMREAD_COLOR)
    return None if decoded is None else as_bytes(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB, decoded))


def _rgb_profile(picture: Image.Image) -> bytes | None:
    """The ICC profile where it describes RGB: one for grey does not suit the RGBA that comes out."""
    profile = picture.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and profile[16:20] == b"RGB " else None


def _open(image: str | os.PathLike[str] | bytes | BinaryIO | Image.Image) -> Image.Image:
    if isinstance(image, Image.Image):
        return image.copy() if image.width * image.height <= MAX_PIXELS else image
    source = _source(image)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is checked by the caller
            return Image.open(without_long_texts(source))
    except FileNotFoundError as error:
        raise CutoutError(f"{str(image)[:120]}: there is no such file") from error
    except Image.DecompressionBombError as error:
        raise CutoutError(f"more than {MAX_PIXELS // 1_000_000} megapixels") from error
    except IsADirectoryError as error:
        raise CutoutError(
            f"{image!s} is a folder", hints=("cutout_many(paths, out_dir=…) takes many files",)
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a closed file, a path with a null byte
        name = f"{str(image)[:120]!r}" if isinstance(image, str | os.PathLike) else "this"
        raise CutoutError(f"{name} is not a picture that Pillow can read") from error


def _source(image: str | os.PathLike[str] | bytes | BinaryIO) -> Path | BinaryIO:
    if isinstance(image, bytes | bytearray | memoryview):
        return io.BytesIO(image)
    if isinstance(image, str | os.PathLike):
        return Path(image)
    if hasattr(image, "read"):
        return image
    raise CutoutError(
        f"{type(image).__name__} is not a picture: a path, bytes, a binary file, a Pillow image or an array is needed",
        hints=("numpy.asarray(pixels, dtype=numpy.uint8) makes an array of a list",),
    )


def _from_pillow(picture: Image.Image) -> tuple[Bytes, Bytes | None]:
    try:
        picture.load()
        ImageOps.exif_transpose(picture, in_place=True)
    except (OSError, SyntaxError, ValueError) as error:
        raise CutoutError(f"the picture is damaged: {error}") from error
    if picture.mode.startswith("I;16"):
        return _from_array(np.asarray(picture).astype(np.uint16))
    if picture.mode in {"CMYK", "YCbCr", "LAB", "HSV", "I", "F"}:
        raise CutoutError(f"{picture.mode} pixels cannot be keyed", hints=("convert the picture to RGB first",))
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return np.asarray(picture), None
    if picture.has_transparency_data:
        return _from_array(np.asarray(picture.convert("RGBA")))
    return np.asarray(picture.convert("RGB")), None


def _from_array(pixels: NDArray[Any]) -> tuple[Bytes, Bytes | None]:
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or not pixels.size:
        raise CutoutError(f"pixels must be uint8 or uint16, grey, RGB or RGBA, not {pixels.dtype} {pixels.shape}")
    if pixels.shape[0] * pixels.shape[1] > MAX_PIXELS:
        raise CutoutError(f"more than {MAX_PIXELS // 1_000_000} megapixels")
    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2), None
    alpha = np.ascontiguousarray(pixels[..., 3]) if pixels.shape[2] == 4 else None
    return np.ascontiguousarray(pixels[..., :3]), alpha
