"""Reads expectations: texts such as `alpha clean 0.2..0.8`, TOML files of them, and callables.

One expectation is words: a check's name, `=VALUE` if it takes one, and what is beside its usual bound, for example
`>=0.95`, `<=0.02` or `0.2..0.8`.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.facts.toml_file import read_toml
from imagegen_magic.options.paths import expanded

from .color_names import COLOR_RULE, read_color
from .verdicts import Bound

__all__ = ["CHECKS", "SIZE", "Check", "Expectation", "parse_expectations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One kind of expectation: what it looks at, the value it takes, and the bound that holds without another."""

    name: str
    help: str
    value: str = ""
    """What stands after `=`; empty for none. In brackets: may be left out."""
    bound: Bound | None = None
    words: tuple[str, ...] = ()
    """Words that may follow."""
    most: float | None = 1.0
    """The largest number that can be measured: most are shares."""


_CHECKS = (
    Check(name="alpha", help="has transparency; `clean`: no halo, haze or specks; a range: the share that the subject covers",
          words=("clean",)),
    Check(name="size", help="exact pixels, a ratio, or at least so many pixels", value="WxH|W:H|>=WxH"),
    Check(name="palette", help="the share of visible pixels near a palette's colours", value="FILE.toml|COLOR,…",
          bound=Bound(low=0.9)),
    Check(name="background", help="the share of the frame that has this colour, or is transparent",
          value="COLOR|transparent", bound=Bound(low=0.95)),
    Check(name="outside-mask", help="the share of what the mask protects that changed", value="[MASK,ORIGINAL]",
          bound=Bound(high=0.02), words=("unchanged",)),
    Check(name="seamless", help="the step at the seams of a tile over the strong steps inside", bound=Bound(high=2.0),
          most=None),
    Check(name="contrast", help="WCAG contrast of the subject with a colour, or with its surroundings", value="[COLOR]",
          bound=Bound(low=3.0), most=21.0),
    Check(name="sharp", help="how sharp the sharpest parts are, 0 to 1", bound=Bound(low=0.65)),
    Check(name="not-blank", help="the share that differs from the most common colour", bound=Bound(low=0.003)),
    Check(name="same-as", help="structure (SSIM) and colours like another image's", value="FILE|@NAME",
          bound=Bound(low=0.93)),
    Check(name="text", help="the words are in the picture, by OCR: the share of them that is found", value="WORDS",
          bound=Bound(low=1.0)),
)  # fmt: skip
CHECKS: dict[str, Check] = {check.name: check for check in _CHECKS}
"""Every check by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One expectation, read: its own text, the check, its value and bound; or a callable."""

    text: str
    check: str = ""
    value: str | None = None
    words: tuple[str, ...] = ()
    bound: Bound | None = None
    call: Callable[[Any], Any] | None = field(default=None, compare=False)
    folder: Path | None = None
    """Where relative files of its value are; None means the working folder."""
    reference: bytes | None = field(default=None, compare=False, repr=False)
    """The image that is compared with, if it was read before: its file may be another by the time of the check."""

    def path(self, text: str) -> Path:
        """A file named in the value, found from the place that names it."""
        return (self.folder or Path()) / expanded(text)


def parse_expectations(given: Iterable[Any]) -> tuple[Expectation, ...]:
    """Expectations from texts, `.toml` files and callables.

    >>> parse_expectations(["size=1024x1024", "alpha clean 0.2..0.8"])[1].bound
    Bound(low=0.2, high=0.8)

    Raises:
        OptionError: one can't be read; `.problems` holds every fault.
    """
    found: list[Expectation] = []
    problems: list[Problem] = []
    for item in given:
        try:
            found += _parsed(item)
        except OptionError as error:
            problems += error.problems
    if problems:
        raise OptionError("what is expected can't be read", problems=tuple(problems))
    return tuple(found)


def _parsed(item: Any) -> list[Expectation]:
    if isinstance(item, Expectation):
        return [item]
    if callable(item):
        return [Expectation(text=getattr(item, "__name__", type(item).__name__), call=item)]
    text = str(item).strip()
    if isinstance(item, Path) or (text.endswith(".toml") and "=" not in text):
        return _from_file(expanded(text))
    return [_parse_one(text, None)]


def _from_file(path: Path) -> list[Expectation]:
    """The list `expect` of a TOML file, which is a list of texts."""
    try:
        texts = read_toml(path).get("expect")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise _refused(str(path), f"it can't be read: {why}", 'a TOML file with expect = ["not-blank"]') from None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise _refused(str(path), "it needs a list of texts named expect", 'expect = ["not-blank", "size=1024x1024"]')
    return [_parse_one(text, path.parent) for text in texts]


def _refused(value: str, rule: str, fix: str) -> OptionError:
    return OptionError("not read", problems=(Problem(field="expect", value=value, rule=rule, fix=fix),))


