"""Sprite sheets from a prompt to frames: what is asked for, what it costs, what comes back, and what is said of it."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from conftest import simulated_session
from IPython.utils.capture import capture_output
from PIL import Image
from test_sprite_exports import read_godot, read_texturepacker

from imagegen_magic.cli import main
from imagegen_magic.errors import BudgetError, OptionError, RequestError
from imagegen_magic.facts.animations import find_animation, load_animations
from imagegen_magic.facts.catalog import load_catalog
from imagegen_magic.facts.sizes import flexible_faults, read_pixels, sheet_size
from imagegen_magic.jobs.sprites import sprites_of
from imagegen_magic.options.line import parse_line
from imagegen_magic.request.sheets import default_grid, read_layout
from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.drawing.sheets import read_layout as simulated_layout
from imagegen_magic.simulator.drawing.wording import read_prompt

FOX = "a small red fox, flat colours"


def run(shell, source):
    """(what the cell showed, the result object)."""
    with capture_output() as seen:
        done = shell.run_cell(source, store_history=False)
    return seen, done


def shown(seen):
    return "\n".join(output.data.get("text/plain", "") for output in seen.outputs)


def names(sprites):
    return [path.name for path in sprites.files]


# --- what is asked for ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid", "shape", "size"),
    [
        ((4, 1), 1.0, (1536, 512)),
        ((2, 2), 1.0, (1024, 1024)),
        ((6, 1), 1.0, (1536, 512)),
        ((3, 2), 1.0, (1536, 1024)),
        ((3, 2), 0.5, (768, 1024)),
        ((4, 2), 1.0, (2048, 1024)),
        ((4, 2), 0.75, (1536, 1024)),
        ((3, 3), 1.0, (1536, 1536)),
        ((4, 4), 1.0, (2048, 2048)),
        ((5, 1), 1.0, (1520, 512)),
    ],
)
def test_sheet_size(grid, shape, size):
    """The legal size whose equal cells of whole pixels are nearest to what is wanted; a long row has tall cells."""
    catalog = load_catalog()
    assert sheet_size(*grid, shape, 512, catalog.get(None), catalog.limits.flexible) == size


@pytest.mark.parametrize("model", ["gpt-image-2", "gpt-image-1.5"])
@pytest.mark.parametrize("frames", range(2, 17))
@pytest.mark.parametrize("layout", ["row", "grid"])
def test_every_sheet_is_legal(model, frames, layout):
    """Cells are equal and whole, and the model takes the size; None only where no size of the model divides."""
    catalog = load_catalog()
    columns, rows = read_layout(layout, frames)
    its = catalog.get(model)
    size = sheet_size(columns, rows, 1.0, 512, its, catalog.limits.flexible)
    assert columns * rows >= frames > (columns - 1) * rows
    if size is None:
        sizes = [read_pixels(text) for text in its.sizes]
        assert not its.flexible_sizes
        assert all(width % columns or height % rows for width, height in sizes)
        return
    assert not size[0] % columns
    assert not size[1] % rows
    assert (
        not flexible_faults(size, catalog.limits.flexible)
        if its.flexible_sizes
        else f"{size[0]}x{size[1]}" in its.sizes
    )


def test_default_grids():
    """Few empty cells, at least two rows, never 2 x 8."""
    assert [default_grid(count) for count in (2, 5, 7, 8, 9, 12, 16)] == [
        (2, 1), (3, 2), (4, 2), (4, 2), (3, 3), (4, 3), (4, 4)
    ]  # fmt: skip
    for bad in ("3x", "column", "0x4", "3x2x1"):
        with pytest.raises(OptionError):
            read_layout(bad, 6)


@pytest.mark.parametrize("name", load_animations())
def test_poses(name):
    """A cycle is sampled evenly; what is played once begins with its first pose and ends with its last."""
    animation = find_animation(name.upper())
    for frames in range(2, 17):
        poses = animation.poses(frames)
        assert len(poses) == frames
        assert poses[0] == animation.phases[0]
        if not animation.loops:
            assert poses[-1] == animation.phases[-1]
        assert sum(map(bool, poses)) == min(frames, len(animation.phases))
    assert find_animation("sweeping the floor").poses(3) == ("", "", "")


@pytest.mark.parametrize("animation", [*load_animations(), None])
@pytest.mark.parametrize(("frames", "layout"), [(4, "row"), (6, "row"), (6, "grid"), (5, "grid"), (16, "4x4")])
def test_the_simulator_reads_our_clause(session, animation, frames, layout):
    """Layout, count and subject come through, and no word of ours adds a subject."""
    preview = session.preview(FOX, frames=frames, layout=layout, animation=animation, pixel_art=True, cell=(64, 64))
    found = simulated_layout(preview.prompt, read_pixels(preview.request["size"]))
    columns, rows = read_layout(layout, frames)
    assert (found.columns, found.rows, found.count, found.subjects) == (columns, rows, frames, ())
    wanted = read_prompt(preview.prompt)
    assert wanted.subjects == ("fox",)
    if animation in ("walk", "run", "jump", "attack", "fly", "wave", "idle"):
        assert wanted.action == animation


def test_clause(session):
    """The prompt as typed first, then count, place, poses and rules; with a reference the figure is the image's."""
    preview = session.preview(FOX, frames=4, layout="grid", animation="walk", cell="64x64", pixel_art=True)
    assert preview.prompt.startswith(f"{FOX}\n\n")
    for words in (
        "exactly 4 frames",
        "2 columns and 2 rows",
        "512x512 pixels",
        "a walk cycle",
        "\n4. ",
        "blocks of 8x8",
    ):
        assert words in preview.prompt
    assert preview.prompt.index("a walk cycle") < preview.prompt.index("chroma-key")
    assert "image 1" not in preview.prompt
    session.generate(FOX, name="fox", size="1024x1024")
    with_image = session.preview("the same", frames=4, animation="jump", ref="@fox")
    assert "the one of image 1" in with_image.prompt
    assert "played once" in with_image.prompt


