"""What the engine is compared with: the usual helper's per-pixel method, the studio's colour difference, two programs.

python benchmarks/cutout_keyers.py IN OUT      cuts one file out with the per-pixel method
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cutout_render import Bytes
from PIL import Image

BLUE, MAGENTA = "#0000ff", "#ff00ff"
Pixel = tuple[int, int, int]

CLEAR, OPAQUE, TOLERANCE = 12, 220, 12  # the thresholds that the workflow prescribes, and the hard key's default
KEY_LIKE, DOMINANT = 32, 16  # levels: other pixels get the hard tolerance
SOLID = 252  # from this alpha on nothing is despilled
BAND = 6  # pixels of the border that the key's median is taken from


def pixel_loop(image: Image.Image) -> Image.Image:
    """The chroma-key helper of the Codex image skill, by its description (commit 13dba916, read 2026-11-23).

    Flags as prescribed: key from the border, soft matte from 12 to 220, despill. One Python step a pixel.
    """
    source, out = image.convert("RGB"), Image.new("RGBA", image.size)
    pixels, target = source.load(), out.load()
    key = border_key(source)
    bright, dark = [c for c in range(3) if key[c] >= 128], [c for c in range(3) if key[c] < 128]
    full = min((key[c] for c in bright), default=0) - max((key[c] for c in dark), default=0)
    for y in range(image.height):
        for x in range(image.width):
            pixel = pixels[x, y]
            alpha = pixel_alpha(pixel, key, bright, dark, full)
            if alpha <= 8:
                target[x, y] = (0, 0, 0, 0)
                continue
            target[x, y] = (*(despilled(pixel, bright, dark) if alpha < SOLID else pixel), alpha)
    return out


def border_key(image: Image.Image) -> Pixel:
    """The median of each channel in a band along the border."""
    width, height = image.size
    pixels = image.load()
    band = [pixels[x, y] for y in range(height) for x in range(width) if y < BAND or y >= height - BAND]
    band += [
        pixels[x, y]
        for y in range(BAND, height - BAND)
        for x in (*range(min(BAND, width)), *range(max(0, width - BAND), width))
    ]
    red, green, blue = (round(statistics.median(channel)) for channel in zip(*band, strict=True))
    return red, green, blue


def pixel_alpha(pixel: Pixel, key: Pixel, bright: list[int], dark: list[int], full: int) -> int:
    """Alpha, 0..255: the lesser of what the distance and the key's dominance say, for pixels like the key."""
    distance = max(abs(pixel[0] - key[0]), abs(pixel[1] - key[1]), abs(pixel[2] - key[2]))
    dominance = min(pixel[c] for c in bright) - max(pixel[c] for c in dark) if bright and dark else 0
    if distance > KEY_LIKE and dominance < DOMINANT:
        return 0 if distance <= TOLERANCE else 255
    step = min(1.0, max(0.0, (distance - CLEAR) / (OPAQUE - CLEAR)))
    alpha = step * step * (3 - 2 * step)
    if dominance > 0:
        alpha = min(alpha, 1 - min(1.0, dominance / max(full, 1)))
    return round(255 * alpha)


def despilled(pixel: Pixel, bright: list[int], dark: list[int]) -> Pixel:
    """The key's channels capped just under the largest other one."""
    if not bright or not dark:
        return pixel
    cap = max(0, max(pixel[c] for c in dark) - 1)
    red, green, blue = (min(value, cap) if c in bright else value for c, value in enumerate(pixel))
    return red, green, blue


def per_pixel(picture: Bytes, key: str) -> Bytes:
    """The per-pixel method on an array."""
    return np.asarray(pixel_loop(Image.fromarray(picture)))


def colour_difference(picture: Bytes, key: str) -> Bytes:
    """The studio's classic: alpha from the key's dominance, colour by unmixing."""
    edges = [picture[:4].reshape(-1, 3), picture[-4:].reshape(-1, 3), picture[:, :4].reshape(-1, 3)]
    found, colour = np.median(np.concatenate(edges), axis=0).astype(np.float32), picture.astype(np.float32)
    bright, dark = found >= 128, found < 128
    full = found[bright].min() - found[dark].max()
    dominance = colour[..., bright].min(-1) - colour[..., dark].max(-1)
    alpha = 1 - np.clip(dominance / max(full, 1), 0, 1)
    alpha[alpha < 0.03] = 0
    unmixed = (colour - (1 - alpha[..., None]) * found) / np.maximum(alpha[..., None], 0.02)
    return np.dstack([np.clip(np.rint(unmixed), 0, 255), np.rint(alpha * 255)]).astype(np.uint8)


def ffmpeg(key: str, source: Path, target: Path) -> list[str]:
    """FFmpeg's colorkey and despill, which has no despill for magenta."""
    kind = "blue" if key == BLUE else "green"
    filters = f"colorkey=0x{key[1:]}:0.28:0.12" + ("" if key == MAGENTA else f",despill=type={kind}")
    return ["ffmpeg", "-v", "error", "-y", "-i", str(source), "-vf", filters, str(target)]


def magick(key: str, source: Path, target: Path) -> list[str]:
    """ImageMagick's fuzzy transparency."""
    return ["convert", str(source), "-fuzz", "25%", "-transparent", key, str(target)]


PROGRAMS = {"ffmpeg": ("ffmpeg", ffmpeg), "ImageMagick": ("convert", magick)}


def installed() -> dict[str, Callable[[str, Path, Path], list[str]]]:
    """The command line of every program that is there, by its name."""
    return {name: make for name, (binary, make) in PROGRAMS.items() if shutil.which(binary)}


def by_program(command: Callable[[str, Path, Path], list[str]]) -> Callable[[Bytes, str], Bytes]:
    """A keyer that is a program from file to file."""

    def run(picture: Bytes, key: str) -> Bytes:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.png", Path(folder) / "out.png"
            Image.fromarray(picture).save(source)
            subprocess.run(command(key, source, target), check=True, capture_output=True)
            with Image.open(target) as image:
                return np.asarray(image.convert("RGBA"))

    return run


def classical() -> dict[str, Callable[[Bytes, str], Bytes]]:
    """Every keyer that ours is compared with: (picture, key) to RGBA."""
    found = {"per-pixel helper": per_pixel, "colour difference": colour_difference}
    return found | {name: by_program(make) for name, make in installed().items()}


if __name__ == "__main__":
    with Image.open(sys.argv[1]) as opened:
        pixel_loop(opened).save(sys.argv[2])
