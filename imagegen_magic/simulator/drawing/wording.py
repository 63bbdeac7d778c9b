"""Reads a prompt: which subjects, colours, movement and backdrop its words ask for, by the tables of `words.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .parts import Colour, from_hex

__all__ = ["Wanted", "find_words", "key_colour", "named_subject", "read_prompt", "read_table"]

_BACKDROP = r"chroma|key colou?r|backdrop|background|screen\b|#[0-9a-fA-F]{6}"
_JOINED = r"\b(and|with|beside|holding|carrying|near|next to|behind|by)\b[^,;]{0,30}$"
_NEAR = 4
"""A colour belongs to a subject that follows within so many words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the words of a prompt ask for."""

    text: str
    """The prompt without its backdrop clause, its quotations and what it says shall not be there."""
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


def first_key(table: Iterable[str], text: str) -> str | None:
    """The key of the table whose words the text has, the earliest in the text."""
    found = {key: match.start() for key in table if (match := find_words(key, text))}
    return min(found, key=found.__getitem__) if found else None


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


@cache
def read_prompt(prompt: str) -> Wanted:
    """What the prompt asks for."""
    text = _cleaned(prompt)
    tables = read_table("words")
    subjects = _subjects(text)
    extras = {
        "fur": r"hair(y)?|furry|long fur|fluffy|feathery?|mane|lion",
        "smoke": r"smok(e|y|ing)|steam(ing|y)?|vapou?r",
        "glass": r"glassy?|translucent|frosted|see[- ]through",
    }
    tone = next((tuple(values) for words, values in tables["tones"].items() if find_words(words, text)), (1.0, 1.0))
    main, accent = _colours(text, subjects[0] if subjects else None)
    return Wanted(
        text=text,
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
    words = read_table("words")["subjects"]
    found = sorted((match.start(), name) for name, pattern in words.items() if (match := find_words(pattern, text)))
    if not found:
        return ("portrait",) if find_words("portrait", text) else ()
    first, *others = found
    joined = [name for start, name in others if re.search(_JOINED, text[first[0] : start], re.IGNORECASE)]
    return (first[1], *joined[:1])


def _colours(text: str, subject: str | None) -> tuple[Colour | None, Colour | None]:
    """The colours just before the subject; for hair the one before "hair"; without a subject the first two named."""
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
    return main, accent


def _wants_shadow(prompt: str) -> bool:
    """Whether a sentence asks for a shadow; one that says "no shadow" does not."""
    shadow = r"\b(soft|drop|contact|cast|with)( \w+)? shadow\b"
    sentences = re.split(r"[.;:\n]", prompt)
    return any(
        re.search(shadow, sentence, re.IGNORECASE)
        for sentence in sentences
        if not re.search(r"\b(no|not|without)\b", sentence, re.IGNORECASE)
    )
