"""UmaDB, an event store whose server and client come in one Python package.

Each append has the condition that no event with the account's tag came after the last one that the appender knows of.
As with Daybook's appends over ZeroMQ, the events of a request are for one account, and requests in flight never meet.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from umadb import AppendCondition, Client, Event, Query, QueryItem

from bench.context import Context
from bench.measurement import Case, Label, Latencies, Measurement
from bench.processes import Server, accepts
from services import Ports

NAME = "UmaDB"
LOAD = "conditional append, {} a request"
SIZES = ((1, (1, 16, 64)), (100, (1, 16)), (1000, (1, 16)))


class _Appender:
    """Clients in threads: while a request is under way, its thread holds up no other."""

    def __init__(self, url: str, accounts: int) -> None:
        self._url, self._accounts = url, accounts
        self._requests = itertools.count()
        self._known: dict[int, int] = {}

    def measure(self, seconds: float, events: int, width: int) -> Measurement:
        begun = threading.Barrier(width + 1)
        with ThreadPoolExecutor(width) as pool:
            running = [pool.submit(self._run, begun, seconds, events) for _ in range(width)]
            begun.wait(30)
            begin = time.perf_counter()
            times = [elapsed for each in running for elapsed in each.result()]
            ended = time.perf_counter() - begin
        return Measurement(len(times) * events / ended, Latencies.of([[elapsed, 1] for elapsed in times]))

    def _run(self, begun: threading.Barrier, seconds: float, events: int) -> list[int]:
        times = []
        with Client(self._url) as client:
            client.head()
            begun.wait(30)
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                account = next(self._requests) % self._accounts
                tag = f"acc-{account}"
                batch = [Event("MoneyDeposited", b'{"amount":"500.00"}', [tag]) for _ in range(events)]
                condition = AppendCondition(Query([QueryItem(tags=[tag])]), self._known.get(account))
                before = time.perf_counter_ns()
                self._known[account] = client.append(batch, condition)
                times.append(time.perf_counter_ns() - before)
        return times


def cases(context: Context) -> list[Case]:
    folder = context.make_folder("umadb")
    port = Ports.take()
    command = [Path(sys.executable).parent / "umadb", "--listen", f"127.0.0.1:{port}", "--db-path", folder / "uma.db"]
    context.enter_context(Server("umadb", command, folder, lambda: accepts(port)))
    appender = _Appender(f"http://127.0.0.1:{port}", context.settings.accounts)
    return [
        Case(
            Label(NAME, LOAD.format(events), width),
            lambda seconds, events=events, width=width: appender.measure(seconds, events, width),
        )
        for events, widths in SIZES
        for width in widths
    ]
