"""Files and batches through the SDK: upload, create, ask, cancel, download. Errors come out as ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import openai

from imagegen_magic.request.request import InputImage

from .http_errors import status_error, transport_error

__all__ = ["BatchCalls", "mapped_errors"]

CHUNK = 1 << 20
KEPT_SECONDS = 30 * 86_400
RETRIES = 4
"""For everything but the making of a batch, which alone is billed."""


class BatchCalls:
    """The Batch API of one server. Nothing is billed by these calls but by the batch itself."""

    def __init__(self, sdk: openai.OpenAI) -> None:
        self._once = sdk
        self._sdk = sdk.with_options(max_retries=RETRIES)

    def upload(self, path: Path) -> str:
        """The file id of an uploaded JSONL file of requests."""
        with mapped_errors(), path.open("rb") as stream:
            return self._sdk.files.create(file=(path.name, stream, "application/jsonl"), purpose="batch").id

    def upload_image(self, image: InputImage) -> str:
        """The file id of a picture that edits refer to; the server forgets it after 30 days, as it does batch files."""
        with mapped_errors():
            file = (image.name, image.data, image.mime)
            expiry: Any = {"anchor": "created_at", "seconds": KEPT_SECONDS}
            return self._sdk.files.create(file=file, purpose="vision", expires_after=expiry).id

    def create(self, file_id: str, endpoint: str, tag: str) -> str:
        """The id of a new batch; `tag` goes into its metadata, by which a lost answer is found again."""
        with mapped_errors():
            batch = self._once.batches.create(
                input_file_id=file_id,
                endpoint=endpoint,  # type: ignore[arg-type]
                completion_window="24h",
                metadata={"imagegen_magic": tag},
            )
            return batch.id

    def find(self, tag: str) -> str | None:
        """The id of the newest batch with that tag, or None."""
        with mapped_errors():
            for batch in self._sdk.batches.list(limit=100):
                if (batch.metadata or {}).get("imagegen_magic") == tag:
                    return batch.id
        return None

    def get(self, batch_id: str) -> dict[str, Any]:
        """The batch object: `status`, `request_counts`, `output_file_id`, `error_file_id`, `errors`."""
        with mapped_errors():
            return self._sdk.batches.retrieve(batch_id).model_dump()

    def cancel(self, batch_id: str) -> None:
        """Asks the server to stop; what is done by then is billed and can be collected."""
        with mapped_errors():
            self._sdk.batches.cancel(batch_id)

    def download(self, file_id: str, stream: BinaryIO) -> None:
        """Writes a file's bytes to `stream` as they come."""
        with mapped_errors(), self._sdk.files.with_streaming_response.content(file_id) as response:
            stream.writelines(response.iter_bytes(CHUNK))


def _forget_key(error: openai.APIError) -> None:
    """Takes the key off the request that the SDK's error holds: a pickled error of ours may bring it along."""
    for name in ("authorization", "api-key"):
        error.request.headers.pop(name, None)


@contextlib.contextmanager
def mapped_errors() -> Iterator[None]:
    """The SDK's errors as ours."""
    try:
        yield
    except openai.APIStatusError as error:
        _forget_key(error)
        raise status_error(
            error.status_code, error.body or error.response.content, dict(error.response.headers)
        ) from None
    except openai.APIConnectionError as error:
        _forget_key(error)
        raise transport_error(error.__cause__ or error, 0.0) from None
