"""`%imagegen VERB …`: what can be asked and done beside making a picture."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cells import PlainText, run_cell
from .errors import ImagegenError, OptionError, Problem
from .option_table import COMMANDS
from .options import build_parser, parse_line, split_line
from .prompt import lift_variables, restore_variables
from .tables import Table

if TYPE_CHECKING:
    from .api import Session

__all__ = ["VERBS", "run_verb"]

Verb = Callable[["Session", Any, str], Any]


def run_verb(session: Session, shell: Any, line: str) -> Any:
    """What the verb returns.

    Raises:
        OptionError: there is no such verb.
    """
    if not {"-h", "--help"}.isdisjoint(line.split()):
        return _flags(line)
    word, _, rest = line.strip().partition(" ")
    verb = VERBS.get(word or "help")
    if verb is None:
        import difflib  # noqa: PLC0415 - only for a mistyped verb

        near = difflib.get_close_matches(word, VERBS, n=2)
        fix = f"did you mean {' or '.join(near)}?" if near else "%imagegen help"
        raise OptionError(
            "no such verb", problems=(Problem(field="verb", value=word, rule=f"one of {', '.join(VERBS)}", fix=fix),)
        )
    return verb(session, shell, rest.strip())


def _flags(line: str) -> PlainText:
    """What `%imagegen [VERB] --help` shows. IPython refuses `%%imagegen --help` alone, since such a cell has no body."""
    verb = next((word for word in line.split() if word in VERBS), "run")
    command = {"run": "generate"}.get(verb, verb)
    if command in COMMANDS:
        return PlainText(build_parser(command).format_help())
    return PlainText(f"%imagegen {verb}: {VERBS[verb].__doc__}")


def words_of(shell: Any, line: str) -> list[Any]:
    """The words of a verb's line; a `{{ expr }}` word is its value, whatever that is."""
    lifted, values = lift_variables(line, shell.user_ns)
    return [restore_variables(word, values) for word in split_line(lifted)]


def verb_help(session: Session, shell: Any, line: str) -> Table:
    """This list."""
    rows = [(f"%imagegen {name}", (verb.__doc__ or "").strip().split("\n")[0]) for name, verb in VERBS.items()]
    rows = [
        ("%%imagegen [NAME] [flags]", "Makes pictures from the cell's text."),
        ("%%imagegen_edit [NAME] -i IMG", "Changes a picture."),
        ("%%imagegen_batch [NAME]", "Makes many: one prompt or JSON object a line."),
        *rows,
    ]
    return Table(
        title="imagegen_magic",
        columns=("command", "what it does"),
        rows=rows,
        notes=["flags: %imagegen --help, %imagegen edit --help, %imagegen batch --help"],
    )


def _run_from(command: str, session: Session, shell: Any, line: str) -> Any:
    """Runs a cell whose prompt comes from a file or a variable, named first on the line."""
    word, rest = _first_word(line)
    if not word:
        rule = "a file or a variable with the prompt is needed"
        problem = Problem(field="line", rule=rule, fix="%imagegen run prompt.txt hero --size square")
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
    path = Path(source).expanduser()
    if value is not None and path.is_file():
        rule = "both a variable and a file have this name"
        raise OptionError(
            "which one?",
            problems=(Problem(field="prompt", value=source, rule=rule, fix=f"./{source} or {{{{ {source} }}}}"),),
        )
    if isinstance(value, str):
        return value
    if path.is_file():
        return path.read_text(encoding="utf-8")
    rule = "neither a text variable nor a file"
    raise OptionError(
        "no prompt",
        problems=(Problem(field="prompt", value=source, rule=rule, fix="define it, or give a file's path"),),
    )


def verb_run(session: Session, shell: Any, line: str) -> Any:
    """Makes pictures from a prompt in a file or a variable: run prompt.txt [NAME] [flags]."""
    return _run_from("generate", session, shell, line)


