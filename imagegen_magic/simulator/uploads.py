"""The pictures of an edit: each checked by its declared type, its header and its size."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from imagegen_magic.facts.catalog import Model

from .encoding import opened
from .reader import bad
from .wire import ApiError, Upload

__all__ = ["Endpoint", "pixels", "read_images"]

Endpoint = Literal["generation", "edit"]

_INPUT_MIMES = ("image/jpeg", "image/png", "image/webp")
_MAX_INPUT_BYTES = 50 * 1024 * 1024
_MAX_PIXELS = 100_000_000


def pixels(data: bytes) -> tuple[int, int]:
    """(width, height) of an encoded picture after EXIF orientation, from its header alone."""
    with opened(data) as image:
        width, height = image.size
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


def read_images(
    endpoint: Endpoint, uploads: Collection[Upload], model: Model, most: int, output_format: str
) -> tuple[tuple[Upload, ...], Upload | None, Upload | None]:
    """The pictures of an edit, the mask and the markup, each checked."""
    if endpoint == "generation":
        return (), None, None
    for upload in uploads:
        if upload.field not in ("image", "mask", "markup"):
            name = upload.field
            raise ApiError(400, f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
    images = tuple(upload for upload in uploads if upload.field == "image")
    if not images:
        raise ApiError(400, "Missing required parameter: 'image'.", param="image", code="missing_required_parameter")
    if len(images) > most:
        message = f"Invalid 'image': too many items. Expected a maximum of {most}, but got {len(images)} instead."
        raise bad(message, "image", "array_above_max_length")
    for upload in images:
        _check_image(upload, "image", _INPUT_MIMES)
    overlays = []
    for name in ("mask", "markup"):
        given = [upload for upload in uploads if upload.field == name]
        overlays.append(_overlay(name, given[0], images[0]) if given else None)
    mask, markup = overlays
    if mask is not None and output_format == "gif":
        raise bad("'mask' is not supported when 'output_format' is 'gif'.", "mask")
    if markup is not None and (mask is not None or not model.markup):
        why = "can not be used together with 'mask'" if mask is not None else "is not supported for this model"
        raise bad(f"'markup' {why}.", "markup", "invalid_value" if mask is not None else "unsupported_parameter")
    return images, mask, markup


def _overlay(name: str, upload: Upload, first: Upload) -> Upload:
    """A mask or markup that is a PNG with alpha of the first picture's size."""
    _check_image(upload, name, ("image/png",))
    if pixels(upload.data) != pixels(first.data):
        raise bad(f"Invalid {name} image format - {name} size does not match image size.", name, "invalid_image_format")
    with opened(upload.data) as image:
        if not image.has_transparency_data:
            raise bad(
                f"Invalid {name} image format - {name} image missing alpha channel.", name, "invalid_image_format"
            )
    return upload


def _is_image(data: bytes) -> bool:
    try:
        pixels(data)
    except Exception:  # noqa: BLE001 - Pillow's decoders raise many kinds for bytes that are no picture
        return False
    return True


def _check_image(upload: Upload, param: str, mimes: tuple[str, ...]) -> None:
    if upload.param and (upload.mime not in mimes or not _is_image(upload.data)):
        raise bad("Invalid image data.", upload.param, "invalid_image_file", kind="image_generation_user_error")
    if upload.mime not in mimes:
        *most, last = [f"'{mime}'" for mime in mimes]
        listed = f"{', '.join(most)}, and {last}" if most else last
        message = (
            f"Invalid file '{param}': unsupported mimetype ('{upload.mime}'). Supported file formats are {listed}."
        )
        raise bad(message, param, "unsupported_file_mimetype")
    if len(upload.data) >= _MAX_INPUT_BYTES:
        raise ApiError(
            413, f"Invalid file '{param}': file is too large (maximum 50MB).", param=param, code="file_too_large"
        )
    try:
        width, height = pixels(upload.data)
        fits = width * height <= _MAX_PIXELS
    except Exception as error:  # Pillow's decoders raise many kinds for bytes that are no picture
        raise bad(
            f"Invalid image file or mode for '{param}', please check your image file.", param, "invalid_image_file"
        ) from error
    if not fits:
        raise bad(f"Invalid file '{param}': image has too many pixels.", param, "invalid_image_file")
