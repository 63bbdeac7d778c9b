"""The panel without a browser: what its form says, what it sends, what it asks before."""

from __future__ import annotations

import threading
import time

import pytest

pytest.importorskip("ipywidgets")

from conftest import simulated_session

from imagegen_magic.errors import RequestError
from imagegen_magic.panel import FALLBACK, Panel
from imagegen_magic.simulator import Simulator


@pytest.fixture
def panel(session):
    return Panel("a red mug", session=session)


def wait_for(condition):
    """Waits until a watched thread has done its part."""
    for _ in range(200):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("it never happened")


def run(panel, **how):
    """Generates and waits until the panel shows it."""
    before = panel.result
    task = panel.generate(**how)
    assert task is not None, panel.bar.reason.value
    task.wait(30)
    wait_for(lambda: panel.result is not before or panel.card.text)
    return panel.result


def test_untouched_controls_say_nothing(panel):
    """What was not chosen is left to the layers below, so that a copied cell stays short."""
    assert dict(panel.form.speak().values) == {}
    assert panel.request["prompt"] == "a red mug"
    assert panel.problems == ()


def test_controls_follow_the_model(panel):
    """What a model can't do is not offered; what stays legal stays, what gives way is said."""
    quality, model = panel.form.controls["quality"].widget, panel.form.controls["model"].widget
    model.value = "gpt-image-2.6-sunburst"
    assert "xhigh" in [value for _, value in quality.options]
    quality.value = "xhigh"
    panel.form.controls["size"].widget.value = "4k"
    model.value = "gpt-image-1.5"
    assert quality.value == "medium"
    assert "xhigh" in panel.form.notes
    assert "4k" in panel.form.notes
    assert [value for _, value in panel.form.controls["size"].widget.options] == [
        "auto",
        "square",
        "landscape",
        "portrait",
    ]
    quality.value = "high"
    model.value = "gpt-image-2"
    assert quality.value == "high"


def test_formats_bring_their_controls(panel):
    """Compression belongs to jpeg and webp; edit rows to edits."""
    assert not panel.form.controls["output_compression"].shown
    panel.form.controls["output_format"].widget.value = "jpeg"
    assert panel.form.controls["output_compression"].shown
    assert not panel.form.controls["keep"].shown


def test_the_same_checker_and_a_visible_reason(panel):
    """A fault stands beside its control, Generate is off, and the reason is written."""
    panel.form.size_text.value = "10x10"
    panel.check()
    assert panel.bar.go.disabled
    assert "multiples of 16" in panel.form.controls["size"].message.value
    assert panel.bar.reason.value
    assert panel.request is None
    panel.form.size_text.value = ""
    panel.form.prompt.value = ""
    panel.check()
    assert "write a prompt" in panel.bar.reason.value


def test_checks_follow_the_typing(panel):
    """A change is checked a moment later, without a click."""
    panel.form.prompt.value = ""
    wait_for(lambda: panel.bar.go.disabled)


def test_generate_makes_what_the_cell_makes(panel, session):
    """The result, its history and the cell agree; the cell's request is the same."""
    panel.form.controls["quality"].widget.value = "low"
    panel.form.name.value = "hero"
    result = run(panel)
    assert result.name == "hero"
    panel.results._copy(None)
    assert panel.results.cell.value == "%%imagegen hero --quality low\na red mug"
    assert session.find_result("@hero").record.digest == result.record.digest


def test_native_transparency_is_asked_for_twice(panel, simulator):
    """Choosing it is one click, sending it another, on a button that names it."""
    panel.form.backdrop.value = "native alpha"
    assert panel.generate() is None
    assert panel.bar.confirm.layout.display is None
    assert panel.bar.sure.description == "Send it: native transparency"
    assert not simulator.record
    assert run(panel, sure=True).request["background"] == "transparent"


def test_above_the_limit_is_asked_for(panel, simulator):
    """Above the cost limit nothing is sent before a second click that names the amount."""
    panel.form.controls["max_cost"].widget.value = "0.001"
    assert panel.generate() is None
    assert "up to $" in panel.bar.sure.description
    assert not simulator.record
    assert run(panel, sure=True) is not None


def test_edit_this_and_remix_are_two_things(panel):
    """Edit takes the picture and leaves the settings; remix takes settings and leaves the picture; undo brings back."""
    panel.form.controls["quality"].widget.value = "low"
    run(panel)
    panel.form.prompt.value = "something else"
    panel.edit_this("@1")
    assert panel.request["images"][0]["origin"] == "@1"
    assert panel.form.prompt.value == "something else"
    panel.remix(panel.result.record)
    assert panel.form.prompt.value == "a red mug"
    assert panel.form.mode.value == "Generate"
    assert panel.request["quality"] == "low"
    panel.past.restore()
    assert panel.form.prompt.value == "something else"
    assert panel.form.images == [("@1", "")]


def test_prompts_come_back_and_nothing_typed_is_lost(panel):
    run(panel)
    panel.form.prompt.value = "half a thought"
    panel._key({"press": "older"})
    panel.past.step(1)
    assert panel.form.prompt.value == "a red mug"
    panel.past.step(-1)
    assert panel.form.prompt.value == "half a thought"


