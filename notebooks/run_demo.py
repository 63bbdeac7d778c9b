"""The demo: runs the quickstart notebook in a real kernel on the simulator, and says what it made.

Needs no key and no network. Writes the executed notebook as HTML and lists every picture that was made.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import nbformat
from execute import run
from nbconvert import HTMLExporter
from PIL import Image

HERE = Path(__file__).resolve().parent
OUTPUT = HERE / "output"


def main() -> int:
    """0 when the notebook ran and every picture it made opens."""
    notebook = nbformat.read(HERE / "quickstart.ipynb", as_version=4)
    print("Running notebooks/quickstart.ipynb on the simulator: no key, no network, nothing billed …", flush=True)
    started = time.time()
    run(notebook, HERE)
    page, _ = HTMLExporter(template_name="lab").from_notebook_node(notebook)
    OUTPUT.mkdir(exist_ok=True)
    html = OUTPUT / "quickstart.html"
    html.write_text(page, encoding="utf-8")
    made = [path for path in OUTPUT.rglob("*.png") if path.stat().st_mtime >= started]
    pictures = sorted(made, key=lambda path: path.stat().st_mtime)
    print(f"Done in {time.time() - started:.0f} s. The notebook with its outputs, for a browser:\n  {html}")
    print(f"{len(pictures)} pictures, as files:")
    for path in pictures:
        with Image.open(path) as picture:
            picture.load()
            print(f"  {path}  {picture.width}x{picture.height}")
    print("`make lab` opens all the notebooks in JupyterLab.")
    return 0 if pictures else 1


if __name__ == "__main__":
    sys.exit(main())
