"""Lock and replay: a notebook's cells answered by stored files alone, and the cell named that changed."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import threading
from pathlib import Path

import nbformat
import pytest
from conftest import simulated_session
from nbclient import NotebookClient

from imagegen_magic.cli import main
from imagegen_magic.errors import ReplayError, RequestError
from imagegen_magic.session import Session
from imagegen_magic.store.lockfile import LOCK, Lock, LockedRequest, cell_digest, read_lock


class NoClients:
    """Clients of a server that must not be asked."""

    server = "api.openai.com"

    def get(self, options):
        return self

    def send(self, *arguments, **more):
        raise AssertionError("something was sent")

    def close(self):
        pass


def replaying(**defaults):
    return Session(defaults=lambda: {"replay": True, **defaults}, clients=NoClients())


@pytest.fixture
def locked(session):
    """A session that made a cut-out and an edit of it, and locked them."""
    fox = session.generate("a red fox", name="fox", transparent="chroma", web=[128])
    session.edit("put a hat on it", fox, name="hat")
    session.lock()
    return session


def test_lock_file_says_what_answers(locked, folder):
    """Digest of the request, hash and kind of every file, and the cost; made again, it is the same."""
    text = (folder / LOCK).read_text()
    lock = json.loads(text)
    fox, hat = lock["requests"]
    assert [file["kind"] for file in fox["files"]] == ["api", "web", "cutout"]
    assert (fox["name"], hat["name"], fox["cost"]) == ("fox", "hat", "0")
    record = locked.library.history.find("@fox")[0]
    assert (fox["request"], fox["files"][0]["sha256"]) == (record.digest, record.files[0].sha256)
    locked.lock()
    assert (folder / LOCK).read_text() == text
    assert "/" not in fox["files"][0]["path"]


def test_replay_gives_the_stored_files(locked, folder):
    """The same paths, bytes and facts, from another session without a server; nothing is written."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    again = replaying()
    fox = again.generate("a red fox", name="fox", transparent="chroma", web=[128])
    hat = again.edit("put a hat on it", fox, name="hat")
    assert fox.path.name == "fox.png"
    assert fox.images[0].source.name == "fox-source.png"
    assert fox.derived["web 0"].name == "fox-web128.png"
    assert (hat.number, hat.paid, hat.reused) == (2, 0, True)
    assert again.spending.total == 0
    assert "nothing sent, nothing billed" in hat.caption_facts(minimal=False).money()
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert {path: time for path, time in after.items() if ".incoming" not in path.parts} == {
        path: time for path, time in before.items() if ".incoming" not in path.parts
    }


def test_a_replay_keeps_every_file(session):
    """Real pixels, icons and web copies too, each under the key that it had when it was made."""
    asked = {"pixel_art": "64x64", "transparent": "chroma", "sizes": [16, 128], "ico": True, "web": [1000, 128]}
    knight = session.generate("pixel art of a knight", name="knight", **asked)
    session.lock()
    again = replaying().generate("pixel art of a knight", name="knight", **asked)
    assert {key.partition(" ")[0] for key in knight.derived} == {"pixels", "icon", "web"}
    assert again.derived == knight.derived
    assert [knight.derived[key].name for key in ("icon 0", "web 0")] == ["knight-16.png", "knight-web128.png"]


def test_changed_prompt_is_named(locked):
    """The card names the cell by its NAME, and shows what it says now and what was locked."""
    with pytest.raises(ReplayError) as caught:
        replaying().generate("a blue fox", name="fox", transparent="chroma", web=[128])
    card = str(caught.value)
    assert card.startswith("fox changed since it was locked")
    assert "prompt 'a blue fox': locked was 'a red fox'" in card
    assert "without replay=True" in card
    assert caught.value.outcome == "not sent"


def test_changed_option_is_named(locked):
    """Only what differs is in the card."""
    with pytest.raises(ReplayError) as caught:
        replaying().generate("a red fox", transparent="chroma", quality="high", web=[128])
    assert [(problem.field, problem.value) for problem in caught.value.problems] == [("quality", "high")]


def test_new_request_is_named(locked):
    """What was never locked is said to be so, by its prompt."""
    with pytest.raises(ReplayError, match=r"'seven grey stones.*is not in imagegen\.lock"):
        replaying().generate("seven grey stones in deep snow")


