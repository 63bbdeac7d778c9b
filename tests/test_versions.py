"""The built wheel in bare environments: on the lowest and on the newest supported version of each dependency."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
pytestmark = [pytest.mark.versions, pytest.mark.timeout(600)]

SCRIPT = """
import sys
from pathlib import Path

import imagegen_magic
from IPython.core.interactiveshell import InteractiveShell

assert Path(imagegen_magic.__file__).is_relative_to(sys.prefix), imagegen_magic.__file__
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
shell.run_line_magic("load_ext", "imagegen_magic")
shell.run_line_magic("config", "ImagegenMagics.backend = 'simulator'")
for cell in (
    "%%imagegen mug --size 1024x1024\\nA red mug.",
    "%%imagegen_edit blue -i @mug --mask-box 0,0,50%,50%\\nMake it blue.",
    "%%imagegen robot --transparent --size 1024x1024\\nA round robot.",
    "%%imagegen_batch pair\\nA green leaf.\\nA gold ring.",
):
    shell.run_cell(cell).raise_error()
assert len(shell.user_ns["pair"]) == 2
cut = imagegen_magic.cutout(shell.user_ns["robot"].image)
panel = imagegen_magic.Panel("A red mug.", backend="simulator")
assert panel.request is not None
print(cut.image.mode, shell.user_ns["robot"].report.status)
"""


def constraints_of(resolution):
    """Lines for pip: each dependency on the lowest minor version that pyproject.toml allows, or none for the newest."""
    if resolution == "newest":
        return []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(text) for text in project["dependencies"]]
    bounds = {r.name: next(s.version for s in r.specifier if s.operator == ">=") for r in wanted}
    return [f"{name}=={bound}" + (".*" if bound.count(".") == 1 else "") for name, bound in bounds.items()]


def run(*command, cwd, env=None):
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False, env=env)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The path of the wheel, built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.mark.parametrize("resolution", ["lowest", "newest"])
def test_wheel_in_a_bare_environment(resolution, wheel, tmp_path):
    """Installed with nothing else: magics, an edit, a cut-out, a batch and the panel work."""
    (tmp_path / "constraints.txt").write_text("\n".join(constraints_of(resolution)))
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv/bin/python")
    install = ("-m", "pip", "install", "--quiet", "--constraint", "constraints.txt", str(wheel))
    run(python, *install, cwd=tmp_path)
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "IMAGEGEN_", "PYTHON"))
    }
    lines = run(python, "-W", "error::DeprecationWarning:imagegen_magic", "-c", SCRIPT, cwd=tmp_path, env=environ)
    assert lines.splitlines()[-1] == "RGBA pass", lines
    assert "imagegen_magic" in run(str(tmp_path / "venv/bin/imagegen"), "--version", cwd=tmp_path, env=environ)
