"""The magics in a real shell: what a cell shows, binds, refuses and leaves alone."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from IPython.utils.capture import capture_output

import imagegen_magic
from imagegen_magic.errors import OptionError


def run(shell, source):
    """(what the cell showed, the result object)."""
    with capture_output() as seen:
        done = shell.run_cell(source, store_history=False)
    return seen, done


def texts(seen):
    return [output.data.get("text/plain", "") for output in seen.outputs]


def test_a_cell_binds_its_name(shell):
    """NAME is bound, the picture shows with its caption, as one output; the cell has no value."""
    seen, done = run(shell, "%%imagegen hero --size 1024x1024\nA red mug.")
    assert done.success
    assert done.result is None
    assert shell.user_ns["hero"].path.name == "hero.png"
    (shown,) = seen.outputs
    assert set(shown.data) == {"image/jpeg", "text/html", "text/plain"}
    assert shown.data["text/plain"].startswith("Image: A red mug.")
    assert re.search(r'<img src="data:image/jpeg;base64,[^"]+" alt="A red mug\." width="512"', shown.data["text/html"])
    assert re.search(
        r'<figcaption>.*href="output/imagegen/hero\.png".*</figcaption>', shown.data["text/html"], re.DOTALL
    )


def test_without_a_name_the_result_is_the_value(shell):
    """The value is the result, and it shows once."""
    _, done = run(shell, "%%imagegen\nA red mug.")
    assert isinstance(done.result, imagegen_magic.ImageResult)


def test_five_mistakes_in_one_card(shell, simulator):
    """Everything wrong is said at once, the cell fails, nothing is sent, and it is no UsageError."""
    line = "--size 3000x700 --quality hd --output-compression 80 -n 11 --progress sometimes"
    seen, done = run(shell, f"%%imagegen {line}\na mug")
    assert not done.success
    assert not isinstance(done.error_in_exec, UsageError)
    card = str(done.error_in_exec)
    for number, field in enumerate(("progress", "size", "quality", "n", "output_compression"), 1):
        assert f"{number}. {field} " in card
    assert card.count("fix:") == 5
    assert "nothing was sent" in card
    assert "Traceback" not in seen.stdout
    assert not simulator.record


def test_braces_and_dollars_pass_through(shell, simulator):
    """Only double braces are filled in, in the line and in the body."""
    shell.user_ns["city"] = "Lisbon"
    _, done = run(shell, '%%imagegen p --style "{x} $5"\nPoster for {{ city }}: {"a": 1}, $5, 100%')
    assert done.success
    assert 'Request: Poster for Lisbon: {"a": 1}, $5, 100%' in shell.user_ns["p"].prompt_sent
    assert "Style: {x} $5" in shell.user_ns["p"].prompt_sent


def test_a_key_in_a_cell_is_refused(shell, simulator):
    """A cell that holds something key-shaped is stopped, and the key is not repeated."""
    key = "sk-proj-" + "a1B2" * 10
    seen, done = run(shell, f"%%imagegen\nuse {key}")
    assert not done.success
    assert key not in str(done.error_in_exec) + seen.stdout
    assert not simulator.record


def test_dry_run_needs_nothing(shell, simulator, folder):
    """The exact request, the names, the cost range; nothing is sent, nothing written."""
    _, done = run(shell, "%%imagegen hero --size 16:9@2k --dry-run\nA lighthouse.")
    text = str(done.result)
    for word in ("2048x1152", "hero.png", "$", "A lighthouse."):
        assert word in text
    assert not simulator.record
    assert not (folder / "output").exists()


def test_scene_and_background_are_not_confused(shell):
    """A value of one given to the other names the other."""
    _, done = run(shell, '%%imagegen --background "a beach" --scene transparent\nmug')
    card = str(done.error_in_exec)
    assert "--scene" in card
    assert "--background transparent" in card


def test_prompts_are_escaped(shell):
    """A hostile prompt is text wherever HTML is made."""
    seen, _ = run(shell, "%%imagegen x\n<script>alert(1)</script><img src=x onerror=alert(2)>")
    page = "".join(output.data.get("text/html", "") for output in seen.outputs)
    assert "<script" not in page
    assert [image for image in re.findall(r"<img[^>]*", page) if not image.startswith('<img src="data:image/')] == []
    assert "&lt;script&gt;" in page


def test_verbs_answer(shell):
    """Every subcommand without side effects shows something, before and after there is a history."""
    run(shell, "%%imagegen hero\nA red mug.")
    for line in ("help", "models", "sizes", "config", "doctor", "tips", "history", "cost", "jobs", "lineage hero",
                 "show @hero", "batches"):  # fmt: skip
        _, done = run(shell, f"%imagegen {line}")
        assert done.success, line
        assert done.result is not None, line
    _, done = run(shell, "%imagegen nonsense")
    assert not done.success


def test_an_image_is_checked_by_its_name(shell):
    """The verdicts are the value; a bound that does not hold fails, and a callable of the notebook may be an expectation."""
    run(shell, "%%imagegen hero --size 1024x1024\nA red mug.")
    shell.user_ns["is_wide"] = lambda image: image.width > image.height or "not wide"
    line = "%imagegen check @hero --expect not-blank --expect 'size >=512x512' --expect=size=512x512 --expect {{ is_wide }}"
    _, done = run(shell, line)
    assert [verdict.status for verdict in done.result.verdicts] == ["pass", "pass", "fail", "fail"]
    assert not done.result.passed
    assert done.result.verdicts[3].sentence == "not wide"
    _, done = run(shell, "%imagegen check hero --expect same-as=@hero")
    assert done.result.passed


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("check", {"image", "expect"}),
        ("check @hero", {"expect"}),
        ("check @hero --expect", {"expect"}),
        ("check @hero @hero --expect not-blank", {"image"}),
        ("check @hero --expct not-blank", {"line", "image", "expect"}),
        ("check @hero --expect not-blnk", {"expect"}),
        ("check @nobody --expect not-blank", {"image"}),
        ("provenance @hero @hero", {"image"}),
    ],
)
def test_a_check_that_means_nothing_is_refused(shell, line, fields):
    """All faults of the line at once."""
    run(shell, "%%imagegen hero\nA red mug.")
    _, done = run(shell, f"%imagegen {line}")
    assert {problem.field for problem in done.error_in_exec.problems} == fields


def test_a_file_says_where_it_comes_from(shell):
    """A simulated picture has no credentials, and its file says what drew it; without a name it is the last one."""
    run(shell, "%%imagegen hero\nA red mug.")
    for line in ("provenance @hero", "provenance hero", "provenance"):
        _, done = run(shell, f"%imagegen {line}")
        assert str(done.result).startswith("Content Credentials: none")
        assert "imagegen_magic simulator" in str(done.result)


def test_help_of_a_cell(shell):
    """`--help` in a cell shows the flags; so does the docstring, examples first."""
    _, done = run(shell, "%%imagegen --help\nx")
    assert "--size" in str(done.result)
    assert shell.find_cell_magic("imagegen").__doc__.startswith("examples")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("--help", "usage: %%imagegen "),
        ("run --help", "usage: %%imagegen "),
        ("edit -h", "usage: %%imagegen_edit "),
        ("batch --help", "usage: %%imagegen_batch "),
        ("cutout --help", "usage: %imagegen cutout PICTURE "),
        ("history --help", "Lists what was made"),
    ],
)
def test_help_of_a_line(shell, line, shown):
    """`%imagegen --help` shows the flags, since IPython refuses a cell magic without a body; each subcommand has its own."""
    _, done = run(shell, f"%imagegen {line}")
    assert shown in str(done.result)


def test_recall_of_a_file_that_is_not_there(shell):
    """The card speaks of the file, not of the history's names."""
    _, done = run(shell, "%imagegen recall output/imagegen/nothing.png")
    assert "there is no such file" in str(done.error_in_exec)


