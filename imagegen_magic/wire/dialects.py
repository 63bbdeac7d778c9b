"""What differs between servers that speak the Images API: read from `servers.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from imagegen_magic.errors import Fix, OptionError, Problem, Setting
from imagegen_magic.options.address import host_of
from imagegen_magic.request.request import ImageRequest

__all__ = ["Dialect", "dialect_of", "load_dialects", "spell_request"]

_KEYS = ("response_format", "size_auto", "streams", "gateway", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One server's habits."""

    name: str
    hosts: tuple[str, ...] = ()
    response_format: str = ""
    omit: tuple[str, ...] = ()
    refuses_formats: tuple[str, ...] = ()
    refuses_inputs: Mapping[str, str] = field(default_factory=dict)
    """`mask` or `markup`, and why."""
    size_auto: bool = True
    streams: bool = True
    gateway: bool = False
    """It passes requests on, so that its refusal does not say that nothing was made."""
    note: str = ""


@cache
def load_dialects() -> dict[str, Dialect]:
    """Every dialect by name."""
    data = tomllib.loads(files("imagegen_magic.facts").joinpath("servers.toml").read_text(encoding="utf-8"))
    return {
        name: Dialect(
            name=name,
            hosts=tuple(entry["hosts"]),
            omit=tuple(entry.get("omit", ())),
            refuses_formats=tuple(entry.get("refuses_formats", ())),
            refuses_inputs=entry.get("refuses_inputs", {}),
            **{key: entry[key] for key in _KEYS if key in entry},
        )
        for name, entry in data.items()
    }


def dialect_of(name: str | None, base_url: str | None) -> Dialect:
    """The dialect of that name, else the one that the address tells; OpenAI's if there is no address.

    Raises:
        OptionError: there is no dialect of that name.
    """
    known = load_dialects()
    if name:
        if name not in known:
            problem = Problem(
                field="dialect", value=name, rule=f"one of {', '.join(known)}", fix=Fix(Setting("--dialect", "generic"))
            )
            raise OptionError("no such dialect", problems=(problem,))
        return known[name]
    if not base_url:
        return known["openai"]
    host = host_of(base_url)
    return next((d for d in known.values() if any(part in host for part in d.hosts)), known["generic"])


def spell_request(request: ImageRequest, dialect: Dialect) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The SDK's arguments for `request` in this dialect, its extra body, and what was left out, in sentences.

    Raises:
        OptionError: the server can't do what is asked for.
    """
    _refuse(request, dialect)
    arguments = request.wire()
    extra: dict[str, Any] = dict(request.extra)
    left_out = [name for name in dialect.omit if arguments.pop(name, None) is not None]
    notes = [f"{name} was left out: {dialect.name} does not take it" for name in left_out]
    if arguments.get("size") == "auto" and not dialect.size_auto:
        del arguments["size"]
        notes.append(f"size auto was left out: {dialect.name} does not take it")
    if dialect.response_format:
        extra["response_format"] = dialect.response_format
    if request.images and "moderation" in arguments:
        extra["moderation"] = arguments.pop("moderation")  # the SDK's edit has no such argument (openai 3.54.0)
    if request.partial_images and dialect.streams:
        arguments |= {"stream": True, "partial_images": request.partial_images}
    elif request.partial_images:
        notes.append(f"no live previews: {dialect.name} does not stream")
    return arguments, extra, notes


def _refuse(request: ImageRequest, dialect: Dialect) -> None:
    """Stops what the server is known not to take."""
    problems = []
    if request.output_format in dialect.refuses_formats:
        rule = f"{dialect.name} does not make it"
        fix = Fix(Setting("--output-format", "png"))
        problems.append(Problem(field="output_format", value=request.output_format, rule=rule, fix=fix))
    for name, why in dialect.refuses_inputs.items():
        if (image := getattr(request, name)) is not None:
            rule = f"{dialect.name} does not take it: {why}"
            problems.append(Problem(field=name, value=image.name, rule=rule, fix=f"leave the {name} out"))
    if problems:
        raise OptionError("this server can't do that", problems=tuple(problems))
