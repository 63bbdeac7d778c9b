"""The simulated Images API: one object that takes requests and gives answers, without any socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, urlsplit

from imagegen_magic.facts.catalog import Catalog, load_catalog

from . import effects
from .batches import BatchStore
from .faults import Fault, FaultScript, parse_faults
from .files import FileStore, page, sniffed_mime
from .images import ImageEndpoints, Note, Settings
from .pacing import Pacer
from .rules import check_key, find_model
from .wire import ApiError, Arrival, Request, Response, Sleep, json_response

if TYPE_CHECKING:
    from .credentials import TestChain

__all__ = ["Simulator"]

_OWN = "/v1/_simulator/"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exchange:
    """One request on its way to an answer."""

    request: Request
    path: str
    query: dict[str, str]
    request_id: str
    note: Note
    timeout: float | None

    @property
    def method(self) -> str:
        return self.request.method.upper()

    @property
    def segments(self) -> list[str]:
        """What stands after `/v1`; empty if the address does not start so."""
        return self.path.split("/")[2:] if self.path.startswith("/v1/") else []

    def no_such_address(self) -> ApiError:
        return ApiError(404, f"Invalid URL ({self.method} {self.path})")


def _chain() -> TestChain:
    """A chain to sign with.

    Raises:
        ValueError: the extra `c2pa` is not installed.
    """
    try:
        from .credentials import make_chain  # noqa: PLC0415 - 23 MB of native code, for those who ask for it
    except ImportError:
        raise ValueError('credentials need c2pa-python: pip install "imagegen_magic[c2pa]"') from None
    return make_chain()


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
        rate_limit_headers: send `x-ratelimit-*` with each answer; the live service's Images answers carry none.
        refuse_transparent: refuse `background=transparent` as a server of the `preview` state may.
        drift: pixels by which a redrawn subject moves in an edit.
        varied: draw another picture each time the same is asked for, as the live service does.
        delivery: `model` for flat backdrops as image models deliver them, off the colour asked for and with rings
            around the subject; `exact` for the very colour.
        picture: an encoded picture that is sent in place of every drawing, for tests of load.
        credentials: sign each picture with Content Credentials, by a chain of this simulator's own that nobody trusts;
            needs the extra `c2pa`.
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
        rate_limit_headers: bool = False,
        refuse_transparent: bool = False,
        drift: float = 0.0,
        varied: bool = False,
        delivery: Literal["model", "exact"] = "model",
        picture: bytes | None = None,
        credentials: bool = False,
        state_dir: str | Path | None = None,
    ) -> None:
        if delivery not in ("model", "exact"):
            raise ValueError(f"delivery is 'model' or 'exact', not {delivery!r}")
        self.record: list[Arrival] = []
        self.images_billed = 0
        self._keep_record = record
        self._lock = threading.Lock()
        self._requests = 0
        self._settings = Settings(
            catalog=catalog or load_catalog(), latency=latency, clock=clock, sleep=sleep,
            refuse_transparent=refuse_transparent, drift=drift, varied=varied, delivery=delivery, image=picture,
            chain=_chain() if credentials else None,
        )  # fmt: skip
        self._script = FaultScript(parse_faults(faults) if isinstance(faults, str) else faults)
        self._pacer = Pacer(limit=limit, ipm=ipm, clock=clock, headers=rate_limit_headers)
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
        exchange = _Exchange(
            request=request,
            path=path,
            query=dict(parse_qsl(split.query)),
            request_id=self._next_id(),
            note=Note(total=self._bill),
            timeout=timeout,
        )
        try:
            response = self._routed(exchange)
            exchange.note.status = response.status
        except ApiError as error:
            exchange.note.status = error.status
            response = effects.error_response(error)
        finally:
            self._remember(exchange)
        response.headers.update(self._headers(exchange.request_id))
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

    def _remember(self, exchange: _Exchange) -> None:
        note = exchange.note
        arrival = Arrival(
            method=exchange.method,
            path=exchange.path,
            content_type=exchange.request.header("content-type").split(";")[0],
            fields=note.fields,
            parts=note.parts,
            status=note.status,
            images_billed=note.billed,
            fault=note.fault,
            request_id=exchange.request_id,
        )
        if self._keep_record:
            with self._lock:
                self.record.append(arrival)

    def _bill(self, images: int) -> None:
        with self._lock:
            self.images_billed += images

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

    def _routed(self, exchange: _Exchange) -> Response:
        request = exchange.request
        check_key(request.header("authorization"), request.header("api-key"))
        match (exchange.method, *exchange.segments):
            case ("POST", "images", "generations"):
                return self._images.answer("generation", request, exchange.request_id, exchange.note, exchange.timeout)
            case ("POST", "images", "edits"):
                return self._images.answer("edit", request, exchange.request_id, exchange.note, exchange.timeout)
            case (_, "models", *_):
                return self._with_fault(exchange, self._model_routes)
            case (_, "files", *_):
                return self._with_fault(exchange, self._file_routes)
            case (_, "batches", *_):
                return self._with_fault(exchange, self._batch_routes)
        raise exchange.no_such_address()

    def _with_fault(self, exchange: _Exchange, route: Callable[[_Exchange], Response]) -> Response:
        """The answer of an endpoint other than the images', with the faults whose `on=` names it."""
        fault = self._script.take(exchange.segments[0], stream=False)
        if fault is None:
            return route(exchange)
        exchange.note.fault = fault.name
        effects.raise_status_fault(fault, load_catalog().default, exchange.request_id)
        answer = effects.maimed(fault, self._settings.sleep, exchange.timeout) or route(exchange)
        return effects.damaged(answer, fault, self._settings.sleep, exchange.timeout)

    def _model_routes(self, exchange: _Exchange) -> Response:
        match (exchange.method, *exchange.segments):
            case ("GET", _):
                models = [self._model(name) for name in self._live_models()]
                return json_response(200, {"object": "list", "data": models})
            case ("GET", _, name):
                find_model(self._settings.catalog, name, self._settings.today(), image_call=False)
                return json_response(200, self._model(name))
        raise exchange.no_such_address()

    def _file_routes(self, exchange: _Exchange) -> Response:
        match (exchange.method, *exchange.segments):
            case ("POST", _):
                return self._files.create(*exchange.note.body(exchange.request), self._now())
            case ("GET", _):
                return page(self._files.entries(exchange.query.get("purpose", "")), exchange.query)
            case ("GET", _, name):
                return json_response(200, self._files.get(name))
            case ("DELETE", _, name):
                return self._files.delete(name)
            case ("GET", _, name, "content"):
                return self._files.content(name)
        raise exchange.no_such_address()

    def _batch_routes(self, exchange: _Exchange) -> Response:
        match (exchange.method, *exchange.segments):
            case ("POST", _):
                return json_response(200, self._batches.create(exchange.note.body(exchange.request)[0], self._now()))
            case ("GET", _):
                return page(self._batches.entries(), exchange.query)
            case ("GET", _, name):
                batch, billed = self._batches.advance(name, self._now())
                exchange.note.bill(billed)
                return json_response(200, batch)
            case ("POST", _, name, "cancel"):
                return json_response(200, self._batches.cancel(name, self._now()))
        raise exchange.no_such_address()

    def _now(self) -> int:
        return int(self._settings.clock())

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
