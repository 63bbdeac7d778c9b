"""From parts to pixels: anti-aliased covers, shading, and the plate that says SIMULATED."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from .shapes import Colour, Outline, Part, shade

__all__ = ["fix_tag", "paint", "stamp_corner"]

Floats = NDArray[np.float32]

_LIGHT = (-0.45, -0.62, 0.64)
_SMALL = 176
"""Longest edge, in pixels, at which shading is computed."""


def paint(canvas: Image.Image, part: Part, middle: tuple[float, float], scale: float) -> None:
    """Paints one part onto the canvas."""
    outlines = [outline * scale + middle for outline in (part.outline, *part.more)]
    holes = [outline * scale + middle for outline in part.holes]
    box = _bounds(outlines, 3 * part.soft * scale + 2, canvas.size)
    if box is None:
        return
    cover = _cover(outlines, holes, box)
    if part.soft:
        cover = _blurred(cover, part.soft * scale)
    colour = (
        _shaded(part, cover) if part.form in ("puff", "cylinder") else Image.new("RGB", cover.size, _bytes(part.colour))
    )
    if part.opacity < 1:
        cover = cover.point([round(value * part.opacity) for value in range(256)])
    colour.putalpha(cover)
    canvas.alpha_composite(colour, dest=(box[0], box[1]))


def _bounds(outlines: Sequence[Outline], margin: float, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The pixel box around the outlines, inside the canvas; None where nothing of it is visible."""
    points = np.concatenate(outlines)
    left, top = np.floor(points.min(axis=0) - margin).astype(int)
    right, bottom = np.ceil(points.max(axis=0) + margin).astype(int)
    box = max(0, int(left)), max(0, int(top)), min(size[0], int(right)), min(size[1], int(bottom))
    return box if box[0] < box[2] and box[1] < box[3] else None


def _cover(outlines: Sequence[Outline], holes: Sequence[Outline], box: tuple[int, int, int, int]) -> Image.Image:
    """How much of each pixel the outlines cover, 0..255, by drawing larger and averaging."""
    width, height = box[2] - box[0], box[3] - box[1]
    times = next(k for k in (8, 4, 3, 2) if k * k * width * height <= 16_000_000 or k == 2)
    large = Image.new("L", (width * times, height * times))
    draw = ImageDraw.Draw(large)
    for group, value in ((outlines, 255), (holes, 0)):
        for outline in group:
            draw.polygon(((outline - box[:2]) * times - 0.5).ravel().tolist(), fill=value)
    return large.reduce(times)


