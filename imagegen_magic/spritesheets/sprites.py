"""Sprites: the frames of one animation, or the objects of one sheet, ready to be played, changed and exported."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.matting.arrays import Bytes
from imagegen_magic.metadata.derived import Source, default_marking, finish_file

from .animation import AnimationFormat, encode_animation
from .checks import SheetReport
from .placing import Placement
from .preview import AnimationPreview, preview_animation

if TYPE_CHECKING:
    from imagegen_magic.widgets.animation_player import AnimationPlayer

__all__ = ["Frames", "PixelArt", "Sprites"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Frames:
    """What every set of frames has: pixels (height, width, 4) uint8 with straight alpha, a name and a time for each.

    `pivot` is the point that stands still, in pixels of a frame from its left upper corner; None if frames have no common one.
    `sources` are the files that they were made from: the mark in exported files names them.
    """

    name: str
    pixels: tuple[Bytes, ...] = field(repr=False)
    durations: tuple[int, ...]
    loops: bool = True
    pivot: tuple[float, float] | None = None
    columns: int = 0
    pixel_art: bool = False
    sources: tuple[Source, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Image.Image:
        return self.frames[index]

    def __iter__(self) -> Iterator[Image.Image]:
        return iter(self.frames)

    @cached_property
    def frames(self) -> list[Image.Image]:
        """The frames as Pillow RGBA images."""
        return [Image.fromarray(frame) for frame in self.pixels]

    @property
    def frame_names(self) -> tuple[str, ...]:
        """`NAME-1`, `NAME-2` and so on: what a frame's file and its entry in an atlas are called."""
        return tuple(f"{self.name}-{number}" for number in range(1, len(self) + 1))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the largest frame, pixels."""
        return max(frame.shape[1] for frame in self.pixels), max(frame.shape[0] for frame in self.pixels)

    @property
    def sheet(self) -> Image.Image:
        """All frames in equal cells, row by row."""
        width, height = self.size
        columns = self.columns or len(self)
        sheet = np.zeros((-(-len(self) // columns) * height, columns * width, 4), np.uint8)
        for number, frame in enumerate(self.pixels):
            top, left = number // columns * height, number % columns * width
            sheet[top : top + frame.shape[0], left : left + frame.shape[1]] = frame
        return Image.fromarray(sheet)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        """(frames, height, width, 4) uint8, or ValueError if frames differ in size."""
        return np.stack(self.pixels).astype(dtype or np.uint8)

    def retimed(self, *, fps: float | None = None, durations: Sequence[int] | None = None) -> Frames:
        """The same frames at that many a second, or for those milliseconds each.

        Raises:
            OptionError: neither or both are given, or a time is outside of 1 ms to 65.535 s.
        """
        return replace(self, durations=_times(len(self), fps, durations))

    def animated(self, form: AnimationFormat = "apng", *, mark: bool | None = None) -> bytes:
        """The animation as the bytes of a .gif, animated .png or .webp file; `mark` is as of `Cutout.to_bytes`."""
        data = encode_animation(self.pixels, self.durations, form, loop=self.loops)
        return finish_file(data, self.sources, step="animation", marking=default_marking(mark=mark))

    def play(self, *, background: str = "checker", onion: bool = False, speed: float = 1.0) -> AnimationPlayer:
        """A player for the notebook; what it leaves in the saved output is the animated preview.

        Args:
            background: `checker`, `light`, `dark`, or a colour as #rrggbb.
            onion: shows the frame before in red and the one after in blue, faintly.
            speed: 0.25, 0.5, 1, 2 or 4 times the frames' own times.

        Raises:
            OptionError: a background or a speed that there is not.

        Example:
            >>> walk.play(background="dark", onion=True)  # doctest: +SKIP
        """
        from imagegen_magic.widgets.animation_player import AnimationPlayer  # noqa: PLC0415 - anywidget comes with the first player: 0.3 s

        return AnimationPlayer(
            [Image.fromarray(frame) for frame in self._padded()],
            self.durations,
            name=self.name,
            loops=self.loops,
            pixelated=self.pixel_art,
            background=background,
            onion=onion,
            speed=speed,
            still=self.preview().bundle(repr(self), alt=self.alt),
        )

    def preview(self) -> AnimationPreview:
        """The animation as a notebook keeps it: at most 200 KB, at a smaller size if need be."""
        return preview_animation(self._padded(), self.durations, loop=self.loops, pixel_art=self.pixel_art)

    @property
    def alt(self) -> str:
        """One sentence for those who do not see the frames."""
        width, height = self.size
        what = f"an animation of {len(self)} frames" if len(self) > 1 else "one frame"
        return f"{self.name}: {what}, {width} by {height} pixels"

    def __repr__(self) -> str:
        width, height = self.size
        return f"{type(self).__name__}({self.name!r}, {len(self)} frames of {width}x{height}, {sum(self.durations)} ms)"

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, object], dict[str, object]]:
        return self.preview().bundle(repr(self), alt=self.alt)

    def _padded(self) -> list[Bytes]:
        """The frames in one size, clear to the right and below."""
        width, height = self.size
        return [np.pad(f, ((0, height - f.shape[0]), (0, width - f.shape[1]), (0, 0))) for f in self.pixels]


def _times(count: int, fps: float | None, durations: Sequence[int] | None) -> tuple[int, ...]:
    if (fps is None) == (durations is None):
        problem = Problem(
            field="fps", value=fps, rule="give either frames a second or durations in milliseconds", fix="fps=10"
        )
        raise OptionError("how long is a frame shown?", problems=(problem,))
    times = tuple(durations) if durations is not None else spread_times(count, fps or 0)
    if len(times) != count or not all(1 <= time <= 65_535 for time in times):
        rule = f"{count} durations of 1 to 65,535 ms, one for each frame"
        problem = Problem(field="durations", value=list(times), rule=rule, fix="fps=10")
        raise OptionError("how long is a frame shown?", problems=(problem,))
    return times


def spread_times(count: int, fps: float) -> tuple[int, ...]:
    """Milliseconds for each of `count` frames at that many a second; rounding does not add up."""
    if not 0.1 <= fps <= 100:
        problem = Problem(field="fps", value=fps, rule="0.1 to 100 frames a second", fix="fps=10")
        raise OptionError("that speed is not possible", problems=(problem,))
    ends = [round(number * 1000 / fps) for number in range(count + 1)]
    return tuple(end - start for start, end in itertools.pairwise(ends))


@dataclass(frozen=True, kw_only=True, repr=False)
class PixelArt(Frames):
    """One picture in real pixels: its palette, the blocks found (pixels of the source; None if they were given), how sure, 0 to 1."""

    palette: tuple[str, ...]
    pitch: tuple[float, float] | None
    confidence: float


@dataclass(frozen=True, kw_only=True, repr=False)
class Sprites(Frames):
    """Frames cut from a sheet, and the report of how.

    `key` is the backdrop colour that was removed, `placement` the scale and pivot that all frames share, `palette` the
    colours of pixel art, `pitch` how many pixels of the sheet made one of it.
    """

    report: SheetReport
    placement: Placement | None = None
    key: str | None = None
    palette: tuple[str, ...] = ()
    pitch: tuple[float, float] | None = None

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, object], dict[str, object]]:
        data, metadata = super()._repr_mimebundle_()
        open_points = [f"{check}" for check in self.report.checks if check.status != "pass"]
        return {**data, "text/plain": "\n".join([repr(self), *open_points])}, metadata
