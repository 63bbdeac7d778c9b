"""The simulator's painter: what a prompt's words choose, and what is in the pictures."""

from __future__ import annotations

import itertools
import math
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegen_magic.simulator import drawing
from imagegen_magic.simulator.drawing import Recipe, paint_image
from imagegen_magic.simulator.drawing.delivery import delivered_key
from imagegen_magic.simulator.drawing.lettering import wanted_texts
from imagegen_magic.simulator.drawing.recipe import read_recipe
from imagegen_magic.simulator.drawing.sheets import SHEET_FAULTS, read_layout
from imagegen_magic.simulator.drawing.svg import drawing_names, parse_drawing, read_drawing
from imagegen_magic.simulator.drawing.wording import key_colour, named_subject, read_prompt

FOLDER = Path(drawing.__file__).parent
WORDS = tomllib.loads((FOLDER / "words.toml").read_text(encoding="utf-8"))
STYLES = tomllib.loads((FOLDER / "styles.toml").read_text(encoding="utf-8"))


def paint(prompt, *, size=(256, 256), backdrop="none", seed=5, **more):
    """The picture of a prompt as floats, height x width x channels."""
    recipe = Recipe(prompt=prompt, seed=seed, width=size[0], height=size[1], backdrop=backdrop, **more)
    return np.asarray(paint_image(recipe), np.float32)


# --- words -----------------------------------------------------------------------------------------------------------


def test_every_drawing_has_words():
    """Each file of the subjects can be asked for, by its own name among others, and no word leads nowhere."""
    assert set(WORDS["subjects"]) == set(drawing_names())
    assert set(WORDS["fallbacks"]) <= set(drawing_names())
    assert all(named_subject(f"a {word}.") for word in WORDS["natural"])
    for name in drawing_names():
        image = "a picture with a sun face" if name == "sun" else f"a {name}"
        image = "a woman" if name == "portrait" else "an orange fruit" if name == "orange" else image
        assert named_subject(image) == name


@pytest.mark.parametrize(
    ("prompt", "subjects"),
    [
        ("A vixen asleep", ("fox",)),
        ("Three wolves", ("dog",)),
        ("a portrait of a cat", ("cat",)),
        ("a portrait", ("portrait",)),
        ("the same character in the rain: a robot", ("robot",)),
        ("a mug, soft key light from the left", ("mug",)),
        ("an old brass key", ("key",)),
        ("a fox with a lantern", ("fox", "lantern")),
        ("a house. Later, a ship.", ("house",)),
        ("a robot meets an owl", ("robot", "owl")),
        ("A poster without a cat, for a bookshop", ()),
        ("Avoid: cats\nRequest: a dog", ("dog",)),
        ('A sign that says "fish"', ()),
        ("A ship on one flat #00ff00 chroma-key background. No castle.", ("ship",)),
        ("An accordion", ()),
    ],
)
def test_subjects_of_a_prompt(prompt, subjects):
    """The subject named first counts, another one if it is joined; refusals, quotations and the backdrop's clause do not."""
    assert read_prompt(prompt).subjects == subjects


@pytest.mark.parametrize(
    ("prompt", "key"),
    [
        ("a mug on a flat #12ab34 backdrop", "#12ab34"),
        ("a mug with the label #12ab34", None),
        ("a mug, solid magenta chroma key", "#ff00ff"),
        ("an actor before a green screen", "#00ff00"),
        ("a green mug", None),
    ],
)
def test_key_colour_of_a_prompt(prompt, key):
    assert key_colour(prompt) == key


def test_colours_are_those_of_the_prompt():
    """A colour before the subject paints it; one that belongs to something else does not."""

    def mean(prompt):
        image = paint(prompt)
        return image[image[..., 3] > 250][:, :3].mean(axis=0)

    plain, blue, sky = (mean(f"{prompt} fox") for prompt in ("a", "a blue", "under a blue sky, there sits a"))
    assert blue[2] > blue[0] + 20
    assert plain[0] > plain[2] + 20
    assert np.abs(plain - sky).max() < 6
    assert read_prompt("a woman with red hair").accent is not None
    assert read_prompt("a woman with red hair").main is None
    wolf, red = read_prompt("two wolves").main, read_prompt("a red wolf").main
    assert wolf is not None
    assert red is not None
    assert max(wolf) - min(wolf) < 0.1 < red[0] - red[2]
    assert read_prompt("a dog").main is None


# --- pictures --------------------------------------------------------------------------------------------------------


