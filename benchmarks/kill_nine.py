"""Programs that are ended at random moments: what was paid must be on disk whole, or be named in the history; never twice.

    python benchmarks/kill_nine.py [KILLS]

Each kill ends a process that makes images on a served simulator: single calls (two images each), a script that is told
to stop, batches, and calls that overwrite one file; by SIGKILL and by SIGTERM in turn. Then the folder is opened as the
next kernel would, and every image, sidecar and history line is checked against what the server billed. A killed batch is
run again to its end. `unknown` are requests that the history names as "may have been billed": their bytes never came.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from PIL import Image

from imagegen_magic.session import Session
from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import serve
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import History, Record, file_sha256
from imagegen_magic.store.recovery import recover
from imagegen_magic.wire.client import Clients  # imported here, so that the forked programs have the SDK

SMALL = {"size": "1024x640", "quality": "low"}
JOBS = 6
"""Rows of a batch."""
LATENCY = 0.03
"""Seconds that the server takes for an image."""
LONGEST = 0.9
"""Seconds after its start within which a process is ended."""
SHARED_BY = 25
"""Kills that hit the same output folder."""


def cells(session: Session, number: int) -> None:
    """Single calls, two images each, each with a name."""
    for call in range(40):
        session.generate(f"a mug {number} {call}", name=f"cell{call}", n=2, **SMALL)


def script(session: Session, number: int) -> None:
    """Single calls of one image, streamed with a preview in every other one."""
    for call in range(40):
        session.generate(f"a cup {number} {call}", **({"partial_images": 1} if call % 2 else {}), **SMALL)


def batch(session: Session, number: int) -> None:
    """One batch, four requests at a time."""
    session.batches.run_jobs([f"a bowl {number} {job}" for job in range(JOBS)], concurrency=4, **SMALL)


def overwrite(session: Session, number: int) -> None:
    """Calls that replace one and the same file."""
    for call in range(40):
        session.generate(f"a jug {number} {call}", out="jug.png", if_exists="overwrite", **SMALL)


PROGRAMS: dict[str, Callable[[Session, int], None]] = {
    "cells": cells,
    "script": script,
    "batch": batch,
    "overwrite": overwrite,
}
SIGNALS = (signal.SIGKILL, signal.SIGTERM)


def settings(url: str, out: Path) -> dict[str, Any]:
    return {"base_url": url, "out_dir": str(out), "retries": 0}


def started(program: str, number: int, url: str, out: Path) -> int:
    """The id of a process that runs `program`, ready to begin; forked, as imports would take longer than all the rest."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        with contextlib.suppress(BaseException):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            session = Session(defaults=lambda: settings(url, out), clients=Clients())
            os.write(writer, b"ready")
            PROGRAMS[program](session, number)
        os._exit(0)
    os.close(writer)
    os.read(reader, 5)
    os.close(reader)
    return child


