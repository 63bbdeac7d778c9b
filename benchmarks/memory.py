"""Peak memory of ten 4K pictures in one answer (about 215 MB of base64), ours against the SDK's plain use.

    python benchmarks/memory.py [PICTURES]

Each runs in a process of its own against a served simulator that sends one incompressible picture N times.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import serve

COMMON = """
import resource, sys, base64, pathlib
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
url, folder, count = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
"""
PLAIN = (
    COMMON
    + """
import openai
client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
before = peak()
answer = client.images.generate(model="gpt-image-2", prompt="a mug", n=count, size="3840x2160")
for index, picture in enumerate(answer.data):
    (folder / f"{index}.png").write_bytes(base64.b64decode(picture.b64_json))
print(before, peak())
"""
)
OURS = (
    COMMON
    + """
from imagegen_magic.session import Session
from imagegen_magic.wire.client import Client
session = Session(defaults=lambda: {"base_url": url, "out_dir": str(folder)})
session.clients.get(session.options({})).sdk()
import ijson, PIL.Image, numpy
before = peak()
session.generate("a mug", n=count, size="3840x2160")
print(before, peak())
"""
)


def noise() -> bytes:
    """A 4K PNG of about 15 MB, as large as a detailed picture."""
    rng = np.random.default_rng(1)
    pixels = (
        rng.integers(0, 40, (2160, 3840, 3), dtype=np.uint8) + np.arange(3840, dtype=np.uint16)[None, :, None] // 20
    )
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def measure(code: str, url: str, count: int) -> tuple[float, float]:
    """(baseline, peak) in MB of a process that runs `code`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", code, url, folder, str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, after = done.stdout.split()
    return float(before), float(after)


def main(count: int) -> int:
    """Prints the table; 1 where ours needs more than 100 MB above its baseline."""
    image = noise()
    print(f"{count} pictures of {len(image) / 1e6:.1f} MB in one answer")
    with serve(simulator=Simulator(picture=image)) as server:
        for name, code in (("openai, plain", PLAIN), ("imagegen_magic", OURS)):
            before, after = measure(code, server.url, count)
            print(f"{name:16} baseline {before:6.0f} MB   peak {after:6.0f} MB   above {after - before:6.0f} MB")
    return int(after - before > 100)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
