"""`cutout` and `cutout_many`: what comes in, what comes out, what the knobs do, what is refused."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from cutout_render import Delivery, render
from cutout_subjects import SUBJECTS
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageColor

import imagegen_magic
from imagegen_magic.errors import CutoutError, OptionError
from imagegen_magic.matting.backdrop_fit import estimate_backdrop
from imagegen_magic.matting.cutout import cutout, cutout_many
from imagegen_magic.matting.loading import load_picture
from imagegen_magic.matting.scene import find_silhouette, read_scene
from imagegen_magic.matting.unmixing import at_once, in_chunks
from imagegen_magic.matting.window import MARGIN, window_of

GREEN, RED = (0, 255, 0), (200, 30, 40)


def on_key(colour=RED, key=GREEN, side=64, box=None):
    """A square of one colour on a flat key, (side, side, 3) uint8."""
    image = np.empty((side, side, 3), np.uint8)
    image[:] = key
    low, high = box or (side // 4, side - side // 4)
    image[low:high, low:high] = colour
    return image


def disc(colour=RED, key=GREEN, side=96, radius=30):
    """A disc with a soft edge on a flat key, and its true alpha (side, side), 0..1."""
    big = np.zeros((8 * side, 8 * side), np.uint8)
    cv2.circle(big, (4 * side, 4 * side), 8 * radius, 255, -1)
    alpha = cv2.resize(big, (side, side), interpolation=cv2.INTER_AREA)[..., None] / 255
    mixed = alpha * np.array(colour) + (1 - alpha) * np.array(key)
    return np.rint(mixed).astype(np.uint8), alpha[..., 0]


def encoded(pixels, form="PNG", **how):
    buffer = io.BytesIO()
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(buffer, form, **how)
    return buffer.getvalue()


def decoded(data):
    with Image.open(io.BytesIO(data)) as picture:
        return np.array(picture.convert("RGBA"))


SQUARE = np.pad(np.full((32, 32), 255, np.uint8), 16)
"""The alpha that `on_key()` must give."""


def test_a_square_is_cut_out_exactly():
    """A hard edge stays hard: alpha 0 or 255 as painted, the subject's colour untouched, nothing where clear."""
    cut = cutout(on_key())
    assert np.array_equal(cut.alpha, SQUARE)
    assert (cut.foreground[SQUARE == 255] == RED).all()
    assert not cut.foreground[SQUARE == 0].any()
    assert cut.key == "#00ff00"
    assert cut.report.status == "pass"
    assert cut.image.mode == "RGBA"
    assert np.array_equal(np.asarray(cut.image), cut.rgba)


@pytest.mark.parametrize("side", [4, 5, 8, 12, 16, 20, 33])
def test_small_pictures(side):
    """From 4 pixels a side on, a square comes out as painted."""
    cut = cutout(on_key(side=side))
    assert int((cut.alpha == 255).sum()) == (side - 2 * (side // 4)) ** 2
    assert int((cut.alpha > 0).sum()) == int((cut.alpha == 255).sum())


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (3, 3), (2, 40)])
def test_tiny_pictures_of_nothing(shape):
    """A picture of backdrop alone, however small, is clear all over, and its report fails."""
    cut = cutout(np.full((*shape, 3), GREEN, np.uint8))
    assert not cut.alpha.any()
    assert cut.report.check("coverage").status == "fail"


def test_soft_edge_carries_no_key():
    """Coverage at a soft edge is found within 3 %, and the colour there is the subject's, at every alpha."""
    image, alpha = disc()
    cut = cutout(image)
    assert np.abs(cut.alpha / 255 - alpha).max() < 0.03
    seen = cut.foreground[cut.alpha > 25].astype(int)
    assert np.abs(seen - RED).max() <= 12
    faint = cut.foreground[(cut.alpha > 0) & (cut.alpha <= 25)].astype(int)
    assert (faint[:, 1] - faint[:, [0, 2]].max(axis=1)).max(initial=0) <= 0


