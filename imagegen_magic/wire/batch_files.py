"""Files and batches through the SDK: upload, create, ask, cancel, download. Errors come out as ours."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar

import openai

from imagegen_magic.errors import AnswerError
from imagegen_magic.request.request import InputImage

from .sdk_errors import SDK_ERRORS, our_error

__all__ = ["BatchCalls", "mapped_errors"]

P = ParamSpec("P")
T = TypeVar("T")

CHUNK = 1 << 20
KEPT_SECONDS = 30 * 86_400
RETRIES = 4
"""For everything but the making of a batch, which alone is billed."""


def mapped_errors(call: Callable[P, T]) -> Callable[P, T]:
    """The call, with the SDK's errors as ours."""

    @wraps(call)
    def mapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except SDK_ERRORS as error:
            failure = our_error(error)
        except (ValueError, TypeError, AttributeError, RecursionError):  # the SDK's reading of what it does not know
            failure = _foreign()
        raise failure  # outside of the handlers: see `sdk_errors`

    return mapped


def _foreign() -> AnswerError:
    return AnswerError("the server's answer can't be read", hints=(ADDRESS_HINT,))


ADDRESS_HINT = "another server than OpenAI's may not know this call; base_url usually ends in /v1"


def _id_of(made: Any) -> str:
    """The id of a file or a batch.

    Raises:
        AnswerError: it has none; a gateway answered with something else.
    """
    found = getattr(made, "id", None)
    if not isinstance(found, str) or not found:
        raise _foreign()
    return found


class BatchCalls:
    """The Batch API of one server. Nothing is billed by these calls but by the batch itself."""

    def __init__(self, sdk: openai.OpenAI) -> None:
        self._once = sdk
        self._sdk = sdk.with_options(max_retries=RETRIES)

    @mapped_errors
    def upload(self, path: Path) -> str:
        """The file id of an uploaded JSONL file of requests."""
        with path.open("rb") as stream:
            return _id_of(self._sdk.files.create(file=(path.name, stream, "application/jsonl"), purpose="batch"))

    @mapped_errors
    def upload_image(self, image: InputImage) -> str:
        """The file id of a picture that edits refer to; the server forgets it after 30 days, as it does batch files."""
        file = (image.name, image.data, image.mime)
        expiry: Any = {"anchor": "created_at", "seconds": KEPT_SECONDS}
        return _id_of(self._sdk.files.create(file=file, purpose="vision", expires_after=expiry))

    @mapped_errors
    def create(self, file_id: str, endpoint: str, tag: str) -> str:
        """The id of a new batch; `tag` goes into its metadata, by which a lost answer is found again."""
        batch = self._once.batches.create(
            input_file_id=file_id,
            endpoint=endpoint,  # type: ignore[arg-type]
            completion_window="24h",
            metadata={"imagegen_magic": tag},
        )
        return _id_of(batch)

    @mapped_errors
    def find(self, tag: str) -> str | None:
        """The id of the newest batch with that tag, or None."""
        for batch in self._sdk.batches.list(limit=100):
            if (batch.metadata or {}).get("imagegen_magic") == tag:
                return _id_of(batch)
        return None

    @mapped_errors
    def get(self, batch_id: str) -> dict[str, Any]:
        """The batch object: `status`, `request_counts`, `output_file_id`, `error_file_id`, `errors`."""
        batch = self._sdk.batches.retrieve(batch_id)
        if not isinstance(getattr(batch, "status", None), str):
            raise _foreign()
        return batch.model_dump()

    @mapped_errors
    def cancel(self, batch_id: str) -> None:
        """Asks the server to stop; what is done by then is billed and can be collected."""
        self._sdk.batches.cancel(batch_id)

    @mapped_errors
    def download(self, file_id: str, stream: BinaryIO) -> None:
        """Writes a file's bytes to `stream` as they come."""
        with self._sdk.files.with_streaming_response.content(file_id) as response:
            stream.writelines(response.iter_bytes(CHUNK))
