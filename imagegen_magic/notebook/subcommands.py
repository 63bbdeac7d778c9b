"""`%imagegen SUBCOMMAND …`: what can be asked and done beside making a picture."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
import traceback
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from imagegen_magic.batch.results import Gallery
from imagegen_magic.display import slot as frontend
from imagegen_magic.display.doctor import doctor_table
from imagegen_magic.display.ledger import cost_rows, history_rows
from imagegen_magic.display.money_tables import SHOWN, cost_table, history_table
from imagegen_magic.display.reports import config_table, models_table, sizes_table, tips_table, use_cases_table
from imagegen_magic.errors import Command, Default, Fix, ImagegenError, OptionError, Problem, Setting
from imagegen_magic.images.references import Comparison
from imagegen_magic.jobs.derived import cutout_of
from imagegen_magic.jobs.result import ImageResult
from imagegen_magic.options.line import build_parser, parse_line, split_line
from imagegen_magic.options.paths import expanded, is_file
from imagegen_magic.options.table import COMMANDS, OPTIONS, Option, option_of_flag
from imagegen_magic.options.variables import lift_variables, restore_variables
from imagegen_magic.redaction import redact
from imagegen_magic.tables import Table

from .cells import PlainText, run_cell

if TYPE_CHECKING:
    from imagegen_magic.session import Session

__all__ = ["SUBCOMMANDS", "dispatch"]

Subcommand = Callable[["Session", Any, str], Any]


def dispatch(session: Session, shell: Any, line: str) -> Any:
    """What the subcommand returns.

    Raises:
        OptionError: there is no such subcommand.
    """
    if not {"-h", "--help"}.isdisjoint(line.split()):
        return _flags(line)
    word, _, rest = line.strip().partition(" ")
    subcommand = SUBCOMMANDS.get(word or "help")
    if subcommand is None:
        raise _no_subcommand(word, rest.strip())
    _refuse_flags(word or "help", rest)
    _refuse_words(word, rest)
    return subcommand(session, shell, rest.strip())


def _no_subcommand(word: str, rest: str) -> OptionError:
    """The error of a word that is no subcommand: what was meant, or that an image is a cell's."""
    plain = word.lower()
    near = [MEANT[plain]] if plain in MEANT else difflib.get_close_matches(plain, SUBCOMMANDS, n=2)
    if setting := _meant_setting([word, *rest.split()]):
        fix = setting
    elif near:
        fix = Fix.any_of(Command(name, rest) for name in near)
    elif rest:
        fix = Fix("for an image: ", Command("generate"), " on a line of its own, the prompt on the next; ")
        fix = Fix(fix, Command("help"), " lists the subcommands")
    else:
        fix = Fix(Command("help"), " lists them")
    problem = Problem(field="subcommand", value=word, rule="there is no subcommand of this name", fix=fix)
    return OptionError("no such subcommand", problems=(problem,))


def _meant_setting(words: list[str]) -> Fix | None:
    """`set quality low` and `backend simulator` as the line that sets it; None if no word is the name of an option."""
    name, *value = [word for word in words if word not in ("set", "get", "config", "=")] or [""]
    option = option_of_flag(f"--{name.replace('_', '-')}")
    if option is None:
        return None
    text = " ".join(value) or option.example or (option.choices or ("",))[0]
    if option.config:
        return Fix(Default(option.name, text))
    cell = next(command for command in ("generate", "edit", *COMMANDS) if command in option.commands)
    return Fix(Command(cell), " ", Setting(option.flags[-1], text))


def _refuse_words(subcommand: str, rest: str) -> None:
    """Stops at words behind a subcommand that takes none: they would be passed over.

    Raises:
        OptionError: there are some.
    """
    words = [word for word in rest.split() if not word.startswith("-")]
    if subcommand not in WORDLESS or not words:
        return
    setting = _meant_setting(words) if subcommand == "config" else None
    fix = setting or Fix(Command(subcommand), "; ", Command("help", subcommand), " says what it takes")
    problem = Problem(field=subcommand, value=" ".join(words), rule="it takes no words", fix=fix)
    raise OptionError("nothing is done with these words", problems=(problem,))


