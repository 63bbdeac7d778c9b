"""The cell that made an image, from the history or from its sidecar."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from imagegen_magic.errors import Command, Fix, OptionError, Problem
from imagegen_magic.options.paths import expanded, is_file
from imagegen_magic.options.table import BY_NAME, COMMANDS

from .folder import Store
from .history import Record, read_record
from .names import sidecar_path

__all__ = ["cell_from_record", "cell_of", "cell_text", "find_record", "flag_words", "line_of"]


def find_record(store: Store, token: str) -> Record:
    """The record of a history reference, or of a picture's file by its sidecar, its place or its bytes.

    Raises:
        OptionError: nothing is known of it.
    """
    path = expanded(token)
    if not is_file(path):
        path = store.kept_file(token) or path  # as a caption names it
    if not token.startswith("@") and is_file(path):
        record = read_record(sidecar_path(path)) or store.history.by_file(path)
        if record is None:
            problem = Problem(
                field="image",
                value=token,
                rule="neither a sidecar nor the history knows this file",
                fix=Fix(Command("history")),
            )
            raise OptionError("nothing is known of this picture", problems=(problem,))
        return record
    if not token.startswith("@") and (path.suffix or len(path.parts) > 1):
        problem = Problem(field="image", value=token, rule="there is no such file", fix=Fix(Command("history")))
        raise OptionError("nothing is known of this picture", problems=(problem,))
    return store.history.find(token)[0]


def cell_of(store: Store, token: str) -> str:
    """The text of the cell that made a picture; for one made from Python, a cell that makes the same request."""
    return cell_from_record(find_record(store, token))


def cell_from_record(record: Record) -> str:
    """The cell as it was run; if there was none, one with the record's options and prompt."""
    if record.cell:
        return record.cell.rstrip("\n")
    edits = record.request.get("endpoint") == "edit" and "image" in record.options
    command = "sprites" if "frames" in record.options else "edit" if edits else "generate"
    return cell_text(command, record.name, record.options, record.prompt_typed)


def cell_text(command: str, name: str | None, values: Mapping[str, Any], prompt: str) -> str:
    """The cell that asks for the same: its line with the values that were given, and the prompt as its body."""
    return f"{COMMANDS[command]} {line_of(name, values)}".rstrip() + "\n" + prompt


def line_of(name: str | None, values: Mapping[str, Any]) -> str:
    """What stands behind the magic: the name and the options' flags; an option of another version is left out."""
    words = [name] if name else []
    for option, value in values.items():
        words += flag_words(option, value) if option in BY_NAME else []
    return " ".join(words)


def flag_words(name: str, value: Any) -> list[str]:
    """An option as words of a magic line."""
    option = BY_NAME[name]
    flag = option.flags[-1]
    if option.kind == "flag":
        return [flag] if value else [f"--no-{flag[2:]}"] if option.config or option.default else []
    if isinstance(value, dict):
        return [word for key, item in value.items() for word in (flag, _quoted(f"{key}={item}"))]
    values = value if isinstance(value, (list, tuple)) else [value]
    texts = [str(item) for item in values]
    return [
        word for text in texts for word in ([f"{flag}={_quoted(text)}"] if text[:1] == "-" else [flag, _quoted(text)])
    ]


def _quoted(text: str) -> str:
    """A word of a magic line: quoted if it must be. A line has no escapes, so what quotes can't hold is an expression."""
    if shlex.quote(text) == text:
        return text
    if "\n" in text or "{{" in text or ('"' in text and "'" in text):
        literal = repr(text).replace("{{", "{\\x7b").replace("}}", "}\\x7d")
        return f"{{{{ {literal} }}}}"
    return f'"{text}"' if '"' not in text else f"'{text}'"
