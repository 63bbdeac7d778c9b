"""Icon sets of one cut-out: every size made from the original and sharpened for its size, .ico, .icns and a web page's set.

Which files a page needs: favicon.ico with 16, 32 and 48; an opaque apple-touch-icon of 180; 192 and 512 in the manifest, and
separate maskable ones, opaque, whose art lies in the middle circle of 80 % of the width (w3.org/TR/appmanifest, icon masks).
"""

from __future__ import annotations

import io
import json
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageColor

from imagegen_magic.errors import CutoutError, OptionError, Problem
from imagegen_magic.images.png import encode_png
from imagegen_magic.images.preview import preview_of
from imagegen_magic.matting.arrays import Bytes, as_bytes, as_floats
from imagegen_magic.matting.cutout import Picture, cutout
from imagegen_magic.metadata.derived import Marking, Source, default_marking, finish_file

from .arguments import check_arguments
from .export import write_set
from .parts import SOLID, find_parts, union
from .placing import resized

__all__ = ["IconSet", "make_icons"]

SIZES = (16, 32, 48, 64, 128, 256, 512)
ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
ICNS_TYPES = {
    32: ("ic11",),
    64: ("ic12",),
    128: ("ic07",),
    256: ("ic13", "ic08"),
    512: ("ic14", "ic09"),
    1024: ("ic10",),
}
"""Entries of an .icns file by their edge; those with @2x and those without hold the same PNG."""
TOUCH, MANIFEST, FAVICON = 180, (192, 512), (16, 32, 48)
DUST = 0.002
"""What is smaller than this share of the largest part does not make the subject's box larger: residue far out, a speck."""
SAFE = 0.8
"""The circle of a maskable icon that is never cut, as a share of its edge."""


