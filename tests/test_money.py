"""What a call may cost, what was spent, what it did cost: decisions as tables of rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import budgets
import pytest
from conftest import simulated_session

from imagegen_magic.batch.pacing import Pacer
from imagegen_magic.errors import BudgetError, RateLimitError, RequestError
from imagegen_magic.facts.catalog import Model, Prices, load_catalog, load_rates
from imagegen_magic.jobs.planning import check_budget
from imagegen_magic.jobs.spending import Spending
from imagegen_magic.options.options import Options
from imagegen_magic.request.cost import (
    Estimate,
    actual_cost,
    estimate_cost,
    format_usd,
    image_input_tokens,
    output_tokens,
)
from imagegen_magic.request.request import ImageRequest, InputImage
from imagegen_magic.request.response import Sending, Usage
from imagegen_magic.session import Session
from imagegen_magic.simulator import Simulator
from imagegen_magic.store.history import Record
from imagegen_magic.wire.answers import read_usage

USD = Decimal


def dollars(text):
    """A text as money; None stays None."""
    return None if text is None else USD(text)


@pytest.mark.parametrize(
    ("limits", "spent", "high", "yes", "allowed"),
    [
        # max_cost is for this call alone
        ({"max_cost": "0.10"}, "0", "0.10", False, True),
        ({"max_cost": "0.10"}, "0", "0.11", False, False),
        ({"max_cost": "0.10"}, "5", "0.10", False, True),
        ({"max_cost": "0.10"}, "0", "0.11", True, False),
        ({"max_cost": "0.10"}, "0", None, False, False),
        ({"max_cost": "0"}, "0", "0.01", False, False),
        # session_max_cost is for everything that was spent and this call
        ({"session_max_cost": "1.00"}, "0.90", "0.10", False, True),
        ({"session_max_cost": "1.00"}, "0.95", "0.10", False, False),
        ({"session_max_cost": "1.00"}, "0.95", "0.10", True, False),
        ({"session_max_cost": "1.00"}, "0", None, False, False),
        # confirm_above is a question that `-y` answers
        ({"confirm_above": "0.10"}, "0", "0.10", False, True),
        ({"confirm_above": "0.10"}, "0", "0.11", False, False),
        ({"confirm_above": "0.10"}, "0", "0.11", True, True),
        ({"confirm_above": "0.10"}, "0", None, False, False),
        ({"confirm_above": "0.10"}, "0", None, True, True),
        ({}, "100", "100", False, True),
        ({}, "0", None, False, True),
    ],
)
def test_a_limit_stops_or_lets_through(limits, spent, high, yes, allowed):
    """(limit, spent, estimate, yes) -> outcome, for each limit at its edge and just beyond."""
    options = Options(yes=yes, **{name: USD(text) for name, text in limits.items()})
    estimate = Estimate(low=USD(0), high=dollars(high), basis="test")
    if allowed:
        check_budget(estimate, options, USD(spent))
        return
    with pytest.raises(BudgetError) as caught:
        check_budget(estimate, options, USD(spent))
    assert caught.value.outcome == "not sent"


@pytest.mark.parametrize(
    ("outcome", "simulated", "cost", "counted"),
    [
        ("done", False, {"actual": "0.05", "high": "0.09"}, "0.05"),
        ("done", False, {"actual": None, "high": "0.09"}, "0.09"),
        ("ambiguous", False, {"high": "0.09"}, "0.09"),
        ("refused", False, {"high": "0.09"}, "0"),
        ("not sent", False, {"high": "0.09"}, "0"),
        ("done", True, {"actual": "0.05", "high": "0.09"}, "0"),
        ("ambiguous", True, {"high": "0.09"}, "0"),
    ],
)
def test_what_counts_as_spent(outcome, simulated, cost, counted):
    """The actual if it is known, else the upper end of whatever may have been billed; a simulated call costs nothing."""
    spending = Spending()
    spending.count(Path("a"), Record(number=3, outcome=outcome, simulated=simulated, cost=cost))
    assert spending.total == USD(counted)
    assert spending.numbers(Path("a")) == {3}
    assert spending.numbers(Path("b")) == set()


def model():
    """A model with round prices, in USD per million tokens."""
    catalog = load_catalog()
    shipped = catalog.get(None)
    prices = replace(shipped.prices, text_input=USD(5), image_input=USD(10), image_output=USD(40))
    return replace(shipped, prices=prices, image_prices={})


@pytest.mark.parametrize(
    ("usage", "batch_api", "usd"),
    [
        (Usage(output_tokens=1000, text_input_tokens=100, image_input_tokens=0), False, "0.0405"),
        (Usage(output_tokens=1000, text_input_tokens=100, image_input_tokens=0), True, "0.02025"),
        (Usage(output_tokens=1000, text_input_tokens=100, image_input_tokens=500), False, "0.0455"),
        (Usage(output_tokens=1000, input_tokens=100), False, "0.0405"),
        (Usage(), False, None),
        (None, False, None),
    ],
)
def test_actual_cost_by_hand(usage, batch_api, usd):
    """Tokens times rates; the Batch API at half; unknown stays unknown."""
    assert actual_cost(usage, model(), batch_api=batch_api) == dollars(usd)


REQUEST = ImageRequest(prompt="a mug", model="x", size="1024x1024", quality="low", output_format="png")


def input_image(edge=1024):
    """An input of that many pixels square, without bytes."""
    return InputImage(name="a.png", data=b"", mime="image/png", size=(edge, edge))


def test_an_estimate_grows_with_what_is_asked_for():
    """Live previews, more images, input images and the direct way cost more than their absence; never 0."""
    plain = estimate_cost(REQUEST, model())
    assert plain.low > 0
    assert estimate_cost(replace(REQUEST, partial_images=1), model()).high > plain.high
    assert estimate_cost(replace(REQUEST, partial_images=3), model()).high - plain.high == pytest.approx(
        3 * (estimate_cost(replace(REQUEST, partial_images=1), model()).high - plain.high)
    )
    assert estimate_cost(replace(REQUEST, n=3), model()).high == 3 * plain.high
    assert estimate_cost(replace(REQUEST, images=(input_image(),)), model()).low > plain.low
    assert estimate_cost(REQUEST, model(), batch_api=True).high * 2 == plain.high


def test_estimate_and_simulator_agree_on_a_mask(session):
    """What a masked edit is billed lies within its estimate, and a mask costs what the service's simulator says."""
    from PIL import Image

    Image.new("RGB", (1024, 1024), "navy").save("room.png")
    for box in (None, "0,0,50%,50%"):
        result = session.edit("a lamp", "room.png", mask_box=box, quality="low")
        assert result.estimate.low <= result.cost <= result.estimate.high, box


