"""The simulator on a loopback socket, spoken to by the real SDK and by the standard library's client."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit
from urllib.request import urlopen

import httpx2
import openai
import pytest
from PIL import Image

from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import PortTakenError, serve

SMALL = "1024x640"


@pytest.fixture
def server():
    with serve() as running:
        yield running


@pytest.fixture
def client(server):
    with make_client(server) as sdk:
        yield sdk


def make_client(server, **options):
    return openai.OpenAI(base_url=server.url, api_key="sk-any", max_retries=0, **options)


def png(size=(1024, 640), colour="navy", hole=None):
    image = Image.new("RGBA" if hole else "RGB", size, colour)
    if hole:
        image.paste((0, 0, 0, 0), hole)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def opened(entry):
    return Image.open(io.BytesIO(base64.b64decode(entry.b64_json)))


def post(server, path, body, headers=None):
    """Status, headers and body of a JSON request through the standard library."""
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    try:
        base = {"authorization": "Bearer sk-any", "content-type": "application/json"}
        connection.request("POST", f"/v1{path}", json.dumps(body), {**base, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def test_sdk_generates(client):
    """`images.generate` brings n pictures of the size asked for, with resolved values, usage and a request id."""
    answer = client.images.generate(model="gpt-image-2", prompt="a red robot", n=2, size=SMALL, quality="low")
    assert [opened(entry).size for entry in answer.data] == [(1024, 640)] * 2
    assert (answer.size, answer.quality, answer.background, answer.output_format) == (SMALL, "low", "opaque", "png")
    assert answer.usage.output_tokens == 2 * 107
    assert answer._request_id.startswith("req_")


def test_sdk_edits_with_two_images_and_a_mask(client, server):
    """Only the mask's transparent area changes; every file arrives under its name, with its type and hash."""
    first, second, mask = png(), png(colour="red"), png(hole=(300, 200, 700, 500), colour="black")
    answer = client.images.edit(
        model="gpt-image-2",
        prompt="put a bird there",
        image=[("a.png", first, "image/png"), ("b.png", second, "image/png")],
        mask=("mask.png", mask, "image/png"),
        size=SMALL,
    )
    image = opened(answer.data[0]).convert("RGB")
    assert image.crop((0, 0, 1024, 200)).getcolors() == [(1024 * 200, (0, 0, 128))]
    assert image.crop((0, 500, 1024, 640)).getcolors() == [(1024 * 140, (0, 0, 128))]
    assert image.crop((300, 200, 700, 500)).getcolors() != [(400 * 300, (0, 0, 128))]
    parts = server.simulator.record[-1].parts
    assert [(part.field, part.filename, part.mime) for part in parts] == [
        ("image[]", "a.png", "image/png"),
        ("image[]", "b.png", "image/png"),
        ("mask", "mask.png", "image/png"),
    ]
    assert [part.sha256 for part in parts] == [hashlib.sha256(data).hexdigest() for data in (first, second, mask)]


def test_sdk_streams_two_partials(client):
    """Two partials and one final event, which is the picture that a plain call brings."""
    request = {"model": "gpt-image-2", "prompt": "a cat", "size": SMALL, "quality": "low"}
    events = list(client.images.generate(**request, stream=True, partial_images=2))
    assert [event.type for event in events] == [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    assert [event.partial_image_index for event in events[:2]] == [0, 1]
    assert events[-1].usage.output_tokens == 107 + 200
    assert events[-1].b64_json == client.images.generate(**request).data[0].b64_json


def test_sdk_streams_an_edit(client):
    """The events of an edit have the edit's names."""
    events = list(
        client.images.edit(
            model="gpt-image-2",
            prompt="add a star",
            image=("a.png", png(), "image/png"),
            stream=True,
            partial_images=1,
        )
    )
    assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]


