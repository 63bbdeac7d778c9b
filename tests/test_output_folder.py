"""An output folder in other hands: shared, removed, replaced, killed over, cloned from a stranger; nothing is lost or paid twice."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pickle
import shutil
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from conftest import simulated_session
from IPython.utils.capture import capture_output
from tblib import pickling_support

import imagegen_magic
from imagegen_magic.errors import StoreError
from imagegen_magic.request.response import Saved, Sending
from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import serve
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import History, file_sha256
from imagegen_magic.store.names import sidecar_path
from imagegen_magic.store.recovery import recover

SMALL = {"size": "1024x640", "quality": "low"}
ROOT = str(Path(imagegen_magic.__file__).parent.parent)


def python(code, *words, **more):
    """A running Python program on the package."""
    env = {**os.environ, "PYTHONPATH": ROOT, **more.pop("env", {})}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), *map(str, words)], env=env, **pipes, **more)


def test_reuse_of_one_request_from_two_processes_is_sent_once(folder):
    """The second waits for the first, and takes its image."""
    code = """
    from imagegen_magic.session import Session
    session = Session()
    job = session.plan("a mug", {"size": "1024x640", "quality": "low", "reuse": True, "out_dir": "out"})
    print("planned", flush=True)
    input()
    result = session.run_job(job)
    print(result.path.name, result.reused)
    """
    arrived, answer = threading.Semaphore(0), threading.Event()

    def hold(seconds):
        arrived.release()
        answer.wait()

    with serve(simulator=Simulator(latency=1.0, sleep=hold)) as server:
        env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none"}
        children = [python(code, env=env) for _ in "ab"]
        for child in children:
            assert child.stdout.readline() == "planned\n"
        for child in children:
            child.stdin.write("\n")
            child.stdin.flush()
        arrived.acquire()
        answer.set()
        said = sorted(child.communicate()[0] for child in children)
        billed = server.simulator.images_billed
    assert said == ["mug.png False\n", "mug.png True\n"]
    assert billed == 1


def test_a_request_that_was_made_before_is_named_before_it_is_paid_again(shell, session, simulator):
    """When the request goes out, the cell already says where the same image lies."""
    at_sending = []
    with capture_output() as seen:
        watched = simulated_session(
            Simulator(latency=1.0, sleep=lambda _: at_sending.append(str([o.data for o in seen.outputs])))
        )
        with imagegen_magic.api.use_session(watched):
            for _ in "ab":
                assert shell.run_cell("%%imagegen --size 1024x640 --quality low\na mug", store_history=False).success
    first, second = at_sending
    told = "the same request as @1: --reuse takes that one, not billed again"
    assert told not in first
    assert told in second


@pytest.mark.parametrize("if_exists", ["version", "fail"])
def test_what_another_program_writes_to_a_reserved_name_is_kept(session, folder, if_exists):
    """An editor may save under the name while the request is under way: the image takes the next one."""

    def write(event):
        if isinstance(event, Sending):
            (folder / "out/mug.png").write_bytes(b"of the user")

    result = session.generate("a mug", out_dir="out", on_event=write, if_exists=if_exists, **SMALL)
    assert (folder / "out/mug.png").read_bytes() == b"of the user"
    assert result.path.name == "mug-v2.png"
    assert json.loads((folder / "out/mug-v2.png.json").read_text())["prompt_typed"] == "a mug"


@pytest.mark.parametrize("end", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()], ids=repr)
def test_a_listener_that_ends_the_call_leaves_no_name_reserved(session, simulator, folder, end):
    def stop(event):
        raise end

    with pytest.raises(type(end)):
        session.generate("a mug", out_dir="out", on_event=stop, **SMALL)
    assert not list((folder / "out").glob("*.png"))
    assert not simulator.record


def test_a_listener_that_ends_a_batch_ends_it_for_the_caller(session, simulator):
    """What was sent is saved and stands in the history; nothing more is sent, and the program's own exit goes on."""

    def stop(event):
        if isinstance(event, Saved):
            raise SystemExit(3)

    with pytest.raises(SystemExit):
        session.batches.run_jobs([f"mug {n}" for n in range(9)], concurrency=1, on_event=stop, **SMALL)
    done = session.library.history.done()
    assert len(done) == len(simulator.record) < 9
    assert all(session.library.history.intact(entry) for record in done for entry in record.files)


