"""SIGKILL at random moments of running cells: what is on disk afterwards must be whole, each time.

    python benchmarks/kill_nine.py [KILLS]

Each kill hits a process that makes pictures on the simulator, two a cell, into one folder shared by all of them. Then
the folder is opened as the next kernel would, and every picture, sidecar and history line is checked.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import History, file_sha256
from imagegen_magic.store.recovery import recover

CHILD = """
import sys
from imagegen_magic.session import Session
session = Session(defaults=lambda: {"backend": "simulator", "out_dir": sys.argv[1]})
session.generate("warm up", size="1024x640", quality="low", name="warm")
print("ready", flush=True)
for number in range(int(sys.argv[2])):
    session.generate(f"a mug {number}", size="1024x640", quality="low", name=f"cell{number}", n=2)
"""


def kill_at_random(out: Path, rng: random.Random, cells: int = 40) -> None:
    """Starts a process that runs cells and kills it at a random moment."""
    command = [sys.executable, "-c", CHILD, str(out), str(cells)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, 0.5))
        os.kill(child.pid, signal.SIGKILL)


def faults(out: Path) -> list[str]:
    """What is not as it must be, after a recovery; empty when all is well."""
    found = [
        fault for path in out.rglob("*.png") if ".incoming" not in path.parts for fault in _picture_faults(path, out)
    ]
    if not History(out).records():
        found.append("no history line can be read")
    found += [f"{path.name} is half written" for path in out.glob("*.json") if not _is_json(path.read_text())]
    spooled = list((out / ".incoming").rglob("*.png"))
    found += [f"{path.name} was left in the spool" for path in spooled if _is_picture(path)]
    return found


def _picture_faults(path: Path, out: Path) -> list[str]:
    """A held name without bytes is no picture; every other file must open and have a fitting sidecar."""
    if not path.stat().st_size:
        return [f"{path.name} is empty"]
    if not _is_picture(path):
        return [f"{path.name} does not open"]
    sidecar = path.with_name(path.name + ".json")
    if not sidecar.exists():
        return [f"{path.name} has no sidecar"]
    hashes = {entry["path"]: entry["sha256"] for entry in json.loads(sidecar.read_text())["files"]}
    name = path.relative_to(out).as_posix()
    return [] if hashes.get(name) == file_sha256(path) else [f"{name}: the sidecar's hash does not fit"]


def _is_picture(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            picture.load()
    except OSError:
        return False
    return True


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def main(kills: int) -> int:
    """Prints what was found; the number of kills after which something was wrong."""
    rng, wrong = random.Random(20261123), 0
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        for number in range(1, kills + 1):
            kill_at_random(out, rng)
            recover(Store(out))
            if found := faults(out):
                wrong += 1
                print(f"kill {number}: {'; '.join(found[:5])}")
        pictures = len(list(out.glob("*.png")))
        print(
            f"{kills} kills, {pictures} pictures on disk, {len(History(out).records())} requests; wrong after {wrong}"
        )
    return wrong


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
