"""The JupyterLab extension's files, without a browser: what they say of the package, and that they are shipped."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from write_flags import TARGET, flags, hints, text

import imagegen_magic
from imagegen_magic.errors import CELL_WORDS
from imagegen_magic.options.line import build_parser, parse_line

HERE = Path(__file__).resolve().parents[1] / "labextension"


def test_flags_are_the_tables():
    """`make flags` after a change of the option table."""
    assert TARGET.read_text(encoding="utf-8") == text()


def test_each_flag_and_each_hint_is_stored_once():
    """A page loads the file before it marks anything."""
    stored = TARGET.read_text(encoding="utf-8")
    names = {name for by_command in (flags(), hints()) for its in by_command.values() for name in its}
    assert {name: stored.count(f'"{name}": {{') for name in names} == dict.fromkeys(names, 1)


def test_flags_are_the_parsers():
    """Every flag that a cell's parser knows is marked as one, and no other."""
    for command, known in flags().items():
        shown = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*(?=[ ,\n])", build_parser(command).format_help()))
        assert {flag for flag in shown if flag.startswith("--")} <= set(known)
        for flag, facts in known.items():
            words = [flag] if "metavar" not in facts else [flag, "1"]
            assert not any(p.rule == "no such option" for p in parse_line(words, command).problems), flag


def test_hints_are_the_cards():
    """For a flag of another tool, of another cell, and for one that is a value; none for a flag that there is."""
    for command, its in hints().items():
        assert not {f"--{name}" for name in its} & set(flags()[command])
        for name in ("seed", "ar", "landscape"):
            (problem,) = parse_line([f"--{name}"], command).problems
            assert its[name] == CELL_WORDS.render(f"{problem.rule}: {problem.fix}")
    assert hints()["generate"]["grid"] == "%%imagegen does not have it: %%imagegen_batch --grid"


def test_it_has_the_packages_version():
    assert json.loads((HERE / "package.json").read_text(encoding="utf-8"))["version"] == imagegen_magic.__version__


def test_what_the_page_loads_is_shipped():
    """Every file that the container or a module names is there, in a folder that the wheel carries."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert all(
        target == f"share/jupyter/labextensions/imagegen-magic/{source.split('/', 1)[1]}"
        for source, target in shipped.items()
    )
    assert "labextension/static" in shipped
    package = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
    assert (HERE / package["jupyterlab"]["_build"]["load"]).is_file()
    for module in (HERE / "static").glob("*.js"):
        named = re.findall(r'(?:from "\./|new URL\(")([\w.]+)"', module.read_text(encoding="utf-8"))
        assert all((HERE / "static" / name).is_file() for name in named), module