def test_a_refusal_of_one_job_holds_the_others_back():
    """The wait that a server asks of one job is kept by every job of the batch."""
    now = [100.0]
    pacer = Pacer(4, clock=lambda: now[0])
    with pytest.raises(RateLimitError), pacer.slot():
        raise RateLimitError("slow down", outcome="refused", retry_after=30.0)
    assert pacer.next_send == 130.0


@pytest.mark.parametrize(("row", "faults"), [pytest.param(*item, id=item[0].__name__) for item in budgets.ROWS.items()])
def test_a_limit_holds_for_what_runs_at_the_same_time(row, faults, folder):
    """What was billed, each image at its upper end, is within the limit; and no more is held back than must be."""
    _, outcome, billed = budgets.run_row(row, faults)
    assert outcome.least * outcome.each <= billed * outcome.each <= outcome.limit


def test_what_is_over_holds_nothing(session):
    """A reservation ends with its request; what is left is what it cost."""
    options = Options(session_max_cost=USD("1.00"))
    spending = Spending()
    with spending.reserved(Estimate(low=USD(0), high=USD("0.6"), basis=""), options):
        assert spending.total == USD("0.6")
        with pytest.raises(BudgetError):
            spending.reserve(Estimate(low=USD(0), high=USD("0.6"), basis=""), options)
    assert spending.total == 0


