"""A batch in JupyterLab: its table while it runs, after it, interrupted, and in the saved notebook without a kernel."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import serve

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("IMAGEGEN_SHOTS")
"""A folder for pictures of the page, or None."""
HOSTILE = "<img src=x onerror=\"document.title='owned'\"> **bold** </td></table><script>document.title='owned'</script>"


@pytest.fixture
def slow():
    """A served simulator on which a picture takes a second and one job is blocked."""
    with serve(simulator=Simulator(latency=1.0, faults="ok, ok, moderation", record=True)) as served:
        yield served


def shoot(lab, name):
    if SHOTS:
        lab.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def cell(url, jobs=12):
    lines = [json.dumps({"prompt": f"flat icon of a fish, number {n}", "out": f"fish{n}.png"}) for n in range(jobs - 1)]
    head = f"%%imagegen_batch fish --backend openai --base-url {url} --size 1024x1024 --quality low --concurrency 3"
    return "\n".join([head, *lines, HOSTILE])


@pytest.mark.parametrize(("theme", "width"), [("light", 1200), ("dark", 620)])
def test_live_table(lab, slow, theme, width):
    """The table moves while the batch runs and ends as results and a contact sheet, which a saved notebook keeps."""
    notebook = lab("%load_ext imagegen_magic", cell(slow.url), theme=theme, width=width)
    page = notebook.page
    notebook.menu("Run", "Run All Cells")
    page.locator("text=/[3-9] of 12/").first.wait_for(timeout=30_000)
    page.locator(".jp-OutputArea-output img").first.wait_for(timeout=30_000)
    shoot(notebook, f"batch-during-{theme}")
    notebook.idle()
    page.locator("text=11 done").first.wait_for(timeout=30_000)
    page.wait_for_timeout(500)
    shoot(notebook, f"batch-after-{theme}")
    assert page.title() != "owned"
    assert page.locator("mjx-container").count() == 0, "prices are typeset as mathematics"
    assert page.locator("text=moderation").count()
    overflow = "() => { const o = document.querySelector('.jp-OutputArea-output table'); return o.scrollWidth - o.closest('.jp-OutputArea-output').clientWidth }"
    assert page.evaluate(overflow) <= 1, "the table is wider than its output"
    saved = notebook.save()
    outputs = saved.cells[1].outputs
    assert "text/html" in outputs[0].data
    assert "11 done" in outputs[0].data["text/plain"]
    assert {"image/jpeg", "image/png"} & set(outputs[1].data)
    assert len(json.dumps(outputs)) < 500_000
    notebook.end_kernel()
    notebook.open_as_a_stranger()
    page.locator("text=11 done").first.wait_for(timeout=30_000)
    assert page.locator(".jp-OutputArea-output img").count() == 1
    shoot(notebook, f"batch-no-kernel-{theme}")
    assert page.title() != "owned"


def test_interrupted_and_run_again(lab, slow):
    """An interrupt in the middle gives the prompt back; the same cell again makes the rest, and nothing twice."""
    notebook = lab("%load_ext imagegen_magic", cell(slow.url))
    page = notebook.page
    notebook.menu("Run", "Run All Cells")
    page.locator("text=/[4-6] of 12/").first.wait_for(timeout=30_000)
    page.keyboard.press("Escape")
    page.keyboard.press("i")
    page.keyboard.press("i")
    page.locator("text=nothing more is sent").first.wait_for(timeout=10_000)
    shoot(notebook, "batch-interrupted")
    notebook.idle()
    page.wait_for_timeout(2500)
    before = slow.simulator.images_billed
    assert 3 <= before < 11
    notebook.run_all()
    page.locator("text=12 done").first.wait_for(timeout=30_000)
    shoot(notebook, "batch-again")
    assert slow.simulator.images_billed == 12
    assert len(list(notebook.folder.glob("output/imagegen/*.png"))) == 12
