"""Other servers' habits, against handlers that behave as those servers document themselves."""

from __future__ import annotations

import base64
import gc
import json
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from loopback import loopback
from PIL import Image
from test_edits import encoded

import imagegen_magic
from imagegen_magic.errors import (
    BadRequestError,
    CallError,
    ConnectionLostError,
    ModerationError,
    OptionError,
    QuotaError,
    RateLimitError,
    ServerError,
)
from imagegen_magic.session import Session
from imagegen_magic.wire.dialects import dialect_of, load_dialects
from imagegen_magic.wire.http_errors import error_in_answer, status_error, transport_error
from imagegen_magic.wire.transport import KEPT_SECONDS

IMAGE = encoded(Image.new("RGB", (1024, 1024), "teal"))
B64 = {"b64_json": base64.b64encode(IMAGE).decode()}


def localai(fields):
    """LocalAI: answers with a URL unless response_format says b64_json; a size without an x becomes 512x512."""
    assert "quality" not in fields
    assert "x" in fields.get("size", "1x1")
    data = B64 if fields.get("response_format") == "b64_json" else {"url": "http://127.0.0.1:9/picture.png"}
    return 200, {"created": 1, "data": [data], "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}}


def sglang(fields):
    """SGLang: 400 without storage where response_format is url, its default; sizes are WxH only; no usage."""
    if fields.get("response_format", "url") == "url":
        return 400, {"detail": "response_format=url needs cloud storage"}
    if "x" not in fields.get("size", "1024x1024"):
        return 400, {"detail": "size must be WIDTHxHEIGHT"}
    return 200, {"created": 1, "data": [B64]}


def vllm(fields):
    """vLLM-Omni: another model's name is refused, size auto fails validation, unknown fields are ignored."""
    if fields["model"] != "qwen-image":
        return 400, {"error": {"message": "Model mismatch: served is qwen-image", "type": "BadRequestError"}}
    if fields.get("size") == "auto":
        return 422, {"detail": [{"msg": "size must be WxH"}]}
    assert "stream" not in fields
    return 200, {"created": 1, "data": [B64]}


def sd_cpp(fields):
    """stable-diffusion.cpp: its errors are plain texts; quality and background are unknown to it."""
    if {"quality", "background", "moderation"} & set(fields):
        return 400, {"error": "unknown field"}
    return 200, {"data": [B64]}


def azure(fields):
    """Azure: the model is a deployment's name, with its own words for moderation; webp is not made."""
    if fields["model"] != "my-pictures":
        return 404, {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}}
    assert fields.get("output_format") != "webp"
    return 200, {"created": 1, "data": [B64], "size": "1024x1024", "quality": "high"}


@contextmanager
def served(answer):
    """(base URL, fields of every request) of a server that answers by `answer`."""
    arrived = []

    def respond(path, headers, body):
        fields = json.loads(body) if headers["content-type"] == "application/json" else {"multipart": body}
        arrived.append(fields)
        status, answered = answer(fields)
        return status, {"content-type": "application/json"}, json.dumps(answered).encode()

    with loopback(respond) as address:
        yield f"{address}/v1", arrived


def session_on(url, dialect, **more):
    return Session(defaults=lambda: {"base_url": url, "dialect": dialect, "models_file": "models.toml", **more})


@pytest.fixture(autouse=True)
def models(folder):
    """Models of other servers, added by the user's own file."""
    (folder / "models.toml").write_text(
        '[[model]]\nid = "my-pictures"\nlike = "gpt-image-2"\n\n[[model]]\nid = "qwen-image"\nformats = ["png"]\n'
    )


@pytest.mark.parametrize(
    ("dialect", "answer", "model"),
    [
        ("localai", localai, "flux"),
        ("sglang", sglang, "flux"),
        ("vllm-omni", vllm, "qwen-image"),
        ("sd-cpp", sd_cpp, "anything"),
        ("azure", azure, "my-pictures"),
    ],
)
def test_an_image_from_each_server(dialect, answer, model):
    """A request with quality, an auto size and live previews brings a saved picture; what was left out is said."""
    with served(answer) as (url, arrived):
        session = session_on(url, dialect)
        result = session.generate("a teal square", model=model, size="auto", quality="high", partial_images=1)
        session.close()
    assert result.bytes == IMAGE
    assert result.record.outcome == "done"
    for name in load_dialects()[dialect].omit:
        assert name not in arrived[0]
        assert name != "quality" or any("quality was left out" in warning for warning in result.warnings)


