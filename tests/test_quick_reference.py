"""The image API quick reference of 2026-11-23, sentence by sentence: where the product keeps each, or says it.

What the reference says of other tools' own controls is left out; where later facts differ, the newer ones are kept (see the catalog's sources).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest

from imagegen_magic.display.reports import models_table, sizes_table
from imagegen_magic.errors import RequestError
from imagegen_magic.facts.catalog import load_catalog
from imagegen_magic.facts.sizes import PRESETS
from imagegen_magic.facts.use_cases import load_use_cases
from imagegen_magic.images.opening import read_input
from imagegen_magic.options.table import BY_NAME, OPTIONS
from imagegen_magic.request.cost import estimate_cost
from imagegen_magic.request.request import ImageRequest
from imagegen_magic.request.rules import check_request

CATALOG = load_catalog()
LIMITS = CATALOG.limits
OLDER = ("gpt-image-1.5", "gpt-image-1")


def model(name):
    return CATALOG.get(name)


def problems(**fields):
    request = ImageRequest(prompt="a mug", **{"model": "gpt-image-2", **fields})
    return {problem.field for problem in check_request(request, model(request.model), LIMITS)}


def cost(**fields):
    request = ImageRequest(prompt="a mug", **{"model": "gpt-image-2", "size": "1024x1024", "quality": "low", **fields})
    return estimate_cost(request, model(request.model)).high


def image(size=(64, 64)):
    return read_input(np.zeros((*size[::-1], 3), np.uint8))


FACTS = {
    "the default for new work is gpt-image-2, and what it is for": lambda: CATALOG.default == "gpt-image-2" and "text in images" in model("gpt-image-2").use,
    "gpt-image-1.5 is for true transparency and older workflows": lambda: "native transparency" in model("gpt-image-1.5").use,
    "gpt-image-1 is for legacy compatibility": lambda: "legacy" in model("gpt-image-1").use,
    "gpt-image-1-mini is for cheap drafts and previews": lambda: "cheap drafts" in model("gpt-image-1-mini").use,
    "each model's recommended use is shown where models are listed": lambda: all(m.use in str(models_table(CATALOG, dt.date(2026, 11, 26)).to_records()) for m in CATALOG),
    "quality is low, medium, high or auto": lambda: all(set(model(m).qualities) == {"low", "medium", "high", "auto"} for m in ("gpt-image-2", *OLDER)),
    "gpt-image-2 always reads inputs at high fidelity; input_fidelity is not set": lambda: "input_fidelity" in problems(images=(image(),), input_fidelity="high"),
    "1.5 and 1 take input_fidelity low or high": lambda: all(model(m).input_fidelity == ("low", "high") for m in OLDER),
    "older models have three sizes and auto": lambda: all(set(model(m).sizes) == {"1024x1024", "1024x1536", "1536x1024"} for m in OLDER),
    "an edge is at most 3840": lambda: "size" in problems(size="3856x2160") and not problems(size="3840x2160"),
    "edges are multiples of 16": lambda: "size" in problems(size="1000x1000") and not problems(size="1008x1008"),
    "the ratio is at most 3:1": lambda: "size" in problems(size="1616x528") and not problems(size="1536x512"),
    "655,360 to 8,294,400 pixels": lambda: "size" in problems(size="800x800") and not problems(size="1024x640") and "size" in problems(size="3840x2176"),
    "the popular sizes have names": lambda: {"1024x1024", "1536x1024", "1024x1536", "2048x2048", "2048x1152", "3840x2160", "2160x3840"} <= set(PRESETS.values()),
    "auto is the default size": lambda: BY_NAME["size"].default is None and not problems(size="auto"),
    "square is typically fastest": lambda: "fastest" in str(sizes_table(CATALOG, model("gpt-image-2"))),
    "n is 1 to 10": lambda: "n" in problems(n=0) and "n" in problems(n=11) and not problems(n=10),
    "flexible sizes are for the newer families": lambda: "size" in problems(model="gpt-image-1.5", size="2048x2048"),
    "background is the API's switch, not the scene": lambda: "--scene" in BY_NAME["background"].help and "background" in problems(background="a beach"),
    "png is the default format; jpeg and webp": lambda: {"png", "jpeg", "webp"} <= set(model("gpt-image-2").formats),
    "compression is 0 to 100, for jpeg and webp": lambda: "output_compression" in problems(output_compression=50) and not problems(output_compression=50, output_format="webp") and problems(output_compression=101, output_format="webp"),
    "moderation is auto or low": lambda: "moderation" in problems(moderation="none"),
    "up to 16 input images": lambda: LIMITS.max_images == 16,
    "inputs are under 50 MB": lambda: LIMITS.max_input_bytes == 50 * 2**20,
    "1.5 keeps the first five images sharper": lambda: model("gpt-image-1.5").sharp_inputs == 5,
    "1 and 1-mini keep the first image sharper": lambda: model("gpt-image-1").sharp_inputs == model("gpt-image-1-mini").sharp_inputs == 1,
    "gpt-image-2 reads all alike": lambda: model("gpt-image-2").sharp_inputs == 0,
    "high fidelity costs more input tokens": lambda: cost(model="gpt-image-1.5", images=(image(),), input_fidelity="high") > cost(model="gpt-image-1.5", images=(image(),)) + Decimal("0.04"),
    "large sizes and high quality cost more": lambda: cost(size="3840x2160", quality="high") > 10 * cost(),
    "low for drafts, more for text and diagrams": lambda: "--quality high for dense text" in str(load_use_cases()["infographic-diagram"].tips),
    "native transparency needs the user's word": lambda: "native" in next(option for option in OPTIONS if option.name == "transparent").choices,
}  # fmt: skip


@pytest.mark.parametrize("sentence", FACTS)
def test_the_sentence_is_kept(sentence):
    """The product's data, rules or words agree with it."""
    assert FACTS[sentence]()


