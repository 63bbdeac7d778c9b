"""The lattice of painted pixel art: blocks of a width that is no whole number, on lines that wander.

The pitch is found over all figures together, from the distances at which edges repeat; the lines of each figure by dynamic
programming, which weighs edges against even steps. Flat areas have no edges, so lines there follow from their neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from imagegen_magic.matting.arrays import Bytes, Floats, Indices, Mask, as_floats

__all__ = ["Lattice", "Lines", "even_lines", "find_lattice", "find_lines"]

MIN_PITCH, MAX_PITCH = 3.0, 96.0
"""Pixels of the image for one of the art; below, nothing can be told from the model's own softness."""
OPAQUE = 192
"""An alpha of at least this many levels is the figure itself: a soft edge reaches outwards, and its line is within it."""
NOISE, FULL_EDGE = 10, 70
"""Levels: a change below the first is noise, one above the second counts as one edge and no more."""
TILE = 32
"""Pixels of the edge of a tile in which the noise is measured."""
FEWEST = 4
"""A figure has at least so many blocks on its longer side."""
MANY = 10.0
"""Edges that all lie on whole blocks: by chance that happens once in two to the power of this."""
REPEATS = 6
"""Distances of up to this many blocks are looked at: lines wander too far beyond."""
WANDER = 0.1
"""Repeats are looked for within this share of a block."""
BETWEEN = np.array([1 / 3, 0.5, 2 / 3])
"""Where between two blocks edges must not repeat; a third, a half and so on betray a pitch that is a multiple."""
ONE = 1.5
"""What is shorter than this many blocks is one."""
LOOSE = 0.4
"""A step between lines may differ by this share from the pitch."""
FINE = 16
"""Positions a block at which a line may lie."""
NEARBY = 4.0
"""An edge is strong if it is as strong as those up to about so many blocks away."""
SEEN, AROUND, BENT = 0.3, 8.0, 0.15
"""A line with this evidence is on an edge; blocks are as wide as those up to about 8 blocks away; at most 15 % off the pitch."""
STIFF = 6.0
"""What a step that is off by its whole pitch costs, in edges."""
ENDS = 4.0
"""The same for the first and the last line, away from the figure's edge."""
NEAR = 0.12
"""An edge is on a line within this share of a block."""
UNEVEN = 2.0
"""What the variance of the steps, in blocks, takes off that share."""
ENOUGH = 0.85
"""A multiple of the best pitch that explains this share of what that one explains is the pitch."""
PEAKS, LARGEST = 6, 3
"""So many likely pitches are tried out, on so many of the largest figures."""
SURE = 0.5
"""Below this confidence there is no lattice: drawn scenes come to 0.48 at most, painted lattices to 0.55 and more (tried 2026-11-26)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """The pitch across and down in pixels, and how sure it is, 0 to 1; `enlarged` if real pixels were, without any smoothing."""

    x: float
    y: float
    confidence: float
    enlarged: bool = False

    @property
    def found(self) -> bool:
        """True if edges repeat often enough for pixel art."""
        return self.confidence >= SURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The lines of one figure, in its pixels: n + 1 for n columns, n + 1 for n rows."""

    x: Floats
    y: Floats

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return len(self.x) - 1, len(self.y) - 1


def find_lattice(images: Sequence[Bytes]) -> Lattice:
    """The lattice that figures (height, width, 4) uint8 share; clear pixels count as one colour."""
    if enlarged := _enlarged_by(images):
        return Lattice(x=enlarged, y=enlarged, confidence=1.0, enlarged=True)
    pitches = as_floats(np.geomspace(MIN_PITCH, MAX_PITCH, 700))
    pitches = pitches[pitches <= max(max(image.shape[:2]) for image in images) / FEWEST]
    if not len(pitches):
        return Lattice(x=MIN_PITCH, y=MIN_PITCH, confidence=0.0)
    edges = [[_edges(image, axis) for image in images] for axis in (1, 0)]
    scores = [_axis_scores(one, pitches) for one in edges]
    both = as_floats((scores[0] + scores[1]) / 2)
    best = _best_pitch(both, pitches, [sorted(one, key=np.size)[-LARGEST:] for one in edges])
    near = np.abs(np.log(pitches / best)) < 0.06
    x, y = (float(pitches[near][int(np.argmax(score[near]))]) for score in scores)
    return Lattice(x=x, y=y, confidence=float(np.mean([_explained(edges[0], x), _explained(edges[1], y)])))


