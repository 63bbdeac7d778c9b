"""Where an image came from and what was made from it: the tree of its parents and children."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape

from imagegen_magic.errors import OptionError
from imagegen_magic.images.preview import thumbnail
from imagegen_magic.tables import PLAIN_CLASS

from .folder import Store
from .history import History, Record

__all__ = ["Lineage"]


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
    """The oldest known ancestors of `record`; itself if it has none."""
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
    image = (
        f'<img src="{node.thumbnail}" alt="{escape(node.label)}" width="48" style="vertical-align:middle;border-radius:4px"> '
        if node.thumbnail
        else ""
    )
    weight = "600" if node.chosen else "400"
    below = "".join(_html(kid) for kid in node.children)
    return (
        f'<div class="{PLAIN_CLASS}" style="margin:4px 0 4px 20px;border-left:1px solid var(--jp-border-color2,#ccc);padding-left:10px">'
        f'{image}<span style="font-weight:{weight}">{escape(node.label)}</span>{below}</div>'
    )
