"""What the pages show is what happens: their Python and shell blocks run, their flags, links and keys exist.

Cells (`{code-cell}`) run when the site is built; reference pages and errors are made then, from the package itself.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from made import gallery, measured

from imagegen_magic.cli import main
from imagegen_magic.cli.help import full_page
from imagegen_magic.cli.table import COMMANDS as PROGRAMS
from imagegen_magic.facts.catalog import load_catalog
from imagegen_magic.notebook.subcommands import SUBCOMMANDS
from imagegen_magic.options.defaults import config_options
from imagegen_magic.options.table import OPTIONS
from imagegen_magic.request.cost import format_usd
from imagegen_magic.simulator import FAULTS, parse_faults

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
MADE = ("reference", "gallery", "errors.md", "made", "img")
PAGES = {
    path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(DOCS.rglob("*.md"))
    if path.relative_to(DOCS).parts[0] not in MADE
}
FOREIGN = {
    "--delivery",
    "--force-reinstall",
    "--no-deps",
    "--flags",
    "--nbval-lax",
    "--help",
    "--help-all",
    "--key-color",
}
"""Words on the pages that only look like flags, are another program's, or the served simulator's."""
PROGRAMS_OF_A_SHELL = f"""
set -e
imagegen() {{ "{sys.executable}" -m imagegen_magic "$@"; }}
open() {{ test -s "$1"; }}
"""


def blocks(page, language):
    """The text of every fenced block of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.DOTALL | re.MULTILINE)


def pages_with(language):
    return [page for page in PAGES if blocks(page, language)]


@pytest.mark.parametrize("page", pages_with("python"))
def test_python_runs(page, monkeypatch):
    """The Python blocks of a page run as they stand, one after the other, as a reader would run them."""
    monkeypatch.setenv("OPENAI_API_KEY", "")  # what a block sets is gone after the test
    names = {}
    for code in blocks(page, "python"):
        exec(compile(code, page, "exec"), names)


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("jq")), reason="bash and jq are needed")
@pytest.mark.parametrize("page", pages_with("sh"))
def test_shell_runs(page, folder):
    """The shell blocks of a page run as they stand, in one shell, in an empty folder; each picture named is there."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder), "IMAGEGEN_BACKEND": "simulator"}
    program = "\n".join([PROGRAMS_OF_A_SHELL, *blocks(page, "sh")])
    done = subprocess.run(["bash", "-c", program], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    named = set(re.findall(r"--out (\S+\.png)", program.replace("--out tmp/imagegen/test.png", "")))
    dry = set(re.findall(r"--out (\S+\.png) --dry-run", program))
    assert all((folder / path).is_file() for path in named - dry), named - dry


def test_settings_in_project_files_exist():
    """Every TOML block is a table of settings that can be given there."""
    names = {option.name for option in config_options()}
    tables = [tomllib.loads(text) for page in PAGES for text in blocks(page, "toml")]
    assert tables
    assert all(set(table["tool"]["imagegen_magic"]) <= names | {"profiles"} for table in tables)


def test_no_block_is_left_out():
    """Code on a page is in a language that something runs; what is no code says `text`."""
    for page, text in PAGES.items():
        openings = re.findall(r"^```([a-z{][^\n]*)\n", text, re.MULTILINE)
        assert {word for word in openings if not word.startswith("{")} <= {"python", "sh", "toml", "text"}, page


@pytest.mark.parametrize("page", PAGES)
def test_flags_exist(page):
    """Every flag that a page names is one."""
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGES[page]))
    known = {flag for option in OPTIONS for flag in option.flags}
    known |= {f"--no-{flag[2:]}" for flag in known}
    known |= {word for command in PROGRAMS.values() for word in re.findall(r"--[a-z-]+", full_page(command))}
    assert flags <= known | FOREIGN, flags - known - FOREIGN


@pytest.mark.parametrize("page", PAGES)
def test_links_are_well_formed(page):
    """Links to elsewhere are https (or a server of this machine); links into the repository lead to what is there."""
    for link in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        parts = urlsplit(link)
        if parts.scheme == "source":
            assert (ROOT / parts.path).exists(), link
        elif parts.scheme:
            assert parts.scheme == "https", link
            assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), link


def test_reference_is_complete():
    """Every option, command, model and program has its entry on the reference pages, by the tables they are made from."""
    from made import reference

    pages = reference.pages()
    assert all(f'id="option-{option.name}"' in pages["options"] for option in OPTIONS)
    assert all(f"`%imagegen {name}`" in pages["commands"] for name in SUBCOMMANDS)
    assert all(model.id in pages["models"] for model in load_catalog())
    assert all(f"## {name}\n" in pages["command-line"] for name in PROGRAMS)


@pytest.mark.parametrize(
    ("widget", "section"),
    [
        ("panel/page/panel.js", "## The panel"),
        ("panel/page/history.js", "## The strip and the history"),
        ("widgets/mask_editor.js", "## The mask editor"),
        ("widgets/gallery.js", "## The gallery"),
        ("widgets/animation_player.js", "## The animation player"),
    ],
)
def test_keys_are_the_widgets_own(widget, section):
    """Every key that a widget's source asks for is in its section of the keyboard page."""
    source = (ROOT / "imagegen_magic" / widget).read_text(encoding="utf-8")
    text = PAGES["keyboard.md"].split(section)[1].split("\n## ")[0]
    keys = set(re.findall(r'\bkey === "([^"]+)"', source))
    keys |= set(re.findall(r'\["\w+", "\w+", "([a-z])"\]', source))
    keys |= set(re.findall(r"\b(Home|End): ", source))
    shown = {
        " ": "Space",
        "=": "+",
        "ArrowUp": "↑",
        "ArrowDown": "↓",
        "ArrowLeft": "←",
        "ArrowRight": "→",
        "Escape": "Esc",
        "Shift": "Shift",
    }
    names = [shown.get(key, key.upper() if len(key) == 1 and key.isalpha() else key) for key in keys]
    assert names
    missing = [name for name in names if not re.search(rf"`(\w+\+)*(⌘\+)?{re.escape(name)}`", text)]
    assert not missing


