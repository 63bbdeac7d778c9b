"""The small widgets that core ipywidgets lack: plain ES modules without a build step, loaded when they are used."""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "AnimationPlayer": "animation_player",
    "CompareSlider": "compare_slider",
    "Gallery": "gallery",
    "MaskEditor": "mask_editor",
}

__all__ = ["AnimationPlayer", "CompareSlider", "Gallery", "MaskEditor"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
