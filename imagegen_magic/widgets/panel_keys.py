"""What the panel needs from the page: keys in the prompt, names for screen readers, the clipboard, opening a file."""

from __future__ import annotations

import anywidget

from .base import HERE

__all__ = ["PanelKeys"]


class PanelKeys(anywidget.AnyWidget):
    """Draws nothing. Sends `{"press": "generate" | "older" | "newer", "prompt": text}`.

    Takes `{"copy": text}`, `{"open": path, "folder": the notebook's folder}` and `{"focus": "generate"}`.
    """

    _esm = (HERE / "panel_keys.js").read_text(encoding="utf-8")
