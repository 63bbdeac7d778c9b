"""Sheets and pixel art on drawn truths, beside slicing in equal cells and nearest scaling, in one run.

    python benchmarks/sprites.py

Drift: standard deviation of where the figure's true pivot stands in its frame, across, in pixels of the sheet. Pixels right:
the share with the truth's alpha and its colour within 24 levels; a result of another size counts as 0.
"""

from __future__ import annotations

import time

import cv2
import numpy as np
from pixel_truths import KEY, Lattice, figure, paint
from sprite_truths import MOTIONS, sheet

from imagegen_magic.matting.cutout import cutout
from imagegen_magic.spritesheets.cells import Grid, assign_cells
from imagegen_magic.spritesheets.figures import cut_figures
from imagegen_magic.spritesheets.packing import pack_atlas
from imagegen_magic.spritesheets.parts import find_parts
from imagegen_magic.spritesheets.sheet import slice_sheet

PAINTED = {
    "16, even": Lattice(pitch=16),
    "6.4, even": Lattice(pitch=6.4),
    "17.24, drift 6": Lattice(pitch=17.24, drift=6),
    "9.7 x 10.1, drift 3": Lattice(pitch=9.7, aspect=1.04, drift=3),
    "21.33, soft and noisy": Lattice(pitch=21.33, blur=2, noise=8),
    "13.06, all of it": Lattice(pitch=13.06, blur=1.6, noise=5, drift=4, texture=2),
    "11.3, jitter 1": Lattice(pitch=11.3, jitter=1),
    "20, jitter 3": Lattice(pitch=20, jitter=3),
}
KINDS = ("hero", "slime", "potion", "invader", "flat")


def drift() -> None:
    """The true pivot in the frames: equal cells, the box's middle, and ours."""
    print(f"{'drift across, px':22}{'equal cells':>14}{'box middle':>14}{'ours':>10}{'loop':>8}")
    for motion in MOTIONS:
        made = sheet(motion, seed=3)
        cut = cutout(made.image).rgba
        parts = find_parts(np.ascontiguousarray(cut[..., 3]))
        layout = assign_cells(parts, Grid(columns=6, rows=1, count=6))
        figures = cut_figures(cut, parts, layout)
        true = np.array([x for x, _ in made.pivots])
        cells = true - [slot.cell.left for slot in layout.slots]
        middles = true - [(f.box.left + f.box.right) / 2 for f in figures if f]
        cores = true - [f.core for f in figures if f]
        loop = slice_sheet(made.image, frames=6, columns=6, name=motion).report.loop
        print(f"{motion:22}{cells.std():14.1f}{middles.std():14.1f}{cores.std():10.1f}{loop or 0:8.2f}")


def right(found: np.ndarray, truth: np.ndarray) -> float:
    """The share of pixels right."""
    if found.shape != truth.shape:
        return 0.0
    shown = truth[..., 3] > 0
    near = np.abs(found[..., :3].astype(int) - truth[..., :3]).max(axis=2) <= 24
    return float((((found[..., 3] > 0) == shown) & (near | ~shown)).mean())


def tight(image: np.ndarray) -> np.ndarray:
    """The image without its clear border."""
    rows, columns = (np.flatnonzero(image[..., 3].any(axis=axis)) for axis in (1, 0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def nearest(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Nearest scaling to the true size, which it is told, of the true figure's box."""
    away = np.abs(image.astype(int) - KEY).max(axis=2)
    alpha = np.where(away > 60, 255, 0).astype(np.uint8)
    return cv2.resize(tight(np.dstack([image, alpha])), size, interpolation=cv2.INTER_NEAREST)


def lattices() -> None:
    """Pixels right, sizes right, and colours, over five figures and two deliveries each."""
    print(f"\n{'pixels right, %':24}{'nearest, size told':>20}{'ours':>8}{'exact size':>12}{'colours (true)':>16}")
    for name, painted in PAINTED.items():
        rows = []
        for number, kind in enumerate(KINDS):
            truth = figure(kind, number)
            for seed in (number, number + 50):
                image = paint(truth, painted, seed=seed)
                made = slice_sheet(image, frames=1, pixel_art=True)
                found = tight(made.pixels[0])
                colours = len(np.unique(truth[truth[..., 3] > 0], axis=0))
                rows.append(
                    (
                        right(nearest(image, truth.shape[1::-1]), truth),
                        right(found, truth),
                        found.shape == truth.shape,
                        len(made.palette),
                        colours,
                    )
                )
        told, ours, exact, palette, true = np.mean(rows, axis=0)
        print(f"{name:24}{100 * told:20.1f}{100 * ours:8.1f}{100 * exact:11.0f}%{palette:10.1f} ({true:.1f})")


def speed() -> None:
    """A sheet of the 4096x2048 class: everything beside the cut-out alone."""
    made = sheet("walk", columns=4, rows=2, cell=(960, 960), height=600, seed=1)
    started = time.perf_counter()
    cutout(made.image)
    alone = time.perf_counter() - started
    started = time.perf_counter()
    sprites = slice_sheet(made.image, frames=8, columns=4, rows=2, cell="256x256", name="walk")
    pack_atlas([sprites])
    whole = time.perf_counter() - started
    started = time.perf_counter()
    preview = sprites.preview()
    first = time.perf_counter() - started
    started = time.perf_counter()
    sprites.preview()
    shown = time.perf_counter() - started
    started = time.perf_counter()
    exact = sprites.animated("apng")
    encoded = time.perf_counter() - started
    print(
        f"\n{made.image.shape[1]}x{made.image.shape[0]}: cut-out {alone:.2f} s, with slicing, anchors, checks, atlas {whole:.2f} s ({whole / alone:.2f} times)"
    )
    print(
        f"preview {1000 * first:.0f} ms at first, {1000 * shown:.0f} ms again, {len(preview.animation) // 1000} KB: {shown / encoded:.2f} times an exact APNG's {1000 * encoded:.0f} ms, {len(exact) // 1000} KB"
    )


if __name__ == "__main__":
    drift()
    lattices()
    speed()
