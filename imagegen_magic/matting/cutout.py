"""Cuts the subject of a picture out of its flat backdrop: picture in, RGBA picture and measured report out."""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from PIL import Image

from imagegen_magic.errors import CutoutError, Problem
from imagegen_magic.images.png import encode_png
from imagegen_magic.metadata.derived import Marking, Source, default_marking, finish_file, source_of
from imagegen_magic.request.chroma_key import parse_color

from .arrays import Bytes, as_bytes, masked
from .backdrop_fit import Backdrop, estimate_backdrop
from .checkerboard import painted_checkerboard
from .checks import measure, reduced
from .chromakey import Subject, extract
from .frame import frame_width, without_lines
from .loading import Picture, load_picture
from .report import THRESHOLDS, CutoutReport
from .scene import key_strength
from .settings import check_settings
from .two_backdrop import extract_difference
from .unmixing import at_once

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor

__all__ = ["Cutout", "Picture", "cutout", "cutout_many", "difference_cutout"]

STRAY = 0.001  # share of pixels that may be partly transparent in an opaque picture
AutoKey = Literal["none", "corners", "border"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Cutout:
    """A subject without its backdrop: straight alpha, and foreground colours that carry no key.

    `alpha` is (height, width) and `foreground` (height, width, 3), both uint8; `key` the backdrop colour that was found,
    `#rrggbb`, or None if the picture was transparent already. `sources` are the files it was made from: the mark in
    its own files names them. `source` is the picture within its frame, reduced, for the report.
    """

    alpha: Bytes = field(repr=False)
    foreground: Bytes = field(repr=False)
    backdrop: Backdrop | None = field(default=None, repr=False)
    second: Backdrop | None = field(default=None, repr=False)
    shift: tuple[float, float] = field(default=(0.0, 0.0), repr=False)
    tinted: float = field(default=0.0, repr=False)
    spill: float = field(default=0.0, repr=False)
    frame: int = field(default=0, repr=False)
    source: Bytes | None = field(default=None, repr=False)
    icc_profile: bytes | None = field(default=None, repr=False)
    sources: tuple[Source, ...] = field(default=(), repr=False)

    @property
    def key(self) -> str | None:
        """The backdrop colour that was removed, `#rrggbb`, or None if there was none to remove."""
        return None if self.backdrop is None else self.backdrop.hex

    @cached_property
    def rgba(self) -> Bytes:
        """The cut-out as an (height, width, 4) uint8 array, straight alpha."""
        return as_bytes(cv2.merge([*cv2.split(self.foreground), self.alpha]))

    @cached_property
    def image(self) -> Image.Image:
        """The cut-out as a Pillow RGBA image; its colour profile stands in `image.info`."""
        picture = Image.fromarray(self.rgba)
        if self.icc_profile:
            picture.info["icc_profile"] = self.icc_profile
        return picture

    @cached_property
    def report(self) -> CutoutReport:
        """The measured report, made when first asked for."""
        return measure(
            self.rgba,
            backdrop=self.backdrop,
            source=self.source,
            tinted=self.tinted,
            spill=self.spill,
            frame=self.frame,
            measured=self.second is not None,
        )

    def __repr__(self) -> str:
        height, width = self.alpha.shape
        return f"Cutout({width}x{height}, key {self.key}, {self.report.status})"

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, object], dict[str, object]]:
        from imagegen_magic.images.preview import preview_of  # noqa: PLC0415 - from file to file nothing is shown: 0.02 s

        open_points = "".join(f"\n{check}" for check in self.report.checks if check.status != "pass")
        sentence = f"{self!r}; the checkerboard is in this preview only{open_points}"
        width, height = self.image.size
        alt = f"A cut-out, {width} by {height} pixels, on a checkerboard"
        return preview_of(self.image).bundle(sentence, alt=alt)

    def to_bytes(self, output_format: Literal["png", "webp"] = "png", *, mark: bool | None = None) -> bytes:
        """The encoded file; WebP is lossless and keeps the colours of transparent pixels.

        Args:
            mark: whether it says in XMP what it was made from; None does as the option `mark` says.

        Raises:
            CutoutError: another format.
        """
        return self.finished(output_format, default_marking(mark=mark))

    def finished(self, output_format: Literal["png", "webp"], marking: Marking) -> bytes:
        """As `to_bytes`, marked and signed as `marking` says."""
        return finish_file(self._encoded(output_format), self.sources, step="cutout", marking=marking)

    def _encoded(self, output_format: Literal["png", "webp"]) -> bytes:
        if output_format not in ("png", "webp"):
            raise CutoutError(f"{output_format!r} can't hold a cut-out", hints=('to_bytes("png") or to_bytes("webp")',))
        if output_format == "png":
            return encode_png(self.rgba, icc_profile=self.icc_profile)
        buffer = io.BytesIO()
        self.image.save(buffer, "WEBP", lossless=True, quality=30, method=1, icc_profile=self.icc_profile or b"")
        return buffer.getvalue()

    def save(self, path: str | os.PathLike[str], *, mark: bool | None = None, marking: Marking | None = None) -> Path:
        """Writes a .png or .webp file in one step, so that a half-written one is never seen; returns its path.

        `mark` is as of `to_bytes`; `marking`, if given, decides instead. Raises CutoutError for what is no path, another suffix, a folder that is missing and
        a file that cannot be written.
        """
        if not isinstance(path, str | os.PathLike):
            raise CutoutError(f"{type(path).__name__} is not a path", hints=('save("cutout.png")',))
        target = Path(path)
        kinds: dict[str, Literal["png", "webp"]] = {".png": "png", ".webp": "webp"}
        kind = kinds.get(target.suffix.lower())
        if kind is None:
            raise CutoutError(f"{_short(target.name)}: a cut-out needs .png or .webp, which can hold transparency")
        if not target.parent.is_dir():
            raise CutoutError(f"{_short(str(target.parent))} is not a folder", hints=("create it first",))
        data = self.finished(kind, marking or default_marking(mark=mark))
        try:
            if target.is_dir():
                raise CutoutError(f"{target} is a folder", hints=("give the file's name as well",))
            _write_atomically(target, data)
        except (OSError, ValueError) as error:  # ValueError: a null byte in the name
            reason = getattr(error, "strerror", None) or error
            raise CutoutError(f"{_short(target.name)} can't be written: {reason}") from error
        return target


