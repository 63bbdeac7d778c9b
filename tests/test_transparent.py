"""`--transparent` from prompt to files, on the simulator: what is sent, what is saved, what a failure offers."""

from __future__ import annotations

import io

import numpy as np
import pytest
from conftest import simulated_session
from IPython.utils.capture import capture_output
from PIL import Image

from imagegen_magic.api import use_session
from imagegen_magic.display.money_tables import history_table
from imagegen_magic.request.chroma_key import choose_key
from imagegen_magic.simulator import Simulator

SIZE = "1024x1024"


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def flat(key=(0, 255, 0), side=256):
    image = np.empty((side, side, 3), np.uint8)
    image[:] = key
    return image


def speckled():
    return np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)


def checkered():
    y, x = np.indices((256, 256)) // 16
    board = np.where((y + x) % 2, 255, 204).astype(np.uint8)
    image = np.dstack([board] * 3)
    image[80:170, 80:170] = (200, 30, 30)
    return image


def white_with_leaves():
    """A white backdrop in place of the green one, and green leaves that reach the border here and there."""
    image = flat((255, 255, 255))
    for side in (np.s_[:30, 20:90], np.s_[-30:, 20:90], np.s_[20:90, :30], np.s_[20:90, -30:]):
        image[side] = (10, 230, 20)
    image[90:166, 90:166] = (200, 30, 30)
    return image


def opened(path):
    with Image.open(path) as image:
        return np.asarray(image)


def prompts(simulator):
    return [exchange.fields["prompt"] for exchange in simulator.record]


def sent(simulator):
    """(address, pictures billed) of every request."""
    return [(exchange.path.rsplit("/", 1)[-1], exchange.images_billed) for exchange in simulator.record]


def test_a_cut_out_and_its_source(session, simulator, folder):
    """hero.png is the cut-out, hero-source.png the API's bytes; one request, its clause names the key."""
    result = session.generate("a red mug", name="hero", transparent=True, size=SIZE)
    image = result.images[0]
    assert (image.path.name, image.source.name) == ("hero.png", "hero-source.png")
    cut, source = opened(image.path), opened(image.source)
    assert cut.shape == (1024, 1024, 4)
    assert source.shape == (1024, 1024, 3)
    assert not cut[0, 0].any()
    key = np.array([int(result.report.key[start : start + 2], 16) for start in (1, 3, 5)])
    assert (np.abs(source[0, 0] - key) < 5).all(), "the key is measured on the picture, whose backdrop is a little off"
    assert (np.abs(key - (0, 255, 0)) < 60).all()
    assert result.report.status == "pass"
    assert len(simulator.record) == 1
    assert "flat, solid #00ff00 chroma-key background" in prompts(simulator)[0]
    assert any(note.startswith("chroma key #00ff00") for note in result.notes)
    assert " hero.png " in str(history_table(session.library))
    assert session.library.newest(1)[0][1].name == "hero.png"


def test_the_ring_has_its_hole(session):
    """What the ring encloses is clear."""
    result = session.generate("a golden ring", name="ring", transparent=True, size=SIZE)
    assert result.report.check("enclosed_gaps").value >= 1
    assert result.report.check("enclosed_gaps").sentence == "1 enclosed gap cleared"


def test_a_leaf_is_shot_on_magenta(session, simulator):
    """A green subject gets a magenta backdrop, and keeps its green."""
    result = session.generate("a green leaf", name="leaf", transparent=True, size=SIZE)
    cut = opened(result.path)
    inside = cut[cut[..., 3] == 255][:, :3].astype(int)
    assert "flat, solid #ff00ff chroma-key background" in prompts(simulator)[0]
    assert np.median(inside[:, 1] - inside[:, 0]) > 10
    assert any("magenta, because the prompt names" in note for note in result.notes)