def test_a_reservation_comes_on_top_of_what_was_spent(folder):
    """The limit is looked at again when a request goes out: others may have been billed since it was planned."""
    spending = Spending()
    spending.count(folder, Record(outcome="done", cost={"actual": "0.60"}))
    options = Options(session_max_cost=USD("1.00"))
    with pytest.raises(BudgetError):
        spending.reserve(Estimate(low=USD(0), high=USD("0.41"), basis=""), options)
    assert spending.reserve(Estimate(low=USD(0), high=USD("0.40"), basis=""), options) == USD("0.40")


def test_a_refused_attempt_leaves_no_line_and_costs_nothing(folder):
    """The server said that it is too busy: the next attempt is the only one that is billed."""
    session = simulated_session(Simulator(faults="429 x2 retry-after=0"))
    session.generate("a mug", quality="low")
    assert [record.outcome for record in session.library.history.records()] == ["done"]


def test_a_request_that_an_interrupt_ends_may_have_been_billed(session):
    """It was on the wire, or about to be: the history says so."""

    def interrupted(event):
        if isinstance(event, Sending):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.generate("a mug", on_event=interrupted)
    assert [record.outcome for record in session.library.history.records()] == ["ambiguous"]


def test_each_attempt_that_may_be_billed_is_counted(folder):
    """`retry_ambiguous` doubles the upper end, and both attempts stand in the history."""
    simulator = Simulator(faults="500")
    session = simulated_session(simulator, retry_ambiguous=1)
    once = simulated_session(Simulator()).preview("a mug", quality="low").estimate
    assert session.preview("a mug", quality="low").estimate.high == 2 * once.high
    session.generate("a mug", quality="low")
    records = list(session.library.history.records())
    assert [record.outcome for record in records] == ["ambiguous", "done"]
    assert [USD(record.cost["high"]) for record in records] == [once.high, once.high]


def test_each_of_two_backdrops_is_counted_by_itself(session):
    """The two lines together are what the limit was asked for, not twice that."""
    how = {"size": "1024x1024", "quality": "low", "transparent": "difference"}
    whole = session.preview("a mug", **how).estimate.high
    session.generate("a mug", **how)
    first, second = (USD(record.cost["high"]) for record in session.library.history.records())
    assert first < second
    assert whole * USD("0.95") < first + second <= whole  # the second prompt is the shorter one


def test_rows_keep_limits_of_their_own(session, simulator):
    """A row's `max_cost` is for that row: it is refused by its line, and nothing is sent."""
    with pytest.raises(RequestError) as caught:
        session.batches.run_jobs(["a cat", {"prompt": "a mug", "max_cost": "0.001"}], size="1024x1024", quality="high")
    assert "max_cost is $0.001" in str(caught.value)
    assert not simulator.record


def test_a_batch_without_money_stops(folder):
    """After `insufficient_quota` nothing more is sent."""
    simulator = Simulator(faults="quota x*")
    gallery = simulated_session(simulator).batches.run_jobs(
        [f"mug {n}" for n in range(9)], concurrency=1, size="1024x640"
    )
    assert len(simulator.record) == 1
    assert len(gallery.failures) == 9


def test_written_output_is_billed_at_the_text_rate():
    """By hand, with the split that the live service sends for some edits."""
    usage = Usage(output_tokens=1000, text_output_tokens=200, image_output_tokens=800, text_input_tokens=100)
    priced = replace(model(), prices=replace(model().prices, text_output=USD(20)))
    assert actual_cost(usage, priced) == USD("0.0365")


@pytest.mark.parametrize(
    ("url", "wider"), [("https://eu.api.openai.com/v1", True), ("https://api.openai.com/v1", False)]
)
def test_data_residency_widens_the_upper_end(url, wider, folder):
    """By a tenth, and the estimate says so."""
    plain = Session().preview("a mug").estimate
    there = Session().preview("a mug", base_url=url).estimate
    assert there.high == plain.high * (USD("1.1") if wider else 1)
    assert ("data residency" in there.basis) is wider


