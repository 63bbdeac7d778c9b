"""The two image endpoints: from an accepted request to its pictures, through whatever fault is due."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from imagegen_magic.facts.catalog import Catalog

from . import answers, effects
from .batches import LineAnswer
from .faults import Fault, FaultScript
from .files import FileStore
from .inputs import edit_inputs, read_body
from .pacing import Pacer
from .rules import Job, read_job
from .uploads import Endpoint
from .wire import ApiError, Part, Request, Response, Sleep, Upload, wait

if TYPE_CHECKING:
    from .credentials import TestChain

__all__ = ["ImageEndpoints", "Note", "Settings"]

_KEPT_IMAGES = 64
_SHORTEST_RETRY = 0.05
_LONGEST_TEXT = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the simulator behaves; see `Simulator`."""

    catalog: Catalog
    latency: float
    clock: Callable[[], float]
    sleep: Sleep
    refuse_transparent: bool
    drift: float
    varied: bool
    delivery: str
    image: bytes | None
    chain: TestChain | None

    def today(self) -> date:
        """The date, in UTC, by which models have ended.

        By default it is the day that the catalog was checked, so that a request has the same answer on any day; a
        `clock` of the caller's own says otherwise.
        """
        if self.clock is time.time:
            return self.catalog.limits.checked
        return datetime.fromtimestamp(self.clock(), UTC).date()


@dataclass(slots=True)
class Note:
    """What becomes an `Arrival` when the request is done."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    status: int = 0
    billed: int = 0
    fault: str = ""
    total: Callable[[int], None] = lambda _: None
    """Adds to the simulator's own count."""

    def bill(self, images: int) -> None:
        """Counts pictures at once: their answer may take long, or never arrive."""
        self.billed += images
        self.total(images)

    def body(self, request: Request) -> tuple[dict[str, Any], list[Upload]]:
        """Fields and files of the request, noted."""
        values, uploads = read_body(request)
        self.fields = {name: _short(value) for name, value in values.items()}
        self.parts = tuple(upload.part() for upload in uploads)
        return values, uploads


def _short(value: Any) -> Any:
    """A value for the record: long texts, such as data URLs, are cut."""
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_short(inner) for inner in value]
    return value[:_LONGEST_TEXT] + "…" if isinstance(value, str) and len(value) > _LONGEST_TEXT else value


MOST_IMAGES = 100
"""More pictures than one request may ask for: with `varied`, how far the requests' pictures are apart."""


