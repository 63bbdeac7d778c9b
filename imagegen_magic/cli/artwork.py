"""`imagegen pixelate`, `icons` and `unpack`: files made of one image; nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from imagegen_magic.jobs.artwork import SavedArt
from imagegen_magic.options.line import ParsedLine
from imagegen_magic.session import Session

from .call import Call
from .output import print_json, print_lines, print_message, shown

__all__ = ["make_icon_files", "pixelate_file", "unpack_file"]


def pixelate_file(call: Call) -> int:
    """Makes pixel art of an image; the path of the file on standard output."""
    return _make(call, Session().pixelate)


def make_icon_files(call: Call) -> int:
    """Makes icons of an image; the paths of the files on standard output."""
    return _make(call, Session().icons)


def unpack_file(call: Call) -> int:
    """Takes an animated file apart; the paths of the files on standard output."""
    return _make(call, Session().unpack)


def _make(call: Call, work: Callable[[ParsedLine, Mapping[str, object]], SavedArt]) -> int:
    values: dict[str, Any] = {"if_exists": "fail", **call.values}
    values = {name: value for name, value in values.items() if name not in ("json", "help_all")}
    made = work(ParsedLine(name=call.word, values=values, problems=call.problems), {})
    for note in made.notes:
        print_message(f"note: {note}")
    if call.json:
        print_json({"exit_code": 0, "files": [shown(path) for path in made.paths], "notes": list(made.notes)})
    else:
        print_lines(shown(path) for path in made.paths)
    return 0
