"""Exports read back by what the engines' own formats say: every frame must come out as it went in."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from imagegen_magic.errors import OptionError, StoreError
from imagegen_magic.spritesheets.export import export_sprites
from imagegen_magic.spritesheets.icons import make_icons
from imagegen_magic.spritesheets.packing import pack_atlas
from imagegen_magic.spritesheets.sprites import Frames


def animation(name, count=5, size=(40, 48), seed=0):
    """Frames with a blob that moves, each of another size, and one empty frame's worth of clear border."""
    rng = np.random.default_rng(seed)
    frames = []
    for number in range(count):
        frame = np.zeros((size[1], size[0], 4), np.uint8)
        height, width = rng.integers(8, 30, 2)
        top, left = rng.integers(0, size[1] - height), rng.integers(0, size[0] - width)
        frame[top : top + height, left : left + width] = rng.integers(1, 256, (height, width, 4))
        frame[top : top + height, left : left + width, 3] = 255
        frames.append(frame)
        assert number < count
    return Frames(
        name=name, pixels=tuple(frames), durations=tuple(range(80, 80 + 10 * count, 10)), pivot=(20.0, 44.0), columns=3
    )


WALK, IDLE = animation("walk"), animation("idle", count=3, size=(32, 32), seed=4)
BOTH = [*WALK.pixels, *IDLE.pixels]


def read_texturepacker(text, folder):
    """Frames as PixiJS and Phaser rebuild them: the region pasted into the source size at spriteSourceSize."""
    content = json.loads(text)
    frames = content["frames"]
    listed = [(entry["filename"], entry) for entry in frames] if isinstance(frames, list) else list(frames.items())
    with Image.open(folder / content["meta"]["image"]) as image:
        atlas = image.convert("RGBA")
    assert content["meta"]["size"] == {"w": atlas.width, "h": atlas.height}
    found = {}
    for name, entry in listed:
        box, spot = entry["frame"], entry["spriteSourceSize"]
        assert entry["rotated"] is False
        assert (spot["w"], spot["h"]) == (box["w"], box["h"])
        whole = Image.new("RGBA", (entry["sourceSize"]["w"], entry["sourceSize"]["h"]))
        part = atlas.crop((box["x"], box["y"], box["x"] + box["w"], box["y"] + box["h"]))
        whole.paste(part, (spot["x"], spot["y"]))
        assert entry["trimmed"] == (whole.size != part.size)
        found[name] = np.array(whole)
    return found, content


def read_godot(text, folder):
    """Animations as Godot draws them: a region with its margin, times relative to the speed."""
    image = re.search(r'ext_resource type="Texture2D" path="res://([^"]+)" id="1"', text)[1]
    with Image.open(folder / image) as opened:
        atlas = opened.convert("RGBA")
    parts = {}
    for name, body in re.findall(r'\[sub_resource type="AtlasTexture" id="(\w+)"\]\n(.*?)\n\n', text, re.DOTALL):
        x, y, w, h = map(int, re.search(r"region = Rect2\((.*?)\)", body)[1].split(","))
        margin = re.search(r"margin = Rect2\((.*?)\)", body)
        left, top, more_w, more_h = map(int, margin[1].split(",")) if margin else (0, 0, 0, 0)
        whole = Image.new("RGBA", (w + more_w, h + more_h))
        whole.paste(atlas.crop((x, y, x + w, y + h)), (left, top))
        parts[name] = np.array(whole)
    steps = int(re.search(r"load_steps=(\d+)", text)[1])
    assert steps == 1 + len(parts) + 1
    animations = {}
    pattern = r'"frames": \[(.*?)\],\n"loop": (true|false),\n"name": &"(.*?)",\n"speed": ([\d.]+)'
    for frames, loop, name, speed in re.findall(pattern, text, re.DOTALL):
        pairs = re.findall(r'"duration": ([\d.]+),\n"texture": SubResource\("(\w+)"\)', frames)
        times = [round(1000 * float(duration) / float(speed)) for duration, _ in pairs]
        animations[name] = ([parts[texture] for _, texture in pairs], times, loop == "true")
    return animations


def same(found, wanted):
    """True if the frames are equal in every byte."""
    return len(found) == len(wanted) and all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("trim", ["frame", "animation", "none"])
