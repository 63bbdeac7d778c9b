"""What lies behind a subject: a place that the prompt names (`scenes.toml`), or a quiet room."""

from __future__ import annotations

import colorsys
import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from .parts import Colour, Outline, Part, ellipse, from_hex, mix, shade
from .raster import paint, rgb_bytes
from .styles import Style
from .wording import Wanted, find_words, keys_in, read_prompt, read_table

__all__ = ["Scene", "find_scene", "names_surroundings", "room", "scene_before", "scene_behind"]

_WHITE: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A place and the light in it, as their tables say."""

    place: Mapping[str, Any]
    light: Mapping[str, Any]

    @property
    def sky(self) -> list[Colour]:
        """Colours of the sky from top to horizon."""
        return [from_hex(colour) for colour in self.light.get("sky", self.place["sky"])]

    def lit(self, colour: Colour) -> Colour:
        """The colour of a thing in this light."""
        tint, share = self.light.get("tint", ("#000000", 0.0))
        return mix(colour, from_hex(tint), share)


def find_scene(wanted: Wanted) -> Scene | None:
    """The scene that the prompt names, or None for a room."""
    tables = read_table("scenes")
    place, light = _named("scene", wanted), _named("light", wanted)
    if place is None and (light is None or find_words(tables["indoors"]["words"], wanted.text)):
        return None
    return Scene(place=place or tables["scene"]["mountains"], light=light or {})


def names_surroundings(prompt: str) -> tuple[bool, bool]:
    """Whether the prompt names a place, and whether it names a time of day or weather."""
    wanted = read_prompt(prompt)
    return _named("scene", wanted) is not None, _named("light", wanted) is not None


def _named(table: str, wanted: Wanted) -> Mapping[str, Any] | None:
    """The place that the prompt names first, or the light that it names last."""
    entries = {values["words"]: values for values in read_table("scenes")[table].values()}
    found = keys_in(entries, wanted.text)
    return entries[found[0 if table == "scene" else -1]] if found else None


def scene_behind(size: tuple[int, int], scene: Scene, wanted: Wanted, style: Style, rng: random.Random) -> Image.Image:
    """Sky, lights and layers, RGB."""
    top, low = (style.toned(colour, wanted) for colour in scene.sky)
    ramp = np.linspace(0, 1, 128, dtype=np.float32)[:, None, None]
    sky = np.array(top, np.float32) * (1 - ramp) + np.array(low, np.float32) * ramp
    strip = Image.fromarray((np.clip(sky, 0, 1) * 255 + 0.5).astype(np.uint8), "RGB")
    image = strip.resize((size[0], round(size[1] * 0.7)), Image.Resampling.BICUBIC).convert("RGBA")
    whole = Image.new("RGBA", size, (*rgb_bytes(low), 255))
    whole.paste(image, (0, 0))
    for part in _lights(size, scene, rng):
        _paint(whole, part, scene, wanted, style, lit=False)
    for layer in scene.place["layers"]:
        for part in _layer(size, layer, rng):
            _paint(whole, part, scene, wanted, style, lit=part.name != "light")
    return whole.convert("RGB")


def scene_before(image: Image.Image, scene: Scene, wanted: Wanted, style: Style, rng: random.Random) -> None:
    """Lays what is in front of the subject over it: a wave, falling snow, rain."""
    if "front" in scene.place:
        canvas = Image.new("RGBA", image.size)
        for part in _layer(image.size, scene.place["front"], rng):
            _paint(canvas, part, scene, wanted, style)
        image.paste(canvas, (0, 0), canvas)


def _paint(canvas: Image.Image, part: Part, scene: Scene, wanted: Wanted, style: Style, *, lit: bool = True) -> None:
    colour = style.toned(scene.lit(part.colour) if lit else part.colour, wanted)
    ink = style.ink_for(part)
    if ink:
        ink = mix(ink[0], colour, 0.35), ink[1] * min(canvas.size) / 300
    size = {name: getattr(part, name) for name in ("outlines", "form", "width", "opacity", "blur", "gloss")}
    paint(canvas, Part(colour=colour, **size), (0.0, 0.0), 1.0, shading=0.0, ink=ink)


def _lights(size: tuple[int, int], scene: Scene, rng: random.Random) -> Iterator[Part]:
    """Stars, and the disc of sun or moon with its glow."""
    width, height = size
    stars = [
        (rng.uniform(0, width), rng.uniform(0, height * 0.55), rng.uniform(0.6, 1.8))
        for _ in range(scene.light.get("stars", 0))
    ]
    if stars:
        unit = min(size) / 700
        yield _flat(*(ellipse(x, y, r * unit, steps=10) for x, y, r in stars), colour=(1.0, 0.98, 0.90))
    if "disc" in scene.light:
        x, y, radius = rng.choice((0.18, 0.8)) * width, height * rng.uniform(0.16, 0.24), min(size) * 0.065
        colour = from_hex(scene.light["disc"])
        yield Part(outlines=(ellipse(x, y, radius * 1.7),), colour=colour, form="flat", opacity=0.35, blur=radius * 0.6)
        yield _flat(ellipse(x, y, radius), colour=colour)


def _flat(*outlines: Outline, colour: Colour, opacity: float = 1.0) -> Part:
    return Part(outlines=outlines, colour=colour, form="flat", opacity=opacity)


def _layer(size: tuple[int, int], layer: Mapping[str, Any], rng: random.Random) -> Iterator[Part]:
    """The parts of one layer, in pixels."""
    colour = from_hex(layer["colour"])
    level, reach = layer["level"] * size[1], layer["size"] * size[1]
    if layer["kind"] in _LINES:
        outlines = [_to_the_ground(_LINES[layer["kind"]](level, reach, rng, size), size)]
    else:
        outlines = [_THINGS[layer["kind"]](reach, rng) + place for place in _places(layer, size, rng)]
    yield _flat(*outlines, colour=colour, opacity=layer.get("opacity", 1.0))
    if layer["kind"] == "waves":
        yield _flat(*(_glint(level, reach, rng, size) for _ in range(5)), colour=mix(colour, _WHITE, 0.45), opacity=0.6)
    if "lit" in layer:
        yield replace(_flat(*_windows(outlines, rng), colour=from_hex(layer["lit"])), name="light")


def _places(layer: Mapping[str, Any], size: tuple[int, int], rng: random.Random) -> Iterator[tuple[float, float]]:
    """Where the things of a layer stand from left to right; `sides` leaves the middle free, `band` scatters them."""
    width, height = size
    count = max(1, round(layer.get("count", 1) * min(2.2, max(0.6, width / height))))
    spread = layer.get("band", 0.01) * height
    for number in range(count):
        x = (number + rng.uniform(0.15, 0.85)) / count * width
        if layer.get("sides"):
            x = x * 0.5 if x < width / 2 else width - (width - x) * 0.5
        yield x, layer["level"] * height + rng.uniform(-spread, spread)


def _to_the_ground(line: Outline, size: tuple[int, int]) -> Outline:
    """The area below a line from left to right."""
    return np.concatenate([line, [[size[0] + 8, size[1] + 8], [-8, size[1] + 8]]])


def _ridge(y: float, reach: float, rng: random.Random, size: tuple[int, int]) -> Outline:
    x = np.linspace(-8, size[0] + 8, 140)
    line = np.full_like(x, y)
    for octave in range(1, 5):
        bend = math.tau * (0.75 * octave + rng.uniform(0, 0.6)) / max(size)
        line -= reach / octave * np.sin(x * bend + rng.uniform(0, math.tau))
    return np.stack([x, line], axis=1)


def _waves(y: float, reach: float, rng: random.Random, size: tuple[int, int]) -> Outline:
    x = np.linspace(-8, size[0] + 8, 260)
    start = rng.uniform(0, math.tau)
    crest = np.abs(np.sin(x / (reach * 11) + start)) + 0.35 * np.sin(x / (reach * 31) + 2 * start)
    return np.stack([x, y - crest * reach], axis=1)


_LINES: dict[str, Callable[[float, float, random.Random, tuple[int, int]], Outline]] = {
    "ridge": _ridge,
    "waves": _waves,
}
"""From level, size, chance and the picture's size to a line across the picture, with the ground below it."""