def test_advice_reaches_the_person_who_decides(session):
    """Once, at the request that it concerns, and nowhere else."""
    small = image()

    def notes(**values):
        return " | ".join(session.plan("a poster", {"size": "1024x1024", **values}, command="generate").notes)

    assert "drafts" in notes(quality="low", text=("SALE",))
    assert "drafts" not in notes(quality="medium", text=("SALE",))
    assert "drafts" not in notes(quality="low")
    older = {"model": "gpt-image-1.5", "quality": "medium"}
    assert "the first 5 input images keep" in notes(**older, image=(small.data,) * 6)
    assert "input images keep" not in notes(**older, image=(small.data,) * 5)
    assert "may add $0.050" in notes(**older, image=(small.data,), input_fidelity="high")


def test_native_transparency_is_asked_about(session):
    """The model that has it only in preview is never used for it without a word of the user."""
    with pytest.raises(RequestError, match="confirms it"):
        session.plan("a mug", {"background": "transparent"})
    assert (
        session.plan("a mug", {"background": "transparent", "transparent": "native"}).request.background
        == "transparent"
    )


def test_a_mask_says_that_it_only_guides(session, folder):
    """Beside the share that may change."""
    job = session.plan("a sky", {"image": (image((1024, 1024)).data,), "mask_box": ("0,0,50%,50%",)}, command="edit")
    assert "only guides the model" in job.request.mask.notes[0]


def test_the_time_that_it_takes_is_known_from_the_own_history(session, folder):
    """Live requests of the same model, size and quality; simulated ones say nothing."""
    made = session.generate("a mug", quality="low", size="1024x1024")
    assert session.preview("a cup", quality="low", size="1024x1024").usual_seconds is None
    path = folder / "output/imagegen/history.jsonl"
    line = path.read_text().replace('"simulated": true', '"simulated": false')
    path.write_text(line.replace(f'"seconds": {made.record.seconds}', '"seconds": 21.4'))
    before = session.preview("a cup", quality="low", size="1024x1024")
    assert before.usual_seconds == (21.4, 21.4, 1)
    assert "21 s, by 1 earlier request" in str(before)
    assert session.preview("a cup", quality="high", size="1024x1024").usual_seconds is None
