"""Estimates the key light that a backdrop throws onto its subject, and takes it off again."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Bytes, Floats, Indices, Window, as_floats, median, positions
from .scene import KEYED, Scene, colours_at, dominance_channels
from .unmixing import LUMA

__all__ = ["Spill", "despill_definite", "estimate_spill", "shade", "spill_weight"]

ENOUGH = 40_000  # pixels for a robust slope; more only take time
FEWEST = 500  # definite pixels; fewer say nothing about light
RADII = (6, 4, 7, 9, 3)  # pixels of the thinned frame: how far spill may reach; the likeliest first
HOPELESS = 0.05  # share explained at one reach, below which none explains enough
CELL = 4  # pixels of a side, for what varies slowly
WINDOW = (17, 17)  # cells; colours are compared with their surroundings of this size
LEAST_POWER = np.float32(1e-4)  # variance of shade, below which it is noise
GAIN = (
    0.08  # share of the variation that spill must explain to be believed; a pattern explains 0.07 where its parts agree
)
PARTS = 4  # along each side
STRONG = 0.5  # share that spill must explain for each unit of its strength; a drawn pattern in the key's tint 0.25
AGREEMENT = 0.4  # deviation of the parts from their median, as a share of it; more if more is explained
STRENGTHS = (0.02, 0.5)
REACHED = 0.25  # weight that half of a subject stays below if a codec has blurred its colours: what it blurs looks lit
NEUTRAL = np.float32(8)  # levels of the opposite tint up to which a colour is grey
LEAST_LIGHT = np.float32(5)  # levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Spill:
    """Key light reflected onto the subject: `strength` of the key added where `weight` (height, width) is 1."""

    strength: float
    weight: Floats
    channels: tuple[list[int], list[int]]

    def light(self, index: Indices, colour: Floats, key: Floats) -> Floats:
        """The light, (3, n) levels, that falls on surfaces of these colours."""
        return as_floats(np.float32(self.strength) * self.weight.ravel()[index] * shade(LUMA @ colour) * key)

    def taken_off(self, colour: Floats, light: Floats) -> Floats:
        """The (3, n) colours without the light, of which no more is taken than they show: white stays white."""
        bright, dark = self.channels
        dominance = colour[bright].min(axis=0) - colour[dark].max(axis=0)
        most = np.maximum(dominance, 0) + np.maximum(-dominance - NEUTRAL, 0) + LEAST_LIGHT
        share = np.minimum(1, most / np.maximum(light[bright].min(axis=0) - light[dark].max(axis=0), np.float32(1e-3)))
        return as_floats(np.clip(colour - share * light, 0, 255))


def shade(luma: Floats) -> Floats:
    """How much of the key light a surface of this luma (0..255) reflects, 0.4..1."""
    return as_floats(np.float32(0.4) + np.float32(0.6 / 255) * luma)


def estimate_spill(scene: Scene, definite: Bytes) -> Spill | None:
    """Spill, if key dominance falls with the distance from the backdrop in the same way all over the subject.

    The subject's own light and shade is read in the key's dark channels, which the key's light does not reach.
    """
    if not scene.saturated:
        return None
    height, width = definite.shape
    step = max(1, round(max(scene.frame) / 1024))
    thin = (slice(step // 2, None, step),) * 2
    inside = definite[thin] & (scene.depth[thin] > scene.backdrop.bleed)
    if np.count_nonzero(inside) < FEWEST:
        return None
    channels = dominance_channels(scene.backdrop.key)
    dark = [scene.planes[channel][thin] for channel in channels[1]]
    unlit = np.asarray(np.mean(dark, axis=0, dtype=np.float32), dtype=np.float32)
    most = REACHED if scene.backdrop.bleed else 1.0
    slope, gain, weight = _best_reach(inside, scene.key_free[thin], _exposed(scene, definite, thin), shade(unlit), most)
    if gain < GAIN or not STRENGTHS[0] <= slope <= STRENGTHS[1]:
        return None
    full = cv2.resize(weight, (width, height), interpolation=cv2.INTER_LINEAR)
    return Spill(strength=slope, weight=as_floats(full), channels=channels)


DOMINANCE = as_floats(1 - np.arange(256, dtype=np.float32) / KEYED)
"""By the value of the `key_free` plane."""


def _exposed(scene: Scene, definite: Bytes, thin: Window) -> Floats:
    """How much key light comes from a place: 1 on the backdrop, 0 on opaque parts, whose own tint lets none through."""
    free = scene.key_free[thin] * scene.silhouette[thin] | definite[thin] * np.uint8(255)
    return as_floats(cv2.LUT(free, np.clip(DOMINANCE, 0, 1)))


def _best_reach(
    inside: Bytes, key_free: Bytes, exposed: Floats, shades: Floats, most: float
) -> tuple[float, float, Floats]:
    """Strength, share explained and weight for the reach that explains the key dominance best, its median weight `most` at most."""
    at = positions(inside)
    shades = shades.ravel()[at]
    varying = _Varying(inside.shape, at, shades)
    observed = varying.part(DOMINANCE[key_free.ravel()[at]])
    best = (0.0, 0.0, exposed, observed)
    for radius in RADII:
        weight = spill_weight(exposed, radius)
        reached = weight.ravel()[at]
        if most < 1 and median(reached[:: len(at) // ENOUGH + 1]) > most:
            continue
        expected = varying.part(reached * shades)
        slope, gain = _robust_slope(expected, observed)
        if gain > best[1]:
            best = (slope, gain, weight, expected)
        if gain < HOPELESS:
            break  # no other reach explains so much more
    slope, gain, weight, expected = best
    enough = gain >= max(GAIN, STRONG * slope)
    believed = enough and _disagreement(expected, observed, at, inside.shape) <= AGREEMENT * (1 + gain)
    return slope, gain if believed else 0.0, weight


class _Varying:
    """Takes from values what is the same all around, and what follows the subject's own light and shade.

    Values, (n,), are those of the subject's pixels `at` flat indices; what is all around them is summed up in cells.
    """

    def __init__(self, shape: tuple[int, ...], at: Indices, shades: Floats) -> None:
        self.size = (-(-shape[0] // CELL), -(-shape[1] // CELL))
        row, column = (np.arange(side, dtype=np.intp) // CELL for side in shape)
        self.cell = (row[:, None] * self.size[1] + column).ravel()[at]  # without a division for each pixel
        self.total = self._around(None)
        middle = self._mean(shades)
        self.shading = shades - middle
        self.power = np.maximum(self._mean(shades * shades) - middle * middle, 0) + LEAST_POWER

    def _around(self, values: Floats | None) -> NDArray[np.float64]:
        """The sum over the window that each cell is the middle of."""
        sums = np.bincount(self.cell, values, minlength=self.size[0] * self.size[1]).astype(np.float64)
        return np.asarray(cv2.blur(sums.reshape(self.size), WINDOW).ravel(), dtype=np.float64)

    def _mean(self, values: Floats) -> Floats:
        return np.take(as_floats(self._around(values) / np.maximum(self.total, 1e-6)), self.cell)

    def part(self, own: Floats) -> Floats:
        """The rest."""
        rest = own - self._mean(own)
        slope = self._mean(rest * self.shading) / self.power
        return as_floats(rest - slope * self.shading)


def _disagreement(expected: Floats, observed: Floats, at: Indices, shape: tuple[int, ...]) -> float:
    """How far the slopes in the picture's parts are from their median, as a share of it: light is the same all over."""
    row, column = np.divmod(at, shape[1])
    part = row * PARTS // shape[0] * PARTS + column * PARTS // shape[1]
    slopes = [
        _robust_slope(expected[part == each], observed[part == each])[0]
        for each in np.flatnonzero(np.bincount(part) >= FEWEST)
    ]
    middle = median(np.array(slopes)) if len(slopes) > 1 else 0.0
    return median(np.abs(np.array(slopes) - middle)) / middle if middle > 0 else np.inf


