"""A sprite sheet as a request: its grid, the size that divides into equal cells, and the clause that asks for it.

Rules of the clause by public tools that make sprites with image models (read 2026-11-26): the count and the place of every
frame said twice, poses by limbs, one size and one ground line, the style first and the rules last; with a reference the
figure is not described anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from imagegen_magic.errors import Fix, OptionError, Problem, Setting
from imagegen_magic.facts.animations import Animation, find_animation, load_animations
from imagegen_magic.facts.catalog import Catalog, Model
from imagegen_magic.facts.sizes import format_grid, format_size, parse_size, read_cell, read_pixels, sheet_size
from imagegen_magic.options.options import Options

__all__ = ["LAYOUTS", "Sheet", "default_grid", "frame_cell", "plan_sheet", "read_layout", "sheet_clause"]

LAYOUTS = ("row", "grid")
"""Layouts by name; `3x2`, columns by rows, is one too."""
ROW_FRAMES = 6
"""Up to so many frames stand in one row if no layout is given; cells of a longer row would be too narrow."""
MOST_FRAMES = 16
SURE_FRAMES = 8
"""More frames than this are often repeated or left out (public reports, 2026-11-26)."""
CELL_EDGE = 512
"""Pixels of the longer edge of a cell if no size is given."""
SMALLEST_BLOCK = 4
"""A block of pixel art smaller than this, in pixels of the sheet, is not worth asking for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet as it is asked for: `frames` figures in `columns` by `rows` equal cells of a picture of `size` pixels."""

    columns: int
    rows: int
    frames: int
    size: tuple[int, int]
    animation: Animation | None = None
    pixel_art: bool = False
    referenced: bool = False
    """True if the figure is that of an input image."""
    cell: tuple[int, int] | None = None
    """Width and height of a finished frame in pixels; None keeps the sheet's scale."""

    @property
    def slot(self) -> tuple[int, int]:
        """Width and height of a cell on the sheet, in pixels."""
        return self.size[0] // self.columns, self.size[1] // self.rows

    @property
    def block(self) -> int:
        """Pixels of the sheet for one of the finished pixel art; 0 if it is none, or its cell is not known."""
        return self.slot[1] // self.cell[1] if self.pixel_art and self.cell else 0

    def __str__(self) -> str:
        place, cells = format_grid(self.columns, self.rows), f"cells of {format_size(self.slot)} px"
        made = f", made into frames of {format_size(self.cell)} px" if self.cell else ""
        return f"{self.frames} frames in {place}: a sheet of {format_size(self.size)}, {cells}{made}"


def plan_sheet(options: Options, catalog: Catalog) -> tuple[Options, Sheet | None, list[Problem]]:
    """The options with the sheet's size and a cut-out, the sheet, and every fault; the sheet is None if there are any.

    The size is the model's own legal one that divides into equal cells of whole pixels; a size that was given is used
    as it is, or is a fault. Frames and layout count as given, so that the history knows how the sheet is to be cut.
    """
    animation = find_animation(options.animation)
    frames = options.frames or (animation.frames if animation else ROW_FRAMES)
    problems = _faults(options, frames)
    grid = _grid(options.layout, frames, problems)
    cell = _cell(frame_cell(options), problems)
    model = catalog.get(options.model)
    size = None if grid is None else _size(options, grid, cell, model, catalog, problems)
    if problems or grid is None or size is None:
        return options, None, problems
    sheet = Sheet(
        columns=grid[0],
        rows=grid[1],
        frames=frames,
        size=size,
        animation=animation,
        pixel_art=options.pixel_art is not None,
        referenced=bool(options.ref),
        cell=cell,
    )
    changed = options.changed("sheet", size=format_size(size), transparent=options.transparent or "chroma")
    return changed.changed("line", frames=frames, layout=f"{sheet.columns}x{sheet.rows}"), sheet, []


def frame_cell(options: Options) -> str | None:
    """The exact size of a finished frame: the cell's, or that of its pixel art."""
    return options.cell or (options.pixel_art if options.pixel_art != "auto" else None)


