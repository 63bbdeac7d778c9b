"""Locked files fetched from elsewhere: any address that fsspec reads, such as https, S3 or another folder (extra `remote`).

What comes is checked by the lock's hashes before it gets its name; a sidecar must be the record of its request.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from imagegen_magic.errors import Problem, ReplayError

from .folder import Store, move
from .names import sidecar_path

if TYPE_CHECKING:
    from .lockfile import LockedRequest

__all__ = ["fetch_missing"]

MAX_BYTES = 100 * 2**20
"""No image is larger: more than this is not read."""
INSTALL = 'pip install "imagegen_magic[remote]"; for S3 also s3fs'


def fetch_missing(address: str, entry: LockedRequest, store: Store) -> None:
    """Puts the files of a locked request that are not in the output folder there, with the sidecars of those that have one.

    A file that comes with other bytes than those locked is put there as well, so that the replay names it as changed.

    Raises:
        ReplayError: the address can't be read.
    """
    for place in _missing(entry, store.folder):
        data = _read(address, place)
        path, stream = store.open(Path(place).suffix)
        with stream:
            stream.write(data)
        move(path, store.folder / place)


def _missing(entry: LockedRequest, folder: Path) -> Iterator[str]:
    """Places, relative to the output folder and inside it, that hold no file."""
    for file in entry.files:
        path = folder / file.path
        if not path.resolve().is_relative_to(folder.resolve()):
            continue
        for wanted in (path, sidecar_path(path)):
            if not wanted.exists():
                yield wanted.relative_to(folder).as_posix()


def _read(address: str, place: str) -> bytes:
    parts = urlsplit(address)
    web = parts.scheme in ("http", "https")
    where = f"{address.rstrip('/')}/{quote(place) if web else place}"
    try:
        import fsspec  # noqa: PLC0415 - the extra `remote`

        with fsspec.open(where, "rb") as stream:
            data: Any = stream.read(MAX_BYTES + 1)
    except ImportError:
        raise _unread(place, parts.hostname, "this address needs more packages", INSTALL) from None
    except Exception as error:  # noqa: BLE001 - every protocol has errors of its own
        rule = "there is no such file" if isinstance(error, FileNotFoundError) else f"{type(error).__name__}"
        raise _unread(place, parts.hostname, rule, "check --replay-from, and that you may read there") from None
    if len(data) > MAX_BYTES:
        raise _unread(place, parts.hostname, f"larger than {MAX_BYTES >> 20} MB", "this is not a locked image")
    return bytes(data)


def _unread(place: str, host: str | None, rule: str, fix: str) -> ReplayError:
    """The error of an address; of that only the host is shown, since the rest may hold a secret."""
    problem = Problem(field="replay_from", value=f"{host or 'address'} … {place}", rule=rule, fix=fix)
    return ReplayError("a locked file can't be fetched", problems=(problem,))
