"""What a new user types in the first hour, and what comes back: money traps, fixes as data, results as plain objects."""

from __future__ import annotations

import copy
import inspect
import io
import json
import pickle
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import simulated_session
from IPython.core.completer import CompletionContext
from IPython.utils.capture import capture_output
from PIL import Image
from test_magics import run

import imagegen_magic
from imagegen_magic.api import use_session
from imagegen_magic.batch.results import FailedJob
from imagegen_magic.batch.rows import read_source
from imagegen_magic.cli.words import SHELL_WORDS
from imagegen_magic.errors import BudgetError, Default, OptionError, RequestError, Words
from imagegen_magic.images.masks import build_mask, parse_box
from imagegen_magic.images.opening import parse_token, read_input
from imagegen_magic.notebook.batch_view import BatchView
from imagegen_magic.options.words import PYTHON_WORDS
from imagegen_magic.request.prompt import prompt_slug
from imagegen_magic.request.response import Sending
from imagegen_magic.simulator import Simulator


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
        ("%%imagegen imagegen_magic\nA mug.", ["the module imagegen_magic"]),
        ("%%imagegen class\nA mug.", ["a keyword of Python", "class_image"]),
        ("%%imagegen Out\nA mug.", ["a name of IPython's own", "out_image"]),
        ("%%imagegen np\nA mug.", ["the module numpy", "np_image"]),
        ("%%imagegen table\nA mug.", ["a table", "--from table"]),
        ("%%imagegen_batch table -q low\nA mug.", ["a table", "%%imagegen_batch icons --from table"]),
        ("%%imagegen paint\nA mug.", ["a function of yours", "paint_image"]),
        ("%%imagegen my-mug\nA mug.", ["for example my_mug"]),
        ("%%imagegen 2mugs\nA mug.", ["for example image_2mugs"]),
        ("%%imagegen 1024x1024\nA mug.", ["--size 1024x1024"]),
        ("%%imagegen 16:9@2k\nA mug.", ["--size 16:9@2k"]),
        ("%%imagegen gpt-image-1.5\nA mug.", ["--model gpt-image-1.5"]),
        ("%%imagegen mug.png\nA mug.", ["--out mug.png"]),
        ("%%imagegen --style flat\n \n", ["the prompt is empty"]),
        ("%%imagegen --transparent\n\n", ["the prompt is empty"]),
        ("%%imagegen\nPoster of {city}.", ["{{ city }}", "--raw"]),
        ("%%imagegen --style {city}\nA poster.", ["{{ city }}", "--raw"]),
        ("%%imagegen\nPoster of { city.upper() }.", ["{{ city.upper() }}"]),
        ("%%imagegen\nOnly {price:.2f}, {city!r}.", ["{{ format(price, '.2f') }}", "{{ repr(city) }}"]),
        ("%%imagegen\nPoster of {city[0]} and ${city}.", ["{{ city[0] }}", "${city}: "]),
        ("%%imagegen\nPoster of $city.", ["a dollar sign does not fill it in", "{{ city }}"]),
        ("%%imagegen\nPoster of {{ city.", ["never closed", "{{ city }}"]),
        ('%%imagegen\nf"A mug."', ["a string of Python's", "leave only the text"]),
        ('%%imagegen\nprompt = "A mug."', ["a string of Python's", "--raw"]),
        ('%%imagegen\n"""\nA mug.\n"""', ["a string of Python's"]),
        ("%%imagegen mug -q\nA mug.", ["--quality: its value is missing", "low|medium|high"]),
    ],
)
def test_money_traps(shell, simulator, cell, words):
    """What would have been paid for without being meant stops with the line to type instead."""
    shell.user_ns |= {"city": "Oslo", "price": 3, "np": np, "paint": refused, "table": pd.DataFrame({"prompt": ["a"]})}
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
    sent_as_typed = ("{planet}", '{"city": 1}', "US$city", "$5", "{city: 'x'}", '"A mug"', "name = mug", "'a' and 'b'")
    for cell, sent in (
        *((f"a\n{text}", text) for text in sent_as_typed),
        ("b --raw\n{city}", "{city}"),
        ("b --raw\nf'x'", "f'x'"),
        ("c\n{{ city }}", "Oslo"),
    ):
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
        ((10, 20, 30, 40), (10, 20, 30, 40)),
        ("10.5,20,30,40", (10, 20, 30, 40)),
        ("50%,0,50%,100%", (50, 0, 50, 200)),
    ],
)
def test_boxes(box, pixels):
    """Fractions are fractions of the image, per cent are per cent, all else is pixels; tuples as texts."""
    assert parse_box(box, (100, 200)) == pixels


@pytest.mark.parametrize(
    ("box", "rule", "fix"),
    [
        ("(10, 10, 20, 30)", "X,Y,W,H", "10,10,20,30"),
        ("[10;10;20;30]", "X,Y,W,H", "10,10,20,30"),
        ("20x30+10+15", "X,Y,W,H", "10,15,20,30"),
        ("x=10px, y=10px, w=20px, h=30px", "X,Y,W,H", "10,10,20,30"),
        ("1/4 1/4 1/2 1/2", "X,Y,W,H", "25%,25%,50%,50%"),
        ("left half", "X,Y,W,H", "0,0,50%,100%"),
        ("-10,0,20,30", "none below 0", "10%,10%,50%,30%"),
        (slice(0, 10), "X,Y,W,H", "10%,10%,50%,30%"),
        ((10, 20, 30), "X,Y,W,H", "10%,10%,50%,30%"),
        ("50,50,100,200", "beyond the 100x200 picture", "50,50,50,150"),
        ("50%,50%,100%,100%", "not a second corner", "50%,50%,50%,50%"),
        ("0.5,0.5,1,1", "not a second corner", "0.5,0.5,0.5,0.5"),
        ("40,40,100,30", "beyond", "40,40,60,30"),
        ("400,40,10,30", "beyond", "25%,25%,50%,50%"),
        ("0.1,0.1,20,20", "mixed", "10%,10%,20,20"),
        ("10%,10%,0.5,0.5", "mixed", "10%,10%,50%,50%"),
        ("0,0,1,1", "one pixel, or as fractions everything", "25%,25%,50%,50%"),
    ],
)
def test_boxes_in_other_notations(box, rule, fix):
    """What is no box, or two, is refused with the box that was probably meant."""
    with pytest.raises(OptionError) as caught:
        parse_box(box, (100, 200))
    (problem,) = caught.value.problems
    assert rule in problem.rule
    assert problem.fix == f"--mask-box {fix}"


