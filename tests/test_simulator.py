"""The simulator in process: its rules, its pictures, its bodies and its faults."""

from __future__ import annotations

import base64
import contextlib
import io
import itertools
import json
import os
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagegen_magic.simulator import FAULTS, Disconnect, Request, Simulator, Stalled, parse_faults

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
HEADERS = {"Authorization": "Bearer sk-any", "Content-Type": "application/json"}
SMALL = "1024x640"


def make(**options):
    return Simulator(**{"clock": lambda: NOW, **options})


def call(body=None, *, sim=None, path="/images/generations", headers=None, timeout=None):
    """The answer to a JSON request; model, prompt, a small size and low quality unless told otherwise."""
    given_body = {"model": "gpt-image-2", "prompt": "a star", "size": SMALL, "quality": "low", **(body or {})}
    given_body = {name: value for name, value in given_body.items() if value is not ...}
    request = Request("POST", f"/v1{path}", HEADERS if headers is None else headers, json.dumps(given_body).encode())
    return (sim or make()).handle(request, timeout=timeout)


def get(sim, path):
    return sim.handle(Request("GET", f"/v1{path}", HEADERS))


def refused(body=None, **options):
    """(status, error object) of a request that must be refused."""
    answer = call(body, **options)
    return answer.status, answer.json()["error"]


def decoded_image(answer, number=0):
    return Image.open(io.BytesIO(base64.b64decode(answer["data"][number]["b64_json"])))


def drawn(body=None, **options):
    return decoded_image(call(body, **options).json())


def events(body, **options):
    """The data of every event of a streamed answer."""
    text = call({"stream": True, **body}, **options).read().decode()
    return [json.loads(block.split("data: ", 1)[1]) for block in text.split("\n\n") if block]


def png(size=(1024, 640), colour="navy", hole=None, **options):
    image = Image.new("RGBA" if hole else "RGB", size, colour)
    if hole:
        image.paste((0, 0, 0, 0), hole)
    out = io.BytesIO()
    image.save(out, "PNG", **options)
    return out.getvalue()


def data_url(data, mime="image/png"):
    return {"image_url": f"data:{mime};base64,{base64.b64encode(data).decode()}"}


def edit(body=None, *, images=None, **options):
    urls = [data_url(data) for data in (images or [png()])]
    return call({"images": urls, **(body or {})}, path="/images/edits", **options)


def form(parts, sim, values):
    """A multipart edit: parts are (field, filename, mime, data)."""
    lines = [f'--B\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in values.items()]
    for field, filename, mime, data in parts:
        head = f'--B\r\nContent-Disposition: form-data; name="{field}"; filename="{filename}"\r\nContent-Type: {mime}\r\n\r\n'
        lines.append(head.encode() + data + b"\r\n")
    headers = {**HEADERS, "Content-Type": "multipart/form-data; boundary=B"}
    return sim.handle(Request("POST", "/v1/images/edits", headers, b"".join(lines) + b"--B--\r\n"))


# --- rules -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "param", "code", "words"),
    [
        ({"prompt": ...}, 400, "prompt", "missing_required_parameter", "Missing required parameter: 'prompt'."),
        ({"model": ...}, 400, "model", "missing_required_parameter", "'model'"),
        ({"model": "gpt-image-99"}, 404, "model", "model_not_found", "does not exist"),
        ({"model": "gpt-image-1"}, 404, "model", "model_not_found", "has been deprecated"),
        ({"colour": "red"}, 400, "colour", "unknown_parameter", "Unknown parameter: 'colour'."),
        ({"response_format": "b64_json"}, 400, "response_format", "unknown_parameter", "Unknown parameter"),
        ({"input_fidelity": "high"}, 400, "input_fidelity", "unknown_parameter", "Unknown parameter"),
        ({"prompt": "x" * 32_001}, 400, "prompt", "string_above_max_length", "maximum length 32000"),
        ({"prompt": 5}, 400, "prompt", "invalid_type", "expected a string, but got an integer"),
        ({"n": 0}, 400, "n", "integer_below_min_value", ">= 1, but got 0"),
        ({"n": 11}, 400, "n", "integer_above_max_value", "<= 10, but got 11"),
        ({"n": 1.5}, 400, "n", "invalid_type", "expected an integer, but got a decimal number"),
        ({"n": True}, 400, "n", "invalid_type", "got a boolean"),
        ({"quality": "xhigh"}, 400, "quality", "invalid_value", "'low', 'medium', 'high', and 'auto'"),
        ({"complexity": "low"}, 400, "complexity", "unsupported_parameter", "does not support"),
        ({"size": "1792x936"}, 400, "size", "invalid_value", "Invalid size '1792x936'. Width and height must both be divisible by 16."),
        ({"size": "4096x2048"}, 400, "size", "invalid_value", "at most 3840"),
        ({"size": "3840x1024"}, 400, "size", "invalid_value", "aspect ratio"),
        ({"size": "512x512"}, 400, "size", "invalid_value", "number of pixels"),
        ({"size": "big"}, 400, "size", "invalid_value", "WIDTHxHEIGHT"),
        ({"size": "2048x1152", "model": "gpt-image-1.5"}, 400, "size", "invalid_value", "'1024x1024', '1024x1536', '1536x1024', and 'auto'"),
        ({"output_format": "gif"}, 400, "output_format", "invalid_value", "'png', 'jpeg', and 'webp'"),
        ({"output_compression": 50}, 400, "output_compression", "invalid_value", "'png'"),
        ({"output_compression": 101, "output_format": "webp"}, 400, "output_compression", "integer_above_max_value", "<= 100"),
        ({"background": "transparent", "output_format": "jpeg"}, 400, "background", "invalid_value", "'jpeg'"),
        ({"background": "clear"}, 400, "background", "invalid_value", "'transparent'"),
        ({"partial_images": 2}, 400, "partial_images", "invalid_value", "requires 'stream'"),
        ({"partial_images": 4, "stream": True}, 400, "partial_images", "integer_above_max_value", "<= 3"),
        ({"stream": "maybe"}, 400, "stream", "invalid_type", "expected a boolean"),
        ({"moderation": "none"}, 400, "moderation", "invalid_value", "'auto' and 'low'"),
        ({"prompt": "a scene of simulated-violence"}, 400, None, "moderation_blocked", "safety_violations=[violence]"),
        ({"safety_identifier": "x" * 129}, 400, "safety_identifier", "string_above_max_length", "128"),
        ({"frame_count": 4}, 400, "frame_count", "invalid_value", "'gif'"),
        ({"svg": {}}, 400, "svg", "invalid_value", "'svg'"),
    ],
)  # fmt: skip
def test_bad_generation_is_refused(body, status, param, code, words):
    """Each bad request gets the status, parameter, code and words of the service, and is not billed."""
    sim = make()
    answered, error = refused(body, sim=sim)
    assert (answered, error["param"], error["code"]) == (status, param, code)
    assert words in error["message"]
    assert set(error) == {"message", "type", "param", "code"}
    assert sim.images_billed == 0
    assert sim.record[-1].status == status


