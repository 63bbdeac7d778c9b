"""Programs that are stopped while requests are under way: what was sent is saved, what was not sent is not sent."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

import imagegen_magic
from imagegen_magic.jobs.task import ENDING, STOPPING, Task, start_thread, wait_for_end
from imagegen_magic.simulator import Simulator
from imagegen_magic.simulator.server import serve
from imagegen_magic.store.folder import Store
from imagegen_magic.store.history import History
from imagegen_magic.store.recovery import recover

SETTINGS = 'size="1024x640", quality="low", out_dir="out"'
GENERATE = f"imagegen_magic.generate('a mug', {SETTINGS})"
BATCH = f"imagegen_magic.run_batch([f'mug {{n}}' for n in range(6)], concurrency=2, {SETTINGS})"
START = f"tasks = [imagegen_magic.start(f'mug {{n}}', {SETTINGS}) for n in range(2)]"
THREADS = f"""
from concurrent.futures import ThreadPoolExecutor
session = imagegen_magic.Session()
with ThreadPoolExecutor(2) as pool:
    list(pool.map(lambda n: session.generate(f'mug {{n}}', {SETTINGS}), range(6)))
"""
ASYNCIO = f"""
import asyncio

async def main():
    calls = [asyncio.to_thread(imagegen_magic.generate, f'mug {{n}}', {SETTINGS}) for n in range(2)]
    await asyncio.gather(*calls)

asyncio.run(main())
"""
REPORT = """
import os, signal, threading, time
import imagegen_magic

def report():
    # says when nothing but the requests under way is left: waiting ones were called off
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)

    def wait():
        os.read(reader, 1)
        while sum(thread.name.startswith("imagegen-batch-") for thread in threading.enumerate()) > 2:
            time.sleep(0.01)
        print("signal taken", flush=True)

    threading.Thread(target=wait, daemon=True).start()

report()
"""


@contextlib.contextmanager
def stopped(program, sent, by):
    """(child, server, function that lets the server answer) of a program with `sent` requests under way, after a signal."""
    arrived, answer = threading.Semaphore(0), threading.Event()

    def hold(seconds):
        arrived.release()
        answer.wait()

    with serve(simulator=Simulator(latency=1.0, sleep=hold)) as server:
        env = {
            **os.environ,
            "PYTHONPATH": str(Path(imagegen_magic.__file__).parent.parent),
            "OPENAI_BASE_URL": server.url,
            "OPENAI_API_KEY": "none",
        }
        with subprocess.Popen(
            [sys.executable, "-c", REPORT + program], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as child:
            for _ in range(sent):
                arrived.acquire()
            child.send_signal(by)
            try:
                yield child, server.simulator, answer.set
            finally:
                answer.set()


@pytest.mark.parametrize("by", [signal.SIGINT, *ENDING], ids=lambda by: by.name)
@pytest.mark.parametrize(("program", "sent"), [(GENERATE, 1), (BATCH, 2)], ids=["generate", "batch"])
def test_a_stopped_program_keeps_what_it_sent(program, sent, by, tmp_path):
    """Each image that the server billed is on disk with its prompt, and nothing more was sent; it says what it waits for."""
    with stopped(program, sent, by) as (child, simulator, answer):
        assert child.stdout.readline() == "signal taken\n"
        assert f"imagegen: {STOPPING}\n" in iter(child.stderr.readline, "")
        answer()
        child.communicate()
    records = History(tmp_path / "out").records()
    assert simulator.images_billed == sent == len(list((tmp_path / "out").glob("*.png")))
    assert [record.outcome for record in records] == ["done"] * sent
    assert all(record.prompt_sent.startswith(("a mug", "mug ")) for record in records)
    if by in ENDING:
        assert child.returncode == -by


@pytest.mark.skipif(os.name == "nt", reason="no SIGTERM is handled there")
@pytest.mark.parametrize("by", ENDING, ids=lambda by: by.name)
@pytest.mark.parametrize(
    "program",
    [START, START + "; threading.Event().wait()", THREADS, ASYNCIO],
    ids=["at the end", "busy", "own threads", "asyncio"],
)
def test_a_program_that_waits_for_no_call_keeps_what_it_sent(program, by, tmp_path):
    """Detached calls, at the end of the program or while it does something else, and calls in threads of the user's own.

    Their next calls are not sent.
    """
    with stopped(program, 2, by) as (child, simulator, answer):
        assert f"imagegen: {STOPPING}\n" in iter(child.stderr.readline, "")  # no call goes out any more
        answer()
        child.communicate()
    assert simulator.images_billed == 2 == len(list((tmp_path / "out").glob("*.png")))
    assert [record.outcome for record in History(tmp_path / "out").records()] == ["done"] * 2
    assert child.returncode == -by


@pytest.mark.parametrize(("program", "sent"), [(GENERATE, 1), (BATCH, 2)], ids=["generate", "batch"])
def test_a_killed_program_leaves_a_line_for_what_it_sent(program, sent, tmp_path):
    """After SIGKILL, the folder's next use records each request on the wire as of unknown outcome, once, and no other."""
    with stopped(program, sent, signal.SIGKILL) as (child, _, _):
        child.wait()
        recover(Store(tmp_path / "out"))
        recover(Store(tmp_path / "out"))
    records = History(tmp_path / "out").records()
    assert [record.outcome for record in records] == ["ambiguous"] * sent
    assert all(record.prompt_sent.startswith(("a mug", "mug ")) for record in records)
    assert list((tmp_path / "out").glob("*.png")) == []


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGHUP")
def test_an_ignored_hangup_stays_ignored(tmp_path):
    """`nohup`: the program goes on after its terminal was closed."""
    program = f"signal.signal(signal.SIGHUP, signal.SIG_IGN); print('ready', flush=True); {GENERATE}"
    with stopped(program, 1, signal.SIGHUP) as (child, _, answer):
        answer()
        child.communicate()
    assert child.returncode == 0
    assert len(list((tmp_path / "out").glob("*.png"))) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process forks there")
