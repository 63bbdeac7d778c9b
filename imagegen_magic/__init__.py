"""`%%imagegen`: pictures from OpenAI's Images API in a notebook.

`%load_ext imagegen_magic` registers the magics; `generate`, `edit`, `sprites`, `cutout` and `run_batch` do the same from
Python. Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .api import edit, edit_animation, generate, preview, preview_batch, run_batch, sprites, start, start_sprites
    from .batch.plan import BatchPlan
    from .batch.results import FailedJob, Gallery
    from .checks.files import check
    from .checks.verdicts import CheckReport
    from .errors import BudgetError, CallError, CutoutError, ImagegenError, ReplayError, RequestError
    from .jobs.result import GeneratedImage, ImageResult, JobPreview
    from .jobs.sprites import GeneratedSprites
    from .jobs.task import Task
    from .matting.cutout import Cutout, cutout, cutout_many, difference_cutout
    from .metadata.inspection import provenance
    from .metadata.reading import Provenance
    from .panel import Panel
    from .session import Session
    from .simulator import Simulator
    from .spritesheets.export import export_sprites
    from .spritesheets.icons import IconSet, make_icons
    from .spritesheets.pixelate import pixelate
    from .spritesheets.sheet import slice_objects, slice_sheet
    from .spritesheets.sprites import PixelArt, Sprites
    from .spritesheets.unpacking import Animation, unpack

_HOMES = {
    "BatchPlan": "batch.plan",
    "BudgetError": "errors",
    "CallError": "errors",
    "Cutout": "matting.cutout",
    "CheckReport": "checks.verdicts",
    "CutoutError": "errors",
    "FailedJob": "batch.results",
    "Gallery": "batch.results",
    "GeneratedImage": "jobs.result",
    "GeneratedSprites": "jobs.sprites",
    "ImageResult": "jobs.result",
    "ImagegenError": "errors",
    "JobPreview": "jobs.result",
    "Panel": "panel",
    "Provenance": "metadata.reading",
    "ReplayError": "errors",
    "RequestError": "errors",
    "Session": "session",
    "Simulator": "simulator",
    "Task": "jobs.task",
    "cutout": "matting.cutout",
    "cutout_many": "matting.cutout",
    "difference_cutout": "matting.cutout",
    "check": "checks.files",
    "edit": "api",
    "edit_animation": "api",
    "generate": "api",
    "preview": "api",
    "provenance": "metadata.inspection",
    "costs": "api",
    "history": "api",
    "preview_batch": "api",
    "run_batch": "api",
    "sheet": "api",
    "sprites": "api",
    "start": "api",
    "start_sprites": "api",
    "Animation": "spritesheets.unpacking",
    "IconSet": "spritesheets.icons",
    "PixelArt": "spritesheets.sprites",
    "Sprites": "spritesheets.sprites",
    "export_sprites": "spritesheets.export",
    "make_icons": "spritesheets.icons",
    "pixelate": "spritesheets.pixelate",
    "slice_objects": "spritesheets.sheet",
    "slice_sheet": "spritesheets.sheet",
    "unpack": "spritesheets.unpacking",
}
"""Where each public name lives; none has the name of a module, which importing that module would overwrite."""

__all__ = [
    "Animation",
    "BatchPlan",
    "BudgetError",
    "CallError",
    "CheckReport",
    "Cutout",
    "CutoutError",
    "FailedJob",
    "Gallery",
    "GeneratedImage",
    "GeneratedSprites",
    "IconSet",
    "ImageResult",
    "ImagegenError",
    "JobPreview",
    "Panel",
    "PixelArt",
    "Provenance",
    "ReplayError",
    "RequestError",
    "Session",
    "Simulator",
    "Sprites",
    "Task",
    "__version__",
    "check",
    "costs",
    "cutout",
    "cutout_many",
    "difference_cutout",
    "edit",
    "edit_animation",
    "export_sprites",
    "generate",
    "history",
    "load_ipython_extension",
    "make_icons",
    "pixelate",
    "preview",
    "preview_batch",
    "provenance",
    "run_batch",
    "sheet",
    "slice_objects",
    "slice_sheet",
    "sprites",
    "start",
    "start_sprites",
    "unload_ipython_extension",
    "unpack",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from .facts.packages import named_packages  # noqa: PLC0415 - importing this module stays light

        with named_packages():
            return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Registers `%%imagegen`, `%%imagegen_edit`, `%%imagegen_batch` and `%imagegen`; silent, no network."""
    from .notebook.magics import load  # noqa: PLC0415 - `import imagegen_magic` needs no IPython

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Takes away everything that loading added."""
    from .notebook.magics import unload  # noqa: PLC0415 - the same

    unload(shell)