NEW = {"model": "gpt-image-2.5-flare"}


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({"output_format": "gif", "size": "1024x1024", "frame_count": 6}, "size", "GIF size limits"),
        ({"output_format": "gif", "frame_count": 17}, "frame_count", "<= 16"),
        ({"output_format": "gif", "frame_duration_ms": 10}, "frame_duration_ms", ">= 20"),
        ({"output_format": "gif", "stream": True}, "stream", "Streaming"),
        ({"output_format": "svg", "n": 2}, "n", "must be 1"),
        ({"output_format": "svg", "svg": {"colour": 1}}, "svg.colour", "Unknown parameter"),
        ({"output_format": "svg", "svg": {"reasoning": {"effort": "low"}}}, "svg.model", "Missing required"),
        ({"output_format": "svg", "svg": {"model": "m", "reasoning": "low"}}, "svg.reasoning", "expected an object"),
        (
            {"output_format": "svg", "svg": {"model": "m", "reasoning": {"effort": 3}}},
            "svg.reasoning.effort",
            "expected a string",
        ),
        (
            {"output_format": "svg", "svg": {"model": "m", "reasoning": {"effort": "huge"}}},
            "svg.reasoning.effort",
            "'none', 'minimal'",
        ),
        (
            {"output_format": "svg", "svg": {"model": "m", "reasoning": {"foo": "low"}}},
            "svg.reasoning.foo",
            "Unknown parameter",
        ),
        ({"size": "01024x0640"}, "size", "WIDTHxHEIGHT"),
        ({"size": "\N{ARABIC-INDIC DIGIT ONE}024x640"}, "size", "WIDTHxHEIGHT"),
    ],
)
def test_rules_of_gif_and_svg(body, param, words):
    """Animated and vector output have rules of their own."""
    status, error = refused({**NEW, "size": ..., **body})
    assert (status, error["param"]) == (400, param)
    assert words in error["message"]


def test_a_body_nested_too_deep_and_a_file_of_no_field():
    """Both are refused; neither ends the simulator."""
    deep = b'{"prompt":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert make().handle(Request("POST", "/v1/images/generations", HEADERS, deep)).status == 400
    parts = [("image", "a.png", "image/png", png()), ("mask_image", "b.png", "image/png", png())]
    answer = form(parts, make(), {"model": "gpt-image-2", "prompt": "x"})
    assert (answer.status, answer.json()["error"]["param"]) == (400, "mask_image")


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "didn't provide an API key"),
        ({"Authorization": "Bearer "}, "didn't provide"),
        ({"Authorization": "Bearer sk-invalid"}, "Incorrect API key"),
    ],
)
def test_key_is_needed(headers, words):
    """No key, an empty one, and the documented invalid one are refused with 401; any other passes."""
    status, error = refused(headers=headers)
    assert status == 401
    assert words in error["message"]
    assert call(headers={"api-key": "azure"}).status == 200


def test_models_end_on_their_day():
    """By a clock of the caller's, a model is refused from its last day on; otherwise the calendar changes no answer."""
    body = {"model": "gpt-image-1.5", "size": "1024x1024"}
    assert call(body).status == 200
    later = make(clock=lambda: datetime(2026, 12, 1, tzinfo=UTC).timestamp())
    assert refused(body, sim=later)[0] == 404


