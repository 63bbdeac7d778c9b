"""Answers that once broke something, and what is kept of them: nesting, wrong encodings, echoed keys, JPEG in a stream."""

from __future__ import annotations

import base64
import gzip
import io
import json
from urllib.parse import quote_plus

import pytest
from conftest import simulated_session
from PIL import Image

from imagegen_magic.batch.rows import read_source
from imagegen_magic.errors import AnswerError, BadRequestError, CallError, OptionError, RateLimitError, ServerError
from imagegen_magic.redaction import hide_keys
from imagegen_magic.simulator import Disconnect, Response

KEY = "sk-test-0123456789abcdefghijkl"


class Canned:
    """A server with one answer."""

    def __init__(self, body, status=200, cut=False, **headers):
        self.body, self.status, self.cut = body, status, cut
        self.headers = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}

    def handle(self, request, *, timeout=None):
        return Response(self.status, self.headers, self.chunks())

    def chunks(self):
        yield self.body
        if self.cut:
            raise Disconnect(reset=True)


def jpeg():
    stream = io.BytesIO()
    Image.new("RGB", (1024, 1024), "teal").save(stream, "JPEG")
    return stream.getvalue()


def asked(server, **options):
    return simulated_session(server, retries=0).generate("a mug", size="1024x1024", quality="low", **options)


def test_a_streamed_jpeg_is_no_address(folder):
    """Its base64 begins with `/9j/`, as a path on a server might."""
    event = {"type": "image_generation.completed", "b64_json": base64.b64encode(jpeg()).decode()}
    body = f"data: {json.dumps(event)}\n\n".encode()
    made = asked(Canned(body, content_type="text/event-stream"), partial_images=1, output_format="jpeg")
    assert made.path.read_bytes() == jpeg()


@pytest.mark.parametrize("padding", ["", "=", "==", "===="])
@pytest.mark.parametrize("more", [0, 1, 2])
def test_padding_of_any_length(folder, padding, more):
    """Some encoders leave it out, and some write it where there must be none."""
    data = jpeg() + b"\xff\xd9" * more
    text = base64.b64encode(data).decode().rstrip("=") + padding
    made = asked(Canned(json.dumps({"data": [{"b64_json": text}]}).encode()), output_format="jpeg")
    assert made.path.read_bytes() == data


@pytest.mark.parametrize("packed", [True, False])
def test_gzip_true_and_false(folder, packed):
    """A paid image comes through, whether the body is what its header says or not."""
    body = json.dumps({"data": [{"b64_json": base64.b64encode(jpeg()).decode()}]}).encode()
    body = gzip.compress(body) if packed else body
    made = asked(Canned(body, content_encoding="gzip"), output_format="jpeg")
    assert made.path.read_bytes() == jpeg()


@pytest.mark.parametrize("levels", [65, 40_000, 200_000])
@pytest.mark.parametrize("start", ["[", '{"data":['])
def test_nesting_costs_no_memory(folder, levels, start):
    """Answers plain and streamed, and what files are read with; the first level that is refused is the 65th."""
    deep = start * levels
    with pytest.raises(AnswerError, match="nested more than 64"):
        asked(Canned(deep.encode()))
    with pytest.raises(CallError):
        asked(Canned(f"data: {deep}\n\n".encode(), content_type="text/event-stream"), partial_images=1)


@pytest.mark.parametrize(
    ("server", "error"),
    [
        (Canned(b"{", status=400, cut=True), BadRequestError),
        (Canned(b"{", status=500, content_encoding="gzip"), ServerError),
        (Canned('{"error": "Größe"}'.encode("utf-16"), status=400, content_type="application/json; charset=utf-16"), BadRequestError),
        (Canned(b"x", status=429, content_type="text/plain; charset=utf-16"), RateLimitError),
        (Canned(b"x", status=404, content_type="text/plain; charset=nonsense"), BadRequestError),
    ],
)  # fmt: skip
def test_a_refusal_that_cannot_be_read_keeps_its_status(folder, server, error):
    """It breaks off, is not packed as it says, or not encoded so: the status still says what became of the money."""
    with pytest.raises(error) as caught:
        asked(server)
    assert caught.value.status == server.status
    if b"G\x00r" in server.body:
        assert "Größe" in str(caught.value)


