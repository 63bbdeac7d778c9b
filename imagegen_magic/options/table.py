"""The table itself: every option, its flags, kind, group and help, one row each.

Field names are the API's own; flags are the same words with dashes. Help texts, completion, the panel's
controls and the reference pages are made from these rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imagegen_magic.facts.words import prompt_fields

__all__ = [
    "BACKGROUNDS",
    "BY_NAME",
    "COMMANDS",
    "FORMATS",
    "MODERATIONS",
    "OPTIONS",
    "SHEET_ONLY",
    "Option",
    "option_of_flag",
]

COMMANDS: dict[str, str] = {
    "generate": "%%imagegen",
    "edit": "%%imagegen_edit",
    "batch": "%%imagegen_batch",
    "sprites": "%%imagegen_sprites",
    "cutout": "%imagegen cutout",
    "slice": "%imagegen slice",
    "pixelate": "%imagegen pixelate",
    "icons": "%imagegen icons",
    "unpack": "%imagegen unpack",
}
"""What each command is called in a notebook."""

BACKGROUNDS = ("transparent", "opaque", "auto")
MODERATIONS = ("auto", "low")
FORMATS = ("png", "jpeg", "webp", "gif", "svg")
"""What the API takes, if no model says otherwise (OpenAI API reference, images)."""

MAKES = frozenset({"generate", "edit", "batch", "sprites"})
KEYS = MAKES | {"cutout"}
CUTS = frozenset({"cutout"})
FRAMES = frozenset({"sprites", "slice"})
PIXELS = MAKES | {"slice"}
ICON_SETS = MAKES - {"sprites"} | {"icons"}
ART = frozenset({"pixelate", "icons", "unpack"})
TIMED = FRAMES | {"unpack"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option.

    `kind` is one of text, int, number, money, flag, optional (a flag that may stand alone, then meaning `const`),
    list, ints, key_value, any. `choices` are values fixed by this package; `suggests` values that a
    model's data may narrow, or the name of what completes it. `config` marks those that may be defaults.
    """

    name: str
    flags: tuple[str, ...]
    kind: str
    group: str
    help: str
    commands: frozenset[str] = MAKES
    metavar: str = ""
    example: str = ""
    """A value that a fix may name, if neither choices nor a default give one."""
    default: Any = None
    const: str | None = None
    choices: tuple[str, ...] = ()
    form: str = ""
    """The pattern of a word that is the value of a flag that may stand alone, if it stands after it."""
    suggests: tuple[str, ...] | str = ()
    between: tuple[int, int] | None = None
    """The smallest and largest number allowed, if no model decides."""
    above: int | None = None
    """What the number must be more than, if it has no largest."""
    config: bool = False
    shorthands: tuple[tuple[str, str], ...] = ()
    """Flags that stand for one of the values: `--force` for `--if-exists overwrite`."""


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _row(name: str, kind: str, group: str, help: str, *short: str, **more: Any) -> Option:  # noqa: A002 - argparse's word
    if kind == "flag":
        more = {"default": False, **more}
    return Option(name=name, flags=(*short, _flag(name)), kind=kind, group=group, help=help, **more)


IMAGE, PROMPT, INPUTS, CUTOUT, SPRITES, SMALL, CHECKS, FILES, MONEY, SHOW, SERVER = (
    "picture",
    "prompt",
    "input images",
    "transparent cut-out",
    "sprites",
    "pixel art and icons",
    "checks",
    "files",
    "money and time",
    "display",
    "server",
)
QUALITIES = ("low", "medium", "high", "xhigh", "max", "auto")

