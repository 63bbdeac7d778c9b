"""One-line bugs in money, identity and paths: each is put into a copy of the package, and a test must fail for it.

    python benchmarks/one_line_bugs.py            every bug, with the test that kills it
    python benchmarks/one_line_bugs.py WORD ...   those whose names hold a word

The bugs stand in `one_line_bugs.toml`: a file, the line as it is, and the line with the bug.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = (
    "test_money",
    "test_identity",
    "test_paths",
    "test_options",
    "test_store",
    "test_batch_api",
    "test_servers",
    "test_faults",
)


def bugs():
    """The list, as data."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["bug"]


def put_in(bug, package):
    """Puts a bug into a copy of the package."""
    path = package / bug["file"]
    text = path.read_text(encoding="utf-8")
    if text.count(bug["line"]) != 1:
        raise SystemExit(
            f"{bug['name']}: the line stands {text.count(bug['line'])} times in {bug['file']}: {bug['line']}"
        )
    path.write_text(text.replace(bug["line"], bug["bug"]), encoding="utf-8")


def killer_of(bug):
    """The first test that fails with the bug, or an empty text."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "imagegen_magic", copy / "imagegen_magic", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("tests", "benchmarks", "docs", "labextension", "pyproject.toml"):
            (copy / name).symlink_to(ROOT / name)
        put_in(bug, copy / "imagegen_magic")
        tests = [f"tests/{name}.py" for name in dict.fromkeys((*bug.get("tests", ()), *TESTS))]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "-k",
            "not random_moments",
            *tests,
        ]
        environ = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=copy, env=environ, capture_output=True, text=True, check=False)
    failed = re.search(r"^(?:FAILED|ERROR) tests/(\S+)", done.stdout, re.MULTILINE)
    return failed[1] if failed else ""


def main(words):
    """Prints a line a bug; the exit code is the number of survivors."""
    survivors = 0
    for bug in bugs():
        if words and not any(word in bug["name"] for word in words):
            continue
        killer = killer_of(bug)
        survivors += not killer
        print(f"{'killed' if killer else 'SURVIVES':9} {bug['name']}: {killer}", flush=True)
    return survivors


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