def _enlarged_by(images: Sequence[Bytes]) -> int:
    """By how much real pixels were enlarged without smoothing: then every change lies on a whole block. 0 if they were not."""
    found = [_changes(image, axis) for image in images for axis in (1, 0)]
    block = int(np.gcd.reduce(np.concatenate([np.diff(at) for at in found] or [np.zeros(0, np.intp)]), initial=0))
    steps = sum(max(0, len(at) - 1) for at in found)
    return block if block > 1 and steps * np.log2(block) >= MANY else 0


def _changes(image: Bytes, axis: int) -> Indices:
    """Where any line across the axis differs from the one before."""
    shown = np.where(image[..., 3:] > 0, image, 0)
    lines = np.moveaxis(shown, axis, 0).astype(np.int16)
    return np.flatnonzero(np.diff(lines, axis=0).any(axis=(1, 2))) + 1


def _best_pitch(scores: Floats, pitches: Floats, edges: Sequence[Sequence[Floats]]) -> float:
    """The likely pitch whose lines meet most edges, or a multiple of it whose lines meet nearly as many.

    Multiples of the true pitch leave out edges between their lines; its fractions meet no more than it does.
    """
    peaks = [n for n in range(1, len(scores) - 1) if scores[n] >= max(scores[n - 1], scores[n + 1])]
    peaks = sorted(peaks, key=lambda n: -scores[n])[:PEAKS]
    likely = {float(pitches[n]) / part for n in peaks[:2] or [int(np.argmax(scores))] for part in (1, 2, 3)}
    likely |= {float(pitches[n]) for n in peaks}
    met = {pitch: float(np.mean([_explained(axis, pitch) for axis in edges])) for pitch in likely if pitch >= MIN_PITCH}
    best = max(met, key=lambda pitch: met[pitch])
    multiples = [pitch for pitch in met if pitch > 1.5 * best and abs(pitch / best - round(pitch / best)) < 0.1]
    return max([best, *(pitch for pitch in multiples if met[pitch] >= ENOUGH * met[best])])


def _explained(edges: Sequence[Floats], pitch: float) -> float:
    """The share of all edge that lies on lines of that pitch, less what chance puts there and what uneven steps cost."""
    on = total = covered = length = uneven = 0.0
    for one in (one for one in edges if one.any()):
        profile = one.sum(axis=0)
        lines = _axis_lines(one, profile > 0, pitch)
        near = np.abs(np.arange(len(profile))[:, None] - lines[None]).min(axis=1) <= max(0.75, NEAR * pitch)
        on, total = on + float(profile[near].sum()), total + float(profile.sum())
        covered, length = covered + np.count_nonzero(near), length + len(profile)
        uneven += float(np.var(np.diff(lines) / pitch)) / len(edges) if len(lines) > 2 else 0.0
    chance = min(covered / max(length, 1), 0.95)
    return max(0.0, (on / max(total, 1e-6) - chance) / (1 - chance) - UNEVEN * uneven)


def _edges(image: Bytes, axis: int) -> Floats:
    """How strong the edge before each pixel is along the axis, 0 to 1; lines of the image along the other axis stay rows.

    Pixels are averaged across the axis first, over less than a block, and changes below the image's own noise are none.
    """
    layers = as_floats(image[..., :3]).copy()
    layers[image[..., 3] < OPAQUE] = 0
    layers = np.dstack([layers, np.where(image[..., 3] < OPAQUE, 0, FULL_EDGE).astype(np.float32)])
    layers = as_floats(cv2.blur(layers, (1, 3) if axis == 1 else (3, 1)))
    change = np.abs(np.diff(layers, axis=axis)).max(axis=2)
    noise = max(NOISE, 4.0 * _usual_change(change))
    edges = np.clip((change - noise) / (FULL_EDGE - NOISE), 0, 1).astype(np.float32)
    edges = np.pad(edges, ((0, 0), (1, 0)) if axis == 1 else ((1, 0), (0, 0)))
    return np.ascontiguousarray(edges if axis == 1 else edges.T)


def _usual_change(change: Floats) -> float:
    """How much neighbouring pixels differ by noise, in levels: what changes usually are, or 0 if most pixels do not change.

    Real pixels that were enlarged, and nothing else, change at their edges only: what is usual there is the art.
    """
    if not change.any():
        return 0.0
    high, wide = (min(TILE, edge) for edge in change.shape)
    rows, columns = change.shape[0] // high, change.shape[1] // wide
    tiles = change[: rows * high, : columns * wide].reshape(rows, high, columns, wide)
    seen = tiles.any(axis=(1, 3))
    noisy = np.median(tiles, axis=(1, 3)) > 0
    return float(np.median(change[change > 0])) if noisy.sum() * 2 >= seen.sum() else 0.0


