"""The Batch API on the simulator: submitted, asked for and collected, in this kernel or another."""

from __future__ import annotations

import io
import json
import pickle
import warnings
from dataclasses import replace

import pytest
from conftest import simulated_session
from loopback import loopback
from PIL import Image
from tblib import pickling_support

from imagegen_magic.batch.lines import write_parts
from imagegen_magic.batch.rows import read_source
from imagegen_magic.errors import CallError, ImagegenError, OptionError, RequestError
from imagegen_magic.facts.catalog import load_catalog
from imagegen_magic.session import Session
from imagegen_magic.simulator import Response, Simulator
from imagegen_magic.simulator.server import serve
from imagegen_magic.wire.client import Client

SMALL = {"size": "1024x640", "quality": "low"}
NIGHT = {**SMALL, "model": "gpt-image-2.5-flare", "via": "batch-api"}


def submitted(session, jobs, **more):
    """The handle of a batch of these jobs."""
    shared = {**NIGHT, **more}
    return session.batches.submit(session.batches.plan(read_source(jobs), shared, name="night"), shared, name="night")


def collected(handle, steps=9):
    """The gallery, once the server is through."""
    for _ in range(steps):
        handle.status()
    return handle.collect()


def test_submitted_asked_for_and_collected(session, simulator, folder):
    """It is collected once, by another session on the same folder too; half the price is what it costs."""
    handle = submitted(session, ["a mug", "a cat"])
    with pytest.raises(OptionError, match="submitted already"):
        submitted(session, ["a cat", "a fish"])
    with pytest.raises(ImagegenError, match="not finished"):
        handle.collect()
    later = simulated_session(simulator).batches.handle(handle.id)
    gallery = collected(later)
    assert [path.name for path in gallery.paths] == ["night-mug.png", "night-cat.png"]
    assert len(later.collect().paths) == 2
    assert len(list((folder / "output/imagegen").glob("*.png"))) == 2
    assert "collected" in str(session.batches.table())


def test_a_batch_at_another_server_stops_nothing(session, folder):
    """The same jobs may be on their way at one server and be sent to another."""
    handle = submitted(session, ["a mug"])
    note = folder / f"output/imagegen/batches/{handle.id}.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "server": "elsewhere"}))
    assert submitted(session, ["a mug"]).id != handle.id


def test_edits_go_with_uploaded_images(session, simulator, folder):
    """An edit's pictures and mask are uploaded once each and kept, so that no variable is needed to collect."""
    Image.new("RGB", (1024, 640), "navy").save(folder / "room.png")
    Image.new("RGB", (64, 64), "red").save(folder / "coat.png")
    edits = [
        {"prompt": "a window", "image": "room.png", "mask_box": "10%,10%,30%,30%"},
        {"prompt": "a coat on it", "image": ["room.png", "coat.png:style"]},
        {"prompt": "like this", "ref": "coat.png"},
    ]
    handle = submitted(session, edits)
    uploads = session.clients.get(session.options()).sdk().files.list(purpose="vision")
    assert sorted(file.filename for file in uploads) == ["coat.png", "mask.png", "room.png"]
    (folder / "room.png").unlink()
    (folder / "coat.png").unlink()
    later = simulated_session(simulator)
    gallery = collected(later.batches.handle(handle.id))
    assert len(gallery.done) == 3
    assert [result.record.digest for result in gallery.done] == [job.digest for job in handle.submitted.jobs]
    assert simulator.images_billed == 3


