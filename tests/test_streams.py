"""Streams as servers really send them: every shape that the standard allows, and shapes that it does not."""

from __future__ import annotations

import base64
import io
import json

import pytest
from conftest import simulated_session
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from test_hostile_answers import Canned

from imagegen_magic.store.folder import Store
from imagegen_magic.wire.events import EventStream
from imagegen_magic.wire.sse import SseParser


def image_text(color="navy", form="PNG"):
    """A small image as base64."""
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), color).save(stream, form)
    return base64.b64encode(stream.getvalue()).decode()


WIRE = (
    b'\xef\xbb\xbf: hello\r\nevent: a\r\ndata: 1\r\ndata: 2\r\n\r\ndata:3\rid: 7\r\revent: c\ndata: {"x": 4}\n\n: end\n'
)
EVENTS = [("a", b"1\n2"), ("message", b"3"), ("c", b'{"x": 4}')]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=80))
def test_events_do_not_depend_on_how_bytes_arrive(sizes):
    """CR, LF, CRLF, a byte order mark, comments and several data lines, in pieces of any size."""
    parser, found, at = SseParser(), [], 0
    for size in [*sizes, len(WIRE)]:
        found += parser.feed(WIRE[at : at + size])
        at += size
    found += parser.close()
    assert [(event.name, event.data) for event in found] == EVENTS


def test_a_last_event_without_its_empty_line_counts():
    """The stream may break right after the image that is billed."""
    parser = SseParser()
    assert [*parser.feed(b"data: x"), *parser.close()][0].data == b"x"


def read_stream(tmp_path, *events):
    """(the parsed answer, the previews) of a stream with these events."""
    previews = []
    stream = EventStream(Store(tmp_path / "out"), lambda data, number: previews.append(number))
    for event in events:
        text = event if isinstance(event, str) else json.dumps(event)
        stream.feed(f"data: {text}\n\n".encode())
    stream.close()
    return stream, previews


FINAL = {
    "type": "image_generation.completed",
    "b64_json": image_text(),
    "usage": {"output_tokens": 5, "total_tokens": 6},
}


@pytest.mark.parametrize(
    "final",
    [
        FINAL,
        {"type": "image_edit.completed", "b64_json": image_text()},
        {"type": "response.image.done", "image": {"b64_json": image_text()}},
        {"object": "image", "data": [{"b64_json": image_text()}]},
        {"type": "done", "result": image_text()},
        {"type": "done", "url": "data:image/png;base64," + image_text()},
        {"type": "image", "output": [{"content": "data:image/jpeg;base64, " + image_text(form="JPEG")}]},
        {"b64_json": image_text() + "\n"},
    ],
)
def test_any_event_that_holds_an_image_yields_it(final, tmp_path):
    """Under names and in shapes that are not known, too."""
    stream, _ = read_stream(tmp_path, {"type": "image_generation.partial_image", "b64_json": image_text("red")}, final)
    assert len(stream.answer.payloads) == 1
    assert stream.completed == 1


RED = image_text("red")


@pytest.mark.parametrize(
    "preview",
    [
        {"type": "image.preview", "b64_json": RED},
        {"type": "image_generation.progress", "b64_json": RED},
        {"event": "image_generation.partial_image", "data": {"b64_json": RED}},
        {"type": "message", "data": json.dumps({"type": "image_generation.partial_image", "b64_json": RED})},
        {"b64_json": RED, "partial_image_index": 0},
        {"type": "image", "b64_json": RED, "partial": True},
        {"type": "image", "b64_json": RED, "is_final": False},
    ],
)
def test_a_preview_by_another_name_is_no_result(preview, tmp_path):
    """Told by its type, by what stands inside, or by its number."""
    stream, _ = read_stream(tmp_path, preview, FINAL)
    assert len(stream.answer.payloads) == 1


def test_the_streams_own_name_tells_a_preview(tmp_path):
    stream = EventStream(Store(tmp_path / "out"), lambda data, number: None)
    stream.feed(f"event: image_generation.partial_image\ndata: {json.dumps({'b64_json': RED})}\n\n".encode())
    assert (stream.answer.payloads, stream.completed) == ([], 0)


def test_an_error_beside_the_image_costs_nothing(tmp_path):
    """The image is kept, and the error is said; an address in an error is of a page that explains it."""
    stream, _ = read_stream(
        tmp_path, {**FINAL, "error": {"message": "half"}}, {"type": "error", "url": "https://x/why"}
    )
    assert (len(stream.answer.payloads), stream.answer.urls) == (1, [])
    assert stream.error


