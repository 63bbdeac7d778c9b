"""The notebooks as pages: copied with the outputs they were committed with, and never run here."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

__all__ = ["copy_notebooks"]

FIRST = ("quickstart", "prompts", "sizes_and_cost", "edits", "transparent", "batches", "panel", "servers", "testing")
"""The order to read them in; others follow by name."""
PAGE = """# Gallery

Each of these is an ordinary notebook of the checkout, shown as it was committed. `make lab` opens them in JupyterLab, on
the simulator: no key is needed, and the pictures say that they are simulated.

::::{{grid}} 1 2 2 3
:gutter: 3

{list}
::::

```{{toctree}}
:hidden:

{names}
```
"""


def copy_notebooks(source: Path, target: Path) -> None:
    """Copies every notebook of `source`, and writes the page that lists them."""
    shutil.rmtree(target, ignore_errors=True)
    (target / "img").mkdir(parents=True)
    order = {name: number for number, name in enumerate(FIRST)}
    paths = sorted(source.glob("*.ipynb"), key=lambda path: (order.get(path.stem, len(order)), path.stem))
    for path in paths:
        text = path.read_text(encoding="utf-8")
        (target / path.name).write_text(_with_links(text), encoding="utf-8")
    cards = "\n".join(_card(path, target) for path in paths)
    page = PAGE.format(list=cards, names="\n".join(path.stem for path in paths))
    (target / "index.md").write_text(page, encoding="utf-8")


def _card(path: Path, target: Path) -> str:
    """A card that leads to the notebook, with one of its own pictures at the top."""
    image = _image(path, target)
    top = f":img-top: img/{image.name}\n:img-alt: A picture of the notebook {_title(path)}\n" if image else ""
    return f":::{{grid-item-card}} {_title(path)}\n:link: {path.stem}\n:link-type: doc\n{top}\n{_purpose(path)}\n:::"


def _image(path: Path, target: Path) -> Path | None:
    """The last picture that the notebook shows, written as a file; None if it shows none."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    shown = [output.get("data", {}) for cell in cells for output in cell.get("outputs", ())]
    found = [(mime, data[mime]) for data in shown for mime in ("image/jpeg", "image/png") if mime in data]
    if not found:
        return None
    mime, data = found[-1]
    image = target / "img" / f"{path.stem}-shown.{'jpg' if mime == 'image/jpeg' else 'png'}"
    image.write_bytes(base64.b64decode("".join(data)))
    return image


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
    """The first sentence of prose; headings, pictures and the line of links that open the notebook are passed over."""
    prose = [p for p in re.split(r"\n\s*\n", "\n\n".join(_texts(path))) if not re.match(r"#|!?\[|<", p.strip())]
    first = re.match(r".+?[.!?](?=\s|$)", prose[0].strip().replace("\n", " ")) if prose else None
    return first[0] if first else ""