def _glint(y: float, reach: float, rng: random.Random, size: tuple[int, int]) -> Outline:
    x, below = rng.uniform(0, size[0]), rng.uniform(1.2, 4.5) * reach
    return ellipse(x, y + below, reach * rng.uniform(3, 7), reach * 0.16, steps=24)


def _pine(reach: float, rng: random.Random) -> Outline:
    """A fir of four tiers."""
    tall, half = reach * rng.uniform(0.75, 1.1), reach * rng.uniform(0.17, 0.22)
    right = []
    for tier in range(4):
        out = half * (0.4 + 0.2 * tier)
        right += [(out * 0.45 if tier else 0.0, -tall * (1 - 0.24 * tier)), (out, -tall * (0.72 - 0.22 * tier))]
    right += [(half * 0.12, -tall * 0.04), (half * 0.12, tall * 0.06)]
    return np.array([*right, *((-across, up) for across, up in reversed(right))])


def _crown(reach: float, rng: random.Random) -> Outline:
    """A round tree on its trunk."""
    wide = reach * rng.uniform(0.38, 0.52)
    angle = np.linspace(0.42 * math.pi, 2.58 * math.pi, 48)
    bumpy = wide * (1 + 0.06 * np.sin(angle * 7))
    head = np.stack([np.cos(angle) * bumpy, np.sin(angle) * bumpy - reach * 0.62], axis=1)
    trunk = [(-wide * 0.14, 0.1 * reach), (wide * 0.14, 0.1 * reach)]
    return np.concatenate([trunk, head[::-1]])


