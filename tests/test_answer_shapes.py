"""Answers as gateways write them: every one that holds an image yields it, and what holds none says why."""

from __future__ import annotations

import base64
import gzip
import io
import json
import math
import zlib

import pytest
from conftest import simulated_session
from loopback import loopback
from PIL import Image
from test_hostile_answers import Canned

from imagegen_magic.errors import AnswerError, BadRequestError, ModerationError, QuotaError, ServerError
from imagegen_magic.session import Session
from imagegen_magic.simulator import Simulator
from imagegen_magic.store.folder import Store
from imagegen_magic.wire.answers import ParsedResponse, parse_json_answer
from imagegen_magic.wire.fetching import fetch_image
from imagegen_magic.wire.spool_body import SpooledBody, decoded

SMALL = {"size": "1024x640", "quality": "low"}
USAGE = {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30}


def encoded(form="PNG"):
    stream = io.BytesIO()
    Image.effect_noise((64, 40), 90).convert("RGB").save(stream, form)
    return stream.getvalue()


IMAGE = encoded()
TEXT = base64.b64encode(IMAGE).decode()
URI = f"data:image/png;base64,{TEXT}"
OTHER = encoded("JPEG")
OTHER_TEXT = base64.b64encode(OTHER).decode()
SLASH = TEXT.rindex("/", 0, -100)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"></svg>'


def parsed(body, tmp_path):
    """The answer that a body holds, taken apart."""
    store = Store(tmp_path / "out")
    received = SpooledBody(store)
    received.write(body if isinstance(body, bytes) else json.dumps(body).encode())
    answer = parse_json_answer(received, store)
    received.discard()
    return answer


def images(answer):
    return [payload.path.read_bytes() for payload in answer.payloads]


@pytest.mark.parametrize(
    "text",
    [
        TEXT + "\n",
        "\r\n".join(TEXT[n : n + 76] for n in range(0, len(TEXT), 76)),
        TEXT.rstrip("="),
        TEXT + "==",
        TEXT.replace("+", "-").replace("/", "_"),
        "\ufeff" + TEXT,
        TEXT[:9] + "\u200b" + TEXT[9:] + "\0",
        TEXT[:40] + "\\n" + TEXT[40:],
        TEXT.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
        f'"{TEXT}"',
        f"b'{TEXT}'",
        f"base64,{TEXT}",
        f"data:;base64,{TEXT}",
        f"DATA:image/png;base64, {TEXT}",
        URI.replace("+", "%2B").replace("=", "%3D"),
        IMAGE.hex(),
        f"0x{IMAGE.hex().upper()}",
        f"\\x{IMAGE.hex()}\n",
        base64.b64encode(TEXT.encode()).decode(),
        base64.b64encode(URI.encode()).decode(),
        base64.b64encode(gzip.compress(IMAGE)).decode(),
    ],
)
@pytest.mark.parametrize("name", ["b64_json", "url"])
def test_base64_in_any_wrapping(text, name, tmp_path):
    """What was put around an image on the way is taken off, under either name."""
    assert images(parsed({"data": [{name: text}]}, tmp_path)) == [IMAGE]


@pytest.mark.parametrize("text", ["!" * 90, TEXT[:40] + "==" + TEXT[40:], TEXT.replace("A", "&#65;")])
def test_what_is_no_base64_is_kept(text, tmp_path):
    answer = parsed({"data": [{"b64_json": text}]}, tmp_path)
    assert answer.faults == ["a picture is not valid base64"]
    assert answer.kept[0].read_text() == text