def test_holes_in_rings_are_cleared():
    """The backdrop inside a ring goes, whatever does not touch the border."""
    image = on_key(side=128, box=(20, 108))
    image[44:84, 44:84] = GREEN
    cut = cutout(image)
    assert not cut.alpha[44:84, 44:84].any()
    assert (cut.alpha[20:44, 20:108] == 255).all()
    assert cut.report.check("enclosed_gaps").value == 1


@pytest.mark.parametrize("tint", [(70, 120, 50), (90, 140, 60), (40, 110, 60)])
def test_key_tinted_subject_stays_opaque(tint):
    """An opaque subject in a tint of the key has no holes; the report asks, unless a word has decided it."""
    image, alpha = disc(colour=tint, side=128, radius=44)
    cut = cutout(image)
    assert (cut.alpha[alpha == 1] >= 250).all()
    assert cut.report.check("key_tint").status == "warn"
    glass = cutout(image, subject="translucent")
    assert glass.alpha[64, 64] < 230
    assert glass.report.check("key_tint").status == "pass"


@pytest.mark.parametrize(
    "key", [(0, 255, 0), (255, 0, 255), (0, 0, 255), (255, 0, 0), (0, 255, 255), (255, 255, 0), (255, 128, 0),
            (60, 180, 90), (255, 255, 255), (0, 0, 0), (128, 128, 128)]
)  # fmt: skip
def test_any_flat_colour_is_a_key(key):
    """Grey, white and off keys work too."""
    cut = cutout(on_key(colour=(150, 90, 200), key=key, side=128))
    assert np.array_equal(cut.alpha, np.pad(np.full((64, 64), 255, np.uint8), 32))


def test_a_wrong_key_is_only_a_hint():
    """The border is believed over a key that is not there."""
    cut = cutout(on_key(), key="#ff00ff")
    assert cut.key == "#00ff00"
    assert np.array_equal(cut.alpha, SQUARE)


@pytest.mark.parametrize("amount", [0.1, 0.5, 1.0])
def test_vignette_and_noise(amount):
    """A backdrop that darkens towards the corners and is noisy is still backdrop."""
    image, alpha = disc(side=256, radius=80)
    y, x = (np.mgrid[0:256, 0:256] / 256 - 0.5) ** 2
    shade = np.where(alpha[..., None] == 0, 1 - amount * (x + y)[..., None], 1)
    noise = np.random.default_rng(5).normal(0, 2, image.shape)
    cut = cutout(np.clip(image * shade + noise, 0, 255).astype(np.uint8))
    assert (cut.alpha[alpha == 0] > 5).mean() < 0.005
    assert (cut.alpha[alpha == 1] >= 242).all()


def test_subject_touching_two_borders():
    """A subject cut off by the frame keeps its corner, and the report says that it touches."""
    image = on_key(side=128, box=(0, 70))
    cut = cutout(image)
    assert (cut.alpha[:70, :70] == 255).all()
    assert not cut.alpha[71:, 71:].any()
    assert cut.report.check("subject_touches_border").status == "warn"


@given(
    st.tuples(*[st.integers(0, 255)] * 3),
    st.integers(0, 3),
    st.sampled_from([(0, 255, 0), (255, 0, 255), (0, 0, 255)]),
    st.integers(0, 2**32 - 1),
)
@example((0, 191, 0), 1, (0, 255, 0), 0)  # as far from the key as a pixel must be to count as subject: noise decides
@example((30, 191, 30), 2, (0, 255, 0), 1)
@settings(max_examples=40)
def test_composited_over_the_key_it_is_the_input(colour, noise, key, seed):
    """Whatever was taken for backdrop, putting it back gives the delivered picture, within the noise.

    A subject in the key's own colour is left out: there the backdrop is put back with the subject's shade of it.
    """
    assume(max(abs(c - k) for c, k in zip(colour, key, strict=True)) >= 32)
    image, _ = disc(colour=colour, key=key, side=64, radius=20)
    rough = np.random.default_rng(seed).normal(0, noise, image.shape)
    image = np.clip(np.rint(image + rough), 0, 255).astype(np.uint8)
    cut = cutout(image, despill=False)
    weight = cut.alpha[..., None] / 255
    again = weight * cut.foreground + (1 - weight) * np.array(cut.backdrop.key)
    assert np.abs(again - image).mean() <= 1.0 + noise
    assert np.abs(again - image).max() <= 4 + 6 * noise


