"""The measures: pixels in, one number out. Each says in its docstring what the number is and where its scale comes from."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .colors import Floats, contrast_ratio, distance, luminance, to_oklab
from .pixels import Bytes, Pixels

__all__ = [
    "background_share",
    "changed_share",
    "color_change",
    "contrast",
    "coverage",
    "detail_share",
    "edge_fault",
    "faint_share",
    "palette_share",
    "seam_ratio",
    "sharpness",
    "structure",
    "transparent_share",
]

JUST_SEEN = 0.02
"""ΔE-OK of two colours that are just told apart (CSS Color 4)."""
_LIGHTNESS = 0.225
"""Weight of lightness in spill: sharpened or outlined edges of real cut-outs shift it by up to 0.18, hue by 0.035."""
_CLEAR, _SOLID = 8, 247


def transparent_share(pixels: Pixels) -> float:
    """The share of fully transparent pixels, 0 to 1."""
    return float((pixels.alpha <= _CLEAR).mean())


def faint_share(pixels: Pixels) -> float:
    """The share of pixels that are not solid, 0 to 1."""
    return float((pixels.alpha < _SOLID).mean())


def coverage(pixels: Pixels) -> float:
    """The mean alpha, 0 to 1: the share of the picture that its subject covers."""
    return float(pixels.alpha.mean() / 255)


def edge_fault(pixels: Pixels) -> tuple[float, str]:
    """The worst fault of a cut-out's edge, 1 at its limit, and what it is.

    Spill is the colour of the old background in half-transparent edges (limit 0.045 ΔE-OK); a white rim is two pixels of
    a white ground that came along (40 % white); haze is faint alpha along the frame, where a subject seldom is (5 % of
    it); specks are crumbs of up to 30 pixels far from the subject (60 of them). Hair, glass, soft shadows, motion blur
    and outlines pass: the limits are from cut-outs with known truth, 15 subjects (2026-11).
    """
    spill, rim, haze, specks = _spill(pixels), _white_rim(pixels), _haze(pixels), _specks(pixels.alpha)
    faults = {
        f"spill of {spill:.3f} ΔE along the edge": spill / 0.045,
        f"a rim that is {rim:.0%} white": rim / 0.4,
        f"haze on {haze:.0%} of the frame": haze / 0.05,
        f"{specks} specks": specks / 60,
    }
    words, worst = max(faults.items(), key=lambda item: item[1])
    return worst, words if worst > 0 else "no spill, rim, haze or specks"


def _spill(pixels: Pixels) -> float:
    """How far, at half transparency, the colours of thin edges run from the subject's towards another colour.

    A clean edge has the subject's colour however transparent it is. A mixed one shifts in proportion to its transparency:
    the slope of that line is measured, so that hair or glass, whose edges differ throughout, are not a fault. On a hard
    edge too few pixels are half-transparent for a slope, or for an eye to see. Lightness counts less than hue: drawn
    outlines and a model's sharpening shift it too.
    """
    solid, clear = (np.asarray(m, np.uint8) for m in (pixels.alpha >= _SOLID, pixels.alpha <= _CLEAR))
    core = cv2.erode(solid, np.ones((3, 3), np.uint8), iterations=2)
    weight = cv2.blur(core.astype(np.float32), (11, 11))
    thin = cv2.min(cv2.dilate(solid, np.ones((7, 7), np.uint8)), cv2.dilate(clear, np.ones((7, 7), np.uint8)))
    edge = (thin > 0) & (weight > 0.02) & (pixels.alpha > 25) & (pixels.alpha < _SOLID)
    outline = cv2.subtract(solid, cv2.erode(solid, np.ones((3, 3), np.uint8)))
    if edge.sum() < max(50, 0.1 * outline.sum()):
        return 0.0
    lab = to_oklab(pixels.rgb)
    inside = cv2.blur(lab * core[..., None], (11, 11))[edge] / weight[edge][:, None]
    open_share = 1 - pixels.alpha[edge].astype(np.float32) / 255
    centred = open_share - open_share.mean()
    slope = ((lab[edge] - inside) * centred[:, None]).sum(axis=0) / max(float((centred**2).sum()), 1e-6)
    return max(_LIGHTNESS * abs(float(slope[0])), float(np.linalg.norm(slope[1:]))) / 2


def _white_rim(pixels: Pixels) -> float:
    """How far the outermost two pixels run to white from the colour three to six pixels inside, 0 to 1; 0 if not all do.

    An outline that was drawn is wider than that.
    """
    seen = (pixels.alpha > 127).astype(np.uint8)
    inner, outer, deep = (cv2.erode(seen, np.ones((3, 3), np.uint8), iterations=count) for count in (2, 3, 6))
    core = cv2.subtract(outer, deep)
    weight = cv2.blur(core.astype(np.float32), (15, 15))
    rim = (seen > 0) & (inner == 0) & (weight > 0.02)
    if rim.sum() < 50:
        return 0.0
    lab = to_oklab(pixels.rgb)
    inside = cv2.blur(lab * core[..., None], (15, 15))[rim] / weight[rim][:, None]
    shift, to_white = lab[rim] - inside, np.array([1, 0, 0], np.float32) - inside
    share = float((shift * to_white).sum() / max(float((to_white**2).sum()), 1e-6))
    unlike = float(((shift - share * to_white) ** 2).sum() / max(float((shift**2).sum()), 1e-6))
    visible = float(np.linalg.norm(shift.mean(axis=0))) > 0.08
    return max(share, 0.0) if unlike < 0.6 and visible else 0.0


def _haze(pixels: Pixels) -> float:
    """The share of the frame whose alpha is faint (9 to 60)."""
    frame = pixels.alpha[_frame(pixels.size)]
    return float(((frame > _CLEAR) & (frame < 60)).mean())


def _specks(alpha: Bytes) -> int:
    """How many pieces of 30 pixels or fewer lie further from anything larger than 2 % of the longer edge."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((alpha > 60).astype(np.uint8), connectivity=8)
    small = stats[:, cv2.CC_STAT_AREA] <= 30
    large = ~small
    large[0] = False
    away = cv2.distanceTransform((~large[labels]).astype(np.uint8), cv2.DIST_L2, 5) > 0.02 * max(alpha.shape)
    return int((small[np.unique(labels[away])]).sum())