def _refuse_flags(subcommand: str, rest: str) -> None:
    """Stops at a flag that a subcommand does not have.

    Raises:
        OptionError: one problem for each such flag.
    """
    if subcommand in READ_FLAGS:
        return
    known = FLAGS.get(subcommand, ())
    flags = [word for word in rest.split() if re.match(r"--?[A-Za-z]", word) and word not in known]
    fix = Fix.any_of(Command(subcommand, flag) for flag in known) if known else "leave it out"
    problems = tuple(Problem(field=flag, rule=f"no flag of {subcommand}", fix=fix) for flag in flags)
    if problems:
        raise OptionError("no such flag", problems=problems)


def _flags(line: str) -> PlainText:
    """What `%imagegen [SUBCOMMAND] --help` shows. IPython refuses `%%imagegen --help` alone, since such a cell has no body."""
    subcommand = next((word for word in line.split() if word in SUBCOMMANDS), "run")
    command = {"run": "generate"}.get(subcommand, subcommand)
    if command in COMMANDS:
        return PlainText(build_parser(command).format_help())
    return PlainText(f"%imagegen {subcommand}: {SUBCOMMANDS[subcommand].__doc__}")


def words_of(shell: Any, line: str) -> list[Any]:
    """The words of a subcommand's line; a `{{ expr }}` word is its value, whatever that is."""
    lifted, values = lift_variables(line, shell.user_ns)
    return [restore_variables(word, values) for word in split_line(lifted)]


def help_subcommand(session: Session, shell: Any, line: str) -> Table | PlainText:
    """This list, one subcommand, or one flag: help [SUBCOMMAND], help --mask."""
    if option := option_of_flag(line) or (
        None if line in SUBCOMMANDS else option_of_flag(f"--{line.replace('_', '-')}")
    ):
        return PlainText(_about_option(option))
    word = line.removeprefix("%%").removeprefix("%").replace("imagegen_", "").strip()
    if word and word not in (*SUBCOMMANDS, *COMMANDS, "imagegen"):
        raise _no_help(word)
    if line:
        return _flags(word)
    rows = [
        (f"%imagegen {name}", (subcommand.__doc__ or "").strip().split("\n")[0])
        for name, subcommand in SUBCOMMANDS.items()
    ]
    rows = [
        ("%%imagegen [NAME] [flags]", "Makes pictures from the cell's text."),
        ("%%imagegen_edit [NAME] -i IMG", "Changes a picture."),
        ("%%imagegen_sprites [NAME]", "Makes a sprite sheet, and cuts it into frames."),
        ("%%imagegen_batch [NAME]", "Makes many: one prompt or JSON object a line."),
        *rows,
    ]
    return Table(
        title="imagegen_magic",
        columns=("command", "what it does"),
        rows=rows,
        notes=["flags: %imagegen --help, %imagegen edit --help, %imagegen batch --help"],
    )


def _no_help(word: str) -> OptionError:
    """The error of help for something that there is not: near subcommands and flags are offered."""
    flags = [flag for option in OPTIONS for flag in option.flags]
    near = [MEANT[word]] if word in MEANT else difflib.get_close_matches(word, [*SUBCOMMANDS, *flags], n=2)
    fix = Fix.any_of(Command("help", name) for name in near) if near else Fix(Command("help"), " lists what there is")
    problem = Problem(field="help", value=word, rule="there is no subcommand and no flag of this name", fix=fix)
    return OptionError("no such help", problems=(problem,))


def _about_option(option: Option) -> str:
    """One flag: what it does, its values, its default, and where it may stand."""
    lines = [f"{', '.join(option.flags)} {option.metavar}".rstrip(), f"  {option.help}"]
    if isinstance(values := option.choices or option.suggests, tuple) and values:
        lines.append(f"  values: {', '.join(values)}")
    if option.default not in (None, False):
        lines.append(f"  default: {option.default}")
    cells = ", ".join(text for command, text in COMMANDS.items() if command in option.commands)
    return "\n".join([*lines, f"  in: {cells or Fix(Default(option.name, option.example))}"])


