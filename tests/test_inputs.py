"""Image inputs, masks, file names and keys as people give them: read right, or refused with a card before anything is sent."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import random
import struct
import zlib

import numpy as np
import pytest
from loopback import loopback
from PIL import Image
from test_magics import run

from imagegen_magic.errors import AuthenticationError, ImagegenError, OptionError, RequestError
from imagegen_magic.images.masks import build_mask
from imagegen_magic.images.opening import read_input
from imagegen_magic.images.preview import preview, tile
from imagegen_magic.options.out_names import out_problems
from imagegen_magic.redaction import may_hold_secret, redact_values
from imagegen_magic.session import Session

KEY = "sk-proj-abcdefghijklmnop1234567890"
PIXELS = np.linspace(0, 255, 48 * 64 * 3).reshape(48, 64, 3).astype(np.uint8)


def encoded(form, mode="RGB", orientation=1, **more):
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(buffer, form, exif=exif.tobytes(), **more)
    return buffer.getvalue()


# names


@pytest.mark.parametrize(
    ("name", "form"), [("a.jpg", "jpeg"), ("a.JPEG", "jpeg"), ("a.webp", "webp"), ("a.png", "png")]
)
def test_the_format_follows_the_name(session, name, form):
    """In cells, Python and batches as on the command line; a default from elsewhere gives way."""
    job = session.plan("a mug", {"out": name})
    assert job.request.format == form
    row = session.batches.run_jobs([{"prompt": "a mug", "out": name, "quality": "low", "size": "1024x1024"}])[0]
    assert row.record.files[0].format == form


def test_a_name_that_contradicts_the_format_is_asked_about(session):
    """The file would not be what its name says; a name without a known suffix decides nothing."""
    with pytest.raises(RequestError, match="--output-format jpeg"):
        session.plan("a mug", {"out": "hero.jpg", "output_format": "png"})
    assert session.plan("a mug", {"out": "hero.v2", "output_format": "webp"}).request.format == "webp"
    assert out_problems("hero.jpg", "jpeg") == []
    with pytest.raises(RequestError, match="alpha"):
        session.plan("a mug", {"out": "hero.jpg", "transparent": "chroma"})


# images


@pytest.mark.parametrize("orientation", [0, 9, 99])
def test_an_orientation_that_is_none_turns_nothing(orientation):
    """The file is sent as it is, and no note says that it was turned."""
    data = encoded("JPEG", orientation=orientation)
    read = read_input(data, name="photo.jpg")
    assert (read.data, read.size, read.notes) == (data, (64, 48), ())


@pytest.mark.parametrize("form", ["JPEG", "MPO"])
def test_a_rotated_photo_stays_a_jpeg(form):
    """As PNG a phone's photo is four times as large, and above the limit."""
    read = read_input(encoded(form, orientation=6), name="photo.jpg")
    assert (read.mime, read.size, read.name) == ("image/jpeg", (48, 64), "photo.jpg")
    turned = Image.open(io.BytesIO(read.data))
    assert turned.getexif().get(0x0112, 1) == 1
    assert np.abs(np.asarray(turned, float) - np.rot90(PIXELS, -1)).mean() < 30


def test_upright_images_are_sent_as_they_are():
    """Byte for byte."""
    for form in ("JPEG", "PNG", "WEBP"):
        data = encoded(form)
        assert read_input(data).data == data


def with_texts(*texts):
    """A PNG with these chunks, half of them behind its pixels."""
    buffer = io.BytesIO()
    image = Image.new("RGBA", (1024, 768), (200, 30, 30, 0))
    image.paste("white", (0, 0, 512, 768))
    image.save(buffer, "PNG")
    data, end = buffer.getvalue(), buffer.getvalue().index(b"IDAT") - 4
    chunks = [struct.pack(">I", len(b) - 4) + b + struct.pack(">I", zlib.crc32(b)) for b in texts]
    half = len(chunks) // 2
    return data[:end] + b"".join(chunks[:half]) + data[end:-12] + b"".join(chunks[half:]) + data[-12:]


WORKFLOW = b"workflow\0" + b'{"nodes": []}' * 200_000
PRESSED = zlib.compress(WORKFLOW)


