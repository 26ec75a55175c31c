"""Starts, freezes, kills and restarts the three services of Daybook, as real processes, for tests.

Every `Daybook` has a directory, a store and six ports of its own, so any number of them can run beside each other. The
programs are taken from the folder that DAYBOOK_BIN names, else from the debug build of this repository. The store is a file
of SQLite's, or with DAYBOOK_EVENT_STORE=postgresql a database of a server that the tests start.
"""

import atexit
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import postgresql
import secured
from client import Client, NoAnswer

PROGRAMS = Path(os.environ.get("DAYBOOK_BIN") or Path(__file__).resolve().parents[2] / ".build/debug")

# How long a test waits for what must come: the machine may be slow, and busy with other tests. What is there is not waited for.
PATIENCE = 60.0
START_DEADLINE = 90.0
# The contract: "exit 0 within 5 s". Asserted by tests that are about it, and marked `timing`.
STOP_DEADLINE = 5.0

# Settings of services that wait for the log as long as tests do, so that no command is refused because the machine is busy.
# Not if the log goes away under load: what it was asked is then not answered for as long.
PATIENT = {"EVENT_LOG_TIMEOUT": "60s", "COMMAND_DEADLINE": "60s"}
BY_DEFAULT = {"EVENT_LOG_TIMEOUT": "5s", "COMMAND_DEADLINE": "10s"}

_PREFIXES_OF_SETTINGS = (
    "EVENT_", "COMMAND_", "QUERY_", "SNAPSHOT_", "HTTP_", "ACCESS_", "PEER_", "ALLOW_INSECURE", "AUDIT_LOG", "CORE_DUMPS",
    "DAYBOOK_CA", "DAYBOOK_TOKEN", "DAYBOOK_CERTIFICATE", "DAYBOOK_PRIVATE_KEY", "LOG_LEVEL", "PORT",
)  # fmt: skip


def wait_until(condition, what, deadline=PATIENCE):
    """Waits until `condition()` is true and returns what it gave; an AssertionError names what was waited for."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= end:
            raise AssertionError(f"not within {deadline:g} s: {what}")
        time.sleep(0.01)


def freeze(pid):
    """Stops a process, and waits until it stands still: the signal is delivered to each of its threads in its turn."""
    stat = Path(f"/proc/{pid}/stat")

    def is_still():
        try:
            return stat.read_text().rpartition(")")[2].split()[0] in "TZX"
        except OSError:
            # It has ended meanwhile.
            return True

    try:
        os.kill(pid, signal.SIGSTOP)
    except ProcessLookupError:
        return
    wait_until(is_still, f"process {pid} is frozen")


class Ports:
    """Free TCP ports that stay free while the service that has them is down for a moment.

    They are taken from below the range that the system gives to outgoing connections. In that range, somebody else's
    connection could take the port of a killed service before it is back, and a client that tries to reach a port where
    nobody listens could by chance get that very port as its own and be connected with itself.
    """

    _given = set()

    @classmethod
    def take(cls):
        first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        # Each of several test processes has a range of its own.
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        width = (first_outgoing - 10_000) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        while True:
            port = 10_000 + worker * width + random.randrange(width)
            if port in cls._given:
                continue
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            cls._given.add(port)
            return port


def environment(settings):
    """The environment for a program: this one's without any settings of Daybook, and then `settings`."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(_PREFIXES_OF_SETTINGS)
    }
    return inherited | {name: str(value) for name, value in settings.items()}


class Service:
    """One of the three processes. It may be started again once it has ended; its output is kept in one file."""

    def __init__(self, program, port, settings, directory, secrets=None):
        self.program = program
        self.programs = PROGRAMS
        self.port = port
        self.settings = settings
        self.directory = directory
        # What comes before the program, such as what puts it into a network of its own; it must end as the program.
        self.prefix = []
        # Further variables of its environment.
        self.variables = {}
        # Its file mode creation mask; -1: that of the tests.
        self.umask = -1
        self.output_file = directory / f"{program}.log"
        self.process = None
        self.secrets = secrets or secured.default()
        self.client = Client(port, self.secrets)

    @property
    def pid(self):
        return self.process.pid

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def output(self):
        return self.output_file.read_text(errors="replace") if self.output_file.exists() else ""

    def start(self, wait=True):
        assert not self.is_running, f"{self.program} runs already"
        own = self.secrets.settings_of(self.program) if self.secrets else {}
        with open(self.output_file, "ab") as output:
            self.process = subprocess.Popen(
                [*self.prefix, self.programs / self.program],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.directory,
                env=environment(self.settings | own) | self.variables,
                umask=self.umask,
            )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self, deadline=START_DEADLINE):
        def is_ready():
            assert self.is_running, f"{self.program} ended with {self.process.returncode}:\n{self.output}"
            return self.health("/readyz") == 200

        wait_until(is_ready, f"/readyz of {self.program} is 200", deadline)

    def health(self, path, timeout=5.0):
        """The status of `/livez` or `/readyz`; None where there is no answer."""
        try:
            return self.client.get(path, timeout=timeout).status
        except NoAnswer:
            return None

    def figures(self):
        """The body of `/readyz`."""
        return self.client.get("/readyz").json

    def missing(self):
        """What `/readyz` says is missing, in one text; empty if nothing is, or if the service does not answer yet."""
        try:
            return "\n".join(self.figures().get("missing", []))
        except NoAnswer:
            return ""

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        """Ends the process as a loss of power would: it gets no chance to do anything more."""
        if self.is_running:
            self.send(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def restart(self, **settings):
        """Ends the process and starts it again, with some settings changed: a test prepares with patience what it then
        tries without."""
        self.kill()
        self.settings = self.settings | settings
        self.start()

    def freeze(self):
        freeze(self.pid)

    def thaw(self):
        self.send(signal.SIGCONT)

    def stop(self, number=signal.SIGTERM, deadline=PATIENCE):
        """Asks the process to end, and gives its exit code; fails where it does not end in time."""
        self.send(number)
        return self.wait_for_end(deadline)

    def wait_for_end(self, deadline=PATIENCE):
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.program} did not end within {deadline:g} s:\n{self.output[-4000:]}") from None


