"""Answers that the live service gave, recorded, through cells: images, usage, cost, error cards (tests/data/recorded)."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from pathlib import Path

import pytest
from IPython.utils.capture import capture_output
from loopback import loopback
from PIL import Image

from imagegen_magic.errors import BadRequestError
from imagegen_magic.store.history import History

RECORDED = Path(__file__).parent / "data/recorded"
HEADERS = {
    "content-type": "application/json",
    "x-request-id": "req_0123456789abcdef",
    "openai-processing-ms": "14512",
    "openai-version": "2020-10-01",
}
"""The headers of a recorded answer; there are no `x-ratelimit-*` among them."""

USAGE = (
    "input_tokens", "text_input_tokens", "image_input_tokens",
    "output_tokens", "text_output_tokens", "image_output_tokens", "total_tokens",
)  # fmt: skip


def edit_cell(shell, name, line, status=200):
    """(the cell's execution, what was asked of the server, the recorded body) of one edit of a 128x128 image."""
    body = (RECORDED / name).read_bytes()
    asked = []

    def respond(path, headers, sent):
        asked.append(path)
        return status, HEADERS, body

    Image.new("RGBA", (128, 128), "red").save("logo.png")
    with loopback(respond) as address, capture_output():
        cell = f"%%imagegen_edit made -i logo.png {line} --backend openai --base-url {address}/v1\nMake it a mug."
        done = shell.run_cell(cell, store_history=False)
    return done, asked, body


@pytest.mark.parametrize(
    ("name", "line", "size", "usage", "usd"),
    [
        # 194 image tokens in at $8, 27 text in at $5, 272 image tokens out at $32, 143 text out at $10, per million
        (
            "edit-gpt-image-1.5.json",
            "--model gpt-image-1.5 --size 1024x1024 --quality low",
            (1024, 1024),
            (221, 27, 194, 415, 143, 272, 636),
            "0.011821",
        ),
        # 64 image tokens in at $8, 12 text in at $5, 120 image tokens out at $30
        (
            "edit-gpt-image-2.json",
            "--model gpt-image-2 --size 1536x864 --quality low",
            (1536, 864),
            (76, 12, 64, 120, 0, 120, 196),
            "0.004172",
        ),
    ],
)
def test_a_recorded_edit(shell, folder, name, line, size, usage, usd):
    """The cell binds the image with the API's bytes untouched; usage and price are those worked out by hand."""
    done, asked, body = edit_cell(shell, name, line)
    assert done.success, done.error_in_exec
    made = shell.user_ns["made"]
    assert asked == ["/v1/images/edits"]
    assert made.path.read_bytes() == base64.b64decode(json.loads(body)["data"][0]["b64_json"])
    with Image.open(made.path) as image:
        assert image.size == size
    assert {name: made.record.usage[name] for name in USAGE} == dict(zip(USAGE, usage, strict=True))
    assert made.paid == Decimal(usd)
    assert made.record.request_id == HEADERS["x-request-id"]
    [record] = History(folder / "output/imagegen").records()
    assert (record.outcome, record.usage, record.cost["actual"]) == ("done", made.record.usage, usd)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("error-invalid-image.json", "Invalid image data."),
        ("error-url-404.json", "Error while downloading file. Upstream status code: 404."),
    ],
)
def test_a_recorded_refusal(shell, folder, name, message):
    """The card holds the service's own words and says that nothing was billed; the name stays unbound."""
    done, asked, _ = edit_cell(shell, name, "--size 1024x1024 --quality low", status=400)
    error = done.error_in_exec
    assert isinstance(error, BadRequestError)
    assert error.outcome == "refused"
    assert message in str(error)
    assert asked == ["/v1/images/edits"]
    assert "made" not in shell.user_ns
    [record] = History(folder / "output/imagegen").records()
    assert (record.outcome, record.files) == ("refused", ())
