"""The built wheel, installed and loaded outside the checkout."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import imagegen_magic

ROOT = Path(__file__).parent.parent

SCRIPT = """
import imagegen_magic
from IPython.core.interactiveshell import InteractiveShell
assert "site-packages" not in imagegen_magic.__file__ and "unpacked" in imagegen_magic.__file__
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
shell.run_line_magic("load_ext", "imagegen_magic")
shell.run_line_magic("config", "ImagegenMagics.backend = 'simulator'")
shell.run_cell("%%imagegen robot --transparent --size 1024x1024\\nA round robot.").raise_error()
print(shell.user_ns["robot"].image.mode, shell.user_ns["robot"].report.status)
"""


@pytest.mark.package
def test_the_wheel_works_outside_the_checkout(tmp_path):
    """Built from the sdist's own sources, with its data files, typed, and without tests in it."""
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True, timeout=300)
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "unpacked")
    for name in ("facts/models.toml", "facts/servers.toml", "facts/use_cases.toml", "facts/words.toml", "py.typed"):
        assert f"imagegen_magic/{name}" in names
    extension = ".data/data/share/jupyter/labextensions/imagegen-magic/"
    for name in ("package.json", "static/container.js", "static/flags.json", "schemas/imagegen-magic/plugin.json"):
        assert any(entry.endswith(extension + name) for entry in names)
    assert not any(name.startswith(("tests/", "notebooks/")) for name in names)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"PYTHONPATH": str(tmp_path / "unpacked"), "PATH": "", "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "RGBA pass", done.stdout


def test_the_version_is_one():
    """The changelog's newest release and the citation are of the version that the code says."""
    newest = re.search(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert newest[1] == cited[1] == imagegen_magic.__version__
