"""The command line: the bundled scripts' recipes, wrong inputs, exit codes, output streams, Ctrl-C, keys."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

import imagegen_magic
from imagegen_magic.cli import COMMANDS, main
from imagegen_magic.cli.call import exit_code
from imagegen_magic.cli.commands import RUNNERS
from imagegen_magic.cli.completion import SHELLS, completion_script
from imagegen_magic.cli.files import job_file, place_output
from imagegen_magic.cli.help import full_page, short_page
from imagegen_magic.cli.output import Progress
from imagegen_magic.cli.table import COMMANDS as TABLE
from imagegen_magic.cli.table import options_of
from imagegen_magic.errors import CallCancelledError, ServerError
from imagegen_magic.jobs.task import ENDING
from imagegen_magic.options.settings import resolve
from imagegen_magic.options.table import OPTIONS
from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import serve
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import History
from imagegen_magic.store.recovery import recover

KEY = "sk-test-0123456789abcdefghijkl"
SMALL = "--size 1024x640 --quality low"
SCRIPT_FLAGS = {
    "generate": "--prompt --prompt-file --model --n --size --quality --background --output-format "
    "--output-compression --moderation --out --out-dir --force --dry-run --augment --no-augment --use-case --scene "
    "--subject --style --composition --lighting --palette --materials --text --constraints --negative "
    "--downscale-max-dim --downscale-suffix",
    "edit": "--image --mask --input-fidelity --prompt --prompt-file --n --out --out-dir --force --negative",
    "generate-batch": "--input --concurrency --max-attempts --fail-fast --out-dir --force --model --n --no-augment",
    "remove-chroma-key": "--input --out --key-color --tolerance --auto-key --soft-matte --transparent-threshold "
    "--opaque-threshold --edge-feather --edge-contract --spill-cleanup --despill --force",
}


@pytest.fixture(autouse=True)
def on_simulator(monkeypatch):
    monkeypatch.setenv("IMAGEGEN_BACKEND", "simulator")


def run(line):
    """The exit code of a command line, in this process."""
    return main(shlex.split(line))


def spawn(words, **options):
    """`python -m imagegen_magic` with these words, as a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(Path(imagegen_magic.__file__).parent.parent), **options.pop("env", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.Popen([sys.executable, "-m", "imagegen_magic", *words], env=env, **pipes)


def write_image(path, size=(1024, 640), colour="navy", hole=None):
    image = Image.new("RGBA" if hole else "RGB", size, colour)
    if hole:
        image.paste((0, 0, 0, 0), hole)
    image.save(path)


# the bundled scripts' recipes

RECIPES = [
    ('generate --prompt "Test" --out output/imagegen/test.png --dry-run', []),
    ('generate --prompt "A lighthouse on a cliff" --size 1024x1024 --out output/imagegen/lighthouse.png', ["output/imagegen/lighthouse.png"]),
    ('generate --prompt "A kettle" ' + SMALL, ["output/imagegen/output.png"]),
    (f"generate --prompt-file words.txt {SMALL} --out kettle", ["kettle.png"]),
    (f'generate --prompt "A kettle" {SMALL} --n 2 --out output/imagegen/kettle.png', ["output/imagegen/kettle-1.png", "output/imagegen/kettle-2.png"]),
    (f'generate --prompt "A kettle" {SMALL} --n 2 --out-dir pictures', ["pictures/image_1.png", "pictures/image_2.png"]),
    (f'generate --prompt "A kettle" {SMALL} --out folder', ["folder/image_1.png"]),
    (f'generate --prompt "A kettle" {SMALL} --output-format jpeg --output-compression 80 --out-dir pictures', ["pictures/image_1.jpeg"]),
    ('generate --prompt "A kettle" --quality high --size 2048x1152 --moderation low --out output/imagegen/hero.png', ["output/imagegen/hero.png"]),
    ('generate --prompt "A tower hall" --size 3824x2160 --quality high --out output/imagegen/near-4k.png', ["output/imagegen/near-4k.png"]),
    ('generate --model gpt-image-1.5 --prompt "A kettle, cut out" --background transparent --output-format png --out output/imagegen/cut.png', ["output/imagegen/cut.png"]),
    (f'generate --prompt "A kettle" {SMALL} --use-case product-mockup --scene "a shelf" --subject "one kettle" --style photo --composition wide --lighting soft --palette warm --materials steel --text "Tea" --constraints "no logo" --negative "people" --out output/imagegen/fields.png', ["output/imagegen/fields.png"]),
    (f'generate --prompt "A kettle" {SMALL} --downscale-max-dim 256 --out output/imagegen/kettle.png', ["output/imagegen/kettle.png", "output/imagegen/kettle-web.png"]),
    (f'generate --prompt "A kettle" {SMALL} --downscale-max-dim 256 --downscale-suffix small --out output/imagegen/kettle.png', ["output/imagegen/kettle.png", "output/imagegen/kettle-small.png"]),
    (f'edit --image input.png --prompt "Only change the sky" {SMALL} --out output/imagegen/sky.png', ["output/imagegen/sky.png"]),
    (f'edit --image input.png --mask mask.png --prompt "A window" {SMALL} --out output/imagegen/window.png', ["output/imagegen/window.png"]),
    (f'edit --image input.png --image other.png --prompt "Image 1 is the room, image 2 the lamp" {SMALL} --out output/imagegen/both.png', ["output/imagegen/both.png"]),
    ('edit --model gpt-image-1.5 --image input.png --prompt "Change the wall" --quality high --input-fidelity high --size 1024x1024 --out output/imagegen/wall.png', ["output/imagegen/wall.png"]),
    ("generate-batch --input tmp/prompts.jsonl --out-dir output/imagegen/batch --concurrency 5 --max-attempts 3", ["output/imagegen/batch/001-a-hangar-with-a-shuttle.png", "output/imagegen/batch/wolf.webp", "output/imagegen/batch/003-a-plain-line-1.png", "output/imagegen/batch/003-a-plain-line-2.png"]),
]  # fmt: skip

JOBS = f"""\
# the jobs of the day
{json.dumps({"prompt": "A hangar with a shuttle", "use_case": "stylized-concept", "lighting": "fog", "size": "1024x640"})}

{json.dumps({"prompt": "A wolf", "fields": {"composition": "eye-level"}, "size": "1024x640", "quality": "low", "out": "deep/wolf.webp"})}
{json.dumps({"prompt": "A plain line", "size": "1024x640", "n": 2})}
"""


@pytest.mark.parametrize(("line", "files"), RECIPES)
def test_recipes(line, files, folder, capsys):
    """Every documented use of the two scripts succeeds, and its files are where the scripts put them."""
    for name in ("input.png", "other.png"):
        write_image(name)
    write_image("mask.png", hole=(200, 200, 500, 400))
    Path("words.txt").write_text("A kettle\n", encoding="utf-8")
    Path("tmp").mkdir()
    Path("folder").mkdir()
    Path("tmp/prompts.jsonl").write_text(JOBS, encoding="utf-8")
    assert run(line) == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if Path(line).is_file()] == files
    for name in files:
        with Image.open(name) as image:
            assert image.format.lower() == {"jpg": "jpeg"}.get(name.rsplit(".", 1)[1], name.rsplit(".", 1)[1])


