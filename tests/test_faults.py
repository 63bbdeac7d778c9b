"""Every way a call can go wrong, over a real loopback socket; the table itself is benchmarks/fault_matrix.py."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import threading
import time
from dataclasses import replace

import fault_matrix
import pytest
from conftest import simulated_session
from loopback import loopback
from PIL import Image

from imagegen_magic.errors import CallCancelledError, CallError, RateLimitError, StoreError
from imagegen_magic.request.request import ImageRequest
from imagegen_magic.simulator import Simulator
from imagegen_magic.store.folder import Store
from imagegen_magic.wire.client import Client
from imagegen_magic.wire.retries import read_wait

KEY = "sk-test-0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize("name", fault_matrix.ROWS)
def test_fault_matrix(name, tmp_path, monkeypatch):
    """The user, the ledger, the server's count and the disk agree with what the row demands."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    row = fault_matrix.ROWS[name]
    seen = fault_matrix.run_row(row, tmp_path / "out")
    assert seen.matches(row), seen
    if isinstance(seen.result, CallError):
        assert seen.result.card_lines()
        assert all((tmp_path / path).is_file() for path in seen.result.kept), "what is kept can be found from here"


HITTING = [
    "429 short",
    "quota",
    "502 HTML",
    "connect refused",
    "reset after headers",
    "truncated body",
    "bad base64",
    "stream cut",
]
"""The faults of the matrix that end a request in different ways, and quickly."""


@pytest.mark.parametrize("name", HITTING)
def test_a_batch_that_a_fault_hits(name, tmp_path):
    """What was billed is named in the history, and the same batch run again sends what is not done and nothing else."""
    assert fault_matrix.batch_faults(fault_matrix.ROWS[name], tmp_path / "out") == []


@pytest.mark.parametrize("name", ["no fault", *HITTING])
def test_a_fault_while_a_file_is_overwritten(name, tmp_path):
    """The file is the old image or the new one, with its own sidecar."""
    assert fault_matrix.overwrite_faults(fault_matrix.ROWS[name], tmp_path / "out") == []


