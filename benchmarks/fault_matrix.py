"""Every way a call can go wrong, over a real loopback socket: what the user sees, what is billed, what is on disk.

    python benchmarks/fault_matrix.py

Each row is one `generate` against the served simulator. `billed` is the server's own count of pictures made, `usable`
the pictures that the user gets, `kept` what was received and is no usable picture, `ledger` the class in the history.
"""

from __future__ import annotations

import io
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from imagegen_magic.errors import CallError
from imagegen_magic.jobs.result import ImageResult
from imagegen_magic.session import Session
from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import serve

PLAIN = {"n": 2}
STREAM = {"partial_images": 1}

READ_TIMEOUT = 1.0
DEADLINE = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault: the simulator's script, the request, and what the client must make of it."""

    script: str
    outcome: str
    error: str = ""
    """Name of the error class; empty where the call must end with pictures."""
    requests: int = 1
    pictures: int = 0
    """Usable pictures that the caller gets."""
    keeps: bool = False
    """Something that is not a usable picture must be kept."""
    options: Mapping[str, int] = field(default_factory=lambda: PLAIN)


ROWS: dict[str, Row] = {
    "no fault": Row(script="", outcome="done", pictures=2),
    "429 short": Row(script="429 x2 retry-after=0.1", outcome="done", requests=3, pictures=2),
    "429 longer than the deadline": Row(script="429 x* retry-after=60", outcome="refused", error="RateLimitError"),
    "429 without header": Row(script="429 retry-after=none", outcome="done", requests=2, pictures=2),
    "429 for ever": Row(script="429 x* retry-after=0.05", outcome="refused", error="RateLimitError", requests=3),
    "quota": Row(script="quota x*", outcome="refused", error="QuotaError"),
    "401": Row(script="401", outcome="refused", error="AuthenticationError"),
    "403 unverified": Row(script="403 unverified", outcome="refused", error="VerificationError"),
    "moderation": Row(script="moderation", outcome="refused", error="ModerationError"),
    "400 unknown parameter": Row(
        script="400 unknown_parameter param=quality", outcome="refused", error="BadRequestError"
    ),
    "500": Row(script="500", outcome="ambiguous", error="ServerError"),
    "502 HTML": Row(script="502 html", outcome="ambiguous", error="ServerError"),
    "503": Row(script="503 retry-after=0.1", outcome="done", requests=2, pictures=2),
    "connect refused": Row(script="refuse", outcome="not sent", error="ConnectError", requests=0),
    "reset before headers": Row(script="reset before headers", outcome="ambiguous", error="ConnectionLostError"),
    "reset after headers": Row(script="reset after headers", outcome="ambiguous", error="ConnectionLostError"),
    "stall past the timeout": Row(script="stall seconds=2.5", outcome="ambiguous", error="CallTimeoutError"),
    "slow body": Row(script="slow body seconds=10", outcome="done", pictures=2),
    "truncated body": Row(script="truncated body", outcome="done", pictures=1, keeps=True),
    "empty body": Row(script="empty body", outcome="ambiguous", error="AnswerError"),
    "JSON cut": Row(script="json cut", outcome="done", pictures=1, keeps=True),
    "HTML 200": Row(script="html 200", outcome="refused", error="BadRequestError"),
    "bad base64": Row(script="bad base64", outcome="ambiguous", error="AnswerError", keeps=True),
    "half PNG": Row(script="half png", outcome="ambiguous", error="AnswerError", keeps=True),
    "JPEG for PNG": Row(script="jpeg for png", outcome="done", pictures=2),
    "null data": Row(script="null data", outcome="ambiguous", error="AnswerError", keeps=True),
    "fewer": Row(script="fewer", outcome="done", pictures=1),
    "more": Row(script="more", outcome="done", pictures=3),
    "url only": Row(script="url only", outcome="done", pictures=2),
    "stream": Row(script="", outcome="done", pictures=1, options=STREAM),
    "stream cut": Row(script="stream cut", outcome="ambiguous", error="AnswerError", keeps=True, options=STREAM),
    "stream error": Row(script="stream error", outcome="ambiguous", error="ServerError", options=STREAM),
    "stream silent": Row(
        script="stream silent seconds=2.5", outcome="ambiguous", error="CallTimeoutError", options=STREAM
    ),
    "JSON for a stream": Row(script="json for stream", outcome="done", pictures=1, options=STREAM),
}
"""Every fault of the matrix by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one row came to."""

    result: ImageResult | CallError
    requests: int
    billed: int
    pictures: int
    kept: int
    ledger: str

    @property
    def error(self) -> str:
        return type(self.result).__name__ if isinstance(self.result, CallError) else ""

    @property
    def sentence(self) -> str:
        if isinstance(self.result, CallError):
            return f"{self.error}: {self.result.summary}"
        notes = f" ({'; '.join(self.result.warnings)})" if self.result.warnings else ""
        return f"{len(self.result)} saved, attempts: {self.result.record.attempts}{notes}"

    def matches(self, row: Row) -> bool:
        """True where everything is as the row demands."""
        seen = (self.ledger, self.error, self.requests, self.pictures, bool(self.kept))
        return seen == (row.outcome, row.error, row.requests, row.pictures, row.keeps)


