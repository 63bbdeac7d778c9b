"""The widgets in a real JupyterLab: by pointer, by keys, by numbers, and as a screen reader hears them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from accessibility import serious_findings
from strokes import painted

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

EDITOR = """
import io
from PIL import Image
from imagegen_magic.widgets import MaskEditor
editor = MaskEditor(Image.linear_gradient("L").resize((300, 200)).convert("RGB"))
editor
"""
ALPHA = "[] if editor.mask is None else __import__('numpy').asarray(editor.mask_image)[..., 3].tolist()"
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

PLAYER = """
import numpy as np
from imagegen_magic.spritesheets.sprites import Frames
frames = np.zeros((6, 24, 24, 4), np.uint8)
for number, frame in enumerate(frames):
    frame[4:20, 2 * number : 2 * number + 10] = (200, 60, 40, 255)
walk = Frames(name="walk", pixels=tuple(frames), durations=(60,) * 6, pixel_art=True)
player = walk.play()
player
"""
CANVAS = """() => { const c = document.querySelector('.ig-player-stage canvas');
    return [...c.getContext('2d').getImageData(0, 10, 24, 1).data].filter((_, i) => i % 4 === 3); }"""


def keep(part, name):
    """Keeps a screenshot if the environment names a folder for it."""
    if folder := os.environ.get("SCREENSHOTS"):
        part.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.fixture(scope="module")
def notebook(shared_lab):
    return shared_lab(EDITOR)


@pytest.fixture
def editor(notebook):
    """The notebook, its one cell run anew, so that the editor is empty."""
    notebook.page.evaluate("() => document.querySelector('.ig-mask')?.classList.remove('ig-ready')")
    notebook.page.keyboard.press("Escape")
    notebook.run_all()
    notebook.page.wait_for_selector(".ig-mask.ig-ready")
    notebook.until("editor.mask is None", True)
    return notebook


def shows(notebook, expected):
    """Waits until the exported mask's alpha is 0 exactly where `expected` is true, and 255 elsewhere."""
    want = np.where(expected, 0, 255)
    notebook.until(ALPHA, lambda rows: np.array_equal(np.array(rows), want))


def spot(page, x, y):
    """Where a pixel of the editor's picture is on the page."""
    box = page.locator(".ig-paint").bounding_box()
    return box["x"] + x * box["width"] / 300, box["y"] + y * box["height"] / 200


