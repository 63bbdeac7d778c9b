"""The panel where no JupyterLab is around it: marimo, voila, and a page that has a bare model. Generate, edit, history."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import nbformat
import numpy as np
import pytest
from conftest import simulated_session
from PIL import Image
from serving import served
from strokes import paint

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

READY = ".igp-go[aria-disabled='false']"
MARIMO = """import marimo

app = marimo.App(width="full")


@app.cell
def _():
    import marimo as mo

    import imagegen_magic

    panel = imagegen_magic.Panel("a red mug", quality="low", size="1024x1024")
    return mo, panel


@app.cell
def _(mo, panel):
    mo.ui.anywidget(panel)
    return


if __name__ == "__main__":
    app.run()
"""
CELL = "import imagegen_magic\nimagegen_magic.Panel('a red mug', quality='low', size='1024x1024')"


@pytest.fixture
def marimo(tmp_path):
    """The address of a marimo app with the panel."""
    (tmp_path / "panel.py").write_text(MARIMO)
    words = ("marimo", "-y", "run", "--headless", "--no-token", "--port={port}", "panel.py")
    with served(tmp_path, *words, IMAGEGEN_BACKEND="simulator") as address:
        yield address


@pytest.fixture
def voila(tmp_path):
    """The address of a voila page with the panel."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(made, tmp_path / "panel.ipynb")
    words = ("voila", "panel.ipynb", "--port={port}", "--no-browser", "--Voila.ip=127.0.0.1")
    with served(tmp_path, *words, probe="voila/static/", IMAGEGEN_BACKEND="simulator") as address:
        yield address


@pytest.fixture
def page(browser):
    """An empty page; what it reports as errors is in `page.faults`."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    opened = context.new_page()
    opened.set_default_timeout(90_000)
    opened.faults = []
    opened.on("pageerror", lambda error: opened.faults.append(str(error)))
    yield opened
    context.close()


def history(folder):
    """The requests that were made, as the history file has them."""
    return [json.loads(line) for line in (folder / "output/imagegen/history.jsonl").read_text().splitlines()]


def photograph(page, name):
    """Keeps a screenshot if the environment names a folder for it."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def use_the_panel(page, folder, name):
    """What a person does: generate, edit a part, look back."""
    panel = page.locator(".igp")
    page.locator(".igp[data-kernel='ready']").wait_for()
    page.locator(READY).click()
    page.locator(".igp-status", has_text="saved as @1").wait_for()
    page.locator(".igp-large[src^='blob:']").wait_for()
    photograph(page, f"panel-{name}")

    panel.get_by_role("button", name="Edit", exact=True).first.click()
    page.locator(".igp-inputs img[src^='blob:']").wait_for()
    page.locator(".igp-prompt").fill("make it blue")
    panel.get_by_role("button", name="Mask", exact=True).first.click()
    page.locator(".ig-mask.ig-ready").wait_for()
    expected = paint(page, [(200, 300), (600, 300), (600, 420)])
    page.locator(".igp-go", has_text=f"Edit {100 * expected.mean():.1f} % of the image").wait_for()
    photograph(page, f"panel-{name}-mask")
    page.locator(READY).click()
    page.locator(".igp-status", has_text="saved as @2").wait_for()
    made = history(folder)
    with Image.open(folder / made[1]["options"]["mask"]) as mask:
        assert np.array_equal(np.asarray(mask.getchannel("A")) == 0, expected)

    panel.get_by_role("tab", name="History").click()
    page.locator(".igp-history .igp-tile img[src^='blob:']").nth(1).wait_for()
    assert page.locator(".igp-history .igp-tile").count() == 2
    photograph(page, f"panel-{name}-history")
    assert [record["prompt_typed"] for record in made] == ["a red mug", "make it blue"]
    assert page.faults == []


@pytest.mark.front_end("marimo", "the panel: generate, edit with a painted mask, history", "in headless Chromium", package="marimo")  # fmt: skip
def test_marimo(page, marimo, tmp_path):
    """`mo.ui.anywidget(imagegen_magic.Panel())`, in a shadow root and without Jupyter's styles."""
    page.goto(marimo)
    use_the_panel(page, tmp_path, "marimo")


@pytest.mark.front_end("voila", "the panel: generate, edit with a painted mask, history", "in headless Chromium", package="voila")  # fmt: skip
def test_voila(page, voila, tmp_path):
    """A page without cells, whose kernel runs no code of the page's."""
    page.goto(voila)
    use_the_panel(page, tmp_path, "voila")


BARE = """async ({ loader, state }) => {
  const heard = {};
  const tell = (name, ...words) => (heard[name] ?? []).forEach((act) => act(...words));
  const model = {
    get: (name) => state[name],
    set: (name, value) => void (state[name] = value),
    save_changes() {},
    on: (name, act) => void (heard[name] ??= []).push(act),
    off: (name, act) => void (heard[name] = (heard[name] ?? []).filter((other) => other !== act)),
    send(content, _, buffers = []) {
      const bytes = buffers.map((view) => btoa(String.fromCharCode(...new Uint8Array(view.buffer ?? view))));
      window.kernel(JSON.parse(JSON.stringify(content)), bytes).then(({ state: now, replies }) => {
        for (const [name, value] of Object.entries(now)) {
          const changed = JSON.stringify(state[name]) !== JSON.stringify(value);
          state[name] = value;
          if (changed) tell(`change:${name}`);
        }
        for (const [told, data] of replies) tell("msg:custom", told, data.map((text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer)));
      });
    },
  };
  const address = URL.createObjectURL(new Blob([loader], { type: "text/javascript" }));
  const { render } = (await import(address)).default;
  await render({ model, el: document.body, experimental: {} });
}"""
"""A front end that gives a widget what anywidget documents, and nothing else: no kernel handle, no style of Jupyter."""


class Kernel:
    """The kernel's side of a panel, for a page that has no Jupyter: messages in, the state and replies out."""

    def __init__(self, session):
        from imagegen_magic.panel import Panel

        class Overheard(Panel):
            def send(self, content, buffers=None):
                replies.append((content, [base64.b64encode(data).decode() for data in buffers or ()]))

        replies = self.replies = []
        self.panel = Overheard("a red mug", session=session, quality="low", size="1024x1024")

    def state(self):
        """The small traits that a front end sees."""
        return {
            name: value
            for name, value in self.panel.get_state().items()
            if not name.startswith("_") and name != "layout"
        }

    def __call__(self, message, buffers):
        self.replies.clear()
        self.panel.receive(self.panel, message, [base64.b64decode(data) for data in buffers])
        return {"state": self.state(), "replies": list(self.replies)}


@pytest.mark.front_end("VS Code", "the panel: generate, edit with a painted mask, history, by anywidget's documented model alone", "its rules, applied here")  # fmt: skip
def test_bare_model(page, tmp_path, simulator):
    """VS Code's renderer hands over a model without kernel or manager, in a page of its own."""
    kernel = Kernel(simulated_session(simulator))
    page.expose_function("kernel", kernel)
    page.goto("about:blank")
    page.evaluate(BARE, {"loader": kernel.panel._esm, "state": kernel.state()})
    use_the_panel(page, tmp_path, "bare")
