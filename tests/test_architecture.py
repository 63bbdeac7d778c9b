"""The walls of the house: who may import whom. The same facts, in prose, stand in docs/architecture.md."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import imagegen_magic

PACKAGE = Path(imagegen_magic.__file__).parent

FLOORS = {
    "base": "errors redaction tables background",
    "facts and rules": "catalog models_file sizes backdrop prompt request rules response cost option_table option_values options "
    "settings servers history rows names "
    "pacing retries faults",
    "metadata": "metadata",
    "pictures": "receiving inputs masks preview png matting cutouts captions",
    "work": "store recovery planning extraction result running batch batch_results batch_api batch_submitted batch_lines answers transport batch_calls client ledger doctor reports "
    "recall gather",
    "engine": "session_core session_batches api",
    "surfaces": "frontend cells batch_cells batch_view verbs completion magics panel widgets cli __main__",
}
"""From the ground up. A module imports from its own floor or from below, never in a circle."""

OWNERS = {
    "openai": "client batch_calls",
    "httpx2": "client transport",
    "ijson": "answers",
    "tenacity": "retries",
    "filelock": "history store recovery",
    "cv2": "matting cutouts",
    "isal": "png",
    "IPython": "frontend completion magics cells batch_cells panel",
    "traitlets": "magics widgets panel",
    "anywidget": "widgets panel",
    "pydantic": "",
    "c2pa": "metadata",
    "cryptography": "metadata",
}
"""Who may import a library: its upgrade is then one room's business."""

HEAVY = ("openai", "httpx2", "numpy", "PIL", "cv2", "ipywidgets", "anywidget", "pydantic", "ijson", "tenacity", "c2pa")


def sources():
    """(module, path) of the package, a folder counting as one module; the simulator stands apart."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] not in ("simulator", "__init__"):
            yield parts[0], path


def imports_of(path):
    """(own modules, other packages) that a file imports at run time, those inside functions included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    depth = len(path.relative_to(PACKAGE).parts)
    own, other = set(), set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            other |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            first, *rest = node.module.split(".")
            (own if first == PACKAGE.name and rest else other).add(rest[0] if first == PACKAGE.name and rest else first)
        elif isinstance(node, ast.ImportFrom) and node.level == depth:
            own |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
    return own, other


FLOOR_OF = {module: number for number, names in enumerate(FLOORS.values()) for module in names.split()}


@pytest.mark.parametrize(("module", "path"), list(sources()), ids=lambda value: getattr(value, "name", value))
def test_imports_go_down(module, path):
    """A room is on the plan and imports from its own floor or from below."""
    assert module in FLOOR_OF, f"{module} is on no floor: put it into FLOORS and into docs/architecture.md"
    for other in imports_of(path)[0] - {"simulator", "__version__"}:
        why = f"{module} imports {other}, which is on a floor above it: the arrow must point down"
        assert FLOOR_OF[other] <= FLOOR_OF[module], why


def test_no_circles():
    """No room needs itself by way of others."""
    needs = {}
    for module, path in sources():
        needs.setdefault(module, set()).update(imports_of(path)[0] & FLOOR_OF.keys() - {module})
    while needs:
        free = [module for module, others in needs.items() if not others & needs.keys()]
        assert free, f"these import each other in a circle: {sorted(needs)}"
        for module in free:
            del needs[module]


@pytest.mark.parametrize("library", OWNERS)
def test_libraries_have_owners(library):
    """A library with a wall around it is imported by its owners only."""
    users = {module for module, path in sources() if library in imports_of(path)[1]}
    assert users <= set(OWNERS[library].split()), f"{library} belongs to: {OWNERS[library] or 'nobody'}"


def test_simulator_does_not_see_our_checker():
    """The simulator judges by its own rules: with ours, a wrong rule would confirm itself."""
    for path in (PACKAGE / "simulator").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        seen = {name.split(".")[1] for name in named if name.startswith("imagegen_magic.")}
        assert seen <= {"catalog", "simulator"}, f"{path.name} imports {seen}"


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


def test_public_names_exist():
    """Every name that the package offers can be had, is listed once, and is no module's name."""
    own = {"__version__", "load_ipython_extension", "unload_ipython_extension"}
    assert sorted(imagegen_magic.__all__) == sorted(own | imagegen_magic._HOMES.keys())
    modules = {path.stem for path in PACKAGE.iterdir()}
    for name in imagegen_magic._HOMES:
        assert getattr(imagegen_magic, name).__name__ == name
        assert name not in modules
