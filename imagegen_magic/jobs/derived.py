"""Cuts a finished job's pictures out, checks what came, and says what to try if that failed.

Everything here is local: the second try has other settings, never another paid call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagegen_magic.errors import Command, CutoutError, Fix, OptionError, Problem, Setting
from imagegen_magic.facts.catalog import load_catalog
from imagegen_magic.images.opening import open_image, resolve_token
from imagegen_magic.metadata.derived import Marking
from imagegen_magic.options.line import ParsedLine
from imagegen_magic.options.options import Options
from imagegen_magic.request.chroma_key import second_key
from imagegen_magic.store.history import Record
from imagegen_magic.store.library import Library
from imagegen_magic.store.recall import line_of

from .planning import Job

if TYPE_CHECKING:
    from imagegen_magic.matting.cutout import Cutout
    from imagegen_magic.matting.report import CutoutReport

__all__ = ["cut_by", "cut_out", "cutout_arguments", "cutout_of", "measure_native", "saved_cutout"]

SHAPING = ("edge_contract", "edge_feather")
"""Options by which the user has settled the extraction: nothing else is tried then."""


def cut_out(job: Job, source: Path, second: Path | None = None) -> tuple[Cutout | None, list[str]]:
    """The cut-out of the picture at `source`, None if none can be made, and what the user should know.

    `second` is the same subject over another backdrop.
    """
    cut, failed = _attempt(job, source, second)
    if not failed:
        return cut, []
    if second is None and not any(getattr(job.options, name) for name in SHAPING):
        settings = {"key": "auto"} if cut is None else {"edge_contract": 1}
        again, still = _attempt(job, source, None, **settings)
        if again is not None and not still:
            changed = " ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings.items())
            return again, [f"cut out at the second try, with {changed}; at the first, {failed}"]
    made = "was not made" if cut is None else "did not pass its checks"
    head = f"the cut-out {made}: {failed}. The API's picture is kept, and nothing more is sent by itself."
    offers = [part for offer in _offers(job, source) for part in ("\n", offer)]
    return cut, [Fix(f"{head} The same text under one of these lines may help.", *offers)]


def _attempt(job: Job, source: Path, second: Path | None, **settings: Any) -> tuple[Cutout | None, str]:
    """A cut-out, or None if the engine refuses, and what failed, empty if nothing did."""
    from imagegen_magic.matting.cutout import cutout, difference_cutout  # noqa: PLC0415 - OpenCV comes with the first cut-out: 0.1 s

    assert job.key is not None
    key = job.key.color
    try:
        if second is not None:
            cut = difference_cutout(source, second, key1=key, key2=second_key(key))
        else:
            given = {"key": key} | {
                name: getattr(job.options, name) for name in SHAPING if getattr(job.options, name) is not None
            }
            cut = cutout(source, subject=job.options.opacity, **given | settings)
    except CutoutError as error:
        return None, error.summary
    return cut, _failures(cut.report)


def _failures(report: CutoutReport) -> str:
    return "; ".join(check.sentence for check in report.of("fail"))


def _offers(job: Job, source: Path) -> list[Fix]:
    """Ways on, each with a line that is ready to run above the same prompt; each is the user's to run."""
    assert job.key is not None
    chroma = _cell(job, transparent="chroma", key_color=second_key(job.key.color))
    another = Fix("another key colour:\n  ", chroma)
    if job.cutout == "difference":
        return [another, Fix("the first picture alone, nothing sent:\n  ", Command("cutout", source.name))]
    two = Fix("two backdrops, for true alpha; a second paid call:\n  ", _cell(job, transparent="difference"))
    return [another, two, Fix("the alpha of a model that makes it itself:\n  ", _cell(job, **_native(job)))]


def _native(job: Job) -> dict[str, str]:
    """The options of native transparency: on the job's model if it is surely there, else on the first that has it."""
    able = load_catalog().first_able(lambda model: model.transparency == "yes")
    return {"transparent": "native"} | ({} if job.model.transparency == "yes" or not able else {"model": able})


