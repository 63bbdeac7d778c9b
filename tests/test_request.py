"""The request's rules and sizes, against the quick reference and the facts of today's models."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagegen_magic.errors import OptionError, RequestError
from imagegen_magic.facts.catalog import load_catalog
from imagegen_magic.facts.sizes import PRESETS, flexible_faults, nearest_sizes, parse_size, read_pixels, solve_ratio
from imagegen_magic.request.cost import estimate_cost
from imagegen_magic.request.request import ImageRequest, InputImage
from imagegen_magic.request.rules import check_request, request_warnings

CATALOG = load_catalog()
RULE = CATALOG.limits.flexible


def faults(**values):
    """The fields that a request's problems name, in order."""
    request = ImageRequest(**{"prompt": "a mug", "model": "gpt-image-2", **values})
    return [p.field for p in check_request(request, CATALOG.get(request.model), CATALOG.limits)]


def image(size=(64, 64), **more):
    return InputImage(name="a.png", data=b"x", mime="image/png", size=size, **more)


@pytest.mark.parametrize("size", ["1024x1024", "1536x1024", "2048x2048", "2048x1152", "3840x2160", "2160x3840", "auto"])
def test_popular_sizes_are_legal(size):
    """Every size that the quick reference lists passes."""
    assert faults(size=size) == []


@pytest.mark.parametrize(
    ("size", "word"),
    [
        ("1000x1024", "multiples of 16"),
        ("3856x1024", "longest edge"),
        ("3840x1024", "above 3:1"),
        ("640x640", "below 655,360"),
        ("3840x3840", "above 8,294,400"),
    ],
)
def test_each_size_rule_is_named(size, word):
    """An illegal size says which rule it breaks, and the nearest legal sizes are legal."""
    assert any(word in fault for fault in flexible_faults(read_pixels(size), RULE))
    for near in nearest_sizes(read_pixels(size), CATALOG.get("gpt-image-2"), RULE):
        assert flexible_faults(read_pixels(near), RULE) == []


@pytest.mark.parametrize("fields", [{"size": "1792x1024"}, {"quality": "hd"}])
def test_nothing_is_claimed_of_models_whose_facts_are_not_recorded(fields):
    """What a gateway's DALL·E took is not refused by another family's rules; that it was shut down is said."""
    model = CATALOG.get("dall-e-3")
    assert not check_request(ImageRequest(prompt="a mug", model=model.id, **fields), model, CATALOG.limits)
    assert "shut down" in model.lifecycle(date(2026, 11, 24))


@pytest.mark.parametrize(
    ("size", "first"), [((100, 100), "816x816"), ((800, 600), "944x704"), ((1920, 1080), "1920x1088")]
)
def test_the_size_offered_first_keeps_the_shape(size, first):
    """A square stays a square; edges that are nearly right are kept."""
    assert nearest_sizes(size, CATALOG.get("gpt-image-2"), RULE)[0] == first


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_nearest_sizes_are_always_legal(width, height):
    """Whatever was asked for, what is offered instead may be sent."""
    for near in nearest_sizes((width, height), CATALOG.get("gpt-image-2"), RULE):
        assert flexible_faults(read_pixels(near), RULE) == []


@given(st.floats(1 / 3, 3), st.sampled_from(["1k", "2k", "4k"]))
def test_solved_ratios_are_legal_and_near(ratio, scale):
    """A ratio within 3:1 is solved to a legal size whose ratio is within 2 %."""
    width, height = solve_ratio(ratio, scale, RULE)
    assert flexible_faults((width, height), RULE) == []
    assert abs(width / height / ratio - 1) < 0.02


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_legal(name):
    """Every preset is a size that the flexible models take."""
    assert faults(size=parse_size(name, CATALOG.get("gpt-image-2"), RULE)) == []


def test_ratio_on_a_model_with_fixed_sizes():
    """For a model with three sizes a ratio means the nearest of them."""
    assert parse_size("3:2", CATALOG.get("gpt-image-1.5"), RULE) == "1536x1024"
    assert parse_size("nonsense", CATALOG.get("gpt-image-2"), RULE) is None


