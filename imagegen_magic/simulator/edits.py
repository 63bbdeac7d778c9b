"""What an edit does to its input pictures."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from .drawing import Recipe, paint_image
from .drawing.painting import on_key
from .drawing.recipe import seed_of
from .drawing.scenes import names_surroundings
from .drawing.sheets import read_layout
from .drawing.stamp import stamp_corner, stamp_foot
from .drawing.styles import Style, read_style
from .drawing.wording import key_colour, named_subject
from .encoding import find_recipe, opened
from .rules import Job

__all__ = ["edit_image", "first_recipe"]

_REMOVE = re.compile(
    r"\b(remove|erase|delete|replace|change|swap|cut out)\b[\w\s,-]{0,40}\b(background|backdrop)\b", re.IGNORECASE
)
_BORDER_DISTANCE = 60
_THERE = re.compile(
    r"\b(?:beside|next to|near|behind|under|below|above|on top of|in front of|(?:left|right) of) the(?: \w+){1,2}",
    re.IGNORECASE,
)
"""Where something is added: "a cat beside the mug" is one cat, since the mug is there."""
_IN_PLACE = re.compile(r"\b(replace|remove|erase|delete|swap|instead)\b", re.IGNORECASE)


def first_recipe(job: Job, drift: float) -> Recipe | None:
    """The recipe of the first input on the backdrop, at the place or in the style that the prompt asks for, or None.

    None stands for edits that keep the input's pixels, and for pictures that the simulator did not make.
    `drift` moves the redrawn subject by that many pixels, as a real model does.
    """
    recipe = None if job.mask is not None or job.markup is not None else find_recipe(job.images[0].data)
    if recipe is None:
        return None
    shift = recipe.shift[0] + drift, recipe.shift[1] - drift / 2
    backdrop = "none" if job.background == "transparent" else key_colour(job.prompt)
    redrawn = replace(recipe, backdrop=backdrop or "scene", width=job.size[0], height=job.size[1], shift=shift)
    place, light = names_surroundings(job.prompt)
    elsewhere = len(job.images) == 1 and (place or light or read_style(job.prompt) != Style())
    if read_layout(job.prompt, job.size) or (backdrop is None and elsewhere and not _REMOVE.search(job.prompt)):
        # The same figure in a sheet, at another place, in another light or style; a place that is not named stays.
        prompt = job.prompt if place or backdrop else f"{recipe.prompt}\n{job.prompt}"
        return replace(redrawn, prompt=prompt, figure=recipe.figure or recipe.prompt)
    return redrawn if backdrop or _REMOVE.search(job.prompt) else None


def edit_image(job: Job, recipe: Recipe) -> Image.Image:
    """The edited picture, RGB or RGBA, of the job's size.

    With a mask, only its transparent area is drawn anew. Otherwise the first input stays, the prompt's subject is added
    (over the marks, if a markup came along), and further inputs are pinned to the lower edge in their order.
    """
    backdrop, size = key_colour(job.prompt), job.size
    base = open_image(job.images[0].data)
    if job.mask is not None:
        return _masked(job, recipe, base)
    if read_layout(job.prompt, size):  # of a picture that is not ours: the figure is the prompt's
        ground = "none" if job.background == "transparent" else backdrop or "scene"
        return paint_image(replace(recipe, backdrop=ground))
    image = ImageOps.fit(base, size, Image.Resampling.LANCZOS)
    if job.background == "transparent" or backdrop is not None:
        subject = _cut(image)
        stamp_foot(subject)
        if backdrop is None or job.background == "transparent":
            return subject
        return on_key(subject, replace(recipe, backdrop=backdrop))
    image = _over_white(image)
    box = _marked(job, size) or (int(size[0] * 0.04), int(size[1] * 0.52), int(size[0] * 0.40), int(size[1] * 0.96))
    _add_subject(image, recipe, box)
    _pin(image, [open_image(upload.data) for upload in job.images[1:]])
    return stamp_corner(image)


def open_image(data: bytes) -> Image.Image:
    """The decoded picture, upright, RGB or RGBA."""
    with opened(data) as image:
        upright = ImageOps.exif_transpose(image)
        return upright.convert("RGBA" if upright.has_transparency_data else "RGB")


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    flat = Image.new("RGB", image.size, (255, 255, 255))
    flat.paste(image, (0, 0), image)
    return flat


def _masked(job: Job, recipe: Recipe, base: Image.Image) -> Image.Image:
    """The first input with a new drawing where the mask is transparent; its other pixels are kept as they are."""
    assert job.mask is not None
    hole = open_image(job.mask.data).convert("RGBA").getchannel("A").point([255 - value for value in range(256)])
    box = hole.getbbox()
    if box is not None:
        base.paste(_drawn_anew(recipe, base, hole, box), (0, 0), hole)
    return base if base.size == job.size else ImageOps.fit(base, job.size, Image.Resampling.LANCZOS)


def _drawn_anew(recipe: Recipe, base: Image.Image, hole: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """What shows through the hole: the prompt's subject in front of what is there, or a picture in its place."""
    if named_subject(recipe.prompt) is None or _IN_PLACE.search(recipe.prompt) or box == (0, 0, *base.size):
        width, height = max(32, box[2] - box[0]), max(32, box[3] - box[1])
        drawn = Image.new(base.mode, base.size)
        drawn.paste(paint_image(replace(recipe, width=width, height=height, backdrop="scene")), box[:2])
        return drawn
    drawn = base.copy()
    _add_subject(drawn, recipe, box)
    drawn.paste(stamp_corner(_over_white(drawn.crop(box))), box[:2])
    return drawn


