"""Sheets with a known truth: one figure in phases, drawn, and delivered as models deliver sheets: off their cells, with
noise, soft edges and a key that is a little off. What is true of each frame, its pivot and its mask, is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
KEY = (6, 246, 13)
FINE = 4
"""Drawn so many times as large, and made smaller for smooth edges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How a figure stands: limbs as angles in degrees from straight down, lift in shares of its height."""

    legs: tuple[float, float] = (0, 0)
    arms: tuple[float, float] = (10, -10)
    lift: float = 0.0
    crouch: float = 0.0
    cape: float = 0.0
    blade: bool = False


MOTIONS: dict[str, list[Pose]] = {
    "idle": [Pose(crouch=c) for c in (0, 0.01, 0.02, 0.03, 0.02, 0.01)],
    "walk": [Pose(legs=(a, -a * 0.8), arms=(-a, a), cape=0.2 + b) for a, b in ((28, 0), (14, 0.1), (0, 0.2), (-28, 0.1), (-14, 0), (0, 0.05))],
    "attack": [Pose(arms=(10, a), blade=True, legs=(s, -s)) for a, s in ((-20, 5), (-60, 10), (-120, 15), (-80, 20), (-40, 12), (-20, 5))],
    "jump": [Pose(lift=v, crouch=c, arms=(a, -a)) for v, c, a in ((0, 0.1, 20), (0.18, 0, 60), (0.38, 0, 110), (0.2, 0, 70), (0, 0.12, 30), (0, 0, 10))],
    "cape": [Pose(cape=c, arms=(20, -10)) for c in (0.1, 0.4, 0.8, 1.0, 0.6, 0.3)],
}  # fmt: skip
CHANCE = np.random.default_rng


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A delivered sheet (height, width, 3), the pivots painted (sheet pixels), and the grid."""

    image: Bytes
    pivots: list[tuple[float, float]]
    columns: int
    rows: int
    frames: int
    lifts: list[float] = field(default_factory=list)


