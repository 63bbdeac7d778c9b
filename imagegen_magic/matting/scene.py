"""Reads a picture into whole-frame byte planes: what differs from the backdrop, how deep, and how much key it carries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Bytes, Floats, Indices, Window, as_bytes, within
from .backdrop_fit import Backdrop
from .noise import NoiseMap, measure_noise
from .unmixing import at_once, in_chunks

__all__ = [
    "KEYED",
    "LEAST_STRENGTH",
    "Scene",
    "Silhouette",
    "colours_at",
    "dominance_channels",
    "find_silhouette",
    "key_strength",
    "read_scene",
]

KEYED = 100  # value of the `key_free` plane where a pixel carries no key at all
SHARP = (20, 100)  # levels from the backdrop on the two sides of an edge, five pixels wide
MIXED = (0.2, 0.7)  # of the subject's distance from the backdrop
MOST_MIXED = 0.03  # of the pixels at sharp edges
FEWEST_EDGES = 64
LEAST_NOISE = 0.3  # levels; rounding
STRIP = 64  # rows, which stay in a processor's cache from step to step
LEAST_STRENGTH = 48  # levels; a key whose channels differ by less has no dominance to tell it by


Sample = TypeVar("Sample", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silhouette:
    """What is more than backdrop, looked for all over the frame."""

    image: Bytes
    backdrop: Backdrop
    planes: list[Bytes]
    apart: Bytes  # levels from the backdrop
    mask: Bytes  # 1 where not definite background
    noise: NoiseMap


@dataclass(slots=True, kw_only=True)
class Scene:
    """The planes the steps share; all of the size of the frame's part that the subject needs."""

    frame: tuple[int, int]  # (height, width) of the whole
    window: Window  # of the frame
    image: Bytes
    backdrop: Backdrop
    planes: list[Bytes]
    silhouette: Bytes  # 1 where not definite background
    depth: Bytes  # pixels to the nearest definite background, saturating
    key_free: Bytes  # 0 pure key .. KEYED no key dominance .. above: the opposite tint
    saturated: bool
    noise: NoiseMap
    hard: bool  # no pixel at the silhouette is a mixture: pixel art

    def framed(self, part: NDArray[Sample]) -> NDArray[Sample]:
        """A plane, or colours, of the frame's size: `part` in its window, 0 elsewhere."""
        if part.shape[:2] == self.frame:
            return part
        whole = np.zeros(self.frame + part.shape[2:], part.dtype)
        whole[self.window] = part
        return whole


def find_silhouette(image: Bytes, backdrop: Backdrop) -> Silhouette:
    """Where an (height, width, 3) uint8 picture is more than its backdrop."""
    behind = backdrop.planes(image.shape)
    planes, apart = _read_planes(image, behind)
    noise = measure_noise(planes, behind, apart, max(backdrop.noise, LEAST_NOISE))
    mask = _differing(planes, behind, apart, noise, backdrop)
    return Silhouette(image=image, backdrop=backdrop, planes=planes, apart=apart, mask=mask, noise=noise)


def read_scene(found: Silhouette, window: Window) -> Scene:
    """The planes of the frame's part that `window` is."""

    def part(plane: Bytes) -> Bytes:
        return np.ascontiguousarray(plane[window])

    backdrop, frame = found.backdrop, (found.mask.shape[0], found.mask.shape[1])
    planes, silhouette = [part(plane) for plane in found.planes], part(found.mask)
    depth, (hard, (key_free, saturated)) = at_once(
        lambda: cv2.distanceTransform(silhouette, cv2.DIST_L2, 3),
        lambda: (_is_hard(part(found.apart)), _key_free(planes, backdrop)),
    )
    return Scene(
        frame=frame,
        window=window,
        image=found.image[window],
        backdrop=backdrop.behind(window, frame),
        planes=planes,
        silhouette=silhouette,
        depth=as_bytes(cv2.convertScaleAbs(depth, alpha=1.0, beta=-0.45)),  # floor
        key_free=key_free,
        saturated=saturated,
        noise=replace(found.noise, distance=part(found.noise.distance)),
        hard=hard,
    )


