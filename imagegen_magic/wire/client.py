"""One client for the live API, any compatible server, and the simulator.

An answer's body goes to a spool file as it arrives, before anything looks at it. Images are asked for by `transport`,
files, batches and models by the `openai` SDK.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2

from imagegen_magic.errors import AnswerError, CallCancelledError, CallError
from imagegen_magic.jobs.result import shown_path
from imagegen_magic.options.options import Options
from imagegen_magic.request.request import ImageRequest
from imagegen_magic.request.response import (
    Gate,
    ImageResponse,
    OnEvent,
    Partial,
    Received,
    Retrying,
    Sending,
    Spool,
    open_gate,
)

from .address import API_VERSION, parse_address
from .answers import EventStream, ParsedResponse, check_answer, looks_like_stream, parse_json_answer, read_usage
from .dialects import Dialect, dialect_of, spell_request
from .fetching import fetch_image
from .http_errors import is_web_page, missing_key, read_request_id, status_error, transport_error, web_page_error
from .retries import TimeBudget, with_retries
from .spool_body import SpooledBody, decoded
from .transport import Access, Files, LiveHttp, common_headers

if TYPE_CHECKING:
    import openai

    from imagegen_magic.simulator import Simulator

    from .batch_files import BatchCalls

__all__ = ["Client", "Clients"]

CHUNK = 1 << 16
TRANSPORT_MODULES = ("httpx2", "httpcore2", "httpx", "httpcore", "ssl")
"""Where the exceptions of a broken connection come from."""
REFUSALS = ("invalid_request_error", "image_generation_user_error")
"""Error types by which a stream says that the request is to blame; any other error may come after billing."""
LONGEST_REFUSAL = 1 << 20
"""Bytes of an error's body that are read."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
RESOLVED = ("size", "quality", "background", "output_format")


