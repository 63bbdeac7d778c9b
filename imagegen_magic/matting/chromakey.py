"""Separates a subject from a flat backdrop: arrays in, arrays out.

Definite background and definite foreground are settled with whole-frame byte operations; only the pixels between them reach
the solver. Numbers are levels of 255 and pixels unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from . import unmixing
from .arrays import Bytes, Floats, Indices, Mask, as_bytes, masked, positions
from .backdrop_fit import Backdrop, estimate_backdrop
from .haze import colourless
from .nearest import NearestSubject, nearest_subject, without_spill
from .regions import Subject, definite_foreground, samples, tinted_share, translucent_regions
from .scene import Scene, colours_at, dominance_channels, find_silhouette, read_scene
from .solving import Batch, shadow_colour, solve
from .spill import Spill, despill_definite, estimate_spill
from .subsampling import even_sided, halve, refine_alpha, refine_foreground
from .window import window_of

__all__ = ["Extraction", "Subject", "extract"]

LINE_PIXELS = 400_000  # of the frame, for the haze lines; more only take time

SHADOW_PIXELS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What came out: straight `alpha` (height, width) and `foreground` (height, width, 3), both uint8.

    `tinted` is the share of the picture that was taken for opaque and may be glass; `translucent` is None where
    nothing may be translucent; `spill` the share of key light that was taken off the subject.
    """

    alpha: Bytes
    foreground: Bytes
    backdrop: Backdrop
    tinted: float
    translucent: Mask | None
    spill: float


def extract(
    image: Bytes,
    *,
    backdrop: Backdrop | None = None,
    subject: Subject = "auto",
    despill: bool = True,
) -> Extraction:
    """Alpha and clean foreground of an (height, width, 3) uint8 RGB picture on a flat backdrop."""
    backdrop = estimate_backdrop(image) if backdrop is None else backdrop
    if backdrop.compressed:
        return _extract_subsampled(image, backdrop, subject=subject, despill=despill)
    found = find_silhouette(image, backdrop)
    scene = read_scene(found, window_of(found.mask))
    translucent = translucent_regions(scene, subject)
    definite = definite_foreground(scene, translucent)
    spill, band = unmixing.at_once(
        lambda: estimate_spill(scene, definite) if despill else None, lambda: _find_band(scene, translucent, definite)
    )
    tinted = tinted_share(scene, definite) if subject == "auto" else 0.0  # else the caller has decided
    return replace(_solve(scene, translucent, definite, band, spill), backdrop=backdrop, tinted=tinted)


def _extract_subsampled(image: Bytes, backdrop: Backdrop, *, subject: Subject, despill: bool) -> Extraction:
    """As `extract` for a picture whose chroma has half the resolution: solved there, refined by the luma."""
    height, width = image.shape[:2]
    even = even_sided(image)
    small, luma = halve(even)
    coarse = backdrop.halved()
    found = extract(small, backdrop=coarse, subject=subject, despill=despill)
    alpha = refine_alpha(found.alpha, luma, found.translucent)
    foreground = refine_foreground(even, found.foreground, found.alpha, alpha, backdrop.key)
    opacity = np.rint(alpha[:height, :width] * 255).astype(np.uint8)
    foreground = masked(foreground[:height, :width], opacity)
    return replace(found, alpha=opacity, foreground=foreground, backdrop=backdrop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The pixels between definite background and definite foreground, (n,), and what their solution needs of the rest."""

    index: Indices
    subject: NearestSubject
    translucent: Mask
    colourless: Mask
    lines: Floats


def _find_band(scene: Scene, translucent: Mask | None, definite: Bytes) -> Band:
    index = positions(as_bytes(scene.silhouette & (definite ^ 1)))
    opaque = np.zeros(len(index), np.bool_)
    return Band(
        index=index,
        subject=nearest_subject(scene, samples(scene, translucent, definite), definite, index),
        translucent=opaque if translucent is None else translucent.ravel()[index],
        colourless=opaque if translucent is None else colourless(scene, translucent, index),
        lines=_lines(scene),
    )


def _solve(scene: Scene, translucent: Mask | None, definite: Bytes, band: Band, spill: Spill | None) -> Extraction:
    index = band.index
    alpha, colour = _solve_band(scene, band, spill)
    if scene.hard:
        alpha, colour = _hardened(scene, translucent, index, alpha, colour)
    opacity = scene.silhouette * np.uint8(255)
    opacity.ravel()[index] = alpha
    planes = [plane.copy() for plane in scene.planes]
    if spill is not None:
        despill_definite(scene, definite, spill, planes)
    for plane, values in zip(planes, colour, strict=True):
        plane.ravel()[index] = values
    return Extraction(
        alpha=scene.framed(opacity),
        foreground=scene.framed(as_bytes(cv2.merge([cv2.bitwise_and(plane, plane, mask=opacity) for plane in planes]))),
        backdrop=scene.backdrop,
        tinted=0.0,
        translucent=None if translucent is None else scene.framed(translucent),
        spill=0.0 if spill is None else spill.strength,
    )


def _hardened(
    scene: Scene, translucent: Mask | None, index: Indices, alpha: Bytes, colour: Bytes
) -> tuple[Bytes, Bytes]:
    """Alpha and colour of pixel art: there or not, with the picture's own colours."""
    sharp = np.ones(len(index), np.bool_) if translucent is None else ~translucent.ravel()[index]
    whole = sharp & (alpha > 127)
    own = colours_at(scene.planes, index).astype(np.uint8)
    return np.where(sharp, whole * np.uint8(255), alpha), np.where(whole, own, colour)


def _solve_band(scene: Scene, band: Band, spill: Spill | None) -> tuple[Bytes, Bytes]:
    """Alpha (n,) and foreground (3, n) of the pixels of the band."""
    index, subject = band.index, without_spill(band.subject, scene, spill)
    alpha = np.empty(len(index), np.uint8)
    colour = np.empty((3, len(index)), np.uint8)

    def batch(part: slice, shadow: Floats) -> Batch:
        at = index[part]
        return Batch(
            index=at,
            colour=colours_at(scene.planes, at),
            key=scene.backdrop.at(at, scene.image.shape),
            nearest=subject.nearest[part],
            colours=subject.colours,
            variances=subject.variances,
            shadings=subject.shadings,
            noise=np.maximum(scene.noise.at(at), np.float32(0.5)),
            channels=dominance_channels(scene.backdrop.key),
            spill=spill,
            translucent=band.translucent[part],
            colourless=band.colourless[part],
            shadow=shadow,
            scene=scene,
        )

    shadow = shadow_colour(batch(slice(None, None, len(index) // SHADOW_PIXELS + 1), np.zeros((3, 1), np.float32)))

    def work(part: slice) -> None:
        a, f = solve(batch(part, shadow), band.lines)
        alpha[part] = np.rint(a * 255).astype(np.uint8)
        colour[:, part] = np.clip(np.rint(f), 0, 255).astype(np.uint8)

    unmixing.in_chunks(len(index), work)
    return alpha, colour


def _lines(scene: Scene) -> Floats:
    """The haze lines of everything that is not backdrop."""
    step = max(1, round(np.sqrt(scene.frame[0] * scene.frame[1] / LINE_PIXELS)))
    row, column = np.divmod(positions(scene.silhouette[::step, ::step]), -(-scene.silhouette.shape[1] // step))
    index = row * (step * scene.silhouette.shape[1]) + column * step
    return unmixing.haze_lines(colours_at(scene.planes, index) - scene.backdrop.at(index, scene.image.shape))
