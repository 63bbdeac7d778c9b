"""The demo: runs the quickstart notebook in a real kernel on the simulator, and says what it made.

Needs no key and no network. Writes the executed notebook as one HTML page beside the notebook, so that its links to pictures and
to the other notebooks lead where they do there.
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
PAGE = HERE / "quickstart.html"


def main() -> int:
    """0 when the notebook ran and every picture it made opens."""
    notebook = nbformat.read(HERE / "quickstart.ipynb", as_version=4)
    print("Running notebooks/quickstart.ipynb on the simulator: no key, no network, nothing billed …", flush=True)
    started = time.time()
    run(notebook, HERE)
    text, _ = HTMLExporter(template_name="lab").from_notebook_node(notebook)
    PAGE.write_text(text, encoding="utf-8")
    made = [path for path in (HERE / "output").rglob("*.png") if path.stat().st_mtime >= started]
    for path in made:
        with Image.open(path) as image:
            image.load()
    print(f"Done in {time.time() - started:.0f} s, {len(made)} pictures. Open this in a browser:\n\n  {PAGE}\n")
    print("`make lab` opens all the notebooks in JupyterLab.")
    return 0 if made else 1


if __name__ == "__main__":
    sys.exit(main())