def test_a_box_that_is_rounded_beyond_its_image():
    """Fractions of a picture add up to a little more than it."""
    assert parse_box("33.3%,0,66.8%,50%", (1000, 200)) == (333, 0, 667, 100)


def test_masks_say_that_they_are_the_mask(session):
    """A mask that is not there is no image that is not there; lists of rows are arrays; a small share is not 0 %."""
    session.generate("a mug", name="mug", quality="low", size="1024x1024")
    with pytest.raises(RequestError) as caught:
        session.preview("blue", image="@mug", mask="mask.png")
    assert [problem.field for problem in caught.value.problems] == ["mask"]
    rows = [[y < 512] * 1024 for y in range(1024)]
    assert any("50% of mug.png" in note for note in session.preview("blue", image="@mug", mask=rows).notes)
    small = session.preview("blue", image="@mug", mask_box=(10, 10, 20, 20))
    assert any("0.04% of mug.png" in note for note in small.notes)


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


def test_a_copy_is_what_its_name_says(session, tmp_path):
    """Bytes of another format, or the first of several images, would be found out late."""
    one = session.generate("a mug", name="one", size="1024x1024", quality="low")
    two = session.generate("a cup", n=2, name="two", size="1024x1024", quality="low")
    assert bytes(one) == one.bytes == bytes(one[0])
    for result, name, words in (
        (one, "copy.jpg", '.image.convert("RGB").save("copy.jpg")'),
        (one, "copy.webp", '.save("copy.png")'),
        (two, "copy.png", '[0].save("copy.png")'),
    ):
        with pytest.raises(OptionError) as caught:
            result.save(tmp_path / name)
        assert words in str(caught.value)
        assert not (tmp_path / name).exists()
    assert one.save(tmp_path / "copy").read_bytes() == one.bytes


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: imagegen_magic.generate("a mug", nmae="mug"), "did you mean name?"),  # type: ignore[call-arg]
        (lambda: imagegen_magic.generate("a mug", out="mug.bmp"), 'out="mug.png"'),
        (lambda: imagegen_magic.edit("blue", "https://example.com/a.png"), "download it first"),
        (lambda: imagegen_magic.sheet([None]), "there is no image here"),
        (lambda: imagegen_magic.sheet("nowhere.png"), "'nowhere.png': there is no such file"),
    ],
)
def test_slips_in_calls(session, call, words):
    """Each names the thing itself, not what a part of it looks like."""
    with pytest.raises(imagegen_magic.ImagegenError) as caught, use_session(session):
        call()
    assert words in "\n".join(caught.value.card_lines(PYTHON_WORDS))


def test_sizes_may_be_pairs_of_numbers(session):
    """`size=(1024, 1536)`, as Pillow has it."""
    assert session.preview("a mug", size=(1024, 1536)).request["size"] == "1024x1536"


def test_the_first_of_several_images_is_said(session):
    """An edit of a result of two takes the first, and says so."""
    two = session.generate("a cup", n=2, name="two", size="1024x1024", quality="low")
    assert any("has 2 images: the first is taken" in note for note in session.preview("blue", image=two).notes)


def test_several_images_are_a_stack_of_arrays(session):
    """n images of one size: (n, height, width, channels); other results are other keys."""
    two = session.generate("a mug", n=2, size="1024x1024", quality="low")
    assert np.array(two).shape == (2, 1024, 1024, 3)
    assert two[0] != two[1]
    assert two != session.generate("a cup", size="1024x1024", quality="low")


@pytest.mark.parametrize(
    ("cell", "sent"),
    [
        ("%%imagegen a --size square \\\n   --quality low\nA mug.", ("1024x1024", "low", "A mug.")),
        ("%%imagegen a\n--size square\n-q low\nA mug.", ("1024x1024", "low", "A mug.")),
        ("%%imagegen a --raw -q low -s square\n-fog everywhere", ("1024x1024", "low", "-fog everywhere")),
        ("%%imagegen a -q low -s square\n- a mug\n- a cup", ("1024x1024", "low", "- a mug\n- a cup")),
    ],
)
def test_flags_may_go_on_below(shell, cell, sent):
    """After a backslash, and on lines that begin with a flag; a list's dashes and --raw are prompt."""
    assert run(shell, cell)[1].success
    request = shell.user_ns["a"].request
    assert (request["size"], request["quality"], request["prompt"]) == sent


def test_flags_below_the_prompt_stop(shell, simulator):
    """They would be paid for as prompt text."""
    card = refused(shell, simulator, "%%imagegen a\nA mug.\n--size square")
    assert "put it above the prompt; --raw" in card


@pytest.mark.parametrize(
    ("flag", "fix"),
    [
        ("--ar 16:9", "--size 16:9"),
        ("--count 2", "--n 2"),
        ("--format jpg", "--output-format jpeg"),
        ("--format=png", "--output-format png"),
        ("--no text", "--avoid text"),
        ("--image fox.png", "--ref fox.png"),
        ("--seed 4", "leave it out"),
        ("--width=3", "--size 1024x1024"),
        ("--width 1024 --height=1536", "--size 1024x1536"),
        ("-W 1024 -H 768", "--size 1024x768"),
        ("--guidance_scale 7", "leave it out"),
        ("--lora x", "leave it out"),
        ("--hd", "--quality high"),
        ("--landscape", "--size landscape"),
        ("--png", "--output-format png"),
        ("--neg text", "--avoid text"),
        ("--bg transparent", "--background transparent"),
        ("--prompt x", "write it below the %%imagegen line"),
        ("-p x", "write it below the %%imagegen line"),
        ("--stream", "--partial-images 1"),
        ("\N{EM DASH}size square", "--size square"),
        ("\N{EN DASH}q low", "-q low"),
        ("\N{EM DASH}seed 4", "leave it out"),
        ("-size square", "--size square"),
        ("-quality=low", "--quality low"),
        ("--Size square", "--size square"),
        ("--max_cost 1", "--max-cost 1"),
        ("--q low", "-q low"),
        ("size=square", "--size square"),
        ("--size:square", "--size square"),
        ("--from rows", "%%imagegen_batch --from rows"),
        ("--animation walk", "%%imagegen_sprites --animation walk"),
        ("--size 1024*768", "--size 1024x768"),
        ("--size (1024,1024)", "--size 1024x1024"),
        ("--size 1024px", "--size 1024x1024"),
        ("--size 16/9", "--size 16:9"),
        ("--size 1080p", "--size 1920x1088"),
        ("--size HD -m gpt-image-1.5", "--size 1536x1024"),
    ],
)
@pytest.mark.parametrize("name", ["a ", ""])
def test_flags_of_other_tools_say_what_is_meant(shell, simulator, name, flag, fix):
    """The option here with the value given, or that the API has none; the value is not taken for NAME."""
    assert refused(shell, simulator, f"%%imagegen {name}{flag}\nA mug.").splitlines()[2:-1] == [f"      fix: {fix}"]


