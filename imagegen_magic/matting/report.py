"""Measures a cut-out: every check has a value, a status and a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from imagegen_magic.tables import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .backdrop_fit import Backdrop

    Bytes = NDArray[np.uint8]

__all__ = ["THRESHOLDS", "Check", "CutoutReport", "Thresholds", "measure"]

Status = Literal["pass", "warn", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Where a check turns from pass to warn and from warn to fail; shares are 0..1, levels are of 255."""

    clear: int = 8
    """An alpha of at most this many levels counts as transparent."""
    solid: int = 247
    """An alpha of at least this many levels counts as opaque."""
    border_share: tuple[float, float] = (0.99, 0.6)
    coverage: tuple[float, float] = (0.02, 0.90)
    coverage_limits: tuple[float, float] = (0.0005, 0.995)
    partial_share: float = 0.35
    flat_share: tuple[float, float] = (0.6, 0.35)
    flat_spread: float = 24.0
    flat_noise: float = 6.0
    fringe: tuple[float, float] = (5.0, 12.0)
    collision: tuple[float, float] = (0.01, 0.10)
    tinted: float = 0.01
    specks: int = 12
    touching: float = 0.002
    checker_share: float = 0.6
    keys_apart: float = 96.0
    """Two backdrops must differ by this many levels in some channel."""
    changed: float = 16.0
    """Mean change, levels, of an opaque subject between two frames above which they are not of one subject."""
    contradiction: float = 0.15


THRESHOLDS = Thresholds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One measured property of a cut-out."""

    name: str
    status: Status
    value: float
    sentence: str

    def __str__(self) -> str:
        return f"{self.status:4}  {self.name.replace('_', ' ')}: {self.sentence}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CutoutReport:
    """All checks of one cut-out, which shows itself as a table; `key` is the backdrop colour found, `#rrggbb`, or None for a native one."""

    checks: tuple[Check, ...]
    key: str | None = None

    @property
    def status(self) -> Status:
        """The worst status of any check."""
        found = {check.status for check in self.checks}
        return "fail" if "fail" in found else "warn" if "warn" in found else "pass"

    @property
    def ok(self) -> bool:
        """True if no check failed."""
        return self.status != "fail"

    def check(self, name: str) -> Check:
        """The check of that name; raises KeyError if it was not made."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def of(self, status: Status) -> tuple[Check, ...]:
        """The checks with that status, in order."""
        return tuple(check for check in self.checks if check.status == status)

    def __str__(self) -> str:
        return "\n".join(str(check) for check in self.checks)

    def table(self) -> Table:
        """One row a check."""
        rows = [(check.status, check.name.replace("_", " "), check.sentence) for check in self.checks]
        return Table(title=f"Cut-out: {self.status}", columns=("", "", ""), rows=rows)

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Mapping[str, str]:
        return self.table()._repr_mimebundle_()


def measure(
    rgba: Bytes,
    *,
    backdrop: Backdrop | None = None,
    tinted: float = 0.0,
    thresholds: Thresholds = THRESHOLDS,
) -> CutoutReport:
    """The report on an (height, width, 4) uint8 straight-alpha picture, keyed (`backdrop` given) or native.

    `tinted` is the share of the picture that is opaque or see-through only by the caller's word.
    """
    alpha = np.ascontiguousarray(rgba[..., 3])
    checks = [_alpha_present(alpha, thresholds), _corners(alpha, thresholds), _border(alpha, thresholds)]
    checks += [_coverage(alpha, thresholds), _partial(alpha, thresholds), _gaps(alpha, thresholds)]
    checks += [_touching(alpha, thresholds), _checkerboard(rgba, thresholds)]
    if backdrop is not None:
        checks += [_flatness(backdrop, thresholds)]
        key = backdrop.key
        checks += [_fringe(rgba, key, thresholds), _collision(rgba, key, tinted, thresholds)]
    return CutoutReport(checks=tuple(checks), key=None if backdrop is None else backdrop.hex)


def _graded(name: str, value: float, good: bool, tolerable: bool, sentences: tuple[str, str, str]) -> Check:
    status: Status = "pass" if good else "warn" if tolerable else "fail"
    return Check(name=name, status=status, value=value, sentence=sentences[0 if good else 1 if tolerable else 2])


def _alpha_present(alpha: Bytes, limits: Thresholds) -> Check:
    share = float((alpha <= limits.clear).mean())
    return _graded(
        "alpha_present",
        share,
        share > 0,
        False,
        (
            f"{share:.0%} of the picture is transparent",
            "",
            "the picture is opaque everywhere: it has no transparent background",
        ),
    )


