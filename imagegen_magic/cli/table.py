"""The commands as data: what each is called, its examples, and the options that only the command line has.

Everything else comes from the option table, so that a flag means the same in a cell and in a shell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from imagegen_magic.options.table import OPTIONS, Option

__all__ = ["COMMANDS", "DEFAULTS", "Command", "options_of"]

BY_NAME = {option.name: option for option in OPTIONS}
NOTEBOOK_ONLY = frozenset({"like", "detach", "preview", "caption", "raw", "partial_images"})
"""Rows of the table that mean nothing if there is no cell."""

DEFAULTS = {"if_exists": "fail", "web_suffix": "-web", "soft_matte": False, "auto_key": "none", "key_color": "#00ff00"}
"""Where the bundled scripts' defaults differ from the notebook's: on the command line theirs hold."""


def _own(name: str, kind: str, text: str, *short: str, metavar: str = "", choices: tuple[str, ...] = ()) -> Option:
    flags = (*short, "--" + name.replace("_", "-"))
    return Option(name=name, flags=flags, kind=kind, group="command line", help=text, metavar=metavar, choices=choices)


PROMPT = _own("prompt", "text", "what to make; the first word without a flag is the same", "-p", metavar="TEXT")
PROMPT_FILE = _own("prompt_file", "text", "a file with the prompt, UTF-8; - reads standard input", metavar="FILE")
ATTEMPTS = _own(
    "max_attempts", "int", "how many times to send what is known not to be billed; --retries plus one", metavar="N"
)
JSON = _own("json", "flag", "one JSON document on standard output")
ONLINE = _own("online", "flag", "ask the server as well: the key, and which models end; nothing is billed")
HELP_ALL = _own("help_all", "flag", "explain every option")
SETTINGS = tuple(BY_NAME[name] for name in ("out_dir", "backend", "base_url", "models_file"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: `table` is its column in the option table, `main` the options that its help explains."""

    name: str
    summary: str
    examples: tuple[str, ...]
    table: str = ""
    positional: str = ""
    many: bool = False
    """Whether there may be several words without a flag."""
    main: tuple[str, ...] = ()
    own: tuple[Option, ...] = ()

    @property
    def key(self) -> str:
        """What the option table calls it."""
        return self.table or self.name


def options_of(command: Command) -> tuple[Option, ...]:
    """Every option of a command, its own first."""
    rows = [option for option in OPTIONS if command.key in option.commands and option.name not in NOTEBOOK_ONLY]
    own = {name: value for name, value in DEFAULTS.items() if name != "key_color" or command.key == "cutout"}
    return (*command.own, *(replace(row, default=own[row.name]) if row.name in own else row for row in rows))


MAKE = ("prompt", "model", "size", "quality", "n", "output_format", "transparent")
END = ("out", "if_exists", "dry_run", "json")

