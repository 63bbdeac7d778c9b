"""The player of frames and its light record: what is sent, what is saved, how large it is."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from imagegen_magic.errors import OptionError
from imagegen_magic.spritesheets.sprites import Frames


def animation(count=6, size=(40, 56), *, noise=False, **more):
    """A square that moves, or noise, which no format makes small."""
    rng = np.random.default_rng(7)
    frames = []
    for number in range(count):
        frame = np.zeros((size[1], size[0], 4), np.uint8)
        frame[10:30, number : number + 20] = (200, 40, 30, 255)
        frames.append(rng.integers(0, 256, frame.shape, dtype=np.uint8) if noise else frame)
    return Frames(name="walk", pixels=tuple(frames), durations=(80,) * count, **more)


@pytest.fixture
def player():
    """A player of pixel art, and what it sent."""
    widget = animation(pixel_art=True).play(background="#336699", onion=True)
    sent = []
    widget.comm.send = lambda **message: sent.append(message)
    yield widget, sent
    widget.close()


def test_frames_travel_as_a_message(player):
    """The page gets every frame exactly; nothing of them is in the widget's state, which stays small."""
    widget, sent = player
    widget.on_message({"ask": "frames"}, [])
    assert sent[0]["data"]["content"] == {"frames": 6}
    found = [np.array(Image.open(io.BytesIO(bytes(data)))) for data in sent[0]["buffers"]]
    assert np.array_equal(found, animation().pixels)
    assert len(json.dumps(widget.get_state(), default=str)) < 5_000


def test_state_follows_the_frames(player):
    """Times, size, ground and onion skin reach the page."""
    widget, _ = player
    assert widget.durations == [80] * 6
    assert (widget.width, widget.height, widget.pixelated, widget.loops) == (40, 56, True, True)
    assert (widget.background, widget.onion, widget.speed) == ("#336699", True, 1.0)


def test_large_frames_are_sent_smaller():
    """A frame of 2000 px is sent with at most 768."""
    widget = animation(count=2, size=(2000, 1000)).play()
    sent = []
    widget.comm.send = lambda **message: sent.append(message)
    widget.on_message({"ask": "frames"}, [])
    assert Image.open(io.BytesIO(bytes(sent[0]["buffers"][0]))).size == (667, 334)
    widget.close()


def test_faults_of_both_settings_are_said_at_once():
    """A ground and a speed that there are not."""
    with pytest.raises(OptionError) as caught:
        animation().play(background="green", speed=3)
    assert [problem.field for problem in caught.value.problems] == ["background", "speed"]


@pytest.mark.parametrize("player", [False, True])
def test_the_saved_record_moves_and_has_alternative_text(player):
    """HTML with every frame and its time, pixel art exactly and enlarged; a still PNG beside it; with a widget the same."""
    shown = animation(pixel_art=True)
    data, metadata = (shown.play() if player else shown)._repr_mimebundle_()
    assert ("application/vnd.jupyter.widget-view+json" in data) == player
    assert 'alt="walk: an animation of 6 frames, 40 by 56 pixels"' in data["text/html"]
    assert metadata["image/png"]["alt"] in data["text/html"]
    assert "prefers-reduced-motion" in data["text/html"]
    moving = Image.open(io.BytesIO(base64.b64decode(re.search(r"webp;base64,([^\"]+)", data["text/html"])[1])))
    assert moving.n_frames == 6
    for number, frame in enumerate(shown.pixels):
        moving.seek(number)
        assert np.array_equal(np.array(moving.convert("RGBA"))[2::5, 2::5], frame)
        assert moving.info["duration"] == 80


@pytest.mark.parametrize("pixel_art", [False, True])
def test_the_record_is_light_whatever_is_in_it(pixel_art):
    """Noise of 40 frames is made smaller until all of it is below 200 KB as the notebook holds it."""
    shown = animation(count=40, size=(300, 300), noise=True, pixel_art=pixel_art)
    data, _ = shown._repr_mimebundle_()
    assert len(data["text/html"]) + len(base64.b64encode(data["image/png"])) <= 200_000
    assert shown.preview().still.startswith(b"\x89PNG")


def test_objects_of_several_sizes_play_in_one():
    """Frames that differ in size are padded with clear pixels."""
    frames = Frames(
        name="objects", pixels=(np.full((8, 4, 4), 255, np.uint8), np.full((3, 9, 4), 255, np.uint8)), durations=(1, 1)
    )
    widget = frames.play()
    assert (widget.width, widget.height) == (9, 8)
    widget.close()
