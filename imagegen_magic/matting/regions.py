"""Tells where a picture is definite foreground, where it may be translucent, and which pixels may lend their colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Bytes, Indices, Mask, as_bytes, positions, within
from .haze import hazy
from .scene import KEYED, Scene
from .unmixing import at_once

__all__ = ["Subject", "definite_foreground", "samples", "tinted_share", "translucent_regions"]

Subject: TypeAlias = Literal["auto", "opaque", "translucent"]

EDGE = 4  # a sharp edge is at most this wide, pixels
SEED = 40  # key_free: below, a pixel is close to the key in hue
CLEAR = 33  # key_free below which a flat region is glass and no subject in a tint of the key
FAR = 60  # key_free: without a pixel below within EDGE no ramp comes from the backdrop
TINT = 15  # key_free below KEYED from which a deep pixel is in a tint of the key
STEEP = 96  # Sobel, 8 for each level a pixel: a larger change of it is the edge of an opaque subject
ALONG = 0.8  # cosine between two gradients
DEEPEST = 30  # pixels; a wider edge shows by itself that it is haze
STEP = 144  # the same, of a sharp edge, which hair is full of
LARGE = 1600  # pixels of the longest edge above which translucent regions are looked for on half the grid


def translucent_regions(scene: Scene, subject: Subject, *, defocus: bool = True) -> Mask | None:
    """Where smoke, glass, shadow or blur may make deep pixels partly transparent; None where nowhere.

    Seeds are deep pixels close to the key in hue. From them the region grows as long as colours change gradually and
    the key is still in them; a sharp step (the edge of an opaque subject) stops it. `defocus` looks for wide soft edges
    of opaque subjects as well.
    """
    if not scene.saturated or subject == "opaque" or (scene.hard and subject != "translucent"):
        return None
    key_free, depth, factor = _reduced(scene)
    seed = (key_free < SEED) & (depth >= 3)
    if subject == "auto" and int(seed.sum()) < 9:
        return None
    smooth = as_bytes(cv2.blur(key_free, (3, 3)))
    rising = _still_rising(smooth, depth, factor)
    keyed = ((key_free < KEYED - 4) | rising) & (depth >= 2)
    if subject == "translucent":
        translucent = keyed
    else:
        translucent = _grown(scene, seed, keyed, rising, smooth, key_free, depth, defocus)
    if factor > 1:
        full = (scene.image.shape[1], scene.image.shape[0])
        translucent = cv2.resize(translucent.astype(np.uint8), full, interpolation=cv2.INTER_NEAREST).astype(bool) & (
            scene.silhouette > 0
        )
    return translucent if translucent.any() else None


def _reduced(scene: Scene) -> tuple[Bytes, Bytes, int]:
    """Neutrality and depth, at half size where the picture is large, and the factor."""
    if max(scene.frame) <= LARGE:
        return scene.key_free, scene.depth, 1
    size = (scene.image.shape[1] // 2, scene.image.shape[0] // 2)
    key_free = cv2.resize(scene.key_free, size, interpolation=cv2.INTER_AREA)
    depth = cv2.resize(scene.depth, size, interpolation=cv2.INTER_NEAREST)
    return as_bytes(key_free), as_bytes(depth), 2


def _grown(
    scene: Scene, seed: Mask, keyed: Mask, rising: Mask, smooth: Bytes, key_free: Bytes, depth: Bytes, defocus: bool
) -> Mask:
    """The keyed pixels that a gradual change of colour connects to seeds."""
    across = cv2.convertScaleAbs(cv2.Sobel(smooth, cv2.CV_16S, 1, 0))
    down = cv2.convertScaleAbs(cv2.Sobel(smooth, cv2.CV_16S, 0, 1))
    steepest = as_bytes(cv2.max(across, down))
    passable = keyed & (steepest < STEEP)
    regions = _Regions.of(passable | seed)
    reached = np.bincount(regions.labels[seed], minlength=regions.count) > 8
    reached[0] = False
    translucent = cv2.dilate(regions.drawn(reached).view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & keyed
    (haze, known), soft = at_once(
        lambda: hazy(scene, regions.labels, regions.count),
        lambda: _out_of_focus(smooth, depth, rising, key_free < SEED, steepest) if defocus else np.False_,
    )
    sure = regions.drawn(haze) | (translucent & (key_free < CLEAR))
    ramp = (depth < 3 * EDGE) | soft
    translucent &= sure | rising & ramp | regions.drawn(_enclosed(sure, regions, ~known))
    return np.asarray(translucent, dtype=np.bool_)


def _out_of_focus(smooth: Bytes, depth: Bytes, rising: Mask, keyed: Mask, steepest: Bytes) -> Mask:
    """Where a wide soft edge goes on below the depth of a sharp one, if edges of the picture are out of focus at all.

    There `smooth` rises with the depth after a third of it in the key's hue, and no step is near, as between hairs. In
    texture the same is so by chance, for less than a quarter of what rises.
    """
    deep = rising & (depth >= 3 * EDGE) & (depth < DEEPEST)
    at = np.flatnonzero(deep)
    calm = [cv2.blur(plane, (5, 5)) for plane in (smooth, depth)]
    steps = [
        cv2.Sobel(plane, cv2.CV_16S, *axis).ravel()[at].astype(np.float32)
        for plane in calm
        for axis in ((1, 0), (0, 1))
    ]
    along = steps[0] * steps[2] + steps[1] * steps[3]
    reached = cv2.dilate(depth * keyed, np.ones((2 * DEEPEST // 3 + 1,) * 2, np.uint8)).ravel()[at]
    found = along > ALONG * np.hypot(steps[0], steps[1]) * np.hypot(steps[2], steps[3])
    found &= depth.ravel()[at] < 3.0 * reached
    found &= cv2.dilate(steepest, np.ones((4 * EDGE + 1,) * 2, np.uint8)).ravel()[at] < STEP
    if 2 * np.count_nonzero(found) <= len(at):
        return np.zeros_like(deep)
    deep.ravel()[at] = found
    return deep


@dataclass(frozen=True, slots=True)
class _Regions:
    """Connected parts of a picture: `labels` numbers their pixels from 1, and 0 is what is between them."""

    labels: NDArray[np.uint16]
    count: int
    at: Indices  # where the labels are not 0; few, so that only those are looked up

    @classmethod
    def of(cls, mask: Mask) -> _Regions:
        count, labels = cv2.connectedComponents(mask.view(np.uint8), ltype=cv2.CV_16U)
        return cls(np.asarray(labels, dtype=np.uint16), count, np.flatnonzero(mask))

    def drawn(self, chosen: Mask) -> Mask:
        """The pixels of the chosen ones."""
        out = np.full(self.labels.shape, chosen[0])
        if (chosen[1:] != chosen[0]).any():
            out.ravel()[self.at] = chosen[self.labels.ravel()[self.at]]
        return out


def _enclosed(sure: Mask, regions: _Regions, asked: Mask) -> Mask:
    """For each region that is `asked` for, whether it lies within what is translucent for sure, as a highlight does in glass."""
    own = regions.drawn(asked).view(np.uint8)
    at = positions(as_bytes(cv2.subtract(own, cv2.erode(own, np.ones((3, 3), np.uint8)))))
    beside = cv2.dilate(sure.view(np.uint8), np.ones((9, 9), np.uint8)).ravel()[at] > 0
    label = regions.labels.ravel()[at]
    length, within = (np.bincount(each, minlength=len(asked)) for each in (label, label[beside]))
    return np.asarray(asked & (within > 0.5 * length), dtype=np.bool_)


def _still_rising(key_free: Bytes, depth: Bytes, factor: int) -> Mask:
    """Where `key_free` is larger within half the depth: a ramp that has not reached its plateau."""
    rising = np.zeros(key_free.shape, bool)
    for least, reach in ((3, 2), (6, 4), (12, 8), (24, 16), (48, 32)):
        radius = max(1, reach // factor)
        if radius > 4:
            small = cv2.resize(key_free, None, fx=1 / 4, fy=1 / 4, interpolation=cv2.INTER_AREA)
            kernel = np.ones((2 * (radius // 4) + 1,) * 2, np.uint8)
            size = (key_free.shape[1], key_free.shape[0])
            most = cv2.resize(cv2.dilate(small, kernel), size, interpolation=cv2.INTER_LINEAR)
        else:
            most = cv2.dilate(key_free, np.ones((2 * radius + 1,) * 2, np.uint8))
        np.copyto(rising, cv2.subtract(most, key_free) > 6, where=depth >= least)
    return rising


def definite_foreground(scene: Scene, translucent: Mask | None) -> Bytes:
    """1 where a pixel is opaque beyond doubt: deep inside, or free of key and not at the very edge."""
    key_free, depth = scene.key_free, scene.depth
    rise = cv2.subtract(cv2.dilate(key_free, np.ones((7, 7), np.uint8)), key_free)
    settled, loose, free = within(rise, 0, 12), within(rise, 0, 30), within(key_free, KEYED - 2, 255)
    definite = settled & within(depth, EDGE, 255)
    definite |= loose & within(depth, 3 * EDGE, 255)
    definite |= free & settled & within(depth, 3, 255)
    lowest = cv2.erode(key_free, np.ones((2 * EDGE + 1,) * 2, np.uint8))
    definite |= within(lowest, FAR, 255) & within(depth, EDGE + 1, 255)
    definite |= within(lowest, 45, 255) & within(depth, 3 * EDGE, 255)
    definite &= within(key_free, 25, 255) & np.uint8(1)
    if translucent is not None:
        definite[translucent] = 0
    return definite


def tinted_share(scene: Scene, definite: Bytes) -> float:
    """The share of the picture, 0..1, that one picture cannot tell from tinted glass: deep, smooth, in a tint of the key."""
    tint = within(scene.key_free, 25, KEYED - TINT) & within(scene.depth, 3 * EDGE, 255) & definite
    return cv2.countNonZero(tint) / (scene.frame[0] * scene.frame[1])


def samples(scene: Scene, translucent: Mask | None, definite: Bytes) -> Bytes:
    """1 where a pixel's colour may serve as the foreground's: definite foreground, and the peaks of thin structures."""
    if not scene.saturated:
        return definite
    highest = cv2.dilate(scene.key_free, np.ones((5, 5), np.uint8))
    flat = cv2.subtract(highest, scene.key_free) <= 3
    peak = (scene.key_free >= KEYED - 5) & flat & (scene.silhouette > 0)
    if translucent is not None:
        peak &= ~translucent
    return as_bytes(definite | peak)
