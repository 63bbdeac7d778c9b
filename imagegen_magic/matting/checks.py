"""Measures a cut-out: one function a check, each with its three sentences."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imagegen_magic.errors import Fix, Setting

from .arrays import Bytes, as_bytes, median
from .backdrop_fit import Backdrop
from .checkerboard import painted_checkerboard
from .frame import pure_key, thinned
from .report import THRESHOLDS, Check, CutoutReport, Status, Thresholds
from .scene import LEAST_STRENGTH, dominance_channels, key_strength

__all__ = ["measure", "reduced"]

LOOKED_AT = 1024  # pixels of the longest edge at which the report looks at slow changes
TINT = 0.1  # of the key's dominance
LIKE_THE_KEY, THE_KEY = 0.5, 0.75  # the same: a lime on green comes out well if it is whole, what is nearer does not
GREY = 24  # levels between the channels
AROUND = 25  # pixels
FAINT = 32  # levels from the backdrop
NEAR = 0.25  # of the largest distance from the backdrop that a colour can have
LEAST_BRIGHT = 96  # levels of a backdrop on which a shadow shows
HARD = 0.005  # share of the subject that is partly transparent; less is pixel art, whose outline fades into nothing
STEP = (9, 9)  # pixels around
SOFT = 0.15  # share of the rim; up to 0.1 on opaque things, 0.2 and more on fur, motion and lace
HAIRY = (0.15, 0.22)  # density of partial pixels: to 0.13 at smooth outlines, 0.21 in drawn lines, 0.29 in hair
FURRY = (0.3, 0.5)  # the same in fur, 0.31 to 0.34; blur and shadow have 0.6 and more, thin rings and lines up to 0.27
WITHIN = (7, 7)  # pixels around, within a gap
FEWEST_WITHIN = 64  # pixels of a gap; the mean of fewer says nothing
FILLED = 0.3  # share of the subject that is a pure key's colour
PANES = 0.25  # share of the subject
RIM, DEEP = (2, 6), 12  # pixels from the edge of a picture of 1024: where key light is strong, and where it is weak
REACH = (15, 15)  # pixels around an edge in which the subject's own colour is read
NEARBY = (65, 65)  # pixels
FEWEST_LIT = 500  # pixels of the rim; fewer say nothing


def reduced(plane: Bytes) -> Bytes:
    """A copy of a picture or plane, of every so many rows and columns, for what changes slowly."""
    step = max(1, round(max(plane.shape[:2]) / LOOKED_AT))
    return plane[::step, ::step].copy()


def measure(
    rgba: Bytes,
    *,
    backdrop: Backdrop | None = None,
    source: Bytes | None = None,
    tinted: float = 0.0,
    spill: float = 0.0,
    frame: int = 0,
    measured: bool = False,
    thresholds: Thresholds = THRESHOLDS,
) -> CutoutReport:
    """The report on an (height, width, 4) uint8 straight-alpha picture, keyed (`backdrop` given) or native.

    `source` is the picture within its frame as it was before, `reduced`; `tinted` is the share of the picture that was
    taken for opaque and may be glass; `spill` the share of the key's light that was taken off the subject; `frame` the
    width in pixels of a frame that was taken off; `measured` says that the alpha is from two backdrops, so that partial
    transparency needs no second look.
    """
    alpha = np.ascontiguousarray(rgba[..., 3])
    uneven = backdrop is not None and _covered_by_its_tint(rgba, backdrop.key, thresholds)
    remedy = UNEVEN if uneven else _remedy(alpha, backdrop, thresholds)
    checks = [
        _alpha_present(alpha, thresholds),
        _corners(alpha, remedy, thresholds),
        _border(alpha, remedy, thresholds),
    ]
    checks += [_coverage(alpha, thresholds), _partial(alpha, measured, thresholds), _gaps(alpha, thresholds)]
    checks += [_touching(alpha, uneven, thresholds), _checkerboard(rgba, thresholds)]
    if backdrop is not None:
        checks += [_flatness(backdrop, thresholds), _compression(alpha, backdrop, thresholds)]
        key = backdrop.key
        collision = _collision if key_strength(key) >= LEAST_STRENGTH else _colourless
        checks += [_fringe(rgba, key, thresholds), collision(rgba, key, thresholds), _tint(tinted, thresholds)]
        checks += [_key_light(rgba, key, spill, thresholds), _frame(frame)]
        inner = alpha[frame : len(alpha) - frame, frame : alpha.shape[1] - frame]
        checks += [] if source is None else [_painted(reduced(inner), source, backdrop, thresholds)]
    return CutoutReport(checks=tuple(checks), key=None if backdrop is None else backdrop.hex)


UNEVEN = "what covers it is in a tint of the backdrop; ask for one flat, unlit colour with generous padding"


def _covered_by_its_tint(rgba: Bytes, key: tuple[float, float, float], limits: Thresholds) -> bool:
    """Whether what covers the border is mostly in the backdrop's own hue: a backdrop with light, floor or pattern."""
    border = np.concatenate(
        [rgba[:2].reshape(-1, 4), rgba[-2:].reshape(-1, 4), rgba[:, :2].reshape(-1, 4), rgba[:, -2:].reshape(-1, 4)]
    )
    covered = border[border[:, 3] > limits.clear]
    if not len(covered):
        return False
    dominance = _dominance(covered[:, :3], key)
    if dominance is None or key_strength(key) < LEAST_STRENGTH:
        tinted = np.ptp(covered[:, :3].astype(np.int16), axis=1) <= GREY
    else:
        tinted = (dominance > TINT * key_strength(key)) | (covered[:, 3] < limits.opaque)
    return float(tinted.mean()) > 0.5


