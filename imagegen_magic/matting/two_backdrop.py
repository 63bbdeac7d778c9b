"""Solves alpha from one subject in front of two backdrops: true opacity for glass, smoke and soft shadow.

C1 - C2 = (1 - a) (K1 - K2): three equations for one unknown (Smith and Blinn, "Blue screen matting", SIGGRAPH 1996).
A second frame that a model has painted is never quite the first one: it is aligned to a fraction of a pixel, and what
contradicts the equation measures how much of the subject was changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from . import chromakey
from .arrays import Bytes, Floats, Mask, as_bytes, as_floats, masked
from .backdrop_fit import Backdrop
from .spill import shade, spill_weight
from .subsampling import even_sided, halve, refine_foreground, refine_pair
from .unmixing import LUMA

if TYPE_CHECKING:
    from cv2.typing import MatLike

LEAST_SHIFT = 0.2  # pixels; less is within the error of the estimate and not worth an interpolation
MOST_SHIFT = 0.1  # of the side
ALIGNED = 1600  # pixels of the longest edge at which frames are compared
MOST_SPILL = 0.35
LEAST_OPAQUE = 0.95  # opacity of what one frame by itself shows as opaque; less is a gradual edge or glass

__all__ = ["Difference", "align", "extract_difference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two frames gave: `alpha` and `foreground` as of one frame, and how well the frames agreed.

    `shift` is the second frame's offset (x, y) in pixels that was corrected; `change` the subject's mean change between
    the frames, levels of 255, where it is opaque in both and beyond what opacity or key light explain; `contradiction` the share of the subject whose two colours no
    opacity explains.
    """

    alpha: Bytes
    foreground: Bytes
    shift: tuple[float, float]
    change: float
    contradiction: float


