"""Pixel art as image models paint it: squares of a few colours, on a lattice that is not a whole number of pixels and drifts."""

from __future__ import annotations

import math
import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .recipe import Recipe

__all__ = ["enlarged", "lattice_size", "limited"]

_COLOURS = 24
_OUTLINE = (38, 30, 46)
_SLACK = 2
"""Squares more than needed on each axis, for the lattice's drift."""
_PITCH_SHARE, _DRIFT_SHARE, _JITTER_SHARE, _SOFT = 0.06, 0.35, 0.05, 0.6


def lattice_size(recipe: Recipe, squares: int) -> tuple[int, int]:
    """Width and height of the picture in squares, if its shorter edge has about that many."""
    pitch = _pitch(recipe, squares)
    return math.ceil(recipe.width / pitch) + _SLACK, math.ceil(recipe.height / pitch) + _SLACK


def _pitch(recipe: Recipe, squares: int) -> float:
    """Pixels from one square to the next: never a whole number."""
    rng = random.Random(recipe.seed + 3)  # noqa: S311 - pictures, not secrets
    pitch = min(recipe.width, recipe.height) / squares * (1 + rng.uniform(-_PITCH_SHARE, _PITCH_SHARE))
    return pitch if 0.08 < pitch % 1 < 0.92 else pitch + 0.17


def limited(small: Image.Image) -> Image.Image:
    """The picture with one palette, and with a dark outline and no half-clear pixels if it has alpha."""
    colours = small.convert("RGB").quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    flat = colours.convert("RGB")
    if small.mode == "RGB":
        return flat
    alpha = small.getchannel("A").point([0] * 110 + [255] * 146)
    inside = alpha.filter(ImageFilter.MinFilter(3))
    edge = Image.fromarray(np.asarray(alpha) & ~np.asarray(inside))
    flat.paste(_OUTLINE, (0, 0), edge)
    flat.putalpha(alpha)
    return flat


def enlarged(small: Image.Image, recipe: Recipe) -> Image.Image:
    """The squares at the recipe's size, on the drifting lattice, their edges a little soft."""
    pixels = np.asarray(small)
    across = _squares(recipe.width, small.width, recipe, 5)
    down = _squares(recipe.height, small.height, recipe, 6)
    image = Image.fromarray(pixels[down][:, across])
    return image.filter(ImageFilter.GaussianBlur(_SOFT))


def _squares(length: int, count: int, recipe: Recipe, salt: int) -> NDArray[np.int64]:
    """For each pixel along an axis the square that it lies in."""
    rng = np.random.Generator(np.random.PCG64([recipe.seed, salt]))
    pitch = length / (count - _SLACK)
    number = np.arange(count + 1)
    start, waves = rng.uniform(0, math.tau), rng.uniform(0.8, 1.7)
    slow = _DRIFT_SHARE * pitch * np.sin(start + math.tau * waves * number / count)
    edges = (number - _SLACK / 2) * pitch + slow + rng.normal(0, _JITTER_SHARE * pitch, count + 1)
    return np.clip(np.searchsorted(edges, np.arange(length) + 0.5) - 1, 0, count - 1)
