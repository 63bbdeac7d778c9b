"""Fixes are data: each surface says the same setting, command or default in its own words."""

from __future__ import annotations

import ast
import copy
import pickle
from pathlib import Path

import pytest

import imagegen_magic
from imagegen_magic.cli.words import SHELL_WORDS
from imagegen_magic.display.money_tables import history_table
from imagegen_magic.display.reports import tips_table
from imagegen_magic.errors import CELL_WORDS, Command, Default, Fix, Problem, PromptPlace, Setting
from imagegen_magic.options.defaults import in_layer
from imagegen_magic.options.hints import value_fix
from imagegen_magic.options.table import OPTIONS
from imagegen_magic.options.values import read_values
from imagegen_magic.options.words import PYTHON_WORDS, option_of
from imagegen_magic.panel.wording import message

PACKAGE = Path(imagegen_magic.__file__).parent


@pytest.mark.parametrize(
    ("part", "cell", "shell", "python"),
    [
        (Setting("--size", "1024x1024"), "--size 1024x1024", "--size 1024x1024", 'size="1024x1024"'),
        (Setting("-n", "1"), "-n 1", "-n 1", "n=1"),
        (Setting("--partials", "0"), "--partials 0", "--partials 0", "partial_images=0"),
        (Setting("--transparent"), "--transparent", "--transparent", "transparent=True"),
        (Setting("--no-reuse"), "--no-reuse", "--no-reuse", "reuse=False"),
        (Setting("--dialect"), "--dialect", "--dialect", "dialect"),
        (Setting("--scene", "a b"), '--scene "a b"', "--scene 'a b'", 'scene="a b"'),
        (Setting("--key-color", "#ff00ff"), "--key-color #ff00ff", "--key-color '#ff00ff'", 'key_color="#ff00ff"'),
        (Setting("--from", "jobs.jsonl"), "--from jobs.jsonl", "--input jobs.jsonl", 'jobs="jobs.jsonl"'),
        (Setting("--if-exists", "overwrite"), "--if-exists overwrite", "--force", 'if_exists="overwrite"'),
        (Setting("--quality", "low", ("high",)), "--quality low|high", "--quality low|high", 'quality="low" (or "high")'),
        (Setting("--dry-run"), "--dry-run", "--dry-run", "imagegen_magic.preview(…)"),
        (Command("generate"), "%%imagegen", "imagegen generate", "imagegen_magic.generate(…)"),
        (Command("generate", "--help"), "%imagegen --help", "imagegen generate --help", None),
        (Command("batch", "--help"), "%imagegen batch --help", "imagegen generate-batch --help", None),
        (Command("cutout", "@a"), "%imagegen cutout @a", "imagegen remove-chroma-key @a", "%imagegen cutout @a"),
        (Default("session_max_cost", "5"), "%config ImagegenMagics.session_max_cost = 5", "IMAGEGEN_SESSION_MAX_COST=5", None),
        (Command("edit", "a -i @b"), "%%imagegen_edit a -i @b", "imagegen edit a -i @b", "%%imagegen_edit a -i @b"),
        (Setting("--extra", "a=b"), "--extra a=b", "--extra a=b", 'extra={"a": "b"}'),
        (PromptPlace(), "write it below the %%imagegen line", '--prompt "a red mug", or --prompt-file FILE', None),
    ],
)  # fmt: skip
def test_each_surface_in_its_words(part, cell, shell, python):
    """A magic line, a command line and a call."""
    fix = Fix("try ", part, " first")
    assert str(fix) == CELL_WORDS.render(fix) == f"try {cell} first"
    assert SHELL_WORDS.render(fix) == f"try {shell} first"
    assert python is None or PYTHON_WORDS.render(fix) == f"try {python} first"


def test_layers_and_buttons():
    """The same fault of a value as a line of %config, a variable of the environment, a line of TOML, a button."""
    _, (problem,) = read_values({"backend": "x"})
    assert problem.fix == "--backend openai|simulator"
    assert in_layer(problem, "session").fix == '%config ImagegenMagics.backend = "openai"'
    assert in_layer(problem, "environment").fix.startswith("IMAGEGEN_BACKEND=openai")
    assert in_layer(problem, "pyproject.toml").fix == 'backend = "openai"'
    assert [button["set"] for button in message(problem)["buttons"]] == [
        {"backend": "openai"},
        {"backend": "simulator"},
    ]
    off = message(Problem(field="reuse", rule="no", fix=Fix(Setting("--no-reuse"))))["buttons"]
    assert off == [{"label": "Switch reuse off", "set": {"reuse": False}}]


def test_what_was_typed_stays_as_it_was_typed():
    """Only parts are put into other words: a value, a prompt or a file name that reads like a command is nobody's part."""
    typed = "from 'hd' %%imagegen --size"
    problem = Problem(
        field="quality", value=typed, rule="no", fix=Fix(f"not {typed}, but ", Setting("--quality", "low"))
    )
    for words in (SHELL_WORDS, PYTHON_WORDS, CELL_WORDS):
        assert problem.render(words).startswith(f'quality "{typed}": no\n      fix: not {typed}, but ')


