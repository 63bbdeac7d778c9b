"""From options and a prompt to a job: the request, its cost, its warnings, and every fault at once.

Nothing here touches the network or writes a file, so that `--dry-run` is exactly what a call would be.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from imagegen_magic.checks.expectations import Expectation
from imagegen_magic.errors import (
    BudgetError,
    Command,
    Default,
    Fix,
    OptionError,
    Problem,
    PromptPlace,
    RequestError,
    Setting,
)
from imagegen_magic.facts.catalog import Catalog, Model, load_rates
from imagegen_magic.facts.sizes import flexible_faults, format_size, frame_size, parse_size, sheet_faults
from imagegen_magic.facts.use_cases import load_use_cases
from imagegen_magic.facts.words import prompt_fields
from imagegen_magic.images.references import Inputs
from imagegen_magic.metadata.derived import Marking
from imagegen_magic.options.address import host_of
from imagegen_magic.options.names import name_problems
from imagegen_magic.options.options import Options
from imagegen_magic.options.table import BACKGROUNDS, FILE_FIELDS, NUMBER_FORM
from imagegen_magic.request.chroma_key import KeyChoice, choose_key, key_clause, swap_backdrop_prompt
from imagegen_magic.request.cost import Estimate, estimate_cost, format_usd
from imagegen_magic.request.prompt import blank_rule, compose_prompt, hard_subject_words, prompt_slug
from imagegen_magic.request.request import WIRE_FIELDS, ImageRequest, InputImage
from imagegen_magic.request.response import Parent
from imagegen_magic.request.rules import ALPHA_FORMATS, check_request, request_warnings
from imagegen_magic.request.sheets import Sheet, sheet_clause, sheet_warnings

__all__ = ["Job", "call_estimate", "check_budget", "check_session_limit", "plan_job"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request that passed every check, with all that is needed to run it."""

    request: ImageRequest
    options: Options
    model: Model
    estimate: Estimate
    """What it may cost in all."""
    prompt_typed: str
    name: str | None = None
    stem: str = "image"
    cell: str = ""
    origin: str = ""
    """As `Record.origin`."""
    key: KeyChoice | None = None
    sheet: Sheet | None = None
    """What a sprite sheet looks like; None for an ordinary image."""
    parents: tuple[Parent, ...] = ()
    expected: tuple[Expectation, ...] = ()
    """What is checked after the images are saved; no part of the request."""
    each: Estimate | None = None
    """With `best_of`, what each of its tries may cost."""
    notes: tuple[str, ...] = ()
    """What was decided on the way, in sentences (the size a ratio gave, the key colour, the endpoint)."""
    warnings: tuple[str, ...] = ()
    """What the user should know before paying."""

    @property
    def cutout(self) -> str | None:
        """`chroma` or `difference` if a local cut-out was asked for."""
        mode = self.options.transparent
        return mode if mode in ("chroma", "difference") else None

    @property
    def has_tries(self) -> bool:
        """True if the best of several is wanted, and they may be made."""
        return self.options.best_of is not None and not self.options.replay

    def second_request(self, first: InputImage, color: str) -> ImageRequest:
        """The second paid call of a two-backdrop extraction: an edit of `first` that changes its backdrop only."""
        return replace(
            self.request, prompt=swap_backdrop_prompt(color), images=(first,), n=None, mask=None, markup=None, partial_images=None,
            size=format_size(first.size) if self.request.size is not None else None,
        )  # fmt: skip


def plan_job(
    body: str,
    options: Options,
    *,
    catalog: Catalog,
    name: str | None = None,
    inputs: Inputs | None = None,
    expected: tuple[Expectation, ...] = (),
    problems: Sequence[Problem] = (),
    cell: str = "",
    sheet: Sheet | None = None,
    today: date | None = None,
) -> Job:
    """The job that `body` (the prompt as typed) and `options` ask for.

    Args:
        sheet: a sprite sheet's layout, whose clause joins the prompt.
        problems: faults found before, while reading the line or the inputs; they join the same card.

    Raises:
        RequestError: anything is wrong; `.problems` holds every fault.
    """
    inputs = inputs or Inputs()
    body, faults = _text(body, problems)
    faults += _first_faults(body, name, options, inputs)
    model = catalog.get(options.model)
    key = _key_choice(body, options, inputs, faults)
    request, notes = _build_request(body, options, model, catalog, inputs, key, sheet)
    faults += _transparency_problems(options, model, catalog)
    faults += [fault for fault in check_request(request, model, catalog.limits) if fault not in faults]
    faults += _batch_api_problems(request, model, options, catalog)
    if faults:
        raise RequestError(_summary(len(faults)), problems=tuple(faults))
    return Job(
        request=request,
        options=options,
        model=model,
        estimate=_estimate(request, model, options),
        prompt_typed=body,
        name=name,
        stem=name or prompt_slug(body),
        cell=cell,
        key=key,
        sheet=sheet,
        parents=inputs.parents,
        expected=expected,
        notes=(*notes, *_advice(request, model, options)),
        warnings=(*request_warnings(request, catalog, today or _today()), *_making_warnings(body, options, key, sheet)),
    )