def test_a_batch_whose_folder_goes_still_has_its_gallery(session, folder):
    """The report can't be written; the results are there, and say where the image is."""

    def gone(event):
        if isinstance(event, Sending):
            shutil.rmtree(folder / "out")
            (folder / "out").write_text("in the way")

    with pytest.warns(UserWarning, match="the report of this batch can't be written"):
        gallery = session.batches.run_jobs(["a mug"], out_dir="out", on_event=gone, **SMALL)
    [failure] = gallery.failures
    assert Path(failure.error.kept[0]).is_file()


@pytest.mark.parametrize("how", ["removed", "replaced by a file", "removed while it streams"])
def test_the_folder_goes_while_the_request_is_under_way(session, folder, how):
    """The paid image is saved, there or elsewhere, and the card names the place; the money is counted."""
    out = folder / "out"

    def gone(event):
        if isinstance(event, Sending):
            shutil.rmtree(out)
            if "file" in how:
                out.write_text("in the way")

    streams = {"partial_images": 1} if "streams" in how else {}
    with pytest.raises(StoreError) as caught:
        session.generate("a mug", out_dir="out", on_event=gone, **SMALL, **streams)
    [kept] = caught.value.kept
    assert kept in str(caught.value)
    assert Path(kept).read_bytes() == caught.value.pictures[0]
    assert caught.value.pictures[0][:4] == b"\x89PNG"
    assert caught.value.outcome == "done"


KILLED_AT = """
import os, signal, sys, threading
from imagegen_magic.session import Session

module, function = sys.argv[1:]

def at_call(frame, event, arg):
    code = frame.f_code
    if event == "call" and code.co_name == function and code.co_filename.endswith(module):
        os.kill(os.getpid(), signal.SIGKILL)

session = Session(defaults=lambda: {"backend": "simulator", "out_dir": "out", "if_exists": "overwrite"})
more = {"size": "1024x640", "quality": "low", "out": "hero.png"}
session.generate("the first", **more)
threading.setprofile(at_call)
session.generate("the second", **more)
"""


@pytest.mark.parametrize(
    ("module", "function", "outcome", "names"),
    [
        ("folder.py", "reserve", None, ["hero"]),
        ("folder.py", "journal", None, ["hero"]),
        ("folder.py", "mark_sent", None, ["hero"]),
        ("client.py", "arguments", "ambiguous", ["hero"]),
        ("folder.py", "save", "done", ["hero", "hero-v2"]),
        ("folder.py", "record", "done", ["hero"]),
        ("history.py", "append", "done", ["hero"]),
        ("folder.py", "write_sidecars", "done", ["hero"]),
        ("folder.py", "write_text", "done", ["hero"]),
        ("folder.py", "clear", "done", ["hero"]),
    ],
)
def test_overwriting_killed_at_each_step(folder, module, function, outcome, names):
    """Afterwards every image has its own sidecar and line; the second one is never lost, nor taken for the first."""
    child = python(KILLED_AT, module, function)
    _, err = child.communicate()
    assert child.returncode == -9, err
    out = folder / "out"
    for _ in range(2):  # a second recovery changes nothing
        recover(Store(out))
        records = History(out).records()
        assert [record.outcome for record in records] == ["done", *([outcome] if outcome else [])]
        assert sorted(path.stem for path in out.glob("*.png")) == names
        for path in out.glob("*.png"):
            sidecar = json.loads(sidecar_path(path).read_text())
            entry = sidecar["files"][0]
            assert (entry["path"], entry["sha256"]) == (path.name, file_sha256(path))
            owner = [record for record in records if any(file.sha256 == entry["sha256"] for file in record.files)]
            assert [record.prompt_typed for record in owner] == [sidecar["prompt_typed"]]
        if outcome == "done":
            assert History(out).by_file(out / f"{names[-1]}.png").prompt_typed == "the second"


