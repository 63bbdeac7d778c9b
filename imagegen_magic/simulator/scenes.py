"""What lies behind a subject: a quiet room, or hills under a sky."""

from __future__ import annotations

import colorsys
import math
import random

import numpy as np
from PIL import Image

from .painting import paint
from .shapes import Colour, Part, ellipse, mix, shade

__all__ = ["hills", "room", "with_grain"]


def room(size: tuple[int, int], main: Colour, rng: random.Random) -> Image.Image:
    """A quiet room for the subject: wall, table, a disc of light."""
    hue, _, sat = colorsys.rgb_to_hls(*main)
    wall = colorsys.hls_to_rgb((hue + rng.choice((0.08, 0.42, 0.5, 0.58))) % 1, 0.80, 0.22 + 0.25 * sat)
    table = shade(wall, 0.90, 0.9)
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
    picture = small.resize(size, Image.Resampling.BICUBIC)
    disc = Image.new("RGBA", size)
    radius = 0.37 * min(size)
    tone = Part(outline=ellipse(0, 0, 1.0), colour=mix(wall, (1.0, 1.0, 1.0), 0.45), form="flat", opacity=0.55)
    paint(disc, tone, (size[0] / 2 + rng.uniform(-0.1, 0.1) * radius, size[1] * 0.43), radius)
    picture.paste(disc, (0, 0), disc)
    return picture


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
