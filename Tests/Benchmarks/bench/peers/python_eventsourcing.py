"""The Python library eventsourcing, with its own application class, on SQLite (WAL, synchronous = FULL by default)."""

from __future__ import annotations

import itertools
import time

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from bench.context import Context
from bench.measurement import Case, Label, Latencies, Measurement

NAME = "pyeventsourcing on SQLite"
LOAD = "load, deposit, save"


class Account(Aggregate):
    @event("Opened")
    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.cents = 100_000

    @event("Deposited")
    def deposit(self, cents: int) -> None:
        self.cents += cents


def cases(context: Context) -> list[Case]:
    folder = context.make_folder("eventsourcing")
    application = Application(env={
        "PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "events.db"),
    })  # fmt: skip
    context.callback(application.close)
    accounts = [Account("Alice") for _ in range(context.settings.few_accounts)]
    for account in accounts:
        application.save(account)
    ids = itertools.cycle([account.id for account in accounts])

    def measure(seconds: float) -> Measurement:
        times = []
        begin = time.perf_counter()
        while time.perf_counter() < begin + seconds:
            before = time.perf_counter_ns()
            account = application.repository.get(next(ids))
            account.deposit(50_000)
            application.save(account)
            times.append(time.perf_counter_ns() - before)
        ended = time.perf_counter() - begin
        return Measurement(len(times) / ended, Latencies.of([[elapsed, 1] for elapsed in times]))

    return [Case(Label(NAME, LOAD), measure)]
