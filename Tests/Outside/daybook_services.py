"""Starts and ends the real services for tests: each set has a temporary directory and ports of its own."""

from __future__ import annotations

import ctypes
import json
import os
import random
import resource
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

PROGRAMS = Path(os.environ.get("DAYBOOK_BIN") or Path(__file__).resolve().parents[2] / ".build/debug")
NAMES = ("event-log-service", "command-service", "query-service")

# How long a test waits for what must come: the machine may be slow, and busy with other tests. What is there is not waited for.
PATIENCE = 60.0
# The contract: "exit 0 within 5 s".
STOP_DEADLINE = 5.0

Value = TypeVar("Value")


def wait_for(what: str, condition: Callable[[], Value | None], deadline: float = PATIENCE) -> Value:
    """Waits until `condition()` gives something true, and returns it."""
    end = time.monotonic() + deadline
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {deadline:g} s: {what}"
        time.sleep(0.01)
    return value


@contextmanager
def at_once(*bodies: Callable[[], object]) -> Iterator[None]:
    """Runs functions in threads while the block goes on, and waits for their ends; fails as the first of them that fails."""
    with ThreadPoolExecutor(len(bodies)) as pool:
        running = [pool.submit(body) for body in bodies]
        yield
        for one in running:
            one.result()


_given_ports: set[int] = set()


def free_port() -> int:
    """A port below those that the system gives to outgoing connections: it stays free while its service is down.

    None is given twice: whoever has one may not have bound it yet.
    """
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    # Each of several test processes has a range of its own.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    width = (first_outgoing - 10_000) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    while True:
        port = 10_000 + worker * width + random.randrange(width)
        if port in _given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_ports.add(port)
        return port


def end_with_parent() -> None:
    """In a child before it becomes a service: has the system end it when the tests die without ending it themselves."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class Services:
    """The services of one directory. Used as a context, it ends those that it started, and only those."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="daybook-outside-")
        self.directory = Path(self._folder.name)
        self.database = self.directory / "daybook.db"
        ports = free_ports(6)
        self.append, self.events, self.read = (f"tcp://127.0.0.1:{port}" for port in ports[:3])
        self.zeromq_ports = ports[:3]
        self.addresses = {name: f"127.0.0.1:{port}" for name, port in zip(NAMES, ports[3:])}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.settings: dict[str, str] = {}
        """Further settings, of all services."""
        self.own_settings: dict[str, dict[str, str]] = {}
        """Further settings of single services, by their names."""
        self.open_files: int | None = None
        """The most files and connections that a service may have open, if it is not the system's limit."""

    def start(self, *names: str) -> None:
        """Starts services, all three by default, and waits until they are ready."""
        names = names or NAMES
        for name in names:
            assert name not in self.processes, f"{name} runs already"
            with open(self.directory / f"{name}.log", "ab") as output:
                self.processes[name] = subprocess.Popen(
                    [PROGRAMS / name], cwd=self.directory, env=self.environment(name), stdin=subprocess.DEVNULL,
                    stdout=output, stderr=subprocess.STDOUT, preexec_fn=self._prepare)  # fmt: skip
        for name in names:
            wait_for(f"{name} is ready", lambda: self._is_ready(name))

    def process(self, name: str = "event-log-service") -> subprocess.Popen[bytes]:
        return self.processes[name]

    def kill(self, name: str = "event-log-service") -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str = "event-log-service", deadline: float = PATIENCE) -> int:
        """Asks a service to end; gives its exit code."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(deadline)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{name} did not end within {deadline:g} s:\n{self.output(name)}") from None

    def readiness(self, name: str = "event-log-service") -> dict[str, Any]:
        """The body of `/readyz`, whatever its status."""
        try:
            with urllib.request.urlopen(f"http://{self.addresses[name]}/readyz", timeout=PATIENCE) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            body = error.read()
        return dict(json.loads(body))

    def command(self, account: str, **command: object) -> dict[str, Any]:
        """Sends a command to the gateway, again under its key while the log cannot be had, and gives the account."""
        request = urllib.request.Request(
            f"http://{self.addresses['command-service']}/accounts/{account}", json.dumps(command).encode(),
            {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())})  # fmt: skip

        def obeyed() -> dict[str, Any] | None:
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    return dict(json.loads(answer.read()))
            except urllib.error.HTTPError as error:
                if error.code not in (503, 504):
                    raise
                return None

        return wait_for(f"{command} is obeyed", obeyed)

    def resident_bytes(self, name: str = "event-log-service") -> int:
        lines = Path(f"/proc/{self.process(name).pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))

    def output(self, name: str = "event-log-service") -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")[-4000:]

    def __enter__(self) -> Services:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.kill(name)
        self._folder.cleanup()

    def _prepare(self) -> None:
        end_with_parent()
        if self.open_files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.open_files, self.open_files))

    def environment(self, name: str = "") -> dict[str, str]:
        """What a program is told: the settings of all services, and those of one."""
        settings = {
            "EVENT_STORE": f"sqlite:{self.database}",
            "EVENT_LOG_APPEND_ENDPOINT": self.append,
            "EVENT_LOG_EVENTS_ENDPOINT": self.events,
            "EVENT_LOG_READ_ENDPOINT": self.read,
            "EVENT_LOG_HTTP_ADDRESS": self.addresses["event-log-service"],
            "COMMAND_HTTP_ADDRESS": self.addresses["command-service"],
            "QUERY_HTTP_ADDRESS": self.addresses["query-service"],
        }
        others = ("EVENT_", "COMMAND_", "QUERY_", "LOG_LEVEL", "PEER_", "ALLOW_INSECURE", "AUDIT_LOG")
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(others)}
        return inherited | settings | self.settings | self.own_settings.get(name, {})

    def _is_ready(self, name: str) -> bool:
        process = self.processes[name]
        assert process.poll() is None, f"{name} ended with {process.returncode}:\n{self.output(name)}"
        try:
            return bool(self.readiness(name)["status"] == "ready")
        except OSError:
            return False


def free_ports(count: int) -> list[int]:
    return [free_port() for _ in range(count)]