ONE = Estimate(low=Decimal("0.1"), high=Decimal("0.2"), basis="a", checked=date(2026, 11, 26))
UNKNOWN = Estimate(low=None, high=None, basis="b")


def test_estimates_add_up():
    """Both ends; what is unknown stays unknown, never 0; the basis names both, once if they are the same."""
    both = ONE + replace(ONE, high=Decimal(1), basis="b")
    assert (both.low, both.high, both.basis, both.checked) == (Decimal("0.2"), Decimal("1.2"), "a; b", ONE.checked)
    assert (ONE + ONE).basis == "a"
    for total in (ONE + UNKNOWN, UNKNOWN + ONE):
        assert (total.low, total.high) == (None, None)
    assert str(UNKNOWN) == "cost unknown"
    assert str(ONE) == "about $0.100 to $0.200"
    assert ONE.widened(Decimal(3), "why").high == Decimal("0.6")
    assert (ONE.scaled(2).low, ONE.scaled(2).high) == (Decimal("0.2"), Decimal("0.4"))


@pytest.mark.parametrize(
    ("model", "size", "quality", "tokens"),
    [
        ("gpt-image-2", (1024, 1024), "low", 196),
        ("gpt-image-2", (1024, 1024), "medium", 1756),
        ("gpt-image-2", (1024, 1024), "high", 7024),
        ("gpt-image-2", (1536, 1024), "high", 5488),
        ("gpt-image-2", (1792, 1024), "high", 5063),
        ("gpt-image-2", (3584, 2048), "high", 12329),
        ("gpt-image-2", (976, 704), "low", 129),
        ("gpt-image-2", (1200, 992), "high", 6049),  # by the formula: nothing to round
        ("gpt-image-2", (2064, 1776), "high", 11287),  # a little more than 11286
        ("gpt-image-1.5", (1024, 1024), "low", 272),
        ("gpt-image-1.5", (1536, 1024), "high", 6208),
        ("gpt-image-1.5", (2048, 2048), "low", None),
    ],
)
def test_output_tokens(model, size, quality, tokens):
    """Published points of OpenAI's own calculator (community post 1382699), and the table of the fixed sizes."""
    assert output_tokens(load_catalog().get(model), size, quality) == tokens


@pytest.mark.parametrize(
    ("size", "tokens"),
    [((1024, 1024), 1024), ((64, 64), 16), ((512, 256), 512), ((4096, 4096), 1536), ((1024, 512), 512)],
)
def test_input_tokens(size, tokens):
    """Patches of 32 pixels, small images enlarged up to twice, at most 1536."""
    assert image_input_tokens(size) == tokens


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "unknown"), ("0", "$0.000"), ("0.0004", "<$0.001"), ("0.0525", "$0.053"), ("1.005", "$1.01")],
)
def test_amounts_as_text(amount, text):
    """Three decimals below a dollar, two above, rounded half up."""
    assert format_usd(None if amount is None else Decimal(amount)) == text


ROUND = Model(
    id="round",
    qualities=("low", "high", "auto"),
    fidelity_tokens=1000,
    token_table={
        "1024x1024": {"low": 100, "high": 1000},
        "1024x1536": {"low": 200, "high": 2000},
        "1536x1024": {"low": 300, "high": 3000},
        "2160x2160": {"low": 400},
        "2880x2880": {"low": 700},
        "3072x3072": {"low": 900, "high": 9000},
        "4096x2048": {"low": 800, "high": 8000},
    },
    token_spread={"high": (Decimal("0.5"), Decimal(2))},
    prices=Prices(text_input=Decimal(6), image_input=Decimal(10), image_output=Decimal(100)),
)
"""A model whose prices are easy to count by hand: USD for a million tokens."""
TEXT = (Decimal(2 * 6), Decimal(16 * 6))
"""Millionths of a dollar for a prompt of twelve letters: two tokens at least, sixteen at most."""


