"""The looks that a prompt may ask for (`styles.toml`), and the texture that some of them leave on a finished picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from .parts import Colour, Part, mix, shade
from .raster import Floats
from .wording import Wanted, keys_in, read_table

__all__ = ["PAPER", "Style", "read_style", "textured", "with_border", "with_grain"]

PAPER: Colour = (0.98, 0.97, 0.94)
_DARK = 0.3
"""What is as dark as the pupil of an eye stays dark in a line drawing."""
_BAND = 256
"""Rows that are worked on at a time, so that a large picture needs little memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a picture is drawn; the fields are those of `styles.toml`."""

    name: str = "clay"
    words: str = ""
    shading: float = 1.0
    ink: float = 0.0
    paper: float = 0.0
    wobble: float = 0.0
    wash: float = 0.0
    hatch: float = 0.0
    border: float = 0.0
    lattice: int = 0
    softness: float = 0.0
    grain: float = 0.0
    saturation: float = 1.0

    def toned(self, colour: Colour, wanted: Wanted) -> Colour:
        """The colour as this style and the prompt's tone show it."""
        saturation, lightness = wanted.tone
        toned = shade(colour, lightness, saturation * self.saturation)
        return toned if self.paper == 1 and max(colour) < _DARK else mix(toned, PAPER, self.paper)

    def ink_for(self, part: Part) -> tuple[Colour, float] | None:
        """Colour and width of the line around a part, or None."""
        return (mix((0.13, 0.11, 0.14), part.colour, 0.0 if self.paper == 1 else 0.18), self.ink) if self.ink else None


@lru_cache(maxsize=256)
def read_style(text: str) -> Style:
    """The style whose words the text has last, or clay."""
    styles = {values["words"]: Style(name=name, **values) for name, values in read_table("styles").items()}
    found = keys_in(styles, text)
    return styles[found[-1]] if found else Style()


def with_border(subject: Image.Image, style: Style, scale: float) -> Image.Image:
    """The subject with the white edge of a sticker, if the style has one."""
    if not style.border:
        return subject
    width = style.border * scale
    step = max(1, int(width / 4))
    small = subject.getchannel("A").resize(
        (-(-subject.width // step), -(-subject.height // step)), Image.Resampling.BOX
    )
    grown = small.filter(ImageFilter.GaussianBlur(width / step * 0.6)).point(
        [min(255, value * 4) for value in range(256)]
    )
    edge = grown.resize(subject.size, Image.Resampling.BICUBIC).point(
        [max(0, min(255, (v - 96) * 4)) for v in range(256)]
    )
    below = Image.new("RGBA", subject.size, (252, 252, 250, 0))
    below.putalpha(ImageChops.lighter(edge, subject.getchannel("A")))
    below.alpha_composite(subject)
    return below


def textured(image: Image.Image, style: Style, seed: int) -> Image.Image:
    """The picture, RGB or RGBA, with the pigment, paper or pencil strokes of its style; alpha stays."""
    if not style.wash and not style.hatch:
        return image
    pigment = _clouds(image.size, seed, 0.10) if style.wash else None
    bands = []
    for top, pixels in _bands(image):
        colour = pixels[..., :3].astype(np.float32) / np.float32(255)
        if pigment is not None:
            field = (
                np.asarray(pigment.crop((0, top, image.width, top + len(pixels))), np.float32)[..., None] / 127.5 - 1
            )
            colour = colour + style.wash * (0.20 * field * (1 - 0.4 * colour) + 0.10 * np.abs(field) * (1 - colour))
        if style.hatch:
            colour = _hatched(colour, top, style.hatch, image.width)
        band = (np.clip(colour, 0, 1) * 255 + 0.5).astype(np.uint8)
        bands.append(np.concatenate([band, pixels[..., 3:]], axis=2))
    return Image.fromarray(np.concatenate(bands))


def _bands(image: Image.Image) -> Iterator[tuple[int, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]]:
    pixels = np.asarray(image)
    for top in range(0, pixels.shape[0], _BAND):
        yield top, pixels[top : top + _BAND]


def _clouds(size: tuple[int, int], seed: int, grain: float) -> Image.Image:
    """Smooth noise of 0..255 in three octaves, with features of a share of the shorter edge."""
    rng = np.random.Generator(np.random.PCG64(seed))
    total = Image.new("L", size, 128)
    for octave, share in enumerate((0.5, 0.35, 0.25)):
        cell = max(2.0, min(size) * grain / 2.2**octave)
        grid = rng.integers(0, 256, (round(size[1] / cell) + 2, round(size[0] / cell) + 2), np.uint8)
        total = Image.blend(total, Image.fromarray(grid, "L").resize(size, Image.Resampling.BICUBIC), share)
    return total


def _hatched(colour: Floats, top: int, strength: float, width: int) -> Floats:
    """Slanting strokes, the more the darker it is."""
    pitch = np.float32(max(4.0, width / 190))
    y, x = np.mgrid[top : top + len(colour), 0:width].astype(np.float32)
    wave = np.sin((x + y * np.float32(1.6)) * np.float32(6.2832) / pitch) * np.float32(0.5) + np.float32(0.5)
    dark = 1 - colour.mean(axis=2)
    out: Floats = colour * (1 - strength * np.clip(dark * 1.5 - wave * 0.9, 0, 0.8))[..., None]
    return out


_GRAIN = {"low": 0, "medium": 2, "high": 3, "xhigh": 3, "max": 3}


def with_grain(image: Image.Image, quality: str, seed: int, more: float = 0.0) -> Image.Image:
    """The picture with a little noise, which also hides the steps of smooth gradients; none at low quality."""
    reach = _GRAIN.get(quality, 2)
    if not reach:
        return image
    reach = round(reach + more)
    tile = np.random.Generator(np.random.PCG64(seed)).integers(-reach, reach + 1, (_BAND, _BAND, 1), np.int16)
    rows = []
    for _, band in _bands(image):
        noise = np.tile(tile, (1, -(-band.shape[1] // _BAND), 1))[: band.shape[0], : band.shape[1]]
        rows.append(np.clip(band + noise, 0, 255).astype(np.uint8))
    return Image.fromarray(np.concatenate(rows), "RGB")