@pytest.mark.parametrize(
    "texts",
    [
        [b"tEXt" + WORKFLOW] * 2,
        [b"zTXtworkflow\0\0" + PRESSED] * 2,
        [b"iTXtworkflow\0\1\0\0\0" + PRESSED] * 2,
        [b"iTXtworkflow\0\0\0\0\0" + WORKFLOW],
        [b"zTXtparameters\0\0" + zlib.compress(bytes(1_000_000))] * 70,  # 70 MB together
    ],
    ids=["plain", "compressed", "international", "long", "many"],
)
def test_a_workflow_in_a_png_is_legal(texts, session, simulator):
    """ComfyUI and Automatic1111 write megabytes of text into their images: sent as they are, also as a mask."""
    data = with_texts(*texts)
    assert read_input(data).data == data
    session.edit("x", data, mask=data, mask_edit="transparent")
    assert [part.field for part in simulator.record[-1].parts if part.filename] == ["image", "mask"]


def test_a_texts_orientation_is_still_read():
    """Of texts in a PNG only long ones are passed over: XMP says how an image is turned."""
    xmp = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
        <rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"""
    data = with_texts(b"iTXtXML:com.adobe.xmp\0\0\0\0\0" + xmp, b"tEXt" + WORKFLOW)
    assert read_input(data).size == (768, 1024)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (encoded("PNG")[:60], "cut off or broken"),
        (encoded("JPEG")[:300], "cut off or broken"),
        (encoded("TIFF")[:200], ""),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ""),
        (b"", ""),
    ],
)
def test_what_no_decoder_reads_is_refused(data, words):
    """A card with the reason; no other program is started for any format."""
    with pytest.raises(OptionError) as caught:
        read_input(data, name="x.png")
    assert words in str(caught.value)


def test_postscript_is_never_run(tmp_path):
    """Pillow would start Ghostscript for it."""
    (tmp_path / "x.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    with pytest.raises(OptionError, match="it runs a program"):
        read_input(tmp_path / "x.eps")


@pytest.mark.parametrize("form", ["WEBP", "PNG", "GIF"])
def test_of_an_animation_the_first_frame_is_sent(form):
    """An edit has still inputs; the note says so."""
    stream = io.BytesIO()
    frames = [Image.new("RGB", (64, 64), color) for color in ("red", "blue")]
    frames[0].save(stream, form, save_all=True, append_images=frames[1:], lossless=True)
    image = read_input(stream.getvalue(), name="a")
    with Image.open(io.BytesIO(image.data)) as sent:
        assert (image.mime, getattr(sent, "n_frames", 1)) == ("image/png", 1)
        assert sent.convert("RGB").getpixel((5, 5)) == (255, 0, 0)
    assert any("first frame" in note for note in image.notes)


MODES = (
    "1",
    "L",
    "P",
    "PA",
    "LA",
    "La",
    "RGB",
    "RGBA",
    "RGBa",
    "RGBX",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "F",
    "I;16",
)


@pytest.mark.parametrize("mode", MODES)
def test_images_of_every_mode(mode):
    with Image.open(io.BytesIO(read_input(Image.new(mode, (64, 64))).data)) as sent:
        assert sent.mode in ("RGB", "RGBA", "L")


@pytest.mark.parametrize(
    ("mode", "level", "sent"),
    [("F", 0.5, 128), ("F", 200.0, 200), ("I", 200, 200), ("I", 51400, 200), ("I;16", 51400, 200)],
)
def test_levels_of_wide_types_are_scaled(mode, level, sent):
    """A float image of 0 to 1 would be sent black, and billed."""
    image = read_input(Image.new(mode, (64, 64), level))
    with Image.open(io.BytesIO(image.data)) as opened:
        assert opened.convert("L").getpixel((5, 5)) == sent


@pytest.mark.parametrize("level", [float("nan"), -1.0, 5000.0])
def test_floats_without_a_white_are_refused(level):
    with pytest.raises(OptionError, match="floats must be from 0 to 1"):
        read_input(Image.new("F", (64, 64), level))


@pytest.mark.parametrize(("reference", "words"), [("file:///a%20b.png", "/a b.png"), (".", "it is a folder")])
def test_what_is_no_file_says_what_it_is(session, folder, reference, words):
    with pytest.raises(RequestError) as caught:
        session.edit("a hat", reference)
    assert words in str(caught.value)


def closed():
    stream = io.BytesIO(encoded("PNG"))
    stream.close()
    return stream


@pytest.mark.parametrize(
    ("file", "rule"),
    [(closed, "can't be read from: ValueError"), (lambda: io.StringIO("a.png"), "texts in place of bytes")],
)
def test_an_open_file_that_gives_no_bytes(file, rule):
    with pytest.raises(OptionError) as caught:
        read_input(file())
    assert rule in caught.value.problems[0].rule


def test_an_open_file_at_its_end_is_read_from_its_start():
    """As an image lies there that was just saved into it."""
    stream = io.BytesIO()
    Image.new("RGB", (64, 64)).save(stream, "PNG")
    assert read_input(stream).data == stream.getvalue()


@pytest.mark.skipif(os.name == "nt", reason="its names are text")
def test_a_name_that_is_no_text_is_sent(session, folder):
    """Not every file system keeps names in UTF-8."""
    name = os.fsdecode(b"a\xff.png")
    (folder / name).write_bytes(encoded("PNG"))
    assert session.edit("a hat", name, quality="low", size="1024x1024").ok


@pytest.mark.parametrize(
    "key", ["sk-“0123456789abcdef”", "sk-0123456789\nabcdef", "Bearer sk-0123456789abcdef", "ключ-0123456789"]
)
def test_a_key_that_fits_into_no_header(folder, monkeypatch, key):
    """Copied with its quotation marks, or with a line break inside: nothing is sent, and nothing of it is shown."""
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(AuthenticationError) as caught:
        Session(defaults=lambda: {"base_url": "http://127.0.0.1:9/v1"}).generate("a mug")
    assert caught.value.outcome == "not sent"
    assert "0123456789" not in str(caught.value)


def test_blanks_around_a_key_are_none_of_it(folder, monkeypatch):
    """Neither in its header, nor where it is looked for."""
    monkeypatch.setenv("OPENAI_API_KEY", "  a-key-of-no-known-shape\n")
    echo = loopback(lambda path, headers, body: (401, {}, headers["authorization"].encode()))
    with echo as address, pytest.raises(AuthenticationError) as caught:
        Session(defaults=lambda: {"base_url": address}).generate("a mug")
    assert "no-known" not in str(caught.value)
    assert "[key removed]" in str(caught.value)


def test_broken_bytes_end_in_cards(tmp_path):
    """150 damaged files of seven formats through everything that reads images."""
    chance = random.Random(7)
    seeds = [encoded(form) for form in ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "AVIF")]
    target = read_input(seeds[0])
    path = tmp_path / "x.png"
    for _ in range(150):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 9)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        data = bytes(data[: chance.randrange(8, len(data) + 1)] if chance.random() < 0.3 else data)
        path.write_bytes(data)
        for read in (read_input, lambda data: preview(path), lambda data: build_mask(target, source=data)):
            with contextlib.suppress(ImagegenError):
                read(data)
        assert tile(path, 32).mode == "RGB"


def test_a_result_that_no_decoder_reads_is_still_shown(session):
    """It was paid for: the caption and the path stand where the image can't."""
    made = session.generate("a mug", quality="low", size="1024x1024")
    made.path.write_bytes(made.bytes[:400])
    data, _ = made.display_items()[0]
    assert made.path.name in data["text/plain"]
    assert "image/jpeg" not in data


