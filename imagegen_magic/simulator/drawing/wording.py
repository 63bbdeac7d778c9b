"""Reads a prompt: which subjects, colours, movement and backdrop its words ask for, by the tables of `words.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from .parts import Colour, from_hex

__all__ = [
    "Wanted",
    "all_subjects",
    "find_words",
    "key_colour",
    "keys_in",
    "named_subject",
    "read_prompt",
    "read_table",
]

_BACKDROP = r"chroma|key colou?r|backdrop|background|screen\b|#[0-9a-fA-F]{6}"
_JOINED = (
    r"\b(and|with|beside|near|next to|behind|by|(hold|carry|meet|find|see|greet|chas|rid|read|play|eat|watch)(e?s|ies|ing))\b"
    r"[^,;]{0,30}$"
)
_LOOK = re.compile(r"^(style|composition|lighting|palette|materials)[^:\n]*:.*$", re.IGNORECASE | re.MULTILINE)
"""Lines that say how a picture looks, not what is in it."""
_NEAR = 4
"""A colour belongs to a subject that follows within so many words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the words of a prompt ask for."""

    text: str
    """The prompt without its backdrop clause, its quotations and what it says shall not be there."""
    look: str
    """Where a style may be named: the text, after that of an earlier picture whose figure is drawn again."""
    subjects: tuple[str, ...]
    """Names of drawings: the one named first, then at most one that is joined to it by "and" or "with"."""
    main: Colour | None
    """The first subject's colour, if one is named."""
    accent: Colour | None
    """Its second colour, if one is named."""
    extras: tuple[str, ...]
    """`fur`, `smoke` and `glass`, if the prompt names such."""
    action: str
    """A key of `[actions]`, or `idle`."""
    tone: tuple[float, float]
    """Factors for saturation and lightness."""
    shadow: bool
    """Whether a sentence asks for a shadow."""


@cache
def read_table(name: str) -> Mapping[str, Any]:
    """A table of this folder."""
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))


def find_words(words: str, text: str) -> re.Match[str] | None:
    """Where the text has one of the words, as a whole word in either number."""
    return _pattern(words).search(text)


@cache
def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{words})(?:s|es)?\b", re.IGNORECASE)


def keys_in(table: Iterable[str], text: str) -> list[str]:
    """The words of a table that the text has, in the order in which it has them."""
    return [key for _, key in _found({words: words for words in table}, text)]


def key_colour(prompt: str) -> str | None:
    """`#rrggbb` of the flat backdrop that a prompt asks for, or None if it asks for none."""
    for match in re.finditer(r"#([0-9a-fA-F]{6})\b", prompt):
        around = prompt[max(0, match.start() - 120) : match.end() + 60]
        if re.search(r"chroma|key|backdrop|background|screen", around, re.IGNORECASE):
            return match[0].lower()
    keys = read_table("words")["keys"]
    names, ground = "|".join(keys), r"(chroma|key|backdrop|background|screen)"
    plain = rf"\b(?:flat|solid|pure|chroma[- ]key|uniform)[\w\s,-]{{0,40}}?\b({names})\b[\w\s,-]{{0,20}}{ground}"
    found = re.search(plain, prompt, re.IGNORECASE) or re.search(rf"\b({names})[- ]?screen\b", prompt, re.IGNORECASE)
    return keys[found[1].lower()] if found else None


def named_subject(prompt: str) -> str | None:
    """The subject named first in the prompt, or None."""
    found = _subjects(_cleaned(prompt))
    return found[0] if found else None


def all_subjects(prompt: str) -> tuple[str, ...]:
    """Every subject that the prompt names, in its order."""
    return tuple(name for _, name in _found(read_table("words")["subjects"], _cleaned(prompt)))


@lru_cache(maxsize=256)
def read_prompt(prompt: str, figure: str = "") -> Wanted:
    """What the prompt asks for; with `figure`, of the figure that this earlier prompt asked for."""
    own = _read(prompt)
    if not figure:
        return own
    earlier = _read(figure)
    others = [name for name in own.subjects if name not in earlier.subjects[:1]]
    return replace(
        own,
        look=f"{earlier.text}\n{own.text}",
        subjects=(*earlier.subjects[:1], *others)[:2],
        main=earlier.main,
        accent=earlier.accent,
        extras=tuple(dict.fromkeys((*earlier.extras, *own.extras))),
    )


