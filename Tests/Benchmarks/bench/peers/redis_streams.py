"""Redis streams: an unconditional XADD to one of many keys, each flushed (appendfsync always)."""

from __future__ import annotations

import re
import subprocess

from bench.context import Context
from bench.measurement import Case, Label, Latencies, Measurement
from bench.processes import Server, accepts
from services import Ports

NAME = "Redis streams"
LOAD = "XADD, unconditional"
_WIDTHS = (1, 16, 64)
_GRACE = 60.0
_FEW = 500


def cases(context: Context) -> list[Case]:
    folder = context.make_folder("redis")
    port = Ports.take()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "",
               "--appendonly", "yes", "--appendfsync", "always"]  # fmt: skip
    context.enter_context(Server("redis", command, folder, lambda: accepts(port)))

    def add(requests: int, width: int) -> Measurement:
        command = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-c", str(width), "-n", str(requests),
                   "-r", str(context.settings.accounts), "XADD", "acc-__rand_int__", "*", "type", "MoneyDeposited",
                   "data", '{"amount":"500.00"}']  # fmt: skip
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_GRACE * 10)
        rate = re.search(r"throughput summary: ([\d.]+)", ended.stdout)
        if ended.returncode != 0 or rate is None:
            raise RuntimeError(f"redis-benchmark failed: {ended.stdout}{ended.stderr}")
        return Measurement(float(rate[1]), _latencies(ended.stdout))

    def measure(seconds: float, width: int) -> Measurement:
        # It takes a number of requests, not a time.
        return add(max(_FEW, round(add(_FEW * min(width, 16), width).rate * seconds)), width)

    return [Case(Label(NAME, LOAD, width), lambda seconds, width=width: measure(seconds, width)) for width in _WIDTHS]


def _latencies(printed: str) -> Latencies:
    """From the distribution that redis-benchmark prints, whose steps are not exactly the percentiles wanted."""
    steps = [(float(share), float(time)) for share, time in
             re.findall(r"^([\d.]+)% <= ([\d.]+) milliseconds \(cumulative", printed, re.MULTILINE)]  # fmt: skip

    def at(percentile: float) -> float | None:
        return next((time for share, time in steps if share >= percentile), None)

    return Latencies(at(50), at(99), at(99.9))