def status_of(child: int) -> int:
    """Its exit status, once it is over."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@dataclass(slots=True)
class Row:
    """What one program came to under one signal."""

    kills: int = 0
    billed: int = 0
    saved: int = 0
    unknown: int = 0
    silent: int = 0
    """Requests that were billed and have no line in the history."""
    twice: int = 0
    """Images that were saved and paid again when the batch was run again."""
    faults: int = 0

    def text(self) -> str:
        numbers = (self.kills, self.billed, self.saved, self.unknown, self.silent, self.twice, self.faults)
        return "".join(f"{number:9}" for number in numbers)

    @property
    def wrong(self) -> int:
        return self.silent + self.twice + self.faults


def billed(url: str) -> int:
    """Images that the server made, once it has stopped making any."""
    seen = -1
    while True:
        with urlopen(f"{url}/_simulator/record") as answer:
            count = int(json.load(answer)["images_billed"])
        if count == seen:
            return count
        seen = count
        time.sleep(2 * LATENCY)


def one_kill(
    row: Row, program: str, number: int, url: str, out: Path, by: signal.Signals, chance: random.Random
) -> list[str]:
    """Ends one process, and what is wrong afterwards."""
    recover(Store(out))
    before, paid = History(out).records(), billed(url)
    child = started(program, number, url, out)
    time.sleep(chance.uniform(0, LONGEST))
    os.kill(child, by)
    status = status_of(child)
    paid_now = billed(url) - paid
    recover(Store(out))
    found = faults(out)
    came = History(out).records()[len(before) :]
    requests = paid_now // (2 if program == "cells" else 1)
    row.kills += 1
    row.billed += paid_now
    row.saved += sum(len(record.api_files()) for record in came)
    unknown = sum(record.outcome == "ambiguous" for record in came)
    row.unknown += unknown
    silent = max(0, requests - sum(record.outcome in ("done", "ambiguous") for record in came))
    row.silent += silent
    found += [f"{silent} requests without a line"] * bool(silent)
    if by is signal.SIGTERM:
        found += [f"{unknown} requests lost by a SIGTERM"] * bool(unknown)
        found += [f"ended with {status}"] * (status not in (0, -signal.SIGTERM))
    if program == "batch":
        again = paid_twice(number, url, out, came)
        row.twice += again
        found += [f"{again} images paid twice"] * bool(again)
    row.faults += len(found)
    return found


def paid_twice(number: int, url: str, out: Path, came: list[Record]) -> int:
    """Images of the batch that were saved, and billed again when it is run to its end."""
    saved, paid = sum(len(record.api_files()) for record in came), billed(url)
    status_of(started("batch", number, url, out))
    return billed(url) - paid - (JOBS - saved)


def faults(out: Path) -> list[str]:
    """What is not as it must be, after a recovery; empty when all is well."""
    images = [path for path in out.rglob("*.png") if ".incoming" not in path.parts]
    found = [fault for path in images for fault in _image_faults(path, out)]
    found += [f"{path.name} is half written" for path in out.glob("*.json") if not _is_json(path.read_text())]
    spooled = list((out / ".incoming").rglob("*.png"))
    found += [f"{path.name} was left in the spool" for path in spooled if _is_image(path)]
    return found


def _image_faults(path: Path, out: Path) -> list[str]:
    """A held name without bytes is no image; every other file must open and have a fitting sidecar."""
    if not path.stat().st_size:
        return [f"{path.name} is empty"]
    if not _is_image(path):
        return [f"{path.name} does not open"]
    sidecar = path.with_name(path.name + ".json")
    if not sidecar.exists():
        return [f"{path.name} has no sidecar"]
    hashes = {entry["path"]: entry["sha256"] for entry in json.loads(sidecar.read_text())["files"]}
    name = path.relative_to(out).as_posix()
    return [] if hashes.get(name) == file_sha256(path) else [f"{name}: the sidecar's hash does not fit"]


def _is_image(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            image.load()
    except OSError:
        return False
    return True


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def serve_images() -> None:
    """The server, in a process of its own: it announces its address and serves until it is ended."""
    buffer = io.BytesIO()
    Image.effect_noise((256, 256), 90).convert("RGB").save(buffer, "PNG", compress_level=1)
    with serve(simulator=Simulator(picture=buffer.getvalue(), latency=LATENCY, record=False)) as server:
        print(server.url, flush=True)
        signal.pause()


@contextlib.contextmanager
def server() -> Any:
    """The address of a server that runs in another process, so that this one can be forked."""
    command = [sys.executable, __file__, "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def main(kills: int) -> int:
    """Prints a row for each program and signal; the number of things that were wrong."""
    chance = random.Random(20261126)
    rows = {(program, by): Row() for program in PROGRAMS for by in SIGNALS}
    with tempfile.TemporaryDirectory() as folder, server() as url:
        for number in range(kills):
            (program, by), row = list(rows.items())[number % len(rows)]
            out = Path(folder) / f"{program}{number // (SHARED_BY * len(rows))}"
            if found := one_kill(row, program, number, url, out, by, chance):
                print(f"kill {number}, {program}, {by.name}: {'; '.join(found[:5])}", flush=True)
    print(f"{'program':10} {'signal':8}" + "".join(f"{name:>9}" for name in Row.__slots__))
    for (program, by), row in rows.items():
        print(f"{program:10} {by.name:8}{row.text()}")
    wrong = sum(row.wrong for row in rows.values())
    print(f"{kills} kills; {wrong} wrong")
    return wrong


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve_images()
    sys.exit(min(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200), 100))
