"""The floor of the wire: libzmq alone, with messages of the sizes that Daybook sends for a deposit."""

from __future__ import annotations

from uuid import UUID

from bench import native
from bench.context import Context
from bench.measurement import Case, Label
from daybook_frames import HEAD, HEADER, Event, Write, append_body

NAME = "libzmq"
REQUESTS, EVENTS = "DEALER-ROUTER", "XPUB-SUB"
_STREAM, _TYPE, _DATA = "account/acc-50000", "MoneyDeposited", b'{"amount":"500.00"}'
_REQUEST = HEAD.size + len(append_body([Write(_STREAM, 1, [Event(UUID(int=7), _TYPE, _DATA)], UUID(int=7))]))
# Result, position, time, one version (specification, section 6.3).
_REPLY = HEAD.size + 1 + 8 + 8 + 2 + 8
_EVENT = (len(f"account/{_TYPE}/acc-50000/"), HEADER.size, len(_DATA))


def events(rate: float, seconds: float) -> dict:
    """What `wire_events` prints; rate 0 is as fast as it goes."""
    return native.run("wire_events", *_EVENT, rate, seconds, seconds=seconds)


def cases(_: Context) -> list[Case]:
    def requests(seconds: float, in_flight: int):
        return native.measurement(native.run("wire_requests", _REQUEST, _REPLY, in_flight, seconds, seconds=seconds))

    return [
        *(
            Case(Label(NAME, REQUESTS, width), lambda seconds, width=width: requests(seconds, width))
            for width in (1, 64)
        ),
        Case(Label(NAME, EVENTS), lambda seconds: native.measurement(events(0, seconds))),
    ]