@pytest.mark.parametrize(
    ("prompt", "color"),
    [
        ("a red mug", "#00ff00"),
        ("a mossy frog", "#ff00ff"),
        ("a blue whale", "#00ff00"),
        ("a pink flower on green leaves", "#0000ff"),
        *((f"a friendly {green}", "#ff00ff") for green in ("goblin", "ogre", "slime", "dinosaur", "alien", "T-Rex")),
        ("a lime parrot", "#ff00ff"),
        ("a zombie piglet", "#0000ff"),
        ("pink flowers in a blue vase among green ferns", "#00ffff"),
    ],
)
def test_the_key_avoids_the_subject(prompt, color):
    """Green unless the subject is green, magenta then, and never a colour that the prompt names."""
    assert choose_key(prompt).color == color


def test_every_key_clashes():
    """The one that clashes least is taken, and the words are named."""
    choice = choose_key("a red rose, pink peony, blue sky, green leaves, cyan ice")
    assert choice.clash
    assert "every key colour is in the subject" in choice.reason


def test_reference_images_count(session, simulator, folder):
    """A green reference picture rules green out, though the prompt names nothing green."""
    image = flat((200, 180, 160))
    image[60:200, 60:200] = (20, 230, 30)
    Image.fromarray(image).save(folder / "frog.png")
    session.edit("the same animal, jumping", "frog.png", transparent=True, size=SIZE)
    assert "#ff00ff chroma-key background" in prompts(simulator)[-1]


def test_the_users_key(session, simulator):
    """--key-color overrides the choice."""
    session.generate("a red mug", transparent=True, key_color="#0000ff", size=SIZE)
    assert "#0000ff chroma-key" in prompts(simulator)[0]


@pytest.mark.parametrize("word", ["curly hair", "thick smoke", "a wine glass", "feathers", "splashing water"])
def test_hard_subjects_are_told_before_the_call(session, simulator, word):
    """Hair, smoke, glass and the like are warned of while nothing is sent."""
    preview = session.preview(f"a study of {word}", transparent=True)
    assert not simulator.record
    assert any("may not come out clean with one key colour" in warning for warning in preview.warnings)
    assert not session.preview("a red mug", transparent=True).warnings


def test_two_backdrops(session, simulator):
    """Two requests: the picture, then an edit of it that changes the backdrop only; glass gets its true alpha."""
    preview = session.preview("a wine glass", transparent="difference", size=SIZE)
    single = session.preview("a wine glass", transparent=True, size=SIZE)
    assert preview.estimate.high > single.estimate.high
    result = session.generate("a wine glass", name="glass", transparent="difference", size=SIZE)
    assert sent(simulator) == [("generations", 1), ("edits", 1)]
    assert prompts(simulator)[1].startswith("Change only the background")
    assert "#ff00ff" in prompts(simulator)[1]
    assert result.report.status == "pass"
    alpha = opened(result.path)[..., 3]
    assert ((alpha > 20) & (alpha < 235)).mean() > 0.02


@pytest.mark.parametrize("drift", [1, 2])
def test_a_second_frame_that_drifted(drift):
    """A subject that moved between the frames is aligned."""
    session = simulated_session(Simulator(drift=drift))
    result = session.generate("a robot", name="robot", transparent="difference", size=SIZE)
    assert result.report.status == "pass"


def test_native(session, simulator):
    """The server's own alpha: no clause, no cut-out file, measured all the same."""
    result = session.generate("a robot", name="robot", transparent="native", size=SIZE)
    assert simulator.record[0].fields["background"] == "transparent"
    assert "chroma-key" not in prompts(simulator)[0]
    assert result.images[0].path == result.images[0].source
    assert result.report.status == "pass"
    assert result.report.key is None


@pytest.mark.parametrize(
    ("pixels", "words"),
    [(flat((200, 60, 40)), "opaque everywhere"), (checkered(), "painted checkerboard, not transparency")],
    ids=["opaque", "checkerboard"],
)
def test_native_that_is_none(pixels, words):
    """An opaque picture and a painted checkerboard are reported, not passed off, and nothing else is sent."""
    simulator = Simulator(picture=png(pixels))
    result = simulated_session(simulator).generate("a robot", transparent="native")
    assert result.report.status == "fail"
    assert any(w.startswith("native transparency did not work") and words in w for w in result.warnings)
    assert len(simulator.record) == 1


