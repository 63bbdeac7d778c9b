"""How fast the cut-out is: in process, from file to file beside other ways, and many files on two processes.

    python benchmarks/cutout_speed.py [--many 2000]

Figures of one run are comparable with each other, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from cutout_keyers import installed
from cutout_render import Bytes, Delivery, render
from cutout_subjects import SUBJECTS
from PIL import Image

from imagegen_magic.matting.cutout import cutout, cutout_many, difference_cutout

GREEN, MAGENTA = "#00ff00", "#ff00ff"
FRESH = """
import sys
from imagegen_magic.matting.cutout import cutout
cutout(sys.argv[1], key="#00ff00").save(sys.argv[2])
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""
"""File to file in a process of its own. VmHWM, not ru_maxrss: Linux hands the latter down from the parent."""


def picture_of(width: int, height: int, key: str = GREEN) -> Bytes:
    """A product with a soft shadow on a noisy backdrop, in the middle of the frame."""
    side = round(0.97 * height)
    drawn = SUBJECTS["shadow"](np.random.default_rng(4))
    subject = cv2.resize(drawn, (side, side), interpolation=cv2.INTER_CUBIC if side > len(drawn) else cv2.INTER_AREA)
    wide = np.zeros((height, width, 4), np.uint8)
    top, left = (height - side) // 2, (width - side) // 2
    wide[top : top + side, left : left + side] = subject
    return render(wide, Delivery(key=key, noise=1.5, seed=3))[0]


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_seconds(work: Callable[[], object], rounds: int) -> float:
    """Median wall time of a few rounds, after one that warms up."""
    work()
    return statistics.median(seconds(work) for _ in range(rounds))


def children_cpu() -> float:
    """Processor seconds of all finished child processes; steadier than wall time on a busy machine."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def in_process(width: int, height: int) -> None:
    """Keying alone, arrays in and out: with one backdrop, and with two."""
    first, second = picture_of(width, height), picture_of(width, height, MAGENTA)
    megapixels = width * height / 1e6
    one = median_seconds(lambda: cutout(first, key=GREEN), 5)
    two = median_seconds(lambda: difference_cutout(first, second, key1=GREEN, key2=MAGENTA), 5)
    print(
        f"keying in process at {width}x{height}: {one * 1000:.0f} ms, {megapixels / one:.1f} MP/s; "
        f"two backdrops {two * 1000:.0f} ms, {two / one:.1f} times as long"
    )


def file_to_file(picture: Bytes) -> None:
    """A fresh process reads a PNG, keys it and writes a PNG; every way in turn, in the same run."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.png", Path(folder) / "out.png"
        Image.fromarray(picture).save(source)
        ours = [sys.executable, "-c", FRESH, str(source), str(target)]
        loop = [sys.executable, str(Path(__file__).with_name("cutout_keyers.py")), str(source), str(target)]
        commands = {"ours": ours} | {name: make(GREEN, source, target) for name, make in installed().items()}
        print(
            f"\nfile to file, fresh process, {picture.shape[1]}x{picture.shape[0]} (median of 3; the helper once, whole)"
        )
        print(f"{'':22}{'seconds':>10}{'of ours':>10}{'CPU s':>10}{'MB':>8}{'peak MB':>10}")
        compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        own = 0.0  # the run that warms up compiles our modules, as pip does
        for name, command in (commands | {"per-pixel helper": loop}).items():
            peak = ""

            def run(command: list[str] = command) -> str:
                return subprocess.run(command, check=True, capture_output=True, text=True, env=compiled).stdout

            before, rounds = children_cpu(), 1 if command is loop else 3
            took = seconds(run) if command is loop else median_seconds(run, rounds)
            cpu = (children_cpu() - before) / (rounds if command is loop else rounds + 1)
            own = own or took
            peak = f"{int(run()) / 1024:.0f}" if command is ours else ""
            print(f"{name:22}{took:10.2f}{took / own:10.2f}{cpu:10.2f}{target.stat().st_size / 1e6:8.1f}{peak:>10}")


def many(count: int, side: int = 384) -> None:
    """`cutout_many` over small files: one process, then a pool of two that is up already."""
    names = ("product", "rings_gold", "icons", "hair_dark")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2) as pool:
        paths = [Path(folder) / f"{number:05}.png" for number in range(count)]
        for number, path in enumerate(paths):
            if number < len(names):
                truth = SUBJECTS[names[number]](np.random.default_rng(number))
                small = cv2.resize(truth, (side, side), interpolation=cv2.INTER_AREA)
                Image.fromarray(render(small, Delivery(key=GREEN, noise=1.0))[0]).save(path)
            else:
                path.hardlink_to(paths[number % len(names)])
        for executor in (None, pool):
            cutout_many(paths[:16], out_dir=Path(folder) / "warm", executor=executor)
        one = seconds(lambda: cutout_many(paths, out_dir=Path(folder) / "one"))
        two = seconds(lambda: cutout_many(paths, out_dir=Path(folder) / "two", executor=pool))
    print(f"\n{count} files of {side}x{side}: one process {one:.1f} s, two {two:.1f} s, {one / two:.2f} times as fast")


def main() -> None:
    """Prints every table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--many", type=int, default=2000, help="files for cutout_many; 0 leaves it out")
    given = parser.parse_args()
    for size in ((3840, 2160), (1024, 1024)):
        in_process(*size)
    file_to_file(picture_of(3840, 2160))
    if given.many:
        many(given.many)


if __name__ == "__main__":
    main()
