"""Every way a call can go wrong, over a real loopback socket: what the user sees, what is billed, what is on disk.

    python benchmarks/fault_matrix.py

Each row is one `generate` against the served simulator. `billed` is the server's own count of pictures made, `usable`
the pictures that the user gets, `kept` what was received and is no usable picture, `ledger` the class in the history.

The same fault then hits a batch of three, and a call that overwrites a file. After the batch, each request that was billed
must have its images on disk or its line in the history, and the same batch run again must send what is not done, and
nothing else. After the other, the file must be the old image or the new one, whole, with its own sidecar.
"""

from __future__ import annotations

import io
import json
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
from imagegen_magic.store.history import History, file_sha256
from imagegen_magic.store.names import sidecar_path

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
    images: int = 0
    """Usable pictures that the caller gets."""
    keeps: bool = False
    """Something that is not a usable picture must be kept."""
    options: Mapping[str, int] = field(default_factory=lambda: PLAIN)


ROWS: dict[str, Row] = {
    "no fault": Row(script="", outcome="done", images=2),
    "429 short": Row(script="429 x2 retry-after=0.1", outcome="done", requests=3, images=2),
    "429 longer than the deadline": Row(script="429 x* retry-after=60", outcome="refused", error="RateLimitError"),
    "429 without header": Row(script="429 retry-after=none", outcome="done", requests=2, images=2),
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
    "503": Row(script="503 retry-after=0.1", outcome="done", requests=2, images=2),
    "connect refused": Row(script="refuse", outcome="not sent", error="ConnectError", requests=0),
    "reset before headers": Row(script="reset before headers", outcome="ambiguous", error="ConnectionLostError"),
    "reset after headers": Row(script="reset after headers", outcome="ambiguous", error="ConnectionLostError"),
    "stall past the timeout": Row(script="stall seconds=2.5", outcome="ambiguous", error="CallTimeoutError"),
    "slow body": Row(script="slow body seconds=10", outcome="done", images=2),
    "truncated body": Row(script="truncated body", outcome="done", images=1, keeps=True),
    "empty body": Row(script="empty body", outcome="ambiguous", error="AnswerError"),
    "JSON cut": Row(script="json cut", outcome="done", images=1, keeps=True),
    "HTML 200": Row(script="html 200", outcome="refused", error="BadRequestError"),
    "bad base64": Row(script="bad base64", outcome="ambiguous", error="AnswerError", keeps=True),
    "half PNG": Row(script="half png", outcome="ambiguous", error="AnswerError", keeps=True),
    "JPEG for PNG": Row(script="jpeg for png", outcome="done", images=2),
    "null data": Row(script="null data", outcome="ambiguous", error="AnswerError", keeps=True),
    "fewer": Row(script="fewer", outcome="done", images=1),
    "more": Row(script="more", outcome="done", images=3),
    "url only": Row(script="url only", outcome="done", images=2),
    "stream": Row(script="", outcome="done", images=1, options=STREAM),
    "stream cut": Row(script="stream cut", outcome="ambiguous", error="AnswerError", keeps=True, options=STREAM),
    "stream error": Row(script="stream error", outcome="ambiguous", error="ServerError", options=STREAM),
    "stream silent": Row(
        script="stream silent seconds=2.5", outcome="ambiguous", error="CallTimeoutError", options=STREAM
    ),
    "JSON for a stream": Row(script="json for stream", outcome="done", images=1, options=STREAM),
}
"""Every fault of the matrix by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one row came to."""

    result: ImageResult | CallError
    requests: int
    billed: int
    images: int
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
        seen = (self.ledger, self.error, self.requests, self.images, bool(self.kept))
        return seen == (row.outcome, row.error, row.requests, row.images, row.keeps)


def flat_image() -> bytes:
    """A PNG that needs no drawing, so that a busy machine does not run into the short timeouts."""
    buffer = io.BytesIO()
    Image.effect_noise((1024, 640), 30).convert("RGB").save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


IMAGE, OTHER_IMAGE = flat_image(), flat_image()


def run_row(row: Row, folder: Path) -> Seen:
    """Makes the row's pictures once and looks at the server's count and at the disk."""
    simulator = Simulator(faults="" if row.script == "refuse" else row.script, picture=IMAGE)
    with serve(simulator=simulator) as server:
        url = f"http://127.0.0.1:{closed_port()}/v1" if row.script == "refuse" else server.url
        session = Session(defaults=lambda: settings(url, folder))
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
        images=sum(path.stat().st_size > 0 for path in folder.glob("*.[pj]*g")),
        kept=len(list(received.iterdir())) if received.exists() else 0,
        ledger=session.store(session.options({})).history.records()[-1].outcome,
    )


