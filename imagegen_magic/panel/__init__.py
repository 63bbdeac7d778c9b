"""The panel: everything without writing a flag. It makes the same jobs that cells make, and decides nothing.

`controller` is the state machine, `facade` its one door to the session, `widget` the anywidget around both, and
`page/` what runs in the browser: plain files, joined when the panel is first opened.
"""

from __future__ import annotations

from .widget import Panel

__all__ = ["Panel"]
