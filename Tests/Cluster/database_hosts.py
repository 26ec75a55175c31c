"""Three hosts with etcd, Patroni and PostgreSQL, of which one is the primary and another its synchronous standby."""

import json
import os
import secrets
import shutil
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import configuration
import isolation
import psycopg
import stale_patroni
from host import Host, Network
from services import wait_until

# From nothing; debug builds that start at the same time are slow.
START_DEADLINE = 120.0
# In which a cluster of which everything lives comes back by itself: rewound or copied anew at worst.
RECOVERY = 90.0
DISK = "400m"
ROLES = Path(__file__).resolve().parents[2] / "deploy" / "postgresql" / "roles.sql"
# The options of libpq beside the hosts: a silent host is abandoned after 3 s.
OPTIONS = (
    "target_session_attrs=read-write&connect_timeout=1&tcp_user_timeout=3000"
    "&keepalives=1&keepalives_idle=1&keepalives_interval=1&keepalives_count=3"
)


@dataclass(frozen=True)
class Ports:
    """Of every host. The usual ones, all moved by `offset`."""

    offset: int = 0

    postgresql = property(lambda self: 5432 + self.offset)
    etcd = property(lambda self: 2379 + self.offset)
    etcd_peer = property(lambda self: 2380 + self.offset)
    patroni = property(lambda self: 8008 + self.offset)
    append = property(lambda self: 5570 + self.offset)
    events = property(lambda self: 5571 + self.offset)
    read = property(lambda self: 5572 + self.offset)
    gateway = property(lambda self: 8080 + self.offset)
    query = property(lambda self: 8081 + self.offset)
    log = property(lambda self: 8082 + self.offset)

    @property
    def all(self):
        names = [name for name, member in vars(Ports).items() if isinstance(member, property) and name != "all"]
        return [getattr(self, name) for name in names]


class DatabaseHosts:
    """The three hosts; also what `postgresql.Database` calls a server.

    Nothing here waits for a fixed time: only for what is to be so.
    """

    def __init__(self, folder, network, ports=Ports(), disk=DISK):
        self.ports, self.network, self.disk = ports, network, disk
        self.restarted_patronis = 0
        self.hosts = []
        self.secrets = folder / "secrets"
        self.passwords = configuration.make_secrets(self.secrets)
        for number in (1, 2, 3):
            place = folder / f"host-{number}"
            place.mkdir(mode=0o755)
            self.hosts.append(Host(number, self.network, place))
        for host in self.hosts:
            self._prepare(host)

    def _prepare(self, host):
        isolation.mount_memory(host.disk, self.disk)
        programs = configuration.configure(host, self.hosts, self.secrets, self.ports, self.disk == DISK)
        host.programs = [json.dumps(program) for program in programs]
        if os.geteuid() == 0:
            for path in (host.folder, host.disk, host.folder / "patroni.yml"):
                shutil.chown(path, "postgres", "postgres")

    @property
    def port(self):
        return self.ports.postgresql

    def start(self):
        for host in self.hosts:
            host.start()
        self.wait_until_whole(START_DEADLINE)

    def host(self, name):
        return next(host for host in self.hosts if host.name == name)

    # ---- how it stands

    def members(self):
        """What Patroni says of every host, by name, from the first that answers; nothing if none does."""
        for host in self.hosts:
            try:
                with urllib.request.urlopen(f"http://{host.address}:{self.ports.patroni}/cluster", timeout=1) as answer:
                    return {member["name"]: member for member in json.load(answer)["members"]}
            except (OSError, ValueError, KeyError):
                # It is dead, or at a loss: another may know.
                continue
        return {}

    def primary(self):
        """The host that leads by Patroni's word, once there is one."""
        def leader():
            named = [name for name, member in self.members().items() if member["role"] == "leader"]
            return self.host(named[0]) if named else None

        return wait_until(leader, "Patroni names a leader", RECOVERY)

    def is_whole(self):
        """Whether the primary takes writes, with a synchronous standby and another that streams."""
        members = self.members()
        roles = sorted(member["role"] for member in members.values())
        # Of a standby, `running` or `streaming`, by version.
        states = {member["state"] for member in members.values()}
        if roles != ["leader", "replica", "sync_standby"] or not states <= {"running", "streaming"}:
            return False
        return self.streaming() == ["async", "sync"]

    def wait_until_whole(self, deadline=RECOVERY):
        def is_whole():
            self.restart_stale_patronis()
            return self.is_whole()

        wait_until(is_whole, "one primary, one synchronous standby and another standby", deadline)

    def restart_stale_patronis(self):
        """As whoever operates the hosts would: they do not recover by themselves."""
        self.restarted_patronis += sum(stale_patroni.restart(host) for host in self.hosts)

    def streaming(self):
        """How the standbys that the primary sends to count."""
        try:
            rows = self.run("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'")
        except psycopg.Error:
            # No host takes writes now.
            return []
        return sorted(state for (state,) in rows)

    # ---- SQL

    def address(self, user, database):
        """A connection string to whichever host takes writes."""
        hosts = ",".join(f"{host.address}:{self.ports.postgresql}" for host in self.hosts)
        return f"postgresql://{user}:{self.passwords[user]}@{hosts}/{database}?{OPTIONS}"

    def connect(self, database="postgres", user="postgres", **options):
        """A connection to it that commits each statement by itself, unless it begins a transaction."""
        return psycopg.connect(self.address(user, database), autocommit=True, **options)

    def run(self, statement, *values, database="postgres", user="postgres"):
        """Runs a statement on it; gives its rows, if it has any."""
        with self.connect(database, user) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def add_appender(self, role, database):
        """Makes a role that may append to the log in a database, as deploy/postgresql/roles.sql has it."""
        self.passwords[role] = secrets.token_hex(16)
        self.run(f"CREATE ROLE {role} LOGIN PASSWORD '{self.passwords[role]}'")
        statements = ROLES.read_text().replace(':"appender"', role).replace(':"reader"', "daybook_reader")
        lines = [line for line in statements.splitlines() if not line.startswith("--")]
        self.run("\n".join(lines), database=database, user="daybook_owner")

    # ---- what Patroni does when asked

    def switch_over(self):
        """Asks Patroni to let the synchronous standby lead; gives its HTTP status and words."""
        members = self.members()
        named = {member["role"]: name for name, member in members.items()}
        if not {"leader", "sync_standby"} <= set(named):
            return None
        body = json.dumps({"leader": named["leader"], "candidate": named["sync_standby"]}).encode()
        address = f"http://{self.host(named['leader']).address}:{self.ports.patroni}/switchover"
        try:
            with urllib.request.urlopen(urllib.request.Request(address, body), timeout=20) as answer:
                return answer.status, answer.read().decode()
        except OSError as error:
            return None, str(error)
