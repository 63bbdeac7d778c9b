"""The doctor: what it finds, here and, if it may ask, at the server; it never shows a key."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from loopback import loopback

from imagegen_magic.cli import main
from imagegen_magic.display.doctor import opencv_row
from imagegen_magic.display.online import online_rows
from imagegen_magic.errors import OptionError
from imagegen_magic.facts.catalog import load_catalog
from imagegen_magic.matting.opencv import distribution_of, loaded_opencv
from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import serve

KEY = "sk-proj-akeyofthetests0123456789abcdef"
CATALOG = load_catalog()
TODAY = date(2026, 11, 26)
WANTED = CATALOG.default


@pytest.fixture
def online(capsys, monkeypatch):
    """A function: (exit code, (state, finding) by check) of `imagegen doctor --online` with a key and these words."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def ask(*words):
        code = main(["doctor", "--online", "--json", *words])
        out, err = capsys.readouterr()
        assert KEY not in out + err
        return code, {row["check"]: (row["state"], row["found"]) for row in json.loads(out)["rows"]}

    return ask


@contextmanager
def answering(body, status=200, kind="application/json"):
    """The address of a server that answers everything with `body`."""
    with loopback(lambda *asked: (status, {"content-type": kind}, body)) as address:
        yield f"{address}/v1"


def test_a_server_that_answers(online):
    """Over a real socket: the server, the key, and the model that is set; the table says what was asked."""
    with serve(simulator=Simulator()) as server:
        code, rows = online("--base-url", server.url)
    assert code == 0
    assert rows["online: server"][0] == "ok"
    assert rows["online: model"] == ("ok", f"{WANTED} is listed, without an end date")
    assert "OPENAI_API_KEY is set" in rows["API key"][1]


def test_a_key_that_is_refused(online):
    """It fails, and says so; the exit code, too."""
    with serve(simulator=Simulator(faults="401 x* on=models")) as server:
        code, rows = online("--base-url", server.url)
    assert code == 1
    assert rows["online: key"][0] == "fail"
    assert "online: server" not in rows


def test_no_server(online):
    """Nobody listens at the address."""
    code, rows = online("--base-url", "http://127.0.0.1:9/v1")
    assert code == 1
    assert rows["online: server"][0] == "fail"


@pytest.mark.parametrize(
    ("body", "status", "kind", "state"),
    [
        (b"{}", 404, "application/json", "warn"),
        (b'{"detail": "Not Found"}', 405, "application/json", "warn"),
        (b"<html>welcome</html>", 200, "text/html", "fail"),
        (b'{"data": null}', 200, "application/json", "fail"),
        (b"[" * 100_000, 200, "application/json", "fail"),
        (b'"sk-proj-akeyofthetests0123456789abcdef"', 500, "application/json", "fail"),
    ],
)
def test_servers_without_such_a_list(online, body, status, kind, state):
    """An address without the list may still make images; an answer that is none is a failure, never a traceback."""
    with answering(body, status, kind) as url:
        _, rows = online("--base-url", url)
    assert rows["online: server"][0] == state


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2031-01-05", "2031-01-05"),
        ("2031-01-05T10:00:00Z", "2031-01-05"),
        (1925373600, "2031-01-05"),
        (1925373600.5, "2031-01-05"),
        (1925373600000, "2031-01-05"),
        *((nothing, None) for nothing in (None, "", "Jan 5, 2031", 0, -1, True, float("nan"), 10**400, [1], {"a": 1})),
    ],
)
def test_an_end_in_every_writing(online, written, day):
    """A day, a time, seconds, milliseconds; what is none of them is no end date."""
    with answering(json.dumps({"data": [{"id": WANTED, "shutdown_date": written}]}).encode()) as url:
        _, rows = online("--base-url", url)
    state, says = rows["online: model"]
    assert state == "ok"
    assert says.startswith(f"{WANTED} ends on {day}, in " if day else f"{WANTED} is listed, without an end date")


@pytest.mark.parametrize(
    "listed",
    [
        {"data": [{"id": None}, {"name": "x"}, {"id": WANTED}]},
        {"models": [{"id": WANTED}]},
        [{"id": WANTED}],
        {"data": [WANTED]},
    ],
)
def test_lists_of_gateways(online, listed):
    """Other keys, a bare list, bare names, a byte-order mark: the model that is set is found, and nothing else is counted."""
    with answering(b"\xef\xbb\xbf" + json.dumps(listed).encode()) as url:
        code, rows = online("--base-url", url)
    assert code == 0
    assert rows["online: server"][1].startswith("it answered and lists 1 model;")
    assert rows["online: model"][0] == "ok"


def test_fixes_for_machines_are_the_shells(online):
    """`--json` names commands that can be typed there."""
    with answering(b'{"data": []}') as url:
        _, rows = online("--base-url", url)
    assert rows["online: model"][1].endswith(": imagegen models or --model ID")


