"""A host of the cluster: an address, a network of its own if it is to be cut off, and processes that die together."""

import errno
import os
import signal
import subprocess
from pathlib import Path

import isolation
from services import wait_until

HERE = Path(__file__).resolve().parent
BRIDGE = "daybook"


class Network:
    """Where the hosts are: on this machine's loopback interface, or each in a network namespace, on a bridge."""

    def __init__(self, is_own):
        self.is_own = is_own
        # That of the bridge, and of whoever is not on a host: clients.
        self.address = "10.77.0.1" if is_own else "127.0.0.1"
        self.range = "10.77.0.0/24" if is_own else "127.0.0.0/8"
        if is_own:
            run("ip", "link", "set", "lo", "up")
            run("ip", "link", "add", BRIDGE, "type", "bridge")
            run("ip", "address", "add", f"{self.address}/24", "dev", BRIDGE)
            run("ip", "link", "set", BRIDGE, "up")

    def address_of(self, number):
        return f"10.77.0.{10 + number}" if self.is_own else f"127.0.0.{10 + number}"


class Host:
    """One machine. `programs` are those that it starts by itself, as host_init.py reads them."""

    def __init__(self, number, network, folder):
        self.number, self.network, self.folder = number, network, folder
        self.name = f"host-{number}"
        self.address = network.address_of(number)
        # Of PostgreSQL alone: etcd is to go on if it is full.
        self.disk = folder / "disk"
        self.programs = []
        # How much of patroni.log was of a Patroni that was killed for being stale.
        self.patroni_read = 0
        self._first = None
        self._namespace = None
        if network.is_own:
            self._join(network)

    def _join(self, network):
        # The namespace lives as long as this process.
        self._namespace = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        own = os.readlink("/proc/self/ns/net")
        wait_until(lambda: self._network_namespace() != own, f"{self.name} has a network")
        outside, inside = f"out{self.number}", f"in{self.number}"
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", str(self._namespace.pid))
        run("ip", "link", "set", outside, "master", BRIDGE, "up")
        run(*self.prefix, "ip", "link", "set", "lo", "up")
        run(*self.prefix, "ip", "address", "add", f"{self.address}/24", "dev", inside)
        run(*self.prefix, "ip", "link", "set", inside, "up")

    def _network_namespace(self):
        return os.readlink(f"/proc/{self._namespace.pid}/ns/net")

    @property
    def prefix(self):
        """What comes before a command that is to run in the host's network."""
        return ["nsenter", f"--net=/proc/{self._namespace.pid}/ns/net"] if self._namespace else []

    # ---- its own processes

    @property
    def is_running(self):
        return self._first is not None and self._first.poll() is None

    def start(self):
        assert not self.is_running, f"{self.name} runs already"
        self.connect()
        # Debian's own, which Patroni needs, too: every user may run it.
        init = ["/usr/bin/python3", str(HERE / "host_init.py"), str(self.folder), *self.programs]
        if os.geteuid() == 0:
            # PostgreSQL does not run as root.
            init = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", *init]
        with open(self.folder / "host.log", "ab") as output:
            self._start(init, output)

    def _start(self, init, output):
        self._first = subprocess.Popen(
            [*self.prefix, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *init],
            # Nothing of the caller's Python.
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": str(self.folder)},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder, preexec_fn=isolation.end_with_parent,
        )  # fmt: skip

    def close(self):
        """Kills it, and takes its network away."""
        self.kill()
        if self._namespace:
            run("ip", "link", "delete", f"out{self.number}")
            self._namespace.kill()
            self._namespace.wait()

    def pids(self):
        """All processes in the host's PID namespace."""
        if not (namespace := _pid_namespace(self._first_inside())):
            return []
        return [int(pid) for pid in os.listdir("/proc") if pid.isdecimal() and _pid_namespace(pid) == namespace]

    def _first_inside(self):
        """The first process of the namespace: the child of the one that made it."""
        children = Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children")
        return int(next(iter(children.read_text().split()), 0))

    def pids_of(self, program):
        """Those that run a program: `etcd`, `patroni`, or `postgres`, the whole server."""
        return sorted(pid for pid in self.pids() if _text(pid, "comm").strip() == program)

    def receivers(self):
        """The processes by which the server receives what a primary sends."""
        return [pid for pid in self.pids_of("postgres") if "walreceiver" in _text(pid, "cmdline")]

    def kill(self):
        """As a loss of power does: all at once."""
        if self.is_running:
            # With the first process of a namespace all others are killed.
            send(self._first_inside(), signal.SIGKILL)
        if self._first is not None:
            self._first.wait()

    def freeze(self):
        for _ in range(3):
            # What was being started meanwhile, too.
            for pid in self.pids():
                send(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.pids():
            send(pid, signal.SIGCONT)

    # ---- its network

    def cut_off(self, *hosts):
        """Drops every packet from and to other hosts; without any given, also those of clients."""
        if hosts:
            addresses = "{ " + ", ".join(host.address for host in hosts) + " }"
            self._drop([f"ip saddr {addresses}"], [f"ip daddr {addresses}"])
        else:
            self._drop(['iifname != "lo"'], ['oifname != "lo"'])

    def cut_connections(self, ends):
        """Drops every packet of connections with (address, port), the others' ends."""
        self._drop(
            [f"ip saddr {address} tcp sport {port}" for address, port in ends],
            [f"ip daddr {address} tcp dport {port}" for address, port in ends],
        )

    def connect(self):
        """Undoes that."""
        self._filter("")

    def _drop(self, coming, going):
        assert self._namespace, "only a host with a network of its own can be cut off"
        lines = ["add table ip cut"]
        for hook, rules in (("input", coming), ("output", going)):
            lines.append(f"add chain ip cut {hook} {{ type filter hook {hook} priority 0; }}")
            lines += [f"add rule ip cut {hook} {rule} drop" for rule in rules]
        self._filter("\n".join(lines))

    def _filter(self, rules):
        if self._namespace:
            run(*self.prefix, "nft", "-f", "-", given=f"flush ruleset\n{rules}\n")

    # ---- its disk

    def fill_disk(self):
        """Leaves nothing free on the disk that PostgreSQL's files are on."""
        try:
            with open(self.disk / "filler", "wb", buffering=0) as filler:
                while True:
                    filler.write(bytes(65536))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def free_disk(self):
        (self.disk / "filler").unlink(missing_ok=True)


def run(*command, given=None, environment=None):
    """Runs a command to its end; fails with what it wrote."""
    done = subprocess.run(command, input=given, env=environment, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}: {done.stderr or done.stdout}\n{given or ''}")
    return done.stdout


def _pid_namespace(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        # It has ended.
        return None


def _text(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        # It has ended.
        return ""


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        # It has ended.
        pass