@pytest.mark.parametrize(
    ("asked", "low", "high"),
    [
        ({"quality": "low", "size": "1024x1024"}, 100 * 100, 100 * 100),
        ({"quality": "high", "size": "1024x1024"}, 500 * 100, 2000 * 100),  # the spread of the counts
        ({"quality": "auto", "size": "1024x1024"}, 100 * 100, 2000 * 100),  # whatever the server may choose
        ({"size": "1024x1024"}, 100 * 100, 2000 * 100),
        ({"quality": "low", "size": "auto"}, 100 * 100, 300 * 100),
        ({"quality": "low"}, 100 * 100, 300 * 100),
        ({"quality": "low", "size": "1024x1024", "n": 3}, 3 * 100 * 100, 3 * 100 * 100),
        ({"quality": "low", "size": "1024x1024", "output_format": "gif"}, 900 * 100, 900 * 100),  # 3 by 3 frames
        ({"quality": "low", "size": "1024x1024", "output_format": "gif", "frame_count": 8}, 800 * 100, 800 * 100),
        ({"quality": "low", "output_format": "gif"}, 400 * 100, 700 * 100),  # whatever size the frames get
    ],
)
def test_an_estimate_by_hand(asked, low, high):
    """Output tokens at their rate and the prompt at its own, for each image."""
    estimate = estimate_cost(ImageRequest(prompt="twelve chars", model="round", **asked), ROUND)
    count = asked.get("n", 1)
    assert (estimate.low * 10**6, estimate.high * 10**6) == (low + count * TEXT[0], high + count * TEXT[1])


@pytest.mark.parametrize(
    ("prompt", "most"), [("a fox", "12.5"), ("图" * 100, 310), ("🧿🧿", 18), ("größe", "15.5"), ("é" * 32_000, 64_010)]
)
def test_text_of_every_script_stays_below_the_upper_end(prompt, most):
    """A character that is not ASCII has up to as many tokens as bytes, so that a limit holds for it too."""
    estimate = estimate_cost(ImageRequest(prompt=prompt, model="round", quality="low", size="1024x1024"), ROUND)
    assert estimate.high * 10**6 == 100 * 100 + Decimal(most) * 6
    assert estimate.low * 10**6 == 100 * 100 + Decimal(len(prompt)) / 6 * 6


@pytest.mark.parametrize(
    ("fidelity", "more"), [(None, 0), ("low", 0), ("high", 1000)], ids=["not given", "low", "high"]
)
def test_input_images_by_hand(fidelity, more):
    """By their patches at least, by the most that an image can have at most; high fidelity adds its tokens to that."""
    request = ImageRequest(
        prompt="twelve chars",
        model="round",
        quality="low",
        size="1024x1024",
        images=(input_image(), input_image()),
        markup=input_image(),
        input_fidelity=fidelity,
    )
    estimate = estimate_cost(request, ROUND)
    assert estimate.low * 10**6 == 100 * 100 + TEXT[0] + 3 * image_input_tokens((1024, 1024)) * 10
    assert estimate.high * 10**6 == 100 * 100 + TEXT[1] + 3 * (load_rates().max_patches + more) * 10


def test_previews_and_published_prices_raise_the_upper_end_alone():
    """A preview may be sent or not; a price per image that is above tokens and rate is what may be billed."""
    request = ImageRequest(prompt="twelve chars", model="round", quality="low", size="1024x1024", partial_images=2)
    estimate = estimate_cost(request, ROUND)
    assert estimate.low * 10**6 == 100 * 100 + TEXT[0]
    assert estimate.high * 10**6 == (100 + 2 * load_rates().preview_tokens) * 100 + TEXT[1]
    published = replace(ROUND, image_prices={"1024x1024": {"low": Decimal("0.5")}, "1024x1536": {"low": Decimal(9)}})
    estimate = estimate_cost(replace(request, partial_images=None), published)
    assert estimate.low * 10**6 == 100 * 100 + TEXT[0]
    assert estimate.high == Decimal("0.5") + TEXT[1] / 10**6
    upright = estimate_cost(replace(request, partial_images=None, size="1024x1536"), published)
    assert upright.high == 9 + TEXT[1] / 10**6


