"""The panel without a browser: messages in, state and replies out; what it sends, and what it asks before."""

from __future__ import annotations

import io
import json
import threading

import numpy as np
import pytest
from conftest import simulated_session
from PIL import Image

from imagegen_magic.errors import OptionError, RequestError
from imagegen_magic.notebook.price import cell_price
from imagegen_magic.panel import Panel
from imagegen_magic.panel.controller import Controller
from imagegen_magic.panel.expand import MAX_JOBS, expand
from imagegen_magic.panel.facade import Facade
from imagegen_magic.panel.form import Form, InputRef
from imagegen_magic.panel.record import FALLBACK, TOTAL_BYTES, SavedRecord
from imagegen_magic.panel.reframe import Edges, reframe
from imagegen_magic.session import Session
from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import serve
from imagegen_magic.wire.client import Clients

MUG = {"prompt": "a red mug", "values": {"quality": "low"}}


class Page:
    """What a page does: it sends messages and reads the state."""

    def __init__(self, session, **form):
        self.made = []
        self.facade = Facade(session)
        self.controller = Controller(self.facade, Form.from_json(form), on_result=self.made.append)

    def send(self, do, *buffers, **more):
        return self.controller.handle({"do": do, **more}, list(buffers))

    def reply(self, do, *buffers, **more):
        ((message, data),) = self.send(do, *buffers, **more)
        return message, data

    def wait(self):
        """Waits until everything that was sent has ended."""
        assert self.controller.queue.wait(30)

    def generate(self, form=MUG, *buffers, **more):
        """Sends, waits, and gives the newest result."""
        self.send("generate", *buffers, form=form, **more)
        assert self.state["checked"]["ok"], self.state["checked"]
        assert not self.state["question"], self.state["question"]
        self.wait()
        return self.controller.result

    @property
    def state(self):
        return json.loads(json.dumps(self.controller.state()))


@pytest.fixture
def page(session):
    return Page(session, **MUG)


def png(*size, color="teal"):
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