def batch_faults(row: Row, folder: Path) -> list[str]:
    """What is not as it must be after a batch that the fault hit, and after the same batch on a sound server."""
    jobs = ["a red mug", "a blue mug", "a green mug"]
    done, billed, _ = _batch(row, row.script, jobs, folder)
    lines = sum(record.outcome in ("done", "ambiguous") for record in History(folder).records())
    again, _, sent_again = _batch(row, "", jobs, folder)
    found = [f"{billed} requests billed, {lines} named in the history"] * (billed > lines)
    found += [f"run again: {again} of {len(jobs)} done"] * (again != len(jobs))
    found += [f"run again: {sent_again} sent, {done} were done"] * (sent_again != len(jobs) - done)
    return found


def _batch(row: Row, script: str, jobs: list[str], folder: Path) -> tuple[int, int, int]:
    """(jobs done, requests billed, requests sent) of a batch under a fault script, one request at a time."""
    simulator = Simulator(faults="" if script == "refuse" else script, picture=IMAGE)
    with serve(simulator=simulator) as server:
        url = f"http://127.0.0.1:{closed_port()}/v1" if script == "refuse" else server.url
        session = Session(defaults=lambda: settings(url, folder))
        gallery = session.batches.run_jobs(jobs, concurrency=1, size="1024x640", quality="low", **row.options)
        session.close()
        wait_for_record(simulator, 0 if script == "refuse" else 1)
    sent = sum(arrival.method == "POST" for arrival in simulator.record)
    return len(gallery.done), sum(arrival.images_billed > 0 for arrival in simulator.record), sent


def overwrite_faults(row: Row, folder: Path) -> list[str]:
    """What is not as it must be after a call that overwrites a file, and that the fault hit."""
    one = {**row.options, "n": 1, "out": "mug.png", "if_exists": "overwrite", "size": "1024x640", "quality": "low"}
    path = folder / "mug.png"
    with serve(simulator=Simulator(picture=IMAGE)) as server:
        session = Session(defaults=lambda: settings(server.url, folder))
        session.generate("the old mug", **one)
        session.close()
    before = path.read_bytes()
    simulator = Simulator(faults="" if row.script == "refuse" else row.script, picture=OTHER_IMAGE)
    with serve(simulator=simulator) as server:
        url = f"http://127.0.0.1:{closed_port()}/v1" if row.script == "refuse" else server.url
        session = Session(defaults=lambda: settings(url, folder))
        try:
            result: ImageResult | CallError = session.generate("the new mug", **one)
        except CallError as error:
            result = error
        session.close()
    found = []
    if isinstance(result, CallError) and path.read_bytes() != before:
        found.append("the old image is gone")
    for image in folder.glob("mug*.[pj]*g"):
        sidecar = json.loads(sidecar_path(image).read_text(encoding="utf-8"))
        fits = file_sha256(image) in {entry["sha256"] for entry in sidecar["files"]}
        found += [f"{image.name}: the sidecar is of another image"] * (not fits)
    return found


def settings(url: str, folder: Path) -> dict[str, object]:
    return {"base_url": url, "timeout": READ_TIMEOUT, "deadline": DEADLINE, "retries": 2, "out_dir": str(folder)}


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
    print(
        f"{'fault':30} {'sent':>4} {'billed':>6} {'usable':>6} {'kept':>4}  {'ledger':10} batch overwrite  what the user sees"
    )
    for name, row in ROWS.items():
        with tempfile.TemporaryDirectory(prefix="fault-matrix-", ignore_cleanup_errors=True) as folder:
            seen = run_row(row, Path(folder) / "call")
            batch = batch_faults(row, Path(folder) / "batch")
            overwrite = overwrite_faults(row, Path(folder) / "overwrite")
        right = seen.matches(row)
        wrong += not (right and not batch and not overwrite)
        counts = f"{seen.requests:4} {seen.billed:6} {seen.images:6} {seen.kept:4}"
        others = "".join(f"{'wrong' if found else 'right':6}" for found in (batch, overwrite))
        print(
            f"{name:30} {counts}  {seen.ledger:10} {others:15}  {seen.sentence[:130]}{'' if right else '   <-- NOT AS IT MUST BE'}",
            flush=True,
        )
        for found in (*batch, *overwrite):
            print(f"    <-- {found}")
    print(f"{len(ROWS)} faults, {3 * len(ROWS)} trials; {wrong} not as they must be")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
