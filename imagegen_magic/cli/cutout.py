"""`imagegen remove-chroma-key`: the second bundled script's flags on this package's own cut-out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagegen_magic.errors import OptionError, Problem, StoreError
from imagegen_magic.jobs.derived import cut_by
from imagegen_magic.metadata.derived import Marking
from imagegen_magic.options.paths import expanded
from imagegen_magic.options.settings import resolve

from .call import Call
from .output import print_json, print_lines, print_message, shown
from .table import DEFAULTS

if TYPE_CHECKING:
    from imagegen_magic.matting.cutout import Cutout

__all__ = ["remove_chroma_key"]

RANGES = {
    "tolerance": 255,
    "transparent_threshold": 255,
    "opaque_threshold": 255,
    "edge_feather": 64,
    "edge_contract": 16,
}
"""The largest value of each knob; the smallest is 0."""
MARKS = ("mark", "embed_prompt", "sign", "sign_certificate", "sign_key")
"""Options of the file, which the cut-out itself does not know."""


def remove_chroma_key(call: Call) -> int:
    """Cuts one picture out of its backdrop; the new file's path on standard output, what was measured on the other."""
    values, problems = call.values, [*call.problems, *_faults(call.values)]
    if problems:
        raise OptionError("the line can't be used", problems=tuple(problems))
    source, target = expanded(values["input"]), expanded(values["out"])
    if target.exists() and not values.get("force"):
        raise StoreError(f"{shown(target)} exists already", hints=("--force replaces it",))

    marking = Marking.of(resolve({name: values[name] for name in MARKS if name in values}))
    cut = cut_by(source, settings_of(values))
    target.parent.mkdir(parents=True, exist_ok=True)
    cut.save(target, marking=marking)
    return _show(call, cut, target, soft=bool(values.get("second") or values.get("soft_matte", DEFAULTS["soft_matte"])))


def settings_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The cut-out's option values: the script's defaults, but measured thresholds if none were given."""
    if values.get("second") is not None:
        return {**values, "second": expanded(values["second"])}
    given = {"soft_matte": DEFAULTS["soft_matte"], "auto_key": DEFAULTS["auto_key"], **values}
    if given["auto_key"] == "none" and (given.get("key_color") or "auto") == "auto":
        given["key_color"] = DEFAULTS["key_color"]
    if not given["soft_matte"]:
        given = {name: value for name, value in given.items() if not name.endswith("_threshold")}
    return given


def _faults(values: Mapping[str, Any]) -> list[Problem]:
    """What can be seen without opening the picture."""
    faults = [
        Problem(field=name, rule=f"--{name} is needed", fix=f"--{name} {example}")
        for name, example in (("input", "mug.png"), ("out", "cut.png"))
        if not values.get(name)
    ]
    faults += [
        Problem(field=name, value=values[name], rule=f"from 0 to {most}", fix=f"--{name.replace('_', '-')} 0-{most}")
        for name, most in RANGES.items()
        if values.get(name) is not None and not 0 <= values[name] <= most
    ]
    if values.get("out") and Path(values["out"]).suffix.lower() not in (".png", ".webp"):
        rule = "a cut-out needs a format that holds transparency"
        faults.append(Problem(field="out", value=values["out"], rule=rule, fix="--out cut.png, or .webp"))
    low, high = values.get("transparent_threshold"), values.get("opaque_threshold")
    if values.get("soft_matte") and low is not None and high is not None and low >= high:
        rule = f"must be below --opaque-threshold {high:g}"
        faults.append(Problem(field="transparent_threshold", value=low, rule=rule, fix="--transparent-threshold 12"))
    return faults


def _show(call: Call, cut: Cutout, target: Path, *, soft: bool) -> int:
    alpha, report = cut.alpha, cut.report
    clear, whole = int((alpha == 0).sum()), int((alpha == 255).sum())
    facts = {
        "path": shown(target),
        "key": cut.key,
        "pixels": int(alpha.size),
        "transparent": clear,
        "partial": int(alpha.size) - clear - whole,
        "status": report.status,
        "checks": [
            {"name": c.name, "status": c.status, "value": float(c.value), "sentence": c.sentence} for c in report.checks
        ],
    }
    print_message(f"key {cut.key or 'none: the picture was transparent already'}")
    print_message(f"transparent {clear} of {alpha.size} pixels, partly {facts['partial']}")
    for check in (*report.of("warn"), *report.of("fail")):
        print_message(str(check))
    if not soft and cut.key:
        print_message("hard key: every pixel is clear or opaque; --soft-matte measures soft edges")
    if call.json:
        print_json({"exit_code": 0, **facts})
    else:
        print_lines([shown(target)])
    return 0
