"""Palettes: read from files and names, or found in the art; distances are OKLab's, and nothing is left to chance."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from numbers import Integral
from pathlib import Path
from typing import TypeAlias

import numpy as np

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.matting.arrays import Bytes, Floats, Indices, as_floats
from imagegen_magic.options.paths import expanded

from .colours import from_oklab, to_oklab

__all__ = [
    "PaletteChoice",
    "coarse_colours",
    "merge_colours",
    "named_palettes",
    "nearest_coarse",
    "nearest_colours",
    "pick_colours",
    "read_palette",
    "settle_palette",
    "to_hex",
]

PaletteChoice: TypeAlias = "int | str | os.PathLike[str] | Sequence[str] | None"
"""A number of colours, a palette's name or file (.gpl, .hex, .pal, .act), its colours as `#rrggbb`, or None: as many as there are."""

Colour: TypeAlias = "tuple[int, int, int]"
MOST = 256
BITS = 5
ALIKE = 0.035
"""Colours closer than this in OKLab are one colour that a model painted unevenly."""
ROUNDS = 12


@cache
def named_palettes() -> dict[str, tuple[str, ...]]:
    """The palettes that have a name, as tuples of `#rrggbb`."""
    text = files(__package__).joinpath("palettes.toml").read_text(encoding="utf-8")
    return {name: tuple(f"#{colour}" for colour in entry["colours"]) for name, entry in tomllib.loads(text).items()}


def settle_palette(choice: PaletteChoice) -> Bytes | int | None:
    """The colours (n, 3) uint8 that a choice names, the number of colours it asks for, or None for as many as there are.

    Raises:
        OptionError: a name that is not known, a file that can't be read, or a number outside of 2 to 256.
    """
    if choice is None:
        return None
    if isinstance(choice, Integral) and not isinstance(choice, bool):
        return _counted(int(choice))
    if isinstance(choice, (str, os.PathLike)):
        return _named(os.fspath(choice))
    if not isinstance(choice, Sequence):
        raise _refused(choice, "a number, a name, a file or colours as #rrggbb", "palette=16")
    return _parsed([str(colour) for colour in choice])


def _counted(count: int) -> int:
    if not 2 <= count <= MOST:
        raise _refused(count, f"a palette has 2 to {MOST} colours", "palette=16")
    return count


def _named(text: str) -> Bytes | int | None:
    if text.isdecimal():
        return _counted(int(text))
    known = named_palettes()
    if text.lower() in known:
        return _parsed(known[text.lower()])
    if Path(text).suffix.lower() in READERS:
        return read_palette(text)
    near = difflib.get_close_matches(text.lower(), known, n=1)
    raise _refused(
        text,
        f"a number, a file ({', '.join(READERS)}) or one of {', '.join(known)}",
        f"palette={near[0] if near else 'pico-8'!r}",
    )


def _parsed(colours: Sequence[str]) -> Bytes:
    """The colours (n, 3) of texts; `#rgb` is short for `#rrggbb`."""
    if not 1 <= len(colours) <= MOST:
        raise _refused(f"{len(colours)} colours", f"1 to {MOST} colours as #rrggbb", "palette=['#1a1c2c', '#f4f4f4']")
    digits = [_six_digits(colour) for colour in colours]
    return np.array([[int(colour[i : i + 2], 16) for i in (0, 2, 4)] for colour in dict.fromkeys(digits)], np.uint8)


def _six_digits(colour: str) -> str:
    digits = colour.strip().lstrip("#").lower()
    if re.fullmatch(r"[0-9a-f]{3}", digits):
        digits = "".join(2 * digit for digit in digits)
    if not re.fullmatch(r"[0-9a-f]{6}", digits):
        raise _refused(colour, "a colour is needed as #rrggbb", "palette=['#1a1c2c', '#f4f4f4']")
    return digits


def _refused(value: object, rule: str, fix: str) -> OptionError:
    return OptionError(
        "the palette can't be used", problems=(Problem(field="palette", value=value, rule=rule, fix=fix),)
    )