def _today() -> date:
    return date.today()  # noqa: DTZ011 - the user's own day


def _advice(request: ImageRequest, model: Model, options: Options) -> Iterator[str]:
    """What the image API quick reference (2026-11-23) advises at this request: once, and only if it matters."""
    if options.text and request.quality == "low":
        yield Fix(
            "low is for drafts: words in an image come out better with ", Setting("--quality", "medium", ("high",))
        )
    sharp = model.sharp_inputs
    if sharp and len(request.images) > sharp:
        kept = f"the first {sharp} input images keep" if sharp > 1 else "the first input image keeps"
        yield f"{model.id}: {kept} more detail than the others, so put what matters most first"
    if request.input_fidelity == "high" and model.fidelity_tokens and model.prices.image_input:
        most = len(request.images) * model.fidelity_tokens * model.prices.image_input / 1_000_000
        yield f"high input fidelity may add {format_usd(most)} of input tokens an image, in the upper end of the price"


def _text(body: object, problems: Sequence[Problem]) -> tuple[str, list[Problem]]:
    """The prompt as text, and the faults so far: what is not text is one."""
    if isinstance(body, str):
        return body, list(problems)
    rule = f"text is needed, not {type(body).__name__}"
    several = isinstance(body, Iterable) and not isinstance(body, (bytes, os.PathLike))
    fix = Fix("a string; for many prompts: ", Command("batch")) if several else "give a string"
    return type(body).__name__, [*problems, Problem(field="prompt", rule=rule, fix=fix)]


def _blank_problems(body: str, inputs: Inputs) -> list[Problem]:
    """Prompt fields alone name no subject; the request's own rule sees only the prompt that they make."""
    blank = None if inputs.problems else blank_rule(body)
    return [Problem(field="prompt", value=body, rule=blank, fix=Fix(PromptPlace()))] if blank else []


def _template_problems(options: Options) -> Iterator[Problem]:
    """A template without the prompt's place, and fields that nothing fills in: their braces would be sent, or name a file."""
    if options.template is not None:
        if "{prompt}" not in options.template:
            fix = Fix(Setting("--template", "A watercolor of {prompt}"))
            yield Problem(field="template", value=options.template, rule="{prompt} is missing in it", fix=fix)
        elif unknown := _fields(options.template, ("prompt",)):
            rule = f"{unknown[0]} is not filled in; {{prompt}} is"
            fix = Fix(Setting("--template", options.template.replace(unknown[0], unknown[0].strip("{}"))))
            yield Problem(field="template", value=options.template, rule=rule, fix=fix)
    if unknown := _fields(re.sub(rf"\{{i{NUMBER_FORM}\}}", "", options.out or ""), FILE_FIELDS):
        rule = f"{unknown[0]} is not filled in; {' '.join(f'{{{name}}}' for name in FILE_FIELDS)} are"
        yield Problem(field="out", value=options.out, rule=rule, fix=Fix(Setting("--out", "{name}-{i}.png")))


def _fields(template: str, known: Sequence[str]) -> list[str]:
    """Fields in single braces that are not among the `known` ones."""
    found = re.findall(r"(?<!\{)\{(\w+(?:[!:][^{}]*)?)\}(?!\})", template)
    return [f"{{{name}}}" for name in found if name not in known]


def _summary(count: int) -> str:
    return "this request can't be sent" if count == 1 else f"this request can't be sent: {count} problems"


def _first_faults(body: str, name: str | None, options: Options, inputs: Inputs) -> list[Problem]:
    """Faults that can be seen before there is a request."""
    own = [*_option_problems(options, inputs), *_alpha_problems(options), *_signing_problems(options)]
    return [*_blank_problems(body, inputs), *inputs.problems, *name_problems(name), *own]


