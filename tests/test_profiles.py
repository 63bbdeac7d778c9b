"""Profiles: the same look again, from a pyproject.toml or saved from a cell; and choices in a batch's prompts."""

from __future__ import annotations

import json

import pytest
from test_magics import run

from imagegen_magic.batch.choices import expand_choices
from imagegen_magic.batch.rows import expand_wildcards, read_source
from imagegen_magic.errors import OptionError, RequestError
from imagegen_magic.options.settings import resolve
from imagegen_magic.store.folder import Store

BRAND = """
[tool.imagegen_magic]
quality = "high"
size = "landscape"
[tool.imagegen_magic.profiles.brand]
style = "flat vector"
quality = "low"
template = "An icon of {prompt}, centred"
"""


@pytest.fixture
def brand(folder):
    """A project with a profile."""
    (folder / "pyproject.toml").write_text(BRAND, encoding="utf-8")
    return folder


def test_a_profile_stands_between_the_line_and_the_defaults(brand, monkeypatch):
    """The line wins over it; it wins over %config, environment and file; all else stays as it was."""
    monkeypatch.setenv("IMAGEGEN_QUALITY", "medium")
    options = resolve({"profile": "brand"}, session={"quality": "auto"})
    assert (options.quality, options.style, options.size) == ("low", "flat vector", "landscape")
    assert options.origins["quality"] == "profile brand (pyproject.toml)"
    assert resolve({"profile": "brand", "quality": "high"}).quality == "high"
    assert resolve({}, session={"profile": "brand"}).style == "flat vector"
    assert resolve({}, session={"quality": "auto"}).quality == "auto"


def test_a_template_goes_around_the_prompt(brand, shell):
    """The prompt as typed is kept apart from what is sent."""
    assert run(shell, "%%imagegen bell --profile brand -s square\na bell")[1].success
    made = shell.user_ns["bell"]
    assert made.prompt_typed == "a bell"
    assert made.prompt_sent == "Request: An icon of a bell, centred\nStyle: flat vector"
    shell.user_ns["prompt"] = "a variable of that name is no slip here"
    assert run(shell, '%%imagegen cup -q low -s square --template "One {prompt}"\na cup')[1].success
    assert shell.user_ns["cup"].prompt_sent == "One a cup"
    assert "{prompt} is missing" in str(run(shell, "%%imagegen --template nothing\na cup")[1].error_in_exec)


def test_saved_from_a_cell_used_listed_deleted(shell, folder):
    """With flags, or those of the last result; refused whole if one of them can't stand in it."""
    out, done = run(shell, '%imagegen profile save look --style "soft ink" -q low -s square')
    assert done.success, out
    assert run(shell, "%%imagegen a --profile look\na cup")[1].success
    assert "soft ink" in shell.user_ns["a"].prompt_sent
    run(shell, "%%imagegen b --style oil -q low -s square -n 2 --out b.png\na cup")
    run(shell, "%imagegen profile save again")
    saved = json.loads((folder / "output/imagegen/profiles.json").read_text())
    assert saved["again"] == {"size": "square", "quality": "low", "style": "oil"}
    assert "soft ink" in str(run(shell, "%imagegen profile")[1].result)
    error = run(shell, "%imagegen profile save bad --dry-run --style x")[1].error_in_exec
    assert "can't stand in a profile" in str(error)
    assert run(shell, "%imagegen profile delete look")[1].success
    assert "--profile again" in str(run(shell, "%%imagegen c --profile again2\na cup")[1].error_in_exec)


def test_a_profile_is_checked_whole_when_it_is_used(folder):
    """Every fault of it in one card, with its name; an unused one disturbs nobody."""
    text = '[tool.imagegen_magic.profiles.bad]\nfoo = 1\nn = "many"\ndry_run = true\nref = [1]\n'
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    with pytest.raises(OptionError) as caught:
        resolve({"profile": "bad"})
    assert {problem.field for problem in caught.value.problems} == {"foo", "n", "dry_run", "ref"}
    assert all(problem.where == "profile bad" for problem in caught.value.problems)
    assert resolve({}).profile is None


@pytest.mark.parametrize("text", ["[]", '{"a": 1}', "{", "[" * 100_000])
def test_a_broken_file_of_profiles_is_a_card(folder, text):
    """What anybody may have written into the folder."""
    path = folder / "output/imagegen/profiles.json"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(OptionError):
        resolve({"profile": "a"})


def test_references_of_a_profile_are_found_beside_it(session, folder, monkeypatch):
    """A path in pyproject.toml begins at that file, wherever the kernel runs."""
    made = session.generate("a logo", name="logo", quality="low", size="1024x1024")
    (folder / "brand").mkdir()
    (folder / "brand" / "logo.png").write_bytes(made.bytes)
    (folder / "pyproject.toml").write_text('[tool.imagegen_magic.profiles.b]\nref = ["brand/logo.png:logo", "@logo"]\n')
    monkeypatch.chdir(folder / "brand")
    job = session.plan("a mug", {"profile": "b"})
    assert [image.role for image in job.request.images] == ["logo", ""]