@pytest.mark.parametrize(
    ("cell", "fix"),
    [
        ("%imagegen batch icons rows", "--from rows"),
        ("%%imagegen_batch icons rows\n", "--from rows"),
        ("%%imagegen_edit blue fox -i fox\nblue", "-i fox"),
        ("%%imagegen z -q low # a comment --force\nA mug.", "leave it out"),
        ("%%imagegen # a comment\nA mug.", "leave it out"),
        ("%%imagegen z --style flat icon set\nA mug.", '--style "flat icon set"'),
        ("%%imagegen z a red mug\n\nA mug.", "write it below the %%imagegen line"),
        ("%%imagegen z --quality low high\nA mug.", "write it below the %%imagegen line"),
    ],
)
def test_words_without_a_flag(shell, simulator, cell, fix):
    """One problem for all of them, with the line to type: a table, an image, a value with spaces, a comment, the prompt."""
    shell.user_ns["rows"] = [{"prompt": "a"}]
    run(shell, "%%imagegen fox -q low -s square\nA fox.")
    card = refused(shell, simulator, cell)
    assert [line.strip() for line in card.splitlines() if "fix:" in line] == [f"fix: {fix}"]


def test_a_box_of_four_words(shell):
    """`--mask-box 0 0 50% 50%` is one box; a colour that begins with # is no comment."""
    run(shell, "%%imagegen fox -q low -s square\nA fox.")
    assert run(shell, "%%imagegen_edit b -i fox -q low --mask-box 0 0 50% 50% --key-color #ff00ff\nBlue.")[1].success
    assert any("25% of fox.png" in note for note in shell.user_ns["b"].notes)


def test_a_prompt_after_the_line_magic_names_the_cell(shell, simulator):
    """`%imagegen a red fox` is a frequent slip."""
    assert "%%imagegen on a line of its own" in refused(shell, simulator, "%imagegen a red fox")


def test_cells_without_a_body(shell, simulator):
    """IPython refuses them; ours show help, read --from, or say that the prompt is empty."""
    _, done = run(shell, "%%imagegen --help")
    assert done.success
    assert "--size" in str(done.result)
    shell.user_ns["rows"] = [{"prompt": "a", "quality": "low", "size": "1024x1024"}]
    assert run(shell, "%%imagegen_batch icons --from rows")[1].success
    assert len(shell.user_ns["icons"]) == 1
    assert "the prompt is empty" in refused(shell, simulator, "%%imagegen low_one")


def test_help_and_history_take_arguments(shell):
    """One subcommand's help, a limit, JSON."""
    for n in range(3):
        run(shell, f"%%imagegen x{n} -q low -s square\nA mug {n}.")
    assert "history [WORD]" in str(run(shell, "%imagegen help history")[1].result)
    listed = json.loads(str(run(shell, "%imagegen history --limit 2 --json")[1].result))
    assert [record["name"] for record in listed] == ["x1", "x2"]
    assert "older ones are not shown" in str(run(shell, "%imagegen history -n 1")[1].result)
    assert "--colour: no such option" in str(run(shell, "%imagegen history --colour")[1].error_in_exec)


@pytest.mark.parametrize(
    ("token", "reference", "role"),
    [
        ("@hero:the fox, its scarf", "@hero", "the fox, its scarf"),
        ('a.png:Straße, "rot" & 2 mehr', "a.png", 'Straße, "rot" & 2 mehr'),
        (("@hero", "the fox"), "@hero", "the fox"),
        ("C:\\a.png", "C:\\a.png", ""),
        ("C:\\a.png:style", "C:\\a.png", "style"),
        ("https://x.y/a.png", "https://x.y/a.png", ""),
    ],
)
def test_roles_are_any_words(token, reference, role):
    """Commas, quotes, accents and blanks; a drive and an address are no roles."""
    assert (parse_token(token).reference, parse_token(token).role) == (reference, role)


def test_references_with_roles_in_python(session):
    """A pair, or a mapping from role to image."""
    session.generate("a mug", name="mug", quality="low", size="1024x1024")
    for ref in ([("@mug", "the fox, its scarf")], {"the fox, its scarf": "@mug"}):
        made = session.preview("make it blue", image="@mug", ref=ref)
        assert "the fox, its scarf" in made.prompt


def test_an_image_of_the_output_folder_is_found_and_said(session, folder):
    """`-i scene1.png`, as the caption names it; a link that leads out of the folder is none."""
    made = session.generate("a mug", name="scene1", quality="low", size="1024x1024")
    job = session.plan("make it blue", {"image": ("scene1.png",)}, command="edit")
    assert job.request.images[0].data == made.bytes
    assert any("taken from the output folder" in note for note in job.notes)
    (folder / "secret.png").write_bytes(made.bytes)
    (made.path.parent / "out.png").symlink_to(folder / "secret.png")
    with pytest.raises(RequestError):
        session.plan("make it blue", {"image": ("out.png",)}, command="edit")


def test_a_change_of_the_working_folder_keeps_the_output_folder(session, folder, monkeypatch):
    """Notebooks call os.chdir; their images stay together."""
    first = session.generate("a mug", name="one", quality="low", size="1024x1024").path
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert session.generate("a mug", name="two", quality="low", size="1024x1024").path.parent == first.parent


@pytest.mark.parametrize(
    ("prompt", "slug"),
    [
        ("红色的狐狸在雪地里", "红色的狐狸在雪地里"),
        ("🦊🍂", "fox-face-fallen-leaf"),
        ("Une crème brûlée", "une-creme-brulee"),
        ("The fox, on ice!", "fox-ice"),
        ("!!", "image"),
    ],
)
def test_file_names_tell_in_every_script(prompt, slug):
    """Letters of any script stay, accents go, emoji give their names."""
    assert prompt_slug(prompt) == slug


def test_extra_columns_of_a_table_are_a_note(session):
    """One sentence, not a problem a row; a name that is nearly an option's is asked about."""
    frame = pd.DataFrame({"prompt": ["a cat", "a dog"], "sku": [1, 2], "quality": ["low", None]})
    plan = session.batches.plan(read_source(frame), {"size": "1024x1024"})
    assert "columns not used: sku" in plan.summary()
    assert [item.job.request.quality for item in plan.planned] == ["low", "medium"]
    wrong = frame.rename(columns={"prompt": "Prompt"}).assign(size=["square", "7x7"])
    with pytest.raises(RequestError) as caught:
        session.batches.plan(read_source(wrong), {"skip_invalid": True})
    assert [(problem.field, problem.where) for problem in caught.value.problems] == [("Prompt", ""), ("size", "row 1")]
    assert caught.value.problems[0].fix == "rename it to prompt"


