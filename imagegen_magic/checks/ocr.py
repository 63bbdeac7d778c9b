"""Words in a picture, by the OCR that this machine has: RapidOCR if it is installed, else the program Tesseract.

There is no extra for it: RapidOCR asks for opencv-python, which overwrites the opencv-python-headless of this package.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

import cv2

from .pixels import Bytes

__all__ = ["INSTALL", "find_reader", "words_found"]

INSTALL = "reading text needs OCR: the program tesseract, or pip install rapidocr onnxruntime"


def find_reader() -> Callable[[Bytes], str] | None:
    """What reads the text of an RGB picture (height, width, 3); None if there is no OCR here."""
    if find_spec("rapidocr") is not None:
        return _rapidocr
    return _tesseract if shutil.which("tesseract") else None


@cache
def _engine() -> Callable[..., object]:
    import logging  # noqa: PLC0415 - only to quiet the engine

    from rapidocr import RapidOCR  # noqa: PLC0415 - 100 MB of models and runtime, for those who have it

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    return RapidOCR()  # type: ignore[no-any-return]


def _rapidocr(rgb: Bytes) -> str:
    found = getattr(_engine()(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)), "txts", None)
    return " ".join(found or ())


def _tesseract(rgb: Bytes) -> str:
    """Both readings of the page: as blocks of text, and as sparse words, which suits a sign in a picture."""
    _, png = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    texts = []
    for mode in ("3", "11"):
        command = ["tesseract", "stdin", "stdout", "--psm", mode]
        done = subprocess.run(command, input=png.tobytes(), capture_output=True, timeout=120, check=False)  # noqa: S603 - our own words
        texts.append(done.stdout.decode("utf-8", "replace"))
    return " ".join(" ".join(texts).split())


def words_found(read: str, expected: str) -> tuple[float, str]:
    """The share of the expected words that was read, and what was read.

    Letter case and punctuation do not count, nor do 0 and O, 1, l and I, 5 and S, which OCR can't tell apart; any other
    letter does: a misspelt word is what this is to find. A word may have been read in up to four pieces.
    """
    seen, wanted = _words(read), _words(expected)
    pieces = {"".join(seen[i : i + count]) for i in range(len(seen)) for count in (1, 2, 3, 4)}
    found = [word for word in wanted if word in pieces]
    return (len(found) / len(wanted) if wanted else 0.0), " ".join(read.split())


_CONFUSED = str.maketrans("015il", "oisii")


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold().translate(_CONFUSED))
