"""The subjects that can be drawn, and the words of a prompt that choose one."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable

from .shapes import Colour, Part, arc, curve, ellipse, mix, polygon, rounded, shade, stroke

__all__ = ["SUBJECTS", "choose_subject", "draw_subject", "named_subject"]

WHITE: Colour = (0.97, 0.97, 0.95)
CREAM: Colour = (0.97, 0.92, 0.82)
DARK: Colour = (0.13, 0.13, 0.17)
GREY: Colour = (0.62, 0.66, 0.72)
BROWN: Colour = (0.50, 0.33, 0.21)
LEAF: Colour = (0.33, 0.56, 0.33)
GOLD: Colour = (0.93, 0.71, 0.28)
GLASS: Colour = (0.75, 0.88, 0.93)

Painter = Callable[[Colour, Colour, random.Random], list[Part]]


def _eyes(x: float, y: float, gap: float, size: float, *, centre: float = 0.0) -> list[Part]:
    parts = []
    for side in (-1, 1):
        parts.append(Part(outline=ellipse(x + side * gap + centre, y, size, size * 1.1), colour=DARK, gloss=0.2))
        glint = ellipse(x + side * gap + centre - size * 0.3, y - size * 0.4, size * 0.3)
        parts.append(Part(outline=glint, colour=WHITE, form="flat"))
    return parts


def mug(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A mug with a handle and a band."""
    body = curve(
        (-0.62, -0.62),
        (0, -0.56),
        (0.62, -0.62),
        (0.62, 0.0),
        (0.56, 0.62),
        (0.30, 0.78),
        (-0.30, 0.78),
        (-0.56, 0.62),
        (-0.62, 0.0),
    )
    band = curve((-0.615, 0.05), (0, 0.13), (0.615, 0.05), (0.60, 0.30), (0, 0.39), (-0.60, 0.30))
    drink = (0.30, 0.18, 0.11)
    return [
        Part(outline=arc(0.60, 0.02, 0.30, -100, 100, 0.15), colour=shade(main, 0.92), depth=0.12),
        Part(outline=body, colour=main, form="cylinder", gloss=0.5),
        Part(outline=band, colour=accent, form="cylinder", gloss=0.45),
        Part(outline=ellipse(0, -0.62, 0.62, 0.17), colour=mix(main, WHITE, 0.35), depth=0.1),
        Part(outline=ellipse(0, -0.60, 0.54, 0.125), colour=shade(main, 0.55), form="flat"),
        Part(outline=ellipse(0, -0.575, 0.50, 0.10), colour=drink, form="cylinder", gloss=0.25),
    ]


