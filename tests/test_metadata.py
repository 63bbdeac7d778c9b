"""What a file says about its origin: real manifests, files signed by another implementation, damaged and hostile files."""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
import struct
import subprocess
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, features

import imagegen_magic
from imagegen_magic.cli import main
from imagegen_magic.errors import OptionError
from imagegen_magic.metadata import c2pa_library as c2pa
from imagegen_magic.metadata.cbor import MetadataError, Tagged, decode_cbor
from imagegen_magic.metadata.jumbf import read_superbox
from imagegen_magic.metadata.marking import mark_image
from imagegen_magic.metadata.reading import Provenance, read_provenance
from imagegen_magic.metadata.xmp import Mark, parse_xmp, write_xmp

REAL_MANIFEST = Path(__file__).parent / "data" / "openai-manifest.c2pa"
"""The manifest store of an answer that the API gave in August 2026 (recorded by the tests of crmne/ruby_llm, MIT)."""
FORMATS = ("png", "jpeg", "webp", "gif")
MARK = Mark(
    source_type="trainedAlgorithmicMedia",
    software="imagegen_magic 0.1.0",
    sources=("ab" * 32,),
    system="gpt-image-2",
)


def encoded_image(form, mode="RGB", **options):
    """A small encoded picture."""
    image = Image.new(mode, (48, 32), "#2060a0")
    ImageDraw.Draw(image).ellipse((8, 4, 40, 28), fill="#f0c020")
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png_with(*chunks):
    """A PNG with more chunks after its header."""
    data = encoded_image("png")
    extra = b"".join(struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    return data[:33] + extra + data[33:]


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """(files signed by c2pa-python, by format; the trust anchor): independent of our reader."""
    pytest.importorskip("c2pa", reason="the extra c2pa is not installed")
    from certificates import write_chain

    chain, key, root = write_chain(tmp_path_factory.mktemp("chain"))
    identity = c2pa.load_identity(chain, key)
    parent = png_with((b"caBX", REAL_MANIFEST.read_bytes()))
    files = {
        form: c2pa.sign_image(
            mark_image(encoded_image(form), MARK), identity, mark=MARK, step="cutout", parents=(("hero.png", parent),)
        )
        for form in FORMATS
    }
    return files, root


def test_real_manifest_is_read():
    """Who signed, with what, by which model, and what was done, as the API's own file says."""
    found = read_provenance(png_with((b"caBX", REAL_MANIFEST.read_bytes())))
    claimed = found.credentials
    assert found.state == "present"
    assert claimed.issuer == "OpenAI OpCo, LLC"
    assert claimed.generator == "OpenAI Media Service API"
    assert claimed.agent == "gpt-image 2.0"
    assert found.source_type == claimed.source_type == "trainedAlgorithmicMedia"
    assert claimed.actions == ("c2pa.created", "c2pa.converted", "c2pa.watermarked.unbound")
    assert claimed.ingredients == ()
    assert found.intact is False  # this is not the picture that was signed
    assert "CHANGED since signing" in str(found)


@pytest.mark.parametrize("form", FORMATS)
def test_files_of_another_signer(signed, form):
    """Each container that c2pa-python writes is read alike; a change of the picture is found by both."""
    data, root = signed[0][form], signed[1]
    found = read_provenance(data)
    assert (found.format, found.state, found.intact) == (form, "present", True)
    assert (found.credentials.issuer, found.credentials.generator) == ("Test Studio", "imagegen_magic 0.1.0")
    assert found.credentials.ingredients == (("parentOf", "hero.png"),)
    assert found.credentials.manifests == 2
    assert found.mark == MARK
    assert c2pa.validate(data) == {"state": "Valid", "codes": ("signingCredential.untrusted",)}
    assert c2pa.validate(data, trust=root)["state"] == "Trusted"
    at = data.index(b"gpt-image-2")  # in the XMP packet, which the signature covers
    changed = data[:at] + b"gpt-image-9" + data[at + 11 :]
    assert read_provenance(changed).intact is False
    assert c2pa.validate(changed)["state"] == "Invalid"


@pytest.mark.parametrize("form", FORMATS)
def test_saving_again_with_pillow_loses_them(signed, form):
    """A plain open and save drops the manifest: lost, if the source is known; none, if it is not."""
    data = signed[0][form]
    buffer = io.BytesIO()
    Image.open(io.BytesIO(data)).save(buffer, form)
    saved = read_provenance(buffer.getvalue())
    assert saved.state == "none"
    lost = saved.against(read_provenance(data))
    assert lost.state == "lost"
    assert lost.intact is None
    assert str(lost).startswith("Content Credentials: lost by this save (the source has them: Test Studio")
    assert c2pa.validate(buffer.getvalue()) == {}


CASES = [("png", "RGB", {}), ("png", "RGBA", {}), ("jpeg", "RGB", {}), ("webp", "RGB", {}), ("webp", "RGBA", {}),
         ("webp", "RGBA", {"lossless": True}), ("webp", "RGB", {"lossless": True}), ("gif", "P", {})]  # fmt: skip
ANIMATED = [("png", {"default_image": False}), ("webp", {}), ("gif", {})]


@pytest.mark.parametrize(("form", "mode", "options"), CASES)
def test_mark_is_written_beside_the_image(form, mode, options):
    """The mark comes back as it was written; the pixels are the same; marking again replaces it."""
    data = encoded_image(form, mode, **options)
    marked = mark_image(data, MARK)
    assert read_provenance(marked).mark == MARK
    assert mark_image(marked, MARK) == marked
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(marked)) as after:
        assert before.mode == after.mode
        assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes()


