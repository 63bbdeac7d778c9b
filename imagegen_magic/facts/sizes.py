"""Picture sizes: presets, ratios, and the legal size nearest to a wish.

A size here is (width, height) in pixels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator

from imagegen_magic.errors import OptionError, Problem

from .catalog import FlexibleSizes, Limits, Model
from .words import foreign_values

__all__ = [
    "PRESETS",
    "flexible_faults",
    "format_grid",
    "format_size",
    "frame_size",
    "gif_grid",
    "meant_size",
    "nearest_frame",
    "nearest_sizes",
    "parse_size",
    "read_cell",
    "read_pixels",
    "sheet_faults",
    "sheet_size",
    "solve_ratio",
]

PRESETS: dict[str, str] = {
    "square": "1024x1024",
    "landscape": "1536x1024",
    "portrait": "1024x1536",
    "wide": "2048x1152",
    "tall": "1152x2048",
    "2k": "2048x1152",
    "2k-square": "2048x2048",
    "2k-portrait": "1152x2048",
    "4k": "3840x2160",
    "4k-portrait": "2160x3840",
}
"""Names for sizes; the popular ones of the image API quick reference."""

_PIXELS = re.compile(r"(\d{1,6})\s*[xX\u00d7]\s*(\d{1,6})")
_RATIO = re.compile(r"(\d{1,3}(?:\.\d+)?):(\d{1,3}(?:\.\d+)?)(?:@([124]k))?", re.IGNORECASE)
# "1k" keeps the area of 1024x1024, because a long edge of 1024 is below the smallest legal area for most ratios.
_LONG_EDGE = {"2k": 2048, "4k": 3840}
_AREA_1K = 1024 * 1024


def read_pixels(text: str) -> tuple[int, int] | None:
    """(width, height) of a `WIDTHxHEIGHT` text, or None if it is not of that form."""
    match = _PIXELS.fullmatch(text.strip())
    return (int(match[1]), int(match[2])) if match else None


def format_size(size: tuple[int, int]) -> str:
    """`WIDTHxHEIGHT`, as the API spells it."""
    return f"{size[0]}x{size[1]}"


def format_grid(columns: int, rows: int) -> str:
    """The grid in words: `one row`, `one column`, or `3 columns and 2 rows`."""
    return "one row" if rows == 1 else "one column" if columns == 1 else f"{columns} columns and {rows} rows"


def read_cell(cell: str | int | tuple[int, int]) -> tuple[int, int]:
    """(width, height) of a sprite's cell: `64x64`, `64`, 64 or a pair of numbers, each from 4 to 4096 pixels.

    Raises:
        OptionError: it is none of these.
    """
    word = str(cell).strip()
    pair = tuple(cell) if isinstance(cell, (tuple, list)) else read_pixels(f"{word}x{word}" if word.isdigit() else word)
    if pair is None or len(pair) != 2 or not all(isinstance(edge, int) and 4 <= edge <= 4096 for edge in pair):
        rule = "WIDTHxHEIGHT in pixels, each from 4 to 4096"
        problem = Problem(field="cell", value=cell, rule=rule, fix="for example 64x64")
        raise OptionError("the cell can't be used", problems=(problem,))
    return pair[0], pair[1]


def parse_size(text: str, model: Model, rule: FlexibleSizes) -> str | None:
    """The size as the API spells it: `auto`, `WxH`, a preset's or a ratio's (`16:9`, `16:9@2k`) solution.

    Returns None if the text is none of these. A `WxH` passes as it is, legal or not: only ratios are solved.
    """
    word = text.strip().lower()
    if word == "auto":
        return word
    if word in PRESETS:
        return PRESETS[word]
    if (pixels := read_pixels(word)) is not None:
        return format_size(pixels)
    if match := _RATIO.fullmatch(word):
        width, height = float(match[1]), float(match[2])
        if min(width, height) <= 0:
            return None
        return _solve(width / height, (match[3] or "1k").lower(), model, rule)
    return None


def _solve(ratio: float, scale: str, model: Model, rule: FlexibleSizes) -> str:
    if model.known and not model.flexible_sizes and model.sizes:
        return min(model.sizes, key=lambda size: _ratio_error(size, ratio))
    return format_size(solve_ratio(ratio, scale, rule))


def _ratio_error(size: str, ratio: float) -> float:
    width, height = read_pixels(size) or (1, 1)
    return abs(math.log(width / height / ratio))


def solve_ratio(ratio: float, scale: str, rule: FlexibleSizes) -> tuple[int, int]:
    """The legal (width, height) whose ratio is nearest to `ratio` at the scale `1k`, `2k` or `4k`.

    A ratio beyond the rule's 3:1 gives the nearest legal one; the caller shows what came out.
    """
    return min(_legal_sizes(rule), key=_distance(ratio, scale))


def _distance(ratio: float, scale: str) -> Callable[[tuple[int, int]], float]:
    """How far a size is from a ratio, and less so from a scale."""

    def distance(size: tuple[int, int]) -> float:
        width, height = size
        if scale in _LONG_EDGE:
            off = abs(math.log(max(size) / _LONG_EDGE[scale]))
        else:
            off = abs(math.log(width * height / _AREA_1K)) / 2
        return 8 * abs(math.log(width / height / ratio)) + off

    return distance


def _legal_sizes(rule: FlexibleSizes) -> Iterator[tuple[int, int]]:
    """Every legal size of the flexible rule (about 26,000)."""
    step = rule.multiple
    for width in range(step, rule.max_edge + 1, step):
        low = max(step, math.ceil(max(rule.min_pixels / width, width / rule.max_ratio) / step) * step)
        high = min(rule.max_edge, rule.max_pixels // width, width * rule.max_ratio)
        for height in range(low, high + 1, step):
            yield width, height


def flexible_faults(size: tuple[int, int], rule: FlexibleSizes) -> list[str]:
    """Every clause of the flexible size rule that `size` breaks, as sentences; empty for a legal size."""
    width, height = size
    faults = []
    if min(size) < 1:
        return ["both edges must be at least 1 pixel"]
    odd = [str(edge) for edge in dict.fromkeys(size) if edge % rule.multiple]
    if odd:
        faults.append(
            f"both edges must be multiples of {rule.multiple} ({' and '.join(odd)} {'is' if len(odd) == 1 else 'are'} not)"
        )
    if max(size) > rule.max_edge:
        faults.append(f"the longest edge must be at most {rule.max_edge} px")
    ratio = max(size) / min(size)
    if ratio > rule.max_ratio:
        faults.append(f"ratio {ratio:.2f}:1 is above {rule.max_ratio}:1")
    if width * height < rule.min_pixels:
        faults.append(f"{width * height:,} pixels are below {rule.min_pixels:,}")
    if width * height > rule.max_pixels:
        faults.append(f"{width * height:,} pixels are above {rule.max_pixels:,}")
    return faults


def sheet_size(
    columns: int, rows: int, shape: float, edge: int, model: Model, rule: FlexibleSizes
) -> tuple[int, int] | None:
    """The legal size that divides into so many equal cells of whole pixels, or None if the model has none.

    Of all such sizes it is the one whose cells come nearest to `shape` (width by height), then to `edge` pixels on their
    longer edge. A row of n cells can't be wider than the rule's ratio: its cells are at least n/3 times as tall as wide.

    >>> from imagegen_magic.facts.catalog import load_catalog
    >>> catalog = load_catalog()
    >>> sheet_size(6, 1, 1.0, 512, catalog.get(None), catalog.limits.flexible)
    (1536, 512)
    """
    fixed = model.known and not model.flexible_sizes and model.sizes
    sizes = [read_pixels(text) or (0, 0) for text in model.sizes] if fixed else _legal_sizes(rule)

    def badness(size: tuple[int, int]) -> float:
        width, height = size[0] / columns, size[1] / rows
        return 4 * abs(math.log(width / height / shape)) + abs(math.log(max(width, height) / edge))

    return min((s for s in sizes if min(s) and not s[0] % columns and not s[1] % rows), key=badness, default=None)


def gif_grid(frames: int, limits: Limits) -> tuple[int, int]:
    """(columns, rows) of the sheet on which a gif's frames are drawn, and by which it is billed."""
    _, columns, rows = next((sheet for sheet in limits.gif_sheets if frames <= sheet[0]), limits.gif_sheets[-1])
    return columns, rows


