"""Describes the flat backdrop of a picture: its colour, drift, noise and how much of the border it fills.

The delivered key colour of a generated picture is never quite the one asked for, drifts over the frame and carries
noise. Everything the solver knows about the backdrop is estimated here, from the border inwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Bytes, Floats, Indices, Mask, Window, median, quantile
from .subsampling import LUMA_NOISE, is_subsampled
from .unmixing import at_once

GRID = 64
NEAR = 24  # levels: a pixel this close to the key in every channel counts as backdrop before the drift is known
AWAY = 64  # levels between the key that was asked for and what is delivered
FILLED = 0.2  # share of a picture that is backdrop at the least
BLEED = 5  # half pixels: a JPEG block of 8 pixels, and rounding
MOST_CELLS = 1500
FLAT_DEGREES = (0, 2, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backdrop:
    """The estimated backdrop: `grid` is a (GRID, GRID, 3) float32 surface over the whole frame, levels of 255."""

    key: tuple[float, float, float]
    grid: Floats
    noise: float
    share: float
    spread: float
    compressed: bool
    inside: bool = False  # the key was known, and found in the picture although not along its border
    bleed: int = 0  # pixels from an edge within which a codec may have mixed the colours of both sides
    origin: tuple[int, int] = (0, 0)  # row and column of a part of a frame, and that frame's (height, width)
    frame: tuple[int, int] | None = None

    @property
    def hex(self) -> str:
        """The key colour as `#rrggbb`."""
        return "#" + "".join(f"{round(v):02x}" for v in self.key)

    @property
    def tolerance(self) -> int:
        """Levels within which a pixel may be pure backdrop (three sigma and rounding)."""
        return int(np.ceil(3.0 * self.noise + 0.7))

    def halved(self) -> Backdrop:
        """The backdrop of the picture at half size, where a subsampled one is keyed."""
        return replace(self, compressed=False, noise=max(self.noise, LUMA_NOISE), bleed=BLEED)

    def behind(self, window: Window, frame: tuple[int, int]) -> Backdrop:
        """The backdrop of that part of a (height, width) frame: `at` takes positions in the part."""
        return replace(self, origin=(window[0].start, window[1].start), frame=frame)

    def planes(self, shape: tuple[int, ...]) -> list[Bytes]:
        """Three uint8 planes of the given (height, width), the backdrop behind every pixel."""
        rounded = np.rint(self.grid).astype(np.uint8)
        size = (shape[1], shape[0])
        if self.spread < 0.5:
            return [np.full(shape[:2], rounded[0, 0, c], np.uint8) for c in range(3)]
        return [cv2.resize(rounded[..., c], size, interpolation=cv2.INTER_LINEAR) for c in range(3)]  # type: ignore[misc]

    def at(self, index: Indices, shape: tuple[int, ...]) -> Floats:
        """Backdrop colours, (3, n) float32, behind the pixels with these flat indices."""
        if self.spread < 0.5:
            return np.repeat(self.grid[0, 0][:, None], len(index), axis=1)
        row, column = np.divmod(index, shape[1])
        height, width = self.frame or shape[:2]
        top, left = self.origin
        y = np.clip(((row + top).astype(np.float32) + 0.5) * np.float32(GRID / height) - 0.5, 0, GRID - 1.001)
        x = np.clip(((column + left).astype(np.float32) + 0.5) * np.float32(GRID / width) - 0.5, 0, GRID - 1.001)
        y0, x0 = y.astype(np.intp), x.astype(np.intp)
        fy, fx = y - y0.astype(np.float32), x - x0.astype(np.float32)
        corner = y0 * GRID + x0
        out = np.empty((3, len(index)), np.float32)
        for c in range(3):
            flat = np.ascontiguousarray(self.grid[..., c]).ravel()
            top = flat[corner] * (1 - fx) + flat[corner + 1] * fx
            bottom = flat[corner + GRID] * (1 - fx) + flat[corner + GRID + 1] * fx
            out[c] = top * (1 - fy) + bottom * fy
        return out


def border_pixels(image: Bytes, width: int | None = None, limit: int = 12000) -> Bytes:
    """The pixels of the frame's border, (n, 3), thinned to about `limit`."""
    height, columns = image.shape[:2]
    band = width if width is not None else int(np.clip(round(min(height, columns) * 0.008), 2, 16))
    band = max(1, min(band, height // 2 or 1, columns // 2 or 1))
    sides = (image[:band], image[-band:], image[band:-band, :band], image[band:-band, -band:])
    step = max(1, int(np.sqrt(band * 2 * (height + columns) / limit)))
    return np.concatenate([side[::step, ::step].reshape(-1, 3) for side in sides])


def corner_pixels(image: Bytes, size: int = 12) -> Bytes:
    """The pixels of the four corner patches, (n, 3)."""
    parts = (image[:size, :size], image[:size, -size:], image[-size:, :size], image[-size:, -size:])
    return np.concatenate([part.reshape(-1, 3) for part in parts])


def border_mode(pixels: Bytes, hint: tuple[float, float, float] | None = None) -> tuple[NDArray[np.float64], float]:
    """The colour most of the pixels gather around and the share of them near it; `hint` says where to look first."""
    code = (pixels >> 4).T.astype(np.intp)
    counts = np.bincount((code[0] * 16 + code[1]) * 16 + code[2], minlength=4096)
    fullest = int(counts.argmax())
    centre = np.array([fullest >> 8, (fullest >> 4) & 15, fullest & 15]) * 16.0 + 8.0
    channels = np.ascontiguousarray(pixels.T)
    if hint is not None and _near(channels, np.array(hint), AWAY).mean() >= FILLED:
        centre = np.array(hint, dtype=np.float64)
    for radius in (64, 40, NEAR, NEAR):
        near = _near(channels, centre, radius)
        if not near.any():
            break
        centre = _middle(channels, near)
    return centre, float(_near(channels, centre, NEAR).mean())


def _near(channels: Bytes, centre: NDArray[np.float64], radius: float) -> Mask:
    """Whether the pixels (3, n) are within so many levels of a colour in every channel."""
    off = np.abs(channels - centre.astype(np.float32)[:, None])
    return np.asarray(off.max(axis=0) <= radius, dtype=np.bool_)


def _middle(channels: Bytes, chosen: Mask) -> NDArray[np.float64]:
    """The median of each channel of the chosen pixels, of (3, n)."""
    count, mask = np.count_nonzero(chosen), chosen.view(np.uint8)
    below = [cv2.calcHist([channel], [0], mask, [256], [0, 256]).ravel().cumsum() for channel in channels]
    return np.array([np.searchsorted(each, ((count - 1) // 2, count // 2), side="right").mean() for each in below])


def estimate_backdrop(image: Bytes, hint: tuple[float, float, float] | None = None, source: str = "border") -> Backdrop:
    """The backdrop of an (height, width, 3) uint8 picture; `source` is "border", "corners" or "none" (trust `hint`)."""
    pixels = corner_pixels(image) if source == "corners" else border_pixels(image)
    centre, share = border_mode(pixels, hint)
    inside = None
    if hint is not None and source == "border" and np.abs(centre - np.array(hint)).max() > AWAY:
        inside = _inside(image, hint)
        centre, share = inside or (centre, share)
    if source == "none" and hint is not None:
        centre = np.array(hint, dtype=np.float64)
        share = float((np.abs(pixels - centre).max(axis=1) <= NEAR).mean())
    compressed, fitted = at_once(lambda: is_subsampled(image), lambda: _fit_surface(_background_cells(image, centre)))
    if fitted is None:
        flat = np.broadcast_to(centre.astype(np.float32), (GRID, GRID, 3)).copy()
        key = (float(centre[0]), float(centre[1]), float(centre[2]))
        return Backdrop(
            key=key, grid=flat, noise=1.0, share=share, spread=0.0, compressed=False, inside=inside is not None
        )
    grid, residual = fitted
    noise = max(quantile(np.abs(residual[..., c]), 0.97) for c in range(3)) / 2
    spread = float(np.ptp(grid, axis=(0, 1)).max())
    return Backdrop(
        key=(float(centre[0]), float(centre[1]), float(centre[2])),
        grid=grid,
        noise=max(noise, 0.3),
        share=share,
        spread=spread,
        compressed=compressed,
        inside=inside is not None,
    )


def _inside(image: Bytes, hint: tuple[float, float, float]) -> tuple[NDArray[np.float64], float] | None:
    """The colour near `hint` that fills a good part of the picture although not its border, and the border's share of it."""
    step = max(1, round(np.sqrt(image.shape[0] * image.shape[1] / 250_000)))
    pixels = image[::step, ::step].reshape(-1, 3)
    near = np.abs(pixels.astype(np.int16) - np.array(hint)).max(axis=1) <= AWAY
    if near.mean() < FILLED:
        return None
    centre = np.median(pixels[near], axis=0)
    return centre, float((np.abs(border_pixels(image) - centre).max(axis=1) <= NEAR).mean())


def _background_cells(image: Bytes, centre: NDArray[np.float64]) -> tuple[Floats, Floats, Floats] | None:
    """Centres (x, y in -1..1) and pixels (n, side, side, 3) of grid cells that hold nothing but backdrop."""
    height, width = image.shape[:2]
    side = max(4, -(-max(height, width) // 128))
    rows, columns = height // side, width // side
    if rows < 2 or columns < 2:
        return None
    low, high = np.clip(centre - NEAR - 4, 0, 255), np.clip(centre + NEAR + 4, 0, 255)
    near = cv2.inRange(image[: rows * side, : columns * side], tuple(low), tuple(high))
    near = cv2.erode(near, np.ones((5, 5), np.uint8))
    full = cv2.resize(near, (columns, rows), interpolation=cv2.INTER_AREA) == 255
    row, column = np.nonzero(full)
    if len(row) < 30:
        return None
    few = np.linspace(0, len(row) - 1, min(len(row), MOST_CELLS)).astype(np.intp)
    row, column = row[few], column[few]
    inner = min(side, 8)
    cut = image[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    blocks = cut[:, :inner, :, :inner][row, :, column].astype(np.float32)
    x = ((column * side + inner / 2) / width * 2 - 1).astype(np.float32)
    y = ((row * side + inner / 2) / height * 2 - 1).astype(np.float32)
    return x, y, blocks


def _basis(x: Floats, y: Floats, degree: int) -> NDArray[np.float64]:
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    return np.stack([x.astype(np.float64) ** i * y.astype(np.float64) ** j for i, j in powers], axis=-1)


def _fit_surface(cells: tuple[Floats, Floats, Floats] | None) -> tuple[Floats, Floats] | None:
    """A low-order surface through the cell means, robust to soft shadows, and the pixels' residuals from it; None of none."""
    if cells is None:
        return None
    x, y, blocks = cells
    means = blocks.reshape(len(blocks), -1, 3).mean(axis=1, dtype=np.float64)
    best: tuple[float, int, NDArray[np.float64], NDArray[np.float64]] | None = None
    for degree in FLAT_DEGREES:
        basis = _basis(x, y, degree)
        if len(x) < 6 * basis.shape[1]:
            break
        weight = np.ones(len(x))
        scale = 1.0
        for _ in range(6):
            weighted = basis * weight[:, None]
            normal = basis.T @ weighted + 1e-6 * len(x) * np.eye(basis.shape[1])
            coefficients = np.linalg.solve(normal, weighted.T @ means)
            error = np.abs(means - basis @ coefficients).max(axis=1)
            scale = max(1.5 * median(error), 0.25)
            weight = np.clip(1 - (error / (4 * scale)) ** 2, 0, 1) ** 2
        if best is None or scale < 0.8 * best[0]:
            best = (scale, degree, coefficients, weight)
        if scale <= 0.3:
            break
    assert best is not None
    _, degree, coefficients, weight = best
    ticks = ((np.arange(GRID) + 0.5) / GRID * 2 - 1).astype(np.float32)
    across, down = np.meshgrid(ticks, ticks)
    grid = np.clip(_basis(across, down, degree) @ coefficients, 0, 255).astype(np.float32)
    kept = np.flatnonzero(weight > 0)[:: max(1, int((weight > 0).sum()) // 400)]
    surface = (_basis(x[kept], y[kept], degree) @ coefficients).astype(np.float32)
    return grid, blocks[kept] - surface[:, None, None, :]