def _faults(options: Options, frames: int) -> list[Problem]:
    """Options that no sheet can be made with."""
    one = "a sheet is one still image, for one request"
    faults = []
    if not 2 <= frames <= MOST_FRAMES:
        rule = f"2 to {MOST_FRAMES} frames on one sheet"
        faults.append(Problem(field="frames", value=frames, rule=rule, fix=Fix(Setting("--frames", "6"))))
    if (options.n or 1) != 1:
        faults.append(Problem(field="n", value=options.n, rule=one, fix="leave it out"))
    if options.output_format in ("gif", "svg"):
        gif = ("; ", Setting("--export", "gif"), " writes the finished animation")
        fix = Fix("leave it out", *(gif if options.output_format == "gif" else ()))
        faults.append(Problem(field="output_format", value=options.output_format, rule=one, fix=fix))
    if options.mask is not None or options.mask_box is not None:
        faults.append(Problem(field="mask", rule="a sheet is not made with a mask", fix=Fix("leave it out")))
    return faults


def _cell(given: object, problems: list[Problem]) -> tuple[int, int] | None:
    try:
        return None if given is None else read_cell(given)  # type: ignore[arg-type]  # what else it may be is refused there
    except OptionError as error:
        problems += error.problems
        return None


def _grid(given: str | None, frames: int, problems: list[Problem]) -> tuple[int, int] | None:
    """(columns, rows) for so many frames; what can't hold them joins `problems`."""
    try:
        grid = read_layout(given, frames)
    except OptionError as error:
        problems += error.problems
        return None
    if grid[0] * grid[1] >= frames:
        return grid
    rule = f"it holds {grid[0] * grid[1]} frames, not {frames}"
    columns, rows = default_grid(frames)
    fix = Fix(Setting("--layout", f"{columns}x{rows}"))
    problems.append(Problem(field="layout", value=given, rule=rule, fix=fix))
    return None


def read_layout(given: str | None, frames: int) -> tuple[int, int]:
    """(columns, rows) of a layout for so many frames; without one a row for up to 6, a grid for more.

    >>> read_layout("row", 4), read_layout("grid", 6), read_layout("4x3", 10)
    ((4, 1), (3, 2), (4, 3))

    Raises:
        OptionError: it is neither `row`, `grid` nor COLUMNSxROWS.
    """
    word = given.strip().lower() if given else "row" if frames <= ROW_FRAMES else "grid"
    if word in LAYOUTS:
        return (frames, 1) if word == "row" else default_grid(frames)
    grid = read_pixels(word)
    if grid is None or not all(1 <= edge <= 64 for edge in grid):
        fix = Fix(Setting("--layout", "row", ("grid", "3x2")))
        problem = Problem(field="layout", value=given, rule="row, grid, or COLUMNSxROWS", fix=fix)
        raise OptionError("the layout can't be used", problems=(problem,))
    return grid


