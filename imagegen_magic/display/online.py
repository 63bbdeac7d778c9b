"""What a server says of itself when it is asked: whether it answers, takes the key, and which models it lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from imagegen_magic.errors import AuthenticationError, CallError, Command, Fix, Setting
from imagegen_magic.facts.catalog import Catalog
from imagegen_magic.redaction import redact

__all__ = ["online_rows"]

Row = tuple[str, str, str]
SOON = 90
"""Days before its end from which a model's row warns."""


def online_rows(
    ask: Callable[[], Mapping[str, date | None]], catalog: Catalog, wanted: str, *, today: date | None = None
) -> list[Row]:
    """Rows for the doctor: the server, the key, the model that is set, and what the catalog does not know.

    Args:
        ask: asks the server for its models and their last days; may raise `CallError`.
        catalog: what is known without asking.
        wanted: the id of the model that is set.
        today: the day that counts as today.
    """
    try:
        listed = ask()
    except AuthenticationError as error:
        return [("online: key", "fail", redact(error.summary))]
    except CallError as error:
        return [_unanswered(error)]
    day = today or date.today()  # noqa: DTZ011 - the calendar's day
    return [
        (
            "online: server",
            "ok",
            f"it answered and lists {len(listed)} model{'' if len(listed) == 1 else 's'}; the key was taken, if it asks for one",
        ),
        _model(listed, wanted, day),
        *_differences(listed, catalog),
    ]


def _unanswered(error: CallError) -> Row:
    """A server that does not list its models may make images all the same."""
    if error.status in (404, 405, 501):
        return "online: server", "warn", "it answered, but has no list of models; that says nothing about its images"
    return "online: server", "fail", redact(error.summary)


def _model(listed: Mapping[str, date | None], wanted: str, today: date) -> Row:
    if wanted not in listed:
        fix = Fix(f"{wanted} is not listed for this key: ", Command("models"), " or ", Setting("--model", "ID"))
        return "online: model", "warn", fix
    ends = listed[wanted]
    if ends is None:
        return "online: model", "ok", f"{wanted} is listed, without an end date"
    left = (ends - today).days
    if left < 0:
        return (
            "online: model",
            "warn",
            Fix(f"{wanted} ended on {ends}: ", Command("models"), " or ", Setting("--model", "ID")),
        )
    return "online: model", "warn" if left <= SOON else "ok", f"{wanted} ends on {ends}, in {left} days"


def _differences(listed: Mapping[str, date | None], catalog: Catalog) -> Iterator[Row]:
    """Last days that the server gives and the catalog has otherwise."""
    for name, ends in sorted(listed.items()):
        known = catalog.find(name)
        if known is not None and ends is not None and ends != known.ends:
            before = f"the catalog of {known.checked} says {known.ends or 'none'}"
            yield f"online: {name}", "warn", f"the server says that it ends on {ends}; {before}"