@pytest.mark.parametrize("form", ["texturepacker", "texturepacker-array"])
def test_texturepacker_reads_back(tmp_path, form, trim):
    """Hash and array give every frame back, trimmed or not."""
    _, description = export_sprites([WALK, IDLE], tmp_path, formats=[form], name="hero", trim=trim)
    found, content = read_texturepacker(description.read_text(), tmp_path)
    assert list(found) == [f"walk-{n}" for n in range(1, 6)] + [f"idle-{n}" for n in range(1, 4)]
    assert same(list(found.values()), BOTH)
    assert content["animations"]["idle"] == ["idle-1", "idle-2", "idle-3"]
    first = content["frames"][0] if isinstance(content["frames"], list) else content["frames"]["walk-1"]
    assert first["anchor"] == first["pivot"] == {"x": 0.5, "y": pytest.approx(44 / 48, abs=1e-5)}


def test_aseprite_reads_back(tmp_path):
    """Frames are named by number, with times and tags."""
    _, description = export_sprites([WALK, IDLE], tmp_path, formats=["aseprite"])
    found, content = read_texturepacker(description.read_text(), tmp_path)
    assert list(found) == [str(number) for number in range(8)]
    assert same(list(found.values()), BOTH)
    assert [content["frames"][str(n)]["duration"] for n in range(8)] == [*WALK.durations, *IDLE.durations]
    tags = [(tag["name"], tag["from"], tag["to"]) for tag in content["meta"]["frameTags"]]
    assert tags == [("walk", 0, 4), ("idle", 5, 7)]
    assert content["meta"]["slices"][0]["keys"][0]["pivot"] == {"x": 20, "y": 44}


@pytest.mark.parametrize("trim", ["frame", "none"])
def test_godot_reads_back(tmp_path, trim):
    """Regions, margins, times and loops come back."""
    once = Frames(name="hit", pixels=IDLE.pixels, durations=(50, 60, 70), loops=False)
    _, resource = export_sprites([WALK, once], tmp_path, formats=["godot"], trim=trim)
    found = read_godot(resource.read_text(), tmp_path)
    assert same(found["walk"][0], WALK.pixels)
    assert found["walk"][1:] == (list(WALK.durations), True)
    assert same(found["hit"][0], once.pixels)
    assert found["hit"][1:] == ([50, 60, 70], False)


def test_css_steps(tmp_path):
    """The row has as many frames as the steps, and they are whole pixels apart."""
    row, text = export_sprites(replace(WALK, durations=(83, 84, 83, 83, 84)), tmp_path, formats=["css"])
    with Image.open(row) as image:
        assert image.size == (5 * 40, 48)
        assert np.array_equal(np.array(image)[:, 80:120], WALK.pixels[2])
    css = text.read_text()
    assert "417ms steps(5) infinite" in css
    assert "-200px 0" in css
    assert "prefers-reduced-motion" in css


def test_css_that_plays_once(tmp_path):
    """Each frame has its time, and the last stays: it takes none of the others'."""
    once = replace(WALK, durations=(100,) * 5, loops=False)
    css = export_sprites(once, tmp_path, formats=["css"])[1].read_text()
    assert "400ms steps(4) 1 forwards" in css
    assert "-160px 0" in css


@pytest.mark.parametrize("loops", [True, False])
def test_css_keeps_each_frames_time(tmp_path, loops):
    """Frames that are shown for different times have a place each in the animation."""
    css = export_sprites(replace(WALK, durations=(80, 80, 200, 40, 400), loops=loops), tmp_path, formats=["css"])
    text = css[1].read_text()
    assert f"800ms step-end {'infinite' if loops else '1 forwards'}" in text
    places = re.findall(r"([\d.]+)% { background-position: -(\d+)px", text)
    assert places[:5] == [("0", "0"), ("10", "40"), ("20", "80"), ("45", "120"), ("50", "160")]
    assert places[5:] == ([] if loops else [("100", "160")])


def test_css_class_of_a_number(tmp_path):
    """No class begins with a digit: browsers would drop the whole rule."""
    numbered = Frames(name="2walk", pixels=WALK.pixels, durations=WALK.durations)
    _, text = export_sprites(numbered, tmp_path, formats=["css"])
    assert text.read_text().startswith("._2walk {")


def test_sheet_and_frames(tmp_path):
    """Every PNG has the exact size, and cell i is frame i."""
    files = export_sprites(WALK, tmp_path, formats=["frames", "sheet"])
    assert [path.name for path in files] == [*(f"walk-{n}.png" for n in range(1, 6)), "walk-sheet.png"]
    for path, frame in zip(files, WALK.pixels, strict=False):
        with Image.open(path) as image:
            assert np.array_equal(np.array(image), frame)
    with Image.open(files[-1]) as image:
        assert image.size == (3 * 40, 2 * 48)
        assert np.array_equal(np.array(image)[48:, 40:80], WALK.pixels[4])