def test_an_image_in_pieces_of_a_stream_is_joined(tmp_path):
    text = image_text()
    pieces = [{"type": "image.chunk", "b64_json": part} for part in (text[:51], text[51:90], text[90:])]
    stream, _ = read_stream(tmp_path, *pieces, {"type": "image.done", "usage": {"output_tokens": 5}})
    assert [payload.path.read_bytes() for payload in stream.answer.payloads] == [base64.b64decode(text)]
    assert (stream.answer.kept, stream.answer.usage) == ([], {"output_tokens": 5})


@pytest.mark.parametrize("place", ["response", "data"])
def test_tokens_inside_of_an_event(place, tmp_path):
    """Counted once, however often the image comes."""
    inner = {"type": "done", place: {"result": image_text(), "usage": {"output_tokens": 5}}}
    stream, _ = read_stream(tmp_path, {"type": "item", "result": image_text()}, inner, inner)
    assert (len(stream.answer.payloads), stream.answer.usage) == (1, {"output_tokens": 5})


PREVIEW = {"type": "image_generation.partial_image", "b64_json": image_text("red")}
WRITTEN = {
    "no empty line between events": f"data: {json.dumps(PREVIEW)}\ndata: {json.dumps(FINAL)}\n\n",
    "two values in one line": f"data: {json.dumps(PREVIEW)}{json.dumps(FINAL)}\n\n",
    "data twice": f"data: data: {json.dumps(PREVIEW)}\n\ndata: data: {json.dumps(FINAL)}\n\n",
    "cut off after the image": f"data: {json.dumps(PREVIEW)}\n\ndata: {json.dumps(FINAL)[:-20]}",
    "named by its line, cut off": "event: image_generation.completed\ndata: "
    + json.dumps({"b64_json": FINAL["b64_json"], "usage": {}})[:-2],
    "the same twice": f"data: {json.dumps(FINAL)}\n\ndata: {json.dumps({'type': 'done', 'result': FINAL['b64_json']})}\n\n",
    "JSON lines": f"{json.dumps(PREVIEW)}\n{json.dumps(FINAL)}\n",
    "UTF-16": f"data: {json.dumps(PREVIEW)}\n\ndata: {json.dumps(FINAL)}\n\n".encode("utf-16").decode("latin-1"),
    "a list": f"data: {json.dumps([PREVIEW, FINAL])}\n\n",
    "JSON texts (RFC 7464)": f"\x1e{json.dumps(PREVIEW)}\n\x1e{json.dumps(FINAL)}\n",
    "base64 without JSON": f"event: partial_image\ndata: {PREVIEW['b64_json']}\n\nevent: completed\ndata: {FINAL['b64_json']}\n\n",
    "a data URI without JSON": f"event: completed\ndata: data:image/png;base64,{FINAL['b64_json']}\n\n",
    "lines without data:": f"data: {json.dumps(FINAL, indent=1)}\n\n",
    "a control character": f"data: {json.dumps({'note': '?', **FINAL}).replace('?', chr(9))}\n\n",
    "an id first": f"id: 1\nretry: 9\ndata: {json.dumps(FINAL)}\n\n",
}


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("kind", ["text/event-stream", "application/json", "application/x-ndjson"])
def test_the_final_image_however_it_is_written(written, kind, folder):
    """One image, the final one, whatever the body is called."""
    server = Canned(WRITTEN[written].encode("latin-1"), content_type=kind)
    made = simulated_session(server, retries=0).generate("a mug", size="1024x1024", quality="low", partial_images=1)
    assert [image.source.read_bytes() for image in made] == [base64.b64decode(FINAL["b64_json"])]


def test_a_cut_event_that_may_be_a_preview_is_none(tmp_path):
    """Nothing says what it is: it is kept with the stream, not taken for a result."""
    stream, _ = read_stream(tmp_path, json.dumps({"b64_json": image_text(), "type": "x"})[:-6])
    assert (stream.answer.payloads, stream.answer.broken) == ([], True)


def test_tokens_may_have_an_event_of_their_own(tmp_path):
    final = {"type": "image_generation.completed", "b64_json": image_text()}
    stream, _ = read_stream(tmp_path, final, {"type": "usage", "usage": {"output_tokens": 5}})
    assert stream.answer.usage == {"output_tokens": 5}