def test_no_two_subjects_look_alike():
    """Every pair of subjects differs in more than a fifth of what both cover, in shape or in colour."""
    images = {name: _drawn_at_64(name) for name in drawing_names()}
    for (a, first), (b, second) in itertools.combinations(images.items(), 2):
        either = (first[..., 3] > 128) | (second[..., 3] > 128)
        apart = (np.abs(first - second).max(axis=2) > 40)[either].mean()
        assert apart > 0.2, f"{a} and {b} differ in {apart:.0%}"


def _drawn_at_64(name):
    words = {"portrait": "a woman", "orange": "an orange fruit", "sun": "a sun face"}.get(name, f"a {name}")
    return paint(words, size=(64, 64), stamped=False)


@pytest.mark.parametrize("name", drawing_names())
def test_every_subject_is_whole(name):
    """Each is inside the picture with room on every side, large enough to be recognised, and has partial alpha at its edge."""
    words = {"portrait": "a woman", "orange": "an orange fruit", "sun": "a sun face"}.get(name, f"a {name}")
    alpha = paint(words)[..., 3]
    border = np.concatenate([alpha[:6].ravel(), alpha[-6:].ravel(), alpha[:, :6].ravel(), alpha[:, -6:].ravel()])
    assert not border.any()
    assert 0.04 < (alpha > 60).mean() < 0.6
    assert ((alpha > 10) & (alpha < 245)).any()


def test_four_scenes_look_like_four_scenes():
    """The same fox at four places: what lies behind it is told apart at a glance."""
    places = ("on the sea", "in a forest", "in the desert at sunset", "in the city at night")
    corners = [paint(f"a fox {place}", backdrop="scene")[:, [*range(40), *range(216, 256)]] for place in places]
    means = [[corner[rows].mean(axis=(0, 1)) for rows in (slice(0, 90), slice(160, 230))] for corner in corners]
    for first, second in itertools.combinations(means, 2):
        assert max(np.abs(a - b).max() for a, b in zip(first, second, strict=True)) > 25


@pytest.mark.parametrize("style", list(STYLES))
def test_styles_change_the_look(style):
    """Each style's word gives another picture than the prompt without it, of the same subject."""
    word = {"line-art": "line art", "pixel-art": "pixel art", "flat": "flat icon", "oil": "oil painting"}.get(
        style, style
    )
    plain, styled = paint("a fox"), paint(f"a fox, {word}")
    if style == "clay":
        assert (plain == styled).all()
        return
    both = (plain[..., 3] > 200) & (styled[..., 3] > 200)
    assert both.sum() > 0.7 * (plain[..., 3] > 200).sum()
    inside = np.abs(plain - styled).max(axis=2)[both].mean() > 4
    assert inside or (styled[..., 3] > 200).sum() > 1.04 * (plain[..., 3] > 200).sum()


@pytest.mark.parametrize("key", ["#00ff00", "#ff00ff", "#0000ff"])
def test_chosen_colours_keep_away_from_the_key(key):
    """A colour that the prompt leaves open is never that of the backdrop."""
    wanted = np.array([int(key[start : start + 2], 16) for start in (1, 3, 5)], np.float32)
    for seed in range(12):
        image = paint(f"a slime on a flat {key} chroma-key background", size=(96, 96), seed=seed, stamped=False)
        inside = image[image[..., 3] > 250][:, :3]
        hues = [inside - inside.min(axis=1, keepdims=True), wanted - wanted.min()]
        cosine = hues[0] @ hues[1] / np.maximum(1e-6, np.linalg.norm(hues[0], axis=1) * np.linalg.norm(hues[1]))
        saturated = np.ptp(inside, axis=1) > 60
        assert (cosine[saturated] > 0.97).mean() < 0.02


def soft(image):
    """How many pixels are partly clear."""
    return ((image[..., 3] > 8) & (image[..., 3] < 200)).sum()


def test_hair_smoke_and_glass():
    """Fine strands, wisps above the subject, and a body that shows what is behind it."""
    plain, furry, steaming, glassy = (paint(f"{words} mug") for words in ("a", "a fluffy", "a steaming", "a glassy"))
    assert soft(furry) > 1.5 * soft(plain)
    assert soft(steaming[:60]) > soft(plain[:60]) + 100
    assert soft(glassy) > 0.3 * (plain[..., 3] > 250).sum()


def test_a_shadow_only_if_asked_for():
    plain, shadow, without = (paint(f"a mug{words}") for words in ("", ", with a soft shadow", ". No cast shadow."))
    assert soft(shadow) > soft(plain) + 1000
    assert (plain == without).all()


