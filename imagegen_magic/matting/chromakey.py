"""Separates a subject from a flat backdrop: arrays in, arrays out.

Certain backdrop and certain subject are settled with whole-frame byte operations; only the pixels between them reach
the solver in `unmixing`. Numbers are levels of 255 and pixels unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from . import unmixing
from .backdrop_fit import Backdrop, estimate_backdrop
from .subsampling import LUMA_NOISE, halve, refine_alpha, refine_foreground

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Floats = NDArray[np.float32]
    Indices = NDArray[np.intp]
    Mask = NDArray[np.bool_]

Subject = Literal["opaque", "translucent"]

TEXTURE = 28  # levels by which a subject's colour may differ from its neighbour's
EDGE = 4  # a sharp edge is at most this wide
ENOUGH = 40_000  # pixels for a robust slope; more only take time
LARGE = 1600  # pixels of the longest edge above which distances are measured on half the grid
KEYED = 100  # value of the `neutrality` plane where a pixel carries no key at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What came out: straight `alpha` (height, width) and `foreground` (height, width, 3), both uint8."""

    alpha: Bytes
    foreground: Bytes
    certain: Bytes  # 1 where the subject is opaque beyond doubt
    backdrop: Backdrop
    tinted: float
    soft: Mask | None
    spill: float


@dataclass(slots=True, kw_only=True)
class _Scene:
    """The planes the steps share; all of the frame's size."""

    image: Bytes
    backdrop: Backdrop
    planes: list[Bytes]
    behind: list[Bytes]
    solid: Bytes  # 1 where not certain backdrop
    depth: Bytes  # pixels to the nearest certain backdrop, saturating
    neutrality: Bytes  # 0 pure key .. KEYED no key dominance .. above: the opposite tint
    saturated: bool


def extract(
    image: Bytes,
    *,
    backdrop: Backdrop | None = None,
    subject: Subject = "opaque",
    despill: bool = True,
) -> Extraction:
    """Alpha and clean foreground of an (height, width, 3) uint8 RGB picture on a flat backdrop."""
    backdrop = estimate_backdrop(image) if backdrop is None else backdrop
    if backdrop.compressed:
        return _extract_subsampled(image, backdrop, subject=subject, despill=despill)
    scene = _read_scene(image, backdrop)
    soft = _soft_regions(scene, subject)
    certain = _certain_subject(scene, soft)
    spill = _estimate_spill(scene, certain) if despill else None
    return _solve(scene, soft, certain, spill)


def _extract_subsampled(image: Bytes, backdrop: Backdrop, *, subject: Subject, despill: bool) -> Extraction:
    """As `extract` for a picture whose chroma has half the resolution: solved there, refined by the luma."""
    height, width = image.shape[:2]
    even = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    small, luma = halve(even)
    coarse = replace(backdrop, compressed=False, noise=max(backdrop.noise, LUMA_NOISE))
    found = extract(small, backdrop=coarse, subject=subject, despill=despill)
    alpha = refine_alpha(found.alpha, luma, found.soft)
    foreground = refine_foreground(even, found.foreground, found.alpha, alpha, backdrop.key)
    opacity = np.rint(alpha[:height, :width] * 255).astype(np.uint8)
    foreground = np.ascontiguousarray(foreground[:height, :width])
    foreground = cv2.bitwise_and(foreground, foreground, mask=opacity)
    return replace(found, alpha=opacity, foreground=foreground, backdrop=backdrop)


def _read_scene(image: Bytes, backdrop: Backdrop) -> _Scene:
    planes = list(cv2.split(image))
    behind = backdrop.planes(image.shape)
    tolerance = backdrop.tolerance
    calm = round(0.6 * backdrop.noise + 0.5)
    apart = _distance(planes, behind)
    if backdrop.noise < 1:
        solid = cv2.threshold(apart, tolerance, 1, cv2.THRESH_BINARY)[1]
    else:  # single pixels stray, the mean of 25 does not
        local = _distance([cv2.blur(plane, (5, 5)) for plane in planes], behind)
        solid = cv2.threshold(apart, 2 * tolerance, 1, cv2.THRESH_BINARY)[1]
        solid |= cv2.threshold(local, calm, 1, cv2.THRESH_BINARY)[1]
    depth = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    depth = cv2.convertScaleAbs(depth, alpha=1.0, beta=-0.45)  # floor
    neutrality, saturated = _neutrality(planes, backdrop)
    return _Scene(
        image=image,
        backdrop=backdrop,
        planes=planes,
        behind=behind,
        solid=solid,
        depth=depth,
        neutrality=neutrality,
        saturated=saturated,
    )


