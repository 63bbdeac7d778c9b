"""What a request may ask: `check_request` reports every broken rule at once, `request_warnings` what to know before paying.

Limits and allowed values are the catalog's; here are only the rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import date

from imagegen_magic.errors import Fix, Problem, PromptPlace, Setting
from imagegen_magic.facts.catalog import Catalog, Limits, Model, load_catalog
from imagegen_magic.facts.sizes import (
    flexible_faults,
    format_size,
    meant_size,
    nearest_frame,
    nearest_sizes,
    read_pixels,
    sheet_faults,
)
from imagegen_magic.facts.words import foreign_flags
from imagegen_magic.options.hints import choice_fix
from imagegen_magic.options.table import BACKGROUNDS, FORMATS, MODERATIONS
from imagegen_magic.redaction import find_key, is_secret

from .prompt import blank_rule
from .request import WIRE_FIELDS, ImageRequest, InputImage

__all__ = ["ALPHA_FORMATS", "check_request", "request_warnings"]

Rule = Callable[[ImageRequest, Model, Limits], Iterator[Problem]]


COMPRESSED_FORMATS = ("jpeg", "webp")


ALPHA_FORMATS = ("png", "webp")


def check_request(request: ImageRequest, model: Model, limits: Limits) -> list[Problem]:
    """Every rule that the request breaks, in a stable order; empty when it may be sent.

    For a model that no catalog lists (`model.known` is False) only the structural rules apply.
    """
    return [problem for rule in RULES for problem in rule(request, model, limits)]


def _choice(name: str, value: object, allowed: tuple[str, ...], who: str, fix: str = "") -> Iterator[Problem]:
    """A value outside `allowed` is a problem; an empty `allowed` means that nothing is known."""
    if value is not None and allowed and value not in allowed:
        yield Problem(
            field=name,
            value=value,
            rule=f"{who} allows {', '.join(allowed)}",
            fix=fix or choice_fix(name, value, allowed),
        )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _whole(name: str, value: object, low: int, high: int) -> Iterator[Problem]:
    """A value that is not a whole number of [low, high] is a problem."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        near = min(max(value, low), high) if isinstance(value, int) and not isinstance(value, bool) else low
        yield Problem(
            field=name,
            value=value,
            rule=f"a whole number from {low} to {high}",
            fix=Fix(Setting(_flag(name), str(near))),
        )


