"""The service's own rules: what it accepts, and how it words a refusal.

Written from the published facts (OpenAI API reference, specification of 2026-08-21, and threads that quote live
answers, read 2026-11-23). It never asks this package's request checker: a wrong rule would confirm itself.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from PIL import Image

from imagegen_magic.catalog import Catalog, FlexibleSizes, Model

from .wire import ApiError, Upload

__all__ = ["INVALID_KEY", "MODERATED", "Job", "check_key", "find_model", "pixels", "read_job"]

Endpoint = Literal["generation", "edit"]

INVALID_KEY = "sk-invalid"
"""The one key that is refused with 401; any other non-empty key is accepted."""

MODERATED = {"simulated-violence": "violence", "simulated-nudity": "sexual", "simulated-self-harm": "self-harm"}
"""Words in a prompt that are refused with `moderation_blocked`, and the violation reported."""

_SHARED = {
    "model", "prompt", "n", "size", "quality", "background", "complexity", "output_format", "output_compression",
    "frame_count", "frame_duration_ms", "svg", "moderation", "stream", "partial_images", "safety_identifier", "user",
}  # fmt: skip
_EDIT_ONLY = {"input_fidelity"}
_INPUT_MIMES = ("image/jpeg", "image/png", "image/webp")
_MAX_INPUT_BYTES = 50 * 1024 * 1024
_MAX_PIXELS = 100_000_000
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
_IMAGE_ERROR = "image_generation_user_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An accepted request, every value resolved but the drawing itself."""

    endpoint: Endpoint
    model: Model
    prompt: str
    n: int
    size: tuple[int, int]
    quality: str
    background: str
    output_format: str
    output_compression: int
    frame_count: int
    frame_duration_ms: int
    stream: bool
    partial_images: int
    safety_identifier: str | None = None
    images: tuple[Upload, ...] = ()
    mask: Upload | None = None
    markup: Upload | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


def check_key(authorization: str, api_key: str) -> None:
    """Refuses a request without a key (`Authorization: Bearer`, or Azure's `api-key`), or with `INVALID_KEY`."""
    scheme, _, key = authorization.partition(" ")
    key = (key if scheme.lower() == "bearer" else "").strip() or api_key.strip()
    if not key:
        raise ApiError(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
            "auth (i.e. Authorization: Bearer YOUR_KEY).",
        )
    if key == INVALID_KEY:
        raise ApiError(
            401,
            "Incorrect API key provided: sk-in***lid. You can find your API key at https://platform.openai.com/account/api-keys.",
            code="invalid_api_key",
        )


def find_model(catalog: Catalog, name: str, today: date, *, image_call: bool) -> Model:
    """The model with this id or snapshot; 404 where there is none, or where it has been shut down by `today`."""
    model = catalog.find(name)
    gone = model is not None and (model.state == "shut down" or (model.ends is not None and model.ends <= today))
    if model is not None and not gone:
        return model
    if gone:
        message = (
            f"The model `{name}` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations"
        )
    else:
        message = f"The model '{name}' does not exist or you do not have access to it."
    raise ApiError(404, message, param="model" if image_call else None, code="model_not_found")


def read_job(
    endpoint: Endpoint,
    values: Mapping[str, Any],
    uploads: Collection[Upload],
    *,
    catalog: Catalog,
    today: date,
    request_id: str,
    refuse_transparent: bool = False,
) -> Job:
    """The accepted request.

    `values` are JSON values, or texts of a form. `uploads` are files with the field names `image`, `mask`, `markup`.

    Raises:
        ApiError: the first rule that the request breaks, in the service's words.
    """
    reader = _Reader(values)
    reader.refuse_unknown(_SHARED | (_EDIT_ONLY if endpoint == "edit" else set()))
    model = find_model(catalog, reader.text("model", required=True), today, image_call=True)
    prompt = reader.text("prompt", required=True, longest=catalog.limits.max_prompt)
    output_format = reader.choice("output_format", model.formats or ("png", "jpeg", "webp"), "png")
    stream = reader.flag("stream")
    images, mask, markup = _inputs(endpoint, uploads, model, catalog.limits.max_images, output_format)
    job = Job(
        endpoint=endpoint,
        model=model,
        prompt=prompt,
        n=reader.whole("n", 1, catalog.limits.max_n, 1),
        size=_size(reader, model, catalog.limits.flexible, prompt, images, output_format),
        quality=_quality(reader, model, prompt),
        background=_background(reader, model, prompt, output_format, refuse=refuse_transparent),
        output_format=output_format,
        output_compression=_compression(reader, output_format),
        frame_count=_frames(reader, output_format),
        frame_duration_ms=_frame_duration(reader, output_format),
        stream=stream,
        partial_images=_partials(reader, output_format, catalog.limits.max_partial_images, stream=stream),
        safety_identifier=reader.optional_text("safety_identifier", longest=catalog.limits.max_safety_identifier),
        images=images,
        mask=mask,
        markup=markup,
        fields=dict(values),
    )
    _check_rest(reader, job)
    _check_moderation(prompt, request_id)
    return job


