"""The pictures that options name, gathered from files, variables and the history, every fault collected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .errors import ImagegenError, OptionError, Problem
from .history import Record
from .inputs import parse_token, problems_of, read_input, resolve_token
from .masks import build_mask, mask_share
from .names import shown_file
from .options import ParsedLine
from .planning import Inputs
from .preview import Preview, side_by_side
from .request import InputImage
from .response import Parent
from .settings import Options
from .store import Store

__all__ = ["Pair", "cutout_arguments", "cutout_of", "gather_inputs", "saved_cutout"]


def history_file(store: Store, token: str) -> Path:
    """The picture of a history reference: the cut-out where one was made, else the API's file."""
    record, index = store.history.find(token)
    found = shown_file(store.folder / record.api_files()[index].path)
    if not found.is_file():
        fix = "make it again: %imagegen recall " + token
        raise OptionError(
            "a picture is gone",
            problems=(Problem(field="image", value=token, rule=f"{found.name} is no longer there", fix=fix),),
        )
    return found


def gather_inputs(options: Options, command: str, variables: Mapping[str, object], store: Store) -> Inputs:
    """Every input picture, mask and markup, read and checked; faults are collected, not raised."""
    problems: list[Problem] = []
    tokens = [*(options["image"] or ()), *(options["ref"] or ())]
    found = [pair for token in tokens if (pair := _read(token, variables, store, problems)) is not None]
    images = [image for image, _ in found]
    if command == "edit" and not options["image"]:
        problems.append(
            Problem(field="image", rule="an edit needs a picture", fix="-i path.png, -i @hero or -i variable")
        )
    mask = _mask(options, images, variables, store, problems)
    drawn = _read(options["markup"], variables, store, problems) if options["markup"] is not None else None
    return Inputs(
        images=tuple(images),
        mask=mask,
        markup=drawn[0] if drawn else None,
        parents=tuple(_parent(image, source, store) for image, source in found),
        problems=tuple(problems),
        key_shares=_key_shares(images) if options["transparent"] in ("chroma", "difference") else {},
        references_only=not options["image"],
    )


def _read(
    token: Any, variables: Mapping[str, object], store: Store, problems: list[Problem]
) -> tuple[InputImage, Any] | None:
    """The picture that a token means, and what it was read from; None where it can't be read."""
    parsed = parse_token(token)
    try:
        source, origin = resolve_token(parsed.reference, variables, lambda word: history_file(store, word))
        return read_input(source, role=parsed.role, origin=origin), source
    except ImagegenError as error:
        problems += problems_of(error)
        return None


def _mask(
    options: Options, images: list[InputImage], variables: Mapping[str, object], store: Store, problems: list[Problem]
) -> InputImage | None:
    if options["mask"] is None and not options["mask_box"]:
        return None
    if not images:
        if not problems:
            problems.append(Problem(field="mask", rule="a mask belongs to a picture", fix="-i IMAGE"))
        return None
    try:
        source = (
            resolve_token(options["mask"], variables, lambda word: history_file(store, word))[0]
            if options["mask"] is not None
            else None
        )
        mask = build_mask(
            images[0], source=source, boxes=options["mask_box"] or (), invert=bool(options["mask_invert"])
        )
        share = f"mask: {mask_share(mask):.0%} of {images[0].name} may change (alpha 0); the rest only guides the model"
        return replace(mask, notes=(share,))
    except ImagegenError as error:
        problems += problems_of(error)
        return None


def _parent(image: InputImage, source: Any, store: Store) -> Parent:
    """Where an input came from, with its number where the history knows its bytes; a cut-out stands for its source."""
    if (record := store.history.by_sha256(image.sha256)) is not None:
        return Parent(sha256=image.sha256, role=image.role, file=image.origin, number=record.number)
    path = getattr(source, "path", source)
    made = store.derived_from(path) if isinstance(path, Path) else None
    sha256, number = made or (image.sha256, None)
    return Parent(sha256=sha256, role=image.role, file=image.origin, number=number)