def rule_prompt(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """The prompt is text of 1 to 32,000 characters, without a key in it."""
    if half := next((letter for letter in request.prompt if "\ud800" <= letter <= "\udfff"), None):
        rule = "half of a surrogate pair, which can't be encoded: the text was decoded wrongly"
        yield Problem(
            field="prompt", value=half, rule=rule, fix="prompt.encode('utf-16', 'surrogatepass').decode('utf-16')"
        )
    if find_key(request.prompt):
        rule = "it holds something shaped like an API key; prompts are sent, and kept in files"
        yield Problem(field="prompt", rule=rule, fix="take it out, and revoke the key if it was saved")
    if blank := blank_rule(request.prompt):
        yield Problem(field="prompt", value=request.prompt, rule=blank, fix=Fix(PromptPlace()))
    if len(request.prompt) > limits.max_prompt:
        rule = f"{len(request.prompt):,} characters; at most {limits.max_prompt:,}"
        yield Problem(field="prompt", value=request.prompt[:30] + "…", rule=rule, fix="shorten it")


def rule_model(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """A model is named; the API no longer has a default."""
    if not request.model.strip():
        yield Problem(
            field="model",
            value=request.model,
            rule="a model id is needed",
            fix=Fix(Setting("--model", load_catalog().default)),
        )


def rule_counts(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """n, partial_images and the number of input images stay inside their ranges."""
    yield from _whole("n", request.n, 1, limits.max_n)
    yield from _whole("partial_images", request.partial_images, 0, limits.max_partial_images)
    if len(request.images) > limits.max_images:
        rule = f"at most {limits.max_images} input images"
        yield Problem(
            field="image", value=len(request.images), rule=rule, fix="leave some out, or merge them into one sheet"
        )


def rule_size(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """The size is `auto` or one that the model's size rule allows."""
    if request.size is None or request.size == "auto":
        return
    pixels = read_pixels(request.size)
    if pixels is None:
        meant = meant_size(request.size, model, limits.flexible)
        if request.format == "gif" and model.flexible_sizes:
            meant = _frame_near(read_pixels(meant or "") or (1024, 1024), request, limits)
        fix = Fix(Setting("--size", meant) if meant else Setting("--size", "1024x1024", ("square", "16:9@2k", "auto")))
        yield Problem(
            field="size", value=request.size, rule="WIDTHxHEIGHT in pixels, a preset, a ratio or auto", fix=fix
        )
    elif request.format == "gif" and model.known and model.flexible_sizes:
        yield from _gif_size_problems(request, pixels, limits)
    elif model.known and model.flexible_sizes and (faults := flexible_faults(pixels, limits.flexible)):
        yield _size_problem(request.size, "; ".join(faults), pixels, model, limits)
    elif model.known and model.sizes and not model.flexible_sizes and request.size not in model.sizes:
        rule = f"{model.id} allows {', '.join(model.sizes)} and auto"
        yield _size_problem(request.size, rule, pixels, model, limits)


def _gif_size_problems(request: ImageRequest, pixels: tuple[int, int], limits: Limits) -> Iterator[Problem]:
    """The limits hold for the sheet on which all frames are drawn."""
    frames = request.frame_count or limits.default_frames
    faults = sheet_faults(pixels, frames, limits)
    if faults and limits.frame_count[0] <= frames <= limits.frame_count[1]:
        rule = f"{frames} frames are drawn on one sheet: {'; '.join(faults)}"
        yield Problem(
            field="size",
            value=request.size,
            rule=rule,
            fix=Fix(f"nearest legal for {frames} frames: ", Setting("--size", _frame_near(pixels, request, limits))),
        )


def _frame_near(pixels: tuple[int, int], request: ImageRequest, limits: Limits) -> str:
    """The legal frame size nearest to `pixels`, for as many frames as are asked for and may be."""
    return format_size(nearest_frame(pixels, request.frame_count or limits.default_frames, limits))


def _size_problem(size: str, rule: str, pixels: tuple[int, int], model: Model, limits: Limits) -> Problem:
    near = nearest_sizes(pixels, model, limits.flexible)
    return Problem(
        field="size",
        value=size,
        rule=rule,
        fix=Fix("nearest legal: ", Fix.any_of(Setting("--size", s) for s in near)),
    )


def rule_quality(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """The quality is one that the model knows."""
    yield from _choice("quality", request.quality, model.qualities, model.id)


def rule_background(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """Background is the API's transparency switch; transparent needs a format with alpha and a model that can."""
    value = request.background
    if value is not None and value not in BACKGROUNDS:
        yield Problem(
            field="background",
            value=value,
            rule=Fix(
                "this is the API's transparency switch: transparent, opaque or auto. What the picture shows behind its subject is ",
                Setting("--scene"),
            ),
            fix=Fix(Setting("--scene", value)),
        )
    if value == "transparent" and request.format not in (*ALPHA_FORMATS, "gif") and request.format in FORMATS:
        yield Problem(
            field="background",
            value=value,
            rule=f"{request.format} has no alpha",
            fix=Fix(Setting("--output-format", "png", ("webp",))),
        )
    if value == "transparent" and model.transparency == "no":
        rule = f"{model.id} has no native transparency"
        yield Problem(
            field="background",
            value=value,
            rule=rule,
            fix=Fix(Setting("--transparent"), " (chroma key), or another model"),
        )


def rule_format(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """The output format is one that the model offers."""
    yield from _choice(
        "output_format", request.output_format, model.formats or FORMATS, model.id if model.formats else "the API"
    )


def rule_compression(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """output_compression is 0 to 100, and for jpeg and webp only."""
    yield from _whole("output_compression", request.output_compression, 0, 100)
    if request.output_compression is not None and request.format not in COMPRESSED_FORMATS:
        yield Problem(
            field="output_compression",
            value=request.output_compression,
            rule=f"for jpeg and webp only, not for {request.format}",
            fix=Fix(
                Setting("--output-format", "jpeg", ("webp",)), ", or leave ", Setting("--output-compression"), " out"
            ),
        )


def rule_moderation(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """Moderation is auto or low."""
    yield from _choice("moderation", request.moderation, MODERATIONS, "the API")


def rule_complexity(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """Complexity only if the model has it."""
    if request.complexity is None or not model.known:
        return
    if not model.complexities:
        rule = f"{model.id} has no complexity setting"
        yield Problem(
            field="complexity", value=request.complexity, rule=rule, fix=Fix("leave ", Setting("--complexity"), " out")
        )
    else:
        yield from _choice("complexity", request.complexity, model.complexities, model.id)


def rule_safety_identifier(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """safety_identifier has at most 128 characters."""
    value = request.safety_identifier
    if value is not None and not 0 < len(value) <= limits.max_safety_identifier:
        rule = f"1 to {limits.max_safety_identifier} characters (a hash of the user's id)"
        yield Problem(field="safety_identifier", value=value, rule=rule, fix="send a SHA-256 hex digest")


def rule_gif(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """frame_count and frame_duration_ms belong to gif; gif takes no mask."""
    yield from _whole("frame_count", request.frame_count, *limits.frame_count)
    yield from _whole("frame_duration_ms", request.frame_duration_ms, *limits.frame_duration_ms)
    for name in ("frame_count", "frame_duration_ms"):
        if getattr(request, name) is not None and request.format != "gif":
            yield Problem(
                field=name,
                value=getattr(request, name),
                rule="for gif output only",
                fix=Fix(Setting("--output-format", "gif")),
            )
    if request.format == "gif" and request.mask is not None:
        yield Problem(
            field="mask",
            value=request.mask.name,
            rule="gif output takes no mask",
            fix=Fix(Setting("--output-format", "png")),
        )


def rule_svg(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """Svg output is one picture; its own parameters belong to it alone."""
    if request.format == "svg" and request.count != 1:
        yield Problem(
            field="n", value=request.n, rule="svg output is one picture a request", fix=Fix(Setting("--n", "1"))
        )
    if request.svg is not None and request.format != "svg":
        yield Problem(
            field="svg", value=dict(request.svg), rule="for svg output only", fix=Fix(Setting("--output-format", "svg"))
        )


def rule_stream(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """Live previews need a raster format that streams."""
    if request.partial_images and request.format in ("gif", "svg"):
        rule = f"{request.format} output does not stream"
        yield Problem(
            field="partial_images", value=request.partial_images, rule=rule, fix=Fix(Setting("--partials", "0"))
        )
    if request.partial_images and request.count > 1:
        rule = "previews need one image a request: the service streams only one (read 2026-11-26)"
        yield Problem(
            field="partial_images",
            value=request.partial_images,
            rule=rule,
            fix=Fix(Setting("--partials", "0"), ", or ", Setting("-n", "1")),
        )


def rule_input_fidelity(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """input_fidelity only on edits, and only if the model lets it be set."""
    value = request.input_fidelity
    if value is None:
        return
    if not request.images:
        yield Problem(
            field="input_fidelity",
            value=value,
            rule="for edits only",
            fix=Fix("leave ", Setting("--input-fidelity"), " out, or add ", Setting("-i", "IMAGE")),
        )
    if model.known and not model.input_fidelity:
        rule = model.input_fidelity_rule or f"{model.id} does not let it be set"
        yield Problem(
            field="input_fidelity", value=value, rule=rule, fix=Fix("leave ", Setting("--input-fidelity"), " out")
        )
    elif value not in (model.input_fidelity or ("low", "high")):
        yield from _choice("input_fidelity", value, model.input_fidelity or ("low", "high"), model.id)


def rule_overlays(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """Mask and markup: only with an input image, of the first one's size, not both, markup if the model has it."""
    if request.mask is not None and request.markup is not None:
        yield Problem(
            field="markup",
            value=request.markup.name,
            rule="a request has a mask or a markup, not both",
            fix="leave one out",
        )
    if request.markup is not None and model.known and not model.markup:
        rule = f"{model.id} takes no markup"
        able = load_catalog().first_able(lambda other: other.markup)
        yield Problem(
            field="markup", value=request.markup.name, rule=rule, fix=Fix(Setting("--model", able), ", or use a mask")
        )
    for name in ("mask", "markup"):
        overlay: InputImage | None = getattr(request, name)
        if overlay is None:
            continue
        if not request.images:
            yield Problem(
                field=name,
                value=overlay.name,
                rule="for edits only",
                fix=Fix("add the picture with ", Setting("-i", "IMAGE")),
            )
        elif overlay.size != request.images[0].size:
            yield _overlay_size(name, overlay, request.images[0])


def _overlay_size(name: str, overlay: InputImage, target: InputImage) -> Problem:
    given, wanted = (f"{w}x{h}" for w, h in (overlay.size, target.size))
    rule = f"must have the size of the first image ({target.name}: {wanted}), after its EXIF orientation"
    return Problem(
        field=name, value=given, rule=rule, fix=Fix(f"resize it to {wanted}, or use ", Setting("--mask-box"))
    )


def rule_extra(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """What goes along unvalidated can at least be written as JSON, and is nothing that is counted, priced or checked elsewhere."""
    for given, value in request.extra.items():
        name = _own_name(given)
        if name in OWN_FIELDS:
            rule = "this field has an option of its own, which is checked and priced"
            own = Setting(_flag({"stream": "partial_images"}.get(name, name)), str(value))
            yield Problem(field="extra", value=given, rule=rule, fix=Fix(PromptPlace() if name == "prompt" else own))
            continue
        try:
            text = json.dumps({given: value}, allow_nan=False)
            text.encode()
        except (TypeError, ValueError, RecursionError):
            rule = f"{type(value).__name__} can't be written as JSON"
            yield Problem(field="extra", value=given, rule=rule, fix="numbers, texts, lists, true, false and null can")
            continue
        if is_secret(given) or find_key(text):
            rule = "it holds an API key, and sidecars and histories keep it"
            yield Problem(field=f"extra {given}", rule=rule, fix="set OPENAI_API_KEY in the environment")


def _own_name(given: object) -> str:
    """A field's name, also if a lenient server would read it as one that is priced: `N`, ` n`, `numImages`."""
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(given).strip()).lower().replace("-", "_")
    return "n" if foreign_flags().get(word.replace("_", "-")) == "n" else word


OWN_FIELDS = frozenset({*WIRE_FIELDS, "stream", "partial_images", "image", "mask", "markup"} - {"svg"})


def rule_input_bytes(request: ImageRequest, model: Model, limits: Limits) -> Iterator[Problem]:
    """Each input picture is under 50 MB."""
    overlays = [p for p in (request.mask, request.markup) if p is not None]
    for image in (*request.images, *overlays):
        if len(image.data) >= limits.max_input_bytes:
            rule = f"{len(image.data) / 1e6:.0f} MB; each must be under {limits.max_input_bytes / 2**20:.0f} MB"
            yield Problem(field="image", value=image.name, rule=rule, fix="scale it down, or save it as JPEG or WebP")


RULES: tuple[Rule, ...] = (
    rule_prompt,
    rule_model,
    rule_size,
    rule_quality,
    rule_counts,
    rule_background,
    rule_format,
    rule_compression,
    rule_moderation,
    rule_complexity,
    rule_safety_identifier,
    rule_gif,
    rule_svg,
    rule_stream,
    rule_input_fidelity,
    rule_overlays,
    rule_input_bytes,
    rule_extra,
)
"""Every rule, one concern each, in the order in which a card lists them."""


def request_warnings(request: ImageRequest, catalog: Catalog, today: date) -> list[str]:
    """What the user should know before paying, as sentences; nothing here stops a request."""
    model = catalog.get(request.model)
    notes = []
    if not model.known:
        near = catalog.similar(request.model)
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        notes.append(
            f"{request.model} is not in the catalog{hint}: sent as it is, checked for structure only, cost unknown"
        )
    if lifecycle := model.lifecycle(today):
        notes.append(lifecycle)
    if request.background == "transparent" and model.transparency == "preview":
        notes.append(f"native transparency is a preview on {model.id}: the server may refuse it")
    if request.background == "transparent" and request.images:
        notes.append(
            Fix(
                "native transparency is often lost on edits: ",
                Setting("--transparent"),
                " cuts out locally by a chroma key",
            )
        )
    if request.background == "transparent" and request.format == "gif":
        notes.append("transparent gifs are reported to work, but are not documented: the server may refuse it")
    if request.format in ("gif", "svg"):
        notes.append(f"{request.format} output needs project access at OpenAI: the server may refuse it")
    pixels = read_pixels(request.size or "")
    if pixels and model.flexible_sizes and pixels[0] * pixels[1] > catalog.limits.flexible.experimental_pixels:
        notes.append(f"{request.size} is above 2560x1440, which OpenAI calls experimental")
    if request.mask is not None and len(request.mask.data) > catalog.limits.warn_mask_bytes:
        notes.append(f"the mask has {len(request.mask.data) / 1e6:.1f} MB; the API reference asks for less than 4 MB")
    if request.extra:
        notes.append(f"sent without validation: {', '.join(sorted(request.extra))}")
    return notes