def test_five_mistakes_before_anything_is_sent(session, simulator):
    """Everything that slicing or export would refuse is found before the sheet is paid for."""
    with pytest.raises(RequestError) as caught:
        session.sprites(
            FOX,
            frames=5,
            layout="2x2",
            cell="1x1",
            export="atlas,psd",
            colors="no-such",
            fps=0,
            n=2,
            output_format="gif",
        )
    fields = [problem.field for problem in caught.value.problems]
    assert {"layout", "cell", "export", "colors", "fps", "n", "output_format"} <= set(fields)
    assert not simulator.record
    with pytest.raises(RequestError, match="2 to 16"):
        session.sprites(FOX, frames=20)
    with pytest.raises(RequestError, match="gpl"):
        session.sprites(FOX, export="gpl")


def test_a_size_that_does_not_divide(session):
    """A size of one's own is taken at its word or refused, with the nearest that divides."""
    assert session.preview(FOX, frames=6, layout="grid", size="1536x1024").request["size"] == "1536x1024"
    with pytest.raises(RequestError) as caught:
        session.preview(FOX, frames=6, layout="grid", size="1024x1024")
    [problem] = caught.value.problems
    assert problem.field == "size"
    width, height = read_pixels(str(problem.fix).split()[1].rstrip(","))
    assert (width % 3, height % 2) == (0, 0)
    with pytest.raises(RequestError, match=r"no size of gpt-image-1\.5 divides"):
        session.preview(FOX, frames=5, layout="row", model="gpt-image-1.5")


def test_sheet_options_belong_to_sheets(session, simulator):
    """`generate` refuses what only a sheet has, in place of leaving it out silently."""
    with pytest.raises(RequestError, match=r"imagegen_magic\.sprites"):
        session.generate(FOX, frames=6)
    assert not simulator.record


def test_budget(session, simulator):
    """The upper end of the sheet's price is held against the limit."""
    with pytest.raises(BudgetError):
        session.sprites(FOX, animation="walk", max_cost=0.001)
    assert not simulator.record
    assert (
        session.preview(FOX, animation="walk").estimate.high
        < session.preview(FOX, frames=16, layout="grid").estimate.high
    )


def test_many_frames_are_doubted(session):
    """More than eight frames bring a warning before they are paid for; so does a cell larger than the sheet's."""
    assert any("--frames 6" in str(w) for w in session.preview(FOX, frames=12).warnings)
    assert not session.preview(FOX, frames=6).warnings
    assert any("enlarged" in w for w in session.preview(FOX, frames=16, cell="1024x1024").warnings)


# --- what comes back --------------------------------------------------------------------------------------------------