@pytest.mark.parametrize(
    "uri", ["data:image/svg+xml;utf8," + SVG.decode(), "data:image/svg+xml,%3Csvg%20/%3E%3C/svg%3E"]
)
def test_a_data_uri_may_be_plain_text(uri, tmp_path):
    answer = parsed({"data": [{"url": uri}]}, tmp_path)
    assert [payload.format for payload in answer.payloads] == ["svg"]


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"b64_json": TEXT}},
        {"data": [[{"b64_json": TEXT}]]},
        {"code": 0, "message": "ok", "data": {"data": [{"b64_json": TEXT}]}},
        {"images": [{"b64_json": TEXT}]},
        {"images": [TEXT]},
        {"image": TEXT},
        {"data": [TEXT]},
        {"data": [{"base64": TEXT}]},
        {"data": [{"b64_json": None, "image": TEXT}]},
        {"data": [{"image_url": {"url": URI}}]},
        {"data": [{"image": TEXT, "url": "https://127.0.0.1:1/x.png"}]},
        {"choices": [{"message": {"content": f"Here it is: ![image]({URI})"}}]},
        {"choices": [{"message": {"content": "", "images": [{"image_url": {"url": URI}}]}}]},
        {"output": [{"type": "image_generation_call", "result": TEXT}]},
        {"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": TEXT}}]}}]},
        {"output": [IMAGE.hex()]},
        {"data": [{"b64_json": [*IMAGE]}]},
        {"image": {"type": "Buffer", "data": [*IMAGE]}},
        {"bytes": [byte - 256 if byte > 127 else byte for byte in IMAGE]},
        {"data": [{"b64_json": TEXT[:1001]}, {"b64_json": TEXT[1001:]}]},
        {"data": [{"b64_json": [TEXT[:400], TEXT[400:900], TEXT[900:]]}]},
        {"images": [TEXT[:-5], TEXT[-5:]]},
        {"images": [URI[:400], URI[400:]]},
        {"data": [{"b64_json": [TEXT[n : n + 76] for n in range(0, len(TEXT), 76)]}]},
        {"images": [{"b64": TEXT[:SLASH]}, {"b64": TEXT[SLASH:]}]},
        {"images": [TEXT, "abcdefgh"]},
        [{"b64_json": TEXT}],
        TEXT,
        IMAGE,
        {"statusCode": 200, "body": json.dumps({"data": [{"b64_json": TEXT}]})},
        json.dumps({"data": [{"b64_json": TEXT}]}),
        b'{"note": "a\tb\n", "data": [{"b64_json": "' + TEXT.encode() + b'"}]}',
        b"\xef\xbb\xbf" + json.dumps({"data": [{"b64_json": TEXT}]}).encode(),
        json.dumps({"data": [{"b64_json": TEXT}]}).encode("utf-16"),
        b'{"created": NaN, "data": [{"b64_json": "' + TEXT.encode() + b'"}], "usage": {"output_tokens": Infinity}}',
        b'{"created": 1' + b"0" * 5000 + b', "data": [{"b64_json": "' + TEXT.encode() + b'"}]}',
    ],
)
def test_an_image_in_any_place(answer, tmp_path):
    """Once, whatever it is called and wherever it stands; nothing is left to fetch."""
    answer = parsed(answer, tmp_path)
    assert (images(answer), answer.urls, answer.faults) == ([IMAGE], [], [])


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ((TEXT[:900], TEXT[900:], OTHER_TEXT), [IMAGE, OTHER]),
        ((OTHER_TEXT, TEXT[:900], TEXT[900:]), [OTHER, IMAGE]),
        ((TEXT[:900], TEXT[900:], OTHER_TEXT[:900], OTHER_TEXT[900:]), [IMAGE, OTHER]),
        ((TEXT[:900], OTHER_TEXT[:900], TEXT[900:], OTHER_TEXT[900:]), []),
        ((TEXT[:900], OTHER_TEXT, TEXT[900:]), [OTHER]),
        ((TEXT[:900], TEXT[900:1800]), []),
        ((TEXT[:900], TEXT[1800:]), []),  # begins and ends as an image, with no pixels between
        ((TEXT[: SLASH + 1], TEXT[SLASH + 1 :], OTHER_TEXT), [IMAGE, OTHER]),
        ((TEXT[:SLASH], TEXT[SLASH:], OTHER_TEXT), [IMAGE, OTHER]),  # the second begins as a path does
    ],
)
def test_an_image_in_pieces_is_joined_where_nothing_is_left_to_guess(entries, found, tmp_path):
    """All else is kept as it came."""
    answer = parsed({"data": [{"b64_json": entry} for entry in entries]}, tmp_path)
    assert images(answer) == found
    assert len(answer.kept) == (0 if len(found) == 2 else len(entries) - len(found))


