"""Expectations: how they are read, what each measures, what files and reports say. Rates of error: benchmarks/check_verdicts.py."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from check_verdicts import CASES, measure, wcag
from PIL import Image, ImageDraw

import imagegen_magic
from imagegen_magic.checks import ocr
from imagegen_magic.checks.colors import contrast_ratio, distance, luminance, to_oklab
from imagegen_magic.checks.expectations import CHECKS, parse_expectations
from imagegen_magic.checks.files import check, check_files, image_files, junit_xml, reports_table
from imagegen_magic.checks.running import Context, check_image, prepare
from imagegen_magic.checks.verdicts import Bound, CheckReport, Verdict
from imagegen_magic.cli import main
from imagegen_magic.errors import OptionError
from imagegen_magic.options.table import BY_NAME


def drawn(size=(96, 64), ground=(255, 255, 255), shape=(20, 30, 120), mode="RGB"):
    """An ellipse on a flat ground, or on nothing with mode RGBA."""
    image = Image.new(mode, size, ground if mode == "RGB" else (0, 0, 0, 0))
    width, height = size
    ImageDraw.Draw(image).ellipse((width // 4, height // 4, 3 * width // 4, 3 * height // 4), fill=shape)
    return image


def verdict(image, *expected, **context):
    return check_image(image, expected, context=Context(**context)).verdicts[0]


@pytest.mark.parametrize(
    ("text", "check", "value", "words", "bound"),
    [
        ("alpha", "alpha", None, (), None),
        ("alpha clean 0.2..0.8", "alpha", None, ("clean",), Bound(low=0.2, high=0.8)),
        ("size=1024x1024", "size", "1024x1024", (), None),
        ("size >=512x512", "size", ">=512x512", (), None),
        ("size>=512x512", "size", ">=512x512", (), None),
        ("palette=brand.toml >=95%", "palette", "brand.toml", (), Bound(low=0.95)),
        ("alpha 20%..80%", "alpha", None, (), Bound(low=0.2, high=0.8)),
        ("alpha 20..80%", "alpha", None, (), Bound(low=0.2, high=0.8)),
        ("size=1024\u00d7512", "size", "1024\u00d7512", (), None),
        ("background=white", "background", "white", (), CHECKS["background"].bound),
        ("contrast=#fff >=7", "contrast", "#fff", (), Bound(low=7)),
        ("seamless <=40", "seamless", None, (), Bound(high=40)),
        ("contrast >=4.5", "contrast", None, (), Bound(low=4.5)),
        ("contrast>=4.5", "contrast", None, (), Bound(low=4.5)),
        ("outside-mask unchanged", "outside-mask", None, ("unchanged",), Bound(high=0.02)),
        ('text="SUMMER SALE"', "text", "SUMMER SALE", (), Bound(low=1.0)),
        ("same-as=@hero", "same-as", "@hero", (), CHECKS["same-as"].bound),
        ("not-blank", "not-blank", None, (), CHECKS["not-blank"].bound),
    ],
)
def test_texts_are_read(text, check, value, words, bound):
    """A name, a value after =, words, a bound."""
    (found,) = parse_expectations([text])
    assert (found.check, found.value, found.words, found.bound) == (check, value, words, bound)
    assert found.text == text


@pytest.mark.parametrize(
    "text",
    ["", "blnk", "alpha tidy", "alpha=1", "palette", "size", "size=big", "size=>=16:9", "text=", "sharp >=x", "sharp >=1 <=2",
     "same-as", 'text="open', "no.toml", "not-blank extra", "sharp 0.9..0.1", "size=0:0", "size=0x0", "background=weiss",
     "contrast=#0000", "background=ffffff"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(text):
    """A word that means nothing would make a check weaker than it looks."""
    with pytest.raises(OptionError) as caught:
        parse_expectations([text])
    assert caught.value.problems[0].fix


def test_completion_knows_every_check():
    """What Tab offers for --expect is what can be read, those that need a value with their `=`."""
    offered = {check.name + "=" * (check.value[:1] not in ("", "[")) for check in CHECKS.values()}
    assert set(BY_NAME["expect"].suggests) == offered


def test_all_problems_at_once():
    """Each faulty expectation is named, not the first alone."""
    with pytest.raises(OptionError) as caught:
        parse_expectations(["blnk", "sharp", "palette"])
    assert [problem.value for problem in caught.value.problems] == ["blnk", "palette"]


def test_files_of_expectations(tmp_path):
    """A TOML file holds a list of texts; files that they name are found beside it."""
    (tmp_path / "brand.toml").write_text('colors = ["#ffffff", "#14 1e78"]\ntolerance = 0.02'.replace(" 1e", "1e"))
    (tmp_path / "checks.toml").write_text('expect = ["not-blank", "palette=brand.toml"]')
    report = check_image(drawn(), [tmp_path / "checks.toml", "size=96x64"])
    assert [v.status for v in report.verdicts] == ["pass", "pass", "pass"]
    assert "2 colours" in report.verdicts[1].sentence
    (tmp_path / "bad.toml").write_text("expect = 3")
    with pytest.raises(OptionError, match="list of texts"):
        parse_expectations([tmp_path / "bad.toml"])


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("palette=red >=95", "palette >=95%"),
        ("outside-mask <=5", "outside-mask <=5%"),
        ("alpha >=200%", "alpha >=90%"),
        ("contrast >=45", "contrast >=4.5"),
        ("alpha 20..80", "alpha >=20%"),
    ],
)
def test_bounds_out_of_reach_are_refused(text, fix):
    """A share of 95 is never reached, and one of 5 always kept: where a percentage was meant, the error says so."""
    with pytest.raises(OptionError) as caught:
        parse_expectations([text])
    assert caught.value.problems[0].fix == fix


def test_green_is_not_guessed():
    """CSS and this package's keys call two colours green: the error names both."""
    with pytest.raises(OptionError) as caught:
        parse_expectations(["background=green"])
    assert "#008000" in caught.value.problems[0].rule
    assert "#00ff00" in caught.value.problems[0].rule