def test_models_and_endpoints_have_files_of_their_own(session, simulator, folder):
    """A batch is for one endpoint and one model; the results are in the jobs' order all the same."""
    Image.new("RGB", (1024, 640), "navy").save(folder / "room.png")
    jobs = ["a", {"prompt": "b", "model": "gpt-image-2"}, {"prompt": "c", "image": "room.png"}, "d"]
    handle = submitted(session, jobs)
    assert len(handle.submitted.parts) == 3
    assert [result.record.prompt_typed for result in collected(handle)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("limit", [{"batch_lines": 2}, {"batch_bytes": 520}])
def test_a_file_over_the_limits_goes_in_parts(session, limit):
    """No input file has more lines or bytes than the service takes."""
    plan = session.batches.plan(read_source([f"mug {n}" for n in range(5)]), NIGHT)
    store = session.store(session.options())
    limits = replace(load_catalog().limits, **limit)
    files = write_parts(plan.to_send, "night", store, upload=str, limits=limits)
    assert [len(part.jobs) for part, _ in files] == [2, 2, 1]
    assert [len(path.read_text().splitlines()) for _, path in files] == [2, 2, 1]


@pytest.mark.parametrize(("given", "kept"), [({"image": "room.png"}, "image"), ({"ref": "room.png"}, "ref")])
def test_inputs_keep_what_they_were(session, folder, given, kept):
    """What was a reference is no image to edit when the batch is planned anew, and the other way round."""
    Image.new("RGB", (1024, 640), "navy").save(folder / "room.png")
    handle = submitted(session, [{"prompt": "a lamp", **given}])
    assert list(handle.submitted.jobs[0].inputs) == [kept]
    assert collected(handle).done[0].record.digest == handle.submitted.jobs[0].digest


def test_failed_lines_are_planned_again(session, simulator):
    """What the server refused is a failure with its reason; running the batch again submits that alone."""
    jobs = ["a mug", {"prompt": "a cat", "extra": {"nonsense": 1}}, "a fish"]
    first = collected(submitted(session, jobs))
    assert [type(result).__name__ for result in first] == ["ImageResult", "FailedJob", "ImageResult"]
    assert "nonsense" in str(first.failures[0].error)
    again = submitted(session, jobs)
    assert [job.prompt for job in again.submitted.jobs] == ["a cat"]


def test_cancelled_is_collected_and_sent_again(session, simulator):
    """What a cancelled batch did not do is a failure, and a new batch has it."""
    handle = submitted(session, ["a mug", "a cat"])
    handle.cancel()
    gallery = collected(handle)
    assert [failure.error.outcome for failure in gallery.failures] == ["refused"] * 2
    assert len(collected(submitted(session, ["a mug", "a cat"])).done) == 2


def test_a_refused_batch_leaves_nothing_behind(folder):
    """Where the server does not take the file, the same jobs can be submitted again."""
    simulator = Simulator(faults="403 unverified on=batches")
    with pytest.raises(CallError):
        submitted(simulated_session(simulator), ["a mug"])
    assert len(collected(submitted(simulated_session(simulator), ["a mug"])).done) == 1


@pytest.mark.parametrize(
    ("before", "jobs"),
    [([], ["a mug", "a mug"]), (["a mug"], ["a mug"]), (["a mug"], ["a mug", "a mug"])],
    ids=["twice in a batch", "made before", "both"],
)
def test_each_image_of_identical_requests_is_saved(before, jobs, session, simulator, folder):
    """All are paid for: an identical request's image stands for none of them; collecting again saves none again."""
    if before:
        collected(submitted(session, before))
    handle = submitted(session, jobs, reuse=False)
    for _ in range(2):
        gallery = collected(handle)
        assert len(set(gallery.paths)) == len(jobs)
        assert len(list((folder / "output/imagegen").glob("*.png"))) == simulator.images_billed


def test_an_image_that_was_made_meanwhile_stands_for_none_of_the_batch(session, simulator, folder):
    """Who could not wait has both."""
    handle = submitted(session, ["a mug"])
    submitted_later = {**NIGHT, "via": "direct", "name": "soon"}
    session.generate("a mug", **submitted_later)
    assert [path.name for path in collected(handle).paths] == ["night-mug.png"]
    assert len(list((folder / "output/imagegen").glob("*.png"))) == simulator.images_billed == 2


def test_money_is_reserved_from_the_submission_to_the_first_collection(folder):
    """Nothing for a batch that the server refused; after the first collection what it cost, after another one no less."""
    with serve(simulator=Simulator(faults="403 unverified on=batches")) as server:
        session = Session(defaults=lambda: {"base_url": server.url})
        with pytest.raises(CallError):
            submitted(session, ["a mug"])
        assert session.spending.total == 0
        handle = submitted(session, ["a mug"])
        assert session.spending.total == session.preview("a mug", **NIGHT).estimate.high
        for _ in range(2):
            collected(handle)
            assert session.spending.total == session.spending.settled
        session.close()


def test_what_is_free_is_tried_again(folder):
    """A server that is busy for a moment costs no batch: uploads and questions are repeated, making a batch is not."""
    simulator = Simulator(faults="503 on=files", sleep=lambda seconds: None)
    assert submitted(simulated_session(simulator), ["a mug"])
    simulator = Simulator(faults="503 x9 on=batches")
    with pytest.raises(CallError):
        submitted(simulated_session(simulator), ["a cat"])
    made = [arrival for arrival in simulator.record if arrival.path.endswith("/batches") and arrival.method == "POST"]
    assert len(made) == 1


def test_a_lost_answer_is_found_again(folder):
    """The batch was made, but its answer never came: it is found by its tag, and not paid twice."""
    simulator = Simulator(faults="reset after headers on=batches")
    session = simulated_session(simulator)
    with pytest.raises(CallError):
        submitted(session, ["a mug"])
    with pytest.raises(OptionError, match="submitted already"):
        submitted(session, ["a mug"])
    assert len(collected(session.batches.handle()).done) == 1


class Interrupted(Simulator):
    """A simulator that makes a batch, and whose client is interrupted before it has the answer."""

    def handle(self, request, *, timeout=None):
        answer = super().handle(request, timeout=timeout)
        if request.method == "POST" and request.path.endswith("/batches"):
            raise KeyboardInterrupt
        return answer


def test_a_batch_that_was_interrupted_while_it_was_made_is_found_again(folder):
    """It is billed."""
    session = simulated_session(Interrupted())
    with pytest.raises(KeyboardInterrupt):
        submitted(session, ["a mug"])
    assert len(collected(session.batches.handle()).done) == 1


def test_a_later_part_whose_answer_is_lost_is_found_again(folder):
    """Each part has a tag of its own."""
    session = simulated_session(Simulator(faults="reset after headers after=1 on=batches"))
    with pytest.raises(CallError):
        submitted(session, ["a mug", {"prompt": "a cat", "model": "gpt-image-2"}])
    assert len(collected(session.batches.handle()).done) == 2


def test_without_an_id_the_batch_is_the_newest(session, folder):
    """By the time at which it was submitted."""
    first, second = submitted(session, ["a mug"]), submitted(session, ["a cat"])
    for handle, year in ((first, "2041"), (second, "2040")):
        note = folder / f"output/imagegen/batches/{handle.id}.json"
        note.write_text(json.dumps({**json.loads(note.read_text()), "created": f"{year}-01-01T00:00:00+00:00"}))
    assert session.batches.handle().id == first.id


class Torn(Simulator):
    """A simulator whose result files are handed out as `tear` leaves their lines."""

    def __init__(self, tear):
        super().__init__()
        self.tear = tear

    def handle(self, request, *, timeout=None):
        answer = super().handle(request, timeout=timeout)
        if not request.path.endswith("/content"):
            return answer
        body = b"".join(self.tear(answer.read().splitlines(keepends=True)))
        return Response(answer.status, {**answer.headers, "content-length": str(len(body))}, [body])


def cut(line, share):
    return line[: int(len(line) * share)] + b"\n"


@pytest.mark.parametrize(
    ("tear", "done", "lost"),
    [
        (lambda lines: [cut(lines[0], 0.5), *lines[1:]], ["cat", "fish"], ["a mug"]),  # in the image
        (lambda lines: [lines[0], cut(lines[1], 0.999), lines[2]], ["mug", "cat", "fish"], []),  # after the image
        (lambda lines: [cut(lines[0], 0.5)[:-1] + lines[1], lines[2]], ["cat", "fish"], ["a mug"]),  # two in one
        (lambda lines: [*lines[:2], cut(lines[2], 0.5)[:-1]], ["mug", "cat"], ["a fish"]),  # the last one
        (lambda lines: [b'{"id": \n', b"\n", *lines[1:]], ["cat", "fish"], ["a mug"]),  # no id is left
        (lambda lines: [b"\xff\xfe[1, 2]\n", *lines], ["mug", "cat", "fish"], []),
        (lambda lines: [b"[" * 100_000 + b"\n", *lines], ["mug", "cat", "fish"], []),
    ],
)
def test_a_torn_line_does_not_stop_the_others(folder, tear, done, lost):
    """Its bytes are kept and named, an image that is whole in it is saved, and its job may have been billed."""
    session = simulated_session(Torn(tear))
    handle = submitted(session, ["a mug", "a cat", "a fish"])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        gallery = collected(handle)
    assert [path.stem for path in gallery.paths] == [f"night-{name}" for name in done]
    assert [(failure.prompt, failure.error.outcome) for failure in gallery.failures] == [
        (prompt, "ambiguous") for prompt in lost
    ]
    [kept] = (folder / "output/imagegen/received").glob("*torn-line*")
    said = "\n".join(
        [*(str(failure.error) for failure in gallery.failures), *(w for r in gallery.done for w in r.warnings)]
    )
    assert kept.name in said + "".join(str(warning.message) for warning in told)


@pytest.mark.parametrize(
    ("odd", "outcome"),
    [
        ({"response": "x"}, "ambiguous"),
        ({"response": {"status_code": "200", "body": []}}, "ambiguous"),
        ({"response": {"status_code": 200, "body": "x", "request_id": 5}}, "ambiguous"),
        ({"response": {"status_code": 500, "body": "<html>"}}, "ambiguous"),
        ({"error": "expired"}, "refused"),
        ({"error": {"code": "batch_expired", "message": "too late"}, "response": None}, "refused"),
    ],
)
def test_a_line_of_an_odd_form_is_a_failure(folder, odd, outcome):
    """Whatever a line holds, it is one job's failure; only an error that it names says that nothing is billed."""

    def tear(lines):
        entry = json.loads(lines[0])
        return [json.dumps({"custom_id": entry["custom_id"], **odd}).encode() + b"\n", *lines[1:]]

    gallery = collected(submitted(simulated_session(Torn(tear)), ["a mug", "a cat"]))
    assert [path.stem for path in gallery.paths] == ["night-cat"]
    assert [failure.prompt for failure in gallery.failures] == ["a mug"]
    assert [failure.error.outcome for failure in gallery.failures] == [outcome]


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.update(error={"message": "half of it"}),
        lambda entry: entry["response"].update(body=json.dumps(entry["response"]["body"])),
        lambda entry: entry["response"]["body"].update(created="2026-11-27", size=5),
    ],
    ids=["an error beside it", "a text", "odd fields"],
)
def test_an_odd_line_with_an_image_yields_it(folder, change):
    """It is billed; and its record can be read again, so that nobody pays for it twice."""

    def tear(lines):
        entry = json.loads(lines[0])
        change(entry)
        return [json.dumps(entry).encode() + b"\n"]

    session = simulated_session(Torn(tear))
    gallery = collected(submitted(session, ["a mug"]))
    assert [path.stem for path in gallery.paths] == ["night-mug"]
    assert [record.outcome for record in session.library.history.records()] == ["done"]


