"""The option table: reading lines and values, and the layers of defaults."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import shlex
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen_magic.errors import ImagegenError, OptionError, RequestError
from imagegen_magic.options import keywords as keywords_module
from imagegen_magic.options.keywords import BatchOptions, GenerateOptions
from imagegen_magic.options.line import build_parser, parse_line, split_line
from imagegen_magic.options.options import Options, option_names
from imagegen_magic.options.settings import resolve
from imagegen_magic.options.table import BY_NAME, OPTIONS
from imagegen_magic.options.values import CALLS, read_call, read_values


def test_a_full_line():
    """NAME first or last, flags in any order, quotes removed, types by the table."""
    parsed = parse_line('hero --size 16:9 -n 2 --style "flat art" --max-cost 0.5 --no-reuse', "generate")
    assert parsed.problems == ()
    assert parsed.name == "hero"
    expected = {"size": "16:9", "n": 2, "style": "flat art", "max_cost": Decimal("0.5"), "reuse": False}
    assert dict(parsed.values) == expected


def test_bare_optional_does_not_swallow_the_name():
    """`--transparent` may stand alone before NAME; a known value after it belongs to it."""
    bare = parse_line("--transparent hero", "generate")
    assert (bare.name, bare.values["transparent"]) == ("hero", "chroma")
    native = parse_line("--transparent native hero", "generate")
    assert (native.name, native.values["transparent"]) == ("hero", "native")


@pytest.mark.parametrize("line", ["--sise square", "--n two", "a b", "--size", "--progress sometimes"])
def test_faults_are_collected_with_a_fix(line):
    """A wrong line is a problem with a fix, not an exit."""
    problems = parse_line(line, "generate").problems
    assert problems
    assert all(problem.rule for problem in problems)


def test_did_you_mean():
    """A mistyped flag names the near one."""
    assert "--size" in parse_line("--sise square", "generate").problems[0].fix


def test_open_quote():
    """A quote that is never closed is said in words."""
    with pytest.raises(OptionError, match="could not be read"):
        parse_line('--style "flat', "generate")


@given(st.lists(st.text(alphabet="ab#\\$ {}%'", min_size=1, max_size=8), max_size=4))
def test_words_survive_quoting(words):
    """Backslashes, #, $ and braces are ordinary characters; quoted words come back as they were."""
    plain = [word for word in words if "'" not in word]
    assert split_line(" ".join(f"'{word}'" for word in plain)) == plain
    assert shlex  # the reader is built on it


def test_variables_on_the_line_are_objects():
    """`{{ expr }}` stands for the value itself where it is the whole word."""
    thing = object()
    parsed = parse_line("-i {{ x }} --style '{{ name }} art'", "edit", variables={"x": thing, "name": "pop"})
    assert parsed.values["image"] == (thing,)
    assert parsed.values["style"] == "pop art"


def test_an_object_given_twice_is_a_problem_like_a_text():
    [problem] = parse_line("-n {{ a }} -n {{ b }}", "generate", variables={"a": 2, "b": 3}).problems
    assert problem.rule == "given twice with different values"


@pytest.mark.parametrize(
    ("given", "read"), [("2.0", 2), ("2.", 2), (2.0, 2), ("2.5", None), (Decimal("Infinity"), None), ("\u00b2", None)]
)
def test_whole_numbers_in_other_clothes(given, read):
    values, faults = read_values({"n": given})
    assert (values.get("n"), bool(faults)) == (read, read is None)


@pytest.mark.parametrize("given", [10**5000, -(10**5000), Decimal("1E+999999")], ids=["int", "below", "Decimal"])
@pytest.mark.parametrize("option", ["n", "timeout", "max_cost", "quality", "size"])
def test_a_number_of_thousands_of_digits_is_a_problem(session, option, given):
    """Python does not even write it."""
    with pytest.raises(RequestError) as caught:
        session.preview("a mug", **{option: given})
    assert len(str(caught.value)) < 500


def test_a_key_in_the_wrong_place_is_not_shown(session):
    """Not in the fix either: cards are saved with the notebook."""
    with pytest.raises(RequestError) as caught:
        session.preview("a mug", image="sk-" + "a1" * 20)
    assert "a1a1" not in str(caught.value)


