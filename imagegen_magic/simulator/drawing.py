"""Pictures: a shaded subject with anti-aliased edges, on a scene, a flat backdrop, or nothing.

A picture is a function of its `Recipe`: equal recipes give equal pixels. Shading is computed small and enlarged; only
edges are drawn at full size, so that a 4K picture takes about a second.
"""

from __future__ import annotations

import colorsys
import hashlib
import json
import math
import random
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from .shapes import Colour, Outline, Part, ellipse, mix, shade
from .subjects import choose_subject, draw_subject, named_subject

__all__ = [
    "Recipe",
    "key_colour",
    "paint_picture",
    "paint_subject",
    "read_recipe",
    "rgb",
    "seed_of",
    "stamp_corner",
    "subject_parts",
]

Floats = NDArray[np.float32]

_COLOURS: dict[str, Colour] = {
    "red": (0.83, 0.25, 0.24), "orange": (0.95, 0.55, 0.22), "yellow": (0.96, 0.79, 0.30), "green": (0.33, 0.60, 0.38),
    "teal": (0.20, 0.60, 0.62), "blue": (0.27, 0.47, 0.78), "navy": (0.17, 0.24, 0.45), "purple": (0.55, 0.38, 0.72),
    "pink": (0.94, 0.58, 0.66), "brown": (0.55, 0.37, 0.25), "black": (0.20, 0.20, 0.24), "white": (0.95, 0.95, 0.93),
    "grey": (0.60, 0.63, 0.68), "gray": (0.60, 0.63, 0.68), "gold": (0.93, 0.71, 0.28), "turquoise": (0.28, 0.72, 0.70),
    "lavender": (0.72, 0.66, 0.88), "coral": (0.95, 0.50, 0.42), "cream": (0.97, 0.92, 0.82), "mint": (0.62, 0.85, 0.72),
}  # fmt: skip
_PALETTES: tuple[tuple[str, str], ...] = (
    ("coral", "teal"), ("blue", "yellow"), ("teal", "orange"), ("purple", "yellow"), ("yellow", "blue"),
    ("turquoise", "coral"), ("red", "cream"), ("pink", "navy"), ("orange", "navy"), ("lavender", "gold"),
    ("navy", "coral"), ("mint", "pink"),
)  # fmt: skip
_KEY_NAMES = {
    "green": "#00ff00",
    "magenta": "#ff00ff",
    "blue": "#0000ff",
    "cyan": "#00ffff",
    "red": "#ff0000",
    "white": "#ffffff",
    "black": "#000000",
    "yellow": "#ffff00",
}
_BACKDROP = r"(chroma|key|backdrop|background|screen)"
_LANDSCAPE = r"\b(landscape|mountains?|hills?|valley|desert|dunes?|sea|ocean|beach|lake|sunset|sunrise|dawn|skyline|canyon|meadow|fields?|forest|island)\b"
_SHADOW = r"\b(soft|drop|contact|cast|with)( \w+)? shadow\b"
_LIGHT = np.array([-0.45, -0.62, 0.64], np.float32)
_SMALL = 176
"""Longest edge, in pixels, at which shading is computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that a picture depends on. `backdrop` is `scene`, `none` (transparent) or `#rrggbb`."""

    prompt: str
    seed: int
    width: int
    height: int
    quality: str = "medium"
    backdrop: str = "scene"
    shift: tuple[float, float] = (0.0, 0.0)
    """Offset of the subject in pixels, right and down: the drift of a redrawn picture."""

    def to_text(self) -> str:
        """JSON that `read_recipe` reads."""
        return json.dumps(asdict(self))


def read_recipe(text: str) -> Recipe | None:
    """The recipe of `Recipe.to_text`, or None where the text is something else."""
    try:
        values = json.loads(text)
        return Recipe(**{**values, "shift": tuple(values["shift"])})
    except (ValueError, TypeError, KeyError):
        return None


def seed_of(*content: object) -> int:
    """A number that depends on nothing but the content."""
    return int.from_bytes(hashlib.sha256(repr(content).encode()).digest()[:8], "big")


