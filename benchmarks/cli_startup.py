"""Start-up of the command line, as ratios to `python -c pass` and to `python -c 'import openai'` in one run.

    python benchmarks/cli_startup.py [ROUNDS]

The commands take turns, so that a busy machine slows all of them alike; the median of each is compared.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CASES = {
    "python -c pass": ["-c", "pass"],
    "imagegen --help": ["-m", "imagegen_magic", "--help"],
    "imagegen generate --help": ["-m", "imagegen_magic", "generate", "--help"],
    "imagegen generate --dry-run": ["-m", "imagegen_magic", "generate", "a mug", "--dry-run"],
    "import imagegen_magic": ["-c", "import imagegen_magic"],
    "python -c 'import openai'": ["-c", "import openai"],
}


def seconds(arguments):
    """Wall time of one interpreter with these arguments, seconds."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "IMAGEGEN_BACKEND": "simulator"}
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main(rounds=15):
    times = {name: [] for name in CASES}
    for arguments in CASES.values():
        seconds(arguments)  # once without counting, so that no case pays for a cold disk
    for _ in range(rounds):
        for name, arguments in CASES.items():
            times[name].append(seconds(arguments))
    medians = {name: statistics.median(found) for name, found in times.items()}
    empty, sdk = medians["python -c pass"], medians["python -c 'import openai'"]
    print(f"{'command':30}{'median':>9}{'x empty':>10}{'x openai':>10}   ({rounds} rounds, in turns)")
    for name, median in medians.items():
        print(f"{name:30}{median * 1000:6.0f} ms{median / empty:10.2f}{median / sdk:10.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