@pytest.mark.parametrize(("action", "limb"), [("walks", "leg"), ("waves", "arm"), ("jumps", "all")])
def test_actions_move_what_they_say(action, limb):
    """Over the phases, walking moves the feet, waving the arms' side, and a jump lifts the whole figure."""
    frames = [paint(f"a robot that {action}", phase=n / 8, stamped=False)[..., 3] > 128 for n in range(8)]
    changed = np.any([frame != frames[0] for frame in frames], axis=0)
    rows, columns = np.nonzero(frames[0])
    feet = changed[rows.max() - 12 :].sum()
    sides = changed[:, : columns.min() + 12].sum() + changed[:, columns.max() - 12 :].sum()
    lifts = np.ptp([np.nonzero(frame)[0].min() for frame in frames])
    assert {"leg": feet > 100, "arm": sides > 100, "all": lifts > 20}[limb]
    assert (lifts > 20) == (limb == "all")


def test_a_delivered_key_varies():
    """By some levels from picture to picture, and rarely by many."""
    keys = np.array([delivered_key("#00ff00", seed) for seed in range(300)])
    assert (keys[:, [0, 2]] <= 20).all()
    assert (keys[:, [0, 2]] >= 3).all()
    assert 0.02 < (keys[:, 1] < 232).mean() < 0.12
    assert len(np.unique(keys, axis=0)) > 250


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"prompt": 1}', '{"shift": "x"}', '{"shift": [0, 1e400], "seed": null}']
)
def test_a_recipe_that_is_none(text):
    """Whatever a file's metadata hold, reading them does not fail."""
    assert read_recipe(text) is None


def test_a_recipe_is_read_back():
    recipe = Recipe(prompt="a fox", seed=3, width=640, height=480, shift=(1.0, 2.0), figure="a blue fox", phase=0.5)
    assert read_recipe(recipe.to_text()) == recipe


def test_an_unknown_subject_is_drawn_all_the_same():
    """Something decent, the same for equal prompts and another for another seed."""
    first, again, other = (paint("an accordion", seed=seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first[..., 3] > 128).mean() > 0.04
    assert (first != other).any()


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ('A bottle.\nText (verbatim): "Brume"', ("Brume",)),
        ('a shop with a sign that says "Open late"', ("Open late",)),
        ('the title "One" and the words "Two", the label "Three"', ("One", "Two")),
        ('He said "hello"', ()),
        ('the label reads "\u65e5\u672c"', ()),
    ],
)
def test_texts_of_a_prompt(prompt, texts):
    assert wanted_texts(prompt) == texts


@pytest.mark.parametrize("backdrop", ["none", "scene"])
def test_texts_are_written_above_the_subject(backdrop):
    """Dark letters on their pale edge, in the middle of the upper edge, and nothing else changes."""
    plain, written = (paint(prompt, backdrop=backdrop) for prompt in ("a cat", 'a cat, title "Mia"'))
    rows, columns = np.nonzero(np.abs(plain - written).max(axis=2) > 60)
    assert rows.max() < 60
    assert 100 < columns.mean() < 156
    dark = (written[:60, :, :3] < 80).all(axis=2) & (written[:60, :, -1] > 30)
    assert dark.sum() > 60


VOCABULARY = [
    *itertools.chain.from_iterable(WORDS[table] for table in ("subjects", "colours", "actions")),
    *("sprite sheet", "6 frames", "in one row", "2 columns", "icon set", "pixel art", "watercolor", "sticker", "forest", "night"),
    *("rain", "steaming", "fluffy", "glassy", "with", "and", 'title "Mia"', "no", "."),
]  # fmt: skip


@given(
    st.lists(st.sampled_from(VOCABULARY) | st.text(max_size=6), max_size=9).map(" ".join),
    st.sampled_from(["none", "scene", "#ff00ff"]),
    st.sampled_from([(96, 64), (40, 120)]),
)
@settings(max_examples=60, deadline=None)
def test_no_prompt_breaks_it(prompt, backdrop, size):
    """Whatever the words, there is a picture of the size and mode asked for."""
    recipe = Recipe(prompt=prompt, seed=1, width=size[0], height=size[1], backdrop=backdrop, delivery="model")
    image = paint_image(recipe)
    assert (image.size, image.mode) == (size, "RGBA" if backdrop == "none" else "RGB")


def test_grain_comes_with_quality():
    plain, grained = (paint("a cat", backdrop="scene", quality=quality) for quality in ("low", "high"))
    assert 0.5 < np.abs(plain - grained).mean() < 4