def test_sdk_gets_the_api_s_own_refusal(client):
    """An illegal quality is refused with 400 and the service's body."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model="gpt-image-2", prompt="x", quality="ultra")
    assert caught.value.param == "quality"
    assert caught.value.code == "invalid_value"
    assert "'low', 'medium', 'high', and 'auto'" in caught.value.body["message"]
    assert caught.value.request_id.startswith("req_")


def test_sdk_lists_models(client):
    """Shut-down models are not listed; ending ones carry their date."""
    listed = {model.id: model for model in client.models.list()}
    assert "gpt-image-1" not in listed
    assert listed["gpt-image-2"].shutdown_date is None
    assert client.models.retrieve("gpt-image-2").id == "gpt-image-2"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-image-1")


def batch_input(client, lines, name="jobs.jsonl"):
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return client.files.create(file=(name, data, "application/jsonl"), purpose="batch")


def batch_line(number, **body):
    given = {"model": "gpt-image-2", "prompt": f"a star {number}", "size": SMALL, "quality": "low", **body}
    return {"custom_id": f"job-{number}", "method": "POST", "url": "/v1/images/generations", "body": given}


def finished(client, batch):
    states = [batch.status]
    while batch.status not in ("completed", "failed", "cancelled"):
        batch = client.batches.retrieve(batch.id)
        states.append(batch.status)
    return batch, states


def test_sdk_runs_a_batch(client, server):
    """A batch passes through its states; answers are not in order, refusals come in the error file."""
    lines = [batch_line(number) for number in range(6)]
    lines[3]["body"]["prompt"] = "simulated-violence"
    source = batch_input(client, lines)
    batch, states = finished(
        client,
        client.batches.create(input_file_id=source.id, endpoint="/v1/images/generations", completion_window="24h"),
    )
    assert states == ["validating", "in_progress", "in_progress", "finalizing", "completed"]
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (6, 5, 1)
    answers = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
    assert sorted(a["custom_id"] for a in answers) == ["job-0", "job-1", "job-2", "job-4", "job-5"]
    assert [a["custom_id"] for a in answers] != sorted(a["custom_id"] for a in answers)
    body = answers[0]["response"]["body"]
    assert Image.open(io.BytesIO(base64.b64decode(body["data"][0]["b64_json"]))).size == (1024, 640)
    [error] = [json.loads(line) for line in client.files.content(batch.error_file_id).text.splitlines()]
    assert (error["custom_id"], error["response"]["status_code"]) == ("job-3", 400)
    assert error["response"]["body"]["error"]["code"] == "moderation_blocked"
    assert server.simulator.images_billed == 5
    assert batch.usage.output_tokens == 5 * 107


def test_batch_line_edits_an_uploaded_image(client):
    """A batch line may edit a picture by its file id."""
    image = client.files.create(file=("a.png", png(), "image/png"), purpose="vision")
    line = batch_line(0, prompt="add a bird", images=[{"file_id": image.id}])
    line["url"] = "/v1/images/edits"
    source = batch_input(client, [line])
    batch, _ = finished(
        client, client.batches.create(input_file_id=source.id, endpoint=line["url"], completion_window="24h")
    )
    [answer] = [json.loads(text) for text in client.files.content(batch.output_file_id).text.splitlines()]
    assert answer["response"]["body"]["size"] == SMALL


def test_bad_batch_file_fails_with_line_numbers(client):
    """Lines that are no requests fail the batch as a whole, each with its number."""
    good = batch_line(1)
    data = json.dumps(good) + "\nnot json\n" + json.dumps(good) + "\n"
    source = client.files.create(file=("jobs.jsonl", data.encode(), "application/jsonl"), purpose="batch")
    batch, _ = finished(
        client, client.batches.create(input_file_id=source.id, endpoint=good["url"], completion_window="24h")
    )
    assert batch.status == "failed"
    assert [(error.line, error.code) for error in batch.errors.data] == [
        (2, "invalid_json_line"),
        (3, "duplicate_custom_id"),
    ]


def test_batch_refuses_models_without_batch_support(client):
    """A model that the Batch API does not serve fails the batch."""
    source = batch_input(client, [batch_line(0, model="gpt-image-2.6-flare")])
    batch, _ = finished(
        client,
        client.batches.create(input_file_id=source.id, endpoint="/v1/images/generations", completion_window="24h"),
    )
    assert [error.code for error in batch.errors.data] == ["model_not_supported"]


def test_batch_can_be_cancelled(client):
    """A cancelled batch keeps what was done before."""
    source = batch_input(client, [batch_line(number) for number in range(4)])
    batch = client.batches.create(input_file_id=source.id, endpoint="/v1/images/generations", completion_window="24h")
    client.batches.retrieve(batch.id)
    client.batches.retrieve(batch.id)
    assert client.batches.cancel(batch.id).status == "cancelling"
    batch = client.batches.retrieve(batch.id)
    assert batch.status == "cancelled"
    assert len(client.files.content(batch.output_file_id).text.splitlines()) == 2
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)


def test_batch_survives_a_restart(tmp_path):
    """Another simulator over the same folder goes on where the first one stopped."""
    with serve(simulator=Simulator(state_dir=tmp_path)) as server, make_client(server) as client:
        source = batch_input(client, [batch_line(number) for number in range(2)])
        batch = client.batches.create(
            input_file_id=source.id, endpoint="/v1/images/generations", completion_window="24h"
        )
        client.batches.retrieve(batch.id)
        client.batches.retrieve(batch.id)
    with serve(simulator=Simulator(state_dir=tmp_path)) as server, make_client(server) as client:
        batch, _ = finished(client, client.batches.retrieve(batch.id))
        assert batch.status == "completed"
        assert len(client.files.content(batch.output_file_id).text.splitlines()) == 2


def test_files_are_listed_and_deleted(client):
    """A file can be read back byte for byte, is listed, and is gone after its deletion."""
    created = client.files.create(file=("a.png", b"\x89PNG\r\n\r\n--x", "image/png"), purpose="vision")
    assert client.files.content(created.id).content == b"\x89PNG\r\n\r\n--x"
    assert [entry.id for entry in client.files.list(purpose="vision")] == [created.id]
    assert client.files.delete(created.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(created.id)


def test_standard_library_client_and_record(server):
    """Any HTTP client can use it; the record is a page of its own, without the key."""
    status, headers, body = post(
        server, "/images/generations", {"model": "gpt-image-2", "prompt": "a leaf", "size": SMALL}
    )
    assert status == 200
    assert headers["x-request-id"].startswith("req_")
    assert int(headers["content-length"]) == len(body)
    with urlopen(f"{server.url}/_simulator/record") as page:
        record = json.loads(page.read())
    assert record["images_billed"] == 1
    assert record["requests"][0]["fields"]["prompt"] == "a leaf"
    assert "sk-any" not in json.dumps(record)


def test_connection_is_kept_alive(server):
    """Two requests, one of them refused, go over one connection."""
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    headers = {"authorization": "Bearer sk-any", "content-type": "application/json"}
    sockets = set()
    for body in ({"prompt": "x"}, {"model": "gpt-image-2", "prompt": "x", "n": 2, "size": SMALL}):
        connection.request("POST", "/v1/images/generations", json.dumps(body), headers)
        connection.getresponse().read()
        sockets.add(connection.sock.getsockname())
    connection.close()
    assert len(sockets) == 1


def test_taken_port_is_told(server):
    """A port in use gives a message that says what to do."""
    port = urlsplit(server.url).port
    with pytest.raises(PortTakenError, match="choose another with --port"):
        serve(port)


def test_serves_until_interrupted():
    """A served simulator announces its URL once, answers, and ends well on Ctrl-C."""
    code = "import sys; from imagegen_magic.simulator.server import serve_forever as s; s(0, announce=lambda url: print(url, flush=True))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        url = process.stdout.readline().strip()
        with urlopen(f"{url}/_simulator/record") as page:
            assert json.loads(page.read())["requests"] == []
        process.send_signal(signal.SIGINT)
        try:
            assert process.communicate(timeout=20) == ("", "")
        finally:
            process.kill()
        assert process.returncode == 0


def test_listens_on_loopback_only(server):
    """The server is bound to 127.0.0.1."""
    assert server._http.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("script", "kind", "billed"),
    [
        ("429", openai.RateLimitError, 0),
        ("quota", openai.RateLimitError, 0),
        ("401", openai.AuthenticationError, 0),
        ("403 unverified", openai.PermissionDeniedError, 0),
        ("moderation", openai.BadRequestError, 0),
        ("400 unknown_parameter", openai.BadRequestError, 0),
        ("500", openai.InternalServerError, 0),
        ("502 html", openai.InternalServerError, 1),
        ("503", openai.InternalServerError, 0),
        ("reset before headers", openai.APIConnectionError, 1),
        ("reset after headers", openai.APIConnectionError, 1),
        ("truncated body", openai.APIConnectionError, 1),
        ("stall", openai.APITimeoutError, 1),
        ("slow body", openai.APITimeoutError, 1),
        ("json cut", json.JSONDecodeError, 1),
    ],
)
def test_fault_reaches_the_sdk(script, kind, billed):
    """Each fault looks to the SDK like the real thing, and the next request is answered."""
    options = {"stall": " seconds=2", "slow body": " seconds=40"}.get(script, "")
    timeout = httpx2.Timeout(20, read=0.2) if options else 20
    with (
        serve(simulator=Simulator(faults=script + options)) as server,
        make_client(server, timeout=timeout) as client,
    ):
        with pytest.raises(kind):
            client.images.generate(model="gpt-image-2", prompt="a star", size=SMALL, quality="low")
        assert server.simulator.images_billed == billed
        client.with_options(timeout=20).images.generate(model="gpt-image-2", prompt="a star", size=SMALL, quality="low")


def test_broken_stream_faults(server):
    """A cut stream just ends, an error event raises, a silent one times out, JSON yields no events."""
    script = "stream cut, stream error, stream silent seconds=2, json for stream"
    with serve(simulator=Simulator(faults=script)) as faulty, make_client(faulty, timeout=20) as client:
        request = {
            "model": "gpt-image-2",
            "prompt": "a star",
            "size": SMALL,
            "quality": "low",
            "stream": True,
            "partial_images": 1,
        }
        assert [event.type for event in client.images.generate(**request)] == ["image_generation.partial_image"]
        with pytest.raises(openai.APIError, match="had an error"):
            list(client.images.generate(**request))
        with pytest.raises((openai.APITimeoutError, httpx2.ReadTimeout)):
            list(client.with_options(timeout=0.2).images.generate(**request))
        assert list(client.images.generate(**request)) == []
        assert len(list(client.images.generate(**request))) == 2


def test_image_behind_a_url():
    """With `url only`, the picture is at the URL that the answer names."""
    with serve(simulator=Simulator(faults="url only")) as server, make_client(server) as client:
        [entry] = client.images.generate(model="gpt-image-2", prompt="a star", size=SMALL).data
        assert entry.b64_json is None
        with urlopen(entry.url) as answer:
            assert Image.open(io.BytesIO(answer.read())).size == (1024, 640)


def test_close_drops_open_connections():
    """Closing does not wait for a stalled request; its client sees the connection end."""
    server = serve(simulator=Simulator(faults="stall seconds=5"))
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        body = json.dumps({"model": "gpt-image-2", "prompt": "x"}).encode()
        head = f"POST /v1/images/generations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        deadline = time.monotonic() + 5
        while not server.simulator._pacer._in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
        server.close()
        assert connection.recv(100) == b""
