"""Pixel art and icons beside a paid picture, and of files that exist: what is written, what is refused, what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from IPython.utils.capture import capture_output
from PIL import Image
from pixel_truths import Lattice, figure, paint

from imagegen_magic.cli import main
from imagegen_magic.errors import OptionError, RequestError

KNIGHT = "pixel art of a small knight, 64x64 pixel art"


def run(shell, source):
    """(what the cell showed as text, its result object)."""
    with capture_output() as seen:
        done = shell.run_cell(source, store_history=False)
    return "\n".join(output.data.get("text/plain", "") for output in seen.outputs), done


@pytest.fixture
def painted(folder):
    """`hero.png`: pixel art as a model paints it, on green; and its truth."""
    truth = figure("hero", 1)
    Image.fromarray(paint(truth, Lattice(pitch=17.2, drift=3, blur=1), seed=1)).save("hero.png")
    return truth


def below(folder):
    """Every file of a folder but sidecars and the history, by name."""
    return {
        p.relative_to(folder).as_posix() for p in folder.rglob("*.*") if p.suffix not in (".json", ".jsonl", ".lock")
    }


def test_a_cell_makes_pixels_and_icons(shell, folder):
    """One request; beside its cut-out real pixels of 16 colours and the icon set, each image with a sidecar that names its source."""
    text, done = run(
        shell, f"%%imagegen knight --transparent --pixel-art --colors 16 --sizes 16,64 --ico --favicon\n{KNIGHT}"
    )
    assert done.success
    knight = shell.user_ns["knight"]
    out = knight.path.parent
    with Image.open(knight.path) as whole, Image.open(out / "knight-pixels.png") as pixels:
        assert max(pixels.size) < max(whole.size) / 4
        solid = np.array(pixels.convert("RGBA")).reshape(-1, 4)
        assert len(np.unique(solid[solid[:, 3] > 0], axis=0)) <= 16
        assert set(np.unique(solid[:, 3])) == {0, 255}
    icons = out / "knight-icons"
    assert {"knight-16.png", "knight-64.png", "knight.ico", "favicon.ico", "site.webmanifest"} <= below(icons)
    assert not (icons / "knight-32.png").exists()
    with Image.open(icons / "knight-64.png") as icon:
        assert icon.size == (64, 64)
    note = json.loads((out / "knight-pixels.png.json").read_text())
    assert note["parents"][0]["file"] == "knight-source.png"
    assert knight.derived["pixels 0"].name == "knight-pixels.png"
    assert {path.name for key, path in knight.derived.items() if key.startswith("icon 0")} >= {
        "knight-16.png",
        "knight-64.png",
    }
    assert "knight-pixels.png" in text
    assert "icons in knight-icons" in text
    assert len(shell.run_line_magic("imagegen", "history").to_records()) == 1


def test_every_image_gets_its_own(session, folder):
    """Two pictures, two sets; a size that is asked for is the size that comes."""
    result = session.generate(KNIGHT, name="k", n=2, pixel_art="48x40")
    made = sorted(name for name in below(result.path.parent) if "pixels" in name)
    assert made == ["k-1-pixels.png", "k-2-pixels.png"]
    for name in made:
        with Image.open(result.path.parent / name) as image:
            assert image.size == (48, 40)


def test_a_reused_result_writes_nothing_twice(session, folder):
    """The same request again sends nothing, and finds the files as they are."""
    asked = {"name": "k", "transparent": True, "pixel_art": True, "sizes": [16, 32], "reuse": True}
    first = session.generate(KNIGHT, **asked)
    before = below(first.path.parent)
    again = session.generate(KNIGHT, **asked)
    assert again.reused
    assert below(first.path.parent) == before


def test_what_fails_after_the_request_is_a_warning(shell, folder):
    """A picture that holds no lattice: the picture is there, and the line that makes pixel art of it at a chosen size."""
    text, done = run(shell, "%%imagegen sky --pixel-art\na city at night")
    assert done.success
    sky = shell.user_ns["sky"]
    assert sky.path.is_file()
    assert "pixels 0" not in sky.derived
    assert f"pixelate @{sky.number} --cell 64x64" in text


@pytest.mark.parametrize(
    ("options", "field", "rule"),
    [
        ({"sizes": [16]}, "sizes", "made of a cut-out"),
        ({"favicon": True}, "sizes", "made of a cut-out"),
        ({"colors": 16}, "colors", "only pixel art"),
        ({"pixel_art": True, "colors": "no-such"}, "colors", "pico-8"),
        ({"pixel_art": "64by64"}, "pixel_art", "WIDTHxHEIGHT"),
        ({"pixel_art": "1x1"}, "pixel_art", "4 to 4096"),
        ({"transparent": True, "sizes": [4]}, "sizes", "8 to 1024"),
    ],
)
def test_faults_before_anything_is_sent(session, folder, options, field, rule):
    """Each is a problem of the request; nothing is sent."""
    with pytest.raises(RequestError) as caught:
        session.generate(KNIGHT, **options)
    assert any(p.field == field and rule in p.rule for p in caught.value.problems), caught.value.problems
    assert not below(folder)


def test_a_size_after_the_flag_is_its_value_and_a_name_is_not(shell, folder):
    """`--pixel-art 40x40 hero` takes both; `--pixel-art hero` takes the name."""
    run(shell, f"%%imagegen --pixel-art 40x40 one\n{KNIGHT}")
    run(shell, f"%%imagegen --pixel-art two\n{KNIGHT}")
    with Image.open(shell.user_ns["one"].derived["pixels 0"]) as image:
        assert image.size == (40, 40)
    assert "pixels 0" in shell.user_ns["two"].derived


def test_a_file_from_the_shell(painted, capsys):
    """`imagegen pixelate` writes the true pixels; a second time it refuses, and `--force` replaces."""
    assert (
        main(["remove-chroma-key", "--input", "hero.png", "--out", "cut.png", "--auto-key", "border", "--soft-matte"])
        == 0
    )
    capsys.readouterr()
    assert main(["pixelate", "cut.png", "--out-dir", "art"]) == 0
    assert capsys.readouterr().out.splitlines() == ["art/cut-pixels.png"]
    with Image.open("art/cut-pixels.png") as image:
        found = np.array(image.convert("RGBA"))
    rows, columns = (np.flatnonzero(found[..., 3].any(axis=axis)) for axis in (1, 0))
    tight = found[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert tight.shape == painted.shape
    assert (np.abs(tight.astype(int) - painted).max(axis=2) <= 24).mean() > 0.95
    assert main(["pixelate", "cut.png", "--out-dir", "art", "--colors", "4"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["pixelate", "cut.png", "--out-dir", "art", "--colors", "4", "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == ["art/cut-pixels.png"]
    with Image.open("art/cut-pixels.png") as image:
        pixels = np.array(image.convert("RGBA")).reshape(-1, 4)
        assert len(np.unique(pixels[pixels[:, 3] > 0], axis=0)) == 4


def test_icons_from_the_shell(painted, capsys):
    """`imagegen icons` cuts the backdrop out itself."""
    assert main(["icons", "hero.png", "--sizes", "16,32", "--ico", "--icns", "--out-dir", "art"]) == 0
    made = capsys.readouterr().out.splitlines()
    assert made == [f"art/hero-icons/hero{end}" for end in ("-16.png", "-32.png", ".ico", ".icns", "-contact.png")]
    with Image.open("art/hero-icons/hero-32.png") as icon:
        assert icon.convert("RGBA").getpixel((0, 0))[3] == 0
    assert main(["icons"]) == 2


def test_subcommands(shell, painted):
    """`%imagegen pixelate` and `icons` take files, ids and variables, show the result, and say where it is."""
    _, done = run(shell, "%imagegen pixelate hero.png --cell 32x40 --colors game-boy")
    assert done.result.art.size == (32, 40)
    assert done.result.paths[0].name == "hero-pixels.png"
    assert len(done.result.art.palette) <= 4
    assert "hero-pixels.png: 32 x 40 pixels" in done.result._repr_mimebundle_()[0]["text/plain"]
    _, done = run(shell, "%imagegen icons hero.png --sizes 16,32")
    assert [path.name for path in done.result.paths] == ["hero-16.png", "hero-32.png", "hero-contact.png"]
    data, _ = done.result._repr_mimebundle_()
    assert "alt=" in data["text/html"]
    assert "hero-icons" in data["text/html"]
    flat = Image.new("RGB", (256, 256), "navy")
    shell.user_ns["flat"] = flat
    _, done = run(shell, "%imagegen pixelate flat")
    assert isinstance(done.error_in_exec, OptionError)
    assert done.error_in_exec.problems[0].field == "cell"
    assert not list(Path("output").rglob("flat*"))