@pytest.mark.parametrize(
    "more",
    [
        [{"choices": [], "usage": FINAL["usage"]}],
        [{"type": "usage", "usage": {"output_tokens": 2}}, {"type": "usage", "usage": FINAL["usage"]}],
        [{"type": "response.completed", "response": {"result": FINAL["b64_json"], "usage": FINAL["usage"]}}],
    ],
)
@pytest.mark.parametrize("first", [FINAL, {**FINAL, "usage": None}])
def test_tokens_that_are_said_again_count_once(more, first, tmp_path):
    """Events without an image of their own say what the whole has used so far."""
    stream, _ = read_stream(tmp_path, first, *more)
    assert stream.answer.usage == FINAL["usage"]


@pytest.mark.parametrize("again", [FINAL["b64_json"] + "\n", "data:image/png;base64," + FINAL["b64_json"]])
def test_an_image_that_comes_again_in_other_clothes_is_one(again, tmp_path):
    stream, _ = read_stream(tmp_path, FINAL, {"type": "done", "url": again, "usage": FINAL["usage"]})
    assert (len(stream.answer.payloads), stream.answer.usage) == (1, FINAL["usage"])


@pytest.mark.parametrize(
    "preview",
    [
        {"b64_json": "???"},
        {"b64_json": None},
        {"b64_json": 5},
        {"b64_json": image_text(), "partial_image_index": "x"},
        {"b64_json": image_text(), "partial_image_index": [1]},
        {},
    ],
)
def test_a_bad_preview_never_costs_the_final(preview, tmp_path):
    """Whatever a preview holds, the final image is there, and no preview is a result."""
    stream, _ = read_stream(tmp_path, {"type": "image_generation.partial_image", **preview}, FINAL)
    assert len(stream.answer.payloads) == 1


def test_a_preview_that_nobody_can_show_costs_nothing(tmp_path):
    """A display that raises is not the stream's business."""

    def broken(data, number):
        raise RuntimeError("no display")

    stream = EventStream(Store(tmp_path / "out"), broken)
    for event in ({"type": "image_generation.partial_image", "b64_json": image_text()}, FINAL):
        stream.feed(f"data: {json.dumps(event)}\n\n".encode())
    stream.close()
    assert len(stream.answer.payloads) == 1


@pytest.mark.parametrize(
    "error",
    [
        {"type": "error", "message": "too much", "code": "server_error"},
        {"type": "error", "error": {"message": "too much", "code": "server_error"}},
        {"error": {"message": "too much"}},
        {"error": "too much"},
        {"type": "image_generation.failed", "error": {"message": "too much"}},
        {"type": "image_generation.failed", "message": "too much"},
        {"type": "response.failed", "response": {"error": {"message": "too much"}}},
        {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "too much"}}},
    ],
)
def test_flat_and_nested_errors_keep_their_reason(error, tmp_path):
    """The reason is in the error, however deep the server puts it."""
    stream, _ = read_stream(tmp_path, error)
    assert "too much" in str(dict(stream.error))


def test_an_error_in_plain_words(tmp_path):
    stream = EventStream(Store(tmp_path / "out"), lambda data, number: None)
    stream.feed(b"event: error\ndata: too much\n\n")
    assert stream.error == {"message": "too much"}


@pytest.mark.parametrize(
    "usage", [None, [], "many", {"output_tokens": 1056.0}, {"output_tokens": "7"}, {"output_tokens": None}]
)
def test_usage_of_any_shape_is_read(usage, tmp_path):
    """Floats and texts count; what is no number is unknown; nothing raises."""
    stream, _ = read_stream(tmp_path, {**FINAL, "usage": usage})
    assert len(stream.answer.payloads) == 1


def test_text_on_the_way_to_an_image_is_no_fault(tmp_path):
    """vLLM-Omni's stream of an edit: chunks of text, then the final image, all under one name, told apart by `type`."""
    words = {"object": "image.edit.chunk", "type": "ar_delta", "delta": "a red mug", "index": 0}
    final = {"object": "image.edit.chunk", "type": "image", "data": [{"b64_json": image_text()}]}
    stream, previews = read_stream(tmp_path, words, words, final, "[DONE]")
    assert len(stream.answer.payloads) == 1
    assert previews == []
    assert not stream.answer.broken
