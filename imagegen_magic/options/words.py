"""What a fix says in Python: options are keyword arguments, commands are functions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from imagegen_magic.errors import Command, Default, ImagegenError, Setting, Words
from imagegen_magic.facts.packages import named_packages

from .table import BY_NAME, Option, option_of_flag
from .values import CALLS

__all__ = ["PYTHON_WORDS", "in_python_words", "option_of"]

_OFF = "--no-"
_NAMES = {"source": "jobs"}
"""Options whose argument has another name."""
_FUNCTIONS = {
    "generate": "imagegen_magic.generate(…)",
    "edit": "imagegen_magic.edit(…)",
    "batch": "imagegen_magic.run_batch(…)",
    "sprites": "imagegen_magic.sprites(…)",
    "slice": "imagegen_magic.slice_sheet(…)",
    "pixelate": "imagegen_magic.pixelate(…)",
    "icons": "imagegen_magic.make_icons(…)",
    "unpack": "imagegen_magic.unpack(…)",
}


def option_of(setting: Setting) -> Option | None:
    """The option that a setting sets; None if it is one of another surface.

    >>> option_of(Setting("--no-reuse")).name
    'reuse'
    """
    return option_of_flag(setting.flag) or option_of_flag(setting.flag.replace(_OFF, "--", 1))


class _PythonWords(Words):
    def setting(self, setting: Setting) -> str:
        option = option_of(setting)
        if option is None:
            return super().setting(setting)
        if option.name in CALLS:
            return CALLS[option.name]
        if option.kind == "flag" or (option.kind == "optional" and not setting.value):
            return f"{option.name}={not setting.flag.startswith(_OFF)}"
        if not setting.value:
            return option.name
        first, *others = (_literal(option, value) for value in (setting.value, *setting.others))
        return f"{_NAMES.get(option.name, option.name)}={first}" + (f" (or {', '.join(others)})" if others else "")

    def command(self, command: Command) -> str:
        return (
            super().command(command) if command.arguments else _FUNCTIONS.get(command.name) or super().command(command)
        )

    def default(self, default: Default) -> str:
        return f"{default.option}={_literal(BY_NAME[default.option], default.value)}"

    def prompt(self) -> str:
        return 'prompt="a red mug"'


def _literal(option: Option, value: str) -> str:
    """A value as Python has it: numbers bare, NAME=VALUE as a dict, all else in quotes."""
    if option.kind == "key_value":
        name, _, text = value.partition("=")
        return f'{{"{name}": "{text}"}}'
    plain = option.kind in ("int", "ints", "number", "money") and value.replace(".", "", 1).isdigit()
    return value if plain else f'"{value}"'


PYTHON_WORDS = _PythonWords()


@contextmanager
def in_python_words() -> Iterator[None]:
    """Errors that leave the block say their fixes as keyword arguments, as a call from Python has them."""
    try:
        with named_packages():
            yield
    except ImagegenError as error:
        error.words = PYTHON_WORDS
        raise