def _differing(planes: list[Bytes], behind: list[Bytes], apart: Bytes, noise: NoiseMap, backdrop: Backdrop) -> Bytes:
    """1 where a pixel is further from the backdrop than noise explains."""
    mask = np.empty_like(apart)
    calm = round(0.6 * backdrop.noise + 0.5)

    def work(part: slice) -> None:
        limit = noise.tolerance(part)
        if backdrop.noise < 1:
            cv2.threshold(cv2.subtract(apart[part], limit), 0, 1, cv2.THRESH_BINARY, mask[part])
            return
        # Single pixels stray, the mean of 25 does not.
        around = slice(max(0, part.start - 2), part.stop + 2)
        means = [as_bytes(cv2.blur(plane[around], (5, 5))) for plane in planes]
        local = _distance(means, [under[around] for under in behind])[part.start - around.start :]
        far = cv2.threshold(cv2.subtract(apart[part], cv2.add(limit, limit)), 0, 1, cv2.THRESH_BINARY)[1]
        cv2.bitwise_or(far, cv2.threshold(local[: len(far)], calm, 1, cv2.THRESH_BINARY)[1], mask[part])

    in_chunks(len(mask), work, size=STRIP)
    return mask


def _read_planes(image: Bytes, behind: list[Bytes]) -> tuple[list[Bytes], Bytes]:
    """The picture's channels, and how far each pixel is from the backdrop."""
    planes, apart = [np.empty(image.shape[:2], np.uint8) for _ in range(3)], np.empty(image.shape[:2], np.uint8)

    def work(part: slice) -> None:
        strip = [as_bytes(plane) for plane in cv2.split(image[part])]
        apart[part] = _distance(strip, [under[part] for under in behind])
        for plane, own in zip(planes, strip, strict=True):
            plane[part] = own

    in_chunks(len(image), work, size=STRIP)
    return planes, apart


def _is_hard(apart: Bytes) -> bool:
    """Whether sharp edges go from backdrop to subject without a step between, `apart` being the distance from the backdrop.

    Of the pixels at such edges 9 % or more are mixtures if the edges are smoothed, and at most 1 % in pixel art.
    """
    five = np.ones((5, 5), np.uint8)
    highest = as_bytes(cv2.dilate(apart, five))
    edge = within(highest, SHARP[1], 255) & within(cv2.erode(apart, five), 0, SHARP[0])
    count = cv2.countNonZero(edge)
    low, high = (as_bytes(cv2.convertScaleAbs(highest, alpha=part)) for part in MIXED)
    mixed = as_bytes(cv2.compare(apart, low, cv2.CMP_GT)) & as_bytes(cv2.compare(apart, high, cv2.CMP_LT)) & edge
    return count >= FEWEST_EDGES and cv2.countNonZero(mixed) <= MOST_MIXED * count


def _distance(planes: list[Bytes], behind: list[Bytes]) -> Bytes:
    """The largest channel difference, (height, width) uint8."""
    one, two, three = (cv2.absdiff(plane, under) for plane, under in zip(planes, behind, strict=True))
    return as_bytes(cv2.max(cv2.max(one, two), three))


def dominance_channels(key: tuple[float, float, float]) -> tuple[list[int], list[int]]:
    """The key's bright and dark channels (helper's rule: from 128 up); one list is empty for grey-ish keys."""
    return [c for c in range(3) if key[c] >= 128], [c for c in range(3) if key[c] < 128]


def key_strength(key: tuple[float, float, float]) -> float:
    """The key's dominance, levels: how far its bright channels are above its dark ones; none for white, grey and black."""
    bright, dark = dominance_channels(key)
    return max(0.0, min((key[c] for c in bright), default=0.0) - max((key[c] for c in dark), default=255.0))


def _key_free(planes: list[Bytes], backdrop: Backdrop) -> tuple[Bytes, bool]:
    """How far each pixel is from carrying the key's dominance, 0..200, and whether the key has any."""
    bright, dark = dominance_channels(backdrop.key)
    strength = key_strength(backdrop.key)
    if strength < LEAST_STRENGTH:
        return np.full(planes[0].shape, KEYED, np.uint8), False
    low = planes[bright[0]] if len(bright) == 1 else cv2.min(planes[bright[0]], planes[bright[1]])
    high = planes[dark[0]] if len(dark) == 1 else cv2.max(planes[dark[0]], planes[dark[1]])
    scale = KEYED / strength
    return as_bytes(cv2.addWeighted(high, scale, low, -scale, KEYED)), True


def colours_at(planes: list[Bytes], index: Indices) -> Floats:
    """The pixels with these flat indices, (3, n) float32."""
    out = np.empty((3, len(index)), np.float32)
    for row, plane in zip(out, planes, strict=True):
        row[:] = plane.ravel()[index]
    return out
