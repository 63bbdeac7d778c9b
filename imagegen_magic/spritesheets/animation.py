"""Animated files: GIF, APNG and WebP, with every frame's time and as much alpha as the format holds.

What Pillow 13 does was tried on 2026-11-26: it floors GIF times to 10 ms, makes every alpha above 0 opaque and begins the file anew
at a clear frame, so that GIFs are put together here; an APNG shows every frame, clear ones too, by `blend=0` with `disposal=0` only.
In APNG and WebP neighbours that are the same become one, for their time together.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

import numpy as np
from PIL import GifImagePlugin, Image

from imagegen_magic.matting.arrays import Bytes, Mask

__all__ = ["AnimationFormat", "encode_animation", "gif_durations"]

AnimationFormat: TypeAlias = Literal["gif", "apng", "webp"]
GIF_STEP, GIF_LEAST = 10, 20
"""Milliseconds: GIF counts in steps of the first; browsers slow frames down that are shorter than the second."""
GIF_COLOURS = 255
"""One of 256 means clear."""


def gif_durations(durations: Sequence[int]) -> list[int]:
    """The times in milliseconds as a GIF can hold them, with the total kept as near as can be."""
    found: list[int] = []
    wanted = given = 0
    for duration in durations:
        wanted += duration
        step = max(GIF_LEAST, round((wanted - given) / GIF_STEP) * GIF_STEP)
        found.append(step)
        given += step
    return found


def encode_animation(
    frames: Sequence[Bytes],
    durations: Sequence[int],
    form: AnimationFormat,
    *,
    loop: bool = True,
    lossless: bool = True,
) -> bytes:
    """The file of frames (height, width, 4) uint8 of one size, each shown for its milliseconds, for ever or once.

    APNG and WebP are lossless; in a GIF alpha is on or off, and all frames share one palette, so that what stands still
    does not flicker. `lossless=False` makes a WebP of a fifth of the size, whose alpha is still exact. Raises ValueError if frames differ in size or number from the durations.
    """
    if len({frame.shape for frame in frames}) != 1 or len(frames) != len(durations):
        raise ValueError("an animation needs frames of one size, each with its duration")
    if form == "gif":
        return _gif(frames, gif_durations(durations), loop)
    images = [Image.fromarray(frame) for frame in frames]
    buffer = io.BytesIO()
    times = {"duration": list(durations), "loop": 0 if loop else 1}
    if form == "apng":
        _save(buffer, images, "PNG", **times, disposal=0, blend=0, default_image=False)
    else:
        _save(buffer, images, "WEBP", **times, lossless=lossless, quality=80, method=4 if lossless else 2)
    return buffer.getvalue()


def _save(buffer: io.BytesIO, images: Sequence[Image.Image], form: str, **how: object) -> None:
    images[0].save(buffer, form, save_all=True, append_images=images[1:], **how)


def _gif(frames: Sequence[Bytes], durations: Sequence[int], loop: bool) -> bytes:
    strip = np.concatenate(frames, axis=0)
    solid = np.asarray(strip[..., 3] >= 128)
    indices, palette = _indexed(strip[..., :3], solid)
    indices[~solid] = GIF_COLOURS
    height = frames[0].shape[0]
    stills = [indices[top : top + height] for top in range(0, len(strip), height)]
    blocks = [block for still, time in zip(stills, durations, strict=True) for block in _gif_frame(still, time)]
    return b"".join([_gif_header(palette, (stills[0].shape[1], height), loop), *blocks, b";"])


def _gif_header(palette: Bytes, size: tuple[int, int], loop: bool) -> bytes:
    """What a GIF begins with: its size, one palette for all frames, and that it begins again."""
    full = np.zeros((256, 3), np.uint8)
    full[: len(palette)] = palette
    full[len(palette) :] = palette[-1]  # a tail of black would take dark colours
    screen = struct.pack("<6sHHBBB", b"GIF89a", *size, 0xF7, GIF_COLOURS, 0)  # 0xF7: a global palette of 256 colours
    return screen + full.tobytes() + (b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00" if loop else b"")


def _gif_frame(still: Bytes, duration: int) -> Iterator[bytes]:
    """The blocks of one frame: the box of what it shows, one pixel if that is nothing; cleared when its time is over."""
    shown = still != GIF_COLOURS
    columns, rows = np.flatnonzero(shown.any(axis=0)), np.flatnonzero(shown.any(axis=1))
    left, right, top, bottom = (
        (int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1) if len(columns) else (0, 1, 0, 1)
    )
    box = np.ascontiguousarray(still[top:bottom, left:right])
    image = Image.frombytes("P", (box.shape[1], box.shape[0]), box.tobytes())
    yield from GifImagePlugin.getdata(image, (left, top), duration=duration, disposal=2, transparency=GIF_COLOURS)


def _indexed(rgb: Bytes, solid: Mask) -> tuple[Bytes, Bytes]:
    """Palette indices of every pixel, and the palette (n, 3), made of the solid pixels only: exact up to 255 colours."""
    colours, back = np.unique(rgb[solid], axis=0, return_inverse=True)
    indices = np.zeros(rgb.shape[:2], np.uint8)
    if len(colours) <= GIF_COLOURS:
        indices[solid] = back.reshape(-1)
        return indices, colours if len(colours) else np.zeros((1, 3), np.uint8)
    row = Image.fromarray(rgb[solid][None])
    reduced = row.quantize(GIF_COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
    indices[solid] = np.asarray(reduced)[0]
    return indices, np.array(reduced.getpalette(), np.uint8).reshape(-1, 3)[:GIF_COLOURS]