def test_transparency_may_be_refused():
    """A model in preview accepts `transparent`, unless the server was told to refuse it."""
    body = {"background": "transparent"}
    assert call(body).status == 200
    status, error = refused(body, sim=make(refuse_transparent=True))
    assert (status, error["type"], error["param"]) == (400, "image_generation_user_error", "background")


@pytest.mark.parametrize(
    ("parts", "values", "param", "code"),
    [
        ([], {}, "image", "missing_required_parameter"),
        ([("image", "upload", "application/octet-stream", png())], {}, "image", "unsupported_file_mimetype"),
        ([("image", "a.png", "image/png", b"not a picture")], {}, "image", "invalid_image_file"),
        ([("image", "a.png", "image/png", png()[:400])], {}, "image", "invalid_image_file"),
        ([("image[]", "a.png", "image/png", png())] * 17, {}, "image", "array_above_max_length"),
        (
            [
                ("image", "a.png", "image/png", png()),
                ("mask", "m.png", "image/png", png((512, 512), hole=(0, 0, 9, 9))),
            ],
            {},
            "mask",
            "invalid_image_format",
        ),
        (
            [("image", "a.png", "image/png", png()), ("mask", "m.png", "image/png", png())],
            {},
            "mask",
            "invalid_image_format",
        ),
        (
            [("image", "a.png", "image/png", png()), ("markup", "m.png", "image/png", png(hole=(0, 0, 9, 9)))],
            {},
            "markup",
            "unsupported_parameter",
        ),
        (
            [("image", "a.png", "image/png", png())],
            {"input_fidelity": "high"},
            "input_fidelity",
            "invalid_input_fidelity_model",
        ),
    ],
)
def test_bad_edit_is_refused(parts, values, param, code):
    """Missing, untyped, broken, too many or ill-fitting pictures are refused by name."""
    answer = form(parts, make(), {"model": "gpt-image-2", "prompt": "x", **values})
    error = answer.json()["error"]
    assert (answer.status, error["param"], error["code"]) == (400, param, code)


def test_unknown_address():
    """An address that the service does not have is 404 in the service's words."""
    answer = get(make(), "/images/variations")
    assert answer.status == 404
    assert answer.json()["error"]["message"].startswith("Invalid URL")


@given(
    st.binary(max_size=300),
    st.sampled_from(["application/json", "multipart/form-data; boundary=B", "multipart/form-data"]),
)
@settings(max_examples=60, deadline=None)
def test_no_body_breaks_it(body, content_type):
    """Whatever bytes come, the answer is a refusal in the service's form."""
    answer = make().handle(Request("POST", "/v1/images/edits", {**HEADERS, "Content-Type": content_type}, body))
    assert answer.status == 400
    assert "message" in answer.json()["error"]


FIELDS = [
    "model",
    "prompt",
    "n",
    "size",
    "quality",
    "background",
    "output_format",
    "output_compression",
    "moderation",
    "complexity",
    "stream",
    "partial_images",
    "frame_count",
    "frame_duration_ms",
    "svg",
    "safety_identifier",
    "input_fidelity",
    "images",
    "mask",
    "markup",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5000) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["file_id", "image_url", "model"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5))
@settings(max_examples=100, deadline=None)
def test_no_value_breaks_it(body):
    """Whatever JSON values the fields have, the answer is pictures or a refusal."""
    sim = make(picture=png((64, 64)))
    assert call(body, sim=sim).status in (200, 400, 404)
    assert edit(body, sim=sim).status in (200, 400, 404)


# --- pictures --------------------------------------------------------------------------------------------------------


def test_equal_requests_bring_equal_images():
    """A picture depends on the request alone; another prompt, another number of the n, bring another picture."""
    first = call({"n": 2}).json()["data"]
    assert first == call({"n": 2}).json()["data"]
    assert first[0] != first[1]
    assert call({"prompt": "a star!"}).json()["data"][0] != first[0]


def test_varied_images_are_never_the_same():
    """As of the live service; in the same order, another simulator draws the same ones."""
    sims = make(varied=True), make(varied=True)
    runs = [[call({"n": 2}, sim=sim).json()["data"] for _ in range(2)] for sim in sims]
    assert runs[0] == runs[1]
    assert len({entry["b64_json"] for answer in runs[0] for entry in answer}) == 4