def _key_shares(images: list[InputImage]) -> dict[str, float]:
    """For each key colour the share (0 to 1) of input pixels near it, measured on thumbnails."""
    import numpy as np  # noqa: PLC0415 - only for a cut-out with reference pictures

    from .backdrop import KEY_COLORS  # noqa: PLC0415 - only for a cut-out with reference pictures
    from .inputs import open_picture  # noqa: PLC0415 - only for a cut-out with reference pictures

    shares = dict.fromkeys(KEY_COLORS, 0.0)
    for image in images:
        small = open_picture(image.data).convert("RGB")
        small.thumbnail((128, 128))
        pixels = np.asarray(small, np.int16).reshape(-1, 3)
        for name, color in KEY_COLORS.items():
            key = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
            near = (np.abs(pixels - key).max(axis=1) < NEAR_LEVELS).mean()
            shares[name] = max(shares[name], float(near))
    return shares


NEAR_LEVELS = 110
"""A pixel is near a key colour when no channel is further away than this many levels of 255."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two pictures side by side, as one preview."""

    names: tuple[str, str]
    preview: Preview
    sources: tuple[bytes, bytes] = (b"", b"")
    """Both pictures as files' bytes."""

    @classmethod
    def of(cls, tokens: tuple[Any, Any], variables: Mapping[str, object], store: Store) -> Pair:
        """The pair that two references mean.

        Raises:
            OptionError: one of them means nothing.
        """
        found = [
            resolve_token(parse_token(token).reference, variables, lambda word: history_file(store, word))
            for token in tokens
        ]
        inputs = [read_input(source, origin=origin) for source, origin in found]
        preview = side_by_side(inputs[0].data, inputs[1].data)
        return cls(names=(found[0][1], found[1][1]), preview=preview, sources=(inputs[0].data, inputs[1].data))

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.preview.bundle(f"{self.names[0]} beside {self.names[1]}")

    def __repr__(self) -> str:
        return f"{self.names[0]} beside {self.names[1]}"


ENGINE_NAMES = {"key_color": "key", "opacity": "subject"}
CUTOUT_OPTIONS = (
    *ENGINE_NAMES, "auto_key", "soft_matte", "tolerance", "transparent_threshold", "opaque_threshold", "despill",
    "edge_contract", "edge_feather",
)  # fmt: skip


def cutout_arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `cutouts.cutout` that option values mean; what was not given stays with its default."""
    return {ENGINE_NAMES.get(name, name): values[name] for name in CUTOUT_OPTIONS if values.get(name) is not None}


def cutout_of(parsed: ParsedLine, variables: Mapping[str, object], store: Store) -> Any:
    """The cut-out of the picture that a `%imagegen cutout` line names, saved in the output folder."""
    if parsed.problems or parsed.name is None:
        missing = (
            () if parsed.name else (Problem(field="image", rule="a picture is needed", fix="%imagegen cutout @hero"),)
        )
        raise OptionError("the line can't be used", problems=(*parsed.problems, *missing))
    source, origin = resolve_token(parsed.name, variables, lambda word: history_file(store, word))
    return saved_cutout(getattr(source, "path", source), Path(origin.lstrip("@")).stem, dict(parsed.values), store)


def saved_cutout(source: Any, stem: str, values: Mapping[str, Any], store: Store) -> Any:
    """The cut-out of `source`, saved in the output folder as `STEM-cutout.png`."""
    from .cutouts import cutout  # noqa: PLC0415 - numpy comes with the first cut-out

    cut = cutout(source, **cutout_arguments(values))
    plan = store.plan(f"{stem}-cutout", 1, "png")
    store.save_derived(
        plan.paths[0], lambda stream: stream.write(cut.to_bytes("png")), Record(kind="cutout"), kind="cutout"
    )
    return cut
