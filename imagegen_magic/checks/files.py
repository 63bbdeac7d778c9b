"""Checks of files that exist: a folder of assets in continuous integration."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from imagegen_magic.errors import OptionError, Problem
from imagegen_magic.options.paths import expanded
from imagegen_magic.tables import Table

from .expectations import Expectation, parse_expectations
from .running import Context, check_image, prepare
from .verdicts import CheckReport, Verdict

__all__ = ["check", "check_files", "image_files", "junit_xml", "reports_table"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif")


def check(image: Any, expect: str | Iterable[Any], *, find: Any = None) -> CheckReport:
    """The verdicts on one image. Nothing is raised for an expectation that fails: see `.passed`, `.failed` and the table.

    >>> check("hero.png", ["not-blank", "size >=1024x1024", "alpha clean"]).passed
    True

    Args:
        image: a path, a file's bytes, a Pillow image, or anything with a `path`.
        expect: a text such as `palette=brand.toml >=0.9`, or several of them, paths of TOML files with a list `expect`, or callables, which
            get the Pillow image and return True, False or a text that says what is wrong.
        find: a function from `@hero` to a file, for `same-as=@hero`.

    Raises:
        OptionError: an expectation, a file that it names or the image can't be read; `.problems` holds every fault.
    """
    source = Path(image.path) if hasattr(image, "path") and not isinstance(image, Path) else image
    context = Context(find=find) if find else Context()
    wanted = [expect] if isinstance(expect, str) else expect
    return check_image(source, _usable(wanted, context), context=context)


def image_files(given: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The files that are meant: each file, and every PNG, JPEG, WebP and GIF below each folder, sorted; each once.

    Raises:
        OptionError: one is not there, or there is no image at all.
    """
    found: list[Path] = []
    for item in map(Path, given):
        path = expanded(item)
        if path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and _is_asset(p))
        elif path.is_file():
            found.append(path)
        else:
            problem = Problem(
                field="image", value=str(item), rule="there is no such file or folder", fix="check the path"
            )
            raise OptionError("no such file", problems=(problem,))
    if not found:
        problem = Problem(field="image", rule=f"there is no image here ({', '.join(SUFFIXES)})", fix="name a file")
        raise OptionError("nothing to check", problems=(problem,))
    return list(dict.fromkeys(found))


def _is_asset(path: Path) -> bool:
    """A file, or a link to nothing, which is an asset that is missing."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def check_files(paths: Iterable[Path], expect: Iterable[Any], *, context: Context | None = None) -> list[CheckReport]:
    """A report for each file; one that can't be read is a failed verdict of its own.

    Raises:
        OptionError: an expectation can't be read, or needs a file that can't.
    """
    wanted = _usable(expect, context or Context())
    return [_report(path, wanted, context) for path in paths]


def _usable(expect: Iterable[Any], context: Context) -> tuple[Expectation, ...]:
    """The expectations with what they name; a mistyped file must not make a check that is skipped, and so never fails."""
    masked = context.mask is not None
    wanted, problems = prepare(parse_expectations(expect), context, masked=masked, reads=False)
    if problems:
        raise OptionError("what is expected can't be checked", problems=tuple(problems))
    return wanted


def _report(path: Path, wanted: Sequence[Any], context: Context | None) -> CheckReport:
    try:
        return check_image(path, wanted, context=context, name=str(path))
    except OptionError as error:
        why = "; ".join(problem.rule for problem in error.problems) or error.summary
        return CheckReport(verdicts=(Verdict(expected="an image", passed=False, sentence=why),), name=str(path))


def reports_table(reports: Sequence[CheckReport]) -> Table:
    """One row for each verdict that is not a pass, and the sum below."""
    rows = [
        (verdict.status, report.name, verdict.expected, verdict.sentence, verdict.bound)
        for report in reports
        for verdict in report.verdicts
        if verdict.passed is not True
    ]
    bad = sum(not report.passed for report in reports)
    skipped = sum(len(report.skipped) for report in reports)
    note = f"{len(reports)} image{'' if len(reports) == 1 else 's'}: {len(reports) - bad} passed, {bad} failed"
    note += f"; {skipped} expectations could not be checked here" if skipped else ""
    columns = ("", "image", "expected", "found", "bound") if rows else ()
    return Table(title="", columns=columns, rows=rows, notes=[note])


def junit_xml(reports: Sequence[CheckReport]) -> bytes:
    """The reports in the common form of JUnit XML, which CI services show: a test case for each image and expectation."""
    verdicts = [(report.name, verdict) for report in reports for verdict in report.verdicts]
    counts = {
        "tests": str(len(verdicts)),
        "failures": str(sum(verdict.passed is False for _, verdict in verdicts)),
        "errors": "0",
        "skipped": str(sum(verdict.passed is None for _, verdict in verdicts)),
    }
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", {"name": "imagegen check", **counts})
    for name, verdict in verdicts:
        case = ET.SubElement(
            suite, "testcase", {"classname": _legal(name), "name": _legal(verdict.expected), "time": "0"}
        )
        if verdict.passed is False:
            words = _legal(f"{verdict.sentence} (expected {verdict.bound})" if verdict.bound else verdict.sentence)
            ET.SubElement(case, "failure", {"message": words, "type": "expectation"})
        elif verdict.passed is None:
            ET.SubElement(case, "skipped", {"message": _legal(verdict.sentence)})
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _legal(text: str) -> str:
    """The text without the characters that XML can't hold."""
    return "".join(
        c for c in text if c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")
    )