def spill_weight(exposed: Floats, radius: int) -> Floats:
    """How much of the key light reaches a place, 0..1, where `exposed` is 1 on the backdrop and 0 on the subject."""
    for _ in range(3):
        exposed = as_floats(cv2.blur(exposed, (2 * radius + 1, 2 * radius + 1)))
    return np.clip(2 * exposed, 0, 1)


def _robust_slope(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope of y over x through the origin and the share of y's energy that it explains."""
    stride = max(1, len(x) // ENOUGH)
    x, y = x[::stride], y[::stride]
    power = float((x * x).sum())
    if power < 1e-5 * len(x):
        return 0.0, 0.0
    slope, weight = float((x * y).sum()) / power, np.ones_like(x)
    for _ in range(4):
        error = np.abs(y - slope * x)
        weight = as_floats(1 / (1 + np.square(error / (np.float32(1.5 * median(error)) + np.float32(0.002)))))
        slope = float((weight * x * y).sum()) / max(float((weight * x * x).sum()), 1e-9)
    left = float((weight * np.square(y - slope * x)).sum())
    return slope, 1 - left / max(float((weight * y * y).sum()), 1e-9)


def despill_definite(scene: Scene, definite: Bytes, spill: Spill, planes: list[Bytes]) -> None:
    """Takes the light off the opaque pixels, in `planes`."""
    lit = np.flatnonzero((definite > 0) & (spill.weight > 0.01))
    colour = colours_at(scene.planes, lit)
    key = scene.backdrop.at(lit, scene.image.shape)
    estimate = np.maximum(colour - spill.light(lit, colour, key), 0)
    clean = np.rint(spill.taken_off(colour, spill.light(lit, estimate, key))).astype(np.uint8)
    for plane, values in zip(planes, clean, strict=True):
        plane.ravel()[lit] = values