def test_a_table_may_be_an_expression(shell):
    """`--from df[df.ready]`, `--from df["prompt"]`, as a notebook's user thinks of rows."""
    shell.user_ns["df"] = pd.DataFrame({"prompt": ["a cat", "a dog"], "ready": [True, False]})
    assert run(shell, "%%imagegen_batch a --from df[df.ready] -q low -s square")[1].success
    assert run(shell, '%%imagegen_batch b --from df["prompt"] -q low -s square')[1].success
    assert [len(shell.user_ns[name]) for name in "ab"] == [1, 2]


def test_done_rows_are_copied_to_new_names(session, simulator):
    """The same rows with other names send nothing: the files are copied."""
    rows = [{"prompt": "a cat", "quality": "low", "size": "1024x1024", "out": "one.png"}]
    first = session.batches.run_jobs(rows)[0]
    again = session.batches.run_jobs([{**rows[0], "out": "two.png"}])[0]
    assert again.path.name == "two.png"
    assert again.path.read_bytes() == first.path.read_bytes()
    assert len(simulator.record) == 1


def test_tables_of_results_have_columns_and_types(session):
    """pandas takes galleries and histories as they are: numbers add up, failures are rows with the same columns."""
    gallery = session.batches.run_jobs(["a fox", "Kirby"], quality="low", size="1024x1024")
    frame = pd.DataFrame(gallery)
    assert list(frame["where"]) == ["row 1", "row 2"]
    assert frame["cost"].dtype == float
    assert list(frame.columns) == list(gallery.to_records()[0])
    with use_session(session):
        history, costs = imagegen_magic.history(), imagegen_magic.costs()
    table = pd.DataFrame(history)
    assert (table["cost"].dtype, table["images"].dtype) == (float, int)
    assert pd.api.types.is_datetime64_any_dtype(table["time"])
    assert pd.DataFrame(costs)["cost"].sum() == pytest.approx(table["cost"].sum())
    assert {record["prompt"] for record in history.to_records()} == {"a fox", "Kirby"}
    assert "a fox" in repr(history)


def test_failures_are_like_results(folder):
    """The same attributes, so that a loop needs no question; failures are named first."""
    session = simulated_session(Simulator(faults="ok, moderation"))
    gallery = session.batches.run_jobs(["a fox", "a cat"], quality="low", size="1024x1024", concurrency=1)
    good, bad = gallery
    assert (good.ok, bad.ok, bad.path, bad.paths, bad.cost) == (True, False, None, (), None)
    assert good.to_record().keys() == bad.to_record().keys()
    assert str(gallery.table()).index(bad.prompt) < str(gallery.table()).index(good.prompt)


def test_a_gallery_packs_itself(session, tmp_path):
    """Flat names, no name twice, sidecars on request, and no file replaced."""
    rows = [{"prompt": "a fox", "out": "a/x.png"}, {"prompt": "a cat", "out": "b/x.png"}]
    gallery = session.batches.run_jobs(rows, quality="low", size="1024x1024")
    packed = zipfile.ZipFile(gallery.zip(tmp_path / "x.zip", sidecars=True))
    assert sorted(packed.namelist()) == ["x-2.png", "x-2.png.json", "x.png", "x.png.json"]
    assert packed.read("x-2.png") == gallery[1].bytes
    with pytest.raises(FileExistsError):
        gallery.zip(tmp_path / "x.zip")
    assert zipfile.ZipFile(gallery.zip(tmp_path / "y.zip")).namelist() == ["x.png", "x-2.png"]


def test_sheets_of_anything(session, tmp_path):
    """Results, paths, references, arrays; labels are names; gutters are clear; nothing is replaced."""
    one = session.generate("a fox", name="fox", quality="low", size="1024x1024")
    two = session.generate("a cat", n=2, name="cat", quality="low", size="1536x1024")
    with use_session(session):
        sheet = imagegen_magic.sheet([one, two, "@fox", str(one.path), np.zeros((8, 8, 3), np.uint8)], columns=3)
        assert sheet.names == ("fox", "cat-1", "cat-2", "@fox", "fox", "ndarray")
        assert sheet.image.mode == "RGBA"
        assert sheet.image.getpixel((sheet.image.width // 3 - 2, 2))[3] == 0
        with Image.open(sheet.save(tmp_path / "s.png")) as saved:
            assert saved.size == sheet.image.size
        with pytest.raises(FileExistsError):
            sheet.save(tmp_path / "s.png")
        for wrong in ({"items": []}, {"items": [one], "labels": ["a", "b"]}, {"items": [one], "columns": 0}):
            with pytest.raises(OptionError, match="no sheet"):
                imagegen_magic.sheet(**wrong)


def test_lists_of_results_show_thumbnails(shell):
    """A list as a cell's value is looked at; other lists stay as they are."""
    run(shell, "%%imagegen a -q low -s square\nA mug.")
    run(shell, "%%imagegen b -q low -s square\nA cup.")
    shown = shell.display_formatter.format([shell.user_ns["a"], shell.user_ns["b"]])[0]
    assert "Sheet of 2: a, b" in shown["text/html"]
    assert "image/jpeg" in shown
    for other in ([1, 2], [], ("a",), [shell.user_ns["a"], 1]):
        assert shell.display_formatter.format(other)[0] == {"text/plain": repr(other)}
    sheet = run(shell, "%imagegen show @a @b")[1].result
    assert sheet.names == ("@a", "@b")
    assert "image/jpeg" in sheet._repr_mimebundle_()[0]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("%%imagegen --qual", {"--quality"}),
        ("%%imagegen --size=2k", {"--size=2k", "--size=2k-square", "--size=2k-portrait"}),
        ("%%imagegen --quality=l", {"--quality=low"}),
        ("%%imagegen --profile b", {"brand"}),
        ("%%imagegen_edit -i output/imagegen/h", {"output/imagegen/hero.png"}),
        ("%%imagegen_edit -i @hero:st", {"@hero:style"}),
        ("%%imagegen_batch --from ro", {"rows"}),
        ("%%imagegen_batch --grid q", {"quality="}),
        ("%%imagegen_batch --grid quality=low,h", {"quality=low,high"}),
        ("%imagegen help hist", {"history"}),
        ("%imagegen run tex", {"text"}),
        ("%imagegen profile sa", {"save"}),
        ("%imagegen profile br", {"brand"}),
        ("%imagegen profile show ", {"brand"}),
        ("%imagegen cutout --key", {"--key-color"}),
        ("%config ImagegenMagics.backend = ", {'"openai"', '"simulator"'}),
        ('%config ImagegenMagics.backend="s', {'"simulator"'}),
        ("%config ImagegenMagics.reuse = ", {"True", "False"}),
        ("%config ImagegenMagics.max_cost = ", {"0.50"}),
        ("%config ImagegenMagics.nothing = ", set()),
    ],
)
def test_tab(shell, line, offered):
    """What may stand there, and nothing of Python's own."""
    run(shell, "%%imagegen hero -q low -s square\nA mug.")
    run(shell, "%imagegen profile save brand --style flat")
    shell.user_ns |= {"rows": [{"prompt": "a"}], "text": "a prompt"}
    matcher = shell.Completer.custom_matchers[-1]
    context = CompletionContext(
        token="", full_text=line, cursor_position=len(line), cursor_line=0, limit=None
    )  # fmt: skip
    assert {completion.text for completion in matcher(context)["completions"]} == offered


