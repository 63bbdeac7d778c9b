"""The panel, driven as a person would, in a real JupyterLab and Notebook 7."""

from __future__ import annotations

import numpy as np
import pytest
from accessibility import serious_findings
from PIL import Image
from strokes import painted

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PROMPT = ".imagegen-prompt textarea"
PICTURES = ".jp-OutputArea-output img"
START = ("%load_ext imagegen_magic", "import imagegen_magic\npanel = imagegen_magic.Panel()\npanel")
STEPWISE = """
import threading
import imagegen_magic
from imagegen_magic.api import default_session
from imagegen_magic.wire.client import Client
from imagegen_magic.simulator import Simulator

steps = threading.Semaphore(0)  # one for the preview, one for the picture
wait = lambda seconds: steps.acquire(timeout=120)
client = Client(backend="simulator", simulator=Simulator(latency=2, sleep=wait))
default_session().client = lambda options: client
panel = imagegen_magic.Panel("a red mug")
panel
"""
RECORDS = "panel.session.store(panel.session.options({})).history.records()"


def opened(lab, *cells, **how):
    """A notebook with an open panel."""
    notebook = lab(*(cells or START), **how)
    notebook.run_all()
    notebook.page.wait_for_selector('.imagegen-panel[role="region"]')
    return notebook


def button(notebook, name):
    """One of the panel's buttons."""
    return notebook.page.locator(".imagegen-panel").get_by_role("button", name=name, exact=True)


def press(notebook, name):
    """Clicks one of the panel's buttons."""
    button(notebook, name).click()


def go(notebook):
    """Clicks Generate, or Edit, once it can be clicked."""
    notebook.page.locator(".imagegen-go:not([disabled])").click()


def wait_for_status(notebook, text):
    """Waits until the status line says `text`."""
    notebook.page.locator(".imagegen-status", has_text=text).wait_for()


def paint(notebook):
    """Paints a stroke with the mouse; what should be transparent in the mask, booleans of shape (1024, 1024)."""
    page = notebook.page
    press(notebook, "paint")
    page.wait_for_selector(".ig-mask.ig-ready")
    page.locator(".ig-canvas").scroll_into_view_if_needed()
    box = page.locator(".ig-paint").bounding_box()
    scale = box["width"] / 1024
    stroke = [(200, 300), (600, 300), (600, 420)]
    for number, (x, y) in enumerate(stroke):
        page.mouse.move(box["x"] + x * scale, box["y"] + y * scale)
        if number == 0:
            page.mouse.down()
    page.mouse.up()
    page.locator(".ig-mask .ig-say", has_text="brush. ").wait_for()
    notebook.until("panel.pictures.stage.children[0].strokes", lambda strokes: strokes > 0)
    press(notebook, "Use this mask")
    page.locator(".imagegen-stage", has_text="In use").wait_for()
    exact = [(round(x * scale * 64) / 64 / scale, round(y * scale * 64) / 64 / scale) for x, y in stroke]
    return painted(1024, 1024, exact, round(1024 / 24))


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_a_picture_from_prompt_to_cell(lab, app):
    """Fill in, generate, edit with a painted mask, compare, copy as a cell, run it; close, and the pictures stay."""
    notebook = opened(lab, app=app)
    page = notebook.page
    assert "write a prompt first" in page.locator(".imagegen-reason").inner_text()
    assert page.locator(".imagegen-go").is_disabled()
    page.fill(PROMPT, "A ceramic mug on a walnut desk")
    page.locator(".imagegen-cost", has_text="$").wait_for()
    page.press(PROMPT, "Control+Enter")
    wait_for_status(notebook, "saved as @1")
    page.locator(PICTURES).first.wait_for()

    press(notebook, "Edit this")
    page.locator(".imagegen-picture", has_text="@1").locator("img[src^='blob:']").wait_for()
    page.fill(PROMPT, "make the sky red")
    expected = paint(notebook)
    (mask,) = (notebook.folder / "output/imagegen/inputs").glob("mask-*.png")
    with Image.open(mask) as image:
        alpha = np.asarray(image.getchannel("A"))
    assert set(np.unique(alpha)) == {0, 255}
    assert np.array_equal(alpha == 0, expected)
    go(notebook)
    wait_for_status(notebook, "saved as @2")

    press(notebook, "Compare")
    page.locator(".ig-compare .ig-before[src^='blob:']").wait_for()
    press(notebook, "Copy as cell")
    page.wait_for_function("() => document.querySelector('.imagegen-cell textarea').value.startsWith('%%')")
    copied = page.locator(".imagegen-cell textarea").input_value()
    assert copied.startswith("%%imagegen_edit"), copied
    assert "--mask" in copied
    page.wait_for_function("text => navigator.clipboard.readText().then(copied => copied === text)", arg=copied)
    notebook.run_new(copied)
    digests = notebook.until(f"[r.digest for r in {RECORDS}]", lambda found: len(found) == 3)
    assert digests[1] == digests[2], "the cell makes the panel's request"
    assert notebook.errors == []

    notebook.save(lambda saved: len(pictures_of(saved)) >= 4)  # two results, the comparison, the cell's
    notebook.end_kernel()
    page.goto("about:blank")
    notebook.open()
    page.locator(".imagegen-without-kernel", has_text="needs a running kernel").wait_for()
    page.wait_for_function(f"() => document.querySelectorAll('{PICTURES}').length >= 4")
    assert all(page.locator(PICTURES).evaluate_all("pictures => pictures.map(p => p.complete && p.naturalWidth > 100)"))


