"""Solves alpha from one subject in front of two backdrops: true opacity for glass, smoke and soft shadow.

C1 - C2 = (1 - a) (K1 - K2): three equations for one unknown (Smith and Blinn, "Blue screen matting", SIGGRAPH 1996).
A second frame that a model has painted is never quite the first one: it is aligned to a fraction of a pixel, and what
contradicts the equation measures how much of the subject was changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from . import unmixing
from .alignment import align, shifted
from .arrays import Bytes, Floats, Indices, Mask, as_bytes, as_floats, masked, median, positions
from .backdrop_fit import Backdrop
from .regions import definite_foreground, translucent_regions
from .scene import Scene, colours_at, find_silhouette, read_scene
from .spill import shade, spill_weight
from .subsampling import even_sided, halve, refine_foreground, refine_pair
from .unmixing import LUMA
from .window import window_of

LEAST_SHIFT = 0.2  # pixels; less is within the error of the estimate and not worth an interpolation
LEAST_SPILL, MOST_SPILL = 0.02, 0.35
UNEXPLAINED = 0.5  # share of what opaque pixels miss, squared
THIN = 1024  # pixels of the longest edge at which spill is looked for
REACHES = (5, 7, 10, 14)  # pixels of that frame
FEWEST = 500  # opaque pixels; fewer say nothing about light
CROSSING, LIT = 0.6, 0.96  # opacity that key light alone leaves at an opaque pixel, and where there is all but none
STEEPEST_LIGHT = 0.026  # opacity a pixel; 0.004 to 0.02 in key light, 0.03 and more in blur
TINTED = 0.7  # opacity that key light may pretend on an opaque subject
LEAST_OPAQUE = 0.95  # opacity of what one frame by itself shows as opaque; less is a gradual edge or glass
SIGNIFICANT = np.float32(3)  # times the noise: less of a subject is none
FAINT = 0.1  # opacity
CONTRARY = np.float32(24)  # levels beyond noise that no opacity explains

__all__ = ["Difference", "extract_difference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two frames gave: `alpha` and `foreground` as of one frame, and how well the frames agreed.

    `shift` is the second frame's offset (x, y) in pixels that was corrected; `change` the subject's mean change between
    the frames, levels of 255, where it is opaque in both and beyond what opacity or key light explain; `contradiction`
    the share of the subject whose two colours no opacity explains.
    """

    alpha: Bytes
    foreground: Bytes
    shift: tuple[float, float]
    change: float
    contradiction: float


def extract_difference(first: Bytes, second: Bytes, backdrops: tuple[Backdrop, Backdrop]) -> Difference:
    """Alpha and foreground from two (height, width, 3) uint8 frames of the same size on different backdrops."""
    if any(backdrop.compressed for backdrop in backdrops):
        return _extract_subsampled(first, second, backdrops)
    shift = align(first, second, as_floats(np.subtract(backdrops[0].key, backdrops[1].key)))
    if max(map(abs, shift)) > LEAST_SHIFT:
        second = as_bytes(shifted(second, *shift))
    one, two = unmixing.at_once(
        lambda: find_silhouette(first, backdrops[0]), lambda: find_silhouette(second, backdrops[1])
    )
    window = window_of(one.mask | two.mask)
    pair = _Pair(*unmixing.at_once(lambda: read_scene(one, window), lambda: read_scene(two, window)))
    return replace(pair.solved(), shift=shift)