def test_the_key_appears_nowhere(tmp_path, monkeypatch, caplog, capfd):
    """Not in a file, an error, a repr, a log line or an output, even where the server sends it back."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for name in ("no fault", "401", "500", "HTML 200", "bad base64", "reset after headers", "JSON cut", "url only"):
        seen = fault_matrix.run_row(fault_matrix.ROWS[name], tmp_path / name.replace(" ", "-"))
        assert KEY not in f"{seen} {seen.result!r} {seen.result}"
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert not any(KEY.encode() in data for data in written)
    captured = capfd.readouterr()
    assert KEY not in caplog.text + captured.out + captured.err


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"Retry-After-Ms": "250", "retry-after": "9"}, "", 0.25),
        ({"retry-after": "3"}, "", 3),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:10 GMT"}, "", 10),
        ({"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT"}, "", 0),  # the clocks differ
        ({}, "Please try again in 20s.", 20),
        ({}, "try again in 250ms", 0.25),
        ({}, "try again in 2 minutes", 120),
        ({}, "later", None),
        ({"retry-after": "soon"}, "", None),
        ({"retry-after": ""}, "", None),
        ({"retry-after": "nan"}, "", None),
        ({"retry-after": "2s"}, "", 2),
        ({"retry-after": "2, 3"}, "", 2),
        ({"retry-after": "Fri, 31 Dec 99999 23:59:59 GMT"}, "", None),
        ({"retry-after": "soon"}, "Please retry after 2 seconds.", 2),
        ({}, "wait 1.5 s", 1.5),
        ({}, "Please try again in 1m12.5s. Visit", 72.5),
        ({}, "Please try again in 6m0s.", 360),
        ({}, "retry after 1 hour 2 minutes", 3720),
        ({"retry-after": "20 seconds"}, "", 20),
        ({"retry-after": "1m30s"}, "", 90),
        ({"x-ratelimit-remaining-images": "0", "x-ratelimit-reset-images": "1m0s"}, "", 60),
        ({"retry-after-ms": "500ms"}, "", 0.5),
        ({"x-ms-retry-after-ms": "12000"}, "", 12),
        ({"retry-after": "2026-11-23T12:00:10Z"}, "", 10),
        ({"retry-after": "1795435230"}, "", 30),
        ({"retry-after": "inf"}, "", 86400),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "7"}, "", 7),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795435230000"}, "", 30),
        ({}, "Please retry your request after 20 seconds", 20),
        ({}, "The limit resets in about 45 seconds", 45),
        ({}, "You retry with 5 seconds of patience", None),
        ({"x-ratelimit-remaining-images": "3", "x-ratelimit-reset-images": "1m0s"}, "", None),
        (
            {
                "x-ratelimit-remaining-images": "0",
                "x-ratelimit-reset-images": "60s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "5s",
            },
            "",
            60,
        ),
    ],
)
def test_how_long_a_server_wants_us_to_wait(headers, message, seconds):
    """Milliseconds, seconds, a date, or the text of the message."""
    assert read_wait(headers, message, now=lambda: 1795435200.0) == seconds


def test_ambiguous_is_retried_only_when_told():
    """`--retry-ambiguous 1` sends a second request, and only then."""
    for allowed, requests in ((0, 1), (1, 2)):
        simulator = Simulator(faults="500")
        session = simulated_session(simulator, retry_ambiguous=allowed)
        if allowed:
            session.generate("a mug")
        else:
            with pytest.raises(CallError):
                session.generate("a mug")
        assert len(simulator.record) == requests


@pytest.mark.parametrize(
    ("faults", "requests", "made"),
    [
        ("429 retry-after=0, 500", 3, True),
        ("500, 429 retry-after=0", 3, True),
        ("429 x2 retry-after=0", 2, False),
        ("500 x2", 2, False),
        ("429 retry-after=0, 500 x2", 3, False),
        ("moderation", 1, False),
        ("403 unverified", 1, False),
    ],
)
def test_each_kind_of_failure_has_retries_of_its_own(faults, requests, made, folder):
    """One more attempt if the server is busy, and one more after what may have been billed: neither uses up the other's.

    What is refused for good is not sent again.
    """
    simulator = Simulator(faults=faults)
    session = simulated_session(simulator, retries=1, retry_ambiguous=1)
    with contextlib.nullcontext() if made else pytest.raises(CallError):
        session.generate("a mug", size="1024x640", quality="low")
    assert len(simulator.record) == requests


MUG = ImageRequest(prompt="a mug", model="gpt-image-2.5-flare", size="1024x640", quality="low")


def test_what_is_stopped_before_it_is_sent_is_not_sent(folder):
    """Not even once."""
    simulator, stop = Simulator(), threading.Event()
    stop.set()
    with pytest.raises(CallCancelledError) as caught:
        Client(backend="simulator", simulator=simulator).send(MUG, spool=Store(folder), cancel=stop)
    assert caught.value.outcome == "not sent"
    assert not simulator.record


def test_a_wait_for_a_turn_is_no_time_on_the_wire(folder):
    """A job of a batch that waited longer than its deadline for its place in flight may be tried again all the same."""

    @contextlib.contextmanager
    def late():
        time.sleep(2.1)
        yield lambda headers: None

    simulator = Simulator(faults="429 retry-after=0")
    client = Client(backend="simulator", deadline=2.0, retries=1, simulator=simulator)
    assert client.send(MUG, spool=Store(folder), gate=late).attempts == 2


def test_nothing_is_sent_after_the_deadline(folder):
    """The time of all attempts together counts: here two of them pass it."""
    arrived = []

    def busy(path, headers, body):
        arrived.append(path)
        time.sleep(0.6)
        return 429, {"retry-after": "0"}, b"{}"

    with loopback(busy) as address:
        client = Client(base_url=f"{address}/v1", deadline=1.0, retries=9)
        with pytest.raises(RateLimitError):
            client.send(MUG, spool=Store(folder))
        client.close()
    assert len(arrived) <= 2


class FullDisk:
    """A spool that takes nothing."""

    def open(self, suffix):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("partial_images", [None, 1])
def test_an_image_that_no_disk_takes_is_handed_over_in_memory(partial_images):
    """It is paid for, however it came: whole, or as the end of a stream."""
    client = Client(backend="simulator", simulator=Simulator())
    with pytest.raises(StoreError) as caught:
        client.send(replace(MUG, partial_images=partial_images), spool=FullDisk())
    (data,) = caught.value.pictures
    assert Image.open(io.BytesIO(data)).size == (1024, 640)
    assert caught.value.outcome == "done"


def test_missing_key_is_a_short_message(monkeypatch):
    """Without a key nothing is sent, nothing falls back to the simulator, and the next steps are named."""
    import imagegen_magic
    from imagegen_magic.errors import AuthenticationError
    from imagegen_magic.session import Session

    with pytest.raises(AuthenticationError) as caught:
        Session().generate("a mug")
    card = str(caught.value)
    assert "OPENAI_API_KEY" in card
    assert "simulator" in card
    assert "not sent" in str(caught.value.outcome)
    assert imagegen_magic.__version__