def painted(*size):
    """A mask whose left half will change."""
    alpha = np.full(size[::-1], 255, np.uint8)
    alpha[:, : size[0] // 2] = 0
    buffer = io.BytesIO()
    Image.merge("RGBA", [Image.new("L", size)] * 3 + [Image.fromarray(alpha)]).save(buffer, "PNG")
    return buffer.getvalue()


# the form and the request


def test_untouched_controls_say_nothing(session):
    """What was not chosen is left to the layers below, so that a copied cell stays short."""
    page = Page(session, prompt="a red mug")
    assert page.controller.form.options() == ({}, [])
    (job,) = page.controller.jobs
    assert job.cell == "%%imagegen\na red mug"
    assert page.state["checked"]["ok"]


def test_a_form_survives_the_way_to_the_page_and_options_the_way_to_a_form(session):
    """No option of the panel is lost by Undo, Remix or a second view."""
    form = Form(
        task="edit", prompt="p", name="hero", background="cut-out", images=(InputRef(ref="@1", role="style"),),
        values={"output_format": "webp", "output_compression": "80", "web": ["512"], "extra": ["a=1", "b=x"], "text": ["Field & Flour"]},
    )  # fmt: skip
    assert Form.from_json(json.loads(json.dumps(form.to_json()))) == form
    values, problems = form.options()
    assert not problems
    assert values["image"] == ("@1:style",)
    again = Form.from_options("p", values, task="edit", name="hero")
    assert again.options() == (values, [])


def test_controls_follow_the_model(page):
    """What a model can't do is not offered."""
    page.send("check", form={**MUG, "values": {"model": "gpt-image-2.6-sunburst"}})
    rich = page.state["controls"]
    assert "xhigh" in rich["qualities"]
    assert rich["sizes"]["rule"]["multiple"] == 16
    page.send("check", form={**MUG, "values": {"model": "gpt-image-1.5"}})
    poor = page.state["controls"]
    assert "xhigh" not in poor["qualities"]
    assert poor["sizes"] == {"rule": None, "fixed": ["1024x1024", "1024x1536", "1536x1024"]}
    assert not any(row["name"] == "markup" for row in poor["more"])


def test_problems_speak_the_panels_words_and_offer_buttons(page):
    """A wrong size: no flag in the sentence, and a button with the legal size."""
    page.send("check", form={"prompt": "x", "values": {"size": "3000x700"}})
    checked = page.state["checked"]
    assert not checked["ok"]
    (problem,) = checked["problems"]
    assert problem["buttons"] == [{"label": "Use 2496x832", "set": {"size": "2496x832"}}]
    assert "--" not in json.dumps(checked)


def test_what_the_page_holds_is_what_is_sent(page):
    """The form comes with the click, so nothing typed a moment before is lost."""
    result = page.generate({"prompt": "what stands in the page", "values": {"quality": "low"}, "name": "hero"})
    assert result.prompt_typed == "what stands in the page"
    assert result.name == "hero"
    assert (
        page.reply("details", ref="@hero")[0]["details"]["cell"]
        == "%%imagegen hero --quality low\nwhat stands in the page"
    )


def test_braces_are_sent_as_typed_and_keys_are_refused(page):
    """A panel evaluates nothing that is typed into it, and sends nothing that looks like an API key."""
    page.send("check", form={"prompt": "a {{ 1 / 0 }} mug"})
    assert page.controller.jobs[0].request.prompt == "a {{ 1 / 0 }} mug"
    assert "--raw" in page.controller.jobs[0].cell
    page.send("generate", form={"prompt": "sk-proj-" + "a1B2" * 12})
    assert "API key" in page.state["checked"]["problems"][0]["text"]
    assert not page.controller.queue.entries()


# money


@pytest.mark.parametrize("backend", ["simulator", "openai"])
def test_a_price_reads_as_at_a_cells_edge(shell, simulator, backend):
    """On the simulator nothing is billed, and both say so in the same words."""
    session = Session(defaults=lambda: {"backend": backend}, clients=Clients(simulator=simulator))
    page = Page(session, prompt="A red mug.", values={"size": "square", "quality": "low"})
    page.send("check")
    edge = json.loads(cell_price(session, shell, "%%imagegen --size square -q low\nA red mug."))["text"]
    assert page.state["checked"]["price"] == edge
    assert edge.startswith("free (live: about $" if backend == "simulator" else "about $")


def test_max_cost_is_a_limit(page, simulator):
    """Above it nothing can be sent, whatever is agreed to; the button raises it to what is needed."""
    form = {"prompt": "x", "values": {"max_cost": "0.001"}}
    page.send("generate", form=form, agreed=["cost", "many"])
    checked = page.state["checked"]
    assert not checked["ok"]
    (button,) = checked["problems"][0]["buttons"]
    assert not simulator.record
    page.generate({"prompt": "x", "values": button["set"]})
    assert len(simulator.record) == 1


def test_waiting_and_running_jobs_count_against_the_limit(session):
    """What is queued may still be billed: the session's limit holds for all of it together, each counted once."""
    gate = threading.Event()
    high = Page(session, prompt="x").controller.jobs[0].estimate.high
    with serve(simulator=Simulator(latency=1, sleep=lambda seconds: gate.wait(30))) as server:
        settings = {"base_url": server.url, "session_max_cost": high * 5 - high / 10}
        page = Page(Session(defaults=lambda: settings))
        for prompt in "abcde":
            page.send("generate", form={"prompt": prompt})
        assert [entry.state for entry in page.controller.queue.active()] == ["running"] * 3 + ["waiting"]
        assert "limit of this session" in page.state["checked"]["problems"][0]["text"]
        gate.set()
        page.wait()
        page.facade.session.close()
        assert server.simulator.images_billed == 4


def test_confirm_above_asks_and_names_the_amount(page, simulator):
    form = {"prompt": "x", "values": {"confirm_above": "0.001"}}
    page.send("generate", form=form)
    question = page.state["question"]
    assert question["yes"].startswith("Send it: up to $")
    assert not simulator.record
    page.generate(form, agreed=question["names"])
    assert len(simulator.record) == 1


def test_native_transparency_is_asked_for_twice(page, simulator):
    form = {"prompt": "x", "background": "native alpha"}
    page.send("generate", form=form)
    assert page.state["question"]["yes"] == "Send it: native transparency"
    assert not simulator.record
    assert page.generate(form, agreed=["native"]).request["background"] == "transparent"


def test_the_same_request_twice_is_asked_for(session):
    """Two clicks are not two bills: the same request on its way is asked for."""
    gate = threading.Event()
    page = Page(simulated_session(Simulator(latency=1, sleep=lambda seconds: gate.wait(30))))
    page.send("generate", form=MUG)
    page.send("generate", form=MUG)
    assert len(page.controller.queue.active()) == 1
    assert page.state["question"]["names"] == ["again"]
    gate.set()
    page.wait()


def test_no_key_is_said_before_the_click(session, monkeypatch):
    """Without a key the button is off and says so, with the simulator as a button."""
    page = Page(session, prompt="x")
    page.send("check", form={"prompt": "x", "values": {"backend": "openai"}})
    (problem,) = page.state["checked"]["problems"]
    assert "OPENAI_API_KEY" in problem["text"]
    assert problem["buttons"] == [{"label": "Use the simulator", "set": {"backend": "simulator"}}]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    page.send("check", form={"prompt": "x", "values": {"backend": "openai"}})
    assert page.state["checked"]["ok"]


# many


def test_lines_words_and_grid_multiply():
    form = Form(prompt="a {red|blue} mug\na fox", lines=True, wildcards=True, grid={"quality": ("low", "high")})
    jobs = [(f.prompt, f.values["quality"]) for f in expand(form)]
    assert jobs == [
        ("a red mug", "low"), ("a red mug", "high"), ("a blue mug", "low"), ("a blue mug", "high"), ("a fox", "low"), ("a fox", "high"),
    ]  # fmt: skip
    assert [f.prompt for f in expand(Form(prompt="a {red|blue} mug\nand a fox"))] == ["a {red|blue} mug\nand a fox"]


def test_many_show_the_whole_price_first_and_then_ask(page, simulator):
    form = {"prompt": "one\ntwo", "lines": True, "values": {"quality": "low"}}
    page.send("check", form={**form, "lines": False, "prompt": "one"})
    single = page.controller.jobs[0].estimate.high
    page.send("generate", form=form)
    assert page.state["checked"]["jobs"] == 2
    assert sum(job.estimate.high for job in page.controller.jobs) == 2 * single
    assert page.state["question"]["names"] == ["many"]
    assert not simulator.record
    page.generate(form, agreed=["many"])
    assert {result.prompt_typed for result in page.made} == {"one", "two"}


def test_too_many_are_refused(page):
    page.send("check", form={"prompt": "{a|b|c}" * 5, "wildcards": True})
    assert str(3**5) in page.state["checked"]["problems"][0]["text"]
    assert str(MAX_JOBS) in page.state["checked"]["problems"][0]["text"]


# running


def test_cancel_is_free_at_once_and_the_image_comes_later():
    """Cancel ends the entry while its request is on its way; what was sent is saved when it comes."""
    gate, sent = threading.Event(), threading.Event()

    def wait(seconds):
        sent.set()
        gate.wait(30)

    page = Page(simulated_session(Simulator(latency=1, sleep=wait)))
    page.send("generate", form=MUG)
    assert sent.wait(30)
    (entry,) = page.state["queue"]
    page.send("cancel", id=entry["id"])
    assert not page.controller.queue.active()
    assert "billed" in page.state["status"]
    gate.set()
    page.wait()
    assert page.controller.result.number == 1
    assert "saved as @1" in page.state["status"]


def test_a_waiting_entry_is_taken_off_for_nothing():
    gate = threading.Event()
    page = Page(simulated_session(Simulator(latency=1, sleep=lambda seconds: gate.wait(30))))
    form = {"prompt": "\n".join(map(str, range(5))), "lines": True}
    page.send("generate", form=form, agreed=["many"])
    waiting = [entry for entry in page.state["queue"] if entry["state"] == "waiting"]
    assert len(waiting) == 2
    page.send("cancel", id=waiting[-1]["id"])
    assert "nothing was sent" in page.state["status"]
    gate.set()
    page.wait()
    assert len(page.made) == 4


def test_what_goes_wrong_is_a_card_that_the_next_success_takes_away():
    page = Page(simulated_session(Simulator(faults="moderation, ok")))
    page.send("generate", form=MUG)
    page.wait()
    assert page.state["notice"]["kind"] == "ModerationError"
    page.send("check", form=MUG)
    assert page.state["notice"], "looking does not take it away"
    page.generate({"prompt": "another", "values": {}})
    assert page.state["notice"] == {}


def test_a_fault_of_the_panel_is_a_card_and_no_traceback(page):
    page.send("details", ref="@nothing")
    assert "nothing in the history" in page.state["notice"]["title"]
    page.send("images")
    assert page.send("no such message") == []


# images


def test_an_image_is_a_message_and_never_state(page):
    result = page.generate({"prompt": "x", "values": {"n": "2"}})
    ids = [tile["ref"] for tile in page.state["recent"]]
    assert ids == ["@1.1", "@1.2"]
    message, data = page.reply("images", want=[{"id": ref, "edge": 160} for ref in (*ids, "@1.3")])
    assert [entry["mime"] for entry in message["images"]] == ["image/jpeg", "image/jpeg", ""]
    assert max(Image.open(io.BytesIO(data[1])).size) == 160
    assert result.paths[1].name.endswith("-2.png")
    assert page.facade.path("@1.2") == result.paths[1]
    assert len(json.dumps(page.state)) < 15_000


def test_uploads_come_in_parts_and_become_files_that_a_cell_can_name(page):
    data = png(64, 48)
    assert page.reply("upload", data[:50], id="u", name="../my photo.tiff", last=False)[0] == {"got": "u", "parts": 1}
    message, _ = page.reply("upload", data[50:], id="u", name="../my photo.tiff", last=True)
    assert message["ref"].startswith("output/imagegen/inputs/my photo-")
    assert message["ref"].endswith(".png")
    assert (message["width"], message["height"]) == (64, 48)
    broken, _ = page.reply("upload", b"no image", id="v", name="x.png", last=True)
    assert "x.png" in broken["error"]


def test_the_painted_mask_is_the_mask_that_is_sent(page, simulator):
    """The strokes come as a PNG with the click; the file that the cell names holds the same."""
    page.generate({"prompt": "x", "values": {"size": "1024x1024"}})
    form = {"prompt": "blue", "task": "edit", "images": [{"ref": "@1"}]}
    result = page.generate(form, painted(1024, 1024), mask="png")
    mask = Image.open(result.record.options["mask"]).getchannel("A")
    assert np.array_equal(np.asarray(mask) == 0, np.arange(1024)[None, :] < np.full((1024, 1), 512))
    assert "--mask" in result.cell
    assert page.reply("masks")[0]["masks"] == [result.record.options["mask"]]
    loaded, data = page.reply("mask", ref=result.record.options["mask"])
    assert (loaded["width"], loaded["height"]) == (1024, 1024)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data[0])).getchannel("A")), np.asarray(mask))


