"""What we send and what the simulator answers, against OpenAI's own specification (tests/data/openapi-images.json).

The specification is of 2026-08-21; the service has moved on since. Every departure from it stands in `NEWER` with
its reason, and one that no case needs any more is a failure.
"""

from __future__ import annotations

import base64
import email
import email.policy
import io
import json
from pathlib import Path

import jsonschema
import pytest
from conftest import simulated_session
from PIL import Image
from test_edits import encoded, gradient

from imagegen_magic.simulator import Request, Response, Simulator
from imagegen_magic.simulator.server import serve

DOCUMENT = json.loads((Path(__file__).parent / "data/openapi-images.json").read_text(encoding="utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]

NEWER = {
    ("request", "complexity"): "field of gpt-image-2.6 (openai-python 3.46.0)",
    ("request", "frame_count"): "field of gif output (openai-python 3.46.0)",
    ("request", "frame_duration_ms"): "field of gif output (openai-python 3.46.0)",
    ("request", "svg"): "field of svg output (openai-python 3.46.0)",
    ("request", "safety_identifier"): "took over from user (openai-python 3.33.0)",
    ("request", "moderation"): "on edits, the specification has it in the JSON form only; the service takes it in both",
    ("request", "markup"): "field of edits since gpt-image-2.5 (openai-python 3.42.0)",
    ("request", "quality"): "xhigh and max since gpt-image-2.5 (openai-python 3.10.0)",
    ("request", "output_format"): "gif and svg (openai-python 3.46.0)",
    ("response", "output_format"): "gif and svg (openai-python 3.46.0)",
    ("response", "quality"): "xhigh and max since gpt-image-2.5 (openai-python 3.10.0)",
    ("response", "size"): "the three sizes of the first models; flexible sizes since gpt-image-2",
    ("response", "safety_identifier"): "given back since openai-python 3.33.0",
    ("response", "svg_usage"): "the tokens of svg's author model (openai-python 3.46.0)",
}
"""(request or response, field): why the specification does not have it yet."""


class Recorder(Simulator):
    """A simulator that keeps every exchange whole."""

    def __init__(self):
        super().__init__()
        self.exchanges: list[tuple[Request, Response, bytes]] = []

    def handle(self, request, timeout=None):
        answer = super().handle(request, timeout=timeout)
        body = answer.read()
        self.exchanges.append((request, answer, body))
        return Response(answer.status, answer.headers, [body])


def departures(instance, schema, side):
    """The (side, field) of everything in `instance` that the schema does not allow."""
    properties = SCHEMAS[schema].get("properties", {})
    found = {(side, name) for name in instance if name not in properties}
    whole = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    for fault in jsonschema.Draft202012Validator(whole).iter_errors(instance):
        found.add((side, str(fault.absolute_path[0]) if fault.absolute_path else fault.message))
    return found


def multipart(request):
    """The fields of a form as the specification types them; files are their names."""
    head = f"content-type: {request.header('content-type')}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
    out = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        filename = part.get_filename()
        value = filename or part.get_content().rstrip("\r\n")
        if filename:
            assert part.get_content_type() in ("image/png", "image/jpeg", "image/webp"), name
        if name.endswith("[]"):
            out.setdefault(name[:-2], []).append(value)
        else:
            kind = SCHEMAS["CreateImageEditRequest"]["properties"].get(name, {}).get("type")
            typed = {"integer": int, "boolean": lambda text: text == "true"}.get(kind, str)
            out[name.split("[")[0]] = typed(value) if name != "partial_images" else int(value)
    return out


def sent(request):
    """(fields, schema) of a request."""
    if request.header("content-type").startswith("multipart/"):
        return multipart(request), "CreateImageEditRequest"
    return json.loads(request.body), "CreateImageRequest"


def answered(answer, body):
    """Every (object, schema) of an answer."""
    if "text/event-stream" not in answer.headers["content-type"]:
        return [(json.loads(body), "ImagesResponse")]
    names = {
        "image_generation.partial_image": "ImageGenPartialImageEvent", "image_generation.completed": "ImageGenCompletedEvent",
        "image_edit.partial_image": "ImageEditPartialImageEvent", "image_edit.completed": "ImageEditCompletedEvent",
    }  # fmt: skip
    events = [json.loads(line[6:]) for line in body.decode().splitlines() if line.startswith("data: {")]
    assert events
    return [(event, names[event["type"]]) for event in events]


MASK = encoded(Image.new("RGBA", (1024, 768), (0, 0, 0, 255)))
GENERATIONS = {
    "plain": {},
    "everything": {
        "n": 2, "size": "1536x1024", "quality": "low", "background": "opaque", "output_format": "jpeg",
        "output_compression": 50, "moderation": "low", "safety_identifier": "abc",
    },
    "flexible size": {"size": "2048x1152", "quality": "low"},
    "transparent": {"transparent": "native", "model": "gpt-image-2.5-sunburst", "quality": "xhigh", "size": "1024x1024"},
    "complexity": {"model": "gpt-image-2.6-sunburst", "complexity": "low", "size": "1024x1024"},
    "stream": {"partial_images": 2, "size": "1024x1024"},
    "gif": {"model": "gpt-image-2.6-sunburst", "output_format": "gif", "frame_count": 4, "frame_duration_ms": 100, "size": "960x960"},
    "svg": {"model": "gpt-image-2.6-sunburst", "output_format": "svg", "svg_model": "gpt-5", "svg_effort": "low"},
}  # fmt: skip
EDITS = {
    "one": {},
    "three and a mask": {"image": 3, "mask_box": ("0,0,50%,50%",), "quality": "low", "n": 2},
    "fidelity": {"model": "gpt-image-1.5", "input_fidelity": "high", "size": "1024x1024"},
    "markup": {"model": "gpt-image-2.6-sunburst", "markup": "a.png"},
    "moderation": {"moderation": "low", "output_format": "webp", "output_compression": 70},
    "stream": {"partial_images": 1},
}


def exchange(endpoint, options):
    """The one exchange of a call."""
    recorder = Recorder()
    session = simulated_session(recorder)
    options = dict(options)
    if endpoint == "generate":
        session.generate("a mug", **options)
    else:
        session.edit("make it blue", [gradient()] * options.pop("image", 1), **options)
    [only] = recorder.exchanges
    return only


def all_departures():
    """Every departure of every case."""
    found = set()
    for endpoint, cases in (("generate", GENERATIONS), ("edit", EDITS)):
        for options in cases.values():
            request, answer, body = exchange(endpoint, options)
            found |= departures(*sent(request), "request")
            for instance, schema in answered(answer, body):
                found |= departures(instance, schema, "response")
    return found


@pytest.fixture(autouse=True)
def markup(folder):
    """A drawn overlay of the size of the edited picture."""
    gradient(mode="RGBA").save(folder / "a.png")


@pytest.mark.parametrize(("endpoint", "case"), [*(("generate", c) for c in GENERATIONS), *(("edit", c) for c in EDITS)])
def test_requests_and_answers_are_as_specified(endpoint, case):
    """Types, ranges, required fields and names are OpenAI's, but for what is newer."""
    request, answer, body = exchange(endpoint, {"generate": GENERATIONS, "edit": EDITS}[endpoint][case])
    assert request.path == {"generate": "/v1/images/generations", "edit": "/v1/images/edits"}[endpoint]
    assert answer.status == 200, body[:500]
    assert departures(*sent(request), "request") <= NEWER.keys()
    for instance, schema in answered(answer, body):
        assert departures(instance, schema, "response") <= NEWER.keys()


def test_no_exception_is_stale():
    """Each listed departure is really made by one of the cases."""
    assert NEWER.keys() - all_departures() == set()


JSON_VALUES = {
    "string": "2", "integer": 2, "number": 2.5, "boolean": True, "array": ["2"], "object": {"a": 2},
}  # fmt: skip
"""A value of each type that JSON has. In a specification every integer is a number too."""
NOT_TAKEN = ("response_format", "style", "input_fidelity")
"""Fields that are refused as a whole: of other models."""
SCHEMA_OF = {"/images/generations": "CreateImageRequest", "/images/edits": "EditImageBodyJsonParam"}


def types_of(schema):
    """The JSON types that a field may have, by the specification."""
    while "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    inner = schema.get("anyOf", schema.get("oneOf", ()))
    return {schema["type"]} if "type" in schema else set().union(*map(types_of, inner))


def wrong_types():
    """(path, field, value) of each field with a value of each type that the specification does not give it."""
    for path, schema in SCHEMA_OF.items():
        for name, field in SCHEMAS[schema]["properties"].items():
            for kind, value in JSON_VALUES.items():
                if name not in NOT_TAKEN and not types_of(field) & {kind, "number" if kind == "integer" else kind}:
                    yield path, name, value


@pytest.mark.parametrize(("path", "name", "value"), [*wrong_types()])
def test_the_simulator_refuses_a_json_value_of_a_wrong_type(path, name, value):
    """A field of another JSON type is refused by name as `invalid_type`; a text is no number, even if it reads as one."""
    sim = Simulator()
    image = {"image_url": "data:image/png;base64," + base64.b64encode(encoded(gradient())).decode()}
    body = {"model": "gpt-image-2", "prompt": "a mug", "images": [image], name: value}
    if path == "/images/generations":
        del body["images"]
    answer = sim.handle(Request("POST", f"/v1{path}", {"authorization": "Bearer none"}, json.dumps(body).encode()))
    error = json.loads(answer.read())["error"]
    assert (answer.status, error["type"], error["param"]) == (400, "invalid_request_error", name)
    assert error["code"] == "invalid_type", error["message"]
    assert error["message"].startswith(f"Invalid type for '{name}': expected a")
    assert sim.images_billed == 0


def test_a_batch_as_specified():
    """The batch object, the file object and each line's body of a batch handed over through the Batch API."""
    import openai

    with serve() as server, openai.OpenAI(base_url=server.url, api_key="none", max_retries=0) as client:
        line = {"custom_id": "1", "method": "POST", "url": "/v1/images/generations"}
        line["body"] = {"model": "gpt-image-2", "prompt": "a mug", "size": "1024x1024", "quality": "low"}
        assert departures(line["body"], "CreateImageRequest", "request") == set()
        file = client.files.create(file=("jobs.jsonl", io.BytesIO(json.dumps(line).encode())), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint=line["url"], completion_window="24h")
        assert departures(_plain(file), "OpenAIFile", "response") <= NEWER.keys()
        assert departures(_plain(batch), "Batch", "response") <= NEWER.keys()


def _plain(thing):
    return {name: value for name, value in thing.to_dict().items() if value is not None}
