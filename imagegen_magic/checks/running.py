"""Expectations checked on one image: which measure answers which expectation, and the words of the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from imagegen_magic.errors import Fix, ImagegenError, OptionError, Problem, Setting
from imagegen_magic.facts.toml_file import read_toml
from imagegen_magic.images.opening import decoding, open_image

from . import measures, ocr
from .color_names import COLOR_RULE, read_color
from .expectations import SIZE, Expectation, parse_expectations
from .pixels import Pixels, load_pixels
from .verdicts import CheckReport, Verdict

__all__ = ["Context", "check_image", "prepare", "unchecked"]

MOST_COLOR_CHANGE = 0.06
"""ΔE-OK, on average, by which an image may differ from the one that it is to be the same as."""
MIN_SHARE = 0.002
"""The share of a picture that must be transparent, and the share that must not, if alpha is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What an expectation may need besides the image.

    Attributes:
        find: the file that `@hero` means; raises OptionError.
        original, mask: of an edit: what was edited, and where it may change (transparent), as files or bytes.
    """

    find: Callable[[str], Path] = Path
    original: Any = None
    mask: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """What a measure found. `holds` is None if the expectation's bound decides."""

    value: float | None = None
    sentence: str
    holds: bool | None = None
    bound: str = ""


class _CannotCheckError(Exception):
    """The expectation can't be checked on this machine, or with what is known here; the message says why."""


def check_image(image: Any, expected: Iterable[Any], *, context: Context | None = None, name: str = "") -> CheckReport:
    """The verdicts on one image: a path, a file's bytes or a Pillow image. An expectation that fails raises nothing.

    Raises:
        OptionError: an expectation can't be read, or the image can't.
    """
    wanted = parse_expectations(expected)
    pixels = load_pixels(image) if wanted else None
    name = name or (Path(image).name if isinstance(image, (str, Path)) else "")
    verdicts = (_verdict(pixels, image, item, context or Context()) for item in wanted if pixels)
    return CheckReport(verdicts=tuple(replace(verdict, image=name) for verdict in verdicts), name=name)


def unchecked(wanted: Iterable[Expectation], reason: str, name: str = "") -> CheckReport:
    """The report on an image that can't be measured: every expectation not checked, for the same reason."""
    sentence = f"not checked: {reason}"
    verdicts = (Verdict(expected=item.text, passed=None, sentence=sentence, image=name) for item in wanted)
    return CheckReport(verdicts=tuple(verdicts), name=name)


def _verdict(pixels: Pixels, image: Any, wanted: Expectation, context: Context) -> Verdict:
    try:
        found = _call(image, wanted) if wanted.call else _MEASURES[wanted.check](pixels, wanted, context)
    except _CannotCheckError as reason:
        return Verdict(expected=wanted.text, passed=None, sentence=f"not checked: {reason}")
    except ImagegenError as error:
        words = "; ".join(f"{p.value or p.field}: {p.rule}" for p in error.problems) or error.summary
        return Verdict(expected=wanted.text, passed=None, sentence=f"not checked: {words}")
    bound = wanted.bound
    holds = found.holds
    if holds is None:
        holds = bound is None or found.value is None or bound.holds(found.value)
    score = bound.closeness(found.value) if bound and found.value is not None and not holds else float(holds)
    words = found.bound or (str(bound) if bound and found.value is not None else "")
    return Verdict(
        expected=wanted.text, passed=holds, value=found.value, bound=words, sentence=found.sentence, score=score
    )


def _call(image: Any, wanted: Expectation) -> _Finding:
    """A callable of the user: it gets the Pillow image, and answers by True, False, a text that says what is wrong, or an assert."""
    assert wanted.call is not None
    # From memory: a callable that reads the header alone would leave a file open.
    data = Path(image).read_bytes() if isinstance(image, (str, Path)) else image
    opened = data if isinstance(data, Image.Image) else open_image(data)
    try:
        answer = wanted.call(opened)
    except AssertionError as error:
        return _Finding(sentence=str(error).split("\n")[0] or "an assert failed", holds=False)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code: its fault must not hide a picture that was paid for
        raise _CannotCheckError(f"{type(error).__name__}: {error}") from None
    if isinstance(answer, str):
        return _Finding(sentence=answer or "as expected", holds=not answer)
    if not (answer is None or isinstance(answer, Real | np.bool_)):
        kind = type(answer).__name__  # a tuple, a mask or a coroutine would count as True
        raise _CannotCheckError(f"{wanted.text} answered a {kind}, not True, False, None or a text")
    holds = answer is None or bool(answer)
    return _Finding(sentence="as expected" if holds else f"answered {answer!r}", holds=holds)


