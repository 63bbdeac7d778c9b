"""Pictures: a subject with anti-aliased edges on a scene, on a flat backdrop, or on nothing."""

from __future__ import annotations

import random
from dataclasses import replace

from PIL import Image, ImageFilter

from .figures import figure_parts, figure_place, palette
from .parts import Colour, Part, bounds, ellipse, from_hex, mix
from .raster import paint, rgb_bytes
from .recipe import Recipe
from .scenes import Scene, find_scene, room, scene_before, scene_behind
from .stamp import stamp_corner, stamp_foot
from .styles import Style, read_style, textured, with_border, with_grain
from .wording import Wanted, read_prompt

__all__ = ["paint_picture"]

_SCALE = 0.375 / 100
"""Pixels for a subject unit, as a share of the picture's shorter edge."""
_MIDDLE = 0.505
"""Height of the subject's middle, as a share of the picture's."""


def paint_picture(recipe: Recipe) -> Image.Image:
    """The picture of a recipe: RGBA with straight alpha if its backdrop is `none`, else RGB, of the recipe's size.

    The subject stands on what the prompt names (sea, forest, night, …) or in a quiet room, on a flat colour, or on
    nothing. The picture says SIMULATED: in a corner, or on a plate at the subject's foot if the backdrop must stay clean.
    """
    wanted = read_prompt(recipe.prompt)
    style = read_style(wanted.text)
    if recipe.backdrop == "scene":
        picture = _on_scene(recipe, wanted, style)
        return stamp_corner(picture) if recipe.stamped else picture
    subject = _subject(recipe, wanted, style, shadow=wanted.shadow or not recipe.stamped)
    if recipe.stamped:
        stamp_foot(subject)
    if recipe.backdrop == "none":
        return subject
    picture = Image.new("RGB", subject.size, rgb_bytes(from_hex(recipe.backdrop)))
    picture.paste(subject, (0, 0), subject)
    return picture


def _on_scene(recipe: Recipe, wanted: Wanted, style: Style) -> Image.Image:
    """The subject in its scene, RGB, without a stamp."""
    rng = random.Random(recipe.seed + 1)  # noqa: S311 - pictures, not secrets
    size = recipe.width, recipe.height
    scene = find_scene(wanted)
    picture = scene_behind(size, scene, wanted, style, rng) if scene else _room(recipe, wanted, style, rng)
    if style.softness:
        picture = _defocused(picture, style.softness)
    if scene is None or wanted.subjects:
        shadow = scene is None or figure_place(wanted) == "ground"
        subject = _subject(recipe, wanted, style, shadow=shadow, scene=scene)
        picture.paste(subject, (0, 0), subject)
    if scene:
        scene_before(picture, scene, wanted, style, rng)
    return with_grain(textured(picture, style, recipe.seed), recipe.quality, recipe.seed, style.grain)


def _room(recipe: Recipe, wanted: Wanted, style: Style, rng: random.Random) -> Image.Image:
    return room((recipe.width, recipe.height), palette(recipe, wanted, rng)[0], wanted, style, rng)


def _defocused(picture: Image.Image, share: float) -> Image.Image:
    """The picture out of focus, by a share of its shorter edge."""
    small = picture.reduce(4)
    return small.filter(ImageFilter.GaussianBlur(share * min(small.size))).resize(
        picture.size, Image.Resampling.BICUBIC
    )


def _subject(recipe: Recipe, wanted: Wanted, style: Style, *, shadow: bool, scene: Scene | None = None) -> Image.Image:
    """The subject alone, RGBA with straight alpha."""
    canvas = Image.new("RGBA", (recipe.width, recipe.height))
    scale = _SCALE * min(canvas.size)
    lift = -0.05 * recipe.height if scene and figure_place(wanted) == "air" else 0.0
    middle = recipe.width / 2 + recipe.shift[0], recipe.height * _MIDDLE + recipe.shift[1] + lift
    parts = figure_parts(recipe, wanted, style)
    if shadow and style.paper < 1:
        paint(canvas, _fall(parts), middle, scale)
    figure = Image.new("RGBA", canvas.size) if style.border else canvas
    for part in parts:
        tinted = part if scene is None else _tinted(part, scene.lit(part.colour))
        paint(figure, tinted, middle, scale, shading=style.shading, ink=style.ink_for(tinted))
    if style.border:
        canvas.alpha_composite(with_border(figure, style, scale))
    return textured(canvas, style, recipe.seed)


def _tinted(part: Part, colour: Colour) -> Part:
    """The part a little in the light of its scene."""
    return replace(part, colour=mix(part.colour, colour, 0.4))


def _fall(parts: list[Part]) -> Part:
    """The soft shadow at the subject's foot."""
    left, _, right, _ = bounds(parts)
    half = min(86.0, max(30.0, (right - left) * 0.5))
    outline = ellipse((left + right) / 2 + 8, 93, half, 12)
    return Part(outlines=(outline,), colour=(0.05, 0.05, 0.10), form="flat", opacity=0.42, blur=8)
