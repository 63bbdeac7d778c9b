"""Tab in a magic line: flags, values, slugs, models, history names and picture variables.

A version 2 matcher in `Completer.custom_matchers` works in process and through a kernel's complete request;
the older `complete_command` hook mixes in Python keywords (tried on IPython 9.18).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from imagegen_magic.facts.words import image_roles
from imagegen_magic.options.paths import expanded
from imagegen_magic.options.table import BY_NAME, COMMANDS, OPTIONS, Option

from .head import join_head

if TYPE_CHECKING:
    from imagegen_magic.session import Session

__all__ = ["add_matcher", "remove_matcher"]

_LINE = re.compile(
    r"\s*(%%imagegen_edit|%%imagegen_batch|%%imagegen_sprites|%%imagegen|%imagegen)(?=\s)(.*)", re.DOTALL
)
_CONFIG = re.compile(r"\s*%config ImagegenMagics\.(?P<name>\w+)\s*=\s*(?P<typed>\S*)")
_COMMAND = {text: command for command, text in COMMANDS.items() if text.startswith("%%")}
_LINES = ("edit", "batch", "cutout", "slice", "pixelate", "icons", "unpack")
"""Subcommands of `%imagegen` that have flags of their own."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".heic")


@context_matcher(identifier="imagegen_magic")  # type: ignore[untyped-decorator]
def imagegen_matcher(context: CompletionContext) -> SimpleMatcherResult:
    """Completions for the flags of an imagegen cell, an `%imagegen` line, or a default's value; in a prompt none at all."""
    lines = context.full_text.split("\n")[: context.cursor_line + 1]
    lines[-1] = lines[-1][: context.cursor_position]
    if config := _CONFIG.fullmatch(lines[-1]):
        return _found(_python_values(config["name"]), config["typed"])
    cell = "\n".join(lines).lstrip()
    line = _head_of(cell) if cell.startswith("%%imagegen") else lines[-1]
    if line is None:
        return {"completions": [] if cell.rfind("{{") > cell.rfind("}}") else _Nothing(), "suppress": True}
    match = _LINE.fullmatch(line)
    if match is None:
        return {"completions": []}
    words = match[2].lstrip(" ").split(" ")
    return _found(_completions(match[1], words), words[-1])


def _head_of(cell: str) -> str | None:
    """The head of a cell that ends at the cursor, as one line; None if the cursor is in the prompt."""
    first, _, below = cell.partition("\n")
    line, prompt = join_head(first, below)
    last = cell.rpartition("\n")[2]
    if prompt or ("\n" in cell and not last.strip() and not cell.rstrip().endswith("\\")):
        return None
    return f"{line} " if last.endswith(" ") or not last.strip() else line


class _Nothing(list[SimpleCompletion]):
    """No completion, but counted as one: IPython lets only a matcher that finds some silence the others, which offer `%matplotlib` for "a mat"."""

    def __len__(self) -> int:
        return 1


def _found(found: Iterable[str], fragment: str) -> SimpleMatcherResult:
    """Those of `found` that begin with what is typed, and nothing of other matchers."""
    completions = [SimpleCompletion(text=text, type="imagegen") for text in found if text.startswith(fragment)]
    return {"completions": completions, "suppress": True, "matched_fragment": fragment, "ordered": True}


def _python_values(name: str) -> list[str]:
    """The values that a default may have, as Python writes them."""
    option = BY_NAME.get(name)
    if option is None or not option.config:
        return []
    if option.kind == "flag":
        return ["True", "False"]
    example = "" if option.default is None else str(option.default)
    values = _option_values(option, "") or list(filter(None, [example or option.example]))
    is_number = option.kind in ("int", "number", "money")
    return values if is_number else [f'"{value}"' for value in values]


def _completions(magic: str, words: list[str]) -> Iterable[str]:
    """Everything that may stand at the last word; the caller filters by what is typed."""
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if magic == "%imagegen" and not any(words[:-1]):
        return _subcommands()
    command = _COMMAND.get(magic) or (words[0] if words[0] in _LINES else "generate")
    options = [option for option in OPTIONS if command in option.commands]
    by_flag = {flag: option for option in options for flag in option.flags}
    flag, equals, typed = last.partition("=")
    if equals and flag in by_flag:
        return [f"{flag}={value}" for value in _option_values(by_flag[flag], typed)]
    if last.startswith("-"):
        return [flag for flag in by_flag if flag.startswith("--")]
    owner = by_flag.get(before)
    if owner is not None and owner.kind != "flag":
        return _option_values(owner, last) or [last] * bool(last)
    if magic == "%imagegen":
        return _values_of("profile") if words[0] == "profile" and words[1:-1] else _arguments(words[0], last)
    return [flag for flag in by_flag if flag.startswith("--")]


def _subcommands() -> Iterable[str]:
    from .subcommands import SUBCOMMANDS  # noqa: PLC0415 - only when completing a subcommand

    return SUBCOMMANDS


