"""A server's address as people paste it, over real sockets: what is asked for where, and that no redirect takes a prompt along."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager

import pytest
from loopback import loopback
from PIL import Image
from test_edits import encoded

from imagegen_magic.batch.rows import read_source
from imagegen_magic.errors import BadRequestError, CallError, OptionError, RequestError
from imagegen_magic.request.response import Retrying
from imagegen_magic.session import Session
from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import serve
from imagegen_magic.wire.address import parse_address

ANSWER = json.dumps({
    "created": 1, "data": [{"b64_json": base64.b64encode(encoded(Image.new("RGB", (1024, 1024), "teal"))).decode()}],
}).encode()  # fmt: skip


@contextmanager
def recording(location="", status=200, body=ANSWER, kind="application/json"):
    """(address, requests): a server that notes path and headers, and answers, or redirects, each request alike."""
    seen = []

    def respond(*asked):
        seen.append(asked)
        where = {"location": location} if location else {}
        return 307 if location else status, {"content-type": kind, **where}, body

    with loopback(respond) as address:
        yield address, seen


def session_on(url, **more):
    return Session(defaults=lambda: {"backend": "openai", "base_url": url, "retries": 0, **more})


SMALL = {"size": "1024x1024", "quality": "low"}


@pytest.mark.parametrize(
    ("suffix", "path"),
    [
        ("/v1", "/v1/images/generations"),
        ("/v1/", "/v1/images/generations"),
        ("/v1/images/generations", "/v1/images/generations"),
        ("/v1/images/edits/", "/v1/images/generations"),
        ("/v1/Images/Generations//", "/v1/images/generations"),
        ("/v1/chat/completions", "/v1/images/generations"),
        ("/openai/deployments/pics?API-Version=2025-04-01", "/openai/deployments/pics/images/generations?api-version=2025-04-01"),
        ("/v1?api-version=preview", "/v1/images/generations?api-version=preview"),
        ("/v1?tag=a&tag=b&x=", "/v1/images/generations?tag=a&tag=b&x="),
        ("/gateway/v1?team=a&tag=b%20c", "/gateway/v1/images/generations?team=a&tag=b+c"),
        ("/openai/deployments/pics?api-version=2025-04-01", "/openai/deployments/pics/images/generations?api-version=2025-04-01"),
        ("/openai/deployments/pics/images/generations?api-version=2025-04-01", "/openai/deployments/pics/images/generations?api-version=2025-04-01"),
    ],
)  # fmt: skip
def test_the_address_is_kept_and_the_endpoint_is_not_doubled(folder, monkeypatch, suffix, path):
    """For generations and edits, through the SDK."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    with recording() as (url, seen):
        made = session_on(url + suffix).generate("a mug", **SMALL)
        session_on(url + suffix).edit("blue", made.path, **SMALL)
    assert [place for place, *_ in seen] == [path, path.replace("generations", "edits")]
    assert ("api-key" in seen[0][1]) == ("deployments" in path)


def test_azures_resource_address_names_the_deployment_by_the_model():
    """`https://RES.openai.azure.com?api-version=…` and its v1 form, which is plain."""
    classic = parse_address("https://res.openai.azure.com/?api-version=2025-04-01")
    assert (classic.url, classic.azure_version) == ("https://res.openai.azure.com/openai", "2025-04-01")
    plain = parse_address("https://res.openai.azure.com/openai/v1/?api-version=preview")
    assert (plain.url, plain.azure_version, plain.query) == (
        "https://res.openai.azure.com/openai/v1", "", (("api-version", "preview"),),
    )  # fmt: skip
    assert parse_address("http://localhost:8000").url == "http://localhost:8000"


WRONG = {
    "http://[::1/v1": "https://HOST/v1",
    "http://127.0.0.1:abc/v1": "https://HOST/v1",
    "http://127.0.0.1:99999/v1": "https://HOST/v1",
    "localhost:8000/v1": "http://localhost:8000/v1",
    "images.example/v1": "https://images.example/v1",
    "'http://127.0.0.1:8000/v1'": "http://127.0.0.1:8000/v1",
    "ftp://127.0.0.1/v1": "https://HOST/v1",
    "http:///v1": "https://HOST/v1",
    "http://a..b/v1": "https://HOST/v1",
    f"http://{'a' * 64}.example/v1": "https://HOST/v1",
    "http://my host/v1": "https://HOST/v1",
    "http://127.0.0.1/v1\nX: y": "https://HOST/v1",
    "http://127.0.0.1/" + "v" * 70_000: "https://HOST/v1",
}


