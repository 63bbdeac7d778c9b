"""From parts to pixels: anti-aliased covers and shading.

Shading is computed small and enlarged; only edges are drawn at full size, so that a large picture takes little longer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from .parts import Colour, Outline, Part, shade

__all__ = ["Floats", "box_blur", "paint", "rgb_bytes"]

Floats = NDArray[np.float32]

_LIGHT = (-0.45, -0.62, 0.64)
_SMALL = 144
"""Longest edge, in pixels, at which shading is computed."""
_SAMPLES = 16_000_000
"""Most samples of one part's cover; large parts have 2x2 for a pixel, small ones up to 8x8."""
_FINE_INK = 3.0
"""Flat parts smaller than this many ink widths, such as the glint of an eye, get no ink line."""


def paint(
    canvas: Image.Image,
    part: Part,
    middle: tuple[float, float],
    scale: float,
    *,
    shading: float = 1.0,
    ink: tuple[Colour, float] | None = None,
) -> None:
    """Paints one part onto an RGBA canvas.

    Args:
        middle: where the subject's origin lies, in pixels.
        scale: pixels for one subject unit.
        shading: how much of the clay's light and shadow is seen, 0 to 1.
        ink: colour and width (subject units) of a line around the part.
    """
    outlines = [outline * scale + middle for outline in part.outlines]
    reach = part.width / 2 * scale + (ink[1] * scale if ink else 0)
    box = _bounds(outlines, reach + 3 * part.blur * scale + 2, canvas.size)
    if box is None:
        return
    if ink and part.width and not part.blur:
        _compose(canvas, _cover(outlines, part.width * scale + ink[1] * scale, part.holes, box), ink[0], box, 1.0)
    cover = _cover(outlines, part.width * scale, part.holes, box)
    if part.blur:
        cover = _blurred(cover, part.blur * scale)
    colour = part.colour if part.form == "flat" or not shading else _shaded(part, cover, shading)
    _compose(canvas, cover, colour, box, part.opacity)
    if ink and not part.width and not part.blur and _is_large(part, ink[1]):
        closed = [np.concatenate([outline, outline[:2]]) for outline in outlines]
        _compose(canvas, _cover(closed, ink[1] * scale, False, box), ink[0], box, part.opacity)


def _compose(
    canvas: Image.Image,
    cover: Image.Image,
    colour: Colour | Image.Image,
    box: tuple[int, int, int, int],
    opacity: float,
) -> None:
    """Lays a colour over the canvas, as far as the cover goes."""
    layer = colour if isinstance(colour, Image.Image) else Image.new("RGB", cover.size, rgb_bytes(colour))
    if opacity < 1:
        cover = cover.point([round(value * opacity) for value in range(256)])
    layer.putalpha(cover)
    canvas.alpha_composite(layer, dest=(box[0], box[1]))


def _is_large(part: Part, ink: float) -> bool:
    return part.form != "flat" or min(np.ptp(np.concatenate(part.outlines), axis=0)) > _FINE_INK * ink