def test_same_frames_share_a_place():
    """A frame that comes twice is in the atlas once."""
    twice = Frames(name="a", pixels=(WALK.pixels[0], WALK.pixels[1], WALK.pixels[0]), durations=(1, 1, 1))
    atlas = pack_atlas([twice])
    assert atlas.entries[0].place == atlas.entries[2].place != atlas.entries[1].place
    assert same([atlas.frame(n) for n in range(3)], twice.pixels)


def test_nothing_overlaps_and_edges_are_repeated():
    """Places keep their padding; the ring around each repeats its edge."""
    atlas = pack_atlas([WALK, IDLE], padding=3, extrude=2)
    used = np.zeros(atlas.image.shape[:2], int)
    for entry in atlas.entries:
        box = entry.place
        used[max(0, box.top - 2) : box.bottom + 2, max(0, box.left - 2) : box.right + 2] += 1
        assert np.array_equal(
            atlas.image[box.top - 2, box.left : box.right], atlas.image[box.top, box.left : box.right]
        )
        assert np.array_equal(
            atlas.image[box.top : box.bottom, box.right + 1], atlas.image[box.top : box.bottom, box.right - 1]
        )
    assert used.max() == 1
    assert same([atlas.frame(number) for number in range(8)], BOTH)


def test_atlas_wastes_little():
    """Packing trimmed frames of many sizes leaves less than a quarter empty."""
    many = [animation(f"a{number}", count=8, seed=number) for number in range(6)]
    atlas = pack_atlas(many, padding=0)
    used = sum(entry.place.width * entry.place.height for entry in atlas.entries)
    assert used > 0.75 * atlas.size[0] * atlas.size[1]


def test_texture_limit():
    """An atlas never exceeds the edge given; what cannot fit is refused."""
    many = [animation(f"a{number}", count=8, seed=number) for number in range(6)]
    assert max(pack_atlas(many, max_edge=256).size) <= 256
    with pytest.raises(OptionError, match="do not fit into 64 x 64"):
        pack_atlas(many, max_edge=64)


@pytest.mark.parametrize("given", [{"trim": "tight"}, {"padding": -2}, {"extrude": -1}, {"padding": 1.5}])
def test_packing_that_cannot_be(given, tmp_path):
    """Frames that would overlap, or a word that nobody knows, are refused before anything is written."""
    with pytest.raises(OptionError, match=next(iter(given))):
        export_sprites(WALK, tmp_path, formats=["texturepacker"], **given)
    assert not list(tmp_path.iterdir())


def test_refusals(tmp_path):
    """Unknown formats, names that are no file's, two animations of one name, and files that are there already."""
    with pytest.raises(OptionError, match="not known"):
        export_sprites(WALK, tmp_path, formats=["unity"])
    with pytest.raises(OptionError, match="name"):
        export_sprites(Frames(name="../up", pixels=WALK.pixels, durations=WALK.durations), tmp_path)
    with pytest.raises(OptionError):
        export_sprites([WALK, WALK], tmp_path, formats=["godot"])
    with pytest.raises(OptionError, match="palette"):
        export_sprites(WALK, tmp_path, formats=["gpl"])
    assert not list(tmp_path.iterdir())
    export_sprites(WALK, tmp_path, formats=["sheet"])
    with pytest.raises(StoreError, match="nothing was written"):
        export_sprites(WALK, tmp_path, formats=["frames", "sheet"])
    assert [path.name for path in tmp_path.iterdir()] == ["walk-sheet.png"]
    assert len(export_sprites(WALK, tmp_path, formats=["frames", "sheet"], overwrite=True)) == 6


def round_subject(edge=700):
    """A red disc with a white middle on green."""
    y, x = np.mgrid[:edge, :edge] - edge // 2
    image = np.full((edge, edge, 3), (0, 255, 0), np.uint8)
    image[x**2 + y**2 < (0.4 * edge) ** 2] = (200, 30, 40)
    image[x**2 + y**2 < (0.15 * edge) ** 2] = (255, 255, 255)
    return image


