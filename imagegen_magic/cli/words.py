"""What a fix says in a shell: the command line's own flags and commands."""

from __future__ import annotations

import shlex

from imagegen_magic.errors import Command, Default, Setting, Words
from imagegen_magic.options.defaults import ENV_PREFIX

from .names import NOTEBOOK_NAMES, NOTEBOOK_ONLY

__all__ = ["SHELL_WORDS"]

_FLAGS = {"--from": "--input"}
_FORCE = Setting("--if-exists", "overwrite")


class _ShellWords(Words):
    def setting(self, setting: Setting) -> str:
        if setting == _FORCE:
            return "--force"
        values = "|".join((setting.value, *setting.others))
        special = set(values) & set(" #*?$!&;()'\"") and not values.isupper()
        return f"{_FLAGS.get(setting.flag, setting.flag)} {shlex.quote(values) if special else values}".rstrip()

    def command(self, command: Command) -> str:
        if command.name in NOTEBOOK_ONLY:
            return f"in a notebook, {super().command(command)}"
        return f"imagegen {NOTEBOOK_NAMES.get(command.name, command.name)} {command.arguments}".rstrip()

    def default(self, default: Default) -> str:
        return f"{ENV_PREFIX}{default.option.upper()}={default.value}"

    def prompt(self) -> str:
        return '--prompt "a red mug", or --prompt-file FILE'

    def field(self, name: str) -> str:
        return {"from": "input"}.get(name, name)


SHELL_WORDS = _ShellWords()
