"""A real JupyterLab in headless Chromium: `lab(*cells)` opens a notebook of these cells and hands over the page."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from jupyter_client import BlockingKernelClient
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
TOKEN = "a-token-of-the-tests"
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/codemirror-extension:plugin": {"defaultConfig": {"autoClosingBrackets": True}},
}
PATIENCE = 60_000
"""Milliseconds after which something that should have happened counts as missing: machines may be slow and busy."""
READY = {"lab": "text=(ipykernel) | Idle", "notebook": ".jp-Notebook-ExecutionIndicator[data-status='idle']"}
"""What shows in each front end that the notebook's kernel waits for work."""
BENIGN = {
    "lab": ("favicon", "ResizeObserver loop"),
    "notebook": ("favicon", "ResizeObserver loop", "(reading 'schema')", "filebrowser:open-path", "403 (Forbidden)"),
}
"""Console errors of the page that are none of ours."""


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for all tests."""
    if CHROMIUM is None:
        pytest.fail("no Chromium found: install it (Debian: apt-get install chromium), or set CHROMIUM to its path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """(address, folder, settings) of a running JupyterLab."""
    folder = tmp_path_factory.mktemp("lab")
    settings = folder / "settings"
    for name, values in SETTINGS.items():
        package, plugin = name.split(":")
        path = settings / package / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "IMAGEGEN_", "PYTEST_"))
    }
    environ |= {
        "IMAGEGEN_BACKEND": "simulator", "PYTHONPATH": str(ROOT), "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"), "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "IPYTHONDIR": str(folder / "ipython"), "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_PATH": str(folder / "share"),
    }  # fmt: skip
    (folder / "notebooks").mkdir()
    (folder / "share" / "labextensions").mkdir(parents=True)
    (folder / "share" / "labextensions" / "imagegen-magic").symlink_to(
        ROOT / "labextension"
    )  # as it is here, not as installed
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder / 'notebooks'}",
    ]  # fmt: skip
    with (folder / "lab.log").open("w") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process)
            yield address, folder / "notebooks", settings
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(address, process):
    for _ in range(120):
        try:
            _request(f"{address}/api")
        except OSError:
            assert process.poll() is None, "JupyterLab ended before it answered"
            time.sleep(0.5)
        else:
            return
    pytest.fail("JupyterLab did not answer within a minute")


class Lab:
    """An open notebook.

    `page` is Playwright's page; `errors` the page's console errors; `folder` the notebook's working folder.
    """

    def __init__(self, page, address, path, runtime, app):
        self.page, self.address, self.path, self.folder = page, address, path, path.parent
        self.runtime, self.app = runtime, app
        self.errors = []
        self._clients = {}
        page.set_default_timeout(PATIENCE)
        page.on(
            "console", lambda message: message.type == "error" and self._note(message.text, message.location["url"])
        )
        page.on("pageerror", lambda error: self._note(str(error)))

    def _note(self, text, address=""):
        if not any(word in f"{text} {address}" for word in BENIGN[self.app]):
            self.errors.append(f"{text} {address}".strip())

    def open(self):
        """Loads the page of the notebook, and waits until its kernel is ready."""
        name = f"{self.path.parent.name}/{self.path.name}"
        where = f"doc/tree/{name}?reset&" if self.app == "lab" else f"notebooks/{name}?"
        self.page.goto(f"{self.address}/{where}token={TOKEN}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.page.wait_for_selector(READY[self.app])

    def open_as_a_stranger(self):
        """Loads the page again as somebody else gets it: untrusted, and without a kernel that could run it."""
        name = f"{self.path.parent.name}/{self.path.name}"
        notebook = nbformat.read(self.path, as_version=4)
        notebook.metadata["kernelspec"] = {"display_name": "none", "language": "python", "name": "no-such-kernel"}
        nbformat.write(notebook, self.path)
        self.page.goto(f"{self.address}/doc/tree/{name}?reset&token={TOKEN}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        with contextlib.suppress(
            PlaywrightTimeoutError
        ):  # it comes late, or goes by itself: what the page shows is the same
            self.page.get_by_role("button", name="No Kernel").first.click(timeout=5_000)

    def menu(self, *names):
        """Clicks through a menu; an entry's name may have its shortcut behind it."""
        for name in names:
            self.page.get_by_role("menuitem", name=re.compile(rf"^{name}( (Ctrl|⌘|\w, \w).*)?$")).first.click()

    def run_all(self):
        """Runs every cell, and waits until each has its number."""
        self.menu("Run", "Run All Cells")
        self.idle()

    def idle(self):
        """Waits until every cell that is not empty has run."""
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('.jp-CodeCell')].every(cell =>
                 cell.querySelector('.cm-content')?.textContent.trim() === '' ||
                 /\\[\\d+\\]/.test(cell.querySelector('.jp-InputPrompt').textContent))"""
        )

    def save(self, ready=lambda notebook: True):
        """The notebook as it is saved, once `ready(notebook)` is true of it; cells' outputs reach the page a moment late."""
        before = self.path.stat().st_mtime_ns
        deadline = time.monotonic() + PATIENCE / 1000
        while time.monotonic() < deadline:
            self.menu("File", "Save Notebook")
            self.page.wait_for_timeout(200)
            with contextlib.suppress(nbformat.reader.NotJSONError):  # half written
                notebook = nbformat.read(self.path, as_version=4)
                if self.path.stat().st_mtime_ns != before and ready(notebook):
                    return notebook
        pytest.fail("the notebook was not saved as expected")

    def run_new(self, text):
        """Adds a cell at the end with `text`, and runs it."""
        count = self.page.locator(".jp-CodeCell").count()
        self.page.locator(".jp-Notebook .jp-CodeCell .jp-Editor").last.click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        self.page.wait_for_function(f"() => document.querySelectorAll('.jp-CodeCell').length === {count + 1}")
        self.page.keyboard.press("Enter")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Control+Enter")
        self.idle()

    def ask(self, expression):
        """The value of a Python expression in the kernel (a literal), asked beside the page."""
        reply = self._client().execute_interactive("", silent=True, user_expressions={"it": expression}, timeout=60)
        found = reply["content"]["user_expressions"]["it"]
        assert found["status"] == "ok", found
        return ast.literal_eval(found["data"]["text/plain"])

    def until(self, expression, expected):
        """The value of an expression in the kernel once it is as `expected` (a value, or a function of it)."""
        fits = expected if callable(expected) else lambda value: value == expected
        deadline = time.monotonic() + PATIENCE / 1000
        while not fits(value := self.ask(expression)):
            assert time.monotonic() < deadline, f"{expression} is still {value!r}"
            self.page.wait_for_timeout(100)
        return value

    def _client(self):
        kernel = next(s["kernel"]["id"] for s in self._sessions())
        if kernel not in self._clients:
            client = BlockingKernelClient(connection_file=str(self.runtime / f"kernel-{kernel}.json"))
            client.load_connection_file()
            client.start_channels()
            client.wait_for_ready(timeout=60)
            self._clients[kernel] = client
        return self._clients[kernel]

    def _sessions(self):
        with _request(f"{self.address}/api/sessions") as answer:
            return [s for s in json.load(answer) if s["path"].endswith(f"{self.path.parent.name}/{self.path.name}")]

    def restart_kernel(self):
        """Restarts the kernel, as a person does from the menu."""
        while self._clients:
            self._clients.popitem()[1].stop_channels()
        self.menu("Kernel", "Restart Kernel…")
        self.page.locator(".jp-Dialog").get_by_role("button", name="Restart").last.click()

    def end_kernel(self):
        """Shuts the kernel down, as a person does before closing."""
        while self._clients:
            self._clients.popitem()[1].stop_channels()
        for session in self._sessions():
            _request(f"{self.address}/api/sessions/{session['id']}", method="DELETE")


