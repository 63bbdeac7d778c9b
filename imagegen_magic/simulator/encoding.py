"""Pictures as files: png, jpeg, webp, gif and svg bytes, each saying that it is simulated and from which recipe."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
from PIL import Image, ImageFilter, PngImagePlugin

from .drawing import Recipe, paint_picture, read_recipe, subject_parts
from .shapes import Colour, Part

__all__ = ["SOFTWARE", "animation", "blurred_preview", "encode", "find_recipe", "vector"]

SOFTWARE = "imagegen_magic simulator"
_RECIPE_KEY = "imagegen_magic simulator"
_EXIF_SOFTWARE, _EXIF_DESCRIPTION = 0x0131, 0x010E
_JPEG_BEST = 95


def encode(picture: Image.Image, output_format: str, compression: int, recipe: Recipe | None) -> bytes:
    """The bytes of a still picture as png, jpeg or webp; `compression` is 0..100, 100 the best quality."""
    out = io.BytesIO()
    if output_format == "png":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("Software", SOFTWARE)
        if recipe is not None:
            text.add_itxt(_RECIPE_KEY, recipe.to_text())
        picture.save(out, "PNG", compress_level=1, pnginfo=text)
        return out.getvalue()
    exif = Image.Exif()
    exif[_EXIF_SOFTWARE] = SOFTWARE
    if recipe is not None:
        exif[_EXIF_DESCRIPTION] = recipe.to_text()
    quality = max(5, min(_JPEG_BEST, compression))
    if output_format == "jpeg":
        picture.convert("RGB").save(out, "JPEG", quality=quality, exif=exif)
    else:
        picture.save(out, "WEBP", quality=quality, method=0, exif=exif)
    return out.getvalue()


def find_recipe(data: bytes) -> Recipe | None:
    """The recipe inside a picture that the simulator made, or None."""
    with Image.open(io.BytesIO(data)) as picture:
        text = picture.info.get(_RECIPE_KEY) or picture.getexif().get(_EXIF_DESCRIPTION)
    return read_recipe(str(text)) if text else None


def blurred_preview(picture: Image.Image, number: int, count: int) -> Image.Image:
    """Partial image `number` of `count`: the picture out of focus, sharper as the number grows."""
    step = (40, 16, 7)[max(0, number + 3 - count)] if count <= 3 else 16
    small = picture.resize((max(2, picture.width // step), max(2, picture.height // step)), Image.Resampling.BOX)
    return small.filter(ImageFilter.GaussianBlur(0.8)).resize(picture.size, Image.Resampling.BICUBIC)


def animation(recipe: Recipe, frames: int, duration_ms: int) -> bytes:
    """A looping GIF in which the subject sways."""
    pictures = []
    for number in range(frames):
        turn = math.tau * number / frames
        reach = 0.02 * min(recipe.width, recipe.height)
        shift = (reach * 0.6 * math.sin(turn), reach * math.cos(turn))
        picture = paint_picture(replace(recipe, shift=shift, quality="low"))
        pictures.append(
            picture.convert("RGB").quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        )
    out = io.BytesIO()
    pictures[0].save(
        out, "GIF", save_all=True, append_images=pictures[1:], duration=duration_ms, loop=0, comment=SOFTWARE.encode()
    )
    return out.getvalue()


def vector(recipe: Recipe) -> bytes:
    """The subject as SVG: its outlines filled with simple gradients."""
    width, height = recipe.width, recipe.height
    scale, x, y = 0.375 * min(width, height), width / 2, height * 0.505
    parts = subject_parts(recipe)
    if recipe.backdrop == "none":
        ground = ""
    else:
        fill = recipe.backdrop if recipe.backdrop.startswith("#") else "#e9e4dc"
        ground = f'<rect width="{width}" height="{height}" fill="{fill}"/>'
    gradients = "".join(_gradient(number, part) for number, part in enumerate(parts))
    paths = "".join(_path(number, part) for number, part in enumerate(parts))
    label = (
        '<g transform="translate(0 0.98)"><rect x="-0.4" y="-0.075" width="0.8" height="0.15" rx="0.04" '
        'fill="#faf6ec"/>'
        '<text text-anchor="middle" y="0.035" font-family="sans-serif" font-size="0.1" '
        'fill="#3e3a46">SIMULATED</text></g>'
    )
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f"<!-- {SOFTWARE} --><defs>{gradients}</defs>{ground}"
        f'<g transform="translate({x:g} {y:g}) scale({scale:g})">{paths}{label}</g></svg>'
    )
    return text.encode()


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, value))):02x}" for value in colour)


def _gradient(number: int, part: Part) -> str:
    light, dark = (tuple(min(1.0, value * factor) for value in part.colour) for factor in (1.12, 0.72))
    stops = f'<stop offset="0.25" stop-color="{_hex(light)}"/><stop offset="1" stop-color="{_hex(dark)}"/>'  # type: ignore[arg-type]
    return f'<linearGradient id="g{number}" x2="0.6" y2="1">{stops}</linearGradient>'


def _path(number: int, part: Part) -> str:
    lines = []
    for outline in (part.outline, *part.more, *part.holes):
        corners = " ".join(f"{x:.3f},{y:.3f}" for x, y in np.asarray(outline))
        lines.append(f"M{corners}Z")
    fill = _hex(part.colour) if part.form in ("flat", "line") else f"url(#g{number})"
    opacity = f' opacity="{part.opacity:g}"' if part.opacity < 1 else ""
    return f'<path d="{"".join(lines)}" fill="{fill}" fill-rule="evenodd"{opacity}/>'