def test_a_number_beyond_every_float_is_a_problem():
    assert read_values({"timeout": 10**400})[1]


def test_every_option_has_help_and_parses():
    """The table is whole: a help text each, and a parser for each command."""
    assert all(option.help for option in OPTIONS)
    for command in ("generate", "edit", "batch", "cutout"):
        assert "--help" in build_parser(command).format_help()
    assert len({option.name for option in OPTIONS}) == len(OPTIONS)


def test_layers(tmp_path):
    """The line wins over the session, that over the environment, that over the project's file, that over defaults."""
    (tmp_path / "pyproject.toml").write_text('[tool.imagegen_magic]\nquality = "low"\nsize = "square"\n')
    environ = {"IMAGEGEN_QUALITY": "high", "IMAGEGEN_CONCURRENCY": "9", "IMAGEGEN_SOMETHING": "x"}
    options = resolve({"size": "4k"}, session={"output_format": "webp"}, environ=environ, folder=tmp_path)
    assert (options.size, options.origins["size"]) == ("4k", "line")
    assert (options.quality, options.origins["quality"]) == ("high", "environment IMAGEGEN_QUALITY")
    assert options.concurrency == 9
    assert options.origins["output_format"] == "session"
    assert options.origins["model"] == "default"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"IMAGEGEN_MAX_COSTS": "0.10"}, "did you mean IMAGEGEN_MAX_COST?"),
        ({"IMAGEGEN_SESION_MAX_COST": "1"}, "did you mean IMAGEGEN_SESSION_MAX_COST?"),
        ({"IMAGEGEN_DRY_RUN": "1"}, "IMAGEGEN_DRY_RUN: can't be set as a default"),
        ({"IMAGEGEN_N": "2"}, "unset it, and give it on the line"),
    ],
)
def test_a_variable_that_would_hold_nothing_is_named(tmp_path, environ, words):
    """A limit whose name has a typing error, and what is each call's own: whoever set it counts on it."""
    with pytest.raises(OptionError) as caught:
        resolve({}, environ=environ, folder=tmp_path)
    assert words in str(caught.value)


def test_an_empty_variable_is_none(tmp_path):
    """`IMAGEGEN_QUALITY=` in a shell takes a value away, and is no fault."""
    options = resolve({}, environ={"IMAGEGEN_QUALITY": "", "IMAGEGEN_MAX_COST": ""}, folder=tmp_path)
    assert (options.max_cost, options.origins["max_cost"], options.origins["quality"]) == (None, "default", "default")


@pytest.mark.parametrize("name", ["max_cost", "session_max_cost", "confirm_above"])
@pytest.mark.parametrize("amount", ["inf", "-inf", "nan", "-0.01", "Infinity", float("inf"), "1,50", "five"])
def test_a_limit_is_an_amount(name, amount):
    """A limit that would never stop anything is refused, as is one that no amount is below."""
    values, problems = read_values({name: amount})
    assert not values
    assert [problem.field for problem in problems] == [name]


def test_bad_defaults_are_named(tmp_path):
    """A default that can't be read says where it stands."""
    with pytest.raises(OptionError) as caught:
        resolve({}, environ={"IMAGEGEN_CONCURRENCY": "many"}, folder=tmp_path)
    assert "environment" in str(caught.value)
    (tmp_path / "pyproject.toml").write_text('[tool.imagegen_magic]\nprompt = "x"\n')
    with pytest.raises(OptionError, match="default"):
        resolve({}, environ={}, folder=tmp_path)


@given(st.dictionaries(st.sampled_from([o.name for o in OPTIONS]), st.one_of(st.text(), st.integers(), st.booleans())))
def test_reading_never_raises(raw):
    """Whatever is given, reading ends with values and problems."""
    values, problems = read_values(raw)
    assert set(values) <= set(raw)
    assert all(problem.field in raw for problem in problems)


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("timeout", 0, "more than 0"), ("deadline", 0, "more than 0"), ("retries", -1, "from 0 to 100"),
        ("retry_ambiguous", 101, "from 0 to 100"),
    ],
)  # fmt: skip
def test_waits_and_tries_have_bounds(option, value, rule):
    """No time at all sends nothing that can be answered, and a number below 0 means nothing."""
    assert [problem.rule for problem in read_values({option: value})[1]] == [rule]


