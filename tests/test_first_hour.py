"""What a new user types in the first hour, and what comes back: money traps, fixes as data, results as plain objects."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest
from PIL import Image
from test_magics import run

from imagegen_magic.errors import OptionError, RequestError
from imagegen_magic.images.masks import build_mask, parse_box
from imagegen_magic.images.opening import read_input


def refused(shell, simulator, cell):
    """The card of a cell that must not reach the server."""
    before = len(simulator.record)
    _, done = run(shell, cell)
    assert isinstance(done.error_in_exec, (OptionError, RequestError)), cell
    assert len(simulator.record) == before, cell
    return str(done.error_in_exec)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%imagegen low\nA mug.", ["NAME 'low'", "--quality low"]),
        ("%%imagegen landscape\nA mug.", ["--size landscape"]),
        ("%%imagegen print\nA mug.", ["a builtin of Python", "print_image"]),
        ("%%imagegen --style flat\n \n", ["the prompt is empty"]),
        ("%%imagegen --transparent\n\n", ["the prompt is empty"]),
        ("%%imagegen\nPoster of {city}.", ["{{ city }}", "--raw"]),
        ("%%imagegen --style {city}\nA poster.", ["{{ city }}", "--raw"]),
    ],
)
def test_money_traps(shell, simulator, cell, words):
    """What would have been paid for without being meant stops with the line to type instead."""
    shell.user_ns["city"] = "Oslo"
    card = refused(shell, simulator, cell)
    assert all(word in card for word in words), card


def test_an_empty_prompt_is_said_once(session):
    """The blank prompt and the empty request are one fault."""
    with pytest.raises(RequestError) as caught:
        session.plan("  ", {})
    assert [problem.field for problem in caught.value.problems] == ["prompt"]


def test_braces_that_are_no_variable_go_out_as_typed(shell):
    """Only a defined name in single braces is taken for a slip; --raw sends even that."""
    shell.user_ns["city"] = "Oslo"
    for cell, sent in (("a\n{planet}", "{planet}"), ("b --raw\n{city}", "{city}"), ("c\n{{ city }}", "Oslo")):
        _, done = run(shell, f"%%imagegen {cell}")
        assert done.success
        assert shell.user_ns[cell[0]].prompt_sent == sent


def test_q_is_quality(shell):
    """`-q low` sets the quality and binds nothing."""
    _, done = run(shell, "%%imagegen hero -q low\nA mug.")
    assert done.success
    assert shell.user_ns["hero"].request["quality"] == "low"


@pytest.mark.parametrize("quality", ["low", "medium"])
def test_previews_cost_and_stay_off_for_drafts(session, quality):
    """A live front end asks for a preview by default, but not for a draft, where it would be most of the price."""
    job = session.plan("a mug", {"quality": quality, "progress": "auto"}, live=True)
    assert job.request.partial_images == (None if quality == "low" else 1)


@pytest.mark.parametrize(
    ("box", "pixels"),
    [
        ("0.3,0.3,0.4,0.4", (30, 60, 40, 80)),
        ((0.3, 0.3, 0.4, 0.4), (30, 60, 40, 80)),
        ("0,0,1.0,0.5", (0, 0, 100, 100)),
        ("0,0,1,1", (0, 0, 1, 1)),
        ((10, 20, 30, 40), (10, 20, 30, 40)),
        ("10.5,20,30,40", (10, 20, 30, 40)),
        ("50%,0,50%,100%", (50, 0, 50, 200)),
    ],
)
def test_boxes(box, pixels):
    """Fractions are fractions of the image, per cent are per cent, all else is pixels; tuples as texts."""
    assert parse_box(box, (100, 200)) == pixels


def test_one_tuple_is_one_box(folder):
    """`mask_box=(x, y, w, h)` is one rectangle, not four."""
    Image.new("RGB", (100, 200)).save(folder / "a.png")
    mask = build_mask(read_input(folder / "a.png"), boxes=(0.5, 0.5, 0.5, 0.5))
    assert (np.array(Image.open(io.BytesIO(mask.data)))[..., 3] == 0).mean() == 0.25


def test_results_are_ordinary_objects(session, tmp_path):
    """Arrays, hashes, copies, pickles, files: without the session that made them."""
    one = session.generate("a mug", name="one", size="1024x1024", quality="low")
    again = pickle.loads(pickle.dumps(one))
    assert again == one == copy.deepcopy(one)
    assert {one: 1}[again] == 1
    assert again[0] == one[0]
    assert np.array(one).shape == (1024, 1024, 3)
    assert Image.fromarray(np.asarray(one)).size == one.size == (one.width, one.height)
    with open(one, "rb") as file:  # noqa: PTH123 - what a user types
        assert file.read() == one.bytes
    assert (one.prompt, one.model) == ("a mug", one.request["model"])
    assert one.save(tmp_path / "copy.png").read_bytes() == one.bytes
    with pytest.raises(FileExistsError):
        one.save(tmp_path / "copy.png")
    assert len(repr(one[0])) < 80


def test_several_images_are_a_stack_of_arrays(session):
    """n images of one size: (n, height, width, channels); other results are other keys."""
    two = session.generate("a mug", n=2, size="1024x1024", quality="low")
    assert np.array(two).shape == (2, 1024, 1024, 3)
    assert two[0] != two[1]
    assert two != session.generate("a cup", size="1024x1024", quality="low")