_IMAGE = (
    _row("model", "text", IMAGE, "model id", "-m", config=True, suggests="model", metavar="ID"),
    _row(
        "size",
        "text",
        IMAGE,
        "auto, WxH, a preset (square, 4k) or a ratio (16:9, 16:9@2k)",
        "-s",
        config=True,
        suggests="size",
        example="16:9",
        metavar="SIZE",
    ),
    _row(
        "quality",
        "text",
        IMAGE,
        "what the model offers: low, medium, high, auto; newer ones xhigh, max",
        "-q",
        config=True,
        default="medium",
        suggests=QUALITIES,
        metavar="Q",
    ),
    _row("n", "int", IMAGE, "how many pictures, 1 to 10; each is billed", "-n", example="2", metavar="N"),
    _row(
        "output_format",
        "text",
        IMAGE,
        "png, jpeg, webp; newer models gif, svg",
        "-f",
        config=True,
        suggests=FORMATS,
        metavar="FORMAT",
    ),
    _row("output_compression", "int", IMAGE, "0 to 100, jpeg and webp only", example="80", metavar="0-100"),
    _row(
        "background",
        "text",
        IMAGE,
        "the API's transparency switch (what the picture shows behind its subject is --scene)",
        suggests=BACKGROUNDS,
        metavar="|".join(BACKGROUNDS),
    ),
    _row("moderation", "text", IMAGE, "auto or low", config=True, suggests=MODERATIONS, metavar="auto|low"),
    _row(
        "complexity",
        "text",
        IMAGE,
        "planning effort on models that have it",
        suggests=("low", "medium", "high"),
        metavar="low|medium|high",
    ),
    _row(
        "safety_identifier",
        "text",
        IMAGE,
        "hashed id of the end user, at most 128 characters",
        config=True,
        metavar="HASH",
    ),
    _row("frame_count", "int", IMAGE, "gif: 2 to 16 frames", example="8", metavar="N"),
    _row("frame_duration_ms", "int", IMAGE, "gif: milliseconds a frame, from 20", example="100", metavar="MS"),
    _row("svg_model", "text", IMAGE, "svg: author model, if the project may choose", metavar="ID"),
    _row(
        "svg_effort",
        "text",
        IMAGE,
        "svg: the author model's reasoning effort",
        choices=("none", "minimal", "low", "medium", "high", "xhigh", "max"),
        metavar="EFFORT",
    ),
    _row(
        "extra",
        "key_value",
        IMAGE,
        "a field that this version does not know; sent as it is, not validated",
        example="NAME=VALUE",
        metavar="NAME=VALUE",
    ),
)

_FIELD_HELP = {
    "use_case": "slug; see %imagegen tips",
    "scene": "what the picture shows around its subject (not --background)",
    "subject": "what it is about",
    "style": "medium and manner",
    "composition": "framing, viewpoint, empty space",
    "lighting": "light and mood",
    "palette": "colours",
    "materials": "surfaces and textures",
    "text": "words that must stand in the picture, verbatim; repeatable",
    "constraints": "what must hold",
    "avoid": "what must not appear",
}
_PROMPT = (
    *(
        _row(
            name,
            "list" if name == "text" else "text",
            PROMPT,
            _FIELD_HELP[name],
            *(("--negative",) if name == "avoid" else ()),
            metavar="SLUG" if name == "use_case" else "TEXT",
            suggests="slug" if name == "use_case" else (),
        )
        for name in prompt_fields()
    ),
    _row(
        "profile",
        "text",
        PROMPT,
        "a named bundle of options, fields and references; %imagegen profile lists them",
        config=True,
        suggests="profile",
        metavar="NAME",
    ),
    _row("template", "text", PROMPT, "a text around the prompt; {prompt} marks its place", metavar="TEXT"),
    _row("keep", "list", PROMPT, "what an edit must not change; repeatable", metavar="TEXT"),
    _row("augment", "flag", PROMPT, "add the labelled lines of the fields above to the prompt", default=True),
    _row("raw", "flag", PROMPT, "send {{ }} as typed"),
    _row("show_prompt", "flag", PROMPT, "print the prompt that would be sent, and stop"),
)

