"""Masks: made from files, arrays and boxes, checked before they are sent, and kept to afterwards.

Alpha 0 marks what will change (OpenAI API reference, images edit). A mask only guides the model, so `protect`
puts the original back outside it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from imagegen_magic.errors import Fix, OptionError, Problem, Setting
from imagegen_magic.facts.words import foreign_values
from imagegen_magic.request.request import InputImage

from .arrays import eight_bit_gray
from .opening import decoding, open_image, read_input

__all__ = ["Change", "box_text", "build_mask", "changed_outside", "mask_overlay", "mask_share", "protect"]

_EDGE = r"\s*(\d+\.?\d*|\.\d+)\s*(%?)\s*"
_BOX = re.compile(",".join([_EDGE] * 4))
SEAM_PIXELS = 6
"""Width of the soft seam inside the mask along which `protect` blends, in pixels."""
CHANGED_LEVELS = 8
"""A pixel counts as changed when a channel differs by more than this many levels of 255."""


def build_mask(
    target: InputImage, *, source: Any = None, boxes: Sequence[Any] = (), invert: bool = False, edit: str | None = None
) -> InputImage:
    """The mask as PNG of the target's size, alpha 0 where the picture will change.

    Args:
        source: a file, an array or a Pillow image with alpha; an array of booleans or of shape (height, width) is
            read as "True or bright will change".
        boxes: rectangles `x,y,w,h` in pixels, per cent or fractions, as texts or tuples of numbers, that will change.
        edit: which part of `source` will change: `white`, `black` (of a black-and-white mask) or `transparent`; None reads
            alpha, and asks about a mask without it.
        invert: swaps what changes and what stays.

    Raises:
        OptionError: no alpha, another size, all clear or all opaque, or an unreadable box.
    """
    keep = Image.new("L", target.size, 255)
    if source is not None:
        with decoding(_named(source)):
            keep = _alpha_of(source, target, edit)
    draw = ImageDraw.Draw(keep)
    one = bool(boxes) and (all(isinstance(edge, (int, float)) for edge in boxes) or box_text(boxes) is not None)
    for text in [boxes] if one else boxes:
        x, y, w, h = parse_box(text, target.size)
        draw.rectangle((x, y, x + w - 1, y + h - 1), fill=0)
    if invert:
        keep = ImageChops.invert(keep)
    _check_both(keep)
    image = Image.merge("RGBA", (*(Image.new("L", target.size, 0) for _ in range(3)), keep))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return InputImage(name="mask.png", data=buffer.getvalue(), mime="image/png", size=target.size, origin="mask")


def box_text(source: Any) -> str | None:
    """The text of a rectangle that was given as a mask image; None for anything else.

    >>> box_text((0, 0, 100, 100))
    '0,0,100,100'
    """
    is_box = isinstance(source, (tuple, list)) and len(source) == 4
    if is_box and all(isinstance(edge, (int, float, str)) for edge in source):
        source = ",".join(map(str, source))
    return source.replace(" ", "") if isinstance(source, str) and _BOX.fullmatch(source) else None


def _alpha_of(source: Any, target: InputImage, edit: str | None) -> Image.Image:
    """The keep-channel of a mask source: its alpha, or the inverse of a plain array of what will change."""
    source = np.asarray(source) if isinstance(source, (list, tuple)) else source
    if hasattr(source, "__array__") and not hasattr(source, "getbands") and not hasattr(source, "path"):
        if edit is None:
            return _of_array(source, target)
        if edit in ("white", "black") and np.ndim(source) == 2:
            keep = _of_array(source, target)
            return keep if edit == "white" else ImageChops.invert(keep)
    image = source if isinstance(source, Image.Image) else open_image(_mask_bytes(source))
    if image.size != target.size:
        raise _refused(
            f"{image.width}x{image.height}",
            _size_rule(target),
            Fix(f"resize it to {target.size[0]}x{target.size[1]}, or use ", Setting("--mask-box")),
        )
    if edit in ("white", "black"):
        bright = _bright(image)
        return ImageChops.invert(bright) if edit == "white" else bright
    if "A" not in image.getbands() and "transparency" not in image.info:
        rule = "it has no alpha, and black or white could mean either: which part will change?"
        raise _refused(
            _named(source), rule, Fix(Setting("--mask-edit", "white"), " or ", Setting("--mask-edit", "black"))
        )
    return image.convert("RGBA").getchannel("A")


def _bright(image: Image.Image) -> Image.Image:
    """White for the lighter half of an image's levels, black for the darker, whatever they are counted in."""
    if image.mode == "F":
        image = Image.fromarray(np.where(_is_light(np.asarray(image)), 255, 0).astype(np.uint8))
    elif image.mode.startswith("I"):
        image = eight_bit_gray(image)
    return image.convert("L").point(lambda level: 255 if level > 127 else 0)


