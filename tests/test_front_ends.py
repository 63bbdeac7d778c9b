"""One notebook through every way that a notebook is shown: pictures have alternative text, links lead to the files.

`make front-ends` runs these and the browser's, and writes what was tried to `docs/measured/front_ends.json`, from which the
page of front ends is made.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = [pytest.mark.notebook, pytest.mark.timeout(300)]

PROMPT = 'A fox in the snow, "quoted" & <tagged>. More of it.'
ALT = 'A fox in the snow, "quoted" & <tagged>.'
CELLS = (
    "%load_ext imagegen_magic\n%config ImagegenMagics.backend = 'simulator'",
    f"%%imagegen hero --size square --quality low\n{PROMPT}",
    "%%imagegen two -n 2 --size square --quality low\nA green leaf.",
    "%%imagegen robot --transparent --size square --quality low\nA round robot.",
    "%%imagegen_edit night -i @hero --mask-box 0,0,50%,50% --dry-run\nMake it night.",
    "hero[0]",
    "import imagegen_magic\nimagegen_magic.cutout(robot[0].source)",
    "%%imagegen_batch --size square --quality low\nA red apple.\nA gold ring.",
    "%imagegen lineage @hero",
    "%%imagegen_sprites knight --animation walk --cell 64x64\nA small knight.",
    "knight.play()",
    "%imagegen icons @robot",
    "%imagegen show hero robot",
    "%imagegen compare @hero @robot",
    "[hero, two]",
)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """(path, notebook) of the cells, run in a real kernel in the notebook's own folder."""
    from nbclient import NotebookClient

    path = tmp_path_factory.mktemp("front ends") / "a notebook.ipynb"
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    kernel = {"metadata": {"path": str(path.parent)}}
    quiet = ["--IPKernelApp.log_level=40"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "IMAGEGEN_PROGRESS": "off"}
    NotebookClient(made, timeout=120, resources=kernel, extra_arguments=quiet).execute(env=environ)
    nbformat.write(made, path)
    return path, made


class Page(HTMLParser):
    """The pictures and links of an HTML page."""

    def __init__(self, text):
        super().__init__()
        self.images, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "img":
            self.images.append(values)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])


def assert_accessible(page, folder, *, images):
    """Each picture says what it shows; each link into the folder leads to a file."""
    alts = [image.get("alt", "") for image in page.images]
    assert len(alts) >= images, alts
    assert all(alts), alts
    assert not [alt for alt in alts if "No description" in alt or re.match(r"\w+\(", alt)], "a sentence, not a repr"
    assert ALT in alts
    local = [link for link in page.links if not urlsplit(link).scheme and not link.startswith("#")]
    assert len(local) >= 4, page.links
    assert not [link for link in local if not (folder / unquote(link)).is_file()]


@pytest.mark.parametrize("template", ["lab", "classic", "basic", "reveal"])
@pytest.mark.front_end(
    "nbconvert", "{template}: alternative text, links to the files", "converted here", package="nbconvert"
)
def test_nbconvert_html(notebook, template):
    """`nbconvert --to html`, with every template that it comes with, and `--to slides`."""
    from nbconvert import HTMLExporter, SlidesExporter

    path, made = notebook
    exporter = SlidesExporter() if template == "reveal" else HTMLExporter(template_name=template)
    text, _ = exporter.from_notebook_node(made)
    assert_accessible(Page(text), path.parent, images=14)


@pytest.mark.front_end(
    "nbconvert", "markdown: alternative text, links to the files", "converted here", package="nbconvert"
)
def test_nbconvert_markdown(notebook):
    """Markdown keeps the figures as they are."""
    from nbconvert import MarkdownExporter

    path, made = notebook
    text, _ = MarkdownExporter().from_notebook_node(made)
    assert_accessible(Page(text), path.parent, images=14)


@pytest.mark.front_end("nbconvert", "script: runs under IPython", "run here", package="nbconvert")
def test_nbconvert_script(notebook, tmp_path):
    """`nbconvert --to script` gives a program that IPython runs."""
    from nbconvert import ScriptExporter

    text, _ = ScriptExporter().from_notebook_node(notebook[1])
    (tmp_path / "script.py").write_text(text.replace("#!/usr/bin/env python", ""), encoding="utf-8")
    output = run_ipython("script.py", folder=tmp_path)
    assert (tmp_path / "output/imagegen/hero.png").is_file(), output