@pytest.mark.parametrize("alpha", [128, 255])
def test_half_transparent_is_not_called_opaque(alpha):
    """A picture without a clear pixel does not pass as cut out; what is said of it tells faint from solid."""
    sentence = verdict(Image.new("RGBA", (50, 50), (255, 0, 0, alpha)), "alpha").sentence
    assert sentence == ("no transparency" if alpha == 255 else "half-transparent at most: nothing is clear")


@pytest.mark.parametrize(
    ("image", "expected", "passed"),
    [
        (drawn(), "background=White", True),
        (drawn(), "background=black", False),
        (drawn(), "palette=white,#141e78", True),
        (drawn(), "palette=white", False),
        (drawn(mode="RGBA", shape=(9, 9, 9, 255)), "alpha", True),
        (drawn(), "alpha", False),
        (Image.new("RGBA", (50, 50)), "alpha", False),
        (drawn(mode="RGBA", shape=(9, 9, 9, 255)), "alpha 0.1..0.3", True),
        (drawn(mode="RGBA", shape=(9, 9, 9, 255)), "alpha 0.5..0.9", False),
        (drawn(), "size=3:2", True),
        (drawn(), "size=4:3", False),
        (drawn(), "size <=96x64", True),
        (drawn(), "size >=97x64", False),
        (drawn(), "palette=#ffffff,#141e78", True),
        (drawn(), "palette=#ffffff", False),
        (drawn(), "palette=#ffffff >=0.5", True),
        (drawn(), "background=#ffffff", True),
        (drawn(ground=(235, 235, 235)), "background=#ffffff", False),
        (drawn(mode="RGBA", shape=(9, 9, 9, 255)), "background=transparent", True),
        (drawn(), "background=transparent", False),
        (drawn(shape=(200, 200, 200)), "contrast", False),
        (drawn(), "contrast >=10", True),
        (drawn(mode="RGBA", shape=(255, 255, 255, 255)), "contrast=#fafafa", False),
        (drawn(mode="RGBA", shape=(255, 255, 255, 255)), "not-blank", True),
        (Image.new("RGB", (80, 80), "red"), "not-blank", False),
        (Image.new("RGB", (1, 1), "red"), "not-blank", False),
        (drawn(), lambda image: image.mode == "RGB", True),
        (drawn(), lambda image: "too blue", False),
        (drawn(), lambda image: None, True),
    ],
)  # fmt: skip
def test_verdicts(image, expected, passed):
    """What each measure says of a picture whose answer is plain."""
    found = verdict(image, expected)
    assert found.passed is passed, found
    assert (found.score == 1) is passed
    assert 0 <= found.score <= 1