def _short(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:60]}…{name[-16:]}"


def _write_atomically(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".cutout-", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)  # mkstemp's own mode is for the owner only
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def cutout(
    image: Picture,
    *,
    key: str | tuple[int, int, int] = "auto",
    subject: Subject = "auto",
    auto_key: AutoKey = "border",
    soft_matte: bool = True,
    tolerance: int = 12,
    transparent_threshold: int | None = None,
    opaque_threshold: int | None = None,
    edge_contract: int = 0,
    edge_feather: float = 0.0,
    despill: bool = True,
) -> Cutout:
    """The subject of a picture on a flat backdrop, cut out: straight alpha, colours free of the backdrop, and a report.

    Accepts green, magenta, blue and other backdrops of one colour, off the one that was asked for, drifting over the
    frame, noisy, ringing or through JPEG; white, grey and black ones for opaque subjects: the report fails smoke, hair and
    most glass. A thin frame round the picture (3 % of the shorter side), an even mat round a `key` that is given (40 %),
    and lines of odd pixels along the edges are taken off. A picture that is transparent already comes back as it is.

    Refuses, with CutoutError: what is no picture or damaged; an animation; CMYK, YCbCr, Lab, HSV and floating-point pixels;
    more than 100 megapixels; a border without one colour on at least 35 % of it, unless `key` fills a fifth of the picture;
    a painted checkerboard; settings out of range, all of them at once. OptionError if `key` is a word that is no colour.

    Args:
        image: a path, the bytes of a file, an open binary file, a Pillow image, or an array (height, width) or
            (height, width, 1, 3 or 4), uint8 or uint16.
        key: the colour the backdrop should have, `#rrggbb`, a name or three levels 0 to 255; "auto": what fills the border.
        subject: what one picture cannot tell: whether a deep region in a tint of the key is "opaque" or "translucent".
            "auto" judges by how its colours change.
        auto_key: where the backdrop's colour is measured: "border", "corners", or "none": `key` is taken at its word.
        soft_matte: False is a hard key for pixel art: pixels within `tolerance` of the key are clear, all others opaque.
        tolerance: levels, 0 to 255.
        transparent_threshold: pixels within so many levels of the key (0 to 255) become clear.
        opaque_threshold: pixels from so many levels on become opaque.
        edge_contract: pixels, 0 to 16, taken off the finished alpha.
        edge_feather: Gaussian radius in pixels, 0 to 64, of the finished alpha.
        despill: False leaves the key's light on the subject.

    Example:
        >>> cut = imagegen_magic.cutout("mug-on-green.png", key="#00ff00")  # doctest: +SKIP
        >>> cut.report.status, cut.save("mug.png")  # doctest: +SKIP
        ('pass', PosixPath('mug.png'))
    """
    check_settings(
        key=key, subject=subject, auto_key=auto_key, soft_matte=soft_matte, despill=despill, tolerance=tolerance,
        transparent_threshold=transparent_threshold, opaque_threshold=opaque_threshold, edge_contract=edge_contract,
        edge_feather=edge_feather,
    )  # fmt: skip
    rgb, alpha, profile = load_picture(image)
    sources = (source_of(image),)
    if alpha is not None and (alpha < THRESHOLDS.opaque).mean() > STRAY:
        return Cutout(alpha=alpha, foreground=rgb, icc_profile=profile, sources=sources)
    hint = _hint(key)
    rgb, frame = _without_frame(rgb, hint) if auto_key == "border" else (rgb, 0)
    backdrop = estimate_backdrop(rgb, hint, auto_key)
    _require_backdrop(rgb, backdrop)
    soft = _soft_key(rgb, backdrop, subject, despill) if soft_matte else None
    alpha, foreground, tinted, spill = soft or (*_hard_key(rgb, backdrop, tolerance), 0.0, 0.0)
    alpha = _force(rgb, alpha, backdrop, transparent_threshold, opaque_threshold)
    return Cutout(
        alpha=_within_frame(_shape_edge(without_lines(alpha), edge_contract, edge_feather), frame),
        foreground=_within_frame(foreground, frame),
        backdrop=backdrop,
        tinted=tinted,
        spill=spill,
        frame=frame,
        source=reduced(rgb),
        icc_profile=profile,
        sources=sources,
    )