def _run_from(command: str, session: Session, shell: Any, line: str) -> Any:
    """Runs a cell whose prompt comes from a file or a variable, named first on the line."""
    word, rest = _first_word(line)
    if not word:
        rule = "a file or a variable with the prompt is needed"
        lines = {"generate": "run prompt.txt hero --size square", "edit": "edit prompt.txt blue -i @hero"}
        fix = Fix(f"%imagegen {lines[command]}; or the prompt below ", Command(command))
        problem = Problem(field="line", rule=rule, fix=fix)
        raise OptionError("nothing to run", problems=(problem,))
    return run_cell(session, shell, command, rest, _prompt_from(word, shell), typed=False)


def _first_word(line: str) -> tuple[str, str]:
    """The first word of a line, its quotes removed, and the rest as typed; `{{ expr }}` is one word."""
    match = re.match(r"""\s*({{.*?}}|"[^"]*"|'[^']*'|\S+)\s*(.*)""", line, re.DOTALL)
    return (match[1].strip("'\""), match[2]) if match else ("", "")


def _prompt_from(source: str, shell: Any) -> str:
    """The text of a variable, or of a file."""
    if source.startswith("{{"):
        lifted, values = lift_variables(source, shell.user_ns)
        return str(restore_variables(lifted, values))
    value = shell.user_ns.get(source)
    path = expanded(source)
    if value is not None and is_file(path):
        rule = "both a variable and a file have this name"
        raise OptionError(
            "which one?",
            problems=(Problem(field="prompt", value=source, rule=rule, fix=f"./{source} or {{{{ {source} }}}}"),),
        )
    if isinstance(value, str):
        return value
    if is_file(path):
        return path.read_text(encoding="utf-8")
    rule = "neither a text variable nor a file"
    raise OptionError(
        "no prompt",
        problems=(Problem(field="prompt", value=source, rule=rule, fix="define it, or give a file's path"),),
    )


def run_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Makes pictures from a prompt in a file or a variable: run prompt.txt [NAME] [flags]."""
    return _run_from("generate", session, shell, line)


def edit_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Edits with a prompt in a file or a variable: edit prompt.txt [NAME] -i IMG [flags]."""
    return _run_from("edit", session, shell, line)