def _marked(job: Job, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The box that the markup's strokes cover, in pixels of the answer."""
    if job.markup is None:
        return None
    marks = open_image(job.markup.data).convert("RGBA").getchannel("A").resize(size).point([0] * 32 + [255] * 224)
    return marks.getbbox()


def _add_subject(image: Image.Image, recipe: Recipe, box: tuple[int, int, int, int]) -> None:
    edge = max(48, min(box[2] - box[0], box[3] - box[1]))
    new = _THERE.sub("", recipe.prompt)
    recipe = recipe if named_subject(new) is None else replace(recipe, prompt=new)
    subject = paint_image(replace(recipe, width=edge, height=edge, backdrop="none", stamped=False))
    x = (box[0] + box[2] - edge) // 2
    y = (box[1] + box[3] - edge) // 2
    image.paste(subject, (x, y), subject)


def _pin(image: Image.Image, others: list[Image.Image]) -> None:
    """Small framed copies of the further inputs, from left to right along the upper edge."""
    if not others:
        return
    edge = int(min(image.width / max(6, len(others) + 1), image.height / 5))
    gap, frame = max(4, edge // 10), max(2, edge // 24)
    for number, other in enumerate(others):
        card = ImageOps.expand(
            ImageOps.fit(_over_white(other), (edge - 2 * frame, edge - 2 * frame)), frame, (252, 250, 245)
        )
        shadow = Image.new("L", (edge + 4 * gap, edge + 4 * gap))
        ImageDraw.Draw(shadow).rectangle((2 * gap, 2 * gap, 2 * gap + edge, 2 * gap + edge), fill=90)
        shadow = shadow.filter(ImageFilter.GaussianBlur(gap * 0.7))
        x, y = gap + number * (edge + gap), gap
        image.paste((20, 20, 30), (x - 2 * gap, y - 2 * gap + gap // 3), shadow)
        image.paste(card, (x, y))


def _cut(image: Image.Image) -> Image.Image:
    """The subject of a foreign picture: its own alpha, or whatever differs from the colour of its border."""
    if image.mode == "RGBA":
        return image
    pixels = np.asarray(image, np.int16)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    distance = np.abs(pixels - np.median(border, axis=0).astype(np.int16)).sum(axis=2)
    alpha = Image.fromarray(np.clip(distance * 255 // _BORDER_DISTANCE, 0, 255).astype(np.uint8), "L")
    cut = image.convert("RGBA")
    cut.putalpha(alpha)
    return cut


def edit_recipe(job: Job, number: int) -> Recipe:
    """The recipe of what the prompt adds to picture `number` of an edit."""
    inputs = tuple(upload.part().sha256 for upload in job.images)
    seed = seed_of(job.prompt, job.model.id, inputs, number)
    return Recipe(prompt=job.prompt, seed=seed, width=job.size[0], height=job.size[1], quality=job.quality)
