"""Files and batches: uploads, downloads, and the Batch API, kept in a folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .wire import ApiError, Response, Upload, json_response

__all__ = ["FileStore"]

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data")
_PIECE = 1 << 20
_PAGE = 20
_MAX_BATCH_FILE = 200 * 1024 * 1024
_BATCH_FILE_DAYS = 30


class FileStore:
    """The files of `/v1/files`, each as `ID.bin` beside `ID.json`; in a temporary folder if none is given.

    The folder is the whole state: another simulator over it continues where this one stopped.
    """

    def __init__(self, folder: Path | None) -> None:
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="imagegen-simulator-"))
            self._sweep = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.folder = folder
        (folder / "files").mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()

    def path(self, file_id: str) -> Path:
        """Where the bytes of a file are."""
        return self.folder / "files" / f"{file_id}.bin"

    def new_id(self) -> str:
        """An id that no file of this folder has, in counting order."""
        with self._lock:
            counter = self.folder / "counter"
            number = int(counter.read_text()) + 1 if counter.exists() else 1
            write_atomically(counter, str(number).encode())
        return f"file-sim{number:012d}"

    def create(self, values: Mapping[str, Any], uploads: list[Upload], now: int) -> Response:
        """The answer to an upload."""
        files = [upload for upload in uploads if upload.field == "file"]
        if not files:
            raise ApiError(400, "Missing required parameter: 'file'.", param="file", code="missing_required_parameter")
        purpose = str(values.get("purpose") or "")
        if purpose not in PURPOSES:
            message = f"'{purpose}' is not one of {list(PURPOSES)} - 'purpose'"
            raise ApiError(
                400, message, param="purpose", code="invalid_value" if purpose else "missing_required_parameter"
            )
        if purpose == "batch" and len(files[0].data) > _MAX_BATCH_FILE:
            raise ApiError(413, "The file exceeds the maximum size of 200 MB for batch input files.", param="file")
        file_id = self.new_id()
        write_atomically(self.path(file_id), files[0].data)
        return json_response(
            200, self.add(file_id, files[0].filename or "upload", purpose, now, _expiry(values, purpose, now))
        )

    def add(self, file_id: str, filename: str, purpose: str, now: int, expires: int | None) -> dict[str, Any]:
        """The file object of bytes that are already in place."""
        entry = {
            "id": file_id,
            "object": "file",
            "bytes": self.path(file_id).stat().st_size,
            "created_at": now,
            "filename": filename,
            "purpose": purpose,
            "status": "processed",
            **({} if expires is None else {"expires_at": expires}),
        }
        write_atomically(self._meta(file_id), json.dumps(entry).encode())
        return entry

    def _meta(self, file_id: str) -> Path:
        return self.folder / "files" / f"{file_id}.json"

    def get(self, file_id: str) -> dict[str, Any]:
        """The file object; 404 if there is none."""
        path = self._meta(file_id)
        if not re.fullmatch(r"file-\w+", file_id) or not path.exists():
            raise ApiError(404, f"No such File object: {file_id}", param="id")
        entry: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return entry

    def entries(self, purpose: str) -> list[dict[str, Any]]:
        """Every file object, newest first, of one purpose if one is given."""
        found = [json.loads(path.read_text(encoding="utf-8")) for path in (self.folder / "files").glob("file-*.json")]
        return sorted(
            (entry for entry in found if purpose in ("", entry["purpose"])), key=lambda e: e["id"], reverse=True
        )

    def delete(self, file_id: str) -> Response:
        """The answer to a deletion."""
        self.get(file_id)
        self._meta(file_id).unlink()
        self.path(file_id).unlink(missing_ok=True)
        return json_response(200, {"id": file_id, "object": "file", "deleted": True})

    def content(self, file_id: str) -> Response:
        """The bytes of a file, in pieces of 1 MiB."""
        entry = self.get(file_id)
        headers = {"content-type": "application/octet-stream", "content-length": str(entry["bytes"])}
        headers["content-disposition"] = f'attachment; filename="{file_id}"'
        return Response(200, headers, _pieces(self.path(file_id)))

    def as_upload(self, field: str, file_id: str) -> Upload:
        """A stored file as an input of an edit."""
        self.get(file_id)
        data = self.path(file_id).read_bytes()
        return Upload(field=field, filename=file_id, mime=sniffed_mime(data), data=data)


def page(entries: list[dict[str, Any]], query: Mapping[str, str]) -> Response:
    """One page of a list, after the id `after`, with at most `limit` entries."""
    after, wished = query.get("after"), query.get("limit", "")
    limit = int(wished) if re.fullmatch(r"\d{1,5}", wished) else _PAGE
    ids = [entry["id"] for entry in entries]
    start = ids.index(after) + 1 if after in ids else 0
    shown = entries[start : start + limit]
    ends = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {"first_id": None, "last_id": None}
    return json_response(200, {"object": "list", "data": shown, **ends, "has_more": len(entries) > start + limit})


def sniffed_mime(data: bytes) -> str:
    """The type of a picture by its first bytes."""
    if data.startswith(b"\x89PNG"):
        return "image/png"
    if data.startswith(b"\xff\xd8"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return "application/octet-stream"


def write_atomically(path: Path, data: bytes) -> None:
    """Writes the file so that a reader sees either the old or the new bytes."""
    part = path.with_name(path.name + f".{threading.get_ident()}.part")
    part.write_bytes(data)
    os.replace(part, path)  # noqa: PTH105 - Path.replace is the same; this names what matters


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _expiry(values: Mapping[str, Any], purpose: str, now: int) -> int | None:
    """When the file expires, in Unix seconds: as asked, after 30 days for batch files, else never."""
    seconds = values.get("expires_after[seconds]")
    if seconds is not None:
        if not re.fullmatch(r"\d{1,9}", str(seconds)):
            raise ApiError(400, "Invalid type for 'expires_after.seconds'.", param="expires_after", code="invalid_type")
        return now + int(seconds)
    return now + _BATCH_FILE_DAYS * 86_400 if purpose == "batch" else None
