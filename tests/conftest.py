"""What tests share: an empty folder without keys or settings, a session on a simulator, and a real shell."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from imagegen_magic.api import Session
from imagegen_magic.client import Client
from imagegen_magic.simulator import Simulator

settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
    session = Session(defaults=lambda: {"backend": "simulator", **defaults})
    client = Client(backend="simulator", simulator=simulator)
    session.client = lambda options: client
    return session


@pytest.fixture
def shell(session):
    """A real IPython shell with the extension loaded, its session on the simulator."""
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell.clear_instance()
    made = InteractiveShell.instance()
    made.history_manager.enabled = False
    made.run_line_magic("load_ext", "imagegen_magic")
    made.find_cell_magic("imagegen").__self__._session = session
    yield made
    made.run_line_magic("unload_ext", "imagegen_magic")
    made.history_manager.end_session()
    InteractiveShell.clear_instance()
