"""Pictures: a subject with anti-aliased edges on a scene, on a flat backdrop, or on nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from PIL import Image, ImageFilter

from .delivery import delivered
from .figures import figure_parts, figure_place, palette
from .lettering import with_texts
from .parts import Colour, Part, bounds, ellipse, from_hex, mix
from .pixel_art import enlarged, lattice_size, limited
from .raster import paint, rgb_bytes
from .recipe import Recipe
from .scenes import Scene, find_scene, room, scene_before, scene_behind
from .sheets import SheetLayout, placed_figures, read_layout
from .stamp import stamp_corner, stamp_figure, stamp_foot, stamp_pixels
from .styles import PAPER, Style, read_style, textured, with_border, with_grain
from .wording import Wanted, read_prompt

__all__ = ["on_key", "paint_image"]

_SCALE = 0.375 / 100
"""Pixels for a subject unit, as a share of the picture's shorter edge."""
_MIDDLE = 0.505
"""Height of the subject's middle, as a share of the picture's."""


def paint_image(recipe: Recipe) -> Image.Image:
    """The picture of a recipe: RGBA with straight alpha if its backdrop is `none`, else RGB, of the recipe's size.

    The subject stands on what the prompt names (sea, forest, night, …) or in a quiet room, on a flat colour, or on
    nothing; a sprite sheet has one figure in the phases of its movement. The picture says SIMULATED: in a corner, or on
    a plate on the subject if the backdrop must stay clean.
    """
    wanted = read_prompt(recipe.prompt, recipe.figure)
    style = read_style(wanted.look)
    layout = read_layout(recipe.prompt, (recipe.width, recipe.height))
    if style.lattice:
        image = enlarged(_small(recipe, wanted, style, layout), recipe)
    else:
        image = _stamped(_drawn(recipe, wanted, style, layout), recipe)
    if recipe.backdrop in ("none", "scene"):
        return image
    return on_key(image, recipe)


def on_key(subject: Image.Image, recipe: Recipe) -> Image.Image:
    """An RGBA subject on the recipe's flat backdrop, RGB, delivered as the recipe says."""
    if recipe.delivery == "model":
        return delivered(subject, recipe.backdrop, recipe.seed)
    flat = Image.new("RGB", subject.size, rgb_bytes(from_hex(recipe.backdrop)))
    flat.paste(subject, (0, 0), subject)
    return flat


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """A picture without its stamp, RGB in a scene and RGBA otherwise; where the figures of a sheet take theirs."""

    image: Image.Image
    stamps: tuple[tuple[float, float, float], ...] = ()
    """x, y and pixels for a subject unit of each."""


def _drawn(recipe: Recipe, wanted: Wanted, style: Style, layout: SheetLayout | None) -> _Drawn:
    if layout:
        return _sheet(recipe, wanted, style, layout)
    if recipe.backdrop == "scene":
        return _Drawn(image=_on_scene(recipe, wanted, style))
    return _Drawn(image=_subject(recipe, wanted, style, shadow=wanted.shadow or not recipe.stamped))


def _stamped(drawn: _Drawn, recipe: Recipe) -> Image.Image:
    """The picture with the texts that the prompt wants in it, saying SIMULATED."""
    if recipe.stamped and not drawn.stamps:
        with_texts(drawn.image, recipe.prompt)
    if recipe.stamped and drawn.stamps:
        for x, y, scale in drawn.stamps:
            stamp_figure(drawn.image, x, y, scale * 12)
    elif recipe.stamped and recipe.backdrop == "scene":
        stamp_corner(drawn.image)
    elif recipe.stamped:
        stamp_foot(drawn.image)
    return drawn.image


def _small(recipe: Recipe, wanted: Wanted, style: Style, layout: SheetLayout | None) -> Image.Image:
    """Pixel art at one pixel for each of its squares, stamped in letters of such pixels."""
    size, times = lattice_size(recipe, style.lattice * (layout.rows if layout else 1)), 6
    factor = times * size[0] / recipe.width
    shift = recipe.shift[0] * factor, recipe.shift[1] * factor
    large = replace(recipe, width=size[0] * times, height=size[1] * times, shift=shift, quality="low", stamped=False)
    drawn = _drawn(large, wanted, style, layout)
    small = limited(drawn.image.reduce(times))
    if recipe.stamped:
        stamp_pixels(small, [(x / times, y / times) for x, y, _ in drawn.stamps])
    return small


def _sheet(recipe: Recipe, wanted: Wanted, style: Style, layout: SheetLayout) -> _Drawn:
    """The figures of a sprite sheet; without a backdrop asked for, on paper."""
    canvas = Image.new("RGBA", (recipe.width, recipe.height))
    stamps = []
    for figure in placed_figures(recipe, wanted, style, layout):
        for part in figure.parts:
            paint(canvas, part, figure.middle, figure.scale, shading=style.shading, ink=style.ink_for(part))
        stamps.append((*figure.stamp, figure.scale))
    canvas = textured(with_border(canvas, style, stamps[0][2] if stamps else 1.0), style, recipe.seed)
    if recipe.backdrop == "scene":
        paper = Image.new("RGB", canvas.size, rgb_bytes(PAPER))
        paper.paste(canvas, (0, 0), canvas)
        canvas = paper
    return _Drawn(image=canvas, stamps=tuple(stamps))


def _on_scene(recipe: Recipe, wanted: Wanted, style: Style) -> Image.Image:
    """The subject in its scene, RGB, without a stamp."""
    rng = random.Random(recipe.seed + 1)  # noqa: S311 - pictures, not secrets
    size = recipe.width, recipe.height
    scene = find_scene(wanted)
    image = scene_behind(size, scene, wanted, style, rng) if scene else _room(recipe, wanted, style, rng)
    if style.softness:
        image = _defocused(image, style.softness)
    if scene is None or wanted.subjects:
        shadow = scene is None or figure_place(wanted) == "ground"
        subject = _subject(recipe, wanted, style, shadow=shadow, scene=scene)
        image.paste(subject, (0, 0), subject)
    if scene:
        scene_before(image, scene, wanted, style, rng)
    return with_grain(textured(image, style, recipe.seed), recipe.quality, recipe.seed, style.grain)


def _room(recipe: Recipe, wanted: Wanted, style: Style, rng: random.Random) -> Image.Image:
    return room((recipe.width, recipe.height), palette(recipe, wanted, rng)[0], wanted, style, rng)


def _defocused(image: Image.Image, share: float) -> Image.Image:
    """The picture out of focus, by a share of its shorter edge."""
    small = image.reduce(4)
    return small.filter(ImageFilter.GaussianBlur(share * min(small.size))).resize(image.size, Image.Resampling.BICUBIC)


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