def test_one_paid_call(session, simulator):
    """A sheet is one request; its frames have one size, and files beside it; the API's bytes stay as they came."""
    sprites = session.sprites(FOX, name="fox", animation="walk", cell=(64, 64), export="frames,atlas")
    assert len(simulator.record) == 1
    assert [frame.size for frame in sprites.frames] == [(64, 64)] * 6
    assert sprites.report.ok
    assert sprites.report.after.most < sprites.report.before.most
    assert names(sprites) == [*(f"fox-{number}.png" for number in range(1, 7)), "fox-atlas.png", "fox-atlas.json"]
    assert all(path.is_file() for path in sprites.paths)
    record = sprites.result.record
    source = sprites.result.images[0].source
    assert source.name == "fox-source.png"
    assert hashlib.sha256(source.read_bytes()).hexdigest() == record.files[0].sha256
    assert (record.options["frames"], record.options["layout"]) == (6, "6x1")
    assert sprites.key == "#00ff00"
    assert (sprites.cost, sprites.number) == (sprites.result.cost, 1)
    assert all(not frame[frame[..., 3] == 0].any() for frame in sprites.pixels)


def test_frames_know_their_sheet(session):
    """A frame used as a reference leads back to the sheet that it was cut from."""
    sprites = session.sprites(FOX, name="fox", animation="walk")
    session.edit("make it blue", sprites.files[0], name="blue")
    record, _ = session.library.history.find("@blue")
    assert record.parents[0]["number"] == sprites.number
    assert "@1" in str(session.library.lineage("@blue"))


def test_reuse_cuts_again_for_nothing(session, simulator):
    """The same sheet in another cell is no new request, and takes no file from the first."""
    first = session.sprites(FOX, name="fox", animation="walk", cell="64x64")
    again = session.sprites(FOX, name="fox", animation="walk", cell="64x64", reuse=True)
    other = session.sprites(FOX, name="fox", animation="walk", cell="32x32", reuse=True)
    assert len(simulator.record) == 1
    assert again.files == first.files
    assert again.result.reused
    assert again.cost == 0
    assert other.size == (32, 32)
    assert names(other)[0] == "fox-v2-1.png"
    with Image.open(first.files[0]) as written:
        assert np.array_equal(np.asarray(written), first.pixels[0]), "the first set is as it was"


def test_like_keeps_scale_and_pivot(shell):
    """A second animation has the first one's cell, scale and pivot, in a cell and in a slice; what is no sheet is refused."""
    run(shell, f"%%imagegen_sprites walk --animation walk --layout grid --cell 80x64\n{FOX}")
    run(shell, f"%%imagegen_sprites jump --animation jump --like walk\n{FOX}")
    walk, jump = shell.user_ns["walk"], shell.user_ns["jump"]
    assert jump.placement == walk.placement
    assert jump.size == (80, 64)
    _, done = run(shell, "%imagegen slice @jump --cell 32x32")
    assert done.result.placement != walk.placement
    _, done = run(shell, "%imagegen slice @jump --like walk")
    assert done.result.placement == walk.placement
    for wrong in ("--like nothing", "--like walk --cell 32x32"):
        _, done = run(shell, f"%%imagegen_sprites other {wrong}\n{FOX}")
        assert isinstance(done.error_in_exec, RequestError)
        assert "other" not in shell.user_ns


def test_the_cell_that_made_it(session):
    """A sheet made from Python is recalled as a cell that asks for the same."""
    sprites = session.sprites(FOX, name="fox", animation="walk", cell=(64, 64), export=["gif", "css"])
    line, prompt = session.library.recall("@fox").split("\n")
    assert prompt == FOX
    parsed = parse_line(line.removeprefix("%%imagegen_sprites "), "sprites")
    again = session.plan(prompt, parsed.values, command="sprites", name=parsed.name)
    assert again.request.digest() == sprites.result.record.digest
    assert again.options.export == ("gif", "css")


def test_detached(shell):
    """A detached sheet binds a task, and then the sprites."""
    with capture_output():
        done = shell.run_cell(f"%%imagegen_sprites fox --animation walk --detach\n{FOX}", store_history=False)
        sprites = done.result.result(timeout=60)
    assert len(sprites) == 6


def test_sheets_side_by_side(session, simulator):
    """Two sheets are made at once; each task ends with the frames, and what breaks rules is found before a thread starts."""
    tasks = [session.start_sprites(FOX, name=f"fox_{word}", animation=word, cell=(64, 64)) for word in ("walk", "jump")]
    walk, jump = (task.result(timeout=60) for task in tasks)
    assert (walk.size, jump.size) == ((64, 64), (64, 64))
    assert simulator.images_billed == 2
    with pytest.raises(RequestError):
        session.start_sprites(FOX, frames=1)
    assert simulator.images_billed == 2