def _is_light(levels: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a plane of levels is light: booleans, floats of 0 to 1, levels of 0 to 255; wider integers are labels, 0 is none."""
    are_labels = levels.dtype.kind in "biu" and levels.dtype != np.uint8
    half = 127 if levels.size and levels.max() > 1 and not are_labels else 0.5
    return np.asarray(levels > half)


def _mask_bytes(source: Any) -> bytes:
    return (
        read_input(source).data
        if not isinstance(source, (bytes, Path))
        else source
        if isinstance(source, bytes)
        else read_input(source).data
    )


def _of_array(source: Any, target: InputImage) -> Image.Image:

    array = np.asarray(source)
    if array.ndim == 3 and array.shape[2] == 4:
        keep = array[..., 3] if array.dtype == np.uint8 else np.rint(array[..., 3] * 255)
    elif array.ndim == 2:
        keep = np.where(_is_light(array), 0, 255)
    else:
        raise _refused(
            str(array.shape),
            "a mask array has shape (height, width), or (height, width, 4) with alpha",
            "pass array[..., 0] > 127",
        )
    if keep.shape != (target.size[1], target.size[0]):
        raise _refused(
            f"{keep.shape[1]}x{keep.shape[0]}",
            _size_rule(target),
            f"make it {target.size[1]} rows by {target.size[0]} columns",
        )
    return Image.fromarray(keep.astype(np.uint8))


def _size_rule(target: InputImage) -> str:
    return f"it must have the size of the first image ({target.name}: {target.size[0]}x{target.size[1]}), after its EXIF orientation"


def _named(source: Any) -> str:
    return Path(source).name if isinstance(source, (str, Path)) else type(source).__name__


def _refused(value: str, rule: str, fix: str) -> OptionError:
    return OptionError("the mask can't be used", problems=(Problem(field="mask", value=value, rule=rule, fix=fix),))


def _check_both(keep: Image.Image) -> None:
    low, high = keep.getextrema()
    if low == 255:
        raise _refused(
            "all opaque",
            "nothing would change: the transparent part is what will change",
            Fix(Setting("--mask-invert"), ", or ", Setting("--mask-box", "X,Y,W,H")),
        )
    if high == 0:
        raise _refused("all clear", "everything would change", Fix("leave the mask out, or ", Setting("--mask-invert")))


def parse_box(text: str | Sequence[float] | Mapping[str, float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """(x, y, width, height) in pixels of a box `x,y,w,h` in pixels, per cent or fractions, inside a picture of `size`.

    Four numbers of 1 or less, one with a decimal point, are fractions: `0.25,0.25,0.5,0.5` is the middle.

    Raises:
        OptionError: it is not of that form, could mean two things, or goes beyond the picture.
    """
    if isinstance(text, Mapping) and [str(name)[:1] for name in text] == list("xywh"):
        text = list(text.values())
    if isinstance(text, Mapping):
        text = str(dict(text))
    if not isinstance(text, str):
        text = ",".join(map(str, text)) if isinstance(text, Iterable) else str(text)
    match = _BOX.fullmatch(text)
    if match is None:
        raise _refused_box(
            text, "X,Y,W,H in pixels, per cent or fractions, none below 0", meant_box(text) or "10%,10%,50%,30%"
        )
    numbers, units = [float(n) for n in match.groups()[::2]], match.groups()[1::2]
    _check_units(text, numbers, units)
    fractions = "." in text and "%" not in text and max(numbers) <= 1
    one = [size[i % 2] / 100 if unit else size[i % 2] if fractions else 1 for i, unit in enumerate(units)]
    x, y, width, height = (number * scale for number, scale in zip(numbers, one, strict=True))
    if round(x + width) - size[0] > _ROUNDING or round(y + height) - size[1] > _ROUNDING:
        rule = f"it goes beyond the {size[0]}x{size[1]} picture: W and H are width and height, not a second corner"
        raise _refused_box(text, rule, _inside((x, y, width, height), match.groups(), size, one))
    left, top = round(x), round(y)
    right, bottom = min(round(x + width), size[0]), min(round(y + height), size[1])
    if right <= left or bottom <= top:
        raise _refused_box(text, f"it covers nothing of the {size[0]}x{size[1]} picture", "25%,25%,50%,50%")
    return left, top, right - left, bottom - top


_ROUNDING = 2
"""Pixels that a box may go beyond its picture, as rounded fractions do."""


def _refused_box(text: str, rule: str, fix: str) -> OptionError:
    problem = Problem(field="mask_box", value=text, rule=rule, fix=Fix(Setting("--mask-box", fix)))
    return OptionError("the mask box can't be used", problems=(problem,))


def _check_units(text: str, numbers: Sequence[float], units: Sequence[str]) -> None:
    """Stops at what is half fractions and half pixels, or either: `0.1,0.1,200,200`, `0,0,1,1`.

    Raises:
        OptionError: it is.
    """
    plain = [number for number, unit in zip(numbers, units, strict=True) if not unit]
    if any(0 < number < 1 for number in plain) and (max(plain) > 1 or len(plain) < len(numbers)):
        rule = "fractions are mixed with pixels or per cent"
        pairs = zip(numbers, units, strict=True)
        raise _refused_box(text, rule, ",".join(f"{n:g}{u}" if u or n > 1 else f"{n * 100:g}%" for n, u in pairs))
    if len(plain) == len(numbers) and max(numbers) <= 1 and "." not in text and min(numbers[2:]) > 0:
        raise _refused_box(text, "this is one pixel, or as fractions everything", "25%,25%,50%,50%")


def _inside(box: Sequence[float], given: Sequence[str], size: tuple[int, int], one: Sequence[float]) -> str:
    """A box that is inside the picture, in its own units: of two corners if it reads as such, else as much as there is."""
    x, y, right, bottom = box
    if not (x < right <= size[0] and y < bottom <= size[1]):
        right, bottom = min(x + right, size[0]), min(y + bottom, size[1])
    if right <= x or bottom <= y:
        return "25%,25%,50%,50%"
    edges = (x, y, right - x, bottom - y)
    return ",".join(f"{edge / scale:.6g}{unit}" for edge, scale, unit in zip(edges, one, given[1::2], strict=True))


def meant_box(text: str) -> str | None:
    """The box that a text in another notation stands for; None if it does not hold four numbers.

    >>> meant_box("(10, 10, 200, 100)"), meant_box("200x100+10+10"), meant_box("1/4, 1/4, 1/2, 1/2"), meant_box("left half")
    ('10,10,200,100', '10,10,200,100', '25%,25%,50%,50%', '0,0,50%,100%')
    """
    word = text.strip().lower()
    if (named := foreign_values("mask_box").get(word.removesuffix(" half"))) is not None:
        return named
    numbers = re.findall(r"\d*\.?\d+(?:/\d+)?%?", word)
    if len(numbers) != 4 or "-" in word:
        return None
    if re.fullmatch(r"\d+x\d+\+\d+\+\d+", word):
        numbers = [*numbers[2:], *numbers[:2]]
    return ",".join(f"{float(Fraction(number)) * 100:g}%" if "/" in number else number for number in numbers)


def _keep_channel(mask: InputImage) -> Image.Image:
    return open_image(mask.data).convert("RGBA").getchannel("A")


def mask_share(mask: InputImage) -> float:
    """The share (0 to 1) of pixels that will change: those with alpha 0."""
    counts = _keep_channel(mask).histogram()
    return counts[0] / sum(counts)


def mask_overlay(target: InputImage, mask: InputImage, *, max_edge: int = 768) -> Image.Image:
    """The target with diagonal hatching over what will change, at most `max_edge` pixels long."""
    image = open_image(target.data).convert("RGB")
    image.thumbnail((max_edge, max_edge))
    change = ImageChops.invert(_keep_channel(mask)).resize(image.size)
    hatch = Image.new("L", image.size, 70)
    draw = ImageDraw.Draw(hatch)
    for offset in range(-image.height, image.width, 14):
        draw.line((offset, image.height, offset + image.height, 0), fill=200, width=4)
    tint = Image.new("RGB", image.size, (255, 64, 129))
    return Image.composite(tint, image, ImageChops.multiply(change, hatch))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How much changed outside the mask: the share of pixels (0 to 1), and the mean difference in levels of 255."""

    share: float
    mean: float


def _pair(original: InputImage, edited: Path, mask: InputImage) -> tuple[Image.Image, Image.Image, Image.Image]:
    """Original, edit and keep-channel, all of the edit's size."""
    after = open_image(edited)
    after = after.convert("RGBA" if "A" in after.getbands() else "RGB")
    ratio = (after.width / after.height) / (original.size[0] / original.size[1])
    if abs(ratio - 1) > 0.01:
        sizes = f"{original.size[0]}x{original.size[1]} and {after.width}x{after.height}"
        raise OptionError(
            f"the original and the edit have other proportions ({sizes}), so the original can't be put back outside the mask"
        )
    before = open_image(original.data).convert(after.mode)
    keep = _keep_channel(mask)
    if before.size != after.size:
        before, keep = (
            before.resize(after.size, Image.Resampling.LANCZOS),
            keep.resize(after.size, Image.Resampling.BILINEAR),
        )
    return before, after, keep


def changed_outside(original: InputImage, edited: Path, mask: InputImage) -> Change:
    """How much the edit changed where the mask says that nothing should.

    Raises:
        OptionError: the edit has other proportions than the original.
    """
    before, after, keep = _pair(original, edited, mask)
    outside = np.asarray(keep) == 255
    difference = np.abs(np.asarray(before, np.int16) - np.asarray(after, np.int16)).max(axis=-1)[outside]
    if not difference.size:
        return Change(share=0.0, mean=0.0)
    return Change(share=float((difference > CHANGED_LEVELS).mean()), mean=float(difference.mean()))


def protect(original: InputImage, edited: Path, mask: InputImage, *, seam: int = SEAM_PIXELS) -> Image.Image:
    """The edit inside the mask, the original outside, blended along a seam of `seam` pixels inside the mask.

    Outside the mask every pixel is exactly the original's (where the sizes are equal).

    Raises:
        OptionError: the edit has other proportions than the original.
    """
    before, after, keep = _pair(original, edited, mask)
    grown = keep.filter(ImageFilter.MaxFilter(2 * (seam // 2) + 1)) if seam > 1 else keep
    soft = grown.filter(ImageFilter.GaussianBlur(seam / 3)) if seam else grown
    return Image.composite(before, after, ImageChops.lighter(soft, keep))