class _Pair:
    """Two aligned frames and the equations between them, for every pixel that either shows as more than backdrop."""

    def __init__(self, one: Scene, two: Scene) -> None:
        self.scenes = (one, two)
        self.index = positions(one.silhouette | two.silhouette)
        found = unmixing.at_once(lambda: _definite(one), lambda: _definite(two))
        self.definite = (found[0][0] & found[1][0]).ravel()[self.index] > 0
        self.hard = one.hard and two.hard and not (found[0][1] or found[1][1])

    def solved(self) -> Difference:
        """The cut-out, and how well the frames agree."""
        alpha, contrary = self._triangulated()
        spill = self._spill(alpha, self.definite & (alpha > TINTED))
        opacity, planes = self._unmixed(alpha, spill)
        return Difference(
            alpha=self.scenes[0].framed(opacity),
            foreground=self.scenes[0].framed(
                as_bytes(cv2.merge([cv2.bitwise_and(plane, plane, mask=opacity) for plane in planes]))
            ),
            shift=(0.0, 0.0),
            change=self._change(contrary, self.definite),
            contradiction=self._contradiction(contrary, alpha > FAINT),
        )

    def _noise(self, index: Indices) -> Floats:
        """The larger noise of the two frames, (n,) levels."""
        return as_floats(np.maximum(*(scene.noise.at(index) for scene in self.scenes)))

    def _change(self, contrary: Floats, definite: Mask) -> float:
        """What differs of the opaque subject beyond opacity and noise, levels on average; 0 if too little is opaque to say."""
        if definite.sum() < FEWEST:
            return 0.0
        return float(np.maximum(contrary[definite] - SIGNIFICANT * self._noise(self.index[definite]), 0).mean())

    def _contradiction(self, contrary: Floats, subject: Mask) -> float:
        """The share of the subject whose two colours no opacity explains."""
        far = contrary[subject] > CONTRARY + 4 * self._noise(self.index[subject])
        return float(far.mean()) if subject.any() else 0.0

    def _seen(self, at: Indices) -> tuple[Floats, Floats, Floats, Floats]:
        """The colours of both frames and the backdrops behind them, (3, n) each."""
        one, two = (colours_at(scene.planes, at) for scene in self.scenes)
        first, second = (scene.backdrop.at(at, scene.image.shape) for scene in self.scenes)
        return one, two, first, second

    def _triangulated(self) -> tuple[Floats, Floats]:
        """Opacity (n,) and the largest channel residual, levels, that it leaves."""
        alpha, contrary = np.empty(len(self.index), np.float32), np.empty(len(self.index), np.float32)

        def work(part: slice) -> None:
            one, two, first, second = self._seen(self.index[part])
            apart, difference = as_floats(first - second), as_floats(one - two)
            power = np.maximum(unmixing.dot(apart, apart), np.float32(1))
            clear = np.clip(unmixing.dot(difference, apart) / power, 0, 1)
            alpha[part] = 1 - clear
            contrary[part] = unmixing.largest(as_floats(np.abs(difference - clear * apart)))

        unmixing.in_chunks(len(self.index), work)
        return alpha, contrary

    def _unmixed(self, alpha: Floats, spill: Floats | None) -> tuple[Bytes, list[Bytes]]:
        """The alpha plane and the foreground's planes: least squares over both frames, without the spill."""
        planes = [np.zeros(self.scenes[0].silhouette.shape, np.uint8) for _ in range(4)]

        def work(part: slice) -> None:
            at = self.index[part]
            one, two, first, second = self._seen(at)
            lit = np.float32(0) if spill is None else spill[part]
            own = self._settled(as_floats(alpha[part] / np.maximum(1 - lit, 0.5)), at, self.definite[part])
            both = first + second
            mixed = (one + two - (1 - own) * both) / (2 * np.maximum(own, np.float32(0.02)))
            colour = np.where(own == 1, one - lit * first, mixed - np.float32(0.5) * lit * both)
            for plane, values in zip(planes, (*colour, own * 255), strict=True):
                plane.ravel()[at] = np.clip(np.rint(values), 0, 255)

        unmixing.in_chunks(len(self.index), work)
        return planes[3], planes[:3]

    def _settled(self, alpha: Floats, at: Indices, definite: Mask) -> Floats:
        """The opacity with what noise explains taken for nothing, and what is opaque in both frames for opaque."""
        keys = np.subtract(*(np.array(scene.backdrop.key, np.float32) for scene in self.scenes))
        noise = self._noise(at) * np.float32(np.sqrt(2))
        least = SIGNIFICANT * noise / np.float32(np.linalg.norm(keys))
        alpha = np.where(
            definite & (alpha > LEAST_OPAQUE), np.float32(1), np.where(alpha < least, np.float32(0), alpha)
        )
        return as_floats(np.rint(alpha) if self.hard else np.clip(alpha, 0, 1))

    def _spill(self, alpha: Floats, opaque: Mask) -> Floats | None:
        """Share of key light on the subject, (n,): what differs between the frames although opaque; None if there is none."""
        height, width = self.scenes[0].silhouette.shape
        step = max(1, round(max(self.scenes[0].frame) / THIN))
        known, solid = np.zeros((height, width), np.float32), np.zeros((height, width), np.bool_)
        known.ravel()[self.index], solid.ravel()[self.index] = alpha, opaque
        thin = (slice(step // 2, None, step),) * 2
        shades = shade(as_floats(self.scenes[1].image[thin] @ LUMA))
        if _is_blurred(known[thin], solid[thin]):
            return None
        weight = _reflected(1 - known[thin], solid[thin], shades)
        if weight is None:
            return None
        full = as_floats(cv2.resize(weight, (width, height), interpolation=cv2.INTER_LINEAR)).ravel()[self.index]
        return full * shade(LUMA @ colours_at(self.scenes[1].planes, self.index))


def _definite(scene: Scene) -> tuple[Bytes, bool]:
    """Where one frame by itself shows the subject as opaque, and whether it has translucent regions."""
    translucent = translucent_regions(scene, "auto", defocus=False)
    return definite_foreground(scene, translucent), translucent is not None


def _is_blurred(alpha: Floats, opaque: Mask) -> bool:
    """Whether what opaque pixels miss is a blurred edge: there alpha falls steeply, while key light fades over ten pixels."""
    away = cv2.erode(alpha, np.ones((5, 5), np.uint8)) > CROSSING  # from sharp edges
    at = opaque & (alpha < LIT) & away
    smooth = cv2.blur(alpha, (3, 3))
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    return bool(at.sum() >= FEWEST // 10) and median(np.hypot(across[at], down[at])) > STEEPEST_LIGHT


def _reflected(missing: Floats, opaque: Mask, shades: Floats) -> Floats | None:
    """Strength times weight of the light that explains best what opaque pixels miss of opacity; None if none does."""
    if opaque.sum() < FEWEST:
        return None
    exposed, y = as_floats(np.where(opaque, np.float32(0), missing)), missing[opaque]
    best: tuple[float, Floats] | None = None
    for radius in REACHES:
        weight = spill_weight(exposed, radius)
        x = (weight * shades)[opaque]
        strength = float(x @ y) / max(float(x @ x), 1e-6)
        left = float(np.square(y - strength * x).sum()) / max(float(y @ y), 1e-6)
        if LEAST_SPILL < strength <= MOST_SPILL and left < UNEXPLAINED and (best is None or left < best[0]):
            best = left, as_floats(strength * weight)
    return best[1] if best else None


def _extract_subsampled(first: Bytes, second: Bytes, backdrops: tuple[Backdrop, Backdrop]) -> Difference:
    """As `extract_difference` at the resolution of JPEG chroma, refined by the lumas of both."""
    height, width = first.shape[:2]
    frames = [even_sided(frame) for frame in (first, second)]
    halves = [halve(frame) for frame in frames]
    coarse = [backdrop.halved() for backdrop in backdrops]
    found = extract_difference(halves[0][0], halves[1][0], (coarse[0], coarse[1]))
    under = [float(np.dot(backdrop.key, LUMA)) for backdrop in backdrops]
    x, y = found.shift
    lumas = halves[0][1], as_floats(shifted(halves[1][1], 2 * x, 2 * y)) if x or y else halves[1][1]
    alpha = refine_pair(found.alpha, lumas, found.foreground, (under[0], under[1]))
    colour = refine_foreground(frames[0], found.foreground, found.alpha, alpha, backdrops[0].key)
    out = np.rint(alpha[:height, :width] * 255).astype(np.uint8)
    return replace(found, alpha=out, foreground=masked(colour[:height, :width], out), shift=(2 * x, 2 * y))