def test_an_empty_mask_asks_before_the_whole_image_changes(page, simulator):
    page.generate()
    form = {"prompt": "blue", "task": "edit", "images": [{"ref": "@1"}]}
    page.send("generate", form=form, mask="empty")
    assert "whole image" in page.state["question"]["text"]
    assert len(simulator.record) == 1
    page.generate(form, mask="empty", agreed=["mask"])
    assert "mask" not in page.controller.result.record.options


def test_a_second_view_gets_the_painted_mask_back(page):
    page.generate({"prompt": "x", "values": {"size": "1024x1024"}})
    mask = painted(1024, 1024)
    page.send("check", mask, form={"prompt": "blue", "task": "edit", "images": [{"ref": "@1"}]}, mask="png")
    assert page.reply("hello") == ({"painted": True}, [mask])


def test_more_or_less_around_an_image():
    """Outward: edge pixels go on, and the mask is what is new. Inward: a crop, and no mask."""
    image, mask = reframe(png(64, 48), Edges(left=16, top=0, right=0, bottom=8))
    assert Image.open(io.BytesIO(image)).size == (80, 56)
    alpha = np.asarray(Image.open(io.BytesIO(mask)).getchannel("A"))
    assert (alpha[:48, 16:] == 255).all()
    assert (alpha[:, :16] == 0).all()
    assert (alpha[48:] == 0).all()
    cropped, none = reframe(png(64, 48), Edges(left=-10, top=-4, right=0, bottom=0))
    assert Image.open(io.BytesIO(cropped)).size == (54, 44)
    assert none is None
    with pytest.raises(OptionError, match="frame"):
        reframe(png(64, 48), Edges(left=-40, top=0, right=-30, bottom=0))