def test_an_animation_knows_how_it_plays(session):
    """What is played once does not loop, and a jump keeps its height."""
    jump = session.sprites("a small robot", animation="jump", layout="grid")
    assert not jump.loops
    assert "loop" not in [check.name for check in jump.report.checks]
    feet = [int(np.flatnonzero((frame[..., 3] > 127).any(axis=1))[-1]) for frame in jump.pixels]
    assert max(feet) - min(feet) > 20
    assert session.sprites("a small robot", animation="walk", once=True).loops is False


@pytest.mark.parametrize(
    ("fault", "check", "words"),
    [
        ("missing frame", "empty_cells", "empty"),
        ("doubled frame", "doubled_cells", "more than one figure"),
        ("extra frame", "layout", "7 figures were painted, 6 were asked for"),
        ("crossing frame", "over_the_border", "over the border"),
    ],
)
@pytest.mark.parametrize("cell", ["96x96", None])
def test_faults_are_said_and_nothing_is_lost(fault, check, words, cell):
    """What the model did wrong stands in the report and the caption; every figure that was painted is in a frame."""
    simulator = Simulator(faults=fault)
    session = simulated_session(simulator)
    sprites = session.sprites("a small robot", animation="walk", cell=cell)
    good = simulated_session(Simulator()).sprites("a small robot", animation="walk", cell=cell)
    found = sprites.report.check(check)
    assert words in found.sentence
    assert words not in good.report.check(check).sentence
    assert sprites.result.images[0].source.is_file()
    assert len(simulator.record) == 1
    caption = "\n".join(data["text/plain"] for data, _ in sprites.display_items())
    if found.status != "pass":
        assert f"warning: {found.sentence}" in caption
        assert f"%imagegen slice @{sprites.number}" in caption
    if fault == "extra frame":
        assert len(sprites) == 7
    drawn = sum(bool(frame[..., 3].any()) for frame in sprites.pixels)
    assert drawn == {"missing frame": 5, "extra frame": 7}.get(fault, 6)


def test_a_sheet_that_cannot_be_sliced_is_kept_whole(session):
    """What was paid for comes back as one frame, with the reason; no file of frames is written."""
    job = session.plan(FOX, {"frames": 6}, command="sprites")
    result = session.generate("a mug", size="1536x512")
    noise = np.random.default_rng(0).integers(0, 256, (512, 1536, 3), dtype=np.uint8)
    Image.fromarray(noise).save(result.path)
    sprites = sprites_of(job, result, session.store(job.options))
    assert len(sprites) == 1
    assert sprites.pixels[0].shape[:2] == (512, 1536)
    assert sprites.report.check("sliced").status == "fail"
    assert not sprites.files
    assert result.path.is_file()


# --- cells, lines and the command line --------------------------------------------------------------------------------


def test_a_cell(shell, simulator):
    """The cell binds the sprites; the animation and the strip of frames show, with what it cost."""
    seen, done = run(shell, f"%%imagegen_sprites fox --animation walk --cell 64x64 --export gif,css\n{FOX}")
    assert done.success
    assert done.result is None
    fox = shell.user_ns["fox"]
    assert fox.size == (64, 64)
    moving, strip = seen.outputs
    assert "image/png" in moving.data
    assert len(moving.data["image/png"]) < 300_000
    assert "6 frames in one row: a sheet of 1536x512" in strip.data["text/plain"]
    assert 'href="output/imagegen/fox.png"' in strip.data["text/html"]
    assert len(simulator.record) == 1
    assert shell.user_ns["fox"].result.cell.startswith("%%imagegen_sprites fox --animation walk")


def test_show_prompt_and_dry_run_send_nothing(shell, simulator):
    """Both are what the paid call would be, layout clause and price included."""
    _, prompt = run(shell, f"%%imagegen_sprites fox --frames 4 --show-prompt\n{FOX}")
    assert "exactly 4 frames" in str(prompt.result)
    _, dry = run(shell, f"%%imagegen_sprites fox --frames 4 --layout grid --dry-run\n{FOX}")
    assert dry.result.request["size"] == "1024x1024"
    assert dry.result.estimate.high > 0
    assert not simulator.record


