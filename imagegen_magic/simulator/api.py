"""The simulated Images API: one object that takes requests and gives answers, without any socket."""

from __future__ import annotations

import base64
import binascii
import io
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from imagegen_magic.catalog import Catalog, load_catalog

from . import answers, effects
from .batches import BatchStore
from .faults import Fault, FaultScript, parse_faults
from .files import FileStore, page, sniffed_mime
from .rules import Endpoint, Job, check_key, find_model, read_job
from .wire import ApiError, Arrival, Disconnect, Part, Request, Response, Sleep, Stalled, Upload, json_response, parse_multipart, wait

__all__ = ["Simulator"]

_KEPT_PICTURES = 64
_DEFAULT_IPM = 250
_MAX_DATA_URL = 20_971_520


@dataclass(slots=True)
class _Note:
    """What becomes an `Arrival` when the request is done."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    status: int = 0
    billed: int = 0
    fault: str = ""


class Simulator:
    """An offline Images API; safe for threads.

    Args:
        faults: a fault script as text, or what `parse_faults` made of one.
        latency: seconds that each image request takes.
        record: whether `.record` is kept.
        clock: the time in Unix seconds.
        sleep: how to wait; a test may pass one that only counts.
        catalog: the models; by default those shipped.
        limit: image requests that may be in flight at once; more get 429.
        ipm: pictures a minute that are allowed; more get 429.
        refuse_transparent: refuse `background=transparent` as a server of the `preview` state may.
        drift: pixels by which a redrawn subject moves in an edit.
        state_dir: folder for files and batches that outlives this object; by default a temporary one.
    """

    def __init__(
        self,
        *,
        faults: str | Iterable[Fault] = (),
        latency: float = 0.0,
        record: bool = True,
        clock: Callable[[], float] = time.time,
        sleep: Sleep = time.sleep,
        catalog: Catalog | None = None,
        limit: int | None = None,
        ipm: int | None = None,
        refuse_transparent: bool = False,
        drift: float = 0.0,
        state_dir: str | Path | None = None,
    ) -> None:
        self.latency = latency
        self.base_url = "http://127.0.0.1/v1"
        self.record: list[Arrival] = []
        self.images_billed = 0
        self._keep_record = record
        self._clock, self._sleep = clock, sleep
        self._catalog = catalog or load_catalog()
        self._limit, self._ipm = limit, ipm
        self._refuse_transparent, self._drift = refuse_transparent, drift
        self._script = FaultScript(parse_faults(faults) if isinstance(faults, str) else faults)
        self._lock = threading.RLock()
        self._in_flight = 0
        self._requests = 0
        self._minute: deque[tuple[float, int]] = deque()
        self._pictures: dict[str, bytes] = {}
        self._files = FileStore(Path(state_dir) if state_dir is not None else None)
        self._batches = BatchStore(self._files, self._batch_line, self._catalog)

    def handle(self, request: Request, *, timeout: float | None = None) -> Response:
        """The answer to a request.

        `timeout` is how long the peer waits for anything to come, in seconds: waiting longer, here or while the
        chunks are read, raises `Stalled` after that time.

        Raises:
            Disconnect: the connection breaks before any answer.
            Stalled: no answer within `timeout`.
        """
        split = urlsplit(request.path)
        path = split.path.removeprefix("/openai").rstrip("/")
        if path.startswith("/v1/_simulator/"):
            return self._own(path.removeprefix("/v1/_simulator/"))
        request_id = self._next_id()
        note = _Note()
        try:
            response = self._routed(request, path, dict(parse_qsl(split.query)), request_id, note, timeout)
            note.status = response.status
        except ApiError as error:
            note.status = error.status
            response = effects.error_response(error)
        finally:
            self._remember(request, split.path, request_id, note)
        response.headers.update(self._standard_headers(request_id))
        return response

    def _next_id(self) -> str:
        with self._lock:
            self._requests += 1
            return f"req_sim{self._requests:029x}"

    def _standard_headers(self, request_id: str) -> dict[str, str]:
        limit = self._ipm or _DEFAULT_IPM
        with self._lock:
            used = sum(count for _, count in self._minute)
        left = str(max(0, limit - used))
        return {
            "x-request-id": request_id,
            "openai-version": "2020-10-01",
            "openai-organization": "org-simulated",
            "openai-processing-ms": str(round(self.latency * 1000)),
            "x-ratelimit-limit-requests": str(limit),
            "x-ratelimit-remaining-requests": left,
            "x-ratelimit-reset-requests": f"{60 / limit:g}s",
            "x-ratelimit-limit-images": str(limit),
            "x-ratelimit-remaining-images": left,
        }

    def _remember(self, request: Request, path: str, request_id: str, note: _Note) -> None:
        with self._lock:
            self.images_billed += note.billed
            if self._keep_record:
                content_type = request.header("content-type").split(";")[0]
                self.record.append(
                    Arrival(
                        method=request.method, path=path, content_type=content_type, fields=note.fields, parts=note.parts,
                        status=note.status, images_billed=note.billed, fault=note.fault, request_id=request_id,
                    )
                )  # fmt: skip

    def _own(self, what: str) -> Response:
        """The simulator's own pages, which no OpenAI server has: the record, and pictures by URL."""
        if what == "record":
            with self._lock:
                return json_response(200, {"images_billed": self.images_billed, "requests": [asdict(a) for a in self.record]})
        name, _, data = what.removeprefix("pictures/"), None, self._pictures.get(what.removeprefix("pictures/"))
        if data is None:
            return json_response(404, {"error": {"message": f"no picture {name}", "type": "invalid_request_error", "param": None, "code": None}})
        return Response(200, {"content-type": sniffed_mime(data), "content-length": str(len(data))}, (data,))

    def _routed(self, request: Request, path: str, query: dict[str, str], request_id: str, note: _Note, timeout: float | None) -> Response:
        check_key(request.header("authorization"), request.header("api-key"))
        method, segments = request.method.upper(), path.split("/")[2:]
        match (method, *segments):
            case ("POST", "images", "generations"):
                return self._images("generation", request, request_id, note, timeout)
            case ("POST", "images", "edits"):
                return self._images("edit", request, request_id, note, timeout)
        group = segments[0] if segments else ""
        fault = self._script.take(group, stream=False)
        if fault is not None:
            note.fault = fault.name
            effects.raise_status_fault(fault, "gpt-image", request_id)
            if (answer := effects.maimed(fault, self._sleep, timeout)) is not None:
                return answer
        response = self._plain_route(method, segments, request, query, note)
        return response if fault is None else effects.damaged(response, fault, self._sleep, timeout)

    def _plain_route(self, method: str, segments: list[str], request: Request, query: dict[str, str], note: _Note) -> Response:
        now = int(self._clock())
        match (method, *segments):
            case ("GET", "models"):
                return json_response(200, {"object": "list", "data": [self._model(name) for name in self._live_models()]})
            case ("GET", "models", name):
                find_model(self._catalog, name, self._today(), image_call=False)
                return json_response(200, self._model(name))
            case ("POST", "files"):
                values, uploads = self._body(request, note)
                return self._files.create(values, uploads, now)
            case ("GET", "files"):
                return page(self._files.entries(query.get("purpose", "")), query)
            case ("GET", "files", name):
                return json_response(200, self._files.get(name))
            case ("DELETE", "files", name):
                return self._files.delete(name)
            case ("GET", "files", name, "content"):
                return self._files.content(name)
            case ("POST", "batches"):
                values, _ = self._body(request, note)
                return json_response(200, self._batches.create(values, now))
            case ("GET", "batches"):
                return page(self._batches.entries(), query)
            case ("GET", "batches", name):
                batch, note.billed = self._batches.advance(name, now)
                return json_response(200, batch)
            case ("POST", "batches", name, "cancel"):
                return json_response(200, self._batches.cancel(name, now))
        raise ApiError(404, f"Invalid URL ({method} {urlsplit(request.path).path})")

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock(), UTC).date()

    def _live_models(self) -> Iterator[str]:
        for name in self._catalog.ids():
            model = self._catalog.find(name)
            if model is not None and model.state != "shut down" and (model.ends is None or model.ends > self._today()):
                yield name

    def _model(self, name: str) -> dict[str, Any]:
        model = self._catalog.get(name)
        launched = model.launched or date(2026, 1, 1)
        created = int(datetime(launched.year, launched.month, launched.day, tzinfo=UTC).timestamp())
        ends = None if model.ends is None else model.ends.isoformat()
        return {"id": name, "object": "model", "created": created, "owned_by": "system", "shutdown_date": ends}

    def _body(self, request: Request, note: _Note) -> tuple[dict[str, Any], list[Upload]]:
        """Fields and files of a request, as JSON or as a form; they go into the note."""
        content_type = request.header("content-type")
        if content_type.lower().startswith("multipart/form-data"):
            values, uploads = parse_multipart(request.body, content_type)
        else:
            try:
                values, uploads = json.loads(request.body or b"{}"), []
            except ValueError:
                raise ApiError(400, "We could not parse the JSON body of your request.") from None
            if not isinstance(values, dict):
                raise ApiError(400, "The body of your request is not a JSON object.")
        note.fields = {name: _short(value) for name, value in values.items()}
        note.parts = tuple(upload.part() for upload in uploads)
        return values, uploads

    def _images(self, endpoint: Endpoint, request: Request, request_id: str, note: _Note, timeout: float | None) -> Response:
        values, uploads = self._body(request, note)
        values, inputs = self._inputs(endpoint, values, uploads)
        # Files of a form are recorded under the names they came with; those inside JSON under their role.
        note.parts = note.parts or tuple(upload.part() for upload in inputs)
        with self._slot():
            job = self._read(endpoint, values, inputs, request_id)
            fault = self._script.take("images", stream=job.stream)
            if fault is not None:
                note.fault = fault.name
                effects.raise_status_fault(fault, job.model.id, request_id)
            self._pace(job)
            count = job.n + {"fewer": -1, "more": 1}.get(note.fault, 0)
            note.billed = count if fault is None or fault.billed else 0
            if not job.stream or fault is not None:
                wait(self.latency, timeout, self._sleep)
            if fault is None:
                return self._answer(job, "", count, timeout)
            answer = effects.maimed(fault, self._sleep, timeout) or self._answer(job, fault.name, count, timeout)
            return effects.damaged(answer, fault, self._sleep, timeout)

    def _slot(self) -> _Slot:
        return _Slot(self)

    def enter(self) -> None:
        """Takes one of the `limit` places for requests in flight, or refuses with 429."""
        with self._lock:
            if self._limit is not None and self._in_flight >= self._limit:
                seconds = max(0.05, self.latency)
                detail = f"Limit {self._limit}, Used {self._in_flight}, Requested 1"
                raise effects.rate_limit("gpt-image", seconds, what="concurrent requests", detail=detail)
            self._in_flight += 1

    def leave(self) -> None:
        """Gives the place back."""
        with self._lock:
            self._in_flight -= 1

    def _pace(self, job: Job) -> None:
        """Counts the pictures against `ipm`, or refuses with 429 and the seconds to wait."""
        now = self._clock()
        with self._lock:
            while self._minute and self._minute[0][0] <= now - 60:
                self._minute.popleft()
            used = sum(count for _, count in self._minute)
            if self._ipm is not None and used + job.n > self._ipm:
                seconds = round(60 - (now - self._minute[0][0]), 3) if self._minute else 60.0
                detail = f"Limit {self._ipm}, Used {used}, Requested {job.n}"
                raise effects.rate_limit(job.model.id, seconds, detail=detail)
            self._minute.append((now, job.n))

    def _read(self, endpoint: Endpoint, values: Mapping[str, Any], uploads: list[Upload], request_id: str) -> Job:
        return read_job(
            endpoint, values, uploads, catalog=self._catalog, today=self._today(), request_id=request_id,
            refuse_transparent=self._refuse_transparent,
        )  # fmt: skip

    def _inputs(self, endpoint: Endpoint, values: dict[str, Any], uploads: list[Upload]) -> tuple[dict[str, Any], list[Upload]]:
        """Fields and pictures of both wire forms of an edit in one form: files named image, mask, markup."""
        if endpoint == "generation":
            return values, []
        found = []
        for upload in uploads:
            name = "image" if upload.field.startswith("image[") else upload.field
            found.append(Upload(field=name, filename=upload.filename, mime=upload.mime, data=upload.data))
        rest = {name: value for name, value in values.items() if name not in ("images", "mask", "markup")}
        references = values.get("images") or []
        if not isinstance(references, list):
            raise ApiError(400, "Invalid type for 'images': expected an array of objects.", param="images", code="invalid_type")
        for reference in references:
            found.append(self._reference("image", reference))
        for name in ("mask", "markup"):
            if values.get(name) is not None:
                found.append(self._reference(name, values[name]))
        return _nested(rest), found

    def _reference(self, name: str, reference: object) -> Upload:
        """The picture behind `{"file_id": …}` or `{"image_url": "data:…"}`."""
        if not isinstance(reference, dict) or len(reference) != 1 or next(iter(reference)) not in ("file_id", "image_url"):
            raise ApiError(400, f"Each of '{name}' needs exactly one of 'file_id' and 'image_url'.", param=name, code="invalid_value")
        key, value = next(iter(reference.items()))
        if key == "file_id":
            return self._files.as_upload(name, str(value))
        head, comma, text = str(value).partition(",")
        if not comma or not head.startswith("data:") or len(str(value)) > _MAX_DATA_URL:
            raise ApiError(400, "Error while downloading the image: only data URLs can be read offline.", param=name, code="invalid_image_url")
        try:
            data = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise ApiError(400, "Invalid base64 in the data URL.", param=name, code="invalid_image_url") from None
        return Upload(field=name, filename="", mime=head[5:].split(";")[0], data=data)

    def _answer(self, job: Job, fault: str, count: int, timeout: float | None) -> Response:
        """The answer with `count` pictures, and the faults that are in the pictures or in the events."""
        created = int(self._clock())
        if job.stream and fault != "json for stream":
            events = answers.event_chunks(job, self._streamed(job, fault, count, timeout), created, stop=fault.removeprefix("stream "))
            return Response(200, {"content-type": "text/event-stream; charset=utf-8"}, events)
        job = answers.plain(job)
        entries = None if fault == "null data" else self._entries(job, fault, count)
        chunks = answers.json_chunks(job, entries, created, count)
        headers = {"content-type": "application/json"}
        if count > 1:
            return Response(200, headers, chunks)
        body = b"".join(chunks)
        return Response(200, {**headers, "content-length": str(len(body))}, (body,))

    def _entries(self, job: Job, fault: str, count: int) -> Iterator[answers.Entry]:
        for number in range(count):
            yield self._entry(job, fault, answers.draw(job, number, self._drift))

    def _entry(self, job: Job, fault: str, drawn: answers.Drawn) -> answers.Entry:
        data = drawn.data
        if fault == "jpeg for png":
            data = answers.as_other_format(drawn, job)
        elif fault == "half png":
            data = data[: len(data) // 2]
        if fault == "url only":
            return {"url": f"{self.base_url}/_simulator/pictures/{self._shelve(data)}"}
        text = answers.b64(data)
        if fault == "bad base64":
            text = text[: len(text) // 2] + "!*?" + text[len(text) // 2 :]
        return {"b64_json": None} if fault == "null data" else {"b64_json": text}

    def _shelve(self, data: bytes) -> str:
        with self._lock:
            name = f"{len(self._pictures):06d}"
            while len(self._pictures) >= _KEPT_PICTURES:
                self._pictures.pop(next(iter(self._pictures)))
            self._pictures[name] = data
        return name

    def _streamed(
        self, job: Job, fault: str, count: int, timeout: float | None
    ) -> Iterator[tuple[Iterator[bytes], Callable[[], answers.Entry]]]:
        pause = self.latency / (job.partial_images + 1) if not fault else 0.0
        for number in range(count):
            drawn = answers.draw(job, number, self._drift)

            def previews(drawn: answers.Drawn = drawn) -> Iterator[bytes]:
                for data in answers.partials(job, drawn):
                    wait(pause, timeout, self._sleep)
                    yield data

            def final(drawn: answers.Drawn = drawn) -> answers.Entry:
                wait(pause, timeout, self._sleep)
                return self._entry(job, fault, drawn)

            yield previews(), final

    def _batch_line(self, url: str, body: Mapping[str, Any], out: io.BufferedIOBase) -> tuple[int, dict[str, Any]]:
        raise NotImplementedError


class _Slot:
    """Holds a place in flight for the length of a `with` block."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def __enter__(self) -> None:
        self._simulator.enter()

    def __exit__(self, *_: object) -> None:
        self._simulator.leave()


def _short(value: Any) -> Any:
    """A field's value for the record: long texts are cut."""
    return value[:2000] + "…" if isinstance(value, str) and len(value) > 2000 else value  # noqa: PLR2004


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Form fields such as `svg[reasoning][effort]` as nested objects."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        first, *rest = name.replace("]", "").split("[")
        if not rest:
            out[name] = value
            continue
        place = out.setdefault(first, {})
        for key in rest[:-1]:
            place = place.setdefault(key, {})
        place[rest[-1]] = value
    return out
