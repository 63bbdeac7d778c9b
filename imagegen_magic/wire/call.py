"""One request on its way: sent by the SDK, received byte by byte, taken apart and checked.

An answer's body goes to a spool file as it arrives, before anything looks at it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
import openai

from imagegen_magic.errors import AnswerError, CallError
from imagegen_magic.jobs.result import shown_path
from imagegen_magic.request.request import ImageRequest
from imagegen_magic.request.response import ImageResponse, OnEvent, Partial, Received, Spool

from .answers import ParsedResponse, accept_text, check_answer, parse_json_answer, read_usage
from .events import EventStream, looks_like_stream
from .fetching import fetch_image
from .http_errors import error_in_answer, is_web_page, read_request_id, transport_error, web_page_error
from .multipart import is_multipart, parse_parts
from .sdk_errors import SDK_ERRORS, our_error
from .shapes import holds_image
from .spool_body import SpooledBody, decoded

if TYPE_CHECKING:
    from .client import Client

__all__ = ["Call"]

CHUNK = 1 << 16
TRANSPORT_MODULES = ("httpx2", "httpcore2", "httpx", "httpcore", "openai", "ssl")
"""Where the exceptions of a broken connection come from."""
RESOLVED = ("size", "quality", "background", "output_format")


def _is_stream(headers: Mapping[str, str]) -> bool:
    return "text/event-stream" in headers.get("content-type", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """An answer as it came, in the spool."""

    status: int
    headers: Mapping[str, str]
    body: SpooledBody
    events: EventStream | None
    """Its events so far, if it is a stream."""
    broke: CallError | None
    """How it broke off, if it did."""


class Call:
    """One request and its attempts."""

    def __init__(
        self,
        client: Client,
        request: ImageRequest,
        spool: Spool,
        on_event: OnEvent,
        index: int,
        started: float,
    ) -> None:
        self.client, self.request, self.spool, self.on_event, self.index = client, request, spool, on_event, index
        self.started = started
        self.seconds = 0.0
        """From the start to the last byte that came."""

    def attempt(self, number: int, received: Received) -> ImageResponse:
        """One attempt: the answer, or the error as ours. The SDK's own errors never leave this room."""
        arguments, notes = self.client.arguments(self.request)
        try:
            return self._received(self._sent(arguments), number, notes, received)
        except CallError:
            raise
        except SDK_ERRORS as error:
            gateway, address = self.client.dialect.gateway, self.client.named_address
            failure = our_error(error, self.elapsed(), gateway=gateway, address=address)
        raise failure  # outside of the handler: see `sdk_errors`

    def elapsed(self) -> float:
        """Seconds since the request was taken up."""
        return time.monotonic() - self.started

    def _sent(self, arguments: Mapping[str, Any]) -> Arrived:
        """Sends the request and waits for its whole answer; the connection is free for the next request then."""
        with self.client.lent() as sdk:
            images = sdk.images.with_streaming_response
            try:
                with (images.edit if self.request.images else images.generate)(**arguments) as response:
                    return self._spooled(response)
            except openai.APIStatusError as error:
                if error.response.has_redirect_location or not holds_image(error.response.content):
                    raise
                return self._refused(error.response)

    def _refused(self, response: httpx2.Response) -> Arrived:
        """An answer that holds images although its status is that of an error: they were made, and may be billed."""
        body = SpooledBody(self.spool)
        body.write(response.content)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Arrived(status=response.status_code, headers=headers, body=body, events=None, broke=None)

    def _spooled(self, response: Any) -> Arrived:
        """The answer, every byte of it in a file before it is read, of a stream too.

        After the first byte has come, no deadline drops the rest.
        """
        headers = {name.lower(): value for name, value in response.headers.items()}
        body = SpooledBody(self.spool)
        events = EventStream(self.spool, self._partial) if _is_stream(headers) else None
        broke: CallError | None = None
        try:
            for piece in self._chunks(response):
                body.write(piece)
                if events is not None:
                    events.feed(piece)
        except CallError as error:
            broke = error
        return Arrived(status=response.status_code, headers=headers, body=body, events=events, broke=broke)

    def _received(self, arrived: Arrived, number: int, notes: list[str], received: Received) -> ImageResponse:
        """Takes an answer apart and checks what it is."""
        headers, body, broke = arrived.headers, arrived.body, arrived.broke
        request_id = read_request_id(headers)
        self.seconds = self.elapsed()
        received(headers)
        events, answer = self._taken_apart(arrived)
        self._raise_if_lost(broke, events, answer, body, request_id)
        if events is None and answer.broken and not answer.payloads and is_web_page(body, headers):
            body.discard()
            raise web_page_error(arrived.status, self.client.address)
        if events is None and self.request.partial_images and "stream" in self.client.arguments(self.request)[0]:
            notes = [*notes, "the server answered in one piece although live previews were asked for"]
        self._fetch(answer)
        if not httpx2.codes.is_success(arrived.status):
            notes = [*notes, f"the server's status was {arrived.status}, as if it had failed"]
        notes = [*notes, *check_answer(answer, self.request, body, request_id)]
        body.discard()
        return self._response(answer, headers, number, notes)

    def _taken_apart(self, arrived: Arrived) -> tuple[EventStream | None, ParsedResponse]:
        """The stream and its answer, whatever the server called it: JSON labelled as a stream, and a stream as JSON."""
        events, body = arrived.events, arrived.body
        if events is None and looks_like_stream(body):
            events, stream = EventStream(self.spool, self._partial), body.read()
            while piece := stream.read(CHUNK):
                events.feed(piece)
        if events is not None:
            events.close()
            if events.count:
                if not (events.completed or events.error):
                    accept_text(body, events.answer, self.spool)
                return events, events.answer
        if is_multipart(arrived.headers, body):
            return None, parse_parts(body, arrived.headers, self.spool)
        answer = parse_json_answer(body, self.spool)
        if answer.broken and not (answer.payloads or answer.kept or answer.unsaved):
            lines = EventStream(self.spool, self._partial)
            lines.accept_text(body)
            if lines.completed or lines.error:
                return lines, lines.answer
        if answer.broken:
            accept_text(body, answer, self.spool)
        return None, answer

    def _raise_if_lost(
        self,
        broke: CallError | None,
        events: EventStream | None,
        answer: ParsedResponse,
        body: SpooledBody,
        request_id: str | None,
    ) -> None:
        """Ends a call whose answer broke off without a single picture; what came is kept."""
        if answer.payloads or answer.unsaved:
            if broke is not None:
                answer.faults.append(broke.summary)
            if events is not None and events.error is not None:
                answer.faults.append(f"the stream ended with an error ({str(dict(events.error))[:120]})")
            return
        said = answer.error if events is None else events.error
        if said and not answer.urls:
            error = error_in_answer(said, gateway=self.client.dialect.gateway)
            error.request_id = request_id
            if events is None and error.outcome == "ambiguous" and (aside := body.keep("answer-with-error")):
                error.kept = (shown_path(aside),)
            body.discard()
            raise error
        if broke is not None:
            if aside := body.keep("cut-answer"):
                broke.kept = (shown_path(aside),)
            broke.request_id = request_id
            raise broke
        if events is not None and not answer.urls:
            kept = [*answer.kept, *([aside] if (aside := body.keep("stream-without-image")) else [])]
            hints = ("previews are never kept as results; look at your usage page before paying again",)
            raise AnswerError(
                "the stream ended without its final picture",
                request_id=request_id, hints=hints, kept=tuple(map(shown_path, kept)),
            )  # fmt: skip

    def _chunks(self, response: Any) -> Iterator[bytes]:
        """The body's pieces as they come."""
        try:
            # As it comes: filling up a chunk would lose what a cut leaves over.
            yield from decoded(response.http_response.iter_raw(), response.headers.get("content-encoding", ""))
        except Exception as error:
            if type(error).__module__.split(".")[0] not in TRANSPORT_MODULES:
                raise
            raise transport_error(error, self.elapsed()) from None

    def _partial(self, data: bytes, number: int) -> None:
        self.on_event(Partial(index=self.index, data=data, number=number, elapsed=self.elapsed()))

    def _fetch(self, answer: ParsedResponse) -> None:
        """Fetches images that came as addresses; one that can't be had stays in the card, because it is paid for."""
        for url in answer.urls:
            fetch_image(url, self.client.address, answer, self.spool)

    def _response(
        self, answer: ParsedResponse, headers: Mapping[str, str], number: int, notes: list[str]
    ) -> ImageResponse:
        created = answer.fields.get("created") or answer.fields.get("created_at")
        limits = {
            name: value for name, value in headers.items() if name.startswith("x-ratelimit-") or name == "retry-after"
        }
        return ImageResponse(
            payloads=tuple(answer.payloads),
            server=self.client.server,
            usage=read_usage(answer.usage, answer.svg_usage or None),
            request_id=read_request_id(headers),
            created=created if isinstance(created, int) else None,
            resolved={name: str(answer.fields[name]) for name in RESOLVED if answer.fields.get(name)},
            seconds=self.seconds,
            attempts=number,
            headers=limits,
            warnings=tuple(dict.fromkeys(notes)),
        )
