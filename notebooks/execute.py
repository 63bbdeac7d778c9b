"""Runs the notebooks in place, in real kernels on the simulator, so that what is committed is what came out.

    python notebooks/execute.py [NOTEBOOK …]

Without names, all of them. Execution times and machine-dependent metadata are left out of the files. The badges and the
pinned version in each notebook come from `pyproject.toml` and the package, and are written anew here.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path

import nbformat
from nbclient import NotebookClient

import imagegen_magic

HERE = Path(__file__).resolve().parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
MAX_BYTES = 1_000_000
"""A committed notebook is light."""
BINDER = HERE.parent / ".binder" / "requirements.txt"
_PIN = re.compile(r"(imagegen_magic(?:\[[a-z,]+\])?)==[^\"\s]+")
_BADGES = re.compile(r"^(\[!\[Binder\]|\[Open in Binder\]).*\n?", re.MULTILINE)


def repository() -> str:
    """`owner/name` of the public repository, as the project file gives its address."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return "/".join(project["urls"]["Source"].rstrip("/").split("/")[-2:])


def badges(path: Path) -> str:
    """The line that opens this notebook, at the released version, on Binder and on Colab; as text, which shows offline, too."""
    at, name = f"v{imagegen_magic.__version__}", f"notebooks/{path.name}"
    binder = f"https://mybinder.org/v2/gh/{repository()}/{at}?urlpath=lab/tree/{name}"
    colab = f"https://colab.research.google.com/github/{repository()}/blob/{at}/{name}"
    return f"[Open in Binder]({binder}) · [Open in Colab]({colab})"


def pinned(text: str) -> str:
    """`text` with the version that it installs set to the package's own."""
    return _PIN.sub(rf"\1=={imagegen_magic.__version__}", text)


def stamped(text: str, path: Path) -> str:
    """The first cell's text, with the badges below its heading."""
    heading, _, rest = _BADGES.sub("", text).partition("\n")
    return f"{heading}\n\n{badges(path)}\n\n{rest.strip()}"


def environment() -> dict[str, str]:
    """The environment of a notebook's kernel: no key and no setting of this machine, and nobody watches."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("IMAGEGEN_", "OPENAI_"))}
    return {**kept, "IMAGEGEN_PROGRESS": "off"}


def run(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Runs the notebook in a real kernel that works in `folder`."""
    quiet = ["--IPKernelApp.log_level=40"]  # a kernel on this machine warns that it is not encrypted
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=600, resources=place, extra_arguments=quiet).execute(env=environment())


def execute(path: Path) -> int:
    """Runs one notebook in place; its size in bytes."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = stamped(notebook.cells[0].source, path)
    for cell in notebook.cells:
        cell.source = pinned(cell.source)
    run(notebook, HERE)
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata.pop("execution", None)
    nbformat.write(notebook, path)
    return path.stat().st_size


def main(names: list[str]) -> int:
    """The number of notebooks that are too heavy."""
    BINDER.write_text(pinned(BINDER.read_text(encoding="utf-8")), encoding="utf-8")
    paths = [Path(name).resolve() for name in names] or sorted(HERE.glob("*.ipynb"))
    heavy = 0
    for path in paths:
        size = execute(path)
        heavy += size > MAX_BYTES
        print(f"{path.name}: {size / 1000:.0f} KB{'  TOO HEAVY' if size > MAX_BYTES else ''}")
    return heavy


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