def test_table_of_faults_is_complete():
    """The simulator's page has exactly the faults there are, each with its effect and its billing."""
    rows = [f"| `{name}` | {kind.effect} | {'yes' if kind.billed else 'no'} |" for name, kind in FAULTS.items()]
    table = PAGES["simulator.md"].split("| name | what happens |")[1].split("\n\n")[0].splitlines()[2:]
    assert [line.rsplit("|", 2)[0] + "|" for line in table] == rows


def test_example_scripts_are_read():
    """Every script of the simulator page's table of examples is one."""
    table = PAGES["simulator.md"].split("| script | meaning |")[1].split("\n\n")[0]
    scripts = re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)
    assert len(scripts) == 8
    assert all(parse_faults(script) for script in scripts)


def test_the_command_lines_page_names_what_there_is():
    """Every command and exit code is on cli.md."""
    assert all(name in PAGES["cli.md"] for name in PROGRAMS)
    assert all(f"| {code} |" in PAGES["cli.md"] for code in (0, 1, 2, 3, 4, 130))


def test_every_flag_of_the_cut_out_script_is_explained():
    """migrating.md has each of them in its table."""
    scripts = re.findall(r"--[a-z-]+", full_page(PROGRAMS["remove-chroma-key"]))
    table = PAGES["migrating.md"].split("## remove-chroma-key")[1]
    own = {"--json", "--help-all", "--no-soft-matte", "--no-despill", "--if-exists", "--second"}
    own |= {"--mark", "--no-mark", "--embed-prompt", "--no-embed-prompt", "--sign", "--no-sign"}
    own |= {"--sign-certificate", "--sign-key"}
    assert not [flag for flag in set(scripts) - own if flag not in table]


def test_the_readme_quotes_what_was_measured():
    """Its figures of the cut-out are those of the last run that the site shows."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for sentence in measured.readme_sentences(DOCS):
        assert sentence in readme


def test_the_memory_of_the_readme_is_that_of_the_comparison():
    """Both quote one run of `benchmarks/memory.py`."""
    row = re.search(r"^\| memory, (ten .+?) \| (.+?) \| (.+?) \|$", PAGES["comparison.md"], re.MULTILINE)
    assert f"{row[1]}: {row[2]}; with the SDK alone {row[3]}" in ROOT_PAGES["README.md"]


def test_the_readmes_prices_are_the_estimates(session):
    """Of a square picture by the default model, with the day on which the prices were checked."""
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    plans = [session.plan("a red mug", {"size": "square", "quality": quality}) for quality in ("low", "medium", "high")]
    low, medium, high = (format_usd(plan.estimate.high) for plan in plans)
    assert f"about {low} at low quality, {medium} at medium and {high} at high." in readme
    assert f"OpenAI's prices of {plans[0].estimate.checked}." in readme


def test_the_gallerys_cards_say_what_each_notebook_is_for(tmp_path):
    """A sentence of the notebook's own below each title."""
    gallery.copy_notebooks(ROOT / "notebooks", tmp_path / "gallery")
    page = (tmp_path / "gallery/index.md").read_text(encoding="utf-8")
    cards = re.findall(r"^:::\{grid-item-card\} .+?\n(.*?)^:::$", page, re.DOTALL | re.MULTILINE)
    assert len(cards) == len(list((ROOT / "notebooks").glob("*.ipynb")))
    assert all(card.strip().endswith((".", "!", "?")) for card in cards)
    assert all(":img-top:" in card for card in cards), "a card without a picture"


def test_front_ends_are_tabled_once_for_all_that_they_were_tried_with():
    """Rows that differ in their kind only are one row; no outcome is lost."""
    table = measured.front_ends(DOCS)
    tried = json.loads((DOCS / "measured/front_ends.json").read_text(encoding="utf-8"))["rows"]
    rows = [row.split(" | ") for row in table.splitlines() if row.startswith("| ")][2:]
    assert len(rows) < len(tried)
    kinds = [re.search(r"\(([^()]*)\)$", row[1]) for row in rows]
    assert sum(len(found[1].split("; ")) if found else 1 for found in kinds) == len(tried)


ROOT_PAGES = {
    name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")
}


def test_the_readmes_blocks_run(shell, folder):
    """Its cells, Python and inline commands, one after the other, as a reader would run them; `make` is another test's."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", ROOT_PAGES["README.md"], re.DOTALL | re.MULTILINE)
    assert {language for language, _ in found} == {"", "python"}
    for _, text in found:
        if not text.startswith("make "):
            done = shell.run_cell(text)
            assert done.success, (text, done.error_in_exec or done.error_before_exec)
    commands = re.findall(r"`(imagegen generate [^`]+)`", ROOT_PAGES["README.md"])
    assert commands
    for command in commands:
        assert main(shlex.split(command)[1:]) == 0
    assert (folder / "mug.png").is_file()
    assert (folder / "icons.zip").is_file()


@pytest.mark.parametrize("name", ROOT_PAGES)
def test_what_the_first_pages_name_is_there(name):
    """Each target of make, and each file and anchor of the checkout that a link leads to."""
    text = ROOT_PAGES[name]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if not urlsplit(link).scheme:
            assert (ROOT / path).exists(), link
            assert not anchor or anchor in headings(ROOT / path), link


def headings(path):
    """The anchors that a page's headings have."""
    return {
        re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("#")
    }