def test_five_mistakes_are_five_problems():
    """Every broken rule is reported at once, in a stable order, each with a fix."""
    request = ImageRequest(
        prompt="x", model="gpt-image-2", size="10x10", quality="hd", output_compression=80, n=11, background="beach"
    )
    problems = check_request(request, CATALOG.get(request.model), CATALOG.limits)
    assert [p.field for p in problems] == ["size", "quality", "n", "background", "output_compression"]
    assert all(p.rule and p.fix for p in problems)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"prompt": "  "}, "prompt"),
        ({"prompt": "x" * 32_001}, "prompt"),
        ({"model": " "}, "model"),
        ({"n": 0}, "n"),
        ({"n": True}, "n"),
        ({"partial_images": 4}, "partial_images"),
        ({"output_compression": 101, "output_format": "jpeg"}, "output_compression"),
        ({"output_format": "bmp"}, "output_format"),
        ({"background": "transparent", "output_format": "jpeg"}, "background"),
        ({"moderation": "off"}, "moderation"),
        ({"complexity": "low"}, "complexity"),
        ({"input_fidelity": "high", "images": (image(),)}, "input_fidelity"),
        ({"images": (image(),) * 17}, "image"),
        ({"mask": image()}, "mask"),
        ({"images": (image(),), "mask": image((32, 32))}, "mask"),
        ({"images": (image(),), "markup": image()}, "markup"),
        ({"frame_count": 4}, "frame_count"),
        ({"safety_identifier": "x" * 200}, "safety_identifier"),
    ],
)
def test_single_rules(values, field):
    """Each rule stands for itself."""
    assert field in faults(**values)


def test_gpt_image_2_refuses_what_the_quick_reference_says():
    """gpt-image-2: fixed fidelity is an error with its reason; transparent is left to the server, with a warning."""
    request = ImageRequest(prompt="x", model="gpt-image-2", background="transparent")
    assert check_request(request, CATALOG.get("gpt-image-2"), CATALOG.limits) == []
    assert any("transparen" in note for note in request_warnings(request, CATALOG, date(2026, 11, 23)))


def test_retired_and_unknown_models_warn():
    """A retired model names its successor; an unknown id passes with one warning."""
    for model, word in (("gpt-image-1", "2026-10-23"), ("gpt-image-1.5", "2026-12-01"), ("gpt-image-9", "not")):
        notes = request_warnings(ImageRequest(prompt="x", model=model), CATALOG, date(2026, 11, 23))
        assert any(word in note for note in notes), (model, notes)
    assert faults(model="gpt-image-9", size="17x17", quality="ultra") == []


def test_wire_holds_only_what_was_given():
    """What was not given stays off the wire, and everything on it is JSON."""
    assert ImageRequest(prompt="p", model="m", n=2).wire() == {"prompt": "p", "model": "m", "n": 2}
    request = ImageRequest(prompt="p", model="m", images=(image(),), extra={"a": [1]})
    json.dumps(request.describe())


def test_digest_is_identity():
    """Streaming does not change what is asked for; everything else does, pictures by content."""
    base = ImageRequest(prompt="p", model="m", images=(image(),))
    same = ImageRequest(prompt="p", model="m", images=(image(role="x", origin="y"),), partial_images=2)
    other = ImageRequest(prompt="p", model="m", images=(InputImage(name="a.png", data=b"y", mime="", size=(1, 1)),))
    assert base.digest() == same.digest() != other.digest()


def test_users_model_file_overrides_and_adds(tmp_path):
    """An Azure deployment name or a new family is one table in a file of the user's own."""
    path = tmp_path / "models.toml"
    path.write_text('[[model]]\nid = "my-deployment"\nlike = "gpt-image-2"\n', encoding="utf-8")
    assert load_catalog(path).get("my-deployment").flexible_sizes
    path.write_text('["my-deployment"]\n[[model]]\nlike = "nothing"\nqualitys = ["x"]\n', encoding="utf-8")
    with pytest.raises(OptionError) as caught:
        load_catalog(path)
    assert len(caught.value.problems) == 4


def test_a_users_model_may_be_like_another_of_the_file(tmp_path):
    """`like` takes a model further up as the file has it, its rates included; those carry no date of a check that nobody made."""
    path = tmp_path / "models.toml"
    mine = '[[model]]\nid = "gpt-image-2"\nprices = { image_output = "24.00" }\n'
    path.write_text(mine + '[[model]]\nid = "pictures"\nlike = "gpt-image-2"\n', encoding="utf-8")
    model = load_catalog(path).get("pictures")
    assert model.flexible_sizes
    assert model.prices.image_output == 24
    assert model.checked is None
    path.write_text('[[model]]\nid = "a"\nlike = "b"\n[[model]]\nid = "b"\n', encoding="utf-8")
    with pytest.raises(OptionError, match="above in the file"):
        load_catalog(path)