def _alpha(pixels: Pixels, wanted: Expectation, context: Context) -> _Finding:
    clear, covered = measures.transparent_share(pixels), measures.coverage(pixels)
    if clear < MIN_SHARE or covered < MIN_SHARE:
        faint = measures.faint_share(pixels) >= MIN_SHARE
        none = "half-transparent at most: nothing is clear" if faint else "no transparency"
        what = none if clear < MIN_SHARE else "nothing but transparency"
        return _Finding(value=clear, sentence=what, holds=False, bound=f"at least {MIN_SHARE:.1%} of each")
    words = [f"{clear:.0%} is transparent, the subject covers {covered:.0%}"]
    holds = wanted.bound is None or wanted.bound.holds(covered)
    if "clean" in wanted.words:
        fault, found = measures.edge_fault(pixels)
        holds = holds and fault <= 1
        words.append(found)
    return _Finding(value=covered, sentence="; ".join(words), holds=holds, bound=str(wanted.bound or "has alpha"))


def _size(pixels: Pixels, wanted: Expectation, context: Context) -> _Finding:
    match = SIZE.fullmatch(wanted.value or "")
    assert match is not None
    width, height = pixels.size
    if match["across"]:
        across, down = int(match["across"]), int(match["down"])
        holds = abs(width * down - height * across) <= 0.01 * width * down
    else:
        asked = (int(match["width"]), int(match["height"]))
        operator: Callable[[int, int], bool] = {">=": int.__ge__, "<=": int.__le__, "": int.__eq__}[match["op"]]
        holds = operator(width, asked[0]) and operator(height, asked[1])
    return _Finding(sentence=f"{width}x{height}", holds=holds, bound=wanted.value or "")


def _palette(pixels: Pixels, wanted: Expectation, context: Context) -> _Finding:
    colors, tolerance = _read_palette(wanted)
    share = measures.palette_share(pixels, colors, tolerance)
    return _Finding(value=share, sentence=f"{share:.1%} within {tolerance:g} ΔE of {len(colors)} colours")


def _read_palette(wanted: Expectation) -> tuple[list[tuple[int, int, int]], float]:
    """The colours of `#rrggbb,navy` or of a TOML file's `colors` (a list, or a table by name), and its `tolerance`."""
    text = wanted.value or ""
    tolerance = 0.05
    names: Iterable[Any] = text.split(",")
    if not text.startswith("#") and None in map(read_color, text.split(",")):
        try:
            table = read_toml(wanted.path(text))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise _refused(
                wanted, f"the palette can't be read: {why}", "a TOML file with a list named colors"
            ) from None
        found = table.get("colors")
        names = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
        tolerance = table.get("tolerance", tolerance)
    colors = [read_color(str(name)) for name in names]
    if not colors or None in colors or not isinstance(tolerance, (int, float)):
        raise _refused(wanted, "colours are needed as #rrggbb or by their CSS names", 'colors = ["#0b3d91", "#ffffff"]')
    return [color for color in colors if color], float(tolerance)


def _refused(wanted: Expectation, rule: str, fix: str) -> OptionError:
    return OptionError("not read", problems=(Problem(field="expect", value=wanted.text, rule=rule, fix=fix),))


def _background(pixels: Pixels, wanted: Expectation, context: Context) -> _Finding:
    color = None if wanted.value == "transparent" else _needed_color(wanted)
    share = measures.background_share(pixels, color)
    return _Finding(value=share, sentence=f"{share:.1%} of the frame is {wanted.value}")


def _needed_color(wanted: Expectation) -> tuple[int, int, int]:
    color = read_color(wanted.value or "")
    if color is None:
        raise _refused(wanted, COLOR_RULE, f"{wanted.check}=#ffffff")
    return color


def _outside_mask(pixels: Pixels, wanted: Expectation, context: Context) -> _Finding:
    original, mask = context.original, context.mask
    if wanted.value:
        mask, original = _mask_and_original(wanted)
    if original is None or mask is None:
        raise _CannotCheckError("it needs an edit with a mask, or outside-mask=MASK,ORIGINAL")
    before, area = load_pixels(original), load_pixels(mask)
    if area.size != before.size:
        raise _CannotCheckError("the mask and the original differ in size")
    if pixels.size != before.size:
        return _Finding(sentence=f"the size changed from {before.size} to {pixels.size}", holds=False)
    share = measures.changed_share(before, pixels, area.alpha >= 128)
    return _Finding(value=share, sentence=f"{share:.1%} of the pixels outside the mask changed")


