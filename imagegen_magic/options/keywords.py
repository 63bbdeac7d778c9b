"""The options as keyword arguments of `generate`, `edit`, `preview`, `start`, `sprites` and `run_batch`, for editors and type checkers.

The texts are the table's; a test holds names and texts equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypedDict

__all__ = ["BatchOptions", "GenerateOptions", "SpriteOptions"]

Money = float | Decimal | str
"""An amount in USD."""


class GenerateOptions(TypedDict, total=False):
    """What one request may be given."""

    model: str
    """model id"""
    size: str
    """auto, WxH, a preset (square, 4k) or a ratio (16:9, 16:9@2k)"""
    quality: str
    """what the model offers: low, medium, high, auto; newer ones xhigh, max"""
    n: int
    """how many pictures, 1 to 10; each is billed"""
    output_format: str
    """png, jpeg, webp; newer models gif, svg"""
    output_compression: int
    """0 to 100, jpeg and webp only"""
    background: str
    """the API's transparency switch (what the picture shows behind its subject is --scene)"""
    moderation: str
    """auto or low"""
    complexity: str
    """planning effort on models that have it"""
    safety_identifier: str
    """hashed id of the end user, at most 128 characters"""
    frame_count: int
    """gif: 2 to 16 frames"""
    frame_duration_ms: int
    """gif: milliseconds a frame, from 20"""
    svg_model: str
    """svg: author model, if the project may choose"""
    svg_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
    """svg: the author model's reasoning effort"""
    extra: Mapping[str, Any]
    """a field that this version does not know; sent as it is, not validated"""
    use_case: str
    """slug; see %imagegen tips"""
    scene: str
    """what the picture shows around its subject (not --background)"""
    subject: str
    """what it is about"""
    style: str
    """medium and manner"""
    composition: str
    """framing, viewpoint, empty space"""
    lighting: str
    """light and mood"""
    palette: str
    """colours"""
    materials: str
    """surfaces and textures"""
    text: str | Sequence[str]
    """words that must stand in the picture, verbatim; repeatable"""
    constraints: str
    """what must hold"""
    avoid: str
    """what must not appear"""
    profile: str
    """a named bundle of options, fields and references; %imagegen profile lists them"""
    template: str
    """a text around the prompt; {prompt} marks its place"""
    keep: str | Sequence[str]
    """what an edit must not change; repeatable"""
    augment: bool
    """add the labelled lines of the fields above to the prompt"""
    raw: bool
    """send {{ }} as typed"""
    ref: Any
    """reference picture; goes through the edits endpoint; repeatable"""
    mask: Any
    """PNG whose transparent pixels will change"""
    mask_box: Any
    """a rectangle that will change, in px, % or fractions; repeatable"""
    mask_edit: Literal["white", "black", "transparent"]
    """which part of a mask will change: white or black of a plain one, or transparent"""
    mask_invert: bool
    """swap what changes and what stays"""
    protect: bool
    """put the original back outside the mask, in a second file"""
    markup: Any
    """PNG with drawn marks that guide the edit, on models that read it"""
    input_fidelity: str
    """low or high, on models that let it be set"""
    transparent: bool | Literal["chroma", "difference", "native"]
    """make a cut-out: bare or chroma = one key colour; difference = two backdrops (a second paid call); native = the API's own alpha"""
    key_color: str
    """chroma-key colour; auto picks one that the subject does not hold"""
    opacity: Literal["auto", "opaque", "translucent"]
    """what a key-tinted subject is: opaque, translucent such as glass, or judged by its colours"""
    edge_contract: int
    """take this many pixels off the edge, 0 to 16"""
    edge_feather: float
    """soften the edge by this radius in pixels, 0 to 64"""
    pixel_art: bool | str
    """make one real pixel of each block that was painted: as many as are found, or WxH"""
    colors: int | str
    """pixel art: how many colours, a palette's name, or a .gpl, .hex, .pal or .act file"""
    sizes: int | Sequence[int]
    """icons of the cut-out with these edges in pixels, 8 to 1024, with commas"""
    ico: bool
    """icons: also a Windows .ico"""
    icns: bool
    """icons: also an Apple .icns"""
    favicon: bool
    """icons: also the files of a web page"""
    expect: Any
    """what the saved picture must show: 'alpha clean', 'size >=512x512', …, or a .toml file of these; repeatable"""
    best_of: int
    """make up to this many tries, 2 to 20, each billed; keep all, bind the best by --expect"""
    until: Literal["pass"]
    """pass ends --best-of at the first picture that is as expected"""
    out: str | Path
    """file name or template ({name} {slug} {i} {date}) inside the output folder"""
    out_dir: str | Path
    """output folder"""
    if_exists: Literal["version", "fail", "overwrite"]
    """what to do if the name is taken; version makes hero-v2.png"""
    web: int | Sequence[int]
    """also save a copy scaled to this longest edge; repeatable"""
    web_suffix: str
    """how the copy's name ends; {px} is its longest edge"""
    reuse: bool
    """return the stored result of an identical request instead of paying again"""
    alt: str
    """alternative text for the picture"""
    mark: bool
    """write into files made from a picture, in XMP, that AI made it, and from which picture"""
    embed_prompt: bool
    """also write the prompt into files made from a picture"""
    sign: bool
    """sign files made from a picture with your certificate (extra: c2pa)"""
    sign_certificate: str | Path
    """PEM file with the certificate chain that --sign uses"""
    sign_key: str | Path
    """PEM file with the private key that --sign uses"""
    replay: bool
    """show stored images only, as imagegen.lock says: no key, no network"""
    replay_from: str
    """where --replay fetches locked images that are not here: https, s3 (extra: remote)"""
    max_cost: Money
    """refuse if the estimate's upper end is above this"""
    confirm_above: Money
    """ask for -y above this"""
    yes: bool
    """yes to the question of --confirm-above"""
    timeout: float
    """seconds without a byte before giving up"""
    deadline: float
    """seconds in all before giving up"""
    retries: int
    """how many times to retry what is known not to be billed"""
    retry_ambiguous: int
    """also retry what may have been billed, this many times"""
    partial_images: int
    """live previews, 0 to 3 (100 tokens each); 1 in a live front end unless --quality low, 0 elsewhere"""
    preview: int
    """longest edge of the inline preview in pixels; 0 shows text only"""
    caption: Literal["full", "minimal", "none"]
    """the caption below the picture"""
    progress: Literal["auto", "on", "off"]
    """auto shows progress in a live front end only"""
    quiet: bool
    """show nothing; bind NAME only"""
    backend: Literal["openai", "simulator"]
    """openai (or any compatible server), or the offline simulator"""
    base_url: str
    """a compatible server's address; else as the SDK reads its environment"""
    dialect: str
    """which server's habits to follow; else the address decides"""
    models_file: str | Path
    """TOML file that adds or overrides models"""