def _read(prompt: str) -> Wanted:
    text = _cleaned(prompt)
    tables = read_table("words")
    subjects = _subjects(_LOOK.sub("", text))
    extras = {
        "fur": r"hair(y)?|furry|long fur|fluffy|feathery?|mane|lion",
        "smoke": r"smok(e|y|ing)|steam(ing|y)?|vapou?r",
        "glass": r"glassy?|translucent|frosted|see[- ]through",
    }
    tone = next((tuple(values) for words, values in tables["tones"].items() if find_words(words, text)), (1.0, 1.0))
    main, accent = _colours(text, subjects[0] if subjects else None)
    return Wanted(
        text=text,
        look=text,
        subjects=subjects,
        main=main,
        accent=accent,
        extras=tuple(name for name, words in extras.items() if find_words(words, text)),
        action=next((name for name, words in tables["actions"].items() if find_words(words, text)), "idle"),
        tone=(tone[0], tone[1]),
        shadow=_wants_shadow(prompt),
    )


def _cleaned(prompt: str) -> str:
    """The prompt without quotations, without "no …" and "avoid …", and without the words from a backdrop on."""
    text = re.sub(r'"[^"\n]*"', " ", prompt)
    sentences = re.split(r"(?<=[.;!?])\s+|\n", text)
    kept = [
        re.split(rf"\b(?:no|not|without|avoid|keep)\b|{_BACKDROP}", part, maxsplit=1, flags=re.IGNORECASE)[0]
        for part in sentences
    ]
    return "\n".join(part for part in kept if part.strip())


def _subjects(text: str) -> tuple[str, ...]:
    tables = read_table("words")
    found = _found(tables["subjects"], text) or _found(tables["fallbacks"], text)[:1]
    if not found:
        return ()
    first, *others = found
    joined = [name for start, name in others if re.search(_JOINED, text[first[0] : start], re.IGNORECASE)]
    return (first[1], *joined[:1])


def _found(words: Mapping[str, str], text: str) -> list[tuple[int, str]]:
    """Where the words of each name are first found, in the order of the text."""
    return sorted((match.start(), name) for name, pattern in words.items() if (match := find_words(pattern, text)))


def _colours(text: str, subject: str | None) -> tuple[Colour | None, Colour | None]:
    """The colours just before the subject; for hair the one before "hair"; without a subject the first two named.

    A wolf has its own grey, though it shares a drawing with the dog.
    """
    names = read_table("words")["colours"]
    pattern = rf"\b({'|'.join(names)})\b"
    match = find_words(read_table("words")["subjects"][subject], text) if subject else None
    before = text if match is None else " ".join(re.split(r"[.:\n]", text[: match.start()])[-1].split()[-_NEAR:])
    found = [from_hex(names[word.lower()]) for word in re.findall(pattern, before, re.IGNORECASE)]
    main, accent, *_ = (*found, None, None)
    hair = re.search(rf"{pattern}(?: \w+)? (?:hair|fur|beard|mane)", text, re.IGNORECASE)
    if hair and subject == "portrait":
        accent = from_hex(names[hair[1].lower()])
    elif hair and main is None:
        main = from_hex(names[hair[1].lower()])
    word = match[0].lower() if match else ""
    own = read_table("words")["natural"]
    natural = own.get(word) or own.get(word.removesuffix("s"))
    return main or (from_hex(natural) if natural else None), accent


def _wants_shadow(prompt: str) -> bool:
    """Whether a sentence asks for a shadow; one that says "no shadow" does not."""
    shadow = r"\b(soft|drop|contact|cast|with)( \w+)? shadow\b"
    sentences = re.split(r"[.;:\n]", prompt)
    return any(
        re.search(shadow, sentence, re.IGNORECASE)
        for sentence in sentences
        if not re.search(r"\b(no|not|without)\b", sentence, re.IGNORECASE)
    )
