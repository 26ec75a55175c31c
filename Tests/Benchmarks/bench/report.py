"""The results as a table for people, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from bench import machine
from bench.results import Results
from bench.targets import targets


def table(results: Results) -> Iterator[str]:
    for line in machine.lines(results.machine):
        yield f"# {line}"
    yield ""
    yield "# width: connections, clients, or requests in flight; where a log grows, the events in it"
    yield f"{'':24} {'':58} {'width':>9} {'rate/s':>10} {'p50 ms':>9} {'p99 ms':>9} {'p99.9 ms':>9}"
    peer = None
    order = list(dict.fromkeys(label.peer for label in results.rounds))
    for label in sorted(results.rounds, key=lambda label: order.index(label.peer)):
        measured = results.median(label)
        times = " ".join(_number(time, 9) for time in asdict(measured.latencies).values())
        name = label.peer if label.peer != peer else ""
        peer = label.peer
        yield f"{name:24} {label.load:58} {label.width:>9} {measured.rate:>10.0f} {times}"
        if measured.figures:
            yield f"{'':26}" + ", ".join(f"{name} {_number(value)}" for name, value in measured.figures.items())
    yield ""
    yield f"{'target':60} {'reached':>10} {'aim':>12}"
    for target in targets(results):
        aim = f"{'<=' if target.at_most else '>='} {_number(target.bound)}"
        yield f"{target.name:60} {_number(target.value):>10} {aim:>12}  {'met' if target.is_met else 'missed'}"
    for note in results.notes:
        yield f"# {note}"


def write_json(results: Results, path: Path) -> None:
    document = {
        "machine": results.machine,
        "measurements": [
            asdict(label) | {"median": asdict(results.median(label)), "rounds": [asdict(each) for each in rounds]}
            for label, rounds in results.rounds.items()
        ],
        "figures": results.figures,
        "targets": [asdict(target) | {"met": target.is_met} for target in targets(results)],
        "notes": results.notes,
    }
    path.write_text(json.dumps(document, indent=2) + "\n")


def _number(value: float | None, width: int = 0) -> str:
    if value is None:
        return f"{'-':>{width}}"
    digits = 0 if abs(value) >= 1000 or value == int(value) else 3 if abs(value) < 10 else 1
    return f"{value:>{width}.{digits}f}"
