"""Cells of `%%imagegen` as text, in a real JupyterLab and Notebook 7: what is shown, and what typing does."""

from __future__ import annotations

import difflib
import functools
import http.server
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from write_flags import flags, hints

from imagegen_magic.notebook.head import join_head
from imagegen_magic.options.line import parse_line

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PROMPT = """\
%%imagegen hero --size 16:9@2k --qualty high --style="soft light"
A baker's mug, "the old one", from the 1950s (chipped [on the left, and it's brown. Leave {{ room }} for a headline.
ספל קרמיקה על שולחן עץ
class for import: not Python."""
BATCH = """\
%%imagegen_batch icons
--size square
{"prompt": "flat icon: calendar", "quality": "low"}
a plain line, that isn't JSON"""
SPRITES = """\
%%imagegen_sprites knight --animation walk --cell 64x64
It's a "small" knight (with [a plume, and it doesn't smile.
אביר קטן, "עם" נוצה"""
PYTHON = "def answer():\n    return 'forty-two'  # a comment"
LONG = "%%imagegen long\n" + ("It's a long prompt (with 'quotes' and [brackets]). " * 60)[:3000]

LOOK = """() => [...document.querySelectorAll('.jp-CodeCell')].map((cell) => {
  const content = cell.querySelector('.cm-content');
  const scroller = cell.querySelector('.cm-scroller');
  const pieces = (kind) => [...content.querySelectorAll(`.cm-imagegen-${kind}`)].map((piece) => piece.textContent);
  const first = (selector) => content.querySelector(selector);
  return {
    spellcheck: content.getAttribute('spellcheck'),
    wraps: scroller.scrollWidth <= scroller.clientWidth + 1,
    colours: [...content.querySelectorAll('.cm-line span')].filter((s) => s.className && !s.className.includes('imagegen')
      && !s.closest('[class*=imagegen-]') && !s.className.includes('cm-widgetBuffer')).map((s) => s.textContent),
    flags: pieces('flag'), values: pieces('value'), names: pieces('name'), unknown: pieces('unknown'), json: pieces('json'),
    variables: pieces('variable'), title: first('.cm-imagegen-unknown')?.title,
    directions: [...content.querySelectorAll('.cm-imagegen-prose')].map((line) => getComputedStyle(line).direction),
  };
})"""


@pytest.fixture(params=["lab", "notebook"])
def opened(request, lab):
    """A function that opens a notebook in JupyterLab, then in Notebook 7."""
    return lambda *cells, **how: lab(*cells, app=request.param, **how)


def photograph(notebook, name):
    """Keeps a screenshot if the environment names a folder for it."""
    if folder := os.environ.get("SCREENSHOTS"):
        notebook.page.screenshot(path=str(Path(folder) / f"{name}-{notebook.app}.png"))


def look(notebook):
    """What each code cell looks like, once the first has its marks."""
    notebook.page.wait_for_selector(".cm-imagegen-magic")
    notebook.page.wait_for_timeout(300)
    return notebook.page.evaluate(LOOK)


def card(line):
    """The fix that the error card of a line gives."""
    return parse_line(line, "generate").problems[0]


@pytest.mark.front_end(
    "JupyterLab and Notebook 7", "{opened}, {theme}: prompts as text", "in headless Chromium", package="jupyterlab"
)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_prompt_is_text(opened, theme):
    """Wrapped, checked for spelling, without Python's colours; flags, variables and JSON lines are marked."""
    notebook = opened(PROMPT, BATCH, PYTHON, LONG, SPRITES, theme=theme)
    notebook.page.wait_for_function(  # JupyterLab loads Python's colours a moment later
        "() => document.querySelectorAll('.jp-CodeCell')[2]?.querySelectorAll('.cm-line span').length > 0"
    )
    prompt, batch, python, long, sprites = look(notebook)
    photograph(notebook, f"prose-{theme}")
    assert (prompt["spellcheck"], prompt["wraps"], prompt["colours"]) == ("true", True, [])
    assert (prompt["flags"], prompt["names"]) == (["--size", "--style"], ["hero"])
    assert prompt["values"] == ["16:9@2k", "high", '="soft light"']
    assert prompt["variables"] == ["{{ room }}"]
    assert prompt["directions"] == ["ltr", "rtl", "ltr"]
    assert prompt["unknown"] == ["--qualty"]
    problem = card("hero --qualty high")
    assert prompt["title"] == f"{problem.rule}: {problem.fix}"
    assert (batch["flags"], batch["json"]) == (["--size"], ['{"prompt": "flat icon: calendar", "quality": "low"}'])
    assert (sprites["flags"], sprites["unknown"], sprites["colours"]) == (["--animation", "--cell"], [], [])
    assert (sprites["spellcheck"], sprites["directions"]) == ("true", ["ltr", "rtl"])
    assert len(long["directions"]) == 1
    assert long["wraps"]
    assert long["colours"] == []
    assert python["spellcheck"] == "false"
    assert "def" in python["colours"]
    assert notebook.errors == []


