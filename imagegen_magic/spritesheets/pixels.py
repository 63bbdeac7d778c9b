"""Pixel art out of painted figures: one lattice for all, each sampled on its own lines, one palette for the set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagegen_magic.matting.arrays import Bytes

from .figures import Figure, figure_of
from .lattice import Lattice, Lines, even_lines, find_lattice, find_lines
from .palette import PaletteChoice, settle_palette
from .sampling import apply_palette, find_palette, sample

__all__ = ["PixelFigures", "pixel_figures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelFigures:
    """Figures in real pixels, on a sheet of real pixels; their palette (n, 3); the lattice; and if they had to be made smaller."""

    figures: tuple[Figure, ...]
    palette: Bytes
    lattice: Lattice
    reduced: bool


def pixel_figures(
    figures: Sequence[Figure],
    *,
    reach: tuple[int, int],
    cell: tuple[int, int] | None,
    palette: PaletteChoice,
    pitch: float | None = None,
) -> PixelFigures:
    """The figures as pixel art that fits a cell of real pixels.

    Without a lattice, or if a figure has more real pixels than the cell, all are sampled on an even grid that fits.

    Args:
        reach: width and height that all figures need together, each on its pivot, in pixels of the sheet.
        pitch: pixels of the sheet for one of the art, if you know it: it is taken at its word.
    """
    wanted = settle_palette(palette)
    images = [figure.pixels for figure in figures]
    lattice = Lattice(x=pitch, y=pitch, confidence=1.0) if pitch else find_lattice(images)
    lines = [find_lines(image, lattice) for image in images] if lattice.found else []
    reduced = not lattice.found or not _fits(reach, lattice, cell)
    if reduced:
        lattice = _coarser(reach, cell or reach, lattice)
        lines = [_even_lines(figure, lattice) for figure in figures]
    sampled = sample(images, lines)
    colours = (
        find_palette(sampled, wanted, exact=lattice.enlarged) if wanted is None or isinstance(wanted, int) else wanted
    )
    limited = [apply_palette(image, colours) for image in sampled]
    made = [_placed(figure, image, own, lattice) for figure, image, own in zip(figures, limited, lines, strict=True)]
    return PixelFigures(figures=tuple(made), palette=colours, lattice=lattice, reduced=reduced)


def _fits(reach: tuple[int, int], lattice: Lattice, cell: tuple[int, int] | None) -> bool:
    return cell is None or (reach[0] <= lattice.x * (cell[0] + 0.5) and reach[1] <= lattice.y * (cell[1] + 0.5))


def _coarser(reach: tuple[int, int], cell: tuple[int, int], lattice: Lattice) -> Lattice:
    """The finest even lattice with which the figures fit the cell."""
    pitch = max(reach[0] / (cell[0] - 1), reach[1] / (cell[1] - 1))
    return Lattice(x=pitch, y=pitch, confidence=lattice.confidence)


def _even_lines(figure: Figure, lattice: Lattice) -> Lines:
    width, height = figure.box.width / lattice.x, figure.box.height / lattice.y
    return even_lines(figure.pixels, max(1, round(width)), max(1, round(height)))


def _placed(figure: Figure, image: Bytes, lines: Lines, lattice: Lattice) -> Figure:
    """The sampled figure at its place on a sheet of real pixels."""
    left = round((figure.origin[0] + float(lines.x[0])) / lattice.x)
    top = round((figure.origin[1] + float(lines.y[0])) / lattice.y)
    return figure_of(image, (left, top))