_INPUTS = (
    _row(
        "image",
        "list",
        INPUTS,
        "input picture: path, @id, @name or variable, optionally IMG:role; repeatable, the first is edited",
        "-i",
        commands=frozenset({"edit", "batch"}),
        suggests="image",
        metavar="IMG[:role]",
    ),
    _row(
        "ref",
        "list",
        INPUTS,
        "reference picture; goes through the edits endpoint; repeatable",
        "-r",
        "--reference",
        suggests="image",
        metavar="IMG[:role]",
    ),
    _row("mask", "any", INPUTS, "PNG whose transparent pixels will change", suggests="image", metavar="IMG"),
    _row(
        "mask_box",
        "list",
        INPUTS,
        "a rectangle that will change, in px, % or fractions; repeatable",
        example="10%,10%,50%,30%",
        metavar="X,Y,W,H",
    ),
    _row(
        "mask_edit",
        "text",
        INPUTS,
        "which part of a mask will change: white or black of a plain one, or transparent",
        choices=("white", "black", "transparent"),
        metavar="white|black|transparent",
    ),
    _row("mask_invert", "flag", INPUTS, "swap what changes and what stays"),
    _row("protect", "flag", INPUTS, "put the original back outside the mask, in a second file"),
    _row(
        "markup",
        "any",
        INPUTS,
        "PNG with drawn marks that guide the edit, on models that read it",
        suggests="image",
        metavar="IMG",
    ),
    _row(
        "input_fidelity",
        "text",
        INPUTS,
        "low or high, on models that let it be set",
        suggests=("low", "high"),
        metavar="low|high",
    ),
)

_CUTOUT = (
    _row(
        "transparent",
        "optional",
        CUTOUT,
        "make a cut-out: bare or chroma = one key colour; difference = two backdrops (a second paid call); native = the API's own alpha",
        commands=MAKES | {"unpack"},
        const="chroma",
        choices=("chroma", "difference", "native"),
        metavar="MODE",
    ),
    _row(
        "key_color",
        "text",
        CUTOUT,
        "chroma-key colour; auto picks one that the subject does not hold",
        commands=KEYS | FRAMES | {"icons", "unpack"},
        suggests=("auto", "green", "magenta", "blue", "#00ff00", "#ff00ff"),
        metavar="COLOR",
    ),
    _row(
        "opacity",
        "text",
        CUTOUT,
        "what a key-tinted subject is: opaque, translucent such as glass, or judged by its colours",
        commands=KEYS,
        choices=("auto", "opaque", "translucent"),
        default="auto",
        metavar="auto|opaque|translucent",
    ),
    _row(
        "edge_contract",
        "int",
        CUTOUT,
        "take this many pixels off the edge, 0 to 16",
        commands=KEYS,
        example="1",
        metavar="PX",
    ),
    _row(
        "edge_feather",
        "number",
        CUTOUT,
        "soften the edge by this radius in pixels, 0 to 64",
        commands=KEYS,
        example="1",
        metavar="PX",
    ),
    _row(
        "second",
        "any",
        CUTOUT,
        "the same subject on another backdrop: true alpha from the two pictures, nothing sent",
        commands=CUTS,
        suggests="image",
        metavar="IMG",
    ),
    _row(
        "auto_key",
        "text",
        CUTOUT,
        "where the backdrop's colour is measured; none uses --key-color as given",
        commands=CUTS,
        choices=("none", "corners", "border"),
        metavar="none|corners|border",
    ),
    _row("soft_matte", "flag", CUTOUT, "measured soft edges in place of a hard key", commands=CUTS, default=True),
    _row(
        "tolerance",
        "int",
        CUTOUT,
        "hard key: levels from the key that count as backdrop",
        commands=CUTS,
        example="12",
        metavar="0-255",
    ),
    _row(
        "transparent_threshold",
        "number",
        CUTOUT,
        "soft matte: pixels within this many levels of the key are clear; else as measured",
        commands=CUTS,
        example="12",
        metavar="0-255",
    ),
    _row(
        "opaque_threshold",
        "number",
        CUTOUT,
        "soft matte: pixels this many levels from the key are opaque; else as measured",
        commands=CUTS,
        example="220",
        metavar="0-255",
    ),
    _row(
        "despill",
        "flag",
        CUTOUT,
        "take the key's tint off the subject",
        "--spill-cleanup",
        commands=CUTS,
        default=True,
    ),
)

