"""The three widgets in a real JupyterLab: by pointer, by keys, by numbers, and as a screen reader hears them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
EDITOR = """
import io
from PIL import Image
from imagegen_magic.widgets import MaskEditor
editor = MaskEditor(Image.linear_gradient("L").resize((300, 200)).convert("RGB"))
editor
"""
ALPHA = "__import__('numpy').asarray(editor.mask_image)[..., 3].tolist()"
SLIDER = """
from PIL import Image
from imagegen_magic.widgets import CompareSlider
slider = CompareSlider(Image.new("RGB", (300, 200), "navy"), Image.new("RGB", (300, 200), "gold"), labels=("night", "day"))
slider
"""
GALLERY = """
from PIL import Image
from imagegen_magic.widgets import Gallery
gallery = Gallery([{"id": f"@{i}", "image": Image.new("RGB", (64, 64), (40 * i, 90, 120)), "label": f"p{i}",
                    "prompt": "<b>red</b> mug" if i % 2 else "blue cup"} for i in range(6)])
opened, edited = [], []
gallery.on_open(opened.append)
gallery.on_edit(edited.append)
gallery
"""


def line_of(width, height, points, radius):
    """Booleans of shape (height, width): pixels whose centre is within `radius` of the polyline."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    hit = np.zeros((height, width), bool)
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        t = np.clip(((x - x0) * dx + (y - y0) * dy) / length, 0, 1) if length else 0
        hit |= (x - x0 - t * dx) ** 2 + (y - y0 - t * dy) ** 2 <= radius**2
    return hit


@pytest.fixture
def editor(lab):
    notebook = lab(EDITOR)
    notebook.run_all()
    notebook.page.locator(".ig-picture[src^='blob:']").wait_for()
    notebook.page.wait_for_timeout(300)
    return notebook


def alpha(notebook):
    """The exported mask's alpha, once the page has sent it."""
    settled(notebook, "editor.strokes")
    return np.array(notebook.ask(ALPHA))


def settled(notebook, expression):
    """The value of an expression once it stays the same for a while after having changed, or after 4 seconds."""
    seen = []
    for _ in range(10):
        seen.append(notebook.ask(expression))
        if len(seen) > 3 and seen[-1] != seen[0] and seen[-1] == seen[-3]:
            break
        notebook.page.wait_for_timeout(400)
    return seen[-1]


def test_painted_alpha_matches_the_strokes(editor):
    """Two strokes with the mouse: exactly the pixels under the brush have alpha 0, all others 255."""
    page = editor.page
    box = page.locator(".ig-paint").bounding_box()
    scale = box["width"] / 300
    strokes = [[(40, 50), (120, 50), (120, 120)], [(200, 30), (260, 90)]]
    for stroke in strokes:
        for i, (x, y) in enumerate(stroke):
            page.mouse.move(box["x"] + x * scale, box["y"] + y * scale)
            if i == 0:
                page.mouse.down()
        page.mouse.up()
    found = alpha(editor)
    radius = round(200 / 24)
    expected = np.zeros((200, 300), bool)
    for stroke in strokes:
        exact = [(x * scale / scale, y * scale / scale) for x, y in stroke]
        expected |= line_of(300, 200, [exact[0], *exact], radius)
    assert set(np.unique(found)) == {0, 255}
    assert np.array_equal(found == 0, expected), (
        f"{(found == 0).sum()} painted, {expected.sum()} expected, {((found == 0) != expected).sum()} differ"
    )
    assert editor.errors == []


def test_keys_alone(editor):
    """Arrows and Space paint; rectangle by two corners; invert, undo and redo; Shift+Enter stays the notebook's."""
    page = editor.page
    canvas = page.locator(".ig-canvas")
    canvas.focus()
    page.keyboard.press("Space")
    found = alpha(editor)
    assert np.array_equal(found == 0, line_of(300, 200, [(150, 100), (150, 100)], 8))
    page.keyboard.press("Control+z")
    page.keyboard.press("r")
    page.keyboard.press("Space")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Space")
    found = alpha(editor) == 0
    expected = np.zeros((200, 300), bool)
    expected[100:130, 150:180] = True
    assert np.array_equal(found, expected)
    page.keyboard.press("x")
    assert np.array_equal(alpha(editor) == 0, ~expected)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+Shift+z")
    assert np.array_equal(alpha(editor) == 0, ~expected)
    page.keyboard.press("d")
    page.keyboard.press("d")
    assert page.locator(".jp-Notebook .jp-CodeCell").count() == 1, "d d belongs to the focused widget, not to the cell"
    before = page.locator(".jp-InputPrompt").first.inner_text()
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(f"() => document.querySelector('.jp-InputPrompt').innerText !== {json.dumps(before)}")