# looking back


def test_history_has_a_tile_an_image_pages_and_a_search(page):
    page.generate({"prompt": "a fox", "values": {"n": "4", "quality": "low"}, "name": "fox"})
    for number in range(3):
        page.generate({"prompt": f"mugs {number}", "values": {"n": "8", "quality": "low"}})
    first, _ = page.reply("history")
    assert (first["count"], first["pages"], len(first["history"])) == (28, 2, 24)
    last, _ = page.reply("history", page=2)
    assert [tile["label"] for tile in last["history"]] == ["fox 1", "fox 2", "fox 3", "fox 4"]
    found, _ = page.reply("history", word="FOX")
    assert found["count"] == 4
    page.send("star", ref="@1.3", on=True)
    stars, _ = page.reply("history", starred=True)
    assert [tile["ref"] for tile in stars["history"]] == ["@1.3"]
    page.send("star", ref="@1.3", on=False)
    assert page.reply("history", starred=True)[0]["count"] == 0


def test_remix_takes_settings_without_the_image_and_details_say_all(page):
    page.generate({"prompt": "x", "values": {"quality": "low"}})
    page.generate({"prompt": "blue", "task": "edit", "images": [{"ref": "@1"}], "values": {"quality": "low"}})
    form = page.reply("remix", ref="@2")[0]["remix"]
    assert (form["prompt"], form["values"]) == ("blue", {"quality": "low"})
    details = page.reply("details", ref="@2")[0]["details"]
    assert details["parents"] == ["@1"]
    assert page.reply("details", ref="@1")[0]["details"]["children"] == ["@2"]
    assert {"prompt", "asked", "resolved", "file", "cost"} <= {label for label, _ in details["rows"]}
    assert page.reply("compare", ref="@2")[0] == {"compare": "@2", "with": "@1"}
    assert page.reply("prompts", word="blu")[0]["prompts"] == ["blue"]