def test_a_key_that_the_server_sends_back_is_hidden_everywhere(folder, monkeypatch):
    """In the kept answer, the request id, the card, the history; also one of Azure's form, which no pattern knows."""
    for key in (KEY, "0123456789abcdef0123456789abcdef"):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        with pytest.raises(AnswerError) as caught:
            asked(Canned(f'{{"data": [], "echo": "{key}"}}'.encode(), x_request_id=f"req-{key}"))
        assert key not in str(caught.value)
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert any("unusable-answer" in path.name for path in files)
        assert not any(key.encode() in path.read_bytes() for path in files)
        kept = next(path for path in files if "unusable-answer" in path.name)
        assert json.loads(kept.read_text())["echo"] == "*" * len(key)
        kept.unlink()


@pytest.mark.parametrize(
    "shape", [str.upper, str.lower, lambda key: base64.b64encode(key.encode()).decode(), quote_plus]
)
def test_a_key_in_another_shape_is_hidden(folder, monkeypatch, shape):
    """As proxies quote it: in capitals, in base64, for an address."""
    key = "Key/of+no known-shape-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    echo = shape(key).replace("+", "%20") if shape is quote_plus else shape(key)
    with pytest.raises(CallError) as caught:
        asked(Canned(json.dumps({"error": {"message": f"wrong key {echo}", "code": echo}}).encode(), 401))
    assert echo not in str(caught.value) + str(caught.value.code)
    assert "[key removed]" in str(caught.value)
    assert not any(echo.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_hidden_keys_leave_everything_else(folder):
    """Twice in a file, at its end too; an empty file is left alone."""
    path = folder / "a"
    path.write_bytes(b"a" + KEY.encode() + b"bsk-notthekey000000" + KEY.encode())
    hide_keys(path, {"OPENAI_API_KEY": KEY})
    assert path.read_bytes() == b"a" + b"*" * len(KEY) + b"bsk-notthekey000000" + b"*" * len(KEY)
    (folder / "empty").touch()
    hide_keys(folder / "empty", {"OPENAI_API_KEY": KEY})


def test_a_csv_file_with_an_endless_field(folder):
    """The csv module has a limit of its own."""
    (folder / "rows.csv").write_text("prompt\n" + "x" * 200_000)
    with pytest.raises(OptionError, match="can't be read as CSV"):
        read_source("rows.csv")


def test_settings_of_any_depth_and_with_a_byte_order_mark(session, folder):
    """Both are files of a folder that somebody else may have made."""
    (folder / "pyproject.toml").write_text("\ufeff[tool.imagegen_magic]\nsize = 'square'\n", encoding="utf-8")
    assert "1024x1024" in str(session.preview("a mug"))
    for name in ("pyproject.toml", "models.toml"):
        (folder / name).write_text(f"x = {'[' * 5000}{']' * 5000}\n", encoding="utf-8")
        with pytest.raises(OptionError, match="can't be read"):
            session.preview("a mug", models_file="models.toml")
        (folder / name).write_text("", encoding="utf-8")


@pytest.mark.parametrize(("details", "known"), [({}, False), ({"input_tokens_details": {"image_tokens": 64}}, True)])
def test_an_edits_price_is_exact_only_with_the_share_of_its_images(details, known, folder):
    """Text and images have rates of their own: a count of both together makes an estimate, and says so."""
    usage = {"input_tokens": 90, "output_tokens": 196, **details}
    image = {"b64_json": base64.b64encode(jpeg()).decode()}
    server = Canned(json.dumps({"data": [image], "usage": usage}).encode())
    made = simulated_session(server, retries=0).edit("x", Image.new("RGB", (1024, 1024)), output_format="jpeg")
    assert (made.record.cost["actual"] is not None) is known
