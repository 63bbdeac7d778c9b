"""`imagegen sprites` and `imagegen slice`: the frames of a sheet, what is wrong with them, and where their files are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imagegen_magic.options.line import ParsedLine
from imagegen_magic.session import Session

from .call import INTERRUPTED, NOT_AS_EXPECTED, Call
from .output import print_json, print_lines, print_message, shown
from .results import print_unexpected, result_document, saved_line
from .words import SHELL_WORDS

if TYPE_CHECKING:
    from imagegen_magic.jobs.sprites import GeneratedSprites

__all__ = ["show_sprites", "slice_file"]

USUAL_EXPORT = "frames,sheet"


def slice_file(call: Call) -> int:
    """Slices a sheet that exists; the paths of what was written on standard output. Nothing is sent."""
    values = {"export": (USUAL_EXPORT,), "if_exists": "fail", **call.values}
    values = {name: value for name, value in values.items() if name not in ("json", "help_all")}
    parsed = ParsedLine(name=call.word, values=values, problems=call.problems)
    return show_sprites(call, Session().slice_sheet(parsed, {}))


def show_sprites(
    call: Call, sprites: GeneratedSprites, *, already_shown: Sequence[str] = (), interrupted: bool = False
) -> int:
    """Shows sprites; the exit code says whether every frame is as it was asked for."""
    result = sprites.result
    code = INTERRUPTED if interrupted else _code(sprites)
    if result:
        print_unexpected(result)
    if not call.values.get("quiet"):
        for text in (*(result.notes if result else ()), *sprites.notes):
            print_message(f"note: {SHELL_WORDS.render(text)}")
        for text in (*(result.warnings if result else ()), *sprites.warnings):
            if text not in already_shown:
                print_message(f"warning: {SHELL_WORDS.render(text)}")
        if result:
            print_message(saved_line(result))
    if call.json:
        print_json({"exit_code": code, **sprites_document(sprites)})
    else:
        print_lines(shown(path) for path in sprites.paths)
    return code


def _code(sprites: GeneratedSprites) -> int:
    """3 if a check of the sheet failed, 5 if the sheet is not as expected, else 0."""
    if not sprites.report.ok:
        return 3
    return 0 if sprites.result is None or sprites.result.passed else NOT_AS_EXPECTED


def sprites_document(sprites: GeneratedSprites) -> dict[str, Any]:
    """Sprites as JSON-ready data: those of the request, if there was one, beside the frames' own."""
    width, height = sprites.size
    report = sprites.report
    return {
        **(result_document(sprites.result) if sprites.result else {}),
        "frames": len(sprites),
        "cell": [width, height],
        "durations": list(sprites.durations),
        "pivot": sprites.pivot,
        "files": [shown(path) for path in sprites.files],
        "status": report.status,
        "drift": {"before": report.before.most, "after": report.after.most},
        "loop": report.loop,
        "checks": [
            {"name": c.name, "status": c.status, "value": float(c.value), "sentence": c.sentence} for c in report.checks
        ],
        "notes": list(sprites.notes),
        "warnings": list(sprites.warnings),
    }