def test_a_profile_is_kept_from_the_form_chosen_and_applied(page, folder):
    """What a profile sets shows as the controls' defaults; what the form says goes before it; the cell names the profile."""
    form = {
        "prompt": "a red mug",
        "name": "hero",
        "values": {"quality": "low", "style": "flat art"},
        "background": "cut-out",
    }
    page.send("keep_profile", form=form, name="brand")
    state = page.state
    assert state["form"]["values"] == {"profile": "brand"}
    assert state["form"]["background"] == "auto"
    assert (state["form"]["prompt"], state["form"]["name"]) == ("a red mug", "hero")
    assert state["controls"]["profiles"] == [
        {"name": "brand", "sets": "quality: low, style: flat art, transparent: chroma"}
    ]
    assert state["controls"]["defaults"]["quality"] == "low"
    job = page.controller.jobs[0]
    assert (job.request.quality, job.options.transparent) == ("low", "chroma")
    assert "Style: flat art" in job.request.prompt
    assert "--profile brand" in job.cell
    page.send("check", form={"prompt": "a red mug", "values": {"profile": "brand", "quality": "high"}})
    assert page.controller.jobs[0].request.quality == "high"


@pytest.mark.parametrize("name", ["", "a/b", "brand"])
def test_a_profile_that_can_not_be_is_a_card(page, name):
    """No name, a bad one, or nothing to keep: said, and nothing is written."""
    values = {} if name == "brand" else {"quality": "low"}
    page.send("keep_profile", form={"prompt": "a red mug", "values": values}, name=name)
    assert page.state["notice"]["title"]
    assert page.state["controls"]["profiles"] == []
    assert "profile" not in page.state["form"]["values"]


def test_a_profile_that_is_gone_is_a_problem_and_the_controls_stay(page):
    page.send("check", form={"prompt": "a red mug", "values": {"profile": "gone"}})
    assert not page.state["checked"]["ok"]
    assert page.state["controls"]["qualities"]


def test_nothing_to_compare_with_is_a_card(page):
    page.generate()
    assert page.send("compare", ref="@1") == []
    assert "nothing to compare" in page.state["notice"]["title"]


def test_a_zip_of_what_is_starred(page):
    import zipfile

    page.send("zip")
    assert "star" in page.state["notice"]["title"]
    page.generate({"prompt": "x", "values": {"n": "2", "quality": "low"}})
    page.send("star", ref="@1.2", on=True)
    message, _ = page.reply("zip")
    with zipfile.ZipFile(message["zipped"]) as archive:
        assert sorted(archive.namelist()) == ["x-2.png", "x-2.png.json"]


