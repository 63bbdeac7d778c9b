"""The cut-out engine against classical keyers, in one run: quality per case, speed, file size, memory.

    python benchmarks/cutout.py [--inputs DIR [--second DIR]] [--quick]

The cases are subjects drawn with known alpha (`cutout_subjects.py`), delivered as an image model delivers them
(`cutout_render.py`) and scored as a viewer sees them (`cutout_score.py`). `--inputs` takes another set instead: a folder
with `input/ID.png`, `truth/ID.png` and `truth/cases.json` ([{"id", "key"}]); `--second` the same over a second backdrop.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from cutout_render import Bytes, Delivery, levels, render
from cutout_score import score
from cutout_subjects import SUBJECTS
from PIL import Image

from imagegen_magic.cutouts import cutout, difference_cutout
from imagegen_magic.errors import CutoutError

GREEN, MAGENTA, BLUE = "#00ff00", "#ff00ff", "#0000ff"
DELIVERIES = (
    Delivery(key=GREEN),
    Delivery(key=GREEN, delivered="#06f60d", drift=4, noise=1.5, spill=0.12),
    Delivery(key=MAGENTA, noise=1.0, jpeg=88),
)
UHD = (3840, 2160)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A delivered picture, its truth (RGBA), the key asked for, and the same subject over a second backdrop."""

    name: str
    picture: Bytes
    truth: Bytes
    key: str
    second: Bytes | None = None
    second_key: str = ""


def own_cases() -> Iterator[Case]:
    """Every drawn subject, each with one of the deliveries in turn."""
    for number, (name, draw) in enumerate(SUBJECTS.items()):
        delivery = DELIVERIES[number % len(DELIVERIES)]
        other = GREEN if delivery.key == MAGENTA else MAGENTA
        truth = draw(np.random.default_rng(100 + number))
        picture, expected = render(truth, delivery)
        yield Case(
            name=name, picture=picture, truth=expected, key=delivery.key, second=render(truth, delivery, other)[0],
            second_key=other,
        )  # fmt: skip


def cases_of(folder: Path, second: Path | None) -> Iterator[Case]:
    """The cases of a folder."""
    listed = json.loads((folder / "truth/cases.json").read_text())
    for entry in listed["cases"] if isinstance(listed, dict) else listed:
        name, key = entry["id"], entry["key"]
        picture, truth = read(folder / f"input/{name}.png")[..., :3], read(folder / f"truth/{name}.png", "RGBA")
        other = None if second is None else read(second / f"input/{name}.png")[..., :3]
        yield Case(name=name, picture=picture, truth=truth, key=key, second=other, second_key="auto")


def read(path: Path, mode: str = "RGB") -> Bytes:
    """A file as an array."""
    with Image.open(path) as image:
        return np.array(image.convert(mode))


def rgba(cut: object) -> Bytes:
    """A Cutout as (height, width, 4)."""
    return np.asarray(cut.image)  # type: ignore[attr-defined]


def ours(case: Case) -> Bytes:
    """The engine with one key colour."""
    return rgba(cutout(case.picture, key=case.key))


def key_distance(case: Case) -> Bytes:
    """The bundled helper's way: a smooth step over the distance from the key, then the key's channels capped."""
    key = border_median(case.picture)
    distance = np.abs(case.picture.astype(np.float32) - key).max(-1)
    step = np.clip((distance - 12) / (220 - 12), 0, 1)
    alpha = np.where(distance <= 12, 0, np.where(distance >= 220, 1, step * step * (3 - 2 * step)))
    colour = case.picture.astype(np.float32)
    bright, dark = key >= 128, key < 128
    if bright.any() and dark.any():
        cap = colour[..., dark].max(-1, keepdims=True)
        mixed = (alpha < 1)[..., None] & bright
        colour = np.where(mixed, np.minimum(colour, cap), colour)
    return np.dstack([np.rint(colour), np.rint(alpha * 255)]).astype(np.uint8)


def colour_difference(case: Case) -> Bytes:
    """The studio's classic: alpha from the key's dominance, colour by unmixing."""
    key, colour = border_median(case.picture), case.picture.astype(np.float32)
    bright, dark = key >= 128, key < 128
    full = key[bright].min() - key[dark].max()
    dominance = colour[..., bright].min(-1) - colour[..., dark].max(-1)
    alpha = 1 - np.clip(dominance / max(full, 1), 0, 1)
    alpha[alpha < 0.03] = 0
    unmixed = (colour - (1 - alpha[..., None]) * key) / np.maximum(alpha[..., None], 0.02)
    return np.dstack([np.clip(np.rint(unmixed), 0, 255), np.rint(alpha * 255)]).astype(np.uint8)


