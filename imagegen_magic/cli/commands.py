"""From the words of a command line to an exit code: reads them, runs the command, shows what goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from imagegen_magic.errors import ImagegenError, OptionError, Problem
from imagegen_magic.facts.packages import named_packages
from imagegen_magic.options.hints import NO_SUCH_OPTION
from imagegen_magic.options.line import ParsedLine, parse_line
from imagegen_magic.options.secrets import refuse_keys
from imagegen_magic.redaction import redact

from .call import INTERRUPTED, Call, fail
from .output import print_json, print_lines, print_message
from .table import COMMANDS, DEFAULTS, Command
from .words import SHELL_WORDS

if TYPE_CHECKING:
    from imagegen_magic.session import Session
    from imagegen_magic.tables import Table

__all__ = ["RUNNERS", "run_command"]


def run_command(name: str, words: Sequence[str]) -> int:
    """The exit code of a command with its words; whatever goes wrong is on standard error as a short card."""
    json = "--json" in words
    try:
        return _run(COMMANDS[name], words)
    except KeyboardInterrupt:
        print_message("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone; without this the interpreter complains of it at its end
        return 1
    except ImagegenError as error:
        return fail(error, json=json)
    except Exception as error:  # noqa: BLE001 - a fault of ours: its traceback, but never with a key in it
        import traceback  # noqa: PLC0415 - only for a fault of ours

        print_message(redact("".join(traceback.format_exception(error))))
        return 1


@named_packages()
def _run(command: Command, words: Sequence[str]) -> int:
    if {"-h", "--help", "--help-all"} & set(words):
        from .help import full_page, short_page  # noqa: PLC0415 - only for help

        print_lines([(full_page if "--help-all" in words else short_page)(command).rstrip("\n")])
        return 0
    refuse_keys(" ".join(words), "line")
    parsed = parse_line(words, command.key, positional=bool(command.positional), extra=command.own)
    if parsed.unread:
        raise OptionError("the line can't be used", problems=parsed.problems)
    problems, free = _line_problems(command, words, parsed)
    word = free[0] if free else None
    return RUNNERS[command.name](Call(command=command, values=parsed.values, word=word, words=free, problems=problems))


def _line_problems(
    command: Command, words: Sequence[str], parsed: ParsedLine
) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """The faults of a line as a shell's user made them, and its words without a flag."""
    unknown = {problem.field for problem in parsed.problems if problem.rule == NO_SUCH_OPTION}
    after = {value for flag, value in pairwise(words) if flag in unknown}
    word = None if parsed.name in after else parsed.name  # what follows a mistyped flag is that flag's value
    stray = [word for word in parsed.stray if word not in after]
    problems = [problem for problem in parsed.problems if problem.field != "line"]
    free = (word,) if word else ()
    if command.many:
        return tuple(problems), (*free, *stray)
    if stray:
        text = " ".join([word, *stray] if word else stray)
        rule = f"one {command.positional} at most" if command.positional else "a value without its flag"
        fix = f'imagegen {command.name} "{text}"' if command.positional else f"imagegen {command.name} --help"
        problems.append(Problem(field="line", value=text, rule=rule, fix=fix))
    return tuple(problems), free


def _raise_problems(call: Call) -> None:
    if call.problems:
        raise OptionError("the line can't be used", problems=call.problems)


def _session(call: Call) -> Session:
    """A session whose settings are the line's."""
    from imagegen_magic.session import Session  # noqa: PLC0415 - the engine comes with the first command that needs it

    _raise_problems(call)
    given = {name: value for name, value in call.values.items() if name not in ("json", "online")}
    return Session(defaults=lambda: given)


def _show_table(call: Call, table: Table, code: int = 0) -> int:
    if call.json:
        rows = [{name: _in_words(cell) for name, cell in row.items()} for row in table.to_records()]
        print_json({"exit_code": code, "title": table.title, "rows": rows, "notes": list(map(_in_words, table.notes))})
    else:
        print_lines([table.text(SHELL_WORDS)])
    return code


def _in_words(cell: Any) -> Any:
    """A cell of a table, its fixes as a shell has them."""
    return SHELL_WORDS.render(cell) if isinstance(cell, str) else cell


def _models(call: Call) -> int:
    from imagegen_magic.display.reports import models_table  # noqa: PLC0415 - with the command

    session = _session(call)
    return _show_table(call, models_table(session.catalog(session.options({})), date.today()))  # noqa: DTZ011


def _sizes(call: Call) -> int:
    from imagegen_magic.display.reports import sizes_table  # noqa: PLC0415 - with the command

    session = _session(call)
    options = session.options({"model": call.word} if call.word else {})
    catalog = session.catalog(options)
    return _show_table(call, sizes_table(catalog, catalog.get(options.model)))


def _tips(call: Call) -> int:
    from imagegen_magic.display.reports import tips_table, use_cases_table  # noqa: PLC0415 - with the command

    _raise_problems(call)
    return _show_table(call, tips_table(call.word) if call.word else use_cases_table())


def _config(call: Call) -> int:
    from imagegen_magic.display.reports import config_table  # noqa: PLC0415 - with the command

    options = _session(call).options({})
    here: dict[str, Any] = {
        name: DEFAULTS[name] for name in ("if_exists", "web_suffix") if options.origins[name] == "default"
    }
    return _show_table(call, config_table(options.changed("default", **here)))


