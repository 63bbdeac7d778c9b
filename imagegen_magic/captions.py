"""Text and HTML for captions (temporary)."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any


def alt_sentence(prompt, path, size, form):
    first = " ".join(prompt.split())[:150]
    dims = f", {size[0]}x{size[1]}" if size else ""
    return f"Image: {first} — {path}{dims} {form.upper()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    paths: tuple[Path, ...]
    base: Path
    size: Any = None
    format: str = ""
    model: str = ""
    quality: str = ""
    seconds: Any = None
    usage: Any = None
    cost: Any = None
    estimate: Any = None
    simulated: bool = False
    reused: bool = False
    prompt: str = ""
    warnings: tuple[str, ...] = ()
    number: int | None = None
    report: Any = None


def caption_text(c):
    from .result import shown_path
    parts = [", ".join(shown_path(p) for p in c.paths), c.model, c.quality]
    return " · ".join(p for p in parts if p)


def caption_html(c):
    return f"<div>{escape(caption_text(c))}</div>"