def _option_problems(options: Options, inputs: Inputs) -> list[Problem]:
    """Faults between options that no single request rule sees."""
    rule: str
    faults = []
    if options.scene in BACKGROUNDS:
        rule = Fix(
            Setting("--scene"),
            " says what the picture shows around its subject; this word is a value of the API's transparency switch",
        )
        faults.append(
            Problem(field="scene", value=options.scene, rule=rule, fix=Fix(Setting("--background", options.scene)))
        )
    faults += _template_problems(options)
    if options.use_case and options.use_case not in load_use_cases():
        faults.append(_use_case_problem(options.use_case))
    if options.protect and inputs.mask is None and not inputs.problems:
        faults.append(
            Problem(
                field="protect",
                rule="there is no mask to protect outside of",
                fix=Fix(Setting("--mask-box", "25%,25%,50%,50%")),
            )
        )
    faults += _replay_problems(options.replay_from or "")
    if any(edge < 1 for edge in options.web or ()):
        faults.append(
            Problem(field="web", value=options.web, rule="at least 1 pixel", fix=Fix(Setting("--web", "1024")))
        )
    return faults + _svg_problems(options)


def _svg_problems(options: Options) -> list[Problem]:
    if not (options.svg_model or options.svg_effort):
        return []
    if options.output_format != "svg":
        return [Problem(field="svg_model", rule="for svg output only", fix=Fix(Setting("--output-format", "svg")))]
    if not options.svg_model:  # openai-python 3.54.0, ImageGenerateParams.svg: model is required
        rule = "the author model has to be named with it, by projects that may choose one"
        fix = Fix("name it with ", Setting("--svg-model", "ID"), ", or leave ", Setting("--svg-effort"), " out")
        return [Problem(field="svg_effort", value=options.svg_effort, rule=rule, fix=fix)]
    return []


def _replay_problems(address: str) -> list[Problem]:
    """What is wrong with `replay_from`."""
    try:
        password = urlsplit(address).password
    except ValueError as error:
        return [Problem(field="replay_from", value=address, rule=f"no address: {error}", fix="check its spelling")]
    rule = "a password in an address ends up in sidecars and notebooks"
    place = "set it where the storage's own library reads it: ~/.netrc, AWS_PROFILE"
    return [Problem(field="replay_from", rule=rule, fix=place)] if password else []


def _alpha_problems(options: Options) -> list[Problem]:
    """Options that contradict a cut-out."""
    rule: str
    faults = []
    if options.transparent and options.background not in (None, "transparent"):
        rule = Fix(
            Setting("--transparent"), " asks for alpha, ", Setting("--background", options.background), " for none"
        )
        faults.append(Problem(field="background", value=options.background, rule=rule, fix="leave one of them out"))
    if options.transparent and (options.output_format or "png") not in ALPHA_FORMATS:
        rule = "a cut-out needs a format with alpha"
        faults.append(
            Problem(
                field="output_format",
                value=options.output_format,
                rule=rule,
                fix=Fix(Setting("--output-format", "png", ("webp",))),
            )
        )
    return faults


def _signing_problems(options: Options) -> tuple[Problem, ...]:
    """A certificate or key that can't be used, found before anything is paid."""
    try:
        Marking.of(options)
    except OptionError as error:
        return error.problems
    return ()


def _transparency_problems(options: Options, model: Model, catalog: Catalog) -> list[Problem]:
    """Native transparency that a server may refuse has to be confirmed (image API quick reference, 2026-11-23)."""
    if options.background != "transparent" or options.transparent or model.transparency != "preview":
        return []
    able = catalog.first_able(lambda other: other.transparency == "yes")
    rule = f"{model.id} has native transparency only as a preview, which the server may refuse: confirm it"
    other = (", ", Setting("--model", able), " has it") if able else ()
    fix = Fix(
        Setting("--transparent", "native"), " confirms it, ", Setting("--transparent"), " cuts out locally", *other
    )
    return [Problem(field="background", value="transparent", rule=rule, fix=fix)]


def _batch_api_problems(request: ImageRequest, model: Model, options: Options, catalog: Catalog) -> list[Problem]:
    """What the Batch API does not take."""
    if options.via != "batch-api":
        return []
    direct = Fix(Setting("--via", "direct"))
    faults = []
    if model.known and not model.batch_api:
        able = catalog.first_able(lambda other: other.batch_api)
        rule = "the Batch API is reported not to take this model"
        faults.append(
            Problem(
                field="model",
                value=model.id,
                rule=rule,
                fix=Fix(Setting("--model", able), ", or ", direct) if able else direct,
            )
        )
    if options.transparent == "difference":
        rule = "the second backdrop needs the first picture, so it does not go through the Batch API"
        faults.append(
            Problem(
                field="transparent", value="difference", rule=rule, fix=Fix(Setting("--transparent"), ", or ", direct)
            )
        )
    return faults