class Clients:
    """One client for each server and its settings, so that connections are shared. Safe for several threads.

    Args:
        simulator: the simulator that `backend = "simulator"` uses, in process; None makes one.
    """

    def __init__(self, *, simulator: Simulator | None = None) -> None:
        self._simulator = simulator
        self._lock = threading.Lock()
        self._clients: dict[tuple[object, ...], Client] = {}

    def get(self, options: Options) -> Client:
        """The client for the options' server."""
        names = ("backend", "base_url", "timeout", "deadline", "retries", "retry_ambiguous", "dialect")
        arguments = {name: getattr(options, name) for name in names}
        with self._lock:
            key = tuple(arguments.values())
            if key not in self._clients:
                self._clients[key] = Client(**arguments, simulator=self._simulator)
            return self._clients[key]

    def close(self) -> None:
        """Closes the connections; the next call opens them anew."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()


class Client:
    """Sends requests to one server. Safe for several threads.

    Args:
        backend: `openai` (the live API or any compatible server) or `simulator`.
        base_url: another server's address; None reads the environment as the SDK does.
        timeout: seconds without a byte before giving up.
        deadline: seconds in all for a request, retries and waits included.
        retries: how often to try again what was not billed.
        retry_ambiguous: how often to try again what may have been billed.
        dialect: the server's habits by name (`servers.toml`); None tells them from the address.
        simulator: the simulator to use in process; None makes one.
    """

    def __init__(
        self,
        *,
        backend: str = "openai",
        base_url: str | None = None,
        timeout: float = 300.0,
        deadline: float = 600.0,
        retries: int = 4,
        retry_ambiguous: int = 0,
        dialect: str | None = None,
        simulator: Simulator | None = None,
    ) -> None:
        self.backend = backend
        address = base_url or os.environ.get("OPENAI_BASE_URL") or None
        self._address = parse_address(address) if address and backend == "openai" else None
        self._base_url = self._address.url if self._address else None
        self._timeout, self._deadline = timeout, deadline
        self._retries, self._retry_ambiguous = retries, retry_ambiguous
        self._dialect = dialect_of(dialect, self._base_url)
        self._simulator = simulator
        self._access: Access | None = None
        self._sdk: openai.OpenAI | None = None
        self._lock = threading.Lock()
        self.server = (
            "simulator"
            if backend == "simulator"
            else urlsplit(address or "https://api.openai.com").hostname or "server"
        )

    def __repr__(self) -> str:
        return f"Client({self.server})"

    def access(self) -> Access:
        """What a request needs to reach the server, made with the first call.

        Raises:
            AuthenticationError: the live API is wanted and there is no key; nothing was sent.
        """
        with self._lock:
            if self._access is None:
                self._access = self._simulated() if self.backend == "simulator" else self._live()
            return self._access

    def _live(self) -> Access:
        address = self._address
        times = httpx2.Timeout(self._timeout, connect=min(10.0, self._timeout))
        classic = bool(address and address.azure_version)
        query = dict(address.query) if address else {}
        return Access(
            headers=common_headers(self._key(), in_azure_form=classic),
            http=LiveHttp(timeout=times),
            url=self.address.rstrip("/"),
            query={**query, API_VERSION: address.azure_version} if address and classic else query,
            by_deployment=classic,
        )

    def _key(self) -> str:
        """The key of the environment, which a server on this machine may do without."""
        key = os.environ.get("OPENAI_API_KEY") or ""
        if self._dialect.name == "azure":
            key = os.environ.get("AZURE_OPENAI_API_KEY") or key
        if not key and not (self._base_url and _is_loopback(self._base_url)):
            raise missing_key()
        return key or "none"

    def _simulated(self) -> Access:

        from .simulated import SimulatorTransport  # noqa: PLC0415 - the painter comes with the simulator only: 0.1 s

        if self._simulator is None:
            from imagegen_magic.simulator import Simulator as Anew  # noqa: PLC0415 - as above

            self._simulator = Anew(state_dir=_simulator_folder())
        http = httpx2.Client(transport=SimulatorTransport(self._simulator), timeout=self._timeout)
        return Access(http=http, url="http://simulator/v1", headers=common_headers("simulator"))

    def sdk(self) -> openai.OpenAI:
        """The SDK's client for files, batches and models, over the same connections.

        Raises:
            AuthenticationError: as of `access`.
        """
        import openai  # noqa: PLC0415 - 0.6 s, and images do without it

        access = self.access()
        with self._lock:
            if self._sdk is None:
                shared: dict[str, Any] = {
                    "api_key": "simulator" if self.backend == "simulator" else self._key(),
                    "base_url": access.url,
                    "timeout": access.http.timeout,
                    "max_retries": 0,
                    "default_query": dict(access.query),
                    "http_client": access.http,
                    "default_headers": {"Accept-Encoding": "identity"},
                }
                version = shared["default_query"].pop(API_VERSION, "") if access.by_deployment else ""
                self._sdk = openai.AzureOpenAI(api_version=version, **shared) if version else openai.OpenAI(**shared)
            return self._sdk

    def batches(self) -> BatchCalls:
        """The Batch API of this server."""
        from .batch_files import BatchCalls  # noqa: PLC0415 - the SDK, as above

        return BatchCalls(self.sdk())

    def models(self) -> dict[str, date | None]:
        """The models that this server lists, each with the day on which it ends, or None; nothing is billed.

        Raises:
            CallError: the server can't be reached, refuses the key, or lists none.
        """
        from .live_models import list_models  # noqa: PLC0415 - the SDK, as above

        return list_models(self.sdk())

    def close(self) -> None:
        """Closes the connections."""
        if self._access is not None:
            self._access.http.close()

    def send(
        self,
        request: ImageRequest,
        *,
        spool: Spool,
        on_event: OnEvent = lambda event: None,
        cancel: threading.Event | None = None,
        index: int = 0,
        gate: Gate = open_gate,
    ) -> ImageResponse:
        """The complete, checked answer.

        Each attempt is made inside `gate()`, which may wait and sees the attempt's error: a batch paces itself by it.

        Raises:
            CallError: of the class that says what happened; `.outcome` says whether it may have been billed.
        """
        cancel = cancel or threading.Event()
        call = _Call(self, request, spool, on_event, index, time.monotonic())
        budget = TimeBudget(self._deadline)

        def attempt(number: int) -> ImageResponse:
            if cancel.is_set():
                raise CallCancelledError("stopped before it was sent", outcome="not sent")
            with gate() as received, budget.counted():
                on_event(Sending(index=index, attempt=number))
                return call.attempt(number, received)

        def on_wait(error: CallError, wait: float, number: int) -> None:
            on_event(Retrying(index=index, reason=error.summary.partition(":")[0], wait=wait, attempt=number,
                              outcome=error.outcome or "ambiguous"))  # fmt: skip

        return with_retries(
            attempt,
            retries=self._retries,
            retry_ambiguous=self._retry_ambiguous,
            budget=budget,
            cancel=cancel,
            on_wait=on_wait,
        )

    def fields(self, request: ImageRequest) -> tuple[dict[str, Any], list[str]]:
        """The fields of `request` as this server takes them, without pictures, and what was left out in sentences."""
        return spell_request(request, self._dialect)

    @property
    def dialect(self) -> Dialect:
        """The server's habits."""
        return self._dialect

    @property
    def address(self) -> str:
        """The server's base address."""
        return self._base_url or "https://api.openai.com/v1"