@pytest.mark.parametrize(("form", "options"), ANIMATED)
def test_mark_keeps_animations(form, options):
    """Frames, their times and the number of loops stay as they were."""
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "lime", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, form, save_all=True, append_images=frames[1:], duration=[40, 80, 120], loop=3, **options)
    marked = mark_image(buffer.getvalue(), MARK)
    assert read_provenance(marked).mark == MARK
    with Image.open(io.BytesIO(buffer.getvalue())) as before, Image.open(io.BytesIO(marked)) as after:
        assert after.n_frames == before.n_frames == 3
        assert after.info["loop"] == before.info["loop"]
        for number in range(3):
            before.seek(number)
            after.seek(number)
            assert after.info.get("duration") == before.info.get("duration")
            assert after.convert("RGBA").tobytes() == before.convert("RGBA").tobytes()


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool, an independent reader, is not installed")
@pytest.mark.parametrize(("form", "mode", "options"), CASES)
def test_mark_as_another_tool_reads_it(form, mode, options, tmp_path):
    """Exiftool finds each property, and nothing wrong with the file."""
    path = tmp_path / f"marked.{form}"
    path.write_bytes(mark_image(encoded_image(form, mode, **options), MARK))
    names = ["DigitalSourceType", "CreatorTool", "DerivedFromDocumentID"]
    command = ["exiftool", "-s3", "-validate", "-warning", *(f"-{name}" for name in names), str(path)]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    assert lines == [
        "OK",
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
        "imagegen_magic 0.1.0",
        "sha256:" + "ab" * 32,
    ]


def test_jpeg_mark_stands_behind_exif():
    """Exif wants to be the first segment after JFIF's; it and the profile stay."""
    exif = Image.Exif()
    exif[0x0131] = "camera"
    marked = mark_image(encoded_image("jpeg", exif=exif, icc_profile=b"x" * 128), MARK)
    with Image.open(io.BytesIO(marked)) as image:
        assert image.getexif()[0x0131] == "camera"
        assert image.info["icc_profile"] == b"x" * 128
    assert marked.index(b"Exif\0\0") < marked.index(b"http://ns.adobe.com/xap")


@given(prompt=st.text(max_size=200), hashes=st.lists(st.from_regex(r"[0-9a-f]{64}", fullmatch=True), max_size=4))
def test_any_prompt_survives_xmp(prompt, hashes):
    """Whatever a prompt holds, the packet is XML and gives it back, but for characters that XML can't hold."""
    back = parse_xmp(write_xmp(Mark(source_type="compositeSynthetic", prompt=prompt, sources=tuple(hashes))))
    assert back.sources == tuple(hashes)
    legal = "".join(
        c for c in prompt if (c >= " " or c in "\t\n") and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff"
    )
    assert back.prompt == legal.strip()


