"""A streaming cell and an interrupted one, watched in a real JupyterLab."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

START = """\
%load_ext imagegen_magic
from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import serve
server = serve(simulator=Simulator(latency=6))
%config ImagegenMagics.backend = "openai"
%config ImagegenMagics.base_url = server.url"""


def shown(notebook):
    """What the newest cell's outputs show: their texts, and their pictures' addresses."""
    return notebook.page.evaluate(
        """() => {
          const cell = [...document.querySelectorAll('.jp-CodeCell')].filter(c => c.textContent.includes('%%imagegen')).at(-1);
          const area = cell.querySelector('.jp-Cell-outputArea');
          return [area ? area.innerText : '', area ? [...area.querySelectorAll('img')].map(i => i.src) : []];
        }"""
    )


def photograph(notebook, name):
    """Keeps a screenshot where the environment names a folder for it."""
    if folder := os.environ.get("SCREENSHOTS"):
        notebook.page.screenshot(path=str(Path(folder) / f"{name}.png"))


def test_a_streaming_cell(lab):
    """Seconds, then the previews one after the other in one slot, then the picture; only that is in the saved notebook."""
    notebook = lab(START, "%%imagegen hero --size 1024x1024 --partials 2\nA red fox in the snow")
    notebook.menu("Run", "Run All Cells")
    seen, previews = [], []
    for _ in range(400):
        text, images = shown(notebook)
        if "output tokens" in text:
            break
        if images and images[0] not in previews:
            previews.append(images[0])
            photograph(notebook, f"streaming-{len(previews) + 1}")
        elif "generating · 1 s" in text and not seen:
            seen.append(text)
            photograph(notebook, "streaming-1")
        notebook.page.wait_for_timeout(50)
    notebook.idle()
    photograph(notebook, "streaming-final")
    assert "generating" in seen[0]
    assert len(previews) >= 2
    cell = notebook.save().cells[1]
    kinds = [sorted(output["data"]) for output in cell.outputs]
    assert kinds == [["image/jpeg", "text/html", "text/plain"]]
    assert "generating" not in str(cell.outputs)
    assert notebook.errors == []


def test_an_interrupted_cell(lab):
    """Kernel, Interrupt gives the prompt back at once; the picture that was sent for comes in, and the slot shows it."""
    notebook = lab(START, "%%imagegen late --size 1024x1024 --partials 0\nA red fox in the snow")
    notebook.menu("Run", "Run All Cells")
    notebook.page.wait_for_function("() => document.body.innerText.includes('generating')", timeout=30_000)
    notebook.page.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt").first.click()
    notebook.page.keyboard.press("Escape")
    notebook.page.keyboard.press("i")
    notebook.page.keyboard.press("i")
    notebook.idle()
    photograph(notebook, "interrupted")
    assert "CallCancelledError" in shown(notebook)[0]
    notebook.page.wait_for_function(
        "() => [...document.querySelectorAll('.jp-OutputArea img')].length > 0", timeout=30_000
    )
    photograph(notebook, "interrupted-later")
    assert list(notebook.folder.rglob("late.png"))
