"""Models as data: ids, snapshots, lifecycle, allowed values, limits and prices, read from `models.toml`."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

from imagegen_magic.errors import OptionError

from .toml_file import read_toml

__all__ = ["Catalog", "FlexibleSizes", "Limits", "Model", "Prices", "Rates", "load_catalog", "load_rates"]

State = Literal["active", "deprecated", "shut down", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """USD per million tokens; None if the price is not known (unknown is never 0)."""

    text_input: Decimal | None = None
    cached_text_input: Decimal | None = None
    image_input: Decimal | None = None
    cached_image_input: Decimal | None = None
    image_output: Decimal | None = None
    text_output: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlexibleSizes:
    """The size rule of the flexible families, in pixels."""

    multiple: int
    max_edge: int
    min_pixels: int
    max_pixels: int
    max_ratio: int
    experimental_pixels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What holds for every GPT Image model: counts, characters, bytes, milliseconds."""

    max_n: int
    max_images: int
    max_prompt: int
    max_input_bytes: int
    warn_mask_bytes: int
    max_safety_identifier: int
    max_partial_images: int
    frame_count: tuple[int, int]
    frame_duration_ms: tuple[int, int]
    default_frames: int
    """Frames of a gif if none are asked for."""
    gif_sheets: tuple[tuple[int, int, int], ...]
    """(frames at most, columns, rows) of the sheet on which a gif's frames are drawn, and by which it is billed."""
    batch_lines: int
    batch_bytes: int
    flexible: FlexibleSizes
    checked: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How tokens and prices are counted if the models themselves do not say."""

    preview_tokens: int
    patch: int
    max_patches: int
    batch_share: Decimal
    residency_factor: Decimal
    residency_hosts: str
    auto_sizes: tuple[str, ...]
    auto_frames: tuple[str, ...]
    checked: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is known of one model.

    `known` is False for an id that no catalog lists: then every list is empty, meaning "not known",
    and only structural checks apply. An empty `input_fidelity` of a known model means that the
    parameter must be left out, for the reason in `input_fidelity_rule`.
    """

    id: str
    known: bool = True
    family: str = ""
    snapshots: tuple[str, ...] = ()
    state: State = "unknown"
    launched: date | None = None
    ends: date | None = None
    successor: str = ""
    use: str = ""
    qualities: tuple[str, ...] = ()
    complexities: tuple[str, ...] = ()
    flexible_sizes: bool = False
    sizes: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    transparency: Literal["no", "preview", "yes", "unknown"] = "unknown"
    input_fidelity: tuple[str, ...] = ()
    input_fidelity_rule: str = ""
    fidelity_tokens: int = 0
    """Input tokens that high input fidelity adds for an image, at most."""
    sharp_inputs: int = 0
    """Input images, from the first, that keep more detail than the others; 0: all alike."""
    markup: bool = False
    batch_api: bool = False
    token_steps: Mapping[str, int] = field(default_factory=dict)
    token_spread: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    token_table: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    token_basis: str = ""
    image_prices: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    prices: Prices = field(default_factory=Prices)
    checked: date | None = None
    source: str = ""

    def lifecycle(self, today: date) -> str:
        """A warning about retirement with date and successor, or an empty string."""
        successor = f"; successor: {self.successor}" if self.successor else ""
        if self.ends is None:
            return ""
        if self.state == "shut down" or self.ends <= today:
            return f"{self.id} was shut down on {self.ends}{successor}. A gateway or deployment may still serve it"
        return f"{self.id} is deprecated and ends on {self.ends} ({(self.ends - today).days} days left){successor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Every model known, by id and snapshot id."""

    default: str
    limits: Limits
    models: tuple[Model, ...]

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models)

    def find(self, model_id: str) -> Model | None:
        """The model with this id or snapshot id, or None."""
        for model in self.models:
            if model_id == model.id or model_id in model.snapshots:
                return model
        return None

    def get(self, model_id: str | None) -> Model:
        """The model with this id or snapshot id, the default for None; for an id not listed, one with `known=False`."""
        model_id = self.default if model_id is None else model_id
        return self.find(model_id) or Model(id=model_id, known=False)

    def first_able(self, able: Callable[[Model], bool]) -> str:
        """The id of the first active model that can, or an empty text."""
        return next((model.id for model in self.models if model.state == "active" and able(model)), "")

    def ids(self) -> tuple[str, ...]:
        """Every id and snapshot id."""
        return tuple(name for model in self.models for name in (model.id, *model.snapshots))

    def similar(self, model_id: str) -> tuple[str, ...]:
        """Up to three ids that look like `model_id`, nearest first."""
        return tuple(difflib.get_close_matches(model_id, self.ids(), n=3, cutoff=0.6))