def test_calls_from_python_speak_python(session):
    """An error of a function names keywords; the same problem of a cell names flags."""
    with pytest.raises(imagegen_magic.RequestError) as caught:
        session.generate("a mug", size="1000x1000")
    assert 'size="1008x1008"' in str(caught.value)
    with pytest.raises(imagegen_magic.RequestError) as caught:
        session.plan("a mug", {"size": "1000x1000"})
    assert "--size 1008x1008" in str(caught.value)


def test_fixes_can_be_copied_joined_and_pickled():
    """They are strings that keep their parts."""
    fix = Fix(Fix.any_of([Setting("--size", "1x1"), Setting("--size", "2x2")]), "; ", Command("models"))
    assert fix == "--size 1x1 or --size 2x2; %imagegen models"
    assert [setting.value for setting in fix.settings] == ["1x1", "2x2"]
    assert pickle.loads(pickle.dumps(fix)).parts == copy.deepcopy(fix).parts == fix.parts


def test_every_flag_that_a_fix_names_exists():
    """A fix is data, so the flags in it can be held against the option table."""
    named = [
        (path, node.args[0].value)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Setting"
        if isinstance(node.args[0], ast.Constant)
    ]
    assert len(named) > 60
    assert [(path.name, flag) for path, flag in named if option_of(Setting(flag)) is None] == []


def test_a_shell_is_offered_a_shells_lines(session):
    """The ways on after a failed cut-out, and a table's notes, name no magic where there is none."""
    result = session.generate("a red apple", name="apple", size="1024x1024", transparent=True, key_color="red")
    said = SHELL_WORDS.render(result.warnings[-1])
    assert "imagegen generate apple --size 1024x1024 --transparent chroma" in said
    assert "%imagegen" not in said + history_table(session.library, count=0).text(SHELL_WORDS)
    assert "imagegen edit NAME -i IMAGE" in tips_table("identity-preserve").text(SHELL_WORDS)


@pytest.mark.parametrize(("field", "value"), [("use_case", "photorealistic"), ("transparent", "difference")])
def test_fixes_inside_fixes_keep_their_parts(session, field, value):
    """Joined or nested, a setting stays one: Python and the panel say it in their words, too."""
    with pytest.raises(imagegen_magic.RequestError) as caught:
        session.plan("a mug", {field: value, "via": "batch-api"})
    flags = {setting.flag for problem in caught.value.problems for setting in problem.fix.settings}
    assert flags >= ({"--use-case"} if field == "use_case" else {"--transparent", "--via"})


@pytest.mark.parametrize(
    ("field", "given", "fix"),
    [
        ("output_format", "JPG", 'output_format="jpeg"'),
        ("quality", "hd", 'quality="high"'),
        ("quality", "hihg", 'quality="high"'),
        ("backend", "sim", 'backend="simulator"'),
        ("n", "two", "n=2"),
        ("n", "3 pictures", "n=3"),
        ("n", "many", "n=2"),
        ("max_cost", "5c", "max_cost=0.05"),
        ("max_cost", "0,50", "max_cost=0.5"),
        ("max_cost", "cheap", "max_cost=0.50"),
        ("timeout", "30s", "timeout=30"),
        ("concurrency", 99, "concurrency=5"),
        ("if_exists", "replace", 'if_exists="overwrite"'),
        ("opacity", "glass", 'opacity="auto" (or "opaque", "translucent")'),
        ("negative_prompt", "text", 'avoid="text"'),
        ("aspect_ratio", "16:9", 'size="16:9"'),
        ("width", 512, 'size="1024x1024"'),
        ("num_images", 4, "n=4"),
        ("format", "jpg", 'output_format="jpeg"'),
        ("filename", "mug.png", 'out="mug.png"'),
        ("seed", 7, "leave it out"),
        ("qualitty", "low", "did you mean quality?"),
        ("zebra", 1, 'unknown API fields go through extra={"NAME": "VALUE"}'),
    ],
)
def test_a_fix_names_what_was_meant(session, field, given, fix):
    """One value to type, not a list that begins with another; a keyword of other tools gets the answer that its flag gets."""
    with pytest.raises(imagegen_magic.ImagegenError) as caught:
        session.generate("a mug", **{"quality": "low", field: given})
    (problem,) = caught.value.problems
    assert PYTHON_WORDS.render(problem.fix) == fix


@pytest.mark.parametrize(
    "option", [one for one in OPTIONS if one.kind not in ("any", "flag", "list")], ids=lambda option: option.name
)
def test_a_fix_can_be_typed_as_it_stands(option):
    """What a fix says in place of a value that can't be read is read without a fault, in a cell and in Python."""
    setting = value_fix(option, "@!").settings[0]
    values, problems = read_values({option.name: setting.value})
    assert problems == []
    assert option.name in values
    assert setting.value != option.metavar or "=" in setting.value or option.kind == "text"


def test_letters_of_a_fixed_value_may_be_large(session):
    """`LOW` is low: nothing else could be meant."""
    assert (
        session.plan("a mug", {**read_values({"quality": "LOW", "background": "Opaque"})[0]}).request.quality == "low"
    )