def test_pieces_of_an_answer_that_is_read_anew_are_joined_once(tmp_path):
    """Between them stands what no JSON has: those that were read before it do not stand in the way."""
    body = json.dumps({"data": [{"b64_json": TEXT[:900], "score": math.nan}, {"b64_json": TEXT[900:]}]})
    answer = parsed(body.encode(), tmp_path)
    assert (images(answer), answer.faults, answer.kept) == ([IMAGE], [], [])


@pytest.mark.parametrize(
    "answer",
    [
        {"data": ["https://127.0.0.1:1/x.png?sig=1"]},
        {"data": [{"b64_json": "https://127.0.0.1:1/x.png?sig=1"}]},
        {"image_url": "https://127.0.0.1:1/x.png?sig=1"},
        {"choices": [{"message": {"content": "![image](https://127.0.0.1:1/x.png?sig=1)"}}]},
    ],
)
def test_an_address_in_any_place(answer, tmp_path):
    assert parsed(answer, tmp_path).urls == ["https://127.0.0.1:1/x.png?sig=1"]


def test_an_unknown_form_keeps_its_counts(tmp_path):
    answer = parsed({"images": [TEXT], "usage": USAGE, "size": "64x40"}, tmp_path)
    assert (answer.usage, answer.fields["size"]) == (USAGE, "64x40")


def images_of(body, **headers):
    """The images of a call that is answered with this body, and what the result says."""
    made = simulated_session(Canned(body.encode(), **headers), retries=0).generate("a mug", n=2, **SMALL)
    return [image.source.read_bytes() for image in made], " ".join(made.warnings)


@pytest.mark.parametrize(
    "broken",
    [
        '{"data": [{"b64_json": "%s", "revised_prompt": "a "blue" mug"}, {"b64_json": "%s"}]}',
        '{"data": [{"b64_json": "%s", "score": NaN}, {"b64_json": "%s"}]}',
        ")]}',\n" + '{"data": [{"b64_json": "%s"}, {"b64_json": "%s"}]}',
        "callback({'data': [{'b64_json': '%s'}, {'b64_json': '%s'}]});",
        '{"data": [{"b64_json": "%s"}, {"b64_json": "%s"}, {"b64_json": "iVBORw0KGgo',
        "%s\n\n%s",
    ],
)
def test_images_in_an_answer_that_is_not_whole_json(folder, broken):
    """All of them, each once: they are paid for, whatever stands around them."""
    found, _ = images_of(broken % (TEXT, OTHER_TEXT))
    assert found == [IMAGE, OTHER]


@pytest.mark.parametrize(
    ("usage", "tokens"), [('{"output_tokens": 20}', 20), ('{"output_tokens": 20}, "usage": {"output_tokens": 7}', None)]
)
def test_counts_in_an_answer_that_is_not_whole_json(folder, usage, tokens):
    """The money is known where they stand once."""
    body = f': waiting\n\n{{"note": "a "blue" mug", "data": [{{"b64_json": "{TEXT}"}}], "usage": {usage}}}'
    made = simulated_session(Canned(body.encode()), retries=0).generate("a mug", **SMALL)
    assert (made.record.usage or {}).get("output_tokens") == tokens


def in_parts(*parts, kind="mixed", end="--XYZ--\r\n"):
    """(the headers of Canned, the body) of an answer of several parts: (type, content)."""
    written = [b"--XYZ\r\ncontent-type: " + kind.encode() + b"\r\n\r\n" + content + b"\r\n" for kind, content in parts]
    return {"content_type": f'multipart/{kind}; boundary="XYZ"'}, b"".join(written) + end.encode()


COUNTS = ("application/json", json.dumps({"usage": USAGE}).encode())
PNG, JPEG = ("image/png", IMAGE), ("image/jpeg", OTHER)


