"""How often a verdict of `checks` is right, on drawn pictures whose right answer is known.

Every check gets 60 pictures that are as expected and 60 that are not, each drawn anew from its own seed. A fault that is found
is a true positive: precision says how many alarms were right, recall how many faults were found.

    python benchmarks/check_verdicts.py [--seed N] [--cases N] [--show CHECK]
"""

from __future__ import annotations

import argparse
import io
import random
import tempfile
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from imagegen_magic.checks import ocr
from imagegen_magic.checks.colors import distance, to_oklab
from imagegen_magic.checks.running import Context, check_image
from imagegen_magic.tables import Table

BRAND = ("#0b3d91", "#fc3d21", "#ffffff", "#1f1f1f")
FRESH = 9_000
"""First seed of the reported run; the bounds were chosen on seeds below it."""


# drawing


def color(chance, *, dark=None):
    """A random colour: any, a dark or a light one."""
    low, high = (0, 90) if dark else (150, 255) if dark is False else (0, 255)
    return tuple(chance.randint(low, high) for _ in range(3))


def size_of(chance):
    return chance.choice([(512, 512), (640, 480), (768, 1024), (1024, 1024)])


def shapes(chance, size, fill, count=None, *, inset=0.05, round_only=False):
    """A layer (RGBA) with random filled shapes, drawn large and scaled down, so that edges are smooth."""
    width, height = (2 * value for value in size)
    layer = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(layer)
    for _ in range(count or chance.randint(3, 7)):
        w, h = (int(value * chance.uniform(0.12, 0.4)) for value in (width, height))
        x = chance.randint(int(width * inset), max(int(width * inset), int(width * (1 - inset)) - w))
        y = chance.randint(int(height * inset), max(int(height * inset), int(height * (1 - inset)) - h))
        square = [draw.rectangle, partial(draw.rounded_rectangle, radius=min(w, h) // 4)]
        paint = chance.choice([draw.ellipse, *([] if round_only else square)])
        paint((x, y, x + w, y + h), fill=(*fill(chance), 255))
    return layer.resize(size, Image.Resampling.LANCZOS)


def scene(chance, size, *, noise=True):
    """A picture with large areas, shapes and a texture, such as a rendering has."""
    top, low = (np.array(color(chance), float) for _ in range(2))
    share = np.linspace(0, 1, size[1])[:, None, None]
    base = np.broadcast_to(top * (1 - share) + low * share, (size[1], size[0], 3)).copy()
    if noise:
        base += np.random.default_rng(chance.randrange(2**31)).normal(0, chance.uniform(1, 5), base.shape)
    image = Image.fromarray(base.clip(0, 255).astype(np.uint8)).convert("RGBA")
    image.alpha_composite(shapes(chance, size, color, chance.randint(5, 10), inset=0))
    return image.convert("RGB")


def jpeg(image, quality=90):
    """The picture after a trip through JPEG."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def speckled(image, amount, chance):
    """The picture with noise of that many levels."""
    pixels = np.asarray(image.convert("RGB"), float)
    return Image.fromarray(
        (pixels + np.random.default_rng(chance.randrange(2**31)).normal(0, amount, pixels.shape))
        .clip(0, 255)
        .astype(np.uint8)
    )


def on(layer, ground):
    """A layer on a flat colour, opaque."""
    image = Image.new("RGBA", layer.size, (*ground, 255))
    image.alpha_composite(layer)
    return image.convert("RGB")


# cases: (chance, good) -> (picture, expectation, context)


def alpha(chance, good):
    layer = shapes(chance, size_of(chance), color)
    if good:
        return layer.filter(ImageFilter.GaussianBlur(chance.choice([0, 1, 3]))), "alpha", None
    kind = chance.randrange(4)
    if kind == 0:
        return on(layer, color(chance)), "alpha", None
    if kind == 1:
        tiles = (np.indices((layer.height, layer.width)) // 16).sum(0) % 2
        board = Image.fromarray(np.where(tiles[..., None], 255, 204).repeat(3, -1).astype(np.uint8)).convert("RGBA")
        board.alpha_composite(layer)
        return board, "alpha", None
    return Image.new("RGBA", layer.size, (*color(chance), 0 if kind == 2 else 255)), "alpha", None


def clean_edge(chance, good):
    """A cut-out with a clean edge, or with a fault that shows: spill in the subject's own colour is none."""
    while True:
        clean, image = cut_out(chance, good)
        if good or np.quantile(seen_difference(clean, image), 0.98) > 0.05:
            return image, "alpha clean", None


def seen_difference(one, other):
    """ΔE-OK along the edge of two cut-outs on grey."""
    on_grey = [np.asarray(on(image, (128, 128, 128)).convert("RGB")) for image in (one, other)]
    apart = distance(*map(to_oklab, on_grey))
    touched = apart > 0.01
    return apart[touched] if touched.any() else np.zeros(1)


def cut_out(chance, good):
    """(the clean cut-out, the same or one with a fault)."""
    layer = outlined(chance)
    rgba = np.asarray(layer).copy()
    inside = rgba[..., 3:] / 255
    if good:
        soft = chance.choice([0, 0, 1, 2])
        clean = Image.fromarray(solid_colors(rgba, soft))
        return clean, clean
    clean = Image.fromarray(solid_colors(rgba, 0))
    kind = chance.randrange(4)
    if kind == 0:  # a rim of the white ground came along
        wide = np.asarray(layer.getchannel("A").filter(ImageFilter.GaussianBlur(1.5))) / 255
        mixed = rgba[..., :3] * inside + 255.0 * (1 - inside)
        grown = np.clip(wide * 2.2, 0, 1)[..., None] * 255
        return clean, Image.fromarray(np.dstack([mixed, grown]).clip(0, 255).astype(np.uint8))
    if kind == 1:  # the alpha is right, and the edge kept the colour of the backdrop
        ground = np.array(chance.choice([(0, 255, 0), (255, 0, 255), (0, 0, 255), (255, 255, 255)]), float)
        soft = Image.fromarray(solid_colors(rgba, chance.choice([0, 1])))
        data = np.asarray(soft).astype(float)
        share = data[..., 3:] / 255
        mixed = data[..., :3] * share + ground * (1 - share)
        return clean, Image.fromarray(np.dstack([mixed, data[..., 3]]).astype(np.uint8))
    data = solid_colors(rgba, 0)
    generator = np.random.default_rng(chance.randrange(2**31))
    if kind == 2:
        faint = generator.uniform(9, 40, data.shape[:2]) * (generator.random(data.shape[:2]) < chance.uniform(0.1, 0.9))
        data[..., 3] = np.maximum(data[..., 3], faint.astype(np.uint8))
    else:
        for _ in range(chance.randint(150, 600)):
            x, y, r = chance.randrange(data.shape[1] - 6), chance.randrange(data.shape[0] - 6), chance.randint(1, 3)
            if not data[max(0, y - 4) : y + 9, max(0, x - 4) : x + 9, 3].any():
                data[y : y + r, x : x + r] = (*color(chance), chance.randint(120, 255))
    return clean, Image.fromarray(data)


def outlined(chance):
    """Shapes with a hard or soft edge, half of them with an outline of another colour."""
    size = size_of(chance)
    layer = shapes(chance, size, color, inset=0.1)
    if chance.random() < 0.5:
        grown = layer.getchannel("A").filter(ImageFilter.MaxFilter(chance.choice([13, 17, 21])))
        under = Image.new("RGBA", size, (*color(chance), 255))
        under.putalpha(grown)
        under.alpha_composite(layer)
        layer = under
    return layer


def solid_colors(rgba, soft):
    """The colours of the solid subject carried outwards, as a good cut-out has them; the alpha a little softer."""
    hollow = (rgba[..., 3] < 255).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(hollow, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    colors = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
    colors[nearest[hollow == 0]] = rgba[..., :3][hollow == 0]
    edge = Image.fromarray(rgba[..., 3])
    edge = edge.filter(ImageFilter.GaussianBlur(soft)) if soft else edge
    return np.dstack([colors[nearest], np.asarray(edge)])


def coverage(chance, good):
    size = (600, 600)
    side = chance.uniform(0.5, 0.85) if good else chance.choice([chance.uniform(0.1, 0.4), chance.uniform(0.93, 0.98)])
    layer = Image.new("RGBA", size)
    edge = int(600 * side)
    ImageDraw.Draw(layer).rectangle(
        (300 - edge // 2, 300 - edge // 2, 300 + edge // 2, 300 + edge // 2), fill=(*color(chance), 255)
    )
    return layer, "alpha 0.2..0.8", None


def size(chance, good):
    width, height = chance.choice([(1024, 1024), (1536, 1024), (800, 450)])
    asked = chance.choice(
        [f"size={width}x{height}", f"size={width}:{height}", f"size >={width}x{height}", f"size <={width}x{height}"]
    )
    if not good:
        if ">" in asked:
            width -= chance.randint(1, 64)
        elif "<" in asked:
            height += chance.randint(1, 64)
        elif ":" in asked:
            width = int(width * chance.uniform(1.03, 1.5))
        else:
            width, height = height + 1, width
    return Image.new("RGB", (width, height)), asked, None


def palette(chance, good):
    colors = [tuple(bytes.fromhex(text[1:])) for text in BRAND]
    dims = size_of(chance)

    def fill(chance):
        return chance.choice(colors)

    image = on(shapes(chance, dims, fill, 6), chance.choice(colors))
    if not good:
        off = off_brand(chance, colors)
        layer = Image.new("RGBA", dims)
        w, h = (int(value * chance.uniform(0.37, 0.8)) for value in dims)
        ImageDraw.Draw(layer).rectangle((20, 20, 20 + w, 20 + h), fill=(*off, 255))
        image = image.convert("RGBA")
        image.alpha_composite(layer)
    expectation = f"palette={','.join(BRAND)}"
    return jpeg(image, chance.choice([85, 95])) if chance.random() < 0.5 else image, expectation, None


def off_brand(chance, colors):
    """A colour that a designer would send back: at least 0.09 ΔE-OK from each of the palette."""
    while True:
        found = color(chance)
        if min(float(distance(to_oklab(np.uint8(found)), to_oklab(np.uint8(c)))) for c in colors) > 0.09:
            return found


def background(chance, good):
    dims = size_of(chance)
    asked = chance.choice(["#ffffff", "#000000", "#f4efe6", "transparent"])
    layer = shapes(chance, dims, color, inset=0.1)
    if asked == "transparent":
        return (layer if good else on(layer, color(chance))), f"background={asked}", None
    ground = tuple(bytes.fromhex(asked[1:]))
    if good:
        image = on(layer, ground)
        return jpeg(image, chance.choice([80, 95])) if chance.random() < 0.5 else image, f"background={asked}", None
    kind = chance.randrange(3)
    if kind == 0:
        other = tuple(int(np.clip(v + chance.choice([-1, 1]) * chance.randint(14, 40), 0, 255)) for v in ground)
        other = other if max(abs(a - b) for a, b in zip(other, ground, strict=True)) >= 12 else (128, 128, 128)
        return on(layer, other), f"background={asked}", None
    if kind == 1:
        image = scene(chance, dims)
        image.paste(layer, mask=layer.getchannel("A"))
        return image, f"background={asked}", None
    falloff = np.linspace(0, chance.randint(50, 120), dims[0])[None, :, None]
    sign = -1 if sum(ground) > 380 else 1
    pixels = (
        np.broadcast_to(np.array(ground, float) + sign * falloff, (dims[1], dims[0], 3)).clip(0, 255).astype(np.uint8)
    )
    image = Image.fromarray(pixels)
    image.paste(layer, mask=layer.getchannel("A"))
    return image, f"background={asked}", None


def outside_mask(chance, good):
    dims = (640, 640)
    original = scene(chance, dims)
    mask = Image.new("RGBA", dims, (0, 0, 0, 255))
    ImageDraw.Draw(mask).rectangle((200, 200, 440, 440), fill=(0, 0, 0, 0))
    edited = original.copy()
    edited.paste(scene(chance, (240, 240)), (200, 200))
    if good:
        kind = chance.randrange(3)
        edited = [edited, jpeg(edited, 92), speckled(edited, 2, chance)][kind]
    else:
        kind = chance.randrange(4)
        if kind == 0:
            edited = scene(chance, dims)
        elif kind == 1:
            edited = ImageEnhance.Brightness(edited).enhance(chance.choice([0.7, 1.4]))
        elif kind == 2:
            w = chance.randint(75, 180)
            edited.paste(color(chance), (5, 5, 5 + w, 5 + w))
            edited.paste((255, 0, 255), (450, 450, 450 + w, 450 + w))
        else:
            moved = Image.new("RGB", dims)
            moved.paste(edited, (chance.randint(8, 30), chance.randint(8, 30)))
            edited = moved
    return edited, "outside-mask unchanged", Context(original=png(original), mask=png(mask))


def png(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def seamless(chance, good):
    if good:
        return tile(chance), "seamless", None
    kind = chance.randrange(3)
    if kind == 0:
        return scene(chance, (512, 512)), "seamless", None
    if kind == 1:  # a crop of a tile does not repeat
        whole = tile(chance)
        cut = chance.randint(int(512 * 0.55), int(512 * 0.85))
        return whole.crop((0, 0, cut, 512)), "seamless", None
    ramp = np.linspace(chance.randint(20, 90), chance.randint(150, 250), 512)
    pixels = np.broadcast_to(ramp[None, :, None], (512, 512, 3)).astype(np.uint8)
    return speckled(Image.fromarray(pixels), 3, chance), "seamless", None


def tile(chance):
    """A picture that repeats: round shapes and waves wrapped around its edges; a straight edge that falls on a seam looks like one."""
    big = shapes(chance, (512, 512), color, chance.randint(6, 12), inset=0.01, round_only=True)
    generator = np.random.default_rng(chance.randrange(2**31))
    y, x = np.mgrid[0:512, 0:512] * (2 * np.pi / 512)
    base = np.stack(
        [
            128
            + 60
            * sum(
                np.sin(generator.integers(-4, 5) * x + generator.integers(-4, 5) * y + generator.uniform(0, 6))
                for _ in range(4)
            )
            / 2
            for _ in range(3)
        ],
        -1,
    )
    base += generator.normal(0, chance.uniform(0, 12), base.shape)
    image = Image.fromarray(base.clip(0, 255).astype(np.uint8)).convert("RGBA")
    for _ in range(2):
        shift = (chance.randrange(512), chance.randrange(512))
        image.alpha_composite(Image.fromarray(np.roll(np.asarray(big), shift, (0, 1))))
    rolled = np.roll(np.asarray(image.convert("RGB")), (chance.randrange(512), chance.randrange(512)), (0, 1))
    return Image.fromarray(np.ascontiguousarray(rolled))


def wcag(one, two):
    """The contrast of two colours, written from the formula of WCAG 2.2 once more."""

    def light(rgb):
        parts = [v / 255 / 12.92 if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in rgb]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((light(one), light(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def contrast(chance, good):
    dims = size_of(chance)
    while True:
        subject, ground = color(chance), color(chance)
        ratio = wcag(subject, ground)
        if (ratio > 3.3) if good else (ratio < 2.7):
            break
    layer = shapes(chance, dims, lambda chance: subject, inset=0.1)
    if chance.random() < 0.4:
        return layer, "contrast=#{:02x}{:02x}{:02x}".format(*ground), None
    image = on(layer, ground)
    return jpeg(image) if chance.random() < 0.5 else image, "contrast", None


def sharp(chance, good):
    dims = chance.choice([(256, 256), (512, 512), (1024, 768), (1536, 1024)])
    image = scene(chance, dims)
    draw = ImageDraw.Draw(image)
    for _ in range(20):
        x, y = chance.randrange(dims[0]), chance.randrange(dims[1])
        draw.line((x, y, x + chance.randint(-90, 90), y + chance.randint(-90, 90)), fill=color(chance), width=2)
    if good:
        if chance.random() < 0.4:  # an out-of-focus background behind a sharp subject
            soft = image.filter(ImageFilter.GaussianBlur(dims[0] / 60))
            box = tuple(int(v) for v in (dims[0] * 0.25, dims[1] * 0.25, dims[0] * 0.8, dims[1] * 0.8))
            soft.paste(image.crop(box), box[:2])
            image = soft
        return jpeg(image) if chance.random() < 0.5 else image, "sharp", None
    if chance.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(chance.uniform(2, 8)))
    else:
        factor = chance.choice([5, 8])
        image = image.resize((dims[0] // factor, dims[1] // factor), Image.Resampling.LANCZOS).resize(
            dims, Image.Resampling.BICUBIC
        )
    return jpeg(image) if chance.random() < 0.5 else image, "sharp", None


def not_blank(chance, good):
    dims = size_of(chance)
    if good:
        kind = chance.randrange(3)
        if kind == 0:
            return scene(chance, dims), "not-blank", None
        layer = shapes(chance, dims, lambda chance: color(chance, dark=True), 1)
        return (layer if kind == 1 else on(layer, color(chance, dark=False))), "not-blank", None
    kind = chance.randrange(4)
    flat = Image.new("RGB", dims, color(chance))
    if kind == 0:
        return flat, "not-blank", None
    if kind == 1:
        return jpeg(speckled(flat, chance.uniform(1, 6), chance), 80), "not-blank", None
    if kind == 2:
        return Image.new("RGBA", dims, (*color(chance), 0)), "not-blank", None
    hidden = scene(chance, dims).convert("RGBA")
    hidden.putalpha(0)
    return hidden, "not-blank", None


def same_as(chance, good, folder):
    dims = (512, 512)
    original = scene(chance, dims)
    path = folder / f"{chance.randrange(2**31)}.png"
    original.save(path)
    if good:
        kind = chance.randrange(5)
        image = (
            jpeg(original, 75), original.resize((400, 400)), original.quantize(64).convert("RGB"),
            ImageEnhance.Brightness(original).enhance(1.03), speckled(original, 3, chance),
        )[kind]  # fmt: skip
    else:
        kind = chance.randrange(4)
        image = (
            scene(chance, dims), ImageOps.mirror(original), Image.merge("RGB", original.split()[1:] + original.split()[:1]),
            original.crop((60, 60, 452, 452)).resize(dims),
        )[kind]  # fmt: skip
    return image, f"same-as={path}", None


def text(chance, good):
    words = chance.choice(
        ["SALE", "SUMMER SALE", "Fresh Bread", "OPEN", "Book Fair", "Happy Birthday", "MENU", "Grand Hotel"]
    )
    shown = words
    if not good:
        kind = chance.randrange(3)
        at = chance.choice([i for i, letter in enumerate(words) if letter != " "])
        wrong = chance.choice([c for c in "ABDEGHKMNRTUWXZ" if c.casefold() != words[at].casefold()])
        shown = ("", "WELCOME", words[:at] + wrong + words[at + 1 :])[kind]
    ground = color(chance, dark=False)
    image = Image.new("RGB", (900, 500), ground)
    font = ImageFont.load_default(chance.randint(60, 110))
    draw = ImageDraw.Draw(image)
    left, top, right, low = draw.textbbox((0, 0), shown, font=font)
    draw.text(((900 - right + left) / 2, (500 - low + top) / 2), shown, fill=color(chance, dark=True), font=font)
    image = image.rotate(chance.uniform(-2, 2), fillcolor=ground, resample=Image.Resampling.BICUBIC)
    return jpeg(image), f'text="{words}"', None


def callable_check(chance, good):
    wide = (300, 200) if good else (200, 300)

    def is_wide(image):
        return image.width > image.height

    return Image.new("RGB", wide, color(chance)), is_wide, None


CASES = {
    "alpha": alpha, "alpha clean": clean_edge, "alpha 0.2..0.8": coverage, "size": size, "palette": palette,
    "background": background, "outside-mask": outside_mask, "seamless": seamless, "contrast": contrast, "sharp": sharp,
    "not-blank": not_blank, "same-as": same_as, "text": text, "a callable": callable_check,
}  # fmt: skip


def verdict_counts(make, count, seed, *, show=False):
    """(true alarms, false alarms, missed faults, rightly passed, seconds a picture) over `count` good and `count` bad pictures."""
    right = {(good, passed): 0 for good in (True, False) for passed in (True, False)}
    seconds = 0.0
    for number in range(2 * count):
        good = number % 2 == 0
        chance = random.Random(seed * 1_000 + number)
        image, expectation, context = make(chance, good)
        started = time.perf_counter()
        verdict = check_image(image, [expectation], context=context).verdicts[0]
        seconds += time.perf_counter() - started
        assert verdict.passed is not None, verdict
        right[good, verdict.passed] += 1
        if show:
            mark = "" if good == verdict.passed else "   <-- WRONG"
            print("good" if good else "bad ", f"{verdict.value}", verdict, mark)
            if mark:
                image.save(f"wrong-{number}.png")
    return right[False, False], right[True, False], right[False, True], right[True, True], seconds / (2 * count)


def measure(count=24, seed=FRESH, names=(), *, show=False, folder=None):
    """One row a check: cases, true and false verdicts, precision, recall, milliseconds."""
    rows = []
    for name, make in CASES.items():
        if (names and name not in names) or (name == "text" and ocr.find_reader() is None):
            continue
        case = partial(make, folder=folder) if name == "same-as" else make
        hit, alarm, missed, passed, seconds = verdict_counts(case, count, seed, show=show)
        precision = hit / (hit + alarm) if hit + alarm else 0.0
        rows.append(
            (
                name,
                2 * count,
                hit,
                passed,
                alarm,
                missed,
                round(precision, 3),
                round(hit / (hit + missed), 3),
                round(seconds * 1000),
            )
        )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=FRESH)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--show", nargs="*", default=[])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(given.cases, given.seed, given.show, show=bool(given.show), folder=Path(folder))
    columns = (
        "check",
        "pictures",
        "faults found",
        "good passed",
        "false alarms",
        "faults missed",
        "precision",
        "recall",
        "ms",
    )
    print(Table(columns=columns, rows=rows))


if __name__ == "__main__":
    main()