def border_median(picture: Bytes) -> np.ndarray:
    """The median colour of the frame's border."""
    edges = [picture[:4].reshape(-1, 3), picture[-4:].reshape(-1, 3), picture[:, :4].reshape(-1, 3)]
    return np.median(np.concatenate(edges), axis=0).astype(np.float32)


def by_program(command: Callable[[str, Path, Path], list[str]]) -> Callable[[Case], Bytes]:
    """A keyer that is a program from file to file."""

    def run(case: Case) -> Bytes:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.png", Path(folder) / "out.png"
            Image.fromarray(case.picture).save(source)
            subprocess.run(command(case.key, source, target), check=True, capture_output=True)
            return read(target, "RGBA")

    return run


def ffmpeg(key: str, source: Path, target: Path) -> list[str]:
    """FFmpeg's colorkey and despill."""
    kind = "blue" if key == BLUE else "green"
    filters = f"colorkey=0x{key[1:]}:0.28:0.12" + ("" if key == MAGENTA else f",despill=type={kind}")
    return ["ffmpeg", "-v", "error", "-y", "-i", str(source), "-vf", filters, str(target)]


def magick(key: str, source: Path, target: Path) -> list[str]:
    """ImageMagick's fuzzy transparency."""
    return ["convert", str(source), "-fuzz", "25%", "-transparent", key, str(target)]


def keyers() -> dict[str, Callable[[Case], Bytes]]:
    """Everything that is compared; programs only where they are installed."""
    found: dict[str, Callable[[Case], Bytes]] = {
        "ours": ours,
        "key distance": key_distance,
        "colour difference": colour_difference,
    }
    if shutil.which("ffmpeg"):
        found["ffmpeg"] = by_program(ffmpeg)
    if shutil.which("convert"):
        found["ImageMagick"] = by_program(magick)
    return found


def quality(cases: list[Case]) -> None:
    """H per case and keyer."""
    methods = keyers()
    table: dict[str, list[float]] = {name: [] for name in methods}
    print("H per case, one key colour; levels of 255, lower is better")
    print(f"{'case':22}" + "".join(f"{name:>18}" for name in methods))
    for case in cases:
        for name, method in methods.items():
            table[name].append(score(method(case), case.truth, levels(case.key)).headline)
        print(f"{case.name:22}" + "".join(f"{table[name][-1]:18.2f}" for name in methods))
    for word, figure in (("mean", statistics.mean), ("median", statistics.median)):
        print(f"{word:22}" + "".join(f"{figure(table[name]):18.2f}" for name in methods))
    worse = sum(a > b for a, b in zip(table["ours"], table["key distance"], strict=True))
    print(f"cases where ours is worse than key distance: {worse} of {len(cases)}")


def moved(picture: Bytes, pixels: float) -> Bytes:
    """The picture shifted by that much in both directions."""
    matrix = np.array([[1, 0, pixels], [0, 1, pixels]], np.float32)
    return cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def repainted(case: Case) -> Bytes:
    """The second frame with a subject that the edit changed a little: 4 % brighter, by up to 10 levels."""
    assert case.second is not None
    weight = case.truth[..., 3:].astype(np.float32) / 255
    return np.clip(case.second + weight * np.minimum(case.second * 0.04, 10), 0, 255).astype(np.uint8)


def two_backdrops(cases: list[Case]) -> None:
    """H with two backdrops: aligned, shifted, and with a changed subject; a refusal is not scored."""
    variants: dict[str, Callable[[Case], Bytes]] = {
        "aligned": lambda case: case.second,  # type: ignore[dict-item, return-value]
        "0.5 px": lambda case: moved(case.second, 0.5),  # type: ignore[arg-type]
        "2 px": lambda case: moved(case.second, 2),  # type: ignore[arg-type]
        "4 % brighter": repainted,
    }
    print("\nH per case, two backdrops (a dash: refused, with the reason)")
    print(f"{'case':22}" + "".join(f"{name:>14}" for name in variants))
    table: dict[str, list[float]] = {name: [] for name in variants}
    for case in cases:
        line = f"{case.name:22}"
        for name, second in variants.items():
            try:
                cut = difference_cutout(case.picture, second(case), key1=case.key, key2=case.second_key)
                table[name].append(score(rgba(cut), case.truth, levels(case.key)).headline)
                line += f"{table[name][-1]:14.2f}"
            except CutoutError:
                line += f"{'-':>14}"
        print(line)
    for word, figure in (("mean", statistics.mean), ("median", statistics.median)):
        print(f"{word:22}" + "".join(f"{figure(values):14.2f}" for values in table.values() if values))


