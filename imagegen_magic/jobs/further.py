"""Who does further work on a result: results hold no session, so that they can be pickled, copied and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from imagegen_magic.matting.cutout import Cutout

__all__ = ["ENGINES", "Engine", "engine"]


class Engine(Protocol):
    """What a result asks for further work; a `Session` is one."""

    def edit(self, prompt: str, image: Any, **options: Any) -> Any:
        """The `ImageResult` of an edit of `image`."""

    def cutout(self, image: Any, **options: Any) -> Cutout:
        """The cut-out of `image`."""


ENGINES: list[Callable[[], Engine]] = []
"""Where `api` hands out the session that cells and functions share; at most one."""


def engine() -> Engine:
    """The session that cells and functions share.

    Raises:
        RuntimeError: `imagegen_magic.api` was never imported in this process.
    """
    if not ENGINES:
        raise RuntimeError("import imagegen_magic.api first: it holds the session that edits")
    return ENGINES[0]()