def test_what_goes_wrong_is_shown():
    """A failed request, and a callback's own fault, end as cards: widgets would swallow them."""
    panel = Panel("a red mug", session=simulated_session(Simulator(faults="moderation")))
    assert run(panel) is None
    wait_for(lambda: panel.card.text)
    assert "ModerationError" in panel.card.text
    panel.card.guard(lambda: 1 / 0)()
    assert "ZeroDivisionError" in panel.card.text
    panel.card.guard(lambda: panel.pictures.put("no-such-file.png"))()
    assert "no such" in panel.card.text or "neither" in panel.card.text


def test_texts_are_shown_as_texts(panel):
    """A prompt, a name or an error with markup never becomes markup."""
    panel.card.show("<script>alert(1)</script>", ["<img src=x>"])
    assert "<script>" not in panel.card.text
    panel.bar.say("<b>")
    assert panel.bar.status.value == "&lt;b&gt;"


def test_braces_are_sent_as_typed(panel):
    """A panel evaluates nothing that is typed into it."""
    panel.form.prompt.value = "a {{ 1 / 0 }} mug"
    assert panel.check().request.prompt == "a {{ 1 / 0 }} mug"
    assert "--raw" in panel._job.cell


def test_a_key_in_the_prompt_is_refused(panel):
    panel.form.prompt.value = "sk-proj-" + "a1B2" * 12
    assert panel.check() is None
    assert "API key" in str(panel.problems[0])


def test_uploads_become_files_that_a_cell_can_name(panel, session):
    """An uploaded picture is kept once in the output folder, and the cell refers to it by path."""
    data = session.generate("x", size="1024x1024", quality="low").bytes
    upload = {"name": "my photo.png", "content": memoryview(data)}
    panel.pictures._uploaded({"new": (upload, upload)})
    (reference, _), again = panel.form.images
    assert again[0] == reference
    assert reference.startswith("output/imagegen/inputs/my photo-")
    panel.form.mode.value = "Edit"
    panel.check()
    assert panel.request["images"][0]["mime"] == "image/png"


def test_static_fallback_and_starting_values(session):
    """Where no widget can be shown there is a sentence; options start the controls, mistyped ones are refused."""
    panel = Panel("x", session=session, quality="high", size="1024x1024")
    assert panel.form.controls["quality"].widget.value == "high"
    assert panel.form.controls["size"].widget.value == "square"
    bundle = panel._repr_mimebundle_()
    assert bundle["text/plain"] == FALLBACK
    assert "application/vnd.jupyter.widget-view+json" in bundle
    with pytest.raises(RequestError, match="qualty"):
        Panel(qualty="high", session=session)


def test_every_control_can_be_spoken_and_heard(session):
    """What the form says, a second form shows again: no option of the panel is lost by Undo or Remix."""
    first, second = Panel("a", session=session), Panel("b", session=session)
    first.form.controls["model"].widget.value = "gpt-image-2.6-sunburst"
    first.form.controls["output_format"].widget.value = "webp"
    for name, value in {
        "output_compression": "80",
        "extra": "a=1\nb=x",
        "web": "512",
        "deadline": "60",
        "alt": "a mug",
    }.items():
        first.form.controls[name].widget.value = value
    first.form.fields["text"].show(True)
    first.form.fields["text"].widget.value = "Field & Flour\nBread"
    first.form.fields["style"].show(True)
    first.form.fields["style"].widget.value = "ink"
    first.form.backdrop.value = "cut-out"
    spoken = first.form.speak()
    assert not spoken.problems
    second.form.restore(spoken)
    assert dict(second.form.speak().values) == dict(spoken.values)


def test_a_click_may_overtake_the_text(panel, session):
    """Front ends hold text back while a kernel is busy: Add then takes what arrives after the click."""
    session.generate("x", name="hero", size="1024x1024", quality="low")
    panel.pictures.add.click()
    assert "first" in panel.pictures.hint.value
    panel.pictures.reference.value = "@hero"
    assert panel.form.images == [("@hero", "")]
    assert panel.pictures.reference.value == ""
    panel._key({"press": "generate", "prompt": "what stands in the page"})
    wait_for(lambda: panel.result is not None)
    assert panel.result.record.prompt_typed == "what stands in the page"


def test_a_cancelled_panel_is_free_at_once():
    """Cancel gives the panel back while the request is on its way; its picture is taken when it comes."""
    gate = threading.Event()
    simulator = Simulator(latency=1, sleep=lambda seconds: gate.wait(30))
    panel = Panel("a red mug", session=simulated_session(simulator))
    panel.generate()
    assert panel.bar.go.disabled
    wait_for(lambda: simulator.record)
    panel.cancel()
    assert not panel.bar.go.disabled
    gate.set()
    wait_for(lambda: panel.result is not None)
    assert "saved as @1" in panel.bar.status.value


def test_closing_drops_all_state(session):
    """What a panel replaced, and a closed panel, leave nothing in the state that a notebook saves."""
    from ipywidgets import Widget

    def count():
        return len(Widget.get_manager_state()["state"])

    session.generate("x", size="1024x1024", quality="low")
    before = count()
    panel = Panel("a red mug", session=session)
    panel.edit_this("@1")
    shown = count()
    for _ in range(3):
        for mode in ("History", "Edit"):
            panel.form.mode.value = mode
            panel._settle()
    assert count() <= shown + 20, "what is replaced is closed"
    panel.close()
    assert count() - before < 10
