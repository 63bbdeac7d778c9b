"""What goes out over a real socket, beside what the SDK sends for the same request."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

import openai
import pytest
from loopback import loopback

from imagegen_magic.request.request import ImageRequest, InputImage
from imagegen_magic.store.folder import Store
from imagegen_magic.wire.address import parse_address
from imagegen_magic.wire.client import Client, files_of

PNG = b"\x89PNG\r\n\x1a\n and more"
TOLD_BY_THE_SDK = ("x-stainless-", "user-agent")
"""What the SDK says of itself."""


def image(name):
    return InputImage(name=name, data=PNG + name.encode(), mime="image/png", size=(64, 64))


REQUESTS = {
    "prompt": ImageRequest(model="m", prompt="a mug, blau und grün ☕"),
    "all fields": ImageRequest(
        model="m",
        prompt="x",
        n=2,
        size="1024x1024",
        quality="low",
        output_format="webp",
        output_compression=0,
        moderation="low",
        extra={"seed": 7, "deep": {"a": [1, 2]}},
    ),
    "svg": ImageRequest(model="m", prompt="x", output_format="svg", svg={"model": "n", "reasoning": {"effort": "low"}}),
    "previews": ImageRequest(model="m", prompt="x", partial_images=2),
    "edit": ImageRequest(model="m", prompt="x", images=(image("a b.png"),)),
    "edit of two with a mask": ImageRequest(
        model="m",
        prompt="ü",
        n=1,
        moderation="low",
        images=(image("ä.png"), image('"b".png')),
        mask=image("mask.png"),
        svg={"model": "n"},
        extra={"words": ["a", "b"], "yes": True, "none": None},
    ),
    "edit with markup": ImageRequest(model="m", prompt="x", images=(image("a.png"),), markup=image("marks.png")),
    "edit with previews": ImageRequest(model="m", prompt="x", images=(image("a.png"),), partial_images=1),
}


@pytest.fixture
def heard():
    """An address, and the requests that came there as (path, headers, fields or a form's parts) without what the SDK says of itself."""
    found = []

    def respond(path, headers, body):
        kind, _, boundary = headers["content-type"].partition("; boundary=")
        fields = sorted(body.split(boundary.encode())) if boundary else json.loads(body)
        kept = {name: value for name, value in headers.items() if not name.startswith(TOLD_BY_THE_SDK)}
        found.append((path, {**kept, "content-type": kind}, fields))
        return 400, {"content-type": "application/json"}, b'{"error": {"message": "no"}}'

    with loopback(respond) as url:
        yield url, found


def send_with_sdk(client, request):
    """The same request by the SDK's own means."""
    arguments = request.wire() | (
        {"stream": True, "partial_images": request.partial_images} if request.partial_images else {}
    )
    extra = dict(request.extra)
    if request.images:
        files = [(i.name, i.data, i.mime) for i in request.images]
        arguments["image"] = files if len(files) > 1 else files[0]
        arguments |= {n: (i.name, i.data, i.mime) for n in ("mask", "markup") if (i := getattr(request, n)) is not None}
        if "moderation" in arguments:
            extra["moderation"] = arguments.pop("moderation")
    method = client.images.edit if request.images else client.images.generate
    with pytest.raises(openai.BadRequestError):
        method(**arguments, extra_body=extra)


def send_with_ours(url, request, folder):
    with pytest.raises(Exception, match="refused"):
        Client(base_url=url, retries=0).send(request, spool=Store(folder))


@pytest.mark.parametrize("query", ["", "?a=1&b=%20x"])
@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_the_sdks(name, query, heard, folder, monkeypatch):
    """Path, headers, every field and every part of a form are what the SDK makes of the same arguments."""
    url, found = heard
    for variable, value in (
        ("OPENAI_API_KEY", "sk-any"),
        ("OPENAI_ORG_ID", "org-1"),
        ("OPENAI_PROJECT_ID", "proj-1"),
        ("OPENAI_CUSTOM_HEADERS", "X-Team: art\nno header"),
    ):
        monkeypatch.setenv(variable, value)
    send_with_ours(f"{url}/v1{query}", REQUESTS[name], folder)
    asked = {"a": "1", "b": " x"} if query else {}
    identity = {"Accept-Encoding": "identity"}
    with openai.OpenAI(
        base_url=f"{url}/v1", max_retries=0, default_query=asked, default_headers=identity
    ) as client:
        send_with_sdk(client, REQUESTS[name])
    ours, sdks = found
    assert ours == sdks


@pytest.mark.parametrize("path", ["/openai", "/openai/deployments/mine"])
@pytest.mark.parametrize("name", ["prompt", "edit"])
def test_a_request_in_azures_classic_form_is_the_sdks(name, path, heard, folder, monkeypatch):
    """The deployment in the path, the version in the query, the key in a header of its own."""
    url, found = heard
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "any")
    version = "2025-04-01-preview"
    address = parse_address(f"{url}{path}?api-version={version}")
    access = replace(
        Client(base_url=f"{url}{path}/deployments/x?api-version={version}", dialect="azure").access(), url=address.url
    )
    with closing(access.http):
        assert access.http.send(access.request(REQUESTS[name].endpoint, REQUESTS[name].wire(), files_of(REQUESTS[name])))
    identity = {"Accept-Encoding": "identity"}
    with openai.AzureOpenAI(
        base_url=f"{url}{path}", api_version=version, api_key="any", max_retries=0, default_headers=identity
    ) as client:
        send_with_sdk(client, replace(REQUESTS[name], extra={}))
    ours, sdks = found
    assert ours == sdks


def test_files_are_named_as_a_form_names_them():
    """One image is `image`, several are `image[]`."""
    assert [name for name, _ in files_of(REQUESTS["edit of two with a mask"])] == ["image[]", "image[]", "mask"]
