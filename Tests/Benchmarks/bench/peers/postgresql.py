"""A table of events in PostgreSQL, unique by stream and version, appended to with pgbench.

One statement finds the stream's version and appends the next; the unique index guards it. No HTTP, no hash, nobody who
hears of it. Each commit is flushed (synchronous_commit = on, as by default).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from bench.context import Context
from bench.measurement import Case, Label, Latencies, Measurement
from bench.processes import Server
from services import Ports

NAME = "PostgreSQL"
LOAD = "conditional append"
_WIDTHS = (1, 16, 64)
# PostgreSQL does not run as root; Debian's package makes this user.
_USER = "postgres"
_GRACE = 60.0

_TABLE = """
CREATE TABLE events (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text NOT NULL,
    version bigint NOT NULL,
    type text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    data jsonb NOT NULL,
    UNIQUE (stream, version)
);
INSERT INTO events (stream, version, type, data)
SELECT 'acc-' || number, 1, 'AccountOpened', '{"owner":"Alice","initial_balance":"1000.00","currency":"USD"}'
FROM generate_series(1, %d) AS number;
VACUUM ANALYZE events;
"""
_APPEND = """\\set account random(1, :accounts)
INSERT INTO events (stream, version, type, data)
SELECT 'acc-' || :account, coalesce(max(version), 0) + 1, 'MoneyDeposited', '{"amount":"500.00"}'
FROM events WHERE stream = 'acc-' || :account
ON CONFLICT DO NOTHING;
"""


def cases(context: Context) -> list[Case]:
    programs = _programs()
    user = _USER if os.geteuid() == 0 else None
    folder = context.make_folder("postgresql")
    if user:
        shutil.chown(folder, user, user)
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C"],
        check=True, capture_output=True, cwd=folder, user=user, group=user, extra_groups=[] if user else None,
    )  # fmt: skip
    port = Ports.take()
    where = ["-h", "127.0.0.1", "-p", str(port), "-U", "bench"]
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=256MB",
                "synchronous_commit=on", "fsync=on", "max_wal_size=4GB"]  # fmt: skip
    command = [programs / "postgres", "-D", folder / "data", "-p", str(port)]
    for setting in settings:
        command += ["-c", setting]

    def answers() -> bool:
        return subprocess.run([programs / "pg_isready", "-q", *where]).returncode == 0

    # SIGINT is PostgreSQL's fast shutdown.
    context.enter_context(Server("postgres", command, folder, answers, signal.SIGINT, user))
    run = [programs / "psql", *where, "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres"]
    subprocess.run(run, input=_TABLE % context.settings.accounts, check=True, text=True, timeout=_GRACE * 5)
    script = folder / "append.sql"
    script.write_text(_APPEND)

    return [
        Case(
            Label(NAME, LOAD, width),
            lambda seconds, width=width: run_pgbench(context, programs, [*where, "postgres"], script, width, seconds),
        )
        for width in _WIDTHS
    ]


def run_pgbench(
    context: Context, programs: Path, where: list[str], script: Path, width: int, seconds: float
) -> Measurement:
    """Has `width` clients run a script in a database; `accounts` is a variable of the script's."""
    logs = context.make_folder(f"pgbench-{Ports.take()}")
    command = [programs / "pgbench", "-n", "-M", "prepared", "-c", str(width), "-j", str(min(2, width)),
               "-T", str(max(1, round(seconds))), "-f", script, "-D", f"accounts={context.settings.accounts}",
               "-l", f"--log-prefix={logs / 'transactions'}", *where]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _GRACE)
    rate = re.search(r"^tps = ([\d.]+)", ended.stdout, re.MULTILINE)
    if ended.returncode != 0 or rate is None:
        raise RuntimeError(f"pgbench failed: {ended.stdout}{ended.stderr}")
    measured = Measurement(float(rate[1]), Latencies.of(_latencies(logs)))
    shutil.rmtree(logs)
    return measured


def _programs() -> Path:
    """Where the newest installed version is: Debian keeps the server's programs out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        raise RuntimeError("no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql")
    return found[-1]


def _latencies(logs: Path) -> list[list[int]]:
    """Of pgbench's log of transactions the third field is how long one took, in microseconds."""
    return [[int(line.split()[2]) * 1000, 1] for log in logs.iterdir() for line in log.read_text().splitlines()]