def test_slice_a_stored_sheet(shell, simulator):
    """`slice @fox` knows how the sheet was asked for; the line's own values win; nothing is sent."""
    run(shell, f"%%imagegen_sprites fox --frames 4 --layout grid --cell 64x64 --animation jump\n{FOX}")
    _, done = run(shell, "%imagegen slice @fox --cell 32x32")
    assert (done.result.size, len(done.result), done.result.loops) == ((32, 32), 4, False)
    assert not done.result.files
    _, done = run(shell, "%imagegen slice fox --export aseprite --fps 20")
    assert names(done.result) == ["fox-atlas.png", "fox-aseprite.json"]
    assert done.result.durations == (50,) * 4
    assert len(simulator.record) == 1
    _, done = run(shell, "%imagegen slice --cell 1x1 --frames 6")
    assert "a sheet is needed" in str(done.error_in_exec)


def test_slice_objects_of_a_sheet(shell):
    """`--objects` takes an asset sheet apart; without animation, as they are different things."""
    run(shell, "%%imagegen items --transparent --size 1024x1024\nicon set: a sword, a shield, a key and a potion")
    seen, done = run(shell, "%imagegen slice @items --objects --padding 4")
    assert len(done.result) == 4
    assert len(seen.outputs) == 1
    assert all(not frame[:4].any() for frame in done.result.pixels)


def test_completion(shell):
    """Flags, animations and the subcommand complete."""
    complete = shell.Completer.custom_matchers[-1]
    from IPython.core.completer import CompletionContext

    def found(text):
        context = CompletionContext(token="", full_text=text, cursor_position=len(text), cursor_line=0, limit=None)
        return [completion.text for completion in complete(context)["completions"]]

    assert "jump" in found("%%imagegen_sprites fox --animation ju")
    assert "--layout" in found("%imagegen slice fox --la")
    assert "slice" in found("%imagegen sl")


def test_command_line(capsys, monkeypatch):
    """Paths on standard output, words on the other; 3 if a frame is missing; a name that is taken stops a slice."""
    monkeypatch.setenv("IMAGEGEN_BACKEND", "simulator")
    assert main(["sprites", FOX, "--frames", "4", "--cell", "48x48", "--out", "fox.png", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["frames"], document["cell"], document["status"]) == (4, [48, 48], "pass")
    assert document["files"][0] == "fox-1.png"
    assert main(["slice", "fox.png", "--cell", "32x32", "--out-dir", "cut", "--export", "sheet,godot"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == ["cut/fox-sheet.png", "cut/fox-atlas.png", "cut/fox.tres"]
    assert main(["slice", "fox.png", "--cell", "24x24", "--out-dir", "cut", "--export", "sheet"]) == 1
    assert "--force" in capsys.readouterr().err
    blank = Image.new("RGB", (600, 100), (0, 255, 0))
    for left in (10, 110, 410, 510):
        blank.paste((200, 30, 30), (left, 20, left + 60, 80))
    blank.save("gap.png")
    assert main(["slice", "gap.png", "--frames", "6", "--layout", "row", "--out-dir", "gap"]) == 3
    assert "frames 3, 4 empty" in capsys.readouterr().err
    assert main(["slice"]) == 2


def test_from_a_cell_to_an_atlas_and_back(shell):
    """What the cell wrote is read by the engines' own rules and by Pillow, and every frame is as it was."""
    line = "--animation walk --layout grid --cell 64x64 --export atlas,texturepacker-array,godot,apng,frames,sheet"
    run(shell, f"%%imagegen_sprites fox {line}\n{FOX}")
    fox = shell.user_ns["fox"]
    folder = fox.files[0].parent
    for description in ("fox-atlas.json", "fox-array.json"):
        found, _ = read_texturepacker((folder / description).read_text(), folder)
        assert list(found) == list(fox.frame_names)
        assert all(np.array_equal(found[name], frame) for name, frame in zip(fox.frame_names, fox.pixels, strict=True))
    [(name, (frames, *_))] = read_godot((folder / "fox.tres").read_text(), folder).items()
    assert name == "fox"
    assert all(np.array_equal(got, frame) for got, frame in zip(frames, fox.pixels, strict=True))
    with Image.open(folder / "fox-animated.png") as moving:
        for number, frame in enumerate(fox.pixels):
            moving.seek(number)
            shown = np.asarray(moving.convert("RGBA"))
            assert np.array_equal(shown[..., 3], frame[..., 3])
            assert np.array_equal(shown[frame[..., 3] > 0], frame[frame[..., 3] > 0])
    for path, frame in zip((p for p in fox.files if p.stem in fox.frame_names), fox.pixels, strict=True):
        with Image.open(path) as written:
            assert np.array_equal(np.asarray(written), frame)
