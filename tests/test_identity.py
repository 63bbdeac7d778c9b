"""Which requests are the same: reuse, resuming and recovery go by it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from conftest import simulated_session

from imagegen_magic.request.request import ImageRequest, InputImage
from imagegen_magic.simulator import Simulator
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import FileEntry, Record, file_sha256


def image(data=b"one", name="a.png"):
    """An input image with these bytes."""
    return InputImage(name=name, data=data, mime="image/png", size=(64, 64))


EDIT = ImageRequest(prompt="a mug", model="m", size="1024x1024", images=(image(),), mask=image(b"mask"))


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "a cup"},
        {"model": "n"},
        {"size": "1536x1024"},
        {"quality": "low"},
        {"n": 2},
        {"background": "transparent"},
        {"output_format": "webp"},
        {"mask": None},
        {"mask": image(b"other mask")},
        {"mask": None, "markup": image(b"mask")},
        {"images": (image(b"two"),)},
        {"images": (image(), image(b"two"))},
        {"images": ()},
        {"extra": {"seed": 1}},
        {"input_fidelity": "high"},
    ],
)
def test_another_request(other):
    """Everything that changes the result, or the bill, makes another request."""
    assert replace(EDIT, **other).digest() != EDIT.digest()


@pytest.mark.parametrize(
    "same", [{"partial_images": 2}, {"images": (image(name="b.png"),)}, {"images": (replace(image(), origin="x"),)}]
)
def test_the_same_request(same):
    """Live previews and the names of files do not."""
    assert replace(EDIT, **same).digest() == EDIT.digest()


def test_the_order_of_input_images_counts():
    """The first one is edited."""
    one, two = replace(EDIT, images=(image(), image(b"two"))), replace(EDIT, images=(image(b"two"), image()))
    assert one.digest() != two.digest()


def record_of(folder, server, *, digest="d", name="hero.png"):
    """A done request to `server` whose file is in `folder`."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(b"bytes of " + name.encode())
    entry = FileEntry(path=name, sha256=file_sha256(path), bytes=path.stat().st_size, format="png")
    return Record(outcome="done", server=server, simulated=server == "simulator", digest=digest, files=(entry,))


def test_a_simulated_image_answers_no_live_request(folder):
    """Reuse is for the same server only, in both directions, and for intact files only."""
    store = Store(folder / "out")
    simulated = record_of(store.folder, "simulator", name="s.png")
    store.record(simulated)
    assert store.history.by_digest("api.openai.com", "d") is None
    assert store.history.by_digest("simulator", "d").files == simulated.files
    store.record(record_of(store.folder, "api.openai.com", name="l.png"))
    assert store.history.by_digest("api.openai.com", "d").files[0].path == "l.png"
    assert store.history.by_digest("simulator", "d").files[0].path == "s.png"
    (store.folder / "l.png").write_bytes(b"changed")
    assert store.history.by_digest("api.openai.com", "d") is None


def test_a_batch_is_not_done_by_another_servers_images(folder):
    """Resuming, too, goes by the server."""
    session = simulated_session(Simulator())
    shared = {"size": "1024x640", "quality": "low"}
    first = session.batches.run_jobs(["a mug"], **shared)
    text = (folder / "output/imagegen/history.jsonl").read_text()
    (folder / "output/imagegen/history.jsonl").write_text(
        text.replace('"server": "simulator"', '"server": "elsewhere"').replace(
            '"server":"simulator"', '"server":"elsewhere"'
        )
    )
    again = simulated_session(Simulator()).batches.run_jobs(["a mug"], **shared)
    assert not first.done[0].reused
    assert not again.done[0].reused


def test_one_backdrop_answers_no_request_for_two(folder):
    """A cut-out by one key colour is not taken for one by two backdrops, which asks for the same first image."""
    simulator = Simulator()
    session = simulated_session(simulator)
    session.generate("a robot", transparent=True, reuse=True, size="1024x640", quality="low")
    both = session.generate("a robot", transparent="difference", reuse=True, size="1024x640", quality="low")
    assert not both.reused
    assert simulator.images_billed == 3


def test_a_second_backdrop_of_another_server_is_not_taken(folder):
    """Both backdrops have to be from the server that is asked."""
    simulator = Simulator()
    asked = {"transparent": "difference", "size": "1024x640", "quality": "low"}
    simulated_session(simulator).generate("a robot", **asked)
    path = folder / "output/imagegen/history.jsonl"
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{json.dumps({**json.loads(second), 'server': 'elsewhere'})}\n")
    again = simulated_session(simulator).generate("a robot", reuse=True, **asked)
    assert not again.reused
    assert simulator.images_billed == 4


def test_one_request_from_several_threads_is_sent_once(folder):
    """With reuse, the others wait for the first and find its result."""
    simulator = Simulator(latency=0.2)
    session = simulated_session(simulator)
    tasks = [session.start("a mug", reuse=True, size="1024x640", quality="low") for _ in range(4)]
    results = [task.result() for task in tasks]
    assert simulator.images_billed == 1
    assert sorted(result.reused for result in results) == [False, True, True, True]
    assert {result.path for result in results} == {results[0].path}