@contextlib.contextmanager
def _labs(browser, server, name):
    """The function that the fixtures hand out; what it opened is closed at the end."""
    address, root, settings = server
    opened = []
    folder = root / re.sub(r"\W+", "-", name).strip("-")
    folder.mkdir(exist_ok=True)

    def start(*cells, theme="light", width=1200, height=900, app="lab", blocked=""):
        path = folder / f"{theme}-{width}.ipynb"
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
        nbformat.write(notebook, path)
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        if blocked:
            context.route(f"**/*{blocked}*/**", lambda route: route.abort())
        _set_theme(settings, theme)
        lab = Lab(context.new_page(), address, path, settings.parent / "runtime", app)
        opened.append((context, lab))
        lab.open()
        return lab

    try:
        yield start
    finally:
        for context, lab in opened:
            lab.end_kernel()
            context.close()


@pytest.fixture
def lab(browser, server, request):
    """A function that opens a notebook of these cells: `lab(*cells, theme="light", width=1200, app="lab", blocked="")`.

    `app` is lab or notebook (Notebook 7); addresses that contain `blocked` can't be loaded.
    """
    with _labs(browser, server, request.node.name) as start:
        yield start


@pytest.fixture(scope="module")
def shared_lab(browser, server, request):
    """As `lab`, for a notebook that several tests run anew in turn."""
    with _labs(browser, server, request.node.name) as start:
        yield start


def _set_theme(settings, theme):
    path = settings / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    path.write_text(json.dumps({"theme": f"JupyterLab {theme.title()}"}))


def _request(url, **more):
    """An answer of the server; its token also spares the cross-site check."""
    return urllib.request.urlopen(
        urllib.request.Request(url, headers={"Authorization": f"token {TOKEN}"}, **more), timeout=20
    )