@pytest.mark.parametrize("name", CASES)
def test_verdicts_on_drawn_images(name, tmp_path):
    """No false alarm and no missed fault on a few cases of each kind; the benchmark has more."""
    if name == "text" and ocr.find_reader() is None:
        pytest.skip("no OCR here")
    ((_, _, hit, passed, alarm, missed, *_),) = measure(3, seed=11, names=(name,), folder=tmp_path)
    assert (hit, passed, alarm, missed) == (3, 3, 0, 0)


def test_outside_the_mask():
    """A change inside the mask is none; outside it is; without a mask nothing can be said."""
    original = drawn()
    mask = Image.new("RGBA", original.size, (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (40, 20, 60, 40))
    inside, outside = original.copy(), original.copy()
    inside.paste((255, 0, 0), (42, 22, 58, 38))
    outside.paste((255, 0, 0), (2, 2, 20, 30))
    given = {"original": original, "mask": mask}
    assert verdict(inside, "outside-mask unchanged", **given).passed
    found = verdict(outside, "outside-mask", **given)
    assert found.passed is False
    assert found.value == pytest.approx(18 * 28 / (96 * 64 - 400), abs=0.01)
    assert verdict(original.resize((48, 32)), "outside-mask", **given).passed is False
    skipped = verdict(inside, "outside-mask")
    assert skipped.passed is None
    assert skipped.score == 0


def test_same_as_a_reference(tmp_path):
    """By a path, or by a name of the history; a missing one can't be compared."""
    drawn().save(tmp_path / "hero.png")
    assert verdict(drawn(size=(192, 128)), f"same-as={tmp_path / 'hero.png'}").passed
    assert verdict(drawn(), "same-as=@hero", find=lambda name: tmp_path / f"{name[1:]}.png").passed
    assert verdict(drawn(shape=(200, 30, 20)), "same-as=@hero", find=lambda name: tmp_path / "hero.png").passed is False
    assert verdict(drawn(), "same-as=gone.png").passed is None


def test_user_code_that_fails_hides_no_image():
    """An assert is a verdict; any other error of the callable means that nothing was checked."""

    def wide(image):
        assert image.width > 1000, "only 96 wide"

    assert verdict(drawn(), wide).sentence == "only 96 wide"
    broken = verdict(drawn(), lambda image: image.no_such)
    assert broken.passed is None
    assert "AttributeError" in broken.sentence


def test_text_goes_by_whole_words():
    """One wrong letter is a fault; what OCR can't tell apart is none; a word may come in pieces."""
    assert ocr.words_found("the 5ALE  today!", "SALE") == (1.0, "the 5ALE today!")
    assert ocr.words_found("SALF", "SALE")[0] == 0
    assert ocr.words_found("SALES", "SALE")[0] == 0
    assert ocr.words_found("SUM MER sale", "Summer Sale")[0] == 1
    assert ocr.words_found("", "two words")[0] == 0
    assert ocr.words_found("words", "two words")[0] == 0.5


def test_colors_against_known_values():
    """Oklab of the primaries (Ottosson's table), WCAG's own example, and a formula written twice."""
    known = {(255, 255, 255): (1, 0, 0), (255, 0, 0): (0.628, 0.225, 0.126), (0, 255, 0): (0.866, -0.234, 0.179)}
    for rgb, lab in known.items():
        assert to_oklab(np.uint8(rgb)) == pytest.approx(lab, abs=0.001)
    assert distance(to_oklab(np.uint8((255, 0, 0))), to_oklab(np.uint8((242, 13, 13)))) == pytest.approx(
        0.025, abs=0.002
    )
    grey = contrast_ratio(luminance(np.uint8((119, 119, 119))), luminance(np.uint8((255, 255, 255))))
    assert grey == pytest.approx(4.48, abs=0.01)
    assert grey == pytest.approx(wcag((119, 119, 119), (255, 255, 255)), abs=0.01)


def test_bounds():
    """Inside, outside, how close, and that NaN is never good."""
    assert Bound(low=0.2, high=0.8).holds(0.2)
    assert not Bound(low=0.2).holds(float("nan"))
    assert Bound(low=1.0).closeness(0.5) == 0.5
    assert Bound(high=1.0).closeness(4.0) == 0.25
    assert Bound(high=1.0).closeness(1.0) == 1
    assert str(Bound(low=0.2, high=0.8)) == "0.2 to 0.8"
    report = CheckReport(
        verdicts=(Verdict(expected="a", passed=True, score=1), Verdict(expected="b", passed=False, score=0.5))
    )
    assert report.score == 0.75
    assert not report.passed
    assert CheckReport().score == 1


def test_problems_before_paying(tmp_path):
    """What could not be checked afterwards is said before anything is sent."""
    texts = ["palette=gone.toml", "palette=#fff,gruen", "same-as=gone.png", "outside-mask", "not-blank"]
    wanted = parse_expectations(texts)
    ready, problems = prepare(wanted, Context(), masked=False)
    assert [item.text for item in ready] == ["not-blank"]
    assert [problem.value for problem in problems] == [
        "palette=gone.toml",
        "palette=#fff,gruen",
        "same-as=gone.png",
        "outside-mask",
    ]
    assert not prepare(parse_expectations(["outside-mask"]), Context(), masked=True)[1]


# files


@pytest.fixture
def assets(tmp_path):
    """A folder with a good picture, a blank one, a broken one and a text."""
    folder = tmp_path / "assets"
    (folder / "deep").mkdir(parents=True)
    drawn().save(folder / "good.png")
    Image.new("RGB", (40, 40)).save(folder / "deep" / "blank.webp")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not an image")
    return folder


def test_folders_are_searched(assets, tmp_path):
    """Images below a folder, in order; a missing path and an empty folder are errors."""
    assert [path.name for path in image_files([assets])] == ["broken.png", "blank.webp", "good.png"]
    with pytest.raises(OptionError, match="no such file or folder"):
        image_files([assets / "gone"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match="no image here"):
        image_files([tmp_path / "empty"])


def test_command_line(assets, tmp_path, capsys):
    """What fails is listed, the sum says how many; the exit code tells CI; JUnit XML has every verdict."""
    report = tmp_path / "report.xml"
    assert (
        main(["check", str(assets), "--expect", "not-blank", "--expect", "size >=20x20", "--junit", str(report)]) == 1
    )
    out = capsys.readouterr().out
    assert "blank.webp" in out
    assert "good.png" not in out
    assert "3 images: 1 passed, 2 failed" in out
    root = ET.fromstring(report.read_bytes())
    assert root.attrib == {"tests": "5", "failures": "2", "errors": "0", "skipped": "0"}
    failed = [case.get("classname") for case in root.iter("testcase") if case.find("failure") is not None]
    assert [name.rsplit("/", 1)[-1] for name in failed] == ["broken.png", "blank.webp"]
    assert main(["check", str(assets / "good.png"), "--expect", "not-blank", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["files"][0]["verdicts"][0]["status"] == "pass"
    assert main(["check", str(assets)]) == 2
    assert main(["check", "--expect", "not-blank"]) == 2
    assert main(["check", str(assets), "--expect", "nonsense"]) == 2


def test_broken_files_are_verdicts(assets, tmp_path, capsys):
    """A picture that is cut off behind its header, or a link to nothing, fails by itself and stops nobody else."""
    whole = (assets / "good.png").read_bytes()
    (assets / "cut.png").write_bytes(whole[:60])
    (assets / "gone.png").symlink_to("nowhere.png")
    report = tmp_path / "new" / "report.xml"
    assert main(["check", str(assets), str(assets), "--expect", "not-blank", "--junit", str(report)]) == 1
    assert "5 images: 1 passed, 4 failed" in capsys.readouterr().out
    failed = [c.get("classname") for c in ET.fromstring(report.read_bytes()).iter("testcase") if len(c)]
    assert {name.rsplit("/", 1)[-1] for name in failed} == {"cut.png", "gone.png", "broken.png", "blank.webp"}
    assert main(["check", str(assets), "--expect", "not-blank", "--junit", str(assets / "good.png" / "x.xml")]) != 0
    assert "can't be written" in capsys.readouterr().err


def test_junit_holds_any_text():
    """Names and sentences with characters that XML can't hold."""
    report = CheckReport(
        name="a\x00b\ud800.png", verdicts=(Verdict(expected='x "<&>', passed=None, sentence="not\x1b checked"),)
    )
    (case,) = ET.fromstring(junit_xml([report])).iter("testcase")
    assert case.attrib == {"classname": "ab.png", "name": 'x "<&>', "time": "0"}
    assert case.find("skipped").get("message") == "not checked"
    assert "1 expectations could not be checked here" in str(reports_table([report]))


@pytest.mark.parametrize(
    "text", ["palette=gone.toml", "palette=rot", "same-as=gone.png", "outside-mask", "outside-mask=a.png,b.png"]
)
def test_a_check_of_files_refuses_what_it_cannot_check(assets, text, capsys):
    """A mistyped file is an error: a check that is skipped never fails, and CI would stay green for ever."""
    assert main(["check", str(assets / "good.png"), "--expect", text]) == 2
    assert text in capsys.readouterr().err
    with pytest.raises(OptionError):
        imagegen_magic.check(assets / "good.png", [text])


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        (np.True_, True), (np.False_, False), (1, True), (0, False), (None, True), ("", True), ("too dark", False),
        ((False, "too dark"), None), (np.array([1, 0]), None), ([], None), (Image.new("RGB", (2, 2)), None),
    ],
)  # fmt: skip
def test_answers_of_a_callable(answer, passed):
    """Yes or no in any kind, or words; what would only count as yes by chance is not taken for one."""
    assert check(drawn(), [lambda image: answer]).verdicts[0].passed is passed


@pytest.mark.parametrize(("rim", "passed"), [((95, 22, 8), True), ((60, 190, 40), False)], ids=["dark line", "key"])
def test_a_darker_edge_is_no_spill(rim, passed):
    """A line that sharpening drew along the edge shifts its lightness and passes; the key's hue there does not."""
    y, x = np.mgrid[0:300, 0:300]
    share = np.clip(100.5 - np.hypot(x - 150, y - 150), 0, 2)[..., None] / 2
    color = share * (170, 60, 40) + (1 - share) * rim
    picture = Image.fromarray(np.dstack([color, 255 * share]).astype(np.uint8))
    assert imagegen_magic.check(picture, ["alpha clean"]).passed is passed
    assert imagegen_magic.check(picture, "alpha clean").passed is passed, "one text, not its letters"


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 2)])
def test_tiny_pictures(size):
    """One row or column of pixels has a verdict on everything."""
    texts = [
        "not-blank",
        "sharp",
        "alpha clean",
        "contrast",
        "contrast=#ffffff",
        "seamless",
        "background=#ffffff",
        "palette=#ffffff",
    ]
    for mode in ("RGB", "RGBA", "L", "P", "1", "I;16"):
        report = check(Image.new(mode, size), texts)
        assert all(verdict.passed is not None for verdict in report.verdicts)


def test_python(assets):
    """`imagegen_magic.check` takes a path, an image, or anything with a path, and shows itself as a table."""
    found = imagegen_magic.check(assets / "good.png", ["not-blank", "size=1:1"])
    assert not found.passed
    assert [v.expected for v in found.failed] == ["size=1:1"]
    assert "good.png: failed" in str(found)
    assert "<table" in found._repr_mimebundle_()["text/html"]
    assert check(drawn(), ["not-blank"]).passed
    assert [report.passed for report in check_files([assets / "good.png"], ["not-blank"])] == [True]
    with pytest.raises(OptionError):
        imagegen_magic.check(assets / "broken.png", ["not-blank"])
