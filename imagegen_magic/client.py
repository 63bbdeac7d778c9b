"""Temporary direct client; see the next commit."""

from __future__ import annotations

import base64
import hashlib
import struct
import threading
import time
from typing import Any

from .errors import AnswerError, AuthenticationError, BadRequestError, CallError
from .request import ImageRequest
from .response import ImageResponse, OnEvent, Partial, Payload, Sending, Spool, Usage


class Client:
    def __init__(self, *, backend="openai", base_url=None, timeout=300.0, deadline=600.0, retries=4, retry_ambiguous=0, dialect=None, simulator=None):
        self.backend, self.base_url, self.timeout = backend, base_url, timeout
        self._client = None
        self._simulator = simulator
        self.server = "simulator" if backend == "simulator" else (base_url or "api.openai.com")

    def client(self):
        import os
        import httpx2, openai
        if self._client is None:
            if self.backend == "simulator":
                from .simulator import Request, Simulator
                sim = self._simulator or Simulator()
                def handler(request):
                    r = sim.handle(Request(request.method, request.url.raw_path.decode(), dict(request.headers), request.read()))
                    return httpx2.Response(r.status, headers=r.headers, content=b"".join(r.chunks))
                self._client = openai.OpenAI(api_key="simulator", base_url="http://simulator.invalid/v1", max_retries=0, http_client=httpx2.Client(transport=httpx2.MockTransport(handler)))
            else:
                if not os.environ.get("OPENAI_API_KEY"):
                    raise AuthenticationError("no API key", outcome="not sent", hints=("set OPENAI_API_KEY", "--backend simulator", "--dry-run"))
                self._client = openai.OpenAI(base_url=self.base_url, max_retries=0, timeout=self.timeout)
        return self._client

    def send(self, request: ImageRequest, *, spool: Spool, on_event: OnEvent, cancel: threading.Event | None = None, index: int = 0) -> ImageResponse:
        import openai
        start = time.monotonic()
        on_event(Sending(index=index, attempt=1))
        args: dict[str, Any] = request.wire()
        extra = dict(request.extra)
        method = self.client().images.generate
        if request.images:
            method = self.client().images.edit
            args["image"] = [(i.name, i.data, i.mime) for i in request.images]
            for n in ("mask", "markup"):
                if (p := getattr(request, n)) is not None:
                    args[n] = (p.name, p.data, p.mime)
            if "moderation" in args:
                extra["moderation"] = args.pop("moderation")
        if request.partial_images:
            args |= {"stream": True, "partial_images": request.partial_images}
        try:
            answer = method(**args, extra_body=extra or None)
            if request.partial_images:
                finals = []
                for e in answer:
                    if e.type.endswith("partial_image"):
                        on_event(Partial(index=index, data=base64.b64decode(e.b64_json), number=e.partial_image_index, elapsed=time.monotonic() - start))
                    elif e.type.endswith("completed"):
                        finals.append(e)
                datas = [f.b64_json for f in finals]; meta = finals[-1]
            else:
                datas = [d.b64_json for d in answer.data]; meta = answer
        except openai.APIStatusError as e:
            raise BadRequestError(str(e.message), status=e.status_code, code=e.code, request_id=e.request_id) from None
        payloads = []
        for d in datas:
            raw = base64.b64decode(d)
            form = {b"\x89PNG": "png", b"\xff\xd8\xff\xe0": "jpeg", b"RIFF": "webp"}.get(raw[:4], "jpeg" if raw[:2] == b"\xff\xd8" else "gif")
            path, f = spool.open({"png": ".png", "jpeg": ".jpg", "webp": ".webp", "gif": ".gif"}[form])
            with f:
                f.write(raw)
            size = struct.unpack(">II", raw[16:24]) if form == "png" else None
            payloads.append(Payload(path=path, sha256=hashlib.sha256(raw).hexdigest(), bytes=len(raw), format=form, size=size))
        u = meta.usage
        usage = Usage(input_tokens=u.input_tokens, text_input_tokens=u.input_tokens_details.text_tokens, image_input_tokens=u.input_tokens_details.image_tokens, output_tokens=u.output_tokens, total_tokens=u.total_tokens) if u else None
        return ImageResponse(payloads=tuple(payloads), server=self.server, usage=usage, request_id=getattr(meta, "_request_id", None), resolved={n: getattr(meta, n) for n in ("size", "quality", "background", "output_format") if getattr(meta, n, None)}, seconds=time.monotonic() - start)
