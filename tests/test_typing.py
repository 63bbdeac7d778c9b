"""Type checkers see every option of the Python face with its type, and one return type a function."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CALLS = Path(__file__).parent / "typing" / "calls.py"


def test_mypy_accepts_the_calls(tmp_path):
    """Strict, and an ignored error that is no error any more is one."""
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--warn-unused-ignores",
        "--cache-dir",
        str(tmp_path),
        str(CALLS),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CALLS.parents[2])
    assert done.returncode == 0, done.stdout


def test_pyright_accepts_the_calls():
    """The checker of most editors sees the same: its errors stand exactly in the lines that mypy ignores."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(CALLS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CALLS.parents[2])
    found = json.loads(done.stdout)["generalDiagnostics"]
    lines = {problem["range"]["start"]["line"] for problem in found if problem["severity"] == "error"}
    wanted = {number for number, line in enumerate(CALLS.read_text().splitlines()) if "type: ignore" in line}
    assert lines == wanted, found