def test_tab_in_a_call_offers_every_option():
    """The signature names them, for kernels that do not read type hints."""
    for function in (imagegen_magic.generate, imagegen_magic.edit, imagegen_magic.preview, imagegen_magic.start):
        names = set(inspect.signature(function).parameters)
        assert {"prompt", "size", "quality", "transparent", "max_cost", "profile"} <= names
        assert "options" not in names
    assert "concurrency" in inspect.signature(imagegen_magic.run_batch).parameters


def test_a_copy_replaces_no_file(session, simulator):
    """A stored result asked for under a name that something else has: that file stays, byte for byte."""
    row = {"prompt": "a cat", "quality": "low", "size": "1024x1024"}
    session.batches.run_jobs([{**row, "out": "one.png"}])
    other = session.generate("a dog", quality="low", size="1024x1024", out="two.png")
    before = other.path.read_bytes()
    again = session.batches.run_jobs([{**row, "out": "two.png"}])[0]
    assert (other.path.read_bytes(), again.path.name) == (before, "one.png")
    assert len(simulator.record) == 2


def test_a_long_name_is_no_file_anywhere(shell, simulator):
    """255 bytes are what a file system takes; each place that asks for a file says so with a card."""
    long = "a" * 300
    for cell in (f"%imagegen run {long}", f"%%imagegen_batch --from {long}", f"%%imagegen_edit -i {long}.png\nblue"):
        refused(shell, simulator, cell)


@pytest.mark.parametrize(
    ("cell", "fix"),
    [
        ("%%imagegen_edit b -i fox --mask 0,0,50%,50%\nBlue.", "--mask-box 0,0,50%,50%"),
        ("%%imagegen\n{{ items }}", '%%imagegen_batch --from items; {{ ", ".join(items) }}'),
        ("%%imagegen_batch z\n{{ items }}", "%%imagegen_batch --from items"),
        ("%%imagegen\nA poster of {{ {'a': 1} }}", "for an image each"),
        ("%%imagegen_batch z\nA poster of {prompt}", '--template "a poster of {prompt}"; --raw'),
        ("%%imagegen_batch z --from romws\n", "--from rows"),
        ("%%imagegen_batch z --from prompt.csv\n", "--from prompts.csv"),
        ("%%imagegen_batch z --from nothing.csv\n", "check the path"),
        ("%%imagegen_batch z --from row\n", 'fix: [{"prompt": "a red mug"}]'),
        ("%imagegen edit", "%imagegen edit prompt.txt blue -i @hero"),
        ("%imagegen run", "%imagegen run prompt.txt"),
        ("%imagegen profile delete nope", "%imagegen profile lists them"),
        ("%imagegen profile show flit", "--profile flat"),
        ("%imagegen profile rename flat", "%imagegen profile show brand"),
        ("%imagegen sheet fox", "fix: %imagegen show fox"),
        ("%imagegen costs", "fix: %imagegen cost"),
        ("%imagegen show fox --size 300", "leave it out"),
        ("%imagegen cost --total", "%imagegen cost --json"),
        ("%imagegen jobs --json", "leave it out"),
    ],
)
def test_the_fix_can_be_pasted(shell, simulator, folder, cell, fix):
    """What was typed for it is not what a fix says again: the line that does it is."""
    shell.user_ns |= {"items": ["a cat", "a dog"], "rows": [{"prompt": "a"}], "row": {"prompt": "a"}}
    (folder / "prompts.csv").write_text("prompt\na cat\n", encoding="utf-8")
    run(shell, "%%imagegen fox -q low -s square\nA fox.")
    run(shell, "%imagegen profile save flat --style flat")
    card = refused(shell, simulator, cell)
    assert fix in card
    assert card.count("fix:") == 1
    assert len(card) < 400


@pytest.mark.parametrize(
    ("call", "fix"),
    [
        (lambda s, fox: s.edit(fox, "make it blue"), 'imagegen_magic.edit("make it blue", image)'),
        (lambda s, fox: s.edit("blue", fox, mask=(0, 0, 100, 100)), 'mask_box="0,0,100,100"'),
        (lambda s, fox: s.edit("blue", fox, mask="0,0,50%,50%"), 'mask_box="0,0,50%,50%"'),
        (lambda s, fox: s.generate(["a cat", "a dog"]), "imagegen_magic.run_batch(…)"),
        (lambda s, fox: s.preview(pd.DataFrame({"prompt": ["a cat"]})), "imagegen_magic.run_batch(…)"),
        (lambda s, fox: s.generate(7), "give a string"),
        (lambda s, fox: s.batches.run_jobs({"prompt": "a cat"}), '[{"prompt": "a red mug"}]'),
        (lambda s, fox: s.batches.run_jobs("nothing.csv"), "check the path"),
    ],
)
def test_slips_in_python_name_the_call(session, call, fix):
    """One problem with the call to make instead."""
    fox = session.generate("a fox", quality="low", size="1024x1024")
    with pytest.raises((OptionError, RequestError)) as caught:
        call(session, fox)
    (problem,) = caught.value.problems
    assert fix in str(caught.value)
    assert len(str(problem)) < 200


def test_comments_of_a_batch_are_no_prompts(shell):
    """Lines that begin with # are passed over, as in files."""
    assert run(shell, "%%imagegen_batch z -q low -s square\n# two animals\na cat\n  # the second\na dog")[1].success
    assert [result.prompt for result in shell.user_ns["z"]] == ["a cat", "a dog"]


