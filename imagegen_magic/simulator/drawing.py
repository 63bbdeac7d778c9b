"""Pictures: a shaded subject with anti-aliased edges, on a scene, a flat backdrop, or nothing.

A picture is a function of its `Recipe`: equal recipes give equal pixels. Shading is computed small and enlarged; only
edges are drawn at full size, so that a 4K picture takes about a second.
"""

from __future__ import annotations

import colorsys
import hashlib
import json
import random
import re
from dataclasses import asdict, dataclass, replace

import numpy as np
from PIL import Image

from .painting import fix_tag, paint, stamp_corner
from .scenes import hills, room, with_grain
from .shapes import Colour, Outline, Part, ellipse, shade
from .subjects import choose_subject, draw_subject, named_subject

__all__ = [
    "Recipe",
    "key_colour",
    "paint_picture",
    "paint_subject",
    "read_recipe",
    "rgb",
    "seed_of",
    "stamp_corner",
    "subject_parts",
]

_COLOURS: dict[str, Colour] = {
    "red": (0.83, 0.25, 0.24), "orange": (0.95, 0.55, 0.22), "yellow": (0.96, 0.79, 0.30), "green": (0.33, 0.60, 0.38),
    "teal": (0.20, 0.60, 0.62), "blue": (0.27, 0.47, 0.78), "navy": (0.17, 0.24, 0.45), "purple": (0.55, 0.38, 0.72),
    "pink": (0.94, 0.58, 0.66), "brown": (0.55, 0.37, 0.25), "black": (0.20, 0.20, 0.24), "white": (0.95, 0.95, 0.93),
    "grey": (0.60, 0.63, 0.68), "gray": (0.60, 0.63, 0.68), "gold": (0.93, 0.71, 0.28), "turquoise": (0.28, 0.72, 0.70),
    "lavender": (0.72, 0.66, 0.88), "coral": (0.95, 0.50, 0.42), "cream": (0.97, 0.92, 0.82),
    "mint": (0.62, 0.85, 0.72),
}  # fmt: skip
_PALETTES: tuple[tuple[str, str], ...] = (
    ("coral", "teal"), ("blue", "yellow"), ("teal", "orange"), ("purple", "yellow"), ("yellow", "blue"),
    ("turquoise", "coral"), ("red", "cream"), ("pink", "navy"), ("orange", "navy"), ("lavender", "gold"),
    ("navy", "coral"), ("mint", "pink"),
)  # fmt: skip
_KEY_NAMES = {
    "green": "#00ff00",
    "magenta": "#ff00ff",
    "blue": "#0000ff",
    "cyan": "#00ffff",
    "red": "#ff0000",
    "white": "#ffffff",
    "black": "#000000",
    "yellow": "#ffff00",
}
_BACKDROP = r"(chroma|key|backdrop|background|screen)"
_LANDSCAPE = (
    r"\b(landscape|mountains?|hills?|valley|desert|dunes?|sea|ocean|beach|lake|sunset|sunrise|dawn|skyline|canyon|meadow"
    r"|fields?|forest|island)\b"
)
_NEAR_HUE = 0.13
_SHADOW = r"\b(soft|drop|contact|cast|with)( \w+)? shadow\b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that a picture depends on. `backdrop` is `scene`, `none` (transparent) or `#rrggbb`."""

    prompt: str
    seed: int
    width: int
    height: int
    quality: str = "medium"
    backdrop: str = "scene"
    shift: tuple[float, float] = (0.0, 0.0)
    """Offset of the subject in pixels, right and down: the drift of a redrawn picture."""

    def to_text(self) -> str:
        """JSON that `read_recipe` reads."""
        return json.dumps(asdict(self))


def read_recipe(text: str) -> Recipe | None:
    """The recipe of `Recipe.to_text`, or None where the text is something else."""
    try:
        values = json.loads(text)
        return Recipe(**{**values, "shift": tuple(values["shift"])})
    except (ValueError, TypeError, KeyError):
        return None


def seed_of(*content: object) -> int:
    """A number that depends on nothing but the content."""
    return int.from_bytes(hashlib.sha256(repr(content).encode()).digest()[:8], "big")


def key_colour(prompt: str) -> str | None:
    """`#rrggbb` of the flat backdrop that a prompt asks for, or None where it asks for none."""
    for match in re.finditer(r"#([0-9a-fA-F]{6})\b", prompt):
        around = prompt[max(0, match.start() - 120) : match.end() + 60]
        if re.search(_BACKDROP, around, re.IGNORECASE):
            return match[0].lower()
    names = "|".join(_KEY_NAMES)
    plain = re.search(
        rf"\b(?:flat|solid|pure|chroma[- ]key|uniform)[\w\s,-]{{0,40}}?\b({names})\b[\w\s,-]{{0,20}}{_BACKDROP}",
        prompt,
        re.IGNORECASE,
    )
    screen = re.search(rf"\b({names})[- ]?screen\b", prompt, re.IGNORECASE)
    found = plain or screen
    return _KEY_NAMES[found[1].lower()] if found else None