@pytest.mark.parametrize(
    ("answer", "found", "tokens"),
    [
        (in_parts(COUNTS, PNG), [IMAGE], 20),
        (in_parts(PNG, JPEG, kind="form-data"), [IMAGE, OTHER], None),
        (in_parts(("application/json", json.dumps({"data": [{"b64_json": TEXT}], "usage": USAGE}).encode())), [IMAGE], 20),
        (in_parts(("text/plain", b"a mug"), PNG, kind="related"), [IMAGE], None),
        (in_parts(("image/png\r\ncontent-transfer-encoding: base64", base64.encodebytes(IMAGE))), [IMAGE], None),
        (in_parts(JPEG, PNG, kind="x-mixed-replace"), [IMAGE], None),
        (in_parts(COUNTS, PNG, end="--XY"), [IMAGE], 20),
        (({}, in_parts(COUNTS, PNG)[1]), [IMAGE], 20),
        (({"content_type": "multipart/mixed"}, in_parts(COUNTS, PNG)[1].replace(b"\r\n--XYZ", b"\n--XYZ")), [IMAGE], 20),
    ],
)  # fmt: skip
def test_an_answer_in_parts(folder, answer, found, tokens):
    """Images as they are beside the JSON that counts them; where one replaces the other, the last."""
    headers, body = answer
    made = simulated_session(Canned(body, **headers), retries=0).generate("a mug", n=len(found), **SMALL)
    assert [image.source.read_bytes() for image in made] == found
    assert (made.record.usage or {}).get("output_tokens") == tokens
    assert not [warning for warning in made.warnings if "asked for" not in warning]


def test_parts_without_an_image_say_why(folder):
    refused = ("application/json", b'{"error": {"message": "no", "code": "moderation_blocked"}}')
    for parts, kind in (((refused,), ModerationError), ((("text/plain", b"a mug"),), AnswerError)):
        headers, body = in_parts(*parts)
        with pytest.raises(kind, match=r"no|none of its 1 parts"):
            simulated_session(Canned(body, **headers), retries=0).generate("a mug", **SMALL)


@pytest.mark.parametrize("place", ["images", "output"])
def test_a_refusal_with_the_image_in_another_place(folder, place):
    answer = json.dumps({place: [TEXT]}).encode()
    with loopback(lambda *asked: (500, {"content-type": "application/json"}, answer)) as address:
        made = Session(defaults=lambda: {"base_url": f"{address}/v1"}).generate("a mug", **SMALL)
    assert made.path.read_bytes() == IMAGE


@pytest.mark.parametrize("behind", [b"\n", b"\0" * 9, b"\xff\xff", b"SEFT"])
def test_bytes_behind_the_end_of_a_jpeg(behind, tmp_path):
    """Some programs write more there; the image is whole, and is kept as it came."""
    data = OTHER + behind
    assert images(parsed({"data": [{"b64_json": base64.b64encode(data).decode()}]}, tmp_path)) == [data]
    assert parsed({"data": [{"b64_json": base64.b64encode(OTHER[:-2] + behind).decode()}]}, tmp_path).payloads == []


@pytest.mark.parametrize("status", [400, 422, 500, 503])
def test_a_refusal_that_holds_the_image(folder, status):
    """Some gateways fail after the image was made and hand it on: it is paid for."""
    answer = json.dumps({"data": [{"b64_json": TEXT}], "usage": USAGE, "error": {"message": "late"}}).encode()
    with loopback(lambda *asked: (status, {"content-type": "application/json"}, answer)) as address:
        made = Session(defaults=lambda: {"base_url": f"{address}/v1"}).generate("a mug", **SMALL)
    assert (made.path.read_bytes(), made.record.usage["output_tokens"]) == (IMAGE, 20)
    assert f"the server's status was {status}, as if it had failed" in made.warnings


