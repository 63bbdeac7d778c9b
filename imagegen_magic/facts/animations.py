"""The animations of `animations.toml`: their poses, how many frames they take, and whether they are played once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

__all__ = ["Animation", "find_animation", "load_animations"]

USUAL_FRAMES = 6
"""Frames of an animation that the table does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Animation:
    """One animation: `title` is what a prompt calls it, `ground` what its feet do (see `animations.toml`)."""

    name: str
    title: str
    frames: int = USUAL_FRAMES
    loops: bool = True
    ground: Literal["auto", "feet", "row"] = "auto"
    phases: tuple[str, ...] = ()
    """The poses in their order; empty if only the title is known."""

    def poses(self, frames: int) -> tuple[str, ...]:
        """A pose for each of so many frames; empty for one that lies between two, and for all without phases.

        A cycle is sampled evenly from its first pose on. What is played once keeps its first and its last.

        >>> load_animations()["jump"].poses(3)[2]
        'standing again'
        """
        last = len(self.phases) - 1
        if last < 0:
            return ("",) * frames
        if frames > len(self.phases):
            step = frames / len(self.phases) if self.loops else (frames - 1) / last
            at = {round(number * step): pose for number, pose in enumerate(self.phases)}
            return tuple(at.get(number, "") for number in range(frames))
        if self.loops:
            return tuple(self.phases[number * len(self.phases) // frames] for number in range(frames))
        return tuple(self.phases[round(number * last / max(1, frames - 1))] for number in range(frames))


@cache
def load_animations() -> dict[str, Animation]:
    """Every known animation by its name."""
    table = tomllib.loads(Path(__file__).with_name("animations.toml").read_text(encoding="utf-8"))
    return {
        name: Animation(**{**entry, "name": name, "phases": tuple(entry["phases"])}) for name, entry in table.items()
    }


def find_animation(words: str | None) -> Animation | None:
    """The animation of that name; any other text is one that only has a title; None without words."""
    text = " ".join((words or "").split())
    if not text:
        return None
    return load_animations().get(text.lower()) or Animation(name=text, title=text)
