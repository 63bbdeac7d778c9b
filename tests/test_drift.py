"""What the installed SDK and OpenAI's own specification know, against what we know."""

from __future__ import annotations

import inspect
import json
import typing
from pathlib import Path

import openai
import pytest

from imagegen_magic.errors import CallError
from imagegen_magic.facts.catalog import load_catalog
from imagegen_magic.options.table import OPTIONS
from imagegen_magic.request.request import WIRE_FIELDS
from imagegen_magic.wire.http_errors import status_error

NOT_OFFERED = {
    "response_format": "the GPT image models always answer with base64; servers that need it get it from servers.toml",
    "style": "dall-e-3 only, which is shut down; the prompt field of that name is another thing",
    "stream": "follows from partial_images",
    "user": "superseded by safety_identifier",
    "extra_headers": "the SDK's own",
    "extra_query": "the SDK's own",
    "extra_body": "what --extra fills",
    "timeout": "an option of the client",
    "prompt": "the cell's body",
    "image": "read and checked by inputs",
    "svg": "given as svg_model and svg_effort",
    "self": "",
}
SPECIFICATION = json.loads((Path(__file__).parent / "data/openapi-images.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("method", ["generate", "edit"])
def test_every_parameter_of_the_sdk_is_an_option_or_left_out_with_a_reason(method):
    """A new parameter of the SDK is noticed."""
    function = getattr(openai.resources.images.Images, method)
    names = set(inspect.signature(inspect.unwrap(function)).parameters)
    known = {option.name for option in OPTIONS} | set(WIRE_FIELDS) | set(NOT_OFFERED)
    assert names <= known, f"new in the SDK: {names - known}"


def test_every_wire_field_is_taken_by_the_sdk():
    """A field that we send under a name of our own making would be refused."""
    names = set(inspect.signature(inspect.unwrap(openai.resources.images.Images.generate)).parameters)
    names |= set(inspect.signature(inspect.unwrap(openai.resources.images.Images.edit)).parameters)
    assert set(WIRE_FIELDS) <= names


def test_every_model_of_the_sdk_is_in_the_catalog():
    """A new model id of the SDK is noticed; snapshots count."""
    from openai.types import ImageModel

    known = load_catalog()
    missing = [name for name in typing.get_args(ImageModel) if not known.get(name).known]
    assert not missing


@pytest.mark.parametrize(
    "kind",
    [cls for cls in list(vars(openai).values()) if isinstance(cls, type) and issubclass(cls, openai.APIStatusError)],
)
def test_every_status_error_of_the_sdk_is_mapped(kind):
    """Each becomes a class of ours that says what happened to the money."""
    for status in (getattr(kind, "status_code", None), 400, 404, 409, 422, 429, 500, 503):
        if isinstance(status, int):
            error = status_error(status, {"error": {"message": "x"}}, {})
            assert isinstance(error, CallError)
            assert error.outcome in ("refused", "ambiguous")


@pytest.mark.parametrize("schema", ["CreateImageRequest", "CreateImageEditRequest"])
def test_every_property_of_the_specification_is_known(schema):
    """OpenAI's own schema of the request holds nothing that we never heard of."""
    found = SPECIFICATION["components"]["schemas"][schema]["properties"]
    known = set(WIRE_FIELDS) | set(NOT_OFFERED) | {option.name for option in OPTIONS} | {"partial_images"}
    assert set(found) <= known, set(found) - known


def test_the_catalog_says_where_its_facts_are_from():
    """Every model and limit has a date and a source."""
    catalog = load_catalog()
    assert catalog.limits.checked
    for model in catalog:
        assert model.checked, model.id
        assert model.source, model.id