def _blurred(cover: Image.Image, radius: float) -> Image.Image:
    """A Gaussian blur, done small where the radius is large."""
    step = max(1, int(radius / 4))
    if step == 1:
        return cover.filter(ImageFilter.GaussianBlur(radius))
    small = cover.resize((max(1, cover.width // step), max(1, cover.height // step)), Image.Resampling.BOX)
    return small.filter(ImageFilter.GaussianBlur(radius / step)).resize(cover.size, Image.Resampling.BICUBIC)


def _bytes(colour: Colour) -> tuple[int, int, int]:
    r, g, b = (round(255 * min(1.0, max(0.0, value))) for value in colour)
    return r, g, b


def _shaded(part: Part, cover: Image.Image) -> Image.Image:
    """The colour of a rounded part all over its box, lit from the upper left."""
    factor = min(1.0, _SMALL / max(cover.size))
    small = cover.resize(
        (max(4, round(cover.width * factor)), max(4, round(cover.height * factor))), Image.Resampling.BOX
    )
    inside = np.asarray(small, np.float32) / np.float32(255)
    normals = _cylinder_normals(inside) if part.form == "cylinder" else _puff_normals(inside, part.depth)
    diffuse = np.clip(_facing(normals, _LIGHT), 0, 1)
    half = (_LIGHT[0], _LIGHT[1], _LIGHT[2] + 1)
    shine = np.clip(_facing(normals, half) / math.hypot(*half), 0, 1) ** 36 * part.gloss
    bounce = np.clip(normals[..., 1], 0, 1) * 0.10
    base = np.array(part.colour, np.float32)
    shadow_tint = np.array(shade(part.colour, 0.62, 1.05, 0.012), np.float32)
    light = (0.30 + 0.86 * diffuse)[..., None]
    lit = (
        shadow_tint * (1 - np.clip(light, 0, 1)) * 0.75
        + base * light
        + bounce[..., None] * np.array([0.9, 0.95, 1.1], np.float32)
    )
    lit = lit + shine[..., None] * (1.0 - 0.3 * np.clip(lit, 0, 1))
    pixels = Image.fromarray((np.clip(lit, 0, 1) * 255 + 0.5).astype(np.uint8), "RGB")
    return pixels.resize(cover.size, Image.Resampling.BICUBIC)


def _facing(normals: Floats, direction: tuple[float, float, float]) -> Floats:
    """How far each normal faces that way. Summed in plain steps: a matrix product rounds as each processor's library does."""
    x, y, z = (normals[..., axis] * np.float32(part) for axis, part in enumerate(direction))
    facing: Floats = x + y + z
    return facing


def _cylinder_normals(inside: Floats) -> Floats:
    """Normals of a body round about its vertical axis, row by row as wide as the widest row."""
    height, width = inside.shape
    x = np.linspace(-1, 1, width, dtype=np.float32) * 0.97
    nx = np.broadcast_to(x, (height, width))
    ny = np.broadcast_to(np.linspace(-0.16, 0.16, height, dtype=np.float32)[:, None], (height, width))
    nz = np.sqrt(np.clip(1 - nx**2, 0.02, 1))
    normals = np.stack([nx, ny, nz], axis=-1)
    unit: Floats = normals / np.linalg.norm(normals, axis=-1, keepdims=True)
    return unit


def _puff_normals(inside: Floats, depth: float) -> Floats:
    """Normals of the outline inflated: its blurred cover as a height."""
    radius = max(2, round(depth * min(inside.shape)))
    padded = np.pad(inside, radius + 2)
    height = _box(_box(padded, radius), max(1, radius // 2))
    height = np.sqrt(np.clip(height, 0, 1)) * padded.clip(0.25, 1)
    height = _box(height, max(1, radius // 4))
    gy, gx = np.gradient(height)
    strength = radius * 1.25
    normals = np.stack([-gx * strength, -gy * strength, np.ones_like(gx)], axis=-1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    edge = radius + 2
    unit: Floats = normals[edge:-edge, edge:-edge].astype(np.float32)
    return unit


def _box(values: Floats, radius: int) -> Floats:
    """Box blur over both axes, with the edges repeated."""
    for axis in (0, 1):
        moved = np.moveaxis(values, axis, 0)
        padded = np.pad(moved, ((radius + 1, radius), (0, 0)), mode="edge")
        sums = np.cumsum(padded, axis=0, dtype=np.float64)
        moved = ((sums[2 * radius + 1 :] - sums[: -2 * radius - 1]) / (2 * radius + 1)).astype(np.float32)
        values = np.moveaxis(moved, 0, axis)
    return values


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(6, size))


def fix_tag(canvas: Image.Image) -> None:
    """A small plate reading SIMULATED at the foot of the subject, grown together with it."""
    box = canvas.getchannel("A").point([0] * 128 + [255] * 128).getbbox()
    if box is None:
        return
    height = min(canvas.size) * 0.0545
    width = height * 5.4
    foot = canvas.getchannel("A").crop((0, max(0, int(box[3] - height)), canvas.width, box[3]))
    columns = np.asarray(foot, np.float32).sum(axis=0)
    x = float((columns * np.arange(len(columns))).sum() / max(1.0, columns.sum())) + 0.5
    top = min(box[3] - height * 0.55, canvas.height - height - 4)
    plate(canvas, (x - width / 2, top, x + width / 2, top + height), opacity=1.0)


def stamp_corner(picture: Image.Image) -> Image.Image:
    """The picture with SIMULATED in its lower right corner."""
    height = max(11.0, min(picture.size) * 0.030)
    right, bottom = picture.width - height * 0.7, picture.height - height * 0.7
    layer = Image.new("RGBA", (math.ceil(height * 7), math.ceil(height * 2)))
    at = round(right - layer.width), round(bottom - layer.height)
    plate(
        layer,
        (layer.width - height * 5.4 - 1, layer.height - height - 1, layer.width - 1, layer.height - 1),
        opacity=0.78,
    )
    picture.paste(layer, at, layer)
    return picture


def plate(canvas: Image.Image, box: tuple[float, float, float, float], *, opacity: float) -> None:
    """A pale rounded plate with the word SIMULATED."""
    left, top, right, bottom = box
    height = bottom - top
    times = 4
    x, y = math.floor(left) - 1, math.floor(top) - 1
    width_px, height_px = math.ceil(right) - x + 2, math.ceil(bottom) - y + 2
    cover = Image.new("L", (width_px * times, height_px * times))
    frame = [(value - origin) * times for value, origin in zip(box, (x, y, x, y), strict=True)]
    ImageDraw.Draw(cover).rounded_rectangle(frame, radius=height * 0.28 * times, fill=255)
    plate = Image.new("RGBA", (width_px, height_px), (250, 246, 236, 255))
    draw = ImageDraw.Draw(plate)
    draw.text(
        ((left + right) / 2 - x, (top + bottom) / 2 - y),
        "SIMULATED",
        fill=(62, 58, 70, 255),
        font=_font(height * 0.66),
        anchor="mm",
    )
    plate.putalpha(cover.reduce(times).point([round(value * opacity) for value in range(256)]))
    canvas.alpha_composite(plate, dest=(max(0, x), max(0, y)))
