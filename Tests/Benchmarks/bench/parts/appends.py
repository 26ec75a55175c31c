"""Appends over ZeroMQ, to an event log that runs alone, each with the version that its stream must have."""

from __future__ import annotations

from bench import native, running
from bench.context import Context
from bench.measurement import Case, Label, Measurement
from postgresql import Database
from services import Daybook

NAME = "Daybook"
LOAD = "append over ZeroMQ, {} a request"
SPREAD = LOAD + ", each for another account"
# Events of a request, and the numbers of requests in flight.
SIZES = ((1, (1, 16, 64)), (100, (1, 16)), (1000, (1, 16)))


class Log:
    """Versions follow from the number of the write, so each shape of request has accounts, and a log, of its own."""

    def __init__(self, context: Context, writes: int, events: int, database: Database | None = None) -> None:
        self._daybook = context.enter_context(Daybook(start=False, database=database, LOG_LEVEL="warning"))
        self._daybook.event_log.start()
        self._shape = ["--writes", writes, "--events", events, "--streams", context.settings.accounts]
        self._next = 0

    def measure(self, seconds: float, in_flight: int) -> Measurement:
        with running.cost(self._daybook) as figures:
            printed = native.run(
                "log_append", self._daybook.settings["EVENT_LOG_APPEND_ENDPOINT"], *self._shape, "--in-flight",
                in_flight, "--seconds", seconds, "--first", self._next, seconds=seconds,
            )  # fmt: skip
        self._next = printed["next"]
        return native.measurement(printed, **figures)


def cases(context: Context) -> list[Case]:
    found = []
    for events, widths in SIZES:
        log = Log(context, 1, events)
        found += [
            Case(
                Label(NAME, LOAD.format(events), width),
                lambda seconds, log=log, width=width: log.measure(seconds, width),
            )
            for width in widths
        ]
    spread = Log(context, min(100, context.settings.accounts // 16), 1)
    found.append(Case(Label(NAME, SPREAD.format(100), 16), lambda seconds: spread.measure(seconds, 16)))
    return found
