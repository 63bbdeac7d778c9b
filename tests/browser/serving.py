"""Another program that serves a notebook to a browser: started, waited for, and ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TRIES = 120


@contextmanager
def served(folder, *words, probe="", **environ):
    """The address of `python -m WORDS`, run in `folder`, once it answers; `{port}` in a word is its port.

    Args:
        folder: where it runs.
        words: module and arguments.
        probe: a path below the address that answers early, with whatever status.
        environ: more of its environment.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", *(word.format(port=port) for word in words)]
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "IMAGEGEN_", "PYTEST_"))
    }
    own |= {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython"), **environ}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=folder, env=own, **quiet)
    try:
        _wait(f"http://127.0.0.1:{port}/{probe}", process)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(20)


def _wait(address, process):
    for _ in range(TRIES):
        try:
            urllib.request.urlopen(address, timeout=5)
        except urllib.error.HTTPError:
            return
        except OSError:
            assert process.poll() is None, "it ended before it answered"
            time.sleep(0.5)
        else:
            return
    raise TimeoutError(f"{address} did not answer")
