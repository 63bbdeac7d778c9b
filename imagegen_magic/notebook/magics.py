"""`%%imagegen` and its sisters: shell in, display out. Decides nothing; every decision is `api.Session`'s.

Loading this module imports IPython and the option table only. The rest comes with the first cell.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import traitlets
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand
from IPython.core.magic import cell_magic as _cell_magic

from imagegen_magic.errors import Command, Default, Fix, OptionError, Problem, Setting
from imagegen_magic.facts.packages import named_packages
from imagegen_magic.options.defaults import SHELL_DEFAULTS, config_options, in_layer
from imagegen_magic.options.table import BY_NAME, COMMANDS, OPTIONS
from imagegen_magic.options.values import read_values

from .head import with_body

if TYPE_CHECKING:
    from imagegen_magic.session import Session

__all__ = ["ImagegenMagics", "load", "unload"]

EXAMPLES = {
    "generate": """\
examples
  %%imagegen hero --size 16:9@2k --quality high
  A ceramic mug on a walnut desk, soft window light from the left.

  %%imagegen sprite --transparent
  A round cartoon robot, full body.

The body is the prompt, sent as typed; {{ expr }} fills in variables. %imagegen help lists the other subcommands.
--background is the API's transparency switch; what the picture shows behind its subject is --scene.
""",
    "edit": """\
examples
  %%imagegen_edit sunset -i @hero --mask-box 0,0,35%,60% --keep "mug, desk"
  Replace only the window view with a warm sunset.

An image is a path, @last, @hero, @17, a variable or {{ expr }}, with :role if it matters.
""",
    "sprites": """\
examples
  %%imagegen_sprites knight --animation walk --cell 64x64 --export frames,atlas,gif
  A small knight with a red plume, flat colours, side view facing right.

  %%imagegen_sprites knight_jump --animation jump --reference @hero --cell 64x64
  The knight of the reference.

One paid call for a sheet; its frames are cut out, anchored, scaled and checked locally. --show-prompt shows what is added.
%imagegen slice does the same with a sheet that exists.
""",
    "batch": """\
examples
  %%imagegen_batch icons --size square --quality low --concurrency 4
  {"prompt": "flat icon: calendar", "out": "calendar.png"}
  {"prompt": "flat icon: bell", "quality": "medium"}