@dataclass(frozen=True, kw_only=True, repr=False)
class IconSet:
    """Icons by their edge in pixels, each (edge, edge, 4) uint8; `master` is the cut-out on a square, at its own size."""

    name: str
    master: Bytes = field(repr=False)
    icons: Mapping[int, Bytes] = field(repr=False)
    margin: float = 0.0
    notes: tuple[str, ...] = ()
    sources: tuple[Source, ...] = field(default=(), repr=False)

    def at(self, edge: int) -> Bytes:
        """The icon of that edge, made anew if it is not in the set."""
        return self.icons[edge] if edge in self.icons else icon_of(self.master, edge, self.margin)

    def __getitem__(self, edge: int) -> Image.Image:
        return Image.fromarray(self.icons[edge])

    def ico(self, sizes: Sequence[int] | None = None) -> bytes:
        """A Windows .ico: an image of its own for each size up to 256; without sizes the usual ones up to the cut-out's own."""
        chosen = sorted(size for size in sizes or self._unenlarged(ICO_SIZES) if size <= 256)
        images = [Image.fromarray(self.at(size)) for size in chosen]
        buffer = io.BytesIO()
        images[-1].save(buffer, "ICO", sizes=[(size, size) for size in chosen], append_images=images[:-1])
        return buffer.getvalue()

    def icns(self) -> bytes:
        """An Apple .icns, with every size up to the cut-out's own, or to the largest icon of the set."""
        chosen = self._unenlarged(tuple(ICNS_TYPES))
        entries = [(kind, encode_png(self.at(size))) for size in chosen for kind in ICNS_TYPES[size]]
        body = b"".join(kind.encode() + struct.pack(">I", len(data) + 8) + data for kind, data in entries)
        return b"icns" + struct.pack(">I", len(body) + 8) + body

    def _unenlarged(self, sizes: Sequence[int]) -> list[int]:
        """Those that need no more pixels than there are; the smallest in any case."""
        largest = max(min(sizes), self.master.shape[0], *self.icons)
        return [size for size in sizes if size <= largest]

    def favicon(self, background: str = "#ffffff") -> dict[str, bytes]:
        """The files of a web page by name, with `favicon.html` for its head and `site.webmanifest`."""
        files = {
            "favicon.ico": self.ico(FAVICON),
            "apple-touch-icon.png": encode_png(opaque(self.at(TOUCH), background)),
        }
        for edge in MANIFEST:
            files[f"icon-{edge}.png"] = encode_png(self.at(edge))
            files[f"icon-maskable-{edge}.png"] = encode_png(opaque(_masked_safely(self.master, edge), background))
        files["site.webmanifest"] = (json.dumps(_manifest(self.name, background), indent=2) + "\n").encode()
        files["favicon.html"] = HEAD.encode()
        return files

    def contact_sheet(self) -> Image.Image:
        """All icons in their real size, on a light and on a dark ground."""
        edges = sorted(self.icons)
        gap = 16
        width, height = sum(edges) + gap * (len(edges) + 1), max(edges) + 2 * gap
        sheet = Image.new("RGBA", (width, 2 * height), "#f6f6f6")
        sheet.paste("#1e1e22", (0, height, width, 2 * height))
        left = gap
        for edge in edges:
            for row in (0, 1):
                sheet.alpha_composite(self[edge], (left, row * height + height - gap - edge))
            left += edge + gap
        return sheet

    def export(
        self, folder: str | os.PathLike[str], *, ico: bool = True, icns: bool = False, favicon: bool = False,
        background: str = "#ffffff", overwrite: bool = False, mark: bool | None = None,
    ) -> list[Path]:  # fmt: skip
        """Writes `NAME-SIZE.png` for each size, and what is asked for besides; returns the files.

        `mark` is as of `Cutout.to_bytes`; .ico and .icns files have no place for one.

        Raises:
            StoreError: a file is there already, or the folder cannot be written to.
        """
        marking = default_marking(mark=mark)
        files = self.files(marking, ico=ico, icns=icns, favicon=favicon, background=background)
        return write_set(files, Path(folder), overwrite=overwrite)

    def files(
        self, marking: Marking, *, ico: bool = True, icns: bool = False, favicon: bool = False, background: str = "#ffffff"
    ) -> dict[str, bytes]:  # fmt: skip
        """What `export` writes, by file name."""
        files = {f"{self.name}-{edge}.png": encode_png(icon) for edge, icon in sorted(self.icons.items())}
        files |= {f"{self.name}.ico": self.ico()} if ico else {}
        files |= {f"{self.name}.icns": self.icns()} if icns else {}
        files |= self.favicon(background) if favicon else {}
        files[f"{self.name}-contact.png"] = encode_png(np.asarray(self.contact_sheet()))
        return {name: finish_file(data, self.sources, step="icons", marking=marking) for name, data in files.items()}

    def __repr__(self) -> str:
        return f"IconSet({self.name!r}, {', '.join(map(str, sorted(self.icons)))} px)"

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, object], dict[str, object]]:
        text = "\n".join([repr(self), *self.notes])
        alt = f"The icon {self.name}, {min(self.icons)} to {max(self.icons)} pixels"
        return preview_of(self.contact_sheet(), max_edge=1024).bundle(text, alt=alt)


HEAD = """<link rel="icon" href="/favicon.ico" sizes="48x48">
<link rel="icon" href="/icon-192.png" type="image/png" sizes="192x192">
<link rel="apple-touch-icon" href="/apple-touch-icon.png">
<link rel="manifest" href="/site.webmanifest">
"""


def make_icons(
    image: Picture, *, sizes: Sequence[int] = SIZES, name: str = "icon", margin: float = 0.0, key: str = "auto"
) -> IconSet:
    """Icons of one picture: cut out, trimmed, centred on a square, and made in each size from the original.

    Args:
        sizes: edges in pixels, 8 to 1024 each.
        margin: the share of an icon, on each side, that stays empty.
        key: the backdrop's colour; `auto` takes what fills the border.

    Raises:
        OptionError: a size outside of 8 to 1024 pixels.
        CutoutError: there is no flat backdrop, or nothing on it.
    """
    check_arguments("these icons can't be made", margin=margin)
    sizes = _checked_sizes(sizes)
    cut = cutout(image, key=key)
    master = _squared(cut.rgba)
    larger = [size for size in sorted(sizes) if size > master.shape[0]]
    notes = (f"{', '.join(map(str, larger))} px are enlarged: the subject is {master.shape[0]} px",) if larger else ()
    icons = {size: icon_of(master, size, margin) for size in sorted(set(sizes))}
    return IconSet(name=name, master=master, icons=icons, margin=margin, notes=notes, sources=cut.sources)