@pytest.mark.parametrize("address", WRONG)
@pytest.mark.parametrize("place", ["option", "IMAGEGEN_BASE_URL", "OPENAI_BASE_URL"])
def test_what_is_no_address_is_refused_before_sending(folder, monkeypatch, address, place):
    """Wherever it is set: a card with the address that was meant, and no line in the history."""
    if place != "option":
        monkeypatch.setenv(place, address)
    with pytest.raises((RequestError, OptionError)) as caught:
        Session().generate("a mug", **SMALL, **({"base_url": address} if place == "option" else {}))
    assert caught.value.outcome == "not sent"
    assert WRONG[address] in str(caught.value)
    assert len(str(caught.value)) < 600
    assert not (folder / "output/imagegen/history.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PROXY", "foo://proxy"),
        ("HTTP_PROXY", "http://[::1"),
        ("ALL_PROXY", "socks9://127.0.0.1"),
        ("SSL_CERT_FILE", "missing.pem"),
        ("SSL_CERT_FILE", "empty.pem"),
        ("SSLKEYLOGFILE", "missing/keys"),
    ],
)
def test_an_environment_that_reaches_no_network_is_a_card(folder, monkeypatch, name, value):
    """Proxies and certificates of the environment: nothing was sent, and the card names the variable."""
    seen = []
    (folder / "empty.pem").touch()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    monkeypatch.setenv(name, value)
    with pytest.raises(CallError, match=name) as caught:
        session_on("https://127.0.0.1:9/v1").generate("a mug", on_event=seen.append, **SMALL)
    assert caught.value.outcome == "not sent"
    assert not [event for event in seen if isinstance(event, Retrying)]


def test_a_plain_address_needs_no_certificates(folder, monkeypatch):
    """A server on this machine is reached though the environment's certificates can't be read."""
    monkeypatch.setenv("SSL_CERT_FILE", "missing.pem")
    with pytest.raises(CallError, match="no connection to the server"):
        session_on("http://127.0.0.1:9/v1").generate("a mug", retries=0, **SMALL)


def test_a_host_with_a_dot_at_its_end_is_one():
    """As names without a search list are written."""
    assert parse_address("http://localhost.:8000/v1").url == "http://localhost.:8000/v1"


def test_an_odd_name_of_a_host_is_refused(folder, monkeypatch):
    """What only the connection's own library sees."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://bü..cher/v1")
    with pytest.raises(OptionError, match="no address"):
        Session().generate("a mug", **SMALL)


def test_a_submitted_batch_keeps_no_key_of_its_address(folder, monkeypatch):
    """It is collected with the address that is set then; without that, the card says what is missing."""
    with serve(simulator=Simulator()) as server:
        address = f"{server.url}?token=hunter2secret"
        rows = read_source([{"prompt": "a mug", "model": "gpt-image-2.5-flare", **SMALL}])
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")
        session = session_on(address)
        sent = session.batches.submit(session.batches.plan(rows, {"via": "batch-api"}), {"via": "batch-api"})
        notes = [path for path in (folder / "output/imagegen").rglob("*") if path.is_file()]
        assert not [path for path in notes if b"hunter" in path.read_bytes()]
        later = session_on(address).batches.handle(sent.id)
        for _ in range(9):
            later.status()
        assert len(later.collect().done) == 1
        for other in (Session(), session_on("http://127.0.0.1:9/v1?token=hunter2secret")):
            with pytest.raises(OptionError, match="base_url"):
                other.batches.handle(sent.id)


@pytest.mark.parametrize("where", ["another host", "the same host"])
def test_no_redirect_takes_a_prompt_along(folder, monkeypatch, where):
    """The card names both places; what stands at the other one is asked for nothing."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    with recording() as (other, reached):
        target = f"{other}/v1/images/generations" if where == "another host" else "/v2/images/generations?x=secret"
        with recording(location=target) as (url, seen), pytest.raises(BadRequestError) as caught:
            session_on(f"{url}/v1").generate("a mug", **SMALL)
    assert (len(seen), reached) == (1, [])
    assert caught.value.outcome == "refused"
    assert "redirects (307) to" in str(caught.value)
    assert "base_url is" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 404])
def test_a_web_page_in_place_of_an_answer_names_the_address(folder, monkeypatch, status):
    """A wrong base_url reaches somebody's web server: nothing was made there, so nothing may have been billed."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    page = b"<!doctype html><style>b{}</style><h1>Welcome</h1>"
    with recording(status=status, body=page, kind="text/html") as (url, _), pytest.raises(BadRequestError) as caught:
        session_on(f"{url}/v1").generate("a mug", **SMALL)
    assert f"base_url is {url}/v1" in str(caught.value)
    assert "may have been billed" not in str(caught.value)