# --- sheets and pixel art --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "size", "layout"),
    [
        ("sprite sheet, 6 frames in one row", (1536, 512), (6, 1, 6)),
        ("exactly six full-body poses in a single horizontal row", (1536, 512), (6, 1, 6)),
        ("a walk cycle, grid of 3 columns and 2 rows", (1536, 1024), (3, 2, 6)),
        ("5 frames in 3 columns and 2 rows", (1536, 1024), (3, 2, 5)),
        ("a 4x2 grid of sprites", (2048, 1024), (4, 2, 8)),
        ("sprite sheet with 5 frames, 3 columns and 2 rows", (1536, 1024), (3, 2, 5)),
        ("sprite sheet, 8 frames", (2048, 1024), (4, 2, 8)),
        ("sprite sheet, 6 frames", (1024, 1536), (2, 3, 6)),
        ("icon set: a sword, a shield, a key and a potion", (1024, 1024), (2, 2, 4)),
        ("asset sheet of a tree, a house and a bear in one row", (1536, 512), (3, 1, 3)),
        ("sprite sheet, 99 columns and 99 rows", (1024, 1024), None),
        ("an icon of a sword", (1024, 1024), None),
        ("six robots on a shelf", (1024, 1024), None),
        ("a 64x64 pixel art sword", (1024, 1024), None),
        ("a row of houses", (1024, 1024), None),
        ("two figures in the rain", (1024, 1024), None),
    ],
)
def test_layout_of_a_sheet(prompt, size, layout):
    """Rows, columns and frames are read from the words in which people and this package ask for them."""
    found = read_layout(prompt, size)
    assert (found and (found.columns, found.rows, found.count)) == layout


def cells(image, columns, rows):
    """The alpha of each cell, row by row."""
    height, width = image.shape[0] // rows, image.shape[1] // columns
    return [image[y * height :, x * width :, 3][:height, :width] for y in range(rows) for x in range(columns)]


SHEET = "sprite sheet: a fox that walks, grid of 3 columns and 2 rows"


def test_a_sheet_has_a_figure_in_every_cell():
    """Six figures of one size, each inside its cell a little off the middle, in six phases."""
    found = cells(paint(SHEET, size=(768, 512)), 3, 2)
    boxes = [np.argwhere(cell > 128) for cell in found]
    heights = [np.ptp(box[:, 0]) for box in boxes]
    middles = np.array([(box.max(axis=0) + box.min(axis=0)) / 2 for box in boxes])
    assert min(heights) > 120
    assert max(heights) / min(heights) < 1.3
    assert not any(cell[:3].any() or cell[-3:].any() or cell[:, :3].any() or cell[:, -3:].any() for cell in found)
    assert 1 < middles.std(axis=0).max() < 20
    shapes = [np.asarray(cell > 128) for cell in found]
    assert all((a != b).sum() > 300 for a, b in itertools.combinations(shapes, 2))


def test_an_asset_sheet_has_what_is_named():
    """A subject in each cell, in the order of the prompt, each inside its cell and unlike the others."""
    found = cells(paint("icon set: a sword, a shield, a key and a potion", size=(512, 512)), 2, 2)
    assert all((cell > 128).mean() > 0.05 for cell in found)
    assert not any(cell[:3].any() or cell[-3:].any() or cell[:, :3].any() or cell[:, -3:].any() for cell in found)
    widths = [np.ptp(np.nonzero(cell > 128)[1]) for cell in found]
    assert widths[0] < widths[1] > widths[2] < widths[3], "a sword and a key are slender"


@pytest.mark.parametrize("fault", SHEET_FAULTS)
def test_faults_of_a_sheet(fault):
    """Each is seen, and the other frames stay as they are."""
    sheet = "sprite sheet: a fox that walks, 5 frames in one row"
    good, bad = (paint(sheet, size=(1280, 256), fault=name) for name in ("", fault))
    covered = [[cell > 128 for cell in cells(image, 5, 1)] for image in (good, bad)]
    changed = [bool((a != b).any()) for a, b in zip(*covered, strict=True)]
    if fault == "extra frame":
        assert sum(cell.sum() > 800 for cell in (c > 128 for c in cells(bad, 6, 1))) == 6
        return
    assert sum(changed) == (2 if fault == "crossing frame" else 1)
    odd = changed.index(True)
    before, after = covered[0][odd], covered[1][odd]
    if fault == "missing frame":
        assert before.any()
        assert not after.any()
    if fault == "doubled frame":
        pieces = np.diff(np.flatnonzero(after.any(axis=0)))
        assert (pieces > 3).sum() == 1, "two figures with a gap between them"
    if fault == "crossing frame":
        assert after[:, -1].any()
        assert covered[1][odd + 1][:, 0].any()