@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
@settings(max_examples=25)
def test_no_flat_border_is_refused(seed, cell):
    """A picture of many colours is refused with the share found, never mangled."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 256, (-(-160 // cell), -(-160 // cell), 3), dtype=np.uint8)
    image = np.kron(cells, np.ones((cell, cell, 1), np.uint8))[:160, :160]
    share = estimate_backdrop(image).share
    if share >= 0.35:
        assert cutout(image).alpha.shape == (160, 160)
        return
    with pytest.raises(CutoutError, match=f"only {share:.0%} of the border is one colour .*at least 35%"):
        cutout(image)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_transparent_already(seed):
    """A picture with transparency comes back as it is, and so does every cut-out of a cut-out."""
    rgba = np.random.default_rng(seed).integers(0, 256, (24, 32, 4), dtype=np.uint8)
    rgba[0, 0, 3] = 0
    first = cutout(rgba)
    assert np.array_equal(first.rgba, rgba)
    assert first.key is None
    assert np.array_equal(cutout(first.image).rgba, rgba)
    assert np.array_equal(cutout(first.to_bytes("png")).rgba, rgba)


@given(st.integers(0, 2**32 - 1), st.integers(2, 24), st.floats(0.3, 1))
@settings(max_examples=30)
def test_every_output_is_valid(seed, side, share):
    """Any picture with some flat border gives a cut-out of its size whose clear pixels hold no colour."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (side, side + 3, 3), dtype=np.uint8)
    image[rng.random(image.shape[:2]) < share] = GREEN
    try:
        cut = cutout(image)
    except CutoutError:
        return
    assert cut.alpha.shape == image.shape[:2]
    assert not cut.foreground[cut.alpha == 0].any()
    assert cut.report.status in ("pass", "warn", "fail")


def test_opaque_alpha_channel_is_no_transparency():
    """RGBA that is opaque everywhere is keyed like RGB."""
    rgba = np.dstack([on_key(), np.full((64, 64), 255, np.uint8)])
    assert np.array_equal(cutout(rgba).alpha, SQUARE)


def test_16_bit():
    """16-bit samples are rounded to 8 bits: arrays and grey files."""
    deep = on_key().astype(np.uint16) * 257
    assert np.array_equal(cutout(deep).rgba, cutout(on_key()).rgba)
    grey = np.full((64, 64), 65535, np.uint16)
    grey[16:48, 16:48] = 20000
    cut = cutout(encoded(grey))
    assert np.array_equal(cut.alpha, SQUARE)
    assert (cut.foreground[20, 20] == round(20000 / 257)).all()


def test_grey_and_palette():
    """A grey picture on white, and a palette picture, are read as what they show."""
    grey = np.full((64, 64), 255, np.uint8)
    grey[16:48, 16:48] = 70
    assert np.array_equal(cutout(grey).alpha, SQUARE)
    assert np.array_equal(cutout(encoded(grey)).alpha, SQUARE)
    palette = Image.fromarray(on_key()).quantize(4)
    assert np.array_equal(cutout(encoded(palette)).alpha, SQUARE)
    assert np.array_equal(cutout(encoded(palette, "GIF")).alpha, SQUARE)


def test_palette_with_a_transparent_colour():
    """Transparency in a palette is transparency."""
    palette = Image.fromarray(on_key()).quantize(4)
    data = encoded(palette, transparency=palette.getpixel((0, 0)))
    cut = cutout(data)
    assert cut.key is None
    assert np.array_equal(cut.alpha, SQUARE)


def test_webp_and_jpeg_in():
    """Lossless WebP is exact; JPEG's softened edge is off by less than 3 pixels."""
    assert np.array_equal(cutout(encoded(on_key(), "WEBP", lossless=True)).alpha, SQUARE)
    image, alpha = disc(side=192, radius=60)
    cut = cutout(encoded(image, "JPEG", quality=90))
    deep, far = (cv2.erode((mask).astype(np.uint8), np.ones((7, 7))) > 0 for mask in (alpha == 1, alpha == 0))
    assert (cut.alpha[deep] == 255).all()
    assert (cut.alpha[far] <= 8).mean() > 0.999