@pytest.mark.parametrize("letter", ["a", "&", "図", "\U0001f98a"])
def test_a_long_prompt_fits_into_a_jpeg(letter):
    """A JPEG has 64 KB for XMP: the mark is there, with the beginning of the prompt; a PNG keeps all of it."""
    mark = replace(MARK, prompt=letter * 32_000)
    found = read_provenance(mark_image(encoded_image("jpeg"), mark)).mark
    assert found.source_type == MARK.source_type
    assert found.prompt in (mark.prompt, letter * 10_000 + "…")
    assert read_provenance(mark_image(encoded_image("png"), mark)).mark.prompt == mark.prompt


def test_xmp_of_others_is_read():
    """Properties may be attributes, and values may lie in a list; a bare code is taken as one."""
    space = 'xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    rdf = 'xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    short = f'<r:RDF {rdf}><r:Description {space} i:DigitalSourceType="algorithmicMedia"/></r:RDF>'
    assert parse_xmp(short.encode()).source_type == "algorithmicMedia"
    alt = f"<r:RDF {rdf}><r:Description {space}><i:AIPromptInformation><r:Alt><r:li>a fox</r:li></r:Alt></i:AIPromptInformation></r:Description></r:RDF>"
    assert parse_xmp(alt.encode()).prompt == "a fox"


@pytest.mark.parametrize(
    "packet",
    [
        b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><x>&b;</x>",
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x><x/>'.encode("utf-16"),
        b"<x>" * 300 + b"</x>" * 300,
        b"not xml",
        b"",
        b"<x>" + b"a" * (5 * 2**20),
        b'<?xml version="1.0" encoding="nonsense"?><x/>',
    ],
)
def test_hostile_xmp_is_refused(packet):
    """Bombs, depth, size and nonsense end in one error, which the reading reports."""
    with pytest.raises(MetadataError):
        parse_xmp(packet)
    chunk = (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)
    found = read_provenance(png_with(chunk))
    assert found.mark is None
    assert len(found.faults) == 1


def test_png_texts_are_shown_short_and_clean():
    """Text chunks of other software are shown; control characters and length are not."""
    chunks = [(b"tEXt", b"Software\0Some\x1b[2J tool"), (b"tEXt", b"parameters\0" + b"x" * 5000)]
    found = read_provenance(png_with(*chunks))
    assert found.texts["Software"] == "Some[2J tool"
    assert len(found.texts["parameters"]) == 200