_GENERATION = (
    Command(
        name="generate",
        table="generate",
        summary="make pictures from a prompt",
        examples=(
            'imagegen generate "a red mug" --size 1024x1024',
            'imagegen generate --prompt "a fox" --n 3 --quality low --out fox.png',
            'imagegen generate "a paper boat" --transparent --out boat.webp',
        ),
        positional="PROMPT",
        main=(*MAKE, *END),
        own=(PROMPT, PROMPT_FILE, JSON, HELP_ALL),
    ),
    Command(
        name="edit",
        table="edit",
        summary="change a picture, or compose several",
        examples=(
            'imagegen edit --image mug.png --prompt "make it blue" --out blue.png',
            'imagegen edit --image room.png --mask hole.png "a window"',
            'imagegen edit -i person.png:identity -i coat.png "wear the coat"',
        ),
        positional="PROMPT",
        main=(
            "image", "mask", "prompt", "model", "size", "quality", "input_fidelity", "out", "if_exists", "dry_run",
            "json",
        ),
        own=(PROMPT, PROMPT_FILE, JSON, HELP_ALL),
    ),
    Command(
        name="generate-batch",
        table="batch",
        summary="make many pictures from a file, one job a line",
        examples=(
            "imagegen generate-batch --input prompts.jsonl --out-dir output/batch",
            "imagegen generate-batch --input jobs.csv --dry-run",
            "imagegen generate-batch --input prompts.txt --via batch-api",
        ),
        main=(
            "source", "out_dir", "concurrency", "max_attempts", "fail_fast", "skip_invalid", "via", "if_exists",
            "dry_run", "max_cost", "json",
        ),
        own=(ATTEMPTS, JSON, HELP_ALL),
    ),
    Command(
        name="remove-chroma-key",
        table="cutout",
        summary="cut a subject out of its flat backdrop, locally",
        examples=(
            "imagegen remove-chroma-key --input a.png --out b.png --auto-key border \\",
            "  --soft-matte --transparent-threshold 12 --opaque-threshold 220 --despill",
            "imagegen remove-chroma-key --input sprite.png --out cut.png --tolerance 12",
            "imagegen remove-chroma-key -i green.png --second magenta.png -o glass.png",
        ),
        main=(
            "input", "second", "out", "force", "key_color", "auto_key", "soft_matte", "tolerance", "transparent_threshold",
            "opaque_threshold", "edge_contract", "edge_feather", "despill", "opacity", "json",
        ),
        own=(
            _own("input", "text", "the picture", "-i", metavar="FILE"),
            _own("out", "text", "the cut-out, .png or .webp", "-o", metavar="FILE"),
            _own("force", "flag", "replace an existing file"),
            JSON,
            HELP_ALL,
        ),
    ),
    Command(
        name="sprites",
        table="sprites",
        summary="make a sprite sheet, and cut it into frames",
        examples=(
            'imagegen sprites "a small knight, side view" --animation walk --cell 64x64',
            'imagegen sprites "the knight" --ref knight.png --animation jump',
        ),
        positional="PROMPT",
        main=(
            "prompt", "frames", "layout", "animation", "cell", "ref", "pixel_art", "export", "out", "dry_run", "max_cost",
            "json",
        ),
        own=(PROMPT, PROMPT_FILE, JSON, HELP_ALL),
    ),
    Command(
        name="slice",
        table="slice",
        summary="cut a sheet that exists into frames, locally",
        examples=(
            "imagegen slice sheet.png --frames 6 --cell 64x64 --export frames,atlas,gif",
            "imagegen slice @knight --cell 32x32 --pixel-art --colors 16",
            "imagegen slice items.png --objects --out-dir items",
        ),
        positional="SHEET",
        main=(
            "frames", "layout", "animation", "cell", "pixel_art", "colors", "objects", "export", "out_dir", "if_exists", "json",
        ),
        own=(JSON, HELP_ALL),
    ),
)  # fmt: skip

_ARTWORK = (
    Command(
        name="pixelate",
        table="pixelate",
        summary="make real pixels of painted pixel art, locally",
        examples=(
            "imagegen pixelate knight.png",
            "imagegen pixelate @knight --cell 64x64 --colors 16",
            "imagegen pixelate knight.png --colors pico-8 --out-dir art",
        ),
        positional="FILE",
        main=("cell", "colors", "out_dir", "if_exists", "json"),
        own=(JSON, HELP_ALL),
    ),
    Command(
        name="icons",
        table="icons",
        summary="make icons of a cut-out, locally",
        examples=(
            "imagegen icons logo.png --sizes 16,32,64,128,512 --ico",
            "imagegen icons @logo --favicon --icns",
        ),
        positional="FILE",
        main=("sizes", "ico", "icns", "favicon", "key_color", "out_dir", "if_exists", "json"),
        own=(JSON, HELP_ALL),
    ),
    Command(
        name="unpack",
        table="unpack",
        summary="take an animated GIF apart, locally",
        examples=(
            "imagegen unpack wave.gif",
            "imagegen unpack @wave --transparent --export webp,apng",
            "imagegen unpack wave.gif --durations 80,80,200,80 --export gif --out-dir timed",
        ),
        positional="FILE",
        main=("transparent", "key_color", "fps", "durations", "once", "export", "out_dir", "if_exists", "json"),
        own=(JSON, HELP_ALL),
    ),
)