def test_odd_entries_are_passed_over(online):
    """Entries that are no models, and dates that are none."""
    listed = [7, {"id": WANTED, "shutdown_date": "soon"}, {"shutdown_date": True}, {"id": "x", "shutdown_date": 10**20}]
    with answering(json.dumps({"data": listed}).encode()) as url:
        code, rows = online("--base-url", url)
    assert code == 0
    assert rows["online: model"][0] == "ok"


@pytest.mark.parametrize(("days", "state"), [(91, "ok"), (90, "warn"), (1, "warn"), (-3, "warn")])
def test_the_end_of_the_model_that_is_set(days, state):
    """A model that ends soon is a warning, with its day."""
    ends = TODAY + timedelta(days=days)
    rows = {row[0]: row for row in online_rows(lambda: {WANTED: ends}, CATALOG, WANTED, today=TODAY)}
    assert rows["online: model"][1] == state
    assert f"{'ended' if days < 0 else 'ends'} on {ends}" in rows["online: model"][2]
    assert ("--model" in rows["online: model"][2]) == (days < 0)


def test_a_model_that_is_not_listed():
    """It may be another project's: a warning with two ways out."""
    rows = online_rows(lambda: {"other": None}, CATALOG, WANTED, today=TODAY)
    assert rows[1][:2] == ("online: model", "warn")
    assert WANTED in rows[1][2]
    assert "--model" in rows[1][2]


def test_what_the_catalog_does_not_know():
    """A day that differs is named with both; one that agrees is not, nor a model that is no image model."""
    known = next(model for model in CATALOG if model.ends)
    unknown = next(model for model in CATALOG if not model.ends)
    listed = {known.id: known.ends, unknown.id: date(2027, 3, 1), "some-text-model": date(2027, 1, 1)}
    rows = online_rows(lambda: listed, CATALOG, known.id, today=TODAY)
    assert [row[0] for row in rows[2:]] == [f"online: {unknown.id}"]
    assert "2027-03-01" in rows[2][2]


def test_in_a_cell(shell):
    """The magic asks, too, and knows no other flag."""
    table = shell.run_line_magic("imagegen", "doctor --online")
    assert any(row[0] == "online: server" and row[1] == "ok" for row in table.rows)
    assert "which costs nothing" in table.notes[0]
    assert "nothing was sent" in shell.run_line_magic("imagegen", "doctor").notes[0]
    with pytest.raises(OptionError, match="--online"):
        shell.run_line_magic("imagegen", "doctor --offline")


HEADLESS, WINDOWS, CONTRIB = "opencv-python-headless", "opencv-python", "opencv-contrib-python"


@pytest.mark.parametrize(
    ("found", "loaded", "state", "says"),
    [
        ({}, "", "fail", "not installed, and cut-outs need it: pip install opencv-python-headless"),
        ({}, WINDOWS, "ok", "not from pip"),
        ({WINDOWS: "5.0"}, WINDOWS, "ok", "5.0 (opencv-python)"),
        ({WINDOWS: "5.0"}, "", "fail", "the files of opencv-python are gone"),
        ({WINDOWS: "4.10", HEADLESS: "5.0"}, HEADLESS, "warn", "--no-deps opencv-python==4.10"),
        ({WINDOWS: "4.10", HEADLESS: "5.0"}, WINDOWS, "ok", "the one that is loaded is opencv-python"),
        ({CONTRIB: "5.1", HEADLESS: "5.0"}, HEADLESS, "warn", "--no-deps opencv-contrib-python==5.1"),
        ({CONTRIB: "5.1", WINDOWS: "5.0"}, WINDOWS, "warn", "--no-deps opencv-contrib-python==5.1"),
    ],
)
def test_opencv(found, loaded, state, says):
    """One OpenCV serves; if one that can do less has written over another, the command brings that back."""
    row = opencv_row(found, loaded)
    assert row[1] == state
    assert says in row[2]


def test_an_opencv_that_lacks_a_library_of_the_system():
    """opencv-python in a container without a window system: the headless one needs none."""
    _, state, says = opencv_row({WINDOWS: "5.0"}, "", reason="libGL.so.1: cannot open shared object file")
    assert state == "fail"
    assert "libGL.so.1" in says
    assert says.endswith("--no-deps opencv-python-headless")


@pytest.mark.parametrize(
    ("modules", "windows", "name"),
    [
        ("core imgproc xfeatures2d ximgproc", "QT5", CONTRIB),
        ("core imgproc", "COCOA", WINDOWS),
        ("core xfeatures2d", "NONE", "opencv-contrib-python-headless"),
        ("core imgproc", "NONE", HEADLESS),
    ],
)
def test_a_build_tells_its_distribution(modules, windows, name):
    """OpenCV's own words about itself: pip's tell only what was installed, not which files are there now."""
    build = f"  OpenCV modules:\n    To be built:                 {modules}\n    Disabled: world\n  GUI:                           {windows}\n"
    assert distribution_of(build) == name
    assert loaded_opencv() in ("opencv-python", "opencv-contrib-python", HEADLESS, "opencv-contrib-python-headless")