# the widget and the record


def test_starting_values_and_mistyped_options(session):
    panel = Panel("x", session=session, quality="high", size="1024x1024")
    assert panel.form["values"] == {"quality": "high", "size": "1024x1024"}
    assert panel.request["quality"] == "high"
    with pytest.raises(RequestError, match="qualty"):
        Panel(qualty="high", session=session)


def test_where_no_widget_can_be_there_is_a_sentence(session):
    data, _ = Panel("x", session=session)._repr_mimebundle_()
    assert data["text/plain"] == FALLBACK
    assert "application/vnd.jupyter.widget-view+json" in data
    assert FALLBACK in SavedRecord().bundle()["text/plain"]


def test_the_record_is_newest_first_light_and_escaped(session):
    """Every result keeps its caption and alternative text; image data stays below what makes a notebook heavy."""
    results = [session.generate(f"<b>mug {n}</b>", size="4k", quality="low") for n in range(2)]
    html = SavedRecord(results * 8).bundle()["text/html"]
    assert html.index("mug 1") < html.index("mug 0")
    assert "<b>mug" not in html
    assert len(html.split("<figure")) == 17
    assert sum(len(part.split('"')[0]) for part in html.split("data:image")[1:]) <= TOTAL_BYTES
    one = SavedRecord(results[:1]).bundle()["text/html"]
    assert 'alt="Image: ' in one
    assert len(one) < 25_000


def test_after_a_restart_the_record_shows_what_was_made(session, simulator, monkeypatch):
    """A new kernel on the same folder: what this notebook's panels made, in its order; not what others and cells made."""
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/a person/trips/paris.ipynb")
    for prompt in ("a red mug", "a blue jug"):
        panel = Panel(prompt, session=session, quality="low")
        panel.generate()
        panel.wait(30)
    session.generate("a cell's fox", quality="low")
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/a person/trips/rome.ipynb")
    other = Panel("a bell", session=session, quality="low", transparent="chroma")
    other.generate()
    cut = other.wait(30)

    restarted = simulated_session(simulator)
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/a person/trips/paris.ipynb")
    shown = Panel(session=restarted).record.bundle()["text/html"]
    assert shown.index("a blue jug") < shown.index("a red mug")
    assert shown.count("data:image") == 2
    assert "fox" not in shown
    assert "bell" not in shown
    panel.result.path.unlink()
    assert "a blue jug" not in Panel(session=simulated_session(simulator)).record.bundle()["text/html"]
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/a person/trips/rome.ipynb")
    assert cut.path.name in Panel(session=simulated_session(simulator)).record.bundle()["text/html"]
    assert all("a person" not in path.read_text() for path in session.store(session.options()).folder.glob("*.json*"))


def test_the_state_is_small_and_the_source_comes_by_message(session):
    """What a notebook saves of a panel with one image stays below 15 KB; its page asks for the source."""
    panel = Panel("a red mug", session=session, quality="low")
    panel.generate()
    panel.wait(30)
    state = panel.get_state()
    assert panel.module not in json.dumps(state)
    assert len(json.dumps(state, default=str)) < 15_000
    sent = []
    panel.comm.send = lambda **message: sent.append(message)
    panel.receive(panel, {"page": panel.page}, None)
    assert [bytes(data).decode() for data in sent[0]["buffers"]] == [panel.module, panel.style]
    assert sent[0]["data"]["content"] == {"page": panel.page}


def test_an_observers_exception_is_a_card(session):
    panel = Panel("a red mug", session=session)
    panel.observe(lambda change: 1 / 0, "problems")
    panel.controller.handle({"do": "check", "form": {"prompt": ""}})
    panel.generate()
    assert "ZeroDivisionError" in panel.notice["title"]


def test_a_closed_panel_leaves_nothing_in_the_state(session):
    from ipywidgets import Widget

    before = len(Widget.get_manager_state()["state"])
    panel = Panel("a red mug", session=session)
    assert len(Widget.get_manager_state()["state"]) == before + 2  # itself and its layout
    panel.layout.close()
    panel.close()
    assert len(Widget.get_manager_state()["state"]) == before


def test_in_a_terminal_the_panel_is_a_sentence(shell):
    """`%imagegen panel` in IPython: no widget, no traceback."""
    assert "notebook" in str(shell.run_line_magic("imagegen", "panel"))