def _cell(job: Job, **values: str) -> Command:
    """The first line of the job's cell, with these values in place of its way to transparency."""
    given = job.options.kept()
    kept = {name: value for name, value in given.items() if name not in ("transparent", "key_color")}
    return Command("edit" if "image" in given else "generate", line_of(job.name, {**kept, **values}))


def measure_native(source: Path) -> tuple[CutoutReport, list[str]]:
    """What native transparency brought, measured; opaque or a painted checkerboard is said, not passed off."""
    from imagegen_magic.images.arrays import array_of  # noqa: PLC0415 - as below
    from imagegen_magic.matting.checks import measure  # noqa: PLC0415 - OpenCV comes with the first cut-out: 0.1 s

    report = measure(array_of(open_image(source).convert("RGBA")))
    failed = _failures(report)
    warning = Fix(
        f"native transparency did not work: {failed}. ",
        Setting("--transparent"),
        " makes the cut-out with a chroma key instead",
    )
    return report, [warning] if failed else []


ENGINE_NAMES = {"key_color": "key", "opacity": "subject"}


CUTOUT_OPTIONS = (
    *ENGINE_NAMES, "auto_key", "soft_matte", "tolerance", "transparent_threshold", "opaque_threshold", "despill",
    "edge_contract", "edge_feather",
)  # fmt: skip


def cutout_arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `cutouts.cutout` that option values mean; what was not given stays with its default."""
    return {ENGINE_NAMES.get(name, name): values[name] for name in CUTOUT_OPTIONS if values.get(name) is not None}


ONE_IMAGE = tuple(name for name in CUTOUT_OPTIONS if name != "key_color")
"""Options that mean nothing with `second`: two pictures leave nothing to be judged."""


def cut_by(source: Any, values: Mapping[str, Any]) -> Cutout:
    """The cut-out that option values ask for: of one picture or, with `second`, of two.

    Raises:
        OptionError: an option of one picture was given with two.
    """
    from imagegen_magic.matting.cutout import cutout, difference_cutout  # noqa: PLC0415 - OpenCV comes with the first cut-out: 0.1 s

    second = values.get("second")
    if second is None:
        return cutout(source, **cutout_arguments(values))
    problems = tuple(
        Problem(field=name, value=values[name], rule="two pictures are solved without it", fix=Fix("leave it out"))
        for name in ONE_IMAGE
        if values.get(name) is not None
    )
    if problems:
        raise OptionError("the line can't be used", problems=problems)
    return difference_cutout(source, second, key1=values.get("key_color") or "auto")


def cutout_of(parsed: ParsedLine, variables: Mapping[str, object], library: Library, options: Options) -> Any:
    """The cut-out of the picture that a `%imagegen cutout` line names, saved in the output folder."""
    if parsed.problems or parsed.name is None:
        missing = (
            ()
            if parsed.name
            else (Problem(field="image", rule="a picture is needed", fix=Fix(Command("cutout", "@hero"))),)
        )
        raise OptionError("the line can't be used", problems=(*parsed.problems, *missing))
    source, origin = resolve_token(parsed.name, variables, library.image_file)
    values = dict(parsed.values)
    if "second" in values:
        other, _ = resolve_token(values["second"], variables, library.image_file)
        values["second"] = getattr(other, "path", other)
    stem = Path(origin.lstrip("@")).stem
    return saved_cutout(getattr(source, "path", source), stem, values, library, options)


def saved_cutout(source: Any, stem: str, values: Mapping[str, Any], library: Library, options: Options) -> Any:
    """The cut-out of `source`, saved in the output folder as `STEM-cutout.png`, marked as `options` say."""
    marking = Marking.of(options)
    cut = cut_by(source, values)
    cut = replace(cut, sources=tuple(map(library.known_source, cut.sources)))
    made = library.history.by_sha256(cut.sources[0].sha256) if cut.sources else None
    if made is not None and options.embed_prompt:
        marking = replace(marking, prompt=made.prompt_sent)
    store = library.store
    plan = store.reserve(f"{stem}-cutout", 1, "png")
    store.save_derived(plan.paths[0], cut.finished("png", marking), Record(kind="cutout"), kind="cutout")
    return cut
