"""The simulated Images API: one object that takes requests and gives answers, without any socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from imagegen_magic.catalog import Catalog, load_catalog

from . import effects
from .batches import BatchStore
from .faults import Fault, FaultScript, parse_faults
from .files import FileStore, page, sniffed_mime
from .images import ImageEndpoints, Note, Settings
from .pacing import Pacer
from .rules import check_key, find_model
from .wire import ApiError, Arrival, Request, Response, Sleep, json_response

__all__ = ["Simulator"]

_OWN = "/v1/_simulator/"


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

    Attributes:
        record: what arrived, in order of the answers.
        images_billed: pictures that were made and so would be paid for.
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
        self.record: list[Arrival] = []
        self.images_billed = 0
        self._keep_record = record
        self._lock = threading.Lock()
        self._requests = 0
        self._settings = Settings(
            catalog=catalog or load_catalog(), latency=latency, clock=clock, sleep=sleep,
            refuse_transparent=refuse_transparent, drift=drift,
        )  # fmt: skip
        self._script = FaultScript(parse_faults(faults) if isinstance(faults, str) else faults)
        self._pacer = Pacer(limit=limit, ipm=ipm, clock=clock)
        self._files = FileStore(None if state_dir is None else Path(state_dir))
        self._images = ImageEndpoints(self._settings, self._files, self._script, self._pacer)
        self._batches = BatchStore(self._files, self._images.line, self._settings.catalog)
        self.base_url = "http://127.0.0.1/v1"

    @property
    def base_url(self) -> str:
        """Where the URLs of the fault `url only` point; a server sets its own."""
        return self._images.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        self._images.base_url = url

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
        if path.startswith(_OWN):
            return self._own_page(path.removeprefix(_OWN))
        request_id = self._next_id()
        note = Note(total=self._bill)
        try:
            response = self._routed(request, path, dict(parse_qsl(split.query)), request_id, note, timeout)
            note.status = response.status
        except ApiError as error:
            note.status = error.status
            response = effects.error_response(error)
        finally:
            self._remember(request, split.path, request_id, note)
        response.headers.update(self._headers(request_id))
        return response

    def _next_id(self) -> str:
        with self._lock:
            self._requests += 1
            return f"req_sim{self._requests:029x}"

    def _headers(self, request_id: str) -> dict[str, str]:
        return {
            "x-request-id": request_id,
            "openai-version": "2020-10-01",
            "openai-organization": "org-simulated",
            "openai-processing-ms": str(round(self._settings.latency * 1000)),
            **self._pacer.headers(),
        }

    def _remember(self, request: Request, path: str, request_id: str, note: Note) -> None:
        arrival = Arrival(
            method=request.method, path=path, content_type=request.header("content-type").split(";")[0], fields=note.fields,
            parts=note.parts, status=note.status, images_billed=note.billed, fault=note.fault, request_id=request_id,
        )  # fmt: skip
        if self._keep_record:
            with self._lock:
                self.record.append(arrival)

    def _bill(self, pictures: int) -> None:
        with self._lock:
            self.images_billed += pictures

    def _own_page(self, what: str) -> Response:
        """The simulator's own pages, which no OpenAI server has: the record, and pictures by URL."""
        if what == "record":
            with self._lock:
                return json_response(
                    200, {"images_billed": self.images_billed, "requests": [asdict(a) for a in self.record]}
                )
        data = self._images.shelved(what.removeprefix("pictures/"))
        if data is None:
            return effects.error_response(ApiError(404, "The simulator has no such page."))
        return Response(200, {"content-type": sniffed_mime(data), "content-length": str(len(data))}, (data,))

    def _routed(
        self, request: Request, path: str, query: dict[str, str], request_id: str, note: Note, timeout: float | None
    ) -> Response:
        check_key(request.header("authorization"), request.header("api-key"))
        method, segments = request.method.upper(), path.split("/")[2:]
        if path.startswith("/v1/"):
            match (method, *segments):
                case ("POST", "images", "generations"):
                    return self._images.answer("generation", request, request_id, note, timeout)
                case ("POST", "images", "edits"):
                    return self._images.answer("edit", request, request_id, note, timeout)
                case (_, "models" | "files" | "batches" as group, *_):
                    return self._with_fault(group, method, segments, request, query, request_id, note, timeout)
        raise ApiError(404, f"Invalid URL ({method} {path})")

    def _with_fault(
        self, group: str, method: str, segments: list[str], request: Request, query: dict[str, str], request_id: str,
        note: Note, timeout: float | None,
    ) -> Response:  # fmt: skip
        """The answer of the other endpoints, and the faults whose `on=` names them."""
        fault = self._script.take(group, stream=False)
        if fault is None:
            return self._plain(method, segments, request, query, note)
        note.fault = fault.name
        effects.raise_status_fault(fault, "gpt-image", request_id)
        answer = effects.maimed(fault, self._settings.sleep, timeout)
        answer = answer or self._plain(method, segments, request, query, note)
        return effects.damaged(answer, fault, self._settings.sleep, timeout)

    def _plain(self, method: str, segments: list[str], request: Request, query: dict[str, str], note: Note) -> Response:
        now = int(self._settings.clock())
        match (method, *segments):
            case ("GET", "models"):
                return json_response(
                    200, {"object": "list", "data": [self._model(name) for name in self._live_models()]}
                )
            case ("GET", "models", name):
                find_model(self._settings.catalog, name, self._settings.today(), image_call=False)
                return json_response(200, self._model(name))
            case ("POST", "files"):
                return self._files.create(*note.body(request), now)
            case ("GET", "files"):
                return page(self._files.entries(query.get("purpose", "")), query)
            case ("GET", "files", name):
                return json_response(200, self._files.get(name))
            case ("DELETE", "files", name):
                return self._files.delete(name)
            case ("GET", "files", name, "content"):
                return self._files.content(name)
            case ("POST", "batches"):
                return json_response(200, self._batches.create(note.body(request)[0], now))
            case ("GET", "batches"):
                return page(self._batches.entries(), query)
            case ("GET", "batches", name):
                batch, billed = self._batches.advance(name, now)
                note.bill(billed)
                return json_response(200, batch)
            case ("POST", "batches", name, "cancel"):
                return json_response(200, self._batches.cancel(name, now))
        raise ApiError(404, f"Invalid URL ({method} {urlsplit(request.path).path})")

    def _live_models(self) -> Iterator[str]:
        today = self._settings.today()
        for name in self._settings.catalog.ids():
            model = self._settings.catalog.get(name)
            if model.state != "shut down" and (model.ends is None or model.ends > today):
                yield name

    def _model(self, name: str) -> dict[str, Any]:
        model = self._settings.catalog.get(name)
        launched = model.launched or date(2026, 1, 1)
        created = int(datetime(launched.year, launched.month, launched.day, tzinfo=UTC).timestamp())
        ends = None if model.ends is None else model.ends.isoformat()
        return {"id": name, "object": "model", "created": created, "owned_by": "system", "shutdown_date": ends}