def test_exif_orientation():
    """The cut-out is upright."""
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: shown turned by 90 degrees clockwise
    image = on_key(side=64)
    image[4:8, 4:30] = (30, 30, 200)
    cut = cutout(encoded(image, exif=exif.tobytes()))
    assert np.array_equal(cut.rgba, np.rot90(cutout(image).rgba, -1))


def test_icc_profile_goes_along():
    """An RGB profile is in the PNG and the WebP; one for grey would be wrong there and is left out."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    cut = cutout(encoded(on_key(), icc_profile=srgb))
    for form in ("png", "webp"):
        with Image.open(io.BytesIO(cut.to_bytes(form))) as picture:
            assert picture.info["icc_profile"] == srgb
    assert cut.image.info["icc_profile"] == srgb
    grey = srgb[:16] + b"GRAY" + srgb[20:]
    assert load_picture(encoded(np.full((8, 8), 255, np.uint8), icc_profile=grey))[2] is None


def test_files_out(folder):
    """PNG and WebP hold the same pixels; another suffix is refused; a failed write leaves nothing behind."""
    cut = cutout(on_key())
    for name in ("cut.png", "cut.webp"):
        assert cut.save(folder / name) == folder / name
        assert np.array_equal(decoded((folder / name).read_bytes()), cut.rgba)
    with pytest.raises(CutoutError, match=r"cut\.jpg: a cut-out needs \.png or \.webp"):
        cut.save(folder / "cut.jpg")
    (folder / "taken.png").mkdir()
    with pytest.raises(CutoutError, match=r"taken\.png is a folder"):
        cut.save(folder / "taken.png")
    assert sorted(path.name for path in folder.iterdir()) == ["cut.png", "cut.webp", "taken.png"]


def test_shows_itself_on_a_checkerboard():
    """The preview has the checkerboard; the picture has not."""
    data, _ = cutout(on_key())._repr_mimebundle_()
    assert {"image/png", "image/jpeg"} & set(data)
    assert "the checkerboard is in this preview only" in data["text/plain"]


def test_paths_bytes_images_and_arrays(folder):
    """All four give the same cut-out, and the caller's image is not touched."""
    Image.fromarray(on_key()).save(folder / "a.png")
    picture = Image.fromarray(on_key())
    before = picture.tobytes()
    sources = (folder / "a.png", "a.png", (folder / "a.png").read_bytes(), picture, on_key())
    assert all(np.array_equal(imagegen_magic.cutout(source).alpha, SQUARE) for source in sources)
    assert picture.tobytes() == before


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("nowhere.png", "there is no such file"),
        (b"GIF89a and then nothing", "not a picture that Pillow can read"),
        (Image.new("CMYK", (8, 8)), "CMYK pixels cannot be keyed"),
        (Image.new("F", (8, 8)), "F pixels cannot be keyed"),
        (np.zeros((8, 8, 3), np.float32), "pixels must be uint8 or uint16"),
        (np.zeros((8, 8, 5), np.uint8), "pixels must be uint8 or uint16"),
        (np.zeros((0, 8, 3), np.uint8), "pixels must be uint8 or uint16"),
    ],
)
def test_what_is_no_picture(image, words):
    """Refused with a reason."""
    with pytest.raises(CutoutError, match=words):
        cutout(image)


