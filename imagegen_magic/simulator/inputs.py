"""The two wire forms of an edit, a form with files and a JSON object with references, made into one."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .files import FileStore
from .reader import bad, wrong_type
from .wire import ApiError, Request, Upload, parse_multipart

__all__ = ["edit_inputs", "nested", "read_body"]

_MAX_DATA_URL = 20_971_520


def read_body(request: Request) -> tuple[dict[str, Any], list[Upload]]:
    """Fields and files of a JSON or multipart body.

    Raises:
        ApiError: the body can't be read.
    """
    content_type = request.header("content-type")
    if content_type.lower().startswith("multipart/form-data"):
        return parse_multipart(request.body, content_type)
    try:
        values = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        raise ApiError(400, "We could not parse the JSON body of your request.") from None
    if not isinstance(values, dict):
        raise ApiError(400, "The body of your request is not a JSON object.")
    return values, []


def edit_inputs(
    values: Mapping[str, Any], uploads: list[Upload], files: FileStore
) -> tuple[dict[str, Any], list[Upload]]:
    """The scalar fields, and every picture as a file named `image`, `mask` or `markup`."""
    found = [
        replace(upload, field="image" if upload.field.startswith("image[") else upload.field) for upload in uploads
    ]
    found += _references(values, files)
    rest = {name: value for name, value in values.items() if name not in ("images", "mask", "markup")}
    return nested(rest), found


def _references(values: Mapping[str, Any], files: FileStore) -> Iterator[Upload]:
    images = [] if values.get("images") is None else values["images"]
    if not isinstance(images, list):
        raise wrong_type("images", "an array of objects", images)
    for number, reference in enumerate(images):
        yield _reference("image", f"images[{number}]", reference, files)
    for name in ("mask", "markup"):
        if values.get(name) is not None:
            yield _reference(name, name, values[name], files)


def _reference(name: str, place: str, reference: object, files: FileStore) -> Upload:
    """The picture behind `{"file_id": …}` or `{"image_url": "data:…"}`, which stands at `place` in the body."""
    if not isinstance(reference, dict):
        raise wrong_type(place, "an object", reference)
    keys = list(reference)
    if len(keys) != 1 or keys[0] not in ("file_id", "image_url"):
        raise bad(f"Each '{name}' needs exactly one of 'file_id' and 'image_url'.", place)
    param, value = f"{place}.{keys[0]}", reference[keys[0]]
    if not isinstance(value, str):
        raise wrong_type(param, "a string", value)
    if keys[0] == "file_id":
        return replace(files.as_upload(name, value), param=param)
    head, comma, text = value.partition(",")
    if not comma or not head.startswith("data:") or len(value) > _MAX_DATA_URL:
        # As a live answer says it of an address that leads nowhere; the simulator downloads nothing.
        raise bad("Error while downloading file. Upstream status code: 404.", "url")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise bad("Invalid base64 in the data URL.", param) from None
    mime = head.removeprefix("data:").split(";")[0]
    return Upload(field=name, filename="", mime=mime, data=data, param=param)


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Form fields such as `svg[reasoning][effort]` as nested objects."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        first, *rest = name.replace("]", "").split("[")
        if not rest:
            out[name] = value
            continue
        place = out
        for key in (first, *rest[:-1]):
            inner = place.get(key)
            place[key] = place = inner if isinstance(inner, dict) else {}
        place[rest[-1]] = value
    return out