@pytest.mark.parametrize(
    "model",
    [
        replace(ROUND, token_table={}),
        replace(ROUND, prices=replace(ROUND.prices, image_output=None)),
        replace(ROUND, prices=replace(ROUND.prices, text_input=None)),
    ],
)
def test_what_is_not_known_is_no_estimate(model):
    """Neither end, and the reason."""
    estimate = estimate_cost(ImageRequest(prompt="x", model="round", quality="low", size="1024x1024"), model)
    assert (estimate.low, estimate.high) == (None, None)
    assert estimate.basis == "no published price for round"
    assert str(estimate) == "cost unknown"


@pytest.mark.parametrize("role", ["images", "markup"])
def test_input_images_without_a_price_are_no_estimate(role):
    """A model whose input rate is not known has prices for its generations alone; a mask is free."""
    model = replace(ROUND, prices=replace(ROUND.prices, image_input=None))
    request = ImageRequest(prompt="x", model="round", quality="low", size="1024x1024")
    assert estimate_cost(request, model).high is not None
    assert estimate_cost(replace(request, mask=input_image()), model).high is not None
    given = (input_image(),) if role == "images" else input_image()
    assert estimate_cost(replace(request, **{role: given}), model).high is None


def test_an_estimate_has_the_day_of_its_prices():
    """So that it can be shown with them."""
    request = ImageRequest(prompt="x", model="round", quality="low", size="1024x1024")
    day = date(2026, 11, 26)
    assert estimate_cost(request, replace(ROUND, checked=day)).checked == day


def test_an_estimate_keeps_its_source_when_it_is_changed():
    """Scaled or widened, its basis and date stay, and what is not known stays unknown."""
    known = Estimate(low=USD(1), high=USD(2), basis="tables", checked=date(2026, 11, 26))
    half = known.scaled(USD("0.5"))
    assert half == Estimate(low=USD("0.5"), high=USD(1), basis="tables", checked=date(2026, 11, 26))
    wide = known.widened(USD("1.1"), "more")
    assert wide == Estimate(low=USD(1), high=USD("2.2"), basis="tables; more", checked=date(2026, 11, 26))
    unknown = Estimate(low=None, high=None, basis="tables")
    assert unknown.scaled(USD(2)) == unknown
    assert unknown.widened(USD(2), "more").high is None
    assert str(known) == "about $1.00 to $2.00"
    assert str(replace(known, high=USD(1))) == "about $1.00"


def test_the_simulator_reserves_nothing_and_is_never_stopped():
    """A limit is for money."""
    spending = Spending()
    options = Options(backend="simulator", session_max_cost=USD("0.01"))
    assert spending.reserve(Estimate(low=USD(1), high=USD(5), basis=""), options) == 0
    assert spending.total == 0
    paid = Options(backend="openai")
    assert spending.reserve(Estimate(low=USD(1), high=USD(5), basis=""), paid) == 5
    assert spending.reserve(Estimate(low=None, high=None, basis=""), paid) == 0
    assert spending.total == 5