def _axis_scores(edges: Sequence[Floats], pitches: Floats) -> Floats:
    """How well each pitch explains at which distances edges repeat, about 0 to 1."""
    longest = int(MAX_PITCH * (REPEATS + 1))
    totals = [sum(_repeats(one, band, longest) for one in edges) for band in (24, 10**6)]
    return as_floats(np.mean([_comb(np.asarray(total), pitches) for total in totals], axis=0))


def _repeats(edges: Floats, band: int, longest: int) -> Floats:
    """How much edge meets edge at each distance, from the profiles of bands of that many rows."""
    count = max(1, round(edges.shape[0] / band))
    profiles = np.stack([part.sum(axis=0) for part in np.array_split(edges, count)])
    length = 1 << int(np.ceil(np.log2(edges.shape[1] + longest)))
    power = np.abs(np.fft.rfft(profiles, length, axis=1)) ** 2
    found = np.fft.irfft(power.sum(axis=0), length)[:longest].astype(np.float32)
    return as_floats(np.pad(found, (0, longest - len(found))))


def _comb(repeats: Floats, pitches: Floats) -> Floats:
    """The mean over the first distances of how a whole number of blocks stands out from all that lies between two."""
    summed = np.concatenate([[0.0], np.cumsum(repeats, dtype=np.float64)])
    at = np.arange(len(summed)) - 0.5

    def around(blocks: float) -> Floats:
        """The mean near that many blocks: lines wander, so a repeat is not one distance."""
        half = np.maximum(WANDER * pitches, 0.8)
        low, high = (np.interp(blocks * pitches + side * half, at, summed) for side in (-1, 1))
        return as_floats((high - low) / (2 * half))

    floor = 0.01 * float(repeats[0]) + 1e-6  # a plain picture has no edges at all
    total = np.zeros(len(pitches), np.float32)
    for k in range(1, REPEATS + 1):
        gaps = (
            BETWEEN if k == 1 else np.concatenate([BETWEEN, BETWEEN - 1])
        )  # the first distance has the edge's own width before it
        gap = np.max([around(k + off) for off in gaps], axis=0)
        peak = around(k)
        total += (peak - gap) / (peak + gap + floor)
    return as_floats(total / REPEATS)


def find_lines(image: Bytes, lattice: Lattice) -> Lines:
    """The lines of one figure (height, width, 4) uint8, from its left to its right and from its top to its bottom edge."""
    solid = _solid(image)
    if lattice.enlarged:
        return Lines(
            x=_block_lines(image, solid, 1, round(lattice.x)), y=_block_lines(image, solid, 0, round(lattice.y))
        )
    return Lines(
        x=_axis_lines(_edges(image, 1), np.asarray(np.any(solid, axis=0)), lattice.x),
        y=_axis_lines(_edges(image, 0), np.asarray(np.any(solid, axis=1)), lattice.y),
    )


def _solid(image: Bytes) -> Mask:
    """The figure itself, without its soft edge; all of the image if nothing is as opaque as that."""
    solid = np.asarray(image[..., 3] >= OPAQUE)
    return solid if solid.any() else np.ones_like(solid)


def _block_lines(image: Bytes, solid: Mask, axis: int, block: int) -> Floats:
    """The lines of real pixels that were enlarged: every `block` pixels, from a change of colour."""
    inside, changes = np.flatnonzero(solid.any(axis=1 - axis)), _changes(image, axis)
    start, end = int(inside[0]), int(inside[-1]) + 1
    phase = int(changes[0]) % block if len(changes) else start % block
    between = np.arange(start + 1, end)
    return as_floats(np.concatenate([[start], between[between % block == phase], [end]]))


def _axis_lines(edges: Floats, solid: Mask, pitch: float) -> Floats:
    """The lines of one axis, in two rounds: the second knows how wide blocks are in each place."""
    inside = np.flatnonzero(solid)
    if inside[-1] + 1 - inside[0] < ONE * pitch:
        return as_floats(np.array([inside[0], inside[-1] + 1], np.float32))
    fine = FINE / pitch
    evidence = _evidence(edges, pitch, fine)
    start, end = float(inside[0]) * fine, float(inside[-1] + 1) * fine
    even = np.full(len(evidence), FINE, np.float32)
    first = _best_path(evidence, start, end, even)
    return as_floats(_best_path(evidence, start, end, _local_steps(first, evidence)) / fine)


