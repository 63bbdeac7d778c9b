"""Estimates the key light that a backdrop throws onto its subject, and takes it off again."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .arrays import Bytes, Floats, Indices, as_floats
from .scene import KEYED, Scene, colours_at
from .unmixing import LUMA

__all__ = ["Spill", "despill_certain", "estimate_spill", "shade", "spill_weight"]

ENOUGH = 40_000  # pixels for a robust slope; more only take time
FEWEST = 500  # certain pixels; fewer say nothing about light
RADII = (3, 5, 7, 10)  # pixels of the thinned frame: how far spill may reach
WINDOW = (65, 65)  # colours are compared with their surroundings of this size
GAIN = 0.25  # share of the variation that spill must explain to be believed
STRENGTHS = (0.02, 0.35)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spill:
    """Key light reflected onto the subject: `strength` of the key added where `weight` (height, width) is 1."""

    strength: float
    weight: Floats

    def light(self, index: Indices, colour: Floats, key: Floats) -> Floats:
        """The light, (3, n) levels, that falls on surfaces of these colours."""
        return as_floats(np.float32(self.strength) * self.weight.ravel()[index] * shade(LUMA @ colour) * key)


def shade(luma: Floats) -> Floats:
    """How much of the key light a surface of this luma (0..255) reflects, 0.4..1."""
    return as_floats(np.float32(0.4) + np.float32(0.6 / 255) * luma)


def estimate_spill(scene: Scene, certain: Bytes) -> Spill | None:
    """Spill, if key dominance falls with the distance from the backdrop in the same way all over the subject."""
    if not scene.saturated:
        return None
    height, width = certain.shape
    step = max(1, round(max(height, width) / 1024))
    thin = (slice(step // 2, None, step),) * 2
    inside = (certain[thin] & (scene.depth[thin] > scene.backdrop.bleed)).astype(np.float32)
    if inside.sum() < FEWEST:
        return None
    luma = cv2.cvtColor(np.ascontiguousarray(scene.image[thin]), cv2.COLOR_RGB2GRAY)
    dominance = as_floats(1 - scene.neutrality[thin].astype(np.float32) / KEYED)
    exposed = np.where(scene.solid[thin] > 0, np.clip(dominance, 0, 1), 1).astype(np.float32)
    slope, gain, weight = _best_reach(inside, dominance, exposed, shade(as_floats(luma)))
    if gain < GAIN or not STRENGTHS[0] <= slope <= STRENGTHS[1]:
        return None
    full = cv2.resize(weight, (width, height), interpolation=cv2.INTER_LINEAR)
    return Spill(strength=slope, weight=as_floats(full))


def _best_reach(inside: Floats, dominance: Floats, exposed: Floats, shades: Floats) -> tuple[float, float, Floats]:
    """Strength, share explained and weight for the reach that explains the subject's key dominance best."""
    at = inside > 0
    total = cv2.blur(inside, WINDOW) + 1e-6

    def varying(plane: Floats) -> Floats:
        return as_floats((plane - cv2.blur(plane * inside, WINDOW) / total)[at])

    observed = varying(dominance)
    found = []
    for radius in RADII:
        weight = spill_weight(exposed, radius)
        found.append((*_robust_slope(varying(as_floats(weight * shades)), observed), weight))
    return max(found, key=lambda each: each[1])


def spill_weight(exposed: Floats, radius: int) -> Floats:
    """How much of the key light reaches a place, 0..1, where `exposed` is 1 on the backdrop and 0 on the subject."""
    for _ in range(3):
        exposed = as_floats(cv2.blur(exposed, (2 * radius + 1, 2 * radius + 1)))
    return np.clip(2 * exposed, 0, 1)


def _robust_slope(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope of y over x through the origin and the share of y's median deviation it explains."""
    stride = max(1, len(x) // ENOUGH)
    x, y = x[::stride], y[::stride]
    power = float((x * x).sum())
    if power < 1e-5 * len(x):
        return 0.0, 0.0
    slope = float((x * y).sum()) / power
    for _ in range(4):
        error = np.abs(y - slope * x)
        weight = 1 / (1 + np.square(error / (1.5 * float(np.median(error)) + 0.002)))
        slope = float((weight * x * y).sum()) / max(float((weight * x * x).sum()), 1e-9)
    before = max(float(np.median(np.abs(y))), 0.001)
    return slope, 1 - float(np.median(np.abs(y - slope * x))) / before


def despill_certain(scene: Scene, certain: Bytes, spill: Spill, planes: list[Bytes]) -> None:
    """Takes the light off the opaque pixels, in `planes`."""
    lit = np.flatnonzero((certain > 0) & (spill.weight > 0.01))
    colour = colours_at(scene.planes, lit)
    key = scene.backdrop.at(lit, scene.image.shape)
    estimate = np.maximum(colour - spill.light(lit, colour, key), 0)
    clean = np.clip(np.rint(colour - spill.light(lit, estimate, key)), 0, 255).astype(np.uint8)
    for plane, values in zip(planes, clean, strict=True):
        plane.ravel()[lit] = values
