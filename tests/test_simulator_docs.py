"""What docs/simulator.md says is what the simulator does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from imagegen_magic.simulator import FAULTS, parse_faults

PAGE = (Path(__file__).parent.parent / "docs" / "simulator.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_examples_run(code):
    """Every Python example runs as it stands."""
    exec(compile(code, "docs/simulator.md", "exec"), {})


def test_table_of_faults_is_complete():
    """The table has exactly the faults there are, each with its effect and its billing."""
    rows = [f"| `{name}` | {kind.effect} | {'yes' if kind.billed else 'no'} |" for name, kind in FAULTS.items()]
    table = PAGE.split("| name | what happens |")[1].split("\n\n")[0].splitlines()[2:]
    assert [line.rsplit("|", 2)[0] + "|" for line in table] == rows


def test_example_scripts_are_read():
    """Every script of the table of examples is one."""
    table = PAGE.split("| script | meaning |")[1].split("\n\n")[0]
    scripts = re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)
    assert len(scripts) == 8
    assert all(parse_faults(script) for script in scripts)
