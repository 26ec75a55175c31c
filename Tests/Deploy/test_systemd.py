"""deploy/install on a machine on which systemd runs: the real one, in namespaces, with all the units' restrictions."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from client import Client
from deployment import ROOT
from services import NoAnswer, Ports, wait_until

NAMESPACES = ["--mount", "--pid", "--fork", "--mount-proc", "--cgroup", "--uts", "--ipc"]
UNITS = {"event-log": 3, "command": 4, "query": 5}
DEADLINE = 60.0

pytestmark = [
    pytest.mark.skipif(os.getuid() != 0, reason="only root can make a machine of its own"),
    pytest.mark.skipif(not (ROOT / ".build/release/daybook").exists(), reason="nothing is built for release"),
]


class Machine:
    """Namespaces in which systemd runs as the first process."""

    def __init__(self, folder):
        self.console = folder / "console"
        with self.console.open("wb") as console:
            self._process = subprocess.Popen(
                ["unshare", *NAMESPACES, "--kill-child", Path(__file__).parent / "boot", folder],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip
        wait_until(lambda: self._process.poll() is not None or self.is_running, "systemd runs", DEADLINE)

    @property
    def init(self):
        """The pid, outside, of the machine's first process."""
        pids = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return int(pids[0]) if pids else None

    @property
    def is_running(self):
        return self.init is not None and self.run("systemctl", "is-active", "multi-user.target").returncode == 0

    def run(self, *command):
        return subprocess.run(
            ["nsenter", "--all", f"--target={self.init}", f"--wd={ROOT}", *command],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def show(self, unit, what):
        return self.run("systemctl", "show", "--value", f"--property={what}", unit).stdout.strip()

    def close(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def machine():
    with tempfile.TemporaryDirectory(prefix="daybook-machine-") as folder:
        machine = Machine(Path(folder))
        try:
            if not machine.is_running:
                pytest.skip("no machine can be made here: " + machine.console.read_text(errors="replace")[-500:])
            yield machine
        finally:
            machine.close()


@pytest.fixture
def ports():
    return [Ports.take() for _ in range(6)]


def write_settings(machine, ports, *further):
    lines = [
        "EVENT_STORE=sqlite:/var/lib/daybook/daybook.db", "QUERY_CHECKPOINTS=/var/lib/daybook/query",
        f"EVENT_LOG_APPEND_ENDPOINT=tcp://127.0.0.1:{ports[0]}",
        f"EVENT_LOG_EVENTS_ENDPOINT=tcp://127.0.0.1:{ports[1]}",
        f"EVENT_LOG_READ_ENDPOINT=tcp://127.0.0.1:{ports[2]}", f"EVENT_LOG_HTTP_ADDRESS=127.0.0.1:{ports[3]}",
        f"COMMAND_HTTP_ADDRESS=127.0.0.1:{ports[4]}", f"QUERY_HTTP_ADDRESS=127.0.0.1:{ports[5]}", *further,
    ]  # fmt: skip
    script = 'mkdir -p /etc/daybook && cd /etc/daybook && printf "%s\\r\\n" "$@" >daybook.env && chmod 0640 daybook.env'
    assert machine.run("sh", "-c", script, "sh", *lines).returncode == 0


def is_ready(port):
    try:
        return Client(port).get("/readyz", timeout=5).status == 200
    except NoAnswer:
        return False


def test_installed_services_run_shut_off_come_back_and_go(machine, ports):
    write_settings(machine, ports)
    done = machine.run(ROOT / "deploy/install", "--no-build")
    assert done.returncode == 0, done.stderr
    for name, port in UNITS.items():
        unit = f"daybook-{name}.service"
        wait_until(lambda: is_ready(ports[port]), f"{unit} is ready", DEADLINE)
        assert machine.show(unit, "ActiveState") == "active", "it has said that it is ready"
        assert machine.show(unit, "UnitFileState") == "enabled"
    gateway = Client(ports[4])
    gateway.catches_up = True
    gateway.open("acc-001", "10")

    listed = machine.run("ls", "-ln", "/var/lib/daybook").stdout.splitlines()[1:]
    assert listed and all(line.startswith(("-rw-------", "drwx------")) for line in listed), listed
    pid = machine.show("daybook-event-log.service", "MainPID")
    status = Path("/proc", str(machine.init), "root", "proc", pid, "status")
    fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
    assert fields["Uid"].split()[0] != "0" and fields["CapBnd"] == "0" * 16
    assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"
    assert "ready" in machine.run("daybook", "status").stdout

    for name, port in UNITS.items():
        unit = f"daybook-{name}.service"
        former = machine.show(unit, "MainPID")
        machine.run("kill", "-9", former)
        wait_until(lambda: machine.show(unit, "MainPID") not in ("0", former), f"{unit} was started again", DEADLINE)
        wait_until(lambda: is_ready(ports[port]), f"{unit} is ready again", DEADLINE)
    wait_until(lambda: is_ready(ports[4]), "the gateway is ready", DEADLINE)
    assert gateway.post("acc-001", {"type": "Deposit", "amount": 5}).json["balance"] == 15

    # Once more: newer programs, the same settings, the same ledger.
    former = machine.show("daybook-command.service", "MainPID")
    done = machine.run(ROOT / "deploy/install", "--no-build")
    assert done.returncode == 0, done.stderr
    assert machine.show("daybook-command.service", "MainPID") != former
    wait_until(lambda: is_ready(ports[4]) and is_ready(ports[5]), "all are ready", DEADLINE)
    assert gateway.get("/accounts/acc-001").json["balance"] == 15

    done = machine.run(ROOT / "deploy/install", "--uninstall")
    assert done.returncode == 0, done.stderr
    assert not is_ready(ports[4])
    assert machine.run("ls", "/usr/local/lib/daybook").returncode != 0
    assert machine.run("ls", "/var/lib/daybook/daybook.db", "/etc/daybook/daybook.env").returncode == 0


def test_a_wrong_setting_is_not_tried_again(machine, ports):
    write_settings(machine, ports, "LOG_LEVEL=loud")
    machine.run(ROOT / "deploy/install", "--no-build")
    unit = "daybook-query.service"
    wait_until(lambda: machine.show(unit, "ActiveState") == "failed", f"{unit} has failed", DEADLINE)
    assert machine.show(unit, "ExecMainStatus") == "64" and machine.show(unit, "NRestarts") == "0"