def key_colour(prompt: str) -> str | None:
    """`#rrggbb` of the flat backdrop that a prompt asks for, or None where it asks for none."""
    for match in re.finditer(r"#([0-9a-fA-F]{6})\b", prompt):
        around = prompt[max(0, match.start() - 120) : match.end() + 60]
        if re.search(_BACKDROP, around, re.IGNORECASE):
            return match[0].lower()
    names = "|".join(_KEY_NAMES)
    plain = re.search(
        rf"\b(?:flat|solid|pure|chroma[- ]key|uniform)[\w\s,-]{{0,40}}?\b({names})\b[\w\s,-]{{0,20}}{_BACKDROP}",
        prompt,
        re.IGNORECASE,
    )
    screen = re.search(rf"\b({names})[- ]?screen\b", prompt, re.IGNORECASE)
    found = plain or screen
    return _KEY_NAMES[found[1].lower()] if found else None


def subject_parts(recipe: Recipe) -> list[Part]:
    """The subject of the recipe's prompt, from back to front."""
    rng = random.Random(recipe.seed)  # noqa: S311 - pictures, not secrets
    name = choose_subject(recipe.prompt, rng)
    main, accent = _palette(recipe, rng)
    return draw_subject(name, main, accent, recipe.prompt, rng)


def _palette(recipe: Recipe, rng: random.Random) -> tuple[Colour, Colour]:
    """Main and second colour: those named in the prompt, else a pair by chance; never near a key backdrop."""
    first, second = rng.choice(_PALETTES)
    text = re.split(rf"#[0-9a-f]{{6}}|{_BACKDROP}", recipe.prompt, maxsplit=1, flags=re.IGNORECASE)[0]
    named = re.findall(rf"\b({'|'.join(_COLOURS)})\b", text, re.IGNORECASE)
    main = _COLOURS[named[0].lower()] if named else _COLOURS[first]
    accent = _COLOURS[named[1].lower()] if len(named) > 1 else _COLOURS[second]
    turn = rng.uniform(-0.03, 0.03)
    return (main if named else shade(main, turn=turn)), (accent if len(named) > 1 else shade(accent, turn=turn))


