"""The walls of the house: who may import whom. The same facts, in prose, stand in docs/architecture.md."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import one_line_bugs
import pytest
from made import architecture

import imagegen_magic

PACKAGE = Path(imagegen_magic.__file__).parent

ORDER = (
    "__main__",
    "notebook cli",
    "panel",
    "api",
    "session",
    "batch",
    "wire display",
    "jobs",
    "checks spritesheets",
    "matting store widgets",
    "images",
    "metadata",
    "request",
    "options",
    "facts",
    "errors redaction tables _version",
)
"""The wings and the modules of the root, from the top down. A module imports from a lower line, or from its own wing."""

OWNERS = {
    "openai": "wire",
    "httpx2": "wire",
    "ijson": "wire",
    "pybase64": "wire",
    "filelock": "store",
    "cv2": "matting checks spritesheets",
    "isal": "images",
    "IPython": "display notebook panel",
    "traitlets": "notebook widgets panel",
    "ipywidgets": "panel",
    "anywidget": "widgets panel",
    "pydantic": "batch facts store",
    "c2pa": "metadata simulator",
    "fsspec": "store",
    "cryptography": "metadata simulator",
}
"""Who may import a library: its upgrade is then one room's business."""

HEAVY = ("openai", "httpx2", "numpy", "PIL", "cv2", "ipywidgets", "anywidget", "pydantic", "ijson", "c2pa")


RANK = {name: len(ORDER) - number for number, names in enumerate(ORDER) for name in names.split()}
LOWEST = 1


@pytest.mark.parametrize("module", architecture.modules())
def test_imports_go_down(module):
    """A module belongs to a wing of the plan and imports from wings below its own."""
    wing = architecture.wing_of(module)
    if wing == "__init__":
        return
    assert wing in RANK, f"{wing} is not in the plan: put it into ORDER and into docs/architecture.md"
    for other in {architecture.wing_of(name) for name in architecture.arrows()[module]} - {wing}:
        below = RANK[other] < RANK[wing] or RANK[other] == RANK[wing] == LOWEST
        assert below, f"{module} imports {other}, which is not below {wing}: the arrow must point down"


def test_no_circles():
    """No module needs itself by way of others, no wing either."""
    assert not architecture.circles(architecture.arrows())
    assert not architecture.circles(architecture.wing_arrows())


def test_late_imports_have_reasons():
    """An import inside a function says what it keeps out, or what makes it late."""
    assert [f"{i.importer}:{i.line}" for i in architecture.late_imports() if not i.reason] == []


def test_no_model_id_in_code():
    """Models are data: no code names one, in a card's fix either."""
    found = [
        f"{name}:{number}"
        for name, path in architecture.modules(simulator=True).items()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "gpt-image" in line or "dall-e" in line
    ]
    assert found == []


def test_the_root_stays_small():
    """At most eight modules stand in the root; everything else has a wing."""
    assert len(list(PACKAGE.glob("*.py"))) <= 8


@pytest.mark.parametrize("library", OWNERS)
def test_libraries_have_owners(library):
    """A library with a wall around it is imported by its owners only."""
    found = (i for path in architecture.modules().values() for i in architecture.imports_of(path))
    users = {architecture.wing_of(i.importer) for i in found if not i.own and i.target == library}
    assert users <= set(OWNERS[library].split()), f"{library} belongs to: {OWNERS[library] or 'nobody'}"


def test_simulator_does_not_see_our_checker():
    """The simulator judges by its own rules: with ours, a wrong rule would confirm itself."""
    for name, path in architecture.modules(simulator=True).items():
        if architecture.wing_of(name) == "simulator":
            seen = {architecture.wing_of(i.target) for i in architecture.imports_of(path) if i.own}
            assert seen <= {"facts", "simulator"}, f"{name} imports {seen}"


def test_loading_is_light():
    """`%load_ext` imports nothing but IPython's own and us, prints nothing, and leaves one of everything."""
    code = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
before = set(sys.modules)
shell.run_line_magic("load_ext", "imagegen_magic")
new = {name.split(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names) - {"IPython"}
shell.run_line_magic("reload_ext", "imagegen_magic")
hooks = len(shell.Completer.custom_matchers)
print(sorted(new), hooks, sum(type(c).__name__ == "ImagegenMagics" for c in shell.configurables))
shell.run_line_magic("unload_ext", "imagegen_magic")
print("imagegen" in shell.magics_manager.magics["cell"], len(shell.Completer.custom_matchers))
"""
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environ)
    assert done.stdout.splitlines() == ["['imagegen_magic'] 1 1", "False 0"], done.stdout + done.stderr
    assert not done.stderr


def test_importing_the_package_is_light():
    """`import imagegen_magic` brings none of the heavy libraries."""
    code = "import sys, imagegen_magic; print([name for name in sys.argv[1:] if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_a_plain_request_needs_no_arrays():
    """numpy and OpenCV come with the first array, mask or cut-out: the first request of a process goes out 0.1 s earlier."""
    code = "import sys, imagegen_magic.api, imagegen_magic.wire.client; print([n for n in sys.argv[1:] if n in sys.modules])"
    command = [sys.executable, "-c", code, "numpy", "cv2", "ipywidgets", "anywidget", "IPython"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_a_cutout_from_file_to_file_is_light(tmp_path):
    """Nothing for network, mail or display comes with a cut-out, nor numpy's masked arrays: 0.08 s of a fresh process."""
    code = """
import sys, numpy
from imagegen_magic.matting.cutout import cutout
picture = numpy.full((64, 64, 3), (0, 255, 0), numpy.uint8)
picture[20:40, 20:40] = (200, 40, 40)
cutout(picture).save(sys.argv[1])
print([name for name in sys.argv[2:] if name in sys.modules])
"""
    heavy = [
        "urllib.request",
        "ssl",
        "importlib.metadata",
        "numpy.ma",
        "PIL.ImageDraw",
        "imagegen_magic.images.preview",
    ]
    command = [sys.executable, "-c", code, str(tmp_path / "cut.png"), *heavy]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_exist():
    """Every name that the package offers can be had, is listed once, and is no module's name."""
    own = {"__version__", "load_ipython_extension", "unload_ipython_extension"}
    assert sorted(imagegen_magic.__all__) == sorted(own | imagegen_magic._HOMES.keys())
    modules = {path.stem for path in PACKAGE.iterdir()}
    for name in imagegen_magic._HOMES:
        assert getattr(imagegen_magic, name).__name__ == name
        assert name not in modules


@pytest.mark.parametrize("bug", one_line_bugs.bugs(), ids=lambda bug: bug["name"])
def test_one_line_bugs_are_of_today(bug):
    """Each names a line that stands once, and tests that are there: the list must follow the code."""
    text = (PACKAGE / bug["file"]).read_text(encoding="utf-8")
    assert text.count(bug["line"]) == 1
    assert all((Path(__file__).with_name(f"{name}.py")).is_file() for name in bug.get("tests", ()))