@pytest.mark.parametrize(
    "body",
    [{"detail": [{"msg": "bad", "input": TEXT}]}, f"<html>bad <img src='{URI}'></html>", {"data": {"url": "https://127.0.0.1:1/why.png"}, "message": "bad"}],
)  # fmt: skip
def test_a_refusal_that_repeats_an_input_or_shows_a_logo_is_one(folder, body):
    answer = (body if isinstance(body, str) else json.dumps(body)).encode()
    with loopback(lambda *asked: (400, {"content-type": "application/json"}, answer)) as address:
        session = Session(defaults=lambda: {"base_url": f"{address}/v1"})
        with pytest.raises(BadRequestError, match="bad"):
            session.generate("a mug", **SMALL)


def test_a_preview_is_no_answer(folder):
    """Also where it comes alone and is not called a stream."""
    with pytest.raises(AnswerError):
        images_of(json.dumps({"type": "image_generation.partial_image", "b64_json": TEXT}))


@pytest.mark.parametrize("count", [10**14, 10**8, 1e300, -5, "1e3", "1,000", "²", [1], True, None, float("nan")])
def test_a_count_that_no_image_has_is_unknown(count, tmp_path):
    """Its price would stop every limit of the session."""
    usage = parsed({"data": [{"b64_json": TEXT}], "usage": {"output_tokens": count}}, tmp_path).usage
    assert usage.get("output_tokens") is None


@pytest.mark.parametrize("count", [20, 20.0, "20", "20.0", " 20 "])
def test_a_count_in_other_clothes(count, tmp_path):
    assert parsed({"data": [{"b64_json": TEXT}], "usage": {"output_tokens": count}}, tmp_path).usage == {
        "output_tokens": 20
    }


@pytest.mark.parametrize(
    "answer",
    [
        {"code": 0, "data": {"data": [{"b64_json": TEXT}], "usage": USAGE}},
        {"usage": {}, "result": {"image": TEXT, "usage": USAGE}},
        json.dumps({"data": [{"b64_json": TEXT}], "usage": USAGE}),
    ],
)
def test_counts_inside_of_a_gateways_own_answer(answer, tmp_path):
    assert parsed(answer, tmp_path).usage == USAGE


def asked(answer, **more):
    return simulated_session(Canned(json.dumps(answer).encode()), retries=0, **more).generate("a mug", **SMALL)


@pytest.mark.parametrize(
    ("answer", "kind", "outcome"),
    [
        ({"error": {"message": "no", "code": "moderation_blocked"}}, ModerationError, "refused"),
        ({"error": {"message": "rejected by the safety system", "code": None}}, ModerationError, "refused"),
        ({"error": {"message": "no", "type": "insufficient_quota"}}, QuotaError, "refused"),
        ({"error": {"message": "no", "type": "invalid_request_error"}}, BadRequestError, "refused"),
        ({"error": {"message": "no", "url": "https://127.0.0.1:1/why"}, "data": []}, ServerError, "ambiguous"),
        ({"error": "no"}, ServerError, "ambiguous"),
        ({"error": ["no"]}, ServerError, "ambiguous"),
        ({"success": False, "message": "no"}, AnswerError, "ambiguous"),
        ({"code": 429, "msg": "no", "data": None}, AnswerError, "ambiguous"),
        ({"detail": "no"}, AnswerError, "ambiguous"),
        ({"promptFeedback": {"blockReason": "no"}}, AnswerError, "ambiguous"),
        ({"choices": [{"message": {"content": "no", "role": "assistant"}}]}, AnswerError, "ambiguous"),
        ({"task_id": "t", "status": "not yet", "data": []}, AnswerError, "ambiguous"),
    ],
)
def test_an_error_with_the_status_of_a_success(folder, answer, kind, outcome):
    """Its words decide; what may be billed is kept."""
    with pytest.raises(kind, match=r"no|safety") as caught:
        asked(answer)
    assert caught.value.outcome == outcome
    assert bool(caught.value.kept) == (outcome == "ambiguous")


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"{}", mtime=0), ""),
        (gzip.compress(b"{}", mtime=0), "gzip"),
        (zlib.compress(b"{}"), "deflate"),
        (b"{}", "gzip"),
        (b"{}", "br"),
        (b"{}", "deflate"),
        (zlib.compress(b"{}")[2:-4], "deflate"),  # as many servers understand the word
        (gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), "gzip, gzip"),
        (gzip.compress(b"{", mtime=0) + gzip.compress(b"}", mtime=0), "gzip"),
        (gzip.compress(b"{}", mtime=0) + b"behind the end", "gzip"),
    ],
)
def test_encodings_true_false_and_unsaid(body, encoding):
    """Also if it comes byte by byte."""
    assert b"".join(decoded([body], encoding)) == b"{}"
    assert b"".join(decoded([body[i : i + 1] for i in range(len(body))], encoding)) == b"{}"


