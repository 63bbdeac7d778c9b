"""Input pictures (temporary)."""

from __future__ import annotations

import io
from pathlib import Path
from PIL import Image
from .request import InputImage


def open_picture(source):
    image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
    image.load()
    return image


def read_input(source, *, role="", name=None):
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    im = open_picture(data)
    return InputImage(name=name or (Path(source).name if not isinstance(source, bytes) else "image.png"), data=data, mime=Image.MIME[im.format], size=im.size, role=role)
