"""What the package can tell about itself: models, sizes, settings, use cases. Shown by every surface."""

from __future__ import annotations

from datetime import date

from imagegen_magic.errors import Command, Fix, OptionError, Problem
from imagegen_magic.facts.catalog import Catalog, Model
from imagegen_magic.facts.sizes import PRESETS, flexible_faults, read_pixels
from imagegen_magic.facts.use_cases import load_use_cases
from imagegen_magic.options.defaults import config_options
from imagegen_magic.options.options import Options
from imagegen_magic.request.cost import estimate_cost, format_usd
from imagegen_magic.request.request import ImageRequest
from imagegen_magic.tables import Table

__all__ = ["config_table", "models_table", "sizes_table", "tips_table", "use_cases_table"]


def models_table(catalog: Catalog, today: date) -> Table:
    """Every model of the catalog with its state and what it can do."""
    rows = [
        (
            model.id,
            model.state
            if model.ends is None
            else f"{model.state}, {'ended' if model.ends <= today else 'ends'} {model.ends}",
            model.qualities,
            "flexible" if model.flexible_sizes else model.sizes,
            model.formats,
            model.transparency,
            model.input_fidelity or "fixed",
            "yes" if model.markup else "no",
            "yes" if model.batch_api else "no",
            price_of_one(model),
            model.use,
        )
        for model in catalog
    ]
    columns = (
        "model",
        "state",
        "quality",
        "sizes",
        "formats",
        "native alpha",
        "input fidelity",
        "markup",
        "Batch API",
        "1024x1024 medium",
        "made for",
    )
    notes = [
        f"facts checked on {max(model.checked for model in catalog if model.checked)}; prices are estimates; default: {catalog.default}"
    ]
    return Table(title="Models", columns=columns, rows=rows, notes=notes)


def price_of_one(model: Model) -> str:
    """The estimate for one square picture at medium quality."""
    request = ImageRequest(prompt="a picture", model=model.id, size="1024x1024", quality="medium")
    return str(estimate_cost(request, model)).removeprefix("about ")


def sizes_table(catalog: Catalog, model: Model) -> Table:
    """The presets and what they cost on `model`, and the rule for sizes of one's own."""
    rule = catalog.limits.flexible
    rows = []
    for name, size in PRESETS.items():
        width, height = read_pixels(size) or (0, 0)
        legal = not flexible_faults((width, height), rule) if model.flexible_sizes else size in model.sizes
        costs = [_cost_text(model, size, quality) for quality in model.qualities if quality != "auto"] if legal else []
        rows.append((name, size, f"{width * height / 1e6:.1f} MP", _yes_no(model, legal), " · ".join(costs)))
    if model.flexible_sizes:
        note = (
            f"Any WxH: edges multiples of {rule.multiple} and at most {rule.max_edge}, ratio up to {rule.max_ratio}:1, "
            f"{rule.min_pixels:,} to {rule.max_pixels:,} pixels. A ratio is solved to a legal size: 16:9, 16:9@2k, 3:2@4k."
        )
    else:
        note = (
            f"{model.id} allows {', '.join(model.sizes)} and auto."
            if model.sizes
            else f"{model.id} is not in the catalog: nothing is known."
        )
    columns = ("preset", "size", "area", f"on {model.id}", "cost of one")
    return Table(
        title="Sizes",
        columns=columns,
        rows=rows,
        notes=[
            note,
            "auto lets the server choose; square images are typically fastest (image API quick reference, 2026-11-23)",
        ],
    )


def _yes_no(model: Model, legal: bool) -> str:
    if not model.known:
        return "unknown"
    return "yes" if legal else "no"


def _cost_text(model: Model, size: str, quality: str) -> str:
    estimate = estimate_cost(ImageRequest(prompt="a picture", model=model.id, size=size, quality=quality), model)
    return f"{quality} {format_usd(estimate.high)}"


def config_table(options: Options) -> Table:
    """Every default that may be set, its value, and where the value comes from."""
    rows = [(o.name, _shown(getattr(options, o.name)), options.origins[o.name], o.help) for o in config_options()]
    return Table(
        title="Settings",
        columns=("setting", "value", "from", "what it is"),
        rows=rows,
        notes=[
            "first match wins: the line, its profile, %config ImagegenMagics.NAME, IMAGEGEN_NAME, pyproject.toml [tool.imagegen_magic], default"
        ],
    )


def _shown(value: object) -> object:
    return "" if value is None else value


def use_cases_table() -> Table:
    """Every use-case slug and when to take it."""
    rows = [(case.slug, case.kind, case.when) for case in load_use_cases().values()]
    return Table(
        title="Use cases",
        columns=("slug", "for", "when"),
        rows=rows,
        notes=[Fix(Command("tips", "SLUG"), " shows tips and a template")],
    )


def tips_table(slug: str) -> Table:
    """Tips and a template for one use case.

    Raises:
        OptionError: there is no such slug.
    """
    case = load_use_cases().get(slug)
    if case is None:
        raise OptionError(
            "no such use case",
            problems=(Problem(field="slug", value=slug, rule="not a slug", fix=Fix(Command("tips"))),),
        )
    name, begin = ("generate", "") if case.kind == "generate" else ("edit", "NAME -i IMAGE ")
    rows: list[tuple[str, str]] = [("when", case.when), *(("tip", tip) for tip in case.tips)]
    rows.append(("start from", Fix(Command(name, f"{begin}--use-case {slug} {case.template}"))))
    return Table(title=slug, columns=("", ""), rows=rows)
