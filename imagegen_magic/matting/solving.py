"""Solves slices of the edge band: which explanation fits each pixel, and the opacity and foreground that follow."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from . import unmixing
from .arrays import Bytes, Floats, Indices, Mask, as_floats, columns, set_columns
from .scene import Scene, colours_at
from .spill import Spill

__all__ = ["Batch", "shadow_colour", "solve"]

SIGNIFICANT = 3  # times the noise: less of a subject is none
AS_GOOD_AS_OPAQUE = 0.985  # opacity from which a pixel at a sharp edge is more likely opaque and of its own colour
KEY_LEFT = np.float32(2)  # levels
DARKNESS = np.float32(36)  # levels squared: how far a shadow may be from black
MOST_SHADOW = 24  # levels in any channel
FEWEST_SHADED = 200  # pixels; fewer say nothing about the shadow's colour
GRADUAL = 6  # levels by which a shadow may differ from its surroundings
SATURATED = 0.15  # the end of a haze line that is this colourful is no white or grey
TEXTURE = 28  # levels by which a subject's colour may differ from its neighbour's


@dataclass(slots=True, kw_only=True)
class Batch:
    """One slice of band pixels on its way through the solver; colours are (3, n) float32."""

    scene: Scene
    index: Indices
    colour: Floats
    key: Floats
    nearest: Indices  # the subject sample that is nearest, a column of the next two
    colours: Floats
    variances: Floats
    shadings: Floats
    noise: Floats  # (n,) levels
    channels: tuple[list[int], list[int]]
    spill: Spill | None
    translucent: Mask
    colourless: Mask  # translucent, and white or grey
    shadow: Floats  # (3, 1): the colour of the picture's shadows

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

    def part(self, at: Indices) -> Batch:
        """The same for some of its pixels."""
        return replace(
            self,
            index=self.index[at],
            colour=columns(self.colour, at),
            key=columns(self.key, at),
            noise=self.noise[at],
            translucent=self.translucent[at],
            colourless=self.colourless[at],
            nearest=self.nearest[at],
        )


def solve(batch: Batch, lines: Floats) -> tuple[Floats, Floats]:
    """Opacity (n,) and foreground (3, n): shadow where black explains the pixel, else the subject nearby, else far."""
    dark = np.zeros(len(batch.index), np.bool_)
    alpha, foreground = np.empty(len(dark), np.float32), np.empty(batch.colour.shape, np.float32)
    if batch.has_dominance:
        shade = np.flatnonzero(batch.translucent)
        shade, smooth = _shadows(batch.part(shade), shade)
        dark[shade] = True
        alpha[shade], colour = _solve_shadow(batch.part(shade), smooth)
        set_columns(foreground, shade, colour)
    rest = np.flatnonzero(~dark)
    if len(rest):
        alpha[rest], colour = _solve_subject(batch.part(rest), lines)
        set_columns(foreground, rest, colour)
    room = np.maximum(unmixing.largest(np.abs(foreground - batch.key)), np.float32(1))
    least = (SIGNIFICANT * batch.noise / room).astype(np.float32)
    alpha[alpha < least] = 0
    alpha[1 - alpha < least / 2] = 1
    return alpha, foreground


def _shadows(batch: Batch, at: Indices) -> tuple[Indices, Floats]:
    """Those of `at` where a pixel is the key darkened and nothing else, and the smooth colours (3, n) there."""
    black, off_black = unmixing.project(batch.colour, batch.key, np.zeros_like(batch.key))
    dark = np.flatnonzero((off_black < 2.5 + 2.5 * batch.noise) & (black < 0.75))
    smooth = _smooth_colours(batch.scene.planes, batch.index[dark])
    rough = unmixing.largest(np.abs(columns(batch.colour, dark) - smooth))
    gradual = np.flatnonzero(rough < GRADUAL + 3 * batch.noise[dark])  # the shadow of hair is hair
    return at[dark[gradual]], columns(smooth, gradual)


def shadow_colour(batch: Batch) -> Floats:
    """The one colour, (3, 1), that the shadows in the batch have: all but black and without the key; black if there are none.

    Each pixel says little about it, being thin; all of them say it well, unless a codec has changed their chroma.
    """
    black = np.zeros((3, 1), np.float32)
    if not batch.has_dominance or batch.scene.backdrop.bleed:
        return black
    translucent = np.flatnonzero(batch.translucent)
    at, smooth = _shadows(batch.part(translucent), translucent)
    if len(at) < FEWEST_SHADED:
        return black
    key = columns(batch.key, at)
    alpha = _by_dominance(batch.part(at), smooth)
    colour = ((smooth - (1 - alpha) * key) @ alpha / max(float(alpha @ alpha), 1.0))[:, None]
    return as_floats(np.maximum(colour, 0)) if colour.max() <= MOST_SHADOW else black  # not the colour of a shadow


def _by_dominance(batch: Batch, colour: Floats) -> Floats:
    """The opacity, (n,), of a foreground that has nothing of the key's dominance."""
    full = np.maximum(batch.dominance(batch.key), np.float32(1))
    return np.clip(1 - batch.dominance(colour) / full, 0, 1)


def _solve_shadow(batch: Batch, smooth: Floats) -> tuple[Floats, Floats]:
    """Opacity and foreground of pixels that are shadow: free of key, all but black."""
    colour, key, noise = batch.colour, batch.key, batch.noise
    shadow = np.broadcast_to(batch.shadow, key.shape)
    (calm, _), (own, _) = unmixing.project(smooth, key, shadow), unmixing.project(colour, key, shadow)
    alpha = as_floats((calm + own) / 2)
    alpha = np.maximum(alpha, unmixing.least_opacity(colour, key, noise))
    clean = unmixing.unmix(colour, key, shadow, DARKNESS, np.float32(0), alpha, noise)
    return alpha, np.clip(clean, 0, 255)