def sheet_faults(size: tuple[int, int], frames: int, limits: Limits) -> list[str]:
    """Every clause that a gif of frames of this size breaks, as sentences; empty for a legal one."""
    columns, rows = gif_grid(frames, limits)
    step = limits.flexible.multiple
    if odd := [str(edge) for edge in dict.fromkeys(size) if edge % step or edge < 1]:
        return [
            f"both edges of a frame must be multiples of {step} ({' and '.join(odd)} {'is' if len(odd) == 1 else 'are'} not)"
        ]
    sheet = (size[0] * columns, size[1] * rows)
    return [f"the sheet is {format_size(sheet)}, and {fault}" for fault in flexible_faults(sheet, limits.flexible)]


def frame_size(text: str, frames: int, limits: Limits) -> str | None:
    """The legal frame size that a ratio (`16:9`, `16:9@2k`) means for a gif of so many frames.

    Returns None if it is no ratio, or if no sheet has frames of that shape: up to 8 frames stand in 4 columns and 2 rows,
    and must not be wider than 3:2.

    >>> from imagegen_magic.facts.catalog import load_catalog
    >>> frame_size("16:9", 9, load_catalog().limits)
    '1280x720'
    """
    match = _RATIO.fullmatch(text.strip())
    if match is None or min(float(match[1]), float(match[2])) <= 0:
        return None
    ratio = float(match[1]) / float(match[2])
    size = format_size(min(_legal_frames(frames, limits), key=_distance(ratio, (match[3] or "1k").lower())))
    return size if _ratio_error(size, ratio) <= _SAME_SHAPE else None