def read_palette(path: str | os.PathLike[str]) -> Bytes:
    """The colours (n, 3) uint8 of a palette file: GIMP's .gpl, one RRGGBB a line (.hex), JASC's or Microsoft's .pal, Adobe's .act.

    Formats: developer.gimp.org/core/standards/gpl (read 2026-11-26); JASC-PAL 0100; RIFF PAL; Adobe's colour table of 768 or
    772 bytes. A line that is none of its format is an error: it may be a colour that was mistyped.

    Raises:
        OptionError: there is no such file, or it does not hold 1 to 256 colours of its format.
    """
    source = expanded(path)
    reader = READERS.get(source.suffix.lower())
    if reader is None:
        raise _refused(source.name, f"palette files end in {', '.join(READERS)}", "save it as .gpl")
    try:
        colours = list(dict.fromkeys(reader(source.read_bytes())))
    except OSError as error:
        raise _refused(source.name, f"it can't be read: {error.strerror or error}", "check the path") from None
    except ValueError as error:
        rule = f"this is not a palette of its format ({error})"
        raise _refused(source.name, rule, "open it in GIMP and save it again") from None
    if not 1 <= len(colours) <= MOST:
        raise _refused(source.name, f"it holds {len(colours)} colours, not 1 to {MOST}", "another palette")
    return np.array(colours, np.uint8)


def _lines(data: bytes) -> list[str]:
    """The lines of a text in UTF-8, or in Latin-1 as old editors wrote it; without those that are empty."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _gpl(data: bytes) -> Iterator[Colour]:
    lines = _lines(data)
    if not lines or lines[0] != "GIMP Palette":
        raise ValueError("line 1 is not `GIMP Palette`")
    for line in lines[1:]:
        if not re.match(r"#|(Name|Columns|Channels):", line):
            yield _levels(line)


def _hex(data: bytes) -> Iterator[Colour]:
    for line in _lines(data):
        if not line.startswith(";"):
            if not re.fullmatch(r"#?[0-9a-fA-F]{6}", line):
                raise ValueError(f"{line[:40]!r} is not a colour as RRGGBB")
            red, green, blue = bytes.fromhex(line.removeprefix("#"))
            yield red, green, blue


def _pal(data: bytes) -> Iterator[Colour]:
    if data[:4] == b"RIFF":
        yield from _riff(data)
        return
    lines = _lines(data)
    if lines[:2] != ["JASC-PAL", "0100"]:
        raise ValueError("it begins neither with JASC-PAL and 0100 nor with RIFF")
    colours = [_levels(line) for line in lines[3:]]
    if lines[2:3] != [str(len(colours))]:
        raise ValueError(f"it says {' '.join(lines[2:3])[:20]!r} colours and holds {len(colours)}")
    yield from colours


def _riff(data: bytes) -> Iterator[Colour]:
    """Microsoft's palette: a chunk of red, green, blue and a flag for each colour."""
    count = int.from_bytes(data[22:24], "little")
    if data[8:16] != b"PAL data" or len(data) < 24 + 4 * count:
        raise ValueError("it is a RIFF file without a whole palette")
    yield from ((data[at], data[at + 1], data[at + 2]) for at in range(24, 24 + 4 * count, 4))


def _act(data: bytes) -> Iterator[Colour]:
    if len(data) not in (768, 772):
        raise ValueError(f"it has {len(data)} bytes, not 768 or 772")
    count = int.from_bytes(data[768:770], "big") or MOST
    yield from ((data[at], data[at + 1], data[at + 2]) for at in range(0, 3 * min(count, MOST), 3))


def _levels(line: str) -> Colour:
    match = re.match(r"(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})(\s|$)", line)
    if match is None or max(red := int(match[1]), green := int(match[2]), blue := int(match[3])) > 255:
        raise ValueError(f"{line[:40]!r} is not a colour of three levels from 0 to 255")
    return red, green, blue


READERS: dict[str, Callable[[bytes], Iterator[Colour]]] = {".gpl": _gpl, ".hex": _hex, ".pal": _pal, ".act": _act}


