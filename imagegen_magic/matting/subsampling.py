"""Keys JPEG pictures at the resolution their colour really has.

With 4:2:0 subsampling each 2 x 2 block has one chroma value, interpolated on decoding; edges keep their sharpness in
the luma only. At half size the picture is an ordinary keyed one. Its alpha is brought back to full size by a local
regression on the luma (He, Sun and Tang, "Guided image filtering", TPAMI 2013) that keeps every block's mean.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Bytes, Floats, Mask, as_bytes, as_floats

WINDOW = (3, 3)
LUMA_NOISE = 4.0  # levels; what the codec adds at edges
DETAIL = 1.15  # the regression is diluted by noise in the luma
BLUR_LOSS = 0.1  # alpha lost at either end of an edge to the codec's blur; twice that where the luma is flat
CONTRAST = 30.0  # levels of deviation from which an edge is sharp in the luma
TEXTURED = 10.0  # levels of deviation around, from which a translucent region is hair and no haze
TEXTURE_WINDOW = (5, 5)
FAINT = 0.08  # opacity below which a pixel's foreground is a guess
SHADING = 12.0  # levels of luma by which neighbouring strands differ
OPACITY_DETAIL = 0.2  # deviation of the opacity from its half-size mean, where there is any
STEEP = 120  # levels of alpha within 9 pixels; less is a gradual transition
SAMPLE = 1024  # the test for subsampling looks at a window of this side
CHANGES = 200_000  # steps of its colours; more only take time


def is_subsampled(image: Bytes) -> bool:
    """True if the chroma of an (height, width, 3) uint8 picture was interpolated from half resolution (4:2:0).

    libjpeg's triangle filter makes every even chroma step the mean of half its neighbours; a real picture does not
    prefer even columns or rows to odd ones. One channel is enough: the other may be clipped, as red is on a blue backdrop.
    """
    if min(image.shape[:2]) < 8:  # a few chroma values say nothing
        return False
    top, left = ((max(0, side - SAMPLE) // 4) * 2 for side in image.shape[:2])
    window = image[top : top + SAMPLE, left : left + SAMPLE]
    usable = cv2.inRange(window, (4, 4, 4), (251, 251, 251)) > 0
    luma = cv2.cvtColor(window, cv2.COLOR_RGB2GRAY)
    for channel in (0, 2):
        chroma = np.asarray(cv2.subtract(cv2.extractChannel(window, channel), luma, dtype=cv2.CV_16S), dtype=np.int16)
        if _is_interpolated(chroma, usable) and _is_interpolated(chroma.T, usable.T):
            return True
    return False


def _is_interpolated(plane: NDArray[np.int16], usable: Mask) -> bool:
    """Whether steps from even columns are smoother than steps from odd ones, judged where the plane changes."""
    changes = cv2.absdiff(plane[:, 3:], plane[:, :-3]) > 6
    changes &= usable[:, 1:-2]
    changes &= usable[:, 2:-1]
    at = np.flatnonzero(changes)
    at = at[:: len(at) // CHANGES | 1]  # an odd step: it meets even and odd columns
    row, column = np.divmod(at, changes.shape[1])
    flat, first = plane.ravel(), row * plane.shape[1] + column
    one, two, three, four = (flat[first + step] for step in range(4))
    error = np.minimum(
        np.abs(3 * (three - two) + one - four), 60
    )  # twice the step's distance from its neighbours' mean
    odd = column % 2 == 1
    if min(np.count_nonzero(odd), np.count_nonzero(~odd)) < 100:
        return False
    return float(error[odd].mean()) <= 0.55 * float(error[~odd].mean())


def even_sided(image: Bytes) -> Bytes:
    """The picture with its last row and column repeated where their number is odd."""
    height, width = image.shape[:2]
    return as_bytes(cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE))


def halve(image: Bytes) -> tuple[Bytes, Floats]:
    """The picture at half size with the chroma as it was stored, (h/2, w/2, 3) uint8, and the full luma (h, w) float32.

    `image` has even sides. The decoder's triangle filter is inverted to first order.
    """
    ycc = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    small = cv2.resize(ycc, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA).astype(np.float32)
    small[..., 1:] += 0.5 * (small[..., 1:] - cv2.blur(small[..., 1:], WINDOW))
    rounded = np.clip(np.rint(small), 0, 255).astype(np.uint8)
    return as_bytes(cv2.cvtColor(rounded, cv2.COLOR_YCrCb2RGB)), ycc[..., 0].astype(np.float32)


def refine_alpha(alpha: Bytes, luma: Floats, translucent: Mask | None) -> Floats:
    """Alpha at full size, (h, w) float32 in 0..1, from half-size alpha: its means kept, its detail from the luma.

    Outside `translucent` regions, and in those with the texture of hair, what the codec blurred away is put back: an edge is taken to run from 0 to 1. More is lost
    where the luma shows no edge and the chroma has to.
    """
    half = as_floats(alpha.astype(np.float32) / 255)
    size = (luma.shape[1], luma.shape[0])
    guide = as_floats(cv2.resize(luma, (half.shape[1], half.shape[0]), interpolation=cv2.INTER_AREA))
    mean, mean_alpha = cv2.blur(guide, WINDOW), cv2.blur(half, WINDOW)
    variance = as_floats(cv2.blur(guide * guide, WINDOW) - mean * mean)
    slope = (cv2.blur(guide * half, WINDOW) - mean * mean_alpha) / (variance + LUMA_NOISE * LUMA_NOISE)
    detail = luma - _enlarged(guide, size)
    full = as_floats(_enlarged(half, size) + DETAIL * detail * cv2.resize(slope, size, interpolation=cv2.INTER_LINEAR))
    faint = 1 - np.clip(np.sqrt(np.maximum(variance, 0)) / CONTRAST, 0, 1)
    loss = as_floats(cv2.resize(BLUR_LOSS * (1 + faint), size, interpolation=cv2.INTER_LINEAR))
    smooth = (
        None
        if translucent is None
        else translucent & (cv2.blur(np.sqrt(np.maximum(variance, 0)), TEXTURE_WINDOW) < TEXTURED)
    )
    return _crisp(full, loss, smooth)


def refine_pair(alpha: Bytes, lumas: tuple[Floats, Floats], own: Bytes, under: tuple[float, float]) -> Floats:
    """As `refine_alpha` from two frames: `lumas` at full size, the half-size foreground `own`, the lumas `under` it.

    With d a and d F what opacity and foreground have of detail, each luma has (F - K) d a + a d F + noise of it: two
    equations, solved for the most likely d a.
    """
    half = as_floats(alpha.astype(np.float32) / 255)
    size = (lumas[0].shape[1], lumas[0].shape[0])
    smaller = [cv2.resize(luma, (half.shape[1], half.shape[0]), interpolation=cv2.INTER_AREA) for luma in lumas]
    seen = [as_floats(luma - _enlarged(as_floats(small), size)) for luma, small in zip(lumas, smaller, strict=True)]
    weight = half * (half > FAINT) + np.float32(1e-3)
    colour = cv2.blur(cv2.cvtColor(own, cv2.COLOR_RGB2GRAY) * weight, TEXTURE_WINDOW) / cv2.blur(weight, TEXTURE_WINDOW)
    colour = as_floats(cv2.resize(as_floats(colour), size, interpolation=cv2.INTER_LINEAR))
    slopes = [as_floats(colour - np.float32(key)) for key in under]
    strands = np.square(SHADING * cv2.resize(half, size, interpolation=cv2.INTER_LINEAR))
    shared = strands / (LUMA_NOISE**2 + 2 * strands)

    def product(one: list[Floats], two: list[Floats]) -> Floats:
        """The product of two columns under the inverse covariance, noise² I + (a shading)² 1 1ᵀ."""
        straight = one[0] * two[0] + one[1] * two[1]
        return as_floats((straight - shared * (one[0] + one[1]) * (two[0] + two[1])) / LUMA_NOISE**2)

    detail = product(slopes, seen) / (1 / OPACITY_DETAIL**2 + product(slopes, slopes))
    nine = np.ones((9, 9), np.uint8)
    gradual = cv2.subtract(cv2.dilate(alpha, nine), cv2.erode(alpha, nine)) < STEEP
    return _crisp(as_floats(_enlarged(half, size) + detail), as_floats(np.full_like(colour, BLUR_LOSS)), gradual)


def _crisp(full: Floats, loss: Floats, gradual: Mask | None) -> Floats:
    """Alpha with the `loss` at either end put back, except where it is `gradual` (a mask at half size)."""
    crisp = (full - loss) / (1 - 2 * loss)
    if gradual is not None and gradual.any():
        size = (full.shape[1], full.shape[0])
        crisp = np.where(cv2.resize(gradual.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0, full, crisp)
    return as_floats(np.clip(crisp, 0, 1))


def _enlarged(half: Floats, size: tuple[int, int]) -> Floats:
    """The plane at twice its size, smooth, with the mean of every 2 x 2 block as it was."""
    full = cv2.resize(half, size, interpolation=cv2.INTER_CUBIC)
    for _ in range(2):
        lost = half - cv2.resize(full, (half.shape[1], half.shape[0]), interpolation=cv2.INTER_AREA)
        full = full + cv2.resize(lost, size, interpolation=cv2.INTER_NEAREST)
    return as_floats(full)


def refine_foreground(
    image: Bytes, foreground: Bytes, half_alpha: Bytes, alpha: Floats, key: tuple[float, float, float]
) -> Bytes:
    """Foreground at full size: the picture's own colours deep inside, near edges stored chroma with unmixed luma."""
    weight = half_alpha.astype(np.float32) * (half_alpha > 20) + 0.01
    spread = cv2.blur(foreground * weight[..., None], WINDOW) / cv2.blur(weight, WINDOW)[..., None]
    calm = np.where((half_alpha > 150)[..., None], foreground, np.clip(np.rint(spread), 0, 255)).astype(np.uint8)
    ycc = cv2.resize(
        cv2.cvtColor(calm, cv2.COLOR_RGB2YCrCb), (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR
    )
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)[..., 0].astype(np.float32)
    under = float(np.dot(key, (0.299, 0.587, 0.114)))
    own = np.clip((luma - (1 - alpha) * under) / np.maximum(alpha, 0.3), 0, 255)
    ycc[..., 0] = np.where(alpha > 0.5, np.rint(own), ycc[..., 0])
    out = as_bytes(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB))
    deep = cv2.erode((half_alpha == 255).astype(np.uint8), np.ones((5, 5), np.uint8))
    inside = cv2.resize(deep, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_NEAREST) > 0
    out[inside] = image[inside]
    return out
