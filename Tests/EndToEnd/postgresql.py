"""PostgreSQL servers for tests, each in a folder of its own, and databases in them, one for each log.

    server = postgresql.shared()            # the one of this process, started with its first use
    database = server.create_database()     # a log of its own: database.url is an EVENT_STORE
    with database.connect() as connection: ...

    with postgresql.Server() as server:     # one of a test's own, to be killed, frozen and started again
        server.kill()
        server.start()

All of them end with this process, however that ends. They flush as in production: the log refuses one that does not.
POSTGRESQL_BIN names the folder of the server's programs; else that of the newest of Debian's packages is taken.
"""

import atexit
import errno
import itertools
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

import services

# Whether DAYBOOK_EVENT_STORE=postgresql asks for PostgreSQL instead of SQLite's files.
IS_USED = os.environ.get("DAYBOOK_EVENT_STORE", "sqlite") == "postgresql"
OWNER = "daybook"
PASSWORD = secrets.token_hex(16)

START_DEADLINE = 60.0

# Small: many servers and services share the machine. The rest is PostgreSQL's default.
SETTINGS = {
    "listen_addresses": "127.0.0.1", "max_connections": "300", "shared_buffers": "64MB", "wal_level": "replica",
}  # fmt: skip

# Ends, when its standard input does, every server whose data lie below a folder, and removes the folder. A frozen server
# does not see the end of this process, and a killed process cannot end its servers.
_GUARD = """
cat >/dev/null
for file in "$0"/*/data/postmaster.pid; do
    read -r pid <"$file" || continue
    [ "$(readlink "/proc/$pid/exe" | sed 's:.*/::')" = postgres ] || continue
    kill -STOP "$pid"
    kill -KILL $(cat "/proc/$pid/task/$pid/children") "$pid"
done 2>/dev/null
umount --lazy "$0"/*/space 2>/dev/null
rm -rf "$0"
"""


def programs():
    """The folder of the server's programs."""
    if named := os.environ.get("POSTGRESQL_BIN"):
        return Path(named)
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert found, "there is no PostgreSQL server here: install Debian's package postgresql, or set POSTGRESQL_BIN"
    return found[-1]


def as_owner():
    """What a command begins with so that it runs as a user whom the server lets: never root."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []


@cache
def _folder():
    """Where all servers of this process are; it goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="daybook-servers-"))
    # The server's user must get into it.
    folder.chmod(0o755)
    guard = subprocess.Popen(["bash", "-c", _GUARD, folder], stdin=subprocess.PIPE, start_new_session=True)
    atexit.register(lambda: (guard.stdin.close(), guard.wait()))
    return folder


@cache
def _template():
    """The data of a server that was never started, to be copied."""
    folder = _make_folder("template")
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "password").chmod(0o644)
    subprocess.run(
        [*as_owner(), programs() / "initdb", "--pgdata", folder / "data", "--username", OWNER, "--encoding", "UTF8",
         "--locale", "C.UTF-8", "--auth-local", "trust", "--auth-host", "scram-sha-256", "--pwfile", folder / "password",
         "--no-sync"],
        check=True, capture_output=True, timeout=120, cwd=folder,
    )  # fmt: skip
    return folder / "data"


_numbers = itertools.count(1)


def _make_folder(name):
    folder = _folder() / name
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    return folder


@cache
def shared():
    """The server of this process, for logs that do not need one of their own."""
    return Server()