def test_a_damaged_file():
    """A file that ends in the middle is refused, not filled with grey."""
    data = encoded(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    with pytest.raises(CutoutError, match="damaged"):
        cutout(data[: len(data) // 2])


def test_too_many_pixels():
    """More than 100 megapixels are refused from the header."""
    with pytest.raises(CutoutError, match=r"10001 x 10000 is more than 100 megapixels"):
        cutout(encoded(Image.new("1", (10_001, 10_000))))


def test_edge_contract():
    """Every pixel of it takes one pixel off the edge."""
    assert np.array_equal(cutout(on_key(), edge_contract=2).alpha, np.pad(np.full((28, 28), 255, np.uint8), 18))


def test_edge_feather():
    """The edge becomes a ramp around where it was; inside and outside stay."""
    alpha = cutout(on_key(), edge_feather=1.5).alpha
    row = alpha[32, 8:32].astype(int)
    assert (np.diff(row) >= 0).all()
    assert row[0] == 0
    assert row[-1] == 255
    assert abs(row[7] + row[8] - 255) <= 2


def test_hard_key():
    """Without the soft matte every pixel is clear or opaque, by its distance from the key."""
    image = on_key()
    image[20, 20], image[21, 21] = (12, 243, 12), (13, 255, 0)
    alpha = cutout(image, soft_matte=False, tolerance=12).alpha
    assert set(np.unique(alpha)) == {0, 255}
    assert alpha[20, 20] == 0
    assert alpha[21, 21] == 255


def test_thresholds():
    """They force what is near the key to clear and what is far from it to opaque; the wrong way round is refused."""
    image, _ = disc(colour=(0, 0, 0))
    distance = np.abs(image.astype(int) - GREEN).max(axis=2)
    alpha = cutout(image, transparent_threshold=100, opaque_threshold=180).alpha
    assert not alpha[distance <= 100].any()
    assert (alpha[distance >= 180] == 255).all()
    with pytest.raises(CutoutError, match="transparent_threshold 100 must be below opaque_threshold 50"):
        cutout(image, transparent_threshold=100, opaque_threshold=50)


def test_auto_key():
    """The key is measured along the border or in the corners, or taken at its word."""
    image = on_key(side=128)
    image[30:98, :8] = image[30:98, -8:] = image[:8, 30:98] = image[-8:, 30:98] = (250, 250, 250)
    assert cutout(image, auto_key="corners").key == "#00ff00"
    assert cutout(on_key(), key="#02fe01", auto_key="none").key == "#02fe01"
    with pytest.raises(CutoutError, match='auto_key="none" needs a key colour'):
        cutout(image, auto_key="none")
    with pytest.raises(CutoutError, match="no flat backdrop: only 0% of the border"):
        cutout(image, key="#ff00ff", auto_key="none")


@pytest.mark.parametrize("key", ["green", "#00ff00", "0f0", (0, 255, 0)])
def test_ways_to_say_a_key(key):
    """Names, hex colours and levels."""
    assert cutout(on_key(), key=key).key == "#00ff00"


def test_a_key_that_is_none():
    """Refused with the rule."""
    with pytest.raises(OptionError, match="key colour"):
        cutout(on_key(), key="greenish")


def test_despill():
    """Key light on the subject is taken off with it, and left on without."""
    image, alpha = disc(colour=(180, 180, 180), side=256, radius=80)
    near = cv2.GaussianBlur((1 - alpha).astype(np.float32), (0, 0), 5)[..., None]
    lit = np.where(alpha[..., None] == 1, image + 0.2 * np.clip(2 * near, 0, 1) * np.array(GREEN), image)
    lit = np.clip(lit, 0, 255).astype(np.uint8)
    rim = (alpha == 1) & (near[..., 0] > 0.1)
    tint = {on: cutout(lit, despill=on).foreground[rim].astype(int) for on in (True, False)}
    green = {on: float((seen[:, 1] - seen[:, 0]).mean()) for on, seen in tint.items()}
    assert green[False] > 10
    assert green[True] < 0.4 * green[False]


def test_many(folder):
    """Files come out in order, one that cannot be cut out gives its error, an executor changes nothing else."""
    for name, image in (("a", on_key()), ("c", on_key(colour=(20, 20, 90)))):
        Image.fromarray(image).save(folder / f"{name}.png")
    (folder / "b.png").write_bytes(b"no picture")
    paths = [folder / f"{name}.png" for name in "abc"]
    alone = cutout_many(paths, out_dir=folder / "one", suffix=".webp", edge_contract=1)
    assert [path.name for path in (alone[0], alone[2])] == ["a.webp", "c.webp"]
    assert isinstance(alone[1], CutoutError)
    with ThreadPoolExecutor(2) as pool:
        pooled = cutout_many(paths, out_dir=folder / "two", executor=pool)
    assert [getattr(each, "name", type(each)) for each in pooled] == ["a.png", CutoutError, "c.png"]
    assert np.array_equal(decoded(pooled[0].read_bytes())[..., 3], SQUARE)


@pytest.mark.parametrize("key", ["#0000ff", "#00ff00", "#ff00ff"])
@pytest.mark.parametrize("sampling", [0, 2], ids=["4:4:4", "4:2:0"])
def test_colour_of_half_the_resolution_is_seen_on_every_backdrop(key, sampling):
    """One channel shows it: on blue, red is clipped. Colour of full resolution is never taken for it."""
    truth = np.zeros((400, 400, 3), np.uint8)
    truth[:] = ImageColor.getrgb(key)
    for at in range(30, 350, 45):
        cv2.circle(truth, (at, at + 12), 17, (90, 150, 70), -1, cv2.LINE_AA)
    file = io.BytesIO()
    Image.fromarray(truth).save(file, "JPEG", quality=90, subsampling=sampling)
    assert estimate_backdrop(np.asarray(Image.open(file))).compressed == (sampling == 2)


def test_ringing_is_no_haze():
    """Flat opaque parts in a tint of the key stay opaque, although a decoder's errors reach into their notches."""
    delivery = Delivery(key="#00ff00", delivered="#05f807", ringing=1.0, noise=0.6, drift=2.0, seed=100)
    picture, truth = render(SUBJECTS["icons"](np.random.default_rng(100)), delivery)
    deep = cv2.erode((truth[..., 3] == 255).astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    assert (cutout(picture, key="#00ff00").alpha[deep] == 255).all()


def test_only_the_part_with_the_subject_is_solved():
    """The window holds the subject and a margin; the backdrop behind its pixels is the frame's, drift and all."""
    picture = np.empty((600, 900, 3), np.uint8)
    picture[:] = np.linspace((0, 230, 0), (30, 255, 20), 900)
    picture[380:420, 600:700] = (200, 40, 30)
    backdrop = estimate_backdrop(picture)
    found = find_silhouette(picture, backdrop)
    scene = read_scene(found, window_of(found.mask))
    rows, columns = scene.window
    assert rows.start <= 380 - MARGIN
    assert rows.stop >= 420 + MARGIN
    assert rows.stop - rows.start < 200
    assert columns.start <= 600 - MARGIN
    assert columns.stop >= 700 + MARGIN
    assert columns.stop - columns.start < 260
    assert np.array_equal(scene.framed(scene.silhouette), found.mask)
    row, column = np.nonzero(scene.silhouette)
    inside = row * scene.silhouette.shape[1] + column
    whole = (row + rows.start) * 900 + column + columns.start
    assert np.array_equal(scene.backdrop.at(inside, scene.silhouette.shape), backdrop.at(whole, (600, 900)))


def test_a_window_that_is_most_of_the_frame_is_the_frame():
    """Cutting it out would take longer than it saves; a frame without a subject has no window either."""
    solid = np.zeros((500, 500), np.uint8)
    assert window_of(solid) == (slice(0, 500), slice(0, 500))
    solid[30:480, 20:490] = 1
    assert window_of(solid) == (slice(0, 500), slice(0, 500))


@pytest.mark.parametrize(("count", "parts"), [(0, 0), (5, 1), (10, 1), (11, 2), (20, 2), (21, 4), (90, 10)])
def test_slices_are_shared_out_evenly(count, parts):
    """All of 0..count once, in slices of one length and an even number of them, so that neither thread waits."""
    seen = []
    in_chunks(count, lambda part: seen.append((part.start, part.stop)), size=10)
    assert sorted(place for start, stop in seen for place in range(start, stop)) == list(range(count))
    lengths = sorted(stop - start for start, stop in seen)
    assert len(seen) == parts
    assert not seen or lengths[-1] <= 10
    assert len(set(lengths[1:])) <= 1


@pytest.mark.parametrize("bad", [0, 1])
def test_what_fails_beside_another_call_is_raised(bad):
    """Of two calls at once, an error of either comes out."""
    calls = [lambda: 1 // 1, lambda: 2 // 1]
    assert at_once(*calls) == (1, 2)
    calls[bad] = lambda: 1 // 0
    with pytest.raises(ZeroDivisionError):
        at_once(*calls)
