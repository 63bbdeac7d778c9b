"""What a job expects of its images: read before anything is sent, checked after they are saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagegen_magic.checks.expectations import CHECKS, Expectation, parse_expectations
from imagegen_magic.checks.verdicts import CheckReport
from imagegen_magic.errors import Fix, ImagegenError, OptionError, Problem, Setting
from imagegen_magic.options.options import Options
from imagegen_magic.store.folder import Store

from .planning import Job

if TYPE_CHECKING:
    from .result import GeneratedImage, ImageResult

__all__ = ["check_result", "checked", "read_expected"]


def read_expected(
    options: Options, find: Callable[[str], Path], *, masked: bool, variables: Mapping[str, object]
) -> tuple[tuple[Expectation, ...], list[Problem]]:
    """The expectations that the options hold, ready to be checked, and every fault in them.

    Args:
        find: from `@hero` to a file.
        masked: whether the request has a mask.
        variables: where a word that is not a check may name a function.
    """
    if not options.expect:
        return (), []
    from imagegen_magic.checks.running import Context, prepare  # noqa: PLC0415 - OpenCV comes with the first check: 0.1 s

    wanted: list[Expectation] = []
    problems: list[Problem] = []
    for item in options.expect:
        try:
            named = variables.get(item) if isinstance(item, str) and item not in CHECKS else None
            wanted += parse_expectations([named if callable(named) else item])
        except OptionError as error:
            problems += error.problems
    ready, faults = prepare(wanted, Context(find=find), masked=masked)
    return ready, [*problems, *faults, *_impossible(wanted, options)]


def _impossible(wanted: list[Expectation], options: Options) -> list[Problem]:
    """What can't be checked with these options, whatever comes."""
    problems = []
    if options.output_format == "svg":
        fix = Fix(Setting("--output-format", "png"), ", or leave it out")
        problems += [Problem(field="expect", value=options.expect, rule="svg has no pixels to check", fix=fix)]
    if options.via == "batch-api":
        rule = "a function can't be kept until a batch is collected"
        fix = Fix("expectations in words, or ", Setting("--via", "direct"))
        problems += [Problem(field="expect", value=w.text, rule=rule, fix=fix) for w in wanted if w.call]
    return problems


def checked(job: Job, result: ImageResult) -> ImageResult:
    """The result with the verdicts on each image; nothing is written, and nothing is raised."""
    if not job.expected:
        return result
    return result.changed(images=tuple(image.changed(checks=_report(job, image)) for image in result.images))


def check_result(job: Job, store: Store, result: ImageResult) -> ImageResult:
    """The same, and the verdicts in the images' sidecars."""
    result = checked(job, result)
    warnings = list(result.warnings)
    for image in result.images if job.expected else ():
        try:
            store.write_checks({image.path, image.source}, [verdict.to_dict() for verdict in image.checks.verdicts])
        except OSError as error:
            warnings.append(f"the verdicts on {image.path.name} are not in its sidecar ({error.strerror})")
    return result.changed(warnings=tuple(warnings))


def _report(job: Job, image: GeneratedImage) -> CheckReport:
    """The verdicts on one image; whatever goes wrong is said, and hides nothing."""
    from imagegen_magic.checks.running import check_image, unchecked  # noqa: PLC0415 - as above

    try:
        return check_image(image.path, job.expected, context=_context(job), name=image.path.name)
    except ImagegenError as error:
        reason = "; ".join(problem.rule for problem in error.problems) or error.summary
    except Exception as error:  # noqa: BLE001 - the image was paid for and is safe, whatever a measure does with it
        reason = f"{type(error).__name__}: {error}"
    return unchecked(job.expected, reason, image.path.name)


def _context(job: Job) -> Any:
    """Of an edit with a mask: what was edited, and where it may change."""
    from imagegen_magic.checks.running import Context  # noqa: PLC0415 - as above

    request = job.request
    if request.mask is None or not request.images:
        return Context()
    return Context(original=request.images[0].data, mask=request.mask.data)