def _distance(planes: list[Bytes], behind: list[Bytes]) -> Bytes:
    """The largest channel difference, (height, width) uint8."""
    one, two, three = (cv2.absdiff(plane, under) for plane, under in zip(planes, behind, strict=True))
    return cv2.max(cv2.max(one, two), three)


def dominance_channels(key: tuple[float, float, float]) -> tuple[list[int], list[int]]:
    """The key's bright and dark channels (helper's rule: from 128 up); one list is empty for grey-ish keys."""
    return [c for c in range(3) if key[c] >= 128], [c for c in range(3) if key[c] < 128]


def _neutrality(planes: list[Bytes], backdrop: Backdrop) -> tuple[Bytes, bool]:
    """How far each pixel is from carrying the key's dominance, 0..200, and whether the key has any."""
    bright, dark = dominance_channels(backdrop.key)
    strength = min((backdrop.key[c] for c in bright), default=0.0) - max((backdrop.key[c] for c in dark), default=255.0)
    if strength < 48:
        return np.full(planes[0].shape, KEYED, np.uint8), False
    low = planes[bright[0]] if len(bright) == 1 else cv2.min(planes[bright[0]], planes[bright[1]])
    high = planes[dark[0]] if len(dark) == 1 else cv2.max(planes[dark[0]], planes[dark[1]])
    scale = KEYED / strength
    return cv2.addWeighted(high, scale, low, -scale, KEYED), True


