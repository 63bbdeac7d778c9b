"""The service's own rules: what it accepts, and how it words a refusal.

Written from the published facts (OpenAI API reference, specification of 2026-08-21, and threads that quote live
answers, read 2026-11-23). It never asks this package's request checker: a wrong rule would confirm itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from imagegen_magic.facts.catalog import Catalog, FlexibleSizes, Model

from .reader import Reader, bad, wrong_type, wrong_value
from .uploads import Endpoint, pixels, read_images
from .wire import ApiError, Upload

__all__ = ["INVALID_KEY", "MODERATED", "Job", "check_key", "find_model", "moderation_error", "read_job"]

INVALID_KEY = "sk-invalid"
"""The one key that is refused with 401; any other non-empty key is accepted."""

MODERATED = {"simulated-violence": "violence", "simulated-nudity": "sexual", "simulated-self-harm": "self-harm"}
"""Words in a prompt that are refused with `moderation_blocked`, and the violation reported."""

_SHARED = {
    "model", "prompt", "n", "size", "quality", "background", "complexity", "output_format", "output_compression",
    "frame_count", "frame_duration_ms", "svg", "moderation", "stream", "partial_images", "safety_identifier", "user",
}  # fmt: skip
_EDIT_ONLY = {"input_fidelity"}
_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
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
    """The model with this id or snapshot; 404 if there is none, or if it has been shut down by `today`."""
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
    reader = Reader(values)
    reader.refuse_unknown(_SHARED | (_EDIT_ONLY if endpoint == "edit" else set()))
    model = find_model(catalog, reader.text("model", required=True), today, image_call=True)
    prompt = reader.text("prompt", required=True, longest=catalog.limits.max_prompt)
    output_format = reader.choice("output_format", model.formats or ("png", "jpeg", "webp"), "png")
    stream = reader.flag("stream")
    images, mask, markup = read_images(endpoint, uploads, model, catalog.limits.max_images, output_format)
    job = Job(
        endpoint=endpoint,
        model=model,
        prompt=prompt,
        n=reader.whole("n", 1, catalog.limits.max_n, 1),
        size=_size(reader, model, catalog.limits.flexible, images, output_format),
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


def _quality(reader: Reader, model: Model, prompt: str) -> str:
    """The tier, with `auto` resolved: long prompts get `high`, others `medium`."""
    quality = reader.choice("quality", model.qualities or ("low", "medium", "high", "auto"), "auto")
    if quality == "auto":
        return "high" if len(prompt) > 200 else "medium"
    return quality


def _background(reader: Reader, model: Model, prompt: str, output_format: str, *, refuse: bool) -> str:
    """`transparent` or `opaque`."""
    background = reader.choice("background", ("transparent", "opaque", "auto"), "auto")
    if background == "auto":
        wished = re.search(r"transparent (background|backdrop)|\bsticker\b", prompt, re.IGNORECASE)
        able = model.transparency == "yes" and output_format in ("png", "webp")
        return "transparent" if wished and able else "opaque"
    if background == "transparent":
        if model.transparency == "no" or refuse:
            raise bad("Transparent background is not supported for this model.", "background", kind=_IMAGE_ERROR)
        if output_format not in ("png", "webp", "gif"):
            raise bad(f"Transparent background is not supported for output format '{output_format}'.", "background")
    return background


def _compression(reader: Reader, output_format: str) -> int:
    value = reader.whole("output_compression", 0, 100, 100)
    if "output_compression" in reader.values and output_format not in ("jpeg", "webp") and value != 100:
        raise bad(
            f"Compression less than 100 is not supported for output format '{output_format}'.", "output_compression"
        )
    return value


def _frames(reader: Reader, output_format: str) -> int:
    if "frame_count" in reader.values and output_format != "gif":
        raise bad("'frame_count' is only supported when 'output_format' is 'gif'.", "frame_count")
    return reader.whole("frame_count", 2, 16, 9)


def _frame_duration(reader: Reader, output_format: str) -> int:
    if "frame_duration_ms" in reader.values and output_format != "gif":
        raise bad("'frame_duration_ms' is only supported when 'output_format' is 'gif'.", "frame_duration_ms")
    value = reader.whole("frame_duration_ms", 20, 999_999_999, 200)
    return min(round(value / 10) * 10, 655_350)


def _partials(reader: Reader, output_format: str, most: int, *, stream: bool) -> int:
    value = reader.whole("partial_images", 0, most, 0)
    if stream and output_format in ("gif", "svg"):
        raise bad(f"Streaming is not supported for output format '{output_format}'.", "stream")
    if value and not stream:
        raise bad("'partial_images' requires 'stream' to be true.", "partial_images")
    return value


def _size(
    reader: Reader, model: Model, rule: FlexibleSizes, images: tuple[Upload, ...], output_format: str
) -> tuple[int, int]:
    """(width, height) in pixels, with `auto` resolved."""
    text = reader.text("size") if "size" in reader.values else "auto"
    if text == "auto":
        size = _auto_size(model, rule, reader.text("prompt"), pixels(images[0].data) if images else None)
        return size if output_format != "gif" else (640, 640)
    if model.sizes and not model.flexible_sizes and text not in model.sizes:
        raise wrong_value("size", text, (*model.sizes, "auto"))
    match = _SIZE.fullmatch(text)
    if match is None:
        raise bad(f"Invalid size '{text}'. Expected 'auto' or 'WIDTHxHEIGHT'.", "size")
    size = int(match[1]), int(match[2])
    if model.flexible_sizes:
        fault = _gif_fault(size, reader, rule) if output_format == "gif" else _size_fault(size, rule)
        if fault:
            raise bad(f"Invalid size '{text}'. {fault}", "size")
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


def _gif_fault(size: tuple[int, int], reader: Reader, rule: FlexibleSizes) -> str:
    """As for a still picture, but for the sheet on which the frames are laid out."""
    frames = reader.whole("frame_count", 2, 16, 9)
    rows = next(rows for most, rows in ((8, 2), (9, 3), (12, 3), (16, 4)) if frames <= most)
    columns = 3 if frames == 9 else 4
    if not all(size) or size[0] % rule.multiple or size[1] % rule.multiple:
        return f"Width and height must both be divisible by {rule.multiple}."
    fault = _size_fault((size[0] * columns, size[1] * rows), rule)
    return f"{frames} frames of this size do not fit the GIF size limits. {fault}" if fault else ""


def _auto_size(model: Model, rule: FlexibleSizes, prompt: str, first: tuple[int, int] | None) -> tuple[int, int]:
    """An edit keeps the first input's size if it can; else the prompt's words choose one of three."""
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


def _check_rest(reader: Reader, job: Job) -> None:
    """The rules across fields."""
    for name, allowed in (("complexity", job.model.complexities), ("input_fidelity", job.model.input_fidelity)):
        if name in reader.values:
            if not allowed:
                message = f"The model '{job.model.id}' does not support the '{name}' parameter."
                raise bad(
                    message, name, f"invalid_{name}_model" if name == "input_fidelity" else "unsupported_parameter"
                )
            reader.choice(name, allowed, allowed[0])
    reader.choice("moderation", ("auto", "low"), "auto")
    reader.text("user")
    if "svg" in reader.values:
        _check_svg(reader.values["svg"], job)
    if job.output_format == "svg" and job.n != 1:
        raise bad("'n' must be 1 when 'output_format' is 'svg'.", "n")
    if job.stream and job.n > 1:
        why = "Streaming is only supported with n=1."
        raise ApiError(400, why, kind=_IMAGE_ERROR, code="unsupported_parameter", param="input")


def _check_svg(svg: object, job: Job) -> None:
    if not isinstance(svg, dict):
        raise wrong_type("svg", "an object", svg)
    if job.output_format != "svg":
        raise bad("'svg' is only supported when 'output_format' is 'svg'.", "svg")
    for name, value in svg.items():
        if name not in ("model", "reasoning"):
            raise ApiError(400, f"Unknown parameter: 'svg.{name}'.", param=f"svg.{name}", code="unknown_parameter")
        if not isinstance(value, str if name == "model" else (dict, type(None))):
            raise wrong_type(f"svg.{name}", "a string" if name == "model" else "an object", value)
    if not svg.get("model"):
        raise ApiError(
            400, "Missing required parameter: 'svg.model'.", param="svg.model", code="missing_required_parameter"
        )
    _check_effort(svg.get("reasoning") or {})


EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Of svg's author model (openai-python 3.54.0, ImageGenerateParams.svg, where the model is required)."""


def _check_effort(reasoning: Mapping[str, Any]) -> None:
    for name, value in reasoning.items():
        place = f"svg.reasoning.{name}"
        if name != "effort":
            raise ApiError(400, f"Unknown parameter: '{place}'.", param=place, code="unknown_parameter")
        if value is not None and not isinstance(value, str):
            raise wrong_type(place, "a string", value)
        if value is not None and value not in EFFORTS:
            raise wrong_value(place, value, EFFORTS)


def _check_moderation(prompt: str, request_id: str) -> None:
    hits = sorted({violation for word, violation in MODERATED.items() if word in prompt.lower()})
    if hits:
        raise moderation_error(request_id, hits)


def moderation_error(request_id: str, violations: Collection[str]) -> ApiError:
    """The refusal of a blocked prompt."""
    return ApiError(
        400,
        "Your request was rejected by the safety system. If you believe this is an error, contact us at "
        f"help.openai.com and include the request ID {request_id}. safety_violations=[{', '.join(violations)}].",
        kind=_IMAGE_ERROR,
        code="moderation_blocked",
    )