def verb_edit(session: Session, shell: Any, line: str) -> Any:
    """Edits with a prompt in a file or a variable: edit prompt.txt [NAME] -i IMG [flags]."""
    return _run_from("edit", session, shell, line)


def verb_batch(session: Session, shell: Any, line: str) -> Any:
    """Makes the pictures of a variable or file: batch [NAME] --from jobs.jsonl [flags]."""
    return run_cell(session, shell, "batch", line, "")


def verb_models(session: Session, shell: Any, line: str) -> Table:
    """Shows every model, its state, what it can do and what it costs."""
    from .reports import models_table  # noqa: PLC0415 - reads the catalog

    return models_table(session.catalog(session.options({})), date.today())  # noqa: DTZ011 - the user's own day


def verb_sizes(session: Session, shell: Any, line: str) -> Table:
    """Shows presets, the size rule, and costs: sizes [MODEL]."""
    from .reports import sizes_table  # noqa: PLC0415 - reads the catalog

    options = session.options({"model": line} if line else {})
    catalog = session.catalog(options)
    return sizes_table(catalog, catalog.get(options["model"]))


def verb_config(session: Session, shell: Any, line: str) -> Table:
    """Shows every setting, its value, and where the value comes from."""
    from .reports import config_table  # noqa: PLC0415 - with the other reports

    return config_table(session.options({}))


def verb_tips(session: Session, shell: Any, line: str) -> Table:
    """Shows the use cases, or one with tips and a template: tips [SLUG]."""
    from .reports import tips_table, use_cases_table  # noqa: PLC0415 - reads a file

    return tips_table(line) if line else use_cases_table()


def verb_doctor(session: Session, shell: Any, line: str) -> Table:
    """Checks key, SDK, folder, backend and front end; sends nothing."""
    from . import frontend  # noqa: PLC0415 - with the doctor
    from .doctor import doctor_table  # noqa: PLC0415 - with the doctor

    options = session.options({})
    return doctor_table(options, front_end=frontend.front_end(), live=frontend.is_live(options["progress"]))


def verb_why(session: Session, shell: Any, line: str) -> PlainText:
    """Shows the whole traceback of the last error."""
    import sys  # noqa: PLC0415 - only here

    error = getattr(sys, "last_value", None)
    if not isinstance(error, ImagegenError):
        return PlainText("the last error was not one of imagegen_magic's")
    from .redaction import redact  # noqa: PLC0415 - only here

    return PlainText(redact("".join(traceback.format_exception(type(error), error, error.__traceback__))))


def verb_history(session: Session, shell: Any, line: str) -> Table | PlainText:
    """Lists what was made: history [WORD] [-n COUNT]; --rebuild writes it anew from the sidecars."""
    words = split_line(line)
    if words == ["--rebuild"]:
        return PlainText(f"the history has {session.rebuild_history()} lines")
    count = [words.pop(words.index("-n") + 1)] if "-n" in words[:-1] else []
    if count and not (count[0].isdigit() and int(count[0])):
        problem = Problem(field="-n", value=count[0], rule="a whole number from 1", fix="%imagegen history mug -n 100")
        raise OptionError("the history can't be listed", problems=(problem,))
    word = " ".join(word for word in words if word != "-n")
    return session.history_table(word, *map(int, count))


def verb_cost(session: Session, shell: Any, line: str) -> Table:
    """Shows what was spent: this session, today, by model; estimate against actual."""
    return session.cost_table()


def verb_show(session: Session, shell: Any, line: str) -> Any:
    """Shows a stored result again: show @hero."""
    return session.find_result(line or "@last")


def verb_lineage(session: Session, shell: Any, line: str) -> Any:
    """Draws what a picture was made from, and what was made from it: lineage @hero."""
    return session.lineage(line or "@last")


def verb_compare(session: Session, shell: Any, line: str) -> Any:
    """Puts two pictures side by side: compare @hero @sunset."""
    words = words_of(shell, line)
    if len(words) != 2:
        problem = Problem(
            field="compare", value=line, rule="two pictures are needed", fix="%imagegen compare @hero @sunset"
        )
        raise OptionError("nothing to compare", problems=(problem,))
    return session.compare(words[0], words[1], variables=shell.user_ns)


