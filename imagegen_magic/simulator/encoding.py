"""Pictures as files: png, jpeg, webp, gif and svg bytes, each saying that it is simulated and from which recipe."""

from __future__ import annotations

import io
from dataclasses import replace

from PIL import Image, ImageFilter, PngImagePlugin

from .drawing import Recipe, paint_image
from .drawing.recipe import read_recipe

__all__ = ["SOFTWARE", "animation", "blurred_preview", "encode", "find_recipe", "opened"]

SOFTWARE = "imagegen_magic simulator"
_RECIPE_KEY = "imagegen_magic simulator"
_EXIF_SOFTWARE, _EXIF_DESCRIPTION = 0x0131, 0x010E
_EXIF_MOST = 60_000
"""Bytes: a JPEG's EXIF is one segment of 64 KB; the recipe of a longer prompt is not in it."""
_JPEG_BEST = 95


def encode(image: Image.Image, output_format: str, compression: int, recipe: Recipe | None) -> bytes:
    """The bytes of a still picture as png, jpeg or webp; `compression` is 0..100, 100 the best quality."""
    out = io.BytesIO()
    if output_format == "png":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("Software", SOFTWARE)
        if recipe is not None:
            text.add_itxt(_RECIPE_KEY, recipe.to_text())
        image.save(out, "PNG", compress_level=1, pnginfo=text)
        return out.getvalue()
    exif = Image.Exif()
    exif[_EXIF_SOFTWARE] = SOFTWARE
    if recipe is not None and len(recipe.to_text().encode()) <= _EXIF_MOST:
        exif[_EXIF_DESCRIPTION] = recipe.to_text()
    quality = max(5, min(_JPEG_BEST, compression))
    if output_format == "jpeg":
        image.convert("RGB").save(out, "JPEG", quality=quality, exif=exif)
    else:
        image.save(out, "WEBP", quality=quality, method=0, exif=exif)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    """An image that was sent; texts in a PNG are passed over but for the recipe, since Pillow refuses long ones."""
    if not data.startswith(_PNG):
        return Image.open(io.BytesIO(data))
    parts, place = [_PNG], len(_PNG)
    while place < len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4])
        if data[place + 4 : place + 8] not in _TEXTS or data.startswith(_RECIPE_KEY.encode(), place + 8):
            parts.append(data[place:end])
        place = end
    return Image.open(io.BytesIO(b"".join(parts)))


_PNG = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")


def find_recipe(data: bytes) -> Recipe | None:
    """The recipe inside a picture that the simulator made, or None."""
    with opened(data) as image:
        text = image.info.get(_RECIPE_KEY) or image.getexif().get(_EXIF_DESCRIPTION)
    return read_recipe(str(text)) if text else None


def blurred_preview(image: Image.Image, number: int, count: int) -> Image.Image:
    """Partial image `number` of `count`: the picture out of focus, sharper as the number grows."""
    step = (40, 16, 7)[max(0, number + 3 - count)] if count <= 3 else 16
    small = image.resize((max(2, image.width // step), max(2, image.height // step)), Image.Resampling.BOX)
    return small.filter(ImageFilter.GaussianBlur(0.8)).resize(image.size, Image.Resampling.BICUBIC)


def animation(recipe: Recipe, frames: int, duration_ms: int) -> bytes:
    """A looping GIF in which the subject moves as the prompt says."""
    images = []
    for number in range(frames):
        image = paint_image(replace(recipe, phase=number / frames, quality="low"))
        images.append(image.convert("RGB").quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE))
    out = io.BytesIO()
    images[0].save(
        out, "GIF", save_all=True, append_images=images[1:], duration=duration_ms, loop=0, comment=SOFTWARE.encode()
    )
    return out.getvalue()