_SPRITES = (
    _row(
        "frames",
        "int",
        SPRITES,
        "how many frames the sheet has",
        commands=FRAMES,
        between=(1, 64),
        example="8",
        metavar="N",
    ),
    _row(
        "layout",
        "text",
        SPRITES,
        "how the frames stand: row, grid, or COLUMNSxROWS",
        commands=FRAMES,
        suggests=("row", "grid", "3x2", "4x2"),
        metavar="row|grid|CxR",
    ),
    _row(
        "animation",
        "text",
        SPRITES,
        "what the figure does: idle, walk, run, jump, attack and others have poses of their own; or any words",
        commands=FRAMES,
        suggests="animation",
        metavar="NAME",
    ),
    _row(
        "cell",
        "text",
        SPRITES,
        "exact size of a finished frame, WxH in pixels",
        commands=FRAMES | {"pixelate"},
        example="64x64",
        metavar="WxH",
    ),
    _row(
        "like",
        "any",
        SPRITES,
        "a variable with sprites; the new ones get their cell, scale and pivot",
        commands=FRAMES,
        suggests="sprites",
        metavar="VAR",
    ),
    _row("fps", "number", SPRITES, "frames a second", commands=TIMED, default=10.0, metavar="N"),
    _row(
        "durations",
        "ints",
        SPRITES,
        "milliseconds of each frame, with commas, or one for all",
        commands=frozenset({"unpack"}),
        between=(1, 65_535),
        example="80,80,200",
        metavar="MS,MS",
    ),
    _row("once", "flag", SPRITES, "the animation is played once, and need not lead back to its start", commands=TIMED),
    _row(
        "objects",
        "flag",
        SPRITES,
        "the free-standing objects of an asset sheet, each in an image of its own, in place of frames",
        commands=frozenset({"slice"}),
    ),
    _row(
        "padding",
        "int",
        SPRITES,
        "clear pixels around each object",
        commands=frozenset({"slice"}),
        between=(0, 256),
        default=2,
        metavar="PX",
    ),
    _row(
        "export",
        "list",
        SPRITES,
        "files to write, with commas: frames, sheet, atlas (TexturePacker), aseprite, godot, css, gif, apng, webp, gpl",
        commands=TIMED,
        suggests=("frames", "sheet", "atlas", "texturepacker-array", "aseprite", "godot", "css", "gif", "apng", "webp"),
        metavar="FORMAT",
    ),
)

_SMALL = (
    _row(
        "pixel_art",
        "optional",
        SMALL,
        "make one real pixel of each block that was painted: as many as are found, or WxH",
        commands=PIXELS,
        const="auto",
        form=r"auto|\d+x\d+",
        suggests=("32x32", "64x64"),
        example="64x64",
        metavar="WxH",
    ),
    _row(
        "colors",
        "text",
        SMALL,
        "pixel art: how many colours, a palette's name, or a .gpl, .hex, .pal or .act file",
        commands=PIXELS | {"pixelate"},
        suggests=("16", "32", "pico-8"),
        example="16",
        metavar="N|NAME|FILE",
    ),
    _row(
        "sizes",
        "ints",
        SMALL,
        "icons of the cut-out with these edges in pixels, 8 to 1024, with commas",
        commands=ICON_SETS,
        between=(8, 1024),
        suggests=("16,32,64,128,512",),
        example="16,32,64",
        metavar="PX,PX",
    ),
    _row("ico", "flag", SMALL, "icons: also a Windows .ico", commands=ICON_SETS),
    _row("icns", "flag", SMALL, "icons: also an Apple .icns", commands=ICON_SETS),
    _row("favicon", "flag", SMALL, "icons: also the files of a web page", commands=ICON_SETS),
)

_CHECKS = (
    _row(
        "expect",
        "list",
        CHECKS,
        "what the saved picture must show: 'alpha clean', 'size >=512x512', …, or a .toml file of these; repeatable",
        suggests=(
            "alpha",
            "size=",
            "palette=",
            "background=",
            "outside-mask",
            "seamless",
            "contrast",
            "sharp",
            "not-blank",
            "same-as=",
            "text=",
        ),
        example="not-blank",
        metavar="WHAT",
    ),
    _row(
        "best_of",
        "int",
        CHECKS,
        "make up to this many tries, 2 to 20, each billed; keep all, bind the best by --expect",
        between=(2, 20),
        example="4",
        metavar="N",
    ),
    _row(
        "until",
        "text",
        CHECKS,
        "pass ends --best-of at the first picture that is as expected",
        choices=("pass",),
        metavar="pass",
    ),
)