def test_changed_and_missing_files_are_named(locked, folder):
    """All of them at once; nothing else is shown in their place."""
    out = folder / "output" / "imagegen"
    (out / "fox.png").write_bytes(b"something else")
    (out / "fox-web128.png").unlink()
    with pytest.raises(ReplayError) as caught:
        replaying().generate("a red fox", name="fox", transparent="chroma", web=[128])
    assert {(p.field, p.rule) for p in caught.value.problems} == {
        ("fox.png", "was changed since it was locked"),
        ("fox-web128.png", "is not in the output folder"),
    }


def test_sidecars_are_enough(locked, folder):
    """The history's file is not needed; without the sidecar the card says what to copy."""
    out = folder / "output" / "imagegen"
    (out / "history.jsonl").unlink()
    assert replaying().generate("a red fox", transparent="chroma").number == 1
    (out / "fox-source.png.json").unlink()
    with pytest.raises(ReplayError, match=r"fox-source\.png\.json: it is missing"):
        replaying().generate("a red fox", transparent="chroma")
    shutil.copy(out / "hat.png.json", out / "fox-source.png.json")  # a record, but of another request
    with pytest.raises(ReplayError, match=r"fox-source\.png\.json: it is missing or of another request"):
        replaying().generate("a red fox", transparent="chroma")


def test_cells_that_ask_for_the_same_keep_their_own_images(session, folder):
    """Two names for one request are two images, paid for twice; a replay gives each its own, and a third the newest."""
    made = {name: session.generate("a red fox", name=name).path for name in ("one", "two")}
    session.generate("a red fox", name="one")  # of a cell that was run again the newest counts
    made["one"] = session.library.history.find("@one")[0].files[0].path
    session.lock()
    assert len(read_lock(folder / LOCK).requests) == 2
    for name, path in made.items():
        assert replaying().generate("a red fox", name=name).path.name == Path(path).name
    assert replaying().generate("a red fox", name="three").path.name == Path(made["one"]).name


def test_a_lock_with_both_sides_of_a_merge(locked, folder):
    """What version control left in it is named."""
    text = (
        (folder / LOCK).read_text().replace(' "version": 1,', '<<<<<<< HEAD\n "version": 1,\n=======\n>>>>>>> theirs')
    )
    (folder / LOCK).write_text(text)
    with pytest.raises(ReplayError, match="both sides of a merge conflict"):
        replaying().generate("a red fox")


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"requests": 3}', '{"version": 2}', '{"requests": [{"request": "x"}]}']
)
def test_damaged_lock_files(folder, text):
    """Each is a card that says how to make a good one."""
    (folder / LOCK).write_text(text)
    if text == "{}":
        assert read_lock(folder / LOCK).requests == ()
    else:
        with pytest.raises(ReplayError, match=r"imagegen\.lock"):
            read_lock(folder / LOCK)


def test_paths_that_leave_the_folder_are_refused(locked, folder):
    """A lock is a file that anyone may have written."""
    text = (folder / LOCK).read_text().replace('"fox.png"', '"../../../../etc/hostname"')
    (folder / LOCK).write_text(text)
    with pytest.raises(ReplayError, match="lies outside of the output folder"):
        replaying().generate("a red fox", transparent="chroma")


def test_a_lock_takes_the_newest_intact_answer(session, folder):
    """A file that was changed or removed answers nothing; an older answer to the same request does."""
    first, second = (session.generate("a red fox", reuse=False) for _ in range(2))
    session.generate("a blue jay").path.write_bytes(b"changed")
    second.path.unlink()
    [entry] = session.lock().requests
    assert [file.path for file in entry.files] == [first.path.name]


def test_a_lock_answers_with_the_same_servers_file():
    """Two servers may have been asked the same; another's answer is better than none."""
    entries = [LockedRequest(request="x", server=server, files=()) for server in ("one", "two", "one", "three")]
    lock = Lock(requests=tuple(entries))
    assert lock.find("x", "one") is entries[2]
    assert lock.find("x", "two") is entries[1]
    assert lock.find("x", "four") is entries[3]
    assert lock.find("y", "one") is None


def test_no_lock(folder):
    """A session that shall replay without a lock sends nothing."""
    with pytest.raises(ReplayError, match=r"imagegen\.lock can't be read"):
        replaying().generate("a red fox")