def robot(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A friendly robot."""
    metal = mix(GREY, main, 0.2)
    parts = [
        Part(outline=stroke([(0, -0.62), (0, -0.86)], 0.05), colour=metal, gloss=0.6),
        Part(outline=ellipse(0, -0.90, 0.085), colour=accent, gloss=0.8),
    ]
    for side in (-1, 1):
        parts += [
            Part(
                outline=stroke([(side * 0.46, 0.10), (side * 0.74, 0.22), (side * 0.72, 0.46)], 0.15),
                colour=metal,
                gloss=0.5,
                depth=0.1,
            ),
            Part(outline=ellipse(side * 0.72, 0.52, 0.12), colour=accent, gloss=0.5),
            Part(
                outline=rounded(side * 0.24 - 0.12, 0.55, side * 0.24 + 0.12, 0.88, 0.09), colour=metal, form="cylinder"
            ),
            Part(
                outline=rounded(side * 0.26 - 0.19, 0.80, side * 0.26 + 0.19, 0.96, 0.09),
                colour=shade(main, 0.8),
                gloss=0.5,
            ),
            Part(outline=ellipse(side * 0.56, -0.34, 0.10, 0.14), colour=accent, gloss=0.5),
        ]
    parts += [
        Part(outline=rounded(-0.46, 0.02, 0.46, 0.68, 0.17), colour=main, gloss=0.5, depth=0.25),
        Part(outline=rounded(-0.54, -0.68, 0.54, 0.0, 0.24), colour=main, gloss=0.6, depth=0.3),
        Part(outline=rounded(-0.41, -0.54, 0.41, -0.13, 0.17), colour=DARK, gloss=0.5, depth=0.12),
        Part(outline=rounded(-0.24, 0.18, 0.24, 0.46, 0.07), colour=mix(main, WHITE, 0.65), gloss=0.2, depth=0.1),
        Part(
            outline=stroke([(-0.13, -0.22), (0, -0.18), (0.13, -0.22)], 0.035), colour=(0.55, 0.93, 0.95), form="flat"
        ),
    ]
    glow = (0.55, 0.93, 0.95)
    parts += [Part(outline=ellipse(side * 0.18, -0.36, 0.075, 0.095), colour=glow, gloss=0.6) for side in (-1, 1)]
    lights = (accent, GOLD, LEAF)
    parts += [
        Part(outline=ellipse(-0.13 + 0.13 * i, 0.32, 0.042), colour=light, gloss=0.7) for i, light in enumerate(lights)
    ]
    return parts


def leaf(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A leaf with veins, on its stalk."""
    green = mix(LEAF, main, 0.35)
    blade = curve(
        (-0.02, -0.95),
        (0.34, -0.58),
        (0.56, -0.05),
        (0.38, 0.38),
        (0.0, 0.60),
        (-0.38, 0.38),
        (-0.56, -0.05),
        (-0.34, -0.58),
    )
    light = mix(green, WHITE, 0.3)
    parts = [
        Part(outline=stroke([(0, 0.50), (0.04, 0.72), (0.14, 0.96)], 0.075, 0.055), colour=shade(green, 0.75)),
        Part(outline=blade, colour=green, gloss=0.5, depth=0.35),
        Part(outline=stroke([(0, 0.58), (0.01, 0.0), (-0.01, -0.86)], 0.045, 0.01), colour=light, form="flat"),
    ]
    for i in range(5):
        y = 0.36 - i * 0.24
        reach = 0.40 * math.sin(math.pi * (0.95 - abs(y - 0.05)) / 1.9) + 0.05
        for side in (-1, 1):
            vein = stroke([(0, y), (side * reach * 0.6, y - 0.13), (side * reach, y - 0.27)], 0.026, 0.006)
            parts.append(Part(outline=vein, colour=light, form="flat", opacity=0.85))
    return parts


def ring(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A finger ring with a cut stone."""
    gem = mix(main, WHITE, 0.12)
    stone = polygon((-0.34, -0.72), (-0.20, -0.94), (0.20, -0.94), (0.34, -0.72), (0.0, -0.34))
    facets = (
        (polygon((-0.34, -0.72), (-0.20, -0.94), (-0.10, -0.72)), mix(gem, WHITE, 0.35)),
        (polygon((-0.20, -0.94), (0.20, -0.94), (0.10, -0.72), (-0.10, -0.72)), mix(gem, WHITE, 0.55)),
        (polygon((0.20, -0.94), (0.34, -0.72), (0.10, -0.72)), mix(gem, WHITE, 0.15)),
        (polygon((-0.34, -0.72), (-0.10, -0.72), (0.0, -0.34)), gem),
        (polygon((-0.10, -0.72), (0.10, -0.72), (0.0, -0.34)), mix(gem, WHITE, 0.25)),
        (polygon((0.10, -0.72), (0.34, -0.72), (0.0, -0.34)), shade(gem, 0.75)),
    )
    band = Part(
        outline=ellipse(0, 0.26, 0.66, 0.68), holes=(ellipse(0, 0.26, 0.50, 0.52),), colour=GOLD, gloss=0.9, depth=0.07
    )
    parts = [
        band,
        Part(
            outline=curve((-0.24, -0.50), (0, -0.30), (0.24, -0.50), (0.14, -0.28), (-0.14, -0.28)),
            colour=shade(GOLD, 0.9),
            gloss=0.8,
        ),
    ]
    parts.append(Part(outline=stone, colour=gem, form="flat"))
    return parts + [Part(outline=outline, colour=colour, form="flat") for outline, colour in facets]


def bottle(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A bottle with a label."""
    body = curve(
        (-0.13, -0.72), (0.13, -0.72), (0.14, -0.42), (0.34, -0.16), (0.40, 0.10), (0.40, 0.74), (0.32, 0.92),
        (-0.32, 0.92), (-0.40, 0.74), (-0.40, 0.10), (-0.34, -0.16), (-0.14, -0.42),
    )  # fmt: skip
    return [
        Part(outline=body, colour=main, form="cylinder", gloss=0.85),
        Part(outline=rounded(-0.165, -0.95, 0.165, -0.66, 0.05), colour=accent, form="cylinder", gloss=0.4),
        Part(outline=rounded(-0.395, 0.10, 0.395, 0.64, 0.02), colour=CREAM, form="cylinder", gloss=0.1),
        Part(outline=ellipse(0, 0.29, 0.11), colour=accent, form="flat"),
        Part(outline=stroke([(-0.22, 0.49), (0.22, 0.49)], 0.035), colour=mix(DARK, main, 0.3), form="flat"),
        Part(outline=stroke([(-0.13, 0.56), (0.13, 0.56)], 0.025), colour=mix(DARK, main, 0.3), form="flat"),
        Part(outline=stroke([(-0.24, -0.08), (-0.29, 0.06)], 0.05, 0.03), colour=WHITE, form="flat", opacity=0.55),
    ]


def glass(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A drinking glass: what lies behind it shows through."""
    wall = polygon((-0.46, -0.80), (0.46, -0.80), (0.36, 0.80), (0.30, 0.86), (-0.30, 0.86), (-0.36, 0.80))
    drink = polygon((-0.40, -0.25), (0.40, -0.25), (0.335, 0.70), (0.28, 0.76), (-0.28, 0.76), (-0.335, 0.70))
    straw = polygon((0.10, 0.60), (0.17, 0.60), (0.46, -0.97), (0.39, -0.99))
    return [
        Part(outline=wall, colour=GLASS, form="cylinder", opacity=0.30, gloss=0.6),
        Part(outline=straw, colour=accent, form="flat", opacity=0.95),
        Part(outline=drink, colour=main, form="cylinder", opacity=0.62, gloss=0.5),
        Part(outline=ellipse(0, -0.25, 0.40, 0.07), colour=mix(main, WHITE, 0.35), form="flat", opacity=0.7),
        Part(
            outline=rounded(-0.32, 0.76, 0.32, 0.87, 0.05),
            colour=mix(GLASS, main, 0.3),
            form="cylinder",
            opacity=0.85,
            gloss=0.7,
        ),
        Part(
            outline=ellipse(0, -0.80, 0.46, 0.075),
            holes=(ellipse(0, -0.80, 0.435, 0.058),),
            colour=WHITE,
            form="flat",
            opacity=0.8,
        ),
        Part(
            outline=stroke([(-0.36, -0.62), (-0.29, 0.55)], 0.07, 0.03),
            colour=WHITE,
            form="flat",
            opacity=0.55,
            soft=0.008,
        ),
        Part(
            outline=stroke([(0.37, -0.6), (0.33, 0.1)], 0.03, 0.015), colour=WHITE, form="flat", opacity=0.4, soft=0.006
        ),
    ]


def bird(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A small round bird."""
    beak = (0.95, 0.62, 0.22)
    parts = [
        Part(
            outline=curve((-0.45, 0.22), (-0.95, 0.10), (-0.97, 0.24), (-0.92, 0.40), (-0.50, 0.48)),
            colour=shade(main, 0.75),
        ),
        Part(outline=stroke([(-0.08, 0.62), (-0.10, 0.90)], 0.05), colour=beak),
        Part(outline=stroke([(0.16, 0.62), (0.16, 0.90)], 0.05), colour=beak),
        Part(outline=curve((0.02, 0.93), (-0.24, 0.95), (-0.12, 0.87), (-0.03, 0.87)), colour=beak),
        Part(outline=curve((0.29, 0.93), (0.04, 0.95), (0.14, 0.87), (0.23, 0.87)), colour=beak),
        Part(outline=polygon((0.60, -0.36), (0.96, -0.22), (0.60, -0.10)), colour=beak, gloss=0.4),
        Part(
            outline=curve(
                (-0.56, 0.20),
                (-0.35, -0.12),
                (-0.02, -0.30),
                (0.10, -0.66),
                (0.42, -0.72),
                (0.66, -0.44),
                (0.62, 0.02),
                (0.54, 0.44),
                (0.12, 0.72),
                (-0.36, 0.58),
            ),
            colour=main,
            depth=0.4,
        ),
        Part(
            outline=curve((0.54, 0.02), (0.50, 0.42), (0.14, 0.64), (-0.10, 0.50), (0.10, 0.18)),
            colour=mix(CREAM, main, 0.12),
            depth=0.35,
            gloss=0.15,
        ),
        Part(
            outline=curve((0.08, -0.04), (0.14, 0.26), (-0.16, 0.48), (-0.60, 0.46), (-0.36, 0.24), (-0.20, 0.00)),
            colour=accent,
            depth=0.3,
        ),
        Part(
            outline=curve((-0.02, 0.20), (-0.12, 0.36), (-0.46, 0.40), (-0.24, 0.26)),
            colour=shade(accent, 0.8),
            depth=0.3,
            gloss=0.15,
        ),
        Part(outline=ellipse(0.40, -0.36, 0.085, 0.095), colour=DARK, gloss=0.3),
        Part(outline=ellipse(0.37, -0.40, 0.028), colour=WHITE, form="flat"),
        Part(
            outline=ellipse(0.50, -0.20, 0.085, 0.055), colour=(0.95, 0.55, 0.50), form="flat", opacity=0.55, soft=0.02
        ),
    ]
    return parts


def house(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A little house."""
    wall = mix(CREAM, main, 0.18)
    parts = [
        Part(outline=rounded(0.28, -0.82, 0.48, -0.30, 0.03), colour=shade(accent, 0.8), form="cylinder"),
        Part(outline=rounded(0.25, -0.88, 0.51, -0.77, 0.03), colour=shade(accent, 0.65)),
        Part(outline=rounded(-0.66, -0.18, 0.66, 0.84, 0.05), colour=wall, depth=0.12, gloss=0.1),
        Part(
            outline=polygon((-0.66, -0.12), (0.66, -0.12), (0.66, 0.02), (-0.66, 0.02)),
            colour=shade(wall, 0.6),
            form="flat",
            opacity=0.5,
            soft=0.04,
        ),
        Part(
            outline=curve(
                (-0.86, -0.12),
                (-0.80, -0.20),
                (-0.06, -0.88),
                (0.06, -0.88),
                (0.80, -0.20),
                (0.86, -0.12),
                (0.80, -0.06),
                (-0.80, -0.06),
            ),
            colour=main,
            depth=0.14,
            gloss=0.3,
        ),
        Part(outline=rounded(-0.17, 0.28, 0.17, 0.85, 0.15), colour=accent, depth=0.12),
        Part(outline=ellipse(0.10, 0.58, 0.03), colour=GOLD, gloss=0.8),
        Part(outline=ellipse(0, -0.40, 0.14), colour=WHITE, depth=0.1),
        Part(outline=ellipse(0, -0.40, 0.10), colour=(0.55, 0.75, 0.88), form="cylinder", gloss=0.5),
        Part(outline=rounded(-0.80, 0.80, 0.80, 0.93, 0.06), colour=mix(LEAF, main, 0.1), depth=0.2),
    ]
    for side in (-1, 1):
        x = side * 0.42
        parts += [
            Part(outline=rounded(x - 0.155, 0.12, x + 0.155, 0.47, 0.04), colour=WHITE, depth=0.08),
            Part(
                outline=rounded(x - 0.115, 0.16, x + 0.115, 0.43, 0.02),
                colour=(0.99, 0.85, 0.52),
                form="cylinder",
                gloss=0.4,
            ),
            Part(outline=stroke([(x, 0.16), (x, 0.43)], 0.028), colour=WHITE, form="flat"),
            Part(outline=stroke([(x - 0.11, 0.295), (x + 0.11, 0.295)], 0.028), colour=WHITE, form="flat"),
            Part(outline=ellipse(side * 0.66, 0.76, 0.15, 0.13), colour=shade(LEAF, 1.0 + 0.15 * side)),
        ]
    return parts


def tree(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A round tree."""
    crown = mix(LEAF, main, 0.4)
    parts = [
        Part(
            outline=curve(
                (-0.12, 0.10), (0.12, 0.10), (0.11, 0.60), (0.24, 0.94), (0.0, 0.90), (-0.24, 0.94), (-0.11, 0.60)
            ),
            colour=BROWN,
            form="cylinder",
            gloss=0.1,
        )
    ]
    parts.append(Part(outline=stroke([(0.05, 0.40), (0.20, 0.20), (0.30, 0.05)], 0.09, 0.05), colour=BROWN))
    blobs = (
        (-0.42, -0.02, 0.36),
        (0.44, 0.00, 0.34),
        (-0.28, -0.42, 0.38),
        (0.30, -0.44, 0.38),
        (0.0, -0.62, 0.36),
        (0.02, -0.12, 0.42),
    )
    for i, (x, y, r) in enumerate(blobs):
        jitter = rng.uniform(-0.03, 0.03)
        parts.append(
            Part(
                outline=ellipse(x + jitter, y, r, r * 0.94), colour=shade(crown, 0.86 + 0.05 * i), depth=0.4, gloss=0.12
            )
        )
    for _ in range(9):
        angle, reach = rng.uniform(0, 2 * math.pi), rng.uniform(0.12, 0.55)
        spot = ellipse(math.cos(angle) * reach, -0.28 + math.sin(angle) * reach * 0.85, 0.06)
        parts.append(Part(outline=spot, colour=accent, gloss=0.6))
    return parts


def rocket(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A rocket above its flame."""
    hull = curve(
        (0, -0.97),
        (0.20, -0.70),
        (0.30, -0.30),
        (0.31, 0.10),
        (0.22, 0.48),
        (-0.22, 0.48),
        (-0.31, 0.10),
        (-0.30, -0.30),
        (-0.20, -0.70),
    )
    nose = curve(
        (0, -0.97), (0.12, -0.84), (0.225, -0.62), (0.10, -0.575), (-0.10, -0.575), (-0.225, -0.62), (-0.12, -0.84)
    )
    parts = [
        Part(
            outline=curve((0, 0.98), (0.14, 0.76), (0.17, 0.54), (-0.17, 0.54), (-0.14, 0.76)),
            colour=(0.98, 0.55, 0.15),
            gloss=0.2,
        ),
        Part(
            outline=curve((0, 0.82), (0.07, 0.68), (0.09, 0.54), (-0.09, 0.54), (-0.07, 0.68)),
            colour=(1.0, 0.88, 0.42),
            gloss=0.2,
        ),
    ]
    for side in (-1, 1):
        fin = curve(
            (side * 0.27, 0.06), (side * 0.52, 0.30), (side * 0.60, 0.66), (side * 0.42, 0.56), (side * 0.20, 0.48)
        )
        parts.append(Part(outline=fin, colour=accent, gloss=0.4))
    return [
        *parts,
        Part(outline=rounded(-0.18, 0.44, 0.18, 0.58, 0.04), colour=shade(GREY, 0.6), form="cylinder"),
        Part(outline=hull, colour=mix(WHITE, main, 0.12), form="cylinder", gloss=0.5),
        Part(outline=nose, colour=main, form="cylinder", gloss=0.5),
        Part(
            outline=curve((-0.305, 0.16), (0, 0.22), (0.305, 0.16), (0.275, 0.30), (0, 0.35), (-0.275, 0.30)),
            colour=main,
            form="cylinder",
        ),
        Part(outline=ellipse(0, -0.20, 0.155), colour=GREY, gloss=0.7, depth=0.1),
        Part(outline=ellipse(0, -0.20, 0.11), colour=(0.35, 0.62, 0.82), gloss=0.8),
        Part(outline=ellipse(-0.03, -0.24, 0.035, 0.025), colour=WHITE, form="flat", opacity=0.8),
    ]


def cat(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A sitting cat."""
    fur, belly, pink = main, mix(main, WHITE, 0.6), (0.95, 0.65, 0.64)
    parts = [
        Part(
            outline=stroke([(0.40, 0.76), (0.78, 0.70), (0.86, 0.30), (0.74, 0.06)], 0.17, 0.11),
            colour=shade(fur, 0.85),
            depth=0.1,
        )
    ]
    for side in (-1, 1):
        parts.append(
            Part(
                outline=polygon((side * 0.12, -0.62), (side * 0.47, -0.97), (side * 0.53, -0.42)),
                colour=shade(fur, 0.95),
                depth=0.2,
            )
        )
        parts.append(
            Part(
                outline=polygon((side * 0.24, -0.64), (side * 0.42, -0.83), (side * 0.45, -0.52)),
                colour=pink,
                gloss=0.1,
            )
        )
    parts += [
        Part(
            outline=curve(
                (-0.34, -0.05), (0.34, -0.05), (0.54, 0.52), (0.48, 0.88), (0.0, 0.94), (-0.48, 0.88), (-0.54, 0.52)
            ),
            colour=fur,
            depth=0.35,
            gloss=0.12,
        ),
        Part(outline=ellipse(0, 0.42, 0.27, 0.38), colour=belly, depth=0.4, gloss=0.08),
        Part(
            outline=curve(
                (-0.58, -0.36),
                (-0.40, -0.68),
                (0, -0.74),
                (0.40, -0.68),
                (0.58, -0.36),
                (0.40, -0.04),
                (0, 0.06),
                (-0.40, -0.04),
            ),
            colour=fur,
            depth=0.4,
            gloss=0.15,
        ),
    ]
    for side in (-1, 1):
        parts.append(Part(outline=ellipse(side * 0.20, 0.86, 0.16, 0.10), colour=mix(fur, WHITE, 0.25), gloss=0.1))
        parts.append(
            Part(outline=ellipse(side * 0.25, -0.34, 0.12, 0.13), colour=mix(accent, WHITE, 0.2), gloss=0.5, depth=0.1)
        )
        parts.append(Part(outline=ellipse(side * 0.25, -0.34, 0.055, 0.105), colour=DARK, form="flat"))
        parts.append(Part(outline=ellipse(side * 0.25 - 0.035, -0.39, 0.028), colour=WHITE, form="flat"))
        for i in range(3):
            whisker = stroke(
                [(side * 0.22, -0.12 + 0.03 * i), (side * 0.50, -0.16 + 0.06 * i), (side * 0.76, -0.16 + 0.10 * i)],
                0.014,
                0.004,
            )
            parts.append(Part(outline=whisker, colour=mix(WHITE, main, 0.2), form="line"))
        parts.append(
            Part(
                outline=stroke([(0, -0.12), (side * 0.06, -0.07), (side * 0.13, -0.09)], 0.022),
                colour=shade(fur, 0.45),
                form="flat",
            )
        )
    parts.append(Part(outline=curve((-0.06, -0.21), (0.06, -0.21), (0.0, -0.12)), colour=pink, gloss=0.4))
    for i in (-1, 0, 1):
        parts.append(
            Part(
                outline=stroke([(i * 0.11, -0.70), (i * 0.09, -0.54)], 0.05, 0.02),
                colour=shade(fur, 0.65),
                form="flat",
                opacity=0.8,
            )
        )
    return parts


def fruit(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """An apple."""
    skin = mix(main, (0.85, 0.22, 0.20), 0.25)
    body = curve(
        (0, -0.44),
        (0.34, -0.56),
        (0.70, -0.32),
        (0.74, 0.18),
        (0.48, 0.74),
        (0.20, 0.86),
        (0, 0.80),
        (-0.20, 0.86),
        (-0.48, 0.74),
        (-0.74, 0.18),
        (-0.70, -0.32),
        (-0.34, -0.56),
    )
    return [
        Part(outline=body, colour=skin, depth=0.45, gloss=0.7),
        Part(outline=ellipse(0, -0.44, 0.22, 0.075), colour=shade(skin, 0.5), form="flat", opacity=0.7, soft=0.03),
        Part(outline=stroke([(0.0, -0.42), (0.02, -0.66), (0.12, -0.88)], 0.075, 0.06), colour=BROWN),
        Part(
            outline=curve((0.07, -0.66), (0.30, -0.92), (0.66, -0.86), (0.46, -0.64), (0.20, -0.58)),
            colour=LEAF,
            gloss=0.4,
        ),
        Part(
            outline=stroke([(0.12, -0.66), (0.36, -0.75), (0.56, -0.82)], 0.02, 0.006),
            colour=mix(LEAF, WHITE, 0.4),
            form="flat",
        ),
        Part(outline=ellipse(-0.36, -0.16, 0.11, 0.20, turn=20), colour=WHITE, form="flat", opacity=0.35, soft=0.04),
    ]


def fish(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A fish, seen from its side."""
    parts = [
        Part(outline=curve((-0.44, 0.0), (-0.92, -0.46), (-0.84, 0.0), (-0.92, 0.46)), colour=accent, depth=0.3),
        Part(outline=curve((-0.24, -0.30), (0.02, -0.70), (0.36, -0.50), (0.34, -0.28)), colour=accent, depth=0.3),
        Part(outline=curve((-0.06, 0.36), (0.0, 0.66), (0.26, 0.56), (0.26, 0.34)), colour=accent, depth=0.3),
        Part(
            outline=curve(
                (-0.56, 0.0),
                (-0.20, -0.36),
                (0.30, -0.46),
                (0.72, -0.24),
                (0.92, 0.04),
                (0.70, 0.30),
                (0.28, 0.46),
                (-0.20, 0.34),
            ),
            colour=main,
            depth=0.4,
            gloss=0.6,
        ),
    ]
    for x in (-0.14, 0.12):
        stripe = curve(
            (x - 0.06, -0.38), (x + 0.06, -0.40), (x + 0.13, 0.0), (x + 0.06, 0.38), (x - 0.06, 0.36), (x + 0.01, 0.0)
        )
        parts.append(Part(outline=stripe, colour=mix(main, WHITE, 0.7), gloss=0.3))
    return [
        *parts,
        Part(outline=curve((0.22, 0.06), (0.04, 0.22), (0.16, 0.30), (0.34, 0.18)), colour=shade(accent, 0.9)),
        Part(outline=ellipse(0.56, -0.10, 0.13), colour=WHITE, depth=0.1),
        Part(outline=ellipse(0.59, -0.09, 0.07), colour=DARK),
        Part(outline=ellipse(0.57, -0.12, 0.024), colour=WHITE, form="flat"),
        Part(outline=stroke([(0.74, 0.16), (0.82, 0.13), (0.87, 0.08)], 0.03), colour=shade(main, 0.5), form="flat"),
    ]


def flower(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A flower with two leaves."""
    petals = rng.choice((7, 8, 9))
    parts = [
        Part(outline=stroke([(0, -0.2), (0.05, 0.4), (-0.02, 0.95)], 0.075), colour=LEAF, gloss=0.2),
        Part(outline=curve((0.03, 0.64), (0.30, 0.34), (0.62, 0.36), (0.40, 0.64)), colour=shade(LEAF, 1.1)),
        Part(outline=curve((0.02, 0.80), (-0.26, 0.52), (-0.58, 0.54), (-0.38, 0.80)), colour=shade(LEAF, 0.9)),
    ]
    for i in range(petals):
        angle = 360 * i / petals + 10
        radians = math.radians(angle)
        petal = ellipse(math.cos(radians) * 0.38, -0.36 + math.sin(radians) * 0.38, 0.27, 0.15, turn=angle)
        parts.append(Part(outline=petal, colour=shade(main, 0.9 if i % 2 else 1.05), gloss=0.25, depth=0.4))
    return [
        *parts,
        Part(
            outline=ellipse(0, -0.36, 0.20),
            colour=GOLD if main[0] < 0.85 or main[1] < 0.6 else BROWN,
            depth=0.35,
            gloss=0.2,
        ),
    ]


def mushroom(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A spotted mushroom."""
    cap = curve(
        (-0.84, 0.02), (-0.70, -0.48), (0.0, -0.84), (0.70, -0.48), (0.84, 0.02), (0.44, 0.14), (0, 0.17), (-0.44, 0.14)
    )
    parts = [
        Part(
            outline=curve(
                (-0.24, 0.02), (0.24, 0.02), (0.25, 0.50), (0.38, 0.84), (0, 0.93), (-0.38, 0.84), (-0.25, 0.50)
            ),
            colour=CREAM,
            form="cylinder",
            gloss=0.1,
        ),
        Part(outline=ellipse(0, 0.10, 0.46, 0.10), colour=shade(CREAM, 0.7), form="flat", soft=0.03),
        Part(outline=cap, colour=main, depth=0.4, gloss=0.6),
    ]
    for x, y, r in (
        (-0.44, -0.20, 0.12),
        (0.04, -0.48, 0.15),
        (0.46, -0.24, 0.13),
        (0.02, -0.02, 0.09),
        (-0.16, -0.66, 0.06),
        (0.38, -0.56, 0.07),
        (-0.66, -0.06, 0.05),
    ):
        parts.append(Part(outline=ellipse(x, y, r, r * 0.8), colour=WHITE, gloss=0.15))
    return parts


def balloon(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A hot-air balloon."""
    envelope = curve(
        (0, -0.97),
        (0.52, -0.78),
        (0.68, -0.36),
        (0.48, 0.10),
        (0.17, 0.40),
        (-0.17, 0.40),
        (-0.48, 0.10),
        (-0.68, -0.36),
        (-0.52, -0.78),
    )
    parts = [
        Part(outline=stroke([(side * 0.16, 0.38), (side * 0.13, 0.68)], 0.02), colour=BROWN, form="line")
        for side in (-1, 1)
    ]
    parts.append(Part(outline=envelope, colour=main, depth=0.5, gloss=0.5))
    for x, colour in ((0.0, accent), (0.40, WHITE), (-0.40, WHITE)):
        width = 0.17 if x == 0 else 0.10
        gore = curve(
            (x * 0.3, -0.955),
            (x + width, -0.40),
            (x * 0.32 + 0.06, 0.395),
            (x * 0.32 - 0.06, 0.395),
            (x - width, -0.40),
        )
        parts.append(Part(outline=gore, colour=mix(colour, main, 0.1), depth=0.5, gloss=0.3))
    return [
        *parts,
        Part(outline=rounded(-0.19, 0.64, 0.19, 0.93, 0.06), colour=BROWN, form="cylinder", gloss=0.2),
        Part(outline=rounded(-0.21, 0.62, 0.21, 0.70, 0.04), colour=shade(BROWN, 1.3), form="cylinder"),
    ]


def star(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A rounded star with a face."""
    gold = mix(GOLD, main, 0.45)
    tips = [
        (
            math.sin(i * math.pi / 5) * (0.95 if i % 2 == 0 else 0.50),
            -math.cos(i * math.pi / 5) * (0.95 if i % 2 == 0 else 0.50),
        )
        for i in range(10)
    ]
    blush = [
        Part(
            outline=ellipse(s * 0.34, 0.13, 0.09, 0.06), colour=(0.95, 0.45, 0.40), form="flat", opacity=0.5, soft=0.02
        )
        for s in (-1, 1)
    ]
    smile = Part(outline=stroke([(-0.12, 0.10), (0, 0.17), (0.12, 0.10)], 0.04), colour=DARK, form="flat")
    return [Part(outline=curve(*tips), colour=gold, depth=0.5, gloss=0.6), *_eyes(0, -0.04, 0.20, 0.065), *blush, smile]


def lamp(main: Colour, accent: Colour, rng: random.Random) -> list[Part]:
    """A desk lamp with a wide shade."""
    cone = polygon((-0.30, -0.92), (0.30, -0.92), (0.64, -0.16), (-0.64, -0.16))
    return [
        Part(outline=stroke([(0, -0.2), (0, 0.70)], 0.075), colour=GOLD, form="cylinder", gloss=0.8),
        Part(
            outline=curve((-0.16, 0.06), (0.16, 0.06), (0.27, 0.34), (0.14, 0.66), (-0.14, 0.66), (-0.27, 0.34)),
            colour=accent,
            gloss=0.7,
            depth=0.4,
        ),
        Part(
            outline=curve((-0.42, 0.84), (-0.20, 0.68), (0.20, 0.68), (0.42, 0.84), (0.20, 0.92), (-0.20, 0.92)),
            colour=shade(GOLD, 0.9),
            gloss=0.6,
        ),
        Part(outline=ellipse(0, -0.16, 0.64, 0.10), colour=(1.0, 0.93, 0.70), form="flat"),
        Part(outline=cone, colour=main, form="cylinder", gloss=0.2),
        Part(
            outline=curve((-0.64, -0.17), (0, -0.09), (0.64, -0.17), (0.605, -0.25), (0, -0.17), (-0.605, -0.25)),
            colour=mix(main, WHITE, 0.4),
            form="cylinder",
        ),
    ]


SUBJECTS: dict[str, tuple[Painter, str]] = {
    "mug": (mug, "mug|cup|coffee|tea|latte|espresso|teapot"),
    "robot": (robot, "robot|android|droid|machine|automaton"),
    "leaf": (leaf, "leaf|leaves|monstera|herb|botanical"),
    "ring": (ring, "ring|jewel|jewellery|jewelry|diamond|gem"),
    "bottle": (bottle, "bottle|perfume|flask|wine|shampoo|lotion|product|packaging|flour|bag"),
    "glass": (glass, "glass|tumbler|lemonade|cocktail|juice|drink|water"),
    "bird": (bird, "bird|robin|sparrow|parrot|chick|duck|owl|penguin|toucan"),
    "house": (house, "house|home|cottage|cabin|building|hut"),
    "tree": (tree, "tree|oak|bonsai|orchard"),
    "rocket": (rocket, "rocket|spaceship|spacecraft|launch|startup"),
    "cat": (cat, "cat|kitten|kitty|fox|dog|puppy|pet|animal"),
    "fruit": (fruit, "fruit|apple|cherry|peach|tomato|food"),
    "fish": (fish, "fish|goldfish|shark|whale|aquarium"),
    "flower": (flower, "flower|daisy|rose|tulip|blossom|sunflower|bouquet"),
    "mushroom": (mushroom, "mushroom|toadstool|fungus"),
    "balloon": (balloon, "balloon|airship"),
    "star": (star, "star|badge|emoji|sticker|icon|mascot|logo"),
    "lamp": (lamp, "lamp|light|lantern|candle|desk"),
}
"""Each subject's painter, and the words that ask for it."""


def named_subject(prompt: str) -> str | None:
    """The subject named first in the prompt, or None."""
    found = {}
    for name, (_, words) in SUBJECTS.items():
        match = re.search(rf"\b({words})(s|es)?\b", prompt, re.IGNORECASE)
        if match:
            found[name] = match.start()
    return min(found, key=found.__getitem__) if found else None


def choose_subject(prompt: str, rng: random.Random) -> str:
    """The subject that the prompt names, or one chosen by chance where it names none."""
    chance = rng.choice(sorted(SUBJECTS))
    return named_subject(prompt) or chance


def draw_subject(name: str, main: Colour, accent: Colour, prompt: str, rng: random.Random) -> list[Part]:
    """The parts of a subject from back to front, with the hair, smoke or glass that the prompt asks for."""
    parts = SUBJECTS[name][0](main, accent, rng)
    if re.search(r"\b(hair\w*|fur\w*|fluffy|feather\w*|mane|lion)\b", prompt, re.IGNORECASE):
        parts = [*_hair(shade(main, 0.8), rng), *parts]
    if re.search(r"\b(smoke|steam\w*|fog|mist|vapou?r)\b", prompt, re.IGNORECASE):
        parts = [*_smoke(rng), *parts]
    if name != "glass" and re.search(r"\b(glassy?|crystal|translucent|frosted)\b", prompt, re.IGNORECASE):
        parts = [_translucent(part) for part in parts]
    return parts


def _translucent(part: Part) -> Part:
    return Part(outline=part.outline, colour=mix(part.colour, GLASS, 0.35), form=part.form, opacity=part.opacity * 0.6, gloss=0.8,
                holes=part.holes, soft=part.soft, depth=part.depth)  # fmt: skip


def _hair(colour: Colour, rng: random.Random) -> list[Part]:
    """A crown of fine strands, thinner than a pixel at their tips."""
    bundles = []
    for tone in (0.75, 1.0, 1.25):
        strands = []
        for _ in range(110):
            angle = rng.uniform(0, 2 * math.pi)
            x, y = math.cos(angle), math.sin(angle)
            bend, reach = rng.uniform(-0.22, 0.22), rng.uniform(0.80, 1.0)
            root, tip = 0.42, reach
            middle = (root + tip) / 2
            strands.append(
                stroke(
                    [
                        (x * root, y * root),
                        (x * middle - y * bend * 0.4, y * middle + x * bend * 0.4),
                        (x * tip - y * bend, y * tip + x * bend),
                    ],
                    0.022,
                    0.002,
                    steps=8,
                )
            )
        bundles.append(Part(outline=strands[0], more=tuple(strands[1:]), colour=shade(colour, tone), form="line"))
    return bundles


def _smoke(rng: random.Random) -> list[Part]:
    """Wisps that rise and thin out."""
    parts = []
    for x in (-0.28, 0.0, 0.26):
        sway = rng.uniform(0.10, 0.22) * rng.choice((-1, 1))
        line = [(x, -0.50), (x + sway, -0.70), (x - sway, -0.92), (x + sway * 0.6, -1.16)]
        parts.append(
            Part(outline=stroke(line, 0.10, 0.05), colour=(0.93, 0.94, 0.96), form="flat", opacity=0.55, soft=0.045)
        )
        parts.append(Part(outline=stroke(line, 0.04, 0.02), colour=WHITE, form="flat", opacity=0.45, soft=0.02))
    return parts