def test_kept_notes_are_plain(session, folder):
    """What lies in the output folder is JSON without pictures in it."""
    handle = submitted(session, ["a mug"])
    note = json.loads((folder / f"output/imagegen/batches/{handle.id}.json").read_text())
    assert note["parts"][0]["jobs"][0]["prompt"] == "a mug"


def test_batch_api_refuses_what_it_can_not_do(session):
    """A model without it, edits and two backdrops are refused before anything is uploaded."""
    for more in ({"model": "gpt-image-2.6-flare"}, {"transparent": "difference", "model": "gpt-image-2.5-flare"}):
        with pytest.raises(RequestError):
            session.batches.plan(read_source(["a mug"]), {**SMALL, "via": "batch-api", **more})


CALLS = {
    "upload": lambda calls, folder: calls.upload(folder / "jobs.jsonl"),
    "create": lambda calls, folder: calls.create("file-1", "/v1/images/generations", "night-0"),
    "find": lambda calls, folder: calls.find("night-0"),
    "get": lambda calls, folder: calls.get("batch-1"),
    "cancel": lambda calls, folder: calls.cancel("batch-1"),
}
NOT_A_BATCH = [
    b"<html>Sign in</html>",
    b"{",
    b"{}",
    b"[]",
    b"null",
    b'{"data": 3}',
    b'{"data": [null, 7]}',
    b"[" * 100_000,
]