FILE_FIELDS = ("name", "slug", "i", "date")
"""What `--out` fills in between braces."""
NUMBER_FORM = r":0?\d+d?"
"""How the number of an image may be written there, as a pattern: `{i:03}`."""
_FILES = (
    _row(
        "out",
        "text",
        FILES,
        "file name or template ({name} {slug} {i} {date}) inside the output folder",
        "-o",
        example="mug.png",
        metavar="PATH",
    ),
    _row(
        "out_dir",
        "text",
        FILES,
        "output folder",
        commands=MAKES | FRAMES | ART,
        config=True,
        default="output/imagegen",
        example="output/mugs",
        metavar="DIR",
    ),
    _row(
        "if_exists",
        "text",
        FILES,
        "what to do if the name is taken; version makes hero-v2.png",
        commands=MAKES | FRAMES | ART,
        config=True,
        default="version",
        choices=("version", "fail", "overwrite"),
        metavar="version|fail|overwrite",
        shorthands=(("--force", "overwrite"),),
    ),
    _row(
        "web",
        "ints",
        FILES,
        "also save a copy scaled to this longest edge; repeatable",
        "--downscale-max-dim",
        example="512",
        metavar="PX",
    ),
    _row(
        "web_suffix",
        "text",
        FILES,
        "how the copy's name ends; {px} is its longest edge",
        "--downscale-suffix",
        default="-web{px}",
        metavar="TEXT",
    ),
    _row(
        "reuse",
        "flag",
        FILES,
        "return the stored result of an identical request instead of paying again",
        config=True,
        default=False,
    ),
    _row("alt", "text", FILES, "alternative text for the picture", metavar="TEXT"),
    _row(
        "mark",
        "flag",
        FILES,
        "write into files made from a picture, in XMP, that AI made it, and from which picture",
        commands=KEYS,
        config=True,
        default=True,
    ),
    _row(
        "embed_prompt",
        "flag",
        FILES,
        "also write the prompt into files made from a picture",
        commands=KEYS,
        config=True,
    ),
    _row(
        "sign",
        "flag",
        FILES,
        "sign files made from a picture with your certificate (extra: c2pa)",
        commands=KEYS,
        config=True,
    ),
    _row(
        "sign_certificate",
        "text",
        FILES,
        "PEM file with the certificate chain that --sign uses",
        commands=KEYS,
        config=True,
        metavar="FILE",
    ),
    _row(
        "sign_key",
        "text",
        FILES,
        "PEM file with the private key that --sign uses",
        commands=KEYS,
        config=True,
        metavar="FILE",
    ),
)

_MONEY = (
    _row("replay", "flag", MONEY, "show stored images only, as imagegen.lock says: no key, no network", config=True),
    _row(
        "replay_from",
        "text",
        MONEY,
        "where --replay fetches locked images that are not here: https, s3 (extra: remote)",
        config=True,
        metavar="ADDRESS",
    ),
    _row("dry_run", "flag", MONEY, "check and show everything, send nothing"),
    _row(
        "max_cost",
        "money",
        MONEY,
        "refuse if the estimate's upper end is above this",
        config=True,
        example="0.50",
        metavar="USD",
    ),
    _row(
        "session_max_cost",
        "money",
        MONEY,
        "the same for everything this kernel has sent",
        config=True,
        commands=frozenset(),
        example="5",
        metavar="USD",
    ),
    _row("confirm_above", "money", MONEY, "ask for -y above this", config=True, example="0.50", metavar="USD"),
    _row("yes", "flag", MONEY, "yes to the question of --confirm-above", "-y"),
    _row(
        "timeout",
        "number",
        MONEY,
        "seconds without a byte before giving up",
        config=True,
        default=300.0,
        metavar="S",
        above=0,
    ),
    _row(
        "deadline",
        "number",
        MONEY,
        "seconds in all before giving up",
        config=True,
        default=600.0,
        metavar="S",
        above=0,
    ),
    _row(
        "retries",
        "int",
        MONEY,
        "how many times to retry what is known not to be billed",
        between=(0, 100),
        config=True,
        default=4,
        metavar="N",
    ),
    _row(
        "retry_ambiguous",
        "int",
        MONEY,
        "also retry what may have been billed, this many times",
        between=(0, 100),
        config=True,
        default=0,
        metavar="N",
    ),
    _row("detach", "flag", MONEY, "run in the background; the output fills when the picture comes"),
)

