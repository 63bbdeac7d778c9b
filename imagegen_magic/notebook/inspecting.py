"""`%imagegen check` and `%imagegen provenance`: pictures that exist, looked at. Nothing is sent, and no file is changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagegen_magic.checks.running import Context, check_image
from imagegen_magic.checks.verdicts import CheckReport
from imagegen_magic.errors import Command, Fix, OptionError, Problem
from imagegen_magic.images.opening import resolve_token
from imagegen_magic.metadata.inspection import provenance
from imagegen_magic.store.library import source_beside

from .cells import PlainText

if TYPE_CHECKING:
    from imagegen_magic.session import Session

__all__ = ["check_words", "provenance_of"]


def check_words(session: Session, shell: Any, words: Sequence[Any]) -> CheckReport:
    """The verdicts on the picture that the words name, each expectation after an `--expect`.

    Raises:
        OptionError: no picture or more than one, nothing expected, or an expectation can't be read.
    """
    images, expected, problems = _split(words)
    if len(images) != 1:
        given = " ".join(map(str, images)) or None
        problems.append(_wrong("image", given, "one picture is needed", "@hero --expect not-blank"))
    if not expected:
        problems.append(_wrong("expect", None, "nothing is expected", "@hero --expect not-blank"))
    if problems:
        raise OptionError("nothing to check", problems=tuple(problems))
    source, name = _found(session, shell, images[0])
    return check_image(source, expected, context=Context(find=session.library.image_file), name=name)


def _found(session: Session, shell: Any, word: Any) -> tuple[Any, str]:
    """What a word means, and its name; of a result, the file that it shows."""
    source, name = resolve_token(word, shell.user_ns, session.library.image_file)
    is_result = hasattr(source, "path") and not isinstance(source, Path)
    return (Path(source.path) if is_result else source), name


def _split(words: Sequence[Any]) -> tuple[list[Any], list[Any], list[Problem]]:
    """What is looked at, what is expected, and flags that mean nothing here."""
    images: list[Any] = []
    expected: list[Any] = []
    problems: list[Problem] = []
    rest = iter(words)
    for word in rest:
        if word == "--expect":
            expected += [value for value in [next(rest, None)] if value is not None]
        elif isinstance(word, str) and word.startswith("--expect="):
            expected.append(word.removeprefix("--expect="))
        elif isinstance(word, str) and word.startswith("-"):
            problems.append(_wrong("line", word, "no such option", "@hero --expect not-blank"))
        else:
            images.append(word)
    return images, expected, problems


def _wrong(field: str, value: str | None, rule: str, example: str) -> Problem:
    return Problem(field=field, value=value, rule=rule, fix=Fix(Command("check", example)))


def provenance_of(session: Session, shell: Any, word: Any) -> PlainText:
    """What a picture's file says about its origin."""
    source, _ = _found(session, shell, word)
    if not isinstance(source, (str, Path, bytes)):
        problem = Problem(
            field="image",
            value=str(word),
            rule="only a file has an origin to read",
            fix=Fix(Command("provenance", "@hero")),
        )
        raise OptionError("not a file", problems=(problem,))
    made_from = None if isinstance(source, bytes) else source_beside(Path(source))
    return PlainText(provenance(source, source=made_from).describe())