def batch_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Makes the pictures of a variable or file: batch [NAME] --from jobs.jsonl [flags]."""
    return run_cell(session, shell, "batch", line, "")


def models_subcommand(session: Session, shell: Any, line: str) -> Table:
    """Shows every model, its state, what it can do and what it costs."""
    return models_table(session.catalog(session.options({})), date.today())  # noqa: DTZ011 - the user's own day


def sizes_subcommand(session: Session, shell: Any, line: str) -> Table:
    """Shows presets, the size rule, and costs: sizes [MODEL]."""
    options = session.options({"model": line} if line else {})
    catalog = session.catalog(options)
    return sizes_table(catalog, catalog.get(options.model))


def config_subcommand(session: Session, shell: Any, line: str) -> Table:
    """Shows every setting, its value, and where the value comes from."""
    return config_table(session.options({}))


def profile_subcommand(session: Session, shell: Any, line: str) -> Table | PlainText:
    """Lists the profiles; saves, shows or deletes one: profile save brand --style flat.

    %imagegen profile save brand                              the options of the last result
    %imagegen profile save brand --style "flat icon" -q low   these options
    %imagegen profile show brand                              what it sets
    %imagegen profile delete brand
    %%imagegen hero --profile brand                           uses it
    """
    from imagegen_magic.store.saved_profiles import delete_profile  # noqa: PLC0415 - as below

    from .profiles import profiles_table, save_profile  # noqa: PLC0415 - only when asked for

    word, rest = _first_word(line)
    word = {"remove": "delete", "rm": "delete", "list": ""}.get(word, word)
    if not word:
        return profiles_table(session)
    name, flags = _first_word(rest)
    if word == "use":
        problem = Problem(
            field="profile", value=line, rule="a cell uses it", fix=f"%%imagegen --profile {name or 'brand'}"
        )
        raise OptionError("profiles are saved, shown, deleted or listed", problems=(problem,))
    if word not in ("save", "show", "delete") or not name or (word != "save" and flags):
        fix = Fix.any_of(Command("profile", text) for text in ("save brand --style flat", "show brand", "delete brand"))
        problem = Problem(field="profile", value=line, rule="save, show or delete, and a NAME", fix=fix)
        raise OptionError("profiles are saved, shown, deleted or listed", problems=(problem,))
    if word == "show":
        return profiles_table(session, name)
    if word == "delete":
        delete_profile(session.library.store, name)
        return PlainText(f"{name} is deleted")
    return PlainText(save_profile(session, shell, name, flags))


def tips_subcommand(session: Session, shell: Any, line: str) -> Table:
    """Shows the use cases, or one with tips and a template: tips [SLUG]."""
    return tips_table(line) if line else use_cases_table()


def doctor_subcommand(session: Session, shell: Any, line: str) -> Table:
    """Checks key, SDK, folder, backend and front end; sends nothing. doctor --online asks the server for its models."""
    if line not in ("", "--online"):
        problem = Problem(
            field="doctor", value=line, rule="nothing, or --online", fix=Fix(Command("doctor", "--online"))
        )
        raise OptionError("the doctor knows one flag", problems=(problem,))
    options = session.options({})
    online = session.online_rows(options) if line else None
    live = frontend.is_live(options.progress)
    return doctor_table(options, front_end=frontend.front_end(), live=live, online=online)


def why_subcommand(session: Session, shell: Any, line: str) -> PlainText:
    """Shows the whole traceback of the last error."""
    error = getattr(sys, "last_value", None)
    if not isinstance(error, ImagegenError):
        return PlainText("the last error was not one of imagegen_magic's")

    return PlainText(redact("".join(traceback.format_exception(type(error), error, error.__traceback__))))


def history_subcommand(session: Session, shell: Any, line: str) -> Table | PlainText:
    """Lists what was made: history [WORD] [-n COUNT] [--json]; --rebuild writes it anew from the sidecars."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("words", nargs="*")
    parser.add_argument("-n", "--limit", default=str(SHOWN))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rebuild", action="store_true")
    try:
        found, unknown = parser.parse_known_args(split_line(line))
    except argparse.ArgumentError as error:
        raise _unlisted(error.argument_name or "line", None, error.message) from None
    if unknown:
        raise _unlisted(unknown[0], None, "no such option")
    if found.rebuild:
        return PlainText(f"the history has {session.library.history.rebuild()} lines")
    if not (found.limit.isdigit() and int(found.limit)):
        raise _unlisted("-n", found.limit, "a whole number from 1")
    words, limit = " ".join(found.words), int(found.limit)
    if found.json:
        return PlainText(history_rows(session.library.search(words)[-limit:], session.library.store.folder).to_json())
    return history_table(session.library, words, limit)


def _unlisted(field: str, value: str | None, rule: str) -> OptionError:
    fix = Fix(Command("history", "mug -n 100 --json"))
    return OptionError("the history can't be listed", problems=(Problem(field=field, value=value, rule=rule, fix=fix),))


def cost_subcommand(session: Session, shell: Any, line: str) -> Table | PlainText:
    """Shows what was spent: this session, today, by model; estimate against actual. cost --json: by day, as data."""
    if line == "--json":
        return PlainText(cost_rows(session.library.history.records()).to_json())
    return cost_table(session.library, session.spending)


def lock_subcommand(session: Session, shell: Any, line: str) -> PlainText:
    """Writes imagegen.lock: which stored images answer which cell, for --replay: lock."""
    return PlainText(f"imagegen.lock: {session.lock()}")