def chain(error):
    """The error and all that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_what_other_servers_answer_about_batches(folder, monkeypatch, call, kind):
    """Each is a card, without an error of the SDK behind it: that holds the key."""
    pickling_support.install()
    key = "sk-proj-" + "a1B2" * 10
    monkeypatch.setenv("OPENAI_API_KEY", key)
    (folder / "jobs.jsonl").write_text("{}\n")
    answers = iter([*((200, body) for body in NOT_A_BATCH), (404, NOT_A_BATCH[0]), (400, b'{"error": ["no batches"]}')])

    def respond(path, headers, body):
        status, answer = next(answers)
        return status, {"content-type": kind}, answer

    errors = []
    with loopback(respond) as url:
        calls = Client(base_url=f"{url}/v1").batches()
        for number in range(len(NOT_A_BATCH) + 2):
            try:
                assert CALLS[call](calls, folder) is None, NOT_A_BATCH[number]
            except CallError as error:
                errors.append(error)
    assert len(errors) >= (2 if call == "cancel" else 8 if call == "find" else 10)  # an empty list has no such batch
    for error in errors:
        assert {type(each).__module__.partition(".")[0] for each in chain(error)} <= {
            "imagegen_magic",
            "json",
            "builtins",
        }
        assert key.encode() not in pickle.dumps(error)


def test_a_result_file_that_breaks_off(folder):
    """The connection's error is a card too; what came is whole up to there, and collecting goes on later."""
    with loopback(lambda *asked: (200, {"content-length": "900"}, b'{"custom_id": "a"}\n')) as url:
        calls, stream = Client(base_url=f"{url}/v1").batches(), io.BytesIO()
        with pytest.raises(CallError, match="the connection broke"):
            calls.download("file-1", stream)
