"""A server on this machine that answers as a test says, for clients that must go through a real socket."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def loopback(respond, *, kept=None):
    """The address of a server whose answers are `respond(path, headers, body)`: (status, headers, body); the names of headers are in lower case.

    A `content-length` of its own that is longer than the body is a connection that breaks. With `kept`, connections are kept
    open, and the address of each new one is added to that list.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0" if kept is None else "HTTP/1.1"

        def setup(self):
            super().setup()
            if kept is not None:
                kept.append(self.client_address)

        def do_POST(self):
            sent = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, headers, body = respond(
                self.path, {name.lower(): value for name, value in self.headers.items()}, sent
            )
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.do_POST()

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
