"""What goes over the wire: requests, answers, multipart bodies, and connections that break."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Any

__all__ = [
    "ApiError",
    "Arrival",
    "Disconnect",
    "FormText",
    "Part",
    "Request",
    "Response",
    "Stalled",
    "Upload",
    "json_response",
    "parse_multipart",
]


class Disconnect(ConnectionError):  # noqa: N818 - it marks an event, and the transport turns it into the real error
    """The server hangs up here. `reset` tells a TCP reset from an early, orderly close.

    Raised by `Simulator.handle` if no header was sent, and by `Response.chunks` in the middle of a body.
    """

    def __init__(self, *, reset: bool) -> None:
        super().__init__("connection reset by the simulator" if reset else "connection closed early by the simulator")
        self.reset = reset


class Stalled(TimeoutError):  # noqa: N818 - named for what the peer sees
    """Nothing came for longer than the `timeout` given to `Simulator.handle`, in seconds."""


class FormText(str):
    """A field of a form: its text stands for a value of any type, if JSON has types of its own."""

    __slots__ = ()


class ApiError(Exception):
    """A refusal in the API's own form: `{"error": {"message", "type", "param", "code"}}` with its status."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.error: dict[str, str | None] = {"message": message, "type": kind, "param": param, "code": code}

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body."""
        return {"error": self.error}


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `path` starts with `/v1` and may carry a query; header names are of any case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str, default: str = "") -> str:
        """The value of a header, whatever the case of its name."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), default)


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer. `chunks` can be read once; reading may wait, and may raise `Disconnect` or `Stalled`.

    Where the length of the body is known, `headers` holds `content-length`.
    """

    status: int
    headers: dict[str, str]
    chunks: Iterable[bytes] = field(default=(), repr=False)

    def read(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks)

    def json(self) -> Any:
        """The whole body, parsed."""
        return json.loads(self.read())


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file that came with a request: its form field, name and type as declared, size in bytes, and hash."""

    field: str
    filename: str
    mime: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One request as it came and what became of it. Keys and bodies are not recorded."""

    method: str
    path: str
    content_type: str
    fields: Mapping[str, Any]
    parts: tuple[Part, ...] = ()
    status: int = 0
    """0 if the connection was dropped before any status."""
    images_billed: int = 0
    fault: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file inside a request, with its bytes."""

    filename: str
    mime: str
    data: bytes = field(repr=False)
    field: str
    param: str = ""
    """Where the picture stands in a JSON body, as refusals name it: `images[0].image_url`."""

    def part(self) -> Part:
        """What the record keeps of it."""
        digest = hashlib.sha256(self.data).hexdigest()
        return Part(field=self.field, filename=self.filename, mime=self.mime, size=len(self.data), sha256=digest)


def json_response(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body and its length."""
    data = json.dumps(body, ensure_ascii=False).encode()
    base = {"content-type": "application/json", "content-length": str(len(data))}
    return Response(status, {**base, **(headers or {})}, (data,))


def parse_multipart(body: bytes, content_type: str) -> tuple[dict[str, Any], list[Upload]]:
    """Text fields by name and files in their order, from a `multipart/form-data` body.

    Raises:
        ApiError: 400 if the body is not of that form.
    """
    boundary = _header_parameters(content_type).get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise ApiError(400, "Missing boundary in the multipart content type.")
    fields: dict[str, Any] = {}
    uploads: list[Upload] = []
    for head, data in _sections(body, b"--" + boundary.encode()):
        disposition = _header_parameters(head.get("content-disposition", ""))
        name, given = disposition.get_param("name"), disposition.get_param("filename")
        filename = None if given is None else collapse_rfc2231_value(given)
        if not isinstance(name, str):
            raise ApiError(400, "A part of the multipart body has no name.")
        if filename is not None or "content-type" in head:
            mime = head.get("content-type", "application/octet-stream").split(";")[0].strip().lower()
            uploads.append(Upload(field=name, filename=filename or "", mime=mime, data=data))
        else:
            fields[name] = FormText(data.decode("utf-8", "replace"))
    return fields, uploads


def _header_parameters(value: str) -> Message:
    """A message whose parameters are those of one header value."""
    message = Message()
    message["content-type"] = value
    return message


def _sections(body: bytes, mark: bytes) -> Iterator[tuple[dict[str, str], bytes]]:
    start = body.find(mark)
    while start >= 0:
        start += len(mark)
        if body[start : start + 2] == b"--":
            return
        end = body.find(b"\r\n" + mark, start)
        split = body.find(b"\r\n\r\n", start)
        if end < 0 or split < 0 or split > end:
            raise ApiError(400, "The multipart body ends early or has a part without headers.")
        lines = body[start:split].decode("utf-8", "replace").strip().split("\r\n")
        head = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        yield head, body[split + 4 : end]
        start = end + 2
    raise ApiError(400, "The multipart body has no closing boundary.")


Sleep = Callable[[float], None]


def wait(seconds: float, timeout: float | None, sleep: Sleep) -> None:
    """Sleeps `seconds`, or `timeout` seconds and raises `Stalled` if that is shorter."""
    if timeout is not None and seconds > timeout:
        sleep(timeout)
        raise Stalled(f"nothing came for {timeout:g} s")
    if seconds > 0:
        sleep(seconds)
