"""The pictures of the site, made by the product at each build: simulated pictures, and cut-outs by the engine.

The subjects of the cut-out page are the benchmark's (`benchmarks/cutout_subjects.py`), whose true alpha is known.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

import imagegen_magic
from imagegen_magic.matting.cutout import difference_cutout
from imagegen_magic.simulator.drawing import Recipe, paint_image
from imagegen_magic.simulator.drawing.svg import drawing_names

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import cutout as benchmark
from cutout_keyers import classical

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]

__all__ = ["draw_all"]

TILE = 480
WINDOWS = {
    "hair_blond": (330, 120, 240),
    "smoke_fire": (150, 60, 380),
    "leaves": (160, 120, 300),
    "glass_amber": (60, 20, 560),
}
"""Subjects that are shown enlarged: left, top and side of the window, in pixels of the case."""
PAPER, NIGHT = (250, 247, 240), (38, 44, 66)


def draw_all(folder: Path) -> None:
    """Writes every picture of the site as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    draw_banner(folder / "banner.png")
    draw_steps(folder)
    cases = {case.name: case for case in benchmark.own_cases()}
    for name, window in WINDOWS.items():
        draw_comparison(cases[name], window, folder)
    draw_two_backdrops(cases["glass_amber"], folder)
    draw_simulator(folder)


# the simulator's page


def draw_simulator(folder: Path) -> None:
    """Every subject of the simulator; a story, styles and a sprite sheet of one fox."""
    names = ("a woman" if name == "portrait" else f"a {name}, 3d" for name in drawing_names())
    _tiled([_simulated(name, seed) for seed, name in enumerate(names)], 11, 128, folder / "simulator-subjects.png")
    places = ("in a forest", "by the sea at sunset", "in the snow", "in the city at night")
    styles = ("watercolor", "line art", "cartoon", "pixel art")
    prompts = [f"a fox {place}" for place in places] + [f"a fox in a meadow, {style}" for style in styles]
    _tiled([_simulated(prompt, 7) for prompt in prompts], 4, 300, folder / "simulator-looks.png")
    sheet = Recipe(
        prompt="sprite sheet: a fox that walks, 6 frames in one row, on a flat #00ff00 chroma-key background",
        seed=7, width=1248, height=320, backdrop="#00ff00", delivery="model",
    )  # fmt: skip
    paint_image(sheet).save(folder / "simulator-sheet.png", optimize=True)


def _simulated(prompt: str, seed: int) -> Image.Image:
    return paint_image(Recipe(prompt=prompt, seed=seed, width=512, height=512))


def _tiled(images: list[Image.Image], columns: int, side: int, path: Path) -> None:
    """The pictures side by side, in as few colours as do."""
    board = Image.new("RGB", (columns * side, -(-len(images) // columns) * side), PAPER)
    for number, image in enumerate(images):
        small = image.resize((side, side), Image.Resampling.LANCZOS)
        board.paste(small, (number % columns * side, number // columns * side))
    board.quantize(256).save(path, optimize=True)


# the landing page


def draw_banner(path: Path) -> None:
    """Four tiles: a picture, the source of a cut-out, the cut-out, and a furry one on another background."""
    make = imagegen_magic.generate
    rocket = make("A red rocket on its way, studio light.", name="rocket", backend="simulator", size="square")
    robot = make(
        "A round cartoon robot, full body.", name="robot", backend="simulator", size="square", transparent=True
    )
    cat = make("A black cat with long fur.", name="cat", backend="simulator", size="square", transparent=True)
    source = Image.open(robot[0].source)
    checked = on(checkerboard(source.size), robot.image)
    tiles = [rocket.image, source, checked, on(Image.new("RGB", source.size, "#f4a259"), cat.image)]
    gap, side = 20, 400
    banner = Image.new("RGBA", (4 * side + 3 * gap, side))
    for number, tile in enumerate(tiles):
        banner.paste(
            tile.convert("RGB").resize((side, side), Image.Resampling.LANCZOS),
            (number * (side + gap), 0),
            rounded(side),
        )
    banner.save(path, optimize=True)


def rounded(side: int, radius: int = 28) -> Image.Image:
    """A mask with round corners."""
    big = Image.new("L", (4 * side, 4 * side))
    ImageDraw.Draw(big).rounded_rectangle((0, 0, 4 * side - 1, 4 * side - 1), 4 * radius, fill=255)
    return big.resize((side, side), Image.Resampling.LANCZOS)


def checkerboard(size: tuple[int, int], square: int = 32) -> Image.Image:
    """The usual grey squares, which stand for nothing."""
    y, x = np.indices((size[1], size[0])) // square
    return Image.fromarray(np.where(((x + y) % 2)[..., None], 238, 206).astype(np.uint8).repeat(3, axis=-1))


def on(background: Image.Image, image: Image.Image) -> Image.Image:
    """The picture over a background of its size."""
    return Image.alpha_composite(background.convert("RGBA"), image.convert("RGBA")).convert("RGB")


# the cut-out page


def draw_steps(folder: Path) -> None:
    """The robot's way: as sent, alpha, foreground colours, and on two new backgrounds."""
    source = Path("output/imagegen/robot-source.png")
    cut = imagegen_magic.cutout(source)
    size = (cut.image.width, cut.image.height)
    save(folder, "steps-source", Image.open(source))
    save(folder, "steps-alpha", Image.fromarray(cut.alpha))
    save(folder, "steps-foreground", Image.fromarray(cut.foreground))
    save(folder, "steps-paper", on(Image.new("RGB", size, PAPER), cut.image))


def draw_comparison(case: Any, window: tuple[int, int, int], folder: Path) -> None:
    """One case enlarged: as delivered, by the per-pixel helper, by this engine, and the truth, on a new background."""
    results = {
        "helper": classical()["per-pixel helper"](case.picture, case.key),
        "ours": benchmark.ours(case.picture, case.key),
        "truth": case.truth,
    }
    save(folder, f"{case.name}-source", window_of(Image.fromarray(case.picture), window))
    for name, rgba in results.items():
        image = Image.fromarray(rgba, "RGBA")
        save(folder, f"{case.name}-{name}", window_of(on(Image.new("RGB", image.size, NIGHT), image), window))


def draw_two_backdrops(case: Any, folder: Path) -> None:
    """Glass before a first and a second backdrop, and what the two give."""
    cut = difference_cutout(case.picture, case.second, key1=case.key, key2=case.second_key)
    window = WINDOWS[case.name]
    save(folder, "glass-first", window_of(Image.fromarray(case.picture), window))
    save(folder, "glass-second", window_of(Image.fromarray(case.second), window))
    save(folder, "glass-alpha", window_of(Image.fromarray(cut.alpha), window))
    save(folder, "glass-both", window_of(on(Image.new("RGB", cut.image.size, NIGHT), cut.image), window))


def window_of(image: Image.Image, window: tuple[int, int, int]) -> Image.Image:
    """The part of a picture that is shown."""
    left, top, side = window
    return image.crop((left, top, left + side, top + side))


def save(folder: Path, name: str, image: Image.Image) -> None:
    """A tile of the site."""
    image.resize((TILE, TILE), Image.Resampling.LANCZOS).save(folder / f"{name}.png", optimize=True)