def _soft_regions(scene: _Scene, subject: Subject) -> Mask | None:
    """Where smoke, glass, shadow or blur may make deep pixels partly transparent; None where nowhere.

    Seeds are deep pixels close to the key in hue. From them the region grows as long as colours change gradually and
    the key is still in them; a sharp step (the edge of an opaque subject) stops it.
    """
    if not scene.saturated:
        return None
    factor = 2 if max(scene.image.shape[:2]) > 1600 else 1
    neutral, depth = scene.neutrality, scene.depth
    if factor > 1:
        size = (neutral.shape[1] // factor, neutral.shape[0] // factor)
        neutral = cv2.resize(neutral, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        depth = cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)  # type: ignore[assignment]
    seed = (neutral < 40) & (depth >= 3)
    if subject == "opaque" and int(seed.sum()) < 9:
        return None
    smooth = cv2.blur(neutral, (3, 3))
    rising = _still_rising(smooth, depth, factor)
    keyed = ((neutral < KEYED - 4) | rising) & (depth >= 2)
    if subject == "translucent":
        soft = keyed
    else:
        steep = cv2.max(
            cv2.convertScaleAbs(cv2.Sobel(smooth, cv2.CV_16S, 1, 0)),
            cv2.convertScaleAbs(cv2.Sobel(smooth, cv2.CV_16S, 0, 1)),
        )
        passable = keyed & (steep < 72)
        count, labels = cv2.connectedComponents((passable | seed).astype(np.uint8), ltype=cv2.CV_16U)
        seeds = np.bincount(labels[seed], minlength=count)
        plateau = keyed & ~rising & (neutral >= 40) & (neutral < KEYED - 4)
        area = np.bincount(labels.ravel(), minlength=count)
        flat = np.bincount(labels[plateau], minlength=count)
        reached = seeds > 8
        reached[0] = False
        tinted = (
            reached & (flat > 4 * seeds) & (flat > 0.5 * area)
        )  # an opaque subject in a tint of the key, out of focus at its edge
        soft = cv2.dilate(reached[labels].astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & keyed
        if tinted.any():
            soft &= (depth < 3 * EDGE) & rising | (neutral < 40) | ~tinted[labels]
    if factor > 1:
        full = (scene.image.shape[1], scene.image.shape[0])
        soft = cv2.resize(soft.astype(np.uint8), full, interpolation=cv2.INTER_NEAREST).astype(bool) & (scene.solid > 0)
    return soft if soft.any() else None


def _still_rising(neutral: Bytes, depth: Bytes, factor: int) -> Mask:
    """Where a larger neutrality lies within half the depth: a ramp that has not reached its plateau."""
    rising = np.zeros(neutral.shape, bool)
    for least, reach in ((3, 2), (6, 4), (12, 8), (24, 16), (48, 32)):
        radius = max(1, reach // factor)
        if radius > 4:
            small = cv2.resize(neutral, None, fx=1 / 4, fy=1 / 4, interpolation=cv2.INTER_AREA)
            kernel = np.ones((2 * (radius // 4) + 1,) * 2, np.uint8)
            size = (neutral.shape[1], neutral.shape[0])
            most = cv2.resize(cv2.dilate(small, kernel), size, interpolation=cv2.INTER_LINEAR)
        else:
            most = cv2.dilate(neutral, np.ones((2 * radius + 1,) * 2, np.uint8))
        at = depth >= least
        rising = np.where(at, cv2.subtract(most, neutral) > 6, rising)
    return rising


def _certain_subject(scene: _Scene, soft: Mask | None) -> Bytes:
    """1 where a pixel is opaque beyond doubt: deep inside, or free of key and not at the very edge."""
    highest = cv2.dilate(scene.neutrality, np.ones((7, 7), np.uint8))
    settled = cv2.inRange(cv2.subtract(highest, scene.neutrality), 0, 12)  # type: ignore[call-overload]
    certain = settled & cv2.inRange(scene.depth, EDGE, 255)  # type: ignore[call-overload]
    loose = cv2.inRange(cv2.subtract(highest, scene.neutrality), 0, 30)  # type: ignore[call-overload]
    certain |= loose & cv2.inRange(scene.depth, 3 * EDGE, 255)  # type: ignore[call-overload]
    free = cv2.inRange(scene.neutrality, KEYED - 2, 255)  # type: ignore[call-overload]
    certain |= free & settled & cv2.inRange(scene.depth, 3, 255)  # type: ignore[call-overload]
    certain &= cv2.inRange(scene.neutrality, 25, 255) & 1  # type: ignore[call-overload]
    if soft is not None:
        certain[soft] = 0
    return certain


def _samples(scene: _Scene, soft: Mask | None, certain: Bytes) -> Bytes:
    """1 where a pixel's colour may serve as foreground: certain subject and the peaks of thin structures."""
    if not scene.saturated:
        return certain
    highest = cv2.dilate(scene.neutrality, np.ones((5, 5), np.uint8))
    peak = (scene.neutrality >= KEYED - 5) & (cv2.subtract(highest, scene.neutrality) <= 3) & (scene.solid > 0)
    if soft is not None:
        peak &= ~soft
    return certain | peak.astype(np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spill:
    """Key light reflected onto the subject: `strength` of the key added where `weight` is 1."""

    strength: float
    weight: Floats

    def light(self, index: Indices, colour: Floats, key: Floats) -> Floats:
        lum = unmixing.LUMA @ colour / np.float32(255)
        amount = np.float32(self.strength) * self.weight.ravel()[index] * (np.float32(0.4) + np.float32(0.6) * lum)
        return np.asarray(amount * key, dtype=np.float32)


def _estimate_spill(scene: _Scene, certain: Bytes) -> _Spill | None:
    """Spill, if key dominance falls with the distance from the backdrop in the same way all over the subject."""
    if not scene.saturated:
        return None
    height, width = certain.shape
    step = max(1, round(max(height, width) / 1024))
    thin = (slice(step // 2, None, step),) * 2
    inside = certain[thin].astype(np.float32)
    if inside.sum() < 500:
        return None
    neutral, solid = scene.neutrality[thin].astype(np.float32), scene.solid[thin]
    lum = cv2.cvtColor(np.ascontiguousarray(scene.image[thin]), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    exposed = np.where(solid > 0, np.clip(1 - neutral / KEYED, 0, 1), 1).astype(np.float32)
    window = (65, 65)
    total = cv2.blur(inside, window) + 1e-6
    at = inside > 0
    dominance = 1 - neutral / KEYED
    varying = (dominance - cv2.blur(dominance * inside, window) / total)[at]
    best: tuple[float, float, Floats] | None = None
    for radius in (3, 5, 7, 10):
        weight = spill_weight(exposed, radius)
        shape = weight * (0.4 + 0.6 * lum)
        regressor = (shape - cv2.blur(shape * inside, window) / total)[at]
        slope, gain = _robust_slope(regressor, varying)
        if best is None or gain > best[1]:
            best = (slope, gain, weight)
    assert best is not None
    slope, gain, weight = best
    if gain < 0.25 or not 0.02 <= slope <= 0.35:
        return None
    return _Spill(strength=slope, weight=cv2.resize(weight, (width, height), interpolation=cv2.INTER_LINEAR))


def spill_weight(exposed: Floats, radius: int) -> Floats:
    for _ in range(3):
        exposed = cv2.blur(exposed, (2 * radius + 1, 2 * radius + 1))  # type: ignore[assignment]
    return np.clip(2 * exposed, 0, 1)


def _robust_slope(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope of y over x through the origin and the share of y's median deviation it explains."""
    stride = max(1, len(x) // ENOUGH)
    x, y = x[::stride], y[::stride]
    power = float((x * x).sum())
    if power < 1e-5 * len(x):
        return 0.0, 0.0
    slope = float((x * y).sum()) / power
    for _ in range(4):
        error = np.abs(y - slope * x)
        weight = 1 / (1 + np.square(error / (1.5 * float(np.median(error)) + 0.002)))
        slope = float((weight * x * y).sum()) / max(float((weight * x * x).sum()), 1e-9)
    before = max(float(np.median(np.abs(y))), 0.001)
    return slope, 1 - float(np.median(np.abs(y - slope * x))) / before


def _solve(scene: _Scene, soft: Mask | None, certain: Bytes, spill: _Spill | None) -> Extraction:
    shape = scene.image.shape
    samples = _samples(scene, soft, certain)
    band = scene.solid & (certain ^ 1)
    index = np.flatnonzero(band)
    source, colours, variances = _nearest_subject(scene, samples, index, spill)
    softness = np.zeros(len(index), bool) if soft is None else soft.ravel()[index]
    lines = _lines(scene)
    alpha = np.empty(len(index), np.uint8)
    colour = np.empty((3, len(index)), np.uint8)

    def work(part: slice) -> None:
        at = index[part]
        batch = _Batch(
            index=at,
            colour=_colours(scene.planes, at),
            key=scene.backdrop.at(at, shape),
            nearest=source[part],
            colours=colours,
            variances=variances,
            noise=max(scene.backdrop.noise, 0.5),
            channels=dominance_channels(scene.backdrop.key),
            spill=spill,
            soft=softness[part],
            scene=scene,
        )
        a, f = _solve_batch(batch, lines)
        alpha[part] = np.rint(a * 255).astype(np.uint8)
        colour[:, part] = np.clip(np.rint(f), 0, 255).astype(np.uint8)

    unmixing.in_chunks(len(index), work)
    opacity = scene.solid * np.uint8(255)
    opacity.ravel()[index] = alpha
    planes = [plane.copy() for plane in scene.planes]
    if spill is not None:
        _despill_certain(scene, certain, spill, planes)
    for plane, values in zip(planes, colour, strict=True):
        plane.ravel()[index] = values
    foreground = cv2.merge([cv2.bitwise_and(plane, plane, mask=opacity) for plane in planes])
    return Extraction(
        alpha=opacity,
        foreground=foreground,
        certain=certain,
        backdrop=scene.backdrop,
        tinted=0.0,
        soft=soft,
        spill=0.0 if spill is None else spill.strength,
    )


def _lines(scene: _Scene) -> Floats:
    step = max(1, int(np.sqrt(scene.solid.size / 400_000)))
    row, column = np.nonzero(scene.solid[::step, ::step])
    index = row * (step * scene.solid.shape[1]) + column * step
    return unmixing.haze_lines(_colours(scene.planes, index) - scene.backdrop.at(index, scene.image.shape))


def _colours(planes: list[Bytes], index: Indices) -> Floats:
    """The pixels with these flat indices, (3, n) float32."""
    out = np.empty((3, len(index)), np.float32)
    for row, plane in zip(out, planes, strict=True):
        row[:] = plane.ravel()[index]
    return out


def _nearest_subject(
    scene: _Scene, samples: Bytes, index: Indices, spill: _Spill | None
) -> tuple[Indices, Floats, Floats]:
    """For every band pixel the row of its nearest subject sample; the samples' mean colours and variances."""
    near = cv2.dilate(scene.solid & (samples ^ 1), np.ones((3, 3), np.uint8)) & samples
    at = np.flatnonzero(near)
    if not len(at):
        grey = np.full((3, 1), 128, np.float32)
        return np.zeros(len(index), np.intp), grey, np.full((3, 1), 4000, np.float32)
    nearest = _nearest(near.shape, at, index)
    mean, variance = _window_statistics(scene.planes, samples, at)
    if spill is not None:
        mean = np.maximum(mean - spill.light(at, mean, scene.backdrop.at(at, scene.image.shape)), 0)
    return nearest, mean, variance


def _nearest(shape: tuple[int, ...], at: Indices, index: Indices) -> Indices:
    """For every flat index the position in `at` of the nearest of those pixels."""
    factor = 2 if max(shape) > LARGE else 1
    width = -(-shape[1] // factor)

    def cells(flat: Indices) -> Indices:
        short = flat.astype(np.int32)  # divides in half the time
        row = short // shape[1]
        return row // factor * width + (short - row * shape[1]) // factor

    places = cells(at)
    empty = np.ones((-(-shape[0] // factor), width), np.uint8)
    empty.ravel()[places] = 0
    _, labels = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows = np.zeros(len(at) + 1, np.intp)
    rows[labels.ravel()[places]] = np.arange(len(at))
    return rows[labels.ravel()[cells(index)]]


def _window_statistics(planes: list[Bytes], samples: Bytes, at: Indices) -> tuple[Floats, Floats]:
    """Mean and variance, (3, n), of the samples in 5 x 5 windows, every other row and column of them."""
    height, width = samples.shape
    row, column = np.divmod(at, width)
    total, square = np.zeros((3, len(at)), np.float32), np.zeros((3, len(at)), np.float32)
    weight = np.zeros(len(at), np.float32)
    member = samples.ravel()
    for dy in (-2, 0, 2):
        for dx in (-2, 0, 2):
            y, x = row + dy, column + dx
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            place = np.where(inside, y * width + x, at)
            counts = (member[place] & inside).astype(np.float32)
            colour = _colours(planes, place)
            weighted = colour * counts
            total += weighted
            square += weighted * colour
            weight += counts
    mean = total / weight
    return mean, np.maximum(square / weight - mean * mean, 0) + np.float32(144)


@dataclass(slots=True, kw_only=True)
class _Batch:
    """One slice of band pixels on its way through the solver; colours are (3, n) float32."""

    scene: _Scene
    index: Indices
    colour: Floats
    key: Floats
    nearest: Indices  # the subject sample that is nearest, a column of the next two
    colours: Floats
    variances: Floats
    noise: float
    channels: tuple[list[int], list[int]]
    spill: _Spill | None
    soft: Mask

    def lit(self, colour: Floats) -> Floats:
        return colour if self.spill is None else colour + self.spill.light(self.index, colour, self.key)

    def unlit(self, colour: Floats) -> Floats:
        return colour if self.spill is None else colour - self.spill.light(self.index, colour, self.key)

    @property
    def has_dominance(self) -> bool:
        """True where the key has bright and dark channels to tell it by."""
        return bool(self.channels[0]) and bool(self.channels[1])

    def dominance(self, colour: Floats) -> Floats:
        bright, dark = self.channels
        return np.asarray(colour[bright].min(axis=0) - colour[dark].max(axis=0))

    def part(self, at: Indices) -> _Batch:
        """The same for some of its pixels."""
        return replace(
            self,
            index=self.index[at],
            colour=self.colour[:, at],
            key=self.key[:, at],
            soft=self.soft[at],
            nearest=self.nearest[at],
        )


def _solve_batch(batch: _Batch, lines: Floats) -> tuple[Floats, Floats]:
    """Opacity (n,) and foreground (3, n): shadow where black explains the pixel, else the subject nearby, else far."""
    dark, black = _shadows(batch)
    if not dark.any():
        return _solve_subject(batch, lines)
    alpha, foreground = np.empty(len(dark), np.float32), np.empty(batch.colour.shape, np.float32)
    shade = np.flatnonzero(dark)
    alpha[shade], foreground[:, shade] = _solve_shadow(
        batch.colour[:, shade], batch.key[:, shade], batch.noise, black[shade]
    )
    rest = np.flatnonzero(~dark)
    if len(rest):
        alpha[rest], foreground[:, rest] = _solve_subject(batch.part(rest), lines)
    return alpha, foreground


def _shadows(batch: _Batch) -> tuple[Mask, Floats]:
    """Where a soft pixel is the key darkened and nothing else, and how much, as the opacity of black."""
    if not (batch.soft.any() and batch.has_dominance):
        return np.zeros(len(batch.index), bool), np.empty(0, np.float32)
    black, off_black = unmixing.project(batch.colour, batch.key, np.zeros_like(batch.key))
    return batch.soft & (off_black < 2.5 + 2.5 * batch.noise) & (black < 0.75), black


def _solve_shadow(colour: Floats, key: Floats, noise: float, black: Floats) -> tuple[Floats, Floats]:
    """Opacity and foreground of pixels that are shadow: black, but for the noise."""
    alpha = np.maximum(black, unmixing.least_opacity(colour, key, noise))
    clean = unmixing.unmix(colour, key, np.float32(0), np.float32(9), alpha, noise)
    return alpha, np.clip(clean, 0, 255)


def _solve_subject(batch: _Batch, lines: Floats) -> tuple[Floats, Floats]:
    """Opacity and foreground of pixels that are no shadow."""
    noise = batch.noise
    foreground, variance = batch.lit(batch.colours[:, batch.nearest]), batch.variances[:, batch.nearest]
    alpha = unmixing.opacity(batch.colour, batch.key, foreground, variance, noise)
    misfit = unmixing.largest(np.abs(batch.colour - batch.key - alpha * (foreground - batch.key)))
    strays = batch.soft | (misfit > 2 + 3 * noise + TEXTURE * alpha)
    doubtful = np.flatnonzero(strays) if batch.has_dominance else ()
    if len(doubtful):
        _solve_far(batch.part(doubtful), doubtful, lines, (alpha, foreground, variance))
    alpha = np.maximum(alpha, unmixing.least_opacity(batch.colour, batch.key, noise))
    clean = np.clip(unmixing.unmix(batch.colour, batch.key, foreground, variance, alpha, noise), 0, 255)
    return alpha, batch.unlit(clean)


def _solve_far(batch: _Batch, at: Indices, lines: Floats, results: tuple[Floats, Floats, Floats]) -> None:
    """Writes alpha, foreground and variance of pixels `at`: haze line or grey, where those fit better."""
    alpha, foreground, variance = results
    colour, key, noise = batch.colour, batch.key, batch.noise
    near, own = foreground[:, at], alpha[at]
    _, misfit = unmixing.project(colour, key, near)
    smooth = _smooth_colours(batch.scene.planes, batch.index)
    far, reach = unmixing.prolong(colour - key, smooth - key, key, lines)
    key_dominance = batch.dominance(key)
    free = (reach > 0) & (batch.dominance(far) <= np.float32(0.06) * key_dominance)
    room = np.where(batch.soft & ~free, np.float32(0.25 * TEXTURE), np.float32(TEXTURE))
    fits = misfit <= np.float32(2 + 3 * noise) + room * own
    towards = near - key
    longer = batch.soft & free & (reach >= np.float32(1.25) * np.sqrt(unmixing.dot(towards, towards)))
    hazy, grey = ~(fits & ~longer) & free, ~(fits & ~longer) & ~free
    along, _ = unmixing.project(colour, key, far)
    neutral = np.clip(1 - batch.dominance(colour) / np.maximum(key_dominance, np.float32(1)), 0, 1)
    straight = np.clip((colour - (1 - neutral) * key) / np.maximum(neutral, np.float32(0.02)), 0, 255)
    alpha[at] = np.where(hazy, along, np.where(grey, neutral, own))
    foreground[:, at] = np.where(hazy, far, np.where(grey, straight, near))
    variance[:, at] = np.where(hazy, np.float32(100), np.where(grey, np.float32(1e4), variance[:, at]))


def _smooth_colours(planes: list[Bytes], index: Indices) -> Floats:
    """Means of nine pixels in 5 x 5 windows around the flat indices, (3, n)."""
    height, width = planes[0].shape
    row, column = np.divmod(index, width)
    rows = [np.clip(row + d, 0, height - 1) * width for d in (-2, 0, 2)]
    columns = [np.clip(column + d, 0, width - 1) for d in (-2, 0, 2)]
    total = np.zeros((3, len(index)), np.float32)
    for r in rows:
        for c in columns:
            total += _colours(planes, r + c)
    return total / np.float32(9)


def _despill_certain(scene: _Scene, certain: Bytes, spill: _Spill, planes: list[Bytes]) -> None:
    lit = np.flatnonzero((certain > 0) & (spill.weight > 0.01))
    colour = _colours(scene.planes, lit)
    key = scene.backdrop.at(lit, scene.image.shape)
    estimate = np.maximum(colour - spill.light(lit, colour, key), 0)
    clean = np.clip(np.rint(colour - spill.light(lit, estimate, key)), 0, 255).astype(np.uint8)
    for plane, values in zip(planes, clean, strict=True):
        plane.ravel()[lit] = values
