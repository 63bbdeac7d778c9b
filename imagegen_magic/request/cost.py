"""Money before a call, as a range with its basis, and after it, from the tokens that the server counted.

Amounts are `Decimal` USD. What is not known is None, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from imagegen_magic.facts.catalog import Model, load_catalog, load_rates
from imagegen_magic.facts.sizes import gif_grid, read_pixels

from .request import ImageRequest
from .response import Usage

__all__ = ["Estimate", "actual_cost", "estimate_cost", "format_usd", "image_input_tokens", "output_tokens"]

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a request will cost, in USD: an estimate from `low` to `high`; both None if unknown."""

    low: Decimal | None
    high: Decimal | None
    basis: str
    checked: date | None = None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return "cost unknown"
        low, high = format_usd(self.low), format_usd(self.high)
        return f"about {low}" if low == high else f"about {low} to {high}"

    def on(self, backend: str) -> str:
        """What a person is told before a call: the estimate; on the simulator that nothing is billed, and what it would cost live."""
        return f"free (live: {self})" if backend == "simulator" else str(self)

    def __add__(self, other: Estimate) -> Estimate:
        low = None if self.low is None or other.low is None else self.low + other.low
        high = None if self.high is None or other.high is None else self.high + other.high
        basis = self.basis if self.basis == other.basis else f"{self.basis}; {other.basis}"
        return Estimate(low=low, high=high, basis=basis, checked=self.checked)

    def widened(self, factor: Decimal, why: str) -> Estimate:
        """The estimate with its upper end times `factor`, and the reason in its basis."""
        high = None if self.high is None else self.high * factor
        return Estimate(low=self.low, high=high, basis=f"{self.basis}; {why}", checked=self.checked)

    def scaled(self, factor: Decimal | int) -> Estimate:
        """The estimate times `factor`."""
        low = None if self.low is None else self.low * factor
        high = None if self.high is None else self.high * factor
        return Estimate(low=low, high=high, basis=self.basis, checked=self.checked)


def format_usd(amount: Decimal | None) -> str:
    """`$0.053`: three decimals below a dollar, two above, `unknown` for None."""
    if amount is None:
        return "unknown"
    if 0 < amount < Decimal("0.001"):
        return "<$0.001"
    if amount >= 10**15:  # of a price in a models file that has lost its decimal point
        return f"${amount:.2e}"
    step = Decimal("0.001") if amount < 1 else Decimal("0.01")
    return f"${amount.quantize(step, ROUND_HALF_UP)}"


def output_tokens(model: Model, size: tuple[int, int], quality: str) -> int | None:
    """Image output tokens for one picture, or None if the model's data does not say.

    The flexible families follow the formula of OpenAI's own calculator (community post 1382699, verified
    against its published points 2026-11-23); the fixed ones have a published table.
    """
    width, height = size
    row = model.token_table.get(f"{width}x{height}")
    if row is not None:
        return row.get(quality)
    step = model.token_steps.get(quality)
    if step is None:
        return None
    long, short = max(size), min(size)
    across = (2 * step * short + long) // (2 * long)
    return math.ceil(step * across * (2_000_000 + width * height) / 4_000_000)


def image_input_tokens(size: tuple[int, int]) -> int:
    """Estimated input tokens of one picture of (width, height) pixels."""
    rates = load_rates()
    width, height = size
    zoom = min(2.0, max(1.0, 1024 / max(width, height)))
    patches = math.ceil(width * zoom / rates.patch) * math.ceil(height * zoom / rates.patch)
    return min(rates.max_patches, patches)


def estimate_cost(request: ImageRequest, model: Model, *, batch_api: bool = False) -> Estimate:
    """The cost range of `request` in USD, with its basis.

    `auto` sizes and qualities widen the range to what the server may choose; n pictures are n bills,
    the input counted each time.
    """
    if request.format == "svg":
        return Estimate(low=None, high=None, basis="an svg's author model is billed at rates of its own")
    prices = model.prices
    tokens = _output_range(request, model)
    rates = (prices.image_output, prices.text_input, *((prices.image_input,) if _input_sizes(request) else ()))
    if tokens is None or None in rates:
        return Estimate(low=None, high=None, basis=f"no published price for {request.model}")
    low_out, high_out = _output_usd(request, model, tokens)
    low_in, high_in = _input_usd(request, model)
    share = load_rates().batch_share if batch_api else Decimal(1)
    low, high = ((out + read) * request.count * share for out, read in ((low_out, low_in), (high_out, high_in)))
    return Estimate(low=low, high=high, basis=model.token_basis, checked=model.checked)


