"""What tests share: an empty folder without keys or settings, a session on a simulator, and a real shell."""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from imagegen_magic.api import use_session
from imagegen_magic.session import Session
from imagegen_magic.simulator import Simulator
from imagegen_magic.wire.client import Clients

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started by a shell in the background: programs would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
if os.name != "nt" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # started by nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

settings.register_profile(
    "shared machine", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working folder; no key and no setting of the machine reaches a test."""
    for name in list(os.environ):
        if name.startswith(("IMAGEGEN_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def simulator():
    """A simulator whose record the test can look at."""
    return Simulator()


@pytest.fixture
def session(simulator):
    """A session in which every call goes to `simulator`."""
    return simulated_session(simulator)


def simulated_session(simulator, **defaults):
    """A session over the given simulator, in process."""
    return Session(defaults=lambda: {"backend": "simulator", **defaults}, clients=Clients(simulator=simulator))


@pytest.fixture
def shell(session):
    """A real IPython shell with the extension loaded, its session on the simulator."""
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell.clear_instance()
    made = InteractiveShell.instance()
    made.history_manager.enabled = False
    made.run_line_magic("load_ext", "imagegen_magic")
    with use_session(session):
        yield made
    made.run_line_magic("unload_ext", "imagegen_magic")
    made.history_manager.end_session()
    InteractiveShell.clear_instance()


# the table of front ends: what each test marked `front_end` tried


def pytest_addoption(parser):
    parser.addoption("--front-ends", metavar="FILE", help="write what the tests of front ends tried to this file")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Notes a row of the table after each test that is one."""
    report = yield
    mark = item.get_closest_marker("front_end")
    if mark and report.when == "call" and not hasattr(report, "wasxfail"):
        _ROWS.append(_row(*mark.args, **mark.kwargs, outcome=report.outcome, given=getattr(item, "callspec", None)))
    return report


_ROWS = []


def _row(front_end, what, how, *, outcome, given, package=""):
    """A row; parameters of the test may stand in braces in its texts."""
    values = {} if given is None else {name: str(value) for name, value in given.params.items()}
    front_end, what = front_end.format(**values), what.format(**values)
    version = importlib.metadata.version(package) if package else ""
    return {"front end": front_end, "version": version, "what": what, "how": how, "outcome": outcome}


def pytest_sessionfinish(session):
    if (target := session.config.getoption("--front-ends")) and _ROWS:
        text = json.dumps({"tried": str(date.today()), "rows": _ROWS}, indent=1, ensure_ascii=False)  # noqa: DTZ011
        Path(session.config.rootpath, target).write_text(text + "\n", encoding="utf-8")
