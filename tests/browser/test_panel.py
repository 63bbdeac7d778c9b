"""The panel, driven as a person would, in a real JupyterLab."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PROMPT = ".imagegen-prompt textarea"
START = ("%load_ext imagegen_magic", "import imagegen_magic\npanel = imagegen_magic.Panel()\npanel")


def opened(lab, *cells, **how):
    """A notebook with an open panel."""
    notebook = lab(*(cells or START), **how)
    notebook.run_all()
    notebook.page.wait_for_selector(PROMPT)
    notebook.page.wait_for_selector('.imagegen-panel[role="region"]', timeout=20_000)
    return notebook


def press(notebook, name):
    """Clicks one of the panel's buttons."""
    notebook.page.locator(".imagegen-panel").get_by_role("button", name=name, exact=True).click()


def wait_for_status(notebook, text):
    """Waits until the status line says `text`."""
    notebook.page.locator(".imagegen-status", has_text=text).wait_for(timeout=60_000)


def disc(width, height, points, radius):
    """Booleans of shape (height, width): pixel centres within `radius` of the line through `points`."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    hit = np.zeros((height, width), bool)
    for (x0, y0), (x1, y1) in zip(points, points[1:] or points, strict=False):
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        t = np.clip(((x - x0) * dx + (y - y0) * dy) / length, 0, 1) if length else 0 * x
        hit |= (x - x0 - t * dx) ** 2 + (y - y0 - t * dy) ** 2 <= radius**2
    return hit


def test_a_picture_from_prompt_to_cell(lab):
    """Fill in, generate, edit with a painted mask, compare, copy as a cell, run it; close, and the pictures stay."""
    notebook = opened(lab)
    page = notebook.page
    page.fill(PROMPT, "A ceramic mug on a walnut desk")
    page.locator(".imagegen-cost", has_text="$").wait_for()
    page.press(PROMPT, "Control+Enter")
    wait_for_status(notebook, "saved as @1")
    assert page.locator(".jp-OutputArea-output img").count() >= 1

    press(notebook, "Edit this")
    page.locator(".imagegen-picture", has_text="@1").wait_for()
    page.fill(PROMPT, "make the sky red")
    press(notebook, "paint")
    canvas = page.locator(".ig-canvas")
    canvas.wait_for()
    page.wait_for_timeout(800)
    box = page.locator(".ig-paint").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 40, steps=1)
    page.mouse.up()
    page.locator(".ig-say", has_text="% will change").wait_for()
    page.wait_for_timeout(600)
    press(notebook, "Use this mask")
    page.wait_for_timeout(600)
    page.locator(".imagegen-panel .imagegen-act").get_by_role("button", name="Edit").click()
    wait_for_status(notebook, "saved as @2")

    press(notebook, "Compare")
    page.locator(".ig-compare .ig-before[src^='blob:']").wait_for()
    press(notebook, "Copy as cell")
    page.wait_for_function("() => document.querySelector('.imagegen-cell textarea').value.startsWith('%%')")
    copied = page.locator(".imagegen-cell textarea").input_value()
    assert page.evaluate("navigator.clipboard.readText()") == copied
    assert copied.startswith("%%imagegen_edit"), copied
    assert "--mask" in copied
    notebook.run_new(copied)
    digests = notebook.ask("[r.digest for r in panel.session.store(panel.session.options({})).history.records()]")
    assert len(digests) == 3
    assert digests[1] == digests[2], "the cell makes the panel's request"
    assert notebook.errors == []

    notebook.save()
    notebook.end_kernel()
    page.goto("about:blank")
    notebook.open()
    page.wait_for_timeout(3000)
    page.screenshot(path="/tmp/shots/reload.png", full_page=True)
    assert page.locator(".jp-OutputArea-output img").count() >= 3