def _without_frame(rgb: Bytes, hint: tuple[float, float, float] | None) -> tuple[Bytes, int]:
    """The picture without a frame of one colour round it, and that frame's width in pixels."""
    width = frame_width(rgb, hint)
    return np.ascontiguousarray(rgb[width : len(rgb) - width, width : rgb.shape[1] - width]), width


def difference_cutout(
    first: Picture,
    second: Picture,
    *,
    key1: str | tuple[int, int, int] = "auto",
    key2: str | tuple[int, int, int] = "auto",
) -> Cutout:
    """The cut-out of a subject shown twice, on two backdrops: true alpha for glass, smoke and soft shadow.

    `second` shows the same picture with nothing changed but the backdrop's colour; it is aligned to `first`, whose
    colours the cut-out has. Raises CutoutError if the sizes or the keys do not suit each other, a frame has no
    flat border, or the subject was changed between the frames.
    """
    check_settings(key1=key1, key2=key2)
    (one, _, profile), (two, _, _) = load_picture(first), load_picture(second)
    if one.shape != two.shape:
        raise CutoutError(
            f"the frames differ in size: {one.shape[1]} x {one.shape[0]} and {two.shape[1]} x {two.shape[0]}",
            hints=("ask for the edit at the size of the first picture",),
        )
    hints = _hint(key1), _hint(key2)
    frames = at_once(lambda: estimate_backdrop(one, hints[0]), lambda: estimate_backdrop(two, hints[1]))
    for backdrop in frames:
        _require_flat(backdrop)
    apart = max(abs(a - b) for a, b in zip(frames[0].key, frames[1].key, strict=True))
    if apart < THRESHOLDS.keys_apart:
        raise CutoutError(
            f"the backdrops {frames[0].hex} and {frames[1].hex} are too much alike: the edit left the backdrop as it was",
            hints=("use a second key colour far from the first, such as #ff00ff after #00ff00",),
        )
    found = extract_difference(one, two, frames)
    if found.change > THRESHOLDS.changed or found.contradiction > THRESHOLDS.contradiction:
        raise CutoutError(
            f"the subject was changed between the two pictures: by {found.change:.0f} levels on average, beyond any "
            f"transparency in {found.contradiction:.0%} of its pixels",
            hints=("ask again for an edit of the backdrop only", "cutout(first) works with the first picture alone"),
        )
    return Cutout(
        alpha=found.alpha,
        foreground=found.foreground,
        backdrop=frames[0],
        second=frames[1],
        shift=found.shift,
        icc_profile=profile,
        sources=(source_of(first), source_of(second)),
    )