def _cost(call: Call) -> int:
    from imagegen_magic.display.money_tables import cost_table  # noqa: PLC0415 - with the command

    session = _session(call)
    return _show_table(call, cost_table(session.library, session.spending))


def _lock(call: Call) -> int:
    from imagegen_magic.store.lockfile import LOCK  # noqa: PLC0415 - with the command

    found = _session(call).lock()
    print_message(str(found))
    if call.json:
        print_json({"exit_code": 0, "path": LOCK, "requests": len(found.requests), "cost": found.cost})
    else:
        print_lines([LOCK])
    return 0


def _history(call: Call) -> int:
    from imagegen_magic.display.money_tables import history_table  # noqa: PLC0415 - with the command

    return _show_table(call, history_table(_session(call).library, call.word or ""))


def _doctor(call: Call) -> int:
    from imagegen_magic.display.doctor import doctor_table  # noqa: PLC0415 - with the command

    session = _session(call)
    options = session.options({})
    online = session.online_rows(options) if call.values.get("online") else None
    table = doctor_table(options, front_end="command line", live=True, online=online)
    table = replace(table, rows=[row for row in table.rows if row[0] != "front end"])
    return _show_table(call, table, code=1 if any(row[1] == "fail" for row in table.rows) else 0)


def _batches(call: Call) -> int:
    return _show_table(call, _session(call).batches.table())


def _status(call: Call) -> int:
    return _show_table(call, _session(call).batches.handle(call.word or "").status())


def _cancel(call: Call) -> int:
    return _show_table(call, _session(call).batches.handle(call.word or "").cancel())


def _collect(call: Call) -> int:
    from .batch import finish_batch  # noqa: PLC0415 - with the command

    return finish_batch(call, _session(call).batches.handle(call.word or "").collect())


def _simulate(call: Call) -> int:
    from imagegen_magic.simulator.server import PortTakenError, serve_forever  # noqa: PLC0415 - with the command

    _raise_problems(call)
    port = call.values.get("port", 8000)
    print_message("an offline Images API; Ctrl-C ends it. For a client: OPENAI_BASE_URL, with any OPENAI_API_KEY")
    try:
        serve_forever(
            port,
            faults=call.values.get("faults", ""),
            latency=call.values.get("latency", 0.0),
            credentials=bool(call.values.get("credentials")),
            announce=lambda url: print_lines([url]),
        )
    except (PortTakenError, ValueError, OverflowError) as error:
        print_message(f"imagegen simulate: {error.strerror if isinstance(error, PortTakenError) else error}")
        return 1 if isinstance(error, PortTakenError) else 2
    return 0


def _provenance(call: Call) -> int:
    from .provenance import show_provenance  # noqa: PLC0415 - with the command

    _raise_problems(call)
    return show_provenance(call)


def _check(call: Call) -> int:
    from .check import check  # noqa: PLC0415 - numpy comes with the command

    return check(call)


def _completion(call: Call) -> int:
    from .completion import SHELLS, completion_script  # noqa: PLC0415 - with the command

    _raise_problems(call)
    if call.word not in SHELLS:
        problem = Problem(
            field="shell", value=call.word, rule=f"one of {', '.join(SHELLS)}", fix="imagegen completion bash"
        )
        raise OptionError("which shell?", problems=(problem,))
    print_lines([completion_script(call.word).rstrip("\n")])
    return 0


def _make(call: Call) -> int:
    from .make import make  # noqa: PLC0415 - with the command

    return make(call)


def _batch(call: Call) -> int:
    from .batch import make_batch  # noqa: PLC0415 - with the command

    return make_batch(call)


def _cut(call: Call) -> int:
    from .cutout import remove_chroma_key  # noqa: PLC0415 - with the command

    return remove_chroma_key(call)


def _slice(call: Call) -> int:
    from .sprites import slice_file  # noqa: PLC0415 - OpenCV comes with the command

    return slice_file(call)


def _pixelate(call: Call) -> int:
    from .artwork import pixelate_file  # noqa: PLC0415 - with the command

    return pixelate_file(call)


def _icons(call: Call) -> int:
    from .artwork import make_icon_files  # noqa: PLC0415 - with the command

    return make_icon_files(call)


def _unpack(call: Call) -> int:
    from .artwork import unpack_file  # noqa: PLC0415 - with the command

    return unpack_file(call)


RUNNERS: dict[str, Callable[[Call], int]] = {
    "generate": _make,
    "edit": _make,
    "generate-batch": _batch,
    "remove-chroma-key": _cut,
    "sprites": _make,
    "slice": _slice,
    "pixelate": _pixelate,
    "icons": _icons,
    "unpack": _unpack,
    "models": _models,
    "sizes": _sizes,
    "tips": _tips,
    "cost": _cost,
    "history": _history,
    "lock": _lock,
    "doctor": _doctor,
    "config": _config,
    "provenance": _provenance,
    "check": _check,
    "batches": _batches,
    "status": _status,
    "collect": _collect,
    "cancel": _cancel,
    "simulate": _simulate,
    "completion": _completion,
}
"""What runs each command."""
