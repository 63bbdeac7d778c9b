"""Every file that is made from an image says so: what it claims is true, can be left out, and never tells the prompt."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import simulated_session
from PIL import Image, ImageDraw

import imagegen_magic
from imagegen_magic.api import use_session
from imagegen_magic.cli import main
from imagegen_magic.errors import RequestError
from imagegen_magic.metadata.derived import joined_source_type
from imagegen_magic.metadata.marking import mark_image
from imagegen_magic.metadata.xmp import Mark

TRAINED, COMPOSITE, DRAWN = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia"


def keyed_image(path, source_type="", count=1):
    """A file with figures on a green backdrop, which says that it is of this source type."""
    image = Image.new("RGB", (96 * count, 96), "#00ff00")
    for number in range(count):
        left = 96 * number
        ImageDraw.Draw(image).ellipse((left + 24, 20 + 4 * number, left + 72, 80), fill="#c03020")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = buffer.getvalue()
    Path(path).write_bytes(mark_image(data, Mark(source_type=source_type)) if source_type else data)
    return Path(path)


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def mark_of(path):
    return imagegen_magic.provenance(path).mark


@pytest.mark.parametrize(
    ("types", "claimed"),
    [
        ([TRAINED], TRAINED),
        ([TRAINED, TRAINED], TRAINED),
        ([TRAINED, ""], COMPOSITE),
        ([TRAINED, DRAWN], COMPOSITE),
        ([COMPOSITE, ""], COMPOSITE),
        (["compositeSynthetic", ""], COMPOSITE),
        ([DRAWN], DRAWN),
        ([DRAWN, ""], ""),
        ([""], ""),
        ([], ""),
    ],
)
def test_what_is_claimed_of_several_sources(types, claimed):
    """AI beside anything else is a composite; what is not known is never claimed."""
    assert joined_source_type(types) == claimed


def test_files_of_a_job(session):
    """Cut-out and web copy name the API's file, which stays byte for byte; the simulator's are no AI images."""
    result = session.generate("a red fox", transparent="chroma", web=[128])
    source = result.images[0].source
    for path in (result.path, *result.derived.values()):
        mark = mark_of(path)
        assert (mark.source_type, mark.sources, mark.system) == (DRAWN, (sha256(source),), "")
        assert mark.software == f"imagegen_magic {imagegen_magic.__version__}"
        assert mark.prompt == ""
        assert b"a red fox" not in Path(path).read_bytes()
    assert sha256(source) == result.record.files[0].sha256
    assert mark_of(source) is None
    assert result.record.source_type == DRAWN


def test_marks_can_be_left_out(session):
    """`--no-mark` writes the files without; the default may be set."""
    result = session.generate("a red fox", transparent="chroma", mark=False)
    assert mark_of(result.path) is None
    plain = simulated_session(imagegen_magic.Simulator(), mark=False, out_dir="other")
    assert mark_of(plain.generate("a red fox", transparent="chroma").path) is None


def test_prompt_only_when_asked_for(session):
    """`--embed-prompt` puts the prompt as it was sent into the mark."""
    result = session.generate("a red fox", transparent="chroma", embed_prompt=True)
    assert mark_of(result.path).prompt == result.record.prompt_sent


def edited(session, image, **options):
    return session.edit("put a hat on it", image, mask_box=["25%,25%,50%,50%"], protect=True, **options)


@pytest.mark.parametrize(("given", "claimed"), [(TRAINED, COMPOSITE), ("", ""), (DRAWN, DRAWN)])
def test_protected_composite(session, given, claimed):
    """An edit holds its input: what is known of that decides, in the record and in the file's mark."""
    photo = keyed_image("photo.png", given)
    result = edited(session, photo)
    mark = mark_of(result.derived["protected 0"])
    assert (result.record.source_type, mark.source_type) == (claimed, claimed)
    assert mark.sources[0] == sha256(result.images[0].source)
    assert len(mark.sources) == 2


def test_history_knows_what_files_do_not_say(session):
    """The simulator's own file says nothing in XMP: its record does, for an edit, a later cut-out and a sheet."""
    first = session.generate("a red fox", name="fox", size="1024x1024")
    assert session.edit("bluer", first).record.source_type == DRAWN
    with use_session(session):
        sheet = imagegen_magic.sheet([first, keyed_image("photo.png")])
        assert mark_of(imagegen_magic.sheet([first, first]).save("same.png")).source_type == DRAWN
    mark = mark_of(sheet.save("sheet.webp"))
    assert (mark.source_type, mark.sources) == ("", (sha256(first.path), sha256("photo.png")))
    with use_session(session):
        ai = imagegen_magic.sheet([first, keyed_image("ai.png", TRAINED)]).save("mixed.jpg")
    assert mark_of(ai).source_type == COMPOSITE


