"""What is aimed at, as ratios within one run, and whether it was reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.measurement import Label, Measurement
from bench.parts import appends, bulk, commands, growth, publishing, reads, secured, stores, subscribers
from bench.peers import bare_hummingbird, disk, postgresql, uma, wire
from bench.results import Results


@dataclass(frozen=True)
class Target:
    name: str
    value: float
    bound: float
    at_most: bool = False

    @property
    def is_met(self) -> bool:
        return self.value <= self.bound if self.at_most else self.value >= self.bound


# Name, value where it was measured, bound, and whether the value must be at most that.
_Aim = tuple[str, float | None, float, bool]


def _rate(measured: Measurement) -> float:
    return measured.rate


def _p50(measured: Measurement) -> float | None:
    return measured.latencies.p50


def _p99(measured: Measurement) -> float | None:
    return measured.latencies.p99


def targets(results: Results) -> list[Target]:
    """Those whose parts were measured."""
    return [Target(name, value, bound, at_most) for name, value, bound, at_most in _all(results) if value is not None]


def _at_least(name: str, value: float | None, bound: float) -> _Aim:
    return name, value, bound, False


def _at_most(name: str, value: float | None, bound: float) -> _Aim:
    return name, value, bound, True


def _all(results: Results) -> Iterator[_Aim]:
    ratio = results.ratio
    uniform = {width: Label(commands.NAME, commands.UNIFORM, width) for width in (1, 64, 256)}
    bare = Label(bare_hummingbird.NAME, bare_hummingbird.DEPOSIT, 64)
    yield _at_least("deposits/s, 64 connections, by bare Hummingbird", ratio(uniform[64], bare, _rate), 0.5)
    pgbench = Label(postgresql.NAME, postgresql.LOAD, 64)
    yield _at_least("deposits/s, 64 connections, by PostgreSQL's appends/s", ratio(uniform[64], pgbench, _rate), 1.0)
    yield _at_most("256 connections, p99 by p50", _spread(results, uniform[256]), 3)
    flush = Label(disk.NAME, disk.FLUSH)
    yield _at_most("1 connection, p50 by the flush's p50", ratio(uniform[1], flush, _p50), 3.5)
    hot = Label(commands.NAME, commands.HOT, commands.HOT_WIDTH)
    yield _at_least("one hot account, 64 connections, by uniform", ratio(hot, uniform[64], _rate), 0.9)
    for load, bound in ((commands.TRANSFER, 0.6), (commands.HOT_TRANSFER, 0.3)):
        ours = Label(commands.NAME, load, commands.HOT_WIDTH)
        yield _at_least(f"{load}, 64 connections, by deposits/s", ratio(ours, uniform[64], _rate), bound)
    forms = {name: Label(name, secured.LOAD, secured.WIDTH) for name in (secured.OPEN, secured.SECURED, secured.BEFORE)}
    with_all = ratio(forms[secured.SECURED], forms[secured.OPEN], _rate)
    yield _at_least("deposits/s, TLS, tokens and CURVE on, by without", with_all, 0.75)
    yield _at_least("deposits/s without them, by before", ratio(forms[secured.OPEN], forms[secured.BEFORE], _rate), 0.97)
    many = Label(bulk.NAME, bulk.LOAD)
    yield _at_least("bulk commands/s over HTTP", results.median(many).rate if many in results.rounds else None, 100_000)

    for width in (1, 16):
        ours, theirs = (Label(name, load.format(100), width)
                        for name, load in ((appends.NAME, appends.LOAD), (uma.NAME, uma.LOAD)))  # fmt: skip
        yield _at_least(f"appends of 100, {width} in flight, by UmaDB's", ratio(ours, theirs, _rate), 1.0)
    ours = Label(appends.NAME, appends.LOAD.format(100), 1)
    yield _at_least("appends of 100, by rows in C, 100 a flush", ratio(ours, disk.sqlite(100), _rate), 0.5)

    bare_get = Label(bare_hummingbird.NAME, bare_hummingbird.GET, reads.WIDTH)
    for load, bound in ((reads.DIRECT, 0.85), (reads.FORWARDED, 0.45)):
        ours = Label(reads.NAME, load, reads.WIDTH)
        yield _at_least(f"{load}, by bare Hummingbird", ratio(ours, bare_get, _rate), bound)

    sizes = results.widths(growth.NAME, growth.REBUILD)
    if sizes:
        rebuild = results.median(Label(growth.NAME, growth.REBUILD, sizes[-1]))
        resume = results.median(Label(growth.NAME, growth.RESUME, sizes[-1]))
        yield _at_least(f"rebuild, events/s, at {sizes[-1]}", rebuild.rate, 500_000)
        yield _at_most(f"start with a checkpoint by rebuild, at {sizes[-1]}",
                       resume.figures["seconds"] / rebuild.figures["seconds"], 1 / 20)  # fmt: skip
    if len(sizes) > 2:
        large, small = (results.median(Label(growth.NAME, growth.APPEND, size)) for size in (sizes[-1], sizes[1]))
        yield _at_least(f"appends/s at {sizes[-1]} by {sizes[1]}", large.rate / small.rate, 0.85)
    ours, bare = Label(publishing.NAME, publishing.LOAD), Label(wire.NAME, publishing.BARE_LOAD)
    yield _at_most("acknowledged to received, p99, by bare XPUB-SUB's", ratio(ours, bare, _p99), 4)
    heard, alone = (Label(subscribers.NAME, load, subscribers.WIDTH) for load in (subscribers.HEARD, subscribers.ALONE))
    yield _at_least("deposits/s with 8 subscribers, by none", ratio(heard, alone, _rate), 0.85)
    yield _at_most(subscribers.MISSED, results.figures.get(subscribers.MISSED), 0)
    yield _at_most(growth.ACCOUNT_MEMORY, results.figures.get(growth.ACCOUNT_MEMORY), 400)
    for name in (stores.POSTGRESQL, stores.REPLICATED):
        yield from _of_store(results, name)
    yield _at_most(stores.LOGGED, results.figures.get(stores.LOGGED), 700)
    yield _at_most(growth.DISK, results.figures.get(growth.DISK), 2.2)


def _of_store(results: Results, name: str) -> Iterator[_Aim]:
    """What a log on PostgreSQL is to reach beside one on SQLite, and beside PostgreSQL itself."""
    ours, sqlite = (Label(store, stores.DEPOSIT, stores.WIDTH) for store in (name, stores.SQLITE))
    yield _at_least(f"deposits/s on {name}, by SQLite's", results.ratio(ours, sqlite, _rate), 0.7)
    pgbench = Label(stores.PGBENCH[name], stores.FENCED, stores.WIDTH)
    yield _at_least(f"deposits/s on {name}, by pgbench's", results.ratio(ours, pgbench, _rate), 1.0)
    many = Label(name, stores.APPEND, stores.IN_FLIGHT)
    yield _at_least(
        f"events/s, 100 an append, on {name}", results.median(many).rate if many in results.rounds else None, 100_000
    )
    ours, sqlite = (Label(store, stores.REBUILD) for store in (name, stores.SQLITE))
    yield _at_least(f"rebuild from {name}, by SQLite's", results.ratio(ours, sqlite, _rate), 0.5)


def _spread(results: Results, label: Label) -> float | None:
    """p99 by p50."""
    if label not in results.rounds:
        return None
    latencies = results.median(label).latencies
    return latencies.p99 / latencies.p50 if latencies.p99 and latencies.p50 else None