def test_money_and_history_as_data(shell):
    """JSON has numbers; a picture without a NAME is listed by its file's, which finds it; a cut-out by its own."""
    run(shell, "%%imagegen -q low -s square --transparent\nA green robot.")
    (row,) = json.loads(str(run(shell, "%imagegen history --json")[1].result))
    assert (row["name"], row["files"]) == ("green-robot", ["green-robot.png"])
    assert row["cost"] > 0
    assert imagegen_magic.history()[0].files == row["files"]
    assert run(shell, "%imagegen show @green-robot")[1].success
    (day,) = json.loads(str(run(shell, "%imagegen cost --json")[1].result))
    assert day["cost"] == row["cost"]


def test_help_of_one_flag(shell):
    """Its own lines, not every flag's."""
    text = str(run(shell, "%imagegen help --mask-edit")[1].result)
    assert "white, black, transparent" in text
    assert len(text.splitlines()) < 6
    assert "%config ImagegenMagics.session_max_cost" in str(run(shell, "%imagegen help --session-max-cost")[1].result)
    assert "profile show brand" in str(run(shell, "%imagegen help profile")[1].result)


def test_results_in_pandas(session):
    """A row for each image of a result, a result as a row, and each as a series; a column that is not there is said."""
    two = session.generate("a fox", n=2, quality="low", size="1024x1024")
    frame = pd.DataFrame(two)
    assert list(frame["image"]) == [1, 2]
    assert list(frame["path"]) == [str(path) for path in two.paths]
    assert frame["cost"].sum() == pytest.approx(two.cost)
    assert two[0].cost == pytest.approx(two.cost / 2)
    assert list(pd.Series(two).index) == list(pd.DataFrame([two]).columns)
    assert pd.Series(two[1])["image"] == 2
    assert json.loads(json.dumps(two.to_record()))["number"] == two.number
    assert pickle.loads(pickle.dumps(two[0])) == copy.deepcopy(two[0]) == two[0]
    with pytest.raises(KeyError, match="no column 'price'; there are where, ok, name"):
        two["price"]


def test_a_gallery_by_name_and_by_cost(folder):
    """`icons["sun"]` by name, file or row; the cost of what was sent; what failed has a row, too."""
    session = simulated_session(Simulator(faults="ok, moderation"))
    jobs = [{"prompt": "a sun", "name": "sun"}, {"prompt": "a moon", "name": "moon"}]
    icons = session.batches.run_jobs(jobs, quality="low", size="1024x1024", concurrency=1)
    assert icons["sun"] is icons["row 1"] is icons[0]
    assert icons[icons[0].path.stem] is icons[0]
    assert icons["row 2"] is icons.failures[0]
    assert list(pd.DataFrame(icons[::-1])["ok"]) == [False, True]
    assert icons.cost == pytest.approx(icons["sun"].cost)
    assert icons.cost > 0
    with pytest.raises(KeyError, match="no job 'snu'; there are sun"):
        icons["snu"]


def test_copies_may_replace(session, tmp_path):
    """Run All makes the same files again: by default that stops and says how, `overwrite=True` replaces."""
    icons = session.batches.run_jobs(["a sun", "a moon"], quality="low", size="1024x1024")
    sheet = imagegen_magic.sheet({"day": icons[0], "night": icons[1]})
    assert sheet.names == ("day", "night")
    for save, path in ((icons.zip, "a.zip"), (icons[0].save, "a.png"), (sheet.save, "s.png"), (icons.save, "copies")):
        save(tmp_path / path)
        with pytest.raises(FileExistsError, match="overwrite=True"):
            save(tmp_path / path)
        save(tmp_path / path, overwrite=True)
    assert sorted(path.name for path in (tmp_path / "copies").iterdir()) == sorted(p.name for p in icons.paths)
    assert zipfile.ZipFile(tmp_path / "a.zip").testzip() is None


def test_signatures_are_readable():
    """`run_batch?` shows types, not how they are kept."""
    text = str(inspect.signature(imagegen_magic.run_batch))
    assert "ForwardRef" not in text
    assert "n: int = None" in text


@pytest.mark.parametrize(("failed", "shown"), [(0, ("0", 0)), (1, ("1", 33))])
def test_the_bar_shows_what_is_over(shell, simulator, failed, shown):
    """As much of it as jobs are done or failed; those on their way fill nothing."""
    plan = simulated_session(simulator).batches.plan(read_source(["a sun", "a moon", "a star"]), {})
    view = BatchView(plan, live=True)
    with capture_output() as seen:
        view.on_event(Sending(index=0, attempt=1))
        view.on_event(Sending(index=1, attempt=1))
        for _ in range(failed):
            view.on_done(1, FailedJob(index=1, where="item 1", prompt="a moon", error=BudgetError("no")))
        view.tick()
    page = seen.outputs[0].data["text/html"]
    filled = sum(map(float, re.findall(r'<div style="width:([\d.]+)%', page)))
    assert (re.search(r'aria-valuenow="(\d+)"', page)[1], round(filled)) == shown


@pytest.mark.parametrize(
    "prompt", ["\u200b", "\ufeff \u2060", "\xa0\u3000", "\ufe0f", "\u3164", '""', "...", "NaN", "None", "<NA>"]
)
def test_what_shows_nothing_is_no_prompt(shell, simulator, prompt):
    """Zero-width characters, fillers, placeholders and the names of missing values, in a cell, a batch and a table."""
    refused(shell, simulator, f"%%imagegen x --style flat\n{prompt}")
    for rows in (f"%%imagegen_batch x\n{prompt}", "%%imagegen_batch x --from rows\n"):
        shell.user_ns["rows"] = pd.DataFrame({"prompt": [prompt]})
        refused(shell, simulator, rows)


@pytest.mark.parametrize("prompt", ["🦊", "狐", "\U0001fae9", "7", "!!", "nan bread", "none of them"])
def test_short_prompts_are_prompts(session, prompt):
    """One emoji (also one that this Python does not know), one letter, one number."""
    assert session.preview(prompt).prompt == prompt


@pytest.mark.parametrize(
    "box", [("30%", "30%", "40%", "40%"), {"x": 30, "y": 60, "w": 40, "h": 80}, "30 %, 30 %, 40 %, 40 %"]
)
def test_boxes_as_python_has_them(folder, box):
    """Four texts are one box, as four numbers are; a dict with x, y, w, h is one."""
    Image.new("RGB", (100, 200)).save(folder / "a.png")
    boxes = box if isinstance(box, tuple) else (box,)
    assert (
        np.array(Image.open(io.BytesIO(build_mask(read_input(folder / "a.png"), boxes=boxes).data)))[..., 3] == 0
    ).sum() == 3200


