"""The words around a picture: its alternative text, its caption, a file's link. All escaping is done here.

Prompts and file names are untrusted: nothing of them reaches HTML unescaped, and links stay inside the folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from imagegen_magic.checks.verdicts import CheckReport
from imagegen_magic.errors import Fix, Setting
from imagegen_magic.request.cost import Estimate, format_usd
from imagegen_magic.request.response import Usage
from imagegen_magic.tables import PLAIN_CLASS

if TYPE_CHECKING:
    from imagegen_magic.matting.report import CutoutReport

__all__ = [
    "Caption",
    "alt_sentence",
    "alt_text",
    "caption_html",
    "caption_text",
    "link_base",
    "relative_link",
    "unexpected",
    "warnings_bundle",
]

ALT_CHARACTERS = 150
DIM = "color:var(--jp-ui-font-color2,#616161)"
WARN = "border-left:3px solid var(--jp-warn-color1,#b26a00);padding-left:8px;margin:4px 0"


def alt_text(prompt: str) -> str:
    """The prompt's first sentence, at most 150 characters."""
    first = re.split(r"(?<=[.!?])\s", " ".join(prompt.split()), maxsplit=1)[0]
    return first if len(first) <= ALT_CHARACTERS else first[: ALT_CHARACTERS - 1].rstrip() + "…"


def alt_sentence(prompt: str, path: str, size: tuple[int, int] | None, form: str) -> str:
    """One stable sentence: what was asked for, where it is, its size and format. No times, ids or machine paths."""
    short = alt_text(prompt)
    pixels = f", {size[0]}×{size[1]}" if size else ""  # noqa: RUF001 - the sign of sizes
    return f"Image: {short} — {path}{pixels} {form.upper()}"


def link_base() -> Path:
    """The folder that links are relative to: the notebook's if the front end names it, so that `os.chdir` breaks none.

    Jupyter's servers give a kernel its notebook's path as `JPY_SESSION_NAME` (jupyter_server 2.21, read 2026-11-26).
    """
    notebook = Path(os.environ.get("JPY_SESSION_NAME", ""))
    named = notebook.is_absolute() and notebook.suffix == ".ipynb" and notebook.parent.is_dir()
    return notebook.parent if named else Path.cwd()


def relative_link(path: Path, base: Path) -> str | None:
    """A percent-encoded link from `base` down to `path`, or None if `path` lies elsewhere."""
    try:
        return quote(path.resolve().relative_to(base.resolve()).as_posix())
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What a caption says; what is empty is left out."""

    paths: Sequence[Path]
    base: Path
    """The notebook's folder: links are relative to it."""
    size: tuple[int, int] | None = None
    format: str = ""
    model: str = ""
    quality: str = ""
    seconds: float | None = None
    usage: Usage | None = None
    cost: Decimal | None = None
    estimate: Estimate | None = None
    simulated: bool = False
    reused: bool = False
    replayed: bool = False
    prompt: str = ""
    notes: Sequence[str] = ()
    """What was decided on the way."""
    warnings: Sequence[str] = ()
    """What went wrong, or may; the first line of each says what, further ones are lines to type."""
    checks: CheckReport = field(default_factory=CheckReport)
    """What was expected; only what failed, or could not be checked, is shown."""
    number: int | None = None
    report: CutoutReport | None = None
    origin: str = ""
    """What became of Content Credentials, in a line."""

    def facts(self) -> list[str]:
        """The facts in their order, as short texts."""
        pixels = f"{self.size[0]}×{self.size[1]}" if self.size else ""  # noqa: RUF001 - the sign of sizes
        tokens = f"{self.usage.output_tokens:,} output tokens" if self.usage and self.usage.output_tokens else ""
        seconds = f"{self.seconds:.1f} s" if self.seconds is not None else ""
        found = [self.model, pixels, self.format.upper(), self.quality, seconds, tokens, self.money()]
        return [fact for fact in found if fact]

    def money(self) -> str:
        """What it cost, in words that say whether that is known."""
        if self.replayed:
            return "replayed from imagegen.lock: nothing sent, nothing billed"
        if self.reused:
            return Fix(
                "stored result of an identical request: nothing sent, nothing billed (",
                Setting("--no-reuse"),
                " makes a new one)",
            )
        if self.simulated:
            return (
                f"simulated, nothing billed (live: {format_usd(self.cost)})"
                if self.cost is not None
                else "simulated, nothing billed"
            )
        if self.cost is not None:
            return format_usd(self.cost)
        return f"{self.estimate} (estimate)" if self.estimate is not None else ""


