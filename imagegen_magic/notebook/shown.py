"""What a cell has shown already is not shown again as its value; a result that is looked at later is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagegen_magic.display import slot as frontend

if TYPE_CHECKING:
    from imagegen_magic.batch.results import Gallery
    from imagegen_magic.jobs.result import ImageResult

__all__ = ["mark_shown", "sheet_bundle", "show_unless_shown"]


def mark_shown(shell: Any, result: ImageResult | Gallery) -> None:
    """Remembers that this cell showed `result`, so that being its value does not show it again."""
    shell.imagegen_shown = (result, shell.execution_count)


def sheet_bundle(items: Sequence[Any], total: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The mime bundle of results as one sheet of thumbnails."""
    from imagegen_magic.display.sheets import make_sheet  # noqa: PLC0415 - only for a list of results

    sheet = make_sheet(items, find=Path, variables={})
    data, metadata = sheet._repr_mimebundle_()
    note = f"{sheet!r}" + (f" (the first of {total})" if total > len(items) else "")
    return {**data, "text/plain": note}, metadata


def show_unless_shown(shell: Any, result: ImageResult | Gallery) -> bool:
    """IPython's display hook for results: picture, then caption. True tells IPython that all is shown."""
    shown, cell = getattr(shell, "imagegen_shown", (None, 0))
    if shown is result and cell == shell.execution_count:
        return True
    for data, metadata in result.display_items():
        frontend.show_bundle(data, metadata)
    return True
