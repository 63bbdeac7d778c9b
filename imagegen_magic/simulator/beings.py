"""Living things and friends that can be drawn; each painter lists its parts from back to front."""

from __future__ import annotations

import math
import random

from .shapes import (
    CREAM,
    DARK,
    GOLD,
    GREY,
    LEAF,
    WHITE,
    Colour,
    Part,
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

__all__ = ["bird", "cat", "fish", "robot", "star"]


def _eyes(x: float, y: float, gap: float, size: float, *, centre: float = 0.0) -> list[Part]:
    parts = []
    for side in (-1, 1):
        parts.append(puff(ellipse(x + side * gap + centre, y, size, size * 1.1), DARK, gloss=0.2))
        glint = ellipse(x + side * gap + centre - size * 0.3, y - size * 0.4, size * 0.3)
        parts.append(flat(glint, WHITE))
    return parts


def robot(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A friendly robot."""
    metal = mix(GREY, main, 0.2)
    parts = [
        puff(stroke([(0, -0.62), (0, -0.86)], 0.05), metal, gloss=0.6),
        puff(ellipse(0, -0.9, 0.085), accent, gloss=0.8),
    ]
    for side in (-1, 1):
        parts += [
            puff(
                stroke([(side * 0.46, 0.1), (side * 0.74, 0.22), (side * 0.72, 0.46)], 0.15),
                metal,
                gloss=0.5,
                depth=0.1,
            ),
            puff(ellipse(side * 0.72, 0.52, 0.12), accent, gloss=0.5),
            tube(rounded(side * 0.24 - 0.12, 0.55, side * 0.24 + 0.12, 0.88, 0.09), metal),
            puff(rounded(side * 0.26 - 0.19, 0.8, side * 0.26 + 0.19, 0.96, 0.09), shade(main, 0.8), gloss=0.5),
            puff(ellipse(side * 0.56, -0.34, 0.1, 0.14), accent, gloss=0.5),
        ]
    parts += [
        puff(rounded(-0.46, 0.02, 0.46, 0.68, 0.17), main, gloss=0.5, depth=0.25),
        puff(rounded(-0.54, -0.68, 0.54, 0.0, 0.24), main, gloss=0.6, depth=0.3),
        puff(rounded(-0.41, -0.54, 0.41, -0.13, 0.17), DARK, gloss=0.5, depth=0.12),
        puff(rounded(-0.24, 0.18, 0.24, 0.46, 0.07), mix(main, WHITE, 0.65), gloss=0.2, depth=0.1),
        flat(stroke([(-0.13, -0.22), (0, -0.18), (0.13, -0.22)], 0.035), (0.55, 0.93, 0.95)),
    ]
    glow = (0.55, 0.93, 0.95)
    parts += [puff(ellipse(side * 0.18, -0.36, 0.075, 0.095), glow, gloss=0.6) for side in (-1, 1)]
    lights = (accent, GOLD, LEAF)
    parts += [puff(ellipse(-0.13 + 0.13 * i, 0.32, 0.042), light, gloss=0.7) for i, light in enumerate(lights)]
    return parts


def _bird_legs(beak: Colour) -> list[Part]:
    return [
        puff(stroke([(-0.08, 0.62), (-0.1, 0.9)], 0.05), beak),
        puff(stroke([(0.16, 0.62), (0.16, 0.9)], 0.05), beak),
        puff(curve((0.02, 0.93), (-0.24, 0.95), (-0.12, 0.87), (-0.03, 0.87)), beak),
        puff(curve((0.29, 0.93), (0.04, 0.95), (0.14, 0.87), (0.23, 0.87)), beak),
    ]


def bird(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A small round bird."""
    beak = (0.95, 0.62, 0.22)
    return [
        puff(curve((-0.45, 0.22), (-0.95, 0.1), (-0.97, 0.24), (-0.92, 0.4), (-0.5, 0.48)), shade(main, 0.75)),
        *_bird_legs(beak),
        puff(polygon((0.6, -0.36), (0.96, -0.22), (0.6, -0.1)), beak, gloss=0.4),
        puff(
            curve(
                (-0.56, 0.2),
                (-0.35, -0.12),
                (-0.02, -0.3),
                (0.1, -0.66),
                (0.42, -0.72),
                (0.66, -0.44),
                (0.62, 0.02),
                (0.54, 0.44),
                (0.12, 0.72),
                (-0.36, 0.58),
            ),
            main,
            depth=0.4,
        ),
        puff(
            curve((0.54, 0.02), (0.5, 0.42), (0.14, 0.64), (-0.1, 0.5), (0.1, 0.18)),
            mix(CREAM, main, 0.12),
            depth=0.35,
            gloss=0.15,
        ),
        puff(
            curve((0.08, -0.04), (0.14, 0.26), (-0.16, 0.48), (-0.6, 0.46), (-0.36, 0.24), (-0.2, 0.0)),
            accent,
            depth=0.3,
        ),
        puff(
            curve((-0.02, 0.2), (-0.12, 0.36), (-0.46, 0.4), (-0.24, 0.26)), shade(accent, 0.8), depth=0.3, gloss=0.15
        ),
        puff(ellipse(0.4, -0.36, 0.085, 0.095), DARK, gloss=0.3),
        flat(ellipse(0.37, -0.4, 0.028), WHITE),
        flat(ellipse(0.5, -0.2, 0.085, 0.055), (0.95, 0.55, 0.5), opacity=0.55, soft=0.02),
    ]


def _cat_half(side: int, fur: Colour, accent: Colour) -> list[Part]:
    """Paw, eye, whiskers and half a mouth of one side (-1 left, 1 right)."""
    whiskers = [
        stroke(
            [(side * 0.22, -0.12 + 0.03 * i), (side * 0.5, -0.16 + 0.06 * i), (side * 0.76, -0.16 + 0.1 * i)],
            0.014,
            0.004,
        )
        for i in range(3)
    ]
    return [
        puff(ellipse(side * 0.2, 0.86, 0.16, 0.1), mix(fur, WHITE, 0.25), gloss=0.1),
        puff(ellipse(side * 0.25, -0.34, 0.12, 0.13), mix(accent, WHITE, 0.2), gloss=0.5, depth=0.1),
        flat(ellipse(side * 0.25, -0.34, 0.055, 0.105), DARK),
        flat(ellipse(side * 0.25 - 0.035, -0.39, 0.028), WHITE),
        *(line(whisker, mix(WHITE, fur, 0.2)) for whisker in whiskers),
        flat(stroke([(0, -0.12), (side * 0.06, -0.07), (side * 0.13, -0.09)], 0.022), shade(fur, 0.45)),
    ]


def cat(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A sitting cat."""
    fur, belly, pink = (main, mix(main, WHITE, 0.6), (0.95, 0.65, 0.64))
    parts = [
        puff(stroke([(0.4, 0.76), (0.78, 0.7), (0.86, 0.3), (0.74, 0.06)], 0.17, 0.11), shade(fur, 0.85), depth=0.1)
    ]
    for side in (-1, 1):
        parts.append(
            puff(polygon((side * 0.12, -0.62), (side * 0.47, -0.97), (side * 0.53, -0.42)), shade(fur, 0.95), depth=0.2)
        )
        parts.append(puff(polygon((side * 0.24, -0.64), (side * 0.42, -0.83), (side * 0.45, -0.52)), pink, gloss=0.1))
    parts += [
        puff(
            curve((-0.34, -0.05), (0.34, -0.05), (0.54, 0.52), (0.48, 0.88), (0.0, 0.94), (-0.48, 0.88), (-0.54, 0.52)),
            fur,
            depth=0.35,
            gloss=0.12,
        ),
        puff(ellipse(0, 0.42, 0.27, 0.38), belly, depth=0.4, gloss=0.08),
        puff(
            curve(
                (-0.58, -0.36),
                (-0.4, -0.68),
                (0, -0.74),
                (0.4, -0.68),
                (0.58, -0.36),
                (0.4, -0.04),
                (0, 0.06),
                (-0.4, -0.04),
            ),
            fur,
            depth=0.4,
            gloss=0.15,
        ),
    ]
    parts += [part for side in (-1, 1) for part in _cat_half(side, fur, accent)]
    parts.append(puff(curve((-0.06, -0.21), (0.06, -0.21), (0.0, -0.12)), pink, gloss=0.4))
    for i in (-1, 0, 1):
        parts.append(flat(stroke([(i * 0.11, -0.7), (i * 0.09, -0.54)], 0.05, 0.02), shade(fur, 0.65), opacity=0.8))
    return parts


def fish(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A fish, seen from its side."""
    parts = [
        puff(curve((-0.44, 0.0), (-0.92, -0.46), (-0.84, 0.0), (-0.92, 0.46)), accent, depth=0.3),
        puff(curve((-0.24, -0.3), (0.02, -0.7), (0.36, -0.5), (0.34, -0.28)), accent, depth=0.3),
        puff(curve((-0.06, 0.36), (0.0, 0.66), (0.26, 0.56), (0.26, 0.34)), accent, depth=0.3),
        puff(
            curve(
                (-0.56, 0.0),
                (-0.2, -0.36),
                (0.3, -0.46),
                (0.72, -0.24),
                (0.92, 0.04),
                (0.7, 0.3),
                (0.28, 0.46),
                (-0.2, 0.34),
            ),
            main,
            depth=0.4,
            gloss=0.6,
        ),
    ]
    for x in (-0.14, 0.12):
        stripe = curve(
            (x - 0.06, -0.38), (x + 0.06, -0.4), (x + 0.13, 0.0), (x + 0.06, 0.38), (x - 0.06, 0.36), (x + 0.01, 0.0)
        )
        parts.append(puff(stripe, mix(main, WHITE, 0.7), gloss=0.3))
    return [
        *parts,
        puff(curve((0.22, 0.06), (0.04, 0.22), (0.16, 0.3), (0.34, 0.18)), shade(accent, 0.9)),
        puff(ellipse(0.56, -0.1, 0.13), WHITE, depth=0.1),
        puff(ellipse(0.59, -0.09, 0.07), DARK),
        flat(ellipse(0.57, -0.12, 0.024), WHITE),
        flat(stroke([(0.74, 0.16), (0.82, 0.13), (0.87, 0.08)], 0.03), shade(main, 0.5)),
    ]


def star(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A rounded star with a face."""
    gold = mix(GOLD, main, 0.45)
    tips = [
        (
            math.sin(i * math.pi / 5) * (0.95 if i % 2 == 0 else 0.5),
            -math.cos(i * math.pi / 5) * (0.95 if i % 2 == 0 else 0.5),
        )
        for i in range(10)
    ]
    blush = [flat(ellipse(s * 0.34, 0.13, 0.09, 0.06), (0.95, 0.45, 0.4), opacity=0.5, soft=0.02) for s in (-1, 1)]
    smile = flat(stroke([(-0.12, 0.1), (0, 0.17), (0.12, 0.1)], 0.04), DARK)
    return [puff(curve(*tips), gold, depth=0.5, gloss=0.6), *_eyes(0, -0.04, 0.2, 0.065), *blush, smile]
