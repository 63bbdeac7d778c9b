"""The simulator on a loopback socket, for any OpenAI client."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from .api import Simulator
from .effects import error_response
from .wire import ApiError, Disconnect, Request, Response

__all__ = ["PortTakenError", "Server", "serve", "serve_forever"]

_HOST = "127.0.0.1"
_MAX_BODY = 1 << 30


class PortTakenError(OSError):
    """Another program listens on the port already; the message says what to do."""


class Server:
    """A running server; use it as a context manager.

    Attributes:
        url: the base URL for a client, `http://127.0.0.1:PORT/v1`.
        simulator: what answers; its `.record` and `.images_billed` tell what arrived.
    """

    def __init__(self, port: int, simulator: Simulator) -> None:
        self.simulator = simulator
        try:
            self._http = _Http((_HOST, port), _Handler)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                raise PortTakenError(
                    error.errno,
                    f"port {port} is not free on {_HOST}; choose another with --port, or 0 for any free one",
                ) from error
            raise
        self._http.simulator = simulator
        self.url = f"http://{_HOST}:{self._http.server_address[1]}/v1"
        simulator.base_url = self.url
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name="imagegen-simulator"
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def wait(self) -> None:
        """Blocks until the server is closed."""
        self._thread.join()

    def close(self) -> None:
        """Stops listening, and drops the connections that are open."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def serve(port: int = 0, *, simulator: Simulator | None = None) -> Server:
    """A running server on 127.0.0.1 (port 0: any free one).

    Raises:
        PortTakenError: another program has the port.
    """
    return Server(port, simulator or Simulator())


def serve_forever(
    port: int, *, faults: str = "", latency: float = 0.0, credentials: bool = False, announce: Callable[[str], object]
) -> None:
    """Serves until Ctrl-C; `announce` gets the base URL once. What `python -m imagegen_magic simulate` runs.

    Raises:
        PortTakenError: another program has the port.
        ValueError: the fault script has an unknown name or option; `credentials` without the extra `c2pa`.
    """
    with (
        serve(port, simulator=Simulator(faults=faults, latency=latency, credentials=credentials)) as server,
        contextlib.suppress(KeyboardInterrupt),
    ):
        announce(server.url)
        server.wait()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    # On Windows the option would let two servers share a port, so that a taken one goes unnoticed.
    allow_reuse_address = hasattr(socket, "AF_UNIX")
    simulator: Simulator

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Peers that hang up are nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "imagegen-magic-simulator"
    sys_version = ""
    disable_nagle_algorithm = True
    # Written in one piece, so that a small answer is one packet.
    wbufsize = 1 << 16
    server: _Http

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Requests are in `Simulator.record`, not on the terminal."""

    def _answer(self) -> None:
        try:
            body = self._read_body()
            self._send(self._handled(Request(self.command, self.path, dict(self.headers.items()), body)))
        except Disconnect as broken:
            self._hang_up(reset=broken.reset)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _handled(self, request: Request) -> Response:
        try:
            return self.server.simulator.handle(request)
        except (Disconnect, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - a fault of the simulator's own must reach the client as what it is
            message = f"The simulator itself failed: {type(error).__name__}: {error}"
            return error_response(ApiError(500, message, kind="server_error", code="simulator_error"))

    def _read_body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(iter(self._read_chunk, b""))
        length = int(self.headers.get("content-length") or 0)
        if length > _MAX_BODY:
            raise Disconnect(reset=True)
        return self.rfile.read(length)

    def _read_chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0] or b"0", 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def _send(self, response: Response) -> None:
        chunked = "content-length" not in response.headers
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if chunked:
            self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        if chunked:
            self.wfile.flush()
        for piece in response.chunks:
            if not piece:
                continue
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            self.wfile.flush()
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _hang_up(self, *, reset: bool) -> None:
        """Ends the connection; with a reset, the peer sees ECONNRESET in place of an end of file."""
        with contextlib.suppress(OSError, ValueError):
            self.wfile.flush()
        if reset:
            with contextlib.suppress(OSError):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
