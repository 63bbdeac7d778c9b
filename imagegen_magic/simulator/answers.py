"""The bodies of image answers: one JSON object, or server-sent events."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from . import edits, encoding, tokens
from .drawing import Recipe, paint_image
from .drawing.recipe import seed_of
from .drawing.sheets import SHEET_FAULTS
from .drawing.vector import vector
from .drawing.wording import key_colour
from .rules import Job
from .uploads import pixels

__all__ = [
    "Drawn",
    "Entry",
    "Manner",
    "Streamed",
    "b64",
    "draw",
    "event_chunks",
    "json_chunks",
    "partials",
    "plain",
    "usage",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One finished picture: its file, and the pixels if it is a still picture."""

    data: bytes
    image: Image.Image | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How pictures are delivered: see the options of `Simulator`; `fault` is what goes wrong in a sprite sheet."""

    drift: float
    delivery: str
    fault: str


def recipe_for(job: Job, number: int) -> Recipe:
    """What picture `number` of a generation depends on: the content of the request, and nothing else."""
    backdrop = "none" if job.background == "transparent" else key_colour(job.prompt) or "scene"
    seed = seed_of(job.prompt, job.model.id, job.size, number)
    return Recipe(
        prompt=job.prompt, seed=seed, width=job.size[0], height=job.size[1], quality=job.quality, backdrop=backdrop
    )


def draw(job: Job, number: int, manner: Manner) -> Drawn:
    """Picture `number` of the job, encoded as asked."""
    recipe: Recipe | None
    if job.endpoint == "edit" and (recipe := edits.first_recipe(job, manner.drift)) is None:
        recipe = replace(edits.edit_recipe(job, number), delivery=manner.delivery)
        if job.output_format not in ("gif", "svg"):
            image = edits.edit_image(job, recipe)
            return Drawn(data=encoding.encode(image, job.output_format, job.output_compression, None), image=image)
    elif job.endpoint == "generation":
        recipe = recipe_for(job, number)
    assert recipe is not None
    recipe = replace(recipe, delivery=manner.delivery, fault=manner.fault if manner.fault in SHEET_FAULTS else "")
    if job.output_format == "gif":
        return Drawn(data=encoding.animation(recipe, job.frame_count, job.frame_duration_ms))
    if job.output_format == "svg":
        return Drawn(data=vector(recipe))
    image = paint_image(recipe)
    return Drawn(data=encoding.encode(image, job.output_format, job.output_compression, recipe), image=image)


def partials(job: Job, drawn: Drawn) -> Iterator[bytes]:
    """The partial images of a picture, blurred less and less."""
    image = drawn.image or Image.open(io.BytesIO(drawn.data)).convert("RGBA")
    for number in range(job.partial_images):
        preview = encoding.blurred_preview(image, number, job.partial_images)
        yield encoding.encode(preview, job.output_format, job.output_compression, None)


def as_other_format(drawn: Drawn, job: Job) -> bytes:
    """The picture in a format that was not asked for: JPEG, or PNG if JPEG was asked for."""
    image = (
        drawn.image or Image.open(io.BytesIO(drawn.data)) if job.output_format != "svg" else Image.new("RGB", (64, 64))
    )
    return encoding.encode(image.convert("RGB"), "png" if job.output_format == "jpeg" else "jpeg", 90, None)


def resolved(job: Job) -> dict[str, str]:
    """The values that the service reports back, never `auto`."""
    return {
        "size": f"{job.size[0]}x{job.size[1]}",
        "quality": job.quality,
        "background": job.background,
        "output_format": job.output_format,
    }


def usage(job: Job, count: int) -> dict[str, Any]:
    """Tokens for `count` pictures; each is billed with the whole input."""
    text = tokens.text_tokens(job.prompt) * count
    images = tokens.image_tokens([pixels(upload.data) for upload in job.images]) * count
    size = job.size
    if job.output_format == "gif":
        size = _sheet(job)
    output = (tokens.output_tokens(job.model, size, job.quality) + tokens.PARTIAL_TOKENS * job.partial_images) * count
    report = {
        "input_tokens": text + images,
        "input_tokens_details": {"text_tokens": text, "image_tokens": images},
        "output_tokens": output,
        "total_tokens": text + images + output,
    }
    if not job.stream:
        report["output_tokens_details"] = {"image_tokens": output, "text_tokens": 0}
    return report


def _sheet(job: Job) -> tuple[int, int]:
    """(width, height) of the sheet on which the frames of an animation are laid out."""
    columns = 3 if job.frame_count == 9 else 4
    return job.size[0] * columns, job.size[1] * -(-job.frame_count // columns)


Entry = Mapping[str, Any]
"""What stands for one picture: `{"b64_json": …}` or `{"url": …}`."""

Streamed = tuple[Iterator[bytes], Iterator[Entry]]
"""The partial images of one picture, and its final entry as an iterator of one."""


def b64(data: bytes) -> str:
    """Standard base64 text."""
    return base64.b64encode(data).decode("ascii")


def compact(value: Any) -> bytes:
    """JSON text of a value."""
    return json.dumps(value).encode()


def digest(*content: object) -> str:
    """A short name that depends on nothing but the content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


def json_chunks(job: Job, entries: Iterator[Entry] | None, created: int, count: int) -> Iterator[bytes]:
    """The body of a plain answer, one piece per picture so that ten large ones never stand in memory together."""
    yield f'{{"created": {created}, "data": '.encode()
    if entries is None:
        yield b"null"
    else:
        yield b"["
        for number, entry in enumerate(entries):
            yield (b", " if number else b"") + json.dumps(entry).encode()
        yield b"]"
    tail: dict[str, Any] = {**resolved(job), "usage": usage(job, count)}
    if job.output_format == "svg":
        tail["svg_usage"] = {
            "model": "simulated-author",
            "input_tokens": 400,
            "output_tokens": 3000,
            "reasoning_tokens": 1000,
            "total_tokens": 3400,
        }
    if job.safety_identifier:
        tail["safety_identifier"] = job.safety_identifier
    yield b", " + json.dumps(tail).encode()[1:]


def event_chunks(
    job: Job,
    images: Iterator[Streamed],
    created: int,
    *,
    stop: str = "",
) -> Iterator[bytes]:
    """Server-sent events: for each picture its partials, then the final event.

    `stop` ends the stream before the first final event: `cut` in an orderly way, `error` with an error event.
    """
    prefix = "image_generation" if job.endpoint == "generation" else "image_edit"
    common = {"created_at": created, **resolved(job)}
    for previews, final in images:
        for index, data in enumerate(previews):
            kind = f"{prefix}.partial_image"
            yield _event(kind, {"type": kind, "b64_json": b64(data), **common, "partial_image_index": index})
        if stop == "error":
            error = {
                "message": "The server had an error while processing your request.",
                "type": "server_error",
                "param": None,
                "code": "server_error",
            }
            yield _event("error", {"type": "error", "error": error})
        if stop:
            return
        kind = f"{prefix}.completed"
        extra = {"safety_identifier": job.safety_identifier} if job.safety_identifier else {}
        yield _event(kind, {"type": kind, **next(final), **common, "usage": usage(job, 1), **extra})


def _event(kind: str, data: Mapping[str, Any]) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + json.dumps(data).encode() + b"\n\n"


def plain(job: Job) -> Job:
    """The job without streaming, as a gateway that ignores `stream` sees it."""
    return replace(job, stream=False, partial_images=0)
