"""Objects that can be drawn; each painter lists its parts from back to front."""

from __future__ import annotations

import math
import random

from .shapes import (
    BROWN,
    CREAM,
    DARK,
    GLASS,
    GOLD,
    GREY,
    LEAF,
    WHITE,
    Colour,
    Part,
    arc,
    curve,
    ellipse,
    flat,
    line,
    mix,
    polygon,
    puff,
    rounded,
    shade,
    stroke,
    tube,
)

__all__ = ["balloon", "bottle", "glass", "house", "lamp", "mug", "ring", "rocket"]


def mug(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A mug with a handle and a band."""
    body = curve(
        (-0.62, -0.62),
        (0, -0.56),
        (0.62, -0.62),
        (0.62, 0.0),
        (0.56, 0.62),
        (0.3, 0.78),
        (-0.3, 0.78),
        (-0.56, 0.62),
        (-0.62, 0.0),
    )
    upper = [(0.615 * x, 0.06 + 0.09 * math.sqrt(1 - x * x)) for x in (step / 20 for step in range(-20, 21))]
    lower = [(0.596 * x, 0.30 + 0.09 * math.sqrt(1 - x * x)) for x in (step / 20 for step in range(20, -21, -1))]
    band = polygon(*upper, *lower)
    drink = (0.3, 0.18, 0.11)
    return [
        puff(arc(0.6, 0.02, 0.3, -100, 100, width=0.15), shade(main, 0.92), depth=0.12),
        tube(body, main, gloss=0.5),
        tube(band, accent, gloss=0.45),
        puff(ellipse(0, -0.62, 0.62, 0.17), mix(main, WHITE, 0.35), depth=0.1),
        flat(ellipse(0, -0.6, 0.54, 0.125), shade(main, 0.55)),
        tube(ellipse(0, -0.575, 0.5, 0.1), drink, gloss=0.25),
    ]


def ring(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A finger ring with a cut stone."""
    gem = mix(main, WHITE, 0.12)
    stone = polygon((-0.34, -0.72), (-0.2, -0.94), (0.2, -0.94), (0.34, -0.72), (0.0, -0.34))
    facets = (
        (polygon((-0.34, -0.72), (-0.2, -0.94), (-0.1, -0.72)), mix(gem, WHITE, 0.35)),
        (polygon((-0.2, -0.94), (0.2, -0.94), (0.1, -0.72), (-0.1, -0.72)), mix(gem, WHITE, 0.55)),
        (polygon((0.2, -0.94), (0.34, -0.72), (0.1, -0.72)), mix(gem, WHITE, 0.15)),
        (polygon((-0.34, -0.72), (-0.1, -0.72), (0.0, -0.34)), gem),
        (polygon((-0.1, -0.72), (0.1, -0.72), (0.0, -0.34)), mix(gem, WHITE, 0.25)),
        (polygon((0.1, -0.72), (0.34, -0.72), (0.0, -0.34)), shade(gem, 0.75)),
    )
    band = puff(ellipse(0, 0.26, 0.66, 0.68), GOLD, holes=(ellipse(0, 0.26, 0.5, 0.52),), gloss=0.9, depth=0.07)
    parts = [
        band,
        puff(curve((-0.24, -0.5), (0, -0.3), (0.24, -0.5), (0.14, -0.28), (-0.14, -0.28)), shade(GOLD, 0.9), gloss=0.8),
    ]
    parts.append(flat(stone, gem))
    return parts + [flat(outline, colour) for outline, colour in facets]


def bottle(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A bottle with a label."""
    body = curve(
        (-0.13, -0.72),
        (0.13, -0.72),
        (0.14, -0.42),
        (0.34, -0.16),
        (0.4, 0.1),
        (0.4, 0.74),
        (0.32, 0.92),
        (-0.32, 0.92),
        (-0.4, 0.74),
        (-0.4, 0.1),
        (-0.34, -0.16),
        (-0.14, -0.42),
    )
    return [
        tube(body, main, gloss=0.85),
        tube(rounded(-0.165, -0.95, 0.165, -0.66, 0.05), accent, gloss=0.4),
        tube(rounded(-0.395, 0.1, 0.395, 0.64, 0.02), CREAM, gloss=0.1),
        flat(ellipse(0, 0.29, 0.11), accent),
        flat(stroke([(-0.22, 0.49), (0.22, 0.49)], 0.035), mix(DARK, main, 0.3)),
        flat(stroke([(-0.13, 0.56), (0.13, 0.56)], 0.025), mix(DARK, main, 0.3)),
        flat(stroke([(-0.24, -0.08), (-0.29, 0.06)], 0.05, 0.03), WHITE, opacity=0.55),
    ]


def glass(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A drinking glass: what lies behind it shows through."""
    wall = polygon((-0.46, -0.8), (0.46, -0.8), (0.36, 0.8), (0.3, 0.86), (-0.3, 0.86), (-0.36, 0.8))
    drink = polygon((-0.4, -0.25), (0.4, -0.25), (0.335, 0.7), (0.28, 0.76), (-0.28, 0.76), (-0.335, 0.7))
    straw = polygon((0.1, 0.6), (0.17, 0.6), (0.46, -0.97), (0.39, -0.99))
    return [
        tube(wall, GLASS, opacity=0.3, gloss=0.6),
        flat(straw, accent, opacity=0.95),
        tube(drink, main, opacity=0.62, gloss=0.5),
        flat(ellipse(0, -0.25, 0.4, 0.07), mix(main, WHITE, 0.35), opacity=0.7),
        tube(rounded(-0.32, 0.76, 0.32, 0.87, 0.05), mix(GLASS, main, 0.3), opacity=0.85, gloss=0.7),
        flat(ellipse(0, -0.8, 0.46, 0.075), WHITE, holes=(ellipse(0, -0.8, 0.435, 0.058),), opacity=0.8),
        flat(stroke([(-0.36, -0.62), (-0.29, 0.55)], 0.07, 0.03), WHITE, opacity=0.55, soft=0.008),
        flat(stroke([(0.37, -0.6), (0.33, 0.1)], 0.03, 0.015), WHITE, opacity=0.4, soft=0.006),
    ]


def _house_window(side: int) -> list[Part]:
    """The window of one side (-1 left, 1 right), and the bush below it."""
    x = side * 0.42
    return [
        puff(rounded(x - 0.155, 0.12, x + 0.155, 0.47, 0.04), WHITE, depth=0.08),
        tube(rounded(x - 0.115, 0.16, x + 0.115, 0.43, 0.02), (0.99, 0.85, 0.52), gloss=0.4),
        flat(stroke([(x, 0.16), (x, 0.43)], 0.028), WHITE),
        flat(stroke([(x - 0.11, 0.295), (x + 0.11, 0.295)], 0.028), WHITE),
        puff(ellipse(side * 0.66, 0.76, 0.15, 0.13), shade(LEAF, 1.0 + 0.15 * side)),
    ]


def house(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A little house."""
    wall = mix(CREAM, main, 0.18)
    parts = [
        tube(rounded(0.28, -0.82, 0.48, -0.3, 0.03), shade(accent, 0.8)),
        puff(rounded(0.25, -0.88, 0.51, -0.77, 0.03), shade(accent, 0.65)),
        puff(rounded(-0.66, -0.18, 0.66, 0.84, 0.05), wall, depth=0.12, gloss=0.1),
        flat(
            polygon((-0.66, -0.12), (0.66, -0.12), (0.66, 0.02), (-0.66, 0.02)),
            shade(wall, 0.6),
            opacity=0.5,
            soft=0.04,
        ),
        puff(
            curve(
                (-0.86, -0.12),
                (-0.8, -0.2),
                (-0.06, -0.88),
                (0.06, -0.88),
                (0.8, -0.2),
                (0.86, -0.12),
                (0.8, -0.06),
                (-0.8, -0.06),
            ),
            main,
            depth=0.14,
            gloss=0.3,
        ),
        puff(rounded(-0.17, 0.28, 0.17, 0.85, 0.15), accent, depth=0.12),
        puff(ellipse(0.1, 0.58, 0.03), GOLD, gloss=0.8),
        puff(ellipse(0, -0.4, 0.14), WHITE, depth=0.1),
        tube(ellipse(0, -0.4, 0.1), (0.55, 0.75, 0.88), gloss=0.5),
        puff(rounded(-0.8, 0.8, 0.8, 0.93, 0.06), mix(LEAF, main, 0.1), depth=0.2),
    ]
    return [*parts, *(part for side in (-1, 1) for part in _house_window(side))]


def rocket(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A rocket above its flame."""
    hull = curve(
        (0, -0.97),
        (0.2, -0.7),
        (0.3, -0.3),
        (0.31, 0.1),
        (0.22, 0.48),
        (-0.22, 0.48),
        (-0.31, 0.1),
        (-0.3, -0.3),
        (-0.2, -0.7),
    )
    nose = curve(
        (0, -0.97), (0.12, -0.84), (0.225, -0.62), (0.1, -0.575), (-0.1, -0.575), (-0.225, -0.62), (-0.12, -0.84)
    )
    parts = [
        puff(curve((0, 0.98), (0.14, 0.76), (0.17, 0.54), (-0.17, 0.54), (-0.14, 0.76)), (0.98, 0.55, 0.15), gloss=0.2),
        puff(curve((0, 0.82), (0.07, 0.68), (0.09, 0.54), (-0.09, 0.54), (-0.07, 0.68)), (1.0, 0.88, 0.42), gloss=0.2),
    ]
    for side in (-1, 1):
        fin = curve(
            (side * 0.27, 0.06), (side * 0.52, 0.3), (side * 0.6, 0.66), (side * 0.42, 0.56), (side * 0.2, 0.48)
        )
        parts.append(puff(fin, accent, gloss=0.4))
    return [
        *parts,
        tube(rounded(-0.18, 0.44, 0.18, 0.58, 0.04), shade(GREY, 0.6)),
        tube(hull, mix(WHITE, main, 0.12), gloss=0.5),
        tube(nose, main, gloss=0.5),
        tube(curve((-0.305, 0.16), (0, 0.22), (0.305, 0.16), (0.275, 0.3), (0, 0.35), (-0.275, 0.3)), main),
        puff(ellipse(0, -0.2, 0.155), GREY, gloss=0.7, depth=0.1),
        puff(ellipse(0, -0.2, 0.11), (0.35, 0.62, 0.82), gloss=0.8),
        flat(ellipse(-0.03, -0.24, 0.035, 0.025), WHITE, opacity=0.8),
    ]


def balloon(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A hot-air balloon."""
    envelope = curve(
        (0, -0.97),
        (0.52, -0.78),
        (0.68, -0.36),
        (0.48, 0.1),
        (0.17, 0.4),
        (-0.17, 0.4),
        (-0.48, 0.1),
        (-0.68, -0.36),
        (-0.52, -0.78),
    )
    parts = [line(stroke([(side * 0.16, 0.38), (side * 0.13, 0.68)], 0.02), BROWN) for side in (-1, 1)]
    parts.append(puff(envelope, main, depth=0.5, gloss=0.5))
    for x, colour in ((0.0, accent), (0.4, WHITE), (-0.4, WHITE)):
        width = 0.17 if x == 0 else 0.1
        gore = curve(
            (x * 0.3, -0.955), (x + width, -0.4), (x * 0.32 + 0.06, 0.395), (x * 0.32 - 0.06, 0.395), (x - width, -0.4)
        )
        parts.append(puff(gore, mix(colour, main, 0.1), depth=0.5, gloss=0.3))
    return [
        *parts,
        tube(rounded(-0.19, 0.64, 0.19, 0.93, 0.06), BROWN, gloss=0.2),
        tube(rounded(-0.21, 0.62, 0.21, 0.7, 0.04), shade(BROWN, 1.3)),
    ]


def lamp(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A desk lamp with a wide shade."""
    cone = polygon((-0.3, -0.92), (0.3, -0.92), (0.64, -0.16), (-0.64, -0.16))
    return [
        tube(stroke([(0, -0.2), (0, 0.7)], 0.075), GOLD, gloss=0.8),
        puff(
            curve((-0.16, 0.06), (0.16, 0.06), (0.27, 0.34), (0.14, 0.66), (-0.14, 0.66), (-0.27, 0.34)),
            accent,
            gloss=0.7,
            depth=0.4,
        ),
        puff(
            curve((-0.42, 0.84), (-0.2, 0.68), (0.2, 0.68), (0.42, 0.84), (0.2, 0.92), (-0.2, 0.92)),
            shade(GOLD, 0.9),
            gloss=0.6,
        ),
        flat(ellipse(0, -0.16, 0.64, 0.1), (1.0, 0.93, 0.7)),
        tube(cone, main, gloss=0.2),
        tube(
            curve((-0.64, -0.17), (0, -0.09), (0.64, -0.17), (0.605, -0.25), (0, -0.17), (-0.605, -0.25)),
            mix(main, WHITE, 0.4),
        ),
    ]
