"""The stores side by side: SQLite, a PostgreSQL server, and one whose commits wait for a standby, all on one machine.

The servers are started for it, with SETTINGS and else PostgreSQL's defaults. Beside them pgbench appends to tables of its
own in the same servers, as conditionally and as durably: what an application does that has no event log.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import postgresql
from bench import closed_loop, native, running
from bench.context import Context
from bench.measurement import Case, Label, Latencies, Measurement
from bench.parts import growth
from bench.parts.appends import Log
from bench.peers.postgresql import run_pgbench
from bench.results import Results
from services import Daybook

SQLITE, POSTGRESQL, REPLICATED = "SQLite", "PostgreSQL", "PostgreSQL, one standby"
PGBENCH = {POSTGRESQL: "pgbench", REPLICATED: "pgbench, one standby"}
DEPOSIT, APPEND, FENCED = "deposit", "append over ZeroMQ, 100 a request", "BEGIN, UPDATE ... WHERE version, INSERT, COMMIT"
REBUILD = "query service: rebuild from the log"
LOGGED = "PostgreSQL's write-ahead log, bytes an event, keys included"
WIDTH, IN_FLIGHT = 64, 16

SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB"}

_PARTS = 5
_LOG_DEADLINE = 3600.0

_TABLES = """
CREATE TABLE streams (name text PRIMARY KEY, version bigint NOT NULL);
CREATE TABLE stored_events (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text NOT NULL,
    version bigint NOT NULL,
    type text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    data jsonb NOT NULL
);
INSERT INTO streams SELECT 'acc-' || number, 1 FROM generate_series(1, {accounts}) AS number;
"""
# The condition always holds, and costs what one that may fail does; no index guards it, for the row's lock does.
_APPEND = """\\set account random(1, :accounts)
BEGIN;
UPDATE streams SET version = version + 1 WHERE name = 'acc-' || :account AND version > 0 RETURNING version \\gset
INSERT INTO stored_events (stream, version, type, data)
VALUES ('acc-' || :account, :version, 'MoneyDeposited', '{"amount":"500.00"}');
COMMIT;
"""


@dataclass(frozen=True)
class _Store:
    name: str
    daybook: Daybook


def cases(context: Context) -> list[Case]:
    found = []
    for store in _stores(context):
        found.append(Case(Label(store.name, DEPOSIT, WIDTH), _deposits(context, store.daybook)))
        if store.name != SQLITE:
            server = store.daybook.database.server
            found.append(Case(Label(PGBENCH[store.name], FENCED, WIDTH), _pgbench(context, server)))
            log = Log(context, 1, 100, server.create_database())
        else:
            log = Log(context, 1, 100)
        found.append(Case(Label(store.name, APPEND, IN_FLIGHT), lambda seconds, log=log: log.measure(seconds, IN_FLIGHT)))
    return found


@cache
def _stores(context: Context) -> list[_Store]:
    """Each with all accounts open."""
    servers = {POSTGRESQL: _server(context), REPLICATED: _server(context)}
    context.enter_context(postgresql.Server(primary=servers[REPLICATED], **SETTINGS))
    servers[REPLICATED].wait_for_standby()
    found = []
    for name, database in ({SQLITE: None} | {name: server.create_database() for name, server in servers.items()}).items():
        daybook = context.enter_context(Daybook(database=database, LOG_LEVEL="warning"))
        running.open_accounts(daybook, context.settings.accounts)
        daybook.wait_until_caught_up()
        found.append(_Store(name, daybook))
    return found


def _server(context: Context, **settings: str) -> postgresql.Server:
    return context.enter_context(postgresql.Server(**(settings or SETTINGS)))


def _deposits(context: Context, daybook: Daybook):
    def measure(seconds: float) -> Measurement:
        with running.cost(daybook) as figures:
            measured = closed_loop.drive(daybook.command.port, "deposit", WIDTH, seconds, context.settings.accounts)
        return running.with_cost(daybook, measured, figures)

    return measure


def _pgbench(context: Context, server: postgresql.Server):
    database = server.create_database()
    database.run(_TABLES.format(accounts=context.settings.accounts))
    database.run("VACUUM ANALYZE streams")
    script = Path(context.make_folder(f"script-{server.port}")) / "append.sql"
    script.write_text(_APPEND)
    where = ["-h", str(server.folder), "-p", str(server.port), "-U", postgresql.OWNER, database.name]
    return lambda seconds: run_pgbench(context, postgresql.programs(), where, script, WIDTH, seconds)


def run(context: Context, results: Results) -> None:
    """What is measured once: a rebuild from each store, and how much PostgreSQL logs for each event."""
    for store in _stores(context):
        context.tell(f"rebuild from {store.name}")
        results.add(Label(store.name, REBUILD), _rebuild(context, store.daybook))
    _measure_log(context, results)


def _rebuild(context: Context, daybook: Daybook) -> Measurement:
    """Of the same number of events in each store."""
    size = max(context.settings.log_sizes[-1], context.settings.accounts)
    growth.stop(daybook.command)
    growth.stop(daybook.query)
    with Daybook(start=False, database=_new_database(daybook), LOG_LEVEL="warning") as filled:
        filled.event_log.start()
        running.fill(filled, context.settings.accounts, 0, size)
        growth.remove_checkpoints(filled)
        seconds = growth.start_query(filled, None)
        events = int(filled.event_log.figures()["position"])
    return Measurement(events / seconds, Latencies(), {"seconds": seconds, "events": events})


def _new_database(daybook: Daybook) -> postgresql.Database | None:
    database = daybook.database
    return database.server.create_database() if isinstance(database, postgresql.Database) else None


def _measure_log(context: Context, results: Results) -> None:
    """Deposits over many accounts, each under a key of its own, in parts; what the worst part logs for each counts.

    With `max_wal_size` as it is by default: the more rarely a checkpoint, the fewer whole pages are logged. A standby makes
    no difference to it.
    """
    total = context.settings.logged_events
    server = _server(context, shared_buffers=SETTINGS["shared_buffers"])
    with Daybook(start=False, database=server.create_database(), LOG_LEVEL="warning") as daybook:
        daybook.event_log.start()
        first, worst, begun, before = 0, 0.0, time.monotonic(), _logged(server)
        start = before
        for number in range(_PARTS):
            printed = native.run(
                "log_append", daybook.settings["EVENT_LOG_APPEND_ENDPOINT"], "--streams", total // _PARTS, "--first", first,
                "--total", total // _PARTS, "--in-flight", min(512, total // _PARTS), "--any-version", "--keys",
                seconds=_LOG_DEADLINE,
            )  # fmt: skip
            first, after = printed["next"], _logged(server)
            worst = max(worst, (after - before) / printed["count"])
            context.tell(f"logged for each of {total // _PARTS} events, part {number + 1}: {(after - before) / printed['count']:.0f} B")
            before = after
    rate = total / (time.monotonic() - begun)
    figures = {"mean B/event": (before - start) / total, "events": total, "streams": total // _PARTS}
    results.add(Label(POSTGRESQL, "append over ZeroMQ, each under a key", 512), Measurement(rate, Latencies(), figures))
    results.figures[LOGGED] = worst


def _logged(server: postgresql.Server) -> int:
    ((position,),) = server.run("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
    return int(position)