def _local_steps(lines: Indices, evidence: Floats) -> Floats:
    """How wide a block is at each position, from the steps between lines that lie on edges."""
    sure = evidence[lines] > SEEN
    steps, middles = np.diff(lines), (lines[1:] + lines[:-1]) / 2
    weights = (sure[1:] & sure[:-1]).astype(np.float64)
    at = np.arange(len(evidence))
    nearness = np.exp(-(((at[:, None] - middles[None]) / (AROUND * FINE)) ** 2)) * weights + 1e-9
    local = (nearness @ steps + FINE) / (nearness.sum(axis=1) + 1)
    return as_floats(np.clip(local, (1 - BENT) * FINE, (1 + BENT) * FINE))


def _evidence(edges: Floats, pitch: float, fine: float) -> Floats:
    """What a line at each position gains, `fine` positions a pixel: about -0.1 away from edges, up to 0.9 on one.

    A soft edge is gathered into its middle first, or it would pay for two lines.
    """
    profile = as_floats(cv2.GaussianBlur(edges.sum(axis=0)[None], (0, 0), max(0.6, 0.06 * pitch)))[0]
    side = 2 * max(1, round(0.3 * pitch)) + 1
    highest = as_floats(cv2.dilate(profile[None], np.ones((1, side), np.uint8)))[0]
    peaks = np.flatnonzero((profile > 0) & (profile >= highest))
    heights = profile[peaks]
    usual = np.exp(
        -(((peaks[:, None] - peaks[None]) / (NEARBY * pitch)) ** 2)
    )  # a narrow head has short lines, but as good ones
    strong = np.maximum(usual @ heights / usual.sum(axis=1), 0.25 * heights.max(initial=0))
    gain = np.zeros(int(np.ceil(len(profile) * fine)) + 1, np.float32)
    for peak, height, full in zip(peaks, heights, strong, strict=True):
        at = min(round(_vertex(profile, int(peak)) * fine), len(gain) - 1)
        gain[at] = max(gain[at], min(1.0, float(height / full)) ** 0.7)
    spread = as_floats(cv2.GaussianBlur(gain[None], (0, 0), 1.0))[0] * np.sqrt(2 * np.pi)
    return as_floats(np.minimum(spread, 1.0) - 0.12)


def _vertex(profile: Floats, peak: int) -> float:
    """The top of a parabola through a peak and its neighbours."""
    if peak in (0, len(profile) - 1):
        return float(peak)
    before, here, after = (float(value) for value in profile[peak - 1 : peak + 2])
    bend = before - 2 * here + after
    return peak + (0.5 * (before - after) / bend if bend else 0.0)


def _best_path(evidence: Floats, start: float, end: float, local: Floats) -> Indices:
    """The lines from about `start` to about `end` that gain most: edges met, less the cost of uneven steps.

    `local` is the step expected at each position.
    """
    slack = 0.4 * FINE
    low, high = max(0, round(start - slack)), min(len(evidence) - 1, round(end + slack))
    steps = np.arange(round((1 - LOOSE) * FINE), round((1 + LOOSE) * FINE) + 1)
    gain = np.full(high + 1, -np.inf)
    before = np.full(high + 1, -1)
    first = np.arange(low, min(round(start + slack), high) + 1)
    gain[first] = evidence[first] - _end_cost(first, start)
    for at in range(low + int(steps[0]), high + 1):
        origins = at - steps[steps <= at - low]
        reached = gain[origins] - STIFF * ((at - origins - local[at]) / FINE) ** 2
        best = int(np.argmax(reached))
        if reached[best] + evidence[at] > gain[at]:
            gain[at], before[at] = reached[best] + evidence[at], origins[best]
    last = np.arange(max(low, round(end - slack)), high + 1)
    path = [int(last[np.argmax(gain[last] - _end_cost(last, end))])]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    return np.array(path[::-1], np.intp)


def _end_cost(positions: Indices, end: float) -> Floats:
    """The first and the last line are the figure's own edges."""
    return as_floats(ENDS * ((positions - end) / FINE) ** 2)


def even_lines(image: Bytes, columns: int, rows: int) -> Lines:
    """Lines at equal steps over what is solid in an image."""
    solid = _solid(image)
    xs, ys = np.flatnonzero(np.any(solid, axis=0)), np.flatnonzero(np.any(solid, axis=1))
    return Lines(
        x=as_floats(np.linspace(xs[0], xs[-1] + 1, columns + 1)), y=as_floats(np.linspace(ys[0], ys[-1] + 1, rows + 1))
    )
