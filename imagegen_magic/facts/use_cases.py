"""The use cases that the prompting guides name: when to take each, and what it asks of a prompt."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["UseCase", "load_use_cases"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCase:
    """One use-case slug: when to take it, tips, and flags to start from."""

    slug: str
    kind: str
    when: str
    tips: tuple[str, ...]
    template: str


@cache
def load_use_cases() -> dict[str, UseCase]:
    """Every use case by its slug."""
    data = tomllib.loads(Path(__file__).with_name("use_cases.toml").read_text(encoding="utf-8"))
    return {
        slug: UseCase(slug=slug, kind=kind, when=entry["when"], tips=tuple(entry["tips"]), template=entry["template"])
        for kind, entries in data.items()
        for slug, entry in entries.items()
    }
