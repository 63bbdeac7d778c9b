"""The site's pictures of front ends, and the README's: real programs in headless Chromium, on the simulator.

    make screenshots

Writes `docs/img/`. They are committed, since not everyone who builds the site has Chromium; each is looked at before that.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from serving import served  # noqa: E402 - after the path

TARGET = ROOT / "docs" / "img"
TOKEN = "a-token-of-the-screenshots"
SIMULATED = {"IMAGEGEN_BACKEND": "simulator"}
LOAD = "%load_ext imagegen_magic"
HERO = "%%imagegen hero --size square --quality low\nA fox in the snow, and it's smiling."
ROBOT = "%%imagegen robot --transparent --size square --quality low\nA round cartoon robot, full body."
WRONG = "%%imagegen poster --size 3000x700 --qualty high\nA paper boat on a calm lake at dawn."
PANEL = """import imagegen_magic
for prompt in ("a cat on a desk", "a ship at sea, watercolor", "a fox in the snow"):
    imagegen_magic.generate(prompt, size="square", quality="low")
imagegen_magic.Panel("a fox in the snow, smiling", quality="low", size="1024x1024")"""
MARIMO = f"""import marimo
app = marimo.App(width="full")
@app.cell
def _():
    import marimo as mo
    import imagegen_magic
    {PANEL.splitlines()[1]}
    {PANEL.splitlines()[2]}
    panel = {PANEL.splitlines()[3]}
    return mo, panel
@app.cell
def _(mo, panel):
    mo.ui.anywidget(panel)
    return
"""
READY = ".igp[data-kernel='ready'] .igp-large[src^='blob:']"
EDGE = ".cm-imagegen-price:not([hidden])"


def save(data: bytes, name: str) -> None:
    """Keeps a screenshot, a tenth of the size that it has as PNG."""
    Image.open(io.BytesIO(data)).convert("RGB").save(TARGET / f"{name}.webp", quality=88, method=6)


# JupyterLab


def notebook(path: Path, *cells: str) -> None:
    """Writes a notebook of these cells."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(made, path)


@contextmanager
def jupyterlab(theme: str, **notebooks: tuple[str, ...]) -> Iterator[str]:
    """The address of a JupyterLab in a theme, with these notebooks, and the extension as it is in the checkout."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": f"JupyterLab {theme.title()}"}))
        quiet = {"fetchNews": "false", "checkForUpdates": False}
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
        (folder / "share" / "labextensions").mkdir(parents=True)
        (folder / "share" / "labextensions" / "imagegen-magic").symlink_to(ROOT / "labextension")
        (folder / "work").mkdir()
        for stem, cells in notebooks.items():
            notebook(folder / "work" / f"{stem}.ipynb", *cells)
        own = {
            f"JUPYTER{kind}": str(folder / place)
            for kind, place in {
                "LAB_SETTINGS_DIR": "settings", "LAB_WORKSPACES_DIR": "spaces", "_CONFIG_DIR": "config",
                "_RUNTIME_DIR": "runtime", "_PATH": "share",
            }.items()
        }  # fmt: skip
        words = ("jupyterlab", "--no-browser", "--allow-root", "--port={port}", f"--IdentityProvider.token={TOKEN}",
                 f"--ServerApp.root_dir={folder / 'work'}")  # fmt: skip
        with served(folder, *words, probe="api", **SIMULATED, **own) as address:
            yield address


def opened(page: Page, address: str, stem: str, *, run: bool = True) -> None:
    """Opens a notebook and runs it."""
    page.goto(f"{address}doc/tree/{stem}.ipynb?reset&token={TOKEN}")
    page.wait_for_selector("text=(ipykernel) | Idle")
    if run:
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells").first.click()


def cells_as_written(page: Page, address: str, theme: str) -> None:
    """A cell with its price, and one that will not run, its unknown flag underlined."""
    page.set_viewport_size({"width": 960, "height": 700})
    opened(page, address, "written", run=False)
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    for number in (1, 2):
        page.locator(".jp-CodeCell .cm-content").nth(number).click()
        page.locator(".jp-CodeCell").nth(number).locator(EDGE).wait_for()
    page.locator(".jp-CodeCell .cm-content").nth(1).click()
    page.wait_for_timeout(500)
    box = page.locator(".jp-Notebook").bounding_box()
    save(page.screenshot(clip={"x": box["x"], "y": box["y"], "width": box["width"], "height": 190}), f"cells-{theme}")


def cells_as_run(page: Page, address: str, theme: str) -> None:
    """Prompts, images and captions in a notebook."""
    page.set_viewport_size({"width": 1000, "height": 900})
    opened(page, address, "run")
    page.wait_for_function("() => document.querySelectorAll('.jp-OutputArea-output figure img').length >= 2")
    page.locator(".jp-CodeCell").nth(1).scroll_into_view_if_needed()
    page.wait_for_timeout(800)
    box = page.locator(".jp-CodeCell").nth(1).bounding_box()
    height = min(700, page.viewport_size["height"] - box["y"] - 30)
    save(page.screenshot(clip={"x": box["x"], "y": box["y"], "width": 940, "height": height}), f"notebook-{theme}")


# the panel


def use_panel(page: Page, name: str) -> None:
    """The panel with an image on its stage; then with a mask that is being painted."""
    page.locator(READY).wait_for()
    page.wait_for_timeout(1000)
    save(page.locator(".igp").screenshot(), f"panel-{name}")
    page.locator(".igp").get_by_role("button", name="Edit", exact=True).first.click()
    page.locator(".igp-prompt").fill("a red scarf")
    page.locator(".igp").get_by_role("button", name="Mask", exact=True).first.click()
    page.locator(".ig-mask.ig-ready").wait_for()
    page.locator(".ig-canvas").scroll_into_view_if_needed()
    box = page.locator(".ig-paint").bounding_box()
    page.mouse.move(box["x"] + 0.32 * box["width"], box["y"] + 0.56 * box["height"])
    page.mouse.down()
    for share in (0.4, 0.5, 0.6, 0.68):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.58 * box["height"], steps=4)
    page.mouse.up()
    page.locator(".igp-go", has_text="% of the image").wait_for()
    page.wait_for_timeout(800)
    save(page.locator(".igp").screenshot(), f"panel-mask-{name}")


def panel_elsewhere(chromium: Any) -> None:
    """The same widget in marimo and voila."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "panel.py").write_text(MARIMO)
        notebook(folder / "panel.ipynb", PANEL)
        programs = {
            "marimo": (("marimo", "-y", "run", "--headless", "--no-token", "--port={port}", "panel.py"), ""),
            "voila": (("voila", "panel.ipynb", "--port={port}", "--no-browser"), "voila/static/"),
        }
        for program, (words, probe) in programs.items():
            shutil.rmtree(folder / "output", ignore_errors=True)
            with served(folder, *words, probe=probe, **SIMULATED) as address:
                page = new_page(chromium, "light", 1200, 960)
                page.goto(address)
                page.locator(READY).wait_for()
                page.wait_for_timeout(1000)
                save(page.screenshot(), f"panel-{program}")
                page.context.close()