def run_ipython(*arguments, folder, **more):
    """What a real IPython prints; its settings are its own."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython"), "TERM": "dumb", **more}
    command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "--simple-prompt", *arguments]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.front_end("papermill", "parameters reach a prompt; outputs as in Jupyter", "run here", package="papermill")
def test_papermill(tmp_path, monkeypatch):
    """A parameter is filled into the prompt, and the picture that is saved has its text."""
    import papermill

    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in ("animal = 'cat'", *CELLS[:1])])
    made.cells[0].metadata["tags"] = ["parameters"]
    made.cells.append(nbformat.v4.new_code_cell("%%imagegen hero --size square\nA {{ animal }} in the snow."))
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(made, tmp_path / "in.ipynb")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    papermill.execute_notebook(
        tmp_path / "in.ipynb",
        tmp_path / "out.ipynb",
        {"animal": "fox"},
        cwd=tmp_path,
        progress_bar=False,
        log_output=False,
    )
    (output,) = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-1].outputs
    (image,) = Page(output.data["text/html"]).images
    assert image["alt"] == "A fox in the snow."


RULES = {
    rule["front end"]: rule["order"]
    for rule in json.loads((ROOT / "tests/data/front_end_rules.json").read_text(encoding="utf-8"))["rules"]
}
"""The order in which front ends that can't be run here take a mime type; each with its source in the file."""


@pytest.mark.parametrize("name", RULES)
@pytest.mark.front_end("{name}", "the output that it picks has alternative text", "its rules, applied here")
def test_rules(notebook, name):
    """If HTML is taken, its pictures have alternative text; if an image is taken, `text/plain` is a sentence about it."""
    shown = [output.data for cell in notebook[1].cells for output in cell.outputs if "data" in output]
    taken = [(next(mime for mime in RULES[name] if mime in data), data) for data in shown]
    alts = [image.get("alt") for mime, data in taken if mime == "text/html" for image in Page(data[mime]).images]
    texts = [data["text/plain"] for mime, data in taken if mime.startswith("image/")]
    assert all(alts)
    assert all(text and "<" not in text.replace("<tagged>", "") for text in texts)
    assert ALT in alts or any(text.startswith(f"Image: {ALT}") for text in texts)
    assert len(alts) + len(texts) >= 6


@pytest.mark.parametrize("name", RULES)
def test_rules_of_widgets(session, name):
    """A front end takes the panel's widget, or a sentence that says how it opens; never a picture of nothing."""
    from imagegen_magic.panel import Panel

    data, _ = Panel(session=session)._repr_mimebundle_()
    taken = next(mime for mime in RULES[name] if mime in data)
    assert taken in ("application/vnd.jupyter.widget-view+json", "text/plain")
    assert "run this cell" in data["text/plain"]


@pytest.mark.front_end(
    "marimo", "generate(): picture, alternative text, path and cost", "formatted by marimo, here", package="marimo"
)
def test_marimo(tmp_path):
    """What marimo makes of a result: the figure, since it drops an image's metadata."""
    import marimo

    import imagegen_magic

    result = imagegen_magic.generate(PROMPT, size="square", backend="simulator")
    page = Page(text := marimo.as_html(result).text)
    assert [image["alt"] for image in page.images] == [ALT]
    assert result.path.name in text
    assert "nothing billed" in text


@pytest.mark.front_end("IPython in a terminal", "a sentence with the path, and the cost", "run here", package="ipython")
def test_terminal(tmp_path):
    """Where nothing can be shown, the sentence says what was made and where it is."""
    (tmp_path / "cells.ipy").write_text(
        "\n".join(
            [*CELLS[0].splitlines(), "get_ipython().run_cell_magic('imagegen', 'hero --size square', 'A red fox.')"]
        )
    )
    output = run_ipython("cells.ipy", folder=tmp_path)
    assert "Image: A red fox. — output/imagegen/hero.png" in output
    assert "nothing billed" in output
    assert "\x1b" not in output