# masks


def plain_mask(size=(1024, 1024)):
    mask = Image.new("L", size, 0)
    mask.paste(255, (0, 0, size[0] // 2, size[1]))
    return mask


@pytest.mark.parametrize(("edit", "left"), [("white", 0), ("black", 255)])
def test_a_black_and_white_mask_says_which_part_changes(tmp_path, edit, left):
    """As a file and as a Pillow image; alpha 0 is what the API changes."""
    target = read_input(Image.new("RGB", (1024, 1024)))
    plain_mask().save(tmp_path / "m.png")
    for source in (plain_mask(), tmp_path / "m.png"):
        alpha = np.asarray(Image.open(io.BytesIO(build_mask(target, source=source, edit=edit).data)))[..., 3]
        assert (alpha[:, :512] == left).all()
        assert (alpha[:, 512:] == 255 - left).all()


LIGHT = np.arange(64)[:, None].repeat(64, 1) < 16
"""The upper quarter is light."""


@pytest.mark.parametrize(
    "mask",
    [
        LIGHT,
        LIGHT.astype(np.uint8),
        LIGHT.astype(np.uint8) * 255,
        LIGHT.astype(np.int64),
        LIGHT.astype(np.int32) * 3,
        LIGHT.astype(float),
        LIGHT.astype(np.float32) * 255,
        Image.fromarray(LIGHT.astype(np.uint8) * 255),
        Image.fromarray(LIGHT),
        Image.fromarray(LIGHT.astype(np.float32)),
        Image.fromarray(LIGHT.astype(np.float32) * 255),
        Image.fromarray(LIGHT.astype(np.uint16) * 65_000 + 300),
        Image.fromarray(LIGHT.astype(np.int32) * 65_000 + 300),
        Image.fromarray(LIGHT.astype(np.uint8) * 255).convert("CMYK"),
    ],
)
@pytest.mark.parametrize(("edit", "changes"), [("white", 1024), ("black", 3072)])
def test_a_mask_counted_in_anything(mask, edit, changes):
    """Booleans, labels, floats, 8 and 16 bits, in an array or an image: the light part is the light part."""
    target = read_input(Image.new("RGB", (64, 64)))
    with Image.open(io.BytesIO(build_mask(target, source=mask, edit=edit).data)) as made:
        assert int((np.asarray(made)[..., 3] == 0).sum()) == changes


@pytest.mark.parametrize(
    "mask", [LIGHT, LIGHT.astype(np.uint8), LIGHT.astype(np.uint8) * 255, LIGHT.astype(np.int32) * 3]
)
def test_an_array_says_what_will_change(mask):
    with Image.open(io.BytesIO(build_mask(read_input(Image.new("RGB", (64, 64))), source=mask).data)) as made:
        assert int((np.asarray(made)[..., 3] == 0).sum()) == 1024


def test_a_mask_without_alpha_is_asked_about(session, folder):
    """Both answers stand in the card, and nothing is sent."""
    session.generate("a mug", name="mug", quality="low", size="1024x1024")
    plain_mask().save(folder / "m.png")
    with pytest.raises(RequestError) as caught:
        session.plan("blue", {"image": ("@mug",), "mask": "m.png"}, command="edit")
    assert caught.value.problems[0].fix == "--mask-edit white or --mask-edit black"
    job = session.plan("blue", {"image": ("@mug",), "mask": "m.png", "mask_edit": "white"}, command="edit")
    assert "50%" in job.request.mask.notes[0]


# keys


@pytest.mark.parametrize("name", ["api_key", "apikey", "Authorization", "token", "openai_api_key"])
def test_a_key_is_no_option(session, name):
    """Refused without being repeated, in calls, rows and extra fields."""
    for call in (
        lambda: session.generate("a mug", **{name: "my-own-secret"}),
        lambda: session.generate("a mug", extra={name: "my-own-secret"}),
        lambda: session.batches.run_jobs([{"prompt": "a mug", name: "my-own-secret"}]),
    ):
        with pytest.raises(RequestError) as caught:
            call()
        assert "my-own-secret" not in str(caught.value)
        assert b"my-own-secret" not in pickle.dumps(caught.value.problems)


def test_a_key_on_a_line_is_not_repeated(shell):
    """Whatever its shape: what follows --api-key is one."""
    for line in ("--api-key my-own-secret", "--api-key=my-own-secret", "x --api_key my-own-secret"):
        error = run(shell, f"%%imagegen {line}\nA mug.")[1].error_in_exec
        assert "a key is not an option" in str(error)
        assert "my-own-secret" not in str(error)


def test_a_key_in_a_value_is_not_shown_in_its_card(session):
    """The value of a fault is redacted."""
    with pytest.raises(RequestError) as caught:
        session.generate("a mug", size=KEY)
    assert KEY not in str(caught.value)


def test_redaction_keeps_json_whole():
    """Texts inside are replaced, the shape stays."""
    data = {"a": [f'say "api_key": "{KEY}"', 1, None], "Authorization": "anything", KEY: {"b": True}}
    redacted = json.loads(json.dumps(redact_values(data)))
    assert KEY not in json.dumps(redacted)
    assert redacted["Authorization"] == "[key removed]"
    assert redacted["a"][1:] == [1, None]


@pytest.mark.parametrize("option", ["image", "ref", "mask", "markup", "out", "out_dir", "models_file"])
@pytest.mark.parametrize(
    "uri", ["data:image/png;base64,iVBORw0KGgo", "data:image/svg+xml;utf8,<svg/>", "data:,x", " DATA:;base64,"]
)
def test_a_data_uri_where_a_file_is_meant(session, simulator, folder, option, uri):
    """It is named as what it is, nothing is sent, and no folder gets its name."""
    with pytest.raises(ImagegenError) as caught:
        session.generate("a mug", **{option: uri + "A" * 9000})
    assert "a data URI is not the name of a file" in str(caught.value)
    assert len(str(caught.value)) < 600
    assert not simulator.record
    assert list(folder.iterdir()) == []


def test_the_variable_data_in_a_role_is_no_data_uri(shell, simulator):
    """`data:logo` is a role, as of every other variable."""
    shell.user_ns["data"] = Image.new("RGB", (256, 256), "red")
    for token in ("data:logo", "'data:the logo, in gold'"):
        assert shell.run_cell(f"%%imagegen_edit -i {token} --size 1024x1024\nblue").success
    assert simulator.images_billed == 2


@pytest.mark.parametrize("option", ["image", "ref", "mask", "models_file", "out_dir"])
def test_the_home_of_nobody(session, folder, option):
    """`~name` of nobody is a path like any other: one that is not there, or a folder of that name."""
    with contextlib.suppress(ImagegenError):
        session.generate("a mug", size="1024x640", quality="low", **{option: "~nobody-here/a"})


def test_numbers_where_texts_are_meant(shell):
    """A variable that holds a number is its text in `--keep`, and no axis in `--grid`."""
    shell.user_ns["x"] = 5
    Image.new("RGB", (256, 256), "red").save("a.png")
    assert shell.run_cell("%%imagegen_edit -i a.png --keep {{ x }} --size 1024x1024\nblue").success
    failed = shell.run_cell("%%imagegen_batch --grid {{ x }}\na mug").error_in_exec
    assert isinstance(failed, ImagegenError)


@pytest.mark.parametrize("before", ["", "\n", "a ", '"', "\\", "ü", "/"])
@pytest.mark.parametrize(
    "secret",
    [
        KEY,
        "sess-" + "a1" * 8,
        "Bearer\n" + "a1" * 10,
        'API-Key": "' + "a1" * 9,
        "https://me:word@host/",
        "https://host/?code=x",
        "?a=1&My-Token=x",
        'the environment\'s "own" key',
    ],
)
def test_a_quick_look_misses_no_key(before, secret, monkeypatch):
    """Whatever is removed from a text shows in its JSON, however that writes what stands before it."""
    monkeypatch.setenv("OPENAI_API_KEY", 'the environment\'s "own" key')
    for data in ({"prompt": before + secret}, {before + secret: 1}, {"list": [{"x": before + secret}]}):
        assert redact_values(data) == data or may_hold_secret(json.dumps(data, ensure_ascii=False))


@pytest.mark.parametrize("name", ["api_key", "Api-Key", "--token", "authorization", "SECRET", "password"])
def test_a_quick_look_misses_no_name_of_a_key(name):
    """A value under a key's name is removed whatever it looks like."""
    assert may_hold_secret(json.dumps({"extra": {name: "anything"}}))


def test_a_quick_look_passes_what_most_records_hold():
    """Else every record would be looked through text by text."""
    assert not may_hold_secret(json.dumps({"base_url": "http://127.0.0.1:1/v1", "usage": {"input_tokens": 1}}))
