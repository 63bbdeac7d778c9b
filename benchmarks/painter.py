"""The simulator's painter: its time as a ratio to compressing the same picture, and its peak memory at the largest sizes.

    python benchmarks/painter.py [ROUNDS]

Processor time, best of the rounds; PNG is Pillow's default compression, in the same process.
"""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path

from imagegen_magic.simulator.drawing import Recipe, paint_image

ROOT = Path(__file__).resolve().parent.parent

KEY = "on a flat #00ff00 chroma-key background"
CASES = {
    "a cat in a room": ("a cat", 1024, 1024),
    "the same, no scene": (f"a cat {KEY}", 1024, 1024),
    "a scene": ("a fox with a lantern in a snowy forest at night", 1024, 1024),
    "long fur": (f"a fluffy cat with hair {KEY}", 1024, 1024),
    "watercolor": ("a house in a meadow, watercolor", 1024, 1024),
    "pixel art": ("a knight in the mountains, pixel art", 1024, 1024),
    "sheet of 8": (f"sprite sheet: a robot that walks, 4 columns and 2 rows, {KEY}", 2048, 1024),
    "a cat, 3840x2160": ("a cat", 3840, 2160),
    "a scene, 3840x2160": ("a fox with a lantern in a snowy forest at night, watercolor", 3840, 2160),
    "key, 2880x2880": (f"a cat {KEY}", 2880, 2880),
}


def recipe(name):
    prompt, width, height = CASES[name]
    backdrop = "#00ff00" if KEY in prompt else "scene"
    return Recipe(prompt=prompt, seed=1, width=width, height=height, backdrop=backdrop, delivery="model")


def seconds(function, rounds):
    """The result, and the least processor time that it took."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        result = function()
        times.append(time.process_time() - start)
    return result, min(times)


def compressed(image):
    image.save(io.BytesIO(), "PNG")


def peak_memory(name):
    """MiB that painting adds to an interpreter that has painted a small picture (VmHWM of Linux)."""
    code = (
        "import re, sys; sys.path[:0] = sys.argv[1:3]\n"
        "import painter\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "painter.paint_image(painter.Recipe(prompt='a cat', seed=1, width=64, height=64))\n"
        "before = peak()\n"
        "painter.paint_image(painter.recipe(sys.argv[3]))\n"
        "print(peak() - before)\n"
    )
    command = [sys.executable, "-c", code, str(ROOT), str(ROOT / "benchmarks"), name]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024


def main(rounds=3):
    print(f"{'picture':22}{'paint':>10}{'PNG':>10}{'ratio':>8}{'memory':>11}   ({rounds} rounds)")
    for name in CASES:
        image, painting = seconds(lambda name=name: paint_image(recipe(name)), rounds)
        _, packing = seconds(lambda image=image: compressed(image), rounds)
        memory = peak_memory(name)
        print(f"{name:22}{painting * 1000:7.0f} ms{packing * 1000:7.0f} ms{painting / packing:8.2f}{memory:7.0f} MiB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
