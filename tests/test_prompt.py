"""From a cell's text to the prompt that is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen_magic.errors import OptionError
from imagegen_magic.facts.use_cases import load_use_cases
from imagegen_magic.options.variables import fill_variables
from imagegen_magic.request.chroma_key import choose_key, key_clause, parse_color, second_key
from imagegen_magic.request.prompt import compose_prompt, hard_subject_words, prompt_slug


def test_only_double_braces_are_filled():
    """`{{ }}` is Python; `$5`, JSON and % pass through."""
    text = 'Poster for {{ city.upper() }}: {"mood": "calm"}, $5, 100 %, {x}'
    assert fill_variables(text, {"city": "Lisbon", "x": 1}) == 'Poster for LISBON: {"mood": "calm"}, $5, 100 %, {x}'


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_double_braces_is_untouched(text):
    """What is typed is what is sent."""
    assert fill_variables(text, {}) == text
    assert compose_prompt(text, {}) == text


def test_unknown_names_offer_near_ones():
    """Every failing expression is a problem; a near name is offered."""
    with pytest.raises(OptionError) as caught:
        fill_variables("{{ citty }} and {{ 1/0 }}", {"city": "x"})
    assert [p.field for p in caught.value.problems] == ["{{ citty }}", "{{ 1/0 }}"]
    assert "city" in caught.value.problems[0].fix


def test_fields_become_labelled_lines():
    """The order is the documents': use case, request, then the fields; verbatim text is quoted."""
    prompt = compose_prompt("a mug", {"style": "photo", "use_case": "product-mockup", "text": ("A", "B")}, keep=["mug"])
    assert prompt.splitlines() == [
        "Use case: product-mockup",
        "Request: a mug",
        "Style: photo",
        'Text, verbatim: "A"',
        'Text, verbatim: "B"',
        "Change only what is asked for; keep unchanged: mug",
    ]


def test_roles_and_clauses():
    """Roles name the images by number; a clause is a paragraph of its own."""
    assert "Image 2: style" in compose_prompt("x", {}, roles=["", "style"])
    assert compose_prompt("x", {}, clauses=["flat backdrop"]) == "x\n\nflat backdrop"


def test_the_19_use_cases():
    """All slugs of the quick reference are there, each with tips and a template."""
    cases = load_use_cases()
    assert len(cases) == 19
    assert all(case.tips and case.template for case in cases.values())


def test_hard_subjects_are_noticed():
    """Hair, glass and smoke are named before the call; a word inside a word is not."""
    assert [word for word, _ in hard_subject_words("a furry cat behind glass")] == ["furry", "glass"]
    assert not hard_subject_words("a chair and a further glassware-free table")


@pytest.mark.parametrize(
    ("subject", "color"),
    [("a red mug", "#00ff00"), ("a green leaf", "#ff00ff"), ("a blue and green parrot", "#ff00ff")],
)
def test_key_colour_avoids_the_subject(subject, color):
    """Green by default, magenta for green subjects, never blue for blue ones."""
    assert choose_key(subject).color == color


def test_key_colour_by_the_images_own_pixels():
    """Reference pictures full of green are no green-screen subjects."""
    assert choose_key("a toy", shares={"green": 0.4}).color != "#00ff00"


def test_colours_are_read():
    """Names and hex digits; anything else names the fix."""
    assert parse_color("0f0") == "#00ff00"
    assert parse_color("magenta") == "#ff00ff"
    assert second_key("#00ff00") != "#00ff00"
    with pytest.raises(OptionError):
        parse_color("greenish")
    assert "#00ff00" in key_clause("#00ff00")


@given(st.text())
def test_slugs_are_file_names(text):
    """A slug is short, lower case and safe in every file system."""
    slug = prompt_slug(text)
    assert slug
    assert len(slug) <= 60
    assert all(c.isalnum() or c == "-" for c in slug)