def pictures_of(saved):
    """The outputs of a saved notebook that hold a picture."""
    return [
        o
        for cell in saved.cells
        for o in cell.get("outputs", ())
        if any(m.startswith("image/") for m in o.get("data", {}))
    ]


def test_progress_with_previews_while_other_cells_run(lab):
    """A preview shows in the output before the picture; Cancel is offered; another cell runs meanwhile."""
    notebook = opened(lab, START[0], STEPWISE)
    page = notebook.page
    assert not button(notebook, "Cancel").is_visible()
    go(notebook)
    page.locator(".imagegen-reason", has_text="on its way").wait_for()
    assert button(notebook, "Cancel").is_visible()
    notebook.run_new("steps.release()")
    wait_for_status(notebook, "preview 1")
    page.locator(PICTURES).first.wait_for()
    assert notebook.ask("panel.result") is None
    preview = page.locator(PICTURES).first.get_attribute("src")
    notebook.run_new("steps.release()")
    wait_for_status(notebook, "saved as @1")
    page.wait_for_function(f"old => document.querySelector('{PICTURES}').src !== old", arg=preview)
    assert page.locator(PICTURES).count() == 1, "the picture takes the preview's place"
    assert notebook.ask("panel.result.number") == 1
    assert notebook.errors == []


def test_cancel_gives_the_panel_back(lab):
    """After Cancel, Generate is on again at once; what was sent already comes later, is shown, and is saved."""
    notebook = opened(lab, START[0], STEPWISE)
    go(notebook)
    wait_for_status(notebook, "generating")
    press(notebook, "Cancel")
    wait_for_status(notebook, "cancelled")
    notebook.page.locator(".imagegen-go:not([disabled])").wait_for()
    assert not button(notebook, "Cancel").is_visible()
    notebook.ask("steps.release(2)")
    wait_for_status(notebook, "saved as @1")
    notebook.page.locator(PICTURES).first.wait_for()


def test_questions_before_sending(lab):
    """Native transparency, and a price above the limit, take a second click on a button that names them."""
    notebook = opened(lab)
    page = notebook.page
    page.fill(PROMPT, "a red mug")
    press(notebook, "native alpha")
    go(notebook)
    yes = button(notebook, "Send it: native transparency")
    yes.wait_for()
    assert notebook.ask(f"len({RECORDS})") == 0
    press(notebook, "Back")
    yes.wait_for(state="hidden")
    go(notebook)
    yes.click()
    wait_for_status(notebook, "saved as @1")
    press(notebook, "opaque")
    page.locator(".imagegen-panel").get_by_text("Advanced", exact=True).click()
    page.get_by_label("confirm above").fill("0.001")
    notebook.until("panel.form.controls['confirm_above'].widget.value", "0.001")
    go(notebook)
    limit = page.get_by_role("button", name="Send it: up to $")
    limit.wait_for()
    assert notebook.ask(f"len({RECORDS})") == 1
    limit.click()
    wait_for_status(notebook, "saved as @2")
    assert notebook.errors == []


def test_controls_follow_the_model(lab):
    """What a model can't do is not shown; what stays legal stays; what gave way is said; a wrong size says why."""
    notebook = opened(lab)
    page = notebook.page
    page.fill(PROMPT, "a red mug")
    press(notebook, "▭ 4k")
    press(notebook, "high")
    page.get_by_label("model", exact=True).select_option("gpt-image-1.5")
    page.locator(".imagegen-reason", has_text="4k → auto").wait_for()
    assert not button(notebook, "▭ 4k").count()
    assert "mod-active" in button(notebook, "high").get_attribute("class")
    page.get_by_label("or W x H").fill("1000x1000")
    page.locator(".imagegen-fault", has_text="1024x1024").wait_for()
    page.locator(".imagegen-reason", has_text="mend size").wait_for()
    assert page.locator(".imagegen-go").is_disabled()
    page.get_by_label("or W x H").fill("")
    page.locator(".imagegen-go:not([disabled])").wait_for()


