"""Pictures with their words in each front end that a browser shows: JupyterLab, Notebook 7, voila, and a page printed to PDF."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from serving import served

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

CELLS = (
    "%load_ext imagegen_magic\n%config ImagegenMagics.backend = 'simulator'",
    "%%imagegen hero --size square --quality low\nA fox in the snow.",
    "%%imagegen robot --transparent --size square --quality low\nA round robot.",
)
SHOWN = """() => ({
  alts: [...document.querySelectorAll('.jp-OutputArea-output img')].map((picture) => picture.alt),
  broken: [...document.querySelectorAll('.jp-OutputArea-output img')].filter((picture) => !picture.naturalWidth).length,
  captions: [...document.querySelectorAll('.jp-OutputArea-output figcaption')].map((caption) => caption.innerText),
  links: [...document.querySelectorAll('.jp-OutputArea-output a')].map((link) => link.href),
})"""


def look(page):
    """What the page shows of the pictures, once both are there."""
    page.wait_for_function("() => document.querySelectorAll('.jp-OutputArea-output img').length >= 2")
    page.wait_for_timeout(500)
    return page.evaluate(SHOWN)


def photograph(page, name):
    """Keeps a screenshot if the environment names a folder for it."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def assert_shown(page, shown):
    """Both pictures have alternative text and a caption, and their links lead to PNG files."""
    assert shown["alts"] == ["A fox in the snow.", "A round robot."]
    assert shown["broken"] == 0
    assert all("nothing billed" in caption for caption in shown["captions"])
    assert len(shown["captions"]) == 2
    files = [link for link in shown["links"] if "hero.png" in link or "robot.png" in link]
    assert len(files) == 2
    for link in files:
        assert page.request.get(link).headers["content-type"] == "image/png"


@pytest.mark.parametrize("app", ["lab", "notebook"])
@pytest.mark.front_end("JupyterLab and Notebook 7", "{app}: alternative text, captions and links, also in a notebook that is not trusted", "in headless Chromium", package="jupyterlab")  # fmt: skip
def test_jupyter(lab, app):
    """As run, and as a stranger gets the saved notebook: without trust and without a kernel."""
    notebook = lab(*CELLS, app=app)
    notebook.run_all()
    assert_shown(notebook.page, look(notebook.page))
    photograph(notebook.page, f"front-end-{app}")
    notebook.save(lambda saved: len(saved.cells[-1].outputs) == 1)
    notebook.end_kernel()
    notebook.open_as_a_stranger()
    assert_shown(notebook.page, look(notebook.page))
    assert notebook.errors == []


@pytest.fixture
def saved(tmp_path):
    """The path of a notebook of the cells, not run yet."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(made, tmp_path / "page.ipynb")
    return tmp_path / "page.ipynb"


@pytest.fixture
def voila(saved):
    """The address of a voila that serves the notebook."""
    words = ("voila", saved.name, "--port={port}", "--no-browser", "--Voila.ip=127.0.0.1")
    with served(saved.parent, *words, probe="voila/static/") as address:
        yield address


@pytest.mark.front_end(
    "voila", "alternative text, captions and links", "served here, in headless Chromium", package="voila"
)
def test_voila(browser, voila):
    """The page of a notebook that voila runs."""
    page = browser.new_context().new_page()
    page.set_default_timeout(90_000)
    page.goto(voila)
    assert_shown(page, look(page))
    photograph(page, "front-end-voila")
    page.context.close()


@pytest.mark.front_end("nbconvert", "webpdf: the pictures and their captions are on the pages", "its HTML printed by Chromium, as it does", package="nbconvert")  # fmt: skip
def test_pdf(browser, saved, tmp_path):
    """`nbconvert --to webpdf` prints the page of its lab template: a PDF with two pictures and their words."""
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    made = nbformat.read(saved, as_version=4)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "IMAGEGEN_PROGRESS": "off"}
    NotebookClient(made, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute(env=environ)
    (tmp_path / "page.html").write_text(HTMLExporter(template_name="lab").from_notebook_node(made)[0], encoding="utf-8")
    page = browser.new_context().new_page()
    page.goto((tmp_path / "page.html").as_uri())
    page.emulate_media(media="print")
    assert [alt for alt in look(page)["alts"] if alt] == ["A fox in the snow.", "A round robot."]
    pdf = page.pdf(tagged=True)
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Subtype /Image") >= 2
    assert pdf.count(b"/Figure") >= 2, "the pictures are tagged for screen readers"
    page.context.close()