def drag(page, points):
    """Draws with the mouse from pixel to pixel of the picture."""
    page.locator(".ig-canvas").scroll_into_view_if_needed()
    page.mouse.move(*spot(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*spot(page, *point))
    page.mouse.up()


def test_painted_alpha_matches_the_strokes(editor):
    """Two strokes with the mouse: exactly the pixels under the brush have alpha 0, all others 255."""
    strokes = [[(40, 50), (120, 50), (120, 120)], [(200, 30), (260, 90)]]
    for stroke in strokes:
        drag(editor.page, stroke)
    shows(editor, np.logical_or.reduce([painted(300, 200, stroke, round(200 / 24)) for stroke in strokes]))
    assert editor.errors == []


def test_the_eraser_and_zoom(editor):
    """The eraser takes strokes back; zooming and fitting change what is seen, not what is painted."""
    page = editor.page
    drag(page, [(60, 60), (200, 60)])
    page.get_by_role("button", name="zoom in").click()
    page.get_by_role("button", name="Fit", exact=True).click()
    page.get_by_role("button", name="Eraser").click()
    drag(page, [(120, 60), (160, 60)])
    shows(editor, painted(300, 200, [(60, 60), (200, 60)], 8) & ~painted(300, 200, [(120, 60), (160, 60)], 8))


def test_keys_alone(editor):
    """Arrows and Space paint; rectangle by two corners; invert, undo and redo; Shift+Enter stays the notebook's."""
    page = editor.page
    page.locator(".ig-canvas").focus()
    page.keyboard.press("Space")
    shows(editor, painted(300, 200, [(150, 100)], 8))
    page.keyboard.press("Control+z")
    page.keyboard.press("r")
    page.keyboard.press("Space")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Space")
    expected = np.zeros((200, 300), bool)
    expected[100:130, 150:180] = True
    shows(editor, expected)
    page.keyboard.press("x")
    shows(editor, ~expected)
    page.keyboard.press("Control+z")
    shows(editor, expected)
    page.keyboard.press("Control+Shift+z")
    shows(editor, ~expected)
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
    shows(editor, expected)
    page.get_by_role("button", name="Erase rectangle").click()
    editor.until("editor.mask is None", True)
    page.get_by_role("button", name="Lasso").click()
    drag(page, [(50, 50), (150, 50), (150, 150), (50, 150)])
    square = np.zeros((200, 300), bool)
    square[50:150, 50:150] = True
    shows(editor, square)


def test_a_fault_is_shown(editor):
    """What goes wrong in a widget's own answer stands in the widget: a callback's exception would vanish."""
    assert editor.ask("setattr(editor, '_image', b'no image') or editor.receive(None, {'ask': 'picture'}, [])") is None
    editor.page.locator(".ig-mask .ig-say", has_text="can't be read").wait_for()


def test_slider_by_keys(lab):
    """The line moves by arrow keys, and Python hears of it; beside the widget both pictures are saved as one."""
    notebook = lab(SLIDER)
    notebook.run_all()
    page = notebook.page
    page.locator(".ig-before[src^='blob:']").wait_for()
    page.locator(".ig-range").focus()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    notebook.until("slider.position", 3)
    data = notebook.save(lambda saved: saved.cells[0].outputs).cells[0].outputs[0].data
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
    notebook.until("(opened, edited, gallery.starred, gallery.selected)", (["@1"], ["@5"], ["@5"], "@5"))
    page.get_by_label("filter the pictures").fill("blue")
    assert page.locator(".ig-tile").count() == 3
    assert notebook.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(lab, theme):
    """axe-core: no serious or critical finding in the three widgets, in both themes."""
    notebook = lab(EDITOR, SLIDER, GALLERY, theme=theme)
    notebook.run_all()
    for part in (".ig-mask.ig-ready", ".ig-before[src^='blob:']", ".ig-tile img[src^='blob:']"):
        notebook.page.locator(part).first.wait_for()
    for scope in (".ig-mask", ".ig-compare", ".ig-gallery"):
        assert not serious_findings(notebook.page, scope)


def stands(page, frame, *, alone=True):
    """Waits until the canvas shows the frame: alpha across one of its rows."""
    wanted = [255 if 2 * frame <= x < 2 * frame + 10 else 0 for x in range(24)]
    same = "value === wanted[i]" if alone else "(value > 0) !== (wanted[i] === 0) || value > 0"
    page.wait_for_function(f"wanted => ({CANVAS})().every((value, i) => {same})", arg=wanted)


def test_player_by_keys(lab):
    """It plays by itself; Space pauses, arrows, Home and End step, Python hears of it; onion skin, ground, speed and loop."""
    notebook = lab(PLAYER)
    notebook.run_all()
    page = notebook.page
    page.wait_for_selector(".ig-player.ig-ready")
    seen = page.evaluate(f"""async () => {{ const seen = new Set();
        for (let i = 0; i < 90; i++) {{ await new Promise(requestAnimationFrame); seen.add(String(({CANVAS})())); }}
        return seen.size; }}""")
    assert seen > 1, "nothing moves"
    page.locator(".ig-player-stage").focus()
    page.keyboard.press("Space")
    notebook.until("player.playing", False)
    page.keyboard.press("Home")
    stands(page, 0)
    page.keyboard.press("ArrowLeft")
    stands(page, 5)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    stands(page, 1)
    notebook.until("(player.frame, player.playing)", (1, False))
    page.locator(".ig-player .ig-say", has_text="frame 2 of 6, 60 ms").wait_for()
    page.keyboard.press("o")
    page.wait_for_function(
        f"() => {{ const a = ({CANVAS})(); return a[0] > 0 && a[0] < 255 && a[13] > 0 && a[13] < 255 && a[5] === 255; }}"
    )
    for key in ("b", "-", "l"):
        page.keyboard.press(key)
    notebook.until("(player.onion, player.background, player.speed, player.loops)", (True, "light", 0.5, False))
    page.keyboard.press("+")
    page.keyboard.press("Space")
    notebook.until("(player.frame, player.playing)", (5, False))  # once, to its end
    page.keyboard.press("d")
    page.keyboard.press("d")
    assert page.locator(".jp-Notebook .jp-CodeCell").count() == 1
    assert notebook.ask("setattr(player, 'frame', 2)") is None
    page.locator(".ig-player .ig-say", has_text="frame 3 of 6").wait_for()
    assert notebook.errors == []


def test_player_rests_if_asked_for_less_motion(lab):
    """A system that asks for reduced motion gets a paused player, and play when it is wanted."""
    notebook = lab(PLAYER)
    notebook.page.emulate_media(reduced_motion="reduce")
    notebook.run_all()
    notebook.page.wait_for_selector(".ig-player.ig-ready")
    notebook.until("player.playing", False)
    notebook.page.get_by_role("button", name="Play").click()
    notebook.until("player.playing", True)


def test_player_is_saved_light(lab):
    """The output keeps an animated picture with alternative text; the notebook's widget state holds no pixels."""
    notebook = lab(PLAYER)
    notebook.run_all()
    notebook.page.wait_for_selector(".ig-player.ig-ready")
    saved = notebook.save(lambda saved: saved.cells[0].outputs)
    data = saved.cells[0].outputs[0].data
    assert 'alt="walk: an animation of 6 frames, 24 by 24 pixels"' in data["text/html"]
    assert len(json.dumps(saved.metadata)) < 15_000 * 3, "three models: the widget, its layout, and the notebook's own"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_player(lab, theme):
    """The same for the player, with every control in use."""
    notebook = lab(PLAYER.replace("walk.play()", "walk.play(onion=True, background='#557799')"), theme=theme)
    notebook.run_all()
    notebook.page.wait_for_selector(".ig-player.ig-ready")
    notebook.page.locator(".ig-player-stage").focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.until("player.playing", False)
    assert not serious_findings(notebook.page, ".ig-player")
    keep(notebook.page.locator(".ig-player"), f"player-{theme}")