def test_completion(shell):
    """Flags, values, models, slugs and history ids complete in a cell's head; in its prompt nothing, but Python in `{{ }}`."""
    from IPython.core.completer import CompletionContext

    matcher = shell.Completer.custom_matchers[-1]

    def complete(text, line=0):
        context = CompletionContext(
            token="", full_text=text, cursor_position=len(text.split("\n")[line]), cursor_line=line, limit=100
        )
        return [item.text for item in matcher(context)["completions"]]

    run(shell, "%%imagegen hero\nA red mug.")
    assert "--quality" in complete("%%imagegen --qu")
    assert complete("%%imagegen --quality me") == ["medium"]
    assert "gpt-image-2" in complete("%%imagegen --model gpt")
    assert "@hero" in complete("%%imagegen_edit -i @")
    assert "history" in complete("%imagegen hi")
    assert complete("%%imagegen x\n--qu", line=1) == ["--quality", "--quiet"]
    assert complete("\n  %%imagegen x \\\n-q low --quality me", line=2) == ["medium"]
    assert "low" in complete("%%imagegen x\n--quality ", line=1)
    assert complete("%%imagegen x\n", line=1) == []
    assert complete("%%imagegen x\nA {{ ma", line=1) == []
    assert complete("print('--qu") == []


@pytest.mark.parametrize(
    ("text", "offers"),
    [("%%imagegen x\nA mat", False), ("%%imagegen x\nA {{ mat }} --qu", False), ("%%imagegen x\n", False),
     ("%%imagegen x\nA {{ prin", True), ("prin", True), ("mat", True)],
)  # fmt: skip
def test_tab_in_a_prompt_opens_nothing(shell, text, offers):
    """IPython asks its other matchers if ours finds nothing: they would offer `%matplotlib` for "a mat"."""
    with provisionalcompleter():
        assert bool(list(shell.Completer.completions(text, len(text)))) == offers


