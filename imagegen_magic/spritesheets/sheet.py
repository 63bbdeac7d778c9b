"""The public calls: a sheet of figures in, sprites and a measured report out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from imagegen_magic.errors import CutoutError, OptionError, Problem
from imagegen_magic.facts.sizes import read_cell
from imagegen_magic.matting.arrays import Bytes
from imagegen_magic.matting.cutout import Cutout, Picture, cutout
from imagegen_magic.matting.report import THRESHOLDS, Check
from imagegen_magic.metadata.derived import Source

from .arguments import check_arguments
from .cells import Asked, Grid, Layout, assign_cells, parts_apart
from .checks import Drift, SheetReport, check_frames, check_layout, drift_of
from .figures import Figure, cut_figures, cut_objects, figure_of
from .palette import PaletteChoice, to_hex
from .parts import SOLID, Parts, find_parts
from .pixels import PixelFigures, pixel_figures
from .placing import Ground, Placement, ground_lines, place, reach_of, settle_ground, settle_placement, whole_pixels
from .ruling import ground_in_cells, without_lines
from .sprites import Sprites, spread_times

__all__ = ["asked_of", "slice_objects", "slice_sheet"]

Size: TypeAlias = "tuple[int, int]"
Standing: TypeAlias = "list[tuple[Figure, int]]"
"""Figures, each with its row on the sheet."""
MARGIN = 1 / 16
KEY_HINTS = ("is the key colour right? key='auto' takes the border's",)
OBJECT_GAP = 0.004
"""Parts of an object may be this share of the sheet's longer edge apart."""


def slice_sheet(
    image: Picture,
    *,
    frames: int | None = None,
    columns: int | None = None,
    rows: int | None = None,
    cell: str | Size | None = None,
    pixel_art: bool = False,
    palette: PaletteChoice = None,
    pitch: float | None = None,
    ground: Ground = "auto",
    like: Sprites | None = None,
    margin: float = MARGIN,
    key: str = "auto",
    name: str = "sprite",
    fps: float = 10,
    loops: bool = True,
) -> Sprites:
    """The frames of a sheet: found, cut out with one key for the whole sheet, anchored, scaled and checked.

    `image` is anything that `cutout` takes; a sheet that is transparent already stays as it is. The grid is `columns` by
    `rows`, `frames` of whose cells hold a figure; what is left out is found, and what differs is reported.

    Args:
        cell: the exact size of a frame, `64x64` or (64, 64), in pixels; without it frames keep the sheet's scale.
        pixel_art: finds the painted lattice and makes one real pixel of each of its blocks.
        palette: for pixel art: a number of colours, a name (`pico-8`), a .gpl, .hex, .pal or .act file, or colours.
        pitch: for pixel art: pixels of the sheet for one of the art, taken at its word.
        ground: `feet` sets every frame on its feet, `row` keeps the height of a jump above the lowest feet of its row,
            `auto` decides by the name and by how far feet are apart.
        like: sprites whose cell, scale and pivot these get too, so that the same hero can change its animation.
        margin: the share of a cell, on each side, that stays empty.
        key: the backdrop's colour; `auto` takes what fills the border.
        name: what frames are called, and by `idle`, `jump` and the like what is to be expected of their feet.
        fps: frames a second.
        loops: False for what is played once, such as an attack.

    Raises:
        CutoutError: there is no flat backdrop, or no figure on it.
        OptionError: a size, a grid or a palette cannot be used.

    Example:
        >>> walk = slice_sheet("walk.png", frames=6, columns=6, cell="64x64", name="walk")  # doctest: +SKIP
        >>> walk.frames[0].size, walk.report.ok  # doctest: +SKIP
        ((64, 64), True)
    """
    check_arguments("the sheet can't be sliced", pitch=pitch, ground=ground, margin=margin)
    size, found = _cell_size(cell, like), _find(image, asked_of(frames, columns, rows), key)
    art = _real_pixels(found, size, palette, pitch, settle_ground(ground, found.present, name)) if pixel_art else None
    standing = found.standing if art is None else found.with_figures(art.figures)
    figures = [figure for figure, _ in standing]
    grounds = ground_lines(figures, [row for _, row in standing], settle_ground(ground, figures, name))
    stand = _Stand(standing, grounds, _placement(standing, grounds, size, like, margin=margin, pixel_art=pixel_art))
    pixels = _placed(found, stand, nearest=pixel_art)
    sprites = Sprites(
        name=name,
        pixels=pixels,
        durations=spread_times(len(pixels), fps),
        loops=loops,
        pivot=stand.placement.pivot,
        columns=found.layout.grid.columns,
        pixel_art=pixel_art,
        report=_report(found, art, pixels, stand, loops=loops),
        placement=stand.placement,
        key=found.key,
        sources=found.sources,
    )
    return sprites if art is None else _with_art(sprites, art)


def _with_art(sprites: Sprites, art: PixelFigures) -> Sprites:
    return replace(sprites, palette=to_hex(art.palette), pitch=(art.lattice.x, art.lattice.y))