def _output_range(request: ImageRequest, model: Model) -> tuple[Decimal, Decimal] | None:
    """Fewest and most output tokens of one picture over every size and quality that the server may choose."""
    counts = [
        (tokens * low, tokens * high)
        for quality in _qualities(request, model)
        for size in _sizes(request)
        if (tokens := output_tokens(model, size, quality)) is not None
        for low, high in [model.token_spread.get(quality, (Decimal(1), Decimal(1)))]
    ]
    if not counts:
        return None
    return min(low for low, _ in counts), max(high for _, high in counts)


def _qualities(request: ImageRequest, model: Model) -> Sequence[str]:
    if request.quality in (None, "auto"):
        return [quality for quality in model.qualities if quality != "auto"]
    return [request.quality or ""]


def _sizes(request: ImageRequest) -> list[tuple[int, int]]:
    pixels = read_pixels(request.size or "")
    rates = load_rates()
    sizes = [pixels] if pixels else _pixels(rates.auto_sizes)
    if request.format != "gif":
        return sizes
    limits = load_catalog().limits
    columns, rows = gif_grid(request.frame_count or limits.default_frames, limits)
    frames = [pixels] if pixels else _pixels(rates.auto_frames)
    return [(width * columns, height * rows) for width, height in frames]


def _pixels(sizes: Sequence[str]) -> list[tuple[int, int]]:
    return [pixels for text in sizes if (pixels := read_pixels(text))]


def _output_usd(request: ImageRequest, model: Model, tokens: tuple[Decimal, Decimal]) -> tuple[Decimal, Decimal]:
    """Output cost of one picture; a published price per picture above tokens x rate is the upper end."""
    rate = (model.prices.image_output or Decimal(0)) / MILLION
    partials = load_rates().preview_tokens * (request.partial_images or 0)
    low, high = tokens[0] * rate, (tokens[1] + partials) * rate
    published = [
        usd
        for quality in _qualities(request, model)
        for size in _sizes(request)
        if (usd := model.image_prices.get(f"{size[0]}x{size[1]}", {}).get(quality)) is not None
    ]
    return low, max([high, *published])


def _input_usd(request: ImageRequest, model: Model) -> tuple[Decimal, Decimal]:
    """Input cost of one picture: text at 2 to 6 characters a token, pictures by their patches.

    Beside ASCII a character may be several tokens, but never more than it has bytes: the tokenizers work on bytes.
    """
    text = (model.prices.text_input or Decimal(0)) / MILLION
    image_rate = (model.prices.image_input or Decimal(0)) / MILLION
    inputs = _input_sizes(request)
    likely = sum(image_input_tokens(size) for size in inputs)
    characters, plain = len(request.prompt), sum(map(str.isascii, request.prompt))
    most_text = plain / Decimal(2) + len(request.prompt.encode(errors="replace")) - plain + 10
    most = load_rates().max_patches + (model.fidelity_tokens if request.input_fidelity == "high" else 0)
    return (
        characters / Decimal(6) * text + likely * image_rate,
        most_text * text + len(inputs) * most * image_rate,
    )


def _input_sizes(request: ImageRequest) -> list[tuple[int, int]]:
    """Of every input picture that is billed; a mask is free."""
    return [image.size for image in (*request.images, *((request.markup,) if request.markup else ()))]


def actual_cost(usage: Usage | None, model: Model, *, batch_api: bool = False, edited: bool = False) -> Decimal | None:
    """USD by the server's own token counts and the catalog's rates, or None if either is missing.

    Of an edit (`edited`) the share of the input images must be told: their rate is another than the text's. Text that the
    model wrote is billed at the text rate, if the answer says how much it was; an answer without that split counts as
    image output (recorded answers of the live service, read 2026-11-26).
    """
    prices = model.prices
    if usage is None or not usage.output_tokens or prices.image_output is None or usage.svg:
        return None  # an svg's author model is billed at rates of its own
    if edited and usage.image_input_tokens is None and (usage.input_tokens is None or usage.text_input_tokens is None):
        return None
    image_tokens, text = _shares(usage.image_input_tokens, usage.text_input_tokens, usage.input_tokens or 0)
    written, drawn = _shares(usage.text_output_tokens, usage.image_output_tokens, usage.output_tokens)
    written = min(written, usage.output_tokens - drawn) if drawn < usage.output_tokens else 0
    if prices.text_output is None:
        written, drawn = 0, usage.output_tokens
    parts = (
        (drawn, prices.image_output),
        (written, prices.text_output),
        (text, prices.text_input),
        (image_tokens, prices.image_input),
    )
    if any(count and rate is None for count, rate in parts):
        return None
    total = sum((count * (rate or Decimal(0)) for count, rate in parts), Decimal(0))
    return total / MILLION * (load_rates().batch_share if batch_api else 1)


def _shares(part: int | None, main: int | None, total: int) -> tuple[int, int]:
    """The two shares of a count: one that is not told is the rest; where neither is, all is of the main kind."""
    if not part and not main:
        return 0, total
    if part is None:
        return max(0, total - (main or 0)), main or 0
    return part, max(0, total - part) if main is None else main