def align(first: Bytes, second: Bytes, apart: Floats) -> tuple[float, float]:
    """The offset (x, y) in pixels of the second frame against the first, to about a tenth of a pixel.

    Whatever the opacity and the key light, C1 - C2 is a multiple of `apart` = K1 - K2, (3,): across it, the frames are
    equal pictures. Those are compared.
    """
    factor = -(-max(first.shape[:2]) // ALIGNED)
    one, two = (_across(frame, apart, factor) for frame in (first, second))
    strongest = int(one.std(axis=(0, 1)).argmax())
    start = _coarse_shift(one[..., strongest], two[..., strongest])
    x, y = _refined_shift(one, two, *start)
    return factor * x, factor * y


def _across(frame: Bytes, apart: Floats, factor: int) -> Floats:
    """The frame's two components at right angles to `apart`, (height / factor, width / factor, 2)."""
    direction = np.linalg.svd(apart[None].astype(np.float64))[2][1:]
    size = (frame.shape[1] // factor, frame.shape[0] // factor)
    small = frame if factor == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return as_floats(cv2.transform(small.astype(np.float32), direction))


def _coarse_shift(one: Floats, two: Floats) -> tuple[float, float]:
    """The offset by phase correlation; none where it is improbably large."""
    window = cv2.createHanningWindow((one.shape[1], one.shape[0]), cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(cv2.GaussianBlur(one, (0, 0), 1), cv2.GaussianBlur(two, (0, 0), 1), window)
    far = abs(x) > MOST_SHIFT * one.shape[1] or abs(y) > MOST_SHIFT * one.shape[0]
    return (0.0, 0.0) if far else (x, y)


def _refined_shift(one: Floats, two: Floats, x: float, y: float) -> tuple[float, float]:
    """Gauss-Newton steps on the squared difference of the pictures, from (x, y)."""
    smooth, other = as_floats(cv2.GaussianBlur(one, (0, 0), 1.5)), as_floats(cv2.GaussianBlur(two, (0, 0), 1.5))
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    normal = np.array([[(across * across).sum(), (across * down).sum()], [(across * down).sum(), (down * down).sum()]])
    if np.linalg.det(normal) <= 0:
        return 0.0, 0.0
    for _ in range(6):
        error = _shifted(other, x, y) - smooth
        step = np.linalg.solve(normal, np.array([(across * error).sum(), (down * error).sum()]))
        x, y = x - float(step[0]), y - float(step[1])
        if np.abs(step).max() < 0.01:
            break
    if float(np.square(_shifted(other, x, y) - smooth).mean()) > 0.9 * float(np.square(other - smooth).mean()):
        return 0.0, 0.0  # what differs is not explained by a shift
    return x, y


def _shifted(image: Bytes | Floats, x: float, y: float) -> MatLike:
    """The picture moved back by (x, y) pixels, with cubic interpolation."""
    matrix = np.array([[1, 0, x], [0, 1, y]], dtype=np.float64)
    size = (image.shape[1], image.shape[0])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def extract_difference(first: Bytes, second: Bytes, backdrops: tuple[Backdrop, Backdrop]) -> Difference:
    """Alpha and foreground from two (height, width, 3) uint8 frames of the same size on different backdrops."""
    if any(backdrop.compressed for backdrop in backdrops):
        return _extract_subsampled(first, second, backdrops)
    one, two = (chromakey.extract(frame, backdrop=b) for frame, b in zip((first, second), backdrops, strict=True))
    shift = align(first, second, as_floats(np.subtract(backdrops[0].key, backdrops[1].key)))
    keys = [_surface(backdrop, first.shape) for backdrop in backdrops]
    if max(map(abs, shift)) > LEAST_SHIFT:
        second, keys[1] = as_bytes(_shifted(second, *shift)), as_floats(_shifted(keys[1], *shift))
        two = replace(two, alpha=as_bytes(_shifted(two.alpha, *shift)), certain=as_bytes(_shifted(two.certain, *shift)))
    pair = _Pair(first=first, second=second, keys=(keys[0], keys[1]), noise=max(b.noise for b in backdrops))
    return replace(_solve(pair, one, two), shift=shift)


def _solve(pair: _Pair, one: chromakey.Extraction, two: chromakey.Extraction) -> Difference:
    """The cut-out of two aligned frames, given what each gives by itself."""
    alpha, contrary = pair.triangulate()
    opaque = (one.certain > 0) & (two.certain > 0) & (alpha > 0.7)
    clear = (one.alpha <= 2) & (two.alpha <= 2) & (alpha < 0.1)
    spill = pair.spill(alpha, opaque, clear)
    alpha = np.clip(alpha / np.maximum(1 - spill, 0.5), 0, 1)
    opaque &= alpha > LEAST_OPAQUE
    alpha = as_floats(np.where(opaque, 1, np.where(clear, 0, alpha)))
    lit = spill[..., None] * pair.keys[0]
    foreground = np.where(opaque[..., None], pair.one - lit, pair.foreground(alpha, spill))
    subject = alpha > 0.1
    both = (one.certain > 0) & (two.certain > 0)
    change = float(contrary[both].mean()) if both.any() else 0.0
    odd = float((contrary[subject] > 24 + 4 * pair.noise).mean()) if subject.any() else 0.0
    opacity = np.rint(alpha * 255).astype(np.uint8)
    return Difference(
        alpha=opacity,
        foreground=masked(np.clip(np.rint(foreground), 0, 255).astype(np.uint8), opacity),
        shift=(0.0, 0.0),
        change=change,
        contradiction=odd,
    )


class _Pair:
    """Two aligned frames as float arrays (height, width, 3), and the equations between them."""

    def __init__(self, *, first: Bytes, second: Bytes, keys: tuple[Floats, Floats], noise: float) -> None:
        self.one, self.two = first.astype(np.float32), second.astype(np.float32)
        self.keys, self.noise = keys, noise
        self.apart = keys[0] - keys[1]
        self.difference = self.one - self.two

    def triangulate(self) -> tuple[Floats, Floats]:
        """Opacity (height, width) and the largest channel residual, levels, that it leaves."""
        power = np.maximum((self.apart * self.apart).sum(axis=2), 1)
        alpha = np.clip(1 - (self.difference * self.apart).sum(axis=2) / power, 0, 1)
        contrary = np.abs(self.difference - (1 - alpha)[..., None] * self.apart).max(axis=2)
        return alpha, contrary

    def spill(self, alpha: Floats, opaque: Mask, clear: Mask) -> Floats:
        """Share of key light on the subject (height, width): what differs between the frames although opaque."""
        nothing = np.zeros(alpha.shape, np.float32)
        if opaque.sum() < 500:
            return nothing
        shades = shade(as_floats(self.two @ LUMA))
        best: tuple[float, Floats] | None = None
        for radius in (5, 7, 10, 14):
            weight = spill_weight(clear.astype(np.float32), radius)
            shape = as_floats(weight * shades)
            x, y = shape[opaque], 1 - alpha[opaque]
            strength = float((x * y).sum() / max(float((x * x).sum()), 1e-6))
            error = float(np.abs(y - strength * x).mean())
            if strength > MOST_SPILL:
                continue
            if best is None or error < best[0]:
                best = (error, as_floats(strength * shape))
        if best is None:
            return nothing
        explained = 1 - best[0] / max(float((1 - alpha[opaque]).mean()), 1e-6)
        return best[1] if explained > 0.5 and float(best[1].max()) > 0.02 else nothing

    def foreground(self, alpha: Floats, spill: Floats) -> Floats:
        """Least-squares foreground of both frames, (height, width, 3), without the spill."""
        both = self.keys[0] + self.keys[1]
        mixed = self.one + self.two - (1 - alpha)[..., None] * both
        lit = mixed / (2 * np.maximum(alpha, 0.02))[..., None]
        return as_floats(np.clip(lit - 0.5 * spill[..., None] * both, 0, 255))


def _extract_subsampled(first: Bytes, second: Bytes, backdrops: tuple[Backdrop, Backdrop]) -> Difference:
    """As `extract_difference` at the resolution of JPEG chroma, refined by the lumas of both."""
    height, width = first.shape[:2]
    frames = [even_sided(frame) for frame in (first, second)]
    halves = [halve(frame) for frame in frames]
    coarse = [backdrop.halved() for backdrop in backdrops]
    found = extract_difference(halves[0][0], halves[1][0], (coarse[0], coarse[1]))
    under = [float(np.dot(backdrop.key, LUMA)) for backdrop in backdrops]
    x, y = found.shift
    lumas = halves[0][1], as_floats(_shifted(halves[1][1], 2 * x, 2 * y)) if x or y else halves[1][1]
    alpha = refine_pair(found.alpha, lumas, found.foreground, (under[0], under[1]))
    colour = refine_foreground(frames[0], found.foreground, found.alpha, alpha, backdrops[0].key)
    out = np.rint(alpha[:height, :width] * 255).astype(np.uint8)
    return replace(found, alpha=out, foreground=masked(colour[:height, :width], out), shift=(2 * x, 2 * y))


def _surface(backdrop: Backdrop, shape: tuple[int, ...]) -> Floats:
    return np.asarray(cv2.resize(backdrop.grid, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
