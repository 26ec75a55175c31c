"""Which parts there are, by the names that `--only` takes."""

from __future__ import annotations

from bench.context import Context
from bench.measurement import Case
from bench.parts import appends, bulk, commands, growth, open_loop, publishing, reads, secured, stores, subscribers
from bench.peers import bare_hummingbird, disk, postgresql, python_eventsourcing, redis_streams, uma, wire
from bench.results import Results


def _bare(context: Context, parts: frozenset[str]) -> list[Case]:
    loads = {}
    if "http" in parts:
        loads[bare_hummingbird.DEPOSIT] = context.settings.connections
    if "reads" in parts:
        loads[bare_hummingbird.GET] = (reads.WIDTH,)
    return bare_hummingbird.cases(context, loads) if loads else []


# Measured in rounds, each case of all of them in turn.
PEERS = {
    "disk": disk.cases, "wire": wire.cases, "postgresql": postgresql.cases, "redis": redis_streams.cases,
    "umadb": uma.cases, "eventsourcing": python_eventsourcing.cases,
}  # fmt: skip
ROUNDS = {
    "http": commands.cases, "reads": reads.cases, "appends": appends.cases, "secured": secured.cases,
    "stores": stores.cases,
}  # fmt: skip
# Measured once, in this order, after the rounds.
STUDIES = {
    "open-loop": open_loop.run, "publishing": publishing.run, "subscribers": subscribers.run, "growth": growth.run,
    "stores": stores.run,
}  # fmt: skip
NAMES = tuple(dict.fromkeys((*PEERS, *ROUNDS, "bulk", *STUDIES)))


def cases(context: Context, results: Results) -> list[Case]:
    """Those of the parts that were asked for, their servers started."""
    parts = context.settings.parts
    found = _bare(context, parts)
    for name, start in (PEERS | ROUNDS).items():
        if name in parts:
            context.tell(f"starting {name}")
            found += start(context)
    if "bulk" in parts:
        if bulk.is_offered(context):
            found += bulk.cases(context)
        else:
            results.notes.append("bulk commands over HTTP: left out, the gateway does not know POST /commands")
    return found


def studies(context: Context, results: Results) -> None:
    for name, run in STUDIES.items():
        if name in context.settings.parts:
            context.tell(f"study: {name}")
            run(context, results)