def test_a_wrong_checksum_costs_no_byte():
    """It stands behind the last byte of the answer, which is paid for."""
    data = gzip.compress(b"{}" * 1000, mtime=0)
    assert b"".join(decoded([data[:-8] + bytes(8)], "gzip")).startswith(b"{}" * 1000)


# images by address


def fetched(tmp_path, respond, url="/f/x.png", base=lambda address: f"{address}/v1"):
    """The answer after an image was fetched from a server that answers `respond(path, number of the request)`."""
    answer, seen = ParsedResponse(), []

    def serve(path, headers, body):
        assert "authorization" not in headers
        seen.append(path)
        return respond(path, len(seen))

    with loopback(serve) as address:
        url = url.replace("HOST", address.removeprefix("http://"))
        fetch_image(url, base(address), answer, Store(tmp_path / "out"), pause=0)
    return answer


HERE = (200, {}, IMAGE)


@pytest.mark.parametrize(
    "url", ["http://HOST/x.png", "//HOST/x.png", "/f/ü b.png", " HTTP://HOST/x.png\n", "../x.png?sig=1"]
)
def test_the_servers_own_host_however_it_is_written(tmp_path, url):
    assert images(fetched(tmp_path, lambda path, number: HERE, url)) == [IMAGE]


@pytest.mark.parametrize("name", ["localhost", "0.0.0.0", "bob:secret@127.0.0.1"])
def test_the_servers_own_host_by_another_name(tmp_path, name):
    """A server of this machine may know itself by another name than its base address, which may hold a password."""
    answer = fetched(tmp_path, lambda path, number: HERE, "http://HOST/x.png", lambda a: a.replace("127.0.0.1", name))
    assert images(answer) == [IMAGE]


@pytest.mark.parametrize(
    "first",
    [(404, {}, b""), (403, {}, b""), (429, {}, b""), (503, {}, b"busy"), (202, {}, b""), (200, {"content-length": "9999"}, b"\x89PNG")],
)  # fmt: skip
def test_what_is_not_there_yet_is_asked_for_again(tmp_path, first):
    """Fetching costs nothing; the image is paid for."""
    assert images(fetched(tmp_path, lambda path, number: first if number == 1 else HERE)) == [IMAGE]


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ((302, {"location": "/g/y.png"}, b""), ""),
        ((302, {}, b""), "status 302"),
        ((302, {"location": "http://[bad/x"}, b""), "Invalid IPv6"),
        ((302, {"location": "http://example.invalid/y.png"}, b""), "redirects to another host"),
        ((302, {"location": "https://127.0.0.1:1/y.png"}, b""), "redirects to another host"),
    ],
)
def test_one_redirect_on_the_same_host(tmp_path, first, why):
    answer = fetched(tmp_path, lambda path, number: first if path == "/f/x.png" else HERE)
    assert images(answer) == ([] if why else [IMAGE])
    assert all(why in fault and "/f/x.png" in fault for fault in answer.faults)
    assert len(answer.faults) == bool(why)


