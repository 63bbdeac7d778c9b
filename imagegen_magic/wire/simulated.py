"""The simulator as a transport of httpx2: the SDK's bytes in, the simulator's bytes out, no socket."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2

from imagegen_magic.simulator import Disconnect, Request, Response, Simulator, Stalled

__all__ = ["SimulatorTransport"]


class _Body(httpx2.SyncByteStream):
    """A simulated body; if the simulator hangs up, the reader sees what a socket would show."""

    def __init__(self, response: Response, request: httpx2.Request) -> None:
        self._response, self._request = response, request

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._response.chunks
        except Disconnect as end:
            raise _broken(end, self._request) from None
        except Stalled as stall:
            raise httpx2.ReadTimeout(str(stall), request=self._request) from None


def _broken(end: Disconnect, request: httpx2.Request) -> httpx2.TransportError:
    if end.reset:
        return httpx2.ReadError(str(end), request=request)
    return httpx2.RemoteProtocolError(str(end), request=request)


class SimulatorTransport(httpx2.BaseTransport):
    """Hands requests to a simulator in this process."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        timeout = request.extensions.get("timeout", {}).get("read")
        asked = Request(request.method, request.url.raw_path.decode(), dict(request.headers), request.read())
        try:
            response = self._simulator.handle(asked, timeout=timeout)
        except Disconnect as end:
            raise _broken(end, request) from None
        except Stalled as stall:
            raise httpx2.ReadTimeout(str(stall), request=request) from None
        return httpx2.Response(response.status, headers=dict(response.headers), stream=_Body(response, request))
