"""What the panel needs from the page: its look, keys in the prompt, names for screen readers, the clipboard, opening a file."""

from __future__ import annotations

import anywidget

from .base import HERE

__all__ = ["PanelKeys"]


class PanelKeys(anywidget.AnyWidget):
    """Draws nothing, but brings the panel's look. Sends `{"press": "generate" | "older" | "newer", "prompt": text}`.

    Takes `{"copy": text}`, `{"open": path, "folder": the notebook's folder}` and `{"focus": "generate"}`.
    """

    _css = (HERE / "panel.css").read_text(encoding="utf-8")
    _esm = (HERE / "panel_keys.js").read_text(encoding="utf-8")