@pytest.mark.parametrize(
    ("url", "found", "shown"),
    [("http://[::1/x.png", HERE, "[::1/x.png"), ("http://HOST:x/x.png", HERE, ":x/x.png"), ("javascript:alert(1)", HERE, "alert(1)"),
     ("file:///etc/passwd", HERE, "/etc/passwd"), ("https://", HERE, "https:"), ("http://169.254.169.254/x", HERE, "169.254.169.254/x"),
     ("/page.png", (200, {}, b"<html>"), "/page.png")],
)  # fmt: skip
def test_an_address_that_brings_no_image_is_in_the_card(tmp_path, url, found, shown):
    """So that it can be fetched by hand."""
    answer = fetched(tmp_path, lambda path, number: found, url)
    assert answer.payloads == []
    assert [shown in fault for fault in answer.faults] == [True]


@pytest.mark.parametrize("text", [TEXT, URI, json.dumps({"b64_json": TEXT}), json.dumps(TEXT)])
def test_an_address_may_bring_the_image_as_text(tmp_path, text):
    answer = fetched(tmp_path, lambda path, number: (200, {}, text.encode()))
    assert (images(answer), answer.faults) == ([IMAGE], [])


def test_an_address_without_an_end(tmp_path):
    """What is far larger than an image fills no disk."""
    answer = fetched(tmp_path, lambda path, number: (200, {}, bytes((64 << 20) + 1)))
    assert answer.payloads == []
    assert "it has more than 64 MB" in answer.faults[0]
    assert [path for path in tmp_path.rglob("*.png") if path.stat().st_size] == []


def test_an_entry_with_bytes_and_their_address_is_one_image(tmp_path):
    """It is not fetched in addition."""
    entries = [{"b64_json": TEXT, "url": "https://example.com/x.png"}, {"url": "/y.png"}]
    answer = parsed(json.dumps({"data": entries}).encode(), tmp_path)
    assert (images(answer), answer.urls) == ([IMAGE], ["/y.png"])


def test_false_gzip_of_an_image(tmp_path):
    answer = fetched(tmp_path, lambda path, number: (200, {"content-encoding": "gzip"}, IMAGE))
    assert images(answer) == [IMAGE]


def test_an_answer_with_an_address_over_sockets(folder):
    """From the request to the file, with a redirect and an image that is not there at once."""

    def respond(path, headers, body):
        if path == "/v1/images/generations":
            return 200, {"content-type": "application/json"}, b'{"data": [{"url": "/f/x.png"}]}'
        return HERE

    with loopback(respond) as address:
        made = Session(defaults=lambda: {"base_url": f"{address}/v1"}).generate("a mug", **SMALL)
    assert made.path.read_bytes() == IMAGE


def test_an_address_before_an_error_is_fetched(folder):
    """The stream ends with an error, but its image was announced by then: it is billed."""
    events = (
        {"type": "image_generation.completed", "url": "/f/x.png"},
        {"type": "error", "error": {"message": "late"}},
    )
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()

    def respond(path, headers, body):
        return (200, {"content-type": "text/event-stream"}, stream) if path == "/v1/images/generations" else HERE

    with loopback(respond) as address:
        made = Session(defaults=lambda: {"base_url": f"{address}/v1"}).generate("a mug", partial_images=1, **SMALL)
    assert made.path.read_bytes() == IMAGE


def test_a_timeout_longer_than_any_socket_takes(folder):
    """It is as good as a day."""
    answer = json.dumps({"data": [{"b64_json": TEXT}]}).encode()
    with loopback(lambda *asked: (200, {"content-type": "application/json"}, answer)) as address:
        session = Session(defaults=lambda: {"base_url": f"{address}/v1", "timeout": 1e12, "deadline": 1e12})
        assert session.generate("a mug", **SMALL).path.read_bytes() == IMAGE


def test_more_images_than_asked_are_numbered(folder):
    answer = {"data": [{"b64_json": base64.b64encode(encoded()).decode()} for _ in range(3)]}
    assert [path.name for path in asked(answer).paths] == ["mug.png", "mug-v2.png", "mug-v3.png"]


def test_a_simulated_answer_is_none_of_these(folder):
    """The usual form is read without a second look."""
    assert simulated_session(Simulator()).generate("a mug", **SMALL).warnings == ()