def _use_case_problem(slug: str) -> Problem:

    near = difflib.get_close_matches(slug, load_use_cases(), n=2, cutoff=0.4)
    fix = Fix.any_of(Setting("--use-case", word) for word in near) or Fix(Command("tips"), " lists them")
    return Problem(field="use_case", value=slug, rule="not one of the use-case slugs", fix=fix)


def _key_choice(body: str, options: Options, inputs: Inputs, faults: list[Problem]) -> KeyChoice | None:
    """The key colour if a cut-out is asked for; a bad `--key-color` joins `faults`."""
    if options.transparent not in ("chroma", "difference"):
        return None
    described = " ".join(
        [body, *(str(getattr(options, name)) for name in ("subject", "palette", "materials") if getattr(options, name))]
    )
    try:
        return choose_key(described, given=options.key_color, shares=inputs.key_shares)
    except OptionError as error:
        faults += error.problems
        return None


def _build_request(
    body: str,
    options: Options,
    model: Model,
    catalog: Catalog,
    inputs: Inputs,
    key: KeyChoice | None,
    sheet: Sheet | None,
) -> tuple[ImageRequest, list[str]]:
    """The request, faulty or not, and what was decided on the way."""
    notes: list[str] = []
    size = _size(options, model, catalog, inputs, notes)
    notes += [note for image in (*inputs.images, inputs.mask, inputs.markup) if image for note in image.notes]
    if key is not None:
        notes.append(f"chroma key {key.color}: {key.reason}")
    if sheet is not None:
        notes.append(str(sheet))
    prompt = _composed(body, options, inputs, key, sheet)
    native = options.transparent == "native"
    svg: dict[str, Any] = {"model": options.svg_model} if options.svg_model else {}
    if options.svg_effort:
        svg["reasoning"] = {"effort": options.svg_effort}
    given: dict[str, Any] = {field: getattr(options, field) for field in WIRE_FIELDS if hasattr(options, field)}
    given |= {"prompt": prompt, "model": catalog.default if options.model is None else options.model}
    given |= {"size": size, "svg": svg or None}
    given |= {"background": "transparent"} if native else {}
    request = ImageRequest(
        **given,
        partial_images=options.partial_images,
        images=inputs.images,
        mask=inputs.mask,
        markup=inputs.markup,
        extra=options.extra or {},
    )
    return request, notes


def _composed(body: str, options: Options, inputs: Inputs, key: KeyChoice | None, sheet: Sheet | None) -> str:
    """The prompt as it will be sent: the text in its template, then the labelled lines and the clauses of what is made."""
    fields = {name: getattr(options, name) for name in prompt_fields() if getattr(options, name)}
    return compose_prompt(
        options.template.replace("{prompt}", body.strip()) if options.template else body,
        fields if options.augment else {},
        roles=[image.role for image in inputs.images],
        keep=tuple(map(str, options.keep or ())),
        clauses=[*([sheet_clause(sheet)] if sheet else []), *([key_clause(key.color)] if key else [])],
    )


def _size(options: Options, model: Model, catalog: Catalog, inputs: Inputs, notes: list[str]) -> str | None:
    """The size for the wire: solved from a preset or a ratio, or the edited picture's own if that is legal."""
    given = options.size
    rule = catalog.limits.flexible
    frames = (options.frame_count or catalog.limits.default_frames) if options.output_format == "gif" else 0
    if given is not None:
        frame = frame_size(given, frames, catalog.limits) if frames and model.flexible_sizes else None
        return frame or parse_size(given, model, rule) or given
    if not inputs.images or inputs.references_only:
        return None
    target = inputs.images[0].size
    text = format_size(target)
    faults = sheet_faults(target, frames, catalog.limits) if frames else flexible_faults(target, rule)
    if not faults if model.flexible_sizes else text in model.sizes:
        return text
    notes.append(f"the edited image's {text} is not a legal size of {model.id}: the server chooses (auto)")
    return "auto"


def _making_warnings(body: str, options: Options, key: KeyChoice | None, sheet: Sheet | None) -> list[str]:
    """What to know about the files that will be made from the image."""
    return [*_cutout_warnings(body, options, key), *(sheet_warnings(sheet) if sheet else ())]


