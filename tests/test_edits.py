"""Edits: input pictures, masks, what arrives at the server, lineage."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from imagegen_magic.api import use_session
from imagegen_magic.errors import RequestError
from imagegen_magic.images.masks import build_mask
from imagegen_magic.images.opening import parse_token, read_input
from imagegen_magic.images.references import Comparison


def encoded(image, form="PNG", **how):
    buffer = io.BytesIO()
    image.save(buffer, form, **how)
    return buffer.getvalue()


def gradient(size=(1024, 768), mode="RGB"):
    width, height = size
    row = np.linspace(0, 255, width, dtype=np.uint8)
    return Image.fromarray(np.dstack([np.tile(row, (height, 1))] * 3)).convert(mode)


def bomb():
    """A PNG whose header says 60000x60000."""
    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    data = b"IDAT" + zlib.compress(bytes(100))
    chunks = [(13, chunk), (len(data) - 4, data), (0, b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", length) + body + struct.pack(">I", zlib.crc32(body)) for length, body in chunks
    )


def parts(simulator):
    return [(part.field, part.filename, part.mime) for part in simulator.record[-1].parts if part.filename]


def test_what_arrives(session, simulator, folder):
    """One image, three with a mask, an array, and odd formats: names and mime types as the API wants them."""
    exif = Image.Exif()
    exif[0x0112] = 6
    gradient().save(folder / "a.png")
    (folder / "cmyk.jpg").write_bytes(encoded(gradient(mode="CMYK"), "JPEG", exif=exif.tobytes()))
    Image.fromarray((np.arange(768 * 1024, dtype=np.uint32) % 65536).astype(np.uint16).reshape(768, 1024)).save(
        folder / "deep.png"
    )
    gradient().save(folder / "t.tiff")
    session.edit("x", "a.png")
    assert parts(simulator) == [("image", "a.png", "image/png")]
    session.edit("x", ["a.png", "t.tiff", np.asarray(gradient())], mask_box=("0,0,50%,50%",))
    found = parts(simulator)
    assert [field for field, _, _ in found] == ["image[]", "image[]", "image[]", "mask"]
    assert {mime for _, _, mime in found} == {"image/png"}
    result = session.edit("x", "cmyk.jpg")
    assert result.request["images"][0]["size"] == [768, 1024]
    assert result.request["images"][0]["notes"]
    session.edit("x", "deep.png")
    assert parts(simulator)[0][2] == "image/png"


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda folder: {"mask": encoded(Image.new("RGBA", (32, 32)))}, "size of the first image"),
        (lambda folder: {"mask": encoded(Image.new("L", (1024, 768)))}, "alpha"),
        (lambda folder: {"mask": encoded(Image.new("RGBA", (1024, 768), (0, 0, 0, 255)))}, "opaque"),
        (lambda folder: {"mask": encoded(Image.new("RGBA", (1024, 768), (0, 0, 0, 0)))}, "everything"),
        (lambda folder: {"image": ("big.png",)}, "MB"),
        (lambda folder: {"image": ("bomb.png",)}, "3,600 million pixels"),
        (lambda folder: {"image": ("a.png",) * 17}, "at most 16"),
        (lambda folder: {"image": ("text.png",)}, "text.png"),
        (lambda folder: {"image": ("nowhere.png",)}, "nowhere.png"),
        (lambda folder: {"mask_box": ("5,5",)}, "mask"),
        (lambda folder: {"input_fidelity": "high"}, "input"),
    ],
)
def test_bad_inputs_are_refused(session, simulator, folder, make, word):
    """Each is one card that names the fix; nothing is sent, and nothing large is decoded."""
    gradient().save(folder / "a.png")
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "text.png").write_text("no picture")
    with (folder / "big.png").open("wb") as stream:
        stream.write(encoded(gradient()))
        stream.truncate(60 * 2**20)
    options = make(folder)
    images = options.pop("image", ("a.png",))
    with pytest.raises(RequestError) as caught:
        session.edit("x", list(images), **options)
    assert word in str(caught.value)
    assert any(problem.fix for problem in caught.value.problems)
    assert not simulator.record


def test_same_object_twice_and_results(session):
    """Pillow images and results can be used again; a result's item is a picture too."""
    image = gradient()
    session.edit("x", [image, image])
    result = session.generate("a mug", name="hero", n=2, size="1024x1024", quality="low")
    with use_session(session):
        edit = result[1].edit("blue")
    assert edit.record.parents[0]["number"] == result.number
    assert edit.request["size"] == "1024x1024"


def test_tokens():
    """`:role` is split off; drives and odd paths stay whole."""
    assert (parse_token("@hero:style").reference, parse_token("@hero:style").role) == ("@hero", "style")
    assert parse_token("C:\\a.png").reference == "C:\\a.png"
    assert parse_token(7).reference == 7


def test_roles_and_references(session, simulator, shell):
    """--ref goes through the edits endpoint; roles are labelled lines."""
    from test_magics import run

    run(shell, "%%imagegen hero --size 1024x1024\nA red mug.")
    _, done = run(shell, "%%imagegen poster --ref @hero:style --size square\nA cat.")
    assert done.success
    poster = shell.user_ns["poster"]
    assert "Image 1: style" in poster.prompt_sent
    assert simulator.record[-1].path.endswith("/images/edits")
    assert not any("endpoint" in note for note in poster.notes)  # a dry run names it in a row of its own


