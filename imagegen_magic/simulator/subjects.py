"""The subjects that can be drawn, and the words of a prompt that choose one."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from dataclasses import replace

from . import beings, things
from .shapes import GLASS, WHITE, Colour, Part, flat, line, mix, shade, stroke

__all__ = ["SUBJECTS", "choose_subject", "draw_subject", "named_subject"]

Painter = Callable[[Colour, Colour, random.Random], list[Part]]
"""From a main and a second colour, and a source of chance, to the parts from back to front."""

SUBJECTS: dict[str, tuple[Painter, str]] = {
    "mug": (things.mug, "mug|cup|coffee|tea|latte|espresso|teapot"),
    "robot": (beings.robot, "robot|android|droid|machine|automaton"),
    "leaf": (beings.leaf, "leaf|leaves|monstera|herb|botanical"),
    "ring": (things.ring, "ring|jewel|jewellery|jewelry|diamond|gem"),
    "bottle": (things.bottle, "bottle|perfume|flask|wine|shampoo|lotion|product|packaging|flour|bag"),
    "glass": (things.glass, "glass|tumbler|lemonade|cocktail|juice|drink|water"),
    "bird": (beings.bird, "bird|robin|sparrow|parrot|chick|duck|owl|penguin|toucan"),
    "house": (things.house, "house|home|cottage|cabin|building|hut"),
    "tree": (beings.tree, "tree|oak|bonsai|orchard"),
    "rocket": (things.rocket, "rocket|spaceship|spacecraft|launch|startup"),
    "cat": (beings.cat, "cat|kitten|kitty|fox|dog|puppy|pet|animal"),
    "fruit": (beings.fruit, "fruit|apple|cherry|peach|tomato|food"),
    "fish": (beings.fish, "fish|goldfish|shark|whale|aquarium"),
    "flower": (beings.flower, "flower|daisy|rose|tulip|blossom|sunflower|bouquet"),
    "mushroom": (beings.mushroom, "mushroom|toadstool|fungus"),
    "balloon": (things.balloon, "balloon|airship"),
    "star": (beings.star, "star|badge|emoji|sticker|icon|mascot|logo"),
    "lamp": (things.lamp, "lamp|light|lantern|candle|desk"),
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
    if re.search("\\b(hair\\w*|fur\\w*|fluffy|feather\\w*|mane|lion)\\b", prompt, re.IGNORECASE):
        parts = [*_hair(shade(main, 0.8), rng), *parts]
    if re.search("\\b(smoke|steam\\w*|fog|mist|vapou?r)\\b", prompt, re.IGNORECASE):
        parts = [*_smoke(rng), *parts]
    if name != "glass" and re.search("\\b(glassy?|crystal|translucent|frosted)\\b", prompt, re.IGNORECASE):
        parts = [_translucent(part) for part in parts]
    return parts


def _translucent(part: Part) -> Part:
    return replace(part, colour=mix(part.colour, GLASS, 0.35), opacity=part.opacity * 0.6, gloss=0.8)


def _hair(colour: Colour, rng: random.Random) -> list[Part]:
    """A crown of fine strands, thinner than a pixel at their tips."""
    bundles = []
    for tone in (0.75, 1.0, 1.25):
        strands = []
        for _ in range(110):
            angle = rng.uniform(0, 2 * math.pi)
            x, y = (math.cos(angle), math.sin(angle))
            bend, reach = (rng.uniform(-0.22, 0.22), rng.uniform(0.8, 1.0))
            root, tip = (0.42, reach)
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
        bundles.append(line(strands[0], shade(colour, tone), more=tuple(strands[1:])))
    return bundles


def _smoke(rng: random.Random) -> list[Part]:
    """Wisps that rise and thin out."""
    parts = []
    for x in (-0.28, 0.0, 0.26):
        sway = rng.uniform(0.1, 0.22) * rng.choice((-1, 1))
        line = [(x, -0.5), (x + sway, -0.7), (x - sway, -0.92), (x + sway * 0.6, -1.16)]
        parts.append(flat(stroke(line, 0.1, 0.05), (0.93, 0.94, 0.96), opacity=0.55, soft=0.045))
        parts.append(flat(stroke(line, 0.04, 0.02), WHITE, opacity=0.45, soft=0.02))
    return parts