def test_wildcards_make_a_row_of_each_choice(session):
    """Counted before anything is made; too many are refused; without the flag they stay as typed."""
    rows = list(expand_wildcards(read_source(["a {red|blue} {mug|cup}", "a dog"])))
    assert [row.values["prompt"] for row in rows] == ["a red mug", "a red cup", "a blue mug", "a blue cup", "a dog"]
    assert [row.where for row in rows] == ["row 1.1", "row 1.2", "row 1.3", "row 1.4", "row 2"]
    with pytest.raises(OptionError, match="at most 1000"):
        list(expand_wildcards(read_source(["{a|b}" * 12])))
    gallery = session.batches.run_jobs(["a {red|blue} mug"], wildcards=True, quality="low", size="1024x1024")
    assert [result.prompt for result in gallery] == ["a red mug", "a blue mug"]
    plain = session.batches.run_jobs(["a {red|blue} cup"], quality="low", size="1024x1024")
    assert plain[0].prompt == "a {red|blue} cup"


@pytest.mark.parametrize(
    ("prompt", "made"),
    [
        ("a {red|{dark|light} blue} mug", ["a red mug", "a dark blue mug", "a light blue mug"]),
        (r"a \{red\|blue\} {mug|cup}", ["a {red|blue} mug", "a {red|blue} cup"]),
        ("a {red|red|} mug", ["a red mug", "a  mug"]),
        ("a {red, blue} mug", ["a {red, blue} mug"]),
        ("a red|blue mug }", ["a red|blue mug }"]),
        ("a { mug", ["a { mug"]),
    ],
)
def test_choices_nested_escaped_and_alike(prompt, made):
    """No prompt is made of half a choice, and none is paid for twice."""
    assert expand_choices(prompt) == made


def test_a_choice_that_is_never_closed():
    """It is refused where it stands."""
    with pytest.raises(OptionError) as caught:
        list(expand_wildcards(read_source(["a mug", "a {red|blue mug"])))
    assert [(problem.where, problem.rule) for problem in caught.value.problems] == [
        ("row 2", "a { with choices is never closed")
    ]


@pytest.mark.parametrize("cell", ["%%imagegen w\na {red|blue} mug", "%%imagegen_batch w\na cup\na {red|blue} mug"])
def test_choices_without_wildcards_are_asked_about(shell, simulator, cell):
    """A cell would pay for the braces; with --raw it does."""
    shell.user_ns["table"] = [{"prompt": "a {red|blue} mug"}]
    for typed in (cell, "%%imagegen_batch w --from table\n"):
        assert "%%imagegen_batch --wildcards" in str(run(shell, typed)[1].error_in_exec)
    assert not simulator.record
    assert run(shell, "%%imagegen w --raw -q low\na {red|blue} mug")[1].success
    assert run(shell, '%%imagegen_batch x -q low\n{"prompt": "a mug|cup"}')[1].success


def test_a_store_keeps_profiles_apart_from_sidecars(session, folder):
    """Rebuilding a history passes them over."""
    session.generate("a mug", quality="low", size="1024x1024")
    (folder / "output/imagegen/profiles.json").write_text('{"a": {"style": "x"}}')
    assert Store(folder / "output/imagegen").history.rebuild() == 1


def test_a_template_without_its_place_is_refused(session):
    """In Python too, before anything is sent."""
    with pytest.raises(RequestError, match="prompt"):
        session.plan("a mug", {"template": "nothing"})


def test_references_of_a_saved_profile_stay_after_a_change_of_folder(shell, folder, monkeypatch):
    """Their relative paths begin where the session began, as the output folder does."""
    run(shell, "%%imagegen logo -q low -s square --out logo.png\na logo")
    (folder / "mark.png").write_bytes(shell.user_ns["logo"].bytes)
    assert run(shell, "%imagegen profile save marked -q low -s square -r mark.png:logo")[1].success
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert run(shell, "%%imagegen mug --profile marked\na mug")[1].success
    assert len(shell.user_ns["mug"].request["images"]) == 1


def test_a_profile_that_is_replaced_is_said(shell, folder):
    """What was saved before is named, so that it can be had again; `list` and `use` are understood."""
    run(shell, '%imagegen profile save brand --style "flat icon" -q low')
    assert '--style "flat icon"' in str(run(shell, "%imagegen profile save brand --style other")[1].result)
    assert "brand" in str(run(shell, "%imagegen profile list")[1].result)
    assert "%%imagegen --profile brand" in str(run(shell, "%imagegen profile use brand")[1].error_in_exec)
    assert run(shell, "%imagegen profile remove brand")[1].success