def test_a_forked_process_waits_for_no_call_of_its_parent(tmp_path):
    """`multiprocessing` ends its workers by SIGTERM."""
    program = f"""
{START}
reader, writer = os.pipe()
child = os.fork()
if not child:
    os.write(writer, b"ready")
    time.sleep(1000)
os.read(reader, 5)
os.kill(child, signal.SIGTERM)
print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
    with stopped(program, 2, 0) as (child, _, answer):
        assert f"child {-signal.SIGTERM}\n" in iter(child.stdout.readline, "")
        answer()
        child.communicate()


def test_the_wait_after_a_signal_is_bounded():
    """A task that does not end is left when its time is over; nothing more was sent since the signal."""
    end = threading.Event()
    task = start_thread(Task(0, "one that does not end"), lambda task: end.wait())
    told = []
    assert not wait_for_end(task, [signal.SIGTERM], on_stop=lambda: told.append(1), stop_seconds=0)
    assert told == [1]
    assert task.cancel_event.is_set()
    assert not task.done()
    end.set()
    assert wait_for_end(task, [])


def test_a_kernel_that_is_ended_saves_what_its_cell_sent(tmp_path):
    """SIGTERM while a cell runs: the request under way is finished and saved, then the kernel ends."""
    arrived, answer = threading.Semaphore(0), threading.Event()

    def hold(seconds):
        arrived.release()
        answer.wait()

    with serve(simulator=Simulator(latency=1.0, sleep=hold)) as server:
        kernel = KernelManager(kernel_name="python3")
        env = {"PYTHONPATH": str(Path(imagegen_magic.__file__).parent.parent), "OPENAI_API_KEY": "none"}
        kernel.start_kernel(env={**os.environ, **env, "OPENAI_BASE_URL": server.url}, cwd=str(tmp_path))
        client = kernel.blocking_client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60)
            client.execute("%load_ext imagegen_magic")
            client.execute("%%imagegen mug --size 1024x640 --quality low\na mug")
            arrived.acquire()
            kernel.signal_kernel(signal.SIGTERM)
            told = ""
            while STOPPING not in told:
                message = client.get_iopub_msg(timeout=60)
                told += message["content"].get("text", "") if message["msg_type"] == "stream" else ""
            answer.set()
            assert wait_for_exit(kernel)
        finally:
            answer.set()
            client.stop_channels()
            kernel.shutdown_kernel(now=True)
    [record] = History(tmp_path / "output/imagegen").records()
    assert (record.outcome, record.prompt_sent.startswith("a mug")) == ("done", True)
    assert (tmp_path / "output/imagegen/mug.png.json").is_file()
    assert server.simulator.images_billed == 1


def wait_for_exit(kernel):
    """True once the kernel's process is over; it is not asked to end."""
    for _ in range(600):
        if not kernel.is_alive():
            return True
        threading.Event().wait(0.1)
    return False