def verb_recall(session: Session, shell: Any, line: str) -> None:
    """Puts the cell that made a picture into the next cell: recall FILE or @id."""
    shell.set_next_input(session.recall(line or "@last"), replace=False)


def verb_cutout(session: Session, shell: Any, line: str) -> Any:
    """Cuts a picture out of its flat backdrop, locally: cutout FILE|@id|VAR [--opacity translucent] …."""
    parsed = parse_line(line, "cutout", variables=shell.user_ns)
    return session.cutout_verb(parsed, variables=shell.user_ns)


def verb_jobs(session: Session, shell: Any, line: str) -> Table:
    """Lists the requests of this session and what became of them."""
    rows = []
    for task in session.tasks:
        error = f"{type(task.error).__name__}: {getattr(task.error, 'summary', task.error)}" if task.error else ""
        rows.append((task.number, task.title, task.state, f"{task.elapsed:.0f} s", error))
    return Table(title="Jobs", columns=("job", "what", "state", "time", "error"), rows=rows)


def verb_cancel(session: Session, shell: Any, line: str) -> Any:
    """Stops a job that has not been sent yet, or a submitted batch: cancel NUMBER|ID."""
    if line and not line.isdigit():
        return session.batch_handle(line).cancel()
    task = session.tasks.find(int(line)) if line.isdigit() else None
    if task is None:
        numbers = ", ".join(str(task.number) for task in session.tasks.running()) or "none is running"
        problem = Problem(
            field="job", value=line, rule=f"the number of a running job ({numbers})", fix="%imagegen jobs"
        )
        raise OptionError("no such job", problems=(problem,))
    task.cancel()
    return PlainText(
        f"job {task.number}: nothing more is sent; what was sent already is billed, and saved when it comes"
    )


def verb_panel(session: Session, shell: Any, line: str) -> Any:
    """Opens the widget panel; a sentence where no widget can be."""
    from .frontend import front_end  # noqa: PLC0415 - with the panel

    if front_end() != "notebook":
        return PlainText(
            "The panel is for notebooks: JupyterLab, Notebook, VS Code, voila. Here, %%imagegen cells do the same; "
            "%imagegen help lists how."
        )
    from .panel import Panel  # noqa: PLC0415 - anywidget comes with the panel

    return Panel(session=session)


def verb_batches(session: Session, shell: Any, line: str) -> Any:
    """Lists what was sent through the Batch API: batches."""
    return session.batches_table()


def verb_status(session: Session, shell: Any, line: str) -> Any:
    """Asks how far a batch is: status [ID]."""
    return session.batch_handle(line).status()


def verb_collect(session: Session, shell: Any, line: str) -> Any:
    """Fetches a finished batch's pictures: collect [ID]."""
    from . import frontend  # noqa: PLC0415 - with the batch

    gallery = session.batch_handle(line).collect()
    table, *sheet = gallery.display_items()
    if sheet:  # which the gallery shows of itself
        frontend.show_bundle(*table)
    return gallery


VERBS: dict[str, Verb] = {
    "help": verb_help,
    "run": verb_run,
    "edit": verb_edit,
    "batch": verb_batch,
    "models": verb_models,
    "sizes": verb_sizes,
    "tips": verb_tips,
    "config": verb_config,
    "doctor": verb_doctor,
    "history": verb_history,
    "show": verb_show,
    "recall": verb_recall,
    "lineage": verb_lineage,
    "compare": verb_compare,
    "cutout": verb_cutout,
    "cost": verb_cost,
    "jobs": verb_jobs,
    "cancel": verb_cancel,
    "batches": verb_batches,
    "status": verb_status,
    "collect": verb_collect,
    "panel": verb_panel,
    "why": verb_why,
}
"""Every verb, in the order of `%imagegen help`."""