def test_icons():
    """Each size is made, fills its square, and no key colour is left in it."""
    icons = make_icons(round_subject(), sizes=(16, 32, 256, 1024))
    for edge in (16, 32, 256, 1024):
        icon = np.array(icons[edge])
        assert icon.shape == (edge, edge, 4)
        assert icon[edge // 2, edge // 2].tolist() == [255, 255, 255, 255]
        assert icon[edge // 2, 0, 3] > 60, "it reaches the edge"
        shown = icon[..., 3] > 100
        assert (icon[shown][:, 1] <= icon[shown][:, 0].astype(int) + 8).all(), "no green"
    assert "1024 px" in icons.notes[0]


def test_a_speck_does_not_make_icons_smaller():
    """Residue in a corner is not part of the subject's box."""
    image = round_subject()
    plain = np.array(make_icons(image, sizes=(64,))[64])
    image[20:27, 20:27] = (90, 20, 160)
    assert np.array_equal(np.array(make_icons(image, sizes=(64,))[64])[..., 3] > 127, plain[..., 3] > 127)


def test_ico_and_icns():
    """Pillow finds each size in them, with the picture made for it."""
    icons = make_icons(round_subject(), sizes=(16, 64, 512))
    with Image.open(io.BytesIO(icons.ico())) as ico:
        assert ico.info["sizes"] == {(n, n) for n in (16, 24, 32, 48, 64, 128, 256)}
        for edge in (16, 64):
            assert np.array_equal(np.array(ico.ico.getimage((edge, edge)).convert("RGBA")), np.array(icons[edge]))
    data = icons.icns()
    assert int.from_bytes(data[4:8], "big") == len(data)
    with Image.open(io.BytesIO(data)) as icns:
        assert {size[0] * size[2] for size in icns.info["sizes"]} == {32, 64, 128, 256, 512}
        assert np.array_equal(np.array(icns.icns.getimage((512, 512, 1)).convert("RGBA")), icons.at(512))


def test_favicon_set(tmp_path):
    """A page's files: opaque where they must be, and a maskable icon whose art is inside the safe circle."""
    icons = make_icons(round_subject(), sizes=(32,), name="disc")
    icons.export(tmp_path, favicon=True, icns=True)
    with Image.open(tmp_path / "apple-touch-icon.png") as touch:
        assert touch.size == (180, 180)
        assert touch.mode == "RGB"
    with Image.open(tmp_path / "icon-maskable-192.png") as image:
        pixels = np.array(image)
    y, x = np.mgrid[:192, :192] - 95.5
    outside = x**2 + y**2 > (0.4 * 192 + 1) ** 2
    assert (pixels[outside] == 255).all()
    assert (pixels[96, 96 - 70] != 255).any()
    manifest = json.loads((tmp_path / "site.webmanifest").read_text())
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        assert (tmp_path / icon["src"].lstrip("/")).is_file()
    for name in ("disc.ico", "disc.icns", "disc-32.png", "disc-contact.png", "favicon.ico"):
        assert (tmp_path / name).stat().st_size > 100


def test_small_icons_are_sharper_than_plain_averaging():
    """Sharpening raises the contrast at an inner edge, and stays out of the largest size."""
    from imagegen_magic.spritesheets.placing import resized

    icons = make_icons(round_subject(), sizes=(32,))
    plain = resized(icons.master, (32, 32))
    assert np.ptp(np.array(icons[32])[16, :, 1].astype(int)) >= np.ptp(plain[16, :, 1].astype(int))
    steps = np.abs(np.diff(np.array(icons[32])[16, 6:26, 1].astype(int))).max()
    assert steps > np.abs(np.diff(plain[16, 6:26, 1].astype(int))).max()


def test_icons_of_a_small_subject_are_not_enlarged_unasked():
    """A subject of 81 pixels has no entry of 128 or more in an .ico or .icns, unless a size of the set asks for it."""
    small = make_icons(round_subject(100), sizes=(16, 32))
    with Image.open(io.BytesIO(small.ico())) as ico, Image.open(io.BytesIO(small.icns())) as icns:
        assert max(ico.info["sizes"]) == (64, 64)
        assert max(size[0] * size[2] for size in icns.info["sizes"]) == 64
    asked = make_icons(round_subject(100), sizes=(256,))
    assert "enlarged" in asked.notes[0]
    with Image.open(io.BytesIO(asked.ico())) as ico:
        assert max(ico.info["sizes"]) == (256, 256)


@pytest.mark.parametrize("given", [{"margin": -1}, {"margin": 0.6}, {"sizes": "16,32"}])
def test_icons_that_cannot_be(given):
    """Each is a card that names the argument."""
    with pytest.raises(OptionError, match=next(iter(given))):
        make_icons(round_subject(100), **given)


@pytest.mark.parametrize("sizes", [(), (4,), (2048,), (16.5,)])
def test_icon_sizes_that_cannot_be(sizes):
    """Sizes outside of 8 to 1024 are refused."""
    with pytest.raises(OptionError):
        make_icons(round_subject(100), sizes=sizes)
