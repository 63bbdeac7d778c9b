"""Living things and friends that can be drawn; each painter lists its parts from back to front."""

from __future__ import annotations

import math
import random

from .shapes import (
    BROWN,
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

__all__ = ["bird", "cat", "fish", "flower", "fruit", "leaf", "mushroom", "robot", "star", "tree"]


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


def leaf(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A leaf with veins, on its stalk."""
    green = mix(LEAF, main, 0.15)
    blade = curve(
        (-0.02, -0.95),
        (0.34, -0.58),
        (0.56, -0.05),
        (0.38, 0.38),
        (0.0, 0.6),
        (-0.38, 0.38),
        (-0.56, -0.05),
        (-0.34, -0.58),
    )
    light = mix(green, WHITE, 0.3)
    parts = [
        puff(stroke([(0, 0.5), (0.04, 0.72), (0.14, 0.96)], 0.075, 0.055), shade(green, 0.75)),
        puff(blade, green, gloss=0.5, depth=0.35),
        flat(stroke([(0, 0.58), (0.01, 0.0), (-0.01, -0.86)], 0.045, 0.01), light),
    ]
    for i in range(5):
        y = 0.36 - i * 0.24
        reach = 0.4 * math.sin(math.pi * (0.95 - abs(y - 0.05)) / 1.9) + 0.05
        for side in (-1, 1):
            vein = stroke([(0, y), (side * reach * 0.6, y - 0.13), (side * reach, y - 0.27)], 0.026, 0.006)
            parts.append(flat(vein, light, opacity=0.85))
    return parts


def bird(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A small round bird."""
    beak = (0.95, 0.62, 0.22)
    return [
        puff(curve((-0.45, 0.22), (-0.95, 0.1), (-0.97, 0.24), (-0.92, 0.4), (-0.5, 0.48)), shade(main, 0.75)),
        puff(stroke([(-0.08, 0.62), (-0.1, 0.9)], 0.05), beak),
        puff(stroke([(0.16, 0.62), (0.16, 0.9)], 0.05), beak),
        puff(curve((0.02, 0.93), (-0.24, 0.95), (-0.12, 0.87), (-0.03, 0.87)), beak),
        puff(curve((0.29, 0.93), (0.04, 0.95), (0.14, 0.87), (0.23, 0.87)), beak),
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


def tree(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A round tree."""
    crown = mix(LEAF, main, 0.2)
    parts = [
        tube(
            curve((-0.12, 0.1), (0.12, 0.1), (0.11, 0.6), (0.24, 0.94), (0.0, 0.9), (-0.24, 0.94), (-0.11, 0.6)),
            BROWN,
            gloss=0.1,
        )
    ]
    parts.append(puff(stroke([(0.05, 0.4), (0.2, 0.2), (0.3, 0.05)], 0.09, 0.05), BROWN))
    blobs = (
        (-0.42, -0.02, 0.36),
        (0.44, 0.0, 0.34),
        (-0.28, -0.42, 0.38),
        (0.3, -0.44, 0.38),
        (0.0, -0.62, 0.36),
        (0.02, -0.12, 0.42),
    )
    for i, (x, y, r) in enumerate(blobs):
        jitter = rng.uniform(-0.03, 0.03)
        parts.append(puff(ellipse(x + jitter, y, r, r * 0.94), shade(crown, 0.86 + 0.05 * i), depth=0.4, gloss=0.12))
    for _ in range(9):
        angle, reach = (rng.uniform(0, 2 * math.pi), rng.uniform(0.12, 0.55))
        spot = ellipse(math.cos(angle) * reach, -0.28 + math.sin(angle) * reach * 0.85, 0.06)
        parts.append(puff(spot, accent, gloss=0.6))
    return parts


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
    for side in (-1, 1):
        parts.append(puff(ellipse(side * 0.2, 0.86, 0.16, 0.1), mix(fur, WHITE, 0.25), gloss=0.1))
        parts.append(puff(ellipse(side * 0.25, -0.34, 0.12, 0.13), mix(accent, WHITE, 0.2), gloss=0.5, depth=0.1))
        parts.append(flat(ellipse(side * 0.25, -0.34, 0.055, 0.105), DARK))
        parts.append(flat(ellipse(side * 0.25 - 0.035, -0.39, 0.028), WHITE))
        for i in range(3):
            whisker = stroke(
                [(side * 0.22, -0.12 + 0.03 * i), (side * 0.5, -0.16 + 0.06 * i), (side * 0.76, -0.16 + 0.1 * i)],
                0.014,
                0.004,
            )
            parts.append(line(whisker, mix(WHITE, main, 0.2)))
        parts.append(flat(stroke([(0, -0.12), (side * 0.06, -0.07), (side * 0.13, -0.09)], 0.022), shade(fur, 0.45)))
    parts.append(puff(curve((-0.06, -0.21), (0.06, -0.21), (0.0, -0.12)), pink, gloss=0.4))
    for i in (-1, 0, 1):
        parts.append(flat(stroke([(i * 0.11, -0.7), (i * 0.09, -0.54)], 0.05, 0.02), shade(fur, 0.65), opacity=0.8))
    return parts


def fruit(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """An apple."""
    skin = mix(main, (0.85, 0.22, 0.2), 0.25)
    body = curve(
        (0, -0.44),
        (0.34, -0.56),
        (0.7, -0.32),
        (0.74, 0.18),
        (0.48, 0.74),
        (0.2, 0.86),
        (0, 0.8),
        (-0.2, 0.86),
        (-0.48, 0.74),
        (-0.74, 0.18),
        (-0.7, -0.32),
        (-0.34, -0.56),
    )
    return [
        puff(body, skin, depth=0.45, gloss=0.7),
        flat(ellipse(0, -0.44, 0.22, 0.075), shade(skin, 0.5), opacity=0.7, soft=0.03),
        puff(stroke([(0.0, -0.42), (0.02, -0.66), (0.12, -0.88)], 0.075, 0.06), BROWN),
        puff(curve((0.07, -0.66), (0.3, -0.92), (0.66, -0.86), (0.46, -0.64), (0.2, -0.58)), LEAF, gloss=0.4),
        flat(stroke([(0.12, -0.66), (0.36, -0.75), (0.56, -0.82)], 0.02, 0.006), mix(LEAF, WHITE, 0.4)),
        flat(ellipse(-0.36, -0.16, 0.11, 0.2, turn=20), WHITE, opacity=0.35, soft=0.04),
    ]


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


def _is_yellow(colour: Colour) -> bool:
    red, green, blue = colour
    return min(red, green) > 2 * blue


def flower(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A flower with two leaves."""
    petals = rng.choice((7, 8, 9))
    parts = [
        puff(stroke([(0, -0.2), (0.05, 0.4), (-0.02, 0.95)], 0.075), LEAF, gloss=0.2),
        puff(curve((0.03, 0.64), (0.3, 0.34), (0.62, 0.36), (0.4, 0.64)), shade(LEAF, 1.1)),
        puff(curve((0.02, 0.8), (-0.26, 0.52), (-0.58, 0.54), (-0.38, 0.8)), shade(LEAF, 0.9)),
    ]
    for i in range(petals):
        angle = 360 * i / petals + 10
        radians = math.radians(angle)
        petal = ellipse(math.cos(radians) * 0.38, -0.36 + math.sin(radians) * 0.38, 0.27, 0.15, turn=angle)
        parts.append(puff(petal, shade(main, 0.9 if i % 2 else 1.05), gloss=0.25, depth=0.4))
    return [
        *parts,
        puff(ellipse(0, -0.36, 0.2), BROWN if _is_yellow(main) else GOLD, depth=0.35, gloss=0.2),
    ]


def mushroom(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A spotted mushroom."""
    cap = curve(
        (-0.84, 0.02), (-0.7, -0.48), (0.0, -0.84), (0.7, -0.48), (0.84, 0.02), (0.44, 0.14), (0, 0.17), (-0.44, 0.14)
    )
    parts = [
        tube(
            curve((-0.24, 0.02), (0.24, 0.02), (0.25, 0.5), (0.38, 0.84), (0, 0.93), (-0.38, 0.84), (-0.25, 0.5)),
            CREAM,
            gloss=0.1,
        ),
        flat(ellipse(0, 0.1, 0.46, 0.1), shade(CREAM, 0.7), soft=0.03),
        puff(cap, main, depth=0.4, gloss=0.6),
    ]
    for x, y, r in (
        (-0.44, -0.2, 0.12),
        (0.04, -0.48, 0.15),
        (0.46, -0.24, 0.13),
        (0.02, -0.02, 0.09),
        (-0.16, -0.66, 0.06),
        (0.38, -0.56, 0.07),
        (-0.66, -0.06, 0.05),
    ):
        parts.append(puff(ellipse(x, y, r, r * 0.8), WHITE, gloss=0.15))
    return parts


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
