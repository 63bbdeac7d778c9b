"""The subjects that can be drawn, and the words of a prompt that choose one."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from . import beings, plants, things
from .shapes import GLASS, WHITE, Colour, Outline, Part, flat, line, mix, shade, stroke

__all__ = ["SUBJECTS", "choose_subject", "draw_subject", "named_subject"]

_NO_HAIR_BELOW = 0.62

Painter = Callable[[Colour, Colour, random.Random], list[Part]]
"""From a main and a second colour, and a source of chance, to the parts from back to front."""

SUBJECTS: dict[str, tuple[Painter, str]] = {
    "mug": (things.mug, "mug|cup|coffee|tea|latte|espresso|teapot"),
    "robot": (beings.robot, "robot|android|droid|machine|automaton"),
    "leaf": (plants.leaf, "leaf|leaves|monstera|herb|botanical"),
    "ring": (things.ring, "ring|jewel|jewellery|jewelry|diamond|gem"),
    "bottle": (things.bottle, "bottle|perfume|flask|wine|shampoo|lotion|product|packaging|flour|bag"),
    "glass": (things.glass, "glass|tumbler|lemonade|cocktail|juice|drink"),
    "bird": (beings.bird, "bird|robin|sparrow|parrot|chick|duck|owl|penguin|toucan"),
    "house": (things.house, "house|home|cottage|cabin|building|hut"),
    "tree": (plants.tree, "tree|oak|bonsai|orchard"),
    "rocket": (things.rocket, "rocket|spaceship|spacecraft|launch|startup"),
    "cat": (beings.cat, "cat|kitten|kitty|fox|dog|puppy|lion|bear|rabbit|pet|animal|person"),
    "fruit": (plants.fruit, "fruit|apple|cherry|peach|tomato|food"),
    "fish": (beings.fish, "fish|goldfish|shark|whale|aquarium"),
    "flower": (plants.flower, "flower|daisy|rose|tulip|blossom|sunflower|bouquet"),
    "mushroom": (plants.mushroom, "mushroom|toadstool|fungus"),
    "balloon": (things.balloon, "balloon|airship"),
    "star": (beings.star, "star|badge|emoji|sticker|icon|mascot|logo"),
    "lamp": (things.lamp, "lamp|lantern|candle"),
}
"""Each subject's painter, and the words that ask for it."""


def named_subject(prompt: str) -> str | None:
    """The subject named first in the prompt, or None."""
    found = {}
    for name, (_, words) in SUBJECTS.items():
        match = re.search(f"\\b({words})(s|es)?\\b", prompt, re.IGNORECASE)
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
    if re.search("\\b(hair(y|s)?|fur(ry)?|fluffy|feather\\w*|mane|lion)\\b", prompt, re.IGNORECASE):
        parts = [*_hair(parts, shade(main, 0.8), rng), *parts]
    if re.search("\\b(smoke|steam\\w*|fog|mist|vapou?r)\\b", prompt, re.IGNORECASE):
        parts = [*_smoke(rng), *parts]
    if name != "glass" and re.search("\\b(glassy?|crystal|translucent|frosted)\\b", prompt, re.IGNORECASE):
        parts = [_translucent(part) for part in parts]
    return parts


def _translucent(part: Part) -> Part:
    return replace(part, colour=mix(part.colour, GLASS, 0.35), opacity=part.opacity * 0.6, gloss=0.8)


def _hair(parts: list[Part], colour: Colour, rng: random.Random) -> list[Part]:
    """Fine strands out of the two largest parts, thinner than a pixel at their tips."""
    roots = sorted((part for part in parts if part.form == "puff"), key=_extent)[-2:] or parts[:1]
    bundles = []
    for tone in (0.7, 0.9, 1.1):
        strands = [strand for part in roots for strand in _strands(rng, part.outline, 130)]
        if strands:
            bundles.append(line(strands[0], shade(colour, tone), more=tuple(strands[1:])))
    return bundles


def _extent(part: Part) -> float:
    """Area of the box around a part."""
    return float(np.prod(np.ptp(part.outline, axis=0)))


def _strands(rng: random.Random, outline: Outline, count: int) -> Iterator[Outline]:
    """Hairs that grow out of points of the outline and hang a little; none at the foot."""
    middle = outline.mean(axis=0)
    for _ in range(count):
        root = outline[rng.randrange(len(outline))]
        reach, bend = rng.uniform(0.08, 0.24), rng.gauss(0, 0.09)
        if root[1] > _NO_HAIR_BELOW:
            continue
        out = (root - middle) / max(1e-6, math.hypot(*(root - middle)))
        side = np.array([-out[1], out[0]])
        tip = root + out * reach + side * bend + (0, 0.05)
        base = root - out * 0.08
        half = (base + tip) / 2 - side * bend * 0.25 - (0, 0.02)
        yield np.array([base - side * 0.009, half - side * 0.006, tip, half + side * 0.006, base + side * 0.009])


def _smoke(rng: random.Random) -> list[Part]:
    """Wisps that rise, sway and thin out."""
    parts = []
    for x in (-0.26, 0.02, 0.28):
        side, sway = rng.choice((-1, 1)), rng.uniform(0.05, 0.08)
        knots = [
            (x + side * sway * math.sin(step * 1.35) * (0.4 + step / 6), -0.55 - step * 0.085) for step in range(8)
        ]
        parts.append(flat(stroke(knots, 0.11, 0.03), (0.93, 0.94, 0.96), opacity=0.5, soft=0.04))
        parts.append(flat(stroke(knots, 0.045, 0.01), WHITE, opacity=0.45, soft=0.014))
    return parts
