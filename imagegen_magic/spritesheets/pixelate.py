"""One picture of pixel art, as a model painted it, to real pixels."""

from __future__ import annotations

import numpy as np

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.facts.sizes import read_cell
from imagegen_magic.matting.arrays import Bytes, as_bytes
from imagegen_magic.matting.loading import Picture, load_picture
from imagegen_magic.metadata.derived import source_of

from .arguments import check_arguments
from .lattice import Lattice, even_lines, find_lattice, find_lines
from .palette import PaletteChoice, settle_palette, to_hex
from .sampling import apply_palette, find_palette, sample
from .sheet import Size
from .sprites import PixelArt

__all__ = ["pixelate"]


def pixelate(
    image: Picture,
    *,
    size: str | Size | None = None,
    palette: PaletteChoice = None,
    pitch: float | None = None,
    name: str = "pixels",
) -> PixelArt:
    """The picture with one real pixel for each block that was painted; for a figure on a key backdrop, cut it out first.

    `image` is anything that `cutout` takes. The result is the same every time.

    Args:
        size: columns and rows, `64x64`: then the picture is divided into just so many, with or without a lattice.
        palette: a number of colours, a name (`pico-8`), a .gpl, .hex, .pal or .act file, or colours; None keeps those that differ.
        pitch: pixels of the picture for one of the art, taken at its word.

    Raises:
        OptionError: no lattice is found and neither `size` nor `pitch` is given, or one of them cannot be used.
        CutoutError: the picture cannot be read.

    Example:
        >>> pixelate("knight.png", palette=16).frames[0].size  # doctest: +SKIP
        (22, 41)
    """
    check_arguments("the picture can't be sampled", pitch=pitch)
    wanted = settle_palette(palette)
    rgb, alpha, _ = load_picture(image)
    whole = as_bytes(np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8) if alpha is None else alpha]))
    lattice = Lattice(x=pitch, y=pitch, confidence=1.0) if pitch else find_lattice([whole])
    if size is None and not lattice.found:
        rule = f"no lattice was found: edges repeat too little ({lattice.confidence:.2f})"
        raise OptionError(
            "is this pixel art?",
            problems=(Problem(field="size", rule=rule, fix="size='64x64', or pitch=16 if you know it"),),
        )
    lines = find_lines(whole, lattice) if size is None else even_lines(whole, *read_cell(size))
    (sampled,) = sample([whole], [lines])
    colours: Bytes = (
        find_palette([sampled], wanted, exact=lattice.enlarged) if wanted is None or isinstance(wanted, int) else wanted
    )
    return PixelArt(
        name=name,
        pixels=(apply_palette(sampled, colours),),
        durations=(1000,),
        pixel_art=True,
        palette=to_hex(colours),
        pitch=None if size is not None else (lattice.x, lattice.y),
        confidence=lattice.confidence,
        sources=(source_of(image),),
    )
