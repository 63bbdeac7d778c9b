"""What loading the extension costs, as a ratio to `import openai`, each in fresh processes of the same run.

    python benchmarks/startup.py [ROUNDS]

Times are CPU time inside the process, from after IPython's own start to after the statement: the least of alternating
rounds, so that what else the machine does counts little.
"""

from __future__ import annotations

import os
import subprocess
import sys

PREPARE = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
start = time.process_time()
"""
CASES = {
    "import openai": "import openai",
    "import openai, pillow, numpy": "import openai, PIL.Image, numpy",
    "%load_ext imagegen_magic": "shell.run_line_magic('load_ext', 'imagegen_magic')",
}
REPORT = "\nprint(time.process_time() - start)"
GOAL = 1 / 20


def seconds(statement: str) -> float:
    """CPU time of the statement in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PREPARE + statement + REPORT],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )
    return float(done.stdout)


def main(rounds: int) -> int:
    """Prints the table; 1 where the goal is missed."""
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for statement in CASES.values():
        seconds(statement)  # the first run may have to compile
    for _ in range(rounds):
        for name, statement in CASES.items():
            times[name].append(seconds(statement))
    least = {name: min(values) for name, values in times.items()}
    base = least["import openai"]
    for name, value in least.items():
        print(f"{name:32} {value * 1000:8.1f} ms   1:{base / value:.0f} of import openai")
    return int(least["%load_ext imagegen_magic"] / base > GOAL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
