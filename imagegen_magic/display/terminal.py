"""Images in a terminal that shows them: kitty's and iTerm2's protocols, if the terminal's own variables name it."""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Mapping
from typing import Any, Literal

__all__ = ["image_protocol", "image_sequence", "show_in_terminal"]

Protocol = Literal["kitty", "iterm2"]
CHUNK = 4096
"""Bytes of base64 in one escape sequence, as kitty's protocol demands."""
MIMES = ("image/png", "image/jpeg")


def image_protocol(environ: Mapping[str, str] = os.environ) -> Protocol | None:
    """How this terminal shows images, or None: one that does not say so, or tmux and screen, which pass no image on.

    Sources: sw.kovidgoyal.net/kitty/graphics-protocol and iterm2.com/documentation-images.html; a terminal is known by the
    variables that it sets, since asking it would read what a person types.
    """
    if "TMUX" in environ or "STY" in environ:
        return None
    program, term = environ.get("TERM_PROGRAM", ""), environ.get("TERM", "")
    if "KITTY_WINDOW_ID" in environ or term in ("xterm-kitty", "xterm-ghostty") or program == "ghostty":
        return "kitty"
    named = program in ("iTerm.app", "WezTerm") or environ.get("LC_TERMINAL") == "iTerm2"
    return "iterm2" if named else None


def image_sequence(data: bytes, protocol: Protocol) -> str:
    """The escape sequences that show an image file's bytes; for kitty they are PNG."""
    text = base64.b64encode(data).decode()
    if protocol == "iterm2":
        return f"\x1b]1337;File=inline=1;size={len(data)}:{text}\x07\n"
    parts = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
    heads = [("a=T,f=100," if at == 0 else "") + f"m={int(at < len(parts) - 1)}" for at in range(len(parts))]
    return "".join(f"\x1b_G{head};{part}\x1b\\" for head, part in zip(heads, parts, strict=True)) + "\n"


def show_in_terminal(bundle: Mapping[str, Any]) -> None:
    """Writes a bundle's image to the terminal, if it shows images and a person reads it."""
    data = next((bundle[mime] for mime in MIMES if isinstance(bundle.get(mime), bytes)), None)
    if data is None or not sys.stdout.isatty():
        return
    protocol = image_protocol()
    if protocol is not None:
        sys.stdout.write(image_sequence(_as_png(data) if protocol == "kitty" else data, protocol))


def _as_png(data: bytes) -> bytes:
    from PIL import Image  # noqa: PLC0415 - loading the extension stays light

    made = io.BytesIO()
    Image.open(io.BytesIO(data)).save(made, "PNG")
    return made.getvalue()