def _cutout_warnings(body: str, options: Options, key: KeyChoice | None) -> list[str]:
    """What a chroma key extracts badly, said before the call."""
    if key is None:
        return []
    notes: list[str] = []
    if key.clash:
        notes.append(
            Fix(
                f"the subject seems to hold every key colour ({', '.join(key.clash)}): consider ",
                Setting("--transparent", "difference"),
                " or native",
            )
        )
    hard = hard_subject_words(body)
    if hard and options.transparent == "chroma":
        kinds = dict.fromkeys(kind for _, kind in hard)
        words = ", ".join(f"“{word}”" for word, _ in hard)
        kept = (Setting("--transparent", "difference"), " (a second paid call) or ", Setting("--transparent", "native"))
        doubt = f"the prompt names {words}: {' and '.join(kinds)} may not come out clean with one key colour. "
        notes.append(Fix(doubt, *kept, " keep true alpha"))
    return notes


def call_estimate(request: ImageRequest, model: Model, options: Options) -> Estimate:
    """The cost of one attempt at one request, at the server of the options."""
    estimate = estimate_cost(request, model, batch_api=options.via == "batch-api")
    host = host_of(options.base_url or os.environ.get("OPENAI_BASE_URL"))
    rates = load_rates()
    if not host.endswith(rates.residency_hosts):
        return estimate
    return estimate.widened(rates.residency_factor, f"data residency may cost {rates.residency_factor - 1:.0%} more")


def _estimate(request: ImageRequest, model: Model, options: Options) -> Estimate:
    """The cost of all calls that the job may make."""
    calls = call_estimate(request, model, options)
    if options.transparent == "difference":
        # The second frame is an edit with one input picture; its size stands in for the picture not made yet.
        stand_in = InputImage(name="first frame", data=b"", mime="image/png", size=(1024, 1024))
        calls += call_estimate(
            replace(request, images=(stand_in,), n=request.count, partial_images=None), model, options
        )
    attempts = 1 + (options.retry_ambiguous or 0)
    return calls.widened(Decimal(attempts), f"up to {attempts} attempts") if attempts > 1 else calls


def check_budget(estimate: Estimate, options: Options, spent: Decimal, *, each: Estimate | None = None) -> None:
    """Stops a job, or a whole batch, that could cost more than its limits allow.

    Args:
        estimate: the range for everything that is about to be sent.
        each: of several tries one after another, the range of one; the limits stop those that follow.
        spent: USD that this session's requests have cost so far (upper ends if the actual is unknown).

    Raises:
        BudgetError: the upper end is above a limit, is unknown although a limit is set, or needs `-y`.
    """
    _check_limit(each or estimate, "max_cost", options.max_cost, Decimal(0))
    check_session_limit(each or estimate, options, spent)
    high, above = estimate.high, options.confirm_above
    if above is not None and not options.yes and (high is None or high > above):
        cost = "unknown" if high is None else f"up to {format_usd(high)}"
        raise BudgetError(
            f"the cost is {cost}; you asked to confirm above {format_usd(above)}",
            hints=(Fix("confirm with ", Setting("-y")),),
        )


def check_session_limit(estimate: Estimate, options: Options, spent: Decimal) -> None:
    """Stops what could cost more than `session_max_cost` on top of what is spent and under way.

    Raises:
        BudgetError: it could, or its cost is unknown although the limit is set.
    """
    _check_limit(estimate, "session_max_cost", options.session_max_cost, spent)


def _check_limit(estimate: Estimate, name: str, limit: Decimal | None, base: Decimal) -> None:
    if limit is None:
        return
    high = estimate.high
    if high is None:
        hints = (Fix("add the model's prices with ", Setting("--models-file")), f"leave {name} out")
        raise BudgetError(
            f"the cost is unknown ({estimate.basis}), so {name} {format_usd(limit)} can't be kept", hints=hints
        )
    if base + high > limit:
        already = f" on top of {format_usd(base)} already spent or under way" if base else ""
        summary = f"this may cost up to {format_usd(high)}{already}; {name} is {format_usd(limit)}"
        enough = f"{base + high:.3f}"
        hints = (
            Fix(Setting("--max-cost", enough) if name == "max_cost" else Default(name, enough)),
            Fix("a lower ", Setting("--quality"), ", a smaller ", Setting("--size"), " or a smaller ", Setting("--n")),
        )
        raise BudgetError(summary, hints=hints)