def draw(pose: Pose, height: int, tint: tuple[int, int, int] = (200, 60, 70)) -> tuple[Bytes, tuple[float, float]]:
    """One figure (RGBA) in a square of twice its height, and its pivot: below the middle of the hips, on the ground."""
    side = 2 * height * FINE
    art = np.zeros((side, side, 4), np.uint8)
    unit = height * FINE
    x, ground = side // 2, int(side * 0.8)
    hip = (x, int(ground - unit * (0.4 - pose.crouch) - unit * pose.lift))
    neck = (x, int(hip[1] - unit * 0.3))
    if pose.cape > 0:
        tip = (int(x - unit * 0.5 * pose.cape), int(hip[1] + unit * 0.1))
        cv2.fillPoly(art, [np.array([neck, (neck[0] - int(0.1 * unit), neck[1]), tip, hip])], (60, 40, 150, 255))
    for angle, shade in zip(pose.legs, (0.75, 1.0), strict=True):
        foot = _limb(
            art,
            hip,
            angle,
            0.4 * (1 - pose.crouch * 2),
            unit,
            (int(50 * shade), int(60 * shade), int(150 * shade)),
            0.11,
        )
        cv2.ellipse(
            art,
            (foot[0] + int(0.03 * unit), foot[1] - int(0.02 * unit)),
            (int(0.08 * unit), int(0.035 * unit)),
            0,
            0,
            360,
            (40, 30, 30, 255),
            -1,
        )
    cv2.ellipse(art, (x, (hip[1] + neck[1]) // 2), (int(0.14 * unit), int(0.22 * unit)), 0, 0, 360, (*tint, 255), -1)
    cv2.circle(art, (x, int(neck[1] - 0.13 * unit)), int(0.15 * unit), (244, 204, 170, 255), -1)
    cv2.circle(art, (int(x + 0.05 * unit), int(neck[1] - 0.14 * unit)), int(0.02 * unit), (20, 20, 30, 255), -1)
    hands = [
        _limb(art, (x, int(neck[1] + 0.06 * unit)), angle, 0.3, unit, (244, 204, 170), 0.075) for angle in pose.arms
    ]
    if pose.blade:
        _limb(art, hands[1], pose.arms[1] - 15, 0.45, unit, (190, 200, 215), 0.04)
    small = cv2.resize(
        art.astype(np.float32) * (art[..., 3:] / 255.0), None, fx=1 / FINE, fy=1 / FINE, interpolation=cv2.INTER_AREA
    )
    alpha = cv2.resize(art[..., 3].astype(np.float32), None, fx=1 / FINE, fy=1 / FINE, interpolation=cv2.INTER_AREA)
    colour = small[..., :3] * 255 / np.maximum(alpha[..., None], 1)
    return np.dstack([np.clip(colour, 0, 255), alpha]).astype(np.uint8), (x / FINE, ground / FINE)


def _limb(
    art: Bytes,
    start: tuple[int, int],
    angle: float,
    length: float,
    unit: int,
    colour: tuple[int, int, int],
    width: float,
) -> tuple[int, int]:
    turn = np.deg2rad(angle)
    end = (int(start[0] + np.sin(turn) * length * unit), int(start[1] + np.cos(turn) * length * unit))
    cv2.line(art, start, end, (*colour, 255), int(width * unit), cv2.LINE_8)
    return end


def sheet(
    motion: str,
    *,
    columns: int = 6,
    rows: int = 1,
    cell: tuple[int, int] = (256, 512),
    height: int = 220,
    drift: float = 0.06,
    seed: int = 0,
    missing: tuple[int, ...] = (),
    doubled: tuple[int, ...] = (),
    shifts: dict[int, tuple[int, int]] | None = None,
    scales: dict[int, float] | None = None,
    tints: dict[int, tuple[int, int, int]] | None = None,
    noise: float = 1.5,
) -> Sheet:
    """A sheet of a motion; `drift` is how far figures stand off their cell's middle, in shares of the cell (sd)."""
    rng = CHANCE(seed)
    width, tall = columns * cell[0], rows * cell[1]
    canvas = np.zeros((tall, width, 4), np.float32)
    canvas[..., :3] = KEY
    pivots, lifts = [], []
    poses = MOTIONS[motion]
    for number in range(columns * rows):
        pose = poses[number % len(poses)]
        size = round(height * (scales or {}).get(number, 1.0))
        art, pivot = draw(pose, size, (tints or {}).get(number, (200, 60, 70)))
        away = np.clip(rng.normal(0, drift, 2), -0.15, 0.15) * min(cell)
        away[1] *= 0.4
        away += (shifts or {}).get(number, (0, 0))
        middle = (number % columns + 0.5) * cell[0] + away[0], (number // columns + 0.8) * cell[1] + away[1]
        if number in missing:
            continue
        place(canvas, art, round(middle[0] - pivot[0]), round(middle[1] - pivot[1]))
        pivots.append((round(middle[0] - pivot[0]) + pivot[0], round(middle[1] - pivot[1]) + pivot[1]))
        lifts.append(pose.lift * size)
        if number in doubled:
            place(canvas, art, round(middle[0] - pivot[0] + 0.42 * cell[0]), round(middle[1] - pivot[1]))
    return Sheet(
        image=delivered(canvas[..., :3], noise, rng),
        pivots=pivots,
        columns=columns,
        rows=rows,
        frames=columns * rows,
        lifts=lifts,
    )


def place(canvas: NDArray[np.float32], art: Bytes, left: int, top: int) -> None:
    """Paints `art` over the canvas; what is outside is left away."""
    height, width = canvas.shape[:2]
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + art.shape[1]), min(height, top + art.shape[0])
    part = art[y0 - top : y1 - top, x0 - left : x1 - left].astype(np.float32)
    weight = part[..., 3:] / 255
    canvas[y0:y1, x0:x1, :3] = part[..., :3] * weight + canvas[y0:y1, x0:x1, :3] * (1 - weight)


def delivered(image: NDArray[np.float32], noise: float, rng: np.random.Generator) -> Bytes:
    """The image with the ring beside its edges and the noise that models leave."""
    wide = cv2.GaussianBlur(image, (0, 0), 2.0)
    rung = image + 0.12 * (image - wide) + rng.normal(0, noise, image.shape)
    return np.clip(np.rint(rung), 0, 255).astype(np.uint8)