def _bounds(outlines: Sequence[Outline], margin: float, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The pixel box around the outlines, inside the canvas; None if nothing of it is visible."""
    points = np.concatenate(outlines)
    left, top = np.floor(points.min(axis=0) - margin).astype(int)
    right, bottom = np.ceil(points.max(axis=0) + margin).astype(int)
    box = max(0, int(left)), max(0, int(top)), min(size[0], int(right)), min(size[1], int(bottom))
    return box if box[0] < box[2] and box[1] < box[3] else None


def _cover(outlines: Sequence[Outline], width: float, holes: bool, box: tuple[int, int, int, int]) -> Image.Image:
    """How much of each pixel the outlines or their strokes cover, 0..255, by drawing larger and averaging."""
    across, down = box[2] - box[0], box[3] - box[1]
    times = next(k for k in (8, 4, 3, 2) if k * k * across * down <= _SAMPLES or k == 2)
    large = Image.new("L", (across * times, down * times))
    draw = ImageDraw.Draw(large)
    for number, outline in enumerate(outlines):
        points = (outline - box[:2]) * times - 0.5
        if width:
            _draw_stroke(draw, points, width * times)
        else:
            draw.polygon(points.ravel().tolist(), fill=0 if holes and number else 255)
    return large.reduce(times)


def _draw_stroke(draw: ImageDraw.ImageDraw, points: Outline, width: float) -> None:
    """A line with round joints and ends."""
    draw.line(points.ravel().tolist(), fill=255, width=max(1, round(width)), joint="curve")
    for x, y in points[[0, -1]]:
        draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)


def _blurred(cover: Image.Image, radius: float) -> Image.Image:
    """A Gaussian blur, done small if the radius is large."""
    step = max(1, int(radius / 4))
    if step == 1:
        return cover.filter(ImageFilter.GaussianBlur(radius))
    small = cover.resize((max(1, cover.width // step), max(1, cover.height // step)), Image.Resampling.BOX)
    return small.filter(ImageFilter.GaussianBlur(radius / step)).resize(cover.size, Image.Resampling.BICUBIC)


def rgb_bytes(colour: Colour) -> tuple[int, int, int]:
    """The colour in 0..255."""
    red, green, blue = (round(255 * min(1.0, max(0.0, value))) for value in colour)
    return red, green, blue


def _shaded(part: Part, cover: Image.Image, shading: float) -> Image.Image:
    """The colour of a rounded part all over its box, lit from the upper left."""
    factor = min(1.0, _SMALL / max(cover.size))
    size = max(4, round(cover.width * factor)), max(4, round(cover.height * factor))
    inside = np.asarray(cover.resize(size, Image.Resampling.BOX), np.float32) / np.float32(255)
    normals = _tube_normals(inside) if part.form == "tube" else _puff_normals(inside, part.depth)
    lit = _lit(part.colour, normals, part.gloss)
    lit = lit * np.float32(shading) + np.array(part.colour, np.float32) * np.float32(1 - shading)
    pixels = Image.fromarray((np.clip(lit, 0, 1) * 255 + 0.5).astype(np.uint8), "RGB")
    return pixels.resize(cover.size, Image.Resampling.BICUBIC)


def _lit(colour: Colour, normals: Floats, gloss: float) -> Floats:
    """Diffuse light, a coloured shadow, light from the floor, and a highlight."""
    diffuse = np.clip(_facing(normals, _LIGHT), 0, 1)
    half = (_LIGHT[0], _LIGHT[1], _LIGHT[2] + 1)
    shine = np.clip(_facing(normals, half) / math.hypot(*half), 0, 1) ** 36 * gloss
    bounce = (np.clip(normals[..., 1], 0, 1) * 0.10)[..., None] * np.array([0.9, 0.95, 1.1], np.float32)
    shadow = np.array(shade(colour, 0.62, 1.05, 0.012), np.float32)
    light = (0.30 + 0.86 * diffuse)[..., None]
    lit = shadow * (1 - np.clip(light, 0, 1)) * 0.75 + np.array(colour, np.float32) * light + bounce
    out: Floats = lit + shine[..., None] * (1.0 - 0.3 * np.clip(lit, 0, 1))
    return out


def _facing(normals: Floats, direction: tuple[float, float, float]) -> Floats:
    """How far each normal faces that way. Summed in plain steps: a matrix product rounds as each processor's library does."""
    x, y, z = (normals[..., axis] * np.float32(part) for axis, part in enumerate(direction))
    facing: Floats = x + y + z
    return facing


def _tube_normals(inside: Floats) -> Floats:
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
    height = box_blur(box_blur(padded, radius), max(1, radius // 2))
    height = np.sqrt(np.clip(height, 0, 1)) * padded.clip(0.25, 1)
    height = box_blur(height, max(1, radius // 4))
    gy, gx = np.gradient(height)
    strength = radius * 1.25
    normals = np.stack([-gx * strength, -gy * strength, np.ones_like(gx)], axis=-1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    edge = radius + 2
    unit: Floats = normals[edge:-edge, edge:-edge].astype(np.float32)
    return unit


def box_blur(values: Floats, radius: int) -> Floats:
    """Box blur over both axes, with the edges repeated."""
    for axis in (0, 1):
        moved = np.moveaxis(values, axis, 0)
        padded = np.pad(moved, ((radius + 1, radius), (0, 0)), mode="edge")
        sums = np.cumsum(padded, axis=0, dtype=np.float32)
        moved = ((sums[2 * radius + 1 :] - sums[: -2 * radius - 1]) / (2 * radius + 1)).astype(np.float32)
        values = np.moveaxis(moved, 0, axis)
    return values