def _tower(reach: float, rng: random.Random) -> Outline:
    wide, tall = reach * rng.uniform(0.12, 0.22), reach * rng.uniform(0.45, 1.0)
    roof = rng.choice((0.0, 0.0, 0.12)) * tall
    return np.array([(-wide, reach), (-wide, -tall), (0, -tall - roof), (wide, -tall), (wide, reach)])


def _windows(towers: list[Outline], rng: random.Random) -> Iterator[Outline]:
    """Some lit windows of each tower."""
    for tower in towers:
        left, right, top = tower[0, 0], tower[3, 0], tower[1, 1]
        step = (right - left) / 4
        for row, column in ((row, column) for row in range(1, 9) for column in (0.7, 1.7, 2.7)):
            if rng.random() < 0.45:
                x, y = left + column * step, top + row * step * 1.3
                yield np.array([(x, y), (x + step * 0.6, y), (x + step * 0.6, y + step * 0.7), (x, y + step * 0.7)])


def _cloud(reach: float, rng: random.Random) -> Outline:
    angle = np.linspace(math.pi, 2 * math.pi, 48)
    bumps = 0.62 + 0.38 * np.abs(np.sin(angle * rng.choice((3, 4)) + 0.4))
    return np.stack([np.cos(angle) * reach * rng.uniform(1.6, 2.8), np.sin(angle) * reach * bumps], axis=1)


def _dot(reach: float, rng: random.Random) -> Outline:
    return ellipse(0, 0, reach * rng.uniform(0.35, 0.9), steps=14)


def _streak(reach: float, rng: random.Random) -> Outline:
    """A drop of rain."""
    long, thick = reach * rng.uniform(0.5, 1.0), reach * 0.03
    return np.array([(0, 0), (thick, 0), (-long * 0.25, long), (-long * 0.25 - thick, long)])


def _tuft(reach: float, rng: random.Random) -> Outline:
    """Five blades of grass."""
    blades: list[tuple[float, float]] = []
    for number in range(-2, 3):
        foot = number * reach * 0.16
        tip = foot * 2 + rng.uniform(-0.1, 0.1) * reach
        blades += [(foot - reach * 0.07, 0.0), (tip, -reach * rng.uniform(0.6, 1.0)), (foot + reach * 0.07, 0.0)]
    return np.array(blades)


def _weed(reach: float, rng: random.Random) -> Outline:
    """A swaying ribbon."""
    up = np.linspace(0, 1, 24)
    tall, sway, half = reach * rng.uniform(0.5, 1.0), reach * rng.uniform(0.05, 0.10), reach * 0.05 * (1 - up * 0.8)
    middle = sway * np.sin(up * 7 + rng.uniform(0, math.tau))
    sides = [np.stack([middle + side * half, -tall * up], axis=1) for side in (-1, 1)]
    return np.concatenate([sides[0], sides[1][::-1]])


