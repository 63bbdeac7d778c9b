"""Tells haze from shading: smoke, glass and blur change towards the key's colour, an opaque subject in its tint does not.

With C = a F + (1 - a) K a change of opacity moves the colour along the line from K to C; light and shade move it along the
line from black to C. Of the colour gradient's energy 0.75 to 1 lies on the first line in smoke, glass, shadow and blur,
and 0.05 to 0.55 on green leaves, felt and fur on green or violet ones on magenta.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Bytes, Floats, Indices, Mask, as_bytes, as_floats, median, within
from .scene import KEYED, Scene
from .unmixing import dot

if TYPE_CHECKING:
    from cv2.typing import MatLike

__all__ = ["colourless", "hazy"]

CELL = 4  # pixels of a side: noise is averaged away, gradual changes are not
LARGE = 1500  # pixels of the longest edge for each multiple of that
HAZE = 0.68  # share of the gradient's energy
FLAT = 0.1  # share of a region's cells; if fewer show a gradient, it may be the decoder's ringing
HAZE_IF_FLAT = 0.92
FEWEST = 12  # cells that show a gradient; fewer say nothing
LEAST_ENERGY = np.float32(0.3)  # levels a cell, squared
THREE = np.ones((3, 3), np.uint8)
WIDE = 8  # pixels of a side of the cells in which the colour of haze is looked for
AROUND = (5, 5)  # cells
COLOURLESS = 0.07  # saturation


def hazy(scene: Scene, labels: MatLike, count: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each of `count` regions, whether its colours change as opacity changes them, and whether they change at all.

    `labels` numbers the regions' pixels, at full size or half.
    """
    height, width = scene.image.shape[:2]
    side = (CELL // 2 if scene.backdrop.bleed else CELL) * max(1, round(max(scene.frame) / LARGE))
    size = (max(1, width // side), max(1, height // side))
    share, shown = _along(scene, size)
    region = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    inside = np.bincount(region[shown], minlength=count)
    along = np.bincount(region[shown], share[shown], minlength=count)
    known = np.asarray(inside >= FEWEST, dtype=np.bool_)
    flat = inside < FLAT * np.bincount(region.ravel(), minlength=count)
    flat &= not scene.backdrop.bleed  # a codec leaves few gradients
    flat[0] = False  # the pixels of no region
    return known & (along >= np.where(flat, HAZE_IF_FLAT, HAZE) * inside), known


def colourless(scene: Scene, translucent: Mask, index: Indices) -> Mask:
    """Whether the pixels (n,) lie in `translucent` parts that are white or grey without their key: steam, smoke and clear glass.

    Their opacity then needs no guess at their colour: whatever key dominance a pixel shows is the backdrop's. Colour is
    judged over a wide window, because a thin pixel says little of it.
    """
    height, width = translucent.shape
    size = (max(1, width // WIDE), max(1, height // WIDE))
    inside = (
        cv2.resize(translucent.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA).astype(np.float32)
        / 255
    )
    planes = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in scene.planes]
    image = as_floats(cv2.merge(planes))
    neutral = cv2.resize(scene.key_free, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    key = np.array(scene.backdrop.key, np.float32)
    total = cv2.blur(np.clip(neutral / KEYED, 0, 1) * inside, AROUND)[..., None]
    colour = cv2.blur((image - key) * inside[..., None], AROUND) / np.maximum(total, np.float32(1e-3)) + key
    grey = 1 - colour.min(axis=2) / np.maximum(colour.max(axis=2), 1) < COLOURLESS
    row, column = np.divmod(index, width)
    cell = np.minimum(row // WIDE, size[1] - 1) * size[0] + np.minimum(column // WIDE, size[0] - 1)
    return np.asarray(translucent.ravel()[index] & grey.ravel()[cell], dtype=np.bool_)


def _along(scene: Scene, size: tuple[int, int]) -> tuple[Floats, Mask]:
    """For every cell the share of the gradient's energy along the line from the key, and whether it shows a gradient.

    Cells at an edge show none: mixed with the backdrop, every colour changes towards it.
    """

    def reduced(plane: Bytes) -> Bytes:
        return as_bytes(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))

    def filled(plane: Bytes) -> Mask:
        return np.asarray(cv2.erode((reduced(plane) == 255).astype(np.uint8), THREE) > 0, dtype=np.bool_)

    keyed = within(scene.key_free, 0, KEYED - 5) & within(scene.depth, 2, 255)
    inside, outside = filled(as_bytes(cv2.erode(keyed, THREE))), filled((1 - scene.silhouette) * np.uint8(255))
    image = np.array([reduced(plane) for plane in scene.planes], np.float32)
    offset = image - np.array(scene.backdrop.key, np.float32)[:, None, None]
    offset /= np.maximum(np.sqrt(dot(offset, offset)), 1)
    across, down = (
        as_floats(np.array([cv2.Sobel(plane, cv2.CV_32F, *axis, scale=1 / 8) for plane in image]))
        for axis in ((1, 0), (0, 1))
    )
    along = np.square(dot(across, offset)) + np.square(dot(down, offset))
    energy = dot(across, across) + dot(down, down)
    floor = 6 * median(energy[outside]) if outside.any() else 0
    shown = inside & (energy > floor + LEAST_ENERGY)
    return as_floats(along / np.maximum(energy, np.float32(1e-6))), np.asarray(shown, dtype=np.bool_)
