"""Pixel art with a known truth, delivered as a model paints it: blocks of a width that is no whole number, lines that
wander, soft edges, ringing and noise, on a key that is a little off."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
KEY = (8, 244, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """How the blocks are painted: width and height in pixels, how lines wander, and how pixels are spoilt."""

    pitch: float
    aspect: float = 1.0
    drift: float = 0.0
    jitter: float = 0.0
    blur: float = 0.8
    noise: float = 2.0
    ringing: float = 0.3
    texture: float = 0.0


def figure(kind: str, seed: int = 0) -> Bytes:
    """A logical sprite (height, width, 4) uint8: `hero`, `slime`, `potion`, `invader` or `flat`."""
    return {"hero": _hero, "slime": _slime, "potion": _potion, "invader": _invader, "flat": _flat}[kind](seed)


def _ellipse(shape: tuple[int, int], cx: float, cy: float, rx: float, ry: float) -> NDArray[np.bool_]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return ((x + 0.5 - cx) / rx) ** 2 + ((y + 0.5 - cy) / ry) ** 2 <= 1


def _outlined(
    layers: list[tuple[NDArray[np.bool_], tuple[int, int, int]]], outline: tuple[int, int, int] | None
) -> Bytes:
    """Layers painted over each other, with an outline one pixel wide around all of them; cropped."""
    height, width = layers[0][0].shape
    art = np.zeros((height, width, 4), np.uint8)
    for mask, colour in layers:
        art[mask] = (*colour, 255)
    if outline is not None:
        solid = art[..., 3] > 0
        ring = cv2.dilate(solid.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))).astype(bool)
        art[ring & ~solid] = (*outline, 255)
    rows, columns = np.flatnonzero(art[..., 3].any(1)), np.flatnonzero(art[..., 3].any(0))
    return art[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _hero(seed: int) -> Bytes:
    shape = (48, 48)
    rng = np.random.default_rng(seed)
    head, body = _ellipse(shape, 24, 13, 8, 8), np.zeros(shape, bool)
    body[20:34, 18:30] = True
    left, right, arm, eyes, hair, belt = (np.zeros(shape, bool) for _ in range(6))
    left[34:44, 18:23] = right[34:44, 25:30] = True
    arm[22:32, 14:18] = arm[22:32, 30:34] = True
    eyes[12:15, 20:22] = eyes[12:15, 26:28] = True
    hair[4:10, :] = head[4:10, :]
    belt[30:32, 18:30] = True
    shade = np.zeros(shape, bool)
    shade[20:30, 26:30] = True
    fleck = (rng.random(shape) < 0.12) & body
    return _outlined(
        [(head, (244, 200, 160)), (hair, (140, 72, 30)), (eyes, (24, 20, 40)), (body, (200, 48, 60)),
         (shade, (150, 30, 52)), (fleck, (228, 84, 84)), (belt, (240, 196, 64)), (arm, (244, 200, 160)), (left, (52, 64, 140)),
         (right, (40, 50, 116))], (20, 16, 32),
    )  # fmt: skip


def _slime(seed: int) -> Bytes:
    shape = (32, 40)
    body, light, eyes, mouth = (
        _ellipse(shape, 20, 20, 16, 11),
        _ellipse(shape, 14, 14, 4, 2.5),
        np.zeros(shape, bool),
        np.zeros(shape, bool),
    )
    eyes[16:20, 14:16] = eyes[16:20, 24:26] = True
    mouth[23:24, 18:23] = True
    dark = body & ~_ellipse(shape, 19, 18, 15, 10)
    return _outlined(
        [
            (body, (90, 130, 240)),
            (dark, (60, 84, 190)),
            (light, (200, 220, 255)),
            (eyes, (16, 16, 40)),
            (mouth, (16, 16, 40)),
        ],
        (24, 28, 84),
    )


def _potion(seed: int) -> Bytes:
    shape = (32, 24)
    glass, neck, cork, liquid, shine = _ellipse(shape, 12, 20, 9, 9), *(np.zeros(shape, bool) for _ in range(4))
    neck[5:13, 10:14] = True
    cork[2:6, 9:15] = True
    liquid[18:, :] = glass[18:, :]
    shine[16:22, 6:7] = True
    return _outlined(
        [
            (glass, (210, 226, 240)),
            (neck, (210, 226, 240)),
            (cork, (168, 112, 60)),
            (liquid, (220, 60, 150)),
            (shine, (255, 255, 255)),
        ],
        (44, 32, 60),
    )


def _invader(seed: int) -> Bytes:
    rng = np.random.default_rng(seed + 5)
    half = rng.random((16, 9)) < 0.55
    mask = np.zeros((20, 22), bool)
    mask[2:18, 2:20] = np.concatenate([half, half[:, ::-1]], axis=1)
    spots = mask & (np.random.default_rng(seed + 9).random(mask.shape) < 0.25)
    return _outlined([(mask, (250, 160, 40)), (spots, (220, 70, 50))], None)


def _flat(seed: int) -> Bytes:
    shape = (48, 48)
    body, cap, foot = _ellipse(shape, 24, 28, 10, 16), _ellipse(shape, 24, 14, 14, 9), np.zeros(shape, bool)
    foot[40:45, 16:32] = True
    return _outlined([(body, (240, 224, 196)), (cap, (208, 40, 48)), (foot, (120, 80, 56))], None)


def lines(count: int, pitch: float, lattice: Lattice, rng: np.random.Generator) -> NDArray[np.float64]:
    """Where the `count + 1` lines of an axis are painted."""
    at = np.arange(count + 1) * pitch
    wave = lattice.drift * np.sin(at / max(at[-1], 1) * 2 * np.pi * 0.8 + rng.uniform(0, 6))
    wobble = np.clip(rng.normal(0, lattice.jitter, count + 1), -0.3 * pitch, 0.3 * pitch)
    return at + wave + wobble


def paint(art: Bytes, lattice: Lattice, *, seed: int = 0, margin: int = 60) -> Bytes:
    """The art as a model paints it, RGB (height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    xs = lines(art.shape[1], lattice.pitch, lattice, rng)
    ys = lines(art.shape[0], lattice.pitch * lattice.aspect, lattice, rng)
    start = rng.uniform(0, 3, 2)
    xs, ys = xs - xs.min() + margin + start[0], ys - ys.min() + margin + start[1]
    width, height = int(xs[-1]) + margin, int(ys[-1]) + margin
    fine = 3  # lines that fall between pixels mix their neighbours
    column = np.searchsorted(xs, (np.arange(width * fine) + 0.5) / fine) - 1
    row = np.searchsorted(ys, (np.arange(height * fine) + 0.5) / fine) - 1
    inside = ((column >= 0) & (column < art.shape[1]))[None] & ((row >= 0) & (row < art.shape[0]))[:, None]
    cells = art[np.clip(row, 0, art.shape[0] - 1)[:, None], np.clip(column, 0, art.shape[1] - 1)[None]]
    big = np.where((inside & (cells[..., 3] > 0))[..., None], cells[..., :3], np.array(KEY, np.uint8)).astype(
        np.float32
    )
    return spoil(cv2.resize(big, (width, height), interpolation=cv2.INTER_AREA), lattice, rng)


def spoil(image: NDArray[np.float32], lattice: Lattice, rng: np.random.Generator) -> Bytes:
    """Texture, soft edges with a ring beside them, and noise."""
    if lattice.texture:
        grain = cv2.GaussianBlur(rng.normal(0, 1, image.shape[:2]).astype(np.float32), (0, 0), 2.0)
        figure = (np.abs(image - np.array(KEY)).max(axis=2) > 40)[..., None]
        image = image + figure * lattice.texture * 4 * grain[..., None]
    soft = cv2.GaussianBlur(image, (0, 0), lattice.blur) if lattice.blur else image
    wide = cv2.GaussianBlur(soft, (0, 0), 2.5)
    rung = soft + lattice.ringing * (soft - wide)
    return np.clip(np.rint(rung + rng.normal(0, lattice.noise, rung.shape)), 0, 255).astype(np.uint8)