def test_what_a_server_can_not_do_is_refused_before_sending(folder):
    """webp on Azure and a mask on vLLM-Omni end in a card; nothing arrives."""
    Image.new("RGB", (1024, 1024)).save(folder / "a.png")
    with served(azure) as (url, arrived), pytest.raises(OptionError, match="azure does not make it"):
        session_on(url, "azure").generate("x", model="my-pictures", output_format="webp")
    assert not arrived
    with served(vllm) as (url, arrived), pytest.raises(OptionError, match="mask_image"):
        session_on(url, "vllm-omni").edit("x", "a.png", model="qwen-image", mask_box=("0,0,50%,50%",))
    assert not arrived


NESTED = json.dumps({"error": {"message": "no", "code": "moderation_blocked"}})


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (400, {"detail": {"error": {"message": "deep", "code": "content_filter"}}}, ModerationError, ": deep"),
        (400, {"error": {"message": NESTED}}, ModerationError, ": no"),
        (
            400,
            {"error": {"message": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
            ModerationError,
            ": x",
        ),
        (400, {"error": {"message": "Your task failed as a result of our safety system."}}, ModerationError, "task"),
        (403, {"error": {"message": "it violates our content policy"}}, ModerationError, "violates"),
        (500, {"errors": [{"message": "[IMAGE_SAFETY] no"}]}, ModerationError, "no"),
        (400, {"error": {"message": "no", "code": "OutputImageSensitiveContentDetected"}}, ModerationError, ": no"),
        (400, {"error": {"message": "This violates our usage policies."}}, ModerationError, "violates"),
        (400, {"error": {"message": "User location is not supported."}}, BadRequestError, "in this region"),
        (429, {"error": {"message": "You exceeded your current quota"}}, QuotaError, "quota"),
        (503, {"error": {"message": "no channel", "code": "model_not_found"}}, BadRequestError, ": no channel"),
        (
            403,
            {"error": {"message": "no access to model x", "code": "model_not_found"}},
            BadRequestError,
            ": no access",
        ),
        (429, {"error": {"message": "Crossed spend within team", "type": "budget_exceeded"}}, QuotaError, "Crossed"),
        (407, "Proxy Authentication Required", BadRequestError, "the proxy refused the request: Proxy"),
        (400, {"error": True, "message": "why"}, BadRequestError, ": why"),
        (400, {"Code": "X", "Message": "in capitals"}, BadRequestError, ": in capitals"),
        (400, {"errorMessage": "camel"}, BadRequestError, ": camel"),
        (400, 'event: error\ndata: {"error": {"message": "in a stream"}}\n\n', BadRequestError, ": in a stream"),
        (402, {"message": "pay first"}, QuotaError, "pay first"),
        (403, {"error": {"message": "用户额度不足", "code": "insufficient_user_quota"}}, QuotaError, "用户"),
        (400, {"error": {"message": "Insufficient balance"}}, QuotaError, "balance"),
        (422, {"errors": [{"message": "too long"}, {"message": "too wide"}]}, BadRequestError, ": too long; too wide"),
        (422, {"detail": [{"loc": ["body", "size"], "msg": "bad size"}]}, BadRequestError, ": bad size"),
        (400, {"title": "Bad", "detail": "bad size", "status": 400}, BadRequestError, ": bad size"),
        (400, {"error": {"message": "a\x1b[31mb\u202ec\0d"}}, BadRequestError, "a[31mbcd"),
        (400, {"error": {"message": {"text": "inner"}, "code": 7, "param": ["a"]}}, BadRequestError, "inner"),
        (499, {}, ServerError, "(499)"),
        (502, "<html><style>a{}</style><title>502</title><script>x()</script>", ServerError, "(502): 502"),
    ],
)
def test_what_the_body_says_decides(folder, status, body, kind, text):
    """At whatever depth it stands, and whatever the status."""
    with served(lambda fields: (status, body)) as (url, _), pytest.raises(kind) as caught:
        session_on(url, None).generate("x", model="my-pictures")
    assert text in caught.value.summary
    assert caught.value.outcome == ("ambiguous" if kind is ServerError else "refused")