def slice_objects(
    image: Picture, *, padding: int = 2, gap: int | None = None, key: str = "auto", name: str = "object"
) -> Sprites:
    """The free-standing objects of an asset sheet, each in an image of its own, in reading order.

    Args:
        padding: clear pixels around each object.
        gap: parts at most this many pixels apart are one object; None takes 0.4 % of the sheet's longer edge.

    Raises:
        CutoutError: there is no flat backdrop, or nothing on it.
        OptionError: a padding or a gap cannot be used.
    """
    check_arguments("the objects can't be cut", padding=padding, gap=gap)
    cut = cutout(image, key=key)
    sheet = cut.rgba
    joined = round(OBJECT_GAP * max(sheet.shape[:2])) if gap is None else gap
    parts = find_parts(sheet[..., 3], joined_within=joined)
    figures = cut_objects(sheet, parts)
    if not figures:
        raise CutoutError("there is nothing on this sheet", hints=KEY_HINTS)
    still = Drift(x=0.0, y=0.0, most=0.0)
    count = Check(
        name="objects",
        status="pass",
        value=len(figures),
        sentence=f"{len(figures)} objects; {parts.specks} specks left out",
    )
    grid = Grid(columns=len(figures), rows=1, count=len(figures))
    return Sprites(
        name=name,
        pixels=tuple(_padded(figure, padding) for figure in figures),
        durations=(1000,) * len(figures),
        report=SheetReport(checks=(count,), before=still, after=still, loop=None, grid=grid),
        key=cut.key,
        sources=cut.sources,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """A sheet that was cut out, and the figure of each of its frames, None if there is none."""

    sheet: Bytes
    key: str | None
    layout: Layout
    figures: tuple[Figure | None, ...]
    sources: tuple[Source, ...]
    stray: tuple[Check, ...] = ()

    @property
    def standing(self) -> Standing:
        """The figures that there are, each with its row."""
        pairs = zip(self.figures, self.layout.slots, strict=True)
        return [(figure, slot.row) for figure, slot in pairs if figure is not None]

    @property
    def present(self) -> list[Figure]:
        """The figures that there are."""
        return [figure for figure in self.figures if figure is not None]

    def with_figures(self, figures: Sequence[Figure]) -> Standing:
        """Other figures in place of those that there are."""
        return [(figure, row) for figure, (_, row) in zip(figures, self.standing, strict=True)]


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where figures stand: on which ground, and how they are placed."""

    standing: Standing
    grounds: Sequence[float]
    placement: Placement


def _placed(found: _Found, stand: _Stand, *, nearest: bool) -> tuple[Bytes, ...]:
    """Every frame with its figure on its ground; a frame without a figure is empty."""
    on_ground = zip(stand.standing, stand.grounds, strict=True)
    placed = iter([place(figure, y, stand.placement, nearest=nearest) for (figure, _), y in on_ground])
    return tuple(next(placed) if figure else place(None, 0, stand.placement) for figure in found.figures)


def _find(image: Picture, said: Asked, key: str) -> _Found:
    cut = cutout(image, key=key)
    ground = ground_in_cells(cut.rgba) if key == "auto" else None
    if ground is not None:
        cut = cutout(image, key=ground)
    clean = without_lines(cut.rgba)
    sheet = cut.rgba if clean is None else clean
    parts = find_parts(sheet[..., 3])
    if not parts.parts:
        raise CutoutError("there is no figure on this sheet", hints=KEY_HINTS)
    layout = assign_cells(parts, said)
    figures = cut_figures(sheet, parts, layout)
    lines = clean is not None or ground is not None
    stray = (*_tints(cut), *_stray(parts, layout, lines))
    return _Found(sheet, cut.key, layout, figures, cut.sources, stray)


def _tints(cut: Cutout) -> Iterator[Check]:
    """Why colours along the edges may be off; the cut-out's whole report would take as long as all the rest."""
    if cut.backdrop is not None and cut.backdrop.compressed:
        sentence = "saved with colours of half the resolution (JPEG or lossy WebP): edges may keep a tint; take a PNG if there is one"
        yield Check(name="compression", status="warn", value=1, sentence=sentence)
    if cut.spill > THRESHOLDS.light_taken:
        sentence = (
            f"the backdrop lit the figures with {cut.spill:.0%} of its colour; the colours near the edge are estimates"
        )
        yield Check(name="key_light", status="warn", value=cut.spill, sentence=sentence)


def _stray(parts: Parts, layout: Layout, lines: bool) -> Iterator[Check]:
    """What was painted besides figures: lines, which are left out, and texts or other things, which are kept."""
    if lines:
        sentence = "lines are painted between the cells: left out; look where a figure touches one"
        yield Check(name="lines", status="warn", value=1, sentence=sentence)
    if apart := parts_apart(parts, layout):
        frames = f"frame{'s' if len(apart) > 1 else ''} {', '.join(map(str, apart))}"
        sentence = f"{frames} with something beside the figure, which is kept: a label, an effect?"
        yield Check(name="beside", status="warn", value=len(apart), sentence=sentence)


def asked_of(frames: int | None, columns: int | None, rows: int | None) -> Asked:
    """What those numbers say of a sheet's grid; None leaves it to the sheet.

    Raises:
        OptionError: no whole number from 1 on, or more frames than cells.
    """
    check_arguments("the grid can't be used", frames=frames, columns=columns, rows=rows)
    cells = columns * rows if columns and rows else None
    if cells is not None and frames is not None and frames > cells:
        rule = f"{columns} columns and {rows} rows hold {cells} frames"
        raise OptionError(
            "the grid can't be used",
            problems=(Problem(field="frames", value=frames, rule=rule, fix=f"frames={cells}"),),
        )
    return Asked(count=cells if frames is None else frames, columns=columns, rows=rows)


def _cell_size(cell: str | Size | None, like: Sprites | None) -> Size | None:
    if cell is not None:
        return read_cell(cell)
    return None if like is None else like.size


def _real_pixels(
    found: _Found, size: Size | None, palette: PaletteChoice, pitch: float | None, ground: Ground
) -> PixelFigures:
    rows = [row for _, row in found.standing]
    left, right, up, down = reach_of(found.present, ground_lines(found.present, rows, ground))
    return pixel_figures(found.present, reach=(left + right, up + down), cell=size, palette=palette, pitch=pitch)


def _placement(
    standing: Standing,
    grounds: Sequence[float],
    size: Size | None,
    like: Sprites | None,
    *,
    margin: float,
    pixel_art: bool,
) -> Placement:
    if like is not None and like.placement is not None:
        return like.placement
    figures = [figure for figure, _ in standing]
    settled = settle_placement(figures, grounds, cell=size, margin=0.0 if pixel_art else margin)
    return whole_pixels(settled, figures, grounds) if pixel_art else settled


def _padded(figure: Figure, padding: int) -> Bytes:
    left, top = figure.box.left - figure.origin[0], figure.box.top - figure.origin[1]
    tight = figure.pixels[top : top + figure.box.height, left : left + figure.box.width]
    return np.pad(tight, ((padding, padding), (padding, padding), (0, 0)))


def _report(
    found: _Found, art: PixelFigures | None, pixels: Sequence[Bytes], stand: _Stand, *, loops: bool
) -> SheetReport:
    size = found.sheet.shape[1], found.sheet.shape[0]
    checks = check_layout(found.layout, found.figures, size, keyed=found.key is not None)
    checks += found.stray
    if art is not None:
        checks.append(_lattice_check(art))
    checks += check_frames(pixels, loops=loops)
    unit = 1.0 if art is None else art.lattice.x
    before, after = _naive_drift(found), _drift_after(pixels, stand, unit)
    sentence = f"{before} in equal cells; {after} in the frames made"
    checks.append(Check(name="drift", status="pass", value=after.most, sentence=sentence))
    loop = next((check.value for check in checks if check.name == "loop"), None)
    return SheetReport(checks=tuple(checks), before=before, after=after, loop=loop, grid=found.layout.grid)


def _naive_drift(found: _Found) -> Drift:
    """How the figures stand in the cells of the equal grid: what slicing without looking would give."""
    pairs = [(f, slot) for f, slot in zip(found.figures, found.layout.slots, strict=True) if f is not None]
    return drift_of((figure.core - slot.cell.left, figure.foot - slot.cell.top) for figure, slot in pairs)


def _drift_after(pixels: Sequence[Bytes], stand: _Stand, unit: float) -> Drift:
    """How the finished frames stand, measured on them anew, in pixels of the sheet; a jump's height is not drift."""
    scale = stand.placement.scale / unit
    shown = [figure_of(frame, (0, 0)) for frame in pixels if (frame[..., 3] >= SOLID).any()]
    lifts = [(f.foot - y) * stand.placement.scale for (f, _), y in zip(stand.standing, stand.grounds, strict=True)]
    return drift_of((f.core / scale, (f.foot - lift) / scale) for f, lift in zip(shown, lifts, strict=False))


def _lattice_check(art: PixelFigures) -> Check:
    pitch, sure = (art.lattice.x + art.lattice.y) / 2, art.lattice.confidence
    if art.reduced and art.lattice.found:
        sentence = f"the figures have more pixels than the cell: sampled anew at {pitch:.1f} px a pixel; use a larger cell to keep them"
        return Check(name="lattice", status="warn", value=sure, sentence=sentence)
    if art.reduced:
        sentence = (
            f"no lattice found ({sure:.2f}): sampled on an even grid of {pitch:.1f} px; give pitch= if you know it"
        )
        return Check(name="lattice", status="warn", value=sure, sentence=sentence)
    width, height = (max(edges) for edges in zip(*((f.box.width, f.box.height) for f in art.figures), strict=True))
    sentence = f"blocks of {art.lattice.x:.1f} x {art.lattice.y:.1f} px ({sure:.2f}); figures of up to {width} x {height} pixels"
    return Check(name="lattice", status="pass", value=sure, sentence=sentence)
