"""An environment that lacks packages, as Pyodide does: importing and loading work, and everything else ends in one card."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from imagegen_magic.errors import ImagegenError, MissingPackageError
from imagegen_magic.facts.packages import NEEDED, missing_error, named_packages, opencv_command

ROOT = Path(__file__).resolve().parents[1]
LACKING = '''
import sys
class Lacks:
    """An import system without some packages."""
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Lacks())
'''
CELLS = (
    LACKING
    + """
import json
from IPython.core.interactiveshell import InteractiveShell
import imagegen_magic
shell = InteractiveShell.instance()
found = {}
for cell in json.loads(sys.argv[2]):
    done = shell.run_cell(cell)
    error = done.error_in_exec or done.error_before_exec
    card = error._render_traceback_() if hasattr(error, "_render_traceback_") else [repr(error)]
    found[cell] = "" if error is None else "\\n".join(card)
print("FOUND" + json.dumps(found))
"""
)
LOAD = ["%load_ext imagegen_magic", "%config ImagegenMagics.backend = 'simulator'"]
GREEN = "from PIL import Image; Image.new('RGB', (64, 64), (0, 255, 0)).save('green.png')"
EVERY_WAY = [
    "%%imagegen hero --size square\nA mug.",
    "%%imagegen hero --dry-run\nA mug.",
    "%%imagegen robot --transparent\nA robot.",
    "%%imagegen_batch icons -y\nA sun.",
    "%%imagegen_sprites knight --animation walk --cell 64x64\nA knight.",
    "%imagegen doctor",
    "imagegen_magic.generate('a mug', backend='simulator')",
    "imagegen_magic.run_batch(['a mug'], backend='simulator', yes=True)",
    "imagegen_magic.cutout('green.png')",
    "imagegen_magic.Panel()",
    "from imagegen_magic import edit",
]


def run_cells(lacking, cells, folder):
    """What each cell ended with in a fresh Python without these packages: an error's card, or nothing."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython")}
    command = [sys.executable, "-c", CELLS, ",".join(lacking), json.dumps([*LOAD, "import imagegen_magic", *cells])]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert "FOUND" in done.stdout, done.stderr
    return json.loads(done.stdout.rpartition("FOUND")[2])


def test_loading_needs_none_of_them_and_each_cell_ends_in_a_card(tmp_path):
    """The five that Pyodide lacks: each way in names all of them, with the commands that bring them."""
    lacking = ("isal", "ijson", "filelock", "openai", "cv2")
    found = run_cells(lacking, [GREEN, *EVERY_WAY], tmp_path)
    assert [found[cell] for cell in [*LOAD, "import imagegen_magic", GREEN]] == ["", "", "", ""]
    for cell in EVERY_WAY:
        first, *fixes = found[cell].splitlines()
        assert first.startswith("MissingPackageError: this needs packages that cannot be imported: "), cell
        assert set(re.split("[:,] ", first)[2:]) == {NEEDED[name] for name in lacking}
        assert fixes[0] == "  → pip install filelock ijson isal openai"
        assert fixes[1].startswith("  → pip install "), fixes
        assert "opencv-python-headless" in fixes[1]
    assert not list(tmp_path.glob("output/imagegen/*"))


def test_without_opencv_plain_pictures_are_made_and_cut_outs_are_not_paid_for(tmp_path):
    """What needs OpenCV after the answer is refused before anything is sent; the doctor says what is missing."""
    plain, cut, art = (
        "%%imagegen hero\nA mug.",
        "%%imagegen robot --transparent\nA robot.",
        "%%imagegen pixels --pixel-art\nA cat.",
    )
    found = run_cells(
        ("cv2",), [plain, cut, art, "%imagegen doctor", "%imagegen cutout output/imagegen/hero.png"], tmp_path
    )
    assert found[plain] == found["%imagegen doctor"] == ""
    for cell in (cut, art, "%imagegen cutout output/imagegen/hero.png"):
        assert found[cell].startswith("MissingPackageError"), cell
    assert [path.name for path in tmp_path.glob("output/imagegen/*.png")] == ["hero.png"]


@pytest.mark.parametrize(
    "words",
    [
        ["generate", "a mug", "--backend", "simulator"],
        ["remove-chroma-key", "--input", "green.png", "--out", "cut.png"],
    ],
)
def test_the_command_line_ends_in_a_card(words, tmp_path):
    """One line, exit code 1, no traceback."""
    (tmp_path / "green.png").write_bytes(b"")
    program = LACKING + "from imagegen_magic.cli import main; sys.exit(main(sys.argv[2:]))"
    command = [sys.executable, "-c", program, "openai,cv2", *words]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("imagegen: this needs packages that cannot be imported: ")
    assert "Traceback" not in done.stderr


def test_what_is_needed_is_what_is_declared():
    """A dependency that is added or dropped is known here, too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(NEEDED.values()) == sorted(re.split("[>=]", text)[0] for text in project["dependencies"])


def test_in_pyodide_the_card_says_what_was_not_tried():
    """No command of pip helps there."""
    (hint,) = missing_error("ijson", platform="emscripten").hints
    assert "Pyodide" in hint
    assert "not tried" in hint


def test_other_imports_that_fail_are_not_ours():
    """A package of the user's, and one that is there and broken."""
    with pytest.raises(ModuleNotFoundError, match="no_such_package"), named_packages():
        import no_such_package  # noqa: F401 - it must fail
    with pytest.raises(MissingPackageError, match=r"cv2 can't be loaded: libGL\.so\.1"), named_packages():
        raise ImportError("libGL.so.1: no such file", name="cv2")
    assert issubclass(MissingPackageError, ImagegenError)
    assert issubclass(MissingPackageError, ImportError), "`try: from imagegen_magic import …` catches it"


@pytest.mark.parametrize(
    ("found", "command"),
    [
        ({}, "pip install opencv-python-headless"),
        ({"opencv-python-headless": "5.0"}, "pip install --force-reinstall --no-deps opencv-python-headless==5.0"),
        ({"opencv-python-headless": "5.0", "opencv-python": "4.10"}, "pip install --force-reinstall --no-deps opencv-python==4.10"),
        ({"opencv-python-headless": "5.0", "opencv-contrib-python": "5.1"}, "pip install --force-reinstall --no-deps opencv-contrib-python==5.1"),
    ],
)  # fmt: skip
def test_the_command_keeps_the_users_version(found, command):
    """A plain `pip install` would do nothing, since pip takes it for installed, and without the version it would upgrade."""
    assert opencv_command(found) == command
