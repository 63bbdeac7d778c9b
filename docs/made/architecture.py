"""The house, measured from its imports: wings, arrows, circles, long functions, late imports; and its picture.

`python docs/made/architecture.py` prints the measures. The docs build draws the picture of the wings from the same
readings; `tests/test_architecture.py` holds the order.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "imagegen_magic"
LONG = 40
"""Lines; a function with more is listed."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import: the module that has it, what it names, and whether it runs only when a function does."""

    importer: str
    target: str
    own: bool
    late: bool
    line: int
    reason: str = ""


def name_of(path: Path) -> str:
    """The module's dotted name without the package's own: `jobs.planning`, `panel` for a folder's own file."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def wing_of(module: str) -> str:
    """The folder of a module; of one in the root its own name."""
    return module.partition(".")[0]


@cache
def modules(*, simulator: bool = False) -> dict[str, Path]:
    """Every module of the package by its dotted name; the simulator, which stands apart, only if asked for."""
    found = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
    return {name: path for name, path in found.items() if simulator or wing_of(name) != "simulator"}


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """The imports of a file that run, in order; those for type checkers alone are left out."""
    return tuple(_imports_of(path))


def _imports_of(path: Path) -> Iterator[Import]:
    text = path.read_text(encoding="utf-8")
    tree, lines = ast.parse(text), text.splitlines()
    top = {id(node) for node in tree.body}
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped or not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        reason = lines[node.lineno - 1].partition("PLC0415")[2].strip(" -")
        for target, own in _targets(node, path):
            yield Import(name_of(path), target, own, id(node) not in top, node.lineno, reason)


def _targets(node: ast.Import | ast.ImportFrom, path: Path) -> Iterator[tuple[str, bool]]:
    """(module, whether it is ours) for everything that one import statement brings."""
    if isinstance(node, ast.Import):
        yield from ((alias.name.partition(".")[0], False) for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        folder = path.relative_to(PACKAGE).parts[: -node.level]
        base = ".".join([*folder, *([base] if base else [])])
    elif base.partition(".")[0] == PACKAGE.name:
        base = base.partition(".")[2]
    else:
        yield base.partition(".")[0], False
        return
    for alias in node.names:
        inner = f"{base}.{alias.name}" if base else alias.name
        place = PACKAGE.joinpath(*inner.split("."))
        is_module = place.is_dir() or place.with_suffix(".py").is_file()
        yield (inner if is_module else base or alias.name), True


@cache
def arrows() -> dict[str, set[str]]:
    """For every module the modules of ours that it needs."""
    known = modules()
    out: dict[str, set[str]] = {name: set() for name in known}
    for name, path in known.items():
        out[name] = {i.target for i in imports_of(path) if i.own and i.target in known} - {name}
    return out


def wing_arrows() -> dict[str, set[str]]:
    """For every wing, and every module of the root, the others that it needs."""
    out: dict[str, set[str]] = {}
    for name, needs in arrows().items():
        wing = wing_of(name)
        out.setdefault(wing, set()).update({wing_of(other) for other in needs} - {wing})
    return out


def levels(needs: Mapping[str, set[str]]) -> list[list[str]]:
    """What is left once everything that nobody below needs has been taken away, again and again: bottom level first.

    What stands in a circle is left out.
    """
    rest = {name: set(others) for name, others in needs.items()}
    out = []
    while free := sorted(name for name, others in rest.items() if not others & rest.keys()):
        out.append(free)
        for name in free:
            del rest[name]
    return out


def circles(needs: Mapping[str, set[str]]) -> list[str]:
    """The names that stand in a circle, or need one."""
    placed = {name for level in levels(needs) for name in level}
    return sorted(needs.keys() - placed)


def long_functions() -> list[str]:
    """`module.function (lines)` of every function with more than 40 lines, docstring included, the simulator's too."""
    found = []
    for name, path in modules(simulator=True).items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = node.end_lineno - node.lineno + 1 - _docstring_lines(node)
                if lines > LONG:
                    found.append(f"{name}.{node.name} ({lines})")
    return found


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    is_text = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return first.end_lineno - first.lineno + 1 if is_text else 0


def late_imports() -> list[Import]:
    """The imports that run only when a function does."""
    return [i for path in modules(simulator=True).values() for i in imports_of(path) if i.late]


def report() -> str:
    """The measures, as text."""
    needs, wings = arrows(), wing_arrows()
    folders = sorted({wing_of(name) for name in needs if PACKAGE.joinpath(wing_of(name)).is_dir()})
    root = sorted(path.stem for path in PACKAGE.glob("*.py"))
    late = late_imports()
    lines = [
        f"wings: {len(folders)} ({', '.join(folders)})",
        f"modules: {len(needs)}; in the root: {len(root)} ({', '.join(root)})",
        f"arrows between modules: {sum(map(len, needs.values()))}; between wings: {sum(map(len, wings.values()))}",
        f"modules in circles: {len(circles(needs))}; wings in circles: {len(circles(wings))}",
        f"levels of wings: {len(levels(wings))}",
        f"functions over {LONG} lines: {len(long_functions())} {' '.join(long_functions())}".rstrip(),
        f"late imports: {len(late)}",
        *(f"  {i.importer}:{i.line} {i.target}: {i.reason or 'NO REASON'}" for i in late),
    ]
    return "\n".join(lines)


def diagram() -> str:
    """The wings as an SVG drawing, a wing above everything that it needs; one line an arrow."""
    needs = {name: others for name, others in wing_arrows().items() if name not in ("__init__", "__main__", "_version")}
    needs = {name: others & needs.keys() for name, others in needs.items()}
    rows = levels(needs)
    width, high, wide = 900, 74, 104
    place = {
        name: ((width / (len(row) + 1)) * (column + 1), 40 + high * (len(rows) - 1 - number))
        for number, row in enumerate(rows)
        for column, name in enumerate(row)
    }
    lines = [
        f'<line x1="{place[a][0]:.0f}" y1="{place[a][1] + 14}" x2="{place[b][0]:.0f}" y2="{place[b][1] - 14}"/>'
        for a, others in sorted(needs.items())
        for b in sorted(others)
    ]
    boxes = [
        f'<rect x="{x - wide / 2:.0f}" y="{y - 15}" width="{wide}" height="30" rx="6"/>'
        f'<text x="{x:.0f}" y="{y + 5}">{escape(name)}</text>'
        for name, (x, y) in sorted(place.items())
    ]
    style = (
        "line{stroke:#888;stroke-opacity:.35}rect{fill:#fff;stroke:#3b6ea5;stroke-width:1.5}"
        "text{font:14px sans-serif;text-anchor:middle;fill:#1a2b3c}"
    )
    size = f'viewBox="0 0 {width} {high * len(rows) + 10}"'
    title = "<title>The wings of the package; each needs only what stands below it</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{title}<style>{style}</style>{"".join(lines + boxes)}</svg>\n'


if __name__ == "__main__":
    print(report())  # noqa: T201 - a script's output