@pytest.mark.parametrize(("format_", "pillow"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_format_and_size(format_, pillow):
    """The bytes are of the format and size asked for, and say that they are simulated."""
    image = drawn({"output_format": format_, "size": "1280x720"})
    assert (image.format, image.size) == (pillow, (1280, 720))
    software = image.info.get("Software") if format_ == "png" else image.getexif().get(0x0131)
    assert software == "imagegen_magic simulator"


def test_compression_makes_files_smaller():
    """A lower `output_compression` gives fewer bytes."""
    sizes = [len(call({"output_format": "jpeg", "output_compression": c}).read()) for c in (20, 60, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 2


def test_gif_and_svg():
    """An animation has the frames asked for; a vector drawing is well-formed and stamped."""
    answer = call({**NEW, "output_format": "gif", "size": "640x640", "frame_count": 4, "frame_duration_ms": 104}).json()
    image = decoded_image(answer)
    assert (image.format, image.n_frames, image.info["duration"]) == ("GIF", 4, 100)
    svg = call({**NEW, "output_format": "svg"}).json()
    text = base64.b64decode(svg["data"][0]["b64_json"]).decode()
    assert ET.fromstring(text).get("viewBox") == "0 0 1024 640"
    assert "SIMULATED" in text
    assert svg["svg_usage"]["total_tokens"] > 0


KEY_PROMPT = "A {} on a perfectly flat solid #00ff00 chroma-key background for background removal"


@pytest.mark.parametrize("subject", ["fluffy cat with hair", "glass", "ring", "mug with steam", "robot"])
def test_key_backdrop_is_flat(subject):
    """With `delivery="exact"`, the border is exactly the colour named, and the subject is far from it."""
    sim = make(delivery="exact")
    pixels = np.asarray(drawn({"prompt": KEY_PROMPT.format(subject), "size": "1024x1024"}, sim=sim))
    key = np.array([0, 255, 0])
    for edge in (pixels[:8], pixels[-8:], pixels[:, :8], pixels[:, -8:]):
        assert (edge == key).all()
    subject_share = (np.abs(pixels.astype(int) - key).sum(axis=2) > 60).mean()
    assert 0.05 < subject_share < 0.7
    levels = np.unique(np.abs(pixels.astype(int) - key).sum(axis=2))
    assert len(levels) > 50, "edges are blended, not cut"


@pytest.mark.parametrize(
    "prompt", [KEY_PROMPT.format("robot"), "A robot on one flat solid #ff00ff chroma-key background"]
)
def test_key_backdrop_comes_as_models_deliver_it(prompt):
    """Off the colour asked for, nearly flat far from the subject, with rings of some levels around it; equal each time."""
    body = {"prompt": prompt, "size": "1024x1024"}
    exact, model, again = (
        np.asarray(drawn(body, sim=make(delivery=delivery)), np.float32) for delivery in ("exact", "model", "model")
    )
    assert (model == again).all()
    key = np.median(model[:16].reshape(-1, 3), axis=0)
    off = np.abs(key - exact[0, 0])
    assert (off >= 2).all()
    assert (off <= 60).all()
    clear = (exact == exact[0, 0]).all(axis=2)
    deviation = np.abs(model - key).max(axis=2)
    distance = cv2.distanceTransform(clear.astype(np.uint8), cv2.DIST_L2, 5)
    near, middle, far = (np.median(deviation[np.abs(distance - pixels) < 0.6]) for pixels in (3, 8, 60))
    assert near > middle > far >= 0.5
    assert 2 <= near <= 6
    assert far <= 2
    assert np.percentile(deviation[(distance > 2) & (distance < 4)], 99) < 25


def test_transparent_image_has_real_alpha():
    """Clear border, opaque inside, and partial alpha between."""
    image = drawn({"background": "transparent", "prompt": "a glass", "size": "1024x1024"})
    assert image.mode == "RGBA"
    alpha = np.asarray(image)[..., 3]
    assert not alpha[:8].any()
    assert alpha.max() == 255
    assert ((alpha > 20) & (alpha < 235)).mean() > 0.01


def test_two_backdrops_show_one_subject():
    """An edit that names another key colour keeps the subject, so that alpha can be solved from both."""
    sim = make(delivery="exact")
    first = call({"prompt": KEY_PROMPT.format("glass"), "size": "1024x1024"}, sim=sim).json()
    body = {
        "prompt": "Change only the backdrop to a flat solid #ff00ff; keep the subject as it is",
        "size": "1024x1024",
    }
    sent = base64.b64decode(first["data"][0]["b64_json"])
    second = edit(body, images=[sent], sim=sim).json()
    a, b = (np.asarray(decoded_image(answer), np.float64) for answer in (first, second))
    key_a, key_b = np.array([0, 255, 0.0]), np.array([255, 0, 255.0])
    alpha = 1 - ((a - b) @ (key_a - key_b)) / ((key_a - key_b) @ (key_a - key_b))
    clear = edit(
        {"prompt": "remove the background", "background": "transparent", "size": "1024x1024"}, images=[sent]
    ).json()
    truth = np.asarray(decoded_image(clear))[..., 3] / 255
    assert np.abs(alpha - truth).max() < 0.02


def sent_back(body, sim=None):
    return base64.b64decode(call(body, sim=sim).json()["data"][0]["b64_json"])


@pytest.mark.parametrize(
    "change", ["The same robot on a beach at sunset", "Make it night", "Turn it into a pencil sketch", "in a forest"]
)
def test_a_story_keeps_its_figure(change):
    """At another place, in another light or style, the input's figure is drawn again: its outline is the same."""
    sim = make(delivery="exact")
    body = {"prompt": "A small robot, full body", "size": "1024x1024"}
    first = sent_back(body, sim)
    moved = edit({"prompt": change, "size": "1024x1024"}, images=[first], sim=sim).json()
    moved = base64.b64decode(moved["data"][0]["b64_json"])
    assert (np.asarray(Image.open(io.BytesIO(first))) != np.asarray(Image.open(io.BytesIO(moved)))).mean() > 0.3
    clear = {"prompt": "remove the background", "background": "transparent", "size": "1024x1024"}
    shapes = [
        np.asarray(decoded_image(edit(clear, images=[image], sim=sim).json()))[..., 3] > 128 for image in (first, moved)
    ]
    both, either = shapes[0] & shapes[1], shapes[0] | shapes[1]
    assert both.sum() / either.sum() > 0.9


def test_an_addition_keeps_the_image():
    """A prompt that only adds something leaves every pixel elsewhere."""
    first = sent_back({"prompt": "A small robot", "size": "1024x1024"})
    added = decoded_image(edit({"prompt": "Put a star in the corner", "size": "1024x1024"}, images=[first]).json())
    same = (np.asarray(Image.open(io.BytesIO(first))) == np.asarray(added)).all(axis=2)
    assert 0.5 < same.mean() < 0.99


def test_a_reference_becomes_a_sheet():
    """The figure of the input in four cells, in its colours."""
    first = sent_back({"prompt": "a blue slime", "size": "1024x1024"})
    body = {
        "prompt": "sprite sheet of this figure, 4 frames in one row",
        "background": "transparent",
        "size": "1536x512",
    }
    sheet = np.asarray(decoded_image(edit(body, images=[first]).json()), np.float32)
    cells = [sheet[:, start : start + 384] for start in range(0, 1536, 384)]
    assert all((cell[..., 3] > 128).mean() > 0.08 for cell in cells)
    assert all(np.diff(cell[cell[..., 3] > 250][:, :3].mean(axis=0)[[0, 2]]) > 15 for cell in cells)


def test_faults_of_a_sheet_are_in_the_image():
    """A script's fault makes the sheet of that request, and of no other, wrong."""
    sim = make(faults="missing frame, ok")
    body = {"prompt": "sprite sheet: a fox, 4 frames in one row", "background": "transparent", "size": "1536x512"}
    faulty, good = (np.asarray(drawn(body, sim=sim))[..., 3] > 128 for _ in range(2))
    filled = [[cell.any() for cell in np.split(sheet, 4, axis=1)] for sheet in (faulty, good)]
    assert (sum(filled[0]), sum(filled[1])) == (3, 4)


def test_drift_moves_the_subject():
    """With `drift`, the redrawn subject is a little off, as a real model's."""
    sent = base64.b64decode(
        call({"prompt": KEY_PROMPT.format("mug"), "size": "1024x1024"}).json()["data"][0]["b64_json"]
    )
    body = {"prompt": "the same over a flat #00ff00 backdrop", "size": "1024x1024"}
    still, moved = (edit(body, images=[sent], sim=make(drift=drift)).json() for drift in (0.0, 1.5))
    assert base64.b64decode(still["data"][0]["b64_json"]) == sent
    assert moved["data"] != still["data"]


@pytest.mark.parametrize(
    ("prompt", "least"), [("a bird", 0.15), ("replace the wall by a bird", 1.0), ("a sunset", 1.0)]
)
def test_mask_bounds_the_change(prompt, least):
    """Every pixel outside the transparent area is the first input's; inside is the subject, or all of it is new."""
    hole = (200, 100, 600, 500)
    answer = edit({"mask": data_url(png(hole=hole)), "prompt": prompt, "size": ...}).json()
    pixels = np.asarray(decoded_image(answer).convert("RGB"))
    same = (pixels == (0, 0, 128)).all(axis=2)
    inside = np.zeros_like(same)
    inside[hole[1] : hole[3], hole[0] : hole[2]] = True
    assert same[~inside].all()
    assert (~same[inside]).mean() >= least


def test_edit_shows_its_inputs():
    """The first input stays the picture, further ones are seen in it in their order."""
    pixels = np.asarray(
        drawn({"images": [data_url(png(colour=c)) for c in ("navy", "red", "lime")], "size": ...}, path="/images/edits")
    )
    columns = {
        c: np.argwhere((pixels == rgb).all(axis=2))[:, 1].mean()
        for c, rgb in (("red", (255, 0, 0)), ("lime", (0, 255, 0)))
    }
    assert columns["red"] < columns["lime"]
    assert (pixels == (0, 0, 128)).all(axis=2).mean() > 0.5


def test_what_stands_there_is_not_drawn_again():
    """ "A star beside the house" adds a star to the picture of a house."""

    def reaches(prompt):
        """The columns and rows that change, above the stamp."""
        body = {"images": [data_url(png())], "prompt": prompt, "size": ...}
        pixels = np.asarray(drawn(body, path="/images/edits"))[:560].astype(int)
        rows, columns = np.nonzero(np.abs(pixels - (0, 0, 128)).sum(axis=2) > 100)
        return np.array([columns.min(), columns.max(), rows.min(), rows.max()])

    star = reaches("a star")
    assert np.abs(reaches("a star beside the old house") - star).max() <= 24
    assert np.abs(reaches("a star and a house") - star).max() > 24


def test_markup_guides_the_edit():
    """The subject is drawn where the marks are."""
    out = io.BytesIO()
    marks = Image.new("RGBA", (1024, 640))
    marks.paste((255, 0, 0, 255), (700, 100, 900, 300))
    marks.save(out, "PNG")
    body = {**NEW, "markup": data_url(out.getvalue()), "prompt": "a star here", "size": ...}
    pixels = np.asarray(drawn({"images": [data_url(png())], **body}, path="/images/edits"))[:560].astype(int)
    rows, columns = np.nonzero(np.abs(pixels - (0, 0, 128)).sum(axis=2) > 100)
    assert columns.min() >= 700
    assert columns.max() <= 900
    assert rows.max() <= 300


def test_exif_orientation_of_inputs():
    """A picture that lies on its side is stood up before anything else."""
    image, out, exif = Image.new("RGB", (1024, 640), "navy"), io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    image.save(out, "JPEG", exif=exif)
    answer = call({"images": [data_url(out.getvalue(), "image/jpeg")], "size": ...}, path="/images/edits").json()
    assert answer["size"] == "640x1024"


def test_canned_image():
    """For tests of load, a given picture is sent in place of drawings, in streams too."""
    data = png((64, 64))
    sim = make(picture=data)
    assert [base64.b64decode(e["b64_json"]) for e in call({"n": 2}, sim=sim).json()["data"]] == [data, data]
    assert [base64.b64decode(e["b64_json"]) == data for e in events({"partial_images": 1}, sim=sim)] == [False, True]


def test_a_delivery_is_one_of_two():
    with pytest.raises(ValueError, match="exact"):
        make(delivery="perfect")


def test_record_does_not_hold_bodies():
    """Data URLs of an edit are cut in the record; the files are known by size and hash."""
    sim = make()
    edit({"size": ...}, images=[png(compress_level=0)], sim=sim)
    [arrival] = sim.record
    assert len(json.dumps(arrival.fields)) < 10_000
    assert [part.size for part in arrival.parts] == [len(png(compress_level=0))]


# --- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "size", "quality", "tokens"),
    [
        ("gpt-image-2", "1024x1024", "high", 7024),
        ("gpt-image-2", "1024x1024", "medium", 1756),
        ("gpt-image-2", "1024x1024", "low", 196),
        ("gpt-image-2", "1536x1024", "high", 5488),
        ("gpt-image-2", "3840x2160", "low", 371),
        ("gpt-image-2.5-flare", "1024x1024", "xhigh", 3122),
        ("gpt-image-1.5", "1024x1536", "medium", 1584),
    ],
)
def test_output_tokens(model, size, quality, tokens):
    """Tokens are those that the published points and tables name."""
    usage = call({"model": model, "size": size, "quality": quality, "output_format": "jpeg"}).json()["usage"]
    assert usage["output_tokens"] == tokens
    assert usage["total_tokens"] == tokens + usage["input_tokens"]


@pytest.mark.parametrize(
    ("size", "tokens"), [((1024, 1024), 1024), ((3840, 2160), 1508), ((512, 512), 1024), ((256, 256), 256)]
)
def test_input_tokens(size, tokens):
    """Input pictures count by 32 px patches: small ones enlarged up to twice, large ones within 1536."""
    usage = edit({"output_format": "jpeg", "size": "1024x1024"}, images=[png(size)]).json()["usage"]
    assert usage["input_tokens_details"]["image_tokens"] == tokens


def test_resolved_values():
    """`auto` is never reported back."""
    answer = call({"size": "auto", "quality": "auto", "prompt": "a portrait of a cat", "output_format": "jpeg"}).json()
    assert (answer["size"], answer["quality"], answer["background"]) == ("1024x1536", "medium", "opaque")


SCHEMAS = json.loads((Path(__file__).parent / "data" / "openapi-images.json").read_text())


def check_schema(name, value):
    """Fails where the value breaks the published schema; values newer than it are not held against it."""
    jsonschema.validate(value, {"$ref": f"#/components/schemas/{name}", "components": SCHEMAS["components"]})


def test_answers_keep_the_published_schema():
    """Images, events, files and batches look as the OpenAPI specification says."""
    body = {"size": "1024x1024", "output_format": "jpeg"}
    sim = make()
    check_schema("ImagesResponse", call(body, sim=sim).json())
    partial, final = events({**body, "partial_images": 1}, sim=sim)
    check_schema("ImageGenPartialImageEvent", partial)
    check_schema("ImageGenCompletedEvent", final)
    edits = {**body, "images": [data_url(png())], "partial_images": 1}
    partial, final = events(edits, sim=sim, path="/images/edits")
    check_schema("ImageEditPartialImageEvent", partial)
    check_schema("ImageEditCompletedEvent", final)


def test_files_and_batches_keep_the_published_schema():
    """The objects of files and batches, their lists and deletions, are those of the specification."""
    sim = make()
    line = {
        "custom_id": "a",
        "method": "POST",
        "url": "/v1/images/generations",
        "body": {"model": "gpt-image-2", "prompt": "x", "quality": "low"},
    }
    upload = form(
        [("file", "jobs.jsonl", "application/jsonl", json.dumps(line).encode())],
        _At(sim, "/v1/files"),
        {"purpose": "batch"},
    ).json()
    check_schema("OpenAIFile", upload)
    create = {"input_file_id": upload["id"], "endpoint": line["url"], "completion_window": "24h"}
    batch = sim.handle(Request("POST", "/v1/batches", HEADERS, json.dumps(create).encode())).json()
    while batch["status"] != "completed":
        check_schema("Batch", {name: value for name, value in batch.items() if value is not None})
        batch = get(sim, f"/batches/{batch['id']}").json()
    [answer] = get(sim, f"/files/{batch['output_file_id']}/content").read().splitlines()
    check_schema("ImagesResponse", json.loads(answer)["response"]["body"])
    check_schema("ListFilesResponse", get(sim, "/files").json())
    check_schema("DeleteFileResponse", sim.handle(Request("DELETE", f"/v1/files/{upload['id']}", HEADERS)).json())
    assert get(sim, f"/files/{upload['id']}").status == 404


class _At:
    """A simulator to which a form goes at another address."""

    def __init__(self, sim, path):
        self.sim, self.path = sim, path

    def handle(self, request):
        return self.sim.handle(Request(request.method, self.path, request.headers, request.body))


def test_streams_hold_one_image():
    """Partials get sharper; several pictures in a stream are refused in the service's words."""
    status, error = refused({"stream": True, "n": 2})
    assert (status, error["message"]) == (400, "Streaming is only supported with n=1.")
    assert error["type"] == "image_generation_user_error"
    assert (error["code"], error["param"]) == ("unsupported_parameter", "input")
    found = events({"partial_images": 2})
    assert [e["type"].split(".")[1] for e in found] == ["partial_image", "partial_image", "completed"]
    final = np.asarray(decoded_image({"data": [found[2]]}), float)
    errors = [np.abs(np.asarray(decoded_image({"data": [event]}), float) - final).mean() for event in found[:2]]
    assert errors[0] > errors[1] > 0
    assert "output_tokens_details" not in found[2]["usage"]


# --- pace ------------------------------------------------------------------------------------------------------------


def test_latency_and_timeouts_need_no_waiting():
    """Waiting goes through `sleep`; longer than the peer's timeout is `Stalled` after that timeout."""
    slept = []
    sim = make(latency=2.0, sleep=slept.append)
    assert call(sim=sim, timeout=5).status == 200
    with pytest.raises(Stalled):
        call(sim=sim, timeout=1.5)
    assert slept == [2.0, 1.5]
    assert sim.images_billed == 2


def test_images_per_minute():
    """More pictures a minute than allowed get 429 with the time to wait; a minute later they pass."""
    now = [NOW]
    sim = make(ipm=3, clock=lambda: now[0], rate_limit_headers=True)
    assert call({"n": 3}, sim=sim).headers["x-ratelimit-remaining-images"] == "0"
    now[0] += 20
    answer = call(sim=sim)
    assert (answer.status, answer.headers["retry-after"], answer.headers["retry-after-ms"]) == (429, "40", "40000")
    assert "Please try again in 40s" in answer.json()["error"]["message"]
    now[0] += 40
    assert call(sim=sim).status == 200


def test_no_rate_limit_headers_unless_wanted():
    """Images answers of the live service carry none, refusals included."""
    for body in ({}, {"n": 0}):
        assert not [name for name in call(body, sim=make(ipm=5)).headers if name.startswith("x-ratelimit")]


def test_requests_in_flight():
    """Only `limit` requests are worked on at once; the next gets 429."""
    entered, leave = threading.Event(), threading.Event()

    def sleep(seconds):
        entered.set()
        leave.wait(10)

    sim = make(limit=1, latency=0.5, sleep=sleep)
    first = threading.Thread(target=call, kwargs={"sim": sim})
    first.start()
    entered.wait(10)
    refusal = call(sim=sim)
    leave.set()
    first.join()
    assert (refusal.status, refusal.headers["retry-after-ms"]) == (429, "500")
    assert sim.images_billed == 1


# --- faults ----------------------------------------------------------------------------------------------------------


def test_script_is_read():
    """Names, counts, delays and options are understood; an empty text has no faults."""
    first, second, third = parse_faults("429 x2 retry-after=1.5, stream cut after=3; 502 HTML billed=no on=any x*")
    assert (first.name, first.times, first.retry_after) == ("429", 2, 1.5)
    assert (second.name, second.after, second.billed) == ("stream cut", 3, True)
    assert (third.name, third.times, third.billed, third.on) == ("502 html", None, False, "any")
    assert parse_faults(" , ") == ()


@pytest.mark.parametrize(
    "text",
    [
        "oops",
        "429 x",
        "429 x2 after",
        "stall seconds=-1",
        "500 billed=maybe",
        "503 on=moon",
        "429 wait=1",
        "stall seconds=nan",
    ],
)
def test_bad_script_lists_the_names(text):
    """A word that is no fault and no option is refused with every name."""
    with pytest.raises(ValueError, match="reset before headers"):
        parse_faults(text)


@given(st.text(max_size=40))
def test_any_script_is_read_or_refused(text):
    """No text breaks the parser."""
    message = "names are"
    try:
        parse_faults(text)
    except ValueError as error:
        message = str(error)
    assert "names are" in message


def test_script_is_used_up_in_order():
    """Faults come in their order, as often as said, and leave refused requests alone."""
    sim = make(faults="429 x2, ok, 500 after=1")
    assert refused({"n": 99}, sim=sim)[0] == 400
    assert [call(sim=sim).status for _ in range(6)] == [429, 429, 200, 200, 500, 200]
    assert [arrival.fault for arrival in sim.record] == ["", "429", "429", "", "", "500", ""]


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "ok"])
def test_billing_of_every_fault(name):
    """What the script's table says about billing is what is counted, and `billed=` overrides it."""
    for billed in (FAULTS[name].billed, not FAULTS[name].billed):
        script = f"{name} seconds=0" + ("" if billed is FAULTS[name].billed else f" billed={'yes' if billed else 'no'}")
        sim = make(faults=script, sleep=lambda _: None)
        with contextlib.suppress(Disconnect):
            call({"stream": True} if FAULTS[name].stream else {"n": 2}, sim=sim).read()
        expected = {"fewer": 1, "more": 3}.get(name, 1 if FAULTS[name].stream else 2)
        refusing = sim.record[-1].status >= 400 and name != "502 html"
        assert sim.images_billed == (expected if billed and not refusing else 0)


@pytest.mark.parametrize(
    ("script", "status", "code", "kind"),
    [
        ("400 unknown_parameter param=quality", 400, "unknown_parameter", "invalid_request_error"),
        ("401", 401, "invalid_api_key", "invalid_request_error"),
        ("403 unverified", 403, None, "invalid_request_error"),
        ("429", 429, "rate_limit_exceeded", "requests"),
        ("quota", 429, "insufficient_quota", "insufficient_quota"),
        ("moderation", 400, "moderation_blocked", "image_generation_user_error"),
        ("500", 500, "server_error", "server_error"),
        ("503", 503, "server_is_overloaded", "server_error"),
    ],
)
def test_refusals_of_faults(script, status, code, kind):
    """Each refusal has its status, code and type."""
    answered, error = refused(sim=make(faults=script))
    assert (answered, error["code"], error["type"]) == (status, code, kind)


def test_faults_in_the_answer():
    """Each damage is what its name says."""
    script = "empty body, html 200, json cut, null data, fewer, more, bad base64, half png, jpeg for png, url only"
    sim = make(faults=script)
    assert call(sim=sim).read() == b""
    assert call(sim=sim).read().startswith(b"<html>")
    cut = call(sim=sim)
    body = cut.read()
    assert int(cut.headers["content-length"]) == len(body)
    with pytest.raises(ValueError):
        json.loads(body)
    assert call(sim=sim).json()["data"] is None
    assert len(call({"n": 2}, sim=sim).json()["data"]) == 1
    assert len(call(sim=sim).json()["data"]) == 2
    with pytest.raises(ValueError):
        base64.b64decode(call(sim=sim).json()["data"][0]["b64_json"], validate=True)
    with pytest.raises(OSError):
        drawn(sim=sim).load()
    assert drawn(sim=sim).format == "JPEG"
    [entry] = call(sim=sim).json()["data"]
    assert list(entry) == ["url"]


def test_torn_connections():
    """Resets and early closes are told apart, before and after the headers."""
    sim = make(faults="reset before headers, reset after headers, truncated body")
    with pytest.raises(Disconnect) as before:
        call(sim=sim)
    assert before.value.reset
    with pytest.raises(Disconnect) as after:
        call(sim=sim).read()
    assert after.value.reset
    got: list[int] = []
    answer = call(sim=sim)
    with pytest.raises(Disconnect) as early:
        got.extend(itertools.chain.from_iterable(answer.chunks))
    assert not early.value.reset
    assert 0 < len(got) < int(answer.headers["content-length"])


def test_faults_of_other_endpoints():
    """With `on=`, files, batches and models can fail too, and image requests do not."""
    sim = make(faults="503 on=models")
    assert call(sim=sim).status == 200
    assert [get(sim, "/models").status for _ in range(2)] == [503, 200]


def test_images_do_not_depend_on_the_processor():
    """Equal requests bring equal bytes on machines whose linear algebra rounds differently."""
    code = (
        "import hashlib\n"
        "from imagegen_magic.simulator.drawing import Recipe, paint_image\n"
        "from imagegen_magic.simulator.drawing.svg import drawing_names\n"
        "seen = hashlib.sha256()\n"
        "for seed, subject in enumerate(drawing_names()):\n"
        "    recipe = Recipe(prompt=subject, seed=seed, width=512, height=512, quality='low')\n"
        "    seen.update(paint_image(recipe).tobytes())\n"
        "print(seen.hexdigest())\n"
    )
    kernels = [{}, {"OPENBLAS_CORETYPE": "Haswell"}, {"OPENBLAS_CORETYPE": "Prescott"}]
    environ = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    runs = [
        subprocess.run([sys.executable, "-c", code], env={**environ, **kernel}, capture_output=True, check=True).stdout
        for kernel in kernels
    ]
    assert len(set(runs)) == 1
