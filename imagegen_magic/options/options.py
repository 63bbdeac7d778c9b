"""Every option's value after all layers, each with its type; the table says what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from functools import cache
from typing import Any, Literal

from imagegen_magic.redaction import redact

__all__ = ["Options", "option_names"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One value for each row of `options.table`, under the row's name; `origins` says where each came from.

    `None` means that the option was not given and has no default. Money is in USD, times are in seconds.
    """

    # picture
    model: str | None = None
    """None: the catalog's default."""
    size: str | None = None
    quality: str = "medium"
    n: int | None = None
    output_format: str | None = None
    output_compression: int | None = None
    background: str | None = None
    moderation: str | None = None
    complexity: str | None = None
    safety_identifier: str | None = None
    frame_count: int | None = None
    frame_duration_ms: int | None = None
    svg_model: str | None = None
    svg_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    extra: Mapping[str, Any] | None = None

    # prompt
    use_case: str | None = None
    scene: str | None = None
    subject: str | None = None
    style: str | None = None
    composition: str | None = None
    lighting: str | None = None
    palette: str | None = None
    materials: str | None = None
    text: tuple[str, ...] | None = None
    constraints: str | None = None
    avoid: str | None = None
    profile: str | None = None
    template: str | None = None
    keep: tuple[str, ...] | None = None
    augment: bool = True
    raw: bool = False
    show_prompt: bool = False

    # input images
    image: tuple[Any, ...] | None = None
    ref: tuple[Any, ...] | None = None
    mask: Any = None
    mask_box: tuple[Any, ...] | None = None
    mask_edit: Literal["white", "black", "transparent"] | None = None
    mask_invert: bool = False
    protect: bool = False
    markup: Any = None
    input_fidelity: str | None = None

    # transparent cut-out
    transparent: Literal["chroma", "difference", "native"] | None = None
    key_color: str | None = None
    opacity: Literal["auto", "opaque", "translucent"] = "auto"
    edge_contract: int | None = None
    edge_feather: float | None = None
    second: Any = None
    auto_key: Literal["none", "corners", "border"] | None = None
    soft_matte: bool = True
    tolerance: int | None = None
    transparent_threshold: float | None = None
    opaque_threshold: float | None = None
    despill: bool = True

    # sprites
    frames: int | None = None
    layout: str | None = None
    animation: str | None = None
    cell: str | None = None
    like: Any = None
    fps: float = 10.0
    durations: tuple[int, ...] | None = None
    once: bool = False
    objects: bool = False
    padding: int = 2
    export: tuple[str, ...] | None = None

    # pixel art and icons
    pixel_art: str | None = None
    """None: not; `auto`: as many pixels as were painted; else WxH."""
    colors: str | None = None
    sizes: tuple[int, ...] | None = None
    ico: bool = False
    icns: bool = False
    favicon: bool = False

    # checks
    expect: tuple[Any, ...] | None = None
    best_of: int | None = None
    until: Literal["pass"] | None = None

    # files
    out: str | None = None
    out_dir: str = "output/imagegen"
    if_exists: Literal["version", "fail", "overwrite"] = "version"
    web: tuple[int, ...] | None = None
    web_suffix: str = "-web{px}"
    reuse: bool = False
    alt: str | None = None
    mark: bool = True
    embed_prompt: bool = False
    sign: bool = False
    sign_certificate: str | None = None
    sign_key: str | None = None

    # money and time
    replay: bool = False
    replay_from: str | None = None
    dry_run: bool = False
    max_cost: Decimal | None = None
    session_max_cost: Decimal | None = None
    confirm_above: Decimal | None = None
    yes: bool = False
    timeout: float = 300.0
    deadline: float = 600.0
    retries: int = 4
    retry_ambiguous: int = 0
    detach: bool = False

    # display
    partial_images: int | None = None
    preview: int = 768
    caption: Literal["full", "minimal", "none"] = "full"
    progress: Literal["auto", "on", "off"] = "auto"
    quiet: bool = False

    # server
    backend: Literal["openai", "simulator"] = "openai"
    base_url: str | None = None
    dialect: str | None = None
    models_file: str | None = None

    # batch
    source: Any = None
    grid: tuple[str, ...] | None = None
    concurrency: int = 5
    ipm: float | None = None
    fail_fast: bool = False
    skip_invalid: bool = False
    wildcards: bool = False
    via: Literal["direct", "batch-api"] = "direct"

    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """For each option's name the layer that decided it: `line`, `session`, `environment …`, a file, or `default`."""

    def changed(self, origin: str, **values: Any) -> Options:
        """The options with other values, which come from `origin`."""
        return replace(self, **values, origins={**self.origins, **dict.fromkeys(values, origin)})

    def given(self) -> dict[str, Any]:
        """Only what the line or call itself gave."""
        return {name: getattr(self, name) for name in option_names() if self.origins.get(name) == "line"}

    def without_objects(self) -> Options:
        """The options as a result holds them, so that it can be pickled: functions by their names, no key in an address."""
        texts = tuple(str(getattr(item, "__name__", item)) for item in self.expect or ())
        address = redact(self.base_url) if self.base_url else self.base_url
        if (texts or self.expect, address) == (self.expect, self.base_url):
            return self
        return replace(self, expect=texts or self.expect, base_url=address)

    def kept(self) -> dict[str, Any]:
        """What was given, without images and other objects: what a sidecar keeps, and a cell can say."""
        return {name: value for name, value in self.without_objects().given().items() if _is_plain(value)}


@cache
def option_names() -> tuple[str, ...]:
    """The names of all options, in the table's order."""
    return tuple(f.name for f in fields(Options) if f.name != "origins")


def _is_plain(value: object) -> bool:
    """True for what JSON can hold."""
    if isinstance(value, (tuple, dict)):
        return all(map(_is_plain, value.values() if isinstance(value, dict) else value))
    return isinstance(value, (str, int, float, bool))
