"""The images that options name, gathered from files, variables and the history, every fault collected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from imagegen_magic.errors import Fix, ImagegenError, Problem, Setting
from imagegen_magic.options.options import Options
from imagegen_magic.options.paths import expanded, is_file
from imagegen_magic.request.chroma_key import KEY_COLORS
from imagegen_magic.request.request import InputImage
from imagegen_magic.request.response import Parent

from .opening import open_image, parse_token, problems_of, read_input, resolve_token
from .preview import Preview, side_by_side

__all__ = ["Comparison", "Inputs", "Known", "gather_inputs"]


class Known(Protocol):
    """What the history knows of images; `store.library.Library` is one."""

    def image_file(self, token: str) -> Path:
        """The file that `@hero`, `@17`, `@last` or a name in the output folder means; raises `OptionError`."""

    def parent_of(self, image: InputImage, source: object) -> Parent:
        """Where an input image came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The images that go with a request, read and checked, and where they came from."""

    images: tuple[InputImage, ...] = ()
    mask: InputImage | None = None
    markup: InputImage | None = None
    parents: tuple[Parent, ...] = ()
    problems: tuple[Problem, ...] = ()
    key_shares: Mapping[str, float] = field(default_factory=dict)
    """For each key colour's name, the share (0 to 1) of input pixels near it."""
    references_only: bool = False
    """The pictures came with `--ref`: nothing is edited, the first is not a target."""


def gather_inputs(options: Options, command: str, variables: Mapping[str, object], known: Known) -> Inputs:
    """Every input picture, mask and markup, read and checked; faults are collected, not raised."""
    problems: list[Problem] = []
    tokens = [*(options.image or ()), *(options.ref or ())]
    found = [pair for token in tokens if (pair := _read(token, variables, known, problems)) is not None]
    images = [image for image, _ in found]
    if command == "edit" and not options.image:
        problems.append(
            Problem(
                field="image",
                rule="an edit needs a picture",
                fix=Fix(Setting("-i", "path.png"), ", ", Setting("-i", "@hero"), " or ", Setting("-i", "variable")),
            )
        )
    mask = _mask(options, images, variables, known, problems)
    drawn = _read(options.markup, variables, known, problems) if options.markup is not None else None
    return Inputs(
        images=tuple(images),
        mask=mask,
        markup=drawn[0] if drawn else None,
        parents=tuple(known.parent_of(image, source) for image, source in found),
        problems=tuple(problems),
        key_shares=key_shares(images) if options.transparent in ("chroma", "difference") else {},
        references_only=not options.image,
    )


def _read(
    token: Any, variables: Mapping[str, object], known: Known, problems: list[Problem]
) -> tuple[InputImage, Any] | None:
    """The picture that a token means, and what it was read from; None if it can't be read."""
    parsed = parse_token(token)
    try:
        source, origin = resolve_token(parsed.reference, variables, known.image_file)
        image = read_input(source, role=parsed.role, origin=origin)
        notes = (*image.notes, *_found_elsewhere(parsed.reference, source), *_first_of_several(origin, source))
        return replace(image, notes=notes), source
    except ImagegenError as error:
        problems += problems_of(error)
        return None


def _first_of_several(name: str, source: Any) -> list[str]:
    """A note for a result of several images, of which the first is taken."""
    count = len(getattr(source, "paths", ()))
    return [f"{name} has {count} images: the first is taken, [1] is the next"] if count > 1 else []


def _found_elsewhere(reference: Any, source: Any) -> list[str]:
    """A note for a name that is not a file here, but one of the output folder."""
    if not isinstance(reference, str) or reference.startswith("@") or not isinstance(source, Path):
        return []
    return [] if is_file(expanded(reference)) else [f"{reference}: taken from the output folder"]


def _mask(
    options: Options, images: list[InputImage], variables: Mapping[str, object], known: Known, problems: list[Problem]
) -> InputImage | None:
    if options.mask is None and not options.mask_box:
        return None
    from .masks import box_text, build_mask, mask_share  # noqa: PLC0415 - numpy comes with the first mask: 0.1 s

    if not images:
        if not problems:
            problems.append(Problem(field="mask", rule="a mask belongs to a picture", fix=Fix(Setting("-i", "IMAGE"))))
        return None
    if (box := box_text(options.mask)) is not None:
        rule = "four numbers are a rectangle, not an image"
        problems.append(Problem(field="mask", value=options.mask, rule=rule, fix=Fix(Setting("--mask-box", box))))
        return None
    try:
        source = resolve_token(options.mask, variables, known.image_file)[0] if options.mask is not None else None
        mask = build_mask(
            images[0],
            source=source,
            boxes=options.mask_box or (),
            invert=bool(options.mask_invert),
            edit=options.mask_edit,
        )
        share = mask_share(mask)
        percent = f"{share:.0%}" if 0.01 <= share <= 0.99 else f"{share:.2%}"
        note = f"mask: {percent} of {images[0].name} may change; a mask only guides the model: "
        return replace(mask, notes=(Fix(note, Setting("--protect"), " keeps the rest as it was"),))
    except ImagegenError as error:
        problems += [replace(p, field="mask") if p.field == "image" else p for p in problems_of(error)]
        return None


def key_shares(images: list[InputImage]) -> dict[str, float]:
    """For each key colour the share (0 to 1) of input pixels near it, measured on thumbnails."""
    from .arrays import share_near  # noqa: PLC0415 - numpy comes with the first input image: 0.1 s

    shares = dict.fromkeys(KEY_COLORS, 0.0)
    for image in images:
        small = open_image(image.data).convert("RGB")
        small.thumbnail((128, 128))
        for name, color in KEY_COLORS.items():
            shares[name] = max(shares[name], share_near(small, color, NEAR_LEVELS))
    return shares


NEAR_LEVELS = 110
"""A pixel is near a key colour when no channel is further away than this many levels of 255."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two images side by side, as one preview."""

    names: tuple[str, str]
    preview: Preview
    sources: tuple[bytes, bytes] = (b"", b"")
    """Both images as files' bytes."""

    @classmethod
    def of(cls, tokens: tuple[Any, Any], variables: Mapping[str, object], known: Known) -> Comparison:
        """The comparison that two references mean.

        Raises:
            OptionError: one of them means nothing.
        """
        found = [resolve_token(parse_token(token).reference, variables, known.image_file) for token in tokens]
        inputs = [read_input(source, origin=origin) for source, origin in found]
        preview = side_by_side(inputs[0].data, inputs[1].data)
        return cls(names=(found[0][1], found[1][1]), preview=preview, sources=(inputs[0].data, inputs[1].data))

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.preview.bundle(f"{self.names[0]} beside {self.names[1]}")

    def __repr__(self) -> str:
        return f"{self.names[0]} beside {self.names[1]}"
