"""`imagegen check`: files and folders against expectations, for continuous integration."""

from __future__ import annotations

from pathlib import Path

from imagegen_magic.checks.files import check_files, image_files, junit_xml, reports_table
from imagegen_magic.errors import OptionError, Problem, StoreError
from imagegen_magic.options.paths import expanded

from .call import Call
from .output import print_json, print_lines

__all__ = ["check"]


def check(call: Call) -> int:
    """Shows what is not as expected; 0 if all is, 1 if anything is not. Nothing is sent, and no file is changed but the report."""
    problems = list(call.problems)
    if not call.words:
        problems.append(
            Problem(field="line", rule="a file or folder is needed", fix="imagegen check assets --expect not-blank")
        )
    if not call.values.get("expect"):
        problems.append(
            Problem(field="expect", rule="nothing is expected", fix="--expect not-blank, or --expect checks.toml")
        )
    if problems:
        raise OptionError("nothing to check", problems=tuple(problems))
    reports = check_files(image_files(call.words), call.values["expect"])
    code = 0 if all(report.passed for report in reports) else 1
    if call.values.get("junit"):
        _write(expanded(call.values["junit"]), junit_xml(reports))
    if call.json:
        files = [{"file": r.name, "passed": r.passed, "verdicts": [v.to_dict() for v in r.verdicts]} for r in reports]
        print_json({"exit_code": code, "files": files})
    else:
        print_lines([reports_table(reports)])
    return code


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise StoreError(f"{path} can't be written: {error.strerror}") from error
