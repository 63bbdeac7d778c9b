"""A server for `batch.py` that costs next to nothing: every request is answered with one image, a fixed time later.

    python benchmarks/late_server.py IMAGE SECONDS

It prints its address, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path


def answer_with(image: bytes) -> bytes:
    """The whole HTTP answer that a request gets."""
    usage = {"input_tokens": 8, "output_tokens": 196, "total_tokens": 204, "input_tokens_details": {"text_tokens": 8}}
    body = json.dumps(
        {
            "created": 1790000000,
            "size": "1024x1024",
            "quality": "low",
            "output_format": "png",
            "data": [{"b64_json": base64.b64encode(image).decode()}],
            "usage": usage,
        }
    ).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One connection that is kept open; a client sends its next request on it after the answer."""

    def __init__(self, answer: bytes, seconds: float) -> None:
        self._answer, self._seconds = answer, seconds
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = bytes(self._received).partition(b"\r\n\r\n")
        if not blank:
            return
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        if len(body) >= length:
            self._received.clear()
            asyncio.get_running_loop().call_later(self._seconds, self._transport.write, self._answer)


async def main(image: bytes, seconds: float) -> None:
    """Serves until standard input ends."""
    loop, answer = asyncio.get_running_loop(), answer_with(image)
    server = await loop.create_server(lambda: Connection(answer, seconds), "127.0.0.1", 0, backlog=256)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_bytes(), float(sys.argv[2])))