def test_animations_and_drawings_are_estimated_honestly():
    """A gif is billed as the sheet of its frames; what an svg's author model costs is unknown, not 0."""
    catalog = load_catalog()
    model = catalog.get("gpt-image-2.5-sunburst")
    shared = {"prompt": "a mug", "model": model.id, "quality": "low", "size": "960x960"}
    still = estimate_cost(ImageRequest(**shared), model)
    moving = estimate_cost(ImageRequest(**shared, output_format="gif", frame_count=9), model)
    assert moving.low > 3 * still.high
    assert estimate_cost(ImageRequest(**shared, output_format="svg"), model).high is None


@pytest.mark.parametrize(
    "size", ["0x1024", "9" * 400, f"16x{'9' * 400}", "1080p", "2048x2048", "1024.5x1024", "no size"]
)
@pytest.mark.parametrize("frames", [2, 9, 16])
def test_the_fix_for_an_animations_size_can_be_sent(size, frames):
    """Whatever was asked for, the size that is proposed is legal for so many frames."""
    asked = {"prompt": "a mug", "model": "gpt-image-2.6-sunburst", "output_format": "gif", "frame_count": frames}
    model = CATALOG.get("gpt-image-2.6-sunburst")
    [problem] = check_request(ImageRequest(**asked, size=size), model, CATALOG.limits)
    [fix] = problem.fix.settings
    assert check_request(ImageRequest(**asked, size=fix.value), model, CATALOG.limits) == []


@pytest.mark.parametrize(
    ("size", "shape", "frames"),
    [
        ("16:9", 16 / 9, 9),
        ("16:9", 16 / 9, None),
        ("1:1", 1, 2),
        ("9:16@2k", 9 / 16, 16),
        ("2.5:1", 2.5, 9),
        ("3:2", 1.5, 8),
    ],
)
def test_a_ratio_means_a_legal_size_of_an_animation(size, shape, frames, session):
    """As for a still image: it is solved by the rule that holds, that of the sheet."""
    how = {"model": "gpt-image-2.6-sunburst", "output_format": "gif", "frame_count": frames}
    width, height = map(int, session.preview("a fox", size=size, **how).request["size"].split("x"))
    assert width / height == pytest.approx(shape, rel=0.03)


def test_a_ratio_that_no_sheet_has_is_refused(session):
    """Eight frames stand in four columns and two rows, at most three times as wide as high."""
    with pytest.raises(RequestError, match="8 frames are drawn on one sheet"):
        session.preview("x", size="16:9", model="gpt-image-2.6-sunburst", output_format="gif", frame_count=8)


def test_an_edit_to_an_animation_keeps_the_size_only_if_its_sheet_may_have_it(session):
    """A legal still image is too large as one of nine frames: the server chooses."""
    how = {"model": "gpt-image-2.6-sunburst", "output_format": "gif"}
    chosen = [session.preview("x", image=Image.new("RGB", size), **how).request["size"] for size in SIZES]
    assert chosen == ["auto", "720x720"]


SIZES = [(1024, 1024), (720, 720)]


@pytest.mark.parametrize(
    ("extra", "fix"),
    [
        ({"n": 5}, "--n 5"),
        ({"quality": "high"}, "--quality high"),
        ({" Quality ": "high"}, "--quality high"),
        ({"N": 5}, "--n 5"),
        ({"numImages": 5}, "--n 5"),
        ({"batch_size": 5}, "--n 5"),
        ({"stream": True}, "--partial-images True"),
        ({"prompt": "y"}, "write it below the %%imagegen line"),
        ({"x": [1, float("nan")]}, "can"),
        ({5: object()}, "can"),
    ],
)
def test_extra_fields_are_none_that_are_counted_or_priced(extra, fix):
    """Five images would be ordered under the limit for one; and what is not JSON can't be sent."""
    request = ImageRequest(prompt="a mug", model="gpt-image-2", extra=extra)
    [problem] = check_request(request, CATALOG.get("gpt-image-2"), CATALOG.limits)
    assert problem.field == "extra"
    assert fix in problem.fix


def test_an_svgs_effort_names_its_author_model(session):
    """The service's field for it needs the model (openai-python 3.54.0)."""
    how = {"output_format": "svg", "model": "gpt-image-2.5-flare", "svg_effort": "low"}
    with pytest.raises(RequestError, match="svg_effort") as caught:
        session.preview("x", **how)
    assert [problem.field for problem in caught.value.problems] == ["svg_effort"]
    assert session.preview("x", **how, svg_model="gpt-5").request["svg"]["model"] == "gpt-5"