def test_pictures_by_every_way(lab):
    """Pictures come by path, variable, history reference and upload; one that can't be found is a card."""
    make = 'from PIL import Image\nphoto = Image.new("RGB", (64, 64), "teal")\nphoto.save("photo file.png")'
    notebook = opened(lab, *START, make, "%%imagegen hero --quality low\na red mug")
    page = notebook.page
    rows = page.locator(".imagegen-picture")
    for count, word in enumerate(("photo file.png", "photo", "@hero"), 1):
        page.get_by_role("textbox", name="picture", exact=True).fill(word)
        press(notebook, "Add")
        rows.nth(count - 1).locator("img[src^='blob:']").wait_for()
        assert word in rows.nth(count - 1).inner_text()
    with page.expect_file_chooser() as chooser:
        page.locator(".imagegen-panel").get_by_role("button", name="Upload").click()
    chooser.value.set_files(notebook.folder / "photo file.png")
    rows.nth(3).locator("img[src^='blob:']").wait_for()
    page.get_by_role("textbox", name="picture", exact=True).fill("no-such.png")
    press(notebook, "Add")
    page.locator(".imagegen-card", has_text="no such picture").wait_for()
    rows.nth(1).get_by_role("button", name="Remove").click()
    rows.nth(3).wait_for(state="detached")
    assert notebook.ask("[r for r, _ in panel.form.images][:2]") == ["photo file.png", "@hero"]
    assert notebook.errors == []


def test_keys_of_the_prompt_and_faults_of_callbacks(lab):
    """Shift+Enter in the prompt is a new line; Alt+arrow steps through prompts; an observer's exception is a card."""
    notebook = opened(lab)
    page = notebook.page
    page.fill(PROMPT, "first line")
    page.press(PROMPT, "End")
    page.press(PROMPT, "Shift+Enter")
    page.keyboard.type("second line")
    notebook.until("panel.form.prompt.value", "first line\nsecond line")
    assert notebook.ask("panel.result") is None
    notebook.ask("panel.observe(lambda change: 1 / 0, 'result')")
    page.press(PROMPT, "Meta+Enter")
    wait_for_status(notebook, "saved as @1")
    page.locator(".imagegen-card", has_text="ZeroDivisionError").wait_for()
    page.fill(PROMPT, "half a thought")
    page.press(PROMPT, "Alt+ArrowUp")
    page.wait_for_function(f"() => document.querySelector('{PROMPT}').value.startsWith('first line')")
    page.press(PROMPT, "Alt+ArrowDown")
    page.wait_for_function(f"() => document.querySelector('{PROMPT}').value === 'half a thought'")


def test_a_sentence_where_widgets_are_blocked(lab):
    """Where the page can't load widget JavaScript, the panel's cell says what is needed and what to do instead."""
    notebook = lab(*START, blocked="jupyterlab-manager")
    notebook.run_all()
    sentence = notebook.page.locator(".jp-OutputArea", has_text="needs a running kernel and widget JavaScript")
    sentence.first.wait_for()
    assert "%%imagegen cell" in sentence.first.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(lab, theme):
    """axe-core: no serious or critical finding in any of the panel's three modes, in both themes."""
    notebook = opened(lab, *START, "%%imagegen hero --quality low\na red mug", theme=theme)
    page = notebook.page
    page.locator(".imagegen-panel").get_by_text("Advanced", exact=True).click()
    page.get_by_label("timeout", exact=True).wait_for()
    assert not serious_findings(page, ".imagegen-panel")
    press(notebook, "Edit")
    page.fill(PROMPT, "make it blue")
    page.get_by_role("textbox", name="picture", exact=True).fill("@hero")
    press(notebook, "Add")
    page.locator(".imagegen-picture img[src^='blob:']").wait_for()
    press(notebook, "paint")
    page.wait_for_selector(".ig-mask.ig-ready")
    page.get_by_label("or W x H").fill("10x10")
    page.locator(".imagegen-fault", has_text="16").wait_for()
    assert not serious_findings(page, ".imagegen-panel")
    press(notebook, "History")
    page.locator(".ig-tile img[src^='blob:']").wait_for()
    assert not serious_findings(page, ".imagegen-panel")


def test_saved_state_is_light(lab):
    """After ten 4K pictures: the saved notebook holds previews, and the widgets' state no picture at all."""
    notebook = opened(
        lab,
        START[0],
        'import imagegen_magic\npanel = imagegen_magic.Panel("a red mug", size="3840x2160", quality="low")\npanel',
    )
    page = notebook.page
    for number in range(1, 11):
        go(notebook)
        wait_for_status(notebook, f"saved as @{number} ")
    press(notebook, "History")
    page.locator(".ig-tile").nth(9).wait_for()
    state = notebook.ask(
        "len(__import__('json').dumps(__import__('ipywidgets').Widget.get_manager_state(drop_defaults=True)))"
    )
    notebook.save(lambda saved: len(pictures_of(saved)) == 10)
    size = notebook.path.stat().st_size
    print(f"\nten 4K pictures: notebook {size / 1000:.0f} KB, state of all widgets {state / 1000:.0f} KB")  # noqa: T201
    assert state / 10 < 20_000
    assert size < 10 * 300_000
    with Image.open(notebook.folder / "output/imagegen/red-mug.png") as picture:
        assert picture.size == (3840, 2160)
