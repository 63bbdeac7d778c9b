"""Real pictures beside classical keyers: a strip each, at 100 %, as delivered and as every method cuts it out.

    python benchmarks/cutout_real.py PICTURES OUT NAME:LEFT,TOP[,SIDE] ...

PICTURES holds `NAME.png` on a green backdrop; the strip shows the window from (LEFT, TOP). There is no truth: look at it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from cutout_keyers import classical
from PIL import Image

from imagegen_magic.matting.cutout import cutout

GREEN = "#00ff00"
PAPER, NIGHT = (255, 255, 255), (20, 22, 30)
SHOWN = ("per-pixel helper", "colour difference")
GAP = 6


def on(picture: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """The picture over one colour."""
    return Image.alpha_composite(Image.new("RGBA", picture.size, (*colour, 255)), picture.convert("RGBA"))


def strip(path: Path, window: tuple[int, int, int, int]) -> Image.Image:
    """As delivered, by two classical keyers, and by this engine on a dark and on a white background."""
    source = Image.open(path).convert("RGB")
    keyers = classical()
    peers = [Image.fromarray(keyers[name](np.asarray(source), GREEN)) for name in SHOWN]
    ours = cutout(path, key=GREEN).image
    tiles = [source, *(on(peer, NIGHT) for peer in peers), on(ours, NIGHT), on(ours, PAPER)]
    side = window[2] - window[0]
    board = Image.new("RGB", (len(tiles) * (side + GAP) - GAP, side), PAPER)
    for number, tile in enumerate(tiles):
        board.paste(tile.convert("RGB").crop(window), (number * (side + GAP), 0))
    return board


def main() -> None:
    """Writes a strip for every window."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("windows", nargs="+", metavar="NAME:LEFT,TOP[,SIDE]")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for window in given.windows:
        name, place = window.split(":")
        left, top, *side = (int(number) for number in place.split(","))
        width = side[0] if side else 200
        board = strip(given.pictures / f"{name}.png", (left, top, left + width, top + width))
        board.save(given.out / f"{name}.jpg", quality=86, subsampling=0, optimize=True)


if __name__ == "__main__":
    main()