def _seamless(pixels: Pixels, wanted: Expectation, context: Context) -> _Finding:
    ratio = measures.seam_ratio(pixels)
    return _Finding(value=ratio, sentence=f"the worst step at a seam is {ratio:.1f} times the strong steps inside")


def _contrast(pixels: Pixels, wanted: Expectation, context: Context) -> _Finding:
    ratio = measures.contrast(pixels, _needed_color(wanted) if wanted.value else None)
    return _Finding(value=ratio, sentence=f"{ratio:.1f} to 1 with {wanted.value or 'its surroundings'}")


def _sharp(pixels: Pixels, wanted: Expectation, context: Context) -> _Finding:
    value = measures.sharpness(pixels)
    return _Finding(value=value, sentence=f"sharpness {value:.2f}")


def _not_blank(pixels: Pixels, wanted: Expectation, context: Context) -> _Finding:
    share = measures.detail_share(pixels)
    return _Finding(value=share, sentence=f"{share:.2%} differs from the most common colour")


def _same_as(pixels: Pixels, wanted: Expectation, context: Context) -> _Finding:
    other = load_pixels(wanted.reference or _reference(wanted, context))
    alike, apart = measures.structure(pixels, other), measures.color_change(pixels, other)
    holds = apart <= MOST_COLOR_CHANGE and (wanted.bound is None or wanted.bound.holds(alike))
    return _Finding(value=alike, sentence=f"structure {alike:.2f}, colours {apart:.3f} ΔE apart", holds=holds)


def _text(pixels: Pixels, wanted: Expectation, context: Context) -> _Finding:
    read = ocr.find_reader()
    if read is None:
        raise _CannotCheckError(ocr.INSTALL)
    share, seen = ocr.words_found(read(np.asarray(pixels.on(255))), wanted.value or "")
    return _Finding(value=share, sentence=f"read: {seen[:80] or 'nothing'}")


_MEASURES: dict[str, Callable[[Pixels, Expectation, Context], _Finding]] = {
    "alpha": _alpha,
    "size": _size,
    "palette": _palette,
    "background": _background,
    "outside-mask": _outside_mask,
    "seamless": _seamless,
    "contrast": _contrast,
    "sharp": _sharp,
    "not-blank": _not_blank,
    "same-as": _same_as,
    "text": _text,
}


def prepare(
    wanted: Iterable[Expectation], context: Context, *, masked: bool, reads: bool = True
) -> tuple[tuple[Expectation, ...], list[Problem]]:
    """The expectations, ready to be checked later, and what would keep one from it: files, colours, tools, a mask.

    `reads` says that a text which can't be read on this machine is a problem too. The image of `same-as` is read now: a new `hero.png` must not be compared with itself.
    """
    ready: list[Expectation] = []
    problems: list[Problem] = []
    for item in wanted:
        try:
            ready.append(_prepared(item, context, masked=masked, reads=reads))
        except ImagegenError as error:
            problems += [replace(problem, field="expect", value=item.text) for problem in error.problems]
    return tuple(ready), problems


def _prepared(wanted: Expectation, context: Context, *, masked: bool, reads: bool) -> Expectation:
    if wanted.check == "palette":
        _read_palette(wanted)
    elif wanted.check == "same-as":
        path = _reference(wanted, context)
        return replace(wanted, reference=_readable(path, _modified(path)))
    elif wanted.check == "outside-mask" and wanted.value:
        for path in _mask_and_original(wanted):
            _readable(path, _modified(path))
    elif wanted.check == "outside-mask" and not masked:
        fix = Fix(Setting("--mask-box", "25%,25%,50%,50%"), " in an edit, or outside-mask=MASK,ORIGINAL")
        raise _refused(wanted, "there is no mask", fix)
    elif wanted.check == "text" and reads and ocr.find_reader() is None:
        raise _refused(wanted, ocr.INSTALL, "leave this expectation out")
    return wanted


def _reference(wanted: Expectation, context: Context) -> Path:
    """The file that `same-as` names."""
    name = wanted.value or ""
    return context.find(name) if name.startswith("@") else wanted.path(name)


def _mask_and_original(wanted: Expectation) -> tuple[Path, Path]:
    mask, _, original = (wanted.value or "").partition(",")
    return wanted.path(mask), wanted.path(original)


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


@lru_cache(maxsize=4)
def _readable(path: Path, modified: int) -> bytes:
    """The bytes of an image file as of that moment (ns): a batch asks for every job.

    Raises:
        OptionError: it is not an image.
    """
    with decoding(path.name):
        data = path.read_bytes()
    open_image(data, path.name)
    return data