class _Reader:
    """Typed access to the fields of a request, with the service's refusals."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {name: value for name, value in values.items() if value is not None}

    def refuse_unknown(self, known: Collection[str]) -> None:
        for name in self.values:
            if name not in known:
                raise ApiError(400, f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")

    def text(self, name: str, *, required: bool = False, longest: int = 32_000) -> str:
        value = self.values.get(name)
        if value is None or value == "":
            if required:
                raise ApiError(
                    400, f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
                )
            return ""
        if not isinstance(value, str):
            raise _wrong_type(name, "a string", value)
        if len(value) > longest:
            raise ApiError(
                400,
                f"Invalid '{name}': string too long. Expected a string with maximum length {longest}, but got a string "
                f"with length {len(value)} instead.",
                param=name,
                code="string_above_max_length",
            )
        return value

    def optional_text(self, name: str, *, longest: int) -> str | None:
        return self.text(name, longest=longest) or None

    def choice(self, name: str, allowed: Collection[str], default: str) -> str:
        value = self.text(name) or default
        if value not in allowed:
            raise _wrong_value(name, value, allowed)
        return value

    def whole(self, name: str, low: int, high: int, default: int) -> int:
        value = self.values.get(name, default)
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}", value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_type(name, "an integer", value)
        if not low <= value <= high:
            side, sign, bound = ("above maximum", "<=", high) if value > high else ("below minimum", ">=", low)
            raise ApiError(
                400,
                f"Invalid '{name}': integer {side} value. Expected a value {sign} {bound}, but got {value} instead.",
                param=name,
                code=f"integer_{side.replace(' ', '_').removesuffix('imum')}_value",
            )
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            value = value.lower() == "true"
        if not isinstance(value, bool):
            raise _wrong_type(name, "a boolean", value)
        return value


def _wrong_type(name: str, expected: str, value: object) -> ApiError:
    words = {
        bool: "a boolean",
        int: "an integer",
        float: "a decimal number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    got = words.get(type(value), "another type")
    message = f"Invalid type for '{name}': expected {expected}, but got {got} instead."
    return ApiError(400, message, param=name, code="invalid_type")


def _wrong_value(name: str, value: str, allowed: Collection[str]) -> ApiError:
    *most, last = [f"'{choice}'" for choice in allowed] or ["''"]
    listed = f"{', '.join(most)}{',' if len(most) > 1 else ''} and {last}" if most else last
    return ApiError(400, f"Invalid value: '{value}'. Supported values are: {listed}.", param=name, code="invalid_value")


def _bad(message: str, param: str, code: str = "invalid_value", kind: str = "invalid_request_error") -> ApiError:
    return ApiError(400, message, kind=kind, param=param, code=code)


def _quality(reader: _Reader, model: Model, prompt: str) -> str:
    """The tier, with `auto` resolved: long prompts get `high`, others `medium`."""
    quality = reader.choice("quality", model.qualities or ("low", "medium", "high", "auto"), "auto")
    if quality == "auto":
        return "high" if len(prompt) > 200 else "medium"  # noqa: PLR2004
    return quality


def _background(reader: _Reader, model: Model, prompt: str, output_format: str, *, refuse: bool) -> str:
    """`transparent` or `opaque`."""
    background = reader.choice("background", ("transparent", "opaque", "auto"), "auto")
    if background == "auto":
        wished = re.search(r"transparent (background|backdrop)|\bsticker\b", prompt, re.IGNORECASE)
        able = model.transparency == "yes" and output_format in ("png", "webp")
        return "transparent" if wished and able else "opaque"
    if background == "transparent":
        if model.transparency == "no" or refuse:
            raise _bad("Transparent background is not supported for this model.", "background", kind=_IMAGE_ERROR)
        if output_format not in ("png", "webp"):
            raise _bad(f"Transparent background is not supported for output format '{output_format}'.", "background")
    return background


def _compression(reader: _Reader, output_format: str) -> int:
    value = reader.whole("output_compression", 0, 100, 100)
    if "output_compression" in reader.values and output_format not in ("jpeg", "webp") and value != 100:  # noqa: PLR2004
        raise _bad(
            f"Compression less than 100 is not supported for output format '{output_format}'.", "output_compression"
        )
    return value


def _frames(reader: _Reader, output_format: str) -> int:
    if "frame_count" in reader.values and output_format != "gif":
        raise _bad("'frame_count' is only supported when 'output_format' is 'gif'.", "frame_count")
    return reader.whole("frame_count", 2, 16, 9)


def _frame_duration(reader: _Reader, output_format: str) -> int:
    if "frame_duration_ms" in reader.values and output_format != "gif":
        raise _bad("'frame_duration_ms' is only supported when 'output_format' is 'gif'.", "frame_duration_ms")
    value = reader.whole("frame_duration_ms", 20, 999_999_999, 200)
    return min(round(value / 10) * 10, 655_350)


def _partials(reader: _Reader, output_format: str, most: int, *, stream: bool) -> int:
    value = reader.whole("partial_images", 0, most, 0)
    if stream and output_format in ("gif", "svg"):
        raise _bad(f"Streaming is not supported for output format '{output_format}'.", "stream")
    if value and not stream:
        raise _bad("'partial_images' requires 'stream' to be true.", "partial_images")
    return value


def _size(
    reader: _Reader, model: Model, rule: FlexibleSizes, prompt: str, images: tuple[Upload, ...], output_format: str
) -> tuple[int, int]:
    """(width, height) in pixels, with `auto` resolved."""
    text = reader.text("size") or "auto"
    if text == "auto":
        size = _auto_size(model, rule, prompt, pixels(images[0].data) if images else None)
        return size if output_format != "gif" else (640, 640)
    if model.sizes and not model.flexible_sizes and text not in model.sizes:
        raise _wrong_value("size", text, (*model.sizes, "auto"))
    match = _SIZE.fullmatch(text)
    if match is None:
        raise _bad(f"Invalid size '{text}'. Expected 'auto' or 'WIDTHxHEIGHT'.", "size")
    size = int(match[1]), int(match[2])
    if model.flexible_sizes:
        fault = _gif_fault(size, reader, rule) if output_format == "gif" else _size_fault(size, rule)
        if fault:
            raise _bad(f"Invalid size '{text}'. {fault}", "size")
    return size


def _size_fault(size: tuple[int, int], rule: FlexibleSizes) -> str:
    """The first clause that a still picture's size breaks, or an empty text."""
    width, height = size
    if not all(size) or width % rule.multiple or height % rule.multiple:
        return f"Width and height must both be divisible by {rule.multiple}."
    if max(size) > rule.max_edge:
        return f"Width and height must be at most {rule.max_edge} pixels."
    if max(size) > rule.max_ratio * min(size):
        return f"The aspect ratio must be between 1:{rule.max_ratio} and {rule.max_ratio}:1."
    if not rule.min_pixels <= width * height <= rule.max_pixels:
        return f"The total number of pixels must be between {rule.min_pixels} and {rule.max_pixels}."
    return ""