def _hint(key: str | tuple[int, int, int]) -> tuple[float, float, float] | None:
    return None if key == "auto" else _key_levels(key)


def _key_levels(key: str | tuple[int, int, int]) -> tuple[float, float, float]:
    if isinstance(key, str):
        digits = parse_color(key).lstrip("#")
        return (float(int(digits[0:2], 16)), float(int(digits[2:4], 16)), float(int(digits[4:6], 16)))
    return (float(key[0]), float(key[1]), float(key[2]))


def _require_flat(backdrop: Backdrop) -> None:
    if backdrop.share < THRESHOLDS.flat_share[1]:
        raise CutoutError(
            f"no flat backdrop: only {backdrop.share:.0%} of the border is one colour ({backdrop.hex}); "
            f"at least {THRESHOLDS.flat_share[1]:.0%} is needed",
            hints=("ask for the subject on one flat key colour with generous padding",),
        )


def _require_backdrop(rgb: Bytes, backdrop: Backdrop) -> None:
    """Raises CutoutError for a painted checkerboard and for a picture without a flat backdrop."""
    opaque = np.full(rgb.shape[:2], 255, np.uint8)
    if not key_strength(backdrop.key) and painted_checkerboard(rgb, opaque) >= THRESHOLDS.checker_share:
        raise CutoutError(
            "the background is a painted checkerboard: it is neither transparent nor one colour",
            hints=("ask again for the subject on one flat key colour",),
        )
    if not backdrop.inside:
        _require_flat(backdrop)


def _within_frame(plane: Bytes, width: int) -> Bytes:
    """The plane with a clear margin of that many pixels all around."""
    return as_bytes(cv2.copyMakeBorder(plane, width, width, width, width, cv2.BORDER_CONSTANT)) if width else plane


def _soft_key(rgb: Bytes, backdrop: Backdrop, subject: Subject, despill: bool) -> tuple[Bytes, Bytes, float, float]:
    found = extract(rgb, backdrop=backdrop, subject=subject, despill=despill)
    return found.alpha, found.foreground, found.tinted, found.spill


def _hard_key(rgb: Bytes, backdrop: Backdrop, tolerance: int) -> tuple[Bytes, Bytes]:
    key = np.rint(np.array(backdrop.key))
    near = cv2.inRange(rgb, tuple(key - tolerance), tuple(key + tolerance))
    alpha = as_bytes(cv2.bitwise_not(near))
    return alpha, masked(rgb, alpha)


