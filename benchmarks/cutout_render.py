"""Renders a subject with known alpha as an image model would deliver it: on a key that is off, drifts and carries noise.

C = a (F + spill) + (1 - a) K(x, y) + noise + ringing, rounded to 8 bits, through JPEG where asked for. The truth's colour is the
clean F; where the subject is opaque the noise is carried into the truth, so that denoising earns nothing.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
REACHES = ((2, 18.0), (5, 14.0), (11, 14.0))
"""Pixels, and levels for each unit of an edge's strength."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What the delivered picture's backdrop suffers; levels of 255, pixels."""

    key: str
    delivered: str | None = None
    drift: float = 0.0
    noise: float = 0.0
    spill: float = 0.0
    spill_px: int = 12
    ringing: float = 0.0
    """How strongly the decoder rings around the subject; 1 as measured on 32 pictures that models delivered (2026-11-26)."""
    jpeg: int | None = None
    seed: int = 0


def levels(key: str) -> Floats:
    digits = key.lstrip("#")
    return np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)], np.float32)


def drifted(colour: Floats, shape: tuple[int, int], amount: float, rng: np.random.RandomState) -> Floats:
    """The backdrop (height, width, 3): a tilt and a slow wave per channel, of at most `amount` levels."""
    height, width = shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width, y / height
    planes = []
    for channel in range(3):
        u, v, f1, f2 = rng.uniform(-1, 1, 4)
        wave = u * (x - 0.5) + v * (y - 0.5) + 0.5 * np.cos(3 * (x * (1 + f1) + f2)) * np.cos(3 * (y * (1 - f2) + f1))
        planes.append(colour[channel] + amount * wave / np.abs(wave).max())
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.float32)


def box(plane: Floats, radius: int) -> Floats:
    """The mean over a square."""
    return cv2.blur(plane, (2 * radius + 1,) * 2, borderType=cv2.BORDER_REPLICATE).astype(np.float32)


def ringing(exact: Floats, rng: np.random.RandomState) -> Floats:
    """A decoder's errors (height, width, 3) in levels: strong at edges, gone 30 pixels from them, in blobs, now and then large.

    Calibrated to what real pictures show 3, 6, 12 and 20 pixels from the silhouette: a median deviation of 4, 2, 2 and 1
    levels, a 99th percentile of 18, 8, 4 and 3. Drawn solids come to 3, 2, 1 and 1, and 13, 7, 4 and 3; hair to more.
    """
    edge = np.abs(exact - box(exact, 2)).max(axis=2) / 255
    level = np.full(edge.shape, 0.4, np.float32)
    for radius, gain in REACHES:
        level += gain * box(box(edge, radius), radius)
    patches = box(box(rng.standard_normal(edge.shape).astype(np.float32), 3), 3)
    blobs = box(rng.standard_normal(exact.shape).astype(np.float32), 1)
    return (level * np.exp(0.55 * patches / patches.std()))[..., None] * blobs / blobs.std()


def render(truth: Bytes, delivery: Delivery, second_key: str | None = None) -> tuple[Bytes, Bytes]:
    """The delivered RGB picture and the RGBA truth to compare with; `second_key` renders the other backdrop."""
    rng = np.random.RandomState(delivery.seed + (7919 if second_key else 0))
    colour = truth[..., :3].astype(np.float32)
    alpha = truth[..., 3:].astype(np.float32) / 255
    base = levels(second_key or delivery.delivered or delivery.key)
    backdrop = np.broadcast_to(base, colour.shape).astype(np.float32)
    if delivery.drift:
        backdrop = drifted(base, truth.shape[:2], delivery.drift, np.random.RandomState(delivery.seed + 1))
    lit = colour
    if delivery.spill:
        reach = 1 - alpha[..., 0]
        size = 2 * max(1, delivery.spill_px // 2) + 1
        for _ in range(3):
            reach = cv2.blur(reach, (size, size), borderType=cv2.BORDER_REPLICATE)
        luma = (colour @ np.array([0.299, 0.587, 0.114], np.float32))[..., None] / 255
        lit = np.clip(
            colour + delivery.spill * np.clip(2 * reach, 0, 1)[..., None] * backdrop * (0.4 + 0.6 * luma), 0, 255
        )
    exact = alpha * lit + (1 - alpha) * backdrop
    noisy = exact
    if delivery.noise:
        noisy = exact + rng.standard_normal(exact.shape).astype(np.float32) * delivery.noise
    if delivery.ringing:
        noisy = noisy + delivery.ringing * ringing(exact.astype(np.float32), rng)
    noisy = np.clip(np.rint(noisy), 0, 255)
    opaque = truth[..., 3] == 255
    carried = (noisy - np.clip(np.rint(exact), 0, 255)) * opaque[..., None]
    picture = noisy.astype(np.uint8)
    if delivery.jpeg:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=delivery.jpeg, subsampling=2)
        picture = np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB"))
        deep = cv2.erode(opaque.astype(np.uint8), np.ones((17, 17), np.uint8)) > 0
        carried = carried + (picture - noisy) * deep[..., None]
    expected = truth.copy()
    expected[..., :3] = np.clip(np.rint(colour + carried), 0, 255)
    expected[truth[..., 3] == 0] = 0
    return picture, expected
