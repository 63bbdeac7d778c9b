"""Plants that can be drawn; each painter lists its parts from back to front."""

from __future__ import annotations

import math
import random

from .shapes import (
    BROWN,
    CREAM,
    GOLD,
    LEAF,
    WHITE,
    Colour,
    Part,
    curve,
    ellipse,
    flat,
    mix,
    puff,
    shade,
    stroke,
    tube,
)

__all__ = ["flower", "fruit", "leaf", "mushroom", "tree"]


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