class ImageEndpoints:
    """`/v1/images/generations` and `/v1/images/edits`."""

    def __init__(self, settings: Settings, files: FileStore, script: FaultScript, pacer: Pacer) -> None:
        self.base_url = ""
        self._settings, self._files, self._script, self._pacer = settings, files, script, pacer
        self._lock = threading.Lock()
        self._requests = itertools.count()
        self._shelf: dict[str, bytes] = {}
        self._shelved = 0

    def answer(
        self, endpoint: Endpoint, request: Request, request_id: str, note: Note, timeout: float | None
    ) -> Response:
        """The answer to one request; what happened goes into the note.

        Raises:
            ApiError: the request is refused.
            Disconnect, Stalled: no answer comes.
        """
        values, uploads = note.body(request)
        with self._pacer.place(max(_SHORTEST_RETRY, self._settings.latency)):
            job, inputs = self._job(endpoint, values, uploads, request_id)
            # Files of a form are noted under the names they came with; those inside JSON under their role.
            note.parts = note.parts or tuple(upload.part() for upload in inputs)
            fault = self._script.take("images", stream=job.stream)
            if fault is not None:
                note.fault = fault.name
                effects.raise_status_fault(fault, job.model.id, request_id)
            self._pacer.count(job.model.id, job.n)
            return self._made(job, fault, note, timeout)

    def _job(
        self, endpoint: Endpoint, values: dict[str, Any], uploads: list[Upload], request_id: str
    ) -> tuple[Job, list[Upload]]:
        if endpoint == "edit":
            values, uploads = edit_inputs(values, uploads, self._files)
        settings = self._settings
        job = read_job(
            endpoint, values, uploads, catalog=settings.catalog, today=settings.today(), request_id=request_id,
            refuse_transparent=settings.refuse_transparent,
        )  # fmt: skip
        return job, uploads

    def _made(self, job: Job, fault: Fault | None, note: Note, timeout: float | None) -> Response:
        """The pictures' answer after the time they take, with a fault in it if one is due."""
        count = job.n + {"fewer": -1, "more": 1}.get(note.fault, 0)
        note.bill(count if fault is None or fault.billed else 0)
        sleep = self._settings.sleep
        if fault is None:
            if not job.stream:
                wait(self._settings.latency, timeout, sleep)
            return self._whole(job, "", count, timeout)
        wait(self._settings.latency, timeout, sleep)
        answer = effects.maimed(fault, sleep, timeout)
        return effects.damaged(answer or self._whole(job, fault.name, count, timeout), fault, sleep, timeout)

    def _whole(self, job: Job, fault: str, count: int, timeout: float | None) -> Response:
        """The answer with `count` pictures; faults inside pictures and events happen here."""
        created = int(self._settings.clock())
        # The first picture is drawn before anything is sent: inputs that can't be decoded are still refused with 400.
        drawn = self._drawn(job, count, fault)
        if job.stream and fault != "json for stream":
            events = answers.event_chunks(job, self._streamed(job, fault, drawn, timeout), created, stop=_stop(fault))
            return Response(200, {"content-type": "text/event-stream; charset=utf-8"}, events)
        job = answers.plain(job)
        entries = None if fault == "null data" else (self._entry(job, fault, image) for image in drawn)
        chunks = answers.json_chunks(job, entries, created, count)
        headers = {"content-type": "application/json"}
        if count > 1:
            return Response(200, headers, chunks)
        body = b"".join(chunks)
        return Response(200, {**headers, "content-length": str(len(body))}, (body,))

    def _drawn(self, job: Job, count: int, fault: str) -> Iterator[answers.Drawn]:
        """The pictures, the first one ready, the others drawn when they are asked for."""
        start = next(self._requests) * MOST_IMAGES if self._settings.varied else 0
        first = [self._draw(job, start, fault)] if count else []
        return itertools.chain(first, (self._draw(job, start + number, fault) for number in range(1, count)))

    def _draw(self, job: Job, number: int, fault: str) -> answers.Drawn:
        """A picture; inputs that turn out to be broken are refused like the service does."""
        if self._settings.image is not None:
            return answers.Drawn(data=self._settings.image)
        try:
            manner = answers.Manner(drift=self._settings.drift, delivery=self._settings.delivery, fault=fault)
            return answers.draw(job, number, manner)
        except (OSError, SyntaxError) as error:
            message = "Invalid image file or mode for 'image', please check your image file."
            raise ApiError(400, message, param="image", code="invalid_image_file") from error

    def _entry(self, job: Job, fault: str, drawn: answers.Drawn) -> answers.Entry:
        data = drawn.data
        if fault == "jpeg for png":
            data = answers.as_other_format(drawn, job)
        if self._settings.chain is not None:
            from .credentials import signed  # noqa: PLC0415 - 23 MB of native code, for those who ask for it

            data = signed(data, self._settings.chain)
        if fault == "half png":
            data = data[: len(data) // 2]
        if fault == "url only":
            return {"url": f"{self.base_url}/_simulator/pictures/{self._shelve(data)}"}
        text = answers.b64(data)
        if fault == "bad base64":
            text = text[: len(text) // 2] + "!*?" + text[len(text) // 2 :]
        return {"b64_json": None if fault == "null data" else text}

    def _shelve(self, data: bytes) -> str:
        """Keeps a picture for its URL, the latest few."""
        with self._lock:
            self._shelved += 1
            name = f"{self._shelved:06d}"
            while len(self._shelf) >= _KEPT_IMAGES:
                self._shelf.pop(next(iter(self._shelf)))
            self._shelf[name] = data
        return name

    def shelved(self, name: str) -> bytes | None:
        """The picture behind a URL of the fault `url only`."""
        with self._lock:
            return self._shelf.get(name)

    def _streamed(
        self, job: Job, fault: str, drawn: Iterator[answers.Drawn], timeout: float | None
    ) -> Iterator[answers.Streamed]:
        """For each picture, its partials and its final entry, each after its share of the latency."""
        pause = self._settings.latency / (job.partial_images + 1) if not fault else 0.0
        for image in drawn:
            yield self._previews(job, image, pause, timeout), self._final(job, fault, image, pause, timeout)

    def _previews(self, job: Job, drawn: answers.Drawn, pause: float, timeout: float | None) -> Iterator[bytes]:
        for data in answers.partials(job, drawn):
            wait(pause, timeout, self._settings.sleep)
            yield data

    def _final(
        self, job: Job, fault: str, drawn: answers.Drawn, pause: float, timeout: float | None
    ) -> Iterator[answers.Entry]:
        wait(pause, timeout, self._settings.sleep)
        yield self._entry(job, fault, drawn)

    def line(self, url: str, body: Mapping[str, Any]) -> LineAnswer:
        """The answer to one line of a batch."""
        endpoint: Endpoint = "edit" if url.endswith("edits") else "generation"
        request_id = f"req_batch_{answers.digest(url, body)}"
        try:
            job, _ = self._job(endpoint, dict(body), [], request_id)
            if job.stream:
                raise ApiError(400, "'stream' is not supported in a batch.", param="stream", code="invalid_value")
            drawn = self._drawn(job, job.n, "")
        except ApiError as error:
            chunks = iter([answers.compact(error.body)])
            return LineAnswer(status=error.status, chunks=chunks, usage={}, images_billed=0)
        entries = (self._entry(job, "", image) for image in drawn)
        chunks = answers.json_chunks(job, entries, int(self._settings.clock()), job.n)
        return LineAnswer(status=200, chunks=chunks, usage=answers.usage(job, job.n), images_billed=job.n)


def _stop(fault: str) -> str:
    return fault.removeprefix("stream ") if fault in ("stream cut", "stream error") else ""