def _gif_fault(size: tuple[int, int], reader: _Reader, rule: FlexibleSizes) -> str:
    """As for a still picture, but for the sheet on which the frames are laid out."""
    frames = reader.whole("frame_count", 2, 16, 9)
    rows = next(rows for most, rows in ((8, 2), (9, 3), (12, 3), (16, 4)) if frames <= most)
    columns = 3 if frames == 9 else 4  # noqa: PLR2004
    if not all(size) or size[0] % rule.multiple or size[1] % rule.multiple:
        return f"Width and height must both be divisible by {rule.multiple}."
    fault = _size_fault((size[0] * columns, size[1] * rows), rule)
    return f"{frames} frames of this size do not fit the GIF size limits. {fault}" if fault else ""


def _auto_size(model: Model, rule: FlexibleSizes, prompt: str, first: tuple[int, int] | None) -> tuple[int, int]:
    """An edit keeps the first input's size where it can; else the prompt's words choose one of three."""
    usual = ((1024, 1024), (1536, 1024), (1024, 1536))
    if first is not None:
        fits = rule.min_pixels <= first[0] * first[1] <= rule.max_pixels and max(first) <= rule.max_edge
        if model.flexible_sizes and fits:
            return first
        return min(usual, key=lambda size: abs(size[0] / size[1] - first[0] / first[1]))
    if re.search(r"\b(portrait|poster|phone|tall)\b", prompt, re.IGNORECASE):
        return usual[2]
    if re.search(r"\b(landscape|banner|wide|panorama|horizon)\b", prompt, re.IGNORECASE):
        return usual[1]
    return usual[0]


def pixels(data: bytes) -> tuple[int, int]:
    """(width, height) of an encoded picture after EXIF orientation, from its header alone."""
    with Image.open(io.BytesIO(data)) as picture:
        width, height = picture.size
        turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


