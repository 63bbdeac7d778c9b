"""What comes back from the Images API, and the events on the way there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from imagegen_magic.errors import CallError, Outcome, StoreError

from .request import ImageRequest

__all__ = [
    "Event",
    "Failed",
    "Gate",
    "ImageResponse",
    "OnEvent",
    "Parent",
    "Partial",
    "Payload",
    "Received",
    "Retrying",
    "Saved",
    "Sending",
    "Spool",
    "Started",
    "Usage",
    "ignore",
    "open_gate",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens that the server counted; a part that it did not report is None."""

    input_tokens: int | None = None
    text_input_tokens: int | None = None
    image_input_tokens: int | None = None
    output_tokens: int | None = None
    text_output_tokens: int | None = None
    """Of the output: what the model wrote, billed at the text rate."""
    image_output_tokens: int | None = None
    total_tokens: int | None = None
    svg: Mapping[str, Any] | None = None
    """The author model's own usage for svg output, as the server sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One picture as the server sent it, in a file of the spool that holds exactly those bytes.

    `format` is what the bytes are (png, jpeg, webp, gif, svg), whatever was asked for; `size` is
    (width, height) in pixels read from the header, None for svg.
    """

    path: Path
    sha256: str
    bytes: int
    format: str
    size: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageResponse:
    """A complete answer: at least one picture, checked to be one."""

    payloads: tuple[Payload, ...]
    server: str
    """`simulator`, or the host that answered, for example `api.openai.com`."""
    usage: Usage | None = None
    request_id: str | None = None
    created: int | None = None
    resolved: Mapping[str, str] = field(default_factory=dict)
    """size, quality, background, output_format as the server resolved them; absent ones were not reported."""
    seconds: float = 0.0
    attempts: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    """The answer's rate-limit headers (`x-ratelimit-*`, `retry-after`), lower case."""
    warnings: tuple[str, ...] = ()
    """What differs from the request: fewer or more pictures, another format or size; one sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A picture that went into a request: its role, where it is, and its history number if it has one."""

    sha256: str
    role: str = ""
    file: str = ""
    number: int | None = None
    source_type: str = ""
    """The IPTC code of its digital source type; empty if nothing says what it is."""


class Spool(Protocol):
    """Where received bytes go first; the store implements it, so that it stays the only writer of files."""

    def open(self, suffix: str) -> tuple[Path, BinaryIO]:
        """A new private file, open for writing and reading; it survives a crash and is swept up later."""

    def keep(self, path: Path, label: str) -> Path:
        """Puts an unusable file beside the history under a name that says what it is; returns the new path."""

    def discard(self, path: Path) -> None:
        """Removes a file that is no longer needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to one job of a run; `index` is the job's number, from 0."""

    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Event):
    """The job was taken up."""

    request: ImageRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending(Event):
    """The request is on the wire, or about to be (attempt 1, 2, …)."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial(Event):
    """A live preview: an encoded picture, never a result. `elapsed` is in seconds since the start."""

    data: bytes = field(repr=False)
    number: int
    elapsed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying(Event):
    """The last attempt failed; the next one starts in `wait` seconds."""

    reason: str
    wait: float
    attempt: int
    outcome: Outcome = "refused"
    """What became of the last attempt; `ambiguous` may have been billed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved(Event):
    """Every picture of the job is on disk."""

    paths: tuple[Path, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """The job ended with an error; `error.outcome` says whether it may have been billed."""

    error: CallError | StoreError


OnEvent = Callable[[Event], None]

Received = Callable[[Mapping[str, str]], None]
"""Called with an answer's headers (lower case) when its last byte is in the spool, before it is taken apart."""
Gate = Callable[[], AbstractContextManager[Received]]
"""What each attempt to send goes through. It may wait, sees the attempt's error, and is told when the answer is there."""


@contextmanager
def open_gate() -> Iterator[Received]:
    """The gate of a request that has no others beside it."""
    yield lambda headers: None


def ignore(event: Event) -> None:
    """What a call reports to if nobody listens."""
