"""What engines read beside an atlas: TexturePacker and Aseprite JSON, Godot's SpriteFrames, CSS.

TexturePacker: PixiJS's Spritesheet.ts @031c229 and Phaser's JSONHash.js; Aseprite: doc_exporter.cpp @00cdda7; Godot:
sprite_frames.cpp @073507e, whose loader skips an animation that lacks one of its keys. All read 2026-11-26.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

from imagegen_magic._version import __version__

from .packing import Atlas, Entry, Tag
from .sprites import Frames

__all__ = ["aseprite_json", "css_sprites", "godot_frames", "texturepacker_json"]

APP = "imagegen_magic"
GODOT_FPS = 10.0
"""Durations in a .tres are relative to this speed."""


def texturepacker_json(atlas: Atlas, image: str, *, array: bool = False) -> str:
    """TexturePacker's hash, or its array, for the atlas in the file `image`; Pixi's `anchor` and `animations` are in it too."""
    frames = {entry.name: _frame(entry) for entry in atlas.entries}
    listed: Any = [{"filename": name, **frame} for name, frame in frames.items()] if array else frames
    animations = {tag.name: [entry.name for entry in _of(atlas, tag)] for tag in atlas.tags}
    return _json({"frames": listed, "animations": animations, "meta": _meta(atlas, image)})


def aseprite_json(atlas: Atlas, image: str) -> str:
    """Aseprite's hash, with a duration a frame and a tag an animation; frames are named by number, as Phaser wants them."""
    frames = {str(number): {**_frame(entry), "duration": entry.duration} for number, entry in enumerate(atlas.entries)}
    tags = [{"name": tag.name, "from": tag.first, "to": tag.last, "direction": "forward"} for tag in atlas.tags]
    return _json(
        {"frames": frames, "meta": {**_meta(atlas, image), "frameTags": tags, "layers": [], "slices": _slices(atlas)}}
    )


def _slices(atlas: Atlas) -> list[dict[str, Any]]:
    """Each animation's pivot, which Aseprite keeps in a slice over the whole frame, in pixels."""
    found = []
    for tag in atlas.tags:
        entry = atlas.entries[tag.first]
        if entry.pivot is not None:
            bounds = {"x": 0, "y": 0, "w": entry.size[0], "h": entry.size[1]}
            key = {
                "frame": tag.first,
                "bounds": bounds,
                "pivot": {"x": round(entry.pivot[0]), "y": round(entry.pivot[1])},
            }
            found.append({"name": f"{tag.name} pivot", "color": "#0000ffff", "keys": [key]})
    return found


def _frame(entry: Entry) -> dict[str, Any]:
    place, kept = entry.place, entry.kept
    frame: dict[str, Any] = {
        "frame": {"x": place.left, "y": place.top, "w": place.width, "h": place.height},
        "rotated": False,
        "trimmed": entry.trimmed,
        "spriteSourceSize": {"x": kept.left, "y": kept.top, "w": kept.width, "h": kept.height},
        "sourceSize": {"w": entry.size[0], "h": entry.size[1]},
    }
    if entry.pivot is not None:
        point = {"x": round(entry.pivot[0] / entry.size[0], 6), "y": round(entry.pivot[1] / entry.size[1], 6)}
        frame |= {"pivot": point, "anchor": point}
    return frame


def _meta(atlas: Atlas, image: str) -> dict[str, Any]:
    width, height = atlas.size
    return {
        "app": APP,
        "version": __version__,
        "image": image,
        "format": "RGBA8888",
        "size": {"w": width, "h": height},
        "scale": "1",
    }


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _of(atlas: Atlas, tag: Tag) -> tuple[Entry, ...]:
    return atlas.entries[tag.first : tag.last + 1]


def godot_frames(atlas: Atlas, image: str) -> str:
    """Godot 4's SpriteFrames resource (.tres) for the atlas that the project has as `res://IMAGE`."""
    lines = [
        f'[gd_resource type="SpriteFrames" load_steps={len(atlas.entries) + 2} format=3]',
        "",
        f'[ext_resource type="Texture2D" path={json.dumps("res://" + image, ensure_ascii=False)} id="1"]',
        "",
    ]
    for number, entry in enumerate(atlas.entries):
        lines += [f'[sub_resource type="AtlasTexture" id="frame_{number}"]', *_region(entry), ""]
    lines += ["[resource]", f"animations = [{', '.join(_animation(atlas, tag) for tag in atlas.tags)}]"]
    return "\n".join(lines) + "\n"


def _region(entry: Entry) -> list[str]:
    """The part of the atlas, and the margin that puts a trimmed frame back to where it was: the whole difference in size."""
    place, kept, (width, height) = entry.place, entry.kept, entry.size
    lines = ['atlas = ExtResource("1")', f"region = Rect2({place.left}, {place.top}, {place.width}, {place.height})"]
    if entry.trimmed:
        lines.append(f"margin = Rect2({kept.left}, {kept.top}, {width - kept.width}, {height - kept.height})")
    return [*lines, "filter_clip = true"]


def _animation(atlas: Atlas, tag: Tag) -> str:
    frames = ", ".join(
        f'{{\n"duration": {entry.duration * GODOT_FPS / 1000:.4g},\n"texture": SubResource("frame_{number}")\n}}'
        for number, entry in enumerate(_of(atlas, tag), tag.first)
    )
    name = json.dumps(tag.name, ensure_ascii=False)
    return f'{{\n"frames": [{frames}],\n"loop": {str(tag.loops).lower()},\n"name": &{name},\n"speed": {GODOT_FPS}\n}}'


def css_sprites(frames: Frames, image: str) -> str:
    """A class that plays a sheet of one row: the file `image` moves by steps behind a window of one frame."""
    width, height = frames.size
    name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in frames.name)
    name = f"_{name}" if name[0].isdigit() else name  # a class does not begin with a digit
    repeat = "infinite" if frames.loops else "1 forwards"
    timing, moves = _even_steps(frames) if _is_even(frames.durations) else _own_times(frames)
    crisp = "  image-rendering: pixelated;\n" if frames.pixel_art else ""
    return (
        f".{name} {{\n  width: {width}px;\n  height: {height}px;\n  background: url({json.dumps(image)}) 0 0 no-repeat;\n{crisp}"
        f"  animation: {name} {timing} {repeat};\n}}\n"
        f"@keyframes {name} {{ {moves} }}\n"
        f"@media (prefers-reduced-motion: reduce) {{ .{name} {{ animation: none; }} }}\n"
    )


def _is_even(durations: Sequence[int]) -> bool:
    """True if all frames are shown for the same time, to the millisecond that rounding takes."""
    return max(durations) - min(durations) <= 1


def _even_steps(frames: Frames) -> tuple[str, str]:
    """Equal steps. What is played once stays on its last frame, so that only the others take time."""
    moving = len(frames) if frames.loops else max(1, len(frames) - 1)
    last = moving if frames.loops else len(frames) - 1
    total = sum(frames.durations[:moving])
    return f"{total}ms steps({moving})", f"to {{ background-position: -{last * frames.size[0]}px 0; }}"


def _own_times(frames: Frames) -> tuple[str, str]:
    """A place for each frame at its own time."""
    total = sum(frames.durations)
    starts = itertools.accumulate(frames.durations[:-1], initial=0)
    places = [(100 * start / total, number * frames.size[0]) for number, start in enumerate(starts)]
    if not frames.loops:
        places.append((100.0, places[-1][1]))
    return f"{total}ms step-end", " ".join(f"{at:.4g}% {{ background-position: -{x}px 0; }}" for at, x in places)