def test_what_is_typed_stays_as_it_is(opened):
    """Quotes and brackets close themselves in Python only; a cell is text as soon as its first line says so."""
    notebook = opened("%%imagegen hero\n", "1 + 1")
    look(notebook)

    def type_at_end(number, text):
        notebook.page.locator(".jp-CodeCell .cm-content").nth(number).click()
        notebook.page.keyboard.press("Control+End")
        notebook.page.keyboard.type(text)
        return notebook.page.evaluate(
            "(n) => [...document.querySelectorAll('.jp-CodeCell')][n].querySelector('.cm-content').cmTile?.view.state.doc.toString()"
            " ?? [...document.querySelectorAll('.jp-CodeCell')][n].querySelector('.cm-content').cmView.view.state.doc.toString()",
            number,
        )

    assert type_at_end(0, "\"hi (it's [ok") == "%%imagegen hero\n\"hi (it's [ok"
    assert type_at_end(1, "+(") == "1 + 1+()"
    notebook.page.keyboard.press("Control+a")
    assert type_at_end(1, "")
    notebook.page.keyboard.press("Control+a")
    notebook.page.keyboard.insert_text("%%imagegen\nit's a mug for you")
    notebook.page.wait_for_function("() => document.querySelectorAll('.cm-imagegen-magic').length === 2")
    assert notebook.page.evaluate(LOOK)[1]["colours"] == []
    notebook.page.keyboard.press("Control+Home")
    notebook.page.keyboard.insert_text("for")
    notebook.page.wait_for_function("() => document.querySelectorAll('.cm-imagegen-magic').length === 1")
    assert notebook.page.evaluate(LOOK)[1]["spellcheck"] == "false"
    notebook.page.wait_for_function(
        "() => [...document.querySelectorAll('.jp-CodeCell')][1].querySelectorAll('.cm-line span').length > 0"
    )
    assert notebook.errors == []


def test_the_notebook_is_saved_as_it_was(lab):
    """Nothing of the looks reaches the file, and nothing needs a kernel."""
    notebook = lab(PROMPT, PYTHON)
    before = notebook.save()
    assert [cell.source for cell in before.cells] == [PROMPT, PYTHON]
    assert all(set(cell.metadata) <= {"trusted"} for cell in before.cells)
    notebook.end_kernel()
    notebook.open_as_a_stranger()
    assert look(notebook)[0]["flags"] == ["--size", "--style"]


