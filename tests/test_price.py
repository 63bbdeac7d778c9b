"""The price at a cell's edge: what the front end is told while a person writes the cell."""

from __future__ import annotations

import json

import pytest

from imagegen_magic.notebook.head import join_head
from imagegen_magic.notebook.price import cell_price
from imagegen_magic.options.line import parse_line
from imagegen_magic.session import Session
from imagegen_magic.wire.client import Clients


def edge(session, shell, text):
    """What the front end shows at the edge of a cell."""
    return json.loads(repr(cell_price(session, shell, text)))


@pytest.fixture
def live(simulator):
    """A session whose backend is the live service, which no test may reach."""
    return Session(defaults=lambda: {"backend": "openai"}, clients=Clients(simulator=simulator))


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("%%imagegen\nA red mug.", 1),
        ("%%imagegen hero --size 1024x1024 -q low\nA mug for {{ 1/0 }}.", 1),
        ("%%imagegen hero\n-n 3 -q low\nA red mug.", 3),
    ],
)
def test_the_price_of_a_cell(live, shell, text, images):
    """It is the dry run's estimate; no expression is run."""
    shown = edge(live, shell, text)
    line, body = join_head(*text.removeprefix("%%imagegen").split("\n", 1))
    job = live.plan(body.replace("{{ 1/0 }}", "…"), parse_line(line.strip(), "generate").values)
    assert shown["text"] == str(job.estimate)
    assert shown["title"].startswith(f"{images} x {job.request.model}")
    assert not shown["wrong"]


@pytest.mark.parametrize("text", ["\n \n%%imagegen -q low\nA mug.", "  %%imagegen\n  -q low\n  A mug."])
def test_empty_lines_above_and_an_indentation_are_ipythons_to_drop(live, shell, text):
    """Such a cell runs; its price is that of the plain one."""
    assert edge(live, shell, text) == edge(live, shell, "%%imagegen -q low\nA mug.")
    assert edge(live, shell, text)["text"]


@pytest.mark.parametrize("text", ["%%imagegen\t-q low\nA mug.", "# first\n%%imagegen\nA mug.", "%%imagegen_x\nA mug."])
def test_what_ipython_does_not_run_as_a_cell_of_ours_has_no_price(live, shell, text):
    assert edge(live, shell, text)["text"] == ""


def test_the_price_of_a_batch_and_of_the_simulator(live, session, shell):
    text = "%%imagegen_batch --size square -q low\nA red apple.\nA gold ring.\n"
    one = edge(live, shell, "%%imagegen --size square -q low\nA red apple.")["text"]
    assert "2 jobs" in edge(live, shell, text)["title"]
    assert edge(live, shell, text)["text"] != one
    assert edge(session, shell, text)["text"] == f"free (live: {edge(live, shell, text)['text']})"


def test_a_cell_that_will_not_run_is_said_before(live, shell, simulator, folder):
    """The card's lines, while the cell is written; nothing is sent or written."""
    shown = edge(live, shell, "%%imagegen --size 3000x700 -n 11\nA mug.")
    assert shown["wrong"]
    assert "3000x700" in shown["title"]
    assert shown["title"].count("fix:") == 2
    assert edge(live, shell, "%%imagegen_edit -i gone.png\nBlue.")["wrong"]
    assert edge(live, shell, "%%imagegen --max-cost 0.001 --qualty low\nA mug.")["wrong"]
    assert not list(folder.rglob("*"))


@pytest.mark.parametrize(
    ("text", "said"),
    [("%%imagegen\nA map of {city}.", "{{ city }} fills it in"), ('%%imagegen\nf"A mug."', "a string of Python's"),
     ("%%imagegen\nA {red|blue} mug.", "choices"), ("%%imagegen -- --size square\nA mug.", "--: the flags of a cell")],
)  # fmt: skip
def test_the_edge_foresees_what_a_cell_refuses(live, shell, text, said):
    """The same card as when it is run; with `--raw` there is a price, as there is a picture."""
    shell.user_ns["city"] = "Oslo"
    shown = edge(live, shell, text)
    assert shown["wrong"]
    assert said in shown["title"]
    assert said in str(shell.run_cell(text, silent=True).error_in_exec)
    assert not edge(live, shell, text.replace("-- --size square", "").replace("\n", " --raw\n"))["wrong"]


@pytest.mark.parametrize(
    "text",
    ["", "x = 1", "%%imagegenx\nA mug.", "%%imagegen", "%%imagegen hero\n  \n", "%%imagegen --size {{ size }}\nA mug.",
     "%%imagegen --help\nA mug.", "%%imagegen_batch --from df\n{}"],
)  # fmt: skip
def test_what_has_no_price(live, shell, text):
    """Nothing is shown for what is no cell of ours, is not typed yet, or needs code to run."""
    assert edge(live, shell, text) == {"text": "", "title": "", "wrong": False}


def test_the_price_of_a_sheet(live, shell):
    """A cell of sprites has its price at the edge, too."""
    shown = edge(live, shell, "%%imagegen_sprites knight --animation walk --cell 64x64 -q low\nA small knight.")
    assert shown["text"]
    assert not shown["wrong"]