def test_numbers_and_lasso(editor):
    """A rectangle by numbers is exact; a lasso fills what it encloses."""
    page = editor.page
    for name, value in {"x": 10, "y": 20, "w": 30, "h": 40}.items():
        page.locator(f"[data-box={name}]").fill(str(value))
    page.get_by_role("button", name="Add rectangle").click()
    expected = np.zeros((200, 300), bool)
    expected[20:60, 10:40] = True
    assert np.array_equal(alpha(editor) == 0, expected)
    page.get_by_role("button", name="Erase rectangle").click()
    settled(editor, "editor.strokes")
    assert editor.ask("editor.mask") is None
    page.get_by_role("button", name="Lasso").click()
    box = page.locator(".ig-paint").bounding_box()
    scale = box["width"] / 300
    for i, (x, y) in enumerate([(50, 50), (150, 50), (150, 150), (50, 150)]):
        page.mouse.move(box["x"] + x * scale, box["y"] + y * scale)
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    found = alpha(editor) == 0
    assert found[60:140, 60:140].all()
    assert found.sum() == pytest.approx(10_000, rel=0.03)


def test_slider_by_keys(lab):
    """The line moves by arrow keys, and Python hears of it; without a kernel both pictures stay as one."""
    notebook = lab(SLIDER)
    notebook.run_all()
    page = notebook.page
    page.locator(".ig-before[src^='blob:']").wait_for()
    page.locator(".ig-range").focus()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert settled(notebook, "slider.position") == 3
    data = notebook.save().cells[0].outputs[0].data
    assert "image/png" in data or "image/jpeg" in data
    assert notebook.errors == []


def test_gallery_by_keys(lab):
    """One tab stop; arrows, Home and End walk; Enter opens, E edits, . stars; the filter narrows; texts stay texts."""
    notebook = lab(GALLERY)
    notebook.run_all()
    page = notebook.page
    page.locator(".ig-tile img[src^='blob:']").first.wait_for()
    assert page.locator('.ig-tile[tabindex="0"]').count() == 1
    assert page.locator(".ig-gallery b").count() == 0
    page.locator('.ig-tile[tabindex="0"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("e")
    page.keyboard.press(".")
    page.wait_for_timeout(500)
    assert notebook.ask("(opened, edited, gallery.starred, gallery.selected)") == (["@1"], ["@5"], ["@5"], "@5")
    page.get_by_label("filter the pictures").fill("blue")
    assert page.locator(".ig-tile").count() == 3
    assert notebook.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("what", ["editor", "slider", "gallery", "panel", "panel-edit"])
def test_axe_finds_nothing_serious(lab, theme, what):
    """axe-core: no serious or critical finding in the widgets and the panel, in both themes."""
    assert AXE.is_file(), "npm install --prefix tests/browser brings axe-core"
    panel = "%load_ext imagegen_magic\nimport imagegen_magic\npanel = imagegen_magic.Panel('a mug')\npanel"
    cells = {"editor": EDITOR, "slider": SLIDER, "gallery": GALLERY}
    notebook = lab(cells.get(what, panel), theme=theme)
    notebook.run_all()
    page = notebook.page
    scope = {"editor": ".ig-mask", "slider": ".ig-compare", "gallery": ".ig-gallery"}.get(what, ".imagegen-panel")
    page.locator(scope).wait_for()
    page.wait_for_timeout(1200)
    if what == "panel-edit":
        page.get_by_role("button", name="Edit", exact=True).first.click()
        page.get_by_text("Advanced", exact=True).click()
        page.wait_for_timeout(800)
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("scope => axe.run(scope, {resultTypes: ['violations']})", scope)["violations"]
    serious = [
        f"{v['id']} ({v['impact']}): {v['help']} — {[n['target'] for n in v['nodes']][:4]} {v['nodes'][0]['failureSummary'][:200]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
    assert not serious, "\n".join(serious)


def test_saved_state_is_light(lab):
    """After ten 4K pictures through the panel: what is saved of widgets holds no picture."""
    make = """
import imagegen_magic
panel = imagegen_magic.Panel("a red mug", size="3840x2160", quality="low")
panel
"""
    notebook = lab("%load_ext imagegen_magic", make)
    notebook.run_all()
    page = notebook.page
    page.locator(".imagegen-go:not([disabled])").wait_for()
    for i in range(1, 11):
        page.locator(".imagegen-go:not([disabled])").click()
        page.locator(".imagegen-status", has_text=f"saved as @{i}").wait_for(timeout=60_000)
    page.get_by_role("button", name="History", exact=True).click()
    page.locator(".ig-tile").nth(9).wait_for()
    state = notebook.ask(
        "len(__import__('json').dumps(__import__('ipywidgets').Widget.get_manager_state(drop_defaults=True)))"
    )
    saved = notebook.save()
    size = notebook.path.stat().st_size
    print(  # noqa: T201 - the figure that the test is about
        f"\nten 4K pictures: notebook {size / 1000:.0f} KB, state of all widgets {state / 1000:.0f} KB, {state / 10_000:.1f} KB a picture"
    )
    assert state / 10 < 20_000
    assert size < 10 * 300_000
    pictures = [
        o for cell in saved.cells for o in cell.outputs if any(m.startswith("image/") for m in o.get("data", {}))
    ]
    assert len(pictures) == 10
    with Image.open(notebook.folder / "output/imagegen/red-mug.png") as picture:
        assert picture.size == (3840, 2160)
