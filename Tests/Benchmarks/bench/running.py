"""Daybook's services under measurement: the ones that the end-to-end tests start, and what they cost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from bench import closed_loop, native
from bench.measurement import Measurement
from bench.processes import processor_seconds
from services import Daybook, Service

OPENING_WIDTH = 64
_FILL_DEADLINE = 3600.0
# Where the machine opens fewer, it is tried for longer.
_OPENINGS_A_SECOND = 6000
_WRITES = 1000


def names(daybook: Daybook) -> dict[str, Service]:
    return {"log": daybook.event_log, "command": daybook.command, "query": daybook.query}


@contextlib.contextmanager
def cost(daybook: Daybook) -> Iterator[dict[str, float]]:
    """Fills the dictionary, at the end, with what happened between: flushes, and each service's processor time."""
    running = {name: service for name, service in names(daybook).items() if service.is_running}
    before = {name: processor_seconds(service.pid) for name, service in running.items()}
    log_before = daybook.event_log.figures()
    figures: dict[str, float] = {}
    yield figures
    log_after = daybook.event_log.figures()
    events = int(log_after["events"] - log_before["events"])
    figures["batch"] = events / max(1, int(log_after["batches"] - log_before["batches"]))
    for name, service in running.items():
        used = processor_seconds(service.pid) - before[name]
        figures[f"{name} CPU us"] = used / max(1, events) * 1e6


def with_cost(daybook: Daybook, measured: Measurement, figures: dict[str, float]) -> Measurement:
    return Measurement(measured.rate, measured.latencies, measured.figures | figures)


def open_accounts(daybook: Daybook, accounts: int) -> None:
    """Through the gateway, so that it has them in memory."""
    seconds = 1 + accounts / _OPENINGS_A_SECOND
    end = time.monotonic() + _FILL_DEADLINE
    while (opened := daybook.event_log.figures()["events"]) < accounts:
        if time.monotonic() > end:
            raise RuntimeError(f"only {opened} of {accounts} accounts are open after {_FILL_DEADLINE:g} s")
        # From the first account on each time: where a run ends, some of its last openings are missing. Those that are
        # there already are refused, which takes its time too; so each run is longer than the one before.
        closed_loop.drive(daybook.command.port, "open", OPENING_WIDTH, seconds, accounts, may_fail=True,
                          secrets=daybook.secrets)  # fmt: skip
        seconds *= 2


def fill(daybook: Daybook, accounts: int, first: int, total: int) -> int:
    """Appends events through the append socket, from number `first` on, and gives the number of the next."""
    printed = native.run(
        "log_append", daybook.settings["EVENT_LOG_APPEND_ENDPOINT"], "--streams", accounts, "--first", first,
        "--total", total, "--writes", min(_WRITES, accounts // 4, total), "--in-flight", 4, "--any-version",
        seconds=_FILL_DEADLINE,
    )  # fmt: skip
    return printed["next"]
