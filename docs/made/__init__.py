"""What the site takes from the package itself, written before the pages are read: nothing here is typed by hand."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from . import architecture, errors, figures, gallery, measured, reference

__all__ = ["make_all"]


def make_all(docs: Path) -> None:
    """Writes `reference/`, `errors.md`, `gallery/` and `img/made/` below `docs`; git ignores all of them."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # pictures made on the way leave nothing behind
        try:
            for name, text in reference.pages().items():
                write(docs / "reference" / f"{name}.md", text)
            write(docs / "errors.md", errors.page())
            figures.draw_all(docs / "img" / "made")
        finally:
            os.chdir(here)
    write(docs / "img" / "made" / "wings.svg", architecture.diagram())
    write(docs / "reference" / "cutout-means.txt", measured.cutout_means(docs))
    write(docs / "reference" / "front-ends-table.txt", measured.front_ends(docs))
    gallery.copy_notebooks(docs.parent / "notebooks", docs / "gallery")


def write(path: Path, text: str) -> None:
    """Writes a file where its text changed, so that Sphinx reads it again only then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