def test_spending_adds_up(folder):
    """Each request is added to those before; one whose cost is not known adds nothing."""
    spending = Spending()
    for cost in ({"actual": "0.25"}, {"high": "0.50"}, {}):
        spending.count(folder, Record(outcome="done", cost=cost))
    assert spending.settled == USD("0.75")


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (Usage(output_tokens=100), "0.01"),
        (Usage(output_tokens=100, input_tokens=50), "0.0103"),
        (Usage(output_tokens=100, text_input_tokens=0, image_input_tokens=10), "0.0101"),
        (Usage(output_tokens=100, text_output_tokens=40), "0.01"),  # no text rate: billed as image output
        (None, None),
        (Usage(output_tokens=0), None),
        # the share that is not told is the rest; two shares of nothing are none
        (Usage(output_tokens=100, input_tokens=60, text_input_tokens=50), "0.0104"),
        (Usage(output_tokens=100, input_tokens=60, image_input_tokens=10), "0.0104"),
        (Usage(output_tokens=100, input_tokens=50, text_input_tokens=0, image_input_tokens=0), "0.0103"),
    ],
)
def test_the_bill_by_hand(usage, usd):
    assert actual_cost(usage, ROUND) == dollars(usd)


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (Usage(output_tokens=100, input_tokens=60), None),  # which of them are the images' is not told
        (Usage(output_tokens=100), None),
        (Usage(output_tokens=100, text_input_tokens=50), None),
        (Usage(output_tokens=100, input_tokens=60, text_input_tokens=50), "0.0104"),
        (Usage(output_tokens=100, input_tokens=60, image_input_tokens=10), "0.0104"),
        (Usage(output_tokens=100, input_tokens=50, text_input_tokens=50, image_input_tokens=0), "0.0103"),
    ],
)
def test_an_edit_is_billed_by_its_images_share(usage, usd):
    """Images and text have rates of their own: without the share of the images the bill is not known."""
    assert actual_cost(usage, ROUND, edited=True) == dollars(usd)


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ({"prompt_tokens": 60, "completion_tokens": 100}, Usage(input_tokens=60, output_tokens=100)),
        (
            {"prompt_tokens": 60, "prompt_tokens_details.image_tokens": 10, "completion_tokens_details.text_tokens": 4},
            Usage(input_tokens=60, image_input_tokens=10, text_output_tokens=4),
        ),
        ({"input_tokens": 0, "prompt_tokens": 60, "output_tokens": 7}, Usage(input_tokens=60, output_tokens=7)),
        ({"prompt_tokens": 60, "input_tokens": 50}, Usage(input_tokens=50)),
        ({"prompt_tokens": "many"}, None),
    ],
)
def test_tokens_by_a_chats_names(usage, read):
    """They count as input and output; the Images API's own names go first."""
    assert read_usage(usage) == read


@pytest.mark.parametrize(
    ("usage", "prices", "usd"),
    [
        (Usage(output_tokens=100), {"text_output": Decimal(10)}, "0.01"),  # no split: all of it is image
        (Usage(output_tokens=100, text_output_tokens=40), {"text_output": Decimal(10)}, "0.0064"),
        (Usage(output_tokens=100, image_output_tokens=60), {"text_output": Decimal(10)}, "0.0064"),
        (
            Usage(output_tokens=100, image_output_tokens=100, text_output_tokens=90),
            {"text_output": Decimal(10)},
            "0.01",
        ),
        (Usage(output_tokens=100), {"image_output": None}, None),
        (Usage(output_tokens=100, svg={"input_tokens": 5}), {}, None),  # the author's own rates are not known
        (Usage(output_tokens=100, image_input_tokens=10, text_input_tokens=0), {"image_input": None}, None),
    ],
)
def test_the_bill_by_other_prices(usage, prices, usd):
    """A count without its rate makes no bill; a rate without a count adds nothing."""
    assert actual_cost(usage, replace(ROUND, prices=replace(ROUND.prices, **prices))) == dollars(usd)


def test_each_image_has_a_second_backdrop_of_its_own(session):
    """Two backdrops are two paid calls an image: twice the images are twice the price, at both ends."""
    asked = {"transparent": "difference", "size": "1024x640", "quality": "low"}
    one, two = (session.preview("a wine glass", n=count, **asked).estimate for count in (1, 2))
    assert (round(two.low, 12), two.high) == (round(2 * one.low, 12), 2 * one.high)
    alone = session.preview("a wine glass", transparent=True, n=2, size="1024x640", quality="low").estimate
    assert two.low > 2 * alone.low