@pytest.mark.parametrize(
    ("body", "wait"),
    [
        ({"error": {"message": "You exceeded your current quota. Please retry in 34.07s."}}, 34.07),
        ([{"error": {"message": "busy", "details": [{"@type": "RetryInfo", "retryDelay": "34s"}]}}], 34),
        ({"error": {"message": "busy", "retry_after": 7}}, 7),
    ],
)
def test_a_wait_in_the_body(folder, body, wait):
    """A quota that returns with time is a rate limit."""
    with served(lambda fields: (429, body)) as (url, _), pytest.raises(RateLimitError) as caught:
        session_on(url, None, retries=0).generate("x", model="my-pictures")
    assert caught.value.retry_after == wait


def test_a_firewalls_page_is_not_about_the_key(folder):
    page = (403, {"content-type": "text/html"}, b"<html><title>Blocked</title></html>")
    with loopback(lambda *request: page) as url, pytest.raises(BadRequestError, match=r"web page.*403.*Blocked"):
        session_on(f"{url}/v1", None).generate("x", model="my-pictures")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("dialect", ["litellm", "gateway"])
def test_a_gateways_refusal_is_not_tried_again(folder, status, dialect):
    """The server behind it may have made the image: one request, unless more are allowed."""
    with served(lambda fields: (status, {"error": {"message": "busy, retry after 0 seconds"}})) as (url, arrived):
        session = session_on(url, dialect, retries=4)
        with pytest.raises(CallError) as caught:
            session.generate("x", model="my-pictures")
        assert (len(arrived), caught.value.outcome) == (1, "ambiguous")
        with pytest.raises(CallError):
            session.generate("x", model="my-pictures", retry_ambiguous=1)
        assert len(arrived) == 3


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": "out of memory"}, "out of memory"),
        ({"detail": "size must be WxH"}, "size must be WxH"),
        ({"detail": [{"msg": "field required"}]}, "field required"),
        ("<html><h1>Bad Gateway</h1></html>", "Bad Gateway"),
        ([1, 2], ""),
        (None, ""),
    ],
)
@pytest.mark.parametrize(("status", "kind"), [(400, BadRequestError), (502, ServerError)])
def test_every_shape_of_error_is_told(body, text, status, kind):
    """An error body of any form ends in the right class, with the server's own words."""
    with served(lambda fields: (status, body)) as (url, _), pytest.raises(kind) as caught:
        session_on(url, None).generate("x", model="my-pictures")
    assert text in str(caught.value)


def test_the_address_tells_the_dialect():
    """A host's name is enough for the well-known ones; any other address is `generic`."""
    assert dialect_of(None, None).name == "openai"
    assert dialect_of(None, "https://me.openai.azure.com/openai/v1/").name == "azure"
    assert dialect_of(None, "https://openrouter.ai/api/v1").gateway
    assert dialect_of(None, "http://localhost:8080/v1").name == "generic"
    with pytest.raises(OptionError, match="one of openai"):
        dialect_of("nothing", None)


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 429, 503, 408, 444, 499, 500, 502, 504])
def test_what_a_status_alone_says_of_the_money(status):
    """A server that gave up, or a middleman that hung up, may have asked for the image to be made."""
    unknown = status in (408, 409, 444, 499, 500, 502, 504)
    assert status_error(status, b"", {}).outcome == ("ambiguous" if unknown else "refused")


@pytest.mark.parametrize(("gateway", "outcome"), [(False, "refused"), (True, "ambiguous")])
def test_a_gateways_refusal_inside_an_answer(gateway, outcome):
    """It may have asked several servers, of which the last one refused."""
    error = {"type": "invalid_request_error", "message": "no"}
    assert error_in_answer(error, gateway=gateway).outcome == outcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (httpx2.ConnectTimeout, "not sent"),
        (httpx2.PoolTimeout, "not sent"),
        (httpx2.ConnectError, "not sent"),
        (httpx2.WriteTimeout, "ambiguous"),
        (httpx2.WriteError, "ambiguous"),
        (httpx2.ReadTimeout, "ambiguous"),
        (httpx2.ReadError, "ambiguous"),
        (httpx2.RemoteProtocolError, "ambiguous"),
    ],
)
def test_what_a_broken_connection_says_of_the_money(error, outcome):
    """After the first byte nobody knows."""
    assert transport_error(error("x"), 1.0).outcome == outcome


