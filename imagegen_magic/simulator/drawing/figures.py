"""The subject of a recipe as parts: its drawing in the colours and the style that the prompt asks for."""

from __future__ import annotations

import colorsys
import math
import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .parts import Colour, Outline, Part, bounds, ellipse, from_hex, mix, moved, shade
from .poses import FOOT, posed
from .recipe import Recipe
from .styles import Style
from .svg import Drawing, read_drawing
from .wording import Wanted, key_colour, read_prompt, read_table

__all__ = ["figure_parts", "figure_place", "palette"]

_PALETTES: tuple[tuple[str, str], ...] = (
    ("coral", "teal"), ("blue", "yellow"), ("teal", "orange"), ("purple", "yellow"), ("yellow", "blue"),
    ("turquoise", "coral"), ("red", "cream"), ("pink", "navy"), ("orange", "navy"), ("lavender", "gold"),
    ("navy", "coral"), ("mint", "pink"),
)  # fmt: skip
_NEAR_HUE = 0.13
_ROOM_ABOVE = 112
"""How far above a subject's middle smoke may rise, in subject units."""
_GLASS: Colour = (0.75, 0.88, 0.93)


def palette(recipe: Recipe, wanted: Wanted, rng: random.Random) -> tuple[Colour, Colour]:
    """Main and second colour: those of the prompt, else a pair by chance; chosen ones keep away from a key backdrop."""
    names = read_table("words")["colours"]
    first, second = (from_hex(names[name]) for name in rng.choice(_PALETTES))
    turn = rng.uniform(-0.03, 0.03)
    key = key_colour(recipe.figure or recipe.prompt)
    chosen = [_apart(shade(colour, turn=turn), key) for colour in (first, second)]
    return wanted.main or chosen[0], wanted.accent or chosen[1]


def _apart(colour: Colour, key: str | None) -> Colour:
    """The colour, or its opposite if its hue is too near to that of a key backdrop."""
    if key is None:
        return colour
    hue, _, saturation = colorsys.rgb_to_hls(*from_hex(key))
    distance = abs((colorsys.rgb_to_hls(*colour)[0] - hue + 0.5) % 1 - 0.5)
    return shade(colour, turn=0.5) if saturation and distance < _NEAR_HUE else colour


def figure_place(wanted: Wanted) -> str:
    """Where the first subject belongs: `ground`, `air` or `water`."""
    return read_drawing(wanted.subjects[0]).place if wanted.subjects else "ground"


def figure_parts(recipe: Recipe, wanted: Wanted, style: Style) -> list[Part]:
    """The subject from back to front, in subject units, at the recipe's phase; a second subject stands beside it."""
    rng = random.Random(recipe.seed)  # noqa: S311 - pictures, not secrets
    colours = palette(recipe, wanted, rng)
    if not wanted.subjects:
        parts = list(_solids(colours, rng))
    else:
        drawing = read_drawing(wanted.subjects[0])
        parts = _coloured(drawing, colours, wanted, key_colour(recipe.figure or recipe.prompt), rng)
        parts = posed(parts, wanted.action, recipe.phase)
        parts = _with_extras(parts, wanted, rng)
    stretch = np.diag([rng.choice((-1, 1)) * rng.uniform(0.94, 1.05), 1.0]) * rng.uniform(0.92, 1.02)
    parts = [moved(part, stretch, about=FOOT) for part in parts]
    if len(wanted.subjects) > 1:
        parts = [
            *_companion(wanted.subjects[1], recipe, rng),
            *(moved(p, np.eye(2) * 0.86, (-16, 0), FOOT) for p in parts),
        ]
    return [_styled(part, wanted, style, recipe.seed) for part in parts]


def _coloured(
    drawing: Drawing, colours: tuple[Colour, Colour], wanted: Wanted, key: str | None, rng: random.Random
) -> list[Part]:
    """The drawing's parts with its two roles recoloured: each keeps its shade relative to the role's own colour."""
    turn, light = rng.uniform(-0.012, 0.012), rng.uniform(0.94, 1.05)
    roles = {}
    sources = (("main", drawing.main, wanted.main, colours[0]), ("accent", drawing.accent, wanted.accent, colours[1]))
    for role, own, named, chosen in sources:
        natural = _apart(shade(own, light, turn=turn), key)
        roles[role] = own, named or (chosen if drawing.free else natural)
    return [
        replace(part, colour=_carried(part.colour, *roles[part.role])) if part.role else part for part in drawing.parts
    ]


def _carried(colour: Colour, own: Colour, new: Colour) -> Colour:
    """`new`, lighter or darker and turned in hue as `colour` is to `own`."""
    hue, light, saturation = colorsys.rgb_to_hls(*colour)
    own_hue, own_light, own_saturation = colorsys.rgb_to_hls(*own)
    new_hue, new_light, new_saturation = colorsys.rgb_to_hls(*new)
    if light > own_light:  # towards white by the same share of the way
        light = 1 - (1 - new_light) * (1 - light) / max(0.02, 1 - own_light)
    else:
        light = new_light * light / max(0.02, own_light)
    turn = hue - own_hue if min(saturation, own_saturation) > 0.1 else 0.0
    factor = saturation / own_saturation if own_saturation > 0.05 else 1.0
    return colorsys.hls_to_rgb((new_hue + turn) % 1, light, min(1.0, new_saturation * min(1.5, factor)))


