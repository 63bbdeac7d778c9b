"""Animated files to frames and back: a GIF that came from the API or elsewhere, cut out with one key, edited as one sheet."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.images.limits import MAX_PIXELS
from imagegen_magic.images.opening import decoding, open_image
from imagegen_magic.matting.arrays import Bytes, as_bytes
from imagegen_magic.matting.cutout import cutout
from imagegen_magic.matting.loading import Picture, load_picture
from imagegen_magic.metadata.derived import source_of

from .sprites import Frames

__all__ = ["Animation", "unpack"]

GUTTER = 8
"""Pixels that repeat each frame's border between it and the next on the sheet that is cut out: no edge arises at the seam."""
SLOWED, SHOWN_AS = 10, 100
"""Milliseconds: Chromium and Firefox show frames of up to the first for the second, as GIFs without a time mean it."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Animation(Frames):
    """The frames of an animated file; `key` is the backdrop colour that was removed, None if nothing was."""

    key: str | None = None

    def with_sheet(self, sheet: Picture) -> Animation:
        """The same animation with the frames of another sheet in the same equal cells, such as an edit of `self.sheet`.

        The sheet may have any size: each of its cells is scaled to the frames' own size. Times and names stay.

        Raises:
            CutoutError: the sheet is no picture that can be read.

        Example:
            >>> wave = unpack("wave.gif")  # doctest: +SKIP
            >>> night = wave.with_sheet(imagegen_magic.edit("make it night", wave.sheet).path)  # doctest: +SKIP
            >>> imagegen_magic.export_sprites(night, "out", formats=["gif"])  # doctest: +SKIP
        """
        rgb, alpha, _ = load_picture(sheet)
        whole = Image.fromarray(rgb if alpha is None else np.dstack([rgb, alpha])).convert("RGBA")
        columns = self.columns or len(self)
        wide, high = whole.width / columns, whole.height / -(-len(self) // columns)
        cells = [(n % columns * wide, n // columns * high) for n in range(len(self))]
        pixels = [whole.resize(self.size, Image.Resampling.LANCZOS, box=(x, y, x + wide, y + high)) for x, y in cells]
        return replace(self, pixels=tuple(np.asarray(frame) for frame in pixels), sources=(source_of(sheet),))


def unpack(
    file: str | os.PathLike[str] | bytes,
    *,
    cut_out: bool = False,
    key: str = "auto",
    fps: float | None = None,
    durations: Sequence[int] | None = None,
    name: str | None = None,
) -> Animation:
    """The frames of an animated GIF, WebP or PNG, each (height, width, 4) uint8, with its time in milliseconds.

    Args:
        cut_out: removes the flat backdrop of all frames, with one key, so that nothing flickers.
        key: the backdrop's colour; `auto` takes what fills the border.
        fps: frames a second, in place of the file's times.
        durations: milliseconds of each frame, or one for all, in place of the file's times; a GIF holds steps of 10 ms.
        name: what frames are called; without it the file's name.

    Raises:
        OptionError: it is no picture that can be read, its frames have more than 100 million pixels, or times do not fit.
        CutoutError: there is no flat backdrop, or nothing on it.

    Example:
        >>> wave = unpack("wave.gif", cut_out=True, fps=12)  # doctest: +SKIP
        >>> len(wave), wave.durations[:3]  # doctest: +SKIP
        (6, (83, 84, 83))
    """
    source = file if isinstance(file, bytes) else Path(file)
    title = name or (source.stem if isinstance(source, Path) else "animation")
    pixels, times, loops = _read(source, title)
    found = Animation(
        name=title,
        pixels=pixels,
        durations=times,
        loops=loops,
        columns=math.ceil(math.sqrt(len(pixels))),
        sources=(source_of(file),),
    )
    if cut_out:
        found = _cut_out(found, key)
    if fps is None and durations is None:
        return found
    each = tuple(durations) * len(found) if durations is not None and len(durations) == 1 else durations
    return replace(found, durations=found.retimed(fps=fps, durations=each).durations)


def _read(source: Path | bytes, title: str) -> tuple[tuple[Bytes, ...], tuple[int, ...], bool]:
    """Frames, milliseconds, and whether it begins again at its end; the header says how many pixels are to come."""
    with open_image(source, title) as image, decoding(title):
        count = getattr(image, "n_frames", 1)
        if count * image.width * image.height > MAX_PIXELS:
            rule = (
                f"{count} frames of {image.width}x{image.height}: together at most {MAX_PIXELS // 10**6} million pixels"
            )
            raise OptionError(
                "an animation is too large",
                problems=(Problem(field="file", value=title, rule=rule, fix="a smaller one"),),
            )
        repeats = image.info.get("loop", 1 if image.format == "GIF" else 0) != 1
        frames, times = [], []
        for frame in ImageSequence.Iterator(image):
            frames.append(np.array(frame.convert("RGBA")))
            given = round(frame.info.get("duration", 0))
            times.append(SHOWN_AS if given <= SLOWED else given)
    return tuple(frames), tuple(times), repeats


def _cut_out(animation: Animation, key: str) -> Animation:
    """Every frame cut out by the key and the measures of all of them together, on one sheet."""
    width, height = animation.size
    spaced = [np.pad(frame, ((GUTTER, GUTTER), (GUTTER, GUTTER), (0, 0)), mode="edge") for frame in animation.pixels]
    rows = [spaced[start : start + animation.columns] for start in range(0, len(spaced), animation.columns)]
    rows[-1] += [spaced[-1]] * (animation.columns - len(rows[-1]))
    sheet = np.concatenate([np.concatenate(row, axis=1) for row in rows])
    solid = bool((sheet[..., 3] == 255).all())
    cut = cutout(np.ascontiguousarray(sheet[..., :3]) if solid else sheet, key=key)
    places = [
        (n // animation.columns * (height + 2 * GUTTER) + GUTTER, n % animation.columns * (width + 2 * GUTTER) + GUTTER)
        for n in range(len(animation))
    ]
    pixels = tuple(as_bytes(cut.rgba[top : top + height, left : left + width].copy()) for top, left in places)
    return replace(animation, pixels=pixels, key=cut.key)