def _arguments(subcommand: str, typed: str) -> Iterable[str]:
    """What may follow a subcommand."""
    from imagegen_magic.api import default_session  # noqa: PLC0415 - only when completing

    session = default_session()
    sources: dict[str, Callable[[], Iterable[str]]] = {
        "help": _subcommands,
        "tips": lambda: _values_of("slug"),
        "sizes": lambda: _values_of("model"),
        "run": lambda: _prompts(typed),
        "edit": lambda: _prompts(typed),
        "cancel": lambda: [str(task.number) for task in session.tasks if not task.done()],
        "status": lambda: _batches(session),
        "collect": lambda: _batches(session),
        "profile": lambda: ["save", "show", "delete", *_values_of("profile")],
    }
    return sources[subcommand]() if subcommand in sources else _images(typed)


def _batches(session: Session) -> list[str]:
    from imagegen_magic.batch.submitted import load_submitted  # noqa: PLC0415 - loading the extension stays light

    return [sent.id for sent in load_submitted(session.library.store)]


def _prompts(typed: str) -> Iterable[str]:
    """Text variables, and files that may hold a prompt."""
    return [*_variables(lambda value: isinstance(value, str)), *_files(typed, (".txt", ".md"))]


def _option_values(option: Option, typed: str) -> list[str]:
    if option.choices:
        return list(option.choices)
    if option.suggests == "sprites":
        return _variables(lambda value: type(value).__name__ in ("Sprites", "GeneratedSprites"))
    if option.name == "source":
        return [*_variables(_is_table), *_files(typed, (".jsonl", ".csv", ".txt"))]
    if option.name == "grid":
        return _grid_values(typed)
    if option.suggests == "image":
        reference, colon, _ = typed.partition(":")
        return [f"{reference}:{role}" for role in image_roles()] if colon else list(_images(typed))
    files = _files(typed, (".toml",)) if option.name == "expect" else ()
    return [*(_values_of(option.suggests) if isinstance(option.suggests, str) else option.suggests), *files]


def _grid_values(typed: str) -> list[str]:
    """`size=square,landscape`: a name, then values after each comma."""
    name, equals, values = typed.partition("=")
    axes = {option.name: option for option in OPTIONS if option.name in ("size", "quality", "model", "output_format")}
    if not equals:
        return [f"{axis}=" for axis in axes]
    begun = values.rpartition(",")[0]
    before = f"{name}={begun}," if begun else f"{name}="
    return [f"{before}{value}" for value in _option_values(axes[name], "")] if name in axes else []


def _variables(fits: Callable[[Any], bool]) -> list[str]:
    """The user's variables that fit."""
    shell = InteractiveShell.instance() if InteractiveShell.initialized() else None
    names = list(shell.user_ns.items()) if shell else []
    return [name for name, value in names if not name.startswith("_") and name not in ("In", "Out") and fits(value)]


def _is_table(value: Any) -> bool:
    """True for what rows can be read from."""
    return isinstance(value, list) or any(hasattr(value, name) for name in ("iter_rows", "to_pylist", "to_dict"))


def _files(typed: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Files with one of the suffixes, and folders to look into, at what is typed."""
    folder = expanded(typed.rpartition("/")[0] + "/") if "/" in typed else Path()
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir())[:MAX_FILES]:
        name = path.as_posix() if "/" in typed else path.name
        if path.suffix.lower() in suffixes:
            yield name
        elif path.is_dir() and not path.name.startswith("."):
            yield f"{name}/"


MAX_FILES = 500
"""Entries of one folder that are looked at, so that Tab stays quick."""


def _values_of(what: str) -> Iterable[str]:
    """The values of a named source: models, sizes, slugs."""
    if what == "model":
        from imagegen_magic.facts.catalog import load_catalog  # noqa: PLC0415 - reads a file; only when completing

        return load_catalog().ids()
    if what == "size":
        from imagegen_magic.facts.sizes import PRESETS  # noqa: PLC0415 - only when completing

        return ["auto", *PRESETS, "16:9", "16:9@2k", "9:16", "4:3", "3:2"]
    if what == "animation":
        from imagegen_magic.facts.animations import load_animations  # noqa: PLC0415 - reads a file; only when completing

        return load_animations()
    if what == "slug":
        from imagegen_magic.facts.use_cases import load_use_cases  # noqa: PLC0415 - reads a file; only when completing

        return sorted(load_use_cases())
    if what == "profile":
        from imagegen_magic.api import default_session  # noqa: PLC0415 - only when completing

        from .profiles import list_profiles  # noqa: PLC0415 - as above

        return sorted(list_profiles(default_session()))
    return ()


def _images(typed: str) -> Iterator[str]:
    """History references, picture variables and picture files."""
    from imagegen_magic.api import default_session  # noqa: PLC0415 - only when completing

    if not typed or typed.startswith("@"):
        yield from ("@last", *(f"@{name}" for name in default_session().library.names()))
    yield from _variables(_is_image)
    yield from _files(typed, SUFFIXES)


def _is_image(value: Any) -> bool:
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