@pytest.fixture
def lite(tmp_path):
    """The address of a JupyterLite of this environment and the extension, with PROMPT and PYTHON in `a.ipynb`."""
    (tmp_path / "contents").mkdir()
    cells = [nbformat.v4.new_code_cell(text) for text in (PROMPT, PYTHON)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"display_name": "Python (Pyodide)", "language": "python", "name": "python"}
    notebook.metadata["language_info"] = {"name": "python", "mimetype": "text/x-python"}
    nbformat.write(notebook, tmp_path / "contents" / "a.ipynb")
    (tmp_path / "share" / "labextensions").mkdir(parents=True)
    (tmp_path / "share" / "labextensions" / "imagegen-magic").symlink_to(ROOT / "labextension")
    build = [
        sys.executable,
        "-m",
        "jupyterlite_core",
        "build",
        "--contents=contents",
        "--output-dir=site",
        "--lite-dir=.",
    ]
    environ = {**os.environ, "JUPYTER_PATH": str(tmp_path / "share")}
    subprocess.run(build, cwd=tmp_path, env=environ, check=True, capture_output=True, timeout=120)
    handler = functools.partial(_Quiet, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.mark.front_end(
    "JupyterLite", "{app}: prompts as text", "built here, in headless Chromium", package="jupyterlite-core"
)
@pytest.mark.parametrize("app", ["lab", "notebooks"])
def test_in_jupyterlite(browser, lite, app):
    """As in JupyterLab, from static files; Python itself is not needed for it, nor reached."""
    context = browser.new_context(viewport={"width": 1200, "height": 600})
    context.route(lambda address: not address.startswith(lite), lambda route: route.abort())
    page = context.new_page()
    page.goto(f"{lite}/{app}/index.html?path=a.ipynb")
    page.wait_for_selector(".cm-imagegen-magic", timeout=60_000)
    page.wait_for_function("() => document.querySelector('.cm-content').spellcheck")
    page.wait_for_timeout(1000)
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"prose-lite-{app}.png"))
    prompt, python = page.evaluate(LOOK)
    assert (prompt["spellcheck"], prompt["wraps"], prompt["colours"]) == ("true", True, [])
    assert (prompt["flags"], prompt["unknown"]) == (["--size", "--style"], ["--qualty"])
    assert "def" in python["colours"]
    context.close()


def test_hints_are_the_cards(lab):
    """The names that are offered for a wrong flag are those that Python's difflib finds."""
    notebook = lab(PROMPT)
    known = list(flags()["generate"])
    seeded = random.Random(7)
    wrong = [_mistyped(seeded, seeded.choice(known)) for _ in range(300)]
    found = notebook.page.evaluate(
        """async ([address, words, known]) => {
             const { closest } = await import(address);
             return words.map((word) => closest(word, known));
           }""",
        [f"{notebook.address}/lab/extensions/imagegen-magic/static/prose.js", wrong, known],
    )
    assert found == [difflib.get_close_matches(word, known, n=2, cutoff=0.7) for word in wrong]


def test_the_page_reads_the_tables(lab):
    """The file holds each flag and each hint once; unfolded they are those of every cell."""
    notebook = lab(PROMPT)
    static = f"{notebook.address}/lab/extensions/imagegen-magic/static"
    read = notebook.page.evaluate(
        """async (static_) => {
             const { unfold } = await import(`${static_}/prose.js`);
             return unfold(await (await fetch(`${static_}/flags.json`)).json());
           }""",
        static,
    )
    assert read == {**flags(), "hints": hints()}


HEADS = (
    "hero --size=square --qual low", "hero -size square", "hero size=square", "hero \u2014size square", "hero --Size square",
    "hero -n4 -q=low", "hero --no-reuse -y", "hero --seed 3", "hero --ar", "hero --grid a=b", "hero --landscape",
    'hero --avoid "a --foo b"', "hero --style='soft --light'", 'hero --avoid={{ f("--x") }} -q low', "hero --output_format png",
    "hero\n--size square\n  -q low", "hero \\\n  --size square \\ \n A name", "hero --raw\n--size square", "hero\n\u2014size square",
    "hero\n\u2014 speech", "hero\n- a list", "hero\n\n--size square",
)  # fmt: skip
"""What may stand behind `%%imagegen`, with flags in many spellings; below stands a prompt."""
CELLS = (
    "%%imagegen hero\nA mug.", "\n \n%%imagegen_edit x\nA mug.", "  %%imagegen_batch\n  A mug.", "%%imagegen\thero\nA mug.",
    "# a comment\n%%imagegen\nA mug.", "%%time\n%%imagegen\nA mug.", "%%imagegen_editor\nA mug.", "%imagegen\nA mug.",
    'x = """\n%%imagegen\n"""', "%%html\n%%imagegen", " \n",
)  # fmt: skip
READ = """async ([address, cells]) => {
  const { bodyStart, commandOf, marks, unfold } = await import(`${address}/prose.js`);
  const flags = unfold(await (await fetch(`${address}/flags.json`)).json());
  return cells.map((cell) => commandOf(cell) === null ? null : {
    body: cell.slice(bodyStart(cell, flags)),
    unknown: marks(cell, flags).filter((mark) => mark.kind === "unknown").map((mark) => [cell.slice(mark.from, mark.to), mark.title]),
  });
}"""