_SHOW = (
    _row(
        "partial_images",
        "int",
        SHOW,
        "live previews, 0 to 3 (100 tokens each); 1 in a live front end unless --quality low, 0 elsewhere",
        "--partials",
        config=True,
        example="1",
        metavar="0-3",
    ),
    _row(
        "preview",
        "int",
        SHOW,
        "longest edge of the inline preview in pixels; 0 shows text only",
        config=True,
        default=768,
        metavar="PX",
    ),
    _row(
        "caption",
        "text",
        SHOW,
        "the caption below the picture",
        config=True,
        default="full",
        choices=("full", "minimal", "none"),
        metavar="full|minimal|none",
    ),
    _row(
        "progress",
        "text",
        SHOW,
        "auto shows progress in a live front end only",
        config=True,
        default="auto",
        choices=("auto", "on", "off"),
        metavar="auto|on|off",
    ),
    _row("quiet", "flag", SHOW, "show nothing; bind NAME only"),
)

_SERVER = (
    _row(
        "backend",
        "text",
        SERVER,
        "openai (or any compatible server), or the offline simulator",
        config=True,
        default="openai",
        choices=("openai", "simulator"),
        metavar="openai|simulator",
    ),
    _row(
        "base_url",
        "text",
        SERVER,
        "a compatible server's address; else as the SDK reads its environment",
        config=True,
        metavar="URL",
    ),
    _row(
        "dialect",
        "text",
        SERVER,
        "which server's habits to follow; else the address decides",
        config=True,
        metavar="NAME",
    ),
    _row("models_file", "text", SERVER, "TOML file that adds or overrides models", config=True, metavar="PATH"),
)

_BATCH = frozenset({"batch"})
_BATCH_ROWS = (
    _row(
        "source",
        "any",
        "batch",
        "variable or file (JSONL, CSV, text) with the jobs; its columns: prompt, name, and any option",
        "--input",
        "--from",
        commands=_BATCH,
        metavar="VAR|FILE",
    ),
    _row(
        "grid",
        "list",
        "batch",
        "every combination: --grid size=square,landscape quality=low,high",
        commands=_BATCH,
        metavar="NAME=A,B",
    ),
    _row(
        "concurrency",
        "int",
        "batch",
        "requests in flight, 1 to 64",
        commands=_BATCH,
        between=(1, 64),
        config=True,
        default=5,
        metavar="N",
    ),
    _row(
        "ipm",
        "number",
        "batch",
        "images a minute; else from the server's headers",
        commands=_BATCH,
        config=True,
        example="20",
        metavar="N",
    ),
    _row("fail_fast", "flag", "batch", "stop sending at the first failure", commands=_BATCH),
    _row("skip_invalid", "flag", "batch", "send the good jobs although others are faulty", commands=_BATCH),
    _row("wildcards", "flag", "batch", "make a job for each choice of {red|blue} in a prompt", commands=_BATCH),
    _row(
        "via",
        "text",
        "batch",
        "direct, or batch-api: overnight at half price",
        commands=_BATCH,
        default="direct",
        choices=("direct", "batch-api"),
        metavar="direct|batch-api",
    ),
)

OPTIONS: tuple[Option, ...] = (
    *_IMAGE, *_PROMPT, *_INPUTS, *_CUTOUT, *_SPRITES, *_SMALL, *_CHECKS, *_FILES, *_MONEY, *_SHOW, *_SERVER, *_BATCH_ROWS,
)  # fmt: skip
"""Every option, in the order of help texts and reference pages."""

SHEET_ONLY = frozenset(
    option.name for option in OPTIONS if option.commands & FRAMES and option.commands & MAKES <= FRAMES
)
"""Options that mean something for sprite sheets only."""

BY_NAME: dict[str, Option] = {option.name: option for option in OPTIONS}
_BY_FLAG = {flag: option for option in OPTIONS for flag in option.flags}


def option_of_flag(flag: str) -> Option | None:
    """The option that a flag belongs to; None for another word.

    >>> option_of_flag("-q").name
    'quality'
    """
    return _BY_FLAG.get(flag)
