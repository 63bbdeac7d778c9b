"""The demo: runs the quickstart notebook in a real kernel on the simulator, and says what it made.

Needs no key and no network. Prints the path of the executed notebook as HTML, then the path of every picture.
"""

from __future__ import annotations

import os
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
    os.environ["IMAGEGEN_BACKEND"] = "simulator"
    notebook = nbformat.read(HERE / "quickstart.ipynb", as_version=4)
    started = time.time()
    run(notebook, HERE)
    page, _ = HTMLExporter(template_name="lab").from_notebook_node(notebook)
    OUTPUT.mkdir(exist_ok=True)
    html = OUTPUT / "quickstart.html"
    html.write_text(page, encoding="utf-8")
    print(f"executed notebook: {html}")
    made = [path for path in OUTPUT.rglob("*.png") if path.stat().st_mtime >= started]
    pictures = sorted(made, key=lambda path: path.stat().st_mtime)
    for path in pictures:
        with Image.open(path) as picture:
            picture.load()
            print(f"picture: {path} ({picture.width}x{picture.height})")
    return 0 if pictures else 1


if __name__ == "__main__":
    sys.exit(main())