def show_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Shows a stored result again, or several as one sheet: show @hero, show @hero @sunset."""
    words = words_of(shell, line)
    if len(words) < 2:
        value = shell.user_ns.get(line)
        if isinstance(value, ImageResult):
            return value
        if not isinstance(value, (Gallery, list, tuple)):
            return session.find_result(line or "@last")
    from imagegen_magic.display.sheets import make_sheet  # noqa: PLC0415 - Pillow comes with the first image

    library = session.library
    return make_sheet(words, find=library.image_file, known=library.known_source, variables=shell.user_ns)


def lineage_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Draws what a picture was made from, and what was made from it: lineage @hero."""
    return session.library.lineage(line or "@last")


def compare_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Puts two pictures side by side: compare @hero @sunset."""
    words = words_of(shell, line)
    if len(words) != 2:
        problem = Problem(
            field="compare", value=line, rule="two pictures are needed", fix=Fix(Command("compare", "@hero @sunset"))
        )
        raise OptionError("nothing to compare", problems=(problem,))
    return Comparison.of((words[0], words[1]), shell.user_ns, session.library)


def check_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Checks a picture against what is expected of it: check @hero --expect not-blank --expect "size >=512x512"."""
    from .inspecting import check_words  # noqa: PLC0415 - numpy and Pillow come with the first check

    return check_words(session, shell, words_of(shell, line))


def provenance_subcommand(session: Session, shell: Any, line: str) -> PlainText:
    """Shows what a picture's file says about its origin: provenance @hero."""
    from .inspecting import provenance_of  # noqa: PLC0415 - Pillow comes with the first picture

    words = words_of(shell, line) or ["@last"]
    if len(words) > 1:
        fix = Fix(Command("provenance", "@hero"))
        problem = Problem(field="image", value=line, rule="one picture at a time", fix=fix)
        raise OptionError("too many pictures", problems=(problem,))
    return provenance_of(session, shell, words[0])


def recall_subcommand(session: Session, shell: Any, line: str) -> None:
    """Puts the cell that made a picture into the next cell: recall FILE or @id."""
    shell.set_next_input(session.library.recall(line or "@last"), replace=False)


def cutout_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Cuts a picture out of its flat backdrop, locally: cutout FILE|@id|VAR [--opacity translucent] …."""
    parsed = parse_line(line, "cutout", variables=shell.user_ns)
    options = session.options(parsed.values)
    return cutout_of(parsed, shell.user_ns, session.library, options)


def slice_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Cuts a sheet that exists into frames, locally: slice FILE|@id|VAR [--frames 6] [--cell 64x64] [--export atlas,gif] [--objects]."""
    return session.slice_sheet(parse_line(line, "slice", variables=shell.user_ns), shell.user_ns)


def pixelate_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Makes real pixels of painted pixel art, locally: pixelate FILE|@id|VAR [--cell 64x64] [--colors 16|pico-8|FILE]."""
    return session.pixelate(parse_line(line, "pixelate", variables=shell.user_ns), shell.user_ns)


def icons_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Makes icons of a cut-out, locally: icons FILE|@id|VAR [--sizes 16,32,64] [--ico] [--icns] [--favicon]."""
    return session.icons(parse_line(line, "icons", variables=shell.user_ns), shell.user_ns)


def unpack_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Takes an animated GIF apart, locally: unpack FILE|@id [--transparent] [--fps 12] [--durations 80,200] [--export webp,apng]."""
    return session.unpack(parse_line(line, "unpack", variables=shell.user_ns), shell.user_ns)


def jobs_subcommand(session: Session, shell: Any, line: str) -> Table:
    """Lists the requests of this session and what became of them."""
    rows = []
    for task in session.tasks:
        error = f"{type(task.error).__name__}: {getattr(task.error, 'summary', task.error)}" if task.error else ""
        rows.append((task.number, task.title, task.state, f"{task.elapsed:.0f} s", error))
    return Table(title="Jobs", columns=("job", "what", "state", "time", "error"), rows=rows)


def cancel_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Stops a job that has not been sent yet, or a submitted batch: cancel NUMBER|ID."""
    if line and not line.isdigit():
        return session.batches.handle(line).cancel()
    task = session.tasks.find(int(line)) if line.isdigit() else None
    if task is None:
        numbers = ", ".join(str(task.number) for task in session.tasks.running()) or "none is running"
        problem = Problem(
            field="job", value=line, rule=f"the number of a running job ({numbers})", fix=Fix(Command("jobs"))
        )
        raise OptionError("no such job", problems=(problem,))
    task.cancel()
    return PlainText(
        f"job {task.number}: nothing more is sent; what was sent already is billed, and saved when it comes"
    )


