"""Typed access to the fields of a request, and the service's words for what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from .wire import ApiError, FormText

__all__ = ["Reader", "bad", "wrong_type", "wrong_value"]


class Reader:
    """Typed access to the fields of a request, with the service's refusals.

    A JSON value has to be of the field's own type, as the API's specification has it (2026-08-21): `"2"` is not an integer.
    Only the text of a form stands for other types.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {name: value for name, value in values.items() if value is not None}

    def refuse_unknown(self, known: Collection[str]) -> None:
        for name in self.values:
            if name not in known:
                raise ApiError(400, f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")

    def text(self, name: str, *, required: bool = False, longest: int = 32_000) -> str:
        value = self.values.get(name)
        if value is None or value == "":
            if required:
                raise ApiError(
                    400, f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
                )
            return ""
        if not isinstance(value, str):
            raise wrong_type(name, "a string", value)
        if len(value) > longest:
            raise ApiError(
                400,
                f"Invalid '{name}': string too long. Expected a string with maximum length {longest}, but got a string "
                f"with length {len(value)} instead.",
                param=name,
                code="string_above_max_length",
            )
        return value

    def optional_text(self, name: str, *, longest: int) -> str | None:
        return self.text(name, longest=longest) or None

    def choice(self, name: str, allowed: Collection[str], default: str) -> str:
        value = self.text(name) if name in self.values else default
        if value not in allowed:
            raise wrong_value(name, value, allowed)
        return value

    def whole(self, name: str, low: int, high: int, default: int) -> int:
        value = self.values.get(name, default)
        if isinstance(value, FormText) and re.fullmatch(r"-?\d{1,9}", value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(name, "an integer", value)
        if not low <= value <= high:
            side, sign, bound = ("above maximum", "<=", high) if value > high else ("below minimum", ">=", low)
            raise ApiError(
                400,
                f"Invalid '{name}': integer {side} value. Expected a value {sign} {bound}, but got {value} instead.",
                param=name,
                code=f"integer_{side.replace(' ', '_').removesuffix('imum')}_value",
            )
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if isinstance(value, FormText) and value.lower() in ("true", "false"):
            value = value.lower() == "true"
        if not isinstance(value, bool):
            raise wrong_type(name, "a boolean", value)
        return value


def wrong_type(name: str, expected: str, value: object) -> ApiError:
    words = {
        bool: "a boolean",
        int: "an integer",
        float: "a decimal number",
        str: "a string",
        FormText: "a string",
        list: "an array",
        dict: "an object",
        type(None): "null",
    }
    got = words[type(value)]
    message = f"Invalid type for '{name}': expected {expected}, but got {got} instead."
    return ApiError(400, message, param=name, code="invalid_type")


def wrong_value(name: str, value: str, allowed: Collection[str]) -> ApiError:
    *most, last = [f"'{choice}'" for choice in allowed] or ["''"]
    listed = f"{', '.join(most)}{',' if len(most) > 1 else ''} and {last}" if most else last
    return ApiError(400, f"Invalid value: '{value}'. Supported values are: {listed}.", param=name, code="invalid_value")


def bad(message: str, param: str, code: str = "invalid_value", kind: str = "invalid_request_error") -> ApiError:
    return ApiError(400, message, kind=kind, param=param, code=code)
