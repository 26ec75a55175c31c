"""The results as a picture: throughput and latency over connections, and growth over the size of the log."""

from __future__ import annotations

from pathlib import Path

import matplotlib

from bench import machine
from bench.measurement import Label
from bench.parts import commands, growth
from bench.peers import bare_hummingbird, postgresql, redis_streams
from bench.results import Results

matplotlib.use("Agg")

from matplotlib import pyplot

_OVER_CONNECTIONS = [
    (bare_hummingbird.NAME, bare_hummingbird.DEPOSIT), (commands.NAME, commands.UNIFORM),
    (postgresql.NAME, postgresql.LOAD), (redis_streams.NAME, redis_streams.LOAD),
]  # fmt: skip
_OVER_SIZES = [(growth.NAME, growth.APPEND), (growth.NAME, growth.REBUILD), (growth.NAME, growth.COMMANDS)]


def draw(results: Results, path: Path) -> None:
    figure, (rates, times, sizes) = pyplot.subplots(1, 3, figsize=(18, 5.5))
    for peer, load in _OVER_CONNECTIONS:
        widths = results.widths(peer, load)
        measured = [results.median(Label(peer, load, width)) for width in widths]
        if not widths:
            continue
        (line,) = rates.plot(widths, [each.rate for each in measured], marker="o", label=f"{peer}: {load}")
        for percentile, style in (("p50", "-"), ("p99", "--")):
            known = [(width, value) for width, each in zip(widths, measured, strict=True)
                     if (value := getattr(each.latencies, percentile)) is not None]  # fmt: skip
            times.plot(*zip(*known, strict=True), style, marker="o", color=line.get_color(),
                       label=f"{peer}, {percentile}")  # fmt: skip
    for peer, load in _OVER_SIZES:
        events = results.widths(peer, load)
        if events:
            values = [results.median(Label(peer, load, size)).rate for size in events]
            sizes.plot(events, values, marker="o", label=load)
    for axes, title, horizontal, vertical in (
        (rates, "durable and bare requests", "connections or clients", "a second"),
        (times, "latency", "connections or clients", "ms"),
        (sizes, "growth", "events in the log", "events or commands a second"),
    ):
        axes.set(title=title, xlabel=horizontal, ylabel=vertical, yscale="log")
        # The first size of the log is 0, which a logarithm has no place for.
        axes.set_xscale("symlog", linthresh=1000) if axes is sizes else axes.set_xscale("log", base=2)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=8)
    figure.suptitle(machine.lines(results.machine)[0], fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