def hostile_places(secret, inside):
    """Spool places as a stranger's folder may bring them, by what they try."""
    dead = inside / ".incoming/x"
    record = {"record": {"prompt_typed": "x", "digest": "x"}}
    paths = {
        "climbs": ["../secret.png"], "absolute": [str(secret)], "through a link": ["link/secret.png"],
        "another kind": ["history.jsonl"], "the spool": [".incoming/x/a.png"], "no texts": [5, None], "empty": [""],
        "nul": ["a\0.png"], "long": ["a" * 5000 + ".png"],
    }  # fmt: skip
    yield from ((name, {"a.intent": json.dumps({**record, "paths": value})}) for name, value in paths.items())
    yield from ((f"sent, {name}", {"a.sent": json.dumps({**record, "paths": v})}) for name, v in paths.items())
    odd = [
        "",
        "{",
        "[]",
        '{"record": 5, "paths": []}',
        '{"record": {"files": [{"path": "../x"}]}, "paths": []}',
        "[" * 99_999,
    ]
    yield from ((f"note {text[:30]}", {"a.sent": text}) for text in odd)
    yield "a link to an image", {"a-1.png": secret}
    yield "a link to an answer", {"a-1.json": secret.with_name("secret.json")}
    yield "a link as note", {"a.intent": secret.with_name("secret.json")}
    yield "a link as lock", {"alive.lock": secret.with_name("secret.json")}
    assert dead.parent.name == ".incoming"


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def tree(folder):
    """Every file below with its bytes and mode."""
    return {
        path: (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("case", [name for name, _ in hostile_places(Path("s/secret.png"), Path("o"))])
def test_a_strangers_spool_touches_nothing_outside(tmp_path, case):
    """Whatever lies in it, the folder can be used, and no file outside is read into it, moved or changed."""
    outside, out = tmp_path / "outside", tmp_path / "out"
    secret = outside / "secret.png"
    outside.mkdir()
    secret.write_bytes(PNG)
    secret.chmod(0o600)  # what is published gets the rights of a new file, and would give them to this one
    secret.with_name("secret.json").write_text('{"mine": true}')
    (outside / "empty.png").touch()
    place = out / ".incoming/x"
    place.mkdir(parents=True)
    (out / "link").symlink_to(outside, target_is_directory=True)
    (place / "alive.lock").touch()
    for name, content in dict(hostile_places(secret, out))[case].items():
        (place / name).unlink(missing_ok=True)
        if isinstance(content, Path):
            (place / name).symlink_to(content)
        else:
            (place / name).write_text(content)
    before = tree(outside)
    simulated_session(Simulator(), out_dir=str(out)).generate("a mug", **SMALL)
    assert tree(outside) == before
    shown = [path for path in out.rglob("*") if not {".incoming", "link"} & {*path.relative_to(out).parts}]
    assert not [path for path in shown if path.is_symlink()]
    own = [path for path in out.rglob("*") if path.is_file() and not path.is_symlink() and "link" not in path.parts]
    assert not [path for path in own if path.read_bytes() in (PNG, b'{"mine": true}')]


def test_a_link_in_a_strangers_spool_is_not_published(tmp_path):
    """It would show, and send as an input, what lies elsewhere; the image that is there is recovered all the same."""
    secret, out = tmp_path / "secret.png", tmp_path / "out"
    place = out / ".incoming/x"
    place.mkdir(parents=True)
    secret.write_bytes(PNG)
    secret.chmod(0o600)
    (place / "alive.lock").touch()
    (place / "a-1.png").symlink_to(secret)
    (place / "b-1.png").write_bytes(PNG)
    assert recover(Store(out)) == [out / "recovered.png"]
    assert not (out / "recovered.png").is_symlink()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_linked_spool_place_is_left_alone(tmp_path):
    """A part of the spool that is a link may be another project's: nothing is taken out of it."""
    other, out = tmp_path / "other/.incoming/1-dead", tmp_path / "out"
    other.mkdir(parents=True)
    (other / "alive.lock").touch()
    (other / "a-1.png").write_bytes(PNG)
    (out / ".incoming").mkdir(parents=True)
    (out / ".incoming/x").symlink_to(other, target_is_directory=True)
    assert recover(Store(out)) == []
    assert (other / "a-1.png").read_bytes() == PNG


@pytest.mark.parametrize(("umask", "mode"), [(0o027, 0o640), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_decides_who_may_read(folder, umask, mode):
    """Images, sidecars, derived files, history, reports and kept answers have the rights of any other new file."""
    code = """
    import os, sys
    os.umask(int(sys.argv[1]))
    from imagegen_magic.session import Session
    session = Session(defaults=lambda: {"backend": "simulator", "out_dir": "out"})
    session.generate("a mug", size="1024x640", quality="low", web=(64,), transparent=True)
    session.batches.run_jobs(["a cat"], size="1024x640", quality="low")
    session.library.star("@1")
    """
    child = python(code, umask)
    _, err = child.communicate()
    assert child.returncode == 0, err
    files = [path for path in (folder / "out").rglob("*") if path.is_file() and ".incoming" not in path.parts]
    assert {path.suffix for path in files} >= {".png", ".json", ".jsonl"}
    assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in files} == {p.name: oct(mode) for p in files}


def test_what_is_pickled_holds_no_key(folder, monkeypatch):
    """A result, a failure, a gallery and a preview, made with a key in the environment and in the address.

    Errors are pickled as Dask does it: with all that they were raised from.
    """
    pickling_support.install()
    key = "sk-proj-" + "a1B2" * 10
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with serve(simulator=Simulator(faults="ok, 400 unknown_parameter")) as server:
        address = f"{server.url}?token=hunter2secret"
        session = imagegen_magic.session.Session(defaults=lambda: {"base_url": address})
        gallery = session.batches.run_jobs(["a mug", "a cat"], **SMALL)
        things = [*gallery, gallery, session.preview("a fish", **SMALL)]
        session.close()
    assert len(gallery.done) == len(gallery.failures) == 1
    for thing in things:
        data = pickle.dumps(thing)
        assert key.encode() not in data
        assert b"hunter2secret" not in data
    for path in (folder / "output").rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes()
            assert b"hunter2secret" not in path.read_bytes()


def _link_to_itself(folder):
    (folder / "out").symlink_to("out")


def _long(folder):
    return "x" * 300


def _history_is_a_folder(folder):
    (folder / "out/history.jsonl").mkdir(parents=True)


def _history_is_no_file(folder):
    (folder / "out").mkdir()
    (folder / "out/history.jsonl").symlink_to(os.devnull)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
@pytest.mark.parametrize("made", [_link_to_itself, _long, _history_is_a_folder, _history_is_no_file])
def test_a_folder_that_cannot_be_used_stops_before_anything_is_sent(session, simulator, folder, made):
    """A folder may come from anybody."""
    with pytest.raises(StoreError) as caught:
        session.generate("a mug", out_dir=made(folder) or "out")
    assert (caught.value.outcome, len(simulator.record)) == ("not sent", 0)


def test_a_folder_that_is_called_as_a_sidecar_is(session, folder):
    """The history is missing, and is read from the files beside the images."""
    (folder / "out/old.png.json").mkdir(parents=True)
    assert session.generate("a mug", quality="low", out_dir="out").ok


@pytest.mark.parametrize("options", [{}, {"transparent": "chroma"}, {"n": 2}])
def test_a_folder_in_a_sidecars_place_takes_the_name(session, folder, options):
    """As another image would: each file that is made has its sidecar, and the plan says the name beforehand."""
    taken = folder / "out" / ("mug-2.png.json" if options.get("n") else "mug.png.json")
    taken.mkdir(parents=True)
    how = {"name": "mug", "quality": "low", "out_dir": "out", **options}
    planned = session.preview("a mug", **how).paths
    made = session.generate("a mug", **how)
    assert made.paths == planned
    assert {path.stem.split("-")[1] for path in made.paths} == {"v2"}
    assert all(sidecar_path(path).is_file() for path in [*made.paths, *made.derived.values()])


def test_a_sidecar_that_cannot_be_written_costs_no_line_of_the_history(session, folder):
    """The image is saved under the name that was to be overwritten, and recorded."""
    (folder / "out/mug.png.json").mkdir(parents=True)
    made = session.generate("a mug", name="mug", quality="low", out_dir="out", if_exists="overwrite")
    assert [record.number for record in History(folder / "out").records()] == [1]
    assert "its sidecar is not" in made.warnings[-1]


@pytest.mark.parametrize("path", ["x" * 300 + ".png", "a/" * 2000 + "x.png", "\ud800.png"])
def test_a_history_with_a_name_that_no_folder_takes(session, folder, path):
    """Its line is passed over, whatever is asked for."""
    made = session.generate("a mug", quality="low", size="1024x1024")
    history = folder / "output/imagegen/history.jsonl"
    line = json.loads(history.read_text())
    line["files"][0]["path"] = path
    history.write_text(json.dumps(line) + "\n")
    assert session.library.history.records() == []
    assert session.generate("a mug", quality="low", size="1024x1024", reuse=True).path != made.path