def _name(path: Path, base: Path) -> str:
    try:
        return path.resolve().relative_to(base.resolve()).as_posix()
    except ValueError:
        return path.name


def caption_text(caption: Caption) -> str:
    """The caption as one or a few lines of text."""
    files = ", ".join(_name(path, caption.base) for path in caption.paths)
    lines = [" · ".join([files, *caption.facts()])]
    lines += [caption.origin] if caption.origin else []
    lines += [f"note: {note}" for note in caption.notes]
    lines += map(_warning_text, (*unexpected(caption.checks), *caption.warnings))
    return "\n".join(lines + _report_lines(caption.report))


def unexpected(report: CheckReport) -> list[str]:
    """What is not as expected, or could not be checked, a sentence each."""
    several = len({verdict.image for verdict in report.verdicts}) > 1
    found = []
    for verdict in (*report.failed, *report.skipped):
        head = f"{verdict.image}: " if several else ""
        bound = f" (expected: {verdict.bound})" if verdict.passed is False and verdict.bound else ""
        word = "not as expected: " if verdict.passed is False else ""
        found.append(f"{head}{word}{verdict.expected}: {verdict.sentence}{bound}")
    return found


def _report_lines(report: CutoutReport | None) -> list[str]:
    if report is None:
        return []
    open_points = [check for check in report.checks if check.status != "pass"]
    return [f"cut-out: {report.status}"] + [f"  {check.status}: {check.sentence}" for check in open_points]


def warnings_bundle(warnings: Sequence[str]) -> dict[str, str]:
    """Warnings alone, as a mime bundle: what is shown before a call."""
    parts = "".join(_warning_html(warning) for warning in warnings)
    return {
        "text/plain": "\n".join(map(_warning_text, warnings)),
        "text/html": f'<div class="{PLAIN_CLASS}">{parts}</div>',
    }


def _warning_text(warning: str) -> str:
    return "warning: " + warning.replace("\n", "\n    ")


def caption_html(caption: Caption) -> str:
    """The caption as HTML that every notebook's sanitizer keeps: inline styles only, no scripts."""
    links = ", ".join(_link(path, caption.base) for path in caption.paths)
    facts = " · ".join(escape(fact) for fact in caption.facts())
    number = f' <span style="{DIM}">@{caption.number}</span>' if caption.number else ""
    parts = [f'<div>{links}{number}<br><span style="{DIM}">{facts}</span></div>']
    notes = [note for note in (caption.origin, *caption.notes) if note]
    parts += [f'<div style="{DIM}">{escape(note)}</div>' for note in notes]
    parts += [_warning_html(warning) for warning in (*unexpected(caption.checks), *caption.warnings)]
    parts += [_report_html(caption.report)] if caption.report is not None else []
    if caption.prompt:
        body = f'<pre style="white-space:pre-wrap;margin:4px 0">{escape(caption.prompt)}</pre>'
        parts.append(f'<details><summary style="{DIM}">prompt as sent</summary>{body}</details>')
    style = "font-size:var(--jp-ui-font-size1,13px);line-height:1.5;max-width:60em"
    return f'<div class="{PLAIN_CLASS}" style="{style}">{"".join(parts)}</div>'


def _warning_html(warning: str) -> str:
    """A warning; below it, the lines that may be typed."""
    head, *lines = warning.split("\n")
    offers = f'<pre style="white-space:pre-wrap;margin:4px 0">{escape(chr(10).join(lines))}</pre>' if lines else ""
    return f'<div style="{WARN}">⚠ {escape(head)}{offers}</div>'


def _link(path: Path, base: Path) -> str:
    target = relative_link(path, base)
    label = escape(_name(path, base))
    return label if target is None else f'<a href="{escape(target)}" target="_blank" rel="noopener">{label}</a>'


def _report_html(report: Any) -> str:
    marks = {"pass": "✓", "warn": "!", "fail": "✗"}
    rows = "".join(
        f"<tr><td>{marks[check.status]}</td><td style='padding:0 12px'>{escape(check.name)}</td><td>{escape(check.sentence)}</td></tr>"
        for check in report.checks
    )
    bad = [check for check in report.checks if check.status != "pass"]
    head = f"cut-out: {escape(report.status)}" + (
        f" ({len(bad)} of {len(report.checks)} checks)" if bad else f" ({len(report.checks)} checks)"
    )
    opened = " open" if report.status == "fail" else ""
    return (
        f'<details{opened}><summary style="{DIM}">{head}</summary><table style="margin:4px 0">{rows}</table></details>'
    )
