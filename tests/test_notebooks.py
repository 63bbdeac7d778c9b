"""The notebooks as they are committed: light, with outputs, of this version, and nothing of the machine that ran them."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
from pathlib import Path

import nbformat
import pytest

import imagegen_magic

ROOT = Path(__file__).parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def execute():
    """notebooks/execute.py, which writes the badges."""
    spec = importlib.util.spec_from_file_location("execute", ROOT / "notebooks" / "execute.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


def test_badges_point_at_this_version(path, execute):
    """Binder and Colab open the released notebook and install the released version."""
    notebook = nbformat.read(path, as_version=4)
    assert execute.badges(path) in notebook.cells[0].source, "make notebooks"
    pins = re.findall(r"imagegen_magic(?:\[[a-z,]+\])?==([\w.]+)", "".join(cell.source for cell in notebook.cells))
    assert pins == [imagegen_magic.__version__], "make notebooks"


def test_binder_installs_this_version():
    """Binder's image has the released version with its extras."""
    first = (ROOT / ".binder" / "requirements.txt").read_text().splitlines()[0]
    assert first == f"imagegen_magic[panel,cluster]=={imagegen_magic.__version__}", "make notebooks"


def test_light_and_with_outputs(path, execute):
    """Under 1 MB, every cell run in order, and readable without a kernel."""
    assert path.stat().st_size < execute.MAX_BYTES
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any(cell.outputs for cell in cells)


def test_nothing_of_the_machine(path):
    """No path, no widget state, no key-like text; and only a cell that says why is not compared."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"/(?:root|home|work|tmp|Users)/", re.sub(r'"image/[a-z]+": "[^"]*"', "", text))
    assert "widgets" not in json.loads(text)["metadata"]
    cells = nbformat.read(path, as_version=4).cells
    for before, cell in itertools.pairwise(cells):
        if "nbval-ignore-output" in cell.metadata.get("tags", ()):
            assert "not compared" in before.source


def test_the_index_names_every_notebook():
    """`notebooks/README.md` is the way in."""
    index = (ROOT / "notebooks" / "README.md").read_text()
    assert {f"{path.stem}.ipynb" for path in PATHS} == set(re.findall(r"\((\w+\.ipynb)\)", index))