def default_grid(frames: int) -> tuple[int, int]:
    """(columns, rows) with at least two rows if there are enough frames, few empty cells, and no long rows.

    >>> [default_grid(count) for count in (2, 4, 5, 6, 8, 9, 12, 16)]
    [(2, 1), (2, 2), (3, 2), (3, 2), (4, 2), (3, 3), (4, 3), (4, 4)]
    """
    if frames < 4:
        return frames, 1
    grids = [(-(-frames // rows), rows) for rows in range(2, frames // 2 + 1)]
    return min(
        (grid for grid in grids if grid[0] >= grid[1]), key=lambda g: 3 * (g[0] * g[1] - frames) + abs(g[0] - g[1])
    )


def _size(
    options: Options,
    grid: tuple[int, int],
    cell: tuple[int, int] | None,
    model: Model,
    catalog: Catalog,
    problems: list[Problem],
) -> tuple[int, int] | None:
    rule = catalog.limits.flexible
    shape = cell[0] / cell[1] if cell else 1.0
    best = sheet_size(*grid, shape, max(CELL_EDGE, *(cell or (0,))), model, rule)
    if best is None:
        fix = Fix(Setting("--layout", "grid", ("3x2",)), ", or another ", Setting("--frames", "6"))
        text = f"no size of {model.id} divides into {grid[0]} x {grid[1]} equal cells"
        problems.append(Problem(field="layout", value=options.layout, rule=text, fix=fix))
        return None
    if options.size is None or options.origins.get("size") != "line":
        return best
    given = read_pixels(parse_size(options.size, model, rule) or "")
    if given and not given[0] % grid[0] and not given[1] % grid[1]:
        return given
    text = f"it does not divide into {grid[0]} x {grid[1]} cells of whole pixels"
    near = (
        best if given is None else sheet_size(*grid, shape, max(given[0] // grid[0], given[1] // grid[1]), model, rule)
    )
    fix = Fix(Setting("--size", format_size(near or best)), ", or leave it out")
    problems.append(Problem(field="size", value=options.size, rule=text, fix=fix))
    return None


def sheet_clause(sheet: Sheet) -> str:
    """The paragraphs that ask for the sheet, to be appended to a prompt before the key colour's."""
    return "\n".join([_place(sheet), *_poses(sheet), _figure(sheet), _style(sheet)]).strip()


def _place(sheet: Sheet) -> str:
    count, (width, height) = sheet.frames, sheet.slot
    if sheet.rows == 1:
        place = f"side by side in one single row: {sheet.columns} columns and 1 row"
    else:
        place = f"in a grid of {sheet.columns} columns and {sheet.rows} rows, read from left to right and from top to bottom"
    left = sheet.columns * sheet.rows - count
    empty = f" The last {left} {'cell stays' if left == 1 else 'cells stay'} empty." if left else ""
    return (
        f"This is a sprite sheet of exactly {count} frames: the same single figure, drawn {count} times, {place}. "
        f"Each frame fills an invisible cell of {width}x{height} pixels and has one whole figure in its middle, "
        f"about 75 % as tall as the cell or as wide, with clear backdrop on all sides.{empty}"
    )


def _poses(sheet: Sheet) -> list[str]:
    """The animation and the pose of each frame that is known."""
    if sheet.animation is None:
        return []
    poses = sheet.animation.poses(sheet.frames)
    lines = [f"{number}. {pose}" for number, pose in enumerate(poses, 1) if pose]
    between = " The others lie evenly between these." if len(lines) < sheet.frames and lines else ""
    end = "The last leads back into the first." if sheet.animation.loops else "It is played once."
    head = f"Together the frames show {sheet.animation.title}. {end}{between}"
    return [head, *lines]


def _figure(sheet: Sheet) -> str:
    """What stays the same in all frames."""
    who = "The figure is the one of image 1, in its own design, colours and proportions. " if sheet.referenced else ""
    ground = "The feet of all frames of a row are on one line."
    if sheet.animation and sheet.animation.ground == "row":
        ground = "The ground is on one line in all frames of a row, and the feet are above it only in the air."
    return f"{who}Every frame has the same view, the same size, the same colours and the same outfit; only the pose changes. {ground}"


def _style(sheet: Sheet) -> str:
    only = "Only these figures are drawn: no grid lines, borders, numbers, letters, shadows, glow, motion blur or loose pieces."
    if not sheet.pixel_art:
        return only
    block = f" of {sheet.block}x{sheet.block} pixels each" if sheet.block >= SMALLEST_BLOCK else ""
    return f"Pixel art: equal square blocks{block} on one lattice, one flat colour a block, a few colours in all, hard edges. {only}"


def sheet_warnings(sheet: Sheet) -> list[str]:
    """What to know before the sheet is paid for."""
    notes: list[str] = []
    if sheet.frames > SURE_FRAMES:
        notes.append(
            Fix(
                f"sheets of more than {SURE_FRAMES} frames often repeat or leave out some: ",
                Setting("--frames", "6"),
                " is more reliable",
            )
        )
    if sheet.cell and (sheet.cell[0] > sheet.slot[0] or sheet.cell[1] > sheet.slot[1]):
        slot, cell = format_size(sheet.slot), format_size(sheet.cell)
        notes.append(f"a cell of this sheet has {slot} px: frames of {cell} will be enlarged")
    return notes


def known_animations() -> tuple[str, ...]:
    """The names of the animations whose poses are known."""
    return tuple(load_animations())
