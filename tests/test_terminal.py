"""Images in terminals: which one shows them, and the very bytes that it gets."""

from __future__ import annotations

import base64
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from imagegen_magic.display.terminal import CHUNK, image_protocol, image_sequence

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("environ", "protocol"),
    [
        ({}, None),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"LC_TERMINAL": "iTerm2", "TERM": "xterm-256color"}, "iterm2"),
        ({"TERM_PROGRAM": "Apple_Terminal"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux-0/default"}, None),
        ({"TERM_PROGRAM": "iTerm.app", "STY": "1.pts"}, None),
    ],
)
def test_who_shows_images(environ, protocol):
    assert image_protocol(environ) == protocol


@pytest.mark.parametrize("size", [1, 3072, 3073, 10_000])
def test_kittys_chunks(size):
    """Every chunk is short enough, all but the last say that more comes, and together they are the file."""
    data = bytes(range(256)) * (size // 256 + 1)
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", image_sequence(data[:size], "kitty"))
    assert base64.b64decode("".join(text for _, text in parts)) == data[:size]
    assert all(len(text) <= CHUNK for _, text in parts)
    assert parts[0][0].startswith("a=T,f=100,")
    assert [head[-1] for head, _ in parts] == ["1"] * (len(parts) - 1) + ["0"]


def test_iterms_sequence():
    found = re.fullmatch(r"\x1b\]1337;File=inline=1;size=5:(.*)\x07\n", image_sequence(b"image", "iterm2"))
    assert base64.b64decode(found[1]) == b"image"


@pytest.mark.parametrize("term", ["xterm-kitty", "xterm-256color"])
@pytest.mark.front_end("IPython in a terminal", "{term}: an image if the terminal says that it shows some", "on a pseudo-terminal, here", package="ipython")  # fmt: skip
def test_in_a_real_ipython(folder, term):
    """On a terminal of its own: kitty gets the image as PNG, any other one the sentence alone."""
    cells = "%load_ext imagegen_magic\n%config ImagegenMagics.backend = 'simulator'\n"
    cells += "get_ipython().run_cell_magic('imagegen', '--size square -q low', 'A red fox.')\n"
    (folder / "cells.ipy").write_text(cells)
    pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
    ours, theirs = pty.openpty()
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "TERM": term}
    command = [sys.executable, "-m", "IPython", "--no-banner", "--simple-prompt", "cells.ipy"]
    process = subprocess.Popen(command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 1 << 16):
            shown += piece
    except OSError:  # the other end is closed
        pass
    assert process.wait(60) == 0
    os.close(ours)
    assert b"Image: A red fox." in shown
    parts = re.findall(rb"\x1b_G[^;]*;([^\x1b]*)\x1b", shown)
    assert bool(parts) == (term == "xterm-kitty")
    if parts:
        image = Image.open(io.BytesIO(base64.b64decode(b"".join(parts))))
        assert image.format == "PNG"
        assert min(image.size) > 100