def test_nothing_to_lock(session):
    """An empty history gives an error, not an empty lock."""
    with pytest.raises(ReplayError, match="nothing to lock"):
        session.lock()


def test_rules_are_checked_as_ever(locked):
    """A broken request is refused for what it is."""
    with pytest.raises(RequestError):
        replaying().generate("a red fox", n=99)


def test_limits_do_not_stop_a_replay(locked):
    """It costs nothing, so that no budget can be too small."""
    again = replaying(max_cost="0.000001", confirm_above="0.000001")
    assert again.generate("a red fox", transparent="chroma").number == 1


def test_batches_replay(simulator, folder):
    """Each row is answered by its own file; a changed row is a failure of its own."""
    session = simulated_session(simulator)
    made = session.batches.run_jobs(["a red fox", "a blue jay"])
    session.lock()
    again = replaying().batches.run_jobs(["a red fox", "a blue jay"])
    assert again.paths == made.paths
    changed = replaying().batches.run_jobs(["a red fox", "a green frog on a leaf"])
    assert (len(changed.done), len(changed.failures)) == (1, 1)
    assert len(simulator.record) == 2


@pytest.fixture
def emptied(locked, folder):
    """(where the locked files are now, an output folder without any)."""
    pytest.importorskip("fsspec", reason="the extra remote is not installed")
    away = folder / "away"
    shutil.move(folder / "output" / "imagegen", away)
    return away, folder / "output" / "imagegen"


def served(folder):
    """A web server of a folder, not started."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *ignored: None
    return http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)


def test_files_are_fetched_from_the_web(emptied):
    """Images, what was made of them, and sidecars; the second time nothing is asked for."""
    pytest.importorskip("aiohttp", reason="the extra remote is not installed")
    away, here = emptied
    with served(away) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/"
        fox = replaying(replay_from=address).generate("a red fox", name="fox", transparent="chroma", web=[128])
        server.shutdown()
        thread.join()
    for path in (fox.path, fox.images[0].source, *fox.derived.values()):
        assert path.read_bytes() == (away / path.name).read_bytes()
    assert fox.path.parent == here
    assert replaying(replay_from=address).generate("a red fox", transparent="chroma").number == fox.number


def test_files_are_fetched_from_an_object_store(emptied):
    """Any protocol of fsspec; one that is in memory stands for S3, which wants an account."""
    fsspec = pytest.importorskip("fsspec")
    away, _ = emptied
    store = fsspec.filesystem("memory")
    store.put(str(away), "/bucket/images", recursive=True)
    try:
        fox = replaying(replay_from="memory://bucket/images").generate("a red fox", transparent="chroma")
        hat = replaying(replay_from="memory://bucket/images/").edit("put a hat on it", fox)
    finally:
        store.rm("/bucket", recursive=True)
    assert fox.path.read_bytes() == (away / fox.path.name).read_bytes()
    assert hat.path.read_bytes() == (away / "hat.png").read_bytes()


def test_what_is_fetched_is_checked(emptied):
    """Other bytes than those that were locked are never shown, and the card says so."""
    away, _ = emptied
    (away / "fox.png").write_bytes(b"something else")
    with pytest.raises(ReplayError, match=r"fox\.png: was changed"):
        replaying(replay_from=away.as_uri()).generate("a red fox", transparent="chroma")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("memory://nothing-here", "there is no such file"),
        ("nosuch://host/s3cret-word", "host"),
        ("http://127.0.0.1:9/s3cret-word/", "127.0.0.1"),
    ],
)
def test_addresses_that_give_nothing(emptied, address, said):
    """One card, without what an address may hold besides its host."""
    with pytest.raises(ReplayError, match="can't be fetched") as caught:
        replaying(replay_from=address).generate("a red fox", transparent="chroma")
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_passwords_in_addresses_are_refused(locked):
    """They would be written down."""
    with pytest.raises(RequestError, match="a password in an address") as caught:
        replaying(replay_from="https://user:s3cret-word@host/x").generate("a red fox")
    assert "s3cret" not in str(caught.value)


def test_cell_digest():
    """Spaces at line ends and around do not count; every word does."""
    assert cell_digest("%%imagegen a\na fox ") == cell_digest("%%imagegen a  \na fox\n\n")
    assert cell_digest("%%imagegen a\na fox") != cell_digest("%%imagegen b\na fox")
    assert cell_digest(" \n") == ""


def test_command_line(session, folder, capsys):
    """`imagegen lock`, then `--replay` without a key; a changed prompt exits with 1."""
    line = ["generate", "a red fox", "--out", "fox.png"]
    assert main([*line, "--backend", "simulator"]) == 0
    assert main(["lock", "--out-dir", "."]) == 0
    assert capsys.readouterr().out.split()[-1] == LOCK
    assert main([*line, "--force", "--replay", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["reused"], [Path(path).name for path in shown["paths"]]) == (True, ["fox.png"])
    assert main(["generate", "a red fox, asleep", "--out", "fox.png", "--force", "--replay"]) == 1
    assert "changed since it was locked" in capsys.readouterr().err


CELLS = [
    "%load_ext imagegen_magic\nimport imagegen_magic",
    "%%imagegen fox --transparent --quality low\na red fox",
    "fox",
    "%%imagegen_edit hat -i {{ fox }}\nput a {{ color }} hat on it",
    "hat.path.name, hat.size, fox.images[0].source.name",
]


def run_notebook(folder, first, cells, **environment):
    """The outputs of a notebook that runs in a real kernel in `folder`: what each cell shows, but for captions."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in (first, *cells)])
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("IMAGEGEN_", "OPENAI_"))}
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}, allow_errors=True)
    client.execute(env={**clean, **environment})
    return notebook.cells[1:]


