"""How near a batch comes to the ideal, against a server with half a second of latency.

    python benchmarks/batch.py [beside|limit|growth|cutouts …]

Every time is compared with another of the same run: the ideal (jobs x latency / in flight), the clients of
`batch_clients.py`, a smaller batch, or one process.
"""

from __future__ import annotations

import concurrent.futures
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from imagegen_magic.matting.cutout import cutout_many
from imagegen_magic.session import Session

LATENCY = 0.5  # seconds
CLIENTS = Path(__file__).with_name("batch_clients.py")
SERVING = Path(__file__).with_name("late_server.py")
SERVER = """
import sys, pathlib, time
from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import serve
picture, latency, limit = pathlib.Path(sys.argv[1]).read_bytes(), float(sys.argv[2]), int(sys.argv[3]) or None
with serve(simulator=Simulator(picture=picture, latency=latency, limit=limit, record=False)) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def tiny() -> bytes:
    """A PNG of a few hundred bytes."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 30, 30)).save(buffer, "PNG")
    return buffer.getvalue()


def real() -> bytes:
    """A PNG of about 1.5 MB."""
    noise = np.random.default_rng(1).integers(0, 5, (1024, 1024, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise + np.linspace(0, 200, 1024, dtype=np.uint8)[None, :, None]).save(
        buffer, "PNG", compress_level=1
    )
    return buffer.getvalue()


@contextmanager
def server(image: bytes, *, latency: float = LATENCY, limit: int = 0) -> Iterator[str]:
    """The address of a simulator in a process of its own."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        file.write(image)
        file.flush()
        with running([sys.executable, "-c", SERVER, file.name, str(latency), str(limit)]) as url:
            yield url


@contextmanager
def late_server(image: bytes) -> Iterator[str]:
    """The address of a server that answers everything with one image, and costs next to nothing itself."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        file.write(image)
        file.flush()
        with running([sys.executable, str(SERVING), file.name, str(LATENCY)]) as url:
            yield url


@contextmanager
def running(command: list[str]) -> Iterator[str]:
    """The address that a server prints; it ends with the block."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def batch_seconds(url: str, jobs: int, concurrency: int) -> float:
    """Wall time of a batch, first connection to report."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(defaults=lambda: {"base_url": url, "out_dir": folder})
        session.batches.run_jobs(["warm up"], size="1024x1024", quality="low")
        started = time.perf_counter()
        gallery = session.batches.run_jobs(
            [f"mug {n}" for n in range(jobs)], concurrency=concurrency, size="1024x1024", quality="low"
        )
        seconds = time.perf_counter() - started
        session.close()
        assert len(gallery.done) == jobs, gallery.failures[:3]
    return seconds


def run_client(which: str, url: str, jobs: int, concurrency: int) -> tuple[float, float]:
    """Wall time and CPU time of one client in a process of its own, its start included."""
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        command = [sys.executable, CLIENTS, which, url, str(jobs), str(concurrency), folder]
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # as installed: nothing is compiled at each start
        subprocess.run(command, check=True, capture_output=True, env=env)
        seconds = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        saved = len([path for path in Path(folder).glob("*.png") if path.stat().st_size])
        assert saved == jobs, f"{which} saved {saved} of {jobs}"
    return seconds, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


WHO = ("ours", "command", "script", "bare")


def beside() -> None:
    """200 jobs beside a script with the SDK and a bare client: each row's minimum of alternating rounds."""
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    print(f"{'image':8}{'at once':8}" + "".join(f"{which:>18}" for which in WHO) + "   (times the ideal, CPU s)")
    for kind, image in (("tiny", tiny()), ("1.5 MB", real())):
        with late_server(image) as url:
            for which in WHO:
                run_client(which, url, 1, 1)
            for concurrency, rounds in ((50, 3), (20, 3), (5, 1)):
                found = [[run_client(which, url, 200, concurrency) for which in WHO] for _ in range(rounds)]
                ideal = 200 * LATENCY / concurrency
                least = [tuple(map(min, zip(*times, strict=True))) for times in zip(*found, strict=True)]
                row = "".join(f"{wall / ideal:12.2f} {cpu:5.2f}" for wall, cpu in least)
                print(f"{kind:8}{concurrency:<8}{row}", flush=True)
    print(f"load of the machine after: {os.getloadavg()[0]:.1f}")


def limit() -> None:
    """A server that allows 5 at once, while we start with 20 in flight."""
    with server(tiny(), limit=5) as url:
        five, twenty = batch_seconds(url, 200, 5), batch_seconds(url, 200, 20)
    print(
        f"5 allowed: 5 from the start {five:6.2f} s, 20 from the start {twenty:6.2f} s, x{twenty / five:.3f} (goal 1.15)"
    )


GROWN = """
import sys
sys.path.insert(0, sys.argv[3])
import batch
batch.batch_seconds(sys.argv[1], int(sys.argv[2]), 20)
print(batch.peak())
"""


def peak() -> float:
    """The most memory that this process has had, MB. `ru_maxrss` would begin with what its parent had."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def growth() -> None:
    """Memory of 200 and of 2,000 jobs, without latency."""
    found = []
    with server(tiny(), latency=0.0) as url:
        for jobs in (200, 2000):
            command = [sys.executable, "-c", GROWN, url, str(jobs), str(Path(__file__).parent)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found.append(float(done.stdout))
            print(f"{jobs:5} jobs: peak {found[-1]:6.1f} MB")
    print(f"2000 against 200 jobs: x{found[1] / found[0]:.2f}")


def cutouts(count: int = 2000) -> None:
    """Cut-outs in a pool of two processes against one process."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number in range(count):
            image = np.zeros((256, 256, 3), np.uint8)
            image[..., 1] = 255
            image[60:200, 60 : 180 + number % 20] = (200, 40, number % 255)
            paths.append(Path(folder) / f"{number}.png")
            Image.fromarray(image).save(paths[-1])
        started = time.perf_counter()
        list(cutout_many(paths, out_dir=Path(folder) / "one"))
        one = time.perf_counter() - started
        with concurrent.futures.ProcessPoolExecutor(2) as pool:
            list(cutout_many(paths[:8], out_dir=Path(folder) / "warm", executor=pool))
            started = time.perf_counter()
            list(cutout_many(paths, out_dir=Path(folder) / "two", executor=pool))
            two = time.perf_counter() - started
    print(f"{count} cut-outs: one process {one:6.2f} s, two {two:6.2f} s, x{one / two:.2f} (goal 1.7)")


PARTS = {"beside": beside, "limit": limit, "growth": growth, "cutouts": cutouts}


def main(names: list[str]) -> None:
    """Runs the named parts, or all."""
    for name in names or PARTS:
        PARTS[name]()
    print(f"peak of this process {peak():.0f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
