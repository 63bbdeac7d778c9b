"""The notebooks as pages: copied with the outputs they were committed with, and never run here."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

__all__ = ["copy_notebooks"]

FIRST = ("quickstart", "prompts", "sizes_and_cost", "edits", "transparent", "batches", "panel", "servers", "testing")
"""The order to read them in; others follow by name."""
PAGE = """# Notebooks

Each of these is an ordinary notebook of the checkout, shown as it was committed. `make lab` opens them in JupyterLab, on
the simulator: no key is needed, and the pictures say that they are simulated.

{list}

```{{toctree}}
:hidden:

{names}
```
"""


def copy_notebooks(source: Path, target: Path) -> None:
    """Copies every notebook of `source` with its pictures, and writes the page that lists them."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source / "img", target / "img")
    order = {name: number for number, name in enumerate(FIRST)}
    paths = sorted(source.glob("*.ipynb"), key=lambda path: (order.get(path.stem, len(order)), path.stem))
    for path in paths:
        text = path.read_text(encoding="utf-8")
        (target / path.name).write_text(_with_links(text), encoding="utf-8")
    lines = [f"- [{_title(path)}]({path.name}): {_purpose(path)}" for path in paths]
    page = PAGE.format(list="\n".join(lines), names="\n".join(path.stem for path in paths))
    (target / "index.md").write_text(page, encoding="utf-8")


def _with_links(text: str) -> str:
    """Links of the checkout as they are reached from the site: `../docs/` is the site's own root."""
    text = re.sub(r"\]\(\.\./docs/", "](../", text)
    return re.sub(r"\]\(\.\./(?=[A-Zb])", "](source:", text)


def _texts(path: Path) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


def _title(path: Path) -> str:
    found = re.search(r"^# (.+)$", _texts(path)[0], re.MULTILINE)
    return found[1] if found else path.stem


def _purpose(path: Path) -> str:
    """The first sentence of prose, badges passed over."""
    prose = [p for p in re.split(r"\n\s*\n", "\n\n".join(_texts(path))) if not re.match(r"#|\[!\[|!\[|<", p.strip())]
    first = re.match(r".+?[.!?](?=\s|$)", prose[0].strip().replace("\n", " ")) if prose else None
    return first[0] if first else ""
