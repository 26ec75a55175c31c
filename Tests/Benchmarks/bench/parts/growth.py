"""A log that grows: appends, rebuild, start with a checkpoint, commands, memory and disk at each of its sizes."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable

from bench import closed_loop, native, running
from bench.context import Context
from bench.measurement import Label, Latencies, Measurement
from bench.processes import resident_mebibytes
from bench.results import Results
from services import Daybook, Service

NAME = "Daybook"
APPEND = "append over ZeroMQ to a log of the size"
REBUILD = "query service: rebuild from the log"
RESUME = "query service: start with a checkpoint"
COMMANDS = "deposit at the size, gateway just started"
ACCOUNT_MEMORY = "query service memory, bytes an account"
DISK = "disk, bytes stored by bytes of the events"
_WIDTH = 64
_START_DEADLINE = 1800.0
_HEADER = 96


def run(context: Context, results: Results) -> None:
    """The `width` of these labels is the number of events in the log."""
    settings = context.settings
    with Daybook(start=False, LOG_LEVEL="warning") as daybook:
        daybook.event_log.start()
        results.figures[ACCOUNT_MEMORY], written = _memory_of_accounts(daybook, settings.accounts)
        for size in settings.log_sizes:
            context.tell(f"filling the log to {size} events")
            head = int(daybook.event_log.figures()["position"])
            if size > head:
                written = running.fill(daybook, settings.accounts, written, size - head)
            written = _measure(daybook, context, results, size, written)
        stop(daybook.event_log)
        results.figures[DISK] = _disk(daybook)


def _measure(daybook: Daybook, context: Context, results: Results, size: int, written: int) -> int:
    settings = context.settings
    with running.cost(daybook) as figures:
        printed = native.run(
            "log_append", daybook.settings["EVENT_LOG_APPEND_ENDPOINT"], "--streams", settings.accounts, "--first",
            written, "--in-flight", min(_WIDTH, settings.accounts), "--seconds", settings.seconds, "--any-version",
            seconds=settings.seconds,
        )  # fmt: skip
    files = sum(file.stat().st_size for file in daybook.database.parent.glob("daybook.db*"))
    events = int(daybook.event_log.figures()["position"])
    figures |= {"log RSS MiB": resident_mebibytes(daybook.event_log.pid), "disk B/event": files / events}
    results.add(Label(NAME, APPEND, size), native.measurement(printed, **figures))

    for load, begins in ((REBUILD, lambda: remove_checkpoints(daybook)), (RESUME, None)):
        seconds = start_query(daybook, begins)
        memory = {"query RSS MiB": resident_mebibytes(daybook.query.pid), "seconds": seconds}
        results.add(Label(NAME, load, size), Measurement(events / seconds, Latencies(), memory))
        if load == REBUILD:
            stop(daybook.query)

    daybook.command.start()
    with running.cost(daybook) as figures:
        measured = closed_loop.drive(daybook.command.port, "deposit", _WIDTH, settings.seconds, settings.accounts)
    for name, service in running.names(daybook).items():
        figures[f"{name} RSS MiB"] = resident_mebibytes(service.pid)
    results.add(Label(NAME, COMMANDS, size), running.with_cost(daybook, measured, figures))
    stop(daybook.command)
    stop(daybook.query)
    return printed["next"]


def _memory_of_accounts(daybook: Daybook, accounts: int) -> tuple[float, int]:
    """By how much each account makes the query service larger that keeps hardly any events, and the next write."""
    daybook.query.settings = daybook.settings | {"QUERY_HISTORY_EVENTS": "1000"}
    daybook.query.start()
    empty = resident_mebibytes(daybook.query.pid)
    written = running.fill(daybook, accounts, 0, accounts)
    daybook.wait_until_caught_up(_START_DEADLINE)
    full = resident_mebibytes(daybook.query.pid)
    stop(daybook.query)
    daybook.query.settings = daybook.settings
    return (full - empty) * 2**20 / accounts, written


def start_query(daybook: Daybook, prepare: Callable[[], None] | None) -> float:
    """How long the query service takes from its start until it has all that the log holds."""
    if prepare is not None:
        prepare()
    before = time.perf_counter()
    daybook.query.start(wait=False)
    daybook.query.wait_until_ready(_START_DEADLINE)
    seconds = time.perf_counter() - before
    if daybook.query.figures()["position"] < daybook.event_log.figures()["position"]:
        raise RuntimeError("the query service calls itself ready and is behind the log")
    return seconds


def stop(service: Service) -> None:
    code = service.stop(deadline=120)
    if code != 0:
        raise RuntimeError(f"{service.program} ended with {code}:\n{service.output[-2000:]}")


def remove_checkpoints(daybook: Daybook) -> None:
    shutil.rmtree(daybook.directory / "data" / "query", ignore_errors=True)


def _disk(daybook: Daybook) -> float:
    """What the file holds by what its events are as they are published: topic, header, metadata, data."""
    database = sqlite3.connect(f"file:{daybook.database}?mode=ro", uri=True)
    try:
        ((events, texts),) = database.execute(
            "SELECT count(*), sum(length(category) + length(type) + length(stream) + 3 + length(metadata) +"
            " length(data)) FROM events"
        )
    finally:
        database.close()
    return daybook.database.stat().st_size / (events * _HEADER + texts)
