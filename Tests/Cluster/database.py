"""Three hosts with etcd, Patroni and PostgreSQL, of which one is the primary and another its synchronous standby."""

import json
import os
import secrets
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass

import configuration
import isolation
from host import Host, Network, run
from services import wait_until

# From nothing; debug builds that start at the same time are slow.
START_DEADLINE = 60.0
# In which a cluster of which everything lives comes back by itself: rewound or copied anew at worst.
RECOVERY = 90.0
DISK = "400m"
BIN = "/usr/lib/postgresql/15/bin"
# What libpq is told beside the hosts: a host that is silent is given up after 3 s.
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


class Database:
    """The three hosts. Nothing here waits for a fixed time: only for what is to be so."""

    def __init__(self, folder, own_network, ports=Ports()):
        self.ports = ports
        self.network = Network(own_network)
        self.hosts = []
        self.passwords = {
            name: secrets.token_hex(16)
            for name in ("postgres", "replicator", "rewinder", "daybook_owner", "daybook_log", "daybook_reader")
        }
        for number in (1, 2, 3):
            place = folder / f"host-{number}"
            place.mkdir(mode=0o755)
            self.hosts.append(Host(number, self.network, place))
        for host in self.hosts:
            self._prepare(host)

    def _prepare(self, host):
        isolation.mount_memory(host.disk, DISK)
        settings = host.folder / "patroni.yml"
        settings.touch(mode=0o600)
        settings.write_text(
            configuration.patroni(host, self.hosts, self.ports, self.passwords, self.network.range)
        )
        if os.geteuid() == 0:
            for path in (host.folder, host.disk, settings):
                shutil.chown(path, "postgres", "postgres")
        # By Debian's own Python, whatever comes first in PATH.
        commands = [configuration.etcd(host, self.hosts, self.ports), ["/usr/bin/patroni", str(settings)]]
        host.commands = [json.dumps(command) for command in commands]

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
        wait_until(self.is_whole, "one primary, one synchronous standby and another standby", deadline)

    def streaming(self):
        """How the standbys that the primary sends to count."""
        try:
            found = self.sql("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'")
        except AssertionError:
            # No host takes writes now.
            return []
        return sorted(found.split())

    # ---- SQL

    def address(self, user, database):
        """A connection string to whichever host takes writes."""
        hosts = ",".join(f"{host.address}:{self.ports.postgresql}" for host in self.hosts)
        return f"postgresql://{user}:{self.passwords[user]}@{hosts}/{database}?{OPTIONS}"

    def sql(self, text, database="postgres", user="postgres", **variables):
        """What psql prints of statements, columns apart by tabs."""
        given = [option for name, value in variables.items() for option in ("-v", f"{name}={value}")]
        return run(
            f"{BIN}/psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", *given, "-f", "-",
            self.address(user, database), given=text,
        )  # fmt: skip

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

    def is_read_write(self):
        """Whether a connection that asks for a host that takes writes gets one, now."""
        done = subprocess.run(
            [f"{BIN}/psql", "-XqAtc", "SELECT 1", self.address("postgres", "postgres")], capture_output=True, timeout=30
        )
        return done.returncode == 0