def to_hex(colours: Bytes) -> tuple[str, ...]:
    """Colours (n, 3) as `#rrggbb`."""
    return tuple("#{:02x}{:02x}{:02x}".format(*map(int, colour)) for colour in colours)


def merge_colours(colours: Bytes, weights: Floats, alike: float = ALIKE) -> Bytes:
    """The colours (n, 3) that are plainly different, each the mean of those alike; heavy ones gather their neighbours."""
    lab = to_oklab(colours)
    leaders = np.zeros((0, 3), np.float32)
    for index in np.argsort(-weights, kind="stable"):
        far = len(leaders) == 0 or float(np.linalg.norm(leaders - lab[index], axis=1).min()) > alike
        if far and len(leaders) < MOST:
            leaders = np.concatenate([leaders, lab[index : index + 1]])
    return _by_lightness(_settled(lab, weights, leaders, rounds=2))


def pick_colours(colours: Bytes, weights: Floats, count: int) -> Bytes:
    """At most `count` colours (n, 3) that stand for weighted colours: the farthest from those chosen come first.

    So a highlight of a few pixels keeps its colour, and the same art gives the same palette every time.
    """
    lab = to_oklab(colours)
    chosen = lab[[int(np.argmax(weights))]]
    away = np.linalg.norm(lab - chosen, axis=1)
    while len(chosen) < count and away.max() > ALIKE / 2:
        worst = int(np.argmax(away**2 * np.sqrt(weights)))
        chosen = np.concatenate([chosen, lab[[worst]]])
        away = np.minimum(away, np.linalg.norm(lab - lab[worst], axis=1))
    return _by_lightness(_settled(lab, weights, chosen, rounds=ROUNDS))


def _settled(lab: Floats, weights: Floats, centres: Floats, rounds: int) -> Floats:
    """Lloyd's rounds of k-means: each centre becomes the mean of what is nearest to it."""
    for _ in range(rounds):
        nearest = _nearest(lab, centres)
        total = np.bincount(nearest, weights, len(centres))
        means = np.stack([np.bincount(nearest, weights * lab[:, i], len(centres)) for i in range(3)], axis=1)
        kept = total > 0
        centres = as_floats(means[kept] / total[kept, None])
    return centres


def _by_lightness(lab: Floats) -> Bytes:
    return from_oklab(lab[np.lexsort((lab[:, 2], lab[:, 1], lab[:, 0]))])


def _nearest(lab: Floats, centres: Floats) -> Indices:
    squares = (centres**2).sum(axis=1)[None] - 2 * lab @ centres.T
    return np.asarray(np.argmin(squares, axis=1), np.intp)


def nearest_colours(colours: Bytes, palette: Bytes) -> Indices:
    """For each colour (n, 3) the index of the palette's most alike."""
    return _nearest(to_oklab(colours), to_oklab(palette))


def nearest_coarse(colours: Bytes, palette: Bytes) -> Indices:
    """The same for very many colours, by way of coarse ones: near a border it may take the second nearest."""
    found, back = np.unique(_codes(colours), return_inverse=True)
    return nearest_colours(_decoded(found), palette)[back.reshape(-1)]


def coarse_colours(colours: Bytes) -> tuple[Bytes, Floats]:
    """The different colours of (n, 3) when 5 bits a channel are kept, and how many pixels have each."""
    found, counts = np.unique(_codes(colours), return_counts=True)
    return _decoded(found), counts.astype(np.float32)


def _codes(colours: Bytes) -> Indices:
    """Colours as numbers of 15 bits."""
    coarse = colours.astype(np.intp) >> (8 - BITS)
    return np.asarray((coarse[..., 0] << 2 * BITS) | (coarse[..., 1] << BITS) | coarse[..., 2], np.intp)


def _decoded(codes: Indices) -> Bytes:
    half = 1 << (7 - BITS)
    levels = [((codes >> shift & (1 << BITS) - 1) << (8 - BITS)) + half for shift in (2 * BITS, BITS, 0)]
    return np.stack(levels, axis=1).astype(np.uint8)