@pytest.mark.parametrize("box", ["1.2.3,0,10,10", ".,0,10,10", {"left": 1, "top": 1, "right": 9, "bottom": 9}])
def test_boxes_that_are_no_numbers(box):
    """No number with two points, no edges under other names: nothing is guessed, and no fault of Python's comes out."""
    with pytest.raises(OptionError, match="X,Y,W,H"):
        parse_box(box, (100, 200))


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("{{ nothing }}", "give it a value"),
        ("{{ nan }}", "a missing value"),
        ("{{ pd.NA }}", "a missing value"),
        ("{{ np.float32('nan') }}", "a missing value"),
        ("{{ city.upper }}", "{{ city.upper() }}"),
        ("{{ np }}", "of type module, not text"),
        ("{{ Plain }}", "of type type, not text"),
        ("{{ plain }}", "of type Plain, not text"),
        ("{{ photo }}", "as a reference: --ref photo"),
        ("{{ city:>10 }}", "{{ format(city, '>10') }}"),
        ("{{ city!r }}", "{{ repr(city) }}"),
        ("{{{ city }}}", "{{ city }}"),
        ("{{ }}", "nothing stands between the braces"),
        ("{price * 2:.1f}", "{{ format(price * 2, '.1f') }}"),
        ("{len(items)}", "{{ len(items) }}"),
        ("{city if city else 'Rome'}", "{{ city if city else 'Rome' }}"),
    ],
)
def test_values_that_are_no_text(shell, simulator, text, fix):
    """What Python writes for nothing, for a function, a module or an address is not paid for; nor is an f-string's sum."""
    plain = type("Plain", (), {})
    shell.user_ns |= {
        "nothing": None,
        "nan": float("nan"),
        "np": np,
        "pd": pd,
        "city": "Oslo",
        "price": 3,
        "plain": plain(),
    }
    shell.user_ns |= {"Plain": plain, "items": ["a"], "photo": Image.new("RGB", (8, 8))}
    assert fix in refused(shell, simulator, f"%%imagegen\nA poster of {text}.")


def test_a_missing_value_of_a_flag_stops(shell, simulator):
    """`--style {{ nothing }}` was left out without a word; a list or a function is no style either."""
    shell.user_ns |= {"nothing": None, "items": ["a", "b"]}
    assert "text is needed, not list" in refused(shell, simulator, "%%imagegen --style {{ items }}\nA mug.")
    assert "text is needed, not builtin" in refused(shell, simulator, '%%imagegen --style {{ "a".upper }}\nA mug.')
    assert "a missing value" in refused(shell, simulator, '%%imagegen --style "{{ nothing }}"\nA mug.')


def test_numbers_of_numpy_are_numbers(shell):
    """As a table's cells are."""
    shell.user_ns["table"] = pd.DataFrame({"n": [3], "price": [2.5]})
    assert run(shell, "%%imagegen a -q low\n{{ table.n[0] }} mugs for {{ table.price[0] }}")[1].success
    assert shell.user_ns["a"].prompt_sent == "3 mugs for 2.5"


def test_fields_of_file_names_are_no_variables(shell, simulator):
    """A loop leaves `i` behind; `--out` fills in its own fields, with zeros on wish, and names those it has not."""
    shell.user_ns |= {"i": 7, "name": "x"}
    assert run(shell, '%%imagegen a -q low -n 2 --out "cups/{name}-{i:03}.png"\nA mug.')[1].success
    assert [path.name for path in shell.user_ns["a"].paths] == ["a-001.png", "a-002.png"]
    assert "{{ i }}" in refused(shell, simulator, "%%imagegen a --out {name}-{i}.png\nMug {i}.")
    assert "{city} is not filled in" in refused(shell, simulator, "%%imagegen a --out {city}.png\nA mug.")


def test_braces_of_a_flag_stop_everywhere(shell, simulator):
    """In a profile that is saved, behind `%imagegen run`, and in a template, whose only field is the prompt."""
    shell.user_ns |= {"city": "Oslo", "text": "a mug"}
    assert "{{ city }}" in refused(shell, simulator, "%imagegen profile save b --style {city}")
    assert "{{ city }}" in refused(shell, simulator, "%imagegen run text --style {city}")
    card = refused(shell, simulator, '%%imagegen --template "A {colour} {prompt}"\nmug')
    assert '--template "A colour {prompt}"' in card


@pytest.mark.parametrize(
    ("body", "fix"),
    [
        ("A mug --ar 16:9", "--size 16:9 above the prompt"),
        ("A mug --no text", "--avoid text above the prompt"),
        ("A mug --seed 4", "leave it out; --raw"),
        ("A mug --quality low", "put it above the prompt"),
        ("A mug.\n--count 2", "--n 2 above the prompt"),
        ("A mug.\n-q low", "put it above the prompt"),
    ],
)
def test_flags_in_a_prompt_stop(shell, simulator, body, fix):
    """As other tools have them, behind the prompt: in a cell and in the lines of a batch; `--raw` sends them."""
    assert fix in refused(shell, simulator, f"%%imagegen a\n{body}")
    assert fix in refused(shell, simulator, f"%%imagegen_batch a\n{body}")
    assert run(shell, f"%%imagegen a -q low --raw\n{body}")[1].success


def test_dashes_in_a_prompt_stay(shell):
    """Speech, lists, and words that are no flag of any tool."""
    for body in ("\u2014low tide, she said", "a mug -- red", "a --very-- red mug", "a 1-n mug -q", "\u2013 a cup"):
        assert run(shell, f"%%imagegen a -q low\n{body}")[1].success, body
        assert shell.user_ns["a"].prompt == body


def test_a_typographic_dash_below_the_line_is_a_flag(shell, simulator):
    """As on the line itself; before, it was prompt text."""
    assert "--size square" in refused(shell, simulator, "%%imagegen a\n\u2014size square\nA mug.")


