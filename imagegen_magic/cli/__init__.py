"""`imagegen`: the command line's front door. Help and mistyped commands are answered here, before anything is imported.

Exit codes: 0 done, 1 refused or failed, 2 bad usage (a missing key included), 3 done in part, 4 the outcome of a
request is unknown and it may have been billed, 5 done but not as expected, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

HELP = """\
imagegen: pictures from OpenAI's Images API, and an offline simulator of it

  imagegen generate "a red mug" --size 1024x1024 --out output/imagegen/mug.png
  imagegen edit --image mug.png --prompt "make it blue" --out blue.png
  imagegen generate-batch --input prompts.jsonl --out-dir output/imagegen/batch
  imagegen remove-chroma-key --input mug.png --out cut.png --auto-key border \\
           --soft-matte --despill

pictures   generate  edit  generate-batch  remove-chroma-key
           sprites, slice: a sheet of frames made, or one that exists cut into frames
           pixelate, icons, unpack: pixel art, icon sets, the frames of a GIF
           batches, status, collect, cancel: what was sent with --via batch-api
to know    models  sizes  tips  cost  history  doctor  config
files      provenance, check: where images come from, and whether they are right
           lock: what stored images answer, for --replay
to try     simulate: the Images API offline, for any client
shell      completion bash|zsh|fish

COMMAND --help is one screen, COMMAND --help-all explains every option.
--backend simulator works offline and free; live calls need OPENAI_API_KEY.
--dry-run checks and shows everything, and sends nothing.  --json is for machines.
exit code  0 done  1 refused or failed  2 bad usage  3 done in part
           4 may have been billed: look at `imagegen history`
           5 done, but not as --expect says  130 interrupted
"""
COMMANDS = (
    "generate",
    "edit",
    "generate-batch",
    "remove-chroma-key",
    "sprites",
    "slice",
    "pixelate",
    "icons",
    "unpack",
    "models",
    "sizes",
    "tips",
    "cost",
    "history",
    "lock",
    "doctor",
    "config",
    "provenance",
    "check",
    "batches",
    "status",
    "collect",
    "cancel",
    "simulate",
    "completion",
)


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of one command line; `argv` is without the program's name."""
    words = list(sys.argv[1:] if argv is None else argv)
    word = words[0] if words else ""
    if word in ("-h", "--help", "help") and len(words) == 1:
        return _print(HELP)
    if word in ("-V", "--version"):
        from imagegen_magic._version import __version__  # noqa: PLC0415 - the package's own version

        return _print(f"imagegen_magic {__version__}\n")
    if word == "help":
        words, word = [*words[1:], "--help"], words[1]
    if word not in COMMANDS:
        return _no_command(word)
    from .commands import run_command  # noqa: PLC0415 - help costs no imports

    return run_command(word, words[1:])


def _print(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stderr.close()  # or the interpreter complains of it at its end
    return 0


def _no_command(word: str) -> int:
    if not word:
        sys.stderr.write(HELP)
        return 2
    import difflib  # noqa: PLC0415 - only for a mistyped command

    from .names import MEANT  # noqa: PLC0415 - as above

    near = [MEANT[word]] if word in MEANT else difflib.get_close_matches(word, COMMANDS, n=2)
    fix = f"did you mean {' or '.join(near)}?" if near else "imagegen --help"
    sys.stderr.write(f"imagegen: no such command: {word}\n      fix: {fix}\n")
    return 2