def _styled(part: Part, wanted: Wanted, style: Style, seed: int) -> Part:
    """The part in the tone and paper of the style, drawn by as unsteady a hand."""
    part = replace(part, colour=style.toned(part.colour, wanted), gloss=part.gloss * style.shading)
    if not style.wobble:
        return part
    return replace(part, outlines=tuple(_wobbled(outline, style.wobble, seed % 97) for outline in part.outlines))


def _wobbled(outline: Outline, reach: float, turn: float) -> Outline:
    x, y = outline[:, 0], outline[:, 1]
    right = np.sin(y * 0.11 + turn) + 0.5 * np.sin(y * 0.37 - x * 0.05 + turn * 2)
    down = np.sin(x * 0.12 + turn * 3) + 0.5 * np.sin(x * 0.33 + y * 0.07 + turn)
    return outline + np.stack([right, down], axis=1) * reach


def _companion(name: str, recipe: Recipe, rng: random.Random) -> Iterator[Part]:
    """A second subject, smaller, in front at the right."""
    plain = read_prompt("")
    parts = _coloured(
        read_drawing(name), palette(recipe, plain, rng), plain, key_colour(recipe.figure or recipe.prompt), rng
    )
    for part in posed(parts, "idle", recipe.phase):
        yield moved(part, np.eye(2) * 0.52, (70, 2), FOOT)


def _solids(colours: tuple[Colour, Colour], rng: random.Random) -> Iterator[Part]:
    """For a subject of which there is no drawing: a still life of simple solids, other ones for each prompt."""
    main, accent = colours
    shades = [main, accent, mix(main, (1.0, 1.0, 1.0), 0.55), shade(accent, 0.75)]
    rng.shuffle(shades)
    height, width = rng.uniform(62, 92), rng.uniform(30, 42)
    x = rng.uniform(-38, -22)
    column = np.array(
        [(x - width / 2, 95), (x - width / 2, 95 - height), (x + width / 2, 95 - height), (x + width / 2, 95)]
    )
    yield Part(outlines=(column,), colour=shades[0], form="tube", gloss=0.2)
    yield Part(
        outlines=(ellipse(x, 95 - height, width / 2, width / 8),),
        colour=mix(shades[0], (1.0, 1.0, 1.0), 0.3),
        form="flat",
    )
    top = rng.uniform(17, 25)
    yield Part(outlines=(ellipse(x, 95 - height - top * 0.92, top),), colour=shades[1], gloss=0.6, depth=0.45)
    right, base, tip = rng.uniform(28, 44), rng.uniform(30, 42), rng.uniform(-40, 0)
    yield Part(
        outlines=(np.array([(right - base, 92), (right, tip), (right + base, 92), (right, 97)]),),
        colour=shades[2],
        gloss=0.2,
        depth=0.4,
    )
    ball = rng.uniform(18, 27)
    yield Part(outlines=(ellipse(rng.uniform(-12, 10), 96 - ball, ball),), colour=shades[3], gloss=0.7, depth=0.45)
    ring = ellipse(right, (tip + 92) / 2, base * 0.75, base * 0.22)
    yield Part(outlines=(np.concatenate([ring, ring[:2]]),), colour=shades[1], width=6.0, gloss=0.6)


def _with_extras(parts: list[Part], wanted: Wanted, rng: random.Random) -> list[Part]:
    """The parts with the hair, smoke or glass that the prompt names."""
    if "fur" in wanted.extras:
        parts = _furred(parts, rng)
    if "smoke" in wanted.extras and wanted.subjects[0] != "smoke":
        top = bounds(parts)[1]
        height = min(0.6, max(0.2, (top + _ROOM_ABOVE) / 180))
        smoke = [part for part in read_drawing("smoke").parts if part.form == "flat"]
        parts = [*(moved(part, np.diag([0.6, height]), (0, top - 82), (0, 90)) for part in smoke), *parts]
    if "glass" in wanted.extras and wanted.subjects[0] not in ("glass", "potion"):
        parts = [
            replace(part, colour=mix(part.colour, _GLASS, 0.35), opacity=part.opacity * 0.6, gloss=0.8)
            for part in parts
        ]
    return parts


def _furred(parts: list[Part], rng: random.Random) -> list[Part]:
    """Fine strands out of the largest parts of the main colour, thinner than a pixel at their tips."""
    named = [part for part in parts if part.role == "accent" and part.name == "hair"]
    rooted = named or sorted((part for part in parts if part.role == "main" and not part.width), key=_extent)[-3:]
    out = []
    for part in parts:
        if any(part is root for root in rooted):
            for tone in (0.78, 0.94, 1.1):
                strands = tuple(_strands(part.outlines[0], 210, rng))
                out.append(Part(outlines=strands, colour=shade(part.colour, tone), form="flat", name=part.name))
        out.append(part)
    return out


def _extent(part: Part) -> float:
    left, top, right, bottom = bounds([part])
    return (right - left) * (bottom - top)


def _strands(outline: Outline, count: int, rng: random.Random) -> Iterator[Outline]:
    """Hairs that grow out of points of the outline and hang a little."""
    middle = outline.mean(axis=0)
    for _ in range(count):
        root = outline[rng.randrange(len(outline))]
        reach, bend = rng.uniform(4, 13), rng.gauss(0, 4)
        out = (root - middle) / max(1e-6, math.hypot(*(root - middle)))
        side = np.array([-out[1], out[0]])
        tip = root + out * reach + side * bend + (0, reach * (0.45 if root[1] < 70 else -0.45))
        base, half = root - out * 8, root + out * (reach - 8) / 2 - side * bend * 0.2
        yield np.array([base - side * 0.8, half - side * 0.6, tip, half + side * 0.6, base + side * 0.8])
