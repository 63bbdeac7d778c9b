"""Where a picture came from: the cell that made it, and the tree of its parents and children."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from .errors import OptionError, Problem
from .history import History, Record
from .names import sidecar_path
from .option_table import COMMANDS
from .option_values import BY_NAME
from .store import Store
from .tables import PLAIN_CLASS

__all__ = ["Lineage", "cell_from_record", "cell_of", "cell_text"]


def find_record(store: Store, token: str) -> Record:
    """The record of a history reference, or of a picture's file by its sidecar, its place or its bytes.

    Raises:
        OptionError: nothing is known of it.
    """
    path = Path(token).expanduser()
    if not token.startswith("@") and path.is_file():
        record = _from_sidecar(path) or store.history.by_file(path)
        if record is None:
            problem = Problem(
                field="image",
                value=token,
                rule="neither a sidecar nor the history knows this file",
                fix="%imagegen history",
            )
            raise OptionError("nothing is known of this picture", problems=(problem,))
        return record
    if not token.startswith("@") and (path.suffix or len(path.parts) > 1):
        problem = Problem(field="image", value=token, rule="there is no such file", fix="%imagegen history")
        raise OptionError("nothing is known of this picture", problems=(problem,))
    return store.history.find(token)[0]


def _from_sidecar(path: Path) -> Record | None:
    try:
        data = json.loads(sidecar_path(path).read_text(encoding="utf-8"))
        return Record.from_dict(data) if isinstance(data, dict) else None
    except (OSError, ValueError, TypeError):
        return None


def cell_of(store: Store, token: str) -> str:
    """The text of the cell that made a picture; for one made from Python, a cell that makes the same request."""
    return cell_from_record(find_record(store, token))


def cell_from_record(record: Record) -> str:
    """The cell as it was run; where there was none, one with the record's options and prompt."""
    if record.cell:
        return record.cell.rstrip("\n")
    edits = record.request.get("endpoint") == "edit" and "image" in record.options
    return cell_text("edit" if edits else "generate", record.name, record.options, record.prompt_typed)


def cell_text(command: str, name: str | None, values: Mapping[str, Any], prompt: str) -> str:
    """The cell that asks for the same: its line with the values that were given, and the prompt as its body."""
    words = [COMMANDS[command], *([name] if name else [])]
    for option, value in values.items():
        words += flag_words(option, value)
    return " ".join(words) + "\n" + prompt


def flag_words(name: str, value: Any) -> list[str]:
    """An option as words of a magic line."""
    option = BY_NAME[name]
    flag = option.flags[-1]
    if option.kind == "switch":
        return [flag] if value else [f"--no-{flag[2:]}"] if option.config or option.default else []
    if isinstance(value, dict):
        return [word for key, item in value.items() for word in (flag, _quoted(f"{key}={item}"))]
    values = value if isinstance(value, (list, tuple)) else [value]
    texts = [str(item) for item in values]
    return [
        word for text in texts for word in ([f"{flag}={_quoted(text)}"] if text[:1] == "-" else [flag, _quoted(text)])
    ]


def _quoted(text: str) -> str:
    """A word of a magic line: quoted where it must be. A line has no escapes, so what quotes can't hold is an expression."""
    if shlex.quote(text) == text:
        return text
    if "\n" in text or "{{" in text or ('"' in text and "'" in text):
        literal = repr(text).replace("{{", "{\\x7b").replace("}}", "}\\x7d")
        return f"{{{{ {literal} }}}}"
    return f'"{text}"' if '"' not in text else f"'{text}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One picture of a lineage, and what was made from it."""

    label: str
    thumbnail: str
    """A data URL of a small preview, or an empty text."""
    chosen: bool
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The tree around a picture, from its oldest ancestors down; shows itself as text and as HTML."""

    roots: tuple[Node, ...]

    @classmethod
    def of(cls, store: Store, record: Record) -> Lineage:
        """The lineage of `record`: every ancestor that the history knows, and every descendant."""
        drawn: set[int] = set()
        return cls(roots=tuple(_node(store, root, record, drawn) for root in _ancestors(store.history, record)))

    def __str__(self) -> str:
        return "\n".join(line for root in self.roots for line in _lines(root, ""))

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": "".join(_html(root) for root in self.roots)}


def _ancestors(history: History, record: Record) -> list[Record]:
    """The oldest known ancestors of `record`; itself where it has none."""
    by_sha = {entry.sha256: other for other in history.done() for entry in other.files}
    seen: set[int] = set()
    roots: dict[int, Record] = {}

    def climb(current: Record) -> None:
        if current.number in seen:
            return
        seen.add(current.number)
        parents = [by_sha[p["sha256"]] for p in current.parents if p.get("sha256") in by_sha]
        older = [parent for parent in parents if parent.number != current.number]
        if not older:
            roots[current.number] = current
        for parent in older:
            climb(parent)

    climb(record)
    return list(roots.values())


def _node(store: Store, record: Record, chosen: Record, drawn: set[int]) -> Node:
    """The node of `record`; one that was drawn already, by another path, is named again without its children."""
    again = record.number in drawn
    drawn.add(record.number)
    kids = [] if again else store.history.children(record)
    return Node(
        label=_label(record) + (" (drawn above)" if again else ""),
        thumbnail=_thumbnail(store, record),
        chosen=record.number == chosen.number,
        children=tuple(_node(store, kid, chosen, drawn) for kid in kids),
    )


def _label(record: Record) -> str:
    roles = [f"{p.get('role') or 'image'} {p.get('file', '')}".strip() for p in record.parents]
    made_from = f" ← {', '.join(roles)}" if roles else ""
    prompt = " ".join(record.prompt_typed.split())
    return f"@{record.number} {record.name or record.kind}: {prompt[:60]}{'…' if len(prompt) > 60 else ''}{made_from}"


def _thumbnail(store: Store, record: Record) -> str:
    from .preview import thumbnail  # noqa: PLC0415 - Pillow comes with the first picture

    path = store.folder / record.api_files()[0].path
    try:
        small = thumbnail(path, 72, max_bytes=6_000) if path.is_file() else None
    except OptionError:  # the file was changed into something else: the tree is drawn without it
        small = None
    return f"data:{small.mime};base64,{base64.b64encode(small.data).decode()}" if small else ""


def _lines(node: Node, indent: str) -> list[str]:
    mark = " ◀" if node.chosen else ""
    below = [line for kid in node.children for line in _lines(kid, indent + "   ")]
    return [f"{indent}{'└─ ' if indent else ''}{node.label}{mark}", *below]


def _html(node: Node) -> str:
    picture = (
        f'<img src="{node.thumbnail}" alt="{escape(node.label)}" width="48" style="vertical-align:middle;border-radius:4px"> '
        if node.thumbnail
        else ""
    )
    weight = "600" if node.chosen else "400"
    below = "".join(_html(kid) for kid in node.children)
    return (
        f'<div class="{PLAIN_CLASS}" style="margin:4px 0 4px 20px;border-left:1px solid var(--jp-border-color2,#ccc);padding-left:10px">'
        f'{picture}<span style="font-weight:{weight}">{escape(node.label)}</span>{below}</div>'
    )