def test_config_is_checked(shell):
    """A bad default is refused when it is set, and `%imagegen config` says where a value is from."""
    magics = shell.find_cell_magic("imagegen").__self__
    magics.quality = "low"
    assert magics.session_defaults()["quality"] == "low"
    _, done = run(shell, "%config ImagegenMagics.backend = 'sim'")  # IPython would log it, and the cell count as good
    assert 'backend = "simulator"' in str(done.error_in_exec)
    with pytest.raises(OptionError, match='backend = "simulator"'):
        magics.session_defaults()  # every cell and function asks for these: nothing is sent until it is right
    magics.backend = None
    magics.concurrency = "many"
    with pytest.raises(OptionError, match="concurrency"):
        magics.session_defaults()
    magics.concurrency = None
    assert run(shell, "%config ImagegenMagics.backend = 'simulator'")[1].success
    assert magics.session_defaults()["quality"] == "low"


@pytest.mark.parametrize(
    ("typed", "fix", "right"),
    [
        (
            'Imagegen.backend = "simulator"',
            'ImagegenMagics.backend = "simulator"',
            'ImagegenMagics.backend = "simulator"',
        ),
        (
            'ImagegenMagic.backend = "openai"',
            'ImagegenMagics.backend = "openai"',
            'ImagegenMagics.backend = "simulator"',
        ),
        ("ImagegenMagics.maxcost = 0.1", "ImagegenMagics.max_cost = 0.1", "ImagegenMagics.max_cost = 0.1"),
    ],
)
def test_what_nothing_reads_is_refused(shell, typed, fix, right):
    """IPython takes a setting of any name, and the next cell would go to the live API at its usual price."""
    run(shell, '%config ImagegenMagics.backend = "simulator"')
    _, done = run(shell, f"%config {typed}")
    assert f"fix: %config {fix}" in str(done.error_in_exec)
    magics = shell.find_cell_magic("imagegen").__self__
    with pytest.raises(OptionError):
        magics.session_defaults()
    assert run(shell, f"%config {right}")[1].success
    assert magics.session_defaults()["backend"] == "simulator"


def test_run_from_a_variable_and_a_file(shell, folder):
    """`%imagegen run` takes its prompt from either, and asks where a word could be both."""
    shell.user_ns["text"] = "A red mug."
    (folder / "prompt.txt").write_text("A blue mug.", encoding="utf-8")
    run(shell, "%imagegen run text one")
    run(shell, "%imagegen run prompt.txt two --size square")
    assert shell.user_ns["one"].prompt_typed == "A red mug."
    assert shell.user_ns["two"].prompt_typed == "A blue mug."
    (folder / "text").write_text("x")
    _, done = run(shell, "%imagegen run text three")
    assert "both a variable and a file" in str(done.error_in_exec)


def test_a_prompt_from_elsewhere_runs_no_code(shell, folder):
    """`{{ }}` in a file or a variable is text: somebody else may have written it. Recalled, it still is."""
    (folder / "my prompt.txt").write_text("A mug {{ 1/0 }}", encoding="utf-8")
    shell.user_ns["texts"] = {"first": "A cup {{ 1/0 }}"}
    run(shell, '%imagegen run "my prompt.txt" one')
    run(shell, "%imagegen run {{ texts['first'] }} two")
    assert shell.user_ns["one"].prompt_sent == "A mug {{ 1/0 }}"
    assert shell.user_ns["two"].prompt_sent == "A cup {{ 1/0 }}"
    run(shell, "%imagegen recall @one")
    first, _, body = shell.rl_next_input.partition("\n")
    _, done = run(shell, f"{first} --dry-run\n{body}")
    assert done.result.prompt == "A mug {{ 1/0 }}"


def test_history_is_searched_by_what_a_person_knows(shell):
    """A word of name, prompt, model or file finds a line; words of the machinery do not. `-n` bounds it."""
    for name in ("late", "early", "noon"):
        run(shell, f"%%imagegen {name}\nA mug at {name}.")
    assert len(run(shell, "%imagegen history late")[1].result.rows) == 1
    assert len(run(shell, "%imagegen history mug -n 2")[1].result.rows) == 2
    assert run(shell, "%imagegen history -n none")[1].error_in_exec.problems


