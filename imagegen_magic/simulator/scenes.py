"""What lies behind a subject: a quiet room, or hills under a sky."""

from __future__ import annotations

import colorsys
import math
import random
import re

import numpy as np
from PIL import Image

from .painting import paint
from .shapes import Colour, Part, ellipse, mix, polygon, shade

__all__ = ["hills", "room", "with_grain"]


_SURFACES: tuple[tuple[str, Colour], ...] = (
    (r"wood\w*|walnut|oak|desk|plank|rustic", (0.58, 0.41, 0.29)),
    (r"grass|garden|lawn|park|picnic", (0.50, 0.66, 0.38)),
    (r"sand|beach|desert", (0.90, 0.80, 0.60)),
    (r"snow|ice|marble|studio|white", (0.93, 0.94, 0.95)),
    (r"street|asphalt|concrete|slate|stone", (0.52, 0.54, 0.58)),
)
_NIGHT = r"\b(night|dark|midnight|neon|moody)\b"


def room(size: tuple[int, int], main: Colour, prompt: str, rng: random.Random) -> Image.Image:
    """A quiet room for the subject, in colours that go with `main`: wall, floor, a shape of light on the wall.

    The floor is of what the prompt names (wood, grass, sand, snow, stone).
    """
    wall, floor = _wall(main, prompt, rng), None
    for words, colour in _SURFACES:
        if re.search(rf"\b({words})\b", prompt, re.IGNORECASE):
            floor = colour
    picture = _lit(size, wall, floor or shade(wall, 0.90, 0.9))
    _light_on_wall(picture, mix(wall, (1.0, 1.0, 1.0), 0.45), rng)
    return picture


def _wall(main: Colour, prompt: str, rng: random.Random) -> Colour:
    hue, _, saturation = colorsys.rgb_to_hls(*main)
    turn, light = rng.choice((0.08, 0.42, 0.5, 0.58)), rng.choice((0.80, 0.80, 0.86, 0.70, 0.62))
    if re.search(_NIGHT, prompt, re.IGNORECASE):
        light = 0.24
    return colorsys.hls_to_rgb((hue + turn) % 1, light, 0.22 + 0.25 * saturation)


def _lit(size: tuple[int, int], wall: Colour, table: Colour) -> Image.Image:
    """Wall and floor with a glow from the left and darker corners, computed small."""
    factor = 320 / max(size)
    width, height = round(size[0] * factor), round(size[1] * factor)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = (x - width / 2) / min(width, height), (y - height / 2) / min(width, height)
    floor = np.clip((v - 0.20 - 0.02 * u * u) / 0.05, 0, 1)[..., None]
    glow = np.exp(-((u + 0.10) ** 2 + (v + 0.10) ** 2) / 0.16)[..., None]
    image = np.array(wall, np.float32) * (1 - floor) + np.array(table, np.float32) * floor
    image = image * (0.86 + 0.20 * glow) + 0.05 * glow
    image *= (1 - 0.16 * np.clip(u * u + v * v, 0, 1.2))[..., None]
    image += (0.05 * np.clip(v - 0.2, 0, 1) * floor[..., 0])[..., None]
    small = Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8), "RGB")
    return small.resize(size, Image.Resampling.BICUBIC)


def _light_on_wall(picture: Image.Image, colour: Colour, rng: random.Random) -> None:
    """A disc, an arch, or the light of a window."""
    kind = rng.choice(("disc", "disc", "arch", "window", "none"))
    if kind == "none":
        return
    radius = 0.37 * min(picture.size)
    middle = picture.width / 2 + rng.uniform(-0.1, 0.1) * radius, picture.height * 0.43
    shapes = {
        "disc": (ellipse(0, 0, 1.0),),
        "arch": (np.concatenate([ellipse(0, -0.2, 0.8)[48:], polygon((0.8, 0.72), (-0.8, 0.72))]),),
        "window": tuple(
            polygon((x, y), (x + 0.42, y - 0.10), (x + 0.42, y + 0.42), (x, y + 0.52))
            for x in (-1.25, -0.75)
            for y in (-0.85, -0.22)
        ),
    }[kind]
    opacity, soft = (0.45, 0.02) if kind == "window" else (0.55, 0.0)
    layer = Image.new("RGBA", picture.size)
    light = Part(outline=shapes[0], more=shapes[1:], colour=colour, form="flat", opacity=opacity, soft=soft)
    paint(layer, light, middle, radius)
    picture.paste(layer, (0, 0), layer)


def hills(size: tuple[int, int], colours: tuple[Colour, Colour], rng: random.Random) -> Image.Image:
    """Hills under a sky with a sun."""
    width, height = size
    far, near = mix(colours[0], (0.95, 0.85, 0.80), 0.55), shade(mix(colours[0], (0.15, 0.25, 0.35), 0.35), 0.75)
    top, low = mix(colours[1], (0.45, 0.65, 0.90), 0.6), mix(colours[1], (1.0, 0.90, 0.78), 0.7)
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[:, None, None] ** 1.3
    sky = np.array(top, np.float32) * (1 - ramp) + np.array(low, np.float32) * ramp
    strip = Image.fromarray((np.clip(sky, 0, 1) * 255 + 0.5).astype(np.uint8), "RGB")
    picture = strip.resize(size, Image.Resampling.BICUBIC).convert("RGBA")
    scale = min(size) / 2
    sun = rng.uniform(0.25, 0.75) * width, height * rng.uniform(0.26, 0.38)
    for radius, opacity, soft in ((0.42, 0.35, 0.12), (0.17, 1.0, 0.004)):
        paint(
            picture,
            Part(outline=ellipse(0, 0, radius), colour=(1.0, 0.95, 0.82), form="flat", opacity=opacity, soft=soft),
            sun,
            scale,
        )
    for layer in range(5):
        share = layer / 4
        paint(picture, _ridge(size, share, mix(far, near, share), rng), (0.0, 0.0), 1.0)
    return picture.convert("RGB")


def _ridge(size: tuple[int, int], share: float, colour: Colour, rng: random.Random) -> Part:
    """One range of hills, in pixels; the nearer, the lower and rounder."""
    width, height = size
    x = np.linspace(-8, width + 8, 160)
    level = height * (0.48 + 0.40 * share)
    y = np.full_like(x, level)
    for octave in range(1, 5):
        reach = height * 0.075 * (1.25 - 0.6 * share) / octave
        y -= reach * np.sin(x / width * math.tau * (0.7 * octave + rng.uniform(0, 0.6)) + rng.uniform(0, math.tau))
    edge = np.stack([x, y], axis=1)
    outline = np.concatenate([edge, [[width + 8, height + 8], [-8, height + 8]]])
    return Part(outline=outline, colour=colour, form="flat")


_GRAIN = {"low": 0, "medium": 2, "high": 3, "xhigh": 3, "max": 3}


def with_grain(picture: Image.Image, quality: str, seed: int) -> Image.Image:
    """The picture with a little noise, which also hides the steps of smooth gradients; none at low quality."""
    reach = _GRAIN.get(quality, 2)
    if not reach:
        return picture
    tile = np.random.Generator(np.random.PCG64(seed)).integers(-reach, reach + 1, (256, 256, 1), np.int16)
    pixels = np.asarray(picture)
    rows = []
    for top in range(0, pixels.shape[0], 256):
        band = pixels[top : top + 256]
        noise = np.tile(tile, (1, -(-band.shape[1] // 256), 1))[: band.shape[0], : band.shape[1]]
        rows.append(np.clip(band + noise, 0, 255).astype(np.uint8))
    return Image.fromarray(np.concatenate(rows), "RGB")