def test_one_flag_twice_is_asked_about(shell, simulator):
    """The last one would win without a word; the same value twice is no question, nor are lists."""
    card = refused(shell, simulator, "%%imagegen a -q low -q high\nA mug.")
    assert "--quality low or --quality high; for both: %%imagegen_batch --grid quality=low,high" in card
    refused(shell, simulator, "%%imagegen a --size square\n-s landscape\nA mug.")
    assert run(shell, '%%imagegen a -q low --quality low --text "a" --text "b"\nA mug.')[1].success


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("help histor", "%imagegen help history"),
        ("help --qualty", "%imagegen help --quality"),
        ("help zzzz", "%imagegen help lists what there is"),
        ("config set quality low", '%config ImagegenMagics.quality = "low"'),
        ("config quality", "%config ImagegenMagics.quality"),
        ("set backend simulator", '%config ImagegenMagics.backend = "simulator"'),
        ("backend = simulator", '%config ImagegenMagics.backend = "simulator"'),
        ("cost fox", "%imagegen cost; %imagegen help cost"),
        ("models gpt-image-1", "%imagegen models; %imagegen help models"),
        ("HISTORY", "%imagegen history"),
        ("undo", "%imagegen history"),
        ("price", "%imagegen sizes"),
        ("quality low", '%config ImagegenMagics.quality = "low"'),
        ("mask fox.png", "%%imagegen --mask fox.png"),
    ],
)
def test_words_that_nothing_reads(shell, simulator, line, fix):
    """What is typed behind a subcommand is not passed over, and help for what there is not is not everybody's help."""
    assert fix in refused(shell, simulator, f"%imagegen {line}")


@pytest.mark.parametrize("word", ["quality", "--quality", "-q"])
def test_help_of_a_flag_without_its_dashes(shell, word):
    """`help quality` is that flag's help; a cell's name is that cell's."""
    assert str(run(shell, f"%imagegen help {word}")[1].result).startswith("-q, --quality")
    assert "--mask-box" in str(run(shell, "%imagegen help %%imagegen_edit")[1].result)


def test_a_file_is_recalled_by_the_name_in_its_caption(shell):
    """As `-i` finds it."""
    run(shell, "%%imagegen fox -q low\nA fox.")
    assert run(shell, "%imagegen recall fox.png")[1].success


@pytest.mark.parametrize(
    ("token", "fix"),
    [
        ("two[1]", "{{ two[1] }} for an expression"),
        ("two.path", "{{ two.path }}"),
        ("a.png,b.png", "--image a.png --image b.png"),
    ],
)
def test_images_as_python_or_a_list_names_them(shell, simulator, token, fix):
    """An expression goes into braces, each image has its own flag."""
    run(shell, "%%imagegen two -n 2 -q low\nA fox.")
    assert fix in refused(shell, simulator, f"%%imagegen_edit b -i {token}\nblue")


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ('imagegenmagics.backend = "simulator"', '%config ImagegenMagics.backend = "simulator"'),
        ("ImagegenMagics.n = 3", "on the line of a cell: --n 3"),
        ("ImagegenMagics.zzzz = 3", "%imagegen config lists them"),
    ],
)
def test_settings_that_nothing_reads(shell, line, fix):
    """A section in small letters, an option of single calls, an unknown name: the cell fails and says so."""
    done = run(shell, f"%config {line}")[1]
    assert fix in str(done.error_in_exec)


def test_a_loop_over_a_gallery_needs_no_question(folder):
    """What can be read of a result can be read of a failure, and its error of a result: there is None."""
    session = simulated_session(Simulator(faults="ok, moderation"))
    gallery = session.batches.run_jobs(["a fox", "a cat"], quality="low", size="1024x1024", concurrency=1)
    for name in (
        "error",
        "model",
        "size",
        "width",
        "bytes",
        "images",
        "notes",
        "warnings",
        "passed",
        "request",
        "usage",
    ):
        good, bad = (getattr(result, name) for result in gallery)
        assert not bad or name == "error", name
        assert good is not None or name == "error", name


def test_a_copy_into_a_folder_keeps_its_name(session, tmp_path):
    """A path that ends in a slash, or is a folder, is no file's name."""
    one = session.generate("a mug", name="one", size="1024x1024", quality="low")
    assert one.save(f"{tmp_path}/new/").name == one.save(tmp_path).name == "one.png"
    assert (tmp_path / "new" / "one.png").is_file()


def test_columns_with_one_name_and_open_quotes(folder):
    """One of two columns would be passed over; after an open quote all rows would be one text."""
    (folder / "twins.csv").write_text("prompt,prompt\na,b\n", encoding="utf-8")
    (folder / "open.csv").write_text('prompt,quality\na,low\n"b,low\nc,low\n', encoding="utf-8")
    twins = pd.DataFrame([["a", "b"]], columns=["prompt", "prompt"])
    for source, words in (("twins.csv", "two columns"), (twins, "two columns"), ("open.csv", "never closed")):
        with pytest.raises(OptionError, match=words):
            read_source(source)


def test_rows_that_ask_for_the_same_are_said(session):
    """They are variations, or a slip that is paid twice: the plan says which rows they are."""
    summary = session.batches.preview_jobs(["a mug", "a cup", "a mug", "a mug"], quality="low").summary()
    assert "row 3 asks for the same as row 1: both are sent (and 1 more)" in summary
    assert "asks for the same" not in session.batches.preview_jobs(["a mug", "a cup"], quality="low").summary()


@pytest.mark.parametrize(
    ("given", "read"), [("yes", "chroma"), (np.bool_(True), "chroma"), ("False", None), (np.bool_(False), None)]
)
def test_yes_and_no_of_a_table(session, given, read):
    """As files and arrays have them."""
    plan = session.batches.preview_jobs([{"prompt": "a mug", "transparent": given}], quality="low")
    assert [item.job.options.transparent for item in plan.planned] == [read]


def test_a_pair_is_a_size_everywhere(shell, session):
    """In a call, a row and a setting."""
    plan = session.batches.preview_jobs([{"prompt": "a mug", "size": (1024, 1536)}], quality="low")
    assert plan.planned[0].job.request.size == "1024x1536"
    assert run(shell, "%config ImagegenMagics.size = (1024, 1536)")[1].success
    assert shell.magics_manager.registry["ImagegenMagics"].size == "1024x1536"


def test_a_search_without_a_hit_says_so(shell):
    """An empty table could as well be an empty history."""
    run(shell, "%%imagegen fox -q low\nA fox.")
    assert "nothing matches 'wolf'; %imagegen history lists all" in str(run(shell, "%imagegen history wolf")[1].result)


def test_fixes_name_commands_that_there_are(session):
    """A shell has no profiles to list, and a default is a Python value in a call."""
    with pytest.raises(OptionError) as caught:
        session.preview("a mug", profile="nope")
    assert "in a notebook, %imagegen profile lists them" in "\n".join(caught.value.card_lines(SHELL_WORDS))
    assert PYTHON_WORDS.part(Default("backend", "simulator")) == 'backend="simulator"'
    assert Words().part(Default("reuse", "True")) == "%config ImagegenMagics.reuse = True"