def test_a_mask_shows_what_may_change(shell, folder):
    """A dry run shows the hatched overlay; the result says the share, and how much changed outside."""
    from PIL import Image

    Image.new("RGB", (1024, 1024), "navy").save(folder / "a.png")
    seen, done = run(shell, "%%imagegen_edit -i a.png --mask-box 0,0,100%,50% --dry-run\nA sunset.")
    assert any("image/png" in output.data or "image/jpeg" in output.data for output in seen.outputs)
    assert "50%" in str(done.result)
    run(shell, "%%imagegen_edit sky -i a.png --mask-box 0,0,100%,50%\nA sunset.")
    assert any("50% of a.png may change" in note for note in shell.user_ns["sky"].notes)


def test_recall_brings_the_cell_back(shell):
    """The recalled cell, run again as a dry run, asks for the same request."""
    run(shell, '%%imagegen hero --size 1024x1536 --style "flat art"\nA red mug.')
    run(shell, "%imagegen recall @hero")
    source = shell.rl_next_input
    first, _, body = source.partition("\n")
    _, done = run(shell, f"{first} --dry-run\n{body}")
    assert done.result.request["size"] == "1024x1536"
    assert done.result.prompt == shell.user_ns["hero"].prompt_sent


def test_warnings_come_before_the_call(shell, simulator):
    """What should be known before paying shows before anything is sent, even where the call then fails, and only once."""
    seen, done = run(shell, "%%imagegen old -m gpt-image-1\nA red mug.")
    assert not done.success
    (warning,) = texts(seen)
    assert "gpt-image-1" in warning
    assert "2026-10-23" in warning
    assert "base_url" not in str(done.error_in_exec)  # nothing went there
    seen, done = run(shell, "%%imagegen drink --transparent --size 1024x1024\nA glass of water.")
    assert done.success
    shown = texts(seen)
    assert "one key colour" in shown[0]
    assert shown[1].startswith("Image: ")
    assert "one key colour" not in shown[1]
    assert any("one key colour" in warning for warning in shell.user_ns["drink"].warnings)


def test_native_transparency_that_may_be_refused_wants_a_word(shell, simulator):
    """`--background transparent` on a preview model is asked back, with the ready flags; `--transparent native` is the word."""
    _, done = run(shell, "%%imagegen ghost --background transparent\nA ghost.")
    assert "--transparent native confirms it" in str(done.error_in_exec)
    assert not simulator.record
    for flags in ("--transparent native", "-m gpt-image-2.5-flare --background transparent"):
        _, done = run(shell, f"%%imagegen ghost {flags}\nA ghost.")
        assert done.success
        assert shell.user_ns["ghost"].request["background"] == "transparent"


def test_functions_follow_the_notebooks_settings():
    """`%config` holds for `imagegen_magic.generate` and the panel as for cells, whichever comes first."""
    code = (
        "import imagegen_magic\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.history_manager.enabled = False\n"
        "shell.run_line_magic('load_ext', 'imagegen_magic')\n"
        "shell.run_line_magic('config', 'ImagegenMagics.backend = \"simulator\"')\n"
        "result = imagegen_magic.generate('a mug', name='hero', size='1024x1024', quality='low')\n"
        "assert result.record.simulated\n"
        "shell.run_cell('%imagegen show @hero').raise_error()\n"
        "shell.run_line_magic('unload_ext', 'imagegen_magic')\n"
        "from imagegen_magic.api import default_session\n"
        "assert default_session().options().backend == 'openai'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_submitted_batch_shows_its_receipt(shell):
    """Also with a NAME: how to go on must not be missed."""
    shell.user_ns["sent"] = shell.run_cell_magic(
        "imagegen_batch", "night --via batch-api --model gpt-image-2.5-flare", "a mug"
    )
    assert shell.user_ns["sent"] is shell.user_ns["night"]
    assert "%imagegen collect night" in repr(shell.user_ns["night"])


def test_a_dry_run_says_which_server_and_what_it_leaves_out():
    """Before anything is sent: the host, and the fields that its dialect does not take."""
    where = {"base_url": "http://127.0.0.1:1/v1", "dialect": "localai", "model": "flux"}
    text = repr(imagegen_magic.Session().preview("a mug", quality="high", **where))
    assert "server    127.0.0.1" in text
    assert "quality was left out: localai does not take it" in text
    assert "quality   " not in text  # what is left out does not stand among what would be sent
    assert "cost      unknown: no published price for flux" in text
