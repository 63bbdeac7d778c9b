"""The Batch API: a file of requests in, a file of answers out.

A batch moves one step each time it is asked for: validating, in progress (some lines a step), finalizing, completed.
So a script that polls sees every state, at any speed, and the same ones each time.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from imagegen_magic.facts.catalog import Catalog

from .files import FileStore, write_atomically
from .reader import wrong_type
from .wire import ApiError

__all__ = ["BatchStore", "LineAnswer"]

_ENDPOINTS = ("/v1/images/generations", "/v1/images/edits")
_MAX_LINES = 50_000
_LINES_A_STEP = 50
_DAY = 86_400
_FINAL = ("completed", "failed", "expired", "cancelled")
_TIMES = (
    "in_progress_at",
    "expires_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineAnswer:
    """What one line of a batch was answered: the body comes in pieces, for pictures are large."""

    status: int
    chunks: Iterator[bytes]
    usage: Mapping[str, int]
    images_billed: int


Answer = Callable[[str, Mapping[str, Any]], LineAnswer]


class BatchStore:
    """Batches over the files of a `FileStore`, each kept as `batches/ID.json`."""

    def __init__(self, files: FileStore, answer: Answer, catalog: Catalog) -> None:
        self._files, self._answer, self._catalog = files, answer, catalog
        self._folder = files.folder / "batches"
        self._folder.mkdir(exist_ok=True)
        self._lock = threading.RLock()

    def create(self, values: Mapping[str, Any], now: int) -> dict[str, Any]:
        """The batch object of a new batch."""
        for name in ("input_file_id", "endpoint", "completion_window"):
            if not values.get(name):
                raise ApiError(
                    400, f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
                )
            if not isinstance(values[name], str):
                raise wrong_type(name, "a string", values[name])
        metadata = values.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise wrong_type("metadata", "an object", metadata)
        if values["endpoint"] not in _ENDPOINTS:
            listed = " and ".join(f"'{url}'" for url in _ENDPOINTS)
            message = f"Invalid value: '{values['endpoint']}'. Supported values are: {listed}."
            raise ApiError(400, message, param="endpoint", code="invalid_value")
        if values["completion_window"] != "24h":
            message = f"Invalid value: '{values['completion_window']}'. Supported values are: '24h'."
            raise ApiError(400, message, param="completion_window", code="invalid_value")
        source = self._files.get(str(values["input_file_id"]))
        if source["purpose"] != "batch":
            raise ApiError(
                400, f"Invalid purpose for file {source['id']}. Expected 'batch', but got '{source['purpose']}'."
            )
        batch_id = self._files.new_id().replace("file-sim", "batch_sim")
        batch = {
            "id": batch_id, "object": "batch", "endpoint": values["endpoint"], "model": None, "errors": None,
            "input_file_id": source["id"], "completion_window": "24h", "status": "validating",
            "output_file_id": None, "error_file_id": None, "created_at": now, **dict.fromkeys(_TIMES),
            "request_counts": {"total": 0, "completed": 0, "failed": 0}, "usage": None,
            "metadata": values.get("metadata"),
        }  # fmt: skip
        batch["expires_at"] = now + _DAY
        self._save(batch, {"lines": [], "next": 0, "sizes": {"out": 0, "err": 0}})
        return batch

    def entries(self) -> list[dict[str, Any]]:
        """Every batch object, newest first."""
        names = sorted((path.stem for path in self._folder.glob("batch_*.json")), reverse=True)
        return [self._load(name)[0] for name in names]

    def advance(self, name: str, now: int) -> tuple[dict[str, Any], int]:
        """The batch object one step further, and how many pictures that step billed."""
        with self._lock:
            batch, work = self._load(name)
            billed = 0
            if batch["status"] == "validating":
                self._validate(batch, work, now)
            elif batch["status"] == "in_progress":
                billed = self._process(batch, work)
                if work["next"] >= len(work["lines"]):
                    batch.update(status="finalizing", finalizing_at=now)
            elif batch["status"] in ("finalizing", "cancelling"):
                self._finish(batch, now)
            else:
                return batch, 0
            self._save(batch, work)
            return batch, billed

    def cancel(self, name: str, now: int) -> dict[str, Any]:
        """The batch object, on its way to `cancelled`; what was done before stays in its files."""
        with self._lock:
            batch, work = self._load(name)
            if batch["status"] in _FINAL:
                raise ApiError(409, f"Cannot cancel a batch with status '{batch['status']}'.")
            if batch["status"] != "cancelling":
                batch.update(status="cancelling", cancelling_at=now)
                self._save(batch, work)
            return batch

    def _save(self, batch: Mapping[str, Any], work: Mapping[str, Any]) -> None:
        write_atomically(self._folder / f"{batch['id']}.json", json.dumps({"batch": batch, "work": work}).encode())

    def _load(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        path = self._folder / f"{name}.json"
        if not re.fullmatch(r"batch_\w+", name) or not path.exists():
            raise ApiError(404, f"No batch found with id '{name}'.", param="batch_id")
        data = json.loads(path.read_text(encoding="utf-8"))
        return data["batch"], data["work"]

    def _validate(self, batch: dict[str, Any], work: dict[str, Any], now: int) -> None:
        """Reads every line; the batch fails as a whole if one is not a request."""
        errors: list[dict[str, Any]] = []
        lines: list[int] = []
        seen: set[str] = set()
        models: set[str] = set()
        offset, number = 0, 0
        with self._files.path(batch["input_file_id"]).open("rb") as file:
            for number, line in enumerate(file, 1):
                fault = _line_fault(line, batch["endpoint"], seen, models)
                if fault:
                    errors.append({"code": fault[0], "message": fault[1], "param": fault[2], "line": number})
                elif line.strip():
                    lines.append(offset)
                offset += len(line)
        errors += self._file_faults(number, len(lines), models, has_errors=bool(errors))
        if errors:
            batch.update(status="failed", failed_at=now, errors={"object": "list", "data": errors[:100]})
            return
        # The service answers in no particular order; ours depends on nothing but the file's name.
        seed = hashlib.sha256(batch["input_file_id"].encode()).hexdigest()
        random.Random(seed).shuffle(lines)  # noqa: S311
        work["lines"] = lines
        batch.update(status="in_progress", in_progress_at=now, model=next(iter(models), None))
        batch["request_counts"]["total"] = len(lines)

    def _file_faults(self, lines: int, good: int, models: set[str], *, has_errors: bool) -> Iterator[dict[str, Any]]:
        """What is wrong with the input file as a whole."""
        if lines > _MAX_LINES:
            yield {
                "code": "too_many_tasks",
                "message": f"The file has {lines} lines; at most {_MAX_LINES}.",
                "param": None,
                "line": None,
            }
        if not good and not has_errors:
            yield {"code": "empty_file", "message": "The input file is empty.", "param": None, "line": None}
        if len(models) > 1:
            message = "The provided requests name different models; a batch file must use one."
            yield {"code": "mismatched_model", "message": message, "param": "body.model", "line": None}
        for name in sorted(models):
            model = self._catalog.find(name)
            if model is not None and not model.batch_api:
                message = f"The provided model '{name}' is not supported by the Batch API."
                yield {"code": "model_not_supported", "message": message, "param": "body.model", "line": None}

    def _process(self, batch: dict[str, Any], work: dict[str, Any]) -> int:
        """Answers the next lines; the number of pictures billed."""
        step = max(1, min(_LINES_A_STEP, math.ceil(len(work["lines"]) / 2)))
        todo = work["lines"][work["next"] : work["next"] + step]
        billed = 0
        with (
            self._files.path(batch["input_file_id"]).open("rb") as source,
            self._continued(batch, work, "out") as out,
            self._continued(batch, work, "err") as err,
        ):
            for offset in todo:
                source.seek(offset)
                billed += self._line(json.loads(source.readline()), batch, out, err)
            work["sizes"] = {"out": out.tell(), "err": err.tell()}
        work["next"] += len(todo)
        return billed

    def _continued(self, batch: Mapping[str, Any], work: Mapping[str, Any], kind: str) -> BinaryIO:
        """The growing file of answers or errors, without what a killed step left behind."""
        path = self._part(batch, kind)
        path.touch()
        file = path.open("r+b")
        file.truncate(work["sizes"][kind])
        file.seek(0, 2)
        return file

    def _part(self, batch: Mapping[str, Any], kind: str) -> Path:
        return self._folder / f"{batch['id']}.{kind}"

    def _line(self, line: Mapping[str, Any], batch: dict[str, Any], out: BinaryIO, err: BinaryIO) -> int:
        """Answers one line into the file it belongs to."""
        answer = self._answer(line["url"], line["body"])
        done = answer.status == 200
        batch["request_counts"]["completed" if done else "failed"] += 1
        file = out if done else err
        number = sum(batch["request_counts"][key] for key in ("completed", "failed"))
        head = {"id": f"batch_req_{batch['id'][6:]}_{number}", "custom_id": line["custom_id"]}
        response = {"status_code": answer.status, "request_id": f"req_sim_{batch['id'][6:]}_{number}"}
        file.write(
            json.dumps(head)[:-1].encode() + b', "response": ' + json.dumps(response)[:-1].encode() + b', "body": '
        )
        for chunk in answer.chunks:
            file.write(chunk)
        file.write(b'}, "error": null}\n')
        _add_usage(batch, answer.usage)
        return answer.images_billed

    def _finish(self, batch: dict[str, Any], now: int) -> None:
        """Turns what was written into files of their own."""
        for kind, key in (("out", "output_file_id"), ("err", "error_file_id")):
            path = self._part(batch, kind)
            if path.exists() and path.stat().st_size:
                file_id = self._files.new_id()
                path.replace(self._files.path(file_id))
                name = f"{batch['id']}_{'output' if kind == 'out' else 'error'}.jsonl"
                self._files.add(file_id, name, "batch_output", now, None)
                batch[key] = file_id
            else:
                path.unlink(missing_ok=True)
        done = "cancelled" if batch["status"] == "cancelling" else "completed"
        batch.update({"status": done, f"{done}_at": now})


def _line_fault(line: bytes, endpoint: str, seen: set[str], models: set[str]) -> Sequence[str | None] | None:
    """(code, message, param) of what is wrong with an input line, or None; fills `seen` and `models`."""
    if not line.strip():
        return None
    try:
        entry = json.loads(line)
        custom_id, method, url, body = (entry[name] for name in ("custom_id", "method", "url", "body"))
    except ValueError:
        return "invalid_json_line", "This line is not parseable as valid JSON.", None
    except (KeyError, TypeError) as error:
        return "missing_required_parameter", f"Missing required parameter: {error}.", str(error).strip("'")
    faults = (
        (str(custom_id) in seen, "duplicate_custom_id", f"The custom_id '{custom_id}' is used already.", "custom_id"),
        (method != "POST", "invalid_method", "The method must be POST.", "method"),
        (url != endpoint, "invalid_url", f"The URL of this line is not the batch's endpoint {endpoint}.", "url"),
        (not isinstance(body, dict), "invalid_request", "The body is not an object.", "body"),
    )
    seen.add(str(custom_id))
    if isinstance(body, dict):
        models.add(str(body.get("model", "")))
    return next((fault for broken, *fault in faults if broken), None)


def _add_usage(batch: dict[str, Any], usage: Mapping[str, int]) -> None:
    total = batch["usage"] or {
        "input_tokens": 0, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 0, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 0,
    }  # fmt: skip
    for name in ("input_tokens", "output_tokens", "total_tokens"):
        total[name] += usage.get(name, 0)
    batch["usage"] = total
