"""The word lists of `words.toml`, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["foreign_flags", "foreign_values", "hard_subjects", "image_roles", "key_subjects", "prompt_fields"]


@cache
def _words() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def prompt_fields() -> dict[str, str]:
    """The prompt fields in the order of their lines, each with the label that its line carries."""
    return dict(_words()["prompt_fields"])


def hard_subjects() -> dict[str, tuple[str, ...]]:
    """Words that name something a single chroma key extracts badly, by kind."""
    return {kind: tuple(words) for kind, words in _words()["hard_subjects"].items()}


def foreign_flags() -> dict[str, str]:
    """Flags of other image tools, without their dashes, by the option that does the same; empty if the API has none."""
    return dict(_words()["foreign_flags"])


def foreign_values(option: str) -> dict[str, str]:
    """Values that other tools have for `option`, each with the one that means it here."""
    return dict(_words()["foreign_values"].get(option, {}))


def image_roles() -> tuple[str, ...]:
    """Frequent roles of input images; any text is one."""
    return tuple(_words()["image_roles"])


def key_subjects() -> dict[str, frozenset[str]]:
    """For each key colour's name, the words that say that a subject holds it."""
    return {color: frozenset(words) for color, words in _words()["key_subjects"].items()}
