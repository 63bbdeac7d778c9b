"""Runs the notebooks in place, in real kernels on the simulator, so that what is committed is what came out.

    python notebooks/execute.py [NOTEBOOK …]

Without names, all of them. Execution times and machine-dependent metadata are left out of the files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
MAX_BYTES = 1_000_000
"""A committed notebook is light."""


def run(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Runs the notebook in a real kernel that works in `folder`."""
    quiet = ["--IPKernelApp.log_level=40"]  # a kernel on this machine warns that it is not encrypted
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=600, resources=place, extra_arguments=quiet).execute()


def execute(path: Path) -> int:
    """Runs one notebook in place; its size in bytes."""
    notebook = nbformat.read(path, as_version=4)
    run(notebook, HERE)
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata.pop("execution", None)
    nbformat.write(notebook, path)
    return path.stat().st_size


def main(names: list[str]) -> int:
    """The number of notebooks that are too heavy."""
    paths = [Path(name).resolve() for name in names] or sorted(HERE.glob("*.ipynb"))
    heavy = 0
    for path in paths:
        size = execute(path)
        heavy += size > MAX_BYTES
        print(f"{path.name}: {size / 1000:.0f} KB{'  TOO HEAVY' if size > MAX_BYTES else ''}")
    return heavy


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