def rgb(text: str) -> tuple[int, int, int]:
    """Red, green, blue of 0..255 from `#rrggbb`."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def paint_picture(recipe: Recipe) -> Image.Image:
    """The picture, stamped: RGBA where the backdrop is `none`, else RGB, (height, width) as the recipe says."""
    size = recipe.width, recipe.height
    if recipe.backdrop == "scene":
        rng = random.Random(recipe.seed + 1)  # noqa: S311
        if re.search(_LANDSCAPE, recipe.prompt, re.IGNORECASE) and named_subject(recipe.prompt) is None:
            return stamp_corner(_grain(_landscape(size, _palette(recipe, rng), rng), recipe))
        picture = _scene(size, _palette(recipe, rng)[0], rng)
        subject = paint_subject(recipe, shadow=True, tag=False)
        picture.paste(subject, (0, 0), subject)
        return stamp_corner(_grain(picture, recipe))
    subject = paint_subject(recipe, shadow=bool(re.search(_SHADOW, recipe.prompt, re.IGNORECASE)), tag=True)
    if recipe.backdrop == "none":
        return subject
    picture = Image.new("RGB", size, rgb(recipe.backdrop))
    picture.paste(subject, (0, 0), subject)
    return picture


def paint_subject(recipe: Recipe, *, shadow: bool, tag: bool) -> Image.Image:
    """The subject alone, RGBA with straight alpha; `tag` fixes the label SIMULATED to its foot."""
    canvas = Image.new("RGBA", (recipe.width, recipe.height))
    scale = 0.375 * min(recipe.width, recipe.height)
    middle = recipe.width / 2 + recipe.shift[0], recipe.height * 0.505 + recipe.shift[1]
    parts = subject_parts(recipe)
    if shadow:
        fall = Part(
            outline=ellipse(0.10, 0.93, 0.86, 0.13), colour=(0.05, 0.05, 0.10), form="flat", opacity=0.42, soft=0.09
        )
        parts = [fall, *parts]
    for part in parts:
        _paint(canvas, part, middle, scale)
    if tag:
        _tag(canvas, middle, scale)
    return canvas


def _paint(canvas: Image.Image, part: Part, middle: tuple[float, float], scale: float) -> None:
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
    times = next(k for k in (8, 4, 3, 2) if k * k * width * height <= 16_000_000 or k == 2)  # noqa: PLR2004
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
    diffuse = np.clip(normals @ _LIGHT, 0, 1)
    half = _LIGHT + np.array([0, 0, 1], np.float32)
    shine = np.clip(normals @ (half / np.linalg.norm(half)), 0, 1) ** 36 * part.gloss
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


def _tag(canvas: Image.Image, middle: tuple[float, float], scale: float) -> None:
    """A small plate reading SIMULATED at the foot of the subject, grown together with it."""
    box = canvas.getchannel("A").point([0] * 128 + [255] * 128).getbbox()
    if box is None:
        return
    height = scale * 0.145
    width = height * 5.4
    foot = canvas.getchannel("A").crop((0, max(0, int(box[3] - height)), canvas.width, box[3]))
    columns = np.asarray(foot, np.float32).sum(axis=0)
    x = float((columns * np.arange(len(columns))).sum() / max(1.0, columns.sum())) + 0.5
    top = min(box[3] - height * 0.55, canvas.height - height - 4)
    _plate(canvas, (x - width / 2, top, x + width / 2, top + height), opacity=1.0)


def stamp_corner(picture: Image.Image) -> Image.Image:
    """The picture with SIMULATED in its lower right corner."""
    height = max(11.0, min(picture.size) * 0.030)
    right, bottom = picture.width - height * 0.7, picture.height - height * 0.7
    layer = Image.new("RGBA", (math.ceil(height * 7), math.ceil(height * 2)))
    at = round(right - layer.width), round(bottom - layer.height)
    _plate(
        layer,
        (layer.width - height * 5.4 - 1, layer.height - height - 1, layer.width - 1, layer.height - 1),
        opacity=0.78,
    )
    picture.paste(layer, at, layer)
    return picture


def _plate(canvas: Image.Image, box: tuple[float, float, float, float], *, opacity: float) -> None:
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


def _scene(size: tuple[int, int], main: Colour, rng: random.Random) -> Image.Image:
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
    _paint(disc, tone, (size[0] / 2 + rng.uniform(-0.1, 0.1) * radius, size[1] * 0.43), radius)
    picture.paste(disc, (0, 0), disc)
    return picture


def _landscape(size: tuple[int, int], colours: tuple[Colour, Colour], rng: random.Random) -> Image.Image:
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
        _paint(
            picture,
            Part(outline=ellipse(0, 0, radius), colour=(1.0, 0.95, 0.82), form="flat", opacity=opacity, soft=soft),
            sun,
            scale,
        )
    for layer in range(5):
        share = layer / 4
        _paint(picture, _ridge(size, share, mix(far, near, share), rng), (0.0, 0.0), 1.0)
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


def _grain(picture: Image.Image, recipe: Recipe) -> Image.Image:
    """The picture with a little noise, which also hides the steps of smooth gradients; none at low quality."""
    reach = _GRAIN.get(recipe.quality, 2)
    if not reach:
        return picture
    tile = np.random.Generator(np.random.PCG64(recipe.seed)).integers(-reach, reach + 1, (256, 256, 1), np.int16)
    pixels = np.asarray(picture)
    rows = []
    for top in range(0, pixels.shape[0], 256):
        band = pixels[top : top + 256]
        noise = np.tile(tile, (1, -(-band.shape[1] // 256), 1))[: band.shape[0], : band.shape[1]]
        rows.append(np.clip(band + noise, 0, 255).astype(np.uint8))
    return Image.fromarray(np.concatenate(rows), "RGB")