def flat_picture() -> bytes:
    """A PNG that needs no drawing, so that a busy machine does not run into the short timeouts."""
    buffer = io.BytesIO()
    Image.effect_noise((1024, 640), 30).convert("RGB").save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


PICTURE = flat_picture()


def run_row(row: Row, folder: Path) -> Seen:
    """Makes the row's pictures once and looks at the server's count and at the disk."""
    simulator = Simulator(faults="" if row.script == "refuse" else row.script, picture=PICTURE)
    with serve(simulator=simulator) as server:
        url = f"http://127.0.0.1:{closed_port()}/v1" if row.script == "refuse" else server.url
        settings = {
            "base_url": url,
            "timeout": READ_TIMEOUT,
            "deadline": DEADLINE,
            "retries": 2,
            "out_dir": str(folder),
        }
        session = Session(defaults=lambda: settings)
        try:
            result: ImageResult | CallError = session.generate(
                "a red mug", size="1024x640", quality="low", **row.options
            )
        except CallError as error:
            result = error
        finally:
            session.close()
        wait_for_record(simulator, 0 if row.script == "refuse" else 1)
    received = folder / "received"
    return Seen(
        result=result,
        requests=sum(arrival.method == "POST" for arrival in simulator.record),
        billed=simulator.images_billed,
        pictures=sum(path.stat().st_size > 0 for path in folder.glob("*.[pj]*g")),
        kept=len(list(received.iterdir())) if received.exists() else 0,
        ledger=session.store(session.options({})).history.records()[-1].outcome,
    )


def wait_for_record(simulator: Simulator, least: int) -> None:
    """Waits until the server has written down what it did for a client that went away."""
    for _ in range(200):
        if len(simulator.record) >= least:
            return
        time.sleep(0.05)


def closed_port() -> int:
    """A loopback port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    """Prints the table; the exit status is the number of rows that differ from what must hold."""
    wrong = 0
    print(f"{'fault':30} {'sent':>4} {'billed':>6} {'usable':>6} {'kept':>4}  {'ledger':10} what the user sees")
    for name, row in ROWS.items():
        folder = Path(tempfile.mkdtemp(prefix="fault-matrix-"))
        try:
            seen = run_row(row, folder)
        finally:
            shutil.rmtree(folder)
        right = seen.matches(row)
        wrong += not right
        counts = f"{seen.requests:4} {seen.billed:6} {seen.pictures:6} {seen.kept:4}"
        print(
            f"{name:30} {counts}  {seen.ledger:10} {seen.sentence[:150]}{'' if right else '   <-- NOT AS IT MUST BE'}"
        )
    return wrong


if __name__ == "__main__":
    sys.exit(main())