_SAME_SHAPE = 0.05
"""Shapes that differ by less, as a share, are the one that was asked for: edges are multiples of 16."""


def _legal_frames(frames: int, limits: Limits) -> Iterator[tuple[int, int]]:
    """Every legal frame size of a gif of so many frames; of a number that is refused, those of the nearest one that is not."""
    fewest, most = limits.frame_count
    count = min(max(frames, fewest), most)
    step = limits.flexible.multiple
    edges = range(step, limits.flexible.max_edge // 2 + 1, step)
    return ((w, h) for w in edges for h in edges if not sheet_faults((w, h), count, limits))


def nearest_frame(size: tuple[int, int], frames: int, limits: Limits) -> tuple[int, int]:
    """The legal frame size nearest to `size` for so many frames; of equally near ones the one of the same shape."""
    width, height = max(1, size[0]), max(1, size[1])

    def distance(frame: tuple[int, int]) -> float:
        off = math.hypot(math.log(frame[0] / width), math.log(frame[1] / height))
        return off + 4 * abs(math.log(frame[0] / frame[1] / (width / height)))

    return min(_legal_frames(frames, limits), key=distance)


def meant_size(text: str, model: Model, rule: FlexibleSizes) -> str | None:
    """The legal size that a text in another notation stands for: `1024*768`, `(1024, 768)`, `1024px`, `16/9`, `1080p`.

    Returns None if it holds neither one or two numbers nor a known word.
    """
    word = text.strip().lower()
    numbers = [
        min(float(n), _LARGEST_EDGE) for n in re.findall(r"\d+(?:\.\d+)?", foreign_values("size").get(word, word))
    ][:3]
    if not numbers or len(numbers) > 2 or min(numbers) <= 0:
        return None
    width, height = numbers * 2 if len(numbers) == 1 else numbers
    if max(width, height) >= _SMALLEST_EDGE:
        return nearest_sizes((round(width), round(height)), model, rule)[0]
    return f"{width:g}:{height:g}" if len(numbers) == 2 else None


_SMALLEST_EDGE = 64
"""Numbers below are a ratio."""
_LARGEST_EDGE = 1e6
"""Nothing larger is meant: a number of hundreds of digits is infinite as a float."""


def nearest_sizes(size: tuple[int, int], model: Model, rule: FlexibleSizes) -> tuple[str, ...]:
    """One or two legal sizes nearest to `size`; what keeps its shape (within 2 %) stands before what does not."""
    width, height = max(1, size[0]), max(1, size[1])
    if model.known and not model.flexible_sizes and model.sizes:
        return tuple(sorted(model.sizes, key=lambda text: _ratio_error(text, width / height))[:2])

    def distance(legal: tuple[int, int]) -> float:
        return math.hypot(math.log(legal[0] / width), math.log(legal[1] / height))

    by_shape = min(_legal_sizes(rule), key=lambda s: 4 * abs(math.log(s[0] / s[1] / (width / height))) + distance(s))
    by_edges = min(_legal_sizes(rule), key=distance)
    near = dict.fromkeys(format_size(s) for s in (by_edges, by_shape))
    return tuple(sorted(near, key=lambda text: _ratio_error(text, width / height) > 0.02))