def panel_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Opens the widget panel; a sentence if no widget can be."""
    if frontend.front_end() != "notebook":
        return PlainText(
            "The panel is for notebooks: JupyterLab, Notebook, VS Code, voila. Here, %%imagegen cells do the same; "
            "%imagegen help lists how."
        )
    from imagegen_magic.panel import Panel  # noqa: PLC0415 - anywidget comes with the panel: 0.2 s

    return Panel(session=session)


def batches_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Lists what was sent through the Batch API: batches."""
    return session.batches.table()


def status_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Asks how far a batch is: status [ID]."""
    return session.batches.handle(line).status()


def collect_subcommand(session: Session, shell: Any, line: str) -> Any:
    """Fetches a finished batch's pictures: collect [ID]."""
    gallery = session.batches.handle(line).collect()
    table, *sheet = gallery.display_items()
    if sheet:  # which the gallery shows of itself
        frontend.show_bundle(*table)
    return gallery


SUBCOMMANDS: dict[str, Subcommand] = {
    "help": help_subcommand,
    "run": run_subcommand,
    "edit": edit_subcommand,
    "batch": batch_subcommand,
    "models": models_subcommand,
    "sizes": sizes_subcommand,
    "tips": tips_subcommand,
    "profile": profile_subcommand,
    "config": config_subcommand,
    "doctor": doctor_subcommand,
    "history": history_subcommand,
    "show": show_subcommand,
    "recall": recall_subcommand,
    "lineage": lineage_subcommand,
    "compare": compare_subcommand,
    "check": check_subcommand,
    "provenance": provenance_subcommand,
    "cutout": cutout_subcommand,
    "slice": slice_subcommand,
    "pixelate": pixelate_subcommand,
    "icons": icons_subcommand,
    "unpack": unpack_subcommand,
    "lock": lock_subcommand,
    "cost": cost_subcommand,
    "jobs": jobs_subcommand,
    "cancel": cancel_subcommand,
    "batches": batches_subcommand,
    "status": status_subcommand,
    "collect": collect_subcommand,
    "panel": panel_subcommand,
    "why": why_subcommand,
}
"""Every subcommand, in the order of `%imagegen help`."""
READ_FLAGS = frozenset({"help", "run", "profile", "doctor", "history", "check", *COMMANDS})
"""Subcommands that read and check their flags themselves."""
FLAGS = {"cost": ("--json",)}
"""The flags of the others."""
WORDLESS = frozenset({"models", "config", "cost", "jobs", "batches", "lock", "panel", "why"})
"""Subcommands that are the whole line, but for their flags."""
MEANT = {
    "price": "sizes", "prices": "sizes", "pricing": "sizes", "stats": "cost", "spending": "cost", "?": "help",
    "undo": "history", "delete": "history", "remove": "history", "rm": "history", "redo": "recall", "rerun": "recall",
    "sheet": "show", "view": "show", "display": "show", "open": "show", "list": "history", "ls": "history",
    "log": "history", "costs": "cost", "spent": "cost", "usage": "cost", "remove-chroma-key": "cutout", "cut": "cutout",
    "diff": "compare", "generate-batch": "batch",
    "profiles": "profile", "settings": "config", "options": "config", "error": "why", "stop": "cancel",
}  # fmt: skip
"""Words that people try, each with the subcommand that does it."""