def _simulator_folder() -> Path:
    """Where the simulator's files and batches outlive a kernel: this user's part of the temporary folder."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name; Windows without USERNAME
        user = "user"
        if sys.platform != "win32":
            user = str(os.getuid())
    folder = Path(tempfile.gettempdir()) / f"imagegen-simulator-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


def files_of(request: ImageRequest) -> Files:
    """The input images of a request, as a form carries them."""
    name = "image[]" if len(request.images) > 1 else "image"
    named = [(name, image) for image in request.images]
    named += [(kind, overlay) for kind in ("mask", "markup") if (overlay := getattr(request, kind)) is not None]
    return [(name, (image.name, image.data, image.mime)) for name, image in named]


def _is_stream(headers: Mapping[str, str]) -> bool:
    return "text/event-stream" in headers.get("content-type", "")


class _Call:
    """One request and its attempts."""

    def __init__(
        self,
        client: Client,
        request: ImageRequest,
        spool: Spool,
        on_event: OnEvent,
        index: int,
        started: float,
    ) -> None:
        self.client, self.request, self.spool, self.on_event, self.index = client, request, spool, on_event, index
        self.started = started
        self.seconds = 0.0
        """From the start to the last byte that came."""

    def attempt(self, number: int, received: Received) -> ImageResponse:
        """One attempt: the answer, or the error as ours."""
        fields, notes = self.client.fields(self.request)
        response = self._sent(fields)
        if isinstance(response, CallError):
            raise response  # outside of the handlers: the HTTP client's error holds the request with its key
        with contextlib.closing(response):
            if not response.is_success:
                raise self._refused(response)
            return self._received(response, number, notes, received)

    def _sent(self, fields: Mapping[str, Any]) -> httpx2.Response | CallError:
        """The answer's head, or what went wrong on the way."""
        access = self.client.access()
        try:
            request = access.request(self.request.endpoint, fields, files_of(self.request))
        except (UnicodeError, httpx2.InvalidURL) as error:
            return transport_error(error, self.elapsed(), sent=False)
        try:
            return access.http.send(request, stream=True)
        except Exception as error:  # noqa: BLE001 - whatever breaks below, the request may have gone out
            return transport_error(error, self.elapsed())

    def _refused(self, response: httpx2.Response) -> CallError:
        """An answer with an error's status, as ours; its status counts also where the body breaks off."""
        headers, body = dict(response.headers), bytearray()
        if "text/html" in headers.get("content-type", "") and response.status_code in (404, 405):
            return web_page_error(response.status_code, self.client.address)
        with contextlib.suppress(CallError):
            for piece in self._chunks(response):
                body += piece
                if len(body) > LONGEST_REFUSAL:
                    break
        gateway, address = self.client.dialect.gateway, self.client.address
        return status_error(response.status_code, bytes(body), headers, gateway=gateway, address=address)

    def elapsed(self) -> float:
        """Seconds since the request was taken up."""
        return time.monotonic() - self.started

    def _received(self, response: httpx2.Response, number: int, notes: list[str], received: Received) -> ImageResponse:
        """Spools the body, takes it apart, and checks what it is.

        Every byte is in a file before it is read, of a stream too. After the first has come, no deadline drops the rest.
        """
        headers = {name.lower(): value for name, value in response.headers.items()}
        request_id = read_request_id(headers)
        body = SpooledBody(self.spool)
        events = EventStream(self.spool, self._partial) if _is_stream(headers) else None
        broke: CallError | None = None
        try:
            for piece in self._chunks(response):
                body.write(piece)
                if events is not None:
                    events.feed(piece)
        except CallError as error:
            broke = error
        self.seconds = self.elapsed()
        received(headers)
        events, answer = self._taken_apart(events, body)
        self._raise_if_lost(broke, events, answer, body, request_id)
        if events is None and answer.broken and not answer.payloads and is_web_page(body):
            body.discard()
            raise web_page_error(response.status_code, self.client.address)
        if events is None and self.request.partial_images and "stream" in self.client.fields(self.request)[0]:
            notes = [*notes, "the server answered in one piece although live previews were asked for"]
        self._fetch(answer)
        notes = [*notes, *check_answer(answer, self.request, body, request_id)]
        body.discard()
        return self._response(answer, headers, number, notes)

    def _taken_apart(self, events: EventStream | None, body: SpooledBody) -> tuple[EventStream | None, ParsedResponse]:
        """The stream and its answer, whatever the server called it: JSON labelled as a stream, and a stream as JSON."""
        if events is not None:
            events.close()
            if events.count:
                return events, events.answer
            return None, parse_json_answer(body, self.spool)
        if not looks_like_stream(body):
            return None, parse_json_answer(body, self.spool)
        events = EventStream(self.spool, self._partial)
        stream = body.read()
        while piece := stream.read(CHUNK):
            events.feed(piece)
        events.close()
        return events, events.answer

    def _raise_if_lost(
        self,
        broke: CallError | None,
        events: EventStream | None,
        answer: ParsedResponse,
        body: SpooledBody,
        request_id: str | None,
    ) -> None:
        """Ends a call whose answer broke off without a single picture; what came is kept."""
        if answer.payloads or answer.unsaved:
            if broke is not None:
                answer.faults.append(broke.summary)
            if events is not None and events.error is not None:
                answer.faults.append(f"the stream ended with an error ({str(dict(events.error))[:120]})")
            return
        if events is not None and events.error is not None:
            body.discard()
            status = 400 if events.error.get("type") in REFUSALS else 500
            error = status_error(status, {"error": dict(events.error)}, {})
            error.request_id = request_id
            raise error
        if broke is not None:
            if aside := body.keep("cut-answer"):
                broke.kept = (shown_path(aside),)
            broke.request_id = request_id
            raise broke
        if events is not None and not answer.urls:
            kept = [*answer.kept, *([aside] if (aside := body.keep("stream-without-image")) else [])]
            hints = ("previews are never kept as results; look at your usage page before paying again",)
            raise AnswerError(
                "the stream ended without its final picture",
                request_id=request_id, hints=hints, kept=tuple(map(shown_path, kept)),
            )  # fmt: skip

    def _chunks(self, response: httpx2.Response) -> Iterator[bytes]:
        """The body's pieces as they come."""
        try:
            # As it comes: filling up a chunk would lose what a cut leaves over.
            yield from decoded(response.iter_raw(), response.headers.get("content-encoding", ""))
        except Exception as error:
            if type(error).__module__.split(".")[0] not in TRANSPORT_MODULES:
                raise
            raise transport_error(error, self.elapsed()) from None

    def _partial(self, data: bytes, number: int) -> None:
        self.on_event(Partial(index=self.index, data=data, number=number, elapsed=self.elapsed()))

    def _fetch(self, answer: ParsedResponse) -> None:
        """Fetches images that came as addresses; one that can't be had stays in the card, because it is paid for."""
        for url in answer.urls:
            fetch_image(url, self.client.address, answer, self.spool)

    def _response(
        self, answer: ParsedResponse, headers: Mapping[str, str], number: int, notes: list[str]
    ) -> ImageResponse:
        created = answer.fields.get("created") or answer.fields.get("created_at")
        limits = {
            name: value for name, value in headers.items() if name.startswith("x-ratelimit-") or name == "retry-after"
        }
        return ImageResponse(
            payloads=tuple(answer.payloads),
            server=self.client.server,
            usage=read_usage(answer.usage, answer.svg_usage or None),
            request_id=read_request_id(headers),
            created=created if isinstance(created, int) else None,
            resolved={name: str(answer.fields[name]) for name in RESOLVED if answer.fields.get(name)},
            seconds=self.seconds,
            attempts=number,
            headers=limits,
            warnings=tuple(dict.fromkeys(notes)),
        )