def test_compressed_text_is_bounded():
    """A compressed chunk that claims gigabytes gives one megabyte at most."""
    bomb = zlib.compress(b" " * 50_000_000, 9)
    tracemalloc.start()
    found = read_provenance(png_with((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.mark is None
    assert peak < 8 * 2**20


def test_two_manifest_stores_are_a_fault():
    """Readers would disagree which of them counts."""
    store = (b"caBX", REAL_MANIFEST.read_bytes())
    found = read_provenance(png_with(store, store))
    assert (found.state, found.faults) == ("unreadable", ("more than one manifest store",))


@pytest.mark.parametrize("form", FORMATS)
def test_a_manifest_that_is_cut_off_is_damaged(signed, form):
    """A download that broke off within the manifest does not say that there was none; before it nothing is known."""
    data = signed[0][form]
    middle = data.index(b"c2pa.signature")
    assert read_provenance(data[:middle]).state == "unreadable"
    assert read_provenance(data[:13]).state == "none"


@pytest.mark.parametrize("form", ["avif", "tiff"])
def test_credentials_in_a_format_that_is_not_read(form):
    """They are not called lost, nor absent; a file of that format without any lost them."""
    if form == "avif" and not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    source = read_provenance(png_with((b"caBX", REAL_MANIFEST.read_bytes())))
    plain = encoded_image(form)
    found = read_provenance(plain + REAL_MANIFEST.read_bytes()).against(source)
    assert found.state == "unreadable"
    assert "only PNG, JPEG, WebP and GIF files are read" in str(found)
    assert read_provenance(plain).against(source).state == "lost"


@pytest.mark.parametrize("given", [None, 5, io.BytesIO(b"x"), Image.new("RGB", (2, 2))])
def test_what_is_no_file_is_named(given):
    """An object without a file's bytes has nothing to read: the error says what is needed."""
    with pytest.raises(OptionError) as caught:
        imagegen_magic.provenance(given)
    assert caught.value.problems[0].value == type(given).__name__


def test_a_trust_list_without_a_certificate_is_named(signed, tmp_path):
    """It is the list that can't be read: the picture's credentials are not called damaged for it."""
    (tmp_path / "list.pem").write_text("no certificate")
    with pytest.raises(OptionError) as caught:
        imagegen_magic.provenance(signed[0]["png"], trust=tmp_path / "list.pem")
    assert caught.value.problems[0].value == "list.pem"


def test_impossible_lengths_take_no_memory():
    """A chunk that claims 2 GB or 4 GB, and metadata beyond 16 MiB."""
    for claim in (2**31, 2**32 - 1):
        data = encoded_image("png")
        data = data[:33] + struct.pack(">I", claim) + b"caBX" + data[33:]
        assert read_provenance(data).state == "unreadable"
    assert read_provenance(png_with((b"caBX", bytes(17 * 2**20)))).faults == ("more than 16 MiB of metadata",)


def test_jumbf_depth_and_count_are_bounded():
    """5,000 boxes in each other, and 30,000 in a row."""
    nested = b""
    description = struct.pack(">I", 26) + b"jumd" + b"c2pa" + bytes(12) + b"\x03x\0"
    description = struct.pack(">I", len(description)) + description[4:]
    for _ in range(5_000):
        nested = struct.pack(">I", 8 + len(description) + len(nested)) + b"jumb" + description + nested
    with pytest.raises(MetadataError, match="deep"):
        read_superbox(nested)
    row = description + (struct.pack(">I", 8) + b"free") * 30_000
    with pytest.raises(MetadataError, match="too many"):
        read_superbox(struct.pack(">I", 8 + len(row)) + b"jumb" + row)


def test_swapped_jpeg_segments_are_a_fault():
    """A manifest in pieces must come in order and without gaps."""
    store = REAL_MANIFEST.read_bytes()
    cut = len(store) // 2
    pieces = [store[:cut], store[:8] + store[cut:]]
    segments = [
        b"\xff\xeb" + struct.pack(">H", len(p) + 10) + b"JP\x02\x11" + struct.pack(">I", n) + p
        for n, p in enumerate(pieces, 1)
    ]
    plain = encoded_image("jpeg")
    right = plain[:2] + b"".join(segments) + plain[2:]
    wrong = plain[:2] + b"".join(reversed(segments)) + plain[2:]
    assert read_provenance(right).credentials.issuer == "OpenAI OpCo, LLC"
    assert read_provenance(wrong).faults == ("the pieces of a JUMBF box are out of order",)


PLAIN_CBOR = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text() | st.integers(0, 99), inner, max_size=5),
    max_leaves=30,
)


@given(PLAIN_CBOR)
def test_cbor_as_another_library_writes_it(value):
    """What cbor2 encodes is decoded to the same; integers beyond 64 bits are not in C2PA."""
    cbor2 = pytest.importorskip("cbor2", reason="cbor2, an independent writer, is not installed")
    assert decode_cbor(cbor2.dumps(value)) == value


def test_cbor_of_indefinite_length_and_tags():
    """Strings, lists and maps without a length, and a tag without a meaning here."""
    assert decode_cbor(bytes.fromhex("bf6161 9f01 02ff 6162 7f 6178 6179 ff ff".replace(" ", ""))) == {
        "a": [1, 2],
        "b": "xy",
    }
    assert decode_cbor(bytes.fromhex("d28102")) == Tagged(18, [2])


@pytest.mark.parametrize(
    "data", ["", "9a7fffffff", "5bffffffffffffffff", "ff", "81" * 40 + "00", "1f", "1c", "a1", "bf01ff"]
)
def test_malformed_cbor(data):
    """Each ends in the one error, without taking the memory that it claims."""
    with pytest.raises(MetadataError):
        decode_cbor(bytes.fromhex(data))


def mutated(data, chance):
    """The file with one to eight changes of the kinds that break readers."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at, kind = chance.randrange(max(1, len(data))), chance.randrange(6)
        if kind == 0 and data:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at : at + 4] = struct.pack(">I", chance.choice([0, 1, 4, 7, 2**31 - 1, 2**31, 2**32 - 1]))
        elif kind == 2:
            del data[at : at + chance.randint(1, 200)]
        elif kind == 3:
            piece = data[at : at + chance.randint(1, 400)]
            data[chance.randrange(max(1, len(data))) : 0] = piece
        elif kind == 4:
            data[at:at] = chance.randbytes(chance.randint(1, 40))
        elif chance.random() < 0.2:
            del data[at:]
    return bytes(data)


def test_five_thousand_mutated_files(signed):
    """No file makes the reader, or the marker, raise anything of its own or take much memory; most are still read."""
    chance = random.Random(20261126)
    files = list(signed[0].values())
    states = []
    tracemalloc.start()
    for number in range(5_000):
        data = mutated(files[number % len(files)], chance)
        found = read_provenance(data)
        assert isinstance(found, Provenance)
        assert isinstance(str(found), str)
        states.append((found.state, found.intact))
        if number % 10 == 0:
            with contextlib.suppress(MetadataError):
                mark_image(data, MARK)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20, peak
    assert len(set(states)) > 3


def test_missing_and_foreign_files(tmp_path):
    """A file that is not there is an error; one of another kind says nothing."""
    with pytest.raises(OptionError, match=r"gone\.png"):
        read_provenance(tmp_path / "gone.png")
    assert read_provenance(b"%PDF-1.7") == Provenance()
    assert "not looked for" in str(read_provenance(b"<svg/>"))  # "none" would be a claim about a file that nobody read
    assert str(read_provenance(encoded_image("png"))) == "Content Credentials: none"
    assert mark_image(b"%PDF-1.7", MARK) == b"%PDF-1.7"


def test_bad_identities_are_named(tmp_path):
    """A missing file, and a key that is none; nothing of the key is in the message."""
    pytest.importorskip("c2pa", reason="the extra c2pa is not installed")
    from certificates import write_chain

    chain, key, _ = write_chain(tmp_path)
    with pytest.raises(OptionError, match="sign_key"):
        c2pa.load_identity(chain, tmp_path / "nothing.pem")
    with pytest.raises(OptionError, match="sign_certificate"):
        c2pa.load_identity(None, key)
    secret = tmp_path / "secret.pem"
    secret.write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    with pytest.raises(OptionError, match="unencrypted PEM") as caught:
        c2pa.load_identity(chain, secret)
    assert "c2VjcmV0" not in str(caught.value)
    other, _, _ = write_chain(tmp_path / "other", "Another Studio")
    with pytest.raises(OptionError, match="not that of the key"):
        c2pa.load_identity(other, key)
    with pytest.raises(OptionError, match="no certificate in it"):
        c2pa.load_identity(secret, key)
    leaf_only = c2pa.Identity("es256", b"no chain", key.read_bytes())
    with pytest.raises(OptionError, match="can't be signed"):
        c2pa.sign_image(encoded_image("png"), leaf_only, mark=MARK, step="cutout")


def test_command_line(signed, tmp_path, capsys):
    """A line each, or everything of one; exit code 1 for what was changed after it was signed, 2 for a missing file."""
    good, changed, plain = tmp_path / "good.png", tmp_path / "changed.png", tmp_path / "plain.webp"
    good.write_bytes(signed[0]["png"])
    changed.write_bytes(signed[0]["png"].replace(b"gpt-image-2", b"gpt-image-9"))
    plain.write_bytes(encoded_image("webp"))
    assert main(["provenance", str(good), "--trust", str(signed[1])]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith(
        "Content Credentials: present (Test Studio, imagegen_magic 0.1.0), signature valid, signer trusted"
    )
    assert any("hero.png (parentOf)" in line for line in rest)
    assert main(["provenance", str(good), str(plain)]) == 0
    assert capsys.readouterr().out.splitlines()[1] == f"{plain}: Content Credentials: none"
    assert main(["provenance", str(changed), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["files"][0]["validation"]["state"] == "Invalid"
    assert "assertion.dataHash.mismatch" in document["files"][0]["validation"]["codes"]
    assert main(["provenance", str(tmp_path / "gone.png")]) == 2
    assert main(["provenance"]) == 2


def test_public_function(signed, tmp_path):
    """`imagegen_magic.provenance` compares with a source and asks the library."""
    path = tmp_path / "again.webp"
    path.write_bytes(encoded_image("webp"))
    assert imagegen_magic.provenance(path, source=signed[0]["png"]).state == "lost"
    found = imagegen_magic.provenance(signed[0]["webp"])
    assert found.is_sound
    assert found.validation["state"] == "Valid"
