"""Animated files taken apart, cut out with one key, timed anew, edited as one sheet and put together again."""

from __future__ import annotations

import io

import numpy as np
import pytest
from IPython.utils.capture import capture_output
from PIL import Image

from imagegen_magic.cli import main
from imagegen_magic.errors import BudgetError, CutoutError, OptionError
from imagegen_magic.spritesheets.unpacking import unpack

SIZE = 120
TIMES = [80, 90, 100, 80, 80]


def discs():
    """The truth: a red disc that moves to the right, its soft edge in alpha."""
    y, x = np.mgrid[:SIZE, :SIZE]
    truth = []
    for number in range(5):
        alpha = np.clip(30.5 - np.hypot(x - 36 - 10 * number, y - 60), 0, 1)
        frame = np.zeros((SIZE, SIZE, 4))
        frame[...] = (200, 60, 40, 0)
        frame[..., 3] = 255 * alpha
        truth.append(frame)
    return truth


def gif(*, loop=True, times=TIMES, key=(0, 255, 0)):
    """The truth on a key backdrop, as a GIF of 256 colours."""
    shown = [f[..., :3] * f[..., 3:] / 255 + np.array(key) * (1 - f[..., 3:] / 255) for f in discs()]
    frames = [Image.fromarray(np.uint8(np.rint(frame))) for frame in shown]
    buffer = io.BytesIO()
    how = {"loop": 0} if loop else {}
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=times, **how)
    return buffer.getvalue()


@pytest.fixture
def wave(folder):
    """`wave.gif` in the working folder."""
    (folder / "wave.gif").write_bytes(gif())
    return folder / "wave.gif"


def test_frames_and_times_come_as_they_are():
    """Every frame, its time, and whether it loops."""
    found = unpack(gif(), name="disc")
    assert (len(found), found.durations, found.loops, found.size) == (5, tuple(TIMES), True, (SIZE, SIZE))
    assert np.abs(found.pixels[2][60, 56].astype(int) - (200, 60, 40, 255)).max() <= 2
    assert not unpack(gif(loop=False)).loops


def test_times_that_browsers_slow_down():
    """A frame of 0 ms is shown for 100, as browsers do."""
    assert unpack(gif(times=[80, 0, 100, 80, 80])).durations == (80, 100, 100, 80, 80)


def test_cut_out_with_one_key():
    """Alpha of every frame is as the truth's; the frames' edges touch no neighbour's; no key colour is left."""
    found = unpack(gif(), cut_out=True)
    assert found.key == "#00ff00"
    for frame, truth in zip(found.pixels, discs(), strict=True):
        assert np.abs(frame[..., 3] - truth[..., 3]).max() <= 24
        assert np.abs(frame[..., 3] - truth[..., 3]).mean() < 0.1
        shown = frame[..., 3] > 128
        assert (frame[shown][:, 1] < 90).all()


def test_a_figure_cut_off_by_the_frame_stays_whole_there():
    """At the seam between two frames no edge arises: what touches the border is opaque up to it."""
    frames = [np.full((64, 64, 3), (0, 255, 0), np.uint8) for _ in range(4)]
    for number, frame in enumerate(frames):
        frame[24:, 16 + 4 * number : 40 + 4 * number] = (40, 60, 200)
    buffer = io.BytesIO()
    images = [Image.fromarray(frame) for frame in frames]
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=100)
    for number, frame in enumerate(unpack(buffer.getvalue(), cut_out=True).pixels):
        assert (frame[40:, 20 + 4 * number : 36 + 4 * number, 3] == 255).all()


@pytest.mark.parametrize(
    ("how", "times"),
    [({"fps": 12}, (83, 84, 83, 83, 84)), ({"durations": [70]}, (70,) * 5), ({"durations": [40, 50, 60, 70, 80]}, (40, 50, 60, 70, 80))],
)  # fmt: skip
def test_timed_anew(how, times):
    """By frames a second, by one time for all, by one for each; a GIF has them in steps of 10 ms, with the total kept."""
    found = unpack(gif(), **how)
    assert found.durations == times
    again = unpack(found.animated("gif"))
    assert all(time % 10 == 0 for time in again.durations)
    assert abs(sum(again.durations) - sum(times)) <= 5


@pytest.mark.parametrize("form", ["webp", "apng"])
def test_alpha_is_kept(form):
    """WebP and APNG hold the alpha and the times exactly; taken apart again they are the same."""
    cut = unpack(gif(), cut_out=True, durations=[33])
    again = unpack(cut.animated(form))
    assert again.durations == (33,) * 5
    assert again.loops
    for frame, kept in zip(cut.pixels, again.pixels, strict=True):
        assert np.array_equal(frame[..., 3], kept[..., 3])
        assert np.array_equal(frame[frame[..., 3] > 0], kept[kept[..., 3] > 0])


