"""Atlases: the frames of one or more animations packed into one image, and where each of them is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import rectpack

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.matting.arrays import Bytes

from .arguments import check_arguments
from .parts import Box, union
from .sprites import Frames

__all__ = ["Atlas", "Entry", "Tag", "Trim", "pack_atlas"]

Trim: TypeAlias = Literal["frame", "animation", "none"]
"""Clear borders go from every frame, by one box from all frames of an animation, or stay."""
MAX_EDGE = 4096
"""Pixels: phones and browsers often take no larger texture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One frame: its name, its `place` in the atlas, the box `kept` of it, its own (width, height), time and pivot.

    The pivot is in pixels of the untrimmed frame.
    """

    name: str
    place: Box
    kept: Box
    size: tuple[int, int]
    duration: int
    pivot: tuple[float, float] | None

    @property
    def trimmed(self) -> bool:
        """True if the atlas holds less than the whole frame."""
        return (self.kept.width, self.kept.height) != self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """An animation: the entries from `first` to `last`, both included."""

    name: str
    first: int
    last: int
    loops: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """The packed image (height, width, 4) uint8, its entries in the order of the frames, and the animations they make."""

    image: Bytes
    entries: tuple[Entry, ...]
    tags: tuple[Tag, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.image.shape[1], self.image.shape[0]

    def frame(self, index: int) -> Bytes:
        """The untrimmed frame, as it was before it was packed."""
        entry = self.entries[index]
        frame = np.zeros((entry.size[1], entry.size[0], 4), np.uint8)
        frame[entry.kept.slices] = self.image[entry.place.slices]
        return frame


def pack_atlas(
    animations: Sequence[Frames], *, trim: Trim = "frame", padding: int = 2, extrude: int = 0, max_edge: int = MAX_EDGE
) -> Atlas:
    """The atlas of all frames; frames that are the same share a place, and nothing is rotated.

    Args:
        padding: clear pixels between frames.
        extrude: pixels by which a frame's edge is repeated around it, so that a texture filter finds no gap.
        max_edge: neither edge of the atlas is longer, pixels.

    Raises:
        OptionError: the frames do not fit, or two animations have one name.
    """
    check_arguments("the atlas can't be packed", trim=trim, padding=padding, extrude=extrude, max_edge=max_edge)
    _check_names(animations)
    frames = [frame for animation in animations for frame in animation.pixels]
    boxes = [box for animation in animations for box in _kept(animation, trim)]
    parts = [frame[box.slices] for frame, box in zip(frames, boxes, strict=True)]
    keys = [(part.shape, part.tobytes()) for part in parts]
    unique = list(dict.fromkeys(keys))
    around = 2 * extrude + padding
    sizes = [(shape[1] + around, shape[0] + around) for shape, _ in unique]
    corners = _packed(sizes, max_edge, padding)
    places = {
        key: Box(x + extrude, y + extrude, x + extrude + key[0][1], y + extrude + key[0][0])
        for key, (x, y) in zip(unique, corners, strict=True)
    }
    image = _painted([(places[key], part) for key, part in zip(keys, parts, strict=True)], extrude)
    entries = tuple(
        Entry(name=name, place=places[key], kept=box, size=frame.shape[1::-1], duration=duration, pivot=pivot)
        for key, box, frame, (name, duration, pivot) in zip(keys, boxes, frames, _described(animations), strict=True)
    )
    return Atlas(image=image, entries=entries, tags=tuple(_tags(animations)))


def _check_names(animations: Sequence[Frames]) -> None:
    names = [animation.name for animation in animations]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        rule = "each animation needs a name of its own" if twice else "at least one animation"
        raise OptionError(
            "the atlas can't be packed",
            problems=(Problem(field="name", value=twice or None, rule=rule, fix="name='walk'"),),
        )


def _described(animations: Sequence[Frames]) -> Iterator[tuple[str, int, tuple[float, float] | None]]:
    for animation in animations:
        for name, duration in zip(animation.frame_names, animation.durations, strict=True):
            yield name, duration, animation.pivot


def _tags(animations: Sequence[Frames]) -> Iterator[Tag]:
    first = 0
    for animation in animations:
        yield Tag(name=animation.name, first=first, last=first + len(animation) - 1, loops=animation.loops)
        first += len(animation)


def _kept(animation: Frames, trim: Trim) -> list[Box]:
    """The box of each frame that goes into the atlas; an empty frame keeps one pixel."""
    whole = [Box(0, 0, frame.shape[1], frame.shape[0]) for frame in animation.pixels]
    if trim == "none":
        return whole
    tight = [_shown(frame) for frame in animation.pixels]
    if trim == "frame" or len({frame.shape for frame in animation.pixels}) > 1:
        return [box or Box(0, 0, 1, 1) for box in tight]
    shown = [box for box in tight if box]
    return [union(shown) if shown else Box(0, 0, 1, 1)] * len(whole)


def _shown(frame: Bytes) -> Box | None:
    columns, rows = np.flatnonzero(frame[..., 3].any(axis=0)), np.flatnonzero(frame[..., 3].any(axis=1))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1) if len(columns) else None


def _packed(sizes: Sequence[tuple[int, int]], max_edge: int, padding: int) -> list[tuple[int, int]]:
    """The left upper corner of each rectangle, in the smallest atlas of several widths that were tried.

    The padding of the last ones may lie outside of the atlas.
    """
    most = max_edge + padding
    area, widest = sum(w * h for w, h in sizes), max(w for w, _ in sizes)
    widths = {min(most, max(widest, round(area**0.5 * stretch))) for stretch in (1.0, 1.05, 1.1, 1.2, 1.35, 1.5, 2.0)}
    tries = [found for width in sorted(widths) if (found := _in_width(sizes, width, most)) is not None]
    if not tries:
        rule = f"{len(sizes)} frames, the widest {widest - padding} px, do not fit into {max_edge} x {max_edge} px"
        problem = Problem(
            field="max_edge", value=max_edge, rule=rule, fix="a smaller cell, or fewer animations in one atlas"
        )
        raise OptionError("the atlas can't be packed", problems=(problem,))
    return min(tries, key=lambda corners: _extent(sizes, corners))


def _in_width(sizes: Sequence[tuple[int, int]], width: int, max_edge: int) -> list[tuple[int, int]] | None:
    packer = rectpack.newPacker(rotation=False, pack_algo=rectpack.MaxRectsBssf, sort_algo=rectpack.SORT_SSIDE)
    packer.add_bin(width, max_edge)
    for number, (w, h) in enumerate(sizes):
        packer.add_rect(w, h, rid=number)
    packer.pack()
    found = {rid: (x, y) for _, x, y, _, _, rid in packer.rect_list()}
    return [found[number] for number in range(len(sizes))] if len(found) == len(sizes) else None


def _extent(sizes: Sequence[tuple[int, int]], corners: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The area that the atlas needs, and its longer edge."""
    width = max(x + w for (w, _), (x, _) in zip(sizes, corners, strict=True))
    height = max(y + h for (_, h), (_, y) in zip(sizes, corners, strict=True))
    return width * height, max(width, height)


def _painted(parts: Sequence[tuple[Box, Bytes]], extrude: int) -> Bytes:
    """The atlas image, as large as what is in it."""
    width = max(place.right for place, _ in parts) + extrude
    height = max(place.bottom for place, _ in parts) + extrude
    image = np.zeros((height, width, 4), np.uint8)
    for place, part in parts:
        edged = np.pad(part, ((extrude, extrude), (extrude, extrude), (0, 0)), mode="edge")
        image[place.top - extrude : place.bottom + extrude, place.left - extrude : place.right + extrude] = edged
    return image