def shown(cells):
    """What a reader sees: images byte for byte, and texts but for the caption's line of time and money."""
    return [[(output.get("data", {}).get("image/jpeg"), texts_of(output)) for output in cell.outputs] for cell in cells]


def texts_of(output):
    text = output.get("data", {}).get("text/plain") or output.get("text", "")
    return [line for line in text.splitlines() if " · " not in line]


@pytest.mark.notebook
def test_a_notebook_replayed_elsewhere(folder):
    """Run, locked, and copied to an empty folder without a key: no request, the same outputs; a changed cell is named."""
    made, empty = folder / "made", folder / "empty"
    made.mkdir()
    first = "color = 'green'"
    before = run_notebook(made, first, [*CELLS, "%imagegen lock"], IMAGEGEN_BACKEND="simulator")
    assert not [output for cell in before for output in cell.outputs if output.output_type == "error"]
    shutil.copytree(made / "output", empty / "output", ignore=shutil.ignore_patterns("history.jsonl", ".incoming"))
    shutil.copy(made / LOCK, empty / LOCK)
    closed = {"IMAGEGEN_REPLAY": "true", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}  # a port where nobody answers
    after = run_notebook(empty, first, CELLS, **closed)
    assert shown(after) == shown(before[:-1])
    assert not (empty / "output" / "imagegen" / "history.jsonl").exists()
    changed = run_notebook(empty, "color = 'purple'", CELLS, **closed)
    errors = [output for cell in changed for output in cell.outputs if output.output_type == "error"]
    card = "\n".join(errors[0].traceback)
    assert "hat asks for something else than when it was locked, though its text is the same" in card
    assert "purple" in card
    assert "green" in card


@pytest.mark.parametrize("mode", ["difference", "native"])
def test_other_ways_to_transparency(session, mode):
    """Two backdrops are two paid requests, of which neither is made again; native alpha has no derived file."""
    model = {"model": "gpt-image-1.5"} if mode == "native" else {}
    made = session.generate("a glass sphere", transparent=mode, **model)
    session.lock()
    again = replaying().generate("a glass sphere", transparent=mode, **model)
    assert (again.paths, again.images[0].source) == (made.paths, made.images[0].source)


def test_sprites_replay(session, folder):
    """The sheet comes from the lock, its frames are sliced from it again, and their files stay as they are."""
    asked = {"animation": "walk", "frames": 4, "cell": "64x64"}
    made = session.sprites("a knight", **asked)
    session.lock()
    times = {path: path.stat().st_mtime_ns for path in made.files}
    again = replaying().sprites("a knight", **asked)
    assert again.files == made.files
    assert [frame.tobytes() for frame in again.pixels] == [frame.tobytes() for frame in made.pixels]
    assert {path: path.stat().st_mtime_ns for path in again.files} == times