class Server:
    """A PostgreSQL server that a test may stop, kill, freeze and start again. Further settings are by their names."""

    def __init__(self, start=True, primary=None, **settings):
        """With a primary it is a standby of that server."""
        self.folder = _make_folder(f"server-{next(_numbers)}")
        self.data = self.folder / "data"
        self.port = services.Ports.take()
        self.settings = SETTINGS | settings
        self.log_file = self.folder / "server.log"
        self.process = None
        command = ["cp", "-a", _template(), self.data]
        if primary:
            command = [programs() / "pg_basebackup", "-h", primary.folder, "-p", str(primary.port), "-U", OWNER, "-D", self.data,
                       "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]  # fmt: skip
        subprocess.run([*as_owner(), *command], check=True, timeout=600, cwd=self.folder)
        if start:
            self.start()

    @property
    def pid(self):
        return self.process.pid

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def output(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    @property
    def children(self):
        """The processes of the server beside its first."""
        try:
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        except OSError:
            return []

    def start(self, wait=True):
        assert not self.is_running, "the server runs already"
        options = itertools.chain.from_iterable(("-c", f"{name}={value}") for name, value in self.settings.items())
        with open(self.log_file, "ab") as output:
            self.process = subprocess.Popen(
                [*as_owner(), programs() / "postgres", "-D", self.data, "-p", str(self.port), "-k", self.folder, *options],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self, deadline=START_DEADLINE):
        command = [programs() / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port), "-U", OWNER, "-d", "postgres"]

        def is_ready():
            assert self.is_running, f"the server ended with {self.process.returncode}:\n{self.output[-3000:]}"
            return subprocess.run(command, check=False, timeout=60).returncode == 0

        services.wait_until(is_ready, "the server takes connections", deadline)

    def stop(self, number=signal.SIGINT, deadline=60.0):
        """Ends the server in order; SIGINT: without waiting for its clients."""
        self.process.send_signal(number)
        assert self.process.wait(deadline) == 0, self.output[-3000:]

    def kill(self):
        """Ends all processes of the server as a loss of power would, but that what is not flushed stays."""
        if not self.is_running:
            return
        # First, so that it sees no child's end and starts no other.
        services.freeze(self.pid)
        children = self.children
        self._signal(children, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        # What they share keeps the next start from beginning.
        services.wait_until(lambda: not any(map(_lives, children)), "all processes of the server have ended", START_DEADLINE)

    def freeze(self):
        """Stops all processes of the server, until `thaw`."""
        services.freeze(self.pid)
        for child in self.children:
            services.freeze(child)

    def thaw(self):
        self._signal(self.children, signal.SIGCONT)
        self.process.send_signal(signal.SIGCONT)

    @staticmethod
    def _signal(pids, number):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def connect(self, database="postgres", **options):
        """A connection that commits each statement by itself, unless it begins a transaction."""
        # Not there where benchmarks are run.
        import psycopg

        return psycopg.connect(
            host=str(self.folder), port=self.port, user=OWNER, dbname=database, autocommit=True,
            # Whatever a test has set for a database.
            options="-c statement_timeout=0 -c lock_timeout=0 -c idle_session_timeout=0", **options,
        )  # fmt: skip

    def run(self, statement, *values, database="postgres"):
        """Runs a statement; gives its rows, if it has any."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def wait_for_standby(self, deadline=START_DEADLINE):
        """Has every commit wait for a standby from now on, once there is one."""
        self.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.run("SELECT pg_reload_conf()")
        services.wait_until(
            lambda: self.run("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"), "a standby is synchronous", deadline
        )

    def create_database(self, name=None, **options):
        """A database without tables; options are those of CREATE DATABASE, such as TABLESPACE."""
        name = name or f"log_{os.getpid()}_{next(_numbers)}"
        # ICU and locales play no part in it, and a copy of template0 is the same wherever the tests run.
        further = "".join(f" {option} {value}" for option, value in ({"TEMPLATE": "template0"} | options).items())
        self.run(f'CREATE DATABASE "{name}"{further}')
        return Database(self, name)

    def close(self):
        self.kill()
        subprocess.run(["umount", "--lazy", self.folder / "space"], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _lives(pid):
    """Whether a process has not ended; whoever takes its exit code may be late."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Space:
    """A small file system of a server, in memory, for the tables of databases: it can be filled and freed.

    The server's own log of what it writes is elsewhere: if that finds no space, the whole server ends.
    """

    NAME = "small"

    def __init__(self, server, mebibytes=32):
        self._folder = server.folder / "space"
        self._folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0755", "tmpfs", self._folder]
        # Not everybody may mount.
        self.is_mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
        tables = self._folder / "tables"
        tables.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(tables, "postgres", "postgres")
        server.run(f"CREATE TABLESPACE {self.NAME} LOCATION '{tables}'")

    def fill(self):
        """Takes all that is left."""
        with open(self._folder / "ballast", "ab", buffering=0) as ballast:
            for size in (1 << 20, 1 << 12):
                try:
                    while ballast.write(bytes(size)) == size:
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self):
        (self._folder / "ballast").unlink(missing_ok=True)


class Database:
    """A database of a server, in which one log lives."""

    def __init__(self, server, name, port=None):
        self.server = server
        self.name = name
        # Where services find it; a proxy may stand there.
        self.port = port or server.port

    @property
    def url(self):
        """The value of EVENT_STORE."""
        return f"postgresql://{OWNER}:{PASSWORD}@127.0.0.1:{self.port}/{self.name}"

    @property
    def place(self):
        """How messages name it: without user and password."""
        return f"127.0.0.1:{self.port}/{self.name}"

    def connect(self, **options):
        return self.server.connect(self.name, **options)

    def run(self, statement, *values):
        return self.server.run(statement, *values, database=self.name)

    def exists(self):
        return bool(self.server.run("SELECT 1 FROM pg_database WHERE datname = %s", self.name))

    def is_empty(self):
        """Whether nothing of a log is there."""
        return not self.run("SELECT 1 FROM pg_namespace WHERE nspname = 'daybook'")

    def drop(self):
        self.server.run(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    def erase(self):
        """Makes it a database in which no log was ever; the log may not have it open."""
        self.run("DROP SCHEMA IF EXISTS daybook CASCADE")

    def copy(self):
        """A copy as it is; the log may not have it open."""
        # A session of a program that has just ended may need a moment to end, too.
        return _retry(lambda: self.server.create_database(TEMPLATE=f'"{self.name}"'))

    def replace_by(self, other):
        """Puts a copy in its place."""
        self.drop()
        _retry(lambda: self.server.run(f'CREATE DATABASE "{self.name}" TEMPLATE "{other.name}"'))

    def sessions(self):
        """The processes of the server that programs are connected with, but for this one."""
        rows = self.run(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
            " AND pid <> pg_backend_pid()", self.name,
        )  # fmt: skip
        return [pid for (pid,) in rows]

    def __str__(self):
        return self.url


def _retry(action, deadline=30.0):
    import psycopg

    end = time.monotonic() + deadline
    while True:
        try:
            return action()
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