def _checked_sizes(sizes: object) -> tuple[int, ...]:
    given = tuple(sizes) if isinstance(sizes, (list, tuple, range, set)) else (sizes,)
    bad = [size for size in given if not isinstance(size, Integral) or not 8 <= int(size) <= 1024]
    if bad or not given:
        problem = Problem(
            field="sizes", value=bad or None, rule="edges of 8 to 1024 pixels", fix="sizes=(16, 32, 64, 128, 512)"
        )
        raise OptionError("these icons can't be made", problems=(problem,))
    return tuple(int(size) for size in given)


def _squared(rgba: Bytes) -> Bytes:
    """The subject without its clear border, in the middle of a square."""
    parts = find_parts(np.ascontiguousarray(rgba[..., 3])).parts
    if not parts:
        raise CutoutError("there is nothing to make an icon of", hints=("is the key colour right?",))
    least = DUST * max(part.area for part in parts)
    box = union([part.box for part in parts if part.area >= least])
    edge = max(box.width, box.height)
    square = np.zeros((edge, edge, 4), np.uint8)
    left, top = (edge - box.width) // 2, (edge - box.height) // 2
    square[top : top + box.height, left : left + box.width] = rgba[box.slices]
    return square


def icon_of(master: Bytes, edge: int, margin: float) -> Bytes:
    """One icon (edge, edge, 4), sharpened the more the smaller it is."""
    inner = max(1, edge - 2 * round(edge * margin))
    small = _sharpened(resized(master, (inner, inner)), master.shape[0] / inner)
    icon = np.zeros((edge, edge, 4), np.uint8)
    start = (edge - inner) // 2
    icon[start : start + inner, start : start + inner] = small
    return icon


def _sharpened(image: Bytes, reduction: float) -> Bytes:
    """Unsharp masking of what area averaging softened: none at the original's size, most for the smallest icons."""
    amount = float(np.clip(0.15 * np.log2(max(reduction, 1.0)), 0, 0.6))
    if amount < 0.1:
        return image
    weight = as_floats(image[..., 3:]) / 255
    layers = np.concatenate([as_floats(image[..., :3]) * weight, weight * 255], axis=2)
    sharp = layers + amount * (layers - as_floats(cv2.GaussianBlur(layers, (0, 0), 0.8)))
    alpha = np.clip(sharp[..., 3:], 0, 255)
    colours = np.where(alpha > 0, np.clip(sharp[..., :3], 0, alpha) * 255 / np.maximum(alpha, 1), 0)
    return as_bytes(np.rint(np.concatenate([np.clip(colours, 0, 255), alpha], axis=2)).astype(np.uint8))


def opaque(icon: Bytes, background: str) -> Bytes:
    """The icon on a ground of one colour, RGB."""
    ground = Image.new("RGBA", (icon.shape[1], icon.shape[0]), ImageColor.getrgb(background))
    ground.alpha_composite(Image.fromarray(icon))
    return np.asarray(ground.convert("RGB"))


def _masked_safely(master: Bytes, edge: int) -> Bytes:
    """The art inside the circle that no mask cuts."""
    rows, columns = np.nonzero(master[..., 3] >= SOLID)
    middle = (master.shape[0] - 1) / 2
    radius = float(np.hypot(rows - middle, columns - middle).max()) + 1
    inner = int(edge * SAFE / 2 / radius * master.shape[0])
    return icon_of(master, edge, margin=max(0.0, (edge - inner) / 2 / edge))


def _manifest(name: str, background: str) -> dict[str, object]:
    icons = [
        {
            "src": f"/icon-{'maskable-' if purpose == 'maskable' else ''}{edge}.png",
            "sizes": f"{edge}x{edge}",
            "type": "image/png",
            "purpose": purpose,
        }
        for edge in MANIFEST
        for purpose in ("any", "maskable")
    ]
    return {
        "name": name,
        "icons": icons,
        "background_color": background,
        "theme_color": background,
        "display": "standalone",
    }