@pytest.mark.parametrize(("dialect", "key"), [("azure", "of-azure"), ("generic", "of-openai"), (None, "of-openai")])
def test_a_key_goes_to_its_own_server_alone(dialect, key, monkeypatch):
    """Azure's key to Azure, and to nobody else."""
    monkeypatch.setenv("OPENAI_API_KEY", "of-openai")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "of-azure")
    sent = []

    def respond(path, headers, body):
        sent.append(headers["authorization"])
        return 200, {"content-type": "application/json"}, json.dumps({"data": [B64]}).encode()

    with loopback(respond) as address:
        session = session_on(f"{address}/v1", dialect)
        session.generate("a teal square", model="my-pictures")
        session.close()
    assert sent == [f"Bearer {key}"]


def test_connections_are_kept_for_the_next_requests(monkeypatch):
    """Of as many as there are requests at once, and no request waits for another's; the next batch uses them again.

    One that was idle for a second is not, since servers close those: on a busy machine there may be a few more.
    """
    kept, answer = [], json.dumps({"created": 1, "data": [B64]}).encode()
    with loopback(lambda *asked: (200, {"content-type": "application/json"}, answer), kept=kept) as address:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1")
        session = Session()
        for batch in ("a", "b"):
            gallery = session.batches.run_jobs([f"{batch} {n}" for n in range(6)], concurrency=2, quality="low")
            assert len(gallery.done) == 6
        opened = len(kept)
        assert 2 <= opened < 6
        session.close()
        session.batches.run_jobs(["one more"], quality="low")
        assert len(kept) == opened + 1
        session.close()


def test_connections_are_not_kept_as_long_as_servers_keep_them():
    """gunicorn closes idle ones after two seconds: a request that meets the end of one may have been billed."""
    assert KEPT_SECONDS < 2


def test_a_server_that_drops_kept_connections_loses_one_request_at_most(monkeypatch):
    """After that each request has a connection of its own: what was lost on a kept one may have been billed."""
    kept, seen, lost, answer = [], [], 0, json.dumps({"created": 1, "data": [B64]}).encode()

    def respond(*asked):
        if len(kept) in seen:
            raise ConnectionAbortedError("a second request on one connection")
        seen.append(len(kept))
        return 200, {"content-type": "application/json"}, answer

    with loopback(respond, kept=kept) as address:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1")
        session = Session()
        for number in range(6):
            try:
                session.generate(f"mug {number}", quality="low")
            except ConnectionLostError:
                lost += 1
        session.close()
    assert lost <= 1


FORKED = """
import os
from imagegen_magic.session import Session
session = Session()
session.generate("before", quality="low")
child = os.fork()
session.generate("after, in each of them", quality="low")
os._exit(0) if not child else os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process forks there")
def test_a_forked_process_opens_a_connection_of_its_own(monkeypatch):
    """On its parent's it would read an answer that the parent has paid for."""
    places, answer = [], json.dumps({"created": 1, "data": [B64]}).encode()

    def respond(path, headers, body):
        places.append(json.loads(body)["prompt"])
        return 200, {"content-type": "application/json"}, answer

    kept = []
    with loopback(respond, kept=kept) as address:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("PYTHONPATH", str(Path(imagegen_magic.__file__).parent.parent))
        subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=60)
    assert len(places) == 3
    assert len(kept) >= 2


def test_a_session_that_nobody_closed_leaves_no_socket_open(monkeypatch):
    answer = json.dumps({"created": 1, "data": [B64]}).encode()
    with loopback(lambda *asked: (200, {"content-type": "application/json"}, answer), kept=[]) as address:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1")
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", ResourceWarning)
            for _ in range(3):
                session = Session()
                session.batches.run_jobs(["a", "b", "c"], concurrency=3, quality="low")
                gc.collect(1)
                del session
                gc.collect()
    assert not seen


def test_a_session_closed_during_a_request_does_not_break_it(monkeypatch):
    """Its picture is paid for; the connection is closed after it."""
    asked, closed, kept = threading.Event(), threading.Event(), []

    def respond(*request):
        asked.set()
        closed.wait(30)
        return 200, {"content-type": "application/json"}, json.dumps({"created": 1, "data": [B64]}).encode()

    with loopback(respond, kept=kept) as address:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1")
        session = Session()
        with ThreadPoolExecutor(1) as pool:
            result = pool.submit(session.generate, "a", quality="low")
            asked.wait(30)
            session.close()
            closed.set()
            assert result.result().path.exists()
        session.generate("b", quality="low")
        session.close()
    assert len(kept) == 2