def _inputs(
    endpoint: Endpoint, uploads: Collection[Upload], model: Model, most: int, output_format: str
) -> tuple[tuple[Upload, ...], Upload | None, Upload | None]:
    """The pictures of an edit, the mask and the markup, each checked."""
    if endpoint == "generation":
        return (), None, None
    images = tuple(upload for upload in uploads if upload.field == "image")
    if not images:
        raise ApiError(400, "Missing required parameter: 'image'.", param="image", code="missing_required_parameter")
    if len(images) > most:
        message = f"Invalid 'image': too many items. Expected a maximum of {most}, but got {len(images)} instead."
        raise _bad(message, "image", "array_above_max_length")
    for upload in images:
        _check_picture(upload, "image", _INPUT_MIMES)
    overlays = []
    for name in ("mask", "markup"):
        given = [upload for upload in uploads if upload.field == name]
        overlays.append(_overlay(name, given[0], images[0]) if given else None)
    mask, markup = overlays
    if mask is not None and output_format == "gif":
        raise _bad("'mask' is not supported when 'output_format' is 'gif'.", "mask")
    if markup is not None and (mask is not None or not model.markup):
        why = "can not be used together with 'mask'" if mask is not None else "is not supported for this model"
        raise _bad(f"'markup' {why}.", "markup", "invalid_value" if mask is not None else "unsupported_parameter")
    return images, mask, markup


def _overlay(name: str, upload: Upload, first: Upload) -> Upload:
    """A mask or markup that is a PNG with alpha of the first picture's size."""
    _check_picture(upload, name, ("image/png",))
    if pixels(upload.data) != pixels(first.data):
        raise _bad(
            f"Invalid {name} image format - {name} size does not match image size.", name, "invalid_image_format"
        )
    with Image.open(io.BytesIO(upload.data)) as picture:
        if not picture.has_transparency_data:
            raise _bad(
                f"Invalid {name} image format - {name} image missing alpha channel.", name, "invalid_image_format"
            )
    return upload


def _check_picture(upload: Upload, param: str, mimes: tuple[str, ...]) -> None:
    if upload.mime not in mimes:
        *most, last = [f"'{mime}'" for mime in mimes]
        listed = f"{', '.join(most)}, and {last}" if most else last
        message = (
            f"Invalid file '{param}': unsupported mimetype ('{upload.mime}'). Supported file formats are {listed}."
        )
        raise _bad(message, param, "unsupported_file_mimetype")
    if len(upload.data) >= _MAX_INPUT_BYTES:
        raise ApiError(
            413, f"Invalid file '{param}': file is too large (maximum 50MB).", param=param, code="file_too_large"
        )
    try:
        width, height = pixels(upload.data)
        fits = width * height <= _MAX_PIXELS
    except Exception as error:  # Pillow's decoders raise many kinds for bytes that are no picture
        raise _bad(
            f"Invalid image file or mode for '{param}', please check your image file.", param, "invalid_image_file"
        ) from error
    if not fits:
        raise _bad(f"Invalid file '{param}': image has too many pixels.", param, "invalid_image_file")


def _check_rest(reader: _Reader, job: Job) -> None:
    """The rules across fields."""
    for name, allowed in (("complexity", job.model.complexities), ("input_fidelity", job.model.input_fidelity)):
        if name in reader.values:
            if not allowed:
                message = f"The model '{job.model.id}' does not support the '{name}' parameter."
                raise _bad(
                    message, name, f"invalid_{name}_model" if name == "input_fidelity" else "unsupported_parameter"
                )
            reader.choice(name, allowed, allowed[0])
    reader.choice("moderation", ("auto", "low"), "auto")
    if "svg" in reader.values:
        _check_svg(reader.values["svg"], job)
    if job.output_format == "svg" and job.n != 1:
        raise _bad("'n' must be 1 when 'output_format' is 'svg'.", "n")


def _check_svg(svg: object, job: Job) -> None:
    if not isinstance(svg, dict):
        raise _wrong_type("svg", "an object", svg)
    if job.output_format != "svg":
        raise _bad("'svg' is only supported when 'output_format' is 'svg'.", "svg")
    for name in svg:
        if name not in ("model", "reasoning"):
            raise ApiError(400, f"Unknown parameter: 'svg.{name}'.", param=f"svg.{name}", code="unknown_parameter")


def _check_moderation(prompt: str, request_id: str) -> None:
    hits = sorted({violation for word, violation in MODERATED.items() if word in prompt.lower()})
    if hits:
        raise moderation_error(request_id, hits)


def moderation_error(request_id: str, violations: Collection[str]) -> ApiError:
    """The refusal of a blocked prompt."""
    return ApiError(
        400,
        "Your request was rejected by the safety system. If you believe this is an error, contact us at help.openai.com "
        f"and include the request ID {request_id}. safety_violations=[{', '.join(violations)}].",
        kind=_IMAGE_ERROR,
        code="moderation_blocked",
    )
