"""The reference pages, from the option table, the catalog, the subcommands, the servers' data and the docstrings."""

from __future__ import annotations

import inspect
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.resources import files

import imagegen_magic
from imagegen_magic.cli.help import full_page
from imagegen_magic.cli.table import COMMANDS as PROGRAMS
from imagegen_magic.display.reports import models_table, price_of_one, sizes_table
from imagegen_magic.facts.catalog import Catalog, Model, load_catalog
from imagegen_magic.facts.use_cases import UseCase, load_use_cases
from imagegen_magic.notebook.subcommands import SUBCOMMANDS
from imagegen_magic.options.table import COMMANDS, OPTIONS, Option
from imagegen_magic.tables import Table

__all__ = ["as_table", "pages"]


def pages() -> dict[str, str]:
    """The text of each page by its name."""
    catalog = load_catalog()
    return {
        "options": options_page(),
        "commands": commands_page(),
        "models": models_page(catalog),
        "use-cases": use_cases_page(),
        "servers": servers_page(),
        "command-line": command_line_page(),
        "python": python_page(),
    }


def as_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; bars in texts are escaped."""
    lines = [columns, ["---"] * len(columns), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (tuple, list)) else "" if value is None else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _from(table: Table) -> str:
    notes = "".join(f"\n{note}\n" for note in table.notes)
    return as_table(table.columns, table.rows) + notes


def options_page() -> str:
    """Every option, a table for each group, and which of them can be set as defaults."""
    groups = list(dict.fromkeys(option.group for option in OPTIONS))
    ways = " · ".join(f"[{group}](#{_anchor(group)})" for group in (*groups, "settings"))
    parts = [
        "# Options\n\nEvery option under every name it has: a flag on the line of a cell, a word in a call from Python, a setting, and on",
        f"the command line ([where some defaults differ](command-line.md)).\n\n{ways}\n",
    ]
    for group in groups:
        its = [option for option in OPTIONS if option.group == group]
        common = Counter(option.commands for option in its).most_common(1)[0][0]
        rows = [_option(option, common) for option in its]
        table = as_table(("flag", "what it says", "default"), rows)
        parts.append(
            f"\n## {group.capitalize()}\n\nIn {_places(common)}, unless said otherwise.\n\n{{.options}}\n{table}"
        )
    rows = [(f"`{o.name}`", f"`IMAGEGEN_{o.name.upper()}`", _default(o)) for o in OPTIONS if o.config]
    parts += [
        "\n## Settings\n",
        "These can be set as defaults. The first place that has a value wins: the line, `%config ImagegenMagics.NAME = value`, the",
        "environment, the nearest `pyproject.toml` with `[tool.imagegen_magic]`, the default. `%imagegen config` shows which.\n",
        as_table(("setting", "environment", "default"), rows),
    ]
    return "\n".join(parts)


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _option(option: Option, common: frozenset[str]) -> tuple[str, str, str]:
    """A row of a group's table; `options.md#option-NAME` leads to it."""
    value = "" if option.kind == "flag" else f" {option.metavar or option.name.upper()}"
    flags = [f"`{flag}`" for flag in option.flags[:-1]] + [f"`{option.flags[-1]}{value}`"]
    flags += [f"`{flag}` (`{option.flags[-1]} {word}`)" for flag, word in option.shorthands]
    if option.kind == "flag" and (option.config or option.default):
        flags.append(f"`--no-{option.flags[-1][2:]}`")
    shown = " ".join(flags) if option.commands else f"`{option.name}`, a setting only"
    facts = (
        ["one of " + ", ".join(f"`{word}`" for word in option.choices)] if option.choices and "|" not in value else []
    )
    facts += [] if f"--{option.name.replace('_', '-')}" in option.flags else [f"in Python `{option.name}`"]
    facts += [f"in {_places(option.commands)}"] if option.commands and option.commands != common else []
    more = f"<br><small>{'; '.join(facts)}</small>" if facts else ""
    return f'<span id="option-{option.name}"></span>{shown}', _plain(option.help) + more, _default(option)


def _places(commands: frozenset[str]) -> str:
    return ", ".join(f"`{text}`" for name, text in COMMANDS.items() if name in commands)


def _default(option: Option) -> str:
    return "" if option.default is None or option.default is False else f"`{option.default}`"


def _plain(text: str) -> str:
    """A help text whose braces and angles are not read as markup."""
    return text.replace("{", "\\{").replace("<", "&lt;")


def commands_page() -> str:
    """The cell magics and every subcommand of `%imagegen`, by their docstrings."""
    cells = [
        ("`%%imagegen [NAME] [options]`", "Makes pictures from the cell's text."),
        ("`%%imagegen_edit [NAME] -i IMG [options]`", "Changes a picture as the cell's text says."),
        ("`%%imagegen_batch [NAME] [options]`", "Makes many: one prompt or JSON object a line, or `--from`."),
    ]
    subcommands = [
        (f"`%imagegen {name}`", _plain(inspect.getdoc(subcommand) or "")) for name, subcommand in SUBCOMMANDS.items()
    ]
    return "\n".join(
        (
            "# Magics and commands\n",
            "`NAME` binds the result to a variable and names the files. Without it the result is the value of the cell.",
            "Options: [all of them](options.md), or `%imagegen --help`.\n",
            as_table(("cell", "what it does"), cells),
            "\n## %imagegen\n",
            as_table(("command", "what it does"), subcommands),
        )
    )