_FIELDS = frozenset(f.name for f in fields(Model))


def load_catalog(extra: Path | None = None) -> Catalog:
    """The shipped catalog, with the models of the TOML file `extra` added or overriding by id.

    Raises:
        OptionError: `extra` can't be read or has faults; each is a problem of its own.
    """
    shipped = _shipped()
    if extra is None:
        return shipped
    more = _read_extra(extra)
    merged = {model.id: model for model in shipped}
    families = {**_shipped_data()["families"], **more.get("families", {})}
    for model in _parse_models(more, families, merged):  # one by one: `like` may name a model of the file
        merged[model.id] = model
    return Catalog(default=more.get("default", shipped.default), limits=shipped.limits, models=tuple(merged.values()))


@cache
def _shipped_data() -> dict[str, Any]:
    return _read_toml(Path(__file__).with_name("models.toml").read_text(encoding="utf-8"))


@cache
def _shipped() -> Catalog:
    data = _shipped_data()
    models = tuple(_parse_models(data, data["families"], {}))
    return Catalog(default=data["default"], limits=_parse_limits(data["limits"]), models=models)


def _read_toml(text: str) -> dict[str, Any]:
    return tomllib.loads(text, parse_float=Decimal)


def _read_extra(path: Path) -> dict[str, Any]:
    """The parsed user file; every way of failing names the file."""
    from .models_file import check_models_file  # noqa: PLC0415 - loads pydantic, 80 ms, only for who has such a file

    try:
        data = read_toml(path, parse_float=Decimal)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        hint = "give the path of a TOML file with --models-file, or leave the setting out"
        raise OptionError(f"the models file {path} can't be read: {why}", hints=(hint,)) from error
    faults = check_models_file(data, _shipped().ids(), _shipped_data()["families"])
    if faults:
        raise OptionError(f"the models file {path.name} has faults", problems=tuple(faults))
    return data


def _parse_models(data: dict[str, Any], families: dict[str, Any], known: Mapping[str, Model]) -> Iterator[Model]:
    for entry in data.get("model", []):
        base = _fields_of(known, entry.get("like", entry["id"]))
        family = families.get(entry.get("family", ""), {})
        merged = {**base, **_converted(family), **_converted(entry)}
        if base and "prices" in entry and "checked" not in {**family, **entry}:
            merged["checked"] = None  # rates of a user's own: the date of the others says nothing of them
        merged["state"] = merged.get("state", "active")
        yield Model(**{**merged, "id": entry["id"], "known": True})


def _fields_of(known: Mapping[str, Model], model_id: str) -> dict[str, Any]:
    """The fields that an override starts from: those of the model it replaces or names with `like`."""
    model = known.get(model_id)
    return {} if model is None else {name: getattr(model, name) for name in _FIELDS if name != "snapshots"}


def _converted(entry: Mapping[str, Any]) -> dict[str, Any]:
    """TOML values as the types of `Model`: tuples, Decimal prices."""
    out: dict[str, Any] = {}
    for key, value in entry.items():
        if key == "prices":
            out[key] = Prices(**{name: Decimal(str(usd)) for name, usd in value.items()})
        elif key == "image_prices":
            out[key] = {s: {q: Decimal(str(usd)) for q, usd in row.items()} for s, row in value.items()}
        elif key == "token_spread":
            out[key] = {q: (Decimal(str(low)), Decimal(str(high))) for q, (low, high) in value.items()}
        elif key != "like":
            out[key] = tuple(value) if isinstance(value, list) else value
    return out


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


@cache
def load_rates() -> Rates:
    """The shipped rates."""
    table = {key: _as_tuple(value) for key, value in _shipped_data()["rates"].items()}
    decimals = {name: Decimal(str(table[name])) for name in ("batch_share", "residency_factor")}
    return Rates(**{**table, **decimals})


def _parse_limits(table: dict[str, Any]) -> Limits:
    rest: dict[str, Any] = {key: _as_tuple(value) for key, value in table.items() if key != "flexible"}
    rule = {key: value for key, value in table["flexible"].items() if key not in ("source", "checked")}
    return Limits(flexible=FlexibleSizes(**rule), **rest)
