"""Draws subjects with known alpha and colour, from a seed: the part of the benchmark's ground truth that needs no files.

Everything is painted at several times the final resolution and averaged down, so that edges carry true coverage.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
SIDE = 768
SUPER = 4


def layer(shape: tuple[int, int] = (SIDE, SIDE)) -> Floats:
    return np.zeros((*shape, 4), np.float32)


def over(top: Floats, below: Floats) -> Floats:
    """Straight-alpha composition of two float layers, colours 0..255, alpha 0..1."""
    at, ab = top[..., 3:], below[..., 3:]
    alpha = at + ab * (1 - at)
    colour = (top[..., :3] * at + below[..., :3] * ab * (1 - at)) / np.maximum(alpha, 1e-6)
    return np.concatenate([colour, alpha], axis=2).astype(np.float32)


def finish(rgba: Floats) -> Bytes:
    out = np.rint(np.concatenate([rgba[..., :3], rgba[..., 3:] * 255], axis=2)).clip(0, 255).astype(np.uint8)
    out[out[..., 3] == 0] = 0
    return out


def noise(rng: np.random.Generator, scale: float, side: int = SIDE) -> Floats:
    """Smooth noise in 0..1 with features of about `scale` pixels, four octaves."""
    total = np.zeros((side, side), np.float32)
    for octave in range(4):
        cells = max(2, round(side / scale * 2**octave))
        grid = rng.random((cells, cells), dtype=np.float32)
        total += cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC) / 2**octave
    return ((total - total.min()) / np.ptp(total)).astype(np.float32)


def coverage(draw: Callable[[Bytes, int], None], side: int = SIDE) -> Floats:
    canvas = np.zeros((side * SUPER, side * SUPER), np.uint8)
    draw(canvas, SUPER)
    return cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def paint(alpha: Floats, colour: Floats | tuple[float, float, float]) -> Floats:
    out = layer(alpha.shape)
    out[..., :3] = colour
    out[..., 3] = alpha
    return out


def blob(
    rng: np.random.Generator, radius: float, wobble: float = 0.25, centre: tuple[float, float] = (0.5, 0.5)
) -> NDArray[np.int32]:
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    size = np.ones_like(angle)
    for k in range(2, 7):
        size += wobble / k * rng.normal() * np.cos(k * angle + rng.uniform(0, 6.3))
    points = np.stack([np.cos(angle) * size, np.sin(angle) * size], 1) * radius + np.array(centre)
    return np.rint(points * SIDE * SUPER).astype(np.int32)


def texture(
    rng: np.random.Generator, base: tuple[float, float, float], depth: float = 0.3, scale: float = 90
) -> Floats:
    return (np.array(base, np.float32) * (1 - depth + 2 * depth * noise(rng, scale)[..., None])).clip(0, 255)


def solid_blob(
    rng: np.random.Generator, base: tuple[float, float, float], radius: float = 0.3, depth: float = 0.25
) -> Floats:
    outline = blob(rng, radius)
    return paint(coverage(lambda c, s: cv2.fillPoly(c, [outline], 255)), texture(rng, base, depth))


def strands(rng: np.random.Generator, base: tuple[float, float, float], count: int, spread: float = 25) -> Floats:
    """Wavy hairs of 0.4 to 2 pixels around a head."""
    side = SIDE * 2
    colour = np.zeros((side, side, 3), np.float32)
    alpha = np.zeros((side, side), np.float32)
    for _ in range(count):
        angle = rng.uniform(0, 2 * np.pi)
        start = np.array([np.cos(angle), np.sin(angle)]) * 0.17 + 0.5
        length, bend = rng.uniform(0.12, 0.27), rng.normal(0, 1.2)
        t = np.linspace(0, 1, 24)
        turn = angle + bend * t
        path = start + np.cumsum(np.stack([np.cos(turn), np.sin(turn)], 1), 0) * length / 24
        shade = np.array(base) * rng.uniform(0.5, 1.25) + rng.normal(0, spread / 4, 3)
        tip = np.rint(path * side * 16).astype(np.int32)
        width = int(rng.integers(1, 4))
        mask = np.zeros((side, side), np.uint8)
        low = np.clip(tip.min(0) // 16 - 4, 0, side)
        high = np.clip(tip.max(0) // 16 + 5, 0, side)
        cv2.polylines(mask, [tip], False, 255, width, cv2.LINE_AA, 4)
        part = np.s_[low[1] : high[1], low[0] : high[0]]
        a = mask[part].astype(np.float32) / 255
        alpha[part] = a + alpha[part] * (1 - a)
        colour[part] += (shade.clip(0, 255) - colour[part]) * a[..., None]
    premultiplied = cv2.resize(colour * alpha[..., None], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    small = cv2.resize(alpha, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return paint(small, premultiplied / np.maximum(small, 1e-4)[..., None])


def hair(
    rng: np.random.Generator, base: tuple[float, float, float], skin: tuple[float, float, float], count: int = 900
) -> Bytes:
    head = coverage(
        lambda c, s: cv2.ellipse(
            c, (c.shape[1] // 2,) * 2, (int(0.19 * c.shape[1]), int(0.23 * c.shape[0])), 0, 0, 360, 255, -1
        )
    )
    return finish(over(strands(rng, base, count), paint(head, texture(rng, skin, 0.12))))


def portrait(rng: np.random.Generator) -> Bytes:
    """Hair and head on shoulders that leave the frame at the bottom."""
    body = coverage(
        lambda c, s: cv2.ellipse(
            c, (c.shape[1] // 2, c.shape[0]), (int(0.36 * c.shape[1]), int(0.3 * c.shape[0])), 0, 0, 360, 255, -1
        )
    )
    return finish(
        over(
            hair(rng, (190, 150, 90), (224, 180, 150), 700).astype(np.float32) / (1, 1, 1, 255),
            paint(body, texture(rng, (60, 70, 110), 0.3)),
        )
    )


def smoke(rng: np.random.Generator, tint: tuple[float, float, float]) -> Bytes:
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE - 0.5
    fall = np.clip(1.25 - 3.2 * np.hypot(x, y), 0, 1)
    alpha = np.clip(fall * (0.25 + 1.3 * noise(rng, 200)) - 0.1, 0, 0.95)
    return finish(paint(alpha, np.array(tint) * (0.85 + 0.15 * noise(rng, 120)[..., None])))


def shadow(rng: np.random.Generator, base: tuple[float, float, float]) -> Bytes:
    subject = solid_blob(rng, base, 0.25)
    cast = cv2.GaussianBlur(np.roll(subject[..., 3], (26, 34), (0, 1)), (0, 0), 15) * 0.5
    return finish(over(subject, paint(cast, (0, 0, 0))))


def glass(rng: np.random.Generator, tint: tuple[float, float, float]) -> Bytes:
    outer = coverage(
        lambda c, s: cv2.ellipse(
            c, (c.shape[1] // 2,) * 2, (int(0.24 * c.shape[1]), int(0.33 * c.shape[0])), 0, 0, 360, 255, -1
        )
    )
    depth = cv2.GaussianBlur(outer, (0, 0), 14)
    alpha = outer * np.clip(0.16 + 0.75 * (1 - np.clip(2 * depth - 1, 0, 1)) ** 2 + 0.1 * noise(rng, 300), 0, 1)
    shine = coverage(
        lambda c, s: cv2.ellipse(
            c,
            (int(0.4 * c.shape[1]), int(0.4 * c.shape[0])),
            (int(0.03 * c.shape[1]), int(0.12 * c.shape[0])),
            12,
            0,
            360,
            255,
            -1,
        )
    )
    shine = cv2.GaussianBlur(shine, (0, 0), 3) * 0.85
    label = coverage(
        lambda c, s: cv2.rectangle(
            c,
            (int(0.36 * c.shape[1]), int(0.52 * c.shape[0])),
            (int(0.64 * c.shape[1]), int(0.64 * c.shape[0])),
            255,
            -1,
        )
    )
    return finish(
        over(paint(label, texture(rng, (225, 215, 190), 0.1)), over(paint(shine, (255, 255, 255)), paint(alpha, tint)))
    )


def text(rng: np.random.Generator, colours: list[tuple[int, int, int]]) -> Bytes:
    out = layer()
    for line in range(9):
        size = 0.35 * 1.33**line
        y = (0.05 + 0.035 * line + 0.0085 * line * line) * SIDE

        def draw(canvas: Bytes, s: int, size: float = size, y: float = y, line: int = line) -> None:
            font = cv2.FONT_HERSHEY_COMPLEX if line % 2 else cv2.FONT_HERSHEY_SIMPLEX
            cv2.putText(
                canvas,
                "Sphinx & quartz 123"[: max(4, 20 - 2 * line)],
                (int(0.04 * canvas.shape[1]), int(y * s)),
                font,
                size * s,
                255,
                max(2, round(size * 2.2 * s)),
                cv2.LINE_AA,
            )

        out = over(paint(coverage(draw), colours[line % len(colours)]), out)
    return finish(out)


def rings(rng: np.random.Generator, base: tuple[float, float, float]) -> Bytes:
    out = layer()
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    for _ in range(12):
        centre, radius, width = rng.uniform(0.18, 0.82, 2), rng.uniform(0.04, 0.14), rng.uniform(0.006, 0.02)
        mask = coverage(
            lambda c, s, p=centre, r=radius, w=width: cv2.circle(
                c, tuple(int(v * c.shape[0]) for v in p), int(r * c.shape[0]), 255, int(w * c.shape[0]), cv2.LINE_AA
            )
        )
        shine = 0.55 + 0.45 * np.cos(np.arctan2(y / SIDE - centre[1], x / SIDE - centre[0]) * 3 + rng.uniform(0, 6))
        out = over(paint(mask, (np.array(base) * (0.35 + 0.75 * shine[..., None])).clip(0, 255)), out)
    return finish(out)


def leaves(rng: np.random.Generator, base: tuple[float, float, float]) -> Bytes:
    out = layer()
    for _ in range(9):
        angle, size = rng.uniform(0, 360), rng.uniform(0.1, 0.2)
        centre = tuple(int(v * SIDE * SUPER) for v in rng.uniform(0.28, 0.72, 2))
        axes = (int(size * SIDE * SUPER), int(size * 0.33 * SIDE * SUPER))
        mask = coverage(lambda c, s, p=centre, a=axes, t=angle: cv2.ellipse(c, p, a, t, 0, 360, 255, -1))
        out = over(paint(mask, texture(rng, tuple(np.array(base) * rng.uniform(0.75, 1.15)), 0.15, 60)), out)
    return finish(out)


def pixel_art(rng: np.random.Generator) -> Bytes:
    small = np.zeros((48, 48, 4), np.uint8)
    half = rng.random((36, 18)) < 0.62
    shape = np.concatenate([half, half[:, ::-1]], 1)
    palette = np.array([(20, 18, 30), (200, 60, 50), (240, 200, 80), (90, 110, 220), (235, 235, 235)], np.uint8)
    pick = rng.integers(0, 5, (36, 18))
    pick = np.concatenate([pick, pick[:, ::-1]], 1)
    small[6:42, 6:42, :3] = palette[pick] * shape[..., None]
    small[6:42, 6:42, 3] = shape * 255
    return np.kron(small, np.ones((16, 16, 1), np.uint8))


def motion(rng: np.random.Generator, base: tuple[float, float, float], length: int = 41) -> Bytes:
    subject = solid_blob(rng, base, 0.24, 0.35)
    premultiplied = np.concatenate([subject[..., :3] * subject[..., 3:], subject[..., 3:]], 2)
    kernel = np.zeros((length, length), np.float32)
    cv2.line(kernel, (0, length // 3), (length - 1, length - 1 - length // 3), 1, 1, cv2.LINE_AA)
    blurred = cv2.filter2D(premultiplied, -1, kernel / kernel.sum())
    return finish(np.concatenate([blurred[..., :3] / np.maximum(blurred[..., 3:], 1e-5), blurred[..., 3:]], 2))


def defocus(rng: np.random.Generator, base: tuple[float, float, float], sigma: float = 4.0) -> Bytes:
    subject = solid_blob(rng, base, 0.28)
    subject[..., 3] = cv2.GaussianBlur(subject[..., 3], (0, 0), sigma)
    return finish(subject)


def mesh(rng: np.random.Generator, base: tuple[float, float, float]) -> Bytes:
    """Lace: a disc of thin crossing threads, hundreds of small holes."""

    def draw(canvas: Bytes, s: int) -> None:
        side = canvas.shape[0]
        for k in range(-40, 41):
            at = int(side * (0.5 + k * 0.018))
            cv2.line(canvas, (at, 0), (at + int(side * 0.2), side), 255, int(rng.uniform(1.2, 3) * s), cv2.LINE_AA)
            cv2.line(canvas, (0, at), (side, at - int(side * 0.15)), 255, int(rng.uniform(1.2, 3) * s), cv2.LINE_AA)
        disc = np.zeros_like(canvas)
        cv2.circle(disc, (side // 2, side // 2), int(0.36 * side), 255, -1)
        canvas &= disc

    return finish(paint(coverage(draw), texture(rng, base, 0.2)))


def product(rng: np.random.Generator, bases: list[tuple[float, float, float]]) -> Bytes:
    out = layer()
    for k, base in enumerate(bases):
        outline = blob(rng, 0.15, 0.2, (0.24 + 0.26 * k, 0.45 + 0.05 * k))
        hole = (np.mean(outline, 0)).astype(int)
        mask = coverage(
            lambda c, s, o=outline, h=hole: (
                (cv2.fillPoly(c, [o], 255), cv2.circle(c, (int(h[0]), int(h[1])), 25 * s, 0, -1))[0] is None
            )
        )
        cast = cv2.GaussianBlur(np.roll(mask, (12, 8), (0, 1)), (0, 0), 9) * 0.4
        out = over(over(paint(mask, texture(rng, base, 0.2)), paint(cast, (0, 0, 0))), out)
    return finish(out)


def icons(rng: np.random.Generator) -> Bytes:
    out = layer()
    for row in range(4):
        for column in range(4):
            colour = tuple(int(v) for v in rng.integers(20, 236, 3))
            at = np.array([0.14 + 0.24 * column, 0.14 + 0.24 * row])
            outline = blob(rng, 0.07, 0.5, (float(at[0]), float(at[1])))
            hollow = bool(rng.random() < 0.4)
            mask = coverage(
                lambda c, s, o=outline, f=hollow: (
                    cv2.polylines(c, [o], True, 255, 6 * s, cv2.LINE_AA) if f else cv2.fillPoly(c, [o], 255)
                )
            )
            out = over(paint(mask, colour), out)
    return finish(out)


SUBJECTS: dict[str, Callable[[np.random.Generator], Bytes]] = {
    "hair_dark": lambda r: hair(r, (52, 38, 30), (205, 160, 130)),
    "hair_blond": lambda r: hair(r, (205, 170, 105), (235, 195, 165)),
    "portrait": portrait,
    "smoke_white": lambda r: smoke(r, (245, 245, 250)),
    "smoke_fire": lambda r: smoke(r, (255, 150, 40)),
    "shadow": lambda r: shadow(r, (70, 110, 190)),
    "glass_clear": lambda r: glass(r, (235, 240, 245)),
    "glass_amber": lambda r: glass(r, (190, 110, 30)),
    "text_white": lambda r: text(r, [(255, 255, 255), (240, 220, 120)]),
    "text_dark": lambda r: text(r, [(20, 20, 25), (150, 30, 40)]),
    "rings_gold": lambda r: rings(r, (230, 180, 70)),
    "rings_steel": lambda r: rings(r, (205, 208, 215)),
    "leaves": lambda r: leaves(r, (88, 140, 52)),
    "pixel_art": pixel_art,
    "motion": lambda r: motion(r, (225, 200, 80)),
    "defocus": lambda r: defocus(r, (120, 70, 160)),
    "mesh": lambda r: mesh(r, (230, 225, 235)),
    "product": lambda r: product(r, [(210, 90, 50), (235, 235, 238), (60, 60, 66)]),
    "icons": icons,
    "violet": lambda r: finish(solid_blob(r, (130, 70, 150))),
    "teal": lambda r: finish(solid_blob(r, (60, 140, 125))),
}
