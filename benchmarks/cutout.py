"""The cut-out engine against classical keyers, in one run: quality per case. Speeds are in `cutout_speed.py`.

    python benchmarks/cutout.py [plain] [--inputs DIR [--second DIR]]

The cases are subjects drawn with known alpha (`cutout_subjects.py`), delivered as image models deliver them: off-key,
with a decoder's ringing, and some with the key's light (`cutout_render.py`). They are scored as a viewer sees them
(`cutout_score.py`). `plain` renders them clean, with noise and drift, or through JPEG instead. `--inputs` takes
another set: a folder with `input/ID.png`, `truth/ID.png` and `truth/cases.json` ([{"id", "key"}]); `--second` the same over a second backdrop.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from cutout_keyers import classical
from cutout_render import Bytes, Delivery, levels, render
from cutout_score import score
from cutout_subjects import SUBJECTS
from PIL import Image

from imagegen_magic.errors import CutoutError
from imagegen_magic.matting.cutout import cutout, difference_cutout

GREEN, MAGENTA = "#00ff00", "#ff00ff"
DELIVERIES = {
    "model": (
        Delivery(key=GREEN, delivered="#05f807", drift=1, ringing=1),
        Delivery(key=MAGENTA, delivered="#ee07e4", drift=1, ringing=1),
        Delivery(key=GREEN, delivered="#0aee0e", drift=1, ringing=1, spill=0.12),
        Delivery(key=MAGENTA, delivered="#e30bdb", drift=1, ringing=1, spill=0.12),
    ),
    "plain": (
        Delivery(key=GREEN),
        Delivery(key=GREEN, delivered="#06f60d", drift=4, noise=1.5, spill=0.12),
        Delivery(key=MAGENTA, noise=1.0, jpeg=88),
    ),
}
SECOND = {"model": {GREEN: "#ea09df", MAGENTA: "#07f30c"}, "plain": {GREEN: MAGENTA, MAGENTA: GREEN}}
"""The backdrop of a second frame by the key of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A delivered picture, its truth (RGBA), the key asked for, and the same subject over a second backdrop."""

    name: str
    picture: Bytes
    truth: Bytes
    key: str
    second: Bytes | None = None
    second_key: str = ""


def own_cases(how: str = "model") -> Iterator[Case]:
    """Every drawn subject, each with one of the deliveries in turn."""
    return (own_case(name, how) for name in SUBJECTS)


def own_case(name: str, how: str = "model") -> Case:
    """One drawn subject with the delivery that is its turn."""
    number = list(SUBJECTS).index(name)
    delivery = DELIVERIES[how][number % len(DELIVERIES[how])]
    other = SECOND[how][delivery.key]
    truth = SUBJECTS[name](np.random.default_rng(100 + number))
    picture, expected = render(truth, delivery)
    return Case(
        name=name, picture=picture, truth=expected, key=delivery.key, second=render(truth, delivery, other)[0],
        second_key=GREEN if delivery.key == MAGENTA else MAGENTA,
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


def ours(picture: Bytes, key: str) -> Bytes:
    """The engine with one key colour."""
    return rgba(cutout(picture, key=key))


def quality(cases: list[Case]) -> None:
    """H per case and keyer."""
    methods = {"ours": ours} | classical()
    table: dict[str, list[float]] = {name: [] for name in methods}
    print("H per case, one key colour; levels of 255, lower is better")
    print(f"{'case':22}" + "".join(f"{name:>18}" for name in methods))
    for case in cases:
        for name, method in methods.items():
            table[name].append(score(method(case.picture, case.key), case.truth, levels(case.key)).headline)
        print(f"{case.name:22}" + "".join(f"{table[name][-1]:18.2f}" for name in methods))
    for word, figure in (("mean", statistics.mean), ("median", statistics.median)):
        print(f"{word:22}" + "".join(f"{figure(table[name]):18.2f}" for name in methods))
    worse = sum(a > b for a, b in zip(table["ours"], table["per-pixel helper"], strict=True))
    print(f"cases where ours is worse than the helper: {worse} of {len(cases)}")


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


def main() -> None:
    """Prints every table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("delivery", nargs="?", choices=tuple(DELIVERIES), default="model")
    parser.add_argument("--inputs", type=Path)
    parser.add_argument("--second", type=Path)
    given = parser.parse_args()
    cases = list(cases_of(given.inputs, given.second) if given.inputs else own_cases(given.delivery))
    quality(cases)
    two = [case for case in cases if case.second is not None]
    if two:
        two_backdrops(two)


if __name__ == "__main__":
    main()