One prompt a line is enough; lines that begin with # are passed over. --from takes a list, a DataFrame, a JSONL or
CSV file: its columns are prompt, name, and any option (size, quality, out, …).
""",
}


def _help(command: str) -> str:
    """Examples first, then a line a flag; made without argparse, which would take longer than all the rest."""
    rows = [(", ".join(option.flags), option.help) for option in OPTIONS if command in option.commands]
    return "\n".join([EXAMPLES[command], "flags", *(f"  {flags:30}  {text}" for flags, text in rows)])


class _Defaults(Magics):
    """`%config ImagegenMagics.NAME = value`: one trait for every option that may be a default."""

    refused: Any = traitlets.Dict()
    """What was refused, until it is right: nothing is sent before."""

    def validated(self, proposal: dict[str, Any]) -> Any:
        name = proposal["trait"].name
        values, problems = read_values({name: proposal["value"]})
        self.refused.pop(name, None)
        if problems:
            self.refused[name] = in_layer(problems[0], "session")
            self._fail_cell(OptionError("this default was not understood", problems=(self.refused[name],)))
            return getattr(self, name)
        return values.get(name)

    def update_config(self, config: Any) -> None:
        """Takes a configuration; what it sets under a name near ours, `Imagegen.backend`, is refused, since nothing reads it."""
        ours = type(self).__name__
        for name in config.get(ours, {}):
            if name in self.refused and "." in self.refused[name].field:
                del self.refused[name]  # traitlets checks no value that is set already
        for section, values in config.items():
            if section != ours and not difflib.get_close_matches(section.lower(), [ours.lower()], cutoff=0.7):
                continue
            for name, value in _set_in(values):
                if section != ours or name not in _TRAITS:
                    self._refuse_misnamed(f"{section}.{name}", name, value)
        super().update_config(config)

    def _refuse_misnamed(self, typed: str, name: str, value: Any) -> None:
        """Nothing is sent until the option that was probably meant is set."""
        meant = next(iter(difflib.get_close_matches(name, _NAMES, n=1)), None)
        rule = "no setting of this name is read by anything"
        option = BY_NAME.get(name)
        fix = Fix(Default(meant, str(value))) if meant else Fix(Command("config"), " lists them")
        if option is not None and not option.config:
            meant, fix = None, Fix("on the line of a cell: ", Setting(option.flags[-1], str(value)))
        problem = Problem(field=typed, value=value, rule=rule, fix=fix)
        if meant:
            self.refused[meant] = problem
        self._fail_cell(OptionError("this default was not understood", problems=(problem,)), blocks=bool(meant))

    def _fail_cell(self, error: OptionError, *, blocks: bool = True) -> None:
        """Lets the cell that is running end with `error`: `%config` would only log it, and the cell count as good.

        If it `blocks` what comes after, it may have been put right by the end of the cell.
        """
        shell: Any = getattr(self, "shell", None)

        def fail(result: Any) -> None:
            shell.events.unregister("post_run_cell", fail)
            if result.success and (self.refused or not blocks):
                result.error_in_exec = error
                shell.showtraceback((type(error), error, None))

        if shell is not None:
            shell.events.register("post_run_cell", fail)

    def session_defaults(self) -> dict[str, Any]:
        """What `%config` or a configuration file set.

        Raises:
            OptionError: one was refused and not put right since.
        """
        if self.refused:
            raise OptionError("a default was not understood", problems=tuple(self.refused.values()))
        values = {option.name: getattr(self, option.name) for option in config_options()}
        return {name: value for name, value in values.items() if value is not None}


def _set_in(values: Any) -> list[tuple[str, Any]]:
    """What a section of a configuration sets; traitlets makes a section with a small first letter of another kind."""
    found = values if isinstance(values, Mapping) else vars(values)
    return [(name, value) for name, value in found.items() if not name.startswith("_")]


class _Default(traitlets.Any):
    """One default. None goes through `validated` as every value does, which takes back what was refused before."""

    allow_none = False


def _trait(help_text: str) -> traitlets.Any:
    return _Default(None, help=help_text).tag(config=True)


_NAMES = [option.name for option in config_options()]
_TRAITS: dict[str, Any] = {option.name: _trait(option.help) for option in config_options()}
_TRAITS["_validated"] = traitlets.validate(*_NAMES)(_Defaults.validated)
_Configured: type[_Defaults] = type("_Configured", (_Defaults,), _TRAITS)


@magics_class
class ImagegenMagics(_Configured):  # type: ignore[misc, valid-type]
    """`%%imagegen`, `%%imagegen_edit`, `%%imagegen_sprites`, `%%imagegen_batch` and `%imagegen`."""

    @property
    def session(self) -> Session:
        """The session that cells and functions share."""
        from imagegen_magic.api import default_session  # noqa: PLC0415 - loading the extension stays light

        return default_session()

    def close(self) -> None:
        """Closes the session's connections, if a cell or a function ever made it."""
        api = sys.modules.get("imagegen_magic.api")
        if api is not None:
            api.close_session()

    @no_var_expand
    @_cell_magic
    def imagegen(self, line: str, cell: str) -> Any:
        return self._cell("generate", line, cell)

    @no_var_expand
    @_cell_magic
    def imagegen_edit(self, line: str, cell: str) -> Any:
        return self._cell("edit", line, cell)

    @no_var_expand
    @_cell_magic
    def imagegen_sprites(self, line: str, cell: str) -> Any:
        return self._cell("sprites", line, cell)

    @no_var_expand
    @_cell_magic
    def imagegen_batch(self, line: str, cell: str) -> Any:
        return self._cell("batch", line, cell)

    @no_var_expand
    @line_magic("imagegen")  # type: ignore[arg-type]
    @named_packages()
    def subcommand(self, line: str) -> Any:
        from .subcommands import dispatch  # noqa: PLC0415 - loading the extension stays light

        return dispatch(self.session, self.shell, line)

    @named_packages()
    def _cell(self, command: str, line: str, cell: str) -> Any:
        from .cells import run_cell  # noqa: PLC0415 - loading the extension stays light

        return run_cell(self.session, self.shell, command, line, cell)