def test_cutout_of_any_file(folder):
    """A file's own claim is carried on; a photo gets none; of pixels nothing is known, so nothing is written."""
    for name, given in (("ai.png", TRAINED), ("photo.png", "")):
        path = keyed_image(name, given)
        saved = imagegen_magic.cutout(path).save(f"cut-{name}")
        assert (mark_of(saved).source_type, mark_of(saved).sources) == (given, (sha256(path),))
        assert mark_of(imagegen_magic.cutout(path.read_bytes()).save("bytes.webp")).sources == (sha256(path),)
    with Image.open("ai.png") as image:
        assert mark_of(imagegen_magic.cutout(np.asarray(image)).save("array.png")) is None
    assert mark_of(imagegen_magic.cutout("ai.png").save("off.png", mark=False)) is None
    (many,) = imagegen_magic.cutout_many(["ai.png"], out_dir="many")
    assert mark_of(many).source_type == TRAINED


def test_cutout_subcommands(shell, capsys):
    """The magic and the command line mark alike, and both leave it out on request."""
    keyed_image("ai.png", TRAINED)
    shell.run_line_magic("imagegen", "cutout ai.png")
    shell.run_line_magic("imagegen", "cutout ai.png --no-mark")
    made = sorted(Path("output/imagegen").glob("ai-cutout*.png"))
    assert [mark_of(path) and mark_of(path).source_type for path in made] == [None, TRAINED]
    for flag, claimed in ((), TRAINED), (("--no-mark",), None):
        assert main(["remove-chroma-key", "-i", "ai.png", "-o", "cut.png", "--force", *flag]) == 0
        assert (mark_of("cut.png") and mark_of("cut.png").source_type) == claimed


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Every kind of image file that sprites and icons are exported to, made from one AI sheet."""
    folder = tmp_path_factory.mktemp("exports")
    sheet = keyed_image(folder / "walk.png", TRAINED, count=4)
    sprites = imagegen_magic.slice_sheet(sheet, frames=4, columns=4, name="walk")
    formats = ["frames", "sheet", "css", "gif", "apng", "webp", "texturepacker"]
    paths = imagegen_magic.export_sprites(sprites, folder / "out", formats=formats)
    icons = imagegen_magic.make_icons(keyed_image(folder / "icon.png", TRAINED), sizes=(16, 32)).export(
        folder / "icons"
    )
    images = [path for path in (*paths, *icons) if path.suffix in (".png", ".gif", ".webp")]
    return {"sprites": sprites, "images": images, "sheet": sheet, "icon": folder / "icon.png"}


def test_every_sprite_file_is_marked(exports):
    """Frames, sheets, animations, atlas and icons; each still opens, animations with all frames."""
    for path in exports["images"]:
        source = exports["icon"] if path.parent.name == "icons" else exports["sheet"]
        mark = mark_of(path)
        assert (mark.source_type, mark.sources) == (TRAINED, (sha256(source),)), path
        with Image.open(path) as image:
            image.load()
            animated = path.name in ("walk.gif", "walk.webp", "walk-animated.png")
            assert getattr(image, "n_frames", 1) == (4 if animated else 1)
    suffixes = {path.suffix for path in exports["images"]}
    assert suffixes == {".png", ".gif", ".webp"}


def test_sprites_without_marks(exports, folder):
    """`mark=False` is obeyed by each export."""
    paths = imagegen_magic.export_sprites(exports["sprites"], folder, formats=["sheet", "gif"], mark=False)
    assert [mark_of(path) for path in paths] == [None, None]
    icons = imagegen_magic.make_icons(exports["icon"], sizes=(16,)).export(folder / "i", mark=False)
    assert all(mark_of(path) is None for path in icons)


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool, an independent reader, is not installed")
def test_exports_as_another_tool_reads_them(exports):
    """Exiftool finds the source type in every format, and no fault in any file."""
    command = ["exiftool", "-j", "-validate", "-DigitalSourceType", *map(str, exports["images"])]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
    assert len(found) == len(exports["images"])
    for item in found:
        assert item["DigitalSourceType"].endswith("/" + TRAINED), item
        assert item["Validate"] == "OK", item


def test_environment_and_config_switch_marks_off(monkeypatch, shell):
    """The arrays' own functions follow the settings, too."""
    keyed_image("ai.png", TRAINED)
    monkeypatch.setenv("IMAGEGEN_MARK", "false")
    assert mark_of(imagegen_magic.cutout("ai.png").save("a.png")) is None
    monkeypatch.delenv("IMAGEGEN_MARK")
    shell.run_line_magic("config", "ImagegenMagics.mark = False")
    assert mark_of(imagegen_magic.cutout("ai.png").save("b.png")) is None


