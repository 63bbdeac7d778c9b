"""Small pictures for notebooks: previews, contact sheets, side by side. Files on disk are only read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from .inputs import open_picture

__all__ = ["Preview", "contact_sheet", "preview", "scaled", "side_by_side"]

MAX_BYTES = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    data: bytes
    mime: str
    width: int
    height: int

    def bundle(self, sentence: str):
        w = min(self.width, 512)
        return {self.mime: self.data, "text/plain": sentence}, {self.mime: {"width": w, "height": round(self.height * w / self.width), "alt": sentence}}


def has_alpha(image: Image.Image) -> bool:
    return "A" in image.getbands() and image.getchannel("A").getextrema()[0] < 255


def preview(source, *, max_edge: int = 768, max_bytes: int = MAX_BYTES, checkerboard: bool = False) -> Preview | None:
    if isinstance(source, Path) and source.suffix == ".svg":
        return None
    image = open_picture(source)
    image.thumbnail((max_edge, max_edge))
    return encode(image.convert("RGBA" if "A" in image.getbands() else "RGB"), max_bytes, checkerboard)


def encode(image, max_bytes, checkerboard=False) -> Preview:
    if checkerboard and image.mode == "RGBA":
        board = Image.new("RGB", image.size, (235, 235, 235))
        d = ImageDraw.Draw(board)
        for y in range(0, image.height, 16):
            for x in range((y // 16 % 2) * 16, image.width, 32):
                d.rectangle((x, y, x + 15, y + 15), fill=(205, 205, 205))
        board.paste(image, (0, 0), image)
        image = board
    if image.mode == "RGBA" and has_alpha(image):
        while True:
            b = io.BytesIO()
            image.save(b, "PNG", optimize=True)
            if b.tell() <= max_bytes:
                return Preview(data=b.getvalue(), mime="image/png", width=image.width, height=image.height)
            image = image.resize((image.width * 3 // 4, image.height * 3 // 4))
    image = image.convert("RGB")
    for q in (80, 70, 60, 45, 30, 15):
        b = io.BytesIO()
        image.save(b, "JPEG", quality=q)
        if b.tell() <= max_bytes:
            break
    return Preview(data=b.getvalue(), mime="image/jpeg", width=image.width, height=image.height)


def contact_sheet(paths: Sequence[Path], *, labels, max_edge: int = 768) -> Preview:
    n = len(paths)
    cols = min(n, 3)
    edge = max_edge // cols
    rows = (n + cols - 1) // cols
    sheet = Image.new("RGB", (cols * edge, rows * edge), "white")
    d = ImageDraw.Draw(sheet)
    for i, p in enumerate(paths):
        im = open_picture(p).convert("RGB")
        im.thumbnail((edge - 4, edge - 4))
        x, y = i % cols * edge, i // cols * edge
        sheet.paste(im, (x, y))
        d.rectangle((x, y, x + 16, y + 14), fill="black")
        d.text((x + 4, y + 2), labels[i], fill="white")
    return encode(sheet, MAX_BYTES)


def side_by_side(a, b) -> Preview:
    return contact_sheet([a, b], labels=["a", "b"])


def scaled(path: Path, edge: int):
    image = open_picture(path)
    form = image.format
    image.thumbnail((edge, edge))
    return image, form
