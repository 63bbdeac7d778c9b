"""`imagegen provenance`: what image files say about their origin, a line each, or as JSON."""

from __future__ import annotations

from pathlib import Path

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.metadata.inspection import provenance
from imagegen_magic.metadata.reading import Provenance
from imagegen_magic.options.paths import expanded
from imagegen_magic.store.library import source_beside

from .call import Call
from .output import print_json, print_lines

__all__ = ["show_provenance"]


def show_provenance(call: Call) -> int:
    """Shows each file's line; the exit code is 1 if a file's metadata is damaged, or was changed after it was signed."""
    if not call.words:
        problem = Problem(field="line", rule="a file is needed", fix="imagegen provenance hero.png")
        raise OptionError("which file?", problems=(problem,))
    found = {word: _provenance(expanded(word), call.values.get("trust")) for word in call.words}
    doubtful = any(item.state == "unreadable" or item.is_sound is False for item in found.values())
    if call.json:
        files = [{"file": word, **item.to_dict()} for word, item in found.items()]
        print_json({"exit_code": int(doubtful), "files": files})
    elif len(found) == 1:
        print_lines([next(iter(found.values())).describe()])
    else:
        print_lines(f"{word}: {item}" for word, item in found.items())
    return int(doubtful)


def _provenance(path: Path, trust: str | None) -> Provenance:
    return provenance(path, source=source_beside(path), trust=trust)