def large_picture() -> Bytes:
    """A 3840x2160 product with a soft shadow on a noisy green backdrop."""
    truth = SUBJECTS["shadow"](np.random.default_rng(4))
    wide = np.zeros((2160, 3840, 4), np.uint8)
    big = cv2.resize(truth, (2100, 2100), interpolation=cv2.INTER_CUBIC)
    wide[30:2130, 870:2970] = big
    return render(wide, Delivery(key=GREEN, noise=1.5, seed=3))[0]


def median_seconds(work: Callable[[], object], rounds: int = 5) -> float:
    """Median wall time of a few rounds, after one that warms up."""
    work()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def loop_seconds(picture: Bytes) -> float:
    """The per-pixel Python loop of the helper's method over the picture, from a strip of 60 rows."""
    strip = Image.fromarray(picture[1000:1060])
    started = time.perf_counter()
    data = strip.load()
    out = Image.new("RGBA", strip.size)
    put = out.load()
    for y in range(strip.height):
        for x in range(strip.width):
            r, g, b = data[x, y]
            distance = max(abs(r), abs(g - 255), abs(b))
            if distance <= 12:
                put[x, y] = (0, 0, 0, 0)
                continue
            step = min(1.0, max(0.0, (distance - 12) / 208))
            alpha = 1.0 if distance >= 220 else step * step * (3 - 2 * step)
            put[x, y] = (r, min(g, max(r, b)) if alpha < 1 else g, b, round(alpha * 255))
    return (time.perf_counter() - started) * picture.shape[0] / 60


FILE_TO_FILE = """
import resource, sys
from imagegen_magic.cutouts import cutout
cutout(sys.argv[1], key="#00ff00").save(sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def speed() -> None:
    """Keying in process, and file to file in fresh processes, at 3840x2160."""
    picture = large_picture()
    pixels = picture.shape[0] * picture.shape[1] / 1e6
    seconds = median_seconds(lambda: cutout(picture, key=GREEN))
    print(f"\nkeying in process at 3840x2160: {seconds * 1000:.0f} ms, {pixels / seconds:.1f} MP/s")
    with tempfile.TemporaryDirectory() as folder:
        source, mine, theirs = (Path(folder) / name for name in ("in.png", "ours.png", "theirs.png"))
        Image.fromarray(picture).save(source)
        command = [sys.executable, "-c", FILE_TO_FILE, str(source), str(mine)]
        peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        own = median_seconds(lambda: subprocess.run(command, check=True, capture_output=True), 3)
        print(
            f"file to file, fresh process: {own:.2f} s, {mine.stat().st_size / 1e6:.1f} MB, peak {float(peak):.0f} MB"
        )
        loop = loop_seconds(picture) + own - seconds  # it reads and writes the same files
        print(f"  per-pixel Python loop: {loop:.1f} s (extrapolated from 60 rows), {loop / own:.0f} times ours")
        programs = {"ffmpeg": ffmpeg, "convert": magick}
        for name, make in programs.items():
            if shutil.which(name):
                other = make(GREEN, source, theirs)
                took = median_seconds(lambda other=other: subprocess.run(other, check=True, capture_output=True), 3)
                print(f"  {name}: {took:.2f} s, {took / own:.2f} times ours, {theirs.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    """Prints every table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path)
    parser.add_argument("--second", type=Path)
    parser.add_argument("--quick", action="store_true", help="no speeds")
    given = parser.parse_args()
    cases = list(cases_of(given.inputs, given.second) if given.inputs else own_cases())
    quality(cases)
    two = [case for case in cases if case.second is not None]
    if two:
        two_backdrops(two)
    if not given.quick:
        speed()


if __name__ == "__main__":
    main()