def _remedy(alpha: Bytes, backdrop: Backdrop | None, limits: Thresholds) -> str:
    """What to do about a covered border: all of its backdrop may be gone, and the subject reach the edge."""
    if backdrop is None:
        return "the picture has a background"
    if float((_border_alpha(alpha) <= limits.clear).mean()) >= 0.9 * backdrop.share:
        return (
            "the subject reaches the edge there, or the backdrop is not flat; ask for generous padding, flat all over"
        )
    return "the backdrop was not removed; try another key colour"


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


def _corners(alpha: Bytes, remedy: str, limits: Thresholds) -> Check:
    patches = (alpha[:12, :12], alpha[:12, -12:], alpha[-12:, :12], alpha[-12:, -12:])
    covered = sum(median(patch) > limits.clear for patch in patches)
    return _graded(
        "corners_clear",
        float(covered),
        covered == 0,
        covered <= 2,
        (
            "all four corners are clear",
            f"{covered} of 4 corners are covered"
            + (f": {remedy}" if remedy is UNEVEN else "; fine if the subject reaches them"),
            f"{covered} of 4 corners are covered: {remedy}",
        ),
    )


def _border_alpha(alpha: Bytes) -> Bytes:
    return np.concatenate([alpha[:2].ravel(), alpha[-2:].ravel(), alpha[2:-2, :2].ravel(), alpha[2:-2, -2:].ravel()])