def subject_parts(recipe: Recipe) -> list[Part]:
    """The subject of the recipe's prompt, from back to front."""
    rng = random.Random(recipe.seed)  # noqa: S311 - pictures, not secrets
    name = choose_subject(recipe.prompt, rng)
    main, accent = _palette(recipe, rng)
    parts = draw_subject(name, main, accent, recipe.prompt, rng)
    stretch = np.array([rng.choice((-1, 1)) * rng.uniform(0.92, 1.06), 1.0]) * rng.uniform(0.90, 1.03)
    foot = np.array([0.0, 0.95])
    return [_reshaped(part, stretch, foot) for part in parts]


def _reshaped(part: Part, stretch: Outline, foot: Outline) -> Part:
    """The part stretched about the subject's foot; a negative stretch mirrors it."""
    outline, *more = ((points - foot) * stretch + foot for points in (part.outline, *part.more))
    holes = tuple((points - foot) * stretch + foot for points in part.holes)
    return replace(part, outline=outline, more=tuple(more), holes=holes)


def _palette(recipe: Recipe, rng: random.Random) -> tuple[Colour, Colour]:
    """Main and second colour: those named in the prompt, else a pair by chance; never near a key backdrop."""
    first, second = rng.choice(_PALETTES)
    text = re.split(rf"#[0-9a-f]{{6}}|{_BACKDROP}", recipe.prompt, maxsplit=1, flags=re.IGNORECASE)[0]
    named = re.findall(rf"\b({'|'.join(_COLOURS)})\b", text, re.IGNORECASE)
    main = _COLOURS[named[0].lower()] if named else _COLOURS[first]
    accent = _COLOURS[named[1].lower()] if len(named) > 1 else _COLOURS[second]
    key = key_colour(recipe.prompt)
    turn = rng.uniform(-0.03, 0.03)
    if not named:
        main = _apart(shade(main, turn=turn), key)
    if len(named) <= 1:
        accent = _apart(shade(accent, turn=turn), key)
    return main, accent


def _apart(colour: Colour, key: str | None) -> Colour:
    """The colour, or its opposite where its hue is too near to that of a key backdrop."""
    if key is None:
        return colour
    red, green, blue = rgb(key)
    hue, _, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
    distance = abs((colorsys.rgb_to_hls(*colour)[0] - hue + 0.5) % 1 - 0.5)
    return shade(colour, turn=0.5) if saturation and distance < _NEAR_HUE else colour


def rgb(text: str) -> tuple[int, int, int]:
    """Red, green, blue of 0..255 from `#rrggbb`."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def paint_picture(recipe: Recipe) -> Image.Image:
    """The picture, stamped: RGBA where the backdrop is `none`, else RGB, (height, width) as the recipe says."""
    size = recipe.width, recipe.height
    if recipe.backdrop == "scene":
        rng = random.Random(recipe.seed + 1)  # noqa: S311
        if re.search(_LANDSCAPE, recipe.prompt, re.IGNORECASE) and named_subject(recipe.prompt) is None:
            return stamp_corner(with_grain(hills(size, _palette(recipe, rng), rng), recipe.quality, recipe.seed))
        picture = room(size, _palette(recipe, rng)[0], recipe.prompt, rng)
        subject = paint_subject(recipe, shadow=True, tag=False)
        picture.paste(subject, (0, 0), subject)
        return stamp_corner(with_grain(picture, recipe.quality, recipe.seed))
    subject = paint_subject(recipe, shadow=_wants_shadow(recipe.prompt), tag=True)
    if recipe.backdrop == "none":
        return subject
    picture = Image.new("RGB", size, rgb(recipe.backdrop))
    picture.paste(subject, (0, 0), subject)
    return picture


def _wants_shadow(prompt: str) -> bool:
    """Whether a sentence asks for a shadow; one that says "no shadow" does not."""
    sentences = [
        text for text in re.split(r"[.;:\n]", prompt) if not re.search(r"\b(no|not|without)\b", text, re.IGNORECASE)
    ]
    return any(re.search(_SHADOW, text, re.IGNORECASE) for text in sentences)


def paint_subject(recipe: Recipe, *, shadow: bool, tag: bool) -> Image.Image:
    """The subject alone, RGBA with straight alpha; `tag` fixes the label SIMULATED to its foot."""
    canvas = Image.new("RGBA", (recipe.width, recipe.height))
    scale = 0.375 * min(recipe.width, recipe.height)
    middle = recipe.width / 2 + recipe.shift[0], recipe.height * 0.505 + recipe.shift[1]
    parts = subject_parts(recipe)
    if shadow:
        fall = Part(
            outline=ellipse(0.10, 0.93, 0.86, 0.13), colour=(0.05, 0.05, 0.10), form="flat", opacity=0.42, soft=0.09
        )
        parts = [fall, *parts]
    for part in parts:
        paint(canvas, part, middle, scale)
    if tag:
        fix_tag(canvas)
    return canvas