def test_native_refused(folder):
    """A server that refuses is told with what works instead; nothing is billed."""
    simulator = Simulator(refuse_transparent=True)
    with pytest.raises(Exception, match="Transparent background is not supported") as refused:
        simulated_session(simulator).generate("a robot", transparent="native")
    assert any("--transparent makes the cut-out with a chroma key" in hint for hint in refused.value.hints)
    assert simulator.images_billed == 0


@pytest.mark.parametrize(
    ("pixels", "words", "files"),
    [
        (flat(), "did not pass its checks: the subject covers 0.00% of the picture", ["hero-source.png", "hero.png"]),
        (speckled(), "was not made: no flat backdrop: only", ["hero-source.png"]),
    ],
    ids=["nothing left", "no backdrop"],
)
def test_a_failure_offers_and_sends_nothing(pixels, words, files, folder):
    """What failed is said, the API's picture is kept, three lines are offered, and one request was made in all."""
    simulator = Simulator(picture=png(pixels))
    result = simulated_session(simulator).generate("a robot", name="hero", transparent=True)
    (told,) = [warning for warning in result.warnings if "may help" in warning]
    assert words in told
    assert 'another key colour:\n  %%imagegen hero --transparent chroma --key-color "#ff00ff"\n' in told
    assert "a second paid call:\n  %%imagegen hero --transparent difference\n" in told
    assert "\n  %%imagegen hero --transparent native --model gpt-image-2.6-sunburst" in told
    assert sent(simulator) == [("generations", 1)]
    assert sorted(path.name for path in (folder / "output/imagegen").glob("*.png")) == files
    assert (folder / "output/imagegen/hero-source.png").read_bytes() == png(pixels)


def test_one_local_retry():
    """A backdrop of another colour than asked for is found at the second try, without another request."""
    simulator = Simulator(picture=png(white_with_leaves()))
    result = simulated_session(simulator).generate("a robot", transparent=True)
    (told,) = [warning for warning in result.warnings if "second try" in warning]
    assert "with key auto; at the first, no flat backdrop" in told
    assert result.report.key == "#ffffff"
    assert result.report.status != "fail"
    assert len(simulator.record) == 1


def test_no_retry_where_the_user_has_settled_the_edge():
    """With --edge-contract given, nothing else is tried."""
    simulator = Simulator(picture=png(white_with_leaves()))
    result = simulated_session(simulator).generate("a robot", transparent=True, edge_contract=1)
    assert not any("second try" in warning for warning in result.warnings)


def test_the_card_has_ready_lines(shell):
    """In a cell the offers are first lines of the same cell, and the report stands open."""
    changed = simulated_session(Simulator(picture=png(flat())))
    with use_session(changed), capture_output() as seen:
        shell.run_cell(
            "%%imagegen hero --transparent --key-color '#00ff00' --quality low\na robot", store_history=False
        )
    shown = "\n".join(output.data.get("text/plain", "") for output in seen.outputs)
    assert '%%imagegen hero --quality low --transparent chroma --key-color "#ff00ff"' in shown
    assert "%%imagegen hero --quality low --transparent difference" in shown
    html = "\n".join(output.data.get("text/html", "") for output in seen.outputs)
    assert "<details open>" in html


def test_an_edit_that_left_the_backdrop(folder):
    """Two frames on one backdrop: the reason is said, both pictures are kept, the free way on is offered."""
    image = flat()
    image[80:176, 80:176] = (200, 40, 40)
    simulator = Simulator(picture=png(image))
    result = simulated_session(simulator).generate("a robot", name="hero", transparent="difference")
    (told,) = [warning for warning in result.warnings if "may help" in warning]
    assert "too much alike: the edit left the backdrop as it was" in told
    assert "the first picture alone, nothing sent:\n  %imagegen cutout hero-source.png" in told
    assert sent(simulator) == [("generations", 1), ("edits", 1)]
    names = sorted(path.name for path in (folder / "output/imagegen").glob("*.png"))
    assert names == ["hero-second.png", "hero-source.png"]
