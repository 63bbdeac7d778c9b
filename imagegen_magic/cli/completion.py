"""Completion scripts for bash, zsh and fish, written from the same tables as the help."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from imagegen_magic.options.table import Option

from .table import COMMANDS, Command, options_of

__all__ = ["SHELLS", "completion_script"]

FILES = frozenset({
    "image", "ref", "mask", "markup", "out", "out_dir", "prompt_file", "source", "input", "models_file",
})  # fmt: skip
"""Options whose value is a path."""
WORDS = {"completion": ("bash", "zsh", "fish")}
"""What may stand for a command's word without a flag."""


def completion_script(shell: str) -> str:
    """The script that teaches `shell` the commands, their flags and the values of flags.

    Raises:
        KeyError: there is none for that shell.
    """
    return SHELLS[shell]()


def values_of(option: Option) -> tuple[str, ...]:
    """The values that may follow a flag, or none if anything or a path may."""
    if option.choices:
        return option.choices
    if isinstance(option.suggests, tuple):
        return option.suggests
    if option.suggests == "model":
        from imagegen_magic.facts.catalog import load_catalog  # noqa: PLC0415 - reads a file

        return load_catalog().ids()
    if option.suggests == "size":
        from imagegen_magic.facts.sizes import PRESETS  # noqa: PLC0415 - only here

        return ("auto", *PRESETS)
    if option.suggests == "slug":
        from imagegen_magic.facts.use_cases import load_use_cases  # noqa: PLC0415 - reads a file

        return tuple(sorted(load_use_cases()))
    return ()


def flags_of(option: Option) -> list[str]:
    """Every long and short flag of an option."""
    negated = ["--no-" + option.flags[-1][2:]] if option.kind == "flag" and (option.config or option.default) else []
    return [*option.flags, *(flag for flag, _ in option.shorthands), *negated]


def _words_of(command: Command) -> tuple[str, ...]:
    if command.name == "tips":
        from imagegen_magic.facts.use_cases import load_use_cases  # noqa: PLC0415 - reads a file

        return tuple(sorted(load_use_cases()))
    return WORDS.get(command.name, ())


def _takes_value(option: Option) -> bool:
    return option.kind not in ("flag", "optional")


def bash_script() -> str:
    """A function for `complete -F`."""
    body = "\n".join(line for command in COMMANDS.values() for line in _bash_case(command))
    return f"""\
_imagegen() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" words="" files=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{" ".join(COMMANDS)} --help --version" -- "$current"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{body}
  esac
  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    local IFS=$'\\n'
    COMPREPLY=($(compgen -f -- "$current"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}}
complete -F _imagegen imagegen
"""


def _bash_case(command: Command) -> Iterable[str]:
    """What may follow in a command's line: by the word before, values, a path or nothing; else flags."""
    options = options_of(command)
    taking = [option for option in options if _takes_value(option)]
    paths = [flag for option in taking if option.name in FILES for flag in option.flags]
    known = [(option.flags, values) for option in taking if (values := values_of(option))]
    free = [flag for option in taking if option.name not in FILES and not values_of(option) for flag in option.flags]
    flags = [flag for option in options for flag in flags_of(option)]
    yield f"    {command.name})"
    yield '      case "$previous" in'
    yield from (f'        {"|".join(names)}) words="{" ".join(words)}" ;;' for names, words in known)
    yield from [f"        {'|'.join(paths)}) files=1 ;;"] if paths else []
    yield from [f"        {'|'.join(free)}) ;;"] if free else []
    yield f'        *) words="{" ".join((*_words_of(command), *flags))}" ;;'
    yield "      esac ;;"


def zsh_script() -> str:
    """A `#compdef` function."""
    cases = []
    for command in COMMANDS.values():
        specs = [spec for option in options_of(command) for spec in _zsh_specs(option)]
        words = _words_of(command)
        specs.append(f"'*:{command.positional or 'file'}:({' '.join(words)})'" if words else "'*:file:_files'")
        cases += [
            f"    {command.name})",
            "      _arguments \\",
            *(f"        {spec} \\" for spec in specs[:-1]),
            f"        {specs[-1]} ;;",
        ]
    listed = "\n".join(f"    {_quoted(f'{name}:{COMMANDS[name].summary}')}" for name in COMMANDS)
    body = "\n".join(cases)
    return f"""\
#compdef imagegen
_imagegen() {{
  local -a commands
  commands=(
{listed}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name=${{words[2]}}
  shift words
  (( CURRENT-- ))
  case $name in
{body}
  esac
}}
if [ "$funcstack[1]" = "_imagegen" ]; then
  _imagegen "$@"
else
  compdef _imagegen imagegen
fi
"""


def _zsh_specs(option: Option) -> Iterable[str]:
    text = re.sub(r"([\[\]:\\])", r"\\\1", option.help)
    repeat = "*" if option.kind in ("list", "ints", "key_value") else ""
    plain = {flag for flag, _ in option.shorthands} | {flag for flag in flags_of(option) if flag.startswith("--no-")}
    for flag in flags_of(option):
        value = ""
        if _takes_value(option) and flag not in plain:
            words = " ".join(word.replace(":", "\\:") for word in values_of(option))
            value = ":value:_files" if option.name in FILES else f":value:({words})" if words else ":value: "
        yield _quoted(f"{repeat}{flag}[{text}]{value}")


def fish_script() -> str:
    """Lines of `complete -c imagegen`."""
    lines = ["complete -c imagegen -f"]
    first = "complete -c imagegen -n __fish_use_subcommand -a"
    lines += [f"{first} {name} -d {_quoted(COMMANDS[name].summary, fish=True)}" for name in COMMANDS]
    for command in COMMANDS.values():
        seen = f"complete -c imagegen -n '__fish_seen_subcommand_from {command.name}'"
        words = _words_of(command)
        lines += [f"{seen} -a {_quoted(' '.join(words), fish=True)}"] if words else []
        lines += [f"{seen} {line}" for option in options_of(command) for line in _fish_lines(option)]
    return "\n".join(lines) + "\n"


def _fish_lines(option: Option) -> Iterable[str]:
    text = _quoted(option.help, fish=True)
    plain = {flag for flag, _ in option.shorthands} | {flag for flag in flags_of(option) if flag.startswith("--no-")}
    for flag in flags_of(option):
        name = f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
        value = ""
        if _takes_value(option) and flag not in plain:
            words = values_of(option)
            value = (
                " -r -F"
                if option.name in FILES
                else f" -x -a {_quoted(' '.join(words), fish=True)}"
                if words
                else " -x"
            )
        yield f"{name}{value} -d {text}"


def _quoted(text: str, *, fish: bool = False) -> str:
    """`text` in single quotes, for zsh or for fish."""
    return "'" + (text.replace("\\", "\\\\").replace("'", "\\'") if fish else text.replace("'", "'\\''")) + "'"


SHELLS: dict[str, Callable[[], str]] = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}
"""What writes each shell's script."""
