"""The PNG encoder: what it writes is read back by others, pixel for pixel."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagegen_magic.images.png import encode_png, stored_png, zlib_deflate
from imagegen_magic.matting.loading import load_picture

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 3, 4]), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_read_back(height, width, channels, seed):
    """Pillow reads the same pixels, for every number of channels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    with Image.open(io.BytesIO(encode_png(pixels))) as image:
        assert image.mode == MODES[channels]
        assert np.array_equal(np.asarray(image).reshape(pixels.shape), pixels)


def test_without_isal():
    """The standard library's zlib writes the same pixels where there is no wheel of isal."""
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    with Image.open(io.BytesIO(encode_png(pixels, deflate=zlib_deflate))) as image:
        assert np.array_equal(np.asarray(image), pixels)


def test_views_are_written_as_they_look():
    """A turned and thinned view of an array needs no copy by the caller."""
    pixels = np.random.default_rng(2).integers(0, 256, (20, 30, 3), dtype=np.uint8)[::-1, ::2].transpose(1, 0, 2)
    with Image.open(io.BytesIO(encode_png(pixels))) as image:
        assert np.array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 4, 5), np.uint8), np.zeros((4, 4), np.uint16), np.zeros((0, 4, 3), np.uint8), np.zeros(4, np.uint8)]
)  # fmt: skip
def test_what_it_does_not_write(pixels):
    """Refused, with dtype and shape."""
    with pytest.raises(ValueError, match="a PNG needs uint8 pixels of 1 to 4 channels"):
        encode_png(pixels)


def png_of(pixels, **options):
    """The file that Pillow writes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 7), (5, 4369), (64, 341), (300, 257)])
def test_stored(height, width):
    """A plain picture's file is written anew without compression, and loads as it did: any number of blocks, whole or not."""
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = stored_png(png_of(pixels))
    with Image.open(io.BytesIO(file.tobytes())) as picture:
        assert np.array_equal(np.asarray(picture), pixels)
    assert len(file) > height * width * 3
    assert np.array_equal(load_picture(png_of(pixels))[0], pixels)


def broken(data, place):
    """The file with one byte changed."""
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_only_plain_files_are_stored():
    """Damage, transparency, rotation, palettes, grey, 16 bits and alpha are left to Pillow."""
    pixels = np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    plain, turned = png_of(pixels), Image.Exif()
    turned[0x0112] = 3
    others = [
        png_of(pixels[..., 0]),
        png_of(np.dstack([pixels, pixels[..., 0]])),
        png_of(pixels[..., 0].astype(np.uint16)),
    ]
    others += [
        png_of(pixels, transparency=(1, 2, 3)),
        png_of(pixels, exif=turned),
        plain[:-30],
        plain[:40],
        b"",
        b"GIF89a" + plain,
    ]
    others += [broken(plain, place) for place in (17, 24, 100, len(plain) - 20)]
    assert [stored_png(data) is None for data in others] == [True] * len(others)
    assert np.array_equal(load_picture(png_of(pixels, exif=turned))[0], pixels[::-1, ::-1])
    assert stored_png(plain + b"trailing") is not None