class Daybook:
    """The three services, with ports and a directory of their own. Used as a context it ends whatever it started."""

    def __init__(self, start=True, secrets=None, database=None, **settings):
        """Settings are given by their names in the environment; they go to all three services, as from one file.

        With secrets (`secured.Secrets`) it is in the secured form, whatever the form of the tests is. `database` is where
        its log is, for the functions of `store`; given, it is a database of PostgreSQL's that lasts longer than it.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="daybook-")
        self.directory = Path(self._folder.name)
        self._own_database = None
        if database is None and postgresql.IS_USED and "EVENT_STORE" not in settings:
            database = self._own_database = postgresql.shared().create_database()
        self.database = database or self.directory / "data" / "daybook.db"
        self.append_port, self.events_port, self.read_port = Ports.take(), Ports.take(), Ports.take()
        log_port, command_port, query_port = Ports.take(), Ports.take(), Ports.take()
        self.secrets = secrets or secured.default()
        self.settings = {
            "EVENT_STORE": database.url if database else f"sqlite:{self.database}",
            "EVENT_LOG_APPEND_ENDPOINT": f"tcp://127.0.0.1:{self.append_port}",
            "EVENT_LOG_EVENTS_ENDPOINT": f"tcp://127.0.0.1:{self.events_port}",
            "EVENT_LOG_READ_ENDPOINT": f"tcp://127.0.0.1:{self.read_port}",
            "EVENT_LOG_HTTP_ADDRESS": f"127.0.0.1:{log_port}",
            "COMMAND_HTTP_ADDRESS": f"127.0.0.1:{command_port}",
            "QUERY_HTTP_ADDRESS": f"127.0.0.1:{query_port}",
        } | (self.secrets.settings if self.secrets else {}) | settings
        self.event_log = Service("event-log-service", log_port, self.settings, self.directory, secrets)
        self.command = Service("command-service", command_port, self.settings, self.directory, secrets)
        self.query = Service("query-service", query_port, self.settings, self.directory, secrets)
        self.services = [self.event_log, self.command, self.query]
        atexit.register(self.close)
        if start:
            self.start()

    @property
    def gateway(self):
        """Speaks with the command service."""
        return self.command.client

    @property
    def queries(self):
        """Speaks with the query service."""
        return self.query.client

    def start(self, order=None):
        """Starts the services, at once, in the order given, and waits until each can do its job."""
        order = order or self.services
        try:
            for service in order:
                service.start(wait=False)
            for service in order:
                service.wait_until_ready()
        except BaseException:
            self.close()
            raise

    def kill(self):
        # All of them first, so that none sees another's end.
        for service in self.services:
            if service.is_running:
                service.send(signal.SIGKILL)
        for service in self.services:
            service.kill()

    def wait_until_caught_up(self, deadline=START_DEADLINE):
        """Waits until the query service reflects everything that the log holds now."""
        head = self.event_log.figures()["position"]
        wait_until(
            lambda: self.query.health("/readyz") == 200 and self.query.figures()["position"] >= head,
            f"the query service has reached position {head}",
            deadline,
        )

    def output(self, tail=6000):
        """The end of what each service wrote, for whoever must find out why a test failed."""
        return "\n".join(f"--- {service.program}\n{service.output[-tail:]}" for service in self.services)

    def close(self):
        self.kill()
        for service in self.services:
            service.client.close()
        if self._own_database:
            self._own_database.drop()
            self._own_database = None
        self._folder.cleanup()
        atexit.unregister(self.close)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