def test_ambiguous_words(session, shell, folder):
    """A word that is a variable and a file is an error that names both readings."""
    from test_magics import run

    (folder / "pic").write_bytes(encoded(gradient()))
    shell.user_ns["pic"] = gradient()
    _, done = run(shell, "%%imagegen_edit -i pic\nblue")
    assert "./pic" in str(done.error_in_exec)
    assert "{{ pic }}" in str(done.error_in_exec)


def test_lineage_and_compare(session):
    """The chain of an edit of an edit is drawn, thumbnails in HTML-free images, compare shows both."""
    hero = session.generate("a mug", name="hero", size="1024x1024", quality="low")
    second = session.edit("blue", hero, name="second")
    session.edit("green", second, name="third")
    text = str(session.library.lineage("@third"))
    assert text.index("hero") < text.index("second") < text.index("third")
    assert Comparison.of(("@hero", "@third"), {}, session.library)._repr_mimebundle_()


def test_masks_change_only_inside(session):
    """The simulator changes the transparent part only; `protect` puts the original back pixel for pixel."""
    hero = session.generate("a mug", name="hero", size="1024x1024", quality="low")
    result = session.edit("a sunset", hero, mask_box=("0,0,100%,45%",), protect=True)
    protected = next(path for name, path in result.derived.items() if "protected" in name)
    before, after = np.asarray(hero.image.convert("RGB")), np.asarray(Image.open(protected).convert("RGB"))
    assert (before[520:] == after[520:]).all()
    assert (before[:400] != after[:400]).any()
    assert any("outside the mask" in note for note in result.notes)


def test_mask_boxes():
    """Pixels and per cent; several boxes add up; inverted is the rest."""
    target = read_input(gradient((100, 50)))
    mask = build_mask(target, boxes=["10,10,20,20", "50%,0,50%,100%"])
    alpha = np.asarray(Image.open(io.BytesIO(mask.data)))[..., 3]
    assert alpha[15, 15] == 0
    assert alpha[0, 99] == 0
    assert alpha[45, 5] == 255


def test_lineage_draws_an_image_with_two_parents_once(session):
    """Its own children stand below the first drawing only; the second says so."""
    one = session.generate("one", name="one")
    with use_session(session):
        two = one.edit("two", name="two")
        session.edit("three", [two, one], name="three").edit("four", name="four")
    text = str(session.library.lineage("@four"))
    assert text.count("four: four") == 1
    assert text.count("(drawn above)") == 1


def test_a_dry_run_shows_what_the_mask_changes(session):
    """Below the table stands the picture with the changing part hatched; the table says how much that is."""
    hero = session.generate("a mug", name="hero", size="1024x1024", quality="low")
    plan = session.preview("a sunset", image=hero, mask_box=("0,0,100%,25%",))
    (table, _), (image, _) = plan.display_items()
    assert "25% of hero.png may change" in table["text/plain"]
    assert image["image/jpeg"]
    assert len(session.preview("a mug").display_items()) == 1


def test_a_result_knows_its_cell(session):
    """`.cell` is a cell that asks for the same, also for what was made from Python."""
    hero = session.generate("a mug", name="hero", size="1024x1024", quality="low")
    assert hero.cell == "%%imagegen hero --size 1024x1024 --quality low\na mug"
    assert session.library.recall("@hero") == hero.cell


def test_a_lost_mask_is_noticed(folder):
    """Where the picture changes outside the mask, as when a middleman drops it, the result says how much."""
    from conftest import simulated_session

    from imagegen_magic.simulator import Simulator

    gradient().save(folder / "a.png")
    elsewhere = encoded(Image.new("RGB", (1024, 768), "red"))
    session = simulated_session(Simulator(picture=elsewhere))
    result = session.edit("x", "a.png", mask_box=("0,0,50%,50%",))
    assert any("outside the mask changed: --protect" in warning for warning in result.warnings)


def test_a_conversion_is_said(session, folder):
    """A picture that is not sent as it is says so where the result is read, and in a dry run."""
    gradient(mode="CMYK").save(folder / "c.jpg")
    assert any("CMYK" in note for note in session.edit("x", "c.jpg").notes)
    assert any("CMYK" in note for note in session.preview("x", image="c.jpg").notes)


def test_an_edit_of_a_draft_says_its_quality(session):
    """The quality is not carried over; where nobody set one, the caption says at which the edited image was made."""
    session.generate("a mug", name="mug", quality="low", size="1024x1024")
    told = "quality medium, the default: mug.png was made at low; --quality low goes on with it"
    assert told in session.preview("make it blue", image="@mug").notes
    assert told not in session.preview("make it blue", image="@mug", quality="high").notes
    session.generate("a cup", name="cup", quality="medium", size="1024x1024")
    assert not any("quality" in note for note in session.preview("make it blue", image="@cup").notes)