def test_a_sheet_goes_out_and_comes_back():
    """The sheet in any size gives the frames back in their order, at their size and with their times."""
    found = unpack(gif())
    assert found.sheet.size == (3 * SIZE, 2 * SIZE)
    same = found.with_sheet(found.sheet)
    assert all(np.array_equal(a, b) for a, b in zip(same.pixels, found.pixels, strict=True))
    larger = found.with_sheet(found.sheet.resize((900, 610)))
    assert (larger.durations, larger.size) == (found.durations, found.size)
    for frame, before in zip(larger.pixels, found.pixels, strict=True):
        assert np.abs(frame.astype(int) - before).mean() < 3


def test_faults(folder):
    """No picture, times that do not fit, both kinds of times, no backdrop."""
    with pytest.raises(OptionError):
        unpack(b"GIF89a nonsense")
    with pytest.raises(OptionError, match="5 durations"):
        unpack(gif(), durations=[80, 80])
    with pytest.raises(OptionError):
        unpack(gif(), fps=10, durations=[80])
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "GIF")
    with pytest.raises(CutoutError):
        unpack(buffer.getvalue(), cut_out=True)


def test_too_many_pixels_are_not_decoded():
    """The header's size times the number of frames is the limit."""
    frames = [Image.new("P", (6000, 6000), number) for number in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(OptionError, match="too large"):
        unpack(buffer.getvalue())


def test_from_the_shell(wave, capsys):
    """`imagegen unpack`: frames by default; alpha WebP and APNG; a wrong line is an error card."""
    assert main(["unpack", "wave.gif", "--out-dir", "a"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"a/wave-{number}.png" for number in range(1, 6)]
    assert main(["unpack", "wave.gif", "--transparent", "--fps", "20", "--export", "webp,apng", "--out-dir", "b"]) == 0
    assert capsys.readouterr().out.splitlines() == ["b/wave.webp", "b/wave-animated.png"]
    with Image.open("b/wave.webp") as image:
        assert image.n_frames == 5
        assert image.convert("RGBA").getpixel((0, 0))[3] == 0
    found = unpack("b/wave-animated.png")
    assert found.durations == (50,) * 5
    assert main(["unpack", "wave.gif", "--durations", "80,0", "--out-dir", "c"]) == 2
    assert main(["unpack", "wave.gif", "--transparent", "native", "--out-dir", "c"]) == 2
    assert main(["unpack"]) == 2


def test_subcommand_on_a_gif_of_the_api(shell):
    """`%imagegen unpack @wave`: the GIF that a cell made, by its name in the history."""
    with capture_output():
        assert shell.run_cell(
            "%%imagegen wave --output-format gif --model gpt-image-2.6-flare --frame-count 6\na fox waves"
        ).success
        done = shell.run_cell("%imagegen unpack @wave --export webp")
    assert len(done.result.art) == 6
    assert done.result.paths[0].name == "wave.webp"
    assert "webp;base64" in done.result._repr_mimebundle_()[0]["text/html"]


def test_an_animation_is_edited_as_one_sheet(session, wave):
    """One paid edit of a legal sheet; the frames come back with their times, as GIF and WebP beside the sheet."""
    night = session.edit_animation("make it night", "wave.gif", name="night")
    assert [path.name for path in night.paths] == ["night.gif", "night.webp"]
    assert (len(night.art), night.art.durations, night.art.size) == (5, tuple(TIMES), (SIZE, SIZE))
    assert night.result.record.kind == "edit"
    width, height = (int(edge) for edge in night.result.record.request["size"].split("x"))
    assert width % 3 == 0
    assert height % 2 == 0
    assert abs(width / 3 - height / 2) < 2, "cells keep the frames' shape"
    assert "5 frames" in night.result.record.prompt_sent
    assert unpack(night.paths[0]).durations == tuple(TIMES)
    assert len(session.library.history.done()) == 1
    assert "night.gif" in night._repr_mimebundle_()[0]["text/plain"]


def test_an_edit_that_cannot_be(session, wave):
    """What the sheet settles is refused, and a limit holds; nothing is sent."""
    with pytest.raises(OptionError) as caught:
        session.edit_animation("make it night", "wave.gif", size="1024x1024", n=2)
    assert {problem.field for problem in caught.value.problems} == {"size", "n"}
    with pytest.raises(BudgetError):
        session.edit_animation("make it night", "wave.gif", max_cost=0.0001)
    assert not list(session.library.history.done())