def _stone(reach: float, rng: random.Random) -> Outline:
    angle = np.linspace(math.pi, 2 * math.pi, 20)
    return np.stack([np.cos(angle) * reach * rng.uniform(1.2, 2.2), np.sin(angle) * reach * rng.uniform(0.6, 1.0)], 1)


_THINGS: dict[str, Callable[[float, random.Random], Outline]] = {
    "pines": _pine, "crowns": _crown, "towers": _tower, "clouds": _cloud,
    "dots": _dot, "streaks": _streak, "tufts": _tuft, "weeds": _weed, "stones": _stone,
}  # fmt: skip
"""From size and chance to the outline of one thing that stands at (0, 0)."""


def room(size: tuple[int, int], main: Colour, wanted: Wanted, style: Style, rng: random.Random) -> Image.Image:
    """A quiet room in colours that go with `main`: wall, floor, a shape of light on the wall, RGB."""
    hue, _, saturation = colorsys.rgb_to_hls(*main)
    turn, light = rng.choice((0.08, 0.42, 0.5, 0.58)), rng.choice((0.80, 0.80, 0.86, 0.70, 0.62))
    wall = colorsys.hls_to_rgb((hue + turn) % 1, light, 0.22 + 0.25 * saturation)
    surfaces = read_table("scenes")["surface"]
    named = next((from_hex(colour) for words, colour in surfaces.items() if find_words(words, wanted.text)), None)
    scene = Scene(place={}, light=_named("light", wanted) or {})
    floor = style.toned(scene.lit(named or shade(wall, 0.90, 0.9)), wanted)
    wall = style.toned(scene.lit(wall), wanted)
    image = _lit_room(size, wall, floor, style.shading)
    _light_on_wall(image, mix(wall, _WHITE, 0.45), rng)
    return image


def _lit_room(size: tuple[int, int], wall: Colour, table: Colour, shading: float) -> Image.Image:
    """Wall and floor with a glow from the left and darker corners, computed small."""
    factor = 320 / max(size)
    width, height = round(size[0] * factor), round(size[1] * factor)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = (x - width / 2) / min(width, height), (y - height / 2) / min(width, height)
    floor = np.clip((v - 0.20 - 0.02 * u * u) / 0.05, 0, 1)[..., None]
    glow = np.exp(-((u + 0.10) ** 2 + (v + 0.10) ** 2) / 0.16)[..., None]
    plain = np.array(wall, np.float32) * (1 - floor) + np.array(table, np.float32) * floor
    image = (plain * (0.86 + 0.20 * glow) + 0.05 * glow) * (1 - 0.16 * np.clip(u * u + v * v, 0, 1.2))[..., None]
    image += (0.05 * np.clip(v - 0.2, 0, 1) * floor[..., 0])[..., None]
    image = image * np.float32(shading) + plain * np.float32(1 - shading)
    small = Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8), "RGB")
    return small.resize(size, Image.Resampling.BICUBIC)


def _light_on_wall(image: Image.Image, colour: Colour, rng: random.Random) -> None:
    """A disc, an arch, or the light of a window."""
    kind = rng.choice(("disc", "disc", "arch", "window", "none"))
    if kind == "none":
        return
    radius = 0.37 * min(image.size)
    middle = image.width / 2 + rng.uniform(-0.1, 0.1) * radius, image.height * 0.43
    panes = [(x, y) for x in (-1.25, -0.75) for y in (-0.85, -0.22)]
    outlines = {
        "disc": (ellipse(0, 0, 1.0),),
        "arch": (np.concatenate([ellipse(0, -0.2, 0.8)[36:], [(0.8, 0.72), (-0.8, 0.72)]]),),
        "window": tuple(
            np.array([(x, y), (x + 0.42, y - 0.10), (x + 0.42, y + 0.42), (x, y + 0.52)]) for x, y in panes
        ),
    }[kind]
    opacity, blur = (0.45, 0.02) if kind == "window" else (0.55, 0.0)
    layer = Image.new("RGBA", image.size)
    paint(layer, Part(outlines=outlines, colour=colour, form="flat", opacity=opacity, blur=blur), middle, radius)
    image.paste(layer, (0, 0), layer)