def test_signing_is_checked_before_anything_is_sent(session, simulator):
    """No certificate: every fault is in one card, and no request was made."""
    with pytest.raises(RequestError) as caught:
        session.generate("a red fox", transparent="chroma", sign=True, sign_certificate="none.pem", n=99)
    assert {"sign_certificate", "n"} <= {problem.field for problem in caught.value.problems}
    assert simulator.record == []


def test_sprites_of_a_request(session):
    """The files of a sheet that was asked for name the API's file, also if it was cut out."""
    made = session.sprites("a knight", animation="walk", frames=4, backend="simulator", export="frames,atlas")
    marks = [mark_of(path) for path in made.files if path.suffix == ".png"]
    assert len(marks) == 5
    assert {(mark.source_type, mark.sources) for mark in marks} == {(DRAWN, (sha256(made.result.images[0].source),))}


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """(certificate chain, key, root) of a user, as files."""
    pytest.importorskip("c2pa", reason="the extra c2pa is not installed")
    from certificates import write_chain

    return write_chain(tmp_path_factory.mktemp("chain"))


@pytest.fixture
def credentialed(chain):
    """A session whose simulator signs what it sends, as the live service does."""
    return simulated_session(imagegen_magic.Simulator(credentials=True))


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_simulated_credentials(credentialed, form):
    """Read by us and by c2pa-python as valid, and as what they are: drawn, by nobody anyone trusts."""
    found = imagegen_magic.provenance(credentialed.generate("a red fox", output_format=form).path)
    assert (found.state, found.intact, found.source_type) == ("present", True, DRAWN)
    assert found.credentials.issuer == "Simulated Issuer"
    assert found.credentials.generator == "imagegen_magic simulator"
    assert found.validation == {"state": "Valid", "codes": ("signingCredential.untrusted",)}


def test_sidecar_and_caption_say_what_became_of_credentials(credentialed):
    """The API's file has them, the cut-out lost them; nothing is said if there never were any."""
    result = credentialed.generate("a red fox", transparent="chroma", web=[64])
    who = "Simulated Issuer, imagegen_magic simulator"

    def sidecar(path):
        return json.loads(Path(f"{path}.json").read_text())["files"][0]["content_credentials"]

    assert sidecar(result.images[0].source).startswith(f"present ({who}), the file matches")
    lost = f"lost by this save (the source has them: {who})"
    assert sidecar(result.path) == sidecar(result.derived["web 0"]) == lost
    assert result.caption_facts(minimal=False).origin == f"Content Credentials: lost by this save ({who})"
    plain = credentialed.generate("a blue jay")
    assert plain.caption_facts(minimal=False).origin == f"Content Credentials: present ({who})"
    assert plain.caption_facts(minimal=True).origin == ""


def test_no_line_without_credentials(session):
    """Neither in the caption; the sidecar says `none`."""
    result = session.generate("a red fox")
    assert result.caption_facts(minimal=False).origin == ""
    assert result.record.files[0].content_credentials == "none"


@pytest.mark.parametrize("form", ["png", "webp"])
def test_signed_files_have_the_original_as_parent(credentialed, chain, form):
    """Valid by c2pa-python, trusted by the user's own root, marked as well; the original stays as it came."""
    result = credentialed.generate(
        "a red fox", transparent="chroma", output_format=form, web=[64],
        sign=True, sign_certificate=str(chain[0]), sign_key=str(chain[1]),
    )  # fmt: skip
    assert result.warnings == ()
    assert "signed anew, over those of (Simulated Issuer" in result.caption_facts(minimal=False).origin
    for path in (result.path, result.derived["web 0"]):
        found = imagegen_magic.provenance(path, trust=chain[2])
        assert (found.state, found.intact, found.validation["state"]) == ("present", True, "Trusted"), found.validation
        assert found.credentials.issuer == "Test Studio"
        assert found.credentials.ingredients == (("parentOf", result.images[0].source.name),)
        assert found.credentials.manifests == 2
        assert found.mark.source_type == DRAWN
    original = result.images[0].source
    assert sha256(original) == result.record.files[0].sha256
    assert imagegen_magic.provenance(original).credentials.issuer == "Simulated Issuer"


