"""The only maker of the `openai` SDK's clients: for the live API, any compatible server, and the simulator.

The SDK's own retries are off: see `retries`. What becomes of one request is in `call`.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import ssl
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import openai

from imagegen_magic.errors import CallCancelledError, CallError
from imagegen_magic.options.address import host_of, is_loopback
from imagegen_magic.options.options import Options
from imagegen_magic.request.request import ImageRequest, InputImage
from imagegen_magic.request.response import (
    Gate,
    ImageResponse,
    OnEvent,
    Retrying,
    Sending,
    Spool,
    open_gate,
)

from .address import parse_address
from .batch_files import BatchCalls
from .call import Call
from .dialects import Dialect, dialect_of, spell_request
from .http_errors import (
    missing_key,
    odd_key,
    unusable_network,
)
from .live_models import list_models
from .retries import TimeBudget, with_retries
from .transport import LiveHttp

if TYPE_CHECKING:
    from imagegen_magic.simulator import Simulator

__all__ = ["Client", "Clients"]

LONGEST_TIMEOUT = 86_400.0
"""Seconds; what is far longer fits into no socket."""


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
        self._sdk: openai.OpenAI | None = None
        self._idle: list[openai.OpenAI] = []
        self._lent: list[openai.OpenAI] = []
        """All that were made for single requests, whether idle or in use."""
        self._keeps = True
        self._lock = threading.Lock()
        CLIENTS.add(self)
        weakref.finalize(self, close_all, self._lent)  # a session that nobody closed leaves no socket open
        self.server = "simulator" if backend == "simulator" else host_of(address or "https://api.openai.com")

    def __repr__(self) -> str:
        return f"Client({self.server})"

    def leave_parent(self) -> None:
        """In a forked process: leaves the connections to the parent, which would read the answers that come on them."""
        self._lock = threading.Lock()  # a thread of the parent's may hold the old one
        self._idle.clear()
        self._lent.clear()
        if self.backend != "simulator":
            self._sdk = None

    def sdk(self) -> openai.OpenAI:
        """The SDK's client, made with the first call.

        Raises:
            AuthenticationError: the live API is wanted and there is no key; nothing was sent.
        """
        with self._lock:
            if self._sdk is None:
                self._sdk = self._simulated() if self.backend == "simulator" else self._live()
            return self._sdk

    @contextlib.contextmanager
    def lent(self) -> Iterator[openai.OpenAI]:
        """The SDK's client for one request at a time, with a connection of its own that is kept open for the next one.

        A pool that all shared would ask every idle socket at each request: 33 system calls a request with 50 in flight.
        """
        sdk = self.sdk()
        if self.backend == "simulator":
            yield sdk
            return
        with self._lock:
            if not self._idle:  # also after a loss: then none is kept
                self._idle.append(sdk.with_options(http_client=self._http()))
                self._lent.append(self._idle[-1])
            own = self._idle.pop()
        try:
            yield own
        except openai.APIConnectionError:
            self._keep_none()
            raise
        finally:
            with self._lock:
                is_kept = self._keeps and own in self._lent  # else all were closed meanwhile
                if is_kept:
                    self._idle.append(own)
                elif own in self._lent:
                    self._lent.remove(own)
            if not is_kept:
                own.close()

    def _keep_none(self) -> None:
        """Each request has a new connection from now on: this server may close kept ones under a request, which is lost then."""
        with self._lock:
            idle = list(self._idle)
            self._idle.clear()
            self._lent[:] = [client for client in self._lent if client not in idle]
            self._keeps = False
        close_all(idle)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """What all connections trust; reading the certificates takes 25 to 50 ms, and a plain address needs none."""
        is_plain = (self._base_url or "").startswith("http:")
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else httpx2.create_ssl_context()

    def _http(self) -> LiveHttp:
        try:
            return LiveHttp(self._tls, self._address.query if self._address else ())
        except (ValueError, OSError, ImportError, httpx2.InvalidURL) as error:  # of proxies and certificates
            raise unusable_network(error) from None

    def _live(self) -> openai.OpenAI:
        key = os.environ.get("OPENAI_API_KEY") or ""
        if self._dialect.name == "azure":
            key = os.environ.get("AZURE_OPENAI_API_KEY") or key
        key = key.strip()
        if not key and not is_loopback(self._base_url):
            raise missing_key()
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise odd_key()
        times = httpx2.Timeout(min(self._timeout, LONGEST_TIMEOUT), connect=min(10.0, self._timeout))
        http = self._http()
        shared: dict[str, Any] = {
            "api_key": key or "none",
            "base_url": self._base_url,
            "timeout": times,
            "max_retries": 0,
        }
        shared |= {"http_client": http, "default_headers": {"Accept-Encoding": "identity"}}
        if self._address and self._address.azure_version:
            return openai.AzureOpenAI(api_version=self._address.azure_version, **shared)
        return openai.OpenAI(**shared)

    def _simulated(self) -> openai.OpenAI:

        from .simulated import SimulatorTransport  # noqa: PLC0415 - the painter comes with the simulator only: 0.1 s

        if self._simulator is None:
            from imagegen_magic.simulator import Simulator as Anew  # noqa: PLC0415 - as above

            self._simulator = Anew(state_dir=_simulator_folder())
        http = httpx2.Client(transport=SimulatorTransport(self._simulator))
        return openai.OpenAI(
            api_key="simulator", base_url="http://simulator/v1", timeout=self._timeout, max_retries=0, http_client=http
        )

    def batches(self) -> BatchCalls:
        """The Batch API of this server."""
        return BatchCalls(self.sdk())

    def models(self) -> dict[str, date | None]:
        """The models that this server lists, each with the day on which it ends, or None; nothing is billed.

        Raises:
            CallError: the server can't be reached, refuses the key, or lists none.
        """
        return list_models(self.sdk())

    def close(self) -> None:
        """Closes the connections."""
        with self._lock:
            idle = [*self._idle, *filter(None, [self._sdk])]
            self._sdk = None
            self._idle.clear()
            self._lent.clear()
        close_all(idle)

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
        call = Call(self, request, spool, on_event, index, time.monotonic())
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

    def arguments(self, request: ImageRequest) -> tuple[dict[str, Any], list[str]]:
        """The SDK's keyword arguments for `request` on this server, pictures included, and what was left out."""
        arguments, extra, notes = spell_request(request, self._dialect)
        if request.images:
            files = [_file(image) for image in request.images]
            arguments["image"] = files if len(files) > 1 else files[0]
        for name in ("mask", "markup"):
            overlay = getattr(request, name)
            if overlay is not None:
                arguments[name] = _file(overlay)
        if extra:
            arguments["extra_body"] = extra
        return arguments, notes

    @property
    def dialect(self) -> Dialect:
        """The server's habits."""
        return self._dialect

    @property
    def address(self) -> str:
        """The server's base address."""
        return self._base_url or "https://api.openai.com/v1"

    @property
    def named_address(self) -> str:
        """The address as errors name it; empty for the simulator, which is nowhere."""
        return "" if self.backend == "simulator" else self.address


CLIENTS: weakref.WeakSet[Client] = weakref.WeakSet()


def _leave_parent() -> None:
    for client in CLIENTS:
        client.leave_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_parent)


def close_all(clients: Iterable[openai.OpenAI]) -> None:
    """Closes their connections."""
    for client in clients:
        client.close()


def _file(image: InputImage) -> tuple[str, bytes, str]:
    """An image as the SDK takes it; a name that is no text on every system is sent with question marks."""
    return image.name.encode("utf-8", "replace").decode(), image.data, image.mime


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
