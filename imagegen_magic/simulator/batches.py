"""The Batch API: a file of requests in, a file of answers out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from imagegen_magic.catalog import Catalog

from .files import FileStore
from .wire import ApiError

__all__ = ["BatchStore"]


class BatchStore:
    """Batches over the files of a `FileStore`."""

    def __init__(self, files: FileStore, run: Callable[..., Any], catalog: Catalog) -> None:
        self._files = files

    def create(self, values: Mapping[str, Any], now: int) -> dict[str, Any]:
        raise ApiError(404, "No batches yet.")

    def entries(self) -> list[dict[str, Any]]:
        return []

    def advance(self, name: str, now: int) -> tuple[dict[str, Any], int]:
        raise ApiError(404, "No batches yet.")

    def cancel(self, name: str, now: int) -> dict[str, Any]:
        raise ApiError(404, "No batches yet.")
