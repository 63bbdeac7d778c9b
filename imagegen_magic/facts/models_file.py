"""A user's own models file, checked whole before anything of it is used: every fault names its place and its fix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from imagegen_magic.errors import Problem

__all__ = ["ModelTable", "PriceTable", "check_models_file"]


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("decimal_type", "Input should be a number")
    return value


Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False, examples=["5"]), BeforeValidator(_number)]
"""A decimal from 0, as a number or, as in the shipped catalog, a text."""
Text = Annotated[str, Field(examples=['"…"'])]
Texts = Annotated[list[str], Field(examples=['["…", "…"]'])]
Count = Annotated[int, Field(ge=0, strict=True, examples=["1"])]
Flag = Annotated[StrictBool, Field(examples=["true"])]
Day = Annotated[date, Field(strict=True, examples=["2026-12-01"])]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PriceTable(_Table):
    """USD per million tokens."""

    text_input: Amount = Decimal(0)
    cached_text_input: Amount = Decimal(0)
    image_input: Amount = Decimal(0)
    cached_image_input: Amount = Decimal(0)
    image_output: Amount = Decimal(0)
    text_output: Amount = Decimal(0)


class ModelTable(_Table):
    """What a `[[model]]` or a family may say: the fields of `catalog.Model`, and `like`."""

    id: Text = ""
    like: Text = ""
    family: Text = ""
    snapshots: Texts = []
    state: Annotated[Literal["active", "deprecated", "shut down", "unknown"], Field(examples=['"active"'])] = "unknown"
    launched: Day | None = Field(None, examples=["2026-12-01"])
    ends: Day | None = Field(None, examples=["2026-12-01"])
    successor: Text = ""
    use: Text = ""
    qualities: Texts = []
    complexities: Texts = []
    flexible_sizes: Flag = False
    sizes: Texts = []
    formats: Texts = []
    transparency: Annotated[Literal["no", "preview", "yes", "unknown"], Field(examples=['"no"'])] = "unknown"
    input_fidelity: Texts = []
    input_fidelity_rule: Text = ""
    fidelity_tokens: Count = 0
    sharp_inputs: Count = 0
    markup: Flag = False
    batch_api: Flag = False
    token_steps: dict[str, Count] = Field({}, examples=["{ low = 16, high = 96 }"])
    token_spread: dict[str, tuple[Amount, Amount]] = Field({}, examples=["{ low = [1, 4] }"])
    token_table: dict[str, dict[str, Count]] = Field({}, examples=['{ "1024x1024" = { low = 272 } }'])
    token_basis: Text = ""
    image_prices: dict[str, dict[str, Amount]] = Field({}, examples=['{ "1024x1024" = { low = 0.011 } }'])
    prices: PriceTable = Field(PriceTable(), examples=["{ text_input = 5, image_output = 30 }"])
    checked: Day | None = Field(None, examples=["2026-12-01"])
    source: Text = ""


class ModelsFile(_Table):
    """The whole file."""

    default: Text = ""
    model: list[ModelTable] = Field([], examples=['[[model]] with id = "…" and like = "…"'])
    families: dict[str, ModelTable] = Field({}, examples=["[families.mine]"])


def check_models_file(data: Mapping[str, Any], known_ids: Iterable[str], families: Iterable[str]) -> list[Problem]:
    """Every fault of the parsed file.

    Args:
        known_ids: the ids that `like` may name, beside those that stand above it in the file.
        families: the families that `family` may name, beside the file's own.
    """
    faults: list[Problem] = []
    try:
        ModelsFile.model_validate(data)
    except ValidationError as error:
        faults += [_problem(one, data) for one in error.errors(include_url=False)]
    own = data.get("families", {})
    return [*faults, *_reference_faults(data, set(known_ids), {*families, *(own if isinstance(own, dict) else ())})]


def _reference_faults(data: Mapping[str, Any], ids: set[str], families: set[str]) -> Iterator[Problem]:
    """Every model without an id, and what names something that is not there; what has another type is passed over."""
    entries = data.get("model", [])
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        name, like, family = (entry.get(field) for field in ("id", "like", "family"))
        if not name:
            yield Problem(field="id", value=None, rule="a [[model]] needs an id", fix='id = "my-deployment"')
        if isinstance(like, str) and like not in ids:
            fix = f'like = "{min(ids, default="")}"'
            yield Problem(field="like", value=like, rule="no such model, here or above in the file", fix=fix)
        if isinstance(family, str) and family not in families:
            rule = f"one of {', '.join(sorted(families))}"
            yield Problem(field="family", value=family, rule=rule, fix="or leave it out")
        ids.add(str(name))


def _problem(error: ErrorDetails, data: Mapping[str, Any]) -> Problem:
    place, fields = _place(error["loc"], data)
    name = str(fields[0])
    known = (PriceTable if len(fields) > 1 and name == "prices" else ModelTable if place else ModelsFile).model_fields
    if error["type"] == "extra_forbidden":
        rule, fix = "there is no such field", f"one of {', '.join(sorted(known))}"
    else:
        rule = error["msg"].removeprefix("Input ")
        example = (ModelTable if place else ModelsFile).model_fields[name].examples
        fix = f"{name} = {example[0]}" if example else ""
    return Problem(field=".".join(map(str, fields)), value=error["input"], rule=rule, fix=fix, where=place)


def _place(loc: tuple[int | str, ...], data: Mapping[str, Any]) -> tuple[str, tuple[int | str, ...]]:
    """The table that a fault stands in, by the name that its user gave it, and the fields that lead to it from there."""
    match loc:
        case ("model", int(number), first, *rest):
            return str(data["model"][number].get("id", "a model")), (first, *rest)
        case ("families", str(name), first, *rest):
            return f"families.{name}", (first, *rest)
    return "", loc