def _force(rgb: Bytes, alpha: Bytes, backdrop: Backdrop, clear: int | None, whole: int | None) -> Bytes:
    if clear is None and whole is None:
        return alpha
    distance = np.abs(rgb.astype(np.int16) - np.rint(np.array(backdrop.key)).astype(np.int16)).max(axis=2)
    alpha = alpha.copy()
    if clear is not None:
        alpha[distance <= clear] = 0
    if whole is not None:
        alpha[distance >= whole] = 255
    return alpha


def _shape_edge(alpha: Bytes, contract: int, feather: float) -> Bytes:
    if contract > 0:
        alpha = as_bytes(cv2.erode(alpha, np.ones((3, 3), np.uint8), iterations=contract))
    if feather > 0:
        alpha = as_bytes(cv2.GaussianBlur(alpha, (0, 0), feather))
    return alpha


def cutout_many(
    paths: Iterable[str | os.PathLike[str]],
    *,
    out_dir: str | os.PathLike[str],
    executor: Executor | None = None,
    suffix: Literal[".png", ".webp"] = ".png",
    mark: bool | None = None,
    **options: object,
) -> list[Path | CutoutError]:
    """Every file's cut-out in `out_dir`, as paths in order; a picture that cannot be cut out gives its error instead.

    Files of one name, from several folders or in several formats, become `NAME.png`, `NAME-2.png` and so on.

    Args:
        executor: any `concurrent.futures.Executor`: a thread or process pool, or `dask.distributed`'s
            `client.get_executor()`, whose workers must see the same folders. Without one, one file after the other.
        mark: as of `Cutout.to_bytes`.
        options: those of `cutout`.
    """
    if isinstance(paths, str | bytes | os.PathLike):
        raise CutoutError("cutout_many takes a list of paths, not one", hints=("cutout(path) cuts one picture out",))
    if not isinstance(out_dir, str | os.PathLike):
        raise CutoutError(f"{type(out_dir).__name__} is not a folder", hints=("give out_dir a folder's name",))
    if suffix not in (".png", ".webp"):
        raise CutoutError(f"{suffix!r} can't hold a cut-out", hints=('suffix=".png" or ".webp"',))
    check_settings(**options)
    sources, folder = _sources(paths), Path(out_dir).absolute()
    if folder.exists() and not folder.is_dir():
        raise CutoutError(f"{folder} is not a folder", hints=("give out_dir a folder's name",))
    folder.mkdir(parents=True, exist_ok=True)
    marks = default_marking(mark=mark).mark  # a worker's process knows nothing of this one's defaults
    work = partial(_cutout_file, mark=marks, options=options)
    targets = _targets(sources, folder, suffix)
    return list(map(work, sources, targets)) if executor is None else list(executor.map(work, sources, targets))


def _sources(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The absolute paths; raises CutoutError that names every item that is none."""
    items: list[object] = list(paths)
    problems = tuple(
        Problem(field=f"paths[{number}]", value=repr(item)[:60], rule="a path", fix="'picture.png'")
        for number, item in enumerate(items)
        if not isinstance(item, str | os.PathLike)
    )
    if problems:
        raise CutoutError("cutout_many takes paths of files", problems=problems)
    return [Path(item).absolute() for item in items if isinstance(item, str | os.PathLike)]


def _targets(sources: Iterable[Path], folder: Path, suffix: str) -> list[Path]:
    """A file for each source, no two alike."""
    found: dict[str, None] = {}
    for source in sources:
        name = source.stem
        number = 2
        while name in found:
            name, number = f"{source.stem}-{number}", number + 1
        found[name] = None
    return [folder / (name + suffix) for name in found]


def _cutout_file(source: Path, target: Path, mark: bool, options: dict[str, object]) -> Path | CutoutError:
    try:
        return cutout(source, **options).save(target, mark=mark)  # type: ignore[arg-type]
    except CutoutError as error:
        return error