def test_a_number_outside_its_bounds_is_refused_with_a_fix():
    parsed = parse_line("icons --concurrency 0", "batch")
    assert [(p.field, p.rule, p.fix) for p in parsed.problems] == [
        ("concurrency", "from 1 to 64", "--concurrency 5"),
    ]
    assert read_values({"concurrency": 65})[1]
    assert read_values({"concurrency": 64}) == ({"concurrency": 64}, [])


def test_the_table_is_the_one_source():
    """`Options` has a field for each row with the row's default, and the keywords of Python are rows with the row's text."""
    assert option_names() == tuple(option.name for option in OPTIONS)
    for option in OPTIONS:
        assert getattr(Options(), option.name) == option.default, option.name
    for keywords, command in ((GenerateOptions, "generate"), (BatchOptions, "batch")):
        rows = {option.name for option in OPTIONS if command in option.commands}
        left_out = {"image", "source", "via"} | CALLS.keys()
        assert keywords.__annotations__.keys() == rows - left_out, command


def test_keywords_say_what_the_table_says():
    """The text below each keyword is the row's help."""
    text = inspect.getsource(keywords_module)
    for option in OPTIONS:
        if f"    {option.name}: " in text:
            assert f'"""{option.help.rstrip(".")}"""' in text.partition(f"    {option.name}: ")[2][:400], option.name


def test_functions_of_their_own_are_named():
    """What is a flag in a cell and a function in Python is refused with that function's name."""
    values, problems = read_call({"dry_run": True, "detach": True, "size": "square"})
    assert values == {"size": "square"}
    assert [(p.field, p.fix) for p in problems] == [
        ("dry_run", "imagegen_magic.preview(…)"),
        ("detach", "imagegen_magic.start(…)"),
    ]


@pytest.mark.parametrize(
    ("stronger", "weaker"), list(itertools.combinations(["line", "session", "environment", "pyproject", "default"], 2))
)
def test_of_two_layers_the_stronger_decides(stronger, weaker, tmp_path):
    """Each pair of layers with the same option in both."""
    values = dict.fromkeys(("line", "session", "environment", "pyproject"), None) | {stronger: "low", weaker: "high"}
    values["default"] = None
    if values["pyproject"]:
        (tmp_path / "pyproject.toml").write_text(f'[tool.imagegen_magic]\nquality = "{values["pyproject"]}"\n')
    environ = {"IMAGEGEN_QUALITY": values["environment"]} if values["environment"] else {}
    session = {"quality": values["session"]} if values["session"] else {}
    line = {"quality": values["line"]} if values["line"] else {}
    options = resolve(line, session=session, environ=environ, folder=tmp_path)
    assert options.quality == "low"
    assert options.origins["quality"].startswith(stronger)


class Textless:
    """An object of the user's own that can't say what it is."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize("name", [*BY_NAME, "name"])
def test_a_value_whose_own_code_fails_is_a_card(session, name):
    """Whatever option it is given to, nothing else escapes, and nothing is sent; a card shows such a value by its type."""
    for value in (Textless(), [Textless()]):
        with contextlib.suppress(ImagegenError):
            session.preview("a mug", **{name: value})


@pytest.mark.parametrize("row", [Textless(), {"prompt": Textless()}, {"prompt": "x", "size": Textless()}])
def test_a_row_whose_own_code_fails_is_a_card(session, row):
    with pytest.raises(ImagegenError):
        session.batches.run_jobs([row])
    with pytest.raises(ImagegenError):
        session.preview(Textless())


def test_a_value_that_has_no_text_is_shown_by_its_type(session):
    with pytest.raises(
        ImagegenError, match="quality of type Textless: it can't be read: its own code raises RuntimeError"
    ):
        session.preview("a mug", quality=Textless())