def palette_share(pixels: Pixels, palette: Sequence[tuple[int, int, int]], tolerance: float) -> float:
    """The share of visible pixels whose colour is within `tolerance` (ΔE-OK) of some palette colour, 0 to 1."""
    part = pixels.thinned(1024)
    visible = part.rgb[part.alpha >= 128]
    if not len(visible):
        return 0.0
    packed, counts = np.unique(visible.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32), return_counts=True)
    colors = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=-1).astype(np.uint8)
    lab = to_oklab(colors)
    near = np.zeros(len(colors), bool)
    for color in palette:
        near |= distance(lab, to_oklab(np.array(color, np.uint8))) <= tolerance
    return float(counts[near].sum() / counts.sum())


def _frame(size: tuple[int, int]) -> NDArray[np.bool_]:
    """The outermost 2 % of a picture, at least one pixel wide."""
    width, height = size
    band = max(1, min(width, height) // 50)
    frame = np.ones((height, width), bool)
    frame[band:-band, band:-band] = False
    return frame


def background_share(pixels: Pixels, color: tuple[int, int, int] | None) -> float:
    """The share of the frame (outermost 2 %) that looks like `color`, 0 to 1; None asks for transparency."""
    frame = _frame(pixels.size)
    if color is None:
        return float((pixels.alpha[frame] <= _CLEAR).mean())
    near = distance(to_oklab(pixels.rgb[frame]), to_oklab(np.array(color, np.uint8))) <= JUST_SEEN
    return float((near & (pixels.alpha[frame] >= _SOLID)).mean())


def changed_share(original: Pixels, edited: Pixels, keep: NDArray[np.bool_]) -> float:
    """The share of the pixels in `keep` that changed by more than can be overlooked (ΔE-OK 0.06), 0 to 1. All of one size.

    A pixel counts if it differs from all its neighbours in the original too, so that a shift of half a pixel is not a change.
    """
    one, two = original.on(255), edited.on(255)
    low = cv2.erode(one, np.ones((3, 3), np.uint8)).astype(np.int16) - 10
    high = cv2.dilate(one, np.ones((3, 3), np.uint8)).astype(np.int16) + 10
    outside = ((two < low) | (two > high)).any(axis=-1)
    differs = distance(to_oklab(one), to_oklab(two)) > 0.06
    return float((outside & differs)[keep].mean()) if keep.any() else 0.0


def seam_ratio(pixels: Pixels) -> float:
    """The step from edge to opposite edge over the steps inside; about 1 for a tile.

    The worst of 16 stretches along each of the two seams counts: an object that is cut off at the border is a seam
    although most of the edge fits. A stretch is compared with the strong steps (99th percentile) across it.
    """
    image = pixels.on(255).astype(np.float32)
    return max(_seam(image), _seam(image.transpose(1, 0, 2)))


def _seam(image: Floats) -> float:
    """The seam between the last and the first column; stretches run along it."""
    if image.shape[1] < 2:
        return 0.0  # one column meets itself
    stretches = min(16, image.shape[0])
    steps = np.abs(np.diff(image, axis=1, append=image[:, :1])).mean(axis=2)
    means = np.stack([part.mean(axis=0) for part in np.array_split(steps, stretches)])
    inside = np.quantile(means[:, :-1], 0.99, axis=1)
    floor = max(4.0, float(np.median(inside)))
    return float((means[:, -1] / np.maximum(inside, floor)).max())


def contrast(pixels: Pixels, color: tuple[int, int, int] | None = None) -> float:
    """The WCAG contrast (1 to 21) of the subject with what it stands on: `color`, or the frame's own median colour.

    The subject is what is opaque; in an opaque picture, what differs visibly from the frame. Half of it has at least this
    contrast. A picture without a subject has 1.
    """
    part = pixels.thinned(1024)
    frame = part.rgb[_frame(part.size)]
    given = np.array(color, np.uint8) if color is not None else np.median(frame, axis=0).astype(np.uint8)
    subject = part.alpha >= 128
    if not part.has_alpha:
        subject = distance(to_oklab(part.rgb), to_oklab(given)) > 2 * JUST_SEEN
    if subject.mean() < 0.001:
        return 1.0
    return float(np.median(contrast_ratio(luminance(part.rgb[subject]), luminance(given))))


def sharpness(pixels: Pixels) -> float:
    """How sharp the sharpest parts are, 0 to 1: how much of the fine steps a small blur takes away.

    After Crété-Roffet and others, "The blur effect" (SPIE 2007), on the steps that matter: a picture that is blurred
    already loses little by another blur. The best quarter of 64 fields with visible steps counts, so that an
    out-of-focus background is not a fault. 0 for a picture without steps.
    """
    grey = pixels.grey().astype(np.float32)
    values = [value for axis in (0, 1) for value in _field_losses(grey, axis)]
    return float(np.quantile(values, 0.75)) if values else 0.0


def _field_losses(grey: Floats, axis: int) -> list[float]:
    """For each field of an 8 x 8 grid with visible steps along `axis`: the share of them that a blur of 9 takes away."""
    kernel = (1, 9) if axis == 0 else (9, 1)
    blurred = cv2.blur(grey, kernel)
    steps = np.abs(np.diff(grey, axis=axis))
    left = np.abs(np.diff(blurred, axis=axis))
    lost = np.maximum(steps - left, 0)
    out = []
    for one, two in zip(_fields(steps), _fields(lost), strict=True):
        strong = one > max(6.0, 0.25 * float(one.max(initial=0)))
        if strong.sum() >= 12:
            out.append(float(two[strong].sum() / one[strong].sum()))
    return out


def _fields(values: Floats) -> list[Floats]:
    return [field for row in np.array_split(values, 8) for field in np.array_split(row, 8, axis=1)]


def detail_share(pixels: Pixels) -> float:
    """The share of the picture that visibly differs from its most common colour, 0 to 1; 0 for a blank one.

    Noise is averaged out first (fields of 4 x 4 pixels); what is transparent is seen as a middle grey.
    """
    width, height = pixels.size
    shrink = 4 if min(width, height) >= 32 else 1
    lab = to_oklab(pixels.scaled(width // shrink, height // shrink).rgb)
    common = np.median(lab.reshape(-1, 3), axis=0)
    return float((distance(lab, common) > 2 * JUST_SEEN).mean())


def structure(one: Pixels, two: Pixels) -> float:
    """Structural similarity (SSIM; Wang and others, 2004) of the greys at 256 pixels, 1 for equal pictures."""
    a, b = (item.scaled(256, 256).grey().astype(np.float32) for item in (one, two))
    mean_a, mean_b = _smooth(a), _smooth(b)
    var_a, var_b = _smooth(a * a) - mean_a**2, _smooth(b * b) - mean_b**2
    both = _smooth(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float((top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean())


def _smooth(values: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float32)


def color_change(one: Pixels, two: Pixels) -> float:
    """The mean colour distance (ΔE-OK) of two pictures, each scaled to 64 x 64 fields."""
    a, b = (to_oklab(item.scaled(64, 64).rgb) for item in (one, two))
    return float(distance(a, b).mean())
