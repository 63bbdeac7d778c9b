"""Plays the frames of an animation: steps, speed, onion skin, grounds; an animated image if no widget can be shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets
from PIL import Image

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.images.png import encode_png

from .base import ImageWidget, source

__all__ = ["AnimationPlayer"]

SENT_EDGE = 768
"""Longer edges are made smaller for the page, in pixels."""
GROUNDS = ("checker", "light", "dark")
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)


class AnimationPlayer(ImageWidget):
    """A player of frames of one size.

    Args:
        frames: Pillow images of one size.
        durations: milliseconds of each.
        name: what the animation is called.
        loops: whether it begins again at its end.
        pixelated: enlarges by whole numbers, with hard edges, as pixel art needs it.
        background: `checker`, `light`, `dark`, or a colour as #rrggbb.
        onion: shows the frame before in red and the one after in blue, faintly, below the frame.
        speed: 0.25, 0.5, 1, 2 or 4 times the durations' own.
        still: data and metadata of what is shown if no widget can be; without it a sentence.

    Attributes:
        frame: the frame that is shown, from 0; brought up to date when the animation pauses.
        playing, speed, loops, onion, background: what the controls show; setting them changes the page.

    Raises:
        OptionError: an unknown background, or another speed.
    """

    module = source("animation_player")
    title = traitlets.Unicode().tag(sync=True)
    durations = traitlets.List(traitlets.Int()).tag(sync=True)
    width = traitlets.Int().tag(sync=True)
    height = traitlets.Int().tag(sync=True)
    pixelated = traitlets.Bool().tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)
    playing = traitlets.Bool(default_value=True).tag(sync=True)
    loops = traitlets.Bool(default_value=True).tag(sync=True)
    onion = traitlets.Bool(default_value=False).tag(sync=True)
    speed = traitlets.Float(1.0).tag(sync=True)
    background = traitlets.Unicode("checker").tag(sync=True)

    def __init__(
        self,
        frames: Sequence[Image.Image],
        durations: Sequence[int],
        *,
        name: str = "animation",
        loops: bool = True,
        pixelated: bool = False,
        background: str = "checker",
        onion: bool = False,
        speed: float = 1.0,
        still: tuple[dict[str, Any], dict[str, Any]] | None = None,
    ) -> None:
        _check(background, speed)
        self._frames = list(frames)
        self._still = still
        width, height = frames[0].size
        super().__init__(
            title=name,
            durations=list(durations),
            width=width,
            height=height,
            loops=loops,
            pixelated=pixelated,
            background=background,
            onion=onion,
            speed=speed,
        )

    def answer(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        """Sends the frames as PNG files, each at most 768 px long."""
        if message.get("ask") == "frames":
            self.send({"frames": len(self._frames)}, buffers=[_png(frame) for frame in self._frames])

    def still(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The animated image that was given, or a sentence."""
        return self._still or super().still()


def _check(background: str, speed: float) -> None:
    problems = []
    if background not in GROUNDS and not re.fullmatch(r"#[0-9a-fA-F]{6}", background):
        rule = f"{', '.join(GROUNDS)}, or a colour as #rrggbb"
        problems.append(Problem(field="background", value=background, rule=rule, fix="background='dark'"))
    if speed not in SPEEDS:
        rule = f"one of {', '.join(f'{s:g}' for s in SPEEDS)}"
        problems.append(Problem(field="speed", value=speed, rule=rule, fix="speed=0.5"))
    if problems:
        raise OptionError("the animation can't be played so", problems=tuple(problems))


def _png(frame: Image.Image) -> bytes:
    small = frame.convert("RGBA")
    if max(small.size) > SENT_EDGE:
        small = small.reduce(-(-max(small.size) // SENT_EDGE))
    return encode_png(np.asarray(small))
