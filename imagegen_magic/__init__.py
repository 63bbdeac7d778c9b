"""`%%imagegen`: pictures from OpenAI's Images API in a notebook.

`%load_ext imagegen_magic` registers the magics; `generate`, `edit`, `cutout` and `run_batch` do the same from
Python. Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .api import Session, edit, generate, run_batch
    from .batch_results import FailedJob, Gallery
    from .cutouts import Cutout, cutout, cutout_many
    from .errors import BudgetError, CallError, CutoutError, ImagegenError, RequestError
    from .metadata.inspection import provenance
    from .metadata.reading import Provenance
    from .panel import Panel
    from .result import GeneratedImage, ImageResult
    from .simulator import Simulator

__version__ = "0.1.0"

_HOMES = {
    "BudgetError": "errors",
    "CallError": "errors",
    "Cutout": "cutouts",
    "CutoutError": "errors",
    "FailedJob": "batch_results",
    "Gallery": "batch_results",
    "GeneratedImage": "result",
    "ImageResult": "result",
    "ImagegenError": "errors",
    "Panel": "panel",
    "Provenance": "metadata.reading",
    "RequestError": "errors",
    "Session": "api",
    "Simulator": "simulator",
    "cutout": "cutouts",
    "cutout_many": "cutouts",
    "edit": "api",
    "generate": "api",
    "provenance": "metadata.inspection",
    "run_batch": "api",
}
"""Where each public name lives; none has the name of a module, which importing that module would overwrite."""

__all__ = [
    "BudgetError",
    "CallError",
    "Cutout",
    "CutoutError",
    "FailedJob",
    "Gallery",
    "GeneratedImage",
    "ImageResult",
    "ImagegenError",
    "Panel",
    "Provenance",
    "RequestError",
    "Session",
    "Simulator",
    "__version__",
    "cutout",
    "cutout_many",
    "edit",
    "generate",
    "load_ipython_extension",
    "provenance",
    "run_batch",
    "unload_ipython_extension",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Registers `%%imagegen`, `%%imagegen_edit`, `%%imagegen_batch` and `%imagegen`; silent, no network."""
    from .magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Takes away everything that loading added."""
    from .magics import unload

    unload(shell)