def _border(alpha: Bytes, remedy: str, limits: Thresholds) -> Check:
    share = float((_border_alpha(alpha) <= limits.clear).mean())
    return _graded(
        "border_clear",
        share,
        share >= limits.border_share[0],
        share >= limits.border_share[1],
        (
            f"{share:.1%} of the border is clear",
            f"only {share:.0%} of the border is clear"
            + (f": {remedy}" if remedy is UNEVEN else "; ask for more padding"),
            f"only {share:.0%} of the border is clear: {remedy}",
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


def _partial_share(alpha: Bytes, limits: Thresholds) -> float:
    """The share of the subject's pixels, 0..1, that are partly transparent."""
    present = int((alpha > limits.clear).sum())
    return int(((alpha > limits.clear) & (alpha < limits.opaque)).sum()) / max(present, 1)


def _partial(alpha: Bytes, measured: bool, limits: Thresholds) -> Check:
    share = _partial_share(alpha, limits)
    wide = share > limits.partial_share and _is_widely_partial(alpha, limits)
    return _graded(
        "partial_share",
        share,
        measured or not (_is_furry(alpha, share, limits) or wide),
        True,
        (
            f"{share:.0%} of the subject is partly transparent",
            Fix(
                f"{share:.0%} of the subject is partly transparent: for glass, smoke or hair two backdrops (",
                Setting("--transparent", "difference"),
                ") give the true alpha",
            ),
            "",
        ),
    )


def _is_furry(alpha: Bytes, share: float, limits: Thresholds) -> bool:
    """Whether the outline is fur all over, whose strands of several colours one backdrop does not tell apart."""
    return share > limits.furry_share and FURRY[0] <= _hairy(alpha, limits) <= FURRY[1]


def _is_widely_partial(alpha: Bytes, limits: Thresholds) -> bool:
    """Whether more than edges and thin lines is partly transparent."""
    partial = cv2.inRange(alpha, limits.clear + 1, limits.opaque - 1)
    wide = cv2.countNonZero(cv2.erode(partial, np.ones((3, 3), np.uint8)))
    return wide > limits.wide_share * max(cv2.countNonZero(alpha), 1)


def _gaps(alpha: Bytes, limits: Thresholds) -> Check:
    clear = cv2.threshold(alpha, limits.clear, 255, cv2.THRESH_BINARY_INV)[1]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(clear, connectivity=4, ltype=cv2.CV_32S)
    area = stats[:, cv2.CC_STAT_AREA].copy()
    area[np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))] = 0
    area[0] = 0
    gaps = int((area >= 64).sum())
    # Gaps between hairs are as small as pinholes, but only a pinhole has solid subject all around it.
    opaque = cv2.threshold(alpha, limits.opaque - 1, 255, cv2.THRESH_BINARY)[1]
    within = labels[(clear > 0) & (cv2.blur(opaque, (9, 9)) >= 0.7 * 255)]
    holes = np.unique(within)
    specks = int((area[holes] > 0).sum() - (area[holes] >= 16).sum())
    return _graded(
        "enclosed_gaps",
        float(gaps),
        specks <= max(limits.specks, alpha.size // 50_000),
        True,
        (
            f"{gaps} enclosed gap{'s' if gaps > 1 else ''} cleared" if gaps else "no enclosed gaps",
            f"{specks} pinholes inside the subject: its colour comes near the key; try another key colour",
            "",
        ),
    )


ANOTHER = "if the subject is of that colour there, use another key colour"


def _painted(alpha: Bytes, source: Bytes, backdrop: Backdrop, limits: Thresholds) -> Check:
    """Enclosed gaps whose mean colour is not quite the backdrop's: parts of the subject in the key that was asked for.

    Models deliver a key some levels off; what they paint in it inside of a subject is off by other levels. Real gaps
    were within 3 levels of the backdrop's surface in 70 pictures, painted ones 5 to 23 from it.
    """
    clear = cv2.threshold(alpha, limits.clear, 255, cv2.THRESH_BINARY_INV)[1]
    count, labels = cv2.connectedComponents(clear, connectivity=4, ltype=cv2.CV_32S)
    inside = cv2.erode(clear, np.ones(WITHIN, np.uint8)) > 0  # away from edges, where a decoder rings
    own, size = labels[inside], np.bincount(labels.ravel(), minlength=count)
    seen = np.maximum(np.bincount(own, minlength=count), 1)
    off = np.zeros(count)
    for channel, under in enumerate(backdrop.planes(source.shape)):
        levels = source[..., channel][inside].astype(np.float32) - under[inside]
        off = np.maximum(off, np.abs(np.bincount(own, levels, minlength=count)) / seen)
    painted = (seen >= FEWEST_WITHIN) & (off > limits.painted_levels)
    painted[0] = False
    painted[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = False
    area = int(size[painted].sum())
    share = area / max(area + cv2.countNonZero(alpha), 1)
    return _graded(
        "painted_gaps",
        share,
        share <= limits.painted,
        True,
        (
            "every enclosed gap has the backdrop's colour",
            f"{share:.0%} of the subject was cleared as gaps that are not quite of the backdrop's colour: {ANOTHER}",
            "",
        ),
    )


def _touching(alpha: Bytes, uneven: bool, limits: Thresholds) -> Check:
    share = float((_border_alpha(alpha) > 127).mean())
    what = f"{share:.0%} of the border is covered: {UNEVEN}" if uneven else ""
    return _graded(
        "subject_touches_border",
        share,
        share <= limits.touching,
        True,
        (
            "the subject keeps clear of the border",
            what or f"the subject covers {share:.0%} of the border: it is cut off there; ask for generous padding",
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


def _compression(alpha: Bytes, backdrop: Backdrop, limits: Thresholds) -> Check:
    """Edges keyed from colours of half the resolution, which no key brings back."""
    partial = _partial_share(alpha, limits) if backdrop.compressed else 0.0
    return _graded(
        "compression",
        partial,
        not backdrop.compressed,
        True,
        (
            "colours of full resolution",
            Fix(
                f"the picture was saved with colours of half the resolution (JPEG or lossy WebP), and {partial:.0%} of the subject "
                "is edge, which may keep a tint: ",
                Setting("--output-format", "png"),
            ),
            "",
        ),
    )


def _dominance(rgb: Bytes, key: tuple[float, float, float]) -> NDArray[np.int16] | None:
    bright, dark = dominance_channels(key)
    if not bright or not dark:
        return None
    values = rgb.astype(np.int16)
    return np.asarray(values[..., bright].min(axis=-1) - values[..., dark].max(axis=-1), dtype=np.int16)


def _fringe(rgba: Bytes, key: tuple[float, float, float], limits: Thresholds) -> Check:
    """Key dominance of the edge over that of the subject within reach, weighted by alpha."""
    alpha = rgba[..., 3]
    edge = (alpha > limits.clear) & (alpha < limits.opaque)
    step = max(1, int(np.sqrt(alpha.size / 2_000_000)))
    thin = (slice(None, None, step),) * 2
    dominance = _dominance(rgba[thin][..., :3], key)
    edge, opaque = edge[thin], (alpha >= limits.opaque)[thin]
    if dominance is None or not edge.any():
        return Check(name="key_fringe", status="pass", value=0.0, sentence="no key colour at the edges")
    carried = np.maximum(dominance, 0).astype(np.float32)
    everywhere = float(carried[opaque].mean()) if opaque.any() else 0.0
    within_reach = cv2.blur(opaque.astype(np.float32), REACH)[edge]
    inside = cv2.blur(carried * opaque, REACH)[edge] / np.maximum(within_reach, np.float32(1e-3))
    own = np.where(within_reach > 0.02, inside, everywhere)  # what is green itself has green edges
    value = max(0.0, float(((carried[edge] - own) * (alpha[thin][edge] / 255)).mean()))
    return _graded(
        "key_fringe",
        value,
        value <= limits.fringe[0],
        value <= limits.fringe[1],
        (
            f"no visible key fringe ({value:.1f} levels)",
            Fix(f"a slight key fringe ({value:.1f} levels): ", Setting("--transparent-threshold", "20")),
            Fix(
                f"a key fringe of {value:.0f} levels: ",
                Setting("--transparent-threshold", "20"),
                ", or another key colour",
            ),
        ),
    )


def _collision(rgba: Bytes, key: tuple[float, float, float], limits: Thresholds) -> Check:
    step = max(1, int(np.sqrt(rgba.shape[0] * rgba.shape[1] / 2_000_000)))
    part = rgba[::step, ::step]
    opaque = part[..., 3] >= limits.opaque
    dominance = _dominance(part[..., :3], key)
    full = max(key_strength(key), 1.0)
    depth = np.zeros(opaque.shape) if dominance is None else dominance / full
    share, lost = (
        float((opaque & (depth > least)).sum() / max(int(opaque.sum()), 1)) for least in (LIKE_THE_KEY, THE_KEY)
    )
    return _graded(
        "subject_key_collision",
        share,
        share <= limits.collision[0],
        lost <= limits.collision[1] and (share <= limits.collision[1] or not _is_widely_partial(rgba[..., 3], limits)),
        (
            "the subject keeps away from the key colour",
            f"{share:.1%} of the subject comes near the key colour: look at it on another background; if it is not whole there, use another key colour",
            f"{share:.0%} of the subject has the key's colour: use another key colour",
        ),
    )


def _colourless(rgba: Bytes, key: tuple[float, float, float], limits: Thresholds) -> Check:
    """White, grey and black backdrops: what of a subject fades into one, or is near it, was taken for opaque.

    It passes if nothing hints at glass, smoke, hair or shadow, which does not show on a dark backdrop.
    """
    alpha, opaque = rgba[..., 3], rgba[..., 3] >= limits.opaque
    rim, distance = _near_the_edge(alpha, limits), _distance(rgba, key, limits)
    fading = _fading(distance, rim)
    room = max(*key, 255 - min(key))
    near = float((distance[opaque] < NEAR * room).mean()) if opaque.any() else 1.0
    clear = fading <= limits.fading[0] and near <= limits.near_backdrop[0] and min(key) >= LEAST_BRIGHT
    surrounding = float((_border_alpha(alpha) <= limits.clear).mean()) >= limits.border_share[0]
    hairy, mat = _hairy(alpha, limits), _key_within(rgba, opaque) if surrounding else ""
    wrong = near > limits.near_backdrop[1] or hairy > HAIRY[1]
    wrong |= fading > limits.fading[1] and _partial_share(alpha, limits) > HARD
    told = "a backdrop without colour can't show what of the subject is see-through or of its own grey"
    reason = f"{max(fading, near):.0%} of it fades" if hairy <= HAIRY[1] else "hair keeps it between its strands"
    return _graded(
        "colourless_backdrop",
        max(fading, near),
        clear
        and hairy <= HAIRY[0]
        and not (wrong or mat or _softens(distance, rim) or _is_grey(rgba, distance, opaque)),
        not wrong,
        (
            "the subject stands out from the backdrop everywhere",
            Fix(f"if it is a mat round a key, {mat}: ", Setting("--key-color", mat))
            if mat
            else Fix(f"{told}; for glass, smoke, hair or shadow ", Setting("--key-color", "#00ff00")),
            Fix(f"{told}, and {reason}: ", Setting("--key-color", "#00ff00")),
        ),
    )


def _key_within(rgba: Bytes, opaque: NDArray[np.bool_]) -> str:
    """The pure key colour, `#rrggbb`, that much of the subject has, because the backdrop is a mat around it; else empty."""
    colour = pure_key(thinned(rgba[..., :3])[thinned(opaque)], FILLED)
    return "" if colour is None else "#{:02x}{:02x}{:02x}".format(*colour.astype(int))


def _distance(rgba: Bytes, key: tuple[float, float, float], limits: Thresholds) -> Bytes:
    """How far the subject's colours are from the backdrop's, levels; 0 where it is clear."""
    levels = np.abs(rgba[..., :3].astype(np.int16) - np.rint(key).astype(np.int16)).max(axis=-1).astype(np.uint8)
    return as_bytes(cv2.medianBlur(levels * (rgba[..., 3] > limits.clear), 3))


def _fading(distance: Bytes, rim: NDArray[np.bool_]) -> float:
    """The share of an opaque rim that is much nearer to the backdrop than what is around it, or near it at all."""
    strongest = cv2.dilate(distance, np.ones((AROUND, AROUND), np.uint8))[rim]
    own = distance[rim]
    return max(float((own < 0.5 * strongest).mean()), float((own < FAINT).mean())) if own.size else 0.0


def _softens(distance: Bytes, rim: NDArray[np.bool_]) -> bool:
    """Whether colours near the edge still move away from the backdrop's: blur, smoke, and the walls of glass."""
    within_reach = cv2.dilate(distance, np.ones(STEP, np.uint8))[rim]
    return bool(rim.any()) and float((within_reach > 1.3 * distance[rim] + 4).mean()) > SOFT


def _hairy(alpha: Bytes, limits: Thresholds) -> float:
    """How dense partial pixels are where there are any, 0..1: hair and fur have more of them than smooth outlines."""
    partial = cv2.inRange(alpha, limits.clear + 1, limits.opaque - 1)
    return cv2.countNonZero(partial) / max(cv2.countNonZero(cv2.dilate(partial, np.ones(STEP, np.uint8))), 1)


def _is_grey(rgba: Bytes, distance: Bytes, opaque: NDArray[np.bool_]) -> bool:
    """Whether much of the subject is grey and not far from the backdrop, as panes of glass are."""
    colours = rgba[..., :3]
    grey = (colours.max(axis=-1) - colours.min(axis=-1) <= GREY) & (distance < 128)
    return bool(opaque.any()) and float(grey[opaque].mean()) > PANES


def _near_the_edge(alpha: Bytes, limits: Thresholds) -> NDArray[np.bool_]:
    """Where the picture is opaque, three to five pixels inside."""
    opaque = cv2.threshold(alpha, limits.opaque - 1, 1, cv2.THRESH_BINARY)[1]
    depth = cv2.distanceTransform(opaque, cv2.DIST_L2, 3)
    return np.asarray((depth >= 3) & (depth < 6), dtype=np.bool_)


def _frame(width: int) -> Check:
    return _graded(
        "frame",
        float(width),
        width == 0,
        True,
        (
            "no frame round the picture",
            f"a frame of {width} pixels round the picture was taken off; ask for a picture without frame or border",
            "",
        ),
    )


def _tint(tinted: float, limits: Thresholds) -> Check:
    return _graded(
        "key_tint",
        tinted,
        tinted <= limits.tinted,
        True,
        (
            "nothing in a tint of the key could be taken for glass",
            Fix(
                f"{tinted:.0%} of the picture is in a tint of the key and taken for opaque; if it is glass or smoke: ",
                Setting("--opacity", "translucent"),
            ),
            "",
        ),
    )


def _key_light(rgba: Bytes, key: tuple[float, float, float], taken_off: float, limits: Thresholds) -> Check:
    """Light of the backdrop on an opaque subject: what is left of it along the edge, and how much was taken off."""
    left = _light_left(rgba, key, limits) if key_strength(key) >= LEAST_STRENGTH else 0.0
    visible = left > limits.light_left
    advice = "ask for a subject that the backdrop throws no light on"
    return _graded(
        "key_light",
        left if visible else taken_off,
        not visible and taken_off <= limits.light_taken,
        True,
        (
            "no strong light of the key on the subject",
            f"the subject's edge is in {left:.0%} of the key's light, or in its tint: {advice}"
            if visible
            else f"the backdrop lit the subject with {taken_off:.0%} of its colour; the colours near the edge are estimates: {advice}",
            "",
        ),
    )


def _light_left(rgba: Bytes, key: tuple[float, float, float], limits: Thresholds) -> float:
    """How much more of the key's tint opaque pixels have along the edge than deeper inside nearby, as a share of the key's.

    A dark outline of a yellow subject, or a white one, is nearer to green than yellow is, and is not in its tint.
    """
    part = reduced(rgba)
    dominance = _dominance(part[..., :3], key)
    if dominance is None:
        return 0.0
    depth = cv2.distanceTransform((part[..., 3] >= limits.opaque).astype(np.uint8), cv2.DIST_L2, 3)
    deep = (depth >= DEEP).astype(np.float32)
    weight = cv2.blur(deep, NEARBY)
    rim = (depth >= RIM[0]) & (depth < RIM[1]) & (weight > 0.02)
    if int(rim.sum()) < FEWEST_LIT:
        return 0.0
    tint = np.maximum(dominance, 0).astype(np.float32)
    inside = cv2.blur(tint * deep, NEARBY)
    return max(0.0, median(tint[rim] - inside[rim] / weight[rim]) / key_strength(key))


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