def models_page(catalog: Catalog) -> str:
    """The catalog: an overview, then each model with everything that is known of it."""
    limits = catalog.limits
    known = [model for model in catalog if model.state != "shut down"]
    overview = [(f"[{m.id}](#{_slug(m.id)})", m.state, m.use, price_of_one(m)) for m in known]
    numbers = (
        ("pictures a request", f"1 to {limits.max_n}"),
        ("input pictures", f"up to {limits.max_images}, each under {limits.max_input_bytes // 2**20} MB"),
        ("characters of a prompt", f"{limits.max_prompt:,}"),
        ("live previews", f"0 to {limits.max_partial_images}"),
    )
    parts = [
        "# Models\n",
        "What this version knows, as data with the day it was checked and where it is from. [A file of your own](../guide/models-file.md)",
        f"adds or overrides models. The default is `{catalog.default}`. `%imagegen models` prints this for the installed version.\n",
        as_table(("model", "state", "for", "one 1024x1024, medium"), overview),
        f"\n## Limits\n\nChecked {limits.checked}; {limits.source}.\n",
        as_table(("what", "limit"), numbers),
        f"\n## Sizes on {catalog.default}\n",
        _from(sizes_table(catalog, catalog.get(catalog.default))),
        *(_model(model, records) for model, records in _with_records(catalog, known)),
        "\n## Shut down\n",
        as_table(
            ("model", "ended", "successor"), [(m.id, m.ends, m.successor) for m in catalog if m.state == "shut down"]
        ),
    ]
    return "\n".join(parts)


def _with_records(catalog: Catalog, models: Sequence[Model]) -> Iterable[tuple[Model, dict[str, object]]]:
    table = models_table(catalog, date.today())  # noqa: DTZ011 - the day of the build
    records = {str(record["model"]): record for record in table.to_records()}
    return [(model, records[model.id]) for model in models]


def _slug(model_id: str) -> str:
    return "model-" + model_id.replace(".", "-")


def _model(model: Model, record: dict[str, object]) -> str:
    rows = [(name, value) for name, value in record.items() if name != "model"]
    rows += [("snapshots", model.snapshots)] if model.snapshots else []
    rows += [("successor", model.successor)] if model.successor else []
    prices = {name: getattr(model.prices, name) for name in type(model.prices).__dataclass_fields__}
    rows += [(f"{name.replace('_', ' ')} tokens", f"${usd} a million") for name, usd in prices.items() if usd]
    rows += [("estimate from", model.token_basis)] if model.token_basis else []
    head = f"\n({_slug(model.id)})=\n## {model.id}\n\n{model.use[:1].upper()}{model.use[1:]}.\n\n"
    return head + as_table(("", ""), rows) + f"\n<small>Checked {model.checked}: {model.source}</small>\n"


def use_cases_page() -> str:
    """The use-case slugs with their tips."""
    parts = [
        "# Use cases\n\n`--use-case SLUG` says in the prompt what the picture is for. `%imagegen tips SLUG` prints one of these.\n"
    ]
    cases = load_use_cases()
    for kind in dict.fromkeys(case.kind for case in cases.values()):
        parts.append(f"\n## To {kind}\n")
        parts += [_use_case(case) for case in cases.values() if case.kind == kind]
    return "\n".join(parts)


def _use_case(case: UseCase) -> str:
    magic = "%%imagegen" if case.kind == "generate" else "%%imagegen_edit NAME -i IMAGE"
    start = f"```text\n{magic} --use-case {case.slug} {case.template}\n```\n"
    return f"### {case.slug}\n\n{case.when} {' '.join(case.tips)}\n\n{start}"


def servers_page() -> str:
    """What differs between servers, from `servers.toml`."""
    data = tomllib.loads(files("imagegen_magic.facts").joinpath("servers.toml").read_text(encoding="utf-8"))
    parts = [
        "# Servers\n",
        "What differs between servers that speak the Images API, as this version knows it. A server is recognised by",
        "the host of `base_url`, or named with `--dialect`.\n",
    ]
    for name, facts in data.items():
        rows = [
            (f"`{key}`", _cell(value)) for key, value in facts.items() if key not in ("source", "checked") and value
        ]
        table = as_table(("habit", "value"), rows) if rows else "Nothing that differs.\n"
        parts.append(f"\n## {name}\n\n{table}\n<small>Checked {facts['checked']}: {facts['source']}</small>\n")
    return "\n".join(parts)


def command_line_page() -> str:
    """`--help-all` of every command, as it is printed."""
    parts = [
        "# Command line options\n\nWhat `imagegen COMMAND --help-all` prints. How to use it: [the command line](../cli.md).\n"
    ]
    parts += [f"\n## {name}\n\n```text\n{full_page(command)}```\n" for name, command in PROGRAMS.items()]
    return "\n".join(parts)


def python_page() -> str:
    """Docstrings of every public name."""
    parts = [
        "# Python\n\n`import imagegen_magic` costs next to nothing: each of these is loaded when it is first used.\n"
    ]
    public = [name for name in imagegen_magic.__all__ if name in imagegen_magic._HOMES]  # noqa: SLF001 - our own list
    calls = [name for name in public if inspect.isfunction(getattr(imagegen_magic, name))]
    for title, names in (("Functions", calls), ("Classes", [name for name in public if name not in calls])):
        parts.append(f"\n## {title}\n")
        for name in names:
            kind = "function" if name in calls else "class"
            members = "" if kind == "function" else "\n   :members:"
            parts.append(f"```{{eval-rst}}\n.. auto{kind}:: imagegen_magic.{name}{members}\n```\n")
    return "\n".join(parts)