def _solve_subject(batch: Batch, lines: Floats) -> tuple[Floats, Floats]:
    """Opacity and foreground of pixels that are no shadow."""
    noise = batch.noise
    foreground, variance = batch.lit(columns(batch.colours, batch.nearest)), columns(batch.variances, batch.nearest)
    shading = np.where(batch.translucent, np.float32(0), batch.shadings[batch.nearest])
    alpha = unmixing.opacity(batch.colour, batch.key, foreground, variance, shading, noise)
    misfit = unmixing.misfit(batch.colour, batch.key, foreground, shading, alpha)
    strays = batch.translucent | (misfit > 2 + 3 * noise + TEXTURE * alpha)
    doubtful = np.flatnonzero(strays & batch.has_dominance)
    if len(doubtful):
        _solve_far(batch.part(doubtful), doubtful, lines, (alpha, foreground, variance))
    alpha = np.maximum(alpha, unmixing.least_opacity(batch.colour, batch.key, noise))
    alpha[~batch.translucent & (alpha > AS_GOOD_AS_OPAQUE)] = 1
    clean = np.clip(unmixing.unmix(batch.colour, batch.key, foreground, variance, shading, alpha, noise), 0, 255)
    sharp = ~batch.translucent & (alpha < 1)
    clean = np.where(batch.colourless, clean, batch.unlit(clean))
    return alpha, _no_more_key(batch, clean, foreground, sharp)


def _no_more_key(batch: Batch, clean: Floats, foreground: Floats, edge: Mask) -> Floats:
    """The colours with no more of the key's dominance at an `edge` than the subject nearby has."""
    if not batch.has_dominance:
        return clean
    bright, _ = batch.channels
    most = np.maximum(batch.dominance(batch.unlit(foreground)), 0) + KEY_LEFT
    excess = np.where(edge, np.maximum(batch.dominance(clean) - most, 0), np.float32(0))
    clean[bright] -= excess
    return clean


def _solve_far(batch: Batch, at: Indices, lines: Floats, results: tuple[Floats, Floats, Floats]) -> None:
    """Writes alpha, foreground and variance of pixels `at`: haze line or grey, where those fit better."""
    alpha, foreground, variance = results
    colour, key, noise = batch.colour, batch.key, batch.noise
    near, own = columns(foreground, at), alpha[at]
    smooth = _smooth_colours(batch.scene.planes, batch.index)
    calm = batch.translucent  # where colours change gradually, the mean of nine has less noise
    _, misfit = unmixing.project(np.where(calm, smooth, colour), key, near)
    far, reach = unmixing.prolong(colour - key, smooth - key, key, lines)
    key_dominance = batch.dominance(key)
    free = (reach > 0) & (batch.dominance(far) <= np.float32(0.06) * key_dominance)
    slack = np.where(calm, np.float32(1) + noise, np.float32(2) + np.float32(3) * noise)
    fit = np.clip((slack + TEXTURE * own - misfit) / (np.float32(0.75) * TEXTURE * own + np.float32(1)), 0, 1)
    fit = np.where(batch.translucent & ~free, fit, fit > 0)  # how well the subject nearby explains the pixel, 0..1
    towards = near - key
    longer = batch.translucent & free & (reach >= np.float32(1.25) * np.sqrt(unmixing.dot(towards, towards)))
    colourless = batch.colourless & (~free | (_saturation(far) < SATURATED))
    hazy = free & ((fit == 0) | longer) & ~colourless
    grey = np.where(colourless, np.float32(1), np.where(free, np.float32(0), 1 - fit))
    along, _ = unmixing.project(colour, key, far)
    neutral = np.clip(1 - batch.dominance(colour) / np.maximum(key_dominance, np.float32(1)), 0, 1)
    straight = as_floats(np.clip((colour - (1 - neutral) * key) / np.maximum(neutral, np.float32(0.02)), 0, 255))
    vivid = np.where(colourless, np.float32(0), _saturation(straight))
    neutral += vivid * (np.minimum(unmixing.least_opacity(colour, key, np.float32(0.5) * noise), neutral) - neutral)
    neutral = grey * neutral + (1 - grey) * own
    straight = np.clip((colour - (1 - neutral) * key) / np.maximum(neutral, np.float32(0.02)), 0, 255)
    alpha[at] = np.where(hazy, along, neutral)
    set_columns(foreground, at, np.where(hazy, far, np.where(grey > 0, straight, near)))
    unsure = np.where(grey > 0, np.float32(1e4), columns(variance, at))
    set_columns(variance, at, np.where(hazy, np.float32(100), unsure))


def _saturation(colour: Floats) -> Floats:
    """0 (grey) to 1, (n,)."""
    return as_floats(1 - colour.min(axis=0) / np.maximum(colour.max(axis=0), np.float32(1)))


def _smooth_colours(planes: list[Bytes], index: Indices) -> Floats:
    """Means of nine pixels in 5 x 5 windows around the flat indices, (3, n)."""
    height, width = planes[0].shape
    row, column = np.divmod(index, width)
    rows = [np.clip(row + d, 0, height - 1) * width for d in (-2, 0, 2)]
    columns = [np.clip(column + d, 0, width - 1) for d in (-2, 0, 2)]
    total = np.zeros((3, len(index)), np.float32)
    for r in rows:
        for c in columns:
            total += colours_at(planes, r + c)
    return total / np.float32(9)