_WORD = re.compile(r"(?P<name>[A-Za-z][A-Za-z-]*)(?:=(?P<value>.*))?", re.DOTALL)


def _parse_one(text: str, folder: Path | None) -> Expectation:
    try:
        words = shlex.split(re.sub(r"^([A-Za-z-]+)\s*(?=[<>]=)", r"\1 ", text))
    except ValueError:
        words = []
    match = _WORD.fullmatch(words[0]) if words else None
    check = CHECKS.get(match["name"].lower()) if match else None
    if match is None or check is None:
        near = difflib.get_close_matches(match["name"] if match else text, CHECKS, n=2)
        fix = f"did you mean {' or '.join(near)}?" if near else ", ".join(CHECKS)
        raise _refused(text, "no such expectation", fix)
    value, rest = match["value"] or None, words[1:]
    if check.name == "size" and value is None and len(rest) == 1:
        value, rest = rest[0], []
    bounds = [bound for word in rest if (bound := _bound(word)) is not None]
    plain = tuple(word for word in rest if _bound(word) is None)
    _check_words(text, check, value, plain, bounds)
    return Expectation(
        text=text, check=check.name, value=value, words=plain, bound=bounds[0] if bounds else check.bound, folder=folder
    )


def _check_words(text: str, check: Check, value: str | None, plain: tuple[str, ...], bounds: list[Bound]) -> None:
    """Every word must mean something: a mistyped one would make the check weaker than it looks."""
    example = f"{check.name}{'=' + check.value if check.value else ''}"
    if value is None and check.value and not check.value.startswith("["):
        raise _refused(text, f"{check.name} needs a value", example)
    if value is not None and not check.value:
        raise _refused(text, f"{check.name} takes no value after =", check.name)
    unknown = [word for word in plain if word not in check.words]
    if unknown or len(bounds) > 1:
        rule = f"not understood: {' '.join(unknown)}" if unknown else "one bound at most"
        allowed = ", ".join((*check.words, ">=NUMBER", "<=NUMBER", "LOW..HIGH"))
        raise _refused(text, rule, f"{example}, then {allowed}")
    if any(bound.low is not None and bound.high is not None and bound.low > bound.high for bound in bounds):
        raise _refused(text, "the smaller number comes first: nothing is in this range", f"{check.name} 0.2..0.8")
    for bound in bounds:
        _check_reach(text, check, bound)
    size = SIZE.fullmatch(value or "")
    if check.name == "size" and (size is None or 0 in map(int, filter(None, size.group(2, 3, 4, 5)))):
        raise _refused(text, "a size is needed", "size=1024x1024, size=16:9, or size >=1024x1024")
    if check.name in ("background", "contrast") and value not in (None, "transparent") and not read_color(value or ""):
        raise _refused(text, COLOR_RULE, f"{check.name}=#ffffff")
    if check.name == "text" and not (value or "").split():
        raise _refused(text, "words are needed", "'text=\"SALE\"'")


def _check_reach(text: str, check: Check, bound: Bound) -> None:
    """Refuses a bound that nothing reaches or that everything is within: `>=95` where 95 % was meant."""
    for sign, number in ((">=", bound.low), ("<=", bound.high)):
        if check.most is not None and number is not None and number > check.most:
            rule = f"{check.name} measures at most {check.most:g}: {number:g} can't be a bound"
            meant = f"{number:g}%" if number <= 100 and "%" not in text else "90%"
            raise _refused(text, rule, f"{check.name} {sign}{meant if check.most == 1 else '4.5'}")


_NUMBER = r"\d+(?:\.\d+)?|\.\d+"
_BOUND = re.compile(
    rf"(?P<op>>=|<=)(?P<one>{_NUMBER})(?P<percent>%?)"
    rf"|(?P<low>{_NUMBER})(?P<low_percent>%?)\.\.(?P<high>{_NUMBER})(?P<high_percent>%?)"
)
SIZE = re.compile(r"(?P<op>>=|<=|)(?P<width>\d+)[xX\u00d7](?P<height>\d+)|(?P<across>\d+):(?P<down>\d+)")
"""`1024x1024` (or with the multiplication sign), `16:9`, `>=1024x1024`."""


def _bound(word: str) -> Bound | None:
    """`>=0.9`, `>=90%`, `<=3`, `0.2..0.8` or `20%..80%`; None for another word."""
    match = _BOUND.fullmatch(word)
    if match is None:
        return None
    if match["op"]:
        number = _share(match["one"], match["percent"])
        return Bound(low=number) if match["op"] == ">=" else Bound(high=number)
    percent = match["high_percent"]  # `20..80%` means both
    return Bound(low=_share(match["low"], match["low_percent"] or percent), high=_share(match["high"], percent))


def _share(number: str, percent: str) -> float:
    return float(number) / (100 if percent else 1)
