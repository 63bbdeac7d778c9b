"""The packages that this one needs, and what is said when one can't be imported: a broken environment, or Pyodide."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec

from imagegen_magic.errors import MissingPackageError

__all__ = [
    "NEEDED",
    "installed_opencv",
    "is_importable",
    "missing_error",
    "named_packages",
    "need_package",
    "opencv_command",
]

NEEDED = {
    "IPython": "ipython",
    "PIL": "pillow",
    "anywidget": "anywidget",
    "cv2": "opencv-python-headless",
    "filelock": "filelock",
    "httpx2": "httpx2",
    "ijson": "ijson",
    "ipywidgets": "ipywidgets",
    "isal": "isal",
    "numpy": "numpy",
    "openai": "openai",
    "pybase64": "pybase64",
    "pydantic": "pydantic",
    "rectpack": "rectpack",
}
"""The distribution that brings each module."""
OPENCV = ("opencv-contrib-python", "opencv-python", "opencv-contrib-python-headless", "opencv-python-headless")
"""Distributions that all write the folder `cv2`, from the one that can do most to the one that can do least."""
IN_A_BROWSER = (
    "this Python runs in a browser (Pyodide): making pictures was not tried there; "
    "in a Python of your own, pip install imagegen_magic brings everything"
)


def is_importable(module: str) -> bool:
    """True if the import system finds a module; it is not imported."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):  # a finder that refuses it, or a module that was made by hand
        return False
    return spec is not None and spec.loader is not None  # without a loader: the folder that an uninstalled package left


def need_package(module: str) -> None:
    """Raises MissingPackageError if a module can't be imported, for what would fail without it only after it was paid for."""
    if not is_importable(module):
        raise missing_error()


@contextmanager
def named_packages() -> Iterator[None]:
    """Turns an import that fails for want of a package of `NEEDED` into MissingPackageError; a decorator, too."""
    try:
        yield
    except ImportError as error:
        module = (error.name or "").partition(".")[0]
        if module not in NEEDED:
            raise
        raise missing_error(module, str(error)) from error


def missing_error(module: str = "", reason: str = "", *, platform: str = sys.platform) -> MissingPackageError:
    """The error that names every package that is missing, and the way to get them.

    Args:
        module: what could not be imported; if it is there all the same, the error says that it can't be loaded.
        reason: what Python said of it.
        platform: `sys.platform`; Pyodide's is emscripten.
    """
    missing = [name for found, name in NEEDED.items() if not is_importable(found)]
    if module and is_importable(module):  # there, and broken: a library of the system is missing, or it is too old
        summary, fixes = f"{module} can't be loaded: {reason}", [f"pip install --force-reinstall {NEEDED[module]}"]
    else:
        summary = f"this needs packages that cannot be imported: {', '.join(missing)}"
        others = [name for name in missing if name != NEEDED["cv2"]]
        fixes = [f"pip install {' '.join(others)}"] if others else []
        fixes += [opencv_command(installed_opencv())] if len(others) < len(missing) else []
    return MissingPackageError(summary, hints=(IN_A_BROWSER,) if platform == "emscripten" else tuple(fixes))


def installed_opencv() -> dict[str, str]:
    """The version of each OpenCV distribution that pip has installed, by its name, in the order of `OPENCV`."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - the mail parser comes with it: 0.02 s

    found = {}
    for name in OPENCV:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def opencv_command(found: Mapping[str, str]) -> str:
    """What brings the files of OpenCV (back): those of the distribution that can do most, in the version that pip knows."""
    for name in OPENCV:
        if name in found:  # pip takes it for installed, and would do nothing
            return f"pip install --force-reinstall --no-deps {name}=={found[name]}"
    return f"pip install {NEEDED['cv2']}"
