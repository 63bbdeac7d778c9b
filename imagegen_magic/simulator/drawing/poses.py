"""How a subject moves: its parts at one moment of a movement.

A part swings about its `pivot` if its name begins with one of the limbs below; the whole subject is lifted, leant and
stretched about its foot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .parts import Part, moved, turned

__all__ = ["FOOT", "posed"]

FOOT = (0.0, 95.0)
"""Where a subject stands."""

# For each movement: limb -> (degrees, share of a turn by which it is late).
_SWINGS: dict[str, dict[str, tuple[float, float]]] = {
    "idle": {"tail": (7, 0), "head": (2, 0), "arm-left": (3, 0), "arm-right": (-3, 0), "wing": (6, 0), "crown": (2, 0)},
    "walk": {
        "leg-left": (24, 0),
        "leg-right": (24, 0.5),
        "arm-left": (20, 0.5),
        "arm-right": (20, 0),
        "tail": (9, 0.25),
    },
    "jump": {
        "leg-left": (16, 0),
        "leg-right": (-16, 0),
        "arm-left": (52, 0.25),
        "arm-right": (-52, 0.25),
        "tail": (12, 0),
    },
    "attack": {"arm-right": (62, 0), "arm-left": (14, 0.5), "head": (5, 0), "tail": (10, 0.3), "body": (38, 0)},
    "wave": {"arm-right": (-58, 0), "arm-left": (10, 0), "head": (5, 0.25), "tail": (12, 0), "wing": (14, 0)},
    "fly": {
        "wing-left": (26, 0),
        "wing-right": (-26, 0),
        "wing": (22, 0),
        "arm-left": (24, 0),
        "arm-right": (-24, 0),
        "tail": (8, 0.3),
    },
}
_SWINGS["run"] = {limb: (degrees * 1.5, late) for limb, (degrees, late) in _SWINGS["walk"].items()}


def posed(parts: Sequence[Part], action: str, phase: float) -> list[Part]:
    """The parts at `phase` (0 to 1) of an action; phase 0 of `idle` is the drawing as it is."""
    swings = _SWINGS[action]
    return [_body(_swung(part, swings, phase, action), action, phase) for part in parts]


def _swung(part: Part, swings: dict[str, tuple[float, float]], phase: float, action: str) -> Part:
    limb = next((name for name in swings if part.name.startswith(name)), None)
    if limb is None or part.pivot is None:
        return part
    degrees, late = swings[limb]
    turn = math.sin(math.tau * (phase + late)) if action != "jump" else 1 - abs(2 * _air(phase) - 1)
    mirror = -1 if part.name.endswith("-right") and not limb.endswith("-right") else 1
    return moved(part, turned(mirror * degrees * turn), about=part.pivot)


def _air(phase: float) -> float:
    """How far a jump is between leaving the ground and touching it again, 0 to 1."""
    return min(1.0, max(0.0, (phase - 0.2) / 0.6))


def _body(part: Part, action: str, phase: float) -> Part:
    """Lift, lean and stretch of the whole subject."""
    wave = math.sin(math.tau * phase)
    lift, lean, stretch = 0.0, 0.0, 0.0
    if action == "idle":
        stretch = 0.018 * wave
    elif action in ("walk", "run"):
        lift, lean = 4.0 * abs(wave), 3.0 if action == "walk" else 9.0
    elif action == "jump":
        air = _air(phase)
        lift = 34.0 * 4 * air * (1 - air)
        stretch = -0.10 * math.sin(math.tau * phase * 2.5) if air in (0.0, 1.0) else 0.06 * (1 - 2 * air)
    elif action == "attack":
        lean = 8.0 * wave
    elif action == "wave":
        lean = 3.0 * wave
    elif action == "fly":
        lift = 12.0 + 8.0 * wave
    matrix = turned(lean) * np.array([1 - stretch / 2, 1 + stretch])
    return moved(part, matrix, (0.0, -lift), FOOT) if lift or lean or stretch else part