def _corners(alpha: Bytes, limits: Thresholds) -> Check:
    patches = (alpha[:12, :12], alpha[:12, -12:], alpha[-12:, :12], alpha[-12:, -12:])
    covered = sum(float(np.median(patch)) > limits.clear for patch in patches)
    return _graded(
        "corners_clear",
        float(covered),
        covered == 0,
        covered <= 2,
        (
            "all four corners are clear",
            f"{covered} of 4 corners are covered; fine if the subject reaches them",
            f"{covered} of 4 corners are covered: the backdrop was not removed; try another key colour",
        ),
    )


def _border_alpha(alpha: Bytes) -> Bytes:
    return np.concatenate([alpha[:2].ravel(), alpha[-2:].ravel(), alpha[2:-2, :2].ravel(), alpha[2:-2, -2:].ravel()])


def _border(alpha: Bytes, limits: Thresholds) -> Check:
    share = float((_border_alpha(alpha) <= limits.clear).mean())
    return _graded(
        "border_clear",
        share,
        share >= limits.border_share[0],
        share >= limits.border_share[1],
        (
            f"{share:.1%} of the border is clear",
            f"only {share:.0%} of the border is clear; ask for more padding",
            f"only {share:.0%} of the border is clear: the backdrop was not removed; try another key colour",
        ),
    )


def _coverage(alpha: Bytes, limits: Thresholds) -> Check:
    share = float((alpha > 127).mean())
    least, most = limits.coverage
    low, high = limits.coverage_limits
    return _graded(
        "coverage",
        share,
        least <= share <= most,
        low <= share <= high,
        (
            f"the subject covers {share:.0%} of the picture",
            f"the subject covers {share:.1%} of the picture; look at it",
            f"the subject covers {share:.2%} of the picture: nothing sensible was separated",
        ),
    )


def _partial(alpha: Bytes, limits: Thresholds) -> Check:
    present = int((alpha > limits.clear).sum())
    partial = int(((alpha > limits.clear) & (alpha < limits.solid)).sum())
    share = partial / max(present, 1)
    return _graded(
        "partial_share",
        share,
        share <= limits.partial_share,
        True,
        (
            f"{share:.0%} of the subject is partly transparent",
            f"{share:.0%} of the subject is partly transparent: for glass, smoke or hair two backdrops (--transparent difference) give the true alpha",
            "",
        ),
    )