def test_prescribed_chroma_key_call(capsys):
    """The helper's prescribed call makes a cut-out with soft alpha and without the key's colour."""
    assert run(f'generate "a red mug on a flat #00ff00 chroma-key background" {SMALL} --out raw.png --quiet') == 0
    flags = "--auto-key border --soft-matte --transparent-threshold 12 --opaque-threshold 220 --despill"
    assert run(f"remove-chroma-key --input raw.png --out cuts/mug.webp {flags}") == 0
    assert capsys.readouterr().out.splitlines() == ["raw.png", "cuts/mug.webp"]
    with Image.open("cuts/mug.webp") as image:
        alpha = image.getchannel("A")
        assert alpha.getpixel((0, 0)) == 0
        assert alpha.getextrema() == (0, 255)
        assert any(alpha.histogram()[1:255])


def test_chroma_key_defaults_are_the_scripts(capsys):
    """Without flags the key is a hard one at #00ff00: no pixel is partly transparent, and another backdrop is refused."""
    write_image("green.png", colour=(0, 255, 0))
    with Image.open("green.png") as image:
        image.paste((200, 20, 20), (300, 200, 600, 500))
        image.save("green.png")
    assert run("remove-chroma-key --input green.png --out cut.png --json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["partial"], document["key"], document["transparent"]) == (0, "#00ff00", 1024 * 640 - 300 * 300)
    write_image("blue.png", colour="blue")
    assert run("remove-chroma-key --input blue.png --out other.png") == 1
    assert not Path("other.png").exists()


def test_two_backdrops_of_ones_own(capsys):
    """`--second` solves half-clear glass exactly from two pictures; an option of one picture is refused with it."""
    for name, key in (("green", (0, 255, 0)), ("magenta", (255, 0, 255))):
        write_image(f"{name}.png", colour=key)
        with Image.open(f"{name}.png") as image:
            image.paste(tuple((level + 80) // 2 for level in key), (300, 200, 600, 500))
            image.save(f"{name}.png")
    line = "remove-chroma-key --input green.png --second magenta.png --out glass.png"
    assert run(f"{line} --tolerance 9") == 2
    assert "solved without it" in capsys.readouterr().err
    assert run(line) == 0
    with Image.open("glass.png") as image:
        assert abs(image.getpixel((450, 350))[3] - 128) <= 2
        assert image.getpixel((5, 5))[3] == 0


@pytest.mark.parametrize(
    "flags",
    [
        "--key-color #00ff00 --tolerance 40",
        "--auto-key none --key-color green --edge-contract 2",
        "--auto-key corners --soft-matte --spill-cleanup --edge-feather 1.5 --edge-contract 1",
        "--auto-key border --soft-matte --despill --transparent-threshold 20 --opaque-threshold 96 --force",
    ],
)
def test_chroma_key_knobs(flags):
    """Every knob of the helper is taken: the backdrop goes, the subject's middle stays as it is."""
    write_image("green.png", colour=(0, 255, 0))
    with Image.open("green.png") as image:
        image.paste((200, 20, 20), (300, 200, 600, 500))
        image.save("green.png")
    assert run("remove-chroma-key --input green.png --out cut.png") == 0
    assert run(f"remove-chroma-key --input green.png --out cut.png --force {flags}") == 0
    with Image.open("cut.png") as image:
        assert image.getpixel((5, 5)) == (0, 0, 0, 0)
        assert image.getpixel((450, 350)) == (200, 20, 20, 255)
        edge = image.getpixel((301, 350))[3]
    assert edge < 255 if "--edge-contract 2" in flags or "--edge-feather" in flags else edge == 255


def test_fail_fast_stops_a_batch(capsys):
    """With --fail-fast nothing is sent after the first failure; what was not sent is said apart from what failed."""
    Path("jobs.txt").write_text("simulated-violence\na mug\na cup\n", encoding="utf-8")
    assert run(f"generate-batch --input jobs.txt {SMALL} --concurrency 1 --fail-fast") == 1
    err = capsys.readouterr().err
    assert "0 done, 1 failed, 2 not sent" in err
    assert "3 jobs: 3 to send (3 pictures, about $" in err


def test_config_has_the_command_lines_defaults(capsys):
    """`config` tells what holds here: a taken name is refused, as the scripts did."""
    assert run("config --json") == 0
    rows = {row["setting"]: row["value"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["if_exists"] == "fail"


def test_augment_is_the_default(capsys):
    """--augment, as without it, sends the fields as labelled lines; --no-augment sends the prompt as typed."""
    shown = []
    for flag in ("", "--augment", "--no-augment"):
        assert run(f'generate "a mug" --style photo --show-prompt {flag}') == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1] != shown[2] == "a mug\n"


@pytest.mark.parametrize("command", SCRIPT_FLAGS)
def test_script_flags_exist(command):
    """Every flag of the scripts is known under its name."""
    page = full_page(TABLE[command])
    for flag in SCRIPT_FLAGS[command].split():
        assert re.search(rf"(?m)^  .*{flag}\b", page), flag


def test_no_augment_sends_the_prompt_alone(capsys):
    """--no-augment leaves the fields out; without it each adds a labelled line."""
    assert run('generate --prompt "a mug" --style flat --negative people --no-augment --show-prompt') == 0
    assert run('generate --prompt "a mug" --style flat --negative people --show-prompt') == 0
    alone, *labelled = capsys.readouterr().out.splitlines()
    assert alone == "a mug"
    assert labelled == ["Request: a mug", "Style: flat", "Avoid: people"]


def test_batch_fields_and_overrides(capsys):
    """A job's own values win over its `fields`, and those over the line's."""
    job = {"fields": {"style": "from fields", "scene": "a shelf"}, "prompt": "a mug", "style": "own", "quality": "high"}
    Path("jobs.jsonl").write_text(json.dumps(job), encoding="utf-8")
    assert run("generate-batch --input jobs.jsonl --style line --scene line --palette line --dry-run --json") == 0
    (planned,) = json.loads(capsys.readouterr().out)["jobs"]
    assert planned["quality"] == "high"
    assert planned["prompt"].splitlines() == ["Request: a mug", "Scene: a shelf", "Style: own", "Palette: line"]


# files


def test_nothing_is_overwritten_without_force(simulator, capsys):
    """A taken name, or a taken web copy, is found before anything is sent; --force replaces."""
    assert run(f'generate "a mug" {SMALL} --out mug.png') == 0
    first = Path("mug.png").read_bytes()
    with serve() as server:
        live = f"--backend openai --base-url {server.url}"
        assert run(f'generate "a fox" {SMALL} {live} --out mug.png') == 1
        Path("fox-web.png").write_bytes(b"mine")
        assert run(f'generate "a fox" {SMALL} {live} --downscale-max-dim 64 --out fox.png') == 1
        assert server.simulator.images_billed == 0
    assert "--force replaces it" in capsys.readouterr().err
    assert Path("mug.png").read_bytes() == first
    assert not Path("fox.png").exists()
    assert run(f'generate "a fox" {SMALL} --out mug.png --force') == 0
    assert Path("mug.png").read_bytes() != first


def test_force_sends_a_batch_again(capsys):
    """Running a batch again sends nothing; with --force everything is made anew under the same names."""
    Path("jobs.txt").write_text("a mug\na fox\n", encoding="utf-8")
    line = f"generate-batch --input jobs.txt --out-dir out {SMALL}"
    assert run(line) == 0
    files = capsys.readouterr().out.splitlines()
    assert run(line) == 0
    assert capsys.readouterr().out.splitlines() == files
    assert run(f"{line} --force") == 0
    again = capsys.readouterr()
    assert again.out.splitlines() == files
    assert "2 to send" in again.err


def test_a_name_tells_the_format(capsys):
    """--out x.webp asks for webp; a format that contradicts the name is refused."""
    assert run(f'generate "a mug" {SMALL} --out mug.webp --dry-run --json') == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["output_format"], document["outputs"]) == ("webp", ["mug.webp"])
    assert run(f'generate "a mug" {SMALL} --out mug.webp --output-format jpg') == 2
    assert "--out mug.jpeg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "placed"),
    [
        ({}, ("output/imagegen", "output.png")),
        ({"out": "output/imagegen/a/b.png"}, ("output/imagegen", "a/b.png")),
        ({"out": "b.jpg"}, (".", "b.jpg")),
        ({"out": "v1.2"}, (".", "v1.2.png")),
        ({"out": "x/b.png"}, ("x", "b.png")),
        ({"out": "b.png", "out_dir": "x"}, ("x", "b.png")),
        ({"out": "x/b.png", "out_dir": "x"}, ("x", "b.png")),
        ({"out_dir": "x"}, ("x", "image_{i}.png")),
    ],
)
def test_place_output(line, placed):
    """--out is a path from the working folder; its history lies in the output folder where it is inside that."""
    values, problems = place_output(line, resolve(line))
    assert not problems
    assert (resolve(values).out_dir, values["out"]) == placed


def test_job_file_stays_below_the_folder():
    """A job's `out` is a file name, whatever folders it names."""
    values, _ = job_file({"prompt": "x", "out": "../../etc/mug.png"}, 1, {}, resolve({}), "line 1")
    assert values["out"] == "mug.png"


# what is wrong

WRONG = [
    ('generate "x" --size 1000x1000 --n 12', ["nearest legal: --size 1008x1008", "--n 10"]),
    ('generate "x" --qualty low', ["did you mean --quality", "1 picture" * 0]),
    ('generate "x" --use-case product-mokup', ["--use-case product-mockup"]),
    ('generate "x" --input-fidelity low --model gpt-image-2', ["input_fidelity"]),
    ('generate "x" --downscale-max-dim 0', ["--web 1024"]),
    ("generate a red mug", ['imagegen generate "a red mug"']),
    ('generate "x" --prompt y', ["given twice"]),
    ("generate", ["the prompt is empty", "--prompt"]),
    ("generate --prompt-file none.txt", ["can't be read"]),
    ("edit --prompt x", ["an edit needs a picture"]),
    ("edit --image none.png --prompt x", ["there is no such file", "check the path"]),
    ("generate-batch", ["--input prompts.jsonl"]),
    ("generate-batch --input none.jsonl", ["input 'none.jsonl': there is no such file", "check the path"]),
    ("generate-batch --input bda.jsonl", ["--input bad.jsonl"]),
    ("cutout mug.png", ["did you mean remove-chroma-key?"]),
    ("batch x", ["did you mean generate-batch?"]),
    ("generate x --ar 16:9 --count 2", ["--size 16:9", "--n 2"]),
    ("generate x -size square --max_cost 1 --size 1024*768", ["--size square", "--max-cost 1", "--size 1024x768"]),
    ("generate x --grid size=square", ["imagegen generate does not have it", "imagegen generate-batch --grid size=square"]),
    ("generate-batch --input bad.jsonl", ["line 1", "line 2", "not valid JSON", "2 of 3 jobs"]),
    ("generate-batch --input bad.jsonl --max-attempts 0 --concurrency 0 --out x.png", ["--max-attempts 3", "--out-dir DIR", "--concurrency 5"]),
    ("remove-chroma-key --input a.jpg --out b.jpg --edge-contract 99", ["--out cut.png", "from 0 to 16"]),
    ("remove-chroma-key", ["--input is needed", "--out is needed"]),
    ("completion tcsh", ["one of bash, zsh, fish"]),
    ("tips nothing", ["imagegen tips"]),
    ("models extra", ["a value without its flag"]),
    (f'generate "my key is {KEY}"', ["API key"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "texts"), WRONG)
def test_wrong_usage(line, texts, capsys):
    """What is typed wrong ends with 2, every fault at once, each with its fix, in a shell's words; nothing is written."""
    Path("bad.jsonl").write_text('{"prompt": "a"\n{"prompt": "b", "n": 99}\nfine\n', encoding="utf-8")
    assert run(line) == 2
    out, err = capsys.readouterr()
    assert out == ""
    for text in texts:
        assert text in err
    assert "%imagegen" not in err
    assert KEY not in err
    assert not list(Path().rglob("*.png"))


def test_same_problems_as_in_a_notebook(shell, capsys):
    """The same wrong input gives the same problems in a cell and in a shell."""
    line = "--size 1000x1000 --n 12 --background clear"
    with pytest.raises(imagegen_magic.RequestError) as caught:
        shell.find_cell_magic("imagegen")(line, "a mug")
    assert run(f'generate "a mug" {line}') == 2
    err = capsys.readouterr().err
    for problem in caught.value.problems:
        assert str(problem) in err


def test_exit_codes(capsys):
    """Each end has its code: failed 1, partial 3, ambiguous 4, interrupted 130."""
    assert exit_code(CallCancelledError("stopped")) == 130
    assert exit_code(ServerError("broken")) == 4
    assert run("generate simulated-violence") == 1
    with serve(simulator=Simulator(faults="500")) as server:
        assert run(f"generate mug {SMALL} --backend openai --base-url {server.url}") == 4
    Path("jobs.txt").write_text("a mug\nsimulated-violence\n", encoding="utf-8")
    assert run(f"generate-batch --input jobs.txt {SMALL} --out-dir out") == 3
    assert [Path(line).name for line in capsys.readouterr().out.splitlines()] == ["001-a-mug.png"]
    Path("jobs.txt").write_text("simulated-violence\n", encoding="utf-8")
    assert run(f"generate-batch --input jobs.txt {SMALL} --out-dir out") == 1
    assert run("generate mug --max-cost 0.001") == 1
    assert run("nonsense") == 2
    assert run("") == 2


def test_missing_key(monkeypatch, capsys):
    """Without a key the answer is a short card with the next steps and 2; no file, no folder."""
    monkeypatch.delenv("IMAGEGEN_BACKEND")
    for line in ("generate mug", "edit --image a.png mug", "generate-batch --input jobs.txt"):
        write_image("a.png")
        Path("jobs.txt").write_text("a mug\n", encoding="utf-8")
        assert run(line) == 2
        err = capsys.readouterr().err
        assert "export OPENAI_API_KEY" in err
        assert "--backend simulator" in err
        assert "Jupyter" not in err
        assert len(err.splitlines()) <= 8
    assert run("generate mug --dry-run") == 0
    assert not Path("output").exists()


# what is printed


def test_results_and_progress_have_their_own_streams(capsys):
    """Standard output holds paths alone; a bar is drawn on a terminal only."""
    assert run(f'generate "a mug" {SMALL}') == 0
    out, err = capsys.readouterr()
    assert out == "output/imagegen/output.png\n"
    assert "generating\n" in err
    assert "\r" not in err
    assert run(f'generate "a cup" {SMALL} --force --quiet') == 0
    assert capsys.readouterr().err == ""


def test_bar_on_a_terminal():
    """On a terminal the bar is redrawn in place and gone at the end; a pipe on standard output stays clean."""
    screen, terminal = pty.openpty()
    with serve(simulator=Simulator(latency=0.4)) as server:
        words = ["generate", "a mug", *SMALL.split(), "--backend", "openai", "--base-url", server.url]
        process = spawn(words, stderr=terminal)
        out, _ = process.communicate(timeout=60)
    os.close(terminal)
    drawn = os.read(screen, 100_000).decode()
    os.close(screen)
    assert (process.returncode, out) == (0, "output/imagegen/output.png\n")
    assert drawn.count("\r\x1b[K[") >= 2
    assert drawn.rstrip().splitlines()[-1].rpartition("\x1b[K")[2].startswith("saved as @1")


def test_heartbeat_without_a_terminal(capsys):
    """Where there is no terminal, a line says now and then that the work goes on."""
    progress = Progress(3, heartbeat=0.0)
    progress.ended(0)
    progress.tick()
    assert "1 of 3 done, 0 in flight" in capsys.readouterr().err


JSON_LINES = [
    f'generate "a mug" {SMALL} --json',
    f'generate "a mug" {SMALL} --json --dry-run',
    f"edit -i a.png blue {SMALL} --json",
    f"generate-batch --input jobs.txt {SMALL} --json",
    f"generate-batch --input jobs.txt {SMALL} --json --dry-run",
    "generate mug --size 1x1 --json",
    "generate simulated-violence --json",
    *(f"{name} --json" for name in ("models", "sizes", "tips", "cost", "history", "doctor", "config")),
]


@pytest.mark.parametrize("line", JSON_LINES)
def test_json_is_one_document(line, capsys):
    """With --json standard output is one JSON document that says its exit code."""
    write_image("a.png")
    Path("jobs.txt").write_text("a mug\nsimulated-violence\n", encoding="utf-8")
    code = run(line)
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == code


def test_the_key_is_never_printed(monkeypatch, capsys):
    """Nothing that is printed or written holds the key, whatever the server says."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve(simulator=Simulator(faults="401, 500")) as server:
        for tail in ("", "--json", "--quiet"):
            run(f"generate mug {SMALL} --backend openai --base-url {server.url} --if-exists version {tail}")
    for line in ("doctor", "config", "history", "cost"):
        run(line)
    out, err = capsys.readouterr()
    assert KEY not in out + err
    for path in Path().rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes()


def test_history_and_cost_see_what_was_made(capsys):
    """`history` and `cost` read the output folder that `generate` wrote."""
    assert run(f'generate "a yellow kettle" {SMALL} --out output/imagegen/sub/kettle.png') == 0
    assert run("history kettle") == 0
    assert "sub/kettle.png" in capsys.readouterr().out
    assert run("cost") == 0
    assert "simulator" in capsys.readouterr().out


# Ctrl-C


def interrupted(words, times=1, flying=1, by=signal.SIGINT):
    """(exit code, stdout, stderr, images billed) of a command that gets a signal while its requests are under way.

    The server holds its answers back until the signals were taken, so that no clock decides what comes first.
    """
    arrived, answer = threading.Semaphore(0), threading.Event()

    def hold(seconds):
        arrived.release()
        answer.wait()

    with serve(simulator=Simulator(latency=1.0, sleep=hold)) as server:
        process = spawn([*words, "--backend", "openai", "--base-url", server.url], start_new_session=True)
        for _ in range(flying):
            arrived.acquire()
        seen = ""
        for _ in range(times):
            process.send_signal(by)
            seen += read_until(process, lambda text: "Ctrl-C" in text or not text)
        answer.set()
        out, err = process.communicate()
        return process.returncode, out, seen + err, server.simulator.images_billed


def read_until(process, done):
    """The lines of standard error up to the one after which `done(text)` is true, or its end."""
    text = ""
    for line in process.stderr:
        text += line
        if done(text):
            break
    return text


@pytest.mark.parametrize("by", [signal.SIGINT, *ENDING])
def test_ctrl_c_keeps_what_was_sent(by):
    """The first Ctrl-C, SIGTERM or SIGHUP waits for the request that is billed, saves its image, prints its path, ends with 130."""
    code, out, err, billed = interrupted(["generate", "a mug", *SMALL.split()], by=by)
    assert (code, out, billed) == (130, "output/imagegen/output.png\n", 1)
    assert "waiting for what was sent" in err
    assert "Traceback" not in err
    assert Path("output/imagegen/output.png.json").is_file()


def test_ctrl_c_twice_leaves(capsys):
    """The second Ctrl-C leaves at once: no empty file stays, and the history says that it may have been billed."""
    code, out, err, _ = interrupted(["generate", "a mug", *SMALL.split()], times=2)
    assert (code, out) == (130, "")
    assert "may have been billed" in err
    assert not Path("output/imagegen/output.png").exists()
    assert run("history") == 0
    assert "may have been billed" in capsys.readouterr().out


def test_ctrl_c_in_a_batch_sends_nothing_more():
    """A batch that is stopped keeps what was in flight and sends no more; running it again sends the rest."""
    Path("jobs.txt").write_text("".join(f"a mug number {n}\n" for n in range(6)), encoding="utf-8")
    words = ["generate-batch", "--input", "jobs.txt", "--out-dir", "out", "--concurrency", "2", *SMALL.split()]
    code, out, err, billed = interrupted(words, flying=2)
    assert code == 130
    assert billed == len(out.splitlines()) == len(list(Path("out").glob("*.png"))) == 2
    assert "4 not sent" in err
    assert "Traceback" not in err


def test_ctrl_c_twice_in_a_batch_names_only_what_was_sent():
    """Jobs that waited for their turn were never sent: the history has a line for each of those in flight alone."""
    Path("jobs.txt").write_text("".join(f"a mug number {n}\n" for n in range(6)), encoding="utf-8")
    words = ["generate-batch", "--input", "jobs.txt", "--out-dir", "out", "--concurrency", "2", *SMALL.split()]
    code, out, _, _ = interrupted(words, times=2, flying=2)
    assert (code, out) == (130, "")
    assert [record.outcome for record in History(Path("out")).records()] == ["ambiguous"] * 2
    recover(Store(Path("out")))
    assert len(History(Path("out")).records()) == 2


# help, completion, start-up


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_screen(name, capsys):
    """Every page of help is at most 24 lines of 80 columns, examples first; --help-all names every option."""
    assert run(f"{name} --help") == 0
    page = capsys.readouterr().out
    assert page == short_page(TABLE[name])
    assert len(page.splitlines()) <= 24
    assert max(map(len, page.splitlines())) <= 80
    assert page.splitlines()[2].startswith("  ") or "imagegen" in page.splitlines()[2]
    assert all(
        option.flags[-1] in full_page(TABLE[name]) for option in options_of(TABLE[name]) if option.name != "help_all"
    )


def test_top_help(capsys):
    """The front page fits a screen, shows examples first, and names every command and exit code."""
    assert run("--help") == 0
    page = capsys.readouterr().out
    assert len(page.splitlines()) <= 24
    assert page.splitlines()[2].startswith("  imagegen generate")
    assert all(name in page for name in COMMANDS)
    assert all(code in page for code in ("0 done", "1 refused", "2 bad", "3 done", "4 may", "130"))
    assert run("--version") == 0
    assert imagegen_magic.__version__ in capsys.readouterr().out


def test_commands_agree():
    """The front door, the table and the runners know the same commands."""
    assert list(COMMANDS) == list(RUNNERS)
    assert set(COMMANDS) == set(TABLE)


def test_no_option_is_written_twice():
    """An own option of a command never has the name or a flag of the shared table's row for that command."""
    for command in TABLE.values():
        shared = {flag for o in OPTIONS if command.key in o.commands for flag in o.flags}
        assert not shared & {flag for option in command.own for flag in option.flags}, command.name


def test_help_imports_nothing_heavy():
    """`--help` of the program and of a command imports no engine, SDK or imaging library."""
    code = (
        "import sys\nfrom imagegen_magic.cli import main\nmain(['generate', '--help'])\n"
        "print([n for n in ('openai', 'numpy', 'PIL', 'IPython', 'imagegen_magic.api', 'pydantic') if n in sys.modules])"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(imagegen_magic.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", SHELLS)
def test_completion_scripts(name):
    """Each script names every command and every long flag, and its shell can read it where it is installed."""
    script = completion_script(name)
    for command in TABLE.values():
        assert command.name in script
        for option in options_of(command):
            assert option.flags[-1].lstrip("-") in script
    if program := shutil.which(name):
        subprocess.run([program, "-n"], input=script, text=True, check=True, timeout=30)


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("imagegen gen", {"generate", "generate-batch"}),
        ("imagegen generate --qual", {"--quality"}),
        ("imagegen generate --backend ", {"openai", "simulator"}),
        ("imagegen generate --size squ", {"square"}),
        ("imagegen remove-chroma-key --auto-key ", {"none", "corners", "border"}),
        ("imagegen completion ", {"bash", "zsh", "fish", "--help-all"}),
    ],
)
def test_bash_completes(typed, offered):
    """What bash offers after Tab: commands, flags, and the values of a flag."""
    words = typed.split(" ")
    ask = f"COMP_WORDS=({' '.join(shlex.quote(w) for w in words)}); COMP_CWORD={len(words) - 1}; _imagegen; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(
        ["bash", "-c", completion_script("bash") + ask], capture_output=True, text=True, check=True, timeout=30
    )
    assert set(done.stdout.split()) == offered


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_completes_files_with_spaces(folder):
    """A file's name is one word, whatever is in it."""
    (folder / "my pic.png").touch()
    ask = "COMP_WORDS=(imagegen edit --image my); COMP_CWORD=3; _imagegen; printf '%s|' \"${COMPREPLY[@]}\""
    done = subprocess.run(
        ["bash", "-c", completion_script("bash") + ask], check=True, capture_output=True, text=True, timeout=30
    )
    assert done.stdout == "my pic.png|"


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("imagegen gen", {"generate", "generate-batch"}),
        ("imagegen generate --backend ", {"openai", "simulator"}),
        ("imagegen generate --size squ", {"square"}),
        ("imagegen edit --image my", {"my pic.png"}),
        ("imagegen completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_fish_completes(typed, offered, folder):
    """What fish offers after Tab."""
    (folder / "my pic.png").touch()
    (folder / "imagegen.fish").write_text(completion_script("fish"))
    ask = f"source imagegen.fish; complete -C {shlex.quote(typed)}"
    done = subprocess.run(["fish", "--no-config", "-c", ask], check=True, capture_output=True, text=True, timeout=30)
    assert {line.split("\t")[0] for line in done.stdout.splitlines()} == offered


def test_simulate_serves(capsys):
    """`simulate` prints its address on standard output, serves, and ends with Ctrl-C; a taken port is said."""
    process = spawn(["simulate", "--port", "0"])
    url = process.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", url)
    assert run(f"simulate --port {url.split(':')[2].split('/')[0]}") == 1
    assert "is not free" in capsys.readouterr().err
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.communicate()


def test_an_image_beside_is_listed_by_its_own_folders_history(folder, capsys):
    """A file outside of the output folder has a history of its own; the line that names its number says which."""
    ask = ["generate", "a red mug", "--backend", "simulator", "--quality", "low"]
    assert main([*ask, "--out", "mug.png"]) == 0
    assert "listed by: imagegen history --out-dir ." in capsys.readouterr().err
    assert main(["history", "--out-dir", "."]) == 0
    assert "mug.png" in capsys.readouterr().out
    assert main([*ask, "--out", "output/imagegen/mug.png"]) == 0
    assert "listed by" not in capsys.readouterr().err