def test_a_reused_signed_cut_out_is_the_file_that_is_there(credentialed, chain):
    """A signature holds its own time: signed again, the file would be another one each time."""
    signing = {"sign": True, "sign_certificate": str(chain[0]), "sign_key": str(chain[1])}
    made = [credentialed.generate("a red fox", transparent="chroma", reuse=True, **signing) for _ in range(2)]
    assert made[1].reused
    assert made[0].path == made[1].path


def test_signed_sheets_and_sprites(credentialed, chain, monkeypatch):
    """Several sources are components; what a set of files holds besides images stays as it is."""
    for name, value in (("SIGN", "true"), ("SIGN_CERTIFICATE", str(chain[0])), ("SIGN_KEY", str(chain[1]))):
        monkeypatch.setenv(f"IMAGEGEN_{name}", value)
    fox, jay = credentialed.generate("a red fox"), credentialed.generate("a blue jay")
    with use_session(credentialed):
        saved = imagegen_magic.sheet([fox, jay]).save("both.jpg")
    found = imagegen_magic.provenance(saved, trust=chain[2])
    assert found.validation["state"] == "Trusted"
    assert [how for how, _ in found.credentials.ingredients] == ["componentOf", "componentOf"]
    made = credentialed.sprites("a knight", animation="walk", frames=4, export="gif,atlas")
    for path in made.files:
        if path.suffix == ".json":
            json.loads(path.read_text())
        else:
            assert imagegen_magic.provenance(path, trust=chain[2]).validation["state"] == "Trusted", path


def test_a_served_simulator_is_no_ai(monkeypatch):
    """Behind an address of its own it is a server like any other; its pictures are still drawn."""
    from imagegen_magic.simulator.server import serve

    with serve() as server:
        live = imagegen_magic.Session(defaults=lambda: {"base_url": server.url})
        monkeypatch.setenv("OPENAI_API_KEY", "sk-simulated")
        result = live.generate("a red fox", transparent="chroma")
        live.close()
    assert not result.record.simulated
    assert result.record.source_type == mark_of(result.path).source_type == DRAWN


def test_an_image_in_another_frame(session):
    """What the panel crops or extends is marked as what it was, before it goes into an edit."""
    from imagegen_magic.panel.facade import Facade
    from imagegen_magic.panel.reframe import Edges, reframe

    facade = Facade(session)
    path = keyed_image("ai.png", TRAINED)
    framed, _ = reframe(facade.image("ai.png"), Edges(left=-8, top=0, right=0, bottom=0))
    mark = mark_of(facade.save_framed("ai.png", framed))
    assert (mark.source_type, mark.sources) == (TRAINED, (sha256(path),))


def test_cutouts_of_the_panel(session):
    """They name the API's file, and are marked as the settings say."""
    from imagegen_magic.panel.facade import Facade

    made = session.generate("a red fox on a flat #00ff00 background", name="fox")
    _, path = Facade(session).cutout("@fox")
    assert (mark_of(path).source_type, mark_of(path).sources) == (DRAWN, (sha256(made.path),))


def test_lost_credentials_are_seen_by_the_sidecar(credentialed, folder, capsys):
    """The command line finds the source that a derived file names, also in a folder that was copied; not a changed one."""
    result = credentialed.generate("a red fox", transparent="chroma", out="sub/fox.png")
    shutil.copytree(result.path.parents[1], folder / "copied")
    for path in (result.path, folder / "copied" / "sub" / "fox.png"):
        assert main(["provenance", str(path)]) == 0
        assert "lost by this save (the source has them: Simulated Issuer" in capsys.readouterr().out
    (folder / "copied" / "sub" / "fox-source.png").write_bytes(b"something else")
    assert main(["provenance", str(folder / "copied" / "sub" / "fox.png")]) == 0
    assert capsys.readouterr().out.startswith("Content Credentials: none")


def test_lost_credentials_in_a_cell(chain, capsys):
    """`%imagegen provenance @fox` compares the cut-out with what the API sent."""
    from IPython.core.interactiveshell import InteractiveShell

    session = simulated_session(imagegen_magic.Simulator(credentials=True))
    session.generate("a red fox", name="fox", transparent="chroma")
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "imagegen_magic")
    with use_session(session):
        text = shell.run_line_magic("imagegen", "provenance @fox")
    shell.run_line_magic("unload_ext", "imagegen_magic")
    InteractiveShell.clear_instance()
    assert str(text).startswith("Content Credentials: lost by this save")