def _gaps(alpha: Bytes, limits: Thresholds) -> Check:
    clear = cv2.compare(alpha, limits.clear, cv2.CMP_LE)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(clear, connectivity=4, ltype=cv2.CV_32S)
    edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    area = stats[:, cv2.CC_STAT_AREA].copy()
    area[edge] = 0
    area[0] = 0
    gaps, specks = int((area >= 64).sum()), int(((area > 0) & (area < 16)).sum())
    crowded = specks > max(limits.specks, alpha.size // 50_000)
    return _graded(
        "enclosed_gaps",
        float(gaps),
        not crowded,
        True,
        (
            f"{gaps} enclosed gap{'s' if gaps > 1 else ''} cleared" if gaps else "no enclosed gaps",
            f"{specks} pinholes inside the subject: its colour comes near the key; try another key colour",
            "",
        ),
    )


def _touching(alpha: Bytes, limits: Thresholds) -> Check:
    share = float((_border_alpha(alpha) > 127).mean())
    return _graded(
        "subject_touches_border",
        share,
        share <= limits.touching,
        True,
        (
            "the subject keeps clear of the border",
            f"the subject covers {share:.0%} of the border: it is cut off there; ask for generous padding",
            "",
        ),
    )


def _flatness(backdrop: Backdrop, limits: Thresholds) -> Check:
    good = backdrop.share >= limits.flat_share[0] and backdrop.spread <= limits.flat_spread
    good = good and backdrop.noise <= limits.flat_noise
    told = (
        f"backdrop {backdrop.hex} fills {backdrop.share:.0%} of the border, drifts by {backdrop.spread:.0f} levels, "
        f"noise {backdrop.noise:.1f}"
    )
    return _graded(
        "key_flatness",
        backdrop.share,
        good,
        True,
        (told, told + ": ask for one flat, unlit colour", ""),
    )


def _dominance(rgb: Bytes, key: tuple[float, float, float]) -> NDArray[np.int16] | None:
    bright, dark = [c for c in range(3) if key[c] >= 128], [c for c in range(3) if key[c] < 128]
    if not bright or not dark:
        return None
    values = rgb.astype(np.int16)
    return np.asarray(values[..., bright].min(axis=-1) - values[..., dark].max(axis=-1), dtype=np.int16)


def _fringe(rgba: Bytes, key: tuple[float, float, float], limits: Thresholds) -> Check:
    """Key dominance of the edge over that of the subject within reach, weighted by alpha."""
    alpha = rgba[..., 3]
    edge = (alpha > limits.clear) & (alpha < limits.solid)
    step = max(1, int(np.sqrt(alpha.size / 2_000_000)))
    thin = (slice(None, None, step),) * 2
    dominance = _dominance(rgba[thin][..., :3], key)
    edge, solid = edge[thin], (alpha >= limits.solid)[thin]
    if dominance is None or not edge.any():
        return Check(name="key_fringe", status="pass", value=0.0, sentence="no key colour at the edges")
    weight = alpha[thin][edge] / 255
    at_edge = float((np.maximum(dominance[edge], 0) * weight).mean())
    inside = float(np.maximum(dominance[solid], 0).mean()) if solid.any() else 0.0
    value = max(0.0, at_edge - inside)
    return _graded(
        "key_fringe",
        value,
        value <= limits.fringe[0],
        value <= limits.fringe[1],
        (
            f"no visible key fringe ({value:.1f} levels)",
            f"a slight key fringe ({value:.1f} levels): --edge-contract 1",
            f"a key fringe of {value:.0f} levels: --edge-contract 1, or another key colour",
        ),
    )


def _collision(rgba: Bytes, key: tuple[float, float, float], tinted: float, limits: Thresholds) -> Check:
    step = max(1, int(np.sqrt(rgba.shape[0] * rgba.shape[1] / 2_000_000)))
    part = rgba[::step, ::step]
    solid = part[..., 3] >= limits.solid
    dominance = _dominance(part[..., :3], key)
    if dominance is None or not solid.any():
        distance = np.abs(part[..., :3].astype(np.int16) - np.array(key)).max(axis=-1)
        near = distance < 48
    else:
        bright, dark = [v for v in key if v >= 128], [v for v in key if v < 128]
        near = dominance > 0.5 * (min(bright) - max(dark))
    share = float((near & solid).sum() / max(int(solid.sum()), 1))
    doubt = (
        ""
        if tinted <= limits.tinted
        else (f"; {tinted:.0%} of the picture could be tinted or see-through: --subject opaque|translucent decides")
    )
    good = share <= limits.collision[0] and not doubt
    return _graded(
        "subject_key_collision",
        share,
        good,
        share <= limits.collision[1],
        (
            "the subject keeps away from the key colour",
            f"{share:.1%} of the subject comes near the key colour" + doubt,
            f"{share:.0%} of the subject has the key's colour: use another key colour" + doubt,
        ),
    )


def _checkerboard(rgba: Bytes, limits: Thresholds) -> Check:
    share = painted_checkerboard(rgba[..., :3], rgba[..., 3])
    return _graded(
        "checkerboard",
        share,
        share < limits.checker_share,
        False,
        (
            "no painted checkerboard",
            "",
            "the background is a painted checkerboard, not transparency: ask again with a key colour",
        ),
    )


def painted_checkerboard(rgb: Bytes, alpha: Bytes) -> float:
    """How much of the border looks like the squares that stand for transparency, 0..1.

    Two neutral tones that take turns at an even pace along at least two sides of the frame.
    """
    sides = ((rgb[3], alpha[3]), (rgb[-4], alpha[-4]), (rgb[:, 3], alpha[:, 3]), (rgb[:, -4], alpha[:, -4]))
    return float(np.mean([_even_squares(line, opaque) for line, opaque in sides])) if min(rgb.shape[:2]) > 16 else 0.0


def _even_squares(line: Bytes, alpha: Bytes) -> float:
    values = line.astype(np.int16)
    neutral = (np.ptp(values, axis=1) <= 16) & (alpha > 247)
    if neutral.mean() < 0.5:
        return 0.0
    grey = values.mean(axis=1)
    low, high = np.percentile(grey[neutral], (10, 90))
    if high - low < 6:
        return 0.0
    tone = grey > (low + high) / 2
    typical = np.minimum(np.abs(grey - low), np.abs(grey - high)) < 0.25 * (high - low)
    runs = np.diff(np.flatnonzero(np.diff(tone.astype(np.int8))))
    if len(runs) < 5:
        return 0.0
    side = float(np.median(runs))
    even = float((np.abs(runs - side) <= max(1.5, 0.2 * side)).mean())
    return even * float((typical & neutral).mean()) if side >= 3 else 0.0
