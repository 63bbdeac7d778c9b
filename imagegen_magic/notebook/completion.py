"""Tab in a magic line: flags, values, slugs, models, history names and picture variables.

A version 2 matcher in `Completer.custom_matchers` works in process and through a kernel's complete request;
the older `complete_command` hook mixes in Python keywords (tried on IPython 9.18).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from imagegen_magic.options.table import OPTIONS, Option

__all__ = ["add_matcher", "remove_matcher"]

_LINE = re.compile(r"\s*(%%imagegen_edit|%%imagegen_batch|%%imagegen|%imagegen)(?=\s)(.*)", re.DOTALL)
_COMMAND = {"%%imagegen": "generate", "%%imagegen_edit": "edit", "%%imagegen_batch": "batch"}
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".heic")


@context_matcher(identifier="imagegen_magic")  # type: ignore[untyped-decorator]
def imagegen_matcher(context: CompletionContext) -> SimpleMatcherResult:
    """Completions for the first line of an imagegen cell, or an `%imagegen` line; nothing elsewhere."""
    line = context.full_text.split("\n")[context.cursor_line][: context.cursor_position]
    match = _LINE.fullmatch(line)
    if match is None or (match[1].startswith("%%") and context.cursor_line > 0):
        return {"completions": []}
    words = match[2].split(" ")
    found = _completions(match[1], words)
    fragment = words[-1]
    completions = [SimpleCompletion(text=text, type="imagegen") for text in found if text.startswith(fragment)]
    return {"completions": completions, "suppress": True, "matched_fragment": fragment, "ordered": True}


def _completions(magic: str, words: list[str]) -> Iterable[str]:
    """Everything that may stand at the last word; the caller filters by what is typed."""
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    command = _COMMAND.get(magic, "generate")
    if magic == "%imagegen" and len([w for w in words[:-1] if w]) == 0:
        from .subcommands import SUBCOMMANDS  # noqa: PLC0415 - only when completing a subcommand

        return SUBCOMMANDS
    if magic == "%imagegen" and before == "tips":
        return _values_of("slug")
    options = [option for option in OPTIONS if command in option.commands]
    if last.startswith("-"):
        return [flag for option in options for flag in option.flags if flag.startswith("--")]
    owner = next((option for option in options if before in option.flags), None)
    if owner is not None and owner.kind != "flag":
        return _option_values(owner, last)
    return (
        _pictures(last)
        if magic == "%imagegen"
        else [flag for o in options for flag in o.flags if flag.startswith("--")]
    )


def _option_values(option: Option, typed: str) -> Iterable[str]:
    if option.choices:
        return option.choices
    if option.suggests == "image":
        return _pictures(typed)
    return _values_of(option.suggests) if isinstance(option.suggests, str) else option.suggests


def _values_of(what: str) -> Iterable[str]:
    """The values of a named source: models, sizes, slugs."""
    if what == "model":
        from imagegen_magic.facts.catalog import load_catalog  # noqa: PLC0415 - reads a file; only when completing

        return load_catalog().ids()
    if what == "size":
        from imagegen_magic.facts.sizes import PRESETS  # noqa: PLC0415 - only when completing

        return ["auto", *PRESETS, "16:9", "16:9@2k", "9:16", "4:3", "3:2"]
    if what == "slug":
        from imagegen_magic.facts.use_cases import load_use_cases  # noqa: PLC0415 - reads a file; only when completing

        return sorted(load_use_cases())
    return ()


def _pictures(typed: str) -> Iterator[str]:
    """History references, picture variables and picture files."""
    yield from ("@last",)
    from imagegen_magic.api import default_session  # noqa: PLC0415 - only when completing

    yield from (f"@{name}" for name in default_session().library.names())
    shell = InteractiveShell.instance() if InteractiveShell.initialized() else None
    for name, value in list((shell.user_ns if shell else {}).items()):
        if not name.startswith("_") and _is_picture(value):
            yield name
    folder = Path(typed).parent if "/" in typed else Path()
    if folder.is_dir():
        for path in sorted(folder.iterdir())[:200]:
            if path.suffix.lower() in PICTURES:
                yield path.as_posix() if "/" in typed else path.name
            elif path.is_dir() and not path.name.startswith("."):
                yield f"{path.as_posix()}/"


def _is_picture(value: Any) -> bool:
    kind = type(value)
    return kind.__name__ in ("ImageResult", "GeneratedImage", "Cutout", "ndarray") or kind.__module__.startswith("PIL.")


def add_matcher(shell: InteractiveShell) -> None:
    """Adds the matcher once."""
    if shell.Completer is not None and imagegen_matcher not in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.append(imagegen_matcher)


def remove_matcher(shell: InteractiveShell) -> None:
    """Takes the matcher away, also one that a module before a reload had added."""
    if shell.Completer is not None:
        mine = "imagegen_magic"
        kept = [m for m in shell.Completer.custom_matchers if getattr(m, "matcher_identifier", "") != mine]
        shell.Completer.custom_matchers[:] = kept