def test_a_head_is_read_as_the_kernel_reads_it(lab):
    """The same lines are the prompt, the same words are underlined, and the pointer shows the card's words."""
    notebook = lab(PROMPT)
    address = f"{notebook.address}/lab/extensions/imagegen-magic/static"
    cells = [f"%%imagegen {head}\nA mug." for head in HEADS]
    for cell, found in zip(cells, notebook.page.evaluate(READ, [address, cells]), strict=True):
        line, body = join_head(*cell.removeprefix("%%imagegen ").split("\n", 1))
        assert found["body"].removeprefix("\n") == body, cell
        problems = [
            each for each in parse_line(line, "generate", variables={"f": str}).problems if each.field != "line"
        ]
        assert [word for word, _ in found["unknown"]] == [
            str(problem.field).partition("=")[0] for problem in problems
        ], cell
        for (_, title), problem in zip(found["unknown"], problems, strict=True):
            assert title.startswith(f"{problem.rule}: "), cell


def test_a_cell_is_ours_if_ipython_says_so(lab):
    """IPython drops empty lines above a magic and its indentation; a comment above it, or a tab behind it, makes it no cell magic."""
    notebook = lab(PROMPT)
    address = f"{notebook.address}/lab/extensions/imagegen-magic/static"
    found = notebook.page.evaluate(READ, [address, list(CELLS)])
    run = [TransformerManager().transform_cell(cell) for cell in CELLS]
    ours = [any(f"run_cell_magic('imagegen{kind}'," in text for kind in ("", "_edit", "_batch")) for text in run]
    assert [each is not None for each in found] == ours
    assert sum(ours) == 3


def _mistyped(seeded, flag):
    at = seeded.randrange(len(flag))
    return seeded.choice([flag[:at] + flag[at + 1 :], flag[:at] + "x" + flag[at:], flag[:at] + flag[at:][::-1]])


EDGE = ".cm-imagegen-price:not([hidden])"


@pytest.mark.front_end("JupyterLab and Notebook 7", "{opened}: the price at a cell's edge, while it is written", "in headless Chromium", package="jupyterlab")  # fmt: skip
def test_the_price_at_the_edge(opened):
    """It comes when the kernel is idle, changes with the text, says what will not run, and leaves no trace in the kernel."""
    load = "%load_ext imagegen_magic\nran = []"
    notebook = opened(load, '%%imagegen hero --size square -q low\nA baker\'s "mug" {{ ran.append(1) }} ספל.', "x = 1")
    page = notebook.page
    cell = page.locator(".jp-CodeCell").nth(1)
    cell.locator(".cm-content").click()
    page.wait_for_timeout(1500)
    assert page.locator(EDGE).count() == 0, "the extension is not loaded in the kernel"
    page.locator(".jp-CodeCell").first.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function("() => /\\[1\\]/.test(document.querySelector('.jp-InputPrompt').textContent)")
    cell.locator(".cm-content").click()
    cell.locator(EDGE, has_text="free (live: about $").wait_for()
    first = cell.locator(EDGE).inner_text()
    photograph(notebook, "price")
    cell.locator(".cm-line").first.click()
    page.keyboard.press("End")
    page.keyboard.type(" -n 4")
    page.wait_for_function(f"text => (document.querySelector('{EDGE}')?.textContent ?? text) !== text", arg=first)
    page.keyboard.type("00")
    cell.locator(f"{EDGE}.cm-imagegen-wrong", has_text="will not run").wait_for()
    look = "label => [getComputedStyle(label).color, getComputedStyle(label).backgroundColor]"
    assert cell.locator(EDGE).evaluate(look) == ["rgb(255, 255, 255)", "rgb(179, 38, 30)"], (
        "6.5 : 1, whatever the theme"
    )
    assert "n 400" in cell.locator(EDGE).get_attribute("title")
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    cell.locator(EDGE, has_text="free").wait_for()
    assert notebook.ask("ran") == [], "no expression was run"
    assert notebook.ask("get_ipython().execution_count") == 2, "no number was used"
    assert page.locator(EDGE).count() == 1
    assert not list(notebook.folder.glob("output"))
    assert notebook.errors == []
