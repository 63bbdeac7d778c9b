"""An offline Images API: request bytes in, response bytes out; `.server` puts the same thing on a loopback socket."""

from __future__ import annotations

from .api import Simulator
from .faults import FAULTS, Fault, parse_faults
from .wire import Arrival, Disconnect, Part, Request, Response, Stalled

__all__ = [
    "FAULTS",
    "Arrival",
    "Disconnect",
    "Fault",
    "Part",
    "Request",
    "Response",
    "Simulator",
    "Stalled",
    "parse_faults",
]