for _command in EXAMPLES:
    getattr(ImagegenMagics, COMMANDS[_command].lstrip("%")).__doc__ = _help(_command)
ImagegenMagics.subcommand.__doc__ = "Subcommands beside the cells; %imagegen help lists them.\n\n" + _help("generate")  # type: ignore[assignment]


def load(shell: InteractiveShell) -> None:
    """Registers the magics and the completer; loading twice leaves one of each."""
    unload(shell)
    magics = ImagegenMagics(shell)
    shell.register_magics(magics)
    shell.input_transformers_cleanup.append(with_body)
    SHELL_DEFAULTS[:] = [magics.session_defaults]
    from .completion import add_matcher  # noqa: PLC0415 - it needs the registered magics only

    add_matcher(shell)
    for module, name in RESULT_TYPES:
        _result_hooks(shell).for_type_by_name(module, name, lambda result: _show(shell, result))
    for kind in (list, tuple):
        _list_hooks(shell).for_type(kind, _thumbnails)


RESULT_TYPES = (
    ("imagegen_magic.jobs.result", "ImageResult"),
    ("imagegen_magic.jobs.result", "JobPreview"),
    ("imagegen_magic.jobs.sprites", "GeneratedSprites"),
    ("imagegen_magic.batch.results", "Gallery"),
)


def _result_hooks(shell: InteractiveShell) -> Any:
    return shell.display_formatter.ipython_display_formatter  # type: ignore[union-attr]


def _show(shell: InteractiveShell, result: Any) -> bool:
    from .shown import show_unless_shown  # noqa: PLC0415 - loading the extension stays light

    return show_unless_shown(shell, result)


def _list_hooks(shell: InteractiveShell) -> Any:
    return shell.display_formatter.mimebundle_formatter  # type: ignore[union-attr]


def _thumbnails(items: Any) -> Any:
    """A list or tuple of results as thumbnails; None leaves every other one to IPython."""
    modules = {(type(item).__module__, type(item).__name__) for item in items[:LIST_LIMIT]}
    if not items or not modules <= IMAGE_TYPES:
        return None
    from .shown import sheet_bundle  # noqa: PLC0415 - loading the extension stays light

    return sheet_bundle(items[:LIST_LIMIT], len(items))


LIST_LIMIT = 36
IMAGE_TYPES = {("imagegen_magic.jobs.result", "ImageResult"), ("imagegen_magic.jobs.result", "GeneratedImage")}


def unload(shell: InteractiveShell) -> None:
    """Takes away everything that `load` added."""
    from .completion import remove_matcher  # noqa: PLC0415 - the other half of load

    for magics in [item for item in shell.configurables if type(item).__name__ == "ImagegenMagics"]:
        magics.close()  # type: ignore[attr-defined]
    SHELL_DEFAULTS.clear()
    cleanups = shell.input_transformers_cleanup
    cleanups[:] = [one for one in cleanups if getattr(one, "__qualname__", "") != with_body.__qualname__]
    registry: Mapping[str, dict[str, Any]] = shell.magics_manager.magics
    for name in (COMMANDS[command].lstrip("%") for command in EXAMPLES):
        registry["cell"].pop(name, None)
        registry["line"].pop(name, None)
    shell.magics_manager.registry.pop("ImagegenMagics", None)
    shell.configurables[:] = [item for item in shell.configurables if type(item).__name__ != "ImagegenMagics"]
    remove_matcher(shell)
    _forget_result_type(shell)


def _forget_result_type(shell: InteractiveShell) -> None:
    """Takes the display hook of results away, whether IPython has seen one yet or not."""
    formatter = _result_hooks(shell)
    for named in RESULT_TYPES:
        formatter.deferred_printers.pop(named, None)
    for kind in (list, tuple):
        if getattr(_list_hooks(shell).type_printers.get(kind), "__qualname__", "") == _thumbnails.__qualname__:
            _list_hooks(shell).type_printers.pop(kind)
    for kind in [kind for kind in formatter.type_printers if (kind.__module__, kind.__name__) in RESULT_TYPES]:
        formatter.type_printers.pop(kind)