def test_frames_of_an_animation_move():
    """Each phase differs from the others; the first and the last of a cycle are near each other."""
    recipe = Recipe(prompt="a fox", seed=5, width=256, height=256, backdrop="none")
    frames = [np.asarray(paint_image(replace(recipe, phase=n / 4)), np.float32) for n in range(5)]
    assert all(np.abs(frames[0] - frame).max() > 60 for frame in frames[1:4] if frame is not frames[2])
    assert np.abs(frames[0] - frames[4]).max() < 3


def test_pixel_art_has_squares_on_a_drifting_lattice():
    """Few colours; squares of about the same size, whose number of pixels is not whole and changes slowly."""
    image = paint("a cat, pixel art, at home", size=(1024, 1024), backdrop="scene")
    steps = np.abs(np.diff(image, axis=1)).max(axis=2)
    edges = np.flatnonzero((steps > 8).mean(axis=0) > 0.05)
    edges = edges[np.insert(np.diff(edges) > 3, 0, True)]
    pitches = np.diff(edges)
    pitch = np.median(pitches[(pitches > 10) & (pitches < 25)])
    assert 13 <= pitch <= 19
    assert len(set(pitches[(pitches > pitch - 3) & (pitches < pitch + 3)].tolist())) > 1
    middles = image[8::17, 8::17].reshape(-1, 3)
    assert len(np.unique(middles // 24, axis=0)) < 90


def test_pixel_art_has_no_half_clear_squares():
    alpha = paint("a sword, pixel art", size=(512, 512))[..., 3]
    assert ((alpha > 40) & (alpha < 215)).mean() < 0.05


# --- the reader of drawings ------------------------------------------------------------------------------------------


def area(outline):
    x, y = outline.T
    return abs(float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum())) / 2


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ('<path d="M0 0H10V10H0Z"/>', 100),
        ('<path d="m5 5h10v10h-10z"/>', 100),
        ('<path d="M0 0L10 0 10 10 0 10Z"/>', 100),
        ('<path d="M-10 0A10 10 0 0 1 10 0A10 10 0 0 1-10 0Z"/>', math.pi * 100),
        ('<path d="M10 0A10 10 0 1 0 0 10L0 0Z"/>', math.pi * 75),
        ('<path d="M10 0A10 10 0 0 1 0 10L0 0Z"/>', math.pi * 25),
        ('<path d="M0 0Q10 20 20 0Z"/>', 20 * 20 / 3),
        ('<path d="M0 0C0 10 20 10 20 0Z"/>', 120),
        ('<path d="M0 0C0 10 10 10 10 0S20-10 20 0Z"/>', 0),
        ('<circle cx="3" cy="4" r="10"/>', math.pi * 100),
        ('<ellipse cx="3" cy="4" rx="10" ry="5"/>', math.pi * 50),
        ('<rect x="1" y="1" width="20" height="10" rx="5"/>', 100 + math.pi * 25),
        ('<rect width="10" height="10" transform="translate(5 5) rotate(30) scale(2)"/>', 400),
    ],
)
def test_shapes_are_read(element, expected):
    """Each command and element encloses the area that geometry says."""
    [part] = parse_drawing(f'<svg fill="#000000">{element}</svg>').parts
    assert area(np.concatenate(part.outlines)) == pytest.approx(expected, rel=0.01, abs=0.3)


def test_groups_hand_down_and_uses_repeat():
    """A group's attributes hold for what is in it; a use is drawn at its transform, under its own name."""
    text = (
        '<svg><g id="arm" class="accent" fill="#ff0000" data-pivot="1 2"><circle r="5"/></g>'
        '<use id="other" href="#arm" transform="scale(-1 1)"/></svg>'
    )
    first, second = parse_drawing(text).parts
    assert (first.name, first.role, first.colour, first.pivot) == ("arm", "accent", (1.0, 0.0, 0.0), (1.0, 2.0))
    assert (second.name, second.pivot) == ("other", (-1.0, 2.0))


def test_drawings_keep_to_their_frame():
    """Every point of every drawing lies in or close to [-100, 100], so that nothing is cut off."""
    for name in drawing_names():
        for part in read_drawing(name).parts:
            points = np.concatenate(part.outlines)
            assert np.abs(points).max() <= 105, name


@pytest.mark.parametrize(
    ("prompt", "subjects"),
    [
        ("A fox at sea, picture book illustration.", ("fox",)),
        ("Request: a fox at sea\nStyle: a cat by a house, picture book", ("fox",)),
        ("A wizard reads a book.", ("wizard", "book")),
    ],
)
def test_a_style_is_not_a_subject(prompt, subjects):
    """A picture book is a style; what a style line names is not in the picture."""
    assert read_prompt(prompt).subjects == subjects