class BatchOptions(GenerateOptions, total=False):
    """What a batch may be given: everything of a request, shared by its jobs, and how they run."""

    grid: Mapping[str, Sequence[Any]]
    """every combination: --grid size=square,landscape quality=low,high"""
    concurrency: int
    """requests in flight, 1 to 64"""
    ipm: float
    """images a minute; else from the server's headers"""
    fail_fast: bool
    """stop sending at the first failure"""
    skip_invalid: bool
    """send the good jobs although others are faulty"""
    wildcards: bool
    """make a job for each choice of {red|blue} in a prompt"""


class SpriteOptions(GenerateOptions, total=False):
    """What a sprite sheet may be given: everything of a request, and how its frames are drawn, cut and written."""

    frames: int
    """how many frames the sheet has"""
    layout: str
    """how the frames stand: row, grid, or COLUMNSxROWS"""
    animation: str
    """what the figure does: idle, walk, run, jump, attack and others have poses of their own; or any words"""
    cell: str | tuple[int, int]
    """exact size of a finished frame, WxH in pixels"""
    like: Any
    """a variable with sprites; the new ones get their cell, scale and pivot"""
    fps: float
    """frames a second"""
    once: bool
    """the animation is played once, and need not lead back to its start"""
    export: str | Sequence[str]
    """files to write, with commas: frames, sheet, atlas (TexturePacker), aseprite, godot, css, gif, apng, webp, gpl"""