# the animation of the README


class Film:
    """Screenshots in a row, each with how long it is shown, in milliseconds."""

    def __init__(self, page: Page, clip: dict[str, float]) -> None:
        self.page, self.clip = page, clip
        self.frames: list[tuple[Image.Image, int]] = []

    def shot(self, milliseconds: int) -> None:
        """One frame."""
        data = self.page.screenshot(clip=self.clip)  # type: ignore[arg-type]
        self.frames.append((Image.open(io.BytesIO(data)).convert("RGB"), milliseconds))

    def type(self, text: str, pause: int = 110) -> None:
        """A frame for every few letters."""
        for start in range(0, len(text), 3):
            self.page.keyboard.insert_text(text[start : start + 3])
            self.shot(pause)

    def save(self, path: Path) -> None:
        """An animated WebP that begins anew."""
        (first, _), *rest = self.frames
        times = [milliseconds for _, milliseconds in self.frames]
        first.save(
            path,
            save_all=True,
            append_images=[image for image, _ in rest],
            duration=times,
            loop=0,
            quality=75,
            method=6,
        )


def film(page: Page, address: str) -> None:
    """Typing a cell, its price, its image, and an edit of it: the first minute."""
    opened(page, address, "film", run=False)
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    box = page.locator(".jp-Notebook").bounding_box()
    made = Film(page, {"x": box["x"], "y": box["y"] + 6, "width": box["width"] - 8, "height": 640})
    for number, text in enumerate(
        (HERO, "%%imagegen_edit cat -i @hero --quality low\nA small cat sits beside the fox."), 1
    ):
        page.locator(".jp-CodeCell .cm-content").nth(number).click()
        page.locator(".jp-CodeCell").nth(number).evaluate("cell => cell.scrollIntoView({ block: 'center' })")
        made.type(text)
        page.locator(".jp-CodeCell").nth(number).locator(EDGE).wait_for()
        made.shot(1600)
        page.keyboard.press("Shift+Enter")
        page.wait_for_timeout(150)
        made.shot(500)
        page.wait_for_function(
            "n => document.querySelectorAll('.jp-OutputArea-output figure img').length >= n", arg=number
        )
        page.wait_for_timeout(600)
        page.locator(".jp-CodeCell").nth(number).evaluate("cell => cell.scrollIntoView({ block: 'start' })")
        page.wait_for_timeout(300)
        made.shot(3000)
    made.save(TARGET / "first-cells.webp")


# all of it


def new_page(chromium: Any, theme: str, width: int, height: int) -> Page:
    """An empty page of its own."""
    page: Page = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=theme).new_page()
    page.set_default_timeout(90_000)
    return page


def main() -> None:
    """Writes every picture anew."""
    written, ran = (LOAD, HERO, WRONG), (LOAD, HERO, ROBOT)
    with sync_playwright() as driver:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        chromium = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for theme in ("light", "dark"):
            with jupyterlab(theme, written=written, run=ran, panel=(LOAD, PANEL), film=(LOAD, "", "", "")) as address:
                page = new_page(chromium, theme, 960, 760)
                if theme == "light":
                    film(page, address)
                cells_as_written(page, address, theme)
                cells_as_run(page, address, theme)
                page.set_viewport_size({"width": 1200, "height": 1250})
                opened(page, address, "panel")
                use_panel(page, theme)
                page.context.close()
        panel_elsewhere(chromium)
        chromium.close()


if __name__ == "__main__":
    main()