_TABLES = (
    Command(name="models", summary="every model, what it can do, and what it costs", examples=("imagegen models",)),
    Command(
        name="sizes", summary="presets, the size rule, and costs", examples=("imagegen sizes",), positional="MODEL"
    ),
    Command(name="tips", summary="the use cases, or one with a template", examples=("imagegen tips product-mockup",),
            positional="SLUG"),
    Command(name="cost", summary="what was spent: today, in all, by model", examples=("imagegen cost",)),
    Command(name="history", summary="what was made, newest last", examples=("imagegen history mug",),
            positional="WORD"),
    Command(name="lock", summary="write imagegen.lock, from which --replay answers",
            examples=("imagegen lock",)),
    Command(name="doctor", summary="check key, packages, folder and backend; sends nothing",
            examples=("imagegen doctor", "imagegen doctor --online"), own=(ONLINE,)),
    Command(name="config", summary="every default, and where its value comes from", examples=("imagegen config",)),
    Command(name="batches", summary="every batch that was sent with --via batch-api", examples=("imagegen batches",)),
    Command(name="status", summary="how far a submitted batch is", examples=("imagegen status",), positional="ID"),
    Command(name="collect", summary="fetch a submitted batch's pictures", examples=("imagegen collect",),
            positional="ID"),
    Command(name="cancel", summary="stop a submitted batch; what is done is billed", examples=("imagegen cancel",),
            positional="ID"),
)  # fmt: skip

_OTHERS = (
    Command(
        name="check",
        summary="check images against what is expected of them",
        examples=(
            "imagegen check assets --expect not-blank --expect 'size >=512x512'",
            "imagegen check icons/*.png --expect 'alpha clean' --junit report.xml",
        ),
        positional="FILE",
        many=True,
        main=("expect", "junit", "json"),
        own=(
            _own("expect", "list", "what is expected: docs/checks.md; or a .toml file", metavar="WHAT"),
            _own("junit", "text", "write a report in JUnit XML", metavar="FILE"),
            JSON,
            HELP_ALL,
        ),
    ),
    Command(
        name="provenance",
        summary="what image files say about their origin",
        examples=("imagegen provenance hero.png", "imagegen provenance assets/*.webp --json"),
        positional="FILE",
        many=True,
        main=("trust", "json"),
        own=(
            _own(
                "trust", "text", "a PEM file of authorities whose signatures are trusted (extra: c2pa)", metavar="FILE"
            ),
            JSON,
            HELP_ALL,
        ),
    ),
    Command(
        name="simulate",
        summary="serve an offline Images API on 127.0.0.1 until Ctrl-C",
        examples=("imagegen simulate --port 8000", 'imagegen simulate --port 0 --faults "429 x2" --latency 1'),
        own=(
            _own("port", "int", "the port, 8000 if not given; 0 takes any free one", metavar="PORT"),
            _own("faults", "text", "what goes wrong, in order: docs/simulator.md", metavar="SCRIPT"),
            _own("latency", "number", "seconds that each picture takes", metavar="S"),
            _own("credentials", "flag", "sign pictures with test Content Credentials (extra: c2pa)"),
            HELP_ALL,
        ),
    ),
    Command(
        name="completion",
        summary="print a shell's completion script",
        examples=(
            'eval "$(imagegen completion bash)"',
            "imagegen completion zsh > ~/.zfunc/_imagegen",
            "imagegen completion fish > ~/.config/fish/completions/imagegen.fish",
        ),
        positional="bash|zsh|fish",
        own=(HELP_ALL,),
    ),
)


def _with_settings(command: Command) -> Command:
    """A table's command with the settings that say which folder and server are meant."""
    own = (*command.own, *SETTINGS, JSON, HELP_ALL)
    return Command(
        name=command.name,
        summary=command.summary,
        examples=command.examples,
        positional=command.positional,
        own=own,
    )


COMMANDS: dict[str, Command] = {
    command.name: command for command in (*_GENERATION, *_ARTWORK, *map(_with_settings, _TABLES), *_OTHERS)
}
"""Every command by its name."""
