"""Cut-outs that the panel makes: each runs in a thread, and ends with its verdict, its file and its report."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from imagegen_magic.errors import ImagegenError
from imagegen_magic.jobs.result import GeneratedImage

from .facade import Facade, path_token
from .form import Form

__all__ = ["CutoutDesk"]

OTHER_KEYS = ("#00ff00", "#ff00ff", "#0000ff")
"""Key colours to try in turn."""
SHOWN = 8


class CutoutDesk:
    """The verdicts of the newest cut-outs, by the history reference of their image."""

    def __init__(self, facade: Facade) -> None:
        self._facade = facade
        self._found: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def state(self) -> dict[str, dict[str, Any]]:
        """The verdicts for the page."""
        with self._lock:
            return dict(list(self._found.items())[-SHOWN:])

    def start(self, ref: str) -> None:
        """Cuts an image out, in a thread; `state` says how it ends."""
        self._put(ref, {"status": "running"})
        threading.Thread(target=self._cut, args=(ref,), name="imagegen-cutout", daemon=True).start()

    def note(self, ref: str, image: GeneratedImage) -> None:
        """Notes the report of an image that came as a cut-out."""
        if image.report is not None:
            self._put(ref, self._verdict(ref, image.report, path_token(image.path)))

    def _cut(self, ref: str) -> None:
        try:
            cut, path = self._facade.cutout(ref)
            self._put(ref, self._verdict(ref, cut.report, path))
        except Exception as error:  # noqa: BLE001 - shown, because nobody else would
            text = getattr(error, "summary", f"{type(error).__name__}: {error}")
            self._put(ref, {"status": "fail", "path": "", "rows": [["fail", "cut-out", str(text)]],
                            "buttons": self._buttons(ref)})  # fmt: skip

    def _verdict(self, ref: str, report: Any, path: str) -> dict[str, Any]:
        rows = [[check.status, check.name.replace("_", " "), check.sentence] for check in report.checks]
        return {"status": report.status, "path": path, "rows": rows, "key": report.key or "",
                "buttons": self._buttons(ref) if report.status == "fail" else []}  # fmt: skip

    def _put(self, ref: str, verdict: dict[str, Any]) -> None:
        with self._lock:
            self._found.pop(ref, None)
            self._found[ref] = verdict

    def _buttons(self, ref: str) -> list[dict[str, str]]:
        """What a failed cut-out offers, each with its price."""
        found = []
        for how, label in (("key", "Another key colour"), ("difference", "Two backdrops")):
            try:
                job = self._facade.plan(self.form_again(ref, how))
            except ImagegenError:
                continue
            found.append({"how": how, "label": f"{label} · {job.estimate.on(job.options.backend)}"})
        return found

    def form_again(self, ref: str, how: str) -> Form:
        """The form that makes an image again: `how` is `key` for another key colour, `difference` for two backdrops."""
        form = self._facade.form_of(ref)
        values = {key: value for key, value in form.values.items() if key not in ("key_color", "n")}
        if how == "difference":
            return replace(form, values=values, background="two backdrops")
        record, _ = self._facade.find(ref)
        used = str(record.prompt_sent).lower()
        color = next((key for key in OTHER_KEYS if key not in used), OTHER_KEYS[1])
        return replace(form, values={**values, "key_color": color}, background="cut-out")
