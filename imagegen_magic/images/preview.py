"""Small pictures for notebooks: previews, contact sheets, pairs, scaled copies. Files on disk are only read.

A preview adds at most 200 KB to a notebook whatever the picture's size: PNG if the picture has alpha, JPEG otherwise.
WebP would be smaller, but nbconvert can't show it.
"""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

from imagegen_magic.errors import OptionError

from .opening import decoding, open_image

__all__ = [
    "MAX_BYTES",
    "Preview",
    "compose_sheet",
    "contact_sheet",
    "encode_sheet",
    "live_preview",
    "preview",
    "preview_of",
    "scaled",
    "sheet_columns",
    "side_by_side",
    "thumbnail",
    "tile",
    "wrapped",
]

MAX_BYTES = 75_000
"""An encoded preview: a notebook holds it twice, in HTML and as an image, and base64 adds a third."""
MAX_CSS_WIDTH = 512
"""A preview is shown at most this wide, in CSS pixels, so that it is sharp on dense screens."""
SHEET_CSS_WIDTH = 768
"""The same for several pictures in one."""
SQUARE = 12
_QUALITIES = (80, 70, 55, 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """An encoded picture for an output: `mime` is image/png or image/jpeg, `width` and `height` in pixels."""

    data: bytes
    mime: str
    width: int
    height: int
    css_width: int = MAX_CSS_WIDTH

    def bundle(self, sentence: str, *, alt: str = "", caption: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
        """Data and metadata for IPython's display: a figure as HTML, the picture alone, and a sentence.

        The image renderers of JupyterLab, Notebook 7, nbconvert and marimo write no alternative text, whatever the
        metadata say; a figure keeps it, in untrusted notebooks too (tried 2026-11-26). The picture alone is for front
        ends without HTML: a terminal, LaTeX.

        Args:
            sentence: the text for front ends that can't show a picture.
            alt: the alternative text; `sentence` if empty.
            caption: HTML that stands below the picture, already escaped.
        """
        width = min(self.width, self.css_width)
        words = alt or sentence
        css = {"width": width, "height": round(self.height * width / self.width), "alt": words}
        return {"text/html": self._figure(words, caption), self.mime: self.data, "text/plain": sentence}, {
            self.mime: css
        }

    def _figure(self, alt: str, caption: str) -> str:
        """The picture and its caption as HTML that every notebook's sanitizer keeps; it shrinks with its column."""
        source = f"data:{self.mime};base64,{base64.b64encode(self.data).decode()}"
        image = (
            f'<img src="{source}" alt="{html.escape(alt)}" width="{min(self.width, self.css_width)}" '
            'style="max-width:100%;height:auto">'
        )
        below = f"<figcaption>{caption}</figcaption>" if caption else ""
        return f'<figure style="margin:0">{image}{below}</figure>'


def preview(
    source: Path | bytes, *, max_edge: int = 768, max_bytes: int = MAX_BYTES, checkerboard: bool = False
) -> Preview | None:
    """The preview of a picture, or None for svg, which is never rendered here: it could hold scripts.

    Args:
        max_edge: longest edge in pixels.
        max_bytes: upper bound of the encoded size; quality, then size, is stepped down to keep it.
        checkerboard: shows alpha on a checkerboard, in the preview only.

    Raises:
        OptionError: it is not a picture, or too large to decode.
    """
    if is_svg(source):
        return None
    return _encoded(_small(source, max_edge), max_bytes, checkerboard=checkerboard)


def live_preview(data: bytes, *, max_edge: int) -> Callable[[str], Preview]:
    """A function that gives the picture with a line of text on it: the same picture, as the seconds go by.

    Raises:
        OptionError: it is not a picture, or too large to decode.
    """
    small = _small(data, max_edge)
    shown = on_checkerboard(small) if small.mode == "RGBA" else small

    def with_line(line: str) -> Preview:
        image = shown.copy()
        _badge(image, (0, 0), line)
        return _encoded(image, MAX_BYTES)

    return with_line


def wrapped(source: Path, *, max_edge: int = 768) -> Preview:
    """The picture twice across and twice down, as a tile repeats: a seam shows in the middle.

    Raises:
        OptionError: it is not a picture, or too large to decode.
    """
    small = _small(source, max_edge // 2)
    four = Image.new(small.mode, (2 * small.width, 2 * small.height))
    for corner in ((0, 0), (small.width, 0), (0, small.height), small.size):
        four.paste(small, corner)
    return _encoded(four, MAX_BYTES, checkerboard=True)


def preview_of(image: Image.Image, *, max_edge: int = 768) -> Preview:
    """The preview of a decoded RGBA picture, on a checkerboard."""
    small = image.copy()
    small.thumbnail((max_edge, max_edge), Image.Resampling.LANCZOS)
    return _encoded(small, MAX_BYTES, checkerboard=True)


def is_svg(source: Path | bytes) -> bool:
    """True for an svg file."""
    return isinstance(source, Path) and source.suffix.lower() == ".svg"


def _small(source: Path | bytes, max_edge: int) -> Image.Image:
    """The picture, upright, RGB or RGBA, its longest edge at most `max_edge`."""
    with open_image(source) as image, decoding(source.name if isinstance(source, Path) else "image"):
        image.draft("RGB", (max_edge, max_edge))  # JPEG decodes small directly
        alpha = "A" in image.getbands() or "transparency" in image.info
        small = ImageOps.exif_transpose(image).convert("RGBA" if alpha else "RGB")
    small.thumbnail((max_edge, max_edge), Image.Resampling.LANCZOS, reducing_gap=3)
    if alpha and small.getchannel("A").getextrema()[0] == 255:
        return small.convert("RGB")
    return small


def _encoded(image: Image.Image, max_bytes: int, *, checkerboard: bool = False) -> Preview:
    """The picture as JPEG, or as PNG if it has alpha, of at most `max_bytes`."""
    if image.mode == "RGBA" and checkerboard:
        image = on_checkerboard(image)
    while True:
        for data, mime in _tries(image):
            if len(data) <= max_bytes:
                return Preview(data=data, mime=mime, width=image.width, height=image.height)
        image = image.resize((max(1, image.width * 4 // 5), max(1, image.height * 4 // 5)), Image.Resampling.LANCZOS)


def _tries(image: Image.Image) -> Any:
    """Encodings from best to smallest."""
    if image.mode == "RGBA":
        yield _bytes(image, "PNG", optimize=True), "image/png"
        yield _bytes(image.quantize(255, method=Image.Quantize.FASTOCTREE), "PNG", optimize=True), "image/png"
        return
    for quality in _QUALITIES:
        yield _bytes(image, "JPEG", quality=quality, optimize=True, progressive=True), "image/jpeg"


def _bytes(image: Image.Image, form: str, **how: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **how)
    return buffer.getvalue()


def on_checkerboard(image: Image.Image) -> Image.Image:
    """An RGBA picture over a light checkerboard, RGB."""
    board = Image.new("RGB", image.size, (244, 244, 244))
    draw = ImageDraw.Draw(board)
    for top in range(0, image.height, SQUARE):
        for left in range(top // SQUARE % 2 * SQUARE, image.width, 2 * SQUARE):
            draw.rectangle((left, top, left + SQUARE - 1, top + SQUARE - 1), fill=(216, 216, 216))
    board.paste(image, (0, 0), image)
    return board


def contact_sheet(
    images: Sequence[Path | Image.Image], *, labels: Sequence[str], max_edge: int = 768, max_bytes: int = MAX_BYTES
) -> Preview:
    """Several pictures in a grid, each with its label in a corner, small enough for a notebook."""
    return encode_sheet(compose_sheet(images, labels=labels, max_edge=max_edge), max_bytes=max_bytes)


def encode_sheet(sheet: Image.Image, *, max_bytes: int = MAX_BYTES) -> Preview:
    """A sheet for an output, its clear gutters in a grey that suits light and dark pages: JPEG has no alpha."""
    flat = Image.new("RGB", sheet.size, GUTTER)
    flat.paste(sheet, mask=sheet.getchannel("A"))
    return replace(_encoded(flat, max_bytes), css_width=SHEET_CSS_WIDTH)


GUTTER = (128, 128, 128)


def compose_sheet(
    images: Sequence[Path | Image.Image], *, labels: Sequence[str], max_edge: int = 768, columns: int | None = None
) -> Image.Image:
    """Several pictures in a grid, RGBA with clear gutters; an empty label has no badge.

    Args:
        max_edge: the sheet's width in pixels.
        columns: pictures in a row; None chooses as many columns as rows, or one more.
    """
    columns = columns or sheet_columns(len(images))
    cell, gap = max_edge // columns, 6
    tiles = [_tile(image, cell - gap) for image in images]
    rows = [tiles[i : i + columns] for i in range(0, len(tiles), columns)]
    heights = [max(tile.height for tile in row) + gap for row in rows]
    sheet = Image.new("RGBA", (min(columns, len(tiles)) * cell - gap, sum(heights) - gap), (*GUTTER, 0))
    top = 0
    for number, row in enumerate(rows):
        for column, tile in enumerate(row):
            left, above = (cell - gap - tile.width) // 2, (heights[number] - gap - tile.height) // 2
            corner = (column * cell + left, top + above)
            sheet.paste(tile.convert("RGBA"), corner)
            _badge(sheet, corner, labels[number * columns + column])
        top += heights[number]
    return sheet


def sheet_columns(count: int) -> int:
    """As many columns as rows, or one more if that leaves fewer places empty."""
    square = max(1, math.ceil(math.sqrt(count)))
    return min(range(square, min(count, square + 1) + 1), key=lambda columns: -count % columns, default=1)


def _tile(image: Path | Image.Image, edge: int) -> Image.Image:
    if isinstance(image, Path):
        return tile(image, edge)
    small = image.copy()
    small.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    return small


def tile(path: Path, edge: int) -> Image.Image:
    """The picture with its longest edge at most `edge` pixels, alpha over a checkerboard, RGB; grey for an svg, and for what can't be read."""
    empty = Image.new("RGB", (edge, edge), (236, 239, 241))
    if is_svg(path):
        return empty
    try:
        image = _small(path, edge)
    except OptionError:
        return empty
    return on_checkerboard(image) if image.mode == "RGBA" else image


def _badge(sheet: Image.Image, corner: tuple[int, int], label: str) -> None:
    """The label on a dark tab in the corner of a tile; none if it is empty."""
    if not label:
        return
    font = ImageFont.load_default(15)
    draw = ImageDraw.Draw(sheet)
    width = draw.textlength(label, font=font) + 14
    box = (corner[0] + 6, corner[1] + 6, corner[0] + 6 + width, corner[1] + 28)
    draw.rounded_rectangle(box, 6, fill=(33, 33, 33))
    draw.text((corner[0] + 13, corner[1] + 8), label, fill=(255, 255, 255), font=font)


def side_by_side(first: Path | bytes, second: Path | bytes, *, max_edge: int = 1024) -> Preview:
    """Two pictures at the same height, the first on the left."""
    pair = [_small(source, max_edge) for source in (first, second)]
    shown = [on_checkerboard(image) if image.mode == "RGBA" else image for image in pair]
    height = min(image.height for image in shown)
    same = [
        image.resize((round(image.width * height / image.height), height), Image.Resampling.LANCZOS) for image in shown
    ]
    sheet = Image.new("RGB", (same[0].width + same[1].width + 8, height), (255, 255, 255))
    sheet.paste(same[0], (0, 0))
    sheet.paste(same[1], (same[0].width + 8, 0))
    sheet.thumbnail((max_edge, max_edge), Image.Resampling.LANCZOS)
    return replace(_encoded(sheet, MAX_BYTES), css_width=SHEET_CSS_WIDTH)


def thumbnail(source: Path | bytes, edge: int = 160, *, max_bytes: int = 20_000) -> Preview | None:
    """A small preview for lists and galleries."""
    return preview(source, max_edge=edge, max_bytes=max_bytes)


def scaled(path: Path, edge: int) -> tuple[Image.Image, str]:
    """The picture with its longest edge at most `edge` pixels, and the Pillow format to save it in.

    A cut-out whose every pixel is clear or opaque is pixel art: its pixels are picked, not mixed.
    """
    image = open_image(path)
    form = image.format or "PNG"
    upright = ImageOps.exif_transpose(image)
    if _is_hard(upright):
        upright.thumbnail((edge, edge), Image.Resampling.NEAREST, reducing_gap=None)
    else:
        upright.thumbnail((edge, edge), Image.Resampling.LANCZOS, reducing_gap=3)
    return upright, form


def _is_hard(image: Image.Image) -> bool:
    """Whether the picture has clear and opaque pixels and none between."""
    if image.mode != "RGBA":
        return False
    counts = image.getchannel("A").histogram()
    return counts[0] > 0 and counts[255] > 0 and not any(counts[1:255])
